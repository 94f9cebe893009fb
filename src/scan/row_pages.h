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
 * wanted meet, or NIL; they hold until the next start.  again: the scan may be begun again, with the same snapshot.  NULL: pages can't be told
 * apart by keys, or are too few to be worth it, and nothing is gained when it is begun again; then heapam reads the scan.
 */
extern TsdbRowPages *tsdb_row_pages_begin(TableScanDesc heap, List *keys, bool again);

/* heapam has begun the scan again, with the same snapshot: so do we, with other keys. */
extern void tsdb_row_pages_restart(TsdbRowPages *pages, List *keys);

/* The next row that the snapshot sees, of a page that may match, into heapam's slot; false at the end. */
extern bool tsdb_row_pages_next(TsdbRowPages *pages, TupleTableSlot *slot);

extern void tsdb_row_pages_end(TsdbRowPages *pages);

/* How many pages were left out. */
extern uint32 tsdb_row_pages_skipped(TsdbRowPages *pages);

#endif							/* TSDB_ROW_PAGES_H */
