/*-------------------------------------------------------------------------
 * chunk_prune.h
 *	  Which chunks can have rows that meet a scan's keys?
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_CHUNK_PRUNE_H
#define TSDB_CHUNK_PRUNE_H

#include "chunk/column_ranges.h"
#include "index/chunk_index.h"
#include "scan/scan_filter.h"

#include "nodes/pg_list.h"

/* Keys as what directory entries can answer. */
typedef struct TsdbPruneQuery
{
	TsdbChunkQuery chunks;		/* time range (all times if has_time is not set) and filters */
	List	   *others;			/* keys that only a column's range could answer */
} TsdbPruneQuery;

/* palloc'd; holds as long as the keys' values. */
extern void tsdb_prune_query(List *keys, AttrNumber time_attnum, TsdbPruneQuery *query);

/* May rows of a chunk with these ranges (NULL: it has none) meet the keys that only ranges answer? */
extern bool tsdb_prune_by_ranges(const TsdbPruneQuery *query, const TsdbColumnRange *ranges, int nranges);

/*
 * Entries that the snapshot sees and whose rows may meet all keys (TsdbScanKey), in order of change numbers; palloc'd.
 * time_attnum: the table's time column, 0 = none.  total: how many the snapshot sees, or about.  A serializable
 * transaction has its lock on the relation before.
 */
extern TsdbDirEntry *tsdb_prune_chunks(TsdbStore *store, Snapshot snapshot, List *keys, AttrNumber time_attnum,
									   int *nentries, uint32 *total);

/* Does the key name values of a column whose filters can be asked?  Their hashes are palloc'd. */
extern bool tsdb_bloom_group(const TsdbScanKey *key, TsdbBloomGroup *group);

#endif							/* TSDB_CHUNK_PRUNE_H */
