/*-------------------------------------------------------------------------
 * time_points.c
 *	  Points (time, value) that an aggregate collects, sorted at its end.
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "miscadmin.h"
#include "timeseries/aggregate_call.h"
#include "timeseries/time_points.h"
#include "utils/float.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(tsdb_points_combine);
PG_FUNCTION_INFO_V1(tsdb_points_serialize);
PG_FUNCTION_INFO_V1(tsdb_points_deserialize);

static inline int
compare_points(const TsdbPoint *a, const TsdbPoint *b)
{
	if (a->time != b->time)
		return a->time < b->time ? -1 : 1;
	return float8_cmp_internal(a->value, b->value);
}

#define ST_SORT sort_points
#define ST_ELEMENT_TYPE TsdbPoint
#define ST_COMPARE(a, b) compare_points(a, b)
#define ST_CHECK_FOR_INTERRUPTS
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/* room of a state's first array; many groups have few rows */
#define FIRST_ROOM	8

TsdbPoints *
tsdb_points_create(MemoryContext context)
{
	TsdbPoints *points = MemoryContextAllocZero(context, sizeof(TsdbPoints));

	points->context = context;
	points->ascending = points->descending = true;
	return points;
}

void
tsdb_points_reserve(TsdbPoints *points, Size n)
{
	Size		most = MaxAllocHugeSize / sizeof(TsdbPoint);
	Size		room;

	if (points->room - points->npoints >= n)
		return;
	if (n > most - points->npoints)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many rows in a group")));
	room = Max(Max(points->npoints + n, Min(2 * points->room, most)), FIRST_ROOM);
	if (points->points == NULL)
		points->points = MemoryContextAllocHuge(points->context, room * sizeof(TsdbPoint));
	else
		points->points = repalloc_huge(points->points, room * sizeof(TsdbPoint));
	points->room = room;
}

void
tsdb_points_sort(TsdbPoints *points)
{
	TsdbPoint  *array = points->points;
	Size		kept = 0;
	Size		i;

	if (points->ascending)
		return;
	if (points->descending)
	{
		/* newest first, as scans in descending order deliver */
		for (i = 0; i < points->npoints / 2; i++)
		{
			TsdbPoint	swap = array[i];

			array[i] = array[points->npoints - 1 - i];
			array[points->npoints - 1 - i] = swap;
		}
	}
	else
	{
		sort_points(array, points->npoints);
		for (i = 1; i < points->npoints; i++)
		{
			/* of equal times the last one, which has the greatest value */
			if (array[i].time != array[kept].time)
				kept++;
			array[kept] = array[i];
		}
		points->npoints = kept + 1;
	}
	points->ascending = true;
	points->descending = points->npoints < 2;
}

TsdbPoints *
tsdb_points_step(FunctionCallInfo fcinfo, int time_arg, int value_arg)
{
	TsdbPoints *points = PG_ARGISNULL(0) ? NULL : (TsdbPoints *) PG_GETARG_POINTER(0);
	TimestampTz time;

	if (PG_ARGISNULL(time_arg) || PG_ARGISNULL(value_arg))
		return points;
	time = PG_GETARG_TIMESTAMPTZ(time_arg);
	if (TIMESTAMP_NOT_FINITE(time))
		return points;
	if (points == NULL)
		points = tsdb_points_create(tsdb_aggregate_context(fcinfo));
	tsdb_points_add(points, time, PG_GETARG_FLOAT8(value_arg));
	return points;
}

TsdbPoints *
tsdb_points_batch(FunctionCallInfo fcinfo, TsdbPoints *points, const TsdbStepArg *time_arg, const TsdbStepArg *value_arg, int first, int n)
{
	const TimestampTz *times = (const TimestampTz *) time_arg->values;
	const double *values = (const double *) value_arg->values;
	bool		any_null = time_arg->isnull != NULL || value_arg->isnull != NULL;
	TsdbPoint  *to;
	TimestampTz before;
	bool		ascending;
	bool		descending;
	int			i = first;

	/* the first row that counts */
	while (i < first + n && (tsdb_step_isnull(time_arg, i) || tsdb_step_isnull(value_arg, i) || TIMESTAMP_NOT_FINITE(times[i])))
		i++;
	if (i == first + n)
		return points;
	if (points == NULL)
		points = tsdb_points_create(tsdb_aggregate_context(fcinfo));
	if (unlikely(points->room - points->npoints < (Size) (first + n - i)))
		tsdb_points_reserve(points, first + n - i);
	tsdb_points_add(points, times[i], values[i]);

	to = &points->points[points->npoints];
	before = times[i];
	ascending = points->ascending;
	descending = points->descending;
	for (i++; i < first + n; i++)
	{
		TimestampTz time = times[i];

		if (any_null && (tsdb_step_isnull(time_arg, i) || tsdb_step_isnull(value_arg, i)))
			continue;
		if (unlikely(TIMESTAMP_NOT_FINITE(time)))
			continue;
		ascending &= time > before;
		descending &= time < before;
		to->time = before = time;
		to->value = values[i];
		to++;
	}
	points->ascending = ascending;
	points->descending = descending;
	points->npoints = to - points->points;
	return points;
}

TsdbPoints *
tsdb_points_final(FunctionCallInfo fcinfo)
{
	TsdbPoints *points = PG_ARGISNULL(0) ? NULL : (TsdbPoints *) PG_GETARG_POINTER(0);

	(void) tsdb_aggregate_context(fcinfo);
	if (points == NULL)
		return NULL;
	tsdb_points_sort(points);
	return points;
}

void
tsdb_points_set_option(TsdbPoints *points, int32 option)
{
	Assert(option != 0);
	if (points->option == 0)
		points->option = option;
	else if (points->option != option)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("an aggregate's method or resolution must be the same in all rows of a group")));
}

static void
append_points(TsdbPoints *points, const TsdbPoints *other)
{
	if (other->npoints == 0)
		return;
	tsdb_points_reserve(points, other->npoints);
	if (points->npoints > 0)
	{
		TimestampTz before = points->points[points->npoints - 1].time;

		points->ascending &= other->ascending && other->points[0].time > before;
		points->descending &= other->descending && other->points[0].time < before;
	}
	else
	{
		points->ascending = other->ascending;
		points->descending = other->descending;
	}
	memcpy(points->points + points->npoints, other->points, other->npoints * sizeof(TsdbPoint));
	points->npoints += other->npoints;
}

Datum
tsdb_points_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = tsdb_aggregate_context(fcinfo);
	TsdbPoints *points = PG_ARGISNULL(0) ? NULL : (TsdbPoints *) PG_GETARG_POINTER(0);
	const TsdbPoints *other = PG_ARGISNULL(1) ? NULL : (const TsdbPoints *) PG_GETARG_POINTER(1);

	if (other != NULL)
	{
		/* the second state may be another node's, so the first never is it */
		if (points == NULL)
			points = tsdb_points_create(context);
		if (other->option != 0)
			tsdb_points_set_option(points, other->option);
		append_points(points, other);
	}
	if (points == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(points);
}

/* A state on its way between processes of one server: this, then the points */
typedef struct PointsHeader
{
	int32		vl_len_;
	int32		option;
	int32		ascending;
	int32		descending;
} PointsHeader;

/* (strict: a state that does not exist is not serialised) */
Datum
tsdb_points_serialize(PG_FUNCTION_ARGS)
{
	const TsdbPoints *points = (const TsdbPoints *) PG_GETARG_POINTER(0);
	PointsHeader *result;
	Size		size = sizeof(PointsHeader);

	(void) tsdb_aggregate_context(fcinfo);
	if (points->npoints > (MaxAllocSize - size) / sizeof(TsdbPoint))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many rows in a group for a parallel plan"),
				 errdetail("A process can hand over %zu rows of a group.", (MaxAllocSize - size) / sizeof(TsdbPoint)),
				 errhint("Set max_parallel_workers_per_gather = 0 for this query.")));
	size += points->npoints * sizeof(TsdbPoint);
	result = palloc(size);
	SET_VARSIZE(result, size);
	result->option = points->option;
	result->ascending = points->ascending;
	result->descending = points->descending;
	if (points->npoints > 0)
		memcpy(result + 1, points->points, points->npoints * sizeof(TsdbPoint));
	PG_RETURN_BYTEA_P(result);
}

Datum
tsdb_points_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_P(0);
	PointsHeader header;
	TsdbPoints *points = tsdb_points_create(CurrentMemoryContext);
	Size		npoints = (VARSIZE(bytes) - sizeof(PointsHeader)) / sizeof(TsdbPoint);

	(void) tsdb_aggregate_context(fcinfo);
	memcpy(&header, bytes, sizeof(PointsHeader));
	points->option = header.option;
	points->ascending = header.ascending != 0;
	points->descending = header.descending != 0;
	if (npoints > 0)
	{
		tsdb_points_reserve(points, npoints);
		/* (not aligned for more than bytes) */
		memcpy(points->points, (char *) bytes + sizeof(PointsHeader), npoints * sizeof(TsdbPoint));
		points->npoints = npoints;
	}
	PG_RETURN_POINTER(points);
}
