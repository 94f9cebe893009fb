#!/usr/bin/env bash
# Endless ingest with retention, workers and autovacuum side by side: files stay bounded, freeze ages of both stores advance, no row that is
# young enough is lost, no error in the log.
#
# Environment: SOAK_SECONDS (30).
. "$(dirname "$0")/lib.sh"
seconds=${SOAK_SECONDS:-30}

test_server main
server_config main "tsdb_am.max_workers = 2" "tsdb_am.compress_after = 2s" "tsdb_am.worker_naptime = 1s" "autovacuum_naptime = 1s" "autovacuum_vacuum_cost_delay = 0" \
	"vacuum_freeze_min_age = 0" "vacuum_freeze_table_age = 0" "log_lock_waits = off" "deadlock_timeout = 200ms"
server_stop main
server_start main
sql >/dev/null <<'SQL'
CREATE EXTENSION tsdb_am;
-- values that do not compress, so that the chunk store is of some size
CREATE TABLE t (time timestamptz NOT NULL, host int, a float8, b text) USING tsdb WITH (segmentby = 'host', orderby = 'time');
CREATE INDEX ON t (host, time);
CREATE TABLE h (time timestamptz NOT NULL, n bigint);
CREATE FUNCTION batch(n int) RETURNS void LANGUAGE sql AS $$
	INSERT INTO t SELECT clock_timestamp(), i % 10, random(), md5(random()::text) FROM generate_series(1, n) i;
	INSERT INTO h VALUES (clock_timestamp(), n);
$$;
SELECT tsdb.add_retention_policy('t', interval '8 seconds', schedule_interval => interval '1 second');
SQL
echo 'SELECT batch(50);' > "$scratch/load.pgbench"
chmod 644 "$scratch/load.pgbench"
sizes="SELECT pg_relation_size('t'), pg_relation_size(reltoastrelid), pg_indexes_size('t') FROM pg_class WHERE oid = 't'::regclass"
first=$(sql -c "SELECT pg_current_xact_id()")

"$pg_bin/pgbench" -n -h "$scratch" -p 5432 -U postgres -f "$scratch/load.pgbench" -c 2 -T "$seconds" -R 300 postgres >"$scratch/pgbench.log" 2>&1 & load=$!
sleep $((seconds / 2))
middle=$(sql -c "$sizes")
wait $load || note "$(tail -n 3 "$scratch/pgbench.log")"
end=$(sql -c "$sizes")
note "bytes of row store|chunk store|indexes after half the time: $middle, at the end: $end; $(sql -c "SELECT sum(n) FROM h") rows went in"

# three times what it was after half the time, and some, for slow machines: retention has been at work since 8 s
bounded=$(awk -F'|' -v m="$middle" 'BEGIN { split(m, a, "|") } { print ($1 < 3 * a[1] + 16777216 && $2 < 3 * a[2] + 16777216 && $3 < 3 * a[3] + 16777216) }' <<<"$end")
is "$bounded" 1 "files stay bounded"
is "$(sql -c "SELECT count(*) >= (SELECT coalesce(sum(n), 0) FROM h WHERE time > now() - interval '1 second') FROM t WHERE time > now() - interval '2 seconds'")" t "young rows are there"
is "$(sql -c "SELECT count(*) FROM tsdb.job_errors")" 0 "no job failed"
is "$(sql -c "SELECT last_status IN ('success', 'running') AND total_runs > $seconds / 6 FROM tsdb.jobs WHERE kind = 'retention'")" t "retention ran"

# each vacuum freezes here: what is old is what nobody has vacuumed
burnt=$(sql -c "SELECT pg_current_xact_id()::text::bigint - $first")
ages=$(sql -c "SELECT age(c.relfrozenxid), age(x.relfrozenxid) FROM pg_class c JOIN pg_class x ON x.oid = c.reltoastrelid WHERE c.oid = 't'::regclass")
note "ages of both stores: $ages, of $burnt transactions"
is "$(awk -F'|' -v b="$burnt" '{ print ($1 < 0.8 * b) }' <<<"$ages")" 1 "the row store's freeze age advances"
for n in $(seq 1 100); do
	age=$(sql -c "SELECT age(x.relfrozenxid) FROM pg_class c JOIN pg_class x ON x.oid = c.reltoastrelid WHERE c.oid = 't'::regclass")
	[ "$age" -ge $((burnt * 8 / 10)) ] || break
	sleep 0.2
done
is "$((age < burnt * 8 / 10))" 1 "the chunk store's freeze age advances"

# later all is gone, but what is young
wait_for 60 0 "in the end retention has dropped all" -c "SELECT count(*) FROM t"
is "$(sql -c "SELECT count(*) FROM tsdb.verify('t')")" 0 "verify finds nothing"
is "$(grep -E 'ERROR|FATAL|PANIC|TRAP' "$scratch/main.log" | grep -v 'canceling statement due to user request\|canceling autovacuum task' | head -n 3 || true)" "" "no error in the log"
no_crash main
done_testing
