/*-------------------------------------------------------------------------
 * views.c
 *	  What the views tsdb.tables, tsdb.chunks and tsdb.columns show of one table.
 *
 * Set-returning functions over one relation, joined to pg_class by the views.  They return no
 * row, instead of an error, for what cannot be shown: a table dropped meanwhile, one of another
 * access method, or one on which the user has no privilege.
 *
 * Time ranges come from rows: they are NULL for a user who may not read the column, or whom
 * row security keeps from some rows.  Counts and sizes are no secret (pg_class, pg_table_size).
 *
 * Locks are given back at once, since a view visits every table of the database.
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include <ctype.h>

#include "access/htup_details.h"
#include "am/mover.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "chunk/chunk_reader.h"
#include "chunk/codec_stats.h"
#include "chunk/tombstone.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "options/table_options.h"
#include "sqlfunc/table_access.h"
#include "storage/bufmgr.h"
#include "tsdb_codec.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(tsdb_sql_codec_stats);
PG_FUNCTION_INFO_V1(tsdb_sql_table_info);
PG_FUNCTION_INFO_V1(tsdb_sql_chunk_info);
PG_FUNCTION_INFO_V1(tsdb_sql_column_info);

/* ------------------------------------------------------------------------
 * tsdb.tables
 * ------------------------------------------------------------------------
 */

/*
 * A name as it may stand in the option: quoted only where SplitIdentifierString would not give
 * it back; keywords are no trouble there.
 */
static void
append_name(StringInfo names, Relation rel, AttrNumber attnum)
{
	const char *name = NameStr(TupleDescAttr(RelationGetDescr(rel), attnum - 1)->attname);

	if (strspn(name, "abcdefghijklmnopqrstuvwxyz_0123456789") == strlen(name) && !isdigit((unsigned char) name[0]))
		appendStringInfoString(names, name);
	else
	{
		appendStringInfoChar(names, '"');
		for (; *name != '\0'; name++)
		{
			if (*name == '"')
				appendStringInfoChar(names, '"');
			appendStringInfoChar(names, *name);
		}
		appendStringInfoChar(names, '"');
	}
}

static text *
column_names(Relation rel, const AttrNumber *attnums, int n)
{
	StringInfoData names;
	int			i;

	initStringInfo(&names);
	for (i = 0; i < n; i++)
	{
		if (i > 0)
			appendStringInfoString(&names, ", ");
		append_name(&names, rel, attnums[i]);
	}
	return cstring_to_text(names.data);
}

Datum
tsdb_sql_table_info(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Relation	rel;
	TsdbStore  *store;
	TsdbTableOptions options;
	Datum		values[10];
	bool		nulls[10] = {false};
	BlockNumber nblocks;
	int			nchunks = 0;
	uint64		rows = 0;
	uint64		stored = 0;
	uint64		raw = 0;
	uint64		disk = 0;

	InitMaterializedSRF(fcinfo, 0);
	rel = tsdb_table_open_visible(PG_GETARG_OID(0));
	if (rel == NULL)
		return (Datum) 0;

	store = tsdb_store_open(rel, AccessShareLock);
	if (store != NULL)
	{
		TsdbDirEntry *entries = tsdb_directory_read(store, GetActiveSnapshot(), &nchunks);
		int			i;

		for (i = 0; i < nchunks; i++)
		{
			rows += entries[i].d.nrows - tsdb_tombstones_count(store, &entries[i], GetActiveSnapshot());
			stored += entries[i].d.stored_bytes;
			raw += entries[i].d.raw_bytes;
		}
		disk = (uint64) RelationGetNumberOfBlocks(store->toastrel) * BLCKSZ;
		for (i = 0; i < store->nindexes; i++)
			disk += (uint64) RelationGetNumberOfBlocks(store->indexes[i]) * BLCKSZ;
		tsdb_store_close_unlock(store);
	}

	nblocks = RelationGetNumberOfBlocks(rel);
	tsdb_options_get(rel, &options);

	values[0] = Int64GetDatum(tsdb_mover_row_store_rows(rel, GetActiveSnapshot()));
	values[1] = Int64GetDatum((int64) nblocks * BLCKSZ);
	values[2] = Int64GetDatum((int64) nchunks);
	values[3] = Int64GetDatum((int64) rows);
	values[4] = Int64GetDatum((int64) stored);
	values[5] = Int64GetDatum((int64) disk);
	values[6] = Int64GetDatum((int64) raw);
	nulls[7] = (options.nseries == 0);
	if (!nulls[7])
		values[7] = PointerGetDatum(column_names(rel, options.series, options.nseries));
	nulls[8] = (options.time_attnum == 0);
	if (!nulls[8])
		values[8] = PointerGetDatum(column_names(rel, &options.time_attnum, 1));
	nulls[9] = (!options.direct_load && !options.no_direct_load);
	values[9] = BoolGetDatum(options.direct_load);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);

	tsdb_table_close_visible(rel);
	return (Datum) 0;
}

/* ------------------------------------------------------------------------
 * tsdb.chunks
 * ------------------------------------------------------------------------
 */

/* The time column's output function, or false if its values can't be shown (to this user). */
static bool
time_output(Relation rel, AttrNumber attnum, FmgrInfo *output)
{
	Form_pg_attribute att;
	Oid			func;
	bool		is_varlena;

	if (attnum < 1 || attnum > RelationGetNumberOfAttributes(rel))
		return false;
	att = TupleDescAttr(RelationGetDescr(rel), attnum - 1);
	/* dropped, or no longer of a type that is kept in 8 bytes */
	if (att->attisdropped || !att->attbyval)
		return false;
	if (!tsdb_column_is_visible(rel, attnum))
		return false;
	getTypeOutputInfo(getBaseType(att->atttypid), &func, &is_varlena);
	fmgr_info(func, output);
	return true;
}

/* Table and chunk store, if the caller may see the one and it has the other; else NULL, and nothing is open. */
static TsdbStore *
open_visible_store(Oid relid, Relation *rel)
{
	TsdbStore  *store;

	*rel = tsdb_table_open_visible(relid);
	if (*rel == NULL)
		return NULL;
	store = tsdb_store_open(*rel, AccessShareLock);
	if (store == NULL)
		tsdb_table_close_visible(*rel);
	return store;
}

static bool
all_columns_visible(Relation rel)
{
	TupleDesc	tupdesc = RelationGetDescr(rel);
	int			i;

	for (i = 0; i < tupdesc->natts; i++)
	{
		if (!TupleDescAttr(tupdesc, i)->attisdropped && !tsdb_column_is_visible(rel, i + 1))
			return false;
	}
	return true;
}

Datum
tsdb_sql_chunk_info(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Relation	rel;
	TsdbStore  *store;
	TsdbDirEntry *entries;
	FmgrInfo	output = {0};
	AttrNumber	output_attnum = 0;
	bool		has_output = false;
	bool		series_visible;
	int			nentries;
	int			i;

	InitMaterializedSRF(fcinfo, 0);
	store = open_visible_store(PG_GETARG_OID(0), &rel);
	if (store == NULL)
		return (Datum) 0;

	series_visible = all_columns_visible(rel);
	entries = tsdb_directory_read(store, GetActiveSnapshot(), &nentries);
	for (i = 0; i < nentries; i++)
	{
		TsdbDirEntryDisk *d = &entries[i].d;
		Datum		values[9];
		bool		nulls[9] = {false};
		ItemPointerData tid;

		CHECK_FOR_INTERRUPTS();
		if (d->time_attnum != output_attnum)
		{
			output_attnum = d->time_attnum;
			has_output = time_output(rel, output_attnum, &output);
		}
		tsdb_row_tid(d->first_vblock, 0, &tid);

		values[0] = ObjectIdGetDatum(d->chunk_id);
		values[1] = Int64GetDatum((int64) (d->nrows - tsdb_tombstones_count(store, &entries[i], GetActiveSnapshot())));
		nulls[2] = nulls[3] = !has_output || output_attnum == 0 || (d->flags & TSDB_DIR_TIME) == 0;
		if (!nulls[2])
		{
			values[2] = CStringGetTextDatum(OutputFunctionCall(&output, (Datum) d->time_min));
			values[3] = CStringGetTextDatum(OutputFunctionCall(&output, (Datum) d->time_max));
		}
		/* the number of different values is a statistic of these columns, as n_distinct in pg_stats */
		nulls[4] = (d->nseries == 0 || !series_visible);
		values[4] = Int64GetDatum((int64) d->nseries);
		values[5] = Int64GetDatum((int64) d->raw_bytes);
		values[6] = Int64GetDatum((int64) d->stored_bytes);
		values[7] = Int32GetDatum((int32) d->level);
		values[8] = PointerGetDatum(&tid);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}

	tsdb_store_close_unlock(store);
	tsdb_table_close_visible(rel);
	return (Datum) 0;
}

/* ------------------------------------------------------------------------
 * tsdb.stat_codecs
 * ------------------------------------------------------------------------
 */

Datum
tsdb_sql_codec_stats(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	TsdbCodecCount counts[TSDB_NENCODINGS];
	int			i;

	InitMaterializedSRF(fcinfo, 0);
	tsdb_codec_stats_read(counts);
	for (i = 0; i < TSDB_NENCODINGS; i++)
	{
		Datum		values[5];
		bool		nulls[5] = {false};

		values[0] = CStringGetTextDatum(tsdb_encoding_name((TsdbEncoding) i));
		values[1] = Int64GetDatum((int64) counts[i].blocks);
		values[2] = Int64GetDatum((int64) counts[i].values);
		values[3] = Int64GetDatum((int64) counts[i].bytes);
		values[4] = Int64GetDatum((int64) counts[i].fallbacks);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* ------------------------------------------------------------------------
 * tsdb.columns
 * ------------------------------------------------------------------------
 */

typedef struct ColumnTotals
{
	int64		nchunks;
	int64		nvalues;		/* NULLs included */
	int64		nnulls;
	uint64		raw_bytes;
	uint64		stored_bytes;
	int64		ncold;
	int64		encodings[TSDB_NENCODINGS];	/* vectors of each */
} ColumnTotals;

static void
add_chunk(TsdbChunk *chunk, int natts, ColumnTotals *totals)
{
	const TsdbHeaderDisk *header = tsdb_chunk_header(chunk);
	const TsdbColumnDisk *columns = tsdb_chunk_columns(chunk);
	int			c;

	for (c = 0; c < header->ncolumns; c++)
	{
		const TsdbVector *vectors = tsdb_chunk_vectors(chunk, c);
		ColumnTotals *t;
		uint32		i;

		if (columns[c].attnum < 1 || columns[c].attnum > natts)
			continue;
		t = &totals[columns[c].attnum - 1];
		t->nchunks++;
		t->nvalues += chunk->nrows;
		t->raw_bytes += columns[c].raw_bytes;
		t->stored_bytes += columns[c].stored_bytes;
		t->ncold += columns[c].nplanes > 0;
		for (i = 0; i < chunk->nvectors; i++)
		{
			int			encoding = vectors[i].encoding;

			/* no block at all: every row is NULL */
			if (vectors[i].block.length == 0 && vectors[i].nparts == 0)
				encoding = TSDB_ENC_NULL;
			t->nnulls += vectors[i].nnulls;
			if (encoding < TSDB_NENCODINGS)
				t->encodings[encoding]++;
		}
	}
}

/* 'for:40 const:20', most frequent first */
static text *
encoding_mix(ColumnTotals *t)
{
	StringInfoData mix;

	initStringInfo(&mix);
	for (;;)
	{
		int			best = -1;
		int			i;

		for (i = 0; i < TSDB_NENCODINGS; i++)
		{
			if (t->encodings[i] > 0 && (best < 0 || t->encodings[i] > t->encodings[best]))
				best = i;
		}
		if (best < 0)
			break;
		appendStringInfo(&mix, "%s%s:" INT64_FORMAT, mix.len > 0 ? " " : "",
						 tsdb_encoding_name((TsdbEncoding) best), t->encodings[best]);
		t->encodings[best] = 0;
	}
	return cstring_to_text(mix.data);
}

Datum
tsdb_sql_column_info(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Relation	rel;
	TsdbStore  *store;
	TsdbDirEntry *entries;
	TupleDesc	tupdesc;
	ColumnTotals *totals;
	MemoryContext chunk_cxt;
	int			nentries;
	int			i;

	InitMaterializedSRF(fcinfo, 0);
	store = open_visible_store(PG_GETARG_OID(0), &rel);
	if (store == NULL)
		return (Datum) 0;

	tupdesc = RelationGetDescr(rel);
	totals = palloc0(sizeof(ColumnTotals) * Max(tupdesc->natts, 1));
	chunk_cxt = AllocSetContextCreate(CurrentMemoryContext, "tsdb chunk headers", ALLOCSET_DEFAULT_SIZES);
	entries = tsdb_directory_read(store, GetActiveSnapshot(), &nentries);
	for (i = 0; i < nentries; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(chunk_cxt);
		TsdbChunk  *chunk;

		CHECK_FOR_INTERRUPTS();
		chunk = tsdb_chunk_open(store, &entries[i], tupdesc, GetActiveSnapshot(), chunk_cxt);
		add_chunk(chunk, tupdesc->natts, totals);
		tsdb_chunk_release(chunk);
		MemoryContextSwitchTo(old);
		MemoryContextReset(chunk_cxt);
	}
	tsdb_store_close_unlock(store);

	for (i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);
		ColumnTotals *t = &totals[i];
		Datum		values[10];
		bool		nulls[10] = {false};

		if (att->attisdropped || t->nchunks == 0 || !tsdb_column_is_visible(rel, att->attnum))
			continue;
		values[0] = Int16GetDatum(att->attnum);
		values[1] = NameGetDatum(&att->attname);
		values[2] = ObjectIdGetDatum(att->atttypid);
		values[3] = Int64GetDatum(t->nchunks);
		values[4] = Int64GetDatum(t->nvalues);
		values[5] = Int64GetDatum(t->nnulls);
		values[6] = PointerGetDatum(encoding_mix(t));
		values[7] = Int64GetDatum((int64) t->raw_bytes);
		values[8] = Int64GetDatum((int64) t->stored_bytes);
		values[9] = Int64GetDatum(t->ncold);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}

	tsdb_table_close_visible(rel);
	return (Datum) 0;
}
