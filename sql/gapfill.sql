-- time_bucket_gapfill, locf, interpolate against generate_series and window functions.  Likely bugs: a bucket too many or too few at
-- the ends, conditions that are pushed to the wrong side of the filling, clocks that are changed, values of one group that reach another,
-- rows outside the range, NULL, states that outlive a rescan.

SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET extra_float_digits = 0;

CREATE TABLE gap_src (time timestamptz, host text, x float8, n bigint);
INSERT INTO gap_src SELECT timestamptz '2024-03-30 12:00+00' + i * interval '7 min', h, i * i % 97, CASE WHEN i % 5 = 0 THEN NULL ELSE i * 1000003 END
  FROM generate_series(0, 400) i, unnest('{a,b,c}'::text[]) h WHERE (i * 7919 + ascii(h) * 31) % 11 < 3 AND i NOT BETWEEN 100 AND 180;
INSERT INTO gap_src SELECT time, NULL, x, n FROM gap_src WHERE host = 'b' AND extract(hour FROM time) < 5;
ANALYZE gap_src;

--
-- The example of doc/functions.md
--
CREATE TABLE readings (time timestamptz, v float8);
INSERT INTO readings VALUES ('2024-02-03 10:10+00', 10), ('2024-02-03 10:40+00', 20), ('2024-02-03 13:05+00', 45);
SELECT time_bucket_gapfill('1 hour', time) AS hour, avg(v), locf(avg(v)), interpolate(avg(v)), coalesce(count(*), 0) AS n
  FROM readings WHERE time >= '2024-02-03 09:00+00' AND time < '2024-02-03 15:00+00' GROUP BY 1 ORDER BY 1;

--
-- Against generate_series and window functions.  %s: width, zone argument or nothing, table
--
CREATE FUNCTION gap_compare(width interval, zone text, source text, OUT compared bigint, OUT filled bigint, OUT different bigint) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format($q$
		WITH g AS (SELECT time_bucket_gapfill(%1$L, time%2$s) AS b, host, avg(x) AS a, count(*) AS c, locf(avg(x)) AS l, locf(max(n), treat_null_as_missing => true) AS m, interpolate(avg(x)) AS i, interpolate(max(n)) AS ni
					 FROM %3$s WHERE time >= '2024-03-30 10:20+00' AND '2024-04-01 03:10+00' > time GROUP BY 1, host),
			 r AS (SELECT time_bucket(%1$L, time%2$s) AS b, host, avg(x) AS a, count(*) AS c, max(n) AS n FROM gap_src WHERE time >= '2024-03-30 10:20+00' AND time < '2024-04-01 03:10+00' GROUP BY 1, 2),
			 -- all buckets: those of all minutes
			 k AS (SELECT DISTINCT time_bucket(%1$L, t%2$s) AS b FROM generate_series(timestamptz '2024-03-30 10:20+00', '2024-04-01 03:09+00', '1 min') t),
			 h AS (SELECT DISTINCT host FROM r),
			 j AS (SELECT b, h.host, a, c, n, r.b IS NOT NULL AS is_row FROM k CROSS JOIN h LEFT JOIN r USING (b) WHERE r.host IS NOT DISTINCT FROM h.host OR r.b IS NULL
				   UNION ALL SELECT b, h.host, NULL, NULL, NULL, false FROM k CROSS JOIN h WHERE EXISTS (SELECT FROM r WHERE r.b = k.b) AND NOT EXISTS (SELECT FROM r WHERE r.b = k.b AND r.host IS NOT DISTINCT FROM h.host)),
			 -- the row before and the row after, by number of rows up to here
			 w AS (SELECT *, count(*) FILTER (WHERE is_row) OVER (PARTITION BY host ORDER BY b) AS before, count(n) OVER (PARTITION BY host ORDER BY b) AS before_n FROM j),
			 v AS (SELECT *, max(a) OVER s AS pa, max(n) OVER s AS pn, min(b) OVER s AS pb, max(n) OVER t AS ln FROM w WINDOW s AS (PARTITION BY host, before), t AS (PARTITION BY host, before_n)),
			 x AS (SELECT v.*, o.a AS na, o.n AS nn, o.b AS nb, extract(epoch FROM v.b - v.pb) * 1000000 AS d, extract(epoch FROM o.b - v.pb) * 1000000 AS e FROM v LEFT JOIN v o ON o.is_row AND o.host IS NOT DISTINCT FROM v.host AND o.before = v.before + 1),
			 e AS (SELECT b, host, a, c, CASE WHEN before > 0 THEN pa END AS l, CASE WHEN before_n > 0 THEN ln END AS m,
						  CASE WHEN is_row THEN a WHEN before > 0 THEN round((pa + (na - pa) * d / e)::numeric, 6) END AS i, CASE WHEN is_row THEN n WHEN before > 0 THEN trunc((pn * (e - d) + nn * d) / e)::bigint END AS ni FROM x)
		SELECT count(*), count(*) FILTER (WHERE g.c IS NULL), count(*) FILTER (WHERE (g.b, g.host, g.a, g.c, g.l, g.m, round(g.i::numeric, 6), g.ni) IS DISTINCT FROM (e.b, e.host, e.a, e.c, e.l, e.m, round(e.i::numeric, 6), e.ni))
		  FROM g FULL JOIN e ON g.b = e.b AND coalesce(g.host, '-') = coalesce(e.host, '-')$q$, width, ', ' || quote_literal(zone), source) INTO compared, filled, different;
END $$;
SELECT w, z, (gap_compare(w::interval, z, 'gap_src')).* FROM unnest('{5 min,7 min,1 hour,3 hours,1 day}'::text[]) w, unnest('{NULL,Europe/Berlin,America/New_York,CET}'::text[]) z;
SELECT (gap_compare('15 min', 'Australia/Lord_Howe', 'gap_src')).*;
CREATE TABLE gap_tsdb (LIKE gap_src) USING tsdb WITH (segmentby = 'host', orderby = 'time');
INSERT INTO gap_tsdb SELECT * FROM gap_src;
SELECT tsdb.compress('gap_tsdb') >= 0 AS compressed;
SELECT z, (gap_compare('10 min', z, 'gap_tsdb')).* FROM unnest('{NULL,Europe/Berlin}'::text[]) z;
-- the days on which clocks are changed
SELECT z, a::date AS day, count(*) AS buckets FROM (VALUES ('Europe/Berlin', date '2024-03-31'), ('Europe/Berlin', '2024-10-27'), ('Europe/Berlin', '2024-06-01'), ('Australia/Lord_Howe', '2024-04-07')) d(z, a),
	LATERAL (SELECT time_bucket_gapfill('1 hour', time, z, a::timestamp AT TIME ZONE z, (a + 1)::timestamp AT TIME ZONE z) AS b FROM readings WHERE false GROUP BY 1) s GROUP BY 1, 2 ORDER BY 1, 2;
SELECT b AT TIME ZONE 'Europe/Berlin' AS local FROM (SELECT time_bucket_gapfill('1 day', time, 'Europe/Berlin', '2024-10-25 22:00+00', '2024-10-28 23:00+00') AS b FROM readings WHERE false GROUP BY 1) s ORDER BY 1;
SELECT b FROM (SELECT time_bucket_gapfill('45 min', time, 'Europe/Berlin', '2024-03-30 23:45+00', '2024-03-31 03:00+00') AS b FROM readings WHERE false GROUP BY 1) s ORDER BY 1;
-- every zone's buckets are those of its minutes
SELECT z, w, count(*) AS buckets, count(*) FILTER (WHERE a IS NULL OR e IS NULL) AS different
  FROM unnest('{Europe/Berlin,America/St_Johns,Asia/Beirut,Africa/Cairo}'::text[]) z, unnest('{15 min,45 min,2 hours,1 day,1 month}'::interval[]) w,
	LATERAL (SELECT a.b AS a, e.b AS e FROM (SELECT time_bucket_gapfill(w, time, z, '2024-03-01 00:00+00', '2024-05-02 00:00+00') AS b FROM readings WHERE false GROUP BY 1) a
		FULL JOIN (SELECT DISTINCT time_bucket(w, t, z) AS b FROM generate_series(timestamptz '2024-03-01 00:00+00', '2024-05-01 23:59+00', '15 min') t) e ON a.b = e.b) s GROUP BY 1, 2 ORDER BY 1, 2;

--
-- Types and limits
--
SELECT b, c FROM (SELECT time_bucket_gapfill(10::smallint, v, -20::smallint, 25::smallint) AS b, count(*) AS c FROM (VALUES (5::smallint)) r(v) GROUP BY 1) s ORDER BY 1;
SELECT time_bucket_gapfill(5, v) AS b, sum(v), interpolate(sum(v)) FROM (VALUES (-7), (12)) r(v) WHERE v > -11 AND 20 >= v GROUP BY 1;
SELECT time_bucket_gapfill('1 month', d) AS b, count(*) FROM (VALUES (date '2024-01-31'), ('2024-04-01')) r(d) WHERE d BETWEEN '2023-12-31' AND '2024-05-01' GROUP BY 1;
SELECT time_bucket_gapfill('2 days', d, '2024-02-27', '2024-03-04') AS b, locf(max(d)) FROM (VALUES (date '2024-02-29')) r(d) GROUP BY 1;
SELECT time_bucket_gapfill('6 hours', t) AS b, count(*) FROM (VALUES (timestamp '2024-01-31 12:00')) r(t) WHERE t = '2024-01-31 12:00' GROUP BY 1;
SELECT time_bucket_gapfill('12 hours', t) AS b, count(*) FROM (VALUES (timestamp '2024-01-31 12:00')) r(t) WHERE t >= date '2024-01-31' AND t < date '2024-02-01' GROUP BY 1;
SELECT time_bucket_gapfill(3000000000000000000, v, 1, 9223372036854775807) AS b, count(*), interpolate(max(v)), interpolate(max(v)::float8) FROM (VALUES (9223372036854775807), (-5000000000000000000)) r(v) GROUP BY 1;
SELECT time_bucket_gapfill(1::bigint, v) AS b, interpolate(max(y)), interpolate(max(-y - 1)) FROM (VALUES (9223372036854775800, 9223372036854775807), (9223372036854775807, 9223372036854775801)) r(v, y) WHERE v >= 9223372036854775800 AND v <= 9223372036854775807 GROUP BY 1;
SELECT time_bucket_gapfill(2::bigint, v) AS b, interpolate(max(y)) FROM (VALUES (1::bigint, -9223372036854775808), (7, 9223372036854775807)) r(v, y) WHERE v > 0 AND v <= 8 GROUP BY 1;
SELECT time_bucket_gapfill('40000 days', t, timestamptz '294000-01-01', timestamptz '294276-12-31 23:59:59.999999') AS b FROM readings r(t) WHERE false GROUP BY 1;
SELECT time_bucket_gapfill(1, v, 0, 4) AS b, interpolate(max(f)), interpolate(max(f)::real) FROM (VALUES (0, -5), (3, 1.5::float8)) r(v, f) GROUP BY 1;
SELECT time_bucket_gapfill(1, v, 0, 4) AS b, interpolate(max(f)) FROM (VALUES (0, -1.7e308::float8), (3, 1.7e308)) r(v, f) GROUP BY 1;
SELECT time_bucket_gapfill(1, v, 0, 3) AS b, interpolate(max(f)), locf(max(f)) FROM (VALUES (0, 1::float8), (2, 'infinity')) r(v, f) GROUP BY 1;
-- a range that is empty; rows before it, behind it, NULL and infinite
SELECT time_bucket_gapfill(1, v, 5, 5) AS b, count(*) FROM (VALUES (3), (7)) r(v) GROUP BY 1;
SELECT time_bucket_gapfill(1, v, 5, 2) AS b, count(*) FROM (VALUES (3), (NULL)) r(v) GROUP BY 1;
SELECT time_bucket_gapfill(1, v, 4, 6) AS b, locf(count(*)), interpolate(max(v * 10)) FROM (VALUES (2), (8), (NULL)) r(v) GROUP BY 1;
SELECT time_bucket_gapfill('1 day', t, start => '2024-01-01', finish => '2024-01-03') AS b, locf(max(v)), interpolate(max(v)) FROM (VALUES (timestamptz 'infinity', 1), ('-infinity', 2), (NULL, 3)) r(t, v) GROUP BY 1;
-- without rows: all buckets if there are no other groups
SELECT time_bucket_gapfill(1, v, 0, 3) AS b, count(*), locf(count(*), 7::bigint) FROM (VALUES (1)) r(v) WHERE false GROUP BY 1;
SELECT time_bucket_gapfill(1, v, 0, 3) AS b, w, count(*) FROM (VALUES (1, 2)) r(v, w) WHERE false GROUP BY 1, 2;

--
-- locf and interpolate: arguments, NULL, types by reference
--
SELECT time_bucket_gapfill(1, v, 0, 7) AS b, g, locf(max(s)), locf(max(s), prev => 'before ' || g), locf(max(s), treat_null_as_missing => true), locf(max(s), 'first', true)
  FROM (VALUES (2, 'x', 'two'), (4, 'x', NULL), (6, 'x', repeat('six', 3)), (0, 'y', NULL), (3, 'y', 'three')) r(v, g, s) GROUP BY 1, 2;
SELECT time_bucket_gapfill(1, v, 0, 7) AS b, g, interpolate(max(n)), interpolate(max(n), (-2, 0), (12, 100)), interpolate(max(n), next => (SELECT (10, max(k) * 10) FROM (VALUES ('x', 1), ('y', 2)) o(g, k) WHERE o.g = r.g))
  FROM (VALUES (2, 'x', 20), (4, 'x', NULL), (5, 'x', 50), (3, 'y', 0)) r(v, g, n) GROUP BY 1, 2;
SELECT time_bucket_gapfill(1, v, 0, 4) AS b, interpolate(max(n), (5, 1), (0, 1)), interpolate(max(n), (NULL::int, 1), NULL) FROM (VALUES (2, 20)) r(v, n) GROUP BY 1;
SELECT time_bucket_gapfill(1, v, 0, 4) AS b, g, locf(avg(v) FILTER (WHERE v > 1)) + 1 AS expression, locf(max(v)) - min(v) AS two, coalesce(locf(max(v)), -1) AS nested, CASE WHEN count(*) > 0 THEN 'row' ELSE 'gap' END AS what
  FROM (VALUES (1, 1), (3, 1), (2, 2)) r(v, g) GROUP BY 1, 2;

--
-- What is done with the rows
--
SELECT time_bucket_gapfill(1, v, 0, 4) AS b, count(*) FROM (VALUES (1), (3)) r(v) GROUP BY 1 ORDER BY 1 DESC LIMIT 2;
SELECT time_bucket_gapfill(1, v, 0, 4) AS b, g, locf(max(v)) AS l FROM (VALUES (1, 'x'), (3, 'y')) r(v, g) GROUP BY g, 1 ORDER BY l DESC NULLS LAST, g DESC, b;
SELECT DISTINCT locf(max(v)) FROM (VALUES (1), (3)) r(v) GROUP BY time_bucket_gapfill(1, v, 0, 6) ORDER BY 1;
SELECT b, lag(m) OVER (ORDER BY b), row_number() OVER () FROM (SELECT time_bucket_gapfill(1, v, 0, 4) AS b, max(v) AS m FROM (VALUES (1), (3)) r(v) GROUP BY 1) s;
SELECT time_bucket_gapfill(1, v, 0, 4) AS b, lag(locf(max(v))) OVER (ORDER BY time_bucket_gapfill(1, v, 0, 4)), sum(count(*)) OVER (ORDER BY time_bucket_gapfill(1, v, 0, 4)) FROM (VALUES (1), (3)) r(v) GROUP BY 1;
SELECT time_bucket_gapfill(1, v, 0, 4) AS b, count(*) FROM (VALUES (1), (1), (3)) r(v) GROUP BY 1 HAVING count(*) > 1;
SELECT time_bucket_gapfill(1, v, 0, 2) AS b, w, grouping(w) FROM (VALUES (1, 5)) r(v, w) GROUP BY 1, 2;
SELECT time_bucket_gapfill(1, v, 0, 9) AS b FROM (VALUES (1)) r(v) GROUP BY 1 LIMIT (SELECT 2) OFFSET 1;
-- conditions around it are about all rows
SELECT * FROM (SELECT time_bucket_gapfill(1, v, 0, 6) AS b, count(*) AS c, locf(max(v)) AS l FROM (VALUES (1), (3)) r(v) GROUP BY 1) s WHERE c > 0;
SELECT * FROM (SELECT time_bucket_gapfill(1, v, 0, 6) AS b, count(*) AS c, locf(max(v)) AS l FROM (VALUES (1), (3)) r(v) GROUP BY 1) s WHERE b > 1 AND b < 5;
SELECT * FROM (SELECT time_bucket_gapfill(1, v, 0, 6) AS b, g, locf(max(v)) AS l FROM (VALUES (1, 'x'), (3, 'y')) r(v, g) GROUP BY 1, 2) s WHERE l IS NOT NULL AND g = 'y';
-- WITH, views, UNION, joins, INSERT, EXISTS
WITH r AS (SELECT v FROM (VALUES (1), (3)) r(v)), s AS (SELECT time_bucket_gapfill(1, v, 0, 4) AS b, count(*) FROM r GROUP BY 1) SELECT * FROM s, r WHERE b = v ORDER BY b;
CREATE VIEW gap_view AS SELECT time_bucket_gapfill('1 hour', time) AS b, host, locf(avg(x)) AS l FROM gap_src WHERE time >= '2024-03-30 12:00+00' AND time < '2024-03-30 16:00+00' GROUP BY 1, 2;
SELECT pg_get_viewdef('gap_view');
SELECT host, count(*), count(l) FROM gap_view GROUP BY host ORDER BY host;
SELECT time_bucket_gapfill(1, v, 0, 2) AS b FROM (VALUES (1)) r(v) GROUP BY 1 UNION ALL SELECT time_bucket_gapfill(1, v, 5, 7) FROM (VALUES (1)) r(v) GROUP BY 1 ORDER BY 1;
CREATE TABLE gap_result AS SELECT time_bucket_gapfill('1 hour', time) AS b, a.host, count(*) FROM gap_src a JOIN (VALUES ('a', 1), ('b', 2)) o(host, k) ON a.host = o.host AND time >= '2024-03-30 12:00+00' WHERE time < '2024-03-30 16:00+00' GROUP BY 1, 2;
INSERT INTO gap_result SELECT time_bucket_gapfill('1 hour', time, timestamptz '2024-01-01', timestamptz '2024-01-01 03:00'), 'new', count(*) FROM readings WHERE false GROUP BY 1;
SELECT host, count(*), min(b), max(b) FROM gap_result GROUP BY host ORDER BY host;
SELECT EXISTS (SELECT time_bucket_gapfill(1, v, 0, 4) AS b FROM (VALUES (1)) r(v) GROUP BY 1 HAVING false);
-- a column that the group's key decides
CREATE TABLE gap_hosts (id int PRIMARY KEY, name text);
INSERT INTO gap_hosts VALUES (1, 'one'), (2, 'two');
SELECT time_bucket_gapfill(1, v, 0, 3) AS b, h.id, h.name, count(v) FROM gap_hosts h JOIN (VALUES (1, 1), (2, 2)) r(v, id) USING (id) GROUP BY 1, h.id;
-- parameters, correlated ranges, scans that start again, cursors, functions
PREPARE gap_prepared(int, int, int) AS SELECT time_bucket_gapfill($1, v) AS b, count(*) FROM (VALUES (1), (3)) r(v) WHERE v >= $2 AND v < $3 GROUP BY 1;
EXECUTE gap_prepared(1, 0, 4);
SET plan_cache_mode = force_generic_plan;
EXECUTE gap_prepared(2, 0, 6);
EXECUTE gap_prepared(3, -3, 4);
EXPLAIN (COSTS OFF, VERBOSE) EXECUTE gap_prepared(1, 0, 4);
RESET plan_cache_mode;
SELECT o, array_agg(b ORDER BY b) FROM generate_series(0, 3) o, LATERAL (SELECT time_bucket_gapfill(1, v) AS b FROM (VALUES (1), (3)) r(v) WHERE v >= o AND v < o + 2 GROUP BY 1) s GROUP BY o ORDER BY o;
SELECT o, (SELECT count(*) FROM (SELECT time_bucket_gapfill(o, v, 0, 12) AS b FROM (VALUES (1), (3)) r(v) WHERE v <> o GROUP BY 1) s) FROM generate_series(1, 4) o;
BEGIN;
DECLARE gap_cursor SCROLL CURSOR FOR SELECT time_bucket_gapfill(1, v, 0, 4) AS b, locf('text ' || max(v)) FROM (VALUES (1), (3)) r(v) GROUP BY 1;
FETCH 2 FROM gap_cursor;
FETCH BACKWARD 1 FROM gap_cursor;
FETCH ALL FROM gap_cursor;
COMMIT;
CREATE FUNCTION gap_function(lo int, hi int) RETURNS SETOF int LANGUAGE sql AS $$ SELECT time_bucket_gapfill(1, v, lo, hi) FROM (VALUES (1)) r(v) GROUP BY 1 $$;
SELECT * FROM gap_function(0, 3);
-- in PL/pgSQL
CREATE FUNCTION gap_plpgsql(lo timestamptz) RETURNS bigint LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN (SELECT count(*) FROM (SELECT public.time_bucket_gapfill('1 hour', time) FROM readings WHERE time >= lo AND time < lo + interval '1 day' GROUP BY 1) s); END $$;
SELECT gap_plpgsql('2024-02-03'), gap_plpgsql('2024-02-04 00:30');
-- a column of the outer query in the grouping, in a subquery two levels down
SELECT o, (SELECT string_agg(coalesce(s, '-'), ',' ORDER BY b) FROM (SELECT time_bucket_gapfill(1, v, o, o + 3) AS b, locf(max(v * 10 + o), (SELECT -o))::text AS s FROM (VALUES (1), (3)) r(v) WHERE EXISTS (SELECT FROM generate_series(1, 1) q WHERE v <> o) GROUP BY 1) x) FROM generate_series(0, 2) o;
-- last week
SELECT count(*) BETWEEN 7 AND 8 AS days FROM (SELECT time_bucket_gapfill('1 day', time) AS b FROM gap_src WHERE time > now() - interval '7 days' AND time <= now() GROUP BY 1) s;
-- row security, as for any query
CREATE ROLE gap_user;
GRANT SELECT ON gap_src TO gap_user;
ALTER TABLE gap_src ENABLE ROW LEVEL SECURITY;
CREATE POLICY gap_policy ON gap_src USING (host = 'a');
SET ROLE gap_user;
SELECT host, count(*) FROM (SELECT time_bucket_gapfill('1 hour', time, finish => '2024-03-31', start => '2024-03-30') AS b, host FROM gap_src GROUP BY 1, 2) s GROUP BY 1;
SELECT raises('SELECT time_bucket_gapfill(''1 hour'', time, start => ''2024-03-30'', finish => ''2024-03-31'') AS b FROM readings GROUP BY 1');
RESET ROLE;
ALTER TABLE gap_src DISABLE ROW LEVEL SECURITY;
REVOKE ALL ON gap_src FROM gap_user;
DROP POLICY gap_policy ON gap_src;
DROP ROLE gap_user;

--
-- Order of rows: stretches of groups, as chunks have them, that follow each other, overlap, or are one row each; more than memory; NULL as bucket
--
CREATE TABLE gap_order (time timestamptz NOT NULL, t2 timestamptz, host text, n numeric, s text) USING tsdb WITH (segmentby = 'host', orderby = 'time');
CREATE FUNCTION gap_order_differs(col text, memory text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
	PERFORM set_config('work_mem', memory, true);
	-- locf without the node: the last value so far
	EXECUTE format($q$
		WITH got AS (SELECT time_bucket_gapfill('1 min', %1$s, start => '2024-01-01', finish => '2024-01-01 02:00') AS b, host, n, count(*) AS c, max(s) AS s, locf(max(s)) AS l FROM gap_order GROUP BY 1, 2, 3),
		grouped AS MATERIALIZED (SELECT time_bucket('1 min', %1$s) AS b, host, n, count(*) AS c, max(s) AS s FROM gap_order GROUP BY 1, 2, 3),
		grid AS (SELECT b, host, n FROM generate_series(timestamptz '2024-01-01', '2024-01-01 01:59', '1 min') b, (SELECT DISTINCT host, n FROM grouped) g UNION SELECT b, host, n FROM grouped),
		joined AS (SELECT grid.*, c, s, count(c) OVER (PARTITION BY grid.host, grid.n ORDER BY grid.b NULLS LAST) AS nth FROM grid LEFT JOIN grouped ON ROW(grouped.b, grouped.host, grouped.n::float8)::text = ROW(grid.b, grid.host, grid.n::float8)::text),
		wanted AS (SELECT b, host, n, c, s, first_value(s) OVER (PARTITION BY host, n, nth ORDER BY b NULLS LAST) AS l FROM joined)
		SELECT (SELECT count(*) FROM (TABLE got EXCEPT ALL TABLE wanted) d) || ' ' || (SELECT count(*) FROM (TABLE wanted EXCEPT ALL TABLE got) d) || ' of ' || (SELECT count(*) FROM got)$q$, col) INTO result;
	RETURN result;
END $$;
-- does core's sort get the rows?
CREATE FUNCTION gap_order_sorts(memory text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE line text; result boolean := false;
BEGIN
	PERFORM set_config('work_mem', memory, true);
	FOR line IN EXECUTE 'EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT time_bucket_gapfill(''1 min'', time, start => ''2024-01-01'', finish => ''2024-01-01 02:00''), host FROM gap_order GROUP BY 1, 2' LOOP
		result := result OR line LIKE '%Rows Sorted%';
	END LOOP;
	RETURN result;
END $$;
SET tsdb_am.direct_load_rows = 1;
INSERT INTO gap_order SELECT t, t, 'h' || h, CASE WHEN m % 3 = 0 THEN 1.0 ELSE 1.00 END, md5(m::text) FROM generate_series(0, 59) m, generate_series(0, 8) h, LATERAL (SELECT timestamptz '2024-01-01' + m * interval '1 min' AS t) x WHERE (m + h) % 4 <> 0;
INSERT INTO gap_order SELECT t, t, nullif('h' || h, 'h7'), 1.0, md5(m::text) FROM generate_series(60, 119) m, generate_series(0, 8) h, LATERAL (SELECT timestamptz '2024-01-01' + m * interval '1 min' AS t) x WHERE (m + h) % 4 <> 0;
SELECT c, m, gap_order_differs(c, m) FROM unnest('{time,t2}'::text[]) c, unnest('{64kB,4MB}'::text[]) m ORDER BY 1, 2;
SET enable_seqscan = off;
SELECT gap_order_sorts('64kB') AS memory, current_setting('tsdb_am.enable_custom_scan') = 'on' AND gap_order_sorts('4MB') AS stretches;
RESET enable_seqscan;
-- late rows, and rows beside the grid
INSERT INTO gap_order SELECT t, t, 'h' || h, nullif(h % 3, 2), md5(m::text) FROM generate_series(-10, 130) m, generate_series(0, 8) h, LATERAL (SELECT timestamptz '2024-01-01' + m * interval '1 min' AS t) x WHERE (m + h) % 7 <> 0;
SELECT c, m, gap_order_differs(c, m) FROM unnest('{time,t2}'::text[]) c, unnest('{64kB,4MB}'::text[]) m ORDER BY 1, 2;
INSERT INTO gap_order SELECT timestamptz '2024-01-01' + m * interval '1 min', NULL, 'h' || m % 5, 1, 'null' FROM generate_series(0, 59) m;
INSERT INTO gap_order VALUES ('2024-01-01', 'infinity', 'h1', 1, 'i'), ('2024-01-01', '-infinity', 'h2', 1, 'i');
SELECT c, m, gap_order_differs(c, m) FROM unnest('{time,t2}'::text[]) c, unnest('{64kB,4MB}'::text[]) m ORDER BY 1, 2;
-- by time first, as a heap has them: no stretches
RESET tsdb_am.direct_load_rows;
CREATE TABLE gap_order_heap USING heap AS SELECT * FROM gap_order ORDER BY time, md5(host);
DROP TABLE gap_order;
ALTER TABLE gap_order_heap RENAME TO gap_order;
SELECT c, m, gap_order_differs(c, m) FROM unnest('{time,t2}'::text[]) c, unnest('{64kB,4MB}'::text[]) m ORDER BY 1, 2;
DROP TABLE gap_order;

--
-- Plans
--
EXPLAIN (COSTS OFF) SELECT time_bucket_gapfill('1 hour', time) AS b, host, locf(avg(x)) FROM gap_src WHERE time >= '2024-03-30' AND time < '2024-03-31' GROUP BY 1, 2 ORDER BY 1;
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
ALTER TABLE gap_src SET (parallel_workers = 2);
SET enable_sort = off;
EXPLAIN (COSTS OFF) SELECT time_bucket_gapfill('1 hour', time) AS b, host, locf(avg(x)) FROM gap_src WHERE time >= '2024-03-30' AND time < '2024-03-31' GROUP BY 1, 2;
RESET enable_sort;
SELECT z, (gap_compare('10 min', z, 'gap_src')).* FROM unnest('{NULL,Europe/Berlin}'::text[]) z;
SET enable_hashagg = off;
SELECT (gap_compare('10 min', NULL, 'gap_src')).*;

--
-- Errors
--
SELECT e, raises(format('SELECT %s', e)) FROM unnest(ARRAY[
	'time_bucket_gapfill(1, v) FROM (VALUES (1)) r(v) GROUP BY 1', 'time_bucket_gapfill(1, v) FROM (VALUES (1)) r(v) WHERE v > 0 GROUP BY 1', 'time_bucket_gapfill(1, v, 0) FROM (VALUES (1)) r(v) GROUP BY 1',
	'time_bucket_gapfill(1, v + 1) FROM (VALUES (1)) r(v) WHERE v > 0 AND v < 5 GROUP BY 1', 'time_bucket_gapfill(1, v) FROM (VALUES (1)) r(v) WHERE v > 0 OR v < 5 GROUP BY 1',
	'time_bucket_gapfill(1, v) FROM (VALUES (1, 1)) r(v, w) WHERE v > 0 AND v < w GROUP BY 1', 'time_bucket_gapfill(1, v, w, 5) FROM (VALUES (1, 1)) r(v, w) GROUP BY 1, w', 'time_bucket_gapfill(v, v, 1, 5) FROM (VALUES (1, 1)) r(v, w) GROUP BY 1',
	'time_bucket_gapfill(1, 1, 0, 5)', 'time_bucket_gapfill(1, v, 0, 5) FROM (VALUES (1)) r(v)', 'time_bucket_gapfill(1, v, 0, 5) + 1 FROM (VALUES (1)) r(v) GROUP BY 1', 'v FROM (VALUES (1)) r(v) WHERE time_bucket_gapfill(1, v, 0, 5) > 1',
	'time_bucket_gapfill(1, v, 0, 5), time_bucket_gapfill(2, v, 0, 5) FROM (VALUES (1)) r(v) GROUP BY 1, 2', 'time_bucket_gapfill(1, v, 0, 5), count(*) FROM (VALUES (1)) r(v) GROUP BY ROLLUP (1)',
	'time_bucket_gapfill(1, v, 0, 5), generate_series(1, 2) FROM (VALUES (1)) r(v) GROUP BY 1', 'time_bucket_gapfill(1, v, 0, 5), (SELECT 1) FROM (VALUES (1)) r(v) GROUP BY 1', 'time_bucket_gapfill(1, v, 0, 5), w::text FROM (VALUES (1, ''17''::xid)) r(v, w) GROUP BY 1, w',
	'time_bucket_gapfill(0, v, 0, 5) FROM (VALUES (1)) r(v) GROUP BY 1', 'time_bucket_gapfill(-1, v, 0, 5) FROM (VALUES (1)) r(v) WHERE false GROUP BY 1', 'time_bucket_gapfill(NULL, v, 0, 5) FROM (VALUES (1)) r(v) GROUP BY 1',
	'time_bucket_gapfill(''1 month 1 day'', time, start => ''2024-01-01'', finish => ''2024-02-01'') FROM readings GROUP BY 1', 'time_bucket_gapfill(''1 day'', time, start => ''-infinity'', finish => ''2024-02-01'') FROM readings GROUP BY 1', 'time_bucket_gapfill(''1 day'', time) FROM readings WHERE time > NULL::timestamptz AND time < now() GROUP BY 1',
	'time_bucket_gapfill(''1 day'', time, ''Mars/Base'', ''2024-01-01'', ''2024-02-01'') FROM readings GROUP BY 1', 'time_bucket_gapfill(9223372036854775807, v, -9223372036854775808, 5) FROM (VALUES (1::bigint)) r(v) GROUP BY 1',
	'locf(1)', 'interpolate(1)', 'locf(v) FROM (VALUES (1)) r(v)', 'time_bucket_gapfill(1, v, 0, 5), locf(locf(max(v))) FROM (VALUES (1)) r(v) GROUP BY 1', 'time_bucket_gapfill(1, v, 0, 5), count(*) FROM (VALUES (1)) r(v) GROUP BY 1 HAVING locf(max(v)) > 1',
	'time_bucket_gapfill(1, v, 0, 5), interpolate(max(v), (1, 2, 3)) FROM (VALUES (1)) r(v) GROUP BY 1', 'time_bucket_gapfill(1, v, 0, 5), interpolate(max(v), (''x''::text, 2)) FROM (VALUES (1)) r(v) GROUP BY 1', 'time_bucket_gapfill(1, v, 0, 5), locf(max(v), 1, bool_or(v > 1)) FROM (VALUES (1)) r(v) GROUP BY 1']) e;
CREATE FUNCTION gap_inlined() RETURNS SETOF int LANGUAGE sql STABLE AS $$ SELECT time_bucket_gapfill(1, v, 0, 3) FROM (VALUES (1)) r(v) GROUP BY 1 $$;
SELECT raises('SELECT * FROM gap_inlined()');

-- buckets of which a part comes again when clocks are set back, behind later ones: each once, whatever the width
SET timezone = 'UTC';
SELECT zone, width, count(*) AS days, sum(buckets), bool_and(same) AS same
  FROM unnest('{Europe/Berlin,Australia/Lord_Howe,America/New_York}'::text[]) zone, unnest('{7 minutes,11 minutes,45 minutes,50 minutes,2 hours}'::interval[]) width,
	   unnest('{2024-10-27 00:00+00,2024-04-06 14:00+00,2024-11-03 05:00+00,2024-10-05 15:00+00}'::timestamptz[]) change,
	   LATERAL (SELECT change - interval '5 hours' AS a, change + interval '5 hours' AS z) r,
	   LATERAL (SELECT count(*) AS buckets, array_agg(b ORDER BY b) = (SELECT array_agg(DISTINCT time_bucket(width, t, zone))
							FROM generate_series(r.a, r.z - interval '1 minute', '1 minute') t) AS same
				  FROM (SELECT time_bucket_gapfill(width, t, timezone => zone, start => r.a, finish => r.z) AS b FROM (SELECT r.a AS t) x GROUP BY 1) g) g
 GROUP BY 1, 2 ORDER BY 1, 2;
