-- Values that are long, compressed inline, or out of line: none may be lost or cut when rows move,
-- and TOAST values of moved rows must not stay behind.
CREATE TABLE big_heap (t timestamptz, id int, v text) USING heap;
CREATE TABLE big (t timestamptz, id int, v text) USING tsdb;
INSERT INTO big_heap SELECT '2026-01-01'::timestamptz + g * interval '1 s', g,
	CASE g % 6 WHEN 0 THEN repeat('abc' || g, 20000) WHEN 1 THEN (SELECT string_agg(md5(g::text || h), '') FROM generate_series(1, 300) h)
		WHEN 2 THEN NULL WHEN 3 THEN '' WHEN 4 THEN repeat('z', 3000) ELSE g::text END
	FROM generate_series(1, 600) g;
SET tsdb_am.direct_load_rows = 0;
INSERT INTO big SELECT * FROM big_heap;
RESET tsdb_am.direct_load_rows;
SELECT twin_diff('big', 'big_heap');
SELECT tsdb.compress('big');
SELECT twin_diff('big', 'big_heap');
SELECT tsdb.recompress('big') > 0;
SELECT twin_diff('big', 'big_heap');
SELECT tsdb.decompress('big');
SELECT twin_diff('big', 'big_heap');
SELECT tsdb.compress('big');
-- TOAST values of rows that moved go with vacuum: only chunk tuples stay
VACUUM big;
SELECT count(DISTINCT length(v)) = (SELECT count(DISTINCT length(v)) FROM big_heap) FROM big;

-- rows with values over 256 KB stay in the row store, whatever is done
CREATE TABLE huge (t timestamptz, v text) USING tsdb;
SET tsdb_am.direct_load_rows = 100;
INSERT INTO huge SELECT '2026-01-01'::timestamptz + g * interval '1 s', CASE WHEN g % 100 = 0 THEN repeat('0123456789', 60000 + g) ELSE 'small' END
	FROM generate_series(1, 1000) g;
RESET tsdb_am.direct_load_rows;
SELECT chunk_rows('huge'), count(*), sum(length(v)) FROM huge;
SELECT tsdb.compress('huge');
SELECT chunk_rows('huge'), count(*), sum(length(v)) FROM huge;
SELECT tsdb.decompress('huge');
SELECT chunk_rows('huge'), count(*), sum(length(v)) FROM huge;

-- rows that heap refuses: a table that holds them could not be updated, decompressed or made one of heap
DO $$ BEGIN
	EXECUTE 'CREATE TABLE wide (t timestamptz, s tsquery, ' || (SELECT string_agg(format('c%s float8', g), ', ') FROM generate_series(1, 1100) g) || ') USING tsdb';
	EXECUTE 'CREATE TABLE wide_text (t timestamptz, ' || (SELECT string_agg(format('c%s text', g), ', ') FROM generate_series(1, 800) g) || ') USING tsdb';
END $$;
CREATE FUNCTION wide_rows(rel regclass, n int, value text, filled int) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('INSERT INTO %s SELECT now(), %s FROM generate_series(1, %s) g', rel,
		(SELECT string_agg(CASE WHEN attnum - 1 <= filled THEN format('(%s)::text::%s', value, atttypid::regtype) ELSE 'NULL' END, ', ' ORDER BY attnum)
		 FROM pg_attribute WHERE attrelid = rel AND attnum > 1), n);
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SELECT wide_rows('wide', n, '5', 1101) FROM unnest('{10, 2000}'::int[]) n;
SELECT wide_rows('wide', 2000, '5', 900);
INSERT INTO wide SELECT now(), string_agg('word' || g, ' & ')::tsquery FROM generate_series(1, 1000) g, generate_series(1, 2000) r GROUP BY r;
SELECT wide_rows('wide_text', 2000, $$'ab' || g$$, 800);
SELECT wide_rows('wide_text', 2000, $$repeat(md5(g::text), 2)$$, 800);
SELECT wide_rows('wide_text', 2000, $$repeat(md5(g::text), 2)$$, 300);
SELECT chunk_rows('wide') > 0, count(*), sum(c899), count(c900) FROM wide;
SELECT chunk_rows('wide_text') > 0, count(*), count(c300), count(c301) FROM wide_text;
UPDATE wide SET c1 = 6;
ALTER TABLE wide SET ACCESS METHOD heap;
ALTER TABLE wide_text SET ACCESS METHOD heap;
DROP FUNCTION wide_rows;
DROP TABLE wide, wide_text;

-- a mix of TOAST values and chunks in one relation, after updates and vacuum
UPDATE huge SET v = v || 'x' WHERE length(v) > 10;
SELECT tsdb.compress('huge');
DELETE FROM huge WHERE length(v) > 10;
VACUUM huge;
SELECT chunk_rows('huge'), count(*), sum(length(v)) FROM huge;
DROP TABLE big, big_heap, huge;
