/*-------------------------------------------------------------------------
 * kern.h
 *	  What kernels.c knows of the tier files kern_*.c.
 *
 * A tier that the build lacks (another processor, a compiler run without the file's flags) is NULL.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_KERN_H
#define TSDB_KERN_H

#include "kernels.h"

extern const TsdbKernels tsdb_kern_baseline;
extern const TsdbKernels *const tsdb_kern_avx2;
extern const TsdbKernels *const tsdb_kern_avx512;

#endif							/* TSDB_KERN_H */
