-- ALTER TABLE in all its forms on a table with rows in both stores.
SET tsdb_am.direct_load_rows = 1000;
CREATE TABLE a_heap (t timestamptz NOT NULL, h text, v float8, gone int, n int) USING heap;
CREATE TABLE a (t timestamptz NOT NULL, h text, v float8, gone int, n int) USING tsdb WITH (segmentby = 'h', orderby = 't');
INSERT INTO a_heap SELECT '2026-01-01+00'::timestamptz + g * interval '1 s', 'h' || g % 3, g / 10.0, g, g FROM generate_series(1, 2000) g;
INSERT INTO a SELECT * FROM a_heap;
INSERT INTO a_heap SELECT '2026-01-02+00'::timestamptz + g * interval '1 s', 'h' || g % 3, g / 10.0, g, g FROM generate_series(2001, 2100) g;
SET tsdb_am.direct_load_rows = 0;
INSERT INTO a SELECT * FROM a_heap WHERE n > 2000;
SET tsdb_am.direct_load_rows = 1000;
SELECT chunk_rows('a');

-- columns come and go without a rewrite
ALTER TABLE a DROP COLUMN gone; ALTER TABLE a_heap DROP COLUMN gone;
SELECT twin_diff('a', 'a_heap');
ALTER TABLE a ADD COLUMN plain int; ALTER TABLE a_heap ADD COLUMN plain int;
ALTER TABLE a ADD COLUMN def text DEFAULT 'some default' NOT NULL; ALTER TABLE a_heap ADD COLUMN def text DEFAULT 'some default' NOT NULL;
SELECT twin_diff('a', 'a_heap'), count(plain), count(def), min(def) FROM a;
ALTER TABLE a ALTER COLUMN def SET DEFAULT 'another'; ALTER TABLE a_heap ALTER COLUMN def SET DEFAULT 'another';
INSERT INTO a (t, h, v, n) VALUES ('2026-02-01+00', 'late', 1, 9999); INSERT INTO a_heap (t, h, v, n) VALUES ('2026-02-01+00', 'late', 1, 9999);
SELECT twin_diff('a', 'a_heap');
SELECT def, count(*) FROM a GROUP BY def ORDER BY def;
-- VACUUM FULL drops the catalogue's copy of the default: chunks must have their own by then
VACUUM FULL a;
SELECT twin_diff('a', 'a_heap'), chunk_rows('a');
ALTER TABLE a ADD COLUMN def2 numeric DEFAULT 1.50; ALTER TABLE a_heap ADD COLUMN def2 numeric DEFAULT 1.50;
SELECT tsdb.compress('a'), tsdb.recompress('a') > 0;
SELECT twin_diff('a', 'a_heap'), chunk_rows('a');
ALTER TABLE a ADD COLUMN def3 int DEFAULT 7; ALTER TABLE a_heap ADD COLUMN def3 int DEFAULT 7;
CREATE INDEX a_def3 ON a (def3, n);
SET enable_seqscan = off;
SELECT count(*), sum(n) FROM a WHERE def3 = 7;
RESET enable_seqscan;
CLUSTER a USING a_def3;
SELECT twin_diff('a', 'a_heap'), chunk_rows('a');
DROP INDEX a_def3;
-- volatile default: rewrite
ALTER TABLE a ADD COLUMN s serial; ALTER TABLE a DROP COLUMN s;
ALTER TABLE a_heap ADD COLUMN s serial; ALTER TABLE a_heap DROP COLUMN s;
SELECT twin_diff('a', 'a_heap'), chunk_rows('a');

-- types: with a rewrite and without
ALTER TABLE a ALTER COLUMN n TYPE bigint; ALTER TABLE a_heap ALTER COLUMN n TYPE bigint;
SELECT twin_diff('a', 'a_heap'), chunk_rows('a');
ALTER TABLE a ALTER COLUMN h TYPE varchar(50); ALTER TABLE a_heap ALTER COLUMN h TYPE varchar(50);
ALTER TABLE a ALTER COLUMN h TYPE varchar(100); ALTER TABLE a_heap ALTER COLUMN h TYPE varchar(100);
ALTER TABLE a ALTER COLUMN h TYPE text; ALTER TABLE a_heap ALTER COLUMN h TYPE text;
ALTER TABLE a ALTER COLUMN v TYPE numeric USING (v * 2)::numeric; ALTER TABLE a_heap ALTER COLUMN v TYPE numeric USING (v * 2)::numeric;
SELECT twin_diff('a', 'a_heap'), chunk_rows('a');

-- names; options follow
ALTER TABLE a RENAME COLUMN h TO host; ALTER TABLE a_heap RENAME COLUMN h TO host;
SELECT provider, label, attname FROM pg_seclabel JOIN pg_attribute ON attrelid = objoid AND attnum = objsubid WHERE objoid = 'a'::regclass ORDER BY label;
ALTER TABLE a RENAME TO a2; ALTER TABLE a2 RENAME TO a;
ALTER TABLE a ALTER COLUMN host SET NOT NULL; ALTER TABLE a ALTER COLUMN host DROP NOT NULL;
ALTER TABLE a ADD CONSTRAINT positive CHECK (n > 0);
ALTER TABLE a ADD CONSTRAINT negative CHECK (n < 0);
ALTER TABLE a DROP CONSTRAINT positive;
ALTER TABLE a ALTER COLUMN plain SET NOT NULL;
ALTER TABLE a ADD PRIMARY KEY (n);
ALTER TABLE a DROP CONSTRAINT a_pkey;
SELECT twin_diff('a', 'a_heap'), chunk_rows('a');

-- unlogged and back, tablespace, access method to and fro
ALTER TABLE a SET UNLOGGED;
SELECT twin_diff('a', 'a_heap'), chunk_rows('a');
ALTER TABLE a SET LOGGED;
SELECT twin_diff('a', 'a_heap'), chunk_rows('a');
SET allow_in_place_tablespaces = on;
CREATE TABLESPACE tsdb_am_space LOCATION '';
ALTER TABLE a SET TABLESPACE tsdb_am_space;
SELECT twin_diff('a', 'a_heap'), chunk_rows('a');
ALTER TABLE a SET TABLESPACE pg_default;
DROP TABLESPACE tsdb_am_space;
SELECT twin_diff('a', 'a_heap'), chunk_rows('a');
ALTER TABLE a SET ACCESS METHOD heap;
SELECT twin_diff('a', 'a_heap'), amname FROM pg_class c JOIN pg_am ON pg_am.oid = relam WHERE c.oid = 'a'::regclass;
ALTER TABLE a SET ACCESS METHOD tsdb;
SELECT twin_diff('a', 'a_heap'), chunk_rows('a');
-- a heap table without TOAST relation becomes a tsdb table with one
CREATE TABLE lean (t timestamptz, v float8) USING heap;
INSERT INTO lean SELECT '2026-01-01'::timestamptz + g * interval '1 s', g FROM generate_series(1, 1500) g;
ALTER TABLE lean SET ACCESS METHOD tsdb;
SELECT reltoastrelid <> 0 FROM pg_class WHERE oid = 'lean'::regclass;
SELECT tsdb.compress('lean') >= 0;
SELECT chunk_rows('lean'), count(*), sum(v) FROM lean;

-- TRUNCATE: in place, transactional, rolled back
BEGIN; TRUNCATE a; SELECT count(*) FROM a; INSERT INTO a (t, host, v, n) SELECT '2026-01-01', 'x', 1, g FROM generate_series(1, 1500) g; SELECT count(*) FROM a; ROLLBACK;
SELECT twin_diff('a', 'a_heap');
BEGIN; CREATE TABLE fresh (t timestamptz, v int) USING tsdb; INSERT INTO fresh SELECT '2026-01-01', g FROM generate_series(1, 1500) g; TRUNCATE fresh; SELECT count(*) FROM fresh;
INSERT INTO fresh SELECT '2026-01-01', g FROM generate_series(1, 1200) g; SELECT count(*), chunk_rows('fresh') FROM fresh; COMMIT;
SELECT count(*) FROM fresh;
TRUNCATE a; TRUNCATE a_heap;
SELECT count(*), chunk_rows('a') FROM a;
INSERT INTO a (t, host, v, n) SELECT '2026-01-01', 'x', 1, g FROM generate_series(1, 1500) g;
SELECT count(*), chunk_rows('a') FROM a;
DROP TABLE a, a_heap, lean, fresh;

-- CREATE TABLE AS, SELECT INTO, materialised views
CREATE TABLE ctas USING tsdb WITH (segmentby = 'h', orderby = 't') AS SELECT '2026-01-01'::timestamptz + g * interval '1 s' AS t, 'h' || g % 3 AS h, g FROM generate_series(1, 1500) g;
SELECT count(*), chunk_rows('ctas') FROM ctas;
SELECT segmentby, orderby FROM tsdb.tables WHERE relation = 'ctas'::regclass;
SET default_table_access_method = tsdb;
SELECT g AS n INTO sel FROM generate_series(1, 1500) g;
SELECT count(*), chunk_rows('sel') FROM sel;
CREATE MATERIALIZED VIEW mv AS SELECT h, date_trunc('minute', t AT TIME ZONE 'UTC') m, count(*) c FROM ctas GROUP BY 1, 2;
SELECT count(*), sum(c) FROM mv;
CREATE UNIQUE INDEX ON mv (h, m);
INSERT INTO ctas SELECT '2026-01-05'::timestamptz + g * interval '1 s', 'h' || g % 3, g FROM generate_series(1, 1500) g;
REFRESH MATERIALIZED VIEW mv;
SELECT count(*), sum(c) FROM mv;
REFRESH MATERIALIZED VIEW CONCURRENTLY mv;
SELECT count(*), sum(c) FROM mv;
CREATE MATERIALIZED VIEW mv2 AS SELECT * FROM ctas;
SELECT count(*), chunk_rows('mv2') FROM mv2;
REFRESH MATERIALIZED VIEW mv2;
SELECT count(*), chunk_rows('mv2') FROM mv2;
CREATE TEMP TABLE tmp AS SELECT * FROM ctas;
SELECT count(*), chunk_rows('tmp'), amname FROM tmp, pg_class c JOIN pg_am ON pg_am.oid = relam WHERE c.oid = 'tmp'::regclass GROUP BY amname;
SELECT tsdb.decompress('tmp');
SELECT tsdb.compress('tmp') >= 0;
SELECT count(*), sum(g) FROM tmp;
CREATE TEMP TABLE tmp2 (t timestamptz, n int) USING tsdb ON COMMIT DELETE ROWS;
BEGIN; INSERT INTO tmp2 SELECT '2026-01-01', g FROM generate_series(1, 1500) g; SELECT count(*) FROM tmp2; COMMIT;
SELECT count(*) FROM tmp2;
CREATE UNLOGGED TABLE unl AS SELECT * FROM ctas;
SELECT count(*), chunk_rows('unl') FROM unl;
RESET default_table_access_method;

-- inheritance and partitions
CREATE TABLE parent (t timestamptz NOT NULL, n int) USING tsdb;
CREATE TABLE child (extra text) INHERITS (parent) USING tsdb;
INSERT INTO parent SELECT '2026-01-01', g FROM generate_series(1, 1500) g;
INSERT INTO child SELECT '2026-01-01', g, 'e' FROM generate_series(1, 1500) g;
SELECT count(*), sum(n) FROM parent;
SELECT tableoid::regclass, count(*) FROM parent GROUP BY 1 ORDER BY (tableoid::regclass)::text;
ALTER TABLE parent ADD COLUMN more int DEFAULT 5;
SELECT sum(more), count(*) FROM parent;
DROP TABLE parent CASCADE;
CREATE TABLE part (t timestamptz NOT NULL, h text, n int) PARTITION BY RANGE (t);
CREATE TABLE part1 PARTITION OF part FOR VALUES FROM ('2026-01-01+00') TO ('2026-01-02+00') USING tsdb;
CREATE TABLE part2 PARTITION OF part FOR VALUES FROM ('2026-01-02+00') TO ('2026-01-03+00') USING tsdb WITH (segmentby = 'h');
CREATE TABLE part3 (n int, h text, t timestamptz NOT NULL) USING tsdb;
ALTER TABLE part ATTACH PARTITION part3 FOR VALUES FROM ('2026-01-03+00') TO ('2026-01-04+00');
INSERT INTO part SELECT '2026-01-01+00'::timestamptz + g * interval '1 min', 'h' || g % 5, g FROM generate_series(0, 4319) g;
SELECT tableoid::regclass, count(*), sum(n) FROM part GROUP BY 1 ORDER BY (tableoid::regclass)::text;
SELECT chunk_rows('part1'), chunk_rows('part2'), chunk_rows('part3');
SELECT tsdb.compress('part') >= 0;
CREATE INDEX ON part (h, t);
SELECT count(*) FROM part WHERE h = 'h2' AND t >= '2026-01-02 12:00+00';
ALTER TABLE part DETACH PARTITION part2;
SELECT count(*) FROM part;
SELECT count(*) FROM part2;
INSERT INTO part VALUES ('2030-01-01', 'x', 1);
DROP TABLE part, part2;
DROP TABLE ctas CASCADE; DROP TABLE sel, tmp, tmp2, unl;

-- rows of a table whose last columns came later, into one whose last columns came later with defaults: NULL stays NULL
CREATE TABLE late (x int, p text) USING tsdb;
CREATE TABLE late_heap (x int, p text) USING heap;
INSERT INTO late SELECT i, repeat('x', i * 300) FROM generate_series(1, 10) i;
INSERT INTO late_heap SELECT * FROM late;
ALTER TABLE late ADD y int, ADD z int DEFAULT 5;
ALTER TABLE late_heap ADD y int, ADD z int DEFAULT 5;
CREATE TABLE late_into (x int, p text) USING tsdb;
ALTER TABLE late_into ADD y int DEFAULT 7, ADD z int DEFAULT 8;
INSERT INTO late_into SELECT * FROM late;
INSERT INTO late_into SELECT * FROM late_heap;
INSERT INTO late_into SELECT * FROM late LIMIT 1;
INSERT INTO late_into SELECT * FROM late_heap LIMIT 1;
INSERT INTO late_into SELECT * FROM late ORDER BY x;
INSERT INTO late_into SELECT * FROM late_heap ORDER BY x LIMIT 2;
INSERT INTO late_into SELECT * FROM late UNION ALL SELECT * FROM late_heap;
SELECT tsdb.compress('late') > 0;
INSERT INTO late_into SELECT * FROM late;
SELECT y, z, count(*), sum(x), sum(length(p)) FROM late_into GROUP BY 1, 2;
ALTER TABLE late DROP z;
ALTER TABLE late_into DROP z;
TRUNCATE late_into;
INSERT INTO late_into SELECT * FROM late;
SELECT y, count(*), sum(x) FROM late_into GROUP BY 1;
DROP TABLE late, late_heap, late_into;
