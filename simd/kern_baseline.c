/*-------------------------------------------------------------------------
 * kern_baseline.c
 *	  The kernels for any processor that the compiler's target covers: SSE2 on x86-64, NEON on aarch64.
 *-------------------------------------------------------------------------
 */
#include "kern.h"

#define KERN_TIER		0
#if defined(__x86_64__) || defined(__SSE2__)
#define KERN_SUFFIX		sse2
#define KERN_LABEL		"sse2"
#elif defined(__ARM_NEON)
#define KERN_SUFFIX		neon
#define KERN_LABEL		"neon"
#else
#define KERN_SUFFIX		baseline
#define KERN_LABEL		"baseline"
#endif

#include "kern_impl.h"

const TsdbKernels tsdb_kern_baseline = KERN_TABLE;
