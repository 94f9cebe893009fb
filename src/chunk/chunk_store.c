/*-------------------------------------------------------------------------
 * chunk_store.c
 *	  Tuples of the chunk store: insert, find, delete in the TOAST relation.
 *
 * Used by the rest of chunk/ alone and by the writers' sinks.  Everything here goes through
 * heapam and the TOAST relation's own index: WAL, locks, visibility and VACUUM are core's.
 *
 * Invariants: a tuple is used only after stored_tuple_parse(), which checks its place in the page,
 * its shape and its varlena header; a TID from disk or from a cache is a hint, and only the key in
 * the tuple decides.
 *
 * Locking: content lock (share) only while a tuple is located, then the pin alone: pruning and
 * compaction need a cleanup lock, so the bytes can't move under a pin.  One content lock at a time.
 *-------------------------------------------------------------------------
 */
#include "chunk/chunk_store.h"

#include "access/relscan.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/toast_internals.h"
#include "access/xact.h"
#include "catalog/catalog.h"
#include "common/relpath.h"
#include "executor/tuptable.h"
#include "injection.h"
#include "kernels.h"
#include "miscadmin.h"
#include "port/pg_crc32c.h"
#include "storage/bufmgr.h"
#include "storage/fd.h"
#include "storage/predicate.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/*
 * A chunk store tuple: header without NULL bitmap, chunk_id, chunk_seq, then chunk_data, whose
 * 4-byte varlena header needs no padding.  TOAST columns are of storage PLAIN, hence never short,
 * compressed or external.
 */
#define TUPLE_HOFF			MAXALIGN(SizeofHeapTupleHeader)
#define TUPLE_SEQ_OFFSET	(TUPLE_HOFF + sizeof(Oid))
#define TUPLE_VAR_OFFSET	(TUPLE_SEQ_OFFSET + sizeof(int32))
#define TUPLE_DATA_OFFSET	(TUPLE_VAR_OFFSET + VARHDRSZ)
#define TUPLE_NATTS			3

/* what is asked for at once; Linux silently leaves out what goes beyond its own limit, which is 1 MB or more as a rule */
#define ADVISE_BYTES		((off_t) 512 * 1024)

StaticAssertDecl(TUPLE_HOFF == 24, "header of a chunk store tuple is 24 bytes");
StaticAssertDecl(TUPLE_DATA_OFFSET + TSDB_TUPLE_MAX_DATA == MaxHeapTupleSize,
				 "the largest chunk store tuple fills a page");

struct TsdbStoreScan
{
	TsdbStore  *store;
	IndexScanDesc iscan;
	TupleTableSlot *slot;
	Oid			chunk_id;
	Snapshot	filter;			/* to be applied to what the scan returns, or NULL */
};

TsdbStore *
tsdb_store_open(Relation rel, LOCKMODE lockmode)
{
	TsdbStore  *store;

	if (!OidIsValid(rel->rd_rel->reltoastrelid))
		return NULL;

	store = palloc0(sizeof(TsdbStore));
	store->cxt = CurrentMemoryContext;
	store->rel = rel;
	store->lockmode = lockmode;
	store->toastrel = table_open(rel->rd_rel->reltoastrelid, lockmode);
	store->valid_index = toast_open_indexes(store->toastrel, lockmode,
											&store->indexes, &store->nindexes);
	ItemPointerSetInvalid(&store->root_tid);
	dlist_init(&store->chunks);
	return store;
}

/*
 * The relation locks stay to the end of the transaction: a REINDEX CONCURRENTLY of the TOAST
 * relation waits for us by them, and lazy truncation can't drop blocks under us.
 */
void
tsdb_store_close(TsdbStore *store)
{
	if (store->close_chunks)
		store->close_chunks(store);
	Assert(dlist_is_empty(&store->chunks));

	if (store->bulk_segment)
		FreeBulkInsertState(store->bulk_segment);
	if (store->bulk_small)
		FreeBulkInsertState(store->bulk_small);
	if (store->tuple.t_data)
		pfree(store->tuple.t_data);
	toast_close_indexes(store->indexes, store->nindexes, NoLock);
	table_close(store->toastrel, NoLock);
	pfree(store);
}

/*
 * Builds the tuple in place in a buffer that lives as long as the store: heap_form_tuple would
 * allocate and clear 8 KB for each.
 */
static HeapTuple
form_tuple(TsdbStore *store, Oid chunk_id, int32 chunk_seq, const void *data, Size len)
{
	HeapTuple	tuple = &store->tuple;
	HeapTupleHeader header;
	char	   *raw;

	if (tuple->t_data == NULL)
		tuple->t_data = MemoryContextAlloc(store->cxt, MAXALIGN(MaxHeapTupleSize));
	header = tuple->t_data;
	raw = (char *) header;

	memset(header, 0, TUPLE_HOFF);
	header->t_infomask = HEAP_HASVARWIDTH;
	HeapTupleHeaderSetNatts(header, TUPLE_NATTS);
	header->t_hoff = TUPLE_HOFF;
	ItemPointerSetInvalid(&header->t_ctid);
	memcpy(raw + TUPLE_HOFF, &chunk_id, sizeof(Oid));
	memcpy(raw + TUPLE_SEQ_OFFSET, &chunk_seq, sizeof(int32));
	SET_VARSIZE(raw + TUPLE_VAR_OFFSET, VARHDRSZ + len);
	memcpy(raw + TUPLE_DATA_OFFSET, data, len);

	tuple->t_len = TUPLE_DATA_OFFSET + len;
	tuple->t_tableOid = RelationGetRelid(store->toastrel);
	ItemPointerSetInvalid(&tuple->t_self);
	return tuple;
}

/*
 * Heap insert, then index inserts: a crash or error between the two leaves a tuple of an aborted
 * transaction, which no index finds and VACUUM takes away.
 *
 * The free space map is used: HEAP_INSERT_SKIP_FSM would never use freed pages again and turn off
 * bulk extension.  Segments and small tuples have a bulk insert state each, so that small ones do not end
 * up one on each page that a segment was to fill.
 */
ItemPointerData
tsdb_store_insert(TsdbStore *store, Oid chunk_id, int32 chunk_seq,
				  const void *data, Size len, CommandId cid, int options, bool is_segment)
{
	BulkInsertState *bulk = is_segment ? &store->bulk_segment : &store->bulk_small;
	HeapTuple	tuple;
	Datum		values[TUPLE_NATTS];
	bool		isnull[TUPLE_NATTS] = {false, false, false};
	int			i;

	Assert(store->lockmode >= RowExclusiveLock);
	if (len > TSDB_TUPLE_MAX_DATA)
		elog(ERROR, "chunk store tuple of %zu bytes is longer than %zu bytes",
			 len, (Size) TSDB_TUPLE_MAX_DATA);

	CHECK_FOR_INTERRUPTS();

	tuple = form_tuple(store, chunk_id, chunk_seq, data, len);
	if (*bulk == NULL)
	{
		MemoryContext oldcxt = MemoryContextSwitchTo(store->cxt);

		*bulk = GetBulkInsertState();
		MemoryContextSwitchTo(oldcxt);
	}
	heap_insert(store->toastrel, tuple, cid, options | HEAP_INSERT_NO_LOGICAL, *bulk);
	TSDB_INJECT(chunk_id == TSDB_ROOT_ID ? "store-root" : chunk_id == TSDB_DIRECTORY_ID ? "store-entry" : "store-tuple");

	/* after toast_internals.c: toast_save_datum() */
	values[0] = ObjectIdGetDatum(chunk_id);
	values[1] = Int32GetDatum(chunk_seq);
	values[2] = PointerGetDatum((char *) tuple->t_data + TUPLE_VAR_OFFSET);
	for (i = 0; i < store->nindexes; i++)
	{
		Relation	index = store->indexes[i];

		if (index->rd_index->indisready)
			index_insert(index, values, isnull, &tuple->t_self, store->toastrel,
						 index->rd_index->indisunique ? UNIQUE_CHECK_YES : UNIQUE_CHECK_NO,
						 false, NULL);
	}

	return tuple->t_self;
}

/* Is there a value with that id in that TOAST relation, dead ones included? */
static bool
value_id_exists(Oid toastrelid, Oid value_id)
{
	Relation	toastrel = table_open(toastrelid, AccessShareLock);
	Relation   *indexes;
	int			nindexes;
	int			valid;
	ScanKeyData key;
	SysScanDesc scan;
	bool		found;

	valid = toast_open_indexes(toastrel, AccessShareLock, &indexes, &nindexes);
	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(value_id));
	scan = systable_beginscan_ordered(toastrel, indexes[valid], SnapshotAny, 1, &key);
	found = systable_getnext_ordered(scan, ForwardScanDirection) != NULL;
	systable_endscan_ordered(scan);
	toast_close_indexes(indexes, nindexes, AccessShareLock);
	table_close(toastrel, AccessShareLock);
	return found;
}

/*
 * As toast_save_datum() chooses the id of a value: during a rewrite ordinary TOAST values keep the
 * ids that they have in the old TOAST relation, so that those are not free either.
 */
Oid
tsdb_store_new_chunk_id(TsdbStore *store)
{
	Oid			old_toastrelid = store->rel->rd_toastoid;
	Oid			chunk_id;

	do
	{
		chunk_id = GetNewOidWithIndex(store->toastrel,
									  RelationGetRelid(store->indexes[store->valid_index]),
									  (AttrNumber) 1);
		/* a stand-alone backend of a new cluster goes on with initdb's OIDs, which no reader takes for a chunk's */
	} while (chunk_id < FirstNormalObjectId ||
			 (OidIsValid(old_toastrelid) && value_id_exists(old_toastrelid, chunk_id)));

	Assert(chunk_id >= FirstNormalObjectId);
	return chunk_id;
}

/*
 * Checks that the tuple lies within its page and has the shape of a chunk store tuple, and fills result
 * from it.  Only these bytes may be used afterwards.
 */
static bool
stored_tuple_parse(HeapTuple tuple, Buffer buffer, TsdbStoredTuple *result)
{
	const char *page = (const char *) BufferGetPage(buffer);
	const char *raw = (const char *) tuple->t_data;
	Size		offset = raw - page;
	Size		varsize;

	if (offset < SizeOfPageHeaderData || offset >= BLCKSZ || offset != MAXALIGN(offset) ||
		tuple->t_len > BLCKSZ - offset || tuple->t_len < TUPLE_DATA_OFFSET)
		return false;
	if (HeapTupleHeaderGetNatts(tuple->t_data) != TUPLE_NATTS ||
		HeapTupleHasNulls(tuple) ||
		tuple->t_data->t_hoff != TUPLE_HOFF ||
		!VARATT_IS_4B_U(raw + TUPLE_VAR_OFFSET))
		return false;
	varsize = VARSIZE_4B(raw + TUPLE_VAR_OFFSET);
	if (varsize < VARHDRSZ || varsize > tuple->t_len - TUPLE_VAR_OFFSET)
		return false;

	memcpy(&result->chunk_id, raw + TUPLE_HOFF, sizeof(Oid));
	memcpy(&result->chunk_seq, raw + TUPLE_SEQ_OFFSET, sizeof(int32));
	result->data = (const uint8 *) raw + TUPLE_DATA_OFFSET;
	result->len = varsize - VARHDRSZ;
	result->tid = tuple->t_self;
	result->tuple = tuple;
	result->buffer = buffer;
	return true;
}

/* The tuple at an offset of a page, share-locked at least; false if there is none of the right shape. */
static bool
parse_item(TsdbStore *store, Buffer buffer, BlockNumber block, OffsetNumber offset, TsdbStoredTuple *result)
{
	Page		page = BufferGetPage(buffer);
	HeapTuple	tuple = &result->tuple_space;
	ItemId		lp;

	if (offset < FirstOffsetNumber || offset > PageGetMaxOffsetNumber(page))
		return false;
	lp = PageGetItemId(page, offset);
	if (!ItemIdIsNormal(lp))
		return false;

	/* not PageGetItem(): it asserts what stored_tuple_parse checks */
	tuple->t_data = (HeapTupleHeader) ((char *) page + ItemIdGetOffset(lp));
	tuple->t_len = ItemIdGetLength(lp);
	tuple->t_tableOid = RelationGetRelid(store->toastrel);
	ItemPointerSet(&tuple->t_self, block, offset);
	return stored_tuple_parse(tuple, buffer, result);
}

bool
tsdb_store_read_tid(TsdbStore *store, ItemPointer tid, Oid chunk_id, int32 chunk_seq,
					TsdbStoredTuple *result)
{
	BlockNumber block = ItemPointerGetBlockNumberNoCheck(tid);
	OffsetNumber offset = ItemPointerGetOffsetNumberNoCheck(tid);
	Buffer		buffer;
	bool		found;

	result->buffer = InvalidBuffer;
	if (block >= store->nblocks)
	{
		store->nblocks = RelationGetNumberOfBlocks(store->toastrel);
		if (block >= store->nblocks)
			return false;
	}

	buffer = ReadBufferExtended(store->toastrel, MAIN_FORKNUM, block, RBM_NORMAL, store->strategy);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	found = parse_item(store, buffer, block, offset, result) &&
		result->chunk_id == chunk_id && result->chunk_seq == chunk_seq;
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);

	if (!found)
	{
		ReleaseBuffer(buffer);
		result->buffer = InvalidBuffer;
	}
	return found;
}

bool
tsdb_store_prefetch(TsdbStore *store, BlockNumber block)
{
	return block < store->nblocks &&
		!BufferIsValid(PrefetchBuffer(store->toastrel, MAIN_FORKNUM, block).recent_buffer);
}

#if defined(USE_PREFETCH) && defined(POSIX_FADV_WILLNEED)
/* Asks the system for blocks of one of the relation's files.  Whether that succeeds is nobody's concern. */
static void
advise_file(TsdbStore *store, BlockNumber first, BlockNumber nblocks)
{
	Relation	rel = store->toastrel;
	char	   *base = compat_relation_path(rel);
	BlockNumber segment = first / ((BlockNumber) RELSEG_SIZE);
	char	   *path = segment == 0 ? base : psprintf("%s.%u", base, segment);
	int			fd = OpenTransientFile(path, O_RDONLY | PG_BINARY);

	if (fd >= 0)
	{
		off_t		at = (off_t) (first % ((BlockNumber) RELSEG_SIZE)) * BLCKSZ;
		off_t		end = at + (off_t) nblocks * BLCKSZ;

		for (; at < end; at += ADVISE_BYTES)
			(void) posix_fadvise(fd, at, Min(ADVISE_BYTES, end - at), POSIX_FADV_WILLNEED);
		CloseTransientFile(fd);
	}
	if (path != base)
		pfree(path);
	pfree(base);
}

/*
 * PrefetchBuffer asks for a page at a time.  Linux makes a request of its own of each, and reads ahead by itself only who reads
 * on where he stopped, which who reads several columns in turn does not.  The file is opened for a moment, past the storage
 * manager, since that has no call for more than a block.
 */
bool
tsdb_store_read_ahead(TsdbStore *store, BlockNumber first, BlockNumber nblocks)
{
	BlockNumber end = first + nblocks;

	if (end > store->nblocks)
		store->nblocks = RelationGetNumberOfBlocks(store->toastrel);
	end = Min(end, store->nblocks);
	if (first >= end || !tsdb_store_prefetch(store, first) || !tsdb_store_prefetch(store, first + (end - first) / 2))
		return false;
	while (first < end)
	{
		BlockNumber n = Min(end - first, (BlockNumber) RELSEG_SIZE - first % ((BlockNumber) RELSEG_SIZE));

		advise_file(store, first, n);
		first += n;
	}
	return true;
}
#else
bool
tsdb_store_read_ahead(TsdbStore *store, BlockNumber first, BlockNumber nblocks)
{
	return false;
}
#endif

bool
tsdb_store_read_key(TsdbStore *store, Oid chunk_id, int32 chunk_seq, Snapshot snapshot,
					TsdbStoredTuple *result)
{
	TsdbStoreScan *scan = tsdb_store_scan_begin(store, chunk_id, chunk_seq, chunk_seq, snapshot);
	bool		found = tsdb_store_scan_next(scan, result);

	if (found)
	{
		/* a pin of our own, and a copy of what lies in the scan's slot */
		IncrBufferRefCount(result->buffer);
		result->tuple_space = *result->tuple;
		result->tuple = &result->tuple_space;
	}
	else
		result->buffer = InvalidBuffer;
	tsdb_store_scan_end(scan);
	return found;
}

void
tsdb_store_release(TsdbStoredTuple *result)
{
	if (BufferIsValid(result->buffer))
		ReleaseBuffer(result->buffer);
	result->buffer = InvalidBuffer;
	result->data = NULL;
	result->tuple = NULL;
}

/* An index scan over a range of keys; NULL if there is nothing to scan. */
static IndexScanDesc
begin_index_scan(TsdbStore *store, Oid chunk_id, int32 first_seq, int32 last_seq, Snapshot snapshot)
{
	IndexScanDesc iscan;
	ScanKeyData keys[3];

	/*
	 * TRUNCATE empties the relation first and builds its index anew last; in between the table's own
	 * indexes are built, which asks us for rows, and the index can't be read.
	 */
	if (RelationGetNumberOfBlocks(store->toastrel) == 0)
		return NULL;

	/* key columns of the index are the first two of the relation, in this order */
	ScanKeyInit(&keys[0], 1, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(chunk_id));
	ScanKeyInit(&keys[1], 2, BTGreaterEqualStrategyNumber, F_INT4GE, Int32GetDatum(first_seq));
	ScanKeyInit(&keys[2], 2, BTLessEqualStrategyNumber, F_INT4LE, Int32GetDatum(last_seq));
	iscan = index_beginscan(store->toastrel, store->indexes[store->valid_index], snapshot, NULL, lengthof(keys), 0);
	/* index entries too: a tuple must have the key of the entry that led to it */
	iscan->xs_want_itup = true;
	index_rescan(iscan, keys, lengthof(keys), NULL, 0);
	return iscan;
}

/* chunk_seq of the index entry that the scan returned last; key columns are never NULL. */
static int32
index_entry_seq(IndexScanDesc iscan)
{
	bool		isnull;

	return DatumGetInt32(index_getattr(iscan->xs_itup, 2, iscan->xs_itupdesc, &isnull));
}

pg_noreturn static void
report_shape(TsdbStore *store, Oid chunk_id, const ItemPointerData *tid)
{
	tsdb_report_corruption(store->rel, chunk_id, NULL, "tuple (%u,%u) of \"%s\" is no tuple of a chunk store",
						   ItemPointerGetBlockNumber(tid), ItemPointerGetOffsetNumber(tid),
						   RelationGetRelationName(store->toastrel));
}

pg_noreturn static void
report_key(TsdbStore *store, Oid chunk_id, int32 seq, const TsdbStoredTuple *stored)
{
	tsdb_report_corruption(store->rel, chunk_id, NULL,
						   "tuple (%u,%u) of \"%s\" has key (%u,%d), its index entry (%u,%d)",
						   ItemPointerGetBlockNumber(&stored->tid), ItemPointerGetOffsetNumber(&stored->tid),
						   RelationGetRelationName(store->toastrel),
						   stored->chunk_id, stored->chunk_seq, chunk_id, seq);
}

TsdbStoreScan *
tsdb_store_scan_begin(TsdbStore *store, Oid chunk_id, int32 first_seq, int32 last_seq,
					  Snapshot snapshot)
{
	TsdbStoreScan *scan = palloc(sizeof(TsdbStoreScan));

	scan->store = store;
	scan->chunk_id = chunk_id;
	scan->slot = NULL;
	scan->filter = IsolationIsSerializable() && IsMVCCSnapshot(snapshot) ? snapshot : NULL;
	scan->iscan = begin_index_scan(store, chunk_id, first_seq, last_seq,
								   scan->filter != NULL ? SnapshotAny : snapshot);
	if (scan->iscan != NULL)
	{
		scan->slot = table_slot_create(store->toastrel, NULL);
		Assert(TTS_IS_BUFFERTUPLE(scan->slot));
	}
	return scan;
}

/* Does the snapshot see this tuple?  After heapam.c: heap_fetch(). */
static bool
tuple_visible(TsdbStore *store, HeapTuple tuple, Buffer buffer, Snapshot snapshot)
{
	bool		visible;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	visible = HeapTupleSatisfiesVisibility(tuple, snapshot, buffer);
	HeapCheckForSerializableConflictOut(visible, store->toastrel, tuple, buffer, snapshot);
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
	return visible;
}

bool
tsdb_store_scan_next(TsdbStoreScan *scan, TsdbStoredTuple *result)
{
	BufferHeapTupleTableSlot *slot = (BufferHeapTupleTableSlot *) scan->slot;
	int32		seq;

	CHECK_FOR_INTERRUPTS();

	if (scan->iscan == NULL)
		return false;
	do
	{
		if (!index_getnext_slot(scan->iscan, ForwardScanDirection, scan->slot))
			return false;
	} while (scan->filter != NULL &&
			 !tuple_visible(scan->store, slot->base.tuple, slot->buffer, scan->filter));

	if (!stored_tuple_parse(slot->base.tuple, slot->buffer, result))
		report_shape(scan->store, scan->chunk_id, &slot->base.tuple->t_self);
	seq = index_entry_seq(scan->iscan);
	if (result->chunk_id != scan->chunk_id || result->chunk_seq != seq)
		report_key(scan->store, scan->chunk_id, seq, result);
	return true;
}

void
tsdb_store_scan_end(TsdbStoreScan *scan)
{
	if (scan->iscan != NULL)
	{
		index_endscan(scan->iscan);
		ExecDropSingleTupleTableSlot(scan->slot);
	}
	pfree(scan);
}

/* A tuple to be visited: as its index entry has it. */
typedef struct VisitedTuple
{
	ItemPointerData tid;
	int32		seq;
} VisitedTuple;

/*
 * Visits the tuples of one page: tuples[0 .. n - 1].
 *
 * TIDs were read without a lock.  What the snapshot sees can't have gone meanwhile, but another TID may be nobody's by now, or that of a
 * later tuple, which the snapshot does not see.  So a tuple with another key that it does see is damaged, and so is one of another shape, which
 * no tuple of a TOAST relation has: to pass over it would bring back a deleted row.  (A root is frozen as soon as it is made, and so seen by older snapshots.)
 */
static void
visit_page(TsdbStore *store, const VisitedTuple *tuples, Size n, Oid chunk_id, Snapshot snapshot, TsdbStoreVisit visit, void *arg)
{
	BlockNumber block = ItemPointerGetBlockNumber(&tuples[0].tid);
	Buffer		buffer = ReadBuffer(store->toastrel, block);
	Page		page = BufferGetPage(buffer);
	Size		i;

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	TestForOldSnapshot(snapshot, store->toastrel, page);
	for (i = 0; i < n; i++)
	{
		OffsetNumber offset = ItemPointerGetOffsetNumber(&tuples[i].tid);
		TsdbStoredTuple stored;
		bool		visible;

		if (offset > PageGetMaxOffsetNumber(page) || !ItemIdIsNormal(PageGetItemId(page, offset)))
			continue;
		if (!parse_item(store, buffer, block, offset, &stored))
			report_shape(store, chunk_id, &tuples[i].tid);
		visible = HeapTupleSatisfiesVisibility(stored.tuple, snapshot, buffer);
		HeapCheckForSerializableConflictOut(visible, store->toastrel, stored.tuple, buffer, snapshot);
		if (!visible)
			continue;
		if (stored.chunk_id == chunk_id && stored.chunk_seq == tuples[i].seq)
			visit(&stored, arg);
		else if (stored.chunk_id != TSDB_ROOT_ID)
			report_key(store, chunk_id, tuples[i].seq, &stored);
	}
	UnlockReleaseBuffer(buffer);
}

/* By block alone: that is enough to visit each page once. */
static int
compare_blocks(const void *a, const void *b)
{
	BlockNumber left = ItemPointerGetBlockNumber(&((const VisitedTuple *) a)->tid);
	BlockNumber right = ItemPointerGetBlockNumber(&((const VisitedTuple *) b)->tid);

	return left < right ? -1 : left > right;
}

void
tsdb_store_visit(TsdbStore *store, Oid chunk_id, int32 first_seq, int32 last_seq, Snapshot snapshot,
				 TsdbStoreVisit visit, void *arg)
{
	/* each page's tuples are judged below; see tsdb_store_scan_begin for why no more is locked */
	IndexScanDesc iscan = begin_index_scan(store, chunk_id, first_seq, last_seq,
										   IsolationIsSerializable() ? SnapshotAny : snapshot);
	VisitedTuple *tuples = NULL;
	ItemPointer tid;
	Size		allocated = 0;
	Size		n = 0;
	Size		first,
				last;
	bool		rising = true;	/* blocks as they come; tombstones written in order of rows come falling */
	bool		falling = true;

	Assert(IsMVCCSnapshot(snapshot));
	if (iscan == NULL)
		return;
	while ((tid = index_getnext_tid(iscan, ForwardScanDirection)) != NULL)
	{
		if (n == allocated)
		{
			allocated = allocated ? allocated * 2 : 256;
			tuples = tuples ? repalloc_huge(tuples, allocated * sizeof(VisitedTuple)) :
				palloc(allocated * sizeof(VisitedTuple));
		}
		tuples[n].tid = *tid;
		tuples[n].seq = index_entry_seq(iscan);
		if (n > 0)
		{
			int			order = compare_blocks(&tuples[n - 1], &tuples[n]);

			rising = rising && order <= 0;
			falling = falling && order >= 0;
		}
		n++;
	}
	index_endscan(iscan);

	if (!rising && !falling)
		qsort(tuples, n, sizeof(VisitedTuple), compare_blocks);
	for (first = 0; first < n; first = last)
	{
		CHECK_FOR_INTERRUPTS();
		for (last = first + 1;
			 last < n && ItemPointerGetBlockNumber(&tuples[last].tid) == ItemPointerGetBlockNumber(&tuples[first].tid);)
			last++;
		visit_page(store, tuples + first, last - first, chunk_id, snapshot, visit, arg);
	}
	if (tuples != NULL)
		pfree(tuples);
}

int32 *
tsdb_store_keys(TsdbStore *store, Oid chunk_id, int32 first_seq, int32 last_seq, int *nkeys)
{
	IndexScanDesc iscan = begin_index_scan(store, chunk_id, first_seq, last_seq, SnapshotAny);
	int32	   *keys = NULL;
	Size		allocated = 0;
	Size		n = 0;

	while (iscan != NULL && index_getnext_tid(iscan, ForwardScanDirection) != NULL)
	{
		int32		seq = index_entry_seq(iscan);

		CHECK_FOR_INTERRUPTS();
		if (n > 0 && keys[n - 1] == seq)
			continue;
		if (n == allocated)
		{
			allocated = allocated ? allocated * 2 : 64;
			keys = keys ? repalloc_huge(keys, allocated * sizeof(int32)) : palloc(allocated * sizeof(int32));
		}
		keys[n++] = seq;
	}
	if (iscan != NULL)
		index_endscan(iscan);
	*nkeys = (int) n;
	return keys;
}

TsdbPageItem
tsdb_store_page_item(TsdbStore *store, Buffer buffer, OffsetNumber offset, TsdbStoredTuple *result)
{
	Page		page = BufferGetPage(buffer);

	if (offset < FirstOffsetNumber || offset > PageGetMaxOffsetNumber(page) ||
		!ItemIdIsNormal(PageGetItemId(page, offset)))
		return TSDB_ITEM_NONE;
	return parse_item(store, buffer, BufferGetBlockNumber(buffer), offset, result) ? TSDB_ITEM_TUPLE : TSDB_ITEM_DAMAGED;
}

void
tsdb_store_delete(TsdbStore *store, ItemPointer tid, CommandId cid)
{
	TM_FailureData tmfd;
	TM_Result	result;

	Assert(store->lockmode >= RowExclusiveLock);
	CHECK_FOR_INTERRUPTS();

	result = heap_delete(store->toastrel, tid, cid, InvalidSnapshot, false, &tmfd, false);
	if (result != TM_Ok)
		elog(ERROR, "tuple (%u,%u) of \"%s\" was changed concurrently (result %d)",
			 ItemPointerGetBlockNumber(tid), ItemPointerGetOffsetNumber(tid),
			 RelationGetRelationName(store->toastrel), (int) result);
}

uint32
tsdb_crc_behind(const void *data, Size len)
{
	pg_crc32c	crc;

	Assert(len >= sizeof(uint32));
	INIT_CRC32C(crc);
	/* on x86-64 core's is one chain of instructions, less than half as fast on bytes that a cache holds */
	if (tsdb_kernels->crc32c != NULL)
		crc = tsdb_kernels->crc32c(crc, (const uint8 *) data + sizeof(uint32), len - sizeof(uint32));
	else
		COMP_CRC32C(crc, (const uint8 *) data + sizeof(uint32), len - sizeof(uint32));
	FIN_CRC32C(crc);
	return crc;
}

/* The table as a literal that a user can give to our functions. */
static char *
table_literal(Relation rel)
{
	return quote_literal_cstr(quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)),
														 RelationGetRelationName(rel)));
}

void
tsdb_report_corruption(Relation rel, Oid chunk_id, const char *column, const char *fmt,...)
{
	StringInfoData detail;

	initStringInfo(&detail);
	if (column)
		appendStringInfo(&detail, "Column \"%s\": ", column);
	for (;;)
	{
		va_list		args;
		int			needed;

		va_start(args, fmt);
		needed = appendStringInfoVA(&detail, fmt, args);
		va_end(args);
		if (needed == 0)
			break;
		enlargeStringInfo(&detail, needed);
	}
	if (detail.len > 0 && !column)
		detail.data[0] = pg_toupper((unsigned char) detail.data[0]);
	appendStringInfoChar(&detail, '.');

	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 chunk_id == TSDB_DIRECTORY_ID ?
			 errmsg("chunk directory of table \"%s\" is damaged", RelationGetRelationName(rel)) :
			 chunk_id == TSDB_ROOT_ID ?
			 errmsg("root of the chunk store of table \"%s\" is damaged", RelationGetRelationName(rel)) :
			 errmsg("chunk %u of table \"%s\" is damaged", chunk_id, RelationGetRelationName(rel)),
			 errdetail_internal("%s", detail.data),
			 errhint("Check the table with SELECT * FROM tsdb.verify(%s), and restore what is damaged from a backup.",
					 table_literal(rel)),
			 errtable(rel)));
}

void
tsdb_report_version(Relation rel, Oid chunk_id, uint16 version, uint16 known)
{
	if (version == 0)
		tsdb_report_corruption(rel, chunk_id, NULL, "format version is 0");

	if (version < known)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("chunk store of table \"%s\" has format version %u, which this library no longer reads",
						RelationGetRelationName(rel), version),
				 errhint("Dump the table with the tsdb_am library that wrote it."),
				 errtable(rel)));
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("chunk store of table \"%s\" has format version %u, which is newer than this library's version %u",
					RelationGetRelationName(rel), version, known),
			 errhint("Upgrade the tsdb_am library."),
			 errtable(rel)));
}
