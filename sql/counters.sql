-- delta, increase, rate, irate, counter_agg against window functions.  Likely bugs: rows that do not come in order of time,
-- resets where two partial states meet, equal times, NULL, states that travel between processes or nodes.

SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET extra_float_digits = 0;

--
-- The examples of doc/functions.md
--
SELECT delta(v, t), rate(v, t), irate(v, t)
  FROM (VALUES (10, timestamptz '2024-02-03 10:00+00'), (25, '2024-02-03 10:01+00'), (5, '2024-02-03 10:02+00'), (9, '2024-02-03 10:04+00')) r(v, t);
SELECT num_resets(c), delta(c), first_val(c), last_time(c), idelta_left(c)
  FROM (SELECT counter_agg(t, v) AS c
		  FROM (VALUES (10, timestamptz '2024-02-03 10:00+00'), (25, '2024-02-03 10:01+00'), (5, '2024-02-03 10:02+00'), (9, '2024-02-03 10:04+00')) r(v, t)) s;

--
-- Against window functions, rows in several orders.  Values are whole numbers, so that sums are exact.
--
CREATE TABLE counter_src AS
	SELECT g, timestamptz '2024-03-30 22:00+00' + i * interval '37 s' AS t, (i * (g + 1)) % (97 + 31 * g) + CASE WHEN i % 5 = 0 THEN 0 ELSE g END::float8 AS v, i
	  FROM generate_series(0, 8) g, generate_series(1, 500 * g + 1) i;
INSERT INTO counter_src SELECT g, NULL, 1e9, -1 FROM generate_series(0, 8) g UNION ALL SELECT g, t, NULL, -1 FROM counter_src
	UNION ALL SELECT g, 'infinity', 1e9, -1 FROM generate_series(0, 8) g UNION ALL SELECT g, '-infinity', 1e9, -1 FROM generate_series(0, 8) g;
-- of equal times the greatest value counts
INSERT INTO counter_src SELECT g, t, v - 1, i FROM counter_src WHERE i % 7 = 0;
INSERT INTO counter_src SELECT g, t, v, i FROM counter_src WHERE i % 11 = 0;
CREATE VIEW counter_plain AS
	WITH points AS (SELECT g, t, max(v) AS v FROM counter_src WHERE isfinite(t) AND v IS NOT NULL GROUP BY g, t),
		 steps AS (SELECT g, t, v, lag(v) OVER w AS pv, lag(t) OVER w AS pt, lead(t) OVER w AS nt, row_number() OVER w AS n FROM points WINDOW w AS (PARTITION BY g ORDER BY t))
	SELECT g, coalesce(sum(CASE WHEN v < pv THEN v ELSE v - pv END), 0) AS delta, count(*) FILTER (WHERE v < pv) AS resets, count(*) FILTER (WHERE v <> pv) AS changes, count(*) AS n,
		   coalesce(sum(CASE WHEN v < pv THEN v ELSE v - pv END), 0) / nullif(extract(epoch FROM max(t) - min(t)), 0)::float8 AS rate,
		   max(CASE WHEN v < pv THEN v ELSE v - pv END / extract(epoch FROM t - pt)::float8) FILTER (WHERE nt IS NULL) AS irate,
		   coalesce(max(CASE WHEN v < pv THEN v ELSE v - pv END) FILTER (WHERE n = 2), 0) AS left, coalesce(max(CASE WHEN v < pv THEN v ELSE v - pv END) FILTER (WHERE nt IS NULL), 0) AS right,
		   min(t) AS first_time, max(t) AS last_time, max(v) FILTER (WHERE pt IS NULL) AS first_val, max(v) FILTER (WHERE nt IS NULL) AS last_val
	  FROM steps GROUP BY g;
CREATE FUNCTION counter_compare(source text, OUT compared bigint, OUT different bigint, OUT in_summaries bigint) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SELECT count(*), count(*) FILTER (WHERE (p.delta, p.delta, p.rate, p.irate) IS DISTINCT FROM (a.delta, a.increase, a.rate, a.irate)),
		count(*) FILTER (WHERE (p.delta, p.rate, p.irate, p.left, p.right, p.resets, p.changes, p.n, p.first_time, p.last_time, p.first_val, p.last_val) IS DISTINCT FROM
			(delta(c), rate(c), irate_right(c), idelta_left(c), idelta_right(c), num_resets(c), num_changes(c), num_elements(c), first_time(c), last_time(c), first_val(c), last_val(c)))
		  FROM counter_plain p FULL JOIN (SELECT g, delta(v, t), increase(v, t), rate(v, t), irate(v, t), counter_agg(t, v) AS c FROM %s s GROUP BY g) a USING (g)', source) INTO compared, different, in_summaries;
END $$;
SELECT * FROM counter_compare('counter_src');
SELECT * FROM counter_compare('(SELECT * FROM counter_src ORDER BY g, t, v)');
SELECT * FROM counter_compare('(SELECT * FROM counter_src ORDER BY t DESC, v DESC)');
SELECT * FROM counter_compare('(SELECT * FROM counter_src ORDER BY md5(t::text), v)');
-- newest first, without equal times
SELECT delta(v, t), rate(v, t) FROM (SELECT i % 10 AS v, timestamptz 'epoch' + i * interval '1 s' AS t FROM generate_series(1, 25) i ORDER BY i DESC) r;

-- tables of ours, processes, partitions
CREATE TABLE counter_tsdb (g int, t timestamptz, v float8, i int) USING tsdb WITH (segmentby = 'g', orderby = 't');
INSERT INTO counter_tsdb SELECT * FROM counter_src;
SELECT tsdb.compress('counter_tsdb') >= 0 AS compressed;
SELECT * FROM counter_compare('counter_tsdb');
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
ALTER TABLE counter_src SET (parallel_workers = 2);
EXPLAIN (COSTS OFF) SELECT delta(v, t) FROM counter_src;
SELECT * FROM counter_compare('counter_src');
RESET max_parallel_workers_per_gather;
CREATE TABLE counter_part (g int, t timestamptz, v float8, i int) PARTITION BY HASH (t);
CREATE TABLE counter_part_0 PARTITION OF counter_part FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE counter_part_1 PARTITION OF counter_part FOR VALUES WITH (MODULUS 3, REMAINDER 1) USING tsdb;
CREATE TABLE counter_part_2 PARTITION OF counter_part FOR VALUES WITH (MODULUS 3, REMAINDER 2);
INSERT INTO counter_part SELECT * FROM counter_src;
ANALYZE counter_part;
SET enable_partitionwise_aggregate = on;
SELECT (SELECT delta(v, t) FROM counter_part) = (SELECT delta(v, t) FROM counter_src) AS same;
SELECT * FROM counter_compare('counter_part');
RESET enable_partitionwise_aggregate;

-- rollup of hours gives the whole, in any order
SELECT count(*) AS compared, count(*) FILTER (WHERE a.c::text IS DISTINCT FROM b.c::text) AS different
  FROM (SELECT g, counter_agg(t, v) AS c FROM counter_src GROUP BY g) a
  FULL JOIN (SELECT g, rollup(c) AS c FROM (SELECT g, counter_agg(t, v) AS c FROM counter_src GROUP BY g, time_bucket('17 min', t) ORDER BY md5(g::text || time_bucket('17 min', t))) h GROUP BY g) b USING (g);
SELECT rollup(c) IS NULL AS nothing FROM (VALUES (NULL::countersummary)) r(c);

-- as window functions: every row sees the rows up to it
SELECT count(*) AS compared, count(*) FILTER (WHERE d IS DISTINCT FROM e) AS different FROM (
	SELECT delta(v, t) OVER w AS d, sum(CASE WHEN v < pv THEN v ELSE v - coalesce(pv, v) END) OVER w AS e
	  FROM (SELECT g, t, v, lag(v) OVER (PARTITION BY g ORDER BY t) AS pv FROM (SELECT g, t, max(v) AS v FROM counter_src WHERE isfinite(t) GROUP BY g, t) d WHERE v IS NOT NULL AND g < 3) s WINDOW w AS (PARTITION BY g ORDER BY t)) r;

-- one row, none, NULL, values that are no numbers
SELECT delta(v, t), increase(v, t), rate(v, t) IS NULL AS rate, irate(v, t) IS NULL AS irate FROM (VALUES (7, timestamptz 'epoch')) r(v, t);
SELECT delta(v, t) IS NULL AS delta, rate(v, t) IS NULL AS rate, counter_agg(t, v) IS NULL AS agg FROM (VALUES (7, timestamptz 'epoch')) r(v, t) WHERE false;
SELECT delta(v, t) IS NULL AS delta, irate(v, t) IS NULL AS irate, counter_agg(t, v) IS NULL AS agg FROM (VALUES (NULL, timestamptz 'epoch'), (1, NULL), (1, 'infinity')) r(v, t);
SELECT delta(v, t), rate(v, t) FROM (VALUES (1, timestamptz 'epoch'), ('infinity'::float8, '2000-01-01')) r(v, t);
SELECT delta(v, t), rate(v, t) FROM (VALUES (1, timestamptz 'epoch'), ('NaN'::float8, '2000-01-01'), (2, '2000-01-02')) r(v, t);
-- the ends of time
SELECT delta(v, t), rate(v, t), time_delta(counter_agg(t, v)) FROM (VALUES (1, timestamptz '4713-11-24 00:00 BC'), (2, '294276-12-31 23:59:59.999999')) r(v, t);
-- elapsed time, not what clocks show: an hour less on the day when they are set forward
SET timezone = 'Europe/Berlin';
SELECT rate(v, t) * 82800 AS a_day FROM (VALUES (0, timestamptz '2024-03-31 00:00'), (46, '2024-04-01 00:00')) r(v, t);
SELECT rate(v, t) * 90000 AS a_day FROM (VALUES (0, timestamptz '2024-10-27 00:00'), (50, '2024-10-28 00:00')) r(v, t);
SET timezone = 'UTC';

--
-- The type: text and binary round trips, damaged bytes
--
CREATE TABLE counter_stored AS SELECT g, counter_agg(t, v) AS c FROM counter_src GROUP BY g;
SELECT count(*) AS rows, count(*) FILTER (WHERE c::text::countersummary::text <> c::text) AS different FROM counter_stored;
SELECT count(*) FILTER (WHERE length(tsdb.counter_send(c)) <> 100) AS wrong_length FROM counter_stored;
SELECT pg_column_size(c) FROM counter_stored LIMIT 1;
-- (each byte of a value set to 255 and to 0: a value or an error of the input function, nothing else)
SELECT left(r, 5) AS result, count(*) > 0 AS some FROM (SELECT raises(format('SELECT delta(%L::countersummary)', set_byte(tsdb.counter_send(c), i, b)::text)) AS r FROM counter_stored, generate_series(0, 99) i, unnest('{0,255}'::int[]) b WHERE g = 1) s WHERE r NOT LIKE 'no error%' GROUP BY 1;
SELECT raises(format('SELECT %L::countersummary', x)) FROM unnest('{"","\\x","\\x01","\\x0101","\\x01010000","\\x02010000","nonsense"}'::text[]) x;
SELECT raises(format('SELECT %L::countersummary', c::text || '00')), raises(format('SELECT %L::countersummary', left(c::text, -2))) FROM counter_stored WHERE g = 1;

-- errors
SELECT raises('SELECT rollup(c) FROM (SELECT c FROM counter_stored WHERE g = 1 UNION ALL SELECT c FROM counter_stored WHERE g = 1) s');
SELECT raises('SELECT rollup(c) FROM counter_stored');
