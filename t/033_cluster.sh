#!/usr/bin/env bash
# A coordinator and two servers that hold partitions of its tables: answers must be those of a heap twin, our functions must run where
# the rows are, and a move must neither lose nor double a row: under load, when it fails, when a server dies in the middle of it, with readers
# whose remote snapshot is older.
. "$(dirname "$0")/lib.sh"

server_create coordinator
server_create a
server_create b
port=5432
for name in coordinator a b; do
	server_config $name "$(cat "$top/t/test.conf")" "port = $port" "autovacuum = off"
	port=$((port + 1))
	server_start $name
done
on_a() { server_port=5433 sql "$@"; }
on_b() { server_port=5434 sql "$@"; }
for command in on_a on_b; do $command -c "CREATE EXTENSION tsdb_am"; done
remote_tables() { $1 -c "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND obj_description(oid, 'pg_class') LIKE 'tsdb shard of %'"; }

#------------------------------------------------------------------------- making shards
sql -c "CREATE EXTENSION tsdb_am" -c "CREATE TABLE m (time timestamptz NOT NULL, host text) PARTITION BY RANGE (time)"
like "$(sql_error -c "SELECT tsdb.create_remote_shard('m', 'm1', 'DEFAULT', 'a')")" '55000: extension "postgres_fdw" is not installed' "without postgres_fdw"
sql -c "CREATE EXTENSION postgres_fdw"
like "$(sql_error -c "SELECT tsdb.create_remote_shard('m', 'm1', 'DEFAULT', 'a')")" '55000: extension "dblink" is not installed' "without dblink"
sql -c "CREATE EXTENSION dblink"
like "$(sql_error -c "SELECT tsdb.create_remote_shard('m', 'm1', 'DEFAULT', 'a')")" '42704: server "a" does not exist' "without the server"
sql >/dev/null <<SQL
CREATE SERVER a FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$scratch', port '5433', dbname 'postgres', extensions 'tsdb_am', fetch_size '5000', use_remote_estimate 'true');
CREATE SERVER b FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$scratch', port '5434', dbname 'postgres', extensions 'tsdb_am', fetch_size '5000', use_remote_estimate 'true');
CREATE USER MAPPING FOR postgres SERVER a OPTIONS (user 'postgres');
CREATE USER MAPPING FOR postgres SERVER b OPTIONS (user 'postgres');
DROP TABLE m;
CREATE SCHEMA "Odd Schema";
CREATE TABLE "Odd Schema"."Big Table" (time timestamptz NOT NULL, host text COLLATE "C", v float8 CHECK (v >= 0), n numeric(10,2) DEFAULT 1.5, gone int, "Odd 'Name" int[],
	twice float8 GENERATED ALWAYS AS (v * 2) STORED, CONSTRAINT known CHECK (host <> 'bad')) PARTITION BY RANGE (time);
ALTER TABLE "Odd Schema"."Big Table" DROP COLUMN gone;
CREATE INDEX ON "Odd Schema"."Big Table" (host, time DESC) WHERE v > 0.5;
CREATE VIEW m AS SELECT * FROM "Odd Schema"."Big Table";
SELECT tsdb.create_remote_shard('"Odd Schema"."Big Table"', 'Part ' || d, format('FOR VALUES FROM (%L) TO (%L)', '2024-01-01'::timestamptz + d * interval '1 day', '2024-01-02'::timestamptz + d * interval '1 day'),
	CASE WHEN d % 2 = 0 THEN 'a' ELSE 'b' END) FROM generate_series(0, 3) d;
CREATE TABLE "Odd Schema"."Part 4" PARTITION OF "Odd Schema"."Big Table" FOR VALUES FROM ('2024-01-05') TO ('2024-01-06') USING tsdb WITH (segmentby = 'host', orderby = 'time');
ALTER TABLE "Odd Schema"."Part 4" ADD CONSTRAINT own CHECK (v < 1e300), ALTER COLUMN v SET NOT NULL;
CREATE TABLE h (time timestamptz NOT NULL, host text, v float8) PARTITION BY HASH (host);
SELECT tsdb.create_remote_shard('h', 'h_' || i, format('FOR VALUES WITH (MODULUS 2, REMAINDER %s)', i), CASE i WHEN 0 THEN 'a' ELSE 'b' END) FROM generate_series(0, 1) i;
CREATE TABLE twin (LIKE "Odd Schema"."Big Table" INCLUDING ALL);
SQL
is "$(remote_tables on_a) $(remote_tables on_b)" "3 3" "tables on the other servers"
is "$(on_a -c "SELECT count(*), bool_and(am.amname = 'tsdb'), count(i.indexrelid) FROM pg_class c JOIN pg_am am ON am.oid = c.relam LEFT JOIN pg_index i ON i.indrelid = c.oid WHERE c.relname LIKE 'Part%' AND c.relkind = 'r'")" \
	"2|t|2" "their access method and index"
like "$(sql_error -c "INSERT INTO m (time, host, v) VALUES ('2024-01-01', 'a', -1)")" '23514: .*v_check' "checks hold on the other server"
like "$(sql_error -c "SELECT tsdb.create_remote_shard('\"Odd Schema\".\"Big Table\"', 'Part 1', 'DEFAULT', 'a')")" '42P07: relation "Part 1" already exists' "a name that is taken"
is "$(remote_tables on_a)" "3" "nothing is left of it"
sql -c "CREATE TABLE keyed (time timestamptz PRIMARY KEY) PARTITION BY RANGE (time)"
like "$(sql_error -c "SELECT tsdb.create_remote_shard('keyed', 'keyed_1', 'DEFAULT', 'a')")" 'cannot create foreign partition of partitioned table' "a key is refused, by core"
is "$(remote_tables on_a)" "3" "nothing is left of that"

# by create_shards: hash within ranges of time
sql -c "CREATE TABLE auto (id int NOT NULL, host text NOT NULL, v float8) USING tsdb WITH (segmentby = 'host', orderby = 'id')" \
	-c "SELECT tsdb.create_shards('auto', 'id', 1000, 'host', 2, servers => '{a,b}')" -c "INSERT INTO auto SELECT i, 'h' || i % 9, i FROM generate_series(1, 2500) i" \
	-c "SELECT tsdb.extend_shards('auto')" >/dev/null
is "$(sql -c "SELECT count(*), sum(v), (SELECT string_agg(DISTINCT server, ' ') FROM tsdb.shard_sizes('auto')) FROM auto")" "2500|3126250|a b" "create_shards with servers"
is "$(on_a -c "SELECT DISTINCT segmentby, orderby FROM tsdb.tables WHERE relation::text LIKE 'auto%'")" "host|id" "with the options of the table"
sql -c "INSERT INTO auto SELECT i, 'h' || i % 9, i FROM generate_series(2501, 9000) i" -c "SELECT tsdb.extend_shards('auto')" >/dev/null
is "$(sql -c "SELECT count(*), sum(v) FROM auto")" "9000|40504500" "rows of the default partition move to new partitions there"
# a snapshot that is older than a move to this server
{
	echo "BEGIN ISOLATION LEVEL REPEATABLE READ;"
	echo "SELECT 1;"
	echo "\\! touch $scratch/has_old_snapshot; while [ ! -e $scratch/moved ]; do sleep 0.1; done"
	echo "\\set VERBOSITY verbose"
	echo "SELECT count(*) FROM auto;"
} | sql > "$scratch/old.out" 2>&1 &
reader=$!
while [ ! -e "$scratch/has_old_snapshot" ]; do sleep 0.1; done
partition=$(sql -c "SELECT partition FROM tsdb.shard_sizes('auto') WHERE server = 'a' ORDER BY bytes DESC LIMIT 1")
is "$(sql -c "SELECT tsdb.move_shard('$partition', NULL) > 0")" "t" "a partition of it moves here"
touch "$scratch/moved"
wait $reader || true
like "$(cat "$scratch/old.out")" '40001|^9000$' "a snapshot that is older gets a serialization failure, no wrong answer"
is "$(sql -c "SELECT count(*), sum(v) FROM auto")" "9000|40504500" "all rows are there"
sql -c "DROP TABLE auto" -c "SELECT tsdb.drop_leftover_shards()" >/dev/null

#------------------------------------------------------------------------- answers and plans
sql <<'SQL'
INSERT INTO m (time, host, v, n, "Odd 'Name") SELECT '2024-01-01'::timestamptz + i * interval '14 s', 'h' || i % 7, abs(sin(i)), CASE WHEN i % 5 > 0 THEN i / 8.0 END, CASE WHEN i % 3 > 0 THEN ARRAY[i, NULL] END
	FROM generate_series(0, 29999) i;
INSERT INTO m (time, host, v) VALUES ('2024-01-01', NULL, 'infinity'), ('2024-01-02', '', 'nan'), ('2024-01-03', E'\\\'"', 0), ('2024-01-04', 'h1', 1e-310);
UPDATE m SET v = v / 3 WHERE host = 'h2' AND time < '2024-01-04 12:00';
DELETE FROM m WHERE host = 'h3' AND time > '2024-01-02 10:00';
INSERT INTO twin (time, host, v, n, "Odd 'Name") SELECT '2024-01-01'::timestamptz + i * interval '14 s', 'h' || i % 7, abs(sin(i)), CASE WHEN i % 5 > 0 THEN i / 8.0 END, CASE WHEN i % 3 > 0 THEN ARRAY[i, NULL] END
	FROM generate_series(0, 29999) i;
INSERT INTO twin (time, host, v) VALUES ('2024-01-01', NULL, 'infinity'), ('2024-01-02', '', 'nan'), ('2024-01-03', E'\\\'"', 0), ('2024-01-04', 'h1', 1e-310);
UPDATE twin SET v = v / 3 WHERE host = 'h2' AND time < '2024-01-04 12:00';
DELETE FROM twin WHERE host = 'h3' AND time > '2024-01-02 10:00';
INSERT INTO h SELECT time, host, v FROM twin;
ANALYZE;
SQL
cat > "$scratch/queries" <<'SQL'
SELECT * FROM @ ORDER BY time, host, v
SELECT count(*), count(v), count(n), min(time), max(time), min(v), max(n) FROM @
SELECT host, count(*), min(v), max(v), sum(n) FROM @ GROUP BY host ORDER BY host
SELECT time_bucket('1 hour', time) AS b, host, count(*), max(v) FROM @ WHERE time_bucket('1 hour', time) >= '2024-01-02 12:00' GROUP BY b, host ORDER BY b, host
SELECT host, first(v, time), last(v, time), first(n, time) FROM @ WHERE host LIKE 'h%' GROUP BY host ORDER BY host
SELECT first(host, time), last(v, time) FROM @ WHERE host = 'h4' AND time < '2024-01-04'
SELECT date_trunc('hour', time) AS b, sum(n) FROM @ GROUP BY b ORDER BY b
SELECT * FROM @ WHERE host = 'h5' ORDER BY time DESC LIMIT 20
SELECT DISTINCT ON (host) host, time, v FROM @ ORDER BY host, time DESC
SELECT x.host, count(*) FROM @ x JOIN @ y ON x.time = y.time AND x.host = y.host WHERE x.v > 0.9 GROUP BY x.host ORDER BY 1
SELECT host, time, "Odd 'Name", twice FROM @ WHERE "Odd 'Name"[1] % 1000 = 7 ORDER BY time
SELECT time, rank() OVER (PARTITION BY host ORDER BY v, time) FROM @ WHERE time BETWEEN '2024-01-02 23:00' AND '2024-01-03 01:00' ORDER BY 1, 2
SELECT time_bucket('1 day', time, 'Europe/Berlin') AS b, percentile_disc(0.5) WITHIN GROUP (ORDER BY v) FROM @ GROUP BY b ORDER BY b
SQL
same_answers()
{
	local query options wrong=
	while read -r query; do
		for options in "-c enable_partitionwise_aggregate=on -c enable_partitionwise_join=on" "-c enable_async_append=off"; do
			cmp -s <(PGOPTIONS=$options sql -c "${query//@/m}") <(sql -c "${query//@/twin}") || { wrong=1; note "differs: $query ($options)"; }
		done
	done < "$scratch/queries"
	is "$wrong" "" "$1"
}
same_answers "answers are those of the heap twin"

# a plan in one line
plan() { PGOPTIONS="-c enable_partitionwise_aggregate=on" sql -c "EXPLAIN (VERBOSE, COSTS OFF) $1" | tr -s '\n ' ' '; }
like "$(sql -c "EXPLAIN (COSTS OFF) SELECT count(*) FROM m")" 'Async Foreign Scan' "remote partitions are read at one time"
like "$(plan "SELECT * FROM m WHERE time_bucket('1 hour', time) = '2024-01-02 12:00'")" 'Remote SQL: SELECT .* WHERE .*time_bucket\(' "time_bucket in a condition is shipped"
is "$(plan "SELECT * FROM m WHERE time_bucket('1 day', time, 'Europe/Berlin') = '2024-01-02'" | grep -cE 'Remote SQL: [^>]*time_bucket')" "0" "with a time zone it is not: postgres_fdw ships no collation but that of a remote column"
like "$(plan "SELECT host, time_bucket('1 hour', time), first(v, time), last(v, time), count(*) FROM h GROUP BY 1, 2")" \
	'Async Foreign Scan.*Remote SQL: SELECT .*time_bucket\(.*first\(.*last\(.*count.* GROUP BY' "groups that lie in one partition each are made where the rows are, with first, last and time_bucket"
like "$(plan "SELECT host, max(v) FILTER (WHERE v > 0.5) FROM h WHERE time_bucket('1 day', time) > '2024-01-02' GROUP BY host HAVING first(v, time) > 0.1")" \
	'Remote SQL: SELECT host, max\(v\) FILTER .*time_bucket\(.* GROUP BY .*HAVING .*first\(' "with FILTER and HAVING"
like "$(plan "SELECT host, last(v, time) FROM \"Odd Schema\".\"Part 1\" GROUP BY host")" 'Remote SQL: SELECT host, .*last\(.* GROUP BY' "any aggregate of one foreign table is shipped"
is "$(plan "SELECT * FROM m WHERE date_trunc('hour', time) = '2024-01-02 12:00'" | grep -cE 'Remote SQL: [^>]*date_trunc')" "0" "date_trunc of timestamptz depends on the session's time zone: it is not"
is "$(plan "SELECT host, last(v, time) FROM m GROUP BY host" | grep -cE 'Remote SQL: [^>]*last\(')" "0" "what PostgreSQL has no partial form for is added up on the coordinator"

#------------------------------------------------------------------------- moves
is "$(sql -c "SELECT tsdb.move_shard('\"Odd Schema\".\"Part 0\"', 'a')")" "0" "a move to where it is: nothing"
rows=$(sql -c "SELECT count(*) FROM \"Odd Schema\".\"Part 0\"")
sql -c "COMMENT ON FOREIGN TABLE \"Odd Schema\".\"Part 0\" IS 'it''s'" -c "CREATE ROLE reader" -c "GRANT SELECT ON \"Odd Schema\".\"Part 0\" TO reader"
is "$(sql -c "SELECT tsdb.move_shard('\"Odd Schema\".\"Part 0\"', 'b')")" "$rows" "server to server"
same_answers "answers after it"
is "$(remote_tables on_a) $(remote_tables on_b)" "3 4" "the old table is left"
is "$(sql -c "SELECT tsdb.drop_leftover_shards()")|$(remote_tables on_a) $(remote_tables on_b)" "1|2 4" "and dropped by the next call"
is "$(sql -c "SELECT tsdb.move_shard('\"Odd Schema\".\"Part 0\"', NULL)")" "$rows" "to the coordinator"
is "$(sql -c "SELECT amname, obj_description(c.oid, 'pg_class'), has_table_privilege('reader', c.oid, 'SELECT'), (SELECT count(*) FROM pg_index WHERE indrelid = c.oid) FROM pg_class c JOIN pg_am a ON a.oid = relam WHERE relname = 'Part 0'")" \
	"tsdb|it's|t|1" "access method, comment, privileges and index came along"
same_answers "answers after it"
rows=$(sql -c "SELECT count(*) FROM \"Odd Schema\".\"Part 4\"")
is "$(sql -c "SELECT tsdb.move_shard('\"Odd Schema\".\"Part 4\"', 'a')")" "$rows" "from the coordinator"
is "$(on_a -c "SELECT segmentby, orderby FROM tsdb.tables WHERE relation::text LIKE '%Part 4%'")" "host|time" "options came along"
same_answers "answers after it"
is "$(sql -c "SELECT tsdb.move_shard('\"Odd Schema\".\"Part 4\"', 'b')")" "$rows" "and on"
is "$(on_b -c "SELECT segmentby, orderby FROM tsdb.tables WHERE relation::text LIKE '%Part 4%'")" "host|time" "options from server to server"
is "$(sql_error -c "INSERT INTO m (time, host, v) VALUES ('2024-01-05', 'h1', 1e301)" | grep -o 'constraint "own"')|$(sql_error -c "INSERT INTO m (time, host) VALUES ('2024-01-05', 'h1')" | grep -o 'column "v"')" \
	'constraint "own"|column "v"' "and what the partition itself asks for"
is "$(on_b -c "SELECT count(*) FROM tsdb.tables, tsdb.verify(relation)")" "0" "verify finds no damage there"

like "$(sql_error -c "BEGIN ISOLATION LEVEL REPEATABLE READ" -c "SELECT tsdb.move_shard('\"Odd Schema\".\"Part 4\"', 'a')")" '25001: cannot move a shard at isolation level repeatable read' "an old snapshot is refused"
like "$(sql_error -c "BEGIN" -c "SELECT count(*) FROM \"Odd Schema\".\"Part 1\"" -c "SELECT tsdb.move_shard('\"Odd Schema\".\"Part 4\"', 'a')")" '25001: cannot move a shard in a transaction that has used server "b"' "an old remote snapshot is refused"
sql -c "CREATE TABLE keyed_1 PARTITION OF keyed DEFAULT"
like "$(sql_error -c "SELECT tsdb.move_shard('keyed_1', 'a')")" '0A000: cannot move .* unique index' "a key keeps partitions here"
like "$(sql_error -c "SELECT tsdb.move_shard('twin', 'a')")" '42809: .*twin is not a partition' "no partition"
like "$(sql_error -c "SET ROLE reader" -c "SELECT tsdb.move_shard('\"Odd Schema\".\"Part 4\"', 'a')")" '42501|permission denied' "not the owner"
sql -c "ALTER SERVER a OPTIONS (ADD options '-c synchronous_commit=off')"
like "$(sql_error -c "SELECT tsdb.move_shard('\"Odd Schema\".\"Part 4\"', 'a')")" '55000: .*synchronous_commit is off' "commits that are not flushed are refused"
sql -c "ALTER SERVER a OPTIONS (DROP options)"
sql -c "BEGIN" -c "SELECT tsdb.move_shard('\"Odd Schema\".\"Part 4\"', 'a')" -c "SELECT tsdb.drop_leftover_shards()" -c "ROLLBACK" >/dev/null
same_answers "a move that is rolled back"
sql -c "SELECT tsdb.drop_leftover_shards()" >/dev/null
is "$(remote_tables on_a) $(remote_tables on_b)" "2 4" "its table is dropped later"

# A transaction that has a snapshot on server a, by another table, when a partition comes there: the move waits for it.
sql -c "CREATE FOREIGN TABLE elsewhere (count bigint) SERVER a OPTIONS (schema_name 'pg_catalog', table_name 'pg_class')" -c "ALTER FOREIGN TABLE elsewhere RENAME count TO relpages"
{
	echo "BEGIN;"
	echo "SELECT count(*) > 0 FROM elsewhere;"
	echo "\\! touch $scratch/has_snapshot; sleep 3"
	echo "SELECT count(*) FROM m;"
	echo "COMMIT;"
} | sql > "$scratch/reader.out" 2>&1 &
reader=$!
while [ ! -e "$scratch/has_snapshot" ]; do sleep 0.1; done
sql -c "SELECT tsdb.move_shard('\"Odd Schema\".\"Part 4\"', 'a')" > "$scratch/mover.out" 2>&1 || note "$(head -n 1 "$scratch/mover.out")"
wait $reader || true
is "$(tail -n 1 "$scratch/reader.out")" "$(sql -c "SELECT count(*) FROM twin")" "a reader whose remote snapshot is older sees all rows"
sql -c "SELECT tsdb.move_shard('\"Odd Schema\".\"Part 4\"', 'b')" >/dev/null
same_answers "answers after it"

#------------------------------------------------------------------------- under load
sql >/dev/null <<'SQL'
CREATE TABLE load (id bigint NOT NULL, time timestamptz NOT NULL, v bigint) PARTITION BY HASH (id);
CREATE TABLE load_0 PARTITION OF load FOR VALUES WITH (MODULUS 2, REMAINDER 0) USING tsdb WITH (orderby = 'time');
SELECT tsdb.create_remote_shard('load', 'load_1', 'FOR VALUES WITH (MODULUS 2, REMAINDER 1)', 'a');
INSERT INTO load SELECT i, now(), 0 FROM generate_series(1, 1000) i;
CREATE TABLE done (client int, id bigint, counted int);
CREATE SEQUENCE ids START 1001;
SQL
# each transaction tells a local table what it did, in the same transaction
cat > "$scratch/insert.pgbench" <<'SQL'
SELECT nextval('ids') AS id \gset
BEGIN;
INSERT INTO load VALUES (:id, now(), 0);
INSERT INTO done VALUES (:client_id, :id, 0);
COMMIT;
SQL
cat > "$scratch/update.pgbench" <<'SQL'
\set id random(1, 1000)
BEGIN;
UPDATE load SET v = v + 1 WHERE id = :id;
INSERT INTO done VALUES (:client_id, :id, 1);
COMMIT;
SQL
cat > "$scratch/read.pgbench" <<'SQL'
SELECT count(*) = 1000 AS complete FROM load WHERE id <= 1000 \gset
\if :complete
\else
SELECT 1 / 0;
\endif
SQL
chmod 644 "$scratch"/*.pgbench
start_load()
{
	"$pg_bin/pgbench" -n -h "$scratch" -p 5432 -U postgres -c 4 -j 2 -T "$1" --max-tries=100 -f "$scratch/insert.pgbench@3" -f "$scratch/update.pgbench@3" \
		-f "$scratch/read.pgbench@1" postgres > "$scratch/load.out" 2>&1 &
	load=$!
}
check_load()
{
	is "$(sql -c "SELECT count(*) FROM load WHERE id > 1000")" "$(sql -c "SELECT count(*) FROM done WHERE counted = 0")" "$1: rows inserted are there"
	is "$(sql -c "SELECT count(*) - count(DISTINCT id) FROM load")" "0" "$1: none twice"
	is "$(sql -c "SELECT count(*) FROM (SELECT id FROM done WHERE counted = 0 EXCEPT SELECT id FROM load) x")" "0" "$1: none missing"
	is "$(sql -c "SELECT count(*) FROM load l LEFT JOIN (SELECT id, sum(counted) AS n FROM done GROUP BY id) d USING (id) WHERE l.v <> coalesce(d.n, 0)")" "0" "$1: no update lost or done twice"
}
start_load 10
moves=0
for target in "'b'" "'a'" "NULL" "'b'" "NULL" "'a'"; do
	for partition in load_0 load_1; do
		sql -c "SELECT tsdb.move_shard('$partition', $target)" >"$scratch/mover.out" 2>&1 && moves=$((moves + 1)) || note "$(head -n 1 "$scratch/mover.out")"
	done
done
wait $load && status=0 || status=$?
is "$status" "0" "load goes on while shards move"
[ $status = 0 ] || note "$(grep -v '^pgbench (' "$scratch/load.out" | head -n 5)"
note "$moves moves; $(grep 'number of transactions actually' "$scratch/load.out")"
check_load "12 moves under load"
[ "$moves" -ge 6 ] && ok "moves get through" || not_ok "moves get through: $moves of 12"

#------------------------------------------------------------------------- crashes
# the target dies while rows are copied
sql -c "SELECT tsdb.move_shard('load_0', NULL)" -c "SELECT tsdb.move_shard('load_1', 'a')" >/dev/null
sql -c "INSERT INTO load SELECT i, now(), 0 FROM generate_series(1000001, 1200000) i" -c "INSERT INTO done SELECT 0, i, 0 FROM generate_series(1000001, 1200000) i"
sql -c "SELECT tsdb.move_shard('load_0', 'b')" > "$scratch/mover.out" 2>&1 &
mover=$!
for _ in $(seq 200); do
	[ "$(on_b -c "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%load_0%' AND application_name = 'postgres_fdw'")" = 0 ] || break
	sleep 0.02
done
server_kill b
wait $mover && status=moved || status=failed
is "$status" "failed" "a move whose target dies fails"
# rows of other tables are on b
check_load "target killed"
server_start b
check_load "target up again"
is "$(sql -c "SELECT tsdb.move_shard('load_0', 'b') > 100000")" "t" "the move is repeated"
check_load "after it"

# The server commits, the coordinator does not: it dies before its own commit, as between the two commits of postgres_fdw.
before=$(remote_tables on_a)
sql -c "BEGIN" -c "SELECT tsdb.move_shard('load_0', 'a')" -c "SELECT pg_sleep(600)" > "$scratch/mover.out" 2>&1 &
mover=$!
for _ in $(seq 600); do
	[ "$(sql -c "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(600)'")" = 0 ] || break
	sleep 0.05
done
# what postgres_fdw's commit leaves on a, if the coordinator is gone before it hears of it
server_kill coordinator
wait $mover || true
server_start coordinator
left=$(on_a -c "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE 'load_0%'")
on_a -c "INSERT INTO \"$left\" SELECT 1, now(), 1"
check_load "coordinator killed"
is "$(remote_tables on_a)" "$((before + 1))" "it leaves a table"
is "$(sql -c "SELECT tsdb.move_shard('load_0', 'a') > 100000")" "t" "the move is repeated"
check_load "after it"
is "$(on_a -c "SELECT count(*) FROM pg_class WHERE relname = '$left'")" "0" "the table of the first one is gone"
same_answers "answers at the end"

#------------------------------------------------------------------------- rebalancing
sql -c "SELECT tsdb.move_shard('\"Odd Schema\".\"Part 1\"', 'b')" -c "SELECT tsdb.move_shard('\"Odd Schema\".\"Part 0\"', 'b')" >/dev/null
sql -c "SELECT tsdb.move_shard('\"Odd Schema\".\"Part 2\"', 'b')" >/dev/null
is "$(sql -c "SELECT count(*) FROM tsdb.shard_sizes('\"Odd Schema\".\"Big Table\"') WHERE server = 'b'")" "5" "all on one server"
sql -c "SET client_min_messages = warning" -c "CALL tsdb.rebalance_shards('\"Odd Schema\".\"Big Table\"', ARRAY['a'])"
like "$(sql -c "SELECT string_agg(n::text, ' ') FROM (SELECT count(*) AS n FROM tsdb.shard_sizes('\"Odd Schema\".\"Big Table\"') GROUP BY server ORDER BY server) x")" '^(2 3|3 2)$' "rebalanced over two"
same_answers "answers after it"
sql -c "SET client_min_messages = warning" -c "CALL tsdb.rebalance_shards('\"Odd Schema\".\"Big Table\"', ARRAY[NULL::name])"
is "$(sql -c "SELECT count(DISTINCT coalesce(server, '')) FROM tsdb.shard_sizes('\"Odd Schema\".\"Big Table\"')")" "3" "and over this one too"
same_answers "answers after it"

for name in coordinator a b; do no_crash $name; done
done_testing
