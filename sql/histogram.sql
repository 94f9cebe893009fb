-- histogram against width_bucket and GROUP BY; approximate_row_count against count(*).  Likely bugs: values at bounds,
-- rows that leave a window's frame, states that travel between processes.

--
-- The example of doc/functions.md
--
SELECT histogram(v, 0, 10, 5) FROM unnest('{-1,0,1.9,2,9.99,10,77}'::float8[]) v;

--
-- Against width_bucket
--
CREATE TABLE hist_src AS
	SELECT i, i % 7 AS g, CASE WHEN i % 13 = 0 THEN NULL ELSE (i * 7919 % 10007) / 83.0 - 20 END::float8 AS v FROM generate_series(1, 10007) i;
CREATE FUNCTION hist_plain(vs float8[], min float8, max float8, n int) RETURNS int[] LANGUAGE sql AS $$
	SELECT array_agg((SELECT count(*) FROM unnest(vs) v WHERE width_bucket(v, min, max, n) = b)::int ORDER BY b) FROM generate_series(0, n + 1) b $$;
SELECT count(*) AS compared, count(*) FILTER (WHERE a IS DISTINCT FROM b) AS different FROM (
	SELECT g, histogram(v, lo, hi, n) AS a, hist_plain(array_agg(v) FILTER (WHERE v IS NOT NULL), lo, hi, n) AS b
	  FROM hist_src, (VALUES (0, 100, 10), (-20, 100.6, 7), (0, 1, 1), (50, 50.001, 3), (200, 300, 5)) p(lo, hi, n)
	 GROUP BY g, lo, hi, n) r;
-- every bound of every bucket, from both sides
SELECT count(*) AS compared, count(*) FILTER (WHERE histogram IS DISTINCT FROM hist_plain(ARRAY[v], 0.1, 0.7, 23)) AS different
  FROM (SELECT v, histogram(v, 0.1, 0.7, 23) FROM (SELECT 0.1 + 0.6 * k / 23 + d * 1e-17 AS v FROM generate_series(-1, 25) k, generate_series(-20, 20) d) s GROUP BY v) r;
-- bounds further apart than a double can be, where width_bucket of PostgreSQL 15 overflows
SELECT histogram(v, -1.7e308, 1.7e308, 4) FROM unnest('{-1.7e308,-1e308,-1,0,1,1e308,1.79e308,inf,-inf}'::float8[]) v;

-- nothing; NULL
SELECT histogram(v, 0, 10, 2) IS NULL AS nothing FROM unnest('{}'::float8[]) v;
SELECT histogram(v, 0, 10, 2) IS NULL AS nothing FROM unnest('{NULL,NULL}'::float8[]) v;
SELECT histogram(v, 0, 10, 2) FILTER (WHERE v > 3), histogram(DISTINCT v, 0, 10, 2) FROM unnest('{1,1,NULL,7,7}'::float8[]) v;

-- window frames, which rows leave
SELECT count(*) AS compared, count(*) FILTER (WHERE a IS DISTINCT FROM CASE WHEN vs <> '{}' THEN hist_plain(vs, 0, 100, 4) END) AS different FROM (
	SELECT histogram(v, 0, 100, 4) OVER w AS a, array_remove(array_agg(v) OVER w, NULL) AS vs FROM hist_src WHERE i <= 500
	WINDOW w AS (PARTITION BY g ORDER BY i ROWS BETWEEN 2 PRECEDING AND 1 PRECEDING)) r;

-- tables of ours, processes
CREATE TABLE hist_tsdb (i int, g int, v float8) USING tsdb WITH (segmentby = 'g', orderby = 'i');
INSERT INTO hist_tsdb SELECT * FROM hist_src;
SELECT tsdb.compress('hist_tsdb') >= 0 AS compressed;
SELECT (SELECT histogram(v, 0, 100, 9) FROM hist_tsdb) = (SELECT histogram(v, 0, 100, 9) FROM hist_src) AS same;
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
ALTER TABLE hist_src SET (parallel_workers = 2);
EXPLAIN (COSTS OFF) SELECT histogram(v, 0, 100, 9) FROM hist_src;
CREATE TEMP TABLE hist_parallel AS SELECT histogram(v, 0, 100, 9) FROM hist_src;
SET max_parallel_workers_per_gather = 0;
SELECT histogram = (SELECT histogram(v, 0, 100, 9) FROM hist_src) AS same FROM hist_parallel;
RESET max_parallel_workers_per_gather;

-- errors
SELECT e, raises(format('SELECT histogram(%s) FROM (VALUES (1::float8)) r(v)', e))
  FROM unnest('{v; 1; 1; 5,v; 2; 1; 5,v; 0; 1; 0,v; 0; 1; -1,v; 0; ''NaN''; 1,v; ''-inf''; 1; 1,v; 0; 1; NULL,v; NULL; 1; 1,v; 0; 1; 2000000000,''NaN''; 0; 1; 1}'::text[]) x, replace(x, ';', ',') e;
SELECT raises('SELECT histogram(v, 0, 1, v) FROM generate_series(1, 2) v');

--
-- approximate_row_count
--
CREATE TABLE arc_heap AS SELECT i FROM generate_series(1, 1234) i;
ANALYZE arc_heap;
CREATE TABLE arc_tsdb (t timestamptz, v int) USING tsdb;
INSERT INTO arc_tsdb SELECT '2024-01-01'::timestamptz + i * interval '1 s', i FROM generate_series(1, 5000) i;
SELECT tsdb.compress('arc_tsdb') >= 0 AS compressed;
INSERT INTO arc_tsdb VALUES (now(), 1), (now(), 2);
SELECT approximate_row_count('arc_heap'), approximate_row_count('arc_tsdb'), approximate_row_count(NULL) IS NULL AS "null";
-- partitions of both kinds, in two levels
CREATE TABLE arc_part (t int, v int) PARTITION BY RANGE (t);
CREATE TABLE arc_part_1 PARTITION OF arc_part FOR VALUES FROM (0) TO (10000) USING tsdb;
CREATE TABLE arc_part_2 PARTITION OF arc_part FOR VALUES FROM (10000) TO (20000) PARTITION BY RANGE (t);
CREATE TABLE arc_part_21 PARTITION OF arc_part_2 FOR VALUES FROM (10000) TO (15000);
CREATE TABLE arc_part_22 PARTITION OF arc_part_2 FOR VALUES FROM (15000) TO (20000) USING tsdb;
SELECT approximate_row_count('arc_part');
INSERT INTO arc_part SELECT i, i FROM generate_series(0, 19999) i;
ANALYZE arc_part;
SELECT approximate_row_count('arc_part') = (SELECT count(*) FROM arc_part) AS exact, approximate_row_count('arc_part_2');
-- another user's table: what the last ANALYZE found
CREATE ROLE arc_other;
SET ROLE arc_other;
SELECT approximate_row_count('arc_part');
RESET ROLE;
CREATE VIEW arc_view AS SELECT 1;
SELECT approximate_row_count('arc_view'), approximate_row_count(4294967295::oid) IS NULL AS gone;
DROP ROLE arc_other;
