/*-------------------------------------------------------------------------
 * verify.c
 *	  tsdb.verify: reads a table through and returns damage as rows.
 *
 * Checked: root and directory (readable, numbers that rise and do not overlap); every visible
 * chunk: header, each vector of each column decoded, number of NULLs, zone maps, time range, column ranges and
 * series filter; every tuple of the chunk store, found page by page: key, checksum, and that the index knows as many;
 * row store: pages, line pointers, tuple headers, marks of moved rows.
 *
 * All is read in parts, see damage.h.
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
#include "chunk/forward.h"
#include "chunk/tombstone.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "sqlfunc/damage.h"
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

/* A chunk to which tuples of the chunk store may belong. */
typedef struct KnownChunk
{
	TsdbDirEntry entry;
	bool		visible;		/* to the snapshot */
	bool		damaged;		/* damage has been told */
	int64		tombstones_seen;	/* that the snapshot sees */
	int64		parts_seen;		/* of header and segments */
} KnownChunk;

typedef struct Verifier
{
	Relation	rel;
	Snapshot	snapshot;
	bool		is_partition;	/* of the table that was asked for: then problems name it */
	Tuplestorestate *tupstore;
	TupleDesc	resultdesc;
	MemoryContext table_cxt;
	MemoryContext part_cxt;		/* reset after each part */
	/* directory */
	TsdbDirEntry *entries;		/* that the snapshot sees and that can be read, in table_cxt */
	int			nentries;
	bool		directory_whole;	/* these are all */
	/* tuples of the chunk store */
	struct KnownChunk *known;	/* by rising chunk id, entries of aborted transactions included */
	int			nknown;
	int64		entries_seen;	/* entries that the snapshot sees */
	Oid			chunk_id;		/* of the tuple that is being checked */
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

typedef struct PartCall
{
	Verifier   *v;
	void		(*part) (Verifier *v);
} PartCall;

static void
call_part(void *arg)
{
	PartCall   *call = arg;

	call->part(call->v);
}

/*
 * Runs one part.  Returns NULL, or what was found damaged (palloc'd in the caller's context).
 */
static char *
run_part(Verifier *v, void (*part) (Verifier *v))
{
	PartCall	call = {v, part};
	ErrorData  *edata = tsdb_damage_try(call_part, &call, v->part_cxt);

	return edata == NULL ? NULL :
		tsdb_damage_text(edata, v->attnum != 0 ? NameStr(TupleDescAttr(RelationGetDescr(v->rel), v->attnum - 1)->attname) : NULL);
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
	bool		has_root;
	int			i;

	if (store == NULL)
		return;

	/* the root after the directory: its counts only rise */
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

/* False: damage was told. */
static bool
verify_chunk(Verifier *v)
{
	bool		found = false;
	char	   *problem;

	v->vector = 0;
	problem = run_part(v, check_chunk);
	if (problem == NULL)
		return true;

	/* something is wrong: the header, or which columns? */
	if (run_part(v, check_header) == NULL)
	{
		AttrNumber	attnum;

		for (attnum = 1; attnum <= RelationGetNumberOfAttributes(v->rel); attnum++)
			found |= verify_column(v, attnum);
	}
	if (!found)
		put_problem(v, v->entry->d.chunk_id, NULL, problem);
	return false;
}

/* ------------------------------------------------------------------------
 * Tuples of the chunk store
 *
 * Page by page, whatever the index says: what nobody finds through the index, and what no column that is left needs, is met here alone.
 * ------------------------------------------------------------------------
 */

static int
compare_known(const void *a, const void *b)
{
	Oid			left = ((const KnownChunk *) a)->entry.d.chunk_id;
	Oid			right = ((const KnownChunk *) b)->entry.d.chunk_id;

	return left < right ? -1 : left > right;
}

static KnownChunk *
find_known(Verifier *v, Oid chunk_id)
{
	KnownChunk	key;

	key.entry.d.chunk_id = chunk_id;
	return v->nknown == 0 ? NULL : bsearch(&key, v->known, v->nknown, sizeof(KnownChunk), compare_known);
}

static void
keep_known(Verifier *v, const TsdbDirEntry *entries, int n)
{
	int			i;

	v->known = MemoryContextAllocExtended(v->table_cxt, Max(n, 1) * sizeof(KnownChunk), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (i = 0; i < n; i++)
		v->known[i].entry = entries[i];
	v->nknown = n;
	qsort(v->known, n, sizeof(KnownChunk), compare_known);
}

static void
read_known(Verifier *v)
{
	TsdbStore  *store = tsdb_store_open(v->rel, AccessShareLock);
	TsdbDirEntry *entries;
	int			n;

	entries = tsdb_directory_read(store, SnapshotAny, &n);
	keep_known(v, entries, n);
	tsdb_store_close(store);
}

static void
check_stored(Verifier *v, TsdbStore *store, const TsdbStoredTuple *stored, bool visible)
{
	KnownChunk *chunk;
	int64		seq = stored->chunk_seq;

	v->chunk_id = InvalidOid;
	if (stored->chunk_id == TSDB_ROOT_ID && seq == 0)
		return;					/* read with the directory, by its key */
	if (stored->chunk_id == TSDB_DIRECTORY_ID)
	{
		tsdb_directory_check(store, stored);
		v->entries_seen += visible;
		return;
	}

	if (stored->chunk_id >= FirstNormalObjectId)
		v->chunk_id = stored->chunk_id;
	if (seq >= TSDB_FORWARD_SEQ_FIRST && v->chunk_id != InvalidOid)
	{
		TsdbForwardDisk disk;

		tsdb_forward_check(store, stored, &disk);
		return;
	}
	chunk = find_known(v, stored->chunk_id);
	if (chunk == NULL)
	{
		/* a piece of a value of the row store has such an id and a number that is not negative; a chunk's entry may be damaged */
		if (visible && (v->chunk_id == InvalidOid || (seq < 0 && v->directory_whole)))
			tsdb_report_corruption(v->rel, stored->chunk_id, NULL,
								   "tuple (%u,%u) of \"%s\" has key (%u,%d), which belongs to nothing",
								   ItemPointerGetBlockNumber(&stored->tid), ItemPointerGetOffsetNumber(&stored->tid),
								   RelationGetRelationName(store->toastrel), stored->chunk_id, stored->chunk_seq);
		return;
	}
	if (seq >= 0)
		chunk->parts_seen += visible;
	if (seq < 0)
	{
		chunk->tombstones_seen += visible;
		if (!chunk->damaged)
			(void) tsdb_tombstone_row(store, &chunk->entry, stored);
	}
	else if (chunk->damaged)
		return;
	else if (seq >= chunk->entry.d.nheader + chunk->entry.d.nsegments)
		tsdb_report_corruption(v->rel, stored->chunk_id, NULL, "tuple %d is one more than the chunk has",
							   stored->chunk_seq);
	else if (seq >= chunk->entry.d.nheader)
		tsdb_segment_check(store, &chunk->entry, stored);
}

/* Tuples of one page that somebody may still read. */
static void
check_store_page(Verifier *v, TsdbStore *store, Buffer buf, TransactionId oldest_xmin)
{
	OffsetNumber offsets[MaxHeapTuplesPerPage];
	bool		visible[MaxHeapTuplesPerPage];
	int			n = 0;
	OffsetNumber off;
	OffsetNumber maxoff;
	int			i;

	/* under the lock: which tuples; their bytes then need the pin alone */
	LockBuffer(buf, BUFFER_LOCK_SHARE);
	maxoff = PageIsNew(BufferGetPage(buf)) ? 0 : PageGetMaxOffsetNumber(BufferGetPage(buf));
	for (off = FirstOffsetNumber; off <= maxoff && n < MaxHeapTuplesPerPage; off++)
	{
		TsdbStoredTuple stored;
		TsdbPageItem item = tsdb_store_page_item(store, buf, off, &stored);

		if (item == TSDB_ITEM_NONE ||
			(item == TSDB_ITEM_TUPLE && HeapTupleSatisfiesVacuum(stored.tuple, oldest_xmin, buf) == HEAPTUPLE_DEAD))
			continue;
		visible[n] = item == TSDB_ITEM_TUPLE && HeapTupleSatisfiesVisibility(stored.tuple, v->snapshot, buf);
		offsets[n++] = off;
	}
	LockBuffer(buf, BUFFER_LOCK_UNLOCK);

	for (i = 0; i < n; i++)
	{
		TsdbStoredTuple stored;

		if (tsdb_store_page_item(store, buf, offsets[i], &stored) != TSDB_ITEM_TUPLE)
		{
			v->chunk_id = InvalidOid;
			tsdb_report_corruption(v->rel, TSDB_DIRECTORY_ID, NULL, "tuple (%u,%u) of \"%s\" is no tuple of a chunk store",
								   BufferGetBlockNumber(buf), offsets[i], RelationGetRelationName(store->toastrel));
		}
		check_stored(v, store, &stored, visible[i]);
	}
}

/* From v->block to the end, or to the first block that has a damaged tuple. */
static void
check_store(Verifier *v)
{
	TsdbStore  *store = tsdb_store_open(v->rel, AccessShareLock);
	BufferAccessStrategy strategy = GetAccessStrategy(BAS_BULKREAD);
	TransactionId oldest_xmin = GetOldestNonRemovableTransactionId(store->toastrel);

	for (; v->block < v->nblocks; v->block++)
	{
		Buffer		buf;

		CHECK_FOR_INTERRUPTS();
		v->chunk_id = InvalidOid;
		buf = ReadBufferExtended(store->toastrel, MAIN_FORKNUM, v->block, RBM_NORMAL, strategy);
		check_store_page(v, store, buf, oldest_xmin);
		ReleaseBuffer(buf);
	}
	FreeAccessStrategy(strategy);
	tsdb_store_close(store);
}

/* The index has all that readers look for by it. */
static void
check_index_counts(Verifier *v)
{
	TsdbStore  *store = tsdb_store_open(v->rel, AccessShareLock);

	if (v->directory_whole && v->entries_seen != v->nentries)
		tsdb_report_corruption(v->rel, TSDB_DIRECTORY_ID, NULL,
							   "the pages of \"%s\" hold " INT64_FORMAT " entries, its index %d",
							   RelationGetRelationName(store->toastrel), v->entries_seen, v->nentries);
	for (; v->block < (BlockNumber) v->nknown; v->block++)
	{
		KnownChunk *chunk = &v->known[v->block];
		int64		by_index;

		CHECK_FOR_INTERRUPTS();
		if (!chunk->visible || chunk->damaged)
			continue;
		v->chunk_id = chunk->entry.d.chunk_id;
		/* with another key, a segment that no column needs looks like a piece of a value of the row store */
		if (chunk->parts_seen != (int64) chunk->entry.d.nheader + chunk->entry.d.nsegments)
			tsdb_report_corruption(v->rel, v->chunk_id, NULL,
								   "the pages of \"%s\" hold " INT64_FORMAT " tuples of header and segments, not %d",
								   RelationGetRelationName(store->toastrel), chunk->parts_seen,
								   chunk->entry.d.nheader + chunk->entry.d.nsegments);
		by_index = tsdb_tombstones_count(store, &chunk->entry, v->snapshot);
		if (by_index != chunk->tombstones_seen)
			tsdb_report_corruption(v->rel, v->chunk_id, NULL,
								   "the pages of \"%s\" hold " INT64_FORMAT " tombstones, its index " INT64_FORMAT,
								   RelationGetRelationName(store->toastrel), chunk->tombstones_seen, by_index);
	}
	tsdb_store_close(store);
}

static void
count_blocks(Verifier *v)
{
	TsdbStore  *store = tsdb_store_open(v->rel, AccessShareLock);

	v->nblocks = store == NULL ? 0 : RelationGetNumberOfBlocks(store->toastrel);
	if (store != NULL)
		tsdb_store_close(store);
}

/* damaged: [nentries], chunks of which damage was told. */
static void
verify_store(Verifier *v, const bool *damaged)
{
	bool		whole = true;
	char	   *problem;
	int			i;

	(void) run_part(v, count_blocks);
	if (v->nblocks == 0)
		return;
	/* if some entry can't be read, that was told, or will be by its page */
	if (run_part(v, read_known) != NULL)
		keep_known(v, v->entries, v->nentries);
	for (i = 0; i < v->nentries; i++)
	{
		KnownChunk *chunk = find_known(v, v->entries[i].d.chunk_id);

		if (chunk != NULL)
		{
			chunk->visible = true;
			chunk->damaged = damaged[i];
		}
	}

	for (v->block = 0; v->block < v->nblocks; v->block++)
	{
		problem = run_part(v, check_store);
		if (problem == NULL)
			continue;
		whole = false;
		/* an unreadable entry was told above */
		if (v->chunk_id != InvalidOid || v->directory_whole)
			put_problem(v, v->chunk_id, NULL, problem);
	}
	v->block = 0;
	v->chunk_id = InvalidOid;
	if (whole && (problem = run_part(v, check_index_counts)) != NULL)
		put_problem(v, v->chunk_id, NULL, problem);
}

/* ------------------------------------------------------------------------
 * Row store
 * ------------------------------------------------------------------------
 */

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
		tsdb_row_page_check(v->rel, v->block, BufferGetPage(buf));
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
	bool	   *damaged;
	TsdbReadableDirectory directory = {.rel = v->rel, .snapshot = v->snapshot, .cxt = v->table_cxt};
	ListCell   *lc;
	int			i;

	tsdb_readable_directory_read(&directory);
	v->entries = directory.entries;
	v->nentries = directory.nentries;
	v->directory_whole = directory.whole;
	foreach(lc, directory.problems)
		put_problem(v, InvalidOid, NULL, ((TsdbDirectoryProblem *) lfirst(lc))->text);
	problem = run_part(v, check_directory);
	if (problem != NULL)
		put_problem(v, InvalidOid, NULL, problem);

	damaged = MemoryContextAllocHuge(v->table_cxt, Max(v->nentries, 1) * sizeof(bool));
	for (i = 0; i < v->nentries; i++)
	{
		v->entry = &v->entries[i];
		damaged[i] = !verify_chunk(v);
	}
	verify_store(v, damaged);

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
		v.table_cxt = table_cxt;
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
