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
#include "utils/snapshot.h"

/*
 * Row store to chunks: all settled rows (committed, not locked, not ours; in REPEATABLE READ and above: seen by the
 * transaction's snapshot).  Returns rows moved.
 */
extern int64 tsdb_mover_compress(Relation rel);

/*
 * One step of it, for workers: at most one chunk, and at most 1 GB of pages looked at, of which those that vacuum has left empty are not read.
 * It never waits for another mover.  A transaction should take one step only: a second one leaves alone the blocks that the first took rows from.
 */
typedef struct TsdbCompressStep
{
	/* in */
	TransactionId before;		/* rows whose inserting xid is not older stay where they are; Invalid = no such limit */
	uint32		min_rows;		/* nothing is moved if fewer settled rows than this are found in the range looked at */
	/* in and out */
	BlockNumber next_block;		/* where to look next; 0 for the first step */
	/* out */
	bool		busy;			/* another mover is at work: nothing was looked at, "done" is true */
	bool		done;			/* the end of the main fork was reached */
	int64		rows;			/* moved */
	uint64		xid;			/* by whom, 64 bits, if any were: their old versions can be removed when it is older than every snapshot */
	int64		bytes;			/* compressed bytes written */
	int64		waiting;		/* settled rows seen and left (too young, too few) */
} TsdbCompressStep;

extern void tsdb_mover_compress_step(Relation rel, TsdbCompressStep *step);

/*
 * How many rows of the row store does the snapshot see?  Exact if it has few pages that are not empty, else from some pages.
 */
extern int64 tsdb_mover_row_store_rows(Relation rel, Snapshot snapshot);
/* The same for a snapshot of this moment: rows that wait to be compressed, those that can't be (too long, in use) included. */
extern int64 tsdb_mover_row_store_waiting(Relation rel);

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

/*
 * One step of merging, for workers: one group of chunks becomes larger, sorted ones.  Which groups are worth it: README.md, "Levels".
 * It never waits for another mover, nor for a chunk that is in use.
 */
typedef struct TsdbMergeStep
{
	/* in */
	TsdbColdChoice cold;		/* BY_AGE makes chunks cold, never hot again */
	bool		force;			/* take small chunks though they don't fill one yet, and spare no table for its indexes */
	bool		spare_read;		/* BY_AGE leaves alone what is read tsdb_am.cold_reads times a day or more */
	/* out */
	bool		busy;			/* another mover is at work: nothing was looked at */
	int			chunks_read;
	int			chunks_written;
	int64		rows;			/* written */
	int64		bytes_read;		/* compressed bytes of the chunks that were replaced */
	int64		bytes_written;
} TsdbMergeStep;

/* False: nothing was worth it.  Calls end with that after finitely many if nobody changes the table. */
extern bool tsdb_mover_merge_step(Relation rel, TsdbMergeStep *step);

/* Steps until nothing is worth it, all in the current transaction; waits for other movers.  Returns chunks written. */
extern int64 tsdb_mover_merge(Relation rel, TsdbColdChoice cold, bool force);

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
