/*-------------------------------------------------------------------------
 * verify.c
 *	  tsdb.verify: reads a table through and returns damage as rows.
 *
 * Checked: root and directory (readable, numbers that rise and do not overlap); every visible
 * chunk: header, each vector of each column decoded, number of NULLs, zone maps, time range, column ranges and
 * series filter; row store: pages, line pointers, tuple headers, marks of moved rows.
 *
 * Readers report damage by ERRCODE_DATA_CORRUPTED.  Each part runs in a subtransaction of its own, so that after
 * an error the next part starts clean; other errors are raised.  A part opens what it needs
 * itself: buffers, relations and locks of a part that failed go with its subtransaction.
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "access/stratnum.h"
#include "catalog/pg_collation_d.h"
#include "chunk/chunk_reader.h"
#include "chunk/column_ranges.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "sqlfunc/table_access.h"
#include "storage/bufmgr.h"
#include "storage/procarray.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/typcache.h"

PG_FUNCTION_INFO_V1(tsdb_sql_verify);

typedef struct Verifier
{
	Relation	rel;
	Snapshot	snapshot;
	bool		is_partition;	/* of the table that was asked for: then problems name it */
	Tuplestorestate *tupstore;
	TupleDesc	resultdesc;
	MemoryContext part_cxt;		/* reset after each part */
	/* directory */
	TsdbDirEntry *entries;
	int			nentries;
	/* the part */
	const TsdbDirEntry *entry;	/* chunk to check */
	AttrNumber	attnum;			/* its only column to check, 0 = all */
	uint32		vector;			/* next vector to check */
	BlockNumber block;			/* next block of the row store to check */
	BlockNumber nblocks;
} Verifier;

static void
put_problem(Verifier *v, Oid chunk_id, const char *column, const char *problem)
{
	Datum		values[3];
	bool		nulls[3] = {false, false, false};
	NameData	name;

	values[0] = ObjectIdGetDatum(chunk_id);
	nulls[0] = !OidIsValid(chunk_id);
	if (column != NULL)
		namestrcpy(&name, column);
	values[1] = NameGetDatum(&name);
	nulls[1] = (column == NULL);
	if (v->is_partition)
		problem = psprintf("partition \"%s\": %s", RelationGetRelationName(v->rel), problem);
	values[2] = CStringGetTextDatum(problem);
	tuplestore_putvalues(v->tupstore, v->resultdesc, values, nulls);
}

/* The problem in one line; what the row's other columns say is left out. */
static char *
describe(const Verifier *v, const ErrorData *edata)
{
	StringInfoData text;
	const char *detail = edata->detail;

	initStringInfo(&text);
	if (v->attnum != 0 && detail != NULL)
	{
		char	   *prefix = psprintf("Column \"%s\": ",
									  NameStr(TupleDescAttr(RelationGetDescr(v->rel), v->attnum - 1)->attname));

		if (strncmp(detail, prefix, strlen(prefix)) == 0)
			appendStringInfoString(&text, detail + strlen(prefix));
	}
	if (text.len == 0)
		appendStringInfo(&text, "%s%s%s", edata->message, detail != NULL ? ": " : "",
						 detail != NULL ? detail : "");
	if (text.len > 0 && text.data[text.len - 1] == '.')
		text.data[--text.len] = '\0';
	return text.data;
}

/*
 * Runs one part.  Returns NULL, or what was found damaged (palloc'd in the caller's context).
 */
static char *
run_part(Verifier *v, void (*part) (Verifier *v))
{
	MemoryContext caller_cxt = CurrentMemoryContext;
	ResourceOwner caller_owner = CurrentResourceOwner;
	char	   *volatile problem = NULL;

	CHECK_FOR_INTERRUPTS();
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(v->part_cxt);
	PG_TRY();
	{
		part(v);

		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(caller_cxt);
		CurrentResourceOwner = caller_owner;
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(caller_cxt);
		edata = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(caller_cxt);
		CurrentResourceOwner = caller_owner;

		if (edata->sqlerrcode != ERRCODE_DATA_CORRUPTED)
			ReThrowError(edata);
		problem = describe(v, edata);
		FreeErrorData(edata);
	}
	PG_END_TRY();

	MemoryContextReset(v->part_cxt);
	return problem;
}

/* ------------------------------------------------------------------------
 * Root and directory
 * ------------------------------------------------------------------------
 */

static void
check_directory(Verifier *v)
{
	TsdbStore  *store = tsdb_store_open(v->rel, AccessShareLock);
	TsdbRootDisk root;
	TsdbDirEntry *entries;
	bool		has_root;
	int			i;

	if (store == NULL)
		return;

	/* the root after the directory: its counts only rise */
	entries = tsdb_directory_read(store, v->snapshot, &v->nentries);
	v->entries = MemoryContextAllocHuge(MemoryContextGetParent(v->part_cxt),
										Max(v->nentries, 1) * sizeof(TsdbDirEntry));
	memcpy(v->entries, entries, v->nentries * sizeof(TsdbDirEntry));
	has_root = tsdb_root_read(store, &root);
	if (v->nentries > 0 && !has_root)
		tsdb_report_corruption(v->rel, TSDB_ROOT_ID, NULL, "there are chunks, but no root");

	for (i = 0; i < v->nentries; i++)
	{
		TsdbDirEntry *entry = &v->entries[i];
		uint64		end = (uint64) entry->d.first_vblock + tsdb_entry_nvblocks(entry);

		if (entry->change > root.changes || end > root.next_vblock)
			tsdb_report_corruption(v->rel, TSDB_DIRECTORY_ID, NULL,
								   "entry %u of chunk %u ends at virtual block " UINT64_FORMAT
								   ", the root knows %u entries and %u blocks",
								   entry->change, entry->d.chunk_id, end, root.changes, root.next_vblock);
		if (i > 0 && (entry[-1].change >= entry->change ||
					  entry[-1].d.first_vblock + tsdb_entry_nvblocks(&entry[-1]) > entry->d.first_vblock))
			tsdb_report_corruption(v->rel, TSDB_DIRECTORY_ID, NULL,
								   "entries %u and %u overlap: virtual blocks from %u and from %u",
								   entry[-1].change, entry->change,
								   entry[-1].d.first_vblock, entry->d.first_vblock);
	}
	tsdb_store_close(store);
}

/* ------------------------------------------------------------------------
 * Chunks
 * ------------------------------------------------------------------------
 */

/* The entry's time range holds for the values of this vector. */
static void
check_time(Verifier *v, const TsdbVectorSet *set, const TsdbVectorColumn *column, const char *colname)
{
	const TsdbDirEntryDisk *d = &v->entry->d;
	uint32		i;

	for (i = 0; i < set->nrows; i++)
	{
		if (column->isnull[i])
		{
			if ((d->flags & TSDB_DIR_TIME_NULLS) == 0)
				tsdb_report_corruption(v->rel, d->chunk_id, colname,
									   "row %u is NULL, the directory knows none",
									   set->vector * TSDB_VECTOR_ROWS + i);
		}
		else if ((d->flags & TSDB_DIR_TIME) != 0 &&
				 ((int64) column->values[i] < d->time_min || (int64) column->values[i] > d->time_max))
			tsdb_report_corruption(v->rel, d->chunk_id, colname,
								   "row %u lies outside of the directory's time range",
								   set->vector * TSDB_VECTOR_ROWS + i);
	}
}

/* Codes of a by-reference column lie in their vector's zone. */
static void
check_code_zone(Verifier *v, TsdbVectorSet *set, const TsdbColumnDisk *cd, const TsdbVector *vd, const char *colname)
{
	uint32		codes[TSDB_VECTOR_ROWS];
	bool		isnull[TSDB_VECTOR_ROWS];
	uint32		i;

	if (cd->typbyval || cd->dict_count == 0 || (vd->flags & TSDB_VEC_ZONE) == 0 ||
		!tsdb_vector_codes(set, cd->attnum, codes, isnull))
		return;
	for (i = 0; i < set->nrows; i++)
	{
		if (!isnull[i] && ((int64) codes[i] < vd->zone_min || (int64) codes[i] > vd->zone_max))
			tsdb_report_corruption(v->rel, v->entry->d.chunk_id, colname,
								   "row %u has a code outside of its vector's zone map",
								   set->vector * TSDB_VECTOR_ROWS + i);
	}
}

static void
check_vector(Verifier *v, TsdbVectorSet *set, const TsdbVectorColumn *column,
			 const TsdbColumnDisk *cd, const TsdbVector *vd, const char *colname)
{
	uint32		nnulls = 0;
	uint32		i;

	check_code_zone(v, set, cd, vd, colname);
	for (i = 0; i < set->nrows; i++)
	{
		if (column->isnull[i])
			nnulls++;
		else if (cd->kind == TSDB_KIND_INT && (vd->flags & TSDB_VEC_ZONE) != 0 &&
				 ((int64) column->values[i] < vd->zone_min || (int64) column->values[i] > vd->zone_max))
			tsdb_report_corruption(v->rel, v->entry->d.chunk_id, colname,
								   "row %u lies outside of its vector's zone map",
								   set->vector * TSDB_VECTOR_ROWS + i);
	}
	if (nnulls != vd->nnulls)
		tsdb_report_corruption(v->rel, v->entry->d.chunk_id, colname,
							   "vector %u has %u NULLs, its header says %u",
							   set->vector, nnulls, vd->nnulls);
}

/* What the entry's summaries say about one column. */
typedef struct ColumnSummary
{
	const TsdbColumnRange *range;	/* NULL: nothing */
	FmgrInfo   *cmp;
	Oid			collation;
	bool		in_bloom;
} ColumnSummary;

/* [natts], and NULL if there is nothing to check. */
static ColumnSummary *
read_summaries(Verifier *v, TsdbStore *store)
{
	TupleDesc	tupdesc = RelationGetDescr(v->rel);
	ColumnSummary *summaries;
	TsdbColumnRange *ranges;
	int			nranges;
	int			i;

	if (v->entry->d.nsections == 0)
		return NULL;
	ranges = tsdb_column_ranges_read(store, v->entry, tupdesc, &nranges);
	summaries = palloc0(sizeof(ColumnSummary) * Max(tupdesc->natts, 1));
	for (i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);

		summaries[i].in_bloom = !att->attisdropped && tsdb_entry_bloom_covers(v->entry, att->attnum) &&
			tsdb_series_hashable(att->atttypid, att->attcollation);
	}
	for (i = 0; i < nranges; i++)
	{
		ColumnSummary *summary = &summaries[ranges[i].attnum - 1];

		/* equality of strings: any collation whose equality is that of bytes will do */
		summary->range = &ranges[i];
		summary->collation = ranges[i].c_order ? C_COLLATION_OID : InvalidOid;
		if (!ranges[i].c_order)
			summary->cmp = &lookup_type_cache(ranges[i].typid, TYPECACHE_CMP_PROC_FINFO)->cmp_proc_finfo;
	}
	return summaries;
}

/* The entry's summaries hold for the values of this vector. */
static void
check_summary(Verifier *v, const ColumnSummary *summary, const TsdbVectorSet *set, const TsdbVectorColumn *column,
			  Form_pg_attribute att)
{
	Oid			chunk_id = v->entry->d.chunk_id;
	const TsdbColumnRange *range = summary->range;
	uint32		i;

	if (range == NULL && !summary->in_bloom)
		return;
	for (i = 0; i < set->nrows; i++)
	{
		bool		isnull = column->isnull[i];

		/* neighbours often share a value's place, or are equal numbers */
		if (i > 0 && isnull == column->isnull[i - 1] && (isnull || column->values[i] == column->values[i - 1]))
			continue;
		if (range != NULL &&
			(isnull ? !range->has_nulls :
			 !tsdb_column_range_may_match(range, summary->cmp, summary->collation, BTEqualStrategyNumber,
										  column->values[i])))
			tsdb_report_corruption(v->rel, chunk_id, NameStr(att->attname),
								   "row %u lies outside of the directory's range of the column",
								   set->vector * TSDB_VECTOR_ROWS + i);
		if (summary->in_bloom &&
			!tsdb_bloom_may_have(v->entry->bloom,
								 tsdb_series_hash(att->attnum, att->atttypid, column->values[i], isnull)))
			tsdb_report_corruption(v->rel, chunk_id, NameStr(att->attname),
								   "row %u is not in the directory's series filter",
								   set->vector * TSDB_VECTOR_ROWS + i);
	}
}

/* From v->vector to the last, or to the first vector that is damaged. */
static void
check_chunk(Verifier *v)
{
	TupleDesc	tupdesc = RelationGetDescr(v->rel);
	TsdbStore  *store = tsdb_store_open(v->rel, AccessShareLock);
	TsdbChunk  *chunk = tsdb_chunk_open(store, v->entry, tupdesc, v->snapshot, CurrentMemoryContext);
	const TsdbColumnDisk *columns = tsdb_chunk_columns(chunk);
	int			ncolumns = tsdb_chunk_header(chunk)->ncolumns;
	ColumnSummary *summaries = read_summaries(v, store);
	TsdbVectorSet *set = NULL;

	for (; v->vector < chunk->nvectors; v->vector++)
	{
		int			c;

		CHECK_FOR_INTERRUPTS();
		set = tsdb_vector_set(chunk, v->vector, set, CurrentMemoryContext);
		for (c = 0; c < ncolumns; c++)
		{
			AttrNumber	attnum = columns[c].attnum;
			Form_pg_attribute att;
			TsdbVectorColumn *column;

			/* columns that were dropped are never read */
			if (attnum < 1 || attnum > tupdesc->natts || TupleDescAttr(tupdesc, attnum - 1)->attisdropped)
				continue;
			if (v->attnum != 0 && v->attnum != attnum)
				continue;
			att = TupleDescAttr(tupdesc, attnum - 1);
			tsdb_vector_decode(set, attnum);
			column = &set->columns[attnum - 1];
			check_vector(v, set, column, &columns[c], &tsdb_chunk_vectors(chunk, c)[v->vector],
						 NameStr(att->attname));
			if (attnum == v->entry->d.time_attnum && att->attbyval)
				check_time(v, set, column, NameStr(att->attname));
			if (summaries != NULL)
				check_summary(v, &summaries[attnum - 1], set, column, att);
		}
	}
	if (set != NULL)
		tsdb_vector_set_release(set);
	tsdb_chunk_release(chunk);
	tsdb_store_close(store);
}

/* Opens the chunk and reads its summaries, and no more: tells damage of these from that of columns. */
static void
check_header(Verifier *v)
{
	TsdbStore  *store = tsdb_store_open(v->rel, AccessShareLock);

	(void) read_summaries(v, store);

	tsdb_chunk_release(tsdb_chunk_open(store, v->entry, RelationGetDescr(v->rel), v->snapshot,
									   CurrentMemoryContext));
	tsdb_store_close(store);
}

/* Each problem of one column once: a damaged segment spoils several vectors. */
static bool
verify_column(Verifier *v, AttrNumber attnum)
{
	Form_pg_attribute att = TupleDescAttr(RelationGetDescr(v->rel), attnum - 1);
	uint32		nvectors = (v->entry->d.nrows + TSDB_VECTOR_ROWS - 1) / TSDB_VECTOR_ROWS;
	char	   *last = NULL;

	if (att->attisdropped)
		return false;
	v->attnum = attnum;
	for (v->vector = 0; v->vector < nvectors; v->vector++)
	{
		char	   *problem = run_part(v, check_chunk);

		if (problem != NULL && (last == NULL || strcmp(problem, last) != 0))
		{
			put_problem(v, v->entry->d.chunk_id, NameStr(att->attname), problem);
			last = problem;
		}
	}
	v->attnum = 0;
	return last != NULL;
}

static void
verify_chunk(Verifier *v)
{
	bool		found = false;
	char	   *problem;

	v->vector = 0;
	problem = run_part(v, check_chunk);
	if (problem == NULL)
		return;

	/* something is wrong: the header, or which columns? */
	if (run_part(v, check_header) == NULL)
	{
		AttrNumber	attnum;

		for (attnum = 1; attnum <= RelationGetNumberOfAttributes(v->rel); attnum++)
			found |= verify_column(v, attnum);
	}
	if (!found)
		put_problem(v, v->entry->d.chunk_id, NULL, problem);
}

/* ------------------------------------------------------------------------
 * Row store
 * ------------------------------------------------------------------------
 */

#define report_row(v, off, ...) \
	ereport(ERROR, \
			(errcode(ERRCODE_DATA_CORRUPTED), \
			 errmsg("row store of table \"%s\" is damaged", RelationGetRelationName((v)->rel)), \
			 errdetail_internal("Block %u, line pointer %u: %s.", (v)->block, (off), psprintf(__VA_ARGS__))))

static bool
is_of_aborted(HeapTupleHeader tuple)
{
	TransactionId xmin = HeapTupleHeaderGetRawXmin(tuple);

	if (HeapTupleHeaderXminCommitted(tuple))
		return false;
	return HeapTupleHeaderXminInvalid(tuple) ||
		(TransactionIdIsNormal(xmin) && !TransactionIdIsCurrentTransactionId(xmin) &&
		 !TransactionIdIsInProgress(xmin) && !TransactionIdDidCommit(xmin));
}

static void
check_tuple(Verifier *v, OffsetNumber off, ItemId item, HeapTupleHeader tuple)
{
	OffsetNumber ctid_off = ItemPointerGetOffsetNumberNoCheck(&tuple->t_ctid);

	if (tuple->t_hoff < SizeofHeapTupleHeader || tuple->t_hoff > ItemIdGetLength(item) ||
		tuple->t_hoff != MAXALIGN(tuple->t_hoff))
		report_row(v, off, "data starts at byte %u of %u", tuple->t_hoff, ItemIdGetLength(item));
	/* a transaction that added columns and failed may have left rows with them */
	if (HeapTupleHeaderGetNatts(tuple) > RelationGetNumberOfAttributes(v->rel) && !is_of_aborted(tuple))
		report_row(v, off, "tuple has %d columns, the table %d",
				   HeapTupleHeaderGetNatts(tuple), RelationGetNumberOfAttributes(v->rel));

	/* a moved row's place in its chunk; numbers from 0xFFFD are core's */
	if (ctid_off >= TSDB_MOVED_OFFSET_FIRST && ctid_off < 0xFFFD)
	{
		if (ItemPointerGetBlockNumberNoCheck(&tuple->t_ctid) != v->block)
			report_row(v, off, "mark of a moved row names block %u",
					   ItemPointerGetBlockNumberNoCheck(&tuple->t_ctid));
		if (ctid_off - TSDB_MOVED_OFFSET_FIRST >= TSDB_MOVED_MAX_ROWS)
			report_row(v, off, "mark of a moved row names row %u", ctid_off - TSDB_MOVED_OFFSET_FIRST);
	}
}

static void
check_page(Verifier *v, Page page)
{
	OffsetNumber maxoff;
	OffsetNumber off;

	if (PageIsNew(page))
		return;
	maxoff = PageGetMaxOffsetNumber(page);
	for (off = FirstOffsetNumber; off <= maxoff; off++)
	{
		ItemId		item = PageGetItemId(page, off);

		if (ItemIdIsRedirected(item))
		{
			OffsetNumber target = ItemIdGetRedirect(item);

			if (target < FirstOffsetNumber || target > maxoff)
				report_row(v, off, "redirected to line pointer %u of %u", target, maxoff);
		}
		if (!ItemIdIsNormal(item))
			continue;
		if (ItemIdGetLength(item) < SizeofHeapTupleHeader ||
			ItemIdGetOffset(item) < ((PageHeader) page)->pd_upper ||
			ItemIdGetOffset(item) != MAXALIGN(ItemIdGetOffset(item)) ||
			ItemIdGetOffset(item) + ItemIdGetLength(item) > BLCKSZ)
			report_row(v, off, "tuple of %u bytes at byte %u", ItemIdGetLength(item), ItemIdGetOffset(item));
		check_tuple(v, off, item, (HeapTupleHeader) PageGetItem(page, item));
	}
}

/* From v->block to the end, or to the first block that is damaged. */
static void
check_row_store(Verifier *v)
{
	BufferAccessStrategy strategy = GetAccessStrategy(BAS_BULKREAD);

	for (; v->block < v->nblocks; v->block++)
	{
		Buffer		buf;

		CHECK_FOR_INTERRUPTS();
		buf = ReadBufferExtended(v->rel, MAIN_FORKNUM, v->block, RBM_NORMAL, strategy);
		LockBuffer(buf, BUFFER_LOCK_SHARE);
		check_page(v, BufferGetPage(buf));
		UnlockReleaseBuffer(buf);
	}
	FreeAccessStrategy(strategy);
}

/* ------------------------------------------------------------------------
 * The function
 * ------------------------------------------------------------------------
 */

static void
verify_table(Verifier *v)
{
	char	   *problem;
	int			i;

	v->entries = NULL;
	v->nentries = 0;
	problem = run_part(v, check_directory);
	if (problem != NULL)
		put_problem(v, InvalidOid, NULL, problem);

	/* nothing is here if the directory could not be read at all */
	for (i = 0; v->entries != NULL && i < v->nentries; i++)
	{
		v->entry = &v->entries[i];
		verify_chunk(v);
	}

	v->nblocks = RelationGetNumberOfBlocks(v->rel);
	for (v->block = 0; v->block < v->nblocks; v->block++)
	{
		problem = run_part(v, check_row_store);
		if (problem != NULL)
			put_problem(v, InvalidOid, NULL, problem);
	}
}

Datum
tsdb_sql_verify(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	List	   *tables;
	ListCell   *lc;
	Verifier	v;

	InitMaterializedSRF(fcinfo, 0);
	tables = tsdb_tables_lock(relid, AccessShareLock, tsdb_require_select);
	foreach(lc, tables)
	{
		MemoryContext table_cxt = AllocSetContextCreate(CurrentMemoryContext, "tsdb verify",
														ALLOCSET_DEFAULT_SIZES);
		MemoryContext old = MemoryContextSwitchTo(table_cxt);

		memset(&v, 0, sizeof(v));
		v.rel = relation_open(lfirst_oid(lc), NoLock);
		v.is_partition = (lfirst_oid(lc) != relid);
		v.snapshot = GetActiveSnapshot();
		v.tupstore = rsinfo->setResult;
		v.resultdesc = rsinfo->setDesc;
		v.part_cxt = AllocSetContextCreate(table_cxt, "tsdb verify part", ALLOCSET_DEFAULT_SIZES);
		/* on a standby an unlogged table has no contents */
		if (!RecoveryInProgress() || RelationIsPermanent(v.rel))
			verify_table(&v);
		relation_close(v.rel, NoLock);
		MemoryContextSwitchTo(old);
		MemoryContextDelete(table_cxt);
	}
	list_free(tables);

	return (Datum) 0;
}
