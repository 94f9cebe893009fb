/*-------------------------------------------------------------------------
 * tsdb_agg.c
 *	  TsdbAgg: aggregates and groups over the vectors of a TsdbScan.
 *
 * The scan below is not asked for rows but for vectors with the rows that passed its conditions, and for single rows of the row store, which are
 * gathered into batches.  Each batch is cut into runs of one group (group_keys.c), whose states the aggregates advance (aggregates.c).
 *
 * When the groups outgrow hash_mem, no group is made any more: rows of others are set aside, by hash, and are
 * aggregated after the groups so far have been returned, one part after the other, in the same way.  So each group is complete when it is
 * returned, and no row is counted twice.
 *
 * In the plan: custom_scan_tlist holds the keys, then the Aggrefs; the target list and HAVING refer to it.  custom_private is (number of keys),
 * (their equality operators), (over a join: both again, in terms of the columns that it returns).  custom_exprs has both again, then conditions without columns.
 * custom_plans has the TsdbScan, or the join, whose rows are all gathered into batches.
 */
#include "compat.h"

#include "agg/tsdb_agg.h"

#include "agg/aggregates.h"
#include "agg/group_keys.h"
#include "commands/explain.h"
#include "executor/executor.h"
#include "executor/nodeHash.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "scan/tsdb_scan.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/tuplestore.h"

/* parts that rows are set aside in, by four bits of their hash from the top */
#define PARTS			16
#define PART_BITS		4
#define MAX_LEVEL		12

/* Rows set aside. */
typedef struct Part
{
	Tuplestorestate *rows;		/* NULL = none */
	int			level;			/* how many times they have been set aside */
} Part;

typedef struct TsdbAggState
{
	CustomScanState css;
	PlanState  *child;
	CustomScanState *scan;		/* the child; NULL: it is a join */
	int			nkeys;
	int			naggs;
	List	   *key_exprs;		/* as EXPLAIN shows them */
	List	   *eq_operators;
	List	   *aggrefs;
	List	   *mapped;			/* both, as they are evaluated */
	List	   *gate;			/* conditions without columns: if they are false, there are no rows */
	ExprState  *gate_state;
	AttrNumber *attnums;		/* columns that are read */
	int			nattnums;

	MemoryContext cxt;
	TsdbExprSet *exprs;
	TsdbAggregates *aggs;
	TsdbGroupKeys *keys;		/* NULL: there is one group */
	TsdbGroupTable *table;
	char	   *states;			/* of the one group */
	TsdbBatch  *vectors;
	TsdbBatch  *rows;			/* that come one by one */
	TsdbRun    *runs;			/* [1024] */
	TsdbPiece  *pieces;			/* [1024] */
	bool		create;			/* groups still fit into memory */

	bool		filled;			/* all rows of this pass have been added */
	Size		next_group;
	Part		parts[PARTS];	/* being written in this pass */
	List	   *pending;		/* Part: to be read in later passes */
	int			level;			/* of this pass */
	TupleTableSlot *spill_slot; /* rows on their way there and back */

	uint64		chunks_answered;	/* by the directory */
	uint64		rows_spilled;
	int			passes;
} TsdbAggState;

static Node *create_agg_state(CustomScan *cscan);
static void begin_agg(CustomScanState *node, EState *estate, int eflags);
static TupleTableSlot *exec_agg(CustomScanState *node);
static void end_agg(CustomScanState *node);
static void rescan_agg(CustomScanState *node);
static void explain_agg(CustomScanState *node, List *ancestors, ExplainState *es);

const CustomScanMethods tsdb_agg_methods = {
	.CustomName = TSDB_AGG_NAME,
	.CreateCustomScanState = create_agg_state
};

static const CustomExecMethods agg_exec_methods = {
	.CustomName = TSDB_AGG_NAME,
	.BeginCustomScan = begin_agg,
	.ExecCustomScan = exec_agg,
	.EndCustomScan = end_agg,
	.ReScanCustomScan = rescan_agg,
	.ExplainCustomScan = explain_agg
};

/* ------------------------------------------------------------------------
 * Start
 * ------------------------------------------------------------------------
 */

static Node *
create_agg_state(CustomScan *cscan)
{
	TsdbAggState *state = palloc0(sizeof(TsdbAggState));

	NodeSetTag(state, T_CustomScanState);
	state->css.methods = &agg_exec_methods;
	return (Node *) state;
}

static void
find_columns(TsdbAggState *state)
{
	List	   *vars = pull_var_clause((Node *) state->mapped, PVC_RECURSE_AGGREGATES);
	Bitmapset  *attnums = NULL;
	ListCell   *lc;
	int			member = -1;

	foreach(lc, vars)
		attnums = bms_add_member(attnums, lfirst_node(Var, lc)->varattno);
	state->attnums = palloc((bms_num_members(attnums) + 1) * sizeof(AttrNumber));
	while ((member = bms_next_member(attnums, member)) >= 0)
		state->attnums[state->nattnums++] = (AttrNumber) member;
	bms_free(attnums);
}

static void
begin_agg(CustomScanState *node, EState *estate, int eflags)
{
	TsdbAggState *state = (TsdbAggState *) node;
	CustomScan *cscan = (CustomScan *) node->ss.ps.plan;
	TupleDesc	desc;
	bool		joined;
	ListCell   *lc;

	state->nkeys = linitial_int(linitial(cscan->custom_private));
	state->eq_operators = lsecond(cscan->custom_private);
	foreach(lc, cscan->custom_scan_tlist)
	{
		Expr	   *expr = lfirst_node(TargetEntry, lc)->expr;

		if (list_length(state->key_exprs) < state->nkeys)
			state->key_exprs = lappend(state->key_exprs, expr);
		else
			state->aggrefs = lappend(state->aggrefs, expr);
	}
	state->naggs = list_length(state->aggrefs);
	state->gate = list_copy_tail(cscan->custom_exprs, state->nkeys + state->naggs);
	state->gate_state = ExecInitQual(state->gate, &node->ss.ps);
	state->mapped = lthird(cscan->custom_private);
	joined = state->mapped != NIL;
	if (!joined)
		state->mapped = list_concat_copy(state->key_exprs, state->aggrefs);
	find_columns(state);

	state->child = ExecInitNode(linitial(cscan->custom_plans), estate, eflags & ~(EXEC_FLAG_BACKWARD | EXEC_FLAG_MARK));
	node->custom_ps = list_make1(state->child);
	if (joined)
		desc = ExecGetResultType(state->child);
	else
	{
		state->scan = castNode(CustomScanState, state->child);
		desc = RelationGetDescr(state->scan->ss.ss_currentRelation);
	}

	/* expressions read rows of the table, not of this node's scan tuples */
	node->ss.ps.scanopsset = false;
	node->ss.ps.scanopsfixed = false;
	state->cxt = AllocSetContextCreate(estate->es_query_cxt, "TsdbAgg", ALLOCSET_DEFAULT_SIZES);
	{
		MemoryContext old = MemoryContextSwitchTo(state->cxt);
		TupleDesc	scan_desc = node->ss.ps.scandesc;

		node->ss.ps.scandesc = desc;
		state->exprs = tsdb_exprs_create(&node->ss.ps, desc);
		state->aggs = tsdb_aggregates_create(state->exprs, list_copy_tail(state->mapped, state->nkeys));
		if (state->nkeys > 0)
		{
			state->keys = tsdb_group_keys_create(state->exprs, list_copy_head(state->mapped, state->nkeys), state->eq_operators,
												 tsdb_aggregates_state_bytes(state->aggs));
			state->table = tsdb_group_keys_table(state->keys);
		}
		else
			state->states = palloc0(Max(tsdb_aggregates_state_bytes(state->aggs), 1));
		node->ss.ps.scandesc = scan_desc;
		state->vectors = tsdb_batch_create(desc, state->cxt);
		state->rows = tsdb_batch_create(desc, state->cxt);
		state->spill_slot = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
		state->runs = palloc(TSDB_VECTOR_ROWS * sizeof(TsdbRun));
		state->pieces = palloc(TSDB_VECTOR_ROWS * sizeof(TsdbPiece));
		MemoryContextSwitchTo(old);
	}
	state->create = true;
}

/* ------------------------------------------------------------------------
 * Rows set aside
 * ------------------------------------------------------------------------
 */

/* Sets the rows of a run aside: the columns that are read. */
static void
set_aside(TsdbAggState *state, TsdbBatch *batch, const TsdbRun *run)
{
	Part	   *part = &state->parts[run->hash >> (64 - PART_BITS * (state->level + 1)) & (PARTS - 1)];
	TupleTableSlot *slot = state->spill_slot;
	TsdbVec	   *vecs = palloc((state->nattnums + 1) * sizeof(TsdbVec));
	int			i,
				a;

	if (part->rows == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(state->cxt);

		part->rows = tuplestore_begin_heap(false, false, Max(64, work_mem / PARTS));
		part->level = state->level + 1;
		MemoryContextSwitchTo(old);
	}
	for (a = 0; a < state->nattnums; a++)
		vecs[a] = tsdb_batch_column(batch, state->attnums[a]);
	for (i = run->start; i < run->start + run->n; i++)
	{
		ExecClearTuple(slot);
		memset(slot->tts_isnull, true, slot->tts_tupleDescriptor->natts * sizeof(bool));
		for (a = 0; a < state->nattnums; a++)
		{
			slot->tts_values[state->attnums[a] - 1] = vecs[a].values[i];
			slot->tts_isnull[state->attnums[a] - 1] = vecs[a].isnull != NULL && vecs[a].isnull[i];
		}
		ExecStoreVirtualTuple(slot);
		tuplestore_puttupleslot(part->rows, slot);
	}
	state->rows_spilled += run->n;
	pfree(vecs);
}

/* The parts written in this pass wait for passes of their own. */
static void
keep_parts(TsdbAggState *state)
{
	MemoryContext old = MemoryContextSwitchTo(state->cxt);
	int			i;

	for (i = 0; i < PARTS; i++)
	{
		Part	   *part = &state->parts[i];

		if (part->rows == NULL)
			continue;
		state->pending = lcons(memcpy(palloc(sizeof(Part)), part, sizeof(Part)), state->pending);
		part->rows = NULL;
	}
	MemoryContextSwitchTo(old);
}

static void
drop_parts(TsdbAggState *state)
{
	ListCell   *lc;

	keep_parts(state);
	foreach(lc, state->pending)
	{
		tuplestore_end(((Part *) lfirst(lc))->rows);
		pfree(lfirst(lc));
	}
	list_free(state->pending);
	state->pending = NIL;
}

/* ------------------------------------------------------------------------
 * Adding rows
 * ------------------------------------------------------------------------
 */

/* Does the memory of groups and states allow more of them? */
static void
check_memory(TsdbAggState *state)
{
	Size		bytes = tsdb_group_table_bytes(state->table) + tsdb_aggregates_bytes(state->aggs);

	/* at the last level what is equal in all bits looked at stays together, whatever it takes */
	if (bytes > get_hash_memory_limit() && state->level < MAX_LEVEL)
		state->create = false;
}

static void
add_batch(TsdbAggState *state, TsdbBatch *batch)
{
	int			nruns;
	int			npieces = 0;
	int			i;

	ResetExprContext(state->exprs->econtext);
	if (state->keys == NULL)
	{
		state->pieces[0].start = 0;
		state->pieces[0].n = (uint16) batch->n;
		state->pieces[0].states = state->states;
		tsdb_aggregates_add(state->aggs, batch, state->pieces, 1);
		return;
	}

	nruns = tsdb_group_keys_cut(state->keys, batch, state->create, state->runs);
	for (i = 0; i < nruns; i++)
	{
		TsdbRun    *run = &state->runs[i];
		TsdbPiece  *piece = &state->pieces[npieces];

		if (run->group == NULL)
		{
			set_aside(state, batch, run);
			continue;
		}
		piece->start = run->start;
		piece->n = run->n;
		piece->states = tsdb_group_states(state->table, run->group);
		if (run->is_new)
			tsdb_aggregates_init(state->aggs, piece->states);
		npieces++;
	}
	if (npieces > 0)
		tsdb_aggregates_add(state->aggs, batch, state->pieces, npieces);
	if (state->create)
		check_memory(state);
}

static void
add_rows(TsdbAggState *state)
{
	if (state->rows->n > 0)
		add_batch(state, state->rows);
	tsdb_batch_clear(state->rows);
}

static void
add_row(TsdbAggState *state, TupleTableSlot *slot)
{
	if (tsdb_batch_add(state->rows, slot, state->attnums, state->nattnums))
		add_rows(state);
}

/* All rows of a join. */
static void
read_rows(TsdbAggState *state)
{
	for (;;)
	{
		TupleTableSlot *slot = ExecProcNode(state->child);

		CHECK_FOR_INTERRUPTS();
		if (TupIsNull(slot))
			break;
		add_row(state, slot);
	}
	add_rows(state);
}

/* All rows of the scan. */
static void
read_scan(TsdbAggState *state)
{
	/* what the directory knows is enough */
	bool		offer_chunks = state->keys == NULL && tsdb_aggregates_by_directory(state->aggs);
	TsdbScanItem item;

	if (!ExecQual(state->gate_state, state->exprs->econtext))
		return;
	for (;;)
	{
		tsdb_scan_next_item(state->scan, offer_chunks, &item);
		switch (item.kind)
		{
			case TSDB_ITEM_END:
				add_rows(state);
				return;
			case TSDB_ITEM_ROW:
				add_row(state, item.slot);
				break;
			case TSDB_ITEM_CHUNK:
				if (tsdb_aggregates_add_chunk(state->aggs, state->states, item.store, item.entry,
											  state->exprs->econtext->ecxt_per_tuple_memory))
				{
					tsdb_scan_leave_chunk(state->scan);
					state->chunks_answered++;
				}
				ResetExprContext(state->exprs->econtext);
				break;
			case TSDB_ITEM_VECTOR:
				if (item.new_chunk && state->keys != NULL)
					tsdb_group_keys_new_chunk(state->keys);
				tsdb_batch_set_vector(state->vectors, item.set, item.rows, item.nrows);
				add_batch(state, state->vectors);
				break;
		}
	}
}

/* All rows of a part that was set aside. */
static void
read_part(TsdbAggState *state, Part *part)
{
	state->level = part->level;
	while (tuplestore_gettupleslot(part->rows, true, false, state->spill_slot))
	{
		CHECK_FOR_INTERRUPTS();
		add_row(state, state->spill_slot);
	}
	add_rows(state);
	tuplestore_end(part->rows);
	pfree(part);
}

static void
empty_groups(TsdbAggState *state)
{
	if (state->keys != NULL)
		tsdb_group_keys_reset(state->keys);
	tsdb_aggregates_reset(state->aggs);
	state->next_group = 0;
	state->create = true;
}

/* Aggregates all rows of the next pass; false: there is none. */
static bool
next_pass(TsdbAggState *state)
{
	if (state->filled && state->pending == NIL)
		return false;
	empty_groups(state);
	tsdb_batch_clear(state->rows);
	if (!state->filled)
	{
		state->filled = true;
		state->level = 0;
		if (state->keys == NULL)
		{
			memset(state->states, 0, tsdb_aggregates_state_bytes(state->aggs));
			tsdb_aggregates_init(state->aggs, state->states);
		}
		if (state->scan != NULL)
			read_scan(state);
		else
			read_rows(state);
	}
	else
	{
		Part	   *part = linitial(state->pending);

		state->pending = list_delete_first(state->pending);
		read_part(state, part);
	}
	keep_parts(state);
	state->passes++;
	return true;
}

/* ------------------------------------------------------------------------
 * Returning groups
 * ------------------------------------------------------------------------
 */

static void
show_group(TsdbAggState *state, TupleTableSlot *slot, TsdbGroup *group)
{
	MemoryContext old = MemoryContextSwitchTo(state->css.ss.ps.ps_ExprContext->ecxt_per_tuple_memory);
	int			k;

	Assert(group != NULL || state->nkeys == 0);
	ExecClearTuple(slot);
	for (k = 0; k < state->nkeys; k++)
	{
		slot->tts_isnull[k] = (group->nulls & (UINT32_C(1) << k)) != 0;
		slot->tts_values[k] = slot->tts_isnull[k] ? (Datum) 0 : tsdb_group_key_value(state->table, k, group->keys[k]);
	}
	tsdb_aggregates_results(state->aggs, group != NULL ? tsdb_group_states(state->table, group) : state->states,
							slot->tts_values + state->nkeys, slot->tts_isnull + state->nkeys);
	ExecStoreVirtualTuple(slot);
	MemoryContextSwitchTo(old);
}

/* Access method routine of ExecScan. */
static TupleTableSlot *
next_group(ScanState *ss)
{
	TsdbAggState *state = (TsdbAggState *) ss;
	TupleTableSlot *slot = ss->ss_ScanTupleSlot;

	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		if (state->passes > 0)
		{
			Size		n = state->keys != NULL ? tsdb_group_count(state->table) : 1;

			if (state->next_group < n)
			{
				show_group(state, slot, state->keys != NULL ? tsdb_group_nth(state->table, state->next_group) : NULL);
				state->next_group++;
				return slot;
			}
		}
		if (!next_pass(state))
			return ExecClearTuple(slot);
	}
}

static bool
recheck_group(ScanState *ss, TupleTableSlot *slot)
{
	return true;
}

static TupleTableSlot *
exec_agg(CustomScanState *node)
{
	return ExecScan(&node->ss, next_group, recheck_group);
}

static void
end_agg(CustomScanState *node)
{
	TsdbAggState *state = (TsdbAggState *) node;

	drop_parts(state);
	ExecDropSingleTupleTableSlot(state->spill_slot);
	ExecDropSingleTupleTableSlot(state->exprs->slot);
	ExecEndNode(state->child);
}

static void
rescan_agg(CustomScanState *node)
{
	TsdbAggState *state = (TsdbAggState *) node;
	PlanState  *scan = state->child;

	/* results of the same rows can be returned again, if they are all there */
	if (state->passes == 1 && state->rows_spilled == 0 && node->ss.ps.chgParam == NULL && scan->chgParam == NULL)
	{
		state->next_group = 0;
		ExecScanReScan(&node->ss);
		return;
	}
	drop_parts(state);
	empty_groups(state);
	tsdb_exprs_rescan(state->exprs);
	state->filled = false;
	state->passes = 0;
	state->rows_spilled = 0;
	if (node->ss.ps.chgParam != NULL)
		UpdateChangedParamSet(scan, node->ss.ps.chgParam);
	if (scan->chgParam == NULL)
		ExecReScan(scan);
	ExecScanReScan(&node->ss);
}

/* ------------------------------------------------------------------------
 * EXPLAIN
 * ------------------------------------------------------------------------
 */

static void
explain_exprs(const char *label, List *exprs, CustomScanState *node, List *ancestors, ExplainState *es)
{
	List	   *context = set_deparse_context_plan(es->deparse_cxt, node->ss.ps.plan, ancestors);
	bool		prefix = EXPLAIN_NAMES_TABLES(es);
	List	   *texts = NIL;
	ListCell   *lc;

	foreach(lc, exprs)
		texts = lappend(texts, deparse_expression(lfirst(lc), context, prefix, false));
	if (texts != NIL)
		ExplainPropertyList(label, texts, es);
}

static void
explain_agg(CustomScanState *node, List *ancestors, ExplainState *es)
{
	TsdbAggState *state = (TsdbAggState *) node;
	List	   *by_rows = tsdb_aggregates_by_rows(state->aggs);
	List	   *vectorized = NIL;
	List	   *rows = NIL;
	ListCell   *lc;
	ListCell   *lc2;

	forboth(lc, state->aggrefs, lc2, list_copy_tail(state->mapped, state->nkeys))
	{
		if (list_member_ptr(by_rows, lfirst(lc2)))
			rows = lappend(rows, lfirst(lc));
		else
			vectorized = lappend(vectorized, lfirst(lc));
	}
	explain_exprs("Group Key", state->key_exprs, node, ancestors, es);
	explain_exprs("Vectorized Aggregates", vectorized, node, ancestors, es);
	explain_exprs("Row by Row", rows, node, ancestors, es);
	explain_exprs("One-Time Filter", state->gate, node, ancestors, es);
	if (!es->analyze)
		return;
	if (state->chunks_answered > 0 || es->format != EXPLAIN_FORMAT_TEXT)
		ExplainPropertyInteger("Chunks Answered by Directory", NULL, (int64) state->chunks_answered, es);
	if (state->passes > 1 || es->format != EXPLAIN_FORMAT_TEXT)
	{
		ExplainPropertyInteger("Passes", NULL, state->passes, es);
		ExplainPropertyInteger("Rows Set Aside", NULL, (int64) state->rows_spilled, es);
	}
}
