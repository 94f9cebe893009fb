/*-------------------------------------------------------------------------
 * forward.h
 *	  Where the rows of a chunk went when a mover replaced it.
 *
 * Who found a row under its old TID, and then waited for the mover, needs the new one.  So
 * recompress and decompress leave forwards with each old chunk: a map from row to new TID.
 *
 * Nobody removes them later: the mover itself deletes them right after it has inserted them (a command later).
 * A tuple with xmin = xmax = M stays readable (by SnapshotAny) until M is older than every snapshot, which is just as
 * long as somebody can hold an old TID; then vacuum takes it away.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_FORWARD_H
#define TSDB_FORWARD_H

#include "chunk/directory.h"

/*
 * Writes the forwards of a chunk: new_tids[entry->d.nrows], invalid = the row was dead.  Returns palloc'd TIDs
 * of the tuples written, *ntids of them: after a CommandCounterIncrement() the caller hands each to
 * tsdb_store_delete.
 */
extern ItemPointerData *tsdb_forward_write(TsdbStore *store, const TsdbDirEntry *entry,
										   const ItemPointerData *new_tids, CommandId cid, int *ntids);

/*
 * Where did this row of a replaced chunk go?  deleter: raw xmax of the chunk's entry (several may have tried).
 * False: nowhere; the row was dead, or the chunk was deleted and not replaced.
 */
extern bool tsdb_forward_find(TsdbStore *store, const TsdbDirEntry *entry, TransactionId deleter,
							  uint32 row, ItemPointer new_tid);

/* The checks of one stored tuple of forwards that need nothing else; fills in its header. */
extern void tsdb_forward_check(TsdbStore *store, const TsdbStoredTuple *stored, TsdbForwardDisk *disk);

#endif							/* TSDB_FORWARD_H */
