#!/usr/bin/env bash
# Load of every kind on a primary with a hot standby, an archive and a base backup: at the same LSN both servers have the same rows; the standby
# is killed and catches up, is promoted while load goes on, and takes the load over; the old primary is rewound and follows; the
# archive restores any point, and there is what had committed by then, no more and no less.
#
# Heap is the oracle: each transaction does the same to a table on tsdb and to its twin on heap, and leaves its number in "done".  So every snapshot of
# every server must find twins equal, and "done" tells which transactions it is of: a prefix of the order in which they committed, which the WAL tells.
# (t/004, t/012: what single kinds of change look like on a standby.  t/013: backups at rest.)
#
# Environment: TSDB_LONG=1 loads for some 8 minutes instead of one and restores 12 points instead of 3; TSDB_SEED; TSDB_AM=heap proves the script itself.
. "$(dirname "$0")/lib.sh"

use_twins
long=${TSDB_LONG:-}
rounds=$([ -n "$long" ] && echo 20 || echo 2) points=$([ -n "$long" ] && echo 12 || echo 3) pause=$([ -n "$long" ] && echo 12 || echo 4)

mkdir "$scratch/archive"
[ "$(id -u)" != 0 ] || chown "$server_user:" "$scratch/archive"
server_create old
# no page checksums here: pg_rewind goes by wal_log_hints
server_config old "$(cat "$top/t/test.conf")" "wal_log_hints = on" "archive_mode = on" "archive_command = 'cp %p $scratch/archive/%f'" "max_wal_size = 128MB" "checkpoint_timeout = 30s" \
	"autovacuum_naptime = 1s" "tsdb_am.max_workers = 2" "tsdb_am.compress_after = 1s" "tsdb_am.worker_naptime = 1s" "log_lock_waits = off" "wal_keep_size = 1GB" "max_wal_senders = 10" \
	"hot_standby_feedback = on" "wal_receiver_status_interval = 1s" "max_standby_streaming_delay = 2s" "max_standby_archive_delay = 2s" "synchronous_commit = on"
server_start old

sql >/dev/null <<SQL
$extension
CREATE SEQUENCE batches;
CREATE TABLE done (xid xid8 NOT NULL DEFAULT pg_current_xact_id()) USING heap;
-- without indexes: large statements go straight to chunks
CREATE TABLE s (batch bigint, i int, time timestamptz, host text, v float8, note text) USING $am;
CREATE TABLE heap_s (LIKE s) USING heap;
CREATE INDEX ON heap_s (batch);
CREATE TABLE k (key int PRIMARY KEY, time timestamptz, host text, v bigint, note text) USING $am;
CREATE INDEX ON k (host, time);
CREATE TABLE heap_k (LIKE k INCLUDING ALL) USING heap;
CREATE TABLE tr (time timestamptz, v int) USING $am;
CREATE TABLE heap_tr (LIKE tr) USING heap;

-- whoever wants all writers to stand still takes lock 1 alone
CREATE FUNCTION begins() RETURNS void LANGUAGE sql AS 'SELECT pg_advisory_xact_lock_shared(1)';
CREATE FUNCTION add_rows(n int) RETURNS void LANGUAGE plpgsql AS \$\$
DECLARE b bigint;
BEGIN
	PERFORM begins();
	b := nextval('batches');
	PERFORM pg_advisory_xact_lock(1000 + b);
	INSERT INTO heap_s SELECT b, g, clock_timestamp(), 'host_' || g % 7, CASE g % 11 WHEN 0 THEN NULL WHEN 1 THEN 'infinity' ELSE random() END,
		CASE WHEN n < 100 AND g % 5 = 0 THEN repeat(md5(g::text), 200) ELSE 'note ' || g % 3 END FROM generate_series(1, n) g;
	INSERT INTO s SELECT * FROM heap_s WHERE batch = b;
	INSERT INTO done DEFAULT VALUES;
END \$\$;
CREATE FUNCTION change_rows() RETURNS void LANGUAGE plpgsql AS \$\$
DECLARE last bigint := (SELECT last_value FROM batches); a bigint; b bigint;
BEGIN
	PERFORM begins();
	a := last - floor(random() * 40);
	b := last - floor(random() * 60);
	-- a batch that is just coming would be there for the second twin alone
	PERFORM pg_advisory_xact_lock_shared(1000 + a), pg_advisory_xact_lock_shared(1000 + b);
	-- the twin first: who comes second waits there
	UPDATE heap_s SET v = v + 1, note = note || '+' WHERE batch = a;
	UPDATE s SET v = v + 1, note = note || '+' WHERE batch = a;
	DELETE FROM heap_s WHERE batch = b AND i % 3 = 0;
	DELETE FROM s WHERE batch = b AND i % 3 = 0;
	DELETE FROM heap_s WHERE batch BETWEEN last - 300 AND last - 150;
	DELETE FROM s WHERE batch BETWEEN last - 300 AND last - 150;
	INSERT INTO done DEFAULT VALUES;
END \$\$;
CREATE FUNCTION change_keys() RETURNS void LANGUAGE plpgsql AS \$\$
DECLARE a int := 1 + floor(random() * 3000); n int := 1 + floor(random() * 60);
BEGIN
	PERFORM begins();
	INSERT INTO heap_k SELECT g, '2024-01-01'::timestamptz + g * interval '1 min', 'host_' || g % 9, n, 'new' FROM generate_series(a, a + n) g ON CONFLICT (key) DO UPDATE SET v = heap_k.v + 1, note = 'changed';
	INSERT INTO k SELECT g, '2024-01-01'::timestamptz + g * interval '1 min', 'host_' || g % 9, n, 'new' FROM generate_series(a, a + n) g ON CONFLICT (key) DO UPDATE SET v = k.v + 1, note = 'changed';
	DELETE FROM heap_k WHERE key = a + 7;
	DELETE FROM k WHERE key = a + 7;
	INSERT INTO done DEFAULT VALUES;
END \$\$;
CREATE FUNCTION truncates(n int) RETURNS void LANGUAGE plpgsql AS \$\$ BEGIN
	PERFORM begins();
	TRUNCATE heap_tr, tr;
	INSERT INTO heap_tr SELECT now() + g * interval '1 s', g FROM generate_series(1, n) g;
	INSERT INTO tr SELECT * FROM heap_tr;
	INSERT INTO done DEFAULT VALUES;
END \$\$;
-- what is rolled back leaves its chunks and rows in the files
CREATE FUNCTION rolls_back(all_of_it bool) RETURNS void LANGUAGE plpgsql AS \$\$ BEGIN
	PERFORM begins();
	BEGIN
		INSERT INTO s SELECT -1, g, now(), 'gone', g, 'gone' FROM generate_series(1, 1500) g;
		DELETE FROM k WHERE key % 2 = 0;
		TRUNCATE tr;
		RAISE division_by_zero;
	EXCEPTION WHEN division_by_zero THEN
	END;
	INSERT INTO done DEFAULT VALUES;
END \$\$;
SQL

# rows in which twins differ, by four ways to read; all of one snapshot
cat > "$scratch/differ.sql" <<'SQL'
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT (SELECT count(*) FROM (TABLE s EXCEPT ALL TABLE heap_s) a) + (SELECT count(*) FROM (TABLE heap_s EXCEPT ALL TABLE s) a);
SELECT (SELECT count(*) FROM (TABLE k EXCEPT ALL TABLE heap_k) a) + (SELECT count(*) FROM (TABLE heap_k EXCEPT ALL TABLE k) a);
SELECT (SELECT count(*) FROM (TABLE tr EXCEPT ALL TABLE heap_tr) a) + (SELECT count(*) FROM (TABLE heap_tr EXCEPT ALL TABLE tr) a);
SELECT count(*) FROM ((SELECT host, count(*), sum(i), count(v), min(time), max(batch), max(v) FROM s GROUP BY 1) EXCEPT ALL (SELECT host, count(*), sum(i), count(v), min(time), max(batch), max(v) FROM heap_s GROUP BY 1)) a;
SELECT count(*) FROM ((SELECT count(*), sum(v), max(note) FROM k) EXCEPT ALL (SELECT count(*), sum(v), max(note) FROM heap_k)) a;
SET LOCAL enable_seqscan = off;
SELECT count(*) FROM ((SELECT * FROM k WHERE key > 0) EXCEPT ALL (SELECT * FROM heap_k)) a;
SELECT count(*) FROM ((SELECT * FROM k WHERE host >= '') EXCEPT ALL (SELECT * FROM heap_k)) a;
RESET enable_seqscan;
SELECT set_config('tsdb_am.enable_custom_scan', 'off', true) = '';
SELECT (SELECT count(*) FROM (TABLE s EXCEPT ALL TABLE heap_s) a) + (SELECT count(*) FROM (TABLE heap_s EXCEPT ALL TABLE s) a);
SELECT (SELECT count(*) FROM (TABLE k EXCEPT ALL TABLE heap_k) a) + (SELECT count(*) FROM (TABLE tr EXCEPT ALL TABLE heap_tr) a);
COMMIT;
SQL
same="0 0 0 0 0 0 0 f 0 0 "
# A query that replay has cancelled is asked again.  (Without a limit to replay's patience both can wait for each other for ever: the query for
# a TRUNCATE's lock, replay for the query's snapshot; on heap, too.)
asked()
{
	local answer tries
	for tries in $(seq 100); do
		answer=$(server_port=$1 sql "${@:2}" 2>&1) || true
		[[ "$answer" == *"due to conflict with recovery"* ]] || break
		sleep 0.2
	done
	printf '%s\n' "$answer"
}
differ() { asked "$1" -f "$scratch/differ.sql" | grep -v '^$' | tr '\n' ' '; }
# checksums: custom scan, core's scan, aggregates
cat > "$scratch/digest.sql" <<'SQL'
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT md5(string_agg(t::text, ' ' ORDER BY batch, i)) FROM s t;
SELECT md5(string_agg(t::text, ' ' ORDER BY key)) FROM k t;
SELECT md5(string_agg(t::text, ' ' ORDER BY v)) FROM tr t;
SELECT md5(string_agg(x::text, ' ' ORDER BY host)) FROM (SELECT host, count(*), sum(i), count(v), min(time), max(time), min(batch) FROM s GROUP BY host) x;
SELECT count(*), sum(v), min(time), max(host) FROM k;
SELECT set_config('tsdb_am.enable_custom_scan', 'off', true) = '';
SELECT md5(string_agg(t::text, ' ' ORDER BY batch, i)) FROM s t;
SELECT md5(string_agg(t::text, ' ' ORDER BY key)) FROM k t;
SELECT count(*), md5(string_agg(xid::text, ' ' ORDER BY xid)) FROM done;
COMMIT;
SQL
digest() { asked "$1" -f "$scratch/digest.sql" | grep -v '^$' | tr '\n' ' '; }
verified() { [ "$am" = heap ] && echo 0 || asked "$1" -c "SELECT (SELECT count(*) FROM tsdb.verify('s')) + (SELECT count(*) FROM tsdb.verify('k')) + (SELECT count(*) FROM tsdb.verify('tr'))"; }

#--------------------------------------------------------------------- load

mkdir "$scratch/load"
one() { printf '%s\n' "$2" > "$scratch/load/$1"; }
one small 'SELECT add_rows(1 + (random() * 20)::int);'
one bulk 'SELECT add_rows(1000 + (random() * 1500)::int);'
one change 'SELECT change_rows();'
one keys 'SELECT change_keys();'
one truncate 'SELECT truncates(CASE WHEN random() < 0.5 THEN 50 ELSE 1500 END);'
one rollback 'SELECT rolls_back(true);'
one whole_rollback 'BEGIN;
SELECT add_rows(1200);
SELECT change_keys();
ROLLBACK;'
one move "SELECT tsdb.compress('s');
SELECT tsdb.recompress('k');"
one back "SELECT tsdb.decompress('k');"
one vacuum 'VACUUM s, k, tr, heap_s;'
chmod -R a+rX "$scratch/load"
chmod 755 "$scratch"

# COPY, each a file of its own, until the server ends or the file "stop" is there
copies()
{
	local n=0 port=$1
	while [ ! -e "$scratch/stop.$port" ]; do
		n=$((n + 1))
		for row in $(seq 1 1100); do printf -- "-%d%04d\t%d\t2024-01-01 00:%02d:%02d+00\tcopied_%d\t%d.5\t\\\\N\n" "$port" $n $row $((row / 60)) $((row % 60)) $((row % 5)) $row; done > "$scratch/copy.$port"
		chmod 644 "$scratch/copy.$port"
		server_port=$port sql -c "BEGIN" -c "SELECT begins()" -c "COPY heap_s FROM '$scratch/copy.$port'" -c "COPY s FROM '$scratch/copy.$port'" -c "INSERT INTO done DEFAULT VALUES" -c "COMMIT" >/dev/null 2>&1 || return 0
		sleep 0.7
	done
}
# load PORT: starts it; stop_load PORT
load()
{
	local port=$1
	rm -f "$scratch/stop.$port"
	(
		cd "$scratch/load"
		as_user "$pg_bin/pgbench" -h "$scratch" -p "$port" -U postgres -n -c 5 -j 1 -R 40 -T 3600 --max-tries=10 \
			-f small@20 -f bulk@3 -f change@8 -f keys@20 -f truncate@2 -f rollback@2 -f whole_rollback@2 -f move@2 -f back@1 -f vacuum@1 postgres > "$scratch/pgbench.$port" 2>&1 || true
	) &
	copies "$port" &
}
stop_load()
{
	local port=$1
	touch "$scratch/stop.$port"
	server_port=$port sql -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pgbench'" >/dev/null
	wait
}
# errors that load on PORT may not have had
load_errors() { grep -hE 'ERROR|FATAL|PANIC' "$scratch/pgbench.$1" | grep -vE 'deadlock detected|terminating connection|the database system is|could not serialize|recovery mode' | sort | uniq -c | head -n 5; }

replayed()
{
	local port=$1 lsn=$2 n
	for n in $(seq 1 600); do
		[ "$(server_port=$port sql -c "SELECT pg_last_wal_replay_lsn() >= '$lsn'" 2>/dev/null || true)" != t ] || return 0
		sleep 0.1
	done
	not_ok "server on port $port replays up to $lsn"
}
# writers of the one server stand still; both servers are compared at the same LSN
compare()
{
	local from=$1 to=$2 name=$3 lsn here there
	server_port=$from sql -c "SELECT pg_advisory_lock(1)" -c "SELECT pg_current_wal_insert_lsn()" -c "\\! touch $scratch/still" -c "\\! while [ -e $scratch/still ]; do sleep 0.05; done" > "$scratch/lsn" & local holder=$!
	until [ -e "$scratch/still" ]; do sleep 0.05; done
	lsn=$(grep / "$scratch/lsn")
	here=$(digest "$from")
	replayed "$to" "$lsn"
	there=$(digest "$to")
	rm "$scratch/still"
	wait $holder
	is "$there" "$here" "$name: the same at $lsn"
}
on_standby() { server_port=5433 sql "$@"; }

# not between a TRUNCATE and its commit, whose lock nobody would get past
pause_replay()
{
	local n
	for n in $(seq 1 50); do
		on_standby -c "SELECT pg_wal_replay_pause()" >/dev/null
		wait_for 60 paused "$1: replay is paused" -p 5433 -c "SELECT pg_get_wal_replay_pause_state()" > "$scratch/paused"
		[ "$(on_standby -c "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation IS NOT NULL AND granted")" != 0 ] || break
		on_standby -c "SELECT pg_wal_replay_resume()" >/dev/null
		sleep 0.2
	done
	cat "$scratch/paused"
}

load 5432
sleep 2
(cd "$scratch" && as_user "$pg_bin/pg_basebackup" -h "$scratch" -U postgres -D "$scratch/base" -X fetch -c fast)
(cd "$scratch" && as_user "$pg_bin/pg_basebackup" -h "$scratch" -U postgres -D "$scratch/new" -X stream -R -c fast)
server_config new "port = 5433" "archive_mode = off" "primary_conninfo = 'host=$scratch port=5432 user=postgres'"
server_start new

for round in $(seq $rounds); do
	sleep "$pause"
	is "$(differ 5433)" "$same" "round $round: on the standby twins are equal while it replays"
	pause_replay "round $round"
	before=$(digest 5433)
	sleep 1
	is "$(digest 5433)" "$before" "round $round: nothing changes while it is"
	is "$(differ 5433)" "$same" "round $round: and twins are equal"
	on_standby -c "SELECT pg_wal_replay_resume()" >/dev/null
	compare 5432 5433 "round $round"
	# kill -9 while it replays
	server_kill new
	sleep 1
	server_start new
	is "$(differ 5433)" "$same" "round $round: killed and started again, its twins are equal"
	compare 5432 5433 "round $round, after the kill"
done
is "$(verified 5433)" 0 "verify on the standby finds nothing"

#--------------------------------------------------------------------- promotion

# while load goes on; it goes on for a while on a primary that should be none any more
(cd "$scratch" && as_user "$pg_bin/pg_ctl" -s -D "$scratch/new" -w promote)
is "$(differ 5433)" "$same" "promoted: twins are equal"
on_standby -c "SELECT xid FROM done ORDER BY xid" > "$scratch/done.promoted"
load 5433
sleep 3
touch "$scratch/stop.5432"
server_stop old
is "$(load_errors 5432)" "" "no error on the old primary"
note "old primary: $(grep -h 'actually processed' "$scratch/pgbench.5432")"

# commits of the old primary in their order
commits()
{
	local file
	for file in $(ls "$scratch/archive" "$scratch/old/pg_wal" | grep -hE '^00000001[0-9A-F]{16}(\.partial)?$' | sort -u); do
		[ -e "$scratch/archive/$file" ] && file=$scratch/archive/$file || file=$scratch/old/pg_wal/$file
		"$pg_bin/pg_waldump" -r Transaction "$file" 2>/dev/null || true
	done | sed -nE 's/^.*tx: +([0-9]+), lsn: ([0-9A-F/]+), .* desc: COMMIT .*/\1 \2/p'
}
commits > "$scratch/commits"
# is_prefix FILE NAME: transactions in the file are the first of all that committed and wrote to "done"
sql_done_old()
{
	server_start old
	sql -c "SELECT xid FROM done"
	server_stop old
}
server_config old "tsdb_am.max_workers = 0" "autovacuum = off"
sql_done_old | sort > "$scratch/done.all"
awk 'NR == FNR { wrote[$1] = 1; next } $1 in wrote { print $1 }' "$scratch/done.all" "$scratch/commits" > "$scratch/order"
is "$(sort "$scratch/order" | comm -3 - "$scratch/done.all" | head -n 3)" "" "the WAL has the commit of each transaction that left its number"
is_prefix()
{
	local n
	n=$(wc -l < "$1")
	is "$(head -n "$n" "$scratch/order" | sort | comm -3 - <(sort "$1") | head -n 3)" "" "$2: $n of $(wc -l < "$scratch/order") transactions, the first that committed"
}
is_prefix "$scratch/done.promoted" "promoted"

#--------------------------------------------------------------------- the old primary, rewound

# (pg_rewind asks the control file for the timeline, and that is written by a checkpoint)
on_standby -c CHECKPOINT
as_user "$pg_bin/pg_rewind" -R -D "$scratch/old" --source-server="host=$scratch port=5433 user=postgres dbname=postgres" > "$scratch/rewind.log" 2>&1 < /dev/null || note "$(tail -n 3 "$scratch/rewind.log")"
is "$(grep -c 'Done' "$scratch/rewind.log")" 1 "pg_rewind"
# (it has brought the other's files, its settings among them)
server_config old "port = 5432" "archive_mode = off"
server_start old
is "$(differ 5432)" "$same" "rewound: twins are equal"
compare 5433 5432 "rewound"
sleep 2
compare 5433 5432 "rewound, later"
is "$(verified 5432)" 0 "rewound: verify finds nothing"
stop_load 5433
is "$(load_errors 5433)" "" "no error on the new primary"
is "$(differ 5433)$(verified 5433)" "${same}0" "the new primary: twins are equal, verify finds nothing"
server_stop old
server_stop new

#--------------------------------------------------------------------- points in time

# (the last segment of the old timeline was never full)
total=$(wc -l < "$scratch/order")
first=$(sed -n 's/^START WAL LOCATION: \([0-9A-F/]*\).*/\1/p' "$scratch/base/backup_label")
# commits after the backup's end: those before it cannot be a target
end_of_backup=$(ls "$scratch/archive" | grep '\.backup$' | head -n 1)
stop_lsn=$(sed -n 's/^STOP WAL LOCATION: \([0-9A-F/]*\).*/\1/p' "$scratch/archive/$end_of_backup")
stop=$((16#${stop_lsn%/*} * 4294967296 + 16#${stop_lsn#*/}))
last_archived=$(ls "$scratch/archive" | grep -E '^00000001[0-9A-F]{16}$' | sort | tail -n 1)
last_lsn=$(( (16#${last_archived:8:8} * 256 + 16#${last_archived:16:8} + 1) * 16777216 ))
awk 'NR == FNR { wrote[$1] = 1; next } $1 in wrote { print $1, $2 }' "$scratch/done.all" "$scratch/commits" | while read -r xid lsn; do
	at=$((16#${lsn%/*} * 4294967296 + 16#${lsn#*/}))
	[ $at -le $stop ] || [ $at -ge $((last_lsn - 65536)) ] || printf '%s %s\n' "$xid" "$lsn"
done > "$scratch/targets"
note "$(wc -l < "$scratch/targets") of $total commits can be targets, from $first on"
for point in $(seq "$points"); do
	read -r xid lsn <<<"$(sed -n "$((RANDOM % $(wc -l < "$scratch/targets") + 1))p" "$scratch/targets")"
	rm -rf "$scratch/restored"
	cp -a "$scratch/base" "$scratch/restored"
	case $((point % 3)) in
		1) target="recovery_target_xid = '$xid'" ;;
		2) target="recovery_target_lsn = '$lsn'" ;;
		0) target="recovery_target_time = '$("$pg_bin/pg_waldump" -r Transaction -x "$xid" -s "$lsn" -n 1 -p "$scratch/archive" 2>/dev/null | sed -nE 's/.*COMMIT ([0-9-]+ [0-9:.]+ [A-Z]+).*/\1/p')'" ;;
	esac
	server_config restored "port = 5434" "restore_command = 'cp $scratch/archive/%f %p'" "archive_mode = off" "$target" "recovery_target_action = promote" "tsdb_am.max_workers = 0" "autovacuum = off" "recovery_target_timeline = current"
	touch "$scratch/restored/recovery.signal"
	[ "$(id -u)" != 0 ] || chown "$server_user:" "$scratch/restored/recovery.signal"
	server_start restored
	wait_for 60 f "point $point: restored" -p 5434 -c "SELECT pg_is_in_recovery()"
	server_port=5434 sql -c "SELECT xid FROM done" > "$scratch/done.restored"
	is_prefix "$scratch/done.restored" "point $point, $target"
	case $((point % 3)) in
		1) is "$(grep -c "^$xid$" "$scratch/done.restored")" 1 "point $point: with the transaction that was named" ;;
	esac
	is "$(differ 5434)$(verified 5434)" "${same}0" "point $point: twins are equal, verify finds nothing"
	server_port=5434 sql -c "SELECT add_rows(1200)" -c "SELECT change_rows()" -c "SELECT change_keys()" -c "SELECT tsdb.compress('s')" -c "SELECT tsdb.recompress('k')" -c "VACUUM s, k" >/dev/null
	is "$(differ 5434)$(verified 5434)" "${same}0" "point $point: it goes on"
	server_stop restored
	no_crash restored
done
is "$(grep -hE 'TRAP: |PANIC: ' "$scratch"/*.log | head -n 3)" "" "no failed assertion"
no_crash old
done_testing
