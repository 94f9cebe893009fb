/*-------------------------------------------------------------------------
 * vector_expr.h
 *	  Expressions over the rows of a batch.
 *
 * Arithmetic on numbers, casts and comparisons run as loops over arrays; anything else is evaluated by the executor row by
 * row.  Results, errors included, are those of PostgreSQL's own functions: where a loop meets an overflow or the like, the row is given to
 * them.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_VECTOR_EXPR_H
#define TSDB_VECTOR_EXPR_H

#include "agg/vector_batch.h"

#include "nodes/execnodes.h"

typedef struct TsdbExpr TsdbExpr;

/* All expressions of a node; those that are equal are evaluated once a batch. */
typedef struct TsdbExprSet
{
	PlanState  *parent;
	ExprContext *econtext;		/* reset as each batch begins */
	TupleTableSlot *slot;		/* where row by row expressions find their columns */
	List	   *exprs;			/* TsdbExpr */
	MemoryContext cxt;
	MemoryContext params_cxt;	/* by-reference values of expressions without columns; reset by a rescan */
} TsdbExprSet;

/* desc: of the table whose columns the expressions read, as Vars.  Lives in the current context. */
extern TsdbExprSet *tsdb_exprs_create(PlanState *parent, TupleDesc desc);
/* Parameters may have changed. */
extern void tsdb_exprs_rescan(TsdbExprSet *set);

extern TsdbExpr *tsdb_expr_compile(TsdbExprSet *set, Expr *expr);
/* float4 and integer arguments come as float8. */
extern TsdbExpr *tsdb_expr_compile_as_float8(TsdbExprSet *set, Expr *expr);

/* By-reference values live until the set's econtext is reset. */
extern TsdbVec tsdb_expr_eval(TsdbExpr *expr, TsdbBatch *batch);

/* The column that the expression is, 0 = something else. */
extern AttrNumber tsdb_expr_column(TsdbExpr *expr);
/* Has it no columns, and so one value for all rows of a scan? */
extern bool tsdb_expr_is_constant(TsdbExpr *expr);
/* Is it evaluated row by row? */
extern bool tsdb_expr_by_rows(TsdbExpr *expr);
/* For who evaluates an expression that is evaluated by rows on a value of its own; NULL if there is none. */
extern ExprState *tsdb_expr_state(TsdbExpr *expr);
/* What that gives, as vectors hold such values. */
extern Datum tsdb_expr_canonical(TsdbExpr *expr, Datum value);

#endif							/* TSDB_VECTOR_EXPR_H */
