/*-------------------------------------------------------------------------
 * agg_plan.c
 *	  Offers TsdbAgg to the planner: paths, what they cost, plans.
 *
 * Above one table: a path that gives the results, and, where a parallel scan is possible, one whose partial results are gathered and finished by
 * core's Agg.  Above partitions and inheritance: partial results of each table, ours where the table is one of ours, appended (in parallel, too) and
 * finished by core's.  (Where partition-wise aggregation is on and each group lies in one partition, core asks for each partition by itself.)
 * Above joins: agg_join.c.  Where it can't be put below one, and there are many groups, a path over the rows of the join: what core's Agg does, but that
 * groups of several rows are looked up together.
 */
#include "compat.h"

#include "agg/tsdb_agg.h"

#include "agg/agg_internal.h"
#include "agg/aggregates.h"
#include "agg/group_table.h"
#include "guc.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/appendinfo.h"
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/planner.h"
#include "optimizer/prep.h"
#include "optimizer/tlist.h"
#include "parser/parse_clause.h"
#include "parser/parsetree.h"
#include "port/pg_bitutils.h"
#include "scan/tsdb_scan.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"

/* shares of cpu_tuple_cost: an aggregate over a value in a vector; a key that is looked at */
#define AGGREGATE_SHARE		0.01
#define KEY_SHARE			0.02
/* a row set aside and read again */
#define ASIDE_SHARE			2.0

/*
 * From so many groups on, those of core's Agg no longer lie in a cache near the processor, and each row may wait for its group; rows of ours come by
 * series, and so meet other groups each time.
 */
#define MANY_GROUPS			4096
/* what an aggregate over rows costs then, of what core's costs without those waits */
#define ROWS_SHARE			0.9

static create_upper_paths_hook_type prev_create_upper_paths_hook = NULL;

static Plan *plan_agg(PlannerInfo *root, RelOptInfo *rel, CustomPath *best_path, List *tlist, List *clauses,
					  List *custom_plans);

static const CustomPathMethods agg_path_methods = {
	.CustomName = TSDB_AGG_NAME,
	.PlanCustomPath = plan_agg
};

/* ------------------------------------------------------------------------
 * Which queries
 * ------------------------------------------------------------------------
 */

typedef struct CollectContext
{
	TsdbAggQuery *query;
	const char *why;			/* it can't be done; NULL: it can */
} CollectContext;

bool
tsdb_agg_columns_are_plain(Node *node, Index relid)
{
	List	   *vars = pull_var_clause(node, PVC_RECURSE_AGGREGATES | PVC_RECURSE_WINDOWFUNCS | PVC_INCLUDE_PLACEHOLDERS);
	ListCell   *lc;

	foreach(lc, vars)
	{
		Var		   *var = lfirst(lc);

		if (!IsA(var, Var) || (Index) var->varno != relid || var->varattno <= 0 || var->varlevelsup != 0)
			return false;
	}
	return true;
}

/* Collects Aggrefs; what is neither one, nor a key, nor made of such, can't be computed. */
static bool
collect_aggrefs(Node *node, CollectContext *context)
{
	if (node == NULL || context->why != NULL)
		return false;
	if (list_member(context->query->keys, node))
		return false;
	if (IsA(node, Aggref))
	{
		Aggref	   *aggref = (Aggref *) node;

		context->why = tsdb_aggregate_refused(aggref);
		if (context->why == NULL && context->query->relid != 0 &&
			(!tsdb_agg_columns_are_plain((Node *) aggref->args, context->query->relid) ||
			 !tsdb_agg_columns_are_plain((Node *) aggref->aggfilter, context->query->relid)))
			context->why = "a system column or whole row";
		context->query->aggrefs = list_append_unique(context->query->aggrefs, aggref);
		return false;
	}
	if (IsA(node, Var) || IsA(node, PlaceHolderVar) || IsA(node, GroupingFunc))
	{
		context->why = "a column that is not grouped by";
		return false;
	}
	return expression_tree_walker(node, collect_aggrefs, context);
}

bool
tsdb_agg_accept(TsdbAggQuery *query)
{
	CollectContext context = {query, NULL};
	ListCell   *lc;
	ListCell   *lc2;

	if (list_length(query->keys) > TSDB_MAX_GROUP_KEYS)
		return false;
	query->aggrefs = NIL;
	forboth(lc, query->keys, lc2, query->clauses)
	{
		SortGroupClause *clause = lfirst_node(SortGroupClause, lc2);
		Node	   *expr = lfirst(lc);

		if (!clause->hashable || !tsdb_group_key_hashable(clause->eqop, exprType(expr)) ||
			contain_volatile_functions(expr) || contain_subplans(expr) || expression_returns_set(expr) ||
			!tsdb_agg_columns_are_plain(expr, query->relid))
			return false;
	}
	collect_aggrefs((Node *) query->target->exprs, &context);
	collect_aggrefs((Node *) query->having, &context);
	return context.why == NULL;
}

CustomPath *
tsdb_agg_find_scan(List *paths, Relids outer)
{
	ListCell   *lc;

	foreach(lc, paths)
	{
		Path	   *path = lfirst(lc);

		while (IsA(path, ProjectionPath))
			path = ((ProjectionPath *) path)->subpath;
		if (IsA(path, CustomPath) && bms_equal(PATH_REQ_OUTER(path), outer) && path->pathkeys == NIL && tsdb_is_scan_path((CustomPath *) path))
			return (CustomPath *) path;
	}
	return NULL;
}

/* In a few words, for EXPLAIN. */
static const char *
why_not(const Agg *agg, bool joined)
{
	List	   *aggrefs = pull_var_clause((Node *) list_make2(agg->plan.targetlist, agg->plan.qual), PVC_INCLUDE_AGGREGATES |
										  PVC_INCLUDE_WINDOWFUNCS | PVC_INCLUDE_PLACEHOLDERS);
	ListCell   *lc;

	if (agg->groupingSets != NIL || agg->chain != NIL)
		return "grouping sets";
	foreach(lc, aggrefs)
	{
		const char *why = IsA(lfirst(lc), Aggref) ? tsdb_aggregate_refused(lfirst_node(Aggref, lc)) : NULL;

		if (why != NULL)
			return why;
		if (joined && IsA(lfirst(lc), Aggref) && !tsdb_agg_is_harmless(lfirst_node(Aggref, lc)))
			return "an aggregate might fail for rows that a join takes away";
	}
	if (!tsdb_enable_vector_agg)
		return "tsdb_am.enable_vector_agg is off";
	return "another plan is cheaper, or an expression is not supported";
}

/* ------------------------------------------------------------------------
 * Paths
 * ------------------------------------------------------------------------
 */

Path *
tsdb_agg_make_path(PlannerInfo *root, RelOptInfo *parent, CustomPath *scan, TsdbAggQuery *query, double groups)
{
	CustomPath *cpath = makeNode(CustomPath);
	List	   *eq_operators = NIL;
	double		rows = scan->path.rows;
	double		cpu;
	double		bytes;
	QualCost	cost;
	ListCell   *lc;

	foreach(lc, query->clauses)
		eq_operators = lappend_oid(eq_operators, lfirst_node(SortGroupClause, lc)->eqop);
	cpath->path.pathtype = T_CustomScan;
	cpath->path.parent = parent;
	cpath->path.pathtarget = query->target;
	cpath->path.param_info = scan->path.param_info;
	cpath->path.parallel_safe = scan->path.parallel_safe && parent->consider_parallel;
	cpath->path.parallel_workers = scan->path.parallel_workers;
	PATH_DISABLE_AS(&cpath->path, &scan->path);
	cpath->flags = CUSTOMPATH_SUPPORT_PROJECTION;
	cpath->methods = &agg_path_methods;
	cpath->custom_paths = list_make1(scan);
	cpath->custom_private = list_make4(query->keys, eq_operators, query->aggrefs, query->having);

	groups = clamp_row_est(Min(groups, rows));
	cpu = 0;
	foreach(lc, query->aggrefs)
	{
		cost_qual_eval_node(&cost, (Node *) lfirst_node(Aggref, lc)->args, root);
		cpu += rows * (AGGREGATE_SHARE * cpu_tuple_cost + cost.per_tuple * 0.1);
	}
	foreach(lc, query->keys)
	{
		cost_qual_eval_node(&cost, lfirst(lc), root);
		cpu += rows * (KEY_SHARE * cpu_tuple_cost + cost.per_tuple * 0.1);
	}
	bytes = groups * (64 + 32 * (list_length(query->keys) + list_length(query->aggrefs)));
	if (query->keys != NIL && bytes > get_hash_memory_limit())
		cpu += rows * ASIDE_SHARE * cpu_tuple_cost;
	/* each group is looked up, and its results are made */
	cpu += groups * (list_length(query->aggrefs) + 1) * cpu_operator_cost;
	cpath->path.startup_cost = Max(scan->path.startup_cost, scan->path.total_cost - rows * TSDB_SCAN_ROW_SHARE * cpu_tuple_cost) + cpu;
	cost_qual_eval(&cost, query->having, root);
	cpath->path.startup_cost += cost.startup + query->target->cost.startup;
	cpath->path.rows = groups;
	if (query->having != NIL)
		cpath->path.rows = clamp_row_est(groups * clauselist_selectivity(root, query->having, 0, JOIN_INNER, NULL));
	cpath->path.total_cost = cpath->path.startup_cost + groups * (cpu_tuple_cost + cost.per_tuple) +
		cpath->path.rows * query->target->cost.per_tuple;
	return &cpath->path;
}

/* After make_partial_grouping_target() of core's planner. */
PathTarget *
tsdb_agg_partial_target(PlannerInfo *root, PathTarget *target, List *having)
{
	PathTarget *partial = create_empty_pathtarget();
	List	   *rest = NIL;
	ListCell   *lc;
	int			i = 0;

	foreach(lc, target->exprs)
	{
		Index		ref = get_pathtarget_sortgroupref(target, i);

		i++;
		if (ref != 0 && get_sortgroupref_clause_noerr(ref, root->parse->groupClause) != NULL)
			add_column_to_pathtarget(partial, lfirst(lc), ref);
		else
			rest = lappend(rest, lfirst(lc));
	}
	rest = lappend(rest, having);
	add_new_columns_to_pathtarget(partial, pull_var_clause((Node *) rest, PVC_INCLUDE_AGGREGATES | PVC_RECURSE_WINDOWFUNCS |
														   PVC_INCLUDE_PLACEHOLDERS));
	foreach(lc, partial->exprs)
	{
		if (IsA(lfirst(lc), Aggref))
		{
			Aggref	   *aggref = makeNode(Aggref);

			memcpy(aggref, lfirst(lc), sizeof(Aggref));
			mark_partial_aggref(aggref, AGGSPLIT_INITIAL_SERIAL);
			lfirst(lc) = aggref;
		}
	}
	return set_pathtarget_cost_width(root, partial);
}

void
tsdb_agg_add_final(PlannerInfo *root, RelOptInfo *grouped, Path *partial, List *having, double groups)
{
	AggClauseCosts costs;

	MemSet(&costs, 0, sizeof(costs));
	get_agg_clause_costs(root, AGGSPLIT_FINAL_DESERIAL, &costs);
	add_path(grouped, (Path *) create_agg_path(root, grouped, partial, grouped->reltarget,
											   root->parse->groupClause != NIL ? AGG_HASHED : AGG_PLAIN,
											   AGGSPLIT_FINAL_DESERIAL, root->parse->groupClause, having, &costs, groups));
}

Path *
tsdb_agg_gather(PlannerInfo *root, RelOptInfo *partial_rel, Path *path)
{
	double		rows = path->rows * path->parallel_workers;

	return (Path *) create_gather_path(root, partial_rel, path, path->pathtarget, NULL, &rows);
}

static void
add_table_paths(PlannerInfo *root, RelOptInfo *input, RelOptInfo *grouped, GroupPathExtraData *extra, double groups)
{
	CustomPath *scan = tsdb_agg_find_scan(input->pathlist, NULL);
	CustomPath *parallel = tsdb_agg_find_scan(input->partial_pathlist, NULL);
	TsdbAggQuery query = {0};

	query.relid = input->relid;
	query.keys = get_sortgrouplist_exprs(root->parse->groupClause, extra->targetList);
	query.clauses = root->parse->groupClause;
	query.having = (List *) extra->havingQual;
	query.target = grouped->reltarget;
	if (!tsdb_agg_accept(&query))
		return;
	if (scan != NULL)
		add_path(grouped, tsdb_agg_make_path(root, grouped, scan, &query, groups));

	if (parallel == NULL || (extra->flags & GROUPING_CAN_PARTIAL_AGG) == 0 || !grouped->consider_parallel ||
		(query.keys != NIL && (extra->flags & GROUPING_CAN_USE_HASH) == 0))
		return;
	query.target = tsdb_agg_partial_target(root, grouped->reltarget, query.having);
	query.having = NIL;
	if (tsdb_agg_accept(&query))
	{
		RelOptInfo *partial_rel = fetch_upper_rel(root, UPPERREL_PARTIAL_GROUP_AGG, input->relids);
		Path	   *path;

		/* as core does; it may not have come to make this one */
		partial_rel->consider_parallel = grouped->consider_parallel;
		path = tsdb_agg_make_path(root, partial_rel, parallel, &query, groups);
		tsdb_agg_add_final(root, grouped, tsdb_agg_gather(root, partial_rel, path), (List *) extra->havingQual, groups);
	}
}

/* The tables below an inheritance parent that the query has to read. */
static List *
find_leaves(PlannerInfo *root, Index parent, List *leaves)
{
	ListCell   *lc;

	foreach(lc, root->append_rel_list)
	{
		AppendRelInfo *info = lfirst_node(AppendRelInfo, lc);
		RelOptInfo *child;

		if (info->parent_relid != parent)
			continue;
		child = root->simple_rel_array[info->child_relid];
		if (child == NULL || IS_DUMMY_REL(child))
			continue;
		if (planner_rt_fetch(info->child_relid, root)->inh)
			leaves = find_leaves(root, info->child_relid, leaves);
		else
			leaves = lappend(leaves, child);
	}
	return leaves;
}

static bool
is_agg_path(const Path *path)
{
	return path != NULL && IsA(path, CustomPath) && ((const CustomPath *) path)->methods == &agg_path_methods;
}

/*
 * Partial results of a table below an inheritance parent, whose rows processes share (shared), or one process reads; to be run in a worker
 * (safe), or not.  NULL: impossible.
 */
static Path *
leaf_path(PlannerInfo *root, RelOptInfo *partial_rel, RelOptInfo *leaf, TsdbAggQuery *query, bool shared, bool safe, double groups)
{
	List	   *paths = shared ? leaf->partial_pathlist : leaf->pathlist;
	CustomPath *scan = tsdb_agg_find_scan(paths, NULL);
	PathTarget *columns;
	Path	   *path;
	AggClauseCosts costs;
	ListCell   *lc;
	int			i = 0;

	if (paths == NIL)
		return NULL;
	if (scan != NULL && tsdb_agg_accept(query))
	{
		path = tsdb_agg_make_path(root, partial_rel, scan, query, groups);
		return safe && !path->parallel_safe ? NULL : path;
	}
	if (shared)
		path = linitial(paths);
	else
		path = safe ? get_cheapest_parallel_safe_total_inner(paths) : leaf->cheapest_total_path;
	if (path == NULL || path->param_info != NULL)
		return NULL;

	/* core's Agg wants its keys from below */
	columns = create_empty_pathtarget();
	foreach(lc, query->target->exprs)
	{
		if (get_pathtarget_sortgroupref(query->target, i) != 0)
			add_column_to_pathtarget(columns, lfirst(lc), get_pathtarget_sortgroupref(query->target, i));
		i++;
	}
	add_new_columns_to_pathtarget(columns, pull_var_clause((Node *) query->target->exprs, PVC_RECURSE_AGGREGATES));
	path = (Path *) create_projection_path(root, path->parent, path, set_pathtarget_cost_width(root, columns));
	MemSet(&costs, 0, sizeof(costs));
	get_agg_clause_costs(root, AGGSPLIT_INITIAL_SERIAL, &costs);
	path = (Path *) create_agg_path(root, partial_rel, path, query->target, query->keys != NIL ? AGG_HASHED : AGG_PLAIN,
									AGGSPLIT_INITIAL_SERIAL, query->clauses, NIL, &costs, clamp_row_est(Min(groups, path->rows)));
	return safe && !path->parallel_safe ? NULL : path;
}

void
tsdb_agg_append_paths(PlannerInfo *root, RelOptInfo *partial_rel, RelOptInfo *input, TsdbAggQuery *top, double groups, Path **serial,
					  Path **parallel)
{
	List	   *leaves = find_leaves(root, input->relid, NIL);
	List	   *paths = NIL;
	List	   *whole = NIL;
	List	   *shared = NIL;
	bool		may_serial = true;
	bool		may_parallel = partial_rel->consider_parallel;
	bool		is_ours = false;
	int			workers = 0;
	ListCell   *lc;

	*serial = NULL;
	*parallel = NULL;
	foreach(lc, leaves)
	{
		RelOptInfo *leaf = lfirst(lc);
		TsdbAggQuery query = *top;
		double		leaf_groups = groups;
		Path	   *path;
		Path	   *partial;

		query.relid = leaf->relid;
		query.keys = (List *) adjust_appendrel_attrs_multilevel(root, (Node *) top->keys, leaf, input);
		query.target = copy_pathtarget(top->target);
		query.target->exprs = (List *) adjust_appendrel_attrs_multilevel(root, (Node *) top->target->exprs, leaf, input);
		/* (not all groups are in each partition) */
		if (query.keys != NIL)
			leaf_groups = Min(groups, tsdb_agg_estimate_groups(root, leaf, query.keys, leaf->rows));
		path = leaf_path(root, partial_rel, leaf, &query, false, false, leaf_groups);
		may_serial = may_serial && path != NULL;
		paths = lappend(paths, path);
		is_ours = is_ours || is_agg_path(path);
		if (may_parallel)
		{
			partial = leaf_path(root, partial_rel, leaf, &query, true, true, leaf_groups);
			if (!enable_parallel_append)
				path = NULL;
			else if (path == NULL || !path->parallel_safe)
				path = leaf_path(root, partial_rel, leaf, &query, false, true, leaf_groups);
			may_parallel = path != NULL || partial != NULL;
			if (partial != NULL && (path == NULL || partial->total_cost < path->total_cost))
			{
				workers = Max(workers, partial->parallel_workers);
				shared = lappend(shared, partial);
			}
			else
				whole = lappend(whole, path);
		}
		if (!may_serial && !may_parallel)
			return;
	}
	if (!is_ours)
		return;
	if (may_serial)
	{
		*serial = (Path *) create_append_path(root, partial_rel, paths, NIL, NIL, NULL, 0, false, -1);
		(*serial)->pathtarget = top->target;
	}
	if (may_parallel)
	{
		if (enable_parallel_append)
			workers = Min(Max(workers, pg_leftmost_one_pos32(list_length(leaves)) + 1), max_parallel_workers_per_gather);
		*parallel = (Path *) create_append_path(root, partial_rel, whole, shared, NIL, NULL, workers, enable_parallel_append, -1);
		(*parallel)->pathtarget = top->target;
	}
}

static void
add_partition_paths(PlannerInfo *root, RelOptInfo *input, RelOptInfo *grouped, GroupPathExtraData *extra, double groups)
{
	List	   *having = (List *) extra->havingQual;
	RelOptInfo *partial_rel;
	TsdbAggQuery query = {0};
	Path	   *serial;
	Path	   *parallel;

	query.keys = get_sortgrouplist_exprs(root->parse->groupClause, extra->targetList);
	query.clauses = root->parse->groupClause;
	if ((extra->flags & GROUPING_CAN_PARTIAL_AGG) == 0 || (query.keys != NIL && (extra->flags & GROUPING_CAN_USE_HASH) == 0))
		return;
	partial_rel = fetch_upper_rel(root, UPPERREL_PARTIAL_GROUP_AGG, input->relids);
	/* as core does for a relation of its own */
	partial_rel->consider_parallel = grouped->consider_parallel;
	query.target = tsdb_agg_partial_target(root, grouped->reltarget, having);
	tsdb_agg_append_paths(root, partial_rel, input, &query, groups, &serial, &parallel);
	if (serial != NULL)
		tsdb_agg_add_final(root, grouped, serial, having, groups);
	if (parallel != NULL)
		tsdb_agg_add_final(root, grouped, tsdb_agg_gather(root, partial_rel, parallel), having, groups);
}

/* Columns and keys become columns of what the child returns. */
typedef struct MapContext
{
	List	   *exprs;			/* that the child returns */
	bool		failed;
} MapContext;

static Node *
map_to_child(Node *node, MapContext *context)
{
	AttrNumber	resno = 1;
	ListCell   *lc;

	if (node == NULL)
		return NULL;
	foreach(lc, context->exprs)
	{
		if (equal(node, lfirst(lc)))
			return (Node *) makeVar(1, resno, exprType(node), exprTypmod(node), exprCollation(node), 0);
		resno++;
	}
	if (IsA(node, Var) || IsA(node, PlaceHolderVar))
	{
		context->failed = true;
		return node;
	}
	return expression_tree_mutator(node, map_to_child, context);
}

/* Is a table of the join one of ours? */
static bool
joins_ours(PlannerInfo *root, Relids relids)
{
	int			relid = -1;

	while ((relid = bms_next_member(relids, relid)) >= 0)
	{
		RelOptInfo *rel = root->simple_rel_array[relid];

		if (rel != NULL && planner_rt_fetch(relid, root)->rtekind == RTE_RELATION && tsdb_agg_find_scan(rel->pathlist, NULL) != NULL)
			return true;
	}
	return false;
}

/* The rows of a join, where the groups are many. */
static void
add_rows_path(PlannerInfo *root, RelOptInfo *input, RelOptInfo *grouped, GroupPathExtraData *extra)
{
	Path	   *child = input->cheapest_total_path;
	List	   *having = (List *) extra->havingQual;
	TsdbAggQuery query = {0};
	CollectContext collected = {&query, NULL};
	MapContext	context = {child->pathtarget->exprs, false};
	AggClauseCosts costs;
	CustomPath *cpath;
	Path	   *core;
	List	   *mapped_keys;
	List	   *mapped_aggrefs;
	List	   *eq_operators = NIL;
	double		groups;
	ListCell   *lc;
	ListCell   *lc2;

	query.keys = get_sortgrouplist_exprs(root->parse->groupClause, extra->targetList);
	query.clauses = root->parse->groupClause;
	if (query.keys == NIL || list_length(query.keys) > TSDB_MAX_GROUP_KEYS || (extra->flags & GROUPING_CAN_USE_HASH) == 0 ||
		child->param_info != NULL || !joins_ours(root, input->relids))
		return;
	groups = estimate_num_groups(root, query.keys, child->rows, NULL, NULL);
	if (groups < MANY_GROUPS)
		return;
	forboth(lc, query.keys, lc2, query.clauses)
	{
		SortGroupClause *clause = lfirst_node(SortGroupClause, lc2);
		Node	   *expr = lfirst(lc);

		if (!clause->hashable || !tsdb_group_key_hashable(clause->eqop, exprType(expr)) ||
			contain_volatile_functions(expr) || contain_subplans(expr) || expression_returns_set(expr))
			return;
		eq_operators = lappend_oid(eq_operators, clause->eqop);
	}
	collect_aggrefs((Node *) grouped->reltarget->exprs, &collected);
	collect_aggrefs((Node *) having, &collected);
	if (collected.why != NULL)
		return;
	mapped_keys = (List *) map_to_child((Node *) query.keys, &context);
	mapped_aggrefs = (List *) map_to_child((Node *) query.aggrefs, &context);
	if (context.failed)
		return;

	MemSet(&costs, 0, sizeof(costs));
	get_agg_clause_costs(root, AGGSPLIT_SIMPLE, &costs);
	core = (Path *) create_agg_path(root, grouped, child, grouped->reltarget, AGG_HASHED, AGGSPLIT_SIMPLE, root->parse->groupClause,
									having, &costs, groups);
	cpath = makeNode(CustomPath);
	cpath->path.pathtype = T_CustomScan;
	cpath->path.parent = grouped;
	cpath->path.pathtarget = grouped->reltarget;
	cpath->path.parallel_safe = child->parallel_safe && grouped->consider_parallel;
	cpath->path.rows = core->rows;
	cpath->path.startup_cost = child->total_cost + (core->startup_cost - child->total_cost) * ROWS_SHARE;
	cpath->path.total_cost = child->total_cost + (core->total_cost - child->total_cost) * ROWS_SHARE;
	cpath->flags = CUSTOMPATH_SUPPORT_PROJECTION;
	cpath->methods = &agg_path_methods;
	cpath->custom_paths = list_make1(child);
	cpath->custom_private = list_make5(query.keys, eq_operators, query.aggrefs, having, list_concat(mapped_keys, mapped_aggrefs));
	add_path(grouped, &cpath->path);
}

static void
add_upper_paths(PlannerInfo *root, UpperRelationKind stage, RelOptInfo *input, RelOptInfo *grouped, void *extra_p)
{
	GroupPathExtraData *extra = extra_p;
	Query	   *parse = root->parse;
	RangeTblEntry *rte;
	double		groups = 1;

	if (prev_create_upper_paths_hook)
		prev_create_upper_paths_hook(root, stage, input, grouped, extra_p);

	if (stage != UPPERREL_GROUP_AGG || !tsdb_enable_custom_scan || !tsdb_enable_vector_agg || parse->groupingSets != NIL ||
		(!parse->hasAggs && parse->groupClause == NIL) || IS_DUMMY_REL(input) || input->cheapest_total_path == NULL ||
		!bms_is_empty(input->lateral_relids))
		return;
	if (input->reloptkind == RELOPT_JOINREL)
	{
		tsdb_agg_add_join_paths(root, input, grouped, extra);
		add_rows_path(root, input, grouped, extra);
	}
	if (input->reloptkind != RELOPT_BASEREL && input->reloptkind != RELOPT_OTHER_MEMBER_REL)
		return;
	rte = planner_rt_fetch(input->relid, root);
	if (rte->rtekind != RTE_RELATION)
		return;
	if (parse->groupClause != NIL)
	{
		List	   *keys = get_sortgrouplist_exprs(parse->groupClause, extra->targetList);
		double		rows = input->cheapest_total_path->rows;

		groups = Min(estimate_num_groups(root, keys, rows, NULL, NULL), tsdb_agg_estimate_groups(root, input, keys, rows));
	}
	if (rte->inh)
		add_partition_paths(root, input, grouped, extra, groups);
	else
		add_table_paths(root, input, grouped, extra, groups);
}

/* ------------------------------------------------------------------------
 * Plans
 * ------------------------------------------------------------------------
 */

static Plan *
plan_agg(PlannerInfo *root, RelOptInfo *rel, CustomPath *best_path, List *tlist, List *clauses, List *custom_plans)
{
	CustomScan *cscan = makeNode(CustomScan);
	List	   *keys = linitial(best_path->custom_private);
	List	   *aggrefs = lthird(best_path->custom_private);
	List	   *having = lfourth(best_path->custom_private);
	List	   *mapped = NIL;
	List	   *gate = NIL;
	Plan	   *scan = linitial(custom_plans);
	AttrNumber	resno = 1;
	ListCell   *lc;

	foreach(lc, list_concat_copy(keys, aggrefs))
		cscan->custom_scan_tlist = lappend(cscan->custom_scan_tlist, makeTargetEntry(lfirst(lc), resno++, NULL, false));
	/* core puts a Result that tests conditions without columns between the scan and us: we test them */
	if (list_length(best_path->custom_private) > 4)
	{
		mapped = list_nth(best_path->custom_private, 4);
		fix_opfuncids((Node *) mapped);
	}
	else if (IsA(scan, Result))
	{
		gate = (List *) ((Result *) scan)->resconstantqual;
		scan = outerPlan(scan);
	}
	/* core looks for parameters here, not in the list above */
	cscan->custom_exprs = list_concat(list_concat_copy(keys, aggrefs), gate);
	cscan->scan.plan.targetlist = tlist;
	cscan->scan.plan.qual = having;
	cscan->scan.scanrelid = 0;
	cscan->flags = best_path->flags;
	cscan->custom_plans = list_make1(scan);
	cscan->custom_private = list_make3(list_make1_int(list_length(keys)), lsecond(best_path->custom_private), mapped);
	cscan->methods = &tsdb_agg_methods;
	return &cscan->scan.plan;
}

void
tsdb_agg_init(void)
{
	RegisterCustomScanMethods(&tsdb_agg_methods);
	prev_create_upper_paths_hook = create_upper_paths_hook;
	create_upper_paths_hook = add_upper_paths;
	tsdb_scan_why_not_above = why_not;
}
