/*-------------------------------------------------------------------------
 * mover.h
 *	  Moves rows between the stores: compress, recompress, decompress.
 *
 * Each in the current transaction.  The caller holds RowExclusiveLock on rel and has checked
 * privileges.  See src/am/README.md for the conflict table.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_MOVER_H
#define TSDB_MOVER_H

#include "compat.h"

#include "storage/itemptr.h"
#include "utils/relcache.h"

/*
 * Row store to chunks: all settled rows (committed, not locked, not ours; in REPEATABLE READ and above: seen by the
 * transaction's snapshot).  Returns rows moved.
 */
extern int64 tsdb_mover_compress(Relation rel);

/* Which of the new chunks are encoded for size (tsdb_chunk_writer_set_cold). */
typedef enum TsdbColdChoice
{
	TSDB_COLD_BY_AGE,			/* those whose newest row is older than tsdb_am.cold_after */
	TSDB_COLD_NONE,
	TSDB_COLD_ALL
} TsdbColdChoice;

/*
 * Chunks to fewer, larger, sorted ones without dead rows; chunks that others use are left as they are.
 * Returns chunks written.
 */
extern int64 tsdb_mover_recompress(Relation rel, TsdbColdChoice cold);
/* All chunks that a new snapshot sees to row store; waits for those in use.  Returns rows moved. */
extern int64 tsdb_mover_decompress(Relation rel);

/* Was the row at this TID moved to a chunk?  t_ctid as heapam reports it (tmfd->ctid). */
#define tsdb_ctid_is_moved(ctid) \
	(ItemPointerGetOffsetNumberNoCheck(ctid) >= 2049 && ItemPointerGetOffsetNumberNoCheck(ctid) < 0xFFFD)

/*
 * The chunk row that such a tuple became: its virtual TID.  xmax: the tuple's (tmfd->xmax), which must not have aborted.
 * Finds it for callers who hold a snapshot taken before the move committed, even if the chunk has been merged since
 * (then the directory entry is deleted, which the caller must look at).  False: nobody needs that version any more.
 */
extern bool tsdb_mover_find_moved(Relation rel, ItemPointer ctid, TransactionId xmax, ItemPointer new_tid);

#endif							/* TSDB_MOVER_H */
