/*-------------------------------------------------------------------------
 * rewrite.c
 *	  VACUUM FULL and CLUSTER: copies both stores of a table into new files.
 *
 * Core makes a new table with a TOAST relation of its own, has us fill both, swaps the
 * files and then rebuilds the table's indexes (but not the TOAST relation's).
 *
 * 1. The row store, after heapam_handler.c.  Its rows' TOAST values are written to the new
 *	  TOAST relation as heap does it, through shared buffers.
 * 2. The chunk store, as a rewrite of the TOAST pair (rewriteheap.c knows that relkind), so that
 *	  every tuple keeps its xmin and xmax: older snapshots see what they saw.  Rewriting writes
 *	  whole pages past shared buffers from the current end of the file on; hence the
 *	  order.  TOAST values of rows are not copied, step 1 has done that.
 *
 * What holds a TID is made anew: headers (TIDs of segments), directory entries (TID of
 * the header), with their checksums.  Chunk ids stay.  Chunks are numbered afresh, from the first change
 * number and virtual block on, so that a table can't run out of them for good.  As with heap, nothing
 * may hold a TID of the table meanwhile (we have AccessExclusiveLock) and all indexes are built again;
 * the root's new incarnation tells whoever remembers the directory.
 *
 * Core then clears attmissingval, the value that columns added with a default have in older
 * rows.  A chunk written before such a column came is therefore encoded anew with it in
 * place; where the value is too large for chunks, the chunk's rows go to the row store.
 *
 * Chunk rows are not sorted with the table: each chunk keeps its order by series and time.
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/detoast.h"
#include "access/genam.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/relscan.h"
#include "access/rewriteheap.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/toast_internals.h"
#include "access/transam.h"
#include "access/xact.h"
#include "am/direct_load.h"
#include "am/mover.h"
#include "am/tsdb_am_internal.h"
#include "chunk/chunk_layout.h"
#include "chunk/chunk_writer.h"
#include "chunk/tombstone.h"
#include "commands/progress.h"
#include "executor/executor.h"
#include "injection.h"
#include "miscadmin.h"
#include "options/table_options.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/tuplesort.h"

/* What becomes of a chunk. */
typedef enum ChunkFate
{
	CHUNK_DROP,					/* dead to everybody */
	CHUNK_COPY,					/* its tuples are copied */
	CHUNK_ENCODE,				/* encoded anew, with the columns that it lacks */
	CHUNK_UNPACK				/* its rows go to the row store */
} ChunkFate;

typedef struct TableRewrite
{
	Relation	old_heap;
	Relation	new_heap;
	TransactionId OldestXmin;
	TransactionId xid_cutoff;
	MultiXactId multi_cutoff;

	/* row store */
	RewriteState heap_state;
	Datum	   *values;			/* [natts] */
	bool	   *isnull;

	/* chunk store; store is NULL if the table has no TOAST relation */
	TsdbStore  *store;			/* the old one */
	TsdbDirEntry *entries;
	ChunkFate  *fates;
	int			nentries;
	Relation	new_toast;
	Relation   *new_indexes;
	int			nnew_indexes;
	RewriteState toast_state;
	TsdbRootDisk root;			/* the new one: counters as they grow */
	MemoryContext chunk_cxt;	/* reset for each chunk */
	TsdbChunkWriter *writer;	/* made when a chunk is to be encoded */

	/* results */
	double		num_tuples;
	double		tups_vacuumed;
	double		tups_recently_dead;
} TableRewrite;

/* ------------------------------------------------------------------------
 * Row store
 * ------------------------------------------------------------------------
 */

/* after heapam_handler.c: reform_and_rewrite_tuple() */
static void
rewrite_row(TableRewrite *rw, HeapTuple tuple)
{
	TupleDesc	new_desc = RelationGetDescr(rw->new_heap);
	HeapTuple	copy;
	HeapTuple	source = tuple;
	int			i;

	heap_deform_tuple(tuple, RelationGetDescr(rw->old_heap), rw->values, rw->isnull);

	/* dropped columns' values are let go */
	for (i = 0; i < new_desc->natts; i++)
	{
		if (TupleDescAttr(new_desc, i)->attisdropped)
			rw->isnull[i] = true;
	}
	copy = heap_form_tuple(new_desc, rw->values, rw->isnull);

	/*
	 * The old version of a row that moved to a chunk becomes a plain deleted tuple.  The
	 * rewrite would take it for updated and keep it in memory, waiting for a new version that never comes.
	 */
	if (tsdb_ctid_is_moved(&tuple->t_data->t_ctid))
	{
		source = heap_copytuple(tuple);
		source->t_data->t_ctid = source->t_self;
	}
	rewrite_heap_tuple(rw->heap_state, source, copy);

	if (source != tuple)
		heap_freetuple(source);
	heap_freetuple(copy);
}

/* Next row of a CLUSTER that goes by index; chunk rows are passed over. */
static bool
next_by_index(IndexScanDesc scan, TupleTableSlot *slot)
{
	for (;;)
	{
		/* else there are more versions of the same HOT chain */
		if (!scan->xs_heap_continue)
		{
			ItemPointer tid = index_getnext_tid(scan, ForwardScanDirection);

			if (tid == NULL)
				return false;
			CHECK_FOR_INTERRUPTS();
			if (tsdb_tid_is_virtual(tid))
				continue;
		}
		if (index_fetch_heap(scan, slot))
			break;
	}

	/* we used no scan keys */
	if (scan->xs_recheck)
		elog(ERROR, "CLUSTER does not support lossy index conditions");
	return true;
}

/* Must this tuple be copied?  Counts what it finds. */
static bool
row_is_to_copy(TableRewrite *rw, HeapTuple tuple, Buffer buffer)
{
	HTSV_Result status;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	status = HeapTupleSatisfiesVacuum(tuple, rw->OldestXmin, buffer);

	switch (status)
	{
		case HEAPTUPLE_DEAD:
			break;
		case HEAPTUPLE_RECENTLY_DEAD:
			rw->tups_recently_dead += 1;
			break;
		case HEAPTUPLE_LIVE:
			break;
		case HEAPTUPLE_INSERT_IN_PROGRESS:
			/* we hold AccessExclusiveLock: only our own transaction's */
			if (!TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(tuple->t_data)))
				elog(WARNING, "concurrent insert in progress within table \"%s\"",
					 RelationGetRelationName(rw->old_heap));
			break;
		case HEAPTUPLE_DELETE_IN_PROGRESS:
			if (!TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetUpdateXid(tuple->t_data)))
				elog(WARNING, "concurrent delete in progress within table \"%s\"",
					 RelationGetRelationName(rw->old_heap));
			rw->tups_recently_dead += 1;
			break;
		default:
			elog(ERROR, "unexpected HeapTupleSatisfiesVacuum result");
			break;
	}
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);

	return status != HEAPTUPLE_DEAD;
}

/* After heapam_handler.c: heapam_relation_copy_for_cluster(). */
static void
rewrite_row_store(TableRewrite *rw, Relation index, bool use_sort)
{
	IndexScanDesc index_scan = NULL;
	TableScanDesc table_scan = NULL;
	HeapScanDesc heap_scan = NULL;
	Tuplesortstate *tuplesort = NULL;
	TupleTableSlot *slot;
	BlockNumber prev_cblock = InvalidBlockNumber;

	if (use_sort)
		tuplesort = tuplesort_begin_cluster(RelationGetDescr(rw->old_heap), index,
											maintenance_work_mem, NULL, TUPLESORT_NONE);

	/* SnapshotAny, since recently dead tuples are to be copied as well */
	if (index != NULL && !use_sort)
	{
		const int	progress_index[] = {
			PROGRESS_CLUSTER_PHASE,
			PROGRESS_CLUSTER_INDEX_RELID
		};
		int64		progress_val[2];

		progress_val[0] = PROGRESS_CLUSTER_PHASE_INDEX_SCAN_HEAP;
		progress_val[1] = RelationGetRelid(index);
		pgstat_progress_update_multi_param(2, progress_index, progress_val);

		index_scan = index_beginscan(rw->old_heap, index, SnapshotAny, NULL, 0, 0);
		index_rescan(index_scan, NULL, 0, NULL, 0);
		slot = table_slot_create(rw->old_heap, NULL);
	}
	else
	{
		pgstat_progress_update_param(PROGRESS_CLUSTER_PHASE, PROGRESS_CLUSTER_PHASE_SEQ_SCAN_HEAP);

		table_scan = table_beginscan(rw->old_heap, SnapshotAny, 0, NULL);
		heap_scan = (HeapScanDesc) tsdb_scan_heap(table_scan);
		slot = MakeSingleTupleTableSlot(RelationGetDescr(rw->old_heap), &TTSOpsBufferHeapTuple);
		pgstat_progress_update_param(PROGRESS_CLUSTER_TOTAL_HEAP_BLKS, heap_scan->rs_nblocks);
	}

	for (;;)
	{
		TupleTableSlot *heap_slot;
		HeapTuple	tuple;
		Buffer		buffer;

		CHECK_FOR_INTERRUPTS();

		if (index_scan != NULL)
		{
			if (!next_by_index(index_scan, slot))
				break;
			heap_slot = tsdb_slot_inner(slot);
		}
		else
		{
			if (!heap_getnextslot(&heap_scan->rs_base, ForwardScanDirection, slot))
			{
				/* the last pages may have been empty */
				pgstat_progress_update_param(PROGRESS_CLUSTER_HEAP_BLKS_SCANNED, heap_scan->rs_nblocks);
				break;
			}
			heap_slot = slot;

			/* a synchronised scan may start anywhere and wrap around */
			if (prev_cblock != heap_scan->rs_cblock)
			{
				pgstat_progress_update_param(PROGRESS_CLUSTER_HEAP_BLKS_SCANNED,
											 (heap_scan->rs_cblock + heap_scan->rs_nblocks -
											  heap_scan->rs_startblock) % heap_scan->rs_nblocks + 1);
				prev_cblock = heap_scan->rs_cblock;
			}
		}

		tuple = ExecFetchSlotHeapTuple(heap_slot, false, NULL);
		buffer = ((BufferHeapTupleTableSlot *) heap_slot)->buffer;

		if (!row_is_to_copy(rw, tuple, buffer))
		{
			rw->tups_vacuumed += 1;
			if (rewrite_heap_dead_tuple(rw->heap_state, tuple))
			{
				/* so an earlier version in its chain, taken for recently dead, is dead as well */
				rw->tups_vacuumed += 1;
				rw->tups_recently_dead -= 1;
			}
			continue;
		}

		rw->num_tuples += 1;
		if (tuplesort != NULL)
		{
			tuplesort_putheaptuple(tuplesort, tuple);
			pgstat_progress_update_param(PROGRESS_CLUSTER_HEAP_TUPLES_SCANNED, rw->num_tuples);
		}
		else
		{
			const int	progress_index[] = {
				PROGRESS_CLUSTER_HEAP_TUPLES_SCANNED,
				PROGRESS_CLUSTER_HEAP_TUPLES_WRITTEN
			};
			int64		progress_val[2];

			rewrite_row(rw, tuple);
			progress_val[0] = rw->num_tuples;
			progress_val[1] = rw->num_tuples;
			pgstat_progress_update_multi_param(2, progress_index, progress_val);
		}
	}

	ExecDropSingleTupleTableSlot(slot);
	if (index_scan != NULL)
		index_endscan(index_scan);
	if (table_scan != NULL)
		table_endscan(table_scan);

	if (tuplesort != NULL)
	{
		HeapTuple	tuple;
		double		nwritten = 0;

		pgstat_progress_update_param(PROGRESS_CLUSTER_PHASE, PROGRESS_CLUSTER_PHASE_SORT_TUPLES);
		tuplesort_performsort(tuplesort);
		pgstat_progress_update_param(PROGRESS_CLUSTER_PHASE, PROGRESS_CLUSTER_PHASE_WRITE_NEW_HEAP);

		while ((tuple = tuplesort_getheaptuple(tuplesort, true)) != NULL)
		{
			CHECK_FOR_INTERRUPTS();
			rewrite_row(rw, tuple);
			nwritten += 1;
			pgstat_progress_update_param(PROGRESS_CLUSTER_HEAP_TUPLES_WRITTEN, nwritten);
		}
		tuplesort_end(tuplesort);
	}
}

/* ------------------------------------------------------------------------
 * Which chunks become what
 * ------------------------------------------------------------------------
 */

/*
 * Does the chunk lack columns whose value core is about to forget?  CHUNK_UNPACK if it can't
 * take in one of the values, else CHUNK_ENCODE.
 */
static ChunkFate
judge_columns(TableRewrite *rw, TsdbDirEntry *entry)
{
	TupleDesc	tupdesc = RelationGetDescr(rw->old_heap);
	TsdbChunk  *chunk = NULL;
	ChunkFate	fate = CHUNK_COPY;
	uint64		raw_bytes = entry->d.raw_bytes;
	int			i;

	for (i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);
		Datum		value;
		bool		isnull;

		if (att->attisdropped || !att->atthasmissing)
			continue;
		if (chunk == NULL)
			chunk = tsdb_chunk_open_bare(rw->store, entry, tupdesc, NULL, rw->chunk_cxt);
		if (tsdb_chunk_has_column(chunk, att->attnum))
			continue;

		value = getmissingattr(tupdesc, att->attnum, &isnull);
		if (isnull)
			continue;
		if (fate == CHUNK_COPY)
			fate = CHUNK_ENCODE;
		if (att->attlen == -1)
		{
			Size		len = toast_raw_datum_size(value);

			if (len - VARHDRSZ > TSDB_MAX_VALUE_BYTES)
				fate = CHUNK_UNPACK;
			raw_bytes += (uint64) entry->d.nrows * MAXALIGN(len);
		}
		else
			raw_bytes += (uint64) entry->d.nrows * MAXALIGN(att->attlen);
	}
	if (raw_bytes > TSDB_CHUNK_MAX_RAW_BYTES && fate == CHUNK_ENCODE)
		fate = CHUNK_UNPACK;
	if (chunk != NULL)
		tsdb_chunk_release(chunk);
	return fate;
}

static void
judge_chunks(TableRewrite *rw)
{
	int			i;

	rw->entries = tsdb_directory_read(rw->store, SnapshotAny, &rw->nentries);
	rw->fates = palloc(sizeof(ChunkFate) * Max(rw->nentries, 1));

	for (i = 0; i < rw->nentries; i++)
	{
		TsdbDirEntry *entry = &rw->entries[i];

		CHECK_FOR_INTERRUPTS();
		switch (tsdb_directory_status(rw->store, entry, rw->OldestXmin))
		{
			case HEAPTUPLE_DEAD:
				rw->fates[i] = CHUNK_DROP;
				rw->tups_vacuumed += entry->d.nrows;
				continue;
			case HEAPTUPLE_RECENTLY_DEAD:
			case HEAPTUPLE_DELETE_IN_PROGRESS:
				rw->tups_recently_dead += entry->d.nrows;
				break;
			case HEAPTUPLE_LIVE:
			case HEAPTUPLE_INSERT_IN_PROGRESS:
				break;
			default:
				elog(ERROR, "unexpected HeapTupleSatisfiesVacuum result");
		}
		rw->num_tuples += entry->d.nrows;
		rw->fates[i] = judge_columns(rw, entry);
		MemoryContextReset(rw->chunk_cxt);
	}
}

/* ------------------------------------------------------------------------
 * Tuples of the chunk store
 * ------------------------------------------------------------------------
 */

/* A tuple of the new chunk store, not yet stamped. */
static HeapTuple
form_stored_tuple(TableRewrite *rw, Oid chunk_id, int32 chunk_seq, const void *data, Size len)
{
	Datum		values[3];
	bool		isnull[3] = {false, false, false};
	bytea	   *bytes = palloc(VARHDRSZ + len);
	HeapTuple	tuple;

	Assert(len <= TSDB_TUPLE_MAX_DATA);
	SET_VARSIZE(bytes, VARHDRSZ + len);
	memcpy(VARDATA(bytes), data, len);
	values[0] = ObjectIdGetDatum(chunk_id);
	values[1] = Int32GetDatum(chunk_seq);
	values[2] = PointerGetDatum(bytes);
	tuple = heap_form_tuple(RelationGetDescr(rw->new_toast), values, isnull);
	pfree(bytes);
	return tuple;
}

/*
 * Puts a tuple into the new chunk store with xmin and xmax of "old", and makes its index entries;
 * no uniqueness check, the page may not be written yet.  The tuple is freed.
 */
static ItemPointerData
put_tuple(TableRewrite *rw, HeapTuple old, HeapTuple tuple, Oid chunk_id, int32 chunk_seq)
{
	Datum		values[2];
	bool		isnull[2] = {false, false};
	ItemPointerData tid;
	int			i;

	/* tuples of the chunk store are never updated but in place: the rewrite inserts each at once */
	Assert(ItemPointerEquals(&old->t_self, &old->t_data->t_ctid));
	rewrite_heap_tuple(rw->toast_state, old, tuple);
	tid = tuple->t_self;
	heap_freetuple(tuple);

	values[0] = ObjectIdGetDatum(chunk_id);
	values[1] = Int32GetDatum(chunk_seq);
	for (i = 0; i < rw->nnew_indexes; i++)
		index_insert(rw->new_indexes[i], values, isnull, &tid, rw->new_toast,
					 UNIQUE_CHECK_NO, false, NULL);
	return tid;
}

/* Is a stored tuple dead to everybody?  Sets hint bits on the way, which the copy then takes along. */
static bool
stored_is_dead(TableRewrite *rw, TsdbStoredTuple *stored)
{
	bool		dead;

	LockBuffer(stored->buffer, BUFFER_LOCK_SHARE);
	dead = HeapTupleSatisfiesVacuum(stored->tuple, rw->OldestXmin, stored->buffer) == HEAPTUPLE_DEAD;
	LockBuffer(stored->buffer, BUFFER_LOCK_UNLOCK);
	return dead;
}

/*
 * Writes the directory entry of a chunk under the next number: "data" is the old one's (fixed part and
 * sections) or a new one; what is to be stored anew is put in.
 */
static void
put_entry(TableRewrite *rw, TsdbDirEntry *entry, HeapTuple old, void *data, Size len,
		  ItemPointer header_tid)
{
	TsdbDirEntryDisk *d = (TsdbDirEntryDisk *) data;
	TsdbRootDisk *root = &rw->root;
	int32		change = (int32) ++root->changes;

	d->first_vblock = root->next_vblock;
	d->header_blk = header_tid->ip_blkid;
	d->header_off = ItemPointerGetOffsetNumber(header_tid);
	d->crc = tsdb_crc_behind(data, len);
	(void) put_tuple(rw, old, form_stored_tuple(rw, TSDB_DIRECTORY_ID, change, data, len),
					 TSDB_DIRECTORY_ID, change);

	root->next_vblock += tsdb_entry_nvblocks(entry);
	if (tsdb_directory_status(rw->store, entry, rw->OldestXmin) == HEAPTUPLE_RECENTLY_DEAD)
		root->removed++;		/* indexes will have it until a later vacuum */
	else
	{
		root->est_chunks++;
		root->est_rows += d->nrows;
		root->est_raw_bytes += d->raw_bytes;
		root->est_stored_bytes += d->stored_bytes;
	}
}

/* The directory entry's tuple as stored, pinned. */
static void
read_entry_tuple(TableRewrite *rw, TsdbDirEntry *entry, TsdbStoredTuple *stored)
{
	if (!tsdb_store_read_tid(rw->store, &entry->tid, TSDB_DIRECTORY_ID, (int32) entry->change, stored) ||
		stored->len < sizeof(TsdbDirEntryDisk))
		tsdb_report_corruption(rw->old_heap, entry->d.chunk_id, NULL,
							   "directory entry %u can no longer be read", entry->change);
}

/*
 * Tombstones go along, without the TIDs of new versions, which are other ones now: nobody who had found the old
 * version before can ask for them, since he held a lock on the table.  Returns how many rows they take away.
 */
static uint32
copy_tombstones(TableRewrite *rw, TsdbDirEntry *entry)
{
	TsdbStoreScan *scan;
	TsdbStoredTuple stored;
	uint32		ncopied = 0;

	scan = tsdb_store_scan_begin(rw->store, entry->d.chunk_id, -TSDB_CHUNK_MAX_ROWS, -1, SnapshotAny);
	while (tsdb_store_scan_next(scan, &stored))
	{
		TsdbTombstone tombstone;
		TsdbTombstoneDisk disk;
		HeapTuple	old;

		/*
		 * A tombstone that was deleted together with its chunk is dead no sooner than that.  So what is dead here has an
		 * aborted xmin.
		 */
		if (stored_is_dead(rw, &stored))
			continue;
		tsdb_tombstone_parse(rw->store, entry, &stored, &tombstone);
		if (tombstone.state == TSDB_TOMBSTONE_NONE)
			continue;
		memcpy(&disk, stored.data, sizeof(disk));
		ItemPointerSetInvalid(&tombstone.new_tid);
		disk.new_blk = tombstone.new_tid.ip_blkid;
		disk.new_off = tombstone.new_tid.ip_posid;
		disk.crc = tsdb_crc_behind(&disk, sizeof(disk));
		old = heap_copytuple(stored.tuple);
		(void) put_tuple(rw, old, form_stored_tuple(rw, stored.chunk_id, stored.chunk_seq, &disk, sizeof(disk)),
						 stored.chunk_id, stored.chunk_seq);
		heap_freetuple(old);
		ncopied++;
	}
	tsdb_store_scan_end(scan);
	return ncopied;
}

/* ------------------------------------------------------------------------
 * Chunks copied as they are
 * ------------------------------------------------------------------------
 */

/* Pieces of a header as read. */
typedef struct HeaderPieces
{
	HeapTuple  *tuples;			/* [nheader], for xmin and xmax */
	Size	   *lens;
	uint8	   *bytes;			/* all of them in a row */
	Size		nbytes;
} HeaderPieces;

static void
read_header(TableRewrite *rw, TsdbDirEntry *entry, HeaderPieces *pieces)
{
	int			nheader = entry->d.nheader;
	Oid			chunk_id = entry->d.chunk_id;
	const TsdbHeaderDisk *header;
	TsdbStoreScan *scan;
	TsdbStoredTuple stored;
	int			n = 0;

	pieces->tuples = palloc(sizeof(HeapTuple) * Max(nheader, 1));
	pieces->lens = palloc(sizeof(Size) * Max(nheader, 1));
	pieces->bytes = palloc((Size) Max(nheader, 1) * TSDB_TUPLE_MAX_DATA);
	pieces->nbytes = 0;

	scan = tsdb_store_scan_begin(rw->store, chunk_id, 0, nheader - 1, SnapshotAny);
	while (tsdb_store_scan_next(scan, &stored))
	{
		if (stored_is_dead(rw, &stored))
			continue;
		if (n >= nheader || stored.chunk_seq != n || stored.len > TSDB_TUPLE_MAX_DATA)
			tsdb_report_corruption(rw->old_heap, chunk_id, NULL,
								   "header tuple %d is out of place", stored.chunk_seq);
		pieces->tuples[n] = heap_copytuple(stored.tuple);
		pieces->lens[n] = stored.len;
		memcpy(pieces->bytes + pieces->nbytes, stored.data, stored.len);
		pieces->nbytes += stored.len;
		n++;
	}
	tsdb_store_scan_end(scan);

	/* segment TIDs are written into it: it must be what it seems */
	header = (const TsdbHeaderDisk *) pieces->bytes;
	if (n != nheader || pieces->nbytes != entry->d.header_bytes ||
		pieces->nbytes < sizeof(TsdbHeaderDisk))
		tsdb_report_corruption(rw->old_heap, chunk_id, NULL,
							   "header has %d tuples and %zu bytes, expected %d and %u",
							   n, pieces->nbytes, nheader, entry->d.header_bytes);
	if (header->crc != tsdb_crc_behind(pieces->bytes, pieces->nbytes))
		tsdb_report_corruption(rw->old_heap, chunk_id, NULL, "checksum of the header does not match");
	if (header->version != TSDB_HEADER_VERSION)
		tsdb_report_version(rw->old_heap, chunk_id, header->version, TSDB_HEADER_VERSION);
	if (header->chunk_id != chunk_id || header->nsegments != entry->d.nsegments ||
		tsdb_layout_fixed_bytes(header) > pieces->nbytes)
		tsdb_report_corruption(rw->old_heap, chunk_id, NULL,
							   "header does not fit the directory entry");
}

/* Copies the segments; their new TIDs go to tids[]. */
static void
copy_segments(TableRewrite *rw, TsdbDirEntry *entry, TsdbTidDisk *tids)
{
	int			first = entry->d.nheader;
	int			nsegments = entry->d.nsegments;
	TsdbStoreScan *scan;
	TsdbStoredTuple stored;
	int			n = 0;

	if (nsegments == 0)
		return;

	scan = tsdb_store_scan_begin(rw->store, entry->d.chunk_id, first, first + nsegments - 1, SnapshotAny);
	while (tsdb_store_scan_next(scan, &stored))
	{
		ItemPointerData tid;

		CHECK_FOR_INTERRUPTS();
		if (stored_is_dead(rw, &stored))
			continue;
		if (n >= nsegments || stored.chunk_seq != first + n)
			tsdb_report_corruption(rw->old_heap, entry->d.chunk_id, NULL,
								   "segment tuple %d is out of place", stored.chunk_seq);
		tid = put_tuple(rw, stored.tuple, heap_copytuple(stored.tuple),
						stored.chunk_id, stored.chunk_seq);
		tids[n].blk_hi = tid.ip_blkid.bi_hi;
		tids[n].blk_lo = tid.ip_blkid.bi_lo;
		tids[n].off = tid.ip_posid;
		n++;
	}
	tsdb_store_scan_end(scan);

	if (n != nsegments)
		tsdb_report_corruption(rw->old_heap, entry->d.chunk_id, NULL,
							   "found %d segments, expected %d", n, nsegments);
}

static void
copy_chunk(TableRewrite *rw, TsdbDirEntry *entry)
{
	HeaderPieces pieces;
	ItemPointerData header_tid;
	TsdbStoredTuple stored;
	uint8	   *data;
	int			i;

	read_header(rw, entry, &pieces);

	copy_segments(rw, entry, (TsdbTidDisk *) (pieces.bytes + tsdb_layout_tids_offset((TsdbHeaderDisk *) pieces.bytes)));
	((TsdbHeaderDisk *) pieces.bytes)->crc = tsdb_crc_behind(pieces.bytes, pieces.nbytes);

	data = pieces.bytes;
	ItemPointerSetInvalid(&header_tid);
	for (i = 0; i < entry->d.nheader; i++)
	{
		ItemPointerData tid;

		tid = put_tuple(rw, pieces.tuples[i],
						form_stored_tuple(rw, entry->d.chunk_id, i, data, pieces.lens[i]),
						entry->d.chunk_id, i);
		if (i == 0)
			header_tid = tid;
		data += pieces.lens[i];
	}

	rw->num_tuples -= copy_tombstones(rw, entry);

	read_entry_tuple(rw, entry, &stored);
	data = palloc(stored.len);
	memcpy(data, stored.data, stored.len);
	put_entry(rw, entry, stored.tuple, data, stored.len, &header_tid);
	tsdb_store_release(&stored);
}

/* ------------------------------------------------------------------------
 * Chunks that get columns
 * ------------------------------------------------------------------------
 */

typedef struct RewriteSink
{
	TsdbChunkSink sink;
	TableRewrite *rw;
	HeapTuple	stamp;			/* the old directory entry's tuple: xmin and xmax for all */
} RewriteSink;

/* TsdbChunkSink.put */
static ItemPointerData
put_encoded(TsdbChunkSink *sink, Oid chunk_id, int32 chunk_seq, const void *data, Size len, bool is_segment)
{
	RewriteSink *self = (RewriteSink *) sink->arg;

	return put_tuple(self->rw, self->stamp,
					 form_stored_tuple(self->rw, chunk_id, chunk_seq, data, len),
					 chunk_id, chunk_seq);
}

/* Hands each row of the chunk, missing columns filled in, to "take". */
static void
read_rows(TableRewrite *rw, TsdbChunk *chunk,
		  void (*take) (TableRewrite *rw, uint32 row, const Datum *values, const bool *isnull, void *arg), void *arg)
{
	TupleDesc	tupdesc = RelationGetDescr(rw->old_heap);
	TsdbVectorSet *set = NULL;
	uint32		vector;

	for (vector = 0; vector < chunk->nvectors; vector++)
	{
		uint32		i;
		int			att;

		CHECK_FOR_INTERRUPTS();
		set = tsdb_vector_set(chunk, vector, set, rw->chunk_cxt);
		for (att = 0; att < tupdesc->natts; att++)
		{
			rw->isnull[att] = true;
			rw->values[att] = (Datum) 0;
			if (!TupleDescAttr(tupdesc, att)->attisdropped)
				tsdb_vector_decode(set, att + 1);
		}
		for (i = 0; i < set->nrows; i++)
		{
			for (att = 0; att < tupdesc->natts; att++)
			{
				if (TupleDescAttr(tupdesc, att)->attisdropped)
					continue;
				rw->values[att] = set->columns[att].values[i];
				rw->isnull[att] = set->columns[att].isnull[i];
			}
			take(rw, vector * TSDB_VECTOR_ROWS + i, rw->values, rw->isnull, arg);
		}
	}
	if (set != NULL)
		tsdb_vector_set_release(set);
}

static void
gather_row(TableRewrite *rw, uint32 row, const Datum *values, const bool *isnull, void *arg)
{
	if (!tsdb_column_buffer_append((TsdbColumnBuffer *) arg, values, isnull))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("cannot rewrite compressed rows of table \"%s\" with the columns added since",
						RelationGetRelationName(rw->old_heap)),
				 errdetail("A row would be longer than %d bytes.", TSDB_MAX_ROW_BYTES),
				 errhint("Move its rows back with tsdb.decompress first.")));
}

/* Rows keep their order, and so their TIDs; rows with a tombstone are encoded like the others. */
static void
encode_chunk(TableRewrite *rw, TsdbDirEntry *entry)
{
	TsdbColumnBuffer *buf;
	TsdbChunk  *chunk;
	TsdbStoredTuple stored;
	TsdbDirEntry fresh;
	RewriteSink sink;
	ItemPointerData header_tid;
	TsdbTableOptions options;
	TsdbChunkOrder order;
	const uint8 *sections;
	uint8	   *data;
	uint32	   *perm;
	Size		sections_len;
	uint32		i;

	buf = tsdb_column_buffer_create(RelationGetDescr(rw->old_heap), rw->chunk_cxt);
	chunk = tsdb_chunk_open_bare(rw->store, entry, RelationGetDescr(rw->old_heap), NULL, rw->chunk_cxt);
	read_rows(rw, chunk, gather_row, buf);
	Assert(buf->nrows == entry->d.nrows);
	tsdb_chunk_release(chunk);

	perm = palloc(sizeof(uint32) * buf->nrows);
	for (i = 0; i < buf->nrows; i++)
		perm[i] = i;

	read_entry_tuple(rw, entry, &stored);
	memset(&sink, 0, sizeof(sink));
	sink.sink.put = put_encoded;
	sink.sink.arg = &sink;
	sink.rw = rw;
	sink.stamp = heap_copytuple(stored.tuple);
	tsdb_store_release(&stored);

	/* the time column stays, since the order does; the filter is of the series as they are now */
	tsdb_options_get(rw->old_heap, &options);
	tsdb_options_sample(&options, buf);
	order.time_attnum = entry->d.time_attnum;
	order.nseries_columns = options.nseries;
	order.series_columns = options.series;

	memset(&fresh, 0, sizeof(fresh));
	tsdb_chunk_writer_set_cold(rw->writer, (entry->d.flags & TSDB_DIR_COLD) != 0);
	tsdb_chunk_write(rw->writer, &sink.sink, buf, perm, buf->nrows, entry->d.chunk_id,
					 &order, entry->d.nseries, &fresh);

	/* where it came from stays */
	fresh.d.mover_xid = entry->d.mover_xid;
	fresh.d.src_block = entry->d.src_block;
	fresh.d.src_nblocks = entry->d.src_nblocks;
	fresh.d.level = entry->d.level;
	fresh.d.slice = entry->d.slice;
	fresh.d.sort_order = entry->d.sort_order;
	ItemPointerSet(&header_tid, BlockIdGetBlockNumber(&fresh.d.header_blk), fresh.d.header_off);

	rw->num_tuples -= copy_tombstones(rw, entry);
	sections = tsdb_chunk_writer_sections(rw->writer, &sections_len);
	data = palloc(sizeof(TsdbDirEntryDisk) + sections_len);
	memcpy(data, &fresh.d, sizeof(TsdbDirEntryDisk));
	if (sections_len > 0)
		memcpy(data + sizeof(TsdbDirEntryDisk), sections, sections_len);
	put_entry(rw, entry, sink.stamp, data, sizeof(TsdbDirEntryDisk) + sections_len, &header_tid);
}

/* Where unpacked rows get xmin and xmax from. */
typedef struct Unpack
{
	HeapTuple	stamp;			/* the chunk's directory entry, for rows without a tombstone */
	uint64	   *dead;			/* rows that nobody sees */
	uint64	   *dying;			/* rows with a tombstone that counts: */
	TransactionId *deleters;	/* [nrows] its xmin */
	CommandId  *cmaxs;			/* [nrows] its command id, if it is ours */
} Unpack;

static void
unpack_row(TableRewrite *rw, uint32 row, const Datum *values, const bool *isnull, void *arg)
{
	Unpack	   *unpack = arg;
	HeapTuple	stamp = unpack->stamp;
	HeapTuple	tuple;

	if (tsdb_row_bits_test(unpack->dead, row))
	{
		rw->num_tuples -= 1;
		return;
	}
	tuple = heap_form_tuple(RelationGetDescr(rw->new_heap), (Datum *) values, (bool *) isnull);
	if (tsdb_row_bits_test(unpack->dying, row))
	{
		HeapTupleHeader header;

		/* the row's deletion came before the chunk's, if there was one */
		stamp = heap_copytuple(stamp);
		header = stamp->t_data;
		header->t_infomask &= ~HEAP_XMAX_BITS;
		header->t_infomask2 |= HEAP_KEYS_UPDATED;
		HeapTupleHeaderSetXmax(header, unpack->deleters[row]);
		if (unpack->cmaxs[row] != InvalidCommandId)
		{
			CommandId	cmax = unpack->cmaxs[row];
			bool		iscombo;

			HeapTupleHeaderAdjustCmax(header, &cmax, &iscombo);
			HeapTupleHeaderSetCmax(header, cmax, iscombo);
		}
		rw->tups_recently_dead += 1;
	}
	rewrite_heap_tuple(rw->heap_state, stamp, tuple);
	heap_freetuple(tuple);
}

static void
unpack_chunk(TableRewrite *rw, TsdbDirEntry *entry)
{
	uint32		nrows = entry->d.nrows;
	TsdbStoredTuple stored;
	TsdbTombstoneScan scan;
	TsdbTombstone tombstone;
	TsdbChunk  *chunk;
	Unpack		unpack;

	read_entry_tuple(rw, entry, &stored);
	unpack.stamp = heap_copytuple(stored.tuple);
	tsdb_store_release(&stored);

	/*
	 * The TOAST relation may hold older unfrozen xids than the table says that it
	 * has itself; one that everybody sees is as good as frozen.
	 */
	if (!HeapTupleHeaderXminFrozen(unpack.stamp->t_data) &&
		TransactionIdPrecedes(HeapTupleHeaderGetRawXmin(unpack.stamp->t_data), rw->OldestXmin))
		HeapTupleHeaderSetXminFrozen(unpack.stamp->t_data);

	unpack.dead = palloc0(tsdb_row_bits_words(nrows) * sizeof(uint64));
	unpack.dying = palloc0(tsdb_row_bits_words(nrows) * sizeof(uint64));
	unpack.deleters = palloc(nrows * sizeof(TransactionId));
	unpack.cmaxs = palloc(nrows * sizeof(CommandId));
	tsdb_tombstone_scan_begin(&scan, rw->store, entry);
	while (tsdb_tombstone_scan_next(&scan, rw->store, &tombstone))
	{
		if (tsdb_tombstone_is_dead(&tombstone, rw->OldestXmin))
			tsdb_row_bits_set(unpack.dead, tombstone.row);
		else
			tsdb_row_bits_set(unpack.dying, tombstone.row);
		unpack.deleters[tombstone.row] = tombstone.xmin;
		unpack.cmaxs[tombstone.row] = tombstone.cmin;
	}
	tsdb_tombstone_scan_end(&scan);

	chunk = tsdb_chunk_open_bare(rw->store, entry, RelationGetDescr(rw->old_heap), NULL, rw->chunk_cxt);
	read_rows(rw, chunk, unpack_row, &unpack);
	tsdb_chunk_release(chunk);
}

/* ------------------------------------------------------------------------
 * The whole chunk store
 * ------------------------------------------------------------------------
 */

/* The root, after all else: its counters say what was written.  Frozen as the old one. */
static void
put_root(TableRewrite *rw)
{
	TsdbRootDisk *root = &rw->root;
	TsdbStoredTuple stored;

	/* the root was read before, so its place is known */
	if (!tsdb_store_read_tid(rw->store, &rw->store->root_tid, TSDB_ROOT_ID, 0, &stored))
		elog(ERROR, "root of the chunk store of table \"%s\" has moved",
			 RelationGetRelationName(rw->old_heap));

	root->version = TSDB_FORMAT_VERSION;
	if (!pg_strong_random(&root->incarnation, sizeof(root->incarnation)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate a random number")));
	root->crc = tsdb_crc_behind(root, sizeof(*root));
	(void) put_tuple(rw, stored.tuple, form_stored_tuple(rw, TSDB_ROOT_ID, 0, root, sizeof(*root)),
					 TSDB_ROOT_ID, 0);
	tsdb_store_release(&stored);
}

static void
rewrite_chunk_store(TableRewrite *rw)
{
	TsdbRootDisk old_root;
	int			i;

	/* no root, no chunks */
	if (!tsdb_root_read(rw->store, &old_root))
		return;

	Assert(OidIsValid(rw->new_heap->rd_rel->reltoastrelid));
	rw->new_toast = table_open(rw->new_heap->rd_rel->reltoastrelid, RowExclusiveLock);
	(void) toast_open_indexes(rw->new_toast, RowExclusiveLock, &rw->new_indexes, &rw->nnew_indexes);
	rw->writer = tsdb_chunk_writer_create(CurrentMemoryContext);

	rw->toast_state = begin_heap_rewrite(rw->store->toastrel, rw->new_toast, rw->OldestXmin,
										 rw->xid_cutoff, rw->multi_cutoff);
	for (i = 0; i < rw->nentries; i++)
	{
		MemoryContext old_cxt;

		if (rw->fates[i] != CHUNK_COPY && rw->fates[i] != CHUNK_ENCODE)
			continue;

		CHECK_FOR_INTERRUPTS();
		old_cxt = MemoryContextSwitchTo(rw->chunk_cxt);
		if (rw->fates[i] == CHUNK_COPY)
			copy_chunk(rw, &rw->entries[i]);
		else
			encode_chunk(rw, &rw->entries[i]);
		TSDB_INJECT("rewrite-chunk");
		MemoryContextSwitchTo(old_cxt);
		MemoryContextReset(rw->chunk_cxt);
	}
	put_root(rw);
	end_heap_rewrite(rw->toast_state);

	tsdb_chunk_writer_free(rw->writer);
	toast_close_indexes(rw->new_indexes, rw->nnew_indexes, NoLock);
	table_close(rw->new_toast, NoLock);

	if (rw->root.changes > 0)
		tsdb_ensure_main_page(rw->new_heap);
}

void
tsdb_relation_copy_for_cluster(Relation OldHeap, Relation NewHeap, Relation OldIndex, bool use_sort,
							   TransactionId OldestXmin, TransactionId *xid_cutoff,
							   MultiXactId *multi_cutoff, double *num_tuples,
							   double *tups_vacuumed, double *tups_recently_dead)
{
	TableRewrite rw;
	int			natts = RelationGetDescr(NewHeap)->natts;
	int			i;

	/* the new table is empty and nobody writes to it but us */
	Assert(RelationGetTargetBlock(NewHeap) == InvalidBlockNumber);

	tsdb_direct_load_settle(OldHeap);

	memset(&rw, 0, sizeof(rw));
	rw.old_heap = OldHeap;
	rw.new_heap = NewHeap;
	rw.OldestXmin = OldestXmin;
	rw.xid_cutoff = *xid_cutoff;
	rw.multi_cutoff = *multi_cutoff;
	rw.values = palloc0(natts * sizeof(Datum));
	rw.isnull = palloc0(natts * sizeof(bool));
	rw.chunk_cxt = AllocSetContextCreate(CurrentMemoryContext, "tsdb rewrite chunk",
										 ALLOCSET_DEFAULT_SIZES);

	rw.heap_state = begin_heap_rewrite(OldHeap, NewHeap, OldestXmin, *xid_cutoff, *multi_cutoff);
	rewrite_row_store(&rw, OldIndex, use_sort);
	TSDB_INJECT("rewrite-rows");

	rw.store = tsdb_store_open(OldHeap, AccessShareLock);
	if (rw.store != NULL)
	{
		judge_chunks(&rw);

		/* rows that leave the chunk store must be in the row store before its rewrite ends */
		for (i = 0; i < rw.nentries; i++)
		{
			MemoryContext old_cxt;

			if (rw.fates[i] != CHUNK_UNPACK)
				continue;
			old_cxt = MemoryContextSwitchTo(rw.chunk_cxt);
			unpack_chunk(&rw, &rw.entries[i]);
			MemoryContextSwitchTo(old_cxt);
			MemoryContextReset(rw.chunk_cxt);
		}
	}
	end_heap_rewrite(rw.heap_state);

	if (rw.store != NULL)
	{
		rewrite_chunk_store(&rw);
		tsdb_store_close(rw.store);
	}
	pgstat_progress_update_param(PROGRESS_CLUSTER_HEAP_TUPLES_WRITTEN, rw.num_tuples);

	MemoryContextDelete(rw.chunk_cxt);
	pfree(rw.values);
	pfree(rw.isnull);

	TSDB_INJECT("rewrite-end");
	*num_tuples += rw.num_tuples;
	*tups_vacuumed += rw.tups_vacuumed;
	*tups_recently_dead += rw.tups_recently_dead;
}
