/*-------------------------------------------------------------------------
 * row_chain.h
 *	  Versions of a row across both stores: locking the last one, finding the latest.
 *
 * Inside am/.  A chain goes row store -> (moved) -> chunk -> (tombstone) -> row store, and from chunk to chunk or
 * row store where a mover replaced it.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_ROW_CHAIN_H
#define TSDB_ROW_CHAIN_H

#include "compat.h"

#include "access/tableam.h"
#include "executor/tuptable.h"

/*
 * tmfd of a failed change of a row-store tuple: replaces a TID of the third kind by the chunk row's.  Returns the result,
 * which becomes TM_Deleted if nobody needs that row any more.
 */
extern TM_Result tsdb_chain_resolve(Relation rel, TM_Result result, TM_FailureData *tmfd);

/* tuple_lock of the table AM, over both stores. */
extern TM_Result tsdb_chain_lock(Relation rel, ItemPointer tid, Snapshot snapshot, TupleTableSlot *slot,
								 CommandId cid, LockTupleMode mode, LockWaitPolicy wait_policy,
								 uint8 flags, TM_FailureData *tmfd);

/* Is there a version at tid, dead or alive, that xid made? */
extern bool tsdb_chain_is_version(Relation rel, ItemPointer tid, TransactionId xid);

/* Was this version, which has a successor, moved or updated without a change of its key? */
extern bool tsdb_chain_keeps_key(Relation rel, ItemPointer tid);

/* tuple_get_latest_tid of the table AM: heap_scan is heapam's scan with the caller's snapshot. */
extern void tsdb_chain_latest(TableScanDesc heap_scan, ItemPointer tid);

#endif							/* TSDB_ROW_CHAIN_H */
