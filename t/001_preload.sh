#!/usr/bin/env bash
# A server that does not preload the library: what needs it says so, nothing else suffers, and the
# table is whole again when the library is back.
. "$(dirname "$0")/lib.sh"

test_server main
sql -c "CREATE EXTENSION tsdb_am" \
	-c "CREATE TABLE t (time timestamptz NOT NULL, host text, value float8) USING tsdb" \
	-c "CREATE TABLE h (a int)" \
	-c "INSERT INTO t SELECT '2024-01-01'::timestamptz + i * interval '1 s', 'host_' || i % 7, i FROM generate_series(1, 5000) i" \
	-c "INSERT INTO t VALUES ('2024-02-01', 'host_1', 1)" \
	-c "INSERT INTO h VALUES (1)"
before=$(sql -c "SELECT count(*), sum(value), max(time) FROM t")
server_stop main

server_config main "shared_preload_libraries = ''"
server_start main
message=$(sql_error -c "SELECT count(*) FROM t")
like "$message" '55000' "reading a table without the library: SQLSTATE 55000"
like "$message" 'HINT: .*shared_preload_libraries' "reading a table without the library: a hint names the setting"
message=$(sql_error -c "INSERT INTO t VALUES (now(), 'a', 1)")
like "$message" '55000' "writing a table without the library: SQLSTATE 55000"
message=$(sql_error -c "LOAD 'tsdb_am'")
like "$message" '55000' "LOAD is refused"
is "$(sql -c "SELECT * FROM h")" 1 "other tables don't suffer"
sql -c "CREATE DATABASE other"
message=$(sql_error -d other -c "CREATE EXTENSION tsdb_am")
like "$message" '55000.*' "CREATE EXTENSION without the library: SQLSTATE 55000"
like "$message" 'HINT: .*shared_preload_libraries' "CREATE EXTENSION without the library: a hint names the setting"
sql -c "VACUUM" >/dev/null 2>&1 || true
is "$(sql -c "SELECT * FROM h")" 1 "server lives"
server_stop main

server_config main "shared_preload_libraries = 'tsdb_am'"
server_start main
is "$(sql -c "SELECT count(*), sum(value), max(time) FROM t")" "$before" "all rows are there again"
is "$(sql -c "SELECT count(*) FROM tsdb.verify('t')")" 0 "verify finds nothing"
no_crash main
server_stop main

# a stand-alone backend of a new cluster goes on with initdb's OIDs: chunks must not have such
server_create single
server_config single "$(cat "$top/t/test.conf")"
printf '%s;\n\n' "CREATE EXTENSION tsdb_am" \
	"CREATE TABLE t (time timestamptz NOT NULL, host text, value float8) USING tsdb" \
	"INSERT INTO t SELECT '2024-01-01'::timestamptz + i * interval '1 s', 'host_' || i % 7, i FROM generate_series(1, 5000) i" |
	(cd "$scratch" && as_user "$pg_bin/postgres" --single -j -D "$scratch/single" postgres) > "$scratch/single.out" 2>&1 || cat "$scratch/single.out"
server_start single
is "$(sql -c "SELECT count(*), sum(value) FROM t")" "5000|12502500" "what a stand-alone backend has loaded is there"
is "$(sql -c "SELECT count(*) FROM tsdb.verify('t')")" 0 "verify finds nothing there"
no_crash single
done_testing
