/*-------------------------------------------------------------------------
 * interval_index.c
 *	  Intervals of many tables in one piece of memory that many processes share.
 *
 * Used by chunk_index.c and tests/.  README.md of this folder has pictures and arguments.
 *
 * Interval hashing: an interval of less than 2^L lies in at most two of the pieces that 2^L cuts the time axis into.  Its node
 * is in one bucket, that of the piece where it begins; a look-up of [t1, t2] visits, on each level L in use,
 * the pieces from (t1 >> L) - 1 to t2 >> L.
 *
 * Table	States		FREE -> LIVE(generation) -> DEAD -> FREE; all by the holder of the token.
 *			DEAD is not found any more.  When all who may have found it LIVE have left their epoch, its nodes are unlinked and it
 *			is FREE; when all who may stand on those have left, its slabs are free.  Two periods, because who found the table LIVE may
 *			still link a node to it, and must find all that it promised; the second one because chains are shared with other tables.
 * Node		States		EMPTY -> USED (by the adder) -> DEAD -> UNLINKED (by the holder of the token).
 * Orderings	(E3) publish: fill node; WRITE fence; USED; full fence of the compare-and-swap that links it;
 *				 full fence of the one that changes "complete".									pairs with (E4)
 *				(E4) follow: load complete, link or state; READ fence; load what it promises.		pairs with (E3)
 * Linearisation	find: its load of "complete"; add: its store of it.
 *
 * Lists have one remover (the token's holder), and adders that push at their heads, so nothing marks links: only the remover
 * changes a link that is not a head, and a head changes by compare-and-swap.  A head cannot come back while
 * somebody is about to swap it, as slabs are not used again within an epoch.
 *
 * Reads	A word a node, in lines of their own: nodes are written once, and look-ups need not have these lines.  Whoever has read a chunk loads its
 *			word and stores another one, relaxed both: at most one store a chunk and period takes.  It is a hint.  Of
 *			two who store at once, one's period is lost, which was the same; nothing depends on it that must be right.
 *
 * Token	tried for, never waited for.  Its holder does not die, but with the whole server: callers block signals.
 *-------------------------------------------------------------------------
 */
/* inline forms of the stack: LGPL-compatible, as this project is */
#define _LGPL_SOURCE 1
#include <urcu/lfstack.h>

#include "epoch.h"
#include "../injection.h"
#include "interval_index.h"

#include <stdlib.h>
#include <string.h>

#define LINE			TSDB_LINE_BYTES
#define SLAB_NODES		32		/* a table takes at least one: 3.7 KB */
#define GROUP_TABLES	8		/* places where a key can be */
#define LEVEL_MAX		62		/* 2^63 and more: among the loose ones; also keeps (t >> L) - 1 from overflowing */
#define LEVEL_LOOSE		63
#define BATCH			256		/* nodes added in one epoch */
#define AHEAD			32		/* buckets looked at together */
#define FIND_NODES		64		/* visited for one that is looked for by itself, at most: it is only to be counted */
#define IN_USE_S		2		/* a table that was used so many seconds ago is not evicted */
#define RETRY_S			5		/* nothing is added to a table for so long, when there was no room */
#define ROOM_SLABS		16		/* made at once */

/* For the stress test, which must notice that a step of the protocol is missing: t/020_index.sh builds it with each. */
#ifdef TSDB_INDEX_BREAK
#define broken(step) ((step) == TSDB_INDEX_BREAK)
#else
#define broken(step) false
#endif

/* node states */
#define NODE_EMPTY		0u
#define NODE_USED		1u
#define NODE_DEAD		2u		/* for all; or-ed to USED */
#define NODE_UNLINKED	4u
#define NODE_FLAGS		0xffu
#define NODE_COVERED	8		/* above: bit k = the filter covers the table's bloom_attnums[k] */

typedef struct Node
{
	uint32_t	next;			/* in the bucket, node number + 1; written by the token's holder once linked */
	/* immutable from USED on */
	uint32_t	change;
	uint32_t	chunk_id;
	uint32_t	block;
	uint16_t	offset;
	int16_t		time_attnum;
	uint16_t	table;
	uint8_t		flags;			/* TSDB_IX_* */
	uint8_t		level;			/* LEVEL_LOOSE: in no bucket */
	uint32_t	state;
	uint32_t	generation;
	int64_t		time_min;
	int64_t		time_max;
	uint64_t	bloom[2];		/* the first two of eight words, the others are in the slab */
} __attribute__((aligned(LINE))) Node;

_Static_assert(sizeof(Node) == LINE, "a node is one cache line");
_Static_assert(offsetof(Node, time_min) == 32 && offsetof(Node, bloom) == 48, "no padding in nodes");

typedef struct Slab
{
	struct cds_lfs_node free;	/* in the stack of free ones */
	uint32_t	next;			/* in the table's list, slab number + 1 */
	uint32_t	nused;			/* by the claim's holder */
	uint64_t	owner;			/* table_word() of the table, 0 = none */
	/* by the token's holder */
	uint32_t	nunlinked;
	uint32_t	pending_next;
	uint64_t	stamp;
	Node		nodes[SLAB_NODES];
	uint64_t	bloom[SLAB_NODES][6];
	uint32_t	reads[SLAB_NODES];	/* reads_make() of each node; anybody, relaxed, once a period */
} __attribute__((aligned(LINE))) Slab;

_Static_assert(offsetof(Slab, nodes) == LINE, "a slab's own fields are one line");
_Static_assert(offsetof(Slab, reads) % LINE == 0 && sizeof(((Slab *) 0)->reads) % LINE == 0, "reads share no line with what look-ups read");
_Static_assert(sizeof(Slab) == LINE * (1 + SLAB_NODES) + 52 * SLAB_NODES, "118 bytes a node");
_Static_assert(sizeof(Slab) * 100 / SLAB_NODES + 8 * 100 <= 12800, "with up to two buckets a node: at most 128 bytes");

#define TABLE_FREE		0u
#define TABLE_LIVE		1u
#define TABLE_DEAD		2u
#define state_make(generation, status)	((uint64_t) (generation) << 2 | (status))
#define state_status(state)				((uint32_t) ((state) & 3))
#define state_generation(state)			((uint32_t) ((state) >> 2))

/*
 * A look-up reads lines 0 and 1 of its table.  Whoever adds a chunk writes one word of line 1, and nothing else there: each of these
 * writes costs every reader on another processor a miss.
 */
typedef struct Table
{
	/* immutable while LIVE, but for attnum and base, which change once, before the first timed node is promised */
	uint64_t	state;
	TsdbIxKey	key;
	int16_t		time_attnum;	/* 0 = not chosen yet */
	uint8_t		base;			/* lowest level */
	uint64_t	incarnation;
	int16_t		bloom_attnums[TSDB_IX_BLOOM_COLUMNS];	/* 0 = none yet; set before the first node that covers it */
	/* by the claim's holder, seldom */
	uint64_t	levels;			/* bit L: there are nodes on level L */
	uint32_t	loose;			/* list head of slabs of loose nodes, number + 1; push by compare-and-swap */
	/* by the token's holder */
	uint32_t	ndead;
	/* by the claim's holder for each batch, and the token's holder; by compare-and-swap */
	uint64_t	progress __attribute__((aligned(LINE)));	/* progress_make() */
	/* anybody, once a second */
	uint32_t	last_used;
	/* by the claim's holder; look-ups do not read it */
	uint32_t	adding __attribute__((aligned(LINE)));	/* the claim: proc + 1, 0 = nobody */
	uint32_t	timed;			/* list head of slabs of timed nodes, as "loose"; read by look-ups that walk all of them */
	uint32_t	nslabs;
	uint32_t	nloaded;		/* nodes when base was chosen */
	uint32_t	no_add_until;	/* seconds */
	/* by the token's holder */
	uint32_t	dead_next;		/* list of DEAD tables, number + 1 */
	uint32_t	dying;			/* its slabs when it became DEAD */
	uint64_t	stamp;
} __attribute__((aligned(LINE))) Table;

_Static_assert(offsetof(Table, progress) == LINE && offsetof(Table, adding) == 2 * LINE && sizeof(Table) == 3 * LINE,
			   "what readers read, what changes with each chunk, and what only adders read have a line each");

/* All of change numbers up to "complete" are linked; nodes, dead ones too.  One word, so that a look-up loads it once. */
#define progress_make(complete, nnodes)	((uint64_t) (nnodes) << 32 | (complete))
#define progress_complete(progress)		((uint32_t) (progress))
#define progress_nnodes(progress)		((uint32_t) ((progress) >> 32))

struct TsdbIx
{
	/* immutable; pointers are the same in every process */
	TsdbEpoch  *epoch;
	Table	   *tables;
	uint32_t   *buckets;		/* node number + 1 */
	Slab	   *slabs;
	size_t		bytes;
	uint32_t	ntables;
	uint32_t	nslabs;
	uint32_t	bucket_mask;
	uint32_t	began;			/* seconds */
	/* the right to remove */
	uint32_t	token __attribute__((aligned(LINE)));	/* proc + 1 */
	/* by the token's holder */
	uint32_t	pending_head;
	uint32_t	pending_tail;
	uint32_t	npending;
	uint32_t	dead_tables;
	uint32_t	ndying;			/* slabs of DEAD tables */
	/* adders pop, the token's holder pushes */
	struct __cds_lfs_stack free_slabs __attribute__((aligned(LINE)));
	uint32_t	nfresh;			/* slabs from here on were never used: so memory is touched when it is needed */
	uint32_t	nfree;			/* of both */
} __attribute__((aligned(LINE)));

_Static_assert(offsetof(TsdbIx, token) == LINE && offsetof(TsdbIx, free_slabs) == 2 * LINE, "what changes is apart");

/*-------------- arithmetic --------------*/

static inline uint64_t
mix(uint64_t x)
{
	x ^= x >> 32;
	x *= UINT64_C(0xd6e8feb86659fd93);
	x ^= x >> 32;
	x *= UINT64_C(0xd6e8feb86659fd93);
	return x ^ x >> 32;
}

static inline uint64_t
table_word(uint32_t table, uint32_t generation)
{
	return (uint64_t) generation << 32 | (table + 1);
}

/* Pieces side by side have buckets side by side: a look-up's heads are on one or two lines. */
static inline uint32_t
bucket_of(const TsdbIx *ix, uint64_t word, unsigned level, int64_t piece)
{
	uint64_t	h = mix(word * 64 + level + mix((uint64_t) (piece >> 4)));

	return (uint32_t) (h << 4 | (piece & 15)) & ix->bucket_mask;
}

/* >> of a negative number is arithmetic in gcc and clang */
_Static_assert((INT64_C(-3) >> 1) == -2, "arithmetic shift");

static unsigned
level_of(uint64_t range)
{
	return range == 0 ? 0 : 64 - __builtin_clzll(range);
}

/* Of a chunk of the table's time column. */
static unsigned
level_in(const Table *table, const TsdbIxEntry *entry)
{
	unsigned	level = level_of((uint64_t) entry->time_max - (uint64_t) entry->time_min);

	return level < table->base ? table->base : level > LEVEL_MAX ? LEVEL_LOOSE : level;
}

static inline Slab *
slab_at(const TsdbIx *ix, uint32_t number)
{
	return &ix->slabs[number];
}

static inline Node *
node_at(const TsdbIx *ix, uint32_t number)
{
	return &ix->slabs[number / SLAB_NODES].nodes[number % SLAB_NODES];
}

static inline uint32_t *
slab_list(Table *table, int loose)
{
	return loose ? &table->loose : &table->timed;
}

/* Also a full fence. */
static void
progress_change(Table *table, bool set_complete, uint32_t complete, int32_t more_nodes)
{
	uint64_t	old;
	uint64_t	new;

	do
	{
		old = uatomic_read(&table->progress);
		new = progress_make(set_complete ? complete : progress_complete(old), progress_nnodes(old) + (uint32_t) more_nodes);
	} while (uatomic_cmpxchg(&table->progress, old, new) != old);
}

static inline uint32_t
count_add(TsdbIx *ix, uint32_t proc, int which)
{
	uint64_t   *count = &ix->epoch->slots[proc].count[which];

	/* only the owner writes */
	uatomic_set(count, *count + 1);
	return 0;
}

void
tsdb_ix_count(TsdbIx *ix, uint32_t proc, int which)
{
	count_add(ix, proc, which);
}

/*-------------- memory --------------*/

static size_t
line_up(size_t bytes)
{
	return (bytes + LINE - 1) & ~(size_t) (LINE - 1);
}

size_t
tsdb_ix_min_bytes(uint32_t nprocs)
{
	return line_up(sizeof(TsdbIx)) + tsdb_epoch_bytes(nprocs) + 2 * GROUP_TABLES * sizeof(Table) +
		4 * sizeof(Slab) + 4 * SLAB_NODES * sizeof(uint32_t) * 2;
}

TsdbIx *
tsdb_ix_init(void *memory, size_t bytes, uint32_t nprocs, uint32_t now)
{
	TsdbIx	   *ix = memory;
	char	   *at = memory;
	size_t		left;
	uint32_t	nbuckets = 16;

	if (bytes < tsdb_ix_min_bytes(nprocs) || (uintptr_t) memory % LINE != 0)
		return NULL;
	ix->bytes = bytes;
	ix->began = now;
	at += line_up(sizeof(TsdbIx));
	ix->epoch = (TsdbEpoch *) at;
	tsdb_epoch_init(ix->epoch, nprocs);
	at += tsdb_epoch_bytes(nprocs);

	/* a table for every 32 KB: with fewer chunks than that holds, slabs are the limit anyway */
	left = bytes - (at - (char *) memory);
	ix->ntables = GROUP_TABLES * 2;
	while (ix->ntables < 16384 && (size_t) ix->ntables * 2 * 32768 <= left)
		ix->ntables *= 2;
	ix->tables = (Table *) at;
	at += ix->ntables * sizeof(Table);

	/* as many buckets as nodes at least, twice as many at most */
	left = bytes - (at - (char *) memory);
	while ((size_t) nbuckets * (sizeof(Slab) / SLAB_NODES + sizeof(uint32_t)) < left && nbuckets < UINT32_C(1) << 31)
		nbuckets *= 2;
	ix->bucket_mask = nbuckets - 1;
	if (left < line_up(nbuckets * sizeof(uint32_t)) + sizeof(Slab))
		return NULL;
	ix->buckets = (uint32_t *) at;
	at += line_up(nbuckets * sizeof(uint32_t));

	left = bytes - (at - (char *) memory);
	ix->slabs = (Slab *) at;
	ix->nslabs = left / sizeof(Slab) < UINT32_MAX / SLAB_NODES ? left / sizeof(Slab) : UINT32_MAX / SLAB_NODES - 1;
	___cds_lfs_init(&ix->free_slabs);
	ix->nfree = ix->nslabs;
	return ix;
}

size_t
tsdb_ix_capacity(const TsdbIx *ix)
{
	return (size_t) ix->nslabs * SLAB_NODES;
}

size_t
tsdb_ix_bytes_per_chunk_x100(const TsdbIx *ix)
{
	return ix->bytes * 100 / tsdb_ix_capacity(ix);
}

/*-------------- finding --------------*/

/* Within an epoch, or with the token: stays what it is meanwhile, but may become DEAD. */
static Table *
table_find(TsdbIx *ix, const TsdbIxKey *key, uint64_t *state)
{
	uint64_t	h = mix((uint64_t) key->relation << 32 | key->database) ^ mix(key->tablespace);
	Table	   *group = &ix->tables[h % (ix->ntables / GROUP_TABLES) * GROUP_TABLES];

	for (int i = 0; i < GROUP_TABLES; i++)
	{
		Table	   *table = &group[i];

		*state = uatomic_read(&table->state);
		if (state_status(*state) != TABLE_LIVE)
			continue;
		cmm_smp_rmb();			/* (E4) */
		if (table->key.relation == key->relation && table->key.database == key->database &&
			table->key.tablespace == key->tablespace)
			return table;
	}
	return NULL;
}

typedef struct Look
{
	const TsdbIx *ix;
	const TsdbIxQuery *query;
	const Table *table;
	uint32_t	complete;
	TsdbIxHit  *hits;
	size_t		maxhits;
	size_t		nhits;
} Look;

static inline void
consider(Look *look, const Node *node, uint32_t number)
{
	const TsdbIxQuery *query = look->query;
	uint32_t	state;

	if (node->change > look->complete)
		return;
	if (query->has_time && node->time_attnum == query->time_attnum)
	{
		if (node->flags & TSDB_IX_TIME)
		{
			if (node->time_max < query->time_min || node->time_min > query->time_max)
				return;
		}
		else if (node->flags & TSDB_IX_TIME_NULLS)
			return;
	}
	state = uatomic_read(&node->state);
	if (state & NODE_DEAD)
		return;
	if (query->may_match != NULL && (node->flags & TSDB_IX_BLOOM))
	{
		uint64_t	bloom[8];

		memcpy(bloom, node->bloom, sizeof(node->bloom));
		memcpy(bloom + 2, slab_at(look->ix, number / SLAB_NODES)->bloom[number % SLAB_NODES], 6 * sizeof(uint64_t));
		if (!query->may_match(bloom, look->table->bloom_attnums, state >> NODE_COVERED, query->arg))
			return;
	}
	if (look->nhits < look->maxhits)
	{
		TsdbIxHit  *hit = &look->hits[look->nhits];

		hit->change = node->change;
		hit->chunk_id = node->chunk_id;
		hit->block = node->block;
		hit->offset = node->offset;
		hit->node = number;
	}
	look->nhits++;
}

static void
walk_slabs(Look *look, uint32_t link)
{
	while (link != 0)
	{
		uint32_t	first = (link - 1) * SLAB_NODES;
		Slab	   *slab;
		uint32_t	nused;

		cmm_smp_rmb();			/* (E4) */
		slab = slab_at(look->ix, link - 1);
		nused = uatomic_read(&slab->nused);
		cmm_smp_rmb();			/* (E4) */
		for (uint32_t i = 0; i < nused; i++)
		{
			if (uatomic_read(&slab->nodes[i].state) == NODE_EMPTY)
				continue;
			cmm_smp_rmb();		/* (E4) */
			consider(look, &slab->nodes[i], first + i);
		}
		link = uatomic_read(&slab->next);
	}
}

typedef struct Piece
{
	int64_t		piece;
	uint32_t	level;
	uint32_t	bucket;
	uint32_t	link;
} Piece;

/* Chains of several pieces, so that their cache misses overlap. */
static void
walk_pieces(Look *look, Piece *pieces, int n, uint32_t number, uint32_t generation)
{
	const TsdbIx *ix = look->ix;

	for (int i = 0; i < n; i++)
	{
		pieces[i].link = uatomic_read(&ix->buckets[pieces[i].bucket]);
		if (pieces[i].link != 0)
		{
			uint32_t	at = pieces[i].link - 1;
			const Node *node = node_at(ix, at);

			__builtin_prefetch(node);

			/*
			 * Chunks of one piece have mostly come one after the other, the newest is the first of its chain, and so the next node is mostly
			 * the one before it in memory: fetched at once, it is no second miss that waits for the first.  (Not in a function of
			 * its own: gcc 12 leaves out calls of functions that only prefetch.)
			 */
			if (at % SLAB_NODES != 0)
				__builtin_prefetch(node - 1);
			if (look->query->may_match != NULL)
			{
				const uint64_t *bloom = slab_at(ix, at / SLAB_NODES)->bloom[at % SLAB_NODES];

				/* 48 bytes, on one line or two */
				__builtin_prefetch(bloom);
				__builtin_prefetch(bloom + 5);
			}
		}
	}
	while (n > 0)
	{
		int			left = 0;

		/* one node of each chain in turn */
		for (int i = 0; i < n; i++)
		{
			Piece		at = pieces[i];
			Node	   *node;

			if (at.link == 0)
				continue;
			cmm_smp_rmb();		/* (E4) */
			node = node_at(ix, at.link - 1);
			/* chains hold nodes of other pieces and other tables too */
			if (node->table == number && node->generation == generation && node->level == at.level &&
				node->time_min >> node->level == at.piece)
				consider(look, node, at.link - 1);
			at.link = uatomic_read(&node->next);
			if (at.link != 0)
				__builtin_prefetch(node_at(ix, at.link - 1));
			pieces[left++] = at;
		}
		n = left;
	}
}

/* Pieces to visit, or more than limit. */
static uint64_t
count_pieces(uint64_t levels, int64_t t1, int64_t t2, uint64_t limit)
{
	uint64_t	n = 0;

	for (; levels != 0 && n <= limit; levels &= levels - 1)
	{
		unsigned	level = __builtin_ctzll(levels);
		uint64_t	more = (uint64_t) (t2 >> level) - (uint64_t) (t1 >> level);

		/* of less than 2^63, and so are limits: no overflow */
		n += (more > limit ? limit : more) + 2;
	}
	return n;
}

static void
walk_levels(Look *look, uint64_t levels, uint32_t number, uint32_t generation)
{
	uint64_t	word = table_word(number, generation);
	Piece		pieces[AHEAD];
	int			n = 0;

	for (; levels != 0; levels &= levels - 1)
	{
		unsigned	level = __builtin_ctzll(levels);
		int64_t		piece = (look->query->time_min >> level) - 1;
		int64_t		last = look->query->time_max >> level;

		for (; piece <= last; piece++)
		{
			pieces[n].piece = piece;
			pieces[n].level = level;
			pieces[n].bucket = bucket_of(look->ix, word, level, piece);
			__builtin_prefetch(&look->ix->buckets[pieces[n].bucket]);
			if (++n == AHEAD)
			{
				walk_pieces(look, pieces, n, number, generation);
				n = 0;
			}
		}
	}
	walk_pieces(look, pieces, n, number, generation);
}

/* Within an epoch: the table was LIVE in it, so that its nodes stay linked until we leave. */
static void
look_through(TsdbIx *ix, Table *table, uint64_t state, Look *look, TsdbIxResult *result)
{
	const TsdbIxQuery *query = look->query;
	uint32_t	number = table - ix->tables;
	uint32_t	generation = state_generation(state);
	uint64_t	progress = uatomic_read(&table->progress);
	uint32_t	nnodes = progress_nnodes(progress);
	uint32_t	ndead;
	uint64_t	levels;

	cmm_smp_rmb();				/* (E4) */
	look->table = table;
	look->nhits = 0;
	look->complete = progress_complete(progress);
	levels = uatomic_read(&table->levels);
	ndead = uatomic_read(&table->ndead);
	result->ref.table = number;
	result->ref.generation = generation;
	result->complete = look->complete;
	result->total = nnodes - (ndead < nnodes ? ndead : nnodes);

	if (!(query->has_time && query->time_min > query->time_max))
	{
		if (query->has_time && table->time_attnum == query->time_attnum &&
			count_pieces(levels, query->time_min, query->time_max, nnodes) <= nnodes)
			walk_levels(look, levels, number, generation);
		else
			walk_slabs(look, uatomic_read(&table->timed));
		walk_slabs(look, uatomic_read(&table->loose));
	}
	result->nhits = look->nhits;
}

TsdbIxAnswer
tsdb_ix_find(TsdbIx *ix, uint32_t proc, const TsdbIxKey *key, uint64_t incarnation, const TsdbIxQuery *query, uint32_t now,
			 TsdbIxHit *hits, size_t maxhits, TsdbIxResult *result)
{
	Look		look = {.ix = ix, .query = query, .hits = hits, .maxhits = maxhits};
	TsdbIxAnswer answer = TSDB_IX_ABSENT;
	Table	   *table;
	uint64_t	state;

	tsdb_epoch_enter(ix->epoch, proc);
	table = table_find(ix, key, &state);
	if (table != NULL && (table->incarnation == incarnation || broken(4)))
	{
		look_through(ix, table, state, &look, result);
		if (look.nhits > maxhits)
		{
			count_add(ix, proc, TSDB_IX_RETRIES);
			answer = TSDB_IX_TOO_MANY;
		}
		else
		{
			if (!query->unnoticed)
				count_add(ix, proc, TSDB_IX_HITS);
			answer = TSDB_IX_FOUND;
		}
		/* a line that all readers share is written once a second */
		if (uatomic_read(&table->last_used) != now && !query->unnoticed)
			uatomic_set(&table->last_used, now);
	}
	tsdb_epoch_leave(ix->epoch, proc);
	return answer;
}

/*-------------- reads --------------*/

/*
 * A node's word: period of the last read, or of its coming; whether it was read since that; how often it is read, as of that period.  The period's
 * number comes again after 19 years.
 */
#define READS_OFTEN_BITS	11
#define READS_READ			(1u << READS_OFTEN_BITS)
#define READS_PERIOD_SHIFT	(READS_OFTEN_BITS + 1)
#define READS_PERIOD_MASK	(UINT32_MAX >> READS_PERIOD_SHIFT)
#define reads_make(period, read, often)	((uint32_t) (period) << READS_PERIOD_SHIFT | (read) | (often))
#define reads_period(word)				((word) >> READS_PERIOD_SHIFT)
#define reads_often(word)				((word) & (READS_READ - 1))

#define DAY_PERIODS		(86400 / TSDB_IX_PERIOD_S)
#define HALF_PERIODS	(DAY_PERIODS / 2)

_Static_assert(DAY_PERIODS * TSDB_IX_READS_UNIT < READS_READ, "what is read in each period has a count that fits");

/* Periods from that of the word to "now"; negative: it is ahead. */
static inline int32_t
reads_age(uint32_t word, uint32_t now)
{
	uint32_t	age = (now / TSDB_IX_PERIOD_S - reads_period(word)) & READS_PERIOD_MASK;

	return age > READS_PERIOD_MASK / 2 ? (int32_t) age - (int32_t) READS_PERIOD_MASK - 1 : (int32_t) age;
}

/*
 * Halved in half a day, in a straight line.  So the count of what is read in every period, which rises by a unit each
 * time, comes to rest where a unit is what it loses: at one unit for each period of a day.
 */
static uint32_t
reads_fall(uint32_t often, int32_t age)
{
	if (age <= 0)
		return often;
	if (age >= HALF_PERIODS * READS_OFTEN_BITS)
		return 0;
	often >>= age / HALF_PERIODS;
	return (often * (DAY_PERIODS - age % HALF_PERIODS) + DAY_PERIODS / 2) / DAY_PERIODS;
}

/* Plain loads of the node: it may be filled anew just now. */
static inline bool
node_is(const TsdbIx *ix, uint32_t number, uint32_t change, uint32_t chunk_id)
{
	const Node *node;

	if (number / SLAB_NODES >= ix->nslabs)
		return false;
	node = node_at(ix, number);
	return uatomic_read(&node->change) == change && uatomic_read(&node->chunk_id) == chunk_id;
}

bool
tsdb_ix_find_node(TsdbIx *ix, uint32_t proc, const TsdbIxKey *key, const TsdbIxEntry *entry, uint32_t *number)
{
	bool		found = false;
	Table	   *table;
	uint64_t	state;
	unsigned	level;

	tsdb_epoch_enter(ix->epoch, proc);
	table = table_find(ix, key, &state);
	if (table != NULL && (entry->flags & TSDB_IX_TIME) && entry->time_attnum == table->time_attnum &&
		(level = level_in(table, entry)) != LEVEL_LOOSE)
	{
		uint64_t	word = table_word(table - ix->tables, state_generation(state));
		uint32_t	link = uatomic_read(&ix->buckets[bucket_of(ix, word, level, entry->time_min >> level)]);

		for (int i = 0; i < FIND_NODES && link != 0 && !found; i++)
		{
			Node	   *node = node_at(ix, link - 1);

			cmm_smp_rmb();		/* (E4) */
			*number = link - 1;
			found = node->change == entry->change && node->chunk_id == entry->chunk_id &&
				table_word(node->table, node->generation) == word;
			link = uatomic_read(&node->next);
		}
	}
	tsdb_epoch_leave(ix->epoch, proc);
	return found;
}

void
tsdb_ix_was_read(TsdbIx *ix, uint32_t number, uint32_t change, uint32_t chunk_id, uint32_t now)
{
	uint32_t   *reads;
	uint32_t	word;
	int32_t		age;

	if (!node_is(ix, number, change, chunk_id))
		return;
	reads = &slab_at(ix, number / SLAB_NODES)->reads[number % SLAB_NODES];
	word = uatomic_read(reads);
	age = reads_age(word, now);
	/* a statement that began earlier and reads on must not take it back */
	if (age < 0 || (age == 0 && (word & READS_READ) != 0))
		return;
	uatomic_set(reads, reads_make(now / TSDB_IX_PERIOD_S, READS_READ,
								  reads_fall(reads_often(word), age) + TSDB_IX_READS_UNIT));
}

bool
tsdb_ix_reads(const TsdbIx *ix, uint32_t number, uint32_t change, uint32_t chunk_id, uint32_t now, TsdbIxReads *reads)
{
	uint32_t	word;
	int32_t		age;

	if (!node_is(ix, number, change, chunk_id))
		return false;
	word = uatomic_read(&slab_at(ix, number / SLAB_NODES)->reads[number % SLAB_NODES]);
	age = reads_age(word, now);
	reads->often = reads_fall(reads_often(word), age);
	reads->read = (word & READS_READ) != 0;
	reads->last = (now / TSDB_IX_PERIOD_S - (uint32_t) age) * TSDB_IX_PERIOD_S;
	return true;
}

uint32_t
tsdb_ix_reads_unknown(const TsdbIx *ix, uint32_t now)
{
	return reads_fall(TSDB_IX_READS_NEW, (int32_t) (now - ix->began) / TSDB_IX_PERIOD_S);
}

/*-------------- token: removal --------------*/

static bool
token_try(TsdbIx *ix, uint32_t proc)
{
	return uatomic_read(&ix->token) == 0 && uatomic_cmpxchg(&ix->token, 0, proc + 1) == 0;
}

static void
token_release(TsdbIx *ix)
{
	cmm_smp_mb();
	uatomic_set(&ix->token, 0);
}

/* Takes a node out of its bucket, if it is there (its adder may have died before it was). */
static void
node_unlink(TsdbIx *ix, uint32_t number)
{
	Node	   *node = node_at(ix, number);
	uint32_t   *head;
	uint32_t	link;

	if (node->level == LEVEL_LOOSE)
		return;
	head = &ix->buckets[bucket_of(ix, table_word(node->table, node->generation), node->level, node->time_min >> node->level)];
	while ((link = uatomic_read(head)) == number + 1)
	{
		if (uatomic_cmpxchg(head, link, node->next) == link)
			return;
	}
	while (link != 0)
	{
		Node	   *before = node_at(ix, link - 1);

		link = uatomic_read(&before->next);
		if (link == number + 1)
		{
			uatomic_set(&before->next, node->next);
			return;
		}
	}
}

/* What the stamp was taken for may still be read; free later. */
static void
slab_retire(TsdbIx *ix, uint32_t number, uint64_t stamp)
{
	Slab	   *slab = slab_at(ix, number);

	uatomic_set(&slab->owner, 0);
	slab->stamp = stamp;
	slab->pending_next = 0;
	if (ix->pending_tail != 0)
		slab_at(ix, ix->pending_tail - 1)->pending_next = number + 1;
	else
		ix->pending_head = number + 1;
	ix->pending_tail = number + 1;
	uatomic_set(&ix->npending, ix->npending + 1);
}

static void
table_evict(TsdbIx *ix, uint32_t proc, Table *table)
{
	uatomic_set(&table->state, state_make(state_generation(table->state), TABLE_DEAD));
	table->stamp = tsdb_epoch_stamp(ix->epoch);	/* (E2) */
	table->dead_next = ix->dead_tables;
	ix->dead_tables = table - ix->tables + 1;
	table->dying = uatomic_read(&table->nslabs);
	ix->ndying += table->dying;
	TSDB_INJECT_CRASH("index-evict");
	count_add(ix, proc, TSDB_IX_EVICTIONS);
}

/* Nobody adds to it any more: unlinks all. */
static void
table_take_apart(TsdbIx *ix, Table *table)
{
	uint64_t	stamp;

	for (int kind = 0; kind < 2; kind++)
	{
		for (uint32_t link = *slab_list(table, kind); link != 0; link = slab_at(ix, link - 1)->next)
		{
			Slab	   *slab = slab_at(ix, link - 1);

			for (uint32_t i = 0; i < slab->nused; i++)
			{
				if ((slab->nodes[i].state & (NODE_USED | NODE_UNLINKED)) == NODE_USED)
					node_unlink(ix, (link - 1) * SLAB_NODES + i);
			}
		}
	}
	stamp = tsdb_epoch_stamp(ix->epoch);	/* (E2) */
	for (int kind = 0; kind < 2; kind++)
	{
		/* "next" stays: readers may stand here */
		for (uint32_t link = *slab_list(table, kind); link != 0; link = slab_at(ix, link - 1)->next)
			slab_retire(ix, link - 1, stamp);
	}
	ix->ndying -= table->dying;
	uatomic_set(&table->state, state_make(state_generation(table->state), TABLE_FREE));
}

/* Frees what nobody can be at.  Twice: what the first round unlinks is as a rule free for the second. */
static void
reclaim(TsdbIx *ix)
{
	for (int round = 0; round < 2; round++)
	{
		uint64_t	oldest;
		uint32_t   *link = &ix->dead_tables;

		if (ix->dead_tables == 0 && ix->pending_head == 0)
			return;
		oldest = broken(1) ? UINT64_MAX : tsdb_epoch_oldest(ix->epoch);
		while (*link != 0)
		{
			Table	   *table = &ix->tables[*link - 1];

			if (table->stamp < oldest || broken(2))
			{
				*link = table->dead_next;
				table_take_apart(ix, table);
			}
			else
				link = &table->dead_next;
		}
		while (ix->pending_head != 0 && slab_at(ix, ix->pending_head - 1)->stamp < oldest)
		{
			Slab	   *slab = slab_at(ix, ix->pending_head - 1);

			ix->pending_head = slab->pending_next;
			if (ix->pending_head == 0)
				ix->pending_tail = 0;
			uatomic_set(&ix->npending, ix->npending - 1);
			_cds_lfs_push(&ix->free_slabs, &slab->free);
			uatomic_inc(&ix->nfree);
		}
	}
}

/* The least used table among some, or NULL. */
static Table *
least_used(Table *tables, uint32_t ntables, const Table *except, uint32_t now)
{
	Table	   *best = NULL;
	uint32_t	best_age = IN_USE_S;

	for (uint32_t i = 0; i < ntables; i++)
	{
		Table	   *table = &tables[i];
		uint32_t	age = now - uatomic_read(&table->last_used);

		if (state_status(uatomic_read(&table->state)) == TABLE_LIVE && table != except &&
			age <= UINT32_MAX / 2 && age > best_age)
		{
			best = table;
			best_age = age;
		}
	}
	return best;
}

/* Free slabs, of least used tables if need be. */
static bool
make_room(TsdbIx *ix, uint32_t proc, const Table *except, uint32_t now)
{
	bool		room;

	if (uatomic_read(&ix->nfree) > 0)
		return true;
	if (!token_try(ix, proc))
		return false;
	reclaim(ix);
	while (uatomic_read(&ix->nfree) < ROOM_SLABS)
	{
		Table	   *table;

		/* enough is under way, but somebody may still be reading it */
		if (ix->npending + ix->ndying >= ROOM_SLABS)
			break;
		table = least_used(ix->tables, ix->ntables, except, now);
		if (table == NULL)
			break;
		table_evict(ix, proc, table);
		reclaim(ix);
	}
	room = uatomic_read(&ix->nfree) > 0;
	token_release(ix);
	return room;
}

void
tsdb_ix_drop(TsdbIx *ix, uint32_t proc, TsdbIxRef ref, const TsdbIxHit *gone, size_t ngone)
{
	Table	   *table = &ix->tables[ref.table];

	/* without it nothing can be freed under our hands, and nothing but us frees */
	if (!token_try(ix, proc))
		return;
	if (uatomic_read(&table->state) == state_make(ref.generation, TABLE_LIVE))
	{
		for (size_t i = 0; i < ngone; i++)
		{
			uint32_t	number = gone[i].node;
			Slab	   *slab = slab_at(ix, number / SLAB_NODES);
			Node	   *node = node_at(ix, number);
			uint32_t   *head;
			uint32_t	link;

			if (uatomic_read(&slab->owner) != table_word(ref.table, ref.generation))
				continue;
			cmm_smp_rmb();		/* (E4) the states are of this life of the slab */
			if ((uatomic_read(&node->state) & NODE_FLAGS) != NODE_USED)
				continue;
			cmm_smp_rmb();		/* (E4) */
			if (node->change != gone[i].change || node->chunk_id != gone[i].chunk_id)
				continue;
			uatomic_set(&node->state, node->state | NODE_DEAD);
			node_unlink(ix, number);
			uatomic_set(&node->state, node->state | NODE_UNLINKED);
			uatomic_set(&table->ndead, table->ndead + 1);
			if (++slab->nunlinked < SLAB_NODES)
				continue;

			/* all of it: goes back by itself */
			head = slab_list(table, node->level == LEVEL_LOOSE);
			while ((link = uatomic_read(head)) == number / SLAB_NODES + 1)
			{
				if (uatomic_cmpxchg(head, link, slab->next) == link)
					break;
			}
			while (link != 0 && link != number / SLAB_NODES + 1)
			{
				Slab	   *before = slab_at(ix, link - 1);

				link = uatomic_read(&before->next);
				if (link == number / SLAB_NODES + 1)
					uatomic_set(&before->next, slab->next);
			}
			slab_retire(ix, number / SLAB_NODES, tsdb_epoch_stamp(ix->epoch));	/* (E2) */
			uatomic_dec(&table->nslabs);
			progress_change(table, false, 0, -SLAB_NODES);
			uatomic_set(&table->ndead, table->ndead - SLAB_NODES);
		}
	}
	reclaim(ix);
	token_release(ix);
}

bool
tsdb_ix_evict(TsdbIx *ix, uint32_t proc, const TsdbIxKey *key)
{
	Table	   *table;
	uint64_t	state;

	if (!token_try(ix, proc))
		return false;
	table = table_find(ix, key, &state);
	if (table != NULL)
		table_evict(ix, proc, table);
	reclaim(ix);
	token_release(ix);
	return table != NULL;
}

uint32_t
tsdb_ix_places(const TsdbIx *ix)
{
	return ix->ntables;
}

bool
tsdb_ix_peek(TsdbIx *ix, uint32_t place, TsdbIxKey *key, uint32_t *last_used)
{
	Table	   *table = &ix->tables[place];
	uint64_t	state = uatomic_read(&table->state);

	if (state_status(state) != TABLE_LIVE)
		return false;
	cmm_smp_rmb();				/* (E4) */
	*key = table->key;
	*last_used = uatomic_read(&table->last_used);
	cmm_smp_rmb();
	/* else it may be two tables' */
	return uatomic_read(&table->state) == state;
}

/*-------------- claim: adding --------------*/

/* Grown so much that the lowest level is wrong for it, or half dead: better loaded anew. */
static bool
outgrown(const Table *table)
{
	uint32_t	nnodes = progress_nnodes(uatomic_read(&table->progress));

	return uatomic_read(&table->adding) == 0 &&
		((table->time_attnum != 0 && (uint64_t) nnodes > (uint64_t) uatomic_read(&table->nloaded) * 4 + 256) ||
		 uatomic_read(&table->ndead) > nnodes / 2 + 2 * SLAB_NODES);
}

/* A new table for the key, claimed; the caller has the token and knows that there is none. */
static Table *
table_make(TsdbIx *ix, uint32_t proc, const TsdbIxKey *key, uint64_t incarnation, uint32_t now)
{
	uint64_t	h = mix((uint64_t) key->relation << 32 | key->database) ^ mix(key->tablespace);
	Table	   *group = &ix->tables[h % (ix->ntables / GROUP_TABLES) * GROUP_TABLES];

	for (int tries = 0; tries < 2; tries++)
	{
		Table	   *victim;

		reclaim(ix);
		for (int i = 0; i < GROUP_TABLES; i++)
		{
			Table	   *table = &group[i];
			uint64_t	state = table->state;

			if (state_status(state) != TABLE_FREE)
				continue;
			/* nobody looks at more than the state of a free one */
			table->key = *key;
			table->time_attnum = 0;
			table->base = 1;
			table->incarnation = incarnation;
			table->progress = progress_make(0, 0);
			table->adding = proc + 1;
			table->levels = 0;
			memset(table->bloom_attnums, 0, sizeof(table->bloom_attnums));
			table->timed = table->loose = 0;
			table->nslabs = table->nloaded = table->ndead = 0;
			table->no_add_until = 0;
			table->last_used = now;
			cmm_smp_wmb();		/* (E3) */
			uatomic_set(&table->state, state_make((state_generation(state) + 1) & UINT32_MAX, TABLE_LIVE));
			return table;
		}
		victim = least_used(group, GROUP_TABLES, NULL, now);
		if (victim == NULL)
			break;
		table_evict(ix, proc, victim);
	}
	return NULL;
}

TsdbIxClaim
tsdb_ix_claim(TsdbIx *ix, uint32_t proc, const TsdbIxKey *key, uint64_t incarnation, uint32_t now,
			  TsdbIxRef *ref, uint32_t *complete)
{
	TsdbIxClaim answer = TSDB_IX_BUSY;
	Table	   *table;
	uint64_t	state;
	bool		make;

	tsdb_epoch_enter(ix->epoch, proc);
	table = table_find(ix, key, &state);
	make = table == NULL || table->incarnation != incarnation || outgrown(table);
	if (!make && now >= uatomic_read(&table->no_add_until) && uatomic_read(&table->adding) == 0 &&
		uatomic_cmpxchg(&table->adding, 0, proc + 1) == 0)
	{
		ref->table = table - ix->tables;
		ref->generation = state_generation(state);
		*complete = progress_complete(uatomic_read(&table->progress));
		answer = TSDB_IX_CLAIMED;
	}
	tsdb_epoch_leave(ix->epoch, proc);

	if (make && token_try(ix, proc))
	{
		table = table_find(ix, key, &state);
		if (table != NULL && (table->incarnation != incarnation || outgrown(table)))
		{
			table_evict(ix, proc, table);
			table = NULL;
		}
		if (table == NULL && (table = table_make(ix, proc, key, incarnation, now)) != NULL)
		{
			ref->table = table - ix->tables;
			ref->generation = state_generation(table->state);
			*complete = 0;
			count_add(ix, proc, TSDB_IX_LOADS);
			answer = TSDB_IX_CLAIMED;
		}
		token_release(ix);
	}
	if (answer == TSDB_IX_BUSY)
		count_add(ix, proc, TSDB_IX_RETRIES);
	return answer;
}

/* Within an epoch: is the table still there, and ours to add to? */
static Table *
claimed(TsdbIx *ix, uint32_t proc, TsdbIxRef ref)
{
	Table	   *table = &ix->tables[ref.table];

	if (uatomic_read(&table->state) != state_make(ref.generation, TABLE_LIVE))
		return NULL;
	cmm_smp_rmb();				/* (E4) */
	return uatomic_read(&table->adding) == proc + 1 ? table : NULL;
}

void
tsdb_ix_unclaim(TsdbIx *ix, uint32_t proc, TsdbIxRef ref)
{
	Table	   *table;

	tsdb_epoch_enter(ix->epoch, proc);
	table = claimed(ix, proc, ref);
	if (table != NULL)
	{
		cmm_smp_mb();
		uatomic_set(&table->adding, 0);
	}
	tsdb_epoch_leave(ix->epoch, proc);
}

static int
compare_int64(const void *a, const void *b)
{
	int64_t		x = *(const int64_t *) a;
	int64_t		y = *(const int64_t *) b;

	return (x > y) - (x < y);
}

/*
 * The lowest level: pieces about as long as the time between two beginnings, so that a look-up visits about as many pieces as
 * it finds chunks.  Without it one chunk of a single row would make every look-up visit pieces of its length.  Outliers (infinity) do not count.
 */
static unsigned
choose_base(const TsdbIxEntry *entries, size_t nentries, int16_t time_attnum)
{
	int64_t		sample[1024];
	size_t		step = nentries / 1024 + 1;
	size_t		n = 0;
	size_t		cut;
	uint64_t	span;
	unsigned	level;

	for (size_t i = 0; i < nentries; i += step)
	{
		if ((entries[i].flags & TSDB_IX_TIME) && entries[i].time_attnum == time_attnum)
			sample[n++] = entries[i].time_min;
	}
	if (n < 2)
		return 1;
	qsort(sample, n, sizeof(int64_t), compare_int64);
	cut = n / 20;
	span = (uint64_t) sample[n - 1 - cut] - (uint64_t) sample[cut];
	level = level_of(span / ((n - 2 * cut) * step));
	return level < 1 ? 1 : level > LEVEL_MAX ? LEVEL_MAX : level;
}

/* Within an epoch. */
static Slab *
slab_get(TsdbIx *ix)
{
	/* slabs come back after an epoch: none is popped twice by who read the head before */
	struct cds_lfs_node *free = ___cds_lfs_pop(&ix->free_slabs);
	uint32_t	fresh;

	if (free != NULL)
	{
		uatomic_dec(&ix->nfree);
		return caa_container_of(free, Slab, free);
	}
	do
	{
		fresh = uatomic_read(&ix->nfresh);
		if (fresh == ix->nslabs)
			return NULL;
	} while (uatomic_cmpxchg(&ix->nfresh, fresh, fresh + 1) != fresh);
	uatomic_dec(&ix->nfree);
	return slab_at(ix, fresh);
}

/* The slab with place for one more, or NULL. */
static Slab *
slab_with_place(TsdbIx *ix, Table *table, uint64_t word, int loose, uint32_t *number)
{
	uint32_t   *head = slab_list(table, loose);
	uint32_t	link = uatomic_read(head);
	Slab	   *slab;

	if (link != 0 && slab_at(ix, link - 1)->nused < SLAB_NODES)
	{
		*number = link - 1;
		return slab_at(ix, link - 1);
	}

	slab = slab_get(ix);
	if (slab == NULL)
		return NULL;
	*number = slab - ix->slabs;
	for (int i = 0; i < SLAB_NODES; i++)
		uatomic_set(&slab->nodes[i].state, NODE_EMPTY);
	slab->nused = 0;
	slab->nunlinked = 0;
	cmm_smp_wmb();				/* (E3) */
	uatomic_set(&slab->owner, word);
	uatomic_inc(&table->nslabs);
	do
	{
		link = uatomic_read(head);
		slab->next = link;
	} while (uatomic_cmpxchg(head, link, *number + 1) != link);	/* (E3) */
	return slab;
}

/* Which of the table's columns the entry's filter covers; columns that are new come to the table's. */
static uint32_t
bloom_cover(Table *table, const TsdbIxEntry *entry)
{
	uint32_t	covered = 0;

	for (int i = 0; (entry->flags & TSDB_IX_BLOOM) && i < entry->nbloom_attnums; i++)
	{
		int			k = 0;

		while (k < TSDB_IX_BLOOM_COLUMNS && table->bloom_attnums[k] != 0 && table->bloom_attnums[k] != entry->bloom_attnums[i])
			k++;
		if (k == TSDB_IX_BLOOM_COLUMNS)
			continue;
		table->bloom_attnums[k] = entry->bloom_attnums[i];
		covered |= 1u << k;
	}
	return covered;
}

static bool
add_one(TsdbIx *ix, Table *table, TsdbIxRef ref, const TsdbIxEntry *entry, uint32_t now)
{
	uint64_t	word = table_word(ref.table, ref.generation);
	uint32_t	covered = bloom_cover(table, entry);
	unsigned	level = LEVEL_LOOSE;
	uint32_t	number;
	Slab	   *slab;
	Node	   *node;

	if ((entry->flags & TSDB_IX_TIME) && entry->time_attnum == table->time_attnum)
		level = level_in(table, entry);
	slab = slab_with_place(ix, table, word, level == LEVEL_LOOSE, &number);
	if (slab == NULL)
		return false;
	node = &slab->nodes[slab->nused];
	number = number * SLAB_NODES + slab->nused;
	/* first of all: should we die here, the place is lost, and not used twice */
	uatomic_set(&slab->nused, slab->nused + 1);

	node->change = entry->change;
	node->chunk_id = entry->chunk_id;
	node->block = entry->block;
	node->offset = entry->offset;
	node->time_attnum = entry->time_attnum;
	node->table = ref.table;
	node->generation = ref.generation;
	node->flags = entry->flags;
	node->level = level;
	node->time_min = entry->time_min;
	node->time_max = entry->time_max;
	memcpy(node->bloom, entry->bloom, sizeof(node->bloom));
	memcpy(slab->bloom[number % SLAB_NODES], entry->bloom + 2, 6 * sizeof(uint64_t));
	uatomic_set(&slab->reads[number % SLAB_NODES], reads_make(now / TSDB_IX_PERIOD_S, 0, TSDB_IX_READS_NEW));
	cmm_smp_wmb();				/* (E3) */
	uatomic_set(&node->state, NODE_USED | covered << NODE_COVERED);
	if (level != LEVEL_LOOSE)
	{
		uint32_t   *head = &ix->buckets[bucket_of(ix, word, level, entry->time_min >> level)];
		uint32_t	link;

		do
		{
			link = uatomic_read(head);
			node->next = link;
		} while (uatomic_cmpxchg(head, link, number + 1) != link);	/* (E3) */
		/* readers have this line: it is not written without need */
		if (!(table->levels >> level & 1))
			uatomic_set(&table->levels, table->levels | UINT64_C(1) << level);
	}
	return true;
}

/* Within an epoch: adds up to a batch of them; returns how many. */
static size_t
add_batch(TsdbIx *ix, Table *table, TsdbIxRef ref, const TsdbIxEntry *entries, size_t nentries, uint32_t upto, uint32_t now)
{
	size_t		n = 0;
	uint64_t	progress = uatomic_read(&table->progress);
	uint32_t	complete = progress_complete(progress);

	if (table->time_attnum == 0)
	{
		/* the newest chunk's, since options may have changed */
		for (size_t i = nentries; i-- > 0 && table->time_attnum == 0;)
		{
			if (entries[i].flags & TSDB_IX_TIME)
			{
				table->base = choose_base(entries, nentries, entries[i].time_attnum);
				table->time_attnum = entries[i].time_attnum;
				uatomic_set(&table->nloaded, progress_nnodes(progress) + (uint32_t) nentries);
			}
		}
	}
	if (broken(3))
		progress_change(table, true, upto, 0);
	while (n < nentries && n < BATCH && add_one(ix, table, ref, &entries[n], now))
		n++;
	/* a number is done when all that have it are in */
	if (n == nentries)
		complete = upto;
	else if (n > 0 && entries[n].change - 1 > complete)
		complete = entries[n].change - 1;
	/* nothing to tell: the line stays with the readers */
	if (n > 0 || complete != progress_complete(progress))
		progress_change(table, true, complete, n);	/* (E3) */
	return n;
}

bool
tsdb_ix_add(TsdbIx *ix, uint32_t proc, TsdbIxRef ref, const TsdbIxEntry *entries, size_t nentries, uint32_t upto, uint32_t now)
{
	bool		fits = nentries <= tsdb_ix_capacity(ix) / 4 * 3;

	for (;;)
	{
		Table	   *table;
		size_t		n = 0;

		/* not one epoch for all: others may wait for memory */
		tsdb_epoch_enter(ix->epoch, proc);
		table = claimed(ix, proc, ref);
		if (table != NULL && fits)
			n = add_batch(ix, table, ref, entries, nentries, upto, now);
		else if (table != NULL)
			uatomic_set(&table->no_add_until, now + RETRY_S);
		tsdb_epoch_leave(ix->epoch, proc);
		if (n == nentries && table != NULL && fits)
			return true;
		if (table == NULL || !fits)
			return false;
		entries += n;
		nentries -= n;
		if (n < BATCH)
			fits = make_room(ix, proc, table, now);
	}
}

/*-------------- the rest --------------*/

void
tsdb_ix_exit(TsdbIx *ix, uint32_t proc)
{
	if (ix->epoch->slots[proc].active != TSDB_EPOCH_IDLE)
		tsdb_epoch_leave(ix->epoch, proc);
	if (uatomic_read(&ix->token) == proc + 1)
		token_release(ix);
}

void
tsdb_ix_stats(TsdbIx *ix, TsdbIxStats *stats)
{
	uint64_t	nfree = uatomic_read(&ix->nfree);

	memset(stats, 0, sizeof(*stats));
	for (uint32_t i = 0; i < ix->epoch->nslots; i++)
	{
		for (int k = 0; k <= TSDB_IX_PLAIN; k++)
			stats->count[k] += uatomic_read(&ix->epoch->slots[i].count[k]);
	}
	for (uint32_t i = 0; i < ix->ntables; i++)
	{
		Table	   *table = &ix->tables[i];

		if (state_status(uatomic_read(&table->state)) == TABLE_LIVE)
		{
			uint32_t	nnodes = progress_nnodes(uatomic_read(&table->progress));
			uint32_t	ndead = uatomic_read(&table->ndead);

			stats->tables++;
			stats->chunks += nnodes > ndead ? nnodes - ndead : 0;
		}
	}
	stats->bytes_total = ix->bytes;
	stats->bytes_used = ix->bytes - (nfree < ix->nslabs ? nfree : ix->nslabs) * sizeof(Slab);
	stats->epoch = uatomic_read(&ix->epoch->current);
	stats->pending = (uint64_t) uatomic_read(&ix->npending) * sizeof(Slab);
}

const char *
tsdb_ix_check(TsdbIx *ix)
{
	size_t		nfree = 0;
	size_t		npending = 0;
	size_t		nowned = 0;
	size_t		nlinked = 0;
	size_t		nshould = 0;

	for (struct cds_lfs_head *head = ix->free_slabs.head; head != NULL;
		 head = caa_container_of(head->node.next, struct cds_lfs_head, node))
	{
		if (++nfree > ix->nslabs)
			return "the stack of free slabs has a loop";
	}
	nfree += ix->nslabs - ix->nfresh;
	if (nfree != ix->nfree)
		return "wrong count of free slabs";
	for (uint32_t link = ix->pending_head; link != 0; link = slab_at(ix, link - 1)->pending_next)
	{
		if (++npending > ix->nslabs)
			return "the list of slabs to be freed has a loop";
	}
	for (uint32_t i = 0; i < ix->ntables; i++)
	{
		Table	   *table = &ix->tables[i];
		uint64_t	word = table_word(i, state_generation(table->state));
		uint32_t	nnodes = 0;

		if (state_status(table->state) == TABLE_FREE)
			continue;
		for (int kind = 0; kind < 2; kind++)
		{
			for (uint32_t link = *slab_list(table, kind); link != 0; link = slab_at(ix, link - 1)->next)
			{
				Slab	   *slab = slab_at(ix, link - 1);

				if (slab->owner != word)
					return "a table's slab belongs to another";
				if (++nowned > ix->nslabs)
					return "a table's list of slabs has a loop";
				nnodes += slab->nused;
				for (uint32_t k = 0; k < slab->nused; k++)
				{
					if (!(slab->nodes[k].state & NODE_USED) || slab->nodes[k].table != i ||
						slab->nodes[k].generation != state_generation(table->state))
						return "a node is not its slab's table's";
					if (kind == 0 && !(slab->nodes[k].state & NODE_UNLINKED))
						nshould++;
				}
			}
		}
		if (nnodes != progress_nnodes(table->progress))
			return "wrong count of a table's nodes";
	}
	if (nfree + npending + nowned != ix->nslabs)
		return "slabs are lost";
	for (size_t b = 0; b <= ix->bucket_mask; b++)
	{
		for (uint32_t link = ix->buckets[b]; link != 0; link = node_at(ix, link - 1)->next)
		{
			Node	   *node = node_at(ix, link - 1);

			if (++nlinked > nshould)
				return "more nodes are linked than there are";
			if ((node->state & (NODE_USED | NODE_UNLINKED)) != NODE_USED ||
				bucket_of(ix, table_word(node->table, node->generation), node->level, node->time_min >> node->level) != b ||
				slab_at(ix, (link - 1) / SLAB_NODES)->owner != table_word(node->table, node->generation))
				return "a bucket holds a node that is not its own";
		}
	}
	if (nlinked != nshould)
		return "nodes are missing in buckets";
	return NULL;
}
