/*-------------------------------------------------------------------------
 * lttb.c
 *	  Aggregate lttb(time, value, resolution): fewer points that look the same when drawn.
 *
 * Largest-Triangle-Three-Buckets, S. Steinarsson, "Downsampling Time Series for Visual
 * Representation", 2013, section 4.2: first and last point stay; those between are cut into
 * resolution - 2 buckets of equally many points; of each bucket that point is taken which spans
 * the largest triangle with the point taken before and the mean of the next bucket.
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "timeseries/time_points.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

PG_FUNCTION_INFO_V1(tsdb_lttb_step);
PG_FUNCTION_INFO_V1(tsdb_lttb_final);

static void
check_resolution(bool isnull, int32 resolution)
{
	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("resolution of lttb cannot be NULL")));
	if (resolution < 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("resolution of lttb must be at least 2")));
}

/* (time, value, resolution) */
Datum
tsdb_lttb_step(PG_FUNCTION_ARGS)
{
	TsdbPoints *points;

	check_resolution(PG_ARGISNULL(3), PG_ARGISNULL(3) ? 0 : PG_GETARG_INT32(3));
	points = tsdb_points_step(fcinfo, 1, 2);
	if (points == NULL)
		PG_RETURN_NULL();
	tsdb_points_set_option(points, PG_GETARG_INT32(3));
	PG_RETURN_POINTER(points);
}

void *
tsdb_lttb_batch(FunctionCallInfo fcinfo, void *state, const TsdbStepBatch *batch, int first, int n)
{
	TsdbPoints *points = state;
	const TsdbStepArg *resolution = &batch->args[2];
	int			step = resolution->constant ? n : 1;
	int			i;

	for (i = first; i < first + n; i += step)
	{
		bool		isnull = tsdb_step_isnull(resolution, i);

		check_resolution(isnull, isnull ? 0 : DatumGetInt32(resolution->values[i]));
		points = tsdb_points_batch(fcinfo, points, &batch->args[0], &batch->args[1], i, step);
		if (points != NULL)
			tsdb_points_set_option(points, DatumGetInt32(resolution->values[i]));
	}
	return points;
}

/* The first of the points that bucket i of n has, without first and last point of all */
static inline Size
bucket_start(Size npoints, Size nbuckets, Size i)
{
	return 1 + (Size) (((double) (npoints - 2)) * i / nbuckets);
}

/* Picks resolution of the points */
static void
downsample(const TsdbPoint *points, Size npoints, Size resolution, TsdbPoint *chosen)
{
	Size		nbuckets = resolution - 2;
	TimestampTz origin = points[0].time;
	TsdbPoint	last = points[npoints - 1];
	TsdbPoint	taken = points[0];
	Size		i;

	Assert(npoints > resolution);
	*chosen++ = taken;
	for (i = 0; i < nbuckets; i++)
	{
		Size		from = bucket_start(npoints, nbuckets, i);
		Size		to = bucket_start(npoints, nbuckets, i + 1);
		Size		next_to = i + 1 < nbuckets ? bucket_start(npoints, nbuckets, i + 2) : npoints;
		double		mean_time = 0;
		double		mean_value = 0;
		double		taken_time = tsdb_seconds_between(origin, taken.time);
		double		largest = -1;
		Size		best = from;
		Size		j;

		Assert(from < to && to < next_to);
		CHECK_FOR_INTERRUPTS();
		for (j = to; j < next_to; j++)
		{
			mean_time += tsdb_seconds_between(origin, points[j].time);
			mean_value += points[j].value;
		}
		mean_time /= (double) (next_to - to);
		mean_value /= (double) (next_to - to);

		for (j = from; j < to; j++)
		{
			/* twice the triangle's area; NaN is never larger */
			double		area = fabs((taken_time - mean_time) * (points[j].value - taken.value) -
									(taken_time - tsdb_seconds_between(origin, points[j].time)) * (mean_value - taken.value));

			if (area > largest)
			{
				largest = area;
				best = j;
			}
		}
		taken = points[best];
		*chosen++ = taken;
	}
	*chosen = last;
}

Datum
tsdb_lttb_final(PG_FUNCTION_ARGS)
{
	TsdbPoints *points = tsdb_points_final(fcinfo);
	const TsdbPoint *chosen;
	Size		nchosen;
	Datum	   *elements;
	Oid			element_type;
	TupleDesc	desc;
	int16		len;
	bool		byval;
	char		align;
	Size		i;

	if (points == NULL)
		PG_RETURN_NULL();
	chosen = points->points;
	nchosen = points->npoints;
	if (nchosen > (Size) points->option)
	{
		TsdbPoint  *copy;

		nchosen = points->option;
		/* (not in place: a window function's state is used again) */
		copy = MemoryContextAllocHuge(CurrentMemoryContext, nchosen * sizeof(TsdbPoint));
		downsample(points->points, points->npoints, nchosen, copy);
		chosen = copy;
	}

	element_type = get_element_type(get_fn_expr_rettype(fcinfo->flinfo));
	if (!OidIsValid(element_type))
		elog(ERROR, "result of lttb is no array");
	desc = lookup_rowtype_tupdesc(element_type, -1);
	get_typlenbyvalalign(element_type, &len, &byval, &align);
	if (nchosen > MaxAllocSize / sizeof(Datum))
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many points for an array")));
	elements = palloc(nchosen * sizeof(Datum));
	for (i = 0; i < nchosen; i++)
	{
		Datum		values[2] = {TimestampTzGetDatum(chosen[i].time), Float8GetDatum(chosen[i].value)};
		bool		nulls[2] = {false, false};

		elements[i] = HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
	}
	ReleaseTupleDesc(desc);
	PG_RETURN_ARRAYTYPE_P(construct_array(elements, (int) nchosen, element_type, len, byval, align));
}
