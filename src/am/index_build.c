/*-------------------------------------------------------------------------
 * index_build.c
 *	  Feeds the rows of both stores to an index build or its validation.
 *
 * The row store's half is heapam's code (heapam_handler.c), but for two things: heap_getnext refuses
 * a relation of another access method, so that tuples come by heap_getnextslot; and the scan
 * handed in by a parallel build is ours, heapam's is inside.  HOT chains are indexed under their root's
 * TID, as there.
 *
 * The chunk store's half goes by directory entries: all rows of a chunk share the
 * fate of its entry's tuple.  A chunk is indexed under the same rules as a heap
 * tuple: live and in-progress ones by their status, recently deleted ones too, since older snapshots may
 * use the index, but without a uniqueness check; and so is each row with a tombstone.  A chunk has no HOT chains: a row's
 * values never change under its TID.  Only the columns that the index needs are decoded.
 *
 * Order: row store, then chunks by rising virtual block; validation relies on it, for TIDs come
 * sorted and virtual ones are above all others.  In a parallel build each chunk is taken by one process.
 *
 * BRIN gets the row store only: it keeps ranges of main-fork blocks.
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/multixact.h"
#include "access/relscan.h"
#include "access/sysattr.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "access/xact.h"
#include "am/tsdb_am_internal.h"
#include "chunk/tombstone.h"
#include "catalog/index.h"
#include "catalog/pg_am_d.h"
#include "commands/progress.h"
#include "executor/executor.h"
#include "injection.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "optimizer/optimizer.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "storage/procarray.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/tuplesort.h"

/* What both halves of a build share. */
typedef struct IndexBuild
{
	Relation	heapRelation;
	Relation	indexRelation;
	IndexInfo  *indexInfo;
	EState	   *estate;
	ExprContext *econtext;
	ExprState  *predicate;		/* of a partial index, else NULL */
	Datum		values[INDEX_MAX_KEYS];
	bool		isnull[INDEX_MAX_KEYS];
} IndexBuild;

/* Chunk half of a build. */
typedef struct ChunkRows
{
	TupleTableSlot *slot;		/* virtual; columns that the index does not need stay NULL */
	AttrNumber *attnums;		/* columns that it needs */
	int			nattnums;
	MemoryContext cxt;			/* chunks and vectors */
	TsdbVectorSet *set;			/* reused from vector to vector */
} ChunkRows;

static void
begin_build(IndexBuild *build, Relation heapRelation, Relation indexRelation, IndexInfo *indexInfo)
{
	Assert(OidIsValid(indexRelation->rd_rel->relam));

	build->heapRelation = heapRelation;
	build->indexRelation = indexRelation;
	build->indexInfo = indexInfo;

	/* for index expressions and the predicate of a partial index */
	build->estate = CreateExecutorState();
	build->econtext = GetPerTupleExprContext(build->estate);
	build->predicate = ExecPrepareQual(indexInfo->ii_Predicate, build->estate);
}

static void
end_build(IndexBuild *build)
{
	FreeExecutorState(build->estate);

	/* these may have pointed into the now-gone estate */
	build->indexInfo->ii_ExpressionsState = NIL;
	build->indexInfo->ii_PredicateState = NULL;
}

/* Computes the index columns of the row in slot; false if the predicate keeps it out. */
static inline bool
form_index_row(IndexBuild *build, TupleTableSlot *slot)
{
	build->econtext->ecxt_scantuple = slot;
	if (build->predicate != NULL && !ExecQual(build->predicate, build->econtext))
		return false;
	FormIndexDatum(build->indexInfo, slot, build->estate, build->values, build->isnull);
	return true;
}

/* ------------------------------------------------------------------------
 * Rows of chunks
 * ------------------------------------------------------------------------
 */

static void
begin_chunk_rows(ChunkRows *rows, IndexBuild *build)
{
	TupleDesc	tupdesc = RelationGetDescr(build->heapRelation);
	IndexInfo  *info = build->indexInfo;
	Bitmapset  *attrs = NULL;
	bool		whole_row;
	int			i;

	for (i = 0; i < info->ii_NumIndexAttrs; i++)
	{
		if (info->ii_IndexAttrNumbers[i] != 0)
			attrs = bms_add_member(attrs, info->ii_IndexAttrNumbers[i] - FirstLowInvalidHeapAttributeNumber);
	}
	pull_varattnos((Node *) info->ii_Expressions, 1, &attrs);
	pull_varattnos((Node *) info->ii_Predicate, 1, &attrs);
	whole_row = bms_is_member(InvalidAttrNumber - FirstLowInvalidHeapAttributeNumber, attrs);

	rows->attnums = palloc(sizeof(AttrNumber) * tupdesc->natts);
	rows->nattnums = 0;
	for (i = 1; i <= tupdesc->natts; i++)
	{
		if (TupleDescAttr(tupdesc, i - 1)->attisdropped)
			continue;
		if (whole_row || bms_is_member(i - FirstLowInvalidHeapAttributeNumber, attrs))
			rows->attnums[rows->nattnums++] = i;
	}
	bms_free(attrs);

	rows->slot = MakeSingleTupleTableSlot(tupdesc, &TTSOpsVirtual);
	memset(rows->slot->tts_isnull, true, sizeof(bool) * tupdesc->natts);
	rows->cxt = AllocSetContextCreate(CurrentMemoryContext, "tsdb index build", ALLOCSET_DEFAULT_SIZES);
	rows->set = NULL;
}

static void
end_chunk_rows(ChunkRows *rows)
{
	Assert(rows->set == NULL);
	ExecDropSingleTupleTableSlot(rows->slot);
	pfree(rows->attnums);
	MemoryContextDelete(rows->cxt);
}

/* Makes vector the current one, columns decoded. */
static void
load_vector(ChunkRows *rows, TsdbChunk *chunk, uint32 vector)
{
	int			i;

	rows->set = tsdb_vector_set(chunk, vector, rows->set, rows->cxt);
	for (i = 0; i < rows->nattnums; i++)
		tsdb_vector_decode(rows->set, rows->attnums[i]);
}

static void
close_vectors(ChunkRows *rows)
{
	ExecClearTuple(rows->slot);
	if (rows->set != NULL)
		tsdb_vector_set_release(rows->set);
	rows->set = NULL;
}

/* Shows a row of the current vector; its values live as long as the vector is current. */
static inline void
show_row(ChunkRows *rows, uint32 row_in_vector, ItemPointer tid)
{
	TupleTableSlot *slot = rows->slot;
	int			i;

	/* ExecClearTuple leaves values and nulls alone: the other columns stay NULL */
	ExecClearTuple(slot);
	for (i = 0; i < rows->nattnums; i++)
	{
		int			att = rows->attnums[i] - 1;

		slot->tts_values[att] = rows->set->columns[att].values[row_in_vector];
		slot->tts_isnull[att] = rows->set->columns[att].isnull[row_in_vector];
	}
	ExecStoreVirtualTuple(slot);
	slot->tts_tid = *tid;
}

/*
 * Is this chunk to be indexed by a SnapshotAny build?  *alive: are its rows subject to uniqueness
 * checks; *count: do they count in reltuples.  The rules are those of build_row_store, see there.
 */
static bool
judge_entry(IndexBuild *build, TsdbStore *store, TsdbDirEntry *entry, TransactionId OldestXmin,
			bool *alive, bool *count)
{
	bool		checking_uniqueness = (build->indexInfo->ii_Unique ||
									   build->indexInfo->ii_ExclusionOps != NULL);

	for (;;)
	{
		TransactionId xwait;

		/* refreshes xmin and xmax */
		if (!tsdb_directory_visible(store, entry, SnapshotAny))
			return false;
		switch (tsdb_directory_status(store, entry, OldestXmin))
		{
			case HEAPTUPLE_DEAD:
				return false;
			case HEAPTUPLE_LIVE:
				*alive = true;
				*count = true;
				return true;
			case HEAPTUPLE_RECENTLY_DEAD:
				*alive = false;
				*count = false;
				return true;
			case HEAPTUPLE_INSERT_IN_PROGRESS:
				*alive = true;
				xwait = entry->xmin;
				*count = TransactionIdIsCurrentTransactionId(xwait);
				if (*count)
					return true;
				elog(WARNING, "concurrent insert in progress within table \"%s\"",
					 RelationGetRelationName(build->heapRelation));
				break;
			case HEAPTUPLE_DELETE_IN_PROGRESS:
				*alive = false;
				xwait = entry->xmax;
				*count = !TransactionIdIsCurrentTransactionId(xwait);
				if (!*count)
					return true;
				elog(WARNING, "concurrent delete in progress within table \"%s\"",
					 RelationGetRelationName(build->heapRelation));
				break;
			default:
				elog(ERROR, "unexpected HeapTupleSatisfiesVacuum result");
				return false;
		}

		/* somebody else's: the table lock should have kept it away */
		if (!checking_uniqueness)
			return true;
		XactLockTableWait(xwait, store->toastrel, &entry->tid, XLTW_InsertIndexUnique);
		CHECK_FOR_INTERRUPTS();
	}
}

/* Pages of a chunk, for progress reports. */
static inline BlockNumber
entry_pages(const TsdbDirEntry *entry)
{
	return (BlockNumber) (entry->d.stored_bytes / BLCKSZ + 1);
}

/* Hands the rows of a chunk to the index; returns how many live ones. */
static double
build_chunk(IndexBuild *build, TsdbStore *store, TsdbDirEntry *entry, ChunkRows *rows,
			Snapshot snapshot, TransactionId OldestXmin,
			IndexBuildCallback callback, void *callback_state)
{
	TsdbChunk  *chunk;
	bool		alive = true;
	bool		count = true;
	uint64	   *dead = NULL;	/* SnapshotAny: rows that nobody sees */
	uint64	   *dying = NULL;	/* and those that somebody may still see */
	uint32		vector;
	double		nlive = 0;

	if (snapshot == SnapshotAny)
	{
		Size		size = tsdb_row_bits_words(entry->d.nrows) * sizeof(uint64);

		if (!judge_entry(build, store, entry, OldestXmin, &alive, &count))
			return 0;
		TSDB_INJECT("build-judged");
		dead = palloc0(size);
		dying = palloc0(size);
		tsdb_tombstones_judge(store, entry, OldestXmin, dead, dying);
		chunk = tsdb_chunk_open_bare(store, entry, RelationGetDescr(build->heapRelation), snapshot, rows->cxt);
	}
	else
		chunk = tsdb_chunk_open(store, entry, RelationGetDescr(build->heapRelation), snapshot, rows->cxt);
	for (vector = 0; vector < chunk->nvectors; vector++)
	{
		uint32		i;

		CHECK_FOR_INTERRUPTS();
		load_vector(rows, chunk, vector);
		for (i = 0; i < rows->set->nrows; i++)
		{
			uint32		row = vector * TSDB_VECTOR_ROWS + i;
			bool		row_alive = alive;
			ItemPointerData tid;

			if (dead != NULL ? tsdb_row_bits_test(dead, row) : tsdb_row_is_dead(chunk, row))
				continue;
			if (dying != NULL && tsdb_row_bits_test(dying, row))
				row_alive = false;
			else
				nlive += 1;
			tsdb_row_tid(entry->d.first_vblock, row, &tid);
			MemoryContextReset(build->econtext->ecxt_per_tuple_memory);
			show_row(rows, i, &tid);
			if (form_index_row(build, rows->slot))
				callback(build->indexRelation, &tid, build->values, build->isnull,
						 row_alive, callback_state);
		}
	}
	close_vectors(rows);
	tsdb_chunk_release(chunk);
	if (dead != NULL)
	{
		pfree(dead);
		pfree(dying);
	}
	return count ? nlive : 0;
}

/* Hands the rows of all chunks (that are this process's to read) to the index; returns how many live ones. */
static double
build_chunks(IndexBuild *build, TsdbChunkCursor *cursor, Snapshot snapshot, TransactionId OldestXmin,
			 bool parallel, bool progress, BlockNumber blocks_before,
			 IndexBuildCallback callback, void *callback_state)
{
	TsdbStore  *store = tsdb_cursor_store(cursor);
	TsdbDirEntry *entries;
	TsdbDirEntry *entry;
	int			nentries;
	int			ndone = 0;
	BlockNumber blocks_done = blocks_before;
	double		reltuples = 0;
	ChunkRows	rows;

	entries = tsdb_cursor_entries(cursor, &nentries);
	if (nentries == 0)
		return 0;

	begin_chunk_rows(&rows, build);
	while ((entry = tsdb_cursor_take_entry(cursor)) != NULL)
	{
		TsdbDirEntry *first = entry;
		TsdbDirEntry *last = entry;

		CHECK_FOR_INTERRUPTS();

		/*
		 * Processes share out change numbers.  A number can have more than one entry, all but one of them
		 * of failed transactions: they are neighbours.
		 */
		if (parallel)
		{
			while (first > entries && first[-1].change == entry->change)
				first--;
			while (last + 1 < entries + nentries && last[1].change == entry->change)
				last++;
		}
		for (entry = first; entry <= last; entry++)
			reltuples += build_chunk(build, store, entry, &rows, snapshot, OldestXmin,
									 callback, callback_state);
		TSDB_INJECT("build-chunk");

		if (progress)
		{
			/* in a parallel build, chunks before ours are done or nearly so */
			while (ndone <= last - entries)
				blocks_done += entry_pages(&entries[ndone++]);
			pgstat_progress_update_param(PROGRESS_SCAN_BLOCKS_DONE, blocks_done);
		}
	}
	end_chunk_rows(&rows);
	return reltuples;
}

/* ------------------------------------------------------------------------
 * Rows of the row store
 * ------------------------------------------------------------------------
 */

/* after heapam_handler.c: heapam_scan_get_blocks_done() */
static BlockNumber
scan_get_blocks_done(HeapScanDesc hscan)
{
	BlockNumber startblock;

	if (hscan->rs_base.rs_parallel != NULL)
		startblock = ((ParallelBlockTableScanDesc) hscan->rs_base.rs_parallel)->phs_startblock;
	else
		startblock = hscan->rs_startblock;

	/* the scan might have wrapped around */
	if (hscan->rs_cblock > startblock)
		return hscan->rs_cblock - startblock;
	return hscan->rs_nblocks - startblock + hscan->rs_cblock;
}

/* Reads the root offsets of a page's HOT chains. */
static void
read_root_offsets(Buffer buffer, OffsetNumber *root_offsets)
{
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	heap_get_root_tuples(BufferGetPage(buffer), root_offsets);
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);
}

static void
report_no_root(Relation rel, ItemPointer tid)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg_internal("failed to find parent tuple for heap-only tuple at (%u,%u) in table \"%s\"",
							 ItemPointerGetBlockNumber(tid),
							 ItemPointerGetOffsetNumber(tid),
							 RelationGetRelationName(rel))));
}

/*
 * Hands the row store's rows to the index; returns how many live ones.
 * After heapam_handler.c: heapam_index_build_range_scan(), where the reasons are told at length.
 */
static double
build_row_store(IndexBuild *build, HeapScanDesc hscan, Snapshot snapshot, TransactionId OldestXmin,
				bool anyvisible, bool progress, IndexBuildCallback callback, void *callback_state)
{
	Relation	rel = build->heapRelation;
	IndexInfo  *indexInfo = build->indexInfo;
	bool		checking_uniqueness = (indexInfo->ii_Unique ||
									   indexInfo->ii_ExclusionOps != NULL);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(rel), &TTSOpsBufferHeapTuple);
	HeapTuple	tuple = &hscan->rs_ctup;
	BlockNumber previous_blkno = InvalidBlockNumber;
	BlockNumber root_blkno = InvalidBlockNumber;
	OffsetNumber root_offsets[MaxHeapTuplesPerPage];
	double		reltuples = 0;

	while (heap_getnextslot(&hscan->rs_base, ForwardScanDirection, slot))
	{
		bool		alive;

		CHECK_FOR_INTERRUPTS();

		if (progress)
		{
			BlockNumber blocks_done = scan_get_blocks_done(hscan);

			if (blocks_done != previous_blkno)
			{
				pgstat_progress_update_param(PROGRESS_SCAN_BLOCKS_DONE, blocks_done);
				previous_blkno = blocks_done;
			}
		}

		/*
		 * The live tuple of a HOT chain is indexed under the TID of the chain's root: map the
		 * page's chains.  The pin that the slot keeps on the page holds off pruning;
		 * HOT tuples that appear later (no ShareLock in concurrent builds) make us map again below.
		 */
		if (hscan->rs_cblock != root_blkno)
		{
			read_root_offsets(hscan->rs_cbuf, root_offsets);
			root_blkno = hscan->rs_cblock;
		}

		if (snapshot == SnapshotAny)
		{
			bool		index_it;
			TransactionId xwait;

	recheck:
			LockBuffer(hscan->rs_cbuf, BUFFER_LOCK_SHARE);

			/* what counts as live must match ANALYZE */
			switch (HeapTupleSatisfiesVacuum(tuple, OldestXmin, hscan->rs_cbuf))
			{
				case HEAPTUPLE_DEAD:
					index_it = false;
					alive = false;
					break;
				case HEAPTUPLE_LIVE:
					index_it = true;
					alive = true;
					reltuples += 1;
					break;
				case HEAPTUPLE_RECENTLY_DEAD:

					/*
					 * Older snapshots may see it through the index.  In a HOT chain only
					 * the live end can be indexed, which makes the index unusable for them.
					 */
					if (HeapTupleIsHotUpdated(tuple))
					{
						index_it = false;
						indexInfo->ii_BrokenHotChain = true;
					}
					else
						index_it = true;
					alive = false;
					break;
				case HEAPTUPLE_INSERT_IN_PROGRESS:
					if (anyvisible)
					{
						index_it = true;
						alive = true;
						reltuples += 1;
						break;
					}

					/* normally our own, given the lock on the table */
					xwait = HeapTupleHeaderGetXmin(tuple->t_data);
					if (!TransactionIdIsCurrentTransactionId(xwait))
					{
						elog(WARNING, "concurrent insert in progress within table \"%s\"",
							 RelationGetRelationName(rel));
						if (checking_uniqueness)
						{
							/* it could be a duplicate, or nothing at all */
							LockBuffer(hscan->rs_cbuf, BUFFER_LOCK_UNLOCK);
							XactLockTableWait(xwait, rel, &tuple->t_self, XLTW_InsertIndexUnique);
							CHECK_FOR_INTERRUPTS();
							goto recheck;
						}
					}
					else
						reltuples += 1;
					index_it = true;
					alive = true;
					break;
				case HEAPTUPLE_DELETE_IN_PROGRESS:
					if (anyvisible)
					{
						index_it = true;
						alive = false;
						reltuples += 1;
						break;
					}

					xwait = HeapTupleHeaderGetUpdateXid(tuple->t_data);
					if (!TransactionIdIsCurrentTransactionId(xwait))
					{
						elog(WARNING, "concurrent delete in progress within table \"%s\"",
							 RelationGetRelationName(rel));
						if (checking_uniqueness || HeapTupleIsHotUpdated(tuple))
						{
							/* how that ends decides whether this tuple or the chain's end counts */
							LockBuffer(hscan->rs_cbuf, BUFFER_LOCK_UNLOCK);
							XactLockTableWait(xwait, rel, &tuple->t_self, XLTW_InsertIndexUnique);
							CHECK_FOR_INTERRUPTS();
							goto recheck;
						}
						index_it = true;
						reltuples += 1;
					}
					else if (HeapTupleIsHotUpdated(tuple))
					{
						/* our deletion: as recently dead */
						index_it = false;
						indexInfo->ii_BrokenHotChain = true;
					}
					else
						index_it = true;
					alive = false;
					break;
				default:
					elog(ERROR, "unexpected HeapTupleSatisfiesVacuum result");
					index_it = alive = false;	/* keep compiler quiet */
					break;
			}

			LockBuffer(hscan->rs_cbuf, BUFFER_LOCK_UNLOCK);
			if (!index_it)
				continue;
		}
		else
		{
			/* the scan tested visibility */
			alive = true;
			reltuples += 1;
		}

		MemoryContextReset(build->econtext->ecxt_per_tuple_memory);
		if (!form_index_row(build, slot))
			continue;

		if (HeapTupleIsHeapOnly(tuple))
		{
			OffsetNumber offnum = ItemPointerGetOffsetNumber(&tuple->t_self);
			ItemPointerData tid;

			/* a root that came after we mapped the page */
			if (root_offsets[offnum - 1] == InvalidOffsetNumber)
				read_root_offsets(hscan->rs_cbuf, root_offsets);
			if (!OffsetNumberIsValid(root_offsets[offnum - 1]))
				report_no_root(rel, &tuple->t_self);

			ItemPointerSet(&tid, ItemPointerGetBlockNumber(&tuple->t_self), root_offsets[offnum - 1]);
			callback(build->indexRelation, &tid, build->values, build->isnull, alive, callback_state);
		}
		else
			callback(build->indexRelation, &tuple->t_self, build->values, build->isnull, alive,
					 callback_state);
	}

	ExecDropSingleTupleTableSlot(slot);
	return reltuples;
}

/* ------------------------------------------------------------------------
 * Callbacks
 * ------------------------------------------------------------------------
 */

double
tsdb_index_build_range_scan(Relation heapRelation, Relation indexRelation, IndexInfo *indexInfo,
							bool allow_sync, bool anyvisible, bool progress,
							BlockNumber start_blockno, BlockNumber numblocks,
							IndexBuildCallback callback, void *callback_state, TableScanDesc scan)
{
	bool		whole_table = (start_blockno == 0 && numblocks == InvalidBlockNumber && !anyvisible);
	bool		with_chunks = whole_table && indexRelation->rd_rel->relam != BRIN_AM_OID;
	HeapScanDesc hscan;
	Snapshot	snapshot;
	bool		need_unregister_snapshot = false;
	TransactionId OldestXmin = InvalidTransactionId;
	BlockNumber heap_blocks;
	BlockNumber all_blocks;
	IndexBuild	build;
	double		reltuples;

	/* "any visible" (summarising a BRIN range) can't be had together with uniqueness checks */
	Assert(!(anyvisible && (indexInfo->ii_Unique || indexInfo->ii_ExclusionOps != NULL)));

	/* said once: not again by REINDEX, VACUUM FULL and the like */
	if (whole_table && !with_chunks && !ReindexIsProcessingIndex(RelationGetRelid(indexRelation)))
		ereport(NOTICE,
				(errmsg("index \"%s\" will not be used by the planner",
						RelationGetRelationName(indexRelation)),
				 errdetail("BRIN indexes know nothing of compressed rows; the zone maps of a table of access method \"tsdb\" do their work.")));

	begin_build(&build, heapRelation, indexRelation, indexInfo);

	/*
	 * Autovacuum, and our workers, vacuum the chunk store by itself, which the lock on the table does not keep them from.  With a later horizon than
	 * ours one would remove chunks that we take for recently dead, under our eyes; so it waits, as copy_table_data() of cluster.c has it wait.
	 */
	if (with_chunks && !indexInfo->ii_Concurrent)
		LockRelationOid(heapRelation->rd_rel->reltoastrelid, ShareLock);

	/*
	 * A normal build uses SnapshotAny and does its own time qual checks, since recently dead
	 * rows must be indexed; a concurrent build an MVCC snapshot.  Both stores share one
	 * horizon: a TOAST relation's is its table's.
	 */
	if (!indexInfo->ii_Concurrent)
		OldestXmin = GetOldestNonRemovableTransactionId(heapRelation);

	if (scan == NULL)
	{
		if (!TransactionIdIsValid(OldestXmin))
		{
			snapshot = RegisterSnapshot(GetTransactionSnapshot());
			need_unregister_snapshot = true;
		}
		else
			snapshot = SnapshotAny;
		scan = table_beginscan_strat(heapRelation, snapshot, 0, NULL, true, allow_sync);
	}
	else
	{
		/* parallel build: the snapshot came with the scan */
		Assert(allow_sync);
		snapshot = scan->rs_snapshot;
	}
	hscan = (HeapScanDesc) tsdb_scan_heap(scan);

	Assert(snapshot == SnapshotAny || IsMVCCSnapshot(snapshot));
	Assert((snapshot == SnapshotAny) == TransactionIdIsValid(OldestXmin));
	Assert(snapshot == SnapshotAny || !anyvisible);

	if (hscan->rs_base.rs_parallel != NULL)
		heap_blocks = ((ParallelBlockTableScanDesc) hscan->rs_base.rs_parallel)->phs_nblocks;
	else
		heap_blocks = hscan->rs_nblocks;
	all_blocks = heap_blocks;
	if (progress)
	{
		if (with_chunks)
		{
			TsdbDirEntry *entries;
			int			nentries;
			int			i;

			entries = tsdb_cursor_entries(tsdb_scan_cursor(scan), &nentries);
			for (i = 0; i < nentries; i++)
				all_blocks += entry_pages(&entries[i]);
		}
		pgstat_progress_update_param(PROGRESS_SCAN_BLOCKS_TOTAL, all_blocks);
	}

	if (!allow_sync)
		heap_setscanlimits(&hscan->rs_base, start_blockno, numblocks);
	else
		Assert(start_blockno == 0 && numblocks == InvalidBlockNumber);

	reltuples = build_row_store(&build, hscan, snapshot, OldestXmin, anyvisible, progress,
								callback, callback_state);
	TSDB_INJECT("build-rows");
	if (with_chunks)
		reltuples += build_chunks(&build, tsdb_scan_cursor(scan), snapshot, OldestXmin,
								  hscan->rs_base.rs_parallel != NULL, progress, heap_blocks,
								  callback, callback_state);

	if (progress)
		pgstat_progress_update_param(PROGRESS_SCAN_BLOCKS_DONE, all_blocks);

	table_endscan(scan);
	if (need_unregister_snapshot)
		UnregisterSnapshot(snapshot);
	end_build(&build);
	return reltuples;
}

/* TIDs that the index has, sorted, as they are merged with those of the table. */
typedef struct IndexTids
{
	Tuplesortstate *tuplesort;
	bool		valid;			/* "current" holds one */
	bool		at_end;
	ItemPointerData current;
} IndexTids;

static void
next_index_tid(IndexTids *tids)
{
	Datum		value;
	bool		isnull;

	tids->valid = tuplesort_getdatum(tids->tuplesort, true, false, &value, &isnull, NULL);
	tids->at_end = !tids->valid;
	if (tids->valid)
	{
		Assert(!isnull);
		itemptr_decode(&tids->current, DatumGetInt64(value));
	}
}

/* Puts the row of build->values into the index. */
static void
insert_missing(IndexBuild *build, ItemPointer tid, ValidateIndexState *state)
{
	/*
	 * Uniqueness is checked even for a tuple that is dead by now: it stands for its HOT chain,
	 * which the index AM checks as a whole.
	 */
	index_insert(build->indexRelation, build->values, build->isnull, tid, build->heapRelation,
				 build->indexInfo->ii_Unique ? UNIQUE_CHECK_YES : UNIQUE_CHECK_NO,
				 false, build->indexInfo);
	state->tups_inserted += 1;
}

/* After heapam_handler.c: heapam_index_validate_scan(). */
static void
validate_row_store(IndexBuild *build, HeapScanDesc hscan, IndexTids *tids, ValidateIndexState *state)
{
	TupleTableSlot *slot = MakeSingleTupleTableSlot(RelationGetDescr(build->heapRelation),
													&TTSOpsBufferHeapTuple);
	HeapTuple	tuple = &hscan->rs_ctup;
	BlockNumber root_blkno = InvalidBlockNumber;
	OffsetNumber root_offsets[MaxHeapTuplesPerPage];
	bool		in_index[MaxHeapTuplesPerPage];

	while (heap_getnextslot(&hscan->rs_base, ForwardScanDirection, slot))
	{
		ItemPointerData root = tuple->t_self;
		OffsetNumber root_offnum = ItemPointerGetOffsetNumber(&root);

		CHECK_FOR_INTERRUPTS();
		state->htups += 1;

		/*
		 * Tuples come by their own offsets, the index has their chains' roots: on the current page we
		 * may have to look back, hence in_index[].
		 */
		if (hscan->rs_cblock != root_blkno)
		{
			read_root_offsets(hscan->rs_cbuf, root_offsets);
			memset(in_index, 0, sizeof(in_index));
			root_blkno = hscan->rs_cblock;
			pgstat_progress_update_param(PROGRESS_SCAN_BLOCKS_DONE, root_blkno);
		}

		if (HeapTupleIsHeapOnly(tuple))
		{
			root_offnum = root_offsets[root_offnum - 1];
			if (!OffsetNumberIsValid(root_offnum))
				report_no_root(build->heapRelation, &tuple->t_self);
			ItemPointerSetOffsetNumber(&root, root_offnum);
		}

		while (!tids->at_end &&
			   (!tids->valid || ItemPointerCompare(&tids->current, &root) < 0))
		{
			if (tids->valid && ItemPointerGetBlockNumber(&tids->current) == root_blkno)
				in_index[ItemPointerGetOffsetNumber(&tids->current) - 1] = true;
			next_index_tid(tids);
		}

		if ((tids->at_end || ItemPointerCompare(&tids->current, &root) > 0) &&
			!in_index[root_offnum - 1])
		{
			MemoryContextReset(build->econtext->ecxt_per_tuple_memory);
			if (form_index_row(build, slot))
				insert_missing(build, &root, state);
		}
	}
	ExecDropSingleTupleTableSlot(slot);
}

/* The merge goes on: virtual TIDs sort behind all others, and the row store has read up to one at most. */
static void
validate_chunks(IndexBuild *build, TsdbChunkCursor *cursor, Snapshot snapshot, IndexTids *tids,
				ValidateIndexState *state)
{
	TsdbStore  *store = tsdb_cursor_store(cursor);
	TsdbDirEntry *entry;
	ChunkRows	rows;

	if (store == NULL)
		return;

	begin_chunk_rows(&rows, build);
	while ((entry = tsdb_cursor_take_entry(cursor)) != NULL)
	{
		TsdbChunk  *chunk;
		uint32		row;

		chunk = tsdb_chunk_open(store, entry, RelationGetDescr(build->heapRelation), snapshot, rows.cxt);
		for (row = 0; row < chunk->nrows; row++)
		{
			uint32		vector = row / TSDB_VECTOR_ROWS;
			ItemPointerData tid;

			if (row % TSDB_VECTOR_ROWS == 0)
				CHECK_FOR_INTERRUPTS();
			if (tsdb_row_is_dead(chunk, row))
				continue;
			state->htups += 1;

			tsdb_row_tid(entry->d.first_vblock, row, &tid);
			while (!tids->at_end &&
				   (!tids->valid || ItemPointerCompare(&tids->current, &tid) < 0))
				next_index_tid(tids);
			if (!tids->at_end && ItemPointerEquals(&tids->current, &tid))
				continue;

			/* missing: only now decode */
			if (rows.set == NULL || rows.set->vector != vector)
				load_vector(&rows, chunk, vector);
			MemoryContextReset(build->econtext->ecxt_per_tuple_memory);
			show_row(&rows, row % TSDB_VECTOR_ROWS, &tid);
			if (form_index_row(build, rows.slot))
				insert_missing(build, &tid, state);
		}
		close_vectors(&rows);
		tsdb_chunk_release(chunk);
	}
	end_chunk_rows(&rows);
}

void
tsdb_index_validate_scan(Relation heapRelation, Relation indexRelation, IndexInfo *indexInfo,
						 Snapshot snapshot, ValidateIndexState *state)
{
	TableScanDesc scan;
	HeapScanDesc hscan;
	IndexBuild	build;
	IndexTids	tids;

	begin_build(&build, heapRelation, indexRelation, indexInfo);

	/* no syncscan: TIDs must rise from block zero on, to match the sorted ones */
	scan = table_beginscan_strat(heapRelation, snapshot, 0, NULL, true, false);
	hscan = (HeapScanDesc) tsdb_scan_heap(scan);
	pgstat_progress_update_param(PROGRESS_SCAN_BLOCKS_TOTAL, hscan->rs_nblocks);

	memset(&tids, 0, sizeof(tids));
	tids.tuplesort = state->tuplesort;
	validate_row_store(&build, hscan, &tids, state);
	if (indexRelation->rd_rel->relam != BRIN_AM_OID)
		validate_chunks(&build, tsdb_scan_cursor(scan), snapshot, &tids, state);

	table_endscan(scan);
	end_build(&build);
}
