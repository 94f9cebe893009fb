/*-------------------------------------------------------------------------
 * ffor.c
 *	  Bit-packing by the kernels in use; the layouts are drawn in ffor.h.
 *-------------------------------------------------------------------------
 */
#include "ffor.h"

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
