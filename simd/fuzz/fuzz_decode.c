/*-------------------------------------------------------------------------
 * fuzz_decode.c
 *	  libFuzzer target: every decoder on any bytes, and encoders on any values.
 *
 * Input: byte 0 picks the function, bytes 1 and 2 the number of rows less one, the rest is the
 * block (or the values).  Buffers are malloc'd to their exact size, so that the address
 * sanitizer sees the first byte beyond.
 *
 *	make -C simd fuzz			fuzzes for a minute with clang, on top of the committed corpus
 *	tests/test_fuzz_replay.c	runs the committed corpus without a fuzzer
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include "tsdb_codec.h"

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct FuzzBuffers
{
	int64_t    *values;
	bool	   *isnull;
	TsdbBytes  *strings;
	uint32_t   *codes;
	TsdbCodecScratch *scratch;
} FuzzBuffers;

static void *
fuzz_alloc(size_t bytes)
{
	void	   *p = malloc(bytes > 0 ? bytes : 1);

	if (p == NULL)
		abort();
	return p;
}

static const TsdbLane fuzz_lanes[] = {TSDB_LANE_INT8, TSDB_LANE_INT16, TSDB_LANE_INT32, TSDB_LANE_INT64};

static volatile unsigned fuzz_sink;	/* keeps reads of decoded strings */

static void
fuzz_decode(int what, const uint8_t *block, size_t len, int n, FuzzBuffers *b)
{
	unsigned	sum = 0;
	uint32_t	count;
	uint32_t	e;
	int			nnulls;
	int			i;

	switch (what)
	{
		case 4:
			if (tsdb_bytes_decode(block, len, n, b->strings, b->isnull, &nnulls, b->scratch))
				for (i = 0; i < n; i++)
					if (b->strings[i].len > 0)
						sum += b->strings[i].data[0] + b->strings[i].data[b->strings[i].len - 1];
			break;
		case 5:
			if (tsdb_codes_decode(block, len, n, 100, b->codes, b->isnull, &nnulls, b->scratch))
				for (i = 0; i < n; i++)
					if (b->codes[i] >= 100)
						abort();
			break;
		case 6:
			if (tsdb_dict_open(block, len, &count))
				for (e = 0; e < count; e++)
				{
					TsdbBytes	entry = tsdb_dict_entry(block, e);

					if (entry.len > 0)
						sum += entry.data[0] + entry.data[entry.len - 1];
				}
			break;
		default:
			if (tsdb_int_decode(block, len, n, fuzz_lanes[what], b->values, b->isnull, &nnulls, b->scratch))
				for (i = 0; i < n; i++)
				{
					int			spare = 64 - 8 * (int) fuzz_lanes[what];

					if ((int64_t) ((uint64_t) b->values[i] << spare) >> spare != b->values[i] ||
						(b->isnull[i] && b->values[i] != 0))
						abort();
					nnulls -= b->isnull[i];
				}
			else
				nnulls = 0;
			if (nnulls != 0)
				abort();
			break;
	}
	fuzz_sink = sum;
}

/* Values of lane "what", as many as there are bytes for; every NULL at a byte of 0xAA. */
static void
fuzz_round_trip(int what, const uint8_t *data, size_t len, FuzzBuffers *b)
{
	TsdbLane	lane = fuzz_lanes[what & 3];
	TsdbLaneMeaning meaning = what < 4 ? TSDB_MEANS_INT :
		lane == TSDB_LANE_INT64 ? TSDB_MEANS_FLOAT8 : lane == TSDB_LANE_INT32 ? TSDB_MEANS_FLOAT4 : TSDB_MEANS_INT;
	int			n = (int) (len / lane < TSDB_CODEC_MAX_ROWS ? len / lane : TSDB_CODEC_MAX_ROWS);
	int			spare = 64 - 8 * (int) lane;
	int64_t    *in;
	bool	   *null;
	uint8_t    *out;
	TsdbEncoding encoding;
	size_t		size;
	int			nnulls;
	int			i;

	if (n < 1)
		return;
	in = fuzz_alloc((size_t) n * sizeof(int64_t));
	null = fuzz_alloc((size_t) n);
	out = fuzz_alloc(tsdb_int_bound(n, lane));
	for (i = 0; i < n; i++)
	{
		uint64_t	v = 0;

		memcpy(&v, data + (size_t) i * lane, lane);
		in[i] = (int64_t) (v << spare) >> spare;
		null[i] = (v & 0xFF) == 0xAA;
	}
	size = tsdb_int_encode(in, null, n, lane, meaning, out, &encoding, b->scratch);
	out = realloc(out, size);
	if (out == NULL || !tsdb_int_decode(out, size, n, lane, b->values, b->isnull, &nnulls, b->scratch))
		abort();
	for (i = 0; i < n; i++)
		if (b->isnull[i] != null[i] || b->values[i] != (null[i] ? 0 : in[i]))
			abort();
	free(in);
	free(null);
	free(out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FuzzBuffers b;
	uint8_t    *block;
	int			n;

	if (size < 3)
		return 0;
	n = ((data[1] | data[2] << 8) & (TSDB_CODEC_MAX_ROWS - 1)) + 1;
	block = fuzz_alloc(size - 3);
	memcpy(block, data + 3, size - 3);
	b.scratch = fuzz_alloc(tsdb_codec_scratch_size());
	memset(b.scratch, data[1], tsdb_codec_scratch_size());
	if (data[0] & 16)
	{
		b.values = fuzz_alloc(TSDB_CODEC_MAX_ROWS * sizeof(int64_t));
		b.isnull = fuzz_alloc(TSDB_CODEC_MAX_ROWS);
		fuzz_round_trip(data[0] & 7, block, size - 3, &b);
	}
	else
	{
		b.values = fuzz_alloc((size_t) n * sizeof(int64_t));
		b.isnull = fuzz_alloc((size_t) n);
		b.strings = fuzz_alloc((size_t) n * sizeof(TsdbBytes));
		b.codes = fuzz_alloc((size_t) n * sizeof(uint32_t));
		fuzz_decode((data[0] & 15) % 7, block, size - 3, n, &b);
		free(b.strings);
		free(b.codes);
	}
	free(b.values);
	free(b.isnull);
	free(b.scratch);
	free(block);
	return 0;
}
