/*-------------------------------------------------------------------------
 * counter.c
 *	  Counters that start from zero again now and then: delta, increase, rate, irate, counter_agg.
 *
 * A value below the one before it in time means that the counter was reset in between and has
 * counted up to that value since.  So a counter's increase over some points is last - first, plus
 * the value before each reset: what it would show had it gone on.  These are Prometheus' and
 * timescaledb_toolkit's rules; nothing is extrapolated to the ends of a range.
 *
 * A summary holds that sum and the points at both ends, which is all that putting two adjoining
 * summaries together needs.
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "timeseries/summary_type.h"
#include "timeseries/time_points.h"
#include "utils/timestamp.h"

/* Format 1 */
typedef struct CounterSummary
{
	TsdbSummary header;
	int64		nelements;		/* points; > 0 */
	int64		nresets;		/* pairs of neighbours of which the second is less */
	int64		nchanges;		/* pairs of neighbours that differ */
	double		reset_sum;		/* of the first values of those pairs */
	TsdbPoint	first;			/* the same point as last, if there is one; times rise from field to field */
	TsdbPoint	second;
	TsdbPoint	before_last;
	TsdbPoint	last;
} CounterSummary;

StaticAssertDecl(sizeof(CounterSummary) == 104, "counter summaries are stored");

static const char *
check_counter(const TsdbSummary *header, Size len)
{
	const CounterSummary *summary = (const CounterSummary *) header;
	const TsdbPoint *first = &summary->first;

	if (summary->nelements < 1 || summary->nresets < 0 || summary->nchanges < summary->nresets ||
		summary->nelements - 1 < summary->nchanges)
		return "Its counts contradict each other.";
	if (!IS_VALID_TIMESTAMP(first->time) || !IS_VALID_TIMESTAMP(summary->second.time) ||
		!IS_VALID_TIMESTAMP(summary->before_last.time) || !IS_VALID_TIMESTAMP(summary->last.time))
		return "A time is out of range.";
	if (summary->nelements == 1 ?
		(first->time != summary->last.time || first->time != summary->second.time ||
		 first->time != summary->before_last.time) :
		(first->time >= summary->second.time || summary->second.time > summary->last.time ||
		 first->time > summary->before_last.time || summary->before_last.time >= summary->last.time))
		return "Its points are not in order.";
	return NULL;
}

static const TsdbSummaryType counter_type = {"countersummary", TSDB_SUMMARY_COUNTER, sizeof(CounterSummary), check_counter};

TSDB_SUMMARY_INPUT_FUNCTIONS(counter, &counter_type);

PG_FUNCTION_INFO_V1(tsdb_counter_step);
PG_FUNCTION_INFO_V1(tsdb_counter_step_time_first);
PG_FUNCTION_INFO_V1(tsdb_counter_final);
PG_FUNCTION_INFO_V1(tsdb_counter_final_delta);
PG_FUNCTION_INFO_V1(tsdb_counter_final_rate);
PG_FUNCTION_INFO_V1(tsdb_counter_final_irate);
PG_FUNCTION_INFO_V1(tsdb_counter_rollup_step);
PG_FUNCTION_INFO_V1(tsdb_counter_rollup_final);
PG_FUNCTION_INFO_V1(tsdb_counter_delta);
PG_FUNCTION_INFO_V1(tsdb_counter_rate);
PG_FUNCTION_INFO_V1(tsdb_counter_time_delta);
PG_FUNCTION_INFO_V1(tsdb_counter_idelta_left);
PG_FUNCTION_INFO_V1(tsdb_counter_idelta_right);
PG_FUNCTION_INFO_V1(tsdb_counter_irate_left);
PG_FUNCTION_INFO_V1(tsdb_counter_irate_right);
PG_FUNCTION_INFO_V1(tsdb_counter_num_resets);
PG_FUNCTION_INFO_V1(tsdb_counter_num_changes);
PG_FUNCTION_INFO_V1(tsdb_counter_num_elements);
PG_FUNCTION_INFO_V1(tsdb_counter_first_time);
PG_FUNCTION_INFO_V1(tsdb_counter_last_time);
PG_FUNCTION_INFO_V1(tsdb_counter_first_val);
PG_FUNCTION_INFO_V1(tsdb_counter_last_val);

#define GET_COUNTER(n)	((const CounterSummary *) tsdb_summary_get(PG_GETARG_DATUM(n), &counter_type))

/* Counts the step from one point to the next one */
static inline void
count_step(CounterSummary *summary, double before, double after)
{
	/* (with NaN neither, or only a change) */
	if (after < before)
	{
		summary->nresets++;
		summary->reset_sum += before;
	}
	if (after != before)
		summary->nchanges++;
}

static CounterSummary *
summarize(const TsdbPoints *points)
{
	CounterSummary *summary = (CounterSummary *) tsdb_summary_create(&counter_type, sizeof(CounterSummary));
	const TsdbPoint *array = points->points;
	Size		n = points->npoints;
	Size		i;

	Assert(n > 0 && points->ascending);
	summary->nelements = n;
	summary->first = array[0];
	summary->second = array[n > 1 ? 1 : 0];
	summary->before_last = array[n > 1 ? n - 2 : 0];
	summary->last = array[n - 1];
	for (i = 1; i < n; i++)
		count_step(summary, array[i - 1].value, array[i].value);
	return summary;
}

static double
counter_delta(const CounterSummary *summary)
{
	return summary->last.value - summary->first.value + summary->reset_sum;
}

static double
step_delta(const TsdbPoint *from, const TsdbPoint *to)
{
	return to->value < from->value ? to->value : to->value - from->value;
}

static Datum
per_second(FunctionCallInfo fcinfo, double delta, const TsdbPoint *from, const TsdbPoint *to)
{
	if (from->time == to->time)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(delta / tsdb_seconds_between(from->time, to->time));
}

/*-------------------------------------------------------------------- SQL: aggregates */

/* (value, time) */
Datum
tsdb_counter_step(PG_FUNCTION_ARGS)
{
	TsdbPoints *points = tsdb_points_step(fcinfo, 2, 1);

	if (points == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(points);
}

/* (time, value) */
Datum
tsdb_counter_step_time_first(PG_FUNCTION_ARGS)
{
	TsdbPoints *points = tsdb_points_step(fcinfo, 1, 2);

	if (points == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(points);
}

void *
tsdb_counter_batch(FunctionCallInfo fcinfo, void *state, const TsdbStepBatch *batch, int first, int n)
{
	return tsdb_points_batch(fcinfo, state, &batch->args[1], &batch->args[0], first, n);
}

void *
tsdb_counter_batch_time_first(FunctionCallInfo fcinfo, void *state, const TsdbStepBatch *batch, int first, int n)
{
	return tsdb_points_batch(fcinfo, state, &batch->args[0], &batch->args[1], first, n);
}

Datum
tsdb_counter_final(PG_FUNCTION_ARGS)
{
	const TsdbPoints *points = tsdb_points_final(fcinfo);

	if (points == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(summarize(points));
}

Datum
tsdb_counter_final_delta(PG_FUNCTION_ARGS)
{
	const TsdbPoints *points = tsdb_points_final(fcinfo);

	if (points == NULL)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(counter_delta(summarize(points)));
}

Datum
tsdb_counter_final_rate(PG_FUNCTION_ARGS)
{
	const TsdbPoints *points = tsdb_points_final(fcinfo);
	const CounterSummary *summary;

	if (points == NULL)
		PG_RETURN_NULL();
	summary = summarize(points);
	return per_second(fcinfo, counter_delta(summary), &summary->first, &summary->last);
}

Datum
tsdb_counter_final_irate(PG_FUNCTION_ARGS)
{
	const TsdbPoints *points = tsdb_points_final(fcinfo);
	const TsdbPoint *last;

	if (points == NULL || points->npoints < 2)
		PG_RETURN_NULL();
	last = &points->points[points->npoints - 1];
	return per_second(fcinfo, step_delta(last - 1, last), last - 1, last);
}

Datum
tsdb_counter_rollup_step(PG_FUNCTION_ARGS)
{
	return tsdb_summary_list_step(fcinfo, &counter_type);
}

Datum
tsdb_counter_rollup_final(PG_FUNCTION_ARGS)
{
	const TsdbSummaryList *list = tsdb_summary_list_final(fcinfo, offsetof(CounterSummary, first.time));
	CounterSummary *result;
	Size		i;

	if (list == NULL)
		PG_RETURN_NULL();
	result = (CounterSummary *) tsdb_summary_create(&counter_type, sizeof(CounterSummary));
	memcpy(result, tsdb_summary_list_item(list, 0), sizeof(CounterSummary));
	for (i = 1; i < list->n; i++)
	{
		const CounterSummary *next = tsdb_summary_list_item(list, i);

		tsdb_summary_require_after(result->last.time, next->first.time, &counter_type);
		count_step(result, result->last.value, next->first.value);
		result->nresets += next->nresets;
		result->nchanges += next->nchanges;
		result->reset_sum += next->reset_sum;
		if (result->nelements == 1)
			result->second = next->first;
		result->before_last = next->nelements == 1 ? result->last : next->before_last;
		result->last = next->last;
		result->nelements = tsdb_summary_add_counts(result->nelements, next->nelements);
	}
	PG_RETURN_POINTER(result);
}

/*-------------------------------------------------------------------- SQL: what a summary says */

Datum
tsdb_counter_delta(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(counter_delta(GET_COUNTER(0)));
}

Datum
tsdb_counter_rate(PG_FUNCTION_ARGS)
{
	const CounterSummary *summary = GET_COUNTER(0);

	return per_second(fcinfo, counter_delta(summary), &summary->first, &summary->last);
}

Datum
tsdb_counter_time_delta(PG_FUNCTION_ARGS)
{
	const CounterSummary *summary = GET_COUNTER(0);

	PG_RETURN_FLOAT8(tsdb_seconds_between(summary->first.time, summary->last.time));
}

Datum
tsdb_counter_idelta_left(PG_FUNCTION_ARGS)
{
	const CounterSummary *summary = GET_COUNTER(0);

	PG_RETURN_FLOAT8(step_delta(&summary->first, &summary->second));
}

Datum
tsdb_counter_idelta_right(PG_FUNCTION_ARGS)
{
	const CounterSummary *summary = GET_COUNTER(0);

	PG_RETURN_FLOAT8(step_delta(&summary->before_last, &summary->last));
}

Datum
tsdb_counter_irate_left(PG_FUNCTION_ARGS)
{
	const CounterSummary *summary = GET_COUNTER(0);

	return per_second(fcinfo, step_delta(&summary->first, &summary->second), &summary->first, &summary->second);
}

Datum
tsdb_counter_irate_right(PG_FUNCTION_ARGS)
{
	const CounterSummary *summary = GET_COUNTER(0);

	return per_second(fcinfo, step_delta(&summary->before_last, &summary->last), &summary->before_last, &summary->last);
}

Datum
tsdb_counter_num_resets(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(GET_COUNTER(0)->nresets);
}

Datum
tsdb_counter_num_changes(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(GET_COUNTER(0)->nchanges);
}

Datum
tsdb_counter_num_elements(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(GET_COUNTER(0)->nelements);
}

Datum
tsdb_counter_first_time(PG_FUNCTION_ARGS)
{
	PG_RETURN_TIMESTAMPTZ(GET_COUNTER(0)->first.time);
}

Datum
tsdb_counter_last_time(PG_FUNCTION_ARGS)
{
	PG_RETURN_TIMESTAMPTZ(GET_COUNTER(0)->last.time);
}

Datum
tsdb_counter_first_val(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(GET_COUNTER(0)->first.value);
}

Datum
tsdb_counter_last_val(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(GET_COUNTER(0)->last.value);
}
