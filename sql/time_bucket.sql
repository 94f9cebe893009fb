-- time_bucket against independent computations: date_bin, date_trunc, calendar arithmetic in SQL, and, for
-- time zones, minutes of the days around changes of clocks grouped by what clocks show.  Likely bugs: values
-- below the origin rounded towards it, the ends of types, skipped and repeated local times.

SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET intervalstyle = 'postgres';

--
-- All there is
--
SELECT p.oid::regprocedure AS function, p.provolatile, p.proisstrict, p.proparallel, pg_get_function_arguments(p.oid) AS arguments,
	   pg_get_function_result(p.oid) AS result, obj_description(p.oid, 'pg_proc') IS NOT NULL AS told
  FROM pg_proc p WHERE proname IN ('time_bucket', 'first', 'last') AND pronamespace = 'public'::regnamespace
 ORDER BY p.oid::regprocedure::text COLLATE "C";

--
-- The examples of doc/functions.md
--
SELECT time_bucket('5 minutes', timestamp '2024-02-03 10:13:14');
SELECT time_bucket('1 week', timestamptz '2024-02-03 10:13:14+00');
SELECT time_bucket('1 month', date '2024-02-03');
SELECT time_bucket('1 week', date '2024-02-03', origin => date '2000-01-02');
SELECT time_bucket('1 day', timestamp '2024-02-03 05:00', "offset" => interval '6 hours');
SELECT time_bucket('1 day', timestamptz '2024-02-03 23:30+00', 'Europe/Berlin');
SELECT time_bucket('1 day', timestamptz '2024-02-03 23:30+00', 'Europe/Berlin', "offset" => interval '6 hours');
SELECT time_bucket(10, -3), time_bucket(10, -3, 5);

--
-- Fixed widths: as date_bin
--
CREATE TEMP TABLE widths AS SELECT w::interval FROM unnest('{1 us,7 us,1 ms,1 s,7 s,1 min,5 min,90 min,1 hour,5 hours,1 day,25 hours,1 day -1 hour,1 week,11 days,30 days,10000 days,100000000 hours}'::text[]) w;
CREATE TEMP TABLE times AS
	SELECT t FROM generate_series(timestamp '1999-12-01 00:00', '2000-02-01', '7 hours 13 min 11.000007 s') t
	UNION ALL SELECT t FROM generate_series(timestamp '0010-01-01 BC', '0010-01-01', '97 days 5 hours 1 us') t
	UNION ALL SELECT t FROM generate_series(timestamp '1000-01-01', '3000-01-01', '3 years 5 days 2 hours 1 s') t
	UNION ALL SELECT t + s * interval '1 us' FROM unnest('{2000-01-03,2000-01-01,1970-01-01,1999-12-27,2024-02-29}'::timestamp[]) t, generate_series(-2, 2) s
	UNION ALL SELECT unnest('{4713-01-01 BC,4000-01-01 BC,294276-12-31 23:59:59.999999,294276-12-31,290000-06-05}'::timestamp[]);
SELECT count(*) AS compared, count(*) FILTER (WHERE time_bucket(w, t) IS DISTINCT FROM date_bin(w, t, '2000-01-03')) AS different,
	   count(*) FILTER (WHERE time_bucket(w, t AT TIME ZONE 'UTC') IS DISTINCT FROM date_bin(w, t, '2000-01-03') AT TIME ZONE 'UTC') AS different_tz
  FROM widths, times WHERE t > '4600-01-01 BC' AND (w < '100 days' OR t >= '2000-01-03') OR w < '1 week';
SELECT count(*) AS compared, count(*) FILTER (WHERE time_bucket(w, t, o) IS DISTINCT FROM date_bin(w, t, o)) AS different,
	   count(*) FILTER (WHERE time_bucket(w, t AT TIME ZONE 'UTC', o AT TIME ZONE 'UTC') IS DISTINCT FROM date_bin(w, t, o) AT TIME ZONE 'UTC') AS different_tz
  FROM widths, times, unnest('{1970-01-01,2033-05-07 11:12:13.000001,0001-01-01 BC,1500-02-28}'::timestamp[]) o
 -- (date_bin overflows at the far end)
 WHERE t < '290000-01-01' AND (t > '4300-01-01 BC' AND (w < '100 days' OR t >= o) OR w < '1 week');
-- an offset moves the origin
SELECT count(*) AS compared, count(*) FILTER (WHERE time_bucket(w, t, o) IS DISTINCT FROM date_bin(w, t, '2000-01-03'::timestamp + o)) AS different,
	   count(*) FILTER (WHERE time_bucket(w, t AT TIME ZONE 'UTC', o) IS DISTINCT FROM date_bin(w, t, '2000-01-03'::timestamp + o) AT TIME ZONE 'UTC') AS different_tz
  FROM widths, times, unnest('{1 us,-1 us,6 hours,-100 days,50 years,1 month,-13 months 3 days 1 hour}'::interval[]) o
 WHERE t < '290000-01-01' AND (t > '4300-01-01 BC' AND (w < '100 days' OR t >= '2060-01-01') OR w < '1 week');
-- days, hours, weeks, as date_trunc has them
SELECT count(*) AS compared, count(*) FILTER (WHERE time_bucket(('1 ' || u)::interval, t) IS DISTINCT FROM date_trunc(u, t)) AS different
  FROM times, unnest('{second,minute,hour,day,week}'::text[]) u;

--
-- Months
--
SELECT count(*) AS compared,
	   count(*) FILTER (WHERE time_bucket('1 month', t) IS DISTINCT FROM date_trunc('month', t)
		   OR time_bucket('3 months', t) IS DISTINCT FROM date_trunc('quarter', t)
		   OR time_bucket('1 year', t) IS DISTINCT FROM date_trunc('year', t)) AS different
  FROM times;
-- any number of months: months counted from year 0 = 1 BC
CREATE FUNCTION month_number(t timestamp) RETURNS bigint LANGUAGE sql IMMUTABLE AS
	$$ SELECT ((extract(year FROM t) + CASE WHEN t < '0001-01-01' THEN 1 ELSE 0 END) * 12 + extract(month FROM t) - 1)::bigint $$;
CREATE FUNCTION month_timestamp(n bigint) RETURNS timestamp LANGUAGE sql IMMUTABLE AS
	$$ SELECT make_timestamp(CASE WHEN n >= 12 THEN n / 12 ELSE floor(n / 12.0) - 1 END::int, (n - 12 * floor(n / 12.0) + 1)::int, 1, 0, 0, 0) $$;
SELECT count(*) AS compared,
	   count(*) FILTER (WHERE time_bucket(make_interval(months => m), t) IS DISTINCT FROM
		   month_timestamp(24000 + m * floor((month_number(t) - 24000) / m::numeric)::bigint)) AS different,
	   count(*) FILTER (WHERE time_bucket(make_interval(months => m), t AT TIME ZONE 'UTC', timestamptz '1977-05-17 12:00+00') IS DISTINCT FROM
		   month_timestamp(23728 + m * floor((month_number(t) - 23728) / m::numeric)::bigint) AT TIME ZONE 'UTC') AS different_origin,
	   count(*) FILTER (WHERE time_bucket(make_interval(months => m), t, interval '2 months 14 days 6 hours') IS DISTINCT FROM
		   month_timestamp(24002 + m * floor((month_number(t - '14 days 6 hours'::interval) - 24002) / m::numeric)::bigint) + '14 days 6 hours'::interval) AS different_offset
  FROM times, unnest('{1,2,5,7,12,13,120,1200}'::int[]) m WHERE t > '4600-01-01 BC' AND (t > '4500-01-01 BC' OR m < 1200);
SELECT time_bucket('1 month', timestamp '2023-12-31 23:59:59.999999'), time_bucket('1 month', timestamp '2024-02-29'),
	   time_bucket('5 months', timestamp '1999-12-31'), time_bucket('100 years', timestamp '1950-06-01'), time_bucket('1 year', timestamp '0001-06-01 BC');
-- the day of an origin does not count for months, as in TimescaleDB; an offset does
SELECT time_bucket('1 month', timestamp '2024-02-10', timestamp '2000-01-15'), time_bucket('1 month', timestamp '2024-02-10', interval '14 days'),
	   time_bucket('3 months', timestamp '2024-03-31', interval '1 month');

--
-- Dates, whose range is larger than that of timestamps
--
CREATE TEMP TABLE dates AS
	SELECT d::date FROM generate_series(timestamp '1999-11-01', '2000-03-01', '1 day') d
	UNION ALL SELECT d::date FROM generate_series(timestamp '0010-01-01 BC', '3000-01-01', '271 days') d
	UNION ALL SELECT unnest('{5874897-12-31,5874897-01-01,3000000-02-28,300000-06-06,4700-01-01 BC}'::date[]);
SELECT count(*) AS compared,
	   count(*) FILTER (WHERE time_bucket(make_interval(days => w), d) IS DISTINCT FROM d - mod(mod(d - '2000-01-03', w) + w, w)) AS different,
	   count(*) FILTER (WHERE time_bucket(make_interval(days => w), d, date '2001-07-08') IS DISTINCT FROM d - mod(mod(d - '2001-07-08', w) + w, w)) AS different_origin,
	   count(*) FILTER (WHERE time_bucket(make_interval(days => w), d, interval '3 days') IS DISTINCT FROM d - mod(mod(d - '2000-01-06', w) + w, w)) AS different_offset
  FROM dates, unnest('{1,2,7,30,365,1000}'::int[]) w WHERE d > '4600-01-01 BC' OR w <= 7;
SELECT count(*) AS compared,
	   count(*) FILTER (WHERE time_bucket(w, d) IS DISTINCT FROM time_bucket(w, d::timestamp)::date
		   OR time_bucket(w, d, date '1987-06-05') IS DISTINCT FROM time_bucket(w, d::timestamp, timestamp '1987-06-05')::date
		   OR time_bucket(w, d, o) IS DISTINCT FROM time_bucket(w, d::timestamp, o)::date) AS different
  FROM dates, unnest('{1 day,1 week,10 days,1 month,3 months,7 months,1 year,100 years}'::interval[]) w,
	   unnest('{1 day,-1 day,12 hours,-1 us,100 days 1 us,1 month,-2 months -3 days -4 hours}'::interval[]) o
 WHERE d < '200000-01-01' AND (d > '4500-01-01 BC' OR w < '1 year');
SELECT time_bucket('1 month', date '5874897-12-31'), time_bucket('1 year', date '5874897-12-31'), time_bucket('1 week', date '5874897-12-31'),
	   time_bucket('1 month', date '4714-12-25 BC');

--
-- Time zones.  Instants ten minutes apart around changes of clocks; each bucket is what clocks show, and starts at its
-- first instant.  If all its local times are shown twice it is two buckets.
--
CREATE FUNCTION zone_differences(zone text, around timestamptz, w interval, shift interval DEFAULT NULL,
	OUT compared bigint, OUT different bigint, OUT too_late bigint, OUT shared bigint) LANGUAGE sql AS $$
	WITH instants AS (
		SELECT t, t AT TIME ZONE zone AS local FROM generate_series(around - interval '4 days', around + interval '4 days', '10 min') t
	), shown AS (
		SELECT t, local, date_bin(w, local, timestamp '2000-01-03' + coalesce(shift, '0')) AS bucket,
			   row_number() OVER (PARTITION BY local ORDER BY t) AS nth, count(*) OVER (PARTITION BY local) AS times
		  FROM instants
	), whole AS (
		SELECT bucket, min(times) = 2 AND count(DISTINCT local) * interval '10 min' = w AS twice FROM shown GROUP BY bucket
	), expected AS (
		SELECT t, min(t) OVER (PARTITION BY bucket, CASE WHEN twice THEN nth END) AS start FROM shown JOIN whole USING (bucket)
	), got AS (
		SELECT t, start, time_bucket(w, t, zone, "offset" => shift) AS got FROM expected WHERE t BETWEEN around - interval '2 days' AND around + interval '2 days'
	)
	SELECT count(*), count(*) FILTER (WHERE start IS DISTINCT FROM got), count(*) FILTER (WHERE got > t),
		   count(*) - count(DISTINCT got) FROM got $$;
CREATE TEMP TABLE changes (zone text, around timestamptz, what text);
INSERT INTO changes VALUES
	('Europe/Berlin', '2024-03-31 01:00+00', 'forward at 02:00'), ('Europe/Berlin', '2024-10-27 01:00+00', 'back at 03:00'),
	('America/New_York', '2024-03-10 07:00+00', 'forward at 02:00'), ('America/New_York', '2024-11-03 06:00+00', 'back at 02:00'),
	('Europe/London', '2021-10-31 01:00+00', 'back at 02:00'), ('Asia/Kolkata', '2024-03-31 00:00+00', 'none'),
	('Australia/Lord_Howe', '2024-10-05 15:30+00', 'forward half an hour at 02:00'), ('Australia/Lord_Howe', '2024-04-06 15:00+00', 'back half an hour at 02:00'),
	('Asia/Amman', '2021-03-25 22:00+00', 'forward at midnight'), ('America/Havana', '2023-11-05 05:00+00', 'back to midnight'),
	('America/Sao_Paulo', '2018-02-18 02:00+00', 'back from midnight'), ('Pacific/Apia', '2011-12-30 10:00+00', 'a day left out'),
	('Asia/Kathmandu', '1985-12-31 18:30+00', 'forward by 15 minutes'), ('UTC', '2024-03-31 01:00+00', 'none'),
	('Europe/Berlin', '2524-03-25 01:00+00', 'forward, by the rule'), ('Europe/Berlin', '1945-05-24 00:00+00', 'forward from summer time'),
	('CET', '2024-03-31 01:00+00', 'none: an abbreviation'), ('+05:30', '2024-03-31 01:00+00', 'none'), ('EST5EDT,M3.2.0,M11.1.0', '2024-11-03 06:00+00', 'back at 02:00, spelled out');
-- (Kathmandu's distance of 15 minutes does not fit instants ten minutes apart; below)
SELECT zone, what, sum(compared) AS compared, sum(different) AS different, sum(too_late) AS too_late
  FROM changes, unnest('{10 min,30 min,1 hour,90 min,2 hours,3 hours,4 hours,12 hours,1 day}'::interval[]) w,
	   unnest('{NULL,20 min,30 min,6 hours,-1 hour}'::interval[]) o, zone_differences(zone, around, w, o)
 WHERE zone <> 'Asia/Kathmandu' GROUP BY zone, around, what ORDER BY zone COLLATE "C", around;
-- the same by hand: an hour that is shown twice, by widths
SELECT t AT TIME ZONE 'Europe/Berlin' AS local, t, time_bucket('15 min', t, 'Europe/Berlin') AS "15 min", time_bucket('1 hour', t, 'Europe/Berlin') AS "1 hour",
	   time_bucket('2 hours', t, 'Europe/Berlin') AS "2 hours", time_bucket('1 day', t, 'Europe/Berlin') AS "1 day"
  FROM generate_series(timestamptz '2024-10-26 23:30+00', '2024-10-27 02:30+00', '30 min') t;
-- one that is left out
SELECT t AT TIME ZONE 'Europe/Berlin' AS local, t, time_bucket('15 min', t, 'Europe/Berlin') AS "15 min", time_bucket('1 hour', t, 'Europe/Berlin') AS "1 hour",
	   time_bucket('2 hours', t, 'Europe/Berlin') AS "2 hours", time_bucket('1 hour', t, 'Europe/Berlin', "offset" => '30 min') AS "1 hour from :30"
  FROM generate_series(timestamptz '2024-03-31 00:15+00', '2024-03-31 02:15+00', '30 min') t;
-- rows per day: 23, 24, 25 hours; 23.5 and 24.5 on Lord Howe Island
SELECT time_bucket('1 day', t, 'America/New_York') AS day, count(*) / 60.0 AS hours FROM generate_series(timestamptz '2024-03-09 05:00+00', '2024-03-12 03:59+00', '1 min') t GROUP BY 1 ORDER BY 1;
SELECT time_bucket('1 day', t, 'America/New_York') AS day, count(*) / 60.0 AS hours FROM generate_series(timestamptz '2024-11-02 04:00+00', '2024-11-05 04:59+00', '1 min') t GROUP BY 1 ORDER BY 1;
SELECT time_bucket('1 day', t, 'Australia/Lord_Howe') AS day, count(*) / 60.0 AS hours FROM generate_series(timestamptz '2024-04-05 13:00+00', '2024-04-08 13:29+00', '1 min') t GROUP BY 1 ORDER BY 1;
SELECT time_bucket('1 day', t, 'Asia/Kolkata') AS day, count(*) / 60.0 AS hours FROM generate_series(timestamptz '2024-03-30 18:30+00', '2024-04-01 18:29+00', '1 min') t GROUP BY 1 ORDER BY 1;
-- the day that starts twice is one; the day that does not exist is none
SELECT time_bucket('1 day', t, 'America/Havana') AS day, count(*) AS hours FROM generate_series(timestamptz '2023-11-04 04:00+00', '2023-11-07 04:59+00', '1 hour') t GROUP BY 1 ORDER BY 1;
SELECT time_bucket('1 day', t, 'Pacific/Apia') AT TIME ZONE 'Pacific/Apia' AS day, count(*) AS hours FROM generate_series(timestamptz '2011-12-29 10:00+00', '2012-01-01 09:59+00', '1 hour') t GROUP BY 1 ORDER BY 1;
SELECT time_bucket('15 min', t, 'Asia/Kathmandu') AT TIME ZONE 'Asia/Kathmandu' AS local, count(*) FROM generate_series(timestamptz '1985-12-31 18:00+00', '1985-12-31 18:59+00', '1 min') t GROUP BY 1 ORDER BY 1;
-- an offset is of local time: a day from 6 to 6, all year
SELECT DISTINCT (time_bucket('1 day', t, 'Europe/Berlin', "offset" => '6 hours') AT TIME ZONE 'Europe/Berlin')::time AS starts
  FROM generate_series(timestamptz '2024-01-01 00:00+00', '2024-12-31', '1 hour') t;
-- where clocks run evenly: local time, bucketed, and back; into the future that rules tell, and forwards and backwards in time
SELECT zone, count(*) AS compared,
	   count(*) FILTER (WHERE time_bucket(w, t, zone) IS DISTINCT FROM time_bucket(w, t AT TIME ZONE zone) AT TIME ZONE zone) AS different,
	   count(*) FILTER (WHERE time_bucket(w, t, zone, o) IS DISTINCT FROM time_bucket(w, t AT TIME ZONE zone, o AT TIME ZONE zone) AT TIME ZONE zone) AS different_origin
  FROM unnest('{Europe/Berlin,America/New_York,Asia/Kolkata,Australia/Lord_Howe,EST,UTC}'::text[]) zone,
	   unnest('{1 day,1 week,1 month,5 months,1 year}'::interval[]) w, unnest('{2000-01-01 00:00+00,1990-07-15 07:00+00}'::timestamptz[]) o,
	   LATERAL (SELECT t FROM generate_series(timestamptz '1983-01-01 00:00+00', '2100-01-01', '61 days 5 hours') t
		   UNION ALL SELECT t FROM generate_series(timestamptz '2700-01-01 00:00+00', '2300-01-01', '-123 days -5 hours') t
		   UNION ALL SELECT t FROM generate_series(timestamptz '20000-01-01 00:00+00', '20003-01-01', '23 days 5 hours') t) x
 WHERE (time_bucket(w, t AT TIME ZONE zone, o AT TIME ZONE zone) AT TIME ZONE zone) <= t AND (o = '2000-01-01 00:00+00' OR w >= '1 month')
 GROUP BY zone ORDER BY zone COLLATE "C";
-- at each change of clocks of centuries to come: where tables of them end and rules take over, and between
WITH sundays AS (
	SELECT d - extract(dow FROM d)::int AS d FROM generate_series(2030, 2900) y, LATERAL (VALUES (make_date(y, 3, 31)), (make_date(y, 10, 31))) l(d)
), instants AS (
	SELECT d::timestamp AT TIME ZONE 'UTC' + i AS t FROM sundays, unnest('{59 min 59.999999 s,1 hour,1 hour 1 us,80 days}'::interval[]) i ORDER BY 1
)
SELECT count(*) AS compared, count(*) FILTER (WHERE time_bucket('1 day', t, 'Europe/Berlin') IS DISTINCT FROM date_trunc('day', t, 'Europe/Berlin')) AS different FROM instants;
-- before zones
SELECT zone, time_bucket('1 day', timestamptz '1700-05-05 12:00+00', zone), time_bucket('1 month', timestamptz '0100-05-05 12:00+00 BC', zone)
  FROM unnest('{Europe/Berlin,America/New_York,UTC}'::text[]) zone;
-- zones and origins that change from row to row; a zone that is none; names as AT TIME ZONE takes them
SELECT sum(d) AS different FROM (SELECT (time_bucket('1 day', t, zone, o) <> time_bucket('1 day', t AT TIME ZONE zone, o AT TIME ZONE zone) AT TIME ZONE zone)::int AS d
	FROM generate_series(timestamptz '2024-06-01', '2024-06-08', '5 hours') WITH ORDINALITY g(t, n),
		 LATERAL (SELECT (ARRAY['Europe/Berlin', 'america/new_york', 'EST', '+3', 'Asia/Kolkata'])[n % 5 + 1] AS zone, timestamptz '2024-05-01 12:00+00' + n % 3 * interval '1 hour' AS o) z) x;
SELECT raises($$SELECT time_bucket('1 day', now(), 'Mars/Olympus')$$), raises(format($$SELECT time_bucket('1 day', now(), %L)$$, repeat('x', 300)));

--
-- Integers at the ends of their types, against numeric; an error where the start is out of range
--
CREATE FUNCTION integer_differences(type text, lowest numeric, OUT compared bigint, OUT errors bigint, OUT different bigint) LANGUAGE plpgsql AS $$
DECLARE
	highest numeric := -1 - lowest;
	v numeric; w numeric; o numeric; expected numeric; got text;
	vals numeric[] := ARRAY[lowest, lowest + 1, lowest + 7, lowest / 2, -101, -100, -99, -11, -10, -9, -1, 0, 1, 9, 10, 11, 12345, highest / 2 - 0.5, highest - 7, highest - 1, highest];
BEGIN
	compared := 0; errors := 0; different := 0;
	FOREACH v IN ARRAY vals LOOP
		FOREACH w IN ARRAY ARRAY[1, 2, 3, 7, 10, 1000, div(highest, 2), highest - 1, highest] LOOP
			FOREACH o IN ARRAY vals || NULL LOOP
				expected := floor((trunc(v) - coalesce(trunc(o), 0)) / w) * w + coalesce(trunc(o), 0);
				-- numeric division rounds: the quotient may come out one too high
				IF expected > trunc(v) THEN expected := expected - w; END IF;
				got := raises(format('SELECT time_bucket(%L::%s, %L::%s%s)', trunc(w), type, trunc(v), type, CASE WHEN o IS NOT NULL THEN format(', %L::%s', trunc(o), type) END));
				compared := compared + 1;
				IF expected < lowest THEN
					errors := errors + 1;
					different := different + (got <> format('22003 %s out of range', type))::int;
				ELSE
					different := different + (got <> 'no error: ' || expected)::int;
				END IF;
			END LOOP;
		END LOOP;
	END LOOP;
END $$;
SELECT type, d.* FROM (VALUES ('smallint', -32768), ('integer', -2147483648), ('bigint', -9223372036854775808)) v(type, lowest), integer_differences(type, lowest) d;
SELECT pg_typeof(time_bucket(10::smallint, 25::smallint)), pg_typeof(time_bucket(10, 25)), pg_typeof(time_bucket(10, 25::bigint)), pg_typeof(time_bucket(10::smallint, 25));

--
-- Infinity, NULL
--
SELECT time_bucket(w, timestamp 'infinity'), time_bucket(w, timestamptz '-infinity'), time_bucket(w, date 'infinity'), time_bucket(w, date '-infinity', '1 day'::interval),
	   time_bucket(w, timestamptz 'infinity', 'Europe/Berlin'), time_bucket(w, timestamp '-infinity', timestamp '2001-01-01')
  FROM unnest('{1 week,1 month}'::interval[]) w;
SELECT time_bucket(NULL::interval, now()) IS NULL AS "null", time_bucket('1 day', NULL::timestamptz) IS NULL AS "null", time_bucket('1 day', NULL::date) IS NULL AS "null",
	   time_bucket('1 day', now(), NULL::interval) IS NULL AS "null", time_bucket('1 day', now(), NULL::timestamptz) IS NULL AS "null",
	   time_bucket(NULL::int, 1) IS NULL AS "null", time_bucket(1, 1, NULL::int) IS NULL AS "null";
SELECT time_bucket(NULL, now(), 'UTC') IS NULL AS "null", time_bucket('1 day', NULL::timestamptz, 'UTC') IS NULL AS "null", time_bucket('1 day', now(), NULL::text) IS NULL AS "null",
	   time_bucket('1 day', timestamptz '2024-05-05 12:00+00', 'UTC', NULL, NULL), time_bucket('2 days', timestamptz '2024-05-05 12:00+00', 'UTC', NULL, '1 day'),
	   time_bucket('2 days', timestamptz '2024-05-05 12:00+00', 'UTC', '2000-01-01 00:00+00', NULL);

--
-- Errors
--
SELECT s, raises('SELECT ' || s) FROM unnest(ARRAY[
	$$time_bucket('0', now())$$, $$time_bucket('-1 day', now())$$, $$time_bucket('-1 month', now())$$, $$time_bucket('1 day -24 hours', now())$$, $$time_bucket('0 days', date '2024-01-01')$$,
	$$time_bucket(0, 1)$$, $$time_bucket(-1, 1)$$, $$time_bucket(0::smallint, 1::smallint)$$, $$time_bucket(-5::bigint, 1)$$, $$time_bucket(0, 1, 1)$$,
	$$time_bucket('1 month 1 day', now())$$, $$time_bucket('1 month -1 us', timestamp '2024-01-01')$$, $$time_bucket('1 year 1 hour', date '2024-01-01')$$, $$time_bucket('1 month 1 day', now(), 'UTC')$$,
	$$time_bucket('0', timestamp 'infinity')$$,
	$$time_bucket('12 hours', date '2024-01-01')$$, $$time_bucket('36 hours', date '2024-01-01')$$, $$time_bucket('2000000000 days', now())$$, $$time_bucket('1 day', now(), '2000000000 days'::interval)$$,
	$$time_bucket('1 day', now(), timestamptz 'infinity')$$, $$time_bucket('1 month', timestamp '2024-01-01', timestamp '-infinity')$$, $$time_bucket('1 day', date '2024-01-01', date 'infinity')$$,
	$$time_bucket('1 day', now(), 'UTC', 'infinity')$$,
	$$time_bucket('1 week', timestamp '4714-11-24 00:00 BC')$$, $$time_bucket('1 day', timestamp '4714-11-24 00:00 BC')$$, $$time_bucket('1 month', timestamp '4714-11-24 00:00 BC')$$,
	$$time_bucket('1 month', timestamp '4714-11-24 00:00 BC', '1 day'::interval)$$, $$time_bucket('100 years', timestamptz '4714-12-24 00:00+00 BC')$$, $$time_bucket('170000000 years', timestamp '1999-01-01')$$,
	$$time_bucket('170000000 years', timestamp '2001-01-01')$$, $$time_bucket('100000000 days', timestamp '2001-01-01')$$, $$time_bucket('100000000 days', timestamp '1999-01-01')$$,
	$$time_bucket('1 month', timestamp '294276-12-31 23:59:59.999999', '-1 day'::interval)$$, $$time_bucket('1 day', timestamp '294276-12-31 23:59:59.999999', '100000000 days'::interval)$$,
	$$time_bucket('1 day', timestamptz '294276-12-31 23:59:59.999999+00', 'Europe/Berlin')$$, $$time_bucket('1 day', timestamptz '294276-12-31 23:59:59.999999+00', 'America/New_York')$$,
	$$time_bucket('1 hour', timestamptz '4714-11-24 00:00:00+00 BC', 'Europe/Berlin')$$, $$time_bucket('1 day', timestamptz '4714-11-24 00:00:00+00 BC', 'America/New_York')$$,
	$$time_bucket('1 week', date '4714-11-24 BC')$$, $$time_bucket('1 month', date '4714-11-24 BC')$$, $$time_bucket('1 day', date '4714-11-24 BC')$$, $$time_bucket('1 day', date '4714-11-24 BC', '1 hour'::interval)$$,
	$$time_bucket('1 day', now(), interval '178000000 years')$$]) s;
\set VERBOSITY default
SELECT time_bucket('1 month 3 days', now());
SELECT time_bucket('1 hour', date '2024-01-01');

--
-- In indexes, generated columns and partitions (immutable), and on tsdb
--
CREATE TABLE tb_h (time timestamptz NOT NULL, host text, v float8);
INSERT INTO tb_h SELECT timestamptz '2024-03-30 00:00+00' + i * interval '7 min', 'host ' || i % 3, i FROM generate_series(0, 2999) i;
CREATE INDEX ON tb_h (time_bucket('1 day', time, 'Europe/Berlin'));
CREATE TABLE tb_t (time timestamptz NOT NULL, host text, v float8, day timestamptz GENERATED ALWAYS AS (time_bucket('1 day', time, 'Europe/Berlin')) STORED) USING tsdb;
INSERT INTO tb_t (time, host, v) SELECT time, host, v FROM tb_h;
SELECT count(*) FROM tb_t WHERE day IS DISTINCT FROM date_trunc('day', time, 'Europe/Berlin');
SELECT time_bucket('1 day', time, 'Europe/Berlin') AS day, count(*), sum(v), first(v, time), last(v, time) FROM tb_t GROUP BY 1 ORDER BY 1 LIMIT 3;
SELECT count(*) FROM (SELECT time_bucket('1 hour', time) AS b, host, count(*), sum(v) FROM tb_h GROUP BY 1, 2 EXCEPT ALL SELECT time_bucket('1 hour', time), host, count(*), sum(v) FROM tb_t GROUP BY 1, 2) d;
DROP TABLE tb_h, tb_t;

--
-- In another schema
--
SELECT current_database() AS this_database \gset
CREATE DATABASE time_bucket_elsewhere TEMPLATE template0;
\c time_bucket_elsewhere
CREATE SCHEMA "Time Series";
CREATE EXTENSION tsdb_am SCHEMA "Time Series";
SELECT count(*) AS functions, count(*) FILTER (WHERE pronamespace = '"Time Series"'::regnamespace) AS there FROM pg_proc WHERE proname IN ('time_bucket', 'first', 'last');
SELECT "Time Series".time_bucket(10, 25), "Time Series".first(x, x) FROM generate_series(3, 5) x GROUP BY 1;
SELECT count(*) FROM tsdb.tables;
\c :this_database
DROP DATABASE time_bucket_elsewhere;

DROP FUNCTION month_number, month_timestamp, zone_differences, integer_differences;
