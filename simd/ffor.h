/*-------------------------------------------------------------------------
 * ffor.h
 *	  Packs up to 1,024 unsigned integers into W bits each, W = 0 .. 64.
 *
 * Interleaved layout: lanes of T bits, T = 8, 16, 32 or 64, the smallest that holds W.  A
 * row is 1,024 bits = S lanes, S = 1024 / T; value i is in row i / S, lane i mod S.  Each
 * lane packs its rows one after the other from its low bits on and goes on in the same lane
 * of the next 128-byte group when it is full:
 *
 *	W = 5, T = 8, S = 128		lane 0				lane 1				... lane 127
 *	group 0 (128 bytes)		 v128[2:0] v0[4:0]	 v129[2:0] v1[4:0]
 *	group 1					 v384[0] v256 v128[4:3]	...
 *
 * Values come out in order, 128 bits and more at a time, with shifts of 64-bit words only:
 * bits that cross into a neighbour lane are masked off.  n values take
 * ceil(ceil(n / S) * W / T) groups of 128 bytes.
 *
 * Horizontal layout: value i is bits i * W .. i * W + W - 1 of one little-endian stream of
 * ceil(n * W / 8) bytes.  For few values, where a group of 128 bytes would be mostly empty.
 *
 * All functions: 1 <= n <= 1024, 0 <= width <= 64; input and output do not overlap; no
 * alignment is needed.  Unpacking reads tsdb_ffor_size() bytes and not one more, whatever
 * they hold.  No function allocates or fails.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_FFOR_H
#define TSDB_FFOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TSDB_FFOR_MAX			1024
#define TSDB_FFOR_GROUP_BYTES	128

/* Fewer values than this are packed horizontally: an average half group is 17 % of 256 x 12 bits. */
#define TSDB_FFOR_MIN_INTERLEAVED	256

/* Bytes that n packed values take. */
size_t tsdb_ffor_size(int n, unsigned width, bool horizontal);

/* values[i] < 2^width.  Writes tsdb_ffor_size() bytes.  "narrow" is scratch of 8 KB. */
void tsdb_ffor_pack(const uint64_t *values, int n, unsigned width, bool horizontal,
					uint8_t *out, uint64_t *narrow);

/*
 * out[i] = base + factor * packed[i] modulo 2^64 for i < n; out[n] and above stay untouched.
 * "narrow" is scratch of 8 KB.
 */
void tsdb_ffor_unpack(const uint8_t *in, int n, unsigned width, bool horizontal,
					  uint64_t base, uint64_t factor, uint64_t *out, uint64_t *narrow);

/* packed[i], i < n; reads nothing outside of the tsdb_ffor_size() bytes of n values. */
uint64_t tsdb_ffor_get(const uint8_t *in, int i, unsigned width, bool horizontal);

#endif							/* TSDB_FFOR_H */
