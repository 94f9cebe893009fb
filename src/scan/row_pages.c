/*-------------------------------------------------------------------------
 * row_pages.c
 *	  Reads the row store, but for pages of which it is known that no row there can match.
 *
 * A summary is made of all tuples that lie in a page, whoever sees them, under its share lock, and kept with the page's
 * LSN.  Whatever puts a tuple into a page of a table that is logged writes WAL and raises its LSN; so as long as that is the same, no
 * tuple is there that the summary does not cover.  (Hint bits change nothing of that, pruning only takes away; rows of failed
 * transactions are left out, nobody will see them.)  Pages whose
 * changes are not logged have no summaries: tables that are not permanent, files made by the current transaction at
 * wal_level = minimal, pages with LSN 0.
 *
 * Files get new numbers when they are written anew; where a number comes again its pages' LSNs are later.
 *
 * The loop over a page's rows follows heapam.c: heapgettup_pagemode().
 */
#include "scan/row_pages.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "chunk/series_bloom.h"
#include "kernels.h"
#include "miscadmin.h"
#include "options/table_options.h"
#include "pgstat.h"
#include "scan/chunk_prune.h"
#include "scan/scan_filter.h"
#include "storage/bufmgr.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/* smaller row stores are simply read */
#define MIN_PAGES		8
/* when more pages are known than this, all is forgotten: 18 MB */
#define MAX_PAGES		150000
#define MAX_SERIES		4

/* What a summary is about; another table's, or other options', are made anew. */
typedef struct PageColumns
{
	AttrNumber	time_attnum;	/* 0 = none */
	AttrNumber	series[MAX_SERIES]; /* 0 = no more */
} PageColumns;

typedef struct PageKey
{
	RelFileNode node;
	BlockNumber block;
} PageKey;

typedef struct PageSummary
{
	PageKey		key;
	PageColumns columns;
	XLogRecPtr	lsn;
	int64		time_min;		/* min > max: no row has a time */
	int64		time_max;
	uint64		bloom[TSDB_BLOOM_WORDS];
} PageSummary;

struct TsdbRowPages
{
	MemoryContext cxt;			/* this struct and all it points to */
	HeapScanDesc scan;
	PageColumns columns;
	Oid			series_types[MAX_SERIES];
	bool		has_time;
	int64		time_min;		/* wanted */
	int64		time_max;
	int			ngroups;
	TsdbBloomGroup *groups;
	BlockNumber block;			/* next one */
	int			next;			/* next row of the page, as index in rs_vistuples */
	bool		on_page;
	uint32		skipped;
};

static HTAB *summaries = NULL;

static PageSummary *
find_summary(TsdbRowPages *pages, BlockNumber block, HASHACTION action)
{
	PageKey		key;
	PageSummary *summary;
	bool		found;

	if (summaries == NULL || (action == HASH_ENTER && hash_get_num_entries(summaries) >= MAX_PAGES))
	{
		HASHCTL		ctl;

		if (summaries != NULL)
			hash_destroy(summaries);
		summaries = NULL;
		ctl.keysize = sizeof(PageKey);
		ctl.entrysize = sizeof(PageSummary);
		ctl.hcxt = TopMemoryContext;
		summaries = hash_create("tsdb summaries of pages", 1024, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	memset(&key, 0, sizeof(key));
	key.node = pages->scan->rs_base.rs_rd->rd_node;
	key.block = block;
	summary = hash_search(summaries, &key, action, &found);
	if (summary != NULL && !found)
		summary->lsn = InvalidXLogRecPtr;
	return summary;
}

/* Can't a row of such a page match? */
static bool
rules_out(TsdbRowPages *pages, const PageSummary *summary)
{
	int			g;

	/* a NULL meets no key */
	if (pages->has_time && (summary->time_min > pages->time_max || summary->time_max < pages->time_min))
		return true;
	for (g = 0; g < pages->ngroups; g++)
	{
		bool		may = false;
		int			i;

		for (i = 0; i < pages->groups[g].n && !may; i++)
			may = tsdb_bloom_may_have(summary->bloom, pages->groups[g].hashes[i]);
		if (!may)
			return true;
	}
	return false;
}

/* Is there a summary of the page as it is now, and does it rule the page out? */
static bool
can_skip(TsdbRowPages *pages, BlockNumber block)
{
	PageSummary *summary = find_summary(pages, block, HASH_FIND);
	Buffer		buffer;
	bool		same;

	if (summary == NULL || XLogRecPtrIsInvalid(summary->lsn) ||
		memcmp(&summary->columns, &pages->columns, sizeof(PageColumns)) != 0 || !rules_out(pages, summary))
		return false;
	buffer = ReadBufferExtended(pages->scan->rs_base.rs_rd, MAIN_FORKNUM, block, RBM_NORMAL, pages->scan->rs_strategy);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	same = PageGetLSN(BufferGetPage(buffer)) == summary->lsn;
	UnlockReleaseBuffer(buffer);
	return same;
}

/* Makes the summary of the scan's page, unless it has one. */
static void
summarise(TsdbRowPages *pages, BlockNumber block)
{
	PageSummary *known = find_summary(pages, block, HASH_FIND);
	TupleDesc	desc = RelationGetDescr(pages->scan->rs_base.rs_rd);
	Buffer		buffer = pages->scan->rs_cbuf;
	Page		page = BufferGetPage(buffer);
	PageSummary made;
	TransactionId dead_after;
	OffsetNumber offset;
	OffsetNumber last;

	memset(&made, 0, sizeof(made));
	made.columns = pages->columns;
	made.time_min = PG_INT64_MAX;
	made.time_max = PG_INT64_MIN;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	made.lsn = PageGetLSN(page);
	if (XLogRecPtrIsInvalid(made.lsn) ||
		(known != NULL && known->lsn == made.lsn && memcmp(&known->columns, &made.columns, sizeof(PageColumns)) == 0))
	{
		LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
		return;
	}
	last = PageGetMaxOffsetNumber(page);
	for (offset = FirstOffsetNumber; offset <= last; offset++)
	{
		ItemId		item = PageGetItemId(page, offset);
		HeapTupleData tuple;
		bool		isnull;
		Datum		value;
		int			i;

		if (!ItemIdIsNormal(item))
			continue;
		tuple.t_data = (HeapTupleHeader) PageGetItem(page, item);
		tuple.t_len = ItemIdGetLength(item);
		tuple.t_tableOid = RelationGetRelid(pages->scan->rs_base.rs_rd);
		ItemPointerSet(&tuple.t_self, block, offset);
		/* nobody sees a row of a failed transaction, and it may have had other columns in these places */
		if (HeapTupleSatisfiesVacuumHorizon(&tuple, buffer, &dead_after) == HEAPTUPLE_DEAD)
			continue;
		if (made.columns.time_attnum != 0)
		{
			value = heap_getattr(&tuple, made.columns.time_attnum, desc, &isnull);
			if (!isnull)
			{
				made.time_min = Min(made.time_min, (int64) value);
				made.time_max = Max(made.time_max, (int64) value);
			}
		}
		for (i = 0; i < MAX_SERIES && made.columns.series[i] != 0; i++)
		{
			value = heap_getattr(&tuple, made.columns.series[i], desc, &isnull);
			if (!isnull && !TupleDescAttr(desc, made.columns.series[i] - 1)->attbyval &&
				TupleDescAttr(desc, made.columns.series[i] - 1)->attlen == -1 && VARATT_IS_EXTENDED(DatumGetPointer(value)) &&
				!VARATT_IS_SHORT(DatumGetPointer(value)))
			{
				/* not to be read under a page's lock: the page has no summary */
				LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
				return;
			}
			tsdb_bloom_add(made.bloom, tsdb_series_hash(made.columns.series[i], pages->series_types[i], value, isnull));
		}
	}
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);

	known = find_summary(pages, block, HASH_ENTER);
	made.key = known->key;
	*known = made;
}

TsdbRowPages *
tsdb_row_pages_begin(TableScanDesc heap, List *keys)
{
	HeapScanDesc scan = (HeapScanDesc) heap;
	Relation	rel = heap->rs_rd;
	TupleDesc	desc = RelationGetDescr(rel);
	TsdbRowPages *pages;
	TsdbTableOptions options;
	TsdbElement element;
	MemoryContext cxt;
	MemoryContext old;
	ListCell   *lc;
	int			nseries = 0;
	int			i;

	if (keys == NIL || heap->rs_parallel != NULL || scan->rs_nblocks < MIN_PAGES || !RelationNeedsWAL(rel) ||
		!(heap->rs_flags & SO_ALLOW_PAGEMODE) || !IsMVCCSnapshot(heap->rs_snapshot))
		return NULL;

	cxt = AllocSetContextCreate(CurrentMemoryContext, "tsdb row pages", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(cxt);
	pages = palloc0(sizeof(TsdbRowPages));
	pages->cxt = cxt;
	pages->scan = scan;
	tsdb_options_get_remembered(rel, &options);
	if (options.time_attnum != 0 &&
		tsdb_filter_element(getBaseType(TupleDescAttr(desc, options.time_attnum - 1)->atttypid), &element) &&
		element == TSDB_ELEM_I64)
		pages->columns.time_attnum = options.time_attnum;
	for (i = 0; i < options.nseries && nseries < MAX_SERIES; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, options.series[i] - 1);
		Oid			type = getBaseType(att->atttypid);

		if (!tsdb_series_hashable(type, att->attcollation))
			continue;
		pages->columns.series[nseries] = options.series[i];
		pages->series_types[nseries++] = type;
	}

	pages->time_min = PG_INT64_MIN;
	pages->time_max = PG_INT64_MAX;
	pages->groups = palloc(list_length(keys) * sizeof(TsdbBloomGroup));
	foreach(lc, keys)
	{
		TsdbScanKey *key = lfirst(lc);

		if (key->attnum == pages->columns.time_attnum && key->has_range)
		{
			pages->has_time = true;
			pages->time_min = Max(pages->time_min, key->range_min);
			pages->time_max = Min(pages->time_max, key->range_max);
		}
		for (i = 0; i < nseries; i++)
		{
			if (key->attnum == pages->columns.series[i] && tsdb_bloom_group(key, &pages->groups[pages->ngroups]))
				pages->ngroups++;
		}
	}
	MemoryContextSwitchTo(old);
	if (pages->has_time || pages->ngroups > 0)
		return pages;
	MemoryContextDelete(cxt);
	return NULL;
}

void
tsdb_row_pages_end(TsdbRowPages *pages)
{
	MemoryContextDelete(pages->cxt);
}

/* Goes to the next page that may match; false: there is none. */
static bool
next_page(TsdbRowPages *pages)
{
	while (pages->block < pages->scan->rs_nblocks)
	{
		BlockNumber block = pages->block++;

		CHECK_FOR_INTERRUPTS();
		if (can_skip(pages, block))
		{
			pages->skipped++;
			continue;
		}
		heapgetpage(&pages->scan->rs_base, block);
		summarise(pages, block);
		pages->next = 0;
		return true;
	}
	return false;
}

bool
tsdb_row_pages_next(TsdbRowPages *pages, TupleTableSlot *slot)
{
	HeapScanDesc scan = pages->scan;
	HeapTuple	tuple = &scan->rs_ctup;
	Page		page;
	ItemId		item;
	OffsetNumber offset;

	while (!pages->on_page || pages->next >= scan->rs_ntuples)
	{
		pages->on_page = next_page(pages);
		if (!pages->on_page)
		{
			ExecClearTuple(slot);
			return false;
		}
	}

	offset = scan->rs_vistuples[pages->next++];
	page = BufferGetPage(scan->rs_cbuf);
	item = PageGetItemId(page, offset);
	Assert(ItemIdIsNormal(item));
	tuple->t_data = (HeapTupleHeader) PageGetItem(page, item);
	tuple->t_len = ItemIdGetLength(item);
	ItemPointerSet(&tuple->t_self, scan->rs_cblock, offset);
	pgstat_count_heap_getnext(scan->rs_base.rs_rd);
	ExecStoreBufferHeapTuple(tuple, slot, scan->rs_cbuf);
	return true;
}

uint32
tsdb_row_pages_skipped(TsdbRowPages *pages)
{
	return pages->skipped;
}
