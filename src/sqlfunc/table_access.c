/*-------------------------------------------------------------------------
 * table_access.c
 *	  Finding the tables that a SQL function was given, and who may ask.
 *
 * Used by the other files of this folder.  Two ways: functions that were called for a table
 * raise errors; those behind views pass over what they cannot show.
 *-------------------------------------------------------------------------
 */
#include "sqlfunc/table_access.h"

#include "access/relation.h"
#include "access/table.h"
#include "access/xlog.h"
#include "am/tsdb_handler.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/rls.h"

static void
report_undefined(Oid relid)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_TABLE),
			 errmsg("relation with OID %u does not exist", relid)));
}

void
tsdb_require_owner(Oid relid)
{
	if (!object_ownercheck(RelationRelationId, relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(get_rel_relkind(relid)), get_rel_name(relid));
}

void
tsdb_require_select(Oid relid)
{
	AclResult	result = pg_class_aclcheck(relid, GetUserId(), ACL_SELECT);

	if (result != ACLCHECK_OK && !object_ownercheck(RelationRelationId, relid, GetUserId()))
		aclcheck_error(result, get_relkind_objtype(get_rel_relkind(relid)), get_rel_name(relid));
}

/* The leaf partitions of ours.  Others, foreign tables among them, are left alone. */
static List *
lock_partitions(Oid relid, LOCKMODE lockmode, void (*allowed) (Oid relid))
{
	List	   *children = find_all_inheritors(relid, lockmode, NULL);
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, children)
	{
		Relation	rel = try_relation_open(lfirst_oid(lc), NoLock);

		if (rel == NULL)
			continue;
		if (rel->rd_rel->relkind == RELKIND_RELATION && tsdb_is_tsdb(rel) && !RELATION_IS_OTHER_TEMP(rel))
		{
			allowed(lfirst_oid(lc));
			result = lappend_oid(result, lfirst_oid(lc));
		}
		relation_close(rel, NoLock);
	}
	return result;
}

List *
tsdb_tables_lock(Oid relid, LOCKMODE lockmode, void (*allowed) (Oid relid))
{
	char		relkind = get_rel_relkind(relid);
	Relation	rel;
	List	   *result;

	if (relkind == '\0')
		report_undefined(relid);
	if (relkind != RELKIND_RELATION && relkind != RELKIND_MATVIEW && relkind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table or materialized view", get_rel_name(relid)),
				 errdetail_relkind_not_supported(relkind)));
	allowed(relid);

	rel = try_relation_open(relid, lockmode);
	if (rel == NULL)
		report_undefined(relid);

	if (rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE)
		result = lock_partitions(relid, lockmode, allowed);
	else
	{
		if (!tsdb_is_tsdb(rel))
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("table \"%s\" does not use access method tsdb", RelationGetRelationName(rel)),
					 errhint("Use ALTER TABLE ... SET ACCESS METHOD tsdb first.")));
		if (RELATION_IS_OTHER_TEMP(rel))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("cannot access temporary tables of other sessions")));
		result = list_make1_oid(relid);
	}
	relation_close(rel, NoLock);
	return result;
}

Relation
tsdb_table_open_visible(Oid relid)
{
	char		relkind = get_rel_relkind(relid);
	Relation	rel;

	if (relkind != RELKIND_RELATION && relkind != RELKIND_MATVIEW)
		return NULL;
	if (pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) != ACLCHECK_OK &&
		pg_attribute_aclcheck_all(relid, GetUserId(), ACL_SELECT, ACLMASK_ANY) != ACLCHECK_OK &&
		!object_ownercheck(RelationRelationId, relid, GetUserId()))
		return NULL;

	rel = try_relation_open(relid, AccessShareLock);
	if (rel == NULL)
		return NULL;
	if (!tsdb_is_tsdb(rel) || RELATION_IS_OTHER_TEMP(rel) ||
		(RecoveryInProgress() && !RelationIsPermanent(rel)))
	{
		relation_close(rel, AccessShareLock);
		return NULL;
	}
	return rel;
}

void
tsdb_table_close_visible(Relation rel)
{
	relation_close(rel, AccessShareLock);
}

bool
tsdb_column_is_visible(Relation rel, AttrNumber attnum)
{
	Oid			relid = RelationGetRelid(rel);

	/* as pg_stats: what is in rows that a policy hides must not show in statistics */
	if (check_enable_rls(relid, InvalidOid, true) == RLS_ENABLED)
		return false;
	return object_ownercheck(RelationRelationId, relid, GetUserId()) ||
		pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) == ACLCHECK_OK ||
		pg_attribute_aclcheck(relid, attnum, GetUserId(), ACL_SELECT) == ACLCHECK_OK;
}

void
tsdb_store_close_unlock(TsdbStore *store)
{
	Oid			toastrelid = RelationGetRelid(store->toastrel);
	List	   *indexes = NIL;
	ListCell   *lc;
	int			i;

	Assert(store->lockmode == AccessShareLock);
	for (i = 0; i < store->nindexes; i++)
		indexes = lappend_oid(indexes, RelationGetRelid(store->indexes[i]));

	tsdb_store_close(store);
	foreach(lc, indexes)
		UnlockRelationOid(lfirst_oid(lc), AccessShareLock);
	UnlockRelationOid(toastrelid, AccessShareLock);
	list_free(indexes);
}

char *
tsdb_plain_text(Datum value, Oid type)
{
	int			level = NewGUCNestLevel();
	Oid			output;
	bool		is_varlena;
	char	   *text;

	(void) set_config_option("DateStyle", "ISO", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	getTypeOutputInfo(type, &output, &is_varlena);
	text = OidOutputFunctionCall(output, value);
	AtEOXact_GUC(true, level);
	return text;
}
