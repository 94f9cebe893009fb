/*-------------------------------------------------------------------------
 * row_pages.h
 *	  Reads the row store, but for pages of which it is known that no row there can match.
 *
 * This backend remembers of each page that it has scanned which times and series its rows have.  What it remembers holds as
 * long as the page's LSN is the same.
 */
#ifndef TSDB_ROW_PAGES_H
#define TSDB_ROW_PAGES_H

#include "compat.h"

#include "access/relscan.h"
#include "access/tableam.h"
#include "nodes/pg_list.h"

typedef struct TsdbRowPages TsdbRowPages;

/*
 * heap: heapam's serial scan of the table's main fork, begun and not read yet; keys (TsdbScanKey): what all rows that are
 * wanted meet, or NIL; they hold as long as the result.  NULL: pages can't be told apart by them, or are too few to be worth it; then heapam reads the scan.
 */
extern TsdbRowPages *tsdb_row_pages_begin(TableScanDesc heap, List *keys);

/* The next row that the snapshot sees, of a page that may match, into heapam's slot; false at the end. */
extern bool tsdb_row_pages_next(TsdbRowPages *pages, TupleTableSlot *slot);

extern void tsdb_row_pages_end(TsdbRowPages *pages);

/* How many pages were left out. */
extern uint32 tsdb_row_pages_skipped(TsdbRowPages *pages);

#endif							/* TSDB_ROW_PAGES_H */
