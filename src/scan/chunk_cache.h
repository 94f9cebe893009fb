/*-------------------------------------------------------------------------
 * chunk_cache.h
 *	  Chunks that a scan has opened, for when it is scanned again.
 *
 * The inner side of a nested loop comes to the same few chunks once for each outer row.  An open chunk has its header parsed, its
 * segments' checksums tested, its dictionaries and tombstones read.
 */
#ifndef TSDB_CHUNK_CACHE_H
#define TSDB_CHUNK_CACHE_H

#include "chunk/chunk_reader.h"

typedef struct TsdbChunkCache TsdbChunkCache;

/* Lives in cxt, as do the chunks. */
extern TsdbChunkCache *tsdb_chunk_cache_create(MemoryContext cxt);

/*
 * The entry's chunk, opened with tombstones; the caller releases it.  cache: NULL = none.  All look-ups of a cache are with the
 * same store, descriptor and MVCC snapshot.
 */
extern TsdbChunk *tsdb_chunk_cache_open(TsdbChunkCache *cache, TsdbStore *store, const TsdbDirEntry *entry, TupleDesc desc,
										Snapshot snapshot, MemoryContext cxt);

/* The scan begins again. */
extern void tsdb_chunk_cache_next_scan(TsdbChunkCache *cache);

/* Lets go of all chunks, before their store is closed. */
extern void tsdb_chunk_cache_clear(TsdbChunkCache *cache);

#endif							/* TSDB_CHUNK_CACHE_H */
