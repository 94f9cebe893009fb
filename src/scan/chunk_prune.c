/*-------------------------------------------------------------------------
 * chunk_prune.c
 *	  Which chunks can have rows that meet a scan's keys?
 *
 * By time range, by the filter of series values, and by the columns' ranges, all of which the directory entry
 * has.  Each only ever rules out chunks none of whose rows, dead or alive, meets the keys.
 *-------------------------------------------------------------------------
 */
#include "scan/chunk_prune.h"

#include "access/stratnum.h"
#include "chunk/column_ranges.h"
#include "chunk/series_bloom.h"
#include "scan/scan_filter.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/* Can the time of some row be in the key's range?  A NULL meets no key. */
static bool
time_may_match(const TsdbDirEntry *entry, const TsdbScanKey *key)
{
	if (!key->has_range || key->attnum != entry->d.time_attnum)
		return true;
	if ((entry->d.flags & TSDB_DIR_TIME) == 0)
		return (entry->d.flags & TSDB_DIR_TIME_NULLS) == 0;
	return entry->d.time_min <= key->range_max && entry->d.time_max >= key->range_min;
}

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
		default:
			return false;
	}
}

static bool
bloom_may_match(const TsdbDirEntry *entry, const TsdbScanKey *key)
{
	int			i;

	if (key->strategy != BTEqualStrategyNumber || !tsdb_entry_bloom_covers(entry, key->attnum) ||
		!hash_alike(key->column_type, key->value_type) || !tsdb_series_hashable(key->value_type, key->collation))
		return true;
	for (i = 0; i < key->nvalues; i++)
	{
		if (tsdb_bloom_may_have(entry->bloom, tsdb_series_hash(key->attnum, key->value_type, key->values[i], false)))
			return true;
	}
	return false;
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

/* By the ranges of columns, which cost a look at the entry's tuple. */
static bool
ranges_may_match(TsdbStore *store, const TsdbDirEntry *entry, List *keys)
{
	TsdbColumnRange *ranges;
	int			n;
	int			i;
	ListCell   *lc;
	bool		result = true;

	ranges = tsdb_column_ranges_read(store, entry, RelationGetDescr(store->rel), &n);
	if (ranges == NULL)
		return true;
	foreach(lc, keys)
	{
		TsdbScanKey *key = lfirst(lc);

		for (i = 0; i < n && result; i++)
		{
			if (ranges[i].attnum == key->attnum)
				result = range_may_match(&ranges[i], key);
		}
	}
	return result;
}

/* Is there a key that only a column's range could answer? */
static bool
needs_ranges(const TsdbDirEntry *entry, List *keys)
{
	ListCell   *lc;

	foreach(lc, keys)
	{
		TsdbScanKey *key = lfirst(lc);

		if (key->attnum != entry->d.time_attnum || !key->has_range)
			return true;
	}
	return false;
}

TsdbDirEntry *
tsdb_prune_chunks(TsdbChunkCursor *cursor, List *keys, int *nentries, uint32 *total)
{
	TsdbStore  *store = tsdb_cursor_store(cursor);
	TsdbDirEntry *all;
	TsdbDirEntry *entries;
	MemoryContext cxt;
	MemoryContext old;
	int			n;
	int			i;

	all = tsdb_cursor_entries(cursor, &n);
	*total = (uint32) n;
	*nentries = 0;
	entries = MemoryContextAllocHuge(CurrentMemoryContext, Max(n, 1) * sizeof(TsdbDirEntry));
	cxt = AllocSetContextCreate(CurrentMemoryContext, "tsdb pruning", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(cxt);
	for (i = 0; i < n; i++)
	{
		ListCell   *lc;
		bool		may = true;

		foreach(lc, keys)
		{
			may = may && time_may_match(&all[i], lfirst(lc)) && bloom_may_match(&all[i], lfirst(lc));
		}
		if (may && needs_ranges(&all[i], keys))
		{
			may = ranges_may_match(store, &all[i], keys);
			MemoryContextReset(cxt);
		}
		if (may)
			entries[(*nentries)++] = all[i];
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(cxt);
	return entries;
}
