-- Options of a table: WITH, SET, RESET, labels; inference; what survives rename, drop and rewrite.
CREATE FUNCTION opts(rel regclass) RETURNS text LANGUAGE sql AS
	$$ SELECT 'series: ' || coalesce(segmentby, '-') || ' order: ' || coalesce(orderby, '-') FROM tsdb.tables WHERE relation = rel $$;
CREATE FUNCTION labels(rel regclass) RETURNS SETOF text LANGUAGE sql AS
	$$ SELECT coalesce(attname::text, 'table') || ': ' || label FROM pg_seclabel LEFT JOIN pg_attribute ON attrelid = objoid AND attnum = objsubid AND objsubid > 0
		WHERE classoid = 'pg_class'::regclass AND objoid = rel ORDER BY 1 $$;

-- inferred
CREATE TABLE o1 (host text, time timestamptz, v float8) USING tsdb;
SELECT opts('o1');
CREATE TABLE o2 (host text, d date, v float8, PRIMARY KEY (host, d)) USING tsdb;
SELECT opts('o2');
CREATE TABLE o3 (id int, seq bigint, v text, PRIMARY KEY (id, seq)) USING tsdb;
SELECT opts('o3');
CREATE TABLE o4 (a text, b text, UNIQUE (b, a)) USING tsdb;
SELECT opts('o4');
CREATE TABLE o5 (v float8) USING tsdb;
SELECT opts('o5');

-- given
CREATE TABLE g1 (time timestamptz NOT NULL, host text, region text, "Odd Name" int, v float8) USING tsdb WITH (segmentby = 'host, region', orderby = 'time', fillfactor = 80);
SELECT opts('g1'), reloptions FROM pg_class WHERE oid = 'g1'::regclass;
SELECT labels('g1');
CREATE TABLE g2 (time timestamptz NOT NULL, host text, v float8) USING tsdb WITH (tsdb.segmentby = 'host', tsdb.orderby = 'time', tsdb.direct_load = off);
SELECT opts('g2'); SELECT labels('g2');
CREATE TABLE g3 (time timestamptz NOT NULL, host text, "Odd Name" text) USING tsdb WITH (segmentby = '"Odd Name"');
SELECT opts('g3');
ALTER TABLE g3 SET (segmentby = 'HOST, "Odd Name"');
SELECT opts('g3');
ALTER TABLE g3 RESET (segmentby);
SELECT opts('g3'), count(*) FROM labels('g3');
ALTER TABLE g1 SET (segmentby = 'host'), ADD COLUMN extra int, SET (autovacuum_enabled = off);
SELECT opts('g1'), reloptions FROM pg_class WHERE oid = 'g1'::regclass;
ALTER TABLE g1 SET (segmentby = 'region', fillfactor = 70);
SELECT opts('g1'), reloptions FROM pg_class WHERE oid = 'g1'::regclass;
ALTER TABLE g1 RESET (segmentby, orderby, fillfactor);
SELECT opts('g1'), reloptions FROM pg_class WHERE oid = 'g1'::regclass;
ALTER TABLE g1 SET (segmentby = ''); -- refused: RESET says it
SELECT opts('g1');
ALTER TABLE IF EXISTS nothing_there SET (segmentby = 'x');
CREATE TABLE IF NOT EXISTS g1 (a int) USING tsdb WITH (segmentby = 'a');
SELECT opts('g1');

-- labels by hand
SECURITY LABEL FOR tsdb ON COLUMN g1.host IS 'segmentby 1';
SECURITY LABEL FOR tsdb ON COLUMN g1.time IS 'orderby';
SECURITY LABEL FOR tsdb ON TABLE g1 IS 'direct_load on';
SELECT opts('g1'); SELECT labels('g1');
SECURITY LABEL FOR tsdb ON COLUMN g1.host IS NULL;
SELECT opts('g1');

-- they follow the columns
ALTER TABLE g1 SET (segmentby = 'host, region');
ALTER TABLE g1 RENAME COLUMN region TO zone;
SELECT opts('g1');
ALTER TABLE g1 DROP COLUMN host;
SELECT opts('g1');
ALTER TABLE g1 SET ACCESS METHOD heap;
SELECT count(*) FROM labels('g1');
ALTER TABLE g1 SET ACCESS METHOD tsdb;

-- sorting follows the options: one series per run of rows in the chunk
SET tsdb_am.direct_load_rows = 1000;
CREATE TABLE sorted (time timestamptz NOT NULL, host text, v int) USING tsdb WITH (segmentby = 'host', orderby = 'time');
INSERT INTO sorted SELECT '2026-01-01'::timestamptz + (g * 7919 % 5000) * interval '1 s', 'h' || g % 5, g FROM generate_series(1, 5000) g;
SELECT count(*) FROM (SELECT host, time, lag(host) OVER w AS ph, lag(time) OVER w AS pt FROM sorted WINDOW w AS (ORDER BY ctid)) q WHERE host < ph OR (host = ph AND time < pt);
SELECT series FROM tsdb.chunks WHERE relation = 'sorted'::regclass;
-- series found in the data
CREATE TABLE found (time timestamptz NOT NULL, host text, note text, v float8) USING tsdb;
INSERT INTO found SELECT '2026-01-01'::timestamptz + (g / 10) * interval '1 s', 'h' || g % 10, md5(g::text), g FROM generate_series(1, 5000) g;
SELECT series FROM tsdb.chunks WHERE relation = 'found'::regclass;
RESET tsdb_am.direct_load_rows;

-- partitions take their parent's
CREATE TABLE pp (time timestamptz NOT NULL, host text, v int) PARTITION BY RANGE (time) WITH (segmentby = 'host', orderby = 'time');
CREATE TABLE pp1 PARTITION OF pp FOR VALUES FROM ('2026-01-01') TO ('2026-02-01') USING tsdb;
CREATE TABLE pp2 (v int, host text, time timestamptz NOT NULL) USING tsdb;
ALTER TABLE pp ATTACH PARTITION pp2 FOR VALUES FROM ('2026-02-01') TO ('2026-03-01');
SELECT opts('pp1'), opts('pp2');
ALTER TABLE pp2 SET (segmentby = 'v');
SELECT opts('pp2');
ALTER TABLE pp SET (segmentby = 'host, v');
SELECT opts('pp1'), opts('pp2');
CREATE TABLE like1 (LIKE sorted INCLUDING ALL) USING tsdb;
SELECT opts('like1');
CREATE TEMP TABLE tmp1 (time timestamptz, host text) USING tsdb WITH (segmentby = 'host');
SELECT opts('tmp1');
EXPLAIN (COSTS OFF) CREATE TABLE never USING tsdb WITH (segmentby = 'x') AS SELECT now() AS t, 'x' AS x;
CREATE MATERIALIZED VIEW omv USING tsdb WITH (segmentby = 'host') AS SELECT * FROM sorted;
SELECT opts('omv');
ALTER MATERIALIZED VIEW omv SET (segmentby = 'v');
SELECT opts('omv');
DROP MATERIALIZED VIEW omv;
DROP TABLE o1, o2, o3, o4, o5, g1, g2, g3, sorted, found, pp, like1, tmp1;
DROP FUNCTION opts, labels;
