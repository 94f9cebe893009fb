/*-------------------------------------------------------------------------
 * scan_filter.c
 *	  Conditions of a scan that are tested on whole vectors.
 *
 * Which leaf is what:
 *
 *	COMPARE		column op value, the column an integer, float, date, time or the like: a kernel over the vector
 *	IN			column = ANY (values), the same types
 *	NULL_TEST	column IS [NOT] NULL: the number of NULLs often tells
 *	EXPR		any other condition on one column: once for each distinct value that occurs, by the chunk's dictionary
 *				of the column, else for each row
 *
 * An EXPR is evaluated for no value but of rows that are alive and have passed what came before, because it may raise an
 * error: only a leakproof one, which never does, is asked about a whole dictionary.
 *
 * The rows that come in are alive; those that come out are a subset.  Kernels leave bits of NULL rows set or not as
 * their zeros compare: they are taken out afterwards.
 *-------------------------------------------------------------------------
 */
#include "scan/scan_filter.h"

#include "access/nbtree.h"
#include "access/stratnum.h"
#include "am/tsdb_slot.h"
#include "catalog/pg_type_d.h"
#include "executor/executor.h"
#include "kernels.h"
#include "tsdb_codec.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "utils/array.h"
#include "utils/cash.h"
#include "utils/date.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

/* IN lists up to this long are compared value by value */
#define IN_KERNEL_VALUES	8

/* dictionaries up to this long are judged as a whole when a chunk is opened */
#define JUDGE_VALUES		4096

typedef enum FilterKind
{
	FILTER_AND,
	FILTER_OR,
	FILTER_COMPARE,
	FILTER_IN,
	FILTER_NULL_TEST,
	FILTER_EXPR
} FilterKind;

/* What an EXPR has said of a distinct value. */
typedef enum FilterAnswer
{
	ANSWER_UNKNOWN = 0,
	ANSWER_FALSE,
	ANSWER_TRUE
} FilterAnswer;

typedef struct FilterNode
{
	FilterKind	kind;

	int			cost;			/* rank among the children of an AND, for this chunk */
	int			position;		/* in the order of the clauses */
	bool		safe;			/* never raises an error */

	/* AND, OR */
	int			nchildren;
	struct FilterNode **children;	/* those of AND in order of cost, anew for each chunk */

	/* leaves */
	AttrNumber	attnum;
	bool		byval;

	/* column op value(s) */
	bool		has_key;
	TsdbScanKey key;
	ExprState  *value;			/* of the value or array */
	bool		value_is_array;
	bool		value_is_const;	/* and has been evaluated */

	/* COMPARE, IN */
	TsdbElement element;		/* of the comparison: I64, U64, F32, F64 */
	bool		widen;			/* floats, compared as doubles */
	TsdbCompareOp op;
	int			nscalars;		/* 0: no row passes */
	TsdbScalar *scalars;		/* IN: distinct, rising */
	bool		never;			/* a value that is out of the column's range decides: no row passes */
	bool		always;			/* ... or every row that is not NULL */

	/* NULL_TEST */
	bool		is_null;

	/* EXPR */
	ExprState  *expr;
	bool		leakproof;
	const Datum *dict;			/* of this chunk; NULL = none */
	uint32		ndict;
	uint8	   *answers;		/* [ndict + 1] FilterAnswer; the last is of NULL */
	uint32		answers_size;
	bool		judged;			/* all answers are known */
	uint32	   *passing;		/* then [ndict + 1]: how many of the codes below pass */
	uint32		passing_size;

	/* this chunk */
	int			column;			/* index of the column, or -1: the chunk lacks it */
	const TsdbVector *vectors;
} FilterNode;

struct TsdbFilter
{
	FilterNode *root;
	PlanState  *parent;
	ExprContext *econtext;
	TupleTableSlot *slot;		/* where EXPRs find their column */
	Index		relid;
	TupleDesc	desc;
	MemoryContext cxt;
	MemoryContext value_cxt;	/* values of keys; reset by start */
	TsdbChunk  *chunk;
	List	   *keys;
	uint32		codes[TSDB_VECTOR_ROWS];
	bool		isnull[TSDB_VECTOR_ROWS];
	int64		packed[TSDB_VECTOR_ROWS];
	uint16		rows[TSDB_VECTOR_ROWS];
};

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

static const TsdbCompareOp strategy_ops[] = {
	[BTLessStrategyNumber] = TSDB_CMP_LT,
	[BTLessEqualStrategyNumber] = TSDB_CMP_LE,
	[BTEqualStrategyNumber] = TSDB_CMP_EQ,
	[BTGreaterEqualStrategyNumber] = TSDB_CMP_GE,
	[BTGreaterStrategyNumber] = TSDB_CMP_GT
};

/*
 * What the operator means in the default btree operator family of its left type: the strategy, ROWCOMPARE_NE for <>;
 * 0: nothing.
 */
static int
operator_strategy(Oid opno, Oid *lefttype, Oid *righttype, Oid *opfamily)
{
	List	   *meanings = get_op_btree_interpretation(opno);
	ListCell   *lc;

	foreach(lc, meanings)
	{
		OpBtreeInterpretation *meaning = lfirst(lc);
		TypeCacheEntry *type = lookup_type_cache(meaning->oplefttype, TYPECACHE_BTREE_OPFAMILY);

		if (type->btree_opf != meaning->opfamily_id)
			continue;
		*lefttype = meaning->oplefttype;
		*righttype = meaning->oprighttype;
		*opfamily = meaning->opfamily_id;
		return meaning->strategy;
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
	if (strategy != ROWCOMPARE_NE)
	{
		proc = get_opfamily_proc(opfamily, lefttype, righttype, BTORDER_PROC);
		if (!OidIsValid(proc))
			return NULL;
		node->has_key = prunes_by(getBaseType(column->vartype), lefttype, righttype);
		node->key.strategy = strategy;
		node->key.collation = collation;
		fmgr_info(proc, &node->key.compare);
	}

	if (kernel_types(lefttype, righttype, &node->element, &node->widen) &&
		!(is_array && (node->element == TSDB_ELEM_F32 || node->element == TSDB_ELEM_F64 || lefttype != righttype)))
	{
		node->kind = is_array ? FILTER_IN : FILTER_COMPARE;
		node->op = strategy == ROWCOMPARE_NE ? TSDB_CMP_NE : strategy_ops[strategy];
	}
	else if (!node->has_key)
		return NULL;
	node->value_is_array = is_array;
	return right;
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
	}
	node->safe = node->kind != FILTER_EXPR || node->leakproof;
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

static int
compare_scalars(const void *a, const void *b, void *arg)
{
	TsdbElement element = *(TsdbElement *) arg;
	const TsdbScalar *x = a;
	const TsdbScalar *y = b;

	if (element == TSDB_ELEM_U64)
		return x->u < y->u ? -1 : x->u > y->u;
	return x->i < y->i ? -1 : x->i > y->i;
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

		qsort_arg(node->scalars, node->nscalars, sizeof(TsdbScalar), compare_scalars, &node->element);
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

/*-------------- chunks and zones --------------*/

static bool
eval_expr(TsdbFilter *filter, FilterNode *node, Datum value, bool isnull)
{
	TupleTableSlot *slot = filter->slot;
	Datum		result;
	bool		result_null;

	slot->tts_values[node->attnum - 1] = value;
	slot->tts_isnull[node->attnum - 1] = isnull;
	filter->econtext->ecxt_scantuple = slot;
	result = ExecEvalExprSwitchContext(node->expr, filter->econtext, &result_null);
	return !result_null && DatumGetBool(result);
}

/* The slot as a row of our own making; columns that no expression reads are NULL. */
static void
begin_expr(TsdbFilter *filter, FilterNode *node)
{
	TupleTableSlot *slot = filter->slot;

	if (TTS_EMPTY(slot))
	{
		memset(slot->tts_isnull, true, filter->desc->natts * sizeof(bool));
		memset(slot->tts_values, 0, filter->desc->natts * sizeof(Datum));
		ExecStoreVirtualTuple(slot);
	}
}

/* Remembers nothing of an earlier chunk's dictionary; judges it as a whole where that is safe. */
static TsdbFilterVerdict
set_dictionary(TsdbFilter *filter, FilterNode *node)
{
	TsdbChunk  *chunk = filter->chunk;
	bool		may_be_null = false;
	bool		all_coded = true;
	int			npassed = 0;
	uint32		v;
	uint32		i;

	node->dict = tsdb_chunk_dictionary(chunk, node->attnum, &node->ndict);
	node->cost = node->dict ? 1 : 5;
	node->judged = false;
	if (node->dict == NULL)
		return TSDB_FILTER_SOME;
	if (node->ndict + 1 > node->answers_size)
	{
		if (node->answers)
			pfree(node->answers);
		node->answers = MemoryContextAllocHuge(filter->cxt, (Size) node->ndict + 1);
		node->answers_size = node->ndict + 1;
	}
	memset(node->answers, ANSWER_UNKNOWN, (Size) node->ndict + 1);
	if (!node->leakproof || node->ndict > JUDGE_VALUES)
		return TSDB_FILTER_SOME;

	for (v = 0; v < chunk->nvectors; v++)
	{
		const TsdbVector *vector = &node->vectors[v];

		may_be_null = may_be_null || vector->nnulls > 0;
		if (vector->nparts != 0 || (vector->block.length != 0 && vector->encoding != TSDB_ENC_DICT))
			all_coded = false;
	}
	begin_expr(filter, node);
	for (i = 0; i <= node->ndict; i++)
	{
		bool		isnull = i == node->ndict;
		bool		passed = eval_expr(filter, node, isnull ? (Datum) 0 : node->dict[i], isnull);

		node->answers[i] = passed ? ANSWER_TRUE : ANSWER_FALSE;
		if (!isnull || may_be_null)
			npassed += passed;
		if (i % 64 == 63)
			ResetExprContext(filter->econtext);
	}
	ResetExprContext(filter->econtext);
	node->judged = true;
	if (node->ndict + 1 > node->passing_size)
	{
		if (node->passing)
			pfree(node->passing);
		node->passing = MemoryContextAlloc(filter->cxt, (node->ndict + 1) * sizeof(uint32));
		node->passing_size = node->ndict + 1;
	}
	node->passing[0] = 0;
	for (i = 0; i < node->ndict; i++)
		node->passing[i + 1] = node->passing[i] + (node->answers[i] == ANSWER_TRUE);
	return all_coded && npassed == 0 ? TSDB_FILTER_NONE : TSDB_FILTER_SOME;
}

/*
 * Should a child of an AND be tested before another one?  What may raise an error does not go ahead of what was written before
 * it, so that a condition can protect those behind it, as on heap.
 */
static bool
goes_ahead(const FilterNode *child, const FilterNode *other)
{
	if (child->cost == other->cost ? child->position > other->position : child->cost > other->cost)
		return false;
	return child->safe || child->position < other->position;
}

static TsdbFilterVerdict
set_chunk(TsdbFilter *filter, FilterNode *node)
{
	TsdbFilterVerdict verdict;
	bool		some = false;
	int			i;
	int			j;

	switch (node->kind)
	{
		case FILTER_AND:
			node->cost = 0;
			for (i = 0; i < node->nchildren; i++)
			{
				if (set_chunk(filter, node->children[i]) == TSDB_FILTER_NONE)
					return TSDB_FILTER_NONE;
			}
			/* cheap ones first: a handful, so by insertion */
			for (i = 1; i < node->nchildren; i++)
			{
				FilterNode *child = node->children[i];

				for (j = i; j > 0 && goes_ahead(child, node->children[j - 1]); j--)
					node->children[j] = node->children[j - 1];
				node->children[j] = child;
			}
			for (i = 0; i < node->nchildren; i++)
				node->cost = Max(node->cost, node->children[i]->cost);
			return TSDB_FILTER_SOME;
		case FILTER_OR:
			node->cost = 4;
			for (i = 0; i < node->nchildren; i++)
			{
				verdict = set_chunk(filter, node->children[i]);
				some = some || verdict != TSDB_FILTER_NONE;
				node->cost = Max(node->cost, node->children[i]->cost);
			}
			return some ? TSDB_FILTER_SOME : TSDB_FILTER_NONE;
		default:
			node->column = tsdb_chunk_column(filter->chunk, node->attnum);
			node->vectors = node->column >= 0 ? tsdb_chunk_vectors(filter->chunk, node->column) : NULL;
			node->cost = node->kind == FILTER_NULL_TEST ? 0 : node->kind == FILTER_COMPARE ? 2 : 3;
			node->dict = NULL;
			return node->kind == FILTER_EXPR ? set_dictionary(filter, node) : TSDB_FILTER_SOME;
	}
}

TsdbFilterVerdict
tsdb_filter_set_chunk(TsdbFilter *filter, TsdbChunk *chunk)
{
	filter->chunk = chunk;
	return set_chunk(filter, filter->root);
}

/* What the least and greatest value say of "value op c". */
static TsdbFilterVerdict
zone_compare(TsdbCompareOp op, int64 min, int64 max, int64 c)
{
	bool		none;
	bool		all;

	switch (op)
	{
		case TSDB_CMP_LT:
			none = min >= c;
			all = max < c;
			break;
		case TSDB_CMP_LE:
			none = min > c;
			all = max <= c;
			break;
		case TSDB_CMP_EQ:
			none = c < min || c > max;
			all = min == c && max == c;
			break;
		case TSDB_CMP_NE:
			none = min == c && max == c;
			all = c < min || c > max;
			break;
		case TSDB_CMP_GE:
			none = max < c;
			all = min >= c;
			break;
		default:
			none = max <= c;
			all = min > c;
			break;
	}
	return none ? TSDB_FILTER_NONE : all ? TSDB_FILTER_ALL : TSDB_FILTER_SOME;
}

/* What the range of a vector's codes says, all answers known. */
static TsdbFilterVerdict
zone_codes(const FilterNode *node, const TsdbVector *vector, uint32 nrows)
{
	bool		nulls_pass = node->answers[node->ndict] == ANSWER_TRUE;
	uint32		npassing;

	if (vector->nnulls == nrows)
		return nulls_pass ? TSDB_FILTER_ALL : TSDB_FILTER_NONE;
	if ((vector->flags & TSDB_VEC_ZONE) == 0 || vector->zone_min < 0 || vector->zone_max >= (int64) node->ndict ||
		node->byval)
		return TSDB_FILTER_SOME;
	npassing = node->passing[vector->zone_max + 1] - node->passing[vector->zone_min];
	if (npassing == 0 && (vector->nnulls == 0 || !nulls_pass))
		return TSDB_FILTER_NONE;
	if ((int64) npassing == vector->zone_max - vector->zone_min + 1 && (vector->nnulls == 0 || nulls_pass))
		return TSDB_FILTER_ALL;
	return TSDB_FILTER_SOME;
}

static TsdbFilterVerdict
zone(TsdbFilter *filter, FilterNode *node, uint32 v)
{
	const TsdbVector *vector;
	uint32		nrows = Min(filter->chunk->nrows - v * TSDB_VECTOR_ROWS, TSDB_VECTOR_ROWS);
	TsdbFilterVerdict verdict;
	bool		all;
	int			i;

	switch (node->kind)
	{
		case FILTER_AND:
			all = true;
			for (i = 0; i < node->nchildren; i++)
			{
				verdict = zone(filter, node->children[i], v);
				if (verdict == TSDB_FILTER_NONE)
					return TSDB_FILTER_NONE;
				all = all && verdict == TSDB_FILTER_ALL;
			}
			return all ? TSDB_FILTER_ALL : TSDB_FILTER_SOME;
		case FILTER_OR:
			all = false;
			verdict = TSDB_FILTER_NONE;
			for (i = 0; i < node->nchildren; i++)
			{
				TsdbFilterVerdict child = zone(filter, node->children[i], v);

				verdict = Max(verdict, child);
			}
			return verdict;
		default:
			break;
	}

	if ((node->kind == FILTER_COMPARE || node->kind == FILTER_IN) && (node->nscalars == 0 || node->never))
		return TSDB_FILTER_NONE;
	if (node->vectors == NULL)
		return TSDB_FILTER_SOME;
	vector = &node->vectors[v];
	switch (node->kind)
	{
		case FILTER_NULL_TEST:
			if (vector->nnulls == 0)
				return node->is_null ? TSDB_FILTER_NONE : TSDB_FILTER_ALL;
			if (vector->nnulls == nrows)
				return node->is_null ? TSDB_FILTER_ALL : TSDB_FILTER_NONE;
			return TSDB_FILTER_SOME;
		case FILTER_COMPARE:
			if (vector->nnulls == nrows)
				return TSDB_FILTER_NONE;
			if (node->always)
				return vector->nnulls == 0 ? TSDB_FILTER_ALL : TSDB_FILTER_SOME;
			if (node->element != TSDB_ELEM_I64 || (vector->flags & TSDB_VEC_ZONE) == 0)
				return TSDB_FILTER_SOME;
			verdict = zone_compare(node->op, vector->zone_min, vector->zone_max, node->scalars[0].i);
			return verdict == TSDB_FILTER_ALL && vector->nnulls > 0 ? TSDB_FILTER_SOME : verdict;
		case FILTER_IN:
			if (vector->nnulls == nrows)
				return TSDB_FILTER_NONE;
			if (node->element != TSDB_ELEM_I64 || (vector->flags & TSDB_VEC_ZONE) == 0)
				return TSDB_FILTER_SOME;
			for (i = 0; i < node->nscalars; i++)
			{
				verdict = zone_compare(TSDB_CMP_EQ, vector->zone_min, vector->zone_max, node->scalars[i].i);
				if (verdict == TSDB_FILTER_ALL && vector->nnulls == 0)
					return TSDB_FILTER_ALL;
				if (verdict != TSDB_FILTER_NONE)
					return TSDB_FILTER_SOME;
			}
			return TSDB_FILTER_NONE;
		case FILTER_EXPR:
			return node->dict != NULL && node->judged ? zone_codes(node, vector, nrows) : TSDB_FILTER_SOME;
		default:
			return TSDB_FILTER_SOME;
	}
}

TsdbFilterVerdict
tsdb_filter_zone(TsdbFilter *filter, uint32 vector)
{
	return zone(filter, filter->root, vector);
}

/*-------------- rows --------------*/

static inline bool
any_row(const uint64 *rows, int words)
{
	uint64		any = 0;
	int			i;

	for (i = 0; i < words; i++)
		any |= rows[i];
	return any != 0;
}

static bool
compare_rows(TsdbFilter *filter, FilterNode *node, TsdbVectorSet *set, uint64 *rows)
{
	const TsdbKernels *k = tsdb_kernels;
	TsdbVectorColumn *column = &set->columns[node->attnum - 1];
	uint64		bits[TSDB_VECTOR_WORDS];
	int			n = (int) set->nrows;
	int			words = (n + 63) / 64;
	const void *values;
	int			i;

	tsdb_vector_decode(set, node->attnum);
	values = column->values;
	if (node->element == TSDB_ELEM_F32)
	{
		/* kernels want floats side by side */
		float	   *floats = (float *) filter->packed;

		for (i = 0; i < n; i++)
			floats[i] = DatumGetFloat4(column->values[i]);
		values = floats;
	}
	else if (node->widen)
	{
		double	   *doubles = (double *) filter->packed;

		for (i = 0; i < n; i++)
			doubles[i] = DatumGetFloat4(column->values[i]);
		values = doubles;
	}

	if (node->kind == FILTER_COMPARE)
	{
		if (!node->always)
		{
			k->compare(node->element, values, n, node->op, node->scalars[0], bits);
			k->bitmap_and(rows, bits, n, rows);
		}
	}
	else if (node->nscalars <= IN_KERNEL_VALUES)
	{
		uint64		found[TSDB_VECTOR_WORDS];

		k->compare(node->element, values, n, TSDB_CMP_EQ, node->scalars[0], found);
		for (i = 1; i < node->nscalars; i++)
		{
			k->compare(node->element, values, n, TSDB_CMP_EQ, node->scalars[i], bits);
			k->bitmap_or(found, bits, n, found);
		}
		k->bitmap_and(rows, found, n, rows);
	}
	else
	{
		int			nrows = k->bitmap_to_rows(rows, n, filter->rows);

		memset(rows, 0, words * sizeof(uint64));
		for (i = 0; i < nrows; i++)
		{
			TsdbScalar	wanted;

			wanted.i = (int64) column->values[filter->rows[i]];
			if (bsearch_arg(&wanted, node->scalars, node->nscalars, sizeof(TsdbScalar), compare_scalars, &node->element))
				tsdb_row_bits_set(rows, filter->rows[i]);
		}
	}
	k->bitmap_from_bools(column->isnull, n, bits);
	k->bitmap_andnot(rows, bits, n, rows);
	return any_row(rows, words);
}

static bool
null_rows(FilterNode *node, TsdbVectorSet *set, uint64 *rows)
{
	const TsdbKernels *k = tsdb_kernels;
	uint64		bits[TSDB_VECTOR_WORDS];
	int			n = (int) set->nrows;

	tsdb_vector_decode(set, node->attnum);
	k->bitmap_from_bools(set->columns[node->attnum - 1].isnull, n, bits);
	if (node->is_null)
		k->bitmap_and(rows, bits, n, rows);
	else
		k->bitmap_andnot(rows, bits, n, rows);
	return any_row(rows, (n + 63) / 64);
}

/*
 * The same, all answers known: a run of equal codes, as sorted series have them, is answered at once.
 */
static void
judged_rows(TsdbFilter *filter, FilterNode *node, int n, uint64 *rows)
{
	const uint32 *codes = filter->codes;
	const bool *isnull = filter->isnull;
	bool		has_nulls = memchr(isnull, true, n) != NULL;
	int			first = 0;

	while (first < n)
	{
		int			last = first + 1;
		uint32		code = isnull[first] ? node->ndict : codes[first];

		if (has_nulls)
		{
			while (last < n && isnull[last] == isnull[first] && codes[last] == codes[first])
				last++;
		}
		else
		{
			while (last < n && codes[last] == code)
				last++;
		}
		if (node->answers[code] != ANSWER_TRUE)
		{
			int			row = first;

			/* bits first .. last - 1 of the words that they lie in */
			while (row < last)
			{
				int			in_word = Min(64 - row % 64, last - row);
				uint64		mask = in_word == 64 ? PG_UINT64_MAX : ((UINT64CONST(1) << in_word) - 1) << (row % 64);

				rows[row / 64] &= ~mask;
				row += in_word;
			}
		}
		first = last;
	}
}

static bool
expr_rows(TsdbFilter *filter, FilterNode *node, TsdbVectorSet *set, uint64 *rows)
{
	int			words = ((int) set->nrows + 63) / 64;
	bool		coded = node->dict != NULL &&
		tsdb_vector_codes(set, node->attnum, filter->codes, filter->isnull);
	int			nrows;
	int			i;

	begin_expr(filter, node);
	if (coded && node->judged)
	{
		judged_rows(filter, node, (int) set->nrows, rows);
		return any_row(rows, words);
	}
	nrows = tsdb_kernels->bitmap_to_rows(rows, (int) set->nrows, filter->rows);
	memset(rows, 0, words * sizeof(uint64));
	if (coded)
	{
		for (i = 0; i < nrows; i++)
		{
			uint32		row = filter->rows[i];
			uint32		code = filter->isnull[row] ? node->ndict : filter->codes[row];

			if (node->answers[code] == ANSWER_UNKNOWN)
				node->answers[code] = eval_expr(filter, node, code == node->ndict ? (Datum) 0 : node->dict[code],
												code == node->ndict) ? ANSWER_TRUE : ANSWER_FALSE;
			if (node->answers[code] == ANSWER_TRUE)
				tsdb_row_bits_set(rows, row);
		}
	}
	else
	{
		TsdbVectorColumn *column = &set->columns[node->attnum - 1];

		tsdb_vector_decode(set, node->attnum);
		for (i = 0; i < nrows; i++)
		{
			uint32		row = filter->rows[i];

			if (eval_expr(filter, node, column->values[row], column->isnull[row]))
				tsdb_row_bits_set(rows, row);
			if (i % 64 == 63)
				ResetExprContext(filter->econtext);
		}
	}
	ResetExprContext(filter->econtext);
	return any_row(rows, words);
}

static bool
node_rows(TsdbFilter *filter, FilterNode *node, TsdbVectorSet *set, uint64 *rows)
{
	int			words = ((int) set->nrows + 63) / 64;
	int			i;

	switch (zone(filter, node, set->vector))
	{
		case TSDB_FILTER_ALL:
			return any_row(rows, words);
		case TSDB_FILTER_NONE:
			memset(rows, 0, words * sizeof(uint64));
			return false;
		case TSDB_FILTER_SOME:
			break;
	}

	switch (node->kind)
	{
		case FILTER_AND:
			for (i = 0; i < node->nchildren; i++)
			{
				if (!node_rows(filter, node->children[i], set, rows))
					return false;
			}
			return any_row(rows, words);
		case FILTER_OR:
			{
				uint64		left[TSDB_VECTOR_WORDS];
				uint64		passed[TSDB_VECTOR_WORDS] = {0};
				uint64		child[TSDB_VECTOR_WORDS];
				int			w;

				memcpy(left, rows, words * sizeof(uint64));
				for (i = 0; i < node->nchildren && any_row(left, words); i++)
				{
					memcpy(child, left, words * sizeof(uint64));
					(void) node_rows(filter, node->children[i], set, child);
					for (w = 0; w < words; w++)
					{
						passed[w] |= child[w];
						left[w] &= ~child[w];
					}
				}
				memcpy(rows, passed, words * sizeof(uint64));
				return any_row(rows, words);
			}
		case FILTER_COMPARE:
		case FILTER_IN:
			return compare_rows(filter, node, set, rows);
		case FILTER_NULL_TEST:
			return null_rows(node, set, rows);
		case FILTER_EXPR:
			return expr_rows(filter, node, set, rows);
	}
	return false;				/* not reached */
}

bool
tsdb_filter_rows(TsdbFilter *filter, TsdbVectorSet *set, uint64 *rows)
{
	Assert(set->chunk == filter->chunk);
	return node_rows(filter, filter->root, set, rows);
}
