/*-------------------------------------------------------------------------
 * mover_decompress.c
 *	  Moves all rows of chunks back to the row store.
 *
 * Used by tsdb.decompress.  Whoever calls it expects to find no compressed row afterwards, so
 * it waits for chunks in use (the deadlock detector sees these waits), and takes those with
 * tombstones too: under the chunk's lock each tombstone is decided.  Only chunks of
 * transactions still in progress remain, or that a REPEATABLE READ caller does not see.
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/heapam.h"
#include "am/mover_common.h"
#include "catalog/catalog.h"
#include "executor/tuptable.h"
#include "injection.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* rows inserted at once, and bytes of them */
#define BATCH_ROWS		256
#define BATCH_BYTES		(1024 * 1024)

typedef struct Batch
{
	BulkInsertState bistate;
	TupleTableSlot *slots[BATCH_ROWS];	/* heap tuple slots; tuples in row_cxt */
	uint32		rows[BATCH_ROWS];	/* their numbers in the chunk in hand */
	int			nslots;
	ItemPointerData *new_tids;	/* of the chunk in hand, by row */
	Size		bytes;
} Batch;

static void
flush_batch(TsdbMover *mover, Batch *batch)
{
	MemoryContext old_cxt;
	int			i;

	if (batch->nslots == 0)
		return;

	old_cxt = MemoryContextSwitchTo(mover->row_cxt);

	/*
	 * A move is no insert: logical decoding must not see it.  heap_multi_insert can't hide its rows, heap_insert
	 * can.
	 */
	if (RelationIsLogicallyLogged(mover->rel))
	{
		for (i = 0; i < batch->nslots; i++)
		{
			HeapTuple	tuple = ExecFetchSlotHeapTuple(batch->slots[i], false, NULL);

			heap_insert(mover->rel, tuple, mover->cid, HEAP_INSERT_NO_LOGICAL, batch->bistate);
			batch->slots[i]->tts_tid = tuple->t_self;
		}
	}
	else
		heap_multi_insert(mover->rel, batch->slots, batch->nslots, mover->cid, 0, batch->bistate);
	MemoryContextSwitchTo(old_cxt);

	for (i = 0; i < batch->nslots; i++)
	{
		ItemPointerData tid = batch->slots[i]->tts_tid;

		batch->new_tids[batch->rows[i]] = tid;
		tsdb_row_indexer_insert(&mover->indexer, batch->slots[i], &tid);
		ExecClearTuple(batch->slots[i]);
	}
	TSDB_INJECT("decompress-rows");
	batch->nslots = 0;
	batch->bytes = 0;
	MemoryContextReset(mover->row_cxt);
}

static void
take_row(TsdbMover *mover, uint32 row, Datum *values, bool *isnull, void *arg)
{
	Batch	   *batch = arg;
	MemoryContext old_cxt = MemoryContextSwitchTo(mover->row_cxt);
	HeapTuple	tuple = heap_form_tuple(RelationGetDescr(mover->rel), values, isnull);

	MemoryContextSwitchTo(old_cxt);
	ExecStoreHeapTuple(tuple, batch->slots[batch->nslots], true);
	batch->rows[batch->nslots] = row;
	batch->nslots++;
	batch->bytes += tuple->t_len;
	if (batch->nslots == BATCH_ROWS || batch->bytes >= BATCH_BYTES)
		flush_batch(mover, batch);
}

int64
tsdb_mover_decompress(Relation rel)
{
	TsdbMover  *mover = tsdb_mover_begin(rel, "tsdb.decompress()", true);
	Batch	   *batch = palloc0(sizeof(Batch));
	TsdbDirEntry *entries;
	int			nentries;
	int64		nmoved = 0;
	int			i;

	batch->bistate = GetBulkInsertState();
	for (i = 0; i < BATCH_ROWS; i++)
		batch->slots[i] = MakeSingleTupleTableSlot(RelationGetDescr(rel), &TTSOpsHeapTuple);

	entries = tsdb_directory_read(mover->store, GetActiveSnapshot(), &nentries);
	for (i = 0; i < nentries; i++)
	{
		Snapshot	snapshot;
		int64		nlive;

		CHECK_FOR_INTERRUPTS();
		tsdb_chunk_lock(rel, entries[i].d.chunk_id, AccessExclusiveLock, false);
		snapshot = tsdb_mover_look_at_chunk(mover, &entries[i]);
		if (snapshot == NULL)
			continue;

		if (!tsdb_mover_sees_tombstones(mover, &entries[i]))
		{
			/* what was deleted after our transaction's snapshot would be lost to it */
			if (mover->xact_snapshot != NULL)
				ereport(ERROR,
						(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
						 errmsg("could not serialize access due to concurrent update")));
			/* called in the middle of a statement that deletes from this very chunk */
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_IN_USE),
					 errmsg("cannot decompress table \"%s\" while the same command changes its rows",
							RelationGetRelationName(rel))));
		}

		batch->new_tids = MemoryContextAllocZero(mover->cxt, sizeof(ItemPointerData) * entries[i].d.nrows);
		nlive = tsdb_mover_read_chunk(mover, &entries[i], snapshot, NULL, take_row, batch);
		flush_batch(mover, batch);
		tsdb_mover_replace_chunk(mover, &entries[i], batch->new_tids);
		pfree(batch->new_tids);
		tsdb_mover_count(mover, nlive, nlive);
		nmoved += nlive;
	}

	for (i = 0; i < BATCH_ROWS; i++)
		ExecDropSingleTupleTableSlot(batch->slots[i]);
	FreeBulkInsertState(batch->bistate);
	tsdb_mover_end(mover);
	return nmoved;
}
