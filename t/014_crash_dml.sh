#!/usr/bin/env bash
# kill -9 of the server at random moments while compressed rows are updated, deleted, locked, upserted and moved: after
# recovery each committed change is there once, and no other.
#
# Each transaction notes in the table log what it adds to which row, in the statement that does it: so whatever committed, a
# row is what the log's sums say.  n >= 1 counts the changes of a row; deleting it takes all of n and bal away again.  Clients tell on
# stdout which of their transactions were acknowledged.
#
# Environment: CRASHES (4), TSDB_SEED; TSDB_AM=heap proves the script itself: the table on heap, movers do nothing.
. "$(dirname "$0")/lib.sh"

use_twins
crashes=${CRASHES:-4}
writers=3

server_create main
server_config main "$(cat "$top/t/test.conf")" "deadlock_timeout = 100ms"
server_start main
sql >/dev/null <<SQL
$extension
CREATE EXTENSION amcheck;
CREATE TABLE acct (id int PRIMARY KEY, time timestamptz, host text, n bigint, bal bigint, note text) USING $am;
CREATE INDEX acct_bal ON acct (bal);
CREATE INDEX acct_host ON acct (host, time) WHERE n > 1;
-- what a transaction added to a row
CREATE TABLE log (tag text, id int, n bigint, bal bigint);
INSERT INTO acct SELECT i, '2024-01-01'::timestamptz + i * interval '1 min', 'host_' || i % 9, 1, 100,
	CASE WHEN i % 100 = 0 THEN (SELECT string_agg(md5(i::text || g::text), '') FROM generate_series(1, 100) g) ELSE 'note ' || i END FROM generate_series(1, 3000) i;
INSERT INTO log SELECT 'first', id, n, bal FROM acct;
SELECT tsdb.compress('acct');
SQL

# One transaction's statements; rows are always locked in order of id, so that writers are in no deadlock with each other.
transaction()
{
	local tag=$1 a=$((RANDOM % 1500 + 1)) b=$((RANDOM % 1500 + 1501)) x=$((RANDOM % 50))
	case $((RANDOM % 13)) in
		0|1|2) # a transfer
			printf "WITH u AS (UPDATE acct SET bal = bal - %d, n = n + 1 WHERE id = %d RETURNING id) INSERT INTO log SELECT '%s', id, 1, -%d FROM u;\n" $x $a "$tag" $x
			printf "WITH u AS (UPDATE acct SET bal = bal + %d, n = n + 1 WHERE id = %d RETURNING id) INSERT INTO log SELECT '%s', id, 1, %d FROM u;\n" $x $b "$tag" $x ;;
		3) printf "WITH d AS (DELETE FROM acct WHERE id = %d RETURNING id, n, bal) INSERT INTO log SELECT '%s', id, -n, -bal FROM d;\n" $b "$tag" ;;
		4) printf "WITH d AS (DELETE FROM acct WHERE id IN (SELECT id FROM acct WHERE id BETWEEN %d AND %d ORDER BY id FOR UPDATE) RETURNING id, n, bal) INSERT INTO log SELECT '%s', id, -n, -bal FROM d;\n" $a $((a + 6)) "$tag" ;;
		5|6|7) # an upsert: the row is new, or gets one more
			printf "WITH u AS (INSERT INTO acct VALUES (%d, '2024-02-02', 'upsert', 1, %d, 'upsert') ON CONFLICT (id) DO UPDATE SET n = acct.n + 1, bal = acct.bal + excluded.bal RETURNING id) INSERT INTO log SELECT '%s', id, 1, %d FROM u;\n" $a $x "$tag" $x ;;
		8) # many rows, upserted
			printf "WITH u AS (INSERT INTO acct SELECT i, '2024-02-03', 'upserts', 1, %d, repeat('many', i %% 600) FROM generate_series(%d, %d) i ON CONFLICT (id) DO UPDATE SET n = acct.n + 1, bal = acct.bal + excluded.bal, note = excluded.note RETURNING id) INSERT INTO log SELECT '%s', id, 1, %d FROM u;\n" $x $b $((b + 15)) "$tag" $x ;;
		9) # many rows
			printf "WITH u AS (UPDATE acct SET n = n + 1, host = 'many' WHERE id IN (SELECT id FROM acct WHERE id BETWEEN %d AND %d ORDER BY id FOR NO KEY UPDATE) RETURNING id) INSERT INTO log SELECT '%s', id, 1, 0 FROM u;\n" $a $((a + 25)) "$tag" ;;
		10) # part of it rolled back
			printf "WITH u AS (UPDATE acct SET n = n + 1 WHERE id = %d RETURNING id) INSERT INTO log SELECT '%s', id, 1, 0 FROM u;\n" $a "$tag"
			printf "SAVEPOINT s;\nDELETE FROM acct WHERE id = %d;\nINSERT INTO acct VALUES (%d, now(), 'never', 99, 99, 'never') ON CONFLICT (id) DO NOTHING;\nROLLBACK TO s;\n" $((a + 1)) $((a + 1))
			printf "WITH u AS (UPDATE acct SET n = n + 1, bal = bal + 5 WHERE id = %d RETURNING id) INSERT INTO log SELECT '%s', id, 1, 5 FROM u;\n" $b "$tag" ;;
		11) # deleted, and put back by the same transaction
			printf "WITH d AS (DELETE FROM acct WHERE id = %d RETURNING id, n, bal) INSERT INTO log SELECT '%s', id, -n, -bal FROM d;\n" $a "$tag"
			printf "WITH u AS (INSERT INTO acct VALUES (%d, '2024-03-03', 'anew', 1, %d, 'anew') ON CONFLICT (id) DO NOTHING RETURNING id) INSERT INTO log SELECT '%s', id, 1, %d FROM u;\n" $a $x "$tag" $x ;;
		12) # all of it rolled back; then the like
			printf "UPDATE acct SET n = 1000, bal = 1000 WHERE id = %d;\nDELETE FROM acct WHERE id BETWEEN %d AND %d;\nROLLBACK;\nBEGIN;\n" $a $((a + 1)) $((a + 9))
			printf "SELECT count(*) FROM (SELECT 1 FROM acct WHERE id BETWEEN %d AND %d ORDER BY id FOR SHARE) x;\n" $b $((b + 2))
			printf "WITH u AS (UPDATE acct SET n = n + 1 WHERE id = %d RETURNING id) INSERT INTO log SELECT '%s', id, 1, 0 FROM u;\n" $((b + 3)) "$tag" ;;
	esac
	printf "INSERT INTO log VALUES ('%s', NULL, 0, 0);\n" "$tag"
}
# A writer's script.  A transaction that failed, or whose COMMIT got no answer, is not told.
writer()
{
	local i
	for i in $(seq 1 2500); do
		printf "\\\\set tag -\nBEGIN;\n"
		transaction "$1.$i"
		printf "SELECT '%s' AS tag \\\\gset\nCOMMIT;\n\\\\if :ERROR\n\\\\else\n\\\\echo told :tag\n\\\\endif\n" "$1.$i"
	done
}
mover()
{
	local i
	for i in $(seq 1 400); do
		case $((RANDOM % 8)) in
			0|1|2) printf "SELECT tsdb.compress('acct');\n" ;;
			3|4) printf "SELECT tsdb.recompress('acct');\n" ;;
			5) printf "SELECT tsdb.decompress('acct');\n" ;;
			6) printf "BEGIN;\nSELECT tsdb.compress('acct');\nSELECT pg_sleep(0.02);\nROLLBACK;\n" ;;
			7) printf "VACUUM acct;\n" ;;
		esac
	done
}

# rows that are not what the log says; a row exists if its n is not 0
wrong="SELECT count(*) FROM (SELECT id, sum(n) n, sum(bal) bal FROM log WHERE id IS NOT NULL GROUP BY id HAVING sum(n) <> 0) l
	FULL JOIN (SELECT id, count(*) c, sum(n) n, sum(bal) bal FROM acct GROUP BY id) a USING (id) WHERE a.c IS DISTINCT FROM 1 OR l.n IS DISTINCT FROM a.n OR l.bal IS DISTINCT FROM a.bal"
left="SELECT count(*) FROM (SELECT id FROM log WHERE id IS NOT NULL GROUP BY id HAVING sum(n) = 0 AND sum(bal) <> 0) x"
by_seq="SET enable_indexscan = off; SET enable_indexonlyscan = off; SET enable_bitmapscan = off; SELECT count(*), sum(n), sum(bal), sum(length(note)) FROM acct"
by_index="SET enable_seqscan = off; SET enable_bitmapscan = off; SELECT count(*), sum(n), sum(bal), sum(length(note)) FROM acct WHERE id > -1"
by_bal="SET enable_seqscan = off; SET enable_indexonlyscan = off; SET enable_bitmapscan = off; SELECT count(*), sum(n), sum(bal), sum(length(note)) FROM acct WHERE bal > -1000000"
by_bitmap="SET enable_seqscan = off; SET enable_indexscan = off; SET enable_indexonlyscan = off; SELECT count(*), sum(n), sum(bal), sum(length(note)) FROM acct WHERE bal > -1000000"
sum_log="SELECT (SELECT count(*) FROM (SELECT 1 FROM log WHERE id IS NOT NULL GROUP BY id HAVING sum(n) <> 0) x), sum(n), sum(bal) FROM log"

# problem WHAT: counts, and tells
problem() { problems[$1]=$((${problems[$1]:-0} + 1)); shift; note "$*"; }
declare -A problems=()

: > "$scratch/acked"
for crash in $(seq 1 "$crashes"); do
	pids=()
	for w in $(seq 1 $writers); do
		writer "$crash.$w" > "$scratch/w$w.sql"
	done
	mover > "$scratch/m.sql"
	for w in $(seq 1 $writers); do
		sql -v ON_ERROR_STOP=0 -f "$scratch/w$w.sql" > "$scratch/w$w.out" 2>"$scratch/w$w.err" & pids+=($!)
	done
	sql -v ON_ERROR_STOP=0 -f "$scratch/m.sql" >/dev/null 2>"$scratch/m.err" & pids+=($!)
	# one transaction is prepared; it is of rows that nobody else uses
	prepared=$((10000 + crash * 10))
	sleep "0.$((RANDOM % 10))"
	sql -c "INSERT INTO acct SELECT i, '2024-04-04', 'prepared', 1, 0, 'prepared' FROM generate_series($prepared, $prepared + 5) i" \
		-c "INSERT INTO log SELECT 'rows.$crash', i, 1, 0 FROM generate_series($prepared, $prepared + 5) i" -c "SELECT tsdb.compress('acct')" >/dev/null 2>"$scratch/p.err" || true
	sql >/dev/null 2>>"$scratch/p.err" <<SQL || true
BEGIN;
WITH d AS (DELETE FROM acct WHERE id BETWEEN $prepared AND $prepared + 1 RETURNING id, n, bal) INSERT INTO log SELECT 'prepared.$crash', id, -n, -bal FROM d;
WITH u AS (UPDATE acct SET n = n + 1, bal = 7 WHERE id = $prepared + 2 RETURNING id) INSERT INTO log SELECT 'prepared.$crash', id, 1, 7 FROM u;
SELECT 1 FROM acct WHERE id = $prepared + 3 FOR UPDATE;
PREPARE TRANSACTION 'prepared.$crash';
SQL
	sleep "$((RANDOM % 2)).$((RANDOM % 10))$((RANDOM % 10))"
	[ $((RANDOM % 3)) != 0 ] || sql -c CHECKPOINT >/dev/null 2>&1 || true
	server_kill main
	wait "${pids[@]}" 2>/dev/null || true
	# only a mover and the row locks that it waits for may be in a deadlock
	errors=$(grep -hE 'ERROR: ' "$scratch"/w?.err "$scratch/m.err" "$scratch/p.err" | grep -vE 'current transaction is aborted|deadlock detected' | sed 's/^psql:[^ ]* //' | sort | uniq -c || true)
	[ -z "$errors" ] || problem errors "crash $crash: $errors"
	note "crash $crash: $(cat "$scratch"/w?.out | grep -c '^told [0-9]' || true) transactions told, $(cat "$scratch"/w?.err "$scratch/m.err" | grep -c 'deadlock detected' || true) deadlocks"
	sed -n 's/^told \([0-9]\)/\1/p' "$scratch"/w?.out >> "$scratch/acked"
	if ! server_start main; then
		not_ok "crash $crash: server starts again"
		done_testing
		exit 1
	fi
	sql -c "SELECT DISTINCT tag FROM log" | LC_ALL=C sort > "$scratch/noted"
	missing=$(LC_ALL=C sort -u "$scratch/acked" | LC_ALL=C comm -23 - "$scratch/noted" | wc -l)
	[ "$missing" = 0 ] || problem missing "crash $crash: $missing transactions are missing"

	# the prepared one holds its locks, and can be ended either way
	if [ "$(sql -c "SELECT count(*) FROM pg_prepared_xacts WHERE gid = 'prepared.$crash'")" = 1 ]; then
		locked=$(sql -c "SELECT string_agg((id - $prepared)::text, ' ' ORDER BY id) FROM (SELECT id FROM acct WHERE id BETWEEN $prepared AND $prepared + 5 FOR UPDATE SKIP LOCKED) x" 2>&1) || true
		[ "$locked" = "4 5" ] || problem prepared "crash $crash: rows free beside the prepared transaction: $locked"
		if [ $((RANDOM % 2)) = 0 ]; then
			sql -c "COMMIT PREPARED 'prepared.$crash'" || problem prepared "crash $crash: no COMMIT PREPARED"
			expected="4|2"
		else
			sql -c "ROLLBACK PREPARED 'prepared.$crash'" || problem prepared "crash $crash: no ROLLBACK PREPARED"
			expected="6|1"
		fi
		result=$(sql -c "SELECT count(*), max(n) FROM acct WHERE id BETWEEN $prepared AND $prepared + 5" 2>&1) || true
		[ "$result" = "$expected" ] || problem prepared "crash $crash: rows of the prepared transaction: $result, not $expected"
	else
		note "crash $crash: $(head -n 1 "$scratch/p.err")"
	fi

	for query in "$wrong" "SET enable_seqscan = off; $wrong" "$left"; do
		result=$(sql -c "$query" 2>&1) || true
		[ "$result" = 0 ] || problem wrong "crash $crash: $result wrong rows: $query"
	done
	sums=$(sql -c "$by_seq" 2>&1) || true
	[ "$(cut -d '|' -f 1-3 <<<"$sums")" = "$(sql -c "$sum_log")" ] || problem sums "crash $crash: sums of rows $sums, of the log $(sql -c "$sum_log")"
	for query in "$by_index" "$by_bal" "$by_bitmap"; do
		result=$(sql -c "$query" 2>&1) || true
		[ "$result" = "$sums" ] || problem sums "crash $crash: $result, not $sums: $query"
	done
	result=$(sql -c "SELECT * FROM tsdb.verify('acct') LIMIT 5" \
		-c "SELECT bt_index_check(indexrelid, true) FROM pg_index WHERE indrelid = 'acct'::regclass" \
		-c "SELECT bt_index_check(indexrelid, true) FROM pg_index i JOIN pg_class t ON t.reltoastrelid = indrelid WHERE t.oid = 'acct'::regclass" \
		-c "SELECT * FROM verify_heapam((SELECT reltoastrelid FROM pg_class WHERE oid = 'acct'::regclass))" 2>&1 | grep -v '^$' || true)
	[ -z "$result" ] || problem damage "crash $crash: $result"
done
note "$(sql -c "SELECT count(*) || ' transactions, ' || (SELECT count(*) FROM acct) || ' rows' FROM log WHERE id IS NULL")"
is "${problems[missing]:-0}" 0 "$crashes crashes: every acknowledged transaction is there"
is "${problems[wrong]:-0}" 0 "$crashes crashes: each row is what committed transactions made of it"
is "${problems[sums]:-0}" 0 "$crashes crashes: the same sums by every path"
is "${problems[prepared]:-0}" 0 "$crashes crashes: prepared transactions"
is "${problems[damage]:-0}" 0 "$crashes crashes: verify and amcheck find nothing"
is "${problems[errors]:-0}" 0 "$crashes crashes: no errors before them"
is "$(sql -c "SELECT count(*) > 0 FROM log WHERE id IS NULL")" t "something was committed"
if errors=$(sql -c "VACUUM FREEZE acct" -c "SELECT tsdb.compress('acct')" -c "SELECT tsdb.recompress('acct')" -c "VACUUM acct" 2>&1 >/dev/null); then errors=; fi
is "$errors$(sql -c "$wrong")" 0 "the table goes on working: compress"
if errors=$(sql -c "SELECT tsdb.decompress('acct')" -c "VACUUM acct" 2>&1 >/dev/null); then errors=; fi
is "$errors$(sql -c "$wrong")" 0 "the table goes on working: decompress"
no_crash main
done_testing
