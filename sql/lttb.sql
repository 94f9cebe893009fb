-- lttb against the paper's algorithm in PL/pgSQL.  Likely bugs: the bounds of buckets, few points, rows that do not come in order of
-- time, equal times.

SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET extra_float_digits = 0;

--
-- The example of doc/functions.md
--
SELECT time, value FROM unnest((SELECT lttb(t, CASE WHEN t = '2024-02-03 07:00+00' THEN 50 ELSE extract(hour FROM t) % 3 END, 5)
	FROM generate_series(timestamptz '2024-02-03 00:00+00', '2024-02-03 12:00+00', '1 hour') t));

--
-- Against the paper, section 4.2, bounds of buckets in whole numbers: times and values of whole numbers that are near each other, so that no two triangles are nearly equal by rounding alone
--
CREATE FUNCTION lttb_plain(ts float8[], vs float8[], n int) RETURNS int[] LANGUAGE plpgsql AS $$
DECLARE
	len int := cardinality(ts);
	taken int := 0;			-- numbered from 0, as in the paper
	result int[] := '{0}';
	mean_t float8;
	mean_v float8;
	area float8;
	best float8;
	best_j int;
BEGIN
	IF n >= len THEN
		RETURN (SELECT array_agg(i) FROM generate_series(0, len - 1) i);
	END IF;
	FOR i IN 0 .. n - 3 LOOP
		SELECT avg(ts[j + 1]), avg(vs[j + 1]) INTO mean_t, mean_v
		  FROM generate_series(((i + 1) * (len - 2) / (n - 2)) + 1, least(((i + 2) * (len - 2) / (n - 2)) + 1, len) - 1) j;
		best := -1;
		FOR j IN (i * (len - 2) / (n - 2)) + 1 .. ((i + 1) * (len - 2) / (n - 2)) LOOP
			area := abs((ts[taken + 1] - mean_t) * (vs[j + 1] - vs[taken + 1]) - (ts[taken + 1] - ts[j + 1]) * (mean_v - vs[taken + 1]));
			IF area > best THEN
				best := area;
				best_j := j;
			END IF;
		END LOOP;
		taken := best_j;
		result := result || taken;
	END LOOP;
	RETURN result || len - 1;
END $$;
CREATE TABLE lttb_src AS SELECT g, i, timestamptz '2024-10-26 22:00+00' + (i * 60 + i * i % 7) * interval '1 s' AS t, (hashint4(i * 1000 + g) % 1000 + 30 * i % 5000)::float8 AS v FROM generate_series(1, 5) g, generate_series(0, 60 * g * g + g) i;
CREATE FUNCTION lttb_compare(source text, OUT compared bigint, OUT different bigint) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SELECT count(*), count(*) FILTER (WHERE a IS DISTINCT FROM b)
		  FROM (SELECT g, n, (SELECT array_agg(extract(epoch FROM time) || '':'' || value ORDER BY o) FROM unnest(l) WITH ORDINALITY u(time, value, o)) AS a FROM (SELECT g, n, lttb(t, v, n) AS l FROM %s s, unnest(''{2,3,4,7,10,34,61,62,63,200,2000}''::int[]) n GROUP BY g, n) x) x
		  FULL JOIN (SELECT g, n, (SELECT array_agg(extract(epoch FROM ts[i + 1]) || '':'' || vs[i + 1] ORDER BY o) FROM unnest(lttb_plain(xs, vs, n)) WITH ORDINALITY u(i, o)) AS b
				  FROM (SELECT g, array_agg(t ORDER BY t) AS ts, array_agg(extract(epoch FROM t - timestamptz ''2024-10-26 22:00+00'')::float8 ORDER BY t) AS xs, array_agg(v ORDER BY t) AS vs FROM lttb_src GROUP BY g) y, unnest(''{2,3,4,7,10,34,61,62,63,200,2000}''::int[]) n) y USING (g, n)', source) INTO compared, different;
END $$;
SELECT * FROM lttb_compare('lttb_src');
SELECT * FROM lttb_compare('(SELECT * FROM lttb_src ORDER BY t DESC)');
SELECT * FROM lttb_compare('(SELECT * FROM lttb_src UNION ALL SELECT g, i, t, v - 5 FROM lttb_src WHERE i % 3 = 0 UNION ALL SELECT 1, 1, NULL, 1 UNION ALL SELECT 1, 1, ''infinity'', 1 UNION ALL SELECT 2, 2, ''2000-01-01'', NULL)');
CREATE TABLE lttb_tsdb (g int, i int, t timestamptz, v float8) USING tsdb WITH (segmentby = 'g', orderby = 't');
INSERT INTO lttb_tsdb SELECT * FROM lttb_src;
SELECT tsdb.compress('lttb_tsdb') >= 0 AS compressed;
SELECT * FROM lttb_compare('lttb_tsdb');
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
ALTER TABLE lttb_src SET (parallel_workers = 2);
EXPLAIN (COSTS OFF) SELECT lttb(t, v, 20) FROM lttb_src;
SELECT * FROM lttb_compare('lttb_src');

-- few points, none, values that are no numbers, the ends of time
SELECT lttb(t, v, 5) FROM (VALUES (timestamptz '2024-01-01', 1)) r(t, v);
SELECT lttb(t, v, 5) IS NULL AS nothing FROM (VALUES (timestamptz '2024-01-01', NULL::float8), (NULL, 1), ('infinity', 1)) r(t, v);
SELECT lttb(t, v, 3) FROM (VALUES (timestamptz '2024-01-01', 1::float8), ('2024-01-02', 'NaN'), ('2024-01-03', 'infinity'), ('2024-01-04', 7), ('2024-01-05', 1)) r(t, v);
SELECT lttb(t, v, 3) FROM (VALUES (timestamptz '4713-11-24 00:00 BC', 1), ('2024-01-02', 5), ('2024-01-03', 2), ('294276-12-31', 1)) r(t, v);
-- as a window function: the state is used again
SELECT sum(cardinality(l)) FROM (SELECT lttb(t, v, 5) OVER (PARTITION BY g ORDER BY t) AS l FROM lttb_src) s;
-- errors
SELECT e, raises(format('SELECT lttb(%s) FROM (VALUES (timestamptz ''epoch'', 1), (''2000-01-01'', 5)) r(t, v)', e)) FROM unnest('{"t, v, 1","t, v, -1","t, v, NULL","t, v, v + 2"}'::text[]) e;
