/*-------------------------------------------------------------------------
 * chunk_layout_internal.h
 *	  What reader and writer of a header's vector tables share.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_CHUNK_LAYOUT_INTERNAL_H
#define TSDB_CHUNK_LAYOUT_INTERNAL_H

#include "chunk_layout.h"

/*
 * Where the blocks that were met so far end, so that the place of the next one can be told from its
 * length.  Reader and writer meet blocks in the same order (tsdb_block_start tells it).
 */
typedef struct TsdbReplay
{
	uint16_t   *ends;			/* [nsegments] */
	uint32_t	next_part;		/* behind the last cut vector's parts, or planes */
} TsdbReplay;

extern void tsdb_replay_start(TsdbReplay *replay, uint16_t *ends, uint32_t nsegments);

/* A block was met; the reference is valid or empty. */
static inline void
tsdb_replay_block(TsdbReplay *replay, const TsdbBlockRef *ref)
{
	if (ref->length > 0 && ref->offset != TSDB_BLOCK_SPANS)
		replay->ends[ref->segment] = (uint16_t) (ref->offset + ref->length);
}

extern void tsdb_replay_parts(TsdbReplay *replay, const TsdbBlockRef *parts, uint32_t first, uint32_t n);

/* The arrays of a packed table; those that the form leaves out are not set. */
typedef struct TsdbPackedTable
{
	uint64_t	encoding[TSDB_CHUNK_MAX_VECTORS];
	uint64_t	segment[TSDB_CHUNK_MAX_VECTORS];
	uint64_t	length[TSDB_CHUNK_MAX_VECTORS];
	uint64_t	spans[TSDB_CHUNK_MAX_VECTORS];
	uint64_t	offset[TSDB_CHUNK_MAX_VECTORS];
	uint64_t	piece[TSDB_CHUNK_MAX_VECTORS];
	uint64_t	part[TSDB_CHUNK_MAX_VECTORS];
	uint64_t	nnulls[TSDB_CHUNK_MAX_VECTORS];
	uint64_t	zone_min[TSDB_CHUNK_MAX_VECTORS];
	uint64_t	zone_span[TSDB_CHUNK_MAX_VECTORS];
} TsdbPackedTable;

/*
 * Reads the vector tables of a header whose other parts hold (columns and parts are checked here), from "in" to its end.
 * vectors: [ncolumns * nvectors]; ends: [nsegments].
 */
extern bool tsdb_layout_read_tables(const TsdbLayout *layout, const uint8_t *in, size_t len, int natts,
									TsdbVector *vectors, uint16_t *ends, TsdbLayoutProblem *problem);

extern bool tsdb_layout_problem(TsdbLayoutProblem *problem, int attnum, const char *fmt, ...)
			__attribute__((format(printf, 3, 4)));

#endif							/* TSDB_CHUNK_LAYOUT_INTERNAL_H */
