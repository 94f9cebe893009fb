/*-------------------------------------------------------------------------
 * chunk_index.h
 *	  Which chunks of a table may hold rows of some series and time: from shared memory where it can be.
 *
 * An accelerator, never the truth: what it answers is confirmed on directory tuples, and what it does
 * not know is read from the directory.  The answer is the same without it.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_CHUNK_INDEX_H
#define TSDB_CHUNK_INDEX_H

#include "chunk/directory.h"
#include "datatype/timestamp.h"
#include "index/interval_index.h"

/* One of several values of a series column: hashes by tsdb_series_hash (IN lists have several). */
typedef struct TsdbBloomGroup
{
	AttrNumber	attnum;
	int			n;
	const uint64 *hashes;
} TsdbBloomGroup;

typedef struct TsdbChunkQuery
{
	bool		has_time;
	int64		time_min;		/* inclusive; Datum of the time column, sign extended */
	int64		time_max;
	AttrNumber	time_attnum;	/* chunks of another time column are not left out by time */
	int			nbloom_groups;	/* all of them must be possible */
	const TsdbBloomGroup *groups;
} TsdbChunkQuery;

typedef struct TsdbChunkQueryStats
{
	uint32		total;			/* chunks that were in question; about, if from the index */
	uint32		pruned;
	bool		from_index;
} TsdbChunkQueryStats;

/*
 * All chunks that the snapshot sees and that may hold matching rows, palloc'd, in rising order of change number.  Chunks
 * that hold none can be among them only because of their filters.  A quality of time is never true of NULL, so chunks whose times
 * are all NULL are left out if has_time.
 *
 * A serializable transaction must have its predicate lock on the relation before: conflicts with chunks
 * that are left out are not looked for.
 */
extern TsdbDirEntry *tsdb_find_chunks(TsdbStore *store, Snapshot snapshot, const TsdbChunkQuery *query,
									  int *nentries, TsdbChunkQueryStats *stats);

/*
 * Somebody reads rows of the entry's chunk, of columns that had to be decoded for it: it is counted, if the index has it.  The first is for entries that
 * came from tsdb_find_chunks, the second for others, which are looked for.  Movers, checks and the like don't tell.
 */
extern void tsdb_chunk_index_was_read(const TsdbDirEntry *entry);
extern void tsdb_chunk_index_find_and_count(TsdbStore *store, const TsdbDirEntry *entry);

typedef struct TsdbChunkReads
{
	bool		known;			/* the index has the chunk */
	double		a_day;			/* periods of ten minutes in which it is read, out of a day's 144; an estimate in any case */
	TimestampTz last;			/* beginning of the last one; 0 = none since it came into the index */
} TsdbChunkReads;

/* How often these chunks are read, palloc'd; NULL: there is no index that could tell. */
extern TsdbChunkReads *tsdb_chunk_index_reads(TsdbStore *store, const TsdbDirEntry *entries, int nentries);

/* May the entry's chunk hold matching rows?  What tsdb_find_chunks goes by. */
extern bool tsdb_chunk_may_match(const TsdbDirEntry *entry, const TsdbChunkQuery *query);

/*
 * Forgets tables whose files no relation of this database has any more (dropped, rewritten, truncated), and those of databases that are gone.
 * In a transaction.  One that is not to be seen yet is loaded anew when it is next looked up.
 */
extern void tsdb_chunk_index_forget_dropped(void);

/* All zero if there is no index. */
extern void tsdb_chunk_index_stats(TsdbIxStats *stats);

/* Hooks that ask for the shared memory; from _PG_init, after the settings. */
extern void tsdb_chunk_index_init(void);

#endif							/* TSDB_CHUNK_INDEX_H */
