-- Sketches: percentile_agg and its functions against percentile_disc, approx_count_distinct against count(DISTINCT), rollup and
-- parallel plans against the sketch of all.  Likely bugs: zero, negative and infinite values, the order of buckets, collapses before
-- and after sketches are added, the change from sparse to dense, bytes that are no sketch.

SET timezone = 'UTC';
SET extra_float_digits = 0;

--
-- The examples of doc/functions.md.  Percentiles are told by whether they are within the error that is promised.
--
SELECT abs(approx_percentile(0.5, s) / 500 - 1) <= error(s) AS median, abs(approx_percentile(0.99, s) / 990 - 1) <= error(s) AS p99, error(s) < 0.02 AS error, mean(s), num_vals(s)
  FROM (SELECT percentile_agg(v) AS s FROM generate_series(1, 1000) v) x;
SELECT distinct_count(approx_count_distinct(v % 100)) FROM generate_series(1, 1000) v;

CREATE TABLE measurements AS SELECT timestamptz '2024-02-03 00:00+00' + i * interval '10 min' AS t, (i % 100)::float8 AS v FROM generate_series(0, 287) i;
CREATE TABLE hours AS SELECT time_bucket('1 hour', t) AS hour, percentile_agg(v) AS p FROM measurements GROUP BY 1;
SELECT time_bucket('1 day', hour), round(approx_percentile(0.95, rollup(p))::numeric) FROM hours GROUP BY 1 ORDER BY 1;

--
-- Percentiles of several distributions: the exact one lies within the sketch's error
--
CREATE TABLE sketch_src AS
	SELECT g, i, CASE g WHEN 0 THEN i::float8 WHEN 1 THEN (i * 7919 % 10007) - 5000 WHEN 2 THEN exp(i % 97 / 3.0) WHEN 3 THEN -exp(i % 101 / 7.0) WHEN 4 THEN i % 3 - 1
			WHEN 5 THEN 5 WHEN 6 THEN 0 WHEN 7 THEN CASE i % 4 WHEN 0 THEN 'infinity'::float8 WHEN 1 THEN '-infinity' WHEN 2 THEN 'NaN' ELSE i END WHEN 8 THEN 10.0::float8 ^ (i % 600 - 300) ELSE 5e-324::float8 * i END AS v
	  FROM generate_series(0, 9) g, generate_series(1, 601) i;
INSERT INTO sketch_src SELECT g, -1, NULL FROM generate_series(0, 9) g;
CREATE INDEX ON sketch_src (g, v);
ANALYZE sketch_src;
CREATE FUNCTION sketch_near(a float8, b float8, error float8) RETURNS boolean LANGUAGE sql AS $$
	-- (denormal numbers cannot be near in relative terms)
	SELECT CASE WHEN a = b THEN true WHEN abs(a) IN ('infinity', 'NaN') OR abs(b) IN ('infinity', 'NaN') THEN false ELSE abs(a - b) <= greatest(abs(b), 1e-300) * error * (1 + 1e-9) END $$;
CREATE FUNCTION sketch_compare(aggregate text, source text, OUT compared bigint, OUT far bigint, OUT rank_far bigint) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('WITH s AS (SELECT g, %s AS s FROM %s s GROUP BY g), f AS (SELECT k / 20.0::float8 AS f FROM generate_series(0, 20) k)
		SELECT count(*), count(*) FILTER (WHERE NOT coalesce(sketch_near(approx_percentile(f, s), x, error(s)), false)),
			   -- the rank of a value: that of some value in its bucket, which is gamma wide (too wide for doubles to tell, for some)
			   count(*) FILTER (WHERE CASE WHEN error(s) > 0.9 OR g = 9 THEN false ELSE NOT coalesce(approx_percentile_rank(x, s) BETWEEN
					(SELECT count(*) FROM sketch_src o WHERE o.g = e.g AND o.v < CASE WHEN x < 0 THEN x * gamma ELSE x / gamma END) / 601.0 AND
					(SELECT count(*) FROM sketch_src o WHERE o.g = e.g AND o.v <= CASE WHEN x < 0 THEN x / gamma ELSE x * gamma END) / 601.0, false) END)
		  FROM (SELECT g, f, (SELECT v FROM sketch_src o WHERE o.g = s.g AND v IS NOT NULL ORDER BY v OFFSET floor(f * 600)::int LIMIT 1) AS x FROM s, f) e JOIN s USING (g), LATERAL (SELECT (1 + error(s)) / nullif(1 - error(s), 0) * (1 + 1e-9) AS gamma) l', aggregate, source) INTO compared, far, rank_far;
END $$;
SELECT * FROM sketch_compare('percentile_agg(v)', 'sketch_src');
SELECT * FROM sketch_compare('uddsketch(20, 0.01, v)', 'sketch_src');
SELECT * FROM sketch_compare('uddsketch(4, 0.5, v)', 'sketch_src');
SELECT * FROM sketch_compare('uddsketch(100000, 0.0001, v)', 'sketch_src');
SELECT g, num_vals(s), mean(s), round(error(s)::numeric, 6) AS error, approx_percentile(0, s) AS least, approx_percentile(1, s) AS greatest FROM (SELECT g, percentile_agg(v) AS s FROM sketch_src GROUP BY g) x ORDER BY g;
-- any order of rows gives the same buckets; sketches of parts add up to the sketch of all, whichever collapsed more
CREATE FUNCTION sketch_buckets(s uddsketch) RETURNS text LANGUAGE sql AS $$
	-- all but the sum, which depends on the order in the last digits
	SELECT encode(overlay(tsdb.uddsketch_send(s) PLACING '\x0000000000000000' FROM 61 FOR 8), 'hex') $$;
SELECT count(*) AS compared, count(*) FILTER (WHERE sketch_buckets(a) <> sketch_buckets(b) OR sketch_buckets(a) <> sketch_buckets(c)) AS different
  FROM (SELECT g, percentile_agg(v) AS a FROM sketch_src GROUP BY g) a
  JOIN (SELECT g, percentile_agg(v ORDER BY md5(i::text)) AS b FROM sketch_src GROUP BY g) b USING (g)
  JOIN (SELECT g, rollup(s) AS c FROM (SELECT g, percentile_agg(v) AS s FROM sketch_src GROUP BY g, i / (1 + (i % 3) * 500)) p GROUP BY g) c USING (g);
SELECT approx_percentile_array('{0,0.5,NULL,1}', percentile_agg(v)) FROM unnest('{7,7,7}'::float8[]) v;
SELECT approx_percentile_rank(v, s) FROM (SELECT percentile_agg(v) AS s FROM unnest('{-inf,-5,-5,0,0,3,inf,NaN}'::float8[]) v) x, unnest('{-inf,-10,-5,-1,0,1,3,10,inf,NaN}'::float8[]) v;
-- nothing, NULL
SELECT percentile_agg(v) IS NULL AS nothing, approx_percentile(0.5, percentile_agg(v)) IS NULL AS "null" FROM unnest('{NULL}'::float8[]) v;
SELECT rollup(s) IS NULL AS nothing FROM (VALUES (NULL::uddsketch)) r(s);
-- as window functions
SELECT num_vals(s), approx_percentile(1, s) FROM (SELECT v, percentile_agg(v) OVER (ORDER BY v) AS s FROM unnest('{1,2,3}'::float8[]) v) x ORDER BY v;

-- tables of ours, processes
CREATE TABLE sketch_tsdb (g int, i int, v float8) USING tsdb WITH (segmentby = 'g', orderby = 'i');
INSERT INTO sketch_tsdb SELECT * FROM sketch_src;
SELECT tsdb.compress('sketch_tsdb') >= 0 AS compressed;
SELECT * FROM sketch_compare('percentile_agg(v)', 'sketch_tsdb');
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
ALTER TABLE sketch_src SET (parallel_workers = 2);
EXPLAIN (COSTS OFF) SELECT percentile_agg(v), approx_count_distinct(v) FROM sketch_src;
SELECT * FROM sketch_compare('percentile_agg(v)', 'sketch_src');
CREATE TABLE sketch_parallel AS SELECT g, percentile_agg(v) AS s, approx_count_distinct(v) AS h, hyperloglog(64, v) AS h64 FROM sketch_src GROUP BY g;
SET max_parallel_workers_per_gather = 0;
SELECT count(*) AS compared, count(*) FILTER (WHERE sketch_buckets(a.s) <> sketch_buckets(b.s)) AS different, count(*) FILTER (WHERE a.h::text <> b.h::text OR a.h64::text <> b.h64::text) AS different_distinct
  FROM sketch_parallel a JOIN (SELECT g, percentile_agg(v) AS s, approx_count_distinct(v) AS h, hyperloglog(64, v) AS h64 FROM sketch_src GROUP BY g) b USING (g);
RESET max_parallel_workers_per_gather;

--
-- Numbers of different values: within four standard errors
--
SELECT n, abs(distinct_count(s) - n) <= ceil(4 * stderror(s) * n) AS near, abs(distinct_count(t) - n) <= ceil(4 * stderror(t) * n) AS near_1024, abs(distinct_count(u) - n) <= ceil(4 * stderror(u) * n) AS near_64
  FROM (SELECT n, approx_count_distinct(v) AS s, hyperloglog(1024, v) AS t, hyperloglog(64, v) AS u FROM unnest('{1,2,3,10,100,1000,5000,8192,8193,20000,100000}'::int[]) n, generate_series(1, n) v GROUP BY n) x ORDER BY n;
-- no bias: the mean error of 12 sets is within three of its standard errors
SELECT abs(avg(distinct_count(s) / 20000.0 - 1)) < 3 * max(stderror(s)) / sqrt(12) AS unbiased FROM (SELECT approx_count_distinct(g * 10000000 + v) AS s FROM generate_series(1, 12) g, generate_series(1, 20000) v GROUP BY g) x;
-- few values: exactly
SELECT bool_and(distinct_count(s) = n) AS exact FROM (SELECT n, approx_count_distinct(v) AS s FROM generate_series(1, 60) n, generate_series(1, n) v GROUP BY n) x;
SELECT stderror(hyperloglog(16, 1)), round(stderror(hyperloglog(1000, 1))::numeric, 6) AS "1024", round(stderror(approx_count_distinct(1))::numeric, 6) AS "32768";
-- types; equal values that look different; collations
SELECT distinct_count(approx_count_distinct(v)) FROM unnest('{a,b,a,A,NULL,""}'::text[]) v;
SELECT distinct_count(approx_count_distinct(v)) FROM unnest('{1.0,1.00,1,2}'::numeric[]) v;
SELECT distinct_count(approx_count_distinct(v)) FROM unnest('{0,-0,NaN,NaN,inf}'::float8[]) v;
SELECT distinct_count(approx_count_distinct(v)) FROM unnest(ARRAY['2024-01-01 00:00+00', '2024-01-01 01:00+01', 'infinity']::timestamptz[]) v;
CREATE TYPE sketch_pair AS (a int, b int);
SELECT distinct_count(approx_count_distinct(ROW(i % 3, i % 5)::sketch_pair)), distinct_count(approx_count_distinct(ARRAY[i % 3])), distinct_count(approx_count_distinct(i % 4 = 0)), distinct_count(approx_count_distinct(md5((i % 9)::text)::uuid)), distinct_count(approx_count_distinct(jsonb_build_object('a', i % 6))) FROM generate_series(1, 100) i;
CREATE COLLATION sketch_insensitive (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
SELECT distinct_count(approx_count_distinct(v COLLATE sketch_insensitive)) FROM unnest('{a,A,b}'::text[]) v;
-- nothing, NULL
SELECT approx_count_distinct(v) IS NULL AS nothing FROM unnest('{NULL}'::int[]) v;
SELECT rollup(s) IS NULL AS nothing FROM (VALUES (NULL::hyperloglog)) r(s);
-- rollup, of sparse and dense ones, is the sketch of all
SELECT count(*) AS compared, count(*) FILTER (WHERE a.s::text <> r.s::text) AS different
  FROM (SELECT b, hyperloglog(b, i % 2000) AS s FROM unnest('{16,1024,32768}'::int[]) b, generate_series(1, 3000) i GROUP BY b) a
  JOIN (SELECT b, rollup(s) AS s FROM (SELECT b, hyperloglog(b, i % 2000) AS s FROM unnest('{16,1024,32768}'::int[]) b, generate_series(1, 3000) i GROUP BY b, i < 10, i % 7) p GROUP BY b) r USING (b);
SELECT num, distinct_count(s) FROM (SELECT num, approx_count_distinct(v) OVER (ORDER BY num) AS s FROM (VALUES (1, 'a'), (2, 'b'), (3, 'a')) r(num, v)) x ORDER BY num;

--
-- The types: round trips, damaged bytes
--
CREATE TABLE sketch_stored AS SELECT g, percentile_agg(v) AS s, hyperloglog(32, v) AS h, hyperloglog(1024, v) AS few FROM sketch_src GROUP BY g;
SELECT count(*) AS rows, count(*) FILTER (WHERE s::text::uddsketch::text <> s::text OR h::text::hyperloglog::text <> h::text OR few::text::hyperloglog::text <> few::text) AS different FROM sketch_stored;
SELECT DISTINCT left(r, 5) AS error FROM (
	SELECT raises(format('SELECT approx_percentile(0.7, rollup(s)), approx_percentile_rank(0.7, rollup(s)) FROM (SELECT %L::uddsketch AS s) s', set_byte(tsdb.uddsketch_send(s), i, b)::text)) AS r FROM sketch_stored, generate_series(0, octet_length(tsdb.uddsketch_send(s)) - 1) i, unnest('{0,1,128,255}'::int[]) b WHERE g IN (4, 6) OR g = 7 AND i < 100
	UNION ALL
	SELECT raises(format('SELECT distinct_count(rollup(s)) FROM (SELECT %L::hyperloglog AS s) s', set_byte(tsdb.hyperloglog_send(h), i, b)::text)) FROM (SELECT h FROM sketch_stored WHERE g = 0 UNION ALL SELECT few FROM sketch_stored WHERE g = 4) s, generate_series(0, octet_length(tsdb.hyperloglog_send(h)) - 1) i, unnest('{0,1,128,255}'::int[]) b) s WHERE r NOT LIKE 'no error%';
SELECT DISTINCT left(r, 5) AS result FROM (
	SELECT raises(format('SELECT num_vals(%L::uddsketch)', substring(tsdb.uddsketch_send(s) FOR n)::text)) AS r FROM sketch_stored, generate_series(0, octet_length(tsdb.uddsketch_send(s)) - 1) n WHERE g = 4
	UNION ALL SELECT raises(format('SELECT distinct_count(%L::hyperloglog)', substring(tsdb.hyperloglog_send(few) FOR n)::text)) FROM sketch_stored, generate_series(0, octet_length(tsdb.hyperloglog_send(few)) - 1) n WHERE g = 4) s;
-- counts near the limit of bigint
SELECT raises('SELECT rollup(s) FROM (SELECT overlay(tsdb.uddsketch_send(percentile_agg(0)) PLACING ''\xffffffffffffff7f'' FROM 37 FOR 8)::text::uddsketch AS s FROM generate_series(1, 2)) x, generate_series(1, 2)');

-- errors
SELECT e, raises(format('SELECT %s FROM (VALUES (1::float8)) r(v)', e))
  FROM unnest('{"uddsketch(3, 0.01, v)","uddsketch(100001, 0.01, v)","uddsketch(100, 0, v)","uddsketch(100, 0.6, v)","uddsketch(100, ''NaN'', v)","uddsketch(NULL, 0.1, v)","approx_percentile(-0.1, percentile_agg(v))","approx_percentile(1.1, percentile_agg(v))","approx_percentile(''NaN'', percentile_agg(v))","hyperloglog(15, v)","hyperloglog(262145, v)","hyperloglog(NULL, v)","approx_count_distinct(point(v, v))"}'::text[]) e;
SELECT raises('SELECT rollup(s) FROM (SELECT uddsketch(100, v, 1) AS s FROM unnest(''{0.1,0.2}''::float8[]) v GROUP BY v) x');
SELECT raises('SELECT uddsketch(100, v, 1) FROM unnest(''{0.1,0.2}''::float8[]) v');
SELECT raises('SELECT rollup(s) FROM (SELECT hyperloglog(v, 1) AS s FROM unnest(''{16,64}''::int[]) v GROUP BY v) x');
SELECT raises('SELECT hyperloglog(v, 1) FROM unnest(''{16,64}''::int[]) v');
