/*-------------------------------------------------------------------------
 * row_lock.c
 *	  Heavyweight locks on rows of chunks.
 *
 * Used by chunk_dml.c.
 *
 *	strength		   chunk lock		  lock on the virtual TID	many of them: chunk lock
 *	KEY SHARE		   AccessShare		  AccessShare				Share
 *	SHARE			   RowShare			  RowShare					Share
 *	NO KEY UPDATE	   RowExclusive		  Exclusive					Exclusive
 *	UPDATE			   RowExclusive		  AccessExclusive			AccessExclusive
 *
 * The second column is heapam's tupleLockExtraInfo, whose conflicts are those of row locks.  The
 * third conflicts with the first of all strengths that it must keep out (and some more, which costs a wait).
 *
 * Invariant (KEY SHARE beside an update that keeps the key): the locker takes its lock and then
 * looks for a tombstone; the updater writes its tombstone and then looks for lockers.  So one of the two sees
 * the other and puts the lock on the new version; both may, which does no harm.
 *-------------------------------------------------------------------------
 */
#include "am/row_lock.h"

#include "access/generic_xlog.h"
#include "access/heapam.h"
#include "access/multixact.h"
#include "access/transam.h"
#include "access/xact.h"
#include "chunk/directory.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "storage/sinvaladt.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/* Row locks of one chunk after which the whole chunk is tried, and after each so many more again. */
#define ESCALATE_ROWS		32

static const LOCKMODE chunk_modes[] = {AccessShareLock, RowShareLock, RowExclusiveLock, RowExclusiveLock};
static const LOCKMODE row_modes[] = {AccessShareLock, RowShareLock, ExclusiveLock, AccessExclusiveLock};
static const LOCKMODE many_modes[] = {ShareLock, ShareLock, ExclusiveLock, AccessExclusiveLock};

StaticAssertDecl(LockTupleKeyShare == 0 && LockTupleShare == 1 && LockTupleNoKeyExclusive == 2 &&
				 LockTupleExclusive == 3, "tables above are indexed by LockTupleMode");

/* Row locks that this transaction has kept, by chunk: only to know when to try for the whole. */
typedef struct LockCount
{
	struct
	{
		Oid			relid;
		Oid			chunk_id;
	}			key;
	uint32		count;
} LockCount;

static HTAB *lock_counts = NULL;
static LocalTransactionId lock_counts_lxid = InvalidLocalTransactionId;

static void pg_attribute_noreturn()
report_not_available(Relation rel)
{
	ereport(ERROR,
			(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
			 errmsg("could not obtain lock on row in relation \"%s\"", RelationGetRelationName(rel))));
}

/* What a conditional try's failure means. */
static bool
not_got(Relation rel, LockWaitPolicy policy)
{
	if (policy == LockWaitError)
		report_not_available(rel);
	return false;
}

bool
tsdb_row_lock_chunk(Relation rel, Oid chunk_id, LockTupleMode mode, LockWaitPolicy policy)
{
	return tsdb_chunk_lock(rel, chunk_id, chunk_modes[mode], policy != LockWaitBlock) ||
		not_got(rel, policy);
}

/* Do we hold the chunk in a mode that makes locks of this strength on its rows superfluous? */
static bool
chunk_covers(Relation rel, Oid chunk_id, LockTupleMode mode)
{
	if (tsdb_chunk_lock_held(rel, chunk_id, AccessExclusiveLock))
		return true;
	if (mode <= LockTupleNoKeyExclusive && tsdb_chunk_lock_held(rel, chunk_id, ExclusiveLock))
		return true;
	return mode <= LockTupleShare && tsdb_chunk_lock_held(rel, chunk_id, ShareLock);
}

bool
tsdb_row_lock_acquire(Relation rel, ItemPointer tid, Oid chunk_id, LockTupleMode mode,
					  LockWaitPolicy policy, bool *covered)
{
	*covered = chunk_covers(rel, chunk_id, mode);
	if (*covered)
		return true;
	if (policy != LockWaitBlock)
		return ConditionalLockTuple(rel, tid, row_modes[mode]) || not_got(rel, policy);
	LockTuple(rel, tid, row_modes[mode]);
	return true;
}

void
tsdb_row_lock_release(Relation rel, ItemPointer tid, LockTupleMode mode)
{
	UnlockTuple(rel, tid, row_modes[mode]);
}

/* Counts of an earlier transaction are forgotten. */
static void
prepare_counts(void)
{
	HASHCTL		ctl;

	if (lock_counts != NULL && lock_counts_lxid == MyProc->lxid)
		return;
	if (lock_counts != NULL)
		hash_destroy(lock_counts);
	lock_counts = NULL;
	memset(&ctl, 0, sizeof(ctl));
	ctl.keysize = sizeof(((LockCount *) NULL)->key);
	ctl.entrysize = sizeof(LockCount);
	ctl.hcxt = TopMemoryContext;
	lock_counts = hash_create("tsdb row locks", 64, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	lock_counts_lxid = MyProc->lxid;
}

void
tsdb_row_lock_keep(Relation rel, Oid chunk_id, LockTupleMode mode)
{
	LockCount	key;
	LockCount  *count;
	bool		found;

	prepare_counts();
	key.key.relid = RelationGetRelid(rel);
	key.key.chunk_id = chunk_id;
	count = hash_search(lock_counts, &key.key, HASH_ENTER, &found);
	if (!found)
		count->count = 0;
	if (++count->count % ESCALATE_ROWS == 0)
		(void) tsdb_chunk_lock(rel, chunk_id, many_modes[mode], true);
}

bool
tsdb_row_wait(Relation rel, ItemPointer tid, TransactionId xid, LockWaitPolicy policy, bool for_update)
{
	if (policy != LockWaitBlock)
		return ConditionalXactLockTableWait(xid) || not_got(rel, policy);
	XactLockTableWait(xid, rel, tid, for_update ? XLTW_Update : XLTW_Lock);
	return true;
}

/*
 * What the xmax of a tuple becomes when KEY SHARE of xid is added.  False if something else than
 * compatible locks is there.  After heapam.c: compute_new_xmax_infomask(), the few cases needed.
 */
static bool
add_key_share(HeapTupleHeader tuple, TransactionId xid, TransactionId *new_xmax, uint16 *new_infomask)
{
	uint16		infomask = tuple->t_infomask;
	TransactionId xmax = HeapTupleHeaderGetRawXmax(tuple);

	*new_infomask = HEAP_XMAX_LOCK_ONLY | HEAP_XMAX_KEYSHR_LOCK;
	*new_xmax = xid;
	if ((infomask & HEAP_XMAX_INVALID) != 0)
		return true;
	if (!HEAP_XMAX_IS_LOCKED_ONLY(infomask) || HEAP_LOCKED_UPGRADED(infomask) ||
		HEAP_XMAX_IS_EXCL_LOCKED(infomask))
		return false;

	if ((infomask & HEAP_XMAX_IS_MULTI) != 0)
	{
		*new_xmax = MultiXactIdExpand(xmax, xid, MultiXactStatusForKeyShare);
		*new_infomask |= HEAP_XMAX_IS_MULTI;
		if (HEAP_XMAX_IS_SHR_LOCKED(infomask))
			*new_infomask |= HEAP_XMAX_SHR_LOCK;
		return true;
	}
	if (TransactionIdEquals(xmax, xid) || !TransactionIdIsInProgress(xmax))
	{
		/* ours, of this strength or a stronger one; or nobody's any more */
		if (TransactionIdEquals(xmax, xid))
		{
			*new_infomask = infomask & HEAP_XMAX_BITS;
			*new_xmax = xmax;
		}
		return true;
	}
	*new_xmax = MultiXactIdCreate(xmax, HEAP_XMAX_IS_SHR_LOCKED(infomask) ? MultiXactStatusForShare :
								  MultiXactStatusForKeyShare, xid, MultiXactStatusForKeyShare);
	*new_infomask |= HEAP_XMAX_IS_MULTI;
	if (HEAP_XMAX_IS_SHR_LOCKED(infomask))
		*new_infomask |= HEAP_XMAX_SHR_LOCK;
	return true;
}

bool
tsdb_row_carry_key_share(Relation rel, ItemPointer new_tid, TransactionId xid)
{
	OffsetNumber offset = ItemPointerGetOffsetNumber(new_tid);
	Buffer		buffer;
	Page		page;
	ItemId		item;
	bool		done = false;

	MultiXactIdSetOldestMember();
	if (ItemPointerGetBlockNumber(new_tid) >= RelationGetNumberOfBlocks(rel))
		return false;
	buffer = ReadBuffer(rel, ItemPointerGetBlockNumber(new_tid));
	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	page = BufferGetPage(buffer);
	item = offset <= PageGetMaxOffsetNumber(page) ? PageGetItemId(page, offset) : NULL;
	if (item != NULL && ItemIdIsNormal(item) && !PageIsAllVisible(page))
	{
		HeapTupleHeader tuple = (HeapTupleHeader) PageGetItem(page, item);
		TransactionId new_xmax;
		uint16		new_infomask;

		done = add_key_share(tuple, xid, &new_xmax, &new_infomask);
		if (done)
		{
			GenericXLogState *state = GenericXLogStart(rel);
			Page		image = GenericXLogRegisterBuffer(state, buffer, 0);

			tuple = (HeapTupleHeader) PageGetItem(image, PageGetItemId(image, offset));
			tuple->t_infomask &= ~HEAP_XMAX_BITS;
			tuple->t_infomask |= new_infomask;
			tuple->t_infomask2 &= ~HEAP_KEYS_UPDATED;
			HeapTupleHeaderSetXmax(tuple, new_xmax);
			GenericXLogFinish(state);
		}
	}
	UnlockReleaseBuffer(buffer);
	return done;
}

void
tsdb_row_carry_all_key_shares(Relation rel, ItemPointer old_tid, ItemPointer new_tid)
{
	VirtualTransactionId *holders;
	LOCKTAG		tag;
	int			nholders;
	int			i;

	SET_LOCKTAG_TUPLE(tag, rel->rd_lockInfo.lockRelId.dbId, rel->rd_lockInfo.lockRelId.relId,
					  ItemPointerGetBlockNumber(old_tid), ItemPointerGetOffsetNumber(old_tid));
	holders = GetLockConflicts(&tag, AccessExclusiveLock, &nholders);
	for (i = 0; i < nholders; i++)
	{
		TransactionId xid;

		if (holders[i].backendId == InvalidBackendId)
			xid = holders[i].localTransactionId;	/* a prepared transaction */
		else
		{
			PGPROC	   *proc = BackendIdGetProc(holders[i].backendId);

			/* who has ended meanwhile holds no lock any more */
			if (proc == NULL || proc->lxid != holders[i].localTransactionId)
				continue;
			xid = proc->xid;
		}

		/* a locker has an id before it has the lock; our new version has nobody else's xmax yet */
		if (TransactionIdIsNormal(xid) && TransactionIdIsInProgress(xid) &&
			!tsdb_row_carry_key_share(rel, new_tid, xid))
			elog(ERROR, "could not carry a row lock to the new version (%u,%u) in relation \"%s\"",
				 ItemPointerGetBlockNumber(new_tid), ItemPointerGetOffsetNumber(new_tid),
				 RelationGetRelationName(rel));
	}
}
