-- As-of joins: TsdbAsof against core's LATERAL on heap.  Likely bugs: a row taken from another key, one too early or too late, a match that is lost where
-- the next key begins, NULL that matches, a tie that is broken another way, conditions tested before instead of after the last row is chosen (or the
-- other way round), outer joins that lose rows, values that are overwritten while they are read, state that outlives a rescan.

SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';
SET max_parallel_workers_per_gather = 0;
-- (plans without nested loops seem dear on heap)
SET jit = off;

--
-- The example of doc/functions.md
--
CREATE TABLE trades (time timestamptz NOT NULL, symbol text, price numeric) USING tsdb WITH (segmentby = 'symbol', orderby = 'time');
CREATE TABLE quotes (time timestamptz NOT NULL, symbol text, bid numeric, ask numeric) USING tsdb WITH (segmentby = 'symbol', orderby = 'time');
INSERT INTO trades VALUES ('2024-02-03 10:00:05+00', 'A', 10.2), ('2024-02-03 10:00:09+00', 'A', 10.4), ('2024-02-03 10:00:09+00', 'B', 7.1), ('2024-02-03 10:00:00+00', 'B', 7);
INSERT INTO quotes VALUES ('2024-02-03 10:00:01+00', 'A', 10.1, 10.3), ('2024-02-03 10:00:05+00', 'A', 10.2, 10.3), ('2024-02-03 10:00:08+00', 'B', 7, 7.2), ('2024-02-03 10:00:10+00', 'A', 10, 10.6);
SELECT t.time, t.symbol, t.price, q.bid, q.ask
  FROM trades t
  LEFT JOIN LATERAL (SELECT bid, ask FROM quotes q
					  WHERE q.symbol = t.symbol AND q.time <= t.time AND q.time > t.time - interval '1 minute'
					  ORDER BY q.time DESC LIMIT 1) q ON true
  ORDER BY symbol, time;

SET enable_nestloop = off;
-- (the scans below it are another test's)
CREATE FUNCTION asof_plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	off int;
	this int;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		this := length(substring(line from '^ *'));
		IF line LIKE '%TsdbAsof%' THEN off := this; line := ltrim(line, ' ->'); RETURN NEXT line;
		ELSIF off IS NOT NULL AND line !~ '->' THEN RETURN NEXT '  ' || ltrim(line);
		ELSIF off IS NOT NULL THEN EXIT;
		END IF;
	END LOOP;
END $$;
SELECT asof_plan($$SELECT t.time, t.symbol, t.price, q.bid, q.ask
  FROM trades t
  LEFT JOIN LATERAL (SELECT bid, ask FROM quotes q
					  WHERE q.symbol = t.symbol AND q.time <= t.time AND q.time > t.time - interval '1 minute'
					  ORDER BY q.time DESC LIMIT 1) q ON true
  ORDER BY symbol, time$$);
SELECT t.time, t.symbol, t.price, q.bid, q.ask
  FROM trades t
  LEFT JOIN LATERAL (SELECT bid, ask FROM quotes q
					  WHERE q.symbol = t.symbol AND q.time <= t.time AND q.time > t.time - interval '1 minute'
					  ORDER BY q.time DESC LIMIT 1) q ON true
  ORDER BY symbol, time;

--
-- Tables with everything in them, and the same on heap.  t may be NULL; times of a repeat in b
--
CREATE TABLE asof_src (id int, t timestamptz, d date, k int, kb bigint, s text COLLATE "C", n numeric, v int);
CREATE FUNCTION scatter(i int, salt int, n int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT (((i * 2654435761 + salt * 40503) # (i * 97)) >> 7)::bigint % n';
INSERT INTO asof_src
SELECT i, CASE WHEN i % 41 = 0 THEN NULL WHEN i % 43 = 0 THEN 'infinity' WHEN i % 47 = 0 THEN '-infinity' ELSE timestamptz '2024-03-01+00' + scatter(i, 1, 300) * interval '7 min' END,
	   CASE WHEN i % 37 = 0 THEN NULL ELSE date '2024-02-28' + scatter(i, 2, 7) END,
	   CASE WHEN i % 31 = 0 THEN NULL ELSE scatter(i, 3, 5) END, scatter(i, 4, 5),
	   CASE WHEN i % 29 = 0 THEN NULL ELSE (ARRAY['x', 'X', 'y', 'xy', ''])[1 + scatter(i, 5, 5)] END,
	   CASE WHEN i % 23 = 0 THEN NULL ELSE (ARRAY[1, 1.0, 1.00, 2, 'NaN'])[1 + scatter(i, 6, 5)] END,
	   CASE WHEN i % 19 = 0 THEN NULL ELSE scatter(i, 7, 21) END
  FROM generate_series(1, 700) i;

CREATE TABLE h_a (id int, t timestamptz, d date, k int, s text, n numeric, v int);
CREATE TABLE h_b (t timestamptz, k bigint, id int, d date, s varchar(10), n numeric, v int, note text);
CREATE TABLE t_a (id int, t timestamptz, d date, k int, s text, n numeric, v int) USING tsdb WITH (segmentby = 's, k', orderby = 't');
CREATE TABLE t_b (t timestamptz, k bigint, id int, d date, s varchar(10), n numeric, v int, note text) USING tsdb WITH (segmentby = 'k, s', orderby = 't');
CREATE TABLE p_b (LIKE h_b) PARTITION BY RANGE (id);
CREATE TABLE p_b1 PARTITION OF p_b FOR VALUES FROM (MINVALUE) TO (350) USING tsdb WITH (segmentby = 's', orderby = 't');
CREATE TABLE p_b2 PARTITION OF p_b FOR VALUES FROM (350) TO (500) USING tsdb;
CREATE TABLE p_b3 PARTITION OF p_b FOR VALUES FROM (500) TO (MAXVALUE) USING heap;
CREATE INDEX ON h_b (k, s, t);

INSERT INTO h_a SELECT id, t, d, k, s, n, v FROM asof_src WHERE id <= 200;
INSERT INTO h_b SELECT t, kb, id, d, s, n, v, repeat(s, v * 40) FROM asof_src WHERE id > 200;
INSERT INTO h_b SELECT t, k, id + 2000, d, s, n, v + 1, note FROM h_b WHERE id % 9 = 0;
-- chunks, rows that were changed, rows of the row store
INSERT INTO t_a SELECT * FROM h_a WHERE id <= 150;
SELECT tsdb.compress('t_a') >= 0;
INSERT INTO t_a SELECT * FROM h_a WHERE id > 150;
INSERT INTO t_b SELECT t, k, id, d, s, n, 100, note FROM h_b WHERE id <= 600;
INSERT INTO t_b SELECT t, k, -id, d, s, n, 100, note FROM h_b WHERE id <= 400;
SELECT tsdb.compress('t_b') >= 0;
DELETE FROM t_b WHERE id < 0;
UPDATE t_b b SET v = h.v FROM h_b h WHERE h.id = b.id;
INSERT INTO t_b SELECT * FROM h_b WHERE id > 600;
INSERT INTO p_b SELECT * FROM h_b;
SELECT tsdb.compress('p_b1') >= 0, tsdb.compress('p_b2') >= 0;
ANALYZE h_a, h_b, t_a, t_b, p_b;
SELECT count(*) FROM (TABLE h_b EXCEPT ALL TABLE t_b) x UNION ALL SELECT count(*) FROM (TABLE t_b EXCEPT ALL TABLE h_b) x
 UNION ALL SELECT count(*) FROM (TABLE h_a EXCEPT ALL TABLE t_a) x UNION ALL SELECT count(*) FROM (TABLE p_b EXCEPT ALL TABLE h_b) x;

-- Is the query run by our node?
CREATE FUNCTION runs_asof(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		IF line LIKE '%TsdbAsof%' THEN RETURN true; END IF;
	END LOOP;
	RETURN false;
END $$;

-- {a} and {b} stand for tables.  On heap there is core's plan only.
CREATE FUNCTION asof_compare(query text, a text DEFAULT 't_a', b text DEFAULT 't_b', OUT asof boolean, OUT nrows bigint, OUT different bigint) LANGUAGE plpgsql AS $$
DECLARE
	heap text := replace(replace(query, '{a}', 'h_a'), '{b}', 'h_b');
	ours text := replace(replace(query, '{a}', a), '{b}', b);
BEGIN
	asof := runs_asof(ours);
	EXECUTE format('WITH h AS MATERIALIZED (%1$s), o AS MATERIALIZED (%2$s)
		SELECT (SELECT count(*) FROM h), (SELECT count(*) FROM (TABLE h EXCEPT ALL TABLE o) x) + (SELECT count(*) FROM (TABLE o EXCEPT ALL TABLE h) x)', heap, ours)
	   INTO nrows, different;
END $$;

--
-- Queries that are recognised
--
CREATE TABLE asof_yes (no serial, query text);
INSERT INTO asof_yes (query) VALUES
	-- backward and forward, strict and not, LEFT and INNER; ties are broken by id, where not the time alone is asked for
	('SELECT a.id, l.id AS l FROM {a} a LEFT JOIN LATERAL (SELECT b.id FROM {b} b WHERE b.k = a.k AND b.t <= a.t ORDER BY b.t DESC, b.id LIMIT 1) l ON true'),
	('SELECT a.id, l.id AS l FROM {a} a JOIN LATERAL (SELECT b.id FROM {b} b WHERE b.k = a.k AND b.t < a.t ORDER BY b.t DESC, b.id DESC LIMIT 1) l ON true'),
	('SELECT a.id, l.id AS l FROM {a} a LEFT JOIN LATERAL (SELECT b.id FROM {b} b WHERE b.k = a.k AND b.t >= a.t ORDER BY b.t, b.id LIMIT 1) l ON true'),
	('SELECT a.id, l.id AS l FROM {a} a CROSS JOIN LATERAL (SELECT b.id FROM {b} b WHERE a.k = b.k AND a.t < b.t ORDER BY b.t, b.id DESC LIMIT 1) l'),
	('SELECT a.id, l.* FROM {a} a, LATERAL (SELECT b.t, a.t = b.t AS now FROM {b} b WHERE b.s = a.s AND a.t >= b.t ORDER BY b.t DESC LIMIT 1) l'),
	-- no key, several, of other types; ORDER BY with keys
	('SELECT a.id, l.t, l.id AS l FROM {a} a LEFT JOIN LATERAL (SELECT b.id, b.t FROM {b} b WHERE b.t <= a.t ORDER BY b.t DESC NULLS LAST, b.id DESC NULLS LAST LIMIT 1) l ON true'),
	('SELECT a.id, l.t, l.id AS l FROM {a} a LEFT JOIN LATERAL (SELECT b.id, b.t FROM {b} b WHERE b.n = a.n AND b.s = a.s AND b.k = a.k AND b.t <= a.t ORDER BY b.k, b.s, b.t DESC, b.id LIMIT 1) l ON true'),
	('SELECT a.id, l.n::text, l.id AS l FROM {a} a LEFT JOIN LATERAL (SELECT b.id, b.n FROM {b} b WHERE b.n = a.n AND b.t < a.t ORDER BY b.t DESC, b.id LIMIT 1) l ON true'),
	('SELECT a.id, l.id AS l FROM {a} a LEFT JOIN LATERAL (SELECT b.id FROM {b} b WHERE lower(b.s) = lower(a.s) AND b.k = a.k + 1 AND b.t <= a.t ORDER BY b.t DESC, b.id LIMIT 1) l ON true'),
	-- other types of time: dates with timestamps, text, numbers, expressions
	('SELECT a.id, l.id AS l, l.d FROM {a} a LEFT JOIN LATERAL (SELECT b.id, b.d FROM {b} b WHERE b.k = a.k AND b.d <= a.t ORDER BY b.d DESC, b.id LIMIT 1) l ON true'),
	('SELECT a.id, l.id AS l, l.t FROM {a} a LEFT JOIN LATERAL (SELECT b.id, b.t FROM {b} b WHERE b.k = a.k AND b.t >= a.d ORDER BY b.t, b.id LIMIT 1) l ON true'),
	('SELECT a.id, l.id AS l, l.s FROM {a} a LEFT JOIN LATERAL (SELECT b.id, b.s FROM {b} b WHERE b.k = a.k AND b.s < a.s ORDER BY b.s DESC, b.id LIMIT 1) l ON true'),
	('SELECT a.id, l.id AS l, l.n::text FROM {a} a LEFT JOIN LATERAL (SELECT b.id, b.n FROM {b} b WHERE b.k = a.v AND b.n <= a.n ORDER BY b.n DESC, b.id LIMIT 1) l ON true'),
	('SELECT a.id, l.id AS l FROM {a} a LEFT JOIN LATERAL (SELECT b.id FROM {b} b WHERE b.k = a.k AND b.v % 7 <= a.v ORDER BY b.v % 7 DESC, b.id LIMIT 1) l ON true'),
	('SELECT a.id, l.id AS l FROM {a} a LEFT JOIN LATERAL (SELECT b.id FROM {b} b WHERE b.k = a.k AND b.t <= a.t - interval ''1 hour'' ORDER BY b.t DESC, b.id LIMIT 1) l ON true'),
	-- tolerance; conditions on a alone; bounds by constants
	('SELECT a.id, l.id AS l FROM {a} a LEFT JOIN LATERAL (SELECT b.id FROM {b} b WHERE b.k = a.k AND b.t <= a.t AND b.t > a.t - interval ''40 min'' ORDER BY b.t DESC, b.id LIMIT 1) l ON true'),
	('SELECT a.id, l.id AS l FROM {a} a JOIN LATERAL (SELECT b.id FROM {b} b WHERE b.k = a.k AND b.t BETWEEN a.t AND a.t + a.v * interval ''1 min'' AND b.v > 5 ORDER BY b.t, b.id LIMIT 1) l ON true'),
	('SELECT a.id, l.id AS l FROM {a} a LEFT JOIN LATERAL (SELECT b.id FROM {b} b WHERE b.k = a.k AND b.t <= a.t AND a.v > 10 AND b.t >= ''2024-03-01 12:00+00'' ORDER BY b.t DESC, b.id LIMIT 1) l ON true'),
	('SELECT a.id, l.id AS l FROM {a} a LEFT JOIN LATERAL (SELECT b.id FROM {b} b WHERE b.k = a.k AND b.t <= a.t ORDER BY b.t DESC, b.id LIMIT 1) l ON true WHERE a.t < ''2024-03-01 12:00+00'' AND a.k IN (1, 3)'),
	('SELECT a.id, l.id AS l FROM {a} a LEFT JOIN LATERAL (SELECT b.id FROM {b} b WHERE b.k = a.k AND b.t > a.t ORDER BY b.t, b.id LIMIT 1) l ON true WHERE a.t = ''2024-03-01 12:02+00'' OR a.t BETWEEN ''2024-03-01'' AND ''2024-03-01 09:00+00'''),
	('SELECT a.id, l.id AS l FROM {a} a LEFT JOIN LATERAL (SELECT b.id FROM {b} b WHERE b.k = a.k AND b.s = a.s AND b.t >= a.t ORDER BY b.t, b.id LIMIT 1) l ON true WHERE 2 <= a.k AND a.s = ''x'' AND a.t > ''2024-03-01 12:00+00'''),
	('SELECT a.id, l.id AS l FROM {a} a LEFT JOIN LATERAL (SELECT b.id FROM {b} b WHERE b.k = a.k AND b.t <= a.t AND b.t > a.t - interval ''40 min'' ORDER BY b.t DESC, b.id LIMIT 1) l ON true WHERE a.t > ''2024-03-01 12:00+00'''),
	('SELECT a.id, l.id AS l FROM {a} a JOIN LATERAL (SELECT b.id FROM {b} b WHERE b.k = a.k AND b.t > a.t AND a.t + interval ''1:10'' >= b.t ORDER BY b.t, b.id LIMIT 1) l ON true WHERE ''2024-03-01 12:00+00'' >= a.t'),
	-- conditions on the row that was chosen, on both, on the join
	('SELECT a.id, l.id AS l FROM {a} a LEFT JOIN LATERAL (SELECT b.id, b.v FROM {b} b WHERE b.k = a.k AND b.t <= a.t ORDER BY b.t DESC, b.id LIMIT 1) l ON l.v > 10'),
	('SELECT a.id, l.id AS l FROM {a} a LEFT JOIN LATERAL (SELECT b.id, b.v FROM {b} b WHERE b.k = a.k AND b.t <= a.t ORDER BY b.t DESC, b.id LIMIT 1) l ON l.v > a.v AND a.v < 15 WHERE l.id IS NULL OR l.id > 400'),
	('SELECT a.id, l.id AS l FROM {a} a JOIN LATERAL (SELECT b.id, b.v + a.v AS w FROM {b} b WHERE b.k = a.k AND b.t <= a.t ORDER BY b.t DESC, b.id LIMIT 1) l ON l.w % 2 = 0 WHERE l.id % 3 > 0'),
	('SELECT a.id FROM {a} a LEFT JOIN LATERAL (SELECT b.id FROM {b} b WHERE b.k = a.k AND b.s = a.s AND b.t <= a.t ORDER BY b.t DESC, b.id LIMIT 1) l ON true WHERE l.id IS NULL'),
	-- columns: long ones, expressions, constants, whole rows, system columns, none
	('SELECT a.id, l.note, l.w, l.c FROM {a} a LEFT JOIN LATERAL (SELECT b.note, upper(a.s || b.note) AS w, 7 AS c FROM {b} b WHERE b.s = a.s AND b.t <= a.t ORDER BY b.t DESC, b.id LIMIT 1) l ON true'),
	('SELECT a.id, l AS row FROM {a} a LEFT JOIN LATERAL (SELECT b.id, b.t, b.s, a.v FROM {b} b WHERE b.k = a.k AND b.t <= a.t ORDER BY b.t DESC, b.id LIMIT 1) l ON true'),
	('SELECT a.id, (l.b).note, l.b IS NULL AS no FROM {a} a LEFT JOIN LATERAL (SELECT row(b.*)::h_b AS b FROM {b} b WHERE b.k = a.k AND b.t <= a.t ORDER BY b.t DESC, b.id LIMIT 1) l ON true'),
	('SELECT a.id FROM {a} a JOIN LATERAL (SELECT FROM {b} b WHERE b.k = a.k AND b.t <= a.t ORDER BY b.t DESC, b.id LIMIT 1) l ON true'),
	('SELECT a.id, l.no FROM {a} a LEFT JOIN LATERAL (SELECT b.tableoid IS NULL AS no FROM {b} b WHERE b.k = a.k AND b.t <= a.t ORDER BY b.t DESC, b.id LIMIT 1) l ON true'),
	-- what is in the subquery, around it, beside it
	('SELECT a.id, l.id AS l, l.c FROM {a} a LEFT JOIN LATERAL (SELECT b.id, c.v AS c FROM {b} b JOIN h_a c ON c.id = b.v WHERE b.k = a.k AND b.t <= a.t ORDER BY b.t DESC, b.id LIMIT 1) l ON true'),
	('SELECT a.id, l.id AS l FROM {a} a LEFT JOIN LATERAL (SELECT b.id FROM (SELECT * FROM {b} WHERE v > 3) b WHERE b.k = a.k AND b.t <= a.t ORDER BY b.t DESC, b.id LIMIT 1) l ON true'),
	('SELECT a.id, l.id AS l FROM {a} a LEFT JOIN LATERAL (SELECT b.id FROM (SELECT k, t, max(id) AS id FROM {b} GROUP BY k, t) b WHERE b.k = a.k AND b.t <= a.t ORDER BY b.t DESC LIMIT 1) l ON true'),
	('SELECT a.id, l.id AS l FROM {a} a LEFT JOIN LATERAL (SELECT b.id FROM {b} b WHERE b.k = a.k AND b.t <= a.t AND b.v IN (SELECT v FROM h_a WHERE id < 50) ORDER BY b.t DESC, b.id LIMIT 1) l ON true'),
	('SELECT a.id, a.o, l.id AS l FROM (SELECT a.*, o.v AS o FROM {a} a LEFT JOIN h_a o ON o.id = a.v) a LEFT JOIN LATERAL (SELECT b.id FROM {b} b WHERE b.k = a.k AND b.v = a.o AND b.t <= a.t ORDER BY b.t DESC, b.id LIMIT 1) l ON true'),
	('SELECT a.id, l.id AS l FROM (SELECT id, coalesce(k, 2) AS k, t + interval ''1 min'' AS t FROM {a}) a LEFT JOIN LATERAL (SELECT b.id FROM {b} b WHERE b.k = a.k AND b.t <= a.t ORDER BY b.t DESC, b.id LIMIT 1) l ON true'),
	('SELECT o.id , a.k, a.five, l.id AS l FROM h_a o LEFT JOIN (SELECT k, t, id + 1 AS id, 5 AS five FROM {a}) a ON o.id = a.id LEFT JOIN LATERAL (SELECT b.id FROM {b} b WHERE b.k = a.k AND b.t <= a.t ORDER BY b.t DESC, b.id LIMIT 1) l ON true'),
	('SELECT o.id, l.id AS l, l.five FROM {a} o LEFT JOIN LATERAL (SELECT x.id, 5 AS five FROM (SELECT b.id FROM {b} b WHERE b.k = o.k AND b.t <= o.t ORDER BY b.t DESC, b.id LIMIT 1) x) l ON true'),
	('SELECT o.id, l.id AS l, l.five FROM {a} o LEFT JOIN LATERAL (SELECT x.id, 5 AS five, x.v + 1 AS w FROM (SELECT b.id, b.v FROM {b} b WHERE b.k = o.k AND b.t <= o.t ORDER BY b.t DESC, b.id LIMIT 1) x) l ON l.five < o.v AND l.w > 5'),
	('SELECT row(a.*)::h_a AS a, a.id + l.v AS w, l.id AS l FROM {a} a LEFT JOIN LATERAL (SELECT b.*, a.v AS x FROM {b} b WHERE b.k = a.k AND b.t <= a.t ORDER BY b.t DESC, b.id LIMIT 1) l ON true'),
	('SELECT o.id, l.id AS l, p.id AS p FROM {a} o LEFT JOIN LATERAL (SELECT b.id, b.t FROM {b} b WHERE b.k = o.k AND b.t < o.t ORDER BY b.t DESC, b.id LIMIT 1) l ON true
		LEFT JOIN LATERAL (SELECT b.id FROM {b} b WHERE b.k = o.k AND b.t < l.t ORDER BY b.t DESC, b.id LIMIT 1) p ON true'),
	('SELECT k, count(*), count(l.id), sum(l.v) FROM {a} a LEFT JOIN LATERAL (SELECT b.id, b.v FROM {b} b WHERE b.k = a.k AND b.t <= a.t ORDER BY b.t DESC, b.id LIMIT 1) l ON true GROUP BY k'),
	('WITH w AS (SELECT a.id, l.id AS l FROM {a} a LEFT JOIN LATERAL (SELECT b.id FROM {b} b WHERE b.k = a.k AND b.t <= a.t ORDER BY b.t DESC, b.id LIMIT 1) l ON true) SELECT x.id, y.l FROM w x JOIN w y ON x.id = y.id + 1'),
	('SELECT a.id, l.id AS l FROM {a} a JOIN {a} c USING (id) LEFT JOIN LATERAL (SELECT b.id FROM {b} b WHERE b.k = a.k AND b.s = c.s AND b.t <= c.t ORDER BY b.t DESC, b.id LIMIT 1) l ON true'),
	('SELECT o.v, (SELECT sum(l.id) FROM {a} a JOIN LATERAL (SELECT b.id FROM {b} b WHERE b.k = a.k AND b.v > o.v AND b.t <= a.t ORDER BY b.t DESC, b.id LIMIT 1) l ON true WHERE a.k <> o.v) FROM (VALUES (1), (2), (12)) o (v)'),
	('SELECT o.v, (SELECT sum(l.v) FROM {a} a JOIN LATERAL (SELECT b.id, b.v + o.v AS v FROM {b} b WHERE b.k = o.v AND b.s = a.s AND b.t <= a.t ORDER BY b.t DESC, b.id LIMIT 1) l ON l.v > o.v) FROM (VALUES (1), (2), (3)) o (v)'),
	('SELECT o.v, (SELECT sum(l.v) FROM {a} a JOIN LATERAL (SELECT b.v FROM {b} b WHERE b.k = a.k AND b.t <= a.t ORDER BY b.t DESC, b.id LIMIT 1) l ON true WHERE a.k = o.v AND a.t > ''2024-03-01 06:00+00'') FROM (VALUES (1), (2), (3)) o (v)'),
	('SELECT a.id, l.id AS l FROM {a} a LEFT JOIN LATERAL (SELECT b.id FROM {b} b WHERE b.k = a.k AND b.t <= a.t ORDER BY b.t DESC, b.id LIMIT 1) l ON true WHERE a.k = (SELECT max(k) FROM h_a) AND a.t < (SELECT max(t) FROM h_a WHERE t < ''2024-03-02'')'),
	('SELECT o.v, x.n, x.l FROM (VALUES (1), (2), (3)) o (v), LATERAL (SELECT count(*) AS n, sum(l.id) AS l FROM {a} a LEFT JOIN LATERAL (SELECT b.id FROM {b} b WHERE b.k = a.k AND b.t <= a.t ORDER BY b.t DESC, b.id LIMIT 1) l ON true WHERE a.k > o.v OFFSET 0) x');
SELECT a, b, count(*), count(*) FILTER (WHERE asof) AS asof, sum(nrows) > 0 AS rows, sum(different) AS different, array_agg(no ORDER BY no) FILTER (WHERE different <> 0 OR nrows = 0) AS wrong, array_agg(no ORDER BY no) FILTER (WHERE NOT asof) AS not_asof
  FROM asof_yes, (VALUES ('t_a', 't_b'), ('t_a', 'p_b'), ('h_a', 't_b')) v (a, b), LATERAL asof_compare(query, a, b) GROUP BY a, b ORDER BY a, b;

--
-- Queries that are not, and stay right
--
CREATE FUNCTION asof_volatile(int) RETURNS boolean LANGUAGE plpgsql VOLATILE AS 'BEGIN RETURN $1 > 0; END';
CREATE TABLE asof_no (no serial, query text);
INSERT INTO asof_no (query) VALUES
	('SELECT a.id, l.t FROM {a} a LEFT JOIN LATERAL (SELECT max(t) OVER () AS m, x.t FROM (SELECT b.t FROM {b} b WHERE b.k = a.k AND b.t <= a.t ORDER BY b.t DESC LIMIT 1) x) l ON true'),
	('SELECT o.id, a.k, l.id AS l FROM h_a o LEFT JOIN (SELECT k, t, id + 1 AS id, 5 AS five FROM {a}) a ON o.id = a.id LEFT JOIN LATERAL (SELECT b.id FROM {b} b WHERE b.k = a.k AND b.v > a.five AND b.t <= a.t ORDER BY b.t DESC, b.id LIMIT 1) l ON true'),
	('SELECT a.id, l.t FROM {a} a LEFT JOIN LATERAL (SELECT b.t FROM {b} b WHERE b.k = a.k AND b.t <= a.t ORDER BY b.t DESC LIMIT 2) l ON true'),
	('SELECT a.id, l.t FROM {a} a LEFT JOIN LATERAL (SELECT b.t FROM {b} b WHERE b.k = a.k AND b.t <= a.t ORDER BY b.t DESC LIMIT 1 OFFSET 1) l ON true'),
	('SELECT a.id, l.t FROM {a} a LEFT JOIN LATERAL (SELECT b.t FROM {b} b WHERE b.k = a.k AND b.t <= a.t ORDER BY b.t DESC FETCH FIRST 1 ROWS WITH TIES) l ON true'),
	('SELECT a.id, l.t FROM {a} a LEFT JOIN LATERAL (SELECT b.t FROM {b} b WHERE b.k = a.k AND b.t <= a.t ORDER BY b.t LIMIT 1) l ON true'),
	('SELECT a.id, l.t FROM {a} a LEFT JOIN LATERAL (SELECT DISTINCT b.t FROM {b} b WHERE b.k = a.k AND b.t <= a.t ORDER BY b.t DESC LIMIT 1) l ON true'),
	('SELECT a.id, l.t FROM {a} a LEFT JOIN LATERAL (SELECT max(b.t) AS t FROM {b} b WHERE b.k = a.k AND b.t <= a.t GROUP BY b.v ORDER BY 1 DESC LIMIT 1) l ON true'),
	('SELECT a.id, l.t FROM {a} a LEFT JOIN LATERAL (SELECT b.t, count(*) OVER () AS n FROM {b} b WHERE b.k = a.k AND b.t <= a.t ORDER BY b.t DESC LIMIT 1) l ON true'),
	('SELECT a.id, l.t FROM {a} a LEFT JOIN LATERAL (SELECT b.t FROM {b} b WHERE b.k = a.k AND b.t <= a.t AND b.v < a.v ORDER BY b.t DESC LIMIT 1) l ON true'),
	('SELECT a.id, l.t FROM {a} a LEFT JOIN LATERAL (SELECT b.t FROM {b} b WHERE b.k = a.k AND b.t <= a.t AND b.t <= a.d ORDER BY b.t DESC LIMIT 1) l ON true'),
	('SELECT a.id, l.t FROM {a} a LEFT JOIN LATERAL (SELECT b.t FROM {b} b WHERE b.k = a.k OR b.t <= a.t ORDER BY b.t DESC LIMIT 1) l ON true'),
	('SELECT a.id, l.t FROM {a} a LEFT JOIN LATERAL (SELECT b.t FROM {b} b WHERE b.k IS NOT DISTINCT FROM a.k AND b.t <= a.t ORDER BY b.t DESC LIMIT 1) l ON true'),
	('SELECT a.id, l.t FROM {a} a LEFT JOIN LATERAL (SELECT b.t FROM {b} b WHERE b.k = a.k AND b.t <= a.t AND asof_volatile(b.v) ORDER BY b.t DESC LIMIT 1) l ON true'),
	('SELECT a.id, l.t FROM {a} a LEFT JOIN LATERAL (SELECT b.t FROM {b} b WHERE b.k = a.k AND b.t <= a.t AND EXISTS (SELECT FROM h_a x WHERE x.id = a.id + 1) ORDER BY b.t DESC LIMIT 1) l ON true'),
	('SELECT a.id, l.t FROM {a} a LEFT JOIN LATERAL (SELECT b.t FROM {b} b JOIN h_a c ON c.id = b.v AND c.k = a.k WHERE b.t <= a.t ORDER BY b.t DESC LIMIT 1) l ON true'),
	('SELECT a.id, l.t FROM {a} a LEFT JOIN LATERAL (SELECT b.t FROM {b} b WHERE b.k = a.k AND b.s COLLATE "C" < a.s ORDER BY b.t DESC LIMIT 1) l ON true WHERE false'),
	('SELECT a.id, l.t FROM {a} a LEFT JOIN LATERAL (SELECT b.t FROM {b} b WHERE b.k = a.k AND b.t <= a.t ORDER BY b.t DESC LIMIT 1 FOR UPDATE) l ON true');
SELECT no, asof, different FROM asof_no, asof_compare(query) WHERE (asof OR different <> 0) ORDER BY no;
-- with nothing of ours in it
SELECT runs_asof('SELECT a.id, l.t FROM h_a a LEFT JOIN LATERAL (SELECT b.t FROM h_b b WHERE b.k = a.k AND b.t <= a.t ORDER BY b.t DESC LIMIT 1) l ON true');

--
-- Clocks that are changed: times without a zone (02:30 is left out: it is 01:30 UTC, and 03:00 is 01:00 UTC) do not rise as those with one do
--
SET timezone = 'Europe/Berlin';
CREATE TABLE clock_z (k int, t timestamptz NOT NULL, v int) USING tsdb;
CREATE TABLE clock_l (k int, t timestamp NOT NULL, v int) USING tsdb;
INSERT INTO clock_z SELECT 1, timestamptz '2024-03-30 23:00+00' + i * interval '10 min', i FROM generate_series(0, 30) i;
INSERT INTO clock_l SELECT 1, timestamp '2024-03-31 00:00' + i * interval '15 min', i FROM generate_series(0, 30) i;
CREATE TABLE clock_hz (LIKE clock_z);
CREATE TABLE clock_hl (LIKE clock_l);
INSERT INTO clock_hz TABLE clock_z;
INSERT INTO clock_hl TABLE clock_l;
ANALYZE clock_z, clock_l;
CREATE TABLE clock_queries (no serial, query text);
INSERT INTO clock_queries (query) VALUES
	('SELECT a.v, l.v AS l FROM {l} a LEFT JOIN LATERAL (SELECT b.v FROM {z} b WHERE b.k = a.k AND b.t <= a.t ORDER BY b.t DESC LIMIT 1) l ON true'),
	('SELECT a.v, l.v AS l FROM {z} a LEFT JOIN LATERAL (SELECT b.v FROM {l} b WHERE b.k = a.k AND b.t >= a.t ORDER BY b.t, b.v LIMIT 1) l ON true'),
	('SELECT a.v, l.v AS l FROM {l} a LEFT JOIN LATERAL (SELECT b.v FROM {z} b WHERE b.t = a.t AND b.v <= a.v ORDER BY b.v DESC LIMIT 1) l ON true'),
	('SELECT a.v, l.v AS l FROM {l} a LEFT JOIN LATERAL (SELECT b.v FROM {l} b WHERE b.k = a.k AND b.t > a.t ORDER BY b.t LIMIT 1) l ON true WHERE a.t > timestamptz ''2024-03-31 01:15+00'''),
	('SELECT a.v, l.v AS l FROM {l} a LEFT JOIN LATERAL (SELECT b.v FROM {l} b WHERE b.k = a.k AND b.t < a.t ORDER BY b.t DESC LIMIT 1) l ON true WHERE a.t <= timestamptz ''2024-03-31 01:15+00''');
CREATE FUNCTION clock_compare(query text, OUT asof boolean, OUT nrows bigint, OUT different bigint) LANGUAGE plpgsql AS $$
DECLARE
	heap text := replace(replace(query, '{z}', 'clock_hz'), '{l}', 'clock_hl');
	ours text := replace(replace(query, '{z}', 'clock_z'), '{l}', 'clock_l');
BEGIN
	asof := runs_asof(ours);
	EXECUTE format('WITH h AS MATERIALIZED (%1$s), o AS MATERIALIZED (%2$s)
		SELECT (SELECT count(*) FROM h), (SELECT count(*) FROM (TABLE h EXCEPT ALL TABLE o) x) + (SELECT count(*) FROM (TABLE o EXCEPT ALL TABLE h) x)', heap, ours)
	   INTO nrows, different;
END $$;
SELECT no, asof, nrows, different FROM clock_queries, clock_compare(query) ORDER BY no;
SET timezone = 'UTC';

--
-- Conditions without columns, above the join and of it
--
PREPARE asof_gate(int) AS SELECT count(*), count(l.id) FROM t_a a LEFT JOIN LATERAL (SELECT b.id FROM t_b b WHERE b.k = a.k AND b.t <= a.t ORDER BY b.t DESC LIMIT 1) l ON true WHERE $1 > 3;
PREPARE asof_gate_on(int) AS SELECT count(*), count(l.id) FROM t_a a LEFT JOIN LATERAL (SELECT b.id FROM t_b b WHERE b.k = a.k AND b.t <= a.t ORDER BY b.t DESC LIMIT 1) l ON $1 > 3;
SET plan_cache_mode = force_generic_plan;
EXECUTE asof_gate(1);
EXECUTE asof_gate(5);
EXECUTE asof_gate_on(1);
EXECUTE asof_gate_on(5);
RESET plan_cache_mode;

--
-- By cost: a few outer rows are looked up one by one, many are merged
--
CREATE TABLE many_a (time timestamptz NOT NULL, k int NOT NULL, x numeric(10, 2)) USING tsdb WITH (segmentby = 'k', orderby = 'time');
CREATE TABLE many_b (time timestamptz NOT NULL, k int NOT NULL, y text) USING tsdb WITH (segmentby = 'k', orderby = 'time');
INSERT INTO many_a SELECT timestamptz '2024-01-01+00' + i * interval '1 s', i * 7 % 20, i FROM generate_series(1, 30000) i;
INSERT INTO many_b SELECT timestamptz '2024-01-01+00' + i * interval '1.3 s', i * 7 % 21, repeat(chr(97 + i % 26), i % 300) FROM generate_series(1, 25000) i;
SELECT tsdb.compress('many_a') >= 0, tsdb.compress('many_b') >= 0;
DELETE FROM many_b WHERE k = 5 AND time < '2024-01-01 04:00+00';
UPDATE many_b SET y = 'new' WHERE k = 6 AND time < '2024-01-01 01:00+00';
ANALYZE many_a, many_b;
CREATE TABLE many_h (LIKE many_b);
INSERT INTO many_h TABLE many_b;
CREATE INDEX ON many_h (k, time);
ANALYZE many_h;
RESET enable_nestloop;
SELECT runs_asof($$SELECT a.*, l.* FROM many_a a LEFT JOIN LATERAL (SELECT y FROM many_b b WHERE b.k = a.k AND b.time <= a.time ORDER BY b.time DESC LIMIT 1) l ON true$$) AS many,
	   runs_asof($$SELECT a.*, l.* FROM (VALUES (3, timestamptz '2024-01-01 05:00+00')) a (k, time) LEFT JOIN LATERAL (SELECT y FROM many_b b WHERE b.k = a.k AND b.time <= a.time ORDER BY b.time DESC LIMIT 1) l ON true$$) AS one;
SET tsdb_am.enable_asof = off;
SELECT runs_asof($$SELECT a.*, l.* FROM many_a a LEFT JOIN LATERAL (SELECT y FROM many_b b WHERE b.k = a.k AND b.time <= a.time ORDER BY b.time DESC LIMIT 1) l ON true$$) AS off;
RESET tsdb_am.enable_asof;
SELECT count(*) FROM (
	SELECT a.*, l.time AS t, l.y FROM many_a a LEFT JOIN LATERAL (SELECT * FROM many_b b WHERE b.k = a.k AND b.time <= a.time ORDER BY b.time DESC LIMIT 1) l ON true
	EXCEPT ALL
	SELECT a.*, l.time AS t, l.y FROM many_a a LEFT JOIN LATERAL (SELECT * FROM many_h b WHERE b.k = a.k AND b.time <= a.time ORDER BY b.time DESC LIMIT 1) l ON true) x;
SELECT count(*) FROM (
	SELECT a.*, l.time AS t, l.y FROM many_a a JOIN LATERAL (SELECT * FROM many_h b WHERE b.k = a.k AND b.time > a.time ORDER BY b.time LIMIT 1) l ON true
	EXCEPT ALL
	SELECT a.*, l.time AS t, l.y FROM many_a a JOIN LATERAL (SELECT * FROM many_b b WHERE b.k = a.k AND b.time > a.time ORDER BY b.time LIMIT 1) l ON true) x;
SET enable_nestloop = off;

--
-- Prepared statements, parameters, cursors, statements that write
--
SET plan_cache_mode = force_generic_plan;
PREPARE asof_p(text, int, timestamptz) AS SELECT count(*), count(l), sum(l) FROM (SELECT a.id, l.id AS l FROM t_a a LEFT JOIN LATERAL
	(SELECT b.id, b.v FROM t_b b WHERE b.s = a.s AND b.t <= a.t AND b.v > $2 ORDER BY b.t DESC, b.id LIMIT 1) l ON l.v < 15 WHERE a.s = $1 AND a.t < $3) x;
PREPARE asof_h(text, int, timestamptz) AS SELECT count(*), count(l), sum(l) FROM (SELECT a.id, l.id AS l FROM h_a a LEFT JOIN LATERAL
	(SELECT b.id, b.v FROM h_b b WHERE b.s = a.s AND b.t <= a.t AND b.v > $2 ORDER BY b.t DESC, b.id LIMIT 1) l ON l.v < 15 WHERE a.s = $1 AND a.t < $3) x;
SELECT runs_asof('EXECUTE asof_p(''x'', 3, ''2024-03-02'')');
EXECUTE asof_p('x', 3, '2024-03-02');
EXECUTE asof_h('x', 3, '2024-03-02');
EXECUTE asof_p('y', 12, '2024-03-01 09:00+00');
EXECUTE asof_h('y', 12, '2024-03-01 09:00+00');
EXECUTE asof_p(NULL, 3, '2024-03-02');
RESET plan_cache_mode;

CREATE VIEW asof_view AS SELECT a.id, l.id AS l, l.note FROM t_a a LEFT JOIN LATERAL (SELECT b.id, b.note FROM t_b b WHERE b.k = a.k AND b.s = a.s AND b.t <= a.t ORDER BY b.t DESC, b.id LIMIT 1) l ON true;
CREATE TABLE asof_wanted AS SELECT row_number() OVER () AS n, v.* FROM (SELECT * FROM asof_view ORDER BY id) v;
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT id, l, length(note) FROM asof_view ORDER BY id;
MOVE 100 IN c;
FETCH 3 FROM c;
FETCH BACKWARD 3 FROM c;
SELECT id, l, length(note) FROM asof_wanted WHERE n BETWEEN 98 AND 103;
DECLARE d SCROLL CURSOR FOR SELECT a.id FROM t_a a JOIN LATERAL (SELECT b.t FROM t_b b WHERE b.k = a.k AND b.t <= a.t ORDER BY b.t DESC LIMIT 1) l ON true;
MOVE FORWARD ALL IN d;
MOVE BACKWARD ALL IN d;
-- a cursor sees what was there
DECLARE e CURSOR FOR SELECT count(*), count(l) FROM asof_view;
DELETE FROM t_b WHERE k = 2;
FETCH e;
SELECT count(*), count(l) FROM asof_wanted;
SELECT runs_asof('TABLE asof_view') AS asof, count(*), count(l) = (SELECT count(l.id) FROM h_a a LEFT JOIN LATERAL (SELECT b.id, b.note FROM h_b b WHERE b.k = a.k AND b.s = a.s AND b.t <= a.t AND b.k <> 2 ORDER BY b.t DESC, b.id LIMIT 1) l ON true) AS right FROM asof_view;
ROLLBACK;

SELECT runs_asof('INSERT INTO asof_wanted SELECT 0, * FROM asof_view'),
	   runs_asof('UPDATE t_a a SET v = l.v FROM t_a c, LATERAL (SELECT b.v FROM t_b b WHERE b.k = c.k AND b.t <= c.t ORDER BY b.t DESC LIMIT 1) l WHERE c.id = a.id') AS update,
	   runs_asof('SELECT a.id, l.t FROM t_a a, LATERAL (SELECT b.t FROM t_b b WHERE b.k = a.k AND b.t <= a.t ORDER BY b.t DESC LIMIT 1) l FOR UPDATE OF a') AS for_update;
BEGIN;
INSERT INTO asof_wanted SELECT 0, * FROM asof_view;
SELECT count(*) FROM (SELECT id, l, note FROM asof_wanted WHERE n = 0 EXCEPT ALL SELECT id, l, note FROM asof_wanted WHERE n > 0) x;
ROLLBACK;
BEGIN;
WITH w AS (UPDATE t_a a SET v = l.v FROM t_a c, LATERAL (SELECT b.v FROM t_b b WHERE b.k = c.k AND b.t <= c.t ORDER BY b.t DESC, b.id LIMIT 1) l WHERE c.id = a.id RETURNING a.id, a.v),
	 h AS (SELECT a.id, l.v FROM h_a a, LATERAL (SELECT b.v FROM h_b b WHERE b.k = a.k AND b.t <= a.t ORDER BY b.t DESC, b.id LIMIT 1) l)
SELECT (SELECT count(*) FROM (TABLE w EXCEPT ALL TABLE h) x), (SELECT count(*) FROM (TABLE h EXCEPT ALL TABLE w) x);
ROLLBACK;

--
-- Who may see what: policies are tested before rows are chosen
--
CREATE ROLE regress_asof;
CREATE VIEW b_barrier WITH (security_barrier) AS SELECT * FROM t_b WHERE v > 5;
GRANT SELECT ON t_a, b_barrier TO regress_asof;
GRANT SELECT (t, k, id, v) ON t_b TO regress_asof;
ALTER TABLE t_b ENABLE ROW LEVEL SECURITY;
CREATE POLICY odd ON t_b USING (id % 2 = 1);
CREATE FUNCTION asof_look(int) RETURNS boolean LANGUAGE plpgsql STABLE COST 0.0001 AS 'BEGIN IF $1 % 2 = 0 THEN RAISE NOTICE ''saw %'', $1; END IF; RETURN true; END';
SELECT count(*) AS n, count(l.id), bool_and(l.id % 2 = 1) AS odd, sum(l.id) INTO asof_rls FROM h_a a LEFT JOIN LATERAL (SELECT b.id FROM h_b b WHERE b.k = a.k AND b.t <= a.t AND b.id % 2 = 1 ORDER BY b.t DESC, b.id LIMIT 1) l ON true;
SELECT count(*) AS n, count(l.id), sum(l.id) INTO asof_barrier FROM h_a a LEFT JOIN LATERAL (SELECT b.id FROM h_b b WHERE b.k = a.k AND b.t <= a.t AND b.v > 5 ORDER BY b.t DESC, b.id LIMIT 1) l ON true;
GRANT SELECT ON asof_rls, asof_barrier TO regress_asof;
SET ROLE regress_asof;
SELECT runs_asof('SELECT a.id, l.id FROM t_a a LEFT JOIN LATERAL (SELECT b.id FROM t_b b WHERE b.k = a.k AND b.t <= a.t AND asof_look(b.id) ORDER BY b.t DESC, b.id LIMIT 1) l ON true');
SELECT count(*), count(l.id), bool_and(l.id % 2 = 1) AS odd, sum(l.id) FROM t_a a LEFT JOIN LATERAL (SELECT b.id FROM t_b b WHERE b.k = a.k AND b.t <= a.t AND asof_look(b.id) ORDER BY b.t DESC, b.id LIMIT 1) l ON true
EXCEPT TABLE asof_rls;
SELECT count(*), count(l.id), sum(l.id) AS sum FROM t_a a LEFT JOIN LATERAL (SELECT b.id FROM b_barrier b WHERE b.k = a.k AND b.t <= a.t ORDER BY b.t DESC, b.id LIMIT 1) l ON true
EXCEPT TABLE asof_barrier;
-- a column that may not be read
SELECT a.id, l.note FROM t_a a LEFT JOIN LATERAL (SELECT b.note FROM t_b b WHERE b.k = a.k AND b.t <= a.t ORDER BY b.t DESC, b.id LIMIT 1) l ON true;
SELECT a.id FROM t_a a LEFT JOIN LATERAL (SELECT b.id FROM t_b b WHERE b.s = a.s AND b.t <= a.t ORDER BY b.t DESC, b.id LIMIT 1) l ON true;
RESET ROLE;
ALTER TABLE t_b DISABLE ROW LEVEL SECURITY;
DROP VIEW b_barrier;
REVOKE ALL ON t_a, t_b, asof_rls, asof_barrier FROM regress_asof;
DROP ROLE regress_asof;

--
-- Queries made up
--
CREATE FUNCTION pick(VARIADIC text[]) RETURNS text LANGUAGE sql VOLATILE AS 'SELECT $1[1 + floor(random() * cardinality($1))::int]';
CREATE FUNCTION asof_random(n int, OUT compared bigint, OUT asof bigint, OUT different bigint) LANGUAGE plpgsql AS $$
DECLARE
	i int;
	q text;
	quals text;
	dir text;
	tm text;
	r record;
BEGIN
	compared := 0; asof := 0; different := 0;
	FOR i IN 1..n LOOP
		dir := pick('<=', '<', '>=', '>');
		tm := pick('b.t {} a.t', 'b.t {} a.t', 'b.t {} a.t', 'b.d {} a.t', 'b.t {} a.d', 'b.d {} a.d', 'b.v {} a.v', 'b.n {} a.n', 'b.s {} a.s', 'b.t {} a.t - interval ''30 min''');
		quals := replace(tm, '{}', dir);
		IF random() < 0.6 THEN quals := quals || ' AND b.k = a.k'; END IF;
		IF random() < 0.4 THEN quals := 'a.s = b.s AND ' || quals; END IF;
		IF random() < 0.15 THEN quals := quals || ' AND b.n = a.n'; END IF;
		IF random() < 0.1 THEN quals := quals || ' AND b.v + 1 = a.v'; END IF;
		IF random() < 0.3 THEN quals := quals || pick(' AND b.v > 8', ' AND b.k IN (1, 2)', ' AND b.v IS NOT NULL', ' AND b.id % 5 <> 0', ' AND b.t > ''2024-03-01 20:00+00''', ' AND a.v < 14', ' AND b.s = ''x'''); END IF;
		IF random() < 0.3 AND tm LIKE 'b.t%' THEN quals := quals || CASE WHEN dir LIKE '<%' THEN pick(' AND b.t > a.t - interval ''1 hour''', ' AND a.t - interval ''90 min'' <= b.t', ' AND b.t >= a.d - 1', ' AND b.t >= a.t - a.v * interval ''5 min''') ELSE pick(' AND b.t < a.t + interval ''1 hour''', ' AND b.t <= a.d + 2') END; END IF;
		q := format('SELECT a.id, %s FROM {a} a %s LATERAL (SELECT b.id, b.t, b.v, b.note, %s AS x FROM {b} b WHERE %s ORDER BY %s%s%s, b.id%s LIMIT 1) l ON %s WHERE %s',
					pick('l.id AS l', 'l.t, l.x::text AS x', 'l.*', 'l', 'l.v - a.v AS w, l.note, a.v / 2 AS u'),
					pick('LEFT JOIN', 'LEFT JOIN', 'JOIN'),
					pick('b.v + a.v', 'b.n', 'b.d', 'a.t = b.t', '1', 'a.s'),
					quals,
					substring(tm from '^\S+'), CASE WHEN dir LIKE '<%' THEN ' DESC' ELSE '' END, pick('', ', b.v', ', b.v DESC', ', b.n NULLS FIRST'), pick('', ' DESC', ' NULLS FIRST'),
					pick('true', 'true', 'l.v > 5', 'l.v > a.v', 'a.v > 4 AND l.id > 400'),
					pick('true', 'true', 'true', 'a.k = 2', 'a.s = ''x'' AND a.k > 1', 'a.t < ''2024-03-01 12:00+00''', 'a.t >= ''2024-03-02''', 'a.k IN (0, 3)', 'l.id IS NULL', 'l.v > 3', 'a.n = 1.0', 'a.d = ''2024-03-01'''));
		SELECT * INTO r FROM asof_compare(q, pick('t_a', 't_a', 'h_a'), pick('t_b', 't_b', 'p_b'));
		compared := compared + 1;
		IF r.asof THEN asof := asof + 1; END IF;
		IF r.different <> 0 THEN
			different := different + 1;
			RAISE NOTICE 'different: %', q;
		END IF;
	END LOOP;
END $$;
SELECT setseed(0.5);
SELECT compared, asof > 100 AS asof, different FROM asof_random(150);
