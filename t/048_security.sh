#!/usr/bin/env bash
# A hostile user with a schema of his own attacks: other users' rows, the server's superuser, the server itself.
#
# Each attack worked on some version, or would if a guard were missing.  mal owns schema evil, may create schemas and extensions, and is
# no superuser; alice owns tables that he may read in part, or not at all.
#
# Environment: TSDB_LONG=1 calls every function 100 times instead of 4; TSDB_SEED (0.N) of the calls.
. "$(dirname "$0")/lib.sh"

test_server main
server_config main "tsdb_am.compress_after = 1s" "tsdb_am.worker_naptime = 1s" "restart_after_crash = on" "max_worker_processes = 16"
server_stop main
server_start main
sql -c "CREATE ROLE mal LOGIN" -c "CREATE ROLE alice LOGIN"
# (a session of his own: one of a superuser who has changed his name could go back)
mal() { sql -U mal -d "${database:-postgres}" "$@"; }
# the SQLSTATE and message of the first error
refused() { mal -v VERBOSITY=verbose "$@" 2>&1 >/dev/null | grep -m 1 '^ERROR' || printf 'no error\n'; }

#--------------------------------------------------------------------- the schema that CREATE EXTENSION names

# what the script would look up, were it to look there
plant="CREATE SCHEMA evil; CREATE TABLE evil.caught (who text, by text); GRANT USAGE ON SCHEMA evil TO PUBLIC; GRANT INSERT ON evil.caught TO PUBLIC;
CREATE FUNCTION evil.num_nonnulls(interval, bigint) RETURNS int LANGUAGE plpgsql AS \$\$ BEGIN INSERT INTO evil.caught VALUES (current_user, 'num_nonnulls'); RETURN 1; END \$\$;
CREATE FUNCTION evil.num_nonnulls(name, name) RETURNS int LANGUAGE plpgsql AS \$\$ BEGIN INSERT INTO evil.caught VALUES (current_user, 'num_nonnulls'); RETURN 1; END \$\$;
CREATE FUNCTION evil.array_ndims(name[]) RETURNS int LANGUAGE plpgsql AS \$\$ BEGIN INSERT INTO evil.caught VALUES (current_user, 'array_ndims'); RETURN 1; END \$\$;
CREATE FUNCTION evil.le(int, numeric) RETURNS bool LANGUAGE plpgsql AS \$\$ BEGIN INSERT INTO evil.caught VALUES (current_user, '<='); RETURN true; END \$\$;
CREATE OPERATOR evil.<= (leftarg = int, rightarg = numeric, function = evil.le);
CREATE FUNCTION evil.divide(numeric, bigint) RETURNS numeric LANGUAGE plpgsql AS \$\$ BEGIN INSERT INTO evil.caught VALUES (current_user, '/'); RETURN 1; END \$\$;
CREATE OPERATOR evil./ (leftarg = numeric, rightarg = bigint, function = evil.divide);
CREATE FUNCTION evil.times(numeric, int) RETURNS numeric LANGUAGE plpgsql AS \$\$ BEGIN INSERT INTO evil.caught VALUES (current_user, '*'); RETURN 1; END \$\$;
CREATE OPERATOR evil.* (leftarg = numeric, rightarg = int, function = evil.times);
CREATE FUNCTION evil.equal(regproc, regproc) RETURNS bool LANGUAGE plpgsql AS \$\$ BEGIN INSERT INTO evil.caught VALUES (current_user, '='); RETURN true; END \$\$;
CREATE OPERATOR evil.= (leftarg = regproc, rightarg = regproc, function = evil.equal);
CREATE FUNCTION evil.format(text, name, name) RETURNS text LANGUAGE plpgsql AS \$\$ BEGIN INSERT INTO evil.caught VALUES (current_user, 'format'); RETURN ''; END \$\$;
CREATE FUNCTION evil.pg_has_role(regrole, text) RETURNS bool LANGUAGE plpgsql AS \$\$ BEGIN INSERT INTO evil.caught VALUES (current_user, 'pg_has_role'); RETURN true; END \$\$;"
use="CREATE TABLE evil.t (time timestamptz NOT NULL, v int) USING tsdb; INSERT INTO evil.t SELECT now(), i FROM generate_series(1, 2000) i; SELECT tsdb.create_shards('evil.t', 'time', interval '1 day');
SELECT tsdb.add_retention_policy('evil.t', interval '90 days');"
# objects of the extension that depend on functions or operators of others
strangers="SELECT count(*) FROM pg_depend d WHERE d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass) AND d.classid IN ('pg_rewrite'::regclass, 'pg_constraint'::regclass)
	AND EXISTS (SELECT FROM pg_proc p WHERE p.oid = d.refobjid AND p.pronamespace = 'evil'::regnamespace UNION ALL SELECT FROM pg_operator p WHERE p.oid = d.refobjid AND p.oprnamespace = 'evil'::regnamespace)"

sql -c "CREATE DATABASE trusted" -c "GRANT CREATE ON DATABASE trusted TO mal"
database=trusted mal -c "$plant" -c "CREATE EXTENSION tsdb_am SCHEMA evil" -c "$use" >/dev/null
sql -d trusted -c "SELECT count(*) FROM tsdb.tables" -c "SELECT count(*) FROM tsdb.chunks" -c "SELECT count(*) FROM tsdb.columns" -c "SELECT count(*) FROM tsdb.jobs" -c "SELECT count(*) FROM tsdb.job_errors" >/dev/null
is "$(sql -d trusted -c "SELECT DISTINCT who, by FROM evil.caught WHERE who <> 'mal'")" "" "CREATE EXTENSION into a hostile schema lends nobody's rights"
is "$(sql -d trusted -c "$strangers")" 0 "nothing of the extension is bound to what was planted there"

# an installation by the script as it was: the update finds what it is bound to
sql -c "CREATE DATABASE updated" -c "GRANT CREATE ON DATABASE updated TO mal"
share=$(dirname "$(find "$scratch/stage" "$("$PG_CONFIG" --sharedir)/extension" -name 'tsdb_am--1.0.sql' 2>/dev/null | head -n 1)")
sed 's/^SET LOCAL search_path.*//' "$share/tsdb_am--1.0.sql" > "$share/tsdb_am--0.9.sql"
echo "SELECT 1;" > "$share/tsdb_am--0.9--1.0.sql"
database=updated mal -c "$plant" -c "CREATE EXTENSION tsdb_am SCHEMA evil VERSION '0.9'" >/dev/null
like "$(sql -d updated -c "$strangers")" '^[1-9]' "(by the script as it was, it would be)"
like "$(sql_error -d updated -c "ALTER EXTENSION tsdb_am UPDATE")" '55000: extension "tsdb_am" depends on' "an update refuses what is bound to planted functions"
sql -c "CREATE DATABASE clean"
sql -d clean -c "CREATE EXTENSION tsdb_am VERSION '0.9'" -c "ALTER EXTENSION tsdb_am UPDATE"
is "$(sql -d clean -c "SELECT extversion NOT IN ('0.9', '1.0') FROM pg_extension WHERE extname = 'tsdb_am'")" t "and none other"
rm "$share/tsdb_am--0.9.sql" "$share/tsdb_am--0.9--1.0.sql"

# what is true of all functions, also those that are yet to be written
functions="FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e' JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'tsdb_am'"
is "$(sql -d clean -c "SELECT p.oid::regprocedure $functions WHERE p.prosecdef")" "" "no function is SECURITY DEFINER"
# (procedures that commit cannot have settings: they qualify what they name.  A body that was parsed when it was made looks nothing up.)
is "$(sql -d clean -c "SELECT p.oid::regprocedure $functions WHERE l.lanname IN ('sql', 'plpgsql') AND p.prosqlbody IS NULL AND NOT coalesce(array_to_string(p.proconfig, ',') ~ 'search_path=(\"\"|pg_catalog)', false)
	AND p.prokind <> 'p'")" "" "search_path is pinned in all functions in SQL and PL/pgSQL"
is "$(sql -d clean -c "SELECT c.oid::regclass FROM pg_class c JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e' JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'tsdb_am'
	JOIN pg_am a ON a.oid = c.relam WHERE c.relkind = 'r' AND a.amname <> 'heap'")" "" "the extension's own tables are on heap"
is "$(sql -d clean -c "SELECT c.oid::regclass FROM pg_class c JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e' JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'tsdb_am'
	WHERE c.relkind = 'v' AND pg_get_viewdef(c.oid) ~ 'pg_has_role|has_.*_privilege' AND NOT coalesce(c.reloptions @> '{security_barrier=true}', false)")" "" "views that hide rows are security barriers"

#--------------------------------------------------------------------- a schema tsdb where the extension is not

sql -c "CREATE DATABASE without" -c "GRANT CREATE ON DATABASE without TO mal"
database=without mal -c "CREATE SCHEMA tsdb" -c "GRANT USAGE ON SCHEMA tsdb TO PUBLIC" -c "CREATE TABLE tsdb.shards (relation text, moved_rows text)" \
	-c "INSERT INTO tsdb.shards VALUES ('x', 'y')" -c "CREATE VIEW tsdb.job AS SELECT 1 AS id"
sql -d without -c "CREATE TABLE p (a int) PARTITION BY RANGE (a)" -c "CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10)" -c "INSERT INTO p VALUES (1)"
sql -d without -c "BEGIN" -c "INSERT INTO p VALUES (2)" -c "SELECT pg_sleep(3)" -c "COMMIT" >/dev/null & other=$!
sleep 1
is "$(sql -d without -c "SELECT count(*) FROM p")" 1 "a table tsdb.shards that is not the extension's is not read"
database=without mal -c "DROP TABLE tsdb.shards" -c "CREATE VIEW tsdb.shards AS SELECT 1::oid AS relation, 2::bigint AS moved_rows"
is "$(sql -d without -c "SELECT count(*) FROM p")" 1 "nor a view"
wait $other

#--------------------------------------------------------------------- alice's tables

sql -c "CREATE EXTENSION tsdb_am" -c "CREATE SCHEMA evil AUTHORIZATION mal" -c "GRANT USAGE ON SCHEMA evil TO PUBLIC" -c "GRANT CREATE ON DATABASE postgres TO mal" -c "GRANT CREATE ON SCHEMA public TO alice"
sql <<'SQL' >/dev/null
SET SESSION AUTHORIZATION alice;
SET tsdb_am.direct_load_rows = 1;
CREATE TABLE closed (time timestamptz NOT NULL, host text, secret int) USING tsdb WITH (segmentby = 'host', orderby = 'time');
INSERT INTO closed SELECT '2024-01-01'::timestamptz + i * interval '1 s', 'h' || i % 5, 4711 + i FROM generate_series(1, 2000) i;
CREATE TABLE columns (LIKE closed) USING tsdb WITH (segmentby = 'host', orderby = 'time');
INSERT INTO columns SELECT * FROM closed;
GRANT SELECT (time) ON columns TO mal;
CREATE TABLE rows (LIKE closed) USING tsdb WITH (segmentby = 'host', orderby = 'time');
INSERT INTO rows SELECT * FROM closed;
ALTER TABLE rows ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON rows USING (host = 'h1');
GRANT SELECT ON rows TO mal;
CREATE TABLE parts (time timestamptz NOT NULL, host text, secret int) USING tsdb;
SELECT tsdb.create_shards('parts', 'time', interval '7 days', servers => NULL);
INSERT INTO parts SELECT * FROM closed;
CREATE FUNCTION nothing(id int, config jsonb) RETURNS void LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'alice''s error'; END $$;
SQL
shard=$(sql -c "SELECT c.oid::regclass FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid WHERE i.inhparent = 'parts'::regclass ORDER BY 1 LIMIT 1")
job=$(sql -c "SET SESSION AUTHORIZATION alice" -c "SELECT tsdb.add_job('nothing', '1 hour', '{\"password\": \"alice''s\"}', scheduled => false)")

for view in tables chunks columns; do
	is "$(mal -c "SELECT string_agg(DISTINCT relation::text, ' ' ORDER BY relation::text) FROM tsdb.$view")" "$([ $view = columns ] && echo columns || echo 'columns rows')" "tsdb.$view shows what he may read"
done
is "$(mal -c "SELECT count(*) FROM tsdb.chunk_ranges('closed')")" 0 "chunk_ranges: nothing of a closed table"
is "$(mal -c "SELECT DISTINCT \"column\" FROM tsdb.chunk_ranges('columns')")" time "chunk_ranges: the columns that he may read"
is "$(mal -c "SELECT count(*) FROM tsdb.chunk_ranges('rows')")" 0 "chunk_ranges: nothing past row security"
is "$(mal -c "SELECT count(*) FROM tsdb.columns WHERE relation = 'rows'::regclass")" 0 "columns: nothing past row security"
is "$(mal -c "SELECT DISTINCT relation, time_from IS NULL, series FROM tsdb.chunks ORDER BY 1" | tr '\n' ' ')" "columns|f| rows|t| " "chunks: times and numbers of series of what he may read"
is "$(sql -c "SET SESSION AUTHORIZATION alice" -c "SELECT DISTINCT series FROM tsdb.chunks WHERE relation = 'rows'::regclass")" 5 "(its owner sees them)"
is "$(mal -c "SELECT count(*) FROM tsdb.chunk_info('closed')" -c "SELECT count(*) FROM tsdb.table_info('closed')" -c "SELECT count(*) FROM tsdb.column_info('closed')" -c "SELECT tsdb.policy_columns('closed') IS NULL" | tr '\n' ' ')" "0 0 0 t " "functions behind views: nothing"
like "$(refused -c "SELECT * FROM tsdb.verify('columns')")" '42501' "verify needs SELECT on the table"

for call in "tsdb.compress('rows')" "tsdb.merge('rows')" "tsdb.recompress('rows')" "tsdb.decompress('rows')" "tsdb.index_lookup('rows')" "tsdb.chunk_reads('rows')" "tsdb.compress_step('rows', '0', 1, 0)" "tsdb.merge_step('rows', true)" \
	"tsdb.add_retention_policy('rows', interval '1 s')" "tsdb.add_compression_policy('rows', interval '1 s')" "tsdb.set_shards('parts', 'time', '1 day', NULL, NULL, NULL, 1, NULL)" \
	"tsdb.forget_shards('parts')" "tsdb.count_moved_rows('parts', 1)" "tsdb.extend_shards('parts')" "tsdb.drain_default('parts')" "tsdb.drop_chunks('parts', now())" "tsdb.set_chunk_time_interval('parts', interval '1 day')" \
	"tsdb.create_shards('closed', 'time')" "tsdb.move_shard('$shard', NULL)" "tsdb.validate_check('$shard', 'x')" "tsdb.alter_job($job, scheduled => true)" "tsdb.delete_job($job)" "tsdb.set_next_start($job, now())"; do
	like "$(refused -c "SELECT $call")" '42501' "not his to call: $call"
done
like "$(refused -c "CALL tsdb.run_job($job)")" '42501' "nor run_job"
like "$(refused -c "ALTER TABLE rows SET (segmentby = 'secret')")" '42501' "options are for the owner"
like "$(refused -c "SECURITY LABEL FOR tsdb ON COLUMN rows.secret IS 'segmentby 2'")" '42501' "labels are for the owner"
like "$(refused -c "SECURITY LABEL FOR tsdb ON TABLE rows IS 'direct_load on'")" '42501' "of a table, too"
like "$(refused -c "SECURITY LABEL FOR tsdb ON ROLE mal IS 'direct_load on'")" '42501|42809' "and for tables alone"
like "$(refused -c "INSERT INTO tsdb.shards (relation, hash_column, hash_partitions, ahead) VALUES ('evil.x', 'a', 1, 0)")" '42501|42P01' "tsdb.shards is not written directly"
is "$(sql -c "SELECT count(*) FROM pg_seclabel WHERE objoid = 'rows'::regclass AND label = 'segmentby 2'")" 0 "no label came through"

# the planner and EXPLAIN: a function that tells what it sees, offered as the cheapest condition
mal -c "CREATE TABLE evil.told (what text)" -c "CREATE FUNCTION evil.tell(text) RETURNS bool LANGUAGE plpgsql COST 0.0000001 AS \$\$ BEGIN RAISE NOTICE 'told %', \$1; RETURN true; END \$\$"
is "$(mal -c "SELECT count(*) FROM rows WHERE evil.tell(secret::text)" 2>&1 | grep -c 'told')" 400 "a condition of his own sees the rows that row security lets through"
is "$(mal -c "SELECT max(secret) FROM rows WHERE evil.tell(host)" 2>&1 | grep 'told' | sort -u)" "NOTICE:  told h1" "also below an aggregate"
is "$(mal -c "SELECT count(*) FROM rows WHERE 1 / (secret - 4713) > -2" 2>&1)" 400 "an error of another row tells nothing"

#--------------------------------------------------------------------- jobs

sql -c "SET SESSION AUTHORIZATION alice" -c "CALL tsdb.run_job($job)" >/dev/null 2>&1 || true
sql -c "INSERT INTO tsdb.job_stat (job_id, next_start, last_failed) VALUES ($job, now() + interval '1 day', true)" -c "INSERT INTO tsdb.job_error VALUES ($job, now(), now(), 'P0001', 'alice''s error')"
for view in jobs job_errors job_next; do
	is "$(mal -c "SELECT count(*) FROM tsdb.$view v WHERE evil.tell(v::text)" 2>&1 | grep -c "alice's")" 0 "tsdb.$view: a condition of his own sees no job of hers"
done
is "$(mal -c "SELECT id, owner, proc_name FROM tsdb.job")" "$job|alice|nothing" "that there is a job, he may know"
like "$(refused -c "SELECT config FROM tsdb.job")" '42501' "but not its config"
like "$(refused -c "SELECT j FROM tsdb.job j")" '42501' "not as a whole row either"
like "$(refused -c "UPDATE tsdb.job SET scheduled = false WHERE config ->> 'password' = 'x'")" '42501' "nor by asking for a value"
is "$(mal -c "SELECT count(*) FROM tsdb.job_config WHERE evil.tell(config::text)" 2>&1)" 0 "nor by the view"
is "$(sql -c "SET SESSION AUTHORIZATION alice" -c "SELECT config FROM tsdb.job_config" -c "SELECT config FROM tsdb.jobs WHERE job_id = $job" -c "SELECT new_config FROM tsdb.alter_job($job, max_retries => 3)" | sort -u)" "{\"password\": \"alice's\"}" "(she sees it, and alter_job keeps it)"

# a superuser who tries out a job of his
mal -c "CREATE FUNCTION evil.rise(id int, config jsonb) RETURNS void LANGUAGE plpgsql AS \$\$ BEGIN ALTER ROLE mal SUPERUSER; END \$\$"
trap=$(mal -c "SELECT tsdb.add_job('evil.rise', '1 hour', scheduled => false)")
message=$(sql_error -c "CALL tsdb.run_job($trap)")
like "$message" '42501: must be owner of job' "a superuser does not lend his rights by run_job"
like "$message" 'next_start => now' "and is told what to do"

# he leaves traps in the session in which a job's result is then written by a superuser
mal -f - >/dev/null <<'SQL'
CREATE PROCEDURE evil.traps(id int, config jsonb) LANGUAGE plpgsql AS $$ BEGIN
	CREATE TEMP TABLE job_stat (job_id int);
	CREATE TEMP TABLE job (id int);
	PERFORM set_config('search_path', 'evil, pg_temp, pg_catalog', false);
	PERFORM set_config('row_security', 'off', false), set_config('default_transaction_read_only', 'on', false), set_config('plpgsql.extra_errors', 'all', false),
		set_config('datestyle', 'german', false), set_config('statement_timeout', '0', false);
	COMMIT;
	BEGIN
		RESET SESSION AUTHORIZATION;
		SET ROLE postgres;
	EXCEPTION WHEN OTHERS THEN
	END;
	BEGIN
		ALTER ROLE mal SUPERUSER;
	EXCEPTION WHEN OTHERS THEN
	END;
	RAISE EXCEPTION 'over';
END $$;
CREATE FUNCTION evil.clock_timestamp() RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN ALTER ROLE mal SUPERUSER; RETURN now(); END $$;
CREATE FUNCTION evil.least(interval, interval) RETURNS interval LANGUAGE plpgsql AS $$ BEGIN ALTER ROLE mal SUPERUSER; RETURN $1; END $$;
CREATE FUNCTION evil.plus(timestamptz, interval) RETURNS timestamptz LANGUAGE plpgsql AS $$ BEGIN ALTER ROLE mal SUPERUSER; RETURN $1 OPERATOR(pg_catalog.+) $2; END $$;
CREATE OPERATOR evil.+ (leftarg = timestamptz, rightarg = interval, function = evil.plus);
SQL

# functions that a worker runs: in an index and its condition, in a trigger of a default partition, deferred
mal -f - >/dev/null <<'SQL'
CREATE TABLE evil.log (who text, session text, what text);
CREATE FUNCTION evil.note(what text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
	INSERT INTO evil.log VALUES (current_user, session_user, what);
	BEGIN
		SET ROLE postgres;
		ALTER ROLE mal SUPERUSER;
	EXCEPTION WHEN OTHERS THEN
	END;
	BEGIN
		RESET SESSION AUTHORIZATION;
		ALTER ROLE mal SUPERUSER;
	EXCEPTION WHEN OTHERS THEN
	END;
	PERFORM set_config('search_path', 'evil', false);
END $$;
CREATE FUNCTION evil.key(i int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.note('index'); RETURN i; END $$;
CREATE TABLE evil.indexed (time timestamptz NOT NULL, v int) USING tsdb;
CREATE INDEX ON evil.indexed (evil.key(v)) WHERE evil.key(v) > 0;
INSERT INTO evil.indexed SELECT now(), i FROM generate_series(1, 100) i;
CREATE TABLE evil.parts (time timestamptz NOT NULL, v int) USING tsdb;
SELECT tsdb.create_shards('evil.parts', 'time', interval '1 day');
CREATE FUNCTION evil.deferred() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM evil.note('deferred'); RETURN NEW; END $$;
CREATE CONSTRAINT TRIGGER deferred AFTER INSERT ON evil.parts DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION evil.deferred();
INSERT INTO evil.parts SELECT '2020-01-01'::timestamptz + i * interval '1 hour', i FROM generate_series(1, 100) i;
TRUNCATE evil.log;
SQL
sql -c "SELECT tsdb.compress('evil.indexed')" >/dev/null
is "$(sql -c "SELECT DISTINCT who FROM evil.log")" "mal" "a superuser's compress runs functions of an index as the table's owner"
mal -c "INSERT INTO evil.indexed SELECT now(), i FROM generate_series(1, 100) i" -c "TRUNCATE evil.log"

# rows that a worker cannot move: what is in them is not for the log
sql >/dev/null <<'SQL'
SET SESSION AUTHORIZATION alice;
CREATE TABLE failing (time timestamptz NOT NULL, secret text) USING tsdb;
SELECT tsdb.create_shards('failing', 'time', interval '1 day');
INSERT INTO failing VALUES ('2020-01-01', 'alices secret value');
ALTER TABLE failing ADD CHECK (secret <> 'alices secret value') NOT VALID;
CREATE TABLE deferred (time timestamptz NOT NULL, v int) USING tsdb;
CREATE TABLE target (v int PRIMARY KEY);
INSERT INTO target VALUES (1);
SELECT tsdb.create_shards('deferred', 'time', interval '1 day');
ALTER TABLE deferred ADD FOREIGN KEY (v) REFERENCES target DEFERRABLE INITIALLY DEFERRED;
INSERT INTO deferred SELECT '2020-01-01'::timestamptz + i * interval '1 hour', 1 FROM generate_series(1, 100) i;
SQL
traps=$(mal -c "SELECT tsdb.add_job('evil.traps', '1 hour')")
server_config main "tsdb_am.max_workers = 4"
sql -c "SELECT pg_reload_conf()" >/dev/null
wait_for 30 "failed|over" "a job that leaves traps has failed" -c "SELECT last_status, last_error FROM tsdb.jobs WHERE job_id = $traps"
wait_for 30 100 "a worker compresses the table with the index" -c "SELECT chunk_rows - 100 FROM tsdb.tables WHERE relation = 'evil.indexed'::regclass"
wait_for 90 0 "a worker moves rows of a table with a deferred foreign key" -c "SELECT count(*) FROM ONLY deferred_default"
wait_for 30 1 "and cannot move one that breaks a check" -c "SELECT count(*) FROM tsdb.jobs WHERE relation = 'failing'::regclass AND last_error LIKE '%check constraint%'"
is "$(sql -c "SELECT DISTINCT who FROM evil.log")" "mal" "workers run his functions as him"
is "$(sql -c "SELECT rolsuper FROM pg_roles WHERE rolname = 'mal'")" f "he has not risen"
is "$(grep -c 'alices secret value' "$scratch/main.log" || true)" 0 "the log does not show the row"
like "$(grep -c 'Values of the row are not shown' "$scratch/main.log")" '^[1-9]' "but that something is not shown"

# what workers do is for owners to see
sql -c "SET SESSION AUTHORIZATION alice" -c "CREATE PROCEDURE sleeps(int, jsonb) LANGUAGE sql AS 'SELECT pg_sleep(60)'" >/dev/null
sleeps=$(sql -c "SET SESSION AUTHORIZATION alice" -c "SELECT tsdb.add_job('sleeps', '1 hour')")
wait_for 30 1 "alice sees her job run" -c "SET SESSION AUTHORIZATION alice" -c "SELECT count(*) FROM tsdb.stat_progress_compress WHERE job_id = $sleeps AND phase = 'running job'"
is "$(mal -c "SELECT count(*), count(job_id), count(phase), count(relid) FROM tsdb.stat_progress_compress WHERE pid IN (SELECT pid FROM pg_stat_activity WHERE usename = 'alice')")" "1|0|0|0" "others, that a worker runs"
sql -c "SELECT tsdb.delete_job($sleeps)" -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'alice'" >/dev/null

#--------------------------------------------------------------------- the server itself

# text that would be read as the planner's own data
for info in '(1 2 3)' '((i 1 2 3) (i 1 1 1) (o 97 97) (o 96) (o 0) (i 9 9 9 9 9 9))' '((i 0 1) (i 1) (o 97) (o 96) (o 0) (i 0 0 0))' '' 'x' '{QUERY}'; do
	like "$(refused -c "SELECT * FROM (SELECT 1 AS a OFFSET 0) t WHERE tsdb.gapfill('$info', a, 1, NULL)")" '0A000: function tsdb.gapfill cannot be called|no error' "gapfill('$info') is not taken for a plan"
	like "$(refused -c "SELECT * FROM rows WHERE tsdb.gapfill('$info', 1, 1, NULL)")" '0A000: function tsdb.gapfill cannot be called|no error' "nor on a table"
done
like "$(refused -c "SELECT * FROM (SELECT 1 AS a OFFSET 0) t WHERE tsdb.gapfill(NULL, a)" -c "SELECT tsdb.gapfill(a::text, a) FROM (SELECT 1 AS a OFFSET 0) t")" '0A000: function tsdb.gapfill cannot be called|no error' "nor a NULL or an expression"
is "$(mal -c "CREATE TABLE evil.g (time timestamptz, v int)" -c "INSERT INTO evil.g VALUES ('2024-01-01 00:00', 1), ('2024-01-01 02:00', 3)" \
	-c "SELECT count(*) FROM (SELECT time_bucket_gapfill('1 hour', time) AS b, locf(max(v)) FROM evil.g WHERE time >= '2024-01-01' AND time < '2024-01-01 04:00' GROUP BY 1) x")" 4 "(and gapfill works)"

# values of our types, spoilt: the first functions of each that read all of it
mal -f - <<'SQL' > "$scratch/spoilt" 2>&1
CREATE FUNCTION evil.spoil(type regtype, value text, uses text[], n int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	bytes bytea := value::bytea;
	spoilt bytea;
	use text;
	states text[] := '{}';
BEGIN
	FOR i IN 1 .. n LOOP
		spoilt := bytes;
		FOR k IN 0 .. i % 3 LOOP
			IF length(spoilt) > 0 THEN
				spoilt := set_byte(spoilt, floor(random() * length(spoilt))::int, floor(random() * 256)::int);
			END IF;
		END LOOP;
		IF i % 5 = 0 THEN
			spoilt := substr(spoilt, 1, floor(random() * length(spoilt))::int);
		ELSIF i % 7 = 0 THEN
			spoilt := spoilt || substr(bytes, 1, floor(random() * 50)::int);
		END IF;
		FOREACH use IN ARRAY uses LOOP
			BEGIN
				EXECUTE format('SELECT %s FROM (SELECT %L::%s AS x) s', use, spoilt, type);
			EXCEPTION WHEN OTHERS THEN
				IF SQLSTATE LIKE 'XX%' AND NOT SQLSTATE = ANY (states) THEN
					states := states || SQLSTATE || SQLERRM;
				END IF;
			END;
		END LOOP;
	END LOOP;
	RETURN array_to_string(states, ' ');
END $$;
SELECT setseed(0.5);
WITH v AS (SELECT '2024-01-01'::timestamptz + i * interval '1 s' AS t, (i * 7919 % 101)::float8 AS v FROM generate_series(1, 300) i)
SELECT evil.spoil('countersummary', counter_agg(t, v)::text, ARRAY['rate(x)', 'delta(x)', 'num_resets(x)', 'rollup(x)', 'irate_left(x)'], 400),
	evil.spoil('timeweightsummary', time_weight('linear', t, v)::text, ARRAY['average(x)', 'integral(x)', 'rollup(x)'], 400),
	evil.spoil('candlestick', candlestick_agg(t, v, v)::text, ARRAY['vwap(x)', 'open_time(x)', 'rollup(x)'], 400),
	evil.spoil('uddsketch', percentile_agg(v)::text, ARRAY['approx_percentile(0.5, x)', 'approx_percentile_rank(3, x)', 'mean(x)', 'error(x)', 'rollup(x)', 'approx_percentile_array(ARRAY[0.1, 0.9], x)'], 400),
	evil.spoil('hyperloglog', approx_count_distinct(v)::text, ARRAY['distinct_count(x)', 'stderror(x)', 'rollup(x)'], 400) FROM v;
SQL
is "$(grep -v '^$' "$scratch/spoilt")" "||||" "spoilt summaries are refused, or give some number"

# sizes
for call in "histogram(1.0, 0, 1, 2147483647)" "histogram(1.0, 0, 1, -2147483648)" "lttb(now(), 1.0, 2147483647)" "lttb(now(), 1.0, -2147483648)" "uddsketch(2147483647, 0.1, 1.0)" "uddsketch(-1, 0.1, 1.0)" \
	"hyperloglog(2147483647, 1)" "hyperloglog(-2147483648, 1)" "time_bucket(interval '178000000 years', now())" "time_bucket(-9223372036854775808, 1::bigint)" "time_bucket(9223372036854775807, -9223372036854775808::bigint, 9223372036854775807)" \
	"tsdb.drain_default('evil.parts', -9223372036854775808)" "tsdb.create_shards('evil.indexed', 'v', 9223372036854775807, 'v', 2147483647)" "tsdb.by_range('v', 9223372036854775807)" \
	"set_config('tsdb_am.write_buffer', '9223372036854775807', false)" "tsdb.add_retention_policy('evil.indexed', max_size => -9223372036854775808)"; do
	like "$(refused -c "SELECT $call")" '^(ERROR:  (22|54|0A|53|42|55)|no error)' "$call is refused, or works"
done

# continuous aggregates: the trigger of tsdb.cagg is a function as any other
mal -c "CREATE TABLE evil.trigger_rows (a int)" -c "CREATE TRIGGER a AFTER INSERT ON evil.trigger_rows FOR EACH STATEMENT EXECUTE FUNCTION tsdb.cagg_changed()"
like "$(refused -c "INSERT INTO evil.trigger_rows VALUES (1)")" '39P01: function "tsdb.cagg_changed" must be called as a trigger' "trigger function of tsdb.cagg is refused for a statement"
mal -c "DROP TRIGGER a ON evil.trigger_rows" -c "CREATE TRIGGER a AFTER INSERT ON evil.trigger_rows FOR EACH ROW EXECUTE FUNCTION tsdb.cagg_changed()"
like "$(refused -c "INSERT INTO evil.trigger_rows VALUES (1)")" '39P01: function "tsdb.cagg_changed" must be called as a trigger' "and for another table"
mal -c "DROP TABLE evil.trigger_rows"

# where the extension is not installed, tables of its names are anybody's
sql -c "CREATE DATABASE bare OWNER mal"
sql -d bare -c "CREATE TABLE public.victim (t bigint NOT NULL)" -c "CREATE TABLE public.victim2 (t bigint NOT NULL)"
database=bare mal -f - <<'SQL'
CREATE SCHEMA tsdb;
GRANT USAGE ON SCHEMA tsdb TO PUBLIC;
CREATE TABLE tsdb.caught (who text);
GRANT INSERT ON tsdb.caught TO PUBLIC;
CREATE TABLE tsdb.cagg_dirty (stored oid, first bigint, last bigint);
CREATE TABLE tsdb.cagg (stored oid, view oid, source oid, parent oid, time_column name, bucket_column int2, bucket_expr text, materialized_only bool, kept_before int8);
CREATE FUNCTION tsdb.run(bigint) RETURNS bigint IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN INSERT INTO tsdb.caught VALUES (current_user); RETURN $1; END $$;
INSERT INTO tsdb.cagg VALUES ('victim'::regclass, 1, 'victim'::regclass, NULL, 't', 1, 'tsdb.run(1)', false, NULL);
SQL
sql -d bare -c "DROP TABLE public.victim"
is "$(sql -d bare -c "SELECT string_agg(who, ',') FROM tsdb.caught")" "" "a stranger's tsdb.cagg has nothing run"
is "$(sql -d bare -c "SELECT count(*) FROM tsdb.cagg_dirty")" 0 "nor anything written"
database=bare mal -c "DROP TABLE tsdb.cagg" -c "CREATE TABLE tsdb.cagg (a int, b int, c int, d int, e int, f int, g int, h int, i int)" \
	-c "INSERT INTO tsdb.cagg SELECT 1, 1, 'victim2'::regclass::oid::int, 1, 1, 1, 1, 1, 1"
sql -d bare -c "ALTER TABLE public.victim2 ADD v int" -c "DROP TABLE public.victim2"
is "$(sql -d bare -c "SELECT to_regclass('victim2') IS NULL")" t "nor does one of other columns end the server"
sql -c "DROP DATABASE bare"

# every function that can be called, with whatever; one that does not end is told of by the context of its error
seed=${TSDB_SEED:-0.$((RANDOM % 1000))}
note "seed $seed"
is "$(PGOPTIONS="-c statement_timeout=300s" mal -q -v runs=$([ -n "${TSDB_LONG:-}" ] && echo 100 || echo 4) -v seed="$seed" -f "$top/t/security_calls.sql" 2>&1 | grep -E '^XX|ERROR|^SQL statement|^CONTEXT|server closed' | head -n 3)" "" "no call of a function ends in an error that cannot happen"

no_crash main
done_testing
