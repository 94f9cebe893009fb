/*-------------------------------------------------------------------------
 * type_streams.h
 *	  Values of structured types as streams of integers, and back.
 *
 * A numeric, interval, uuid, inet, macaddr, timetz or geometric value lies in a column buffer as bytes. Here a
 * vector of them becomes a block of encoding STREAMS (simd/streams.h), and such a block becomes values as they
 * lie in memory.  Nothing here raises errors, allocates, or calls functions of the types.
 *
 * Exactness: a value goes into the streams only if joining them gives its very bytes; the others are kept
 * as bytes, as exceptions (for numeric: NaN, infinities, more than 38 digits, forms that numeric.c would not write).
 *
 * Which streams there are is told by the kind in the block, not by the column's type: that may since have
 * become another binary-coercible one (cidr to inet, a domain).  The reader only checks that values of the
 * kind have the length that the column wants.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_TYPE_STREAMS_H
#define TSDB_TYPE_STREAMS_H

#include "chunk/chunk_format.h"

#include "streams.h"

/*
 * How values are split.  On disk: never renumber.
 *
 *	NUMERIC			value = v * 10^(reduction - dscale) | dscale + reduction * 2^16 (int32)
 *	NUMERIC_WIDE	the same, with v's low 64 bits | dscale and reduction | v's high 64 bits
 *	INTERVAL		time | days (int32) | months (int32)
 *	TIMETZ			time | zone (int32)
 *	UUID			bytes 0 .. 7 | bytes 8 .. 15, big endian: a version 7 UUID's time rises
 *	INET			family * 256 + bits (int32) | low 8 bytes of the address, big endian; all 4 of IPv4 |
 *					high 8 bytes, 0 for IPv4
 *	MACADDR			its 6 bytes, big endian
 *	MACADDR8		its 8 bytes, big endian
 *	POINT, LINE, LSEG, BOX, CIRCLE
 *					their 2, 3, 4, 4, 3 doubles
 */
typedef enum TsdbStreamsKind
{
	TSDB_STREAMS_NONE = 0,
	TSDB_STREAMS_NUMERIC = 1,
	TSDB_STREAMS_NUMERIC_WIDE = 2,
	TSDB_STREAMS_INTERVAL = 3,
	TSDB_STREAMS_TIMETZ = 4,
	TSDB_STREAMS_UUID = 5,
	TSDB_STREAMS_INET = 6,
	TSDB_STREAMS_MACADDR = 7,
	TSDB_STREAMS_MACADDR8 = 8,
	TSDB_STREAMS_POINT = 9,
	TSDB_STREAMS_LINE = 10,
	TSDB_STREAMS_LSEG = 11,
	TSDB_STREAMS_BOX = 12,
	TSDB_STREAMS_CIRCLE = 13
} TsdbStreamsKind;

#define TSDB_NSTREAMSKINDS			14

/* A decoded value takes this much at most, varlena header included. */
#define TSDB_STREAMS_MAX_SLOT		32

/* Working memory of an encoder or decoder, about 60 KB; contents are nobody's business but exceptions after a decode. */
typedef struct TsdbStreamsWork
{
	int64		values[TSDB_MAX_STREAMS][TSDB_VECTOR_ROWS];
	int			nexceptions;
	uint16		exception_rows[TSDB_VECTOR_ROWS];
	TsdbBytes	exceptions[TSDB_VECTOR_ROWS];
#ifdef USE_ASSERT_CHECKING
	uint64		slots[TSDB_VECTOR_ROWS * TSDB_STREAMS_MAX_SLOT / 8];	/* what was encoded, decoded */
#endif
} TsdbStreamsWork;

/* Has the type (or the domain's base type) streams?  Looks into the catalog: ask once a column. */
extern TsdbStreamsKind tsdb_type_streams_kind(Oid typid);

/* Largest block for n rows with total_len bytes of values. */
extern Size tsdb_type_streams_bound(uint32 n, Size total_len);

/*
 * Encodes strings[n] (payload without varlena header, or fixed bytes; of rows that are NULL nothing is read; isnull = NULL:
 * none is) of a column whose type has this kind.  out: at least tsdb_type_streams_bound().  Returns 0,
 * and out holds rubbish, if streams are not worth while: hardly smaller than the bytes themselves, more than 1/8
 * exceptions, all values equal, or all NULL.
 */
extern Size tsdb_type_streams_encode(TsdbStreamsKind kind, const TsdbBytes *strings, const bool *isnull, uint32 n,
									 uint8 *out, TsdbStreamsWork *work, TsdbCodecScratch *scratch);

/*
 * Opens a block of encoding STREAMS: checks it but for the streams' insides, writes isnull[n] and *nnulls.
 * *slots_size: bytes that tsdb_type_streams_decode will want.  False: the block is not valid, or not for a column
 * of this kind and length.
 */
extern bool tsdb_type_streams_open(const uint8 *in, Size len, uint32 n, TsdbColumnKind kind, int16 typlen,
								   TsdbStreamsBlock *block, Size *slots_size, bool *isnull, int *nnulls);

/*
 * Builds the values in slots (MAXALIGNed, *slots_size bytes; *slots_size is a multiple of MAXALIGN) and
 * makes values[n] point to them, complete with varlena header: they are Datums.  0 in NULL rows.  isnull: as
 * open left it.
 *
 * Exceptions are the caller's to place, since their length is known only now: afterwards
 * work->exceptions[0 .. work->nexceptions - 1] are the bytes (in the block, without varlena header; their
 * lengths unchecked) of rows work->exception_rows[], whose values[] are 0.
 *
 * False: a stream is not valid.
 */
extern bool tsdb_type_streams_decode(const TsdbStreamsBlock *block, const bool *isnull, uint8 *slots,
									 Datum *values, TsdbStreamsWork *work, TsdbCodecScratch *scratch);

/*
 * The value of one row, which is not NULL, in a slot (MAXALIGNed, TSDB_STREAMS_MAX_SLOT bytes); or, if
 * exception->data is not NULL, no value but these bytes.
 */
extern bool tsdb_type_streams_value(const TsdbStreamsBlock *block, const bool *isnull, uint32 row, uint8 *slot,
									TsdbBytes *exception, TsdbStreamsWork *work, TsdbCodecScratch *scratch);

#endif							/* TSDB_TYPE_STREAMS_H */
