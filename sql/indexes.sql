-- Indexes of every kind over both stores: builds, entries of moved rows, plans of every kind.
SET jit = off;
CREATE TABLE x_heap (t timestamptz NOT NULL, k int NOT NULL, h text, tags text[], p point, r int4range, doc jsonb) USING heap;
CREATE TABLE x (LIKE x_heap) USING tsdb WITH (segmentby = 'h', orderby = 't');
INSERT INTO x_heap SELECT '2026-01-01+00'::timestamptz + g * interval '1 min', g, 'h' || g % 10, ARRAY['t' || g % 50, 'u' || g % 3],
	point(g % 100, g / 100), int4range(g, g + 5), jsonb_build_object('k', g % 20) FROM generate_series(1, 4000) g;
SET tsdb_am.direct_load_rows = 1000;
INSERT INTO x SELECT * FROM x_heap WHERE k <= 3000;
INSERT INTO x SELECT * FROM x_heap WHERE k BETWEEN 3001 AND 3500;
SELECT tsdb.compress('x') >= 0;
SET tsdb_am.direct_load_rows = 0;
INSERT INTO x SELECT * FROM x_heap WHERE k > 3500;
SELECT chunk_rows('x');

-- builds over rows in both stores
CREATE UNIQUE INDEX x_k ON x (k);
CREATE INDEX x_ht ON x (h, t DESC);
CREATE INDEX x_hash ON x USING hash (h);
CREATE INDEX x_gin ON x USING gin (tags);
CREATE INDEX x_gin2 ON x USING gin (doc);
CREATE INDEX x_gist ON x USING gist (p);
CREATE INDEX x_spgist ON x USING spgist (r);
CREATE INDEX x_expr ON x (upper(h), (k % 7)) WHERE k % 2 = 0;
CREATE INDEX x_brin ON x USING brin (t);

CREATE FUNCTION same(q text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE a text; b text; plan text; kind text := '';
BEGIN
	EXECUTE format(q, 'x') INTO a;
	EXECUTE format(q, 'x_heap') INTO b;
	FOR plan IN EXECUTE 'EXPLAIN (COSTS OFF) ' || format(q, 'x') LOOP
		IF plan ~ 'Index|Bitmap|Seq Scan|Custom' AND kind = '' THEN kind := regexp_replace(plan, '^[ >-]*(\w+ ?\w+ ?\w*).*', '\1'); END IF;
	END LOOP;
	RETURN CASE WHEN a IS NOT DISTINCT FROM b THEN 'same: ' ELSE 'DIFFERENT: ' || coalesce(a, 'null') || ' / ' END || coalesce(b, 'null');
END $$;

CREATE FUNCTION all_same() RETURNS SETOF text LANGUAGE sql AS $$
	SELECT same('SELECT string_agg(k::text, '','' ORDER BY k) FROM %s WHERE k IN (1, 2999, 3000, 3001, 3600, 5000)') UNION ALL
	SELECT same('SELECT count(*) || '' '' || sum(k) FROM %s WHERE k BETWEEN 2900 AND 3700') UNION ALL
	SELECT same('SELECT string_agg(k::text, '' '') FROM (SELECT k FROM %s WHERE h = ''h3'' ORDER BY h, t DESC LIMIT 5) q') UNION ALL
	SELECT same('SELECT string_agg(k::text, '' '') FROM (SELECT k FROM %s ORDER BY k DESC LIMIT 5 OFFSET 498) q') UNION ALL
	SELECT same('SELECT count(*) || '' '' || sum(k) FROM %s WHERE h = ''h7''') UNION ALL
	SELECT same('SELECT count(*) || '' '' || sum(k) FROM %s WHERE tags @> ARRAY[''t7'']') UNION ALL
	SELECT same('SELECT count(*) || '' '' || sum(k) FROM %s WHERE tags && ARRAY[''t7'', ''u2'']') UNION ALL
	SELECT same('SELECT count(*) || '' '' || sum(k) FROM %s WHERE doc @> ''{"k": 3}''') UNION ALL
	SELECT same('SELECT count(*) || '' '' || sum(k) FROM %s WHERE p <@ box ''((10,10),(20,20))''') UNION ALL
	SELECT same('SELECT string_agg(k::text, '' '' ORDER BY k) FROM (SELECT k FROM %s ORDER BY p <-> point ''(50.1,20.2)'' LIMIT 3) q') UNION ALL
	SELECT same('SELECT count(*) || '' '' || sum(k) FROM %s WHERE r @> 3000') UNION ALL
	SELECT same('SELECT count(*) || '' '' || sum(k) FROM %s WHERE r && int4range(2998, 3600)') UNION ALL
	SELECT same('SELECT count(*) || '' '' || sum(k) FROM %s WHERE upper(h) = ''H4'' AND k %% 7 = 2 AND k %% 2 = 0') UNION ALL
	SELECT same('SELECT count(*) || '' '' || sum(k) FROM %s WHERE h = ''h7'' AND k < 3300 AND tags @> ARRAY[''t7'']') UNION ALL
	SELECT same('SELECT count(*) || '' '' || sum(k) FROM %s WHERE h = ''h7'' OR k BETWEEN 3490 AND 3510') UNION ALL
	SELECT same('SELECT count(*) || '' '' || sum(k) FROM %s WHERE t >= ''2026-01-02+00'' AND t < ''2026-01-03+00''') UNION ALL
	SELECT same('SELECT count(*) FROM %1$s a JOIN %1$s b ON b.k = a.k + 1 WHERE a.h = ''h1''') $$;

SELECT * FROM all_same();
SET enable_seqscan = off; SET enable_bitmapscan = off;
SELECT * FROM all_same();
SET enable_bitmapscan = on; SET enable_indexscan = off; SET enable_indexonlyscan = off; SET effective_io_concurrency = 10;
SELECT * FROM all_same();
-- lossy bitmaps
SET work_mem = '64kB';
SELECT * FROM all_same();
RESET ALL; SET jit = off;
SET tsdb_am.direct_load_rows = 0;

-- rows that move take their entries along
SELECT tsdb.compress('x');
SET enable_seqscan = off;
SELECT * FROM all_same();
SELECT tsdb.recompress('x') > 0;
SELECT * FROM all_same();
VACUUM x;
SELECT * FROM all_same();
SELECT tsdb.decompress('x');
SELECT * FROM all_same();
VACUUM x;
SELECT * FROM all_same();
SELECT tsdb.compress('x');
VACUUM x;
VACUUM x;
SELECT * FROM all_same();
RESET enable_seqscan;

-- REINDEX, CONCURRENTLY
REINDEX TABLE x;
SELECT * FROM all_same();
REINDEX TABLE CONCURRENTLY x;
SET enable_seqscan = off;
SELECT * FROM all_same();
RESET enable_seqscan;
DROP INDEX x_ht, x_k;
CREATE UNIQUE INDEX CONCURRENTLY x_k ON x (k);
CREATE INDEX CONCURRENTLY x_ht ON x (h, t DESC);
SELECT indexrelid::regclass, indisvalid FROM pg_index WHERE indrelid = 'x'::regclass ORDER BY (indexrelid::regclass)::text;

-- parallel build
SET max_parallel_maintenance_workers = 2; SET min_parallel_table_scan_size = 0; SET maintenance_work_mem = '64MB';
ALTER TABLE x SET (parallel_workers = 2);
CREATE UNIQUE INDEX x_par ON x (k, h);
RESET max_parallel_maintenance_workers; RESET min_parallel_table_scan_size; RESET maintenance_work_mem;
SET enable_seqscan = off;
SELECT count(*), sum(k) FROM (SELECT k, h FROM x ORDER BY k, h) q;
RESET enable_seqscan;
DROP INDEX x_par;

-- uniqueness sees rows of both stores
INSERT INTO x SELECT * FROM x_heap WHERE k = 5;
INSERT INTO x SELECT * FROM x_heap WHERE k = 3900 ON CONFLICT DO NOTHING;
-- (which process finds it first is not said)
\set SHOW_CONTEXT never
CREATE UNIQUE INDEX x_fail ON x (h);
\set SHOW_CONTEXT errors
SELECT count(*) FROM x;
INSERT INTO x SELECT t, k + 10000, h, tags, p, r, doc FROM x_heap WHERE k <= 10;
INSERT INTO x_heap SELECT t, k + 10000, h, tags, p, r, doc FROM x_heap WHERE k <= 10;
CREATE TABLE dup (t timestamptz, k int) USING tsdb;
SET tsdb_am.direct_load_rows = 10;
INSERT INTO dup SELECT '2026-01-01'::timestamptz + g * interval '1 s', g FROM generate_series(1, 100) g;
SET tsdb_am.direct_load_rows = 0;
INSERT INTO dup VALUES ('2026-01-02', 50);
CREATE UNIQUE INDEX ON dup (k);
DROP TABLE dup;

-- CLUSTER and VACUUM FULL
CLUSTER x USING x_k;
SELECT twin_diff('x', 'x_heap'), chunk_rows('x');
SELECT * FROM all_same();
CLUSTER x USING x_gist;
SELECT twin_diff('x', 'x_heap');
VACUUM FULL x;
SELECT twin_diff('x', 'x_heap'), chunk_rows('x');
SET enable_seqscan = off;
SELECT * FROM all_same();
RESET enable_seqscan;

-- exclusion constraint
CREATE TABLE ex (t timestamptz NOT NULL, r int4range, EXCLUDE USING gist (r WITH &&)) USING tsdb;
INSERT INTO ex SELECT '2026-01-01'::timestamptz + g * interval '1 s', int4range(g * 10, g * 10 + 5) FROM generate_series(1, 100) g;
SELECT tsdb.compress('ex');
INSERT INTO ex VALUES ('2026-01-02', int4range(501, 503));
INSERT INTO ex VALUES ('2026-01-02', int4range(506, 508));
SELECT count(*) FROM ex;
DROP TABLE ex, x, x_heap;
DROP FUNCTION all_same, same;

-- each backend remembers the directories that it fetched from: TRUNCATE, rewrites, moves and rollbacks must not mislead it
CREATE TABLE idx_remember (id int, v text) USING tsdb;
INSERT INTO idx_remember SELECT g, 'old ' || g FROM generate_series(1, 3000) g;
CREATE UNIQUE INDEX idx_remember_id ON idx_remember (id);
SELECT tsdb.compress('idx_remember') >= 0 AS compressed;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
PREPARE remember AS SELECT id, v FROM idx_remember WHERE id = ANY ($1) ORDER BY id;
EXECUTE remember ('{1,1500,3000}');
-- a failed rewrite leaves the files as they were
BEGIN;
TRUNCATE idx_remember;
INSERT INTO idx_remember SELECT g, 'lost ' || g FROM generate_series(1, 3000) g;
EXECUTE remember ('{1,1500,3000}');
ROLLBACK;
EXECUTE remember ('{1,1500,3000}');
-- numbers start again
TRUNCATE idx_remember;
INSERT INTO idx_remember SELECT g, 'new ' || g FROM generate_series(3000, 1, -1) g;
SELECT tsdb.compress('idx_remember') > 0 AS compressed;
EXECUTE remember ('{1,1500,3000}');
INSERT INTO idx_remember SELECT g, 'more ' || g FROM generate_series(3001, 3010) g;
SELECT tsdb.compress('idx_remember') > 0 AS compressed;
EXECUTE remember ('{1,3000,3001,3010}');
SELECT tsdb.recompress('idx_remember') > 0 AS recompressed;
EXECUTE remember ('{1,3000,3001,3010}');
BEGIN;
SELECT tsdb.decompress('idx_remember') > 0 AS decompressed;
EXECUTE remember ('{1,3000,3001,3010}');
ROLLBACK;
EXECUTE remember ('{1,3000,3001,3010}');
VACUUM FULL idx_remember;
EXECUTE remember ('{1,3000,3001,3010}');
INSERT INTO idx_remember VALUES (3000, 'again');
RESET enable_seqscan;
RESET enable_bitmapscan;
DEALLOCATE remember;
DROP TABLE idx_remember;
