-- What the tests dml_* share, each of which includes this file: a statement runs on heap tables in schema dml_h and on tsdb
-- tables in schema dml_t, and must leave and return the same.  Here a test of that itself: it must see a difference.
\set VERBOSITY terse
\pset tuples_only on
\pset format unaligned
SET jit = off;
SET client_min_messages = warning;
CREATE SCHEMA IF NOT EXISTS dml_h;
CREATE SCHEMA IF NOT EXISTS dml_t;

-- rows and a hash of each table of a side
CREATE OR REPLACE FUNCTION dml_state(side text) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE r record; s text; state text := '';
BEGIN
	FOR r IN SELECT oid::regclass AS rel, relname FROM pg_class WHERE relnamespace = side::regnamespace AND relkind IN ('r', 'm') ORDER BY relname LOOP
		EXECUTE format('SELECT count(*) || '' '' || coalesce(sum(hashtextextended(replace(q::text, %L, ''''), 0)), 0) FROM ONLY %s q',
			side || '.', r.rel) INTO s;
		state := state || r.relname || ' ' || s || '; ';
	END LOOP;
	RETURN state;
END $$;

CREATE OR REPLACE FUNCTION dml_run(stmt text, OUT got text[], OUT n bigint) LANGUAGE plpgsql AS $$
DECLARE r record;
BEGIN
	got := '{}';
	n := 0;
	IF stmt ~* '^\s*(select|values|fetch|explain|with)\M' OR stmt ~* '\mreturning\M' THEN
		FOR r IN EXECUTE stmt LOOP
			got := got || r::text;
			n := n + 1;
		END LOOP;
	ELSE
		EXECUTE stmt;
		GET DIAGNOSTICS n = ROW_COUNT;
	END IF;
END $$;

-- Runs a statement on the heap side and on the tsdb side: 'equal' if what it returned (count, rows, error) and all tables
-- afterwards are.  {s} in it stands for the side's letter.
CREATE OR REPLACE FUNCTION twin(stmt text, ordered boolean DEFAULT false, caught boolean DEFAULT false) RETURNS text
LANGUAGE plpgsql SET search_path = public SET default_table_access_method = heap AS $$
DECLARE
	side text; command text; n bigint; got text[]; detail text; results text[] := '{}'; states text[] := '{}';
BEGIN
	FOREACH side IN ARRAY ARRAY['dml_h', 'dml_t'] LOOP
		PERFORM set_config('search_path', side || ', public', true);
		PERFORM set_config('default_table_access_method', CASE side WHEN 'dml_h' THEN 'heap' ELSE 'tsdb' END, true);
		command := replace(stmt, '{s}', right(side, 1));
		IF caught THEN
			BEGIN
				SELECT * INTO got, n FROM dml_run(command);
			EXCEPTION WHEN OTHERS THEN
				GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
				n := NULL;
				results := results || replace(concat_ws('; ', SQLSTATE || ' ' || SQLERRM, nullif(detail, '')), side || '.', '');
			END;
		ELSE
			SELECT * INTO got, n FROM dml_run(command);
		END IF;
		IF n IS NOT NULL THEN
			IF NOT ordered THEN
				got := ARRAY(SELECT f FROM unnest(got) f ORDER BY f COLLATE "C");
			END IF;
			results := results || rtrim(replace(n || ' ' || array_to_string(got, ' '), side || '.', ''));
		END IF;
		states := states || dml_state(side);
	END LOOP;
	RETURN CASE WHEN results[1] <> results[2] THEN 'DIFFERENT: ' || results[1] || ' / ' || results[2]
		WHEN states[1] <> states[2] THEN 'TABLES DIFFER: ' || states[1] || ' / ' || states[2]
		WHEN length(results[1]) <= 160 THEN 'equal: ' || results[1]
		ELSE format('equal: %s... (%s characters)', left(results[1], 80), length(results[1])) END;
END $$;
CREATE OR REPLACE FUNCTION twin_error(stmt text) RETURNS text LANGUAGE sql AS $$ SELECT twin(stmt, false, true) $$;

-- Compresses all tsdb tables; which still have rows in the row store?
CREATE OR REPLACE FUNCTION squeeze() RETURNS text LANGUAGE plpgsql AS $$
DECLARE rel regclass; n bigint; total bigint := 0; left_over text := '';
BEGIN
	FOR rel IN SELECT c.oid FROM pg_class c JOIN pg_am a ON a.oid = relam WHERE amname = 'tsdb' AND relnamespace = 'dml_t'::regnamespace ORDER BY relname LOOP
		PERFORM tsdb.compress(rel);
		EXECUTE format('SELECT count(*) FROM ONLY %s WHERE ctid < ''(2147483648,0)''', rel) INTO n;
		total := total + chunk_rows(rel);
		IF n > 0 THEN
			left_over := left_over || format(' %s of %s', n, rel);
		END IF;
	END LOOP;
	RETURN CASE left_over WHEN '' THEN format('all rows are in chunks: %s', total) ELSE 'in the row store:' || left_over END;
END $$;

-- damage that tsdb.verify finds, and tables of which an index shows another number of rows
CREATE OR REPLACE FUNCTION sound() RETURNS SETOF text LANGUAGE plpgsql SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE rel regclass; n bigint[];
BEGIN
	FOR rel IN SELECT c.oid FROM pg_class c JOIN pg_am a ON a.oid = relam WHERE amname = 'tsdb' AND relnamespace = 'dml_t'::regnamespace ORDER BY relname LOOP
		RETURN QUERY SELECT rel || ': ' || v::text FROM tsdb.verify(rel) v;
		EXECUTE format('SELECT ARRAY[(SELECT count(*) FROM ONLY %1$s), (SELECT count(q) FROM (SELECT * FROM ONLY %1$s OFFSET 0) q)]', rel) INTO n;
		IF n[1] <> n[2] THEN
			RETURN NEXT format('%s: %s rows by index, %s by table', rel, n[1], n[2]);
		END IF;
	END LOOP;
	RETURN NEXT 'verified';
END $$;

\if :{?twin}
\else
SELECT twin('CREATE TABLE x (id int, v int)');
SELECT twin('INSERT INTO x SELECT g, 0 FROM generate_series(1, 3) g');
SELECT twin('SELECT * FROM x');
SELECT twin_error('SELECT 1 / v FROM x');
SELECT twin($$SELECT '{s}'$$);
SELECT twin($$UPDATE x SET v = CASE '{s}' WHEN 't' THEN 7 ELSE 8 END$$);
SELECT twin($$UPDATE x SET v = 2 WHERE id < CASE '{s}' WHEN 't' THEN 4 ELSE 3 END$$);
SELECT twin($$SELECT * FROM x ORDER BY id * CASE '{s}' WHEN 't' THEN 1 ELSE -1 END$$, true);
SELECT squeeze();
INSERT INTO dml_t.x VALUES (4, 4);
BEGIN;
UPDATE dml_t.x SET v = 5;
SELECT squeeze();
COMMIT;
DROP TABLE dml_h.x, dml_t.x;
\endif
