/*-------------------------------------------------------------------------
 * interval_index.h
 *	  Intervals of many tables in one piece of memory that many processes share.
 *
 * Plain C with liburcu's atomics; knows nothing of PostgreSQL: tests/ builds it alone.
 *
 * A table is found by key and incarnation, and holds chunks, each with an interval of time, a bloom
 * filter and a change number.  The table is complete up to a change number; what lies beyond is the caller's to read.
 *
 * Who may do what at the same time as whom (- = needs the claim or the token, which are tried for, never waited for):
 *				find	add		drop	evict
 *		find	yes		yes		yes		yes
 *		add				other table: yes; same table: - (claim)		yes		yes
 *		drop					- (token)	- (token)
 *		evict							- (token)
 *
 * "proc" is the caller's epoch slot.  No function fails, waits or allocates.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_INTERVAL_INDEX_H
#define TSDB_INTERVAL_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct TsdbIx TsdbIx;

typedef struct TsdbIxKey
{
	uint32_t	tablespace;
	uint32_t	database;
	uint32_t	relation;
} TsdbIxKey;

#define TSDB_IX_TIME		0x01	/* time_min, time_max hold, over the rows whose time is not NULL */
#define TSDB_IX_TIME_NULLS	0x02	/* some row's time is NULL; without TSDB_IX_TIME: all are */
#define TSDB_IX_BLOOM		0x04	/* bloom holds */
#define TSDB_IX_BLOOM_COLUMNS	8

typedef struct TsdbIxEntry
{
	int64_t		time_min;
	int64_t		time_max;
	uint32_t	change;			/* rising, >= 1; may come twice */
	uint32_t	chunk_id;
	uint32_t	block;			/* where its tuple is */
	uint16_t	offset;
	int16_t		time_attnum;
	uint8_t		flags;			/* TSDB_IX_* */
	uint8_t		nbloom_attnums;	/* columns that the filter covers; it says nothing about others */
	int16_t		bloom_attnums[TSDB_IX_BLOOM_COLUMNS];
	uint64_t	bloom[8];
} TsdbIxEntry;

typedef struct TsdbIxQuery
{
	bool		has_time;
	int16_t		time_attnum;	/* chunks of another time column are not left out by time */
	int64_t		time_min;		/* inclusive */
	int64_t		time_max;
	/*
	 * May rows of a chunk with this filter match?  It covers columns attnums[k] for each bit k of covered.  NULL: yes.
	 * Called within the epoch: must not fail.
	 */
	bool		(*may_match) (const uint64_t bloom[8], const int16_t attnums[TSDB_IX_BLOOM_COLUMNS], unsigned covered, const void *arg);
	const void *arg;
	bool		unnoticed;		/* does not keep the table in the index, nor counts as a look-up */
} TsdbIxQuery;

/* A table as it was found; stale as soon as the epoch is left. */
typedef struct TsdbIxRef
{
	uint32_t	table;
	uint32_t	generation;
} TsdbIxRef;

typedef struct TsdbIxHit
{
	uint32_t	change;
	uint32_t	chunk_id;
	uint32_t	block;
	uint16_t	offset;
	uint32_t	node;			/* for drop, was_read and reads */
} TsdbIxHit;

typedef struct TsdbIxResult
{
	TsdbIxRef	ref;
	uint32_t	complete;		/* hits are all that may match of changes 1 .. complete, and none of later ones */
	uint32_t	total;			/* chunks of the table, about */
	size_t		nhits;			/* not sorted; a chunk can come twice (an adder died) */
} TsdbIxResult;

typedef enum TsdbIxAnswer
{
	TSDB_IX_FOUND,
	TSDB_IX_ABSENT,
	TSDB_IX_TOO_MANY			/* more hits than maxhits: nhits tells how many */
} TsdbIxAnswer;

typedef enum TsdbIxClaim
{
	TSDB_IX_CLAIMED,
	TSDB_IX_BUSY				/* somebody else adds, or there was no room a moment ago */
} TsdbIxClaim;

/* counts of a process, in its epoch slot */
enum
{
	TSDB_IX_HITS,				/* look-ups answered */
	TSDB_IX_LOADS,				/* tables loaded from change 1 */
	TSDB_IX_EVICTIONS,
	TSDB_IX_RETRIES,			/* hits did not fit, or a claim was missed */
	TSDB_IX_PLAIN				/* the caller's: look-ups without the index */
};

typedef struct TsdbIxStats
{
	uint64_t	count[TSDB_IX_PLAIN + 1];
	uint64_t	bytes_total;
	uint64_t	bytes_used;
	uint64_t	tables;
	uint64_t	chunks;
	uint64_t	epoch;
	uint64_t	pending;		/* bytes that wait for readers to leave */
} TsdbIxStats;

/*
 * How often a chunk is read, in steps of 1 / TSDB_IX_READS_UNIT periods a day; a period in which it is read counts once, however often that is.  Falls
 * to a half in twelve hours without a read.  What has just come counts as read TSDB_IX_READS_NEW: nobody knows of it yet.
 */
#define TSDB_IX_PERIOD_S		600
#define TSDB_IX_READS_UNIT		8
#define TSDB_IX_READS_NEW		(16 * TSDB_IX_READS_UNIT)

typedef struct TsdbIxReads
{
	uint32_t	often;			/* in units */
	bool		read;			/* since it came into the index */
	uint32_t	last;			/* seconds: when the period began in which it was last read, or else came */
} TsdbIxReads;

/* Least memory for which init gives an index. */
extern size_t tsdb_ix_min_bytes(uint32_t nprocs);
/* Builds an empty index in zeroed memory, aligned to 64.  NULL if that is too small.  now: seconds. */
extern TsdbIx *tsdb_ix_init(void *memory, size_t bytes, uint32_t nprocs, uint32_t now);
extern size_t tsdb_ix_capacity(const TsdbIx *ix);	/* chunks */
extern size_t tsdb_ix_bytes_per_chunk_x100(const TsdbIx *ix);	/* all memory over capacity */

/* now: seconds, for the choice of the least used table. */
extern TsdbIxAnswer tsdb_ix_find(TsdbIx *ix, uint32_t proc, const TsdbIxKey *key, uint64_t incarnation,
								 const TsdbIxQuery *query, uint32_t now,
								 TsdbIxHit *hits, size_t maxhits, TsdbIxResult *result);

/*
 * The right to add to a table, which is made if there is none of this incarnation; *complete = where to go on.  The claim stays
 * with proc until unclaim: the caller reads what is missing in between.  A table may be evicted although it is claimed.
 */
extern TsdbIxClaim tsdb_ix_claim(TsdbIx *ix, uint32_t proc, const TsdbIxKey *key, uint64_t incarnation, uint32_t now,
								 TsdbIxRef *ref, uint32_t *complete);
/*
 * Adds entries sorted by change: all that there are in (complete, upto].  False: not all went in; the table is then complete to
 * some smaller number, or gone.
 */
extern bool tsdb_ix_add(TsdbIx *ix, uint32_t proc, TsdbIxRef ref, const TsdbIxEntry *entries, size_t nentries,
						uint32_t upto, uint32_t now);
extern void tsdb_ix_unclaim(TsdbIx *ix, uint32_t proc, TsdbIxRef ref);

/* These chunks' tuples are gone for ever.  Best effort. */
extern void tsdb_ix_drop(TsdbIx *ix, uint32_t proc, TsdbIxRef ref, const TsdbIxHit *gone, size_t ngone);
/* Forgets a table, if it is there and nobody else removes something.  It is loaded anew if it is looked up again. */
extern bool tsdb_ix_evict(TsdbIx *ix, uint32_t proc, const TsdbIxKey *key);

/* What table has that place, of tsdb_ix_places(): false = none.  A glance, for who looks for tables to forget: stale as soon as it is told. */
extern uint32_t tsdb_ix_places(const TsdbIx *ix);
extern bool tsdb_ix_peek(TsdbIx *ix, uint32_t place, TsdbIxKey *key, uint32_t *last_used);

/*
 * The node of a chunk of which change, chunk_id, flags, time_attnum and times are given.  False: it is not there, or where too many begin at
 * the same time, or has no time.  Not for look-ups.
 */
extern bool tsdb_ix_find_node(TsdbIx *ix, uint32_t proc, const TsdbIxKey *key, const TsdbIxEntry *entry, uint32_t *node);
/*
 * A chunk of an earlier hit, or of find_node, was read.  No lock, no epoch: the node may be another chunk's by now, which is mostly
 * noticed, and else costs that one a wrong count.
 */
extern void tsdb_ix_was_read(TsdbIx *ix, uint32_t node, uint32_t change, uint32_t chunk_id, uint32_t now);
/* False: the node is another chunk's by now. */
extern bool tsdb_ix_reads(const TsdbIx *ix, uint32_t node, uint32_t change, uint32_t chunk_id, uint32_t now, TsdbIxReads *reads);
/* What is to be assumed of a chunk that is not there: as if it had come when the index began. */
extern uint32_t tsdb_ix_reads_unknown(const TsdbIx *ix, uint32_t now);

extern void tsdb_ix_count(TsdbIx *ix, uint32_t proc, int which);
/* The process ends: leaves its epoch. */
extern void tsdb_ix_exit(TsdbIx *ix, uint32_t proc);
extern void tsdb_ix_stats(TsdbIx *ix, TsdbIxStats *stats);
/* For tests, with nobody else at work: is every chain sound?  NULL, or what is wrong. */
extern const char *tsdb_ix_check(TsdbIx *ix);

#endif							/* TSDB_INTERVAL_INDEX_H */
