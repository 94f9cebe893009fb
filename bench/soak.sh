#!/usr/bin/env bash
# Endless ingest with workers and retention on: does anything grow?
#
# Writers insert 10 rows a statement at a fixed rate, a few late; dashboards read; some rows are updated and deleted; a retention job keeps the last
# KEEP seconds.  Once a minute: sizes, dead rows, ages, memory of the server's processes, shared memory of the index, locks
# that nobody alive holds.  At the end the second half is compared with the first, and the table with what the writers have counted.
#
# Environment: MINUTES (30), CLIENTS (8), RATE (2000 statements a second in all), KEEP (120 seconds).
set -euo pipefail
. "$(dirname "$0")/../scripts/lib.sh"
bash "$top/scripts/install_deps.sh"
find_postgres
minutes=${MINUTES:-30} clients=${CLIENTS:-8} rate=${RATE:-2000} keep=${KEEP:-120}

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
INSERT INTO soak SELECT clock_timestamp() - CASE WHEN :late = 1 THEN interval '20 s' ELSE interval '0' END, 'host_' || (:h + g) % 200, :h + g * 0.5, g, :late FROM generate_series(1, 10) g;
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
chmod 644 "$scratch"/*.pgbench
chmod 755 "$scratch"

bench() { as_user "$pg_bin/pgbench" -n -h "$scratch" -U postgres "$@" postgres; }
seconds=$((minutes * 60))
bench -f "$scratch/write.pgbench" -c "$clients" -j 2 -R "$rate" -T $seconds >"$scratch/write.log" 2>&1 &
bench -f "$scratch/read.pgbench" -c 2 -T $seconds >"$scratch/read.log" 2>&1 &
# (new connections: a session's own memory must not be needed)
bench -f "$scratch/change.pgbench" -c 1 -C -T $seconds >"$scratch/change.log" 2>&1 &

# anonymous memory of the server's processes with this text in their title, kB: the largest
memory() { { grep -l . /dev/null; for p in $(pgrep -P "$(head -n 1 "$scratch/soak/postmaster.pid")" -f "$1" || true); do sed -n 's/^RssAnon:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$p/status" 2>/dev/null; done; echo 0; } | sort -n | tail -n 1; }
printf '%6s %10s %10s %10s %8s %8s %8s %10s %10s %10s %8s %8s\n' minute rows main_MB toast_MB chunks age toastage client_kB worker_kB index_kB locks files
: > "$scratch/figures"
for minute in $(seq "$minutes"); do
	sleep 60
	line=$(sql -F ' ' -c "SELECT $minute, (SELECT count(*) FROM soak), round(pg_relation_size(c.oid) / 1048576.0, 1), round(pg_relation_size(c.reltoastrelid) / 1048576.0, 1),
		(SELECT count(*) FROM tsdb.chunks), age(c.relfrozenxid), age(t.relfrozenxid), $(memory 'postgres: postgres'), $(memory 'tsdb'),
		coalesce((SELECT memory_used FROM tsdb.stat_index LIMIT 1) / 1024, 0),
		(SELECT count(*) FROM pg_locks l WHERE NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid = l.pid)),
		(SELECT count(*) FROM pg_ls_dir('base/' || (SELECT oid FROM pg_database WHERE datname = 'postgres')))
		FROM pg_class c JOIN pg_class t ON t.oid = c.reltoastrelid WHERE c.oid = 'soak'::regclass")
	echo "$line" >> "$scratch/figures"
	printf '%6s %10s %10s %10s %8s %8s %8s %10s %10s %10s %8s %8s\n' $line
done
wait
say
grep -h -E 'tps|latency average|failed' "$scratch/write.log" "$scratch/read.log" "$scratch/change.log" || true
say "errors in the clients' logs: $(grep -hc ERROR "$scratch/write.log" "$scratch/read.log" "$scratch/change.log" | awk '{ n += $1 } END { print n }')"
say "lines in the server's log: $(grep -cE 'WARNING|ERROR|FATAL|PANIC|TRAP' "$scratch/soak.log" || true)"
grep -E 'WARNING|ERROR|FATAL|PANIC|TRAP|leak' "$scratch/soak.log" | cut -d' ' -f 5- | sort | uniq -c | sort -rn | head -n 10 || true
say "largest of the second half / largest of the second quarter (1 = flat):"
awk '{ n = NR; for (i = 1; i <= NF; i++) v[NR, i] = $i } END {
	split("minute rows main toast chunks age toastage client worker index locks files", name, " ");
	for (i = 2; i <= 12; i++) { a = b = 0;
		for (r = int(n / 4) + 1; r <= n / 2; r++) if (v[r, i] > a) a = v[r, i];
		for (r = int(n / 2) + 1; r <= n; r++) if (v[r, i] > b) b = v[r, i];
		printf("  %s %s\n", name[i], (a > 0 ? sprintf("%.2f", b / a) : b)) } }' "$scratch/figures"
sql -F ' ' -c "SELECT job_id, kind, total_runs, total_failures, last_error FROM tsdb.jobs" 2>/dev/null || true
say "damage: $(sql -c "SELECT count(*) FROM tsdb.verify('soak')")"
