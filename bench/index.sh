#!/usr/bin/env bash
# Figures of the chunk index: look-ups in the structure alone, and in a server among 1,000 and CHUNKS chunks, through the index and from
# the directory.  The query loop and psql's function call are in the server's figures.
#
# Environment: CHUNKS (100000).
set -euo pipefail
. "$(dirname "$0")/../scripts/lib.sh"
find_postgres
chunks=${CHUNKS:-100000}

build_variant release EXTRA_CFLAGS=-Werror || die "build failed: $build_dir/release.log"
stage_variant release
gcc -std=gnu11 -O2 -Wall -Wextra -o "$scratch/index_stress" \
	"$top"/src/index/interval_index.c "$top"/src/index/epoch.c "$top"/src/index/tests/index_stress.c
say "# the structure alone"
"$scratch/index_stress" bench

server_create bench
server_config bench "fsync = off" "shared_buffers = 1GB" "max_wal_size = 8GB" "tsdb_am.index_memory = 256MB"
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
CALL fill('small', 1000);
CALL fill('large', $chunks);
VACUUM small, large;
SQL
say "# in a server: look-ups of 59 minutes among chunks of an hour, two found"
for round in 1 2 3; do
	# the first look-up of a table loads it
	sql -c "SELECT count(*) FROM tsdb.index_lookup('small')" -c "SELECT count(*) FROM tsdb.index_lookup('large')" >/dev/null
	sql -c "SELECT look('small', 20000, 1000, false)" -c "SELECT look('large', 20000, $chunks, false)"
done
sql -c "SELECT look('small', 500, 1000, true)" -c "SELECT look('large', 10, $chunks, true)"
sql -c "SELECT format('%s chunks in %s bytes', chunks, memory_used) FROM tsdb.stat_index"
