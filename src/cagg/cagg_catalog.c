/*-------------------------------------------------------------------------
 * cagg_catalog.c
 *	  Rows of tsdb.cagg.
 *
 * Read by catalogue scans, which need no privilege; written as the owner of the extension's tables, after the caller has been
 * found to own the aggregate.
 *-------------------------------------------------------------------------
 */
#include "cagg/cagg_internal.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "sqlfunc/table_access.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

enum
{
	Anum_stored = 1,
	Anum_view,
	Anum_source,
	Anum_parent,
	Anum_time_column,
	Anum_bucket_column,
	Anum_bucket_expr,
	Anum_materialized_only,
	Anum_kept_before,
	Natts_cagg = Anum_kept_before
};

/*
 * In a database without the extension the schema may be anybody's, and what his tables hold is not what we read from ours: expressions
 * among it, which would run as whoever changes a table.  *known is the table last found to be the extension's, to be looked up but once.
 */
static Oid
our_table(const char *name, Oid *known)
{
	Oid			schema = get_namespace_oid("tsdb", true);
	Oid			relid = OidIsValid(schema) ? get_relname_relid(name, schema) : InvalidOid;
	Oid			extension;

	if (!OidIsValid(relid) || relid == *known)
		return relid;
	extension = get_extension_oid("tsdb_am", true);
	if (!OidIsValid(extension) || getExtensionOfObject(RelationRelationId, relid) != extension)
		return InvalidOid;
	*known = relid;
	return relid;
}

Oid
tsdb_cagg_catalog(void)
{
	static Oid	known = InvalidOid;

	return our_table("cagg", &known);
}

Oid
tsdb_cagg_dirty_table(void)
{
	static Oid	known = InvalidOid;

	return our_table("cagg_dirty", &known);
}

static void
read_row(HeapTuple tuple, TupleDesc desc, TsdbCagg *cagg)
{
	Datum		values[Natts_cagg];
	bool		nulls[Natts_cagg];

	if (desc->natts != Natts_cagg)
		elog(ERROR, "tsdb.cagg has %d columns", desc->natts);
	heap_deform_tuple(tuple, desc, values, nulls);
#define VALUE(name) (values[Anum_##name - 1])
	cagg->stored = DatumGetObjectId(VALUE(stored));
	cagg->view = DatumGetObjectId(VALUE(view));
	cagg->source = DatumGetObjectId(VALUE(source));
	cagg->parent = nulls[Anum_parent - 1] ? InvalidOid : DatumGetObjectId(VALUE(parent));
	cagg->time_column = *DatumGetName(VALUE(time_column));
	cagg->bucket_attnum = DatumGetInt16(VALUE(bucket_column));
	cagg->bucket_expr = TextDatumGetCString(VALUE(bucket_expr));
	cagg->materialized_only = DatumGetBool(VALUE(materialized_only));
	cagg->kept_before = nulls[Anum_kept_before - 1] ? PG_INT64_MIN : DatumGetInt64(VALUE(kept_before));
#undef VALUE
}

/* Rows whose column is that relation, NULL = in the latest snapshot.  The table has few rows, and callers remember the outcome: no index is used. */
static List *
find_rows(AttrNumber attnum, Oid relid, Snapshot snapshot)
{
	Oid			catalog = tsdb_cagg_catalog();
	Relation	rel;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	List	   *rows = NIL;

	if (!OidIsValid(catalog))
		return NIL;
	rel = try_relation_open(catalog, AccessShareLock);
	if (rel == NULL)
		return NIL;
	ScanKeyInit(&key, attnum, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(rel, InvalidOid, false, snapshot, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		TsdbCagg   *cagg = palloc(sizeof(TsdbCagg));

		read_row(tuple, RelationGetDescr(rel), cagg);
		rows = lappend(rows, cagg);
	}
	systable_endscan(scan);
	relation_close(rel, AccessShareLock);
	return rows;
}

static bool
find_one(AttrNumber attnum, Oid relid, Snapshot snapshot, TsdbCagg *cagg)
{
	List	   *rows = find_rows(attnum, relid, snapshot);

	if (rows == NIL)
		return false;
	*cagg = *(TsdbCagg *) linitial(rows);
	return true;
}

bool
tsdb_cagg_find(Oid stored, TsdbCagg *cagg)
{
	return find_one(Anum_stored, stored, NULL, cagg);
}

bool
tsdb_cagg_find_as_of(Oid stored, Snapshot snapshot, TsdbCagg *cagg)
{
	return find_one(Anum_stored, stored, snapshot, cagg);
}

bool
tsdb_cagg_find_view(Oid view, TsdbCagg *cagg)
{
	return find_one(Anum_view, view, NULL, cagg);
}

List *
tsdb_cagg_of_source(Oid source)
{
	return find_rows(Anum_source, source, NULL);
}

bool
tsdb_cagg_has_children(Oid stored)
{
	return find_rows(Anum_parent, stored, NULL) != NIL;
}

void
tsdb_cagg_require(Oid relid, TsdbCagg *cagg)
{
	char	   *name = get_rel_name(relid);

	if (name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relid)));
	if (!tsdb_cagg_find_view(relid, cagg) && !tsdb_cagg_find(relid, cagg))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a continuous aggregate", name)));
	tsdb_require_owner(cagg->view);
}

void
tsdb_cagg_execute(const char *query, int nargs, Oid *types, Datum *values, const char *nulls)
{
	Oid			save_userid;
	int			save_sec_context;
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(tsdb_cagg_catalog()));
	Oid			owner;
	int			result;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"tsdb.cagg\" does not exist"),
				 errhint("Use ALTER EXTENSION tsdb_am UPDATE.")));
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);

	GetUserIdAndSecContext(&save_userid, &save_sec_context);
	SetUserIdAndSecContext(owner, save_sec_context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
	SPI_connect();
	result = SPI_execute_with_args(query, nargs, types, values, nulls, false, 0);
	if (result < 0)
		elog(ERROR, "SPI_execute_with_args returned %s", SPI_result_code_string(result));
	SPI_finish();
	SetUserIdAndSecContext(save_userid, save_sec_context);
}

/* In C, for it happens while objects are dropped: no statement could be planned in the middle of that. */
void
tsdb_cagg_delete(Oid stored)
{
	Relation	rel = table_open(tsdb_cagg_catalog(), RowExclusiveLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_stored, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(stored));
	scan = systable_beginscan(rel, InvalidOid, false, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		TsdbCagg	cagg;

		read_row(tuple, RelationGetDescr(rel), &cagg);
		CatalogTupleDelete(rel, &tuple->t_self);
		tsdb_cagg_invalidate(cagg.source);
	}
	systable_endscan(scan);
	table_close(rel, NoLock);
	CommandCounterIncrement();
}

void
tsdb_cagg_invalidate(Oid source)
{
	ListCell   *lc;

	foreach(lc, find_all_inheritors(source, NoLock, NULL))
	{
		if (SearchSysCacheExists1(RELOID, ObjectIdGetDatum(lfirst_oid(lc))))
			CacheInvalidateRelcacheByRelid(lfirst_oid(lc));
	}
}
