/*-------------------------------------------------------------------------
 * codec_stats.h
 *	  Counts of what encoders wrote, in shared memory, since the server started.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_CODEC_STATS_H
#define TSDB_CODEC_STATS_H

#include "compat.h"

#include "tsdb_codec.h"

typedef struct TsdbCodecCount
{
	uint64		blocks;
	uint64		values;			/* NULLs included */
	uint64		bytes;
	uint64		fallbacks;		/* blocks of this encoding because another one did not verify */
} TsdbCodecCount;

/* Hooks that ask for the shared memory; from _PG_init. */
extern void tsdb_codec_stats_init(void);
/* Adds a writer's counts, [TSDB_NENCODINGS], and zeroes them.  Takes no lock. */
extern void tsdb_codec_stats_add(TsdbCodecCount *counts);
/* Copies the sums to counts[TSDB_NENCODINGS]. */
extern void tsdb_codec_stats_read(TsdbCodecCount *counts);

#endif							/* TSDB_CODEC_STATS_H */
