#!/usr/bin/env bash
# Background workers: rows become chunks by themselves and stay the same rows, while sessions insert, change and delete, while workers and
# the server are killed, beside DDL of all sorts; databases that are dropped, or get the extension late; errors are told and
# don't stop other tables; a standby's workers start when it is promoted.
#
# Environment: WORKER_SECONDS (10) of each load.
. "$(dirname "$0")/lib.sh"
seconds=${WORKER_SECONDS:-10}

test_server main
server_config main "tsdb_am.max_workers = 2" "tsdb_am.compress_after = 1s" "tsdb_am.worker_naptime = 1s" "restart_after_crash = on" \
	"deadlock_timeout = 200ms"
server_stop main
server_start main

#--------------------------------------------------------------------- first steps

is "$(sql -c "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'tsdb launcher'")" 1 "the launcher runs"
sql <<'SQL'
CREATE EXTENSION tsdb_am;
CREATE TABLE few (time timestamptz, host int, v float8) USING tsdb;
INSERT INTO few SELECT now(), i % 7, i FROM generate_series(1, 300) i;
CREATE TABLE many (time timestamptz, host int, v float8) USING tsdb;
CREATE UNLOGGED TABLE unlogged (time timestamptz, host int, v float8) USING tsdb;
INSERT INTO unlogged SELECT now(), i % 7, i FROM generate_series(1, 300) i;
CREATE TABLE parts (time timestamptz NOT NULL, host int, v float8) PARTITION BY HASH (host);
CREATE TABLE parts_0 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 0) USING tsdb;
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES WITH (MODULUS 2, REMAINDER 1) USING tsdb;
INSERT INTO parts SELECT now(), i % 7, i FROM generate_series(1, 300) i;
SQL
wait_for 30 "300|0" "few rows are compressed when they are old enough" -c "SELECT chunk_rows, row_store_rows FROM tsdb.tables WHERE relation = 'few'::regclass"
wait_for 30 "300" "an unlogged table's too" -c "SELECT chunk_rows FROM tsdb.tables WHERE relation = 'unlogged'::regclass"
wait_for 30 "300" "partitions' too" -c "SELECT sum(chunk_rows) FROM tsdb.tables WHERE relation IN ('parts_0'::regclass, 'parts_1')"
is "$(sql -c "SELECT kind, rows, last_status, last_error IS NULL FROM tsdb.jobs WHERE relation = 'few'::regclass")" "automatic|300|success|t" "tsdb.jobs tells of it"

# age does not matter if there are many
sql -c "ALTER SYSTEM SET tsdb_am.compress_after = '1h'" -c "SELECT pg_reload_conf()" >/dev/null
{ echo "SET tsdb_am.direct_load_rows = 0;"; for i in $(seq 1 20); do echo "INSERT INTO many SELECT now(), i % 7, i FROM generate_series(1, 1000) i;"; done; } | sql
wait_for 30 t "many rows are compressed at once" -c "SELECT chunk_rows >= 16000 FROM tsdb.tables WHERE relation = 'many'::regclass"
is "$(sql -c "SELECT count(*) FROM many")" 20000 "and all are there"
sql -c "ALTER SYSTEM RESET tsdb_am.compress_after" -c "SELECT pg_reload_conf()" >/dev/null

# one transaction of exactly as many rows as sessions tell of at once, uncommitted while a worker looks
sql >/dev/null <<'SQL'
CREATE TABLE late (time timestamptz, host int, v float8) USING tsdb;
SET tsdb_am.direct_load_rows = 0;
BEGIN;
INSERT INTO late SELECT now(), i % 7, i FROM generate_series(1, 17408) i;
SELECT pg_sleep(4);
COMMIT;
SQL
wait_for 60 17408 "rows of a long transaction are found after it" -c "SELECT chunk_rows FROM tsdb.tables WHERE relation = 'late'::regclass"

# old versions that somebody's snapshot keeps are not vacuumed in vain, but with the next that are moved
sql -c "CREATE TABLE kept (time timestamptz, host int, v float8) USING tsdb WITH (autovacuum_enabled = off)"
{ echo "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM kept;"; sleep 1000 & echo $! > "$scratch/reader"; wait $! || true; echo "SELECT count(*) FROM kept; COMMIT;"; } 2>/dev/null | sql > "$scratch/reader.out" & reader=$!
wait_for 30 1 "a reader has its snapshot" -c "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle in transaction' AND backend_xmin IS NOT NULL"
fill="INSERT INTO kept SELECT now(), i % 7, i FROM generate_series(1, 17408) i"
sql -c "SET tsdb_am.direct_load_rows = 0" -c "$fill" >/dev/null
wait_for 30 17408 "rows are moved beside it" -c "SELECT chunk_rows FROM tsdb.tables WHERE relation = 'kept'::regclass"
sleep 1
is "$(sql -c "SELECT vacuum_count FROM pg_stat_user_tables WHERE relname = 'kept'")" 0 "nothing is vacuumed while it keeps them"
kill "$(cat "$scratch/reader")"
wait $reader || true
is "$(tr '\n' ' ' < "$scratch/reader.out")" "0 0 " "the reader has seen what it saw before"
sql -c "SET tsdb_am.direct_load_rows = 0" -c "$fill" >/dev/null
wait_for 30 "1|0" "all is vacuumed later" -c "SELECT vacuum_count, n_dead_tup FROM pg_stat_user_tables WHERE relname = 'kept'"
is "$(sql -c "SELECT count(*), (SELECT count(*) FROM tsdb.verify('kept')) FROM kept")" "34816|0" "and the rows are there"

#--------------------------------------------------------------------- contents under load

sql <<'SQL'
CREATE TABLE t (id bigint, time timestamptz NOT NULL, host int, v float8) USING tsdb WITH (segmentby = 'host', orderby = 'time');
CREATE TABLE h (id bigint, time timestamptz NOT NULL, host int, v float8);
CREATE TABLE ti (id bigint PRIMARY KEY, time timestamptz NOT NULL, host int, v float8) USING tsdb WITH (segmentby = 'host', orderby = 'time');
CREATE INDEX ON ti (host, time);
CREATE INDEX ON h (id);
CREATE SEQUENCE ids;
CREATE FUNCTION batch(client int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE first bigint := nextval('ids') * 100; n int := 10; old bigint := (floor(random() * first / 100))::bigint * 100;
	whole float8 := random();
BEGIN
	INSERT INTO h SELECT first + i, clock_timestamp(), i % 5, client FROM generate_series(1, n) i;
	INSERT INTO t SELECT * FROM h WHERE id > first AND id <= first + n;
	INSERT INTO ti SELECT * FROM h WHERE id > first AND id <= first + n;
	IF whole < 0.02 THEN
		-- rows of one client, in one order: no deadlocks
		UPDATE h SET v = v + 1 WHERE id = first + 1;
		UPDATE t SET v = v + 1 WHERE id = first + 1;
		UPDATE ti SET v = v + 1 WHERE id = first + 1;
	ELSIF whole < 0.04 THEN
		-- (a row whose inserter commits meanwhile would be seen by the last of the statements alone)
		PERFORM FROM h WHERE id = old + 3 FOR UPDATE;
		IF FOUND THEN
			UPDATE ti SET v = v + 10 WHERE id = old + 3;
			UPDATE t SET v = v + 10 WHERE id = old + 3;
			UPDATE h SET v = v + 10 WHERE id = old + 3;
		END IF;
	ELSIF whole < 0.06 THEN
		PERFORM FROM h WHERE id = old + 5 FOR UPDATE;
		IF FOUND THEN
			DELETE FROM ti WHERE id = old + 5;
			DELETE FROM t WHERE id = old + 5;
			DELETE FROM h WHERE id = old + 5;
		END IF;
	ELSIF whole < 0.07 THEN
		RAISE EXCEPTION 'rolled back' USING ERRCODE = '40001';
	END IF;
END $$;
SQL
same="SELECT (SELECT count(*) FROM (SELECT * FROM h EXCEPT ALL SELECT * FROM t) a), (SELECT count(*) FROM (SELECT * FROM t EXCEPT ALL SELECT * FROM h) a),
	(SELECT count(*) FROM (SELECT * FROM h EXCEPT ALL SELECT * FROM ti) a), (SELECT count(*) FROM (SELECT * FROM ti EXCEPT ALL SELECT * FROM h) a)"
cat > "$scratch/load.pgbench" <<'SQL'
SELECT batch(:client_id);
SQL
chmod 644 "$scratch/load.pgbench"
pgbench() { "$pg_bin/pgbench" -n -h "$scratch" -p "$server_port" -U postgres -f "$scratch/load.pgbench" -M prepared --max-tries=10 "$@" postgres >"$scratch/pgbench.log" 2>&1; }
waiting="SELECT max(row_store_rows) FROM tsdb.tables WHERE relation IN ('t'::regclass, 'ti')"

pgbench -c 4 -T "$seconds" & load=$!
most=0 broken=0
while kill -0 $load 2>/dev/null; do
	n=$(sql -c "$waiting") || n=0
	[ "${n:-0}" -le $most ] || most=$n
	sleep 0.5
	[ "$(sql -c "$same")" = "0|0|0|0" ] || broken=$((broken + 1))
done
wait $load || note "$(tail -n 3 "$scratch/pgbench.log")"
rows=$(sql -c "SELECT count(*) FROM h")
note "$rows rows inserted; at most $most waited"
is "$broken" 0 "each snapshot sees in tsdb what it sees in heap"
[ "$rows" -gt 1000 ] && ok "the load inserted rows" || not_ok "the load inserted rows"
wait_for 60 "0" "in the end all rows are in chunks" -c "$waiting"
# at a rate that leaves the processors time (a worker that gets none lets wait what comes): the bound is 48 Ki and what comes while a worker is on its way
pgbench -c 4 -R 800 -T 10 & load=$!
most=0
while kill -0 $load 2>/dev/null; do
	n=$(sql -c "$waiting") || n=0
	[ "${n:-0}" -le $most ] || most=$n
	sleep 0.5
done
wait $load || note "$(tail -n 3 "$scratch/pgbench.log")"
note "$(($(sql -c "SELECT count(*) FROM h") - rows)) rows inserted; at most $most waited"
[ "$most" -lt 65000 ] && ok "the row store stays small" || not_ok "the row store stays small"
is "$(sql -c "$same")" "0|0|0|0" "contents are the same"
is "$(sql -c "SELECT (SELECT count(*) FROM tsdb.verify('t')), (SELECT count(*) FROM tsdb.verify('ti'))")" "0|0" "verify finds nothing"

#--------------------------------------------------------------------- killed workers, killed server

for round in 1 2 3; do
	pgbench -c 3 -T 4 & load=$!
	sleep 2
	if [ $round = 3 ]; then
		server_kill main
		wait $load || true
		server_start main
	else
		pid=
		for n in $(seq 1 100); do
			pid=$(sql -c "SELECT pid FROM pg_stat_activity WHERE backend_type = 'tsdb worker' LIMIT 1" 2>/dev/null) || true
			[ -z "$pid" ] || break
			sleep 0.05
		done
		[ -z "$pid" ] || kill -KILL "$pid" || true
		wait $load || true
	fi
	for n in $(seq 1 300); do sql -c "SELECT 1" >/dev/null 2>&1 && break; sleep 0.1; done
	is "$(sql -c "$same")" "0|0|0|0" "round $round: contents are the same after a kill"
done
wait_for 90 "0" "workers come back, and find rows that nobody counted" -c "$waiting"
is "$(sql -c "SELECT (SELECT count(*) FROM tsdb.verify('t')), (SELECT count(*) FROM tsdb.verify('ti'))")" "0|0" "verify finds nothing"
# an ordinary end of the launcher
sql -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'tsdb launcher'" >/dev/null
wait_for 30 1 "a terminated launcher is started again" -c "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'tsdb launcher'"

#--------------------------------------------------------------------- DDL beside workers

cat > "$scratch/ddl.sh" <<'EOS'
for i in $(seq 1 15); do
	echo "CREATE TABLE d_$i (time timestamptz, host int, v float8) USING tsdb;"
	echo "SET tsdb_am.direct_load_rows = 0; INSERT INTO d_$i SELECT now(), j % 5, j FROM generate_series(1, 20000) j;"
	case $((i % 5)) in
		0) echo "SELECT pg_sleep(0.2); DROP TABLE d_$i;" ;;
		1) echo "SELECT pg_sleep(0.2); TRUNCATE d_$i; INSERT INTO d_$i SELECT now(), 1, 1 FROM generate_series(1, 10);" ;;
		2) echo "SELECT pg_sleep(0.2); ALTER TABLE d_$i ADD COLUMN x int DEFAULT 5, ALTER host TYPE bigint;" ;;
		3) echo "SELECT pg_sleep(0.2); CREATE INDEX ON d_$i (time); VACUUM FULL d_$i;" ;;
		4) echo "SELECT pg_sleep(0.2); ALTER TABLE d_$i SET ACCESS METHOD heap;" ;;
	esac
done
EOS
bash "$scratch/ddl.sh" > "$scratch/ddl.sql"
start=$SECONDS
is "$(sql -f "$scratch/ddl.sql" 2>&1 >/dev/null)" "" "DDL beside workers: no error"
note "$((SECONDS - start)) s"
is "$(sql -c "SELECT count(*) FROM d_1" -c "SELECT count(*), sum(x) FROM d_2" -c "SELECT count(*) FROM d_3" -c "SELECT count(*) FROM d_4" | tr '\n' ' ')" \
	"10 20000|100000 20000 20000 " "and no row lost"

# a lock that is waited for is had soon
sql -c "BEGIN" -c "LOCK TABLE t IN ACCESS EXCLUSIVE MODE" -c "COMMIT" && ok "an exclusive lock is had"

#--------------------------------------------------------------------- errors

sql <<'SQL'
CREATE FUNCTION bad(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN IF $1 = 3 AND current_setting('application_name') LIKE 'tsdb%' THEN RAISE EXCEPTION 'bad % value', $1; END IF; RETURN $1; END $$;
CREATE TABLE failing (time timestamptz, host int, v float8) USING tsdb;
CREATE INDEX ON failing (bad(host));
INSERT INTO failing SELECT now(), i % 7, i FROM generate_series(1, 300) i;
SELECT pg_sleep(2);
INSERT INTO few SELECT now(), i % 7, i FROM generate_series(1, 300) i;
SQL
wait_for 30 600 "an error in one table does not stop another" -c "SELECT chunk_rows FROM tsdb.tables WHERE relation = 'few'::regclass"
wait_for 30 "P0001|bad 3 value" "the error is in tsdb.job_errors" -c "SELECT sqlerrcode, err_message FROM tsdb.job_errors WHERE relation = 'failing'::regclass"
is "$(sql -c "SELECT last_status, next_start > now() FROM tsdb.jobs WHERE relation = 'failing'::regclass")" "failed|t" "tsdb.jobs: failed, to be tried again later"
sleep 3
[ "$(grep -c 'ERROR:  bad 3 value' "$scratch/main.log")" -le 3 ] && ok "log lines back off" || not_ok "log lines back off"
is "$(sql -c "SELECT count(*) FROM failing WHERE bad(host) = 3")" 43 "its rows are there"
sql -c "DROP INDEX failing_bad_idx"
wait_for 60 300 "it is compressed when the cause is gone" -c "SELECT chunk_rows FROM tsdb.tables WHERE relation = 'failing'::regclass"

#--------------------------------------------------------------------- databases

sql -c "CREATE DATABASE other"
sql -d other -c "CREATE TABLE plain (a int)"
sleep 2
sql -d other -c "CREATE EXTENSION tsdb_am" -c "CREATE TABLE o (time timestamptz, v int) USING tsdb" -c "INSERT INTO o SELECT now(), i FROM generate_series(1, 300) i"
wait_for 30 300 "a database that gets the extension later is served" -d other -c "SELECT chunk_rows FROM tsdb.tables"
sql -d other -c "SET tsdb_am.direct_load_rows = 0" -c "INSERT INTO o SELECT now(), i FROM generate_series(1, 200000) i"
start=$SECONDS
is "$(sql -c "DROP DATABASE other" 2>&1)" "" "DROP DATABASE beside a worker"
[ $((SECONDS - start)) -le 5 ] && ok "and soon" || not_ok "and soon"
sql -c "CREATE DATABASE other" && sql -d other -c "CREATE EXTENSION tsdb_am" -c "CREATE TABLE o (time timestamptz, v int) USING tsdb" -c "INSERT INTO o SELECT now(), i FROM generate_series(1, 300) i"
is "$(sql -c "CREATE DATABASE copy TEMPLATE other" -c "ALTER DATABASE other RENAME TO renamed" 2>&1)" "" "copied and renamed"
wait_for 60 300 "the copy is served" -d copy -c "SELECT sum(chunk_rows) FROM tsdb.tables"
wait_for 60 300 "the renamed one is served" -d renamed -c "SELECT sum(chunk_rows) FROM tsdb.tables"
sql -d copy -c "DROP EXTENSION tsdb_am CASCADE" 2>/dev/null
sql -d copy -c "CREATE EXTENSION tsdb_am" -c "CREATE TABLE o (time timestamptz, v int) USING tsdb" -c "INSERT INTO o SELECT now(), i FROM generate_series(1, 300) i"
wait_for 60 300 "so is one whose extension was dropped and made again" -d copy -c "SELECT sum(chunk_rows) FROM tsdb.tables"
sql -c "DROP DATABASE copy" -c "DROP DATABASE renamed"

#--------------------------------------------------------------------- off and on

sql -c "ALTER SYSTEM SET tsdb_am.max_workers = 0" -c "SELECT pg_reload_conf()" >/dev/null
sleep 4
sql -c "INSERT INTO few SELECT now(), i % 7, i FROM generate_series(1, 300) i"
sleep 3
is "$(sql -c "SELECT chunk_rows, (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'tsdb worker') FROM tsdb.tables WHERE relation = 'few'::regclass")" "600|0" "max_workers = 0: nothing happens"
sql -c "CREATE TABLE other_table (time timestamptz, v int) USING tsdb"
for i in $(seq 1 20); do
	sql -c "CREATE TABLE gone_$i USING tsdb AS SELECT now() AS time, g AS v FROM generate_series(1, 1000) g" -c "SELECT tsdb.compress('gone_$i')" -c "SELECT min(v) FROM gone_$i WHERE time < 'infinity'"
done >/dev/null
with_dropped=$(sql -c "SELECT tables FROM tsdb.stat_index")
[ "$with_dropped" -ge 21 ] && ok "tables that were read are in the index" || not_ok "tables that were read are in the index"
for i in $(seq 1 20); do
	sql -c "DROP TABLE gone_$i"
done
sleep 5
sql -c "ALTER SYSTEM RESET tsdb_am.max_workers" -c "SELECT pg_reload_conf()" >/dev/null
sql -c "SET tsdb_am.direct_load_rows = 0" -c "INSERT INTO other_table SELECT now(), i FROM generate_series(1, 20000) i"
wait_for 60 t "the index forgets tables that were dropped" -c "SELECT tables <= $with_dropped - 20 FROM tsdb.stat_index"
sql -c "DROP TABLE other_table"
wait_for 60 900 "turned on again: it does" -c "SELECT chunk_rows FROM tsdb.tables WHERE relation = 'few'::regclass"

#--------------------------------------------------------------------- standby

(cd "$scratch" && as_user "$pg_bin/pg_basebackup" -h "$scratch" -U postgres -D "$scratch/standby" -X stream -R -c fast)
server_config standby "port = 5433"
server_start standby
standby() { server_port=5433 sql "$@"; }
sleep 2
is "$(standby -c "SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'tsdb%'")" 0 "no worker on a standby"
is "$(standby -c "SELECT count(*) FROM tsdb.stat_progress_compress")" 0 "its views work"
server_stop main
standby -c "SELECT pg_promote()" >/dev/null
server_port=5433
sql -c "INSERT INTO few SELECT now(), i % 7, i FROM generate_series(1, 300) i"
wait_for 60 1200 "promoted: its workers start" -c "SELECT chunk_rows FROM tsdb.tables WHERE relation = 'few'::regclass"
is "$(sql -c "$same")" "0|0|0|0" "contents are the same"

no_crash standby
lines=$(grep -E 'TRAP: |PANIC: ' "$scratch/main.log" || true)
is "$lines" "" "main: no crash but the ones that were meant"
done_testing
