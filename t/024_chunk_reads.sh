#!/usr/bin/env bash
# Counts of reads of chunks in the index, and what workers make of them.  What would break this: a chunk that is counted although nobody read its rows
# (planning, look-ups, checks, vacuum, movers), or not although somebody did, by whatever kind of scan; a count that does not fall; a chunk
# that becomes cold although it is read all the time, or because the server has just been started; one that never does although nobody reads it.
#
# Days pass at once: tsdb_am.injected_seconds sets the clock ahead.
. "$(dirname "$0")/lib.sh"

gcc -std=gnu11 -O2 -g -DUSE_ASSERT_CHECKING -Wall -Wextra -Werror -o "$scratch/index_stress" \
	"$top"/src/index/interval_index.c "$top"/src/index/epoch.c "$top"/src/index/tests/index_stress.c
result=$("$scratch/index_stress" reads) || true
is "$result" "reads: 0 wrong" "the structure: counts rise and fall, and are the right chunk's"

test_server reads
server_stop reads
server_config reads "tsdb_am.max_workers = 0" "autovacuum = off" "tsdb_am.cold_after = '30d'" "tsdb_am.direct_load_rows = 1"
server_start reads
day=86400
# at SECONDS psql-arguments: in a session whose clock is so far ahead
at()
{
	local seconds=$1
	shift
	sql -c "SET tsdb_am.injected_seconds = $seconds" "$@"
}
sql <<'SQL'
CREATE EXTENSION tsdb_am;
CREATE FUNCTION values_of(g int8) RETURNS int8 LANGUAGE sql IMMUTABLE AS 'SELECT (hashint8extended(g, 1) & 1023) * (hashint8extended(g, 2) & 1023) * (hashint8extended(g, 3) & 1023) / 1000';
-- chunks of 100, 90, ... 40 days ago, and of today
CREATE FUNCTION make(t text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('CREATE TABLE %s (time timestamptz NOT NULL, host text, v int8) USING tsdb WITH (segmentby = ''host'', orderby = ''time'')', t);
	FOR i IN 4 .. 11 LOOP
		EXECUTE format('INSERT INTO %s SELECT date_trunc(''day'', now()) - $1 * interval ''1 day'' + g * interval ''1 s'', ''a'', values_of(g) FROM generate_series(1, 40000) g', t) USING CASE i WHEN 11 THEN 0 ELSE i * 10 END;
	END LOOP;
END $$;
-- days ago of the chunks for which a condition holds
CREATE FUNCTION days(t regclass, condition text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
	EXECUTE format('SELECT coalesce(string_agg(extract(day FROM date_trunc(''day'', now()) - date_trunc(''day'', c.time_from::timestamptz))::text, '' '' ORDER BY c.time_from::timestamptz), ''none'')
		FROM tsdb.chunk_reads($1) r JOIN tsdb.chunks c USING (chunk) WHERE c.relation = $1 AND (%s)', condition) INTO result USING t;
	RETURN result;
END $$;
CREATE FUNCTION read_day(t text, day int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE result bigint;
BEGIN
	EXECUTE format('SELECT sum(v) FROM %s WHERE time >= date_trunc(''day'', now()) - $1 * interval ''1 day'' AND time < date_trunc(''day'', now()) - ($1 - 1) * interval ''1 day''', t) INTO result USING day;
	RETURN result;
END $$;
CREATE FUNCTION digest(t text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE result text;
BEGIN
	EXECUTE format('SELECT count(*) || '' '' || sum(v) || '' '' || sum(extract(epoch FROM time)) FROM %s', t) INTO result;
	RETURN result;
END $$;
SELECT make('a');
SQL
digest=$(sql -c "SELECT digest('a')")

#--------------------------------------------------------------------- who counts

is "$(sql -c "SELECT make('x')" -c "SELECT count(reads_per_day), count(last_read), count(*) FROM tsdb.chunk_reads('x')" | grep -v '^$')" "0|0|8" "a table that is not in the index: unknown"
sql -c "SELECT count(*) FROM tsdb.index_lookup('x')" >/dev/null
is "$(sql -c "SELECT reads_per_day, last_read, cold, count(*) FROM tsdb.chunk_reads('x') GROUP BY 1, 2, 3")" "16||f|8" "loaded: as if read, but not read"
sql -c "SELECT read_day('x', 70)" >/dev/null
is "$(sql -c "SELECT days('x', 'last_read IS NOT NULL')" -c "SELECT max(reads_per_day), max(last_read) > now() - interval '20 min' FROM tsdb.chunk_reads('x')")" "70
17|t" "a scan counts for the chunk that it reads, and for no other"
sql -c "SELECT read_day('x', 70)" -c "SELECT read_day('x', 70)" >/dev/null
is "$(sql -c "SELECT max(reads_per_day) FROM tsdb.chunk_reads('x')")" "$(sql -c "SELECT max(reads_per_day) FROM tsdb.chunk_reads('x') WHERE reads_per_day IN (17, 17.875, 18)")" "once in ten minutes"
now="date_trunc('day', now())"
sql -c "EXPLAIN SELECT sum(v) FROM x" -c "SELECT count(*), min(time), max(time) FROM x" -c "SELECT count(*) FROM x WHERE time > 'infinity'" -c "SELECT count(*) FROM tsdb.verify('x')" -c "SELECT count(*) FROM tsdb.chunks" \
	-c "SELECT count(*) FROM tsdb.columns" -c "SELECT count(*) FROM tsdb.index_lookup('x')" -c "VACUUM ANALYZE x" -c "CREATE INDEX x_v ON x (v)" -c "SELECT tsdb.merge('x')" -c "SELECT tsdb.recompress('x')" \
	-c "EXPLAIN SELECT * FROM x WHERE time > $now - interval '45 days'" -c "SELECT count(*) FROM tsdb.chunk_reads('x')" >/dev/null
sql -c "SET tsdb_am.cold_after = -1" -c "SELECT tsdb.recompress('x', cold => false) >= 0" >/dev/null
is "$(sql -c "DROP TABLE x" -c "SELECT make('x')" -c "SELECT count(*) FROM tsdb.index_lookup('x')" -c "EXPLAIN SELECT sum(v) FROM x" -c "SELECT count(*), min(time), max(time) FROM x" -c "SELECT count(*) FROM x WHERE time > 'infinity'" -c "SELECT count(*) FROM tsdb.verify('x')" \
	-c "SELECT count(*) FROM tsdb.columns" -c "VACUUM ANALYZE x" -c "EXPLAIN SELECT * FROM x WHERE time > $now - interval '45 days'" -c "CREATE INDEX x_v ON x (v)" -c "SELECT days('x', 'last_read IS NOT NULL')" | tail -n 1)" none "planning, summaries, checks, views, vacuum, building an index: no reads"
read_how() { is "$(at "$3" -c "$1" -c "SELECT days('x', 'last_read > now() + $3 * interval ''1 s'' - interval ''15 min''')" | tail -n 1)" "$2" "$4"; }
one_day="time >= $now - interval '70 days' AND time < $now - interval '69 days'"
read_how "SELECT count(*) FROM x WHERE $one_day AND v % 2 = 0" 70 $((10 * day)) "an aggregate"
read_how "SELECT * FROM x WHERE $one_day ORDER BY time DESC LIMIT 1" 70 $((20 * day)) "rows in order of time"
read_how "SET enable_seqscan = off; SET enable_bitmapscan = off; SET tsdb_am.enable_custom_scan = off; SELECT count(*), min(host) FROM x WHERE v = values_of(777) AND $one_day" "100 90 80 70 60 50 40 0" $((30 * day)) "an index scan: each chunk has this value"
read_how "DELETE FROM x WHERE time = $now - interval '69 days 22 hours'" 70 $((40 * day)) "DELETE"
read_how "SELECT DISTINCT ON (host) host, time, v FROM x WHERE time < $now - interval '70 days' ORDER BY host, time DESC" 80 $((50 * day)) "the last row of each series"
read_how "SET tsdb_am.enable_custom_scan = off; SELECT sum(v) FROM x" "100 90 80 70 60 50 40 0" $((60 * day)) "a plain sequential scan"
read_how "SET force_parallel_mode = on; SELECT sum(v) FROM x WHERE $one_day" 70 $((70 * day)) "in a parallel worker"
read_how "BEGIN; DECLARE c CURSOR FOR SELECT v FROM x WHERE $one_day; FETCH 1 FROM c; COMMIT" 70 $((80 * day)) "a cursor"
read_how "SELECT * FROM x ORDER BY time DESC LIMIT 1" 0 $((90 * day)) "the newest row: the look-up finds all chunks, one is read"
is "$(sql -c "CREATE ROLE reader" -c "GRANT SELECT ON x TO reader")$(sql_error -c "SET ROLE reader" -c "SELECT * FROM tsdb.chunk_reads('x')" | grep -oE '42501')" 42501 "chunk_reads is not for everybody"
is "$(sql -c "GRANT pg_read_all_stats TO reader" -c "SET ROLE reader" -c "SELECT count(*) FROM tsdb.chunk_reads('x')")" 8 "but for members of pg_read_all_stats"
is "$(sql -c "CREATE TEMP TABLE q (LIKE x) USING tsdb" -c "INSERT INTO q SELECT * FROM x LIMIT 5000" -c "SELECT count(*) > 0 FROM q WHERE v > 7" -c "SELECT count(reads_per_day), count(*) > 0 FROM tsdb.chunk_reads('q')" | tail -n 1)" "0|t" "temporary tables are not counted"
sql -c "DROP TABLE x"

#--------------------------------------------------------------------- which become cold

cold() { sql -c "SELECT days('a', 'cold')"; }
# read_often DAY TIMES SECONDS [TABLE]: in so many periods before a time
read_often() { for i in $(seq "$2"); do echo "SET tsdb_am.injected_seconds = $(($3 - i * 600)); SELECT read_day('${4:-a}', $1);"; done | tac | sql >/dev/null; }
step="SELECT merged FROM tsdb.merge_step('a', false)"
is "$(sql -c "$step")$(cold)" "fnone" "a server just started: none, as nobody knows who reads what"
sql -c "SELECT count(*) FROM tsdb.index_lookup('a')" >/dev/null
is "$(at $((day / 5)) -c "$step")$(cold)" "fnone" "loaded some hours ago: none"
is "$(at $((day + 1200)) -c "BEGIN" -c "SET tsdb_am.cold_reads = 0" -c "$step" -c "ROLLBACK")" "f" "cold_reads = 0: none"
read_often 100 30 $((day * 3))
read_often 80 3 $((day * 3))
read_often 90 1 $((day * 3))
is "$(at $((day * 3)) -c "SELECT days('a', 'reads_per_day > 20')" -c "SELECT days('a', 'reads_per_day BETWEEN 2 AND 4')" -c "SELECT days('a', 'reads_per_day < 2')")" "100
80
90 70 60 50 40 0" "the clock and the reads"
for expected in 70 "70 60" "70 60 50" "70 60 50 40" "90 70 60 50 40" "90 80 70 60 50 40"; do
	is "$(at $((day * 3)) -c "$step")$(cold)" "t$expected" "cold: $expected (unread ones first, the oldest first)"
done
is "$(at $((day * 3)) -c "$step")$(cold)" "f90 80 70 60 50 40" "what is read often is left, what is young too"
is "$(sql -c "SELECT digest('a')")" "$digest" "the same rows"
sql -c "SELECT read_day('a', 100)" >/dev/null
is "$(at $((day * 3)) -c "BEGIN" -c "SET tsdb_am.cold_reads = -1" -c "$step" -c "SELECT days('a', 'cold')" -c "ROLLBACK")" "t
100 90 80 70 60 50 40" "cold_reads = -1: by age"
is "$(at $((day * 3)) -c "BEGIN" -c "SELECT tsdb.merge('a')" -c "SELECT days('a', 'cold')" -c "ROLLBACK")" "1
100 90 80 70 60 50 40" "tsdb.merge goes by age"
is "$(at $((day * 3)) -c "BEGIN" -c "SELECT tsdb.recompress('a') > 0" -c "SELECT days('a', 'cold')" -c "ROLLBACK")" "t
100 90 80 70 60 50 40" "tsdb.recompress goes by age"
is "$(at $((day * 3)) -c "SET tsdb_am.cold_after = '20d'" -c "BEGIN" -c "SELECT reads_per_day BETWEEN 15 AND 40 FROM tsdb.chunk_reads('a') WHERE NOT cold ORDER BY 1 LIMIT 1" -c "$step" -c "ROLLBACK" | tail -n 1)" f "very old, and read very often: left"
is "$(at $((day * 4)) -c "SET tsdb_am.cold_after = '20d'" -c "BEGIN" -c "SELECT days('a', 'reads_per_day BETWEEN 4 AND 12 AND NOT cold')" -c "$step" -c "SELECT days('a', 'cold')" -c "ROLLBACK")" "100
t
100 90 80 70 60 50 40" "very old, and read sometimes: cold"
is "$(at $((day * 4)) -c "$step")" f "old, and read sometimes: left"
# rows that come late to a time that is read often: merged, but not made cold
sql -c "SELECT make('b')" -c "DELETE FROM b WHERE time > now() - interval '95 days'" -c "SELECT tsdb.recompress('b', cold => false)" -c "SELECT count(*) FROM tsdb.index_lookup('b')" >/dev/null
for i in 1 2 3 4; do sql -c "INSERT INTO b SELECT $now - interval '100 days' + g * interval '1 s', 'b', values_of(g) FROM generate_series(1, 30000) g" >/dev/null; done
is "$(sql -c "SELECT merged, chunks_written FROM tsdb.merge_step('b', false)" -c "SELECT bool_or(cold), count(*) FROM tsdb.chunk_reads('b')")" "t|3
f|3" "merged chunks that may be read are not made cold on the way"

#--------------------------------------------------------------------- a worker

sql -c "SELECT make('w')" -c "SELECT count(*) FROM tsdb.index_lookup('w')" >/dev/null
cold() { sql -c "SELECT days('w', 'cold')"; }
step="SELECT merged FROM tsdb.merge_step('w', false)"
sql -c "ALTER SYSTEM SET tsdb_am.injected_seconds = $((day * 6))" -c "ALTER SYSTEM SET tsdb_am.max_workers = 1" -c "ALTER SYSTEM SET tsdb_am.worker_naptime = '1s'" >/dev/null
read_often 60 30 $((day * 6)) w
sql -c "SELECT pg_reload_conf()" -c "INSERT INTO w SELECT now(), 'a', g FROM generate_series(1, 2000) g" >/dev/null
wait_for 90 "100 90 80 70 50 40" "a worker makes cold what nobody reads, and leaves what is read" -c "SELECT days('w', 'cold')"
sleep 3
is "$(cold)" "100 90 80 70 50 40" "and goes on to leave it"
sql -c "ALTER SYSTEM RESET ALL" >/dev/null

#--------------------------------------------------------------------- restarts, and no index

server_stop reads
server_start reads
is "$(sql -c "SELECT count(reads_per_day) FROM tsdb.chunk_reads('w')" -c "$step")" "0
f" "after a restart nothing is known, and nothing becomes cold"
sql -c "SELECT read_day('w', 60)" >/dev/null
is "$(sql -c "$step")" "f" "nor when the table has just been loaded"
is "$(at $((day * 2)) -c "BEGIN" -c "$step" -c "SELECT days('w', 'cold')" -c "ROLLBACK")" "t
100 90 80 70 60 50 40" "but when it has not been read for long"
server_stop reads
server_start reads
is "$(at $((day * 2)) -c "BEGIN" -c "$step" -c "ROLLBACK")" "t" "not loaded for long: nobody has asked for it"
server_stop reads
server_config reads "tsdb_am.index_memory = 0"
server_start reads
is "$(sql -c "SELECT count(reads_per_day) FROM tsdb.chunk_reads('w')" -c "BEGIN" -c "$step" -c "SELECT days('w', 'cold')" -c "ROLLBACK")" "0
t
100 90 80 70 60 50 40" "without an index: by age"
is "$(sql -c "SELECT count(*) FROM w" -c "SELECT digest('a')")" "322000
$digest" "all rows are there"
no_crash reads
done_testing
