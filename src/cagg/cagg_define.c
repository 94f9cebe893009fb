/*-------------------------------------------------------------------------
 * cagg_define.c
 *	  Makes continuous aggregates: which queries can be kept, the table of stored buckets, the view.
 *
 * An aggregate is a view, which is all that knows its query: columns and tables may be renamed, and pg_dump writes it as it
 * writes any view.  It is put together as a parse tree, of a template and the user's query:
 *
 *	WITH fresh AS MATERIALIZED (SELECT ... FROM tsdb.cagg_fresh('stored'))
 *	SELECT stored buckets WHERE (SELECT stored_too FROM fresh) AND NOT tsdb.cagg_in(bucket, (SELECT ranges FROM fresh))
 *	UNION ALL
 *	SELECT x.* FROM tsdb.cagg_ranges((SELECT ranges FROM fresh), NULL::type) tsdb_fresh,
 *		LATERAL (the user's query, AND time >= tsdb_fresh.range_start AND time <= tsdb_fresh.range_end) x
 */
#include "cagg/cagg_internal.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "am/tsdb_handler.h"
#include "catalog/catalog.h"
#include "catalog/namespace.h"
#include "catalog/pg_am_d.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "commands/tablecmds.h"
#include "commands/view.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/analyze.h"
#include "parser/parse_node.h"
#include "parser/parser.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteHandler.h"
#include "sqlfunc/table_access.h"
#include "storage/lmgr.h"
#include "timeseries/own_function.h"
#include "timeseries/time_bucket.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/ruleutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

PG_FUNCTION_INFO_V1(tsdb_cagg_create_call);
PG_FUNCTION_INFO_V1(tsdb_cagg_add_column);
PG_FUNCTION_INFO_V1(tsdb_cagg_alter);

/* Name of the ranges in the view; not one that a user's query has. */
#define FRESH_ALIAS		"tsdb_fresh"

/* What the query of an aggregate is made of */
typedef struct Definition
{
	RangeTblEntry *rte;			/* what it reads */
	TsdbCagg	parent;			/* if that is an aggregate's view */
	bool		has_parent;
	Oid			source;
	FuncExpr   *bucket;			/* the call of time_bucket */
	Var		   *time;			/* its argument */
	Oid			type;			/* of time and bucket */
	AttrNumber	bucket_resno;
} Definition;

pg_noreturn static void
refuse(const char *what, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("continuous aggregates do not support %s", what),
			 hint ? errhint("%s", hint) : 0));
}

/* Is what the tree is made of only known of, or does it depend on more than the rows? */
static bool
check_columns(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var) && ((Var *) node)->varlevelsup == 0 && ((Var *) node)->varattno <= 0)
		refuse(((Var *) node)->varattno == 0 ? "whole rows in their query" : "system columns in their query", NULL);
	if (IsA(node, SubLink))
		refuse("subqueries", NULL);
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, check_columns, context, 0);
	return expression_tree_walker(node, check_columns, context);
}

static void
check_width(FuncExpr *call)
{
	Const	   *width = linitial_node(Const, call->args);

	if (width->consttype == INTERVALOID)
	{
		int64		width_us;
		int32		width_months;

		tsdb_bucket_width(DatumGetIntervalP(width->constvalue), &width_us, &width_months);
		if (width_months > 12000 || width_us > 12000 * 30 * USECS_PER_DAY)
			refuse("buckets of more than 1000 years", NULL);
	}
	else
	{
		int64		value = tsdb_time_from_datum(width->constvalue, width->consttype);
		int64		limit = width->consttype == INT8OID ? PG_INT64_MAX : width->consttype == INT4OID ? PG_INT32_MAX : PG_INT16_MAX;

		if (value <= 0 || value > limit / 4)
			refuse("buckets as long as a quarter of what their type holds", NULL);
	}
}

/* The bucket among the GROUP BY expressions */
static void
find_bucket(Query *query, Definition *def)
{
	ListCell   *lc;

	def->bucket = NULL;
	foreach(lc, query->groupClause)
	{
		TargetEntry *entry = get_sortgroupclause_tle(lfirst(lc), query->targetList);
		FuncExpr   *call = (FuncExpr *) entry->expr;
		char	   *name;
		ListCell   *lc2;
		int			i = 0;

		if (!IsA(call, FuncExpr))
			continue;
		name = get_func_name(call->funcid);
		if (name == NULL || strcmp(name, "time_bucket") != 0 || !tsdb_is_own_function(call->funcid))
			continue;
		if (def->bucket != NULL)
			refuse("more than one time_bucket in GROUP BY", NULL);
		if (entry->resjunk)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("the time_bucket of a continuous aggregate must be one of its columns")));
		if (!IsA(lsecond(call->args), Var))
			refuse("time_bucket of anything but a column", NULL);
		foreach(lc2, call->args)
		{
			Node	   *arg = eval_const_expressions(NULL, lfirst(lc2));

			if (i++ == 1)
				continue;
			if (!IsA(arg, Const) || (((Const *) arg)->constisnull && i != 4 && i != 5))
				refuse("time_bucket with arguments that are not constants", NULL);
			lfirst(lc2) = arg;
		}
		def->bucket = call;
		def->time = lsecond_node(Var, call->args);
		def->bucket_resno = entry->resno;
	}
	if (def->bucket == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a continuous aggregate must group by time_bucket of the time column"),
				 errhint("GROUP BY time_bucket('1 hour', time), for example.")));
	check_width(def->bucket);
}

/* query: the user's, possibly with conditions on outer columns */
static void
check_query(Query *query, Definition *def)
{
	Node	   *from;

	if (query->commandType != CMD_SELECT || query->utilityStmt != NULL)
		refuse("anything but a SELECT", NULL);
	compat_flatten_groups(query);
	if (query->setOperations != NULL)
		refuse("UNION, INTERSECT and EXCEPT", NULL);
	if (query->cteList != NIL)
		refuse("WITH", NULL);
	if (query->hasSubLinks)
		refuse("subqueries", NULL);
	if (query->hasWindowFuncs)
		refuse("window functions", "Use them in queries of the aggregate.");
	if (query->hasTargetSRFs)
		refuse("functions that return sets", NULL);
	if (query->distinctClause != NIL)
		refuse("DISTINCT", NULL);
	if (query->sortClause != NIL)
		refuse("ORDER BY", "Sort in queries of the aggregate.");
	if (query->limitCount != NULL || query->limitOffset != NULL)
		refuse("LIMIT and OFFSET", NULL);
	if (query->rowMarks != NIL)
		refuse("FOR UPDATE and FOR SHARE", NULL);
	if (query->groupingSets != NIL)
		refuse("GROUPING SETS, CUBE and ROLLUP", NULL);
	if (query->jointree->fromlist == NIL)
		refuse("queries without FROM", NULL);
	if (list_length(query->jointree->fromlist) != 1 || !IsA(linitial(query->jointree->fromlist), RangeTblRef))
		refuse("joins", "Aggregate one table, and join the aggregate with others.");
	from = linitial(query->jointree->fromlist);
	def->rte = rt_fetch(((RangeTblRef *) from)->rtindex, query->rtable);
	if (def->rte->rtekind != RTE_RELATION)
		refuse("anything but a table or another continuous aggregate in FROM", NULL);
	if (def->rte->tablesample != NULL)
		refuse("TABLESAMPLE", NULL);
	if (!def->rte->inh && def->rte->relkind != RELKIND_VIEW)
		refuse("ONLY", NULL);
	(void) check_columns((Node *) query->targetList, NULL);
	(void) check_columns((Node *) query->jointree->quals, NULL);
	(void) check_columns((Node *) query->havingQual, NULL);
	find_bucket(query, def);

	def->has_parent = tsdb_cagg_find_view(def->rte->relid, &def->parent);
	def->type = getBaseType(def->time->vartype);
	if (exprType((Node *) def->bucket) != def->type || !tsdb_time_type_known(def->type))
		refuse("time_bucket of a column of this type", NULL);
	if (def->has_parent)
	{
		if (def->time->varattno != def->parent.bucket_attnum)
			refuse("a time column that is not the bucket of the aggregate it reads", NULL);
		if (def->parent.materialized_only)
			refuse("reading one that shows stored buckets only",
				   "Use tsdb.alter_continuous_aggregate(..., materialized_only => false) on it.");
		def->source = def->parent.source;
	}
	else
	{
		TsdbCagg	other;

		if (tsdb_cagg_find(def->rte->relid, &other))
			refuse("reading the stored buckets of another one", "Read its view.");
		if (def->rte->relkind != RELKIND_RELATION && def->rte->relkind != RELKIND_PARTITIONED_TABLE)
			refuse("anything but a table or another continuous aggregate in FROM", NULL);
		def->source = def->rte->relid;
	}

	/*
	 * What is stored must be what would be computed later: in another session, by its settings, on another day.
	 */
	if (contain_mutable_functions((Node *) query->targetList) ||
		contain_mutable_functions(query->jointree->quals) ||
		contain_mutable_functions(query->havingQual))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("only immutable functions are supported in continuous aggregates"),
				 errhint("Functions that depend on the time zone or other settings of a session are not; time_bucket and AT TIME ZONE with a named zone are.")));
}

void
tsdb_cagg_check_tree(Oid source)
{
	ListCell   *lc;

	foreach(lc, find_all_inheritors(source, NoLock, NULL))
	{
		HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(lfirst_oid(lc)));
		Form_pg_class class;
		const char *problem = NULL;

		if (!HeapTupleIsValid(tuple))
			continue;
		class = (Form_pg_class) GETSTRUCT(tuple);
		if (class->relpersistence != RELPERSISTENCE_PERMANENT)
			problem = "It is temporary or unlogged.";
		else if (class->relkind != RELKIND_PARTITIONED_TABLE &&
				 (class->relkind != RELKIND_RELATION || class->relam != get_table_am_oid("tsdb", true)))
			problem = "Changes to it would not be seen.";
		if (problem != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("continuous aggregates need tables with access method tsdb, which \"%s\" is not",
							NameStr(class->relname)),
					 errdetail("%s", problem),
					 errhint("Use CREATE TABLE ... USING tsdb, or ALTER TABLE ... SET ACCESS METHOD tsdb.")));
		ReleaseSysCache(tuple);
	}
}

/* Locks the source against writers, and checks it. */
static void
check_source(Definition *def)
{
	Relation	rel;

	tsdb_require_owner(def->source);
	LockRelationOid(def->source, ShareRowExclusiveLock);
	(void) find_all_inheritors(def->source, ShareRowExclusiveLock, NULL);
	rel = table_open(def->source, NoLock);
	if (IsCatalogRelationOid(RelationGetRelid(rel)))
		refuse("system catalogs", NULL);
	if (rel->rd_rel->relrowsecurity)
		refuse("tables with row security", "What is stored would be shown to all.");
	if (rel->rd_rel->relkind == RELKIND_RELATION && rel->rd_rel->relispartition)
		refuse("single partitions", "Aggregate the partitioned table.");
	tsdb_cagg_check_tree(def->source);
	if (!def->has_parent)
	{
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), def->time->varattno - 1);

		if (!att->attnotnull)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("time column \"%s\" of a continuous aggregate must be NOT NULL", NameStr(att->attname)),
					 errhint("ALTER TABLE ... ALTER COLUMN ... SET NOT NULL")));
	}
	table_close(rel, NoLock);
}

/* Settings by which deparsed constants can be read again anywhere. */
static int
set_plain_formats(void)
{
	int			level = NewGUCNestLevel();

	(void) set_config_option("DateStyle", "ISO, YMD", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("IntervalStyle", "postgres", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("TimeZone", "UTC", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	return level;
}

/* The bucket of a time $1 as text */
static char *
bucket_expression(Definition *def)
{
	FuncExpr   *call = copyObject(def->bucket);
	Param	   *param = makeNode(Param);
	int			level = set_plain_formats();
	char	   *text;
	char	   *inner;
	char	   *at;
	StringInfoData result;

	param->paramkind = PARAM_EXTERN;
	param->paramid = 1;
	param->paramtype = def->type;
	param->paramtypmod = -1;
	param->location = -1;
	lsecond(call->args) = param;
	text = deparse_expression((Node *) call, NIL, false, false);
	AtEOXact_GUC(true, level);
	if (!def->has_parent)
		return text;

	/* of an aggregate of buckets: the one function in the other */
	inner = def->parent.bucket_expr;
	initStringInfo(&result);
	while ((at = strstr(text, "$1")) != NULL)
	{
		appendBinaryStringInfo(&result, text, at - text);
		appendStringInfo(&result, "(%s)", inner);
		text = at + 2;
	}
	appendStringInfoString(&result, text);
	return result.data;
}

static SelectStmt *
parse_select(const char *sql)
{
	List	   *list = raw_parser(sql, RAW_PARSE_DEFAULT);
	RawStmt    *raw;

	if (list_length(list) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("the query of a continuous aggregate must be one SELECT")));
	raw = linitial_node(RawStmt, list);
	if (!IsA(raw->stmt, SelectStmt))
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("the query of a continuous aggregate must be a SELECT")));
	return (SelectStmt *) raw->stmt;
}

static RangeSubselect *
fresh_subselect(SelectStmt *view)
{
	if (view->op != SETOP_UNION || view->rarg == NULL || list_length(view->rarg->fromClause) != 2 ||
		!IsA(lsecond(view->rarg->fromClause), RangeSubselect))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the view of the continuous aggregate has been replaced by something else")));
	return lsecond_node(RangeSubselect, view->rarg->fromClause);
}

static void
define_view(RangeVar *name, SelectStmt *select, const char *query_string, bool replace)
{
	ViewStmt   *stmt = makeNode(ViewStmt);

	stmt->view = name;
	stmt->query = (Node *) select;
	stmt->replace = replace;
	stmt->withCheckOption = NO_CHECK_OPTION;
	(void) DefineView(stmt, query_string, -1, 0);
	CommandCounterIncrement();
}

static void
execute_as_is(const char *query)
{
	int			result;

	SPI_connect();
	result = SPI_execute(query, false, 0);
	if (result < 0)
		elog(ERROR, "SPI_execute returned %s", SPI_result_code_string(result));
	SPI_finish();
}

static char *
column_definition(const char *name, Node *expr)
{
	Oid			type = exprType(expr);
	Oid			collation = exprCollation(expr);
	char	   *text;

	if (type == UNKNOWNOID)
		type = TEXTOID;
	text = psprintf("%s %s", quote_identifier(name),
					format_type_extended(type, exprTypmod(expr), FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_FORCE_QUALIFY));
	if (OidIsValid(collation) && type_is_collatable(type))
		text = psprintf("%s COLLATE %s", text, generate_collation_name(collation));
	return text;
}

/* Makes the table; its columns are the query's. */
static Oid
create_stored(Oid schema, const char *view_name, Query *query, List *names, AttrNumber bucket_resno)
{
	char	   *name = ChooseRelationName(view_name, NULL, "stored", schema, false);
	StringInfoData sql;
	ListCell   *lc;
	ListCell   *lc2 = list_head(names);
	bool		first = true;
	const char *bucket = NULL;
	Oid			relid;

	initStringInfo(&sql);
	appendStringInfo(&sql, "CREATE TABLE %s (", quote_qualified_identifier(get_namespace_name(schema), name));
	foreach(lc, query->targetList)
	{
		TargetEntry *entry = lfirst(lc);

		if (entry->resjunk)
			continue;
		appendStringInfo(&sql, "%s%s", first ? "" : ", ", column_definition(strVal(lfirst(lc2)), (Node *) entry->expr));
		if (entry->resno == bucket_resno)
			bucket = strVal(lfirst(lc2));
		lc2 = lnext(names, lc2);
		first = false;
	}
	appendStringInfo(&sql, ") USING tsdb WITH (orderby = %s)", quote_literal_cstr(quote_identifier(bucket)));
	execute_as_is(sql.data);
	relid = get_relname_relid(name, schema);
	Assert(OidIsValid(relid));
	return relid;
}

void
tsdb_cagg_create(RangeVar *name, SelectStmt *select, List *column_names, const char *query_string,
				 bool if_not_exists, bool materialized_only, bool with_data)
{
	RawStmt    *raw = makeNode(RawStmt);
	Query	   *query;
	Definition	def;
	Oid			schema;
	Oid			existing;
	Oid			stored;
	Oid			view;
	List	   *names = NIL;
	StringInfoData sql;
	StringInfoData stored_columns;
	StringInfoData fresh_columns;
	SelectStmt *template;
	SelectStmt *inner;
	char	   *stored_name;
	char	   *expr;
	ListCell   *lc;
	const char *condition;
	TsdbCagg	cagg;

	if (!OidIsValid(tsdb_cagg_catalog()))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"tsdb.cagg\" does not exist"),
				 errhint("Use ALTER EXTENSION tsdb_am UPDATE.")));
	if (name->relpersistence == RELPERSISTENCE_TEMP)
		refuse("temporary ones", NULL);
	schema = RangeVarGetAndCheckCreationNamespace(name, NoLock, &existing);
	if (isTempNamespace(schema))
		refuse("temporary ones", NULL);
	if (OidIsValid(existing))
	{
		ereport(if_not_exists ? NOTICE : ERROR,
				(errcode(ERRCODE_DUPLICATE_TABLE),
				 if_not_exists ? errmsg("relation \"%s\" already exists, skipping", name->relname) :
				 errmsg("relation \"%s\" already exists", name->relname)));
		return;
	}

	raw->stmt = copyObject((Node *) select);
	raw->stmt_location = -1;
	query = parse_analyze_fixedparams(raw, query_string, NULL, 0, NULL);
	memset(&def, 0, sizeof(def));
	check_query(query, &def);
	check_source(&def);
	if (def.has_parent)
		tsdb_require_owner(def.parent.view);
	expr = bucket_expression(&def);
	tsdb_bucket_map_check(tsdb_bucket_map_make(expr, def.type, CurrentMemoryContext), def.bucket);

	/* names of columns */
	lc = list_head(column_names);
	for (int i = 0; i < list_length(query->targetList); i++)
	{
		TargetEntry *entry = list_nth_node(TargetEntry, query->targetList, i);
		char	   *column;

		if (entry->resjunk)
			continue;
		column = entry->resname;
		if (lc != NULL)
		{
			column = strVal(lfirst(lc));
			lc = lnext(column_names, lc);
		}
		names = lappend(names, makeString(column));
	}
	if (lc != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("too many column names were specified")));

	stored = create_stored(schema, name->relname, query, names, def.bucket_resno);
	stored_name = quote_qualified_identifier(get_namespace_name(schema), get_rel_name(stored));

	/* inside, columns are numbered: their names need not be different, nor be any of the source's */
	inner = select;
	initStringInfo(&stored_columns);
	initStringInfo(&fresh_columns);
	foreach(lc, names)
	{
		const char *column = quote_identifier(strVal(lfirst(lc)));

		appendStringInfo(&stored_columns, "%ss.%s", lc == list_head(names) ? "" : ", ", column);
		appendStringInfo(&fresh_columns, "%sx.%s", lc == list_head(names) ? "" : ", ", column);
	}
	for (int i = 0; i < list_length(names); i++)
		list_nth_node(ResTarget, inner->targetList, i)->name = pstrdup(strVal(list_nth(names, i)));
	if (list_length(inner->targetList) != list_length(names))
		refuse("* in their query", NULL);

	initStringInfo(&sql);
	appendStringInfo(&sql,
					 "WITH fresh AS MATERIALIZED (SELECT f.stored_too, f.ranges FROM tsdb.cagg_fresh(%s::pg_catalog.regclass) f)"
					 " SELECT %s FROM %s s WHERE (SELECT fresh.stored_too FROM fresh)"
					 " AND NOT tsdb.cagg_in(s.%s, (SELECT fresh.ranges FROM fresh))"
					 " UNION ALL SELECT %s FROM tsdb.cagg_ranges((SELECT fresh.ranges FROM fresh), NULL::%s)"
					 " " FRESH_ALIAS "(range_start, range_end), LATERAL (SELECT 1) x",
					 quote_literal_cstr(stored_name), stored_columns.data, stored_name,
					 quote_identifier(strVal(list_nth(names, def.bucket_resno - 1))),
					 fresh_columns.data, format_type_be_qualified(def.type));
	template = parse_select(sql.data);

	condition = psprintf("SELECT WHERE %s.%s OPERATOR(pg_catalog.>=) " FRESH_ALIAS ".range_start"
						 " AND %s.%s OPERATOR(pg_catalog.<=) " FRESH_ALIAS ".range_end",
						 quote_identifier(def.rte->eref->aliasname),
						 quote_identifier(strVal(list_nth(def.rte->eref->colnames, def.time->varattno - 1))),
						 quote_identifier(def.rte->eref->aliasname),
						 quote_identifier(strVal(list_nth(def.rte->eref->colnames, def.time->varattno - 1))));
	inner->whereClause = inner->whereClause == NULL ? parse_select(condition)->whereClause :
		(Node *) makeBoolExpr(AND_EXPR, list_make2(inner->whereClause, parse_select(condition)->whereClause), -1);
	fresh_subselect(template)->subquery = (Node *) inner;

	name = copyObject(name);
	name->schemaname = get_namespace_name(schema);
	define_view(name, template, query_string, false);
	view = get_relname_relid(name->relname, schema);

	{
		Oid			types[] = {REGCLASSOID, REGCLASSOID, REGCLASSOID, REGCLASSOID, NAMEOID, INT2OID, TEXTOID, BOOLOID};
		Datum		values[lengthof(types)];
		char		nulls[] = "        ";
		NameData	time_column;

		namestrcpy(&time_column, def.has_parent ? NameStr(def.parent.time_column) :
				   get_attname(def.source, def.time->varattno, false));
		values[0] = ObjectIdGetDatum(stored);
		values[1] = ObjectIdGetDatum(view);
		values[2] = ObjectIdGetDatum(def.source);
		values[3] = ObjectIdGetDatum(def.has_parent ? def.parent.stored : InvalidOid);
		if (!def.has_parent)
			nulls[3] = 'n';
		values[4] = NameGetDatum(&time_column);
		values[5] = Int16GetDatum(def.bucket_resno);
		values[6] = CStringGetTextDatum(expr);
		values[7] = BoolGetDatum(materialized_only);
		tsdb_cagg_execute("INSERT INTO tsdb.cagg (stored, view, source, parent, time_column, bucket_column, bucket_expr, materialized_only)"
						  " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)", lengthof(types), types, values, nulls);
		/* rows of aggregates that are gone, among them perhaps one of the same number */
		tsdb_cagg_execute("DELETE FROM tsdb.cagg_dirty d WHERE d.stored OPERATOR(pg_catalog.=) $1 OR NOT EXISTS"
						  " (SELECT FROM tsdb.cagg c WHERE c.stored OPERATOR(pg_catalog.=) d.stored)", 1, types, values, NULL);
	}
	tsdb_dirty_log_add(stored, PG_INT64_MIN, PG_INT64_MAX, GetCurrentCommandId(true));
	tsdb_cagg_invalidate(def.source);
	CommandCounterIncrement();
	if (with_data)
	{
		if (!tsdb_cagg_find(stored, &cagg))
			elog(ERROR, "continuous aggregate %u is not there", stored);
		(void) tsdb_cagg_refresh(&cagg, PG_INT64_MIN, PG_INT64_MAX, false);
	}
}

/* tsdb.create_continuous_aggregate(name text, query text, materialized_only boolean, with_data boolean, if_not_exists boolean) */
Datum
tsdb_cagg_create_call(PG_FUNCTION_ARGS)
{
	List	   *name;
	char	   *query;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2) || PG_ARGISNULL(3) || PG_ARGISNULL(4))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("arguments must not be NULL")));
	name = textToQualifiedNameList(PG_GETARG_TEXT_PP(0));
	query = text_to_cstring(PG_GETARG_TEXT_PP(1));
	tsdb_cagg_create(makeRangeVarFromNameList(name), parse_select(query), NIL, query,
					 PG_GETARG_BOOL(4), PG_GETARG_BOOL(2), PG_GETARG_BOOL(3));
	PG_RETURN_VOID();
}

/* The query in the view, as it is now */
static Query *
query_of_view(Oid relid)
{
	Relation	rel = table_open(relid, NoLock);
	Query	   *view = get_view_query(rel);
	Query	   *result = NULL;
	ListCell   *lc;
	ListCell   *lc2;

	/* the second branch, and in it the only subquery */
	foreach(lc, view->rtable)
	{
		RangeTblEntry *branch = lfirst(lc);

		if (branch->rtekind != RTE_SUBQUERY)
			continue;
		foreach(lc2, branch->subquery->rtable)
		{
			RangeTblEntry *rte = lfirst(lc2);

			if (rte->rtekind == RTE_SUBQUERY && rte->lateral)
				result = copyObject(rte->subquery);
		}
	}
	table_close(rel, NoLock);
	if (result == NULL)
		elog(ERROR, "the view of the continuous aggregate has no query");
	return result;
}

/* tsdb.add_continuous_aggregate_column(continuous_aggregate regclass, column_name name, expression text) */
Datum
tsdb_cagg_add_column(PG_FUNCTION_ARGS)
{
	TsdbCagg	cagg;
	char	   *column = NameStr(*PG_GETARG_NAME(1));
	char	   *expression = text_to_cstring(PG_GETARG_TEXT_PP(2));
	int			level;
	char	   *viewdef;
	SelectStmt *view;
	SelectStmt *added;
	ResTarget  *target;
	RangeVar   *name;
	Query	   *query;
	Query	   *probe;
	Definition	def;
	const char *quoted = quote_identifier(column);

	tsdb_cagg_require(PG_GETARG_OID(0), &cagg);
	LockRelationOid(cagg.stored, ShareUpdateExclusiveLock);
	LockRelationOid(cagg.view, AccessExclusiveLock);

	added = parse_select(psprintf("SELECT (%s) AS %s", expression, quoted));
	if (list_length(added->targetList) != 1 || added->fromClause != NIL || added->whereClause != NULL || added->op != SETOP_NONE ||
		added->groupClause != NIL || added->withClause != NULL || added->sortClause != NIL || added->limitCount != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("\"%s\" is not one expression", expression)));
	target = linitial_node(ResTarget, added->targetList);

	/* deparsed with every name qualified */
	level = set_plain_formats();
	viewdef = TextDatumGetCString(DirectFunctionCall1(pg_get_viewdef, ObjectIdGetDatum(cagg.view)));
	AtEOXact_GUC(true, level);
	view = parse_select(viewdef);
	{
		SelectStmt *inner = (SelectStmt *) fresh_subselect(view)->subquery;
		SelectStmt *alone;
		RawStmt    *raw;

		/* its type: of a query over the same FROM */
		alone = makeNode(SelectStmt);
		alone->fromClause = copyObject(inner->fromClause);
		alone->groupClause = copyObject(inner->groupClause);
		alone->targetList = list_make1(copyObject(target));
		raw = makeNode(RawStmt);
		raw->stmt = (Node *) alone;
		raw->stmt_location = -1;
		probe = parse_analyze_fixedparams(raw, viewdef, NULL, 0, NULL);
		execute_as_is(psprintf("ALTER TABLE %s ADD COLUMN %s",
							   quote_qualified_identifier(get_namespace_name(get_rel_namespace(cagg.stored)), get_rel_name(cagg.stored)),
							   column_definition(column, (Node *) linitial_node(TargetEntry, probe->targetList)->expr)));

		inner->targetList = lappend(inner->targetList, copyObject(target));
		view->larg->targetList = lappend(view->larg->targetList,
										 linitial(parse_select(psprintf("SELECT s.%s", quoted))->targetList));
		view->rarg->targetList = lappend(view->rarg->targetList,
										 linitial(parse_select(psprintf("SELECT x.%s", quoted))->targetList));
	}
	name = makeRangeVar(get_namespace_name(get_rel_namespace(cagg.view)), get_rel_name(cagg.view), -1);
	define_view(name, view, viewdef, true);

	query = query_of_view(cagg.view);
	memset(&def, 0, sizeof(def));
	check_query(query, &def);
	tsdb_dirty_log_add(cagg.stored, PG_INT64_MIN, PG_INT64_MAX, GetCurrentCommandId(true));
	PG_RETURN_VOID();
}

/* tsdb.alter_continuous_aggregate(continuous_aggregate regclass, materialized_only boolean) */
Datum
tsdb_cagg_alter(PG_FUNCTION_ARGS)
{
	TsdbCagg	cagg;
	Oid			types[] = {REGCLASSOID, BOOLOID};
	Datum		values[2];

	tsdb_cagg_require(PG_GETARG_OID(0), &cagg);
	LockRelationOid(cagg.stored, ShareUpdateExclusiveLock);
	if (PG_GETARG_BOOL(1) && tsdb_cagg_has_children(cagg.stored))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_IN_USE),
				 errmsg("continuous aggregate \"%s\" cannot show stored buckets only", get_rel_name(cagg.view)),
				 errdetail("Another continuous aggregate reads it.")));
	values[0] = ObjectIdGetDatum(cagg.stored);
	values[1] = PG_GETARG_DATUM(1);
	tsdb_cagg_execute("UPDATE tsdb.cagg SET materialized_only = $2 WHERE stored OPERATOR(pg_catalog.=) $1", 2, types, values, NULL);
	PG_RETURN_VOID();
}
