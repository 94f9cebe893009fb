/*-------------------------------------------------------------------------
 * guc.h
 *	  The extension's settings.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_GUC_H
#define TSDB_GUC_H

#include "compat.h"

extern int	tsdb_direct_load_rows;	/* rows from which a statement loads directly; 0 = never */
extern int	tsdb_write_buffer_kb;	/* memory for rows on their way into chunks */

extern int	tsdb_index_memory_kb;	/* shared memory for the chunk index; 0 = none */
extern int	tsdb_cold_after_min;	/* age from which recompress makes chunks cold, minutes; -1 = never */
extern int	tsdb_cold_reads;	/* reads a day from which workers make no chunk cold; -1 = they don't look */
extern bool tsdb_enable_custom_scan;
extern bool tsdb_enable_vector_agg;
extern bool tsdb_enable_asof;
extern int	tsdb_simd_setting;	/* TsdbSimdTier */

extern int	tsdb_max_workers;	/* background workers per database; 0 = none */
extern int	tsdb_compress_after_s;	/* age from which rows are compressed however few they are, seconds */
extern int	tsdb_worker_cost_limit_kb;	/* a worker's reads and writes per second, kB; 0 = no limit */
extern int	tsdb_worker_naptime_s;	/* longest sleep of the launcher, seconds */
extern int	tsdb_work_tables;	/* tables of which waiting rows are counted */

extern void tsdb_guc_init(void);

#endif							/* TSDB_GUC_H */
