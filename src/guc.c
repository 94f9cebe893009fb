/*-------------------------------------------------------------------------
 * guc.c
 *	  The extension's settings.
 *-------------------------------------------------------------------------
 */
#include "guc.h"

#include <limits.h>

#include "kernels.h"
#include "utils/guc.h"

int			tsdb_direct_load_rows = 1000;
int			tsdb_write_buffer_kb = 32 * 1024;
int			tsdb_index_memory_kb = 64 * 1024;
int			tsdb_cold_after_min = -1;
int			tsdb_cold_reads = 4;
bool		tsdb_enable_custom_scan = true;
bool		tsdb_enable_vector_agg = true;
bool		tsdb_enable_asof = true;
int			tsdb_simd_setting = TSDB_SIMD_AVX512;
int			tsdb_max_workers = 2;
int			tsdb_compress_after_s = 60;
int			tsdb_worker_cost_limit_kb = 0;
int			tsdb_worker_naptime_s = 10;
int			tsdb_work_tables = 4096;

static const struct config_enum_entry simd_tiers[] = {
	{"auto", TSDB_SIMD_AVX512, false},
	{"baseline", TSDB_SIMD_BASELINE, false},
	{"sse2", TSDB_SIMD_BASELINE, true},
	{"neon", TSDB_SIMD_BASELINE, true},
	{"avx2", TSDB_SIMD_AVX2, false},
	{"avx512", TSDB_SIMD_AVX512, true},
	{NULL, 0, false}
};

/* Results are the same in all tiers: whoever likes may choose. */
static void
assign_simd(int newval, void *extra)
{
	tsdb_simd_use((TsdbSimdTier) newval);
}

void
tsdb_guc_init(void)
{
	DefineCustomIntVariable("tsdb_am.direct_load_rows",
							"Sets the number of rows from which a statement writes compressed chunks directly.",
							"0 turns direct load off: all rows go to the row store first.",
							&tsdb_direct_load_rows,
							1000, 0, INT_MAX,
							PGC_USERSET, 0,
							NULL, NULL, NULL);

	DefineCustomIntVariable("tsdb_am.write_buffer",
							"Sets the memory for rows on their way into chunks.",
							"One chunk's encoded bytes come on top of it.",
							&tsdb_write_buffer_kb,
							32 * 1024, 1024, MAX_KILOBYTES,
							PGC_USERSET, GUC_UNIT_KB,
							NULL, NULL, NULL);

	DefineCustomIntVariable("tsdb_am.index_memory",
							"Sets the shared memory for the index of chunks.",
							"A chunk takes 126 bytes, a table at least 4 kB. 0 turns the index off: directories are read instead.",
							&tsdb_index_memory_kb,
							64 * 1024, 0, MAX_KILOBYTES,
							PGC_POSTMASTER, GUC_UNIT_KB,
							NULL, NULL, NULL);

	DefineCustomIntVariable("tsdb_am.cold_after",
							"Sets the age from which tsdb.recompress() encodes chunks for size instead of speed.",
							"The newest row counts. -1 = never.",
							&tsdb_cold_after_min,
							-1, -1, INT_MAX,
							PGC_USERSET, GUC_UNIT_MIN,
							NULL, NULL, NULL);

	DefineCustomIntVariable("tsdb_am.cold_reads",
							"Sets the number of reads a day from which workers and compression policies leave a chunk encoded for speed.",
							"All reads within ten minutes count as one. -1 = only age matters.",
							&tsdb_cold_reads,
							4, -1, 144,
							PGC_USERSET, 0,
							NULL, NULL, NULL);

	DefineCustomBoolVariable("tsdb_am.enable_custom_scan",
							 "Enables the planner's use of scans that work on whole vectors.",
							 NULL,
							 &tsdb_enable_custom_scan,
							 true,
							 PGC_USERSET, GUC_EXPLAIN,
							 NULL, NULL, NULL);

	DefineCustomBoolVariable("tsdb_am.enable_vector_agg",
							 "Enables the planner's use of scans that work on whole vectors.",
							 NULL,
							 &tsdb_enable_vector_agg,
							 true,
							 PGC_USERSET, GUC_EXPLAIN,
							 NULL, NULL, NULL);

	DefineCustomBoolVariable("tsdb_am.enable_asof",
							 "Enables the planner's use of merges for as-of joins.",
							 "They are written as LATERAL subqueries with ORDER BY and LIMIT 1.",
							 &tsdb_enable_asof,
							 true,
							 PGC_USERSET, GUC_EXPLAIN,
							 NULL, NULL, NULL);

	DefineCustomEnumVariable("tsdb_am.simd",
							 "Limits the instruction set that codecs and filters use.",
							 "What the processor lacks is not used in any case.",
							 &tsdb_simd_setting,
							 TSDB_SIMD_AVX512, simd_tiers,
							 PGC_USERSET, 0,
							 NULL, assign_simd, NULL);

	DefineCustomIntVariable("tsdb_am.max_workers",
							"Sets the number of background workers per database.",
							"They compress rows, merge chunks and run jobs. 0 = none: nothing happens by itself.",
							&tsdb_max_workers,
							2, 0, 32,
							PGC_SIGHUP, 0,
							NULL, NULL, NULL);

	DefineCustomIntVariable("tsdb_am.counted_tables",
							"Sets the number of tables of which waiting rows are counted.",
							"Where more have some, background workers look at all tables.",
							&tsdb_work_tables,
							4096, 16, 262144,
							PGC_POSTMASTER, 0,
							NULL, NULL, NULL);

	DefineCustomIntVariable("tsdb_am.compress_after",
							"Sets the age from which background workers compress rows however few they are.",
							"Many rows are compressed earlier.",
							&tsdb_compress_after_s,
							60, 0, INT_MAX / 1000,
							PGC_SIGHUP, GUC_UNIT_S,
							NULL, NULL, NULL);

	DefineCustomIntVariable("tsdb_am.worker_cost_limit",
							"Limits what a background worker reads and writes per second.",
							"0 = no limit.",
							&tsdb_worker_cost_limit_kb,
							0, 0, MAX_KILOBYTES,
							PGC_SIGHUP, GUC_UNIT_KB,
							NULL, NULL, NULL);

	DefineCustomIntVariable("tsdb_am.worker_naptime",
							"Sets the longest time between two looks of the launcher for work.",
							NULL,
							&tsdb_worker_naptime_s,
							10, 1, 3600,
							PGC_SIGHUP, GUC_UNIT_S,
							NULL, NULL, NULL);

	MarkGUCPrefixReserved("tsdb_am");
}
