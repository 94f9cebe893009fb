/*-------------------------------------------------------------------------
 * scan_filter_internal.h
 *	  What filter_compile.c makes of conditions and scan_filter.c tests vectors by.
 *
 * Which leaf is what:
 *
 *	COMPARE		column op value, the column an integer, float, date, time or the like: a kernel over the vector
 *	IN			column = ANY (values), the same types
 *	NULL_TEST	column IS [NOT] NULL: the number of NULLs often tells
 *	EXPR		any other condition on one column: once for each distinct value that occurs, by the chunk's dictionary
 *				of the column, else for each row
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_SCAN_FILTER_INTERNAL_H
#define TSDB_SCAN_FILTER_INTERNAL_H

#include "scan/scan_filter.h"

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

	/* COMPARE, IN */
	TsdbElement element;		/* of the comparison: I64, U64, F32, F64 */
	bool		widen;			/* floats, compared as doubles */
	TsdbCompareOp op;
	int			nscalars;		/* 0: no row passes */
	TsdbScalar *scalars;		/* IN: distinct, rising */
	bool		never;			/* a value that is out of the column's range decides: no row passes */
	bool		always;			/* ... or every row that is not NULL */
	bool		bounds_known;	/* COMPARE of a double: among decimals of this scale (see tsdb_narrow_bounds) */
	unsigned	scale;
	double		bounds_of;
	int64		not_below;
	int64		above;

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
	const TsdbVector *vectors;	/* of the column; NULL: the chunk lacks it */
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

/* qsort_arg_comparator of values that a column is compared with; arg: their TsdbElement. */
extern int	tsdb_filter_compare_scalars(const void *a, const void *b, void *arg);

#endif							/* TSDB_SCAN_FILTER_INTERNAL_H */
