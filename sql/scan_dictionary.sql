-- Equality with values of a dictionary, which are looked for in its stored form: each query runs on a heap table in schema dic_h and on a tsdb table of the same
-- contents in schema dic_t.  What would break it: entries in another order than the search takes them to be; a value that is another one's beginning; a
-- value given twice, or NULL, in a list; rows without a value; vectors that are not coded by the dictionary; zones of codes; collations that
-- call equal what differs in bytes.
\set VERBOSITY terse
\set ECHO none
\pset tuples_only on
\pset format unaligned
SET client_min_messages = warning;
SET max_parallel_workers_per_gather = 0;
SET tsdb_am.enable_custom_scan = on;
CREATE SCHEMA dic_h;
CREATE SCHEMA dic_t;
CREATE COLLATION dic_h.nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);

CREATE FUNCTION dic_h.both(statement text, options text DEFAULT '') RETURNS void LANGUAGE plpgsql AS $$
DECLARE side text;
BEGIN
	FOREACH side IN ARRAY ARRAY['dic_h', 'dic_t'] LOOP
		PERFORM set_config('search_path', side || ', dic_h, public', true);
		PERFORM set_config('default_table_access_method', CASE side WHEN 'dic_h' THEN 'heap' ELSE 'tsdb' END, true);
		EXECUTE replace(statement, '{o}', CASE side WHEN 'dic_t' THEN options ELSE '' END);
	END LOOP;
	SET LOCAL default_table_access_method = 'heap';
	PERFORM set_config('search_path', 'public', true);
END $$;

-- Prints where the two differ; mode: generic plans have the values as parameters.
CREATE FUNCTION dic_h.same(condition text, args text DEFAULT NULL) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE side text; answers text[] := '{}'; answer text; query text;
BEGIN
	query := 'SELECT count(*) || '' '' || count(DISTINCT id) || '' '' || coalesce(sum(id), 0) || '' '' || coalesce(sum(v), 0) FROM t WHERE ' || condition;
	FOREACH side IN ARRAY ARRAY['dic_h', 'dic_t'] LOOP
		PERFORM set_config('search_path', side || ', dic_h, public', true);
		IF args IS NULL THEN
			EXECUTE query INTO answer;
		ELSE
			PERFORM set_config('plan_cache_mode', 'force_generic_plan', true);
			EXECUTE 'PREPARE q AS ' || query;
			EXECUTE format('EXECUTE q(%s)', args) INTO answer;
			DEALLOCATE q;
			PERFORM set_config('plan_cache_mode', 'auto', true);
		END IF;
		answers := answers || answer;
	END LOOP;
	PERFORM set_config('search_path', 'public', true);
	IF answers[1] IS DISTINCT FROM answers[2] THEN
		RETURN NEXT format('DIFFERENT: %s %s: heap %s, tsdb %s', condition, args, answers[1], answers[2]);
	ELSIF answers[1] LIKE '0 %' AND condition NOT LIKE '%/* none */%' THEN
		RETURN NEXT format('TESTS NOTHING: %s %s', condition, args);
	END IF;
END $$;

-- many series (too many for a dictionary to be judged value by value), few, bytes of all kinds, NULLs, columns that lose their dictionary now and then
SELECT dic_h.both($$CREATE TABLE t (time timestamptz NOT NULL, host text, vc varchar(40), few text, b bytea, u uuid, nc text COLLATE nocase, ch char(8), raw text, id int, v int) {o}$$,
	$$WITH (segmentby = 'host', orderby = 'time')$$);
SELECT set_config('tsdb_am.direct_load_rows', '1', false) = '' AS s;
SELECT dic_h.both($$INSERT INTO t SELECT '2026-01-01'::timestamptz + (g / 9000) * interval '1 s',
	CASE WHEN g % 9000 <> 17 THEN 'host_' || CASE WHEN g % 9000 < 4500 THEN g % 9000 ELSE 100000000 + g % 9000 END || repeat('x', g % 9000 % 40) END,
	CASE WHEN g % 7 > 0 THEN 'v' || g % 5003 END, (ARRAY['', 'a', 'ab', 'abc', 'ä', E'\x7f', 'b', NULL, 'Ä', 'AB', 'ab '])[1 + g % 11],
	decode(lpad(to_hex(g % 300), 4, '0'), 'hex') || CASE WHEN g % 3 = 0 THEN ''::bytea ELSE '\x00'::bytea END,
	CASE WHEN g % 13 > 0 THEN md5((g % 6000)::text)::uuid END, (ARRAY['a', 'A', 'ä', 'b', 'B'])[1 + g % 5], (ARRAY['a', 'a ', 'b'])[1 + g % 3],
	CASE WHEN g < 60000 THEN md5(g::text) ELSE 'r' || g % 4 END, g, g % 1000
	FROM generate_series(0, 99999) g$$);
SELECT set_config('tsdb_am.direct_load_rows', '1000000', false) = '' AS s;
SELECT dic_h.both($$INSERT INTO t (time, host, vc, few, id, v) SELECT '2026-01-02', 'host_' || g, 'v' || g, 'ab', 200000 + g, g FROM generate_series(1, 50) g$$);
SELECT dic_h.both($$DELETE FROM t WHERE id % 50 = 3$$);

SELECT s FROM (VALUES ($$host = 'host_5xxxxx'$$), ($$host = 'host_100004500'||repeat('x', 4500 % 40)$$), ($$host = 'host_5'$$), ($$host = 'host_5xxxx' /* none */$$), ($$host = '' /* none */$$), ($$host = 'zzz' /* none */$$),
	($$host = 'host_0'$$), ($$host IN ('host_5xxxxx', 'host_5xxxxx', NULL, 'host_5', 'host_0', 'nobody')$$), ($$host = ANY (SELECT 'host_' || g || repeat('x', g % 40) FROM generate_series(0, 4000, 7) g)$$),
	($$host = ANY (ARRAY(SELECT 'host_' || g || repeat('x', g % 40) FROM generate_series(0, 4000, 7) g))$$), ($$host = ANY ('{}'::text[]) /* none */$$), ($$host = NULL /* none */$$), ($$host IS NULL OR host = 'host_1x'$$), ($$NOT (host = 'host_1x')$$),
	($$host <> 'host_1x'$$), ($$host = 'host_1x' OR few = 'ä'$$), ($$host = 'host_1x' AND few IS NOT NULL AND v > 0$$), ($$'host_2xx' = host$$), ($$host NOT IN ('host_1x', 'host_2xx')$$), ($$host > 'host_2' AND host = 'host_2xx'$$),
	($$(host = 'host_2xx') IS NOT TRUE$$), ($$(host = 'host_2xx') IS NULL$$), ($$host = concat('host_', 7, repeat('x', 7))$$), ($$host = few /* none */$$),
	($$vc = 'v77'$$), ($$vc IN ('v1', 'v5002', 'v9999')$$), ($$vc::text = 'v78'$$), ($$vc = 'v77'::varchar$$),
	($$few = ''$$), ($$few = 'a'$$), ($$few = 'ab'$$), ($$few = 'abc'$$), ($$few = 'ä'$$), ($$few = E'\x7f'$$), ($$few = 'ab '$$), ($$few IN ('', 'AB', 'a')$$), ($$few IN ('', 'a', 'ab', 'abc', 'ä', E'\x7f', 'b', 'Ä', 'AB', 'ab ')$$),
	($$few = 'AB' COLLATE "C"$$), ($$few = 'ab' COLLATE dic_h.nocase$$), ($$nc = 'a'$$), ($$nc IN ('B', 'x')$$), ($$nc = 'A' COLLATE "C"$$), ($$ch = 'a'$$), ($$ch = 'b   '$$), ($$ch::text = 'a'$$),
	($$b = '\x0006'$$), ($$b = '\x000100'$$), ($$b IN ('\x00ff', '\x012a00', '\x')$$), ($$b = '' /* none */$$), ($$u = md5('5')::uuid$$), ($$u IN (md5('5')::uuid, md5('5999')::uuid, md5('x')::uuid)$$), ($$u = NULL /* none */$$),
	($$raw = md5('59999')$$), ($$raw = 'r1'$$), ($$raw IN ('r2', md5('17'), 'r9')$$), ($$raw = 'r1' AND host = 'host_1x'$$)) c(condition), dic_h.same(condition) s;
SELECT s FROM (VALUES ('host = $1', $$'host_5xxxxx'$$), ('host = ANY ($1)', $$ARRAY['host_5xxxxx', 'host_0', NULL]$$), ('host = $1::text || $2::text', $$'host_', '5xxxxx'$$), ('few = $1', $$''$$), ('u = $1', $$md5('7')::uuid$$),
	('b = $1', $$'\x0006'::bytea$$), ('vc = $1', $$'v77'$$), ('host = $1 /* none */', 'NULL')) c(condition, args), dic_h.same(condition, args) s;
-- begun again for each outer row, in order, and by another column's values
SELECT string_agg(a, ' ' ORDER BY a) FROM (SELECT schema || ' ' || q AS a FROM (VALUES
	('h', (SELECT md5(string_agg(g || ':' || coalesce(n::text, ''), ',' ORDER BY g)) FROM generate_series(0, 60) g, LATERAL (SELECT count(*) AS n FROM dic_h.t WHERE host = 'host_' || g || repeat('x', g % 40)) x)),
	('t', (SELECT md5(string_agg(g || ':' || coalesce(n::text, ''), ',' ORDER BY g)) FROM generate_series(0, 60) g, LATERAL (SELECT count(*) AS n FROM dic_t.t WHERE host = 'host_' || g || repeat('x', g % 40)) x))) v(schema, q)) x;
SELECT count(DISTINCT q), count(*) FROM (VALUES
	((SELECT md5(string_agg(host || time::text || id, ',')) FROM (SELECT * FROM dic_h.t WHERE host IN ('host_3xxx', 'host_30' || repeat('x', 30)) ORDER BY host COLLATE "C", time, id) x)),
	((SELECT md5(string_agg(host || time::text || id, ',')) FROM (SELECT * FROM dic_t.t WHERE host IN ('host_3xxx', 'host_30' || repeat('x', 30)) ORDER BY host COLLATE "C", time, id) x))) v(q);
-- one vector of a chunk has the series, and it is told by its codes
CREATE FUNCTION dic_h.vectors(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE line text; result text := '';
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || query LOOP
		IF line ~ 'Vectors:' THEN result := result || btrim(line); END IF;
	END LOOP;
	RETURN result;
END $$;
SELECT substring(dic_h.vectors($$SELECT id FROM dic_t.t WHERE host = 'host_2000'$$ ) FROM 'skipped=([0-9]+)')::int > 3 * substring(dic_h.vectors($$SELECT id FROM dic_t.t WHERE host = 'host_2000'$$) FROM 'decoded=([0-9]+)')::int AS most_are_skipped;
SELECT count(*) FROM tsdb.verify('dic_t.t');
DROP SCHEMA dic_h, dic_t CASCADE;
