/*-------------------------------------------------------------------------
 * chunk_writer.h
 *	  Encodes rows of a column buffer into a chunk and hands its tuples to a sink.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_CHUNK_WRITER_H
#define TSDB_CHUNK_WRITER_H

#include "chunk/column_buffer.h"
#include "chunk/directory.h"

/* A chunk holds rows of at most so many bytes as heap tuples, so that it can be made and read in memory. */
#define TSDB_CHUNK_MAX_RAW_BYTES	((uint64) 64 * 1024 * 1024)

/*
 * Where tuples go: the store, or a table rewrite.  is_segment tells tuples that (mostly) fill
 * a page: segments, and the leading pieces of a long header.  data is the writer's memory, valid
 * during the call.
 */
typedef struct TsdbChunkSink
{
	ItemPointerData (*put) (struct TsdbChunkSink *sink, Oid chunk_id, int32 chunk_seq,
							const void *data, Size len, bool is_segment);
	void	   *arg;
} TsdbChunkSink;

/* What the rows of a chunk are sorted by. */
typedef struct TsdbChunkOrder
{
	AttrNumber	time_attnum;	/* 0 = none */
	int			nseries_columns;
	const AttrNumber *series_columns;	/* in no certain order */
} TsdbChunkOrder;

/* Encoder scratch, pooled: make one a batch of chunks, reuse it for each. */
typedef struct TsdbChunkWriter TsdbChunkWriter;
extern TsdbChunkWriter *tsdb_chunk_writer_create(MemoryContext parent);
extern void tsdb_chunk_writer_free(TsdbChunkWriter *writer);
/* Cold chunks are smaller and slower to read: see simd/planes.h.  Holds for the chunks that follow. */
extern void tsdb_chunk_writer_set_cold(TsdbChunkWriter *writer, bool cold);
/* Bytes that the writer holds now (for memory accounting and bench). */
extern Size tsdb_chunk_writer_bytes(TsdbChunkWriter *writer);

/*
 * How many of the rows perm[0 .. nrows-1] the next chunk takes: at most maxrows, and within
 * TSDB_CHUNK_MAX_RAW_BYTES.  At least 1 if nrows is.
 */
extern uint32 tsdb_chunk_rows_that_fit(TsdbColumnBuffer *buf, const uint32 *perm,
									   uint32 nrows, uint32 maxrows);

/*
 * How many of the rows left become the next chunk: equal parts of whole vectors, rather than
 * full chunks and a small rest.
 */
extern uint32 tsdb_chunk_even_part(uint32 nleft);

/*
 * Encodes rows perm[0 .. nrows-1] of buf (1 <= nrows <= TSDB_CHUNK_MAX_ROWS) as chunk chunk_id:
 * segments first, then header tuples, all through the sink.  Fills entry->d but for change number,
 * first_vblock, crc (the directory's), mover_xid, src_* (the caller's, zero here), level and slice.
 * entry->d.time_* from order's time column (one that is not KIND_INT counts as none);
 * nseries as given; d.nsections, and the series filter.  PROGRAM_LIMIT_EXCEEDED if that takes more than 65,000 segments or header tuples:
 * rows that tsdb_chunk_rows_that_fit() lets through never do.
 */
extern void tsdb_chunk_write(TsdbChunkWriter *writer, TsdbChunkSink *sink, TsdbColumnBuffer *buf,
							 const uint32 *perm, uint32 nrows, Oid chunk_id,
							 const TsdbChunkOrder *order, uint32 nseries, TsdbDirEntry *entry);
/* The entry's sections of the chunk just written, valid until the next one. */
extern const uint8 *tsdb_chunk_writer_sections(TsdbChunkWriter *writer, Size *len);

/*
 * The usual case: new chunk id, tuples into the store under command id cid, directory entry
 * inserted.  mover_xid etc. are taken from *entry as the caller filled them (zeroed otherwise).
 */
extern void tsdb_chunk_write_to_store(TsdbChunkWriter *writer, TsdbStore *store, TsdbColumnBuffer *buf,
									  const uint32 *perm, uint32 nrows, const TsdbChunkOrder *order,
									  uint32 nseries, CommandId cid, int options, TsdbDirEntry *entry);

#endif							/* TSDB_CHUNK_WRITER_H */
