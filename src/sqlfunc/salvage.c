/*-------------------------------------------------------------------------
 * salvage.c
 *	  tsdb.salvage: copies what can be read of a damaged table into another one.
 *
 * Rows are gathered in a tuplestore, a chunk (or so) at a time, and written by INSERT ... SELECT from it, so that columns are matched and
 * values converted, constraints and triggers obeyed, indexes kept and privileges checked by core.  Reading goes in parts
 * (damage.h): a chunk in one go; if that fails, vector by vector, and of a vector that can't be read, column by column.
 *
 * A row whose tombstone is damaged is dead: its key says so, and rows must not come back.  Where the keys can't be read, the chunk is left out.
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/heapam.h"
#include "access/heaptoast.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/xlog.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_type.h"
#include "chunk/chunk_reader.h"
#include "chunk/tombstone.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "sqlfunc/damage.h"
#include "sqlfunc/table_access.h"
#include "storage/bufmgr.h"
#include "storage/predicate.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(tsdb_sql_salvage);

#define ROWS_NAME			"tsdb_salvaged_rows"

/* rows of the row store are written when there are so many; a chunk has no more either */
#define ROWS_AT_ONCE		TSDB_CHUNK_MAX_ROWS

/* A column that is copied. */
typedef struct SalvagedColumn
{
	AttrNumber	attnum;			/* of the damaged table */
	bool		may_be_null;	/* the target has no NOT NULL there */
	bool		readable;		/* in the vector at hand */
	bool		damaged;		/* in some vector of the chunk at hand */
} SalvagedColumn;

typedef struct Salvager
{
	Relation	rel;
	Snapshot	snapshot;
	bool		null_damaged;
	ReturnSetInfo *rsinfo;
	MemoryContext cxt;			/* for this table */
	MemoryContext part_cxt;		/* reset after each part */

	/* what is copied, and how */
	SalvagedColumn *columns;
	int			ncolumns;
	TupleDesc	rows_desc;		/* these columns */
	char	   *insert;			/* the statement */
	Tuplestorestate *rows;
	int64		nrows;			/* in it */

	/* the part at hand */
	const TsdbDirEntry *entry;
	uint32		vector;
	int			column;			/* index in columns */
	uint64	   *dead;			/* bitmap over rows of the chunk: tombstones */
	int64		alive;			/* rows of the chunk or vector that have none */
	BlockNumber block;
	OffsetNumber offset;		/* 0: all of the block */
	int64		found;			/* rows of the block that the snapshot sees */
} Salvager;

/* One row of the result; negative numbers are NULL. */
static void
put_result(Salvager *s, Oid chunk_id, int64 copied, int64 lost, ArrayType *columns, const char *problem)
{
	Datum		values[6] = {0};
	bool		nulls[6] = {false, false, false, false, false, false};

	values[0] = ObjectIdGetDatum(RelationGetRelid(s->rel));
	values[1] = ObjectIdGetDatum(chunk_id);
	nulls[1] = !OidIsValid(chunk_id);
	values[2] = Int64GetDatum(copied);
	values[3] = Int64GetDatum(lost);
	nulls[3] = lost < 0;
	if (columns != NULL)
		values[4] = PointerGetDatum(columns);
	nulls[4] = columns == NULL;
	if (problem != NULL)
		values[5] = CStringGetTextDatum(problem);
	nulls[5] = problem == NULL;
	tuplestore_putvalues(s->rsinfo->setResult, s->rsinfo->setDesc, values, nulls);
}

/* ------------------------------------------------------------------------
 * The target
 * ------------------------------------------------------------------------
 */

/* Which columns are copied, and the statement that writes them. */
static void
prepare(Salvager *s, Relation target)
{
	TupleDesc	from = RelationGetDescr(s->rel);
	TupleDesc	to = RelationGetDescr(target);
	StringInfoData names;
	int			i;

	s->columns = palloc0(Max(from->natts, 1) * sizeof(SalvagedColumn));
	s->ncolumns = 0;
	initStringInfo(&names);
	for (i = 0; i < from->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(from, i);
		Form_pg_attribute target_att;
		AttrNumber	number;
		SalvagedColumn *column = &s->columns[s->ncolumns];

		if (att->attisdropped)
			continue;
		number = get_attnum(RelationGetRelid(target), NameStr(att->attname));
		if (number <= 0)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("table \"%s\" has no column \"%s\"", RelationGetRelationName(target), NameStr(att->attname)),
					 errdetail("Rows of table \"%s\" are copied by the names of their columns.", RelationGetRelationName(s->rel)),
					 errhint("CREATE TABLE ... (LIKE ...) makes a table with the same columns.")));
		target_att = TupleDescAttr(to, number - 1);
		/* is computed there */
		if (target_att->attgenerated != '\0')
			continue;
		column->attnum = att->attnum;
		column->may_be_null = !target_att->attnotnull;
		appendStringInfo(&names, "%s%s", s->ncolumns > 0 ? ", " : "", quote_identifier(NameStr(att->attname)));
		s->ncolumns++;
	}
	if (s->ncolumns == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("table \"%s\" has no column that could be copied", RelationGetRelationName(s->rel))));

	s->rows_desc = CreateTemplateTupleDesc(s->ncolumns);
	for (i = 0; i < s->ncolumns; i++)
		TupleDescCopyEntry(s->rows_desc, (AttrNumber) (i + 1), from, s->columns[i].attnum);
	s->insert = psprintf("INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT %s FROM " ROWS_NAME,
						 quote_qualified_identifier(get_namespace_name(RelationGetNamespace(target)),
													RelationGetRelationName(target)),
						 names.data, names.data);
}

/* Writes the rows that have been gathered; returns how many. */
static int64
write_rows(Salvager *s)
{
	EphemeralNamedRelationData enr;
	int64		written = 0;

	if (s->nrows > 0)
	{
		memset(&enr, 0, sizeof(enr));
		enr.md.name = ROWS_NAME;
		enr.md.reliddesc = InvalidOid;
		enr.md.tupdesc = s->rows_desc;
		enr.md.enrtype = ENR_NAMED_TUPLESTORE;
		enr.md.enrtuples = (double) s->nrows;
		enr.reldata = s->rows;
		if (SPI_connect() != SPI_OK_CONNECT)
			elog(ERROR, "SPI_connect failed");
		if (SPI_register_relation(&enr) != SPI_OK_REL_REGISTER)
			elog(ERROR, "SPI_register_relation failed");
		if (SPI_execute(s->insert, false, 0) != SPI_OK_INSERT)
			elog(ERROR, "SPI_execute failed: %s", s->insert);
		written = (int64) SPI_processed;
		SPI_finish();
	}
	tuplestore_end(s->rows);
	s->rows = NULL;
	s->nrows = 0;
	return written;
}

/* A tuplestore for the next rows.  Not within a part: its files belong to the resource owner under which it is made. */
static void
begin_rows(Salvager *s)
{
	MemoryContext old;

	if (s->rows != NULL)
		tuplestore_end(s->rows);
	old = MemoryContextSwitchTo(s->cxt);
	s->rows = tuplestore_begin_heap(false, false, work_mem);
	s->nrows = 0;
	MemoryContextSwitchTo(old);
}

/* ------------------------------------------------------------------------
 * Chunks
 * ------------------------------------------------------------------------
 */

/* TsdbStoreVisit: its key says which row is dead; whether its contents are sound does not matter. */
static void
mark_dead(const TsdbStoredTuple *stored, void *arg)
{
	Salvager   *s = arg;
	int64		row = -(int64) stored->chunk_seq - 1;

	if (row < s->entry->d.nrows)
		tsdb_row_bits_set(s->dead, row);
}

/* Opens the chunk and reads the keys of its tombstones. */
static TsdbChunk *
open_chunk(Salvager *s, TsdbStore *store)
{
	TsdbChunk  *chunk = tsdb_chunk_open_bare(store, s->entry, RelationGetDescr(s->rel), s->snapshot, CurrentMemoryContext);

	s->dead = palloc0(tsdb_row_bits_words(chunk->nrows) * sizeof(uint64));
	tsdb_store_visit(store, s->entry->d.chunk_id, PG_INT32_MIN, -1, s->snapshot, mark_dead, s);
	return chunk;
}

static void
close_chunk(TsdbStore *store, TsdbChunk *chunk, TsdbVectorSet *set)
{
	if (set != NULL)
		tsdb_vector_set_release(set);
	tsdb_chunk_release(chunk);
	tsdb_store_close(store);
}

/* Rows of the vector to the tuplestore; columns that were not decoded are NULL. */
static void
put_vector(Salvager *s, TsdbVectorSet *set, Datum *values, bool *nulls, bool count_only)
{
	uint32		row;
	int			c;

	for (row = 0; row < set->nrows; row++)
	{
		if (tsdb_row_bits_test(s->dead, set->vector * TSDB_VECTOR_ROWS + row))
			continue;
		s->alive++;
		if (count_only)
			continue;
		for (c = 0; c < s->ncolumns; c++)
		{
			const TsdbVectorColumn *column = &set->columns[s->columns[c].attnum - 1];

			nulls[c] = !column->decoded || column->isnull[row];
			values[c] = nulls[c] ? (Datum) 0 : column->values[row];
		}
		tuplestore_putvalues(s->rows, s->rows_desc, values, nulls);
		s->nrows++;
	}
}

/* Vectors from s->vector on, "count" of them, all readable columns; with count_only rows are counted, not put. */
static void
read_vectors(Salvager *s, uint32 count, bool count_only)
{
	TsdbStore  *store = tsdb_store_open(s->rel, AccessShareLock);
	TsdbChunk  *chunk = open_chunk(s, store);
	Datum	   *values = palloc(s->ncolumns * sizeof(Datum));
	bool	   *nulls = palloc(s->ncolumns * sizeof(bool));
	TsdbVectorSet *set = NULL;
	uint32		v;
	int			c;

	for (v = s->vector; v < chunk->nvectors && v < s->vector + count; v++)
	{
		CHECK_FOR_INTERRUPTS();
		set = tsdb_vector_set(chunk, v, set, CurrentMemoryContext);
		for (c = 0; c < s->ncolumns && !count_only; c++)
		{
			if (s->columns[c].readable)
				tsdb_vector_decode(set, s->columns[c].attnum);
		}
		put_vector(s, set, values, nulls, count_only);
	}
	close_chunk(store, chunk, set);
}

static void
read_whole_chunk(void *arg)
{
	read_vectors(arg, TSDB_CHUNK_MAX_VECTORS, false);
}

static void
read_one_vector(void *arg)
{
	read_vectors(arg, 1, false);
}

static void
count_vector(void *arg)
{
	read_vectors(arg, 1, true);
}

static void
read_header(void *arg)
{
	Salvager   *s = arg;
	TsdbStore  *store = tsdb_store_open(s->rel, AccessShareLock);

	close_chunk(store, open_chunk(s, store), NULL);
}

static void
read_column(void *arg)
{
	Salvager   *s = arg;
	TsdbStore  *store = tsdb_store_open(s->rel, AccessShareLock);
	TsdbChunk  *chunk = open_chunk(s, store);
	TsdbVectorSet *set = tsdb_vector_set(chunk, s->vector, NULL, CurrentMemoryContext);

	tsdb_vector_decode(set, s->columns[s->column].attnum);
	close_chunk(store, chunk, set);
}

/*
 * A vector that can't be read as a whole: finds its damaged columns, and copies the rows without them if that is wanted and
 * possible.  Returns rows lost; *problem: what was found first.
 */
static int64
salvage_vector(Salvager *s, char **problem)
{
	bool		copy = s->null_damaged;
	int			nreadable = 0;
	int			c;

	for (c = 0; c < s->ncolumns; c++)
	{
		SalvagedColumn *column = &s->columns[c];
		ErrorData  *edata;

		s->column = c;
		edata = tsdb_damage_try(read_column, s, s->part_cxt);
		column->readable = edata == NULL;
		if (edata == NULL)
		{
			nreadable++;
			continue;
		}
		column->damaged = true;
		copy = copy && column->may_be_null;
		if (*problem == NULL)
			*problem = tsdb_damage_text(edata, NULL);
	}

	s->alive = 0;
	if (copy && nreadable > 0 && tsdb_damage_try(read_one_vector, s, s->part_cxt) == NULL)
		return 0;
	s->alive = 0;
	(void) tsdb_damage_try(count_vector, s, s->part_cxt);
	return s->alive;
}

static ArrayType *
damaged_columns(Salvager *s)
{
	Datum	   *names = palloc(s->ncolumns * sizeof(Datum));
	int			n = 0;
	int			c;

	for (c = 0; c < s->ncolumns; c++)
	{
		if (s->columns[c].damaged)
			names[n++] = NameGetDatum(&TupleDescAttr(RelationGetDescr(s->rel), s->columns[c].attnum - 1)->attname);
	}
	return n == 0 ? NULL : construct_array(names, n, NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR);
}

static void
all_readable(Salvager *s)
{
	int			c;

	for (c = 0; c < s->ncolumns; c++)
		s->columns[c].readable = true;
}

/* Returns rows copied, if nothing is damaged; else that has been told, and 0. */
static int64
salvage_chunk(Salvager *s)
{
	Oid			chunk_id = s->entry->d.chunk_id;
	uint32		nvectors = (s->entry->d.nrows + TSDB_VECTOR_ROWS - 1) / TSDB_VECTOR_ROWS;
	ErrorData  *edata;
	char	   *problem = NULL;
	int64		lost = 0;
	int			c;

	begin_rows(s);
	s->vector = 0;
	for (c = 0; c < s->ncolumns; c++)
		s->columns[c].damaged = false;
	all_readable(s);
	edata = tsdb_damage_try(read_whole_chunk, s, s->part_cxt);
	if (edata == NULL)
		return write_rows(s);
	begin_rows(s);

	edata = tsdb_damage_try(read_header, s, s->part_cxt);
	if (edata != NULL)
	{
		put_result(s, chunk_id, 0, s->entry->d.nrows, NULL, tsdb_damage_text(edata, NULL));
		return 0;
	}
	for (; s->vector < nvectors; s->vector++)
	{
		int64		before = s->nrows;

		all_readable(s);
		edata = tsdb_damage_try(read_one_vector, s, s->part_cxt);
		Assert(edata == NULL || s->nrows == before);
		if (edata != NULL && s->nrows == before)
			lost += salvage_vector(s, &problem);
		if (edata != NULL && problem == NULL)
			problem = tsdb_damage_text(edata, NULL);
	}
	if (problem == NULL)
		return write_rows(s);	/* cannot be, but nothing is lost */
	put_result(s, chunk_id, write_rows(s), lost, damaged_columns(s), problem);
	return 0;
}

/* ------------------------------------------------------------------------
 * Row store
 * ------------------------------------------------------------------------
 */

/* Values that lie elsewhere are fetched here, where damage is met; and before any row of the block is put. */
static HeapTuple
flat_row(Salvager *s, HeapTuple tuple)
{
	Datum	   *all = palloc(RelationGetNumberOfAttributes(s->rel) * sizeof(Datum));
	bool	   *isnull = palloc(RelationGetNumberOfAttributes(s->rel) * sizeof(bool));
	Datum	   *values = palloc(s->ncolumns * sizeof(Datum));
	bool	   *nulls = palloc(s->ncolumns * sizeof(bool));
	int			c;

	heap_deform_tuple(tuple, RelationGetDescr(s->rel), all, isnull);
	for (c = 0; c < s->ncolumns; c++)
	{
		AttrNumber	attnum = s->columns[c].attnum;

		values[c] = all[attnum - 1];
		nulls[c] = isnull[attnum - 1];
		if (!nulls[c] && TupleDescAttr(RelationGetDescr(s->rel), attnum - 1)->attlen == -1 &&
			(VARATT_IS_EXTERNAL(DatumGetPointer(values[c])) || VARATT_IS_COMPRESSED(DatumGetPointer(values[c]))))
			values[c] = PointerGetDatum(PG_DETOAST_DATUM(values[c]));
	}
	return heap_form_tuple(s->rows_desc, values, nulls);
}

/* Rows of the block that the snapshot sees; with s->offset, of that line pointer alone. */
static void
read_block(void *arg)
{
	Salvager   *s = arg;
	Buffer		buf = ReadBuffer(s->rel, s->block);
	HeapTuple  *rows = palloc(MaxHeapTuplesPerPage * sizeof(HeapTuple));
	OffsetNumber offsets[MaxHeapTuplesPerPage];
	OffsetNumber off;
	OffsetNumber maxoff;
	int			n = 0;
	int			i;

	s->found = 0;
	LockBuffer(buf, BUFFER_LOCK_SHARE);
	tsdb_row_page_check(s->rel, s->block, BufferGetPage(buf));
	maxoff = PageIsNew(BufferGetPage(buf)) ? 0 : PageGetMaxOffsetNumber(BufferGetPage(buf));
	for (off = FirstOffsetNumber; off <= maxoff && n < MaxHeapTuplesPerPage; off++)
	{
		ItemId		item = PageGetItemId(BufferGetPage(buf), off);
		HeapTupleData tuple;

		if (!ItemIdIsNormal(item) || (s->offset != 0 && off != s->offset))
			continue;
		tuple.t_data = (HeapTupleHeader) PageGetItem(BufferGetPage(buf), item);
		tuple.t_len = ItemIdGetLength(item);
		tuple.t_tableOid = RelationGetRelid(s->rel);
		ItemPointerSet(&tuple.t_self, s->block, off);
		if (HeapTupleSatisfiesVisibility(&tuple, s->snapshot, buf))
			offsets[n++] = off;
	}
	LockBuffer(buf, BUFFER_LOCK_UNLOCK);

	/* what the snapshot sees stays where it is while the page is pinned */
	s->found = n;
	for (i = 0; i < n; i++)
	{
		ItemId		item = PageGetItemId(BufferGetPage(buf), offsets[i]);
		HeapTupleData tuple;

		tuple.t_data = (HeapTupleHeader) PageGetItem(BufferGetPage(buf), item);
		tuple.t_len = ItemIdGetLength(item);
		tuple.t_tableOid = RelationGetRelid(s->rel);
		ItemPointerSet(&tuple.t_self, s->block, offsets[i]);
		rows[i] = flat_row(s, &tuple);
	}
	ReleaseBuffer(buf);
	for (i = 0; i < n; i++)
		tuplestore_puttuple(s->rows, rows[i]);
	s->nrows += n;
}

static int64
salvage_row_store(Salvager *s)
{
	BlockNumber nblocks = RelationGetNumberOfBlocks(s->rel);
	int64		written = 0;

	begin_rows(s);
	for (s->block = 0; s->block < nblocks; s->block++)
	{
		ErrorData  *edata;

		s->offset = 0;
		edata = tsdb_damage_try(read_block, s, s->part_cxt);
		/* rows one by one, if the page could be looked at */
		if (edata != NULL && s->found > 0)
		{
			for (s->offset = FirstOffsetNumber; s->offset <= MaxHeapTuplesPerPage; s->offset++)
			{
				edata = tsdb_damage_try(read_block, s, s->part_cxt);
				if (edata != NULL)
					put_result(s, InvalidOid, 0, 1, NULL,
							   psprintf("row (%u,%u) of the row store: %s", s->block, s->offset, tsdb_damage_text(edata, NULL)));
			}
		}
		else if (edata != NULL)
			put_result(s, InvalidOid, 0, -1, NULL,
					   psprintf("block %u of the row store: %s", s->block, tsdb_damage_text(edata, NULL)));
		if (s->nrows >= ROWS_AT_ONCE)
		{
			written += write_rows(s);
			begin_rows(s);
		}
	}
	return written + write_rows(s);
}

/* ------------------------------------------------------------------------
 * The function
 * ------------------------------------------------------------------------
 */

static void
salvage_table(Salvager *s, Relation target)
{
	TsdbReadableDirectory directory = {.rel = s->rel, .snapshot = s->snapshot, .cxt = s->cxt};
	int64		copied;
	ListCell   *lc;
	int			i;

	prepare(s, target);
	PredicateLockRelation(s->rel, s->snapshot);
	copied = salvage_row_store(s);
	tsdb_readable_directory_read(&directory);
	foreach(lc, directory.problems)
	{
		TsdbDirectoryProblem *problem = lfirst(lc);

		put_result(s, InvalidOid, 0, problem->rebuilt ? 0 : -1, NULL,
				   problem->rebuilt ? psprintf("%s; chunk %u is found all the same", problem->text, problem->entry.d.chunk_id) :
				   problem->text);
		s->entry = &problem->entry;
		if (problem->rebuilt)
			copied += salvage_chunk(s);
	}
	for (i = 0; i < directory.nentries; i++)
	{
		s->entry = &directory.entries[i];
		copied += salvage_chunk(s);
	}
	put_result(s, InvalidOid, copied, 0, NULL, NULL);
}

/* Before the table is locked: what INSERT asks for is tested only if there are rows. */
static void
require_insert(Oid relid)
{
	if (pg_class_aclcheck(relid, GetUserId(), ACL_INSERT) != ACLCHECK_OK &&
		pg_attribute_aclcheck_all(relid, GetUserId(), ACL_INSERT, ACLMASK_ANY) != ACLCHECK_OK)
		aclcheck_error(ACLCHECK_NO_PRIV, OBJECT_TABLE, get_rel_name(relid));
}

Datum
tsdb_sql_salvage(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	Oid			target_relid = PG_GETARG_OID(1);
	Relation	target;
	List	   *tables;
	ListCell   *lc;
	Salvager	s;

	PreventCommandIfReadOnly("tsdb.salvage()");
	PreventCommandDuringRecovery("tsdb.salvage()");
	InitMaterializedSRF(fcinfo, 0);
	tables = tsdb_tables_lock(relid, AccessShareLock, tsdb_require_owner);
	require_insert(target_relid);
	target = relation_open(target_relid, RowExclusiveLock);
	if (target->rd_rel->relkind != RELKIND_RELATION && target->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a table", RelationGetRelationName(target)),
				 errdetail_relkind_not_supported(target->rd_rel->relkind)));
	if (target_relid == relid || list_member_oid(tables, target_relid))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a table cannot be salvaged into itself")));

	foreach(lc, tables)
	{
		MemoryContext cxt = AllocSetContextCreate(CurrentMemoryContext, "tsdb salvage", ALLOCSET_DEFAULT_SIZES);
		MemoryContext old = MemoryContextSwitchTo(cxt);

		memset(&s, 0, sizeof(s));
		s.rel = relation_open(lfirst_oid(lc), NoLock);
		s.snapshot = GetActiveSnapshot();
		s.null_damaged = PG_GETARG_BOOL(2);
		s.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
		s.cxt = cxt;
		s.part_cxt = AllocSetContextCreate(cxt, "tsdb salvage part", ALLOCSET_DEFAULT_SIZES);
		salvage_table(&s, target);
		relation_close(s.rel, NoLock);
		MemoryContextSwitchTo(old);
		MemoryContextDelete(cxt);
	}
	relation_close(target, NoLock);
	list_free(tables);
	return (Datum) 0;
}
