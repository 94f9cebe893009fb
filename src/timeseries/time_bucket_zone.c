/*-------------------------------------------------------------------------
 * time_bucket_zone.c
 *	  time_bucket in a time zone: buckets of local time, told as instants.
 *
 * A bucket is a range of local times.  It holds the instants at which the zone's clocks show one
 * of them, and starts at the first such instant: so never after an instant in it, be a local time
 * skipped or shown twice.  One exception: if clocks are set back and a bucket's local times are
 * all shown twice (15 minutes, say, of a repeated hour), its instants may be two ranges with
 * others between; they are two buckets then, one each time the clocks show them.  See README.md.
 *
 * An abbreviation (CET, EST) is a constant distance from UTC and has none of that.
 *
 * Distances from UTC come from pg_next_dst_boundary() for both directions, so that they agree.
 * Fields of struct ZoneCache remember the stretch of constant distance around the last timestamp.
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "parser/scansup.h"
#include "pgtime.h"
#include "timeseries/time_bucket.h"
#include "timeseries/time_bucket_zone.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(tsdb_time_bucket_zone);

/* seconds from 1970 to 2000 */
#define EPOCH_DISTANCE	((pg_time_t) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY)

/* Clocks of no zone differ from UTC by as much as a day. */
#define MAX_OFFSET_DAYS	1

/* How far before a timestamp the stretch around it is looked for: some transitions lie in it, at most. */
#define LOOK_BACK_DAYS	60

/* What a call site remembers of the last zone that it was given; lives in fn_mcxt. */
typedef struct ZoneCache
{
	char		name[TZ_STRLEN_MAX];	/* as given, not terminated */
	int			name_len;
	pg_tz	   *zone;			/* NULL: an abbreviation */

	/* local time = instant + offset_us for from <= instant < to; from = to: nothing known */
	TimestampTz from;
	TimestampTz to;
	int64		offset_us;

	/* the last origin, which mostly lies in another stretch than the timestamps */
	bool		origin_known;
	TimestampTz origin;
	Timestamp	origin_local;
} ZoneCache;

/* A change of the distance from UTC */
typedef struct Transition
{
	bool		exists;
	TimestampTz at;				/* first instant of the new distance */
	int64		before_us;		/* local time minus UTC; also valid if there is no transition */
	int64		after_us;
} Transition;

pg_noreturn static void
timestamp_out_of_range(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
			 errmsg("timestamp out of range")));
}

/* The first transition after an instant, which is rounded down to seconds */
static Transition
next_transition(const pg_tz *zone, TimestampTz after)
{
	Transition	result;
	pg_time_t	seconds = after / USECS_PER_SEC - (after % USECS_PER_SEC < 0 ? 1 : 0) + EPOCH_DISTANCE;
	pg_time_t	boundary = 0;
	long int	before;
	long int	later = 0;
	int			before_isdst;
	int			later_isdst;
	int			found;

	found = pg_next_dst_boundary(&seconds, &before, &before_isdst, &boundary, &later, &later_isdst, zone);
	if (found == 0)
	{
		/* It says so, too, at the last transition of its table, behind which it extrapolates. */
		long int	unused;

		seconds++;
		found = pg_next_dst_boundary(&seconds, &unused, &before_isdst, &boundary, &later, &later_isdst, zone);
	}
	if (found < 0)
		timestamp_out_of_range();

	result.exists = found > 0;
	result.before_us = (int64) before * USECS_PER_SEC;
	result.after_us = (int64) later * USECS_PER_SEC;
	/* behind the last timestamp is as good as never */
	if (!result.exists || pg_mul_s64_overflow(boundary - EPOCH_DISTANCE, USECS_PER_SEC, &result.at))
	{
		result.exists = false;
		result.at = PG_INT64_MAX;
	}
	return result;
}

/* Finds the stretch of constant distance from UTC that an instant lies in, or most of it. */
static void
find_stretch(ZoneCache *cache, TimestampTz ts)
{
	TimestampTz from = ts - LOOK_BACK_DAYS * USECS_PER_DAY;

	cache->from = cache->to = 0;
	for (;;)
	{
		Transition	next = next_transition(cache->zone, from);

		if (next.at > ts)
		{
			cache->from = from;
			cache->to = next.at;
			cache->offset_us = next.before_us;
			return;
		}
		from = next.at;
	}
}

/*
 * The instant at which the bucket starts that ts is in: its local times are start ..
 * start + width_us - 1; width_us 0 = months.  cache holds the stretch around ts.
 */
static TimestampTz
bucket_instant(const ZoneCache *cache, Timestamp start, int64 width_us, TimestampTz ts)
{
	TimestampTz from;

	/*
	 * Far enough behind the last transition no earlier instant has that local time; and start
	 * is no later than ts, hence before the next one.
	 */
	if (start - cache->offset_us >= cache->from &&
		start - cache->offset_us - cache->from >= 2 * MAX_OFFSET_DAYS * USECS_PER_DAY)
		return start - cache->offset_us;

	/* The first instant at which clocks show start, or something later */
	from = start - 2 * MAX_OFFSET_DAYS * USECS_PER_DAY;
	for (;;)
	{
		Transition	next = next_transition(cache->zone, from);
		TimestampTz earlier = start - next.before_us;
		TimestampTz later = start - next.after_us;

		if (!next.exists)
			return earlier;
		if (earlier < next.at)
		{
			/* shown twice, as a whole, and ts is of the second time? */
			if (later >= next.at && width_us > 0 && ts >= next.at &&
				width_us <= next.at + next.before_us - start)
				return later;
			return earlier;
		}
		/* skipped? */
		if (later < next.at)
			return next.at;
		from = next.at;
	}
}

/* The zone, from the call site's memory if it is the last one's */
static ZoneCache *
zone_lookup(FmgrInfo *flinfo, text *name)
{
	ZoneCache  *cache = flinfo->fn_extra;
	int			len = VARSIZE_ANY_EXHDR(name);
	char		zone_name[TZ_STRLEN_MAX + 1];
	int			type;
	int			val;
	pg_tz	   *unused;
	DateTimeErrorExtra extra;

	if (cache != NULL && cache->name_len == len && memcmp(cache->name, VARDATA_ANY(name), len) == 0)
		return cache;
	if (cache == NULL)
		flinfo->fn_extra = cache = MemoryContextAllocZero(flinfo->fn_mcxt, sizeof(ZoneCache));
	cache->name_len = -1;

	/* as AT TIME ZONE does: abbreviations come before names */
	text_to_cstring_buffer(name, zone_name, sizeof(zone_name));
	(void) DecodeTimezoneAbbrev(0, downcase_truncate_identifier(zone_name, strlen(zone_name), false), &type, &val, &unused, &extra);
	cache->zone = NULL;
	cache->from = cache->to = 0;
	cache->origin_known = false;
	if (type != TZ && type != DTZ && type != DYNTZ)
	{
		cache->zone = pg_tzset(zone_name);
		if (cache->zone == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("time zone \"%s\" not recognized", zone_name)));
	}
	if (len <= TZ_STRLEN_MAX)
	{
		memcpy(cache->name, VARDATA_ANY(name), len);
		cache->name_len = len;
	}
	return cache;
}

/* What clocks of the zone show at a finite instant; cache holds the stretch around it then */
static Timestamp
local_time(ZoneCache *cache, text *name, TimestampTz ts)
{
	Timestamp	result;

	if (cache->zone == NULL)
		return DatumGetTimestamp(DirectFunctionCall2(timestamptz_zone, PointerGetDatum(name), TimestampTzGetDatum(ts)));

	if (ts < cache->from || ts >= cache->to)
		find_stretch(cache, ts);
	result = ts + cache->offset_us;
	if (!IS_VALID_TIMESTAMP(result))
		timestamp_out_of_range();
	return result;
}

Datum
tsdb_time_bucket_zone(PG_FUNCTION_ARGS)
{
	TsdbBucketGrid grid;
	ZoneCache  *cache;
	text	   *name;
	TimestampTz ts;
	Timestamp	origin;
	Timestamp	start;
	TimestampTz result;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		PG_RETURN_NULL();
	ts = PG_GETARG_TIMESTAMPTZ(1);
	name = PG_GETARG_TEXT_PP(2);
	cache = zone_lookup(fcinfo->flinfo, name);

	if (!PG_ARGISNULL(3))
	{
		origin = PG_GETARG_TIMESTAMPTZ(3);
		if (!TIMESTAMP_NOT_FINITE(origin))
		{
			if (!cache->origin_known || cache->origin != origin)
			{
				cache->origin_local = local_time(cache, name, origin);
				cache->origin = origin;
				cache->origin_known = true;
			}
			origin = cache->origin_local;
		}
	}
	tsdb_bucket_grid_init(&grid, PG_GETARG_INTERVAL_P(0), PG_ARGISNULL(3) ? NULL : &origin,
						  PG_ARGISNULL(4) ? NULL : PG_GETARG_INTERVAL_P(4));
	if (TIMESTAMP_NOT_FINITE(ts))
		PG_RETURN_TIMESTAMPTZ(ts);

	start = tsdb_bucket_timestamp(&grid, local_time(cache, name, ts));
	if (cache->zone == NULL)
		result = DatumGetTimestampTz(DirectFunctionCall2(timestamp_zone, PointerGetDatum(name), TimestampGetDatum(start)));
	else
	{
		result = bucket_instant(cache, start, grid.width_us, ts);
		if (!IS_VALID_TIMESTAMP(result))
			timestamp_out_of_range();
		Assert(result <= ts);
	}
	PG_RETURN_TIMESTAMPTZ(result);
}
