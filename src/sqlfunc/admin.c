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
run_mover(Oid relid, const char *name, int64 (*mover) (Relation rel))
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

		total += mover(rel);
		relation_close(rel, NoLock);
		CHECK_FOR_INTERRUPTS();
	}
	list_free(tables);
	return total;
}

Datum
tsdb_sql_compress(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(run_mover(PG_GETARG_OID(0), "tsdb.compress()", tsdb_mover_compress));
}

Datum
tsdb_sql_recompress(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(run_mover(PG_GETARG_OID(0), "tsdb.recompress()", tsdb_mover_recompress));
}

Datum
tsdb_sql_decompress(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(run_mover(PG_GETARG_OID(0), "tsdb.decompress()", tsdb_mover_decompress));
}

Datum
tsdb_sql_version(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(TSDB_AM_VERSION));
}
