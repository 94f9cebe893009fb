-- Scans that are begun again for each outer row: what is kept from one to the next must not make them return rows of the parameters
-- before, nor rows that the query's snapshot does not see, nor lack any.  Heap is the oracle.
\set VERBOSITY terse
SET timezone = 'UTC';
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_material = off;
SET enable_memoize = off;
SET max_parallel_workers_per_gather = 0;

CREATE TABLE rescan_heap (id int, time timestamptz NOT NULL, host text, v int);
CREATE TABLE rescan (id int, time timestamptz NOT NULL, host text, v int) USING tsdb WITH (segmentby = 'host', orderby = 'time');
CREATE TABLE rescan_k (n int, host text, lo timestamptz, hi timestamptz);

-- chunks of ten hosts, overlapping and not, then rows of the row store, dead rows and new versions
CREATE FUNCTION add_rows(first int, last int) RETURNS void LANGUAGE sql AS $$
	INSERT INTO rescan_heap SELECT g, timestamptz '2024-01-01' + g * interval '1 minute', 'h' || g % 10, g FROM generate_series(first, last) g;
	INSERT INTO rescan SELECT g, timestamptz '2024-01-01' + g * interval '1 minute', 'h' || g % 10, g FROM generate_series(first, last) g;
$$;
SELECT add_rows(i * 1000, i * 1000 + 1099) FROM generate_series(0, 5) i;
SELECT tsdb.compress('rescan') >= 0;
SELECT add_rows(6000, 7499);
SELECT tsdb.compress('rescan') >= 0;
SELECT add_rows(8000, 8099);
INSERT INTO rescan SELECT 9000 + g, timestamptz '2024-01-05', NULL, g FROM generate_series(1, 5) g;
INSERT INTO rescan_heap SELECT 9000 + g, timestamptz '2024-01-05', NULL, g FROM generate_series(1, 5) g;
DELETE FROM rescan WHERE id % 7 = 0;
DELETE FROM rescan_heap WHERE id % 7 = 0;
UPDATE rescan SET host = 'h3' WHERE id % 50 = 1;
UPDATE rescan_heap SET host = 'h3' WHERE id % 50 = 1;
INSERT INTO rescan_k
	SELECT g, CASE WHEN g % 6 = 5 THEN NULL ELSE 'h' || g * 7 % 13 END,
		   CASE WHEN g % 9 = 8 THEN NULL ELSE timestamptz '2024-01-01' + g * 37 % 80 * interval '100 minutes' END,
		   timestamptz '2024-01-01' + g * 37 % 80 * interval '100 minutes' + g % 5 * interval '7 hours' - interval '1 hour'
	FROM generate_series(0, 39) g;
ANALYZE rescan_heap, rescan, rescan_k;

CREATE TABLE rescan_queries (q text);
INSERT INTO rescan_queries VALUES
	-- series, newest and oldest row
	('SELECT k.n, x.id FROM rescan_k k, LATERAL (SELECT * FROM @ t WHERE t.host = k.host ORDER BY time DESC, id LIMIT 1) x'),
	('SELECT k.n, x.time FROM rescan_k k LEFT JOIN LATERAL (SELECT * FROM @ t WHERE t.host = k.host ORDER BY time LIMIT 1) x ON true'),
	-- times that come from outside, with the same range each time, and with both
	('SELECT k.n, x.time FROM rescan_k k, LATERAL (SELECT * FROM @ t WHERE t.time <= k.lo ORDER BY time DESC LIMIT 3) x'),
	('SELECT k.n, x.time FROM rescan_k k, LATERAL (SELECT * FROM @ t WHERE t.host = k.host AND t.time > ''2024-01-03'' ORDER BY time LIMIT 2) x'),
	('SELECT k.n, x.time FROM rescan_k k, LATERAL (SELECT * FROM @ t WHERE t.host = k.host AND t.time BETWEEN k.lo AND k.hi ORDER BY time DESC LIMIT 2) x'),
	('SELECT k.n, x.time FROM rescan_k k, LATERAL (SELECT * FROM @ t WHERE t.host IS NOT DISTINCT FROM k.host AND t.time >= k.lo ORDER BY time LIMIT 2) x'),
	-- all rows that match; nested loops with parameters
	('SELECT k.n, x.* FROM rescan_k k, LATERAL (SELECT count(*), sum(id), min(v), max(time) FROM @ t WHERE t.host = k.host) x'),
	('SELECT k.n, x.* FROM rescan_k k, LATERAL (SELECT count(*), sum(id) FROM @ t WHERE t.time BETWEEN k.lo AND k.hi) x'),
	('SELECT k.n, x.* FROM rescan_k k, LATERAL (SELECT count(*), sum(id) FROM @ t WHERE t.v = k.n * 211) x'),
	('SELECT k.n, t.id FROM rescan_k k JOIN @ t ON t.host = k.host WHERE t.time > ''2024-01-05 12:00'''),
	('SELECT k.n, t.id FROM rescan_k k JOIN @ t ON t.host = k.host AND t.time BETWEEN k.lo AND k.hi'),
	('SELECT k.n, (SELECT string_agg(id::text, '','' ORDER BY id) FROM @ t WHERE t.host = k.host AND t.time = k.lo) FROM rescan_k k'),
	-- order that depends on nothing, and rows that a later filter refuses
	('SELECT k.n, x.time FROM rescan_k k, LATERAL (SELECT * FROM @ t WHERE t.v % 13 = k.n % 13 AND t.host = k.host ORDER BY time DESC LIMIT 1) x');

CREATE FUNCTION compare_rescans() RETURNS TABLE (query text, lacks bigint, invents bigint) LANGUAGE plpgsql AS $$
BEGIN
	FOR query IN SELECT q FROM rescan_queries LOOP
		EXECUTE format('WITH h AS MATERIALIZED (%s), t AS MATERIALIZED (%s)
			SELECT (SELECT count(*) FROM (TABLE h EXCEPT ALL TABLE t) x), (SELECT count(*) FROM (TABLE t EXCEPT ALL TABLE h) x)',
			replace(query, '@', 'rescan_heap'), replace(query, '@', 'rescan')) INTO lacks, invents;
		CONTINUE WHEN lacks = 0 AND invents = 0;
		RETURN NEXT;
	END LOOP;
END $$;
SELECT * FROM compare_rescans();

-- the same when chunks are in no index, and nothing is logged
SET work_mem = '64kB';
SELECT * FROM compare_rescans();
RESET work_mem;
BEGIN;
ALTER TABLE rescan RENAME TO rescan_logged;
CREATE TEMP TABLE rescan (id int, time timestamptz NOT NULL, host text, v int) USING tsdb WITH (segmentby = 'host', orderby = 'time');
INSERT INTO rescan SELECT * FROM rescan_heap WHERE id < 6000;
SELECT tsdb.compress('rescan') >= 0;
INSERT INTO rescan SELECT * FROM rescan_heap WHERE id >= 6000;
SELECT * FROM compare_rescans();
ROLLBACK;

-- A cursor goes on after the table has changed: in the same transaction, by statements that its snapshot does not see.  Each query is opened on
-- both tables, and some rows of it are fetched before each change.
CREATE FUNCTION change(step int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	t text;
BEGIN
	FOREACH t IN ARRAY '{rescan_heap,rescan}'::text[] LOOP
		CASE step
			WHEN 0 THEN		-- newer rows, in the row store or in chunks, of all series
				EXECUTE format('INSERT INTO %I SELECT 20000 + g, timestamptz ''2024-02-01'' + g * interval ''1 second'', ''h'' || g %% 13, 1 FROM generate_series(1, 300) g', t);
			WHEN 1 THEN		-- the newest rows of chunks go, and some of the row store
				EXECUTE format('DELETE FROM %I WHERE time > ''2024-01-05'' OR id %% 3 = 0', t);
			WHEN 2 THEN
				EXECUTE format('UPDATE %I SET host = ''h1'', time = time + interval ''1 day'' WHERE id %% 2 = 0', t);
			WHEN 3 THEN		-- whole chunks
				EXECUTE format('DELETE FROM %I WHERE time < ''2024-01-04''', t);
		END CASE;
	END LOOP;
END $$;
CREATE FUNCTION compare_cursors(order_of_rows text) RETURNS TABLE (query text, problem text) LANGUAGE plpgsql AS $$
DECLARE
	h refcursor;
	t refcursor;
	a record;
	b record;
	n int;
BEGIN
	FOR query IN SELECT q FROM rescan_queries WHERE q !~ 'JOIN @' LOOP
		BEGIN
			OPEN h FOR EXECUTE replace(query, '@', 'rescan_heap') || order_of_rows;
			OPEN t FOR EXECUTE replace(query, '@', 'rescan') || order_of_rows;
			n := 0;
			LOOP
				FETCH h INTO a;
				FETCH t INTO b;
				IF a IS DISTINCT FROM b THEN
					problem := format('row %s: %s on heap, %s', n, a, b);
					RETURN NEXT;
				END IF;
				EXIT WHEN a IS NULL AND b IS NULL;
				n := n + 1;
				IF n IN (5, 12, 19, 24) THEN
					PERFORM change(CASE n WHEN 5 THEN 0 WHEN 12 THEN 1 WHEN 19 THEN 2 ELSE 3 END);
				END IF;
			END LOOP;
			RAISE EXCEPTION 'undo' USING ERRCODE = 'TS001';
		EXCEPTION WHEN SQLSTATE 'TS001' THEN
			NULL;
		END;
	END LOOP;
END $$;
SELECT * FROM compare_cursors('');
SET tsdb_am.direct_load_rows = 1;
SELECT * FROM compare_cursors('');
RESET tsdb_am.direct_load_rows;
SELECT * FROM compare_rescans();

-- a statement's own rows, from a function that is called between two scans
CREATE FUNCTION add_one(k int) RETURNS int LANGUAGE plpgsql VOLATILE AS $$
BEGIN
	INSERT INTO rescan SELECT 30000 + k, timestamptz '2024-03-01' + k * interval '1 second', 'h' || g, k FROM generate_series(0, 12) g;
	DELETE FROM rescan WHERE id = (SELECT max(id) FROM rescan WHERE id < 8100);
	RETURN k;
END $$;
BEGIN;
CREATE TEMP TABLE before AS SELECT k.n, x.id FROM rescan_k k, LATERAL (SELECT * FROM rescan_heap t WHERE t.host = k.host ORDER BY time DESC, id LIMIT 1) x;
SELECT count(*) FROM (
	(SELECT add_one(k.n), x.id FROM rescan_k k, LATERAL (SELECT * FROM rescan t WHERE t.host = k.host ORDER BY time DESC, id LIMIT 1) x)
	EXCEPT ALL TABLE before) y;
SELECT count(*) > 200 FROM rescan WHERE id > 30000;
ROLLBACK;

-- another session's view of time: READ COMMITTED statements of one transaction see what came between, with a plan that is kept
PREPARE newest AS SELECT k.n, x.id FROM rescan_k k, LATERAL (SELECT * FROM rescan t WHERE t.host = k.host ORDER BY time DESC, id LIMIT 1) x WHERE k.n < 4 ORDER BY 1;
EXECUTE newest;
INSERT INTO rescan SELECT 40000 + g, '2024-06-01', 'h' || g, 0 FROM generate_series(0, 12) g;
EXECUTE newest;
DELETE FROM rescan WHERE id >= 40000;
EXECUTE newest;

DROP TABLE rescan, rescan_heap, rescan_k, rescan_queries;
DROP FUNCTION add_rows, compare_rescans, change, compare_cursors, add_one;
