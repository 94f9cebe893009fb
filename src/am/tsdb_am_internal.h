/*-------------------------------------------------------------------------
 * tsdb_am_internal.h
 *	  Shared inside am/: the access method's parts.  Others use tsdb_handler.h.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_AM_INTERNAL_H
#define TSDB_AM_INTERNAL_H

#include "compat.h"

#include "access/tableam.h"
#include "am/tsdb_handler.h"
#include "am/tsdb_slot.h"
#include "chunk/chunk_reader.h"

/* heapam's routine: the row store */
#define TSDB_HEAPAM (GetHeapamTableAmRoutine())

/*--- chunk_scan.c: the chunk half of scans ---*/

/*
 * Walks the rows of all chunks that a snapshot sees, in either direction, or fetches single
 * rows by virtual TID.  Opens the chunk store when first needed.  Lives in the context current at begin.
 */
typedef struct TsdbChunkCursor TsdbChunkCursor;

extern TsdbChunkCursor *tsdb_cursor_begin(Relation rel, Snapshot snapshot);
extern void tsdb_cursor_end(TsdbChunkCursor *cursor);
/* Back to the start; the directory is read again. */
extern void tsdb_cursor_rescan(TsdbChunkCursor *cursor);
/* Next row comes as if the walk had ended (for backward scans). */
extern void tsdb_cursor_to_end(TsdbChunkCursor *cursor);
/* Only rows with min <= TID <= max. */
extern void tsdb_cursor_set_range(TsdbChunkCursor *cursor, ItemPointer mintid, ItemPointer maxtid);
/* Chunks are shared out by change number: *next is the next one to take, last the highest. */
extern void tsdb_cursor_set_parallel(TsdbChunkCursor *cursor, pg_atomic_uint64 *next, uint64 last);
/* Next live row in this direction into slot; false at the end (slot untouched). */
extern bool tsdb_cursor_next(TsdbChunkCursor *cursor, ScanDirection direction, TupleTableSlot *slot);
/* Row of a virtual TID if the snapshot sees it; *slot is untouched otherwise. */
extern bool tsdb_cursor_fetch(TsdbChunkCursor *cursor, ItemPointer tid, Snapshot snapshot, TupleTableSlot *slot);
/* Does the snapshot see this row? */
extern bool tsdb_cursor_row_visible(TsdbChunkCursor *cursor, ItemPointer tid, Snapshot snapshot);
/* Store (NULL: no TOAST relation) and directory as the walk's snapshot sees it; both are the cursor's. */
extern TsdbStore *tsdb_cursor_store(TsdbChunkCursor *cursor);
extern TsdbDirEntry *tsdb_cursor_entries(TsdbChunkCursor *cursor, int *nentries);
/* For a parallel walk: takes the next entry that is this process's to read; NULL at the end. */
extern TsdbDirEntry *tsdb_cursor_take_entry(TsdbChunkCursor *cursor);
/* Counts the directory's changes from now on, not from when the walk reads it. */
extern void tsdb_cursor_note_changes(TsdbChunkCursor *cursor);
/* Has the directory changed since the walk read it, or its changes were noted? */
extern bool tsdb_cursor_changed(TsdbChunkCursor *cursor);
/* Current count of directory changes of a table, 0 = no chunk store. */
extern uint32 tsdb_directory_changes(Relation rel);

/*--- tsdb_handler.c ---*/
/* Parts of our scan descriptor: heapam's scan, and the cursor over chunks. */
extern TableScanDesc tsdb_scan_heap(TableScanDesc scan);
extern TsdbChunkCursor *tsdb_scan_cursor(TableScanDesc scan);
/* Of a parallel scan: change number of the next chunk to take; NULL: it is a serial one. */
extern pg_atomic_uint64 *tsdb_scan_next_change(TableScanDesc scan);

/* For serializable readers of a row-store version: locks the table if that row has moved since their snapshot. */
extern void tsdb_lock_moved_row(Relation rel, Snapshot snapshot, TupleTableSlot *inner);

/*--- sample_scan.c: TABLESAMPLE and ANALYZE ---*/
typedef struct TsdbSampleState TsdbSampleState;
extern bool tsdb_scan_sample_next_block(TableScanDesc scan, struct SampleScanState *scanstate);
extern bool tsdb_scan_sample_next_tuple(TableScanDesc scan, struct SampleScanState *scanstate, TupleTableSlot *slot);
extern bool tsdb_scan_analyze_next_block(TableScanDesc scan, ANALYZE_BLOCK_PARAMETERS);
extern bool tsdb_scan_analyze_next_tuple(TableScanDesc scan, TransactionId OldestXmin,
										 double *liverows, double *deadrows, TupleTableSlot *slot);

/* Our scan descriptor. */
typedef struct TsdbScanDescData
{
	TableScanDescData base;
	TableScanDesc heap;			/* scan of the row store */
	TsdbChunkCursor *chunks;
	bool		started;		/* a row was asked for since (re)scan */
	bool		in_chunks;		/* forward: row store is done */
	/* bitmap_rows.c: the block being returned, if it is virtual */
	bool		bitmap_virtual;
#ifdef AM_READS_BITMAP
	TBMIterateResult bitmap_page;
	OffsetNumber bitmap_offsets[TSDB_VBLOCK_ROWS];
	int			bitmap_noffsets;	/* -1: the whole block */
#else
	struct TBMIterateResult *bitmap_page;
#endif
	int			bitmap_index;
	/* TABLESAMPLE, ANALYZE */
	TsdbSampleState *sample;
} TsdbScanDescData;

typedef TsdbScanDescData *TsdbScanDesc;

/*--- bitmap_rows.c: rows of a bitmap's blocks ---*/
#ifdef AM_READS_BITMAP
/* Once heapam's scan is begun: its blocks are read from a stream of ours. */
extern void tsdb_scan_bitmap_begin(TsdbScanDesc scan);
extern bool tsdb_scan_bitmap_next_tuple(TableScanDesc sscan, TupleTableSlot *slot, bool *recheck,
										uint64 *lossy_pages, uint64 *exact_pages);
#else
extern bool tsdb_scan_bitmap_next_block(TableScanDesc sscan, struct TBMIterateResult *tbmres);
extern bool tsdb_scan_bitmap_next_tuple(TableScanDesc sscan, struct TBMIterateResult *tbmres, TupleTableSlot *slot);
#endif

/*--- index_build.c ---*/
extern double tsdb_index_build_range_scan(Relation heapRelation, Relation indexRelation, struct IndexInfo *indexInfo,
										  bool allow_sync, bool anyvisible, bool progress,
										  BlockNumber start_blockno, BlockNumber numblocks,
										  IndexBuildCallback callback, void *callback_state, TableScanDesc scan);
extern void tsdb_index_validate_scan(Relation heapRelation, Relation indexRelation, struct IndexInfo *indexInfo,
									 Snapshot snapshot, struct ValidateIndexState *state);

/*--- rewrite.c: VACUUM FULL and CLUSTER ---*/
extern void tsdb_relation_copy_for_cluster(Relation OldHeap, Relation NewHeap, Relation OldIndex, bool use_sort,
										   TransactionId OldestXmin, TransactionId *xid_cutoff,
										   MultiXactId *multi_cutoff, double *num_tuples,
										   double *tups_vacuumed, double *tups_recently_dead);

/*--- tsdb_vacuum.c ---*/
extern void tsdb_relation_vacuum(Relation rel, struct VacuumParams *params, BufferAccessStrategy bstrategy);

#endif							/* TSDB_AM_INTERNAL_H */
