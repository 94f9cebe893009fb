/*
 * Model of src/index/epoch.h: is memory ever used again while a reader can be at it?
 *
 * READERS processes follow a link to a node and look at it twice; a remover unlinks it, stamps it, raises the epoch, reads all
 * slots and uses the node for something else; then it links it anew, LIVES times.  Stores of slots and links
 * go through a store buffer of one entry (as on x86: a load may overtake an earlier store), which a fence empties.
 *
 * BREAK=1: no fence at enter.  BREAK=2: the remover does not read the slots.  BREAK=3: the stamp is taken before the unlinking.
 * BREAK=4: no fence between unlinking and reading the slots.  With each of them the check must fail.
 */
#ifndef BREAK
#define BREAK 0
#endif
#define READERS 2
#define LIVES 2

byte epoch = 1;
byte slot[READERS];		/* 0 = idle */
bit linked = 1;			/* the link leads to the node */
bit freed = 0;			/* the node is something else */

/* the remover's store buffer: unlinking not yet seen by others */
bit unlink_buffered = 0;

inline remover_flush()
{
	if
	:: unlink_buffered -> linked = 0; unlink_buffered = 0
	:: else
	fi
}

proctype reader(byte me)
{
	byte e;
	bit buffered;
	bit found;
	byte lives = 0;

	do
	:: lives < LIVES ->
		lives++;
		/* enter: the slot's store may be late until the fence */
		e = epoch;
		buffered = 1;
		if
		:: atomic { slot[me] = e; buffered = 0 }
		:: skip
		fi;
		if
		:: BREAK != 1 -> atomic { if :: buffered -> slot[me] = e; buffered = 0 :: else fi }	/* (E1) */
		:: else
		fi;
		/* follow the link; stand on what it led to */
		found = linked;
		if
		:: found -> assert(!freed)
		:: else
		fi;
		atomic { if :: buffered -> slot[me] = e; buffered = 0 :: else fi };
		if
		:: found -> assert(!freed)
		:: else
		fi;
		/* leave (E5) */
		slot[me] = 0
	:: else -> break
	od
}

proctype remover()
{
	byte stamp;
	byte oldest;
	byte seen;
	byte i;
	byte lives = 0;

	do
	:: lives < LIVES ->
		lives++;
		if
		:: BREAK == 3 -> stamp = epoch; epoch++
		:: else
		fi;
		unlink_buffered = 1;
		/* seen by others now, or not before the fence */
		if
		:: atomic { remover_flush() }
		:: skip
		fi;
		if
		:: BREAK != 3 && BREAK != 4 -> atomic { remover_flush() }; stamp = epoch	/* (E2) */
		:: BREAK == 4 -> stamp = epoch
		:: else
		fi;
		/* tries again until nobody is left, as later calls of reclaim() do */
		do
		:: 	epoch++;
			oldest = epoch;
			/* the addition is a fence on x86; (E2) makes it one everywhere */
			if
			:: BREAK != 4 -> atomic { remover_flush() }
			:: else
			fi;
			i = 0;
			do
			:: i < READERS ->
				d_step {
					seen = slot[i];
					if
					:: BREAK != 2 && seen != 0 && seen < oldest -> oldest = seen
					:: else
					fi;
					seen = 0;
					i++
				}
			:: else -> break
			od;
			if
			:: stamp < oldest -> break
			:: else -> if :: epoch > 8 -> goto done :: else fi
			fi
		od;
		/* used for something else, (E6), and later a node again */
		freed = 1;
		atomic { remover_flush() };
		freed = 0;
		linked = 1
	:: else -> break
	od;
done:
	skip
}

init
{
	atomic {
		byte i = 0;
		do
		:: i < READERS -> run reader(i); i++
		:: else -> break
		od;
		run remover()
	}
}
