/*-------------------------------------------------------------------------
 * chunk_prune.c
 *	  Which chunks can have rows that meet a scan's keys?
 *
 * By time range and by the filter of series values, which the index in shared memory has too, and then by the columns'
 * ranges, for which the directory entry's tuple is read.  Each only ever rules out chunks none of whose rows, dead or alive, meets the keys.
 *-------------------------------------------------------------------------
 */
#include "scan/chunk_prune.h"

#include "access/stratnum.h"
#include "catalog/pg_type_d.h"
#include "chunk/series_bloom.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/* Do values of these types hash alike if they are equal? */
static bool
hash_alike(Oid column, Oid value)
{
	if (column == value)
		return true;
	switch (column)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
			return value == INT2OID || value == INT4OID || value == INT8OID;
		case TEXTOID:
			return value == VARCHAROID;
		default:
			return false;
	}
}

bool
tsdb_bloom_group(const TsdbScanKey *key, TsdbBloomGroup *group)
{
	uint64	   *hashes;
	int			i;

	if (key->strategy != BTEqualStrategyNumber || !hash_alike(key->column_type, key->value_type) ||
		!tsdb_series_hashable(key->value_type, key->collation))
		return false;
	hashes = palloc(Max(key->nvalues, 1) * sizeof(uint64));
	for (i = 0; i < key->nvalues; i++)
		hashes[i] = tsdb_series_hash(key->attnum, key->value_type, key->values[i], false);
	group->attnum = key->attnum;
	group->n = key->nvalues;
	group->hashes = hashes;
	return true;
}

static bool
range_may_match(const TsdbColumnRange *range, TsdbScanKey *key)
{
	int			i;

	for (i = 0; i < key->nvalues; i++)
	{
		if (tsdb_column_range_may_match(range, &key->compare, key->collation, key->strategy, key->values[i]))
			return true;
	}
	return false;
}

bool
tsdb_prune_by_ranges(const TsdbPruneQuery *query, const TsdbColumnRange *ranges, int nranges)
{
	ListCell   *lc;
	int			i;

	if (ranges == NULL)
		return true;
	foreach(lc, query->others)
	{
		TsdbScanKey *key = lfirst(lc);

		for (i = 0; i < nranges; i++)
		{
			if (ranges[i].attnum == key->attnum && !range_may_match(&ranges[i], key))
				return false;
		}
	}
	return true;
}

void
tsdb_prune_query(List *keys, AttrNumber time_attnum, TsdbPruneQuery *query)
{
	TsdbChunkQuery *chunks = &query->chunks;
	TsdbBloomGroup *groups = palloc(Max(list_length(keys), 1) * sizeof(TsdbBloomGroup));
	ListCell   *lc;

	memset(query, 0, sizeof(*query));
	chunks->time_attnum = time_attnum;
	chunks->time_min = PG_INT64_MIN;
	chunks->time_max = PG_INT64_MAX;
	chunks->groups = groups;
	foreach(lc, keys)
	{
		TsdbScanKey *key = lfirst(lc);

		if (key->attnum == time_attnum && key->has_range)
		{
			chunks->has_time = true;
			chunks->time_min = Max(chunks->time_min, key->range_min);
			chunks->time_max = Min(chunks->time_max, key->range_max);
		}
		else
			query->others = lappend(query->others, key);
		if (tsdb_bloom_group(key, &groups[chunks->nbloom_groups]))
			chunks->nbloom_groups++;
	}
}

TsdbDirEntry *
tsdb_prune_chunks(TsdbStore *store, Snapshot snapshot, List *keys, AttrNumber time_attnum, int *nentries, uint32 *total)
{
	TsdbPruneQuery query;
	TsdbChunkQueryStats stats;
	TsdbDirEntry *entries;
	MemoryContext query_cxt = AllocSetContextCreate(CurrentMemoryContext, "tsdb pruning", ALLOCSET_SMALL_SIZES);
	MemoryContext range_cxt;
	MemoryContext old = MemoryContextSwitchTo(query_cxt);
	int			n;
	int			i;

	tsdb_prune_query(keys, time_attnum, &query);
	MemoryContextSwitchTo(old);
	entries = tsdb_find_chunks(store, snapshot, &query.chunks, &n, &stats);
	*total = stats.total;
	*nentries = 0;

	range_cxt = AllocSetContextCreate(query_cxt, "tsdb ranges", ALLOCSET_SMALL_SIZES);
	MemoryContextSwitchTo(range_cxt);
	for (i = 0; i < n; i++)
	{
		/* ranges cost a look at the entry's tuple */
		if (query.others != NIL)
		{
			int			nranges;
			TsdbColumnRange *ranges = tsdb_column_ranges_read(store, &entries[i], RelationGetDescr(store->rel), &nranges);
			bool		may = tsdb_prune_by_ranges(&query, ranges, nranges);

			MemoryContextReset(range_cxt);
			if (!may)
				continue;
		}
		if (*nentries != i)
			entries[*nentries] = entries[i];
		(*nentries)++;
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(query_cxt);
	return entries;
}
