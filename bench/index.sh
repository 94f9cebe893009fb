#!/usr/bin/env bash
# Figures of the chunk index: look-ups in the structure alone, and in a server among 1,000 and CHUNKS chunks, through the index and from
# the directory.  The query loop and psql's function call are in the server's figures.  Then readers of one table beside a session that adds chunks to it without
# pause; control: it adds them to another table, which takes as much of the machine.  Last, how long the first query after a restart takes.
#
# Environment: CHUNKS (100000), ROUNDS (5) of readers beside writers, PARTS (structure lookups beside load).
set -euo pipefail
. "$(dirname "$0")/../scripts/lib.sh"
find_postgres
chunks=${CHUNKS:-100000}
rounds=${ROUNDS:-5}
parts=" ${PARTS:-structure lookups beside load} "

build_variant release EXTRA_CFLAGS=-Werror || die "build failed: $build_dir/release.log"
stage_variant release
gcc -std=gnu11 -O2 -Wall -Wextra -o "$scratch/index_stress" \
	"$top"/src/index/interval_index.c "$top"/src/index/epoch.c "$top"/src/index/tests/index_stress.c
part() { [[ $parts == *" $1 "* ]]; }
if part structure; then
	say "# the structure alone"
	"$scratch/index_stress" bench
fi

server_create bench
server_config bench "fsync = off" "shared_buffers = 1GB" "max_wal_size = 8GB" "tsdb_am.index_memory = 256MB" "tsdb_am.max_workers = 0"
server_start bench
sql <<SQL
CREATE EXTENSION tsdb_am;
SET tsdb_am.direct_load_rows = 1;
CREATE TABLE small (time timestamptz, host text, v float8) USING tsdb WITH (segmentby = 'host', orderby = 'time');
CREATE TABLE large (LIKE small) USING tsdb WITH (segmentby = 'host', orderby = 'time');
CREATE PROCEDURE fill(t regclass, n int) LANGUAGE plpgsql AS \$\$
BEGIN
	FOR i IN 1 .. n LOOP
		EXECUTE format('INSERT INTO %s SELECT ''2000-01-01''::timestamptz + %s * interval ''1 hour'' + g * interval ''59 min'', ''host_'' || %s, 1 FROM generate_series(0, 1) g', t, i, i % 100);
		IF i % 1000 = 0 THEN COMMIT; END IF;
	END LOOP;
END \$\$;
CREATE FUNCTION look(t regclass, n int, span int, plain bool) RETURNS text LANGUAGE plpgsql AS \$\$
DECLARE f bigint; c bigint; begin_at timestamptz := clock_timestamp();
BEGIN
	FOR i IN 1 .. n LOOP
		f := (1 + random() * (span - 5))::bigint * 3600000000 + 60000000;
		SELECT count(*) INTO c FROM tsdb.index_lookup(t, f, f + 3540000000, NULL, NULL, plain);
	END LOOP;
	RETURN format('%s chunks, %s: %s us', span, CASE WHEN plain THEN 'directory' ELSE 'index' END,
		round((extract(epoch FROM clock_timestamp() - begin_at) * 1000000 / n)::numeric, 1));
END \$\$;
CREATE FUNCTION query(t regclass, n int, span int) RETURNS text LANGUAGE plpgsql AS \$\$
DECLARE f timestamptz; c bigint; begin_at timestamptz := clock_timestamp();
BEGIN
	FOR i IN 1 .. n LOOP
		f := '2000-01-01'::timestamptz + (1 + random() * (span - 5))::int * interval '1 hour';
		EXECUTE format('SELECT count(*) FROM %s WHERE host = \$1 AND time >= \$2 AND time < \$2 + interval ''50 min'' ', t) INTO c USING 'host_' || i % 100, f;
	END LOOP;
	RETURN round((extract(epoch FROM clock_timestamp() - begin_at) * 1000000 / n)::numeric, 1);
END \$\$;
-- adds chunks from hour "first" on until it is told to end
CREATE PROCEDURE add_chunks(t regclass, first int, nrows int) LANGUAGE plpgsql AS \$\$
DECLARE i int := first;
BEGIN
	LOOP
		EXECUTE format('INSERT INTO %s SELECT ''2000-01-01''::timestamptz + \$1 * interval ''1 hour'' + g * interval ''1 s'', ''host_'' || \$1 %% 100, 1 FROM generate_series(1, \$2) g', t) USING i, nrows;
		i := i + 1;
		COMMIT;
	END LOOP;
END \$\$;
CREATE TABLE other (LIKE small) USING tsdb WITH (segmentby = 'host', orderby = 'time');
CALL fill('small', 1000);
CALL fill('other', 1000);
CALL fill('large', $chunks);
VACUUM small, large;
SQL
if part lookups; then
	say "# in a server: look-ups of 59 minutes among chunks of an hour, two found"
	for round in 1 2 3; do
		# the first look-up of a table loads it
		sql -c "SELECT count(*) FROM tsdb.index_lookup('small')" -c "SELECT count(*) FROM tsdb.index_lookup('large')" >/dev/null
		sql -c "SELECT look('small', 20000, 1000, false)" -c "SELECT look('large', 20000, $chunks, false)"
	done
	sql -c "SELECT look('small', 500, 1000, true)" -c "SELECT look('large', 10, $chunks, true)"
	sql -c "SELECT format('%s chunks in %s bytes', chunks, memory_used) FROM tsdb.stat_index"
fi

#--------------------------------------------------------------------- a reader beside a writer

first=$chunks
# beside TABLE ROWS READER...: microseconds of the reader while a session adds chunks of so many rows to TABLE, and chunks added a second
beside()
{
	local table=$1 rows=$2 writer before
	shift 2
	if [ "$table" != none ]; then
		sql -c "SET application_name = 'writer'" -c "SET tsdb_am.direct_load_rows = 1" -c "CALL add_chunks('$table', $first, $rows)" >/dev/null 2>&1 &
		writer=$!
		first=$((first + 20000))
		until [ "$(sql -c "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'writer' AND query LIKE 'CALL%'")" = 1 ]; do sleep 0.05; done
		before=$(sql -c "SELECT count(*) FROM tsdb.index_lookup('$table')")
	fi
	sql -c "SELECT round(extract(epoch FROM clock_timestamp())::numeric, 3)" -c "$*" -c "SELECT round(extract(epoch FROM clock_timestamp())::numeric, 3)" > "$scratch/beside"
	if [ "$table" = none ]; then
		sed -n 2p "$scratch/beside" | grep -oE '[0-9.]+( us)?$' | tr -d ' us'
		return
	fi
	echo "$(sed -n 2p "$scratch/beside" | grep -oE '[0-9.]+( us)?$' | tr -d ' us') $(sql -c "SELECT count(*) - $before FROM tsdb.index_lookup('$table')") $(sed -n '1p;3p' "$scratch/beside" | tr '\n' ' ')" |
		awk '{ printf "%s %.0f\n", $1, $2 / ($4 - $3) }'
	sql -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'writer'" >/dev/null
	wait "$writer" || true
}
median() { sort -n | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'; }

if part beside; then
	say "# a reader beside a session that adds chunks without pause, one a transaction; us, medians of $rounds"
	for reader in "SELECT look('large', 20000, $chunks, false)" "SELECT query('large', 5000, $chunks)"; do
		for rows in 1 1000; do
			rm -f "$scratch"/us_*
			for round in $(seq "$rounds"); do
				for table in none other large; do
					beside $table $rows "$reader" > "$scratch/one"
					awk '{ print $1 }' "$scratch/one" >> "$scratch/us_$table"
					awk '{ print $2 }' "$scratch/one" >> "$scratch/us_rate_$table"
				done
			done
			echo "$(median < "$scratch/us_none") $(median < "$scratch/us_other") $(median < "$scratch/us_large") $(median < "$scratch/us_rate_large") $(median < "$scratch/us_rate_other")" |
				awk -v rows=$rows -v reader="$(sed -E 's/SELECT ([a-z]+).*/\1/' <<<"$reader")" '{ printf "%s: alone %s, beside a writer of another table %s (%d chunks of %d rows a second), of the same %s (%d): %+.1f %%\n", reader, $1, $2, $5, rows, $3, $4, ($3 / $2 - 1) * 100 }'
		done
	done
fi

#--------------------------------------------------------------------- loading

if part load; then
	say "# the first look-up after a restart, beside reading the directory (pages are in memory, and read once before)"
	for round in 1 2 3; do
		server_stop bench
		server_start bench
		sql -c "SELECT look('large', 1, $chunks, true)" >/dev/null
		sql -c "SELECT look('large', 1, $chunks, true)" -c "SELECT look('large', 1, $chunks, false)" -c "SELECT look('large', 1, $chunks, false)"
	done
fi
