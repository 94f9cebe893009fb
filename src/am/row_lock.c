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
 * Nobody waits for a lock on a virtual TID: it is taken at once or not at all.  The lock manager would let a
 * later, compatible locker queue up behind a waiter; heapam does not, and that saves lockers that upgrade from
 * deadlocks.  So, as in README.tuplock, who can't have the lock stands in line for another one (the TID with an
 * offset that no row has), and who is next in line waits for the transactions of the holders.
 *
 * A holder is known by the id of its transaction; but a lock that was taken in a savepoint goes when that is rolled back.
 * So each backend shows the id of the subtransaction in which it took a row lock last: to wait for that ends no
 * later than the lock if the last is the one, and a waiter always looks again.
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
#include "access/twophase.h"
#include "access/transam.h"
#include "access/xact.h"
#include "chunk/chunk_reader.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/ipc.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "storage/shmem.h"
#include "storage/sinvaladt.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"

/*
 * Row locks of one chunk after which the whole chunk is tried, and after each so many more again.  Low enough that
 * the lock table does not fill, high enough that a queue's workers with SKIP LOCKED keep out of each other's way.
 */
#define ESCALATE_ROWS		512

/* The part of the lock table that one transaction's row locks may take; beyond, it waits for the whole chunk. */
#define MAX_TABLE_PART		8

static const LOCKMODE chunk_modes[] = {AccessShareLock, RowShareLock, RowExclusiveLock, RowExclusiveLock};
static const LOCKMODE row_modes[] = {AccessShareLock, RowShareLock, ExclusiveLock, AccessExclusiveLock};
static const LOCKMODE many_modes[] = {ShareLock, ShareLock, ExclusiveLock, AccessExclusiveLock};

StaticAssertDecl(LockTupleKeyShare == 0 && LockTupleShare == 1 && LockTupleNoKeyExclusive == 2 &&
				 LockTupleExclusive == 3, "tables above are indexed by LockTupleMode");

/* Where those wait who can't have a lock on a row: its virtual TID with an offset above all that rows have. */
#define QUEUE_OFFSET		1024

/* Before a holder is taken for one who stays. */
#define SHORT_TRIES			3
#define SHORT_TRY_US		50

/* Shared: by backend, the id of the (sub)transaction in which it took a row lock last. */
static pg_atomic_uint32 *lockers = NULL;

/* Our own: the subtransactions that have taken row locks, innermost last. */
#define MAX_LOCKER_STACK	64

static struct
{
	SubTransactionId subid;
	TransactionId xid;
}			locker_stack[MAX_LOCKER_STACK];
static int	nlocker_stack = 0;

static shmem_request_hook_type prev_shmem_request = NULL;
static shmem_startup_hook_type prev_shmem_startup = NULL;

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
static uint64 lock_total = 0;	/* over all chunks */

static void
tuple_tag(LOCKTAG *tag, Relation rel, const ItemPointerData *tid)
{
	SET_LOCKTAG_TUPLE(*tag, rel->rd_lockInfo.lockRelId.dbId, rel->rd_lockInfo.lockRelId.relId,
					  ItemPointerGetBlockNumber(tid), ItemPointerGetOffsetNumber(tid));
}

pg_noreturn static void
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

/*
 * Locks belong to the subtransaction, as a tuple's xmax does, and not to the portal in which they are taken: a
 * cursor can outlive a savepoint in which it was fetched from.
 */
static bool
lock_tuple(Relation rel, ItemPointer tid, LOCKMODE mode, bool conditional)
{
	ResourceOwner owner = CurrentResourceOwner;
	LOCKTAG		tag;
	LockAcquireResult result;

	tuple_tag(&tag, rel, tid);
	CurrentResourceOwner = CurTransactionResourceOwner;
	result = LockAcquire(&tag, mode, false, conditional);
	CurrentResourceOwner = owner;
	return result != LOCKACQUIRE_NOT_AVAIL;
}

static void
unlock_tuple(Relation rel, ItemPointer tid, LOCKMODE mode)
{
	ResourceOwner owner = CurrentResourceOwner;
	LOCKTAG		tag;

	tuple_tag(&tag, rel, tid);
	CurrentResourceOwner = CurTransactionResourceOwner;
	LockRelease(&tag, mode, false);
	CurrentResourceOwner = owner;
}

static bool
lock_chunk(Relation rel, Oid chunk_id, LOCKMODE mode, bool conditional)
{
	ResourceOwner owner = CurrentResourceOwner;
	bool		got;

	CurrentResourceOwner = CurTransactionResourceOwner;
	got = tsdb_chunk_lock(rel, chunk_id, mode, conditional);
	CurrentResourceOwner = owner;
	return got;
}

bool
tsdb_row_lock_chunk(Relation rel, Oid chunk_id, LockTupleMode mode, LockWaitPolicy policy)
{
	return lock_chunk(rel, chunk_id, chunk_modes[mode], policy != LockWaitBlock) ||
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

/* Counts of an earlier transaction are forgotten. */
static void
prepare_counts(void)
{
	HASHCTL		ctl;

	if (lock_counts != NULL && lock_counts_lxid == PGPROC_LXID(MyProc))
		return;
	if (lock_counts != NULL)
		hash_destroy(lock_counts);
	lock_counts = NULL;
	memset(&ctl, 0, sizeof(ctl));
	ctl.keysize = sizeof(((LockCount *) NULL)->key);
	ctl.entrysize = sizeof(LockCount);
	ctl.hcxt = TopMemoryContext;
	lock_counts = hash_create("tsdb row locks", 64, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	lock_counts_lxid = PGPROC_LXID(MyProc);
	lock_total = 0;
}

/* A row lock stays: perhaps all of this transaction's on the chunk become one lock of the chunk. */
static void
keep_count(const TsdbRowLock *lock)
{
	LockCount	key;
	LockCount  *count;
	bool		found;

	prepare_counts();
	key.key.relid = RelationGetRelid(lock->rel);
	key.key.chunk_id = lock->chunk_id;
	count = hash_search(lock_counts, &key.key, HASH_ENTER, &found);
	if (!found)
		count->count = 0;
	lock_total++;
	if (++count->count % ESCALATE_ROWS == 0)
		(void) lock_chunk(lock->rel, lock->chunk_id, many_modes[lock->mode], true);
}

/* Have this transaction's row locks taken their part of the lock table? */
static bool
too_many_locks(void)
{
	prepare_counts();
	return lock_total >= (uint64) max_locks_per_xact * (MaxBackends + max_prepared_xacts) / MAX_TABLE_PART;
}

static void
show_last_locker(void)
{
	pg_atomic_write_u32(&lockers[MY_VXID_SLOT],
						nlocker_stack > 0 ? locker_stack[nlocker_stack - 1].xid : InvalidTransactionId);
	pg_memory_barrier();
}

/* Shows the current subtransaction as the one that took a row lock last. */
static void
show_locker(void)
{
	SubTransactionId subid = GetCurrentSubTransactionId();

	if (nlocker_stack > 0 && locker_stack[nlocker_stack - 1].subid == subid)
		return;
	/* deeper nesting than this is told as the level above */
	if (nlocker_stack < MAX_LOCKER_STACK)
	{
		locker_stack[nlocker_stack].subid = subid;
		locker_stack[nlocker_stack].xid = GetCurrentTransactionId();
		nlocker_stack++;
	}
	show_last_locker();
}

static void
locker_subxact_callback(SubXactEvent event, SubTransactionId subid, SubTransactionId parent, void *arg)
{
	int			i;

	if (nlocker_stack == 0)
		return;
	if (event == SUBXACT_EVENT_ABORT_SUB)
	{
		while (nlocker_stack > 0 && locker_stack[nlocker_stack - 1].subid == subid)
			nlocker_stack--;
		show_last_locker();
	}
	else if (event == SUBXACT_EVENT_COMMIT_SUB)
	{
		for (i = 0; i < nlocker_stack; i++)
		{
			if (locker_stack[i].subid == subid)
				locker_stack[i].subid = parent;
		}
		/* two of one level end together: the lower, which may be the level's own, stands for both */
		while (nlocker_stack > 1 && locker_stack[nlocker_stack - 1].subid == locker_stack[nlocker_stack - 2].subid)
			nlocker_stack--;
		show_last_locker();
	}
}

static void
locker_xact_callback(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PREPARE:
		case XACT_EVENT_ABORT:
			if (nlocker_stack > 0)
			{
				nlocker_stack = 0;
				show_last_locker();
			}
			break;
		default:
			break;
	}
}

/* The id that a holder of row locks is to be waited for by; invalid if it has ended. */
static TransactionId
holder_xid(VirtualTransactionId holder, bool for_wait)
{
	PGPROC	   *proc;
	TransactionId xid;
	bool		have_more;

	if (VirtualTransactionIdIsRecoveredPreparedXact(holder))
		return holder.localTransactionId;	/* which is its id */
	proc = ProcNumberGetProc(VXID_PROC(holder));
	if (proc != NULL && PGPROC_LXID(proc) == holder.localTransactionId)
	{
		xid = for_wait ? (TransactionId) pg_atomic_read_u32(&lockers[VXID_SLOT(holder)]) : InvalidTransactionId;
		if (!TransactionIdIsNormal(xid) || !TransactionIdIsInProgress(xid))
			xid = *(volatile TransactionId *) &proc->xid;
		/* neither is of the next transaction of that session, if it is in the same one still */
		pg_read_barrier();
		if (TransactionIdIsNormal(xid) && *(volatile LocalTransactionId *) &PGPROC_LXID(proc) == holder.localTransactionId)
			return xid;
	}

	/* the transaction has ended, or was prepared */
	return TwoPhaseGetXidByVirtualXID(holder, &have_more);
}

/*
 * Waits until those who hold the row in a conflicting mode have ended, or given it back.
 *
 * A holder may be one who is about to find that the row has changed, and to let go: to wait for the end of his transaction would
 * be wrong, and a deadlock if he gets in line behind us.  If there is no tombstone after he was seen to hold the lock, then he will
 * find none either, since only he can write one: he changes the row, or keeps the lock.
 */
static TsdbRowLockResult
wait_for_holders(TsdbRowLock *lock, bool (*unchanged) (void *arg), void *arg)
{
	VirtualTransactionId *holders;
	LOCKTAG		tag;
	bool		waited = false;
	int			nholders;
	int			i;

	tuple_tag(&tag, lock->rel, &lock->tid);
	holders = GetLockConflicts(&tag, row_modes[lock->mode], &nholders);
	if (nholders > 0 && !unchanged(arg))
	{
		pfree(holders);
		return TSDB_ROW_LOCK_CHANGED;
	}
	for (i = 0; i < nholders; i++)
	{
		TransactionId xid = holder_xid(holders[i], true);

		if (TransactionIdIsNormal(xid))
		{
			XactLockTableWait(xid, lock->rel, &lock->tid, XLTW_Lock);
			waited = true;
		}
	}
	pfree(holders);
	/* a holder between the end of his transaction and the release of its locks is nobody to wait for */
	if (!waited)
		pg_usleep(SHORT_TRY_US);
	return TSDB_ROW_LOCK_GOT;
}

bool
tsdb_row_lock_is_ours(const TsdbRowLock *lock)
{
	LOCKTAG		tag;
	int			i;

	tuple_tag(&tag, lock->rel, &lock->tid);
	for (i = 0; i < (int) lengthof(row_modes); i++)
	{
		if (LockHeldByMe(&tag, row_modes[i], false))
			return true;
	}
	return false;
}

/*
 * Waits to be next in line at the row.  Who holds a weaker lock already does not stand in line: those
 * before him wait for him.
 */
static void
queue_up(TsdbRowLock *lock)
{
	ItemPointerData tid = lock->tid;

	if (lock->queued || tsdb_row_lock_is_ours(lock))
		return;
	ItemPointerSetOffsetNumber(&tid, ItemPointerGetOffsetNumber(&tid) + QUEUE_OFFSET);
	(void) lock_tuple(lock->rel, &tid, row_modes[lock->mode], false);
	lock->queued = true;
}

static TsdbRowLockResult
got_or_not(bool got)
{
	return got ? TSDB_ROW_LOCK_GOT : TSDB_ROW_LOCK_NOT_GOT;
}

TsdbRowLockResult
tsdb_row_lock_acquire(TsdbRowLock *lock, LockWaitPolicy policy, bool (*unchanged) (void *arg), void *arg)
{
	int			tries = 0;

	Assert(!lock->locked);
	if (chunk_covers(lock->rel, lock->chunk_id, lock->mode))
		return TSDB_ROW_LOCK_GOT;
	if (too_many_locks())
		return got_or_not(lock_chunk(lock->rel, lock->chunk_id, many_modes[lock->mode], policy != LockWaitBlock) ||
						  not_got(lock->rel, policy));

	/* whoever finds our lock must find whom to wait for */
	show_locker();
	while (!lock_tuple(lock->rel, &lock->tid, row_modes[lock->mode], true))
	{
		CHECK_FOR_INTERRUPTS();

		/* who only looks holds it for microseconds: he is not to be waited for to his transaction's end */
		if (tries++ < SHORT_TRIES)
		{
			pg_usleep(SHORT_TRY_US);
			continue;
		}
		if (policy != LockWaitBlock)
			return got_or_not(not_got(lock->rel, policy));
		queue_up(lock);
		if (wait_for_holders(lock, unchanged, arg) == TSDB_ROW_LOCK_CHANGED)
			return TSDB_ROW_LOCK_CHANGED;
	}
	lock->locked = true;
	return TSDB_ROW_LOCK_GOT;
}

bool
tsdb_row_lock_wait(TsdbRowLock *lock, TransactionId xid, LockWaitPolicy policy, bool for_update)
{
	if (lock->locked)
		unlock_tuple(lock->rel, &lock->tid, row_modes[lock->mode]);
	lock->locked = false;
	if (policy != LockWaitBlock)
		return ConditionalXactLockTableWait(xid, policy == LockWaitError && log_lock_failures) || not_got(lock->rel, policy);
	queue_up(lock);
	XactLockTableWait(xid, lock->rel, &lock->tid, for_update ? XLTW_Update : XLTW_Lock);
	return true;
}

void
tsdb_row_lock_done(TsdbRowLock *lock, bool keep)
{
	if (lock->queued)
	{
		ItemPointerData tid = lock->tid;

		ItemPointerSetOffsetNumber(&tid, ItemPointerGetOffsetNumber(&tid) + QUEUE_OFFSET);
		unlock_tuple(lock->rel, &tid, row_modes[lock->mode]);
	}
	lock->queued = false;
	if (lock->locked && keep)
		keep_count(lock);
	else if (lock->locked)
		unlock_tuple(lock->rel, &lock->tid, row_modes[lock->mode]);
	lock->locked = false;
}

/*
 * What the xmax of a tuple becomes when KEY SHARE of xid is added.  False if something incompatible is there.
 * After heapam.c: compute_new_xmax_infomask(), for this strength.
 */
static bool
add_key_share(HeapTupleHeader tuple, TransactionId xid, TransactionId *new_xmax, uint16 *new_infomask)
{
	uint16		infomask = tuple->t_infomask;
	TransactionId xmax = HeapTupleHeaderGetRawXmax(tuple);
	MultiXactStatus status;

	*new_infomask = HEAP_XMAX_LOCK_ONLY | HEAP_XMAX_KEYSHR_LOCK;
	*new_xmax = xid;
	if ((infomask & HEAP_XMAX_INVALID) != 0)
		return true;
	if (HEAP_LOCKED_UPGRADED(infomask) || (tuple->t_infomask2 & HEAP_KEYS_UPDATED) != 0)
		return false;
	/* HEAP_KEYS_UPDATED stands for the lock FOR UPDATE too, which alone is incompatible */
	if ((infomask & HEAP_XMAX_IS_MULTI) != 0)
	{
		/* an update in a savepoint that was rolled back: the bits would have to become a lock's */
		if (!HEAP_XMAX_IS_LOCKED_ONLY(infomask) && !TransactionIdIsInProgress(HeapTupleGetUpdateXid(tuple)))
			return false;
		/* the others' bits stay: none of them is weaker */
		*new_xmax = MultiXactIdExpand(xmax, xid, MultiXactStatusForKeyShare);
		*new_infomask = infomask & HEAP_XMAX_BITS;
		return true;
	}
	if (TransactionIdEquals(xmax, xid))
	{
		*new_infomask = infomask & HEAP_XMAX_BITS;
		*new_xmax = xmax;
		return true;
	}
	if (!TransactionIdIsInProgress(xmax))
		return true;			/* a lock that is over, or an update in a savepoint that was rolled back */
	if (!HEAP_XMAX_IS_LOCKED_ONLY(infomask))
	{
		/* an update that keeps the key, of the transaction that made this version */
		status = MultiXactStatusNoKeyUpdate;
		*new_infomask = HEAP_XMAX_EXCL_LOCK;
	}
	else if (HEAP_XMAX_IS_EXCL_LOCKED(infomask))
	{
		status = MultiXactStatusForNoKeyUpdate;
		*new_infomask = HEAP_XMAX_LOCK_ONLY | HEAP_XMAX_EXCL_LOCK;
	}
	else if (HEAP_XMAX_IS_SHR_LOCKED(infomask))
	{
		status = MultiXactStatusForShare;
		*new_infomask = HEAP_XMAX_LOCK_ONLY | HEAP_XMAX_SHR_LOCK;
	}
	else
		status = MultiXactStatusForKeyShare;
	*new_xmax = MultiXactIdCreate(xmax, status, xid, MultiXactStatusForKeyShare);
	*new_infomask |= HEAP_XMAX_IS_MULTI;
	return true;
}

/* A version of a row in the row store, and who made it. */
typedef struct Version
{
	ItemPointerData tid;
	TransactionId maker;
} Version;

/*
 * Looks at a version and adds the lock to it, if add.  *next: the version after it by the same updater, or an invalid TID.
 * With add, expected says what that must be.  False: nothing was added, and the lock can't be.
 *
 * The updater may end at any time, and then others may change the version: so its xmin is looked at under the page's lock.
 * While that is in progress, nobody but the updater's own (sub)transactions and KEY SHARE lockers can be in its xmax.
 */
static bool
carry_to_version(Relation rel, Version *version, TransactionId xid, bool add, Version *expected, Version *next)
{
	OffsetNumber offset = ItemPointerGetOffsetNumber(&version->tid);
	Buffer		buffer;
	Page		page;
	ItemId		item;
	bool		done = false;

	ItemPointerSetInvalid(&next->tid);
	if (tsdb_tid_is_virtual(&version->tid) || ItemPointerIndicatesMovedPartitions(&version->tid) ||
		ItemPointerGetBlockNumber(&version->tid) >= RelationGetNumberOfBlocks(rel))
		return false;
	buffer = ReadBuffer(rel, ItemPointerGetBlockNumber(&version->tid));
	LockBuffer(buffer, add ? BUFFER_LOCK_EXCLUSIVE : BUFFER_LOCK_SHARE);
	page = BufferGetPage(buffer);
	item = offset <= PageGetMaxOffsetNumber(page) ? PageGetItemId(page, offset) : NULL;
	if (item != NULL && ItemIdIsNormal(item) && !PageIsAllVisible(page))
	{
		HeapTupleHeader tuple = (HeapTupleHeader) PageGetItem(page, item);
		bool		has_xmax = (tuple->t_infomask & HEAP_XMAX_INVALID) == 0;
		TransactionId new_xmax;
		uint16		new_infomask;

		done = TransactionIdEquals(HeapTupleHeaderGetRawXmin(tuple), version->maker) &&
			TransactionIdIsInProgress(version->maker) &&
			!(has_xmax && (tuple->t_infomask2 & HEAP_KEYS_UPDATED) != 0);
		if (done && has_xmax && !HEAP_XMAX_IS_LOCKED_ONLY(tuple->t_infomask) &&
			TransactionIdIsInProgress(HeapTupleHeaderGetUpdateXid(tuple)))
		{
			next->tid = tuple->t_ctid;
			next->maker = HeapTupleHeaderGetUpdateXid(tuple);
			done = !ItemPointerEquals(&next->tid, &version->tid);
		}
		if (done && add)
			done = (expected == NULL ? !ItemPointerIsValid(&next->tid) :
					ItemPointerEquals(&next->tid, &expected->tid) && next->maker == expected->maker) &&
				add_key_share(tuple, xid, &new_xmax, &new_infomask);
		if (done && add)
		{
			GenericXLogState *state = GenericXLogStart(rel);
			Page		image = GenericXLogRegisterBuffer(state, buffer, 0);

			tuple = (HeapTupleHeader) PageGetItem(image, PageGetItemId(image, offset));
			tuple->t_infomask &= ~HEAP_XMAX_BITS;
			tuple->t_infomask |= new_infomask;
			/* whoever has it in force was refused */
			tuple->t_infomask2 &= ~HEAP_KEYS_UPDATED;
			HeapTupleHeaderSetXmax(tuple, new_xmax);

			/* as heap_lock_tuple(): nothing of an update that was rolled back may stay beside a lock */
			if (HEAP_XMAX_IS_LOCKED_ONLY(new_infomask))
			{
				HeapTupleHeaderClearHotUpdated(tuple);
				tuple->t_ctid = version->tid;
			}
			GenericXLogFinish(state);
		}
	}
	UnlockReleaseBuffer(buffer);
	return done;
}

/*
 * The newest version first: once that is locked, the updater can't delete it or change its key.  An older one that is locked
 * while a newer one refuses would be taken for ours later: heap_lock_tuple() asks no more where we have a lock.
 */
bool
tsdb_row_carry_key_share(Relation rel, ItemPointer new_tid, TransactionId maker, TransactionId xid)
{
	int			room = 8;
	int			nversions = 1;
	Version    *versions = palloc(room * sizeof(Version));
	Version		next;
	bool		done;
	int			i;

	MultiXactIdSetOldestMember();
	versions[0].tid = *new_tid;
	versions[0].maker = maker;
	while ((done = carry_to_version(rel, &versions[nversions - 1], xid, false, NULL, &next)) && ItemPointerIsValid(&next.tid))
	{
		CHECK_FOR_INTERRUPTS();
		if (nversions == room)
			versions = repalloc(versions, (room *= 2) * sizeof(Version));
		versions[nversions++] = next;
	}

	/* if the updater went on meanwhile, the caller waits for him: rare, and as good as meeting him earlier */
	for (i = nversions - 1; done && i >= 0; i--)
		done = carry_to_version(rel, &versions[i], xid, true, i + 1 < nversions ? &versions[i + 1] : NULL, &next);
	pfree(versions);
	return done;
}

void
tsdb_row_carry_all_key_shares(Relation rel, ItemPointer old_tid, ItemPointer new_tid)
{
	VirtualTransactionId *holders;
	LOCKTAG		tag;
	int			nholders;
	int			i;

	tuple_tag(&tag, rel, old_tid);
	holders = GetLockConflicts(&tag, AccessExclusiveLock, &nholders);
	for (i = 0; i < nholders; i++)
	{
		TransactionId xid = holder_xid(holders[i], false);

		/* a locker has an id before it has the lock; our new version has nobody else's xmax yet */
		if (TransactionIdIsNormal(xid) && TransactionIdIsInProgress(xid) &&
			!tsdb_row_carry_key_share(rel, new_tid, GetCurrentTransactionId(), xid))
			elog(ERROR, "could not carry a row lock to the new version (%u,%u) in relation \"%s\"",
				 ItemPointerGetBlockNumber(new_tid), ItemPointerGetOffsetNumber(new_tid),
				 RelationGetRelationName(rel));
	}
	/* some hundred bytes, for each row of a statement */
	pfree(holders);
}

static Size
lockers_size(void)
{
	return mul_size(MaxBackends, sizeof(pg_atomic_uint32));
}

static void
row_lock_shmem_request(void)
{
	if (prev_shmem_request)
		prev_shmem_request();
	RequestAddinShmemSpace(lockers_size());
}

static void
row_lock_shmem_startup(void)
{
	bool		found;
	int			i;

	if (prev_shmem_startup)
		prev_shmem_startup();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	lockers = ShmemInitStruct("tsdb_am row lockers", lockers_size(), &found);
	for (i = 0; !found && i < MaxBackends; i++)
		pg_atomic_init_u32(&lockers[i], InvalidTransactionId);
	LWLockRelease(AddinShmemInitLock);
}

void
tsdb_row_lock_init(void)
{
	prev_shmem_request = shmem_request_hook;
	shmem_request_hook = row_lock_shmem_request;
	prev_shmem_startup = shmem_startup_hook;
	shmem_startup_hook = row_lock_shmem_startup;
	RegisterXactCallback(locker_xact_callback, NULL);
	RegisterSubXactCallback(locker_subxact_callback, NULL);
}
