-- What directory entries say about the values of their chunks: column ranges and series filters.  Would break if a writer
-- left a value out, if a range outlived its column's type, or if an order were not the type's own.
SET tsdb_am.direct_load_rows = 100;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET extra_float_digits = 1;
SET intervalstyle = 'postgres';

-- each type's order, at its awkward values
CREATE DOMAIN s_domain AS int2 CHECK (VALUE <> 77);
CREATE TYPE s_enum AS ENUM ('b', 'a');
CREATE TABLE s_types (
	time timestamptz, b bool, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, neg float8, c "char", o oid, lsn pg_lsn, d date, tt time, tz timetz,
	iv interval, n numeric, m money, t text, v varchar(40), by bytea, nm name, u uuid, mac macaddr, mac8 macaddr8, ip inet, dom s_domain,
	nul int, sparse int, bp char(5), e s_enum, arr int[], js jsonb, long numeric, cut text) USING tsdb WITH (orderby = 'time', segmentby = 'nul');
INSERT INTO s_types SELECT '2024-01-01'::timestamptz + i * interval '1 min', i % 2 = 0, i - 100, i * -3, i * 10000000000,
	CASE i % 5 WHEN 0 THEN 'NaN'::float4 WHEN 1 THEN '-Infinity' ELSE i END,
	CASE i % 5 WHEN 0 THEN -'NaN'::float8 ELSE i / 8.0 END, -i / 4.0,
	CASE i % 2 WHEN 0 THEN 'a'::"char" ELSE (-23)::"char" END, (4294967295 - i % 2 * 4294967290)::oid, ('8000000' || i % 2 || '/0')::pg_lsn,
	'2024-01-01'::date + i % 9, '00:00'::time + i * interval '1 s', ('12:00:00+0' || i % 9)::timetz,
	CASE i % 2 WHEN 0 THEN '30 days' ELSE '29 days 25 hours' END::interval,
	CASE i % 7 WHEN 0 THEN -i * 1.50 WHEN 1 THEN 'Infinity'::numeric ELSE i END, (i - 5)::text::money,
	CASE i WHEN 7 THEN '' ELSE (ARRAY['b', 'B', 'ä', 'z', 'a'])[i % 5 + 1] || i END, 'v' || i, decode(lpad(to_hex(i), 4, '0'), 'hex'), 'name ' || i,
	md5(i::text)::uuid, ('08:00:2b:01:02:' || lpad(to_hex(i % 200), 2, '0'))::macaddr, ('ff:00:2b:01:02:03:04:' || lpad(to_hex(i % 200), 2, '0'))::macaddr8,
	CASE i % 3 WHEN 0 THEN '::1' ELSE '10.0.' || i % 250 || '.1/24' END::inet, i % 60,
	NULL, CASE WHEN i % 3 = 0 THEN i END, 'x ', CASE i % 2 WHEN 0 THEN 'a' ELSE 'b' END::s_enum, ARRAY[i], '1', repeat('9', 100)::numeric + i,
	repeat('ä', 7) || 'x' || repeat('ä', i % 3)
	FROM generate_series(1, 300) i;
SELECT "column", min, max, has_nulls, in_filter FROM tsdb.chunk_ranges('s_types');
SELECT * FROM tsdb.verify('s_types');

-- the same as least and greatest of all rows, where there is one chunk
CREATE FUNCTION s_compare(relation regclass) RETURNS TABLE ("column" name, said text, truth text) LANGUAGE plpgsql AS $$
DECLARE
	r record;
	lo text;
	hi text;
	coll text;
BEGIN
	FOR r IN SELECT g.*, format_type(a.atttypid, NULL) AS type FROM tsdb.chunk_ranges(relation) g JOIN pg_attribute a ON attrelid = relation AND attname = g."column" LOOP
		coll := CASE WHEN r.type IN ('text', 'character varying') THEN ' COLLATE "C"' ELSE '' END;
		-- (bool, uuid and others have no min() or max())
		EXECUTE format('SELECT (SELECT format(''%%s'', %1$I) FROM %2$s WHERE %1$I IS NOT NULL ORDER BY %1$I%3$s LIMIT 1), (SELECT format(''%%s'', %1$I) FROM %2$s WHERE %1$I IS NOT NULL ORDER BY %1$I%3$s DESC LIMIT 1)',
			r."column", relation, coll) INTO lo, hi;
		IF (r.min, r.max) IS DISTINCT FROM (lo, hi) THEN
			"column" := r."column";
			said := r.min || ' .. ' || r.max;
			truth := lo || ' .. ' || hi;
			RETURN NEXT;
		END IF;
	END LOOP;
END $$;
-- (but for strings that were cut)
SELECT * FROM s_compare('s_types');

-- a chunk of NULLs; one row; an empty string
CREATE TABLE s_nulls (time timestamptz, host text, v int, f float8) USING tsdb WITH (segmentby = 'host', orderby = 'time');
INSERT INTO s_nulls SELECT NULL FROM generate_series(1, 150);
INSERT INTO s_nulls SELECT '2024-01-01', CASE WHEN i % 2 = 0 THEN '' END, NULL, '-0' FROM generate_series(1, 150) i;
SELECT dense_rank() OVER (ORDER BY chunk), "column", min, max, has_nulls, in_filter FROM tsdb.chunk_ranges('s_nulls') ORDER BY chunk;
SELECT * FROM tsdb.verify('s_nulls');

-- which series columns the filter covers: not where values are too many, nor where equality is not that of bytes
CREATE TABLE s_series (time timestamptz, few text, many text, i int, e s_enum, dom s_domain, f float8, n numeric, u uuid, late "char", b bytea, nm name) USING tsdb
	WITH (orderby = 'time', segmentby = 'few, many, i, e, dom, f, n, u, late, b, nm');
INSERT INTO s_series SELECT '2024-01-01'::timestamptz + i * interval '1 min', CASE WHEN i % 5 > 0 THEN 'host ' || i % 5 END, 'm' || i, i % 10, CASE i % 2 WHEN 0 THEN 'a' ELSE 'b' END::s_enum,
	i % 4, i % 3, i % 3, md5((i % 5)::text)::uuid, 'x', 'y', 'z'
	FROM generate_series(1, 1000) i;
SELECT "column" FROM tsdb.chunk_ranges('s_series') WHERE in_filter;
SELECT * FROM tsdb.verify('s_series');

-- 153 values are told apart, 1,000 are not; cold and hot, of numbers and strings, with dictionary and without
CREATE TABLE s_full (time timestamptz, v int8, t text) USING tsdb WITH (orderby = 'time', segmentby = 'v');
INSERT INTO s_full SELECT '2024-01-01'::timestamptz + i * interval '1 min', i % 1000 * 1000000007::int8, repeat(md5((i % 10)::text), 3) FROM generate_series(1, 10000) i;
ALTER TABLE s_full SET (segmentby = 't');
INSERT INTO s_full SELECT '2024-02-01'::timestamptz + i * interval '1 min', i % 100, repeat(md5((i % 10)::text), 3) FROM generate_series(1, 10000) i;
ALTER TABLE s_full SET (segmentby = 'v');
INSERT INTO s_full SELECT '2024-03-01'::timestamptz + i * interval '1 min', i % 100 * 1000000007::int8, md5(i::text) FROM generate_series(1, 10000) i;
SELECT dense_rank() OVER (ORDER BY chunk), "column", min, max, in_filter FROM tsdb.chunk_ranges('s_full') ORDER BY chunk;
SELECT tsdb.recompress('s_full', true) > 0;
SELECT "column", min, max, has_nulls, in_filter FROM tsdb.chunk_ranges('s_full');
SELECT * FROM tsdb.verify('s_full');

-- every writer: compress, recompress, cold, rewrites
CREATE TABLE s_writers (time timestamptz, host text, v int, f float8) USING tsdb WITH (segmentby = 'host', orderby = 'time', direct_load = off);
INSERT INTO s_writers SELECT '2024-01-01'::timestamptz + i * interval '1 min', 'h' || i % 20, i, i / 8.0 FROM generate_series(1, 2000) i;
SELECT tsdb.compress('s_writers');
SELECT "column", min, max, in_filter FROM tsdb.chunk_ranges('s_writers');
-- rows deleted are in the summaries until a merge
DELETE FROM s_writers WHERE v <= 1000;
INSERT INTO s_writers SELECT '2024-02-01'::timestamptz + i * interval '1 min', 'i' || i % 20, -i, i / 8.0 FROM generate_series(1, 2000) i;
SELECT tsdb.compress('s_writers');
SELECT "column", min, max, in_filter FROM tsdb.chunk_ranges('s_writers');
SELECT tsdb.recompress('s_writers');
SELECT "column", min, max, in_filter FROM tsdb.chunk_ranges('s_writers');
SELECT tsdb.recompress('s_writers', true);
SELECT "column", min, max, in_filter FROM tsdb.chunk_ranges('s_writers');
VACUUM FULL s_writers;
SELECT "column", min, max, in_filter FROM tsdb.chunk_ranges('s_writers');
CREATE INDEX s_writers_v ON s_writers (v);
-- a chunk that lacks a column says nothing about it; a rewrite gives it one
ALTER TABLE s_writers ADD COLUMN g text DEFAULT 'default', DROP COLUMN f;
SELECT "column", min, max, in_filter FROM tsdb.chunk_ranges('s_writers');
CLUSTER s_writers USING s_writers_v;
SELECT "column", min, max, in_filter FROM tsdb.chunk_ranges('s_writers');
SELECT * FROM tsdb.verify('s_writers');
ALTER TABLE s_writers SET (direct_load = on);
ALTER TABLE s_writers ALTER COLUMN v TYPE text;
SELECT "column", min, max, in_filter FROM tsdb.chunk_ranges('s_writers');
SELECT * FROM tsdb.verify('s_writers');

-- another type without a rewrite: what the type's order makes of the bytes decides
CREATE DOMAIN s_text AS text;
CREATE TABLE s_retyped (time timestamptz, host varchar, num int, v varchar, w int, ip cidr, x text, y int) USING tsdb WITH (segmentby = 'host, num', orderby = 'time');
INSERT INTO s_retyped SELECT '2024-01-01'::timestamptz + i * interval '1 min', 'h' || i % 3, i % 5 - 2, 'v' || i, i % 5 - 2, '10.1.0.0/16', 'x' || i, 7 FROM generate_series(1, 200) i;
SELECT pg_relation_filenode('s_retyped') AS before \gset
ALTER TABLE s_retyped ALTER COLUMN host TYPE text, ALTER COLUMN num TYPE oid, ALTER COLUMN v TYPE s_text, ALTER COLUMN w TYPE oid, ALTER COLUMN ip TYPE inet,
	ALTER COLUMN x TYPE bpchar, ALTER COLUMN y TYPE regclass;
SELECT pg_relation_filenode('s_retyped') = :before AS kept;
SELECT "column", min, max, in_filter FROM tsdb.chunk_ranges('s_retyped');
SELECT * FROM tsdb.verify('s_retyped');

-- a wide table: series and time first, then as many as there is room for
DO $$
BEGIN
	EXECUTE 'CREATE TABLE s_wide (' || (SELECT string_agg(format('c%s text', i), ', ') FROM generate_series(1, 200) i) ||
		', host text, time timestamptz) USING tsdb WITH (segmentby = ''host'', orderby = ''time'')';
END $$;
INSERT INTO s_wide (c1, c2, c200, host, time) SELECT 'some long text ' || i, 'a', 'z', 'h' || i % 3, '2024-01-01'::timestamptz + i * interval '1 min' FROM generate_series(1, 200) i;
SELECT count(*), max(length(min)) FROM tsdb.chunk_ranges('s_wide');
SELECT "column", min, max, in_filter FROM tsdb.chunk_ranges('s_wide') WHERE "column" !~ '^c[0-9]*[13-9]$' AND "column" !~ '^c..' OR "column" = 'c200';
SELECT * FROM tsdb.verify('s_wide');

-- the bytes are on-disk format: those of other releases must be the same (doc/format.md has this table)
CREATE TABLE s_golden (time timestamptz NOT NULL, sensor text, celsius float8, door int2) USING tsdb WITH (segmentby = 'sensor, door', orderby = 'time');
SET tsdb_am.direct_load_rows = 1;
INSERT INTO s_golden VALUES ('2026-01-01 00:00+00', 'cellar', 11.5, NULL), ('2026-01-01 00:00+00', 'attic', 20.25, 1),
	('2026-01-01 00:01+00', 'cellar', 11.5, NULL), ('2026-01-01 00:01+00', 'attic', 20.5, -1), ('2026-01-01 00:02+00', 'attic, above the stairs', 20.75, 0);
CREATE FUNCTION s_sections(relation regclass) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE format('SELECT encode(substring(chunk_data FROM 129), ''hex'') FROM %s WHERE chunk_id = 1', (SELECT reltoastrelid::regclass FROM pg_class WHERE oid = relation)) INTO result;
	RETURN result;
END $$;
SELECT regexp_replace(s_sections('s_golden'), '(.{64})', E'\\1\n', 'g');

-- only who may read a column sees its values
CREATE ROLE s_reader;
GRANT SELECT (time) ON s_writers TO s_reader;
SET ROLE s_reader;
SELECT "column", min, max FROM tsdb.chunk_ranges('s_writers');
SELECT count(*) FROM tsdb.chunk_ranges('s_types');
RESET ROLE;

DROP TABLE s_types, s_nulls, s_series, s_full, s_writers, s_retyped, s_wide, s_golden;
DROP FUNCTION s_compare, s_sections;
DROP DOMAIN s_domain, s_text;
DROP TYPE s_enum;
DROP ROLE s_reader;
