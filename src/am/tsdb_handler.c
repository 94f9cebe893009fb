/*-------------------------------------------------------------------------
 * tsdb_handler.c
 *	  The access method `tsdb`: each callback joins the two stores.
 *
 * Rows of the row store are heapam's business: callbacks hand them on, with the inner slot
 * of tsdb_slot.c.  Virtual TIDs and the chunk half of scans are chunk_scan.c's.  Order of a
 * forward scan: row store, then chunks.
 *
 * Which store a row is in when may differ between two looks, but never within one MVCC
 * snapshot: a mover's xid deletes in one store and creates in the other.  Scans with
 * SnapshotDirty start over when the directory changed under them.
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include <math.h>

#include "access/genam.h"
#include "access/heapam.h"
#include "access/multixact.h"
#include "access/relscan.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "am/bulk_delete.h"
#include "am/chunk_dml.h"
#include "am/direct_load.h"
#include "am/mover.h"
#include "am/row_access.h"
#include "am/row_chain.h"
#include "am/tsdb_am_internal.h"
#include "am/tsdb_handler.h"
#include "chunk/forward.h"
#include "catalog/pg_am_d.h"
#include "catalog/pg_class.h"
#include "catalog/storage.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "optimizer/plancat.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "storage/predicate.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(tsdb_am_handler);

void		(*tsdb_rows_added_hook) (Relation rel, int rows) = NULL;
const TsdbChangeHooks *tsdb_change_hooks = NULL;

static const TupleTableSlotOps *
tsdb_slot_callbacks(Relation relation)
{
	return &TTSOpsTsdb;
}

/* ------------------------------------------------------------------------
 * Table scans
 * ------------------------------------------------------------------------
 */

/* Shared state of a parallel scan: heapam's, and the chunk to take next. */
typedef struct TsdbParallelScanData
{
	ParallelBlockTableScanDescData heap;
	pg_atomic_uint64 next_change;
	uint64		last_change;
} TsdbParallelScanData;

TableScanDesc
tsdb_scan_heap(TableScanDesc scan)
{
	return ((TsdbScanDesc) scan)->heap;
}

TsdbChunkCursor *
tsdb_scan_cursor(TableScanDesc scan)
{
	return ((TsdbScanDesc) scan)->chunks;
}

pg_atomic_uint64 *
tsdb_scan_next_change(TableScanDesc scan)
{
	return scan->rs_parallel ? &((TsdbParallelScanData *) scan->rs_parallel)->next_change : NULL;
}

/* Snapshots that see what commits while they read. */
static inline bool
is_dirty_or_self(Snapshot snapshot)
{
	return snapshot != NULL &&
		(snapshot->snapshot_type == SNAPSHOT_DIRTY || snapshot->snapshot_type == SNAPSHOT_SELF);
}

static TableScanDesc
tsdb_scan_begin(Relation rel, Snapshot snapshot, int nkeys, struct ScanKeyData *key,
				ParallelTableScanDesc pscan, uint32 flags)
{
	TsdbScanDesc scan = palloc0(sizeof(TsdbScanDescData));

	if (snapshot != NULL && IsMVCCSnapshot(snapshot))
		tsdb_direct_load_settle_for(rel, snapshot);
	else
		tsdb_direct_load_settle(rel);

	tsdb_bulk_delete_settle(rel, snapshot);

	scan->base.rs_rd = rel;
	scan->base.rs_snapshot = snapshot;
	scan->base.rs_nkeys = nkeys;
	scan->base.rs_flags = flags;
	scan->base.rs_parallel = pscan;
	if (nkeys > 0)
	{
		scan->base.rs_key = palloc(nkeys * sizeof(ScanKeyData));
		if (key != NULL)
			memcpy(scan->base.rs_key, key, nkeys * sizeof(ScanKeyData));
	}

	/* the temporary snapshot, if any, is ours to drop */
	scan->chunks = tsdb_cursor_begin(rel, snapshot);
	/* from before heapam looks how many blocks there are: decompress may put rows behind them */
	if (is_dirty_or_self(snapshot))
		tsdb_cursor_note_changes(scan->chunks);
	scan->heap = TSDB_HEAPAM->scan_begin(rel, snapshot, nkeys, key, pscan,
										 flags & ~SO_TEMP_SNAPSHOT);
#ifdef AM_READS_BITMAP
	if (flags & SO_TYPE_BITMAPSCAN)
		tsdb_scan_bitmap_begin(scan);
#endif
	if (pscan != NULL)
	{
		TsdbParallelScanData *shared = (TsdbParallelScanData *) pscan;

		tsdb_cursor_set_parallel(scan->chunks, &shared->next_change, shared->last_change);
	}
	return &scan->base;
}

static void
tsdb_scan_end(TableScanDesc sscan)
{
	TsdbScanDesc scan = (TsdbScanDesc) sscan;

	TSDB_HEAPAM->scan_end(scan->heap);
	tsdb_cursor_end(scan->chunks);
	if (sscan->rs_flags & SO_TEMP_SNAPSHOT)
		UnregisterSnapshot(sscan->rs_snapshot);
	if (sscan->rs_key != NULL)
		pfree(sscan->rs_key);
	pfree(scan);
}

static void
tsdb_scan_rescan(TableScanDesc sscan, struct ScanKeyData *key, bool set_params,
				 bool allow_strat, bool allow_sync, bool allow_pagemode)
{
	TsdbScanDesc scan = (TsdbScanDesc) sscan;

	if (sscan->rs_snapshot != NULL && IsMVCCSnapshot(sscan->rs_snapshot))
		tsdb_direct_load_settle_for(sscan->rs_rd, sscan->rs_snapshot);
	if (key != NULL && sscan->rs_nkeys > 0)
		memcpy(sscan->rs_key, key, sscan->rs_nkeys * sizeof(ScanKeyData));
	tsdb_cursor_rescan(scan->chunks);
	if (is_dirty_or_self(sscan->rs_snapshot))
		tsdb_cursor_note_changes(scan->chunks);
	TSDB_HEAPAM->scan_rescan(scan->heap, key, set_params, allow_strat, allow_sync, allow_pagemode);
	scan->started = false;
	scan->in_chunks = false;
	scan->bitmap_virtual = false;
	scan->bitmap_index = 0;
}

/* heapam's HeapKeyTest, for chunk rows */
static bool
keys_match(TsdbScanDesc scan, TupleTableSlot *slot)
{
	int			i;

	for (i = 0; i < scan->base.rs_nkeys; i++)
	{
		ScanKey		key = &scan->base.rs_key[i];
		bool		isnull;
		Datum		value;

		if (key->sk_flags & SK_ISNULL)
			return false;
		value = slot_getattr(slot, key->sk_attno, &isnull);
		if (isnull)
			return false;
		if (!DatumGetBool(FunctionCall2Coll(&key->sk_func, key->sk_collation,
											value, key->sk_argument)))
			return false;
	}
	return true;
}

static inline bool
next_chunk_row(TsdbScanDesc scan, ScanDirection direction, TupleTableSlot *slot)
{
	while (tsdb_cursor_next(scan->chunks, direction, slot))
	{
		if (likely(scan->base.rs_nkeys == 0) || keys_match(scan, slot))
		{
			pgstat_count_heap_getnext(scan->base.rs_rd);
			return true;
		}
	}
	return false;
}

/* Joins the stores: row store first (last, backward); tidrange tells which heapam function. */
static inline bool
next_row(TsdbScanDesc scan, ScanDirection direction, TupleTableSlot *slot, bool tidrange)
{
	if (unlikely(!scan->started))
	{
		scan->started = true;
		if (ScanDirectionIsBackward(direction))
		{
			tsdb_cursor_to_end(scan->chunks);
			scan->in_chunks = true;
		}
	}

	for (;;)
	{
		if (!scan->in_chunks)
		{
			TupleTableSlot *inner = tsdb_slot_inner(slot);
			bool		found;

			if (tidrange)
				found = TSDB_HEAPAM->scan_getnextslot_tidrange(scan->heap, direction, inner);
			else
				found = TSDB_HEAPAM->scan_getnextslot(scan->heap, direction, inner);
			if (found)
			{
				tsdb_slot_took_heap_row(slot, true);
				return true;
			}
			if (ScanDirectionIsBackward(direction))
				break;
			scan->in_chunks = true;
		}

		if (next_chunk_row(scan, direction, slot))
			return true;
		if (ScanDirectionIsBackward(direction))
		{
			/* heapam, at its end, goes on with its last row */
			scan->in_chunks = false;
			continue;
		}

		/*
		 * A row that moved between the stores after we had read the one and before
		 * we read the other is only missed by snapshots that see both moves: read all again.
		 */
		if (is_dirty_or_self(scan->base.rs_snapshot) && tsdb_cursor_changed(scan->chunks))
		{
			tsdb_cursor_rescan(scan->chunks);
			tsdb_cursor_note_changes(scan->chunks);
			TSDB_HEAPAM->scan_rescan(scan->heap, NULL, false, true, true, true);
			scan->in_chunks = false;
			continue;
		}
		break;
	}

	ExecClearTuple(slot);
	return false;
}

static bool
tsdb_scan_getnextslot(TableScanDesc sscan, ScanDirection direction, TupleTableSlot *slot)
{
	return next_row((TsdbScanDesc) sscan, direction, slot, false);
}

static void
tsdb_scan_set_tidrange(TableScanDesc sscan, ItemPointer mintid, ItemPointer maxtid)
{
	TsdbScanDesc scan = (TsdbScanDesc) sscan;

	TSDB_HEAPAM->scan_set_tidrange(scan->heap, mintid, maxtid);
	tsdb_cursor_set_range(scan->chunks, mintid, maxtid);
}

static bool
tsdb_scan_getnextslot_tidrange(TableScanDesc sscan, ScanDirection direction, TupleTableSlot *slot)
{
	return next_row((TsdbScanDesc) sscan, direction, slot, true);
}

/* ------------------------------------------------------------------------
 * Parallel scans
 * ------------------------------------------------------------------------
 */

static Size
tsdb_parallelscan_estimate(Relation rel)
{
	return sizeof(TsdbParallelScanData);
}

static Size
tsdb_parallelscan_initialize(Relation rel, ParallelTableScanDesc pscan)
{
	TsdbParallelScanData *shared = (TsdbParallelScanData *) pscan;

	tsdb_direct_load_settle(rel);
	(void) TSDB_HEAPAM->parallelscan_initialize(rel, pscan);
	pg_atomic_init_u64(&shared->next_change, 1);

	/* read after the snapshot was taken: whatever it sees has a number up to this */
	shared->last_change = tsdb_directory_changes(rel);
	return sizeof(TsdbParallelScanData);
}

static void
tsdb_parallelscan_reinitialize(Relation rel, ParallelTableScanDesc pscan)
{
	TsdbParallelScanData *shared = (TsdbParallelScanData *) pscan;

	TSDB_HEAPAM->parallelscan_reinitialize(rel, pscan);
	pg_atomic_write_u64(&shared->next_change, 1);
}

/* ------------------------------------------------------------------------
 * Index and bitmap scans
 * ------------------------------------------------------------------------
 */

typedef struct TsdbIndexFetchData
{
	IndexFetchTableData base;
	IndexFetchTableData *heap;
	TsdbChunkCursor *chunks;	/* NULL: the statement's, see row_access.h */
} TsdbIndexFetchData;

/*
 * A serializable reader has got a row-store version.  If that row has moved since its snapshot, whoever writes the row will
 * look for locks on its place in a chunk, so the reader locks the table.  (heapam has locked the TID before
 * it looked at the tuple, and the mover promotes locks after it has marked it: one of the two sees the other.)
 */
void
tsdb_lock_moved_row(Relation rel, Snapshot snapshot, TupleTableSlot *inner)
{
	HeapTuple	tuple;

	if (!IsolationIsSerializable() || TTS_EMPTY(inner))
		return;
	tuple = ExecFetchSlotHeapTuple(inner, false, NULL);
	if (tsdb_ctid_is_moved(&tuple->t_data->t_ctid) &&
		(tuple->t_data->t_infomask & HEAP_XMAX_INVALID) == 0)
		PredicateLockRelation(rel, snapshot);
}

static IndexFetchTableData *
tsdb_index_fetch_begin(Relation rel)
{
	TsdbIndexFetchData *fetch = palloc0(sizeof(TsdbIndexFetchData));

	fetch->base.rel = rel;
	fetch->heap = TSDB_HEAPAM->index_fetch_begin(rel);
	return &fetch->base;
}

/*
 * Who is to fetch chunk rows: within the executor the statement's cursor, since index scans can be as short as one
 * key (uniqueness checks, nested loops) and their slots outlive them; else one of the scan's own.
 */
static TsdbChunkCursor *
fetch_cursor(TsdbIndexFetchData *fetch)
{
	if (fetch->chunks == NULL)
	{
		MemoryContext old;

		if (tsdb_row_access_is_kept())
			return tsdb_row_access_get(fetch->base.rel)->cursor;
		old = MemoryContextSwitchTo(GetMemoryChunkContext(fetch));
		fetch->chunks = tsdb_cursor_begin(fetch->base.rel, NULL);
		MemoryContextSwitchTo(old);
	}
	return fetch->chunks;
}

static void
tsdb_index_fetch_reset(IndexFetchTableData *data)
{
	TsdbIndexFetchData *fetch = (TsdbIndexFetchData *) data;

	/* what the cursor remembers holds for the scan's snapshot, which a rescan keeps */
	TSDB_HEAPAM->index_fetch_reset(fetch->heap);
}

static void
tsdb_index_fetch_end(IndexFetchTableData *data)
{
	TsdbIndexFetchData *fetch = (TsdbIndexFetchData *) data;

	TSDB_HEAPAM->index_fetch_end(fetch->heap);
	if (fetch->chunks != NULL)
		tsdb_cursor_end(fetch->chunks);
	pfree(fetch);
}

static bool
fetch_there(TsdbIndexFetchData *fetch, ItemPointer tid, Snapshot snapshot,
			TupleTableSlot *slot, bool *call_again, bool *all_dead)
{
	TupleTableSlot *inner;

	if (tsdb_tid_is_virtual(tid))
	{
		/* index entries of dead chunk rows are vacuum's: never call one dead here */
		*call_again = false;
		if (all_dead)
			*all_dead = false;
		return tsdb_cursor_fetch(fetch_cursor(fetch), tid, snapshot, slot);
	}

	inner = tsdb_slot_inner(slot);
	if (!TSDB_HEAPAM->index_fetch_tuple(fetch->heap, tid, snapshot, inner, call_again, all_dead))
		return false;
	tsdb_lock_moved_row(fetch->base.rel, snapshot, inner);
	tsdb_slot_took_heap_row(slot, true);
	return true;
}

/* Has a mover committed that the active snapshot does not see yet? */
static bool
has_just_committed(TransactionId mover)
{
	return TransactionIdIsNormal(mover) && TransactionIdDidCommit(mover) &&
		(!ActiveSnapshotSet() || XidInMVCCSnapshot(mover, GetActiveSnapshot()));
}

/*
 * Where has a mover that has just committed put the row that *tid leads to?  Moves only: updates are not followed.  *xid:
 * who put the row at *tid, invalid = whoever; becomes the mover.
 */
static bool
find_moved_to(TsdbIndexFetchData *fetch, ItemPointer tid, TransactionId *xid)
{
	Relation	rel = fetch->base.rel;
	bool		found = false;

	if (tsdb_tid_is_virtual(tid))
	{
		TsdbStore  *store = tsdb_store_open(rel, AccessShareLock);
		TsdbDirEntry entry;
		uint32		row;

		if (store == NULL)
			return false;
		if (tsdb_chunk_find_row(store, tid, false, &entry, &row) &&
			tsdb_directory_visible(store, &entry, SnapshotAny) &&
			(!TransactionIdIsValid(*xid) || TransactionIdEquals(entry.xmin, *xid)) &&
			has_just_committed(entry.xmax) &&
			tsdb_forward_find(store, &entry, entry.xmax, row, tid))
		{
			*xid = entry.xmax;
			found = true;
		}
		tsdb_store_close(store);
	}
	else if (ItemPointerGetBlockNumber(tid) < RelationGetNumberOfBlocks(rel))
	{
		TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(rel), &TTSOpsBufferHeapTuple);
		ItemPointerData at = *tid;
		bool		call_again = false;

		/* all members of a HOT chain */
		while (!found && TSDB_HEAPAM->index_fetch_tuple(fetch->heap, &at, SnapshotAny, slot, &call_again, NULL))
		{
			HeapTupleHeader header = ExecFetchSlotHeapTuple(slot, false, NULL)->t_data;
			ItemPointerData ctid = header->t_ctid;

			if (tsdb_ctid_is_moved(&ctid) && (header->t_infomask & HEAP_XMAX_INVALID) == 0 &&
				!HEAP_XMAX_IS_LOCKED_ONLY(header->t_infomask) &&
				(!TransactionIdIsValid(*xid) || TransactionIdEquals(HeapTupleHeaderGetXmin(header), *xid)))
			{
				TransactionId xmax = HeapTupleHeaderGetUpdateXid(header);

				if (has_just_committed(xmax) && tsdb_mover_find_moved(rel, &ctid, xmax, tid))
				{
					*xid = xmax;
					found = true;
				}
			}
			if (!call_again)
				break;
		}
		TSDB_HEAPAM->index_fetch_reset(fetch->heap);
		ExecDropSingleTupleTableSlot(slot);
	}
	return found;
}

static bool
tsdb_index_fetch_tuple(IndexFetchTableData *data, ItemPointer tid, Snapshot snapshot,
					   TupleTableSlot *slot, bool *call_again, bool *all_dead)
{
	TsdbIndexFetchData *fetch = (TsdbIndexFetchData *) data;
	ItemPointerData at = *tid;
	TransactionId xid = InvalidTransactionId;

	tsdb_bulk_delete_settle(fetch->base.rel, snapshot);
	if (fetch_there(fetch, tid, snapshot, slot, call_again, all_dead))
		return true;
	if (snapshot->snapshot_type != SNAPSHOT_DIRTY || *call_again)
		return false;

	/*
	 * Who looks for a key with SnapshotDirty (logical apply) reads the index first and comes here then.  If a mover has put
	 * the row's new TID into the index and committed in between, the old TID is all that leads to the row.
	 */
	while (find_moved_to(fetch, &at, &xid))
	{
		bool		found = fetch_there(fetch, &at, snapshot, slot, call_again, NULL);

		/* a next call would start at *tid again, and come here again: the row is shown once */
		*call_again = false;
		if (found)
			return true;
	}
	return false;
}

/*
 * heapam answers for its own TIDs; index entries of chunk rows stay until vacuum, so they are
 * taken out of the question.  Index AMs accept fewer TIDs back.
 */
static TransactionId
tsdb_index_delete_tuples(Relation rel, TM_IndexDeleteOp *delstate)
{
	int			i,
				nheap = 0;

	for (i = 0; i < delstate->ndeltids; i++)
	{
		TM_IndexDelete *deltid = &delstate->deltids[i];

		if (!tsdb_tid_is_virtual(&deltid->tid))
			delstate->deltids[nheap++] = *deltid;
		else
			Assert(!delstate->status[deltid->id].knowndeletable);
	}
	delstate->ndeltids = nheap;
	if (nheap == 0)
		return InvalidTransactionId;
	return TSDB_HEAPAM->index_delete_tuples(rel, delstate);
}

/* ------------------------------------------------------------------------
 * Single tuples
 * ------------------------------------------------------------------------
 */

static bool
tsdb_tuple_fetch_row_version(Relation rel, ItemPointer tid, Snapshot snapshot, TupleTableSlot *slot)
{
	TupleTableSlot *inner;

	if (tsdb_tid_is_virtual(tid))
	{
		TsdbRowAccess *access = tsdb_row_access_get(rel);
		bool		found = tsdb_cursor_fetch(access->cursor, tid, snapshot, slot);

		tsdb_row_access_put(access);
		return found;
	}

	inner = tsdb_slot_inner(slot);
	if (!TSDB_HEAPAM->tuple_fetch_row_version(rel, tid, snapshot, inner))
		return false;
	tsdb_lock_moved_row(rel, snapshot, inner);
	tsdb_slot_took_heap_row(slot, true);
	return true;
}

static bool
tsdb_tuple_tid_valid(TableScanDesc scan, ItemPointer tid)
{
	if (!ItemPointerIsValid(tid))
		return false;
	/* a virtual TID that never was is found by nobody */
	if (tsdb_tid_is_virtual(tid))
		return ItemPointerGetBlockNumber(tid) != InvalidBlockNumber;
	return TSDB_HEAPAM->tuple_tid_valid(tsdb_scan_heap(scan), tid);
}

static void
tsdb_tuple_get_latest_tid(TableScanDesc scan, ItemPointer tid)
{
	tsdb_chain_latest(tsdb_scan_heap(scan), tid);
}

static bool
tsdb_tuple_satisfies_snapshot(Relation rel, TupleTableSlot *slot, Snapshot snapshot)
{
	TsdbRowAccess *access;
	bool		visible;

	if (!tsdb_tid_is_virtual(&slot->tts_tid))
		return TSDB_HEAPAM->tuple_satisfies_snapshot(rel, tsdb_slot_inner(slot), snapshot);

	access = tsdb_row_access_get(rel);
	visible = tsdb_cursor_row_visible(access->cursor, &slot->tts_tid, snapshot);
	tsdb_row_access_put(access);
	return visible;
}

/*
 * Locks the chunk store to (sub)transaction end before index entries are made.
 *
 * A unique index asks for the visibility of rows with the same key while it holds a lock on an index page; if such
 * a row is in a chunk, that opens the store.  To wait for a heavyweight lock there could not be interrupted,
 * and a deadlock with its holder would never be found.  So nobody opens the store for the first time then.
 */
static void
hold_chunk_store(Relation rel)
{
	static Oid	held_relid = InvalidOid;
	static LocalTransactionId held_lxid = InvalidLocalTransactionId;
	static SubTransactionId held_subid = InvalidSubTransactionId;
	TsdbStore  *store;

	if (!rel->rd_rel->relhasindex ||
		(held_relid == RelationGetRelid(rel) && held_lxid == PGPROC_LXID(MyProc) &&
		 held_subid == GetCurrentSubTransactionId()))
		return;
	store = tsdb_store_open(rel, AccessShareLock);
	if (store != NULL)
		tsdb_store_close(store);
	held_relid = RelationGetRelid(rel);
	held_lxid = PGPROC_LXID(MyProc);
	held_subid = GetCurrentSubTransactionId();
}

static inline bool
is_watched(Relation rel)
{
	return tsdb_change_hooks != NULL && tsdb_change_hooks->watches(rel);
}

/* A version that is to be deleted; rel is watched. */
static void
tell_of_old_version(Relation rel, ItemPointer tid, CommandId cid)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(rel), &TTSOpsTsdb);

	if (table_tuple_fetch_row_version(rel, tid, SnapshotAny, slot))
		tsdb_change_hooks->row(rel, slot, cid, false);
	else
		tsdb_change_hooks->truncate(rel);
	ExecDropSingleTupleTableSlot(slot);
}

/* A table with columns that came later, with defaults: see tsdb_slot_complete. */
static inline bool
has_missing_values(Relation rel)
{
	TupleConstr *constr = RelationGetDescr(rel)->constr;

	return constr != NULL && constr->missing != NULL;
}

static void
tsdb_tuple_insert(Relation rel, TupleTableSlot *slot, CommandId cid, int options, BulkInsertState bistate)
{
	if (unlikely(has_missing_values(rel)))
		tsdb_slot_complete(slot, RelationGetDescr(rel));
	if (unlikely(is_watched(rel)))
		tsdb_change_hooks->row(rel, slot, cid, true);
	if (tsdb_direct_load_take(rel, &slot, 1, cid, options, bistate))
		return;
	hold_chunk_store(rel);
	TSDB_HEAPAM->tuple_insert(rel, slot, cid, options, bistate);
	tsdb_rows_added(rel, 1);
}

static void
tsdb_multi_insert(Relation rel, TupleTableSlot **slots, int nslots, CommandId cid, int options,
				  BulkInsertState bistate)
{
	int			i;

	if (unlikely(has_missing_values(rel)))
	{
		for (i = 0; i < nslots; i++)
			tsdb_slot_complete(slots[i], RelationGetDescr(rel));
	}
	if (unlikely(is_watched(rel)))
	{
		for (i = 0; i < nslots; i++)
			tsdb_change_hooks->row(rel, slots[i], cid, true);
	}
	if (tsdb_direct_load_take(rel, slots, nslots, cid, options, bistate))
		return;
	hold_chunk_store(rel);
	TSDB_HEAPAM->multi_insert(rel, slots, nslots, cid, options, bistate);
	tsdb_rows_added(rel, nslots);
}

static void
tsdb_tuple_insert_speculative(Relation rel, TupleTableSlot *slot, CommandId cid, int options,
							  BulkInsertState bistate, uint32 specToken)
{
	if (unlikely(has_missing_values(rel)))
		tsdb_slot_complete(slot, RelationGetDescr(rel));
	if (unlikely(is_watched(rel)))
		tsdb_change_hooks->row(rel, slot, cid, true);
	hold_chunk_store(rel);
	TSDB_HEAPAM->tuple_insert_speculative(rel, slot, cid, options, bistate, specToken);
	tsdb_rows_added(rel, 1);
}

static void
tsdb_tuple_complete_speculative(Relation rel, TupleTableSlot *slot, uint32 specToken, bool succeeded)
{
	TSDB_HEAPAM->tuple_complete_speculative(rel, slot, specToken, succeeded);
}

static void
tsdb_finish_bulk_insert(Relation rel, int options)
{
	tsdb_direct_load_finish(rel, options);
}

static TM_Result
tsdb_tuple_delete(Relation rel, ItemPointer tid, CommandId cid, Snapshot snapshot, Snapshot crosscheck,
				  bool wait, TM_FailureData *tmfd, bool changingPart)
{
	TM_Result	result;

	if (unlikely(is_watched(rel)))
		tell_of_old_version(rel, tid, cid);
	if (tsdb_tid_is_virtual(tid))
		return tsdb_chunk_delete(rel, tid, cid, crosscheck, wait, tmfd, changingPart);
	result = TSDB_HEAPAM->tuple_delete(rel, tid, cid, snapshot, crosscheck, wait, tmfd, changingPart);
	return tsdb_chain_resolve(rel, result, tmfd);
}

static TM_Result
tsdb_tuple_update(Relation rel, ItemPointer otid, TupleTableSlot *slot, CommandId cid, Snapshot snapshot,
				  Snapshot crosscheck, bool wait, TM_FailureData *tmfd, LockTupleMode *lockmode,
				  TU_UpdateIndexes *update_indexes)
{
	TM_Result	result;

	if (unlikely(is_watched(rel)))
	{
		tell_of_old_version(rel, otid, cid);
		tsdb_change_hooks->row(rel, slot, cid, true);
	}
	hold_chunk_store(rel);
	if (tsdb_tid_is_virtual(otid))
	{
		result = tsdb_chunk_update(rel, otid, slot, cid, crosscheck, wait, tmfd, lockmode, update_indexes);
		if (result == TM_Ok)
			tsdb_rows_added(rel, 1);
		return result;
	}
	result = TSDB_HEAPAM->tuple_update(rel, otid, slot, cid, snapshot, crosscheck, wait, tmfd,
									   lockmode, update_indexes);
	return tsdb_chain_resolve(rel, result, tmfd);
}

/* ------------------------------------------------------------------------
 * Whole relations
 * ------------------------------------------------------------------------
 */

static void
tsdb_relation_set_new_filelocator(Relation rel, const RelFileLocator *newrnode, char persistence,
							   TransactionId *freezeXid, MultiXactId *minmulti)
{
	/* TRUNCATE; a new table and one that is written anew are watched by nobody */
	if (is_watched(rel))
		tsdb_change_hooks->truncate(rel);
	TSDB_HEAPAM->relation_set_new_filelocator(rel, newrnode, persistence, freezeXid, minmulti);
}

static void
tsdb_relation_nontransactional_truncate(Relation rel)
{
	if (is_watched(rel))
		tsdb_change_hooks->truncate(rel);
	TSDB_HEAPAM->relation_nontransactional_truncate(rel);

	/*
	 * Core empties the TOAST relation too, but only after it has built the table's indexes anew: they
	 * must not take up rows of chunks that are about to go.
	 */
	if (OidIsValid(rel->rd_rel->reltoastrelid))
	{
		Relation	toastrel = table_open(rel->rd_rel->reltoastrelid, AccessExclusiveLock);

		table_relation_nontransactional_truncate(toastrel);
		table_close(toastrel, NoLock);
	}
}

static void
tsdb_relation_copy_data(Relation rel, const RelFileLocator *newrnode)
{
	tsdb_direct_load_settle(rel);
	TSDB_HEAPAM->relation_copy_data(rel, newrnode);
}

static bool
tsdb_relation_needs_toast_table(Relation rel)
{
	return true;				/* it holds the chunk store */
}

static Oid
tsdb_relation_toast_am(Relation rel)
{
	return HEAP_TABLE_AM_OID;
}

static void
tsdb_relation_fetch_toast_slice(Relation toastrel, Oid valueid, int32 attrsize, int32 sliceoffset,
								int32 slicelength, struct varlena *result)
{
	TSDB_HEAPAM->relation_fetch_toast_slice(toastrel, valueid, attrsize, sliceoffset, slicelength, result);
}

/*
 * Pages of both stores; rows from the row store's pages and the root's running totals.
 * pg_class.reltuples counts both stores, so heapam's density would be wrong for the row store's pages.
 */
static void
tsdb_relation_estimate_size(Relation rel, int32 *attr_widths, BlockNumber *pages, double *tuples,
							double *allvisfrac)
{
	BlockNumber heap_pages = RelationGetNumberOfBlocks(rel);
	double		heap_tuples = 0;
	double		chunk_tuples = 0;
	BlockNumber chunk_pages = 0;
	TsdbStore  *store;

	store = tsdb_store_open(rel, AccessShareLock);
	if (store != NULL)
	{
		TsdbRootDisk root;

		if (tsdb_root_read(store, &root))
		{
			chunk_tuples = (double) root.est_rows;
			chunk_pages = (BlockNumber) Min((root.est_stored_bytes + BLCKSZ - 1) / BLCKSZ,
											(uint64) MaxBlockNumber);
		}
		tsdb_store_close(store);
	}

	if (chunk_tuples == 0)
	{
		/* a row store alone is a heap table */
		TSDB_HEAPAM->relation_estimate_size(rel, attr_widths, pages, tuples, allvisfrac);
		return;
	}

	if (heap_pages > 1)
	{
		int32		width = get_rel_data_width(rel, attr_widths);

		width += MAXALIGN(SizeofHeapTupleHeader) + sizeof(ItemIdData);
		heap_tuples = rint((double) heap_pages *
						   Max(1.0, (double) (BLCKSZ - SizeOfPageHeaderData) / MAXALIGN(width)));
		/* pages of rows that have moved away are mostly empty: believe the last count if it is lower */
		if (rel->rd_rel->reltuples >= 0 && rel->rd_rel->relpages > 0)
		{
			double		counted = Max(rel->rd_rel->reltuples - chunk_tuples, 0);
			double		density = counted / rel->rd_rel->relpages;

			heap_tuples = Min(heap_tuples, rint(density * heap_pages));
		}
	}

	*pages = heap_pages + chunk_pages;
	*tuples = heap_tuples + chunk_tuples;

	/* a small table that was never vacuumed will grow: after tableam.c, table_block_relation_estimate_size() */
	if (rel->rd_rel->reltuples < 0 && !rel->rd_rel->relhassubclass)
		*pages = Max(*pages, 10);
	*allvisfrac = *pages > 0 ?
		Min((double) rel->rd_rel->relallvisible, (double) heap_pages) / (double) *pages : 0;
}

const TableAmRoutine tsdb_methods = {
	.type = T_TableAmRoutine,

	.slot_callbacks = tsdb_slot_callbacks,

	.scan_begin = tsdb_scan_begin,
	.scan_end = tsdb_scan_end,
	.scan_rescan = tsdb_scan_rescan,
	.scan_getnextslot = tsdb_scan_getnextslot,

	.scan_set_tidrange = tsdb_scan_set_tidrange,
	.scan_getnextslot_tidrange = tsdb_scan_getnextslot_tidrange,

	.parallelscan_estimate = tsdb_parallelscan_estimate,
	.parallelscan_initialize = tsdb_parallelscan_initialize,
	.parallelscan_reinitialize = tsdb_parallelscan_reinitialize,

	.index_fetch_begin = tsdb_index_fetch_begin,
	.index_fetch_reset = tsdb_index_fetch_reset,
	.index_fetch_end = tsdb_index_fetch_end,
	.index_fetch_tuple = tsdb_index_fetch_tuple,

	.tuple_fetch_row_version = tsdb_tuple_fetch_row_version,
	.tuple_tid_valid = tsdb_tuple_tid_valid,
	.tuple_get_latest_tid = tsdb_tuple_get_latest_tid,
	.tuple_satisfies_snapshot = tsdb_tuple_satisfies_snapshot,
	.index_delete_tuples = tsdb_index_delete_tuples,

	.tuple_insert = tsdb_tuple_insert,
	.tuple_insert_speculative = tsdb_tuple_insert_speculative,
	.tuple_complete_speculative = tsdb_tuple_complete_speculative,
	.multi_insert = tsdb_multi_insert,
	.tuple_delete = tsdb_tuple_delete,
	.tuple_update = tsdb_tuple_update,
	.tuple_lock = tsdb_chain_lock,
	.finish_bulk_insert = tsdb_finish_bulk_insert,

	.relation_set_new_filelocator = tsdb_relation_set_new_filelocator,
	.relation_nontransactional_truncate = tsdb_relation_nontransactional_truncate,
	.relation_copy_data = tsdb_relation_copy_data,
	.relation_copy_for_cluster = tsdb_relation_copy_for_cluster,
	.relation_vacuum = tsdb_relation_vacuum,
	.scan_analyze_next_block = tsdb_scan_analyze_next_block,
	.scan_analyze_next_tuple = tsdb_scan_analyze_next_tuple,
	.index_build_range_scan = tsdb_index_build_range_scan,
	.index_validate_scan = tsdb_index_validate_scan,

	.relation_size = table_block_relation_size,
	.relation_needs_toast_table = tsdb_relation_needs_toast_table,
	.relation_toast_am = tsdb_relation_toast_am,
	.relation_fetch_toast_slice = tsdb_relation_fetch_toast_slice,

	.relation_estimate_size = tsdb_relation_estimate_size,

#ifndef AM_READS_BITMAP
	.scan_bitmap_next_block = tsdb_scan_bitmap_next_block,
#endif
	.scan_bitmap_next_tuple = tsdb_scan_bitmap_next_tuple,
	.scan_sample_next_block = tsdb_scan_sample_next_block,
	.scan_sample_next_tuple = tsdb_scan_sample_next_tuple
};

Datum
tsdb_am_handler(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(&tsdb_methods);
}
