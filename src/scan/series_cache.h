/*-------------------------------------------------------------------------
 * series_cache.h
 *	  Which series a chunk has, as this backend has read it before.
 *
 * To know that a chunk has no series but known ones, its dictionary must be read: 20 us for each of perhaps thousands of
 * chunks.  What a chunk has never changes, so it is remembered from statement to statement.
 */
#ifndef TSDB_SERIES_CACHE_H
#define TSDB_SERIES_CACHE_H

#include "chunk/directory.h"

typedef struct TsdbChunkSeries
{
	uint32		n;
	bool		nulls;			/* some row has none */
	Datum	   *values;			/* [n] */
	uint32	   *hashes;			/* [n] as the caller gave them */
} TsdbChunkSeries;

/* What is known of a column of a chunk, valid until the next put; NULL: nothing. */
extern const TsdbChunkSeries *tsdb_series_cache_find(TsdbStore *store, const TsdbDirEntry *entry, AttrNumber attnum);

/* Remembers copies. */
extern void tsdb_series_cache_put(TsdbStore *store, const TsdbDirEntry *entry, AttrNumber attnum,
								  const TsdbChunkSeries *series, bool typbyval, int16 typlen);

#endif							/* TSDB_SERIES_CACHE_H */
