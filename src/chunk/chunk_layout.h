/*-------------------------------------------------------------------------
 * chunk_layout.h
 *	  Reads and writes what is in a chunk's header, as pure functions; no PostgreSQL types.
 *
 * chunk_reader.c raises what is found wrong here as ERRCODE_DATA_CORRUPTED; tests and the fuzz target call it without
 * a server.  The bytes: header_format.h.  Nothing here allocates; callers give memory.
 *
 * Contract: any bytes give a layout or a problem.  In a layout every count, flag, number of a part and shift is in range, and
 * every reference lies within segments of the largest size; how long the segments really are is for
 * who reads them.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_CHUNK_LAYOUT_H
#define TSDB_CHUNK_LAYOUT_H

#include <stdbool.h>

/* (without the folder's name: tests compile these files by themselves) */
#include "header_format.h"

/* What others say about the chunk. */
typedef struct TsdbLayoutExpected
{
	uint32_t	chunk_id;
	uint32_t	nrows;			/* 1 .. TSDB_CHUNK_MAX_ROWS */
	uint32_t	nsegments;
	int			natts;			/* columns that the table has had; attnums are not above */
} TsdbLayoutExpected;

typedef struct TsdbLayout
{
	const TsdbHeaderDisk *header;	/* these four point into the header's bytes */
	const TsdbColumnDisk *columns;	/* [ncolumns] */
	const TsdbBlockRef *parts;	/* [nparts] */
	const TsdbTidDisk *tids;	/* [nsegments], hints */
	const TsdbVector *vectors;	/* [ncolumns][nvectors], in the caller's memory */
} TsdbLayout;

/* What is wrong: with the column of this number, or with the header itself. */
typedef struct TsdbLayoutProblem
{
	bool		other_version;	/* the version is none that we read; text is empty */
	int			attnum;			/* 0 = the header itself */
	char		text[256];
} TsdbLayoutProblem;

/*-------------- reading (chunk_layout.c) --------------*/

/*
 * Checks all that has a fixed place and is not of a column.  Returns the bytes of memory that tsdb_layout_parse needs
 * (at most 48 times "len"), or 0.  bytes: aligned to 8, length len.  The checksum is the caller's business.
 */
extern size_t tsdb_layout_measure(const uint8_t *bytes, size_t len, const TsdbLayoutExpected *expected,
								  TsdbLayoutProblem *problem);

/* Checks all and fills *layout; memory: aligned to 8.  False: *problem tells why. */
extern bool tsdb_layout_parse(const uint8_t *bytes, size_t len, const TsdbLayoutExpected *expected,
							  void *memory, TsdbLayout *layout, TsdbLayoutProblem *problem);

static inline uint32_t
tsdb_vector_rows(const TsdbHeaderDisk *header, uint32_t vector)
{
	uint32_t	left = header->nrows - vector * TSDB_VECTOR_ROWS;

	return left < TSDB_VECTOR_ROWS ? left : TSDB_VECTOR_ROWS;
}

static inline uint32_t
tsdb_vector_first_part(const TsdbVector *vector)
{
	return (uint32_t) vector->block.segment | (uint32_t) vector->block.offset << 16;
}

static inline uint32_t
tsdb_vector_piece_rows(const TsdbVector *vector)
{
	return UINT32_C(1) << (vector->flags >> TSDB_VEC_PIECE_SHIFT);
}

/* Bytes of the header before its vector tables, and where the TIDs start; the counts may be any. */
static inline size_t
tsdb_layout_tids_offset(const TsdbHeaderDisk *header)
{
	return sizeof(TsdbHeaderDisk) + (size_t) header->ncolumns * sizeof(TsdbColumnDisk) +
		(size_t) header->nparts * sizeof(TsdbBlockRef);
}

static inline size_t
tsdb_layout_fixed_bytes(const TsdbHeaderDisk *header)
{
	return tsdb_layout_tids_offset(header) + (size_t) header->nsegments * sizeof(TsdbTidDisk);
}

/*-------------- writing (chunk_layout_write.c) --------------*/

/* Upper bound of what tsdb_layout_pack writes, and the memory that it needs (aligned to 8). */
extern size_t tsdb_layout_pack_bound(const TsdbHeaderDisk *header);
extern size_t tsdb_layout_pack_memory(const TsdbHeaderDisk *header);

/*
 * Writes the vector tables of layout (tids are not looked at) to out.  They are verified by reading them again; if that
 * does not give the vectors, they are written raw.  Returns the bytes written; 0: no valid layout, problem tells why.
 * The same layout gives the same bytes.
 */
extern size_t tsdb_layout_pack(const TsdbLayout *layout, void *memory, uint8_t *out, TsdbLayoutProblem *problem);

#endif							/* TSDB_CHUNK_LAYOUT_H */
