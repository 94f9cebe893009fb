/*-------------------------------------------------------------------------
 * time_weight.c
 *	  Averages and integrals over time: time_weight, average, integral.
 *
 * A value counts as long as it holds: from its point to the next one ('LOCF', last observation
 * carried forward), or on a straight line between the two ('linear').  The last point of LOCF has
 * no weight: how long it held is not known.
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "timeseries/summary_type.h"
#include "timeseries/time_points.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/* Stored, and options of states, where 0 is none */
#define METHOD_LOCF		1
#define METHOD_LINEAR	2

/* Format 1 */
typedef struct TimeWeightSummary
{
	TsdbSummary header;
	int32		method;
	int32		unused;			/* 0 */
	int64		nelements;		/* points; > 0 */
	double		sum;			/* value times seconds, from first to last */
	TsdbPoint	first;
	TsdbPoint	last;
} TimeWeightSummary;

StaticAssertDecl(sizeof(TimeWeightSummary) == 64, "time-weight summaries are stored");

static const char *
check_time_weight(const TsdbSummary *header, Size len)
{
	const TimeWeightSummary *summary = (const TimeWeightSummary *) header;

	if (summary->method != METHOD_LOCF && summary->method != METHOD_LINEAR)
		return "Its method is not known.";
	if (summary->unused != 0)
		return "Unused bytes are not zero.";
	if (!IS_VALID_TIMESTAMP(summary->first.time) || !IS_VALID_TIMESTAMP(summary->last.time))
		return "A time is out of range.";
	if (summary->nelements < 1 || (summary->nelements == 1) != (summary->first.time == summary->last.time) ||
		summary->first.time > summary->last.time)
		return "Its points are not in order.";
	return NULL;
}

static const TsdbSummaryType time_weight_type = {
	"timeweightsummary", TSDB_SUMMARY_TIME_WEIGHT, sizeof(TimeWeightSummary), check_time_weight
};

TSDB_SUMMARY_INPUT_FUNCTIONS(time_weight, &time_weight_type);

PG_FUNCTION_INFO_V1(tsdb_time_weight_step);
PG_FUNCTION_INFO_V1(tsdb_time_weight_final);
PG_FUNCTION_INFO_V1(tsdb_time_weight_rollup_step);
PG_FUNCTION_INFO_V1(tsdb_time_weight_rollup_final);
PG_FUNCTION_INFO_V1(tsdb_time_weight_average);
PG_FUNCTION_INFO_V1(tsdb_time_weight_integral);
PG_FUNCTION_INFO_V1(tsdb_time_weight_first_time);
PG_FUNCTION_INFO_V1(tsdb_time_weight_last_time);
PG_FUNCTION_INFO_V1(tsdb_time_weight_first_val);
PG_FUNCTION_INFO_V1(tsdb_time_weight_last_val);

#define GET_TIME_WEIGHT(n) \
	((const TimeWeightSummary *) tsdb_summary_get(PG_GETARG_DATUM(n), &time_weight_type))

static inline double
weight(int32 method, const TsdbPoint *from, const TsdbPoint *to)
{
	double		seconds = tsdb_seconds_between(from->time, to->time);

	if (method == METHOD_LOCF)
		return from->value * seconds;
	/* (halved first: the sum of two doubles can be none) */
	return (from->value / 2 + to->value / 2) * seconds;
}

static bool
text_is(const text *value, const char *word)
{
	return VARSIZE_ANY_EXHDR(value) == strlen(word) &&
		pg_strncasecmp(VARDATA_ANY(value), word, strlen(word)) == 0;
}

static int32
method_of(const text *name)
{
	if (text_is(name, "locf"))
		return METHOD_LOCF;
	if (text_is(name, "linear") || text_is(name, "trapezoidal"))
		return METHOD_LINEAR;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("method \"%s\" of time_weight is not known", text_to_cstring(name)),
			 errdetail("Methods are LOCF and linear (or trapezoidal).")));
}

static void
check_method(bool isnull)
{
	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("method of time_weight cannot be NULL")));
}

/* (method, time, value) */
Datum
tsdb_time_weight_step(PG_FUNCTION_ARGS)
{
	TsdbPoints *points;

	check_method(PG_ARGISNULL(1));
	points = tsdb_points_step(fcinfo, 2, 3);
	if (points == NULL)
		PG_RETURN_NULL();
	tsdb_points_set_option(points, method_of(PG_GETARG_TEXT_PP(1)));
	PG_RETURN_POINTER(points);
}

void *
tsdb_time_weight_batch(FunctionCallInfo fcinfo, void *state, const TsdbStepBatch *batch, int first, int n)
{
	TsdbPoints *points = state;
	const TsdbStepArg *method = &batch->args[0];
	int			step = method->constant ? n : 1;
	int			i;

	for (i = first; i < first + n; i += step)
	{
		check_method(tsdb_step_isnull(method, i));
		points = tsdb_points_batch(fcinfo, points, &batch->args[1], &batch->args[2], i, step);
		if (points != NULL)
			tsdb_points_set_option(points, method_of(DatumGetTextPP(method->values[i])));
	}
	return points;
}

Datum
tsdb_time_weight_final(PG_FUNCTION_ARGS)
{
	const TsdbPoints *points = tsdb_points_final(fcinfo);
	TimeWeightSummary *result;
	Size		i;

	if (points == NULL)
		PG_RETURN_NULL();
	result = (TimeWeightSummary *) tsdb_summary_create(&time_weight_type, sizeof(TimeWeightSummary));
	result->method = points->option;
	result->nelements = points->npoints;
	result->first = points->points[0];
	result->last = points->points[points->npoints - 1];
	for (i = 1; i < points->npoints; i++)
		result->sum += weight(result->method, &points->points[i - 1], &points->points[i]);
	PG_RETURN_POINTER(result);
}

Datum
tsdb_time_weight_rollup_step(PG_FUNCTION_ARGS)
{
	return tsdb_summary_list_step(fcinfo, &time_weight_type);
}

Datum
tsdb_time_weight_rollup_final(PG_FUNCTION_ARGS)
{
	const TsdbSummaryList *list = tsdb_summary_list_final(fcinfo, offsetof(TimeWeightSummary, first.time));
	TimeWeightSummary *result;
	Size		i;

	if (list == NULL)
		PG_RETURN_NULL();
	result = (TimeWeightSummary *) tsdb_summary_create(&time_weight_type, sizeof(TimeWeightSummary));
	memcpy(result, tsdb_summary_list_item(list, 0), sizeof(TimeWeightSummary));
	for (i = 1; i < list->n; i++)
	{
		const TimeWeightSummary *next = tsdb_summary_list_item(list, i);

		if (next->method != result->method)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("time-weight summaries of different methods cannot be rolled up")));
		tsdb_summary_require_after(result->last.time, next->first.time, &time_weight_type);
		result->sum += weight(result->method, &result->last, &next->first) + next->sum;
		result->last = next->last;
		result->nelements = tsdb_summary_add_counts(result->nelements, next->nelements);
	}
	PG_RETURN_POINTER(result);
}

Datum
tsdb_time_weight_average(PG_FUNCTION_ARGS)
{
	const TimeWeightSummary *summary = GET_TIME_WEIGHT(0);

	/* one point held for no time that is known */
	if (summary->first.time == summary->last.time)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(summary->sum / tsdb_seconds_between(summary->first.time, summary->last.time));
}

/* (summary, unit of time) */
Datum
tsdb_time_weight_integral(PG_FUNCTION_ARGS)
{
	static const struct
	{
		const char *name;
		double		seconds;
	}			units[] = {
		{"second", 1}, {"minute", 60}, {"hour", 3600}, {"day", 86400}, {"week", 604800},
		{"millisecond", 1e-3}, {"microsecond", 1e-6}
	};
	const TimeWeightSummary *summary = GET_TIME_WEIGHT(0);
	const text *unit = PG_GETARG_TEXT_PP(1);
	int			len = VARSIZE_ANY_EXHDR(unit);
	Size		i;

	for (i = 0; i < lengthof(units); i++)
	{
		int			name_len = (int) strlen(units[i].name);

		/* in the singular or the plural */
		if ((len == name_len || (len == name_len + 1 && pg_tolower((unsigned char) VARDATA_ANY(unit)[name_len]) == 's')) &&
			pg_strncasecmp(VARDATA_ANY(unit), units[i].name, name_len) == 0)
			PG_RETURN_FLOAT8(summary->sum / units[i].seconds);
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unit of time \"%s\" is not known", text_to_cstring(unit)),
			 errdetail("Units are microsecond, millisecond, second, minute, hour, day and week.")));
}

Datum
tsdb_time_weight_first_time(PG_FUNCTION_ARGS)
{
	PG_RETURN_TIMESTAMPTZ(GET_TIME_WEIGHT(0)->first.time);
}

Datum
tsdb_time_weight_last_time(PG_FUNCTION_ARGS)
{
	PG_RETURN_TIMESTAMPTZ(GET_TIME_WEIGHT(0)->last.time);
}

Datum
tsdb_time_weight_first_val(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(GET_TIME_WEIGHT(0)->first.value);
}

Datum
tsdb_time_weight_last_val(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(GET_TIME_WEIGHT(0)->last.value);
}
