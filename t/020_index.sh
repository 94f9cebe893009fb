#!/usr/bin/env bash
# The chunk index in shared memory against plain directory reads: many sessions load, merge, roll back, truncate and vacuum while
# others compare both in one snapshot; small memory; killed backends; DROP, rewrite, TRUNCATE, DROP DATABASE; subtransactions,
# prepared transactions, parallel workers; a standby while chunks arrive, and its promotion.  Before that the structure alone, with
# processes of its own (src/index/tests/index_stress.c).
#
# Environment: STRESS_SECONDS (10) for each of the two loads.
. "$(dirname "$0")/lib.sh"
seconds=${STRESS_SECONDS:-10}

#--------------------------------------------------------------------- the structure

build_stress()	# build_stress NAME FLAG...
{
	local name=$1
	shift
	gcc -std=gnu11 -O2 -g -DUSE_ASSERT_CHECKING -Wall -Wextra -Werror "$@" -o "$scratch/$name" \
		"$top"/src/index/interval_index.c "$top"/src/index/epoch.c "$top"/src/index/tests/index_stress.c
}

build_stress index_stress
result=$("$scratch/index_stress" stress "$seconds" "$RANDOM") || true
grep '^#' <<<"$result" || true
is "$(grep -v '^#' <<<"$result")" "violations 0, processes that died 0, structure sound, memory all free" "every look-up finds every chunk, with adders, removers, eviction"

build_stress index_stress_sanitize -fsanitize=undefined -fno-sanitize=null -fno-sanitize-recover=all
result=$("$scratch/index_stress_sanitize" stress 3 "$RANDOM" 2>&1) || true
is "$(grep -v '^#' <<<"$result")" "violations 0, processes that died 0, structure sound, memory all free" "the same under the undefined-behaviour sanitizer"

# the test finds faults: each of these takes a step away.  On a busy machine it may take longer until two processes meet there.
for broken in 1 2 3 4; do
	build_stress "index_broken_$broken" "-DTSDB_INDEX_BREAK=$broken"
	found=no
	for time in 5 15 30; do
		result=$(timeout 90 "$scratch/index_broken_$broken" stress "$time" "$RANDOM" 2>&1) || true
		grep -q '^violations 0, processes that died 0, structure sound, memory all free' <<<"$result" || { found=yes; break; }
	done
	is "$found" yes "found out when step $broken is left out"
done

#--------------------------------------------------------------------- sessions

test_server index
server_stop index
server_config index "tsdb_am.index_memory = 256kB" "max_prepared_transactions = 10"
server_start index
sql <<'SQL'
CREATE EXTENSION tsdb_am;
-- differences between the index and the directory, in one snapshot; a look-up of times, of a series, of both
CREATE FUNCTION differ(t regclass, f bigint, u bigint, s text) RETURNS SETOF text LANGUAGE sql VOLATILE AS $$
	SELECT format('%s %s..%s %s: index %s, directory %s', t, f, u, s, a.l, b.l)
	FROM (SELECT array_agg(chunk) AS l FROM tsdb.index_lookup(t, f, u, 'host', s)) a,
		 (SELECT array_agg(chunk) AS l FROM tsdb.index_lookup(t, f, u, 'host', s, plain => true)) b
	WHERE a.l IS DISTINCT FROM b.l
$$;
CREATE FUNCTION us(d timestamptz) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE d WHEN 'infinity' THEN 9223372036854775807 WHEN '-infinity' THEN -9223372036854775808
		ELSE (extract(epoch FROM d) * 1000000)::bigint - 946684800000000 END $$;
CREATE FUNCTION differ_all(t regclass) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1 .. 5 LOOP
		RETURN QUERY SELECT differ(t, us('2024-01-01'::timestamptz + random() * interval '10 days'), us('2024-01-01'::timestamptz + random() * interval '10 days'),
			CASE WHEN random() < 0.5 THEN 'host_' || (random() * 60)::int END);
	END LOOP;
	RETURN QUERY SELECT differ(t, NULL, NULL, NULL);
	RETURN QUERY SELECT differ(t, us('infinity'), NULL, NULL);
	RETURN QUERY SELECT differ(t, NULL, us('-infinity'), NULL);
END $$;
CREATE FUNCTION same(t regclass) RETURNS text LANGUAGE sql VOLATILE AS $$ SELECT coalesce(string_agg(d, ' '), 'same') FROM differ_all(t) d $$;
CREATE FUNCTION all_same() RETURNS text LANGUAGE sql VOLATILE AS $$
	SELECT string_agg(DISTINCT same(format('t%s', i)::regclass), ' ') FROM generate_series(1, 12) i $$;
CREATE FUNCTION check_all(t regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE d text;
BEGIN
	SELECT * INTO d FROM differ_all(t) LIMIT 1;
	IF d IS NOT NULL THEN RAISE EXCEPTION 'CHECK FAILED: %', d; END IF;
END $$;
CREATE FUNCTION batch(t regclass, n int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE h int := random() * 50; d int := random() * 9;
BEGIN
	EXECUTE format('INSERT INTO %s SELECT ''2024-01-01''::timestamptz + %s * interval ''1 day'' + i * interval ''1 s'', ''host_'' || %s + i %% 3, i FROM generate_series(1, %s) i', t, d, h, n);
END $$;
DO $$ BEGIN FOR i IN 1 .. 12 LOOP
	EXECUTE format('CREATE TABLE t%s (time timestamptz, host text, v float8) USING tsdb WITH (segmentby = ''host'', orderby = ''time'')', i);
END LOOP; END $$;
SQL
sql -c "SELECT batch('t1', 1500) FROM generate_series(1, 60)" >/dev/null
is "$(sql -c "SELECT count(*), bool_or(from_index) FROM tsdb.index_lookup('t1')")" "60|f" "first look-up: from the directory"
is "$(sql -c "SELECT count(*), bool_and(from_index) FROM tsdb.index_lookup('t1')")" "60|t" "second: from the index"
is "$(sql -c "SELECT same('t1')")" same "the same chunks"
is "$(sql -c "SELECT memory_total, memory_used <= memory_total, tables, chunks FROM tsdb.stat_index")" "262144|t|1|60" "tsdb.stat_index"

mkdir "$scratch/scripts"
cd "$scratch/scripts"
cat > add <<'SQL'
\set t random(1, 12)
SELECT batch(('t' || :t)::regclass, 1000);
SQL
cat > rollback <<'SQL'
\set t random(1, 12)
BEGIN;
SELECT batch(('t' || :t)::regclass, 1000);
SAVEPOINT a;
SELECT batch(('t' || :t)::regclass, 1000);
SELECT check_all(('t' || :t)::regclass);
ROLLBACK TO a;
SELECT batch(('t' || :t)::regclass, 1000);
SELECT check_all(('t' || :t)::regclass);
ROLLBACK;
SQL
cat > check <<'SQL'
\set t random(1, 12)
SELECT check_all(('t' || :t)::regclass);
SQL
cat > check_snapshot <<'SQL'
\set t random(1, 12)
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT check_all(('t' || :t)::regclass);
SELECT pg_sleep(0.1);
SELECT check_all(('t' || :t)::regclass);
COMMIT;
SQL
cat > merge <<'SQL'
\set t random(1, 12)
\set r random(1, 30)
SELECT tsdb.recompress(('t' || :t)::regclass);
\if :r = 1
TRUNCATE t3;
\elif :r = 2
VACUUM FULL t4;
\elif :r = 3
SELECT tsdb.decompress('t5');
\elif :r = 4
BEGIN;
TRUNCATE t6;
SELECT batch('t6', 1000);
SELECT check_all('t6');
ROLLBACK;
\endif
SELECT pg_sleep(0.05);
SQL
cat > vacuum <<'SQL'
\set t random(1, 12)
VACUUM t1, t2, t3, t4, t5, t6, t7;
VACUUM t8, t9, t10, t11, t12;
SELECT pg_sleep(0.1);
SQL
[ "$(id -u)" != 0 ] || chown -R "$server_user:" .

load()
{
	local client
	for client in "add 3" "rollback 1" "check 3" "check_snapshot 1" "merge 1" "vacuum 1"; do
		set -- $client
		as_user timeout $((seconds + 120)) "$pg_bin/pgbench" -h "$scratch" -p "$server_port" -U postgres -n -f "$1" -c "$2" -j 1 -T "$seconds" postgres > "$scratch/index_$1.log" 2>&1 &
	done
}

load
wait
for client in add rollback check check_snapshot merge vacuum; do
	is "$(grep -h 'ERROR' "$scratch/index_$client.log" | grep -vE 'deadlock detected|could not serialize' | head -n 3)" "" "$client: no error"
	note "$client: $(grep 'actually processed' "$scratch/index_$client.log")"
done
note "hits plain loads evictions retries tables chunks used total epoch pending: $(sql -c "SELECT * FROM tsdb.stat_index")"
is "$(sql -c "SELECT hits > 0, loads > 0 FROM tsdb.stat_index")" "t|t" "the index was used"
# A table comes in when there is room; what others used is free two epochs after they have not been used for a while.
until_indexed()
{
	local try
	for try in $(seq 30); do
		[ "$(sql -c "SELECT bool_and(from_index) FROM tsdb.index_lookup('$1')")" != t ] || return 0
		sleep 0.5
	done
	return 0
}
# more than it holds: tables that nobody used for a while make room
before=$(sql -c "SELECT evictions FROM tsdb.stat_index")
sql -c "CREATE TABLE large (LIKE t1) USING tsdb WITH (segmentby = 'host', orderby = 'time')" -c "SET tsdb_am.direct_load_rows = 1" -c "SELECT batch('large', 2) FROM generate_series(1, 900)" >/dev/null
for try in $(seq 30); do
	sql -c "SELECT same('large')" >/dev/null
	[ "$(sql -c "SELECT evictions > $before FROM tsdb.stat_index")" != t ] || break
	# there was room: others had been evicted before
	[ "$try" -gt 10 ] || sql -c "SET tsdb_am.direct_load_rows = 1" -c "SELECT batch('large', 2) FROM generate_series(1, 90)" >/dev/null
	sleep 0.5
done
until_indexed large
note "with a large table: $(sql -c "SELECT * FROM tsdb.stat_index")"
is "$(sql -c "SELECT evictions > $before, memory_used <= memory_total FROM tsdb.stat_index" -c "SELECT same('large')" -c "SELECT DISTINCT from_index FROM tsdb.index_lookup('large')")" "t|t
same
t" "least used tables are evicted"
is "$(sql -c "SELECT all_same()")" same "the same chunks at the end"

#--------------------------------------------------------------------- killed backends

load
killed=0
for n in 1 2 3; do
	sleep 1
	pid=$(sql -c "SELECT pid FROM pg_stat_activity WHERE application_name = 'pgbench' AND state = 'active' ORDER BY random() LIMIT 1" 2>/dev/null || true)
	if [ -n "$pid" ]; then
		kill -KILL "$pid" 2>/dev/null && killed=$((killed + 1))
		break
	fi
done
wait
for n in $(seq 1 300); do
	! sql -c "SELECT 1" >/dev/null 2>&1 || break
	sleep 0.1
done
is $killed 1 "a backend was killed"
is "$(sql -c "SELECT hits, tables, chunks FROM tsdb.stat_index")" "0|0|0" "restarted: the index is empty"
is "$(sql -c "SELECT all_same()")" same "restarted: the same chunks"
# backends that are told to end
load
for n in 1 2 3 4 5 6; do
	sleep 0.3
	sql -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pgbench' ORDER BY random() LIMIT 1" >/dev/null
done
wait
is "$(grep -h 'CHECK FAILED' "$scratch"/index_*.log)" "" "terminated backends: no difference"
is "$(sql -c "SELECT all_same()")" same "terminated backends: the same chunks"

#--------------------------------------------------------------------- one by one

sql -c "CREATE TABLE p (LIKE t1) USING tsdb WITH (segmentby = 'host', orderby = 'time')" -c "SELECT batch('p', 1000) FROM generate_series(1, 3)" >/dev/null
look="SELECT count(*) FROM tsdb.index_lookup('p')"
is "$(sql -c "$look" -c "$look")" "3
3" "loaded"
sql -c "BEGIN" -c "SELECT batch('p', 1000)" -c "$look" -c "PREPARE TRANSACTION 'x'" >/dev/null
is "$(sql -c "$look" -c "COMMIT PREPARED 'x'" -c "$look" -c "$look")" "3
4
4" "prepared transaction"
is "$(sql -c "BEGIN" -c "SELECT batch('p', 1000)" -c "SAVEPOINT a" -c "SELECT batch('p', 1000)" -c "$look" -c "ROLLBACK TO a" -c "$look" -c "COMMIT" -c "$look" | grep -v '^$')" "6
5
5" "own chunks, subtransaction rolled back"
is "$(sql -c "BEGIN" -c "TRUNCATE p" -c "$look" -c "SELECT batch('p', 1000)" -c "$look" -c "ROLLBACK" -c "$look" | grep -v '^$')" "0
1
5" "TRUNCATE rolled back"
is "$(sql -c "SELECT tsdb.recompress('p') > 0" -c "VACUUM p" -c "SELECT ($look) = (SELECT count(*) FROM tsdb.chunks WHERE relation = 'p'::regclass)" -c "SELECT same('p')" -c "SELECT same('p')")" "t
t
same
same" "merged and vacuumed"
is "$(sql -c "VACUUM FULL p" -c "SELECT same('p')" -c "SELECT ($look) > 0")" "same
t" "rewritten"
is "$(sql -c "CREATE TEMP TABLE q (LIKE t1) USING tsdb" -c "SELECT batch('q', 1000)" -c "SELECT * FROM (SELECT DISTINCT from_index FROM tsdb.index_lookup('q')) x" -c "SELECT DISTINCT from_index FROM tsdb.index_lookup('q')" | grep -v '^$')" "f
f" "temporary table: never in the index"
is "$(sql -c "CREATE TABLE z (a int) USING tsdb" -c "SELECT count(*) FROM tsdb.index_lookup('z')")" "0" "no chunks"
is "$(sql -c "CREATE TABLE n (k int, host text) USING tsdb WITH (segmentby = 'host')" -c "INSERT INTO n SELECT i, 'host_' || i FROM generate_series(1, 3000) i" -c "SELECT count(*) FROM tsdb.index_lookup('n', 1, 2)")" "1" "no time column, from the directory"
until_indexed n
is "$(sql -c "SELECT count(*), bool_and(from_index) FROM tsdb.index_lookup('n', 1, 2)")" "1|t" "no time column: nothing is left out by time"
is "$(sql -c "CREATE TABLE u (time timestamptz, host text, v float8) USING tsdb WITH (segmentby = 'host', orderby = 'time')" \
	-c "INSERT INTO u SELECT NULL, 'a', i FROM generate_series(1, 1000) i" -c "INSERT INTO u SELECT CASE WHEN i % 2 = 0 THEN '2024-01-01'::timestamptz + i * interval '1 s' END, 'a', i FROM generate_series(1, 1000) i" \
	-c "INSERT INTO u SELECT CASE i % 3 WHEN 0 THEN 'infinity' WHEN 1 THEN '-infinity' ELSE '2024-01-01'::timestamptz END, 'a', i FROM generate_series(1, 1000) i" \
	-c "SELECT count(*) FROM tsdb.index_lookup('u')" -c "SELECT count(*) FROM tsdb.index_lookup('u', us('2024-01-01'), us('2024-01-02'))" -c "SELECT count(*) FROM tsdb.index_lookup('u', us('2025-01-01'), us('2025-01-02'))" -c "SELECT same('u')" -c "SELECT same('u')")" "3
2
1
same
same" "NULLs and infinities"
is "$(sql -c "CREATE DATABASE other" >/dev/null; server_port=$server_port "$pg_bin/psql" -X -q -At -h "$scratch" -p "$server_port" -U postgres other -c "CREATE EXTENSION tsdb_am" -c "CREATE TABLE t1 (time timestamptz, v int) USING tsdb" \
	-c "INSERT INTO t1 SELECT now(), i FROM generate_series(1, 2000) i" -c "SELECT count(*) FROM tsdb.index_lookup('t1')" -c "SELECT count(*) FROM tsdb.index_lookup('t1')"; sql -c "DROP DATABASE other" -c "SELECT same('t1')")" "1
1
same" "another database, dropped"
is "$(sql -c "SET force_parallel_mode = on" -c "SELECT same('p')" -c "SELECT count(*) > 0 FROM p")" "same
t" "parallel workers"
is "$(sql -c "BEGIN ISOLATION LEVEL SERIALIZABLE" -c "SELECT same('p')" -c "COMMIT")" same "serializable"
is "$(sql -c "CREATE ROLE reader" -c "SET ROLE reader" -c "SELECT count(*) FROM tsdb.stat_index")" "1" "everybody may see the view"
like "$(sql_error -c "SET ROLE reader" -c "SELECT * FROM tsdb.index_lookup('p')")" "42501" "index_lookup is for the owner"

server_stop index
server_config index "tsdb_am.index_memory = 0"
server_start index
is "$(sql -c "SELECT same('t1')" -c "SELECT DISTINCT from_index FROM tsdb.index_lookup('t1')" -c "SELECT hits, memory_total FROM tsdb.stat_index")" "same
f
0|0" "turned off"

#--------------------------------------------------------------------- standby

server_stop index
server_config index "tsdb_am.index_memory = 1MB"
server_start index
(cd "$scratch" && as_user "$pg_bin/pg_basebackup" -h "$scratch" -U postgres -D "$scratch/standby" -X stream -R -c fast -C -S standby)
server_config standby "port = 5433" "max_standby_streaming_delay = -1"
server_start standby
standby() { server_port=5433 sql "$@"; }
for client in "add 2" "merge 1" "vacuum 1"; do
	set -- $client
	as_user timeout $((seconds + 120)) "$pg_bin/pgbench" -h "$scratch" -p "$server_port" -U postgres -n -f "$1" -c "$2" -j 1 -T "$seconds" postgres > "$scratch/index_primary_$1.log" 2>&1 &
done
server_port=5433
as_user timeout $((seconds + 120)) "$pg_bin/pgbench" -h "$scratch" -p 5433 -U postgres -n -f check -f check_snapshot -c 2 -j 1 -T "$seconds" postgres > "$scratch/index_standby.log" 2>&1 &
server_port=5432
wait
is "$(grep -h 'ERROR' "$scratch/index_standby.log" | grep -vE 'deadlock detected|conflict with recovery' | head -n 3)" "" "standby: no difference while chunks arrive"
note "standby: $(grep 'actually processed' "$scratch/index_standby.log"); $(standby -c "SELECT * FROM tsdb.stat_index")"
is "$(standby -c "SELECT hits > 0 AND loads > 0 FROM tsdb.stat_index")" t "standby: the index was used"
server_stop index immediate
(cd "$scratch" && as_user "$pg_bin/pg_ctl" -s -D "$scratch/standby" -w promote)
is "$(standby -c "SELECT all_same()")" same "promoted: the same chunks"
is "$(standby -c "SELECT batch('t1', 1000)" -c "SELECT tsdb.recompress('t2') >= 0" -c "VACUUM t2" -c "SELECT all_same()" | grep -v '^$')" "t
same" "promoted: goes on"
is "$(grep -E 'TRAP: |PANIC: ' "$scratch/index.log" "$scratch/standby.log" || true)" "" "no failed assertion"
is "$(grep -cE 'was terminated by signal' "$scratch/index.log" || true)" 1 "no crash but the one that was made"
no_crash standby
done_testing
