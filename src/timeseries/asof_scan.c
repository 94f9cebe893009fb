/*-------------------------------------------------------------------------
 * asof_scan.c
 *	  Plan node TsdbAsof: joins each outer row with the last inner row at its time, or the next one.
 *
 * Both inputs are sorted by keys and time, NULLs anywhere.  One pass over each: the inner one goes ahead until its next row is
 * behind the outer row.  Backward, the last row that was not is the match; it is copied, since the inner plan's slot holds the one
 * behind it.  Forward, the row behind it is itself the match.
 */
#include "compat.h"

#include "access/htup_details.h"
#include "commands/explain.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "timeseries/asof.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/expandeddatum.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/ruleutils.h"

/* A copied value, in memory that is used again. */
typedef struct Kept
{
	Datum		value;
	bool		isnull;
	char	   *buffer;
	Size		size;
} Kept;

/* A key, or the time. */
typedef struct Part
{
	int			outer_column;	/* of the scan tuple, or -1: the expression */
	ExprState  *outer_expr;
	int			inner_column;	/* of the inner plan */
	int16		outer_len;
	bool		outer_byval;
	bool		same_type;		/* on both sides, so that equal bytes are equal values */
	bool		as_int64;		/* compared as such */
	FmgrInfo	compare;		/* inner with outer */
	FmgrInfo	compare_outer;
	Oid			collation;
	Datum		outer;			/* of the outer row */
	Kept		group;			/* keys: of the outer rows that came last */
} Part;

typedef struct AsofState
{
	CustomScanState css;		/* must be first */

	bool		is_left;
	bool		forward;
	bool		strict;
	int			nouter;
	int			ninner;
	int			noutputs;
	int			nkeys;
	Part	   *parts;			/* [nkeys + 1], the time is the last */
	ExprState  *match_qual;		/* NULL: none */
	ExprState **outputs;		/* NULL: column output_columns[i] of the scan tuple as it is */
	int		   *output_columns;
	MemoryContext kept_context;
	MemoryContext compare_context;	/* of comparison functions, reset for each row */

	TupleTableSlot *ahead;		/* the next inner row; NULL at the end */
	bool		started;
	bool		has_group;
	bool		compared;		/* ahead_sign is right */
	int			ahead_sign;		/* the next inner row's keys, compared with the group's */
	bool		has_match;		/* backward: match[] is of the group */
	Kept	   *match;			/* [ninner] */
	bool	   *is_kept;		/* [ninner] column is read of a match */
	uint64		nmatches;
} AsofState;

/* ------------------------------------------------------------------------
 * Values
 * ------------------------------------------------------------------------
 */

static void
keep(AsofState *state, Kept *kept, Datum value, bool isnull, int16 len, bool byval)
{
	kept->isnull = isnull;
	if (isnull || byval)
		kept->value = value;
	else
	{
		Pointer		source = DatumGetPointer(value);
		Size		size;

		if (len == -1 && VARATT_IS_EXTERNAL_EXPANDED(source))
			size = EOH_get_flat_size(DatumGetEOHP(value));
		else
			size = datumGetSize(value, byval, len);
		if (size > kept->size)
		{
			if (kept->buffer)
				pfree(kept->buffer);
			kept->buffer = NULL;
			kept->size = 0;
			kept->buffer = MemoryContextAlloc(state->kept_context, size * 2);
			kept->size = size * 2;
		}
		if (len == -1 && VARATT_IS_EXTERNAL_EXPANDED(source))
			EOH_flatten_into(DatumGetEOHP(value), kept->buffer, size);
		else
			memcpy(kept->buffer, source, size);
		kept->value = PointerGetDatum(kept->buffer);
	}
}

/* Have two values of one type the same bytes?  False says nothing. */
static inline bool
same_bytes(Datum a, Datum b, int16 len, bool byval)
{
	if (a == b)
		return true;
	if (byval)
		return false;
	if (len == -1)
	{
		Pointer		pa = DatumGetPointer(a);
		Pointer		pb = DatumGetPointer(b);

		/* (a pointer to a value out of line, or expanded, says nothing of it) */
		if (VARATT_IS_EXTERNAL(pa) || VARATT_IS_EXTERNAL(pb))
			return false;
		return VARSIZE_ANY(pa) == VARSIZE_ANY(pb) && memcmp(pa, pb, VARSIZE_ANY(pa)) == 0;
	}
	if (len == -2)
		return strcmp(DatumGetCString(a), DatumGetCString(b)) == 0;
	return memcmp(DatumGetPointer(a), DatumGetPointer(b), len) == 0;
}

static int
call_compare(AsofState *state, FmgrInfo *compare, Oid collation, Datum a, Datum b)
{
	MemoryContext caller = MemoryContextSwitchTo(state->compare_context);
	int			sign = DatumGetInt32(FunctionCall2Coll(compare, collation, a, b));

	MemoryContextSwitchTo(caller);
	MemoryContextReset(state->compare_context);
	return sign;
}

/* An inner value compared with an outer one. */
static inline int
compare_part(AsofState *state, Part *part, Datum inner, Datum outer)
{
	if (part->as_int64)
	{
		int64		a = DatumGetInt64(inner);
		int64		b = DatumGetInt64(outer);

		return a < b ? -1 : a > b ? 1 : 0;
	}
	if (part->same_type && same_bytes(inner, outer, part->outer_len, part->outer_byval))
		return 0;
	return call_compare(state, &part->compare, part->collation, inner, outer);
}

/* ------------------------------------------------------------------------
 * The merge
 * ------------------------------------------------------------------------
 */

/* The next inner row that can match anything. */
static void
advance_inner(AsofState *state)
{
	PlanState  *child = lsecond(state->css.custom_ps);

	for (;;)
	{
		TupleTableSlot *slot = ExecProcNode(child);
		int			i;

		if (TupIsNull(slot))
		{
			state->ahead = NULL;
			return;
		}
		slot_getallattrs(slot);
		for (i = 0; i <= state->nkeys; i++)
		{
			if (slot->tts_isnull[state->parts[i].inner_column])
				break;
		}
		if (i > state->nkeys)
		{
			state->ahead = slot;
			state->compared = false;
			return;
		}
		CHECK_FOR_INTERRUPTS();
	}
}

/* The next outer row goes into the scan tuple; false at the end. */
static bool
next_outer(AsofState *state)
{
	TupleTableSlot *scan = state->css.ss.ss_ScanTupleSlot;
	TupleTableSlot *slot = ExecProcNode(linitial(state->css.custom_ps));

	if (TupIsNull(slot))
		return false;
	slot_getallattrs(slot);
	memcpy(scan->tts_values, slot->tts_values, sizeof(Datum) * state->nouter);
	memcpy(scan->tts_isnull, slot->tts_isnull, sizeof(bool) * state->nouter);
	return true;
}

/* Keys and time of the outer row; false: one is NULL. */
static bool
eval_outer(AsofState *state, ExprContext *econtext)
{
	TupleTableSlot *scan = state->css.ss.ss_ScanTupleSlot;
	int			i;

	for (i = 0; i <= state->nkeys; i++)
	{
		Part	   *part = &state->parts[i];
		bool		isnull;

		if (part->outer_column >= 0)
		{
			part->outer = scan->tts_values[part->outer_column];
			isnull = scan->tts_isnull[part->outer_column];
		}
		else
			part->outer = ExecEvalExprSwitchContext(part->outer_expr, econtext, &isnull);
		if (isnull)
			return false;
	}
	return true;
}

/* Begins another group, if the outer row is of one. */
static void
follow_group(AsofState *state)
{
	bool		same = state->has_group;
	int			i;

	for (i = 0; same && i < state->nkeys; i++)
	{
		Part	   *part = &state->parts[i];

		same = same_bytes(part->group.value, part->outer, part->outer_len, part->outer_byval) ||
			call_compare(state, &part->compare_outer, part->collation, part->group.value, part->outer) == 0;
	}
	if (same)
		return;
	for (i = 0; i < state->nkeys; i++)
	{
		Part	   *part = &state->parts[i];

		keep(state, &part->group, part->outer, false, part->outer_len, part->outer_byval);
	}
	state->has_group = true;
	state->has_match = false;
	state->compared = false;
}

/* The next inner row's keys, compared with the group's. */
static inline int
ahead_sign(AsofState *state)
{
	int			sign = 0;
	int			i;

	if (state->compared)
		return state->ahead_sign;
	for (i = 0; sign == 0 && i < state->nkeys; i++)
		sign = compare_part(state, &state->parts[i], state->ahead->tts_values[state->parts[i].inner_column], state->parts[i].group.value);
	state->ahead_sign = sign;
	state->compared = true;
	return sign;
}

static inline int
ahead_time_sign(AsofState *state)
{
	Part	   *time = &state->parts[state->nkeys];

	return compare_part(state, time, state->ahead->tts_values[time->inner_column], time->outer);
}

/* Keeps what is read of the next inner row. */
static void
keep_match(AsofState *state)
{
	TupleDesc	desc = state->ahead->tts_tupleDescriptor;
	int			i;

	for (i = 0; i < state->ninner; i++)
	{
		Form_pg_attribute att;

		if (!state->is_kept[i])
			continue;
		att = TupleDescAttr(desc, i);
		keep(state, &state->match[i], state->ahead->tts_values[i], state->ahead->tts_isnull[i], att->attlen, att->attbyval);
	}
	state->has_match = true;
}

/* Finds the outer row's match, and puts it into the scan tuple; false: there is none. */
static bool
find_match(AsofState *state)
{
	TupleTableSlot *scan = state->css.ss.ss_ScanTupleSlot;
	Datum	   *values = scan->tts_values + state->nouter;
	bool	   *isnull = scan->tts_isnull + state->nouter;
	int			i;

	follow_group(state);
	if (!state->started)
	{
		state->started = true;
		advance_inner(state);
	}
	while (state->ahead != NULL)
	{
		int			sign = ahead_sign(state);

		if (sign > 0)
			break;
		if (sign == 0)
		{
			int			time_sign = ahead_time_sign(state);

			if (state->forward)
			{
				if (time_sign > 0 || (time_sign == 0 && !state->strict))
					break;
			}
			else
			{
				if (time_sign > 0 || (time_sign == 0 && state->strict))
					break;
				keep_match(state);
			}
		}
		advance_inner(state);
		CHECK_FOR_INTERRUPTS();
	}
	if (state->forward)
	{
		if (state->ahead == NULL || ahead_sign(state) != 0)
			return false;
		memcpy(values, state->ahead->tts_values, sizeof(Datum) * state->ninner);
		memcpy(isnull, state->ahead->tts_isnull, sizeof(bool) * state->ninner);
		return true;
	}
	if (!state->has_match)
		return false;
	for (i = 0; i < state->ninner; i++)
	{
		values[i] = state->match[i].value;
		isnull[i] = state->match[i].isnull;
	}
	return true;
}

/* The third part of the scan tuple. */
static void
compute_outputs(AsofState *state, ExprContext *econtext, bool matched)
{
	TupleTableSlot *scan = state->css.ss.ss_ScanTupleSlot;
	int			first = state->nouter + state->ninner;
	int			i;

	for (i = 0; i < state->noutputs; i++)
	{
		if (!matched)
		{
			scan->tts_values[first + i] = (Datum) 0;
			scan->tts_isnull[first + i] = true;
		}
		else if (state->outputs[i] == NULL)
		{
			scan->tts_values[first + i] = scan->tts_values[state->output_columns[i]];
			scan->tts_isnull[first + i] = scan->tts_isnull[state->output_columns[i]];
		}
		else
			scan->tts_values[first + i] = ExecEvalExprSwitchContext(state->outputs[i], econtext, &scan->tts_isnull[first + i]);
	}
}

static TupleTableSlot *
next_row(ScanState *node)
{
	AsofState  *state = (AsofState *) node;
	TupleTableSlot *scan = node->ss_ScanTupleSlot;
	ExprContext *econtext = node->ps.ps_ExprContext;
	int			inner = state->nouter;

	for (;;)
	{
		bool		matched;

		ExecClearTuple(scan);
		if (!next_outer(state))
			return scan;
		/* expressions read the scan tuple; what they can't read yet, they don't */
		ExecStoreVirtualTuple(scan);
		econtext->ecxt_scantuple = scan;
		matched = eval_outer(state, econtext) && find_match(state);
		if (matched && state->match_qual != NULL)
			matched = ExecQual(state->match_qual, econtext);
		if (matched)
			state->nmatches++;
		else if (!state->is_left)
		{
			ResetExprContext(econtext);
			CHECK_FOR_INTERRUPTS();
			continue;
		}
		else
		{
			memset(scan->tts_values + inner, 0, sizeof(Datum) * state->ninner);
			memset(scan->tts_isnull + inner, true, sizeof(bool) * state->ninner);
		}
		compute_outputs(state, econtext, matched);
		return scan;
	}
}

static bool
recheck_row(ScanState *node, TupleTableSlot *slot)
{
	return true;
}

/* ------------------------------------------------------------------------
 * The node
 * ------------------------------------------------------------------------
 */

static Node *create_state(CustomScan *scan);
static void begin_asof(CustomScanState *node, EState *estate, int eflags);
static TupleTableSlot *exec_asof(CustomScanState *node);
static void end_asof(CustomScanState *node);
static void rescan_asof(CustomScanState *node);
static void explain_asof(CustomScanState *node, List *ancestors, ExplainState *es);

const CustomScanMethods tsdb_asof_scan_methods = {
	.CustomName = TSDB_ASOF_NAME,
	.CreateCustomScanState = create_state
};

static const CustomExecMethods exec_methods = {
	.CustomName = TSDB_ASOF_NAME,
	.BeginCustomScan = begin_asof,
	.ExecCustomScan = exec_asof,
	.EndCustomScan = end_asof,
	.ReScanCustomScan = rescan_asof,
	.ExplainCustomScan = explain_asof
};

static Node *
create_state(CustomScan *scan)
{
	AsofState  *state = palloc0(sizeof(AsofState));

	NodeSetTag(state, T_CustomScanState);
	state->css.methods = &exec_methods;
	return (Node *) state;
}

/* The column of the scan tuple that an expression is, or -1. */
static int
expr_column(Expr *expr)
{
	return IsA(expr, Var) && ((Var *) expr)->varno == INDEX_VAR ? ((Var *) expr)->varattno - 1 : -1;
}

/* Marks inner columns that expressions read. */
static bool
mark_kept(Node *node, AsofState *state)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		int			column = expr_column((Expr *) node) - state->nouter;

		if (column >= 0 && column < state->ninner)
			state->is_kept[column] = true;
		return false;
	}
	return expression_tree_walker(node, mark_kept, state);
}

static void
begin_asof(CustomScanState *node, EState *estate, int eflags)
{
	AsofState  *state = (AsofState *) node;
	CustomScan *plan = (CustomScan *) node->ss.ps.plan;
	List	   *numbers = linitial(plan->custom_private);
	List	   *columns = lsecond(plan->custom_private);
	List	   *compares = lthird(plan->custom_private);
	List	   *outer_compares = lfourth(plan->custom_private);
	List	   *collations = list_nth(plan->custom_private, 4);
	List	   *outer_exprs = linitial(plan->custom_exprs);
	List	   *match_quals = lsecond(plan->custom_exprs);
	List	   *outputs = lthird(plan->custom_exprs);
	TupleDesc	inner_desc;
	int			i;

	state->is_left = list_nth_int(numbers, TSDB_ASOF_LEFT);
	state->forward = list_nth_int(numbers, TSDB_ASOF_FORWARD);
	state->strict = list_nth_int(numbers, TSDB_ASOF_STRICT);
	state->nouter = list_nth_int(numbers, TSDB_ASOF_NOUTER);
	state->ninner = list_nth_int(numbers, TSDB_ASOF_NINNER);
	state->noutputs = list_length(outputs);
	state->nkeys = list_length(outer_exprs) - 1;

	node->custom_ps = list_make1(ExecInitNode(linitial(plan->custom_plans), estate, eflags));
	node->custom_ps = lappend(node->custom_ps, ExecInitNode(lsecond(plan->custom_plans), estate, eflags));
	inner_desc = ExecGetResultType(lsecond(node->custom_ps));
	Assert(inner_desc->natts == state->ninner);
	Assert(ExecGetResultType(linitial(node->custom_ps))->natts == state->nouter);
	Assert(node->ss.ss_ScanTupleSlot->tts_tupleDescriptor->natts == state->nouter + state->ninner + state->noutputs);

	state->parts = palloc0(sizeof(Part) * (state->nkeys + 1));
	for (i = 0; i <= state->nkeys; i++)
	{
		Part	   *part = &state->parts[i];
		Expr	   *expr = list_nth(outer_exprs, i);
		Oid			compare = list_nth_oid(compares, i);
		Oid			type = exprType((Node *) expr);

		part->outer_column = expr_column(expr);
		if (part->outer_column < 0)
			part->outer_expr = ExecInitExpr(expr, &node->ss.ps);
		part->inner_column = list_nth_int(columns, i) - 1;
		get_typlenbyval(type, &part->outer_len, &part->outer_byval);
		part->same_type = type == TupleDescAttr(inner_desc, part->inner_column)->atttypid;
		part->as_int64 = compare == F_BTINT8CMP || compare == F_TIMESTAMP_CMP || compare == F_TIMESTAMPTZ_CMP;
		part->collation = list_nth_oid(collations, i);
		fmgr_info(compare, &part->compare);
		if (i < state->nkeys)
			fmgr_info(list_nth_oid(outer_compares, i), &part->compare_outer);
	}
	state->match_qual = ExecInitQual(match_quals, &node->ss.ps);

	state->is_kept = palloc0(sizeof(bool) * state->ninner);
	state->match = palloc0(sizeof(Kept) * state->ninner);
	(void) mark_kept((Node *) match_quals, state);
	(void) mark_kept((Node *) outputs, state);
	for (i = 0; i < state->ninner; i++)
		state->match[i].isnull = true;

	state->outputs = palloc0(sizeof(ExprState *) * Max(1, state->noutputs));
	state->output_columns = palloc0(sizeof(int) * Max(1, state->noutputs));
	for (i = 0; i < state->noutputs; i++)
	{
		Expr	   *expr = list_nth(outputs, i);

		state->output_columns[i] = expr_column(expr);
		if (state->output_columns[i] < 0)
			state->outputs[i] = ExecInitExpr(expr, &node->ss.ps);
	}
	state->compare_context = AllocSetContextCreate(CurrentMemoryContext, "as-of join comparison", ALLOCSET_SMALL_SIZES);
	state->kept_context = AllocSetContextCreate(CurrentMemoryContext, "as-of join", ALLOCSET_DEFAULT_SIZES);
}

static TupleTableSlot *
exec_asof(CustomScanState *node)
{
	return ExecScan(&node->ss, next_row, recheck_row);
}

static void
end_asof(CustomScanState *node)
{
	ExecEndNode(linitial(node->custom_ps));
	ExecEndNode(lsecond(node->custom_ps));
}

static void
rescan_asof(CustomScanState *node)
{
	AsofState  *state = (AsofState *) node;
	ListCell   *lc;

	state->ahead = NULL;
	state->started = false;
	state->has_group = false;
	state->has_match = false;
	state->compared = false;
	foreach(lc, node->custom_ps)
	{
		PlanState  *child = lfirst(lc);

		if (node->ss.ps.chgParam != NULL)
			UpdateChangedParamSet(child, node->ss.ps.chgParam);
		if (child->chgParam == NULL)
			ExecReScan(child);
	}
	ExecScanReScan(&node->ss);
}

static void
explain_conditions(CustomScanState *node, const char *label, List *conditions, List *ancestors, ExplainState *es)
{
	List	   *context;

	if (conditions == NIL)
		return;
	context = set_deparse_context_plan(es->deparse_cxt, node->ss.ps.plan, ancestors);
	ExplainPropertyText(label, deparse_expression((Node *) make_ands_explicit(conditions), context, true, false), es);
}

static void
explain_asof(CustomScanState *node, List *ancestors, ExplainState *es)
{
	AsofState  *state = (AsofState *) node;
	CustomScan *plan = (CustomScan *) node->ss.ps.plan;
	List	   *shown = lfourth(plan->custom_exprs);

	ExplainPropertyText("Join Type", state->is_left ? "Left" : "Inner", es);
	explain_conditions(node, "Merge Cond", list_copy_head(shown, state->nkeys), ancestors, es);
	explain_conditions(node, "As-of Cond", list_copy_tail(shown, state->nkeys), ancestors, es);
	explain_conditions(node, "Join Filter", lsecond(plan->custom_exprs), ancestors, es);
	if (es->analyze)
		ExplainPropertyFloat("Matches", NULL, node->ss.ps.instrument->nloops > 0 ?
							 state->nmatches / node->ss.ps.instrument->nloops : 0, 0, es);
}
