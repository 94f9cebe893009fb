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
	bool		by_bytes;		/* column = value, or = ANY (values): equal if of the same bytes */
	TsdbBytes  *wanted;			/* then [key.nvalues] of the values, sorted, each once */
	int			nwanted;
	uint32	   *found;			/* [nwanted] codes of those that this chunk's dictionary has, rising */
	int			nfound;
	bool		has_dict;		/* the chunk has a dictionary of the column, */
	uint32		ndict;			/* of so many values */
	const Datum *dict;			/* these; NULL with by_bytes */
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
/* The same of TsdbBytes, as tsdb_compare_bytes. */
extern int	tsdb_filter_compare_bytes(const void *a, const void *b);

/* What a value (plain, if it is a varlena) consists of. */
static inline TsdbBytes
tsdb_filter_bytes(Datum value, int typlen)
{
	TsdbBytes	bytes;
	Pointer		p = DatumGetPointer(value);

	bytes.data = (const uint8 *) (typlen == -1 ? VARDATA_ANY(p) : p);
	bytes.len = typlen == -1 ? (uint32) VARSIZE_ANY_EXHDR(p) : (uint32) typlen;
	return bytes;
}

#endif							/* TSDB_SCAN_FILTER_INTERNAL_H */
