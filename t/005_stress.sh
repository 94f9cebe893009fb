#!/usr/bin/env bash
# Many processes on one table while its rows move between the stores: transfers between rows, deletes that put the row
# back, locks, duplicate keys, movers (some roll back), vacuum, concurrent index builds.  At every moment the table has
# 2,000 rows that sum up to 200,000, by sequential, index, index-only and partial-index scan.
#
# Environment: STRESS_SECONDS (20).
. "$(dirname "$0")/lib.sh"
seconds=${STRESS_SECONDS:-20}

test_server stress
sql <<'SQL'
CREATE EXTENSION tsdb_am;
CREATE EXTENSION amcheck;
CREATE TABLE st (k int PRIMARY KEY, v bigint, pad text) USING tsdb;
CREATE INDEX st_v ON st (v);
CREATE INDEX st_part ON st ((k % 10)) WHERE k % 2 = 0;
INSERT INTO st SELECT i, 100, CASE WHEN i % 50 = 0 THEN (SELECT string_agg(md5(i::text || g::text), '') FROM generate_series(1, 100) g) ELSE 'p' || i END
	FROM generate_series(1, 2000) i;
CREATE TABLE log (what text);

-- what a row in a chunk may answer, and what heap itself may answer under such load
CREATE FUNCTION transfer(a int, b int, amount int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE n int; m int;
BEGIN
	UPDATE st SET v = v - amount WHERE k = a; GET DIAGNOSTICS n = ROW_COUNT;
	UPDATE st SET v = v + amount WHERE k = b; GET DIAGNOSTICS m = ROW_COUNT;
	IF n <> 1 OR m <> 1 THEN RAISE EXCEPTION 'CHECK FAILED: an update missed its row: % %', n, m; END IF;
	INSERT INTO log VALUES ('transfer');
EXCEPTION WHEN deadlock_detected OR serialization_failure THEN
	INSERT INTO log VALUES ('transfer ' || SQLSTATE);
END $$;
CREATE FUNCTION lock_rows(a int) RETURNS void LANGUAGE plpgsql AS $$
DECLARE n int;
BEGIN
	SELECT count(*) INTO n FROM (SELECT 1 FROM st WHERE k BETWEEN a AND a + 4 ORDER BY k FOR KEY SHARE) x;
	IF n <> 5 THEN RAISE EXCEPTION 'CHECK FAILED: % of 5 rows locked', n; END IF;
	INSERT INTO log VALUES ('lock');
EXCEPTION WHEN deadlock_detected OR serialization_failure THEN
	INSERT INTO log VALUES ('lock ' || SQLSTATE);
END $$;
CREATE FUNCTION duplicate(a int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO st VALUES (a, 0, 'duplicate');
	RAISE EXCEPTION 'CHECK FAILED: a second row with key %', a;
EXCEPTION WHEN unique_violation THEN
	INSERT INTO log VALUES ('duplicate refused');
END $$;
CREATE FUNCTION look() RETURNS void LANGUAGE plpgsql AS $$
DECLARE c bigint; s bigint;
BEGIN
	SET LOCAL enable_indexscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_indexonlyscan = off; SET LOCAL enable_seqscan = on;
	SELECT count(*), sum(v) INTO c, s FROM st WHERE length(pad) > 0;
	IF c <> 2000 OR s <> 200000 THEN RAISE EXCEPTION 'CHECK FAILED: sequential scan: % rows, sum %', c, s; END IF;
	SET LOCAL enable_seqscan = off; SET LOCAL enable_indexonlyscan = on; SET LOCAL enable_indexscan = on;
	SELECT count(*) INTO c FROM st WHERE k > 0;
	IF c <> 2000 THEN RAISE EXCEPTION 'CHECK FAILED: index-only scan: % rows', c; END IF;
	SELECT count(*), sum(v) INTO c, s FROM (SELECT v, pad FROM st WHERE k > 0 ORDER BY k) x;
	IF c <> 2000 OR s <> 200000 THEN RAISE EXCEPTION 'CHECK FAILED: index scan: % rows, sum %', c, s; END IF;
	SELECT count(*) INTO c FROM st WHERE k % 10 IN (0, 2, 4, 6, 8) AND k % 2 = 0;
	IF c <> 1000 THEN RAISE EXCEPTION 'CHECK FAILED: partial index: % rows', c; END IF;
END $$;
SQL

mkdir "$scratch/stress_scripts"
cd "$scratch/stress_scripts"
cat > transfer <<'SQL'
\set a random(1, 1000)
\set b random(1001, 2000)
SELECT transfer(:a, :b, 3);
SQL
cat > lock <<'SQL'
\set a random(1, 1995)
SELECT lock_rows(:a);
SQL
cat > duplicate <<'SQL'
\set a random(1, 2000)
SELECT duplicate(:a);
SQL
echo 'SELECT look();' > look
cat > look_twice <<'SQL'
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT look();
SELECT pg_sleep(0.2);
SELECT look();
COMMIT;
SQL
cat > move <<'SQL'
\set r random(1, 10)
\if :r <= 4
SELECT tsdb.compress('st');
\elif :r <= 8
SELECT tsdb.decompress('st');
\elif :r = 9
SELECT tsdb.recompress('st');
\else
BEGIN;
SELECT tsdb.compress('st');
ROLLBACK;
\endif
SELECT pg_sleep(0.05);
SQL
cat > vacuum <<'SQL'
VACUUM st;
SELECT pg_sleep(0.1);
SQL
cat > index <<'SQL'
REINDEX INDEX CONCURRENTLY st_v;
DROP INDEX CONCURRENTLY IF EXISTS st_x;
CREATE INDEX CONCURRENTLY st_x ON st (v, k);
SQL
[ "$(id -u)" != 0 ] || chown -R "$server_user:" .

for client in "transfer 3" "lock 1" "duplicate 1" "look 1" "look_twice 1" "move 1" "vacuum 1" "index 1"; do
	set -- $client
	as_user timeout $((seconds + 120)) "$pg_bin/pgbench" -h "$scratch" -p "$server_port" -U postgres -n -f "$1" -c "$2" -j 1 -T "$seconds" postgres > "$scratch/stress_$1.log" 2>&1 &
done
wait
for client in transfer lock duplicate look look_twice move vacuum index; do
	# a deadlock between a concurrent index build and a mover is heap's too
	is "$(grep -h 'ERROR' "$scratch/stress_$client.log" | grep -vE 'deadlock detected|could not serialize' | head -n 3)" "" "$client: no error"
	note "$client: $(grep 'actually processed' "$scratch/stress_$client.log")"
done
sql -c "SELECT what, count(*) FROM log GROUP BY 1 ORDER BY 1" | sed 's/^/# /'
is "$(sql -c "SELECT count(*) > 0 FROM log WHERE what = 'transfer'")" t "some transfers went through"
is "$(sql -c "SELECT look()")" "" "the rows at the end"
is "$(sql -c "SELECT * FROM tsdb.verify('st')")" "" "verify finds nothing"
is "$(sql -c "SELECT bt_index_check(indexrelid) FROM pg_index WHERE indrelid = 'st'::regclass AND indisvalid")" "$(sql -c "SELECT '' FROM pg_index WHERE indrelid = 'st'::regclass AND indisvalid")" "btree checks"
sql -c "SELECT tsdb.decompress('st')" >/dev/null
is "$(sql -c "SELECT look()")" "" "the rows back in the row store"
no_crash stress
done_testing
