#!/usr/bin/env bash
# Jobs by workers: run on time and as their owner, commit, fail and are tried again, are ended in time; policies of dropped tables go;
# pg_dump keeps jobs; a server that is killed runs them again; one worker is enough; an owner who may not log in.
. "$(dirname "$0")/lib.sh"

test_server main
server_config main "tsdb_am.max_workers = 2" "tsdb_am.compress_after = 1s" "tsdb_am.worker_naptime = 1s" "restart_after_crash = on"
server_stop main
server_start main

# a database without the extension is looked at once, not again and again
sql -c "CREATE DATABASE without"
wait_for 30 "t" "a worker looks into a database without the extension" -c "SELECT xact_commit > 0 FROM pg_stat_database WHERE datname = 'without'"
sleep 3
is "$(sql -c "SELECT xact_commit < 20 FROM pg_stat_database WHERE datname = 'without'")" t "and once will do"

# one that no worker can connect to is tried again after some seconds
directory=$(sql -c "SELECT setting || '/base/' || (SELECT oid FROM pg_database WHERE datname = 'without') FROM pg_settings WHERE name = 'data_directory'")
server_stop main
mv "$directory/PG_VERSION" "$directory/PG_VERSION.not"
server_start main
sleep 5
mv "$directory/PG_VERSION.not" "$directory/PG_VERSION"
is "$(($(grep -c 'is not a valid data directory' "$scratch/main.log") <= 4))" 1 "a worker that cannot connect is started again after some seconds"
sql -c "DROP DATABASE without"

sql <<'SQL'
CREATE EXTENSION tsdb_am;
CREATE ROLE alice LOGIN;
CREATE ROLE bob LOGIN;
GRANT CREATE ON SCHEMA public TO alice;
SET ROLE alice;
CREATE TABLE log (at timestamptz DEFAULT clock_timestamp(), id int, part int, config jsonb, who name DEFAULT current_user, session name DEFAULT session_user, app text DEFAULT current_setting('application_name'));
GRANT ALL ON log TO bob;
CREATE PROCEDURE twice(id int, config jsonb) LANGUAGE plpgsql AS $$ BEGIN
	INSERT INTO log (id, part, config) VALUES (id, 1, config);
	COMMIT;
	INSERT INTO log (id, part, config) VALUES (id, 2, config);
	ROLLBACK;
	INSERT INTO log (id, part, config) VALUES (id, 3, config);
END $$;
CREATE FUNCTION fails(id int, config jsonb) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
	INSERT INTO log (id, part) VALUES (id, 1);
	RAISE EXCEPTION 'this job fails';
END $$;
CREATE FUNCTION rises(id int, config jsonb) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
	BEGIN
		RESET SESSION AUTHORIZATION;
		SET ROLE postgres;
		INSERT INTO log (id, part) VALUES (id, 1);
	EXCEPTION WHEN insufficient_privilege THEN
		INSERT INTO log (id, part, config) VALUES (id, 2, to_jsonb(SQLERRM));
	END;
END $$;
CREATE FUNCTION sleeps(id int, config jsonb) RETURNS void LANGUAGE sql AS $$ SELECT pg_sleep(100) $$;
SQL
alice() { sql -c "SET ROLE alice" "$@"; }

# a run that begins before the one who starts it has committed must not take the time of its repetition for one that a user has set
as_user touch "$scratch/main/tsdb_am.injection"
sql -c "ALTER SYSTEM SET tsdb_am.injection = 'job-reserved:sleep:1:once'" -c "SELECT pg_reload_conf()" >/dev/null
often=$(alice -c "CREATE PROCEDURE often(int, jsonb) LANGUAGE sql AS ''" -c "SELECT tsdb.add_job('often', '1 s')")
wait_for 60 "t" "a job runs on time, run after run" -c "SELECT total_runs >= 3 FROM tsdb.job_stat WHERE job_id = $often"
is "$(ls "$scratch/main/tsdb_am.injection" 2>&1 | grep -c 'No such')" 1 "(also the one that was held)"
sql -c "ALTER SYSTEM RESET tsdb_am.injection" -c "SELECT pg_reload_conf()" >/dev/null
alice -c "SELECT tsdb.delete_job($often)" -c "DROP PROCEDURE often" >/dev/null

twice=$(alice -c "SELECT tsdb.add_job('twice', '1 s', '{\"a\": 1}')")
wait_for 30 "t" "a job runs again and again" -c "SELECT count(*) FILTER (WHERE part = 1) >= 3 FROM log WHERE id = $twice"
is "$(sql -c "SELECT DISTINCT part, config, who, session, app FROM log WHERE id = $twice ORDER BY part" | tr '\n' ' ')" \
	"1|{\"a\": 1}|alice|alice|tsdb job $twice 3|{\"a\": 1}|alice|alice|tsdb job $twice " "as its owner, with its config, its commits and rollbacks"
like "$(sql -c "SELECT kind, proc, last_status, total_runs >= 2, total_failures, last_duration < '10 s' FROM tsdb.jobs WHERE job_id = $twice")" '^user\|public.twice\|(success|running)\|t\|0\|t$' "tsdb.jobs tells of it"
alice -c "SELECT tsdb.alter_job($twice, scheduled => false)" >/dev/null
sleep 2
n=$(sql -c "SELECT count(*) FROM log WHERE id = $twice")
sleep 3
is "$(sql -c "SELECT count(*) FROM log WHERE id = $twice")" "$n" "unscheduled, it rests"

fails=$(alice -c "SELECT tsdb.add_job('fails', '1 hour')")
alice -c "SELECT tsdb.alter_job($fails, retry_period => '1 s', next_start => now())" >/dev/null
wait_for 40 "t" "a job that fails is tried again" -c "SELECT total_failures >= 2 FROM tsdb.jobs WHERE job_id = $fails"
is "$(sql -c "SELECT DISTINCT sqlerrcode, err_message FROM tsdb.job_errors WHERE job_id = $fails")" "P0001|this job fails" "and tells why"
is "$(sql -c "SELECT count(*) FROM log WHERE id = $fails")" 0 "nothing of it stays"
is "$(sql -c "SET ROLE bob" -c "SELECT count(*) FROM tsdb.job_errors")" 0 "others don't see it"
alice -c "SELECT tsdb.delete_job($fails)" >/dev/null

rises=$(alice -c "SELECT tsdb.add_job('rises', '1 hour')")
wait_for 30 '2|"permission denied to set role \"postgres\""' "a job cannot become more than its owner" -c "SELECT part, config FROM log WHERE id = $rises"

sleeps=$(alice -c "SELECT tsdb.add_job('sleeps', '1 hour', scheduled => false)")
alice -c "SELECT tsdb.alter_job($sleeps, max_runtime => '1 s', scheduled => true)" >/dev/null
wait_for 30 "57014|canceling statement due to statement timeout" "a job is ended in time" -c "SELECT sqlerrcode, err_message FROM tsdb.job_errors WHERE job_id = $sleeps"

#--------------------------------------------------------------------- tables are served beside a long job

alice -c "SELECT tsdb.alter_job($sleeps, max_runtime => '0', retry_period => '1 s', next_start => now())" >/dev/null
wait_for 30 1 "the long job runs" -c "SELECT count(*) FROM tsdb.stat_progress_compress WHERE job_id = $sleeps AND phase = 'running job'"
alice -c "CREATE TABLE cpu (time timestamptz NOT NULL, host text, v float8) USING tsdb WITH (segmentby = 'host', orderby = 'time')" \
	-c "INSERT INTO cpu SELECT now() - i * interval '1 hour', 'h' || i % 3, i FROM generate_series(1, 500) i"
wait_for 30 500 "tables are served beside it" -c "SELECT chunk_rows FROM tsdb.tables WHERE relation = 'cpu'::regclass"
sql -c "SELECT pg_terminate_backend(pid) FROM tsdb.stat_progress_compress WHERE job_id = $sleeps" >/dev/null
alice -c "SELECT tsdb.delete_job($sleeps)" >/dev/null

#--------------------------------------------------------------------- what an owner has for his sessions, and what he locks

sql -c "CREATE PROCEDURE nothing(int, jsonb) LANGUAGE sql AS ''" -c "CREATE ROLE careful LOGIN" \
	-c "ALTER ROLE careful SET default_transaction_read_only = on" -c "ALTER ROLE careful SET default_transaction_isolation = 'serializable'"
nothing=$(sql -c "SET ROLE careful" -c "SELECT tsdb.add_job('nothing', '1 hour')")
wait_for 30 "success" "results are written though the owner's sessions are read only" -c "SELECT last_status FROM tsdb.jobs WHERE job_id = $nothing"
sql -c "SET ROLE careful" -c "SELECT tsdb.delete_job($nothing)" >/dev/null

alice -c "SELECT tsdb.alter_job($twice, scheduled => true)" >/dev/null
alice -c "BEGIN" -c "LOCK TABLE tsdb.job IN ACCESS EXCLUSIVE MODE" -c "SELECT pg_sleep(15)" -c "COMMIT" >/dev/null &
sleep 3
alice -c "CREATE TABLE beside (time timestamptz NOT NULL, v int) USING tsdb" -c "INSERT INTO beside SELECT now(), i FROM generate_series(1, 300) i"
wait_for 10 300 "tables are served while jobs are locked" -c "SELECT chunk_rows FROM tsdb.tables WHERE relation = 'beside'::regclass"
wait
alice -c "SELECT tsdb.alter_job($twice, scheduled => false)" -c "DROP TABLE beside" >/dev/null

#--------------------------------------------------------------------- policies

alice -c "SELECT tsdb.add_retention_policy('cpu', interval '10 days', schedule_interval => interval '1 s')" \
	-c "SELECT tsdb.add_compression_policy('cpu', interval '1 day')" >/dev/null
wait_for 30 "t" "retention drops rows" -c "SELECT count(*) < 245 AND min(time) > now() - interval '10 days 10 s' FROM cpu"
wait_for 30 "success|success" "both policies succeed" -c "SELECT string_agg(last_status, '|') FROM tsdb.jobs WHERE relation = 'cpu'::regclass AND job_id IS NOT NULL"
is "$(sql -c "SELECT count(*) FROM tsdb.verify('cpu')")" 0 "verify finds nothing"

# pg_dump, as owner of everything and into another database
(cd "$scratch" && "$pg_bin/pg_dump" -h "$scratch" -U postgres -Fc -f "$scratch/dump" postgres)
sql -c "CREATE DATABASE restored"
(cd "$scratch" && "$pg_bin/pg_restore" -h "$scratch" -U postgres -d restored "$scratch/dump") 2>&1 | sed 's/^/# /'
jobs="SELECT id, owner, relation, proc_name, config, schedule_interval, scheduled FROM tsdb.job ORDER BY id"
is "$(sql -d restored -c "$jobs")" "$(sql -c "$jobs")" "a restored dump has the jobs"
wait_for 60 "t" "and they run" -d restored -c "SELECT count(*) = 2 AND bool_and(total_runs > 0) FROM tsdb.jobs WHERE relation = 'cpu'::regclass AND job_id IS NOT NULL"
is "$(sql -d restored -c "SELECT nextval('tsdb.job_id') > (SELECT max(id) FROM tsdb.job)")" t "new jobs get new numbers"
sql -c "DROP DATABASE restored"

# a table that is given away takes its policies along, also one whose last run failed (as it does when it begins for her and ends for him)
retention=$(sql -c "SELECT id FROM tsdb.job WHERE relation = 'cpu'::regclass AND proc_name = 'policy_retention'")
sql -c "SELECT tsdb.alter_job($retention, scheduled => false)" >/dev/null
wait_for 30 0 "retention rests" -c "SELECT count(*) FROM tsdb.stat_progress_compress WHERE job_id = $retention"
sql -c "UPDATE tsdb.job_stat SET last_failed = true, next_start = now() + interval '1 hour' WHERE job_id = $retention" \
	-c "ALTER TABLE cpu OWNER TO bob" -c "SELECT tsdb.alter_job($retention, scheduled => true)" >/dev/null
# (by whichever a worker has left him)
like "$(sql_error -c "SET ROLE alice" -c "UPDATE tsdb.job SET config = '{\"drop_after\": \"0\"}' WHERE relation = 'cpu'::regclass" | head -n 1)" "ERROR:  42501: must be (owner of table cpu|member of the role that owns the job)" "its old owner cannot change them"
sql -c "SELECT tsdb.alter_job($twice, config => '{}')" >/dev/null
wait_for 30 "bob" "policies follow their table to its new owner" -c "SELECT DISTINCT owner FROM tsdb.job WHERE relation = 'cpu'::regclass"
wait_for 30 "t" "and go on" -c "SELECT last_success > last_start - interval '5 s' AND last_failed IS FALSE FROM tsdb.job_stat JOIN tsdb.job ON id = job_id WHERE owner = 'bob'::regrole AND proc_name = 'policy_retention'"
sql -c "SET ROLE bob" -c "DROP TABLE cpu"
sql -c "SELECT tsdb.alter_job($twice, scheduled => true)" >/dev/null
wait_for 30 0 "policies of a dropped table go" -c "SELECT count(*) FROM tsdb.job WHERE proc_schema = 'tsdb'"

#--------------------------------------------------------------------- partitions ahead

# workers look once a minute: rows of the full table leave the default partition, ranges are made ahead
alice -c "CREATE TABLE sharded (time timestamptz NOT NULL, v int) USING tsdb" \
	-c "INSERT INTO sharded SELECT now() - i * interval '1 hour', i FROM generate_series(0, 99) i" \
	-c "SELECT tsdb.create_shards('sharded', 'time', interval '1 day', ahead => 3)" >/dev/null
alice -c "SELECT tsdb.alter_job($twice, scheduled => true)" >/dev/null
wait_for 100 "0|100|4950" "rows leave the default partition" \
	-c "SELECT (SELECT count(*) FROM sharded WHERE tableoid = (SELECT partdefid FROM pg_partitioned_table WHERE partrelid = 'sharded'::regclass)), count(*), sum(v) FROM sharded"
wait_for 100 "t|alice" "partitions are made ahead, as the owner" -c "SELECT count(*) >= 5 + 3, string_agg(DISTINCT relowner::regrole::text, ',') FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent = 'sharded'::regclass"
alice -c "SELECT tsdb.add_retention_policy('sharded', interval '2 days', schedule_interval => interval '1 second')" >/dev/null
wait_for 30 "t|0" "retention drops partitions, then rows" -c "SELECT count(*) BETWEEN 48 AND 49, count(*) FILTER (WHERE time < now() - interval '2 days 1 minute') FROM sharded"
alice -c "DROP TABLE sharded"

#--------------------------------------------------------------------- killed, restarted, one worker

sql -c "TRUNCATE log"
server_kill main
server_config main "tsdb_am.max_workers = 1"
server_start main
wait_for 60 "t" "after a kill jobs run again, with one worker too" -c "SELECT count(*) > 2 FROM log WHERE id = $twice"
alice -c "CREATE TABLE cpu (time timestamptz NOT NULL, host text, v float8) USING tsdb" -c "INSERT INTO cpu SELECT now(), 'h', i FROM generate_series(1, 300) i"
wait_for 60 300 "and tables are served" -c "SELECT chunk_rows FROM tsdb.tables WHERE relation = 'cpu'::regclass"

sql -c "ALTER ROLE alice NOLOGIN"
wait_for 30 "28000|role \"alice\" is not permitted to log in" "an owner who may not log in" -c "SELECT sqlerrcode, err_message FROM tsdb.job_errors WHERE job_id = $twice ORDER BY start_time DESC LIMIT 1"
sql -c "ALTER ROLE alice LOGIN" -c "DROP EXTENSION tsdb_am CASCADE" 2>/dev/null
sleep 2
is "$(sql -c "SELECT 1")" 1 "the server lives on without the extension"
lines=$(grep -E 'TRAP: |PANIC: |terminated by signal' "$scratch/main.log" || true)
is "$lines" "" "main: no crash but the one that was meant"
done_testing
