-- Pages of the row store that are known to have no row that matches are left out, and never one that has.
SET tsdb_am.direct_load_rows = 0;
SET tsdb_am.enable_custom_scan = on;
SET max_parallel_workers_per_gather = 0;
CREATE SCHEMA scan_rows;
SET search_path = scan_rows, public;
CREATE TABLE r (t timestamptz NOT NULL, host text, v int) USING tsdb WITH (segmentby = 'host', orderby = 't');
CREATE TABLE r_heap (LIKE r);
CREATE FUNCTION skipped(query text) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
	j json;
BEGIN
	EXECUTE 'EXPLAIN (ANALYZE, TIMING OFF, FORMAT json) ' || query INTO j;
	RETURN (j->0->'Plan'->>'Row Store Pages Skipped')::int;
END $$;
-- the same rows as heap, twice: when pages are summarised and when summaries are used
CREATE FUNCTION same(cond text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	mine text;
	heaps text;
BEGIN
	EXECUTE 'SELECT count(*) || '' '' || coalesce(md5(string_agg(x::text, '','' ORDER BY x::text)), '''') FROM r_heap x WHERE ' || cond INTO heaps;
	FOR i IN 1..2 LOOP
		EXECUTE 'SELECT count(*) || '' '' || coalesce(md5(string_agg(x::text, '','' ORDER BY x::text)), '''') FROM r x WHERE ' || cond INTO mine;
		IF mine <> heaps THEN
			RETURN format('look %s: %s, heap has %s', i, mine, heaps);
		END IF;
	END LOOP;
	RETURN 'same ' || split_part(heaps, ' ', 1);
END $$;
INSERT INTO r_heap SELECT '2026-01-01+00'::timestamptz + g * interval '1 min', 'h' || g / 500, g FROM generate_series(1, 20000) g;
INSERT INTO r SELECT * FROM r_heap;
VACUUM r;
SELECT same('t < ''2026-01-01 10:00+00'''), same('t BETWEEN ''2026-01-05+00'' AND ''2026-01-05 01:00+00'''), same('host = ''h7'''), same('host IN (''h7'', ''h39'', ''none'')');
SELECT skipped('SELECT * FROM r WHERE t < ''2026-01-01 10:00+00''') > 100 AS by_time, skipped('SELECT * FROM r WHERE host = ''h7''') > 100 AS by_series,
	skipped('SELECT * FROM r WHERE t < ''2026-01-10+00'' AND host = ''h39''') > 100 AS by_both, skipped('SELECT * FROM r WHERE v = 7') AS by_neither;
-- rows that come into pages that are known
DELETE FROM r WHERE v % 3 = 0; DELETE FROM r_heap WHERE v % 3 = 0;
VACUUM r;
INSERT INTO r_heap SELECT '2025-01-01+00'::timestamptz + g * interval '1 min', 'old', -g FROM generate_series(1, 3000) g;
INSERT INTO r SELECT * FROM r_heap WHERE v < 0;
SELECT pg_relation_size('r') < 1500000 AS reused;
SELECT same('t < ''2026-01-01+00'''), same('host = ''old'''), same('t > ''2026-01-01+00'' AND host <> ''old''');
UPDATE r SET t = t - interval '10 years', host = 'moved' WHERE v % 100 = 1; UPDATE r_heap SET t = t - interval '10 years', host = 'moved' WHERE v % 100 = 1;
SELECT same('t < ''2020-01-01+00'''), same('host = ''moved'''), same('host = ''moved'' AND v > 10000');
-- in the own transaction, and rolled back
BEGIN;
UPDATE r SET t = '2030-01-01+00' WHERE v = 5000; UPDATE r_heap SET t = '2030-01-01+00' WHERE v = 5000;
SELECT same('t = ''2030-01-01+00''');
SAVEPOINT a;
INSERT INTO r VALUES ('2031-01-01+00', 'sub', 1);
SELECT count(*) FROM r WHERE host = 'sub';
ROLLBACK TO a;
SELECT count(*) FROM r WHERE host = 'sub';
DECLARE c CURSOR FOR SELECT v FROM r WHERE host = 'later' OR t = '2030-01-01+00';
INSERT INTO r VALUES ('2032-01-01+00', 'later', 2);
FETCH ALL FROM c;
SELECT count(*) FROM r WHERE host = 'later';
ROLLBACK;
BEGIN; UPDATE r_heap SET t = '2030-01-01+00' WHERE v = 5000; ROLLBACK;
SELECT same('t = ''2030-01-01+00'''), count(*) FROM r WHERE host = 'later';
-- columns that a failed transaction had in the place of others
BEGIN; ALTER TABLE r ADD COLUMN x int; INSERT INTO r SELECT '2026-03-01+00', 'h1', g, 77 FROM generate_series(1, 2000) g; ROLLBACK;
ALTER TABLE r ADD COLUMN x text; ALTER TABLE r_heap ADD COLUMN x text;
ALTER TABLE r SET (segmentby = 'x');
SELECT same('x = ''y'''), same('x IS NULL AND t < ''2026-01-02+00''');
INSERT INTO r VALUES ('2026-02-01+00', 'h1', 1, 'y'); INSERT INTO r_heap VALUES ('2026-02-01+00', 'h1', 1, 'y');
SELECT same('x = ''y'''), same('host = ''h7''');
ALTER TABLE r SET (segmentby = 'host');
SELECT same('host = ''h7'''), same('x = ''y''');
-- NULLs, infinities, long values
INSERT INTO r VALUES ('infinity', NULL, 9), ('-infinity', repeat('long', 1000), 9), ('2026-01-03+00', repeat('x', 100000), 9);
INSERT INTO r_heap VALUES ('infinity', NULL, 9), ('-infinity', repeat('long', 1000), 9), ('2026-01-03+00', repeat('x', 100000), 9);
SELECT same('t = ''infinity'''), same('t < ''0001-01-01+00'''), same('host = repeat(''long'', 1000)'), same('host = repeat(''x'', 100000)'), same('host IS NULL'), same('host IS NULL AND t > ''2026-01-01+00''');
-- moved to chunks, back, and cut off
SELECT tsdb.compress('r') > 0, same('host = ''h7'''), same('t < ''2026-01-01 10:00+00''');
SELECT tsdb.decompress('r') > 0, same('host = ''h7'''), same('t < ''2026-01-01 10:00+00'''), same('host = ''old''');
TRUNCATE r;
INSERT INTO r SELECT * FROM r_heap ORDER BY v DESC;
SELECT same('host = ''h7'''), same('t < ''2026-01-01 10:00+00'''), same('host = ''old''');
BEGIN; TRUNCATE r; INSERT INTO r SELECT * FROM r_heap ORDER BY t; SELECT same('host = ''h7'''); ROLLBACK;
SELECT same('host = ''h7'''), same('t < ''2026-01-01 10:00+00''');
VACUUM FULL r;
SELECT same('host = ''h7'''), same('t < ''2026-01-01 10:00+00''');
-- files without WAL have no summaries
CREATE UNLOGGED TABLE u (LIKE r) USING tsdb WITH (segmentby = 'host', orderby = 't');
INSERT INTO u SELECT * FROM r_heap;
SELECT skipped('SELECT * FROM u WHERE host = ''h7'''), skipped('SELECT * FROM u WHERE host = ''h7''');
CREATE TEMP TABLE u2 (LIKE r) USING tsdb WITH (segmentby = 'host', orderby = 't');
INSERT INTO u2 SELECT * FROM r_heap;
SELECT skipped('SELECT * FROM u2 WHERE host = ''h7'''), skipped('SELECT * FROM u2 WHERE host = ''h7''');
-- backward
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT v FROM r WHERE t BETWEEN '2026-01-05+00' AND '2026-01-05 00:05+00';
MOVE FORWARD ALL FROM c; FETCH BACKWARD 1 FROM c; MOVE BACKWARD ALL FROM c; FETCH 1 FROM c;
COMMIT;
-- in order, and the last row of each series
SELECT v FROM r WHERE t < '2026-01-02+00' AND t > '2026-01-01+00' ORDER BY t DESC LIMIT 3;
SELECT count(*), sum(v) FROM (SELECT DISTINCT ON (host) host, v FROM r WHERE t BETWEEN '2026-01-02+00' AND '2026-01-06+00' ORDER BY host, t DESC) x;
SELECT count(*), sum(v) FROM (SELECT DISTINCT ON (host) host, v FROM r_heap WHERE t BETWEEN '2026-01-02+00' AND '2026-01-06+00' ORDER BY host, t DESC) x;
-- inner side of a nested loop
SELECT count(*), sum(r.v) FROM (SELECT 'h' || g AS host FROM generate_series(1, 20) g OFFSET 0) s, LATERAL (SELECT * FROM r WHERE r.host = s.host OFFSET 0) r;
SELECT count(*), sum(r.v) FROM (SELECT 'h' || g AS host FROM generate_series(1, 20) g OFFSET 0) s, LATERAL (SELECT * FROM r_heap r WHERE r.host = s.host OFFSET 0) r;
SET client_min_messages = warning;
DROP SCHEMA scan_rows CASCADE;
