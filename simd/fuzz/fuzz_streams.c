/*-------------------------------------------------------------------------
 * fuzz_streams.c
 *	  libFuzzer target: blocks of encoding STREAMS, from any bytes, and of any values.
 *
 * Input: bytes 0 and 1 the number of rows less one (low 10 bits) and in bit 15 what to do: take the rest
 * as a block, or encode values made of it and see that they come back.  Buffers are malloc'd to their exact size,
 * so that the address sanitizer sees the first byte beyond.
 *
 *	tests/test_streams.c	runs the committed corpus, corpus_streams/, without a fuzzer
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include "streams.h"

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void *
fuzz_alloc(size_t bytes)
{
	void	   *p = malloc(bytes > 0 ? bytes : 1);

	if (p == NULL)
		abort();
	return p;
}

static const TsdbLane fuzz_lanes[] = {TSDB_LANE_INT64, TSDB_LANE_INT32, TSDB_LANE_INT16, TSDB_LANE_INT8};

static volatile unsigned fuzz_sink; /* keeps reads of exceptions */

/* A slot whose value, read alone, is not that of the whole stream (NULL: which is not valid), or -1. */
static int
fuzz_one_stream_differs(const TsdbStreamsBlock *opened, int s, TsdbLane lane, const int64_t *values, TsdbCodecScratch *scratch)
{
	int			slot;

	for (slot = 0; slot < opened->nvalid; slot += opened->nvalid < 40 ? 1 : 1 + opened->nvalid / 13)
	{
		int64_t		value = 0;
		bool		read = tsdb_streams_value(opened, s, lane, slot, &value, scratch);

		if (values != NULL && (!read || value != values[slot]))
			return slot;
	}
	return -1;
}

static void
fuzz_decode(const uint8_t *block, size_t len, int n, TsdbCodecScratch *scratch)
{
	TsdbStreamsBlock opened;
	bool	   *isnull = fuzz_alloc((size_t) n);
	int			nnulls;

	if (tsdb_streams_open(block, len, n, &opened, isnull, &nnulls))
	{
		int64_t    *values = fuzz_alloc((size_t) opened.nvalid * sizeof(int64_t));
		uint16_t   *rows = fuzz_alloc((size_t) opened.nexceptions * sizeof(uint16_t));
		TsdbBytes  *exceptions = fuzz_alloc((size_t) opened.nexceptions * sizeof(TsdbBytes));
		unsigned	sum = 0;
		int			i;

		if (opened.n != n || opened.nvalid != n - nnulls || opened.nvalid < 1)
			abort();
		for (i = 0; i < n; i++)
			nnulls -= isnull[i];
		if (nnulls != 0)
			abort();
		for (i = 0; i < opened.nstreams; i++)
		{
			size_t		l;

			for (l = 0; l < sizeof(fuzz_lanes) / sizeof(fuzz_lanes[0]); l++)
			{
				bool		valid = tsdb_streams_read(&opened, i, fuzz_lanes[l], values, scratch);

				TsdbEncoding encoding = tsdb_block_encoding(opened.streams[i].data, opened.streams[i].len);
				/* an n that no encoder writes is anything as decimal */
				bool		exact = encoding != TSDB_ENC_DECIMAL && encoding != TSDB_ENC_FLOAT32;

				if (fuzz_one_stream_differs(&opened, i, fuzz_lanes[l], valid && exact ? values : NULL, scratch) >= 0)
					abort();
				if (valid)
					sum += (unsigned) values[opened.nvalid - 1];
			}
		}
		tsdb_streams_exceptions(&opened, rows, exceptions);
		for (i = 0; i < opened.nexceptions; i++)
		{
			if (rows[i] >= n || isnull[rows[i]])
				abort();
			if (exceptions[i].len > 0)
				sum += exceptions[i].data[0] + exceptions[i].data[exceptions[i].len - 1];
		}
		fuzz_sink = sum;
		free(values);
		free(rows);
		free(exceptions);
	}
	free(isnull);
}

/* Byte 0: streams and lanes; byte 1 + i: row i is NULL, an exception, or a value made of it. */
static void
fuzz_round_trip(const uint8_t *data, size_t len, int n, TsdbCodecScratch *scratch)
{
	int			nstreams = 1 + (data[0] & 3);
	bool	   *isnull = fuzz_alloc((size_t) n);
	bool	   *isnull2 = fuzz_alloc((size_t) n);
	int64_t    *in = fuzz_alloc((size_t) n * TSDB_MAX_STREAMS * sizeof(int64_t));
	int64_t    *values = fuzz_alloc((size_t) n * sizeof(int64_t));
	uint16_t   *rows = fuzz_alloc((size_t) n * sizeof(uint16_t));
	uint16_t   *rows2 = fuzz_alloc((size_t) n * sizeof(uint16_t));
	TsdbBytes  *exceptions = fuzz_alloc((size_t) n * sizeof(TsdbBytes));
	TsdbBytes  *exceptions2 = fuzz_alloc((size_t) n * sizeof(TsdbBytes));
	bool	   *is_exception = fuzz_alloc((size_t) n);	/* by slot */
	TsdbStream	streams[TSDB_MAX_STREAMS];
	TsdbStreamsBlock opened;
	size_t		exception_len = 0;
	int			nexceptions = 0;
	int			nvalid = 0;
	int			nnulls;
	uint8_t    *out;
	size_t		bound;
	size_t		size;
	int			s;
	int			i;

	for (s = 0; s < nstreams; s++)
	{
		TsdbLane	lane = fuzz_lanes[(data[0] >> (2 + s)) & 3];

		streams[s].values = in + (size_t) s * n;
		streams[s].lane = lane;
		streams[s].meaning = lane == TSDB_LANE_INT64 && (data[0] & 0x80) ? TSDB_MEANS_FLOAT8 : TSDB_MEANS_INT;
	}
	for (i = 0; i < n; i++)
	{
		uint8_t		b = data[1 + (size_t) i % (len - 1)];

		isnull[i] = (b & 7) == 7 && i > 0;
		if (isnull[i])
			continue;
		is_exception[nvalid] = (b & 7) == 6;
		for (s = 0; s < nstreams; s++)
		{
			int			spare = 64 - 8 * (int) streams[s].lane;
			uint64_t	v = (uint64_t) b << (7 * s) ^ (b & 0x80 ? b * UINT64_C(0x9E3779B97F4A7C15) : 0);

			streams[s].values[nvalid] = (int64_t) (v << spare) >> spare;
		}
		if (is_exception[nvalid++])
		{
			rows[nexceptions] = (uint16_t) i;
			exceptions[nexceptions].data = data;
			exceptions[nexceptions].len = (uint32_t) (b % len);
			exception_len += exceptions[nexceptions++].len;
		}
	}

	bound = tsdb_streams_bound(n, nstreams, nexceptions, exception_len);
	out = fuzz_alloc(bound);
	size = tsdb_streams_encode(data[0], streams, nstreams, isnull, n, exceptions, rows, nexceptions, out, scratch);
	if (size > bound || (out = realloc(out, size)) == NULL ||
		!tsdb_streams_open(out, size, n, &opened, isnull2, &nnulls) ||
		opened.kind != data[0] || opened.nstreams != nstreams || opened.nvalid != nvalid ||
		opened.nexceptions != nexceptions || memcmp(isnull, isnull2, (size_t) n) != 0)
		abort();
	for (s = 0; s < nstreams; s++)
	{
		/* the encoder filled the slots of exceptions in its input */
		if (!tsdb_streams_read(&opened, s, streams[s].lane, values, scratch) ||
			memcmp(values, streams[s].values, (size_t) nvalid * sizeof(int64_t)) != 0 ||
			fuzz_one_stream_differs(&opened, s, streams[s].lane, values, scratch) >= 0)
			abort();
		for (i = 1; i < nvalid; i++)
			if (is_exception[i] && values[i] != values[i - 1])
				abort();
	}
	tsdb_streams_exceptions(&opened, rows2, exceptions2);
	for (i = 0; i < nexceptions; i++)
		if (rows[i] != rows2[i] || exceptions[i].len != exceptions2[i].len ||
			memcmp(exceptions[i].data, exceptions2[i].data, exceptions[i].len) != 0)
			abort();

	free(out);
	free(isnull);
	free(isnull2);
	free(in);
	free(values);
	free(rows);
	free(rows2);
	free(exceptions);
	free(exceptions2);
	free(is_exception);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TsdbCodecScratch *scratch;
	uint8_t    *block;
	unsigned	head;
	int			n;

	if (size < 2)
		return 0;
	head = data[0] | (unsigned) data[1] << 8;
	n = (int) (head & (TSDB_CODEC_MAX_ROWS - 1)) + 1;
	size -= 2;
	block = fuzz_alloc(size);
	memcpy(block, data + 2, size);
	/* zeroed, as its contract wants */
	scratch = calloc(1, tsdb_codec_scratch_size());
	if (scratch == NULL)
		abort();
	if (head & 0x8000)
	{
		if (size >= 2)
			fuzz_round_trip(block, size, n, scratch);
	}
	else
		fuzz_decode(block, size, n, scratch);
	free(scratch);
	free(block);
	return 0;
}
