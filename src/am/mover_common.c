/*-------------------------------------------------------------------------
 * mover_common.c
 *	  What compress, recompress and decompress share: set-up, index entries, sorted chunks.
 *
 * Used by mover_compress.c, mover_merge.c and mover_decompress.c.
 *
 * Invariants: one run a table at a time (maintenance lock); a run never waits for a row and
 * inserts index entries without uniqueness checks, so it waits for nobody once it holds
 * its chunk locks; everything it writes bears one command id, so that the statement
 * that calls it keeps seeing the table as it was.
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/xact.h"
#include "am/bulk_delete.h"
#include "am/direct_load.h"
#include "am/mover_common.h"
#include "chunk/forward.h"
#include "chunk/tombstone.h"
#include "catalog/index.h"
#include "catalog/pg_am_d.h"
#include "executor/executor.h"
#include "guc.h"
#include "injection.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "storage/predicate.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* Memory for gathering rows that the last of several short runs has left for the next. */
#define KEPT_GATHER_MAX_BYTES	(32 * 1024 * 1024)

static struct
{
	MemoryContext cxt;			/* NULL = nothing is kept; a child of TopMemoryContext */
	TsdbColumnBuffer *buf;
	TsdbChunkWriter *writer;
	uint32	   *perm;
	uint32		perm_size;
	TsdbMover  *user;			/* the run at work with it, or NULL */
}			kept;

static void gather_end(TsdbMover *mover);

TsdbMover *
tsdb_mover_begin(Relation rel, const char *command, bool wait)
{
	MemoryContext cxt;
	MemoryContext old_cxt;
	TsdbMover  *mover;

	Assert(CheckRelationLockedByMe(rel, RowExclusiveLock, true));

	PreventCommandIfReadOnly(command);
	PreventCommandIfParallelMode(command);
	PreventCommandDuringRecovery(command);

	tsdb_direct_load_settle(rel);
	tsdb_bulk_delete_refuse(rel);

	cxt = AllocSetContextCreate(CurrentMemoryContext, "tsdb mover", ALLOCSET_DEFAULT_SIZES);
	old_cxt = MemoryContextSwitchTo(cxt);

	mover = palloc0(sizeof(TsdbMover));
	mover->rel = rel;
	mover->cxt = cxt;
	mover->old_cxt = old_cxt;
	mover->row_cxt = AllocSetContextCreate(cxt, "tsdb mover row", ALLOCSET_DEFAULT_SIZES);

	mover->store = tsdb_store_open(rel, RowExclusiveLock);
	if (mover->store == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" has no chunk store", RelationGetRelationName(rel)),
				 errhint("ALTER TABLE %s SET ACCESS METHOD tsdb makes one.",
						 quote_qualified_identifier(get_namespace_name(RelationGetNamespace(rel)),
													RelationGetRelationName(rel)))));

	if (!tsdb_maintenance_lock(rel, !wait))
	{
		tsdb_store_close(mover->store);
		MemoryContextSwitchTo(old_cxt);
		MemoryContextDelete(cxt);
		return NULL;
	}

	/* after index.c: reindex_index(); an error's abort gives identity and settings back */
	GetUserIdAndSecContext(&mover->save_userid, &mover->save_sec_context);
	SetUserIdAndSecContext(rel->rd_rel->relowner,
						   mover->save_sec_context | SECURITY_RESTRICTED_OPERATION);
	mover->save_nestlevel = NewGUCNestLevel();

	mover->cid = GetCurrentCommandId(true);
	mover->xact_snapshot = IsolationUsesXactSnapshot() ? GetTransactionSnapshot() : NULL;
	PushActiveSnapshot(GetLatestSnapshot());

	tsdb_options_get(rel, &mover->options);
	tsdb_row_indexer_begin(&mover->indexer, rel);
	mover->slot = MakeSingleTupleTableSlot(RelationGetDescr(rel), &TTSOpsVirtual);
	mover->slot->tts_tableOid = RelationGetRelid(rel);
	return mover;
}

void
tsdb_mover_end(TsdbMover *mover)
{
	Size		i;

	/*
	 * Readers in serializable transactions have locked the rows' old TIDs; a writer will look for locks on
	 * the new ones.  Whoever reads an old version from now on sees that it is being
	 * moved, and locks the table itself.
	 */
	TransferPredicateLocksToHeapRelation(mover->rel);

	ExecDropSingleTupleTableSlot(mover->slot);
	tsdb_row_indexer_end(&mover->indexer);
	gather_end(mover);
	TSDB_INJECT("mover-written");

	CommandCounterIncrement();

	/* forwards live on until nobody's snapshot is older than we are: see forward.h */
	for (i = 0; i < mover->nforwards; i++)
	{
		tsdb_store_delete(mover->store, &mover->forwards[i], GetCurrentCommandId(true));
		TSDB_INJECT("forward-delete");
	}

	tsdb_store_close(mover->store);
	PopActiveSnapshot();

	AtEOXact_GUC(false, mover->save_nestlevel);
	SetUserIdAndSecContext(mover->save_userid, mover->save_sec_context);

	CommandCounterIncrement();

	MemoryContextSwitchTo(mover->old_cxt);
	MemoryContextDelete(mover->cxt);
	TSDB_INJECT("mover-end");
}

Snapshot
tsdb_mover_look_at_chunk(TsdbMover *mover, TsdbDirEntry *entry)
{
	if (mover->xact_snapshot != NULL &&
		!tsdb_directory_visible(mover->store, entry, mover->xact_snapshot))
		return NULL;

	PopActiveSnapshot();
	PushActiveSnapshot(GetLatestSnapshot());
	if (!tsdb_directory_visible(mover->store, entry, GetActiveSnapshot()))
		return NULL;
	return GetActiveSnapshot();
}

bool
tsdb_mover_sees_tombstones(TsdbMover *mover, const TsdbDirEntry *entry)
{
	Snapshot	snapshot = mover->xact_snapshot != NULL ? mover->xact_snapshot : GetActiveSnapshot();
	TsdbTombstoneScan scan;
	TsdbTombstone tombstone;
	bool		sees = true;

	tsdb_tombstone_scan_begin(&scan, mover->store, entry);
	while (sees && tsdb_tombstone_scan_next(&scan, mover->store, &tombstone))
	{
		if ((tombstone.flags & TSDB_TOMB_NOT_MOVED) != 0)
			continue;
		LockBuffer(scan.stored.buffer, BUFFER_LOCK_SHARE);
		sees = HeapTupleSatisfiesVisibility(scan.stored.tuple, snapshot, scan.stored.buffer);
		LockBuffer(scan.stored.buffer, BUFFER_LOCK_UNLOCK);
	}
	tsdb_tombstone_scan_end(&scan);
	return sees;
}

void
tsdb_mover_replace_chunk(TsdbMover *mover, const TsdbDirEntry *entry, const ItemPointerData *new_tids)
{
	ItemPointerData *tids;
	int			ntids;

	tids = tsdb_forward_write(mover->store, entry, new_tids, mover->cid, &ntids);
	if (mover->nforwards + ntids > mover->forwards_size)
	{
		mover->forwards_size = Max(mover->forwards_size * 2, mover->nforwards + ntids + 128);
		if (mover->forwards == NULL)
			mover->forwards = MemoryContextAllocHuge(mover->cxt, sizeof(ItemPointerData) * mover->forwards_size);
		else
			mover->forwards = repalloc_huge(mover->forwards, sizeof(ItemPointerData) * mover->forwards_size);
	}
	memcpy(mover->forwards + mover->nforwards, tids, sizeof(ItemPointerData) * ntids);
	mover->nforwards += ntids;
	pfree(tids);

	tsdb_directory_delete(mover->store, entry, mover->cid);
}

static bool
kept_gather_fits(TupleDesc tupdesc)
{
	TupleDesc	kept_desc = kept.buf->tupdesc;
	int			i;

	if (kept_desc->natts != tupdesc->natts)
		return false;
	for (i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute a = TupleDescAttr(tupdesc, i);
		Form_pg_attribute b = TupleDescAttr(kept_desc, i);

		if (a->atttypid != b->atttypid || a->attlen != b->attlen || a->attbyval != b->attbyval ||
			a->attalign != b->attalign || a->attstorage != b->attstorage || a->attisdropped != b->attisdropped)
			return false;
	}
	return true;
}

static void
kept_gather_drop(void)
{
	if (kept.cxt != NULL)
		MemoryContextDelete(kept.cxt);
	memset(&kept, 0, sizeof(kept));
}

/* MemoryContextCallback of a run's context: a run that failed leaves nothing for the next one. */
static void
kept_gather_run_ends(void *arg)
{
	if (kept.user == arg)
		kept_gather_drop();
}

void
tsdb_mover_gather_begin(TsdbMover *mover, bool keep)
{
	TupleDesc	tupdesc = RelationGetDescr(mover->rel);

	/* an index expression may call a mover from a mover */
	mover->keep_gather = keep && kept.user == NULL;
	if (!mover->keep_gather)
	{
		mover->gather_cxt = mover->cxt;
		mover->buf = tsdb_column_buffer_create(tupdesc, mover->cxt);
		mover->writer = tsdb_chunk_writer_create(mover->cxt);
		return;
	}

	if (kept.cxt != NULL && !kept_gather_fits(tupdesc))
		kept_gather_drop();
	if (kept.cxt == NULL)
	{
		MemoryContext cxt = AllocSetContextCreate(TopMemoryContext, "tsdb mover kept", ALLOCSET_DEFAULT_SIZES);

		/* an error here leaves the context to nobody: it is small yet */
		kept.buf = tsdb_column_buffer_create(tupdesc, cxt);
		kept.writer = tsdb_chunk_writer_create(cxt);
		kept.cxt = cxt;
	}
	mover->gather_cxt = kept.cxt;
	mover->buf = kept.buf;
	mover->writer = kept.writer;
	mover->perm = kept.perm;
	mover->perm_size = kept.perm_size;

	mover->gather_callback.func = kept_gather_run_ends;
	mover->gather_callback.arg = mover;
	MemoryContextRegisterResetCallback(mover->cxt, &mover->gather_callback);
	kept.user = mover;
}

static void
gather_end(TsdbMover *mover)
{
	if (!mover->keep_gather)
	{
		if (mover->writer != NULL)
			tsdb_chunk_writer_free(mover->writer);
		return;
	}
	tsdb_column_buffer_reset(mover->buf, KEPT_GATHER_MAX_BYTES);
	kept.perm = mover->perm;
	kept.perm_size = mover->perm_size;
	kept.user = NULL;
	if (MemoryContextMemAllocated(kept.cxt, true) > KEPT_GATHER_MAX_BYTES)
		kept_gather_drop();
}

Size
tsdb_mover_gather_limit(void)
{
	return (Size) tsdb_write_buffer_kb * 1024;
}

uint32
tsdb_mover_sort(TsdbMover *mover, TsdbTableOptions *options)
{
	TsdbColumnBuffer *buf = mover->buf;

	Assert(buf->nrows > 0);

	if (mover->perm_size < buf->nrows)
	{
		if (mover->perm != NULL)
			pfree(mover->perm);
		mover->perm_size = Max(buf->nrows, TSDB_CHUNK_MAX_ROWS);
		mover->perm = MemoryContextAllocHuge(mover->gather_cxt, sizeof(uint32) * mover->perm_size);
	}

	*options = mover->options;
	tsdb_options_sample(options, buf);
	return tsdb_column_buffer_sort(buf, options->series, options->nseries,
								   options->time_attnum, mover->perm);
}

static bool
same_series(TsdbColumnBuffer *buf, const TsdbTableOptions *options, uint32 a, uint32 b)
{
	int			i;

	for (i = 0; i < options->nseries; i++)
	{
		TsdbColumn *column = &buf->columns[buf->column_of_att[options->series[i] - 1]];

		if (column->nulls[a] != column->nulls[b])
			return false;
		if (column->nulls[a])
			continue;
		if (column->kind == TSDB_KIND_INT || column->kind == TSDB_KIND_FLOAT4 ||
			column->kind == TSDB_KIND_FLOAT8)
		{
			if (column->values[a] != column->values[b])
				return false;
		}
		else if (column->offsets[a] != column->offsets[b])
		{
			TsdbArenaValue *va = tsdb_arena_value(buf, column->offsets[a]);
			TsdbArenaValue *vb = tsdb_arena_value(buf, column->offsets[b]);

			if (va->len != vb->len || memcmp(va->bytes, vb->bytes, va->len) != 0)
				return false;
		}
	}
	return true;
}

uint32
tsdb_mover_count_series(TsdbMover *mover, const TsdbTableOptions *options,
						const uint32 *perm, uint32 nrows)
{
	uint32		n = 1;
	uint32		i;

	for (i = 1; i < nrows; i++)
	{
		if (!same_series(mover->buf, options, perm[i - 1], perm[i]))
			n++;
	}
	return n;
}

void
tsdb_mover_index_chunk(TsdbMover *mover, const TsdbDirEntry *entry, const uint32 *perm,
					   const uint64 *skip)
{
	TupleTableSlot *slot = mover->slot;
	int			natts = RelationGetDescr(mover->rel)->natts;
	uint32		row;

	if (mover->indexer.nindexes == 0)
		return;

	/* what no index reads */
	ExecClearTuple(slot);
	memset(slot->tts_values, 0, sizeof(Datum) * natts);
	memset(slot->tts_isnull, true, sizeof(bool) * natts);

	for (row = 0; row < entry->d.nrows; row++)
	{
		MemoryContext old_cxt;
		ItemPointerData tid;

		if (skip != NULL && (skip[row / 64] >> (row % 64) & 1) != 0)
			continue;
		CHECK_FOR_INTERRUPTS();

		ExecClearTuple(slot);
		old_cxt = MemoryContextSwitchTo(mover->row_cxt);
		tsdb_column_buffer_get_columns(mover->buf, perm[row], mover->indexer.attrs, mover->indexer.nattrs,
									   slot->tts_values, slot->tts_isnull);
		MemoryContextSwitchTo(old_cxt);
		ExecStoreVirtualTuple(slot);

		tsdb_row_tid(entry->d.first_vblock, row, &tid);
		tsdb_row_indexer_insert(&mover->indexer, slot, &tid);
		MemoryContextReset(mover->row_cxt);
	}
	ExecClearTuple(slot);
}

/* Numbers of a vector's rows that are there, and in the range; time is decoded then. */
static uint32
rows_in_range(TsdbVectorSet *set, const TsdbMoverRange *range, uint16 *rows)
{
	uint32		first = set->vector * TSDB_VECTOR_ROWS;
	const Datum *times = NULL;
	const bool *isnull = NULL;
	uint32		n = 0;
	uint32		i;

	if (range != NULL)
	{
		tsdb_vector_decode(set, range->time_attnum);
		times = set->columns[range->time_attnum - 1].values;
		isnull = set->columns[range->time_attnum - 1].isnull;
	}
	for (i = 0; i < set->nrows; i++)
	{
		rows[n] = (uint16) i;
		if (range == NULL)
			n++;
		else if (isnull[i])
			n += !range->has_before;
		else
			n += (!range->has_from || (int64) times[i] >= range->from) &&
				(!range->has_before || (int64) times[i] < range->before);
	}
	if (set->chunk->has_dead)
	{
		uint32		kept = 0;

		for (i = 0; i < n; i++)
		{
			rows[kept] = rows[i];
			kept += !tsdb_row_is_dead(set->chunk, first + rows[i]);
		}
		n = kept;
	}
	return n;
}

int64
tsdb_mover_read_chunk(TsdbMover *mover, const TsdbDirEntry *entry, Snapshot snapshot,
					  const TsdbMoverRange *range, TsdbMoverTakeRow take, void *arg)
{
	TupleDesc	tupdesc = RelationGetDescr(mover->rel);
	MemoryContext cxt = AllocSetContextCreate(mover->cxt, "tsdb mover chunk", ALLOCSET_DEFAULT_SIZES);
	Datum	   *values = MemoryContextAlloc(cxt, sizeof(Datum) * tupdesc->natts);
	bool	   *isnull = MemoryContextAlloc(cxt, sizeof(bool) * tupdesc->natts);
	uint16	   *rows = MemoryContextAlloc(cxt, sizeof(uint16) * TSDB_VECTOR_ROWS);
	TsdbChunk  *chunk;
	TsdbVectorSet *set = NULL;
	int64		ntaken = 0;
	uint32		v;
	int			att;

	for (att = 0; att < tupdesc->natts; att++)
	{
		values[att] = (Datum) 0;
		isnull[att] = true;		/* dropped columns stay so */
	}

	chunk = tsdb_chunk_open(mover->store, entry, tupdesc, snapshot, cxt);
	for (v = 0; v < chunk->nvectors; v++)
	{
		uint32		n;
		uint32		i;

		set = tsdb_vector_set(chunk, v, set, cxt);
		n = rows_in_range(set, range, rows);
		for (att = 0; n > 0 && att < tupdesc->natts; att++)
		{
			if (!TupleDescAttr(tupdesc, att)->attisdropped)
				tsdb_vector_decode(set, att + 1);
		}

		for (i = 0; i < n; i++)
		{
			CHECK_FOR_INTERRUPTS();
			for (att = 0; att < tupdesc->natts; att++)
			{
				if (TupleDescAttr(tupdesc, att)->attisdropped)
					continue;
				values[att] = set->columns[att].values[rows[i]];
				isnull[att] = set->columns[att].isnull[rows[i]];
			}
			take(mover, v * TSDB_VECTOR_ROWS + rows[i], values, isnull, arg);
		}
		ntaken += n;
	}
	if (set != NULL)
		tsdb_vector_set_release(set);
	tsdb_chunk_release(chunk);
	MemoryContextDelete(cxt);
	return ntaken;
}

uint32
tsdb_mover_sample_times(TsdbMover *mover, const TsdbDirEntry *entry, Snapshot snapshot,
						AttrNumber time_attnum, uint32 step, int64 *times)
{
	MemoryContext cxt = AllocSetContextCreate(mover->cxt, "tsdb mover chunk", ALLOCSET_DEFAULT_SIZES);
	TsdbChunk  *chunk = tsdb_chunk_open(mover->store, entry, RelationGetDescr(mover->rel), snapshot, cxt);
	TsdbVectorSet *set = NULL;
	uint32		ntimes = 0;
	uint32		v;

	for (v = 0; v < chunk->nvectors; v++)
	{
		uint32		i;

		CHECK_FOR_INTERRUPTS();
		set = tsdb_vector_set(chunk, v, set, cxt);
		tsdb_vector_decode(set, time_attnum);
		for (i = 0; i < set->nrows; i += step)
		{
			if (!set->columns[time_attnum - 1].isnull[i] && !tsdb_row_is_dead(chunk, v * TSDB_VECTOR_ROWS + i))
				times[ntimes++] = (int64) set->columns[time_attnum - 1].values[i];
		}
	}
	if (set != NULL)
		tsdb_vector_set_release(set);
	tsdb_chunk_release(chunk);
	MemoryContextDelete(cxt);
	return ntimes;
}

ItemPointerData
tsdb_mover_insert_heap_row(TsdbMover *mover, Datum *values, bool *isnull, BulkInsertState bistate)
{
	TupleTableSlot *slot = mover->slot;
	int			natts = RelationGetDescr(mover->rel)->natts;
	MemoryContext old_cxt = MemoryContextSwitchTo(mover->row_cxt);
	HeapTuple	tuple = heap_form_tuple(RelationGetDescr(mover->rel), values, isnull);
	ItemPointerData tid;

	heap_insert(mover->rel, tuple, mover->cid, HEAP_INSERT_NO_LOGICAL, bistate);
	tid = tuple->t_self;
	MemoryContextSwitchTo(old_cxt);

	ExecClearTuple(slot);
	memcpy(slot->tts_values, values, sizeof(Datum) * natts);
	memcpy(slot->tts_isnull, isnull, sizeof(bool) * natts);
	ExecStoreVirtualTuple(slot);
	tsdb_row_indexer_insert(&mover->indexer, slot, &tid);
	ExecClearTuple(slot);
	MemoryContextReset(mover->row_cxt);
	return tid;
}

void
tsdb_mover_count(TsdbMover *mover, int64 inserted, int64 dead)
{
	if (inserted > 0)
		pgstat_count_heap_insert(mover->rel, -inserted);
	if (dead > 0 && pgstat_should_count_relation(mover->rel))
		PGSTAT_TABLE_COUNT(mover->rel, delta_dead_tuples) += dead;
}
