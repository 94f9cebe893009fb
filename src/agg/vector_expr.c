/*-------------------------------------------------------------------------
 * vector_expr.c
 *	  Expressions over the rows of a batch.
 *
 * A node is a column, a value (parameters: looked at once a scan), an operation on arrays or an expression for the executor.
 * Loops compute all rows, whatever they are, and note whether some row would raise an error; only then rows are looked at
 * one by one, and PostgreSQL's function is called for the first that does.  NULL rows hold anything in the arrays and are not looked at.
 */
#include "compat.h"

#include "agg/vector_expr.h"

#include "catalog/objectaccess.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/acl.h"
#include "utils/float.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include <math.h>

typedef enum ExprKind
{
	EXPR_COLUMN,
	EXPR_VALUE,
	EXPR_OPERATION,
	EXPR_ROWS
} ExprKind;

typedef enum OpCode
{
	/* float8, float8 -> float8 */
	OP_F8_ADD, OP_F8_SUB, OP_F8_MUL, OP_F8_DIV,
	/* integers of 2, 4, 8 bytes */
	OP_INT_ADD, OP_INT_SUB, OP_INT_MUL, OP_INT_DIV,
	/* one argument */
	OP_F8_NEG, OP_F8_ABS, OP_INT_NEG, OP_INT_ABS, OP_F4_TO_F8, OP_INT_TO_F8, OP_INT_WIDEN,
	/* comparisons -> bool */
	OP_F8_LT, OP_F8_LE, OP_F8_EQ, OP_F8_NE, OP_F8_GE, OP_F8_GT,
	OP_INT_LT, OP_INT_LE, OP_INT_EQ, OP_INT_NE, OP_INT_GE, OP_INT_GT
} OpCode;

typedef struct Operation
{
	Oid			function;
	OpCode		code;
	int			nargs;
	int			bytes;			/* of an integer result */
} Operation;

static const Operation operations[] = {
	{F_FLOAT8PL, OP_F8_ADD, 2, 8},
	{F_FLOAT8MI, OP_F8_SUB, 2, 8},
	{F_FLOAT8MUL, OP_F8_MUL, 2, 8},
	{F_FLOAT8DIV, OP_F8_DIV, 2, 8},
	{F_FLOAT8UM, OP_F8_NEG, 1, 8},
	{F_FLOAT8ABS, OP_F8_ABS, 1, 8},
	{F_ABS_FLOAT8, OP_F8_ABS, 1, 8},
	{F_FLOAT8_FLOAT4, OP_F4_TO_F8, 1, 8},
	{F_FLOAT8_INT2, OP_INT_TO_F8, 1, 8},
	{F_FLOAT8_INT4, OP_INT_TO_F8, 1, 8},
	{F_FLOAT8_INT8, OP_INT_TO_F8, 1, 8},
	{F_INT4_INT2, OP_INT_WIDEN, 1, 4},
	{F_INT8_INT2, OP_INT_WIDEN, 1, 8},
	{F_INT8_INT4, OP_INT_WIDEN, 1, 8},
	{F_INT2PL, OP_INT_ADD, 2, 2},
	{F_INT2MI, OP_INT_SUB, 2, 2},
	{F_INT2MUL, OP_INT_MUL, 2, 2},
	{F_INT2DIV, OP_INT_DIV, 2, 2},
	{F_INT4PL, OP_INT_ADD, 2, 4},
	{F_INT4MI, OP_INT_SUB, 2, 4},
	{F_INT4MUL, OP_INT_MUL, 2, 4},
	{F_INT4DIV, OP_INT_DIV, 2, 4},
	{F_INT24PL, OP_INT_ADD, 2, 4},
	{F_INT24MI, OP_INT_SUB, 2, 4},
	{F_INT24MUL, OP_INT_MUL, 2, 4},
	{F_INT42PL, OP_INT_ADD, 2, 4},
	{F_INT42MI, OP_INT_SUB, 2, 4},
	{F_INT42MUL, OP_INT_MUL, 2, 4},
	{F_INT8PL, OP_INT_ADD, 2, 8},
	{F_INT8MI, OP_INT_SUB, 2, 8},
	{F_INT8MUL, OP_INT_MUL, 2, 8},
	{F_INT8DIV, OP_INT_DIV, 2, 8},
	{F_INT84PL, OP_INT_ADD, 2, 8},
	{F_INT84MI, OP_INT_SUB, 2, 8},
	{F_INT84MUL, OP_INT_MUL, 2, 8},
	{F_INT84DIV, OP_INT_DIV, 2, 8},
	{F_INT48PL, OP_INT_ADD, 2, 8},
	{F_INT48MI, OP_INT_SUB, 2, 8},
	{F_INT48MUL, OP_INT_MUL, 2, 8},
	{F_INT2UM, OP_INT_NEG, 1, 2},
	{F_INT4UM, OP_INT_NEG, 1, 4},
	{F_INT8UM, OP_INT_NEG, 1, 8},
	{F_ABS_INT2, OP_INT_ABS, 1, 2},
	{F_ABS_INT4, OP_INT_ABS, 1, 4},
	{F_ABS_INT8, OP_INT_ABS, 1, 8},
	{F_INT2ABS, OP_INT_ABS, 1, 2},
	{F_INT4ABS, OP_INT_ABS, 1, 4},
	{F_INT8ABS, OP_INT_ABS, 1, 8},
	{F_FLOAT8LT, OP_F8_LT, 2, 1},
	{F_FLOAT8LE, OP_F8_LE, 2, 1},
	{F_FLOAT8EQ, OP_F8_EQ, 2, 1},
	{F_FLOAT8NE, OP_F8_NE, 2, 1},
	{F_FLOAT8GE, OP_F8_GE, 2, 1},
	{F_FLOAT8GT, OP_F8_GT, 2, 1},
	{F_INT4LT, OP_INT_LT, 2, 1},
	{F_INT4LE, OP_INT_LE, 2, 1},
	{F_INT4EQ, OP_INT_EQ, 2, 1},
	{F_INT4NE, OP_INT_NE, 2, 1},
	{F_INT4GE, OP_INT_GE, 2, 1},
	{F_INT4GT, OP_INT_GT, 2, 1},
	{F_INT8LT, OP_INT_LT, 2, 1},
	{F_INT8LE, OP_INT_LE, 2, 1},
	{F_INT8EQ, OP_INT_EQ, 2, 1},
	{F_INT8NE, OP_INT_NE, 2, 1},
	{F_INT8GE, OP_INT_GE, 2, 1},
	{F_INT8GT, OP_INT_GT, 2, 1},
	{F_TIMESTAMPTZ_LT, OP_INT_LT, 2, 1},
	{F_TIMESTAMPTZ_LE, OP_INT_LE, 2, 1},
	{F_TIMESTAMPTZ_GE, OP_INT_GE, 2, 1},
	{F_TIMESTAMPTZ_GT, OP_INT_GT, 2, 1},
	{F_TIMESTAMP_LT, OP_INT_LT, 2, 1},
	{F_TIMESTAMP_LE, OP_INT_LE, 2, 1},
	{F_TIMESTAMP_GE, OP_INT_GE, 2, 1},
	{F_TIMESTAMP_GT, OP_INT_GT, 2, 1}
};

struct TsdbExpr
{
	ExprKind	kind;
	Expr	   *expr;			/* NULL: made for us */
	TsdbExprSet *set;
	AttrNumber	attnum;			/* COLUMN */
	ExprState  *state;			/* VALUE, ROWS */
	bool		known;			/* VALUE: has been looked at since the scan began */
	int			bytes;			/* VALUE, ROWS: of a by-value result; 0: by reference */
	AttrNumber *attnums;		/* ROWS: columns that it reads */
	int			nattnums;
	const Operation *operation;
	TsdbExpr   *args[2];
	uint64		serial;			/* of the batch that "vec" is of */
	TsdbVec		vec;
	Datum	   *values;			/* [1024] */
	bool	   *isnull;
};

/* ------------------------------------------------------------------------
 * Compiling
 * ------------------------------------------------------------------------
 */

TsdbExprSet *
tsdb_exprs_create(PlanState *parent, TupleDesc desc)
{
	TsdbExprSet *set = palloc0(sizeof(TsdbExprSet));
	EState	   *estate = parent->state;

	set->parent = parent;
	set->econtext = CreateExprContext(estate);
	set->slot = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	memset(set->slot->tts_isnull, true, desc->natts * sizeof(bool));
	set->cxt = CurrentMemoryContext;
	set->params_cxt = AllocSetContextCreate(set->cxt, "values of expressions without columns", ALLOCSET_SMALL_SIZES);
	return set;
}

void
tsdb_exprs_rescan(TsdbExprSet *set)
{
	ListCell   *lc;

	foreach(lc, set->exprs)
	{
		TsdbExpr   *expr = lfirst(lc);

		expr->known = false;
		expr->serial = 0;
	}
	ResetExprContext(set->econtext);
	MemoryContextReset(set->params_cxt);
}

static const Operation *
find_operation(Oid function, int nargs)
{
	int			i;

	for (i = 0; i < (int) lengthof(operations); i++)
	{
		if (operations[i].function == function && operations[i].nargs == nargs)
			return &operations[i];
	}
	return NULL;
}

static TsdbExpr *
new_expr(TsdbExprSet *set, ExprKind kind, Expr *expr)
{
	TsdbExpr   *result = MemoryContextAllocZero(set->cxt, sizeof(TsdbExpr));
	MemoryContext old = MemoryContextSwitchTo(set->cxt);

	result->kind = kind;
	result->expr = expr;
	result->set = set;
	if (kind != EXPR_COLUMN)
	{
		result->values = palloc(TSDB_VECTOR_ROWS * sizeof(Datum));
		result->isnull = palloc(TSDB_VECTOR_ROWS * sizeof(bool));
	}
	set->exprs = lappend(set->exprs, result);
	MemoryContextSwitchTo(old);
	return result;
}

TsdbExpr *
tsdb_expr_compile(TsdbExprSet *set, Expr *expr)
{
	TsdbExpr   *result;
	ListCell   *lc;
	List	   *args = NIL;
	Oid			function = InvalidOid;
	const Operation *operation = NULL;
	List	   *vars;

	foreach(lc, set->exprs)
	{
		TsdbExpr   *other = lfirst(lc);

		if (other->expr != NULL && equal(other->expr, expr))
			return other;
	}
	while (IsA(expr, RelabelType))
		expr = ((RelabelType *) expr)->arg;
	if (IsA(expr, Var))
	{
		result = new_expr(set, EXPR_COLUMN, expr);
		result->attnum = ((Var *) expr)->varattno;
		return result;
	}

	if (IsA(expr, OpExpr))
	{
		set_opfuncid((OpExpr *) expr);
		function = ((OpExpr *) expr)->opfuncid;
		args = ((OpExpr *) expr)->args;
	}
	else if (IsA(expr, FuncExpr))
	{
		function = ((FuncExpr *) expr)->funcid;
		args = ((FuncExpr *) expr)->args;
	}
	vars = pull_var_clause((Node *) expr, 0);
	if (OidIsValid(function) && vars != NIL)
		operation = find_operation(function, list_length(args));
	if (operation != NULL)
	{
		/* as ExecInitFunc does */
		AclResult	aclresult = object_aclcheck(ProcedureRelationId, function, GetUserId(), ACL_EXECUTE);

		if (aclresult != ACLCHECK_OK)
			aclcheck_error(aclresult, OBJECT_FUNCTION, get_func_name(function));
		InvokeFunctionExecuteHook(function);
	}
	if (operation != NULL)
	{
		TsdbExpr   *arg0 = tsdb_expr_compile(set, linitial(args));
		TsdbExpr   *arg1 = operation->nargs == 2 ? tsdb_expr_compile(set, lsecond(args)) : NULL;

		result = new_expr(set, EXPR_OPERATION, expr);
		result->operation = operation;
		result->args[0] = arg0;
		result->args[1] = arg1;
		return result;
	}

	result = new_expr(set, vars == NIL ? EXPR_VALUE : EXPR_ROWS, expr);
	result->state = ExecInitExpr(expr, set->parent);
	{
		int16		typlen;
		bool		typbyval;

		get_typlenbyval(exprType((Node *) expr), &typlen, &typbyval);
		result->bytes = typbyval ? typlen : 0;
	}
	result->attnums = MemoryContextAlloc(set->cxt, (list_length(vars) + 1) * sizeof(AttrNumber));
	foreach(lc, vars)
	{
		AttrNumber	attnum = lfirst_node(Var, lc)->varattno;
		int			i;

		for (i = 0; i < result->nattnums && result->attnums[i] != attnum; i++)
			;
		if (i == result->nattnums)
			result->attnums[result->nattnums++] = attnum;
	}
	return result;
}

TsdbExpr *
tsdb_expr_compile_as_float8(TsdbExprSet *set, Expr *expr)
{
	TsdbExpr   *arg = tsdb_expr_compile(set, expr);
	Oid			function;
	TsdbExpr   *result;

	switch (exprType((Node *) expr))
	{
		case FLOAT4OID:
			function = F_FLOAT8_FLOAT4;
			break;
		case INT2OID:
			function = F_FLOAT8_INT2;
			break;
		case INT4OID:
			function = F_FLOAT8_INT4;
			break;
		case INT8OID:
			function = F_FLOAT8_INT8;
			break;
		default:
			return arg;
	}
	result = new_expr(set, EXPR_OPERATION, NULL);
	result->operation = find_operation(function, 1);
	result->args[0] = arg;
	return result;
}

AttrNumber
tsdb_expr_column(TsdbExpr *expr)
{
	return expr->kind == EXPR_COLUMN ? expr->attnum : 0;
}

bool
tsdb_expr_is_constant(TsdbExpr *expr)
{
	return expr->kind == EXPR_VALUE;
}

bool
tsdb_expr_by_rows(TsdbExpr *expr)
{
	return expr->kind == EXPR_ROWS ||
		(expr->args[0] != NULL && tsdb_expr_by_rows(expr->args[0])) ||
		(expr->args[1] != NULL && tsdb_expr_by_rows(expr->args[1]));
}

ExprState *
tsdb_expr_state(TsdbExpr *expr)
{
	return expr->state;
}

/* ------------------------------------------------------------------------
 * Evaluating
 * ------------------------------------------------------------------------
 */

Datum
tsdb_expr_canonical(TsdbExpr *expr, Datum value)
{
	return tsdb_canonical(value, expr->bytes);
}

static void
eval_value(TsdbExpr *expr)
{
	TsdbExprSet *set = expr->set;
	Datum		value;
	bool		isnull;
	int			i;

	if (expr->known)
		return;
	/* by-reference values must outlive the batch */
	{
		MemoryContext old = MemoryContextSwitchTo(set->params_cxt);

		value = ExecEvalExpr(expr->state, set->econtext, &isnull);
		MemoryContextSwitchTo(old);
	}
	value = tsdb_canonical(value, expr->bytes);
	for (i = 0; i < TSDB_VECTOR_ROWS; i++)
		expr->values[i] = isnull ? (Datum) 0 : value;
	memset(expr->isnull, isnull, TSDB_VECTOR_ROWS);
	expr->vec.values = expr->values;
	expr->vec.isnull = isnull ? expr->isnull : NULL;
	expr->known = true;
}

static void
eval_rows(TsdbExpr *expr, TsdbBatch *batch)
{
	TsdbExprSet *set = expr->set;
	TupleTableSlot *slot = set->slot;
	TsdbVec	   *columns = palloc(expr->nattnums * sizeof(TsdbVec));
	bool		any_null = false;
	int			i,
				c;

	for (c = 0; c < expr->nattnums; c++)
		columns[c] = tsdb_batch_column(batch, expr->attnums[c]);
	ExecClearTuple(slot);
	ExecStoreVirtualTuple(slot);
	set->econtext->ecxt_scantuple = slot;
	for (i = 0; i < batch->n; i++)
	{
		for (c = 0; c < expr->nattnums; c++)
		{
			slot->tts_values[expr->attnums[c] - 1] = columns[c].values[i];
			slot->tts_isnull[expr->attnums[c] - 1] = columns[c].isnull != NULL && columns[c].isnull[i];
		}
		expr->values[i] = tsdb_canonical(ExecEvalExprSwitchContext(expr->state, set->econtext, &expr->isnull[i]), expr->bytes);
		any_null |= expr->isnull[i];
	}
	pfree(columns);
	expr->vec.values = expr->values;
	expr->vec.isnull = any_null ? expr->isnull : NULL;
}

static inline int64
int_limit(int bytes)
{
	return bytes == 2 ? PG_INT16_MAX : bytes == 4 ? PG_INT32_MAX : PG_INT64_MAX;
}

/* Calls the function for the rows that are not NULL, one by one: some row raises an error, or none does after all. */
static void
call_by_rows(TsdbExpr *expr, TsdbVec a, TsdbVec b, int n)
{
	FmgrInfo	flinfo;
	int			i;

	fmgr_info(expr->operation->function, &flinfo);
	for (i = 0; i < n; i++)
	{
		if (expr->vec.isnull != NULL && expr->vec.isnull[i])
			continue;
		expr->values[i] = expr->operation->nargs == 2 ? FunctionCall2(&flinfo, a.values[i], b.values[i]) :
			FunctionCall1(&flinfo, a.values[i]);
	}
}

#define EACH_ROW(statement) \
	do { int i; for (i = 0; i < n; i++) { statement; } } while (0)

/* A comparison of floats as PostgreSQL orders them: NaN is equal to NaN and above all else. */
#define COMPARE_F8(op) \
	EACH_ROW(double x = xs[i]; double y = ys[i]; \
			 out[i] = BoolGetDatum(float8_##op(x, y)))
#define COMPARE_INT(op) EACH_ROW(out[i] = BoolGetDatum(ia[i] op ib[i]))

static void
eval_operation(TsdbExpr *expr, TsdbBatch *batch)
{
	int			n = batch->n;
	TsdbVec		a = tsdb_expr_eval(expr->args[0], batch);
	TsdbVec		b = expr->args[1] != NULL ? tsdb_expr_eval(expr->args[1], batch) : a;
	const double *xs = (const double *) a.values;
	const double *ys = (const double *) b.values;
	const int64 *ia = (const int64 *) a.values;
	const int64 *ib = (const int64 *) b.values;
	Datum	   *out = expr->values;
	double	   *fout = (double *) expr->values;
	int64	   *iout = (int64 *) expr->values;
	int64		max = int_limit(expr->operation->bytes);
	int64		min = -max - 1;
	bool		odd = false;	/* some row may raise an error */

	StaticAssertStmt(sizeof(Datum) == sizeof(double), "float8 is passed by value");
	expr->vec.values = expr->values;
	expr->vec.isnull = a.isnull != NULL ? a.isnull : b.isnull;
	if (a.isnull != NULL && b.isnull != NULL && a.isnull != b.isnull)
	{
		EACH_ROW(expr->isnull[i] = a.isnull[i] | b.isnull[i]);
		expr->vec.isnull = expr->isnull;
	}

	switch (expr->operation->code)
	{
		case OP_F8_ADD:
			EACH_ROW(double r = xs[i] + ys[i]; fout[i] = r; odd |= isinf(r));
			break;
		case OP_F8_SUB:
			EACH_ROW(double r = xs[i] - ys[i]; fout[i] = r; odd |= isinf(r));
			break;
		case OP_F8_MUL:
			EACH_ROW(double r = xs[i] * ys[i]; fout[i] = r;
					 odd |= isinf(r) | ((r == 0) & (xs[i] != 0) & (ys[i] != 0)));
			break;
		case OP_F8_DIV:
			EACH_ROW(double r = xs[i] / ys[i]; fout[i] = r;
					 odd |= isinf(r) | (ys[i] == 0) | ((r == 0) & (xs[i] != 0)));
			break;
		case OP_F8_NEG:
			EACH_ROW(fout[i] = -xs[i]);
			break;
		case OP_F8_ABS:
			EACH_ROW(fout[i] = fabs(xs[i]));
			break;
		case OP_F4_TO_F8:
			EACH_ROW(fout[i] = (double) DatumGetFloat4(a.values[i]));
			break;
		case OP_INT_TO_F8:
			EACH_ROW(fout[i] = (double) ia[i]);
			break;
		case OP_INT_WIDEN:
			EACH_ROW(iout[i] = ia[i]);
			break;
		case OP_INT_ADD:
			EACH_ROW(int64 r; odd |= __builtin_add_overflow(ia[i], ib[i], &r); iout[i] = r; odd |= (r < min) | (r > max));
			break;
		case OP_INT_SUB:
			EACH_ROW(int64 r; odd |= __builtin_sub_overflow(ia[i], ib[i], &r); iout[i] = r; odd |= (r < min) | (r > max));
			break;
		case OP_INT_MUL:
			EACH_ROW(int64 r; odd |= __builtin_mul_overflow(ia[i], ib[i], &r); iout[i] = r; odd |= (r < min) | (r > max));
			break;
		case OP_INT_DIV:
			EACH_ROW(if (ib[i] == 0 || ib[i] == -1) odd = true; else iout[i] = ia[i] / ib[i]);
			break;
		case OP_INT_NEG:
			EACH_ROW(odd |= ia[i] == min; iout[i] = (int64) (0 - (uint64) ia[i]));
			break;
		case OP_INT_ABS:
			EACH_ROW(odd |= ia[i] == min; iout[i] = ia[i] < 0 ? (int64) (0 - (uint64) ia[i]) : ia[i]);
			break;
		case OP_F8_LT:
			COMPARE_F8(lt);
			break;
		case OP_F8_LE:
			COMPARE_F8(le);
			break;
		case OP_F8_EQ:
			COMPARE_F8(eq);
			break;
		case OP_F8_NE:
			COMPARE_F8(ne);
			break;
		case OP_F8_GE:
			COMPARE_F8(ge);
			break;
		case OP_F8_GT:
			COMPARE_F8(gt);
			break;
		case OP_INT_LT:
			COMPARE_INT(<);
			break;
		case OP_INT_LE:
			COMPARE_INT(<=);
			break;
		case OP_INT_EQ:
			COMPARE_INT(==);
			break;
		case OP_INT_NE:
			COMPARE_INT(!=);
			break;
		case OP_INT_GE:
			COMPARE_INT(>=);
			break;
		case OP_INT_GT:
			COMPARE_INT(>);
			break;
	}
	if (odd)
		call_by_rows(expr, a, b, n);
}

TsdbVec
tsdb_expr_eval(TsdbExpr *expr, TsdbBatch *batch)
{
	if (expr->kind == EXPR_COLUMN)
		return tsdb_batch_column(batch, expr->attnum);
	if (expr->kind == EXPR_VALUE)
	{
		eval_value(expr);
		return expr->vec;
	}
	if (expr->serial == batch->serial)
		return expr->vec;
	if (expr->kind == EXPR_OPERATION)
		eval_operation(expr, batch);
	else
		eval_rows(expr, batch);
	expr->serial = batch->serial;
	return expr->vec;
}
