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

#include "common/hashfn.h"
#include "utils/datum.h"

typedef struct TsdbChunkSeries
{
	uint32		n;
	bool		nulls;			/* some row has none */
	Datum	   *values;			/* [n] */
	uint32	   *hashes;			/* [n] by tsdb_series_value_hash */
} TsdbChunkSeries;

/* Of a value that is not NULL, by its bytes. */
static inline uint32
tsdb_series_value_hash(Datum value, bool typbyval, int16 typlen)
{
	return hash_combine(0, datum_image_hash(value, typbyval, typlen));
}

/* What is known of a column of a chunk, valid until the next put; NULL: nothing. */
extern const TsdbChunkSeries *tsdb_series_cache_find(TsdbStore *store, const TsdbDirEntry *entry, AttrNumber attnum);

/* Remembers copies. */
extern void tsdb_series_cache_put(TsdbStore *store, const TsdbDirEntry *entry, AttrNumber attnum,
								  const TsdbChunkSeries *series, bool typbyval, int16 typlen);

#endif							/* TSDB_SERIES_CACHE_H */
