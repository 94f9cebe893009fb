/*-------------------------------------------------------------------------
 * asof_plan.c
 *	  As-of joins: recognises them, and offers TsdbAsof to the planner.
 *
 *	  a [LEFT] JOIN LATERAL (SELECT b.x, b.y - a.z FROM b WHERE b.key = a.key AND b.time <= a.time AND b.time > a.time - '1 hour'
 *							  AND b.x > 0 ORDER BY b.time DESC LIMIT 1) s ON cond
 *
 * For each row of a, core plans and runs the subquery anew.  What is asked for is, of the rows of b with a's key, the last one that is
 * not behind a in time: a merge of a and b, both sorted by key and time, finds it for all of them.  So a copy of the subquery is planned
 * without the conditions that name a, without LIMIT, and sorted, as a relation of its own beside the subquery's; the path for the join takes that
 * one instead.  Core chooses by cost: for a few rows of a its own plan is better.
 *
 *	  TsdbAsof
 *		a, ORDER BY key, time
 *		(SELECT b.key, b.time, b.x, b.y FROM b WHERE b.x > 0 ORDER BY b.key, b.time)
 *
 * What must hold:
 * - Each condition of the subquery that names a is an equality (of a btree family), the bound of time, a bound of time in the other direction
 *	 (the last row does not meet it: none does), or about a alone.  The others may be anything, and stay in the copy.
 * - The subquery does nothing between WHERE and ORDER BY, and has no volatile function, so that it does not matter how often it is evaluated.
 *	 Its select list is evaluated for matches only, as before, now in the node.
 * - No row is locked or changed at this level of the query: the node does not take part in EvalPlanQual.
 */
#include "compat.h"

#include "access/nbtree.h"
#include "access/stratnum.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "am/tsdb_handler.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "guc.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/placeholder.h"
#include "optimizer/planner.h"
#include "optimizer/restrictinfo.h"
#include "optimizer/subselect.h"
#include "optimizer/tlist.h"
#include "parser/parse_relation.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteManip.h"
#include "scan/monotone.h"
#include "scan/tsdb_scan.h"
#include "timeseries/asof.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

static set_join_pathlist_hook_type prev_set_join_pathlist = NULL;

/* Plans that are cheaper than that are not worth another one being made. */
#define MIN_COST	50.0

/* A key, or the time: inner expr <op> outer expr, sorted by a btree family. */
typedef struct AsofPart
{
	Expr	   *inner;			/* as in the subquery */
	Expr	   *outer;			/* of this level, preprocessed */
	Oid			opno;			/* inner with outer */
	Oid			opfamily;
	Oid			inner_type;		/* the operator's */
	Oid			outer_type;
	Oid			collation;
	AttrNumber	column;			/* of the copy */
} AsofPart;

/* What a subquery is as an as-of join; one for all joins that it may be part of. */
typedef struct AsofQuery
{
	uint32		magic;
	bool		usable;
	bool		forward;
	bool		strict;
	List	   *keys;			/* AsofPart */
	AsofPart   *time;
	List	   *tolerances;		/* AsofPart: bounds in the other direction */
	List	   *post_quals;		/* of a match; over outer expressions and the copy's columns */
	List	   *shown;			/* the same for EXPLAIN: equalities, then bound */
	List	   *outputs;		/* likewise: the subquery's columns */
	RelOptInfo *rel;			/* the copy */
	Path	   *path;			/* in order */
} AsofQuery;

#define ASOF_MAGIC	0x41534f46

/* The join's path. */
typedef struct AsofPath
{
	CustomPath	custom;			/* must be first */
	AsofQuery  *query;
	JoinType	jointype;
	RelOptInfo *inner;			/* the subquery */
	List	   *restrictlist;
} AsofPath;

/* ------------------------------------------------------------------------
 * The subquery
 * ------------------------------------------------------------------------
 */

/*
 * Times with and without a zone are compared by what clocks show, which does not rise with time where clocks are changed: 02:30, which they leave out,
 * is later than 03:00.  So these can't be merged, and what is later than one that is later than a third need not be later than the third.
 */
static bool
compares_by_clock(Oid a, Oid b)
{
	return (a == TIMESTAMPOID && b == TIMESTAMPTZOID) || (a == TIMESTAMPTZOID && b == TIMESTAMPOID);
}

/* An expression of the subquery: does it read its own tables, those of the level above? */
static void
look_at(Node *node, bool *own, bool *above)
{
	*own = contain_vars_of_level(node, 0);
	*above = contain_vars_of_level(node, 1);
}

static void
flatten_ands(Node *node, List **quals)
{
	ListCell   *lc;

	if (node == NULL)
		return;
	if (is_andclause(node))
	{
		foreach(lc, ((BoolExpr *) node)->args)
			flatten_ands(lfirst(lc), quals);
	}
	else if (IsA(node, List))
	{
		foreach(lc, (List *) node)
			flatten_ands(lfirst(lc), quals);
	}
	else
		*quals = lappend(*quals, node);
}

static bool
has_sample(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
		return ((RangeTblEntry *) node)->tablesample != NULL;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, has_sample, context, QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, has_sample, context);
}

static bool
is_limit_one(PlannerInfo *root, Query *query)
{
	Const	   *count = (Const *) eval_const_expressions(root, query->limitCount);

	return count != NULL && IsA(count, Const) && !count->constisnull && count->consttype == INT8OID &&
		DatumGetInt64(count->constvalue) == 1 && query->limitOffset == NULL && query->limitOption == LIMIT_OPTION_COUNT;
}

/* What can be told without a look at its conditions. */
static bool
may_be_asof(PlannerInfo *root, RangeTblEntry *rte)
{
	Query	   *query = rte->subquery;

	return query->commandType == CMD_SELECT && !rte->security_barrier && query->setOperations == NULL && !query->hasAggs &&
		!query->hasWindowFuncs && !query->hasTargetSRFs && !query->hasForUpdate && query->rowMarks == NIL && query->cteList == NIL &&
		query->groupClause == NIL && query->groupingSets == NIL && query->havingQual == NULL && query->distinctClause == NIL &&
		query->sortClause != NIL && is_limit_one(root, query) && query->jointree->fromlist != NIL &&
		!contain_volatile_functions((Node *) query) && !has_sample((Node *) query, NULL);
}

/* An expression from the subquery that is of the level above alone, made one of this level. */
static Expr *
raise_expr(PlannerInfo *root, Node *node)
{
	node = copyObject(node);
	IncrementVarSublevelsUp(node, -1, 1);
	node = eval_const_expressions(root, node);
	if (root->query_level > 1)
		node = SS_replace_correlation_vars(root, node);
	return (Expr *) node;
}

/* A comparison of an expression of the subquery with one of the level above: the former to the left.  NULL: it is none. */
static AsofPart *
make_part(PlannerInfo *root, Node *qual)
{
	OpExpr	   *op = (OpExpr *) qual;
	AsofPart   *part;
	Node	   *inner;
	Node	   *outer;
	bool		own[2];
	bool		above[2];
	Oid			opno;

	/* (NULL matches nothing) */
	if (!IsA(qual, OpExpr) || list_length(op->args) != 2 || contain_subplans(qual) || !op_strict(op->opno))
		return NULL;
	inner = linitial(op->args);
	outer = lsecond(op->args);
	opno = op->opno;
	look_at(inner, &own[0], &above[0]);
	look_at(outer, &own[1], &above[1]);
	if (own[0] == above[0] || own[1] == above[1] || own[0] == own[1])
		return NULL;
	if (!own[0])
	{
		outer = linitial(op->args);
		inner = lsecond(op->args);
		opno = get_commutator(opno);
		if (!OidIsValid(opno))
			return NULL;
	}
	part = palloc0(sizeof(AsofPart));
	part->opno = opno;
	part->collation = op->inputcollid;
	part->inner = (Expr *) inner;
	part->outer = raise_expr(root, outer);
	return part;
}

/* Both sides can be sorted, and compared with each other, by the family. */
static bool
set_family(AsofPart *part, Oid opfamily)
{
	int			strategy;

	part->opfamily = opfamily;
	get_op_opfamily_properties(part->opno, opfamily, false, &strategy, &part->inner_type, &part->outer_type);
	part->inner = canonicalize_ec_expression(part->inner, part->inner_type, part->collation);
	part->outer = canonicalize_ec_expression(part->outer, part->outer_type, part->collation);
	return !compares_by_clock(part->inner_type, part->outer_type) &&
		OidIsValid(get_opfamily_member(opfamily, part->inner_type, part->inner_type, BTLessStrategyNumber)) &&
		OidIsValid(get_opfamily_member(opfamily, part->inner_type, part->inner_type, BTEqualStrategyNumber)) &&
		OidIsValid(get_opfamily_member(opfamily, part->outer_type, part->outer_type, BTLessStrategyNumber)) &&
		OidIsValid(get_opfamily_proc(opfamily, part->outer_type, part->outer_type, BTORDER_PROC)) &&
		OidIsValid(get_opfamily_proc(opfamily, part->inner_type, part->outer_type, BTORDER_PROC));
}

/* Is it an equality of a btree family?  Of the one that is asked for, if any. */
static bool
is_key(AsofPart *part)
{
	ListCell   *lc;

	foreach(lc, get_mergejoin_opfamilies(part->opno))
	{
		if (set_family(part, lfirst_oid(lc)))
			return true;
	}
	return false;
}

/* The key that an entry of ORDER BY sorts by: of rows that match they are all equal.  NULL: none. */
static AsofPart *
find_key(List *keys, Expr *expr, Oid opfamily, Oid type)
{
	ListCell   *lc;

	foreach(lc, keys)
	{
		AsofPart   *key = lfirst(lc);

		if (key->opfamily == opfamily && equal(key->inner, canonicalize_ec_expression(expr, type, exprCollation((Node *) expr))))
			return key;
	}
	return NULL;
}

/* ------------------------------------------------------------------------
 * The copy
 * ------------------------------------------------------------------------
 */

typedef struct Copy
{
	PlannerInfo *root;
	Query	   *query;			/* without LIMIT, and what names the level above */
	Index		rti;
	RangeTblEntry *rte;
	List	   *columns;		/* TargetEntry */
} Copy;

/* A name for a column. */
static char *
column_name(Copy *copy, Expr *expr)
{
	while (IsA(expr, RelabelType))
		expr = ((RelabelType *) expr)->arg;
	if (IsA(expr, Var) && ((Var *) expr)->varlevelsup == 0 && ((Var *) expr)->varattno > 0)
		return pstrdup(get_rte_attribute_name(rt_fetch(((Var *) expr)->varno, copy->query->rtable), ((Var *) expr)->varattno));
	return pstrdup("?column?");
}

static TargetEntry *
find_or_add(Copy *copy, Expr *expr)
{
	TargetEntry *entry;
	ListCell   *lc;

	foreach(lc, copy->columns)
	{
		entry = lfirst_node(TargetEntry, lc);
		if (equal(entry->expr, expr))
			return entry;
	}
	entry = makeTargetEntry(copyObject(expr), list_length(copy->columns) + 1, column_name(copy, expr), false);
	copy->columns = lappend(copy->columns, entry);
	return entry;
}

static Var *
column_var(Copy *copy, TargetEntry *entry)
{
	return makeVarFromTargetEntry(copy->rti, entry);
}

/* An expression of the subquery over the copy's columns: its own columns become those; what it computes of them is computed above. */
static Node *
copy_mutator(Node *node, Copy *copy)
{
	ListCell   *lc;

	if (node == NULL)
		return NULL;
	if (IsA(node, Var) && ((Var *) node)->varlevelsup == 0)
		return (Node *) column_var(copy, find_or_add(copy, (Expr *) node));
	foreach(lc, copy->columns)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);

		if (!IsA(entry->expr, Const) && equal(entry->expr, node))
			return (Node *) column_var(copy, entry);
	}
	return expression_tree_mutator(node, copy_mutator, copy);
}

static Node *
lift_expr(Copy *copy, Node *node)
{
	return (Node *) raise_expr(copy->root, copy_mutator(node, copy));
}

static void
sort_copy(Copy *copy, Expr *expr, Oid sortop, Oid eqop, bool descending, bool nulls_first)
{
	TargetEntry *entry = find_or_add(copy, expr);
	SortGroupClause *clause;

	/* a second time it decides nothing */
	if (entry->ressortgroupref != 0)
		return;
	entry->ressortgroupref = list_length(copy->query->sortClause) + 1;
	clause = makeNode(SortGroupClause);
	clause->tleSortGroupRef = entry->ressortgroupref;
	clause->sortop = sortop;
	clause->eqop = eqop;
	SET_REVERSE_SORT(clause, descending);
	clause->nulls_first = nulls_first;
	clause->hashable = false;
	copy->query->sortClause = lappend(copy->query->sortClause, clause);
}

static void
sort_copy_by_part(Copy *copy, AsofPart *part)
{
	sort_copy(copy, part->inner, get_opfamily_member(part->opfamily, part->inner_type, part->inner_type, BTLessStrategyNumber),
			  get_opfamily_member(part->opfamily, part->inner_type, part->inner_type, BTEqualStrategyNumber), false, false);
	part->column = find_or_add(copy, part->inner)->resno;
}

/* Further columns of ORDER BY, which decide among rows of one time; backward the last row is wanted, so they turn round. */
static bool
sort_copy_by_rest(Copy *copy, Expr *expr, SortGroupClause *clause, bool forward)
{
	Oid			opfamily;
	Oid			type;
	Oid			sortop = clause->sortop;
	CompareType direction;

	bool		descending;

	if (!get_ordering_op_properties(sortop, &opfamily, &type, &direction))
		return false;
	descending = (direction == COMPARE_GT) == forward;
	if (!forward)
	{
		sortop = get_opfamily_member(opfamily, type, type, descending ? BTGreaterStrategyNumber : BTLessStrategyNumber);
		if (!OidIsValid(sortop))
			return false;
	}
	sort_copy(copy, expr, sortop, clause->eqop, descending, forward ? clause->nulls_first : !clause->nulls_first);
	return true;
}

/* Scans in order of time are offered where it can't be NULL.  Rows where it is match nothing anyway. */
static void
add_not_null(Copy *copy, Expr *expr, List **quals)
{
	NullTest   *test;

	while (IsA(expr, RelabelType))
		expr = ((RelabelType *) expr)->arg;
	if (!IsA(expr, Var) || type_is_rowtype(((Var *) expr)->vartype))
		return;
	if (((Var *) expr)->varattno > 0)
	{
		RangeTblEntry *rte = rt_fetch(((Var *) expr)->varno, copy->query->rtable);
		HeapTuple	tuple = rte->rtekind != RTE_RELATION ? NULL :
			SearchSysCache2(ATTNUM, ObjectIdGetDatum(rte->relid), Int16GetDatum(((Var *) expr)->varattno));
		bool		not_null = false;

		if (HeapTupleIsValid(tuple))
		{
			not_null = ((Form_pg_attribute) GETSTRUCT(tuple))->attnotnull;
			ReleaseSysCache(tuple);
		}
		if (not_null)
			return;
	}
	test = makeNode(NullTest);
	test->arg = copyObject(expr);
	test->nulltesttype = IS_NOT_NULL;
	test->argisrow = false;
	test->location = -1;
	*quals = lappend(*quals, test);
}

/* Adds to the copy what conditions on the outer tables say of its keys and times. */
static void
push_restriction(AsofPart *part, Expr *clause, bool is_time, bool forward, bool strict, List **quals)
{
	Node	   *left;
	Node	   *right;
	Oid			opno;
	Oid			collation;
	Oid			left_type;
	Oid			type;
	int			strategy;
	Expr	   *pushed;

	if (IsA(clause, OpExpr) && list_length(((OpExpr *) clause)->args) == 2)
	{
		OpExpr	   *op = (OpExpr *) clause;

		left = linitial(op->args);
		right = lsecond(op->args);
		opno = op->opno;
		collation = op->inputcollid;
		if (!equal(canonicalize_ec_expression((Expr *) left, part->outer_type, collation), part->outer))
		{
			right = linitial(op->args);
			left = lsecond(op->args);
			opno = get_commutator(opno);
			if (!OidIsValid(opno))
				return;
		}
	}
	else if (IsA(clause, ScalarArrayOpExpr) && ((ScalarArrayOpExpr *) clause)->useOr && !is_time)
	{
		ScalarArrayOpExpr *op = (ScalarArrayOpExpr *) clause;

		left = linitial(op->args);
		right = lsecond(op->args);
		opno = op->opno;
		collation = op->inputcollid;
	}
	else
		return;
	if (collation != part->collation ||
		!equal(canonicalize_ec_expression((Expr *) left, part->outer_type, collation), part->outer) ||
		contain_var_clause(right) || contain_volatile_functions(right) || contain_subplans(right))
		return;
	strategy = get_op_opfamily_strategy(opno, part->opfamily);
	if (strategy == 0)
		return;
	op_input_types(opno, &left_type, &type);
	if (is_time)
	{
		if (compares_by_clock(part->outer_type, type))
			return;
		/* backward, rows behind the last outer row match nothing; forward, those before the first */
		if (strategy == BTEqualStrategyNumber)
			strategy = forward ? BTGreaterEqualStrategyNumber : BTLessEqualStrategyNumber;
		if (forward ? strategy < BTGreaterEqualStrategyNumber : strategy > BTLessEqualStrategyNumber)
			return;
		if (strict)
			strategy = forward ? BTGreaterStrategyNumber : BTLessStrategyNumber;
	}
	opno = get_opfamily_member(part->opfamily, part->inner_type, type, strategy);
	if (!OidIsValid(opno))
		return;
	if (IsA(clause, OpExpr))
		pushed = make_opclause(opno, BOOLOID, false, copyObject(part->inner), (Expr *) copyObject(right), InvalidOid, collation);
	else
	{
		ScalarArrayOpExpr *op = makeNode(ScalarArrayOpExpr);

		op->opno = opno;
		op->useOr = true;
		op->inputcollid = collation;
		op->args = list_make2(copyObject(part->inner), copyObject(right));
		op->location = -1;
		pushed = (Expr *) op;
	}
	*quals = lappend(*quals, pushed);
}

/* A time at which adding or subtracting a reasonable interval can't fail. */
static bool
is_usual_time(Const *value)
{
	if (value->constisnull)
		return false;
	switch (value->consttype)
	{
		case DATEOID:
			return DatumGetDateADT(value->constvalue) > -2000 * 365 && DatumGetDateADT(value->constvalue) < 2000 * 365;
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return DatumGetTimestamp(value->constvalue) > -2000 * (int64) 365 * USECS_PER_DAY &&
				DatumGetTimestamp(value->constvalue) < 2000 * (int64) 365 * USECS_PER_DAY;
		default:
			return false;
	}
}

static bool
is_usual_interval(Const *value)
{
	Interval   *interval;

	if (value->consttype != INTERVALOID || value->constisnull)
		return false;
	interval = DatumGetIntervalP(value->constvalue);
	return interval->month < 1000 * 12 && interval->month > -1000 * 12 && interval->day < 1000 * 365 && interval->day > -1000 * 365 &&
		interval->time < 1000 * (int64) 365 * USECS_PER_DAY && interval->time > -1000 * (int64) 365 * USECS_PER_DAY;
}

/*
 * b.time > a.time - '1 hour' (tolerance) and a.time >= constant (clause) say b.time > constant - '1 hour', since the difference rises with
 * a.time.  Forward likewise.
 */
static void
push_tolerance(AsofPart *tolerance, Expr *clause, bool forward, List **quals)
{
	OpExpr	   *shift = (OpExpr *) tolerance->outer;
	OpExpr	   *op = (OpExpr *) clause;
	Var		   *time;
	Node	   *left;
	Node	   *right;
	Expr	   *limit;
	Oid			opno;
	bool		zoned = false;
	int			strategy;

	if (!IsA(shift, OpExpr) || list_length(shift->args) != 2 || !IsA(linitial(shift->args), Var) ||
		!IsA(lsecond(shift->args), Const) || !is_usual_interval(lsecond(shift->args)) ||
		!IsA(clause, OpExpr) || list_length(op->args) != 2)
		return;
	time = linitial(shift->args);
	left = linitial(op->args);
	right = lsecond(op->args);
	opno = op->opno;
	if (!equal(left, time))
	{
		right = linitial(op->args);
		left = lsecond(op->args);
		opno = get_commutator(opno);
	}
	if (!OidIsValid(opno) || !equal(left, time) || !IsA(right, Const) || ((Const *) right)->consttype != time->vartype ||
		!is_usual_time((Const *) right) ||
		lookup_type_cache(time->vartype, TYPECACHE_BTREE_OPFAMILY)->btree_opf != tolerance->opfamily ||
		!tsdb_monotone_in((Expr *) shift, time->varno, time->varattno, &zoned) || zoned)
		return;
	strategy = get_op_opfamily_strategy(opno, tolerance->opfamily);
	if (strategy == 0 || (forward ? strategy > BTEqualStrategyNumber : strategy < BTEqualStrategyNumber))
		return;
	limit = copyObject((Expr *) shift);
	linitial(((OpExpr *) limit)->args) = copyObject(right);
	*quals = lappend(*quals, make_opclause(tolerance->opno, BOOLOID, false, copyObject(tolerance->inner), limit, InvalidOid,
										   tolerance->collation));
}

static void
push_restrictions(PlannerInfo *root, Relids outer, AsofQuery *query, List **quals)
{
	int			relid = -1;
	ListCell   *lc;
	ListCell   *lc2;

	outer = BASE_RELIDS(root, outer);
	while ((relid = bms_next_member(outer, relid)) >= 0)
	{
		foreach(lc, find_base_rel(root, relid)->baserestrictinfo)
		{
			Expr	   *clause = lfirst_node(RestrictInfo, lc)->clause;

			foreach(lc2, query->keys)
				push_restriction(lfirst(lc2), clause, false, query->forward, query->strict, quals);
			push_restriction(query->time, clause, true, query->forward, query->strict, quals);
			foreach(lc2, query->tolerances)
				push_tolerance(lfirst(lc2), clause, query->forward, quals);
		}
	}
}

/* ------------------------------------------------------------------------
 * Recognition
 * ------------------------------------------------------------------------
 */

/* Is a table of ours read? */
static bool
reads_tsdb(PlannerInfo *root)
{
	int			i;

	for (i = 1; i < root->simple_rel_array_size; i++)
	{
		RangeTblEntry *rte = root->simple_rte_array[i];
		RelOptInfo *rel = root->simple_rel_array[i];

		if (rte == NULL || rel == NULL)
			continue;
		if (rte->rtekind == RTE_RELATION && (rte->relkind == RELKIND_RELATION || rte->relkind == RELKIND_MATVIEW))
		{
			Relation	table = table_open(rte->relid, NoLock);
			bool		ours = tsdb_is_tsdb(table);

			table_close(table, NoLock);
			if (ours)
				return true;
		}
		if (rel->subroot != NULL && reads_tsdb(rel->subroot))
			return true;
	}
	return false;
}

/* Columns of the subquery that the query reads, as pull_varattnos() numbers them. */
static Bitmapset *
columns_used(RelOptInfo *inner)
{
	Bitmapset  *used = NULL;
	ListCell   *lc;

	pull_varattnos((Node *) inner->reltarget->exprs, inner->relid, &used);
	foreach(lc, inner->baserestrictinfo)
		pull_varattnos((Node *) lfirst_node(RestrictInfo, lc)->clause, inner->relid, &used);
	return used;
}

static bool
is_used(Bitmapset *used, AttrNumber attno)
{
	return bms_is_member(attno - FirstLowInvalidHeapAttributeNumber, used) ||
		bms_is_member(0 - FirstLowInvalidHeapAttributeNumber, used);
}

/* Takes the subquery apart; false: it is no as-of join. */
static bool
take_apart(PlannerInfo *root, RelOptInfo *inner, RangeTblEntry *rte, AsofQuery *query, Copy *copy)
{
	Bitmapset  *used = columns_used(inner);
	Query	   *original = rte->subquery;
	List	   *quals = NIL;
	List	   *rest = NIL;		/* quals of the copy */
	List	   *times = NIL;	/* AsofPart, that may be of time */
	List	   *posts = NIL;	/* quals of matches */
	Expr	   *time_expr = NULL;
	Oid			time_family = InvalidOid;
	Oid			time_type = InvalidOid;
	CompareType time_direction = COMPARE_LT;
	ListCell   *lc;
	bool		past_time = false;

	flatten_ands(original->jointree->quals, &quals);
	foreach(lc, quals)
	{
		Node	   *qual = lfirst(lc);
		AsofPart   *part;
		bool		own;
		bool		above;

		look_at(qual, &own, &above);
		if (!above)
		{
			rest = lappend(rest, copyObject(qual));
			continue;
		}
		if (!own && !contain_subplans(qual))
		{
			posts = lappend(posts, qual);
			continue;
		}
		part = make_part(root, qual);
		if (part == NULL)
			return false;
		if (is_key(part))
			query->keys = lappend(query->keys, part);
		else
		{
			times = lappend(times, part);
			posts = lappend(posts, qual);	/* the bound itself is taken out below */
		}
	}

	/* the first expression of ORDER BY that decides anything is the time */
	foreach(lc, original->sortClause)
	{
		SortGroupClause *clause = lfirst_node(SortGroupClause, lc);
		Expr	   *expr = (Expr *) get_sortgroupclause_expr(clause, original->targetList);

		if (contain_subplans((Node *) expr) || contain_vars_of_level((Node *) expr, 1) ||
			!get_ordering_op_properties(clause->sortop, &time_family, &time_type, &time_direction))
			return false;
		if (find_key(query->keys, expr, time_family, time_type) == NULL)
		{
			time_expr = canonicalize_ec_expression(expr, time_type, exprCollation((Node *) expr));
			break;
		}
	}
	if (time_expr == NULL)
		return false;
	query->forward = time_direction == COMPARE_LT;

	/* one bound in the direction of ORDER BY, any number in the other */
	foreach(lc, times)
	{
		AsofPart   *part = lfirst(lc);
		int			strategy = get_op_opfamily_strategy(part->opno, time_family);
		bool		upper = strategy == BTLessStrategyNumber || strategy == BTLessEqualStrategyNumber;

		if (strategy == 0 || !set_family(part, time_family) || !equal(part->inner, time_expr))
			return false;
		if (upper == query->forward)
		{
			query->tolerances = lappend(query->tolerances, part);
			continue;
		}
		if (query->time != NULL)
			return false;
		query->time = part;
		query->strict = strategy == BTLessStrategyNumber || strategy == BTGreaterStrategyNumber;
	}
	if (query->time == NULL)
		return false;

	/* the copy */
	copy->query = copyObject(original);
	copy->query->limitCount = NULL;
	copy->query->sortClause = NIL;
	foreach(lc, query->keys)
		sort_copy_by_part(copy, lfirst(lc));
	sort_copy_by_part(copy, query->time);
	foreach(lc, original->sortClause)
	{
		SortGroupClause *clause = lfirst_node(SortGroupClause, lc);
		Expr	   *expr = (Expr *) get_sortgroupclause_expr(clause, original->targetList);

		if (contain_subplans((Node *) expr) || contain_vars_of_level((Node *) expr, 1))
			return false;
		if (past_time && !sort_copy_by_rest(copy, expr, clause, query->forward))
			return false;
		past_time = past_time || find_key(query->keys, expr, time_family, time_type) == NULL;
	}
	add_not_null(copy, query->time->inner, &rest);
	push_restrictions(root, inner->lateral_relids, query, &rest);

	/* what is evaluated in the node */
	foreach(lc, query->keys)
		query->shown = lappend(query->shown, lfirst(lc));
	query->shown = lappend(query->shown, query->time);
	foreach(lc, query->shown)
	{
		AsofPart   *part = lfirst(lc);
		TargetEntry *entry = list_nth_node(TargetEntry, copy->columns, part->column - 1);

		lfirst(lc) = make_opclause(part->opno, BOOLOID, false, (Expr *) column_var(copy, entry), copyObject(part->outer),
								   InvalidOid, part->collation);
	}
	foreach(lc, posts)
	{
		Node	   *qual = lfirst(lc);
		AsofPart   *part = make_part(root, qual);

		if (part == NULL || part->opno != query->time->opno || !equal(part->outer, query->time->outer) ||
			!set_family(part, query->time->opfamily) || !equal(part->inner, query->time->inner))
			query->post_quals = lappend(query->post_quals, lift_expr(copy, qual));
	}
	foreach(lc, original->targetList)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);

		if (entry->resjunk)
			continue;
		if (contain_subplans((Node *) entry->expr))
			return false;
		if (is_used(used, entry->resno))
			query->outputs = lappend(query->outputs, lift_expr(copy, (Node *) entry->expr));
		else
			query->outputs = lappend(query->outputs, makeNullConst(exprType((Node *) entry->expr), exprTypmod((Node *) entry->expr),
																   exprCollation((Node *) entry->expr)));
	}
	copy->query->targetList = copy->columns;
	copy->query->jointree->quals = rest != NIL ? (Node *) make_ands_explicit(rest) : NULL;
	/* is there anything of the level above elsewhere? */
	return !contain_vars_of_level((Node *) copy->query, 1);
}

/* Makes the copy a relation of this level of the query, and plans it. */
static void
plan_copy(PlannerInfo *root, AsofQuery *query, Copy *copy)
{
	RangeTblEntry *rte = copy->rte;
	List	   *names = NIL;
	RelOptInfo *rel;
	RelOptInfo *final;
	ListCell   *lc;

	foreach(lc, copy->columns)
		names = lappend(names, makeString(lfirst_node(TargetEntry, lc)->resname));
	rte->rtekind = RTE_SUBQUERY;
	rte->subquery = copy->query;
	rte->eref = makeAlias("asof", names);
	rte->inFromCl = false;
	root->parse->rtable = lappend(root->parse->rtable, rte);
	expand_planner_arrays(root, 1);
	Assert(root->simple_rel_array_size == (int) copy->rti + 1);
	root->simple_rte_array[copy->rti] = rte;
	rel = build_simple_rel(root, copy->rti, NULL);

	rel->subroot = subquery_planner(root->glob, copyObject(copy->query), root, false, 0, NULL);
	/* (nothing of this level is left in it) */
	if (root->plan_params != NIL)
		elog(ERROR, "as-of join depends on its outer rows");
	final = fetch_upper_rel(rel->subroot, UPPERREL_FINAL, NULL);
	if (IS_DUMMY_REL(final))
		return;
	foreach(lc, copy->columns)
		rel->reltarget->exprs = lappend(rel->reltarget->exprs, column_var(copy, lfirst_node(TargetEntry, lc)));
	set_subquery_size_estimates(root, rel);
	set_pathtarget_cost_width(root, rel->reltarget);
	query->rel = rel;
	query->path = (Path *) create_subqueryscan_path(root, rel, final->cheapest_total_path, false, NIL, NULL);
	query->usable = true;
}

/* The subquery as an as-of join, found out once; NULL: it is none. */
static AsofQuery *
find_query(PlannerInfo *root, RelOptInfo *inner)
{
	RangeTblEntry *rte = planner_rt_fetch(inner->relid, root);
	AsofQuery  *query = inner->fdw_private;

	if (query == NULL)
	{
		/* joins are tried in memory that does not last, if GEQO does it */
		MemoryContext caller = MemoryContextSwitchTo(root->planner_cxt);
		Copy		copy = {0};

		query = palloc0(sizeof(AsofQuery));
		query->magic = ASOF_MAGIC;
		copy.root = root;
		copy.rti = root->simple_rel_array_size;
		copy.rte = makeNode(RangeTblEntry);
		if (may_be_asof(root, rte) && reads_tsdb(inner->subroot) && take_apart(root, inner, rte, query, &copy))
			plan_copy(root, query, &copy);
		inner->fdw_private = query;
		MemoryContextSwitchTo(caller);
	}
	return query->magic == ASOF_MAGIC && query->usable ? query : NULL;
}

/* ------------------------------------------------------------------------
 * The path
 * ------------------------------------------------------------------------
 */

static Plan *plan_asof(PlannerInfo *root, RelOptInfo *rel, CustomPath *best_path, List *tlist, List *clauses,
					   List *custom_plans);

static const CustomPathMethods asof_path_methods = {
	.CustomName = TSDB_ASOF_NAME,
	.PlanCustomPath = plan_asof
};

/* The order in which outer rows are wanted; keys that are the same in all rows are left out. */
static List *
outer_pathkeys(PlannerInfo *root, RelOptInfo *outer, AsofQuery *query)
{
	List	   *parts = lappend(list_copy(query->keys), query->time);
	List	   *pathkeys = NIL;
	ListCell   *lc;

	foreach(lc, parts)
	{
		AsofPart   *part = lfirst(lc);
		PathKey    *pathkey;

		pathkey = linitial_node(PathKey,
								build_expression_pathkey(root, part->outer,
														 get_opfamily_member(part->opfamily, part->outer_type, part->outer_type,
																			 BTLessStrategyNumber),
														 outer->relids, true));
		if (!EC_MUST_BE_REDUNDANT(pathkey->pk_eclass) && !list_member_ptr(pathkeys, pathkey))
			pathkeys = lappend(pathkeys, pathkey);
	}
	return pathkeys;
}

/* The cheapest way to have outer rows in order. */
static Path *
outer_path(PlannerInfo *root, RelOptInfo *outer, List *pathkeys)
{
	Path	   *best;
	Path	   *cheapest = outer->cheapest_total_path;
	Path	   *path;

	if (cheapest == NULL || cheapest->param_info != NULL)
		return NULL;
	if (pathkeys_contained_in(pathkeys, cheapest->pathkeys))
		return cheapest;
	best = (Path *) create_sort_path(root, outer, cheapest, pathkeys, -1);
	path = get_cheapest_path_for_pathkeys(outer->pathlist, pathkeys, NULL, TOTAL_COST, false);
	if (path != NULL && path->total_cost < best->total_cost)
		best = path;
	path = tsdb_scan_path_in_order(root, outer, pathkeys);
	if (path != NULL && pathkeys_contained_in(pathkeys, path->pathkeys) && path->total_cost < best->total_cost)
		best = path;
	return best;
}

static void
cost_asof(PlannerInfo *root, RelOptInfo *joinrel, AsofPath *path, Path *outer, Path *inner)
{
	Path	   *self = &path->custom.path;
	List	   *clauses = list_concat_copy(path->inner->baserestrictinfo, path->restrictlist);
	int			ncompares = list_length(path->query->keys) + 1;
	QualCost	quals;
	QualCost	posts;

	cost_qual_eval(&quals, clauses, root);
	cost_qual_eval(&posts, path->query->post_quals, root);
	self->rows = joinrel->rows;
	self->startup_cost = outer->startup_cost + inner->startup_cost + quals.startup + posts.startup + joinrel->reltarget->cost.startup;
	self->total_cost = outer->total_cost + inner->total_cost + quals.startup + posts.startup + joinrel->reltarget->cost.startup +
		(outer->rows + inner->rows) * ncompares * cpu_operator_cost +
		outer->rows * (cpu_tuple_cost + quals.per_tuple + posts.per_tuple) +
		self->rows * joinrel->reltarget->cost.per_tuple;
}

static void
add_asof_path(PlannerInfo *root, RelOptInfo *joinrel, RelOptInfo *outer, RelOptInfo *inner, JoinType jointype,
			  JoinPathExtraData *extra)
{
	AsofQuery  *query;
	AsofPath   *path;
	List	   *pathkeys;
	Path	   *outer_in_order;
	Cost		cheapest = -1;
	ListCell   *lc;

	if (prev_set_join_pathlist)
		prev_set_join_pathlist(root, joinrel, outer, inner, jointype, extra);

	if (!tsdb_enable_asof || (jointype != JOIN_INNER && jointype != JOIN_LEFT) || inner->rtekind != RTE_SUBQUERY ||
		inner->reloptkind != RELOPT_BASEREL || inner->subroot == NULL || IS_DUMMY_REL(inner) ||
		bms_is_empty(inner->lateral_relids) || !bms_is_subset(inner->lateral_relids, outer->relids) ||
		!bms_is_empty(outer->lateral_relids) || !bms_is_empty(joinrel->lateral_relids) ||
		root->parse->rowMarks != NIL || root->rowMarks != NIL ||
		(root->parse->commandType != CMD_SELECT && root->parse->commandType != CMD_INSERT))
		return;
	foreach(lc, inner->baserestrictinfo)
	{
		if (lfirst_node(RestrictInfo, lc)->pseudoconstant)
			return;
	}
	foreach(lc, joinrel->pathlist)
	{
		Path	   *other = lfirst(lc);

		if (cheapest < 0 || PATH_COST_DISABLED(other) < cheapest)
			cheapest = PATH_COST_DISABLED(other);
	}
	if (outer->cheapest_total_path == NULL || cheapest - PATH_COST_DISABLED(outer->cheapest_total_path) < MIN_COST)
		return;
	query = find_query(root, inner);
	if (query == NULL)
		return;

	pathkeys = outer_pathkeys(root, outer, query);
	outer_in_order = outer_path(root, outer, pathkeys);
	if (outer_in_order == NULL)
		return;
	path = (AsofPath *) newNode(sizeof(AsofPath), T_CustomPath);
	path->query = query;
	path->jointype = jointype;
	path->inner = inner;
	path->restrictlist = extra->restrictlist;
	path->custom.path.pathtype = T_CustomScan;
	path->custom.path.parent = joinrel;
	path->custom.path.pathtarget = joinrel->reltarget;
	path->custom.path.parallel_safe = false;
	path->custom.path.pathkeys = build_join_pathkeys(root, joinrel, jointype, outer_in_order->pathkeys);
	path->custom.flags = CUSTOMPATH_SUPPORT_PROJECTION;
	path->custom.custom_paths = list_make2(outer_in_order, query->path);
	path->custom.methods = &asof_path_methods;
	CUSTOM_PATH_SET_CLAUSES(&path->custom, extra->restrictlist);
	PATH_DISABLE_AS_BOTH(&path->custom.path, outer_in_order, query->path);
	cost_asof(root, joinrel, path, outer_in_order, query->path);
	add_path(joinrel, &path->custom.path);
}

/* ------------------------------------------------------------------------
 * The plan
 * ------------------------------------------------------------------------
 */

typedef struct OutputContext
{
	PlannerInfo *root;
	AsofQuery  *query;
	RelOptInfo *inner;			/* the subquery */
	List	   *names;
} OutputContext;

/* Is it computed from the subquery alone, and NULL where there is no match? */
static bool
is_of_inner(PlannerInfo *root, PlaceHolderVar *placeholder, RelOptInfo *inner)
{
	return bms_is_subset(find_placeholder_info(root, placeholder)->ph_eval_at, inner->relids);
}

/* The subquery's columns become what they are computed from. */
static Node *
output_mutator(Node *node, OutputContext *context)
{
	if (node == NULL)
		return NULL;
	/* (it is in the scan tuple, but later) */
	if (IsA(node, PlaceHolderVar) && ((PlaceHolderVar *) node)->phlevelsup == 0 &&
		is_of_inner(context->root, (PlaceHolderVar *) node, context->inner))
		return output_mutator((Node *) ((PlaceHolderVar *) node)->phexpr, context);
	if (IsA(node, Var) && (Index) ((Var *) node)->varno == context->inner->relid && ((Var *) node)->varlevelsup == 0)
	{
		Var		   *var = (Var *) node;
		RowExpr    *row;

		if (var->varattno > 0)
			return copyObject(list_nth(context->query->outputs, var->varattno - 1));
		row = makeNode(RowExpr);
		row->args = copyObject(context->query->outputs);
		row->row_typeid = var->vartype;
		row->row_format = COERCE_IMPLICIT_CAST;
		row->colnames = copyObject(context->names);
		row->location = -1;
		return (Node *) row;
	}
	return expression_tree_mutator(node, output_mutator, context);
}

/* What is wanted of the subquery above the join, and is neither of the outer plan nor computed above. */
static void
collect_wanted(PlannerInfo *root, Node *node, List *outer_tlist, RelOptInfo *inner, List **wanted)
{
	ListCell   *lc;

	foreach(lc, pull_var_clause(node, PVC_RECURSE_AGGREGATES | PVC_RECURSE_WINDOWFUNCS | PVC_INCLUDE_PLACEHOLDERS))
	{
		Expr	   *expr = lfirst(lc);

		if (IsA(expr, PlaceHolderVar))
		{
			if (tlist_member(expr, outer_tlist) != NULL)
				continue;
			if (is_of_inner(root, (PlaceHolderVar *) expr, inner))
				*wanted = list_append_unique(*wanted, expr);
			else
				collect_wanted(root, (Node *) ((PlaceHolderVar *) expr)->phexpr, outer_tlist, inner, wanted);
		}
		else if ((Index) ((Var *) expr)->varno == inner->relid)
			*wanted = list_append_unique(*wanted, expr);
	}
}

/* Conditions in order of security level. */
static List *
by_security(List *rinfos)
{
	List	   *result = NIL;
	Index		level;
	Index		max = 0;
	ListCell   *lc;

	foreach(lc, rinfos)
		max = Max(max, lfirst_node(RestrictInfo, lc)->security_level);
	for (level = 0; level <= max; level++)
	{
		foreach(lc, rinfos)
		{
			if (lfirst_node(RestrictInfo, lc)->security_level == level)
				result = lappend(result, lfirst(lc));
		}
	}
	return result;
}

static Plan *
plan_asof(PlannerInfo *root, RelOptInfo *rel, CustomPath *best_path, List *tlist, List *clauses, List *custom_plans)
{
	AsofPath   *path = (AsofPath *) best_path;
	AsofQuery  *query = path->query;
	CustomScan *scan = makeNode(CustomScan);
	Plan	   *outer_plan = linitial(custom_plans);
	List	   *join_quals;
	List	   *other_quals = NIL;
	List	   *scan_tlist = NIL;
	List	   *wanted = NIL;
	List	   *outer_exprs = NIL;
	List	   *columns = NIL;
	List	   *compares = NIL;
	List	   *outer_compares = NIL;
	List	   *collations = NIL;
	List	   *match_quals;
	List	   *outputs = NIL;
	List	   *parts = lappend(list_copy(query->keys), query->time);
	OutputContext context = {root, query, path->inner, planner_rt_fetch(path->inner->relid, root)->eref->colnames};
	int			numbers[TSDB_ASOF_NPRIVATE];
	List	   *number_list = NIL;
	int			i;
	ListCell   *lc;

	if (path->jointype == JOIN_INNER)
		join_quals = extract_actual_clauses(by_security(path->restrictlist), false);
	else
		extract_actual_join_clauses(by_security(path->restrictlist), rel->relids, &join_quals, &other_quals);
	join_quals = list_concat(extract_actual_clauses(by_security(path->inner->baserestrictinfo), false), join_quals);

	/* the scan tuple */
	foreach(lc, outer_plan->targetlist)
		scan_tlist = lappend(scan_tlist, makeTargetEntry(copyObject(lfirst_node(TargetEntry, lc)->expr),
														 list_length(scan_tlist) + 1, NULL, false));
	foreach(lc, query->rel->reltarget->exprs)
		scan_tlist = lappend(scan_tlist, makeTargetEntry(copyObject(lfirst(lc)), list_length(scan_tlist) + 1, NULL, false));
	/* (tlist is empty where a projection is to be made of this node) */
	collect_wanted(root, (Node *) best_path->path.pathtarget->exprs, outer_plan->targetlist, path->inner, &wanted);
	collect_wanted(root, (Node *) tlist, outer_plan->targetlist, path->inner, &wanted);
	collect_wanted(root, (Node *) other_quals, outer_plan->targetlist, path->inner, &wanted);
	foreach(lc, wanted)
	{
		Node	   *expr = lfirst(lc);

		scan_tlist = lappend(scan_tlist, makeTargetEntry((Expr *) copyObject(expr), list_length(scan_tlist) + 1, NULL, false));
		outputs = lappend(outputs, output_mutator(expr, &context));
	}

	foreach(lc, parts)
	{
		AsofPart   *part = lfirst(lc);

		outer_exprs = lappend(outer_exprs, copyObject(part->outer));
		columns = lappend_int(columns, part->column);
		compares = lappend_oid(compares, get_opfamily_proc(part->opfamily, part->inner_type, part->outer_type, BTORDER_PROC));
		outer_compares = lappend_oid(outer_compares,
									 get_opfamily_proc(part->opfamily, part->outer_type, part->outer_type, BTORDER_PROC));
		collations = lappend_oid(collations, part->collation);
	}
	match_quals = list_concat(copyObject(query->post_quals), (List *) output_mutator((Node *) join_quals, &context));
	numbers[TSDB_ASOF_LEFT] = path->jointype == JOIN_LEFT;
	numbers[TSDB_ASOF_FORWARD] = query->forward;
	numbers[TSDB_ASOF_STRICT] = query->strict;
	numbers[TSDB_ASOF_NOUTER] = list_length(outer_plan->targetlist);
	numbers[TSDB_ASOF_NINNER] = list_length(query->rel->reltarget->exprs);
	for (i = 0; i < TSDB_ASOF_NPRIVATE; i++)
		number_list = lappend_int(number_list, numbers[i]);

	scan->scan.plan.targetlist = tlist;
	scan->scan.plan.qual = other_quals;
	scan->scan.scanrelid = 0;
	scan->flags = best_path->flags;
	scan->custom_plans = custom_plans;
	scan->custom_scan_tlist = scan_tlist;
	scan->custom_private = list_make5(number_list, columns, compares, outer_compares, collations);
	scan->custom_exprs = list_make4(outer_exprs, match_quals, outputs, copyObject(query->shown));
	scan->methods = &tsdb_asof_scan_methods;
	return &scan->scan.plan;
}

void
tsdb_asof_init(void)
{
	RegisterCustomScanMethods(&tsdb_asof_scan_methods);
	prev_set_join_pathlist = set_join_pathlist_hook;
	set_join_pathlist_hook = add_asof_path;
}
