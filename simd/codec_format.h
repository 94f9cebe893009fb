/*-------------------------------------------------------------------------
 * codec_format.h
 *	  Every byte of an encoded block and of a dictionary, as it lies on disk.
 *
 * Little endian, no padding but named spare bytes, which are zero and checked.  A block
 * needs no alignment: it is read and written with memcpy.
 *
 * Block:
 *
 *	+--------+---------------+-----------------+-----------------------------+
 *	| header | NULLs         | integer payload | what the encoding adds      |
 *	| 16     | 0, bitmap,    |                 | (bytes, second payload,     |
 *	|        | or runs       |                 | exceptions)                 |
 *	+--------+---------------+-----------------+-----------------------------+
 *
 * Header, 16 bytes:
 *
 *	0       1       2       3       4       6       8       9       10      11      12      14      16
 *	+-------+-------+-------+-------+-------+-------+-------+-------+-------+-------+-------+-------+
 *	| enco- | null  | param | lane  | nrows | nulls | pay-  | flags | width | aux   | count | exc.  |
 *	| ding  | form  |       |       |       |       | load  |       |       |       |       |       |
 *	+-------+-------+-------+-------+-------+-------+-------+-------+-------+-------+-------+-------+
 *	 \______________ what the rows are ____________/ \________ the integer payload ________/ DECIMAL ...
 *
 * NULLs, by header.null_form:
 *
 *	NONE, ALL		nothing
 *	SOME, DENSE		bitmap: bit i (byte i / 8, bit i mod 8) is set if row i is NULL; ceil(n / 8) bytes,
 *					rounded up to 8; bits from n on are zero
 *	RUNS, DENSE_RUNS
 *					| uint16 k | k times { uint16 first row, uint16 rows } |: runs of NULLs, ascending,
 *					with a row that is not NULL between two
 *
 * With SOME and RUNS, NULL rows keep their slot in the payload; what stands there is never looked
 * at.  With DENSE and DENSE_RUNS the payload holds the other rows' values alone.  Strings are never dense.
 *
 * Integer payload of n values, by header.payload:
 *
 *	CONST	| int64 value |
 *	RLE		| int64 base | uint64 gcd, if flagged | run values | run lengths - 1 |
 *			  count runs; values are base + gcd * (width bits); lengths take aux bits;
 *			  both packed horizontally, each padded to a whole byte
 *	FOR		| int64 base | uint64 gcd, if flagged | packed | patches |
 *			  value = base + gcd * packed (width bits)
 *	DELTA	| int64 first | int64 base | uint64 gcd, if flagged | packed | patches |
 *			  value[0] = first, value[i] = value[i - 1] + base + gcd * packed[i]
 *	LINEAR	| int64 step | int64 base | uint64 gcd, if flagged | packed | patches |
 *			  value[i] = i * step + base + gcd * packed[i]
 *	RAW		| n lanes |
 *	PLANES	| int64 first, with flag DELTA | int64 base, but with flag ZERO_BASE | uint64 gcd, if flagged | patches |
 *			  cold: byte p of number i lies in plane p of the column, aux planes of them, outside of the
 *			  block; x[i] = base + gcd * unzigzag(number[i]) is the value or, flagged DELTA, the step to it;
 *			  width: bytes of a patch, 0 without
 *
 *	patches	| uint16 position [count] | signed difference from base, aux bytes [count] |
 *			  ascending positions; a patch replaces gcd * packed before anything else is
 *			  done; aux is 1 .. 8.  count = aux = 0 without the flag.
 *
 * All arithmetic wraps modulo 2^64.  Packed values: see ffor.h; flag HORIZONTAL tells which
 * of the two layouts; width 0 stores nothing.
 *
 * Second payload: | payload header, 8 bytes as bytes 8 .. 15 of the block's, exc. = 0 | payload |.
 * Never PLANES.
 *
 * Exceptions: | uint16 position [exc.] | bits of the value, lane bytes [exc.] |; positions ascend, among
 * the payload's values.
 *
 * What the encodings add:
 *
 *	NULL		nothing at all follows the header; payload = 0
 *	CONST, RLE, FOR, DELTA, LINEAR, RAW, PLANES with lane 1, 2, 4, 8
 *				nothing: the payload holds the values; payload = encoding
 *	CONST with lane 0
 *				payload = 0; | uint32 length | bytes |: one string
 *	DICT		lane 0; the payload holds codes
 *	BYTES		lane 0; the payload holds lengths; then the strings of the rows that are
 *				not NULL, back to back
 *	FSST, ZSTD, LZ4, STREAMS
 *				see bytes_codec.h and streams.h
 *	DECIMAL		lane 4 or 8: the payload holds n[i]; value = n[i] / 10^scale, a division of two doubles
 *				(lane 4: rounded to float), or n[i] * 10^(e - scale) * 10^-e; with flag RESIDUAL a second
 *				payload holds what is to be added to the value's bits; exceptions
 *	FLOAT32		lane 8; the payload (with flag DECIMAL: as in DECIMAL of lane 4) holds the bits of floats,
 *				whose values as doubles are meant; with flag RESIDUAL a second payload holds what is to be
 *				added to the doubles' bits; exceptions
 *	REAL		lane 4 or 8: | left parts, 8 times uint16 | the payload (FOR, base 0) holds the low bits, param
 *				of them, the second payload which left part stands above; exceptions
 *
 * Bytes behind the block are not looked at.
 *
 * Dictionary of count entries; entry i is bytes offset[i] .. offset[i + 1] - 1:
 *
 *	0       4       8                    8 + 4 * (count + 1)
 *	+-------+-------+--------------------+-------
 *	| magic | count | offset [count + 1] | bytes        offset[0] = 0, ascending
 *	+-------+-------+--------------------+-------
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_CODEC_FORMAT_H
#define TSDB_CODEC_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "blocks are little endian, and read as they lie"
#endif

typedef struct TsdbPayloadHeader
{
	uint8_t		payload;		/* TSDB_ENC_CONST, RLE, FOR, DELTA, LINEAR, RAW, PLANES; 0 = none */
	uint8_t		flags;			/* TSDB_PAYLOAD_* */
	uint8_t		width;			/* bits of a packed value, 0 .. 64; PLANES: bytes of a patch */
	uint8_t		aux;			/* RLE: bits of a run length; PLANES: planes; patches: bytes of one */
	uint16_t	count;			/* RLE: runs; else patches */
	uint16_t	nexceptions;	/* DECIMAL, FLOAT32, REAL, else 0 */
} TsdbPayloadHeader;

_Static_assert(sizeof(TsdbPayloadHeader) == 8, "payload header is 8 bytes");
_Static_assert(offsetof(TsdbPayloadHeader, width) == 2, "width at 2");
_Static_assert(offsetof(TsdbPayloadHeader, count) == 4, "count at 4");
_Static_assert(offsetof(TsdbPayloadHeader, nexceptions) == 6, "nexceptions at 6");

typedef struct TsdbBlockHeader
{
	uint8_t		encoding;		/* TsdbEncoding */
	uint8_t		null_form;		/* TSDB_NULLS_* */
	uint8_t		param;			/* DECIMAL, FLOAT32: TSDB_DECIMAL_*; REAL: bits of the right part; else 0 */
	uint8_t		lane;			/* bytes of a value, 0 for strings */
	uint16_t	nrows;			/* 1 .. TSDB_CODEC_MAX_ROWS */
	uint16_t	nnulls;			/* 0 .. nrows, agrees with null_form */
	TsdbPayloadHeader p;
} TsdbBlockHeader;

_Static_assert(sizeof(TsdbBlockHeader) == 16, "block header is 16 bytes");
_Static_assert(offsetof(TsdbBlockHeader, lane) == 3, "lane at 3");
_Static_assert(offsetof(TsdbBlockHeader, nrows) == 4, "nrows at 4");
_Static_assert(offsetof(TsdbBlockHeader, nnulls) == 6, "nnulls at 6");
_Static_assert(offsetof(TsdbBlockHeader, p) == 8, "payload header at 8");

/* header.null_form */
#define TSDB_NULLS_NONE			0
#define TSDB_NULLS_ALL			1
#define TSDB_NULLS_SOME			2
#define TSDB_NULLS_RUNS			3
#define TSDB_NULLS_DENSE		4
#define TSDB_NULLS_DENSE_RUNS	5

/* flags of a payload */
#define TSDB_PAYLOAD_GCD		0x01	/* a factor > 1 follows the base */
#define TSDB_PAYLOAD_PATCHES	0x02	/* count > 0 patches end the payload */
#define TSDB_PAYLOAD_HORIZONTAL	0x04	/* packed as one bit stream, not interleaved */
#define TSDB_PAYLOAD_DELTA		0x08	/* PLANES: the numbers are steps */
#define TSDB_PAYLOAD_ZERO_BASE	0x10	/* PLANES: the base is 0 and not stored */
#define TSDB_PAYLOAD_FLAGS		0x1F

/* header.param of DECIMAL and FLOAT32 */
#define TSDB_DECIMAL_SCALE		0x1F	/* 0 .. TSDB_DECIMAL_MAX_SCALE */
#define TSDB_DECIMAL_MUL14		0x20	/* multiplied, e = 14 */
#define TSDB_DECIMAL_MUL16		0x40	/* multiplied, e = 16; both of lane 8 alone, and not together */
#define TSDB_DECIMAL_RESIDUAL	0x80	/* a second payload follows */
#define TSDB_FLOAT32_DECIMAL	0x20	/* FLOAT32: the floats are decimals (divided) */

/* REAL: left parts, and their bits at most */
#define TSDB_REAL_LEFTS			8
#define TSDB_REAL_MAX_LEFT_BITS	16

/*
 * 10^17 is the largest power that a decimal of 17 significant digits below 1 can need; the
 * division is exact to the last bit because both operands are exact (10^22 is the last
 * power of ten that a double holds).
 */
#define TSDB_DECIMAL_MAX_SCALE	17

typedef struct TsdbDictHeader
{
	uint32_t	magic;
	uint32_t	count;
	/* uint32_t offset[count + 1], bytes */
} TsdbDictHeader;

_Static_assert(sizeof(TsdbDictHeader) == 8, "dictionary header is 8 bytes");

/* "TSD" and version 1 */
#define TSDB_DICT_MAGIC			0x01445354U

#endif							/* TSDB_CODEC_FORMAT_H */
