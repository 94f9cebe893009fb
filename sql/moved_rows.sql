-- Rows on their way from row-store pages into chunks, and their index entries.  Columns are read where they lie on the page, if all rows of it are
-- complete and plain; entries are made of the columns that indexes read.  What would break it: a value read at a wrong offset (padding, headers of
-- one byte or four, a page with NULLs or with rows from before ADD COLUMN), or a column that an index reads and nobody fetched.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS amcheck;
RESET client_min_messages;
SET tsdb_am.direct_load_rows = 0;
SET timezone = 'UTC';

CREATE TABLE mv_h (b bool, t text, i2 int2, c "char", poly polygon, f4 float4, u uuid, n name, i8 int8, p text, num numeric, arr int8[], tail bool, time timestamptz);
ALTER TABLE mv_h ALTER p SET STORAGE PLAIN;
CREATE TABLE mv_t (LIKE mv_h INCLUDING STORAGE) USING tsdb WITH (segmentby = 'n', orderby = 'time');

CREATE FUNCTION mv_fill(first int, rows int, len int, with_nulls bool) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO mv_h SELECT g % 3 = 0, repeat(chr(97 + g % 26), g % len), g * 7 % 30000 - 15000, chr(1 + g % 120), polygon(box(point(g, 1), point(2, g % 5))),
		g / 3.0, md5(g::text)::uuid, 'series ' || g % 10, -g * 1000000007::int8, repeat('p', g % 9), CASE WHEN with_nulls AND g % 4 = 0 THEN NULL ELSE g * 1.23 END,
		ARRAY[g, -g], g % 2 = 0, timestamptz '2024-01-01' + g * interval '1 s'
	FROM generate_series(first, first + rows - 1) g;
	INSERT INTO mv_t SELECT * FROM mv_h WHERE time BETWEEN timestamptz '2024-01-01' + first * interval '1 s' AND timestamptz '2024-01-01' + (first + rows - 1) * interval '1 s';
END $$;
CREATE FUNCTION mv_differ() RETURNS TABLE (missing bigint, extra bigint, damage bigint) LANGUAGE sql AS $$
	SELECT (SELECT count(*) FROM (SELECT mv_h::text FROM mv_h EXCEPT ALL SELECT mv_t::text FROM mv_t) a),
		(SELECT count(*) FROM (SELECT mv_t::text FROM mv_t EXCEPT ALL SELECT mv_h::text FROM mv_h) b), (SELECT count(*) FROM tsdb.verify('mv_t'));
$$;

-- complete rows; lengths around where a header grows to four bytes
SELECT mv_fill(1, 3000, 200, false);
SELECT tsdb.compress('mv_t');
SELECT * FROM mv_differ();
-- storage changed under rows that are there: headers of four bytes where one would do
SELECT mv_fill(3100, 500, 20, false);
ALTER TABLE mv_h ALTER p SET STORAGE EXTENDED;
ALTER TABLE mv_t ALTER p SET STORAGE EXTENDED;
SELECT tsdb.compress('mv_t');
SELECT * FROM mv_differ();
-- NULLs on some pages
SELECT mv_fill(4000, 50, 20, false), mv_fill(4100, 500, 20, true), mv_fill(5000, 2000, 20, false);
SELECT tsdb.compress('mv_t');
SELECT * FROM mv_differ();
-- values compressed in line, and out of line
SELECT mv_fill(8000, 100, 8000, false);
INSERT INTO mv_h SELECT b, (SELECT string_agg(md5(g::text), '') FROM generate_series(1, 500) g), i2, c, poly, f4, u, n, i8, p, num, arr, tail, time + interval '1 year' FROM mv_h WHERE i8 = -1000000007;
INSERT INTO mv_t SELECT * FROM mv_h WHERE time > '2024-12-01';
SELECT tsdb.compress('mv_t');
SELECT * FROM mv_differ();
-- rows with fewer columns than the table has now, beside new ones on one page; then a dropped column
SELECT mv_fill(20000, 100, 20, false);
ALTER TABLE mv_h ADD COLUMN later int DEFAULT 5, ADD COLUMN empty text;
ALTER TABLE mv_t ADD COLUMN later int DEFAULT 5, ADD COLUMN empty text;
SELECT mv_fill(21000, 100, 20, false);
UPDATE mv_h SET later = 6, empty = 'x' WHERE i8 % 3 = 0;
UPDATE mv_t SET later = 6, empty = 'x' WHERE i8 % 3 = 0;
SELECT tsdb.compress('mv_t') > 200 AS moved;
SELECT * FROM mv_differ();
ALTER TABLE mv_h DROP COLUMN i2, DROP COLUMN later, DROP COLUMN empty;
ALTER TABLE mv_t DROP COLUMN i2, DROP COLUMN later, DROP COLUMN empty;
UPDATE mv_h SET b = NOT b WHERE i8 % 5 = 0;
UPDATE mv_t SET b = NOT b WHERE i8 % 5 = 0;
SELECT tsdb.compress('mv_t') > 200 AS moved;
SELECT * FROM mv_differ();
DROP TABLE mv_h, mv_t;
DROP FUNCTION mv_fill, mv_differ;

-- rows that need no deforming, of by-value columns of each width alone
CREATE TABLE mv_h (a "char", b int2, c int4, d int8, e bool, f float8, g date, h "char");
CREATE TABLE mv_t (LIKE mv_h) USING tsdb WITH (orderby = 'd');
INSERT INTO mv_h SELECT chr(i % 127 + 1), -i % 30000, i * -70000, i * -7000000000, i % 2 = 0, i / 7.0, date '2000-01-01' - i, chr(i % 100 + 1) FROM generate_series(1, 5000) i;
INSERT INTO mv_t SELECT * FROM mv_h;
SELECT tsdb.compress('mv_t');
SELECT count(*) FROM (SELECT * FROM mv_h EXCEPT ALL SELECT * FROM mv_t) a;
SELECT count(*) FROM (SELECT * FROM mv_t EXCEPT ALL SELECT * FROM mv_h) a;
DROP TABLE mv_h, mv_t;

-- index entries: keys, INCLUDE, expressions, predicates, the whole row; a column that no index reads, a dropped one, a BRIN index beside
CREATE TABLE mv_i (id int, gone int, host text, time timestamptz, a float8, b int, note text, unread text) USING tsdb WITH (segmentby = 'host', orderby = 'time');
ALTER TABLE mv_i DROP COLUMN gone;
CREATE FUNCTION mv_whole(r mv_i) RETURNS text IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN RETURN r.note || r.unread; END $$;
CREATE INDEX mv_i_key ON mv_i (host, time DESC) INCLUDE (b);
CREATE INDEX mv_i_expr ON mv_i ((a * 2 + id));
CREATE INDEX mv_i_part ON mv_i (id) WHERE note LIKE 'y%';
CREATE INDEX mv_i_brin ON mv_i USING brin (time);
CREATE FUNCTION mv_check() RETURNS TABLE (key bigint, expr bigint, part bigint, damage bigint) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM bt_index_check(indexrelid, true) FROM pg_index JOIN pg_class c ON c.oid = indexrelid JOIN pg_am m ON m.oid = c.relam WHERE indrelid = 'mv_i'::regclass AND amname = 'btree';
	SET LOCAL enable_seqscan = off;
	SET LOCAL enable_bitmapscan = off;
	RETURN QUERY SELECT (SELECT sum(i.b)::bigint FROM mv_i i WHERE host = 'h3' AND time > '2024-01-01 00:10'), (SELECT count(*) FROM mv_i WHERE a * 2 + id BETWEEN 100 AND 5000),
		(SELECT count(*) FROM mv_i WHERE id < 1500 AND note LIKE 'y%'), (SELECT count(*) FROM tsdb.verify('mv_i'));
END $$;
CREATE FUNCTION mv_add(first int) RETURNS void LANGUAGE sql AS $$
	INSERT INTO mv_i SELECT i, 'h' || i % 7, timestamptz '2024-01-01' + i * interval '1 s', i / 2.0, CASE WHEN i % 11 > 0 THEN i END, CASE i % 3 WHEN 0 THEN 'yes' WHEN 1 THEN 'no' END, 'u' || i
	FROM generate_series(first, first + 1999) i;
$$;
SELECT mv_add(1);
SELECT * FROM mv_check();
SELECT tsdb.compress('mv_i');
SELECT * FROM mv_check();
CREATE INDEX mv_i_whole ON mv_i (mv_whole(mv_i));
SELECT mv_add(2001);
SELECT tsdb.compress('mv_i');
SELECT * FROM mv_check();
SET enable_seqscan = off;
SELECT count(*) FROM mv_i WHERE mv_whole(mv_i) >= 'yesu9';
RESET enable_seqscan;
SELECT tsdb.recompress('mv_i') > 0 AS rewritten;
SELECT * FROM mv_check();
DELETE FROM mv_i WHERE id % 2 = 0;
VACUUM mv_i;
SELECT * FROM mv_check();
SELECT tsdb.decompress('mv_i') > 0 AS decompressed;
SELECT * FROM mv_check();
DROP TABLE mv_i CASCADE;
DROP FUNCTION mv_check, mv_add;
DROP EXTENSION amcheck;
