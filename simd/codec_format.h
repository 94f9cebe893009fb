/*-------------------------------------------------------------------------
 * codec_format.h
 *	  Every byte of an encoded block and of a dictionary, as it lies on disk.
 *
 * Little endian, no padding but named spare bytes, which are zero and checked.  A block
 * needs no alignment: it is read and written with memcpy.
 *
 * Block:
 *
 *	+--------+-------------+-----------------+-----------------------------+
 *	| header | NULL bitmap | integer payload | what the encoding adds      |
 *	| 16     | 0 or 8k     |                 | (bytes, exceptions)         |
 *	+--------+-------------+-----------------+-----------------------------+
 *
 * Header, 16 bytes:
 *
 *	0       1       2       3       4       6       8       9       10      11      12      14      16
 *	+-------+-------+-------+-------+-------+-------+-------+-------+-------+-------+-------+-------+
 *	| enco- | null  | scale | lane  | nrows | nulls | pay-  | flags | width | aux   | count | exc.  |
 *	| ding  | form  |       |       |       |       | load  |       |       |       |       |       |
 *	+-------+-------+-------+-------+-------+-------+-------+-------+-------+-------+-------+-------+
 *	 \______________ what the rows are ____________/ \________ the integer payload ________/ DECIMAL
 *
 * NULL bitmap, only with null form SOME: bit i (byte i / 8, bit i mod 8) is set if row i is
 * NULL; ceil(n / 8) bytes, rounded up to 8; bits from n on are zero.  NULL rows keep their
 * slot in the payload; what stands there is never looked at.
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
 *	RAW		| n lanes |
 *
 *	patches	| uint16 position [count] | signed difference from base, aux bytes [count] |
 *			  ascending positions; a patch replaces gcd * packed before anything else is
 *			  done; aux is 1 .. 8.  count = aux = 0 without the flag.
 *
 * All arithmetic wraps modulo 2^64.  Packed values: see ffor.h; flag HORIZONTAL tells which
 * of the two layouts; width 0 stores nothing.
 *
 * What the encodings add:
 *
 *	NULL		nothing at all follows the header; payload = 0
 *	CONST, RLE, FOR, DELTA, RAW with lane 1, 2, 4, 8
 *				nothing: the payload holds the values; payload = encoding
 *	CONST with lane 0
 *				payload = 0; | uint32 length | bytes |: one string
 *	DICT		lane 0; the payload holds codes
 *	BYTES		lane 0; the payload holds lengths; then the strings of the rows that are
 *				not NULL, back to back
 *	DECIMAL		lane 4 or 8: the payload holds n[i]; value = n[i] / 10^scale, a division of
 *				two doubles (lane 4: rounded to float); then exceptions:
 *				| uint16 position [exc.] | bits of the value, 4 or 8 bytes [exc.] |
 *				positions ascend
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

typedef struct TsdbBlockHeader
{
	uint8_t		encoding;		/* TsdbEncoding */
	uint8_t		null_form;		/* TSDB_NULLS_* */
	uint8_t		scale;			/* DECIMAL: 0 .. TSDB_DECIMAL_MAX_SCALE, else 0 */
	uint8_t		lane;			/* bytes of a value, 0 for strings */
	uint16_t	nrows;			/* 1 .. TSDB_CODEC_MAX_ROWS */
	uint16_t	nnulls;			/* 0 .. nrows, agrees with null_form */
	uint8_t		payload;		/* TSDB_ENC_CONST, RLE, FOR, DELTA, RAW; 0 = none */
	uint8_t		flags;			/* TSDB_PAYLOAD_* */
	uint8_t		width;			/* bits of a packed value, 0 .. 64 */
	uint8_t		aux;			/* RLE: bits of a run length; patches: bytes of one */
	uint16_t	count;			/* RLE: runs; else patches */
	uint16_t	nexceptions;	/* DECIMAL, else 0 */
} TsdbBlockHeader;

_Static_assert(sizeof(TsdbBlockHeader) == 16, "block header is 16 bytes");
_Static_assert(offsetof(TsdbBlockHeader, lane) == 3, "lane at 3");
_Static_assert(offsetof(TsdbBlockHeader, nrows) == 4, "nrows at 4");
_Static_assert(offsetof(TsdbBlockHeader, nnulls) == 6, "nnulls at 6");
_Static_assert(offsetof(TsdbBlockHeader, payload) == 8, "payload at 8");
_Static_assert(offsetof(TsdbBlockHeader, width) == 10, "width at 10");
_Static_assert(offsetof(TsdbBlockHeader, count) == 12, "count at 12");
_Static_assert(offsetof(TsdbBlockHeader, nexceptions) == 14, "nexceptions at 14");

/* header.null_form */
#define TSDB_NULLS_NONE			0
#define TSDB_NULLS_ALL			1
#define TSDB_NULLS_SOME			2

/* header.flags */
#define TSDB_PAYLOAD_GCD		0x01	/* a factor > 1 follows the base */
#define TSDB_PAYLOAD_PATCHES	0x02	/* count > 0 patches end the payload */
#define TSDB_PAYLOAD_HORIZONTAL	0x04	/* packed as one bit stream, not interleaved */
#define TSDB_PAYLOAD_FLAGS		0x07

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
