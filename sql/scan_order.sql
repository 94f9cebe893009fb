-- Rows in order of time, of what rises with time, of series and time, and the last row of each series: each query runs on heap tables in schema ord_h and on tables of the same
-- contents in schema ord_t, there under several settings, and must return the same rows in the same order.  Each names lines that must be
-- in its plan ("!" before it: must not), so that it tests what it is here for.  Only differences are printed.
-- What would break it: a bound taken for a row; a row of the other store out of its place; a vector let go of while a slot shows its row; a
-- dictionary's value that no living row has; a row lost where merging gives up and sorts; positions kept over a rescan; series told apart by bytes
-- where a collation calls them equal; a function that falls where clocks are put back.
\set VERBOSITY terse
\set ECHO none
\pset tuples_only on
\pset format unaligned
SET jit = off;
SET client_min_messages = warning;
SET timezone = 'UTC';
SET max_parallel_workers_per_gather = 0;
SET tsdb_am.enable_custom_scan = on;
-- min() and max() as queries in order, whatever the size of the table
SET tsdb_am.enable_vector_agg = off;
-- scans begun again for each outer row, not merges
SET tsdb_am.enable_asof = off;
SET effective_io_concurrency = 1;
CREATE SCHEMA ord_h;
CREATE SCHEMA ord_t;
CREATE SCHEMA ord_x;
SET search_path = ord_x, public;

-- What a query returns, as one text; an error is a result like others.
CREATE FUNCTION answer(side text, query text, ordered boolean) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
	PERFORM set_config('search_path', side || ', ord_x, public', true);
	EXECUTE format('SELECT count(*) || '' '' || coalesce(string_agg(q.*::text, '' '' %s), '''') FROM (%s) q',
		CASE WHEN ordered THEN '' ELSE 'ORDER BY q.*::text COLLATE "C"' END, query) INTO result;
	RETURN replace(result, side || '.', '');
EXCEPTION WHEN OTHERS THEN
	RETURN 'error ' || SQLSTATE;
END $$;

CREATE FUNCTION plan_of(query text, options text DEFAULT 'COSTS OFF') RETURNS text LANGUAGE plpgsql AS $$
DECLARE line text; result text := '';
BEGIN
	FOR line IN EXECUTE format('EXPLAIN (%s) %s', options, query) LOOP
		result := result || line || E'\n';
	END LOOP;
	RETURN result;
END $$;

CREATE TABLE modes (mode text, settings text[]);
INSERT INTO modes VALUES
	('order', '{enable_sort=off}'),
	('plain', '{}'),
	-- 7 open vectors are too many
	('little memory', '{enable_sort=off,work_mem=64kB,hash_mem_multiplier=1}'),
	-- few sets are kept, many vectors may be open
	('few sets', '{enable_sort=off,work_mem=1MB,hash_mem_multiplier=1}'),
	('parallel', '{enable_sort=off,parallel_setup_cost=0,parallel_tuple_cost=0,min_parallel_table_scan_size=0,max_parallel_workers_per_gather=2}'),
	('no scan', '{tsdb_am.enable_custom_scan=off}');

-- Prints where tsdb's answer is not heap's, and lines that its plan in the first mode lacks.
CREATE FUNCTION same(query text, shape text[], ordered boolean DEFAULT true,
	which text[] DEFAULT '{order,little memory,no scan}') RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE wanted text := answer('ord_h', query, ordered); got text; m record; setting text; plan text; part text; told bool := false;
	path text := current_setting('search_path');
BEGIN
	IF wanted LIKE '0 %' AND NOT '(none)' = ANY (shape) OR wanted LIKE 'error%' AND NOT '(error)' = ANY (shape) THEN
		RETURN NEXT format('TESTS NOTHING: %s: %s', query, wanted);
	END IF;
	FOR m IN SELECT * FROM modes WHERE mode = ANY (which) LOOP
		FOREACH setting IN ARRAY m.settings LOOP
			PERFORM set_config(split_part(setting, '=', 1), split_part(setting, '=', 2), true);
		END LOOP;
		got := answer('ord_t', query, ordered);
		IF m.mode = 'order' THEN
			PERFORM set_config('search_path', 'ord_t, ord_x, public', true);
			plan := plan_of(query);
			FOREACH part IN ARRAY shape LOOP
				IF part NOT LIKE '(%' AND (position(ltrim(part, '!') IN plan) > 0) <> (part NOT LIKE '!%') THEN
					RETURN NEXT format(E'PLAN: %s: %s\n%s', part, query, plan);
				END IF;
			END LOOP;
		END IF;
		FOREACH setting IN ARRAY m.settings LOOP
			EXECUTE format('SET LOCAL %s TO DEFAULT', split_part(setting, '=', 1));
		END LOOP;
		SET LOCAL max_parallel_workers_per_gather = 0;
		SET LOCAL tsdb_am.enable_custom_scan = on;
		IF got <> wanted AND NOT told THEN
			told := true;
			RETURN NEXT format(E'DIFFERENT (%s): %s\n  heap: %s\n  tsdb: %s', m.mode, query, left(wanted, 300), left(got, 300));
		END IF;
	END LOOP;
	PERFORM set_config('search_path', path, true);
END $$;

-- A statement on both sides ({s}: schema, {o}: options of the tsdb table), for its effect alone.
CREATE FUNCTION on_both(statement text, options text DEFAULT '') RETURNS void LANGUAGE plpgsql AS $$
DECLARE side text; path text := current_setting('search_path');
BEGIN
	FOREACH side IN ARRAY ARRAY['ord_h', 'ord_t'] LOOP
		PERFORM set_config('search_path', side || ', ord_x, public', true);
		PERFORM set_config('default_table_access_method', CASE side WHEN 'ord_h' THEN 'heap' ELSE 'tsdb' END, true);
		EXECUTE replace(replace(statement, '{s}', side), '{o}', CASE side WHEN 'ord_t' THEN options ELSE '' END);
	END LOOP;
	PERFORM set_config('search_path', path, true);
	SET LOCAL default_table_access_method = 'heap';
END $$;

CREATE FUNCTION at(g bigint) RETURNS timestamptz IMMUTABLE LANGUAGE sql AS $$ SELECT '2026-03-01 00:00+00'::timestamptz + g * interval '1 s' $$;
-- rows from a to b: series are host and region, times are unique; loaded out of order
CREATE FUNCTION rows_of(a int, b int) RETURNS TABLE (t timestamptz, gone text, id int, host text, region text, v float8, n int, nt timestamptz, tx text)
STABLE LANGUAGE sql AS $$
SELECT at(g), 'gone', g, CASE WHEN g % 11 <> 0 THEN 'h' || g % 7 END, CASE WHEN g % 5 <> 0 THEN 'r' || g % 3 END, g / 8.0, g % 100,
	CASE WHEN g % 4 <> 0 THEN at(g * 7919 % 20011) END, repeat(chr(97 + g % 26), g % 30)
FROM generate_series(a, b) g ORDER BY g % 13, g $$;

\echo # the check itself
SELECT on_both('CREATE TABLE x (t timestamptz NOT NULL, v int)');
SELECT on_both($$INSERT INTO x SELECT at(CASE '{s}' WHEN 'ord_t' THEN g ELSE -g END), g FROM generate_series(1, 3) g$$);
SELECT same('SELECT v FROM x ORDER BY t', '{Order: t DESC}', which => '{order}');
SELECT on_both('DROP TABLE x');

\echo # only the row store, then only chunks, then both
SELECT on_both('CREATE TABLE m (t timestamptz NOT NULL, gone text, id int, host text, region text, v float8, n int, nt timestamptz, tx text) {o}',
	$$WITH (segmentby = 'host', orderby = 't')$$);
CREATE TABLE every_state (query text, shape text[], ordered boolean);
INSERT INTO every_state VALUES
	('SELECT * FROM m ORDER BY t', '{Order: t}', true),
	('SELECT * FROM m ORDER BY t DESC', '{Order: t DESC,!Sort}', true),
	('SELECT id, host FROM m ORDER BY t DESC LIMIT 20', '{Order: t DESC,!Sort}', true),
	('SELECT id FROM m ORDER BY t OFFSET 150 LIMIT 20', '{Order: t,!Sort}', true),
	('SELECT t, host, id FROM m WHERE host = ''h3'' ORDER BY t DESC LIMIT 30', '{Order: t DESC,Vectorized Filter}', true),
	('SELECT id, tx FROM m WHERE host IS NULL AND n + id > 5 ORDER BY t DESC LIMIT 40', '{Order: t DESC,Vectorized Filter,Filter: ((n + id)}', true),
	('SELECT min(t) FROM m', '{}', true),
	('SELECT max(t) FROM m WHERE n > 50 AND v > n', '{}', true),
	('SELECT min(nt), max(nt) FROM m', '{!Order}', true),
	('SELECT DISTINCT ON (host) * FROM m ORDER BY host, t DESC', '{First of Each Series by: t DESC,!Sort}', true),
	('SELECT DISTINCT ON (host) host, id FROM m ORDER BY host, t', '{First of Each Series by: t,!Sort}', true),
	('SELECT DISTINCT ON (host) host, id, tx FROM m WHERE n < 90 ORDER BY host DESC NULLS LAST, t DESC', '{First of Each Series by: t DESC,Vectorized Filter}', true),
	('SELECT DISTINCT ON (region, host) host, region, id FROM m ORDER BY region NULLS FIRST, host DESC, t DESC', '{First of Each Series by: t DESC}', true),
	('SELECT DISTINCT ON (n) n, id FROM m WHERE t < at(250) ORDER BY n, t DESC', '{First of Each Series by: t DESC}', true),
	('SELECT date_trunc(''hour'', t) q, count(*), max(id) FROM m GROUP BY q ORDER BY q DESC LIMIT 2', '{GroupAggregate,Order: t DESC,!Sort}', true),
	('SELECT * FROM m ORDER BY host, t', '{"Order: host, t",!Sort}', true),
	('SELECT m FROM m ORDER BY host DESC, t LIMIT 100', '{"Order: host DESC, t",!Sort}', true),
	('SELECT id, host, t FROM m ORDER BY host DESC NULLS LAST, t DESC LIMIT 50', '{"Order: host DESC NULLS LAST, t DESC",!Sort}', true),
	('SELECT id FROM m ORDER BY host NULLS FIRST, t OFFSET 100 LIMIT 60', '{"Order: host NULLS FIRST, t",!Sort}', true),
	('SELECT host, tx, id FROM m WHERE n + id > 300 AND n < 70 ORDER BY host, t DESC', '{"Order: host, t DESC",Vectorized Filter,Filter: ((n + id),!Sort}', true),
	('SELECT id FROM m WHERE host IN (''h1'', ''h6'', ''none'') ORDER BY host DESC, t LIMIT 150', '{"Order: host DESC, t",Vectorized Filter,!Sort}', true),
	('SELECT host, id FROM m ORDER BY host, t, id DESC LIMIT 90', '{Incremental Sort,"Order: host, t"}', true),
	('SELECT host FROM m ORDER BY host DESC', '{Order: host DESC,!Sort}', true),
	('SELECT host, id FROM m ORDER BY host, id', '{Incremental Sort,Order: host}', true),
	('SELECT host, date_trunc(''minute'', t) q, count(*), max(id) FROM m GROUP BY 1, 2 ORDER BY 1, 2', '{GroupAggregate,"Order: host, t",!Sort}', true),
	('SELECT id, lag(id) OVER (PARTITION BY host ORDER BY t) l FROM m', '{WindowAgg,"Order: host, t",!Sort}', false);
CREATE FUNCTION check_state() RETURNS SETOF text LANGUAGE sql AS $$ SELECT s.d FROM every_state, same(query, shape, ordered, '{order,plain,little memory,no scan}') AS s(d) $$;
CREATE FUNCTION upkeep(what text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SELECT tsdb.%s', what);
END $$;
SET tsdb_am.direct_load_rows = 1000000;
SELECT same('SELECT * FROM m ORDER BY t', '{Order: t,(none)}');
SELECT same('SELECT min(t), max(t) FROM m', '{}');
SELECT same('SELECT DISTINCT ON (host) * FROM m ORDER BY host, t DESC', '{First of Each Series by: t DESC,(none)}');
SELECT on_both('INSERT INTO m SELECT * FROM rows_of(1, 300)');
SELECT check_state();
SELECT upkeep($$compress('ord_t.m')$$);
SELECT check_state();
SELECT on_both('INSERT INTO m SELECT * FROM rows_of(301, 500)');
SELECT check_state();

\echo # many chunks that overlap, cold ones, deletes and updates
SET tsdb_am.direct_load_rows = 1;
DO $$ BEGIN
	FOR i IN 0..29 LOOP
		PERFORM on_both(format('INSERT INTO m SELECT * FROM rows_of(501, 1400) r WHERE id %% 30 = %s', i));
	END LOOP;
END $$;
SELECT check_state();
SELECT on_both('INSERT INTO m SELECT * FROM rows_of(1401, 4400)');
SELECT upkeep($$recompress('ord_t.m', true)$$);
SELECT check_state();
SELECT on_both('ALTER TABLE m DROP COLUMN gone, ADD COLUMN later int DEFAULT 7, ADD COLUMN lt timestamptz NOT NULL DEFAULT ''2026-04-01''');
SELECT on_both('INSERT INTO m (t, id, host, region, v, n, nt, tx, later, lt) SELECT t, id, host, region, v, n, nt, tx, id % 3, t FROM rows_of(4401, 5000)');
SET tsdb_am.direct_load_rows = 1000000;
SELECT on_both('INSERT INTO m (t, id, host, region, v, n, nt, tx) SELECT t - interval ''1000.5 s'', id, host, region, v, n, nt, tx FROM rows_of(5001, 5200)');
SELECT on_both('DELETE FROM m WHERE id BETWEEN 4900 AND 5000 OR id % 17 = 3');
-- the newest of a series, all of another's, whole chunks
SELECT on_both('DELETE FROM m WHERE host = ''h2'' AND id > 3000 OR host = ''h5''');
SELECT on_both('DELETE FROM m WHERE id BETWEEN 501 AND 1400 AND id % 30 IN (4, 5)');
SELECT on_both('UPDATE m SET n = -1, tx = ''new'' WHERE id % 23 = 1 OR id = 4899');
SELECT on_both('UPDATE m SET t = t + interval ''20000.25 s'' WHERE id % 211 = 2');
SELECT check_state();

\echo # shapes of queries
CREATE TABLE shapes (query text, shape text[], ordered boolean DEFAULT true);
INSERT INTO shapes VALUES
	('SELECT min(t), max(t) FROM m', '{Order: t,Order: t DESC}', true),
	('SELECT max(t) FROM m WHERE n > 50 AND v > n', '{Order: t DESC}', true),
	-- more sort columns, merges, windows
	('SELECT id FROM m ORDER BY t, host, id DESC LIMIT 100', '{Incremental Sort,Order: t}', true),
	('SELECT t, id, sum(n) OVER (ORDER BY t) s, lag(id) OVER (ORDER BY t) FROM m LIMIT 300', '{WindowAgg,Order: t,!Sort}', true),
	('SELECT id, row_number() OVER (PARTITION BY host ORDER BY t DESC) r FROM m ORDER BY id LIMIT 200', '{WindowAgg}', true),
	('SELECT a.id, b.id AS i FROM m a JOIN m b ON a.t = b.t WHERE a.n < 3 ORDER BY a.t', '{Order: t}', true),
	('SELECT a.id, b.id AS i FROM m a LEFT JOIN m b ON a.t = b.t AND b.host = ''h1'' WHERE a.id < 700 ORDER BY a.t DESC', '{Order: t DESC}', true),
	('SELECT b.id FROM m a FULL JOIN m b USING (t) WHERE coalesce(a.id, 1) < 300 ORDER BY t, b.id LIMIT 100', '{}', true),
	('SELECT * FROM (SELECT id, t FROM m WHERE n < 5 UNION ALL SELECT id, t FROM m WHERE n > 95) u ORDER BY t LIMIT 200', '{}', true),
	('SELECT t, count(*), max(id) FROM m GROUP BY t ORDER BY t DESC LIMIT 50', '{GroupAggregate,Order: t DESC}', true),
	('SELECT DISTINCT t FROM m ORDER BY t LIMIT 100', '{Unique,Order: t}', true),
	('SELECT id FROM m ORDER BY t + interval ''1 s'' LIMIT 20', '{Order: t}', true),
	('SELECT id FROM m ORDER BY t + interval ''1 month'', id LIMIT 20', '{!Order:}', true),
	('SELECT id FROM m WHERE t > at(100) ORDER BY date_trunc(''day'', t), t LIMIT 20', '{Order: t}', true),
	('SELECT id FROM m ORDER BY date_trunc(''day'', t), t DESC LIMIT 20', '{Incremental Sort,Order: t}', true),
	-- of series and time
	('SELECT id FROM m ORDER BY host, date_trunc(''hour'', t) DESC, t DESC LIMIT 70', '{"Order: host, t DESC",!Sort}', true),
	('SELECT id FROM m ORDER BY host, date_trunc(''hour'', t) DESC, t LIMIT 70', '{Incremental Sort,"Order: host, t DESC"}', true),
	('SELECT id FROM m ORDER BY region, t LIMIT 70', '{!Order:}', true),
	('SELECT id FROM m ORDER BY host, region, t LIMIT 70', '{Incremental Sort,Order: host}', true),
	('SELECT id, ctid IS NULL AS c FROM m ORDER BY host, t LIMIT 70', '{!Order:}', true),
	('SELECT id FROM m WHERE host = ''h3'' ORDER BY host, t DESC LIMIT 30', '{Order: t DESC}', true),
	('SELECT id FROM m WHERE t BETWEEN at(1000) AND at(3000) ORDER BY host, t', '{"Order: host, t",Vectorized Filter,!Sort}', true),
	('SELECT id FROM m WHERE t > ''infinity'' ORDER BY host, t', '{"Order: host, t",(none)}', true),
	('SELECT id FROM m WHERE host = region || ''x'' OR random() < 0 ORDER BY host, t', '{"Order: host, t",(none)}', true),
	('SELECT host, id, sum(n) OVER (PARTITION BY host ORDER BY t DESC ROWS 3 PRECEDING) s FROM m ORDER BY host, t DESC LIMIT 500', '{WindowAgg,"Order: host, t DESC",!Sort}', true),
	('SELECT DISTINCT host, t FROM m ORDER BY host, t LIMIT 300', '{Unique,"Order: host, t"}', true),
	('SELECT a.id, b.id AS i FROM m a JOIN m b USING (host, t) WHERE a.n < 30 ORDER BY host, t', '{}', true),
	('SELECT id FROM m ORDER BY host COLLATE "C" DESC, t LIMIT 70', '{"Order: host DESC, t"}', true),
	('SELECT g, l.id FROM generate_series(0, 6000, 397) g LEFT JOIN LATERAL (SELECT id FROM m WHERE t <= at(g) AND n + id > 3 ORDER BY host, t DESC LIMIT 3) l ON true ORDER BY g, l.id', '{"Order: host, t DESC"}', true),
	('SELECT g, (SELECT string_agg(id::text, '','') FROM (SELECT id FROM m WHERE t > at(g) ORDER BY host DESC, t LIMIT 5) q) FROM generate_series(5000, 0, -999) g', '{"Order: host DESC, t"}', true),
	('SELECT id FROM m ORDER BY random() * 0, t LIMIT 30', '{!Order:}', true),
	('SELECT id FROM m ORDER BY id DESC LIMIT 20', '{!Order:}', true),
	-- added later: chunks have no column
	('SELECT max(lt), min(lt) FROM m', '{!Order:}', true),
	('SELECT later, lt, id FROM m ORDER BY t', '{Order: t}', true),
	-- conditions
	('SELECT id FROM m WHERE t BETWEEN at(1000) AND at(3000) ORDER BY t DESC', '{Order: t DESC,Vectorized Filter}', true),
	('SELECT id FROM m WHERE t > at(3000) AND host IN (''h1'', ''h2'', ''none'') ORDER BY t LIMIT 50', '{Order: t,Vectorized Filter}', true),
	('SELECT id FROM m WHERE id IN (SELECT n * 40 FROM m WHERE host = ''h1'') ORDER BY t', '{}', true),
	('SELECT id FROM m WHERE n > (SELECT avg(n) FROM m) AND host <> region ORDER BY t DESC LIMIT 60', '{Order: t DESC}', true),
	('SELECT id FROM m WHERE n > 10 AND EXISTS (SELECT FROM m x WHERE x.id = m.id + 1 AND x.n < 50 OFFSET 0) AND id < 60 ORDER BY t', '{Order: t,SubPlan}', true),
	('SELECT id FROM m WHERE random() >= 0 AND n = 7 ORDER BY t', '{Order: t}', true),
	('SELECT id FROM m WHERE length(tx) > 20 OR (n = 3 AND host IS NULL) ORDER BY t DESC', '{Order: t DESC}', true),
	('SELECT id FROM m WHERE false ORDER BY t', '{(none)}', true),
	('SELECT id FROM m WHERE host = ''none'' ORDER BY t', '{Order: t,(none)}', true),
	('SELECT id FROM m WHERE t > ''infinity'' ORDER BY t', '{Order: t,(none)}', true),
	('SELECT id FROM m WHERE t > NULL ORDER BY t', '{(none)}', true),
	('SELECT id FROM m WHERE 1000 / (n + 1) > 50 ORDER BY t', '{(error)}', true),
	('SELECT id FROM m WHERE n <> -1 AND 1000 / (n + 1) > 50 ORDER BY t DESC', '{Order: t DESC}', true),
	-- rows as wholes, system columns
	('SELECT m FROM m ORDER BY t DESC LIMIT 100', '{Order: t DESC}', true),
	('SELECT m.*, (m).id AS i, row(m.n, m.tx) r FROM m ORDER BY t LIMIT 500', '{Order: t}', true),
	('SELECT id FROM m WHERE m::text LIKE ''%h1%r2%'' ORDER BY t', '{Order: t}', true),
	('SELECT id, tableoid::regclass::text, ctid IS NULL AS c FROM m ORDER BY t LIMIT 1000', '{!Order:}', true),
	('SELECT id FROM m WHERE ctid <> ''(0,0)'' ORDER BY t DESC LIMIT 100', '{!Order:}', true),
	('SELECT id FROM m WHERE tableoid <> 0 ORDER BY t DESC LIMIT 100', '{!Order:}', true),
	-- correlated, each time with other parameters
	('SELECT h.host, l.* FROM (SELECT DISTINCT host FROM m) h, LATERAL (SELECT t, id, tx FROM m WHERE m.host = h.host ORDER BY t DESC LIMIT 2) l ORDER BY l.t', '{Nested Loop,Order: t DESC}', true),
	('SELECT g, l.id FROM generate_series(0, 6000, 97) g LEFT JOIN LATERAL (SELECT id FROM m WHERE t <= at(g) AND n + id > 3 ORDER BY t DESC LIMIT 1) l ON true ORDER BY g', '{Order: t DESC}', true),
	('SELECT g, (SELECT id FROM m WHERE t >= at(g) AND host = ''h'' || g % 7 ORDER BY t LIMIT 1) FROM generate_series(0, 5000, 501) g', '{SubPlan,Order: t}', true),
	('SELECT g, (SELECT max(t) FROM m WHERE n = g) FROM generate_series(-1, 30) g', '{SubPlan,Order: t DESC}', true),
	('SELECT g, (SELECT string_agg(id::text, '','') FROM (SELECT id FROM m WHERE t > at(g) ORDER BY t LIMIT 5) q) FROM generate_series(5000, 0, -999) g', '{Order: t}', true),
	('SELECT g, (SELECT string_agg(id::text, '','') FROM (SELECT DISTINCT ON (host) id FROM m WHERE t < at(g) ORDER BY host, t DESC) q) FROM generate_series(0, 5000, 499) g', '{First of Each Series by: t DESC}', true),
	-- last rows
	('SELECT DISTINCT ON (host) host, t, id FROM m WHERE t < at(2000) ORDER BY host, t DESC LIMIT 3', '{First of Each Series by: t DESC}', true),
	('SELECT DISTINCT ON (host) host, upper(tx) u, n + 1 AS n1, m FROM m ORDER BY host, t DESC OFFSET 2 LIMIT 4', '{First of Each Series by: t DESC}', true),
	('SELECT DISTINCT ON (host) tx, 5 AS five FROM m ORDER BY host NULLS FIRST, t', '{First of Each Series by: t}', true),
	('SELECT count(*), sum(id), max(tx) FROM (SELECT DISTINCT ON (host, region) * FROM m ORDER BY host, region, t DESC) q', '{Aggregate,First of Each Series by: t DESC}', true),
	('SELECT q.id, x.id AS i FROM (SELECT DISTINCT ON (host) * FROM m ORDER BY host, t DESC) q JOIN m x ON x.id = q.id - 5', '{First of Each Series by: t DESC}', false),
	('WITH c AS MATERIALIZED (SELECT DISTINCT ON (host) * FROM m ORDER BY host, t DESC) SELECT a.id, b.id AS i FROM c a, c b', '{First of Each Series by: t DESC}', true),
	('SELECT DISTINCT ON (host) host, id FROM m WHERE id NOT BETWEEN 2000 AND 6000 ORDER BY host, t DESC', '{First of Each Series by: t DESC}', true),
	('SELECT DISTINCT ON (host) host, id FROM m WHERE n + id % 2 > 3 ORDER BY host, t DESC', '{!First}', true),
	('SELECT DISTINCT ON (host) host, id FROM m WHERE id % 2 = 1 ORDER BY host, t DESC', '{First of Each Series by: t DESC}', true),
	('SELECT DISTINCT ON (host) host, id FROM m WHERE random() < 2 ORDER BY host, t DESC', '{!First}', true),
	('SELECT DISTINCT ON (host) host, id FROM m WHERE n IN (SELECT n FROM m WHERE id < 50 OFFSET 0) ORDER BY host, t DESC', '{!First}', true),
	('SELECT DISTINCT ON (host) host, region, id FROM m WHERE region = ''r1'' ORDER BY host, region, t DESC', '{First of Each Series by: t DESC}', true),
	('SELECT DISTINCT ON (host) host, id FROM m WHERE host = ''h1'' ORDER BY host, t DESC', '{Order: t DESC}', true),
	('SELECT DISTINCT ON (host) host, id FROM m ORDER BY host, t DESC, id', '{!First}', true),
	('SELECT DISTINCT ON (host) host, id FROM m ORDER BY host, id', '{!First}', true),
	('SELECT DISTINCT ON (host) host, id FROM m ORDER BY host, nt DESC NULLS LAST, id', '{!First}', true),
	('SELECT DISTINCT ON (host || region) host, id FROM m ORDER BY host || region, t', '{!First}', true),
	('SELECT DISTINCT ON (host COLLATE "C") host, id FROM m ORDER BY host COLLATE "C" DESC, t', '{}', true),
	('SELECT DISTINCT ON (v) v, id FROM m WHERE id < 30 ORDER BY v, t', '{!First}', true),
	('SELECT DISTINCT ON (host) host, id, ctid IS NULL AS c FROM m ORDER BY host, t DESC', '{!First}', true),
	('SELECT DISTINCT ON (host) host, id, count(*) OVER () AS c FROM m ORDER BY host, t DESC', '{!First}', true),
	('SELECT DISTINCT ON (host) host, generate_series(1, 1) AS c, id FROM m ORDER BY host, t DESC', '{!First}', false),
	('SELECT DISTINCT ON (host) host, t, count(*) FROM m GROUP BY host, t ORDER BY host, t DESC', '{!First}', true),
	('SELECT DISTINCT ON (m.host) m.host, m.id FROM m JOIN (VALUES (1), (2)) x (n) USING (n) ORDER BY m.host, m.t DESC', '{!First}', true),
	('SELECT DISTINCT ON (host) host, id FROM m WHERE false ORDER BY host, t DESC', '{(none)}', true),
	('SELECT DISTINCT ON (host) host, id FROM m WHERE t > at(10000000) ORDER BY host, t DESC', '{First of Each Series by: t DESC,(none)}', true),
	('SELECT DISTINCT ON (host) host, id FROM m WHERE t > at(6000) ORDER BY host, t DESC', '{First of Each Series by: t DESC}', true),
	('SELECT DISTINCT ON (host) host, id FROM m WHERE 1000 / (n + 1) > 0 ORDER BY host, t DESC', '{(error)}', true),
	('SELECT DISTINCT ON (host) host, id FROM m WHERE n >= 0 AND 1000 / (n + 1) > 200 ORDER BY host, t DESC', '{First of Each Series by: t DESC}', true),
	-- a nullable column
	('SELECT nt, id FROM m ORDER BY nt, id LIMIT 100', '{!Order:}', true),
	('SELECT DISTINCT ON (host) host, nt FROM m WHERE nt > at(5) ORDER BY host, nt DESC', '{!First}', true);
SELECT s.d FROM shapes, same(query, shape, ordered) AS s(d);
SELECT s.d FROM (SELECT query, shape, ordered FROM every_state UNION ALL SELECT query, shape, ordered FROM shapes) q,
	same(query, shape, ordered, '{parallel}') AS s(d);

-- joins that merge, of all kinds; what stands beside the last row
CREATE FUNCTION dear(int) RETURNS int COST 1000000 IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN $1 + 1; END';
SET enable_hashjoin = off;
SET enable_nestloop = off;
SELECT s.d FROM (VALUES
	('SELECT a.id, b.id AS i FROM (SELECT * FROM m WHERE id % 2 = 0) a %s JOIN (SELECT * FROM m WHERE id % 3 = 0) b ON a.t = b.t ORDER BY a.t, b.t', '{Merge,Order: t}'),
	('SELECT a.id, b.id AS i FROM (SELECT * FROM m WHERE id % 2 = 0) a %s JOIN (SELECT * FROM m WHERE id % 3 = 0) b USING (t) ORDER BY t DESC', '{Merge,Order: t}'),
	('SELECT a.id, b.id AS i FROM (SELECT * FROM m WHERE n < 9) a %s JOIN (SELECT * FROM m WHERE n > 80) b ON a.t = b.t + interval ''90 s'' ORDER BY b.t, a.t', '{}')) q(query, shape),
	unnest('{INNER,LEFT,RIGHT,FULL}'::text[]) kind,
	same(replace(query, '%s', kind), CASE WHEN kind IN ('INNER', 'LEFT') THEN shape ELSE '{}' END::text[], which => '{order,little memory}') AS s(d);
SELECT s.d FROM (VALUES
	('SELECT id FROM m a WHERE EXISTS (SELECT FROM m b WHERE b.t = a.t AND b.n < 40) ORDER BY t', '{Merge,Order: t}'),
	('SELECT id FROM m a WHERE NOT EXISTS (SELECT FROM m b WHERE b.t = a.t AND b.n < 40) ORDER BY t DESC', '{Merge,Order: t DESC}'),
	('SELECT a.id, b.g FROM m a JOIN (SELECT at(g % 300) AS t, g FROM generate_series(1, 900) g) b ON a.t = b.t ORDER BY a.t, b.g', '{Merge,Order: t}')) q(query, shape), same(query, shape::text[]) AS s(d);
RESET enable_hashjoin;
RESET enable_nestloop;
SELECT s.d FROM (VALUES
	('SELECT DISTINCT ON (host) host, dear(id) FROM m ORDER BY host, t DESC LIMIT 3', '{First of}'),
	('SELECT DISTINCT ON (host) host, dear(id), (SELECT max(x.n) FROM m x WHERE x.id < m.n) s FROM m ORDER BY host, t DESC LIMIT 5', '{First of,SubPlan}'),
	('SELECT DISTINCT ON (host) host, CASE WHEN random() < 2 THEN id END i FROM m ORDER BY host, t DESC LIMIT 5', '{!First}'),
	('SELECT DISTINCT ON (host) host, id FROM m ORDER BY host, t DESC, host', '{First of}'),
	('SELECT DISTINCT ON (host) host, id FROM m WHERE t = at(77) ORDER BY host, t DESC', '{!First}'),
	('SELECT DISTINCT ON (t) t, id FROM m ORDER BY t DESC, host LIMIT 60', '{}'),
	('SELECT DISTINCT ON (host, t) host, t, id FROM m ORDER BY host, t DESC LIMIT 60', '{!First}'),
	('SELECT DISTINCT ON (host) host, t, id FROM m ORDER BY host, t DESC NULLS LAST', '{First of}'),
	('SELECT id FROM m ORDER BY t NULLS FIRST LIMIT 60', '{Order: t}'),
	('SELECT id FROM m ORDER BY t DESC NULLS LAST LIMIT 60', '{Order: t DESC}'),
	('SELECT * FROM (SELECT DISTINCT ON (host) host, t, id FROM m ORDER BY host, t DESC) q WHERE host > ''h2'' ORDER BY t', '{First of,Sort}'),
	('SELECT DISTINCT ON (host) host, id FROM (SELECT * FROM m ORDER BY t LIMIT 100) q ORDER BY host, t DESC', '{!First,Order: t}'),
	('(SELECT DISTINCT ON (host) host, id FROM m ORDER BY host, t) UNION ALL (SELECT DISTINCT ON (host) host, id FROM m ORDER BY host, t DESC)', '{First of Each Series by: t DESC}'),
	('SELECT id, (SELECT x.id FROM m x WHERE x.host = m.host AND x.t < m.t ORDER BY x.t DESC LIMIT 1) AS before FROM m WHERE n < 4 ORDER BY t', '{SubPlan,Order: t DESC}')) q(query, shape), same(query, shape::text[]) AS s(d);

\echo # types of time, infinities, ties, NULLs
DO $$ DECLARE ty text; of text; first text;
BEGIN
	FOR ty, of IN VALUES ('timestamptz', 'at(g)'), ('timestamp', 'at(g)::timestamp'), ('date', 'date ''2026-01-01'' + (g / 3)::int'), ('bigint', 'g * 1000'),
		('int', '(g / 2)::int'), ('smallint', '(g / 2)::int2') LOOP
		PERFORM on_both(format('CREATE TABLE time_%s (host text, seq %1$s NOT NULL, id int, opt %1$s) {o}', ty), $o$WITH (segmentby = 'host', orderby = 'seq')$o$);
		FOR i IN 0..9 LOOP
			PERFORM set_config('tsdb_am.direct_load_rows', CASE WHEN i < 9 THEN '1' ELSE '1000000' END, true);
			PERFORM on_both(format('INSERT INTO time_%s SELECT ''h'' || g %% 4, %s, g, CASE WHEN g %% 3 <> 0 THEN %2$s END FROM generate_series(-1200, 1200) g WHERE abs(g) %% 10 = %s', ty, of, i));
		END LOOP;
		CONTINUE WHEN ty NOT IN ('timestamptz', 'timestamp', 'date', 'bigint', 'int', 'smallint');
		first := CASE ty WHEN 'bigint' THEN '-9223372036854775808' WHEN 'int' THEN '-2147483648' WHEN 'smallint' THEN '-32768' ELSE '-infinity' END;
		PERFORM set_config('tsdb_am.direct_load_rows', '1', true);
		PERFORM on_both(format('INSERT INTO time_%s VALUES (''h1'', %L, 9001, NULL), (''h2'', %L, 9002, NULL), (''lone'', %3$L, 9003, NULL)', ty, first,
			CASE ty WHEN 'bigint' THEN '9223372036854775807' WHEN 'int' THEN '2147483647' WHEN 'smallint' THEN '32767' ELSE 'infinity' END));
		PERFORM set_config('tsdb_am.direct_load_rows', '1000000', true);
		PERFORM on_both(format('INSERT INTO time_%s VALUES (''h3'', %L, 9004, NULL), (''h0'', %L, 9005, NULL)', ty, first,
			CASE ty WHEN 'bigint' THEN '9223372036854775807' WHEN 'int' THEN '2147483647' WHEN 'smallint' THEN '32767' ELSE 'infinity' END));
	END LOOP;
END $$;
SELECT s.d FROM unnest('{timestamptz,timestamp,date,bigint,int,smallint}'::text[]) ty, (VALUES
	('SELECT seq FROM %s ORDER BY seq', '{Order: seq,!Sort}', true),
	('SELECT seq FROM %s ORDER BY seq DESC', '{Order: seq DESC,!Sort}', true),
	('SELECT * FROM %s ORDER BY seq DESC', '{Order: seq DESC,!Sort}', false),
	('SELECT * FROM %s ORDER BY seq, id', '{Incremental Sort,Order: seq}', true),
	('SELECT * FROM %s WHERE host <> ''h2'' AND id %% 7 <> 0 ORDER BY seq DESC, id DESC LIMIT 700', '{Incremental Sort,Order: seq DESC}', true),
	('SELECT seq FROM %s ORDER BY seq DESC LIMIT 5', '{Order: seq DESC,!Sort}', true),
	('SELECT seq, host FROM %s WHERE host = ''lone'' OR host IS NULL ORDER BY seq LIMIT 5', '{Order: seq,!Sort}', false),
	('SELECT min(seq), max(seq) FROM %s', '{Order: seq,Order: seq DESC}', true),
	('SELECT min(seq), max(seq) FROM %s WHERE host = ''h1''', '{}', true),
	('SELECT min(opt), max(opt) FROM %s', '{}', true),
	('SELECT DISTINCT ON (host) host, seq FROM %s ORDER BY host, seq DESC', '{First of Each Series by: seq DESC}', true),
	('SELECT DISTINCT ON (host) host, seq FROM %s ORDER BY host, seq', '{First of Each Series by: seq}', true),
	('SELECT DISTINCT ON (host) host, seq FROM %s WHERE id < 900 AND id <> -1197 ORDER BY host DESC, seq', '{First of Each Series by: seq}', true),
	('SELECT DISTINCT ON (host) host, seq FROM %s ORDER BY host, seq NULLS FIRST', '{}', true)) q(query, shape, ordered),
	same(format(query, 'time_' || ty), shape::text[], ordered) AS s(d);
-- the order that oids have is another
SELECT same('SELECT DISTINCT ON (host) host, seq FROM time_int ORDER BY host, seq::oid DESC', '{!First}');
SELECT same('SELECT seq FROM time_int ORDER BY seq::oid DESC LIMIT 100', '{!Order:}');
-- across types
SELECT same('SELECT a.seq, b.seq AS s, a.id, b.id AS i FROM time_date a JOIN time_timestamp b ON a.seq = b.seq ORDER BY a.seq, a.id, b.id', '{}');
SELECT same('SELECT a.seq, count(*) FROM time_int a JOIN time_bigint b ON a.seq = b.seq GROUP BY a.seq ORDER BY a.seq DESC', '{}');
SELECT same('SELECT seq FROM time_date WHERE seq > timestamp ''2026-01-05 12:00'' ORDER BY seq LIMIT 10', '{Order: seq}');

SELECT on_both('CREATE TABLE nul (seq timestamptz, host text, id int, dom bigint) {o}', $$WITH (segmentby = 'host', orderby = 'seq')$$);
SET tsdb_am.direct_load_rows = 1;
SELECT on_both('INSERT INTO nul SELECT CASE WHEN g % 3 <> 0 THEN at(g % 700) END, CASE WHEN g % 4 <> 0 THEN ''h'' || g % 4 END, g FROM generate_series(1, 2500) g');
SELECT on_both('INSERT INTO nul SELECT NULL, ''h'' || g % 9, g FROM generate_series(2501, 3600) g');
SET tsdb_am.direct_load_rows = 1000000;
SELECT on_both('INSERT INTO nul SELECT CASE WHEN g % 3 <> 0 THEN at(g % 700) END, CASE WHEN g % 4 <> 0 THEN ''h'' || g % 4 END, g FROM generate_series(3601, 3700) g');
SELECT s.d FROM (VALUES
	('SELECT seq, id FROM nul ORDER BY seq, id', '{Order: seq,Presorted Key: seq}'),
	('SELECT seq, id FROM nul ORDER BY seq DESC, id', '{Order: seq DESC}'),
	('SELECT seq, id FROM nul ORDER BY seq NULLS FIRST, id', '{Order: seq NULLS FIRST}'),
	('SELECT seq, id FROM nul ORDER BY seq DESC NULLS LAST, id LIMIT 2600', '{Order: seq DESC NULLS LAST}'),
	('SELECT seq FROM nul ORDER BY seq DESC LIMIT 2500', '{Order: seq DESC,!Sort}'),
	('SELECT seq FROM nul ORDER BY seq DESC NULLS LAST LIMIT 20', '{Order: seq DESC NULLS LAST,!Sort}'),
	('SELECT seq FROM nul WHERE id % 2 = 1 ORDER BY seq NULLS FIRST LIMIT 1500', '{Order: seq NULLS FIRST,!Sort}'),
	('SELECT seq, id FROM nul WHERE seq IS NULL ORDER BY seq, id', '{}'),
	('SELECT host, seq, id FROM nul ORDER BY host, seq, id', '{"Order: host, seq"}'),
	('SELECT host, seq FROM nul WHERE id > 100 ORDER BY host DESC, seq DESC', '{"Order: host DESC, seq DESC",!Sort}'),
	('SELECT host, seq FROM nul ORDER BY host NULLS FIRST, seq DESC NULLS LAST', '{"Order: host NULLS FIRST, seq DESC NULLS LAST",!Sort}'),
	('SELECT host, seq FROM nul WHERE id % 3 = 0 ORDER BY host, seq NULLS FIRST', '{"Order: host, seq NULLS FIRST",!Sort}'),
	('SELECT seq IS NULL, host, count(*), sum(id) FROM nul GROUP BY host, seq ORDER BY host, seq', '{"Order: host, seq"}'),
	('SELECT date_trunc(''minute'', seq) AS m, count(*) FROM nul GROUP BY 1 ORDER BY 1 DESC', '{Order: seq DESC,!Sort}'),
	('SELECT date_trunc(''minute'', seq) AS m, seq FROM nul ORDER BY 1 NULLS FIRST, seq NULLS FIRST', '{Order: seq NULLS FIRST,!Sort}'),
	('SELECT date_trunc(''minute'', seq) AS m, seq FROM nul ORDER BY 1 NULLS FIRST, seq', '{Presorted Key: (date_trunc}'),
	('SELECT seq::date AS d, seq FROM nul ORDER BY 1 DESC NULLS LAST, 2 DESC NULLS LAST LIMIT 2000', '{Order: seq DESC NULLS LAST,!Sort}'),
	('SELECT a.seq, a.id, b.id AS b FROM nul a JOIN (SELECT DISTINCT ON (seq) seq, id FROM nul WHERE id < 100 ORDER BY seq, id) b ON a.seq = b.seq ORDER BY 1, 2', '{}'),
	('SELECT g, q.seq FROM generate_series(0, 5) g, LATERAL (SELECT seq FROM nul WHERE host = ''h'' || g ORDER BY seq DESC LIMIT 3) q', '{}'),
	('SELECT g, q.seq FROM generate_series(0, 5) g, LATERAL (SELECT seq FROM nul WHERE id % 5 = g ORDER BY seq DESC NULLS LAST LIMIT 3) q', '{Order: seq DESC NULLS LAST}'),
	('SELECT seq, id FROM nul WHERE seq IS NOT NULL ORDER BY seq, id', '{Order: seq}'),
	('SELECT seq, id FROM nul WHERE seq > at(300) ORDER BY seq DESC NULLS LAST, id', '{Order: seq DESC}'),
	('SELECT seq, id FROM nul WHERE seq = ANY (ARRAY[at(1), at(400), NULL]) ORDER BY seq, id', '{Order: seq}'),
	('SELECT seq, id FROM nul WHERE seq > at(300) OR id = 3 ORDER BY seq DESC, id', '{Order: seq DESC}'),
	('SELECT seq, id FROM nul WHERE seq IS DISTINCT FROM at(5) ORDER BY seq DESC, id LIMIT 1500', '{Order: seq DESC}'),
	('SELECT seq, id FROM nul WHERE seq <> ALL (ARRAY[at(1), at(400)]) ORDER BY seq DESC, id LIMIT 1500', '{}'),
	('SELECT seq, id FROM nul WHERE seq <> ALL (ARRAY[]::timestamptz[]) ORDER BY seq DESC, id LIMIT 1500', '{Order: seq DESC}'),
	('SELECT seq, id FROM nul WHERE coalesce(seq, at(1)) > at(0) ORDER BY seq DESC, id LIMIT 1500', '{Order: seq DESC}'),
	('SELECT min(seq), max(seq), count(seq) FROM nul', '{}'),
	('SELECT max(seq) FROM nul WHERE host IS NULL', '{}'),
	('SELECT DISTINCT ON (host) host, seq FROM nul ORDER BY host, seq DESC', '{First of Each Series by: seq DESC}'),
	('SELECT DISTINCT ON (host) host, seq FROM nul ORDER BY host DESC, seq DESC NULLS LAST', '{First of Each Series by: seq DESC}'),
	('SELECT DISTINCT ON (host) host, seq FROM nul WHERE id % 2 = 0 ORDER BY host NULLS FIRST, seq NULLS FIRST', '{First of Each Series by: seq}'),
	('SELECT DISTINCT ON (host) host, seq FROM nul WHERE id > 3600 ORDER BY host, seq', '{First of Each Series by: seq}'),
	('SELECT DISTINCT ON (host) host, seq FROM nul WHERE seq IS NOT NULL ORDER BY host, seq DESC', '{First of Each Series by: seq DESC}'),
	('SELECT DISTINCT ON (host) host, seq FROM nul WHERE seq < at(500) ORDER BY host NULLS FIRST, seq', '{First of Each Series by: seq}')) q(query, shape),
	same(query, shape::text[], which => '{order,plain,little memory,few sets,parallel,no scan}') AS s(d);
-- once it is known of such rows, another plan is better
ANALYZE ord_t.nul;
SELECT same('SELECT DISTINCT ON (host) host, seq FROM nul ORDER BY host, seq DESC', '{!First}', which => '{order,plain,little memory,few sets,no scan}');
DELETE FROM pg_statistic WHERE starelid = 'ord_t.nul'::regclass;
-- changed rows, those of a time column that is another one now, and one that was added later
SELECT on_both('DELETE FROM nul WHERE id % 7 = 0');
SELECT on_both('UPDATE nul SET seq = CASE WHEN seq IS NULL THEN at(id) END WHERE id % 11 = 0');
SELECT on_both('ALTER TABLE nul ADD COLUMN late timestamptz, ADD COLUMN later timestamptz DEFAULT at(5)');
ALTER TABLE ord_t.nul SET (orderby = 'late');
SET tsdb_am.direct_load_rows = 1;
SELECT on_both('INSERT INTO nul SELECT at(g), ''h'' || g % 3, g, NULL, CASE WHEN g % 5 <> 1 THEN at(g * 7 % 1000) END, NULL FROM generate_series(5001, 7200) g');
SET tsdb_am.direct_load_rows = 1000000;
SELECT s.d FROM (VALUES
	('SELECT late, id FROM nul ORDER BY late DESC, id LIMIT 5000', '{Order: late DESC}'),
	('SELECT late, id FROM nul ORDER BY late DESC NULLS LAST, id', '{Order: late DESC NULLS LAST}'),
	('SELECT host, late FROM nul ORDER BY host, late NULLS FIRST', '{"Order: host, late NULLS FIRST",!Sort}'),
	('SELECT late FROM nul WHERE later IS NULL ORDER BY late LIMIT 1000', '{Order: late,!Sort}')) q(query, shape),
	same(query, shape::text[], which => '{order,plain,little memory,few sets,no scan}') AS s(d);
ALTER TABLE ord_t.nul SET (orderby = 'later');
SELECT s.d FROM (VALUES
	('SELECT later, id FROM nul ORDER BY later DESC, id', '{Order: later DESC}'),
	('SELECT later FROM nul ORDER BY later NULLS FIRST LIMIT 3000', '{Order: later NULLS FIRST,!Sort}')) q(query, shape),
	same(query, shape::text[], which => '{order,plain,little memory,few sets,no scan}') AS s(d);
ALTER TABLE ord_t.nul SET (orderby = 'seq');
SELECT s.d FROM (VALUES
	('SELECT seq, id FROM nul ORDER BY seq DESC, id', '{Order: seq DESC}'),
	('SELECT host, seq FROM nul ORDER BY host DESC, seq', '{"Order: host DESC, seq",!Sort}')) q(query, shape),
	same(query, shape::text[], which => '{order,plain,little memory,few sets,no scan}') AS s(d);
-- rows of the directory's chunks without such rows are not read for them
SELECT on_both('CREATE TABLE somenul (seq timestamptz, host text, id int) {o}', $$WITH (segmentby = 'host', orderby = 'seq')$$);
SET tsdb_am.direct_load_rows = 1;
SELECT on_both(format('INSERT INTO somenul SELECT CASE WHEN g <> 20500 THEN at(g) END, ''h'' || g %% 3, g FROM generate_series(%s, %s) g', i * 10000 + 1, i * 10000 + 10000)) FROM generate_series(0, 4) i;
SET tsdb_am.direct_load_rows = 1000000;
SELECT s.d FROM (VALUES
	('SELECT seq, id FROM somenul ORDER BY seq DESC NULLS LAST LIMIT 10', '{Order: seq DESC NULLS LAST,!Sort}'),
	('SELECT seq, id FROM somenul ORDER BY seq DESC LIMIT 10', '{Order: seq DESC,!Sort}'),
	('SELECT seq, id FROM somenul ORDER BY seq NULLS FIRST LIMIT 10', '{Order: seq NULLS FIRST,!Sort}')) q(query, shape),
	same(query, shape::text[]) AS s(d);
-- begun again for each outer row: chunks are taken one by one only as long as none has such rows; the row store has some
SELECT on_both('CREATE TABLE nonul (seq timestamptz, host text, id int) {o}', $$WITH (segmentby = 'host', orderby = 'seq')$$);
SET tsdb_am.direct_load_rows = 1;
SELECT on_both(format('INSERT INTO nonul SELECT at(g), ''h'' || g %% 3, g FROM generate_series(%s, %s) g', i * 2000 + 1, i * 2000 + 2000)) FROM generate_series(0, 4) i;
SET tsdb_am.direct_load_rows = 1000000;
SELECT on_both('INSERT INTO nonul VALUES (NULL, ''h1'', -1), (NULL, ''h9'', -2), (at(99999), ''h2'', -3)');
SELECT s.d FROM (VALUES
	('SELECT g, q.* FROM generate_series(0, 9) g, LATERAL (SELECT seq, id FROM nonul WHERE host = ''h'' || g AND (id > 0 OR g <> 5) ORDER BY seq DESC LIMIT 2) q', '{Order: seq DESC}'),
	('SELECT g, q.* FROM generate_series(0, 9) g, LATERAL (SELECT seq, id FROM nonul WHERE id > 0 AND id % 10 = g ORDER BY seq NULLS FIRST LIMIT 2) q', '{Order: seq NULLS FIRST}'),
	('SELECT g, q.* FROM generate_series(0, 9) g, LATERAL (SELECT seq, id FROM somenul WHERE id % 10 = g ORDER BY seq DESC LIMIT 2) q', '{Order: seq DESC}'),
	-- and all rows are sorted for the last ones of series only if there are some
	('SELECT DISTINCT ON (host) host, seq, id FROM somenul ORDER BY host, seq DESC', '{First of Each Series by: seq DESC}'),
	('SELECT DISTINCT ON (host) host, seq, id FROM nonul ORDER BY host, seq DESC NULLS LAST', '{First of Each Series by: seq DESC}'),
	('SELECT DISTINCT ON (host) host, seq FROM nonul ORDER BY host, seq NULLS FIRST', '{First of Each Series by: seq}'),
	('SELECT DISTINCT ON (host) host, seq, id FROM nonul WHERE id > 0 ORDER BY host DESC, seq DESC', '{First of Each Series by: seq DESC}'),
	('SELECT g, q.* FROM generate_series(0, 9) g, LATERAL (SELECT seq, id FROM somenul WHERE id % 10 = g ORDER BY seq DESC NULLS LAST LIMIT 2) q', '{Order: seq DESC NULLS LAST}')) q(query, shape),
	same(query, shape::text[]) AS s(d);
SET search_path = ord_t, ord_x, public;
SELECT substring(plan_of(q, 'ANALYZE, COSTS OFF, TIMING OFF') FROM 'Chunks: [^\n]*\n *Vectors: [^\n]*')
FROM (VALUES ('SELECT seq, id FROM somenul ORDER BY seq DESC LIMIT 10'), ('SELECT DISTINCT ON (host) host, seq, id FROM nonul WHERE id > 0 ORDER BY host DESC, seq DESC'),
	('SELECT DISTINCT ON (host) host, seq, id FROM nonul ORDER BY host DESC, seq DESC')) v(q);
SET search_path = ord_x, public;

\echo # types of series
CREATE COLLATION nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE COLLATION german (provider = icu, locale = 'de');
CREATE TYPE mood AS ENUM ('low', 'middle', 'high');
CREATE DOMAIN word AS text;
SELECT on_both('CREATE TABLE ser (t timestamptz NOT NULL, tx text, tg text COLLATE german, tc text COLLATE "C", tn text COLLATE nocase, vc varchar(20), bc char(8), nm name, i2 int2, i4 int4, i8 int8,
	oi oid, uu uuid, bo bool, da date, ba bytea, f8 float8, nu numeric, en mood, dw word, iv interval, ip inet, ch "char", late text, one text) {o}', $$WITH (segmentby = 'tx', orderby = 't')$$);
CREATE FUNCTION ser_rows(a int, b int) RETURNS SETOF record STABLE LANGUAGE sql AS $$
SELECT at(g), k, k, k, k, left(k, 20), left(k, 8), left(k, 50), h::int2, h, h, (CASE h WHEN 0 THEN 4294967295 ELSE h + 2147483645::bigint END)::oid, md5(k)::uuid, h < 0, '2026-01-01'::date + h, k::bytea,
	CASE h WHEN 1 THEN '-0' WHEN 2 THEN '0' WHEN 3 THEN 'NaN' ELSE h::text END::float8, CASE h WHEN 1 THEN '1.0' WHEN 2 THEN '1.00' ELSE h::text END::numeric,
	(ARRAY['low', 'middle', 'high'])[1 + abs(h % 3)]::mood, k, CASE h % 2 WHEN 0 THEN '1 day' ELSE '24 h' END::interval, '10.0.0.1'::inet, left(k, 1)::"char"
FROM (SELECT g, NULLIF(g % 11, 4) - 5 AS h, (ARRAY['a', 'A', 'ä', 'b ', 'b', 'ß', 'ss', '', NULL, 'Z', repeat('long', 600)])[1 + g % 11] AS k FROM generate_series(a, b) g) x $$;
SET tsdb_am.direct_load_rows = 1;
DO $$ BEGIN
	FOR i IN 0..5 LOOP
		PERFORM set_config('tsdb_am.direct_load_rows', CASE WHEN i < 5 THEN '1' ELSE '1000000' END, true);
		PERFORM on_both(format('INSERT INTO ser SELECT x.* FROM ser_rows(%s, %s) AS x(t timestamptz, tx text, tg text, tc text, tn text, vc text, bc text, nm text, i2 int2, i4 int4, i8 int4,
			oi oid, uu uuid, bo bool, da date, ba bytea, f8 float8, nu numeric, en mood, dw text, iv interval, ip inet, ch "char")', i * 100 - 20, i * 100 + CASE i WHEN 1 THEN 2500 ELSE 90 END));
	END LOOP;
END $$;
SELECT upkeep($$recompress('ord_t.ser')$$);
SELECT on_both('ALTER TABLE ser ADD COLUMN added int NOT NULL DEFAULT 5, DROP COLUMN one');
SELECT on_both('DELETE FROM ser WHERE tx IN (''a'', ''b '') AND t > at(150)');
SELECT s.d FROM unnest('{tx,tg,tc,tn,vc,bc,nm,i2,i4,i8,oi,uu,bo,da,ba,f8,nu,en,dw,iv,ip,ch,late,added}'::text[]) c, unnest('{DESC,ASC}'::text[]) dir,
	same(format('SELECT DISTINCT ON (%s) t, %1$s::text AS k, i4 FROM ser ORDER BY %1$s %s, t DESC', c, dir),
		ARRAY[CASE WHEN c IN ('tn', 'bc', 'f8', 'nu', 'iv', 'ip', 'en') THEN '!First' WHEN c IN ('dw') THEN '(any)' ELSE 'First of Each Series by: t DESC' END], which => '{order,no scan}') AS s(d)
	WHERE c <> 'f8' OR dir = 'ASC';
SELECT s.d FROM (VALUES
	('SELECT DISTINCT ON (tx, i4, uu) tx, i4, uu, t FROM ser ORDER BY uu, tx DESC, i4, t'),
	('SELECT DISTINCT ON (tx) tx, t, length(ba) FROM ser WHERE tx > ''a'' COLLATE "C" ORDER BY tx, t DESC'),
	('SELECT DISTINCT ON (late, vc) vc, late, t FROM ser WHERE vc IS NOT NULL ORDER BY late, vc, t DESC')) q(query),
	same(query, '{First of Each Series by: t}'::text[]) AS s(d);

-- in order of each: chunks are sorted by another column
CREATE FUNCTION series_of(columns text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('ALTER TABLE ord_t.ser SET (segmentby = %L)', columns);
END $$;
CREATE FUNCTION by_each() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE c text; dir text; o text;
BEGIN
	FOREACH c IN ARRAY '{tx,tg,tc,tn,vc,bc,nm,i2,i4,i8,oi,uu,bo,da,ba,f8,nu,en,dw,iv,ip,ch,late,added}'::text[] LOOP
		PERFORM series_of(c);
		FOREACH dir IN ARRAY '{DESC,ASC,DESC NULLS LAST,NULLS FIRST}'::text[] LOOP
			FOREACH o IN ARRAY CASE dir WHEN 'DESC' THEN '{t,t DESC}' ELSE '{t}' END::text[] LOOP
				RETURN QUERY SELECT * FROM same(format('SELECT %s::text AS k, t, length(ba) FROM ser WHERE %1$s IS NOT NULL OR i4 IS NULL OR t > at(100) ORDER BY %1$s %s, %s', c, dir, o),
					ARRAY['Order: ' || c, '!Sort'], which => CASE WHEN c IN ('tg', 'i4', 'nu') THEN '{order,little memory}' ELSE '{order}' END::text[]);
			END LOOP;
		END LOOP;
	END LOOP;
END $$;
SELECT by_each();
SELECT series_of('tx, i4, uu, en, added, bo');
SELECT s.d FROM (VALUES
	('SELECT tx, i4, uu, en, t FROM ser ORDER BY uu, tx DESC, en DESC NULLS LAST, i4, t', '{"Order: uu, tx DESC, en DESC NULLS LAST, i4, t",!Sort}'),
	('SELECT tx, i4, uu, en, t FROM ser ORDER BY added DESC, bo NULLS FIRST, i4 DESC, t DESC', '{"Order: added DESC, bo NULLS FIRST, i4 DESC, t DESC",!Sort}'),
	('SELECT tx, i4, t FROM ser WHERE en > ''low'' AND tx > ''a'' COLLATE "C" ORDER BY i4, tx, t LIMIT 500', '{"Order: i4, tx, t",!Sort}'),
	('SELECT i4, t FROM ser ORDER BY i4::oid DESC, t LIMIT 500', '{"Order: i4 DESC, t",!Sort}'),
	('SELECT i4, t FROM ser ORDER BY added, t DESC', '{"Order: added, t DESC",!Sort}')) q(query, shape),
	same(query, shape::text[], which => '{order,few sets,little memory,no scan}') AS s(d);
-- integers that lie too far apart for numbers of 63 bits
SELECT on_both('CREATE TABLE far (t timestamptz NOT NULL, a int8, b int8, id int) {o}', $$WITH (segmentby = 'a, b', orderby = 't')$$);
SET tsdb_am.direct_load_rows = 1;
SELECT on_both('INSERT INTO far SELECT at(g), CASE g % 4 WHEN 0 THEN -9223372036854775808 WHEN 1 THEN 9223372036854775807 WHEN 2 THEN 5 END, CASE g % 3 WHEN 0 THEN 9223372036854775807 ELSE -g % 7 END, g FROM generate_series(1, 2500) g');
SET tsdb_am.direct_load_rows = 1000000;
SELECT on_both('INSERT INTO far SELECT at(g), -4611686018427387904, g % 7, g FROM generate_series(2501, 2600) g');
SELECT s.d FROM (VALUES
	('SELECT * FROM far ORDER BY a, t', '{"Order: a, t",!Sort}'),
	('SELECT * FROM far ORDER BY a DESC NULLS LAST, b, t DESC', '{"Order: a DESC NULLS LAST, b, t DESC",!Sort}'),
	('SELECT * FROM far WHERE a = ANY (ARRAY[5, 9223372036854775807]) AND b BETWEEN -5 AND 5 ORDER BY b DESC, a, t', '{"Order: b DESC, a, t",!Sort}'),
	('SELECT * FROM far WHERE a IS NULL ORDER BY a, b NULLS FIRST, t', '{"Order: a, b NULLS FIRST, t",!Sort}')) q(query, shape), same(query, shape::text[]) AS s(d);

\echo # what rises with time
SELECT s.d FROM (VALUES
	('timestamptz', 'date_trunc(''microsecond'', seq)', true), ('timestamptz', 'date_trunc(''second'', seq)', true), ('timestamptz', 'date_trunc(''MINUTES'', seq)', true), ('timestamptz', 'date_trunc(''hour'', seq)', true),
	('timestamptz', 'date_trunc(''day'', seq)', true), ('timestamptz', 'date_trunc(''week'', seq)', true), ('timestamptz', 'date_trunc(''year'', seq)', true), ('timestamptz', 'date_trunc(''century'', seq)', false),
	('timestamptz', 'date_trunc(''hour'', seq, ''America/New_York'')', true), ('timestamptz', 'date_trunc(''hour'', seq, ''EST'')', false), ('timestamptz', 'date_trunc(CASE id % 2 WHEN 0 THEN ''day'' ELSE ''hour'' END, seq)', false),
	('timestamptz', 'seq::date', true), ('timestamptz', 'seq::timestamp', true), ('timestamptz', 'seq AT TIME ZONE ''America/New_York''', false), ('timestamptz', 'date_trunc(''day'', seq AT TIME ZONE ''UTC'')', true),
	('timestamptz', 'seq AT TIME ZONE interval ''05:30''', true), ('timestamptz', 'seq + interval ''90 min''', true), ('timestamptz', 'seq - interval ''1 day''', false), ('timestamptz', 'seq - at(5)', false),
	('timestamptz', 'date_bin(''7 min'', seq, at(-100000))', true), ('timestamptz', 'date_bin(''7 min'', seq, at(100000)) - interval ''1 h''', true), ('timestamptz', 'extract(minute FROM seq)', false),
	('timestamp', 'date_trunc(''month'', seq)', true), ('timestamp', 'date_trunc(''quarter'', seq)::date', true), ('timestamp', 'seq + interval ''1 day''', true), ('timestamp', 'seq - interval ''1 month''', false),
	('timestamp', 'date_bin(''1 h'', seq, ''2026-01-01'')', true), ('timestamp', 'seq::timestamptz', false), ('timestamp', 'seq::time', false),
	('date', 'date_trunc(''month'', seq)', true), ('date', 'seq + 5', true), ('date', '5 + seq', true), ('date', 'seq - 5', true), ('date', 'seq::timestamp', true), ('date', 'seq + interval ''1 day''', true), ('date', 'seq - date ''2026-01-01''', false),
	('bigint', 'seq / 3600', true), ('bigint', 'seq / -3600', false), ('bigint', 'seq / (id + 3000)', false), ('bigint', 'seq % 7', false), ('bigint', '-seq', false), ('bigint', '(seq / 60::int2) * 60', true), ('bigint', 'seq / 4 - 10', true), ('bigint', '10 - seq / 4', false),
	('int', '(seq / 3600)::int8', true), ('int', 'seq / 7::bigint', true), ('int', '7 * (seq / 100)', true), ('int', '-7 * (seq / 100)', false), ('int', 'seq::float8', false), ('int', 'seq / 2.0', false), ('int', '(seq / 60)::oid', false),
	('smallint', 'seq::int + 1', true), ('smallint', 'seq / 5', true), ('smallint', '(seq / 5)::text', false)) e(ty, expr, rises),
	(VALUES ('SELECT host, id FROM time_%s WHERE id < 9000 ORDER BY %s, id'), ('SELECT %2$s AS e, count(*), max(id) FROM time_%1$s WHERE id < 9000 OR id = 9002 AND id % 2 = 0 GROUP BY 1 ORDER BY 1 DESC LIMIT 100')) q(query),
	same(replace(format(replace(query, '% ', '%% '), ty, expr), '%% ', '% '), ARRAY[CASE WHEN rises THEN 'Order: seq' ELSE '!Order:' END, CASE WHEN expr LIKE 'seq - %(%' OR expr LIKE 'seq - date%' THEN '(error)' ELSE '(all)' END], which => '{order,no scan}') AS s(d);
-- infinities
SELECT s.d FROM (VALUES ('timestamptz', 'date_trunc(''hour'', seq)'), ('timestamptz', 'date_trunc(''year'', seq)'), ('timestamptz', 'seq::date'), ('timestamptz', 'date_bin(''1 h'', seq, at(0))'), ('timestamptz', 'seq + interval ''1 h'''),
	('timestamp', 'date_trunc(''week'', seq)'), ('timestamp', 'seq::date + 3'), ('timestamp', 'date_bin(''1 h'', seq, ''2026-01-01'')'), ('date', 'seq::timestamp - interval ''1 day'''), ('date', 'date_trunc(''day'', seq)'),
	('bigint', 'seq / 7'), ('int', 'seq / 7'), ('smallint', 'seq / 7')) e(ty, expr),
	same(format('SELECT %s AS e, count(*), max(id) FROM time_%s GROUP BY 1 ORDER BY 1', expr, ty), '{GroupAggregate,Order: seq,!Sort}', which => '{order,few sets,no scan}') AS s(d);
-- local time: which zones' clocks let it rise
CREATE FUNCTION rises(zone text, expr text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('timezone', zone, true), set_config('search_path', 'ord_t, ord_x, public', true), set_config('enable_sort', 'off', true);
	RETURN plan_of(format('SELECT id FROM time_timestamptz ORDER BY %s LIMIT 5', expr)) ~ 'Order: seq';
END $$;
BEGIN;
SELECT zone, rises(zone, 'date_trunc(''second'', seq)') AS second, rises(zone, 'date_trunc(''minute'', seq)') AS minute, rises(zone, 'date_trunc(''hour'', seq)') AS hour, rises(zone, 'date_trunc(''day'', seq)') AS day,
	rises(zone, 'seq::date') AS date, rises(zone, 'seq::timestamp') AS local
FROM unnest('{UTC,Europe/Berlin,America/Phoenix,XXX0YYY\,M3.2.0/2\,M3.3.0/0:30,XXX0YYY-0:30:30\,M3.2.0/2\,M3.3.0/3:10:10}'::text[]) zone;
ROLLBACK;
-- a plan made for a zone in which days rise, executed in one where they go back from the 15th to the 14th
SELECT on_both('CREATE TABLE back (t timestamptz NOT NULL, host text, id int) {o}', $$WITH (segmentby = 'host', orderby = 't')$$);
SET tsdb_am.direct_load_rows = 1;
SELECT on_both('INSERT INTO back SELECT at(13 * 86400 + g * 90), ''h'' || g % 3, g FROM generate_series(1, 2000) g');
SET tsdb_am.direct_load_rows = 1000000;
SELECT on_both('INSERT INTO back SELECT at(13 * 86400 + g * 90 + 7), ''h'' || g % 3, g FROM generate_series(900, 1000) g');
SET plan_cache_mode = force_generic_plan;
SET enable_sort = off;
SET enable_hashagg = off;
CREATE FUNCTION in_zones(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE side text; zone text; line text; plan text := ''; said text[];
BEGIN
	SET LOCAL timezone = 'UTC';
	FOREACH side IN ARRAY ARRAY['ord_h', 'ord_t'] LOOP
		EXECUTE format('PREPARE in_%s AS %s', side, replace(query, 'back', side || '.back'));
		-- the plan is kept from here on
		FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) EXECUTE in_' || side LOOP
			plan := plan || line;
		END LOOP;
	END LOOP;
	IF plan !~ 'Order: ' OR plan ~ 'TsdbScan.*Sort' THEN
		RETURN NEXT 'PLAN: ' || plan;
	END IF;
	FOREACH zone IN ARRAY ARRAY['UTC', 'XXX0YYY,M3.2.0/2,M3.3.0/0:30', 'Europe/Berlin'] LOOP
		PERFORM set_config('timezone', zone, true);
		said := '{}';
		FOREACH side IN ARRAY ARRAY['ord_h', 'ord_t'] LOOP
			plan := '';
			FOR line IN EXECUTE 'EXECUTE in_' || side LOOP
				plan := plan || line || ' ';
			END LOOP;
			said := said || plan;
		END LOOP;
		IF said[1] IS DISTINCT FROM said[2] OR length(said[1]) < 20 THEN
			RETURN NEXT format('DIFFERENT in %s: %s: %s %s', zone, query, left(said[1], 300), left(said[2], 300));
		END IF;
	END LOOP;
	DEALLOCATE in_ord_h;
	DEALLOCATE in_ord_t;
END $$;
SELECT in_zones('SELECT r::text FROM (SELECT date_trunc(''day'', t) d, count(*), min(id), max(id) FROM back GROUP BY d ORDER BY d) r');
SELECT in_zones('SELECT r::text FROM (SELECT t::date d, count(*), min(id), max(id) FROM back WHERE id % 7 <> 3 GROUP BY d ORDER BY d DESC) r');
SELECT in_zones('SELECT r::text FROM (SELECT host, date_trunc(''day'', t) d, count(*), min(id), max(id) FROM back GROUP BY host, d ORDER BY host DESC, d) r');
SELECT in_zones('SELECT r::text FROM (SELECT date_trunc(''day'', t) d, t, id FROM back ORDER BY d, t) r');
RESET plan_cache_mode;
RESET enable_sort;
RESET enable_hashagg;
SET timezone = 'UTC';

\echo # partitions, kinds of tables mixed
DO $$ DECLARE side text; p text; path text := current_setting('search_path');
BEGIN
	FOREACH side IN ARRAY ARRAY['ord_h', 'ord_t'] LOOP
		PERFORM set_config('search_path', side || ', ord_x, public', true);
		PERFORM set_config('default_table_access_method', CASE side WHEN 'ord_h' THEN 'heap' ELSE 'tsdb' END, true);
		CREATE TABLE pt (t timestamptz NOT NULL, host text, id int) PARTITION BY RANGE (t);
		CREATE TABLE pt1 PARTITION OF pt FOR VALUES FROM (MINVALUE) TO (at(1000));
		-- columns in another order, one dropped
		CREATE TABLE pt2 (gone int, id int, host text, t timestamptz NOT NULL);
		ALTER TABLE pt2 DROP COLUMN gone;
		ALTER TABLE pt ATTACH PARTITION pt2 FOR VALUES FROM (at(1000)) TO (at(2000));
		CREATE TABLE pt3 PARTITION OF pt FOR VALUES FROM (at(2000)) TO (MAXVALUE) USING heap;
		CREATE INDEX ON pt3 (t);
		CREATE TABLE ph (t timestamptz NOT NULL, host text, id int) PARTITION BY HASH (host);
		CREATE TABLE ph1 PARTITION OF ph FOR VALUES WITH (MODULUS 3, REMAINDER 0);
		CREATE TABLE ph2 PARTITION OF ph FOR VALUES WITH (MODULUS 3, REMAINDER 1);
		CREATE TABLE ph3 PARTITION OF ph FOR VALUES WITH (MODULUS 3, REMAINDER 2) USING heap;
		CREATE INDEX ON ph3 (t);
		IF side = 'ord_t' THEN
			FOREACH p IN ARRAY ARRAY['pt1', 'pt2', 'ph1', 'ph2'] LOOP
				EXECUTE format('ALTER TABLE %s SET (segmentby = ''host'', orderby = ''t'')', p);
			END LOOP;
		END IF;
		FOR i IN 0..5 LOOP
			PERFORM set_config('tsdb_am.direct_load_rows', CASE WHEN i < 5 THEN '1' ELSE '1000000' END, true);
			INSERT INTO pt SELECT at(g), 'h' || g % 7, g FROM generate_series(1, 3000) g WHERE g % 6 = i;
			INSERT INTO ph SELECT at(g), 'h' || g % 7, g FROM generate_series(1, 3000) g WHERE g % 6 = i;
		END LOOP;
		DELETE FROM pt WHERE id BETWEEN 990 AND 1010;
	END LOOP;
	PERFORM set_config('search_path', path, true);
END $$;
ANALYZE ord_t.pt, ord_t.ph;
SELECT s.d FROM (VALUES
	('SELECT id FROM pt ORDER BY t', '{Append,Order: t,Index Scan}'),
	('SELECT * FROM pt ORDER BY t DESC LIMIT 1500', '{Append,Order: t DESC}'),
	('SELECT pt FROM pt WHERE host IN (''h1'', ''h2'') ORDER BY t DESC', '{Append,Order: t DESC}'),
	('SELECT id FROM pt WHERE t BETWEEN at(900) AND at(1100) ORDER BY t', '{Append,Order: t}'),
	('SELECT * FROM ph ORDER BY t LIMIT 700', '{Merge Append,Order: t}'),
	('SELECT * FROM ph ORDER BY host, t LIMIT 700', '{}'),
	('SELECT * FROM (SELECT * FROM ph1 UNION ALL SELECT * FROM ph2) u ORDER BY host, t', '{Merge Append,"Order: host, t"}'),
	('SELECT * FROM pt WHERE t < at(2000) ORDER BY host DESC, t DESC LIMIT 700', '{Merge Append,"Order: host DESC, t DESC"}'),
	('SELECT date_trunc(''minute'', t) q, count(*) FROM pt WHERE t < at(2000) GROUP BY q ORDER BY q DESC LIMIT 9', '{GroupAggregate,Merge Append,Order: t DESC}'),
	('SELECT ph.*, host FROM ph WHERE id % 5 <> length(host) ORDER BY t DESC', '{Merge Append,Order: t DESC}'),
	('SELECT t, id FROM ph ORDER BY t, host, id', '{Incremental Sort,Merge Append,Order: t}'),
	('SELECT min(t), max(t) FROM ph', '{Merge Append,Order: t,Order: t DESC}'),
	('SELECT max(t) FROM pt WHERE t < at(2000)', '{}'),
	('SELECT DISTINCT ON (host) * FROM ph ORDER BY host, t DESC', '{!First}'),
	('SELECT DISTINCT ON (host) * FROM ph1 ORDER BY host, t DESC', '{First of Each Series by: t DESC}'),
	('SELECT DISTINCT ON (host) id, t, host FROM pt2 ORDER BY host DESC, t', '{First of Each Series by: t}'),
	('SELECT g, l.* FROM generate_series(0, 3200, 111) g, LATERAL (SELECT id, host FROM ph WHERE t < at(g) ORDER BY t DESC LIMIT 2) l ORDER BY g', '{Merge Append,Order: t DESC}'),
	('SELECT g, (SELECT id FROM pt WHERE host = ''h'' || g ORDER BY t DESC LIMIT 1) FROM generate_series(0, 8) g', '{Append,Order: t DESC}'),
	('SELECT a.id, b.id AS i FROM pt a JOIN ph b ON a.t = b.t ORDER BY a.t LIMIT 500', '{}'),
	('SELECT id, tableoid::regclass::text FROM ph ORDER BY t LIMIT 100', '{}')) q(query, shape),
	same(query, shape::text[], which => '{order,plain,little memory,few sets,parallel,no scan}') AS s(d);

\echo # in the transaction that writes
CREATE TABLE in_tx (query text, shape text[]);
INSERT INTO in_tx VALUES
	('SELECT id, n FROM m ORDER BY t DESC LIMIT 50', '{Order: t DESC}'),
	('SELECT id FROM m ORDER BY t LIMIT 50', '{Order: t}'),
	('SELECT max(t) FROM m', '{Order: t DESC}'),
	('SELECT DISTINCT ON (host) host, id, n FROM m ORDER BY host, t DESC', '{First of Each Series by: t DESC}');
BEGIN;
SET LOCAL tsdb_am.direct_load_rows = 1;
SELECT on_both('INSERT INTO m (t, id, host, n) SELECT at(100000 + g), 90000 + g, ''h'' || g % 9, g FROM generate_series(1, 300) g');
SELECT s.d FROM in_tx, same(query, shape) AS s(d);
SELECT on_both('DELETE FROM m WHERE id > 90290');
SELECT on_both('UPDATE m SET n = -5 WHERE id BETWEEN 90250 AND 90270');
SELECT s.d FROM in_tx, same(query, shape) AS s(d);
SAVEPOINT a;
SELECT on_both('INSERT INTO m (t, id, host, n) SELECT at(200000 + g), 95000 + g, ''h'' || g % 9, g FROM generate_series(1, 300) g');
SELECT on_both('DELETE FROM m WHERE host = ''h1''');
SELECT s.d FROM in_tx, same(query, shape) AS s(d);
ROLLBACK TO a;
SELECT s.d FROM in_tx, same(query, shape) AS s(d);
-- the newest chunk as a whole
SELECT on_both('DELETE FROM m WHERE id > 90000');
SELECT s.d FROM in_tx, same(query, shape) AS s(d);
COMMIT;
SELECT s.d FROM in_tx, same(query, shape) AS s(d);

\echo # cursors
-- what a cursor says over fetches, between which the table changes; it must be what it saw when it was opened
CREATE FUNCTION walk(side text, query text, hold text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE r record; result text := ''; c refcursor := 'walker'; i int := 0;
BEGIN
	PERFORM set_config('search_path', side || ', ord_x, public', true);
	EXECUTE format('DECLARE walker %s CURSOR %s FOR %s', CASE hold WHEN 'SCROLL' THEN 'SCROLL' ELSE 'NO SCROLL' END, CASE hold WHEN 'HOLD' THEN 'WITH HOLD' ELSE '' END, query);
	LOOP
		FETCH c INTO r;
		EXIT WHEN NOT FOUND;
		result := result || ' ' || r::text;
		i := i + 1;
		IF i = 5 THEN
			DELETE FROM m WHERE id % 3 = 0;
		ELSIF i = 8 THEN
			INSERT INTO m (t, id, host) SELECT at(300000 + g), 99000 + g, 'h1' FROM generate_series(1, 50) g;
		ELSIF i = 12 AND hold = 'SCROLL' THEN
			MOVE RELATIVE -7 FROM c;
		END IF;
	END LOOP;
	-- again at the end
	FETCH c INTO r;
	result := result || ' ' || FOUND::text;
	IF hold = 'SCROLL' THEN
		FETCH LAST FROM c INTO r;
		result := result || ' ' || r::text;
		FETCH FIRST FROM c INTO r;
		result := result || ' ' || r::text;
	END IF;
	CLOSE c;
	RETURN result;
END $$;
BEGIN;
SET LOCAL enable_sort = off;
DO $$ DECLARE q text; hold text; side text; said text[]; one text; BEGIN
	FOREACH hold IN ARRAY '{PLAIN,HOLD,SCROLL}'::text[] LOOP
		FOREACH q IN ARRAY ARRAY['SELECT id, host, tx FROM m ORDER BY t DESC', 'SELECT id, m FROM m WHERE n % 7 > 1 AND host < region ORDER BY t LIMIT 600',
				'SELECT DISTINCT ON (host, region) host, id, tx FROM m ORDER BY host, region, t DESC', 'SELECT id, host, tx FROM m ORDER BY host DESC, t'] LOOP
			said := '{}';
			FOREACH side IN ARRAY ARRAY['ord_h', 'ord_t'] LOOP
				BEGIN
					one := walk(side, q, hold);
					-- takes back what was changed
					RAISE EXCEPTION 'done';
				EXCEPTION WHEN raise_exception THEN
					said := said || one;
				END;
			END LOOP;
			IF said[1] IS DISTINCT FROM said[2] OR length(said[1]) < 200 THEN
				RAISE WARNING 'DIFFERENT: % %: % %', hold, q, left(said[1], 300), left(said[2], 300);
			END IF;
		END LOOP;
	END LOOP;
END $$;
COMMIT;

\echo # generic plans, views, row security
SELECT on_both('CREATE FUNCTION {s}.newest(text, timestamptz) RETURNS SETOF text LANGUAGE plpgsql AS
	$f$ BEGIN RETURN QUERY SELECT q::text FROM (SELECT id, t FROM m WHERE host = $1 AND t < $2 ORDER BY t DESC LIMIT 3) q; END $f$');
SELECT on_both('CREATE FUNCTION {s}.lasts(timestamptz, int) RETURNS SETOF text LANGUAGE plpgsql AS
	$f$ BEGIN RETURN QUERY SELECT q::text FROM (SELECT DISTINCT ON (host) host, id FROM m WHERE t < $1 AND n > $2 ORDER BY host, t DESC) q; END $f$');
SET plan_cache_mode = force_generic_plan;
BEGIN;
SET LOCAL enable_sort = off;
SELECT same('SELECT g, newest(''h'' || g, at(g * 500 + 100)), newest(NULL, at(1)), newest(''h1'', ''infinity'') FROM generate_series(0, 8) g', '{ProjectSet}');
SELECT same('SELECT g, lasts(at(g * 700), g * 3), lasts(NULL, g), lasts(''infinity'', -1) FROM generate_series(0, 8) g', '{ProjectSet}');
SET LOCAL enable_sort = off;
SET LOCAL search_path = ord_t, ord_x, public;
PREPARE newest (text, timestamptz) AS SELECT id, t FROM m WHERE host = $1 AND t < $2 ORDER BY t DESC LIMIT 3;
PREPARE lasts (timestamptz, int) AS SELECT DISTINCT ON (host) host, id FROM m WHERE t < $1 AND n > $2 ORDER BY host, t DESC;
SELECT l FROM regexp_split_to_table(plan_of($$EXECUTE newest('h1', at(1))$$) || plan_of('EXECUTE lasts(at(1), 1)'), E'\n') l WHERE l ~ 'Order|First|\$';
COMMIT;
RESET plan_cache_mode;

SELECT on_both('CREATE VIEW seen WITH (security_barrier) AS SELECT * FROM m WHERE n <> 13');
SELECT on_both('CREATE VIEW plainly AS SELECT id + 0 AS i, t AS tt, host FROM m WHERE n <> 13');
CREATE FUNCTION leaky(int) RETURNS boolean LANGUAGE plpgsql STABLE COST 0.0001 AS $$
BEGIN
	IF $1 % 100 = 13 THEN RAISE EXCEPTION 'leaked %', $1; END IF;
	RETURN true;
END $$;
SELECT s.d FROM (VALUES
	('SELECT id FROM seen WHERE leaky(id) AND id > 13 ORDER BY t DESC LIMIT 200', '{Subquery Scan}'),
	('SELECT max(t) FROM seen WHERE leaky(n)', '{Subquery Scan}'),
	('SELECT DISTINCT ON (host) host, id FROM seen WHERE leaky(n) ORDER BY host, t DESC', '{!First}'),
	('SELECT DISTINCT ON (host) host, id FROM seen WHERE n > 3 ORDER BY host, t DESC', '{Subquery Scan}'),
	('SELECT DISTINCT ON (host) i, host FROM plainly ORDER BY host, tt DESC', '{First of Each Series by: t DESC}'),
	('SELECT i FROM plainly WHERE host = ''h1'' ORDER BY tt LIMIT 40', '{Order: t}')) q(query, shape), same(query, shape::text[]) AS s(d);
CREATE ROLE ord_reader;
GRANT USAGE ON SCHEMA ord_h, ord_t, ord_x TO ord_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA ord_h, ord_t, ord_x TO ord_reader;
SELECT on_both('ALTER TABLE m ENABLE ROW LEVEL SECURITY');
SELECT on_both('CREATE POLICY p ON m USING (n <> 13 AND host <> ''h3'')');
SET ROLE ord_reader;
SELECT s.d FROM (VALUES
	('SELECT id FROM m WHERE leaky(n) ORDER BY t DESC LIMIT 200', '{Order: t DESC}'),
	('SELECT DISTINCT ON (host) host, id FROM m WHERE n > 3 ORDER BY host, t DESC', '{First of Each Series by: t DESC}'),
	('SELECT DISTINCT ON (host) host, id FROM m WHERE leaky(n) ORDER BY host, t DESC', '{!First}')) q(query, shape), same(query, shape::text[]) AS s(d);
RESET ROLE;
SELECT on_both('ALTER TABLE m DISABLE ROW LEVEL SECURITY');

\echo # rows locked, changed by order
SELECT s.d FROM (VALUES
	('SELECT id FROM m WHERE n < 50 ORDER BY t DESC LIMIT 7 FOR UPDATE', '{LockRows,!Order:}'),
	('SELECT h.id, m.id AS i FROM m h JOIN m ON h.t = m.t WHERE h.n < 9 ORDER BY h.t LIMIT 30 FOR SHARE OF m', '{LockRows}')) q(query, shape), same(query, shape::text[], which => '{order,plain}') AS s(d);

\echo # many chunks that overlap: merging gives up, and sorts
-- each row of the order is in another chunk; wide rows, of which few fit in memory
SELECT on_both('CREATE TABLE wide (t timestamptz NOT NULL, host text, id int, ' || string_agg(format('c%s text', c), ', ') || ') {o}', $$WITH (segmentby = 'host', orderby = 't')$$)
	FROM generate_series(1, 20) c;
DO $$ BEGIN
	FOR i IN 0..44 LOOP
		PERFORM set_config('tsdb_am.direct_load_rows', CASE WHEN i < 44 THEN '1' ELSE '1000000' END, true);
		PERFORM on_both(format('INSERT INTO wide SELECT at(g * 45 + (%s * 7) %% 45), ''h'' || g %% 4, g * 45 + (%1$s * 7) %% 45, %s FROM generate_series(1, 130) g', i,
			(SELECT string_agg(format('CASE WHEN (g + %s) %% 9 <> 0 THEN repeat(chr(97 + (g + %1$s) %% 26), 10 + g %% 7) || g || %s END', c, i), ', ') FROM generate_series(1, 20) c)));
	END LOOP;
END $$;
SELECT on_both('DELETE FROM wide WHERE id % 50 = 7 OR id BETWEEN 2000 AND 2100');
SELECT s.d FROM (VALUES
	('SELECT * FROM wide ORDER BY t', '{Order: t,!Sort}'),
	('SELECT * FROM wide ORDER BY t DESC', '{Order: t DESC,!Sort}'),
	('SELECT wide FROM wide WHERE length(c1 || c2) % 5 > 0 AND host <> ''h2'' ORDER BY t DESC OFFSET 10', '{Order: t DESC,Vectorized Filter,!Sort}'),
	('SELECT id, c3 FROM wide WHERE c4 IS NULL OR c5 > c6 ORDER BY t', '{Order: t,!Sort}'),
	('SELECT c20, id FROM wide ORDER BY t DESC LIMIT 10', '{Order: t DESC,!Sort}'),
	('SELECT id, c20 FROM wide ORDER BY t OFFSET 3000 LIMIT 100', '{Order: t,!Sort}'),
	('SELECT g, (SELECT string_agg(id || coalesce(c3, ''''), '' '') FROM (SELECT * FROM wide WHERE t > at(g) ORDER BY t OFFSET 2500 LIMIT 3) q) FROM generate_series(0, 3000, 1500) g', '{Order: t}'),
	('SELECT DISTINCT ON (host) * FROM wide ORDER BY host, t DESC', '{First of Each Series by: t DESC,!Sort}'),
	('SELECT DISTINCT ON (host, c1) host, c1, id FROM wide WHERE c2 IS NOT NULL ORDER BY host, c1 DESC, t', '{First of Each Series by: t,!Sort}')) q(query, shape), same(query, shape::text[], which => '{order,plain,little memory,few sets,no scan}') AS s(d);
-- what was sorted did not fit
CREATE FUNCTION spills(query text) RETURNS boolean LANGUAGE sql AS
	$$ SELECT p ~ 'Order: t' AND p !~ 'Sort' AND p ~ 'temp read=\d+ written=\d+' FROM plan_of(query, 'ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF') p $$;
BEGIN;
SET LOCAL search_path = ord_t, ord_x, public;
SET LOCAL enable_sort = off;
SET LOCAL work_mem = '64kB';
SET LOCAL hash_mem_multiplier = 1;
SELECT 'little memory', spills('SELECT * FROM wide ORDER BY t');
SET LOCAL work_mem = '1MB';
SELECT 'few sets', spills('SELECT * FROM wide ORDER BY t'), spills('SELECT * FROM wide ORDER BY t LIMIT 1000');
SET LOCAL work_mem = '64MB';
SELECT 'enough', spills('SELECT * FROM wide ORDER BY t');
COMMIT;

\echo # more series than memory for them
SELECT on_both('CREATE TABLE many (t timestamptz NOT NULL, host text, region int, id int) {o}', $$WITH (segmentby = 'host', orderby = 't')$$);
DO $$ BEGIN
	FOR i IN 0..3 LOOP
		PERFORM set_config('tsdb_am.direct_load_rows', CASE WHEN i < 3 THEN '1' ELSE '1000000' END, true);
		PERFORM on_both(format('INSERT INTO many SELECT at(%s * 4000 + g), ''host '' || g, g %% 9, %1$s * 4000 + g FROM generate_series(1, 2000) g WHERE g %% 4 >= %1$s', i));
	END LOOP;
END $$;
SELECT s.d FROM (VALUES
	('SELECT DISTINCT ON (host) * FROM many ORDER BY host, t DESC'),
	('SELECT DISTINCT ON (host, region) id, region FROM many WHERE id % 5 <> 0 ORDER BY host, region DESC, t')) q(query), same(query, '{First of Each Series}') AS s(d);
-- the planner does not know: all are sorted
SELECT s.d FROM (VALUES
	('SELECT * FROM many ORDER BY host, t'),
	('SELECT id, host FROM many WHERE id % 5 <> 0 ORDER BY host DESC, t DESC LIMIT 500')) q(query), same(query, '{Order: host}', which => '{order,little memory,no scan}') AS s(d);
CREATE FUNCTION with_order(query text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	SET LOCAL search_path = ord_t, ord_x, public;
	SET LOCAL work_mem = '64kB';
	SET LOCAL hash_mem_multiplier = 1;
	SET LOCAL enable_sort = off;
	RETURN CASE WHEN plan_of(query) ~ 'Order: host' THEN answer('ord_t', query, true) = answer('ord_h', query, true) END;
END $$;
BEGIN;
SET LOCAL search_path = ord_t, ord_x, public;
SELECT with_order('SELECT * FROM many ORDER BY host, t'), with_order('SELECT id, host FROM many WHERE id % 5 <> region ORDER BY host DESC, t DESC');
ROLLBACK;
ANALYZE ord_t.many;
BEGIN;
SET LOCAL search_path = ord_t, ord_x, public;
SELECT plan_of('SELECT DISTINCT ON (host) * FROM many ORDER BY host, t DESC') ~ 'First of Each' AS enough;
SET LOCAL work_mem = '64kB';
SET LOCAL hash_mem_multiplier = 1;
SELECT plan_of('SELECT DISTINCT ON (host) * FROM many ORDER BY host, t DESC') ~ 'First of Each' AS little;
COMMIT;

\echo # how much is read
SELECT on_both('CREATE TABLE days (t timestamptz NOT NULL, host text, id int) {o}', $$WITH (segmentby = 'host', orderby = 't')$$);
SET tsdb_am.direct_load_rows = 1;
DO $$ BEGIN
	FOR d IN 0..19 LOOP
		PERFORM on_both(format('INSERT INTO days SELECT at(%s * 86400 + g), ''h'' || g %% 5, %1$s * 10000 + g FROM generate_series(1, 1500) g', d));
	END LOOP;
END $$;
SET tsdb_am.direct_load_rows = 1000000;
SELECT on_both('INSERT INTO days SELECT at(5 * 86400 + g) + interval ''0.5 s'', ''h1'', -g FROM generate_series(1, 20) g');
CREATE FUNCTION chunks_read(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE p text; m text[];
BEGIN
	SET LOCAL search_path = ord_t, ord_x, public;
	SET LOCAL enable_sort = off;
	p := plan_of(query, 'ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF');
	m := regexp_match(p, '(Order: .*|First of Each .*)\n(?:.*Rows Removed.*\n)?\s*(Chunks: [^\n]*)');
	SET LOCAL search_path = ord_x, public;
	RETURN format('%s: %s', query, m[2]);
END $$;
SELECT chunks_read(q) FROM unnest(ARRAY[
	'SELECT * FROM days ORDER BY t DESC LIMIT 10',
	'SELECT * FROM days ORDER BY t LIMIT 10',
	'SELECT * FROM days ORDER BY t LIMIT 1600',
	'SELECT * FROM days WHERE host = ''h2'' ORDER BY t DESC LIMIT 10',
	'SELECT * FROM days WHERE t < at(10 * 86400) ORDER BY t DESC LIMIT 10',
	'SELECT max(t) FROM days',
	'SELECT DISTINCT ON (host) * FROM days ORDER BY host, t DESC',
	'SELECT DISTINCT ON (host) * FROM days WHERE t < at(10 * 86400) ORDER BY host, t',
	'SELECT * FROM days ORDER BY t',
	'SELECT date_trunc(''hour'', t) q, count(*) FROM days GROUP BY q ORDER BY q DESC LIMIT 1',
	'SELECT * FROM days ORDER BY host, t LIMIT 10',
	'SELECT * FROM days ORDER BY host, t DESC LIMIT 10',
	'SELECT * FROM days ORDER BY host, t LIMIT 400',
	'SELECT * FROM days WHERE t > at(10 * 86400) ORDER BY host DESC, t LIMIT 10',
	'SELECT * FROM days ORDER BY host, t']) q;
SELECT on_both('DELETE FROM days WHERE t > at(18 * 86400) AND (host <> ''h3'' OR t > at(19 * 86400))');
SELECT s.d FROM (VALUES
	('SELECT * FROM days ORDER BY t DESC LIMIT 10', '{Order: t DESC}'),
	('SELECT DISTINCT ON (host) * FROM days ORDER BY host, t DESC', '{First of Each Series}'),
	('SELECT max(t) FROM days', '{Order: t DESC}')) q(query, shape), same(query, shape::text[]) AS s(d);
-- another column is the time column from now on
ALTER TABLE ord_t.days ALTER id SET NOT NULL, SET (orderby = 'id');
SELECT on_both('INSERT INTO days SELECT at(g), ''h5'', 300000 - g FROM generate_series(1, 100) g');
SET tsdb_am.direct_load_rows = 1;
SELECT on_both('INSERT INTO days SELECT at(g), ''h'' || g % 5, 400000 - g FROM generate_series(1, 2000) g');
SELECT s.d FROM (VALUES
	('SELECT * FROM days ORDER BY id', '{Order: id,!Sort}'),
	('SELECT * FROM days ORDER BY id DESC LIMIT 3000', '{Order: id DESC,!Sort}'),
	('SELECT * FROM days ORDER BY t DESC, id LIMIT 3000', '{!Order:}'),
	('SELECT DISTINCT ON (host) * FROM days ORDER BY host, id', '{First of Each Series by: id}')) q(query, shape), same(query, shape::text[]) AS s(d);
ALTER TABLE ord_t.days RESET (orderby);

\echo # scans that begin again keep no memory
CREATE FUNCTION used() RETURNS bigint VOLATILE LANGUAGE sql AS $$ SELECT sum(used_bytes)::bigint FROM pg_backend_memory_contexts $$;
-- bytes from the 100th time on
CREATE FUNCTION grows(query text, shape text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE n bigint;
BEGIN
	SET LOCAL search_path = ord_t, ord_x, public;
	SET LOCAL enable_sort = off;
	IF plan_of(format('SELECT (%s) FROM generate_series(1, 10) g', query)) !~ shape THEN
		RETURN 'plan of ' || query;
	END IF;
	EXECUTE format('SELECT max(u) - min(u) FROM (SELECT CASE WHEN g %% 450 = 100 THEN used() END u, (%s) r FROM generate_series(1, 1000) g OFFSET 0) q', query) INTO n;
	SET LOCAL search_path = ord_x, public;
	RETURN CASE WHEN n > 50000 THEN format('%s grows by %s bytes', query, n) ELSE 'does not grow' END;
END $$;
SELECT grows(q, s) FROM (VALUES
	('SELECT id FROM m WHERE t < at(g * 4) AND host = ''h1'' ORDER BY t DESC LIMIT 1', 'Order: t DESC'),
	('SELECT id FROM m WHERE t < at(g * 4) AND upper(host) || n <> region ORDER BY t DESC LIMIT 1', 'Order: t DESC'),
	('SELECT max(t) FROM days WHERE t < at(g * 1000) AND id <> g', '.'),
	('SELECT max(id) FROM (SELECT id FROM m WHERE t < at(g * 4) ORDER BY host, t DESC LIMIT 3) q', 'Order: host, t DESC'),
	('SELECT count(*) FROM (SELECT DISTINCT ON (host) host, id FROM many WHERE t < at(20 + g % 9) ORDER BY host, t DESC) q', 'First of')) v(q, s);

DROP OWNED BY ord_reader;
DROP ROLE ord_reader;
DROP SCHEMA ord_h, ord_t, ord_x CASCADE;
