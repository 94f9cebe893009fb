/*-------------------------------------------------------------------------
 * chunk_list.c
 *	  The chunks that a scan may read, kept for when it is scanned again.
 *
 * Why what is kept stays right: a query's snapshot is registered and never changes.  An entry that it sees stays visible to it, and VACUUM
 * leaves its tuple; one that it does not see never becomes visible, be it of another transaction or of a later command
 * of our own.  Entries never change.  So nothing is looked up anew, the root's count included.
 *
 * What is kept is a superset: all chunks that may have rows in a range of time, whatever the other keys say.  A look whose own range of time lies
 * within it is answered by testing each entry for its keys, as tsdb_prune_chunks does.
 *-------------------------------------------------------------------------
 */
#include "scan/chunk_list.h"

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* looks that go to the index before chunks are kept: what is computed once, as an InitPlan is, makes for one */
#define LOOKS_BEFORE	1

typedef struct KeptRanges
{
	bool		read;
	int			n;
	TsdbColumnRange *ranges;	/* NULL: the entry has none */
} KeptRanges;

struct TsdbChunkList
{
	MemoryContext parent;
	MemoryContext look_cxt;		/* of this look's query; child of parent */
	MemoryContext range_cxt;	/* of ranges that are not kept; child of parent */
	TsdbStore  *store;
	int			nlooks;
	int			nsame;			/* of the last ones, how many had the same range of time */
	int64		last_min;
	int64		last_max;
	uint32		total;			/* chunks that the snapshot sees, or about */

	/* what is kept */
	MemoryContext cxt;			/* NULL: nothing */
	int64		time_min;		/* all chunks are here that may have rows in this range */
	int64		time_max;
	int			nentries;
	TsdbDirEntry *entries;		/* in order of change numbers */
	KeptRanges *ranges;			/* [nentries] */
	int		   *walk;			/* [nentries] in order of rank; NULL: not yet */
	int64	   *ranks;			/* [nentries] in this order */
	AttrNumber	walk_attnum;
	bool		walk_descending;
	AttrNumber	nulls_attnum;	/* column of which "nulls" tells; 0 = none yet */
	bool		nulls;

	/* this look */
	TsdbPruneQuery query;
	int			next;			/* in walk */
};

TsdbChunkList *
tsdb_chunk_list_create(MemoryContext cxt)
{
	TsdbChunkList *list = MemoryContextAllocZero(cxt, sizeof(TsdbChunkList));

	list->parent = cxt;
	list->look_cxt = AllocSetContextCreate(cxt, "tsdb look at chunks", ALLOCSET_SMALL_SIZES);
	list->range_cxt = AllocSetContextCreate(cxt, "tsdb ranges", ALLOCSET_SMALL_SIZES);
	return list;
}

/* Keeps the chunks of this range of time. */
static void
keep(TsdbChunkList *list, Snapshot snapshot, AttrNumber time_attnum, int64 time_min, int64 time_max)
{
	TsdbChunkQuery query = {0};
	TsdbChunkQueryStats stats;
	MemoryContext old;

	if (list->cxt != NULL)
		MemoryContextDelete(list->cxt);
	list->cxt = NULL;
	list->walk = NULL;
	list->nulls_attnum = 0;
	list->cxt = AllocSetContextCreate(list->parent, "tsdb chunk list", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(list->cxt);
	query.time_attnum = time_attnum;
	query.has_time = time_min != PG_INT64_MIN || time_max != PG_INT64_MAX;
	query.time_min = list->time_min = time_min;
	query.time_max = list->time_max = time_max;
	list->entries = tsdb_find_chunks(list->store, snapshot, &query, &list->nentries, &stats);
	list->total = stats.total;
	list->ranges = MemoryContextAllocExtended(list->cxt, Max(list->nentries, 1) * sizeof(KeptRanges),
											  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	MemoryContextSwitchTo(old);
}

bool
tsdb_chunk_list_look(TsdbChunkList *list, TsdbStore *store, Snapshot snapshot, List *keys, AttrNumber time_attnum)
{
	MemoryContext old;
	int64		min;
	int64		max;

	if (!IsMVCCSnapshot(snapshot) || OldSnapshotThresholdActive())
		return false;
	list->store = store;
	MemoryContextReset(list->look_cxt);
	old = MemoryContextSwitchTo(list->look_cxt);
	tsdb_prune_query(keys, time_attnum, &list->query);
	MemoryContextSwitchTo(old);

	min = list->query.chunks.time_min;
	max = list->query.chunks.time_max;
	if (list->cxt != NULL && min >= list->time_min && max <= list->time_max)
		return true;
	list->nsame = list->nlooks > 0 && min == list->last_min && max == list->last_max ? list->nsame + 1 : 0;
	list->last_min = min;
	list->last_max = max;
	if (list->nlooks++ < LOOKS_BEFORE ||
		list->total > get_hash_memory_limit() / (sizeof(TsdbDirEntry) + sizeof(KeptRanges)))
		return false;
	/* the same each time: the rest of the directory may be left alone */
	if (list->nsame >= LOOKS_BEFORE && list->cxt == NULL)
		keep(list, snapshot, time_attnum, min, max);
	else
		keep(list, snapshot, time_attnum, PG_INT64_MIN, PG_INT64_MAX);
	return true;
}

void
tsdb_chunk_list_saw(TsdbChunkList *list, uint32 total)
{
	list->total = total;
}

/* May rows of the chunk meet the keys of this look? */
static bool
may_match(TsdbChunkList *list, int i)
{
	TsdbDirEntry *entry = &list->entries[i];
	KeptRanges *kept = &list->ranges[i];
	KeptRanges	own;
	bool		result;

	if (!tsdb_chunk_may_match(entry, &list->query.chunks))
		return false;
	if (list->query.others == NIL)
		return true;
	if (!kept->read)
	{
		bool		room = MemoryContextMemAllocated(list->cxt, false) < get_hash_memory_limit();
		MemoryContext old = MemoryContextSwitchTo(room ? list->cxt : list->range_cxt);

		own.ranges = tsdb_column_ranges_read(list->store, entry, RelationGetDescr(list->store->rel), &own.n);
		own.read = true;
		MemoryContextSwitchTo(old);
		if (room)
			*kept = own;
		else
			kept = &own;
	}
	result = tsdb_prune_by_ranges(&list->query, kept->ranges, kept->n);
	if (kept == &own)
		MemoryContextReset(list->range_cxt);
	return result;
}

TsdbDirEntry *
tsdb_chunk_list_all(TsdbChunkList *list, int *nentries, uint32 *total)
{
	Size		allocated = 16;
	TsdbDirEntry *entries = palloc(allocated * sizeof(TsdbDirEntry));
	Size		n = 0;
	int			i;

	for (i = 0; i < list->nentries; i++)
	{
		if (!may_match(list, i))
			continue;
		if (n == allocated)
		{
			allocated *= 2;
			entries = repalloc_huge(entries, allocated * sizeof(TsdbDirEntry));
		}
		entries[n++] = list->entries[i];
	}
	*nentries = (int) n;
	*total = list->total;
	return entries;
}

/* qsort_arg_comparator of indexes: the best rank first, of equal ones the earlier chunk. */
static int
compare_ranks(const void *a, const void *b, void *arg)
{
	TsdbChunkList *list = arg;
	int			i = *(const int *) a;
	int			k = *(const int *) b;
	int64		x = tsdb_entry_rank(&list->entries[i].d, list->walk_attnum, list->walk_descending);
	int64		y = tsdb_entry_rank(&list->entries[k].d, list->walk_attnum, list->walk_descending);

	if (x != y)
		return x > y ? -1 : 1;
	return i - k;
}

void
tsdb_chunk_list_walk(TsdbChunkList *list, AttrNumber attnum, bool descending)
{
	int			i;

	list->next = 0;
	if (list->walk != NULL && list->walk_attnum == attnum && list->walk_descending == descending)
		return;
	list->walk_attnum = attnum;
	list->walk_descending = descending;
	list->walk = MemoryContextAlloc(list->cxt, Max(list->nentries, 1) * sizeof(int));
	list->ranks = MemoryContextAlloc(list->cxt, Max(list->nentries, 1) * sizeof(int64));
	for (i = 0; i < list->nentries; i++)
		list->walk[i] = i;
	qsort_arg(list->walk, list->nentries, sizeof(int), compare_ranks, list);
	for (i = 0; i < list->nentries; i++)
		list->ranks[i] = tsdb_entry_rank(&list->entries[list->walk[i]].d, attnum, descending);
}

bool
tsdb_chunk_list_peek(TsdbChunkList *list, int64 *rank)
{
	if (list->next >= list->nentries)
		return false;
	*rank = list->ranks[list->next];
	return true;
}

TsdbDirEntry *
tsdb_chunk_list_next(TsdbChunkList *list)
{
	int			i = list->walk[list->next++];

	Assert(list->next <= list->nentries);
	return may_match(list, i) ? &list->entries[i] : NULL;
}

bool
tsdb_chunk_list_may_have_nulls(TsdbChunkList *list, AttrNumber attnum)
{
	if (list->nulls_attnum != attnum)
		list->nulls = tsdb_entries_may_have_nulls(list->entries, list->nentries, attnum);
	list->nulls_attnum = attnum;
	return list->nulls;
}

uint32
tsdb_chunk_list_total(TsdbChunkList *list)
{
	return list->total;
}
