-- TsdbAgg below joins against heap: each query runs on a heap table and on one of ours with the same contents, joined to the same dimensions, under several settings, and
-- must return the same rows or the same error.  Only differences are printed, and queries that were not aggregated below the join though they should be, or were though they may not.
-- What would break it: a dimension's row that is there twice counted once; a group's rows that the join would tell apart (1.0 and 1.00); a group of no rows; a row that
-- a left join keeps; an error of a row that the join takes away; a policy's rows.
-- (Floats are multiples of 1/8: sums are exact.)
\set VERBOSITY terse
\set ECHO none
\pset tuples_only on
\pset format unaligned
SET client_min_messages = warning;
SET jit = off;
SET timezone = 'UTC';
SET max_parallel_workers_per_gather = 0;
CREATE SCHEMA aj_h;
CREATE SCHEMA aj_t;
CREATE SCHEMA aj;
SET search_path = aj, public;
CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE FUNCTION u_add(int8, int8) RETURNS int8 LANGUAGE sql IMMUTABLE STRICT AS 'SELECT $1 + $2';
CREATE FUNCTION u_part(text, float8) RETURNS float8 LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN CASE WHEN $1 IS NULL THEN $2 END; END';
CREATE AGGREGATE u_sum(int8) (SFUNC = u_add, STYPE = int8, INITCOND = '0', COMBINEFUNC = u_add, PARALLEL = SAFE);

-- the series: chunks, tombstones, rows of the row store; the same with partitions on tsdb and heap
CREATE TABLE source AS SELECT '2026-01-01'::timestamptz + g * interval '11 min' AS t, CASE WHEN g % 37 <> 0 THEN 'h' || g % 12 END AS host,
	CASE WHEN g % 19 <> 0 THEN (ARRAY['Abc', 'aBC', 'abd', 'x'])[1 + g % 4] END COLLATE nocase AS nc, g % 5 AS rack, (g % 7)::int8 AS i8,
	CASE g % 4 WHEN 0 THEN 1.0 WHEN 1 THEN 1.00 WHEN 2 THEN 2.5 END::numeric AS nu, ('v' || g % 6)::varchar(10) AS vc, ('c' || g % 3)::char(6) AS bc, CASE g % 5 WHEN 0 THEN '-0'::float8 WHEN 1 THEN 0 WHEN 2 THEN 'NaN' ELSE g % 3 END AS f,
	CASE WHEN g % 13 <> 0 THEN g / 8.0 END::float8 AS v, g % 100 AS n, '2026-01-01'::date + g / 200 AS d, (g % 3 = 0) AS b, g AS id
	FROM generate_series(1, 5000) g;
DO $$
DECLARE s text;
BEGIN
	FOREACH s IN ARRAY ARRAY['aj_h', 'aj_t'] LOOP
		PERFORM set_config('default_table_access_method', CASE s WHEN 'aj_t' THEN 'tsdb' ELSE 'heap' END, true);
		EXECUTE format('CREATE TABLE %s.m (LIKE source)', s);
		EXECUTE format('CREATE TABLE %s.nothing (LIKE source)', s);
		EXECUTE format('CREATE TABLE %s.p (LIKE source) PARTITION BY RANGE (id)', s);
		EXECUTE format('CREATE TABLE %1$s.p1 PARTITION OF %1$s.p FOR VALUES FROM (MINVALUE) TO (2000)', s);
		EXECUTE format('CREATE TABLE %1$s.p2 PARTITION OF %1$s.p FOR VALUES FROM (2000) TO (4000)', s);
		EXECUTE format('CREATE TABLE %1$s.p3 PARTITION OF %1$s.p FOR VALUES FROM (4000) TO (MAXVALUE) USING heap', s);
	END LOOP;
	ALTER TABLE aj_t.m SET (segmentby = 'host', orderby = 't');
	FOREACH s IN ARRAY ARRAY['aj_h', 'aj_t'] LOOP
		EXECUTE format('INSERT INTO %s.m SELECT * FROM source WHERE id <= 4500', s);
		EXECUTE format('INSERT INTO %s.p SELECT * FROM source WHERE id <= 4500', s);
	END LOOP;
	PERFORM tsdb.compress('aj_t.m');
	PERFORM tsdb.compress('aj_t.p1');
END $$;
DO $$
DECLARE s text;
BEGIN
	FOREACH s IN ARRAY ARRAY['aj_h', 'aj_t'] LOOP
		EXECUTE format('DELETE FROM %s.m WHERE id %% 41 = 0', s);
		EXECUTE format('INSERT INTO %s.m SELECT * FROM source WHERE id > 4500', s);
		EXECUTE format('INSERT INTO %s.p SELECT * FROM source WHERE id > 4500', s);
		EXECUTE format('CREATE VIEW %1$s.w AS SELECT * FROM %1$s.m WHERE n < 90', s);
		EXECUTE format('CREATE VIEW %1$s.wb WITH (security_barrier) AS SELECT * FROM %1$s.m WHERE n < 90', s);
	END LOOP;
END $$;
-- what can't be added, in rows that are not joined
DO $$
DECLARE s text;
BEGIN
	FOREACH s IN ARRAY ARRAY['aj_h', 'aj_t'] LOOP
		EXECUTE format('CREATE TABLE %s.bits (host text, iv interval, x varbit) USING %s', s, CASE s WHEN 'aj_t' THEN 'tsdb' ELSE 'heap' END);
		EXECUTE format('INSERT INTO %s.bits SELECT ''h'' || g, ''1 day'', B''101'' FROM generate_series(1, 3) g, generate_series(1, 1000)', s);
		EXECUTE format('INSERT INTO %s.bits SELECT ''none'', ''170000000 years'', repeat(''1'', g %% 3 + 1)::varbit FROM generate_series(1, 1000) g', s);
	END LOOP;
	PERFORM tsdb.compress('aj_t.bits');
END $$;
-- times of which the one in the middle is two seconds before the end of its hour
CREATE TABLE aj_h.seconds AS SELECT '2026-01-01 00:13:19+00'::timestamptz + g * interval '1 s' AS t, 'h' || g % 5 AS host, g / 8.0::float8 AS v FROM generate_series(0, 19999) g;
CREATE TABLE aj_t.seconds (LIKE aj_h.seconds) USING tsdb WITH (segmentby = 'host', orderby = 't');
INSERT INTO aj_t.seconds SELECT * FROM aj_h.seconds;
-- dimensions: values twice, not at all, NULL
CREATE TABLE hosts AS SELECT 'h' || g AS host, 'r' || g % 3 AS region, g % 6 AS rack, g::int8 AS id8 FROM generate_series(0, 15) g WHERE g <> 4;
INSERT INTO hosts VALUES ('h3', 'rx', 7, 3), ('h5', 'r2', 5, 5), (NULL, 'rn', 1, NULL), ('h7', NULL, NULL, NULL);
CREATE TABLE names (nc text COLLATE nocase, nu numeric, f float8, vc text, bc text, label text);
INSERT INTO names VALUES ('ABC', 1, 0, 'v1', 'c1', 'one'), ('x', 2.50, 'NaN', 'v2', 'c2', 'two'), ('abd', 1.000, 1, 'v3', 'c1', 'three'), (NULL, NULL, NULL, NULL, NULL, 'null');
CREATE TABLE racks AS SELECT g AS rack, g::int8 AS rack8, 'floor' || g / 2 AS floor, '2026-01-01'::date + g AS day, ARRAY['a', 'b'] AS tags FROM generate_series(0, 8) g;
CREATE TABLE empty (host text, region text);
ALTER TABLE racks ADD PRIMARY KEY (rack);
CREATE TABLE dim_tsdb (LIKE hosts) USING tsdb;
INSERT INTO dim_tsdb SELECT * FROM hosts;
ANALYZE;

CREATE TABLE modes (mode text, settings text[]);
INSERT INTO modes VALUES
	('hash', '{cpu_operator_cost=0.1,cpu_tuple_cost=10,enable_nestloop=off,enable_mergejoin=off}'),
	('nested', '{cpu_operator_cost=0.1,cpu_tuple_cost=10,enable_hashjoin=off,enable_mergejoin=off}'),
	('spill', '{cpu_operator_cost=0.1,cpu_tuple_cost=10,work_mem=64kB,hash_mem_multiplier=1}'),
	('parallel', '{cpu_operator_cost=0.1,cpu_tuple_cost=10,parallel_setup_cost=0,parallel_tuple_cost=0,min_parallel_table_scan_size=0,max_parallel_workers_per_gather=2}'),
	('partitions', '{cpu_operator_cost=0.1,cpu_tuple_cost=10,enable_partitionwise_aggregate=on,enable_partitionwise_join=on}');

CREATE FUNCTION answer(side text, query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
	PERFORM set_config('search_path', side || ', aj, public', true);
	EXECUTE format('SELECT count(*) || '' '' || coalesce(string_agg(q.*::text, '' '' ORDER BY q.*::text COLLATE "C"), '''') FROM (%s) q', query) INTO result;
	RETURN result;
EXCEPTION WHEN OTHERS THEN
	RETURN 'error ' || SQLSTATE || CASE WHEN SQLSTATE LIKE 'XX%' THEN SQLERRM ELSE '' END;
END $$;

-- below: is it to be aggregated below the join?  NULL = either.
CREATE FUNCTION same(query text, below boolean DEFAULT true) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE wanted text := answer('aj_h', query); got text; m record; setting text; line text; found boolean := false; path text := current_setting('search_path');
BEGIN
	FOR m IN SELECT * FROM modes LOOP
		FOREACH setting IN ARRAY m.settings LOOP
			PERFORM set_config(split_part(setting, '=', 1), split_part(setting, '=', 2), true);
		END LOOP;
		got := answer('aj_t', query);
		PERFORM set_config('search_path', 'aj_t, aj, public', true);
		FOR line IN EXECUTE 'EXPLAIN (VERBOSE) ' || query LOOP
			found := found OR line LIKE '%TsdbAgg%';
		END LOOP;
		FOREACH setting IN ARRAY m.settings LOOP
			EXECUTE format('SET LOCAL %s TO DEFAULT', split_part(setting, '=', 1));
		END LOOP;
		SET LOCAL max_parallel_workers_per_gather = 0;
		IF got IS DISTINCT FROM wanted THEN
			RETURN NEXT format(E'DIFFERENT (%s): %s\n  heap: %s\n  tsdb: %s', m.mode, query, left(wanted, 300), left(got, 300));
		END IF;
	END LOOP;
	PERFORM set_config('search_path', path, true);
	-- (one round of the tests does without)
	IF found <> below AND current_setting('tsdb_am.enable_custom_scan') = 'on' THEN
		RETURN NEXT CASE WHEN below THEN 'NOT BELOW: ' ELSE 'BELOW: ' END || query;
	END IF;
END $$;

\echo # how many groups there are does not depend on where in its step a time lies
SELECT same(q) FROM unnest(ARRAY[
	'SELECT h.region, date_trunc(''hour'', m.t), max(v) FROM seconds m JOIN hosts h ON h.host = m.host GROUP BY 1, 2',
	'SELECT h.region, date_trunc(''month'', m.t), max(v) FROM seconds m JOIN hosts h ON h.host = m.host GROUP BY 1, 2',
	'SELECT time_bucket(''1 hour'', m.t), max(v) FROM seconds m WHERE host IN (SELECT host FROM hosts WHERE region = ''r1'') GROUP BY 1']) q;

\echo # inner joins
SELECT same(q) FROM unnest(ARRAY[
	'SELECT h.region, count(*), sum(n), avg(v), max(v), min(t) FROM m JOIN hosts h ON h.host = m.host GROUP BY h.region',
	'SELECT h.region, avg(v) FROM m JOIN hosts h ON h.host = m.host WHERE h.rack = 1 AND m.t > ''2026-01-20'' GROUP BY h.region',
	'SELECT h.host, h.region, date_trunc(''day'', m.t), max(v), first(v, t), last(n, t) FROM m JOIN hosts h ON h.host = m.host GROUP BY 1, 2, 3',
	'SELECT m.host, count(*) FROM m JOIN hosts h ON h.host = m.host GROUP BY m.host',
	'SELECT count(*), sum(v), avg(nu), round(stddev(n), 6), bool_and(b) FROM m JOIN hosts h ON h.host = m.host',
	'SELECT count(*), sum(v) FROM m JOIN empty h ON h.host = m.host', 'SELECT h.region, count(*) FROM m JOIN empty h ON h.host = m.host GROUP BY 1',
	'SELECT h.region, count(*), sum(n) FILTER (WHERE v > 100), count(v) FILTER (WHERE b) FROM m JOIN hosts h ON h.host = m.host GROUP BY 1',
	'SELECT h.region, count(*) AS c FROM m JOIN hosts h ON h.host = m.host GROUP BY 1 HAVING sum(n) > 20000 AND h.region > ''r0''',
	'SELECT upper(h.region), 1 + count(*), sum(n) / count(*) FROM m JOIN hosts h ON h.host = m.host GROUP BY 1 ORDER BY 2 DESC LIMIT 2',
	'SELECT h.region || m.host, sum(n) FROM m JOIN hosts h ON h.host = m.host GROUP BY 1', 'SELECT h.region FROM m JOIN hosts h ON h.host = m.host GROUP BY 1',
	'SELECT DISTINCT sum(n) FROM m JOIN hosts h USING (host) GROUP BY h.rack', 'SELECT ''one'', h.region, count(*) FROM m JOIN hosts h USING (host) GROUP BY 1, 2',
	'SELECT h.region, sum(count(*)) OVER (ORDER BY h.region) FROM m JOIN hosts h USING (host) GROUP BY 1',
	'SELECT region, sum(c) FROM (SELECT h.region, m.rack, count(*) AS c FROM m JOIN hosts h USING (host) GROUP BY 1, 2) q GROUP BY 1',
	'WITH h AS MATERIALIZED (SELECT * FROM hosts WHERE region > ''r0'') SELECT h.region, count(*) FROM m JOIN h USING (host) GROUP BY 1',
	'SELECT h.region, count(*) FROM w JOIN hosts h USING (host) GROUP BY 1', 'SELECT x, count(*) FROM m JOIN (VALUES (''h1'', 1), (''h2'', 2), (''h2'', 3)) h (host, x) USING (host) GROUP BY 1',
	'SELECT h.region, count(*), max(v) FROM m JOIN dim_tsdb h USING (host) GROUP BY 1', 'SELECT x, count(*) FROM m JOIN generate_series(1, 3) x ON m.rack = x GROUP BY 1',
	'SELECT h.region, (SELECT count(*) FROM names) + count(*) FROM m JOIN hosts h USING (host) GROUP BY 1',
	'SELECT x, (SELECT sum(n) FROM m JOIN hosts h USING (host) WHERE h.rack = x) FROM generate_series(0, 7) x',
	'SELECT time_bucket(''2 days'', t), h.region, count(*) FROM m JOIN hosts h USING (host) GROUP BY 1, 2', 'SELECT t::date, region, count(*) FROM m JOIN hosts h USING (host) GROUP BY 1, 2', 'SELECT extract(hour FROM t), region, count(*) FROM m JOIN hosts h USING (host) GROUP BY 1, 2',
	'SELECT count(*) FROM hosts h JOIN m USING (host) WHERE now() > ''2001-01-01'' AND pg_backend_pid() > 0', 'SELECT count(*) FROM hosts h JOIN m USING (host) WHERE pg_backend_pid() < 0']) q;

\echo # above joins: many groups, over the rows of the join
-- (core's planner takes 8 kB for each state of type internal)
SET work_mem = '256MB';
CREATE TABLE rows_queries AS SELECT format('SELECT %s, %s FROM seconds m %s WHERE m.v < 1000 GROUP BY %1$s', k, a[1 + n % 4], j) AS q FROM
	unnest(ARRAY['h.region, m.t', 'm.t, m.host, h.rack % 2', 'm.v + h.rack', 'hashtext(m.host), m.t', 'hashint8(h.id8), m.v, h.region IS NULL', 'm.t::text || h.region', 'm.t, ROW(h.region, h.rack)']) WITH ORDINALITY k (k, n),
	(VALUES (ARRAY['count(*)', 'sum(m.v + h.rack), max(h.region), min(m.host), count(h.rack), avg(m.v)', 'count(*) FILTER (WHERE h.rack > 1), sum(h.id8), bool_or(hashtext(h.region) < 0), length(string_agg(h.region, ''-''))', 'histogram(m.v, 0, h.rack + 3000, 3), percentile_agg(m.v)::text, rate(m.v, m.t), hyperloglog(16, h.region)::text'])) l (a),
	unnest(ARRAY['JOIN hosts h ON h.host = m.host', 'LEFT JOIN hosts h ON h.host = m.host AND h.region <> ''r1''']) j;
SELECT same(q, NULL) FROM rows_queries;
SELECT same(q, NULL) FROM unnest(ARRAY['SELECT m.t, hashtext(m.host || m.t), max(hashtext(m.host || m.t)), min(hashtext(m.host || m.t)), sum(hashtext(m.host || m.t)) FROM seconds m JOIN hosts h ON h.host = m.host GROUP BY 1, 2', 'SELECT m.t, h.region FROM seconds m JOIN hosts h ON h.host = m.host GROUP BY 1, 2', 'SELECT m.t, h.region, count(*) FROM seconds m, hosts h WHERE m.v < 700 GROUP BY 1, 2 HAVING count(*) > 3 AND min(h.rack) < 5',
	'SELECT * FROM (SELECT m.t, h.region, 1 + count(*) AS c, count(h) AS whole FROM seconds m JOIN hosts h ON h.host = m.host GROUP BY 1, 2) s ORDER BY t DESC, region LIMIT 10 OFFSET 3', 'SELECT sum(1000 / (extract(second FROM m.t)::int - 30)), m.t, h.rack FROM seconds m JOIN hosts h USING (host) GROUP BY 2, 3',
	'SELECT n, (SELECT sum(c) FROM (SELECT m.t, h.region, count(m.v + n) AS c FROM seconds m JOIN hosts h ON h.host = m.host WHERE h.rack > n GROUP BY 1, 2 OFFSET 0) s) FROM generate_series(1, 3) n', 'SELECT m.t, h.region, count(*) FROM seconds m JOIN hosts h ON h.host = m.host WHERE pg_backend_pid() > 0 GROUP BY 1, 2', 'SELECT m.t, h.region, count(*) FROM seconds m JOIN hosts h ON h.host = m.host WHERE pg_backend_pid() < 0 GROUP BY 1, 2']) q;
-- which of them have TsdbAgg above the join?  (One round of the tests does without.)
CREATE FUNCTION over_join(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE plan text := ''; line text; path text := current_setting('search_path');
BEGIN
	PERFORM set_config('search_path', 'aj_t, aj, public', true);
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		plan := plan || line || E'\n';
	END LOOP;
	PERFORM set_config('search_path', path, true);
	RETURN plan ~ 'TsdbAgg.*(Join|Nested Loop)' OR current_setting('tsdb_am.enable_custom_scan') = 'off';
END $$;
SELECT q FROM rows_queries WHERE over_join(q) IS NOT TRUE AND q NOT LIKE '%ROW(%';
RESET work_mem;

\echo # what is joined by
SELECT same(q) FROM unnest(ARRAY[
	'SELECT region, count(*), sum(v) FROM m JOIN hosts h ON h.id8 = m.rack GROUP BY 1', 'SELECT floor, count(*) FROM m JOIN racks ON racks.rack = m.i8 GROUP BY 1', 'SELECT region, count(*) FROM m JOIN hosts h ON h.host = m.host AND h.rack = m.rack GROUP BY 1',
	'SELECT label, count(*) FROM m JOIN names n ON n.nc = m.nc GROUP BY 1', 'SELECT label, count(*), sum(v) FROM m JOIN names n ON n.nu = m.nu GROUP BY 1', 'SELECT label, count(*) FROM m JOIN names n ON n.f = m.f GROUP BY 1',
	'SELECT label, count(*) FROM m JOIN names n ON n.vc = m.vc GROUP BY 1', 'SELECT label, count(*) FROM m JOIN names n ON n.bc::char(6) = m.bc GROUP BY 1',
	'SELECT floor, count(*) FROM m JOIN racks ON racks.rack > m.rack GROUP BY 1', 'SELECT floor, count(*) FROM m JOIN racks ON racks.rack = m.rack OR racks.rack8 = m.i8 GROUP BY 1', 'SELECT region, count(*) FROM m, hosts GROUP BY 1', 'SELECT count(*), max(v) FROM m, hosts',
	'SELECT h.region, count(*) FROM m, hosts h WHERE m.host = ''h3'' AND h.host = ''h3'' GROUP BY 1', 'SELECT h.region, count(*) FROM m, hosts h WHERE m.host = h.host AND h.host = ''h3'' GROUP BY 1',
	'SELECT floor, count(*) FROM m JOIN racks ON racks.day = m.d GROUP BY 1', 'SELECT region, m.nc IS NULL, count(*) FROM m JOIN hosts h USING (host) GROUP BY 1, 2',
	'SELECT racks.rack, floor, tags, count(*) FROM m JOIN racks USING (rack) GROUP BY racks.rack', 'SELECT r.floor, h.region, count(*), sum(v) FROM m JOIN hosts h ON h.host = m.host JOIN racks r ON r.rack = m.rack GROUP BY 1, 2', 'SELECT r.floor, count(*), sum(n) FROM m JOIN hosts h ON h.host = m.host JOIN racks r ON r.rack = h.rack GROUP BY 1',
	'SELECT r.floor, h.region, n.label, count(*), sum(v) FROM m JOIN hosts h ON h.host = m.host JOIN racks r ON r.rack = h.rack JOIN names n ON n.nu = m.nu GROUP BY 1, 2, 3', 'SELECT a.region, b.region, count(*) FROM m JOIN hosts a ON a.host = m.host JOIN hosts b ON b.host = m.host GROUP BY 1, 2', 'SELECT h.region, count(*) FROM m JOIN hosts h ON h.host = m.host AND m.host = h.host WHERE m.host > ''h2'' GROUP BY 1',
	'SELECT count(*) FROM m JOIN racks r ON date_trunc(''day'', m.t) = r.day']) q;
-- a function that is no date_part, though it looks like one
SELECT same('SELECT u_part(NULL, m.rack), region, count(*) FROM m LEFT JOIN hosts h USING (host) GROUP BY 1, 2', NULL);
-- no rows (other plans may be cheaper)
SELECT same(q, NULL) FROM unnest(ARRAY['SELECT count(*), sum(v) FROM nothing m JOIN hosts h ON h.host = m.host', 'SELECT h.region, count(*) FROM nothing m JOIN hosts h ON h.host = m.host GROUP BY 1', 'SELECT h.region, count(*) FROM nothing m, hosts h GROUP BY 1', 'SELECT h.region, count(*) FROM m, hosts h WHERE m.host = ''none'' GROUP BY 1', 'SELECT count(*) FROM nothing m, hosts h', 'SELECT count(*), max(h.region) IS NULL FROM m LEFT JOIN hosts h ON h.host = m.host WHERE h.host IS NULL GROUP BY h.region', 'SELECT h.region, count(*) FROM m, hosts h WHERE m.n < 0 GROUP BY 1']) q;

\echo # semi, anti and left joins
SELECT same(q) FROM unnest(ARRAY[
	'SELECT rack, count(*), sum(v) FROM m WHERE host IN (SELECT host FROM hosts WHERE region = ''r1'') GROUP BY 1', 'SELECT count(*) FROM m WHERE EXISTS (SELECT FROM hosts h WHERE h.host = m.host AND h.rack < 3)', 'SELECT count(*) FROM m WHERE NOT EXISTS (SELECT FROM hosts h WHERE h.host = m.host AND h.rack < 3)', 'SELECT rack, max(v) FROM m WHERE (host, rack) IN (SELECT host, rack FROM hosts) GROUP BY 1', 'SELECT count(*) FROM m WHERE EXISTS (SELECT FROM racks r WHERE r.rack > m.rack AND r.rack8 < m.i8)',
	'SELECT region, count(*), sum(n) FROM m LEFT JOIN hosts h ON h.host = m.host GROUP BY 1', 'SELECT region, sum(v * 2 + n), sum(1 / (n + 1)) FROM m LEFT JOIN hosts h ON h.host = m.host GROUP BY 1', 'SELECT region, count(*) FROM m LEFT JOIN hosts h ON h.host = m.host AND h.rack > 2 GROUP BY 1', 'SELECT region, count(*) FROM m LEFT JOIN hosts h ON h.host = m.host AND m.rack > 2 GROUP BY 1', 'SELECT region, count(*) FROM m LEFT JOIN hosts h ON h.host = m.host WHERE h.rack IS NULL OR h.rack > m.rack GROUP BY 1',
	'SELECT region, floor, count(*) FROM m LEFT JOIN hosts h ON h.host = m.host LEFT JOIN racks r ON r.rack = h.rack GROUP BY 1, 2', 'SELECT region, floor, count(*) FROM m LEFT JOIN (hosts h JOIN racks r ON r.rack = h.rack) ON h.host = m.host GROUP BY 1, 2', 'SELECT region, floor, count(*) FROM m JOIN (hosts h LEFT JOIN racks r ON r.rack = h.rack AND r.rack > 2) ON h.host = m.host GROUP BY 1, 2', 'SELECT floor, count(*) FROM m JOIN racks r USING (rack) WHERE host IN (SELECT host FROM hosts WHERE rack > 2) GROUP BY 1', 'SELECT floor, count(*) FROM m LEFT JOIN hosts h USING (host) JOIN racks r ON r.rack = coalesce(h.rack, 0) GROUP BY 1',
	'SELECT floor, count(*) FROM m LEFT JOIN racks r ON r.rack = m.rack AND r.rack < 0 GROUP BY 1', 'SELECT count(*), count(v) FROM m LEFT JOIN empty e USING (host)', 'SELECT region, coalesce(region, ''-''), count(*) FROM m LEFT JOIN hosts h USING (host) GROUP BY 1, 2']) q;
SELECT same(q, false) FROM unnest(ARRAY['SELECT region, count(v), count(*) FROM hosts h LEFT JOIN m ON h.host = m.host GROUP BY 1', 'SELECT region, count(m.v) FROM hosts h FULL JOIN m ON h.host = m.host GROUP BY 1']) q;

\echo # partitions
SELECT same(q) FROM unnest(ARRAY['SELECT h.region, count(*), sum(n), avg(v) FROM p JOIN hosts h ON h.host = p.host GROUP BY h.region', 'SELECT date_trunc(''week'', t), h.region, count(*), max(v) FROM p JOIN hosts h ON h.host = p.host GROUP BY 1, 2', 'SELECT h.region, count(*), max(v) FROM p JOIN hosts h ON h.host = p.host WHERE id < 3000 GROUP BY 1', 'SELECT count(*) FROM p WHERE host IN (SELECT host FROM hosts WHERE rack = 1)', 'SELECT region, floor, count(*) FROM p LEFT JOIN hosts h ON h.host = p.host JOIN racks r ON r.rack = p.rack GROUP BY 1, 2', 'SELECT label, count(*) FROM p JOIN names n ON n.nu = p.nu GROUP BY 1']) q;

\echo # left to core
SELECT same(q, false) FROM unnest(ARRAY[
	-- equal values that a condition or key tells apart
	'SELECT label, count(*) FROM m JOIN names n ON n.nu::text = m.nu::text GROUP BY 1', 'SELECT label || m.nu, count(*) FROM m JOIN names n ON n.vc = m.vc GROUP BY 1', 'SELECT label, count(*) FROM m JOIN names n ON n.nc COLLATE "C" = m.nc COLLATE "C" AND m.nc < n.label COLLATE "C" GROUP BY 1', 'SELECT label, count(*) FROM m JOIN names n ON n.f = m.f AND m.f::text <> n.label GROUP BY 1',
	-- errors of rows that are not joined, and what might be one
	'SELECT h.region, sum(1 / (n - 3)) FROM m JOIN hosts h ON h.host = m.host AND h.region = ''none'' GROUP BY 1', 'SELECT region, count(*) FILTER (WHERE 1 / n > 0) FROM m JOIN hosts h ON h.host = m.host AND h.region = ''none'' GROUP BY 1', 'SELECT h.region, sum(iv) FROM bits m JOIN hosts h USING (host) GROUP BY 1', 'SELECT h.region, bit_or(x) FROM bits m JOIN hosts h USING (host) GROUP BY 1', 'SELECT h.region, sum(n * 2) FROM m JOIN hosts h USING (host) GROUP BY 1', 'SELECT region, 100 / n, count(*) FROM m JOIN hosts h USING (host) WHERE region = ''none'' GROUP BY 1, 2', 'SELECT h.region, u_sum(i8) FROM m JOIN hosts h USING (host) GROUP BY 1',
	-- what has no partial results, what is of both sides, what comes out differently each time
	'SELECT h.region, count(DISTINCT n) FROM m JOIN hosts h USING (host) GROUP BY 1', 'SELECT h.region, string_agg(m.host, '','' ORDER BY id) FROM m JOIN hosts h USING (host) GROUP BY 1', 'SELECT h.region, sum(m.n + h.id8) FROM m JOIN hosts h USING (host) GROUP BY 1', 'SELECT h.region, sum(m.n), max(h.rack) FROM m JOIN hosts h USING (host) GROUP BY 1', 'SELECT max(h.rack) FROM m JOIN hosts h USING (host)',
	'SELECT h.region, m.rack, count(*) FROM m JOIN hosts h USING (host) GROUP BY ROLLUP (1, 2)', 'SELECT unnest(tags), count(*) FROM m JOIN racks USING (rack) GROUP BY 1', 'SELECT random() < 2, count(*) FROM m JOIN racks USING (rack) GROUP BY 1', 'SELECT count(*) FROM m JOIN racks r ON r.rack = m.rack AND random() < 2', 'SELECT region, x FROM hosts h, LATERAL (SELECT m.n + h.rack AS x FROM m WHERE m.host = h.host LIMIT 3) y GROUP BY 1, 2',
	-- conditions of a view that hides rows
	'SELECT h.region, count(*) FROM wb JOIN hosts h USING (host) GROUP BY 1']) q;

\echo # statements prepared, cursors, changes of parameters
SET search_path = aj_t, aj, public;
SET cpu_tuple_cost = 10;
SET plan_cache_mode = force_generic_plan;
PREPARE p1(text, int) AS SELECT h.region, count(*), sum(n) FROM m JOIN hosts h ON h.host = m.host WHERE h.region > $1 AND m.rack < $2 AND $2 > 0 GROUP BY 1 ORDER BY 1;
EXECUTE p1('r0', 3);
EXECUTE p1('r1', 0);
EXECUTE p1('r1', 5);
PREPARE p2(int) AS SELECT count(*), sum(n) FROM m WHERE $1 > 3;
EXECUTE p2(4);
EXECUTE p2(3);
EXECUTE p2(NULL);
SELECT x, (SELECT count(*) FROM m WHERE x > 1), (SELECT sum(n) FROM m JOIN hosts h USING (host) WHERE x > 1 AND h.rack < x) FROM generate_series(0, 3) x;
RESET plan_cache_mode;

\echo # row-level security
CREATE ROLE aj_reader;
GRANT USAGE ON SCHEMA aj, aj_h, aj_t TO aj_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA aj, aj_h, aj_t TO aj_reader;
CREATE POLICY few ON aj_t.m USING (rack < 2);
CREATE POLICY few ON aj_h.m USING (rack < 2);
ALTER TABLE aj_t.m ENABLE ROW LEVEL SECURITY;
ALTER TABLE aj_h.m ENABLE ROW LEVEL SECURITY;
SET ROLE aj_reader;
SET search_path = aj, public;
SELECT same('SELECT h.region, count(*), sum(v) FROM m JOIN hosts h ON h.host = m.host GROUP BY 1', false);
RESET ROLE;
ALTER TABLE aj_t.m DISABLE ROW LEVEL SECURITY;
ALTER TABLE aj_h.m DISABLE ROW LEVEL SECURITY;
CREATE POLICY few ON hosts USING (rack < 2);
ALTER TABLE hosts ENABLE ROW LEVEL SECURITY;
SET ROLE aj_reader;
SELECT same('SELECT h.region, count(*), sum(v) FROM m JOIN hosts h ON h.host = m.host GROUP BY 1', false);
RESET ROLE;
ALTER TABLE hosts DISABLE ROW LEVEL SECURITY;

\echo # plans
SET tsdb_am.enable_custom_scan = on;
SET search_path = aj_t, aj, public;
EXPLAIN (COSTS OFF, VERBOSE) SELECT h.region, avg(v), count(*) + 1 FROM m JOIN hosts h ON h.host = m.host GROUP BY 1 HAVING max(n) > 3;
EXPLAIN (COSTS OFF) SELECT h.region, date_trunc('day', m.t), max(v) FROM m JOIN hosts h ON h.host = m.host WHERE h.rack = 7 GROUP BY 1, 2;
EXPLAIN (COSTS OFF) SELECT sum(n) FROM m WHERE host IN (SELECT host FROM hosts WHERE region = 'r1');
EXPLAIN (COSTS OFF) SELECT h.region, sum(n * 2) FROM m JOIN hosts h ON h.host = m.host GROUP BY 1;
EXPLAIN (COSTS OFF) SELECT h.region, count(DISTINCT n) FROM m JOIN hosts h ON h.host = m.host GROUP BY 1;
-- as many groups as rows
RESET cpu_tuple_cost;
EXPLAIN (COSTS OFF) SELECT id, region, count(*) FROM m JOIN hosts h ON h.host = m.host GROUP BY 1, 2;
RESET ALL;
SET client_min_messages = warning;
DROP SCHEMA aj_h, aj_t, aj CASCADE;
DROP ROLE aj_reader;
