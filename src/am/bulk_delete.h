/*-------------------------------------------------------------------------
 * bulk_delete.h
 *	  A DELETE that takes many rows of a chunk, or all of them.
 *
 * Inside am/.  Such a statement locks the chunk as a whole, where nobody else uses it, and then only notes which
 * rows it deletes; their tombstones are written when it has gone through its rows, or, if no row is left, the chunk is dropped.
 *
 * As with direct load (load_rules.h), nothing of the user's may run or look between a row's deletion and the end: a plain
 * DELETE without RETURNING, modifying CTEs and BEFORE ROW triggers, and without volatile functions that are
 * not written in C.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_BULK_DELETE_H
#define TSDB_BULK_DELETE_H

#include "am/row_access.h"
#include "utils/snapshot.h"

/*
 * Deletes a row for the running statement if its chunk is locked as a whole: then *result is TM_Ok or TM_SelfModified, and
 * tmfd is filled for the latter.  False: delete it in the ordinary way.
 */
extern bool tsdb_bulk_delete_take(TsdbRowAccess *access, ItemPointer tid, CommandId cid,
								  TM_Result *result, TM_FailureData *tmfd);

/* The statement has written a tombstone in this chunk: perhaps it is worth while to lock the whole from now on. */
extern void tsdb_bulk_delete_note(TsdbRowAccess *access, const TsdbDirEntry *entry, CommandId cid);

/* Chunks with rows that are noted only. */
extern int	tsdb_bulk_delete_npending;

/* See tsdb_bulk_delete_settle. */
extern void tsdb_bulk_delete_settle_pending(Relation rel, Snapshot snapshot);

/*
 * Before anything reads rel with a snapshot that sees the statement's deletes: writes what is noted only.  A safety net,
 * for functions that are not what they are declared to be.
 */
static inline void
tsdb_bulk_delete_settle(Relation rel, Snapshot snapshot)
{
	if (unlikely(tsdb_bulk_delete_npending > 0))
		tsdb_bulk_delete_settle_pending(rel, snapshot);
}

/* An error if a running DELETE of this session holds chunks of rel as a whole: a mover must not replace them. */
extern void tsdb_bulk_delete_refuse(Relation rel);

#endif							/* TSDB_BULK_DELETE_H */
