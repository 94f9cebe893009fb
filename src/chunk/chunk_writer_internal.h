/*-------------------------------------------------------------------------
 * chunk_writer_internal.h
 *	  State of a chunk writer, shared by the files that it is made of.
 *
 *	chunk_writer.c		vectors, columns, header
 *	column_method.c		strings without a dictionary: streams, symbols, frames
 *	chunk_dictionary.c	is a dictionary worth while, and which value has which code
 *	segment_packer.c	blocks into segments
 *	chunk_summary.c		series filter and column ranges
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_CHUNK_WRITER_INTERNAL_H
#define TSDB_CHUNK_WRITER_INTERNAL_H

#include "chunk/chunk_writer.h"
#include "chunk/type_streams.h"

#include "bytes_codec.h"
#include "chunk/codec_stats.h"
#include "chunk/column_ranges.h"
#include "tsdb_codec.h"

#define TSDB_OPEN_SEGMENTS		4

/*
 * A dictionary has at most so many bytes, and for integers and floats so many entries.  One of a column of the series may have more: rows are
 * sorted by it, so that codes take next to nothing, and their zones tell which vectors have a series.
 */
#define TSDB_MAX_DICT_BYTES			(256 * 1024)
#define TSDB_MAX_SERIES_DICT_BYTES	(1024 * 1024)
#define TSDB_MAX_INT_DICT			4096

/* What the gathered vector consists of. */
typedef enum TsdbVectorSource
{
	TSDB_SOURCE_INTS,			/* values */
	TSDB_SOURCE_CODES,			/* codes */
	TSDB_SOURCE_STRINGS			/* strings */
} TsdbVectorSource;

/* An array that grows and is kept. */
typedef struct TsdbPool
{
	void	   *data;
	Size		size;			/* bytes */
} TsdbPool;

/* What will be said about the chunk's values, see chunk_summary.c. */
typedef struct TsdbChunkSummary
{
	const TsdbChunkOrder *order;
	int16		nbloom_attnums;
	int16		bloom_attnums[TSDB_BLOOM_MAX_COLUMNS];
	uint64		bloom[TSDB_BLOOM_WORDS];	/* of columns that are done */
	TsdbPool	ranges;			/* TsdbRangeBuilder [ncolumns] */
	TsdbPool	sections;
	Size		sections_len;

	/* the column being encoded */
	TsdbRangeBuilder *range;
	bool		in_bloom;		/* goes into the filter, as far as is known */
	bool		is_name;		/* values end at a zero byte */
	uint32		nadded;
	uint64		column_bloom[TSDB_BLOOM_WORDS];	/* with its values */
} TsdbChunkSummary;

struct TsdbChunkWriter
{
	MemoryContext cxt;
	TsdbCodecScratch *scratch;
	TsdbCodecCount counts[TSDB_NENCODINGS];	/* of the chunk in hand */
	unsigned	nfallbacks;		/* that are in counts */

	/* the chunk being written */
	TsdbColumnBuffer *buf;
	const uint32 *perm;
	uint32		nrows;
	uint32		nvectors;
	Oid			chunk_id;
	TsdbPool	segments;		/* TSDB_SEGMENT_STRIDE bytes each, TsdbSegmentDisk first */
	uint32		nsegments;
	uint32		open[TSDB_OPEN_SEGMENTS];	/* segments that may take more blocks */
	int			nopen;
	TsdbPool	columns;		/* TsdbColumnDisk */
	TsdbPool	vectors;		/* TsdbVector */
	TsdbPool	parts;			/* TsdbBlockRef */
	uint32		nparts;
	TsdbPool	header;
	TsdbPool	pack_memory;	/* of tsdb_layout_pack */
	TsdbChunkSummary summary;

	/* cold chunks: byte planes of the column being encoded, and its blocks until it is known whether planes pay */
	bool		cold;
	uint8	   *planes[TSDB_MAX_PLANES];	/* [TSDB_CHUNK_MAX_ROWS] each, in plane_bytes */
	int			nplanes;
	TsdbPool	plane_bytes;
	TsdbPool	plane_frames;
	TsdbPool	cold_blocks;

	/* the column being encoded */
	TsdbColumn *col;
	TsdbColumnDisk *column;
	TsdbVectorSource source;
	TsdbStreamsKind streams_kind;	/* strings of a structured type */
	TsdbBytesMethod method;		/* of other strings */
	uint32		dict_count;		/* 0 = no dictionary */
	TsdbPool	row_codes;		/* uint32 [nrows]: number of the row's value, by first appearance */
	TsdbPool	code_of;		/* uint32 [dict_count]: that number to place in the dictionary */
	TsdbPool	dict_places;	/* uint32: arena places of distinct values */
	TsdbPool	dict_hashes;	/* uint32: their hashes */
	TsdbPool	dict_strings;	/* TsdbBytes */
	TsdbPool	slots;			/* uint32: open addressing, number + 1 */
	int64		dict_values[TSDB_MAX_INT_DICT];	/* distinct integers, by number */

	/* memory for the method */
	TsdbPool	fsst_trainer;
	TsdbPool	fsst_encoder;
	TsdbPool	bytes_work;
	TsdbBytesContext *bytes_context;	/* malloc'd; goes with cxt */
	MemoryContextCallback cxt_callback;

	/* the vector being encoded */
	uint32		n;				/* rows */
	uint32		nnulls;
	Size		total_len;		/* of strings */
	bool		isnull[TSDB_VECTOR_ROWS];
	int64		values[TSDB_VECTOR_ROWS];
	uint32		codes[TSDB_VECTOR_ROWS];
	TsdbBytes	strings[TSDB_VECTOR_ROWS];
	uint32		weights[TSDB_VECTOR_ROWS + 1];	/* strings: estimated bytes of rows before */
	TsdbPool	block;
	TsdbStreamsWork streams;
};

/* chunk_writer.c */

/* Makes room for size bytes; what is in it stays. */
extern void *tsdb_pool_reserve(TsdbChunkWriter *w, TsdbPool *pool, Size size);
/* Fetches vector v of the column at work, a by-value one. */
extern void tsdb_writer_gather_ints(TsdbChunkWriter *w, uint32 v);
/*
 * Encodes n rows of the gathered vector into w->block; returns the length.  planes: NULL, or of a cold column where
 * these rows' bytes go.
 */
extern Size tsdb_writer_encode_rows(TsdbChunkWriter *w, uint32 first, uint32 n, uint8 *const *planes,
									TsdbEncoding *encoding);

extern void tsdb_writer_gather_strings(TsdbChunkWriter *w, uint32 v);

/* column_method.c */

/*
 * Decides how strings of the column at work are stored that have no dictionary, and stores a symbol table if they need
 * one.
 */
extern void tsdb_choose_bytes_method(TsdbChunkWriter *w);

/* chunk_dictionary.c */

/*
 * Stores a dictionary for the column at work if that saves room, and sets w->source to CODES.
 * nvalid: rows that are not NULL; strings_len: bytes of their values.  By-value columns: the values
 * must be wide and few; a sample tells whether to look at all rows.
 */
extern void tsdb_dictionary_of_strings(TsdbChunkWriter *w, uint32 nvalid, Size strings_len);
extern void tsdb_dictionary_of_ints(TsdbChunkWriter *w);

/* segment_packer.c */

/* Bytes of memory a segment has: room for a tuple's data. */
#define TSDB_SEGMENT_STRIDE		TYPEALIGN(64, TSDB_TUPLE_MAX_DATA)

static inline TsdbSegmentDisk *
tsdb_packer_segment(TsdbChunkWriter *w, uint32 segment)
{
	Assert(segment < w->nsegments);
	return (TsdbSegmentDisk *) ((uint8 *) w->segments.data + (Size) segment * TSDB_SEGMENT_STRIDE);
}

/* What lies where, to be taken back to. */
typedef struct TsdbPackerMark
{
	uint32		nsegments;
	int			nopen;
	uint32		open[TSDB_OPEN_SEGMENTS];
	uint32		lengths[TSDB_OPEN_SEGMENTS];
	uint32		nparts;
} TsdbPackerMark;

extern TsdbPackerMark tsdb_packer_mark(TsdbChunkWriter *w);
/* Forgets all blocks placed since; the column's counts are the caller's. */
extern void tsdb_packer_return(TsdbChunkWriter *w, const TsdbPackerMark *mark);

/* Room for one block in the open segment that has most. */
extern Size tsdb_packer_hole(TsdbChunkWriter *w);
/* Stores a block, counts it for the column at work, tells where it lies. */
extern TsdbBlockRef tsdb_packer_place(TsdbChunkWriter *w, const uint8 *data, Size len);
/*
 * Stores bytes that are only read as a whole, in as many pieces as fill what is left of segments; appends their references
 * to w->parts and returns their number.
 */
extern uint32 tsdb_packer_place_pieces(TsdbChunkWriter *w, const uint8 *data, Size len);

/* chunk_summary.c, called in this order: chunk, then for each column begin, its vectors as they are gathered, end. */
extern void tsdb_summary_begin_chunk(TsdbChunkWriter *w, const TsdbChunkOrder *order);
/* Is it a column of the series in the order given there? */
extern bool tsdb_summary_is_series(const TsdbChunkSummary *s, AttrNumber attnum);
extern void tsdb_summary_begin_column(TsdbChunkWriter *w, int c);
extern void tsdb_summary_add_vector(TsdbChunkWriter *w, const TsdbVector *vector);
extern void tsdb_summary_end_column(TsdbChunkWriter *w);
/* Makes the sections; fills entry's series filter and d.nsections. */
extern void tsdb_summary_end_chunk(TsdbChunkWriter *w, TsdbDirEntry *entry);

#endif							/* TSDB_CHUNK_WRITER_INTERNAL_H */
