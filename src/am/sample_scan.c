/*-------------------------------------------------------------------------
 * sample_scan.c
 *	  TABLESAMPLE and ANALYZE over both stores.
 *
 * TABLESAMPLE: the chunk store's virtual blocks (256 rows) are numbered behind the row
 * store's blocks; the sampling method picks blocks and rows in them as on heap.
 *
 * ANALYZE: core visits sampled blocks of the main fork, and scales the rows that it is given
 * by the share of blocks visited.  So each main block carries its share of the chunk rows: with
 * block b of N come the chunk rows from b * R / N to (b + 1) * R / N.  Row counts and the
 * chance of a row to be sampled are then right whatever share is visited, down to the single empty
 * page that a table with chunks always has.  Where that would mean decoding very many rows,
 * whole vectors (and rows of the row store alike) are passed over at random, and the ones
 * shown count for more.
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/heapam.h"
#include "access/relscan.h"
#include "access/tableam.h"
#include "access/tsmapi.h"
#include "am/tsdb_am_internal.h"
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* rows that ANALYZE looks at before it starts to pass some over */
#define ANALYZE_MAX_ROWS 3000000.0

struct TsdbSampleState
{
	/* TABLESAMPLE */
	BlockNumber heap_blocks;
	uint32	   *first_block;	/* [nentries + 1]: virtual blocks before each entry, in scan order */
	BlockNumber total_blocks;
	BlockNumber next_block;		/* sequential methods */
	bool		in_chunk;
	uint32		vblock;			/* allotted number of the virtual block being read */
	uint32		block_rows;
	BlockNumber block;			/* its number for the method */

	/* ANALYZE */
	bool		heap_done;		/* of the current block */
	uint64	   *first_row;		/* [nentries + 1]: rows before each entry */
	uint64		next_row;		/* of the current block's share */
	uint64		end_row;
	double		keep;			/* share of rows shown, 0 < keep <= 1 */
	int			entry;			/* open chunk, -1 = none */
	TsdbChunk  *chunk;
	TsdbVectorSet *set;
	uint64		vector_start;	/* first row of the vector that keep_vector is about */
	bool		keep_vector;
	TsdbDirEntry *entries;
	int			nentries;
	bool		registered;
};

/* ------------------------------------------------------------------------
 * TABLESAMPLE
 * ------------------------------------------------------------------------
 */

static void
sample_begin(TsdbScanDesc scan)
{
	TsdbSampleState *state = palloc0(sizeof(TsdbSampleState));
	TsdbDirEntry *entries;
	int			i;

	state->heap_blocks = ((HeapScanDesc) scan->heap)->rs_nblocks;
	entries = tsdb_cursor_entries(scan->chunks, &state->nentries);
	state->first_block = palloc((state->nentries + 1) * sizeof(uint32));
	state->first_block[0] = 0;
	for (i = 0; i < state->nentries; i++)
		state->first_block[i + 1] = state->first_block[i] + tsdb_entry_nvblocks(&entries[i]);
	state->total_blocks = state->heap_blocks +
		Min(state->first_block[state->nentries], MaxBlockNumber - state->heap_blocks);
	scan->sample = state;
}

bool
tsdb_scan_sample_next_block(TableScanDesc sscan, struct SampleScanState *scanstate)
{
	TsdbScanDesc scan = (TsdbScanDesc) sscan;
	HeapScanDesc hscan = (HeapScanDesc) scan->heap;
	TsmRoutine *tsm = scanstate->tsmroutine;
	TsdbSampleState *state;
	BlockNumber block;
	int			lo,
				hi;
	TsdbDirEntry *entries;

	if (!scan->started)
	{
		if (scan->sample != NULL)
		{
			pfree(scan->sample->first_block);
			pfree(scan->sample);
		}
		sample_begin(scan);
		scan->started = true;
	}
	state = scan->sample;
	if (state->total_blocks == 0)
		return false;

	if (tsm->NextSampleBlock)
		block = tsm->NextSampleBlock(scanstate, state->total_blocks);
	else
		block = state->next_block < state->total_blocks ? state->next_block++ : InvalidBlockNumber;

	if (!BlockNumberIsValid(block))
	{
		if (BufferIsValid(hscan->rs_cbuf))
			ReleaseBuffer(hscan->rs_cbuf);
		hscan->rs_cbuf = InvalidBuffer;
		hscan->rs_cblock = InvalidBlockNumber;
		hscan->rs_inited = false;
		return false;
	}

	state->block = block;
	state->in_chunk = block >= state->heap_blocks;
	if (!state->in_chunk)
	{
		compat_heap_get_page(scan->heap, block);
		hscan->rs_inited = true;
		return true;
	}

	/* the entry whose blocks hold this one */
	block -= state->heap_blocks;
	lo = 0;
	hi = state->nentries - 1;
	while (lo < hi)
	{
		int			mid = (lo + hi + 1) / 2;

		if (state->first_block[mid] <= block)
			lo = mid;
		else
			hi = mid - 1;
	}
	entries = tsdb_cursor_entries(scan->chunks, &state->nentries);
	state->vblock = entries[lo].d.first_vblock + (block - state->first_block[lo]);
	state->block_rows = Min(TSDB_VBLOCK_ROWS,
							entries[lo].d.nrows - (block - state->first_block[lo]) * TSDB_VBLOCK_ROWS);
	return true;
}

bool
tsdb_scan_sample_next_tuple(TableScanDesc sscan, struct SampleScanState *scanstate, TupleTableSlot *slot)
{
	TsdbScanDesc scan = (TsdbScanDesc) sscan;
	TsdbSampleState *state = scan->sample;
	TsmRoutine *tsm = scanstate->tsmroutine;

	if (!state->in_chunk)
	{
		TupleTableSlot *inner = tsdb_slot_inner(slot);
		bool		found = TSDB_HEAPAM->scan_sample_next_tuple(scan->heap, scanstate, inner);

		tsdb_slot_took_heap_row(slot, found);
		return found;
	}

	for (;;)
	{
		OffsetNumber offset;
		ItemPointerData tid;

		CHECK_FOR_INTERRUPTS();
		offset = tsm->NextSampleTuple(scanstate, state->block, state->block_rows);
		if (!OffsetNumberIsValid(offset))
		{
			ExecClearTuple(slot);
			return false;
		}
		ItemPointerSet(&tid, state->vblock | TSDB_VBLOCK_FLAG, offset);
		if (tsdb_cursor_fetch(scan->chunks, &tid, sscan->rs_snapshot, slot))
		{
			pgstat_count_heap_getnext(sscan->rs_rd);
			return true;
		}
	}
}

/* ------------------------------------------------------------------------
 * ANALYZE
 * ------------------------------------------------------------------------
 */

static void
analyze_begin(TsdbScanDesc scan)
{
	TsdbSampleState *state = palloc0(sizeof(TsdbSampleState));
	TsdbStore  *store = tsdb_cursor_store(scan->chunks);
	double		rows;
	uint64		raw_bytes = 0;
	uint64		chunk_rows;
	int			i;

	if (store != NULL)
	{
		/* what a new statement of ours would see */
		Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());

		state->entries = tsdb_directory_read(store, snapshot, &state->nentries);
		UnregisterSnapshot(snapshot);
	}
	state->first_row = palloc((state->nentries + 1) * sizeof(uint64));
	state->first_row[0] = 0;
	for (i = 0; i < state->nentries; i++)
	{
		state->first_row[i + 1] = state->first_row[i] + state->entries[i].d.nrows;
		raw_bytes += state->entries[i].d.raw_bytes;
	}
	chunk_rows = state->first_row[state->nentries];

	state->heap_blocks = ((HeapScanDesc) scan->heap)->rs_nblocks;
	state->keep = 1.0;
	if (chunk_rows > 0)
	{
		/* rows of the row store are as wide as those of the chunks */
		rows = chunk_rows +
			(double) state->heap_blocks * BLCKSZ / Max(raw_bytes / chunk_rows, 1);
		if (rows > ANALYZE_MAX_ROWS)
			state->keep = ANALYZE_MAX_ROWS / rows;
	}
	state->entry = -1;
	state->vector_start = PG_UINT64_MAX;
	scan->sample = state;
}

bool
tsdb_scan_analyze_next_block(TableScanDesc sscan, ANALYZE_BLOCK_PARAMETERS)
{
	TsdbScanDesc scan = (TsdbScanDesc) sscan;
	TsdbSampleState *state;
	BlockNumber block;
	uint64		chunk_rows;
	double		blocks;

	if (scan->sample == NULL)
		analyze_begin(scan);
	state = scan->sample;

	if (!TSDB_HEAPAM->scan_analyze_next_block(scan->heap, ANALYZE_BLOCK_ARGUMENTS))
		return false;

	block = ((HeapScanDesc) scan->heap)->rs_cblock;
	chunk_rows = state->first_row[state->nentries];
	blocks = Max(state->heap_blocks, block + 1);
	state->next_row = (uint64) (chunk_rows * ((double) block / blocks));
	state->end_row = block + 1 >= blocks ? chunk_rows :
		(uint64) (chunk_rows * ((double) (block + 1) / blocks));
	state->heap_done = false;
	return true;
}

static void
analyze_close_chunk(TsdbSampleState *state)
{
	if (state->set != NULL)
		tsdb_vector_set_detach(state->set);
	if (state->chunk != NULL)
		tsdb_chunk_release(state->chunk);
	state->set = NULL;
	state->chunk = NULL;
	state->entry = -1;
}

/* Opens the chunk that holds row (counted over all chunks). */
static void
analyze_open_chunk(TsdbScanDesc scan, TsdbSampleState *state, uint64 row)
{
	int			lo = 0,
				hi = state->nentries - 1;

	if (state->entry >= 0 && row >= state->first_row[state->entry] &&
		row < state->first_row[state->entry + 1])
		return;
	analyze_close_chunk(state);
	while (lo < hi)
	{
		int			mid = (lo + hi + 1) / 2;

		if (state->first_row[mid] <= row)
			lo = mid;
		else
			hi = mid - 1;
	}
	state->entry = lo;
	state->chunk = tsdb_chunk_open(tsdb_cursor_store(scan->chunks), &state->entries[lo],
								   RelationGetDescr(scan->base.rs_rd), GetActiveSnapshot(),
								   CurrentMemoryContext);
}

bool
tsdb_scan_analyze_next_tuple(TableScanDesc sscan, TransactionId OldestXmin,
							 double *liverows, double *deadrows, TupleTableSlot *slot)
{
	TsdbScanDesc scan = (TsdbScanDesc) sscan;
	TsdbSampleState *state = scan->sample;

	if (!state->heap_done)
	{
		TupleTableSlot *inner = tsdb_slot_inner(slot);

		while (TSDB_HEAPAM->scan_analyze_next_tuple(scan->heap, OldestXmin, liverows, deadrows, inner))
		{
			/* rows of both stores are passed over alike; heapam has counted this one as live */
			if (state->keep < 1.0 && pg_prng_double(&pg_global_prng_state) >= state->keep)
				continue;
			tsdb_slot_took_heap_row(slot, true);
			return true;
		}
		state->heap_done = true;
		ExecClearTuple(slot);
	}

	while (state->next_row < state->end_row)
	{
		uint64		row = state->next_row;
		uint32		chunk_row;
		uint32		vector;
		uint64		vector_start;

		analyze_open_chunk(scan, state, row);
		chunk_row = (uint32) (row - state->first_row[state->entry]);
		vector = chunk_row / TSDB_VECTOR_ROWS;
		vector_start = state->first_row[state->entry] + vector * TSDB_VECTOR_ROWS;

		if (state->vector_start != vector_start)
		{
			state->vector_start = vector_start;
			state->keep_vector = state->keep >= 1.0 ||
				pg_prng_double(&pg_global_prng_state) < state->keep;
			CHECK_FOR_INTERRUPTS();
		}
		if (!state->keep_vector)
		{
			/* to the next vector, or the end of the share or chunk */
			state->next_row = Min(Min(vector_start + TSDB_VECTOR_ROWS,
									  state->first_row[state->entry + 1]), state->end_row);
			continue;
		}

		state->next_row++;
		if (tsdb_row_is_dead(state->chunk, chunk_row))
		{
			*deadrows += 1.0 / state->keep;
			continue;
		}
		if (state->set == NULL || state->set->vector != vector)
		{
			ExecClearTuple(slot);
			state->set = tsdb_vector_set(state->chunk, vector, state->set, CurrentMemoryContext);
		}
		*liverows += 1.0 / state->keep;
		tsdb_slot_store_chunk_row(slot, state->set, chunk_row % TSDB_VECTOR_ROWS);
		return true;
	}

	ExecClearTuple(slot);
	analyze_close_chunk(state);
	return false;
}
