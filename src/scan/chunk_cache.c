/*-------------------------------------------------------------------------
 * chunk_cache.c
 *	  Chunks that a scan has opened, for when it is scanned again.
 *
 * What is kept of a chunk stays right as long as the snapshot is the same: chunks never change, and which of their rows are
 * dead is the snapshot's to say.
 *
 * Up to hash_mem of them are kept.  When more are wanted, the one that was used longest ago goes, but only if the scan before this one did without
 * it: where each scan goes through all of them in turn, taking the one used longest ago would always take the one that is wanted next.
 *-------------------------------------------------------------------------
 */
#include "scan/chunk_cache.h"

#include "lib/ilist.h"
#include "miscadmin.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

/* that many are kept whatever the limit of memory */
#define MIN_CHUNKS 8

typedef struct CachedKey
{
	uint32		change;
	Oid			chunk_id;
} CachedKey;

typedef struct CachedChunk
{
	CachedKey	key;
	dlist_node	node;			/* in recent */
	TsdbChunk  *chunk;
	uint64		scan;			/* that used it last */
} CachedChunk;

struct TsdbChunkCache
{
	MemoryContext cxt;			/* this struct and all chunks */
	HTAB	   *chunks;
	dlist_head	recent;			/* the one used last at the head */
	int			nchunks;
	uint64		nopened;
	Size		bytes;			/* of all, when they were counted last */
	uint64		scan;			/* number of this one */
};

TsdbChunkCache *
tsdb_chunk_cache_create(MemoryContext parent)
{
	MemoryContext cxt = AllocSetContextCreate(parent, "tsdb chunk cache", ALLOCSET_SMALL_SIZES);
	TsdbChunkCache *cache = MemoryContextAllocZero(cxt, sizeof(TsdbChunkCache));
	HASHCTL		ctl;

	cache->cxt = cxt;
	dlist_init(&cache->recent);
	ctl.keysize = sizeof(CachedKey);
	ctl.entrysize = sizeof(CachedChunk);
	ctl.hcxt = cxt;
	cache->chunks = hash_create("tsdb chunk cache", 16, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	return cache;
}

void
tsdb_chunk_cache_next_scan(TsdbChunkCache *cache)
{
	cache->scan++;
}

static void
drop(TsdbChunkCache *cache, CachedChunk *cached)
{
	dlist_delete(&cached->node);
	cache->nchunks--;
	tsdb_chunk_release(cached->chunk);
	hash_search(cache->chunks, &cached->key, HASH_REMOVE, NULL);
}

/* Is there room for one more chunk, perhaps in place of another? */
static bool
make_room(TsdbChunkCache *cache)
{
	CachedChunk *last;

	if (cache->nchunks < MIN_CHUNKS)
		return true;
	/* chunks grow as they are read, so all are counted again */
	if (cache->nopened % MIN_CHUNKS == 0)
		cache->bytes = MemoryContextMemAllocated(cache->cxt, true);
	if (cache->bytes < get_hash_memory_limit())
		return true;
	last = dlist_tail_element(CachedChunk, node, &cache->recent);
	if (last->scan + 1 >= cache->scan)
		return false;
	drop(cache, last);
	return true;
}

TsdbChunk *
tsdb_chunk_cache_open(TsdbChunkCache *cache, TsdbStore *store, const TsdbDirEntry *entry, TupleDesc desc,
					  Snapshot snapshot, MemoryContext cxt)
{
	CachedKey	key = {entry->change, entry->d.chunk_id};
	CachedChunk *cached;
	TsdbChunk  *chunk;

	if (cache == NULL)
		return tsdb_chunk_open(store, entry, desc, snapshot, cxt);

	cached = hash_search(cache->chunks, &key, HASH_FIND, NULL);
	if (cached != NULL)
	{
		cached->scan = cache->scan;
		dlist_move_head(&cache->recent, &cached->node);
		tsdb_chunk_hold(cached->chunk);
		return cached->chunk;
	}

	chunk = tsdb_chunk_open(store, entry, desc, snapshot, cache->cxt);
	cache->nopened++;
	if (!make_room(cache))
		return chunk;
	cached = hash_search(cache->chunks, &key, HASH_ENTER, NULL);
	cached->chunk = chunk;
	cached->scan = cache->scan;
	dlist_push_head(&cache->recent, &cached->node);
	cache->nchunks++;
	tsdb_chunk_hold(chunk);
	return chunk;
}

void
tsdb_chunk_cache_clear(TsdbChunkCache *cache)
{
	while (!dlist_is_empty(&cache->recent))
		drop(cache, dlist_head_element(CachedChunk, node, &cache->recent));
}
