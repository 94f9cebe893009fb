/*
 * Model of src/index/chunk_index.c: does a look-up find every chunk that its snapshot sees?
 *
 * Writers insert a directory entry with the next number under the allot lock, raise the root's count, and commit or abort; one
 * of them may fail between entry and count, and vacuum then removes the entry, so that its number is given to another chunk.
 * Readers take a snapshot (the set of committed chunks), read the root, ask the index, read the rest from the directory, and add
 * what is missing, in turns of single steps, if they get the claim.  Who lacks the newest chunks only may claim first, and read
 * once what is both added and, so far as its snapshot sees it, returned.  An evicter may take the table away at any moment, in two
 * periods.  A reader must return each chunk of its snapshot.
 *
 * BREAK=1: the index is believed complete up to the root's count at the end of loading instead of the beginning.
 * BREAK=2: the root is not read: the index's own count is believed.
 * BREAK=3: entries beyond the root's count are added, and count as complete.
 * BREAK=4: loading sees only what its snapshot sees.
 * BREAK=6: who claims first returns what it read after the index's "complete", not after that of its own look-up.
 * BREAK=5: nodes of an evicted table are unlinked without waiting for who found it alive.
 * With each of them the check must fail.
 */
#ifndef BREAK
#define BREAK 0
#endif
#define WRITERS 2
#define READERS 2
#define NUMBERS 3			/* change numbers 1 .. NUMBERS; chunk w is writer w's; one more is there at the beginning */

#define NONE 255

/* directory: who has number n; two can have one number, when one is dead, but vacuum comes before that here */
byte directory[NUMBERS + 1];
byte root = 0;
byte committed = 0;			/* bit w */
bit allot = 0;

/* index */
byte node[NUMBERS + 1];		/* chunk with number n, NONE = not linked */
byte complete = 0;
byte live = 0;				/* generation, 0 = absent */
byte generation = 0;
bit claim = 0;
bit in_epoch[READERS];

proctype writer(byte me)
{
	byte n;

	/* under the allot lock nobody else writes these: only steps that readers can see are steps */
	atomic {
		allot == 0 -> allot = 1;
		n = root + 1;
		/* pass over leftovers */
		do
		:: n <= NUMBERS && directory[n] != NONE -> n++
		:: else -> break
		od;
		if
		:: n > NUMBERS -> allot = 0; goto done
		:: else
		fi;
		directory[n] = me
	};
	if
	:: atomic { root = n; allot = 0 };
		if
		:: committed = committed | (1 << me)
		:: skip				/* aborts */
		fi
	:: me == 0 ->			/* fails before the root; vacuum */
		atomic { allot = 0; directory[n] = NONE }
	fi;
done:
	skip
}

proctype reader(byte me; byte rounds)
{
	byte snapshot;
	byte m;
	byte c;
	byte found;				/* bit w */
	byte gen;
	byte mygen;
	byte i;
	byte batch[NUMBERS + 1];
	byte upto;
	bit once;				/* claims first */

again:
	skip;
	/* 1 */
	d_step { found = 0; c = 0; gen = 0; mygen = 0; upto = 0; once = 0; i = 1; snapshot = committed };
	m = root;
	/* 2 */
	in_epoch[me] = 1;
	gen = live;
	if
	:: gen != 0 ->
		c = complete;
		i = 1;
		do
		:: i <= NUMBERS ->
			d_step {
				if
				:: i <= c && node[i] != NONE -> found = found | (1 << node[i])
				:: else
				fi;
				i++
			}
		:: else -> break
		od
	:: else
	fi;
	in_epoch[me] = 0;
	/* 3: the rest with the snapshot: an index scan, entry by entry */
	if
	:: BREAK == 2 && gen != 0 -> m = c
	:: else
	fi;
	if
	:: gen != 0 && c < m -> once = 1; goto claiming
	:: skip
	fi;
plainly:
	if
	:: c < m ->
		i = c + 1;
		do
		:: i <= NUMBERS ->
			d_step {
				if
				:: directory[i] != NONE && (snapshot & (1 << directory[i])) -> found = found | (1 << directory[i])
				:: else
				fi;
				i++
			}
		:: else -> break
		od
	:: else
	fi;
	/* hits are confirmed: what the snapshot does not see falls out */
	assert((found & snapshot) == snapshot);

	/* 4 */
	if
	:: c >= m || once -> goto next
	:: else
	fi;
claiming:
	atomic {
		if
		:: claim == 0 ->
			claim = 1;
			if
			:: live == 0 ->
				generation++;
				live = generation;
				complete = 0
			:: else
			fi;
			mygen = live;
			if
			:: once && BREAK != 6 && (complete < c || complete >= m) -> claim = 0; goto plainly
			:: once && BREAK != 6 && complete >= c && complete < m -> skip	/* reads after c, as its look-up needs, though complete may be more */
			:: else -> c = complete
			fi
		:: else -> if :: once -> goto plainly :: else -> goto next fi
		fi
	};
	i = c + 1;
	do
	:: i <= NUMBERS ->
		d_step {
			batch[i] = directory[i];
			if
			:: BREAK == 4 && batch[i] != NONE && !(snapshot & (1 << batch[i])) -> batch[i] = NONE
			:: else
			fi;
			if
			:: once && batch[i] != NONE && (snapshot & (1 << batch[i])) -> found = found | (1 << batch[i])
			:: else
			fi;
			i++
		}
	:: else -> break
	od;
	upto = m;
	if
	:: BREAK == 1 -> upto = root
	:: BREAK == 3 ->
		i = NUMBERS;
		do
		:: i > m && batch[i] == NONE -> i--
		:: else -> break
		od;
		upto = i
	:: else
	fi;
	/* nodes go in one by one; the table may be taken away, which the adder sees at the next batch */
	i = c + 1;
	do
	:: i <= upto ->
		atomic {
			if
			:: live == mygen -> node[i] = batch[i]
			:: else
			fi
		};
		i++
	:: else -> break
	od;
	atomic {
		if
		:: live == mygen && upto > complete -> complete = upto
		:: else
		fi
	};
	atomic {
		if
		:: live == mygen -> claim = 0
		:: else
		fi
	};
	assert(!once || (found & snapshot) == snapshot);
next:
	if
	:: rounds > 1 -> rounds--; goto again
	:: else
	fi
}

proctype evicter()
{
	byte i = 1;

	/* DEAD, first period, unlinked.  A table of a new generation has nodes of its own; here there is one set of them, so it comes after */
	if
	:: live != 0 && claim == 0 ->
		atomic {
			if
			:: live != 0 && claim == 0 -> live = 0; claim = 1
			:: else -> goto done
			fi
		};
		do
		:: BREAK != 5 && i <= READERS -> in_epoch[i - 1] == 0 -> i++
		:: else -> break
		od;
		i = 1;
		do
		:: i <= NUMBERS -> node[i] = NONE; i++
		:: else -> break
		od;
		claim = 0
	:: skip
	fi;
done:
	skip
}

init
{
	atomic {
		byte i = 0;
		do
		:: i <= NUMBERS -> directory[i] = NONE; node[i] = NONE; i++
		:: else -> break
		od;
		directory[1] = WRITERS;
		root = 1;
		committed = 1 << WRITERS;
		i = 0;
		do
		:: i < WRITERS -> run writer(i); i++
		:: else -> break
		od;
		i = 0;
		do
		:: i < READERS -> run reader(i, 1); i++
		:: else -> break
		od;
		run evicter()
	}
}
