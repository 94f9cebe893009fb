#!/usr/bin/env bash
# Continuous aggregates under random writers with savepoints, rollbacks, prepared transactions and bulk loads, while two sessions
# and a policy refresh them and workers move rows: in every snapshot the views show what their queries give, and in the end
# what is stored is the same.  Then again after kill -9, a dump and restore, and for rows that logical replication brings.
#
# TSDB_CAGG_SECONDS  how long writers run (12)
. "$(dirname "$0")/lib.sh"

seconds=${TSDB_CAGG_SECONDS:-12}
test_server main
server_config main "tsdb_am.max_workers = 2" "tsdb_am.compress_after = 1s" "tsdb_am.worker_naptime = 1s" "wal_level = logical" \
	"max_prepared_transactions = 20" "max_wal_senders = 4" "max_replication_slots = 4" "autovacuum = on" "autovacuum_naptime = 2s"
server_stop main
server_start main

sql <<'SQL'
CREATE EXTENSION tsdb_am;
CREATE TABLE m (time timestamptz NOT NULL, host int, v int) USING tsdb WITH (segmentby = 'host', direct_load = on);
INSERT INTO m SELECT timestamptz '2024-01-01' + i * interval '1 min', i % 5, i % 97 FROM generate_series(0, 19999) i;
CREATE MATERIALIZED VIEW hourly WITH (tsdb.continuous) AS
SELECT time_bucket('1 hour', time) AS bucket, host, count(*), sum(v), min(v), max(v) FROM m WHERE v <> 13 GROUP BY 1, 2;
CREATE MATERIALIZED VIEW daily WITH (tsdb.continuous) AS
SELECT time_bucket('1 day', bucket, 'Europe/Berlin') AS day, sum(count) AS count, sum(sum) AS sum FROM hourly GROUP BY 1;
CREATE MATERIALIZED VIEW monthly WITH (tsdb.continuous) AS SELECT time_bucket('1 month', time) AS month, host, count(*), sum(v) FROM m GROUP BY 1, 2 WITH NO DATA;
CREATE VIEW hourly_query AS SELECT time_bucket('1 hour', time) AS bucket, host, count(*), sum(v), min(v), max(v) FROM m WHERE v <> 13 GROUP BY 1, 2;
CREATE VIEW daily_query AS SELECT time_bucket('1 day', bucket, 'Europe/Berlin') AS day, sum(count) AS count, sum(sum) AS sum FROM hourly_query GROUP BY 1;
CREATE VIEW monthly_query AS SELECT time_bucket('1 month', time) AS month, host, count(*), sum(v) FROM m GROUP BY 1, 2;
SQL
sql -c "SELECT tsdb.add_continuous_aggregate_policy('monthly', NULL, interval '0', schedule_interval => interval '1 s')" >/dev/null

# differ RELATION: rows by which it and its query differ, in one snapshot
differ()
{
	local table=$1 query=${1%_stored}_query
	printf "(SELECT count(*) FROM ((TABLE %s EXCEPT ALL TABLE %s) UNION ALL (TABLE %s EXCEPT ALL TABLE %s)) x)" "$table" "$query" "$query" "$table"
}
all_differ="SELECT $(differ hourly), $(differ daily), $(differ monthly)"
stored_differ="SELECT $(differ hourly_stored), $(differ daily_stored), $(differ monthly_stored)"
is "$(sql -c "$all_differ")" "0|0|0" "new aggregates"

mkdir "$scratch/scripts"
cd "$scratch/scripts"
cat > insert.sql <<'SQL'
\set t random(0, 25000)
\set n random(1, 4)
\set end random(1, 4)
BEGIN;
INSERT INTO m SELECT timestamptz '2024-01-01' + (:t + i * 61) * interval '1 min', :n, i FROM generate_series(1, :n) i;
SAVEPOINT a;
INSERT INTO m VALUES (timestamptz '2024-01-01' + (:t + 500) * interval '1 min', 7, 7);
\if :end = 1
ROLLBACK TO a;
\else
RELEASE a;
\endif
INSERT INTO m VALUES (timestamptz '2024-01-01' + (:t + 501) * interval '1 min', 8, 7);
\if :end = 2
ROLLBACK;
\else
COMMIT;
\endif
SQL
cat > update.sql <<'SQL'
\set t random(0, 25000)
\set s random(1, 200)
\set end random(1, 4)
BEGIN;
UPDATE m SET v = v + 1 WHERE time = timestamptz '2024-01-01' + :t * interval '1 min';
SAVEPOINT a;
UPDATE m SET time = time + :s * interval '1 min' WHERE time = timestamptz '2024-01-01' + (:t + 70) * interval '1 min';
\if :end = 1
ROLLBACK TO a;
UPDATE m SET v = v - 1 WHERE time = timestamptz '2024-01-01' + (:t + 1) * interval '1 min';
\endif
\sleep 5 ms
COMMIT;
SQL
cat > delete.sql <<'SQL'
\set t random(0, 25000)
\set end random(1, 3)
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT 1;
DELETE FROM m WHERE time BETWEEN timestamptz '2024-01-01' + :t * interval '1 min' AND timestamptz '2024-01-01' + (:t + 20) * interval '1 min';
\if :end = 1
PREPARE TRANSACTION 'p:client_id';
COMMIT PREPARED 'p:client_id';
\else
COMMIT;
\endif
SQL
cat > load.sql <<'SQL'
\set t random(0, 23000)
INSERT INTO m SELECT timestamptz '2024-01-01' + (:t + i) * interval '1 min', i % 5, i % 89 FROM generate_series(1, 1500) i;
SQL
cat > refresh.sql <<'SQL'
\set t random(0, 25000)
\set n random(1, 5)
\if :n = 1
CALL tsdb.refresh_continuous_aggregate('hourly', NULL, NULL);
\elif :n = 2
CALL tsdb.refresh_continuous_aggregate('daily', NULL, NULL);
\elif :n = 3
CALL tsdb.refresh_continuous_aggregate('daily', timestamptz '2024-01-01' + :t * interval '1 min', NULL);
\else
CALL tsdb.refresh_continuous_aggregate('hourly', timestamptz '2024-01-01' + :t * interval '1 min', timestamptz '2024-01-01' + (:t + 3000) * interval '1 min');
\endif
\sleep 20 ms
SQL

# load DATABASE: writers and refreshers for that long, in the background; pids in $load
load=()
run_load()
{
	local pgbench="$pg_bin/pgbench -h $scratch -U postgres -n --max-tries 100 postgres"
	$pgbench -c 4 -j 1 -T "$1" -f insert.sql@4 -f update.sql@4 -f delete.sql@2 >writers.log 2>&1 & load=($!)
	$pgbench -c 1 -T "$1" -R 2 -f load.sql >loads.log 2>&1 & load+=($!)
	$pgbench -c 2 -j 1 -T "$1" -f refresh.sql >refreshers.log 2>&1 & load+=($!)
}

run_load "$seconds"
looks=0
wrong=""
while kill -0 "${load[0]}" 2>/dev/null; do
	got=$(sql -c "$all_differ")
	looks=$((looks + 1))
	[ "$got" = "0|0|0" ] || wrong="$wrong $got"
done
for pid in "${load[@]}"; do wait "$pid" || note "a client failed: $(tail -n 3 writers.log loads.log refreshers.log | tr '\n' ' ')"; done
note "$(grep -h 'number of transactions actually' writers.log loads.log refreshers.log | tr '\n' ' ') $looks looks"
is "$wrong" "" "in every snapshot the views show what their queries give"
is "$((looks > 3))" 1 "it was looked at"
is "$(grep -hE 'ERROR|aborted|FATAL' writers.log loads.log refreshers.log | head -n 3)" "" "no client failed"
is "$(sql -c "SELECT count(*) > 0 FROM hourly_stored")" t "something is stored"
wait_for 60 "t|0" "the policy ran" -c "SELECT total_runs > 1, total_failures FROM tsdb.jobs WHERE kind = 'refresh'"

refresh_all()
{
	for a in hourly daily monthly; do sql ${1:+-d "$1"} -c "CALL tsdb.refresh_continuous_aggregate('$a', NULL, NULL)"; done
}
refresh_all
is "$(sql -c "$stored_differ")" "0|0|0" "after a refresh of each, what is stored is the same"
is "$(sql -c "SELECT count(*) FROM tsdb.cagg_dirty")" 0 "and nothing is dirty"
is "$(sql -c "SELECT count(*) FROM tsdb.verify('m')" -c "SELECT count(*) FROM tsdb.verify('hourly_stored')" | tr '\n' ' ')" "0 0 " "tables are sound"

# a crash among writers and refreshes
run_load 30
sleep 2
server_kill main
for pid in "${load[@]}"; do wait "$pid" 2>/dev/null || true; done
server_start main
is "$(sql -c "$all_differ")" "0|0|0" "after a crash, the views"
is "$(sql -c "DO \$\$ DECLARE p text; BEGIN FOR p IN SELECT gid FROM pg_prepared_xacts LOOP RAISE NOTICE '%', p; END LOOP; END \$\$" -c "SELECT count(*) <= 4 FROM pg_prepared_xacts")" t "few prepared transactions are left"
for gid in $(sql -c "SELECT gid FROM pg_prepared_xacts"); do sql -c "COMMIT PREPARED '$gid'"; done
is "$(sql -c "$all_differ")" "0|0|0" "and with what was prepared"
refresh_all
is "$(sql -c "$stored_differ")" "0|0|0" "and what is stored"

# dump and restore; the policy would refresh in between
sql -c "UPDATE tsdb.job SET scheduled = false"
sleep 2
refresh_all
sql -c "DELETE FROM m WHERE host = 3 AND time < '2024-01-02'"
rows=$(sql -c "SELECT count(*), sum(count) FROM hourly" -c "SELECT count(*), sum(count) FROM daily")
dirty=$(sql -c "SELECT continuous_aggregate, dirty_ranges FROM tsdb.continuous_aggregates ORDER BY 1")
"$pg_bin/pg_dump" -h "$scratch" -U postgres -Fc -f "$scratch/dump" postgres
sql -c "CREATE DATABASE copy"
"$pg_bin/pg_restore" -h "$scratch" -U postgres -d copy "$scratch/dump" 2>&1 | head -n 5 | sed 's/^/# /'
is "$(sql -d copy -c "SELECT count(*), sum(count) FROM hourly" -c "SELECT count(*), sum(count) FROM daily")" "$rows" "a restored dump has the same rows"
is "$(sql -d copy -c "$all_differ")" "0|0|0" "and the same as its queries"
is "$(sql -d copy -c "SELECT continuous_aggregate, dirty_ranges FROM tsdb.continuous_aggregates ORDER BY 1")" "$dirty" "what was dirty still is, and no more"
sql -d copy -c "INSERT INTO m VALUES ('2024-01-05 10:30', 77, 1)"
is "$(sql -d copy -c "SELECT count(*) FROM hourly WHERE host = 77" -c "$all_differ" | tr '\n' ' ')" "1 0|0|0 " "changes are seen"
refresh_all copy
is "$(sql -d copy -c "$stored_differ")" "0|0|0" "and refreshed"
is "$(sql -d copy -c "SELECT relation, config IS NOT NULL FROM tsdb.job")" "monthly_stored|t" "its policy is there"
sql -d copy -c "DROP MATERIALIZED VIEW daily" -c "DROP TABLE m CASCADE"
is "$(sql -d copy -c "SELECT count(*) FROM pg_class WHERE relname ~ 'stored$'" -c "SELECT count(*) FROM tsdb.cagg" | tr '\n' ' ')" "0 0 " "and it goes as a whole"

# rows that logical replication brings
sql -c "CREATE DATABASE subscriber" -c "CREATE TABLE r (id int PRIMARY KEY, time timestamptz NOT NULL, v int) USING tsdb" -c "INSERT INTO r SELECT i, timestamptz '2024-01-01' + i * interval '1 min', i FROM generate_series(1, 3000) i" \
	-c "CREATE PUBLICATION p FOR TABLE r" -c "SELECT pg_create_logical_replication_slot('s', 'pgoutput')" >/dev/null
sql -d subscriber -c "CREATE EXTENSION tsdb_am" -c "CREATE TABLE r (id int PRIMARY KEY, time timestamptz NOT NULL, v int) USING tsdb" \
	-c "CREATE MATERIALIZED VIEW a WITH (tsdb.continuous) AS SELECT time_bucket('1 hour', time) AS b, count(*), sum(v) FROM r GROUP BY 1" \
	-c "CREATE VIEW a_query AS SELECT time_bucket('1 hour', time) AS b, count(*), sum(v) FROM r GROUP BY 1" \
	-c "CREATE SUBSCRIPTION s CONNECTION 'host=$scratch user=postgres dbname=postgres' PUBLICATION p WITH (create_slot = false, slot_name = 's')" 2>/dev/null
wait_for 30 "3000" "replication brings rows" -d subscriber -c "SELECT sum(count) FROM a"
sql -d subscriber -c "CALL tsdb.refresh_continuous_aggregate('a', NULL, NULL)"
sql -c "UPDATE r SET v = 0 WHERE id BETWEEN 100 AND 200" -c "DELETE FROM r WHERE id BETWEEN 1000 AND 1100" -c "INSERT INTO r VALUES (5000, '2024-02-01', 1)" -c "UPDATE r SET time = time + interval '2 h' WHERE id = 2000"
wait_for 30 "2900|1" "and changes" -d subscriber -c "SELECT sum(count), count(*) FILTER (WHERE b = '2024-02-01') FROM a"
is "$(sql -d subscriber -c "SELECT $(differ a)")" 0 "the view on the subscriber"
sql -d subscriber -c "CALL tsdb.refresh_continuous_aggregate('a', NULL, NULL)"
is "$(sql -d subscriber -c "SELECT $(differ a_stored)")" 0 "and what it stores"
sql -d subscriber -c "ALTER SUBSCRIPTION s DISABLE" -c "ALTER SUBSCRIPTION s SET (slot_name = NONE)" -c "DROP SUBSCRIPTION s" 2>/dev/null

# with everything
is "$(sql -d subscriber -c "SET client_min_messages = warning" -c "DROP EXTENSION tsdb_am CASCADE" -c "SELECT count(*) FROM pg_class WHERE relname IN ('a', 'a_stored', 'r')" 2>&1)" 0 "the extension can be dropped"

server_stop main
lines=$(grep -E 'TRAP: |PANIC: |terminated by signal' "$scratch/main.log" || true)
is "$lines" "" "no crash but the one"
done_testing
