/*-------------------------------------------------------------------------
 * bitmap_rows.c
 *	  Rows of the blocks of a bitmap: heapam's for the row store's, the cursor's for virtual ones.
 *
 * Invariant: a bitmap gives its blocks in rising order, so virtual ones (top bit set) come last.
 *
 * Up to PostgreSQL 17 the plan node (scan/bitmap_scan.c) goes through the bitmap and hands us a block at a time.  From 18 on
 * the access method does, and heapam reads its blocks from a read stream, which looks ahead in the bitmap.  It is given one of
 * ours, which ends at the first virtual block.  If processes share the bitmap, each one's stream ends at the first virtual block
 * that it gets; whatever it gets then is virtual too.
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/heapam.h"
#include "access/relscan.h"
#include "am/tsdb_am_internal.h"
#include "miscadmin.h"
#include "nodes/tidbitmap.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"

/* The next row of a virtual block that the snapshot sees: of those that the bitmap names, all if offsets is NULL. */
static bool
next_virtual_row(TsdbScanDesc scan, BlockNumber block, const OffsetNumber *offsets, int noffsets, TupleTableSlot *slot)
{
	while (scan->bitmap_index < (offsets != NULL ? noffsets : TSDB_VBLOCK_ROWS))
	{
		ItemPointerData tid;
		OffsetNumber offset = offsets != NULL ? offsets[scan->bitmap_index] : scan->bitmap_index + 1;

		scan->bitmap_index++;
		ItemPointerSet(&tid, block, offset);
		if (tsdb_cursor_fetch(scan->chunks, &tid, scan->base.rs_snapshot, slot))
		{
			pgstat_count_heap_fetch(scan->base.rs_rd);
			return true;
		}
	}
	return false;
}

#ifdef AM_READS_BITMAP

/* After heapam.c: bitmapheap_stream_read_next(). */
static BlockNumber
next_main_block(ReadStream *stream, void *arg, void *per_buffer_data)
{
	TsdbScanDesc scan = arg;
	TBMIterateResult *page = per_buffer_data;

	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		if (!tbm_iterate(&scan->base.st.rs_tbmiterator, page))
			return InvalidBlockNumber;
		if (page->blockno & TSDB_VBLOCK_FLAG)
		{
			scan->bitmap_page = *page;
			scan->bitmap_virtual = true;
			return InvalidBlockNumber;
		}
		/* serializable readers must look at rows that came after their snapshot */
		if (IsolationIsSerializable() || page->blockno < ((HeapScanDesc) scan->heap)->rs_nblocks)
			return page->blockno;
	}
}

void
tsdb_scan_bitmap_begin(TsdbScanDesc scan)
{
	HeapScanDesc heap = (HeapScanDesc) scan->heap;

	read_stream_end(heap->rs_read_stream);
	heap->rs_read_stream = read_stream_begin_relation(READ_STREAM_DEFAULT | READ_STREAM_USE_BATCHING,
													  heap->rs_strategy, scan->base.rs_rd, MAIN_FORKNUM,
													  next_main_block, scan, sizeof(TBMIterateResult));
}

/* The block at bitmap_page is begun. */
static void
open_virtual_block(TsdbScanDesc scan, uint64 *lossy_pages, uint64 *exact_pages)
{
	scan->bitmap_index = 0;
	if (scan->bitmap_page.lossy)
	{
		scan->bitmap_noffsets = -1;
		(*lossy_pages)++;
		return;
	}
	scan->bitmap_noffsets = tbm_extract_page_tuple(&scan->bitmap_page, scan->bitmap_offsets, TSDB_VBLOCK_ROWS);
	if (scan->bitmap_noffsets > TSDB_VBLOCK_ROWS)
		elog(ERROR, "bitmap has %d rows of a virtual block", scan->bitmap_noffsets);
	(*exact_pages)++;
}

bool
tsdb_scan_bitmap_next_tuple(TableScanDesc sscan, TupleTableSlot *slot, bool *recheck,
							uint64 *lossy_pages, uint64 *exact_pages)
{
	TsdbScanDesc scan = (TsdbScanDesc) sscan;

	if (!scan->in_chunks)
	{
		TupleTableSlot *inner = tsdb_slot_inner(slot);

		if (TSDB_HEAPAM->scan_bitmap_next_tuple(scan->heap, inner, recheck, lossy_pages, exact_pages))
		{
			tsdb_lock_moved_row(sscan->rs_rd, sscan->rs_snapshot, inner);
			tsdb_slot_took_heap_row(slot, true);
			return true;
		}
		scan->in_chunks = true;
		if (scan->bitmap_virtual)
			open_virtual_block(scan, lossy_pages, exact_pages);
	}

	while (scan->bitmap_virtual)
	{
		if (next_virtual_row(scan, scan->bitmap_page.blockno,
							 scan->bitmap_noffsets >= 0 ? scan->bitmap_offsets : NULL, scan->bitmap_noffsets, slot))
		{
			*recheck = scan->bitmap_page.recheck;
			return true;
		}
		CHECK_FOR_INTERRUPTS();
		scan->bitmap_virtual = tbm_iterate(&sscan->st.rs_tbmiterator, &scan->bitmap_page);
		if (scan->bitmap_virtual)
			open_virtual_block(scan, lossy_pages, exact_pages);
	}
	return false;
}

#else							/* AM_READS_BITMAP */

bool
tsdb_scan_bitmap_next_block(TableScanDesc sscan, struct TBMIterateResult *tbmres)
{
	TsdbScanDesc scan = (TsdbScanDesc) sscan;

	scan->bitmap_virtual = (tbmres->blockno & TSDB_VBLOCK_FLAG) != 0;
	if (!scan->bitmap_virtual)
		return TSDB_HEAPAM->scan_bitmap_next_block(scan->heap, tbmres);
	scan->bitmap_page = tbmres;
	scan->bitmap_index = 0;
	return true;
}

bool
tsdb_scan_bitmap_next_tuple(TableScanDesc sscan, struct TBMIterateResult *tbmres, TupleTableSlot *slot)
{
	TsdbScanDesc scan = (TsdbScanDesc) sscan;
	TupleTableSlot *inner;

	if (scan->bitmap_virtual)
		return next_virtual_row(scan, tbmres->blockno, tbmres->ntuples >= 0 ? tbmres->offsets : NULL,
								tbmres->ntuples, slot);

	inner = tsdb_slot_inner(slot);
	if (!TSDB_HEAPAM->scan_bitmap_next_tuple(scan->heap, tbmres, inner))
		return false;
	tsdb_lock_moved_row(sscan->rs_rd, sscan->rs_snapshot, inner);
	tsdb_slot_took_heap_row(slot, true);
	return true;
}

#endif							/* AM_READS_BITMAP */
