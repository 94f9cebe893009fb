-- TsdbScan against heap: each query runs on heap tables in schema scan_h and on tables of the same contents in schema scan_t,
-- there under several settings, and must return the same rows or the same error.  Only differences are printed.
-- What would break it: a filter or a range that refuses a row which the condition accepts, or lets pass another; columns that
-- the scan thought nobody reads; conditions asked about rows that a barrier or a delete hides; a position lost in a cursor.
\set VERBOSITY terse
\set ECHO none
\pset tuples_only on
\pset format unaligned
SET jit = off;
SET client_min_messages = warning;
SET timezone = 'Europe/Berlin';
SET max_parallel_workers_per_gather = 0;
CREATE SCHEMA scan_h;
CREATE SCHEMA scan_t;
CREATE SCHEMA scan_x;
SET search_path = scan_x, public;

-- What a query returns, as one text; an error is a result like others.
CREATE FUNCTION answer(side text, query text, ordered boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
	PERFORM set_config('search_path', side || ', scan_x, public', true);
	EXECUTE format('SELECT count(*) || '' '' || coalesce(string_agg(q.*::text, '' '' %s), '''') FROM (%s) q',
		CASE WHEN ordered THEN '' ELSE 'ORDER BY q.*::text COLLATE "C"' END, query) INTO result;
	RETURN replace(result, side || '.', '');
EXCEPTION WHEN OTHERS THEN
	-- (its message names a value of whichever row came first)
	RETURN 'error ' || SQLSTATE;
END $$;

-- settings under which the side of tsdb is asked (small tables would have a SeqScan)
CREATE TABLE modes (mode text, settings text[]);
INSERT INTO modes VALUES
	('scan', '{enable_seqscan=off}'),
	('baseline', '{enable_seqscan=off,tsdb_am.simd=baseline}'),
	('parallel', '{enable_seqscan=off,parallel_setup_cost=0,parallel_tuple_cost=0,min_parallel_table_scan_size=0,max_parallel_workers_per_gather=2}'),
	('no scan', '{tsdb_am.enable_custom_scan=off}');

-- Prints where tsdb's answer is not heap's.
CREATE FUNCTION same(query text, ordered boolean DEFAULT false, which text[] DEFAULT '{scan,baseline,parallel,no scan}') RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE wanted text := answer('scan_h', query, ordered); got text; m record; setting text; path text := current_setting('search_path');
BEGIN
	FOR m IN SELECT * FROM modes WHERE mode = ANY (which) LOOP
		FOREACH setting IN ARRAY m.settings LOOP
			PERFORM set_config(split_part(setting, '=', 1), split_part(setting, '=', 2), true);
		END LOOP;
		got := answer('scan_t', query, ordered);
		FOREACH setting IN ARRAY m.settings LOOP
			EXECUTE format('SET LOCAL %s TO DEFAULT', split_part(setting, '=', 1));
		END LOOP;
		SET LOCAL max_parallel_workers_per_gather = 0;
		IF got <> wanted THEN
			RETURN NEXT format(E'DIFFERENT (%s): %s\n  heap: %s\n  tsdb: %s', m.mode, query, left(wanted, 300), left(got, 300));
		END IF;
	END LOOP;
	PERFORM set_config('search_path', path, true);
END $$;

-- A statement on both sides (schema {s}), for its effect alone.
CREATE FUNCTION on_both(statement text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE side text;
BEGIN
	FOREACH side IN ARRAY ARRAY['scan_h', 'scan_t'] LOOP
		PERFORM set_config('search_path', side || ', scan_x, public', true);
		PERFORM set_config('default_table_access_method', CASE side WHEN 'scan_h' THEN 'heap' ELSE 'tsdb' END, true);
		EXECUTE replace(statement, '{s}', side);
	END LOOP;
END $$;

\echo # a difference is seen
SELECT on_both('CREATE TABLE x (id int, v int)');
SELECT on_both($$INSERT INTO x SELECT g, CASE '{s}' WHEN 'scan_t' THEN 0 ELSE g END FROM generate_series(1, 3) g$$);
SELECT same('SELECT id FROM x');
SELECT same('SELECT * FROM x', false, '{scan}');
SELECT same('SELECT id FROM x WHERE 1 / v > 0', false, '{scan,no scan}');
SELECT same('SELECT id FROM x ORDER BY id * sign(v - 1), id', true, '{scan}');
SELECT on_both('DROP TABLE x');

\echo # every type
CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TYPE mood AS ENUM ('low', 'middle', 'high');
ALTER TYPE mood ADD VALUE 'between' BEFORE 'middle';
CREATE DOMAIN small AS int CHECK (VALUE < 1000000);
CREATE DOMAIN word AS text;
CREATE TYPE pair AS (a int, b text);
CREATE FUNCTION value(g int, n int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT (abs(hashint4(g * 31 + n)::bigint) % 10007)::int';
-- rows from a to b of the table of all types
CREATE FUNCTION rows_of(a int, b int) RETURNS TABLE (t timestamptz, gone1 text, id int, host text, b1 bool, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, nu numeric,
	tx text, tc text, tl text, ti text, vc varchar(20), bc char(6), ba bytea, ch "char", oi oid, da date, ts timestamp, tz timestamptz, tm time,
	tt timetz, iv interval, uu uuid, ip inet, cd cidr, mc macaddr, js jsonb, ar int[], ax text[], en mood, dm small, dw word, co pair, mo money, nm name,
	bt bit(4), ls pg_lsn, rg int4range, gone2 int, one text) STABLE LANGUAGE sql AS $$
SELECT '2026-03-28 20:00'::timestamptz + g * interval '37 s', 'gone', g, CASE WHEN g % 41 <> 0 THEN 'host' || g % 23 END,
	CASE g % 3 WHEN 0 THEN true WHEN 1 THEN false END,
	CASE WHEN g % 13 <> 0 THEN CASE g % 97 WHEN 0 THEN 32767 WHEN 1 THEN -32768 ELSE value(g, 1) - 5000 END END::int2,
	CASE WHEN g % 17 <> 0 THEN CASE g % 211 WHEN 0 THEN 2147483647 WHEN 1 THEN -2147483648 ELSE value(g, 2) % 21 - 10 END END,
	CASE WHEN g % 11 <> 0 THEN CASE g % 211 WHEN 0 THEN 9223372036854775807 WHEN 1 THEN -9223372036854775808 WHEN 2 THEN 4294967296 ELSE g END END,
	CASE WHEN g % 19 <> 0 THEN CASE g % 101 WHEN 0 THEN 'NaN' WHEN 1 THEN '-Infinity' WHEN 2 THEN 'Infinity' WHEN 3 THEN '-0' WHEN 4 THEN '0.1' WHEN 5 THEN '1e-40'
		ELSE value(g, 3)::float4 / 8 END END::float4,
	CASE WHEN g % 19 <> 1 THEN CASE g % 101 WHEN 0 THEN 'NaN' WHEN 1 THEN '-Infinity' WHEN 2 THEN 'Infinity' WHEN 3 THEN '-0' WHEN 4 THEN '0.1' WHEN 5 THEN '1e-310'
		ELSE (value(g, 4) % 500) / 10.0::float8 END END::float8,
	CASE WHEN g % 7 <> 0 THEN CASE g % 103 WHEN 0 THEN 'NaN' WHEN 1 THEN 'Infinity' WHEN 2 THEN '-Infinity' WHEN 3 THEN '5.00' WHEN 4 THEN '5' WHEN 5 THEN '-1e50'
		ELSE (value(g, 5) - 5000) / 100.0 END END::numeric,
	CASE WHEN g % 8 <> 0 THEN (ARRAY['Straße', 'strasse', 'Zebra', 'apple', 'Apple', 'äpfel', '', 'b%', 'b_c', 'long common prefix ' || g % 5])[1 + value(g, 6) % 10] END,
	CASE WHEN g % 9 <> 0 THEN chr(97 + g % 26) || md5(g::text) END,
	CASE WHEN g % 10 <> 0 THEN (ARRAY['a', 'B', 'c', 'D', 'ä', 'Z'])[1 + value(g, 7) % 6] || g % 4 END,
	CASE WHEN g % 12 <> 0 THEN (ARRAY['Abc', 'aBC', 'abd', 'ABD', 'x'])[1 + value(g, 8) % 5] END,
	CASE WHEN g % 5 <> 0 THEN 'v' || value(g, 9) END,
	CASE WHEN g % 6 <> 0 THEN repeat('p', g % 4) || g % 3 END,
	CASE WHEN g % 7 <> 1 THEN decode(md5((g % 37)::text), 'hex') || '\x00ff'::bytea END,
	CASE WHEN g % 7 <> 2 THEN chr(33 + g % 90) END::"char",
	CASE WHEN g % 7 <> 3 THEN CASE g % 5 WHEN 0 THEN 4294967295 - g % 4 WHEN 1 THEN 2147483648 ELSE g % 50 END END::oid,
	CASE WHEN g % 7 <> 4 THEN CASE g % 107 WHEN 0 THEN 'infinity' WHEN 1 THEN '-infinity' WHEN 2 THEN '5874897-12-31' WHEN 3 THEN '4714-11-24 BC' ELSE date '2026-03-01' + value(g, 10) % 60 END END,
	CASE WHEN g % 7 <> 5 THEN CASE g % 107 WHEN 0 THEN 'infinity' WHEN 1 THEN '-infinity' WHEN 2 THEN '294276-12-31 23:59:59.999999' WHEN 3 THEN '4714-11-24 00:00:00 BC'
		ELSE '2026-03-28'::timestamp + value(g, 11) * interval '30 s' END END,
	CASE WHEN g % 7 <> 6 THEN CASE g % 107 WHEN 0 THEN 'infinity' WHEN 1 THEN '-infinity' WHEN 2 THEN '294276-12-31 23:59:59.999999+00' WHEN 3 THEN '4714-11-24 00:00:00+00 BC'
		ELSE '2026-03-28'::timestamptz + value(g, 12) * interval '30 s' END END,
	CASE WHEN g % 8 <> 1 THEN CASE g % 50 WHEN 0 THEN '24:00' ELSE time '00:00' + value(g, 13) * interval '7 s' END END,
	CASE WHEN g % 8 <> 2 THEN (time '00:00' + value(g, 14) * interval '7 s')::text || (ARRAY['+00', '+02', '-05:30'])[1 + g % 3] END::timetz,
	CASE WHEN g % 8 <> 3 THEN (ARRAY['1 day', '24 hours', '1 month', '30 days', '-1 s', '1000 years'])[1 + g % 6] END::interval,
	CASE WHEN g % 8 <> 4 THEN md5((g % 41)::text)::uuid END,
	CASE WHEN g % 8 <> 5 THEN CASE g % 4 WHEN 0 THEN '::' || g % 9 ELSE '10.0.' || g % 7 || '.' || g % 9 || CASE g % 2 WHEN 0 THEN '/24' ELSE '' END END END::inet,
	CASE WHEN g % 8 <> 6 THEN '10.' || g % 9 || '.0.0/16' END::cidr,
	CASE WHEN g % 8 <> 7 THEN '08:00:2b:01:02:' || lpad(to_hex(g % 50), 2, '0') END::macaddr,
	CASE WHEN g % 9 <> 0 THEN jsonb_build_object('k', g % 5, 'n', (g % 3) || '.0') END,
	CASE WHEN g % 9 <> 1 THEN ARRAY[g % 4, CASE WHEN g % 3 <> 0 THEN g % 7 END] END,
	CASE WHEN g % 9 <> 2 THEN ARRAY['a', NULL, 'x' || g % 3] END,
	CASE WHEN g % 9 <> 3 THEN (ARRAY['low', 'between', 'middle', 'high'])[1 + value(g, 15) % 4] END::mood,
	CASE WHEN g % 9 <> 4 THEN g % 77 END::small,
	CASE WHEN g % 9 <> 5 THEN 'w' || g % 6 END::word,
	CASE WHEN g % 9 <> 6 THEN ROW(g % 5, CASE WHEN g % 4 <> 0 THEN 'c' || g % 3 END)::pair END,
	CASE WHEN g % 9 <> 7 THEN (value(g, 16) - 5000)::numeric::money END,
	CASE WHEN g % 9 <> 8 THEN 'n' || g % 30 END::name,
	CASE WHEN g % 5 <> 1 THEN (g % 16)::bit(4) END,
	CASE WHEN g % 5 <> 2 THEN (g % 3 || '/' || to_hex(g)) END::pg_lsn,
	CASE WHEN g % 5 <> 3 THEN int4range(g % 9, g % 9 + g % 4) END,
	g, 'constant'
FROM generate_series(a, b) g $$;
SELECT on_both('CREATE TABLE v (t timestamptz NOT NULL, gone1 text, id int, host text, b1 bool, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, nu numeric,
	tx text COLLATE "en-x-icu", tc text COLLATE "C", tl text COLLATE "de-x-icu", ti text COLLATE nocase, vc varchar(20), bc char(6), ba bytea, ch "char", oi oid, da date, ts timestamp, tz timestamptz, tm time,
	tt timetz, iv interval, uu uuid, ip inet, cd cidr, mc macaddr, js jsonb, ar int[], ax text[], en mood, dm small, dw word, co pair, mo money, nm name,
	bt bit(4), ls pg_lsn, rg int4range, gone2 int, one text)');
ALTER TABLE scan_t.v SET (segmentby = 'host', orderby = 't');
SET tsdb_am.direct_load_rows = 1;
SELECT on_both('INSERT INTO v SELECT * FROM rows_of(1, 1100)');
DO $$ BEGIN PERFORM tsdb.recompress('scan_t.v', true); END $$;
SELECT on_both('INSERT INTO v SELECT * FROM rows_of(1101, 1400)');
SELECT on_both('ALTER TABLE v DROP COLUMN gone1, DROP COLUMN gone2, ADD COLUMN n4 int DEFAULT 7, ADD COLUMN nt text DEFAULT ''late'',
	ADD COLUMN nz timestamptz DEFAULT ''infinity'', ADD COLUMN no oid DEFAULT 4294967295, ADD COLUMN nf float4 DEFAULT ''NaN'', ADD COLUMN nn int, ADD COLUMN nd date');
CREATE FUNCTION add_rows(a int, b int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM on_both(format('INSERT INTO v SELECT t, id, host, b1, i2, i4, i8, f4, f8, nu, tx, tc, tl, ti, vc, bc, ba, ch, oi, da, ts, tz, tm, tt, iv, uu, ip, cd, mc,
		js, ar, ax, en, dm, dw, co, mo, nm, bt, ls, rg, one || id %% 2, id %% 20, ''n'' || id %% 3, t, (id %% 9)::oid, (id %% 5)::float4, nullif(id %% 4, 0), t::date
		FROM rows_of(%s, %s)', a, b));
END $$;
SELECT add_rows(1401, 1800);
-- an all-dead chunk; then rows of the row store
SELECT add_rows(1801, 1900);
SELECT on_both('DELETE FROM v WHERE id BETWEEN 1801 AND 1900');
SET tsdb_am.direct_load_rows = 0;
SELECT add_rows(1901, 2000);
-- tombstones and updated rows, also in places that a value of a deleted row would have shown
SELECT on_both('DELETE FROM v WHERE id % 29 = 3');
SELECT on_both('UPDATE v SET i4 = 5, tx = ''updated'', nz = ''2026-04-01'' WHERE id % 31 = 4');
RESET tsdb_am.direct_load_rows;
SELECT on_both('ANALYZE v');
SELECT same('SELECT * FROM v');
SELECT same('TABLE v', false, '{baseline}');
SELECT count(*) > 2 FROM tsdb.chunks WHERE relation = 'scan_t.v'::regclass;
SELECT problem FROM tsdb.verify('scan_t.v') AS problem;

-- Conditions: each comparison of each column with values of its own (special ones among them), and commuted.
CREATE TABLE columns AS
	SELECT attname::text AS name, format_type(atttypid, NULL) AS type FROM pg_attribute WHERE attrelid = 'scan_h.v'::regclass AND attnum > 0 AND NOT attisdropped;
CREATE TABLE samples (name text, type text, value text);
DO $$
DECLARE c record;
BEGIN
	FOR c IN SELECT * FROM columns LOOP
		EXECUTE format('INSERT INTO samples SELECT %1$L, %2$L, v FROM (SELECT DISTINCT %1$I::text AS v FROM scan_h.v WHERE %1$I IS NOT NULL AND (id < 110 OR id > 1950)) s
			ORDER BY hashtext(v) LIMIT 2', c.name, c.type);
	END LOOP;
END $$;
INSERT INTO samples SELECT name, type, v FROM columns JOIN (VALUES ('real', 'NaN'), ('real', '-0'), ('real', '-Infinity'), ('double precision', 'NaN'), ('double precision', '0'),
	('double precision', 'Infinity'), ('smallint', '32767'), ('integer', '-2147483648'), ('bigint', '9223372036854775807'), ('numeric', 'NaN'), ('numeric', '5.000'),
	('date', 'infinity'), ('date', '-infinity'), ('timestamp without time zone', 'infinity'), ('timestamp with time zone', '-infinity'), ('text', ''), ('text', 'M'),
	('oid', '4294967294'), ('interval', '1 day'), ('time without time zone', '24:00'), ('inet', '10.0.2.0/24')) AS s (t, v) ON t = type;
CREATE TABLE conditions (condition text);
INSERT INTO conditions
	SELECT CASE WHEN op = '<>' AND hashtext(value) % 2 = 0 THEN format('%L::%s <> %I', value, quote_ident_type, name) WHEN op = '<' AND hashtext(value) % 2 = 0
		THEN format('%L::%s > %I', value, quote_ident_type, name) ELSE format('%I %s %L::%s', name, op, value, quote_ident_type) END
	FROM (SELECT DISTINCT name, CASE type WHEN 'bit' THEN 'bit(4)' WHEN 'character' THEN 'bpchar' ELSE type END AS quote_ident_type, value FROM samples) s, unnest('{<,<=,=,<>,>=,>}'::text[]) op
	WHERE NOT (name IN ('js', 'rg', 'co', 'ar', 'ax', 'cd', 'mc', 'bt', 'ls') AND op IN ('<=', '>='));
CREATE FUNCTION try_conditions(which text[] DEFAULT '{scan}') RETURNS SETOF text LANGUAGE sql AS $$
	SELECT same('SELECT id FROM v WHERE ' || condition, false, which) FROM conditions $$;
SELECT try_conditions();

\echo # types crossed, and values out of range
TRUNCATE conditions;
INSERT INTO conditions SELECT format('%s %s %s', c, op, v) FROM (VALUES
	('i4', '5::bigint'), ('i4', '3000000000'), ('i4', '(-3000000000)'), ('i4', '5::smallint'), ('i2', '100000'), ('i2', '(-32768)::bigint'), ('i8', '500::smallint'), ('i8', '2147483648::int8'), ('i8', '5.5'),
	('f4', '0.1::float8'), ('f4', '''NaN''::float8'), ('f4', '1e300::float8'), ('f4', '''-0''::float8'), ('f8', '0.1::float4'), ('f8', '''NaN''::float4'), ('f8', '''-inf''::float4'), ('f4', '1e-40::float8'),
	('i4', '2.5::float8'), ('f8', '5'), ('nu', '5'), ('nu', '5.000'), ('dm', '50::int8'), ('dm', '50::small'), ('dw', '''w3''::varchar'), ('vc', '''v77''::text'), ('vc', '''v77''::varchar'), ('bc', '''pp0   '''), ('bc', '''pp0 ''::text'), ('bc', '''pp0''::varchar'),
	('tz', 'date ''2026-03-29'''), ('tz', 'timestamp ''2026-03-29 02:30'''), ('tz', 'timestamp ''2026-03-29 03:00'''), ('tz', 'date ''5874897-12-31'''), ('tz', 'date ''4714-11-24 BC'''), ('tz', 'date ''infinity'''), ('tz', 'date ''-infinity'''),
	('tz', 'timestamp ''infinity'''), ('tz', 'timestamp ''-infinity'''), ('tz', 'timestamp ''294276-12-31 23:59:59.999999'''), ('tz', 'timestamp ''4714-11-24 00:00:00 BC'''), ('tz', 'date ''294276-12-31'''), ('tz', 'date ''294277-01-01'''),
	('t', 'date ''2026-03-30'''), ('t', 'timestamp ''2026-03-29 02:30'''), ('t', 'date ''5874897-12-31'''), ('t', 'date ''infinity'''), ('t', 'date ''-infinity'''), ('nz', 'date ''5874897-12-31'''), ('nz', 'date ''infinity'''), ('nz', 'date ''2026-03-30'''),
	('ts', 'date ''2026-03-29'''), ('ts', 'date ''5874897-12-31'''), ('ts', 'date ''infinity'''), ('ts', 'timestamptz ''2026-03-29 02:30'''), ('ts', 'timestamptz ''infinity'''), ('ts', 'timestamptz ''4714-11-24 00:00:00+00 BC'''),
	('da', 'timestamptz ''2026-03-29 00:00'''), ('da', 'timestamp ''2026-03-29 00:00'''), ('da', 'timestamp ''infinity'''), ('da', 'timestamptz ''-infinity'''), ('da', 'timestamptz ''294276-12-31'''), ('nd', 'timestamptz ''2026-03-30'''),
	('i4::oid', '5::oid'), ('i4::oid', '4294967290::oid'), ('oi', '2147483648::oid'), ('oi::regclass::oid', '7::oid'), ('no', '4294967295'), ('nm', '''n5''::text'), ('nm', '''n5''::name'), ('ch', '''z''::"char"'), ('ch', '''ä''::"char"'), ('cd::inet', '''10.3.0.0/16''::inet'),
	('tx COLLATE "C"', '''M'''), ('tc COLLATE "en-x-icu"', '''M'''), ('ti', '''ABC'''), ('ti COLLATE "C"', '''ABC'''), ('ti COLLATE "C"', '''abd'''), ('tl', '''c'''), ('tc', '''long'' || ''er'''), ('tx COLLATE "C"', '''long common prefix 3'''),
	('tc', 'chr(102) || md5(''5'')'), ('tm', '''24:00''::time'), ('tm', 'timetz ''12:00+02''::time'), ('iv', '''720 hours'''), ('mo', '17::money'), ('b1', 'true'), ('b1', 'false'), ('en', '''between'''), ('n4', '7'), ('n4', '7::bigint'), ('nt', '''late'''), ('nt', '''n1'''),
	('nf', '''NaN'''), ('nf', '2::float8'), ('nn', '2'), ('one', '''constant'''), ('one', '''constant1'''), ('host', '''host5'''), ('host', '''nowhere'''), ('host COLLATE nocase', '''HOST5''')
	) AS s (c, v), unnest('{<,<=,=,<>,>=,>}'::text[]) op;
SELECT try_conditions('{scan}');

\echo # lists, NULL tests, nests, functions, patterns
TRUNCATE conditions;
INSERT INTO conditions VALUES
	('i4 IN (1, 5)'), ('i4 IN (1, NULL, 5)'), ('i4 IN (NULL)'), ('i4 = ANY (''{}'')'), ('i4 = ANY (NULL::int[])'), ('i4 <> ALL (''{}'')'), ('i4 NOT IN (1, 5)'), ('i4 NOT IN (1, NULL)'), ('i4 <> ALL (ARRAY[1, 2, 3])'), ('i4 < ANY (ARRAY[-5, -3])'),
	('i4 = ALL (ARRAY[5, 5])'), ('i4 <> ANY (ARRAY[5, 6])'), ('i4 >= ALL (ARRAY[3, 5])'), ('id = ANY (ARRAY(SELECT g * 17 FROM generate_series(1, 400) g))'), ('i8 IN (1, 5, 9, 13, 17, 21, 25, 29, 33, 37, 41, 4294967296, -9223372036854775808)'),
	('i4 IN (5::bigint, 3000000000)'), ('i2 IN (1, 70000)'), ('f8 IN (0, ''NaN'', 0.1)'), ('f4 IN (0.1, 0)'), ('f4 = ANY (ARRAY[0.1, 5]::real[])'), ('f8 = ANY (ARRAY[''NaN'', ''-0'']::float8[])'), ('nu IN (5, ''NaN'')'), ('oi IN (4294967295, 3, 2147483648)'), ('ch IN (''a'', ''z'')'), ('b1 IN (true, NULL)'),
	('host IN (''host1'', ''host7'', ''none'')'), ('host IN (''host1'', NULL)'), ('host = ANY (ARRAY[''host3'']::varchar[])'), ('vc = ANY (ARRAY[''v77'', ''v1'']::varchar[])'), ('vc IN (''v77'', ''v12'', ''v9'')'), ('bc IN (''pp0'', ''1'')'), ('ti IN (''ABC'', ''X'')'), ('tx IN (''Zebra'', '''')'), ('en IN (''low'', ''between'')'), ('uu = ANY (ARRAY[md5(''5'')::uuid])'),
	('tz = ANY (ARRAY[''infinity'', ''2026-03-28 10:00'']::timestamptz[])'), ('da IN (''2026-03-05'', ''infinity'')'), ('ts = ANY (ARRAY[''2026-03-29'']::date[])'), ('t = ANY (ARRAY[''2026-03-29'', ''2026-03-28 20:00:37+01'']::timestamptz[])'), ('dm IN (5, 6)'), ('ar IN (''{1,1}'', ''{2,NULL}'')'), ('2 = ANY (ar)'), ('5 <> ALL (ar)'), ('2 = ANY (ar) AND i4 > 3'), ('''x1'' = ANY (ax)'),
	('n4 = ANY (''{}'') OR id = 3'), ('n4 = ANY (NULL::int[]) OR id = 3'), ('n4 = NULL OR id = 3'), ('nz = date ''5874897-12-31'' OR id = 3'), ('nz <> date ''5874897-12-31'' OR id = 3'), ('nz > date ''5874897-12-31'' OR id = 3'), ('nn = ANY (''{}'') OR n4 = ANY (''{}'')'), ('(n4 = 7 AND nt = NULL) OR id = 3'),
	('b1'), ('NOT b1'), ('b1 IS TRUE'), ('b1 IS NOT TRUE'), ('b1 IS FALSE'), ('b1 IS NOT FALSE'), ('b1 IS UNKNOWN'), ('b1 IS NOT UNKNOWN'), ('b1 = (id > 1000)'), ('b1 OR i4 = 5'), ('NOT (b1 AND i4 > 0)'), ('NOT (i4 > 0 OR i8 < 1000)'), ('NOT (i4 = 5)'), ('NOT NOT b1'), ('(i4 > 0) IS NULL'), ('(i4 > 0) IS NOT TRUE'), ('(i4 > 0) = b1'),
	('i4 IS NULL'), ('i4 IS NOT NULL'), ('nn IS NULL'), ('nn IS NOT NULL'), ('n4 IS NULL'), ('n4 IS NOT NULL'), ('nz IS NOT NULL'), ('host IS NULL'), ('host IS NOT NULL AND i4 IS NULL'), ('host IS NULL OR nn IS NULL'), ('co IS NULL'), ('co IS NOT NULL'), ('NOT (co IS NULL)'), ('v IS NOT NULL'), ('v IS NULL'), ('one IS NULL'),
	('i4 IS DISTINCT FROM 5'), ('i4 IS NOT DISTINCT FROM NULL'), ('i4 IS DISTINCT FROM NULL'), ('nu IS NOT DISTINCT FROM 5'), ('host IS DISTINCT FROM ''host3'''), ('n4 IS NOT DISTINCT FROM 7'), ('i4 IS DISTINCT FROM i2'), ('nullif(i4, 5) = 6'), ('nullif(i4, 5) IS NULL'),
	('id BETWEEN 1000 AND 1150'), ('id NOT BETWEEN 100 AND 1700'), ('id BETWEEN 10 AND 1'), ('id BETWEEN SYMMETRIC 30 AND 10'), ('t BETWEEN ''2026-03-29 01:00'' AND ''2026-03-29 05:00'''), ('t BETWEEN ''2026-03-29'' AND NULL'), ('f8 BETWEEN 0 AND 10'), ('f8 NOT BETWEEN 1 AND 48'), ('tc BETWEEN ''c'' AND ''d'''), ('t >= ''2026-03-29'' AND t < ''2026-03-29 05:00'' AND host = ''host4'''),
	('i4 = 5 AND (f8 > 20 OR tx LIKE ''A%'')'), ('(i4 = 5 AND f8 > 20) OR (tx = ''Zebra'' AND b1)'), ('(i4 = 5 OR i4 = 6 OR i4 IS NULL) AND (f8 < 3 OR f8 > 45 OR f8 IS NULL) AND NOT (host = ''host1'')'), ('i4 = 5 OR i4 = NULL'), ('i4 = 5 AND NULL'), ('i4 = 5 OR NULL'), ('true'), ('false'), ('i4 = 5 OR (f8 > 1 AND (i2 < 0 OR (host > ''host2'' AND id % 2 = 0)))'), ('((i4)) = (5)'),
	('tx LIKE ''A%'''), ('tx NOT LIKE ''%e%'''), ('tx ILIKE ''ap%'''), ('tx ~ ''^[A-Z]'''), ('tx !~* ''A'''), ('tx ~~ ''b\%'''), ('tx LIKE ''b_c'''), ('tx SIMILAR TO ''(a|Z)%'''), ('tc LIKE ''c4%'''), ('tc ^@ ''d'''), ('starts_with(tc, ''e0'')'), ('nt LIKE ''l%'''), ('nt LIKE ''n%'''), ('one LIKE ''%1'''), ('one LIKE ''con%'''), ('host LIKE ''host1%'' AND t > ''2026-03-29 12:00'''), ('bc LIKE ''pp%'''), ('vc LIKE ''v99_'''), ('ti LIKE ''A%'''), ('ti COLLATE "C" LIKE ''A%'''), ('nm ~~ ''n1%'''), ('tx ~<~ ''B'''), ('tx ~>=~ ''b'' AND tx ~<~ ''c'''), ('ba LIKE ''\\\\xca%''::bytea'),
	('length(tx) = 5'), ('upper(tx) = ''APPLE'''), ('coalesce(i4, 5) = 5'), ('coalesce(nn, n4) = 7'), ('coalesce(host, ''none'') = ''none'''), ('abs(i4) > 8'), ('i4 + 1 = 6'), ('i4 % 2 = 0'), ('-i4 > 3'), ('id + i4 > 1990'), ('id * 2 > id + 1900'), ('i4::text = ''5'''), ('t::date = ''2026-03-29'''), ('date_trunc(''hour'', t) = ''2026-03-29 03:00'''), ('t AT TIME ZONE ''UTC'' < ''2026-03-28 21:00'''), ('extract(hour FROM t) = 3'), ('t + interval ''1 day'' < ''2026-03-29 21:00'''), ('age(t, ''2026-03-28 20:00'') < ''1 h'''),
	('(i4, f8) = (5, 1.5)'), ('(i4, f8) < (5, 1.5)'), ('(host, t) >= (''host3'', ''2026-03-29 00:00'')'), ('(i4, i2) IN ((5, 1), (6, 2), (5, 2))'), ('ROW(i4, f8) IS DISTINCT FROM ROW(5, 2)'), ('ROW(i4, nn) IS NULL'), ('ROW(i4, nn) IS NOT NULL'), ('co = ROW(3, ''c1'')::pair'), ('(co).a = 3'), ('(co).b IS NULL'), ('co < ROW(2, NULL)::pair'), ('(v).i4 = 5'), ('v.id = 5'),
	('CASE WHEN i4 > 0 THEN f8 > 20 ELSE b1 END'), ('CASE i4 WHEN 5 THEN true WHEN 6 THEN NULL ELSE false END'), ('CASE WHEN i4 <> 0 THEN 10 / i4 > 2 END'), ('greatest(i4, 3) = 3'), ('least(i4, nn) = 2'), ('js @> ''{"k": 3}'''), ('js ->> ''k'' = ''2'''), ('js ? ''n'''), ('ar @> ARRAY[2]'), ('ar && ARRAY[1, 6]'), ('ar[1] = 3'), ('cardinality(ax) = 3'), ('ip << ''10.0.0.0/16'''), ('ip <<= ''10.0.3.0/24'''), ('rg @> 5'), ('rg && int4range(2, 3)'), ('isempty(rg)'),
	('nu = f8'), ('f4 = f8'), ('f4 < f8'), ('i4 = i2'), ('t = tz'), ('ts > da'), ('tx = tc'), ('host = ''host'' || id % 23'), ('md5(id::text) < ''1'''), ('random() < 2'), ('random() < 0'), ('random() < 2 AND i4 = 5'), ('pg_typeof(i4) = ''integer''::regtype'), ('id = 3 AND id = 4'), ('id = 3 OR id = 1500 OR id = 1950 OR id = 1850'), ('id > 1700 AND id < 1950'), ('id BETWEEN 1801 AND 1900'),
	('tableoid = ''v''::regclass'), ('tableoid::regclass::text = ''v'' AND i4 = 5'), ('xmin IS NOT NULL AND cmin IS NOT NULL AND i4 = 5'), ('ctid IS NOT NULL AND i4 = 5'), ('ctid = ANY (ARRAY(SELECT ctid FROM v WHERE i4 = 6))'),
	-- (heap asks conditions of equal cost in the order written: one that may fail is not asked ahead of its guard)
	('id % 23 % 10 <> 0 AND 1 / right(host, 1)::int >= 0'), ('i4 > 100 OR (id % 23 % 10 <> 0 AND 1 / right(host, 1)::int >= 0)'), ('id % 23 % 10 + i2 <> i2 AND 1 / right(host, 1)::int >= 0'),
	('i4 <> 0 AND 10 / i4 > 2'), ('10 / nullif(i4, 0) > 2'), ('b1 AND 1 / i4 > 0'), ('1 / (id - 1850) > 5'), ('i4 = 5 AND 1 / (i4 - 5) > 0'), ('1 / (id - 61) > 0'), ('id < 0 AND 1 / (id - 61) > 0'), ('i4 > (SELECT 1 / 0)'), ('host::int > 5'), ('id::small > 4'), ('length(host) / 0 = 5'), ('sqrt(i4) > 1'), ('(10::text || id)::int2 > 0'),
	('t > now() - interval ''100 years'''), ('t > now() + interval ''100 years'''), ('t < localtimestamp + interval ''50 years'' AND i4 = 5'), ('da > current_date - 100000'), ('host = current_user'), ('t < ''2026-03-28 20:00''::text::timestamptz + ''1 h''::text::interval');
SELECT try_conditions('{scan,baseline,parallel,no scan}');

\echo # the same conditions as parameters of generic and custom plans
CREATE FUNCTION try_parameter(condition text, type text, value text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE side text; plans text; result text[] := '{}'; one text; path text := current_setting('search_path');
BEGIN
	FOREACH plans IN ARRAY ARRAY['force_generic_plan', 'force_custom_plan'] LOOP
		PERFORM set_config('plan_cache_mode', plans, true), set_config('enable_seqscan', 'off', true);
		FOREACH side IN ARRAY ARRAY['scan_h', 'scan_t'] LOOP
			PERFORM set_config('search_path', side || ', scan_x, public', true);
			EXECUTE format('PREPARE p (%s) AS SELECT count(*) || '' '' || coalesce(string_agg(id::text, '' '' ORDER BY id), '''') FROM v WHERE %s', type, condition);
			FOR i IN 1 .. 2 LOOP
				BEGIN
					EXECUTE format('EXECUTE p (%L)', value) INTO one;
				EXCEPTION WHEN OTHERS THEN one := SQLSTATE || ' ' || SQLERRM;
				END;
				result := result || one;
				BEGIN
					EXECUTE 'EXECUTE p (NULL)' INTO one;
				EXCEPTION WHEN OTHERS THEN one := SQLSTATE || ' ' || SQLERRM;
				END;
				result := result || one;
			END LOOP;
			EXECUTE 'DEALLOCATE p';
		END LOOP;
		IF result[1:4] <> result[5:8] THEN
			RETURN NEXT format('DIFFERENT (%s): %s with %s: %s / %s', plans, condition, value, left(result[1:4]::text, 300), left(result[5:8]::text, 300));
		END IF;
		result := '{}';
	END LOOP;
	PERFORM set_config('search_path', path, true);
	RESET plan_cache_mode;
	RESET enable_seqscan;
END $$;
SELECT try_parameter(format('%I %s $1', name, op), CASE type WHEN 'bit' THEN 'bit(4)' WHEN 'character' THEN 'bpchar' ELSE type END, value)
	FROM (SELECT DISTINCT ON (name) * FROM samples ORDER BY name, value) s, unnest('{=,>=}'::text[]) op;
SELECT try_parameter(c, t, v) FROM (VALUES ('n4 = $1 OR id = 3', 'int', '7'), ('id = 3 OR n4 = $1', 'bigint', '7'), ('nt = $1 OR id = 3', 'text', 'late'), ('nz > $1 OR id = 3', 'date', 'infinity'), ('nz = $1 OR id = 3', 'date', '5874897-12-31'),
	('n4 = ANY ($1) OR id = 3', 'int[]', '{7,3,NULL}'), ('n4 = ANY ($1) OR id = 3', 'int[]', '{}'), ('i4 = ANY ($1)', 'int[]', '{5,NULL,-3}'), ('i4 = ANY ($1)', 'bigint[]', '{5,3000000000}'), ('i4 <> ALL ($1)', 'int[]', '{5,6}'), ('host = ANY ($1)', 'text[]', '{host1,host7}'), ('host = ANY ($1)', 'text[]', '{}'),
	('(n4 = 7 AND i4 = $1) OR (i4 = 6 AND host = ''host3'')', 'int', '5'), ('(tx = ''Zebra'' AND host = $1 AND i8 > 100) OR i4 = 9', 'text', 'host5'), ('(host = $1 AND i4 = length($1)) OR (i8 > length($1) AND i4 = 9)', 'text', 'host5'), ('t > $1::timestamptz - interval ''1 hour'' AND t < $1', 'timestamptz', '2026-03-29 12:00'),
	('t > $1 AND host = ''host3''', 'date', '2026-03-30'), ('f4 < $1', 'float8', 'NaN'), ('f8 = $1', 'float4', '0.5'), ('$1 IS NULL OR i4 = $1', 'int', '5'), ('i4 = coalesce($1, i4)', 'int', '5'), ('i4 = coalesce($1, 5)', 'int', '6'), ('tx LIKE $1', 'text', 'A%'), ('tx LIKE $1 OR tc LIKE $1', 'text', 'a%'), ('$1 = ANY (ar)', 'int', '2'),
	('i4 IS DISTINCT FROM $1', 'int', '5'), ('10 / $1 > i4', 'int', '0'), ('i4 > 5 AND i8 > 10 / $1', 'int', '0'), ('i4 BETWEEN $1 AND $1 + 3', 'int', '2'), ('b1 = $1', 'bool', 'true'), ('$1', 'bool', 'true'), ('co = $1', 'pair', '(3,c1)'), ('en > $1', 'mood', 'low'), ('i2 < $1', 'numeric', '0.5')) AS s (c, t, v);

\echo # queries of every shape
SELECT on_both('CREATE TABLE w (t timestamptz NOT NULL, id int, host text, a int, f float8, s text)');
ALTER TABLE scan_t.w SET (segmentby = 'host', orderby = 't');
SELECT on_both($$INSERT INTO w SELECT '2026-03-01'::timestamptz + (g / 10) * interval '1 min', g, 'host' || g % 10, g % 1000, CASE WHEN g % 77 <> 0 THEN g / 16.0 END, 's' || g % 300 FROM generate_series(1, 8000) g$$);
SET tsdb_am.direct_load_rows = 0;
SELECT on_both($$INSERT INTO w SELECT '2026-03-02'::timestamptz + g * interval '1 min', g, 'host' || g % 12, g % 1000, g, 's' || g % 300 FROM generate_series(8001, 8200) g$$);
RESET tsdb_am.direct_load_rows;
SELECT on_both('DELETE FROM w WHERE id % 1000 = 7 OR id BETWEEN 2000 AND 2200');
SELECT on_both('CREATE TABLE k (n int, host text, t timestamptz, lo int, hi int)');
SELECT on_both($$INSERT INTO k SELECT g, CASE WHEN g <> 5 THEN 'host' || g END, '2026-03-01'::timestamptz + g * interval '1 h', g * 600, g * 600 + 30 FROM generate_series(0, 12) g$$);
SELECT on_both('ANALYZE w, k');
-- more than a chunk's rows, of several vectors a series
SELECT on_both('CREATE TABLE big (t timestamptz NOT NULL, host text, a int, f float8)');
SELECT on_both($$INSERT INTO big SELECT '2026-03-01'::timestamptz + (g / 2) * interval '1 s', 'host' || g % 2, g, CASE WHEN g % 77 <> 0 THEN g % 1009 END FROM generate_series(1, 70000) g$$);
SELECT on_both('DELETE FROM big WHERE a BETWEEN 30000 AND 33000 OR a % 1000 = 7');
CREATE TABLE queries (query text);
INSERT INTO queries VALUES
	('SELECT count(*), sum(a), min(t), max(t), count(f), min(s), max(s) FROM w'), ('SELECT count(*) FROM w WHERE a = 500'), ('SELECT host, count(*), sum(id) FROM w WHERE t >= ''2026-03-01 08:00'' GROUP BY host'), ('SELECT count(*), sum(id) FROM w WHERE s LIKE ''s1_'' AND f > 100'), ('SELECT count(*), sum(id) FROM w WHERE f IS NULL AND a > 10'),
	('SELECT DISTINCT host FROM w'), ('SELECT sum(hashtext(w::text)) FROM w WHERE id % 5 = 1'), ('SELECT w FROM w WHERE id BETWEEN 7990 AND 8010'), ('SELECT row_to_json(w) FROM w WHERE id = 5'), ('SELECT (w).id, (w).s FROM w WHERE id < 5'), ('SELECT w.*::text FROM w WHERE a = 3 AND host = ''host3'''), ('SELECT 1 FROM w WHERE id < 30'), ('SELECT FROM w WHERE id < 30'),
	('SELECT tableoid::regclass, id FROM w WHERE id < 10'), ('SELECT count(DISTINCT ctid), count(xmin), count(cmax) FROM w'), ('SELECT id FROM w WHERE ctid IS NULL'), ('SELECT a.id FROM w a JOIN w b ON a.ctid = b.ctid AND a.id < 1000'), ('SELECT id FROM w WHERE ctid = (SELECT ctid FROM w WHERE id = 777)'), ('SELECT xmax = 0, id FROM w WHERE id < 10'),
	('SELECT k.n, w.id FROM k JOIN w ON w.host = k.host AND w.id BETWEEN k.lo AND k.hi'), ('SELECT k.n, count(w.id) FROM k LEFT JOIN w ON w.host = k.host AND w.t > k.t GROUP BY k.n'), ('SELECT count(*), count(k.n) FROM k RIGHT JOIN w ON w.host = k.host AND w.a = k.n'), ('SELECT count(*), count(k.n), count(w.id) FROM k FULL JOIN w ON w.id = k.lo'),
	('SELECT k.n, x.id FROM k, LATERAL (SELECT id FROM w WHERE w.host = k.host AND w.t <= k.t ORDER BY t DESC, id LIMIT 2) x'), ('SELECT k.n, x.c FROM k LEFT JOIN LATERAL (SELECT count(*) AS c, k.n + max(a) AS m FROM w WHERE w.id BETWEEN k.lo AND k.hi AND w.a > k.n) x ON true'), ('SELECT k.n, x.id FROM k CROSS JOIN LATERAL (SELECT id, k.hi AS h FROM w WHERE w.id = k.lo OFFSET 0) x'),
	('SELECT n, (SELECT max(id) FROM w WHERE w.host = k.host AND w.id < k.hi) FROM k'), ('SELECT n FROM k WHERE EXISTS (SELECT 1 FROM w WHERE w.id = k.lo AND w.a < 500)'), ('SELECT n FROM k WHERE NOT EXISTS (SELECT 1 FROM w WHERE w.id = k.lo)'), ('SELECT n FROM k WHERE lo IN (SELECT id FROM w WHERE a = 0)'), ('SELECT n FROM k WHERE host NOT IN (SELECT host FROM w)'), ('SELECT n FROM k WHERE host NOT IN (SELECT host FROM w WHERE host IS NOT NULL AND a = 5)'),
	('SELECT id FROM w WHERE id = (SELECT max(lo) FROM k)'), ('SELECT id FROM w WHERE id IN (SELECT lo FROM k)'), ('SELECT id FROM w WHERE id = ANY (ARRAY(SELECT lo FROM k))'), ('SELECT count(*) FROM w WHERE host = (SELECT host FROM k WHERE n = 5)'), ('SELECT count(*) FROM w WHERE host = (SELECT host FROM k WHERE n = 3) AND t > (SELECT t FROM k WHERE n = 4)'), ('SELECT id FROM w WHERE a < 2 AND EXISTS (SELECT 1 FROM k WHERE k.lo = w.id)'),
	('SELECT id FROM w WHERE CASE WHEN a = 0 THEN id IN (SELECT lo FROM k) ELSE a = (SELECT n FROM k WHERE n = 1) AND id < 3000 END'), ('SELECT id, (SELECT n FROM k WHERE k.lo = w.id) FROM w WHERE a = 0 AND id < 30000'), ('SELECT count(*) FROM w WHERE (SELECT count(*) FROM k WHERE k.lo > w.id) = 3'), ('SELECT count(*) FROM w WHERE a > ALL (SELECT n * 50 FROM k)'), ('SELECT count(*) FROM w WHERE a < ANY (SELECT n FROM k)'), ('SELECT count(*) FROM w WHERE (a, host) IN (SELECT n, host FROM k)'),
	('SELECT a.id, b.id FROM w a JOIN w b ON a.id = b.id + 1000 AND a.host = b.host WHERE a.a = 5 AND b.f > 300'), ('SELECT count(*) FROM w a JOIN w b USING (id) WHERE a.s = ''s7'' AND b.s = ''s7'''), ('SELECT count(*) FROM w a, w b WHERE a.id = b.a AND b.host = ''host1'' AND a.f IS NOT NULL'),
	('WITH c AS (SELECT * FROM w WHERE a < 10) SELECT count(*), sum(c.id) FROM c JOIN k ON c.host = k.host'), ('WITH c AS MATERIALIZED (SELECT * FROM w WHERE a < 10) SELECT count(*), max(c.s) FROM c WHERE host = ''host3'''), ('WITH RECURSIVE r AS (SELECT 1 AS id UNION ALL SELECT w.id + 799 FROM r JOIN w ON w.id = r.id + 1) SELECT * FROM r'), ('SELECT * FROM (SELECT host, t, id, row_number() OVER (PARTITION BY host ORDER BY t, id) AS n FROM w WHERE a < 20) x WHERE n < 3'),
	('SELECT id FROM w WHERE id < 5 UNION ALL SELECT n FROM k UNION ALL SELECT id FROM v WHERE id < 5'), ('SELECT host FROM w INTERSECT SELECT host FROM v'), ('SELECT host FROM v EXCEPT SELECT host FROM w'), ('SELECT v.id, w.id FROM v JOIN w ON v.i8 = w.id AND v.i4 = 5'), ('SELECT v.id, k.n FROM v JOIN k ON v.i4 = k.n AND v.host = k.host'), ('SELECT v.id, k.n FROM k LEFT JOIN v ON v.n4 = k.n AND (v.nn = k.n OR v.id = 3)'), ('SELECT v FROM v WHERE i4 = 5'), ('SELECT count(*) FROM v TABLESAMPLE bernoulli (100)'), ('SELECT count(*) FROM v TABLESAMPLE system (100) WHERE i4 = 5'),
	('SELECT count(*) FROM w WHERE now() > ''2026-01-01'' AND a = 5'), ('SELECT count(*) FROM w WHERE current_user = ''nobody'' AND a = 5'), ('SELECT x.n FROM k x WHERE EXISTS (SELECT 1 FROM w WHERE x.n > 3 AND w.id = x.lo)'), ('SELECT generate_series(1, a), id FROM w WHERE id IN (2, 3)'), ('SELECT count(*) FILTER (WHERE a = 5), count(*) FROM w WHERE host > ''host7'''), ('SELECT host, percentile_disc(0.5) WITHIN GROUP (ORDER BY id) FROM w WHERE a < 100 GROUP BY GROUPING SETS ((host), ())'), ('SELECT g, (SELECT count(*) FROM w WHERE id < g) FROM generate_series(1, 4) g'), ('SELECT count(*) FROM generate_series(1, 3) g JOIN w ON w.a = g AND w.s = ''s'' || g');
SELECT same(query) FROM queries;
SELECT same(q, false, '{scan,baseline,parallel}') FROM unnest(ARRAY['SELECT count(*), sum(a), sum(f), count(f), min(t) FROM big', 'SELECT a FROM big WHERE f = 77', 'SELECT count(*), sum(a) FROM big WHERE t > ''2026-03-01 03:00'' AND host = ''host1'' AND f >= 500', 'SELECT a FROM big WHERE a IN (1, 29999, 30000, 33000, 33001, 65535, 65536, 65537, 70000)']) q;
\echo # rescans: nested loops; other joins
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_material = off;
SET enable_memoize = off;
SELECT same(query, false, '{scan}') FROM queries WHERE query ~ '\mk\M';
SELECT same(query, false, '{parallel}') FROM queries WHERE query ~ '\mk\M.*JOIN|LATERAL';
SET enable_nestloop = off;
SET enable_mergejoin = on;
SELECT same(query, false, '{scan}') FROM queries WHERE query ~ 'JOIN';
RESET enable_hashjoin;
RESET enable_mergejoin;
RESET enable_material;
RESET enable_memoize;
RESET enable_nestloop;
SELECT same(q, true) FROM unnest(ARRAY['SELECT id FROM w WHERE host = ''host1'' ORDER BY t DESC, id LIMIT 7', 'SELECT id, t FROM w ORDER BY t, id OFFSET 100 LIMIT 20', 'SELECT id, t FROM w WHERE a = 5 ORDER BY t DESC, id DESC', 'SELECT DISTINCT ON (host) host, t, id FROM w ORDER BY host, t DESC, id',
	'SELECT id, host FROM w WHERE f > 400 ORDER BY host, t, id', 'SELECT * FROM v ORDER BY t', 'SELECT id, nz FROM v ORDER BY nz, id DESC', 'SELECT id, t FROM v ORDER BY t DESC LIMIT 20', 'SELECT id, t FROM v WHERE i4 = 5 ORDER BY t LIMIT 3', 'SELECT min(t), max(t), min(nz), max(nz), max(tz), min(tz) FROM v', 'SELECT id FROM v ORDER BY host NULLS FIRST, t', 'SELECT max(t) FROM w WHERE host = ''host3''', 'SELECT id FROM v ORDER BY t FETCH FIRST 3 ROWS WITH TIES']) q;
SELECT set_config(name, 'on', false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query') \gset parallel_
SELECT same(query, false, '{scan}') FROM queries WHERE query ~ 'count|JOIN';
SELECT set_config(name, reset_val, false) FROM pg_settings WHERE name IN ('force_parallel_mode', 'debug_parallel_query') \gset parallel_

\echo # each series column type: a filter of series values must not refuse equal ones
CREATE FUNCTION try_series(name text, type text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE part int; value text; side text; column_type text;
BEGIN
	SELECT format_type(atttypid, atttypmod) || CASE WHEN attcollation <> 0 AND collname <> 'default' THEN format(' COLLATE %I', collname) ELSE '' END
		INTO column_type FROM pg_attribute LEFT JOIN pg_collation c ON c.oid = attcollation WHERE attrelid = 'scan_h.v'::regclass AND attname = name;
	PERFORM on_both(format('CREATE TABLE r (t timestamptz NOT NULL, id int, k %s)', column_type));
	ALTER TABLE scan_t.r SET (segmentby = 'k', orderby = 't');
	PERFORM set_config('tsdb_am.direct_load_rows', '1', true);
	FOR part IN 0 .. 3 LOOP
		PERFORM on_both(format('INSERT INTO r SELECT t, id, %I FROM scan_h.v WHERE id < 1800 AND abs(hashtext(%1$I::text)) %% 4 = %s', name, part));
	END LOOP;
	PERFORM set_config('search_path', 'scan_x, public', true);
	FOR value IN EXECUTE format('SELECT %I::text FROM scan_h.v WHERE %1$I IS NOT NULL GROUP BY 1 ORDER BY count(*), 1 LIMIT 3', name) LOOP
		RETURN QUERY SELECT replace(d, ' FROM r', format(' FROM r (%s)', column_type)) FROM unnest(ARRAY[format('SELECT id FROM r WHERE k = %L::%s', value, type), format('SELECT id FROM r WHERE k IN (%L::%s, NULL)', value, type),
			format('SELECT id FROM r WHERE k >= %L::%s', value, type)]) q, same(q, false, '{scan}') d;
	END LOOP;
	RETURN QUERY SELECT same('SELECT id FROM r WHERE k IS NULL', false, '{scan}');
	DROP TABLE scan_h.r, scan_t.r;
END $$;
SELECT try_series(name, CASE type WHEN 'bit' THEN 'bit(4)' WHEN 'character' THEN 'bpchar' ELSE type END) FROM columns WHERE name NOT IN ('t', 'id', 'host', 'one', 'rg', 'js', 'ax', 'n4', 'nt', 'nz', 'no', 'nf', 'nn', 'nd');

\echo # cursors: every walk meets the rows that a look from start to end met
CREATE FUNCTION try_cursor(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE rows text[]; got text[]; r record; at int := 0; n int; step int; wanted text; found int;
BEGIN
	PERFORM set_config('search_path', 'scan_t, scan_x, public', true), set_config('enable_seqscan', 'off', true);
	EXECUTE 'DECLARE c SCROLL CURSOR FOR ' || query;
	FOR r IN EXECUTE 'FETCH ALL FROM c' LOOP rows := rows || r::text; END LOOP;
	n := cardinality(rows);
	FOR r IN EXECUTE 'FETCH BACKWARD ALL FROM c' LOOP got := r::text || got; END LOOP;
	IF got IS DISTINCT FROM rows THEN
		RETURN NEXT format('backward: %s instead of %s rows of %s', cardinality(got), n, query);
	END IF;
	FOR i IN 1 .. 120 LOOP
		step := CASE i % 6 WHEN 0 THEN 1 WHEN 1 THEN -1 ELSE hashint4(i * 77) % (n / (1 + i % 7) + 1) END;
		IF i % 17 = 0 THEN
			step := n - at + 1;
		ELSIF i % 23 = 0 THEN
			step := - at;
		END IF;
		at := greatest(0, least(n + 1, at + step));
		EXECUTE format('FETCH RELATIVE %s FROM c', step) INTO r;
		wanted := CASE WHEN at BETWEEN 1 AND n THEN rows[at] END;
		GET DIAGNOSTICS found = ROW_COUNT;
		IF (CASE WHEN found > 0 THEN r::text END) IS DISTINCT FROM wanted THEN
			RETURN NEXT format('step %s by %s to %s of %s: %s instead of %s in %s', i, step, at, n, r, wanted, query);
			EXIT;
		END IF;
	END LOOP;
	EXECUTE 'MOVE FIRST FROM c';
	got := NULL;
	FOR r IN EXECUTE 'FETCH FORWARD 50 FROM c' LOOP got := got || r::text; END LOOP;
	IF got IS DISTINCT FROM rows[2:51] THEN
		RETURN NEXT 'after MOVE FIRST: other rows in ' || query;
	END IF;
	EXECUTE 'CLOSE c';
	PERFORM set_config('search_path', 'scan_x, public', true);
	RETURN QUERY SELECT same(query, false, '{scan}');
END $$;
SELECT try_cursor(q) FROM unnest(ARRAY['SELECT id FROM v', 'SELECT id, tx FROM v WHERE i4 = 5', 'SELECT id FROM v WHERE i4 > 0 AND f4 < f8', 'SELECT id, nz FROM v WHERE t < ''2026-03-29 04:00''', 'SELECT id FROM v WHERE id > 1895', 'SELECT id FROM v WHERE id < 1100 AND b1', 'SELECT id, one FROM v WHERE id BETWEEN 1390 AND 1410', 'SELECT v FROM v WHERE host = ''host3''', 'SELECT id, tableoid::regclass FROM v WHERE id % 2 = 0 AND tx LIKE ''A%''', 'SELECT id FROM w WHERE a = 5']) q;

\echo # barriers: what a leaky function is shown
SET client_min_messages = error;
DROP ROLE IF EXISTS scan_reader;
SET client_min_messages = warning;
CREATE ROLE scan_reader;
GRANT USAGE ON SCHEMA scan_h, scan_t, scan_x TO scan_reader;
CREATE TABLE seen (what text);
GRANT INSERT, SELECT ON seen, modes TO scan_reader;
CREATE FUNCTION leaky(text) RETURNS bool COST 0.0000001 LANGUAGE plpgsql AS $$ BEGIN INSERT INTO scan_x.seen VALUES ($1); RETURN true; END $$;
-- (STABLE, so that it may be vectorised: what it saw is told by a setting)
CREATE FUNCTION leaky_stable(text) RETURNS bool STABLE COST 0.0000001 LANGUAGE plpgsql AS $$ BEGIN PERFORM set_config('scan.seen', current_setting('scan.seen') || $1 || ' ', false); RETURN true; END $$;
SET scan.seen = '';
SELECT on_both('CREATE TABLE secret (t timestamptz NOT NULL, owner text, grp int, val text)');
SET tsdb_am.direct_load_rows = 1;
SELECT on_both($$INSERT INTO secret SELECT now(), CASE WHEN g % 3 = 0 THEN 'scan_reader' ELSE 'other' END, g % 5, CASE WHEN g % 3 = 0 THEN 'open' ELSE 'hidden' END || g % 2 FROM generate_series(1, 1500) g$$);
SET tsdb_am.direct_load_rows = 0;
SELECT on_both($$INSERT INTO secret SELECT now(), CASE WHEN g % 3 = 0 THEN 'scan_reader' ELSE 'other' END, g % 5, CASE WHEN g % 3 = 0 THEN 'open' ELSE 'hidden' END || g % 2 FROM generate_series(1, 30) g$$);
RESET tsdb_am.direct_load_rows;
SELECT on_both('ANALYZE secret');
SELECT on_both('CREATE VIEW barrier WITH (security_barrier) AS SELECT * FROM secret WHERE CASE WHEN grp >= 0 THEN owner = current_user END AND length(owner) > grp');
SELECT on_both('CREATE VIEW plain AS SELECT * FROM secret WHERE owner = current_user');
SELECT on_both('GRANT SELECT ON secret, barrier, plain TO scan_reader');
SELECT on_both('ALTER TABLE secret ENABLE ROW LEVEL SECURITY');
-- (of two columns: a condition on one could be tested on whole vectors ahead of it)
SELECT on_both('CREATE POLICY p ON secret USING (CASE WHEN grp >= 0 THEN owner = current_user END AND grp < 4)');
CREATE FUNCTION try_barrier(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE m text;
BEGIN
	TRUNCATE seen;
	PERFORM set_config('scan.seen', '', false);
	FOREACH m IN ARRAY ARRAY['scan', 'baseline'] LOOP
		SET LOCAL ROLE scan_reader;
		RETURN QUERY SELECT same(query, false, ARRAY[m]);
		RESET ROLE;
	END LOOP;
	RETURN QUERY SELECT format('leaked %s in %s', what, query) FROM seen WHERE what LIKE 'hidden%' OR what = 'other' GROUP BY what;
	IF current_setting('scan.seen') LIKE '%hidden%' OR current_setting('scan.seen') LIKE '%other%' THEN
		RETURN NEXT 'leaked in ' || query;
	END IF;
END $$;
SELECT try_barrier(q) FROM unnest(ARRAY['SELECT grp, val FROM secret WHERE leaky(val)', 'SELECT grp, val FROM secret WHERE leaky_stable(val)', 'SELECT grp, val FROM barrier WHERE leaky_stable(val)', 'SELECT grp, val FROM barrier WHERE leaky_stable(owner)', 'SELECT val FROM barrier WHERE leaky_stable(val) OR grp = 1',
	'SELECT val FROM barrier WHERE val = ''hidden1''', 'SELECT count(*) FROM barrier WHERE 1 / (CASE val WHEN ''hidden1'' THEN 0 ELSE 1 END) > 0', 'SELECT count(*) FROM secret WHERE 1 / (grp - 4) < 5', 'SELECT val FROM barrier WHERE grp = 2 AND leaky_stable(val)', 'SELECT val FROM barrier b WHERE EXISTS (SELECT 1 FROM scan_x.modes WHERE leaky_stable(b.val))',
	'SELECT b.val FROM scan_x.modes m JOIN barrier b ON leaky_stable(b.val || left(m.mode, 0))']) q;
-- the test itself: without a barrier it would be seen
SELECT on_both('ALTER TABLE secret DISABLE ROW LEVEL SECURITY');
SELECT left(d, 6) FROM try_barrier('SELECT grp, val FROM plain WHERE leaky_stable(val)') d WHERE d LIKE 'leaked%';

\echo # volatile and counting functions
CREATE SEQUENCE counter;
CREATE FUNCTION counted(int) RETURNS bool VOLATILE LANGUAGE plpgsql AS $$ BEGIN PERFORM nextval('scan_x.counter'); RETURN true; END $$;
GRANT ALL ON SEQUENCE counter TO public;
CREATE FUNCTION count_of(side text, condition text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE n bigint;
BEGIN
	PERFORM set_config('search_path', side || ', scan_x, public', true), set_config('enable_seqscan', 'off', true), setval('scan_x.counter', 1);
	EXECUTE 'SELECT count(*) FROM v WHERE ' || condition INTO n;
	RETURN n || ' rows, ' || nextval('scan_x.counter') - 2 || ' calls';
END $$;
SELECT c, count_of('scan_h', c), count_of('scan_t', c) FROM unnest('{counted(i4),i4 = 5 AND counted(id),counted(id) AND i4 = 5,counted(1),counted(i4) AND counted(id) AND b1}'::text[]) c
	WHERE count_of('scan_h', c) <> count_of('scan_t', c) OR c = 'counted(i4)';

\echo # changes that find their rows by the scan, and what a transaction sees of itself
CREATE FUNCTION run(side text, statements text[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE s text; r record; result text := ''; one text[]; n bigint;
BEGIN
	PERFORM set_config('search_path', side || ', scan_x, public', true), set_config('enable_seqscan', CASE side WHEN 'scan_t' THEN 'off' ELSE 'on' END, true),
		set_config('default_table_access_method', CASE side WHEN 'scan_t' THEN 'tsdb' ELSE 'heap' END, true), set_config('tsdb_am.direct_load_rows', '1', true);
	BEGIN
		EXECUTE 'CREATE TABLE m (t timestamptz NOT NULL, id int, host text, v int, s text)';
		EXECUTE 'INSERT INTO m SELECT timestamptz ''2026-01-01'' + g * interval ''1 min'', g, ''h'' || g % 3, g % 50, ''s'' || g % 7 FROM generate_series(1, 1200) g';
		PERFORM set_config('tsdb_am.direct_load_rows', '0', true);
		EXECUTE 'INSERT INTO m SELECT timestamptz ''2026-01-02'' + g * interval ''1 min'', g, ''h'' || g % 3, g % 50, ''s'' || g % 7 FROM generate_series(1201, 1300) g';
		FOREACH s IN ARRAY statements LOOP
			CONTINUE WHEN side = 'scan_h' AND s LIKE '%tsdb.%';
			one := '{}';
			n := 0;
			BEGIN
				IF s ~* '^(select|fetch|with|execute)|returning' AND s !~ '\) INSERT' THEN
					FOR r IN EXECUTE s LOOP one := one || r::text; END LOOP;
					CONTINUE WHEN s LIKE '%tsdb.%';
					n := cardinality(one);
					one := ARRAY(SELECT x FROM unnest(one) x ORDER BY x COLLATE "C");
				ELSE
					EXECUTE s;
					GET DIAGNOSTICS n = ROW_COUNT;
				END IF;
			EXCEPTION WHEN OTHERS THEN one := ARRAY['error ' || SQLSTATE];
			END;
			result := result || n || CASE WHEN n > 200 THEN md5(one::text) ELSE one::text END || '; ';
		END LOOP;
		FOR r IN EXECUTE 'SELECT count(*), sum(hashtext(m::text)) FROM m' LOOP result := result || r::text; END LOOP;
		RAISE EXCEPTION 'undo';
	EXCEPTION WHEN raise_exception THEN NULL;
	END;
	RETURN replace(result, side || '.', '');
END $$;
CREATE FUNCTION same_steps(VARIADIC statements text[]) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE wanted text := run('scan_h', statements); got text := run('scan_t', statements);
BEGIN
	PERFORM set_config('search_path', 'scan_x, public', true);
	IF wanted <> got OR wanted LIKE '%error 42%' THEN
		RETURN NEXT format(E'DIFFERENT: %s\n  heap: %s\n  tsdb: %s', statements, left(wanted, 2000), left(got, 2000));
	END IF;
END $$;
SELECT same_steps('UPDATE m SET v = v + 1 WHERE host = ''h1'' AND v > 40 RETURNING id, v', 'SELECT * FROM m WHERE v > 45', 'DELETE FROM m WHERE v = 7 AND t < ''2026-01-01 10:00'' RETURNING *', 'SELECT count(*) FROM m WHERE v = 7', 'UPDATE m SET (v, s) = (SELECT max(id), ''x'' FROM m b WHERE b.host = m.host) WHERE id % 100 = 3', 'SELECT id, v, s FROM m WHERE s = ''x''');
SELECT same_steps('UPDATE m SET v = x.v * 2 FROM (SELECT id, v FROM m WHERE v BETWEEN 10 AND 12) x WHERE m.id = x.id', 'DELETE FROM m USING generate_series(5, 9) g WHERE m.v = g AND m.host = ''h'' || g % 3 RETURNING m.id, g', 'INSERT INTO m SELECT t, id + 5000, host, v, s FROM m WHERE v < 5', 'SELECT count(*), sum(id) FROM m WHERE v < 5', 'WITH d AS (DELETE FROM m WHERE v = 13 RETURNING *) INSERT INTO m SELECT t, -id, host, v, s FROM d', 'SELECT id FROM m WHERE id < 0',
	'WITH u AS (UPDATE m SET s = ''u'' WHERE v = 14 RETURNING id), r AS (SELECT count(*) AS n FROM m WHERE s = ''u'') SELECT * FROM u, r');
SELECT same_steps('MERGE INTO m USING (SELECT g AS id FROM generate_series(1190, 1310, 10) g) x ON m.id = x.id WHEN MATCHED AND m.v > 25 THEN UPDATE SET v = -1 WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (''2026-02-01'', x.id, ''new'', 0, ''n'')', 'SELECT id, v, s FROM m WHERE id BETWEEN 1190 AND 1310 AND id % 10 = 0', 'SELECT id FROM m WHERE host = ''new''');
SELECT same_steps('SELECT id FROM m WHERE v = 5 FOR UPDATE', 'SELECT id FROM m WHERE v = 6 AND host = ''h1'' FOR SHARE SKIP LOCKED', 'SELECT id FROM m WHERE v = 7 ORDER BY id LIMIT 3 FOR NO KEY UPDATE NOWAIT', 'UPDATE m SET v = 0 WHERE id IN (SELECT id FROM m WHERE v = 8 FOR UPDATE)', 'SELECT id FROM m WHERE v = 0 AND id % 50 = 8');
SELECT same_steps('DECLARE c CURSOR FOR SELECT id FROM m WHERE v = 3', 'INSERT INTO m VALUES (''2026-01-01'', 9999, ''h1'', 3, ''late'')', 'DELETE FROM m WHERE v = 3 AND id > 600', 'UPDATE m SET v = 4 WHERE v = 3 AND id < 100', 'SELECT count(*) FROM m WHERE v = 3', 'FETCH ALL FROM c', 'SELECT id FROM m WHERE v = 4');
SELECT same_steps('DECLARE c CURSOR FOR SELECT id FROM m WHERE v IN (3, 4)', 'FETCH 0 FROM c', 'SELECT tsdb.compress(''scan_t.m'')', 'DELETE FROM m WHERE v = 3', 'SELECT tsdb.recompress(''scan_t.m'')', 'FETCH ALL FROM c', 'SELECT id FROM m WHERE v IN (3, 4)');
SELECT same_steps('DECLARE c CURSOR FOR SELECT id FROM m WHERE v IN (3, 4) ORDER BY id', 'FETCH 3 FROM c', 'SELECT tsdb.decompress(''scan_t.m'')', 'UPDATE m SET v = 3', 'FETCH ALL FROM c', 'SELECT count(*) FROM m WHERE v = 3', 'SELECT tsdb.compress(''scan_t.m'')', 'SELECT count(*) FROM m WHERE v = 3 AND host = ''h2''');
SELECT same_steps('DECLARE c CURSOR FOR SELECT * FROM m WHERE id = 77 FOR UPDATE', 'FETCH 1 FROM c', 'UPDATE m SET s = ''current'' WHERE CURRENT OF c RETURNING *', 'FETCH 1 FROM c', 'SELECT * FROM m WHERE s = ''current''');
SELECT same_steps('DECLARE c CURSOR FOR SELECT * FROM m WHERE id = 1250', 'FETCH 1 FROM c', 'DELETE FROM m WHERE CURRENT OF c', 'SELECT count(*) FROM m WHERE id BETWEEN 1249 AND 1251');
SELECT same_steps('PREPARE p (int) AS SELECT id, v FROM m WHERE v = $1 AND id < 200', 'EXECUTE p (5)', 'ALTER TABLE m ADD COLUMN x int DEFAULT 5', 'EXECUTE p (5)', 'ALTER TABLE m ALTER v TYPE bigint', 'SELECT id, v FROM m WHERE v = 5 AND id < 200', 'ALTER TABLE m DROP COLUMN s, ADD COLUMN s text DEFAULT ''again''', 'SELECT * FROM m WHERE s LIKE ''ag%'' AND v = 5', 'ALTER TABLE m ALTER v TYPE numeric USING v / 2.0', 'SELECT * FROM m WHERE v = 2.5', 'ALTER TABLE m ALTER host TYPE varchar(10)', 'SELECT id FROM m WHERE host = ''h1'' AND x = 5 AND v < 1', 'ALTER TABLE m ALTER host TYPE text COLLATE "C"', 'SELECT id FROM m WHERE host > ''h1'' AND v < 1', 'DEALLOCATE p');
SELECT same_steps('CREATE TABLE c2 (extra int) INHERITS (m)', 'INSERT INTO c2 SELECT t, id + 2000, host, v, s, id FROM m WHERE v < 10', 'SELECT tableoid::regclass, count(*), sum(id) FROM m WHERE v = 5 GROUP BY 1', 'SELECT count(*) FROM ONLY m WHERE v = 5', 'UPDATE m SET v = 99 WHERE v = 5 AND host = ''h2''', 'SELECT tableoid::regclass, id FROM m WHERE v = 99', 'DELETE FROM ONLY m WHERE v = 99', 'SELECT count(*) FROM m WHERE v = 99', 'SELECT extra FROM c2 WHERE v = 99');
SELECT same_steps('CREATE MATERIALIZED VIEW mv AS SELECT * FROM m WHERE v < 30', 'SELECT id FROM mv WHERE v = 5 AND host = ''h1''', 'DELETE FROM m WHERE v = 5', 'REFRESH MATERIALIZED VIEW mv', 'SELECT count(*), max(t) FROM mv WHERE v IN (5, 6)', 'CREATE UNLOGGED TABLE ul AS SELECT * FROM m', 'SELECT count(*) FROM ul WHERE v = 6', 'CREATE TEMP TABLE tmp_m ON COMMIT DROP AS SELECT * FROM m', 'SELECT count(*), sum(id) FROM tmp_m WHERE v = 6 AND host = ''h1''', 'DROP TABLE tmp_m', 'TRUNCATE m', 'SELECT count(*) FROM m WHERE v = 6');
SELECT same_steps('CREATE TABLE h (k int, id int) PARTITION BY HASH (k)', 'CREATE TABLE h0 PARTITION OF h FOR VALUES WITH (MODULUS 2, REMAINDER 0)', 'CREATE TABLE h1 PARTITION OF h FOR VALUES WITH (MODULUS 2, REMAINDER 1) USING heap', 'INSERT INTO h SELECT g % 20, g FROM generate_series(1, 3000) g', 'SELECT count(*), sum(id) FROM h WHERE k = 5', 'SELECT count(*), sum(id) FROM h WHERE k IN (5, 6, 7) AND id > 1000', 'SELECT count(*) FROM h JOIN m ON h.k = m.v AND h.id = m.id', 'UPDATE h SET k = k + 1 WHERE id < 50', 'SELECT tableoid::regclass, k, id FROM h WHERE id < 50', 'DELETE FROM h WHERE k = (SELECT min(k) FROM h)', 'SELECT count(*) FROM h');
-- at the top level: subtransactions, held cursors, snapshots
SET search_path = scan_t, scan_x, public;
SET enable_seqscan = off;
SET tsdb_am.direct_load_rows = 1;
CREATE TABLE tx (t timestamptz NOT NULL, id int, v int) USING tsdb;
INSERT INTO tx SELECT timestamptz '2026-01-01' + g * interval '1 min', g, g % 10 FROM generate_series(1, 1500) g;
BEGIN;
INSERT INTO tx SELECT '2026-02-01', g, 100 FROM generate_series(2001, 2003) g;
SAVEPOINT a;
INSERT INTO tx SELECT '2026-02-01', g, 100 FROM generate_series(3001, 4100) g;
DELETE FROM tx WHERE v = 9;
SELECT count(*) FROM tx WHERE v = 100 OR v = 9;
ROLLBACK TO a;
SELECT count(*) FROM tx WHERE v = 100 OR v = 9;
SAVEPOINT b;
DELETE FROM tx WHERE v = 8;
RELEASE b;
SELECT count(*), count(*) FILTER (WHERE v = 8) FROM tx WHERE v >= 8;
DECLARE held CURSOR WITH HOLD FOR SELECT id FROM tx WHERE v = 9 AND id > 1400;
COMMIT;
DELETE FROM tx WHERE v = 9;
FETCH ALL FROM held;
CLOSE held;
SELECT count(*) FROM tx WHERE v = 9;
BEGIN;
DELETE FROM tx WHERE v = 7;
ROLLBACK;
SELECT count(*) FROM tx WHERE v = 7;
DROP TABLE tx;
-- times without a zone, compared with such that have one, where clocks are set forward (02:30 is 01:30 UTC, 03:00 is 01:00 UTC) and back
SET timezone = 'Europe/Berlin';
CREATE TABLE clocks (ts timestamp NOT NULL, v int) USING tsdb WITH (orderby = 'ts');
CREATE TABLE clocks_h (ts timestamp NOT NULL, v int);
DO $$
BEGIN
	-- a chunk every 20 minutes
	FOR i IN 0 .. 17 LOOP
		INSERT INTO clocks SELECT start + j * interval '1 min', j FROM (VALUES (timestamp '2024-03-31 00:05'), ('2024-10-27 00:05')) v (start), generate_series(i * 20, i * 20 + 19) j;
		PERFORM tsdb.compress('clocks');
	END LOOP;
	INSERT INTO clocks VALUES ('infinity', 1), ('-infinity', 2);
	PERFORM tsdb.compress('clocks');
END $$;
INSERT INTO clocks_h TABLE clocks;
CREATE FUNCTION clock_count(side text, zone text, op text, at timestamptz) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE n bigint;
BEGIN
	PERFORM set_config('timezone', zone, true);
	EXECUTE format('SELECT sum(v) + count(*) FROM %I WHERE ts %s $1', side, op) INTO n USING at;
	RETURN n;
END $$;
SELECT zone, op, at AT TIME ZONE 'UTC', clock_count('clocks', zone, op, at), clock_count('clocks_h', zone, op, at)
  FROM unnest(ARRAY['Europe/Berlin', 'UTC', 'America/St_Johns', 'XXX-100YYY,M3.5.0/2,M10.5.0/3']) zone, unnest('{<,<=,=,>=,>}'::text[]) op,
	   unnest(ARRAY[timestamptz 'infinity', '-infinity'] ||
			  ARRAY(SELECT timestamptz '2024-03-31 00:00+00' + i * interval '7 min' FROM generate_series(-20, 40) i) ||
			  ARRAY(SELECT timestamptz '2024-10-27 00:00+00' + i * interval '13 min' FROM generate_series(-10, 20) i)) at
 WHERE clock_count('clocks', zone, op, at) IS DISTINCT FROM clock_count('clocks_h', zone, op, at);
SELECT clock_count('clocks', 'Europe/Berlin', '>', '2024-03-31 01:45+00'), clock_count('clocks', 'Europe/Berlin', '<=', '2024-03-31 01:05+00');
DROP FUNCTION clock_count;
DROP TABLE clocks, clocks_h;
RESET timezone;
RESET search_path;
SET client_min_messages = error;
DROP SCHEMA scan_t CASCADE;
DROP SCHEMA scan_h CASCADE;
DROP SCHEMA scan_x CASCADE;
DROP ROLE scan_reader;
