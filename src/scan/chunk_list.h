/*-------------------------------------------------------------------------
 * chunk_list.h
 *	  The chunks that a scan may read, kept for when it is scanned again.
 *
 * The inner side of a nested loop asks for each outer row which chunks may have rows.  What the answer rests on is the same each time, as
 * long as the snapshot is: entries that it sees, their times, filters and ranges.  So from the second look on they are
 * kept, and a look is a walk over memory.
 *
 * Nothing is kept of chunks that another snapshot than an MVCC one sees, nor with old_snapshot_threshold, nor where
 * the table has so many that their entries would not fit hash_mem: then each look is tsdb_prune_chunks.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_CHUNK_LIST_H
#define TSDB_CHUNK_LIST_H

#include "scan/chunk_prune.h"

typedef struct TsdbChunkList TsdbChunkList;

/* Ranks: the better a value is in an order, the greater.  The complement turns the order round and overflows nowhere. */
static inline int64
tsdb_time_rank(int64 value, bool descending)
{
	return descending ? value : ~value;
}

/* The best rank that a chunk's directory entry allows. */
static inline int64
tsdb_entry_rank(const TsdbDirEntryDisk *d, AttrNumber attnum, bool descending)
{
	if (d->time_attnum != attnum || (d->flags & TSDB_DIR_TIME) == 0)
		return PG_INT64_MAX;
	return tsdb_time_rank(descending ? d->time_max : d->time_min, descending);
}

/* May a row of the chunk be NULL in a column of time? */
static inline bool
tsdb_entry_may_have_nulls(const TsdbDirEntryDisk *d, AttrNumber attnum)
{
	return d->time_attnum != attnum || (d->flags & TSDB_DIR_TIME_NULLS) != 0;
}

/* May a row of some of the chunks be? */
static inline bool
tsdb_entries_may_have_nulls(const TsdbDirEntry *entries, int nentries, AttrNumber attnum)
{
	int			i;

	for (i = 0; i < nentries; i++)
	{
		if (tsdb_entry_may_have_nulls(&entries[i].d, attnum))
			return true;
	}
	return false;
}

/* All looks at a list are with the same store, MVCC snapshot and time column.  Lives in cxt. */
extern TsdbChunkList *tsdb_chunk_list_create(MemoryContext cxt);

/*
 * Begins a look; keys as of tsdb_prune_chunks, they must stay to its end.  False: the list does not know which chunks these are, the caller prunes
 * and tells with tsdb_chunk_list_saw how many the snapshot sees.
 */
extern bool tsdb_chunk_list_look(TsdbChunkList *list, TsdbStore *store, Snapshot snapshot, List *keys,
								 AttrNumber time_attnum);
extern void tsdb_chunk_list_saw(TsdbChunkList *list, uint32 total);

/* What tsdb_prune_chunks would answer. */
extern TsdbDirEntry *tsdb_chunk_list_all(TsdbChunkList *list, int *nentries, uint32 *total);

/*
 * Or one by one, those first that may have the best value of a column.  First whether there is another one to be looked at, and the best rank
 * (see tsdb_entry_rank) that it may have; then a look: NULL if it has no rows for us.  Entries stay as long as the list.
 */
extern void tsdb_chunk_list_walk(TsdbChunkList *list, AttrNumber attnum, bool descending);
extern bool tsdb_chunk_list_peek(TsdbChunkList *list, int64 *rank);
extern TsdbDirEntry *tsdb_chunk_list_next(TsdbChunkList *list);

/* May some row of the list's chunks be NULL in a column of time? */
extern bool tsdb_chunk_list_may_have_nulls(TsdbChunkList *list, AttrNumber attnum);

/* How many chunks the snapshot sees, or about. */
extern uint32 tsdb_chunk_list_total(TsdbChunkList *list);

#endif							/* TSDB_CHUNK_LIST_H */
