#!/usr/bin/env bash
# Endless ingest with workers and retention on: does anything grow?
#
# Writers insert 10 rows a statement at a fixed rate, a few late; dashboards read; some rows are updated and deleted; a retention job keeps the last
# KEEP seconds.  Once a minute: sizes, dead rows, ages, memory of the server's processes, shared memory of the index, locks
# that nobody alive holds, files that belong to no relation.  At the end the last quarter is compared with the first, and a verdict given.
#
# MIXED=1 (bench/soak_mixed.sh) adds what else a server sees: large loads, DDL, indexes that come and go, partitions that are made ahead and dropped,
# tables made, filled and dropped, clients that connect for each transaction, sessions that are ended from outside, explicit maintenance.
#
# Environment: MINUTES (30), CLIENTS (8), RATE (2000 statements a second in all), KEEP (120 seconds), MIXED (0), TICK (60 seconds between figures).
set -euo pipefail
. "$(dirname "$0")/../scripts/lib.sh"
bash "$top/scripts/install_deps.sh"
find_postgres
minutes=${MINUTES:-30} clients=${CLIENTS:-8} rate=${RATE:-2000} keep=${KEEP:-120} mixed=${MIXED:-0} tick=${TICK:-60}

build_variant release EXTRA_CFLAGS= || die "build failed: $build_dir/release.log"
stage_variant release
server_create soak
server_config soak "fsync = on" "shared_buffers = 256MB" "max_wal_size = 1GB" "checkpoint_timeout = 2min" "autovacuum_naptime = 15s" "max_connections = 60" \
	"synchronous_commit = off" "tsdb_am.max_workers = 2" "tsdb_am.compress_after = 10s" "autovacuum_freeze_max_age = 100000" "vacuum_freeze_min_age = 10000" \
	"vacuum_freeze_table_age = 50000" "log_line_prefix = '%m [%p] %b %q%a '" "log_min_messages = warning"
server_start soak

sql >/dev/null <<SQL
CREATE EXTENSION tsdb_am;
CREATE TABLE soak (time timestamptz NOT NULL, host text NOT NULL, a float8, b float8, c int) USING tsdb WITH (segmentby = 'host', orderby = 'time');
CREATE TABLE counted (rows bigint);
SELECT tsdb.add_retention_policy('soak', interval '$keep seconds', schedule_interval => interval '10 seconds');
SQL
cat > "$scratch/write.pgbench" <<'EOS'
\set h random(1, 200)
\set late random(1, 50)
INSERT INTO soak (time, host, a, b, c) SELECT clock_timestamp() - CASE WHEN :late = 1 THEN interval '20 s' ELSE interval '0' END, 'host_' || (:h + g) % 200, :h + g * 0.5, g, :late FROM generate_series(1, 10) g;
EOS
cat > "$scratch/read.pgbench" <<'EOS'
\set h random(1, 200)
SELECT date_trunc('minute', time), avg(a), max(b), count(*) FROM soak WHERE host = 'host_' || :h AND time > now() - interval '1 minute' GROUP BY 1 ORDER BY 1;
SELECT count(*), sum(a) FROM soak WHERE time > now() - interval '30 s';
\sleep 200 ms
EOS
cat > "$scratch/change.pgbench" <<'EOS'
\set h random(1, 200)
UPDATE soak SET b = b + 1 WHERE host = 'host_' || :h AND time BETWEEN now() - interval '40 s' AND now() - interval '39 s';
DELETE FROM soak WHERE host = 'host_' || :h AND time BETWEEN now() - interval '50 s' AND now() - interval '49.5 s';
\sleep 500 ms
EOS
cat > "$scratch/load.pgbench" <<'EOS'
\set h random(1, 200)
INSERT INTO soak (time, host, a, b, c) SELECT clock_timestamp() - g * interval '1 ms', 'host_' || (:h + g) % 200, g, g * 0.1, g % 5 FROM generate_series(1, 3000) g;
INSERT INTO parts SELECT clock_timestamp() - g * interval '1 ms', 'host_' || g % 50, g FROM generate_series(1, 1500) g;
\sleep 1000 ms
EOS
cat > "$scratch/parts.pgbench" <<'EOS'
\set h random(1, 50)
INSERT INTO parts VALUES (clock_timestamp(), 'host_' || :h, 1), (clock_timestamp(), 'host_' || :h, 2);
SELECT host, count(*), max(v) FROM parts WHERE time > now() - interval '20 s' GROUP BY host ORDER BY 2 DESC LIMIT 5;
UPDATE parts SET v = v + 1 WHERE host = 'host_' || :h AND time > now() - interval '5 s';
BEGIN;
DELETE FROM parts WHERE host = 'host_' || :h AND time < now() - interval '30 s';
ROLLBACK;
\sleep 100 ms
EOS
cat > "$scratch/maintain.pgbench" <<'EOS'
SELECT tsdb.compress('soak');
SELECT tsdb.recompress('soak');
ANALYZE soak, parts;
SELECT count(*) FROM tsdb.chunks;
SELECT count(*) FROM tsdb.columns;
\sleep 10 s
EOS
# DDL, one statement after the other; the lock is not waited for long
cat > "$scratch/ddl.sql" <<'EOS'
SET lock_timeout = '5s';
ALTER TABLE soak ADD COLUMN IF NOT EXISTS extra int DEFAULT 7;
SELECT pg_sleep(1);
ALTER TABLE soak DROP COLUMN IF EXISTS extra;
CREATE INDEX IF NOT EXISTS soak_c ON soak (c) WHERE c = 1;
SELECT pg_sleep(2);
DROP INDEX IF EXISTS soak_c;
ALTER TABLE soak SET (segmentby = 'host', orderby = 'time');
DROP TABLE IF EXISTS side;
CREATE TABLE side (time timestamptz, host text, v float8, note text) USING tsdb;
INSERT INTO side SELECT now() + g * interval '1 s', 'h' || g % 10, g, repeat('x', g % 1000) FROM generate_series(1, 20000) g;
CREATE INDEX ON side (time);
UPDATE side SET v = 0 WHERE v < 1000;
SELECT tsdb.recompress('side');
BEGIN;
TRUNCATE side;
INSERT INTO side SELECT now(), 'x', g, '' FROM generate_series(1, 5000) g;
ROLLBACK;
VACUUM FULL side;
ALTER TABLE side SET ACCESS METHOD heap;
ALTER TABLE side SET ACCESS METHOD tsdb;
CREATE TEMP TABLE own (time timestamptz, v int) USING tsdb;
INSERT INTO own SELECT now(), g FROM generate_series(1, 5000) g;
CREATE UNLOGGED TABLE IF NOT EXISTS loose (time timestamptz, v int) USING tsdb;
INSERT INTO loose SELECT now(), g FROM generate_series(1, 3000) g;
DROP TABLE loose;
DECLARE held CURSOR WITH HOLD FOR SELECT * FROM side ORDER BY time;
FETCH 10 FROM held;
EOS
if [ "$mixed" = 1 ]; then
	sql >/dev/null <<'SQL'
CREATE TABLE parts (time timestamptz NOT NULL, host text, v float8) USING tsdb;
SELECT tsdb.create_shards('parts', 'time', interval '15 seconds', ahead => 5);
SELECT tsdb.add_retention_policy('parts', interval '60 seconds', schedule_interval => interval '10 seconds');
SQL
fi
chmod 644 "$scratch"/*.pgbench
chmod 755 "$scratch"

bench() { as_user "$pg_bin/pgbench" -n -h "$scratch" -U postgres "$@" postgres; }
seconds=$((minutes * 60))
bench -f "$scratch/write.pgbench" -c "$clients" -j 2 -R "$rate" -T $seconds >"$scratch/write.log" 2>&1 &
bench -f "$scratch/read.pgbench" -c 2 -T $seconds >"$scratch/read.log" 2>&1 &
# (new connections: a session's own memory must not be needed)
bench -f "$scratch/change.pgbench" -c 1 -C -T $seconds >"$scratch/change.log" 2>&1 &

if [ "$mixed" = 1 ]; then
	bench -f "$scratch/load.pgbench" -c 1 -T $seconds >"$scratch/load.log" 2>&1 &
	bench -f "$scratch/parts.pgbench" -c 2 -C -T $seconds >"$scratch/parts.log" 2>&1 &
	bench -f "$scratch/maintain.pgbench" -c 1 -T $seconds >"$scratch/maintain.log" 2>&1 &
	{
		until [ $SECONDS -ge $seconds ]; do
			"$pg_bin/psql" -X -q -At -h "$scratch" -U postgres -f "$scratch/ddl.sql" 2>&1 >/dev/null | grep -v NOTICE || true
			sleep 2
		done
	} > "$scratch/ddl.log" 2>&1 &
	# sessions that are ended in the middle of something
	{
		until [ $SECONDS -ge $seconds ]; do
			"$pg_bin/psql" -X -q -At -h "$scratch" -U postgres -c "/* ended */ INSERT INTO soak (time, host, a) SELECT now() - interval '1 s', 'ended', g FROM generate_series(1, 3000000) g" >/dev/null 2>&1 &
			sleep 3
			"$pg_bin/psql" -X -q -At -h "$scratch" -U postgres -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '/* ended */%' AND pid <> pg_backend_pid()" >/dev/null 2>&1 || true
			sleep 5
		done
	} &
fi

# files of the database that belong to no relation: those of dropped ones until the next checkpoint, of transactions that run, or for ever
leaked_files="FROM pg_ls_dir('base/' || (SELECT oid FROM pg_database WHERE datname = 'postgres')) f WHERE f ~ '^[0-9]+' AND substring(f FROM '^[0-9]+')::oid NOT IN (SELECT pg_relation_filenode(oid) FROM pg_class WHERE pg_relation_filenode(oid) IS NOT NULL)"
leaked="(SELECT count(*) $leaked_files)"

# anonymous memory of the server's processes with this text in their title, kB: the largest
memory() { { grep -l . /dev/null; for p in $(pgrep -P "$(head -n 1 "$scratch/soak/postmaster.pid")" -f "$1" || true); do sed -n 's/^RssAnon:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$p/status" 2>/dev/null; done; echo 0; } | sort -n | tail -n 1; }
printf '%6s %10s %10s %10s %8s %8s %8s %10s %10s %10s %8s %8s %8s\n' tick rows main_MB toast_MB chunks age toastage client_kB worker_kB index_kB locks files strays
: > "$scratch/figures"
for minute in $(seq $((seconds / tick))); do
	sleep "$tick"
	line=$(sql -F ' ' -c "SELECT $minute, (SELECT count(*) FROM soak), round(pg_relation_size(c.oid) / 1048576.0, 1), round(pg_relation_size(c.reltoastrelid) / 1048576.0, 1),
		(SELECT count(*) FROM tsdb.chunks), age(c.relfrozenxid), age(t.relfrozenxid), $(memory 'postgres: postgres'), $(memory 'tsdb'),
		coalesce((SELECT memory_used FROM tsdb.stat_index LIMIT 1) / 1024, 0),
		(SELECT count(*) FROM pg_locks l WHERE NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid = l.pid)),
		(SELECT count(*) FROM pg_ls_dir('base/' || (SELECT oid FROM pg_database WHERE datname = 'postgres'))) - $leaked, $leaked
		FROM pg_class c JOIN pg_class t ON t.oid = c.reltoastrelid WHERE c.oid = 'soak'::regclass")
	echo "$line" >> "$scratch/figures"
	printf '%6s %10s %10s %10s %8s %8s %8s %10s %10s %10s %8s %8s %8s\n' $line
done
wait
say
grep -h -E 'tps|latency average|failed' "$scratch"/write.log "$scratch"/read.log "$scratch"/change.log || true
# what a server that is used so may say: who waits too long, who is ended from outside, a worker that gives way
expected='deadlock detected|lock timeout|terminating connection due to administrator command|canceling autovacuum task|due to user request'
errors() { grep -hE 'ERROR|FATAL|PANIC|TRAP|leak' "$@" | grep -vE "$expected" || true; }
unexpected=$(errors "$scratch"/*.log | wc -l)
say "lines in the server's log: $(grep -cE 'WARNING|ERROR|FATAL|PANIC|TRAP' "$scratch/soak.log" || true); errors that are not expected, there and at clients: $unexpected"
errors "$scratch"/*.log | head -n 5
grep -hE 'WARNING|ERROR|FATAL|PANIC|TRAP|leak' "$scratch"/*.log | sed -E 's/^[0-9-]+ [0-9:.]+ [A-Z]+ \[[0-9]+\] //; s/[0-9]{3,}/N/g' | sort | uniq -c | sort -rn | head -n 10 || true
sql -F ' ' -c "SELECT job_id, kind, total_runs, total_failures, last_error FROM tsdb.jobs" 2>/dev/null || true
failed_jobs=$(sql -c "SELECT count(*) FROM tsdb.job_errors WHERE err_message !~ 'lock timeout|deadlock|canceling'")
damage=$(sql -c "SELECT count(*) FROM tsdb.verify('soak')")
[ "$mixed" != 1 ] || damage=$((damage + $(sql -c "SELECT count(*) FROM tsdb.verify('parts')")))
# files that a checkpoint was to remove are gone; of partitions that a worker makes or drops just then, they would not be
sql -c "ALTER SYSTEM SET tsdb_am.max_workers = 0" -c "SELECT pg_reload_conf()" >/dev/null
sleep 5
sql -c CHECKPOINT -c CHECKPOINT
strays=$(sql -c "SELECT $leaked")
[ "$strays" = 0 ] || sql -c "SELECT 'file of no relation: ' || f $leaked_files"
temporary=$(find "$scratch/soak/base/pgsql_tmp" -type f 2>/dev/null | wc -l)
say "damage: $damage; failed jobs: $failed_jobs; files of no relation: $strays, temporary: $temporary"
say "mean of the last quarter / mean of the first (1 = flat); the server warms up in the first:"
awk '{ n = NR; for (i = 1; i <= NF; i++) v[NR, i] = $i } END {
	split("tick rows main toast chunks age toastage client worker index locks files strays", name, " ");
	bad = "";
	q = int(n / 4); if (q < 1) q = 1;
	for (i = 2; i <= 13; i++) { a = b = 0;
		for (r = 1; r <= q; r++) a += v[r, i] / q;
		for (r = n - q + 1; r <= n; r++) b += v[r, i] / q;
		printf("  %s %s (%.0f, %.0f)\n", name[i], (a > 0 ? sprintf("%.2f", b / a) : b), a, b);
		# memory, kB: a quarter and 8 MB more is none of warming up; files: a few of what runs just then
		if (name[i] ~ /client|worker|index/ && b > a * 1.25 + 8192) bad = bad " " name[i];
		if (name[i] ~ /locks/ && b > a + 1) bad = bad " " name[i];
		if (name[i] == "files" && b > a * 1.5 + 50) bad = bad " " name[i]; }
	print (bad == "" ? "nothing grows" : "GROWS:" bad) }' "$scratch/figures" | tee "$scratch/verdict"
if grep -q 'nothing grows' "$scratch/verdict" && [ "$unexpected" = 0 ] && [ "$damage" = 0 ] && [ "$strays" = 0 ] && [ "$temporary" = 0 ] && [ "$failed_jobs" = 0 ]; then
	say "verdict: passed"
else
	say "verdict: FAILED"
	exit 1
fi
