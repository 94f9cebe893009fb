/*-------------------------------------------------------------------------
 * filter_compile.c
 *	  Makes filters of a scan's conditions, and evaluates what they compare columns with.
 *
 * Which conditions a filter takes is decided here, for planner and executor alike, and what of them can be told from a
 * chunk's summaries (keys).  A comparison that a kernel can do has its values as the kernel wants them.
 *-------------------------------------------------------------------------
 */
#include "scan/scan_filter_internal.h"

#include "access/nbtree.h"
#include "access/stratnum.h"
#include "am/tsdb_slot.h"
#include "catalog/pg_type_d.h"
#include "chunk/series_bloom.h"
#include "executor/executor.h"
#include "kernels.h"
#include "lib/qunique.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/date.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

/*-------------- which clauses --------------*/

typedef struct LeafColumns
{
	Index		relid;
	AttrNumber	attnum;			/* the one column found, 0 = none yet */
	bool		unfit;
} LeafColumns;

static bool
leaf_columns_walker(Node *node, LeafColumns *found)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;

		if ((Index) var->varno != found->relid || var->varlevelsup != 0)
			return false;
		if (var->varattno <= 0 || (found->attnum != 0 && found->attnum != var->varattno))
		{
			found->unfit = true;
			return true;
		}
		found->attnum = var->varattno;
		return false;
	}
	if (IsA(node, SubPlan) || IsA(node, AlternativeSubPlan) || IsA(node, SubLink) || IsA(node, CurrentOfExpr) ||
		IsA(node, PlaceHolderVar) || IsA(node, Aggref) || IsA(node, WindowFunc) || IsA(node, GroupingFunc))
	{
		found->unfit = true;
		return true;
	}
	return expression_tree_walker(node, leaf_columns_walker, found);
}

/* The one column that an expression reads, or 0: none, several, or not to be evaluated apart. */
static AttrNumber
leaf_column(Node *node, Index relid)
{
	LeafColumns found = {relid, 0, false};

	(void) leaf_columns_walker(node, &found);
	return found.unfit ? 0 : found.attnum;
}

static bool
accepts(Node *clause, Index relid)
{
	if (is_andclause(clause) || is_orclause(clause))
	{
		ListCell   *lc;

		foreach(lc, ((BoolExpr *) clause)->args)
		{
			if (!accepts(lfirst(lc), relid))
				return false;
		}
		return true;
	}
	return leaf_column(clause, relid) != 0;
}

bool
tsdb_filter_accepts(Node *clause, Index relid)
{
	return !contain_volatile_functions(clause) && accepts(clause, relid);
}

/*-------------- from clauses to nodes --------------*/

/* Does an expression read no column of ours?  (It may be a Param, or a Const.) */
static bool
is_value(Node *node, Index relid)
{
	LeafColumns found = {relid, 0, false};

	(void) leaf_columns_walker(node, &found);
	return !found.unfit && found.attnum == 0;
}

/* The column if the expression is nothing but one, perhaps under another name of its type. */
static Var *
plain_column(Node *node, Index relid)
{
	while (node && IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	if (node && IsA(node, Var) && (Index) ((Var *) node)->varno == relid && ((Var *) node)->varattno > 0)
		return (Var *) node;
	return NULL;
}

/* How values of a type lie in a decoded vector, and are compared there; false: not by a kernel. */
bool
tsdb_filter_element(Oid type, TsdbElement *element)
{
	switch (type)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case DATEOID:
		case TIMEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case CASHOID:
		case BOOLOID:
			*element = TSDB_ELEM_I64;
			return true;
		case OIDOID:
		case CHAROID:
			/* sign extension keeps the order of unsigned numbers among themselves */
			*element = TSDB_ELEM_U64;
			return true;
		case FLOAT4OID:
			*element = TSDB_ELEM_F32;
			return true;
		case FLOAT8OID:
			*element = TSDB_ELEM_F64;
			return true;
		default:
			return false;
	}
}

static bool
is_integer_type(Oid type)
{
	return type == INT2OID || type == INT4OID || type == INT8OID;
}

/* Can a kernel compare these types?  Sets the element to compare as. */
static bool
kernel_types(Oid column, Oid value, TsdbElement *element, bool *widen)
{
	*widen = false;
	if (!tsdb_filter_element(column, element))
		return false;
	if (column == value || (is_integer_type(column) && is_integer_type(value)))
		return true;
	if (column == FLOAT8OID && value == FLOAT4OID)
		return true;
	if (column == FLOAT4OID && value == FLOAT8OID)
	{
		*element = TSDB_ELEM_F64;
		*widen = true;
		return true;
	}
	/* the value becomes the column's type, as the operators do it */
	return (column == TIMESTAMPTZOID && (value == TIMESTAMPOID || value == DATEOID)) ||
		(column == TIMESTAMPOID && value == DATEOID);
}

/* The value as the kernel wants it.  overflow: beyond all finite values of the column's type, in this direction. */
static TsdbScalar
scalar_of(Oid column, Oid value_type, Datum value, TsdbElement element, int *overflow)
{
	TsdbScalar	scalar;

	*overflow = 0;
	memset(&scalar, 0, sizeof(scalar));
	switch (value_type)
	{
		case INT2OID:
			scalar.i = DatumGetInt16(value);
			break;
		case INT4OID:
			scalar.i = DatumGetInt32(value);
			break;
		case DATEOID:
			if (column == TIMESTAMPTZOID)
				scalar.i = date2timestamptz_opt_overflow(DatumGetDateADT(value), overflow);
			else if (column == TIMESTAMPOID)
				scalar.i = date2timestamp_opt_overflow(DatumGetDateADT(value), overflow);
			else
				scalar.i = DatumGetDateADT(value);
			break;
		case TIMESTAMPOID:
			if (column == TIMESTAMPTZOID)
				scalar.i = timestamp2timestamptz_opt_overflow(DatumGetTimestamp(value), overflow);
			else
				scalar.i = DatumGetInt64(value);
			break;
		case BOOLOID:
			scalar.i = DatumGetBool(value) ? 1 : 0;
			break;
		case OIDOID:
			scalar.u = (uint64) (int64) (int32) DatumGetObjectId(value);
			break;
		case CHAROID:
			scalar.u = (uint64) (int64) (int8) DatumGetChar(value);
			break;
		case FLOAT4OID:
			if (element == TSDB_ELEM_F64)
				scalar.d = DatumGetFloat4(value);
			else
				scalar.f = DatumGetFloat4(value);
			break;
		case FLOAT8OID:
			scalar.d = DatumGetFloat8(value);
			break;
		default:
			scalar.i = DatumGetInt64(value);
			break;
	}
	return scalar;
}

static bool
is_datetime_type(Oid type)
{
	return type == DATEOID || type == TIMESTAMPOID || type == TIMESTAMPTZOID;
}

/*
 * Can what is kept of a chunk's values be compared with a value?  The operator must take the column for what it is, and
 * the value's form must be that of the column's, or be told apart by the comparison function.
 */
static bool
prunes_by(Oid column, Oid lefttype, Oid righttype)
{
	if (column != lefttype && !(column == VARCHAROID && lefttype == TEXTOID))
		return false;
	return lefttype == righttype ||
		(is_integer_type(lefttype) && is_integer_type(righttype)) ||
		(is_datetime_type(lefttype) && is_datetime_type(righttype)) ||
		((lefttype == FLOAT4OID || lefttype == FLOAT8OID) && (righttype == FLOAT4OID || righttype == FLOAT8OID));
}

/*
 * A time without a zone, compared with one that has it, is brought to UTC by what clocks show.  That does not rise with it where clocks are set forward:
 * 02:30, which they leave out, is later than 03:00.  So chunks are pruned by the first (last) local time that may be meant.
 */
static bool
compares_by_clock(Oid column, Oid value)
{
	return column == TIMESTAMPOID && value == TIMESTAMPTZOID;
}

/* More than clocks ever differ from UTC, which is a week for zones that are given by a rule. */
#define CLOCK_SECS	(8 * SECS_PER_DAY)

static Datum
local_bound(Datum value, int strategy)
{
	TimestampTz at = DatumGetTimestampTz(value);
	bool		is_upper = strategy < BTEqualStrategyNumber;
	bool		first = true;
	int64		offset = 0;
	pg_time_t	t;
	pg_time_t	end;

	if (TIMESTAMP_NOT_FINITE(at))
		return value;
	t = timestamptz_to_time_t(at) - CLOCK_SECS;
	end = t + 2 * CLOCK_SECS;
	for (;;)
	{
		pg_time_t	change;
		long		before;
		long		after;
		int			is_dst;
		int			found = pg_next_dst_boundary(&t, &before, &is_dst, &change, &after, &is_dst, session_timezone);

		if (found < 0)
			return TimestampGetDatum(is_upper ? DT_NOEND : DT_NOBEGIN);
		if (first || (is_upper ? before > offset : before < offset))
			offset = before;
		first = false;
		if (found == 0 || change > end)
			break;
		t = change;
	}
	return TimestampGetDatum(at + offset * USECS_PER_SEC);
}

static const TsdbCompareOp strategy_ops[] = {
	[BTLessStrategyNumber] = TSDB_CMP_LT,
	[BTLessEqualStrategyNumber] = TSDB_CMP_LE,
	[BTEqualStrategyNumber] = TSDB_CMP_EQ,
	[BTGreaterEqualStrategyNumber] = TSDB_CMP_GE,
	[BTGreaterStrategyNumber] = TSDB_CMP_GT
};

/*
 * What the operator means in the default btree operator family of its left type: the strategy, COMPARE_NE for <>;
 * 0: nothing.
 */
static int
operator_strategy(Oid opno, Oid *lefttype, Oid *righttype, Oid *opfamily)
{
	List	   *meanings = get_op_index_interpretation(opno);
	ListCell   *lc;

	foreach(lc, meanings)
	{
		OpIndexInterpretation *meaning = lfirst(lc);
		TypeCacheEntry *type = lookup_type_cache(meaning->oplefttype, TYPECACHE_BTREE_OPFAMILY);

		if (type->btree_opf != meaning->opfamily_id)
			continue;
		*lefttype = meaning->oplefttype;
		*righttype = meaning->oprighttype;
		*opfamily = meaning->opfamily_id;
		return meaning->cmptype;
	}
	return 0;
}

static FilterNode *
make_node(FilterKind kind)
{
	FilterNode *node = palloc0(sizeof(FilterNode));

	node->kind = kind;
	return node;
}

/*
 * Makes the node one of a comparison if it is one that we know, but for the value's ExprState; returns the value's
 * expression, or NULL.
 */
static Node *
comparison(FilterNode *node, Expr *clause, Index relid)
{
	Oid			opno;
	Oid			lefttype,
				righttype,
				opfamily;
	Oid			collation;
	Oid			proc;
	Node	   *left;
	Node	   *right;
	Var		   *column;
	int			strategy;
	bool		is_array = false;

	if (IsA(clause, OpExpr) && list_length(((OpExpr *) clause)->args) == 2)
	{
		OpExpr	   *op = (OpExpr *) clause;

		opno = op->opno;
		collation = op->inputcollid;
		left = linitial(op->args);
		right = lsecond(op->args);
		if (!plain_column(left, relid))
		{
			Node	   *swap = left;

			opno = get_commutator(opno);
			left = right;
			right = swap;
			if (!OidIsValid(opno))
				return NULL;
		}
	}
	else if (IsA(clause, ScalarArrayOpExpr) && ((ScalarArrayOpExpr *) clause)->useOr)
	{
		ScalarArrayOpExpr *op = (ScalarArrayOpExpr *) clause;

		opno = op->opno;
		collation = op->inputcollid;
		left = linitial(op->args);
		right = lsecond(op->args);
		is_array = true;
	}
	else
		return NULL;

	column = plain_column(left, relid);
	if (!column || !is_value(right, relid))
		return NULL;
	strategy = operator_strategy(opno, &lefttype, &righttype, &opfamily);
	if (strategy == 0 || (is_array && strategy != BTEqualStrategyNumber))
		return NULL;
	/* operators of polymorphic types tell nothing of the values' */
	if (IsPolymorphicType(lefttype) || IsPolymorphicType(righttype) || righttype == ANYARRAYOID)
		return NULL;

	node->key.attnum = column->varattno;
	node->key.column_type = lefttype;
	node->key.value_type = righttype;
	if (strategy != COMPARE_NE)
	{
		proc = get_opfamily_proc(opfamily, lefttype, righttype, BTORDER_PROC);
		if (!OidIsValid(proc))
			return NULL;
		node->has_key = prunes_by(getBaseType(column->vartype), lefttype, righttype);
		if (compares_by_clock(lefttype, righttype))
		{
			node->has_key = node->has_key && strategy != BTEqualStrategyNumber;
			proc = F_TIMESTAMP_CMP;
		}
		node->key.strategy = strategy;
		node->key.collation = collation;
		fmgr_info(proc, &node->key.compare);
	}

	if (kernel_types(lefttype, righttype, &node->element, &node->widen) &&
		!(is_array && (node->element == TSDB_ELEM_F32 || node->element == TSDB_ELEM_F64 || lefttype != righttype)))
	{
		node->kind = is_array ? FILTER_IN : FILTER_COMPARE;
		node->op = strategy == COMPARE_NE ? TSDB_CMP_NE : strategy_ops[strategy];
	}
	else if (!node->has_key)
		return NULL;
	node->value_is_array = is_array;
	return right;
}

/* Is a comparison with values of the column's type true for just those of the same bytes? */
static bool
equal_by_bytes(const TsdbScanKey *key)
{
	return key->strategy == BTEqualStrategyNumber && key->column_type == key->value_type &&
		(key->column_type == TEXTOID || key->column_type == BYTEAOID || key->column_type == UUIDOID) &&
		tsdb_series_hashable(key->column_type, key->collation);
}

static FilterNode *compile(TsdbFilter *filter, Node *clause);

static FilterNode *
compile_list(TsdbFilter *filter, FilterKind kind, List *clauses)
{
	FilterNode *node = make_node(kind);
	ListCell   *lc;

	node->children = palloc(Max(1, list_length(clauses)) * sizeof(FilterNode *));
	node->safe = true;
	foreach(lc, clauses)
	{
		FilterNode *child = compile(filter, lfirst(lc));

		child->position = node->nchildren;
		node->safe = node->safe && child->safe;
		node->children[node->nchildren++] = child;
	}
	return node;
}

static FilterNode *
compile(TsdbFilter *filter, Node *clause)
{
	FilterNode *node;
	Node	   *value;

	if (is_andclause(clause))
		return compile_list(filter, FILTER_AND, ((BoolExpr *) clause)->args);
	if (is_orclause(clause))
		return compile_list(filter, FILTER_OR, ((BoolExpr *) clause)->args);

	node = make_node(FILTER_EXPR);
	node->attnum = leaf_column(clause, filter->relid);
	Assert(node->attnum > 0);
	node->byval = TupleDescAttr(filter->desc, node->attnum - 1)->attbyval;

	if (IsA(clause, NullTest) && !((NullTest *) clause)->argisrow &&
		plain_column((Node *) ((NullTest *) clause)->arg, filter->relid))
	{
		node->kind = FILTER_NULL_TEST;
		node->is_null = ((NullTest *) clause)->nulltesttype == IS_NULL;
		node->safe = true;
		return node;
	}
	value = comparison(node, (Expr *) clause, filter->relid);
	if (value != NULL)
		node->value = ExecInitExpr((Expr *) value, filter->parent);
	if (node->kind == FILTER_EXPR)
	{
		node->expr = ExecInitExpr((Expr *) clause, filter->parent);
		node->leakproof = !contain_leaked_vars(clause);
		node->by_bytes = value != NULL && equal_by_bytes(&node->key);
	}
	node->safe = node->kind != FILTER_EXPR || node->leakproof || node->by_bytes;
	return node;
}

TsdbFilter *
tsdb_filter_create(List *clauses, Index relid, PlanState *parent, TupleDesc desc)
{
	TsdbFilter *filter = palloc0(sizeof(TsdbFilter));

	filter->parent = parent;
	filter->relid = relid;
	filter->desc = desc;
	filter->cxt = CurrentMemoryContext;
	filter->value_cxt = AllocSetContextCreate(CurrentMemoryContext, "tsdb filter values", ALLOCSET_SMALL_SIZES);
	filter->econtext = CreateExprContext(parent->state);
	filter->slot = ExecInitExtraTupleSlot(parent->state, desc, &TTSOpsTsdb);
	filter->root = compile_list(filter, FILTER_AND, clauses);
	return filter;
}

/*-------------- values --------------*/

int
tsdb_filter_compare_scalars(const void *a, const void *b, void *arg)
{
	TsdbElement element = *(TsdbElement *) arg;
	const TsdbScalar *x = a;
	const TsdbScalar *y = b;

	if (element == TSDB_ELEM_U64)
		return x->u < y->u ? -1 : x->u > y->u;
	return x->i < y->i ? -1 : x->i > y->i;
}

int
tsdb_filter_compare_bytes(const void *a, const void *b)
{
	return tsdb_compare_bytes(*(const TsdbBytes *) a, *(const TsdbBytes *) b);
}

static void
set_wanted(TsdbFilter *filter, FilterNode *node)
{
	int			typlen = TupleDescAttr(filter->desc, node->attnum - 1)->attlen;
	int			i;

	node->wanted = palloc(Max(node->key.nvalues, 1) * sizeof(TsdbBytes));
	node->found = palloc(Max(node->key.nvalues, 1) * sizeof(uint32));
	for (i = 0; i < node->key.nvalues; i++)
		node->wanted[i] = tsdb_filter_bytes(node->key.values[i], typlen);
	qsort(node->wanted, node->key.nvalues, sizeof(TsdbBytes), tsdb_filter_compare_bytes);
	node->nwanted = (int) qunique(node->wanted, node->key.nvalues, sizeof(TsdbBytes), tsdb_filter_compare_bytes);
}

static void
set_scalars(FilterNode *node)
{
	int			i;

	node->never = node->always = false;
	node->nscalars = 0;
	if (node->key.nvalues == 0)
		return;
	node->scalars = palloc(node->key.nvalues * sizeof(TsdbScalar));
	for (i = 0; i < node->key.nvalues; i++)
	{
		int			overflow;

		node->scalars[node->nscalars++] = scalar_of(node->key.column_type, node->key.value_type,
													node->key.values[i], node->element, &overflow);
		if (overflow != 0)
		{
			/*
			 * Beyond the finite values of the column's type (date2timestamp_opt_overflow: before BC's end only -infinity
			 * is below, after AD's end only infinity above).  It lies between those and all others.
			 */
			bool		above = overflow > 0;

			Assert(node->kind == FILTER_COMPARE);
			node->scalars[0].i = above ? PG_INT64_MAX : PG_INT64_MIN;
			switch (node->op)
			{
				case TSDB_CMP_EQ:
					node->never = true;
					break;
				case TSDB_CMP_NE:
					node->always = true;
					break;
				case TSDB_CMP_LT:
				case TSDB_CMP_LE:
					/* infinity alone is not below one that is above all; -infinity alone is below one that is below */
					node->op = above ? TSDB_CMP_LT : TSDB_CMP_LE;
					break;
				case TSDB_CMP_GT:
				case TSDB_CMP_GE:
					node->op = above ? TSDB_CMP_GE : TSDB_CMP_GT;
					break;
			}
		}
	}
	if (node->kind == FILTER_IN)
	{
		int			n = 0;

		qsort_arg(node->scalars, node->nscalars, sizeof(TsdbScalar), tsdb_filter_compare_scalars, &node->element);
		for (i = 0; i < node->nscalars; i++)
		{
			if (n == 0 || node->scalars[n - 1].i != node->scalars[i].i)
				node->scalars[n++] = node->scalars[i];
		}
		node->nscalars = n;
	}
}

/* The range of integers that a comparison leaves. */
static void
set_range(FilterNode *node)
{
	TsdbScanKey *key = &node->key;
	int64		c;

	key->has_range = node->has_key && node->element == TSDB_ELEM_I64 && node->nscalars > 0 && !node->never && !node->always;
	if (!key->has_range)
		return;
	key->range_min = PG_INT64_MIN;
	key->range_max = PG_INT64_MAX;
	c = node->scalars[0].i;
	if (node->kind == FILTER_IN)
	{
		key->range_min = c;
		key->range_max = node->scalars[node->nscalars - 1].i;
		return;
	}
	switch (node->op)
	{
		case TSDB_CMP_LT:
			if (c > PG_INT64_MIN)
				key->range_max = c - 1;
			else
				node->never = true;
			break;
		case TSDB_CMP_LE:
			key->range_max = c;
			break;
		case TSDB_CMP_EQ:
			key->range_min = key->range_max = c;
			break;
		case TSDB_CMP_GE:
			key->range_min = c;
			break;
		case TSDB_CMP_GT:
			if (c < PG_INT64_MAX)
				key->range_min = c + 1;
			else
				node->never = true;
			break;
		case TSDB_CMP_NE:
			break;
	}
}

bool
tsdb_filter_known_range(Expr *clause, Index relid, AttrNumber attnum, PlannerInfo *root, int64 *min, int64 *max)
{
	FilterNode *node = make_node(FILTER_EXPR);
	Node	   *value = comparison(node, clause, relid);

	if (value == NULL || node->kind != FILTER_COMPARE || !node->has_key || node->key.attnum != attnum)
		return false;
	value = estimate_expression_value(root, value);
	if (!IsA(value, Const) || ((Const *) value)->constisnull)
		return false;
	node->key.nvalues = 1;
	node->key.values = &((Const *) value)->constvalue;
	set_scalars(node);
	set_range(node);
	if (!node->key.has_range)
		return false;
	*min = node->key.range_min;
	*max = node->key.range_max;
	return true;
}

/* Evaluates the value or array of a comparison into the current context. */
static void
evaluate_value(TsdbFilter *filter, FilterNode *node)
{
	int16		typlen;
	bool		typbyval;
	char		typalign;
	Datum		value;
	bool		isnull;

	node->key.nvalues = 0;
	node->key.values = NULL;
	value = ExecEvalExprSwitchContext(node->value, filter->econtext, &isnull);
	if (isnull)
		return;
	if (node->value_is_array)
	{
		ArrayType  *array = DatumGetArrayTypePCopy(value);
		Datum	   *elements;
		bool	   *nulls;
		int			n;
		int			i;

		get_typlenbyvalalign(ARR_ELEMTYPE(array), &typlen, &typbyval, &typalign);
		deconstruct_array(array, ARR_ELEMTYPE(array), typlen, typbyval, typalign, &elements, &nulls, &n);
		for (i = 0; i < n; i++)
		{
			if (!nulls[i])
				elements[node->key.nvalues++] = elements[i];
		}
		node->key.values = elements;
	}
	else
	{
		get_typlenbyval(node->key.value_type, &typlen, &typbyval);
		node->key.values = palloc(sizeof(Datum));
		node->key.values[0] = datumCopy(value, typbyval, typlen);
		if (typlen == -1)
			node->key.values[0] = PointerGetDatum(PG_DETOAST_DATUM(node->key.values[0]));
		if (compares_by_clock(node->key.column_type, node->key.value_type))
			node->key.values[0] = local_bound(node->key.values[0], node->key.strategy);
		node->key.nvalues = 1;
	}
}

/* False: no row can be true here. */
static bool
start_node(TsdbFilter *filter, FilterNode *node)
{
	int			nalive = 0;
	int			i;

	switch (node->kind)
	{
		case FILTER_AND:
			/* all of them: none may keep values of the start before */
			for (i = 0; i < node->nchildren; i++)
				nalive += start_node(filter, node->children[i]);
			return nalive == node->nchildren;
		case FILTER_OR:
			for (i = 0; i < node->nchildren; i++)
				nalive += start_node(filter, node->children[i]);
			return nalive > 0;
		default:
			if (node->value == NULL)
				return true;
			evaluate_value(filter, node);
			if (node->kind == FILTER_COMPARE || node->kind == FILTER_IN)
			{
				if (node->kind == FILTER_COMPARE && node->key.strategy != 0)
					node->op = strategy_ops[node->key.strategy];
				set_scalars(node);
				set_range(node);
			}
			else if (node->by_bytes)
				set_wanted(filter, node);
			return node->key.nvalues > 0 && !node->never;
	}
}

bool
tsdb_filter_start(TsdbFilter *filter)
{
	MemoryContext old;
	bool		result;
	int			i;

	MemoryContextReset(filter->value_cxt);
	old = MemoryContextSwitchTo(filter->value_cxt);
	filter->keys = NIL;
	filter->chunk = NULL;
	result = start_node(filter, filter->root);
	for (i = 0; result && i < filter->root->nchildren; i++)
	{
		if (filter->root->children[i]->has_key)
			filter->keys = lappend(filter->keys, &filter->root->children[i]->key);
	}
	MemoryContextSwitchTo(old);
	ResetExprContext(filter->econtext);
	return result;
}

List *
tsdb_filter_keys(TsdbFilter *filter)
{
	return filter->keys;
}
