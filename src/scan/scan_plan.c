/*-------------------------------------------------------------------------
 * scan_plan.c
 *	  Offers TsdbScan to the planner: paths, what they cost, plans.
 *
 * One path for each set of outer relations whose values can restrict the scan (none, as a rule), and a partial one.  All
 * clauses go with it: those that a filter can test ahead of the others in custom_exprs, the others as the plan's quals.  A
 * clause goes ahead of others only if its security level allows (restriction_is_securely_promotable).
 *
 * Costs are in core's unit, a sequential page.  A tuple of heap costs cpu_tuple_cost; what follows is measured against
 * that (bench/, part scans).
 */
#include "compat.h"

#include <math.h>

#include "access/stratnum.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "am/tsdb_handler.h"
#include "catalog/pg_statistic.h"
#include "chunk/directory.h"
#include "chunk/series_bloom.h"
#include "guc.h"
#include "index/chunk_index.h"
#include "kernels.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/planner.h"
#include "optimizer/restrictinfo.h"
#include "options/table_options.h"
#include "parser/parsetree.h"
#include "scan/monotone.h"
#include "scan/scan_filter.h"
#include "scan/tsdb_scan.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/selfuncs.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

/* shares of cpu_tuple_cost: a value decoded; a value compared; see also TSDB_SCAN_ROW_SHARE */
#define DECODE_SHARE	0.008
#define COMPARE_SHARE	0.004
/* a chunk opened, in tuples */
#define CHUNK_TUPLES	500.0
/* a row store of so many pages is expected to cost this share of what it costs heap */
#define SKIP_PAGES		64
#define SKIP_SHARE		0.95
/* a row that comes in order */
#define ORDER_SHARE		1.0
/* memory for a distinct value of a series column */
#define SERIES_BYTES	128.0
/* a vector that must be decoded again is worth it for so many rows (time_order.c) */
#define ROWS_A_SET		64.0
/* expressions of an order that depends on the zone */
#define MAX_ORDER_EXPRS	8

static set_rel_pathlist_hook_type prev_set_rel_pathlist_hook = NULL;
static create_upper_paths_hook_type prev_create_upper_paths_hook = NULL;

/* What is known of a table's stores. */
typedef struct TableShape
{
	double		heap_pages;
	double		heap_rows;
	double		chunk_pages;
	double		chunk_rows;
	double		chunks;
	double		raw_pages;		/* that the chunks' rows would take on heap */
	AttrNumber	time_attnum;	/* 0 = none */
	Bitmapset  *series;			/* attribute numbers, not known where series are chosen from a sample */
	int			natts;
	double		of_chunks;		/* share of chunks that the last path costed reads */
	double		correction;		/* how many times more rows the time range holds than statistics say; >= 1 */
} TableShape;

static Plan *plan_scan(PlannerInfo *root, RelOptInfo *rel, CustomPath *best_path, List *tlist, List *clauses,
					   List *custom_plans);

static const CustomPathMethods scan_path_methods = {
	.CustomName = TSDB_SCAN_NAME,
	.PlanCustomPath = plan_scan
};

/* ------------------------------------------------------------------------
 * Costs
 * ------------------------------------------------------------------------
 */

static void
look_at_table(Relation table, RelOptInfo *rel, TableShape *shape)
{
	TsdbTableOptions options;
	TsdbStore  *store = tsdb_store_open(table, AccessShareLock);
	TsdbRootDisk root;
	int			i;

	memset(shape, 0, sizeof(*shape));
	if (store != NULL && tsdb_root_read(store, &root))
	{
		shape->chunk_rows = Min((double) root.est_rows, rel->tuples);
		shape->chunks = (double) root.est_chunks;
		shape->chunk_pages = Min((double) root.est_stored_bytes / BLCKSZ, rel->pages);
		shape->raw_pages = (double) root.est_raw_bytes / BLCKSZ;
	}
	if (store != NULL)
		tsdb_store_close(store);
	shape->heap_pages = rel->pages - shape->chunk_pages;
	shape->heap_rows = rel->tuples - shape->chunk_rows;
	tsdb_options_get_remembered(table, &options);
	shape->time_attnum = options.time_attnum;
	for (i = 0; i < options.nseries; i++)
		shape->series = bms_add_member(shape->series, options.series[i]);
	shape->natts = Max(1, table->rd_att->natts);
	shape->correction = 1;
}

/* How many rows lie in a range of time, by what the directory says of its chunks. */
static double
rows_in_range(Relation table, AttrNumber time_attnum, int64 min, int64 max)
{
	TsdbStore  *store = tsdb_store_open(table, AccessShareLock);
	TsdbChunkQuery query = {0};
	TsdbDirEntry *entries;
	double		rows = 0;
	int			n = 0;
	int			i;

	if (store == NULL)
		return 0;
	query.has_time = true;
	query.time_attnum = time_attnum;
	query.time_min = min;
	query.time_max = max;
	entries = tsdb_find_chunks(store, GetActiveSnapshot(), &query, &n, NULL);
	for (i = 0; i < n; i++)
	{
		const TsdbDirEntryDisk *d = &entries[i].d;
		double		span = (double) d->time_max - (double) d->time_min;
		double		overlap = (double) Min(max, d->time_max) - (double) Max(min, d->time_min);

		if (d->time_attnum == time_attnum && (d->flags & TSDB_DIR_TIME) != 0)
			rows += span > 0 ? d->nrows * overlap / span : d->nrows;
	}
	tsdb_store_close(store);
	return rows;
}

/*
 * Statistics of a table that grows at its newest end know nothing of the rows that most queries are about.  Where
 * they say that a range of time holds less than a chunk, the directory is asked, and the relation's estimate of rows is set
 * right, before anything has been joined to it.
 */
static void
correct_rows(PlannerInfo *root, RelOptInfo *rel, Relation table, TableShape *shape)
{
	int64		min = PG_INT64_MIN;
	int64		max = PG_INT64_MAX;
	List	   *times = NIL;
	double		expected;
	double		found;
	ListCell   *lc;

	if (shape->time_attnum == 0 || shape->chunks < 1 || !ActiveSnapshotSet())
		return;
	foreach(lc, rel->baserestrictinfo)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);
		int64		lo,
					hi;

		if (!tsdb_filter_known_range(rinfo->clause, rel->relid, shape->time_attnum, root, &lo, &hi))
			continue;
		times = lappend(times, rinfo);
		min = Max(min, lo);
		max = Min(max, hi);
	}
	if (times == NIL || min > max)
		return;
	expected = rel->tuples * clauselist_selectivity(root, times, rel->relid, JOIN_INNER, NULL);
	if (expected >= shape->chunk_rows / shape->chunks)
		return;
	found = rows_in_range(table, shape->time_attnum, min, max);
	expected = Max(expected, 1);
	if (found < 2 * expected)
		return;

	shape->correction = found / expected;
	rel->rows = clamp_row_est(Min(rel->rows * shape->correction, rel->tuples));
	foreach(lc, rel->pathlist)
	{
		Path	   *path = lfirst(lc);

		if (path->param_info == NULL)
			path->rows = rel->rows;
	}
	foreach(lc, rel->partial_pathlist)
		((Path *) lfirst(lc))->rows = clamp_row_est(((Path *) lfirst(lc))->rows * shape->correction);
}

/* The one column of a clause, 0 if there are several. */
static AttrNumber
clause_column(RelOptInfo *rel, Node *clause)
{
	Bitmapset  *attnums = NULL;
	AttrNumber	attnum = 0;
	int			member;

	pull_varattnos(clause, rel->relid, &attnums);
	if (bms_get_singleton_member(attnums, &member))
		attnum = (AttrNumber) (member + FirstLowInvalidHeapAttributeNumber);
	bms_free(attnums);
	return attnum;
}

/*
 * Which clauses (RestrictInfos in the order in which they are to be tested) a filter tests, and which are left.  Filters come
 * first, so that none may be one that could raise an error for a row which a clause before it, not a filter, refuses.
 */
static void
split_clauses(RelOptInfo *rel, List *clauses, List **filters, List **quals)
{
	ListCell   *lc;

	*filters = *quals = NIL;
	foreach(lc, clauses)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);

		if (rinfo->pseudoconstant)
			continue;			/* a Result above tests it */
		if (restriction_is_securely_promotable(rinfo, rel) &&
			tsdb_filter_accepts((Node *) rinfo->clause, rel->relid) &&
			(*quals == NIL || !contain_leaked_vars((Node *) rinfo->clause)))
			*filters = lappend(*filters, rinfo);
		else
			*quals = lappend(*quals, rinfo);
	}
}

/* Has core found an index that can be used, if only at the price of a setting that is off?  (It has made its paths.) */
static bool
has_index_path(RelOptInfo *rel)
{
	ListCell   *lc;

	foreach(lc, rel->pathlist)
	{
		Path	   *path = lfirst(lc);

		if (IsA(path, IndexPath) || IsA(path, BitmapHeapPath))
			return true;
	}
	return false;
}

/* Sets rows and costs of a path; workers: how many share the work with the leader. */
static void
cost_scan(PlannerInfo *root, RelOptInfo *rel, CustomPath *cpath, TableShape *shape, int workers)
{
	Path	   *path = &cpath->path;
	List	   *clauses = rel->baserestrictinfo;
	List	   *filters = NIL;
	List	   *quals = NIL;
	List	   *times = NIL;
	double		rows = rel->rows;
	double		of_chunks = 1;	/* share of chunks that are read */
	double		passed;			/* rows that the filter lets through */
	double		vectors;
	double		read_rows;
	double		columns;
	double		disk;
	double		cpu;
	double		divisor = 1;
	QualCost	qual_cost;
	QualCost	all_cost;
	ListCell   *lc;

	if (path->param_info)
	{
		clauses = list_concat_copy(clauses, path->param_info->ppi_clauses);
		rows = path->param_info->ppi_rows;
	}
	split_clauses(rel, clauses, &filters, &quals);
	foreach(lc, filters)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);

		if (shape->time_attnum != 0 && clause_column(rel, (Node *) rinfo->clause) == shape->time_attnum)
			times = lappend(times, rinfo);
	}

	if (times != NIL && shape->chunks > 0)
		of_chunks = Min(1.0, clauselist_selectivity(root, times, rel->relid, JOIN_INNER, NULL) * shape->correction +
						1.0 / shape->chunks);
	shape->of_chunks = of_chunks;
	read_rows = shape->chunk_rows * of_chunks;
	passed = Min(shape->chunk_rows * shape->correction *
				 clauselist_selectivity(root, filters, rel->relid, JOIN_INNER, NULL), read_rows);
	vectors = Min(passed, read_rows / TSDB_VECTOR_ROWS + 1);
	columns = Max(1, list_length(rel->reltarget->exprs));
	cost_qual_eval(&qual_cost, quals, root);
	cost_qual_eval(&all_cost, clauses, root);

	disk = seq_page_cost * (shape->heap_pages +
							shape->chunk_pages * of_chunks * Min(1.0, (columns + list_length(filters)) / shape->natts));
	/* pages of a large row store can be left out, if they have been seen before: enough to be preferred to a sequential scan */
	cpu = shape->heap_rows * (cpu_tuple_cost + all_cost.per_tuple) *
		(filters != NIL && shape->heap_pages >= SKIP_PAGES ? SKIP_SHARE : 1);
	cpu += shape->chunks * of_chunks * CHUNK_TUPLES * cpu_tuple_cost;
	cpu += read_rows * list_length(filters) * (DECODE_SHARE + COMPARE_SHARE) * cpu_tuple_cost;
	cpu += vectors * TSDB_VECTOR_ROWS * columns * DECODE_SHARE * cpu_tuple_cost;
	cpu += passed * (TSDB_SCAN_ROW_SHARE * cpu_tuple_cost + qual_cost.per_tuple);
	cpu += rows * path->pathtarget->cost.per_tuple;

	if (workers > 0)
	{
		/* after get_parallel_divisor() of costsize.c */
		divisor = workers;
		if (parallel_leader_participation)
			divisor += Max(0, 1.0 - 0.3 * workers);
		cpu /= divisor;
		rows = clamp_row_est(rows / divisor);
	}
	path->rows = rows;
	path->startup_cost = all_cost.startup + path->pathtarget->cost.startup;
	/* who turns sequential scans off wants an index to be used, where one can be; without, this is what comes nearest to it */
	if (!enable_seqscan && has_index_path(rel))
		PATH_DISABLE(path);
	path->total_cost = path->startup_cost + cpu + disk;
}

/* ------------------------------------------------------------------------
 * Paths
 * ------------------------------------------------------------------------
 */

/* The order that a path gives. */
typedef struct ScanOrder
{
	TsdbScanOrder by;
	List	   *pathkeys;
	AttrNumber	attnum;			/* of time; 0 = of series alone */
	bool		descending;
	TsdbOrderNulls nulls;		/* in the column of time */
	List	   *exprs;			/* that are in this order in time zones like the session's */
	/* series: columns, ordering operators, collations, NULLs first */
	List	   *keys;
	List	   *ops;
	List	   *collations;
	List	   *nulls_first;
	double		nseries;		/* how many, about */
} ScanOrder;

static const ScanOrder no_order = {.by = TSDB_ORDER_NONE};

/* Share of the table's rows in which a column is NULL, as ANALYZE found it. */
static double
null_fraction(Oid relid, AttrNumber attnum)
{
	HeapTuple	tuple = SearchSysCache3(STATRELATTINH, ObjectIdGetDatum(relid), Int16GetDatum(attnum), BoolGetDatum(false));
	double		result = 0;

	if (HeapTupleIsValid(tuple))
	{
		result = ((Form_pg_statistic) GETSTRUCT(tuple))->stanullfrac;
		ReleaseSysCache(tuple);
	}
	return result;
}

/* What rows in order cost beyond rows in no order. */
static void
cost_order(PlannerInfo *root, RelOptInfo *rel, CustomPath *cpath, const TableShape *shape, const ScanOrder *order)
{
	Path	   *path = &cpath->path;
	double		run = path->total_cost - path->startup_cost;
	double		chunks = shape->chunks * shape->of_chunks;
	double		columns = Max(1, list_length(rel->reltarget->exprs));
	double		memory = get_hash_memory_limit();
	double		start = 0;
	double		decoded;

	/* the first row comes when the row store is sorted and the first chunks are open */
	path->total_cost += path->rows * ORDER_SHARE * cpu_tuple_cost;
	path->startup_cost += Min(run, shape->heap_pages * seq_page_cost + shape->heap_rows * cpu_tuple_cost +
							  2 * CHUNK_TUPLES * cpu_tuple_cost);
	if (order->by == TSDB_ORDER_SERIES)
	{
		/* texts compared; and what series each chunk has */
		if (shape->heap_rows > 1)
			start = shape->heap_rows * log(shape->heap_rows) / log(2.0) * 2.0 * cpu_operator_cost;
		start += chunks * CHUNK_TUPLES * cpu_tuple_cost;
		if (order->nulls != TSDB_NULLS_NONE)
		{
			double		nulls = path->rows * null_fraction(planner_rt_fetch(rel->relid, root)->relid, order->attnum);

			/* they are sorted first */
			start += nulls * (TSDB_SCAN_ROW_SHARE * cpu_tuple_cost + log(Max(nulls, 2)) / log(2.0) * 2.0 * cpu_operator_cost);
		}
		path->startup_cost += start;
		path->total_cost += start;
		/* a vector of each chunk is wanted for each series, and made anew if not all of them can be kept */
		decoded = Min(chunks * Max(order->nseries, 1), path->rows);
		if (chunks * shape->natts * TSDB_CHUNK_MAX_VECTORS * sizeof(TsdbVector) > memory ||
			(chunks * (columns + 1) * TSDB_VECTOR_ROWS * (sizeof(Datum) + sizeof(bool)) > memory &&
			 path->rows / Max(decoded, 1) < ROWS_A_SET))
		{
			Path		sorted;

			cost_sort(&sorted, root, order->pathkeys, 0, path->total_cost, path->rows, rel->reltarget->width, 0, work_mem, -1);
			path->total_cost = sorted.total_cost - COST_SORT_DISABLED;
		}
		else if (chunks * (columns + 1) * TSDB_VECTOR_ROWS * (sizeof(Datum) + sizeof(bool)) > memory)
			path->total_cost += decoded * TSDB_VECTOR_ROWS * columns * DECODE_SHARE * cpu_tuple_cost;
	}
	path->total_cost = Max(path->total_cost, path->startup_cost);
}

/* What of an order goes into the path's private list; plan_scan takes the expressions out again. */
static List *
order_private(const ScanOrder *order)
{
	List	   *result = list_make1(list_make5_int(order->attnum, order->descending, (int) order->by,
												   list_length(order->exprs), (int) order->nulls));

	if (order->keys != NIL)
		result = list_concat(result, list_make4(order->keys, order->ops, order->collations, order->nulls_first));
	if (order->exprs != NIL)
		result = lappend(result, order->exprs);
	return result;
}

static CustomPath *
make_path(PlannerInfo *root, RelOptInfo *rel, Relids required_outer, TableShape *shape, int workers,
		  const ScanOrder *order)
{
	CustomPath *cpath = makeNode(CustomPath);

	cpath->path.pathtype = T_CustomScan;
	cpath->path.parent = rel;
	cpath->path.pathtarget = rel->reltarget;
	cpath->path.param_info = get_baserel_parampathinfo(root, rel, required_outer);
	cpath->path.parallel_aware = workers > 0;
	cpath->path.parallel_safe = rel->consider_parallel;
	cpath->path.parallel_workers = workers;
	cpath->flags = CUSTOMPATH_SUPPORT_PROJECTION;
	if (workers == 0 && order->by == TSDB_ORDER_NONE)
		cpath->flags |= CUSTOMPATH_SUPPORT_BACKWARD_SCAN;
	cpath->methods = &scan_path_methods;
	cpath->custom_private = list_make1(list_make1_int(shape->time_attnum));
	cost_scan(root, rel, cpath, shape, workers);
	if (order->by != TSDB_ORDER_NONE)
	{
		cpath->path.pathkeys = order->pathkeys;
		cpath->custom_private = list_concat(cpath->custom_private, order_private(order));
		cost_order(root, rel, cpath, shape, order);
	}
	return cpath;
}

typedef struct MemberSearch
{
	Expr	   *current;		/* being matched */
	List	   *used;			/* done before */
} MemberSearch;

/* ec_matches_callback_type: a column of ours that we have not had yet. */
static bool
matches_column(PlannerInfo *root, RelOptInfo *rel, EquivalenceClass *ec, EquivalenceMember *em, void *arg)
{
	MemberSearch *search = arg;
	Expr	   *expr = em->em_expr;

	if (search->current != NULL)
		return equal(expr, search->current);
	if (list_member(search->used, expr))
		return false;
	while (IsA(expr, RelabelType))
		expr = ((RelabelType *) expr)->arg;
	if (!IsA(expr, Var) || (Index) ((Var *) expr)->varno != rel->relid || ((Var *) expr)->varattno <= 0)
		return false;
	search->current = em->em_expr;
	return true;
}

/* Adds the outer relations of a join clause to the list, if a filter could test it. */
static List *
add_outer(RelOptInfo *rel, RestrictInfo *rinfo, List *outers)
{
	Relids		outer;
	ListCell   *lc;

	if (!join_clause_is_movable_to(rinfo, rel) || !restriction_is_securely_promotable(rinfo, rel) ||
		!tsdb_filter_accepts((Node *) rinfo->clause, rel->relid))
		return outers;
	outer = bms_union(rinfo->clause_relids, rel->lateral_relids);
	outer = bms_del_member(outer, rel->relid);
	if (bms_is_empty(outer))
		return outers;
	foreach(lc, outers)
	{
		if (bms_equal(lfirst(lc), outer))
			return outers;
	}
	return lappend(outers, outer);
}

/* Sets of relations whose rows can restrict the scan, as inner side of a nested loop. */
static List *
find_outers(PlannerInfo *root, RelOptInfo *rel)
{
	List	   *outers = NIL;
	Relids		all = NULL;
	MemberSearch search = {NULL, NIL};
	ListCell   *lc;

	foreach(lc, rel->joininfo)
		outers = add_outer(rel, lfirst_node(RestrictInfo, lc), outers);
	while (rel->has_eclass_joins)
	{
		List	   *clauses;

		search.current = NULL;
		clauses = generate_implied_equalities_for_column(root, rel, matches_column, &search, rel->lateral_referencers);
		if (search.current == NULL)
			break;
		foreach(lc, clauses)
			outers = add_outer(rel, lfirst_node(RestrictInfo, lc), outers);
		search.used = lappend(search.used, search.current);
	}
	/* series from one relation and times from another: both together */
	foreach(lc, outers)
		all = bms_union(all, lfirst(lc));
	if (list_length(outers) > 1)
	{
		foreach(lc, outers)
		{
			if (bms_equal(lfirst(lc), all))
				return outers;
		}
		outers = lappend(outers, all);
	}
	return outers;
}

static bool
reads_system_columns(RelOptInfo *rel)
{
	Bitmapset  *attnums = NULL;
	ListCell   *lc;
	bool		result;

	pull_varattnos((Node *) rel->reltarget->exprs, rel->relid, &attnums);
	foreach(lc, rel->baserestrictinfo)
		pull_varattnos((Node *) lfirst_node(RestrictInfo, lc)->clause, rel->relid, &attnums);
	result = bms_next_member(attnums, -1) >= 0 &&
		bms_next_member(attnums, -1) < 0 - FirstLowInvalidHeapAttributeNumber;
	bms_free(attnums);
	return result;
}

static bool
is_column(Node *node, Index relid, AttrNumber attnum)
{
	return IsA(node, Var) && (Index) ((Var *) node)->varno == relid && ((Var *) node)->varattno == attnum;
}

/* Is the clause true for no row whose column is NULL?  (The usual ones: IS NOT NULL, and strict operators.) */
static bool
refuses_null(Expr *clause, Index relid, AttrNumber attnum)
{
	List	   *args = NIL;
	ListCell   *lc;

	if (IsA(clause, NullTest))
		return ((NullTest *) clause)->nulltesttype == IS_NOT_NULL &&
			is_column((Node *) ((NullTest *) clause)->arg, relid, attnum);
	if (IsA(clause, OpExpr) && op_strict(((OpExpr *) clause)->opno))
		args = ((OpExpr *) clause)->args;
	else if (IsA(clause, ScalarArrayOpExpr) && ((ScalarArrayOpExpr *) clause)->useOr &&
			 op_strict(((ScalarArrayOpExpr *) clause)->opno))
		args = ((ScalarArrayOpExpr *) clause)->args;
	foreach(lc, args)
	{
		if (is_column(lfirst(lc), relid, attnum))
			return true;
	}
	return false;
}

/* Is the column NULL in no row that the scan returns? */
static bool
column_is_not_null(RelOptInfo *rel, Oid relid, AttrNumber attnum)
{
	Relation	table = table_open(relid, NoLock);
	bool		result = TupleDescAttr(RelationGetDescr(table), attnum - 1)->attnotnull;
	List	   *filters;
	List	   *quals;
	ListCell   *lc;

	table_close(table, NoLock);
	/* filters have tested it before the order matters */
	split_clauses(rel, rel->baserestrictinfo, &filters, &quals);
	foreach(lc, filters)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);

		if (result)
			break;
		result = refuses_null(rinfo->clause, rel->relid, attnum);
	}
	return result;
}

/* Of the members of a class, those of other partitions are the most: one for each. */
static inline bool
is_member_here(const EquivalenceMember *em, RelOptInfo *rel)
{
	return bms_is_member(rel->relid, em->em_relids);
}

/*
 * Is a pathkey in order of time, in the direction of those before?  (Any column of integers could be followed, but only
 * the one that chunks follow is cheap to follow.)
 */
static bool
add_time_key(RelOptInfo *rel, PathKey *pathkey, AttrNumber time_attnum, bool first, bool *zoned, ScanOrder *order)
{
	bool		descending = pathkey->pk_cmptype == COMPARE_GT;
	ListCell   *lc;

	if (!first && (descending != order->descending ||
				   (order->nulls != TSDB_NULLS_NONE && pathkey->pk_nulls_first != (order->nulls == TSDB_NULLS_FIRST))))
		return false;
	foreach(lc, compat_ec_members(pathkey->pk_eclass, rel->relids))
	{
		Expr	   *expr = ((EquivalenceMember *) lfirst(lc))->em_expr;
		Oid			type;
		bool		here;

		if (!is_member_here(lfirst(lc), rel))
			continue;
		type = getBaseType(exprType((Node *) expr));
		if (!tsdb_monotone_in(expr, rel->relid, time_attnum, &here) ||
			lookup_type_cache(type, TYPECACHE_BTREE_OPFAMILY)->btree_opf != pathkey->pk_opfamily)
			continue;
		order->attnum = time_attnum;
		order->descending = descending;
		order->exprs = lappend(order->exprs, expr);
		order->pathkeys = lappend(order->pathkeys, pathkey);
		*zoned = *zoned || here;
		return true;
	}
	return false;
}

/* Does a pathkey sort by a column of the series? */
static bool
add_series_key(RelOptInfo *rel, PathKey *pathkey, const TableShape *shape, ScanOrder *order, List **columns)
{
	ListCell   *lc;

	foreach(lc, compat_ec_members(pathkey->pk_eclass, rel->relids))
	{
		EquivalenceMember *em = lfirst(lc);
		Expr	   *expr = em->em_expr;
		Oid			op;

		if (!is_member_here(em, rel))
			continue;

		/* varchar, and domains, are sorted as what they are made of */
		while (IsA(expr, RelabelType))
			expr = ((RelabelType *) expr)->arg;
		if (!IsA(expr, Var) || (Index) ((Var *) expr)->varno != rel->relid || ((Var *) expr)->varlevelsup != 0 ||
			!bms_is_member(((Var *) expr)->varattno, shape->series))
			continue;
		op = get_opfamily_member_for_cmptype(pathkey->pk_opfamily, em->em_datatype, em->em_datatype, pathkey->pk_cmptype);
		if (!OidIsValid(op))
			continue;
		order->keys = lappend_int(order->keys, ((Var *) expr)->varattno);
		order->ops = lappend_oid(order->ops, op);
		order->collations = lappend_oid(order->collations, pathkey->pk_eclass->ec_collation);
		order->nulls_first = lappend_int(order->nulls_first, pathkey->pk_nulls_first);
		order->pathkeys = lappend(order->pathkeys, pathkey);
		*columns = lappend(*columns, expr);
		return true;
	}
	return false;
}

/*
 * How much of an order do rows come in?  Columns of the series, then what rises with time, or one of the two.
 */
static bool
find_order(PlannerInfo *root, RelOptInfo *rel, Oid relid, List *pathkeys, TableShape *shape, ScanOrder *order)
{
	bool		no_times = true;
	bool		zoned = false;
	bool		has_time = false;
	List	   *columns = NIL;
	double		nvalues = 0;
	ListCell   *lc;

	*order = no_order;
	/* the order of system columns is lost when rows are sorted */
	if (pathkeys == NIL || reads_system_columns(rel))
		return false;
	if (shape->time_attnum != 0)
	{
		RangeTblEntry *rte = planner_rt_fetch(rel->relid, root);
		TsdbElement element;

		has_time = tsdb_filter_element(getBaseType(get_atttype(rte->relid, shape->time_attnum)), &element) &&
			element == TSDB_ELEM_I64;
	}
	foreach(lc, pathkeys)
	{
		PathKey    *pathkey = lfirst_node(PathKey, lc);

		if (pathkey->pk_eclass->ec_has_volatile || list_length(order->exprs) >= MAX_ORDER_EXPRS)
			break;
		if (has_time && add_time_key(rel, pathkey, shape->time_attnum, no_times, &zoned, order))
		{
			if (no_times && !column_is_not_null(rel, relid, shape->time_attnum))
				order->nulls = pathkey->pk_nulls_first ? TSDB_NULLS_FIRST : TSDB_NULLS_LAST;
			no_times = false;
		}
		else if (!no_times || !add_series_key(rel, pathkey, shape, order, &columns))
			break;
	}
	if (order->pathkeys == NIL)
		return false;
	/* where it is sure, who sorts needs time alone */
	if (!zoned)
		order->exprs = NIL;
	order->by = order->keys == NIL ? TSDB_ORDER_TIME : TSDB_ORDER_SERIES;
	if (order->keys == NIL)
		return true;

	/* all values are kept in memory */
	foreach(lc, columns)
		nvalues += estimate_num_groups(root, list_make1(lfirst(lc)), rel->tuples, NULL, NULL);
	if (nvalues * SERIES_BYTES > get_hash_memory_limit())
		return false;
	order->nseries = estimate_num_groups(root, columns, rel->tuples, NULL, NULL);
	return true;
}

/* Has the relation scans of ours? */
static bool
is_scannable(RelOptInfo *rel, RangeTblEntry *rte)
{
	ListCell   *lc;

	if (!tsdb_enable_custom_scan || rte->rtekind != RTE_RELATION || rte->inh || rte->tablesample != NULL ||
		(rte->relkind != RELKIND_RELATION && rte->relkind != RELKIND_MATVIEW) || IS_DUMMY_REL(rel))
		return false;
	/* WHERE CURRENT OF is for TID scans alone */
	foreach(lc, rel->baserestrictinfo)
	{
		if (IsA(lfirst_node(RestrictInfo, lc)->clause, CurrentOfExpr))
			return false;
	}
	return true;
}

Path *
tsdb_scan_path_in_order(PlannerInfo *root, RelOptInfo *rel, List *pathkeys)
{
	RangeTblEntry *rte;
	Relation	table;
	TableShape	shape;
	ScanOrder	order;
	bool		ours;

	if (!IS_SIMPLE_REL(rel) || !bms_is_empty(rel->lateral_relids))
		return NULL;
	rte = planner_rt_fetch(rel->relid, root);
	if (!is_scannable(rel, rte))
		return NULL;
	table = table_open(rte->relid, NoLock);
	ours = tsdb_is_tsdb(table);
	if (ours)
		look_at_table(table, rel, &shape);
	table_close(table, NoLock);
	if (!ours || !find_order(root, rel, rte->relid, pathkeys, &shape, &order))
		return NULL;
	return &make_path(root, rel, NULL, &shape, 0, &order)->path;
}

static void
add_paths(PlannerInfo *root, RelOptInfo *rel, Index rti, RangeTblEntry *rte)
{
	Relation	table;
	TableShape	shape;
	ScanOrder	order;
	List	   *outers;
	bool		ordered;
	bool		ours;
	ListCell   *lc;

	if (prev_set_rel_pathlist_hook)
		prev_set_rel_pathlist_hook(root, rel, rti, rte);

	if (!is_scannable(rel, rte))
		return;

	/* the planner holds a lock on it */
	table = table_open(rte->relid, NoLock);
	ours = tsdb_is_tsdb(table);
	if (ours)
	{
		look_at_table(table, rel, &shape);
		correct_rows(root, rel, table, &shape);
	}
	table_close(table, NoLock);
	if (!ours)
		return;

	outers = lcons(rel->lateral_relids, find_outers(root, rel));
	ordered = find_order(root, rel, rte->relid, root->query_pathkeys, &shape, &order);
	foreach(lc, outers)
	{
		add_path(rel, &make_path(root, rel, lfirst(lc), &shape, 0, &no_order)->path);
		/* core gives no parameterised path an order either */
		if (ordered && (lc == list_head(outers)))
			add_path(rel, &make_path(root, rel, lfirst(lc), &shape, 0, &order)->path);
	}
	if (rel->consider_parallel && bms_is_empty(rel->lateral_relids))
	{
		/* an eighth of what the rows would be on heap is about the same work */
		double		pages = shape.heap_pages + Max(shape.chunk_pages, shape.raw_pages / 8);
		int			workers = compute_parallel_worker(rel, pages, -1, max_parallel_workers_per_gather);

		if (workers > 0)
			add_partial_path(rel, &make_path(root, rel, NULL, &shape, workers, &no_order)->path);
	}
}

/* ------------------------------------------------------------------------
 * The last row of each series
 * ------------------------------------------------------------------------
 */

/* The column of this relation that a pathkey sorts by, and nothing else can stand for; NULL: there is none. */
static Var *
pathkey_column(PathKey *pathkey, RelOptInfo *rel)
{
	EquivalenceClass *ec = pathkey->pk_eclass;
	ListCell   *lc;

	if (ec->ec_has_volatile)
		return NULL;
	foreach(lc, compat_ec_members(ec, rel->relids))
	{
		Expr	   *expr = ((EquivalenceMember *) lfirst(lc))->em_expr;
		Oid			collation;

		if (!is_member_here(lfirst(lc), rel))
			continue;
		collation = exprCollation((Node *) expr);

		/* varchar, and domains, are sorted as what they are made of */
		while (IsA(expr, RelabelType))
			expr = ((RelabelType *) expr)->arg;
		if (IsA(expr, Var) && (Index) ((Var *) expr)->varno == rel->relid && ((Var *) expr)->varattno > 0 &&
			((Var *) expr)->varcollid == collation)
			return (Var *) expr;
	}
	return NULL;
}

/* Does the pathkey sort as the column's type does by default?  element: how its values are compared, NULL = don't care. */
static bool
default_order(PathKey *pathkey, Var *var, TsdbElement *element)
{
	Oid			type = getBaseType(var->vartype);

	return lookup_type_cache(type, TYPECACHE_BTREE_OPFAMILY)->btree_opf == pathkey->pk_opfamily &&
		(element == NULL || tsdb_filter_element(type, element));
}

/*
 * SELECT DISTINCT ON (columns) ... ORDER BY columns, time: only the first row of each group is wanted.  Fills the path's
 * private list behind its order.
 */
static List *
last_rows_private(PlannerInfo *root, RelOptInfo *rel, AttrNumber time_attnum, bool nullable)
{
	int			nkeys = list_length(root->distinct_pathkeys);
	PathKey    *time_key;
	Var		   *time;
	TsdbElement element;
	List	   *keys = NIL;
	List	   *ops = NIL;
	List	   *collations = NIL;
	List	   *nulls = NIL;
	int			i;

	/* further columns would choose among rows of the same time */
	if (nkeys == 0 || list_length(root->sort_pathkeys) != nkeys + 1 ||
		!pathkeys_contained_in(root->distinct_pathkeys, root->sort_pathkeys))
		return NIL;
	time_key = llast_node(PathKey, root->sort_pathkeys);
	time = pathkey_column(time_key, rel);
	if (time == NULL || time->varattno != time_attnum || !default_order(time_key, time, &element) ||
		element != TSDB_ELEM_I64)
		return NIL;
	for (i = 0; i < nkeys; i++)
	{
		PathKey    *pathkey = list_nth_node(PathKey, root->distinct_pathkeys, i);
		Var		   *var = pathkey_column(pathkey, rel);
		Oid			type = var ? getBaseType(var->vartype) : InvalidOid;
		Oid			sort_type;

		if (var == NULL || !tsdb_series_hashable(type, var->varcollid) || !default_order(pathkey, var, NULL))
			return NIL;
		sort_type = type == VARCHAROID ? TEXTOID : type;
		keys = lappend_int(keys, var->varattno);
		ops = lappend_oid(ops, get_opfamily_member_for_cmptype(pathkey->pk_opfamily, sort_type, sort_type, pathkey->pk_cmptype));
		collations = lappend_oid(collations, pathkey->pk_eclass->ec_collation);
		nulls = lappend_int(nulls, pathkey->pk_nulls_first);
		if (!OidIsValid(llast_oid(ops)))
			return NIL;
	}
	return list_make5(list_make5_int(time->varattno, time_key->pk_cmptype == COMPARE_GT, TSDB_ORDER_LAST_ROWS, 0,
									 !nullable ? TSDB_NULLS_NONE : time_key->pk_nulls_first ? TSDB_NULLS_FIRST : TSDB_NULLS_LAST),
					  keys, ops, collations, nulls);
}

/* Can the filter test all conditions?  A row that others refuse would have to give way to the one before. */
static bool
all_filters(RelOptInfo *rel)
{
	List	   *filters;
	List	   *quals;

	split_clauses(rel, rel->baserestrictinfo, &filters, &quals);
	return quals == NIL;
}

static void
add_upper_paths(PlannerInfo *root, UpperRelationKind stage, RelOptInfo *input_rel, RelOptInfo *output_rel, void *extra)
{
	Query	   *parse = root->parse;
	RangeTblEntry *rte;
	Relation	table;
	TableShape	shape;
	CustomPath *cpath;
	List	   *private = NIL;
	double		rows;

	if (prev_create_upper_paths_hook)
		prev_create_upper_paths_hook(root, stage, input_rel, output_rel, extra);

	if (!tsdb_enable_custom_scan || stage != UPPERREL_DISTINCT || !parse->hasDistinctOn || parse->hasAggs ||
		parse->groupClause != NIL || parse->groupingSets != NIL || parse->hasWindowFuncs || parse->hasTargetSRFs ||
		parse->havingQual != NULL || parse->rowMarks != NIL || parse->commandType != CMD_SELECT ||
		input_rel->reloptkind != RELOPT_BASEREL || output_rel->pathlist == NIL || IS_DUMMY_REL(input_rel))
		return;
	rte = planner_rt_fetch(input_rel->relid, root);
	if (rte->rtekind != RTE_RELATION || rte->inh || rte->tablesample != NULL ||
		(rte->relkind != RELKIND_RELATION && rte->relkind != RELKIND_MATVIEW) || reads_system_columns(input_rel) ||
		!bms_is_empty(input_rel->lateral_relids) ||
		contain_volatile_functions((Node *) parse->targetList) || !all_filters(input_rel))
		return;

	table = table_open(rte->relid, NoLock);
	if (tsdb_is_tsdb(table))
	{
		look_at_table(table, input_rel, &shape);
		if (shape.time_attnum != 0)
		{
			bool		nullable = !column_is_not_null(input_rel, rte->relid, shape.time_attnum);

			/* rows without a time, where there are some, have all rows sorted */
			if (!nullable || null_fraction(rte->relid, shape.time_attnum) == 0)
				private = last_rows_private(root, input_rel, shape.time_attnum, nullable);
		}
	}
	table_close(table, NoLock);
	if (private == NIL)
		return;

	/* a hash table has all groups */
	rows = ((Path *) linitial(output_rel->pathlist))->rows;
	if (rows * 256.0 > get_hash_memory_limit())
		return;
	cpath = make_path(root, input_rel, NULL, &shape, 0, &no_order);
	cpath->flags &= ~CUSTOMPATH_SUPPORT_BACKWARD_SCAN;
	cpath->custom_private = list_concat(cpath->custom_private, private);
	cpath->path.pathkeys = root->sort_pathkeys;
	cpath->path.parallel_safe = false;
	cpath->path.rows = rows;
	/* each chunk's dictionary, the newest chunks' series and times, a vector a series */
	cpath->path.startup_cost += shape.heap_pages * seq_page_cost + shape.heap_rows * cpu_tuple_cost +
		(shape.chunks * CHUNK_TUPLES + Min(shape.chunk_rows, 2 * Max(rows, 1) * TSDB_VECTOR_ROWS) *
		 DECODE_SHARE * list_length(input_rel->reltarget->exprs)) * cpu_tuple_cost;
	cpath->path.total_cost = cpath->path.startup_cost + rows * cpu_tuple_cost;
	add_path(output_rel, (Path *) create_upper_unique_path(root, output_rel, &cpath->path,
														   list_length(root->distinct_pathkeys), rows));
}

/* ------------------------------------------------------------------------
 * Plans
 * ------------------------------------------------------------------------
 */

/* Numbers of the columns that the query reads of this relation, but for the filter; others: of more columns. */
static List *
columns_read(PlannerInfo *root, RelOptInfo *rel, List *tlist, List *quals, List *others)
{
	Bitmapset  *attnums = NULL;
	Relation	table = table_open(planner_rt_fetch(rel->relid, root)->relid, NoLock);
	TupleDesc	desc = RelationGetDescr(table);
	List	   *result = NIL;
	bool		whole_row;
	ListCell   *lc;
	int			i;

	pull_varattnos((Node *) rel->reltarget->exprs, rel->relid, &attnums);
	pull_varattnos((Node *) tlist, rel->relid, &attnums);
	pull_varattnos((Node *) quals, rel->relid, &attnums);
	whole_row = bms_is_member(0 - FirstLowInvalidHeapAttributeNumber, attnums);
	foreach(lc, others)
	{
		if (lfirst_int(lc) > 0)
			attnums = bms_add_member(attnums, lfirst_int(lc) - FirstLowInvalidHeapAttributeNumber);
	}
	for (i = 0; i < desc->natts; i++)
	{
		if (!TupleDescAttr(desc, i)->attisdropped &&
			(whole_row || bms_is_member(i + 1 - FirstLowInvalidHeapAttributeNumber, attnums)))
			result = lappend_int(result, i + 1);
	}
	table_close(table, NoLock);
	return result;
}

static Plan *
plan_scan(PlannerInfo *root, RelOptInfo *rel, CustomPath *best_path, List *tlist, List *clauses, List *custom_plans)
{
	CustomScan *cscan = makeNode(CustomScan);
	List	   *private = best_path->custom_private;
	List	   *attnums = NIL;	/* that rows are sorted by */
	List	   *filters;
	List	   *quals;

	split_clauses(rel, clauses, &filters, &quals);
	filters = extract_actual_clauses(filters, false);
	quals = extract_actual_clauses(quals, false);

	cscan->scan.plan.targetlist = tlist;
	cscan->scan.plan.qual = quals;
	cscan->scan.scanrelid = rel->relid;
	cscan->flags = best_path->flags;
	cscan->custom_exprs = filters;
	if (list_length(private) > 1)
	{
		List	   *order = lsecond(private);

		attnums = list_make1_int(linitial_int(order));
		/* the expressions of an order are the last item */
		if (lfourth_int(order) > 0)
		{
			cscan->custom_exprs = list_concat(cscan->custom_exprs, copyObject((List *) llast(private)));
			private = list_truncate(list_copy(private), list_length(private) - 1);
		}
		if (list_length(private) > 2)
			attnums = list_concat(attnums, lthird(private));
	}
	cscan->custom_private = list_make1(columns_read(root, rel, tlist, quals, attnums));
	cscan->custom_private = list_concat(cscan->custom_private, private);
	cscan->methods = &tsdb_scan_methods;
	return &cscan->scan.plan;
}

bool
tsdb_is_scan_path(const CustomPath *path)
{
	return path->methods == &scan_path_methods;
}

void
tsdb_scan_init(void)
{
	RegisterCustomScanMethods(&tsdb_scan_methods);
	prev_set_rel_pathlist_hook = set_rel_pathlist_hook;
	set_rel_pathlist_hook = add_paths;
	prev_create_upper_paths_hook = create_upper_paths_hook;
	create_upper_paths_hook = add_upper_paths;
}
