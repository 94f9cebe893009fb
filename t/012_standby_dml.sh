#!/usr/bin/env bash
# A hot standby while compressed rows are updated, deleted and locked on its primary, and move.
#
# What would break it: a change that is logged in the row store but not in the chunk store (or the other way round), a
# tombstone that a snapshot on the standby sees too early or too late, a row that vacuum takes from
# a reader of the standby, row locks of prepared transactions that do not survive restart and promotion.
#
# Heap is the oracle: each transaction does the same to the table s and to its twin on heap, so that every snapshot on either
# server must find them equal.
#
# Environment: TSDB_AM=heap proves the script itself: every table on heap, movers do nothing.  TSDB_SEED; ROUNDS (5).
. "$(dirname "$0")/lib.sh"

use_twins
rounds=${ROUNDS:-5}

# (vacuum must not give back pages: that takes a lock on the standby, for which a reader there would make replay wait)
server_create primary --data-checksums
server_config primary "$(cat "$top/t/test.conf")" "autovacuum = off" "deadlock_timeout = 200ms"
server_start primary

sql >/dev/null <<SQL
$extension
CREATE TABLE s (k int PRIMARY KEY, time timestamptz, host text, v bigint, note text) USING $am;
CREATE INDEX ON s (v);
CREATE INDEX ON s (host, time);
CREATE TABLE heap_s (LIKE s INCLUDING ALL) USING heap;
INSERT INTO s SELECT i, '2024-01-01'::timestamptz + i * interval '1 min', 'host_' || i % 9, i,
	CASE WHEN i % 100 = 0 THEN (SELECT string_agg(md5(i::text || g::text), '') FROM generate_series(1, 100) g) ELSE 'note ' || i END FROM generate_series(1, 4000) i;
INSERT INTO heap_s SELECT * FROM s;
SELECT tsdb.compress('s');
SQL
(cd "$scratch" && as_user "$pg_bin/pg_basebackup" -h "$scratch" -U postgres -D "$scratch/standby" -X stream -R -c fast -C -S standby)
server_config standby "port = 5433" "max_standby_streaming_delay = -1" "hot_standby_feedback = on" "wal_receiver_status_interval = 1s"
server_start standby

primary() { sql "$@"; }
standby() { server_port=5433 sql "$@"; }

# all of a table in one line: by sequential scan, by each index, aggregates
digest_seq="SET enable_indexscan = off; SET enable_bitmapscan = off; SET enable_indexonlyscan = off; SET enable_seqscan = on;"
digest_index="SET enable_indexscan = on; SET enable_indexonlyscan = on; SET enable_seqscan = off; SET enable_sort = on; SET enable_bitmapscan = off;"
digest_bitmap="SET enable_indexscan = off; SET enable_indexonlyscan = off; SET enable_seqscan = off; SET enable_bitmapscan = on;"
digests()
{
	local t=$1
	printf "%s\nSELECT md5(string_agg(t::text, ' ' ORDER BY k)) FROM %s t;\n" "$digest_seq" "$t"
	printf "SELECT count(*), sum(v), min(time), max(time), count(DISTINCT host), sum(length(note)) FROM %s;\n" "$t"
	printf "SELECT md5(string_agg(h, ' ' ORDER BY h)) FROM (SELECT concat(host, count(*), sum(v)) h FROM %s GROUP BY host) x;\n" "$t"
	printf "%s\nSELECT md5(string_agg(x, ' ')) FROM (SELECT t::text x FROM %s t WHERE k > 0 ORDER BY k) x;\n" "$digest_index" "$t"
	printf "SELECT count(*) FROM %s WHERE k > 0;\nSELECT md5(string_agg(t::text, ' ' ORDER BY k)) FROM %s t WHERE v > -1000000000;\n" "$t" "$t"
	printf "SELECT count(*), sum(v) FROM %s WHERE host = 'host_3';\n" "$t"
	printf "%s\nSELECT md5(string_agg(t::text, ' ' ORDER BY k)) FROM %s t WHERE v BETWEEN 100 AND 2500;\n" "$digest_bitmap" "$t"
	printf "SELECT count(*), sum(v) FROM %s WHERE host = 'host_3' OR k < 500;\n" "$t"
}
digests s > "$scratch/digest_s.sql"
digests heap_s > "$scratch/digest_heap_s.sql"
# all lines are of one snapshot
snapshot_digest() { { echo "BEGIN ISOLATION LEVEL REPEATABLE READ;"; cat "$scratch/digest_$2.sql"; echo "COMMIT;"; } | "$1" | grep -v '^$' | tr '\n' ' '; }
# rows in which s and its twin differ, of one snapshot
difference="SELECT count(*) FROM (TABLE s EXCEPT ALL TABLE heap_s) a, (SELECT 1) b UNION ALL SELECT count(*) FROM (TABLE heap_s EXCEPT ALL TABLE s) a"

catch_up()
{
	local lsn n
	lsn=$(primary -c "SELECT pg_current_wal_insert_lsn()")
	for n in $(seq 1 300); do
		[ "$(standby -c "SELECT pg_last_wal_replay_lsn() >= '$lsn'")" != t ] || return 0
		sleep 0.1
	done
	not_ok "standby catches up"
}

# One transaction on @.
transaction()
{
	local k=$((RANDOM % 4200 + 1)) n=$((RANDOM % 1000))
	case $((RANDOM % 12)) in
		0|1) printf "UPDATE @ SET v = v + 1 WHERE k = %d;\n" $k ;;
		2) printf "UPDATE @ SET v = v - 7, note = 'changed %d' WHERE k BETWEEN %d AND %d;\n" $n $k $((k + 30)) ;;
		3) printf "DELETE FROM @ WHERE k = %d;\n" $k ;;
		4) printf "DELETE FROM @ WHERE k BETWEEN %d AND %d;\n" $k $((k + 5)) ;;
		5|6) printf "INSERT INTO @ VALUES (%d, '2024-02-01', 'host_3', %d, 'upsert') ON CONFLICT (k) DO UPDATE SET v = @.v + excluded.v, note = 'upsert';\n" $k $n ;;
		7) printf "INSERT INTO @ SELECT i, '2024-02-02', 'host_' || i %% 9, %d, repeat('many', i %% 700) FROM generate_series(%d, %d) i ON CONFLICT (k) DO UPDATE SET host = excluded.host, note = excluded.note;\n" $n $k $((k + 12)) ;;
		8) printf "UPDATE @ SET v = 0 WHERE k = %d;\nSAVEPOINT a_@;\nDELETE FROM @ WHERE k < %d;\nROLLBACK TO a_@;\nUPDATE @ SET v = v + 2 WHERE k = %d;\n" $k $k $((k + 1)) ;;
		9) printf "UPDATE @ SET k = -k WHERE k = %d;\nUPDATE @ SET k = -k WHERE k = -%d;\n" $k $k ;;
		10) printf "SELECT count(*) FROM (SELECT 1 FROM @ WHERE k BETWEEN %d AND %d FOR UPDATE) x;\nUPDATE @ SET host = 'host_' || %d WHERE k = %d;\n" $k $((k + 3)) $((n % 9)) $k ;;
		11) printf "DELETE FROM @ WHERE k = %d;\nINSERT INTO @ VALUES (%d, '2024-03-01', 'host_1', %d, 'anew');\n" $k $k $n ;;
	esac
}
# load N: transactions on both tables
load()
{
	local i statements
	for i in $(seq 1 "$1"); do
		statements=$(transaction)
		printf "BEGIN;\n%s\n%s\nCOMMIT;\n" "${statements//@/s}" "${statements//@/heap_s}"
	done
}
movers()
{
	local i
	for i in $(seq 1 "$1"); do
		case $((RANDOM % 6)) in
			0|1) printf "SELECT tsdb.compress('s');\n" ;;
			2) printf "SELECT tsdb.recompress('s');\n" ;;
			3) printf "SELECT tsdb.decompress('s');\n" ;;
			4) printf "BEGIN;\nSELECT tsdb.compress('s');\nROLLBACK;\nSELECT tsdb.compress('s');\n" ;;
			5) printf "VACUUM (TRUNCATE false) s, heap_s;\n" ;;
		esac
		printf "SELECT pg_sleep(0.03);\n"
	done
}

#--------------------------------------------------------------------- equal answers at equal positions, and a reader that stays

# a reader on the standby with one snapshot throughout
touch "$scratch/reading"
{
	echo "BEGIN ISOLATION LEVEL REPEATABLE READ;"
	while [ -e "$scratch/reading" ]; do
		echo "\\echo -"
		cat "$scratch/digest_s.sql"
		# (psql takes statements as they come; it must not be given too many)
		sleep 0.4
	done
	echo "COMMIT;"
} | standby > "$scratch/reader.out" 2>&1 & reader=$!
# its snapshot counts on the primary from now on
for n in $(seq 1 100); do
	[ "$(primary -c "SELECT count(*) FROM pg_replication_slots WHERE xmin IS NOT NULL")" = 0 ] && [ "$(grep -c -- - "$scratch/reader.out")" -gt 1 ] || break
	sleep 0.1
done
sleep 1.2

errors= differences=0
for round in $(seq 1 "$rounds"); do
	load 120 > "$scratch/load.sql"
	movers 20 > "$scratch/movers.sql"
	primary -v ON_ERROR_STOP=0 -f "$scratch/movers.sql" >/dev/null 2>"$scratch/movers.err" & mover=$!
	primary -v ON_ERROR_STOP=0 -f "$scratch/load.sql" >/dev/null 2>"$scratch/load.err" & load=$!
	# snapshots of the standby while it replays
	while kill -0 $load 2>/dev/null; do
		answer=$(standby -c "BEGIN ISOLATION LEVEL REPEATABLE READ; $difference; COMMIT" 2>&1 | sort -u)
		[ "$answer" = 0 ] || { differences=$((differences + 1)); note "round $round: difference on the standby: $answer"; }
	done
	wait $load $mover || true
	# (a mover that waits for a chunk may be in a deadlock, as two updates may be on heap)
	errors+=$(grep -h ERROR "$scratch/movers.err" "$scratch/load.err" | grep -vE 'deadlock detected|current transaction is aborted|savepoint "a_.*" does not exist' | sed 's/^psql:[^ ]* //' | sort | uniq -c | head -n 5 || true)
	catch_up
	expected=$(snapshot_digest primary heap_s)
	is "$(snapshot_digest primary s)" "$expected" "round $round: primary as its heap twin"
	is "$(snapshot_digest standby s)" "$expected" "round $round: standby as the primary"
done
is "$errors" "" "load and movers: no error"
is $differences 0 "each snapshot on the standby finds the table equal to its twin"
rm "$scratch/reading"
if wait $reader; then ok "reader on the standby was not cancelled"; else not_ok "reader on the standby was not cancelled"; fi
is "$(awk 'BEGIN { RS = "-\n" } NR > 1 && NF { print }' ORS='#' "$scratch/reader.out" | tr '\n' ' ' | tr '#' '\n' | sed 's/^ *//; s/ *$//' | grep -v '^$' | sort -u | wc -l)" 1 "reader on the standby sees one state throughout"
note "$(grep -c -- '^-$' "$scratch/reader.out") readings"
is "$(standby -c "SELECT count(*) FROM tsdb.verify('s')")" 0 "verify on the standby"
message=$(server_port=5433 sql_error -c "SELECT 1 FROM s WHERE k = (SELECT min(k) FROM s) FOR UPDATE")
like "$message" '25006' "row locks on the standby: read-only"
message=$(server_port=5433 sql_error -c "DELETE FROM s")
like "$message" '25006' "delete on the standby: read-only"

#--------------------------------------------------------------------- prepared transactions

# rows 10,001.. of their own, all compressed
primary -c "INSERT INTO s SELECT i, '2024-04-01', 'host_1', 1, 'prepared' FROM generate_series(10001, 10100) i" \
	-c "INSERT INTO heap_s SELECT * FROM s WHERE k > 10000" -c "SELECT tsdb.compress('s')" >/dev/null
# prepare NAME STATEMENTS: on both tables
prepare()
{
	printf "BEGIN;\n%s\n%s\nPREPARE TRANSACTION '%s';\n" "${2//@/s}" "${2//@/heap_s}" "$1"
}
errors=$({
	prepare one "DELETE FROM @ WHERE k BETWEEN 10001 AND 10003; UPDATE @ SET v = 2 WHERE k = 10004;"
	prepare two "DELETE FROM @ WHERE k BETWEEN 10011 AND 10013; UPDATE @ SET v = 2, note = 'by two' WHERE k BETWEEN 10014 AND 10015; SELECT count(*) FROM (SELECT 1 FROM @ WHERE k = 10016 FOR UPDATE) x;"
	prepare three "DELETE FROM @ WHERE k BETWEEN 10021 AND 10023; SAVEPOINT a_@; UPDATE @ SET v = 2 WHERE k = 10024; ROLLBACK TO a_@; UPDATE @ SET v = 3 WHERE k = 10025;"
	prepare four "SELECT count(*) FROM (SELECT 1 FROM @ WHERE k = 10031 FOR UPDATE) x; SELECT count(*) FROM (SELECT 1 FROM @ WHERE k = 10032 FOR SHARE) x; SELECT count(*) FROM (SELECT 1 FROM @ WHERE k = 10033 FOR NO KEY UPDATE) x; SELECT count(*) FROM (SELECT 1 FROM @ WHERE k = 10034 FOR KEY SHARE) x;"
	prepare five "SELECT count(*) FROM (SELECT 1 FROM @ WHERE k = 10041 FOR UPDATE) x;"
} | primary 2>&1 >/dev/null) || true
is "$errors" "" "prepare"

# can_lock SERVER TABLE STRENGTH: which of the rows can be locked now; a row's number is listed if so
can_lock()
{
	"$1" -c "SELECT string_agg(k::text, ' ' ORDER BY k) FROM (SELECT k FROM $2 WHERE k IN (10001, 10004, 10005, 10011, 10014, 10016, 10021, 10024, 10025, 10031, 10032, 10033, 10034, 10041, 10042) FOR $3 SKIP LOCKED) x" 2>&1
}
# as_twin SERVER NAME: locks on s are as on the twin
locks_as_twin()
{
	local strength
	for strength in "KEY SHARE" "SHARE" "NO KEY UPDATE" "UPDATE"; do
		is "$(can_lock "$1" s "$strength")" "$(can_lock "$1" heap_s "$strength")" "$2: rows free FOR $strength"
	done
	note "free FOR UPDATE: $(can_lock "$1" heap_s UPDATE | sed 's/100//g')"
}
locks_as_twin primary "prepared"

server_stop primary
server_start primary
locks_as_twin primary "restarted"
message=$(sql_error -c "SET lock_timeout = '200ms'" -c "UPDATE s SET v = 9 WHERE k = 10031")
like "$message" '55P03' "restarted: an update waits for the lock of a prepared transaction"
message=$(sql_error -c "SET lock_timeout = '200ms'" -c "DELETE FROM s WHERE k = 10011")
like "$message" '55P03' "restarted: a delete waits for a prepared delete"
message=$(sql_error -c "SET lock_timeout = '200ms'" -c "INSERT INTO s (k) VALUES (10012)")
like "$message" '55P03' "restarted: an insert waits for a prepared delete"
# movers leave alone what is in change
primary -c "SELECT tsdb.compress('s')" -c "SELECT tsdb.recompress('s')" -c "VACUUM (TRUNCATE false) s" >/dev/null
is "$(primary -c "COMMIT PREPARED 'one'" -c "ROLLBACK PREPARED 'five'" 2>&1)" "" "COMMIT PREPARED, ROLLBACK PREPARED"
locks_as_twin primary "one committed, one rolled back"
catch_up
expected=$(snapshot_digest primary heap_s)
is "$(snapshot_digest primary s)" "$expected" "prepared: primary as its heap twin"
is "$(snapshot_digest standby s)" "$expected" "prepared: standby as the primary"

#--------------------------------------------------------------------- promotion in the middle

load 600 > "$scratch/load.sql"
movers 100 > "$scratch/movers.sql"
primary -v ON_ERROR_STOP=0 -f "$scratch/movers.sql" >/dev/null 2>&1 & mover=$!
primary -v ON_ERROR_STOP=0 -f "$scratch/load.sql" >/dev/null 2>&1 & load=$!
sleep 1
server_kill primary
wait $load $mover || true
(cd "$scratch" && as_user "$pg_bin/pg_ctl" -s -D "$scratch/standby" -w promote)
is "$(standby -c "$difference" 2>&1 | sort -u)" 0 "promoted: equal to the twin"
is "$(snapshot_digest standby s)" "$(snapshot_digest standby heap_s)" "promoted: as the twin by every path"
is "$(standby -c "SELECT string_agg(gid, ' ' ORDER BY gid) FROM pg_prepared_xacts")" "four three two" "promoted: prepared transactions are there"
locks_as_twin standby "promoted"
message=$(server_port=5433 sql_error -c "SET lock_timeout = '200ms'" -c "UPDATE s SET v = 9 WHERE k = 10014")
like "$message" '55P03' "promoted: an update waits for a prepared one"
is "$(standby -c "COMMIT PREPARED 'two'" -c "ROLLBACK PREPARED 'three'" 2>&1)" "" "promoted: COMMIT PREPARED, ROLLBACK PREPARED"
locks_as_twin standby "promoted, one committed, one rolled back"
is "$(standby -c "COMMIT PREPARED 'four'" 2>&1)" "" "promoted: COMMIT PREPARED of locks"
locks_as_twin standby "promoted, none prepared"
is "$(standby -c "SELECT count(*), sum(v) FROM s WHERE k BETWEEN 10011 AND 10025")" "$(standby -c "SELECT count(*), sum(v) FROM heap_s WHERE k BETWEEN 10011 AND 10025")" \
	"promoted: effects of prepared transactions"

# the new primary goes on, on compressed rows
load 150 > "$scratch/load.sql"
standby -c "SELECT tsdb.compress('s')" >/dev/null
if errors=$(standby -f "$scratch/load.sql" 2>&1 >/dev/null); then errors=; fi
is "$errors" "" "promoted: changes of compressed rows"
movers 12 > "$scratch/movers.sql"
if errors=$(standby -f "$scratch/movers.sql" 2>&1 >/dev/null); then errors=; fi
is "$errors" "" "promoted: moves"
is "$(snapshot_digest standby s)" "$(snapshot_digest standby heap_s)" "promoted: as the twin after more changes and moves"
is "$(standby -c "SELECT count(*) FROM tsdb.verify('s')")" 0 "promoted: verify finds nothing"
no_crash primary
no_crash standby
done_testing
