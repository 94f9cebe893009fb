#!/usr/bin/env bash
# A hot standby shows the same rows as its primary while chunks are made, merged and moved back; each of its
# snapshots sees whole transactions; it can be promoted and goes on.
. "$(dirname "$0")/lib.sh"

test_server primary --data-checksums
sql <<'SQL'
CREATE EXTENSION tsdb_am;
CREATE TABLE t (batch int, i int, time timestamptz, host text, v float8) USING tsdb WITH (segmentby = 'host', orderby = 'time');
CREATE TABLE x (LIKE t) USING tsdb;
CREATE INDEX ON x (batch);
INSERT INTO t SELECT 0, i, '2024-01-01'::timestamptz + i * interval '1 s', 'host_' || i % 10, i FROM generate_series(1, 2000) i;
INSERT INTO x SELECT * FROM t;
SQL
(cd "$scratch" && as_user "$pg_bin/pg_basebackup" -h "$scratch" -U postgres -D "$scratch/standby" -X stream -R -c fast -C -S standby)
server_config standby "port = 5433" "max_standby_streaming_delay = -1"
server_start standby

standby() { server_port=5433 sql "$@"; }
# batches that are not whole; 2000 rows each
broken="SELECT count(*) FROM (SELECT batch FROM t GROUP BY batch HAVING count(*) <> 2000 OR count(DISTINCT i) <> 2000 OR sum(v) <> 2001000) b"
digest="SELECT (SELECT md5(string_agg(t::text, ' ' ORDER BY batch, i)) FROM t), (SELECT md5(string_agg(x::text, ' ' ORDER BY batch, i)) FROM x)"

catch_up()
{
	local lsn n
	lsn=$(sql -c "SELECT pg_current_wal_insert_lsn()")
	for n in $(seq 1 600); do
		[ "$(standby -c "SELECT pg_last_wal_replay_lsn() >= '$lsn'")" != t ] || return 0
		sleep 0.1
	done
	note "standby does not catch up"
	return 1
}

is "$(standby -c "SELECT count(*) FROM t")" 2000 "standby reads the first rows"

{
	for batch in $(seq 1 24); do
		case $((batch % 3)) in
			0) echo "SET tsdb_am.direct_load_rows = 0;" ;;
			*) echo "SET tsdb_am.direct_load_rows = 1000;" ;;
		esac
		echo "INSERT INTO t SELECT $batch, i, '2024-01-01'::timestamptz + (i + 2000 * $batch) * interval '1 s', 'host_' || i % 10, i FROM generate_series(1, 2000) i;"
		echo "INSERT INTO x SELECT * FROM t WHERE batch = $batch;"
		case $((batch % 8)) in
			1|4) echo "SELECT tsdb.compress('t'); SELECT tsdb.compress('x');" ;;
			5) echo "SELECT tsdb.decompress('t');" ;;
			6) echo "SELECT tsdb.recompress('t'); SELECT tsdb.recompress('x'); VACUUM t, x;" ;;
			7) echo "BEGIN; INSERT INTO t SELECT 99, i, now(), 'gone', 1 FROM generate_series(1, 5000) i; ROLLBACK;" ;;
		esac
	done
} > "$scratch/load.sql"
sql -f "$scratch/load.sql" >/dev/null & load=$!
reads=0 violations=0
while kill -0 $load 2>/dev/null; do
	result=$(standby -c "$broken" 2>&1) || true
	if [ "$result" != 0 ]; then
		violations=$((violations + 1))
		note "standby: $result"
	fi
	reads=$((reads + 1))
done
if wait $load; then ok "load on the primary"; else not_ok "load on the primary"; fi
is $violations 0 "standby's snapshots see whole transactions"
note "$reads reads"
catch_up
primary_digest=$(sql -c "$digest")
is "$(standby -c "$digest")" "$primary_digest" "standby has the primary's rows"
# marks of moved rows, byte for byte but for hint bits
marks="SELECT count(*) FILTER (WHERE t_xmax <> '0'), md5(string_agg(format('%s %s %s %s %s %s %s %s', n, lp, t_xmin, t_xmax, t_field3, t_ctid, t_infomask2, t_infomask & ~3840), ',' ORDER BY n, lp))
	FROM (SELECT n, (page_header(get_raw_page('m', n::int))).flags & 4, (heap_page_items(get_raw_page('m', n::int))).* FROM generate_series(0, pg_relation_size('m') / 8192 - 1) n) p"
sql -c "CREATE EXTENSION pageinspect" -c "CREATE TABLE m (time timestamptz, host text) USING tsdb" -c "SET tsdb_am.direct_load_rows = 0" \
	-c "INSERT INTO m SELECT '2024-01-01'::timestamptz + i * interval '1 s', 'host_' || i % 10 FROM generate_series(1, 5000) i" -c "VACUUM m" -c "CHECKPOINT" \
	-c "DELETE FROM m WHERE host = 'host_3'" -c "SELECT tsdb.compress('m')" >/dev/null
catch_up
expected=$(sql -c "$marks")
like "$expected" '^5000.' "rows of the row store are marked as deleted and moved"
is "$(standby -c "$marks")" "$expected" "marks on the standby"
is "$(standby -c "SET enable_seqscan = off" -c "SELECT count(*), sum(v) FROM x WHERE batch = 7")" "2000|2001000" "index scan on the standby"
is "$(standby -c "SELECT count(*) FROM tsdb.verify('t')")" 0 "verify on the standby"
is "$(standby -c "SELECT * FROM tsdb.tables ORDER BY 1" | wc -l)" 3 "views on the standby"
message=$(server_port=5433 sql_error -c "SELECT tsdb.compress('t')")
like "$message" '25006' "compress on the standby: read-only"

# the primary dies when all rows of a transaction are written and replayed, but not committed
sql -c "BEGIN; INSERT INTO t SELECT 100, i, now(), 'late', i FROM generate_series(1, 100000) i; SELECT pg_sleep(300); COMMIT" >/dev/null 2>&1 & load=$!
for n in $(seq 1 600); do
	[ "$(sql -c "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'")" = 0 ] || break
	sleep 0.1
done
catch_up
server_kill primary
wait $load 2>/dev/null || true
(cd "$scratch" && as_user "$pg_bin/pg_ctl" -s -D "$scratch/standby" -w promote)
is "$(standby -c "SELECT count(*) FROM t WHERE batch = 100")" 0 "promoted: nothing of the broken transaction"
is "$(standby -c "$digest")" "$primary_digest" "promoted: same rows"
standby -c "INSERT INTO t SELECT 25, i, now(), 'host_' || i % 10, i FROM generate_series(1, 2000) i" \
	-c "INSERT INTO x SELECT * FROM t WHERE batch = 25" -c "SELECT tsdb.compress('x')" -c "SELECT tsdb.recompress('t')" -c "VACUUM FREEZE t, x" >/dev/null
is "$(standby -c "$broken")" 0 "promoted: loads and moves rows"
is "$(standby -c "SELECT count(*) FROM tsdb.verify('t')")$(standby -c "SELECT count(*) FROM tsdb.verify('x')")" 00 "promoted: verify finds nothing"
no_crash primary
no_crash standby
done_testing
