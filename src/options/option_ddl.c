/*-------------------------------------------------------------------------
 * option_ddl.c
 *	  Turns WITH (...), SET (...) and RESET (...) into labels, around the statement that core runs.
 *
 * The utility hook calls "before" on a copy of the statement: our options are taken out and
 * checked as far as the statement alone allows, the rest is core's.  "After" finds the relation,
 * checks against its columns, and sets labels.  An error on either side aborts the
 * transaction, and so leaves the table as it was.
 *
 * ALTER TABLE whose only content was ours stays a statement with no subcommand: core then
 * finds and locks the relation, checks its owner and fires event triggers, and does nothing.
 *
 * A statement that fills the table it makes (CREATE TABLE AS, CREATE MATERIALIZED VIEW, EXPLAIN
 * ANALYZE of them), or rewrites the one it alters, writes rows before "after" has set labels:
 * while it runs it is on the "pending" stack, where tsdb_options_get looks.  Entries go in
 * "after", or with the (sub)transaction that fails.
 *-------------------------------------------------------------------------
 */
#include "options/options_internal.h"

#include <ctype.h>

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "am/tsdb_handler.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/toasting.h"
#include "commands/defrem.h"
#include "commands/tablecmds.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/varlena.h"

#define OPTION_NAMESPACE "tsdb"

typedef enum OptionKind
{
	OPTION_SEGMENTBY,
	OPTION_ORDERBY,
	OPTION_DIRECT_LOAD,
	OPTION_KINDS				/* their number; as a kind: not ours */
} OptionKind;

static const char *const option_names[OPTION_KINDS] = {"segmentby", "orderby", "direct_load"};

typedef enum OptionAction
{
	OPTION_KEEP,
	OPTION_SET,
	OPTION_RESET
} OptionAction;

struct TsdbOptionDdl
{
	bool		creates;		/* else alters */
	/* what is said */
	OptionAction action[OPTION_KINDS];
	List	   *series;			/* names, char * */
	char	   *order;
	bool		direct_load;
	/* ALTER: what else the statement does */
	bool		sets_access_method;
	bool		changes_type;
	/* the relation */
	Oid			nspid;			/* CREATE */
	char	   *relname;
	Oid			existing;		/* CREATE: the one there was before; ALTER: the one meant */
	/* place on the stack of running statements */
	bool		pending;
	SubTransactionId subid;
	TsdbOptionDdl *outer;
};

static TsdbOptionDdl *pending_ddl = NULL;

/* ------------------------------------------------------------------------
 * Which statements
 * ------------------------------------------------------------------------
 */

static OptionKind
option_kind(const DefElem *def)
{
	int			kind;

	if (def->defnamespace != NULL && strcmp(def->defnamespace, OPTION_NAMESPACE) != 0)
		return OPTION_KINDS;
	for (kind = 0; kind < OPTION_KINDS; kind++)
	{
		if (strcmp(def->defname, option_names[kind]) == 0)
			return (OptionKind) kind;
	}
	if (def->defnamespace != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unrecognized parameter \"%s.%s\"", OPTION_NAMESPACE, def->defname),
				 errdetail("Options of tsdb are \"segmentby\", \"orderby\" and \"direct_load\".")));
	return OPTION_KINDS;
}

/* Without errors, for the cheap test. */
static bool
list_has_ours(List *options)
{
	ListCell   *lc;

	foreach(lc, options)
	{
		DefElem    *def = lfirst_node(DefElem, lc);
		int			kind;

		if (def->defnamespace != NULL)
		{
			if (strcmp(def->defnamespace, OPTION_NAMESPACE) == 0)
				return true;
			continue;
		}
		for (kind = 0; kind < OPTION_KINDS; kind++)
		{
			if (strcmp(def->defname, option_names[kind]) == 0)
				return true;
		}
	}
	return false;
}

/* The CREATE TABLE AS in an EXPLAIN, or NULL. */
static CreateTableAsStmt *
explained_ctas(ExplainStmt *stmt)
{
	Node	   *query = stmt->query;

	if (query != NULL && IsA(query, Query))
		query = ((Query *) query)->utilityStmt;
	if (query != NULL && IsA(query, CreateTableAsStmt))
		return (CreateTableAsStmt *) query;
	return NULL;
}

bool
tsdb_option_ddl_applies(Node *stmt)
{
	ListCell   *lc;

	switch (nodeTag(stmt))
	{
		case T_CreateStmt:
			return list_has_ours(((CreateStmt *) stmt)->options);

		case T_CreateTableAsStmt:
			return list_has_ours(((CreateTableAsStmt *) stmt)->into->options);

		case T_ExplainStmt:
			{
				CreateTableAsStmt *ctas = explained_ctas((ExplainStmt *) stmt);

				return ctas != NULL && list_has_ours(ctas->into->options);
			}

		case T_AlterTableStmt:
			if (((AlterTableStmt *) stmt)->objtype != OBJECT_TABLE &&
				((AlterTableStmt *) stmt)->objtype != OBJECT_MATVIEW)
				return false;
			foreach(lc, ((AlterTableStmt *) stmt)->cmds)
			{
				AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);

				switch (cmd->subtype)
				{
					case AT_SetAccessMethod:
					case AT_AlterColumnType:
						return true;
					case AT_SetRelOptions:
					case AT_ResetRelOptions:
						if (list_has_ours((List *) cmd->def))
							return true;
						break;
					default:
						break;
				}
			}
			return false;

		default:
			return false;
	}
}

/* ------------------------------------------------------------------------
 * Before: take our options out
 * ------------------------------------------------------------------------
 */

/*
 * The value as text.  A name without quotes comes from the grammar as a type: orderby = time means
 * the column, not pg_catalog.time.
 */
static char *
option_value(DefElem *def)
{
	if (def->arg != NULL && IsA(def->arg, TypeName) && ((TypeName *) def->arg)->names != NIL)
		return pstrdup(quote_identifier(strVal(llast(((TypeName *) def->arg)->names))));
	return pstrdup(defGetString(def));
}

/* 'host, "Region"' */
static List *
parse_series(DefElem *def)
{
	char	   *value = option_value(def);
	List	   *names;
	ListCell   *lc;
	bool		parses;

	/* the names point into value */
	parses = SplitIdentifierString(value, ',', &names);
	if (!parses || names == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for option \"segmentby\": \"%s\"", option_value(def)),
				 errdetail("A list of column names separated by commas is expected."),
				 parses ? errhint("Use ALTER TABLE ... RESET (segmentby) to take the option back.") : 0));
	if (list_length(names) > TSDB_MAX_SERIES_COLUMNS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("option \"segmentby\" can name at most %d columns", TSDB_MAX_SERIES_COLUMNS)));
	foreach(lc, names)
	{
		ListCell   *lc2;

		for_each_cell(lc2, names, lnext(names, lc))
		{
			if (strcmp(lfirst(lc), lfirst(lc2)) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("option \"segmentby\" names column \"%s\" twice", (char *) lfirst(lc))));
		}
	}
	return names;
}

/* Cuts a closing word off, if a blank or a closing quote stands before it. */
static bool
cut_word(char *value, const char *word)
{
	size_t		len = strlen(value);
	size_t		wordlen = strlen(word);

	if (len <= wordlen || pg_strcasecmp(value + len - wordlen, word) != 0)
		return false;
	if (!isspace((unsigned char) value[len - wordlen - 1]) && value[len - wordlen - 1] != '"')
		return false;
	for (len -= wordlen; len > 0 && isspace((unsigned char) value[len - 1]); len--)
		;
	value[len] = '\0';
	return len > 0;
}

/* 'time', '"Time" asc' */
static char *
parse_order(DefElem *def)
{
	char	   *value = option_value(def);
	size_t		len = strlen(value);
	List	   *names;

	while (len > 0 && isspace((unsigned char) value[len - 1]))
		value[--len] = '\0';
	if (cut_word(value, "desc"))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("option \"orderby\" does not take DESC"),
				 errdetail("Compressed rows are kept in rising order, and can be read in both."),
				 errhint("Leave DESC out.")));
	(void) cut_word(value, "asc");
	if (!SplitIdentifierString(value, ',', &names) || list_length(names) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for option \"orderby\": \"%s\"", option_value(def)),
				 errdetail("The name of one column is expected.")));
	return linitial(names);
}

/* Takes our options out of a list; what remains is returned. */
static List *
take_options(TsdbOptionDdl *ddl, List *options, bool is_reset)
{
	List	   *others = NIL;
	bool		seen[OPTION_KINDS] = {false};
	ListCell   *lc;

	foreach(lc, options)
	{
		DefElem    *def = lfirst_node(DefElem, lc);
		OptionKind	kind = option_kind(def);

		if (kind == OPTION_KINDS)
		{
			others = lappend(others, def);
			continue;
		}

		if (seen[kind])
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("parameter \"%s\" specified more than once", option_names[kind])));
		seen[kind] = true;

		if (is_reset)
		{
			if (def->arg != NULL)
				ereport(ERROR,
						(errcode(ERRCODE_SYNTAX_ERROR),
						 errmsg("RESET must not include values for parameters")));
			ddl->action[kind] = OPTION_RESET;
			if (kind == OPTION_SEGMENTBY)
				ddl->series = NIL;
			else if (kind == OPTION_ORDERBY)
				ddl->order = NULL;
			continue;
		}

		ddl->action[kind] = OPTION_SET;
		switch (kind)
		{
			case OPTION_SEGMENTBY:
				ddl->series = parse_series(def);
				break;
			case OPTION_ORDERBY:
				ddl->order = parse_order(def);
				break;
			case OPTION_DIRECT_LOAD:
				ddl->direct_load = defGetBoolean(def);
				break;
			case OPTION_KINDS:
				break;
		}
	}

	return others;
}

static bool
changes_options(const TsdbOptionDdl *ddl)
{
	int			kind;

	for (kind = 0; kind < OPTION_KINDS; kind++)
	{
		if (ddl->action[kind] != OPTION_KEEP)
			return true;
	}
	return false;
}

/* The first option that is set, for messages; NULL = none is. */
static const char *
option_set(const TsdbOptionDdl *ddl)
{
	int			kind;

	for (kind = 0; kind < OPTION_KINDS; kind++)
	{
		if (ddl->action[kind] == OPTION_SET)
			return option_names[kind];
	}
	return NULL;
}

/* The order column must not be a series column; both by name, as far as the statement tells. */
static void
check_names(const TsdbOptionDdl *ddl)
{
	ListCell   *lc;

	if (ddl->action[OPTION_SEGMENTBY] != OPTION_SET || ddl->action[OPTION_ORDERBY] != OPTION_SET)
		return;
	foreach(lc, ddl->series)
	{
		if (strcmp(lfirst(lc), ddl->order) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("column \"%s\" cannot be both series column and order column", ddl->order)));
	}
}

/* Is it an access method with our handler?  Missing ones are left to core. */
static bool
access_method_is_other(const char *name)
{
	Oid			amoid = get_table_am_oid(name, true);
	HeapTuple	tuple;
	Oid			handler;

	if (!OidIsValid(amoid))
		return false;
	tuple = SearchSysCache1(AMOID, ObjectIdGetDatum(amoid));
	if (!HeapTupleIsValid(tuple))
		return false;
	handler = ((Form_pg_am) GETSTRUCT(tuple))->amhandler;
	ReleaseSysCache(tuple);
	return GetTableAmRoutine(handler) != &tsdb_methods;
}

/*
 * Where the relation will be made.  The statement, which is ours, gets the schema's name, so that core makes
 * it just there.
 */
static void
find_new_relation(TsdbOptionDdl *ddl, RangeVar *relation)
{
	ddl->nspid = RangeVarGetCreationNamespace(relation);
	ddl->relname = pstrdup(relation->relname);
	ddl->existing = get_relname_relid(ddl->relname, ddl->nspid);
	if (relation->schemaname == NULL && !isTempNamespace(ddl->nspid))
		relation->schemaname = get_namespace_name(ddl->nspid);
}

static void
check_new_access_method(const TsdbOptionDdl *ddl, const char *name)
{
	const char *option = option_set(ddl);

	if (option != NULL && access_method_is_other(name ? name : default_table_access_method))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("option \"%s\" needs access method tsdb", option),
				 errdetail("Table \"%s\" would use access method \"%s\".",
						   ddl->relname, name ? name : default_table_access_method),
				 errhint("Add USING tsdb.")));
}

/* The query of a CREATE TABLE AS tells names and types before it is run, which may take hours. */
static void
check_query_columns(const TsdbOptionDdl *ddl, CreateTableAsStmt *stmt)
{
	Query	   *query = (Query *) stmt->query;
	ListCell   *name = list_head(stmt->into->colNames);
	List	   *left = list_copy(ddl->series);
	bool		order_left = ddl->action[OPTION_ORDERBY] == OPTION_SET;
	ListCell   *lc;

	if (!IsA(query, Query) || query->commandType != CMD_SELECT)
		return;

	foreach(lc, query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);
		char	   *colname;
		ListCell   *lc2;

		if (tle->resjunk)
			continue;
		colname = tle->resname;
		if (name != NULL)
		{
			colname = strVal(lfirst(name));
			name = lnext(stmt->into->colNames, name);
		}
		if (colname == NULL)
			continue;
		foreach(lc2, left)
		{
			if (strcmp(lfirst(lc2), colname) == 0)
			{
				tsdb_option_check_series(colname, exprType((Node *) tle->expr));
				left = foreach_delete_current(left, lc2);
			}
		}
		if (order_left && strcmp(ddl->order, colname) == 0)
		{
			tsdb_option_check_order(colname, exprType((Node *) tle->expr));
			order_left = false;
		}
	}
	if (left != NIL || order_left)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of relation \"%s\" does not exist",
						left != NIL ? (char *) linitial(left) : ddl->order, ddl->relname)));
}

static void
push_pending(TsdbOptionDdl *ddl)
{
	ddl->pending = true;
	ddl->subid = GetCurrentSubTransactionId();
	ddl->outer = pending_ddl;
	pending_ddl = ddl;
}

static bool
explain_runs(ExplainStmt *stmt)
{
	bool		analyze = false;
	ListCell   *lc;

	foreach(lc, stmt->options)
	{
		DefElem    *def = lfirst_node(DefElem, lc);

		if (strcmp(def->defname, "analyze") == 0)
			analyze = defGetBoolean(def);
	}
	return analyze;
}

/* Takes our options out of all subcommands; a SET or RESET that is empty then, goes. */
static void
take_from_alter(TsdbOptionDdl *ddl, AlterTableStmt *stmt)
{
	List	   *cmds = NIL;
	ListCell   *lc;

	foreach(lc, stmt->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);

		switch (cmd->subtype)
		{
			case AT_SetRelOptions:
			case AT_ResetRelOptions:
				if (list_has_ours((List *) cmd->def))
				{
					cmd->def = (Node *) take_options(ddl, (List *) cmd->def,
													 cmd->subtype == AT_ResetRelOptions);
					if (cmd->def == NULL)
						continue;
				}
				break;
			case AT_SetAccessMethod:
				ddl->sets_access_method = true;
				break;
			case AT_AlterColumnType:
				ddl->changes_type = true;
				break;
			default:
				break;
		}
		cmds = lappend(cmds, cmd);
	}
	stmt->cmds = cmds;
}

TsdbOptionDdl *
tsdb_option_ddl_before(Node *stmt)
{
	/* looked at when a subtransaction fails, after its memory is gone */
	TsdbOptionDdl *ddl = MemoryContextAllocZero(TopTransactionContext, sizeof(TsdbOptionDdl));

	/* where core refuses the statement, it has the right words */
	bool		refused = XactReadOnly || RecoveryInProgress();

	switch (nodeTag(stmt))
	{
		case T_CreateStmt:
			{
				CreateStmt *create = (CreateStmt *) stmt;

				ddl->creates = true;
				create->options = take_options(ddl, create->options, false);
				check_names(ddl);
				if (refused)
					return NULL;
				find_new_relation(ddl, create->relation);
				if (OidIsValid(ddl->existing))
					return NULL;	/* skipped with IF NOT EXISTS, else an error */
				if (create->partspec == NULL)
					check_new_access_method(ddl, create->accessMethod);
				return ddl;
			}

		case T_ExplainStmt:
		case T_CreateTableAsStmt:
			{
				CreateTableAsStmt *ctas = IsA(stmt, ExplainStmt) ?
				explained_ctas((ExplainStmt *) stmt) : (CreateTableAsStmt *) stmt;

				ddl->creates = true;
				ctas->into->options = take_options(ddl, ctas->into->options, false);
				check_names(ddl);
				if (refused)
					return NULL;
				ddl->relname = ctas->into->rel->relname;
				if (IsA(stmt, ExplainStmt) && !explain_runs((ExplainStmt *) stmt))
				{
					check_new_access_method(ddl, ctas->into->accessMethod);
					check_query_columns(ddl, ctas);
					return NULL;
				}
				find_new_relation(ddl, ctas->into->rel);
				if (OidIsValid(ddl->existing))
					return NULL;
				check_new_access_method(ddl, ctas->into->accessMethod);
				check_query_columns(ddl, ctas);
				push_pending(ddl);
				return ddl;
			}

		case T_AlterTableStmt:
			{
				AlterTableStmt *alter = (AlterTableStmt *) stmt;

				take_from_alter(ddl, alter);
				check_names(ddl);
				if (refused)
					return NULL;

				/*
				 * Find and lock it as core will, with core's checks of kind and owner.  With the schema's name
				 * in the statement, core finds the same one.
				 */
				ddl->existing = AlterTableLookupRelation(alter, AlterTableGetLockLevel(alter->cmds));
				if (!OidIsValid(ddl->existing))
					return NULL;	/* IF EXISTS */
				ddl->relname = get_rel_name(ddl->existing);
				alter->relation->schemaname = get_namespace_name(get_rel_namespace(ddl->existing));
				if (changes_options(ddl))
					push_pending(ddl);
				return ddl;
			}

		default:
			return NULL;
	}
}

/* ------------------------------------------------------------------------
 * After: set labels
 * ------------------------------------------------------------------------
 */

static void
set_labels(Oid relid, const TsdbOptionDdl *ddl)
{
	Relation	rel = relation_open(relid, NoLock);
	TsdbLabels	old;
	AttrNumber	series[TSDB_MAX_SERIES_COLUMNS];
	AttrNumber	order = 0;
	int			nseries = 0;
	ListCell   *lc;
	int			i;

	if (!object_ownercheck(RelationRelationId, relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(rel->rd_rel->relkind),
					   RelationGetRelationName(rel));
	for (i = 0; i < OPTION_KINDS; i++)
	{
		if (ddl->action[i] != OPTION_KEEP)
			tsdb_option_check_relation(rel, option_names[i]);
	}
	tsdb_labels_read(relid, &old);

	/* what will hold */
	if (ddl->action[OPTION_SEGMENTBY] == OPTION_SET)
	{
		foreach(lc, ddl->series)
		{
			AttrNumber	attnum = tsdb_option_find_column(rel, lfirst(lc));

			tsdb_option_check_series(lfirst(lc), TupleDescAttr(RelationGetDescr(rel), attnum - 1)->atttypid);
			series[nseries++] = attnum;
		}
	}
	else if (ddl->action[OPTION_SEGMENTBY] == OPTION_KEEP)
	{
		nseries = old.nseries;
		memcpy(series, old.series, sizeof(AttrNumber) * nseries);
	}
	if (ddl->action[OPTION_ORDERBY] == OPTION_SET)
	{
		order = tsdb_option_find_column(rel, ddl->order);
		tsdb_option_check_order(ddl->order, TupleDescAttr(RelationGetDescr(rel), order - 1)->atttypid);
	}
	else if (ddl->action[OPTION_ORDERBY] == OPTION_KEEP)
		order = old.time_attnum;
	for (i = 0; i < nseries; i++)
	{
		if (series[i] == order)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("column \"%s\" cannot be both series column and order column",
							get_attname(relid, order, false))));
	}
	relation_close(rel, NoLock);

	/* old ones first: a column has one label, and may change sides */
	if (ddl->action[OPTION_SEGMENTBY] != OPTION_KEEP)
	{
		for (i = 0; i < old.nseries; i++)
			tsdb_label_set(relid, old.series[i], NULL);
	}
	if (ddl->action[OPTION_ORDERBY] != OPTION_KEEP && old.time_attnum != 0)
		tsdb_label_set(relid, old.time_attnum, NULL);
	if (ddl->action[OPTION_DIRECT_LOAD] == OPTION_RESET)
		tsdb_label_set(relid, 0, NULL);
	CommandCounterIncrement();

	if (ddl->action[OPTION_SEGMENTBY] == OPTION_SET)
	{
		for (i = 0; i < nseries; i++)
			tsdb_label_set(relid, series[i], psprintf("segmentby %d", i + 1));
	}
	if (ddl->action[OPTION_ORDERBY] == OPTION_SET)
		tsdb_label_set(relid, order, "orderby");
	if (ddl->action[OPTION_DIRECT_LOAD] == OPTION_SET)
		tsdb_label_set(relid, 0, ddl->direct_load ? "direct_load on" : "direct_load off");
	CommandCounterIncrement();
}

/*
 * A table that came to tsdb gets a chunk store: ALTER TABLE's rewrite makes no TOAST relation
 * where the old table had none.  One that left loses its labels, which pg_dump would write
 * and nobody could restore.
 */
static void
settle_access_method(Oid relid)
{
	Relation	rel = relation_open(relid, NoLock);
	char		relkind = rel->rd_rel->relkind;
	bool		ours = tsdb_is_tsdb(rel);
	bool		has_toast = OidIsValid(rel->rd_rel->reltoastrelid);

	relation_close(rel, NoLock);
	if (relkind != RELKIND_RELATION && relkind != RELKIND_MATVIEW)
		return;

	if (!ours)
		tsdb_labels_drop(relid);
	else if (!has_toast)
		AlterTableCreateToastTable(relid, (Datum) 0, AccessExclusiveLock);
	CommandCounterIncrement();
}

/* After ALTER COLUMN TYPE: labels of the table and of what inherits the column must still fit. */
static void
check_labelled_types(Oid relid)
{
	List	   *relids = find_all_inheritors(relid, NoLock, NULL);
	ListCell   *lc;

	foreach(lc, relids)
	{
		TsdbLabels	labels;
		int			i;

		tsdb_labels_read(lfirst_oid(lc), &labels);
		for (i = 0; i < labels.nseries; i++)
			tsdb_option_check_series(get_attname(lfirst_oid(lc), labels.series[i], false),
									 get_atttype(lfirst_oid(lc), labels.series[i]));
		if (labels.time_attnum != 0)
			tsdb_option_check_order(get_attname(lfirst_oid(lc), labels.time_attnum, false),
									get_atttype(lfirst_oid(lc), labels.time_attnum));
	}
	list_free(relids);
}

void
tsdb_option_ddl_after(TsdbOptionDdl *ddl, Node *stmt)
{
	Oid			relid = ddl->existing;

	if (ddl->pending)
	{
		Assert(pending_ddl == ddl);
		pending_ddl = ddl->outer;
	}
	CommandCounterIncrement();

	if (ddl->creates)
	{
		Relation	rel;
		bool		made_here;

		relid = get_relname_relid(ddl->relname, ddl->nspid);
		if (!OidIsValid(relid))
			return;				/* an event trigger dropped it */

		/* IF NOT EXISTS, and somebody else was faster: not ours to label */
		rel = relation_open(relid, AccessShareLock);
		made_here = rel->rd_createSubid != InvalidSubTransactionId;
		relation_close(rel, NoLock);
		if (!made_here)
			return;
	}

	if (ddl->sets_access_method)
		settle_access_method(relid);
	if (changes_options(ddl))
		set_labels(relid, ddl);
	if (ddl->changes_type)
		check_labelled_types(relid);
}

/* ------------------------------------------------------------------------
 * Statements that are running
 * ------------------------------------------------------------------------
 */

/* The table's column of this name, or 0: what is wrong, "after" will say. */
static AttrNumber
column_if_there(TupleDesc tupdesc, const char *name)
{
	int			i;

	for (i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);

		if (!att->attisdropped && namestrcmp(&att->attname, name) == 0)
			return att->attnum;
	}
	return 0;
}

bool
tsdb_option_ddl_pending(Relation rel, Oid relid, TsdbLabels *labels)
{
	TsdbOptionDdl *ddl;
	TupleDesc	tupdesc = RelationGetDescr(rel);
	ListCell   *lc;

	/* both kinds fill a relation that their transaction made */
	if (rel->rd_createSubid == InvalidSubTransactionId)
		return false;
	for (ddl = pending_ddl; ddl != NULL; ddl = ddl->outer)
	{
		if (ddl->creates ?
			(ddl->nspid == RelationGetNamespace(rel) &&
			 strcmp(ddl->relname, RelationGetRelationName(rel)) == 0) :
			ddl->existing == relid)
			break;
	}
	if (ddl == NULL)
		return false;

	tsdb_labels_read(relid, labels);
	if (ddl->action[OPTION_SEGMENTBY] != OPTION_KEEP)
	{
		labels->nseries = 0;
		foreach(lc, ddl->series)
		{
			AttrNumber	attnum = column_if_there(tupdesc, lfirst(lc));

			if (attnum == 0)
				continue;
			labels->series[labels->nseries] = attnum;
			labels->position[labels->nseries] = labels->nseries + 1;
			labels->nseries++;
		}
	}
	if (ddl->action[OPTION_ORDERBY] != OPTION_KEEP)
		labels->time_attnum = ddl->order != NULL ? column_if_there(tupdesc, ddl->order) : 0;
	if (ddl->action[OPTION_DIRECT_LOAD] != OPTION_KEEP)
	{
		labels->direct_load_given = (ddl->action[OPTION_DIRECT_LOAD] == OPTION_SET);
		labels->direct_load = ddl->direct_load;
	}
	return true;
}

static void
forget_pending(XactEvent event, void *arg)
{
	/* entries lived in TopTransactionContext */
	if (event == XACT_EVENT_ABORT || event == XACT_EVENT_PARALLEL_ABORT)
		pending_ddl = NULL;
}

static void
forget_pending_sub(SubXactEvent event, SubTransactionId mySubid, SubTransactionId parentSubid, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
	{
		while (pending_ddl != NULL && pending_ddl->subid >= mySubid)
			pending_ddl = pending_ddl->outer;
	}
}

void
tsdb_option_ddl_init(void)
{
	RegisterXactCallback(forget_pending, NULL);
	RegisterSubXactCallback(forget_pending_sub, NULL);
}
