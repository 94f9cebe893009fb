/*-------------------------------------------------------------------------
 * scan_filter.h
 *	  Conditions of a scan that are tested on whole vectors.
 *
 * A filter is a tree: AND and OR over leaves, each leaf on one column.  Comparisons of numbers, dates and
 * times with a value run as SIMD kernels; any other condition on one column is evaluated once for each distinct value where
 * the chunk has a dictionary of the column, else row by row.
 *
 * A leaf is true, false or NULL for a row; filters keep rows for which the whole is true, which AND and OR of "is it
 * true?" decide.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_SCAN_FILTER_H
#define TSDB_SCAN_FILTER_H

#include "chunk/chunk_reader.h"

#include "executor/execdesc.h"
#include "kernels.h"
#include "nodes/execnodes.h"
#include "nodes/pathnodes.h"

#define TSDB_VECTOR_WORDS	(TSDB_VECTOR_ROWS / 64)

typedef struct TsdbFilter TsdbFilter;

/* What a zone or a dictionary tells of the rows of a vector or chunk. */
typedef enum TsdbFilterVerdict
{
	TSDB_FILTER_NONE,			/* no row passes */
	TSDB_FILTER_SOME,			/* unknown */
	TSDB_FILTER_ALL				/* every row passes */
} TsdbFilterVerdict;

/*
 * "column op value", or "column = ANY (values)", as the default btree operator class of the column's type
 * has it: for pruning.  Values are set by tsdb_filter_start.
 */
typedef struct TsdbScanKey
{
	AttrNumber	attnum;
	int			strategy;		/* BTLessStrategyNumber .. BTGreaterStrategyNumber */
	Oid			column_type;	/* the operator's left type */
	Oid			value_type;		/* the operator's right type */
	Oid			collation;
	FmgrInfo	compare;		/* of the operator family, for (column type, value type) */
	int			nvalues;		/* rows must match one of them; 0: no row matches */
	Datum	   *values;
	bool		has_range;		/* the column's values, as sign-extended integers, lie in this range */
	int64		range_min;
	int64		range_max;
} TsdbScanKey;

/*
 * Can this clause be a filter?  Its columns are of relation relid; Vars of others and Params have their value by the
 * time the scan (re)starts.
 */
extern bool tsdb_filter_accepts(Node *clause, Index relid);

/* How values of a type lie in a decoded vector, and are compared there by a kernel; false: not at all. */
extern bool tsdb_filter_element(Oid type, TsdbElement *element);

/*
 * For the planner: a comparison of this column with a value that can be guessed now, and in which range of integers it
 * leaves the column.
 */
extern bool tsdb_filter_known_range(Expr *clause, Index relid, AttrNumber attnum, PlannerInfo *root,
									int64 *min, int64 *max);

/* Of the AND of accepted clauses; parent: the scan, whose slot has the table's type.  Lives in the current context. */
extern TsdbFilter *tsdb_filter_create(List *clauses, Index relid, PlanState *parent, TupleDesc desc);

/* Evaluates what the columns are compared with.  False: no row can pass. */
extern bool tsdb_filter_start(TsdbFilter *filter);

/* The keys that each row that passes must meet; their values hold until the next start. */
extern List *tsdb_filter_keys(TsdbFilter *filter);

/* From now on vectors of this chunk.  NONE: no row of it passes. */
extern TsdbFilterVerdict tsdb_filter_set_chunk(TsdbFilter *filter, TsdbChunk *chunk);

/* What the zones say of a vector of this chunk. */
extern TsdbFilterVerdict tsdb_filter_zone(TsdbFilter *filter, uint32 vector);

/* Clears the bits of rows (of a vector of this chunk) that do not pass.  False: none is left. */
extern bool tsdb_filter_rows(TsdbFilter *filter, TsdbVectorSet *set, uint64 *rows);

#endif							/* TSDB_SCAN_FILTER_H */
