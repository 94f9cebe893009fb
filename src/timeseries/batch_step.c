/*-------------------------------------------------------------------------
 * batch_step.c
 *	  Which transition functions have a batch step.
 *
 * They are told by their address: no other function has it, whatever it is called and whichever schema it is in.
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "timeseries/batch_step.h"

extern PGDLLEXPORT Datum tsdb_histogram_step(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tsdb_counter_step(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tsdb_counter_step_time_first(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tsdb_time_weight_step(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tsdb_lttb_step(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tsdb_candlestick_step(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tsdb_percentile_step(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tsdb_uddsketch_step(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tsdb_approx_count_distinct_step(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tsdb_hyperloglog_step(PG_FUNCTION_ARGS);

TsdbBatchStep
tsdb_batch_step_find(PGFunction step)
{
	static const struct
	{
		PGFunction	step;
		TsdbBatchStep batch;
	}			steps[] = {
		{tsdb_histogram_step, tsdb_histogram_batch},
		{tsdb_counter_step, tsdb_counter_batch},
		{tsdb_counter_step_time_first, tsdb_counter_batch_time_first},
		{tsdb_time_weight_step, tsdb_time_weight_batch},
		{tsdb_lttb_step, tsdb_lttb_batch},
		{tsdb_candlestick_step, tsdb_candlestick_batch},
		{tsdb_percentile_step, tsdb_percentile_batch},
		{tsdb_uddsketch_step, tsdb_uddsketch_batch},
		{tsdb_approx_count_distinct_step, tsdb_approx_count_distinct_batch},
		{tsdb_hyperloglog_step, tsdb_hyperloglog_batch}
	};
	Size		i;

	for (i = 0; i < lengthof(steps); i++)
	{
		if (steps[i].step == step)
			return steps[i].batch;
	}
	return NULL;
}
