/*-------------------------------------------------------------------------
 * tsdb_scan.c
 *	  TsdbScan: the custom scan over both stores of a table, a vector at a time.
 *
 * Rows of the row store come first, through heapam, and meet all conditions one by one.  Then the chunks that the
 * directory does not rule out: for each vector the zones are asked, then the filter clears the bits of
 * rows that do not pass, and only the rest meet the conditions that no filter can test ("quals").
 *
 * Columns are decoded when they are needed: those of a filter as it is evaluated, those of the quals when a row has
 * passed the filter, the others when one has passed the quals.  Columns that the query does not read are NULL in
 * the slot, and never decoded.
 *
 * Invariants: the scan's slot shows a row of the current vector or none, so that the set is filled anew for the
 * next; a row is returned in the position (chunk, vector, selected row), from which the scan goes on in either direction.
 *
 * In the plan: custom_exprs are the filter's clauses, then expressions of an order that depends on the time zone; custom_private is (columns
 * that are read), (time column), then for an order (column or 0, descending, TsdbScanOrder, how many such expressions), then for an order with series
 * their columns, and how they are sorted: operators, collations, NULLs first.
 *
 * In order: rows of the row store are sorted, and merged with those of the chunks (time_order.c).  Sorted rows are tuples
 * without system columns; the planner asks for no order where those are read.  Where the planner offered an order that does not hold when
 * the plan is executed (the zone is another, there are too many series), all rows are sorted.
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/sysattr.h"
#include "access/table.h"
#include "access/tableam.h"
#include "am/tsdb_am_internal.h"
#include "chunk/tombstone.h"
#include "commands/explain.h"
#include "executor/executor.h"
#include "kernels.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "scan/chunk_cache.h"
#include "scan/chunk_list.h"
#include "scan/chunk_prune.h"
#include "scan/last_rows.h"
#include "scan/monotone.h"
#include "scan/row_pages.h"
#include "scan/scan_filter.h"
#include "scan/time_order.h"
#include "scan/tsdb_scan.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/snapmgr.h"
#include "utils/spccache.h"
#include "utils/tuplesort.h"
#include "utils/typcache.h"

/* What EXPLAIN ANALYZE tells; in a parallel scan the sum over processes. */
typedef struct TsdbScanStats
{
	uint64		chunks;			/* that the snapshot sees, of the largest look */
	uint64		chunks_pruned;	/* by the directory */
	uint64		chunks_skipped; /* opened, but their zones or dictionaries let no row pass */
	uint64		chunks_read;
	uint64		vectors_skipped;	/* of chunks read */
	uint64		vectors_decoded;
	uint64		rows_filtered;	/* by the vectorised filter */
	uint64		row_store_rows; /* read from the row store */
	uint64		row_pages_skipped;	/* of the row store: known to have no row that matches */
} TsdbScanStats;

/* columns that a scan through a ring of 256 kB may read: a segment for each at a time, and some of the next ones */
#define RING_COLUMNS	24

/*
 * Chunks that are asked for ahead of the one that is read from end to end, and how much of them: enough for a device to be busy while a chunk is decoded.
 * Headers are asked for earlier, since chunks are opened to know where their segments are.
 */
#define MAX_AHEAD		16
#define AHEAD_BYTES		((uint64) 8 * 1024 * 1024)
#define HEADERS_AHEAD	8

#define NSTATS (sizeof(TsdbScanStats) / sizeof(uint64))

typedef struct SharedScan
{
	pg_atomic_uint64 stats[NSTATS];
	/* a ParallelTableScanDesc follows, MAXALIGNed */
} SharedScan;

#define SHARED_TABLE_SCAN(shared) ((ParallelTableScanDesc) ((char *) (shared) + MAXALIGN(sizeof(SharedScan))))

typedef enum ShownRow
{
	SHOWN_NONE,
	SHOWN_CHUNK_ROW,
	SHOWN_SORTED_ROW
} ShownRow;

typedef struct TsdbScanState
{
	CustomScanState css;
	List	   *filters;		/* clauses of the filter */
	TsdbFilter *filter;			/* NULL = none */
	ExprState  *filter_qual;	/* the same clauses, for rows that come one by one */
	ExprState  *qual;			/* the others */
	int			nearly;
	AttrNumber *early;			/* columns that "qual" reads */
	int			nlate;
	AttrNumber *late;			/* other columns that are read */

	TableScanDesc scan;			/* both stores; NULL before the first row is asked for */
	MemoryContext cxt;			/* entries, chunks and sets of this scan */
	bool		done;			/* the filter lets no row pass, whatever it is */
	bool		may_go_back;
	bool		rows_begun;		/* a row of the row store has been asked for */
	TsdbRowPages *row_pages;	/* reads the row store; NULL: heapam does */
	bool		in_chunks;		/* the row store has come to its end (forward) */
	bool		opened;			/* entries have been looked for */
	AttrNumber	time_attnum;	/* the table's time column, 0 = none */
	TsdbDirEntry *entries;		/* not ruled out, in order of change numbers */
	int			nentries;
	int			entry;			/* current one; -1 and nentries: before and after all */
	TsdbChunk  *chunk;			/* NULL = none */
	int			vector;			/* of it; -1 and nvectors: before and after all */
	TsdbVectorSet *set;
	uint16		rows[TSDB_VECTOR_ROWS]; /* of the vector, that passed the filter */
	int			nrows;
	int			position;		/* in rows; -1 and nrows: before and after all */
	bool		chunk_skipped;	/* no vector of the chunk has been decoded */
	bool		offered;		/* the current entry's chunk is not open yet: it has been offered as a whole */
	AttrNumber *columns;		/* [ncolumns] that are decoded: of filter, quals and result */
	int			ncolumns;
	int			io_concurrency; /* 0: nothing is prefetched */
	TsdbChunkCache *cache;		/* NULL: the scan is not begun again for each outer row */
	TsdbChunkList *list;		/* of the same scans, if they are serial */
	int			nahead;			/* chunks of the next entries that are open, and have been asked for */
	int			first_ahead;	/* entry of ahead[0] */
	int			max_ahead;		/* grows as the scan goes on */
	TsdbChunk  *ahead[MAX_AHEAD];
	BufferAccessStrategy strategy;	/* of a large scan */
	bool		slot_used;		/* the slot has values of columns that are not read */

	/* in order: rows of chunks as "order" gives them, merged with rows sorted */
	TsdbScanOrder order_by;
	AttrNumber	order_attnum;	/* of time; 0 = of series alone */
	bool		descending;
	TsdbOrderNulls nulls;		/* in the column of time */
	bool		all_rows;		/* all are sorted where the first of each series are wanted */
	List	   *order_exprs;	/* that are in this order in time zones like the planner's; NIL = none */
	List	   *order_states;	/* ExprStates of them */
	bool		by_exprs;		/* in the zone of now they are not: rows are sorted by them */
	TsdbSeriesRank *series;		/* NULL = in order of time alone, or all rows have been sorted */
	TsdbTimeOrder *order;		/* NULL: begun not yet, or all rows have been sorted */
	bool		order_begun;
	TsdbVectorSet *next_set;	/* row of "order" that comes next; NULL = none */
	uint32		next_row;
	uint64		next_series;
	int64		next_value;
	Tuplesortstate *sort;		/* NULL = none */
	TupleTableSlot *sorted;		/* its row that comes next; empty = none */
	TupleTableSlot *sorted_rows;	/* one of these two; the second has the expressions' values too */
	TupleTableSlot *sorted_with_exprs;
	TupleTableSlot *with_exprs; /* for rows on their way into the sort */
	bool		sorted_ranked;	/* of the sorted row that comes next the series' rank is known: */
	uint64		sorted_series;
	ShownRow	shown;			/* where the row that was returned last came from */

	SharedScan *shared;			/* NULL = serial */
	TsdbScanStats stats;
	TsdbScanStats total;		/* of all processes, once they have ended */
	bool		have_total;
} TsdbScanState;

const char *(*tsdb_scan_why_not_above) (const Agg *agg, bool joined) = NULL;

static Node *create_scan_state(CustomScan *cscan);
static void begin_scan(CustomScanState *node, EState *estate, int eflags);
static TupleTableSlot *exec_scan(CustomScanState *node);
static void end_scan(CustomScanState *node);
static void rescan(CustomScanState *node);
static Size estimate_dsm(CustomScanState *node, ParallelContext *pcxt);
static void initialize_dsm(CustomScanState *node, ParallelContext *pcxt, void *coordinate);
static void reinitialize_dsm(CustomScanState *node, ParallelContext *pcxt, void *coordinate);
static void initialize_worker(CustomScanState *node, shm_toc *toc, void *coordinate);
static void shutdown_scan(CustomScanState *node);
static void explain_scan(CustomScanState *node, List *ancestors, ExplainState *es);
static void forget_position(TsdbScanState *state);

const CustomScanMethods tsdb_scan_methods = {
	.CustomName = TSDB_SCAN_NAME,
	.CreateCustomScanState = create_scan_state
};

static const CustomExecMethods scan_exec_methods = {
	.CustomName = TSDB_SCAN_NAME,
	.BeginCustomScan = begin_scan,
	.ExecCustomScan = exec_scan,
	.EndCustomScan = end_scan,
	.ReScanCustomScan = rescan,
	.EstimateDSMCustomScan = estimate_dsm,
	.InitializeDSMCustomScan = initialize_dsm,
	.ReInitializeDSMCustomScan = reinitialize_dsm,
	.InitializeWorkerCustomScan = initialize_worker,
	.ShutdownCustomScan = shutdown_scan,
	.ExplainCustomScan = explain_scan
};

/* ------------------------------------------------------------------------
 * Start
 * ------------------------------------------------------------------------
 */

static Node *
create_scan_state(CustomScan *cscan)
{
	TsdbScanState *state = palloc0(sizeof(TsdbScanState));

	NodeSetTag(state, T_CustomScanState);
	state->css.methods = &scan_exec_methods;
	return (Node *) state;
}

/* Columns that are read: those of quals first, so that a row which they refuse costs no others. */
static void
set_columns(TsdbScanState *state, CustomScan *cscan, TupleDesc desc)
{
	List	   *read = linitial(cscan->custom_private);
	Bitmapset  *of_qual = NULL;
	Bitmapset  *decoded = NULL;
	bool		whole_row;
	ListCell   *lc;
	int			member = -1;

	pull_varattnos((Node *) cscan->scan.plan.qual, cscan->scan.scanrelid, &of_qual);
	whole_row = bms_is_member(0 - FirstLowInvalidHeapAttributeNumber, of_qual);
	state->early = palloc(desc->natts * sizeof(AttrNumber));
	state->late = palloc(desc->natts * sizeof(AttrNumber));
	foreach(lc, read)
	{
		AttrNumber	attnum = (AttrNumber) lfirst_int(lc);

		if (whole_row || bms_is_member(attnum - FirstLowInvalidHeapAttributeNumber, of_qual))
			state->early[state->nearly++] = attnum;
		else
			state->late[state->nlate++] = attnum;
	}
	bms_free(of_qual);

	pull_varattnos((Node *) cscan->custom_exprs, cscan->scan.scanrelid, &decoded);
	foreach(lc, read)
		decoded = bms_add_member(decoded, lfirst_int(lc) - FirstLowInvalidHeapAttributeNumber);
	state->columns = palloc(bms_num_members(decoded) * sizeof(AttrNumber));
	while ((member = bms_next_member(decoded, member)) >= 0)
	{
		if (member + FirstLowInvalidHeapAttributeNumber > 0)
			state->columns[state->ncolumns++] = (AttrNumber) (member + FirstLowInvalidHeapAttributeNumber);
	}
	bms_free(decoded);
}

/* The order that the plan asks for. */
static void
set_order(TsdbScanState *state, CustomScan *cscan, EState *estate, TupleDesc desc)
{
	List	   *order = lthird(cscan->custom_private);
	int			nexprs = lfourth_int(order);
	TupleDesc	extended;
	int			i;

	state->order_attnum = (AttrNumber) linitial_int(order);
	state->descending = lsecond_int(order) != 0;
	state->order_by = (TsdbScanOrder) lthird_int(order);
	state->nulls = (TsdbOrderNulls) list_nth_int(order, 4);
	state->sorted = state->sorted_rows = ExecInitExtraTupleSlot(estate, desc, &TTSOpsMinimalTuple);
	if (nexprs == 0)
		return;
	state->order_exprs = list_copy_tail(cscan->custom_exprs, list_length(state->filters));
	state->order_states = ExecInitExprList(state->order_exprs, &state->css.ss.ps);
	extended = CreateTemplateTupleDesc(desc->natts + nexprs);
	for (i = 0; i < desc->natts; i++)
		TupleDescCopyEntry(extended, i + 1, desc, i + 1);
	for (i = 0; i < nexprs; i++)
		TupleDescInitEntry(extended, desc->natts + i + 1, NULL, exprType(list_nth(state->order_exprs, i)), -1, 0);
	state->sorted_with_exprs = ExecInitExtraTupleSlot(estate, extended, &TTSOpsMinimalTuple);
	state->with_exprs = ExecInitExtraTupleSlot(estate, extended, &TTSOpsVirtual);
}

static void
begin_scan(CustomScanState *node, EState *estate, int eflags)
{
	TsdbScanState *state = (TsdbScanState *) node;
	ScanState  *ss = &node->ss;
	CustomScan *cscan = (CustomScan *) ss->ps.plan;
	Relation	rel = ss->ss_currentRelation;

	/*
	 * ExecInitCustomScan made a virtual scan slot and compiled expressions for it.  Our rows need the table's own slot
	 * type, for system columns and whole-row references; what was compiled is compiled anew, SubPlans are entered
	 * again as that happens.
	 */
	ExecInitScanTupleSlot(estate, ss, RelationGetDescr(rel), table_slot_callbacks(rel));
	ss->ps.subPlan = NIL;
	ExecAssignScanProjectionInfo(ss);
	/* tested by ourselves, between the early columns and the late ones */
	ss->ps.qual = NULL;
	state->qual = ExecInitQual(cscan->scan.plan.qual, &ss->ps);
	state->filters = cscan->custom_exprs;
	if (list_length(cscan->custom_private) > 2)
		state->filters = list_truncate(list_copy(cscan->custom_exprs), list_length(cscan->custom_exprs) -
									   lfourth_int(lthird(cscan->custom_private)));
	state->filter_qual = ExecInitQual(state->filters, &ss->ps);
	if (state->filters != NIL)
		state->filter = tsdb_filter_create(state->filters, cscan->scan.scanrelid, &ss->ps, RelationGetDescr(rel));
	set_columns(state, cscan, RelationGetDescr(rel));
	state->cxt = AllocSetContextCreate(estate->es_query_cxt, "TsdbScan", ALLOCSET_DEFAULT_SIZES);
	state->slot_used = true;
	state->may_go_back = (eflags & EXEC_FLAG_BACKWARD) != 0;
	state->io_concurrency = get_tablespace_io_concurrency(rel->rd_rel->reltablespace);
	/* the rows of an outer relation, or what is computed once */
	if (!bms_is_empty(cscan->scan.plan.extParam))
	{
		state->cache = tsdb_chunk_cache_create(state->cxt);
		state->list = tsdb_chunk_list_create(state->cxt);
	}
	state->time_attnum = (AttrNumber) linitial_int(lsecond(cscan->custom_private));
	if (list_length(cscan->custom_private) > 2)
		set_order(state, cscan, estate, RelationGetDescr(rel));
}

/* Stands before the first row of both stores. */
static void
begin_stores(TsdbScanState *state)
{
	state->in_chunks = false;
	state->opened = false;
	state->entry = -1;
	state->position = -1;
	state->nrows = 0;
}

/* Begins to read both stores, and evaluates what the filter compares with. */
static void
start_scan(TsdbScanState *state)
{
	EState	   *estate = state->css.ss.ps.state;

	if (state->scan == NULL)
		state->scan = table_beginscan(state->css.ss.ss_currentRelation, estate->es_snapshot, 0, NULL);
	state->css.ss.ss_currentScanDesc = state->scan;
	if (state->cache != NULL)
		tsdb_chunk_cache_next_scan(state->cache);
	state->done = state->filter != NULL && !tsdb_filter_start(state->filter);
	begin_stores(state);
	if (!state->done && ScanDirectionIsBackward(estate->es_direction))
		state->in_chunks = true;
}

/* ------------------------------------------------------------------------
 * Chunks
 * ------------------------------------------------------------------------
 */

static void
close_set(TsdbScanState *state)
{
	if (state->set != NULL)
	{
		ExecClearTuple(state->css.ss.ss_ScanTupleSlot);
		tsdb_vector_set_detach(state->set);
		state->set = NULL;
	}
}

static void
close_chunk(TsdbScanState *state)
{
	close_set(state);
	if (state->chunk != NULL)
	{
		if (state->chunk_skipped)
			state->stats.chunks_skipped++;
		else
			state->stats.chunks_read++;
		tsdb_chunk_release(state->chunk);
		state->chunk = NULL;
	}
	state->nrows = 0;
	state->position = -1;
}

/*
 * Large scans read through a ring of buffers, as heapam's do, so that they leave the others' pages where they are.  Vectors of
 * each column in turn come from a segment of their own, so that the ring must hold one for each.
 */
static void
choose_strategy(TsdbScanState *state, TsdbStore *store)
{
	uint64		bytes = 0;
	int			i;

	if (store->strategy != NULL)
		return;
	for (i = 0; i < state->nentries; i++)
		bytes += state->entries[i].d.stored_bytes;
	if (bytes / BLCKSZ > (uint64) NBuffers / 4 && state->ncolumns <= RING_COLUMNS &&
		!RelationUsesLocalBuffers(store->toastrel))
		store->strategy = state->strategy = GetAccessStrategy(BAS_BULKREAD);
}

static List *
filter_keys(TsdbScanState *state)
{
	return state->filter ? tsdb_filter_keys(state->filter) : NIL;
}

/* Begins a look at the list of chunks that earlier scans have made; false: it does not know those that this one wants. */
static bool
look_at_list(TsdbScanState *state, TsdbStore *store)
{
	return state->list != NULL && state->shared == NULL && store != NULL &&
		tsdb_chunk_list_look(state->list, store, state->css.ss.ps.state->es_snapshot, filter_keys(state), state->time_attnum);
}

/*
 * Looks for the chunks that may have rows for us.  walk: the caller can take them from the list one by one; true: it shall, and there are
 * no entries.
 */
static bool
find_entries(TsdbScanState *state, bool walk)
{
	TsdbStore  *store = tsdb_cursor_store(tsdb_scan_cursor(state->scan));
	MemoryContext old;
	uint32		total = 0;
	bool		listed = look_at_list(state, store);

	/* rows without a time would have to be found first, in all chunks */
	if (listed && walk && (state->nulls == TSDB_NULLS_NONE || !tsdb_chunk_list_may_have_nulls(state->list, state->order_attnum)))
	{
		state->stats.chunks += tsdb_chunk_list_total(state->list);
		return true;
	}
	old = MemoryContextSwitchTo(state->cxt);
	if (listed)
		state->entries = tsdb_chunk_list_all(state->list, &state->nentries, &total);
	else if (store != NULL)
	{
		state->entries = tsdb_prune_chunks(store, state->css.ss.ps.state->es_snapshot, filter_keys(state),
										   state->time_attnum, &state->nentries, &total);
		if (state->list != NULL)
			tsdb_chunk_list_saw(state->list, total);
	}
	Assert(state->nahead == 0);
	state->max_ahead = 1;
	if (store != NULL)
		choose_strategy(state, store);
	state->entry = ScanDirectionIsBackward(state->css.ss.ps.state->es_direction) ? state->nentries : -1;
	if (state->shared == NULL || !IsParallelWorker())
	{
		state->stats.chunks += total;
		state->stats.chunks_pruned += total - state->nentries;
	}
	state->opened = true;
	MemoryContextSwitchTo(old);
	return false;
}

/*
 * The index of the next entry that is ours to read.  In a parallel scan each process has its own list of entries, of the
 * same snapshot and conditions: one that another process has ruled out and we have not has no rows for us either.
 */
static int
next_entry(TsdbScanState *state, bool forward)
{
	pg_atomic_uint64 *shared = tsdb_scan_next_change(state->scan);
	uint64		next;
	int			i;

	if (!forward)
		return state->entry - 1;
	if (shared == NULL)
		return state->entry + 1;

	next = pg_atomic_read_u64(shared);
	i = state->entry + 1;
	for (;;)
	{
		while (i < state->nentries && state->entries[i].change < next)
			i++;
		if (i >= state->nentries)
			return state->nentries;
		if (pg_atomic_compare_exchange_u64(shared, &next, (uint64) state->entries[i].change + 1))
			return i;
	}
}

/* The vectors of the open chunk that the zones let through, as bits. */
static uint64
vectors_to_read(TsdbScanState *state)
{
	uint64		vectors = 0;
	uint32		v;

	for (v = 0; v < state->chunk->nvectors; v++)
	{
		if (state->filter == NULL || tsdb_filter_zone(state->filter, v) != TSDB_FILTER_NONE)
			vectors |= UINT64CONST(1) << v;
	}
	return vectors;
}

static void
close_ahead(TsdbScanState *state)
{
	while (state->nahead > 0)
		tsdb_chunk_release(state->ahead[--state->nahead]);
}

/*
 * Asks for what will be read of the open chunk, and, if this one is read from end to end, opens the next ones to ask for them.
 */
static void
prefetch_chunks(TsdbScanState *state, bool asked)
{
	TsdbStore  *store = tsdb_cursor_store(tsdb_scan_cursor(state->scan));
	uint64		vectors;
	uint64		bytes = 0;
	bool		cold = false;
	int			nopened = 0;
	int			i;

	if (state->io_concurrency == 0 || state->cache != NULL)
		return;
	vectors = vectors_to_read(state);
	if (!asked)
		cold = tsdb_chunk_prefetch(state->chunk, state->columns, state->ncolumns, vectors);
	if (tsdb_scan_next_change(state->scan) != NULL ||
		(uint32) tsdb_kernels->bitmap_count(&vectors, 64) < state->chunk->nvectors)
		return;
	for (i = 0; i < state->nahead; i++)
		bytes += state->ahead[i]->entry.d.stored_bytes;
	state->first_ahead = state->entry + 1;
	while (state->nahead < state->max_ahead && bytes < AHEAD_BYTES)
	{
		TsdbChunk  *chunk;

		i = state->first_ahead + state->nahead;
		if (i >= state->nentries)
			break;
		if (i + HEADERS_AHEAD < state->nentries)
			(void) tsdb_store_prefetch(store, BlockIdGetBlockNumber(&state->entries[i + HEADERS_AHEAD].d.header_blk));
		chunk = tsdb_chunk_open_bare(store, &state->entries[i], RelationGetDescr(state->css.ss.ss_currentRelation),
									 state->css.ss.ps.state->es_snapshot, state->cxt);
		state->ahead[state->nahead++] = chunk;
		nopened++;
		cold = tsdb_chunk_prefetch(chunk, state->columns, state->ncolumns, PG_UINT64_MAX) || cold;
		bytes += chunk->entry.d.stored_bytes;
	}
	/* who wants a few rows is not made to pay for many, nor who finds them in shared buffers */
	if (nopened > 0)
		state->max_ahead = cold ? Min(state->max_ahead * 2, MAX_AHEAD) : Max(state->max_ahead / 2, 1);
}

/* Opens the chunk of the current entry, unless it has been opened ahead (and asked for). */
static TsdbChunk *
open_entry(TsdbScanState *state, bool *asked)
{
	TsdbStore  *store = tsdb_cursor_store(tsdb_scan_cursor(state->scan));
	Snapshot	snapshot = state->css.ss.ps.state->es_snapshot;

	*asked = false;
	while (state->nahead > 0 && state->first_ahead <= state->entry)
	{
		TsdbChunk  *chunk = state->ahead[0];

		state->nahead--;
		memmove(&state->ahead[0], &state->ahead[1], state->nahead * sizeof(TsdbChunk *));
		*asked = state->first_ahead++ == state->entry;
		if (*asked)
		{
			tsdb_chunk_read_tombstones(chunk, snapshot);
			return chunk;
		}
		tsdb_chunk_release(chunk);	/* answered without being opened */
	}
	/* the scan has gone back */
	close_ahead(state);
	return tsdb_chunk_cache_open(state->cache, store, &state->entries[state->entry],
								 RelationGetDescr(state->css.ss.ss_currentRelation), snapshot, state->cxt);
}

/* Leaves the chunk, if one is open, and goes to the next entry in this direction. */
static bool
step_entry(TsdbScanState *state, bool forward)
{
	if (!state->opened)
		(void) find_entries(state, false);
	CHECK_FOR_INTERRUPTS();
	close_chunk(state);
	if (forward ? state->entry >= state->nentries : state->entry < 0)
		return false;
	state->entry = next_entry(state, forward);
	return state->entry >= 0 && state->entry < state->nentries;
}

/* Opens the entry's chunk and stands before (after) its first (last) vector; false: no row of it passes. */
static bool
enter_chunk(TsdbScanState *state, bool forward)
{
	bool		asked;

	state->chunk = open_entry(state, &asked);
	state->chunk_skipped = true;
	if (state->filter != NULL && tsdb_filter_set_chunk(state->filter, state->chunk) == TSDB_FILTER_NONE)
		return false;
	if (forward)
		prefetch_chunks(state, asked);
	state->vector = forward ? -1 : (int) state->chunk->nvectors;
	return true;
}

/* Goes to the next chunk in this direction, and stands before (after) its first (last) vector. */
static bool
step_chunk(TsdbScanState *state, bool forward)
{
	while (step_entry(state, forward))
	{
		if (enter_chunk(state, forward))
			return true;
	}
	return false;
}

static inline void
note_decoded(TsdbScanState *state)
{
	state->stats.vectors_decoded++;
	if (state->chunk_skipped)
		tsdb_chunk_index_was_read(&state->chunk->entry);
	state->chunk_skipped = false;
}

/* Fills "rows" with those of the current vector that pass the filter; false: there is none. */
static bool
select_rows(TsdbScanState *state)
{
	TsdbChunk  *chunk = state->chunk;
	TsdbFilterVerdict verdict = TSDB_FILTER_ALL;
	uint64		rows[TSDB_VECTOR_WORDS];
	uint32		nrows;
	int			alive;

	if (state->filter != NULL)
		verdict = tsdb_filter_zone(state->filter, (uint32) state->vector);
	if (verdict == TSDB_FILTER_NONE)
	{
		state->stats.vectors_skipped++;
		return false;
	}

	/* the slot lets go first, so that the set can be filled anew */
	ExecClearTuple(state->css.ss.ss_ScanTupleSlot);
	state->set = tsdb_vector_set(chunk, (uint32) state->vector, state->set, state->cxt);
	nrows = state->set->nrows;
	alive = tsdb_alive_rows(chunk, (uint32) state->vector, rows);
	note_decoded(state);
	if (verdict == TSDB_FILTER_SOME && !tsdb_filter_rows(state->filter, state->set, rows))
		state->nrows = 0;
	else
		state->nrows = tsdb_kernels->bitmap_to_rows(rows, (int) nrows, state->rows);
	state->stats.rows_filtered += alive - state->nrows;
	if (pgstat_should_count_relation(state->css.ss.ss_currentRelation))
		PGSTAT_TABLE_COUNT(state->css.ss.ss_currentRelation, tuples_returned) += alive;
	return state->nrows > 0;
}

static inline void
show_columns(TupleTableSlot *slot, TsdbVectorSet *set, uint32 row, const AttrNumber *attnums, int n)
{
	int			i;

	for (i = 0; i < n; i++)
	{
		TsdbVectorColumn *column = &set->columns[attnums[i] - 1];

		if (unlikely(!column->decoded))
		{
			if (set->few_rows > 0)
			{
				slot->tts_values[attnums[i] - 1] = tsdb_vector_value(set, attnums[i], row, &slot->tts_isnull[attnums[i] - 1]);
				continue;
			}
			tsdb_vector_decode(set, attnums[i]);
		}
		slot->tts_values[attnums[i] - 1] = column->values[row];
		slot->tts_isnull[attnums[i] - 1] = column->isnull[row];
	}
}

/* Shows a row with its early columns. */
static inline void
show_early(TsdbScanState *state, TupleTableSlot *slot, TsdbVectorSet *set, uint32 row)
{
	tsdb_slot_store_chunk_row(slot, set, row);
	tsdb_vector_count_row(set);
	if (unlikely(state->slot_used))
	{
		/* columns that nobody reads are not what another row left there */
		memset(slot->tts_values, 0, slot->tts_tupleDescriptor->natts * sizeof(Datum));
		memset(slot->tts_isnull, true, slot->tts_tupleDescriptor->natts * sizeof(bool));
		state->slot_used = false;
	}
	show_columns(slot, set, row, state->early, state->nearly);
	slot->tts_nvalid = slot->tts_tupleDescriptor->natts;
}

/* Shows a row with all columns that are read. */
static inline void
fill_row(TsdbScanState *state, TupleTableSlot *slot, TsdbVectorSet *set, uint32 row)
{
	show_early(state, slot, set, row);
	show_columns(slot, set, row, state->late, state->nlate);
}

/* Does a row of a set pass the quals?  Shows it if it does. */
static inline bool
show_row(TsdbScanState *state, TupleTableSlot *slot, TsdbVectorSet *set, uint32 row)
{
	ExprContext *econtext = state->css.ss.ps.ps_ExprContext;

	show_early(state, slot, set, row);
	if (state->qual != NULL)
	{
		econtext->ecxt_scantuple = slot;
		if (!ExecQual(state->qual, econtext))
		{
			InstrCountFiltered1(&state->css, 1);
			ResetExprContext(econtext);
			return false;
		}
	}
	show_columns(slot, set, row, state->late, state->nlate);
	return true;
}

/* The next row of chunks that passes filter and quals, in this direction; false at the end. */
static bool
next_chunk_row(TsdbScanState *state, TupleTableSlot *slot, bool forward)
{
	for (;;)
	{
		state->position += forward ? 1 : -1;
		for (; state->position >= 0 && state->position < state->nrows; state->position += forward ? 1 : -1)
		{
			if (show_row(state, slot, state->set, state->rows[state->position]))
				return true;
		}

		/* on to another vector that has rows */
		ExecClearTuple(slot);
		state->nrows = 0;
		for (;;)
		{
			CHECK_FOR_INTERRUPTS();
			if (state->chunk == NULL || (forward ? ++state->vector >= (int) state->chunk->nvectors : --state->vector < 0))
			{
				if (!step_chunk(state, forward))
					return false;
				continue;
			}
			if (select_rows(state))
				break;
		}
		state->position = forward ? -1 : state->nrows;
	}
}

/* ------------------------------------------------------------------------
 * Both stores
 * ------------------------------------------------------------------------
 */

static void
begin_row_pages(TsdbScanState *state, TableScanDesc heap)
{
	bool		again = state->cache != NULL && state->shared == NULL && !OldSnapshotThresholdActive();

	if (state->row_pages != NULL)
		tsdb_row_pages_restart(state->row_pages, filter_keys(state));
	else if (state->filter != NULL || again)
	{
		MemoryContext old = MemoryContextSwitchTo(state->cxt);

		state->row_pages = tsdb_row_pages_begin(heap, filter_keys(state), again);
		MemoryContextSwitchTo(old);
	}
}

/* The next row of the row store that passes all conditions; false at the end. */
static bool
next_heap_row(TsdbScanState *state, TupleTableSlot *slot, ScanDirection direction)
{
	ExprContext *econtext = state->css.ss.ps.ps_ExprContext;
	TableScanDesc heap = tsdb_scan_heap(state->scan);

	if (!state->rows_begun && !state->may_go_back)
		begin_row_pages(state, heap);
	state->rows_begun = true;

	for (;;)
	{
		bool		found;

		CHECK_FOR_INTERRUPTS();
		if (state->row_pages != NULL)
			found = tsdb_row_pages_next(state->row_pages, tsdb_slot_inner(slot));
		else
			found = TSDB_HEAPAM->scan_getnextslot(heap, direction, tsdb_slot_inner(slot));
		if (!found)
		{
			ExecClearTuple(slot);
			return false;
		}
		tsdb_slot_took_heap_row(slot, true);
		state->slot_used = true;
		state->stats.row_store_rows++;
		econtext->ecxt_scantuple = slot;
		if (ExecQual(state->filter_qual, econtext) && ExecQual(state->qual, econtext))
			return true;
		InstrCountFiltered1(&state->css, 1);
		ResetExprContext(econtext);
	}
}

/* ------------------------------------------------------------------------
 * In order
 * ------------------------------------------------------------------------
 */

/* By series, then by time or what depends on it; the last row of each series by series alone. */
static void
begin_sort(TsdbScanState *state)
{
	CustomScan *cscan = (CustomScan *) state->css.ss.ps.plan;
	TupleDesc	desc = RelationGetDescr(state->css.ss.ss_currentRelation);
	int			nseries = state->order_by == TSDB_ORDER_TIME ? 0 : list_length(list_nth(cscan->custom_private, 3));
	int			nkeys = nseries + 1 + list_length(state->order_exprs);
	AttrNumber *attnums = palloc(nkeys * sizeof(AttrNumber));
	Oid		   *ops = palloc(nkeys * sizeof(Oid));
	Oid		   *collations = palloc0(nkeys * sizeof(Oid));
	bool	   *nulls_first = palloc(nkeys * sizeof(bool));
	int			n;

	for (n = 0; n < nseries; n++)
	{
		attnums[n] = (AttrNumber) list_nth_int(list_nth(cscan->custom_private, 3), n);
		ops[n] = list_nth_oid(list_nth(cscan->custom_private, 4), n);
		collations[n] = list_nth_oid(list_nth(cscan->custom_private, 5), n);
		nulls_first[n] = list_nth_int(list_nth(cscan->custom_private, 6), n) != 0;
	}
	for (nkeys = nseries; state->order_by != TSDB_ORDER_LAST_ROWS || state->all_rows; nkeys++)
	{
		int			i = nkeys - nseries;
		Oid			typid;
		TypeCacheEntry *type;

		if (state->by_exprs ? i >= list_length(state->order_exprs) : i > 0 || state->order_attnum == 0)
			break;
		typid = state->by_exprs ? exprType(list_nth(state->order_exprs, i)) :
			TupleDescAttr(desc, state->order_attnum - 1)->atttypid;
		type = lookup_type_cache(getBaseType(typid), TYPECACHE_LT_OPR | TYPECACHE_GT_OPR);
		attnums[nkeys] = (AttrNumber) (state->by_exprs ? desc->natts + i + 1 : state->order_attnum);
		ops[nkeys] = state->descending ? type->gt_opr : type->lt_opr;
		nulls_first[nkeys] = state->nulls == TSDB_NULLS_FIRST;
	}
	state->sorted = state->by_exprs ? state->sorted_with_exprs : state->sorted_rows;
	state->sort = tuplesort_begin_heap(state->sorted->tts_tupleDescriptor, nkeys, attnums, ops, collations, nulls_first,
									   work_mem, NULL, TUPLESORT_NONE);
	pfree(attnums);
	pfree(ops);
	pfree(collations);
	pfree(nulls_first);
}

/* Puts a row into the sort. */
static void
sort_row(TsdbScanState *state, TupleTableSlot *slot)
{
	if (state->by_exprs)
	{
		ExprContext *econtext = state->css.ss.ps.ps_ExprContext;
		TupleTableSlot *extended = state->with_exprs;
		int			natts = slot->tts_tupleDescriptor->natts;
		ListCell   *lc;

		slot_getallattrs(slot);
		ExecClearTuple(extended);
		memcpy(extended->tts_values, slot->tts_values, natts * sizeof(Datum));
		memcpy(extended->tts_isnull, slot->tts_isnull, natts * sizeof(bool));
		econtext->ecxt_scantuple = slot;
		foreach(lc, state->order_states)
		{
			int			i = natts + foreach_current_index(lc);

			extended->tts_values[i] = ExecEvalExprSwitchContext(lfirst(lc), econtext, &extended->tts_isnull[i]);
		}
		ExecStoreVirtualTuple(extended);
		slot = extended;
	}
	tuplesort_puttupleslot(state->sort, slot);
	ResetExprContext(state->css.ss.ps.ps_ExprContext);
}

static void
next_sorted(TsdbScanState *state)
{
	state->sorted_ranked = false;
	if (!tuplesort_gettupleslot(state->sort, true, false, state->sorted, NULL))
		ExecClearTuple(state->sorted);
}

/* The next row of chunks in order that passes the quals. */
static void
next_ordered(TsdbScanState *state, TupleTableSlot *slot)
{
	/* the slot may show a row of a set that is going to be let go of */
	ExecClearTuple(slot);
	while (tsdb_time_order_next(state->order, &state->next_set, &state->next_row, &state->next_series, &state->next_value))
	{
		if (state->qual == NULL || show_row(state, slot, state->next_set, state->next_row))
			return;
		ExecClearTuple(slot);
	}
	state->next_set = NULL;
}

static void
add_counts(TsdbScanStats *stats, const TsdbTimeOrderCounts *counts)
{
	stats->chunks_pruned += counts->chunks_pruned;
	stats->chunks_read += counts->chunks_read;
	stats->chunks_skipped += counts->chunks_skipped;
	stats->vectors_decoded += counts->vectors_decoded;
	stats->vectors_skipped += counts->vectors_skipped;
	stats->rows_filtered += counts->rows_filtered;
}

static void
end_series(TsdbScanState *state)
{
	if (state->series != NULL)
		tsdb_series_rank_end(state->series);
	state->series = NULL;
}

static void
end_order(TsdbScanState *state)
{
	TsdbTimeOrderCounts counts;

	if (state->order == NULL)
		return;
	ExecClearTuple(state->css.ss.ss_ScanTupleSlot);
	tsdb_time_order_end(state->order, &counts);
	state->order = NULL;
	state->next_set = NULL;
	add_counts(&state->stats, &counts);
	end_series(state);
}

/* The last row of each series, sorted by series; false: rows without a time are in the way, and what was read is to be read again. */
static bool
sort_last_rows(TsdbScanState *state, TupleTableSlot *slot)
{
	CustomScan *cscan = (CustomScan *) state->css.ss.ps.plan;
	List	   *keys = list_nth(cscan->custom_private, 3);
	TupleDesc	desc = RelationGetDescr(state->css.ss.ss_currentRelation);
	AttrNumber *columns = palloc((state->nearly + state->nlate) * sizeof(AttrNumber));
	TsdbLastRows *last;
	TsdbTimeOrderCounts counts;
	MinimalTuple tuple;
	bool		isnull = false;

	begin_sort(state);
	memcpy(columns, state->early, state->nearly * sizeof(AttrNumber));
	memcpy(columns + state->nearly, state->late, state->nlate * sizeof(AttrNumber));
	last = tsdb_last_rows_begin(desc, keys, state->order_attnum, state->descending, columns, state->nearly + state->nlate,
								state->cxt);

	while (!isnull && next_heap_row(state, slot, ForwardScanDirection))
	{
		if (state->nulls != TSDB_NULLS_NONE)
			(void) slot_getattr(slot, state->order_attnum, &isnull);
		if (!isnull)
			tsdb_last_rows_add(last, slot);
		ResetExprContext(state->css.ss.ps.ps_ExprContext);
	}
	if (!isnull)
		(void) find_entries(state, false);
	if (isnull || (state->nulls != TSDB_NULLS_NONE && tsdb_entries_may_have_nulls(state->entries, state->nentries, state->order_attnum)))
	{
		tsdb_last_rows_end(last, &counts);
		pfree(columns);
		return false;
	}
	tsdb_last_rows_look(last, tsdb_cursor_store(tsdb_scan_cursor(state->scan)), state->entries, state->nentries,
						state->css.ss.ps.state->es_snapshot, state->filter);
	/* columns that nobody reads are NULL */
	ExecClearTuple(slot);
	memset(slot->tts_values, 0, desc->natts * sizeof(Datum));
	memset(slot->tts_isnull, true, desc->natts * sizeof(bool));
	state->slot_used = true;
	while (tsdb_last_rows_next(last, &tuple, slot->tts_values, slot->tts_isnull))
	{
		CHECK_FOR_INTERRUPTS();
		if (tuple != NULL)
		{
			ExecStoreMinimalTuple(tuple, state->sorted, false);
			tuplesort_puttupleslot(state->sort, state->sorted);
			continue;
		}
		ExecStoreVirtualTuple(slot);
		tuplesort_puttupleslot(state->sort, slot);
		ExecClearTuple(slot);
	}
	ExecClearTuple(state->sorted);
	tsdb_last_rows_end(last, &counts);
	pfree(columns);
	add_counts(&state->stats, &counts);
	tuplesort_performsort(state->sort);
	next_sorted(state);
	return true;
}

/* Are rows in order of time in the order that is wanted, in the session's zone of now? */
static bool
order_holds(TsdbScanState *state)
{
	CustomScan *cscan = (CustomScan *) state->css.ss.ps.plan;
	ListCell   *lc;

	foreach(lc, state->order_exprs)
	{
		bool		zoned;

		if (!tsdb_monotone_in(lfirst(lc), cscan->scan.scanrelid, state->order_attnum, &zoned))
			return false;
	}
	return true;
}

/*
 * Rows of chunks that have no time go into the sort, since the order of chunks leaves them out; as a rule there are few.  Read are chunks
 * of which the directory, and vectors of which the header says that they have such rows.
 */
static void
sort_nulls(TsdbScanState *state, TupleTableSlot *slot)
{
	TsdbScanStats before = state->stats;

	for (state->entry = 0; state->entry < state->nentries; state->entry++)
	{
		const TsdbVector *vectors = NULL;
		int			column;
		bool		asked;

		CHECK_FOR_INTERRUPTS();
		if (!tsdb_entry_may_have_nulls(&state->entries[state->entry].d, state->order_attnum))
			continue;
		state->chunk = open_entry(state, &asked);
		state->chunk_skipped = true;
		column = tsdb_chunk_column(state->chunk, state->order_attnum);
		if (column >= 0)
			vectors = tsdb_chunk_vectors(state->chunk, column);
		if (state->filter == NULL || tsdb_filter_set_chunk(state->filter, state->chunk) != TSDB_FILTER_NONE)
		{
			for (state->vector = 0; state->vector < (int) state->chunk->nvectors; state->vector++)
			{
				if ((vectors != NULL && vectors[state->vector].nnulls == 0) || !select_rows(state))
					continue;
				tsdb_vector_decode(state->set, state->order_attnum);
				for (state->position = 0; state->position < state->nrows; state->position++)
				{
					uint16		row = state->rows[state->position];

					if (!state->set->columns[state->order_attnum - 1].isnull[row] || !show_row(state, slot, state->set, row))
						continue;
					if (state->sort == NULL)
						begin_sort(state);
					sort_row(state, slot);
				}
			}
		}
		close_chunk(state);
	}
	/* what was read is read again in order, and counted then */
	before.vectors_decoded = state->stats.vectors_decoded;
	state->stats = before;
}

/* Rows of the row store are sorted; as a rule there are few.  Rows of chunks too, if there is no way round it. */
static void
begin_ordered(TsdbScanState *state, TupleTableSlot *slot)
{
	CustomScan *cscan = (CustomScan *) state->css.ss.ps.plan;
	TsdbStore  *store;
	TsdbChunkList *list = NULL;
	bool		sort_all;

	state->order_begun = true;
	if (state->order_by == TSDB_ORDER_LAST_ROWS)
	{
		TsdbScanStats before = state->stats;

		if (sort_last_rows(state, slot))
			return;
		/* from the beginning: who asks for the first row of each series takes them from all rows in order, too */
		forget_position(state);
		state->stats = before;
		table_rescan(state->scan, NULL);
		begin_stores(state);
		state->order_begun = true;
		state->all_rows = true;
	}
	state->by_exprs = !order_holds(state);
	sort_all = state->by_exprs || state->all_rows;
	if (state->order_by == TSDB_ORDER_SERIES && !sort_all)
		state->series = tsdb_series_rank_begin(RelationGetDescr(state->css.ss.ss_currentRelation),
											   list_nth(cscan->custom_private, 3), list_nth(cscan->custom_private, 4),
											   list_nth(cscan->custom_private, 5), list_nth(cscan->custom_private, 6),
											   state->cxt);
	while (next_heap_row(state, slot, ForwardScanDirection))
	{
		if (state->sort == NULL)
			begin_sort(state);
		if (state->series != NULL)
			tsdb_series_rank_add(state->series, slot);
		sort_row(state, slot);
	}
	store = tsdb_cursor_store(tsdb_scan_cursor(state->scan));
	if (find_entries(state, state->order_by == TSDB_ORDER_TIME && !sort_all))
		list = state->list;
	if (state->nentries == 0)
		end_series(state);
	else if (state->series != NULL &&
			 !tsdb_series_rank_look(state->series, store, state->entries, state->nentries,
									state->css.ss.ps.state->es_snapshot))
	{
		end_series(state);
		sort_all = true;
	}
	if (sort_all)
	{
		if (state->sort == NULL)
			begin_sort(state);
		while (next_chunk_row(state, slot, true))
			sort_row(state, slot);
	}
	else if (state->nulls != TSDB_NULLS_NONE)
		sort_nulls(state, slot);
	if (state->sort != NULL)
	{
		tuplesort_performsort(state->sort);
		next_sorted(state);
	}
	if ((list != NULL || state->nentries > 0) && !sort_all)
	{
		state->order = tsdb_time_order_begin(store, state->cache, list, state->entries, state->nentries,
											 state->css.ss.ps.state->es_snapshot, state->filter, state->series,
											 state->order_attnum, state->descending, state->nulls != TSDB_NULLS_NONE,
											 state->nearly + state->nlate, state->cxt);
		next_ordered(state, slot);
	}
}

/* Too many vectors would be open at a time: sorts all rows that are left. */
static void
sort_rest(TsdbScanState *state, TupleTableSlot *slot)
{
	Tuplesortstate *before = state->sort;

	begin_sort(state);
	while (before != NULL && !TupIsNull(state->sorted))
	{
		tuplesort_puttupleslot(state->sort, state->sorted);
		if (!tuplesort_gettupleslot(before, true, false, state->sorted, NULL))
			ExecClearTuple(state->sorted);
	}
	if (before != NULL)
		tuplesort_end(before);
	if (state->next_set != NULL)
	{
		/* it has passed the quals */
		fill_row(state, slot, state->next_set, state->next_row);
		tuplesort_puttupleslot(state->sort, slot);
		ExecClearTuple(slot);
	}
	while (tsdb_time_order_next_unordered(state->order, &state->next_set, &state->next_row))
	{
		CHECK_FOR_INTERRUPTS();
		if (show_row(state, slot, state->next_set, state->next_row))
		{
			tuplesort_puttupleslot(state->sort, slot);
			ResetExprContext(state->css.ss.ps.ps_ExprContext);
		}
		ExecClearTuple(slot);
	}
	end_order(state);
	tuplesort_performsort(state->sort);
	next_sorted(state);
}

/* Does the next row of chunks come before the next one that was sorted? */
static bool
chunk_row_is_first(TsdbScanState *state)
{
	bool		isnull;
	int64		value;

	if (state->series != NULL)
	{
		if (!state->sorted_ranked)
			state->sorted_series = tsdb_series_rank_of(state->series, state->sorted);
		state->sorted_ranked = true;
		if (state->next_series != state->sorted_series)
			return state->next_series < state->sorted_series;
	}
	if (state->order_attnum == 0)
		return true;
	value = (int64) slot_getattr(state->sorted, state->order_attnum, &isnull);
	if (isnull)
		return state->nulls == TSDB_NULLS_LAST;
	return state->descending ? state->next_value >= value : state->next_value <= value;
}

/* The better of the two rows that come next; false: there is none. */
static bool
next_in_order(TsdbScanState *state, TupleTableSlot *slot)
{
	bool		take_chunk;

	if (!state->order_begun)
		begin_ordered(state, slot);
	else if (state->shown == SHOWN_CHUNK_ROW)
		next_ordered(state, slot);
	else if (state->shown == SHOWN_SORTED_ROW)
		next_sorted(state);
	state->shown = SHOWN_NONE;

	if (state->order != NULL && tsdb_time_order_too_wide(state->order))
		sort_rest(state, slot);

	take_chunk = state->next_set != NULL;
	if (!TupIsNull(state->sorted))
		take_chunk = take_chunk && chunk_row_is_first(state);
	else if (!take_chunk)
		return false;

	if (take_chunk)
	{
		fill_row(state, slot, state->next_set, state->next_row);
		pgstat_count_heap_getnext(state->css.ss.ss_currentRelation);
		state->shown = SHOWN_CHUNK_ROW;
	}
	else
	{
		int			natts = slot->tts_tupleDescriptor->natts;

		slot_getallattrs(state->sorted);
		ExecClearTuple(slot);
		memcpy(slot->tts_values, state->sorted->tts_values, natts * sizeof(Datum));
		memcpy(slot->tts_isnull, state->sorted->tts_isnull, natts * sizeof(bool));
		ExecStoreVirtualTuple(slot);
		state->slot_used = true;
		state->shown = SHOWN_SORTED_ROW;
	}
	return true;
}

/* Access method routine of ExecScan. */
static TupleTableSlot *
scan_next(ScanState *ss)
{
	TsdbScanState *state = (TsdbScanState *) ss;
	TupleTableSlot *slot = ss->ss_ScanTupleSlot;
	ScanDirection direction = ss->ps.state->es_direction;
	bool		forward = !ScanDirectionIsBackward(direction);

	if (ss->ss_currentScanDesc == NULL)
		start_scan(state);
	if (state->done)
		return ExecClearTuple(slot);

	if (state->order_by != TSDB_ORDER_NONE)
		return next_in_order(state, slot) ? slot : ExecClearTuple(slot);

	if (!state->in_chunks)
	{
		if (next_heap_row(state, slot, direction))
			return slot;
		if (!forward)
			return ExecClearTuple(slot);
		state->in_chunks = true;
	}
	if (next_chunk_row(state, slot, forward))
		return slot;
	if (!forward)
	{
		/* heapam, at its end, goes on with its last row */
		state->in_chunks = false;
		if (next_heap_row(state, slot, direction))
			return slot;
	}
	return ExecClearTuple(slot);
}

/* Recheck routine of ExecScan, for EvalPlanQual: does a new row version meet all conditions? */
static bool
scan_recheck(ScanState *ss, TupleTableSlot *slot)
{
	TsdbScanState *state = (TsdbScanState *) ss;
	ExprContext *econtext = ss->ps.ps_ExprContext;
	bool		result;

	econtext->ecxt_scantuple = slot;
	result = ExecQual(state->filter_qual, econtext) && ExecQual(state->qual, econtext);
	ResetExprContext(econtext);
	return result;
}

static TupleTableSlot *
exec_scan(CustomScanState *node)
{
	return ExecScan(&node->ss, scan_next, scan_recheck);
}

static void
end_row_pages(TsdbScanState *state)
{
	if (state->row_pages != NULL)
		tsdb_row_pages_end(state->row_pages);
	state->row_pages = NULL;
}

static void
forget_position(TsdbScanState *state)
{
	ExecClearTuple(state->css.ss.ss_ScanTupleSlot);
	if (state->row_pages != NULL && state->rows_begun)
		state->stats.row_pages_skipped += tsdb_row_pages_skipped(state->row_pages);
	/* what is known of pages stays where the scan is begun again with the same snapshot */
	if (state->cache == NULL)
		end_row_pages(state);
	state->rows_begun = false;
	close_chunk(state);
	close_ahead(state);
	state->offered = false;
	end_order(state);
	end_series(state);
	if (state->sort != NULL)
	{
		ExecClearTuple(state->sorted);
		tuplesort_end(state->sort);
	}
	state->sort = NULL;
	state->order_begun = false;
	state->all_rows = false;
	state->shown = SHOWN_NONE;
	if (state->entries != NULL)
		pfree(state->entries);
	state->entries = NULL;
	state->nentries = 0;
}

static void
end_scan(CustomScanState *node)
{
	TsdbScanState *state = (TsdbScanState *) node;

	forget_position(state);
	end_row_pages(state);
	if (state->cache != NULL)
		tsdb_chunk_cache_clear(state->cache);
	if (state->scan != NULL)
		table_endscan(state->scan);
	state->scan = NULL;
	if (state->strategy != NULL)
		FreeAccessStrategy(state->strategy);
	state->strategy = NULL;
}

static void
rescan(CustomScanState *node)
{
	TsdbScanState *state = (TsdbScanState *) node;

	forget_position(state);
	if (state->scan != NULL)
		table_rescan(state->scan, NULL);
	/* parameters are looked at when the next row is asked for */
	node->ss.ss_currentScanDesc = NULL;
	ExecScanReScan(&node->ss);
}

/* ------------------------------------------------------------------------
 * For a node above that works on vectors
 * ------------------------------------------------------------------------
 */

/* Leaves those of the selected rows that pass the quals. */
static void
test_quals(TsdbScanState *state)
{
	TupleTableSlot *slot = state->css.ss.ss_ScanTupleSlot;
	ExprContext *econtext = state->css.ss.ps.ps_ExprContext;
	int			n = 0;
	int			i;

	for (i = 0; i < state->nrows; i++)
	{
		show_early(state, slot, state->set, state->rows[i]);
		econtext->ecxt_scantuple = slot;
		if (ExecQual(state->qual, econtext))
			state->rows[n++] = state->rows[i];
		ResetExprContext(econtext);
	}
	InstrCountFiltered1(&state->css, state->nrows - n);
	ExecClearTuple(slot);
	state->nrows = n;
}

/* Are all rows of the current vector wanted?  Then there is nothing to select. */
static bool
select_all(TsdbScanState *state)
{
	if (state->chunk->has_dead || state->qual != NULL ||
		(state->filter != NULL && tsdb_filter_zone(state->filter, (uint32) state->vector) != TSDB_FILTER_ALL))
		return false;
	state->set = tsdb_vector_set(state->chunk, (uint32) state->vector, state->set, state->cxt);
	state->nrows = (int) state->set->nrows;
	note_decoded(state);
	if (pgstat_should_count_relation(state->css.ss.ss_currentRelation))
		PGSTAT_TABLE_COUNT(state->css.ss.ss_currentRelation, tuples_returned) += state->nrows;
	return true;
}

/* The next vector that has rows, or, if chunks are offered, chunk; false at the end. */
static bool
next_vector(TsdbScanState *state, bool offer_chunks, TsdbScanItem *item)
{
	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		if (state->chunk == NULL || ++state->vector >= (int) state->chunk->nvectors)
		{
			if (!state->offered)
			{
				TsdbDirEntry *entry;

				if (!step_entry(state, true))
					return false;
				entry = &state->entries[state->entry];
				if (offer_chunks && state->filter == NULL && state->qual == NULL &&
					!tsdb_tombstones_exist(tsdb_cursor_store(tsdb_scan_cursor(state->scan)), entry))
				{
					state->offered = true;
					item->kind = TSDB_ITEM_CHUNK;
					item->store = tsdb_cursor_store(tsdb_scan_cursor(state->scan));
					item->entry = entry;
					item->nrows = (int) entry->d.nrows;
					return true;
				}
			}
			state->offered = false;
			item->new_chunk = true;
			if (!enter_chunk(state, true))
				close_chunk(state);
			continue;
		}
		if (select_all(state))
		{
			item->rows = NULL;
			break;
		}
		if (!select_rows(state))
			continue;
		if (state->qual != NULL)
			test_quals(state);
		item->rows = state->rows;
		if (state->nrows > 0)
			break;
	}
	item->kind = TSDB_ITEM_VECTOR;
	item->set = state->set;
	item->nrows = state->nrows;
	return true;
}

void
tsdb_scan_next_item(CustomScanState *node, bool offer_chunks, TsdbScanItem *item)
{
	TsdbScanState *state = (TsdbScanState *) node;
	TupleTableSlot *slot = node->ss.ss_ScanTupleSlot;
	Instrumentation *instrument = node->ss.ps.instrument;

	Assert(node->methods == &scan_exec_methods && state->order_by == TSDB_ORDER_NONE);
	if (instrument)
		InstrStartNode(instrument);
	if (node->ss.ps.chgParam != NULL)
		ExecReScan(&node->ss.ps);
	if (node->ss.ss_currentScanDesc == NULL)
		start_scan(state);
	item->kind = TSDB_ITEM_END;
	item->new_chunk = false;
	ResetExprContext(node->ss.ps.ps_ExprContext);
	if (!state->done)
	{
		if (!state->in_chunks && next_heap_row(state, slot, ForwardScanDirection))
		{
			item->kind = TSDB_ITEM_ROW;
			item->slot = slot;
			item->nrows = 1;
		}
		else
		{
			state->in_chunks = true;
			if (!next_vector(state, offer_chunks, item))
				item->kind = TSDB_ITEM_END;
		}
	}
	/* rows of a chunk that is offered count when it is left, or as its vectors come */
	if (instrument)
		InstrStopNode(instrument, item->kind == TSDB_ITEM_END || item->kind == TSDB_ITEM_CHUNK ? 0 : item->nrows);
}

void
tsdb_scan_leave_chunk(CustomScanState *node)
{
	TsdbScanState *state = (TsdbScanState *) node;

	Assert(state->offered && state->chunk == NULL);
	state->offered = false;
	if (node->ss.ps.instrument)
		node->ss.ps.instrument->tuplecount += state->entries[state->entry].d.nrows;
	/* its rows have been looked at, as far as statistics go */
	if (pgstat_should_count_relation(node->ss.ss_currentRelation))
		PGSTAT_TABLE_COUNT(node->ss.ss_currentRelation, tuples_returned) += state->entries[state->entry].d.nrows;
}

/* ------------------------------------------------------------------------
 * Parallel scans
 * ------------------------------------------------------------------------
 */

static Size
estimate_dsm(CustomScanState *node, ParallelContext *pcxt)
{
	return MAXALIGN(sizeof(SharedScan)) +
		table_parallelscan_estimate(node->ss.ss_currentRelation, node->ss.ps.state->es_snapshot);
}

static void
initialize_dsm(CustomScanState *node, ParallelContext *pcxt, void *coordinate)
{
	TsdbScanState *state = (TsdbScanState *) node;
	SharedScan *shared = coordinate;
	Size		i;

	for (i = 0; i < NSTATS; i++)
		pg_atomic_init_u64(&shared->stats[i], 0);
	end_scan(node);
	table_parallelscan_initialize(node->ss.ss_currentRelation, SHARED_TABLE_SCAN(shared), node->ss.ps.state->es_snapshot);
	state->shared = shared;
	state->scan = table_beginscan_parallel(node->ss.ss_currentRelation, SHARED_TABLE_SCAN(shared));
}

static void
reinitialize_dsm(CustomScanState *node, ParallelContext *pcxt, void *coordinate)
{
	SharedScan *shared = coordinate;

	table_parallelscan_reinitialize(node->ss.ss_currentRelation, SHARED_TABLE_SCAN(shared));
	((TsdbScanState *) node)->shared = shared;
}

static void
initialize_worker(CustomScanState *node, shm_toc *toc, void *coordinate)
{
	TsdbScanState *state = (TsdbScanState *) node;

	state->shared = coordinate;
	state->scan = table_beginscan_parallel(node->ss.ss_currentRelation, SHARED_TABLE_SCAN(state->shared));
}

/*
 * Workers add what they counted before their tuple queues close; the leader comes here after it has read those to
 * the end, or no longer wants their rows.
 */
static void
shutdown_scan(CustomScanState *node)
{
	TsdbScanState *state = (TsdbScanState *) node;
	uint64	   *own = (uint64 *) &state->stats;
	uint64	   *total = (uint64 *) &state->total;
	Size		i;

	if (state->shared == NULL)
		return;
	close_chunk(state);
	for (i = 0; i < NSTATS; i++)
	{
		uint64		sum = pg_atomic_add_fetch_u64(&state->shared->stats[i], own[i]);

		total[i] = sum;
		own[i] = 0;
	}
	state->have_total = true;
	/* the memory goes with the workers */
	if (!IsParallelWorker())
		state->shared = NULL;
}

/* ------------------------------------------------------------------------
 * EXPLAIN
 * ------------------------------------------------------------------------
 */

/* "host, region DESC NULLS LAST, time" */
static char *
order_text(TsdbScanState *state)
{
	CustomScan *cscan = (CustomScan *) state->css.ss.ps.plan;
	Oid			relid = RelationGetRelid(state->css.ss.ss_currentRelation);
	StringInfoData buf;
	int			i;

	initStringInfo(&buf);
	for (i = 0; state->order_by == TSDB_ORDER_SERIES && i < list_length(list_nth(cscan->custom_private, 3)); i++)
	{
		AttrNumber	attnum = (AttrNumber) list_nth_int(list_nth(cscan->custom_private, 3), i);
		bool		nulls_first = list_nth_int(list_nth(cscan->custom_private, 6), i) != 0;
		bool		reverse = false;

		(void) get_equality_op_for_ordering_op(list_nth_oid(list_nth(cscan->custom_private, 4), i), &reverse);
		appendStringInfo(&buf, "%s%s%s%s", i > 0 ? ", " : "", quote_identifier(get_attname(relid, attnum, false)),
						 reverse ? " DESC" : "",
						 nulls_first == reverse ? "" : nulls_first ? " NULLS FIRST" : " NULLS LAST");
	}
	if (state->order_attnum != 0)
		appendStringInfo(&buf, "%s%s%s%s", buf.len > 0 ? ", " : "",
						 quote_identifier(get_attname(relid, state->order_attnum, false)), state->descending ? " DESC" : "",
						 state->nulls == TSDB_NULLS_NONE || (state->nulls == TSDB_NULLS_FIRST) == state->descending ? "" :
						 state->nulls == TSDB_NULLS_FIRST ? " NULLS FIRST" : " NULLS LAST");
	return buf.data;
}

/* The Agg that rows of a scan go to, directly or through joins; NULL: none. */
static const Agg *
agg_above(Plan *plan, List *ancestors, bool *joined)
{
	ListCell   *lc;

	*joined = false;
	foreach(lc, ancestors)
	{
		Plan	   *above = lfirst(lc);

		switch (nodeTag(above))
		{
			case T_Agg:
				return *joined && DO_AGGSPLIT_COMBINE(((Agg *) above)->aggsplit) ? NULL : (const Agg *) above;
			case T_HashJoin:
			case T_MergeJoin:
				/* the right side is the smaller one */
				if (plan != outerPlan(above))
					return NULL;
				/* FALLTHROUGH */
			case T_NestLoop:
				*joined = true;
				break;
			case T_Sort:
			case T_Material:
				break;
			default:
				return NULL;
		}
		plan = above;
	}
	return NULL;
}

static void
explain_scan(CustomScanState *node, List *ancestors, ExplainState *es)
{
	TsdbScanState *state = (TsdbScanState *) node;
	CustomScan *cscan = (CustomScan *) node->ss.ps.plan;
	TsdbScanStats stats = state->have_total ? state->total : state->stats;
	double		nloops = node->ss.ps.instrument ? Max(node->ss.ps.instrument->nloops, 1) : 1;
	bool		joined;
	const Agg  *agg;

	if (state->filters != NIL)
	{
		List	   *context = set_deparse_context_plan(es->deparse_cxt, &cscan->scan.plan, ancestors);
		bool		prefix = EXPLAIN_NAMES_TABLES(es);
		char	   *text = deparse_expression((Node *) make_ands_explicit(state->filters), context, prefix, false);

		ExplainPropertyText("Vectorized Filter", text, es);
	}
	if (state->order_by != TSDB_ORDER_NONE)
		ExplainPropertyText(state->order_by == TSDB_ORDER_LAST_ROWS ? "First of Each Series by" : "Order",
							order_text(state), es);
	agg = agg_above((Plan *) cscan, ancestors, &joined);
	if (agg != NULL && tsdb_scan_why_not_above)
		ExplainPropertyText("Aggregates Row by Row", tsdb_scan_why_not_above(agg, joined), es);
	if (!es->analyze)
		return;

	if (state->order != NULL)
		add_counts(&stats, tsdb_time_order_counts(state->order));
	if (state->row_pages != NULL && state->rows_begun)
		stats.row_pages_skipped += tsdb_row_pages_skipped(state->row_pages);
	if (state->chunk != NULL)
	{
		/* the scan was left in the middle */
		if (state->chunk_skipped)
			stats.chunks_skipped++;
		else
			stats.chunks_read++;
	}
	if (state->filters != NIL)
		ExplainPropertyFloat("Rows Removed by Vectorized Filter", NULL, (double) stats.rows_filtered / nloops, 0, es);
	if (es->format == EXPLAIN_FORMAT_TEXT)
	{
		appendStringInfoSpaces(es->str, es->indent * 2);
		appendStringInfo(es->str, "Chunks: total=" UINT64_FORMAT " pruned=" UINT64_FORMAT " skipped=" UINT64_FORMAT
						 " read=" UINT64_FORMAT "\n",
						 stats.chunks, stats.chunks_pruned, stats.chunks_skipped, stats.chunks_read);
		appendStringInfoSpaces(es->str, es->indent * 2);
		appendStringInfo(es->str, "Vectors: skipped=" UINT64_FORMAT " decoded=" UINT64_FORMAT "\n",
						 stats.vectors_skipped, stats.vectors_decoded);
		if (stats.row_store_rows > 0 || stats.row_pages_skipped > 0)
		{
			appendStringInfoSpaces(es->str, es->indent * 2);
			appendStringInfo(es->str, "Row Store Rows: " UINT64_FORMAT, stats.row_store_rows);
			if (stats.row_pages_skipped > 0)
				appendStringInfo(es->str, "  Pages Skipped: " UINT64_FORMAT, stats.row_pages_skipped);
			appendStringInfoChar(es->str, '\n');
		}
	}
	else
	{
		ExplainPropertyInteger("Chunks", NULL, (int64) stats.chunks, es);
		ExplainPropertyInteger("Chunks Pruned", NULL, (int64) stats.chunks_pruned, es);
		ExplainPropertyInteger("Chunks Skipped", NULL, (int64) stats.chunks_skipped, es);
		ExplainPropertyInteger("Chunks Read", NULL, (int64) stats.chunks_read, es);
		ExplainPropertyInteger("Vectors Skipped", NULL, (int64) stats.vectors_skipped, es);
		ExplainPropertyInteger("Vectors Decoded", NULL, (int64) stats.vectors_decoded, es);
		ExplainPropertyInteger("Row Store Rows", NULL, (int64) stats.row_store_rows, es);
		ExplainPropertyInteger("Row Store Pages Skipped", NULL, (int64) stats.row_pages_skipped, es);
	}
}
