-- time_weight, average, integral and candlesticks against window functions and ordered aggregates.  Likely bugs: rows that do not
-- come in order of time, the gap between rolled-up summaries, equal times, prices and volumes that are NULL.

SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET extra_float_digits = 0;

--
-- The examples of doc/functions.md
--
SELECT average(time_weight('LOCF', t, v)), average(time_weight('linear', t, v)), integral(time_weight('LOCF', t, v), 'hours')
  FROM (VALUES (timestamptz '2024-02-03 10:00+00', 20), ('2024-02-03 10:30+00', 30), ('2024-02-03 12:00+00', 40)) r(t, v);
SELECT open(c), high(c), low(c), close(c), high_time(c), volume(c), vwap(c)
  FROM (SELECT candlestick_agg(t, price, volume) AS c
		  FROM (VALUES (timestamptz '2024-02-03 10:00+00', 101.5, 10), ('2024-02-03 10:20+00', 103, 30), ('2024-02-03 10:40+00', 100, 60)) r(t, price, volume)) s;

--
-- Averages over time.  Values and distances are such that sums are exact.
--
CREATE TABLE weight_src AS
	SELECT g, timestamptz '2024-10-26 00:00+00' + (i * i % 997 + 1000 * i) * interval '1 s' AS t, ((i * 7919) % 101 - 40)::float8 AS v, i FROM generate_series(0, 6) g, generate_series(1, 70 * g + 1) i;
INSERT INTO weight_src SELECT g, NULL, 1, -1 FROM generate_series(0, 6) g UNION ALL SELECT g, t, NULL, -1 FROM weight_src UNION ALL SELECT g, 'infinity', 5, -1 FROM generate_series(0, 6) g;
INSERT INTO weight_src SELECT g, t, v - 1, i FROM weight_src WHERE i % 7 = 0;
CREATE VIEW weight_plain AS
	WITH points AS (SELECT g, t, max(v) AS v FROM weight_src WHERE isfinite(t) AND v IS NOT NULL GROUP BY g, t),
		 steps AS (SELECT g, t, v, lag(v) OVER w AS pv, extract(epoch FROM t - lag(t) OVER w)::float8 AS s FROM points WINDOW w AS (PARTITION BY g ORDER BY t))
	SELECT g, coalesce(sum(pv * s), 0) AS locf, coalesce(sum((pv + v) / 2 * s), 0) AS linear, extract(epoch FROM max(t) - min(t))::float8 AS seconds, min(t) AS first_time, max(t) AS last_time,
		   (array_agg(v ORDER BY t))[1] AS first_val, (array_agg(v ORDER BY t DESC))[1] AS last_val
	  FROM steps GROUP BY g;
CREATE FUNCTION weight_compare(source text, OUT compared bigint, OUT different bigint) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SELECT count(*), count(*) FILTER (WHERE (locf, linear, locf / nullif(seconds, 0), linear / nullif(seconds, 0), locf / 60, first_time, last_time, first_val, last_val) IS DISTINCT FROM
			(integral(a), integral(b), average(a), average(b), integral(a, ''minute''), first_time(a), last_time(b), first_val(b), last_val(a)))
		  FROM weight_plain FULL JOIN (SELECT g, time_weight(''LOCF'', t, v) AS a, time_weight(''Linear'', t, v) AS b FROM %s s GROUP BY g) w USING (g)', source) INTO compared, different;
END $$;
SELECT * FROM weight_compare('weight_src');
SELECT * FROM weight_compare('(SELECT * FROM weight_src ORDER BY t)');
SELECT * FROM weight_compare('(SELECT * FROM weight_src ORDER BY t DESC, v)');
SELECT * FROM weight_compare('(SELECT * FROM weight_src ORDER BY md5(t::text), v)');
CREATE TABLE weight_tsdb (g int, t timestamptz, v float8, i int) USING tsdb WITH (segmentby = 'g', orderby = 't');
INSERT INTO weight_tsdb SELECT * FROM weight_src;
SELECT tsdb.compress('weight_tsdb') >= 0 AS compressed;
SELECT * FROM weight_compare('weight_tsdb');
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
ALTER TABLE weight_src SET (parallel_workers = 2);
EXPLAIN (COSTS OFF) SELECT time_weight('LOCF', t, v) FROM weight_src;
SELECT * FROM weight_compare('weight_src');
-- rollup of days gives the whole
SELECT count(*) AS compared, count(*) FILTER (WHERE a.c::text IS DISTINCT FROM b.c::text) AS different
  FROM (SELECT g, m, time_weight(m, t, v) AS c FROM weight_src, unnest('{locf,trapezoidal}'::text[]) m GROUP BY g, m) a
  FULL JOIN (SELECT g, m, rollup(c) AS c FROM (SELECT g, m, time_weight(m, t, v) AS c FROM weight_src, unnest('{locf,trapezoidal}'::text[]) m GROUP BY g, m, time_bucket('1 day', t)) h GROUP BY g, m) b USING (g, m);
-- elapsed time, not what clocks show: the day has 25 hours
SET timezone = 'Europe/Berlin';
SELECT integral(time_weight('LOCF', t, v), 'hour') FROM (VALUES (timestamptz '2024-10-27 00:00', 1), ('2024-10-28 00:00', 5)) r(t, v);
SELECT integral(time_weight('LOCF', t, v), 'hour') FROM (VALUES (timestamptz '2024-03-31 00:00', 1), ('2024-04-01 00:00', 5)) r(t, v);
SET timezone = 'UTC';
-- one row, none, what is no number, the ends of time
SELECT average(w) IS NULL AS average, integral(w), first_val(w) FROM (SELECT time_weight('LOCF', 'epoch', 3) AS w) s;
SELECT time_weight('LOCF', t, 1) IS NULL AS nothing FROM (VALUES (NULL::timestamptz), ('infinity'), ('-infinity')) r(t);
SELECT average(time_weight('LOCF', t, v)), average(time_weight('linear', t, v)) FROM (VALUES (timestamptz 'epoch', 1::float8), ('2000-01-01', 'infinity'), ('2000-01-02', 3)) r(t, v);
SELECT average(time_weight('linear', t, v)) FROM (VALUES (timestamptz '4713-11-24 BC', 1.7e308), ('294276-12-31', 1.7e308)) r(t, v);
SELECT unit, integral(time_weight('LOCF', t, v), unit) FROM (VALUES (timestamptz '2024-01-01', 1), ('2024-01-15', 2)) r(t, v), unnest('{week,weeks,day,DAYS,Hour,minutes,second,seconds,milliseconds,microsecond}'::text[]) unit GROUP BY unit ORDER BY 2, 1;
-- errors
SELECT e, raises(format('SELECT %s FROM (VALUES (timestamptz ''epoch'', 1), (''2000-01-01'', 2)) r(t, v)', e))
  FROM unnest('{"time_weight(''next'', t, v)","time_weight(NULL, t, v)","time_weight(CASE v WHEN 1 THEN ''locf'' ELSE ''linear'' END, t, v)","integral(time_weight(''locf'', t, v), ''month'')"}'::text[]) e;
SELECT raises('SELECT rollup(w) FROM (SELECT time_weight(''locf'', t, v) AS w FROM weight_src GROUP BY i % 2) s');
SELECT raises('SELECT rollup(w) FROM (SELECT time_weight(CASE WHEN t < ''2024-10-27'' THEN ''locf'' ELSE ''linear'' END, t, v) AS w FROM weight_src WHERE isfinite(t) GROUP BY t < ''2024-10-27'') s');
-- the type
CREATE TABLE weight_stored AS SELECT g, time_weight('linear', t, v) AS w FROM weight_src GROUP BY g;
SELECT count(*) AS rows, count(*) FILTER (WHERE w::text::timeweightsummary::text <> w::text) AS different FROM weight_stored;
SELECT DISTINCT left(r, 5) AS error FROM (SELECT raises(format('SELECT average(%L::timeweightsummary)', set_byte(tsdb.time_weight_send(w), i, b)::text)) AS r FROM weight_stored, generate_series(0, 59) i, unnest('{0,1,255}'::int[]) b WHERE g = 1) s WHERE r NOT LIKE 'no error%';
SELECT raises(format('SELECT %L::timeweightsummary', x)) FROM unnest('{"\\x","\\x02010000","\\x01010000"}'::text[]) x;

--
-- Candlesticks.  Of equal prices the earliest counts.
--
CREATE TABLE trade_src AS
	SELECT g, timestamptz '2024-03-29 00:00+00' + i * interval '17 min' AS t, ((i * 7919) % 211 / 4.0)::float8 AS price, (i % 9)::float8 AS volume, i FROM generate_series(0, 6) g, generate_series(1, 50 * g + 1) i;
INSERT INTO trade_src SELECT g, NULL, 1e9, 1, -1 FROM generate_series(0, 6) g UNION ALL SELECT g, t, NULL, 1, -1 FROM trade_src;
CREATE VIEW trade_plain AS
	SELECT g, (array_agg(price ORDER BY t))[1] AS open, max(price) AS high, min(price) AS low, (array_agg(price ORDER BY t DESC))[1] AS close, min(t) AS open_time, (array_agg(t ORDER BY price DESC, t))[1] AS high_time,
		   (array_agg(t ORDER BY price, t))[1] AS low_time, max(t) AS close_time, sum(volume) AS volume, sum(price * volume) / sum(volume) AS vwap
	  FROM trade_src WHERE t IS NOT NULL AND price IS NOT NULL GROUP BY g;
CREATE FUNCTION trade_compare(source text, OUT compared bigint, OUT different bigint) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SELECT count(*), count(*) FILTER (WHERE (open, high, low, close, open_time, high_time, low_time, close_time, volume, vwap) IS DISTINCT FROM
			(open(c), high(c), low(c), close(c), open_time(c), high_time(c), low_time(c), close_time(c), volume(c), vwap(c)))
		  FROM trade_plain FULL JOIN (SELECT g, candlestick_agg(t, price, volume) AS c FROM %s s GROUP BY g) w USING (g)', source) INTO compared, different;
END $$;
SELECT * FROM trade_compare('trade_src');
SELECT * FROM trade_compare('(SELECT * FROM trade_src ORDER BY t DESC)');
SELECT * FROM trade_compare('(SELECT * FROM trade_src ORDER BY md5(t::text))');
ALTER TABLE trade_src SET (parallel_workers = 2);
EXPLAIN (COSTS OFF) SELECT candlestick_agg(t, price, volume) FROM trade_src;
SELECT * FROM trade_compare('trade_src');
SELECT count(*) AS compared, count(*) FILTER (WHERE a.c::text IS DISTINCT FROM b.c::text) AS different
  FROM (SELECT g, candlestick_agg(t, price, volume) AS c FROM trade_src GROUP BY g) a
  FULL JOIN (SELECT g, rollup(c) AS c FROM (SELECT g, candlestick_agg(t, price, volume) AS c FROM trade_src GROUP BY g, time_bucket('1 day', t, 'Europe/Berlin')) h GROUP BY g) b USING (g);
SELECT high(c), open(c), low(c), close(c), volume(c) IS NULL AS volume, vwap(c) IS NULL AS vwap FROM (SELECT candlestick_agg(t, p, v) AS c FROM (VALUES (timestamptz 'epoch', 'NaN'::float8, 1), ('infinity', '-infinity', NULL), ('-infinity', 7, 5)) r(t, p, v)) s;
SELECT volume(c), vwap(c) IS NULL AS vwap FROM (SELECT candlestick_agg('epoch', 7, 0) AS c) s;
SELECT candlestick_agg(t, p, 1) IS NULL AS nothing FROM (VALUES (NULL::timestamptz, 1), ('epoch', NULL)) r(t, p);
-- as a window function, whose state goes on changing
SELECT count(*) AS compared, count(*) FILTER (WHERE high(c) <> m OR close(c) <> price) AS different FROM (SELECT price, candlestick_agg(t, price, volume) OVER w AS c, max(price) OVER w AS m FROM trade_src WHERE price IS NOT NULL AND t IS NOT NULL WINDOW w AS (PARTITION BY g ORDER BY t)) s;
SELECT open(c), high(c), low(c), close(c), volume(c), vwap(c), open_time(c), close_time(c) FROM (SELECT rollup(candlestick(t, o, h, l, cl, v)) AS c FROM (VALUES (timestamptz '2024-01-02', 2, 5, 1, 3, 10), ('2024-01-01', 7, 8, 6, 7, 30)) r(t, o, h, l, cl, v)) s;
SELECT volume(c) IS NULL AS volume, low(c) FROM (SELECT candlestick('epoch', 2, 5, 1, 3, NULL) AS c) s;
SELECT candlestick('epoch', 2, NULL, 1, 3, 4) IS NULL AS "null";
CREATE TABLE trade_stored AS SELECT g, candlestick_agg(t, price, volume) AS c FROM trade_src GROUP BY g;
SELECT count(*) AS rows, count(*) FILTER (WHERE c::text::candlestick::text <> c::text) AS different FROM trade_stored;
SELECT DISTINCT left(r, 5) AS error FROM (SELECT raises(format('SELECT vwap(%L::candlestick)', set_byte(tsdb.candlestick_send(c), i, b)::text)) AS r FROM trade_stored, generate_series(0, 91) i, unnest('{0,1,255}'::int[]) b WHERE g = 1) s WHERE r NOT LIKE 'no error%';
SELECT raises(format('SELECT %L::candlestick', x)) FROM unnest('{"\\x","\\x03010000"}'::text[]) x;
