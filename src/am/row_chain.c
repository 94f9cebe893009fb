/*-------------------------------------------------------------------------
 * row_chain.c
 *	  Versions of a row across both stores: locking the last one, finding the latest.
 *
 * Used by tsdb_handler.c.  After heapam_handler.c: heapam_tuple_lock(), whose loop follows t_ctid within the row
 * store only, and would end at a moved tuple as at a deleted one.
 *
 * Invariant: a step is taken only to a version whose xmin is the xid that ended the one before, so that a TID
 * that has been used again for another row is never taken for it.
 *-------------------------------------------------------------------------
 */
#include "am/row_chain.h"

#include "access/heapam.h"
#include "access/transam.h"
#include "access/xact.h"
#include "am/chunk_dml.h"
#include "am/mover.h"
#include "am/tsdb_am_internal.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* What a look at the next version says. */
typedef enum ChainStep
{
	CHAIN_LOCK,					/* *tid is worth a try to lock it */
	CHAIN_GONE,					/* the row was deleted */
	CHAIN_BLOCKED,				/* wait policy is to skip */
	CHAIN_SELF					/* made by this command or a later one of ours; tmfd is filled */
} ChainStep;

TM_Result
tsdb_chain_resolve(Relation rel, TM_Result result, TM_FailureData *tmfd)
{
	ItemPointerData virtual_tid;

	if ((result != TM_Updated && result != TM_SelfModified) || !tsdb_ctid_is_moved(&tmfd->ctid))
		return result;
	if (tsdb_mover_find_moved(rel, &tmfd->ctid, tmfd->xmax, &virtual_tid))
	{
		tmfd->ctid = virtual_tid;
		return result;
	}
	return result == TM_Updated ? TM_Deleted : result;
}

static bool
wait_for(Relation rel, ItemPointer tid, TransactionId xid, LockWaitPolicy policy)
{
	switch (policy)
	{
		case LockWaitBlock:
			XactLockTableWait(xid, rel, tid, XLTW_FetchUpdated);
			return true;
		case LockWaitSkip:
			return ConditionalXactLockTableWait(xid, false);
		case LockWaitError:
			if (!ConditionalXactLockTableWait(xid, log_lock_failures))
				ereport(ERROR,
						(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
						 errmsg("could not obtain lock on row in relation \"%s\"",
								RelationGetRelationName(rel))));
			return true;
	}
	pg_unreachable();
}

/*
 * Looks at the row-store version *tid that xid made; follows updates to the first one that is alive, or is being
 * changed.  *tid may end at a chunk row, *xid with it.
 */
static ChainStep
step_in_row_store(Relation rel, ItemPointer tid, TransactionId *xid, CommandId cid,
				  LockWaitPolicy policy, TM_FailureData *tmfd)
{
	SnapshotData dirty;
	HeapTupleData tuple;
	Buffer		buffer;

	InitDirtySnapshot(dirty);
	for (;;)
	{
		bool		alive;

		/* a forward's or tombstone's TID comes from disk */
		if (ItemPointerGetBlockNumber(tid) >= RelationGetNumberOfBlocks(rel))
			return CHAIN_GONE;

		tuple.t_self = *tid;
		alive = heap_fetch(rel, &dirty, &tuple, &buffer, true);
		if (tuple.t_data == NULL)
			return CHAIN_GONE;
		if (!TransactionIdEquals(HeapTupleHeaderGetXmin(tuple.t_data), *xid))
		{
			ReleaseBuffer(buffer);
			return CHAIN_GONE;
		}
		if (alive)
		{
			if (TransactionIdIsValid(dirty.xmin))
				ereport(ERROR,
						(errcode(ERRCODE_DATA_CORRUPTED),
						 errmsg_internal("t_xmin %u is uncommitted in tuple (%u,%u) to be updated in table \"%s\"",
										 dirty.xmin, ItemPointerGetBlockNumber(tid),
										 ItemPointerGetOffsetNumber(tid), RelationGetRelationName(rel))));
			if (TransactionIdIsValid(dirty.xmax))
			{
				ReleaseBuffer(buffer);
				if (!wait_for(rel, tid, dirty.xmax, policy))
					return CHAIN_BLOCKED;
				continue;
			}
			if (TransactionIdIsCurrentTransactionId(*xid) && HeapTupleHeaderGetCmin(tuple.t_data) >= cid)
			{
				tmfd->xmax = *xid;
				tmfd->cmax = HeapTupleHeaderGetCmin(tuple.t_data);
				ReleaseBuffer(buffer);
				return CHAIN_SELF;
			}
			ReleaseBuffer(buffer);
			return CHAIN_LOCK;
		}

		/* changed by who has committed, or by ourselves */
		if (ItemPointerEquals(&tuple.t_self, &tuple.t_data->t_ctid))
		{
			ReleaseBuffer(buffer);
			return CHAIN_GONE;
		}
		*tid = tuple.t_data->t_ctid;
		*xid = HeapTupleHeaderGetUpdateXid(tuple.t_data);
		ReleaseBuffer(buffer);
		if (ItemPointerIndicatesMovedPartitions(tid))
			return CHAIN_LOCK;
		if (tsdb_ctid_is_moved(tid))
		{
			ItemPointerData virtual_tid;

			if (!tsdb_mover_find_moved(rel, tid, *xid, &virtual_tid))
				return CHAIN_GONE;
			*tid = virtual_tid;
			return CHAIN_LOCK;
		}
	}
}

/* Looks at the chunk row *tid that xid made. */
static ChainStep
step_in_chunks(Relation rel, ItemPointer tid, TransactionId xid, CommandId cid, TM_FailureData *tmfd)
{
	TsdbStore  *store = tsdb_store_open(rel, AccessShareLock);
	ChainStep	step = CHAIN_GONE;
	TsdbDirEntry entry;
	uint32		row;

	/* the entry's tuple, dead or alive: its xmin tells whether the row is the one */
	if (store != NULL && tsdb_chunk_find_row(store, tid, false, &entry, &row) &&
		tsdb_directory_visible(store, &entry, SnapshotAny) &&
		TransactionIdEquals(entry.xmin, xid))
	{
		step = CHAIN_LOCK;
		if (TransactionIdIsCurrentTransactionId(xid) && entry.cmin >= cid)
		{
			tmfd->xmax = xid;
			tmfd->cmax = entry.cmin;
			step = CHAIN_SELF;
		}
	}
	if (store != NULL)
		tsdb_store_close(store);
	return step;
}

bool
tsdb_chain_is_version(Relation rel, ItemPointer tid, TransactionId xid)
{
	HeapTupleData tuple;
	Buffer		buffer;
	bool		same;

	if (tsdb_tid_is_virtual(tid))
	{
		TM_FailureData tmfd;

		return step_in_chunks(rel, tid, xid, InvalidCommandId, &tmfd) != CHAIN_GONE;
	}
	if (ItemPointerIndicatesMovedPartitions(tid) || ItemPointerGetBlockNumber(tid) >= RelationGetNumberOfBlocks(rel))
		return false;
	tuple.t_self = *tid;
	(void) heap_fetch(rel, SnapshotAny, &tuple, &buffer, true);
	if (tuple.t_data == NULL)
		return false;
	same = TransactionIdEquals(HeapTupleHeaderGetXmin(tuple.t_data), xid);
	ReleaseBuffer(buffer);
	return same;
}

bool
tsdb_chain_keeps_key(Relation rel, ItemPointer tid)
{
	HeapTupleData tuple;
	Buffer		buffer;
	bool		keeps;

	if (tsdb_tid_is_virtual(tid))
	{
		ItemPointerData next;
		TransactionId xid;
		bool		in_progress;
		uint16		tombstone_flags;

		return tsdb_chunk_next_version(rel, tid, &next, &xid, &in_progress, &tombstone_flags) &&
			(tombstone_flags & (TSDB_NEXT_MOVED | TSDB_TOMB_KEYS_KEPT)) != 0;
	}
	tuple.t_self = *tid;
	(void) heap_fetch(rel, SnapshotAny, &tuple, &buffer, true);
	if (tuple.t_data == NULL)
		return false;
	keeps = (tuple.t_data->t_infomask2 & HEAP_KEYS_UPDATED) == 0 || tsdb_ctid_is_moved(&tuple.t_data->t_ctid);
	ReleaseBuffer(buffer);
	return keeps;
}

/* Did a mover of this transaction, and nobody else, take the row at tid elsewhere?  Then sets tmfd->ctid. */
static bool
moved_by_us(Relation rel, ItemPointer tid, TM_FailureData *tmfd)
{
	ItemPointerData next;
	TransactionId xid;
	bool		in_progress;
	uint16		flags;

	/* a row-store tuple: chain_resolve has set it */
	if (!tsdb_tid_is_virtual(tid))
		return tsdb_tid_is_virtual(&tmfd->ctid);
	if (!tsdb_chunk_next_version(rel, tid, &next, &xid, &in_progress, &flags) ||
		(flags & TSDB_NEXT_MOVED) == 0)
		return false;
	tmfd->ctid = next;
	return true;
}

TM_Result
tsdb_chain_lock(Relation rel, ItemPointer tid, Snapshot snapshot, TupleTableSlot *slot,
				CommandId cid, LockTupleMode mode, LockWaitPolicy wait_policy,
				uint8 flags, TM_FailureData *tmfd)
{
	bool		traversed = false;

	for (;;)
	{
		ItemPointerData tried = *tid;
		TransactionId xid;
		TM_Result	result;
		ChainStep	step;

		if (tsdb_tid_is_virtual(tid))
			result = tsdb_chunk_lock_row(rel, tid, slot, cid, mode, wait_policy, flags, tmfd);
		else
		{
			TupleTableSlot *inner = tsdb_slot_inner(slot);

			result = TSDB_HEAPAM->tuple_lock(rel, tid, snapshot, inner, cid, mode, wait_policy,
											 flags & ~TUPLE_LOCK_FLAG_FIND_LAST_VERSION, tmfd);
			if (!TTS_EMPTY(inner))
				tsdb_slot_took_heap_row(slot, true);
			result = tsdb_chain_resolve(rel, result, tmfd);
		}
		tmfd->traversed = traversed;

		/*
		 * A mover of our own transaction is no change to the row that this command must not touch twice: it is where the mover
		 * put it, under a later command id.
		 */
		if ((result == TM_SelfModified || (result == TM_Invisible && tsdb_tid_is_virtual(&tried))) &&
			moved_by_us(rel, &tried, tmfd))
		{
			*tid = tmfd->ctid;
			traversed = true;
			cid = GetCurrentCommandId(false);
			continue;
		}

		/*
		 * Having followed updates of others to a version that we have changed ourselves, heapam goes on to the last one: it tells who
		 * changed the row last.
		 */
		if (traversed && tsdb_tid_is_virtual(&tried) && (result == TM_SelfModified || result == TM_Invisible))
			result = TM_Updated;

		if (result != TM_Updated || (flags & TUPLE_LOCK_FLAG_FIND_LAST_VERSION) == 0)
			return result;
		if (ItemPointerEquals(&tmfd->ctid, &tried))
			return TM_Deleted;

		/* the row was updated, so look at the updated version */
		*tid = tmfd->ctid;
		xid = tmfd->xmax;
		traversed = true;
		if (ItemPointerIndicatesMovedPartitions(tid))
			step = CHAIN_LOCK;
		else if (tsdb_tid_is_virtual(tid))
			step = step_in_chunks(rel, tid, xid, cid, tmfd);
		else
			step = step_in_row_store(rel, tid, &xid, cid, wait_policy, tmfd);
		tmfd->traversed = true;

		switch (step)
		{
			case CHAIN_GONE:
				return TM_Deleted;
			case CHAIN_BLOCKED:
				return TM_WouldBlock;
			case CHAIN_SELF:
				return TM_SelfModified;
			case CHAIN_LOCK:
				break;
		}
		if (ItemPointerIndicatesMovedPartitions(tid))
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("tuple to be locked was already moved to another partition due to concurrent update")));
	}
}

/* The version after a row-store tuple that lies in a chunk, if there is one: *tid is set to it. */
static bool
moved_from(Relation rel, ItemPointer tid)
{
	HeapTupleData tuple;
	Buffer		buffer;
	ItemPointerData ctid;
	ItemPointerData virtual_tid;
	TransactionId xmax = InvalidTransactionId;

	tuple.t_self = *tid;
	(void) heap_fetch(rel, SnapshotAny, &tuple, &buffer, true);
	if (tuple.t_data == NULL)
		return false;
	ctid = tuple.t_data->t_ctid;
	if ((tuple.t_data->t_infomask & HEAP_XMAX_INVALID) == 0 &&
		!HeapTupleHeaderIsOnlyLocked(tuple.t_data))
		xmax = HeapTupleHeaderGetUpdateXid(tuple.t_data);
	ReleaseBuffer(buffer);

	if (!TransactionIdIsNormal(xmax) || !tsdb_ctid_is_moved(&ctid) ||
		!tsdb_mover_find_moved(rel, &ctid, xmax, &virtual_tid))
		return false;
	*tid = virtual_tid;
	return true;
}

static bool
heap_sees(Relation rel, ItemPointer tid, Snapshot snapshot)
{
	HeapTupleData tuple;
	Buffer		buffer;
	bool		sees;

	tuple.t_self = *tid;
	sees = heap_fetch(rel, snapshot, &tuple, &buffer, false);
	if (sees)
		ReleaseBuffer(buffer);
	return sees;
}

void
tsdb_chain_latest(TableScanDesc heap_scan, ItemPointer tid)
{
	Relation	rel = heap_scan->rs_rd;
	Snapshot	snapshot = heap_scan->rs_snapshot;
	ItemPointerData at = *tid;

	for (;;)
	{
		if (!tsdb_tid_is_virtual(&at))
		{
			ItemPointerData visible = at;

			if (ItemPointerGetBlockNumber(&at) >= RelationGetNumberOfBlocks(rel))
				return;
			TSDB_HEAPAM->tuple_get_latest_tid(heap_scan, &visible);
			at = visible;
			if (heap_sees(rel, &visible, snapshot))
				*tid = visible;
			if (!moved_from(rel, &at))
				return;
		}
		else
		{
			TsdbChunkCursor *cursor = tsdb_cursor_begin(rel, NULL);
			ItemPointerData next;
			TransactionId xid;
			bool		in_progress;
			uint16		flags;

			if (tsdb_cursor_row_visible(cursor, &at, snapshot))
				*tid = at;
			tsdb_cursor_end(cursor);
			if (!tsdb_chunk_next_version(rel, &at, &next, &xid, &in_progress, &flags) ||
				ItemPointerIndicatesMovedPartitions(&next))
				return;
			at = next;
		}
	}
}
