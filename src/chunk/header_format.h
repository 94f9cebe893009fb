/*-------------------------------------------------------------------------
 * header_format.h
 *	  Bytes of a chunk's header and of its segments' headers; no PostgreSQL types.
 *
 * Part of chunk_format.h, which PostgreSQL code includes.  It stands alone so that who reads and writes headers
 * (chunk_layout.c, chunk_layout_write.c) can be tested and fuzzed without a server.
 *
 * The header, cut into tuples of at most TSDB_TUPLE_MAX_DATA bytes:
 *
 *	0        32                       .. + 48 ncolumns    .. + 8 nparts    .. + 6 nsegments
 *	+--------+------------------------+-------------------+----------------+--------------------------+
 *	| Header | Column [ncolumns]      | BlockRef [nparts] | Tid[nsegments] | a vector table a column  |
 *	| Disk   | rising attnum          |                   |                |                          |
 *	+--------+------------------------+-------------------+----------------+--------------------------+
 *
 * A vector table is the byte "form" (TSDB_TABLE_*) and then
 *	raw:	TsdbVector[nvectors]
 *	packed:	arrays of nvectors integers, in this order, those in [] only with their bit of form:
 *
 *		encoding
 *		segment
 *		length
 *		[spans]			SPANS: 1 = block spans segments, length counts them
 *		[offset]		OFFSETS: else a block starts at tsdb_block_start(end, length), see there
 *		[piece]			PIECES: 0 = not cut, else log2 of rows a piece + 1, and then
 *		[first part]		first part less the number of the part behind those of the cut vector before
 *							(of this column or an earlier one) and behind planes met before; 0 at first
 *		[nnulls]		NULLS: else no row is NULL
 *		[zone_min]		ZONES: all vectors that have a value have a zone, else none has
 *		[zone_max - zone_min]
 *
 * segment, length, spans and offset say nothing for a vector that is cut or consists of NULLs (which has no
 * block), first part for one that is not cut, zones for one of NULLs.
 *
 * An array of n integers, arithmetic modulo 2^64:
 *
 *	0         1            2
 *	+---------+------------+------------------+--------+----------+------------------------------+
 *	| width,  | bytes of   | [bytes of first, | [base] | [factor] | numbers of "width" bits from |
 *	| 0x80 =  | base, of   | first: with      |        |          | the low end; zero bits to    |
 *	| delta   | factor <<4 | delta]           |        |          | the next whole byte          |
 *	+---------+------------+------------------+--------+----------+------------------------------+
 *
 *	without delta: value[i] = base + factor * number[i]
 *	with delta:    value[0] = first, value[i] = value[i - 1] + base + factor * number[i - 1]
 *
 * width is 0 .. 56 or 64.  base and first are signed, of 0 .. 8 bytes; no bytes: 0.  factor is unsigned; no bytes: 1.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_HEADER_FORMAT_H
#define TSDB_HEADER_FORMAT_H

#include <stddef.h>
#include <stdint.h>

/* format version of headers; 1 had no packed vector tables and was never released */
#define TSDB_HEADER_VERSION			2

#define TSDB_VECTOR_ROWS			1024	/* rows a vector */
#define TSDB_CHUNK_MAX_VECTORS		64
#define TSDB_CHUNK_MAX_ROWS			(TSDB_VECTOR_ROWS * TSDB_CHUNK_MAX_VECTORS)

#define TSDB_MAX_COLUMNS			1600

/* BLCKSZ, which chunk_format.h asserts; a server with other pages needs another number here */
#define TSDB_PAGE_BYTES				8192

/*
 * Where chunk_data starts in a page that one tuple fills: page header and item (32), tuple header (24), chunk_id (4),
 * chunk_seq (4) and varlena header (4).  The rest of the page is chunk_data of the largest tuple.
 */
#define TSDB_DATA_PAGE_OFFSET		68
#define TSDB_TUPLE_MAX_DATA			((size_t) (TSDB_PAGE_BYTES - TSDB_DATA_PAGE_OFFSET))

/*
 * Where a block of encoded bytes lies: whole in segment tuple "segment" at byte
 * "offset" (from the start of chunk_data, segment header included), or, with
 * "offset" = TSDB_BLOCK_SPANS, as the whole payload of this and the following segments,
 * "length" of them.  length = 0: no block.
 */
typedef struct TsdbBlockRef
{
	uint16_t	segment;
	uint16_t	offset;
	uint16_t	length;			/* bytes; segments if offset = TSDB_BLOCK_SPANS */
	uint16_t	spare;
} TsdbBlockRef;

#define TSDB_BLOCK_SPANS			0xFFFF

_Static_assert(sizeof(TsdbBlockRef) == 8, "block reference is 8 bytes");

typedef struct TsdbHeaderDisk
{
	uint32_t	crc;			/* CRC-32C of all that follows, all tuples */
	uint16_t	version;
	uint16_t	flags;			/* 0 */
	uint32_t	chunk_id;
	uint32_t	nrows;
	uint16_t	ncolumns;
	uint16_t	nvectors;		/* ceil(nrows / 1024) */
	uint16_t	nsegments;
	uint16_t	spare;
	uint32_t	nparts;
	uint32_t	spare2;
} TsdbHeaderDisk;

_Static_assert(sizeof(TsdbHeaderDisk) == 32, "chunk header is 32 bytes");

/* How a column's values are laid out before encoding. */
typedef enum TsdbColumnKind
{
	TSDB_KIND_INT = 1,			/* by-value, typlen 1, 2, 4, 8: sign-extended integers */
	TSDB_KIND_FLOAT4 = 2,		/* by-value, bits of a float, sign-extended to 64 */
	TSDB_KIND_FLOAT8 = 3,		/* by-value, bits of a double */
	TSDB_KIND_VARLENA = 4,		/* payload bytes without varlena header */
	TSDB_KIND_CSTRING = 5,		/* bytes without the closing 0 */
	TSDB_KIND_FIXED = 6			/* by-reference, typlen bytes */
} TsdbColumnKind;

/* Column descriptor.  parts[first_plane .. first_plane + nplanes) are the pieces of a cold column's packed byte planes. */
typedef struct TsdbColumnDisk
{
	int16_t		attnum;
	int16_t		typlen;
	uint8_t		typbyval;		/* 0, 1 */
	uint8_t		typalign;		/* 'c', 's', 'i', 'd' */
	uint8_t		kind;			/* TsdbColumnKind */
	uint8_t		flags;			/* TSDB_COL_* */
	uint32_t	typid;			/* for information: binary-coercible changes keep the chunk */
	uint32_t	dict_count;		/* entries of the column's dictionary, 0 = none */
	TsdbBlockRef dict;			/* the dictionary, see simd/tsdb_codec.h; or FSST's symbol table */
	uint64_t	raw_bytes;		/* bytes of the values as heap keeps them */
	uint64_t	stored_bytes;	/* bytes of blocks, dictionary and planes included */
	uint32_t	first_plane;	/* 0 without planes */
	uint8_t		nplanes;		/* pieces, not planes; > 0 iff TSDB_COL_COLD */
	uint8_t		spare[3];
} TsdbColumnDisk;

#define TSDB_COL_FSST				0x01	/* dict is a symbol table, dict_count = 0; by-reference kinds */
#define TSDB_COL_COLD				0x02	/* has planes; by-value kinds */
#define TSDB_COL_KNOWN_FLAGS		0x03

_Static_assert(sizeof(TsdbColumnDisk) == 48, "column descriptor is 48 bytes");
_Static_assert(offsetof(TsdbColumnDisk, raw_bytes) == 24, "raw_bytes at 24");
_Static_assert(offsetof(TsdbColumnDisk, first_plane) == 40, "first_plane at 40");

/*
 * One vector of one column, as it is in memory and in raw tables.  Without a block (block.length = 0 and nparts = 0) all rows
 * are NULL (nnulls = rows).  With nparts > 0 the vector is cut into pieces of a power
 * of two rows (512, 256, ... 1; the last may be short), ceil(rows / piece) = nparts of them,
 * whose references are parts[first_part ..], first_part = block.segment | block.offset << 16.
 * Each block or part is self-contained (tsdb_codec.h).
 */
typedef struct TsdbVector
{
	TsdbBlockRef block;
	uint16_t	nnulls;			/* 0 .. rows */
	uint16_t	nparts;			/* 0 = not cut; piece_rows_log2 in flags */
	uint16_t	flags;			/* TSDB_VEC_* */
	uint16_t	encoding;		/* TsdbEncoding of the block (first part), for views */
	int64_t		zone_min;		/* with TSDB_VEC_ZONE: bounds over the values that are not NULL; */
	int64_t		zone_max;		/* KIND_INT: as signed integers; by-reference kinds: of codes, if there is a dictionary */
} TsdbVector;

#define TSDB_VEC_ZONE				0x0001	/* zone_min/zone_max hold */
#define TSDB_VEC_PIECE_SHIFT		8		/* flags >> 8: log2 of rows a part, with nparts > 0 */
#define TSDB_VEC_KNOWN_FLAGS		0x0F01

_Static_assert(sizeof(TsdbVector) == 32, "vector descriptor is 32 bytes");

/* first byte of a vector table */
#define TSDB_TABLE_PACKED			0x01	/* else raw, and the bits below but PLANES_LAST are 0 */
#define TSDB_TABLE_SPANS			0x02
#define TSDB_TABLE_OFFSETS			0x04
#define TSDB_TABLE_PIECES			0x08
#define TSDB_TABLE_NULLS			0x10
#define TSDB_TABLE_ZONES			0x20
#define TSDB_TABLE_PLANES_LAST		0x40	/* planes were placed after the vectors, else before them; only if there are some */
#define TSDB_TABLE_KNOWN_BITS		0x7F

/* bits of a packed number: one load holds it at any bit of a byte */
#define TSDB_ARRAY_MAX_WIDTH		56
#define TSDB_ARRAY_DELTA			0x80

typedef struct TsdbTidDisk
{
	uint16_t	blk_hi;
	uint16_t	blk_lo;
	uint16_t	off;
} TsdbTidDisk;

_Static_assert(sizeof(TsdbTidDisk) == 6, "TID is 6 bytes");

/*
 * Segment tuple: this header, then blocks.  In a page-filling tuple chunk_data starts at
 * byte 68 of the page, so that the first block is at 96.  The writer starts blocks at 16-byte boundaries of the page,
 * and at 64-byte boundaries where the padding is at most 1/64 of the block.
 */
typedef struct TsdbSegmentDisk
{
	uint32_t	crc;			/* CRC-32C of all that follows */
	uint16_t	version;
	uint16_t	flags;			/* 0 */
	uint32_t	chunk_id;
	uint16_t	segment;		/* 0 .. nsegments - 1 */
	uint16_t	spare;
	uint32_t	length;			/* bytes of chunk_data, this header included */
	uint32_t	spare2[2];
} TsdbSegmentDisk;

_Static_assert(sizeof(TsdbSegmentDisk) == 28, "segment header is 28 bytes");

#define TSDB_SEGMENT_PAYLOAD		(TSDB_TUPLE_MAX_DATA - sizeof(TsdbSegmentDisk))

/*
 * Where in a segment whose blocks end at byte "end" the next one, of "length" bytes, starts; TSDB_TUPLE_MAX_DATA if it does
 * not fit.  Packed vector tables rely on it: "end" is that of the block which was met last in this segment, going through
 * columns in order, in each its dictionary or symbol table, planes (but with PLANES_LAST), then vectors and
 * their parts in order, then planes with PLANES_LAST; 28 in a segment that was not met.  Spanning blocks are left out.
 */
static inline size_t
tsdb_block_start(size_t end, size_t length)
{
	size_t		page_offset = TSDB_DATA_PAGE_OFFSET + end;
	size_t		fine = (page_offset + 15) & ~(size_t) 15;
	size_t		coarse = (page_offset + 63) & ~(size_t) 63;

	if ((coarse - page_offset) * 64 <= length && coarse + length <= TSDB_PAGE_BYTES)
		return coarse - TSDB_DATA_PAGE_OFFSET;
	if (fine + length <= TSDB_PAGE_BYTES)
		return fine - TSDB_DATA_PAGE_OFFSET;
	return TSDB_TUPLE_MAX_DATA;
}

#endif							/* TSDB_HEADER_FORMAT_H */
