/*-------------------------------------------------------------------------
 * time_bucket.h
 *	  Which bucket a value falls into: integers, timestamps, dates.
 *
 * Buckets of one grid cover all values without gap or overlap; a value belongs to the bucket with
 * the greatest start that is not greater than it.
 *
 * Nothing here allocates or locks.  Functions throw only what their comment says.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_TIME_BUCKET_H
#define TSDB_TIME_BUCKET_H

#include "postgres.h"

#include "common/int.h"
#include "datatype/timestamp.h"
#include "fmgr.h"

/*
 * Start of the bucket that value falls into, when one starts at origin and each is width long.
 * width > 0; all other arguments are free.  False if the start is below the range of int64.
 */
static inline bool
tsdb_bucket_int64(int64 value, int64 width, int64 origin, int64 *start)
{
	int64		past;			/* the start, to value */

	Assert(width > 0);
	if (likely(!pg_sub_s64_overflow(value, origin, &past)))
	{
		past %= width;
		if (past < 0)
			past += width;
	}
	else
	{
		int64		value_past = value % width;
		int64		origin_past = origin % width;

		if (value_past < 0)
			value_past += width;
		if (origin_past < 0)
			origin_past += width;
		past = value_past - origin_past;	/* both are in 0 .. width - 1 */
		if (past < 0)
			past += width;
	}
	return !pg_sub_s64_overflow(value, past, start);
}

/*
 * Where buckets of timestamps start.  Made once for a width, an origin and an offset; then each
 * timestamp costs a division, if the width is fixed.
 */
typedef struct TsdbBucketGrid
{
	int64		width_us;		/* fixed width, days being 24 hours; 0 = months */
	int32		width_months;	/* exactly one of the two widths is > 0 */
	int64		origin;			/* fixed width: a start, microseconds since 2000; else a month that starts a
								 * bucket, as year * 12 + month - 1 */
	int64		shift_us;		/* width of months: how long after its first month's beginning each bucket
								 * starts; else 0 */
} TsdbBucketGrid;

/*
 * Splits a bucket width into microseconds or months: one of them is set, the other 0.  Throws
 * INVALID_PARAMETER_VALUE if it is not greater than zero, FEATURE_NOT_SUPPORTED if it has both
 * months and days or time, DATETIME_VALUE_OUT_OF_RANGE if it does not fit.
 */
extern void tsdb_bucket_width(const Interval *width, int64 *width_us, int32 *width_months);

/*
 * origin NULL: Monday 2000-01-03, for months January 2000.  offset (may be NULL) is added to the
 * origin.  Throws what tsdb_bucket_width does, and DATETIME_VALUE_OUT_OF_RANGE if the origin is
 * infinite or the offset too large.
 */
extern void tsdb_bucket_grid_init(TsdbBucketGrid *grid, const Interval *width, const Timestamp *origin,
								  const Interval *offset);

/*
 * Start of the bucket that a timestamp falls into; infinity is its own.  A timestamptz is taken
 * as UTC.  Throws DATETIME_VALUE_OUT_OF_RANGE if the bucket starts before the first timestamp.
 */
extern Timestamp tsdb_bucket_timestamp(const TsdbBucketGrid *grid, Timestamp ts);

/* The SQL functions, by which other modules know a call of time_bucket (FmgrInfo.fn_addr). */
extern PGDLLEXPORT Datum tsdb_time_bucket_int2(PG_FUNCTION_ARGS);	/* offset is optional, in all three */
extern PGDLLEXPORT Datum tsdb_time_bucket_int4(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tsdb_time_bucket_int8(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tsdb_time_bucket_timestamp(PG_FUNCTION_ARGS);	/* timestamp and timestamptz */
extern PGDLLEXPORT Datum tsdb_time_bucket_timestamp_origin(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tsdb_time_bucket_timestamp_offset(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tsdb_time_bucket_date(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tsdb_time_bucket_date_origin(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tsdb_time_bucket_date_offset(PG_FUNCTION_ARGS);

#endif							/* TSDB_TIME_BUCKET_H */
