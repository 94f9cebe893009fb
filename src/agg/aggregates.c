/*-------------------------------------------------------------------------
 * aggregates.c
 *	  Aggregate functions over batches of rows.
 *
 * Integers are added up exactly, in 128 bits.  Floats are added by kernels with several accumulators, and pieces one by one: another order of
 * addition than the executor's, so that results may differ in the last digits.  Infinities and NaN come out as they do there; a sum that
 * overflows raises the same error.
 *
 * Serialised states are those of core's functions (checked by a test that combines both), so that core's Finalize Aggregate goes on with them.
 */
#include "compat.h"

#include "agg/aggregates.h"

#include "access/htup_details.h"
#include "agg/core_aggregate.h"
#include "agg/numeric_sum.h"
#include "chunk/column_ranges.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "kernels.h"
#include "libpq/pqformat.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "timeseries/first_last.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/syscache.h"

#include <math.h>

typedef enum AggKind
{
	AGG_COUNT_ROWS,				/* count(*) */
	AGG_COUNT,
	AGG_SUM_INT,				/* -> int8 */
	AGG_SUM_INT8,				/* -> numeric */
	AGG_AVG_INT,				/* of int2, int4 */
	AGG_AVG_INT8,
	AGG_VAR_INT,				/* of int2, int4 */
	AGG_SUM_NUMERIC,			/* complete ones; partial ones as AGG_CORE */
	AGG_AVG_NUMERIC,
	AGG_SUM_FLOAT8,
	AGG_SUM_FLOAT4,
	AGG_AVG_FLOAT,
	AGG_VAR_FLOAT,
	AGG_MIN_INT, AGG_MAX_INT,	/* by-value types that sort as signed integers; bool */
	AGG_MIN_FLOAT8, AGG_MAX_FLOAT8,
	AGG_MIN_FLOAT4, AGG_MAX_FLOAT4,
	AGG_FIRST, AGG_LAST,		/* first(value, time) and last(), time sorting as signed integers: as AGG_CORE, of one row a piece */
	AGG_BATCH,					/* this extension's, by its transition over many rows */
	AGG_CORE					/* by its own transition function */
} AggKind;

typedef struct CountState
{
	int64		n;
} CountState;

typedef struct IntState
{
	int64		n;
	int128		sum;
	int128		squares;
} IntState;

typedef struct NumericState
{
	TsdbNumericSum sum;
	TsdbCoreState others;		/* values that are not in the sum */
	int64		nothers;
} NumericState;

typedef struct FloatState
{
	int64		n;
	double		sum;
	double		sxx;			/* sum of squares of differences from the mean */
	bool		infinite;		/* some value was an infinity or NaN */
} FloatState;

typedef struct ExtremeState
{
	bool		some;
	union
	{
		int64		i;
		double		d;
	}			value;
} ExtremeState;

typedef struct Aggregate
{
	Aggref	   *aggref;
	AggKind		kind;
	bool		partial;
	Size		offset;			/* of its state in a group's */
	TsdbExpr   *arg;			/* of all kinds but COUNT_ROWS and CORE */
	TsdbExpr   *filter;			/* NULL = none */
	int			subset;			/* which of the batch's subsets it is for; -1: all rows */
	TsdbCoreAggregate *core;	/* BATCH, CORE, and kinds that finish by core's functions */
	TsdbBatchStep step;			/* BATCH */
	bool		shared;			/* BATCH: its state is that of one before */
	int			nargs;			/* BATCH, CORE */
	TsdbExpr  **args;
	AttrNumber	sum_attnum;		/* a column that may be added up as it is encoded, 0 = none */
	bool		by_value_of_dict;	/* CORE: min or max: a value that was looked at need not be again; values of a dictionary are in one place */
} Aggregate;

/* Rows that one FILTER lets through. */
typedef struct Subset
{
	TsdbExpr   *filter;
	TsdbBatch  *batch;
	uint16		rows[TSDB_VECTOR_ROWS];
	TsdbPiece  *pieces;			/* [1024] */
	int			npieces;
} Subset;

struct TsdbAggregates
{
	TsdbExprSet *exprs;
	AggState   *context;
	int			n;
	Aggregate  *aggs;
	int			nsubsets;
	Subset	   *subsets;
	Size		state_bytes;
	bool		by_directory;	/* count(*), and extremes of plain columns, without FILTER, alone */
	bool		has_extremes;
};

/* ------------------------------------------------------------------------
 * Which aggregates
 * ------------------------------------------------------------------------
 */

static AggKind
kind_of(Oid transfn, Oid finalfn)
{
	switch (transfn)
	{
		case F_INT8INC:
			return AGG_COUNT_ROWS;
		case F_INT8INC_ANY:
			return AGG_COUNT;
		case F_INT2_SUM:
		case F_INT4_SUM:
			return AGG_SUM_INT;
		case F_INT2_AVG_ACCUM:
		case F_INT4_AVG_ACCUM:
			return AGG_AVG_INT;
		case F_INT8_AVG_ACCUM:
			return finalfn == F_NUMERIC_POLY_SUM ? AGG_SUM_INT8 : AGG_AVG_INT8;
		case F_INT2_ACCUM:
		case F_INT4_ACCUM:
			return AGG_VAR_INT;
		case F_NUMERIC_AVG_ACCUM:
			return finalfn == F_NUMERIC_SUM ? AGG_SUM_NUMERIC : finalfn == F_NUMERIC_AVG ? AGG_AVG_NUMERIC : AGG_CORE;
		case F_FLOAT8PL:
			return AGG_SUM_FLOAT8;
		case F_FLOAT4PL:
			return AGG_SUM_FLOAT4;
		case F_FLOAT4_ACCUM:
		case F_FLOAT8_ACCUM:
			return finalfn == F_FLOAT8_AVG ? AGG_AVG_FLOAT : AGG_VAR_FLOAT;
		case F_INT2SMALLER:
		case F_INT4SMALLER:
		case F_INT8SMALLER:
		case F_DATE_SMALLER:
		case F_TIME_SMALLER:
		case F_TIMESTAMP_SMALLER:
		case F_TIMESTAMPTZ_SMALLER:
		case F_CASHSMALLER:
		case F_BOOLAND_STATEFUNC:
			return AGG_MIN_INT;
		case F_INT2LARGER:
		case F_INT4LARGER:
		case F_INT8LARGER:
		case F_DATE_LARGER:
		case F_TIME_LARGER:
		case F_TIMESTAMP_LARGER:
		case F_TIMESTAMPTZ_LARGER:
		case F_CASHLARGER:
		case F_BOOLOR_STATEFUNC:
			return AGG_MAX_INT;
		case F_FLOAT8SMALLER:
			return AGG_MIN_FLOAT8;
		case F_FLOAT8LARGER:
			return AGG_MAX_FLOAT8;
		case F_FLOAT4SMALLER:
			return AGG_MIN_FLOAT4;
		case F_FLOAT4LARGER:
			return AGG_MAX_FLOAT4;
		default:
			return AGG_CORE;
	}
}

const char *
tsdb_aggregate_refused(const Aggref *aggref)
{
	if (aggref->aggkind != AGGKIND_NORMAL)
		return "an aggregate over an ordered set";
	if (aggref->aggdistinct != NIL)
		return "an aggregate with DISTINCT";
	if (aggref->aggorder != NIL)
		return "an aggregate with ORDER BY";
	if (aggref->agglevelsup != 0)
		return "an aggregate of an outer query";
	if (contain_volatile_functions((Node *) aggref->args) || contain_volatile_functions((Node *) aggref->aggfilter))
		return "a volatile function";
	if (contain_subplans((Node *) aggref->args) || contain_subplans((Node *) aggref->aggfilter))
		return "a subquery in an aggregate";
	return NULL;
}

static AggKind
kind_of_aggref(const Aggref *aggref)
{
	HeapTuple	tuple;
	Form_pg_aggregate form;
	AggKind		kind;

	/* other aggregates may have other initial values */
	if (aggref->aggfnoid >= FirstGenbkiObjectId)
		return AGG_CORE;
	tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(aggref->aggfnoid));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for aggregate %u", aggref->aggfnoid);
	form = (Form_pg_aggregate) GETSTRUCT(tuple);
	kind = kind_of(form->aggtransfn, form->aggfinalfn);
	ReleaseSysCache(tuple);
	return kind;
}

/* Another aggregate of the list that shares the state, by core's numbering, and needs its squares? */
static bool
squares_are_shared(List *aggrefs, const Aggref *aggref)
{
	ListCell   *lc;

	foreach(lc, aggrefs)
	{
		Aggref	   *other = lfirst_node(Aggref, lc);

		if (other->aggtransno == aggref->aggtransno && kind_of_aggref(other) == AGG_VAR_FLOAT)
			return true;
	}
	return false;
}

/* Is it one of our own first() and last(), by a time that sorts as signed integers do? */
static AggKind
pick_kind(const Aggregate *agg)
{
	PGFunction	trans = agg->core->trans.fn_addr;

	if (list_length(agg->aggref->args) != 2 || (trans != tsdb_first_step && trans != tsdb_last_step))
		return AGG_CORE;
	switch (exprType((Node *) lsecond_node(TargetEntry, agg->aggref->args)->expr))
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case DATEOID:
		case TIMEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return trans == tsdb_first_step ? AGG_FIRST : AGG_LAST;
		default:
			return AGG_CORE;
	}
}

static Size
state_size(AggKind kind)
{
	switch (kind)
	{
		case AGG_COUNT_ROWS:
		case AGG_COUNT:
			return sizeof(CountState);
		case AGG_SUM_INT:
		case AGG_SUM_INT8:
		case AGG_AVG_INT:
		case AGG_AVG_INT8:
		case AGG_VAR_INT:
			return sizeof(IntState);
		case AGG_SUM_NUMERIC:
		case AGG_AVG_NUMERIC:
			return sizeof(NumericState);
		case AGG_SUM_FLOAT8:
		case AGG_SUM_FLOAT4:
		case AGG_AVG_FLOAT:
		case AGG_VAR_FLOAT:
			return sizeof(FloatState);
		case AGG_FIRST:
		case AGG_LAST:
		case AGG_BATCH:
		case AGG_CORE:
			return sizeof(TsdbCoreState);
		default:
			return sizeof(ExtremeState);
	}
}

static bool
has_core_state(AggKind kind)
{
	return kind == AGG_CORE || kind == AGG_BATCH || kind == AGG_FIRST || kind == AGG_LAST;
}

static bool
is_extreme(AggKind kind)
{
	return kind >= AGG_MIN_INT && kind <= AGG_MAX_FLOAT4;
}

static int
find_subset(TsdbAggregates *aggs, TsdbExpr *filter)
{
	int			i;

	for (i = 0; i < aggs->nsubsets; i++)
	{
		if (aggs->subsets[i].filter == filter)
			return i;
	}
	aggs->subsets[aggs->nsubsets].filter = filter;
	aggs->subsets[aggs->nsubsets].batch = tsdb_batch_create(aggs->exprs->slot->tts_tupleDescriptor, aggs->exprs->cxt);
	aggs->subsets[aggs->nsubsets].pieces = palloc(TSDB_VECTOR_ROWS * sizeof(TsdbPiece));
	return aggs->nsubsets++;
}

static void
compile_aggregate(TsdbAggregates *aggs, Aggregate *agg, Aggref *aggref, List *aggrefs)
{
	Aggregate  *other;

	agg->aggref = aggref;
	agg->partial = DO_AGGSPLIT_SKIPFINAL(aggref->aggsplit);
	agg->kind = kind_of_aggref(aggref);
	/* rights are checked, and results of some kinds are finished, by this */
	agg->core = tsdb_core_aggregate_create(aggref, aggs->context);
	if (agg->kind == AGG_CORE)
		agg->kind = pick_kind(agg);
	if (agg->kind == AGG_CORE && aggref->aggtranstype == INTERNALOID && !agg->core->trans.fn_strict && agg->core->init_isnull &&
		(agg->step = tsdb_batch_step_find(agg->core->trans.fn_addr)) != NULL)
		agg->kind = AGG_BATCH;
	/* core's functions go on with its states */
	if ((agg->kind == AGG_SUM_NUMERIC || agg->kind == AGG_AVG_NUMERIC) && agg->partial)
		agg->kind = AGG_CORE;
	if (agg->kind == AGG_AVG_FLOAT && agg->partial && squares_are_shared(aggrefs, aggref))
		agg->kind = AGG_VAR_FLOAT;

	switch (agg->kind)
	{
		case AGG_COUNT_ROWS:
			break;
		case AGG_FIRST:
		case AGG_LAST:
		case AGG_BATCH:
		case AGG_CORE:
			{
				ListCell   *lc;

				agg->args = palloc((list_length(aggref->args) + 1) * sizeof(TsdbExpr *));
				foreach(lc, aggref->args)
					agg->args[agg->nargs++] = tsdb_expr_compile(aggs->exprs, lfirst_node(TargetEntry, lc)->expr);
				agg->by_value_of_dict = aggref->aggfnoid < FirstGenbkiObjectId && agg->nargs == 1 &&
					(strcmp(get_func_name(aggref->aggfnoid), "min") == 0 || strcmp(get_func_name(aggref->aggfnoid), "max") == 0);
				break;
			}
		case AGG_SUM_FLOAT4:
		case AGG_AVG_FLOAT:
		case AGG_VAR_FLOAT:
		case AGG_MIN_FLOAT4:
		case AGG_MAX_FLOAT4:
			agg->arg = tsdb_expr_compile_as_float8(aggs->exprs, linitial_node(TargetEntry, aggref->args)->expr);
			break;
		default:
			agg->arg = tsdb_expr_compile(aggs->exprs, linitial_node(TargetEntry, aggref->args)->expr);
			break;
	}
	agg->subset = -1;
	if (aggref->aggfilter != NULL)
	{
		agg->filter = tsdb_expr_compile(aggs->exprs, aggref->aggfilter);
		agg->subset = find_subset(aggs, agg->filter);
	}
	agg->offset = aggs->state_bytes;
	for (other = aggs->aggs; other < agg && !agg->shared; other++)
	{
		/* core found them to have the same arguments, and their final functions to bear it */
		if (agg->kind == AGG_BATCH && other->kind == AGG_BATCH && other->step == agg->step &&
			aggref->aggtransno >= 0 && other->aggref->aggtransno == aggref->aggtransno &&
			equal(other->aggref->args, aggref->args) && equal(other->aggref->aggfilter, aggref->aggfilter))
		{
			agg->shared = true;
			agg->offset = other->offset;
		}
	}
	if (!agg->shared)
		aggs->state_bytes += MAXALIGN(state_size(agg->kind));
	if (is_extreme(agg->kind))
		aggs->has_extremes = true;
	if (agg->filter != NULL || (agg->kind != AGG_COUNT_ROWS && (!is_extreme(agg->kind) || tsdb_expr_column(agg->arg) == 0)))
		aggs->by_directory = false;
}

/*
 * Sums of plain columns that no other aggregate looks at need not decode them.
 */
static void
choose_encoded_sums(TsdbAggregates *aggs)
{
	int			i,
				j;

	for (i = 0; i < aggs->n; i++)
	{
		Aggregate  *agg = &aggs->aggs[i];

		if (agg->filter != NULL ||
			(agg->kind != AGG_SUM_INT && agg->kind != AGG_SUM_INT8 && agg->kind != AGG_AVG_INT && agg->kind != AGG_AVG_INT8 &&
			 agg->kind != AGG_SUM_FLOAT8 && agg->kind != AGG_AVG_FLOAT))
			continue;
		agg->sum_attnum = tsdb_expr_column(agg->arg);
		for (j = 0; j < aggs->n; j++)
		{
			if (j != i && aggs->aggs[j].arg == agg->arg)
				agg->sum_attnum = 0;
		}
	}
}

TsdbAggregates *
tsdb_aggregates_create(TsdbExprSet *exprs, List *aggrefs)
{
	TsdbAggregates *aggs = palloc0(sizeof(TsdbAggregates));
	ListCell   *lc;

	aggs->exprs = exprs;
	aggs->context = tsdb_core_context_create(exprs->parent->state);
	aggs->aggs = palloc0((list_length(aggrefs) + 1) * sizeof(Aggregate));
	aggs->subsets = palloc0((list_length(aggrefs) + 1) * sizeof(Subset));
	aggs->by_directory = true;
	foreach(lc, aggrefs)
		compile_aggregate(aggs, &aggs->aggs[aggs->n++], lfirst_node(Aggref, lc), aggrefs);
	choose_encoded_sums(aggs);
	return aggs;
}

Size
tsdb_aggregates_state_bytes(TsdbAggregates *aggs)
{
	return aggs->state_bytes;
}

void
tsdb_aggregates_init(TsdbAggregates *aggs, char *states)
{
	int			i;

	for (i = 0; i < aggs->n; i++)
	{
		Aggregate  *agg = &aggs->aggs[i];

		if (has_core_state(agg->kind) && !agg->shared)
			tsdb_core_init(agg->core, (TsdbCoreState *) (states + agg->offset));
		else if (agg->kind == AGG_SUM_NUMERIC || agg->kind == AGG_AVG_NUMERIC)
			tsdb_core_init(agg->core, &((NumericState *) (states + agg->offset))->others);
	}
}

void
tsdb_aggregates_reset(TsdbAggregates *aggs)
{
	tsdb_core_context_reset(aggs->context);
}

Size
tsdb_aggregates_bytes(TsdbAggregates *aggs)
{
	return tsdb_core_context_bytes(aggs->context);
}

List *
tsdb_aggregates_by_rows(TsdbAggregates *aggs)
{
	List	   *result = NIL;
	int			i,
				a;

	for (i = 0; i < aggs->n; i++)
	{
		Aggregate  *agg = &aggs->aggs[i];
		bool		rows = agg->kind == AGG_CORE || (agg->arg != NULL && tsdb_expr_by_rows(agg->arg)) ||
			(agg->filter != NULL && tsdb_expr_by_rows(agg->filter));

		for (a = 0; a < agg->nargs && !rows; a++)
			rows = tsdb_expr_by_rows(agg->args[a]);
		if (rows)
			result = lappend(result, agg->aggref);
	}
	return result;
}

bool
tsdb_aggregates_by_directory(TsdbAggregates *aggs)
{
	return aggs->by_directory;
}

/* The range of an aggregate's column, if the chunk has one. */
static const TsdbColumnRange *
find_range(const Aggregate *agg, const TsdbColumnRange *ranges, int nranges)
{
	AttrNumber	attnum = tsdb_expr_column(agg->arg);
	int			i;

	for (i = 0; i < nranges; i++)
	{
		if (ranges[i].attnum == attnum)
			return &ranges[i];
	}
	return NULL;
}

/*
 * The least or greatest value of a column, from its range; false: the range does not tell it.  Bounds of numbers are values that the chunk has,
 * -0 below 0.  If they may both be there, or if it is NaN, which there are many of, rows decide.
 */
static bool
extreme_of_range(AggKind kind, const TsdbColumnRange *range, ExtremeState *value)
{
	bool		want_max = kind == AGG_MAX_INT || kind == AGG_MAX_FLOAT8 || kind == AGG_MAX_FLOAT4;
	Datum		bound = want_max ? range->max : range->min;
	TsdbRangeForm form = tsdb_range_form(range->typid);

	value->some = !range->all_nulls;
	switch (kind)
	{
		case AGG_MIN_INT:
		case AGG_MAX_INT:
			if (form != TSDB_RANGE_SIGNED)
				return false;
			value->value.i = range->all_nulls ? 0 : (int64) bound;
			return true;
		case AGG_MIN_FLOAT8:
		case AGG_MAX_FLOAT8:
			if (form != TSDB_RANGE_FLOAT8)
				return false;
			value->value.d = range->all_nulls ? 0 : DatumGetFloat8(bound);
			break;
		default:
			if (form != TSDB_RANGE_FLOAT4)
				return false;
			value->value.d = range->all_nulls ? 0 : DatumGetFloat4(bound);
			break;
	}
	return range->all_nulls || (value->value.d == 0 ? (signbit(value->value.d) != 0) == want_max : !isnan(value->value.d));
}

/* Adds a value to an extreme; of equal ones the first stays. */
static inline void
add_extreme(AggKind kind, ExtremeState *state, const ExtremeState *value)
{
	bool		better;

	if (!value->some)
		return;
	switch (kind)
	{
		case AGG_MIN_INT:
			better = value->value.i < state->value.i;
			break;
		case AGG_MAX_INT:
			better = value->value.i > state->value.i;
			break;
		case AGG_MIN_FLOAT8:
		case AGG_MIN_FLOAT4:
			better = float8_lt(value->value.d, state->value.d);
			break;
		default:
			better = float8_gt(value->value.d, state->value.d);
			break;
	}
	if (!state->some || better)
		*state = *value;
}

bool
tsdb_aggregates_add_chunk(TsdbAggregates *aggs, char *states, TsdbStore *store, const TsdbDirEntry *entry, MemoryContext scratch)
{
	TsdbColumnRange *ranges = NULL;
	ExtremeState value;
	int			nranges = 0;
	int			i;

	Assert(aggs->by_directory);
	if (aggs->has_extremes)
	{
		MemoryContext old = MemoryContextSwitchTo(scratch);

		ranges = tsdb_column_ranges_read(store, entry, RelationGetDescr(store->rel), &nranges);
		MemoryContextSwitchTo(old);
		for (i = 0; i < aggs->n; i++)
		{
			const Aggregate *agg = &aggs->aggs[i];
			const TsdbColumnRange *range;

			if (agg->kind == AGG_COUNT_ROWS)
				continue;
			range = find_range(agg, ranges, nranges);
			if (range == NULL || !extreme_of_range(agg->kind, range, &value))
				return false;
		}
	}
	for (i = 0; i < aggs->n; i++)
	{
		const Aggregate *agg = &aggs->aggs[i];

		if (agg->kind == AGG_COUNT_ROWS)
			((CountState *) (states + agg->offset))->n += entry->d.nrows;
		else
		{
			(void) extreme_of_range(agg->kind, find_range(agg, ranges, nranges), &value);
			add_extreme(agg->kind, (ExtremeState *) (states + agg->offset), &value);
		}
	}
	return true;
}

/* ------------------------------------------------------------------------
 * Loops
 * ------------------------------------------------------------------------
 */

/* pieces shorter than this are not worth a call of a kernel */
#define KERNEL_ROWS		8

#define EACH_PIECE(State, body) \
	do { \
		int p_; \
		for (p_ = 0; p_ < npieces; p_++) \
		{ \
			State	   *state = (State *) (pieces[p_].states + agg->offset); \
			int			start = pieces[p_].start; \
			int			n = pieces[p_].n; \
			body; \
		} \
	} while (0)

/* Rows of a piece that are not NULL. */
#define EACH_VALUE(body) \
	do { \
		int i; \
		for (i = start; i < start + n; i++) \
		{ \
			if (vec.isnull != NULL && vec.isnull[i]) \
				continue; \
			body; \
		} \
	} while (0)

static void
add_counts(Aggregate *agg, TsdbVec vec, const TsdbPiece *pieces, int npieces)
{
	EACH_PIECE(CountState,
			   {
				   if (vec.isnull == NULL)
					   state->n += n;
				   else
					   EACH_VALUE(state->n++);
			   });
}

static void
add_ints(Aggregate *agg, TsdbVec vec, const TsdbPiece *pieces, int npieces)
{
	const int64 *values = (const int64 *) vec.values;

	EACH_PIECE(IntState,
			   {
				   if (vec.isnull == NULL && n >= KERNEL_ROWS)
				   {
					   state->n += n;
					   state->sum += tsdb_kernels->sum_int(TSDB_ELEM_I64, values + start, n, NULL);
				   }
				   else
					   EACH_VALUE({
						   state->n++;
						   state->sum += values[i];
					   });
			   });
}

static void
add_int_squares(Aggregate *agg, TsdbVec vec, const TsdbPiece *pieces, int npieces)
{
	const int64 *values = (const int64 *) vec.values;

	EACH_PIECE(IntState,
			   EACH_VALUE({
				   state->n++;
				   state->sum += values[i];
				   state->squares += (int128) values[i] * values[i];
			   }));
}

static void
add_numerics(Aggregate *agg, TsdbVec vec, const TsdbPiece *pieces, int npieces)
{
	EACH_PIECE(NumericState,
			   EACH_VALUE({
				   if (unlikely(!tsdb_numeric_sum_add(&state->sum, vec.values[i])))
				   {
					   NullableDatum arg;

					   arg.value = vec.values[i];
					   arg.isnull = false;
					   tsdb_core_add(agg->core, &state->others, &arg);
					   state->nothers++;
				   }
			   }));
	ResetExprContext(agg->core->context->tmpcontext);
}

/* Has the piece an infinity or NaN? */
static pg_noinline bool
has_infinity(TsdbVec vec, int start, int n)
{
	const double *values = (const double *) vec.values;

	EACH_VALUE(if (!isfinite(values[i])) return true);
	return false;
}

/* Adds values one by one, as float8pl does: for sums that overflow on the way. */
static pg_noinline void
add_one_by_one(FloatState *state, TsdbVec vec, int start, int n)
{
	const double *values = (const double *) vec.values;

	EACH_VALUE({
		if (!isfinite(values[i]))
			state->infinite = true;
		state->sum += values[i];
		if (isinf(state->sum) && !state->infinite)
			float_overflow_error();
	});
}

/* Adds a sum of a piece to a state's; the sum of finite values must be finite. */
static inline void
add_sum(FloatState *state, double sum, TsdbVec vec, int start, int n)
{
	if (unlikely(!isfinite(sum) || !isfinite(state->sum + sum)))
	{
		add_one_by_one(state, vec, start, n);
		return;
	}
	state->sum += sum;
}

/* Are all values -0 (or NULL)? */
static pg_noinline bool
only_minus_zeros(TsdbVec vec, int start, int n)
{
	const double *values = (const double *) vec.values;

	EACH_VALUE(if (values[i] != 0 || !signbit(values[i])) return false);
	return true;
}

/*
 * sum() begins with the first value, not with 0, so that a sum of nothing but -0 is -0.  n values have been added to the state, their sum not
 * yet; accumulators begin with 0.
 */
static inline double
sum_of_zeros(Aggregate *agg, FloatState *state, double sum, TsdbVec vec, int start, int n, int64 nvalues)
{
	if (likely(sum != 0) || nvalues == 0 || (agg->kind != AGG_SUM_FLOAT8 && agg->kind != AGG_SUM_FLOAT4) ||
		!only_minus_zeros(vec, start, n))
		return sum;
	if (state->n == nvalues)
		state->sum = -0.0;
	return -0.0;
}

static void
add_floats(Aggregate *agg, TsdbVec vec, const TsdbPiece *pieces, int npieces)
{
	const double *values = (const double *) vec.values;

	EACH_PIECE(FloatState,
			   {
				   double		sum = 0;
				   int64		count = 0;

				   if (vec.isnull == NULL && n >= KERNEL_ROWS)
				   {
					   count = n;
					   sum = tsdb_kernels->sum_float(TSDB_ELEM_F64, values + start, n, NULL);
				   }
				   else
					   EACH_VALUE({
						   count++;
						   sum += values[i];
					   });
				   state->n += count;
				   add_sum(state, sum_of_zeros(agg, state, sum, vec, start, n, count), vec, start, n);
			   });
}

/*
 * Youngs and Cramer's update for single values, and Chan, Golub and LeVeque's to put two sets together ("Updating Formulae and a Pairwise
 * Algorithm for Computing Sample Variances", 1979), as float8_accum and float8_combine have them.
 */
static void
add_variances(Aggregate *agg, TsdbVec vec, const TsdbPiece *pieces, int npieces)
{
	const double *values = (const double *) vec.values;

	EACH_PIECE(FloatState,
			   {
				   int64		count = 0;
				   double		sum = 0;
				   double		sxx = 0;
				   double		mean;

				   if (vec.isnull == NULL && n >= KERNEL_ROWS)
				   {
					   count = n;
					   sum = tsdb_kernels->sum_float(TSDB_ELEM_F64, values + start, n, NULL);
				   }
				   else
					   EACH_VALUE({
						   count++;
						   sum += values[i];
					   });
				   if (count == 0)
					   continue;
				   /* as float8_accum: values whose sum overflows are refused */
				   if (unlikely(!isfinite(sum)) && !has_infinity(vec, start, n))
					   float_overflow_error();
				   mean = sum / count;
				   EACH_VALUE({
					   double		d = values[i] - mean;

					   sxx += d * d;
				   });
				   if (state->n > 0)
				   {
					   double		d = state->sum / state->n - mean;

					   sxx += (double) state->n * (double) count * d * d / (double) (state->n + count);
				   }
				   state->n += count;
				   state->sxx += sxx;
				   add_sum(state, sum, vec, start, n);
				   if (unlikely(!isfinite(state->sxx)))
				   {
					   if (!state->infinite && !has_infinity(vec, start, n))
						   float_overflow_error();
					   state->infinite = true;
					   state->sxx = get_float8_nan();
				   }
			   });
}

static void
add_int_extremes(Aggregate *agg, TsdbVec vec, const TsdbPiece *pieces, int npieces, bool want_max)
{
	const int64 *values = (const int64 *) vec.values;

	EACH_PIECE(ExtremeState,
			   {
				   if (vec.isnull == NULL && n >= KERNEL_ROWS)
				   {
					   TsdbScalar	min;
					   TsdbScalar	max;
					   int64		best;

					   (void) tsdb_kernels->min_max(TSDB_ELEM_I64, values + start, n, NULL, &min, &max);
					   best = want_max ? max.i : min.i;
					   if (!state->some || (want_max ? best > state->value.i : best < state->value.i))
						   state->value.i = best;
					   state->some = true;
				   }
				   else
					   EACH_VALUE({
						   if (!state->some || (want_max ? values[i] > state->value.i : values[i] < state->value.i))
							   state->value.i = values[i];
						   state->some = true;
					   });
			   });
}

static void
add_float_extremes(Aggregate *agg, TsdbVec vec, const TsdbPiece *pieces, int npieces, bool want_max)
{
	const double *values = (const double *) vec.values;

	EACH_PIECE(ExtremeState,
			   {
				   if (vec.isnull == NULL && n >= KERNEL_ROWS)
				   {
					   TsdbScalar	min;
					   TsdbScalar	max;
					   double		best;

					   (void) tsdb_kernels->min_max(TSDB_ELEM_F64, values + start, n, NULL, &min, &max);
					   best = want_max ? max.d : min.d;
					   if (!state->some || (want_max ? float8_gt(best, state->value.d) : float8_lt(best, state->value.d)))
						   state->value.d = best;
					   state->some = true;
				   }
				   else
					   EACH_VALUE({
						   if (!state->some || (want_max ? float8_gt(values[i], state->value.d) :
												float8_lt(values[i], state->value.d)))
							   state->value.d = values[i];
						   state->some = true;
					   });
			   });
}

/* values of a piece that are remembered, by hash */
#define SEEN_BITS	6

static void
add_by_core(Aggregate *agg, TsdbBatch *batch, const TsdbPiece *pieces, int npieces)
{
	TsdbVec		vecs[FUNC_MAX_ARGS];
	NullableDatum args[FUNC_MAX_ARGS];
	Datum		seen[1 << SEEN_BITS];
	int			seen_piece[1 << SEEN_BITS];
	int			a;

	for (a = 0; a < agg->nargs; a++)
		vecs[a] = tsdb_expr_eval(agg->args[a], batch);
	if (agg->by_value_of_dict)
		memset(seen_piece, -1, sizeof(seen_piece));
	EACH_PIECE(TsdbCoreState,
			   {
				   int			i;

				   for (i = start; i < start + n; i++)
				   {
					   for (a = 0; a < agg->nargs; a++)
					   {
						   args[a].value = vecs[a].values[i];
						   args[a].isnull = vecs[a].isnull != NULL && vecs[a].isnull[i];
					   }
					   if (agg->by_value_of_dict && !args[0].isnull)
					   {
						   int			slot = (int) ((uint64) args[0].value * UINT64CONST(0x9E3779B97F4A7C15) >> (64 - SEEN_BITS));

						   if (seen_piece[slot] == p_ && seen[slot] == args[0].value)
							   continue;
						   seen_piece[slot] = p_;
						   seen[slot] = args[0].value;
					   }
					   tsdb_core_add(agg->core, state, args);
				   }
			   });
	ResetExprContext(agg->core->context->tmpcontext);
}

static void
add_by_batch(Aggregate *agg, TsdbBatch *batch, const TsdbPiece *pieces, int npieces)
{
	TsdbStepBatch rows;
	int			a;

	if (agg->shared)
		return;
	rows.serial = batch->serial;
	for (a = 0; a < agg->nargs; a++)
	{
		TsdbVec		vec = tsdb_expr_eval(agg->args[a], batch);

		rows.args[a].values = vec.values;
		rows.args[a].isnull = vec.isnull;
		rows.args[a].constant = tsdb_expr_is_constant(agg->args[a]);
	}
	EACH_PIECE(TsdbCoreState, tsdb_core_add_batch(agg->core, state, agg->step, &rows, start, n));
	ResetExprContext(agg->core->context->tmpcontext);
}

/* Of each piece the row with the least (greatest) time goes to the transition function; of equal ones the first. */
static void
add_picks(Aggregate *agg, TsdbBatch *batch, const TsdbPiece *pieces, int npieces)
{
	TsdbVec		values = tsdb_expr_eval(agg->args[0], batch);
	TsdbVec		vec = tsdb_expr_eval(agg->args[1], batch);
	const int64 *times = (const int64 *) vec.values;
	bool		last = agg->kind == AGG_LAST;

	EACH_PIECE(TsdbCoreState,
			   {
				   int			best = -1;

				   EACH_VALUE({
					   if (best < 0 || (last ? times[i] > times[best] : times[i] < times[best]))
						   best = i;
				   });
				   if (best >= 0)
				   {
					   NullableDatum args[2];

					   args[0].value = values.values[best];
					   args[0].isnull = values.isnull != NULL && values.isnull[best];
					   args[1].value = vec.values[best];
					   args[1].isnull = false;
					   tsdb_core_add(agg->core, state, args);
				   }
			   });
	ResetExprContext(agg->core->context->tmpcontext);
}

/* A sum of integers, or of decimals that came out as double, to a state. */
static inline void
add_encoded_sum(Aggregate *agg, const TsdbPiece *piece, bool floats, int64 sum, double value)
{
	if (floats)
	{
		FloatState *state = (FloatState *) (piece->states + agg->offset);

		state->n += piece->n;
		state->sum += value;
		if (unlikely(isinf(state->sum)) && !state->infinite)
			float_overflow_error();
	}
	else
	{
		IntState   *state = (IntState *) (piece->states + agg->offset);

		state->n += piece->n;
		state->sum += sum;
	}
}

/*
 * Adds a column that a filter has looked at as integers of 32 bits, and that is not decoded.
 */
static bool
add_narrow(Aggregate *agg, TsdbBatch *batch, const TsdbPiece *pieces, int npieces, bool floats)
{
	const int32 *values;
	unsigned	scale;
	int			p;

	values = tsdb_vector_narrow(batch->set, agg->sum_attnum, false, &scale);
	if (values == NULL)
		return false;
	for (p = 0; p < npieces; p++)
	{
		const TsdbPiece *piece = &pieces[p];
		int64		sum = 0;
		int			i;

		if (batch->rows == NULL)
			sum = (int64) tsdb_kernels->sum_int(TSDB_ELEM_I32, values + piece->start, piece->n, NULL);
		else
		{
			for (i = piece->start; i < piece->start + piece->n; i++)
				sum += values[batch->rows[i]];
		}
		add_encoded_sum(agg, piece, floats, sum, floats ? tsdb_narrow_double(sum, scale) : 0);
	}
	return true;
}

/* pieces shorter than this, on average, are decoded */
#define ENCODED_ROWS	16

/*
 * Adds a column that is not decoded, straight from the vector's block; false: it has to be decoded.  The rows of
 * the batch lie together in the vector.
 */
static bool
add_encoded(Aggregate *agg, TsdbBatch *batch, const TsdbPiece *pieces, int npieces)
{
	TsdbRowRange ranges[TSDB_VECTOR_ROWS / ENCODED_ROWS];
	int64		sums[TSDB_VECTOR_ROWS / ENCODED_ROWS];
	double		doubles[TSDB_VECTOR_ROWS / ENCODED_ROWS];
	bool		floats = agg->kind == AGG_SUM_FLOAT8 || agg->kind == AGG_AVG_FLOAT;
	int			first = batch->rows != NULL ? batch->rows[0] : 0;
	int			p;

	if (batch->set == NULL)
		return false;
	if (add_narrow(agg, batch, pieces, npieces, floats))
		return true;
	if (npieces * ENCODED_ROWS > batch->n ||
		(!batch->whole && batch->rows[batch->n - 1] - batch->rows[0] != batch->n - 1))
		return false;
	for (p = 0; p < npieces; p++)
	{
		ranges[p].first = (uint16) (first + pieces[p].start);
		ranges[p].count = pieces[p].n;
	}
	if (!tsdb_vector_sums(batch->set, agg->sum_attnum, ranges, npieces, sums, floats ? doubles : NULL))
		return false;
	for (p = 0; p < npieces; p++)
		add_encoded_sum(agg, &pieces[p], floats, floats ? 0 : sums[p], floats ? doubles[p] : 0);
	return true;
}

/* The rows of a batch for which the filter is true, and the pieces of which they are. */
static void
choose_subset(Subset *subset, TsdbBatch *batch, const TsdbPiece *pieces, int npieces)
{
	TsdbVec		vec = tsdb_expr_eval(subset->filter, batch);
	int			n = 0;
	int			p;

	subset->npieces = 0;
	for (p = 0; p < npieces; p++)
	{
		int			first = n;
		int			i;

		for (i = pieces[p].start; i < pieces[p].start + pieces[p].n; i++)
		{
			subset->rows[n] = (uint16) i;
			n += DatumGetBool(vec.values[i]) && (vec.isnull == NULL || !vec.isnull[i]);
		}
		if (n > first)
		{
			TsdbPiece  *piece = &subset->pieces[subset->npieces++];

			piece->start = (uint16) first;
			piece->n = (uint16) (n - first);
			piece->states = pieces[p].states;
		}
	}
	if (n > 0)
		tsdb_batch_set_selected(subset->batch, batch, subset->rows, n);
}

static void
add_rows(Aggregate *agg, TsdbBatch *batch, const TsdbPiece *pieces, int npieces)
{
	TsdbVec		vec = {NULL, NULL};

	if (agg->sum_attnum != 0 && add_encoded(agg, batch, pieces, npieces))
		return;
	if (agg->arg != NULL)
		vec = tsdb_expr_eval(agg->arg, batch);
	switch (agg->kind)
	{
		case AGG_COUNT_ROWS:
		case AGG_COUNT:
			add_counts(agg, vec, pieces, npieces);
			break;
		case AGG_SUM_INT:
		case AGG_SUM_INT8:
		case AGG_AVG_INT:
		case AGG_AVG_INT8:
			add_ints(agg, vec, pieces, npieces);
			break;
		case AGG_VAR_INT:
			add_int_squares(agg, vec, pieces, npieces);
			break;
		case AGG_SUM_NUMERIC:
		case AGG_AVG_NUMERIC:
			add_numerics(agg, vec, pieces, npieces);
			break;
		case AGG_SUM_FLOAT8:
		case AGG_SUM_FLOAT4:
		case AGG_AVG_FLOAT:
			add_floats(agg, vec, pieces, npieces);
			break;
		case AGG_VAR_FLOAT:
			add_variances(agg, vec, pieces, npieces);
			break;
		case AGG_MIN_INT:
		case AGG_MAX_INT:
			add_int_extremes(agg, vec, pieces, npieces, agg->kind == AGG_MAX_INT);
			break;
		case AGG_MIN_FLOAT8:
		case AGG_MAX_FLOAT8:
		case AGG_MIN_FLOAT4:
		case AGG_MAX_FLOAT4:
			add_float_extremes(agg, vec, pieces, npieces, agg->kind == AGG_MAX_FLOAT8 || agg->kind == AGG_MAX_FLOAT4);
			break;
		case AGG_FIRST:
		case AGG_LAST:
			add_picks(agg, batch, pieces, npieces);
			break;
		case AGG_BATCH:
			add_by_batch(agg, batch, pieces, npieces);
			break;
		case AGG_CORE:
			add_by_core(agg, batch, pieces, npieces);
			break;
	}
}

void
tsdb_aggregates_add(TsdbAggregates *aggs, TsdbBatch *batch, const TsdbPiece *pieces, int npieces)
{
	int			i;

	for (i = 0; i < aggs->nsubsets; i++)
		choose_subset(&aggs->subsets[i], batch, pieces, npieces);
	for (i = 0; i < aggs->n; i++)
	{
		Aggregate  *agg = &aggs->aggs[i];

		if (agg->subset < 0)
			add_rows(agg, batch, pieces, npieces);
		else if (aggs->subsets[agg->subset].npieces > 0)
			add_rows(agg, aggs->subsets[agg->subset].batch, aggs->subsets[agg->subset].pieces,
					 aggs->subsets[agg->subset].npieces);
	}
}

/* ------------------------------------------------------------------------
 * Results
 * ------------------------------------------------------------------------
 */

static Numeric
int128_to_numeric(int128 value)
{
	char		digits[48];
	char	   *at = digits + sizeof(digits);
	unsigned __int128 rest = value < 0 ? -(unsigned __int128) value : (unsigned __int128) value;

	if (value >= PG_INT64_MIN && value <= PG_INT64_MAX)
		return int64_to_numeric((int64) value);
	*--at = '\0';
	for (; rest != 0; rest /= 10)
		*--at = (char) ('0' + (int) (rest % 10));
	if (value < 0)
		*--at = '-';
	return DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(at), ObjectIdGetDatum(InvalidOid),
											   Int32GetDatum(-1)));
}

/* As numericvar_serialize() of numeric.c, from what numeric_send() gives: the same with 16-bit fields. */
static void
send_numeric(StringInfo buf, Numeric value)
{
	bytea	   *sent = DatumGetByteaPP(DirectFunctionCall1(numeric_send, NumericGetDatum(value)));
	StringInfoData in;
	int			i;
	int			ndigits;

	initStringInfo(&in);
	appendBinaryStringInfo(&in, VARDATA_ANY(sent), VARSIZE_ANY_EXHDR(sent));
	ndigits = (int16) pq_getmsgint(&in, sizeof(int16));
	pq_sendint32(buf, ndigits);
	pq_sendint32(buf, (int16) pq_getmsgint(&in, sizeof(int16)));	/* weight */
	pq_sendint32(buf, (uint16) pq_getmsgint(&in, sizeof(int16)));	/* sign */
	pq_sendint32(buf, (uint16) pq_getmsgint(&in, sizeof(int16)));	/* dscale */
	for (i = 0; i < ndigits; i++)
		pq_sendint16(buf, (int16) pq_getmsgint(&in, sizeof(int16)));
	pfree(in.data);
}

/* The state of int8_avg_accum, int4_accum and the like, as int8_avg_serialize and numeric_poly_serialize write it. */
static Datum
serialize_ints(const IntState *state, bool squares)
{
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendint64(&buf, state->n);
	send_numeric(&buf, int128_to_numeric(state->sum));
	if (squares)
		send_numeric(&buf, int128_to_numeric(state->squares));
	return PointerGetDatum(pq_endtypsend(&buf));
}

/* int8[2]: count and sum, the state of int4_avg_accum. */
static Datum
int_avg_array(const IntState *state)
{
	Datum		values[2];

	values[0] = Int64GetDatum(state->n);
	values[1] = Int64GetDatum((int64) state->sum);
	return PointerGetDatum(construct_array(values, 2, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* float8[3]: count, sum, sum of squares of differences: the state of float8_accum. */
static Datum
float_array(const FloatState *state)
{
	Datum		values[3];

	values[0] = Float8GetDatum((double) state->n);
	values[1] = Float8GetDatum(state->sum);
	values[2] = Float8GetDatum(state->sxx);
	return PointerGetDatum(construct_array(values, 3, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

static Datum
float4_result(double value, bool infinite)
{
	float4		result = (float4) value;

	if (isinf(result) && !infinite)
		float_overflow_error();
	return Float4GetDatum(result);
}

/* The sum of all values, or their average as numeric_avg() has it; NULL: there are none. */
static Datum
numeric_result(const NumericState *state, bool average, bool *isnull)
{
	Datum		result = (Datum) 0;

	*isnull = state->sum.n == 0 && state->nothers == 0;
	if (*isnull)
		return result;
	if (state->sum.n > 0)
		result = NumericGetDatum(tsdb_numeric_sum_result(&state->sum));
	if (state->nothers > 0)
	{
		Datum		others = DirectFunctionCall1(numeric_sum, state->others.value);

		result = state->sum.n > 0 ? DirectFunctionCall2(numeric_add, result, others) : others;
	}
	if (average)
		result = DirectFunctionCall2(numeric_div, result, NumericGetDatum(int64_to_numeric(state->sum.n + state->nothers)));
	return result;
}

static Datum
result_of(Aggregate *agg, char *at, bool *isnull)
{
	IntState   *ints = (IntState *) at;
	FloatState *floats = (FloatState *) at;
	ExtremeState *extreme = (ExtremeState *) at;

	*isnull = false;
	switch (agg->kind)
	{
		case AGG_COUNT_ROWS:
		case AGG_COUNT:
			return Int64GetDatum(((CountState *) at)->n);
		case AGG_SUM_INT:
			*isnull = ints->n == 0;
			return Int64GetDatum((int64) ints->sum);
		case AGG_SUM_INT8:
			if (agg->partial)
				return serialize_ints(ints, false);
			*isnull = ints->n == 0;
			return *isnull ? (Datum) 0 : NumericGetDatum(int128_to_numeric(ints->sum));
		case AGG_AVG_INT:
		case AGG_AVG_INT8:
			if (agg->partial)
				return agg->kind == AGG_AVG_INT ? int_avg_array(ints) : serialize_ints(ints, false);
			*isnull = ints->n == 0;
			return *isnull ? (Datum) 0 : DirectFunctionCall2(numeric_div, NumericGetDatum(int128_to_numeric(ints->sum)),
															 NumericGetDatum(int64_to_numeric(ints->n)));
		case AGG_VAR_INT:
			{
				Datum		state = serialize_ints(ints, true);

				return agg->partial ? state : tsdb_core_finish(agg->core, state, isnull);
			}
		case AGG_SUM_NUMERIC:
		case AGG_AVG_NUMERIC:
			return numeric_result((NumericState *) at, agg->kind == AGG_AVG_NUMERIC, isnull);
		case AGG_SUM_FLOAT8:
			*isnull = floats->n == 0;
			return Float8GetDatum(floats->sum);
		case AGG_SUM_FLOAT4:
			*isnull = floats->n == 0;
			return float4_result(floats->sum, floats->infinite);
		case AGG_AVG_FLOAT:
			if (agg->partial)
				return float_array(floats);
			*isnull = floats->n == 0;
			return *isnull ? (Datum) 0 : Float8GetDatum(floats->sum / (double) floats->n);
		case AGG_VAR_FLOAT:
			return agg->partial ? float_array(floats) : tsdb_core_finish(agg->core, float_array(floats), isnull);
		case AGG_MIN_INT:
		case AGG_MAX_INT:
			*isnull = !extreme->some;
			return (Datum) extreme->value.i;
		case AGG_MIN_FLOAT8:
		case AGG_MAX_FLOAT8:
			*isnull = !extreme->some;
			return Float8GetDatum(extreme->value.d);
		case AGG_MIN_FLOAT4:
		case AGG_MAX_FLOAT4:
			*isnull = !extreme->some;
			return Float4GetDatum((float4) extreme->value.d);
		case AGG_FIRST:
		case AGG_LAST:
		case AGG_BATCH:
		case AGG_CORE:
			return tsdb_core_result(agg->core, (TsdbCoreState *) at, isnull);
	}
	pg_unreachable();
}

void
tsdb_aggregates_results(TsdbAggregates *aggs, char *states, Datum *values, bool *isnull)
{
	int			i;

	for (i = 0; i < aggs->n; i++)
		values[i] = result_of(&aggs->aggs[i], states + aggs->aggs[i].offset, &isnull[i]);
}
