/*-------------------------------------------------------------------------
 * admin.c
 *	  tsdb.compress, tsdb.recompress, tsdb.decompress, tsdb.version.
 *
 * The movers do the work; here is who may call them, for which tables.  On a partitioned table
 * each runs over all partitions of ours, in this one transaction.
 *
 * Moving rows writes index entries, and so runs functions of index expressions and predicates:
 * as in VACUUM FULL and CREATE INDEX they run as the table's owner, restricted, whoever calls.
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/relation.h"
#include "am/mover.h"
#include "fmgr.h"
#include "kernels.h"
#include "miscadmin.h"
#include "sqlfunc/table_access.h"
#include "utils/builtins.h"
#include "utils/rel.h"

#define TSDB_AM_VERSION "1.0"

PG_FUNCTION_INFO_V1(tsdb_sql_compress);
PG_FUNCTION_INFO_V1(tsdb_sql_recompress);
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
decompress_rows(Relation rel, TsdbColdChoice cold)
{
	return tsdb_mover_decompress(rel);
}

Datum
tsdb_sql_compress(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(run_mover(PG_GETARG_OID(0), "tsdb.compress()", compress_rows, TSDB_COLD_NONE));
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
tsdb_sql_decompress(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(run_mover(PG_GETARG_OID(0), "tsdb.decompress()", decompress_rows, TSDB_COLD_NONE));
}

Datum
tsdb_sql_version(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(psprintf(TSDB_AM_VERSION " (%s)", tsdb_kernels->name)));
}
