/*-------------------------------------------------------------------------
 * ffor.c
 *	  Bit-packing by the kernels in use; the layouts are drawn in ffor.h.
 *-------------------------------------------------------------------------
 */
#include "ffor.h"

#include <string.h>

#include "kernels.h"

size_t
tsdb_ffor_size(int n, unsigned width, bool horizontal)
{
	unsigned	T = width <= 8 ? 8 : width <= 16 ? 16 : width <= 32 ? 32 : 64;
	int			per_row = (int) (1024 / T);
	size_t		rows;

	if (horizontal)
		return ((size_t) n * width + 7) / 8;
	rows = (size_t) ((n + per_row - 1) / per_row);
	return (rows * width + T - 1) / T * TSDB_FFOR_GROUP_BYTES;
}

void
tsdb_ffor_pack(const uint64_t *values, int n, unsigned width, bool horizontal,
			   uint8_t *out, uint64_t *narrow)
{
	tsdb_kernels->pack(values, n, width, horizontal, out, narrow);
}

void
tsdb_ffor_unpack(const uint8_t *in, int n, unsigned width, bool horizontal,
				 uint64_t base, uint64_t factor, uint64_t *out, uint64_t *narrow)
{
	tsdb_kernels->unpack(in, n, width, horizontal, base, factor, out, narrow);
}

/* A lane of 1 << log bytes. */
static inline uint64_t
load_lane(const uint8_t *p, unsigned log)
{
	uint16_t	two;
	uint32_t	four;
	uint64_t	eight;

	switch (log)
	{
		case 0:
			return *p;
		case 1:
			memcpy(&two, p, sizeof(two));
			return two;
		case 2:
			memcpy(&four, p, sizeof(four));
			return four;
		default:
			memcpy(&eight, p, sizeof(eight));
			return eight;
	}
}

uint64_t
tsdb_ffor_get(const uint8_t *in, int i, unsigned width, bool horizontal)
{
	uint64_t	mask;
	uint64_t	low = 0;
	uint64_t	high = 0;
	size_t		bit;
	unsigned	shift;
	unsigned	log;

	if (width == 0)
		return 0;
	mask = UINT64_MAX >> (64 - width);
	if (horizontal)
	{
		size_t		bytes;

		bit = (size_t) i * width;
		shift = (unsigned) (bit % 8);
		bytes = (shift + width + 7) / 8;
		memcpy(&low, in + bit / 8, bytes < 8 ? bytes : 8);
		if (bytes > 8)
			high = (uint64_t) in[bit / 8 + 8] << (64 - shift);
		return (low >> shift | high) & mask;
	}

	/* row i / S of lane i mod S: bit "bit" of what the lane holds, group after group */
	log = width <= 8 ? 0 : width <= 16 ? 1 : width <= 32 ? 2 : 3;
	bit = ((size_t) i >> (7 - log)) * width;
	shift = (unsigned) bit & ((8U << log) - 1);
	in += (bit >> (3 + log)) * TSDB_FFOR_GROUP_BYTES + (((size_t) i & ((128U >> log) - 1)) << log);
	low = load_lane(in, log);
	if (shift + width > 8U << log)
		high = load_lane(in + TSDB_FFOR_GROUP_BYTES, log) << ((8U << log) - shift);
	return (low >> shift | high) & mask;
}
