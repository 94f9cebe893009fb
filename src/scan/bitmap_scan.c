/*-------------------------------------------------------------------------
 * bitmap_scan.c
 *	  Our own node over a bitmap index scan, since core's prefetches virtual blocks.
 *
 * BitmapHeapScan hands each block of its bitmap to PrefetchBuffer before the table access
 * method sees it; for a virtual block that is an error ("could not open file").  A planner hook
 * therefore puts a custom scan in the place of each BitmapHeapScan on our tables, in the
 * finished plan: same target list, quals and parameters, same bitmap tree below.  ExecutorStart
 * would be too late, EvalPlanQual builds nodes that it never sees.
 *
 * Execution follows nodeBitmapHeapscan.c, parallel scans included: whoever comes first builds the
 * bitmap, all then share out its pages.  The only difference is what is prefetched (bitmap_pages.c).
 *
 * From PostgreSQL 18 on the access method prefetches, and core's node would do as well; this one is used
 * for the same plans in all versions.
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/relscan.h"
#include "access/table.h"
#include "access/tableam.h"
#include "am/tsdb_handler.h"
#include "catalog/pg_am_d.h"
#include "commands/explain.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/extensible.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/tidbitmap.h"
#include "optimizer/optimizer.h"
#include "optimizer/plancat.h"
#include "optimizer/planner.h"
#include "parser/parsetree.h"
#include "pgstat.h"
#include "scan/bitmap_pages.h"
#include "scan/bitmap_scan.h"
#include "storage/condition_variable.h"
#include "storage/spin.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/wait_event.h"

#define BITMAP_SCAN_NAME "TsdbBitmapScan"

typedef enum BitmapBuildState
{
	BITMAP_INITIAL,				/* nobody has begun to build the bitmap */
	BITMAP_IN_PROGRESS,			/* somebody builds it, the others wait */
	BITMAP_READY
} BitmapBuildState;

/* State of a parallel scan in dynamic shared memory. */
typedef struct SharedBitmap
{
	slock_t		mutex;			/* protects state */
	BitmapBuildState state;
	ConditionVariable cv;		/* for those who wait until state is BITMAP_READY */
	dsa_pointer iterator;		/* valid once state is BITMAP_READY */
} SharedBitmap;

typedef struct BitmapScanState
{
	CustomScanState css;
	ExprState  *recheck_qual;	/* conditions that the indexes answered */

	/* the bitmap: NULL before the first row is asked for; in a parallel scan its builder's */
	TIDBitmap  *tbm;
	bool		initialized;
	TsdbBitmapPages pages;

	uint64		exact_pages;	/* for EXPLAIN ANALYZE */
	uint64		lossy_pages;

	SharedBitmap *shared;		/* NULL = serial scan */
} BitmapScanState;

static planner_hook_type prev_planner_hook = NULL;
static get_relation_info_hook_type prev_get_relation_info_hook = NULL;

static Node *create_bitmap_scan_state(CustomScan *cscan);
static void begin_bitmap_scan(CustomScanState *node, EState *estate, int eflags);
static TupleTableSlot *exec_bitmap_scan(CustomScanState *node);
static void end_bitmap_scan(CustomScanState *node);
static void rescan_bitmap_scan(CustomScanState *node);
static Size estimate_dsm_bitmap_scan(CustomScanState *node, ParallelContext *pcxt);
static void initialize_dsm_bitmap_scan(CustomScanState *node, ParallelContext *pcxt, void *coordinate);
static void reinitialize_dsm_bitmap_scan(CustomScanState *node, ParallelContext *pcxt, void *coordinate);
static void initialize_worker_bitmap_scan(CustomScanState *node, shm_toc *toc, void *coordinate);
static void explain_bitmap_scan(CustomScanState *node, List *ancestors, ExplainState *es);

static const CustomScanMethods bitmap_scan_methods = {
	.CustomName = BITMAP_SCAN_NAME,
	.CreateCustomScanState = create_bitmap_scan_state
};

static const CustomExecMethods bitmap_exec_methods = {
	.CustomName = BITMAP_SCAN_NAME,
	.BeginCustomScan = begin_bitmap_scan,
	.ExecCustomScan = exec_bitmap_scan,
	.EndCustomScan = end_bitmap_scan,
	.ReScanCustomScan = rescan_bitmap_scan,
	.EstimateDSMCustomScan = estimate_dsm_bitmap_scan,
	.InitializeDSMCustomScan = initialize_dsm_bitmap_scan,
	.ReInitializeDSMCustomScan = reinitialize_dsm_bitmap_scan,
	.InitializeWorkerCustomScan = initialize_worker_bitmap_scan,
	.ExplainCustomScan = explain_bitmap_scan
};

/* ------------------------------------------------------------------------
 * Planning
 * ------------------------------------------------------------------------
 */

/*
 * Is this table ours?  The planner holds a lock on it, so the relcache has it: opening costs a
 * hash look-up.
 */
static bool
relid_is_tsdb(Oid relid)
{
	Relation	rel = table_open(relid, NoLock);
	bool		result = tsdb_is_tsdb(rel);

	table_close(rel, NoLock);
	return result;
}

/* The custom scan that stands for a BitmapHeapScan; setrefs.c is through with all its parts. */
static Plan *
make_bitmap_scan(BitmapHeapScan *heapscan)
{
	CustomScan *cscan = makeNode(CustomScan);

	/* target list, quals, costs, parameters, init plans, bitmap tree, node id */
	cscan->scan = heapscan->scan;
	cscan->scan.plan.type = T_CustomScan;
	cscan->flags = CUSTOMPATH_SUPPORT_PROJECTION;
	cscan->custom_exprs = heapscan->bitmapqualorig;
	cscan->custom_relids = bms_make_singleton(heapscan->scan.scanrelid);
	cscan->methods = &bitmap_scan_methods;
	return &cscan->scan.plan;
}

static void replace_in_list(List *plans, List *rtable);

/* The plan tree with our node in the place of each BitmapHeapScan on our tables. */
static Plan *
replace_bitmap_scans(Plan *plan, List *rtable)
{
	if (plan == NULL)
		return NULL;

	check_stack_depth();

	switch (nodeTag(plan))
	{
		case T_BitmapHeapScan:
			{
				BitmapHeapScan *heapscan = (BitmapHeapScan *) plan;
				RangeTblEntry *rte = rt_fetch(heapscan->scan.scanrelid, rtable);

				/* below is the bitmap tree, which reads indexes only */
				if (relid_is_tsdb(rte->relid))
					return make_bitmap_scan(heapscan);
				return plan;
			}
		case T_Append:
			replace_in_list(((Append *) plan)->appendplans, rtable);
			break;
		case T_MergeAppend:
			replace_in_list(((MergeAppend *) plan)->mergeplans, rtable);
			break;
		case T_SubqueryScan:
			((SubqueryScan *) plan)->subplan =
				replace_bitmap_scans(((SubqueryScan *) plan)->subplan, rtable);
			break;
		case T_CustomScan:
			replace_in_list(((CustomScan *) plan)->custom_plans, rtable);
			break;
		default:
			break;
	}

	plan->lefttree = replace_bitmap_scans(plan->lefttree, rtable);
	plan->righttree = replace_bitmap_scans(plan->righttree, rtable);
	return plan;
}

static void
replace_in_list(List *plans, List *rtable)
{
	ListCell   *lc;

	foreach(lc, plans)
		lfirst(lc) = replace_bitmap_scans((Plan *) lfirst(lc), rtable);
}

static PlannedStmt *
bitmap_scan_planner(Query *parse, const char *query_string, int cursorOptions, ParamListInfo boundParams)
{
	PlannedStmt *stmt;

	if (prev_planner_hook)
		stmt = prev_planner_hook(parse, query_string, cursorOptions, boundParams);
	else
		stmt = standard_planner(parse, query_string, cursorOptions, boundParams);

	stmt->planTree = replace_bitmap_scans(stmt->planTree, stmt->rtable);
	replace_in_list(stmt->subplans, stmt->rtable);
	return stmt;
}

/*
 * BRIN knows nothing of virtual blocks: its bitmap would lack all chunk rows.  Zone maps do its
 * work; the index itself is maintained, over the row store, and simply not used.
 */
static void
bitmap_scan_get_relation_info(PlannerInfo *root, Oid relid, bool inhparent, RelOptInfo *rel)
{
	ListCell   *lc;
	bool		has_brin = false;

	if (prev_get_relation_info_hook)
		prev_get_relation_info_hook(root, relid, inhparent, rel);

	foreach(lc, rel->indexlist)
	{
		if (((IndexOptInfo *) lfirst(lc))->relam == BRIN_AM_OID)
			has_brin = true;
	}
	if (!has_brin || !relid_is_tsdb(relid))
		return;

	foreach(lc, rel->indexlist)
	{
		if (((IndexOptInfo *) lfirst(lc))->relam == BRIN_AM_OID)
			rel->indexlist = foreach_delete_current(rel->indexlist, lc);
	}
}

/* ------------------------------------------------------------------------
 * Execution
 * ------------------------------------------------------------------------
 */

static Node *
create_bitmap_scan_state(CustomScan *cscan)
{
	BitmapScanState *state = palloc0(sizeof(BitmapScanState));

	NodeSetTag(state, T_CustomScanState);
	state->css.methods = &bitmap_exec_methods;
	return (Node *) state;
}

static void
begin_bitmap_scan(CustomScanState *node, EState *estate, int eflags)
{
	BitmapScanState *state = (BitmapScanState *) node;
	ScanState  *ss = &node->ss;
	CustomScan *cscan = (CustomScan *) ss->ps.plan;
	Relation	rel = ss->ss_currentRelation;

	Assert(!(eflags & (EXEC_FLAG_BACKWARD | EXEC_FLAG_MARK)));
	Assert(IsMVCCSnapshot(estate->es_snapshot));

	outerPlanState(state) = ExecInitNode(outerPlan(cscan), estate, eflags);

	/*
	 * ExecInitCustomScan made a virtual scan slot and compiled expressions for
	 * it.  Our rows need the table's own slot type, for system columns and whole-row references;
	 * what was compiled is compiled anew, SubPlans are entered again as that happens.
	 */
	ExecInitScanTupleSlot(estate, ss, RelationGetDescr(rel), table_slot_callbacks(rel));
	ss->ps.subPlan = NIL;
	ExecAssignScanProjectionInfo(ss);
	ss->ps.qual = ExecInitQual(cscan->scan.plan.qual, &ss->ps);
	state->recheck_qual = ExecInitQual(cscan->custom_exprs, &ss->ps);

	ss->ss_currentScanDesc = table_beginscan_bm(rel, estate->es_snapshot, 0, NULL);
}

static TIDBitmap *
build_bitmap(BitmapScanState *state)
{
	TIDBitmap  *tbm = (TIDBitmap *) MultiExecProcNode(outerPlanState(state));

	if (!tbm || !IsA(tbm, TIDBitmap))
		elog(ERROR, "unrecognized result from subplan");
	return tbm;
}

/* Are we the one to build the bitmap of a parallel scan?  Else it is ready when this returns. */
static bool
must_build_shared_bitmap(SharedBitmap *shared)
{
	BitmapBuildState seen;

	for (;;)
	{
		SpinLockAcquire(&shared->mutex);
		seen = shared->state;
		if (seen == BITMAP_INITIAL)
			shared->state = BITMAP_IN_PROGRESS;
		SpinLockRelease(&shared->mutex);

		if (seen != BITMAP_IN_PROGRESS)
			break;
		ConditionVariableSleep(&shared->cv, WAIT_EVENT_PARALLEL_BITMAP_SCAN);
	}
	ConditionVariableCancelSleep();

	return seen == BITMAP_INITIAL;
}

/* Runs the index scans and begins to go through the bitmap. */
static void
start_bitmap(BitmapScanState *state)
{
	SharedBitmap *shared = state->shared;

	if (shared == NULL)
		state->tbm = build_bitmap(state);
	else if (must_build_shared_bitmap(shared))
	{
		state->tbm = build_bitmap(state);
		shared->iterator = tbm_prepare_shared_iterate(state->tbm);

		SpinLockAcquire(&shared->mutex);
		shared->state = BITMAP_READY;
		SpinLockRelease(&shared->mutex);
		ConditionVariableBroadcast(&shared->cv);
	}
	tsdb_bitmap_pages_begin(&state->pages, state->css.ss.ss_currentScanDesc, state->tbm,
							state->css.ss.ps.state->es_query_dsa,
							shared != NULL ? shared->iterator : InvalidDsaPointer);
	state->initialized = true;
}

/* Access method routine of ExecScan: next row that the bitmap and the recheck let through. */
static TupleTableSlot *
bitmap_scan_next(ScanState *ss)
{
	BitmapScanState *state = (BitmapScanState *) ss;
	TupleTableSlot *slot = ss->ss_ScanTupleSlot;
	ExprContext *econtext = ss->ps.ps_ExprContext;
	bool		recheck;

	if (!state->initialized)
		start_bitmap(state);

	while (tsdb_bitmap_pages_next(&state->pages, slot, &recheck, &state->lossy_pages, &state->exact_pages))
	{
		CHECK_FOR_INTERRUPTS();

		if (recheck)
		{
			econtext->ecxt_scantuple = slot;
			if (!ExecQualAndReset(state->recheck_qual, econtext))
			{
				InstrCountFiltered2(state, 1);
				ExecClearTuple(slot);
				continue;
			}
		}
		return slot;
	}

	return ExecClearTuple(slot);
}

/* Recheck routine of ExecScan, for EvalPlanQual: does a new row version meet the index conditions? */
static bool
bitmap_scan_recheck(ScanState *ss, TupleTableSlot *slot)
{
	ExprContext *econtext = ss->ps.ps_ExprContext;

	econtext->ecxt_scantuple = slot;
	return ExecQualAndReset(((BitmapScanState *) ss)->recheck_qual, econtext);
}

static TupleTableSlot *
exec_bitmap_scan(CustomScanState *node)
{
	return ExecScan(&node->ss, bitmap_scan_next, bitmap_scan_recheck);
}

static void
drop_bitmap(BitmapScanState *state)
{
	if (state->initialized)
		tsdb_bitmap_pages_end(&state->pages);
	if (state->tbm != NULL)
		tbm_free(state->tbm);
	state->tbm = NULL;
	state->initialized = false;
}

static void
end_bitmap_scan(CustomScanState *node)
{
	BitmapScanState *state = (BitmapScanState *) node;

	ExecEndNode(outerPlanState(node));
	drop_bitmap(state);

	/* the slot may show a row that the scan's memory holds */
	ExecClearTuple(node->ss.ss_ScanTupleSlot);
	if (node->ss.ss_currentScanDesc != NULL)
		table_endscan(node->ss.ss_currentScanDesc);
}

static void
rescan_bitmap_scan(CustomScanState *node)
{
	BitmapScanState *state = (BitmapScanState *) node;
	PlanState  *outer = outerPlanState(node);

	ExecClearTuple(node->ss.ss_ScanTupleSlot);
	table_rescan(node->ss.ss_currentScanDesc, NULL);
	drop_bitmap(state);
	ExecScanReScan(&node->ss);

	/* with changed parameters the child is rescanned as it is executed */
	if (outer->chgParam == NULL)
		ExecReScan(outer);
}

/* ------------------------------------------------------------------------
 * Parallel scans
 * ------------------------------------------------------------------------
 */

static Size
estimate_dsm_bitmap_scan(CustomScanState *node, ParallelContext *pcxt)
{
	return sizeof(SharedBitmap);
}

static void
initialize_dsm_bitmap_scan(CustomScanState *node, ParallelContext *pcxt, void *coordinate)
{
	BitmapScanState *state = (BitmapScanState *) node;
	SharedBitmap *shared = (SharedBitmap *) coordinate;

	SpinLockInit(&shared->mutex);
	shared->state = BITMAP_INITIAL;
	ConditionVariableInit(&shared->cv);
	shared->iterator = InvalidDsaPointer;

	/* without a shared area there are no workers, and we scan alone */
	if (node->ss.ps.state->es_query_dsa != NULL)
		state->shared = shared;
}

static void
reinitialize_dsm_bitmap_scan(CustomScanState *node, ParallelContext *pcxt, void *coordinate)
{
	SharedBitmap *shared = ((BitmapScanState *) node)->shared;

	if (shared == NULL)
		return;
	shared->state = BITMAP_INITIAL;
	if (DsaPointerIsValid(shared->iterator))
		tbm_free_shared_area(node->ss.ps.state->es_query_dsa, shared->iterator);
	shared->iterator = InvalidDsaPointer;
}

/* The worker's es_snapshot is a copy of the leader's: nothing else is to be passed. */
static void
initialize_worker_bitmap_scan(CustomScanState *node, shm_toc *toc, void *coordinate)
{
	((BitmapScanState *) node)->shared = (SharedBitmap *) coordinate;
}

/* ------------------------------------------------------------------------
 * EXPLAIN
 * ------------------------------------------------------------------------
 */

/* The same lines as core's BitmapHeapScan. */
static void
explain_bitmap_scan(CustomScanState *node, List *ancestors, ExplainState *es)
{
	BitmapScanState *state = (BitmapScanState *) node;
	Plan	   *plan = node->ss.ps.plan;
	List	   *quals = ((CustomScan *) plan)->custom_exprs;

	if (quals != NIL)
	{
		List	   *context = set_deparse_context_plan(es->deparse_cxt, plan, ancestors);
		char	   *text = deparse_expression((Node *) make_ands_explicit(quals), context,
											  es->verbose, false);

		ExplainPropertyText("Recheck Cond", text, es);
	}
	if (!es->analyze)
		return;

	if (quals != NIL && node->ss.ps.instrument != NULL)
	{
		double		nfiltered = node->ss.ps.instrument->nfiltered2;
		double		nloops = node->ss.ps.instrument->nloops;

		if (nfiltered > 0 || es->format != EXPLAIN_FORMAT_TEXT)
			ExplainPropertyFloat("Rows Removed by Index Recheck", NULL,
								 nloops > 0 ? nfiltered / nloops : 0.0, 0, es);
	}

	if (es->format != EXPLAIN_FORMAT_TEXT)
	{
		ExplainPropertyUInteger("Exact Heap Blocks", NULL, state->exact_pages, es);
		ExplainPropertyUInteger("Lossy Heap Blocks", NULL, state->lossy_pages, es);
	}
	else if (state->exact_pages > 0 || state->lossy_pages > 0)
	{
		StringInfoData blocks;

		initStringInfo(&blocks);
		if (state->exact_pages > 0)
			appendStringInfo(&blocks, "exact=" UINT64_FORMAT, state->exact_pages);
		if (state->lossy_pages > 0)
			appendStringInfo(&blocks, "%slossy=" UINT64_FORMAT, blocks.len > 0 ? " " : "", state->lossy_pages);
		ExplainPropertyText("Heap Blocks", blocks.data, es);
		pfree(blocks.data);
	}
}

void
tsdb_bitmap_scan_init(void)
{
	RegisterCustomScanMethods(&bitmap_scan_methods);

	prev_planner_hook = planner_hook;
	planner_hook = bitmap_scan_planner;
	prev_get_relation_info_hook = get_relation_info_hook;
	get_relation_info_hook = bitmap_scan_get_relation_info;
}
