/*-------------------------------------------------------------------------
 * time_points.h
 *	  Points (time, value) that an aggregate collects, in whatever order rows come.
 *
 * For results that depend on the order of time (counters, averages over time, downsampling): rows
 * come in the order of the plan, and partial states in any.  No summary of some points can take in
 * a point that lies between them later; so all are kept, 16 bytes each, and sorted once, if they
 * did not come in order.
 *
 * Equal times: only one point of them counts, the one with the greatest value (NaN is greatest),
 * so that results do not depend on the plan.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_TIME_POINTS_H
#define TSDB_TIME_POINTS_H

#include "postgres.h"

#include "common/int.h"
#include "datatype/timestamp.h"
#include "fmgr.h"
#include "timeseries/batch_step.h"

typedef struct TsdbPoint
{
	TimestampTz time;
	double		value;
} TsdbPoint;

StaticAssertDecl(sizeof(TsdbPoint) == 16, "points travel and are stored as they are");

typedef struct TsdbPoints
{
	MemoryContext context;		/* of this struct and the array */
	TsdbPoint  *points;
	Size		npoints;
	Size		room;			/* points that the array has room for */
	bool		ascending;		/* times rise from point to point, no two being equal */
	bool		descending;		/* they fall; both hold for less than two points */
	int32		option;			/* what the owner keeps of an argument that all rows share; 0 = not set */
} TsdbPoints;

extern TsdbPoints *tsdb_points_create(MemoryContext context);

/* Makes room for n more points; throws PROGRAM_LIMIT_EXCEEDED if they can't be had. */
extern void tsdb_points_reserve(TsdbPoints *points, Size n);

static inline void
tsdb_points_add(TsdbPoints *points, TimestampTz time, double value)
{
	if (unlikely(points->npoints == points->room))
		tsdb_points_reserve(points, 1);
	if (points->npoints > 0)
	{
		TimestampTz before = points->points[points->npoints - 1].time;

		points->ascending &= time > before;
		points->descending &= time < before;
	}
	points->points[points->npoints].time = time;
	points->points[points->npoints].value = value;
	points->npoints++;
}

/* Seconds from one finite time to a later one */
static inline double
tsdb_seconds_between(TimestampTz from, TimestampTz to)
{
	int64		us;

	/* (the range of timestamps is longer than that of their distances) */
	if (unlikely(pg_sub_s64_overflow(to, from, &us)))
		return ((double) to - (double) from) / USECS_PER_SEC;
	return (double) us / USECS_PER_SEC;
}

/* Sets the option, not 0; throws INVALID_PARAMETER_VALUE if it was set to something else. */
extern void tsdb_points_set_option(TsdbPoints *points, int32 option);

/* Sorts by time and drops points of equal times; more may be added afterwards. */
extern void tsdb_points_sort(TsdbPoints *points);

/*
 * What aggregates over points share.
 *
 * state: the aggregate's first argument, NULL at first; the points of a call with time and value
 * as arguments of those numbers.  Rows in which either is NULL, or whose time is infinite, are
 * ignored, and NULL is returned as long as there are no others.
 */
extern TsdbPoints *tsdb_points_step(FunctionCallInfo fcinfo, int time_arg, int value_arg);

/* The same for rows of a batch. */
extern TsdbPoints *tsdb_points_batch(FunctionCallInfo fcinfo, TsdbPoints *points, const TsdbStepArg *time_arg, const TsdbStepArg *value_arg,
									 int first, int n);

/* Sorted points of a final function's first argument; NULL if there are none. */
extern TsdbPoints *tsdb_points_final(FunctionCallInfo fcinfo);

extern PGDLLEXPORT Datum tsdb_points_combine(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tsdb_points_serialize(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tsdb_points_deserialize(PG_FUNCTION_ARGS);

#endif							/* TSDB_TIME_POINTS_H */
