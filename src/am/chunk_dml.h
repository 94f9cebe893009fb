/*-------------------------------------------------------------------------
 * chunk_dml.h
 *	  DELETE, UPDATE and row locks of rows in chunks.
 *
 * Inside am/: tsdb_handler.c hands virtual TIDs here.  Arguments and results are those of the table AM's callbacks
 * (tableam.h); tmfd->ctid is never a TID of the third kind (README.md).
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_CHUNK_DML_H
#define TSDB_CHUNK_DML_H

#include "compat.h"

#include "access/tableam.h"
#include "chunk/directory.h"
#include "executor/tuptable.h"

extern TM_Result tsdb_chunk_delete(Relation rel, ItemPointer tid, CommandId cid, Snapshot crosscheck,
								   bool wait, TM_FailureData *tmfd, bool changing_partition);

extern TM_Result tsdb_chunk_update(Relation rel, ItemPointer tid, TupleTableSlot *slot, CommandId cid,
								   Snapshot crosscheck, bool wait, TM_FailureData *tmfd,
								   LockTupleMode *lockmode, TU_UpdateIndexes *update_indexes);

/*
 * Locks this very version of a row; slot gets it whatever the result, unless it is gone.  flags: TUPLE_LOCK_FLAG_*, of which
 * LOCK_UPDATE_IN_PROGRESS counts here.
 */
extern TM_Result tsdb_chunk_lock_row(Relation rel, ItemPointer tid, TupleTableSlot *slot, CommandId cid,
									 LockTupleMode mode, LockWaitPolicy wait_policy, uint8 flags, TM_FailureData *tmfd);

/*
 * The next version of a chunk row, if it has one that is not of an aborted transaction: *next, and in *xid who made it.
 * *in_progress: it is of a transaction other than ours that is not through.  *flags: of the row's tombstone (TSDB_TOMB_*), or
 * TSDB_NEXT_MOVED if it has none, but was moved.  False: there is no next version.
 */
extern bool tsdb_chunk_next_version(Relation rel, ItemPointer tid, ItemPointer next, TransactionId *xid,
									bool *in_progress, uint16 *flags);

/* What a heap tuple has in xmax: who deletes or has deleted the row; invalid if nobody does. */
extern TransactionId tsdb_chunk_row_xmax(Oid relid, ItemPointer tid);

#define TSDB_NEXT_MOVED		0x8000

StaticAssertDecl((TSDB_NEXT_MOVED & TSDB_TOMB_KNOWN_FLAGS) == 0, "no flag of tombstones has this bit");

/*
 * Copies the entry of the chunk that holds this row, and its row number; false if there is none (any more).  checked: see
 * tsdb_directory_cache_find.
 */
extern bool tsdb_chunk_find_row(TsdbStore *store, ItemPointer tid, bool checked, TsdbDirEntry *entry, uint32 *row);

#endif							/* TSDB_CHUNK_DML_H */
