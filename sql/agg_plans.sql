-- Plans with TsdbAgg: what is computed over vectors, what row by row, what core's Agg does and why.
\set VERBOSITY terse
SET client_min_messages = warning;
SET jit = off;
SET tsdb_am.enable_custom_scan = on;
SET timezone = 'UTC';
SET max_parallel_workers_per_gather = 0;
-- prices at which TsdbAgg is taken wherever it can be
SET cpu_tuple_cost = 1;
SET cpu_operator_cost = 0.1;
CREATE SCHEMA ap;
SET search_path = ap, public;
CREATE TABLE m (t timestamptz NOT NULL, host text, rack int, v float8, n int, tx text, nu numeric) USING tsdb;
ALTER TABLE m SET (segmentby = 'host', orderby = 't');
SET tsdb_am.direct_load_rows = 1;
INSERT INTO m SELECT '2026-01-01'::timestamptz + g * interval '1 min', 'h' || g % 10, g % 4, g / 8.0, g % 100, 't' || g % 7, g % 50 FROM generate_series(1, 20000) g;
SET tsdb_am.direct_load_rows = 0;
ANALYZE m;

-- over vectors
EXPLAIN (COSTS OFF) SELECT count(*) FROM m;
EXPLAIN (COSTS OFF) SELECT host, avg(v), max(v), sum(n) FROM m WHERE t >= '2026-01-05' GROUP BY host;
EXPLAIN (COSTS OFF) SELECT date_trunc('hour', t) AS hour, host, sum(v * 2 + n) FROM m GROUP BY 1, 2;
EXPLAIN (COSTS OFF) SELECT time_bucket('5 min', t), count(*) FILTER (WHERE v > 3) FROM m GROUP BY 1 HAVING count(*) > 3 ORDER BY 1;
EXPLAIN (COSTS OFF, VERBOSE) SELECT host, 1 + sum(n) / count(*) AS x FROM m GROUP BY host HAVING max(v) > 5;
EXPLAIN (COSTS OFF) SELECT host FROM m GROUP BY host;
EXPLAIN (COSTS OFF) SELECT host, first(v, t), last(v, t) FROM m GROUP BY host;
EXPLAIN (COSTS OFF) SELECT host, histogram(v, 0, 9, 3), rate(n, t), counter_agg(t, v), time_weight('LOCF', t, v), lttb(t, v, 9), candlestick_agg(t, v, 1), percentile_agg(v), uddsketch(9, 0.1, v), approx_count_distinct(tx), hyperloglog(64, n) FROM m GROUP BY host;

-- row by row: whatever has no loop
EXPLAIN (COSTS OFF) SELECT host, max(tx), sum(nu), sum(length(tx)), array_agg(n), sum(v) FILTER (WHERE tx LIKE 't1%'), sum(n) FROM m GROUP BY host;

-- core's Agg, with the reason
EXPLAIN (COSTS OFF) SELECT count(DISTINCT host), sum(n) FROM m;
EXPLAIN (COSTS OFF) SELECT string_agg(tx, ',' ORDER BY t) FROM m;
EXPLAIN (COSTS OFF) SELECT host, percentile_cont(0.5) WITHIN GROUP (ORDER BY v) FROM m GROUP BY host;
EXPLAIN (COSTS OFF) SELECT host, rack, count(*) FROM m GROUP BY ROLLUP (host, rack);
EXPLAIN (COSTS OFF) SELECT sum(v * random()) FROM m;
EXPLAIN (COSTS OFF) SELECT sum((SELECT max(g) FROM generate_series(1, m.n) g)) FROM m;
EXPLAIN (COSTS OFF) SELECT count(m) FROM m;
EXPLAIN (COSTS OFF) SELECT tableoid, count(*) FROM m GROUP BY 1;
EXPLAIN (COSTS OFF) SELECT random() > 0.5, count(*) FROM m GROUP BY 1;
SET tsdb_am.enable_vector_agg = off;
EXPLAIN (COSTS OFF) SELECT sum(v) FROM m;
RESET tsdb_am.enable_vector_agg;
SET tsdb_am.enable_custom_scan = off;
EXPLAIN (COSTS OFF) SELECT sum(v) FROM m;
SET tsdb_am.enable_custom_scan = on;

-- above it, below it, beside it
EXPLAIN (COSTS OFF) SELECT host, count(*), sum(count(*)) OVER (ORDER BY host) FROM m GROUP BY host LIMIT 3;
EXPLAIN (COSTS OFF) SELECT x, (SELECT sum(n + x) FROM m WHERE rack = x) FROM generate_series(1, 3) x;
EXPLAIN (COSTS OFF) SELECT * FROM generate_series(1, 3) x, LATERAL (SELECT host, max(v + x) FROM m WHERE rack = x GROUP BY host) y;
EXPLAIN (COSTS OFF) SELECT count(*) FROM (SELECT host, count(*) AS c FROM m GROUP BY host) s WHERE c > 5;
SET plan_cache_mode = force_generic_plan;
PREPARE p(text, int) AS SELECT host, sum(n + $2) FROM m WHERE host > $1 GROUP BY host;
EXPLAIN (COSTS OFF) EXECUTE p ('h5', 3);
RESET plan_cache_mode;
EXPLAIN (COSTS OFF) SELECT sum(n) FROM m WHERE current_setting('timezone') = 'UTC';

-- processes share the scan
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) SELECT host, avg(n), sum(v) FROM m GROUP BY host HAVING sum(v) > 3;
EXPLAIN (COSTS OFF) SELECT count(*) FROM m;
EXPLAIN (COSTS OFF) SELECT host, json_agg(tx) FROM m GROUP BY host;
RESET max_parallel_workers_per_gather;
SET max_parallel_workers_per_gather = 0;

-- partitions on tsdb and heap; one left; by partition
CREATE TABLE p (t timestamptz NOT NULL, host text, v float8) PARTITION BY RANGE (t);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (MINVALUE) TO ('2026-01-06') USING tsdb;
CREATE TABLE p2 PARTITION OF p FOR VALUES FROM ('2026-01-06') TO ('2026-01-11') USING tsdb;
CREATE TABLE p3 PARTITION OF p FOR VALUES FROM ('2026-01-11') TO (MAXVALUE);
SET tsdb_am.direct_load_rows = 1;
INSERT INTO p SELECT t, host, v FROM m;
ANALYZE p;
EXPLAIN (COSTS OFF) SELECT host, avg(v) FROM p GROUP BY host;
EXPLAIN (COSTS OFF) SELECT count(*), max(v) FROM p WHERE t < '2026-01-08';
EXPLAIN (COSTS OFF) SELECT host, max(v) FROM p WHERE t >= '2026-01-06' AND t < '2026-01-08' GROUP BY host;
SET enable_partitionwise_aggregate = on;
EXPLAIN (COSTS OFF) SELECT t, max(v) FROM p WHERE t < '2026-01-08' GROUP BY t;
SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) SELECT host, avg(v) FROM p WHERE t < '2026-01-11' GROUP BY host;
SET max_parallel_workers_per_gather = 0;

-- what a run tells
CREATE FUNCTION plan_of(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE plan json; line text;
BEGIN
	EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, FORMAT JSON) ' || query INTO plan;
	FOR line IN SELECT key || ': ' || value FROM json_each(plan -> 0 -> 'Plan') WHERE key <> 'Plans' LOOP
		RETURN NEXT line;
	END LOOP;
END $$;
SELECT plan_of('SELECT host, count(*), max(tx) FROM m WHERE n < 50 GROUP BY host');
SELECT plan_of('SELECT count(*) FROM m');
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT host, sum(n) FROM m WHERE t < '2026-01-03' GROUP BY host;
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT count(*) FROM m;
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT count(*), min(t), max(n) FROM m;
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT count(*), max(tx) FROM m;
-- rows set aside (how many depends on the sizes of allocations)
SET work_mem = '64kB';
SET hash_mem_multiplier = 1;
SET enable_sort = off;
SET enable_hashagg = off;
SELECT line ~ '^(Passes: [1-9]|Rows Set Aside: [1-9])' AS seen, split_part(line, ':', 1) FROM plan_of('SELECT t, tx, count(*) FROM m GROUP BY t, tx') line WHERE line ~ '^(Passes|Rows Set)';
DROP SCHEMA ap CASCADE;
