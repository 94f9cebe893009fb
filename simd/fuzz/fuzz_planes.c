/*-------------------------------------------------------------------------
 * fuzz_planes.c
 *	  libFuzzer target: packed planes of cold columns, of any bytes, and any planes packed.
 *
 * Input: byte 0 how many planes to pack, 1 .. 8, or 0: the rest is packed planes; bytes 1 and 2 their rows less one, up to 4,096.
 *-------------------------------------------------------------------------
 */
#include "fuzz_codec.h"

#define MAX_ROWS	4096

static void
unpack(const uint8_t *bytes, size_t len, uint32_t nrows)
{
	uint8_t    *copy = fuzz_alloc(len);
	uint8_t    *planes[TSDB_MAX_PLANES];
	int			nplanes;
	int			p;

	memcpy(copy, bytes, len);
	nplanes = tsdb_planes_count(copy, len, nrows);
	fuzz_assert(nplanes >= 0 && nplanes <= TSDB_MAX_PLANES);
	for (p = 0; p < nplanes; p++)
		planes[p] = fuzz_alloc(nrows);
	if (nplanes > 0)
		(void) tsdb_planes_unpack(copy, len, nrows, planes);
	for (p = 0; p < nplanes; p++)
		free(planes[p]);
	free(copy);
}

static void
pack(const uint8_t *bytes, size_t len, int nplanes, uint32_t nrows)
{
	uint8_t    *planes[TSDB_MAX_PLANES];
	uint8_t    *back[TSDB_MAX_PLANES];
	size_t		bound = tsdb_planes_bound(nplanes, nrows);
	uint8_t    *packed = fuzz_alloc(bound);
	size_t		size;
	size_t		at = 0;
	int			p;
	uint32_t	i;

	for (p = 0; p < nplanes; p++)
	{
		planes[p] = fuzz_alloc(nrows);
		back[p] = fuzz_alloc(nrows);
		for (i = 0; i < nrows; i++)
			planes[p][i] = len == 0 ? 0 : bytes[at++ % len];
	}
	size = tsdb_planes_pack((const uint8_t *const *) planes, nplanes, nrows, packed);
	fuzz_assert(size > 0 && size <= bound);
	packed = realloc(packed, size);
	fuzz_assert(packed != NULL && tsdb_planes_count(packed, size, nrows) == nplanes && tsdb_planes_unpack(packed, size, nrows, back));
	for (p = 0; p < nplanes; p++)
	{
		fuzz_assert(memcmp(planes[p], back[p], nrows) == 0);
		free(planes[p]);
		free(back[p]);
	}
	free(packed);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int			nplanes;
	uint32_t	nrows;

	if (size < FUZZ_HEAD)
		return 0;
	nplanes = data[0] % (TSDB_MAX_PLANES + 1);
	nrows = (uint32_t) (data[1] | data[2] << 8) % MAX_ROWS + 1;
	if (nplanes == 0)
		unpack(data + FUZZ_HEAD, size - FUZZ_HEAD, nrows);
	else
		pack(data + FUZZ_HEAD, size - FUZZ_HEAD, nplanes, nrows);
	return 0;
}
