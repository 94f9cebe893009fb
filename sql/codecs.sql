-- Every encoding of the codecs, hot and cold, beside a heap twin. What would break this: a value that a codec, a plane, a symbol
-- table or a compressed dictionary does not give back bit by bit, whatever moves, rewrites or fetches it; chunks that are cold
-- and should not be, or the other way round; bytes or results that depend on the processor.
SET tsdb_am.direct_load_rows = 1000;
SET extra_float_digits = 1;
SELECT tsdb.version() ~ '^1\.1 \((sse2|neon|baseline|avx2|avx512)\)$' AS version;
SELECT coalesce(sum(blocks), 0) AS blocks_before, coalesce(sum(blocks) FILTER (WHERE encoding = 'fsst'), 0) AS fsst_before FROM tsdb.stat_codecs \gset
CREATE TYPE weather AS ENUM ('sun', 'rain', 'snow', 'fog', 'hail');
CREATE DOMAIN percent AS float8 CHECK (VALUE BETWEEN 0 AND 100);
-- bits to floats: signalling NaNs, NaNs with payload, denormals
CREATE CAST (int8 AS time) WITHOUT FUNCTION;
CREATE CAST (time AS float8) WITHOUT FUNCTION;
CREATE CAST (int4 AS date) WITHOUT FUNCTION;
CREATE CAST (date AS float4) WITHOUT FUNCTION;
CREATE FUNCTION f8(bits int8) RETURNS float8 LANGUAGE sql IMMUTABLE AS 'SELECT bits::time::float8';
CREATE FUNCTION f4(bits int4) RETURNS float4 LANGUAGE sql IMMUTABLE AS 'SELECT bits::date::float4';
SELECT float8send(f8(9218868437227405313)), float4send(f4(2139095041));

-- 63 and 31 random bits, the same everywhere
CREATE FUNCTION rnd(i int8, salt int) RETURNS int8 LANGUAGE sql IMMUTABLE AS 'SELECT hashint8extended(i, salt) & 9223372036854775807';

-- Rows that differ, both ways: floats by their bits, all else as text.
CREATE FUNCTION bits_diff(a regclass, b regclass) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	what text;
	n bigint;
BEGIN
	SELECT format('md5(concat_ws(''|'', %s))', string_agg('coalesce(' || CASE atttypid WHEN 'float8'::regtype THEN format('float8send(%I)::text', attname)
		WHEN 'percent'::regtype THEN format('float8send(%I)::text', attname) WHEN 'float4'::regtype THEN format('float4send(%I)::text', attname)
		WHEN 'time'::regtype THEN format('time_send(%I)::text', attname) ELSE format('%I::text', attname) END || ', ''~'')', ', ' ORDER BY attnum)) INTO what
	FROM pg_attribute WHERE attrelid = a AND attnum > 0 AND NOT attisdropped;
	EXECUTE format('SELECT count(*) FROM ((SELECT %3$s FROM %1$s EXCEPT ALL SELECT %3$s FROM %2$s) UNION ALL (SELECT %3$s FROM %2$s EXCEPT ALL SELECT %3$s FROM %1$s)) d', a, b, what) INTO n;
	RETURN n;
END $$;
-- Which of these columns have planes.
CREATE FUNCTION cold_columns(rel regclass, names text[]) RETURNS text LANGUAGE sql AS
	$$ SELECT coalesce(string_agg("column", ' ' ORDER BY "column" COLLATE "C"), 'none') FROM tsdb.columns WHERE relation = rel AND cold_chunks > 0 AND "column" = ANY (names) $$;
CREATE FUNCTION plan_has(query text, node text) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS off) ' || query LOOP
		IF position(node IN line) > 0 THEN
			RETURN true;
		END IF;
	END LOOP;
	RETURN false;
END $$;
-- Of columns that should have an encoding (column, pattern), those that have none of it.
CREATE FUNCTION without_encoding(rel regclass, expected text[]) RETURNS SETOF text LANGUAGE sql AS
	$$ SELECT format('%s is %s, not %s', e[1], c.encoding, e[2]) FROM (SELECT regexp_split_to_array(x, ' ') AS e FROM unnest(expected) x) s
		LEFT JOIN tsdb.columns c ON c.relation = rel AND c."column" = e[1] WHERE (c.encoding ~ e[2]) IS NOT TRUE $$;

--
-- One column for each encoding, and for each type. Five parts of 2,048 rows differ in their NULLs: none, runs of 37 in 100,
-- scattered (1 in 11), two of three, all.
--
CREATE TABLE cod_heap (
	i int, t timestamptz, nulls text,
	c_const int, c_rle int, c_for int, c_delta int8, c_linear int8, c_raw int8, c_patch int8, c_decimal float8, c_float32 float8, c_real float8, c_real4 float4,
	c_dict text, c_int_dict float8, c_bytes bytea, c_fsst text, y_url text, c_zstd jsonb, c_lz4 bytea, c_streams numeric(10, 2),
	y_int2 int2, y_date date, y_ts timestamp, y_time time, y_float4 float4, y_noise4 float4, y_bool bool, y_varchar varchar(40), y_array text[],
	y_numeric numeric, y_interval interval, y_uuid uuid, y_inet inet, y_enum weather, y_domain percent, y_md5 text, y_empty text,
	o_int8 int8, o_float8 float8, o_float4 float4, o_bits8 float8, o_bits4 float4, o_ts timestamptz, o_date date
) USING heap;

INSERT INTO cod_heap
SELECT g, '2026-01-01+00'::timestamptz + g * interval '10 s', (ARRAY['none', 'runs', 'some', 'dense', 'all'])[1 + (g - 1) / 2048],
	42, (rnd(g / 40, 1) % 1000)::int, (rnd(g, 2) % 1000)::int, sum(rnd(g, 3) % 200) OVER (ORDER BY g), 1000003::int8 * g + rnd(g, 4) % 64, hashint8extended(g, 5),
	CASE WHEN g % 200 = 0 THEN rnd(g, 6) ELSE rnd(g, 6) % 100 END, rnd(g, 7) % 100000 / 100.0, (rnd(g, 8) % 1000000007 / 3.0::float4)::float4, 1e20 * (1.3 + rnd(g, 9) / 9.3e18) * (1 - 2 * (rnd(g, 33) % 2)),
	((1.3 + rnd(g, 9) / 9.3e18) * (1 - 2 * (rnd(g, 33) % 2)))::float4 * 1e20::float4,
	'host_' || rnd(g, 10) % 50, rnd(rnd(g, 11) % 40, 12) / 7.0::float8, decode(md5('b' || g), 'hex'),
	(SELECT string_agg(substr('lomiratenusivokaperudinoga', 1 + (2 * (rnd(g, 100 + k) % 12))::int, 2), '') FROM generate_series(1, 6) k),
	'https://www.example.com/' || (ARRAY['products', 'users', 'search?q=', 'static/img'])[1 + rnd(g, 13) % 4] || '/' || g || '/' || (ARRAY['index.html', 'edit', 'view.php'])[1 + rnd(g, 14) % 3],
	jsonb_build_object('id', g, 'level', (ARRAY['info', 'warning', 'error'])[1 + rnd(g, 15) % 3], 'message', 'connection from 10.1.' || g % 256 || '.7 closed after ' || rnd(g, 16) % 100000 || ' ms',
		'tags', jsonb_build_array('tsdb', 'x' || g % 7, rnd(g, 17) % 5), 'details', jsonb_build_object('thread', g % 33, 'retry', g % 2 = 0, 'query', 'SELECT * FROM measurements WHERE id = ' || g)),
	decode(md5('l' || g) || md5('m' || g / 2) || md5('n' || g / 3) || md5('o' || g / 4), 'hex'), (rnd(g, 18) % 1000000 / 100.0)::numeric(10, 2),
	(rnd(g, 19) % 65536 - 32768)::int2, '2020-01-01'::date + (g / 24), '2026-01-01'::timestamp + g * interval '1 min' + rnd(g, 20) % 1000 * interval '1 ms', '00:00'::time + g % 86400 * interval '1 s',
	(rnd(g, 21) % 10000 / 10.0)::float4, (sqrt(g) + 1 / g::float8)::float4, rnd(g, 22) % 3 = 0, left(md5('v' || g), (rnd(g, 23) % 33)::int), ARRAY['a' || g % 5, NULL, 'tag ' || g],
	g::numeric / 7, make_interval(mins => g, secs => rnd(g, 24) % 60), md5('u' || g)::uuid, ('10.' || g / 256 || '.' || g % 256 || '.1')::inet, (enum_range(NULL::weather))[1 + rnd(g / 7, 25) % 5], rnd(g, 26) % 1001 / 10.0,
	md5(g::text), CASE WHEN rnd(g, 27) % 3 = 0 THEN '' ELSE repeat('e', (g % 3)::int) END,
	(ARRAY[9223372036854775807, -9223372036854775808, 0, -1, 4294967296, 9223372036854775806, -9223372036854775807])[1 + rnd(g, 28) % 7],
	(ARRAY['NaN', 'Infinity', '-Infinity', '-0', '0', '4.9406564584124654e-324', '-4.9406564584124654e-324', '1.7976931348623157e308', '2.2250738585072014e-308', '1e22', '1e23', '0.1', '94.79799999999999', '1e-17', '123456789012345678'])[1 + rnd(g, 29) % 15]::float8,
	(ARRAY['NaN', 'Infinity', '-Infinity', '-0', '0', '1.4e-45', '-1.4e-45', '3.4028235e38', '1.1754944e-38', '16777216', '0.1', '1e10'])[1 + rnd(g, 30) % 12]::float4,
	CASE WHEN g % 300 < 200 THEN g / 10.0 ELSE f8((ARRAY[9218868437227405313, -4503599627370495, 9221120237041090561, -1, 9223372036854775807, 1, -9223372036854775808, 4503599627370495])[1 + rnd(g, 31) % 8]) END,
	CASE WHEN g % 300 < 200 THEN g / 10.0 ELSE f4((ARRAY[2139095041, -8388607, 2143289345, -1, 2147483647, 1, -2147483648, 8388607])[1 + rnd(g, 32) % 8]) END,
	CASE WHEN g % 101 = 0 THEN 'infinity' WHEN g % 103 = 0 THEN '-infinity' WHEN g % 107 = 0 THEN '4713-01-01 BC' ELSE '2026-01-01+00'::timestamptz + g * interval '1 hour' END,
	CASE WHEN g % 101 = 0 THEN 'infinity' WHEN g % 103 = 0 THEN '-infinity' WHEN g % 107 = 0 THEN '5874897-12-31' ELSE '2026-01-01'::date - g END
FROM generate_series(1, 10240) g;

DO $$
DECLARE
	columns text;
BEGIN
	SELECT string_agg(format('%I = NULL', attname), ', ') INTO columns FROM pg_attribute WHERE attrelid = 'cod_heap'::regclass AND attnum > 3;
	EXECUTE format('UPDATE cod_heap SET %s WHERE CASE nulls WHEN ''none'' THEN false WHEN ''runs'' THEN i %% 100 < 37 WHEN ''some'' THEN i %% 11 = 0 WHEN ''dense'' THEN i %% 3 > 0 ELSE true END', columns);
END $$;
SELECT nulls, count(*), count(c_const), count(c_lz4) FROM cod_heap GROUP BY nulls ORDER BY nulls;

\set expected '''{c_const const,c_rle rle,c_for for,c_delta delta,c_linear linear,c_raw raw,c_decimal decimal,c_float32 float32,c_real real,c_real4 real,c_dict dict,c_int_dict dict,c_bytes bytes,c_fsst fsst,y_url zstd|lz4|fsst,c_zstd zstd,c_lz4 lz4,c_streams streams,y_interval streams,y_inet streams}'''
\set expected_cold '''{c_const const,c_delta planes,c_linear planes,c_raw raw,c_real real,c_dict dict,c_bytes bytes,c_zstd zstd,c_lz4 zstd,c_streams streams}'''
-- columns that gain from planes, and two that cannot
\set cold_names '''{c_delta,c_dict,c_int_dict,c_linear,y_date,y_noise4,o_ts,c_raw,c_zstd}'''

-- row store, compress, recompress, cold
CREATE TABLE cod (LIKE cod_heap) USING tsdb WITH (segmentby = 'nulls', orderby = 't');
SET tsdb_am.direct_load_rows = 0;
INSERT INTO cod SELECT * FROM cod_heap ORDER BY i;
RESET tsdb_am.direct_load_rows;
SELECT tsdb.compress('cod');
SELECT bits_diff('cod', 'cod_heap'), chunk_rows('cod'), cold_columns('cod', :cold_names);
SELECT * FROM without_encoding('cod', :expected);
SELECT tsdb.recompress('cod') > 0;
SELECT bits_diff('cod', 'cod_heap'), chunk_rows('cod'), cold_columns('cod', :cold_names);
SELECT * FROM without_encoding('cod', :expected);
SELECT sum(stored_bytes) AS hot_bytes FROM tsdb.columns WHERE relation = 'cod'::regclass \gset
SELECT tsdb.recompress('cod', cold => true) > 0;
SELECT bits_diff('cod', 'cod_heap'), chunk_rows('cod'), cold_columns('cod', :cold_names);
SELECT * FROM without_encoding('cod', :expected_cold);
SELECT sum(stored_bytes) < :hot_bytes AS smaller, max(cold_chunks) > 0 AS cold FROM tsdb.columns WHERE relation = 'cod'::regclass;
SELECT * FROM tsdb.verify('cod');

-- single rows of cold chunks: by index, index-only, bitmap, TID; a cursor back and forth; parallel workers
CREATE INDEX cod_i ON cod (i);
CREATE INDEX cod_heap_i ON cod_heap (i);
CREATE INDEX cod_fsst ON cod (c_fsst, c_linear);
CREATE INDEX cod_dict ON cod (c_int_dict);
VACUUM cod;
SET enable_seqscan = off; SET enable_bitmapscan = off;
SELECT plan_has('SELECT * FROM cod WHERE i = 77', 'Index Scan using cod_i'), plan_has('SELECT c_linear FROM cod WHERE c_fsst = ''x''', 'Index Only Scan using cod_fsst');
DO $$
DECLARE
	k int;
	mine text;
	heaps text;
BEGIN
	FOR k IN SELECT (n * 97 + n % 5 * 2048) % 10240 + 1 FROM generate_series(1, 100) n LOOP
		SELECT x::text INTO mine FROM cod x WHERE i = k;
		SELECT x::text INTO heaps FROM cod_heap x WHERE i = k;
		ASSERT mine = heaps, format('row %s: %s, heap has %s', k, mine, heaps);
	END LOOP;
END $$;
SELECT i, c_delta, c_decimal, c_dict, c_fsst, y_noise4 FROM cod WHERE i IN (1, 2048, 2137, 4107, 10240) ORDER BY i;
SELECT count(*), count(c.c_linear), sum(c.c_linear - h.c_linear) FROM cod_heap h JOIN cod c USING (c_fsst, c_linear) WHERE h.i % 10 = 1;
RESET enable_bitmapscan; SET enable_indexscan = off; SET enable_indexonlyscan = off;
SELECT plan_has('SELECT * FROM cod WHERE c_int_dict = (SELECT c_int_dict FROM cod_heap WHERE i = 77)', 'TsdbBitmapScan');
SELECT count(*) > 50, count(*) = count(h.i), sum(c.c_delta) = sum(h.c_delta), sum(c.c_float32) = sum(h.c_float32)
	FROM (SELECT * FROM cod WHERE c_int_dict = (SELECT c_int_dict FROM cod_heap WHERE i = 77)) c LEFT JOIN cod_heap h USING (i, c_int_dict, y_md5);
RESET enable_seqscan; RESET enable_indexscan; RESET enable_indexonlyscan;
SELECT (SELECT x::text FROM cod x WHERE ctid = (SELECT ctid FROM cod WHERE i = 5000)) = (SELECT x::text FROM cod_heap x WHERE i = 5000);
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT i, c_linear, c_fsst, y_noise4 FROM cod WHERE nulls IN ('none', 'some');
FETCH FIRST FROM c; FETCH ABSOLUTE 2048 FROM c; FETCH FORWARD FROM c; FETCH BACKWARD 2 FROM c; FETCH ABSOLUTE 10 FROM c; FETCH LAST FROM c; FETCH RELATIVE -1030 FROM c;
COMMIT;
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2;
SELECT plan_has('SELECT sum(c_linear), sum(c_streams), max(c_fsst) FROM cod', 'Parallel ');
SELECT count(*), sum(c_linear), sum(c_streams), max(c_fsst COLLATE "C"), count(DISTINCT y_noise4), max(o_ts), min(c_real) FROM cod;
RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size; RESET max_parallel_workers_per_gather;
SELECT count(*), sum(c_linear), sum(c_streams), max(c_fsst COLLATE "C"), count(DISTINCT y_noise4), max(o_ts), min(c_real) FROM cod_heap;

-- rows of cold chunks change
UPDATE cod SET c_delta = c_delta + 1, c_fsst = c_fsst || 'x', c_real = -c_real WHERE i % 64 = 5;
UPDATE cod_heap SET c_delta = c_delta + 1, c_fsst = c_fsst || 'x', c_real = -c_real WHERE i % 64 = 5;
DELETE FROM cod WHERE i BETWEEN 1500 AND 1600 OR i % 64 = 6;
DELETE FROM cod_heap WHERE i BETWEEN 1500 AND 1600 OR i % 64 = 6;
SELECT bits_diff('cod', 'cod_heap'), chunk_rows('cod') > 0, cold_columns('cod', :cold_names);
VACUUM FULL cod;
SELECT bits_diff('cod', 'cod_heap'), chunk_rows('cod') > 0, cold_columns('cod', :cold_names);
SELECT * FROM tsdb.verify('cod');
-- columns come and go: chunks stay as they are; a new type writes all rows anew, hot
ALTER TABLE cod ADD COLUMN a_int int DEFAULT 7, ADD COLUMN a_text text DEFAULT 'new', ADD COLUMN a_null float8, DROP COLUMN c_for, DROP COLUMN c_dict;
ALTER TABLE cod_heap ADD COLUMN a_int int DEFAULT 7, ADD COLUMN a_text text DEFAULT 'new', ADD COLUMN a_null float8, DROP COLUMN c_for, DROP COLUMN c_dict;
SELECT bits_diff('cod', 'cod_heap'), cold_columns('cod', :cold_names);
ALTER TABLE cod ALTER a_int TYPE int8;
ALTER TABLE cod_heap ALTER a_int TYPE int8;
SELECT bits_diff('cod', 'cod_heap'), cold_columns('cod', :cold_names);
SELECT tsdb.compress('cod') >= 0, tsdb.recompress('cod', cold => true) > 0;
SELECT bits_diff('cod', 'cod_heap'), chunk_rows('cod') = (SELECT count(*) FROM cod_heap), cold_columns('cod', :cold_names);
CREATE TABLE cod_copy USING tsdb AS SELECT * FROM cod;
SELECT bits_diff('cod_copy', 'cod_heap'), cold_columns('cod_copy', :cold_names);
-- and warm again
SELECT tsdb.recompress('cod', cold => false) > 0;
SELECT bits_diff('cod', 'cod_heap'), chunk_rows('cod') = (SELECT count(*) FROM cod_heap), cold_columns('cod', :cold_names);
SELECT max(cold_chunks) FROM tsdb.columns WHERE relation = 'cod'::regclass;
SELECT tsdb.decompress('cod') > 0;
SELECT bits_diff('cod', 'cod_heap'), chunk_rows('cod');
SELECT * FROM tsdb.verify('cod');
DROP TABLE cod, cod_copy;
DROP INDEX cod_heap_i;

--
-- Whatever instructions are used: the same bytes, the same results.
--
CREATE TABLE tiers (tier text, state text, what text, result text);
CREATE FUNCTION look_at_bytes(tier text, state text, rel regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO tiers SELECT tier, state, "column", concat_ws(' ', encoding, stored_bytes, cold_chunks) FROM tsdb.columns WHERE relation = rel;
	-- blocks as they lie: segments without their headers, which name the chunk
	EXECUTE format('INSERT INTO tiers SELECT %L, %L, ''bytes'', md5(string_agg(md5(substr(chunk_data, 29)), '''' ORDER BY chunk_id, chunk_seq)) FROM %s
		WHERE chunk_id IN (SELECT chunk FROM tsdb.chunks WHERE relation = %L::regclass) AND chunk_seq BETWEEN 1 AND 1000000',
		tier, state, (SELECT reltoastrelid::regclass FROM pg_class WHERE oid = rel), rel);
END $$;
CREATE FUNCTION look_at_rows(tier text, state text, rel regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('INSERT INTO tiers SELECT %L, %L, ''rows'', concat_ws('' '', count(*), count(c_const), sum(c_linear), sum(c_delta), sum(c_patch), sum(y_numeric), max(c_real), min(c_real4), min(c_fsst COLLATE "C"), bits_diff(%L, ''cod_heap'')) FROM %s',
		tier, state, rel, rel);
END $$;
DO $$
DECLARE
	tier text;
	other text;
BEGIN
	FOREACH tier IN ARRAY ARRAY['baseline', 'avx2', 'auto'] LOOP
		PERFORM set_config('tsdb_am.simd', tier, false);
		EXECUTE format('CREATE TABLE cod_%s (LIKE cod_heap) USING tsdb WITH (segmentby = ''nulls'', orderby = ''t'')', tier);
		EXECUTE format('INSERT INTO cod_%s SELECT * FROM cod_heap ORDER BY i', tier);
		PERFORM look_at_bytes(tier, 'hot', 'cod_' || tier);
	END LOOP;
	-- each read by another tier than wrote it
	FOREACH tier IN ARRAY ARRAY['baseline', 'avx2', 'auto'] LOOP
		other := CASE tier WHEN 'baseline' THEN 'avx2' WHEN 'avx2' THEN 'auto' ELSE 'baseline' END;
		PERFORM set_config('tsdb_am.simd', tier, false);
		PERFORM look_at_rows(tier, 'hot', 'cod_' || other);
		PERFORM tsdb.recompress('cod_' || tier, true);
		PERFORM look_at_bytes(tier, 'cold', 'cod_' || tier);
	END LOOP;
	FOREACH tier IN ARRAY ARRAY['baseline', 'avx2', 'auto'] LOOP
		other := CASE tier WHEN 'baseline' THEN 'auto' WHEN 'avx2' THEN 'baseline' ELSE 'avx2' END;
		PERFORM set_config('tsdb_am.simd', tier, false);
		PERFORM look_at_rows(tier, 'cold', 'cod_' || other);
	END LOOP;
END $$;
SELECT state, what, array_agg(tier || ': ' || result) FROM tiers GROUP BY state, what HAVING count(DISTINCT result) > 1 OR count(*) <> 3 ORDER BY 1, 2;
SELECT count(DISTINCT what) > 40, count(*) FILTER (WHERE what = 'bytes'), count(*) FILTER (WHERE what = 'rows'), bool_and(result ~ ' 0$') FILTER (WHERE what = 'rows') FROM tiers;
SELECT bool_and(result IS NOT NULL), count(DISTINCT result) FROM tiers WHERE what = 'bytes';
SET tsdb_am.simd = baseline;
SELECT tsdb.version() ~ '\((baseline|sse2|neon)\)$';
SET tsdb_am.simd = sse2;
SHOW tsdb_am.simd;
RESET tsdb_am.simd;
DROP TABLE cod_baseline, cod_avx2, cod_auto, tiers;

-- values of 200 KB, empty ones, equal ones, and one that stays in the row store
CREATE TABLE long_heap (i int, t timestamptz, v text, j jsonb, b bytea, e text) USING heap;
INSERT INTO long_heap SELECT g, '2026-01-01+00'::timestamptz + g * interval '1 s',
	CASE WHEN g % 40 = 0 THEN (SELECT string_agg(md5(g::text || h), '') FROM generate_series(1, 6250) h) WHEN g % 40 = 1 THEN repeat('same text ', 20000) WHEN g % 3 = 0 THEN '' ELSE md5(g::text) END,
	CASE WHEN g % 100 = 0 THEN (SELECT jsonb_object_agg('key ' || h, jsonb_build_array(h, g, md5(h::text))) FROM generate_series(1, 2000) h) ELSE jsonb_build_object('g', g) END,
	CASE WHEN g = 350 THEN decode(repeat('00ff', 140000), 'hex') WHEN g % 50 = 0 THEN decode(repeat('00', 200000), 'hex') ELSE '' END, ''
	FROM generate_series(1, 400) g;
CREATE TABLE long (LIKE long_heap) USING tsdb;
INSERT INTO long SELECT * FROM long_heap;
SELECT tsdb.compress('long') >= 0, bits_diff('long', 'long_heap'), chunk_rows('long');
SELECT tsdb.recompress('long') > 0, bits_diff('long', 'long_heap'), chunk_rows('long');
SELECT tsdb.recompress('long', cold => true) > 0, bits_diff('long', 'long_heap'), chunk_rows('long');
SELECT i, length(v), md5(v) FROM long WHERE i IN (40, 41, 42, 400) ORDER BY i;
SELECT * FROM tsdb.verify('long');
DROP TABLE long, long_heap;

--
-- By age: chunks whose newest row is older than tsdb_am.cold_after, others not; buffers so small that old and new rows
-- do not meet in one chunk.
--
SET tsdb_am.write_buffer = '1MB';
SET tsdb_am.cold_after = '1d';
SHOW tsdb_am.cold_after;
CREATE FUNCTION cold_chunks(rel regclass) RETURNS bigint LANGUAGE sql AS $$ SELECT max(cold_chunks) FROM tsdb.columns WHERE relation = rel $$;
-- 20 bits, mostly few: entropy coding gains
CREATE FUNCTION skewed(g int8) RETURNS int8 LANGUAGE sql IMMUTABLE AS 'SELECT (rnd(g, 1) % 1000) * (rnd(g, 2) % 1000) * (rnd(g, 3) % 1000) / 1000';
CREATE FUNCTION chunks(rel regclass) RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM tsdb.chunks WHERE relation = rel $$;
DO $$
DECLARE
	type text;
BEGIN
	FOREACH type IN ARRAY ARRAY['timestamptz', 'timestamp', 'date'] LOOP
		EXECUTE format('CREATE TABLE aged_%s (t %s, h text, v int8) USING tsdb WITH (segmentby = ''h'', orderby = ''t'')', type, type);
		-- (UTC: a timestamp without zone counts as that)
		EXECUTE format('INSERT INTO aged_%s SELECT (now() AT TIME ZONE ''UTC'')::timestamp - interval ''100 days'' + g * interval ''10 s'', ''a'', skewed(g) FROM generate_series(1, 50000) g', type);
		EXECUTE format('INSERT INTO aged_%s SELECT (now() AT TIME ZONE ''UTC'')::timestamp - interval ''5 min'' + g * interval ''1 ms'', ''a'', skewed(g) FROM generate_series(1, 50000) g', type);
	END LOOP;
END $$;
SELECT cold_chunks('aged_timestamptz'), cold_chunks('aged_timestamp'), cold_chunks('aged_date');
SELECT tsdb.recompress('aged_timestamptz') > 1, tsdb.recompress('aged_timestamp') > 1, tsdb.recompress('aged_date') > 1;
SELECT rel, cold_chunks(rel) > 0 AS some, cold_chunks(rel) < chunks(rel) AS not_all, cold_chunks(rel) = (SELECT count(*) FROM tsdb.chunks WHERE relation = rel AND time_to::timestamptz < now() - interval '2 days') AS the_old
	FROM unnest('{aged_timestamptz,aged_timestamp,aged_date}'::regclass[]) rel;
-- again: they stay
SELECT tsdb.recompress('aged_timestamptz') >= 0;
SELECT cold_chunks(rel) > 0 AS some, cold_chunks(rel) < chunks(rel) AS not_all FROM unnest('{aged_timestamptz}'::regclass[]) rel;
-- a later limit, none, and whoever says so
SET tsdb_am.cold_after = '200d';
SELECT tsdb.recompress('aged_timestamp') > 0, cold_chunks('aged_timestamp'), count(*), sum(v) FROM aged_timestamp;
SET tsdb_am.cold_after = -1;
SELECT tsdb.recompress('aged_date') > 0, cold_chunks('aged_date'), count(*), sum(v) FROM aged_date;
SELECT tsdb.recompress('aged_date', cold => true) > 0, cold_chunks('aged_date') = chunks('aged_date'), count(*), sum(v) FROM aged_date;
SET tsdb_am.cold_after = 0;
SELECT tsdb.recompress('aged_timestamp', NULL) > 0, cold_chunks('aged_timestamp') > 0;
SET tsdb_am.cold_after = '1d';
SELECT tsdb.recompress('aged_timestamptz', cold => false) > 0, cold_chunks('aged_timestamptz');
-- times that tell no age: none, infinite; and no time column
CREATE TABLE ageless (t timestamptz, d date, h text, v int8) USING tsdb WITH (segmentby = 'h', orderby = 't');
CREATE TABLE ageless_date (LIKE ageless) USING tsdb WITH (segmentby = 'h', orderby = 'd');
CREATE TABLE ageless_int (t int8, h text, v int8) USING tsdb WITH (segmentby = 'h', orderby = 't');
SELECT set_config('tsdb_am.direct_load_rows', '1', false);
DO $$
DECLARE
	t text;
BEGIN
	FOREACH t IN ARRAY ARRAY[NULL, 'infinity', '-infinity'] LOOP
		TRUNCATE ageless, ageless_date;
		INSERT INTO ageless SELECT t::timestamptz, t::date, 'a', skewed(g) FROM generate_series(1, 5000) g;
		INSERT INTO ageless_date SELECT * FROM ageless;
		PERFORM tsdb.recompress('ageless'), tsdb.recompress('ageless_date');
		ASSERT cold_chunks('ageless') = 0, format('timestamptz %s is old', t);
		ASSERT cold_chunks('ageless_date') = 0, format('date %s is old', t);
		PERFORM tsdb.recompress('ageless', true), tsdb.recompress('ageless_date', true);
		ASSERT cold_chunks('ageless') > 0 AND cold_chunks('ageless_date') > 0;
	END LOOP;
	-- one that is infinitely new among old ones
	TRUNCATE ageless;
	INSERT INTO ageless SELECT CASE g WHEN 77 THEN 'infinity' ELSE '2020-01-01'::timestamptz + g * interval '1 s' END, NULL, 'a', skewed(g) FROM generate_series(1, 5000) g;
	PERFORM tsdb.recompress('ageless');
	ASSERT cold_chunks('ageless') = 0;
	INSERT INTO ageless_int SELECT g, 'a', skewed(g) FROM generate_series(1, 5000) g;
	PERFORM tsdb.recompress('ageless_int');
	ASSERT cold_chunks('ageless_int') = 0;
END $$;
SET tsdb_am.direct_load_rows = 1000;
RESET tsdb_am.write_buffer;
RESET tsdb_am.cold_after;
DROP TABLE aged_timestamptz, aged_timestamp, aged_date, ageless, ageless_date, ageless_int;

-- what is refused
SET tsdb_am.simd = 'mmx';
SET tsdb_am.cold_after = -2;
SET tsdb_am.cold_after = 'soon';
SET tsdb_am.cold = on;
SELECT tsdb.recompress(NULL) IS NULL, tsdb.recompress(NULL, true) IS NULL;
SELECT tsdb.recompress('cod_heap', cold => true);
BEGIN READ ONLY;
SELECT tsdb.recompress('cod_heap', cold => true);
ROLLBACK;

-- counts since the server started grew, and no encoder ever wrote what it could not read
SELECT sum(blocks) > :blocks_before AS blocks, sum(blocks) FILTER (WHERE encoding = 'fsst') > :fsst_before AS fsst, count(*), sum(fallbacks) AS fallbacks FROM tsdb.stat_codecs;
SELECT bool_and(values >= blocks AND values <= blocks * 1024) FROM tsdb.stat_codecs;

DROP TABLE cod_heap;
DROP CAST (int8 AS time);
DROP CAST (time AS float8);
DROP CAST (int4 AS date);
DROP CAST (date AS float4);
DROP FUNCTION f8, f4, rnd, bits_diff, cold_columns, without_encoding, plan_has, look_at_bytes, look_at_rows, cold_chunks, chunks, skewed;
DROP DOMAIN percent;
DROP TYPE weather;
