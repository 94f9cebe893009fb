#!/usr/bin/env bash
# Dump, restore, base backup, pg_upgrade and amcheck of tables whose compressed rows were updated and deleted.
#
# What would break it: a deleted row that comes back in a copy, or an updated one that comes in both versions or with the old
# values; transaction ids, TIDs or relation files that a copy or the new cluster of an upgrade reads otherwise;
# index entries that lead nowhere, or are missing, beside rows that died in a chunk.
#
# Heap is the oracle: each table has a twin that got the same statements.
#
# Environment: TSDB_AM=heap proves the script itself: every table on heap, movers do nothing.  TSDB_SEED.
. "$(dirname "$0")/lib.sh"

use_twins

test_server main --data-checksums
sql -c "ALTER SYSTEM SET autovacuum = off" -c "SELECT pg_reload_conf()" >/dev/null

#--------------------------------------------------------------------- tables with dead and changed rows in chunks

tables="keyed big plain expr"
{
	printf "%s\nCREATE EXTENSION amcheck;\n" "$extension"
	for a in "" heap_; do
		use="USING $am"
		[ -z "$a" ] || use="USING heap"
		# keys and several kinds of index
		printf "CREATE TABLE %skeyed (k int PRIMARY KEY, time timestamptz NOT NULL, host text, v float8, n numeric) %s;\n" "$a" "$use"
		printf "CREATE INDEX ON %skeyed (host, time); CREATE INDEX ON %skeyed (v) WHERE v > 500; CREATE UNIQUE INDEX ON %skeyed (time, k) INCLUDE (v);\n" $a $a $a
		# large values, in the row store and in chunks
		printf "CREATE TABLE %sbig (k int PRIMARY KEY, time timestamptz, text text, j jsonb) %s;\n" "$a" "$use"
		# no index: loaded directly
		printf "CREATE TABLE %splain (k int, time timestamptz, host text, v float8) %s;\n" "$a" "$use"
		printf "CREATE TABLE %sexpr (k int, time date, host text, v int, double int GENERATED ALWAYS AS (v * 2) STORED, CHECK (v < 1000000)) %s;\n" "$a" "$use"
		printf "CREATE INDEX ON %sexpr (lower(host), (v %% 7)); CREATE INDEX ON %sexpr USING hash (host); CREATE INDEX ON %sexpr (k DESC NULLS FIRST);\n" $a $a $a
	done
} | sql

# load TABLE FROM TO
load()
{
	case $1 in
		*keyed) printf "INSERT INTO %s SELECT i, '2024-01-01'::timestamptz + i * interval '1 min', 'host_' || i %% 11, i, i / 7.0 FROM generate_series(%d, %d) i;\n" "$@" ;;
		*big) printf "INSERT INTO %s SELECT i, '2024-01-01'::timestamptz + i * interval '1 min', (SELECT string_agg(md5(i::text || g), '') FROM generate_series(1, i %% 200) g), jsonb_build_object('i', i, 'a', repeat('x', i)) FROM generate_series(%d, %d) i;\n" "$@" ;;
		*plain) printf "INSERT INTO %s SELECT i, '2024-01-01'::timestamptz + i * interval '1 min', 'host_' || i %% 11, i FROM generate_series(%d, %d) i;\n" "$@" ;;
		*expr) printf "INSERT INTO %s SELECT i, '2024-01-01'::date + i / 100, 'Host_' || i %% 11, i FROM generate_series(%d, %d) i;\n" "$@" ;;
	esac
}

# changes TABLE: updates and deletes of rows in either store, rolled back ones among them
changes()
{
	sed "s/@/$1/g" <<'SQL'
UPDATE @ SET time = time + interval '1 day' WHERE k % 10 = 3;
DELETE FROM @ WHERE k % 10 = 4;
DELETE FROM @ WHERE k BETWEEN 700 AND 760;
UPDATE @ SET k = k + 100000 WHERE k BETWEEN 20 AND 30;
BEGIN;
DELETE FROM @ WHERE k < 300;
ROLLBACK;
BEGIN;
UPDATE @ SET time = time - interval '1 day' WHERE k = 41;
SAVEPOINT a;
DELETE FROM @ WHERE k BETWEEN 31 AND 60;
ROLLBACK TO a;
DELETE FROM @ WHERE k = 42;
COMMIT;
SQL
	case $1 in
		*keyed) printf "INSERT INTO %s SELECT i, '2024-05-05'::timestamptz, 'upsert', 600, NULL FROM generate_series(95, 110) i ON CONFLICT (k) DO UPDATE SET v = excluded.v, host = excluded.host;\n" "$1" ;;
		*big) printf "UPDATE %s SET j = j || '{\"more\": 1}' WHERE k %% 50 = 1;\nUPDATE %s SET text = text || 'longer' WHERE k %% 50 = 2;\n" "$1" "$1" ;;
		*expr) printf "UPDATE %s SET v = v + 1, host = upper(host) WHERE k %% 9 = 1;\n" "$1" ;;
	esac
}

for t in $tables; do
	for a in "" heap_; do
		load $a$t 1 1500
		[ "$a" ] || printf "SELECT tsdb.compress('%s');\n" $t
		load $a$t 1501 2000
	done
done | sql >/dev/null
if [ "$am" = tsdb ]; then
	is "$(sql -c "SELECT string_agg(DISTINCT (chunk_rows > 0 AND row_store_rows > 0)::text, ' ') FROM tsdb.tables")" true "rows in both stores"
fi
for t in $tables; do
	for a in "" heap_; do
		changes $a$t > "$scratch/changes.sql"
		if errors=$(sql -f "$scratch/changes.sql" 2>&1 >/dev/null); then errors=; fi
		is "$errors" "" "$a$t: changes"
	done
done
# a second chunk with dead rows, beside the first, and more rows in the row store
for t in $tables; do
	for a in "" heap_; do
		[ "$a" ] || printf "SELECT tsdb.compress('%s');\n" $t
		printf "DELETE FROM %s WHERE k BETWEEN 1600 AND 1620;\nDELETE FROM %s WHERE k > 100000 AND k < 100025;\n" $a$t $a$t
		load $a$t 3001 3050
	done
done > "$scratch/changes.sql"
if errors=$(sql -f "$scratch/changes.sql" 2>&1 >/dev/null); then errors=; fi
is "$errors" "" "more changes"

# rows of all tables (or their twins) in a database
contents()
{
	local port=$1 database=$2 prefix=$3 t
	for t in $tables; do
		printf "SELECT '%s', count(*), count(DISTINCT k), md5(string_agg(t::text, E'\\\\n' ORDER BY k, t::text COLLATE \"C\")) FROM %s%s t;\n" $t "$prefix" $t
	done | server_port=$port sql -d "$database" 2>&1
}
rows=$(contents 5432 postgres heap_)
note "$(tr '\n' ' ' <<<"$rows")"
definitions()
{
	server_port=$1 sql -d "$2" -c "SELECT c.relname, a.amname FROM pg_class c JOIN pg_am a ON a.oid = c.relam WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname NOT LIKE '%busy' ORDER BY 1" 2>&1
}
defs=$(definitions 5432 postgres)

# amcheck PORT DATABASE: problems found; "-" for each check that passed without
amcheck_table()
{
	cat <<'SQL'
SELECT '-', count(bt_index_check(indexrelid, true)) FROM pg_index i JOIN pg_class c ON c.oid = indexrelid JOIN pg_am a ON a.oid = c.relam WHERE indrelid = '@'::regclass AND amname = 'btree';
SELECT '-', count(bt_index_parent_check(indexrelid, true, true)) FROM pg_index i JOIN pg_class c ON c.oid = indexrelid JOIN pg_am a ON a.oid = c.relam WHERE indrelid = '@'::regclass AND amname = 'btree';
SELECT '-', count(bt_index_parent_check(indexrelid, true, true)) FROM pg_index i JOIN pg_class t ON t.reltoastrelid = indrelid WHERE t.oid = '@'::regclass;
SELECT blkno, offnum, attnum, msg FROM pg_class t, LATERAL verify_heapam(t.reltoastrelid) WHERE t.oid = '@'::regclass;
SQL
}
check()
{
	local name=$1 port=$2 database=$3 t
	for t in $tables; do
		amcheck_table | sed "s/@/$t/g"
	done | server_port=$port sql -v ON_ERROR_STOP=0 -d "$database" > "$scratch/amcheck" 2>&1 || true
	is "$(grep -v '^-|' "$scratch/amcheck" | head -n 5)" "" "$name: amcheck finds nothing"
	is "$(grep -c '^-|' "$scratch/amcheck")" 12 "$name: amcheck looked at everything"
	for t in $tables; do
		printf "SELECT '%s', * FROM tsdb.verify('%s');\n" $t $t
	done | server_port=$port sql -d "$database" > "$scratch/verify" 2>&1 || true
	is "$(head -n 5 "$scratch/verify")" "" "$name: verify finds nothing"
}

# compare NAME PORT DATABASE
compare()
{
	is "$(contents "$2" "$3" "")" "$rows" "$1: rows"
	is "$(server_port=$2 sql -d "$3" -c "SET enable_seqscan = off" -c "SELECT count(*), sum(v) FROM keyed WHERE k > 0" -c "SELECT count(*) FROM keyed WHERE v > 500" -c "SELECT count(*) FROM expr WHERE lower(host) = 'host_3'" 2>&1)" \
		"$(sql -c "SELECT count(*), sum(v) FROM heap_keyed" -c "SELECT count(*) FROM heap_keyed WHERE v > 500" -c "SELECT count(*) FROM heap_expr WHERE lower(host) = 'host_3'")" "$1: rows by index"
}
# goes_on NAME PORT DATABASE: changes and moves in the copy leave it equal to its twins
goes_on()
{
	local t a errors
	for t in $tables; do
		for a in "" heap_; do
			printf "UPDATE %s SET time = time + interval '1 hour' WHERE k %% 20 = 5;\nDELETE FROM %s WHERE k %% 20 = 6;\n" $a$t $a$t
			load $a$t 4001 5200
			[ "$a" ] || printf "SELECT tsdb.compress('%s');\nSELECT tsdb.recompress('%s');\n" $t $t
			printf "UPDATE %s SET k = -k WHERE k %% 20 = 7;\nDELETE FROM %s WHERE k BETWEEN 4100 AND 4200;\n" $a$t $a$t
		done
	done > "$scratch/goes_on.sql"
	if errors=$(server_port=$2 sql -d "$3" -f "$scratch/goes_on.sql" 2>&1 >/dev/null); then errors=; fi
	is "$errors" "" "$1: changes and moves"
	is "$(contents "$2" "$3" "")" "$(contents "$2" "$3" heap_)" "$1: rows after them"
	errors=$(for t in $tables; do printf "VACUUM FREEZE %s; SELECT tsdb.decompress('%s'); VACUUM %s;\n" $t $t $t; done | server_port=$2 sql -d "$3" 2>&1 >/dev/null) || true
	is "$errors" "" "$1: vacuum and decompress"
	is "$(contents "$2" "$3" "")" "$(contents "$2" "$3" heap_)" "$1: rows in the row store"
}

compare "main" 5432 postgres
check "before vacuum" 5432 postgres

#--------------------------------------------------------------------- base backup while rows change

# equal to its twin at every moment
sql -c "CREATE TABLE busy (k int PRIMARY KEY, v bigint) USING $am" -c "CREATE TABLE heap_busy (k int PRIMARY KEY, v bigint) USING heap" \
	-c "INSERT INTO busy SELECT i, i FROM generate_series(1, 3000) i" -c "INSERT INTO heap_busy SELECT i, i FROM generate_series(1, 3000) i" -c "SELECT tsdb.compress('busy')" >/dev/null
for i in $(seq 1 3000); do
	k=$((RANDOM % 3000 + 1))
	case $((i % 10)) in
		1) printf "BEGIN; DELETE FROM busy WHERE k = %d; DELETE FROM heap_busy WHERE k = %d; COMMIT;\n" $k $k ;;
		*) printf "BEGIN; UPDATE busy SET v = v + %d WHERE k = %d; UPDATE heap_busy SET v = v + %d WHERE k = %d; COMMIT;\n" $i $k $i $k ;;
	esac
	[ $((i % 150)) != 0 ] || printf "SELECT tsdb.compress('busy');\nVACUUM busy;\n"
	[ $((i % 400)) != 0 ] || printf "SELECT tsdb.recompress('busy');\nCHECKPOINT;\n"
done > "$scratch/busy.sql"
sql -f "$scratch/busy.sql" >/dev/null 2>"$scratch/busy.err" & busy=$!
(cd "$scratch" && as_user "$pg_bin/pg_basebackup" -h "$scratch" -U postgres -D "$scratch/copy" -X stream -c fast)
# (no more of it is needed)
kill $busy 2>/dev/null || true
wait $busy 2>/dev/null || true
is "$(grep ERROR "$scratch/busy.err" | head -n 2)" "" "changes during the base backup"
is "$("$pg_bin/pg_verifybackup" "$scratch/copy" 2>&1 | tail -n 1)" "backup successfully verified" "base backup: pg_verifybackup"
server_config copy "port = 5434"
server_start copy
compare "base backup" 5434 postgres
is "$(server_port=5434 sql -c "SELECT count(*) FROM busy FULL JOIN heap_busy USING (k) WHERE busy.v IS DISTINCT FROM heap_busy.v" 2>&1)" 0 "base backup: whole transactions"
check "base backup" 5434 postgres
goes_on "base backup" 5434 postgres
check "base backup, after changes" 5434 postgres
server_stop copy
is "$("$pg_bin/pg_checksums" -D "$scratch/copy" 2>&1 | grep -c 'Bad checksums: *0')" 1 "base backup: checksums"

#--------------------------------------------------------------------- dump and restore

as=("-h" "$scratch" "-U" postgres)
for database in plain parallel custom schema_only; do
	sql -c "CREATE DATABASE $database TEMPLATE template0"
done
"$pg_bin/pg_dump" "${as[@]}" -f "$scratch/plain.sql" postgres
sql -d plain -f "$scratch/plain.sql" >/dev/null
compare "plain dump" 5432 plain
is "$(definitions 5432 plain)" "$defs" "plain dump: access methods"
check "plain dump" 5432 plain

"$pg_bin/pg_dump" "${as[@]}" -Fd -j 2 -f "$scratch/parallel.dump" postgres
"$pg_bin/pg_restore" "${as[@]}" -j 2 -d parallel "$scratch/parallel.dump"
compare "parallel dump" 5432 parallel
is "$(definitions 5432 parallel)" "$defs" "parallel dump: access methods"
check "parallel dump" 5432 parallel

"$pg_bin/pg_dump" "${as[@]}" -Fc -f "$scratch/custom.dump" postgres
# (in one transaction: a parallel index build cannot see an access method that its own transaction created, whichever it is)
PGOPTIONS="-c max_parallel_maintenance_workers=0" "$pg_bin/pg_restore" "${as[@]}" -1 -d custom "$scratch/custom.dump"
compare "custom dump" 5432 custom
goes_on "custom dump" 5432 custom

"$pg_bin/pg_dump" "${as[@]}" --schema-only -f "$scratch/schema.sql" postgres
sql -d schema_only -f "$scratch/schema.sql" >/dev/null
is "$(definitions 5432 schema_only)" "$defs" "schema only: access methods"
is "$(sql -d schema_only -c "SELECT (SELECT count(*) FROM keyed) + (SELECT count(*) FROM big) + (SELECT count(*) FROM plain) + (SELECT count(*) FROM expr)")" 0 "schema only: no rows"

# a dump of one snapshot while its rows go: other sessions delete, compress and vacuum
sql -c "CREATE DATABASE busy TEMPLATE template0"
{
	echo "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 'md5', md5(string_agg(t::text, ' ' ORDER BY k)) FROM busy t; SELECT pg_export_snapshot();"
	for n in $(seq 1 300); do
		[ ! -e "$scratch/dumped" ] || break
		sleep 0.1
	done
	echo "COMMIT;"
} | sql > "$scratch/snapshot" 2>&1 & holder=$!
for n in $(seq 1 100); do
	[ "$(wc -l < "$scratch/snapshot")" -lt 2 ] || break
	sleep 0.1
done
if errors=$(sql -c "DELETE FROM busy WHERE k % 3 = 0" -c "UPDATE busy SET v = 0 WHERE k % 3 = 1" -c "SELECT tsdb.compress('busy')" -c "SELECT tsdb.recompress('busy')" -c "VACUUM busy" 2>&1 >/dev/null); then errors=; fi
is "$errors" "" "old snapshot: changes after it"
"$pg_bin/pg_dump" "${as[@]}" --snapshot="$(tail -n 1 "$scratch/snapshot")" -t busy -f "$scratch/busy_dump.sql" postgres
touch "$scratch/dumped"
wait $holder
[ "$am" = heap ] || sql -d busy -c "CREATE EXTENSION tsdb_am"
sql -d busy -f "$scratch/busy_dump.sql" >/dev/null
is "$(sql -d busy -c "SELECT 'md5', md5(string_agg(t::text, ' ' ORDER BY k)) FROM busy t")" "$(head -n 1 "$scratch/snapshot")" "old snapshot: the dump has its rows"
sql -c "DROP TABLE busy, heap_busy"

#--------------------------------------------------------------------- vacuum

sql -c "VACUUM keyed, big, plain, expr"
compare "vacuumed" 5432 postgres
check "after vacuum" 5432 postgres
sql -c "VACUUM (FREEZE, DISABLE_PAGE_SKIPPING) keyed, big, plain, expr"
compare "frozen" 5432 postgres
check "after freezing" 5432 postgres

#--------------------------------------------------------------------- pg_upgrade to the same version

for database in plain parallel custom schema_only busy; do
	sql -c "DROP DATABASE $database"
done
# dead rows that vacuum has not seen
for t in $tables; do
	for a in "" heap_; do
		printf "DELETE FROM %s WHERE k BETWEEN 800 AND 820;\nUPDATE %s SET time = time + interval '2 days' WHERE k BETWEEN 821 AND 830;\n" $a$t $a$t
	done
done > "$scratch/changes.sql"
if errors=$(sql -f "$scratch/changes.sql" 2>&1 >/dev/null); then errors=; fi
is "$errors" "" "changes before pg_upgrade"
rows=$(contents 5432 postgres heap_)
expected=$(sql -c "SELECT count(*), sum(v) FROM heap_keyed" -c "SELECT count(*) FROM heap_keyed WHERE v > 500" -c "SELECT count(*) FROM heap_expr WHERE lower(host) = 'host_3'")
if [ -x "$pg_bin/pg_upgrade" ]; then
	server_stop main
	server_create new --data-checksums
	server_config new "$(cat "$top/t/test.conf")" "port = 5435"
	mkdir "$scratch/upgrade"
	[ "$(id -u)" != 0 ] || chown "$server_user:" "$scratch/upgrade"
	if (cd "$scratch/upgrade" && as_user "$pg_bin/pg_upgrade" -b "$pg_bin" -B "$pg_bin" -d "$scratch/main" -D "$scratch/new" -p 5432 -P 5435 -s "$scratch" -U postgres -j 2 >"$scratch/upgrade.log" 2>&1); then
		ok "pg_upgrade"
	else
		not_ok "pg_upgrade"
		tail -n 20 "$scratch/upgrade.log" | while read -r line; do note "$line"; done
		find "$scratch/new/pg_upgrade_output.d" -name '*.txt' -exec tail -n 20 {} + 2>/dev/null | while read -r line; do note "$line"; done
		no_crash main
		done_testing
		exit 1
	fi
	server_start new
	is "$(contents 5435 postgres "")" "$rows" "upgraded: rows"
	is "$(contents 5435 postgres heap_)" "$rows" "upgraded: twins"
	is "$(definitions 5435 postgres)" "$defs" "upgraded: access methods"
	is "$(server_port=5435 sql -c "SET enable_seqscan = off" -c "SELECT count(*), sum(v) FROM keyed WHERE k > 0" -c "SELECT count(*) FROM keyed WHERE v > 500" -c "SELECT count(*) FROM expr WHERE lower(host) = 'host_3'" 2>&1)" "$expected" "upgraded: rows by index"
	check "upgraded" 5435 postgres
	goes_on "upgraded" 5435 postgres
	check "upgraded, after changes" 5435 postgres
	no_crash new
else
	say "skip pg_upgrade: not among the server's programs"
fi
no_crash main
no_crash copy
done_testing
