-- Partitioned tables in parallel plans: TsdbAgg in the workers, below Parallel Append.  Rows might be added up by two processes, or by none; a partition
-- that only one process can read might be read by each.  Results are compared with those of heap without any of it.
\set VERBOSITY terse
SET client_min_messages = warning;
SET jit = off;
SET tsdb_am.enable_custom_scan = on;
SET timezone = 'UTC';
SET extra_float_digits = 0;
SET enable_partitionwise_aggregate = off;
-- prices at which TsdbAgg and workers are taken wherever they can be
SET cpu_tuple_cost = 1;
SET cpu_operator_cost = 0.1;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SET enable_parallel_append = on;
SET parallel_leader_participation = on;
CREATE SCHEMA apar;
SET search_path = apar, public;

CREATE TABLE h (t timestamptz NOT NULL, host text, v float8, n int, nu numeric) USING heap;
CREATE TABLE p (LIKE h) PARTITION BY RANGE (t);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2026-01-01') TO ('2026-01-02') USING tsdb;
CREATE TABLE p2 (nu numeric, gone int, n int, v float8, host text, t timestamptz NOT NULL) USING tsdb;
ALTER TABLE p2 DROP COLUMN gone;
ALTER TABLE p ATTACH PARTITION p2 FOR VALUES FROM ('2026-01-02') TO ('2026-01-03');
CREATE TABLE p3 PARTITION OF p FOR VALUES FROM ('2026-01-03') TO ('2026-01-04') PARTITION BY LIST (host);
CREATE TABLE p3a PARTITION OF p3 FOR VALUES IN ('h1', 'h2', NULL) USING tsdb;
CREATE TABLE p3b PARTITION OF p3 DEFAULT USING tsdb;
-- read by one process alone
CREATE TABLE p4 PARTITION OF p FOR VALUES FROM ('2026-01-04') TO ('2026-01-05') USING tsdb WITH (parallel_workers = 0);
CREATE TABLE p5 PARTITION OF p FOR VALUES FROM ('2026-01-05') TO ('2026-01-06') USING tsdb;
CREATE TABLE p6 PARTITION OF p FOR VALUES FROM ('2026-01-06') TO ('2026-01-07') USING heap WITH (parallel_workers = 0);
CREATE TABLE p7 PARTITION OF p DEFAULT USING heap;
INSERT INTO h SELECT '2026-01-01'::timestamptz + g * interval '30 s', nullif('h' || g % 7, 'h6'), g % 1000 / 8.0, g % 41, g % 50 / 10.0 FROM generate_series(0, 20159) g;
SET tsdb_am.direct_load_rows = 1;
INSERT INTO p SELECT * FROM h WHERE n <> 3;
SET tsdb_am.direct_load_rows = 0;
INSERT INTO p SELECT * FROM h WHERE n = 3;
DELETE FROM p WHERE n = 5;
DELETE FROM h WHERE n = 5;
ANALYZE h, p;

-- the shape; and where only the other side of a partition is left
EXPLAIN (COSTS OFF) SELECT host, avg(v), sum(n) FROM p WHERE t < '2026-01-03' GROUP BY host HAVING sum(n) > 3;
EXPLAIN (COSTS OFF) SELECT count(*), sum(v) FROM p WHERE t >= '2026-01-03' AND t < '2026-01-05';
EXPLAIN (COSTS OFF) SELECT host, sum(n) FROM p WHERE t >= '2026-01-05' GROUP BY host;
-- without Parallel Append there is no partition for one process
SET enable_parallel_append = off;
EXPLAIN (COSTS OFF) SELECT host, sum(n) FROM p WHERE t < '2026-01-03' GROUP BY host;
EXPLAIN (COSTS OFF) SELECT host, sum(n) FROM p WHERE t >= '2026-01-02' AND t < '2026-01-05' GROUP BY host;
SET enable_parallel_append = on;
-- groups that lie in one partition are whole there
SET enable_partitionwise_aggregate = on;
EXPLAIN (COSTS OFF) SELECT t, sum(n) FROM p WHERE t >= '2026-01-01' AND t < '2026-01-03' GROUP BY t;
EXPLAIN (COSTS OFF) SELECT host, sum(n) FROM p WHERE t < '2026-01-03' GROUP BY host;
SET enable_partitionwise_aggregate = off;
-- what cannot be run in a worker
CREATE FUNCTION unsafe(int) RETURNS int LANGUAGE plpgsql IMMUTABLE PARALLEL UNSAFE AS 'BEGIN RETURN $1 + 1; END';
CREATE FUNCTION in_workers(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE line text; appended boolean := false; found boolean := false;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		appended := appended OR line LIKE '%Parallel Append%';
		found := found OR appended AND line LIKE '%TsdbAgg%';
	END LOOP;
	RETURN found;
END $$;
SELECT in_workers(q), q FROM unnest(ARRAY['SELECT host, sum(n) FROM p GROUP BY host', 'SELECT sum(n) FROM p', 'SELECT host FROM p GROUP BY host', 'SELECT sum(unsafe(n)) FROM p', 'SELECT sum(n) FROM p HAVING unsafe(sum(n)::int) > 0', 'SELECT host, count(DISTINCT n) FROM p GROUP BY host', 'SELECT sum(n) FROM p WHERE t < ''2026-01-05'' AND n > 3', 'SELECT sum(n) FROM p WHERE t >= ''2026-01-06''']) q;
SET max_parallel_workers_per_gather = 0;
SELECT in_workers('SELECT sum(n) FROM p');
SET max_parallel_workers_per_gather = 2;

-- the same results: "same" gives a line for each query and setting where they differ
CREATE TABLE settings (name text, changes text[]);
INSERT INTO settings VALUES ('plain', '{}'), ('workers alone', '{parallel_leader_participation=off}'), ('no parallel append', '{enable_parallel_append=off}'), ('by partition', '{enable_partitionwise_aggregate=on,parallel_leader_participation=off}'),
	('no worker comes', '{max_parallel_workers=0}'), ('one', '{max_parallel_workers_per_gather=1}'), ('memory', '{work_mem=64kB,hash_mem_multiplier=1}');
CREATE FUNCTION answer(query text, changes text[]) RETURNS text[] LANGUAGE plpgsql
	SET max_parallel_workers_per_gather FROM CURRENT SET max_parallel_workers FROM CURRENT SET parallel_leader_participation FROM CURRENT
	SET enable_parallel_append FROM CURRENT SET enable_partitionwise_aggregate FROM CURRENT
	SET work_mem FROM CURRENT SET hash_mem_multiplier FROM CURRENT AS $$
DECLARE change text; result text[];
BEGIN
	FOREACH change IN ARRAY changes LOOP
		PERFORM set_config(split_part(change, '=', 1), split_part(change, '=', 2), true);
	END LOOP;
	EXECUTE format('SELECT array_agg(q::text ORDER BY q::text COLLATE "C") FROM (%s) q', query) INTO result;
	RETURN result;
END $$;
CREATE FUNCTION same(query text) RETURNS TABLE (how text, what text, wanted text, got text) LANGUAGE plpgsql AS $$
DECLARE w text[] := answer(replace(query, '{t}', 'h'), '{max_parallel_workers_per_gather=0}'); g text[]; s settings;
BEGIN
	FOR s IN TABLE settings LOOP
		g := answer(replace(query, '{t}', 'p'), s.changes);
		IF g IS DISTINCT FROM w THEN
			RETURN QUERY SELECT s.name, query, left(w::text, 200), left(g::text, 200);
		END IF;
	END LOOP;
END $$;
CREATE TABLE queries (q text);
INSERT INTO queries VALUES ('SELECT count(*) FROM {t}'), ('SELECT count(*), sum(n), avg(v), min(t), max(t), min(host), sum(nu), avg(nu) FROM {t}'), ('SELECT host, count(*), sum(n), avg(v), sum(v), avg(nu), max(n) FROM {t} GROUP BY host'),
	('SELECT date_trunc(''hour'', t) AS b, host, sum(v), count(*) FROM {t} GROUP BY 1, 2'), ('SELECT t, sum(n), count(*) FROM {t} GROUP BY t'), ('SELECT host FROM {t} GROUP BY host'), ('SELECT n, count(*) FROM {t} GROUP BY n HAVING count(*) > 490'), ('SELECT n + 1 AS k, sum(v * 2) FILTER (WHERE n % 2 = 0) AS s FROM {t} GROUP BY 1'),
	('SELECT host, first(v, t), last(v, t), round(stddev(v)::numeric, 6) FROM {t} GROUP BY host'), ('SELECT host, histogram(v, 0, 100, 5), delta(n, t) FROM {t} GROUP BY host'), ('SELECT v, nu, min(n) FROM {t} GROUP BY v, nu'),
	('SELECT host, sum(n) FROM {t} WHERE t >= ''2026-01-02'' AND t < ''2026-01-04'' GROUP BY host'), ('SELECT count(*), sum(n) FROM {t} WHERE t >= ''2026-01-04'' AND t < ''2026-01-05'''), ('SELECT sum(n), count(*) FROM {t} WHERE t >= ''2026-01-06'''), ('SELECT count(*), max(v) FROM {t} WHERE t > ''2040-01-01'''), ('SELECT host, count(*) FROM {t} WHERE n > 100 GROUP BY host'),
	('SELECT count(*), sum(n) FROM {t} WHERE t >= ''2026-01-04'' AND t < ''2026-01-07'' AND v > 30'),
	('SELECT host, n, (SELECT sum(v) FROM {t} x WHERE x.n = h.n) FROM h WHERE t < ''2026-01-01 00:02'''), ('SELECT g, s.* FROM generate_series(1, 3) g, LATERAL (SELECT host, sum(n), count(*) FROM {t} WHERE n % g = 0 GROUP BY host OFFSET 0) s'),
	('SELECT a.host, a.s, b.c FROM (SELECT host, sum(n) AS s FROM {t} GROUP BY host) a JOIN (SELECT host, count(*) AS c FROM {t} WHERE n > 7 GROUP BY host) b USING (host)'), ('SELECT d.k, sum(x.v), count(*) FROM {t} x JOIN (VALUES (1, ''a''), (2, ''b''), (2, ''c'')) d (n, k) USING (n) GROUP BY d.k'),
	('SELECT host, sum(s) FROM (SELECT host, n, sum(v) AS s FROM {t} GROUP BY host, n) q GROUP BY host');
SELECT same(q) FROM queries;
-- that it would tell
INSERT INTO p SELECT * FROM h WHERE t = '2026-01-02 01:00';
SELECT how FROM same('SELECT host, sum(n) FROM {t} GROUP BY host');
SELECT same('SELECT count(*) FROM {t} WHERE t > ''2026-01-02 01:00''');
-- generic plans: what is left is known only when it runs
DELETE FROM p WHERE t = '2026-01-02 01:00';
INSERT INTO p SELECT * FROM h WHERE t = '2026-01-02 01:00';
SET plan_cache_mode = force_generic_plan;
PREPARE g(timestamptz, int) AS SELECT host, sum(n + $2), count(*) FROM p WHERE t < $1 GROUP BY host;
PREPARE w(timestamptz, int) AS SELECT host, sum(n + $2), count(*) FROM h WHERE t < $1 GROUP BY host;
SELECT in_workers('EXECUTE g (''2026-01-03'', 1)');
CREATE TABLE rows_g AS EXECUTE g ('2026-01-03', 1);
CREATE TABLE rows_w AS EXECUTE w ('2026-01-03', 1);
SELECT twin_diff('rows_g', 'rows_w');
DROP TABLE rows_g, rows_w;
CREATE TABLE rows_g AS EXECUTE g ('infinity', NULL);
CREATE TABLE rows_w AS EXECUTE w ('infinity', NULL);
SELECT twin_diff('rows_g', 'rows_w');
-- a cursor that is closed before its end, a limit
BEGIN;
DECLARE c CURSOR FOR SELECT host, count(*) AS n FROM p GROUP BY host ORDER BY host;
FETCH 2 FROM c;
CLOSE c;
COMMIT;
SELECT count(*) FROM (SELECT t, host, sum(n) FROM p GROUP BY t, host LIMIT 5) s;
-- an error in a worker
SELECT sum(1 / (n - 40)) FROM p;
DROP SCHEMA apar CASCADE;
