/*-------------------------------------------------------------------------
 * last_rows.h
 *	  The newest (or oldest) row of each series: SELECT DISTINCT ON (series) ... ORDER BY series, time DESC.
 *
 * Chunks are looked at from the newest on.  One whose dictionary of the series column names only series that have
 * a row at least as new as any of the chunk's is not decoded at all.
 */
#ifndef TSDB_LAST_ROWS_H
#define TSDB_LAST_ROWS_H

#include "scan/scan_filter.h"
#include "scan/time_order.h"

typedef struct TsdbLastRows TsdbLastRows;

/*
 * keys: columns whose equality is told from the bytes (tsdb_series_hashable); order_attnum as in tsdb_time_order_begin.
 * columns[ncolumns]: what is to be read of the rows, which the caller keeps.  Lives in cxt.
 */
extern TsdbLastRows *tsdb_last_rows_begin(TupleDesc desc, List *keys, AttrNumber order_attnum, bool descending,
										  const AttrNumber *columns, int ncolumns, MemoryContext cxt);

/* A row of the row store that has met all conditions; copied if it is its series' last one so far. */
extern void tsdb_last_rows_add(TsdbLastRows *last, TupleTableSlot *slot);

/* Looks through the chunks. */
extern void tsdb_last_rows_look(TsdbLastRows *last, TsdbStore *store, TsdbDirEntry *entries, int nentries,
								Snapshot snapshot, TsdbFilter *filter);

/*
 * The rows found, in no order, one a call: a tuple of the row store (*tuple set), or the columns' values in values[] and
 * isnull[] (by attnum - 1; others are left alone), both valid until the next call.  False at the end.
 */
extern bool tsdb_last_rows_next(TsdbLastRows *last, MinimalTuple *tuple, Datum *values, bool *isnull);

extern void tsdb_last_rows_end(TsdbLastRows *last, TsdbTimeOrderCounts *counts);

#endif							/* TSDB_LAST_ROWS_H */
