/*-------------------------------------------------------------------------
 * time_order.h
 *	  Rows of chunks in order of time, or of series and time, without sorting.
 *
 * A chunk is sorted by series and time, so that a vector is a handful of runs in order of time.  Runs are
 * merged; a vector is opened when its zone, and a chunk when its directory entry, says that it may hold the next row.  So
 * who wants the newest rows alone reads the newest chunks alone.
 *
 * Any order of rows gives right results: out of order, there are more runs.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_TIME_ORDER_H
#define TSDB_TIME_ORDER_H

#include "scan/chunk_cache.h"
#include "scan/chunk_list.h"
#include "scan/scan_filter.h"
#include "scan/series_rank.h"

typedef struct TsdbTimeOrder TsdbTimeOrder;

typedef struct TsdbTimeOrderCounts
{
	uint64		chunks_pruned;	/* of the list */
	uint64		chunks_read;
	uint64		chunks_skipped;
	uint64		vectors_decoded;
	uint64		vectors_skipped;
	uint64		rows_filtered;
} TsdbTimeOrderCounts;

/*
 * entries (the caller's, to the end): chunks to read; or list, with a look at it begun, and no entries.  cache and filter may be NULL; series: NULL, or ranks of these entries' series, which
 * then go before time; attnum: a by-value column that sorts as signed integers, or 0 for an order of series alone; nullable: rows where it is NULL are
 * left out, otherwise there must be none that passes the filter; ncolumns: how many columns of a set the caller is going to decode.  Memory is taken in cxt.
 */
extern TsdbTimeOrder *tsdb_time_order_begin(TsdbStore *store, TsdbChunkCache *cache, TsdbChunkList *list, TsdbDirEntry *entries,
											int nentries, Snapshot snapshot, TsdbFilter *filter, TsdbSeriesRank *series, AttrNumber attnum,
											bool descending, bool nullable, int ncolumns, MemoryContext cxt);

/*
 * Next row in order, as a row of a set that is valid until the next call; false at the end.  series: its series' rank; value: the
 * column's.
 */
extern bool tsdb_time_order_next(TsdbTimeOrder *order, TsdbVectorSet **set, uint32 *row, uint64 *series, int64 *value);

/* The same in whatever order needs least memory. */
extern bool tsdb_time_order_next_unordered(TsdbTimeOrder *order, TsdbVectorSet **set, uint32 *row);

/* Are so many vectors open at a time that what is left should rather be sorted? */
extern bool tsdb_time_order_too_wide(TsdbTimeOrder *order);

extern void tsdb_time_order_end(TsdbTimeOrder *order, TsdbTimeOrderCounts *counts);
extern const TsdbTimeOrderCounts *tsdb_time_order_counts(TsdbTimeOrder *order);

#endif							/* TSDB_TIME_ORDER_H */
