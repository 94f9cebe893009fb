/*-------------------------------------------------------------------------
 * fuzz_codec.h
 *	  What the fuzz targets of the codecs share: heads of inputs, exact buffers, decoding in two tiers.
 *
 * An input's head of three bytes: byte 0 picks the lane (bits 0, 1), what the values mean (bit 2, 1 = floats), whether to decode
 * the rest or to encode it as values (bit 4) and the tier of kernels (bits 5, 6); bytes 1 and 2 are the number of rows less
 * one.  Buffers are malloc'd to their exact size, so that the address sanitizer sees the first byte beyond.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_FUZZ_CODEC_H
#define TSDB_FUZZ_CODEC_H

#include <stdlib.h>
#include <string.h>

#include "kernels.h"
#include "planes.h"
#include "tests/one_value.h"
#include "tsdb_codec.h"

#define FUZZ_HEAD			3
#define FUZZ_FLOATS			0x04
#define FUZZ_ROUND_TRIP		0x10

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct FuzzInput
{
	TsdbLane	lane;
	bool		floats;
	bool		round_trip;
	TsdbSimdTier tier;
	int			n;
	uint8_t    *bytes;			/* behind the head */
	size_t		len;
} FuzzInput;

static inline void *
fuzz_alloc(size_t bytes)
{
	void	   *p = malloc(bytes > 0 ? bytes : 1);

	if (p == NULL)
		abort();
	return p;
}

static inline void
fuzz_assert(bool condition)
{
	if (!condition)
		abort();
}

/* False: there is no head. */
static inline bool
fuzz_open(const uint8_t *data, size_t size, FuzzInput *in)
{
	if (size < FUZZ_HEAD)
		return false;
	in->lane = (TsdbLane) (1 << (data[0] & 3));
	in->floats = (data[0] & FUZZ_FLOATS) != 0;
	in->round_trip = (data[0] & FUZZ_ROUND_TRIP) != 0;
	in->tier = (TsdbSimdTier) (data[0] >> 5 & 3);
	in->n = ((data[1] | data[2] << 8) & (TSDB_CODEC_MAX_ROWS - 1)) + 1;
	in->len = size - FUZZ_HEAD;
	in->bytes = fuzz_alloc(in->len);
	memcpy(in->bytes, data + FUZZ_HEAD, in->len);
	tsdb_simd_use(in->tier);
	return true;
}

static inline void
fuzz_close(FuzzInput *in)
{
	free(in->bytes);
	tsdb_simd_use(TSDB_SIMD_AVX512);
}

/* Zeroed, as encoders want it once; its contents are tests' matter. */
static inline TsdbCodecScratch *
fuzz_scratch(void)
{
	TsdbCodecScratch *scratch = calloc(1, tsdb_codec_scratch_size());

	fuzz_assert(scratch != NULL);
	return scratch;
}

static inline TsdbLaneMeaning
fuzz_meaning(const FuzzInput *in)
{
	return !in->floats ? TSDB_MEANS_INT : in->lane == TSDB_LANE_INT64 ? TSDB_MEANS_FLOAT8 :
		in->lane == TSDB_LANE_INT32 ? TSDB_MEANS_FLOAT4 : TSDB_MEANS_INT;
}

/* Decoded vectors keep their contract, and all tiers take the same blocks. */
static inline void
fuzz_decode(const FuzzInput *in, const uint8_t *const *planes, int nplanes)
{
	TsdbCodecScratch *scratch = fuzz_scratch();
	int64_t    *values = fuzz_alloc((size_t) in->n * sizeof(int64_t));
	int64_t    *again = fuzz_alloc((size_t) in->n * sizeof(int64_t));
	bool	   *isnull = fuzz_alloc((size_t) in->n);
	int			spare = 64 - 8 * (int) in->lane;
	int			nnulls = 0;
	int			i;
	bool		ok = tsdb_int_decode_cold(in->bytes, in->len, in->n, in->lane, planes, nplanes, values, isnull, &nnulls, scratch);
	bool		exact = !in->floats && tsdb_block_encoding(in->bytes, in->len) != TSDB_ENC_DECIMAL &&
	tsdb_block_encoding(in->bytes, in->len) != TSDB_ENC_FLOAT32;

	/* an n that no encoder writes is anything as decimal */
	fuzz_assert(one_int_differs(in->bytes, in->len, in->n, in->lane, planes, nplanes, ok, exact, values, isnull, nnulls, scratch) < 0);
	if (ok)
	{
		for (i = 0; i < in->n; i++)
		{
			fuzz_assert((int64_t) ((uint64_t) values[i] << spare) >> spare == values[i]);
			fuzz_assert(!isnull[i] || values[i] == 0);
			nnulls -= isnull[i];
		}
		fuzz_assert(nnulls == 0);
	}
	tsdb_simd_use(TSDB_SIMD_BASELINE);
	fuzz_assert(tsdb_int_decode_cold(in->bytes, in->len, in->n, in->lane, planes, nplanes, again, isnull, &nnulls, scratch) == ok);
	tsdb_simd_use(in->tier);
	if (ok && exact)
		fuzz_assert(memcmp(values, again, (size_t) in->n * sizeof(int64_t)) == 0);
	free(values);
	free(again);
	free(isnull);
	free(scratch);
}

/* The input's values, as many as there are bytes for, every value with a first byte of 0xAA NULL; returns their number. */
static inline int
fuzz_values(const FuzzInput *in, int64_t **values, bool **isnull)
{
	size_t		n = in->len / in->lane < TSDB_CODEC_MAX_ROWS ? in->len / in->lane : TSDB_CODEC_MAX_ROWS;
	int			spare = 64 - 8 * (int) in->lane;
	size_t		i;

	*values = fuzz_alloc(n * sizeof(int64_t));
	*isnull = fuzz_alloc(n);
	for (i = 0; i < n; i++)
	{
		uint64_t	v = 0;

		memcpy(&v, in->bytes + i * in->lane, in->lane);
		(*values)[i] = (int64_t) (v << spare) >> spare;
		(*isnull)[i] = (v & 0xFF) == 0xAA;
	}
	return (int) n;
}

/* The input as values: encoded in two tiers, to the same bytes, and decoded.  cold: with planes. */
static inline void
fuzz_round_trip(const FuzzInput *in, bool cold)
{
	TsdbCodecScratch *scratch = fuzz_scratch();
	int64_t    *values;
	bool	   *isnull;
	int			n = fuzz_values(in, &values, &isnull);

	if (n >= 1)
	{
		size_t		bound = tsdb_int_bound(n, in->lane);
		uint8_t    *planes[2][TSDB_MAX_PLANES];
		uint8_t    *out[2];
		size_t		size[2];
		int			nplanes[2] = {0, 0};
		TsdbEncoding encoding;
		int64_t    *back = fuzz_alloc((size_t) n * sizeof(int64_t));
		bool	   *back_null = fuzz_alloc((size_t) n);
		int			nnulls;
		int			k;
		int			p;
		int			i;

		for (k = 0; k < 2; k++)
		{
			for (p = 0; p < TSDB_MAX_PLANES; p++)
			{
				planes[k][p] = fuzz_alloc((size_t) n);
				memset(planes[k][p], 0, (size_t) n);
			}
			out[k] = fuzz_alloc(bound);
			tsdb_simd_use(k == 0 ? in->tier : TSDB_SIMD_BASELINE);
			size[k] = cold ?
				tsdb_int_encode_cold(values, isnull, n, in->lane, fuzz_meaning(in), planes[k], &nplanes[k], out[k], &encoding, scratch) :
				tsdb_int_encode(values, isnull, n, in->lane, fuzz_meaning(in), out[k], &encoding, scratch);
			fuzz_assert(size[k] > 0 && size[k] <= bound);
		}
		tsdb_simd_use(in->tier);
		fuzz_assert(tsdb_codec_fallbacks(scratch) == 0);
		fuzz_assert(size[0] == size[1] && nplanes[0] == nplanes[1] && memcmp(out[0], out[1], size[0]) == 0);
		for (p = 0; p < TSDB_MAX_PLANES; p++)
		{
			fuzz_assert(memcmp(planes[0][p], planes[1][p], (size_t) n) == 0);
			/* decoding has no business there */
			if (p >= nplanes[0])
			{
				free(planes[0][p]);
				planes[0][p] = NULL;
			}
		}
		out[0] = realloc(out[0], size[0]);
		fuzz_assert(out[0] != NULL);
		fuzz_assert(tsdb_int_decode_cold(out[0], size[0], n, in->lane, (const uint8_t *const *) planes[0], nplanes[0],
										 back, back_null, &nnulls, scratch));
		for (i = 0; i < n; i++)
			fuzz_assert(back_null[i] == isnull[i] && back[i] == (isnull[i] ? 0 : values[i]));
		fuzz_assert(one_int_differs(out[0], size[0], n, in->lane, (const uint8_t *const *) planes[0], nplanes[0], true, true,
									back, back_null, nnulls, scratch) < 0);
		for (k = 0; k < 2; k++)
		{
			for (p = 0; p < TSDB_MAX_PLANES; p++)
				free(planes[k][p]);
			free(out[k]);
		}
		free(back);
		free(back_null);
	}
	free(values);
	free(isnull);
	free(scratch);
}

#endif							/* TSDB_FUZZ_CODEC_H */
