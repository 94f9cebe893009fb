/*-------------------------------------------------------------------------
 * streams.h
 *	  Blocks of encoding STREAMS: values that were taken apart into integers.
 *
 * A value that has a structure (a numeric: digits and scale; an interval: months, days, time) compresses
 * far better as a few integers than as bytes.  Who knows the type splits and joins; here is the container:
 * some streams of integers, each a whole block of tsdb_int_encode, and the bytes of exceptions, values that
 * do not come back exactly from integers.
 *
 *	+--------+-------+----------+------+------------+-----------------------------------+------------
 *	| header | NULLs | nstreams | kind | exceptions | nstreams times                    | exceptions
 *	| 16     |       | uint8    |uint8 | uint16     | { uint32 length, block of nvalid }|
 *	+--------+-------+----------+------+------------+-----------------------------------+------------
 *
 *	exceptions	| uint16 row [exceptions] | uint32 length [exceptions] | bytes, back to back |
 *				ascending rows of the block (0 .. nrows - 1) that are not NULL
 *
 * Lane, param and the payload's part of the header are 0; null form NONE, SOME or RUNS.  Streams hold the
 * nvalid = nrows - nnulls rows that are not NULL and so have no NULLs themselves.  In the place of an exception a stream
 * repeats what was before it.  kind is the caller's: which transform made the streams.  All rows NULL: no such
 * block, but one of encoding NULL.
 *
 * As everywhere here: decoders take any bytes, nothing allocates, same values give same bytes.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_STREAMS_H
#define TSDB_STREAMS_H

#include "tsdb_codec.h"

#define TSDB_MAX_STREAMS		4

/* One stream to be encoded. */
typedef struct TsdbStream
{
	int64_t    *values;			/* [nvalid], sign-extended; slots of exceptions are filled by the encoder */
	TsdbLane	lane;
	TsdbLaneMeaning meaning;
} TsdbStream;

/* Largest block of n rows, streams of any lane; exception_len = sum of the exceptions' lengths. */
size_t tsdb_streams_bound(int n, int nstreams, int nexceptions, size_t exception_len);

/*
 * 1 .. TSDB_MAX_STREAMS streams of n rows, of which at least one is not NULL (isnull = NULL: none is).
 * exception_rows[nexceptions]: ascending rows that are not NULL; exceptions[]: their bytes.
 * out: at least tsdb_streams_bound() bytes.  Returns bytes written (> 0).
 */
size_t tsdb_streams_encode(uint8_t kind, const TsdbStream *streams, int nstreams, const bool *isnull, int n,
						   const TsdbBytes *exceptions, const uint16_t *exception_rows, int nexceptions,
						   uint8_t *out, TsdbCodecScratch *scratch);

/* A block that was opened; points into its bytes. */
typedef struct TsdbStreamsBlock
{
	int			n;				/* rows */
	int			nvalid;			/* rows that are not NULL: values of each stream, >= 1 */
	int			nstreams;		/* 1 .. TSDB_MAX_STREAMS */
	int			nexceptions;	/* 0 .. nvalid */
	uint8_t		kind;
	TsdbBytes	streams[TSDB_MAX_STREAMS];
	const uint8_t *exception_rows;
	const uint8_t *exception_lens;
	const uint8_t *exception_bytes;
} TsdbStreamsBlock;

/*
 * Checks everything but the streams' insides; writes isnull[n] and *nnulls.  False: no valid block of
 * encoding STREAMS with n rows; outputs are then unspecified.
 */
bool tsdb_streams_open(const uint8_t *in, size_t len, int n, TsdbStreamsBlock *block, bool *isnull, int *nnulls);

/* Stream s < block->nstreams into values[block->nvalid].  False: no valid stream of this lane. */
bool tsdb_streams_read(const TsdbStreamsBlock *block, int s, TsdbLane lane, int64_t *values,
					   TsdbCodecScratch *scratch);

/* Its value in slot < block->nvalid alone: see tsdb_int_value. */
bool tsdb_streams_value(const TsdbStreamsBlock *block, int s, TsdbLane lane, int slot, int64_t *value,
						TsdbCodecScratch *scratch);

/* Exceptions into rows[] and values[], block->nexceptions each; values point into the block. */
void tsdb_streams_exceptions(const TsdbStreamsBlock *block, uint16_t *rows, TsdbBytes *values);

#endif							/* TSDB_STREAMS_H */
