-- Every kind of scan over both stores gives what heap gives.
CREATE TABLE s_heap (t timestamptz NOT NULL, host text, v float8, n int) USING heap;
CREATE TABLE s (t timestamptz NOT NULL, host text, v float8, n int) USING tsdb WITH (segmentby = 'host', orderby = 't');
INSERT INTO s_heap SELECT '2026-01-01+00'::timestamptz + (g / 7) * interval '10 s', 'h' || g % 7, g % 101, g FROM generate_series(1, 5000) g;
-- some rows by direct load, some moved, some in the row store
INSERT INTO s SELECT * FROM s_heap WHERE n <= 2000;
SET tsdb_am.direct_load_rows = 0;
INSERT INTO s SELECT * FROM s_heap WHERE n > 2000 AND n <= 4000;
SELECT tsdb.compress('s');
INSERT INTO s SELECT * FROM s_heap WHERE n > 4000;
RESET tsdb_am.direct_load_rows;
SELECT chunk_rows('s'), count(*), twin_diff('s', 's_heap') FROM s;

-- system columns
SELECT count(DISTINCT ctid), count(DISTINCT xmin::text) >= 2, count(DISTINCT tableoid), min(tableoid::regclass::text) FROM s;
SELECT count(*) FROM s WHERE xmax::text <> '0' AND n > 4000;
SELECT count(*) FROM s WHERE ctid >= '(2147483648,1)';

-- fetch by TID: each ctid leads back to its row
SELECT count(*) FROM s a JOIN s b ON a.ctid = b.ctid AND a.n = b.n;
SET enable_hashjoin = off; SET enable_mergejoin = off;
SELECT count(*) FROM (SELECT ctid AS c, n FROM s WHERE n % 500 = 0) a JOIN s b ON b.ctid = a.c AND a.n = b.n;
RESET enable_hashjoin; RESET enable_mergejoin;
SELECT count(*) FROM s WHERE ctid = '(4294967294,1)' OR ctid = '(2147483648,0)' OR ctid = '(2147483648,257)' OR ctid = '(2147483648,65535)';
-- TID ranges
SELECT count(*) FROM s WHERE ctid >= '(2147483648,10)' AND ctid < '(2147483649,5)';
SELECT count(*) = (SELECT count(*) FROM s WHERE n > 4000) FROM s WHERE ctid < '(2147483648,0)';
SELECT count(*) FROM s WHERE ctid > '(0,0)';
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT n FROM s WHERE ctid >= '(2147483648,1)' AND ctid <= '(2147483648,3)';
FETCH ALL c; FETCH BACKWARD ALL c;
COMMIT;

-- cursors, both ways over the border between the stores
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT n FROM s;
MOVE FORWARD 990 IN c;
FETCH 20 FROM c;
FETCH BACKWARD 25 FROM c;
MOVE FORWARD ALL IN c;
FETCH BACKWARD 2 FROM c;
MOVE BACKWARD ALL IN c;
FETCH 2 FROM c;
FETCH LAST FROM c;
FETCH FIRST FROM c;
FETCH ABSOLUTE 4500 FROM c;
FETCH RELATIVE -4400 FROM c;
COMMIT;
-- a cursor outlives the transaction
BEGIN;
DECLARE h CURSOR WITH HOLD FOR SELECT n, host FROM s ORDER BY n;
COMMIT;
FETCH ABSOLUTE 3000 FROM h;
CLOSE h;

-- TABLESAMPLE
SELECT count(*) BETWEEN 2000 AND 3000 FROM s TABLESAMPLE BERNOULLI (50) REPEATABLE (1);
SELECT count(*) > 0 AND count(*) < 5000 FROM s TABLESAMPLE SYSTEM (50) REPEATABLE (3);
SELECT count(*), count(DISTINCT n) FROM s TABLESAMPLE SYSTEM (100);
SELECT count(*), count(DISTINCT n) FROM s TABLESAMPLE BERNOULLI (100);
SELECT count(*) > 0 AND bool_and(c > 0) FROM (SELECT (SELECT count(*) FROM s TABLESAMPLE BERNOULLI (20) REPEATABLE (x)) c FROM generate_series(1, 4) x) q;

-- parallel: each row once
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2;
SET tsdb_am.enable_custom_scan = off;
EXPLAIN (COSTS OFF) SELECT count(*), sum(n) FROM s;
RESET tsdb_am.enable_custom_scan;
SELECT count(*), sum(n), count(DISTINCT n) FROM s;
SELECT host, count(*), sum(v) FROM s GROUP BY host ORDER BY host;
SELECT host, count(*), sum(v) FROM s_heap GROUP BY host ORDER BY host;
-- parallel inner side is scanned again
SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_material = off;
SELECT count(*) FROM (VALUES (1), (2), (3)) x (a), LATERAL (SELECT sum(n) FROM s WHERE n % 3 <> x.a) y;
RESET enable_hashjoin; RESET enable_mergejoin; RESET enable_material;
RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size; RESET max_parallel_workers_per_gather;

-- joins, subqueries, whole rows, EXISTS, lateral, set operations, window functions
SELECT count(*) FROM s a JOIN s_heap b USING (n) WHERE a.v = b.v AND a.t = b.t AND a.host = b.host;
SELECT count(*) FROM s a WHERE EXISTS (SELECT 1 FROM s b WHERE b.n = a.n + 1);
SELECT count(s.*), count(DISTINCT s) FROM s;
SELECT s FROM s WHERE n IN (1, 2500, 4999) ORDER BY n;
SELECT row_to_json(s) FROM s WHERE n IN (7, 4001) ORDER BY n;
SELECT max(c) FROM (SELECT n - lag(n) OVER (ORDER BY n) c FROM s) w;
WITH x AS MATERIALIZED (SELECT * FROM s WHERE n % 2 = 0) SELECT count(*) FROM x a JOIN x b ON a.n = b.n + 2;
PREPARE q (int) AS SELECT host, v FROM s WHERE n = $1;
EXECUTE q (10); EXECUTE q (2500); EXECUTE q (4500); EXECUTE q (10); EXECUTE q (11); EXECUTE q (12); EXECUTE q (4501);
DEALLOCATE q;

-- snapshots: what a transaction has seen stays, whatever moves meanwhile
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*), sum(n) FROM s;
COMMIT;
-- cursor opened before rows move in the same transaction
BEGIN;
DECLARE before CURSOR FOR SELECT n FROM s ORDER BY n;
SELECT tsdb.compress('s');
FETCH ABSOLUTE 4500 FROM before;
SELECT count(*), sum(n) FROM s;
DECLARE after CURSOR FOR SELECT n FROM s;
MOVE FORWARD 100 IN after;
SELECT tsdb.decompress('s') > 0;
MOVE FORWARD ALL IN after;
MOVE FORWARD ALL IN before;
SELECT count(*), sum(n), twin_diff('s', 's_heap') FROM s;
ROLLBACK;
SELECT count(*), sum(n), twin_diff('s', 's_heap') FROM s;

-- COPY both ways
CREATE TABLE s2 (LIKE s) USING tsdb;
CREATE TEMP TABLE copied (line text);
\set copyfile '/tmp/tsdb_am_scans_' :DBNAME '.bin'
\set q 'COPY (SELECT * FROM s) TO ' :'copyfile' ' (FORMAT binary)'
COPY s TO :'copyfile' (FORMAT binary);
COPY s2 FROM :'copyfile' (FORMAT binary);
SELECT twin_diff('s2', 's_heap'), chunk_rows('s2') = CASE WHEN current_setting('tsdb_am.direct_load_rows')::int BETWEEN 1 AND 5000 THEN 5000 ELSE 0 END;
DROP TABLE s2, s_heap;
DROP TABLE s;
