-- TsdbAgg against heap: each query runs on heap tables in schema agg_h and on tables of the same contents in schema agg_t, there under
-- several settings, and must return the same rows or the same error.  Only differences are printed.
-- Floats may differ by 1e-9 of their size (float4 is cast to float8, to be shown in full): TsdbAgg adds in another order.
-- What would break it: a group lost, doubled or split when rows are set aside; a state of one group, pass or scan seen in another; steps of
-- time that go past a change of the zone; codes of another chunk's dictionary; an error of a row that WHERE or FILTER keeps out; partial
-- states that core's functions read otherwise.
\set VERBOSITY terse
\set ECHO none
\pset tuples_only on
\pset format unaligned
SET jit = off;
SET client_min_messages = warning;
SET timezone = 'Europe/Berlin';
SET extra_float_digits = 0;
SET max_parallel_workers_per_gather = 0;
CREATE SCHEMA agg_h;
CREATE SCHEMA agg_t;
CREATE SCHEMA agg_x;
SET search_path = agg_x, public;

-- What a query returns, as one text; an error is a result like others.
CREATE FUNCTION answer(side text, query text, ordered boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
	PERFORM set_config('search_path', side || ', agg_x, public', true);
	EXECUTE format('SELECT count(*) || '' '' || coalesce(string_agg(q.*::text, '' '' %s), '''') FROM (%s) q',
		CASE WHEN ordered THEN '' ELSE 'ORDER BY q.*::text COLLATE "C"' END, query) INTO result;
	RETURN replace(result, side || '.', '');
EXCEPTION WHEN OTHERS THEN
	-- (which of several errors of data comes first depends on the order of rows, and so does what its message names)
	RETURN 'error ' || CASE WHEN SQLSTATE LIKE 'XX%' THEN SQLSTATE || ' ' || SQLERRM WHEN SQLSTATE LIKE '22%' THEN 'of data' ELSE SQLSTATE END;
END $$;

-- settings under which the side of tsdb is asked; prices are such that TsdbAgg is taken where it can be
CREATE TABLE modes (mode text, settings text[]);
INSERT INTO modes VALUES
	('agg', '{cpu_operator_cost=1,cpu_tuple_cost=10}'),
	('baseline', '{cpu_operator_cost=1,cpu_tuple_cost=10,tsdb_am.simd=baseline}'),
	('spill', '{cpu_operator_cost=1,cpu_tuple_cost=10,work_mem=64kB,hash_mem_multiplier=1,enable_sort=off}'),
	('parallel', '{cpu_operator_cost=1,cpu_tuple_cost=10,parallel_setup_cost=0,parallel_tuple_cost=0,min_parallel_table_scan_size=0,max_parallel_workers_per_gather=2}'),
	('partitions', '{cpu_operator_cost=1,cpu_tuple_cost=10,enable_partitionwise_aggregate=on}'),
	('parallel partitions', '{cpu_operator_cost=1,cpu_tuple_cost=10,enable_partitionwise_aggregate=on,parallel_setup_cost=0,parallel_tuple_cost=0,min_parallel_table_scan_size=0,max_parallel_workers_per_gather=2}'),
	('no agg', '{enable_seqscan=off,tsdb_am.enable_vector_agg=off}');

-- Are two texts the same, but for the last digits of floats?
CREATE FUNCTION near(a text, b text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE x text[] := regexp_split_to_array(a, '[ ,(){}"]+'); y text[] := regexp_split_to_array(b, '[ ,(){}"]+');
BEGIN
	IF cardinality(x) IS DISTINCT FROM cardinality(y) THEN
		RETURN false;
	END IF;
	FOR i IN 1 .. cardinality(x) LOOP
		IF x[i] IS DISTINCT FROM y[i] AND (x[i] !~ '^-?[0-9]+([.][0-9]+)?(e[-+][0-9]+)?$' OR y[i] !~ '^-?[0-9]+([.][0-9]+)?(e[-+][0-9]+)?$' OR
			(x[i] || y[i]) !~ '[.e]' AND replace(x[i], '-0', '0') <> replace(y[i], '-0', '0') OR abs(x[i]::numeric - y[i]::numeric) > 1e-9 * greatest(abs(x[i]::numeric), abs(y[i]::numeric))) THEN
			RETURN false;
		END IF;
	END LOOP;
	RETURN true;
END $$;

-- Prints where tsdb's answer is not heap's.
CREATE FUNCTION same(query text, ordered boolean DEFAULT false, which text[] DEFAULT '{agg,parallel}') RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE wanted text := answer('agg_h', query, ordered); got text; m record; setting text; path text := current_setting('search_path');
BEGIN
	FOR m IN SELECT * FROM modes WHERE mode = ANY (which) LOOP
		FOREACH setting IN ARRAY m.settings LOOP
			PERFORM set_config(split_part(setting, '=', 1), split_part(setting, '=', 2), true);
		END LOOP;
		got := answer('agg_t', query, ordered);
		FOREACH setting IN ARRAY m.settings LOOP
			EXECUTE format('SET LOCAL %s TO DEFAULT', split_part(setting, '=', 1));
		END LOOP;
		SET LOCAL max_parallel_workers_per_gather = 0;
		IF got IS DISTINCT FROM wanted AND NOT near(wanted, got) THEN
			RETURN NEXT format(E'DIFFERENT (%s): %s\n  heap: %s\n  tsdb: %s', m.mode, query, left(wanted, 300), left(got, 300));
		END IF;
	END LOOP;
	PERFORM set_config('search_path', path, true);
END $$;

-- Does the query use TsdbAgg at all?  Prints the query if not.
CREATE FUNCTION uses_agg(query text, mode_name text DEFAULT 'agg') RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text; setting text; settings text[] := (SELECT settings FROM modes WHERE mode = mode_name); found boolean := false; path text := current_setting('search_path');
BEGIN
	PERFORM set_config('search_path', 'agg_t, agg_x, public', true);
	FOREACH setting IN ARRAY settings LOOP
		PERFORM set_config(split_part(setting, '=', 1), split_part(setting, '=', 2), true);
	END LOOP;
	FOR line IN EXECUTE 'EXPLAIN ' || query LOOP
		found := found OR line LIKE '%TsdbAgg%';
	END LOOP;
	FOREACH setting IN ARRAY settings LOOP
		EXECUTE format('SET LOCAL %s TO DEFAULT', split_part(setting, '=', 1));
	END LOOP;
	SET LOCAL max_parallel_workers_per_gather = 0;
	PERFORM set_config('search_path', path, true);
	-- (one round of the tests does without)
	IF NOT found AND current_setting('tsdb_am.enable_custom_scan') = 'on' THEN
		RETURN NEXT 'WITHOUT TsdbAgg: ' || query;
	END IF;
END $$;

-- A statement on both sides (schema {s}), for its effect alone.
CREATE FUNCTION on_both(statement text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE side text;
BEGIN
	FOREACH side IN ARRAY ARRAY['agg_h', 'agg_t'] LOOP
		PERFORM set_config('search_path', side || ', agg_x, public', true);
		PERFORM set_config('default_table_access_method', CASE side WHEN 'agg_h' THEN 'heap' ELSE 'tsdb' END, true);
		EXECUTE replace(statement, '{s}', side);
	END LOOP;
END $$;

\echo # a difference is seen
SELECT on_both('CREATE TABLE x (id int, v int)');
SELECT on_both($$INSERT INTO x SELECT g, CASE '{s}' WHEN 'agg_t' THEN 0 ELSE g END FROM generate_series(1, 3) g$$);
SELECT same('SELECT count(*) FROM x');
SELECT same('SELECT sum(v) FROM x', false, '{agg}');
SELECT same('SELECT sum(1 / v) FROM x', false, '{agg}');
SELECT near(a, b) FROM (VALUES ('1 (a,0.1234567891,-0)', '1 (a,0.12345678911,0)'), ('1 (0.12345678)', '1 (0.12345679)'), ('1 (123456789012)', '1 (123456789013)'), ('(1,2)', '(1,2,3)'), ('(a)', '(b)')) v (a, b);
SELECT on_both('DROP TABLE x');

\echo # the table of all types: chunks, rows, tombstones, dropped and added columns
CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TYPE mood AS ENUM ('low', 'middle', 'high');
ALTER TYPE mood ADD VALUE 'between' BEFORE 'middle';
CREATE DOMAIN small AS int CHECK (VALUE < 1000000);
CREATE TYPE pair AS (a int, b text);
CREATE FUNCTION value(g int, n int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT (abs(hashint4(g * 31 + n)::bigint) % 10007)::int';
CREATE FUNCTION rows_of(a int, b int) RETURNS TABLE (t timestamptz, gone1 text, id int, host text, b1 bool, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, fx float8, nu numeric, nx numeric,
	tx text, tc text, ti text, vc varchar(20), bc char(6), ba bytea, ch "char", oi oid, da date, ts timestamp, tz timestamptz, tm time, tt timetz, iv interval, uu uuid, ip inet, js jsonb, ar int[],
	en mood, dm small, co pair, mo money, nm name, rg int4range, gone2 int, one text) STABLE LANGUAGE sql AS $$
SELECT '2026-03-28 20:00'::timestamptz + g * interval '37 s', 'gone', g, CASE WHEN g % 41 <> 0 THEN 'host' || g % 23 END,
	CASE g % 3 WHEN 0 THEN true WHEN 1 THEN false END,
	CASE WHEN g % 13 <> 0 THEN CASE g % 97 WHEN 0 THEN 32767 WHEN 1 THEN -32768 ELSE value(g, 1) - 5000 END END::int2,
	CASE WHEN g % 17 <> 0 THEN CASE g % 211 WHEN 0 THEN 2147483647 WHEN 1 THEN -2147483648 ELSE value(g, 2) % 21 - 10 END END,
	CASE WHEN g % 11 <> 0 THEN CASE g % 211 WHEN 0 THEN 9223372036854775807 WHEN 1 THEN -9223372036854775808 WHEN 2 THEN 9223372036854775806 WHEN 3 THEN 4294967296 ELSE g END END,
	CASE WHEN g % 19 <> 0 THEN (value(g, 3) % 100)::float4 / 8 END,
	CASE WHEN g % 19 <> 1 THEN (value(g, 4) % 500) / 16.0::float8 - 10 END,
	CASE WHEN g % 19 <> 1 THEN CASE g % 101 WHEN 0 THEN 'NaN' WHEN 1 THEN '-Infinity' WHEN 2 THEN 'Infinity' WHEN 3 THEN '-0' WHEN 4 THEN '0.1' WHEN 5 THEN '1e-310'
		ELSE (value(g, 4) % 500) / 8.0::float8 END END,
	CASE WHEN g % 7 <> 0 THEN CASE g % 103 WHEN 3 THEN '5.00' WHEN 4 THEN '5' WHEN 5 THEN '-1e50' ELSE (value(g, 5) - 5000) / 100.0 END END::numeric,
	CASE WHEN g % 7 <> 1 THEN CASE g % 103 WHEN 0 THEN 'NaN' WHEN 1 THEN 'Infinity' WHEN 2 THEN '-Infinity' ELSE (value(g, 6) % 50) / 10.0 END END::numeric,
	CASE WHEN g % 8 <> 0 THEN (ARRAY['Straße', 'strasse', 'Zebra', 'apple', 'Apple', 'äpfel', '', 'b%', 'b_c', 'long common prefix ' || g % 5])[1 + value(g, 6) % 10] END,
	CASE WHEN g % 9 <> 0 THEN chr(97 + g % 26) || md5(g::text) END,
	CASE WHEN g % 12 <> 0 THEN (ARRAY['Abc', 'aBC', 'abd', 'ABD', 'x'])[1 + value(g, 8) % 5] END,
	CASE WHEN g % 5 <> 0 THEN 'v' || value(g, 9) % 50 END,
	CASE WHEN g % 6 <> 0 THEN repeat('p', g % 4) || g % 3 END,
	CASE WHEN g % 7 <> 1 THEN decode(md5((g % 37)::text), 'hex') || '\x00ff'::bytea END,
	CASE WHEN g % 7 <> 2 THEN chr(33 + g % 90) END::"char",
	CASE WHEN g % 7 <> 3 THEN CASE g % 5 WHEN 0 THEN 4294967295 - g % 4 WHEN 1 THEN 2147483648 ELSE g % 50 END END::oid,
	CASE WHEN g % 7 <> 4 THEN CASE g % 107 WHEN 0 THEN 'infinity' WHEN 1 THEN '-infinity' WHEN 2 THEN '5874897-12-31' WHEN 3 THEN '4714-11-24 BC' ELSE date '1999-12-01' + value(g, 10) % 60 END END,
	CASE WHEN g % 7 <> 5 THEN CASE g % 107 WHEN 0 THEN 'infinity' WHEN 1 THEN '-infinity' WHEN 2 THEN '294276-12-31 23:59:59.999999' WHEN 3 THEN '4714-11-24 00:00:00 BC'
		ELSE '1999-12-30'::timestamp + value(g, 11) * interval '31.123456 s' END END,
	CASE WHEN g % 7 <> 6 THEN CASE g % 107 WHEN 0 THEN 'infinity' WHEN 1 THEN '-infinity' WHEN 2 THEN '294276-12-31 12:59:59.999999+00' WHEN 3 THEN '4714-11-25 00:00:00+00 BC' WHEN 4 THEN '1883-11-18 12:00+00'
		WHEN 5 THEN '1945-05-24 01:00+00' ELSE '2026-03-28'::timestamptz + (value(g, 12) - 3000) * interval '61.5 s' END END,
	CASE WHEN g % 8 <> 1 THEN CASE g % 50 WHEN 0 THEN '24:00' ELSE time '00:00' + value(g, 13) * interval '7 s' END END,
	CASE WHEN g % 8 <> 2 THEN (time '00:00' + value(g, 14) * interval '7 s')::text || (ARRAY['+00', '+02', '-05:30'])[1 + g % 3] END::timetz,
	CASE WHEN g % 8 <> 3 THEN (ARRAY['1 day', '24 hours', '1 month', '30 days', '-1 s', '1000 years'])[1 + g % 6] END::interval,
	CASE WHEN g % 8 <> 4 THEN md5((g % 41)::text)::uuid END,
	CASE WHEN g % 8 <> 5 THEN CASE g % 4 WHEN 0 THEN '::' || g % 9 ELSE '10.0.' || g % 7 || '.' || g % 9 || CASE g % 2 WHEN 0 THEN '/24' ELSE '' END END END::inet,
	CASE WHEN g % 9 <> 0 THEN jsonb_build_object('k', g % 5, 'n', (g % 3) || '.0') END,
	CASE WHEN g % 9 <> 1 THEN ARRAY[g % 4, CASE WHEN g % 3 <> 0 THEN g % 7 END] END,
	CASE WHEN g % 9 <> 3 THEN (ARRAY['low', 'between', 'middle', 'high'])[1 + value(g, 15) % 4] END::mood,
	CASE WHEN g % 9 <> 4 THEN g % 77 END::small,
	CASE WHEN g % 9 <> 6 THEN ROW(g % 5, CASE WHEN g % 4 <> 0 THEN 'c' || g % 3 END)::pair END,
	CASE WHEN g % 9 <> 7 THEN (value(g, 16) - 5000)::numeric::money END,
	CASE WHEN g % 9 <> 8 THEN 'n' || g % 30 END::name,
	CASE WHEN g % 5 <> 3 THEN int4range(g % 9, g % 9 + g % 4) END,
	g, 'constant'
FROM generate_series(a, b) g $$;
SELECT on_both('CREATE TABLE v (t timestamptz NOT NULL, gone1 text, id int, host text, b1 bool, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, fx float8, nu numeric, nx numeric,
	tx text COLLATE "en-x-icu", tc text COLLATE "C", ti text COLLATE nocase, vc varchar(20), bc char(6), ba bytea, ch "char", oi oid, da date, ts timestamp, tz timestamptz, tm time, tt timetz, iv interval, uu uuid, ip inet, js jsonb, ar int[],
	en mood, dm small, co pair, mo money, nm name, rg int4range, gone2 int, one text)');
ALTER TABLE agg_t.v SET (segmentby = 'host', orderby = 't');
SET tsdb_am.direct_load_rows = 1;
SELECT on_both('INSERT INTO v SELECT * FROM rows_of(1, 1500)');
DO $$ BEGIN PERFORM tsdb.recompress('agg_t.v', true); END $$;
SELECT on_both('INSERT INTO v SELECT * FROM rows_of(1501, 2600)');
SELECT on_both('ALTER TABLE v DROP COLUMN gone1, DROP COLUMN gone2, ADD COLUMN n4 int DEFAULT 7, ADD COLUMN nt text DEFAULT ''late'',
	ADD COLUMN nz timestamptz DEFAULT ''infinity'', ADD COLUMN nf float4 DEFAULT ''NaN'', ADD COLUMN nn int, ADD COLUMN nu2 numeric DEFAULT 1.50, ADD COLUMN b2 bool DEFAULT true');
CREATE FUNCTION add_rows(a int, b int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE columns text := (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'agg_h.v'::regclass AND attnum > 0 AND NOT attisdropped AND attnum <= 39);
BEGIN
	PERFORM on_both(format('INSERT INTO v (%s, n4, nt, nz, nf, nn, nu2, b2) SELECT %1$s, id %% 5, ''n'' || id %% 3, t, id %% 7, id %% 4, nu, b1 FROM rows_of(%s, %s)', columns, a, b));
END $$;
SELECT add_rows(2601, 3700);
SET tsdb_am.direct_load_rows = 0;
SELECT add_rows(3701, 4200);
SELECT on_both('DELETE FROM v WHERE id % 37 = 5 OR id BETWEEN 1200 AND 1290');
SELECT on_both('UPDATE v SET i4 = i4 / 2, host = ''moved'' WHERE id % 101 = 7');
SELECT on_both('CREATE TABLE k (n int, host text, t timestamptz, lo int)');
SELECT on_both('INSERT INTO k SELECT g, nullif(''host'' || g, ''host4''), timestamptz ''2026-03-28 21:00'' + g * interval ''3 h'', g * 300 FROM generate_series(0, 11) g');
SELECT on_both('ANALYZE');

CREATE TABLE queries (n serial, q text);
-- Each query of the table, or of a list that is multiplied with others.
CREATE FUNCTION try_queries(which text[] DEFAULT '{agg,parallel}', must_use boolean DEFAULT true) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE r record;
BEGIN
	FOR r IN SELECT q FROM queries ORDER BY n LOOP
		IF must_use THEN
			RETURN QUERY SELECT uses_agg(r.q);
		END IF;
		RETURN QUERY SELECT same(r.q, false, which);
	END LOOP;
	TRUNCATE queries;
END $$;

\echo # aggregates of every type, without groups, by series, by something else, filtered
CREATE TABLE aggregates (a text);
INSERT INTO aggregates VALUES ('count(*)'), ('count(*), sum(i4)'), ('sum(i2), avg(i2), min(i2), max(i2), count(i2)'), ('sum(i4), avg(i4), min(i4), max(i4), count(i4)'), ('sum(i8), avg(i8), min(i8), max(i8), count(i8)'),
	('sum(f4)::float8, avg(f4), min(f4)::float8, max(f4)::float8, count(f4)'), ('sum(f8), avg(f8), min(f8), max(f8), count(f8)'), ('sum(fx), avg(fx), max(fx), count(fx)'), ('min(fx + 0)'), ('sum(nu), avg(nu), min(nu::float8), max(nu)::float8, count(nu)'), ('sum(nx), avg(nx), max(nx), min(nx::float8)'),
	('variance(i2), stddev(i4), var_pop(i2), stddev_pop(i4)'), ('variance(i8), stddev_pop(i8)'), ('variance(f4), stddev(f8), var_pop(f4), stddev_pop(f8), avg(f8)'), ('variance(fx), stddev_pop(fx)'), ('variance(nu), stddev_pop(nx)'), ('avg(f8), sum(f8)'), ('sum(i2)'), ('sum(i4)'), ('sum(i8)'), ('avg(i2)'), ('avg(i8)'), ('sum(id), avg(i4), sum(f8), avg(nn)'), ('sum(n4), avg(dm)'), ('sum(f8)'), ('avg(f8)'),
	('min(tx COLLATE "C"), max(tx COLLATE "C")'), ('min(tx), max(tx)'), ('min(tc), max(tc), count(tc)'), ('lower(min(ti)), lower(max(ti))'), ('min(vc), max(bc)'), ('min(host), max(host)'), ('min(one), max(nt), min(nt)'), ('min(oi), max(oi)'), ('min(da), max(da)'), ('min(ts), max(ts)'), ('min(tz), max(tz)'), ('min(t), max(t)'),
	('min(tm), max(tm), avg(tm)'), ('min(tt), max(tt)'), ('min(mo), max(mo), sum(mo)'), ('sum(iv), avg(iv), min(iv)::text <> '''', count(iv)'), ('min(ip), max(ip)'), ('min(en), max(en)'), ('min(dm), max(dm), sum(dm)'), ('min(ar), max(ar)'), ('count(uu), count(js), count(co)'), ('bool_and(b1), bool_or(b1), every(b1)'),
	('bit_and(i2), bit_or(i4), bit_xor(i8)'), ('min(n4), max(n4), sum(n4), min(nz), max(nz), max(nf)::float8, sum(nn), count(nn), sum(nu2), bool_and(b2), count(*)'), ('corr(i2, f8), regr_count(i2, f8), covar_pop(f8, i2), regr_avgx(f8, f4)'), ('(SELECT array_agg(x ORDER BY x) FROM unnest(array_agg(i2)) x)'),
	('(SELECT array_agg(x ORDER BY x COLLATE "C") FROM unnest(array_agg(tx)) x)'), ('json_array_length(json_agg(i4)), json_array_length(json_agg(tx))'), ('jsonb_array_length(jsonb_agg(js))'), ('length(string_agg(tx, '', '')), length(string_agg(ba, ''''))'), ('(SELECT count(*) FROM jsonb_object_keys(jsonb_object_agg(id, i4)))'), ('array_length(array_agg(ar), 1)'),
	('range_agg(rg)'), ('range_intersect_agg(rg)'), ('count(*) FILTER (WHERE b1), sum(i4) FILTER (WHERE i4 > 0), sum(i4) FILTER (WHERE b1), min(tx COLLATE "C") FILTER (WHERE f8 > 10), avg(f8) FILTER (WHERE f8 < 0), count(*)'), ('sum(f8) FILTER (WHERE host LIKE ''host1%''), max(tc) FILTER (WHERE NOT b1), sum(f8) FILTER (WHERE false), sum(f8) FILTER (WHERE NULL), count(*) FILTER (WHERE true)'),
	('sum(i2 + i2), sum(i2 * 3), sum(i2 - i2 / 7), sum(-(i2::int)), sum(abs(i2::int))'), ('sum(i4::int8 * 2), sum(i4::int8 + i2), min(i2 - 1::int8), max(i2 * i2::int8), sum(i8 / 1000), sum(i8 / 7 - i2)'), ('sum(f8 * 2), sum(f8 + f4), sum(f8 - i2), sum(f8 / 4), sum(-f8), sum(abs(f8)), sum(i2::float8), sum(f4 * 2), max(i8::float8)'),
	('sum(CASE WHEN i4 <> 0 THEN 1000 / i4 END), sum(CASE WHEN b1 THEN f8 ELSE -f8 END), sum(b1::int)'), ('sum(1000 / i4) FILTER (WHERE i4 <> 0), sum(1 / f8) FILTER (WHERE f8 > 1), sum(i4 + 2147483640) FILTER (WHERE i4 BETWEEN -10 AND 7)'), ('sum(length(tx)), max(upper(tx) COLLATE "C"), sum(coalesce(i4, 0)), sum(greatest(i4, i2)), sum((co).a), max((co).b), sum(ar[1]), max(js ->> ''k'')'),
	('max(t - timestamptz ''2026-01-01''), sum(t - nz) FILTER (WHERE nz < ''infinity''), min(t + interval ''1 day''), max(t::date), max(t::time)'), ('sum(i4::numeric), avg(i2::numeric), sum(i2::numeric / 3), sum(nu * 2)'), ('count(i4 > 0), count(f8 = f4), bool_or(f8 > f4), bool_and(i4 >= -2147483648), bool_or(t > nz), count(NULLIF(i4, 5))'), ('sum(hashtext(tx)), min(hashtext(tx)), max(hashint4(id)), sum(hashint4(id)::int8 + 1), count(*) FILTER (WHERE hashtext(tx) < 0), bool_or(hashint4(id) > 0)'),
	('sum(1), count(1), avg(2.5), max(''x''), count(NULL), sum(NULL::int), min(now()) = now()'), ('max(i4) - min(i4), sum(i4) * 2 + count(*), sum(i4) / nullif(count(i4), 0), coalesce(sum(nn), -1)'), ('count(*), count(*), sum(i4), sum(i4), avg(i4)'), ('first(i4, t), last(tx, t), first(f8, id), last(host, id), first(nu, t), last(id, ts) IS NULL OR true'), ('last(f8, t) FILTER (WHERE b1), first(tc, -id), last(i2 + 1, t), first(id, tc)'), ('any_of.n FROM (SELECT count(*) AS n FROM v) any_of --');
DELETE FROM aggregates WHERE a LIKE '%--';
INSERT INTO queries (q) SELECT 'SELECT ' || a || ' FROM v' FROM aggregates;
SELECT try_queries('{agg,baseline,parallel,no agg}');
INSERT INTO queries (q) SELECT 'SELECT host, ' || a || ' FROM v GROUP BY host' FROM aggregates;
SELECT try_queries('{agg,baseline,parallel}');
INSERT INTO queries (q) SELECT format('SELECT b1, en, %s FROM v WHERE id %% 5 <> 2 AND f8 < 15 GROUP BY b1, en', a) FROM aggregates;
INSERT INTO queries (q) SELECT format('SELECT date_trunc(''hour'', t), %s FROM v WHERE t > ''2026-03-29 01:00'' GROUP BY 1', a) FROM aggregates;
INSERT INTO queries (q) SELECT format('SELECT host, id %% 3, %s FROM v WHERE host < ''host5'' GROUP BY 1, 2', a) FROM aggregates;
SELECT try_queries('{agg}');
INSERT INTO queries (q) SELECT format('SELECT id / 3, %s FROM v GROUP BY 1', a) FROM aggregates;
SELECT try_queries('{spill}', false);
INSERT INTO queries (q) SELECT format('SELECT %s FROM v WHERE id < 0', a) FROM aggregates;
INSERT INTO queries (q) SELECT format('SELECT host, %s FROM v WHERE id < 0 GROUP BY host', a) FROM aggregates;
INSERT INTO queries (q) SELECT format('SELECT id, %s FROM v WHERE id %% 11 = 3 AND host > ''host2'' GROUP BY id', a) FROM aggregates WHERE a LIKE '%(f%' OR a LIKE 'sum(i%' OR a LIKE 'var%';
SELECT try_queries('{agg}', false);

\echo # aggregates of this extension, many rows at once: states are the same to the byte
CREATE TABLE own (a text);
INSERT INTO own VALUES ('histogram(f8, -20, 30, 10), histogram(f8, -20, 30, 300), histogram(i2, -5000, 5000, 7), histogram(nn, 0, 3, 2)'), ('histogram(i4, -2147483648, 2147483647, 5), histogram(f8, -1e308, 1e308, 3), histogram(fx, 0, 10, 3) FILTER (WHERE fx <> ''NaN''), histogram(f8, 0, 10, 2) FILTER (WHERE b1)'),
	('histogram(f8, id % 5, id % 5 + 1, 3), histogram(f8, 0, nullif(0.3, 1), 3), histogram(i8 % 100, 0, 100, 254), histogram(i8 % 100, 0, 100, 255)'), ('histogram(f8, 1, 2, 2) FILTER (WHERE false), histogram(NULL, 1, 2, 3), histogram(2, 1, 3, 4)'),
	('delta(f8, t), increase(f8, t), rate(f8, t), irate(f8, t), counter_agg(t, f8)::text'), ('delta(i4, tz), irate(i4, tz), counter_agg(tz, f8)::text, counter_agg(nz, i2)::text, delta(nn, t), delta(f8, nz)'), ('num_resets(counter_agg(tz, fx)), num_elements(counter_agg(tz, fx)), last_time(counter_agg(t, fx))'), ('delta(f8, t) FILTER (WHERE b1), rate(f8, t), delta(id - 7, t) FILTER (WHERE id > 4000)'),
	('time_weight(''LOCF'', t, f8)::text, time_weight(''linear'', tz, f8)::text, average(time_weight(CASE WHEN b1 THEN ''LOCF'' ELSE ''locf'' END, t, f8)), integral(time_weight(''LOCF'', t, nn)), time_weight(''Linear'', nz, i2)::text'), ('lttb(t, f8, 20), lttb(tz, f8, 5), lttb(nz, f8, 3), lttb(t, nn, 2)'),
	('candlestick_agg(t, f8, i2)::text, candlestick_agg(t, f8, NULL)::text, (candlestick_agg(t, i2, id) FILTER (WHERE i2 > 0))::text, candlestick_agg(nz, f8, 1) IS NULL'), ('open(candlestick_agg(t, fx, i4)), high(candlestick_agg(t, fx, 1)), low_time(candlestick_agg(t, fx, 1)), close(candlestick_agg(t, fx, i4)), volume(candlestick_agg(t, f8, f8))'),
	('percentile_agg(f8)::text, percentile_agg(i2)::text, uddsketch(20, 0.01, f8)::text, uddsketch(4, 0.5, f8 * 1e300)::text <> '''', num_vals(uddsketch(100000, 1e-6, i8))'),
	('approx_percentile_array(ARRAY[0, 0.1, 0.5, 0.9, 1], percentile_agg(fx)), num_vals(percentile_agg(fx)), error(percentile_agg(fx)), approx_percentile(0.3, percentile_agg(i8)), percentile_agg(nn)::text, approx_percentile(0.5, percentile_agg(f8) FILTER (WHERE b1)), approx_percentile_rank(3, percentile_agg(f4))'),
	('hyperloglog(64, host)::text, hyperloglog(20, id)::text, hyperloglog(262144, f8)::text, (approx_count_distinct(tx) FILTER (WHERE b1))::text, hyperloglog(16, nn)::text, hyperloglog(16, one)::text, hyperloglog(16, upper(tx))::text');
INSERT INTO own SELECT format('md5(approx_count_distinct(%s)::text), hyperloglog(16, %1$s)::text', c) FROM unnest('{b1,i2,i4,i8,f4,f8,fx,nu,nx,tx,tc,ti,vc,bc,ba,ch,oi,da,ts,tz,tm,tt,iv,uu,ip,js,ar,en,dm,co,nm,rg,n4,nf,id,t,host}'::text[]) c;
INSERT INTO queries (q) SELECT 'SELECT ' || a || ' FROM v' FROM own;
INSERT INTO queries (q) SELECT 'SELECT host, ' || a || ' FROM v GROUP BY host' FROM own;
SELECT try_queries('{agg,parallel}');
INSERT INTO queries (q) SELECT format('SELECT b1, en, %s FROM v WHERE id %% 5 <> 2 AND f8 < 15 GROUP BY b1, en', a) FROM own WHERE a NOT LIKE 'md5%';
INSERT INTO queries (q) SELECT format('SELECT date_trunc(''hour'', t), %s FROM v WHERE t > ''2026-03-29 01:00'' GROUP BY 1', a) FROM own WHERE a NOT LIKE 'md5%';
INSERT INTO queries (q) SELECT format('SELECT %s FROM v WHERE id < 0', a) FROM own WHERE a NOT LIKE 'md5%';
INSERT INTO queries (q) SELECT format('SELECT k.n, v.host, %s FROM v JOIN k ON k.host = v.host GROUP BY 1, 2', regexp_replace(a, '\m(t|host)\M', 'v.\1', 'g')) FROM own WHERE a NOT LIKE 'md5%';
SELECT try_queries('{agg}', false);
INSERT INTO queries (q) SELECT format('SELECT id / 3, %s FROM v GROUP BY 1', a) FROM own WHERE a LIKE 'hist%' OR a LIKE 'delta%' OR a LIKE 'perc%' OR a LIKE 'hyper%' OR a LIKE 'cand%';
SELECT try_queries('{spill}', false);
INSERT INTO queries (q) SELECT 'SELECT ' || a || ' FROM v' FROM unnest(ARRAY['histogram(fx, 0, 10, 3)', 'histogram(f8, NULL, 10, 3)', 'histogram(f8, 5, 1, 3)', 'histogram(f8, 0, ''Infinity'', 3)', 'histogram(f8, 0, 10, 0)', 'histogram(f8, 0, 10, 2000000000)', 'histogram(f8, 0, 10, i2)', 'histogram(f8, 0, 10, 3 + id / 4000)', 'histogram(f8, 0, nullif(id, 4000), 3)', 'time_weight(''none'', t, f8)', 'time_weight(NULL, t, f8)', 'time_weight(CASE WHEN id > 4000 THEN ''linear'' ELSE ''LOCF'' END, t, f8)',
	'lttb(t, f8, 1)', 'lttb(t, f8, NULL)', 'lttb(t, f8, 2 + id / 4000)', 'uddsketch(3, 0.1, f8)', 'uddsketch(10, 0.7, f8)', 'uddsketch(NULL, 0.1, f8)', 'uddsketch(10 + id / 4000, 0.1, f8)', 'uddsketch(10, NULL, nn)', 'hyperloglog(15, id)', 'hyperloglog(NULL, id)', 'hyperloglog(16 + id / 4000, id)', 'hyperloglog(15, nn) FILTER (WHERE false)', 'approx_count_distinct(mo)', 'histogram(f8, 3, 3, 3) FILTER (WHERE f8 IS NULL)']) a;
SELECT try_queries('{agg,parallel}');

\echo # sums of numerics of all sizes, to the last digit
SELECT on_both('CREATE TABLE num (id int, x numeric)');
SELECT on_both($$INSERT INTO num SELECT g, CASE g % 20 WHEN 0 THEN value(g, 1) * 98765432.12345678 WHEN 1 THEN -value(g, 2) * 87654321.1234 WHEN 2 THEN 0.0000 WHEN 3 THEN 999999999999.999999999999 WHEN 4 THEN -999999999999.999999999999 WHEN 5 THEN 1000000000000
	WHEN 6 THEN 0.000000000001 WHEN 7 THEN 0.0000000000001 WHEN 8 THEN 1e20 WHEN 9 THEN 12345678.10 WHEN 10 THEN 1.0000000000000000 WHEN 11 THEN -0.5 WHEN 12 THEN NULL WHEN 13 THEN g WHEN 14 THEN 100000000 WHEN 15 THEN -0.00010000 WHEN 16 THEN g / 7.0 WHEN 17 THEN 1e-30 WHEN 18 THEN CASE g % 3 WHEN 0 THEN 'NaN' WHEN 1 THEN 'Infinity' ELSE '3' END::numeric
	ELSE CASE g % 3 WHEN 0 THEN '-Infinity' ELSE '10000' END::numeric END FROM generate_series(1, 6000) g$$);
INSERT INTO queries (q) SELECT format('SELECT %s, md5(sum(x)::text), md5(avg(x)::text), md5(sum(-x)::text), md5(avg(x) FILTER (WHERE x > 0)::text), sum(x) + avg(x) IS NULL FROM num WHERE %s GROUP BY 1', k, w) FROM unnest('{1,id % 20,id % 97,id % 20 / 2,id % 20 / 5,x > 0}'::text[]) k, unnest('{true,id % 20 NOT IN (18\, 19),x < 1e9,id < 0}'::text[]) w;
UPDATE queries SET q = replace(q, 'md5(avg(x) FILTER (WHERE x > 0)::text)', 'md5((avg(x) FILTER (WHERE x > 0))::text)');
SELECT try_queries('{agg,parallel,spill}', false);

\echo # errors come where heap has them
INSERT INTO queries (q) SELECT 'SELECT ' || a || ' FROM v' FROM unnest(ARRAY['sum(1 / i4)', 'sum(i4 + 2147483640)', 'sum(i2 * i2)', 'sum(i2 - 32767::int2)', 'sum(-i4)', 'sum(abs(i4))', 'sum(i8 + 1)', 'sum(i8 * 2)', 'sum(-i8)', 'max(i8 - 10)', 'sum(1 / f8)', 'sum(f8 * 1e308)', 'sum(1e308 * (f8 + 100))', 'max(fx / 1e300)', 'max(fx * 1e308)', 'max(exp(f8 * 100))',
	'max(tx::int)', 'max(sqrt(f8))', 'max(CASE WHEN i4 = 3 THEN 1 / (i4 - 3) END)', 'count(1 / i4)', 'count(*) FILTER (WHERE 1 / i4 > 0)', 'sum(i4) FILTER (WHERE 1000 / (id - 500) > 0)', 'sum(1 / (i4 - 3)) FILTER (WHERE i4 <> 3)', 'sum(1 / (i4 - 3)) FILTER (WHERE i4 <> 4)', 'sum(i4 / (id - 1250))', 'sum(1 / (id - 42))', 'sum(1 / (id - 4000))', 'max(dm + 1000000) ', 'max((i4 + 999999)::small)', 'sum(i4::int2)', 'avg(i8::int4)',
	'sum(iv * 1e10)', 'max(t + interval ''300000 years'')', 'sum(i4) / (count(*) - count(*))', 'sum(f4 * 1e38::float4)', 'sum(f8) FROM v WHERE 1 / i4 > 0 --', 'sum(1 / i4) FROM v WHERE i4 <> 0 --', 'sum(1 / (id - 1250)) FROM v WHERE id > 1290 OR id < 1200 --']) a;
UPDATE queries SET q = regexp_replace(q, ' -- FROM v$', '');
SELECT try_queries('{agg,baseline,parallel}');
INSERT INTO queries (q) SELECT 'SELECT host, ' || a || ' FROM v WHERE host = ''host3'' GROUP BY 1' FROM unnest(ARRAY['sum(1 / (id % 23 - 3))', 'sum(1 / (id % 23 - 4))', 'sum(1 / i4)', 'sum(i8 + 9223372036854775800)']) a;
INSERT INTO queries (q) VALUES ('SELECT id / (id - 42) FROM v GROUP BY 1'), ('SELECT 1 / (id - 42), count(*) FROM v WHERE id <> 42 GROUP BY 1'), ('SELECT host, sum(i4) FROM v GROUP BY host HAVING 1 / (count(*) - count(*)) > 0'), ('SELECT i4 + 2147483640, count(*) FROM v GROUP BY 1'), ('SELECT i4 + 2147483640, count(*) FROM v WHERE i4 BETWEEN -10 AND 7 GROUP BY 1');
SELECT try_queries('{agg,baseline,parallel}');

\echo # groups by every type and by expressions
CREATE TABLE keys (k text, shown text);
INSERT INTO keys VALUES ('b1'), ('i2'), ('i4'), ('i8'), ('id'), ('f4'), ('f8'), ('tx'), ('tc'), ('vc'), ('bc'), ('ba'), ('ch'), ('oi'), ('da'), ('ts'), ('tz'), ('t'), ('tm'), ('tt'), ('uu'), ('ip'), ('js'), ('ar'), ('en'), ('dm'), ('co'), ('mo'), ('nm'), ('rg'), ('one'), ('n4'), ('nt'), ('nz'), ('nf'), ('nn'), ('b2'), ('host');
UPDATE keys SET shown = k;
UPDATE keys SET shown = k || '::float8' WHERE k IN ('f4', 'nf');
INSERT INTO keys VALUES ('fx', 'fx + 0'), ('nu', 'nu::float8'), ('nx', 'nx::float8'), ('nu2', 'nu2::float8'), ('ti', 'lower(ti)'), ('iv', 'extract(epoch FROM iv)'), ('host COLLATE nocase', 'lower(host COLLATE nocase)'), ('ti COLLATE "C"', 'ti COLLATE "C"'), ('tx COLLATE "C"', 'tx COLLATE "C"');
INSERT INTO keys SELECT k, k FROM unnest(ARRAY['id % 7', 'id / 100', 'i4 + 1', 'i4 % 3', 'i4::int8', 'i2::float8', 'f8 / 2', 'abs(f8)', '0 - f8', 'f8 > 3', 'upper(tx)', 'left(tc, 1)', 'length(tx)', 'coalesce(host, ''none'')', 'host || ''x''', 'host IS NULL', 'i4 IS NULL', 'CASE WHEN b1 THEN i4 ELSE i2 END', 'CASE WHEN b1 THEN hashtext(host) ELSE i4 END', 'hashtext(host)', 'hashint4(id) % 5', '(co).a', '(co).b', 'ar[1]', 'js ->> ''k''', 'md5(host)', 'nn + n4',
	't - timestamptz ''2026-03-28''', 'host < ''host5''', 'en::text', 'nu > 0', 'ROW(i4, b1)', 'ARRAY[b1, b2]', '''constant''::text', '1 + length(current_setting(''timezone''))', 'now()', 'nullif(i4, 3)', 'greatest(i4, i2)', 'tz::date', 'ts::time']) k;
INSERT INTO queries (q) SELECT format('SELECT %s AS k, count(*), sum(i4), max(id), min(f8) FROM v GROUP BY %s', shown, k) FROM keys;
SELECT try_queries('{agg,baseline,spill,parallel}', false);
INSERT INTO queries (q) SELECT format('SELECT %s AS k, host, count(*), sum(f8) FROM v WHERE id %% 3 <> 1 GROUP BY host, %s', shown, k) FROM keys;
SELECT try_queries('{agg,spill}', false);
INSERT INTO queries (q) SELECT format('SELECT %s AS k FROM v GROUP BY %s', shown, k) FROM keys;
INSERT INTO queries (q) SELECT format('SELECT DISTINCT %s AS k FROM v', shown) FROM keys;
SELECT try_queries('{agg}', false);
INSERT INTO queries (q) SELECT format('SELECT %s AS k, %s AS k2, count(*), sum(id) FROM v GROUP BY 1, 2', a.shown, b.shown) FROM keys a, keys b WHERE hashtext(a.k || b.k) % 23 = 1 AND a.k = a.shown AND b.k = b.shown;
SELECT try_queries('{agg,spill}', false);
SELECT uses_agg(format('SELECT %s AS k, count(*) FROM v GROUP BY %s', shown, k)) FROM keys WHERE k NOT IN ('mo', 'ROW(i4, b1)');

\echo # many keys, duplicates, dependent columns, HAVING, ORDER BY, DISTINCT, sets
INSERT INTO queries (q) SELECT format('SELECT %s, count(*) FROM v GROUP BY %1$s', string_agg(format('id %% %s', g + 1), ', ')) FROM generate_series(1, 31) g;
INSERT INTO queries (q) SELECT format('SELECT %s, count(*) FROM v GROUP BY %1$s', string_agg(format('id %% %s', g + 1), ', ')) FROM generate_series(1, 32) g;
INSERT INTO queries (q) SELECT format('SELECT %s, count(*) FROM v GROUP BY %1$s', string_agg(format('id %% %s', g + 1), ', ')) FROM generate_series(1, 33) g;
INSERT INTO queries (q) SELECT format('SELECT %s, count(*) FROM v GROUP BY %1$s', string_agg(format('nullif(id %% %s, 1)', g + 1), ', ')) FROM generate_series(1, 32) g;
INSERT INTO queries (q) VALUES ('SELECT host, host, count(*) FROM v GROUP BY host, host'), ('SELECT host, i4, host, count(*), host FROM v GROUP BY 1, 2, 3'), ('SELECT host, count(*) FROM v GROUP BY host HAVING count(*) > 150'), ('SELECT host FROM v GROUP BY host HAVING sum(i4) > 0 AND max(f8) > 20'), ('SELECT count(*) FROM v HAVING count(*) > 10000'), ('SELECT 1 FROM v HAVING count(*) > 1000'), ('SELECT 1 FROM v HAVING true'), ('SELECT count(*) FROM v HAVING false'),
	('SELECT host, sum(i4) FROM v GROUP BY host HAVING host > ''host3'''), ('SELECT host, b1, sum(i4) FROM v GROUP BY host, b1 HAVING host > ''host3'' AND b1 AND sum(i4) IS NOT NULL'), ('SELECT i4 + 1 AS k, i4 + 1 + count(*) AS x FROM v GROUP BY i4 + 1'), ('SELECT i4 % 3 + 5 AS x, sum(i4 % 3) AS y FROM v GROUP BY i4 % 3'), ('SELECT host || ''x'' || count(*) FROM v GROUP BY host'), ('SELECT DISTINCT count(*) FROM v GROUP BY host'), ('SELECT DISTINCT host, b1 FROM v'), ('SELECT count(DISTINCT host), count(*) FROM v'), ('SELECT b1, count(DISTINCT i4), sum(DISTINCT i4) FROM v GROUP BY b1'),
	('SELECT b1, string_agg(host, '','' ORDER BY id) FROM v WHERE id < 100 GROUP BY b1'), ('SELECT b1, percentile_cont(0.5) WITHIN GROUP (ORDER BY f8), mode() WITHIN GROUP (ORDER BY i4), count(*) FROM v GROUP BY b1'), ('SELECT rank(3) WITHIN GROUP (ORDER BY i4) FROM v'), ('SELECT host, b1, count(*) FROM v GROUP BY ROLLUP (host, b1)'), ('SELECT host, b1, count(*), grouping(host, b1) FROM v GROUP BY CUBE (host, b1)'), ('SELECT host, b1, count(*) FROM v GROUP BY GROUPING SETS ((host), (b1), ())'), ('SELECT count(*), sum(i4) FROM v GROUP BY ()'), ('SELECT count(*) FROM v GROUP BY GROUPING SETS ((), ())'),
	('SELECT host, sum(count(*)) OVER (ORDER BY host), rank() OVER (ORDER BY sum(i4), host) FROM v GROUP BY host'), ('SELECT host, sum(i4) - lag(sum(i4)) OVER (ORDER BY host) FROM v GROUP BY host'), ('SELECT host, generate_series(1, count(*)::int % 3) FROM v GROUP BY host'), ('SELECT unnest(array_agg(i4)) FROM v WHERE id < 50'), ('SELECT host, count(*) FROM v GROUP BY host ORDER BY count(*) DESC, host LIMIT 5'), ('SELECT v.host, count(*) FROM v JOIN k ON k.host = v.host GROUP BY 1'), ('SELECT max(i4), host FROM v WHERE host IN (SELECT host FROM k) GROUP BY host'),
	('SELECT count(v), count(v.*) FROM v'), ('SELECT count(ctid), min(tableoid::regclass::text) FROM v'), ('SELECT sum(id) FROM v WHERE random() < 2'), ('SELECT count(*) FROM v WHERE host = ''host1'' AND id > 500'), ('SELECT count(*) FROM v WHERE host IS NULL'), ('SELECT bool_or(random() < 2) FROM v'), ('SELECT sum(random() * 0) FROM v'), ('SELECT count(*) FROM v WHERE false'), ('SELECT sum(i4) FROM v WHERE NULL'), ('SELECT count(*) FROM (SELECT host FROM v GROUP BY host) s'), ('SELECT sum(n), count(*) FROM (SELECT host, b1, count(*) AS n FROM v GROUP BY 1, 2) s GROUP BY host');
SELECT try_queries('{agg,parallel,spill}', false);
SELECT same('SELECT host, count(*) FROM v GROUP BY host ORDER BY host', true), same('SELECT host, count(*) FROM v GROUP BY host ORDER BY 2 DESC, 1 LIMIT 7 OFFSET 2', true), same('SELECT date_trunc(''hour'', t) AS h, avg(f8) FROM v GROUP BY 1 ORDER BY 1 DESC', true), same('SELECT b1, i4 FROM v GROUP BY 1, 2 ORDER BY 2 NULLS FIRST, 1', true);

\echo # buckets of time in several zones
CREATE TABLE buckets (b text);
INSERT INTO buckets SELECT format('date_trunc(%L, %s)', unit, col) FROM unnest('{microseconds,milliseconds,second,minute,hour,day,week,month,quarter,year,decade,century,millennium,HOUR,Day}'::text[]) unit, unnest('{t,tz,ts,da,nz}'::text[]) col;
INSERT INTO buckets SELECT format('%s(%L, %s)', f, unit, col) FROM unnest('{microseconds,milliseconds,second,minute,hour,day,week,month,quarter,year,decade,century,millennium,dow,isodow,doy,isoyear,epoch,julian}'::text[]) unit, unnest('{t,tz,ts}'::text[]) col, unnest('{extract,date_part}'::text[]) f;
UPDATE buckets SET b = regexp_replace(b, '^extract\(''(.*)'', (.*)\)$', 'extract(\1 FROM \2)');
INSERT INTO buckets SELECT format('date_trunc(%L, %s, %L)', unit, col, zone) FROM unnest('{minute,hour,day,week,month,year}'::text[]) unit, unnest('{t,tz}'::text[]) col, unnest('{UTC,America/New_York,Asia/Kolkata,Australia/Lord_Howe,Europe/Berlin,CET,EST,+03:30}'::text[]) zone;
INSERT INTO buckets SELECT format(f, col) FROM unnest(ARRAY['date_bin(''15 min'', %s, ''2026-01-01 00:07'')', 'date_bin(''1 day'', %s, ''2000-01-01'')', 'date_bin(''2 days 03:00'', %s, ''2100-01-01'')', 'date_bin(''0.7 s'', %s, ''1970-01-01'')', '%s::date', '%s AT TIME ZONE ''America/New_York''', '(%s AT TIME ZONE ''America/New_York'')::date', 'date_trunc(''day'', %s AT TIME ZONE ''Australia/Lord_Howe'')', 'date_trunc(''hour'', %s AT TIME ZONE ''Asia/Kolkata'')', 'date_trunc(''day'', %s AT TIME ZONE ''CET'')', 'date_trunc(''day'', %s AT TIME ZONE interval ''-03:30'')',
	'extract(dow FROM %s AT TIME ZONE ''Pacific/Apia'')', 'date_trunc(''hour'', %s) + interval ''1 month''', 'extract(hour FROM %s) * 100 + extract(dow FROM %1$s)', 'to_char(date_trunc(''month'', %s), ''YYYY-MM'')', 'to_char(%s, ''HH24'')', 'date_trunc(''hour'', %s)::date', 'date_trunc(''day'', date_trunc(''hour'', %s))', 'date_trunc(''month'', %s::date)', 'extract(year FROM %s)::int', 'date_trunc(''hour'', %s) < ''2026-03-29 03:00''', 'CASE WHEN date_trunc(''day'', %s) = ''2026-03-29'' THEN ''sunday'' END', 'date_trunc(''day'', %s) AT TIME ZONE ''UTC''',
	'date_trunc(''hour'', %s - interval ''1 day'')', 'extract(timezone FROM %s::timestamptz)', 'date_trunc(''hour'', %s) || host', 'coalesce(date_trunc(''hour'', %s), ''1999-01-01'')', 'time_bucket(''7 min'', %s)', 'time_bucket(''1 day'', %s)', 'time_bucket(''1 month'', %s)', 'time_bucket(''2 weeks'', %s)', 'time_bucket(''1 hour'', %s, ''Asia/Kolkata'')', 'time_bucket(''1 day'', %s, ''Europe/Berlin'')']) f, unnest('{t,tz,ts,nz}'::text[]) col;
INSERT INTO buckets VALUES ('time_bucket(7, id)'), ('time_bucket(1000::int2, i2)'), ('time_bucket(1000, i4)'), ('time_bucket(100000::int8, i8)'), ('time_bucket(''1 week'', da)'), ('time_bucket(7, id) + 1'), ('date_bin(''1 month'', t, ''2000-01-01'')'), ('date_bin(''-1 day'', t, ''2000-01-01'')'), ('date_bin(''1 day'', t, ''infinity'')'), ('date_trunc(''nonsense'', t)'), ('date_trunc(''hour'', t, ''Nowhere/Nothing'')'), ('date_trunc(NULL, t)'), ('extract(nonsense FROM t)');
CREATE FUNCTION try_buckets(zone text, part int, parts int, which text[]) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('timezone', zone, true);
	RETURN QUERY SELECT d FROM buckets, same(format('SELECT %s AS k, count(*), sum(id), min(t), max(t) FROM v GROUP BY 1', b), false, which) d WHERE abs(hashtext(b)::int8) % parts = part;
END $$;
SELECT try_buckets('Europe/Berlin', 0, 1, '{agg}');
SELECT try_buckets('Australia/Lord_Howe', 0, 3, '{agg}');
SELECT try_buckets('Asia/Kolkata', 1, 3, '{agg}');
SELECT try_buckets('America/St_Johns', 2, 3, '{agg}');
SELECT try_buckets('UTC', 0, 3, '{agg}');
SELECT try_buckets('EST5EDT', 1, 3, '{agg}');
SELECT try_buckets('<+0545>-5:45', 2, 3, '{agg}');
SELECT try_buckets('America/New_York', 3, 5, '{spill,parallel}');
-- two years by 31 minutes, so that every step of a zone is met; years before its rules and after them
SELECT on_both('CREATE TABLE z (t timestamptz NOT NULL, ts timestamp, id int)');
SET tsdb_am.direct_load_rows = 1;
SELECT on_both('INSERT INTO z SELECT ''2025-01-01 00:00+00''::timestamptz + g * interval ''31 min'', ''2025-01-01''::timestamp + g * interval ''31 min'', g FROM generate_series(0, 34000) g');
SELECT on_both('INSERT INTO z SELECT ''1880-01-01 00:00+00''::timestamptz + g * interval ''30.3 days'', ''1880-01-01''::timestamp + g * interval ''30.3 days'', g FROM generate_series(0, 2600) g');
CREATE FUNCTION try_zone(zone text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('timezone', zone, true);
	RETURN QUERY SELECT d FROM unnest(ARRAY['date_trunc(''hour'', t)', 'date_trunc(''day'', t)', 'date_trunc(''month'', t)', 'date_trunc(''day'', t, ''America/Sao_Paulo'')', 't::date', 'extract(hour FROM t)', 'extract(isodow FROM t)', 'date_trunc(''day'', ts)', 'date_trunc(''week'', t) || '' '' || extract(hour FROM t)', 'date_trunc(''day'', t AT TIME ZONE ''Europe/London'')',
		'time_bucket(''6 hours'', t)', 'time_bucket(''1 month'', t)', 'time_bucket(''1 day'', t, ''Asia/Tehran'')']) b, same(format('SELECT %s AS k, count(*), sum(id), min(t), max(t) FROM z GROUP BY 1', b), false, '{agg}') d;
END $$;
SELECT try_zone(z) FROM unnest('{Europe/Berlin,America/St_Johns,Australia/Lord_Howe,Africa/Casablanca,Pacific/Apia,Asia/Kathmandu,UTC}'::text[]) z;
SELECT on_both('DROP TABLE z');

\echo # as vectors are stored: decimals compared as integers, runs of keys, least and greatest values that the directory knows
SELECT on_both('CREATE TABLE e (t timestamptz NOT NULL, s int, k int8, d date, h text, v float8, w float8, i int, n float8, z float8, m float8, f float4, nn float8, x float8)');
ALTER TABLE agg_t.e SET (segmentby = 's', orderby = 't');
SET tsdb_am.direct_load_rows = 1;
SELECT on_both(format($$INSERT INTO e SELECT '2026-01-01 00:00+00'::timestamptz + g * interval '1 s', g / 61, g / 500 * 10000000000, date '2026-01-01' + g / 1000, 'h' || g / 333, round(sin(g / 100.0)::numeric * 1000, 2)::float8,
	(g %% 700) / 10.0::float8, g %% 1000 - 500, CASE WHEN g %% 50 <> 0 THEN g / 4.0::float8 END, CASE g %% 3 WHEN 0 THEN '-0' ELSE '0' END::float8, CASE WHEN g < 4000 THEN '-0'::float8 ELSE -(g %% 5) END,
	(g %% 90) / 2.0::float4 - 20, CASE WHEN g > 4000 THEN 1.5 END, CASE WHEN g = 4500 THEN 'NaN' WHEN g = 700 THEN '-Infinity' ELSE g * 1.5 END::float8 FROM generate_series(%s, %s) g$$, a, a + 2999)) FROM generate_series(0, 6000, 3000) a;
SET tsdb_am.direct_load_rows = 0;
CREATE FUNCTION try_stored() RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	-- bounds at values, between them, beyond them all
	INSERT INTO queries (q) SELECT format('SELECT %s, %s FROM e WHERE %s %s %s', a, c, c, op, bound) FROM unnest('{<,<=,=,<>,>=,>}'::text[]) op,
		unnest('{0,-0.0,123.45,841.47,841.469999999999,841.4700000000001,-909.3,999.9996,20.5,20,1e300,-1e300,''NaN'',''Infinity'',''-Infinity'',0.005}'::text[]) bound,
		(VALUES ('v', 'count(*), sum(v), avg(w)'), ('w', 'sum(w), min(v)'), ('f', 'sum(f)'), ('m', 'avg(m), min(v)')) x (c, a) WHERE op NOT IN ('=', '<>') OR c <> 'f' OR bound ~ '^[-0-9.]+$';
	INSERT INTO queries (q) SELECT format('SELECT sum(i), count(*), sum(v) FROM e WHERE i %s %s', op, bound) FROM unnest('{<,<=,=,<>,>=,>}'::text[]) op, unnest('{0,-500,499,500,-501,77,2147483647,-2147483648,4294967296}'::text[]) bound;
	INSERT INTO queries (q) SELECT format('SELECT %s, count(*), sum(v), min(v), sum(i), avg(w) FROM e WHERE %s GROUP BY %1$s', k, c) FROM unnest('{s,k,d,h,"s, k","h, s","s % 7","d, h, s"}'::text[]) k,
		unnest('{true,v > 900,v < -999.5,i = 77,v > 100 AND i < 100 AND w <> 3.3,v > 900 OR i > 490,g_(v)}'::text[]) c WHERE c <> 'g_(v)';
	RETURN QUERY SELECT try_queries('{agg,baseline,parallel}', false);
	INSERT INTO queries (q) SELECT format('SELECT %s FROM e', a) FROM unnest('{"min(t), max(t)","min(s), max(k), min(d), count(*)","min(v), max(v), count(*)","max(n), min(n), count(*)","max(nn), min(nn), count(*)","count(*), min(f)::float8, max(f)::float8","min(x), count(*)","max(x), count(*)",
		"min(m), count(*)","max(m) = 0, count(*)","min(z) = 0, max(z) = 0, count(*)","min(h), max(v), count(*)","max(i) FILTER (WHERE i < 7), count(*)","max(i + 1), min(i), count(*)","sum(i), min(i)"}'::text[]) a;
	RETURN QUERY SELECT try_queries('{agg,parallel}', false);
END $$;
SELECT try_stored();
-- a range is no answer once rows are deleted; a column that was added has none
SELECT on_both('ALTER TABLE e ADD COLUMN late int DEFAULT 1000000');
SELECT same('SELECT max(late), min(late), count(*) FROM e');
SELECT on_both('DELETE FROM e WHERE s IN (0, 147) OR abs(v) > 999.9 OR v BETWEEN 850 AND 900');
SELECT on_both('UPDATE e SET late = 3, x = 7 WHERE i = 3');
SELECT try_stored();
SELECT same('SELECT max(late), min(late), count(*) FROM e');
-- sums of nothing but -0
SET search_path = agg_t, agg_x, public;
SET cpu_operator_cost = 1;
SET cpu_tuple_cost = 10;
SELECT sum(m), sum(m::float4), avg(m), sum(m) FILTER (WHERE i > 0) FROM e WHERE t < '2026-01-01 01:00+00';
SELECT sum(m) FROM e WHERE s < 3 GROUP BY s;
SELECT sum(z) FROM e;
RESET cpu_operator_cost;
RESET cpu_tuple_cost;
SET search_path = agg_x, public;
SELECT on_both('DROP TABLE e');

\echo # series by types other than text, many and few series, several chunks
CREATE FUNCTION try_series(series text, orders text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE type text := (SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'agg_h.v'::regclass AND attname = series);
BEGIN
	PERFORM on_both(format('CREATE TABLE s AS SELECT t, id, %I AS k, f8, i4, tx FROM agg_h.v WHERE false', series));
	EXECUTE format('ALTER TABLE agg_t.s SET (segmentby = ''k'', orderby = %L)', orders);
	PERFORM set_config('tsdb_am.direct_load_rows', '1', true);
	FOR part IN 0 .. 2 LOOP
		PERFORM on_both(format('INSERT INTO s SELECT t, id, %I, f8, i4, tx FROM agg_h.v WHERE id %% 3 = %s', series, part));
	END LOOP;
	PERFORM set_config('tsdb_am.direct_load_rows', '0', true);
	PERFORM on_both(format('INSERT INTO s SELECT t, id + 10000, %I, f8, i4, tx FROM agg_h.v WHERE id < 100', series));
	PERFORM on_both('DELETE FROM s WHERE id % 91 = 1');
	RETURN QUERY SELECT d FROM unnest(ARRAY['SELECT k::text, count(*), sum(f8), max(t), min(i4) FROM s GROUP BY k', 'SELECT k::text, date_trunc(''day'', t), count(*), sum(i4), max(tx COLLATE "C") FROM s GROUP BY k, 2', 'SELECT min(k::text), max(k::text), count(k), count(*) FROM s', 'SELECT count(DISTINCT k), count(*) FROM s WHERE id % 2 = 0', 'SELECT k::text, sum(id) FILTER (WHERE i4 > 0) FROM s WHERE i4 <> 5 GROUP BY k']) q, same(q, false, '{agg,spill,parallel}') d;
	PERFORM on_both('DROP TABLE s');
END $$;
SELECT try_series(s, 't') FROM unnest('{host,i4,i2,uu,en,da,b1,vc,nn,nm,oi,tm,f4}'::text[]) s;
SELECT try_series('tc', 't'), try_series('host', 'id');

\echo # floats whose sums in parts overflow
SELECT on_both('CREATE TABLE f (t timestamptz, id int, f float8, g float4)');
SET tsdb_am.direct_load_rows = 1;
SELECT on_both('INSERT INTO f SELECT now(), g, CASE g % 2 WHEN 0 THEN 1.7e308 ELSE -1.7e308 END, CASE g % 2 WHEN 0 THEN 3e38 ELSE -3e38 END FROM generate_series(0, 2999) g');
INSERT INTO queries (q) SELECT 'SELECT ' || q FROM unnest(ARRAY['sum(f) FROM f', 'sum(f + 0) FROM f', 'sum(f) FROM f WHERE id < 1000', 'sum(f), count(f) FROM f', 'sum(f) FILTER (WHERE id > 9) FROM f', 'sum(f) FROM f WHERE id % 2 = 0', 'id / 10, sum(f) FROM f GROUP BY 1', 'id % 2, sum(f) FROM f WHERE id < 2 GROUP BY 1', 'sum(g::float8) FROM f', 'max(f), min(f), max(g), min(g) FROM f', 'sum(f / 1e10), sum(f * 1e-308) FROM f', 'avg(f / 1e200), variance(f / 1e200) FROM f', 'variance(f) FROM f']) q;
SELECT try_queries('{agg,baseline}', false);
SELECT on_both('DROP TABLE f');
\echo # integers whose sums are large, in every form that they are stored in
SELECT on_both('CREATE TABLE n (t timestamptz, id int, a int8, b int8, c int8, d int8, e int4, f int2, g int8)');
SELECT on_both('INSERT INTO n SELECT now(), g, 9223372036854775807, -9223372036854775808, 9223372036854775807 - g, CASE g % 3 WHEN 0 THEN 9223372036854775807 WHEN 1 THEN -9223372036854775808 ELSE g END, 2147483647 - g % 2, -32768 + g % 3, CASE WHEN g % 1000 = 7 THEN 9223372036854775807 ELSE g END FROM generate_series(0, 4999) g');
INSERT INTO queries (q) SELECT format('SELECT %s(%s) FROM n %s', f, c, w) FROM unnest('{sum,avg,variance,max,min}'::text[]) f, unnest('{a,b,c,d,e,f,g}'::text[]) c, unnest(ARRAY['', 'WHERE id BETWEEN 1000 AND 3500', 'WHERE id % 5 <> 1', 'GROUP BY id / 100', 'GROUP BY id % 3']) w;
SELECT try_queries('{agg,baseline,parallel}', false);
SELECT on_both('DROP TABLE n');
SET tsdb_am.direct_load_rows = 0;

\echo # aggregates of users
CREATE AGGREGATE u_sum(int8) (sfunc = int8pl, stype = int8);
CREATE AGGREGATE u_count(*) (sfunc = int8inc, stype = int8, initcond = '1000');
CREATE AGGREGATE u_array(anycompatible) (sfunc = array_append, stype = anycompatiblearray, initcond = '{}');
CREATE AGGREGATE u_array_parallel(int4) (sfunc = array_append, stype = int[], combinefunc = array_cat, parallel = safe);
CREATE FUNCTION u_last_step(anyelement, anyelement) RETURNS anyelement LANGUAGE sql AS 'SELECT $2';
CREATE AGGREGATE u_some(anyelement) (sfunc = u_last_step, stype = anyelement);
CREATE FUNCTION u_greatest_step(anyelement, anyelement) RETURNS anyelement LANGUAGE plpgsql STRICT AS 'BEGIN RETURN greatest($1, $2); END';
CREATE AGGREGATE u_greatest(anyelement) (sfunc = u_greatest_step, stype = anyelement);
CREATE FUNCTION u_nulls_step(int, text) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN $1 + ($2 IS NULL)::int; END';
CREATE AGGREGATE u_nulls(text) (sfunc = u_nulls_step, stype = int, initcond = '0');
CREATE FUNCTION u_null_step(int, int) RETURNS int LANGUAGE plpgsql STRICT AS 'BEGIN IF $2 = 9 THEN RETURN NULL; END IF; RETURN $1 + $2; END';
CREATE AGGREGATE u_null(int) (sfunc = u_null_step, stype = int);
CREATE FUNCTION u_null2_step(text, int) RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN CASE WHEN $2 = 9 THEN NULL ELSE ''x'' END; END';
CREATE AGGREGATE u_null2(int) (sfunc = u_null2_step, stype = text);
CREATE FUNCTION u_set_step(int[], int) RETURNS int[] LANGUAGE plpgsql AS 'BEGIN IF array_position($1, $2) IS NULL THEN RETURN $1 || $2; END IF; RETURN $1; END';
CREATE FUNCTION u_set_final(int[], int) RETURNS text LANGUAGE sql AS 'SELECT string_agg(x::text, '','' ORDER BY x) || pg_typeof($2) FROM unnest($1) x';
CREATE AGGREGATE u_set(int) (sfunc = u_set_step, stype = int[], initcond = '{}', finalfunc = u_set_final, finalfunc_extra);
CREATE AGGREGATE u_internal(int8) (sfunc = int8_avg_accum, stype = internal, finalfunc = numeric_poly_avg, combinefunc = int8_avg_combine, serialfunc = int8_avg_serialize, deserialfunc = int8_avg_deserialize, parallel = safe);
CREATE FUNCTION u_many_step(text, VARIADIC text[]) RETURNS text LANGUAGE sql AS 'SELECT greatest($1, array_to_string($2, ''-''))';
CREATE AGGREGATE u_many(VARIADIC text[]) (sfunc = u_many_step, stype = text);
CREATE FUNCTION u_pair_step(pair, int, text) RETURNS pair LANGUAGE sql AS 'SELECT CASE WHEN $1 IS NULL OR (coalesce($2, 0), coalesce($3, '''')) > ($1.a, $1.b) THEN ROW(coalesce($2, 0), coalesce($3, ''''))::pair ELSE $1 END';
CREATE AGGREGATE u_pair(int, text) (sfunc = u_pair_step, stype = pair);
CREATE FUNCTION u_fail_step(int, int) RETURNS int LANGUAGE plpgsql AS 'BEGIN IF $2 = 10 THEN RAISE EXCEPTION ''ten''; END IF; RETURN $2; END';
CREATE AGGREGATE u_fail(int) (sfunc = u_fail_step, stype = int);
CREATE FUNCTION u_nested_step(bigint, int) RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN coalesce($1, 0) + (SELECT count(*) FROM v WHERE id = $2); END';
CREATE AGGREGATE u_nested(int) (sfunc = u_nested_step, stype = bigint);
CREATE FUNCTION u_large_step(text, int) RETURNS text LANGUAGE sql AS 'SELECT coalesce($1, repeat(''l'', 3000)) || $2 % 10';
CREATE AGGREGATE u_large(int) (sfunc = u_large_step, stype = text);
INSERT INTO queries (q) SELECT format('SELECT %s %s FROM v %s', k, a, g) FROM unnest(ARRAY['u_sum(i4)', 'u_sum(id), u_count(*), count(*)', 'u_count(*) FILTER (WHERE b1)', '(SELECT array_agg(x ORDER BY x) FROM unnest(u_array(i2)) x)', '(SELECT array_agg(x ORDER BY x) FROM unnest(u_array(host)) x)', '(SELECT array_agg(x ORDER BY x) FROM unnest(u_array_parallel(i4)) x)', 'u_some(one)', 'u_some(NULL::int)', 'u_greatest(i4), u_greatest(tc), u_greatest(nx), u_greatest(en)', 'u_nulls(host), u_nulls(tx)', 'u_set(i4), u_set(id % 7)', 'u_internal(i8), u_internal(i4), avg(i4), avg(i8)', 'u_many(tc, host)', 'u_pair(i4, tc)', 'length(u_large(id))']) a,
	(VALUES ('', ''), ('host,', 'GROUP BY host'), ('i4, b1,', 'WHERE id % 7 <> 3 GROUP BY i4, b1')) AS g (k, g);
INSERT INTO queries (q) VALUES ('SELECT u_null(i4) FROM v WHERE i4 BETWEEN -10 AND 10'), ('SELECT id % 100, u_null2(i4) IS NULL OR true FROM v GROUP BY 1'), ('SELECT u_fail(i4) FROM v'), ('SELECT u_fail(i4) FILTER (WHERE i4 <> 10) IS NULL FROM v'), ('SELECT u_nested(id) FROM v WHERE id % 20 = 0'), ('SELECT host, u_nested(id) FROM v WHERE id % 20 = 0 GROUP BY host');
SELECT try_queries('{agg,parallel,spill}');

\echo # subqueries, parameters, rescans
INSERT INTO queries (q) VALUES ('SELECT n, (SELECT count(*) FROM v WHERE v.host = k.host) FROM k'), ('SELECT n, (SELECT sum(i4 + k.n) FROM v) FROM k'), ('SELECT n, (SELECT sum(f8) FILTER (WHERE id > k.lo) FROM v) FROM k'), ('SELECT n, (SELECT max(k.host || tc) FROM v WHERE id < 1000) FROM k'), ('SELECT n, (SELECT sum(i4) FROM v WHERE t > k.t) FROM k'), ('SELECT n, (SELECT sum(k.n) FROM v) FROM k'), ('SELECT n, (SELECT sum(k.n + i2) FROM v WHERE host = ''host3'') FROM k'), ('SELECT n, (SELECT count(*) FROM (SELECT i4 + k.n AS x FROM v GROUP BY i4 + k.n) s) FROM k'),
	('SELECT n, x.* FROM k, LATERAL (SELECT host, count(*), sum(i4 * k.n) AS s FROM v WHERE id > k.lo GROUP BY host) x'), ('SELECT n, x.* FROM k LEFT JOIN LATERAL (SELECT b1, k.host AS kh, max(tx COLLATE "C") FROM v WHERE v.host = k.host GROUP BY b1, k.host HAVING count(*) > k.n) x ON true'), ('SELECT n, x.* FROM k, LATERAL (SELECT (id + k.n) % 3 AS m, count(*) FROM v GROUP BY 1) x'), ('SELECT n, x.* FROM k, LATERAL (SELECT id / 2 + k.n AS m, sum(f8) FROM v WHERE id < k.lo + 30 GROUP BY 1) x'), ('SELECT n, x.* FROM k, LATERAL (SELECT date_trunc(CASE WHEN k.n > 5 THEN ''hour'' ELSE ''day'' END, t) AS m, sum(f8) FROM v GROUP BY 1) x'), ('SELECT n, x.* FROM k, LATERAL (SELECT date_bin(interval ''1 hour'' * (1 + k.n), t, ''2000-01-01'') AS m, sum(f8) FROM v GROUP BY 1) x'),
	('SELECT a.n, b.n, s FROM k a, k b, LATERAL (SELECT sum(i4) + a.n AS s FROM v WHERE v.host = a.host) x'), ('SELECT n, x.c FROM k, (SELECT count(*) AS c FROM v) x'), ('SELECT n FROM k WHERE lo < (SELECT avg(id) FROM v WHERE v.host = k.host)'), ('SELECT n FROM k WHERE EXISTS (SELECT 1 FROM v WHERE v.host = k.host HAVING count(*) > 170)'), ('SELECT n FROM k WHERE EXISTS (SELECT host FROM v WHERE v.id = k.lo GROUP BY host)'), ('SELECT n FROM k WHERE n IN (SELECT max(i4) FROM v WHERE i4 < 12 GROUP BY host)'), ('SELECT n FROM k WHERE n = ANY (SELECT count(*) FROM v WHERE id < k.lo GROUP BY host)'), ('SELECT n FROM k WHERE n NOT IN (SELECT i4 FROM v WHERE i4 IS NOT NULL AND id < k.lo GROUP BY i4)'), ('SELECT n FROM k WHERE n < ALL (SELECT count(*) FROM v WHERE id > k.lo GROUP BY host, b1)'),
	('WITH c AS (SELECT host, count(*) AS n FROM v GROUP BY host) SELECT * FROM c a JOIN c b USING (n) WHERE a.host < b.host'), ('WITH c AS MATERIALIZED (SELECT host, avg(f8) AS n FROM v GROUP BY host) SELECT max(n), (SELECT min(n) FROM c) FROM c'), ('WITH RECURSIVE r AS (SELECT 1 AS i, (SELECT count(*) FROM v) AS n UNION ALL SELECT i + 1, (SELECT count(*) FROM v WHERE id > r.i * 100) FROM r WHERE i < 5) SELECT * FROM r'), ('SELECT host, count(*), (SELECT max(n) FROM k WHERE k.host = v.host) FROM v GROUP BY host'), ('SELECT host, sum(i4) > (SELECT avg(n) FROM k), (SELECT count(*) FROM v w WHERE w.host = v.host AND w.id < count(v.id)) FROM v GROUP BY host'), ('SELECT host FROM v GROUP BY host HAVING count(*) > (SELECT max(n) * 15 FROM k) OR host IN (SELECT host FROM k WHERE n < 3)'),
	('SELECT sum(i4 + (SELECT max(n) FROM k)) FROM v'), ('SELECT sum((SELECT max(k.n) FROM k WHERE k.n < v.i4)) FROM v WHERE id < 300'), ('SELECT count(*) FILTER (WHERE host IN (SELECT host FROM k)) FROM v'), ('SELECT count(*) FILTER (WHERE i4 > (SELECT avg(n) FROM k)) FROM v'), ('SELECT i4 > (SELECT avg(n) FROM k) AS b, count(*) FROM v GROUP BY 1'), ('SELECT (SELECT count(i4) FROM k WHERE n < 3) FROM v GROUP BY host'), ('SELECT (SELECT sum(v.i4) FROM k LIMIT 1) FROM v'), ('SELECT (SELECT (SELECT sum(v.i4 + k.n) FROM v) FROM k LIMIT 1)'),
	('SELECT * FROM (SELECT host, count(*) AS c FROM v GROUP BY host) a FULL JOIN (SELECT host, max(n) AS m FROM k GROUP BY host) b USING (host)'), ('SELECT host, c FROM (SELECT host, count(*) AS c FROM v GROUP BY host UNION ALL SELECT host, sum(n) FROM k GROUP BY host) u'), ('SELECT host FROM v GROUP BY host EXCEPT SELECT host FROM k'), ('SELECT x.host, y.n FROM (SELECT host FROM v GROUP BY host OFFSET 0) x, LATERAL (SELECT count(*) AS n FROM v WHERE v.host = x.host) y'), ('SELECT n, s FROM k LEFT JOIN (SELECT host, sum(f8) + 1 AS s, 7 AS c FROM v GROUP BY host) x ON x.host = k.host AND x.c = 7'), ('SELECT n, c FROM k LEFT JOIN LATERAL (SELECT coalesce(count(*), 0) + k.n AS c FROM v WHERE id = k.lo) x ON n > 2'),
	('SELECT sum(x) FROM (SELECT coalesce(i4, 1) AS x FROM v) s'), ('SELECT x, count(*) FROM (SELECT coalesce(host, ''z'') AS x, i4 FROM v OFFSET 0) s GROUP BY x'), ('SELECT s.x, count(*) FROM k LEFT JOIN (SELECT 1 AS x, host FROM v) s ON s.host = k.host GROUP BY s.x');
SELECT try_queries('{agg,parallel,spill}', false);
INSERT INTO queries (q) VALUES ('SELECT n, (SELECT sum(i4 + k.n) FROM v) FROM k'), ('SELECT n, (SELECT max(k.host || tc) FROM v WHERE id < 1000) FROM k'), ('SELECT n, x.* FROM k, LATERAL (SELECT (id + k.n) % 3 AS m, count(*) FROM v GROUP BY 1) x'), ('SELECT sum(i4 + (SELECT max(n) FROM k)) FROM v'), ('SELECT i4 > (SELECT avg(n) FROM k) AS b, count(*) FROM v GROUP BY 1'), ('SELECT host, count(*), (SELECT max(n) FROM k WHERE k.host = v.host) FROM v GROUP BY host'), ('SELECT n, (SELECT sum(k.n + i2) FROM v WHERE host = ''host3'') FROM k');
SELECT try_queries('{agg}');

\echo # conditions without columns
INSERT INTO queries (q) SELECT format('SELECT %s WHERE %s %s', a, c, g) FROM (VALUES ('count(*) FROM v', ''), ('sum(i4), max(tc) FROM v', ''), ('host, count(*) FROM v', 'GROUP BY host'), ('i4 + 1, sum(f8) FROM v', 'AND i4 < 10 GROUP BY 1'), ('host FROM v', 'GROUP BY host HAVING count(*) > 3')) AS q (a, g), unnest(ARRAY['pg_backend_pid() > 0', 'pg_backend_pid() < 0', 'now() > ''2000-01-01''', 'now() < ''2000-01-01''', 'current_setting(''timezone'') = ''Europe/Berlin'' AND id > 100', 'current_user IS NULL', '(SELECT count(*) FROM k) > 3', '(SELECT count(*) FROM k) > 300', 'EXISTS (SELECT 1 FROM k WHERE n > 100)']) c;
INSERT INTO queries (q) VALUES ('SELECT n, (SELECT sum(i4) FROM v WHERE k.n > 3) FROM k'), ('SELECT n, (SELECT count(*) FROM v WHERE k.n > 3) FROM k'), ('SELECT n, x.* FROM k, LATERAL (SELECT host, count(*) FROM v WHERE k.n > 7 GROUP BY host) x'), ('SELECT n, x.* FROM k LEFT JOIN LATERAL (SELECT id % 3 + k.n AS m, count(*) FROM v WHERE k.n % 2 = 0 AND id > k.lo GROUP BY 1) x ON true'), ('SELECT n, (SELECT max(s) FROM (SELECT host, sum(i4) AS s FROM v WHERE k.host IS NOT NULL GROUP BY host) y) FROM k');
SELECT try_queries('{agg,parallel,spill}', false);

\echo # prepared statements
CREATE FUNCTION try_prepared(query text, types text, VARIADIC arguments text[]) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE plans text; side text; results text[]; one text; argument text; path text := current_setting('search_path');
BEGIN
	FOREACH plans IN ARRAY ARRAY['force_generic_plan', 'force_custom_plan'] LOOP
		PERFORM set_config('plan_cache_mode', plans, true), set_config('cpu_operator_cost', '1', true), set_config('cpu_tuple_cost', '10', true);
		results := '{}';
		FOREACH side IN ARRAY ARRAY['agg_h', 'agg_t'] LOOP
			PERFORM set_config('search_path', side || ', agg_x, public', true);
			EXECUTE format('PREPARE p (%s) AS SELECT string_agg(q.*::text, '' '' ORDER BY q.*::text COLLATE "C") FROM (%s) q', types, query);
			FOREACH argument IN ARRAY arguments LOOP
				BEGIN
					EXECUTE format('EXECUTE p (%s)', argument) INTO one;
				EXCEPTION WHEN OTHERS THEN one := CASE WHEN SQLSTATE LIKE '22%' THEN 'error of data' ELSE SQLSTATE || SQLERRM END;
				END;
				results := results || coalesce(one, 'NULL');
			END LOOP;
			DEALLOCATE p;
		END LOOP;
		IF results[1:cardinality(arguments)] <> results[cardinality(arguments) + 1:] THEN
			RETURN NEXT format('DIFFERENT (%s): %s: %s', plans, query, left(results::text, 500));
		END IF;
	END LOOP;
	PERFORM set_config('search_path', path, true);
END $$;
SELECT try_prepared('SELECT sum(i4 + $1), count(*) FILTER (WHERE i4 > $1) FROM v', 'int', '1', 'NULL', '3', '2147483647');
SELECT try_prepared('SELECT sum(i4), count(*) FROM v WHERE $1 > 3', 'int', '1', '5', 'NULL', '4');
SELECT try_prepared('SELECT host, sum(i4) FROM v WHERE $1 GROUP BY host', 'bool', 'true', 'false', 'NULL', 'true');
SELECT try_prepared('SELECT host, max(tc || $1) FROM v WHERE id > $2 GROUP BY host', 'text, int', '''a'', 5', '''b'', 2000', 'NULL, 5', '''a'', NULL');
SELECT try_prepared('SELECT date_trunc($1, t), sum(f8) FROM v GROUP BY 1', 'text', '''hour''', '''day''', 'NULL', '''nonsense''', '''hour''');
SELECT try_prepared('SELECT date_trunc(''hour'', t, $1), sum(f8) FROM v GROUP BY 1', 'text', '''Asia/Kolkata''', '''UTC''', '''Asia/Kathmandu''');
SELECT try_prepared('SELECT i4 + $1, host || $2, count(*) FROM v GROUP BY 1, 2', 'int, text', '1, ''x''', '2, NULL', '3, ''y''');
SELECT try_prepared('SELECT time_bucket($1, t), sum(f8) FROM v GROUP BY 1', 'interval', '''1 hour''', '''1 day''', '''1 month''');
SELECT try_prepared('SELECT sum(f8 / $1) FROM v', 'float8', '2', '0', '''NaN''', '''Infinity''');
SELECT try_prepared('SELECT $1 AS k, count(*) FROM v GROUP BY $1', 'text', '''a''', 'NULL', '''b''');
SELECT try_prepared('SELECT host, count(*) FROM v GROUP BY host HAVING count(*) > $1', 'int', '100', '180', 'NULL');
SELECT try_prepared('SELECT sum(1 / (i4 - $1)) FILTER (WHERE i4 <> $2) FROM v', 'int, int', '3, 3', '3, 4', '100, 4');
-- a plan that outlives a change of its table, of the zone, and of the setting
SET plan_cache_mode = force_generic_plan;
SET enable_seqscan = off;
PREPARE p AS SELECT date_trunc('day', t) AS d, count(*) FROM agg_t.v GROUP BY 1 ORDER BY 1 LIMIT 1;
EXECUTE p;
SET timezone = 'Asia/Kolkata';
EXECUTE p;
SET tsdb_am.enable_vector_agg = off;
EXECUTE p;
RESET tsdb_am.enable_vector_agg;
SET timezone = 'Europe/Berlin';
DO $$ BEGIN PERFORM tsdb.recompress('agg_t.v', true); END $$;
EXECUTE p;
DEALLOCATE p;
RESET plan_cache_mode;
RESET enable_seqscan;

\echo # cursors
CREATE FUNCTION try_cursor(query text, options text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE rows text[]; got text[]; r record; wanted text[]; path text := current_setting('search_path');
BEGIN
	PERFORM set_config('search_path', 'agg_t, agg_x, public', true), set_config('cpu_operator_cost', '1', true), set_config('cpu_tuple_cost', '10', true);
	EXECUTE 'SELECT array_agg(q.*::text ORDER BY q.*::text COLLATE "C") FROM (' || query || ') q' INTO wanted;
	EXECUTE format('DECLARE c %s CURSOR FOR %s', options, query);
	FOR r IN EXECUTE 'FETCH 3 FROM c' LOOP rows := rows || r::text; END LOOP;
	FOR r IN EXECUTE 'FETCH ALL FROM c' LOOP rows := rows || r::text; END LOOP;
	IF (SELECT array_agg(x ORDER BY x COLLATE "C") FROM unnest(rows) x) IS DISTINCT FROM wanted THEN
		RETURN NEXT format('cursor: %s instead of %s in %s', cardinality(rows), cardinality(wanted), query);
	END IF;
	IF options LIKE 'SCROLL%' THEN
		FOR r IN EXECUTE 'FETCH BACKWARD ALL FROM c' LOOP got := r::text || got; END LOOP;
		IF got IS DISTINCT FROM rows THEN
			RETURN NEXT 'backward: other rows of ' || query;
		END IF;
		EXECUTE 'FETCH FIRST FROM c' INTO r;
		IF r::text IS DISTINCT FROM rows[1] THEN
			RETURN NEXT 'first: another row of ' || query;
		END IF;
	END IF;
	EXECUTE 'CLOSE c';
	PERFORM set_config('search_path', path, true);
END $$;
SELECT try_cursor(q, o) FROM unnest(ARRAY['SELECT host, count(*), max(tc) FROM v GROUP BY host', 'SELECT id, tx, sum(f8) FROM v GROUP BY id, tx', 'SELECT sum(i4) FROM v', 'SELECT host, u_array(id) FROM v WHERE id < 500 GROUP BY host']) q, unnest(ARRAY['SCROLL', 'NO SCROLL', 'SCROLL', 'NO SCROLL']) o;
SET work_mem = '64kB';
SELECT try_cursor(q, o) FROM unnest(ARRAY['SELECT id, tx, tc, sum(f8) FROM v GROUP BY id, tx, tc', 'SELECT tc, u_array(id) FROM v GROUP BY tc']) q, unnest(ARRAY['SCROLL', 'NO SCROLL']) o;
RESET work_mem;
BEGIN;
SET LOCAL enable_seqscan = off;
DECLARE held CURSOR WITH HOLD FOR SELECT host, count(*) FROM agg_t.v GROUP BY host ORDER BY host;
FETCH 1 FROM held;
COMMIT;
FETCH 1 FROM held;
CLOSE held;

\echo # what is written from aggregates
CREATE FUNCTION try_write(statement text, look text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('cpu_operator_cost', '1', true), set_config('cpu_tuple_cost', '10', true);
	PERFORM on_both('CREATE TABLE w (t timestamptz, host text, n bigint, f float8)');
	PERFORM on_both('INSERT INTO w SELECT now(), ''host'' || g, g, g FROM generate_series(1, 30) g');
	PERFORM on_both(statement);
	PERFORM set_config('search_path', 'agg_x, public', true);
	RETURN QUERY SELECT format('%s: %s', statement, d) FROM same(look) d;
	PERFORM on_both('DROP TABLE w');
	PERFORM set_config('search_path', 'agg_x, public', true);
END $$;
SELECT try_write('INSERT INTO w (host, n, f) SELECT host, count(*), sum(f8) FROM v GROUP BY host', 'SELECT host, n, f FROM w');
SELECT try_write('UPDATE w SET n = s.n, f = s.f FROM (SELECT host, count(*) AS n, sum(f8) AS f FROM v GROUP BY host) s WHERE s.host = w.host', 'SELECT host, n, f FROM w');
SELECT try_write('UPDATE w SET n = (SELECT sum(i4) FROM v WHERE v.host = w.host)', 'SELECT host, n FROM w');
SELECT try_write('UPDATE w SET (n, f) = (SELECT count(*), max(f8) FROM v WHERE v.host = w.host)', 'SELECT host, n, f FROM w');
SELECT try_write('DELETE FROM w USING (SELECT host, count(*) AS n FROM v GROUP BY host HAVING count(*) > 150) s WHERE s.host = w.host', 'SELECT host, n FROM w');
SELECT try_write('DELETE FROM w WHERE n < (SELECT avg(n) FROM w)', 'SELECT host, n FROM w');
SELECT try_write('INSERT INTO w (host, n) SELECT host, sum(n) FROM w GROUP BY host', 'SELECT host, n FROM w');
SELECT try_write('INSERT INTO w (host, n) SELECT ''total'', sum(n) FROM w; DELETE FROM w WHERE n > 20; INSERT INTO w (host, n) SELECT ''rest'', count(*) FROM w', 'SELECT host, n FROM w');
SELECT try_write('MERGE INTO w USING (SELECT host, count(*) AS n FROM v GROUP BY host) s ON s.host = w.host WHEN MATCHED THEN UPDATE SET n = s.n WHEN NOT MATCHED THEN INSERT (host, n) VALUES (s.host, -s.n)', 'SELECT host, n FROM w');
SELECT try_write('WITH gone AS (DELETE FROM w WHERE n % 2 = 0 RETURNING *) INSERT INTO w (host, n) SELECT ''gone'', sum(n) FROM gone; INSERT INTO w (host, n) SELECT ''all'', (SELECT count(*) FROM w)', 'SELECT host, n FROM w');
-- counted from the directory: deletes that are undone, and those of the same transaction
BEGIN;
SET LOCAL enable_seqscan = off;
SELECT count(*) FROM agg_t.v;
SAVEPOINT a;
DELETE FROM agg_t.v WHERE id BETWEEN 100 AND 199;
SELECT count(*) FROM agg_t.v;
ROLLBACK TO a;
SELECT count(*) FROM agg_t.v;
DELETE FROM agg_t.v;
SELECT count(*), sum(id) FROM agg_t.v;
ROLLBACK;
SELECT count(*), (SELECT count(*) FROM agg_h.v) FROM agg_t.v;
-- (estimates had counted those deletes in)
VACUUM ANALYZE agg_t.v;

\echo # partitions and inheritance
SELECT on_both('CREATE TABLE p (t timestamptz NOT NULL, host text, id int, i4 int, f8 float8, nu numeric, tx text) PARTITION BY RANGE (t)');
CREATE TABLE agg_h.p1 PARTITION OF agg_h.p FOR VALUES FROM (MINVALUE) TO ('2026-03-29');
CREATE TABLE agg_t.p1 PARTITION OF agg_t.p FOR VALUES FROM (MINVALUE) TO ('2026-03-29') USING tsdb;
SELECT on_both('CREATE TABLE p2 (tx text, gone int, nu numeric, id int, f8 float8, gone2 text, host text, t timestamptz NOT NULL, i4 int)');
SELECT on_both('ALTER TABLE p2 DROP COLUMN gone, DROP COLUMN gone2');
SELECT on_both('ALTER TABLE p ATTACH PARTITION p2 FOR VALUES FROM (''2026-03-29'') TO (''2026-03-30'')');
SELECT on_both('CREATE TABLE p3 PARTITION OF p FOR VALUES FROM (''2026-03-30'') TO (''2026-03-31'') PARTITION BY LIST (host)');
CREATE TABLE agg_h.p3a PARTITION OF agg_h.p3 FOR VALUES IN ('host1', 'host2', 'host3', NULL);
CREATE TABLE agg_t.p3a PARTITION OF agg_t.p3 FOR VALUES IN ('host1', 'host2', 'host3', NULL) USING tsdb;
SELECT on_both('CREATE TABLE p3b PARTITION OF p3 DEFAULT USING heap');
SELECT on_both('CREATE TABLE p4 PARTITION OF p FOR VALUES FROM (''2026-03-31'') TO (MAXVALUE) USING heap');
SET tsdb_am.direct_load_rows = 1;
SELECT on_both('INSERT INTO p SELECT t + (id % 4) * interval ''19 hours'', host, id + 100000 * g, i4 % 100, f8, nu, tx FROM agg_h.v, generate_series(0, 7) g');
SET tsdb_am.direct_load_rows = 0;
SELECT on_both('INSERT INTO p SELECT t + (id % 4) * interval ''19 hours'', host, id + 10000, i4 % 100, f8, nu, tx FROM agg_h.v WHERE id % 9 = 1');
SELECT on_both('DELETE FROM p WHERE id % 43 = 1');
SELECT on_both('CREATE TABLE i (t timestamptz, id int, host text, i4 int, f8 float8, nu numeric, tx text)');
SELECT on_both('CREATE TABLE i1 (extra int) INHERITS (i)');
SELECT on_both('CREATE TABLE i2 (x int, f8 float8, host text) INHERITS (i) USING heap');
SELECT on_both('CREATE TABLE i3 () INHERITS (i1)');
SET tsdb_am.direct_load_rows = 1;
SELECT on_both('INSERT INTO i SELECT t, id, host, i4 % 100, f8, nu, tx FROM agg_h.v, generate_series(0, 3) WHERE id % 4 = 0; INSERT INTO i1 SELECT t, id, host, i4 % 100, f8, nu, tx, 1 FROM agg_h.v, generate_series(0, 3) WHERE id % 4 = 1; INSERT INTO i2 SELECT t, id, host, i4 % 100, f8, nu, tx, 1 FROM agg_h.v, generate_series(0, 3) WHERE id % 4 = 2; INSERT INTO i3 SELECT t, id, host, i4 % 100, f8, nu, tx, 1 FROM agg_h.v, generate_series(0, 3) WHERE id % 4 = 3');
SET tsdb_am.direct_load_rows = 0;
SELECT on_both('INSERT INTO i1 SELECT t, id, host, i4 % 100, f8, nu, tx, 1 FROM agg_h.v WHERE id % 20 = 1; DELETE FROM i WHERE id % 51 = 3');
SELECT on_both('ANALYZE');
CREATE TABLE many (q text);
INSERT INTO many VALUES ('count(*) FROM {t}'), ('count(*), sum(i4), avg(i4), sum(f8), avg(f8), variance(f8), stddev(i4), min(tx COLLATE "C"), max(t), bool_and(f8 > -100) FROM {t}'), ('host, count(*), avg(f8), sum(f8), sum(nu), avg(nu), variance(nu::float8) FROM {t} GROUP BY host'), ('date_trunc(''day'', t), host, sum(i4) FROM {t} GROUP BY 1, 2'), ('date_trunc(''hour'', t), avg(i4), avg(f8), min(id) FROM {t} GROUP BY 1'), ('i4 + 1, count(*), sum(f8) FROM {t} GROUP BY i4 + 1'), ('i4 + 1, sum(f8 * 2) FILTER (WHERE id % 2 = 0) FROM {t} GROUP BY i4 + 1 HAVING count(*) > 100'), ('host FROM {t} GROUP BY host'), ('id FROM {t} GROUP BY id HAVING count(*) > 1'), ('id % 7, max(tx COLLATE "C"), u_greatest(tx) FROM {t} GROUP BY 1'), ('id, u_sum(i4) FROM {t} WHERE id < 2000 GROUP BY id'), ('host, array_length(array_agg(id), 1) FROM {t} GROUP BY host'), ('sum(i4), u_internal(i4), u_internal(id), (SELECT array_agg(x ORDER BY x) FROM unnest(u_array_parallel(i4)) x) FROM {t}'),
	('count(*) FROM {t} WHERE t >= ''2026-03-29'' AND t < ''2026-03-30'''), ('host, sum(f8), count(tx) FROM {t} WHERE t >= ''2026-03-29'' AND t < ''2026-03-30'' GROUP BY host'), ('i4 + 1, sum(f8) FROM {t} WHERE t >= ''2026-03-29'' AND t < ''2026-03-30'' GROUP BY 1'), ('sum(f8), max(tx COLLATE "C") FROM {t} WHERE t < ''2026-03-29'''), ('host, sum(f8) FROM {t} WHERE t >= ''2026-03-31'' GROUP BY host'), ('host, sum(f8) FROM {t} WHERE t > ''2040-01-01'' GROUP BY host'), ('count(*), max(id) FROM {t} WHERE t > ''2040-01-01'''), ('host, count(*) FROM {t} WHERE host IN (''host1'', ''host7'') GROUP BY host'), ('host, count(*) FROM {t} WHERE host = ''host1'' AND t >= ''2026-03-30'' AND t < ''2026-03-31'' GROUP BY host'), ('tableoid::regclass::text, count(*) FROM {t} GROUP BY 1'), ('count({t}) FROM {t}'), ('host, b, count(*) FROM (SELECT host, id % 2 = 0 AS b FROM {t}) s GROUP BY 1, 2'), ('n, (SELECT sum({t}.i4 + k.n) FROM {t} WHERE {t}.host = k.host) FROM k'), ('n, x.* FROM k, LATERAL (SELECT i4 % 3 + k.n, sum(f8) FROM {t} WHERE id > k.lo GROUP BY 1) x'), ('count(DISTINCT host), count(*) FROM {t}'), ('host, b, count(*) FROM (SELECT *, f8 > 3 AS b FROM {t}) s GROUP BY ROLLUP (host, b)'), ('sum(1 / i4) FROM {t}'), ('stddev_pop(f8), avg(f8), sum(f8), variance(f8) FROM {t}'), ('id % 5, avg(f8), stddev(f8), avg(i4), variance(i4), sum(id::int8), avg(id::int8) FROM {t} GROUP BY 1'), ('1 FROM {t} HAVING count(*) > 100'), ('unnest(ARRAY[i4 % 3, 7]), count(*) FROM {t} GROUP BY 1'), ('count(*) FROM {t} GROUP BY generate_series(1, id % 3)'), ('now() = now(), count(*) FROM {t} GROUP BY 1'), ('sum(x) FROM (SELECT i4 AS x FROM p UNION ALL SELECT i4 FROM i) s');
SELECT same('SELECT ' || replace(q, '{t}', t), false, '{agg,parallel,partitions,parallel partitions,spill}') FROM many, unnest('{p,i,p3}'::text[]) t;
SELECT uses_agg('SELECT ' || replace(q, '{t}', t)) FROM many, unnest('{p}'::text[]) t WHERE q LIKE 'count(*) FROM {t}' OR q LIKE 'host, count(*), avg%' OR q LIKE 'i4 + 1, count%' OR q LIKE 'count(*) FROM {t} WHERE t >= ''2026-03-29''%';

\echo # temporary and unlogged tables, views, an empty table
CREATE TEMP TABLE tt (t timestamptz, k text, v int) USING tsdb;
CREATE TEMP TABLE th (t timestamptz, k text, v int);
INSERT INTO tt SELECT now() + g * interval '1 s', 'k' || g % 10, g FROM generate_series(1, 3000) g;
INSERT INTO th SELECT * FROM tt;
SET enable_seqscan = off;
SELECT * FROM (SELECT k, count(*), sum(v), max(t) FROM tt GROUP BY k) a FULL JOIN (SELECT k, count(*), sum(v), max(t) FROM th GROUP BY k) b USING (k) WHERE a IS DISTINCT FROM b;
DROP TABLE tt, th;
RESET enable_seqscan;
SELECT on_both('CREATE UNLOGGED TABLE u AS SELECT t, host, i4 FROM agg_h.v');
SELECT on_both('CREATE TABLE e (t timestamptz, host text, i4 int)');
SELECT on_both('CREATE VIEW vw AS SELECT host, count(*) AS n, sum(i4) AS s FROM v GROUP BY host');
SELECT on_both('CREATE MATERIALIZED VIEW mv AS SELECT host, count(*) AS n, sum(i4) AS s FROM v GROUP BY host');
SELECT on_both('CREATE VIEW sb WITH (security_barrier) AS SELECT * FROM v WHERE id % 10 <> 0');
INSERT INTO queries (q) VALUES ('SELECT host, sum(i4) FROM u GROUP BY host'), ('SELECT count(*), sum(i4), max(host) FROM e'), ('SELECT host, count(*) FROM e GROUP BY host'), ('SELECT * FROM vw'), ('SELECT * FROM vw WHERE host > ''host3'' AND n > 100'), ('SELECT max(n) FROM vw'), ('SELECT * FROM mv'), ('SELECT host, count(*) FROM sb GROUP BY host'), ('SELECT count(*), sum(i4) FROM sb WHERE i4 > 3'), ('SELECT host, count(*) FROM ONLY v GROUP BY host'), ('SELECT count(*) FROM v TABLESAMPLE BERNOULLI (100)'), ('SELECT count(*) FROM v, v w WHERE v.id = w.id');
SELECT try_queries('{agg,parallel}', false);

\echo # who may see what
SET client_min_messages = error;
DROP ROLE IF EXISTS agg_reader;
SET client_min_messages = warning;
CREATE ROLE agg_reader;
GRANT USAGE ON SCHEMA agg_h, agg_t, agg_x TO agg_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA agg_x TO agg_reader;
GRANT SELECT (t, id, host, i4) ON agg_h.v, agg_t.v TO agg_reader;
GRANT SELECT ON agg_h.k, agg_t.k TO agg_reader;
REVOKE EXECUTE ON FUNCTION u_sum(int8), u_null_step(int, int), u_set_final(int[], int) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION float8mul(float8, float8), int4pl(int4, int4) FROM PUBLIC;
CREATE FUNCTION leak(int, text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN IF $1 % 10 = 0 THEN RAISE EXCEPTION 'seen %', $1; END IF; RETURN true; END $$;
SELECT on_both('CREATE TABLE rls (t timestamptz, id int, host text, v int)');
SELECT on_both('INSERT INTO rls SELECT t, id, host, i4 FROM agg_h.v');
SELECT on_both('ALTER TABLE rls ENABLE ROW LEVEL SECURITY; CREATE POLICY a ON rls USING (id % 10 <> 0)');
SELECT on_both('GRANT SELECT ON rls, sb, vw TO agg_reader');
SET ROLE agg_reader;
SELECT same(q, false, '{agg,parallel}') FROM unnest(ARRAY['SELECT host, sum(i4) FROM v GROUP BY host', 'SELECT sum(f8) FROM v', 'SELECT count(*) FROM v', 'SELECT f8, count(*) FROM v GROUP BY f8', 'SELECT count(*) FILTER (WHERE f8 > 3) FROM v', 'SELECT u_sum(i4) FROM v', 'SELECT host, u_sum(i4) FROM v GROUP BY host', 'SELECT u_null(i4) FROM v', 'SELECT u_set(i4) FROM v', 'SELECT sum(i4 + 1) FROM v', 'SELECT sum(i4::float8 * 2) FROM v', 'SELECT sum(i4 - 1) FROM v',
	'SELECT count(*), sum(v) FROM rls', 'SELECT host, count(*) FROM rls GROUP BY host', 'SELECT count(*) FILTER (WHERE leak(id, host)) FROM rls', 'SELECT count(*) FROM rls WHERE leak(id, host)', 'SELECT count(*) FROM sb WHERE leak(id, host)', 'SELECT leak(id, host), count(*) FROM sb GROUP BY 1', 'SELECT * FROM vw', 'SELECT sum(n) FROM vw']) q;
RESET ROLE;
GRANT EXECUTE ON FUNCTION float8mul(float8, float8), int4pl(int4, int4) TO PUBLIC;
CREATE FUNCTION sees_all() RETURNS bigint LANGUAGE sql SECURITY DEFINER SET search_path = agg_t AS 'SELECT sum(f8)::bigint FROM v';
SET ROLE agg_reader;
SELECT agg_x.sees_all() IS NOT NULL;
RESET ROLE;

\echo # more groups than memory: rows are set aside and read again
SELECT on_both('CREATE TABLE big (t timestamptz NOT NULL, host text, id int, txt text, nu numeric, v int, f float8, n int)');
SET tsdb_am.direct_load_rows = 1;
SELECT on_both('INSERT INTO big SELECT ''2026-01-01''::timestamptz + g * interval ''7 s'', ''host'' || g % 17, (g * 7919::int8 % 110017)::int, CASE WHEN g % 1009 <> 0 THEN md5((g % 100003)::text) END, CASE WHEN g % 7 <> 0 THEN (g % 30011) / 100.0 END, g % 1000, (g % 777) / 8.0, CASE WHEN g % 3 <> 0 THEN g % 40009 END FROM generate_series(1, 150000) g');
SET tsdb_am.direct_load_rows = 0;
SELECT on_both('INSERT INTO big SELECT ''2026-01-01''::timestamptz + g * interval ''7 s'', ''host'' || g % 17, (g * 7919::int8 % 110017)::int, CASE WHEN g % 1009 <> 0 THEN md5((g % 100003)::text) END, CASE WHEN g % 7 <> 0 THEN (g % 30011) / 100.00 END, g % 1000, (g % 777) / 8.0, CASE WHEN g % 3 <> 0 THEN g % 40009 END FROM generate_series(150001, 160000) g');
SELECT on_both('DELETE FROM big WHERE v = 77');
SELECT on_both('ANALYZE big');
-- (a digest of all groups instead of their text)
CREATE FUNCTION digest_of(query text) RETURNS text LANGUAGE sql AS $$ SELECT format('SELECT count(*), sum(hashtextextended(q.*::text, 0)::numeric) FROM (%s) q', query) $$;
SELECT same(digest_of(q), false, '{spill,parallel}') FROM unnest(ARRAY['SELECT id, count(*), sum(v), avg(f) FROM big GROUP BY id', 'SELECT txt, count(*), max(t), min(host) FROM big GROUP BY txt', 'SELECT n, count(*) FROM big GROUP BY n', 'SELECT id, txt FROM big GROUP BY id, txt', 'SELECT nu::float8, count(*), sum(v) FROM big GROUP BY nu', 'SELECT host, id, count(*) FROM big GROUP BY host, id', 'SELECT host, date_trunc(''minute'', t), sum(v) FROM big GROUP BY 1, 2', 'SELECT date_trunc(''minute'', t), host, n, count(*) FROM big GROUP BY 1, 2, 3', 'SELECT id % 50000 AS k, txt, sum(f) FILTER (WHERE v > 500), count(*) FILTER (WHERE n IS NULL) FROM big GROUP BY 1, 2', 'SELECT upper(txt), max(txt COLLATE "C") FROM big GROUP BY upper(txt)',
	'SELECT f, id, v FROM big GROUP BY f, id, v', 'SELECT txt, (SELECT array_agg(x ORDER BY x) FROM unnest(array_agg(v)) x) FROM big GROUP BY txt', 'SELECT id % 20000, avg(nu)::float8, stddev(v), u_greatest(txt) FROM big GROUP BY 1', 'SELECT id, nu::float8, txt, t FROM big GROUP BY id, nu, txt, t', 'SELECT host, count(*), max(id) FROM big GROUP BY host', 'SELECT hashtext(txt), count(*) FROM big GROUP BY 1', 'SELECT id, count(*) FROM big WHERE v < 300 GROUP BY id HAVING count(*) > 1', 'SELECT ROW(id, n), count(*) FROM big GROUP BY 1', 'SELECT t, count(*) FROM big GROUP BY t', 'SELECT CASE WHEN id % 2 = 0 THEN NULL ELSE txt END, n, count(*), sum(id) FROM big GROUP BY 1, 2']) q;
SELECT uses_agg('SELECT txt, count(*) FROM big GROUP BY txt', 'spill'), uses_agg('SELECT id, sum(v) FROM big GROUP BY id', 'spill');
SELECT same(q, false, '{spill}') FROM unnest(ARRAY['SELECT v, length(u_large(id)) FROM big WHERE id % 9 = 0 GROUP BY v', 'SELECT n, x.c FROM k, LATERAL (SELECT count(*) AS c, sum(m) FROM (SELECT id / 2 + k.n AS g, max(v) AS m FROM big WHERE id < 30000 GROUP BY 1) s) x WHERE n < 3', 'SELECT count(*) FROM (SELECT txt FROM big GROUP BY txt LIMIT 5000) s', 'SELECT max(n), sum(n) FROM (SELECT txt, count(*) AS n FROM big GROUP BY txt OFFSET 0) s WHERE n > 1']) q;
-- it left nothing in memory or on disk: repeated, cut short, cancelled
SET work_mem = '64kB';
SET enable_seqscan = off;
SET enable_sort = off;
SET enable_hashagg = off;
SELECT count(*) FROM (SELECT txt FROM agg_t.big GROUP BY txt LIMIT 10) s;
DO $$
DECLARE r record; i int := 0;
BEGIN
	FOR r IN SELECT txt, count(*) FROM agg_t.big GROUP BY txt LOOP
		i := i + 1;
		EXIT WHEN i > 3000;
	END LOOP;
	BEGIN
		PERFORM count(x) FROM (SELECT txt, sum(1 / (v - 999)) AS x FROM agg_t.big GROUP BY txt) s;
	EXCEPTION WHEN division_by_zero THEN RAISE WARNING 'divided by zero';
	END;
	BEGIN
		SET LOCAL statement_timeout = 1;
		PERFORM pg_sleep(0.01);
	EXCEPTION WHEN query_canceled THEN NULL;
	END;
END $$;
SET statement_timeout = '10ms';
SELECT sum(c) FROM (SELECT txt, id, n, count(*) AS c FROM agg_t.big GROUP BY txt, id, n) s;
RESET statement_timeout;
SELECT sum(c) - (SELECT count(*) FROM agg_h.big) FROM (SELECT txt, id, n, count(*) AS c FROM agg_t.big GROUP BY txt, id, n) s;
SELECT count(*) FROM pg_ls_tmpdir();
RESET ALL;
RESET search_path;
SET client_min_messages = warning;
DROP SCHEMA agg_h, agg_t, agg_x CASCADE;
DROP ROLE agg_reader;
