/*-------------------------------------------------------------------------
 * series_cache.c
 *	  Which series a chunk has, as this backend has read it before.
 *
 * A chunk is named by its store's files, its change number and its id.  Files get new numbers when they are written anew; in files
 * that were truncated in place a number comes again, but with another id, which is a fresh OID.  Entries of chunks that
 * have gone stay until all is forgotten.
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "scan/series_cache.h"
#include "utils/datum.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/* when more is known than this, all is forgotten */
#define MAX_BYTES	((Size) 16 * 1024 * 1024)

typedef struct SeriesKey
{
	RelFileLocator node;
	uint32		change;
	Oid			chunk_id;
	int32		attnum;
} SeriesKey;

typedef struct CachedSeries
{
	SeriesKey	key;
	TsdbChunkSeries series;
} CachedSeries;

static HTAB *cache = NULL;
static MemoryContext cache_cxt = NULL;

static void
make_key(TsdbStore *store, const TsdbDirEntry *entry, AttrNumber attnum, SeriesKey *key)
{
	memset(key, 0, sizeof(*key));
	key->node = store->toastrel->rd_locator;
	key->change = entry->change;
	key->chunk_id = entry->d.chunk_id;
	key->attnum = attnum;
}

static void
cache_begin(void)
{
	HASHCTL		ctl;

	cache = NULL;
	if (cache_cxt == NULL)
		cache_cxt = AllocSetContextCreate(TopMemoryContext, "tsdb series of chunks", ALLOCSET_DEFAULT_SIZES);
	MemoryContextReset(cache_cxt);
	ctl.keysize = sizeof(SeriesKey);
	ctl.entrysize = sizeof(CachedSeries);
	ctl.hcxt = cache_cxt;
	cache = hash_create("tsdb series of chunks", 256, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

const TsdbChunkSeries *
tsdb_series_cache_find(TsdbStore *store, const TsdbDirEntry *entry, AttrNumber attnum)
{
	SeriesKey	key;
	CachedSeries *cached;

	if (cache == NULL)
		return NULL;
	make_key(store, entry, attnum, &key);
	cached = hash_search(cache, &key, HASH_FIND, NULL);
	return cached ? &cached->series : NULL;
}

void
tsdb_series_cache_put(TsdbStore *store, const TsdbDirEntry *entry, AttrNumber attnum,
					  const TsdbChunkSeries *series, bool typbyval, int16 typlen)
{
	SeriesKey	key;
	CachedSeries *cached;
	TsdbChunkSeries copy = *series;
	MemoryContext old;
	uint32		i;

	if (cache == NULL || MemoryContextMemAllocated(cache_cxt, true) > MAX_BYTES)
		cache_begin();
	/* first what may fail */
	old = MemoryContextSwitchTo(cache_cxt);
	copy.values = palloc(Max(series->n, 1) * sizeof(Datum));
	copy.hashes = palloc(Max(series->n, 1) * sizeof(uint32));
	for (i = 0; i < series->n; i++)
		copy.values[i] = datumCopy(series->values[i], typbyval, typlen);
	memcpy(copy.hashes, series->hashes, series->n * sizeof(uint32));
	MemoryContextSwitchTo(old);
	make_key(store, entry, attnum, &key);
	cached = hash_search(cache, &key, HASH_ENTER, NULL);
	cached->series = copy;
}
