#!/usr/bin/env bash
# An old snapshot on a standby keeps finding its rows by index while the primary merges chunks and vacuum removes the
# index entries of the old ones: replay must wait for it (or cancel it), as for any vacuum.
. "$(dirname "$0")/lib.sh"

test_server primary
sql <<'SQL'
CREATE EXTENSION tsdb_am;
CREATE TABLE s (i int, v text) USING tsdb;
INSERT INTO s SELECT g, 'v' || g FROM generate_series(1, 3000) g;
CREATE INDEX ON s (i);
SQL
(cd "$scratch" && as_user "$pg_bin/pg_basebackup" -h "$scratch" -U postgres -D "$scratch/standby" -X stream -R -c fast -C -S standby)
server_config standby "port = 5433" "max_standby_streaming_delay = -1"
server_start standby

# the primary acts while the standby's transaction sleeps
answer=$scratch/answer
server_port=5433 sql > "$answer" 2>&1 <<'SQL' &
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM s;
SELECT pg_sleep(6);
SET enable_seqscan = off; SET enable_bitmapscan = off;
SELECT count(*) FROM s WHERE i BETWEEN 100 AND 199;
SET enable_bitmapscan = on; SET enable_indexscan = off; SET enable_indexonlyscan = off;
SELECT count(*) FROM s WHERE i BETWEEN 100 AND 199;
SET enable_seqscan = on; SET enable_bitmapscan = off;
SELECT count(*) FROM s WHERE i BETWEEN 100 AND 199;
COMMIT;
SQL
sleep 2
sql -c "SELECT tsdb.recompress('s')" -c "VACUUM (TRUNCATE false, PROCESS_TOAST false) s" -c "VACUUM s" >/dev/null
wait
is "$(grep -v '^$' "$answer" | tr '\n' ' ')" "3000 100 100 100 " "an old snapshot on the standby finds its rows by every path"

lsn=$(sql -c "SELECT pg_current_wal_insert_lsn()")
for n in $(seq 1 300); do
	[ "$(server_port=5433 sql -c "SELECT pg_last_wal_replay_lsn() >= '$lsn'")" != t ] || break
	sleep 0.1
done
is "$(server_port=5433 sql -c "SET enable_seqscan = off" -c "SELECT count(*) FROM s WHERE i BETWEEN 100 AND 199")" 100 "replay goes on afterwards"
no_crash primary
no_crash standby
done_testing
