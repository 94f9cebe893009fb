/*-------------------------------------------------------------------------
 * kernels.c
 *	  Which of the tables of kernels is used.
 *
 * The best one is taken when the program or library is loaded; before that (in other constructors)
 * the baseline serves.
 *-------------------------------------------------------------------------
 */
#include "kern.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

const TsdbKernels *tsdb_kernels = &tsdb_kern_baseline;

#if defined(__x86_64__)
/* clang 14's __builtin_cpu_supports does not know the name */
static bool
has_lzcnt(void)
{
	unsigned	eax;
	unsigned	ebx;
	unsigned	ecx;
	unsigned	edx;

	return __get_cpuid(0x80000001, &eax, &ebx, &ecx, &edx) != 0 && (ecx & (1U << 5)) != 0;
}
#endif

/* Whether the processor, and the operating system that has to save the registers, have all of a tier. */
static bool
tier_supported(TsdbSimdTier tier)
{
#if defined(__x86_64__)
	__builtin_cpu_init();
	if (tier >= TSDB_SIMD_AVX2 &&
		!(__builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi") &&
		  __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("popcnt") && __builtin_cpu_supports("pclmul") &&
		  has_lzcnt()))
		return false;
	if (tier >= TSDB_SIMD_AVX512 &&
		!(__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
		  __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
		  __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512vbmi2")))
		return false;
	return true;
#else
	return tier == TSDB_SIMD_BASELINE;
#endif
}

const TsdbKernels *
tsdb_simd_table(TsdbSimdTier tier)
{
	const TsdbKernels *table = NULL;

	switch (tier)
	{
		case TSDB_SIMD_BASELINE:
			return &tsdb_kern_baseline;
		case TSDB_SIMD_AVX2:
			table = tsdb_kern_avx2;
			break;
		case TSDB_SIMD_AVX512:
			table = tsdb_kern_avx512;
			break;
	}
	return table != NULL && tier_supported(tier) ? table : NULL;
}

TsdbSimdTier
tsdb_simd_best(void)
{
	int			tier = TSDB_SIMD_AVX512;

	while (tsdb_simd_table((TsdbSimdTier) tier) == NULL)
		tier--;
	return (TsdbSimdTier) tier;
}

void
tsdb_simd_use(TsdbSimdTier limit)
{
	TsdbSimdTier best = tsdb_simd_best();

	/* limits above what exists are harmless; a build may lack a tier between two */
	while (best > limit || tsdb_simd_table(best) == NULL)
		best = (TsdbSimdTier) (best - 1);
	tsdb_kernels = tsdb_simd_table(best);
}

static void __attribute__((constructor))
kernels_init(void)
{
	tsdb_simd_use(TSDB_SIMD_AVX512);
}
