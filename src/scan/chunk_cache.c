/*-------------------------------------------------------------------------
 * chunk_cache.c
 *	  Chunks that a scan has opened, for when it is scanned again.
 *
 * What is kept of a chunk stays right as long as the snapshot is the same: chunks never change, and which of their rows are
 * dead is the snapshot's to say.
 *-------------------------------------------------------------------------
 */
#include "scan/chunk_cache.h"

#include "utils/memutils.h"

#define CACHE_CHUNKS 8

typedef struct CachedChunk
{
	TsdbChunk  *chunk;			/* NULL = none */
	uint64		used;			/* clock of last use */
} CachedChunk;

struct TsdbChunkCache
{
	uint64		clock;
	CachedChunk chunks[CACHE_CHUNKS];
};

TsdbChunkCache *
tsdb_chunk_cache_create(MemoryContext cxt)
{
	return MemoryContextAllocZero(cxt, sizeof(TsdbChunkCache));
}

TsdbChunk *
tsdb_chunk_cache_open(TsdbChunkCache *cache, TsdbStore *store, const TsdbDirEntry *entry, TupleDesc desc,
					  Snapshot snapshot, MemoryContext cxt)
{
	CachedChunk *place;
	int			i;

	if (cache == NULL)
		return tsdb_chunk_open(store, entry, desc, snapshot, cxt);

	place = &cache->chunks[0];
	for (i = 0; i < CACHE_CHUNKS; i++)
	{
		CachedChunk *cached = &cache->chunks[i];

		if (cached->chunk != NULL && cached->chunk->entry.change == entry->change &&
			cached->chunk->entry.d.chunk_id == entry->d.chunk_id)
		{
			cached->used = ++cache->clock;
			tsdb_chunk_hold(cached->chunk);
			return cached->chunk;
		}
		if (cached->used < place->used)
			place = cached;
	}

	if (place->chunk != NULL)
		tsdb_chunk_release(place->chunk);
	place->chunk = NULL;
	place->chunk = tsdb_chunk_open(store, entry, desc, snapshot, cxt);
	place->used = ++cache->clock;
	tsdb_chunk_hold(place->chunk);
	return place->chunk;
}

void
tsdb_chunk_cache_clear(TsdbChunkCache *cache)
{
	int			i;

	for (i = 0; i < CACHE_CHUNKS; i++)
	{
		if (cache->chunks[i].chunk != NULL)
			tsdb_chunk_release(cache->chunks[i].chunk);
	}
	memset(cache, 0, sizeof(*cache));
}
