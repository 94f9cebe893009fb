/*-------------------------------------------------------------------------
 * fuzz_cold.c
 *	  libFuzzer target: blocks of cold columns, with planes, of any bytes, and any values encoded.
 *
 * Input: see fuzz_codec.h; to be decoded, it goes on with a byte of how many planes there are (0 .. 8, more: none, but their number is
 * told), two bytes of the block's length, the block, and what the planes hold, over and over.
 *-------------------------------------------------------------------------
 */
#include "fuzz_codec.h"

static void
decode_with_planes(const FuzzInput *in)
{
	FuzzInput	block = *in;
	uint8_t    *planes[TSDB_MAX_PLANES];
	int			nplanes;
	size_t		rest;
	int			p;
	int			i;

	if (in->len < 3)
		return;
	nplanes = in->bytes[0] & 15;
	block.len = in->bytes[1] | (size_t) in->bytes[2] << 8;
	block.len = block.len < in->len - 3 ? block.len : in->len - 3;
	rest = in->len - 3 - block.len;
	block.bytes = fuzz_alloc(block.len);
	memcpy(block.bytes, in->bytes + 3, block.len);
	if (nplanes > TSDB_MAX_PLANES)
		fuzz_decode(&block, NULL, nplanes & 7);
	else
	{
		size_t		at = 0;

		for (p = 0; p < nplanes; p++)
		{
			planes[p] = fuzz_alloc((size_t) in->n);
			for (i = 0; i < in->n; i++)
				planes[p][i] = rest == 0 ? 0 : in->bytes[3 + block.len + at++ % rest];
		}
		fuzz_decode(&block, (const uint8_t *const *) planes, nplanes);
		for (p = 0; p < nplanes; p++)
			free(planes[p]);
	}
	free(block.bytes);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FuzzInput	in;

	if (!fuzz_open(data, size, &in))
		return 0;
	if (in.round_trip)
		fuzz_round_trip(&in, true);
	else
		decode_with_planes(&in);
	fuzz_close(&in);
	return 0;
}
