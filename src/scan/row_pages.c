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
 * A scan that is begun again and again with one snapshot keeps what it has seen of each page itself.  The rows of a page that a snapshot sees are the same
 * for ever: new ones are not for it, and those that it sees stay where they are.  So what is kept are the times and series of these rows, or that there are
 * none, without LSNs, of all kinds of tables; the page is not even looked at.
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
	RelFileLocator node;
	BlockNumber block;
} PageKey;

/* Times and series of rows of a page. */
typedef struct PageValues
{
	int64		time_min;		/* min > max: no row has a time */
	int64		time_max;
	uint64		bloom[TSDB_BLOOM_WORDS];
} PageValues;

typedef struct PageSummary
{
	PageKey		key;
	PageColumns columns;
	XLogRecPtr	lsn;
	PageValues	values;
} PageSummary;

/* What a scan has seen of a page. */
typedef enum SeenPageState
{
	PAGE_UNSEEN = 0,
	PAGE_EMPTY,					/* no row for the snapshot */
	PAGE_SUMMARISED,
	PAGE_TO_READ				/* it has rows that can't be summarised */
} SeenPageState;

typedef struct SeenPage
{
	SeenPageState state;
	PageValues	values;			/* of rows that the snapshot sees */
} SeenPage;

struct TsdbRowPages
{
	MemoryContext cxt;			/* this struct and all it points to */
	MemoryContext key_cxt;		/* of the keys' hashes */
	bool		remember;		/* summaries are made, and used, that outlive the scan */
	SeenPage   *seen;			/* [nblocks]; NULL: the scan is not begun again */
	BlockNumber nblocks;		/* when it was begun first: all rows for its snapshot are there */
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
	key.node = pages->scan->rs_base.rs_rd->rd_locator;
	key.block = block;
	summary = hash_search(summaries, &key, action, &found);
	if (summary != NULL && !found)
		summary->lsn = InvalidXLogRecPtr;
	return summary;
}

/* Can't a row of such a page match? */
static bool
rules_out(TsdbRowPages *pages, const PageValues *values)
{
	int			g;

	/* a NULL meets no key */
	if (pages->has_time && (values->time_min > pages->time_max || values->time_max < pages->time_min))
		return true;
	for (g = 0; g < pages->ngroups; g++)
	{
		bool		may = false;
		int			i;

		for (i = 0; i < pages->groups[g].n && !may; i++)
			may = tsdb_bloom_may_have(values->bloom, pages->groups[g].hashes[i]);
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
		memcmp(&summary->columns, &pages->columns, sizeof(PageColumns)) != 0 || !rules_out(pages, &summary->values))
		return false;
	buffer = ReadBufferExtended(pages->scan->rs_base.rs_rd, MAIN_FORKNUM, block, RBM_NORMAL, pages->scan->rs_strategy);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	same = PageGetLSN(BufferGetPage(buffer)) == summary->lsn;
	UnlockReleaseBuffer(buffer);
	return same;
}

static void
begin_values(PageValues *values)
{
	memset(values, 0, sizeof(*values));
	values->time_min = PG_INT64_MAX;
	values->time_max = PG_INT64_MIN;
}

/* Adds a row's values; false: they can't be read while a page is locked, or not so cheaply. */
static bool
add_values(TsdbRowPages *pages, HeapTuple tuple, PageValues *values)
{
	TupleDesc	desc = RelationGetDescr(pages->scan->rs_base.rs_rd);
	AttrNumber	time_attnum = pages->columns.time_attnum;
	bool		isnull;
	Datum		value;
	int			i;

	if (time_attnum != 0)
	{
		value = heap_getattr(tuple, time_attnum, desc, &isnull);
		if (!isnull)
		{
			values->time_min = Min(values->time_min, (int64) value);
			values->time_max = Max(values->time_max, (int64) value);
		}
	}
	for (i = 0; i < MAX_SERIES && pages->columns.series[i] != 0; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, pages->columns.series[i] - 1);

		value = heap_getattr(tuple, pages->columns.series[i], desc, &isnull);
		if (!isnull && !att->attbyval && att->attlen == -1 && VARATT_IS_EXTENDED(DatumGetPointer(value)) &&
			!VARATT_IS_SHORT(DatumGetPointer(value)))
			return false;
		tsdb_bloom_add(values->bloom, tsdb_series_hash(pages->columns.series[i], pages->series_types[i], value, isnull));
	}
	return true;
}

/* Makes the summary of the scan's page, unless it has one. */
static void
summarise(TsdbRowPages *pages, BlockNumber block)
{
	PageSummary *known = find_summary(pages, block, HASH_FIND);
	Buffer		buffer = pages->scan->rs_cbuf;
	Page		page = BufferGetPage(buffer);
	PageSummary made;
	TransactionId dead_after;
	OffsetNumber offset;
	OffsetNumber last;

	memset(&made, 0, sizeof(made));
	made.columns = pages->columns;
	begin_values(&made.values);

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

		if (!ItemIdIsNormal(item))
			continue;
		tuple.t_data = (HeapTupleHeader) PageGetItem(page, item);
		tuple.t_len = ItemIdGetLength(item);
		tuple.t_tableOid = RelationGetRelid(pages->scan->rs_base.rs_rd);
		ItemPointerSet(&tuple.t_self, block, offset);
		/* nobody sees a row of a failed transaction, and it may have had other columns in these places */
		if (HeapTupleSatisfiesVacuumHorizon(&tuple, buffer, &dead_after) == HEAPTUPLE_DEAD)
			continue;
		if (!add_values(pages, &tuple, &made.values))
		{
			/* the page has no summary */
			LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
			return;
		}
	}
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);

	known = find_summary(pages, block, HASH_ENTER);
	made.key = known->key;
	*known = made;
}

/* Row i that the snapshot sees of the scan's page, which is pinned. */
static inline void
visible_tuple(HeapScanDesc scan, int i, HeapTuple tuple)
{
	OffsetNumber offset = scan->rs_vistuples[i];
	Page		page = BufferGetPage(scan->rs_cbuf);
	ItemId		item = PageGetItemId(page, offset);

	Assert(ItemIdIsNormal(item));
	tuple->t_data = (HeapTupleHeader) PageGetItem(page, item);
	tuple->t_len = ItemIdGetLength(item);
	ItemPointerSet(&tuple->t_self, scan->rs_cblock, offset);
}

/* Keeps what the scan's page has for its snapshot. */
static void
note_seen(TsdbRowPages *pages, BlockNumber block)
{
	HeapScanDesc scan = pages->scan;
	SeenPage   *seen = &pages->seen[block];
	HeapTupleData tuple;
	int			i;

	if (seen->state != PAGE_UNSEEN)
		return;
	begin_values(&seen->values);
	seen->state = PAGE_TO_READ;
	for (i = 0; i < (int) scan->rs_ntuples; i++)
	{
		visible_tuple(scan, i, &tuple);
		if (!add_values(pages, &tuple, &seen->values))
			return;
	}
	seen->state = scan->rs_ntuples == 0 ? PAGE_EMPTY : PAGE_SUMMARISED;
}

/* What the keys leave of times and series. */
static void
set_keys(TsdbRowPages *pages, List *keys)
{
	MemoryContext old;
	ListCell   *lc;
	int			i;

	MemoryContextReset(pages->key_cxt);
	old = MemoryContextSwitchTo(pages->key_cxt);
	pages->has_time = false;
	pages->time_min = PG_INT64_MIN;
	pages->time_max = PG_INT64_MAX;
	pages->ngroups = 0;
	pages->groups = palloc(Max(list_length(keys), 1) * sizeof(TsdbBloomGroup));
	foreach(lc, keys)
	{
		TsdbScanKey *key = lfirst(lc);

		if (key->attnum == pages->columns.time_attnum && key->has_range)
		{
			pages->has_time = true;
			pages->time_min = Max(pages->time_min, key->range_min);
			pages->time_max = Min(pages->time_max, key->range_max);
		}
		for (i = 0; i < MAX_SERIES && pages->columns.series[i] != 0; i++)
		{
			if (key->attnum == pages->columns.series[i] && tsdb_bloom_group(key, &pages->groups[pages->ngroups]))
				pages->ngroups++;
		}
	}
	MemoryContextSwitchTo(old);
}

TsdbRowPages *
tsdb_row_pages_begin(TableScanDesc heap, List *keys, bool again)
{
	HeapScanDesc scan = (HeapScanDesc) heap;
	Relation	rel = heap->rs_rd;
	TupleDesc	desc = RelationGetDescr(rel);
	bool		remember = keys != NIL && scan->rs_nblocks >= MIN_PAGES && RelationNeedsWAL(rel);
	TsdbRowPages *pages;
	TsdbTableOptions options;
	TsdbElement element;
	MemoryContext cxt;
	MemoryContext old;
	int			nseries = 0;
	int			i;

	again = again && scan->rs_nblocks <= get_hash_memory_limit() / sizeof(SeenPage);
	if ((!remember && !again) || heap->rs_parallel != NULL || !(heap->rs_flags & SO_ALLOW_PAGEMODE) ||
		!IsMVCCSnapshot(heap->rs_snapshot))
		return NULL;

	cxt = AllocSetContextCreate(CurrentMemoryContext, "tsdb row pages", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(cxt);
	pages = palloc0(sizeof(TsdbRowPages));
	pages->cxt = cxt;
	pages->key_cxt = AllocSetContextCreate(cxt, "tsdb row page keys", ALLOCSET_SMALL_SIZES);
	pages->scan = scan;
	pages->remember = remember;
	pages->nblocks = scan->rs_nblocks;
	if (again)
		pages->seen = MemoryContextAllocExtended(cxt, Max(pages->nblocks, 1) * sizeof(SeenPage),
												 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
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
	MemoryContextSwitchTo(old);
	set_keys(pages, keys);
	if (again || pages->has_time || pages->ngroups > 0)
		return pages;
	MemoryContextDelete(cxt);
	return NULL;
}

void
tsdb_row_pages_restart(TsdbRowPages *pages, List *keys)
{
	set_keys(pages, keys);
	pages->block = 0;
	pages->on_page = false;
	pages->skipped = 0;
}

void
tsdb_row_pages_end(TsdbRowPages *pages)
{
	MemoryContextDelete(pages->cxt);
}

/* Is it known that the page has no row for us? */
static bool
leave_out(TsdbRowPages *pages, BlockNumber block)
{
	SeenPage   *seen = pages->seen ? &pages->seen[block] : NULL;
	bool		result;

	if (seen != NULL && seen->state == PAGE_EMPTY)
		return true;
	if (seen != NULL && seen->state == PAGE_SUMMARISED)
		result = rules_out(pages, &seen->values);
	else
		result = pages->remember && can_skip(pages, block);
	pages->skipped += result;
	return result;
}

/* Goes to the next page that may match; false: there is none. */
static bool
next_page(TsdbRowPages *pages)
{
	while (pages->block < pages->nblocks)
	{
		BlockNumber block = pages->block++;

		CHECK_FOR_INTERRUPTS();
		if (leave_out(pages, block))
			continue;
		compat_heap_get_page(&pages->scan->rs_base, block);
		if (pages->remember)
			summarise(pages, block);
		if (pages->seen != NULL)
			note_seen(pages, block);
		pages->next = 0;
		return true;
	}
	return false;
}

bool
tsdb_row_pages_next(TsdbRowPages *pages, TupleTableSlot *slot)
{
	HeapScanDesc scan = pages->scan;

	while (!pages->on_page || pages->next >= (int) scan->rs_ntuples)
	{
		pages->on_page = next_page(pages);
		if (!pages->on_page)
		{
			ExecClearTuple(slot);
			return false;
		}
	}

	visible_tuple(scan, pages->next++, &scan->rs_ctup);
	pgstat_count_heap_getnext(scan->rs_base.rs_rd);
	ExecStoreBufferHeapTuple(&scan->rs_ctup, slot, scan->rs_cbuf);
	return true;
}

uint32
tsdb_row_pages_skipped(TsdbRowPages *pages)
{
	return pages->skipped;
}
