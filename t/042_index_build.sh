#!/usr/bin/env bash
# An index build reads chunks that have just died, for older snapshots; a VACUUM of the chunk store alone, which the lock on the table does not keep
# away, must not remove them meanwhile.
. "$(dirname "$0")/lib.sh"

test_server main
server_config main "autovacuum = off"
server_stop main
server_start main

sql >/dev/null <<'SQL'
CREATE EXTENSION tsdb_am;
SET tsdb_am.direct_load_rows = 1;
CREATE TABLE t (time timestamptz NOT NULL, v int) USING tsdb;
INSERT INTO t SELECT '2026-01-01'::timestamptz + i * interval '1 s', i FROM generate_series(1, 3000) i;
INSERT INTO t SELECT '2026-01-02'::timestamptz + i * interval '1 s', i FROM generate_series(1, 3000) i;
INSERT INTO t SELECT '2026-01-03'::timestamptz + i * interval '1 s', i FROM generate_series(1, 3000) i;
SQL
store=$(sql -c "SELECT reltoastrelid::regclass FROM pg_class WHERE oid = 't'::regclass")

for round in 1 2; do
	options="max_parallel_maintenance_workers = $((round - 1))"
	# somebody's snapshot still sees the chunks that the next step removes
	sql -c "BEGIN ISOLATION LEVEL REPEATABLE READ" -c "SELECT count(*) FROM t" -c "/* old */ SELECT pg_sleep(600)" >/dev/null 2>&1 & old=$!
	wait_for 30 1 "an old snapshot is held" -c "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '/* old */%' AND pid <> pg_backend_pid()"
	sql -c "SELECT tsdb.decompress('t')" -c "SET tsdb_am.write_buffer = '1MB'" -c "SELECT tsdb.compress('t')" >/dev/null
	# the build has its horizon, and waits when it has found the first chunk recently dead
	sql -c "SET tsdb_am.injection = 'build-judged:sleep'" -c "SET $options" -c "SET min_parallel_table_scan_size = 0" \
		-c "CREATE INDEX t_v ON t (v)" >"$scratch/build.out" 2>&1 & build=$!
	sleep 0.4
	sql -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '/* old */%' AND pid <> pg_backend_pid()" >/dev/null
	wait $old || true
	sql -c "VACUUM $store"
	wait $build || true
	is "$(cat "$scratch/build.out")" "" "the build does not fail ($options)"
	is "$(sql -c "SET enable_seqscan = off" -c "SET tsdb_am.enable_custom_scan = off" -c "SELECT count(*), sum(v) FROM t WHERE v > 0")" "9000|13504500" "the index has all rows"
	is "$(sql -c "SELECT count(*) FROM tsdb.verify('t')")" 0 "verify finds nothing"
	sql -c "DROP INDEX t_v"
done
like "$(grep -c 'acts at injection point "build-judged": sleep' "$scratch/main.log")" "^[2-9]" "builds waited where they should"
no_crash main
done_testing
