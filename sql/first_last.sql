-- first and last against array_agg(... ORDER BY time)[1].  Likely bugs: rows whose time is NULL, values that are
-- NULL, equal times, memory of values passed by reference, states that travel between processes or nodes.

SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';

--
-- The example of doc/functions.md
--
SELECT first(v, t), last(v, t) FROM (VALUES (20.5, timestamptz '2024-02-03 10:00+00'), (21.0, '2024-02-03 09:00+00'), (19.0, '2024-02-03 11:00+00')) r(v, t);

--
-- NULLs, ties, nothing
--
SELECT first(v, t), last(v, t) FROM (VALUES ('a', NULL), ('b', 2), ('c', 1), ('d', 3), ('e', NULL)) r(v, t);
SELECT first(v, t) IS NULL AS "null", last(v, t) IS NULL AS "null" FROM (VALUES ('a', 2), (NULL, 1), (NULL, 3), ('b', 2)) r(v, t);
SELECT first(v, t) IS NULL AS "null", last(v, t) IS NULL AS "null" FROM (VALUES ('a', NULL::int), ('b', NULL)) r(v, t);
SELECT first(v, t) IS NULL AS "null", last(v, t) IS NULL AS "null" FROM (VALUES ('a', 1)) r(v, t) WHERE false;
SELECT g, first(v, t), last(v, t) FROM (VALUES (1, 'a', 1), (1, NULL, 2), (2, 'b', NULL), (3, 'c', 5)) r(g, v, t) GROUP BY g ORDER BY g;
-- a value after one that was NULL, and the other way round
SELECT last(v, t) FROM (VALUES (NULL, 1), ('later', 2)) r(v, t);
SELECT first(v, t), last(v, t) FROM (VALUES ('long enough to have memory', 3), (NULL, 2), ('short', 1), ('much longer than all the others were before', 4)) r(v, t);
-- of equal times the row that came first
SELECT first(v, 7), last(v, 7) FROM (SELECT * FROM generate_series(1, 100) v ORDER BY v) s;
SELECT first(v, t ORDER BY v DESC), last(v, t ORDER BY v DESC) FROM (VALUES (1, 1), (2, 1), (3, 1)) r(v, t);
SELECT first(v, t) FILTER (WHERE t > 1), last(DISTINCT v, t), first(v, t ORDER BY t) FROM (VALUES ('a', 1), ('b', 2), ('c', 3)) r(v, t);
SELECT first(v, t), last(v, t) FROM (VALUES (1, 'infinity'::timestamptz), (2, '-infinity'), (3, '2024-01-01')) r(v, t);
SELECT first(v, t), last(v, t) FROM (VALUES (1, 'NaN'::float8), (2, '-infinity'), (3, 0), (4, 'infinity')) r(v, t);

--
-- Types of value and of time.  Values are told apart by their text.
--
CREATE TYPE fl_mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE fl_pair AS (a int, b text);
CREATE DOMAIN fl_when AS timestamptz CHECK (VALUE > '1900-01-01');
CREATE TABLE fl_src AS
	SELECT i, (i * 7919 + 13) % 1009 AS k, CASE WHEN i % 11 = 0 THEN NULL ELSE (i * 7919 + 13) % 1009 END AS t, i % 10 AS g,
		   CASE WHEN i % 13 = 0 THEN NULL ELSE repeat(md5(i::text), i % 40) END AS v
	  FROM generate_series(1, 1009) i;
CREATE FUNCTION fl_types(expressions text[], template text, OUT expression text, OUT groups bigint, OUT different bigint) RETURNS SETOF record LANGUAGE plpgsql AS $$
BEGIN
	FOREACH expression IN ARRAY expressions LOOP
		EXECUTE format(template, expression) INTO groups, different;
		RETURN NEXT;
	END LOOP;
END $$;
-- of the value: v and i at hand
SELECT * FROM fl_types(ARRAY['i', 'i::smallint', 'i::bigint', 'i % 2 = 0', 'i::float4', 'i::float8', 'i::numeric / 7', 'v', 'v::bytea', 'i::text::name', 'i::text::"char"', 'i::text::char(20)',
		'date ''2024-01-01'' + i', 'i * interval ''1 min''', 'timestamp ''2024-01-01'' + i * interval ''1 min''', 'md5(i::text)::uuid', 'jsonb_build_object(''v'', v)', 'to_json(v)',
		'ARRAY[i, NULL, i + 1]', 'ARRAY[v, v]', 'ROW(i, v)', 'ROW(i, v)::fl_pair', 'ARRAY[ROW(i, v)::fl_pair]', 'enum_first(NULL::fl_mood)', 'int4range(i, i + 5)', 'inet ''10.0.0.0'' + i', 'point(i, i)', 'i::oid::regclass', '(timestamptz ''2024-01-01'' + i * interval ''1 min'')::fl_when'],
	$$SELECT count(*), count(*) FILTER (WHERE f::text IS DISTINCT FROM ef OR l::text IS DISTINCT FROM el) FROM (
		SELECT g, first(x, t) AS f, last(x, t) AS l, (array_agg(x::text ORDER BY t))[1] AS ef, (array_agg(x::text ORDER BY t DESC))[1] AS el
		  FROM (SELECT g, t, %1$s AS x FROM fl_src) s WHERE t IS NOT NULL GROUP BY g) r$$);
-- of the time: k at hand, all different; what has a collation goes by it
SELECT * FROM fl_types(ARRAY['k', 'k::smallint', 'k::bigint - 500', 'k::float4', 'k::float8', 'k::numeric / 7', 'k::text', 'k::text COLLATE "C"', 'lpad('''', 100 * (k % 7), ''x'') || k', 'k::text::bytea', 'k::text::name', 'k::text::char(20)', 'k::oid',
		'date ''2024-01-01'' + k', '(k - 500) * interval ''1 min''', 'timestamp ''1999-12-31'' + k * interval ''1 min''', 'timestamptz ''1999-12-31'' + k * interval ''1 min''', 'time ''00:00'' + k * interval ''1 min''', 'md5(k::text)::uuid', 'jsonb_build_object(k::text, k)',
		'ARRAY[k / 100, NULL, k]', 'ARRAY[k / 100 || ''x'', k::text]', 'ROW(k / 100, k::text)', 'ROW(k / 100, k::text)::fl_pair', 'ARRAY[ROW(k, k::text)::fl_pair]', 'int4range(k - 500, k + 500)', 'inet ''10.0.0.0'' + k', '(timestamptz ''2024-01-01'' + k * interval ''1 min'')::fl_when'],
	$$SELECT count(*), count(*) FILTER (WHERE f IS DISTINCT FROM ef OR l IS DISTINCT FROM el) FROM (
		SELECT g, first(i, x) AS f, last(i, x) AS l, (array_agg(i ORDER BY x))[1] AS ef, (array_agg(i ORDER BY x DESC))[1] AS el
		  FROM (SELECT g, i, k, %1$s AS x FROM fl_src) s GROUP BY g) r$$);
SELECT pg_typeof(first(v, t)), pg_typeof(last(ARRAY[v], t)), pg_typeof(first(i::smallint, t)), pg_typeof(last(NULL::date, t)) FROM fl_src;
-- collations decide
SELECT first(x, x COLLATE "C"), last(x, x COLLATE "C"), first(x, x COLLATE "und-x-icu"), last(x, x COLLATE "und-x-icu") FROM (VALUES ('b'), ('A'), ('a'), ('B')) r(x);
-- times that cannot be compared
SELECT first(1, point(1, 2));
SELECT last(1, '2024-01-01');
SELECT first(1, json '1') FROM generate_series(1, 2);
SELECT first(1, x || y) FROM (SELECT 'a' COLLATE "C" AS x, i::text COLLATE "POSIX" AS y FROM generate_series(1, 2) i) s;

--
-- Windows: states are read many times
--
SELECT count(*) AS compared, count(*) FILTER (WHERE f IS DISTINCT FROM ef OR l IS DISTINCT FROM el) AS different FROM (
	SELECT i, first(v, k) OVER w AS f, last(v, k) OVER w AS l, (array_agg(v) OVER w)[1] AS ef, v AS el
	  FROM fl_src WINDOW w AS (PARTITION BY g ORDER BY k)) r;
SELECT i, first(v, t) OVER (ORDER BY i ROWS BETWEEN 1 PRECEDING AND CURRENT ROW), last(v, t) OVER (ORDER BY i ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
  FROM (VALUES (1, 'one', 5), (2, 'two', NULL), (3, 'three', 1), (4, NULL, 9), (5, 'five', 3)) r(i, v, t) ORDER BY i;

--
-- Memory: a copy per group, not per row; groups by hash and sorted
--
SELECT length(last(repeat('x', 10000), i)) AS length, length(first(repeat('x', 10000), -i)) AS length,
	   last(i, lpad(i::text, 5000, '0')) AS i,
	   (SELECT sum(total_bytes) < 64 * 1024 * 1024 FROM pg_backend_memory_contexts) AS little_memory
  FROM generate_series(1, 20000) i;
SET enable_hashagg = off;
SELECT g, md5(first(v, t)), md5(last(v, t)) FROM fl_src GROUP BY g ORDER BY g;
SET enable_sort = off; SET enable_hashagg = on;
SELECT count(*), md5(string_agg(md5(f) || coalesce(md5(l), ''), ',' ORDER BY g)) FROM (SELECT k % 500 AS g, first(i::text, i) AS f, last(v, t) AS l FROM fl_src GROUP BY 1) s;
RESET enable_sort;

--
-- Heap and tsdb, in parallel: states are serialised
--
CREATE TABLE fl_h (time timestamptz NOT NULL, host text, v float8, s text, a int[]);
INSERT INTO fl_h SELECT timestamptz '2024-01-01 00:00+00' + i * 37 % 20011 * interval '1 min', 'host ' || i % 7, i, CASE WHEN i % 5 > 0 THEN md5(i::text) END, ARRAY[i, NULL]
  FROM generate_series(1, 20010) i;
-- values that are TOASTed, outside their rows
INSERT INTO fl_h SELECT timestamptz '2024-02-01 00:00+00' + i * interval '1 min', 'large', i, (SELECT string_agg(md5(i || ' ' || j), '') FROM generate_series(1, 300) j), NULL FROM generate_series(1, 20) i;
CREATE TABLE fl_t (LIKE fl_h) USING tsdb WITH (segmentby = 'host', orderby = 'time');
INSERT INTO fl_t SELECT * FROM fl_h;
SELECT tsdb.compress('fl_t') >= 0 AS compressed;
INSERT INTO fl_h VALUES ('2024-03-01 00:00+00', 'host 1', -1, 'after', '{}'), ('2023-03-01 00:00+00', 'host 2', -2, 'before', NULL);
INSERT INTO fl_t VALUES ('2024-03-01 00:00+00', 'host 1', -1, 'after', '{}'), ('2023-03-01 00:00+00', 'host 2', -2, 'before', NULL);
ANALYZE fl_h, fl_t;
CREATE FUNCTION fl_query(tab regclass) RETURNS text LANGUAGE sql AS $$ SELECT format($q$
	SELECT host, first(v, time) AS fv, last(v, time) AS lv, first(s, time) AS fs, last(s, time) AS ls, first(a, time) AS fa, last(ROW(v, s), time)::text AS lr,
		   last(v, s) AS bys, first(time, v) AS byv, first(v, CASE WHEN v > 20000 THEN time END) AS late FROM %s GROUP BY host$q$, tab) $$;
CREATE FUNCTION fl_plan(query text, sought text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	line text;
	found boolean := false;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		found := found OR line LIKE sought;
	END LOOP;
	RETURN found;
END $$;
CREATE FUNCTION fl_result(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT left(md5(q::text), 8) || '' '' || host FROM (%s) q ORDER BY host', query);
END $$;
SET max_parallel_workers_per_gather = 0;
CREATE TEMP TABLE fl_expected AS SELECT host,
	(array_agg(v ORDER BY time))[1] AS fv, (array_agg(v ORDER BY time DESC))[1] AS lv, (array_agg(s ORDER BY time))[1] AS fs, (array_agg(s ORDER BY time DESC))[1] AS ls,
	(array_agg(a::text ORDER BY time))[1]::int[] AS fa, (array_agg(ROW(v, s)::text ORDER BY time DESC))[1] AS lr,
	(array_agg(v ORDER BY s DESC NULLS LAST))[1] AS bys, (array_agg(time ORDER BY v))[1] AS byv, (array_agg(v ORDER BY time) FILTER (WHERE v > 20000))[1] AS late FROM fl_h GROUP BY host;
SELECT * FROM fl_result('SELECT * FROM fl_expected');
SELECT count(*) AS same FROM (SELECT fl_result('SELECT * FROM fl_expected') INTERSECT SELECT fl_result(fl_query('fl_h')) INTERSECT SELECT fl_result(fl_query('fl_t'))) x;
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET parallel_leader_participation = off;
ALTER TABLE fl_h SET (parallel_workers = 2);
ALTER TABLE fl_t SET (parallel_workers = 2);
SELECT tab, fl_plan(fl_query(tab), '%Partial%Aggregate%') OR fl_plan(fl_query(tab), '%TsdbAgg%') AS partial, fl_plan(fl_query(tab), '%Finalize%Aggregate%') AS finalize, fl_plan(fl_query(tab), '%Workers Planned: 2%') AS parallel
  FROM unnest('{fl_h,fl_t}'::regclass[]) tab;
SELECT count(*) AS same FROM (SELECT fl_result('SELECT * FROM fl_expected') INTERSECT SELECT fl_result(fl_query('fl_h')) INTERSECT SELECT fl_result(fl_query('fl_t'))) x;
SET parallel_leader_participation = on;
SELECT count(*) AS same FROM (SELECT fl_result('SELECT * FROM fl_expected') INTERSECT SELECT fl_result(fl_query('fl_h')) INTERSECT SELECT fl_result(fl_query('fl_t'))) x;
-- without groups; workers that see no row, or none with a time
SELECT first(v, time), last(v, time), last(s, time), first(v, NULL::int) IS NULL AS "null" FROM fl_t;
SELECT first(v, time) IS NULL AS "null", last(s, time) IS NULL AS "null" FROM fl_t WHERE v < -1000;
SELECT count(*) AS same FROM (SELECT time_bucket('1 day', time, 'Europe/Berlin') AS b, host, first(v, time), last(s, time) FROM fl_h GROUP BY 1, 2
	INTERSECT SELECT time_bucket('1 day', time, 'Europe/Berlin'), host, first(v, time), last(s, time) FROM fl_t GROUP BY 1, 2) x;
SELECT count(*) FROM (SELECT DISTINCT time_bucket('1 day', time, 'Europe/Berlin'), host FROM fl_h) x;
RESET max_parallel_workers_per_gather;

--
-- Partitions: states are combined as they are
--
CREATE TABLE fl_p (time timestamptz NOT NULL, host text, v float8, s text, a int[]) PARTITION BY RANGE (time);
CREATE TABLE fl_p1 PARTITION OF fl_p FOR VALUES FROM (MINVALUE) TO ('2024-01-05 00:00+00') USING tsdb;
CREATE TABLE fl_p2 PARTITION OF fl_p FOR VALUES FROM ('2024-01-05 00:00+00') TO (MAXVALUE);
INSERT INTO fl_p SELECT * FROM fl_h;
ANALYZE fl_p;
SET enable_partitionwise_aggregate = on;
SET max_parallel_workers_per_gather = 0;
SELECT fl_plan(fl_query('fl_p'), '%Partial%Aggregate%') AS partial, fl_plan(fl_query('fl_p'), '%Gather%') AS parallel;
SELECT count(*) AS same FROM (SELECT fl_result('SELECT * FROM fl_expected') INTERSECT SELECT fl_result(fl_query('fl_p'))) x;
SET max_parallel_workers_per_gather = 2;
SELECT count(*) AS same FROM (SELECT fl_result('SELECT * FROM fl_expected') INTERSECT SELECT fl_result(fl_query('fl_p'))) x;
RESET ALL;

--
-- Not to be called otherwise
--
-- (which of two errors depends on the minor version)
DO $$
BEGIN
	PERFORM tsdb.first_last_serialize(NULL);
	RAISE NOTICE 'called';
EXCEPTION WHEN undefined_function OR feature_not_supported THEN
	RAISE NOTICE 'refused';
END $$;

DROP TABLE fl_src, fl_h, fl_t, fl_p;
DROP FUNCTION fl_types, fl_query, fl_plan, fl_result;
DROP TYPE fl_mood, fl_pair;
DROP DOMAIN fl_when;
