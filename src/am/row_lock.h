/*-------------------------------------------------------------------------
 * row_lock.h
 *	  Heavyweight locks on rows of chunks.
 *
 * A chunk row has no xmax to hold a lock, so it is locked as a heavyweight lock on its virtual TID, under
 * a lock on its chunk.  Both go to the end of the transaction, so that savepoints and prepared transactions
 * are core's business.  README.md of this folder has the modes.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_ROW_LOCK_H
#define TSDB_ROW_LOCK_H

#include "compat.h"

#include "nodes/lockoptions.h"
#include "storage/itemptr.h"
#include "utils/relcache.h"

/*
 * Takes the chunk's lock in the mode that a row lock or change of this strength needs, to transaction end.  False: not got
 * at once, and the policy is to skip (to report an error: it is raised).
 */
extern bool tsdb_row_lock_chunk(Relation rel, Oid chunk_id, LockTupleMode mode, LockWaitPolicy policy);

/*
 * One who wants to change or lock a row.  States: idle; queued (next in line at the row); locked; queued and locked.
 */
typedef struct TsdbRowLock
{
	Relation	rel;
	ItemPointerData tid;
	Oid			chunk_id;
	LockTupleMode mode;
	bool		queued;
	bool		locked;			/* by a lock on the row, which release gives back */
} TsdbRowLock;

typedef enum TsdbRowLockResult
{
	TSDB_ROW_LOCK_GOT,
	TSDB_ROW_LOCK_NOT_GOT,		/* the policy is to skip */
	TSDB_ROW_LOCK_CHANGED		/* not got, and the row is being changed, or was: look at its tombstone again */
} TsdbRowLockResult;

/*
 * Locks the row.  unchanged: has the row no tombstone yet?  The caller holds the chunk's lock by tsdb_row_lock_chunk; if that is strong enough, no lock on the row
 * is taken.
 */
extern TsdbRowLockResult tsdb_row_lock_acquire(TsdbRowLock *lock, LockWaitPolicy policy,
											   bool (*unchanged) (void *arg), void *arg);
/* Gives the row back and waits for a transaction to end, next in line at the row; false as above. */
extern bool tsdb_row_lock_wait(TsdbRowLock *lock, TransactionId xid, LockWaitPolicy policy, bool for_update);
/* Does this transaction hold the row in some mode? */
extern bool tsdb_row_lock_is_ours(const TsdbRowLock *lock);
/* Leaves the line; keep: the row's lock stays to the end of the transaction, else it is given back too. */
extern void tsdb_row_lock_done(TsdbRowLock *lock, bool keep);

/*
 * KEY SHARE locks pass an update that leaves the key alone.  They must then hold on the new version, which is in the
 * row store: adds a lock of xid to its xmax.  maker: who made it (the tombstone's xmin).  False: maker is through, or its xmax
 * leaves no room; the caller has to wait.
 */
extern bool tsdb_row_carry_key_share(Relation rel, ItemPointer new_tid, TransactionId maker, TransactionId xid);

/* After the update's tombstone was written: carries all KEY SHARE locks that others hold on the old version. */
extern void tsdb_row_carry_all_key_shares(Relation rel, ItemPointer old_tid, ItemPointer new_tid);

/* Shared memory; called from _PG_init. */
extern void tsdb_row_lock_init(void);

#endif							/* TSDB_ROW_LOCK_H */
