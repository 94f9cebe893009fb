-- Calls every function of the extension that SQL can call, with the ends of each type's range, texts that are no names, NULLs and tables of other
-- kinds, as a user who is no superuser.  No call may end the server, or an error that "cannot happen" (class XX).
-- Variables: runs, seed.  Prints functions, SQLSTATEs and calls that did.
CREATE TABLE evil.mt (time timestamptz NOT NULL, host text, v float8, i int) USING tsdb WITH (segmentby = 'host', orderby = 'time');
INSERT INTO evil.mt SELECT '2024-01-01'::timestamptz + i * interval '1 s', 'h' || i % 10, i, i FROM generate_series(1, 3000) i;
CREATE TABLE evil.mp (time timestamptz NOT NULL, v float8) USING tsdb;
SELECT tsdb.create_shards('evil.mp', 'time', interval '7 days');
INSERT INTO evil.mp SELECT '2024-01-01'::timestamptz + i * interval '1 h', i FROM generate_series(1, 300) i;

CREATE FUNCTION evil.call_all(runs int, seed float8) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	f record;
	values text[];
	args text[];
	type oid;
	statement text;
BEGIN
	PERFORM setseed(seed);
	FOR run IN 1 .. runs LOOP
		-- (job_next_start and shard_name are helpers that search for ever if they are asked for what is not there)
		FOR f IN SELECT p.prokind, format('%I.%I', n.nspname, p.proname) AS name, p.proargtypes::oid[] AS types
				   FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
				   JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e' JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'tsdb_am'
				  WHERE 'internal'::regtype <> ALL (p.proargtypes::oid[]) AND p.prorettype NOT IN ('internal'::regtype, 'trigger'::regtype)
					AND p.proname NOT IN ('job_next_start', 'shard_name') ORDER BY p.oid
		LOOP
			args := '{}';
			FOREACH type IN ARRAY f.types LOOP
				values := CASE (SELECT t.typname::text FROM pg_type t WHERE t.oid = type)
					WHEN 'regclass' THEN ARRAY['evil.mt', 'evil.mp', '0', '4294967295', 'pg_class', 'tsdb.tables', 'tsdb.shards']
					WHEN 'int2' THEN ARRAY['-32768', '32767', '0', '1', '-1']
					WHEN 'int4' THEN ARRAY['-2147483648', '2147483647', '0', '1', '-1', '1000', '100000000']
					WHEN 'int8' THEN ARRAY['-9223372036854775808', '9223372036854775807', '0', '1', '-1', '4294967296']
					WHEN 'float8' THEN ARRAY['NaN', 'Infinity', '-Infinity', '0', '-0.0', '1e308', '-1e308', '5e-324', '0.5']
					WHEN 'interval' THEN ARRAY['0', '1 s', '-1 s', '178000000 years', '-178000000 years', '1 month', '1 month 1 day', '1 us', '2147483647 days', '-2147483648 days', '2147483647 months']
					WHEN 'timestamptz' THEN ARRAY['infinity', '-infinity', '4713-01-01 BC', '294276-12-31', '2000-01-01', '1999-12-31 23:59:59']
					WHEN 'timestamp' THEN ARRAY['infinity', '-infinity', '4713-01-01 BC', '294276-12-31', '2000-01-01', '1999-12-31 23:59:59']
					WHEN 'date' THEN ARRAY['infinity', '-infinity', '4713-01-01 BC', '5874897-12-31', '2000-01-01']
					WHEN 'bool' THEN ARRAY['t', 'f']
					WHEN 'jsonb' THEN ARRAY['null', '{}', '{"drop_after": "x"}', '{"drop_after": "1 day"}', '{"max_size": -1}', '[]']
					WHEN 'xid' THEN ARRAY['0', '1', '4294967295']
					WHEN '_float8' THEN ARRAY['{}', '{NULL}', '{0.5,2,NaN}']
					WHEN '_name' THEN ARRAY['{}', '{NULL}', '{a,b}', '{{a},{b}}']
					WHEN '_text' THEN ARRAY['{}', '{NULL}', '{"[1,2]"}', '{"x"}']
					WHEN 'regtype' THEN ARRAY['int4', 'timestamptz', 'text', '0', 'date']
					WHEN 'regproc' THEN ARRAY['0', 'now', 'pg_sleep']
					WHEN 'regrole' THEN ARRAY['mal', 'postgres', '0']
					WHEN 'oid' THEN ARRAY['0', '1', '4294967295']
					ELSE CASE WHEN type IN ('text'::regtype, 'name'::regtype, 'cstring'::regtype)
						THEN ARRAY['', 'x', repeat('y', 5000), 'UTC', 'linear', 'locf', 'hour', 'time', 'host', '\x', '(1 2)', '%s%n', E'\x01', 'evil.mt', '''; DROP TABLE x; --'] END END;
				IF type IN ('anyelement'::regtype, 'anycompatible'::regtype, '"any"'::regtype) THEN
					values := ARRAY['1', 'NULL::int', '''x''::text', '1.5::float8', 'now()', 'interval ''1 day''', '''infinity''::timestamptz', 'ROW(1,2)', 'NULL', 'ARRAY[1,2]', '''{}''::jsonb', '9223372036854775807'];
					args := args || values[1 + floor(random() * array_length(values, 1))::int];
				ELSIF values IS NULL OR random() < 0.1 THEN
					args := args || format('NULL::%s', type::regtype);
				ELSE
					args := args || format('%L::%s', values[1 + floor(random() * array_length(values, 1))::int], type::regtype);
				END IF;
			END LOOP;
			statement := format(CASE WHEN f.prokind = 'p' THEN 'CALL %s(%s)' ELSE 'SELECT %s(%s)' END, f.name, array_to_string(args, ', '));
			BEGIN
				EXECUTE statement;
				RAISE EXCEPTION 'undone' USING ERRCODE = 'ZZ999';
			EXCEPTION WHEN OTHERS THEN
				IF SQLSTATE LIKE 'XX%' THEN
					RETURN NEXT concat_ws(' ', SQLSTATE, SQLERRM, statement);
				END IF;
			END;
		END LOOP;
	END LOOP;
END $$;
SELECT evil.call_all(:runs, :seed);
