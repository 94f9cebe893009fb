/*-------------------------------------------------------------------------
 * planes.h
 *	  Byte planes of a cold column, entropy coded.
 *
 *	0       4       8       9       10      12           12 + k
 *	+-------+-------+-------+-------+-------+------------+-------------
 *	| magic | nrows | k     | 0     | 0     | cut [k]    | frames
 *	+-------+-------+-------+-------+-------+------------+-------------
 *
 * A plane has a byte for each row of the chunk.  cut tells how it was cut before coding: 1 = not at all, 2 = into
 * nibbles, 4 = into pairs of bits, low bits first.  Each of these 1, 2 or 4 parts is packed close, a row's bits above those
 * of the rows before it in a byte, and coded by itself as a frame:
 *
 *	| uint32 length | bytes |		a zstd frame; or the packed part, if length is its size
 *
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_PLANES_H
#define TSDB_PLANES_H

#include "tsdb_codec.h"

/* Largest result of tsdb_planes_pack. */
size_t tsdb_planes_bound(int nplanes, uint32_t nrows);

/*
 * Packs planes[nplanes], 1 .. 8 of nrows bytes each.  Returns the bytes, or 0: no memory.
 * Verified: what is returned unpacks to the same planes.
 */
size_t tsdb_planes_pack(const uint8_t *const *planes, int nplanes, uint32_t nrows, uint8_t *out);

/* Number of planes, or 0: the bytes are no planes of so many rows. */
int tsdb_planes_count(const uint8_t *in, size_t len, uint32_t nrows);

/* Unpacks into planes[count], nrows bytes each, after tsdb_planes_count; false: the bytes are damaged, or no memory. */
bool tsdb_planes_unpack(const uint8_t *in, size_t len, uint32_t nrows, uint8_t *const *planes);

#endif							/* TSDB_PLANES_H */
