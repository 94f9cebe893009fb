/*-------------------------------------------------------------------------
 * gapfill.h
 *	  time_bucket_gapfill, locf, interpolate: groups of buckets without rows.
 *
 * A query that groups by time_bucket_gapfill() is planned as two: the grouping by time_bucket(), as
 * a subquery, and above it what the query does with groups.  In between, node TsdbGapfill puts
 * rows in for the buckets that are missing.  gapfill_rewrite.c splits the query, before planning;
 * gapfill_scan.c has the node.
 *
 * The subquery's rows get to the node by a clause that the rewritten query has as its only WHERE,
 * tsdb.gapfill(info, bucket, ...): so all that the node needs to know is planned as part of the
 * query.  The node takes the clause away; were it left, it would raise an error.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_GAPFILL_H
#define TSDB_GAPFILL_H

#include "postgres.h"

#include "fmgr.h"
#include "nodes/parsenodes.h"
#include "nodes/pg_list.h"

/* What a column of the subquery does in a row that is put in */
typedef enum TsdbGapfillColumn
{
	TSDB_GAPFILL_NULL,			/* NULL: an aggregate's result */
	TSDB_GAPFILL_BUCKET,		/* the bucket */
	TSDB_GAPFILL_GROUP,			/* as in the group's other rows */
	TSDB_GAPFILL_LOCF,			/* as in the row before */
	TSDB_GAPFILL_LOCF_NULL,		/* as in the last row before in which it is not NULL; also in other rows, if NULL */
	TSDB_GAPFILL_INTERPOLATE,	/* between the row before and the row after */
	TSDB_GAPFILL_PREVIOUS,		/* argument prev of the column before this one; not an output */
	TSDB_GAPFILL_NEXT			/* argument next, likewise */
} TsdbGapfillColumn;

/*
 * The clause's first argument is the address of a List, in a constant of type internal.  SQL cannot make such a constant, so that what
 * users give to tsdb.gapfill() by name is never read as one; and it is gone when the query has been planned.  The List has
 *   IntList   TsdbGapfillColumn of each of the subquery's columns
 *   IntList   attribute numbers of columns to sort by: the group's, then the bucket
 *   OidLists  their sort operators, equality operators, collations
 *   IntList   number of starts, of finishes, 1 if there is a time zone, how much is added to each of them, in turn
 * Further arguments: bucket, width, time zone (NULL if none), starts, finishes, all columns.  Limits
 * of integers are bigints.
 */

/* The rewrite: in place, of all queries in it that have the function */
extern void tsdb_gapfill_rewrite(Query *query);

/* Is that function the one of ours whose C function this is? */
extern bool tsdb_gapfill_is_function(Oid function, const char *name, PGFunction code);

extern PGDLLEXPORT Datum tsdb_gapfill_bucket(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tsdb_gapfill_locf(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tsdb_gapfill_interpolate(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tsdb_gapfill_clause(PG_FUNCTION_ARGS);

/* Hooks */
extern void tsdb_gapfill_init(void);
extern void tsdb_gapfill_scan_init(void);

#endif							/* TSDB_GAPFILL_H */
