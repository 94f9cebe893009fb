#!/usr/bin/env bash
# What the background workers cost and give: 16 writers of 10-row inserts on heap, heap + btree(host, time desc), tsdb with workers, and both with
# PRIMARY KEY (host, time); waits for locks between the writers, sampled; latency of dashboard queries while rows come in, beside the same
# queries with the same rate of the writers on heap's twin of the table (the machine as busy), on an idle machine, and of the rows that have come in when
# they are at rest (the queries ask for the last minutes: they have more rows to add up then).
#
# Environment: CLIENTS (16), SECONDS_EACH (10), REPEAT (3), RATE (400 statements a second beside the queries), PARTS (ingest queries).
set -euo pipefail
. "$(dirname "$0")/../scripts/lib.sh"
bash "$top/scripts/install_deps.sh"
find_postgres
clients=${CLIENTS:-16} seconds=${SECONDS_EACH:-10} repeat=${REPEAT:-3} rate=${RATE:-400}
parts=" ${PARTS:-ingest queries} "
part() { [[ $parts == *" $1 "* ]]; }

build_variant release EXTRA_CFLAGS= || die "build failed: $build_dir/release.log"
stage_variant release
server_create workers
server_config workers "fsync = on" "shared_buffers = 1GB" "max_wal_size = 16GB" "checkpoint_timeout = 1h" "max_connections = 60" "jit = off" "log_lock_waits = on" \
	"deadlock_timeout = 100ms" "tsdb_am.max_workers = 2" "tsdb_am.compress_after = 5s" "max_parallel_workers_per_gather = 0" "timezone = 'UTC'"
server_start workers
chmod 755 "$scratch"
columns='time timestamptz NOT NULL, host text NOT NULL, a1 float8, a2 float8, a3 float8, a4 float8, a5 float8, a6 float8, a7 float8, a8 float8, a9 float8, a10 float8'
sql -c "CREATE EXTENSION tsdb_am"

median() { sort -g | awk '{ v[NR] = $1 } END { if (NR) printf "%s", NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
bench() { as_user "$pg_bin/pgbench" -n -h "$scratch" -U postgres "$@" postgres; }

# writer TABLE: its pgbench script; each client has hosts of its own, so that no key comes twice
writer()
{
	cat > "$scratch/write_$1.pgbench" <<EOS
\\set h random(1, 100)
INSERT INTO $1 SELECT clock_timestamp() + g * interval '1 us', 'host_' || :client_id * 6 + (:h + g) % 6, g, g + 1, :h, g, 50, :h + g, 0, 1, g * 2, 100 FROM generate_series(1, 10) g;
EOS
	chmod 644 "$scratch/write_$1.pgbench"
}

# make VARIANT: an empty table of that name
make_table()
{
	local am=heap
	[[ $1 != tsdb* ]] || am="tsdb WITH (segmentby = 'host', orderby = 'time')"
	sql -c "SET client_min_messages = warning" -c "DROP TABLE IF EXISTS $1" -c "CREATE TABLE $1 ($columns) USING $am"
	case $1 in
		*_btree) sql -c "CREATE INDEX ON $1 (host, time DESC)" ;;
		*_key) sql -c "ALTER TABLE $1 ADD PRIMARY KEY (host, time)" ;;
	esac
	writer "$1"
}

if part ingest; then
	say "## $clients writers, 10 rows a statement, $seconds s, medians of $repeat"
	variants="heap heap_btree tsdb heap_key tsdb_key"
	for round in $(seq "$repeat"); do
		for variant in $variants; do
			make_table $variant
			sql -c CHECKPOINT
			bench -f "$scratch/write_$variant.pgbench" -M prepared -c "$clients" -j 2 -T "$seconds" >"$scratch/run.log" 2>&1 &
			waits=0
			for sample in $(seq $((seconds * 2 - 2))); do
				sleep 0.5
				waits=$((waits + $(sql -c "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND wait_event <> 'extend' AND backend_type = 'client backend'")))
			done
			wait $!
			sed -n 's/^tps = \([0-9.]*\).*/\1/p' "$scratch/run.log" | awk '{ print $1 * 10 }' >> "$scratch/rate_$variant"
			echo "$waits" >> "$scratch/waits_$variant"
			[[ $variant != tsdb* ]] || sql -c "SELECT row_store_rows FROM tsdb.tables WHERE relation = '$variant'::regclass" >> "$scratch/left_$variant"
			sql -c "DROP TABLE $variant"
		done
	done
	printf '| %-12s | %10s | %8s | %12s | %14s |\n' "" "rows/s" "/ heap" "lock waits" "rows not moved"
	for variant in $variants; do
		printf '| %-12s | %10.0f | %8s | %12s | %14s |\n' $variant "$(median < "$scratch/rate_$variant")" \
			"$(awk -v a="$(median < "$scratch/rate_$variant")" -v b="$(median < "$scratch/rate_heap")" 'BEGIN { printf "%.2f", a / b }')" \
			"$(awk '{ n += $1 } END { print n }' "$scratch/waits_$variant")" "$([ ! -e "$scratch/left_$variant" ] || median < "$scratch/left_$variant")"
	done
fi

if part queries; then
	say "## latency of dashboard queries, ms: median over $((seconds * repeat)) s; 1,000,000 rows of the last hour, and $((rate * 10)) rows a second coming in"
	for t in tsdb heap; do
		make_table $t
		sql -c "INSERT INTO $t SELECT now() - interval '1 hour' + i / 100 * interval '360 ms', 'host_' || i % 100, i % 7, i % 11, i % 13, 1, 2, 3, i % 17, 5, 6, 7 FROM generate_series(0, 999999) i"
		sql -c "VACUUM ANALYZE $t"
	done
	cat > "$scratch/read.pgbench" <<'EOS'
\set h random(1, 100)
SELECT date_trunc('minute', time), avg(a1), max(a2), count(*) FROM tsdb WHERE host = 'host_' || :h AND time > now() - interval '50 minutes' GROUP BY 1 ORDER BY 1;
SELECT host, max(a3), avg(a4) FROM tsdb WHERE time > now() - interval '10 minutes' GROUP BY host;
SELECT * FROM tsdb WHERE host = 'host_' || :h ORDER BY time DESC LIMIT 10;
EOS
	chmod 644 "$scratch/read.pgbench"
	# look LABEL: median latency of the three queries, and processor time of the session that runs them, which other work on the machine changes less
	look()
	{
		local pid cpu
		(
			sleep 1
			pid=$(sql -c "SELECT pid FROM pg_stat_activity WHERE application_name = 'pgbench' AND query NOT LIKE 'INSERT%' AND query LIKE '%tsdb%' LIMIT 1")
			sleep $((seconds * repeat - 2))
			awk '{ print ($14 + $15) * 10 }' "/proc/$pid/stat" > "$scratch/look.cpu"
		) &
		cpu=$!
		(cd "$scratch" && rm -f look.*[0-9] && as_user env -C "$scratch" "$pg_bin/pgbench" -n -h "$scratch" -U postgres -f read.pgbench -c 1 -T $((seconds * repeat)) -l --log-prefix="$scratch/look" postgres) >"$scratch/look.out" 2>&1
		wait $cpu || true
		printf '| %-40s | %8.3f | %8.3f |\n' "$1" "$(cat "$scratch"/look.*[0-9] | awk '{ print $3 / 1000 }' | median)" \
			"$(awk -v t=$((seconds * repeat - 1)) 'NR == FNR { cpu = $1; next } /^tps/ { print cpu / ($3 * t) }' "$scratch/look.cpu" "$scratch/look.out")"
	}
	chown "$server_user" "$scratch" 2>/dev/null || true
	look "idle"
	bench -f "$scratch/write_heap.pgbench" -M prepared -c 4 -j 1 -R "$rate" -T $((seconds * repeat + 5)) >/dev/null 2>&1 &
	sleep 2; look "rows come into another table, on heap"; wait
	bench -f "$scratch/write_tsdb.pgbench" -M prepared -c 4 -j 1 -R "$rate" -T $((seconds * repeat + 5)) >/dev/null 2>&1 &
	sleep 2; look "rows come in, compress and merge"; wait
	for try in $(seq 40); do
		[ "$(sql -c "SELECT row_store_rows FROM tsdb.tables WHERE relation = 'tsdb'::regclass")" != 0 ] || break
		sleep 0.5
	done
	look "the same rows, at rest"
	sql -c "SELECT 'rows in the row store: ' || row_store_rows || ', chunks: ' || chunks FROM tsdb.tables WHERE relation = 'tsdb'::regclass"
fi
