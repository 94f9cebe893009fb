#!/usr/bin/env bash
# Shards under load, in dumps, and in logical decoding.
#
# What would break it: a row that is lost, doubled or for a moment not seen while rows leave the default partition; a row of
# tsdb.shards that a dump loses, or that names another table afterwards; a move that is decoded in the wrong order; a new partition
# that makes the server read the whole default partition.
#
# Environment: SECONDS_OF_LOAD (10).
. "$(dirname "$0")/lib.sh"
load=${SECONDS_OF_LOAD:-10}

test_server main
sql <<SQL
CREATE EXTENSION tsdb_am;
CREATE ROLE owner LOGIN;
CREATE SCHEMA "Odd schema" AUTHORIZATION owner;
SQL

#--------------------------------------------------------------------- many writers, one that moves
# Each transaction changes the table and its heap twin alike: whoever counts both in one statement must find the same.
sql <<SQL
SET ROLE owner;
SET search_path = "Odd schema";
CREATE TABLE s (id bigserial, t int NOT NULL, host text, v int, PRIMARY KEY (id, t, host)) USING tsdb WITH (segmentby = 'host');
CREATE TABLE twin (id bigint PRIMARY KEY, t int, host text, v int);
DO \$\$ BEGIN PERFORM tsdb.create_shards('s', 't', 1000, 'host', 2, ahead => 1); END \$\$;
-- those that are changed: all there before somebody may find one in one table and then in the other
INSERT INTO s (t, host, v) SELECT i * 10, 'h' || i % 5, 0 FROM generate_series(1, 3001) i;
INSERT INTO twin TABLE s;
SQL
cat > "$scratch/write.pgbench" <<'SQL'
\set t random(0, 30000)
\set d random(1, 3000)
\set k random(1, 10)
BEGIN;
INSERT INTO twin SELECT i.id, i.t, i.host, i.v FROM (SELECT nextval('s_id_seq') AS id, :t + g % 7 * 500 AS t, 'h' || g % 5 AS host, 1 AS v FROM generate_series(1, :k) g) i;
INSERT INTO s SELECT * FROM twin w WHERE NOT EXISTS (SELECT FROM s WHERE s.id = w.id) AND w.id > (SELECT max(id) - 100 FROM twin) AND w.xmin = pg_current_xact_id()::xid;
UPDATE twin SET v = v + 1 WHERE id = :d;
UPDATE s SET v = v + 1 WHERE id = :d;
COMMIT;
SQL
cat > "$scratch/change.pgbench" <<'SQL'
\set d random(1, 3000)
\set t random(0, 60000)
BEGIN;
UPDATE twin SET t = :t WHERE id = :d;
UPDATE s SET t = :t WHERE id = :d;
DELETE FROM twin WHERE id = :d + 1;
DELETE FROM s WHERE id = :d + 1;
COMMIT;
SQL
cat > "$scratch/move.pgbench" <<'SQL'
SELECT tsdb.drain_default('s', 50);
SELECT tsdb.extend_shards('s');
\sleep 50 ms
SQL
# the differences are kept: one row each; and the same with a range, of which the default partition may know nothing
sql -c 'CREATE TABLE "Odd schema".differences (whole bigint, part bigint); GRANT INSERT ON "Odd schema".differences TO owner'
cat > "$scratch/read.pgbench" <<'SQL'
\set t random(0, 30) * 1000
INSERT INTO differences SELECT a, b FROM (SELECT (SELECT count(*) + sum(t) FROM s) - (SELECT count(*) + sum(t) FROM twin) AS a,
	(SELECT count(*) FROM s WHERE t >= :t AND t < :t + 2000) - (SELECT count(*) FROM twin WHERE t >= :t AND t < :t + 2000) AS b) d WHERE a <> 0 OR b <> 0;
SQL
bench()
{
	PGOPTIONS='-c search_path="Odd\ schema",public -c lock_timeout=20s' "$pg_bin/pgbench" -n -h "$scratch" -U owner -T "$load" --max-tries=100 "$@" postgres
}
bench -c 2 -f "$scratch/write.pgbench" > "$scratch/write.log" 2>&1 &
bench -c 2 -f "$scratch/change.pgbench" > "$scratch/change.log" 2>&1 &
bench -c 1 -M prepared -f "$scratch/read.pgbench" > "$scratch/read.log" 2>&1 &
bench -c 1 -f "$scratch/move.pgbench" > "$scratch/move.log" 2>&1 &
wait
for log in write change read move; do
	like "$(cat "$scratch/$log.log")" 'number of transactions actually processed: [1-9]' "$log: transactions"
	is "$(grep -E 'ERROR|aborted' "$scratch/$log.log" || true)" "" "$log: no error"
done
is "$(sql -c 'SELECT * FROM "Odd schema".differences')" "" "no reader saw a difference"
same="SELECT count(*) FROM ((TABLE \"Odd schema\".s EXCEPT ALL TABLE \"Odd schema\".twin) UNION ALL (TABLE \"Odd schema\".twin EXCEPT ALL TABLE \"Odd schema\".s)) d"
is "$(sql -c "$same")" 0 "same rows as the heap twin"
is "$(sql -c "SELECT count(*) > 1000 FROM \"Odd schema\".s" -c "SELECT count(*) > 30 FROM tsdb.show_chunks('\"Odd schema\".s')")" $'t\nt' "rows and partitions enough"
sql -c "SELECT tsdb.drain_default('\"Odd schema\".s')" >/dev/null
is "$(sql -c 'SELECT count(*) FROM "Odd schema".s_default')" 0 "the default partition is empty at last"
is "$(sql -c "$same")" 0 "same rows as the heap twin afterwards"
is "$(sql -c "SELECT count(*) FROM pg_partition_tree('\"Odd schema\".s') t JOIN pg_class c ON c.oid = t.relid, LATERAL tsdb.verify(c.oid) WHERE t.isleaf")" 0 "verify finds nothing"
is "$(sql -c "SELECT count(*) FROM pg_partition_tree('\"Odd schema\".s') t JOIN pg_class c ON c.oid = t.relid WHERE c.relowner <> 'owner'::regrole")" 0 "all partitions are the owner's"

#--------------------------------------------------------------------- a large table
sql <<SQL
CREATE TABLE large (time timestamptz NOT NULL, host text, v float8) USING tsdb WITH (segmentby = 'host');
INSERT INTO large SELECT '2024-01-01'::timestamptz + i * interval '10 s', 'h' || i % 10, i FROM generate_series(1, 500000) i;
SQL
sum=$(sql -c "SELECT count(*), sum(v), min(time), max(time) FROM large")
messages=$(sql -c "SET client_min_messages = debug1; SELECT tsdb.create_shards('large', partition_interval => interval '5 days')" 2>&1)
is "$(grep -c 'implied by existing constraints' <<<"$messages")" "$(sql -c "SELECT count(*) FROM tsdb.show_chunks('large')")" "new partitions: the default partition is not read"
is "$(sql -c "SELECT count(*) FROM large_default")" 500000 "no row has moved yet"
partitions=$(sql -c "SELECT count(*) FROM tsdb.show_chunks('large')")
messages=$(sql -c "SET client_min_messages = debug1; SELECT tsdb.drain_default('large')" 2>&1)
like "$messages" '^ *[0-9]{6}$' "rows move"
is "$(grep -c 'default partition "large_default" is implied' <<<"$messages")" "$(sql -c "SELECT count(*) - $partitions FROM tsdb.show_chunks('large')")" "it is not read then, either"
sql -c "SELECT tsdb.drain_default('large', 10000000)" >/dev/null
is "$(sql -c "SELECT count(*), sum(v), min(time), max(time) FROM large")" "$sum" "same rows"
is "$(sql -c "SELECT sum(chunk_rows) FROM tsdb.tables WHERE relation::text LIKE 'large%'")" 500000 "rows are moved from chunks to chunks"

#--------------------------------------------------------------------- dumps
sql <<SQL
CREATE TABLE plain (time timestamp NOT NULL, host text) USING tsdb;
SELECT tsdb.create_hypertable('plain', tsdb.by_range('time', interval '1 month'));
INSERT INTO plain SELECT '2024-01-01'::timestamp + i * interval '1 day', 'x' FROM generate_series(1, 100) i;
SELECT tsdb.drain_default('plain', 1);
CREATE TABLE gone (time timestamp NOT NULL) USING tsdb;
SELECT tsdb.create_shards('gone');
DROP TABLE gone;
SQL
is "$(sql -c "SELECT count(*) FROM tsdb.shards")" 4 "a row of a dropped table is left over"
definitions()
{
	sql -d "$1" -c "SELECT s.*, (SELECT count(*) FROM pg_partition_tree(s.relation)) FROM tsdb.shards s JOIN pg_class c ON c.oid = s.relation ORDER BY c.relname" \
		-c "SELECT c.relname, pg_get_expr(c.relpartbound, c.oid), pg_get_partkeydef(c.oid), a.amname FROM pg_class c LEFT JOIN pg_am a ON a.oid = c.relam
			WHERE c.relkind IN ('r', 'p') AND c.relnamespace IN ('public'::regnamespace, '\"Odd schema\"'::regnamespace) ORDER BY 1" \
		-c "SELECT objname, label FROM pg_seclabels WHERE provider = 'tsdb' ORDER BY 1" \
		-c "SELECT count(*), sum(v) FROM large" -c "SELECT count(*), sum(id * v) FROM \"Odd schema\".s" -c "SELECT count(*) FROM plain"
}
before=$(definitions postgres)
as=("-h" "$scratch" "-U" postgres)
sql -c "CREATE DATABASE restored TEMPLATE template0" -c "CREATE DATABASE parallel TEMPLATE template0"
"$pg_bin/pg_dump" "${as[@]}" -f "$scratch/plain.sql" postgres
sql -d restored -f "$scratch/plain.sql" >/dev/null
is "$(definitions restored)" "$before" "dump and restore"
"$pg_bin/pg_dump" "${as[@]}" -Fd -j 2 -f "$scratch/parallel.dump" postgres
"$pg_bin/pg_restore" "${as[@]}" -j 2 -d parallel "$scratch/parallel.dump"
is "$(definitions parallel)" "$before" "parallel dump and restore"
is "$(sql -d restored -c "SELECT count(*) FROM tsdb.shards")" 3 "the row that was left over is not dumped"
is "$(sql -d restored -c "SELECT tsdb.drain_default('plain') > 0, tsdb.extend_shards('plain') > 0" -c "SELECT count(*) FROM plain")" $'t|t\n100' "shards go on after a restore"

#--------------------------------------------------------------------- decoding
server_stop main
server_config main "$(cat "$top/t/test.conf")" "wal_level = logical"
server_start main
sql <<SQL
CREATE TABLE decoded (t int PRIMARY KEY, v text) USING tsdb;
SELECT tsdb.create_shards('decoded', 't', 10, ahead => 0);
INSERT INTO decoded SELECT i, 'v' FROM generate_series(1, 3) i;
SELECT pg_create_logical_replication_slot('slot', 'test_decoding');
SELECT tsdb.drain_default('decoded');
SQL
changes=$(sql -c "SELECT regexp_replace(data, 'table public.decoded_([^:]*): ([A-Z]*): t.integer.:([0-9]*).*', '\1 \2 \3') FROM pg_logical_slot_get_changes('slot', NULL, NULL) WHERE data ~ 'table public.decoded'")
is "$changes" $'default DELETE 1\n0 INSERT 1\ndefault DELETE 2\n0 INSERT 2\ndefault DELETE 3\n0 INSERT 3' "moved rows are decoded, each gone before it comes"
sql -c "SELECT pg_drop_replication_slot('slot')" >/dev/null

no_crash main
done_testing
