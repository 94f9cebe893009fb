/*-------------------------------------------------------------------------
 * index_info.c
 *	  View tsdb.stat_index; tsdb.index_lookup: what the chunk index answers; tsdb.chunk_reads: what it counts.
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/relation.h"
#include "catalog/pg_authid.h"
#include "fmgr.h"
#include "funcapi.h"
#include "index/chunk_index.h"
#include "miscadmin.h"
#include "options/table_options.h"
#include "sqlfunc/table_access.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(tsdb_sql_index_stats);
PG_FUNCTION_INFO_V1(tsdb_sql_index_lookup);
PG_FUNCTION_INFO_V1(tsdb_sql_chunk_reads);

Datum
tsdb_sql_index_stats(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	TsdbIxStats stats;
	Datum		values[11];
	bool		nulls[11] = {false};
	int			n = 0;

	InitMaterializedSRF(fcinfo, 0);
	tsdb_chunk_index_stats(&stats);
	values[n++] = Int64GetDatum((int64) stats.count[TSDB_IX_HITS]);
	values[n++] = Int64GetDatum((int64) stats.count[TSDB_IX_PLAIN]);
	values[n++] = Int64GetDatum((int64) stats.count[TSDB_IX_LOADS]);
	values[n++] = Int64GetDatum((int64) stats.count[TSDB_IX_EVICTIONS]);
	values[n++] = Int64GetDatum((int64) stats.count[TSDB_IX_RETRIES]);
	values[n++] = Int64GetDatum((int64) stats.tables);
	values[n++] = Int64GetDatum((int64) stats.chunks);
	values[n++] = Int64GetDatum((int64) stats.bytes_used);
	values[n++] = Int64GetDatum((int64) stats.bytes_total);
	values[n++] = Int64GetDatum((int64) stats.epoch);
	values[n++] = Int64GetDatum((int64) stats.pending);
	Assert(n == lengthof(values));
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	return (Datum) 0;
}

/* The hash of a value in its text form; false: the column's chunks cannot be told apart by it. */
static bool
series_hash(Relation rel, const char *column, char *value, AttrNumber *attnum, uint64 *hash)
{
	Form_pg_attribute att;
	Oid			input;
	Oid			ioparam;

	*attnum = get_attnum(RelationGetRelid(rel), column);
	if (*attnum <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of relation \"%s\" does not exist", column, RelationGetRelationName(rel))));
	att = TupleDescAttr(RelationGetDescr(rel), *attnum - 1);
	if (!tsdb_series_hashable(att->atttypid, att->attcollation))
		return false;
	getTypeInputInfo(att->atttypid, &input, &ioparam);
	*hash = tsdb_series_hash(*attnum, att->atttypid, OidInputFunctionCall(input, value, ioparam, att->atttypmod), false);
	return true;
}

/* (relation, time_from, time_to, series_column, series_value, plain): chunks and whether the index was asked */
Datum
tsdb_sql_index_lookup(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			relid;
	TsdbChunkQuery query = {0};
	TsdbChunkQueryStats stats = {0};
	TsdbTableOptions options;
	TsdbBloomGroup group;
	uint64		hash;
	bool		plain;
	List	   *tables;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	relid = PG_GETARG_OID(0);
	query.has_time = !PG_ARGISNULL(1) || !PG_ARGISNULL(2);
	query.time_min = PG_ARGISNULL(1) ? PG_INT64_MIN : PG_GETARG_INT64(1);
	query.time_max = PG_ARGISNULL(2) ? PG_INT64_MAX : PG_GETARG_INT64(2);
	plain = !PG_ARGISNULL(5) && PG_GETARG_BOOL(5);

	tables = tsdb_tables_lock(relid, AccessShareLock, tsdb_require_owner);
	foreach(lc, tables)
	{
		Relation	rel = relation_open(lfirst_oid(lc), NoLock);
		TsdbStore  *store = tsdb_store_open(rel, AccessShareLock);
		TsdbDirEntry *entries;
		int			nentries = 0;
		int			i;

		tsdb_options_get(rel, &options);
		query.time_attnum = options.time_attnum;
		query.nbloom_groups = 0;
		if (!PG_ARGISNULL(3) && !PG_ARGISNULL(4) &&
			series_hash(rel, NameStr(*PG_GETARG_NAME(3)), text_to_cstring(PG_GETARG_TEXT_PP(4)), &group.attnum, &hash))
		{
			group.n = 1;
			group.hashes = &hash;
			query.nbloom_groups = 1;
			query.groups = &group;
		}
		if (store != NULL)
		{
			if (plain)
				entries = tsdb_directory_read(store, GetActiveSnapshot(), &nentries);
			else
				entries = tsdb_find_chunks(store, GetActiveSnapshot(), &query, &nentries, &stats);
			for (i = 0; i < nentries; i++)
			{
				Datum		values[2];
				bool		nulls[2] = {false};

				if (plain && !tsdb_chunk_may_match(&entries[i], &query))
					continue;
				values[0] = ObjectIdGetDatum(entries[i].d.chunk_id);
				values[1] = BoolGetDatum(stats.from_index);
				tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
			}
			pfree(entries);
			tsdb_store_close(store);
		}
		relation_close(rel, NoLock);
	}
	return (Datum) 0;
}

static void
require_stats(Oid relid)
{
	if (!has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS))
		tsdb_require_owner(relid);
}

Datum
tsdb_sql_chunk_reads(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	List	   *tables;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);
	tables = tsdb_tables_lock(PG_GETARG_OID(0), AccessShareLock, require_stats);
	foreach(lc, tables)
	{
		Relation	rel = relation_open(lfirst_oid(lc), NoLock);
		TsdbStore  *store = tsdb_store_open(rel, AccessShareLock);
		TsdbDirEntry *entries;
		TsdbChunkReads *reads;
		int			nentries;
		int			i;

		if (store != NULL)
		{
			entries = tsdb_directory_read(store, GetActiveSnapshot(), &nentries);
			reads = tsdb_chunk_index_reads(store, entries, nentries);
			for (i = 0; i < nentries; i++)
			{
				Datum		values[5];
				bool		nulls[5] = {false};

				values[0] = ObjectIdGetDatum(RelationGetRelid(rel));
				values[1] = ObjectIdGetDatum(entries[i].d.chunk_id);
				values[2] = BoolGetDatum((entries[i].d.flags & TSDB_DIR_COLD) != 0);
				nulls[3] = reads == NULL || !reads[i].known;
				nulls[4] = nulls[3] || reads[i].last == 0;
				if (!nulls[3])
					values[3] = Float8GetDatum(reads[i].a_day);
				if (!nulls[4])
					values[4] = TimestampTzGetDatum(reads[i].last);
				tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
			}
			if (reads != NULL)
				pfree(reads);
			pfree(entries);
			tsdb_store_close(store);
		}
		relation_close(rel, NoLock);
	}
	return (Datum) 0;
}
