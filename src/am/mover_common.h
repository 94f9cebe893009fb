/*-------------------------------------------------------------------------
 * mover_common.h
 *	  What compress, recompress and decompress share: set-up, index entries, sorted chunks.
 *
 * Inside am/: mover_compress.c, mover_merge.c and mover_decompress.c.  Others use mover.h.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_MOVER_COMMON_H
#define TSDB_MOVER_COMMON_H

#include "am/mover.h"
#include "am/row_indexer.h"
#include "chunk/chunk_reader.h"
#include "chunk/chunk_writer.h"
#include "options/table_options.h"

/* One run of a mover.  Lives in its own context "cxt", which goes at the end. */
typedef struct TsdbMover
{
	Relation	rel;
	TsdbStore  *store;
	CommandId	cid;			/* stamps all that the run writes */

	/*
	 * REPEATABLE READ and above: the transaction's snapshot, else NULL.  What it does not see must not be moved, since
	 * moved rows are ours and would appear to it.
	 */
	Snapshot	xact_snapshot;
	MemoryContext cxt;
	MemoryContext row_cxt;		/* reset for each row or small batch */
	TsdbTableOptions options;

	/* rows on their way into chunks; made by tsdb_mover_gather_begin, in a context that may outlive the run */
	MemoryContext gather_cxt;
	bool		keep_gather;
	MemoryContextCallback gather_callback;
	TsdbColumnBuffer *buf;
	TsdbChunkWriter *writer;
	uint32	   *perm;			/* [perm_size] */
	uint32		perm_size;

	/* forwards of replaced chunks, to be deleted at the end: their tuples' TIDs */
	ItemPointerData *forwards;
	Size		nforwards;
	Size		forwards_size;

	/* index entries; made by tsdb_mover_begin */
	TsdbRowIndexer indexer;
	TupleTableSlot *slot;		/* virtual; shows the row whose entries are made */

	/* restored at the end */
	MemoryContext old_cxt;
	Oid			save_userid;
	int			save_sec_context;
	int			save_nestlevel;
} TsdbMover;

/*
 * Starts a run: refuses read-only transactions, puts pending loaded rows into the stores, takes the
 * maintenance lock (wait: false = NULL, and nothing done, if another mover has it), takes the table owner's identity (index expressions may run anybody's
 * functions), opens store and indexes, and makes a snapshot taken after the lock active:
 * it keeps TOAST values and chunks that the run reads from being vacuumed.
 * Ends with the run's context as the current one.  "command" is for the error message.
 */
extern TsdbMover *tsdb_mover_begin(Relation rel, const char *command, bool wait);

/*
 * Ends it: promotes predicate locks of the moved rows, makes the run's work visible to the next command,
 * gives identity, snapshot and memory back.  The maintenance lock stays to transaction end.
 */
extern void tsdb_mover_end(TsdbMover *mover);

/*
 * Judges a chunk whose lock was just taken, with a snapshot of this moment, which becomes the run's and is
 * returned: rows and tombstones are to be read with it.  NULL: the chunk is not there (any more).
 */
extern Snapshot tsdb_mover_look_at_chunk(TsdbMover *mover, TsdbDirEntry *entry);

/*
 * Are all of the chunk's deleted rows deleted for the run (and for the transaction's snapshot in REPEATABLE READ and above)?
 * Rows that the calling statement itself deletes are not: they would come back.
 */
extern bool tsdb_mover_sees_tombstones(TsdbMover *mover, const TsdbDirEntry *entry);

/*
 * Deletes a chunk whose rows were written elsewhere, leaving forwards: new_tids[entry->d.nrows], invalid = the row was
 * dead.
 */
extern void tsdb_mover_replace_chunk(TsdbMover *mover, const TsdbDirEntry *entry, const ItemPointerData *new_tids);

/*
 * Makes the column buffer, the writer and perm.  keep: for one of many short runs, one after another: takes those of the last
 * run of this backend, if they fit the table, and leaves them for the next one (getting 10 MB anew costs a tenth of a step).
 */
extern void tsdb_mover_gather_begin(TsdbMover *mover, bool keep);
/* Bytes of gathered rows above which they should become chunks. */
extern Size tsdb_mover_gather_limit(void);

/*
 * Sorts the gathered rows into mover->perm (after choosing series from them, where
 * nothing says what they are) and returns the number of series.
 */
extern uint32 tsdb_mover_sort(TsdbMover *mover, TsdbTableOptions *options);

/* Distinct series among perm[0 .. nrows-1], which are sorted by series. */
extern uint32 tsdb_mover_count_series(TsdbMover *mover, const TsdbTableOptions *options,
									  const uint32 *perm, uint32 nrows);

/*
 * Inserts entries for rows of a chunk that was just written: row i is gathered row
 * perm[i].  skip: bitmap over chunk rows that get none, or NULL.
 */
extern void tsdb_mover_index_chunk(TsdbMover *mover, const TsdbDirEntry *entry, const uint32 *perm,
								   const uint64 *skip);

/* Rows whose time is in [from, before); NULLs come last. */
typedef struct TsdbMoverRange
{
	AttrNumber	time_attnum;
	bool		has_from;
	bool		has_before;
	int64		from;
	int64		before;
} TsdbMoverRange;

/*
 * Hands each row of a chunk that the snapshot sees, and that is in the range (NULL: all), to "take", decoded; values are valid
 * during the call.  Returns their number.
 */
typedef void (*TsdbMoverTakeRow) (TsdbMover *mover, uint32 row, Datum *values, bool *isnull, void *arg);
extern int64 tsdb_mover_read_chunk(TsdbMover *mover, const TsdbDirEntry *entry, Snapshot snapshot,
								   const TsdbMoverRange *range, TsdbMoverTakeRow take, void *arg);

/* Every "step"th time that is not NULL of those rows, into times; returns how many: at most nrows / step + 1. */
extern uint32 tsdb_mover_sample_times(TsdbMover *mover, const TsdbDirEntry *entry, Snapshot snapshot,
									  AttrNumber time_attnum, uint32 step, int64 *times);

/*
 * Puts a row into the row store, unseen by logical decoding; TOASTs as heap does and inserts index entries.  Returns its
 * TID.
 */
extern ItemPointerData tsdb_mover_insert_heap_row(TsdbMover *mover, Datum *values, bool *isnull,
									   BulkInsertState bistate);

/*
 * Statistics: "dead" versions were left behind, and heapam has counted "inserted" rows that are not new.  A move is neither
 * insert nor delete; that there is something to vacuum holds whether it commits or aborts.
 */
extern void tsdb_mover_count(TsdbMover *mover, int64 inserted, int64 dead);

#endif							/* TSDB_MOVER_COMMON_H */
