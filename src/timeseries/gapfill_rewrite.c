/*-------------------------------------------------------------------------
 * gapfill_rewrite.c
 *	  Queries that group by time_bucket_gapfill(), split in two before they are planned.
 *
 *	  SELECT time_bucket_gapfill('1 hour', time) AS b, host, avg(x), locf(avg(x)) FROM t
 *	   WHERE time >= a AND time < z GROUP BY 1, 2 HAVING h ORDER BY 1
 *
 * becomes
 *
 *	  SELECT b, host, avg, locf
 *		FROM (SELECT time_bucket('1 hour', time) AS b, host, avg(x) AS avg, avg(x) AS locf FROM t
 *			   WHERE time >= a AND time < z GROUP BY 1, 2 HAVING h) s
 *	   WHERE tsdb.gapfill(info, b, '1 hour', NULL, a, z) ORDER BY 1
 *
 * so that the grouping is an ordinary one, and whatever is done with its rows (expressions, window
 * functions, ORDER BY, DISTINCT, LIMIT) is done with those that are put in as well.
 *
 * The subquery gets LIMIT NULL, which is no limit but keeps conditions of outer queries from being
 * pushed into it: they are about the rows of the result, not about those that go into groups.
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/transam.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/optimizer.h"
#include "optimizer/planner.h"
#include "optimizer/tlist.h"
#include "parser/parse_coerce.h"
#include "parser/parse_func.h"
#include "rewrite/rewriteManip.h"
#include "timeseries/gapfill.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

PG_FUNCTION_INFO_V1(tsdb_gapfill_bucket);
PG_FUNCTION_INFO_V1(tsdb_gapfill_locf);
PG_FUNCTION_INFO_V1(tsdb_gapfill_interpolate);
PG_FUNCTION_INFO_V1(tsdb_gapfill_clause);

static planner_hook_type prev_planner = NULL;

#define BUCKET_NAME			"time_bucket_gapfill"
#define LOCF_NAME			"locf"
#define INTERPOLATE_NAME	"interpolate"

/* The query's new subquery, as it grows */
typedef struct Split
{
	List	   *group_exprs;	/* of the query's GROUP BY */
	List	   *group_attnos;	/* the subquery's columns of them */
	List	   *columns;		/* TargetEntry, of the subquery */
	List	   *kinds;			/* TsdbGapfillColumn of each */
} Split;

pg_noreturn static void
not_supported(const char *what, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("%s", what),
			 hint != NULL ? errhint("%s", hint) : 0));
}

/*-------------------------------------------------------------------- finding */

bool
tsdb_gapfill_is_function(Oid function, const char *name, PGFunction code)
{
	HeapTuple	tuple;
	bool		named = false;
	FmgrInfo	flinfo;

	if (function < FirstNormalObjectId)
		return false;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	if (HeapTupleIsValid(tuple))
	{
		named = strcmp(NameStr(((Form_pg_proc) GETSTRUCT(tuple))->proname), name) == 0;
		ReleaseSysCache(tuple);
	}
	if (!named)
		return false;
	/* another extension's, of the same name? */
	fmgr_info(function, &flinfo);
	return flinfo.fn_addr == code;
}

static bool
is_bucket(Node *node)
{
	return IsA(node, FuncExpr) &&
		tsdb_gapfill_is_function(((FuncExpr *) node)->funcid, BUCKET_NAME, tsdb_gapfill_bucket);
}

static bool
contains_bucket(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (is_bucket(node))
		return true;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, contains_bucket, context, 0);
	return expression_tree_walker(node, contains_bucket, context);
}

/*-------------------------------------------------------------------- columns of the subquery */

static AttrNumber
add_column(Split *split, Expr *expr, TsdbGapfillColumn kind, Index sortgroupref)
{
	AttrNumber	attno = list_length(split->columns) + 1;
	TargetEntry *entry = makeTargetEntry(expr, attno, psprintf("c%d", attno), false);

	entry->ressortgroupref = sortgroupref;
	split->columns = lappend(split->columns, entry);
	split->kinds = lappend_int(split->kinds, kind);
	return attno;
}

static Node *
column_var(const Split *split, AttrNumber attno)
{
	TargetEntry *entry = list_nth_node(TargetEntry, split->columns, attno - 1);

	return (Node *) makeVarFromTargetEntry(1, entry);
}

/* The same column again, if it is there */
static Node *
find_or_add(Split *split, Node *node, TsdbGapfillColumn kind)
{
	ListCell   *lc;
	ListCell   *lk;

	forboth(lc, split->columns, lk, split->kinds)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);

		if (lfirst_int(lk) == (int) kind && equal(entry->expr, node))
			return column_var(split, entry->resno);
	}
	return column_var(split, add_column(split, (Expr *) node, kind, 0));
}

static bool
is_null_const(Node *node)
{
	return IsA(node, Const) && ((Const *) node)->constisnull;
}

/* Of a call, with defaults, in order of the function's own */
static List *
all_arguments(FuncExpr *call)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(call->funcid));
	List	   *args;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for function %u", call->funcid);
	args = expand_function_arguments(copyObject(call->args), false, call->funcresulttype, tuple);
	ReleaseSysCache(tuple);
	return args;
}

/* A call of locf or interpolate: its value is a column, further arguments are columns behind it. */
static Node *
add_fill(Split *split, FuncExpr *call, bool locf)
{
	List	   *args = all_arguments(call);
	Node	   *value = linitial(args);
	Node	   *previous = lsecond(args);
	Node	   *third = lthird(args);
	TsdbGapfillColumn kind = locf ? TSDB_GAPFILL_LOCF : TSDB_GAPFILL_INTERPOLATE;
	AttrNumber	attno;

	if (locf)
	{
		third = eval_const_expressions(NULL, third);
		if (!IsA(third, Const))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("argument treat_null_as_missing of locf must be a constant")));
		if (!((Const *) third)->constisnull && DatumGetBool(((Const *) third)->constvalue))
			kind = TSDB_GAPFILL_LOCF_NULL;
	}
	attno = add_column(split, (Expr *) value, kind, 0);
	if (!is_null_const(previous))
		add_column(split, (Expr *) previous, TSDB_GAPFILL_PREVIOUS, 0);
	if (!locf && !is_null_const(third))
		add_column(split, (Expr *) third, TSDB_GAPFILL_NEXT, 0);
	return column_var(split, attno);
}

/* An expression of the query's target list, over columns of the subquery */
static Node *
split_mutator(Node *node, Split *split)
{
	ListCell   *lc;
	ListCell   *la;

	if (node == NULL)
		return NULL;
	forboth(lc, split->group_exprs, la, split->group_attnos)
	{
		if (equal(lfirst(lc), node))
			return column_var(split, lfirst_int(la));
	}
	if (IsA(node, FuncExpr))
	{
		FuncExpr   *call = (FuncExpr *) node;

		if (is_bucket(node))
			not_supported("all calls of time_bucket_gapfill in a query must be the same", NULL);
		if (tsdb_gapfill_is_function(call->funcid, LOCF_NAME, tsdb_gapfill_locf))
			return add_fill(split, call, true);
		if (tsdb_gapfill_is_function(call->funcid, INTERPOLATE_NAME, tsdb_gapfill_interpolate))
			return add_fill(split, call, false);
	}
	if (IsA(node, Aggref) && ((Aggref *) node)->agglevelsup == 0)
		return find_or_add(split, node, TSDB_GAPFILL_NULL);
	/* (always 0) */
	if (IsA(node, GroupingFunc) && ((GroupingFunc *) node)->agglevelsup == 0)
		return find_or_add(split, node, TSDB_GAPFILL_GROUP);
	/* one that the group's columns decide: they have a table's primary key */
	if (IsA(node, Var) && ((Var *) node)->varlevelsup == 0)
		return find_or_add(split, node, TSDB_GAPFILL_GROUP);
	if (IsA(node, SubLink))
		not_supported("subqueries beside time_bucket_gapfill are not supported, but as arguments of locf and interpolate",
					  "Put the query with time_bucket_gapfill into FROM of another one that has the subquery.");
	return expression_tree_mutator(node, split_mutator, split);
}

/*-------------------------------------------------------------------- range */

/* Does an expression have the same value for all rows of the query? */
static bool
is_row_constant(Node *expr)
{
	return !contain_vars_of_level(expr, 0) && !contain_volatile_functions(expr) && !contain_subplans(expr);
}

/* Limits of integers of all sizes are bigints */
static Oid
limit_type(Oid type)
{
	return type == INT2OID || type == INT4OID ? INT8OID : type;
}

/* An expression as a limit of a bucketed column of that type; NULL if it is none for us. */
static Node *
limit_of_expr(Node *expr, Oid type)
{
	Oid			from = exprType(expr);
	Oid			to = limit_type(type);

	if (!is_row_constant(expr))
		return NULL;
	if (from == to)
		return copyObject(expr);
	/* only where no part of the value is lost; by the operators' own conversion */
	if ((to == INT8OID && (from == INT4OID || from == INT2OID)) ||
		(to == TIMESTAMPOID && from == DATEOID) ||
		(to == TIMESTAMPTZOID && (from == DATEOID || from == TIMESTAMPOID)))
		return coerce_to_target_type(NULL, copyObject(expr), from, to, -1, COERCION_IMPLICIT, COERCE_IMPLICIT_CAST, -1);
	return NULL;
}

/* Adds limits of the bucketed column from conditions that all rows meet. */
static void
find_limits(Node *quals, Var *column, Oid type, bool want_start, bool want_finish,
			List **starts, List **start_adds, List **finishes, List **finish_adds)
{
	OpExpr	   *op;
	Node	   *left;
	Node	   *right;
	Node	   *limit;
	Oid			opno;
	List	   *interpretations;
	ListCell   *lc;

	if (quals == NULL)
		return;
	if (IsA(quals, List) || is_andclause(quals))
	{
		foreach(lc, IsA(quals, List) ? (List *) quals : ((BoolExpr *) quals)->args)
			find_limits(lfirst(lc), column, type, want_start, want_finish, starts, start_adds, finishes, finish_adds);
		return;
	}
	if (IsA(quals, FromExpr))
	{
		find_limits(((FromExpr *) quals)->quals, column, type, want_start, want_finish, starts, start_adds, finishes, finish_adds);
		foreach(lc, ((FromExpr *) quals)->fromlist)
			find_limits(lfirst(lc), column, type, want_start, want_finish, starts, start_adds, finishes, finish_adds);
		return;
	}
	if (IsA(quals, JoinExpr))
	{
		JoinExpr   *join = (JoinExpr *) quals;

		if (join->jointype == JOIN_INNER)
		{
			find_limits(join->quals, column, type, want_start, want_finish, starts, start_adds, finishes, finish_adds);
			find_limits(join->larg, column, type, want_start, want_finish, starts, start_adds, finishes, finish_adds);
			find_limits(join->rarg, column, type, want_start, want_finish, starts, start_adds, finishes, finish_adds);
		}
		return;
	}
	if (!IsA(quals, OpExpr) || list_length(((OpExpr *) quals)->args) != 2)
		return;
	op = (OpExpr *) quals;
	left = linitial(op->args);
	right = lsecond(op->args);
	opno = op->opno;
	if (!equal(left, column))
	{
		Node	   *swap = left;

		if (!equal(right, column))
			return;
		left = right;
		right = swap;
		opno = get_commutator(opno);
		if (!OidIsValid(opno))
			return;
	}
	limit = limit_of_expr(right, type);
	if (limit == NULL)
		return;
	interpretations = get_op_index_interpretation(opno);
	foreach(lc, interpretations)
	{
		int			strategy = ((OpIndexInterpretation *) lfirst(lc))->cmptype;

		if (want_start && (strategy == BTGreaterStrategyNumber || strategy == BTGreaterEqualStrategyNumber ||
						   strategy == BTEqualStrategyNumber))
		{
			*starts = lappend(*starts, limit);
			*start_adds = lappend_int(*start_adds, strategy == BTGreaterStrategyNumber);
		}
		if (want_finish && (strategy == BTLessStrategyNumber || strategy == BTLessEqualStrategyNumber ||
							strategy == BTEqualStrategyNumber))
		{
			*finishes = lappend(*finishes, copyObject(limit));
			*finish_adds = lappend_int(*finish_adds, strategy != BTLessStrategyNumber);
		}
		break;
	}
}

static void
no_range(const char *which)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("missing time_bucket_gapfill argument: could not infer %s from WHERE clause", which),
			 errhint("Specify start and finish as arguments or in the WHERE clause.")));
}

/*-------------------------------------------------------------------- the split */

/* The same call of time_bucket: (width, ts), or (width, ts, time zone, no origin, no offset) */
static FuncExpr *
plain_bucket(FuncExpr *gapfill, List *gapfill_args, bool zoned)
{
	Oid			types[5] = {exprType(linitial(gapfill_args)), exprType(lsecond(gapfill_args)), TEXTOID, TIMESTAMPTZOID, INTERVALOID};
	char	   *schema = get_namespace_name(get_func_namespace(gapfill->funcid));
	Oid			function = LookupFuncName(list_make2(makeString(schema), makeString("time_bucket")), zoned ? 5 : 2, types, false);
	List	   *args = list_make2(linitial(gapfill_args), lsecond(gapfill_args));

	if (zoned)
	{
		args = lappend(args, lthird(gapfill_args));
		args = lappend(args, makeNullConst(TIMESTAMPTZOID, -1, InvalidOid));
		args = lappend(args, makeNullConst(INTERVALOID, -1, InvalidOid));
	}
	return makeFuncExpr(function, gapfill->funcresulttype, args, gapfill->funccollid, gapfill->inputcollid,
						COERCE_EXPLICIT_CALL);
}

static void
split_query(Query *query)
{
	Split		split = {0};
	FuncExpr   *bucket = NULL;
	List	   *bucket_args;
	Query	   *subquery;
	RangeTblEntry *rte;
	RangeTblRef *ref;
	List	   *sort_attnos = NIL;
	List	   *sort_operators = NIL;
	List	   *equal_operators = NIL;
	List	   *collations = NIL;
	List	   *starts = NIL;
	List	   *finishes = NIL;
	List	   *start_adds = NIL;
	List	   *finish_adds = NIL;
	List	   *clause_args;
	List	   *info;
	List	   *names = NIL;
	AttrNumber	bucket_attno = 0;
	SortGroupClause *bucket_clause = NULL;
	bool		zoned;
	Node	   *width;
	Node	   *zone;
	Node	   *start;
	Node	   *finish;
	Oid			clause_function;
	Oid			clause_types[2] = {TEXTOID, ANYOID};
	ListCell   *lc;
	FuncExpr   *clause;

	/* which GROUP BY it is */
	foreach(lc, query->groupClause)
	{
		SortGroupClause *group = lfirst_node(SortGroupClause, lc);
		TargetEntry *entry = get_sortgroupclause_tle(group, query->targetList);

		if (!is_bucket((Node *) entry->expr))
			continue;
		if (bucket != NULL)
			not_supported("a query can group by time_bucket_gapfill once only", NULL);
		bucket = (FuncExpr *) entry->expr;
		bucket_clause = group;
	}
	if (bucket == NULL)
		return;					/* the function raises an error if it is called */
	if (query->groupingSets != NIL)
		not_supported("time_bucket_gapfill cannot be used with grouping sets", NULL);
	if (query->hasTargetSRFs)
		not_supported("time_bucket_gapfill cannot be used beside set-returning functions",
					  "Put the query with time_bucket_gapfill into FROM of another one that calls the function.");
	if (query->hasModifyingCTE)
		not_supported("time_bucket_gapfill cannot be used beside data-modifying WITH",
					  "Put the query with time_bucket_gapfill into FROM of another one.");

	/* WITH goes into the subquery */
	if (query->cteList != NIL && (contain_subplans(query->limitCount) || contain_subplans(query->limitOffset)))
		not_supported("LIMIT of a query with time_bucket_gapfill cannot have a subquery beside WITH", NULL);

	bucket_args = all_arguments(bucket);
	width = linitial(bucket_args);
	zoned = list_length(bucket_args) == 5;
	zone = zoned ? lthird(bucket_args) : (Node *) makeNullConst(TEXTOID, -1, DEFAULT_COLLATION_OID);
	start = list_nth(bucket_args, zoned ? 3 : 2);
	finish = list_nth(bucket_args, zoned ? 4 : 3);
	if (!is_row_constant(width) || !is_row_constant(zone) || !is_row_constant(start) || !is_row_constant(finish))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("width, timezone, start and finish of time_bucket_gapfill must not depend on rows"),
				 errdetail("They can be constants, parameters, and stable functions of them.")));
	if (!is_null_const(start))
	{
		starts = list_make1(limit_of_expr(start, bucket->funcresulttype));
		start_adds = list_make1_int(0);
	}
	if (!is_null_const(finish))
	{
		finishes = list_make1(limit_of_expr(finish, bucket->funcresulttype));
		finish_adds = list_make1_int(0);
	}
	if (IsA(lsecond(bucket_args), Var))
		find_limits((Node *) query->jointree, lsecond(bucket_args), bucket->funcresulttype, starts == NIL, finishes == NIL,
					&starts, &start_adds, &finishes, &finish_adds);
	if (starts == NIL)
		no_range("start");
	if (finishes == NIL)
		no_range("finish");

	/* columns of GROUP BY; the bucket is last in the order */
	foreach(lc, query->groupClause)
	{
		SortGroupClause *group = lfirst_node(SortGroupClause, lc);
		TargetEntry *entry = get_sortgroupclause_tle(group, query->targetList);
		bool		is_it = group == bucket_clause;
		Expr	   *expr = is_it ? (Expr *) plain_bucket(bucket, bucket_args, zoned) : entry->expr;
		AttrNumber	attno;

		attno = add_column(&split, expr, is_it ? TSDB_GAPFILL_BUCKET : TSDB_GAPFILL_GROUP, group->tleSortGroupRef);
		split.group_exprs = lappend(split.group_exprs, entry->expr);
		split.group_attnos = lappend_int(split.group_attnos, attno);
		if (is_it)
		{
			bucket_attno = attno;
			continue;
		}
		if (!OidIsValid(group->sortop))
			not_supported("time_bucket_gapfill cannot be used beside groups of a type that cannot be sorted", NULL);
		sort_attnos = lappend_int(sort_attnos, attno);
		sort_operators = lappend_oid(sort_operators, group->sortop);
		equal_operators = lappend_oid(equal_operators, group->eqop);
		collations = lappend_oid(collations, exprCollation((Node *) entry->expr));
	}
	sort_attnos = lappend_int(sort_attnos, bucket_attno);
	/* (not the clause's own, which an ORDER BY ... DESC decides) */
	sort_operators = lappend_oid(sort_operators, lookup_type_cache(bucket->funcresulttype, TYPECACHE_LT_OPR)->lt_opr);
	equal_operators = lappend_oid(equal_operators, bucket_clause->eqop);
	collations = lappend_oid(collations, InvalidOid);

	/* the query's expressions, over the subquery's columns; they add the other columns */
	subquery = makeNode(Query);
	memcpy(subquery, query, sizeof(Query));
	query->targetList = (List *) split_mutator((Node *) query->targetList, &split);
	query->windowClause = (List *) split_mutator((Node *) query->windowClause, &split);

	/* in plans, columns are called as in the query's result */
	foreach(lc, query->targetList)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);

		if (IsA(entry->expr, Var) && ((Var *) entry->expr)->varlevelsup == 0 && entry->resname != NULL)
			list_nth_node(TargetEntry, split.columns, ((Var *) entry->expr)->varattno - 1)->resname = pstrdup(entry->resname);
	}

	/* the subquery: the old one without what comes after grouping */
	subquery->targetList = copyObject(split.columns);
	subquery->hasWindowFuncs = false;
	subquery->hasDistinctOn = false;
	subquery->windowClause = NIL;
	subquery->distinctClause = NIL;
	subquery->sortClause = NIL;
	subquery->limitOffset = NULL;
	subquery->limitCount = (Node *) makeNullConst(INT8OID, -1, InvalidOid);
	subquery->limitOption = LIMIT_OPTION_COUNT;
	subquery->canSetTag = false;
	subquery->utilityStmt = NULL;
	subquery->rowMarks = NIL;
	subquery->constraintDeps = NIL;
	subquery->withCheckOptions = NIL;
	/* what it refers to outside is one level further away */
	IncrementVarSublevelsUp((Node *) subquery, 1, 1);

	foreach(lc, split.columns)
		names = lappend(names, makeString(pstrdup(lfirst_node(TargetEntry, lc)->resname)));
	rte = makeNode(RangeTblEntry);
	rte->rtekind = RTE_SUBQUERY;
	rte->subquery = subquery;
	rte->eref = makeAlias("gapfill", names);
	rte->inFromCl = true;
	ref = makeNode(RangeTblRef);
	ref->rtindex = 1;

	info = list_make5(split.kinds, sort_attnos, sort_operators, equal_operators, collations);
	info = lappend(info, list_concat(list_make3_int(list_length(starts), list_length(finishes), zoned),
									 list_concat(start_adds, finish_adds)));
	/* by address, in a constant of a type that no SQL text can make: a call in a user's query must not pass for ours */
	clause_args = list_make1(makeConst(INTERNALOID, -1, InvalidOid, sizeof(Datum), PointerGetDatum(info), false, true));
	clause_args = lappend(clause_args, column_var(&split, bucket_attno));
	clause_args = lappend(clause_args, copyObject(width));
	clause_args = lappend(clause_args, copyObject(zone));
	clause_args = list_concat(clause_args, starts);
	clause_args = list_concat(clause_args, finishes);
	/* every column, lest the planner leaves out those that only the node reads */
	foreach(lc, split.columns)
		clause_args = lappend(clause_args, column_var(&split, lfirst_node(TargetEntry, lc)->resno));
	clause_function = LookupFuncName(list_make2(makeString("tsdb"), makeString("gapfill")), 2, clause_types, false);
	clause = makeFuncExpr(clause_function, BOOLOID, clause_args, InvalidOid, InvalidOid, COERCE_EXPLICIT_CALL);

	query->rtable = list_make1(rte);
	query->jointree = makeFromExpr(list_make1(ref), (Node *) clause);
	query->cteList = NIL;
	query->hasRecursive = false;
	query->hasAggs = false;
	query->hasForUpdate = false;
	query->groupClause = NIL;
	query->groupDistinct = false;
	query->havingQual = NULL;
	/* nor may it become part of the query around it: the clause is this query's alone */
	if (query->limitCount == NULL && query->limitOffset == NULL)
	{
		query->limitCount = (Node *) makeNullConst(INT8OID, -1, InvalidOid);
		query->limitOption = LIMIT_OPTION_COUNT;
	}
	/* (subqueries are in arguments of locf, if anywhere, hence in the subquery; LIMIT may have some) */
}

static bool
rewrite_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		Query	   *query = (Query *) node;

		/* what is in it first: it moves */
		(void) query_tree_walker(query, rewrite_walker, context, 0);
		/* (those with grouping sets are only looked at to be refused) */
		if (query->groupingSets == NIL || query_tree_walker(query, contains_bucket, NULL, 0))
			compat_flatten_groups(query);
		if (query->commandType == CMD_SELECT && query->groupClause != NIL)
			split_query(query);
		return false;
	}
	return expression_tree_walker(node, rewrite_walker, context);
}

void
tsdb_gapfill_rewrite(Query *query)
{
	if (query_tree_walker(query, contains_bucket, NULL, 0))
		(void) rewrite_walker((Node *) query, NULL);
}

static PlannedStmt *
gapfill_planner(Query *parse, const char *query_string, int cursor_options, ParamListInfo params)
{
	tsdb_gapfill_rewrite(parse);
	if (prev_planner)
		return prev_planner(parse, query_string, cursor_options, params);
	return standard_planner(parse, query_string, cursor_options, params);
}

void
tsdb_gapfill_init(void)
{
	prev_planner = planner_hook;
	planner_hook = gapfill_planner;
	tsdb_gapfill_scan_init();
}

/*-------------------------------------------------------------------- SQL functions, which a rewritten query does not call */

Datum
tsdb_gapfill_bucket(PG_FUNCTION_ARGS)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("time_bucket_gapfill must be a whole expression of GROUP BY"),
			 errhint("Compute with its result in a query around the one that groups. A function in SQL that has such a query must be VOLATILE.")));
}

Datum
tsdb_gapfill_locf(PG_FUNCTION_ARGS)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("locf can only be used in the select list of a query that groups by time_bucket_gapfill")));
}

Datum
tsdb_gapfill_interpolate(PG_FUNCTION_ARGS)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("interpolate can only be used in the select list of a query that groups by time_bucket_gapfill")));
}

Datum
tsdb_gapfill_clause(PG_FUNCTION_ARGS)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("function tsdb.gapfill cannot be called"),
			 errhint("Use time_bucket_gapfill in GROUP BY.")));
}
