/*-------------------------------------------------------------------------
 * admin.c
 *	  tsdb.compress, tsdb.merge, tsdb.recompress, tsdb.decompress, tsdb.version.
 *
 * The movers do the work; here is who may call them, for which tables.  On a partitioned table
 * each runs over all partitions of ours, in this one transaction.
 *
 * Moving rows writes index entries, and so runs functions of index expressions and predicates:
 * as in VACUUM FULL and CREATE INDEX they run as the table's owner, restricted, whoever calls.
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "am/mover.h"
#include "fmgr.h"
#include "funcapi.h"
#include "kernels.h"
#include "miscadmin.h"
#include "sqlfunc/table_access.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#define TSDB_AM_VERSION "1.1"

PG_FUNCTION_INFO_V1(tsdb_sql_compress);
PG_FUNCTION_INFO_V1(tsdb_sql_compress_step);
PG_FUNCTION_INFO_V1(tsdb_sql_recompress);
PG_FUNCTION_INFO_V1(tsdb_sql_merge);
PG_FUNCTION_INFO_V1(tsdb_sql_merge_step);
PG_FUNCTION_INFO_V1(tsdb_sql_decompress);
PG_FUNCTION_INFO_V1(tsdb_sql_version);

static int64
run_mover(Oid relid, const char *name, int64 (*mover) (Relation rel, TsdbColdChoice cold), TsdbColdChoice cold)
{
	List	   *tables;
	ListCell   *lc;
	int64		total = 0;

	PreventCommandDuringRecovery(name);
	PreventCommandIfReadOnly(name);

	tables = tsdb_tables_lock(relid, RowExclusiveLock, tsdb_require_owner);
	foreach(lc, tables)
	{
		Relation	rel = relation_open(lfirst_oid(lc), NoLock);

		total += mover(rel, cold);
		relation_close(rel, NoLock);
		CHECK_FOR_INTERRUPTS();
	}
	list_free(tables);
	return total;
}

static int64
compress_rows(Relation rel, TsdbColdChoice cold)
{
	return tsdb_mover_compress(rel);
}

static int64
merge_chunks(Relation rel, TsdbColdChoice cold)
{
	return tsdb_mover_merge(rel, cold, false);
}

static int64
merge_all_chunks(Relation rel, TsdbColdChoice cold)
{
	return tsdb_mover_merge(rel, cold, true);
}

static int64
decompress_rows(Relation rel, TsdbColdChoice cold)
{
	return tsdb_mover_decompress(rel);
}

Datum
tsdb_sql_compress(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(run_mover(PG_GETARG_OID(0), "tsdb.compress()", compress_rows, TSDB_COLD_NONE));
}

/* Opens a table of ours for one step of a mover; the caller must own it. */
static Relation
step_open(Oid relid, const char *name)
{
	List	   *tables;

	PreventCommandDuringRecovery(name);
	PreventCommandIfReadOnly(name);
	tables = tsdb_tables_lock(relid, RowExclusiveLock, tsdb_require_owner);
	if (list_length(tables) != 1 || linitial_oid(tables) != relid)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is a partitioned table", get_rel_name(relid))));
	return relation_open(relid, NoLock);
}

static Datum
step_result(FunctionCallInfo fcinfo, Datum *values)
{
	TupleDesc	tupdesc;
	bool		nulls[8] = {false};

	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE || tupdesc->natts > (int) lengthof(nulls))
		elog(ERROR, "return type must be a row type");
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls));
}

/*
 * (relation, before xid, min_rows int, next_block bigint): one step of compressing; for tests, which make the SQL function themselves.
 * Returns (busy, done bool, moved, bytes, waiting, next_block bigint).
 */
Datum
tsdb_sql_compress_step(PG_FUNCTION_ARGS)
{
	Relation	rel = step_open(PG_GETARG_OID(0), "tsdb.compress()");
	TsdbCompressStep step = {0};
	Datum		values[6];

	step.before = PG_GETARG_TRANSACTIONID(1);
	step.min_rows = PG_GETARG_UINT32(2);
	step.next_block = (BlockNumber) PG_GETARG_INT64(3);
	tsdb_mover_compress_step(rel, &step);
	relation_close(rel, NoLock);

	values[0] = BoolGetDatum(step.busy);
	values[1] = BoolGetDatum(step.done);
	values[2] = Int64GetDatum(step.rows);
	values[3] = Int64GetDatum(step.bytes);
	values[4] = Int64GetDatum(step.waiting);
	values[5] = Int64GetDatum((int64) step.next_block);
	return step_result(fcinfo, values);
}

/* (relation, cold): cold NULL = by age */
Datum
tsdb_sql_recompress(PG_FUNCTION_ARGS)
{
	TsdbColdChoice cold = TSDB_COLD_BY_AGE;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	if (!PG_ARGISNULL(1))
		cold = PG_GETARG_BOOL(1) ? TSDB_COLD_ALL : TSDB_COLD_NONE;
	PG_RETURN_INT64(run_mover(PG_GETARG_OID(0), "tsdb.recompress()", tsdb_mover_recompress, cold));
}

Datum
tsdb_sql_merge(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(run_mover(PG_GETARG_OID(0), "tsdb.merge()",
							  PG_GETARG_BOOL(1) ? merge_all_chunks : merge_chunks, TSDB_COLD_BY_AGE));
}

/*
 * (relation, force): one step of merging; for tests, as above.
 * Returns (merged, busy bool, chunks_read, chunks_written int, moved, bytes_read, bytes_written bigint).
 */
Datum
tsdb_sql_merge_step(PG_FUNCTION_ARGS)
{
	Relation	rel = step_open(PG_GETARG_OID(0), "tsdb.merge()");
	TsdbMergeStep step = {0};
	Datum		values[7];

	step.cold = TSDB_COLD_BY_AGE;
	step.spare_read = true;
	step.force = PG_GETARG_BOOL(1);
	values[0] = BoolGetDatum(tsdb_mover_merge_step(rel, &step));
	relation_close(rel, NoLock);

	values[1] = BoolGetDatum(step.busy);
	values[2] = Int32GetDatum(step.chunks_read);
	values[3] = Int32GetDatum(step.chunks_written);
	values[4] = Int64GetDatum(step.rows);
	values[5] = Int64GetDatum(step.bytes_read);
	values[6] = Int64GetDatum(step.bytes_written);
	return step_result(fcinfo, values);
}

Datum
tsdb_sql_decompress(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(run_mover(PG_GETARG_OID(0), "tsdb.decompress()", decompress_rows, TSDB_COLD_NONE));
}

Datum
tsdb_sql_version(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(psprintf(TSDB_AM_VERSION " (%s)", tsdb_kernels->name)));
}
