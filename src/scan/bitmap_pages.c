/*-------------------------------------------------------------------------
 * bitmap_pages.c
 *	  Goes through the pages of a bitmap for a table's scan, and prefetches the row store's.
 *
 * From PostgreSQL 18 on that is the access method's business: am/bitmap_rows.c.  What is here for the
 * versions before follows their nodeBitmapHeapscan.c.
 *
 * Invariant: the bitmap returns blocks in rising order, so virtual ones (top bit set) come
 * last, and prefetching ends for good at the first of them.
 *-------------------------------------------------------------------------
 */
#include "scan/bitmap_pages.h"

#include "access/tableam.h"
#include "chunk/chunk_format.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"
#include "utils/spccache.h"

#ifdef AM_READS_BITMAP

void
tsdb_bitmap_pages_begin(TsdbBitmapPages *pages, TableScanDesc scan, TIDBitmap *tbm, dsa_area *dsa, dsa_pointer shared)
{
	pages->scan = scan;
	scan->st.rs_tbmiterator = tbm_begin_iterate(tbm, dsa, shared);
}

bool
tsdb_bitmap_pages_next(TsdbBitmapPages *pages, TupleTableSlot *slot, bool *recheck,
					   uint64 *lossy_pages, uint64 *exact_pages)
{
	return table_scan_bitmap_next_tuple(pages->scan, slot, recheck, lossy_pages, exact_pages);
}

void
tsdb_bitmap_pages_end(TsdbBitmapPages *pages)
{
	tbm_end_iterate(&pages->scan->st.rs_tbmiterator);
}

#else							/* AM_READS_BITMAP */

void
tsdb_bitmap_pages_begin(TsdbBitmapPages *pages, TableScanDesc scan, TIDBitmap *tbm, dsa_area *dsa, dsa_pointer shared)
{
	memset(pages, 0, sizeof(*pages));
	pages->scan = scan;
	pages->prefetch_maximum = get_tablespace_io_concurrency(scan->rs_rd->rd_rel->reltablespace);
	if (DsaPointerIsValid(shared))
	{
		pages->shared_iterator = tbm_attach_shared_iterate(dsa, shared);
		return;
	}
	pages->iterator = tbm_begin_iterate(tbm);
	if (pages->prefetch_maximum > 0)
	{
		pages->prefetch_iterator = tbm_begin_iterate(tbm);
		pages->prefetch_target = -1;
		pages->nblocks = RelationGetNumberOfBlocks(scan->rs_rd);
	}
}

/* Prefetching is over: the rest of the bitmap is virtual, or there is no rest. */
static void
end_prefetch(TsdbBitmapPages *pages)
{
	if (pages->prefetch_iterator != NULL)
	{
		tbm_end_iterate(pages->prefetch_iterator);
		pages->prefetch_iterator = NULL;
	}
}

/* The scan has gone on to another page: keep the prefetch iterator ahead of it, and raise the distance. */
static void
prefetch_next_page(TsdbBitmapPages *pages)
{
	if (pages->prefetch_iterator == NULL)
		return;

	if (pages->prefetch_pages > 0)
		pages->prefetch_pages--;
	else
	{
		TBMIterateResult *ahead = tbm_iterate(pages->prefetch_iterator);

		if (ahead == NULL || ahead->blockno != pages->page->blockno)
			elog(ERROR, "prefetch and main iterators are out of sync");
		if (ahead->blockno & TSDB_VBLOCK_FLAG)
		{
			end_prefetch(pages);
			return;
		}
	}

	/* slow start, for the sake of scans that end early; then double */
	if (pages->prefetch_target >= pages->prefetch_maximum / 2)
		pages->prefetch_target = pages->prefetch_maximum;
	else if (pages->prefetch_target > 0)
		pages->prefetch_target *= 2;
	else
		pages->prefetch_target++;
}

static void
prefetch_pages(TsdbBitmapPages *pages)
{
	while (pages->prefetch_iterator != NULL && pages->prefetch_pages < pages->prefetch_target)
	{
		TBMIterateResult *ahead = tbm_iterate(pages->prefetch_iterator);

		if (ahead == NULL || (ahead->blockno & TSDB_VBLOCK_FLAG) != 0)
		{
			end_prefetch(pages);
			break;
		}
		pages->prefetch_pages++;
		if (ahead->blockno < pages->nblocks)
			(void) PrefetchBuffer(pages->scan->rs_rd, MAIN_FORKNUM, ahead->blockno);
	}
}

bool
tsdb_bitmap_pages_next(TsdbBitmapPages *pages, TupleTableSlot *slot, bool *recheck,
					   uint64 *lossy_pages, uint64 *exact_pages)
{
	for (;;)
	{
		if (pages->page == NULL)
		{
			CHECK_FOR_INTERRUPTS();
			if (pages->shared_iterator != NULL)
				pages->page = tbm_shared_iterate(pages->shared_iterator);
			else
				pages->page = tbm_iterate(pages->iterator);
			if (pages->page == NULL)
				return false;

			prefetch_next_page(pages);
			if (pages->page->ntuples >= 0)
				(*exact_pages)++;
			else
				(*lossy_pages)++;

			if (!table_scan_bitmap_next_block(pages->scan, pages->page))
			{
				pages->page = NULL;
				continue;
			}
		}
		else if (pages->prefetch_target < pages->prefetch_maximum)
			pages->prefetch_target++;

		prefetch_pages(pages);

		if (table_scan_bitmap_next_tuple(pages->scan, pages->page, slot))
		{
			*recheck = pages->page->recheck;
			return true;
		}
		pages->page = NULL;
	}
}

void
tsdb_bitmap_pages_end(TsdbBitmapPages *pages)
{
	end_prefetch(pages);
	if (pages->iterator != NULL)
		tbm_end_iterate(pages->iterator);
	if (pages->shared_iterator != NULL)
		tbm_end_shared_iterate(pages->shared_iterator);
	memset(pages, 0, sizeof(*pages));
}

#endif							/* AM_READS_BITMAP */
