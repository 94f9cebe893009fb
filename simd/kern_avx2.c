/*-------------------------------------------------------------------------
 * kern_avx2.c
 *	  The kernels for AVX2, BMI1, BMI2, LZCNT, POPCNT and PCLMUL, if compiled with flags for these.
 *
 * No header of PostgreSQL here, nor any other with inline functions that are not static: the linker
 * might keep this file's copy for all.
 *-------------------------------------------------------------------------
 */
#include "kern.h"

#if defined(__x86_64__) && defined(__AVX2__) && defined(__BMI__) && defined(__BMI2__) && \
	defined(__LZCNT__) && defined(__POPCNT__) && defined(__PCLMUL__)

#define KERN_TIER		1
#define KERN_SUFFIX		avx2
#define KERN_LABEL		"avx2"

#include "kern_impl.h"

static const TsdbKernels table = KERN_TABLE;

const TsdbKernels *const tsdb_kern_avx2 = &table;

#else

const TsdbKernels *const tsdb_kern_avx2 = NULL;

#endif
