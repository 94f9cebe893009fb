-- Tables for 050_pg_upgrade.sh: each NAME on tsdb, with rows in both stores, has a twin NAME_heap.
\set ON_ERROR_STOP on
CREATE EXTENSION tsdb_am;
SET tsdb_am.direct_load_rows = 1000;
CREATE TYPE state AS ENUM ('idle', 'busy', 'down');
CREATE TYPE place AS (x int, y float8);

CREATE TABLE metrics_heap (gone int, time timestamptz NOT NULL, host text NOT NULL, v float8, i int8, n numeric, j jsonb, s state, p place, a int[],
	long text, PRIMARY KEY (host, time));
INSERT INTO metrics_heap SELECT i, '2024-01-01'::timestamptz + i * interval '20 s', 'host_' || i % 7, CASE WHEN i % 11 > 0 THEN round((i % 977) / 10.0, 1) END, i * 1000003::int8,
	i / 8.0, jsonb_build_object('k', i % 9), (ARRAY['idle', 'busy', 'down'])[1 + i % 3]::state, ROW(i % 5, i / 3.0)::place, ARRAY[i, NULL, i % 7],
	CASE WHEN i % 997 = 0 THEN (SELECT string_agg(md5((i * k)::text), '') FROM generate_series(1, 300) k) END
	FROM generate_series(1, 20000) i;
CREATE TABLE metrics (LIKE metrics_heap INCLUDING ALL) USING tsdb WITH (segmentby = 'host', orderby = 'time');
INSERT INTO metrics SELECT * FROM metrics_heap;
CREATE INDEX ON metrics USING hash (i);
CREATE INDEX ON metrics USING gin (j);
CREATE INDEX ON metrics USING brin (time);
CREATE INDEX ON metrics ((v * 2)) WHERE v > 90;

-- moved by compress, not loaded
CREATE TABLE moved_heap (time timestamptz, device int, v float4, t text);
INSERT INTO moved_heap SELECT '2024-01-01'::timestamptz + i * interval '1 min', i % 4, i / 16.0, 'text ' || i % 100 FROM generate_series(1, 6000) i;
CREATE TABLE moved (LIKE moved_heap) USING tsdb WITH (direct_load = 'off', segmentby = 'device');
CREATE INDEX ON moved (device, time);
INSERT INTO moved SELECT * FROM moved_heap;
SELECT tsdb.compress('moved');

CREATE TABLE parts_heap (time timestamptz NOT NULL, host text, v int);
INSERT INTO parts_heap SELECT '2024-01-01'::timestamptz + i * interval '1 min', 'host_' || i % 3, i FROM generate_series(0, 5 * 1440 - 1) i;
CREATE TABLE parts (time timestamptz NOT NULL, host text, v int) PARTITION BY RANGE (time);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2024-01-01') TO ('2024-01-03') USING tsdb WITH (segmentby = 'host');
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM ('2024-01-03') TO ('2024-02-01') USING tsdb WITH (segmentby = 'host');
CREATE INDEX ON parts (host, time);
INSERT INTO parts SELECT * FROM parts_heap;
-- (indexes keep loads out of chunks)
SELECT tsdb.compress('metrics'), tsdb.compress('parts_1'), tsdb.compress('parts_2');
SELECT tsdb.add_compression_policy('parts', interval '7 days'), tsdb.add_retention_policy('parts', interval '100 years');
CREATE FUNCTION own_job(job_id int, config jsonb) RETURNS void LANGUAGE sql AS 'SELECT';
SELECT tsdb.add_job('own_job', '1 day', '{"k": 1}');

-- tombstones of deletes and updates, rows in the row store, locks that are kept in rows
BEGIN;
DELETE FROM metrics WHERE i / 1000003 % 13 = 5;
DELETE FROM metrics_heap WHERE i / 1000003 % 13 = 5;
UPDATE metrics SET v = v + 1, s = 'down' WHERE i / 1000003 % 17 = 3;
UPDATE metrics_heap SET v = v + 1, s = 'down' WHERE i / 1000003 % 17 = 3;
SAVEPOINT a;
DELETE FROM moved WHERE device = 2;
ROLLBACK TO a;
DELETE FROM moved WHERE t = 'text 7';
DELETE FROM moved_heap WHERE t = 'text 7';
INSERT INTO moved VALUES ('2024-06-01', 9, 1, 'new'), (NULL, NULL, 'NaN', NULL);
INSERT INTO moved_heap VALUES ('2024-06-01', 9, 1, 'new'), (NULL, NULL, 'NaN', NULL);
UPDATE parts SET v = -v WHERE v % 100 = 1;
UPDATE parts_heap SET v = -v WHERE v % 100 = 1;
INSERT INTO parts VALUES ('2024-01-20', 'host_9', 9), ('2024-01-02', 'host_9', 10);
INSERT INTO parts_heap VALUES ('2024-01-20', 'host_9', 9), ('2024-01-02', 'host_9', 10);
COMMIT;
BEGIN;
SELECT count(*) FROM (SELECT FROM metrics WHERE host = 'host_1' FOR UPDATE) x;
SELECT count(*) FROM (SELECT FROM moved FOR SHARE) x;
COMMIT;

-- columns that chunks lack, or have too many
ALTER TABLE metrics DROP COLUMN gone;
ALTER TABLE metrics_heap DROP COLUMN gone;
ALTER TABLE metrics ADD COLUMN added text DEFAULT 'default';
ALTER TABLE metrics_heap ADD COLUMN added text DEFAULT 'default';
