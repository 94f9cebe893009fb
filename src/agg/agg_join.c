/*-------------------------------------------------------------------------
 * agg_join.c
 *	  Aggregates below the joins of a query.
 *
 * Where all aggregates are over columns of one table of ours, its rows are aggregated before they are joined: grouped by what the query groups by
 * of this table, and by what its joins compare of it.  Each row of partial results then meets the rows of the other tables that each of its rows
 * would have met, and core's Agg above combines what comes out: a dimension's row that is there twice counts twice.
 *
 *		Agg, final                              GROUP BY hosts.region
 *		  Hash Join                             cpu.host = hosts.host
 *		    TsdbAgg, partial                    GROUP BY cpu.host
 *		      TsdbScan on cpu
 *		    Hash
 *		      Scan on hosts
 *
 * What must hold (eager aggregation, Yan and Larson 1995):
 * - Rows of a group are alike to each join.  A comparison for equality by an operator of the family that groups does not tell equal values
 *	 apart.  Any other condition may (1.0 and 1.00 as text), so columns that it reads must be of types whose equal values are the same bytes.
 * - The table is on the side of each join that decides which rows there are: inner joins, and the left side of left, semi and anti joins.
 * - What is evaluated earlier than it would be must not raise an error for a row that a join takes away, nor leak it.
 *
 * The joins are made of core's own paths, the tables one after the other, the one first of which the fewest rows are expected.
 */
#include "compat.h"

#include "agg/agg_internal.h"

#include "access/htup_details.h"
#include "access/nbtree.h"
#include "access/stratnum.h"
#include "agg/time_steps.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/planmain.h"
#include "optimizer/prep.h"
#include "optimizer/restrictinfo.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"
#include "timeseries/own_function.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

/* so many times as many rows as groups are wanted at least: estimates may be wrong, and what is gained with fewer is little */
#define ROWS_A_GROUP	4.0

/* A table, or several that are joined among themselves, to be joined to what there is. */
typedef struct JoinStep
{
	RelOptInfo *rel;
	JoinType	jointype;
	SpecialJoinInfo *sjinfo;	/* of an inner join: made up */
	Relids		before;			/* what it is joined to */
	Relids		relids;			/* with it */
	List	   *clauses;		/* RestrictInfo */
	double		selectivity;
} JoinStep;

/* ------------------------------------------------------------------------
 * The joins
 * ------------------------------------------------------------------------
 */

/* Conditions that can be tested when rel is joined to what there is, and not before; after build_joinrel_restrictlist() of core's planner. */
static List *
join_clauses(PlannerInfo *root, Relids before, RelOptInfo *rel, Relids relids)
{
	List	   *clauses = NIL;
	Relids		tables = BASE_RELIDS(root, relids);
	int			relid = -1;

	while ((relid = bms_next_member(tables, relid)) >= 0)
	{
		ListCell   *lc;

		foreach(lc, find_base_rel(root, relid)->joininfo)
		{
			RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);

			if (bms_is_subset(rinfo->required_relids, relids) && !bms_is_subset(rinfo->required_relids, before) &&
				!bms_is_subset(rinfo->required_relids, rel->relids))
				clauses = list_append_unique_ptr(clauses, rinfo);
		}
	}
	return list_concat(clauses, generate_join_implied_equalities(root, relids, before, rel, NULL));
}

/* An inner join, as make_join_rel() of core's planner describes it. */
static SpecialJoinInfo *
inner_join(Relids before, Relids relids)
{
	SpecialJoinInfo *sjinfo = makeNode(SpecialJoinInfo);

	sjinfo->min_lefthand = sjinfo->syn_lefthand = before;
	sjinfo->min_righthand = sjinfo->syn_righthand = relids;
	sjinfo->jointype = JOIN_INNER;
	return sjinfo;
}

/*
 * The tables that are joined to ours, as steps without an order.  From PostgreSQL 16 on, outer joins that can change places come with
 * conditions in several forms, for each order one: they are left to core.  false: not all of the joins can be done above partial results.
 */
static bool
find_steps(PlannerInfo *root, Relids all, Index relid, List **steps)
{
	Relids		rest = bms_del_member(BASE_RELIDS(root, all), relid);
	int			member = -1;
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, root->join_info_list)
	{
		SpecialJoinInfo *sjinfo = lfirst_node(SpecialJoinInfo, lc);
		Relids		right_tables = BASE_RELIDS(root, sjinfo->syn_righthand);
		JoinStep   *step;
		bool		within = false;

		/* joins among those on the right of another one are made by that one */
		foreach(lc2, root->join_info_list)
		{
			Relids		right = lfirst_node(SpecialJoinInfo, lc2)->syn_righthand;

			within = within || (lfirst(lc2) != sjinfo && bms_is_subset(sjinfo->syn_lefthand, right) &&
								bms_is_subset(sjinfo->syn_righthand, right));
		}
		if (within)
			continue;
		if ((sjinfo->jointype != JOIN_LEFT && sjinfo->jointype != JOIN_SEMI && sjinfo->jointype != JOIN_ANTI) ||
			!bms_is_subset(right_tables, rest) || OUTER_JOIN_COMMUTES(sjinfo))
			return false;
		step = palloc0(sizeof(JoinStep));
		step->jointype = sjinfo->jointype;
		step->sjinfo = sjinfo;
		step->rel = bms_get_singleton_member(right_tables, &member) ? find_base_rel(root, member) :
			find_join_rel(root, sjinfo->syn_righthand);
		*steps = lappend(*steps, step);
		rest = bms_del_members(rest, right_tables);
	}
	member = -1;
	while ((member = bms_next_member(rest, member)) >= 0)
	{
		JoinStep   *step = palloc0(sizeof(JoinStep));

		step->jointype = JOIN_INNER;
		step->rel = find_base_rel(root, member);
		*steps = lappend(*steps, step);
	}
	foreach(lc, *steps)
	{
		RelOptInfo *rel = ((JoinStep *) lfirst(lc))->rel;

		if (rel == NULL || rel->cheapest_total_path == NULL || rel->cheapest_total_path->param_info != NULL || IS_DUMMY_REL(rel) ||
			!bms_is_empty(rel->lateral_relids))
			return false;
	}
	return true;
}

static double
rows_after(JoinType jointype, double outer, double inner, double selectivity)
{
	switch (jointype)
	{
		case JOIN_SEMI:
			return clamp_row_est(outer * selectivity);
		case JOIN_ANTI:
			return clamp_row_est(outer * (1 - selectivity));
		case JOIN_LEFT:
			return clamp_row_est(Max(outer, outer * inner * selectivity));
		default:
			return clamp_row_est(outer * inner * selectivity);
	}
}

/* Puts the steps into an order, and finds their conditions; NIL: there is no order. */
static List *
order_steps(PlannerInfo *root, Index relid, List *steps)
{
	Relids		before = bms_make_singleton(relid);
	List	   *ordered = NIL;

	while (steps != NIL)
	{
		JoinStep   *best = NULL;
		double		best_factor = 0;
		ListCell   *lc;

		foreach(lc, steps)
		{
			JoinStep   *step = lfirst(lc);
			double		factor;

			if (step->jointype != JOIN_INNER && !bms_is_subset(step->sjinfo->min_lefthand, before))
				continue;
			step->before = before;
			step->relids = bms_union(before, step->rel->relids);
			if (step->jointype != JOIN_INNER && OUTER_JOIN_RELID(step->sjinfo) != 0)
				step->relids = bms_add_member(step->relids, OUTER_JOIN_RELID(step->sjinfo));
			if (step->jointype == JOIN_INNER)
				step->sjinfo = inner_join(before, step->rel->relids);
			step->clauses = join_clauses(root, before, step->rel, step->relids);
			step->selectivity = clauselist_selectivity(root, step->clauses, 0, step->jointype, step->sjinfo);
			factor = rows_after(step->jointype, 1e6, step->rel->rows, step->selectivity);
			if (best == NULL || factor < best_factor)
			{
				best = step;
				best_factor = factor;
			}
		}
		if (best == NULL)
			return NIL;
		steps = list_delete_ptr(steps, best);
		ordered = lappend(ordered, best);
		before = best->relids;
	}
	return ordered;
}

/* Columns of tables joined so far. */
static PathTarget *
step_target(PlannerInfo *root, PathTarget *outer, JoinStep *step)
{
	PathTarget *target = copy_pathtarget(outer);

	add_new_columns_to_pathtarget(target, compat_nulled_columns(step->rel->reltarget->exprs, OUTER_JOIN_RELID(step->sjinfo)));
	return set_pathtarget_cost_width(root, target);
}

/* The relation that a step makes; last: what the query wants of the last one, else NULL. */
static RelOptInfo *
make_joinrel(PlannerInfo *root, Path *partial, double rows, JoinStep *step, PathTarget *last)
{
	RelOptInfo *joinrel = makeNode(RelOptInfo);

	joinrel->reloptkind = RELOPT_JOINREL;
	joinrel->relids = step->relids;
	joinrel->rows = rows;
	joinrel->reltarget = last ? last : step_target(root, partial->pathtarget, step);
	return joinrel;
}

/* The path of a join. */
static Path *
join_path(PlannerInfo *root, Path *outer, JoinStep *step, PathTarget *last)
{
	Path	   *inner = step->rel->cheapest_total_path;
	RelOptInfo *joinrel = make_joinrel(root, outer, rows_after(step->jointype, outer->rows, inner->rows, step->selectivity), step, last);
	JoinPathExtraData extra = {0};
	JoinCostWorkspace workspace;
	List	   *hash_clauses = NIL;
	Path	   *material;
	Path	   *result;
	Path	   *hash;
	ListCell   *lc;

	extra.restrictlist = step->clauses;
	extra.sjinfo = step->sjinfo;
	if (step->jointype == JOIN_INNER || step->jointype == JOIN_LEFT)
		extra.inner_unique = innerrel_is_unique(root, step->relids, step->before, step->rel, step->jointype, step->clauses, false);
	if (step->jointype == JOIN_SEMI || step->jointype == JOIN_ANTI || extra.inner_unique)
		compute_semi_anti_join_factors(root, joinrel, outer->parent, step->rel, step->jointype, step->sjinfo, step->clauses,
									   &extra.semifactors);

	material = (Path *) create_material_path(inner->parent, inner);
	initial_cost_nestloop(root, &workspace, step->jointype, outer, material, &extra);
	result = (Path *) create_nestloop_path(root, joinrel, step->jointype, &workspace, &extra, outer, material, step->clauses, NIL, NULL);

	foreach(lc, step->clauses)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);

		if (IS_OUTER_JOIN(step->jointype) && RINFO_IS_PUSHED_DOWN(rinfo, step->relids))
			continue;
		if (!rinfo->can_join || !OidIsValid(rinfo->hashjoinoperator))
			continue;
		if (bms_is_subset(rinfo->left_relids, step->before) && bms_is_subset(rinfo->right_relids, step->rel->relids))
			rinfo->outer_is_left = true;
		else if (bms_is_subset(rinfo->left_relids, step->rel->relids) && bms_is_subset(rinfo->right_relids, step->before))
			rinfo->outer_is_left = false;
		else
			continue;
		hash_clauses = lappend(hash_clauses, rinfo);
	}
	if (hash_clauses == NIL)
		return result;
	initial_cost_hashjoin(root, &workspace, step->jointype, hash_clauses, outer, inner, &extra, false);
	hash = (Path *) create_hashjoin_path(root, joinrel, step->jointype, &workspace, &extra, outer, inner, false, step->clauses, NULL,
										 hash_clauses);
	return compare_path_costs(hash, result, TOTAL_COST) <= 0 ? hash : result;
}

/*
 * The first join the other way round: for each row of the other side, partial results of the rows that its values let the scan find.  partial: depends
 * on them.  NULL: impossible.
 */
static Path *
nested_path(PlannerInfo *root, Path *partial, JoinStep *step, PathTarget *last)
{
	Path	   *outer = step->rel->cheapest_total_path;
	JoinPathExtraData extra = {0};
	JoinCostWorkspace workspace;
	RelOptInfo *joinrel;

	if (step->jointype == JOIN_SEMI && bms_equal(step->sjinfo->syn_righthand, step->rel->relids))
		outer = (Path *) create_unique_path(root, step->rel, outer, step->sjinfo);
	else if (step->jointype != JOIN_INNER)
		return NULL;
	if (outer == NULL || !bms_is_subset(PATH_REQ_OUTER(partial), step->rel->relids))
		return NULL;
	joinrel = make_joinrel(root, partial, clamp_row_est(outer->rows * partial->rows), step, last);
	extra.restrictlist = step->clauses;
	extra.sjinfo = inner_join(step->rel->relids, step->before);
	initial_cost_nestloop(root, &workspace, JOIN_INNER, outer, partial, &extra);
	return (Path *) create_nestloop_path(root, joinrel, JOIN_INNER, &workspace, &extra, outer, partial, step->clauses, NIL, NULL);
}

/* Joins partial results, and finishes them. */
static void
add_joined(PlannerInfo *root, RelOptInfo *grouped, Path *partial, List *steps, PathTarget *target, List *having)
{
	List	   *keys = get_sortgrouplist_exprs(root->parse->groupClause, root->processed_tlist);
	double		groups = 1;
	Path	   *path = partial;
	ListCell   *lc;

	foreach(lc, steps)
	{
		PathTarget *last = lnext(steps, lc) == NULL ? target : NULL;

		path = path->param_info ? nested_path(root, path, lfirst(lc), last) : join_path(root, path, lfirst(lc), last);
		if (path == NULL)
			return;
	}
	if (keys != NIL)
		groups = estimate_num_groups(root, keys, path->rows, NULL, NULL);
	tsdb_agg_add_final(root, grouped, path, having, groups);
}

/* ------------------------------------------------------------------------
 * What is grouped by below
 * ------------------------------------------------------------------------
 */

/* Are values of the type the same bytes if they are equal? */
static bool
equal_is_same(Oid type, Oid collation)
{
	TypeCacheEntry *entry = lookup_type_cache(type, TYPECACHE_EQ_OPR | TYPECACHE_BTREE_OPFAMILY);
	Oid			proc = OidIsValid(entry->btree_opf) ?
		get_opfamily_proc(entry->btree_opf, entry->btree_opintype, entry->btree_opintype, BTEQUALIMAGE_PROC) : InvalidOid;

	return OidIsValid(proc) && DatumGetBool(OidFunctionCall1Coll(proc, collation, ObjectIdGetDatum(entry->btree_opintype)));
}

/* The key's clause is found or made; false: it can't be one, or is one by another operator. */
static bool
add_key(PlannerInfo *root, TsdbAggQuery *query, Expr *expr, Oid eq_operator)
{
	SortGroupClause *clause;
	ListCell   *lc;
	ListCell   *lc2;
	Index		ref = 1;

	forboth(lc, query->keys, lc2, query->clauses)
	{
		if (equal(lfirst(lc), expr))
			return lfirst_node(SortGroupClause, lc2)->eqop == eq_operator;
	}
	/* numbers that no other expression of the query has */
	foreach(lc, root->processed_tlist)
		ref = Max(ref, lfirst_node(TargetEntry, lc)->ressortgroupref + 1);
	foreach(lc, query->clauses)
		ref = Max(ref, lfirst_node(SortGroupClause, lc)->tleSortGroupRef + 1);
	clause = makeNode(SortGroupClause);
	clause->tleSortGroupRef = ref;
	clause->eqop = eq_operator;
	clause->hashable = op_hashjoinable(eq_operator, exprType((Node *) expr));
	query->keys = lappend(query->keys, expr);
	query->clauses = lappend(query->clauses, clause);
	return true;
}

/* Columns of the table become keys, as something unknown is made of them later. */
static bool
add_columns(PlannerInfo *root, TsdbAggQuery *query, Node *node)
{
	ListCell   *lc;

	foreach(lc, pull_var_clause(node, PVC_RECURSE_AGGREGATES | PVC_RECURSE_WINDOWFUNCS | PVC_RECURSE_PLACEHOLDERS))
	{
		Var		   *var = lfirst_node(Var, lc);
		TypeCacheEntry *entry;

		if ((Index) var->varno != query->relid)
			continue;
		entry = lookup_type_cache(var->vartype, TYPECACHE_EQ_OPR);
		if (!OidIsValid(entry->eq_opr) || !equal_is_same(var->vartype, var->varcollid) ||
			!add_key(root, query, (Expr *) var, entry->eq_opr))
			return false;
	}
	return true;
}

/* A condition of a join: what it reads of the table becomes keys. */
static bool
add_clause(PlannerInfo *root, TsdbAggQuery *query, RestrictInfo *rinfo)
{
	OpExpr	   *op = (OpExpr *) rinfo->clause;
	bool		left;
	Relids		others;
	Expr	   *expr;
	ListCell   *lc;

	if (contain_volatile_functions((Node *) rinfo->clause) || contain_subplans((Node *) rinfo->clause))
		return false;
	if (!bms_is_member(query->relid, rinfo->clause_relids))
		return true;
	if (rinfo->mergeopfamilies == NIL || !IsA(op, OpExpr) || rinfo->pseudoconstant)
		return add_columns(root, query, (Node *) rinfo->clause);

	left = bms_is_member(query->relid, rinfo->left_relids);
	others = left ? rinfo->right_relids : rinfo->left_relids;
	if (bms_membership(left ? rinfo->left_relids : rinfo->right_relids) != BMS_SINGLETON || bms_is_member(query->relid, others))
		return add_columns(root, query, (Node *) rinfo->clause);

	/* values that are equal for this operator's family, in its collation */
	expr = left ? linitial(op->args) : lsecond(op->args);
	if (op->inputcollid != exprCollation((Node *) expr))
		return add_columns(root, query, (Node *) rinfo->clause);
	foreach(lc, rinfo->mergeopfamilies)
	{
		Oid			types[2];
		Oid			eq_operator;

		op_input_types(op->opno, &types[0], &types[1]);
		eq_operator = get_opfamily_member(lfirst_oid(lc), types[left ? 0 : 1], types[left ? 0 : 1], BTEqualStrategyNumber);
		if (OidIsValid(eq_operator))
			return add_key(root, query, expr, eq_operator);
	}
	return false;
}

/*
 * Keys of the table: of GROUP BY, and of the joins.  target: what core's Agg wants of the joins.
 */
static bool
find_keys(PlannerInfo *root, TsdbAggQuery *query, List *steps, PathTarget *target)
{
	List	   *plain = NIL;
	int			grouped = 0;
	int			i = 0;
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, target->exprs)
	{
		Node	   *expr = lfirst(lc);
		Index		ref = get_pathtarget_sortgroupref(target, i++);
		SortGroupClause *clause = ref != 0 ? get_sortgroupref_clause_noerr(ref, root->parse->groupClause) : NULL;
		Relids		relids;

		if (IsA(expr, Aggref))
			continue;
		if (contain_volatile_functions(expr) || contain_subplans(expr) || expression_returns_set(expr))
			return false;
		relids = pull_varnos(root, expr);
		if (clause != NULL)
			grouped++;
		if (!bms_is_member(query->relid, relids))
			continue;
		if (clause == NULL)
			plain = lappend(plain, expr);
		else if (bms_membership(relids) != BMS_SINGLETON)
			plain = lappend(plain, expr);
		else
		{
			/* the same expression may be there under two numbers */
			if (list_member(query->keys, expr))
				return false;
			query->keys = lappend(query->keys, expr);
			query->clauses = lappend(query->clauses, clause);
		}
	}
	/* core finds each of them in what is below */
	if (grouped != list_length(root->parse->groupClause))
		return false;
	if (!add_columns(root, query, (Node *) plain))
		return false;
	foreach(lc, steps)
	{
		foreach(lc2, ((JoinStep *) lfirst(lc))->clauses)
		{
			if (!add_clause(root, query, lfirst_node(RestrictInfo, lc2)))
				return false;
		}
	}
	/* without a key there would be a row even if there are none to be aggregated, and a group above of it */
	if (query->keys == NIL && root->parse->groupClause != NIL)
		return add_key(root, query, (Expr *) makeBoolConst(true, false), BooleanEqualOperator);
	return true;
}

/* ------------------------------------------------------------------------
 * How many groups
 * ------------------------------------------------------------------------
 */

static int64
datum_value(Datum value, Oid type)
{
	switch (get_typlen(type))
	{
		case sizeof(int16):
			return DatumGetInt16(value);
		case sizeof(int32):
			return DatumGetInt32(value);
		default:
			return DatumGetInt64(value);
	}
}

static bool
is_infinite_time(int64 value, Oid type)
{
	switch (type)
	{
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return TIMESTAMP_NOT_FINITE(value);
		case DATEOID:
			return DATE_NOT_FINITE((DateADT) value);
		default:
			return false;
	}
}

/* How many values has a part of a date?  0: the expression is none. */
static double
count_parts(Expr *expr)
{
	static const struct
	{
		const char *name;
		double		values;
	}			units[] = {{"minute", 60}, {"hour", 24}, {"dow", 7}, {"isodow", 7}, {"week", 53}, {"month", 12}, {"quarter", 4}};
	FuncExpr   *func = (FuncExpr *) expr;
	char	   *unit;
	int			i;

	if (!IsA(expr, FuncExpr) || (func->funcresulttype != NUMERICOID && func->funcresulttype != FLOAT8OID) || func->args == NIL ||
		!IsA(linitial(func->args), Const) || linitial_node(Const, func->args)->consttype != TEXTOID ||
		linitial_node(Const, func->args)->constisnull)
		return 0;
	unit = TextDatumGetCString(linitial_node(Const, func->args)->constvalue);
	for (i = 0; i < (int) lengthof(units); i++)
	{
		if (pg_strcasecmp(unit, units[i].name) == 0)
			return units[i].values;
	}
	return 0;
}

/* How many steps of a time column do the rows that are read lie in?  0: the expression has no steps, or nothing is known of the column. */
static double
count_steps(PlannerInfo *root, RelOptInfo *rel, Expr *expr)
{
	TsdbTimeSteps *steps = IsA(expr, Var) ? NULL : tsdb_time_steps_create(expr);
	RangeTblEntry *rte = planner_rt_fetch(rel->relid, root);
	List	   *conditions = NIL;
	double		result = 0;
	AttStatsSlot slot;
	HeapTuple	tuple;
	AttrNumber	attnum;
	ListCell   *lc;

	if (steps == NULL)
		return 0;
	attnum = tsdb_time_steps_column(steps);
	tuple = SearchSysCache3(STATRELATTINH, ObjectIdGetDatum(rte->relid), Int16GetDatum(attnum), BoolGetDatum(rte->inh));
	if (!HeapTupleIsValid(tuple))
		return 0;
	if (get_attstatsslot(&slot, tuple, STATISTIC_KIND_HISTOGRAM, InvalidOid, ATTSTATSSLOT_VALUES))
	{
		Oid			type = get_atttype(rte->relid, attnum);
		int64		lo = datum_value(slot.values[0], type);
		int64		hi = datum_value(slot.values[slot.nvalues - 1], type);

		foreach(lc, rel->baserestrictinfo)
		{
			RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);
			List	   *vars = pull_var_clause((Node *) rinfo->clause, PVC_RECURSE_PLACEHOLDERS);

			if (list_length(vars) == 1 && linitial_node(Var, vars)->varattno == attnum)
				conditions = lappend(conditions, rinfo);
		}
		/* infinity may be at either end */
		if (slot.nvalues > 2 && is_infinite_time(lo, type))
			lo = datum_value(slot.values[1], type);
		if (slot.nvalues > 2 && is_infinite_time(hi, type))
			hi = datum_value(slot.values[slot.nvalues - 2], type);
		result = ((double) hi - (double) lo) / tsdb_time_steps_span(steps) *
			clauselist_selectivity(root, conditions, rel->relid, JOIN_INNER, NULL) + 1;
		free_attstatsslot(&slot);
	}
	ReleaseSysCache(tuple);
	return result;
}

/*
 * estimate_num_groups() takes every time for a group of its own where an expression of it is grouped by, and then nothing would ever be
 * aggregated first; of several columns it expects a tenth of the rows at most, and each row of (time, series) is a group.
 */
double
tsdb_agg_estimate_groups(PlannerInfo *root, RelOptInfo *rel, List *keys, double rows)
{
	double		groups = 1;
	double		steps = 1;
	EstimationInfo info = {0};
	ListCell   *lc;

	foreach(lc, keys)
	{
		double		nparts = count_parts(lfirst(lc));
		double		nsteps = count_steps(root, rel, lfirst(lc));

		if (nparts > 0)
			groups *= nparts;
		else if (nsteps > 0)
			steps = Max(steps, nsteps);		/* a day has its hours */
		else
		{
			groups *= estimate_num_groups(root, list_make1(lfirst(lc)), rows, NULL, &info);
			/* where nothing is known, each row may be a group */
			if ((info.flags & SELFLAG_USED_DEFAULT) != 0)
				return rows;
		}
	}
	return clamp_row_est(Min(groups * steps, rows));
}

/* ------------------------------------------------------------------------
 * What is evaluated too early
 * ------------------------------------------------------------------------
 */

/* May rows be evaluated that a join takes away?  No errors of functions, then, and nothing told by them. */
static bool
may_drop_rows(List *steps)
{
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, steps)
	{
		JoinStep   *step = lfirst(lc);

		if (step->jointype != JOIN_LEFT)
			return true;
		foreach(lc2, step->clauses)
		{
			if (RINFO_IS_PUSHED_DOWN(lfirst_node(RestrictInfo, lc2), step->relids))
				return true;
		}
	}
	return false;
}

/* No error for any value?  Steps of time are taken for such: they fail only for times at the ends of the calendar. */
static bool
is_harmless(Node *expr)
{
	if (!contain_leaked_vars(expr))
		return true;
	if (IsA(expr, FuncExpr) && tsdb_time_steps_create((Expr *) expr) != NULL)
	{
		ListCell   *lc;

		foreach(lc, ((FuncExpr *) expr)->args)
		{
			if (!IsA(lfirst(lc), Const) && !is_harmless(lfirst(lc)))
				return false;
		}
		return true;
	}
	return false;
}

bool
tsdb_agg_is_harmless(const Aggref *aggref)
{
	ListCell   *lc;

	switch (aggref->aggfnoid)
	{
			/* intervals overflow, bits of different lengths do not go together */
		case F_SUM_INTERVAL:
		case F_AVG_INTERVAL:
		case F_BIT_AND_BIT:
		case F_BIT_OR_BIT:
		case F_BIT_XOR_BIT:
			return false;
		default:
			break;
	}
	if (aggref->aggfnoid >= FirstGenbkiObjectId && !tsdb_is_own_function(aggref->aggfnoid))
		return false;
	foreach(lc, aggref->args)
	{
		if (!is_harmless((Node *) lfirst_node(TargetEntry, lc)->expr))
			return false;
	}
	return aggref->aggfilter == NULL || is_harmless((Node *) aggref->aggfilter);
}

static bool
all_harmless(TsdbAggQuery *query)
{
	ListCell   *lc;

	foreach(lc, query->keys)
	{
		if (!is_harmless(lfirst(lc)))
			return false;
	}
	foreach(lc, query->aggrefs)
	{
		if (!tsdb_agg_is_harmless(lfirst_node(Aggref, lc)))
			return false;
	}
	return true;
}

/* ------------------------------------------------------------------------
 * Paths
 * ------------------------------------------------------------------------
 */

/* Has a table, or a partition of it, a scan of ours? */
static bool
may_be_ours(PlannerInfo *root, Index relid)
{
	RelOptInfo *rel = find_base_rel(root, relid);
	RangeTblEntry *rte = planner_rt_fetch(relid, root);

	return rte->rtekind == RTE_RELATION && rel->cheapest_total_path != NULL && bms_is_empty(rel->lateral_relids) &&
		(rte->inh || tsdb_agg_find_scan(rel->pathlist, NULL) != NULL);
}

/* Keys of the table that are not set by the conditions of a scan that depends on outer rows. */
static List *
free_keys(TsdbAggQuery *query, ParamPathInfo *info)
{
	List	   *keys = NIL;
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, query->keys)
	{
		bool		is_set = false;

		foreach(lc2, info->ppi_clauses)
		{
			RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc2);

			is_set = is_set || (rinfo->mergeopfamilies != NIL && is_opclause(rinfo->clause) &&
								(equal(linitial(((OpExpr *) rinfo->clause)->args), lfirst(lc)) ||
								 equal(lsecond(((OpExpr *) rinfo->clause)->args), lfirst(lc))));
		}
		if (!is_set)
			keys = lappend(keys, lfirst(lc));
	}
	return keys;
}

/* The table that is aggregated: of the aggregates' columns, or the largest; 0: none. */
static Index
find_table(PlannerInfo *root, Relids all, PathTarget *target)
{
	Relids		tables = BASE_RELIDS(root, all);
	Relids		of_aggs = NULL;
	Index		best = 0;
	int			relid = -1;
	ListCell   *lc;

	foreach(lc, target->exprs)
	{
		if (IsA(lfirst(lc), Aggref))
			of_aggs = bms_join(of_aggs, pull_varnos(root, lfirst(lc)));
	}
	if (!bms_is_empty(of_aggs))
		return bms_get_singleton_member(of_aggs, &relid) && bms_is_member(relid, all) && may_be_ours(root, relid) ? relid : 0;
	while ((relid = bms_next_member(tables, relid)) >= 0)
	{
		if (may_be_ours(root, relid) && (best == 0 || find_base_rel(root, relid)->tuples > find_base_rel(root, best)->tuples))
			best = relid;
	}
	return best;
}

void
tsdb_agg_add_join_paths(PlannerInfo *root, RelOptInfo *input, RelOptInfo *grouped, GroupPathExtraData *extra)
{
	List	   *having = (List *) extra->havingQual;
	PathTarget *target;
	TsdbAggQuery query = {0};
	List	   *steps = NIL;
	RelOptInfo *rel;
	RelOptInfo *partial_rel;
	double		groups;
	int			parallel;
	int			i = 0;
	ListCell   *lc;

	/* conditions of views and policies come in an order that is core's to keep */
	if ((extra->flags & GROUPING_CAN_PARTIAL_AGG) == 0 || root->qual_security_level > 0 || root->placeholder_list != NIL ||
		root->hasLateralRTEs || (root->parse->groupClause != NIL && (extra->flags & GROUPING_CAN_USE_HASH) == 0))
		return;
	target = tsdb_agg_partial_target(root, grouped->reltarget, having);
	query.relid = find_table(root, input->relids, target);
	if (query.relid == 0 || !find_steps(root, input->relids, query.relid, &steps))
		return;
	steps = order_steps(root, query.relid, steps);
	if (steps == NIL || !find_keys(root, &query, steps, target))
		return;

	query.target = create_empty_pathtarget();
	foreach(lc, query.keys)
		add_column_to_pathtarget(query.target, lfirst(lc), list_nth_node(SortGroupClause, query.clauses, i++)->tleSortGroupRef);
	foreach(lc, target->exprs)
	{
		if (IsA(lfirst(lc), Aggref))
			add_column_to_pathtarget(query.target, lfirst(lc), 0);
	}
	set_pathtarget_cost_width(root, query.target);
	if (!tsdb_agg_accept(&query) || (may_drop_rows(steps) && !all_harmless(&query)))
		return;

	rel = find_base_rel(root, query.relid);
	partial_rel = fetch_upper_rel(root, UPPERREL_PARTIAL_GROUP_AGG, rel->relids);
	partial_rel->consider_parallel = rel->consider_parallel && is_parallel_safe(root, (Node *) query.target->exprs);
	groups = tsdb_agg_estimate_groups(root, rel, query.keys, rel->rows);
	if (groups * ROWS_A_GROUP <= rel->rows)
	{
		Path	   *paths[2] = {NULL, NULL};

		if (planner_rt_fetch(query.relid, root)->inh)
			tsdb_agg_append_paths(root, partial_rel, rel, &query, groups, &paths[0], &paths[1]);
		for (parallel = 0; parallel <= (partial_rel->consider_parallel ? 1 : 0); parallel++)
		{
			CustomPath *scan = tsdb_agg_find_scan(parallel ? rel->partial_pathlist : rel->pathlist, NULL);
			Path	   *path = paths[parallel];

			if (!planner_rt_fetch(query.relid, root)->inh && scan != NULL)
				path = tsdb_agg_make_path(root, partial_rel, scan, &query, groups);
			if (path != NULL)
				add_joined(root, grouped, parallel ? tsdb_agg_gather(root, partial_rel, path) : path, steps, target, having);
		}
	}
	/* a few rows of the other side may choose what is read */
	if (!planner_rt_fetch(query.relid, root)->inh)
	{
		CustomPath *scan = tsdb_agg_find_scan(rel->pathlist, ((JoinStep *) linitial(steps))->rel->relids);

		if (scan != NULL)
		{
			groups = tsdb_agg_estimate_groups(root, rel, free_keys(&query, scan->path.param_info), scan->path.rows);
			if (groups * ROWS_A_GROUP <= scan->path.rows)
				add_joined(root, grouped, tsdb_agg_make_path(root, partial_rel, scan, &query, groups), steps, target, having);
		}
	}
}
