/*-------------------------------------------------------------------------
 * shards.c
 *	  What shards need beside SQL: rows of tsdb.shards, checks that are proved by a scan, limits of any type.
 *
 * Shards are native partitions; the functions that make, fill and drop them are PL/pgSQL, in the
 * extension's script.  Here is what SQL cannot do:
 *
 * - tsdb.shards is written by every owner of a table, but only the rows of his own tables.  Row
 *   security would do that too, and would then stand in the way of a pg_dump without superuser.
 * - A new partition makes core read the whole default partition, row by row, under
 *   AccessExclusiveLock, unless a valid CHECK constraint says that no row would have to move.
 *   A scan with pruning proves such a constraint at once; VALIDATE CONSTRAINT would read all rows.
 * - Arguments of type "any", which PL/pgSQL does not take.
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/indexing.h"
#include "catalog/namespace.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "injection.h"
#include "miscadmin.h"
#include "sqlfunc/table_access.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

PG_FUNCTION_INFO_V1(tsdb_sql_set_shards);
PG_FUNCTION_INFO_V1(tsdb_sql_forget_shards);
PG_FUNCTION_INFO_V1(tsdb_sql_count_moved_rows);
PG_FUNCTION_INFO_V1(tsdb_sql_validate_check);
PG_FUNCTION_INFO_V1(tsdb_sql_show_chunks);
PG_FUNCTION_INFO_V1(tsdb_sql_drop_chunks);

/* ------------------------------------------------------------------------
 * Rows of tsdb.shards
 * ------------------------------------------------------------------------
 */

static Oid
shards_table_owner(void)
{
	Oid			relid = get_relname_relid("shards", get_namespace_oid("tsdb", false));
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"tsdb.shards\" does not exist")));
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

static void
execute_with_args(const char *query, int nargs, Oid *types, Datum *values, const char *nulls, bool read_only, int expected)
{
	int			result = SPI_execute_with_args(query, nargs, types, values, nulls, read_only, 0);

	if (result != expected)
		elog(ERROR, "SPI_execute_with_args returned %s", SPI_result_code_string(result));
}

/*
 * Runs a statement of ours as the owner of tsdb.shards.  The caller has been found to own the table that
 * the row is of; the operators in the statement are core's, by the function's search_path.  Rows of
 * tables that are gone go as well: OIDs come again.
 */
static void
change_shards(const char *query, int nargs, Oid *types, Datum *values, const char *nulls, int expected)
{
	Oid			save_userid;
	int			save_sec_context;

	GetUserIdAndSecContext(&save_userid, &save_sec_context);
	SetUserIdAndSecContext(shards_table_owner(),
						   save_sec_context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
	SPI_connect();
	execute_with_args("DELETE FROM tsdb.shards s WHERE NOT EXISTS"
					  " (SELECT FROM pg_catalog.pg_class c WHERE c.oid = s.relation AND c.relkind = 'p')",
					  0, NULL, NULL, NULL, false, SPI_OK_DELETE);
	execute_with_args(query, nargs, types, values, nulls, false, expected);
	SPI_finish();
	SetUserIdAndSecContext(save_userid, save_sec_context);
}

/* (relation, time_column, partition_interval, integer_interval, hash_column, hash_partitions, ahead, servers) */
Datum
tsdb_sql_set_shards(PG_FUNCTION_ARGS)
{
	Oid			types[] = {REGCLASSOID, NAMEOID, INTERVALOID, INT8OID, NAMEOID, INT4OID, INT4OID, NAMEARRAYOID};
	Datum		values[lengthof(types)];
	char		nulls[lengthof(types)];
	Oid			relid;
	int			i;

	if (PG_ARGISNULL(0))
		PG_RETURN_VOID();
	relid = PG_GETARG_OID(0);
	tsdb_require_owner(relid);
	if (get_rel_relkind(relid) != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a partitioned table", get_rel_name(relid))));

	for (i = 0; i < (int) lengthof(types); i++)
	{
		nulls[i] = PG_ARGISNULL(i) ? 'n' : ' ';
		values[i] = PG_ARGISNULL(i) ? (Datum) 0 : PG_GETARG_DATUM(i);
	}
	change_shards("INSERT INTO tsdb.shards"
				  " (relation, time_column, partition_interval, integer_interval, hash_column, hash_partitions, ahead, servers)"
				  " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
				  " ON CONFLICT (relation) DO UPDATE SET"
				  " (time_column, partition_interval, integer_interval, hash_column, hash_partitions, ahead, servers)"
				  " = ($2, $3, $4, $5, $6, $7, $8)",
				  lengthof(types), types, values, nulls, SPI_OK_INSERT);
	PG_RETURN_VOID();
}

Datum
tsdb_sql_forget_shards(PG_FUNCTION_ARGS)
{
	Oid			types[] = {REGCLASSOID};
	Datum		values[] = {PG_GETARG_DATUM(0)};

	tsdb_require_owner(PG_GETARG_OID(0));
	change_shards("DELETE FROM tsdb.shards WHERE relation = $1", 1, types, values, NULL, SPI_OK_DELETE);
	PG_RETURN_VOID();
}

Datum
tsdb_sql_count_moved_rows(PG_FUNCTION_ARGS)
{
	Oid			types[] = {REGCLASSOID, INT8OID};
	Datum		values[] = {PG_GETARG_DATUM(0), PG_GETARG_DATUM(1)};

	tsdb_require_owner(PG_GETARG_OID(0));
	change_shards("UPDATE tsdb.shards SET moved_rows = moved_rows + $2 WHERE relation = $1", 2, types, values, NULL,
				  SPI_OK_UPDATE);
	TSDB_INJECT("shard-moved");
	PG_RETURN_VOID();
}

/* ------------------------------------------------------------------------
 * Checks
 * ------------------------------------------------------------------------
 */

/* Does a row of the table, as of now, break the condition?  Read as the owner, past row security, as RI_Initial_Check does. */
static bool
row_breaks(Relation rel, const char *condition)
{
	StringInfoData query;
	SPIPlanPtr	plan;
	Oid			save_userid;
	int			save_sec_context;
	bool		found;
	int			result;

	initStringInfo(&query);
	appendStringInfo(&query, "SELECT 1 FROM ONLY %s WHERE NOT (%s)",
					 quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)),
												RelationGetRelationName(rel)),
					 condition);

	GetUserIdAndSecContext(&save_userid, &save_sec_context);
	SetUserIdAndSecContext(rel->rd_rel->relowner,
						   save_sec_context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION |
						   SECURITY_NOFORCE_RLS);
	SPI_connect();
	plan = SPI_prepare(query.data, 0, NULL);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare returned %s for %s", SPI_result_code_string(SPI_result), query.data);
	/* the latest snapshot: rows that an older one does not see count as well */
	result = SPI_execute_snapshot(plan, NULL, NULL, GetLatestSnapshot(), InvalidSnapshot, true, false, 1);
	if (result != SPI_OK_SELECT)
		elog(ERROR, "SPI_execute_snapshot returned %s", SPI_result_code_string(result));
	found = SPI_processed > 0;
	SPI_finish();
	SetUserIdAndSecContext(save_userid, save_sec_context);
	pfree(query.data);
	return found;
}

/*
 * ALTER TABLE ... VALIDATE CONSTRAINT for a CHECK constraint, by a scan that can leave out chunks and
 * use indexes.  The lock, kept to the end of the transaction, is stronger than core's: nothing is
 * gained by less where it is used.
 */
Datum
tsdb_sql_validate_check(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	char	   *name = NameStr(*PG_GETARG_NAME(1));
	Relation	rel;
	Relation	pg_constraint;
	HeapTuple	tuple;
	Form_pg_constraint constraint;
	Datum		conbin;
	bool		isnull;
	char	   *condition;

	tsdb_require_owner(relid);
	rel = table_open(relid, AccessExclusiveLock);
	tsdb_require_owner(relid);
	pg_constraint = table_open(ConstraintRelationId, RowExclusiveLock);
	tuple = SearchSysCacheCopy1(CONSTROID, ObjectIdGetDatum(get_relation_constraint_oid(relid, name, false)));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for constraint \"%s\"", name);
	constraint = (Form_pg_constraint) GETSTRUCT(tuple);

	/* children would have to be read, too */
	if (constraint->contype != CONSTRAINT_CHECK || rel->rd_rel->relkind != RELKIND_RELATION ||
		has_subclass(relid))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("constraint \"%s\" of relation \"%s\" is not a check constraint of a table without children",
						name, RelationGetRelationName(rel)),
				 errhint("Use ALTER TABLE ... VALIDATE CONSTRAINT.")));

	conbin = SysCacheGetAttr(CONSTROID, tuple, Anum_pg_constraint_conbin, &isnull);
	if (isnull)
		elog(ERROR, "null conbin for constraint \"%s\"", name);
	condition = text_to_cstring(DatumGetTextPP(DirectFunctionCall2(pg_get_expr, conbin, ObjectIdGetDatum(relid))));
	if (row_breaks(rel, condition))
		ereport(ERROR,
				(errcode(ERRCODE_CHECK_VIOLATION),
				 errmsg("check constraint \"%s\" of relation \"%s\" is violated by some row",
						name, RelationGetRelationName(rel)),
				 errtableconstraint(rel, name)));

	if (!constraint->convalidated)
	{
		constraint->convalidated = true;
		CatalogTupleUpdate(pg_constraint, &tuple->t_self, tuple);
		CacheInvalidateRelcache(rel);
	}
	heap_freetuple(tuple);
	table_close(pg_constraint, RowExclusiveLock);
	table_close(rel, NoLock);
	PG_RETURN_VOID();
}

/* ------------------------------------------------------------------------
 * Chunks by time
 * ------------------------------------------------------------------------
 */

/* An argument of type "any" as text and type, for tsdb.shard_limit. */
static void
argument_as_text(FunctionCallInfo fcinfo, int arg, Datum *value, Datum *type, char *null)
{
	Oid			typid = get_fn_expr_argtype(fcinfo->flinfo, arg);

	*null = 'n';
	*value = (Datum) 0;
	*type = ObjectIdGetDatum(OidIsValid(typid) && typid != UNKNOWNOID ? typid : TEXTOID);
	if (PG_ARGISNULL(arg))
		return;
	if (!OidIsValid(typid))
		elog(ERROR, "could not determine type of argument %d", arg + 1);
	*value = CStringGetTextDatum(tsdb_plain_text(PG_GETARG_DATUM(arg), typid));
	*null = ' ';
}

/* Rows of one column of a query over (relation, older_than, its type, newer_than, its type). */
static Datum
chunks_by_time(FunctionCallInfo fcinfo, const char *query, bool read_only)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			types[] = {REGCLASSOID, TEXTOID, REGTYPEOID, TEXTOID, REGTYPEOID};
	Datum		values[lengthof(types)];
	char		nulls[] = "     ";
	uint64		i;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	values[0] = PG_GETARG_DATUM(0);
	argument_as_text(fcinfo, 1, &values[1], &values[2], &nulls[1]);
	argument_as_text(fcinfo, 2, &values[3], &values[4], &nulls[3]);

	SPI_connect();
	execute_with_args(query, lengthof(types), types, values, nulls, read_only, SPI_OK_SELECT);
	for (i = 0; i < SPI_processed; i++)
		tuplestore_puttuple(rsinfo->setResult, SPI_tuptable->vals[i]);
	SPI_finish();
	return (Datum) 0;
}

Datum
tsdb_sql_show_chunks(PG_FUNCTION_ARGS)
{
	return chunks_by_time(fcinfo, "SELECT c FROM tsdb.shards_between($1, tsdb.shard_limit($1, $2, $3),"
						  " tsdb.shard_limit($1, $4, $5)) c", true);
}

Datum
tsdb_sql_drop_chunks(PG_FUNCTION_ARGS)
{
	return chunks_by_time(fcinfo, "SELECT c FROM tsdb.drop_shards_between($1, tsdb.shard_limit($1, $2, $3),"
						  " tsdb.shard_limit($1, $4, $5)) c", false);
}
