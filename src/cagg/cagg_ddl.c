/*-------------------------------------------------------------------------
 * cagg_ddl.c
 *	  Utility statements: making and dropping aggregates as materialized views, changes to the tables they are made of.
 *
 * An aggregate goes with its view, by whatever statement that is dropped (the source, CASCADE, for one): the hook for dropped
 * objects deletes its row in tsdb.cagg and notes the table of stored buckets, which is dropped when the statement is through.
 */
#include "cagg/cagg.h"
#include "cagg/cagg_internal.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "commands/defrem.h"
#include "commands/tablecmds.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "parser/parser.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"

PG_FUNCTION_INFO_V1(tsdb_cagg_changed);

/* Tables of stored buckets to be dropped, with the subtransaction that dropped the view; in TopTransactionContext */
typedef struct Orphan
{
	Oid			stored;
	SubTransactionId subid;
} Orphan;

static List *orphans = NIL;
static object_access_hook_type prev_object_access = NULL;

static DefElem *
take_option(List **options, const char *name)
{
	ListCell   *lc;

	foreach(lc, *options)
	{
		DefElem    *def = lfirst(lc);

		if (def->defnamespace != NULL && strcmp(def->defname, name) == 0 &&
			(strcmp(def->defnamespace, "tsdb") == 0 || strcmp(def->defnamespace, "timescaledb") == 0))
		{
			*options = foreach_delete_current(*options, lc);
			return def;
		}
	}
	return NULL;
}

/* CREATE MATERIALIZED VIEW ... WITH (tsdb.continuous): the raw statement again, for what is handed on is analyzed. */
static bool
create(PlannedStmt *pstmt, const char *query_string)
{
	CreateTableAsStmt *stmt = (CreateTableAsStmt *) pstmt->utilityStmt;
	List	   *options = list_copy(stmt->into->options);
	DefElem    *continuous = take_option(&options, "continuous");
	DefElem    *materialized_only = take_option(&options, "materialized_only");
	List	   *raws;
	ListCell   *lc;
	CreateTableAsStmt *raw = NULL;

	if (continuous == NULL)
		return false;
	if (stmt->objtype != OBJECT_MATVIEW)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("only materialized views can be continuous aggregates")));
	if (!defGetBoolean(continuous))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"continuous\" must be true")));
	if (options != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" is not one of continuous aggregates", linitial_node(DefElem, options)->defname),
				 errdetail("Options are tsdb.continuous and tsdb.materialized_only.")));
	if (stmt->into->accessMethod != NULL || stmt->into->tableSpaceName != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("continuous aggregates have no access method or tablespace of their own"),
				 errhint("ALTER TABLE the table of stored buckets.")));

	raws = raw_parser(query_string, RAW_PARSE_DEFAULT);
	foreach(lc, raws)
	{
		RawStmt    *candidate = lfirst_node(RawStmt, lc);

		if (IsA(candidate->stmt, CreateTableAsStmt) &&
			(candidate->stmt_location == pstmt->stmt_location || list_length(raws) == 1))
			raw = (CreateTableAsStmt *) candidate->stmt;
	}
	if (raw == NULL || raw->objtype != OBJECT_MATVIEW || !IsA(raw->query, SelectStmt))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("this statement cannot make a continuous aggregate"),
				 errhint("Use tsdb.create_continuous_aggregate.")));
	tsdb_cagg_create(raw->into->rel, (SelectStmt *) raw->query, raw->into->colNames, query_string, raw->if_not_exists,
					 materialized_only != NULL && defGetBoolean(materialized_only), !raw->into->skipData);
	return true;
}

/* Are all objects of DROP MATERIALIZED VIEW aggregates, that is views? */
static bool
drops_caggs(DropStmt *stmt)
{
	ListCell   *lc;
	bool		any = false;

	foreach(lc, stmt->objects)
	{
		Oid			relid = RangeVarGetRelid(makeRangeVarFromNameList(lfirst(lc)), NoLock, true);
		TsdbCagg	cagg;

		if (!OidIsValid(relid))
			continue;
		if (get_rel_relkind(relid) != RELKIND_VIEW || !tsdb_cagg_find_view(relid, &cagg))
			return false;
		any = true;
	}
	return any;
}

static bool
named_cagg(RangeVar *name, TsdbCagg *cagg)
{
	Oid			relid = RangeVarGetRelid(name, NoLock, true);

	return OidIsValid(relid) && get_rel_relkind(relid) == RELKIND_VIEW && tsdb_cagg_find_view(relid, cagg);
}

/* Renaming the time column, which renames it in all that inherits it, would leave tsdb.cagg with its old name. */
static void
check_rename(RenameStmt *stmt)
{
	Oid			relid;
	ListCell   *lc;
	ListCell   *lc2;

	if (stmt->renameType != OBJECT_COLUMN || stmt->relation == NULL || !OidIsValid(tsdb_cagg_catalog()))
		return;
	relid = RangeVarGetRelid(stmt->relation, NoLock, true);
	if (!OidIsValid(relid))
		return;
	foreach(lc, find_all_inheritors(relid, NoLock, NULL))
	{
		foreach(lc2, tsdb_cagg_of_source(lfirst_oid(lc)))
		{
			if (strcmp(NameStr(((TsdbCagg *) lfirst(lc2))->time_column), stmt->subname) == 0)
				ereport(ERROR,
						(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						 errmsg("cannot rename column \"%s\": continuous aggregates go by it", stmt->subname),
						 errhint("Drop them first.")));
		}
	}
}

/*
 * A table has become another's child.  Core has locked it and has told all sessions, but has done neither for tables that inherit from it:
 * who writes to one of them has to end first, and to look anew then.
 */
static void
note_inherits(Oid relid)
{
	if (tsdb_capture_sources(relid) == NIL)
		return;
	(void) find_all_inheritors(relid, ShareRowExclusiveLock, NULL);
	tsdb_cagg_invalidate(relid);
	CommandCounterIncrement();
}

/* A partition that leaves takes its rows with it: told in the same transaction, or for CONCURRENTLY in the first one. */
static void
note_detached(AlterTableStmt *stmt)
{
	ListCell   *lc;

	foreach(lc, stmt->cmds)
	{
		AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);
		Oid			relid = InvalidOid;

		if (cmd->subtype == AT_DetachPartition)
			relid = RangeVarGetRelid(castNode(PartitionCmd, cmd->def)->name, NoLock, true);
		else if (cmd->subtype == AT_DropInherit)
			relid = RangeVarGetRelid(stmt->relation, NoLock, true);
		if (OidIsValid(relid) && tsdb_capture_sources(relid) != NIL)
			tsdb_capture_whole(relid, GetCurrentCommandId(true));
	}
}

bool
tsdb_cagg_before_utility(PlannedStmt **pstmt, const char *query_string, QueryCompletion *qc)
{
	Node	   *stmt = (*pstmt)->utilityStmt;
	TsdbCagg	cagg;

	switch (nodeTag(stmt))
	{
		case T_CreateTableAsStmt:
			if (!create(*pstmt, query_string))
				return false;
			if (qc != NULL)
				SetQueryCompletion(qc, CMDTAG_CREATE_MATERIALIZED_VIEW, 0);
			return true;
		case T_RefreshMatViewStmt:
			if (!OidIsValid(tsdb_cagg_catalog()) || !named_cagg(((RefreshMatViewStmt *) stmt)->relation, &cagg))
				return false;
			tsdb_cagg_require(cagg.view, &cagg);
			(void) tsdb_cagg_refresh(&cagg, PG_INT64_MIN, PG_INT64_MAX, false);
			if (qc != NULL)
				SetQueryCompletion(qc, CMDTAG_REFRESH_MATERIALIZED_VIEW, 0);
			return true;
		case T_DropStmt:
			if (((DropStmt *) stmt)->removeType == OBJECT_MATVIEW && OidIsValid(tsdb_cagg_catalog()) &&
				drops_caggs((DropStmt *) stmt))
			{
				*pstmt = copyObject(*pstmt);
				((DropStmt *) (*pstmt)->utilityStmt)->removeType = OBJECT_VIEW;
			}
			return false;
		case T_RenameStmt:
			check_rename((RenameStmt *) stmt);
			return false;
		case T_AlterTableStmt:
			if (OidIsValid(tsdb_cagg_catalog()))
				note_detached((AlterTableStmt *) stmt);
			return false;
		default:
			return false;
	}
}

/* Something about the relation, or what it is a part of, has changed. */
static void
check_changed(RangeVar *name)
{
	Oid			relid = RangeVarGetRelid(name, NoLock, true);
	ListCell   *lc;

	if (!OidIsValid(relid))
		return;
	foreach(lc, tsdb_capture_sources(relid))
		tsdb_cagg_check_tree(lfirst_oid(lc));
}

/* The table of stored buckets belongs to whom the view belongs to. */
static void
follow_owner(RangeVar *name)
{
	Oid			relid = RangeVarGetRelid(name, NoLock, true);
	HeapTuple	tuple;
	Oid			owner;
	TsdbCagg	cagg;

	if (!OidIsValid(relid) || !tsdb_cagg_find_view(relid, &cagg))
		return;
	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", relid);
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	ATExecChangeOwner(cagg.stored, owner, false, AccessExclusiveLock);
}

static void
drop_orphans(void)
{
	while (orphans != NIL)
	{
		Orphan	   *orphan = linitial(orphans);
		ObjectAddress address;

		orphans = list_delete_first(orphans);
		if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(orphan->stored)))
			continue;
		ObjectAddressSet(address, RelationRelationId, orphan->stored);
		performDeletion(&address, DROP_RESTRICT, 0);
	}
}

bool
tsdb_cagg_is_ddl(Node *stmt)
{
	switch (nodeTag(stmt))
	{
		case T_AlterTableStmt:
		case T_CreateStmt:
		case T_CreateForeignTableStmt:
		case T_DropStmt:
		case T_DropOwnedStmt:
			return true;
		default:
			return false;
	}
}

void
tsdb_cagg_after_utility(Node *stmt)
{
	ListCell   *lc;

	switch (nodeTag(stmt))
	{
		case T_AlterTableStmt:
			if (!OidIsValid(tsdb_cagg_catalog()))
				break;
			check_changed(((AlterTableStmt *) stmt)->relation);
			foreach(lc, ((AlterTableStmt *) stmt)->cmds)
			{
				AlterTableCmd *cmd = lfirst_node(AlterTableCmd, lc);
				Oid			relid = InvalidOid;

				if (cmd->subtype == AT_AttachPartition)
					relid = RangeVarGetRelid(castNode(PartitionCmd, cmd->def)->name, NoLock, true);
				else if (cmd->subtype == AT_AddInherit)
				{
					relid = RangeVarGetRelid(((AlterTableStmt *) stmt)->relation, NoLock, true);
					if (OidIsValid(relid))
						note_inherits(relid);
				}
#if PG_VERSION_NUM >= 170000
				/* all values of a column are others now; what is made of them cannot be told, so all is */
				else if (cmd->subtype == AT_SetExpression)
					relid = RangeVarGetRelid(((AlterTableStmt *) stmt)->relation, NoLock, true);
#endif
				else if (cmd->subtype == AT_ChangeOwner)
					follow_owner(((AlterTableStmt *) stmt)->relation);
				if (OidIsValid(relid))
					tsdb_capture_whole(relid, GetCurrentCommandId(true));
			}
			break;
		case T_CreateStmt:
			if (((CreateStmt *) stmt)->inhRelations != NIL && OidIsValid(tsdb_cagg_catalog()))
				check_changed(((CreateStmt *) stmt)->relation);
			break;
		case T_CreateForeignTableStmt:
			if (((CreateForeignTableStmt *) stmt)->base.inhRelations != NIL && OidIsValid(tsdb_cagg_catalog()))
				check_changed(((CreateForeignTableStmt *) stmt)->base.relation);
			break;
		default:
			break;
	}
	if (orphans != NIL)
		drop_orphans();
}

static void
cagg_object_access(ObjectAccessType access, Oid classId, Oid objectId, int subId, void *arg)
{
	if (prev_object_access)
		prev_object_access(access, classId, objectId, subId, arg);
	if (access != OAT_DROP || classId != RelationRelationId || subId != 0 || objectId < FirstNormalObjectId)
		return;
	/* (with the extension itself its tables go, in any order) */
	switch (get_rel_relkind(objectId))
	{
		case RELKIND_VIEW:
			{
				TsdbCagg	cagg;

				if (tsdb_cagg_find_view(objectId, &cagg))
				{
					MemoryContext oldcxt = MemoryContextSwitchTo(TopTransactionContext);
					Orphan	   *orphan = palloc(sizeof(Orphan));

					orphan->stored = cagg.stored;
					orphan->subid = GetCurrentSubTransactionId();
					orphans = lappend(orphans, orphan);
					MemoryContextSwitchTo(oldcxt);
					tsdb_cagg_delete(cagg.stored);
				}
				break;
			}
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
			/* a partition that goes; of the source itself, all goes */
			if (OidIsValid(tsdb_cagg_catalog()) && OidIsValid(tsdb_cagg_dirty_table()) &&
				tsdb_capture_sources(objectId) != NIL)
				tsdb_capture_whole(objectId, GetCurrentCommandId(true));
			break;
		default:
			break;
	}
}

/*
 * Trigger of tsdb.cagg: for rows that a restore brings, too.  Of those, nobody knows who writes to their tables: in a parallel restore, COPY commands that
 * began before there was an aggregate.  They have to end first, or a policy's refresh would neither see their rows nor be told of them.
 */
Datum
tsdb_cagg_changed(PG_FUNCTION_ARGS)
{
	TriggerData *data = (TriggerData *) fcinfo->context;
	HeapTuple	tuple;
	bool		isnull;
	Datum		stored;
	Datum		source;

	/* anybody may make a trigger of it, on a table of his own */
	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_FOR_ROW(data->tg_event) || !TRIGGER_FIRED_AFTER(data->tg_event) ||
		RelationGetRelid(data->tg_relation) != tsdb_cagg_catalog())
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" must be called as a trigger after each row of table \"%s\"", "tsdb.cagg_changed", "tsdb.cagg")));
	tuple = data->tg_trigtuple;
	source = heap_getattr(tuple, 3, RelationGetDescr(data->tg_relation), &isnull);
	if (isnull)
		return PointerGetDatum(tuple);
	stored = heap_getattr(tuple, 1, RelationGetDescr(data->tg_relation), &isnull);
	if (TRIGGER_FIRED_BY_INSERT(data->tg_event))
	{
		LockRelationOid(DatumGetObjectId(source), ShareRowExclusiveLock);
		(void) find_all_inheritors(DatumGetObjectId(source), ShareRowExclusiveLock, NULL);
		if (!isnull)
			LockRelationOid(DatumGetObjectId(stored), ShareRowExclusiveLock);
	}
	tsdb_cagg_invalidate(DatumGetObjectId(source));
	if (!isnull)
		tsdb_cagg_invalidate(DatumGetObjectId(stored));
	return PointerGetDatum(tuple);
}

static void
ddl_xact_callback(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			/* dropped by other means than a statement */
			if (orphans != NIL)
				drop_orphans();
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PREPARE:
		case XACT_EVENT_ABORT:
			orphans = NIL;
			break;
		default:
			break;
	}
}

static void
ddl_subxact_callback(SubXactEvent event, SubTransactionId subid, SubTransactionId parent, void *arg)
{
	ListCell   *lc;

	foreach(lc, orphans)
	{
		Orphan	   *orphan = lfirst(lc);

		if (orphan->subid != subid)
			continue;
		if (event == SUBXACT_EVENT_ABORT_SUB)
			orphans = foreach_delete_current(orphans, lc);
		else if (event == SUBXACT_EVENT_COMMIT_SUB)
			orphan->subid = parent;
	}
}

void
tsdb_cagg_ddl_init(void)
{
	prev_object_access = object_access_hook;
	object_access_hook = cagg_object_access;
	RegisterXactCallback(ddl_xact_callback, NULL);
	RegisterSubXactCallback(ddl_subxact_callback, NULL);
}

void
tsdb_cagg_init(void)
{
	tsdb_capture_init();
	tsdb_cagg_ddl_init();
}
