/*-------------------------------------------------------------------------
 * kern_avx512.c
 *	  The kernels for AVX-512 F, BW, DQ, VL, CD and VBMI2 (Ice Lake, Zen 4), if compiled with flags for these.
 *-------------------------------------------------------------------------
 */
#include "kern.h"

#if defined(__x86_64__) && defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && \
	defined(__AVX512VL__) && defined(__AVX512CD__) && defined(__AVX512VBMI2__) && \
	defined(__BMI__) && defined(__BMI2__) && defined(__LZCNT__) && defined(__POPCNT__)

#define KERN_TIER		2
#define KERN_SUFFIX		avx512
#define KERN_LABEL		"avx512"

#include "kern_impl.h"

static const TsdbKernels table = KERN_TABLE;

const TsdbKernels *const tsdb_kern_avx512 = &table;

#else

const TsdbKernels *const tsdb_kern_avx512 = NULL;

#endif
