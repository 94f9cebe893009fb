/*-------------------------------------------------------------------------
 * bitmap_pages.h
 *	  Goes through the pages of a bitmap for a table's scan, and prefetches the row store's.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_BITMAP_PAGES_H
#define TSDB_BITMAP_PAGES_H

#include "compat.h"

#include "access/relscan.h"
#include "nodes/tidbitmap.h"
#include "utils/dsa.h"

typedef struct TsdbBitmapPages
{
	TableScanDesc scan;
#ifndef AM_READS_BITMAP
	TBMIterator *iterator;		/* serial scan */
	TBMSharedIterator *shared_iterator; /* parallel scan */
	TBMIterateResult *page;		/* being returned, NULL = none */

	/* prefetch, serial scans only */
	TBMIterator *prefetch_iterator; /* runs ahead of "iterator"; NULL once it has met its end */
	int			prefetch_pages; /* how many pages it is ahead */
	int			prefetch_target;	/* how many it should be, -1 .. prefetch_maximum */
	int			prefetch_maximum;
	BlockNumber nblocks;		/* of the main fork when the bitmap was built */
#endif
} TsdbBitmapPages;

/* Of the bitmap; of the one that was prepared for several processes if "shared" is valid, in the area dsa. */
extern void tsdb_bitmap_pages_begin(TsdbBitmapPages *pages, TableScanDesc scan, TIDBitmap *tbm, dsa_area *dsa, dsa_pointer shared);

/* The next row that the scan's snapshot sees; *recheck: the index's conditions must be tested.  Counts the pages that it comes to. */
extern bool tsdb_bitmap_pages_next(TsdbBitmapPages *pages, TupleTableSlot *slot, bool *recheck,
								   uint64 *lossy_pages, uint64 *exact_pages);

extern void tsdb_bitmap_pages_end(TsdbBitmapPages *pages);

#endif							/* TSDB_BITMAP_PAGES_H */
