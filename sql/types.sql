-- A value that changes on its way through a chunk breaks this: every common type, by direct load,
-- by compress, through recompress and back, compared with a heap twin.
SET tsdb_am.direct_load_rows = 1000;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN posint AS int CHECK (VALUE > 0);

CREATE TABLE all_heap (
	i int, t timestamptz, ts timestamp, d date, tm time, tmz timetz, iv interval,
	i2 int2, i8 int8, o oid, b bool, ch "char", f4 float4, f8 float8, n numeric, m money,
	tx text, vc varchar(20), bp char(10), nm name, u uuid, ip inet, ci cidr, mac macaddr, mac8 macaddr8,
	by bytea, bt bit(9), vb varbit, js json, jb jsonb, xm text[], ia int[], fa float8[], tsv tsvector, tsq tsquery,
	p point, bx box, pl path, pg polygon, ci2 circle, ln line, ls lseg,
	r int4range, tr tstzrange, mr int4multirange, mo mood, pr pair, po posint, ov oidvector, lsn pg_lsn, x8 xid8
) USING heap;

INSERT INTO all_heap
SELECT g,
	'2026-01-01 00:00:00+00'::timestamptz + g * interval '10 s',
	'2026-01-01'::timestamp + (g % 77) * interval '1 hour 3 ms',
	'2000-02-29'::date + g % 1000 * CASE WHEN g % 2 = 0 THEN 1 ELSE -1 END,
	'00:00'::time + g * interval '1 s', ('00:00:00+0' || g % 10)::timetz + g * interval '1 s',
	make_interval(months => g % 14, days => -(g % 3), secs => g / 7.0),
	(g % 65536 - 32768)::int2, (g::int8 - 2000) * 4611686018427387, (4294967295 - g)::oid, g % 3 = 0, chr(33 + g % 200)::"char",
	(g / 3.0)::float4, CASE g % 5 WHEN 0 THEN g / 10.0 WHEN 1 THEN sqrt(g::float8) WHEN 2 THEN 94.79799999999999 WHEN 3 THEN g ELSE -0.0::float8 END,
	CASE g % 4 WHEN 0 THEN g::numeric / 7 WHEN 1 THEN 10::numeric ^ (g % 50) WHEN 2 THEN 1.10 ELSE -g END, (g / 100.0)::numeric::money,
	'host_' || g % 13, left(md5(g::text), g % 21), 'x' || g % 5, ('name' || g % 9)::name, md5(g::text)::uuid,
	('10.0.' || g % 256 || '.' || g % 200)::inet, ('10.' || g % 256 || '.0.0/16')::cidr, ('08:00:2b:01:02:' || to_hex(16 + g % 100))::macaddr,
	('08:00:2b:01:02:03:04:' || to_hex(16 + g % 100))::macaddr8,
	decode(repeat(to_hex(16 + g % 16), g % 40), 'hex'), (g % 512)::bit(9), substring((g % 512)::bit(9)::varbit from 1 for g % 10),
	json_build_object('g', g, 's', repeat('y', g % 7)), jsonb_build_object('k', g % 100, 'a', jsonb_build_array(g, NULL, 'z')),
	ARRAY['a' || g, NULL, ''], CASE WHEN g % 3 = 0 THEN '{}' ELSE ARRAY[g, -g, NULL] END, ARRAY[g / 3.0::float8, 'NaN'],
	to_tsvector('simple', 'word' || g || ' other'), ('a' || g % 10 || ' & b')::tsquery,
	point(g, -g), box(point(g, 1), point(2, g)), path '((1,2),(3,4))', polygon '((0,0),(1,1),(2,0))', circle(point(g, 0), 1 + g),
	line(point(0, g), point(1, g + 1)), lseg(point(g, 1), point(1, g)),
	int4range(g, g + 10), tstzrange('2026-01-01+00', '2026-01-01+00'::timestamptz + g * interval '1 min'), int4multirange(int4range(1, 3), int4range(5 + g, 9 + g)),
	(ARRAY['sad', 'ok', 'happy'])[1 + g % 3]::mood, ROW(g, 'p' || g)::pair, 1 + g, ARRAY[g::oid, 2::oid]::oidvector, ('0/' || to_hex(g))::pg_lsn, (g::text)::xid8
FROM generate_series(1, 3000) g;

-- NULLs: single, in runs, whole vectors, all; and the odd values of each type
UPDATE all_heap SET f8 = 'NaN', f4 = 'NaN', n = 'NaN', t = 'infinity', ts = '-infinity', d = 'infinity' WHERE i % 501 = 0;
UPDATE all_heap SET f8 = 'Infinity', f4 = '-Infinity', n = 'Infinity', d = '-infinity', t = '-infinity', i8 = -9223372036854775808, i2 = -32768 WHERE i % 502 = 0;
UPDATE all_heap SET f8 = -0.0, f4 = -0.0, i8 = 9223372036854775807, t = NULL, tx = '', vc = '' WHERE i % 503 = 0;
UPDATE all_heap SET f8 = 4.9406564584124654e-324, f4 = 1.4e-45, n = 0.000000000000000000000000000000000001, tx = repeat('long ', 900) WHERE i % 504 = 0;
INSERT INTO all_heap (i) SELECT g FROM generate_series(3001, 5200) g;
UPDATE all_heap SET tx = NULL, n = NULL, jb = NULL, b = NULL, f8 = NULL, i2 = NULL, u = NULL, bp = NULL WHERE i % 4 = 0 OR i BETWEEN 100 AND 300;

-- direct load
CREATE TABLE all_direct (LIKE all_heap) USING tsdb;
INSERT INTO all_direct SELECT * FROM all_heap;
SELECT twin_diff('all_direct', 'all_heap'), chunk_rows('all_direct');

-- row store, then compress
CREATE TABLE all_moved (LIKE all_heap) USING tsdb;
SET tsdb_am.direct_load_rows = 0;
INSERT INTO all_moved SELECT * FROM all_heap;
RESET tsdb_am.direct_load_rows;
SELECT twin_diff('all_moved', 'all_heap');
SELECT tsdb.compress('all_moved');
SELECT twin_diff('all_moved', 'all_heap'), chunk_rows('all_moved');
SELECT tsdb.recompress('all_moved') > 0;
SELECT twin_diff('all_moved', 'all_heap'), chunk_rows('all_moved');
SELECT tsdb.decompress('all_moved');
SELECT twin_diff('all_moved', 'all_heap'), chunk_rows('all_moved');
SELECT tsdb.compress('all_moved');
SELECT twin_diff('all_moved', 'all_heap'), chunk_rows('all_moved');

-- bits, not just text: floats, and the binary form of everything that has one
SELECT count(*) FROM (SELECT i, float8send(f8), float4send(f4), numeric_send(n), interval_send(iv), textsend(tx), jsonb_send(jb), array_send(fa) FROM all_heap
	EXCEPT SELECT i, float8send(f8), float4send(f4), numeric_send(n), interval_send(iv), textsend(tx), jsonb_send(jb), array_send(fa) FROM all_moved) d;
SELECT count(*) FROM (SELECT i, float8send(f8), float4send(f4), numeric_send(n), interval_send(iv), textsend(tx), jsonb_send(jb), array_send(fa) FROM all_heap
	EXCEPT SELECT i, float8send(f8), float4send(f4), numeric_send(n), interval_send(iv), textsend(tx), jsonb_send(jb), array_send(fa) FROM all_direct) d;

-- operators see proper Datums
SELECT (SELECT count(*) FROM all_direct WHERE o > 4294967000), (SELECT count(*) FROM all_heap WHERE o > 4294967000);
SELECT (SELECT sum(i8::numeric) FROM all_direct) = (SELECT sum(i8::numeric) FROM all_heap);
SELECT count(DISTINCT ch), count(DISTINCT mo), count(DISTINCT u), count(DISTINCT pr) FROM all_direct;
SELECT count(DISTINCT ch), count(DISTINCT mo), count(DISTINCT u), count(DISTINCT pr) FROM all_heap;
SELECT mo, count(*), min(tx COLLATE "C"), max(t AT TIME ZONE 'UTC') FROM all_direct GROUP BY mo ORDER BY mo;
SELECT mo, count(*), min(tx COLLATE "C"), max(t AT TIME ZONE 'UTC') FROM all_heap GROUP BY mo ORDER BY mo;

-- tables without columns, with one, and with many
CREATE TABLE no_columns () USING tsdb;
INSERT INTO no_columns SELECT FROM generate_series(1, 2500);
SELECT count(*) FROM no_columns;
SELECT tsdb.compress('no_columns') >= 0;
SELECT count(*) FROM no_columns;
SELECT tsdb.decompress('no_columns') >= 0;
SELECT count(*) FROM no_columns;
DO $$ BEGIN
	EXECUTE 'CREATE TABLE many (' || (SELECT string_agg(format('c%s %s', g, (ARRAY['int', 'text', 'float8', 'numeric'])[1 + g % 4]), ', ') FROM generate_series(1, 1000) g) || ') USING tsdb';
	EXECUTE 'INSERT INTO many SELECT ' || (SELECT string_agg(CASE WHEN g % 7 = 0 THEN 'NULL' ELSE format('(r + %s)::%s', g, (ARRAY['int', 'text', 'float8', 'numeric'])[1 + g % 4]) END, ', ') FROM generate_series(1, 1000) g) || ' FROM generate_series(1, 1500) r';
END $$;
SELECT count(*), sum(c4), min(c1), count(c7), sum(c1000), max(c998) FROM many;
SELECT tsdb.compress('many') >= 0;
SELECT count(*), sum(c4), min(c1), count(c7), sum(c1000), max(c998) FROM many;
DROP TABLE many;

-- one row of a vector, whose values are read without the others': last rows of series of 300 rows and of 40 (which are too many for that),
-- rows fetched in no order; with columns that came later, one that went, deleted and changed rows
CREATE FUNCTION last_rows(condition text, descending bool) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text; line text; planned bool := false;
	query text := format('SELECT DISTINCT ON (s) * FROM last_tsdb WHERE %s ORDER BY s, seq %s', condition, CASE WHEN descending THEN 'DESC' ELSE '' END);
BEGIN
	FOR line IN EXECUTE 'EXPLAIN ' || query LOOP
		planned := planned OR line ~ 'First of Each Series';
	END LOOP;
	EXECUTE format('SELECT count(*) || '' '' || md5(string_agg(md5(x::text), '''' ORDER BY s)) FROM (%s) x', query) INTO result;
	RETURN CASE WHEN planned THEN result ELSE 'other plan' END;
END $$;
CREATE FUNCTION last_rows_of_heap(condition text, descending bool) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
	EXECUTE format('SELECT count(*) || '' '' || md5(string_agg(md5(x::text), '''' ORDER BY s)) FROM (SELECT * FROM last_heap WHERE seq IN (SELECT %s(seq) FROM last_heap WHERE %s GROUP BY s)) x',
		CASE WHEN descending THEN 'max' ELSE 'min' END, condition) INTO result;
	RETURN result;
END $$;
-- how many of the queries answer other rows than heap does
CREATE FUNCTION last_rows_differ() RETURNS bigint LANGUAGE sql SET enable_sort = off SET tsdb_am.enable_custom_scan = on AS $$
	SELECT count(*) FROM (SELECT 'seq < ' || 5200 - k * 397 AS condition FROM generate_series(0, 12) k UNION ALL SELECT 'seq % 41 <> ' || k || ' AND seq > ' || k * 31 FROM generate_series(0, 6) k UNION ALL SELECT 'true') q,
		unnest('{t,f}'::bool[]) descending
	WHERE last_rows(condition, descending) IS DISTINCT FROM last_rows_of_heap(condition, descending) $$;
CREATE FUNCTION fetched_differ() RETURNS bigint LANGUAGE plpgsql SET enable_seqscan = off SET enable_bitmapscan = off SET tsdb_am.enable_custom_scan = off AS $$
DECLARE k int; heap text; fetched text; n bigint := 0;
BEGIN
	FOR k IN 0..80 LOOP
		SELECT md5(string_agg(h::text, ',' ORDER BY seq)) INTO heap FROM last_heap h WHERE seq IN (k * 7919 % 5200, k * 7919 % 5200 + 1, k * 104729 % 5200);
		SELECT md5(string_agg(h::text, ',' ORDER BY seq)) INTO fetched FROM last_tsdb h WHERE seq IN (k * 7919 % 5200, k * 7919 % 5200 + 1, k * 104729 % 5200);
		n := n + (heap IS DISTINCT FROM fetched)::int;
	END LOOP;
	SELECT md5(string_agg(h::text, ',' ORDER BY key)) INTO heap FROM generate_series(0, 300) g (key), LATERAL (SELECT * FROM last_heap WHERE seq = key * 1009 % 5200 OFFSET 0) h;
	SELECT md5(string_agg(h::text, ',' ORDER BY key)) INTO fetched FROM generate_series(0, 300) g (key), LATERAL (SELECT * FROM last_tsdb WHERE seq = key * 1009 % 5200 OFFSET 0) h;
	RETURN n + (heap IS DISTINCT FROM fetched)::int;
END $$;
CREATE PROCEDURE check_single_rows(size int) LANGUAGE plpgsql AS $$
DECLARE rel text;
BEGIN
	FOREACH rel IN ARRAY '{last_heap,last_tsdb}'::text[] LOOP
		EXECUTE format('CREATE TABLE %s (s int, seq int NOT NULL, LIKE all_heap) USING %s', rel, CASE rel WHEN 'last_heap' THEN 'heap' ELSE 'tsdb WITH (segmentby = ''s'', orderby = ''seq'')' END);
		EXECUTE format('INSERT INTO %s SELECT nullif(i / %s, 3), i, a.* FROM all_heap a', rel, size);
		EXECUTE format('CREATE INDEX ON %s (seq)', rel);
		EXECUTE format('ALTER TABLE %s ADD COLUMN later text DEFAULT ''came later'', ADD COLUMN later_null int, DROP COLUMN mo', rel);
	END LOOP;
	ANALYZE last_heap, last_tsdb;
	IF chunk_rows('last_tsdb') <> 5200 THEN
		PERFORM tsdb.compress('last_tsdb');
	END IF;
	RAISE NOTICE '% a series, % in chunks: % and % differ', size, chunk_rows('last_tsdb'), last_rows_differ(), fetched_differ();
	DELETE FROM last_heap WHERE seq % size IN (size - 1, 0) AND seq % 7 < 4;
	DELETE FROM last_tsdb WHERE seq % size IN (size - 1, 0) AND seq % 7 < 4;
	UPDATE last_heap SET tx = 'changed', later = NULL WHERE seq % size = size - 2 AND seq % 3 = 0;
	UPDATE last_tsdb SET tx = 'changed', later = NULL WHERE seq % size = size - 2 AND seq % 3 = 0;
	RAISE NOTICE 'deleted and changed: % and % differ', last_rows_differ(), fetched_differ();
	DROP TABLE last_heap, last_tsdb;
END $$;
CALL check_single_rows(300);
CALL check_single_rows(40);
