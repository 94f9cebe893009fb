/*-------------------------------------------------------------------------
 * chunk_ranges.c
 *	  tsdb.chunk_ranges: what directory entries say about the values of their chunks.
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/htup_details.h"
#include "catalog/pg_type_d.h"
#include "chunk/column_ranges.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "sqlfunc/table_access.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(tsdb_sql_chunk_ranges);

/* A bound as its type shows it; of a string that was cut within a character, the whole ones. */
static Datum
bound_text(const TsdbColumnRange *range, Datum bound)
{
	Oid			func;
	bool		is_varlena;

	if (range->c_order && range->typid != BYTEAOID)
	{
		char	   *bytes = VARDATA_ANY(DatumGetPointer(bound));
		int			len = VARSIZE_ANY_EXHDR(DatumGetPointer(bound));

		len = pg_encoding_verifymbstr(GetDatabaseEncoding(), bytes, len);
		return PointerGetDatum(cstring_to_text_with_len(bytes, len));
	}
	getTypeOutputInfo(range->typid, &func, &is_varlena);
	return CStringGetTextDatum(OidOutputFunctionCall(func, bound));
}

Datum
tsdb_sql_chunk_ranges(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Relation	rel;
	TupleDesc	tupdesc;
	TsdbStore  *store;
	TsdbDirEntry *entries;
	int			nentries;
	int			i;

	InitMaterializedSRF(fcinfo, 0);
	rel = tsdb_table_open_visible(PG_GETARG_OID(0));
	if (rel == NULL)
		return (Datum) 0;
	tupdesc = RelationGetDescr(rel);
	store = tsdb_store_open(rel, AccessShareLock);
	if (store == NULL)
	{
		tsdb_table_close_visible(rel);
		return (Datum) 0;
	}

	entries = tsdb_directory_read(store, GetActiveSnapshot(), &nentries);
	for (i = 0; i < nentries; i++)
	{
		TsdbColumnRange *ranges;
		int			nranges;
		int			r = 0;
		AttrNumber	attnum;

		CHECK_FOR_INTERRUPTS();
		ranges = tsdb_column_ranges_read(store, &entries[i], tupdesc, &nranges);
		for (attnum = 1; attnum <= tupdesc->natts; attnum++)
		{
			Form_pg_attribute att = TupleDescAttr(tupdesc, attnum - 1);
			bool		in_filter = tsdb_entry_bloom_covers(&entries[i], attnum);
			TsdbColumnRange *range = NULL;
			Datum		values[6] = {0};
			bool		nulls[6] = {false, false, true, true, true, false};

			if (r < nranges && ranges[r].attnum == attnum)
				range = &ranges[r++];
			if (att->attisdropped || (range == NULL && !in_filter) || !tsdb_column_is_visible(rel, attnum))
				continue;

			values[0] = ObjectIdGetDatum(entries[i].d.chunk_id);
			values[1] = NameGetDatum(&att->attname);
			if (range != NULL && !range->all_nulls)
			{
				values[2] = bound_text(range, range->min);
				values[3] = bound_text(range, range->max);
				if (range->max_truncated)
					values[3] = CStringGetTextDatum(psprintf("%s...", TextDatumGetCString(values[3])));
				nulls[2] = nulls[3] = false;
			}
			if (range != NULL)
			{
				values[4] = BoolGetDatum(range->has_nulls);
				nulls[4] = false;
			}
			values[5] = BoolGetDatum(in_filter);
			tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
		}
	}

	tsdb_store_close_unlock(store);
	tsdb_table_close_visible(rel);
	return (Datum) 0;
}
