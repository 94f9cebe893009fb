/*-------------------------------------------------------------------------
 * kern_impl.h
 *	  The one source of all kernels; kernels.h has their contracts.
 *
 * Included by kern_baseline.c, kern_avx2.c and kern_avx512.c after they have defined
 *
 *	KERN_TIER	0, 1 or 2: a TsdbSimdTier
 *	KERN_SUFFIX	what names of functions end in
 *	KERN_LABEL	the name of the table
 *
 * and become a table as KERN_TABLE.  Everything here is static.
 *-------------------------------------------------------------------------
 */
#include "kern_vec.h"
#include "kern_pack.h"
#include "kern_models.h"
#include "kern_float.h"
#include "kern_bitmap.h"
#include "kern_filter.h"
#include "kern_aggregate.h"
#include "kern_crc.h"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "packed values are little-endian"
#endif

#define ENTRY(name)		.name = K(name)

#define KERN_TABLE \
{ \
	.tier = (TsdbSimdTier) KERN_TIER, .name = KERN_LABEL, \
	ENTRY(pack), ENTRY(unpack), ENTRY(unpack_lanes), ENTRY(unpack_sum), ENTRY(unpack_compare), \
	ENTRY(prefix_sum), ENTRY(prefix_sum32), ENTRY(scale_lanes), ENTRY(deltas), ENTRY(add_line), ENTRY(line), ENTRY(subtract), ENTRY(divide_exact), \
	ENTRY(width_histogram), ENTRY(collect_wide), ENTRY(run_starts), ENTRY(count_changes), \
	ENTRY(zigzag), ENTRY(unzigzag), ENTRY(split_planes), ENTRY(join_planes), ENTRY(widen_signed), \
	ENTRY(decimal_doubles), ENTRY(decimal_floats), ENTRY(scale_doubles), ENTRY(scale_floats), \
	ENTRY(doubles_to_floats), ENTRY(floats_to_doubles), ENTRY(join_real), \
	ENTRY(bitmap_and), ENTRY(bitmap_or), ENTRY(bitmap_andnot), ENTRY(bitmap_not), ENTRY(bitmap_count), \
	ENTRY(bitmap_from_bools), ENTRY(bitmap_to_bools), ENTRY(bitmap_to_rows), \
	ENTRY(select64), ENTRY(expand64), ENTRY(zero_rows), \
	ENTRY(compare), ENTRY(gather8), ENTRY(gather16), ENTRY(gather32), \
	ENTRY(moments), ENTRY(sum_int), ENTRY(sum_float), ENTRY(min_max), \
	KERN_CRC_ENTRY \
}
