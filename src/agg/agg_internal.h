/*-------------------------------------------------------------------------
 * agg_internal.h
 *	  What agg_plan.c and agg_join.c share: paths of TsdbAgg over a table or its partitions.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_AGG_INTERNAL_H
#define TSDB_AGG_INTERNAL_H

#include "compat.h"

#include "nodes/extensible.h"
#include "nodes/pathnodes.h"

/* What is to be computed of one table. */
typedef struct TsdbAggQuery
{
	Index		relid;
	List	   *keys;			/* expressions */
	List	   *clauses;		/* SortGroupClause of each key */
	List	   *aggrefs;		/* filled by tsdb_agg_accept */
	List	   *having;			/* quals; NIL for partial results */
	PathTarget *target;
} TsdbAggQuery;

/* Do all columns of an expression belong to the table, and are they such as vectors have? */
extern bool tsdb_agg_columns_are_plain(Node *node, Index relid);

/* Can the query be computed? */
extern bool tsdb_agg_accept(TsdbAggQuery *query);

/* Is the table's scan one of ours?  A path of the list that is in no order and needs rows of outer (none, if NULL); NULL: there is none. */
extern CustomPath *tsdb_agg_find_scan(List *paths, Relids outer);

/* A path that computes the query over a scan; groups: how many are expected. */
extern Path *tsdb_agg_make_path(PlannerInfo *root, RelOptInfo *parent, CustomPath *scan, TsdbAggQuery *query, double groups);

/*
 * Partial results of all tables below an inheritance parent, appended, in one process, and in parallel if partial_rel may be
 * parallel; top: the query in terms of the parent.  NULL comes back where it is impossible, or none of them would be computed by us.
 *
 * In parallel, as add_paths_to_append_rel() of core does: a table is shared by the processes, or left to one of them where that is
 * cheaper or nothing else is possible (a foreign table, parallel_workers = 0), which Parallel Append alone can do.
 */
extern void tsdb_agg_append_paths(PlannerInfo *root, RelOptInfo *partial_rel, RelOptInfo *input, TsdbAggQuery *top, double groups,
								  Path **serial, Path **parallel);

/* The target of a grouped relation with its aggregates in partial form. */
extern PathTarget *tsdb_agg_partial_target(PlannerInfo *root, PathTarget *target, List *having);

/* Partial results of processes, gathered. */
extern Path *tsdb_agg_gather(PlannerInfo *root, RelOptInfo *partial_rel, Path *path);

/* Core's Agg over partial results. */
extern void tsdb_agg_add_final(PlannerInfo *root, RelOptInfo *grouped, Path *partial, List *having, double groups);

/*
 * How many groups have these keys in so many rows of the table (or partitioned table)?  Knows steps of time, which core takes for as many
 * groups as there are times; "rows" where nothing is known.
 */
extern double tsdb_agg_estimate_groups(PlannerInfo *root, RelOptInfo *rel, List *keys, double rows);

/* Is it certain that an aggregate raises no error, whatever the rows?  (But for a sum that overflows.) */
extern bool tsdb_agg_is_harmless(const Aggref *aggref);

/* Offers partial results below the joins of a query; input: a join. */
extern void tsdb_agg_add_join_paths(PlannerInfo *root, RelOptInfo *input, RelOptInfo *grouped, GroupPathExtraData *extra);

#endif							/* TSDB_AGG_INTERNAL_H */
