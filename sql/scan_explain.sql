-- What EXPLAIN tells of TsdbScan: which conditions are vectorised, which chunks and vectors were left out and by what.
-- What would break it: chunks read that the directory could rule out, at start or at a rescan, whatever the value comes from;
-- conditions tested row by row that need not be; conditions pushed past a barrier.
SET jit = off;
SET tsdb_am.enable_custom_scan = on;
SET timezone = 'UTC';
SET max_parallel_workers_per_gather = 0;
SET tsdb_am.direct_load_rows = 1;
-- six chunks: a day and two series each
CREATE TABLE e (t timestamptz NOT NULL, host text COLLATE "C", n int, v float8, name text COLLATE "en-x-icu") USING tsdb WITH (segmentby = 'host', orderby = 't');
DO $$
BEGIN
	FOR day IN 0 .. 5 LOOP
		INSERT INTO e SELECT timestamptz '2026-01-01' + day * interval '1 day' + g * interval '20 s', 'h' || day * 2 + g % 2, day * 10000 + g, g % 100, 'name' || g % 3
			FROM generate_series(1, 4096) g;
	END LOOP;
END $$;
ANALYZE e;
SELECT count(*), sum(rows) FROM tsdb.chunks WHERE relation = 'e'::regclass;

-- of a query's plan: the lines of scans, their filters and counts
CREATE FUNCTION plan(query text, run bool DEFAULT true) RETURNS SETOF text LANGUAGE plpgsql SET enable_seqscan = off AS $$
DECLARE line text;
BEGIN
	FOR line IN EXECUTE format('EXPLAIN (COSTS OFF%s) %s', CASE WHEN run THEN ', ANALYZE, TIMING OFF, SUMMARY OFF' ELSE '' END, query) LOOP
		IF line !~ '(Sort Method|Buckets|Memory Usage|Heap Fetches)' THEN
			RETURN NEXT line;
		END IF;
	END LOOP;
END $$;

-- nothing to leave out
SELECT plan('SELECT * FROM e');
-- by time: constant, expression, both ends, of another type, none, commuted
SELECT plan($$SELECT * FROM e WHERE t >= '2026-01-04'$$);
SELECT plan($$SELECT * FROM e WHERE t > now() + interval '100 years'$$);
SELECT plan($$SELECT n FROM e WHERE t >= '2026-01-02' AND t < '2026-01-03'$$);
SELECT plan($$SELECT n FROM e WHERE t BETWEEN date '2026-01-02' AND timestamp '2026-01-02 12:00'$$);
SELECT plan($$SELECT n FROM e WHERE '2026-01-02' > t$$);
SELECT plan($$SELECT n FROM e WHERE t = ANY (ARRAY['2026-01-01 00:00:20', '2026-01-06 00:00:20']::timestamptz[])$$);
SELECT plan($$SELECT n FROM e WHERE t < date '5874897-12-31' AND t > date '-infinity'$$);
-- by series: filter of values
SELECT plan($$SELECT n FROM e WHERE host = 'h4'$$);
SELECT plan($$SELECT n FROM e WHERE host IN ('h4', 'h11', 'none')$$);
SELECT plan($$SELECT n FROM e WHERE host = 'none'$$);
SELECT plan($$SELECT n FROM e WHERE host = NULL$$);
SELECT plan($$SELECT n FROM e WHERE host = ANY ('{}')$$);
-- by the range of any other column
SELECT plan('SELECT t FROM e WHERE n = 20005');
SELECT plan('SELECT t FROM e WHERE n < 10010 AND n > 4000');
SELECT plan('SELECT t FROM e WHERE v > 1000');
-- vectors by their zones
SELECT plan($$SELECT n FROM e WHERE t < '2026-01-01 00:05'$$);
SELECT plan('SELECT t FROM e WHERE n BETWEEN 100 AND 200');
SELECT plan('SELECT t FROM e WHERE n < 100 OR n > 54000');
SELECT plan('SELECT t FROM e WHERE n IS NULL');
-- by dictionary: no value of a chunk will do
SELECT plan($$SELECT n FROM e WHERE host LIKE 'h1_' AND n >= 0$$);
-- vectorised or not
SELECT plan('SELECT n FROM e WHERE v > 10 AND n % 3 = 0 AND length(name) = 5 AND n > v', false);
SELECT plan('SELECT n FROM e WHERE (v > 10 OR name IS NULL) AND NOT (n = 5) AND random() < 2', false);
SELECT plan('SELECT n FROM e WHERE (n, v) > (1, 2) AND ctid IS NOT NULL AND n = (SELECT 5) AND EXISTS (SELECT 1 FROM e b WHERE b.n = e.n + 1)', false);
SELECT plan('SELECT count(*) FROM e WHERE false', false);
SELECT plan('SELECT n FROM e WHERE v > 98 AND n > v * 500');
-- parameters: custom and generic plans, nested loop, subplan
PREPARE q (timestamptz, text) AS SELECT n FROM e WHERE t >= $1 AND host = $2;
SET plan_cache_mode = force_generic_plan;
SELECT plan($$EXECUTE q ('2026-01-05', 'h9')$$);
SELECT plan($$EXECUTE q (NULL, 'h9')$$);
SET plan_cache_mode = force_custom_plan;
SELECT plan($$EXECUTE q ('2026-01-05', 'h9')$$);
RESET plan_cache_mode;
CREATE TABLE d (host text COLLATE "C", t timestamptz);
INSERT INTO d VALUES ('h1', '2026-01-01 10:00'), ('h8', '2026-01-05'), (NULL, '2026-01-01'), ('none', '2026-01-01');
ANALYZE d;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_material = off;
SET enable_memoize = off;
BEGIN;
SET LOCAL enable_seqscan = on;
SELECT plan('SELECT count(*) FROM d JOIN e ON e.host = d.host AND e.t >= d.t');
SELECT plan('SELECT (SELECT count(*) FROM e WHERE e.host = d.host) FROM d');
COMMIT;
RESET enable_hashjoin;
RESET enable_mergejoin;
RESET enable_material;
RESET enable_memoize;
SELECT plan('SELECT count(*) FROM e WHERE t = (SELECT max(t) FROM d)');
-- a limit ends the scan
SELECT plan('SELECT n FROM e LIMIT 1');
-- the row store beside chunks
SET tsdb_am.direct_load_rows = 0;
INSERT INTO e SELECT '2026-02-01', 'h1', g, g, 'x' FROM generate_series(1, 50) g;
SELECT plan($$SELECT n FROM e WHERE host = 'h1' AND v >= 25$$);
RESET tsdb_am.direct_load_rows;

-- a barrier: what is leakproof goes ahead, what is not waits
CREATE VIEW b WITH (security_barrier) AS SELECT * FROM e WHERE host = 'h3';
SELECT plan('SELECT n FROM b WHERE n > 10010 AND length(name) = 5 AND v = 3', false);
-- a partitioned table: some on heap
CREATE TABLE p (t timestamptz NOT NULL, n int) PARTITION BY RANGE (t);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2026-01-01') TO ('2026-02-01') USING tsdb;
CREATE TABLE p2 PARTITION OF p FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
CREATE TABLE p3 PARTITION OF p FOR VALUES FROM ('2026-03-01') TO ('2026-04-01') USING tsdb;
SET tsdb_am.direct_load_rows = 1;
INSERT INTO p SELECT timestamptz '2026-02-25' + g * interval '1 min', g FROM generate_series(1, 10000) g;
RESET tsdb_am.direct_load_rows;
SELECT plan($$SELECT * FROM p WHERE t > '2026-02-10' AND n = 1$$, false);
-- what changes rows finds them by the scan; WHERE CURRENT OF does not
SELECT plan($$UPDATE e SET n = 0 WHERE host = 'h4' AND v > 98$$, false);
SELECT plan('SELECT n FROM e WHERE n = 5 FOR UPDATE', false);
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM e;
SELECT plan('DELETE FROM e WHERE CURRENT OF c', false);
COMMIT;
SELECT plan('SELECT n FROM e TABLESAMPLE system (50)', false);
-- output columns
EXPLAIN (VERBOSE, COSTS OFF) SELECT n + 1, name FROM e WHERE v = 1;
SET tsdb_am.enable_custom_scan = off;
SELECT plan('SELECT n FROM e WHERE v = 1', false);
SET tsdb_am.enable_custom_scan = on;
-- the keys of other formats
CREATE FUNCTION plan_json(query text) RETURNS json LANGUAGE plpgsql AS $$
DECLARE result json;
BEGIN
	EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, FORMAT JSON) ' || query INTO result;
	RETURN result;
END $$;
SELECT key, value FROM json_each(plan_json($$SELECT n FROM e WHERE t < '2026-01-02' AND v > 50$$) -> 0 -> 'Plan') ORDER BY key COLLATE "C";
-- workers' counts are added up
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SELECT key, value FROM json_each(plan_json($$SELECT n FROM e WHERE host IN ('h2', 'h3') AND v > 50$$) -> 0 -> 'Plan' -> 'Plans' -> 0)
	WHERE key ~ 'Chunks|Vectors|Custom|Aware|Removed by Vec' ORDER BY key COLLATE "C";
DROP TABLE p, d;
DROP VIEW b;
DROP TABLE e;
