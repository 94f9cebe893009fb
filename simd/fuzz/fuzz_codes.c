/*-------------------------------------------------------------------------
 * fuzz_codes.c
 *	  libFuzzer target: blocks of codes (DICT), hot and cold, of any bytes, and any codes encoded.
 *
 * Input: see fuzz_codec.h; lanes: how large the dictionary is.  Planes, of which there are eight where the first byte's bit 2 is set,
 * hold the block's bytes over and over.
 *-------------------------------------------------------------------------
 */
#include "fuzz_codec.h"

static const uint32_t dict_counts[] = {1, 100, 70000, UINT32_MAX};

static void
decode(const FuzzInput *in, uint32_t dict_count)
{
	TsdbCodecScratch *scratch = fuzz_scratch();
	uint32_t   *codes = fuzz_alloc((size_t) in->n * sizeof(uint32_t));
	bool	   *isnull = fuzz_alloc((size_t) in->n);
	uint8_t    *planes[TSDB_MAX_PLANES];
	int			nplanes = in->floats ? TSDB_MAX_PLANES : 0;
	int			nnulls = 0;
	bool		ok;
	int			p;
	int			i;

	for (p = 0; p < nplanes; p++)
	{
		planes[p] = fuzz_alloc((size_t) in->n);
		for (i = 0; i < in->n; i++)
			planes[p][i] = in->len == 0 || p > 2 ? 0 : in->bytes[(size_t) i % in->len];
	}
	ok = nplanes > 0 ?
		tsdb_codes_decode_cold(in->bytes, in->len, in->n, dict_count, (const uint8_t *const *) planes, nplanes, codes, isnull, &nnulls, scratch) :
		tsdb_codes_decode(in->bytes, in->len, in->n, dict_count, codes, isnull, &nnulls, scratch);
	fuzz_assert(one_code_differs(in->bytes, in->len, in->n, dict_count, nplanes > 0 ? (const uint8_t *const *) planes : NULL,
								 nplanes, ok, codes, isnull, nnulls, scratch) < 0);
	if (ok)
	{
		for (i = 0; i < in->n; i++)
		{
			fuzz_assert(isnull[i] ? codes[i] == 0 : codes[i] < dict_count);
			nnulls -= isnull[i];
		}
		fuzz_assert(nnulls == 0);
	}
	for (p = 0; p < nplanes; p++)
		free(planes[p]);
	free(codes);
	free(isnull);
	free(scratch);
}

static void
round_trip(const FuzzInput *in, uint32_t dict_count)
{
	size_t		n = in->len / 4 < TSDB_CODEC_MAX_ROWS ? in->len / 4 : TSDB_CODEC_MAX_ROWS;
	TsdbCodecScratch *scratch = fuzz_scratch();
	uint32_t   *codes = fuzz_alloc(n * sizeof(uint32_t));
	uint32_t   *back = fuzz_alloc(n * sizeof(uint32_t));
	bool	   *isnull = fuzz_alloc(n);
	bool	   *back_null = fuzz_alloc(n);
	uint8_t    *planes[TSDB_MAX_PLANES];
	uint8_t    *out = fuzz_alloc(tsdb_codes_bound((int) n));
	TsdbEncoding encoding;
	size_t		size;
	size_t		i;
	int			nplanes = 0;
	int			nnulls;
	int			p;

	for (p = 0; p < TSDB_MAX_PLANES; p++)
	{
		planes[p] = fuzz_alloc(n);
		memset(planes[p], 0, n);
	}
	for (i = 0; i < n; i++)
	{
		memcpy(&codes[i], in->bytes + i * 4, 4);
		isnull[i] = (codes[i] & 0xFF) == 0xAA;
		codes[i] %= dict_count;
	}
	if (n > 0)
	{
		size = in->floats ?
			tsdb_codes_encode_cold(codes, isnull, (int) n, planes, &nplanes, out, &encoding, scratch) :
			tsdb_codes_encode(codes, isnull, (int) n, out, &encoding, scratch);
		fuzz_assert(size > 0 && size <= tsdb_codes_bound((int) n) && tsdb_codec_fallbacks(scratch) == 0);
		out = realloc(out, size);
		fuzz_assert(out != NULL);
		fuzz_assert(tsdb_codes_decode_cold(out, size, (int) n, dict_count, (const uint8_t *const *) planes, nplanes, back, back_null, &nnulls, scratch));
		for (i = 0; i < n; i++)
			fuzz_assert(back_null[i] == isnull[i] && back[i] == (isnull[i] ? 0 : codes[i]));
	}
	for (p = 0; p < TSDB_MAX_PLANES; p++)
		free(planes[p]);
	free(codes);
	free(back);
	free(isnull);
	free(back_null);
	free(out);
	free(scratch);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FuzzInput	in;
	uint32_t	dict_count;

	if (!fuzz_open(data, size, &in))
		return 0;
	dict_count = dict_counts[data[0] & 3];
	if (in.round_trip)
		round_trip(&in, dict_count);
	else
		decode(&in, dict_count);
	fuzz_close(&in);
	return 0;
}
