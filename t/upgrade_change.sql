-- Changes to the tables of 050_pg_upgrade.sh and their twins, after the upgrade to version :step.
\set ON_ERROR_STOP on
SET tsdb_am.direct_load_rows = 1000;
INSERT INTO metrics_heap SELECT '2024-01-01'::timestamptz + (:step * 100000 + i) * interval '20 s', 'host_' || i % 7, i / 10.0, (:step * 100000 + i) * 1000003::int8, i / 8.0, NULL, 'idle', ROW(1, i)::place,
	ARRAY[i], NULL, 'added' FROM generate_series(1, 5000) i;
INSERT INTO metrics SELECT * FROM metrics_heap WHERE i / 1000003 > :step * 100000;
BEGIN;
DELETE FROM metrics WHERE i / 1000003 % :step = 2;
DELETE FROM metrics_heap WHERE i / 1000003 % :step = 2;
UPDATE metrics SET v = -v, added = 'updated ' || :step WHERE i / 1000003 % (:step + 2) = 3;
UPDATE metrics_heap SET v = -v, added = 'updated ' || :step WHERE i / 1000003 % (:step + 2) = 3;
INSERT INTO metrics (host, time, v) VALUES ('host_1', '2025-01-01'::timestamptz + :step * interval '1 day', 0) ON CONFLICT (host, time) DO UPDATE SET v = 1;
INSERT INTO metrics_heap (host, time, v) VALUES ('host_1', '2025-01-01'::timestamptz + :step * interval '1 day', 0) ON CONFLICT (host, time) DO UPDATE SET v = 1;
INSERT INTO metrics SELECT * FROM metrics_heap WHERE host = 'host_2' ON CONFLICT (host, time) DO UPDATE SET v = excluded.v + 1;
UPDATE metrics_heap SET v = v + 1 WHERE host = 'host_2';
DELETE FROM moved WHERE device = 1 AND v > 300 - :step;
DELETE FROM moved_heap WHERE device = 1 AND v > 300 - :step;
INSERT INTO moved SELECT '2025-01-01'::timestamptz + i * interval '1 min', :step, i, 'step' FROM generate_series(1, 3000) i;
INSERT INTO moved_heap SELECT '2025-01-01'::timestamptz + i * interval '1 min', :step, i, 'step' FROM generate_series(1, 3000) i;
INSERT INTO parts SELECT '2024-01-10'::timestamptz + i * interval '1 min', 'host_' || i % 3, i FROM generate_series(1, 2000) i;
INSERT INTO parts_heap SELECT '2024-01-10'::timestamptz + i * interval '1 min', 'host_' || i % 3, i FROM generate_series(1, 2000) i;
COMMIT;
SELECT tsdb.compress('moved'), tsdb.compress('metrics'), tsdb.compress('parts_1');
SELECT tsdb.recompress('metrics');
VACUUM metrics, moved, parts_1, parts_2;
SELECT tsdb.decompress('parts_1');
REINDEX TABLE metrics;
DELETE FROM metrics WHERE v = 5.5;
DELETE FROM metrics_heap WHERE v = 5.5;
