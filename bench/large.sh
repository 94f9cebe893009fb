#!/usr/bin/env bash
# Large tables within small memory: load, compress, merge, queries, changes, vacuum, restart, at a part of the size and at the whole.  Does cost grow
# linearly, and does any process outgrow its limits?
#
# Rows come by time, each step one row of every series, generated in the server in statements of PIECE rows; the last fiftieth through the row store.
# Settings: tsdb_am.index_memory 64 MB, work_mem 4 MB, maintenance_work_mem 64 MB, no parallel workers; movers are called, not left to workers.
# Times are processor time of the session.  "memory" is the anonymous memory of the largest process while the step ran.  The ratio is what the whole
# costs by what the part costs, by row: 1 = linear.  (Steps whose cost does not depend on the table's size get ratios below 1.)
#
# Environment: ROWS (200000000), SERIES (100000), PART (10: beside 1/10 of the rows), SHAPES ("long wide"; wide is MANY (1000000) series of
# 20 rows, and 1/PART of them), PIECE (5000000), FSYNC (on), WRITE_BUFFER (32MB).
set -euo pipefail
. "$(dirname "$0")/../scripts/lib.sh"
bash "$top/scripts/install_deps.sh"
find_postgres
rows=${ROWS:-200000000} series=${SERIES:-100000} part=${PART:-10} shapes=${SHAPES:-long wide} many=${MANY:-1000000} piece=${PIECE:-5000000}

build_variant release EXTRA_CFLAGS= || die "build failed: $build_dir/release.log"
stage_variant release
server_create large
server_config large "fsync = ${FSYNC:-on}" "shared_buffers = 512MB" "max_wal_size = 4GB" "autovacuum = off" "jit = off" "max_parallel_workers_per_gather = 0" \
	"work_mem = 4MB" "maintenance_work_mem = 64MB" "tsdb_am.index_memory = 64MB" "tsdb_am.write_buffer = ${WRITE_BUFFER:-32MB}" "tsdb_am.max_workers = 0" "max_parallel_maintenance_workers = 0"
server_start large
sql -c "CREATE EXTENSION tsdb_am"
work=$scratch/work
mkdir "$work"

# largest anonymous memory of the server's processes, kB, until the file "watch" is gone
watch_memory()
{
	local largest=0 p kb
	while [ -e "$work/watch" ]; do
		for p in $(pgrep -P "$(head -n 1 "$scratch/large/postmaster.pid" 2>/dev/null)" 2>/dev/null || true); do
			kb=$(sed -n 's/^RssAnon:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$p/status" 2>/dev/null || true)
			[ "${kb:-0}" -le $largest ] || largest=$kb
		done
		echo $largest > "$work/largest"
		sleep 0.1
	done
}

cat > "$work/begin.sql" <<'EOS'
SELECT pg_backend_pid() AS pid \gset
\setenv TSDB_PID :pid
EOS
printf '%s\n' "\\! cut -d' ' -f 1 /proc/\$TSDB_PID/schedstat > $work/ran" > "$work/end.sql"

# step NAME psql-arguments: time and memory of statements, of one session
step()
{
	local name=$1 from to watcher ran
	shift
	echo 0 > "$work/largest"
	: > "$work/watch"
	watch_memory & watcher=$!
	from=$(date +%s%N)
	sql -f "$work/begin.sql" "$@" -f "$work/end.sql" > "$work/out"
	to=$(date +%s%N)
	rm -f "$work/watch"
	wait $watcher
	ran=$(($(cat "$work/ran") / 1000000))
	printf '%s\t%d\t%d\n' "$name" $ran "$(cat "$work/largest")" >> "$work/$label"
	printf '  %s %s: %d ms (%d ms passed), %d kB\n' "$label" "$name" $ran $(((to - from) / 1000000)) "$(cat "$work/largest")" >&2
}

fact() { printf '%s\t%s\t-\n' "$1" "$2" >> "$work/$label"; }

# (steps of 10 s; a value is a slow wave of its series with noise, in hundredths)
rows_of()
{
	printf "SELECT '2024-01-01'::timestamptz + t * interval '10 s', 'series_' || s, round((50 + 40 * sin(t / 200.0 + s) + random())::numeric, 2)::float8, (s + t) %% 7
		FROM generate_series(%d, %d) t, generate_series(1, %d) s" "$1" "$2" "$3"
}

measure()
{
	local n=$1 s=$2 steps each from to middle
	label=$3
	steps=$((n / s))
	each=$((piece / s > 0 ? piece / s : 1))
	: > "$work/$label"
	sql -c "DROP TABLE IF EXISTS t" -c "CREATE TABLE t (time timestamptz NOT NULL, name text NOT NULL, v float8, state int) USING tsdb WITH (segmentby = 'name', orderby = 'time')" -c CHECKPOINT
	direct=$((steps - (steps + 49) / 50))
	{
		for ((from = 0; from < direct; from += each)); do
			to=$((from + each < direct ? from + each : direct))
			printf 'INSERT INTO t %s;\n' "$(rows_of $from $((to - 1)) "$s")"
		done
	} > "$work/load.sql"
	step "direct load" -f "$work/load.sql"
	step "load to row store" -c "SET tsdb_am.direct_load_rows = 0" -c "INSERT INTO t $(rows_of $direct $((steps - 1)) "$s")"
	step "compress" -c "SELECT tsdb.compress('t')"
	fact "chunks loaded" "$(sql -c "SELECT chunks FROM tsdb.tables WHERE relation = 't'::regclass")"
	fact "MB loaded" "$(sql -c "SELECT chunk_bytes / 1048576 FROM tsdb.tables WHERE relation = 't'::regclass")"
	step "merge" -c "SELECT tsdb.merge('t')"
	step "vacuum" -c "VACUUM t"
	step "analyze" -c "ANALYZE t"
	fact "chunks" "$(sql -c "SELECT chunks FROM tsdb.tables WHERE relation = 't'::regclass")"
	fact "MB" "$(sql -c "SELECT chunk_bytes / 1048576 FROM tsdb.tables WHERE relation = 't'::regclass")"
	fact "MB on disk" "$(sql -c "SELECT pg_total_relation_size('t') / 1048576")"
	fact "index kB" "$(sql -c "SELECT memory_used / 1024 FROM tsdb.stat_index")"
	middle="'2024-01-01'::timestamptz + interval '10 s' * $((steps / 2))"
	step "count, sum" -c "SELECT count(*), sum(v) FROM t"
	is_rows=$(cut -d'|' -f1 "$work/out")
	[ "$is_rows" = $((steps * s)) ] || die "$is_rows rows instead of $((steps * s))"
	step "count where v > 90.5" -c "SELECT count(*) FROM t WHERE v > 90.5"
	step "by hour" -c "SELECT date_trunc('hour', time), avg(v) FROM t GROUP BY 1"
	step "by series" -c "SELECT count(*) FROM (SELECT name, avg(v) FROM t GROUP BY 1 OFFSET 0) x"
	step "one series x 100" $(for i in $(seq 1 100); do printf -- "-c\nSELECT/**/avg(v)/**/FROM/**/t/**/WHERE/**/name='series_%d'\n" $((i * s / 100)); done)
	step "one step of all series" -c "SELECT sum(v) FROM t WHERE time = $middle"
	step "newest 10 x 100" $(for i in $(seq 1 100); do printf -- "-c\nSELECT/**/time/**/FROM/**/t/**/ORDER/**/BY/**/time/**/DESC/**/LIMIT/**/10\n"; done)
	step "last of each series" -c "SELECT count(*) FROM (SELECT DISTINCT ON (name) name, time, v FROM t ORDER BY name, time DESC) x"
	step "update of 0.1 %" -c "UPDATE t SET v = -v WHERE name = ANY (ARRAY(SELECT 'series_' || i FROM generate_series(1, greatest($s / 1000, 1)) i))"
	step "delete of one step" -c "DELETE FROM t WHERE time = $middle"
	step "compress again" -c "SELECT tsdb.compress('t')"
	step "vacuum again" -c "VACUUM t"
	server_stop large
	step_start=$(date +%s%N)
	server_start large
	fact "restart, ms" $((($(date +%s%N) - step_start) / 1000000))
	step "first query" -c "SELECT avg(v) FROM t WHERE name = 'series_1' AND time < $middle"
	step "verify" -c "SELECT * FROM tsdb.verify('t')"
	[ ! -s "$work/out" ] || die "damage: $(head -n 3 "$work/out")"
}

compare()
{
	local a=$1 b=$2 factor=$3
	printf '\n| %-24s | %12s | %12s | %8s | %12s | %12s |\n' "$4" "1/$part" whole "ratio/$factor" "memory, MB" "memory, MB"
	printf '|%s|' --------------------------; for _ in 1 2 3 4 5; do printf -- '------:|'; done; printf '\n'
	paste "$work/$a" "$work/$b" | awk -F'\t' -v f="$factor" '{ printf("| %-24s | %12s | %12s | %8s | %12s | %12s |\n", $1, $2, $5, ($2 > 0 ? sprintf("%.2f", $5 / $2 / f) : "-"),
		($3 == "-" ? "" : sprintf("%.0f", $3 / 1024)), ($6 == "-" ? "" : sprintf("%.0f", $6 / 1024))) }'
}

say "machine: $(nproc) processors, $(awk '/MemTotal/ { printf "%.0f GB", $2 / 1048576 }' /proc/meminfo); times in ms"
for shape in $shapes; do
	case $shape in
		long)
			measure $((rows / part)) "$series" long_part
			measure "$rows" "$series" long_whole
			compare long_part long_whole "$part" "$rows rows, $series series"
			;;
		wide)
			measure $((many / part * 20)) $((many / part)) wide_part
			measure $((many * 20)) "$many" wide_whole
			compare wide_part wide_whole "$part" "$many series x 20 rows"
			;;
	esac
done
no=$(grep -cE 'ERROR|FATAL|PANIC' "$scratch/large.log" || true)
say
say "errors in the server's log: $no"
