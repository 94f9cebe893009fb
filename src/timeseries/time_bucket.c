/*-------------------------------------------------------------------------
 * time_bucket.c
 *	  time_bucket for integers, timestamps and dates; in a time zone: time_bucket_zone.c.
 *
 * Origin and offset are folded into one origin before the value is looked at, so that no
 * arithmetic on the value itself can overflow, and a bucket never starts after a value in it.
 * (Subtracting an offset of months from the value and adding it again, as is done elsewhere, is
 * no inverse: of 31 March it makes 28 March.)
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "timeseries/time_bucket.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(tsdb_time_bucket_int2);
PG_FUNCTION_INFO_V1(tsdb_time_bucket_int4);
PG_FUNCTION_INFO_V1(tsdb_time_bucket_int8);
PG_FUNCTION_INFO_V1(tsdb_time_bucket_timestamp);
PG_FUNCTION_INFO_V1(tsdb_time_bucket_timestamp_origin);
PG_FUNCTION_INFO_V1(tsdb_time_bucket_timestamp_offset);
PG_FUNCTION_INFO_V1(tsdb_time_bucket_date);
PG_FUNCTION_INFO_V1(tsdb_time_bucket_date_origin);
PG_FUNCTION_INFO_V1(tsdb_time_bucket_date_offset);

/* Monday 2000-01-03, in days since 2000-01-01; weeks then start on Mondays */
#define DEFAULT_ORIGIN_DAY		2
/* January 2000, as year * 12 + month - 1 */
#define DEFAULT_ORIGIN_MONTH	(2000 * 12)

static void
width_not_positive(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("bucket width must be greater than zero")));
}

pg_noreturn static void
timestamp_out_of_range(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
			 errmsg("timestamp out of range")));
}

pg_noreturn static void
date_out_of_range(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
			 errmsg("date out of range")));
}

pg_noreturn static void
origin_out_of_range(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
			 errmsg("origin out of range")));
}

/* Quotient rounded down, and what is left: 0 .. divisor - 1 */
static inline int64
divide_down(int64 value, int64 divisor, int64 *rest)
{
	int64		quotient = value / divisor;

	*rest = value % divisor;
	if (*rest < 0)
	{
		*rest += divisor;
		quotient--;
	}
	return quotient;
}

/* Days and time of an interval */
static int64
interval_us(const Interval *interval)
{
	int64		result;

	if (pg_mul_s64_overflow(interval->day, USECS_PER_DAY, &result) ||
		pg_add_s64_overflow(result, interval->time, &result))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("interval out of range")));
	return result;
}

void
tsdb_bucket_width(const Interval *width, int64 *width_us, int32 *width_months)
{
	if (width->month == 0)
	{
		*width_us = interval_us(width);
		*width_months = 0;
		if (*width_us <= 0)
			width_not_positive();
		return;
	}
	if (width->day != 0 || width->time != 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("bucket width cannot have months and days or time"),
				 errdetail("A month is not a fixed number of days."),
				 errhint("Give a width of months and years alone, or of weeks, days and time alone.")));
	if (width->month < 0)
		width_not_positive();
	*width_us = 0;
	*width_months = width->month;
}

/*
 * Calendar.  Days count from 2000-01-01; they must not be before the first day that PostgreSQL
 * knows, which callers see to by the range of their type.  Months are year * 12 + month - 1,
 * years being astronomical: 1 BC = 0.
 */
static int64
month_of_day(int64 day, int *day_of_month)
{
	int			year;
	int			month;

	Assert(day >= DATETIME_MIN_JULIAN - POSTGRES_EPOCH_JDATE && day < DATE_END_JULIAN - POSTGRES_EPOCH_JDATE);
	j2date((int) day + POSTGRES_EPOCH_JDATE, &year, &month, day_of_month);
	return (int64) year * 12 + month - 1;
}

/* False if out of the range of dates */
static bool
day_of_month_start(int64 month, int64 *day)
{
	int64		rest;
	int			year = (int) divide_down(month, 12, &rest);

	if (!IS_VALID_JULIAN(year, rest + 1, 1))
		return false;
	*day = (int64) date2j(year, (int) rest + 1, 1) - POSTGRES_EPOCH_JDATE;
	return true;
}

/* As PostgreSQL adds months: the last day of a shorter month stands for its missing days. */
static bool
add_months(int64 *day, int32 months)
{
	int			day_of_month;
	int64		month = month_of_day(*day, &day_of_month) + months;
	int64		rest;
	int			year = (int) divide_down(month, 12, &rest);

	if (!day_of_month_start(month, day))
		return false;
	*day += Min(day_of_month, day_tab[isleap(year)][rest]) - 1;
	return true;
}

/* A start of a grid of width, moved by shift; any start will do that is not out of range. */
static int64
move_origin(int64 origin, int64 shift, int64 width)
{
	int64		origin_past;
	int64		shift_past;

	divide_down(origin, width, &origin_past);
	divide_down(shift, width, &shift_past);
	if (shift_past < width - origin_past)
		return origin_past + shift_past;
	return origin_past - (width - shift_past);
}

void
tsdb_bucket_grid_init(TsdbBucketGrid *grid, const Interval *width, const Timestamp *origin, const Interval *offset)
{
	int64		rest;
	int64		day;
	int			day_of_month;

	tsdb_bucket_width(width, &grid->width_us, &grid->width_months);
	grid->shift_us = 0;

	if (origin != NULL && TIMESTAMP_NOT_FINITE(*origin))
		origin_out_of_range();

	if (grid->width_months > 0)
	{
		grid->origin = DEFAULT_ORIGIN_MONTH;
		if (origin != NULL)
			grid->origin = month_of_day(divide_down(*origin, USECS_PER_DAY, &rest), &day_of_month);
		if (offset != NULL)
		{
			grid->origin += offset->month;
			grid->shift_us = interval_us(offset);
		}
		return;
	}

	grid->origin = origin != NULL ? *origin : (int64) DEFAULT_ORIGIN_DAY * USECS_PER_DAY;
	if (offset == NULL)
		return;
	if (offset->month != 0)
	{
		day = divide_down(grid->origin, USECS_PER_DAY, &rest);
		if (!add_months(&day, offset->month) ||
			pg_mul_s64_overflow(day, USECS_PER_DAY, &grid->origin) ||
			pg_add_s64_overflow(grid->origin, rest, &grid->origin))
			origin_out_of_range();
	}
	grid->origin = move_origin(grid->origin, interval_us(offset), grid->width_us);
}

/* Start of a bucket whose width is months */
static Timestamp
bucket_months(const TsdbBucketGrid *grid, Timestamp ts)
{
	Timestamp	start;
	int64		rest;
	int64		month;
	int64		day;
	int			day_of_month;

	if (pg_sub_s64_overflow(ts, grid->shift_us, &ts) || !IS_VALID_TIMESTAMP(ts))
		timestamp_out_of_range();
	month = month_of_day(divide_down(ts, USECS_PER_DAY, &rest), &day_of_month);
	if (!tsdb_bucket_int64(month, grid->width_months, grid->origin, &month) ||
		!day_of_month_start(month, &day) ||
		pg_mul_s64_overflow(day, USECS_PER_DAY, &start) ||
		pg_add_s64_overflow(start, grid->shift_us, &start))
		timestamp_out_of_range();
	return start;
}

Timestamp
tsdb_bucket_timestamp(const TsdbBucketGrid *grid, Timestamp ts)
{
	Timestamp	start;

	if (TIMESTAMP_NOT_FINITE(ts))
		return ts;
	if (likely(grid->width_us > 0))
	{
		if (!tsdb_bucket_int64(ts, grid->width_us, grid->origin, &start))
			timestamp_out_of_range();
	}
	else
		start = bucket_months(grid, ts);
	if (!IS_VALID_TIMESTAMP(start))
		timestamp_out_of_range();
	Assert(start <= ts);
	return start;
}

/*
 * Dates are bucketed as days, not as timestamps, whose range is smaller.  A date stands for its
 * midnight, and a start for the day that it is in: so an offset with a part of a day, rest,
 * has the same effect as seeing each date a day earlier on the grid of whole days.
 */
static DateADT
bucket_date(const Interval *width, DateADT date, const DateADT *origin, const Interval *offset)
{
	int64		width_us;
	int32		width_months;
	int64		origin_day = origin != NULL ? *origin : DEFAULT_ORIGIN_DAY;
	int64		shift_days = 0;
	int64		rest = 0;
	int64		day;
	int64		start;

	tsdb_bucket_width(width, &width_us, &width_months);
	if (width_us % USECS_PER_DAY != 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("bucket width of dates must be a whole number of days or months"),
				 errhint("Cast the date to timestamp for smaller buckets.")));
	if (origin != NULL && DATE_NOT_FINITE(*origin))
		origin_out_of_range();
	if (offset != NULL)
		shift_days = divide_down(interval_us(offset), USECS_PER_DAY, &rest);

	if (DATE_NOT_FINITE(date))
		return date;
	day = (int64) date - (rest > 0);

	if (width_months > 0)
	{
		int			day_of_month;
		int64		month = DEFAULT_ORIGIN_MONTH;

		if (origin != NULL)
			month = month_of_day(origin_day, &day_of_month);
		if (offset != NULL)
			month += offset->month;
		day -= shift_days;
		if (!IS_VALID_DATE(day) ||
			!tsdb_bucket_int64(month_of_day(day, &day_of_month), width_months, month, &month) ||
			!day_of_month_start(month, &start))
			date_out_of_range();
		start += shift_days;
	}
	else
	{
		if (offset != NULL && offset->month != 0 && !add_months(&origin_day, offset->month))
			origin_out_of_range();
		if (!tsdb_bucket_int64(day, width_us / USECS_PER_DAY, origin_day + shift_days, &start))
			date_out_of_range();
	}
	if (!IS_VALID_DATE(start))
		date_out_of_range();
	Assert(start <= date);
	return (DateADT) start;
}

/*-------------------------------------------------------------------- SQL: integers */

Datum
tsdb_time_bucket_int2(PG_FUNCTION_ARGS)
{
	int16		width = PG_GETARG_INT16(0);
	int64		start;

	if (width <= 0)
		width_not_positive();
	if (!tsdb_bucket_int64(PG_GETARG_INT16(1), width, PG_NARGS() > 2 ? PG_GETARG_INT16(2) : 0, &start) ||
		start < PG_INT16_MIN)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("smallint out of range")));
	PG_RETURN_INT16((int16) start);
}

Datum
tsdb_time_bucket_int4(PG_FUNCTION_ARGS)
{
	int32		width = PG_GETARG_INT32(0);
	int64		start;

	if (width <= 0)
		width_not_positive();
	if (!tsdb_bucket_int64(PG_GETARG_INT32(1), width, PG_NARGS() > 2 ? PG_GETARG_INT32(2) : 0, &start) ||
		start < PG_INT32_MIN)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("integer out of range")));
	PG_RETURN_INT32((int32) start);
}

Datum
tsdb_time_bucket_int8(PG_FUNCTION_ARGS)
{
	int64		width = PG_GETARG_INT64(0);
	int64		start;

	if (width <= 0)
		width_not_positive();
	if (!tsdb_bucket_int64(PG_GETARG_INT64(1), width, PG_NARGS() > 2 ? PG_GETARG_INT64(2) : 0, &start))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("bigint out of range")));
	PG_RETURN_INT64(start);
}

/*-------------------------------------------------------------------- SQL: timestamps */

Datum
tsdb_time_bucket_timestamp(PG_FUNCTION_ARGS)
{
	TsdbBucketGrid grid;

	tsdb_bucket_grid_init(&grid, PG_GETARG_INTERVAL_P(0), NULL, NULL);
	PG_RETURN_TIMESTAMP(tsdb_bucket_timestamp(&grid, PG_GETARG_TIMESTAMP(1)));
}

Datum
tsdb_time_bucket_timestamp_origin(PG_FUNCTION_ARGS)
{
	TsdbBucketGrid grid;
	Timestamp	origin = PG_GETARG_TIMESTAMP(2);

	tsdb_bucket_grid_init(&grid, PG_GETARG_INTERVAL_P(0), &origin, NULL);
	PG_RETURN_TIMESTAMP(tsdb_bucket_timestamp(&grid, PG_GETARG_TIMESTAMP(1)));
}

Datum
tsdb_time_bucket_timestamp_offset(PG_FUNCTION_ARGS)
{
	TsdbBucketGrid grid;

	tsdb_bucket_grid_init(&grid, PG_GETARG_INTERVAL_P(0), NULL, PG_GETARG_INTERVAL_P(2));
	PG_RETURN_TIMESTAMP(tsdb_bucket_timestamp(&grid, PG_GETARG_TIMESTAMP(1)));
}

/*-------------------------------------------------------------------- SQL: dates */

Datum
tsdb_time_bucket_date(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATEADT(bucket_date(PG_GETARG_INTERVAL_P(0), PG_GETARG_DATEADT(1), NULL, NULL));
}

Datum
tsdb_time_bucket_date_origin(PG_FUNCTION_ARGS)
{
	DateADT		origin = PG_GETARG_DATEADT(2);

	PG_RETURN_DATEADT(bucket_date(PG_GETARG_INTERVAL_P(0), PG_GETARG_DATEADT(1), &origin, NULL));
}

Datum
tsdb_time_bucket_date_offset(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATEADT(bucket_date(PG_GETARG_INTERVAL_P(0), PG_GETARG_DATEADT(1), NULL, PG_GETARG_INTERVAL_P(2)));
}
