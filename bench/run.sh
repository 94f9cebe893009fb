#!/usr/bin/env bash
#
# Figures: load time, WAL, size, memory, queries and small inserts of tsdb beside heap, heap with an
# index, and an access method that drops its rows.  See bench/README.md.
#
# Environment: HOSTS (100), DAYS (3), STEP (10 s) of the "cpu" data; SERIES (1000), ROWS (4000000) of the "metric" and
# "decimal" data; REPEAT (3) runs of each measurement, of which the median is told; PARALLEL (0) workers per
# query; PGBENCH_SECONDS (5); SCAN_SECONDS (2); PARTS ("cpu metric wal queries aggregates functions scans cold inserts
# fetches changes shards sizes levels asof continuous").
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
bash "$here/../scripts/install_deps.sh"
. "$here/../scripts/lib.sh"
find_postgres

hosts=${HOSTS:-100} days=${DAYS:-3} step=${STEP:-10}
series=${SERIES:-1000} metric_rows=${ROWS:-4000000}
scan_seconds=${SCAN_SECONDS:-2}
repeat=${REPEAT:-3} parallel=${PARALLEL:-0} pgbench_seconds=${PGBENCH_SECONDS:-5}
parts=${PARTS:-cpu metric wal queries aggregates functions scans cold inserts fetches changes shards sizes levels asof continuous}
seed=42

has() { [[ " $parts " == *" $1 "* ]]; }

build_variant release EXTRA_CFLAGS= || die "build failed: $build_dir/release.log"
mkdir -p "$build_dir/bench"
cp -pu "$here"/discard_am/* "$build_dir/bench/"
make -C "$build_dir/bench" --no-print-directory >"$build_dir/bench.log" 2>&1 || die "build failed: $build_dir/bench.log"
gcc -O2 -ffp-contract=off -Wall "$here/gen_cpu.c" -o "$build_dir/bench/gen_cpu" -lm
stage_variant release

work=$scratch/work
mkdir "$work"
cp "$build_dir/bench/discard_am.so" "$work/"
# user and system time of a backend so far, ms
cat > "$work/cpu_time.sh" <<'EOF'
sed "s/.*) //" "/proc/$TSDB_PID/stat" | awk "{ print \"cpu\", (\$12 + \$13) * 10 }"
EOF
say "generating data"
! has cpu && ! has wal && ! has queries && ! has aggregates && ! has functions && ! has scans && ! has cold && ! has changes && ! has sizes && ! has levels && ! has continuous || "$build_dir/bench/gen_cpu" cpu "$hosts" $((days * 86400)) "$step" $seed > "$work/cpu.csv"
! has metric || "$build_dir/bench/gen_cpu" metric "$series" "$metric_rows" 10 $seed > "$work/metric.csv"
! has sizes && ! has scans && ! has aggregates && ! has functions || "$build_dir/bench/gen_cpu" decimal "$series" "$metric_rows" 10 $seed > "$work/decimal.csv"
# a hundred times as many hosts, as many rows
! has scans || "$build_dir/bench/gen_cpu" cpu $((hosts * 100)) $((days * 864)) "$step" $seed > "$work/many.csv"
[ "$(id -u)" != 0 ] || chown -R "$server_user:" "$work"

cpu_columns='time timestamptz NOT NULL, host text, usage_user float8, usage_system float8, usage_idle float8, usage_nice float8,
	usage_iowait float8, usage_irq float8, usage_softirq float8, usage_steal float8, usage_guest float8, usage_guest_nice float8'
cpu_names='time, host, usage_user, usage_system, usage_idle, usage_nice, usage_iowait, usage_irq, usage_softirq, usage_steal, usage_guest, usage_guest_nice'
metric_columns='time timestamptz NOT NULL, series int, value float8'
decimal_columns=$metric_columns

bench_server()
{
	server_create "$@"
	server_config "$1" "fsync = on" "shared_buffers = 1GB" "max_wal_size = 16GB" "checkpoint_timeout = 1h" "autovacuum = off" \
		"jit = off" "max_parallel_workers_per_gather = $parallel" "work_mem = 64MB" "timezone = 'UTC'" "log_checkpoints = on" \
		"tsdb_am.max_workers = 0"
	server_start "$1"
	sql -c "CREATE EXTENSION tsdb_am" \
		-c "CREATE FUNCTION discard_am_handler(internal) RETURNS table_am_handler LANGUAGE C AS '$work/discard_am'" \
		-c "CREATE ACCESS METHOD discard TYPE TABLE HANDLER discard_am_handler"
}

median() { sort -g | awk '{ v[NR] = $1 } END { if (NR) printf "%s", NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
spread() { sort -g | awk '{ v[NR] = $1 } END { if (NR) printf "%.0f..%.0f", v[1], v[NR] }'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { if (a == "" || b == "" || b == 0) print "-"; else printf "%.3f", a / b }'; }
megabytes() { awk -v b="$1" 'BEGIN { printf "%.1f", b / 1048576 }'; }

# create VARIANT DATA: an empty table named VARIANT
create()
{
	local columns=${2}_columns key=host am=heap
	[ "$2" = cpu ] || key=series
	case $1 in
		tsdb) am="tsdb WITH (segmentby = '$key', orderby = 'time')" ;;
		discard) am=discard ;;
	esac
	sql -c "SET client_min_messages = warning" -c "DROP TABLE IF EXISTS $1" -c "CREATE TABLE $1 (${!columns}) USING $am"
	[ "$1" != btree ] || sql -c "CREATE INDEX ON btree ($key, time DESC)"
}

# load VARIANT DATA: COPY into it; appends to files time, wal, memory of the variant
load()
{
	local result pid
	sql -c CHECKPOINT
	result=$(
		{
			echo "SELECT pg_backend_pid() AS pid, pg_current_wal_insert_lsn() AS lsn \\gset"
			echo "\\setenv TSDB_PID :pid"
			# memory of its own (not shared buffers), looked at ten times a second
			echo "\\! (peak=0; while now=\$(sed -n 's/^RssAnon:[^0-9]*\\([0-9]*\\).*/\\1/p' /proc/\$TSDB_PID/status 2>/dev/null) && [ -n \"\$now\" ]; do [ \$now -le \$peak ] || { peak=\$now; echo \$peak > $work/peak; }; sleep 0.1; done) >/dev/null 2>&1 &"
			echo "\\! sh $work/cpu_time.sh"
			echo "\\timing on"
			echo "COPY $1 FROM '$work/$2.csv' (FORMAT csv);"
			echo "\\timing off"
			echo "\\! sh $work/cpu_time.sh"
			echo "SELECT 'wal ' || pg_wal_lsn_diff(pg_current_wal_insert_lsn(), :'lsn');"
		} | sql
	)
	sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' <<<"$result" >> "$work/$2_$1_time"
	sed -n 's/^wal //p' <<<"$result" >> "$work/$2_$1_wal"
	sed -n "s/^cpu //p" <<<"$result" | awk "{ v[NR] = \$1 } END { print v[2] - v[1] }" >> "$work/$2_$1_cpu"
	cat "$work/peak" >> "$work/$2_$1_memory"
	rm -f "$work/peak"
}

size() { sql -c "SELECT pg_total_relation_size('$1')"; }

row() { printf '| %-26s |' "$1"; shift; printf ' %10s |' "$@"; printf '\n'; }
rule() { printf '|%s|' ----------------------------; for _ in $(seq "$1"); do printf -- '-----------:|'; done; printf '\n'; }

# loads DATA: the table of a data set's load
loads()
{
	local data=$1 variant round
	rm -f "$work/$data"_*_*
	for round in $(seq "$repeat"); do
		for variant in discard heap btree tsdb; do
			create $variant "$data"
			load $variant "$data"
		done
	done
	say
	say "## load of $data: $(wc -l < "$work/$data.csv") rows, $(megabytes "$(stat -c %s "$work/$data.csv")") MB of CSV, medians of $repeat"
	say
	declare -A time cpu wal memory bytes
	for variant in discard heap btree tsdb; do
		time[$variant]=$(median < "$work/${data}_${variant}_time")
		cpu[$variant]=$(median < "$work/${data}_${variant}_cpu")
		wal[$variant]=$(median < "$work/${data}_${variant}_wal")
		memory[$variant]=$(median < "$work/${data}_${variant}_memory")
		bytes[$variant]=$(size $variant)
	done
	row "" discard heap heap+btree tsdb tsdb/heap tsdb/discard
	rule 6
	row "COPY, ms" "${time[discard]}" "${time[heap]}" "${time[btree]}" "${time[tsdb]}" "$(ratio "${time[tsdb]}" "${time[heap]}")" "$(ratio "${time[tsdb]}" "${time[discard]}")"
	row "  (spread)" "$(spread < "$work/${data}_discard_time")" "$(spread < "$work/${data}_heap_time")" "$(spread < "$work/${data}_btree_time")" "$(spread < "$work/${data}_tsdb_time")" "" ""
	row "  processor time, ms" "${cpu[discard]}" "${cpu[heap]}" "${cpu[btree]}" "${cpu[tsdb]}" "$(ratio "${cpu[tsdb]}" "${cpu[heap]}")" "$(ratio "${cpu[tsdb]}" "${cpu[discard]}")"
	row "WAL, MB" "$(megabytes "${wal[discard]}")" "$(megabytes "${wal[heap]}")" "$(megabytes "${wal[btree]}")" "$(megabytes "${wal[tsdb]}")" "$(ratio "${wal[tsdb]}" "${wal[heap]}")" ""
	row "size, MB" "$(megabytes "${bytes[discard]}")" "$(megabytes "${bytes[heap]}")" "$(megabytes "${bytes[btree]}")" "$(megabytes "${bytes[tsdb]}")" "$(ratio "${bytes[tsdb]}" "${bytes[heap]}")" ""
	row "heap / this" "" 1 "" "$(awk -v a="${bytes[heap]}" -v b="${bytes[tsdb]}" 'BEGIN { printf "%.1f", a / b }')" "" ""
	row "backend's own memory, MB" "$((memory[discard] / 1024))" "$((memory[heap] / 1024))" "$((memory[btree] / 1024))" "$((memory[tsdb] / 1024))" "" ""
	say
	sql -P format=aligned -P tuples_only=off -P footer=off -c "SELECT \"column\", encoding, round(bits_per_value::numeric, 2) AS bits_per_value FROM tsdb.columns WHERE relation = 'tsdb'::regclass" 2>/dev/null || true
}

# sizes DATA: bytes on disk, from COPY to recompress
sizes()
{
	local data=$1 nrows state heap btree
	nrows=$(wc -l < "$work/$data.csv")
	for state in heap btree tsdb; do
		create $state "$data"
		sql -c "COPY $state FROM '$work/$data.csv' (FORMAT csv)" -c "VACUUM $state"
	done
	heap=$(size heap) btree=$(size btree)
	say
	say "## sizes of $data: $nrows rows, MB = pg_total_relation_size"
	say
	row "" MB "bytes/row" "heap/this" "btree/this"
	rule 4
	size_row heap "$heap"
	size_row "heap + btree" "$btree"
	size_row "tsdb after COPY" "$(size tsdb)"
	sql -c "SELECT tsdb.recompress('tsdb')" -c "VACUUM tsdb" >/dev/null
	size_row "tsdb after recompress" "$(size tsdb)"
	# the room of the chunks before is free, but still the file's
	sql -c "VACUUM FULL tsdb" >/dev/null
	size_row "  and VACUUM FULL" "$(size tsdb)"
	if [ "$(sql -c "SELECT count(*) FROM pg_proc WHERE pronamespace = 'tsdb'::regnamespace AND proname = 'recompress' AND 'cold' = ANY (proargnames)")" != 0 ]; then
		sql -c "SELECT tsdb.recompress('tsdb', cold => true)" -c "VACUUM tsdb" >/dev/null
		size_row "tsdb after recompress, cold" "$(size tsdb)"
		sql -c "VACUUM FULL tsdb" >/dev/null
		size_row "  and VACUUM FULL" "$(size tsdb)"
	fi
	cmp -s <(sql -c "SELECT * FROM heap ORDER BY 2, 1" | md5sum) <(sql -c "SELECT * FROM tsdb ORDER BY 2, 1" | md5sum) || say "ROWS DIFFER"
	say
	sql -P format=aligned -P tuples_only=off -P footer=off -c "SELECT \"column\", encoding, round(bits_per_value::numeric, 2) AS bits_per_value FROM tsdb.columns WHERE relation = 'tsdb'::regclass"
}

# size_row LABEL BYTES: uses nrows, heap and btree of sizes()
size_row()
{
	row "$1" "$(megabytes "$2")" "$(awk -v b="$2" -v n="$nrows" 'BEGIN { printf "%.2f", b / n }')" \
		"$(awk -v a="$heap" -v b="$2" 'BEGIN { printf "%.1f", a / b }')" "$(awk -v a="$btree" -v b="$2" 'BEGIN { printf "%.1f", a / b }')"
}

# run_query FILE: runs it once, prints ms
run_query() { sql -f "$1" | sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' | tail -n 1; }

queries()
{
	local name query variant round last
	for variant in heap btree tsdb; do
		[ "$(sql -c "SELECT count(*) > 0 FROM information_schema.columns WHERE table_name = '$variant' AND column_name = 'usage_user'")" = t ] ||
			{ create $variant cpu; sql -c "COPY $variant FROM '$work/cpu.csv' (FORMAT csv)"; }
	done
	sql -c "VACUUM ANALYZE heap, btree, tsdb" -c CHECKPOINT
	last=$(sql -c "SELECT max(time) FROM heap")
	say
	say "## queries on cpu, ms, medians of $repeat after one warm-up, $parallel parallel workers"
	say
	row "" heap heap+btree tsdb tsdb/heap tsdb/btree
	rule 5
	grep -v '^#' "$here/queries.txt" | while IFS='|' read -r name query; do
		for variant in heap btree tsdb; do
			# the answers (not all print in the same order)
			printf '\\set last %s\n\\set t %s\n\\o %s\n\\timing on\n%s;\n' "'$last'" $variant "$work/answer_$variant" "$query" > "$work/query_$variant.sql"
			rm -f "$work/query_$variant" "$work/answer_$variant"
			run_query "$work/query_$variant.sql" >/dev/null
		done
		for round in $(seq "$repeat"); do
			for variant in heap btree tsdb; do
				run_query "$work/query_$variant.sql" >> "$work/query_$variant"
			done
		done
		for variant in heap btree tsdb; do
			sort "$work/answer_$variant" | grep -v '^Time' > "$work/sorted_$variant" || true
		done
		cmp -s "$work/sorted_heap" "$work/sorted_tsdb" || name="$name (ANSWERS DIFFER)"
		heap=$(median < "$work/query_heap") btree=$(median < "$work/query_btree") tsdb=$(median < "$work/query_tsdb")
		row "${name% }" "$heap" "$btree" "$tsdb" "$(ratio "$tsdb" "$heap")" "$(ratio "$tsdb" "$btree")"
	done
}

# Aggregates on cpu and on the decimal series: how many times as fast as on heap, and what is wanted.
aggregates()
{
	local name wanted query round t fields last
	for t in heap tsdb; do
		[ "$(sql -c "SELECT count(*) > 0 FROM information_schema.columns WHERE table_name = '$t' AND column_name = 'usage_user'")" = t ] ||
			{ create $t cpu; sql -c "COPY $t FROM '$work/cpu.csv' (FORMAT csv)"; }
	done
	sql -c "SET client_min_messages = warning" -c "DROP TABLE IF EXISTS decimal_heap, decimal_tsdb" \
		-c "CREATE TABLE decimal_heap ($decimal_columns)" -c "CREATE TABLE decimal_tsdb ($decimal_columns) USING tsdb WITH (segmentby = 'series', orderby = 'time')" \
		-c "COPY decimal_heap FROM '$work/decimal.csv' (FORMAT csv)" -c "COPY decimal_tsdb FROM '$work/decimal.csv' (FORMAT csv)"
	sql -c "DROP TABLE IF EXISTS agg_hosts" -c "CREATE TABLE agg_hosts AS SELECT host, 'r' || n % 4 AS region, n % 20 AS rack FROM (SELECT host, row_number() OVER (ORDER BY host) AS n FROM (SELECT DISTINCT host FROM heap) d) h"
	sql -c "VACUUM ANALYZE heap, tsdb, decimal_heap, decimal_tsdb, agg_hosts" -c CHECKPOINT
	last=$(sql -c "SELECT max(time) FROM heap")
	fields=$(printf 'avg(usage_%s), ' user system idle nice iowait irq softirq steal guest guest_nice)
	fields=${fields%, }
	say
	say "## aggregates, ms, medians of $repeat after one warm-up, $parallel parallel workers"
	say
	row "" heap tsdb heap/tsdb wanted
	rule 4
	while IFS='|' read -r name wanted query; do
		query=${query//@fields/$fields}
		query=${query//@last/\'$last\'::timestamptz}
		rm -f "$work"/agg_heap "$work"/agg_tsdb
		for round in $(seq 0 "$repeat"); do
			for t in heap tsdb; do
				# the second in its session counts: the first fills the session's caches
				printf '\\o /dev/null\n\\timing on\n%s;\n%s;\n' "${query//@t/$t}" "${query//@t/$t}" > "$work/agg.sql"
				run_query "$work/agg.sql" >> "$work/agg_$t"
			done
			# the first round warms up
			[ "$round" != 0 ] || rm -f "$work"/agg_heap "$work"/agg_tsdb
		done
		row "$name" "$(median < "$work/agg_heap")" "$(median < "$work/agg_tsdb")" "$(ratio "$(median < "$work/agg_heap")" "$(median < "$work/agg_tsdb")")" "$wanted"
	done <<-'EOF'
		sum of one column|100|SELECT sum(usage_user) FROM @t
		count(*)|300|SELECT count(*) FROM @t
		avg of ten fields by host|40|SELECT host, @fields FROM @t GROUP BY host
		hourly avg by host, 12 h, one field|40|SELECT date_trunc('hour', time), host, avg(usage_user) FROM @t WHERE time >= @last - interval '40 h' AND time < @last - interval '28 h' GROUP BY 1, 2
		hourly avg by host, 12 h, ten fields|60|SELECT date_trunc('hour', time), host, @fields FROM @t WHERE time >= @last - interval '40 h' AND time < @last - interval '28 h' GROUP BY 1, 2
		max of the last 5 minutes|200|SELECT date_trunc('minute', time) AS m, max(usage_user) FROM @t WHERE time < @last - interval '1 h' GROUP BY m ORDER BY m DESC LIMIT 5
		avg by series|60|SELECT series, avg(value) FROM decimal_@t GROUP BY series
		sum of a filter|30|SELECT count(*), sum(value) FROM decimal_@t WHERE value > 900
		min and max of all fields|1|SELECT min(usage_user), max(usage_user), min(usage_idle), max(usage_idle) FROM @t
		stddev by host|1|SELECT host, stddev(usage_user) FROM @t GROUP BY host
		first and last by host|1|SELECT host, first(usage_user, time), last(usage_user, time) FROM @t GROUP BY host
		sum of an expression|1|SELECT sum(usage_user * 2 + usage_system) FROM @t
		by a column of 100 values|1|SELECT usage_user, count(*), avg(usage_idle) FROM @t GROUP BY usage_user
		by a number of any value|1|SELECT value, count(*) FROM decimal_@t GROUP BY value
		count(DISTINCT)|1|SELECT count(DISTINCT usage_user) FROM @t
		join: avg by region|40|SELECT h.region, avg(c.usage_user) FROM @t c JOIN agg_hosts h ON h.host = c.host GROUP BY h.region
		join: avg by region, one rack|1|SELECT h.region, avg(c.usage_user) FROM @t c JOIN agg_hosts h ON h.host = c.host WHERE h.rack = 7 GROUP BY h.region
		join: hourly max by host|1|SELECT h.host, h.region, date_trunc('hour', c.time), max(c.usage_user) FROM @t c JOIN agg_hosts h ON h.host = c.host GROUP BY 1, 2, 3
		hourly max of hosts IN (...)|1|SELECT date_trunc('hour', time), max(usage_user) FROM @t WHERE host IN (SELECT host FROM agg_hosts WHERE region = 'r1') GROUP BY 1
		join: as many groups as rows|1|SELECT h.region, c.time, count(*) FROM @t c JOIN agg_hosts h ON h.host = c.host GROUP BY 1, 2
	EOF
}

# Functions of this extension on tsdb, beside what plain SQL takes for the same on heap: how many times as fast, and what is wanted.
functions()
{
	local name wanted plain query round t answer
	for t in heap tsdb; do
		[ "$(sql -c "SELECT count(*) > 0 FROM information_schema.columns WHERE table_name = '$t' AND column_name = 'usage_user'")" = t ] ||
			{ create $t cpu; sql -c "COPY $t FROM '$work/cpu.csv' (FORMAT csv)"; }
		sql -c "SET client_min_messages = warning" -c "DROP TABLE IF EXISTS week_$t, decimal_$t"
	done
	sql -c "CREATE TABLE decimal_heap ($decimal_columns)" -c "CREATE TABLE decimal_tsdb ($decimal_columns) USING tsdb WITH (segmentby = 'series', orderby = 'time')" \
		-c "COPY decimal_heap FROM '$work/decimal.csv' (FORMAT csv)" -c "COPY decimal_tsdb FROM '$work/decimal.csv' (FORMAT csv)" \
		-c "CREATE TABLE week_heap (time timestamptz NOT NULL, host text, v float8)" \
		-c "CREATE TABLE week_tsdb (time timestamptz NOT NULL, host text, v float8) USING tsdb WITH (segmentby = 'host', orderby = 'time')" \
		-c "INSERT INTO week_heap SELECT timestamptz '2024-01-01' + m * interval '10 min', 'host_' || s, (m * 31 + s) % 1000 / 8.0 FROM generate_series(0, 1007) m, generate_series(0, 99) s" \
		-c "INSERT INTO week_tsdb SELECT * FROM week_heap" -c "VACUUM ANALYZE heap, tsdb, decimal_heap, decimal_tsdb, week_heap, week_tsdb" -c CHECKPOINT
	say
	say "## functions, ms, medians of $repeat after one warm-up, $parallel parallel workers"
	say
	row "" "plain SQL" tsdb "plain/tsdb" wanted
	rule 4
	while IFS='|' read -r name wanted plain query; do
		rm -f "$work"/function_*
		for round in $(seq 0 "$repeat"); do
			for t in plain query; do
				printf '\\o /dev/null\n\\timing on\n%s;\n%s;\n' "${!t}" "${!t}" > "$work/function.sql"
				run_query "$work/function.sql" >> "$work/function_$t"
			done
			# the first round warms up
			[ "$round" != 0 ] || rm -f "$work"/function_*
		done
		row "$name" "$(median < "$work/function_plain")" "$(median < "$work/function_query")" "$(ratio "$(median < "$work/function_plain")" "$(median < "$work/function_query")")" "$wanted"
	done <<-'EOF'
		histogram|5|SELECT width_bucket(usage_user, 0, 100, 20), count(*) FROM heap GROUP BY 1|SELECT histogram(usage_user, 0, 100, 20) FROM tsdb
		histogram by host|5|SELECT host, width_bucket(usage_user, 0, 100, 20), count(*) FROM heap GROUP BY 1, 2|SELECT host, histogram(usage_user, 0, 100, 20) FROM tsdb GROUP BY 1
		delta by host|5|SELECT host, sum(CASE WHEN v < p THEN v ELSE v - p END) FROM (SELECT host, usage_user AS v, lag(usage_user) OVER (PARTITION BY host ORDER BY time) AS p FROM heap) s GROUP BY 1|SELECT host, delta(usage_user, time) FROM tsdb GROUP BY 1
		rate by host and hour|5|SELECT host, date_trunc('hour', time), sum(CASE WHEN v < p THEN v ELSE v - p END) / extract(epoch FROM max(time) - min(time))::float8 FROM (SELECT host, time, usage_user AS v, lag(usage_user) OVER (PARTITION BY host, date_trunc('hour', time) ORDER BY time) AS p FROM heap) s GROUP BY 1, 2|SELECT host, date_trunc('hour', time), rate(usage_user, time) FROM tsdb GROUP BY 1, 2
		irate by host|5|SELECT host, (max(v) FILTER (WHERE n = 1) - max(v) FILTER (WHERE n = 2)) / extract(epoch FROM max(time) - min(time))::float8 FROM (SELECT host, time, usage_user AS v, row_number() OVER (PARTITION BY host ORDER BY time DESC) AS n FROM heap) s WHERE n <= 2 GROUP BY 1|SELECT host, irate(usage_user, time) FROM tsdb GROUP BY 1
		counter_agg by host|5|SELECT host, count(*) FILTER (WHERE v < p), count(*) FILTER (WHERE v <> p), min(time), max(time) FROM (SELECT host, time, usage_user AS v, lag(usage_user) OVER (PARTITION BY host ORDER BY time) AS p FROM heap) s GROUP BY 1|SELECT host, counter_agg(time, usage_user) FROM tsdb GROUP BY 1
		time_weight by host|5|SELECT host, sum(p * extract(epoch FROM time - pt)::float8) / extract(epoch FROM max(time) - min(time))::float8 FROM (SELECT host, time, lag(usage_user) OVER w AS p, lag(time) OVER w AS pt FROM heap WINDOW w AS (PARTITION BY host ORDER BY time)) s GROUP BY 1|SELECT host, average(time_weight('LOCF', time, usage_user)) FROM tsdb GROUP BY 1
		candlestick_agg by host and hour|5|SELECT host, date_trunc('hour', time), (array_agg(usage_user ORDER BY time))[1], max(usage_user), min(usage_user), (array_agg(usage_user ORDER BY time DESC))[1], sum(usage_system) FROM heap GROUP BY 1, 2|SELECT host, date_trunc('hour', time), candlestick_agg(time, usage_user, usage_system) FROM tsdb GROUP BY 1, 2
		percentile_agg|5|SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY usage_user) FROM heap|SELECT approx_percentile(0.95, percentile_agg(usage_user)) FROM tsdb
		percentile_agg by host|5|SELECT host, percentile_cont(0.95) WITHIN GROUP (ORDER BY usage_user) FROM heap GROUP BY 1|SELECT host, approx_percentile(0.95, percentile_agg(usage_user)) FROM tsdb GROUP BY 1
		percentile_agg of 4 million decimals|5|SELECT percentile_cont(0.95) WITHIN GROUP (ORDER BY value) FROM decimal_heap|SELECT approx_percentile(0.95, percentile_agg(value)) FROM decimal_tsdb
		approx_count_distinct|5|SELECT count(DISTINCT usage_user) FROM heap|SELECT distinct_count(approx_count_distinct(usage_user)) FROM tsdb
		approx_count_distinct of texts|5|SELECT count(DISTINCT host) FROM heap|SELECT distinct_count(approx_count_distinct(host)) FROM tsdb
		approx_count_distinct of 4 million decimals|5|SELECT count(DISTINCT value) FROM decimal_heap|SELECT distinct_count(approx_count_distinct(value)) FROM decimal_tsdb
		gaps of a week by minute, 100 hosts|5|SELECT count(*) FROM (SELECT b, h.host, w.v, first_value(w.v) OVER (PARTITION BY h.host, w.n ORDER BY b) FROM generate_series(timestamptz '2024-01-01', '2024-01-07 23:59', '1 min') b CROSS JOIN (SELECT DISTINCT host FROM week_heap) h LEFT JOIN (SELECT date_trunc('minute', time) AS m, host, avg(v) AS v, row_number() OVER (PARTITION BY host ORDER BY date_trunc('minute', time)) AS n FROM week_heap GROUP BY 1, 2) w ON w.m = b AND w.host = h.host) s|SELECT count(*) FROM (SELECT time_bucket_gapfill('1 min', time) AS b, host, avg(v), locf(avg(v)) FROM week_tsdb WHERE time >= '2024-01-01' AND time < '2024-01-08' GROUP BY 1, 2) s
	EOF
}

# latency NAME TABLE SQL: appends what a transaction takes, ms, planning and the way to the client included
latency()
{
	local result
	printf '%s;\n' "${3//@t/$2}" > "$work/latency.pgbench"
	result=$("$pg_bin/pgbench" -n -h "$scratch" -p "$server_port" -U postgres -T "$scan_seconds" -f "$work/latency.pgbench" postgres 2>&1) || die "$result"
	sed -n 's/^latency average = \([0-9.]*\) ms.*/\1/p' <<<"$result" >> "$work/scan_$1_$2"
}

# executed NAME TABLE SQL: appends the executor's time alone, ms
executed()
{
	printf 'EXPLAIN (ANALYZE, TIMING OFF) %s;\n' "${3//@t/$2}" > "$work/executed.sql"
	run_sql "$work/executed.sql" | sed -n 's/.*Execution Time: \([0-9.]*\) ms/\1/p' >> "$work/scan_$1_$2"
}

run_sql() { as_user "$pg_bin/psql" -X -q -At -v ON_ERROR_STOP=1 -h "$scratch" -p "$server_port" -U postgres -d postgres -f "$1"; }

# scan_row LABEL NAME TABLE NAME TABLE WANTED: medians of the two, and the second as a share of the first
scan_row()
{
	local a b
	a=$(median < "$work/scan_$2_$3") b=$(median < "$work/scan_$4_$5")
	row "$1" "$a" "$b" "$(ratio "$b" "$a")" "$6"
}

# What a scan reads of a table, and how fast: each pair in turn.
scans()
{
	local one twelve wide limit last three lateral value copy filter minutes first series window i t
	for t in heap btree tsdb; do
		[ "$(sql -c "SELECT count(*) > 0 FROM information_schema.columns WHERE table_name = '$t' AND column_name = 'usage_user'")" = t ] ||
			{ create $t cpu; sql -c "COPY $t FROM '$work/cpu.csv' (FORMAT csv)"; }
	done
	sql -c "SET client_min_messages = warning" -c "DROP TABLE IF EXISTS many_btree, many_tsdb, decimal_heap, decimal_tsdb, chunky, hosts, many_hosts" \
		-c "CREATE TABLE many_btree (LIKE btree)" -c "CREATE TABLE many_tsdb (LIKE btree) USING tsdb WITH (segmentby = 'host', orderby = 'time')" \
		-c "COPY many_btree FROM '$work/many.csv' (FORMAT csv)" -c "CREATE INDEX ON many_btree (host, time DESC)" \
		-c "COPY many_tsdb FROM '$work/many.csv' (FORMAT csv)" \
		-c "CREATE TABLE decimal_heap ($decimal_columns)" -c "CREATE TABLE decimal_tsdb ($decimal_columns) USING tsdb WITH (segmentby = 'series', orderby = 'time')" \
		-c "COPY decimal_heap FROM '$work/decimal.csv' (FORMAT csv)" -c "COPY decimal_tsdb FROM '$work/decimal.csv' (FORMAT csv)" \
		-c "CREATE TABLE hosts AS SELECT DISTINCT host FROM tsdb" -c "CREATE TABLE many_hosts AS SELECT DISTINCT host FROM many_tsdb" >/dev/null
	# the same rows, and a hundred times as many chunks of earlier months
	i=$(sql -c "SELECT count(*) FROM tsdb.chunks WHERE relation = 'tsdb'::regclass")
	sql -c "CREATE TABLE chunky (LIKE btree) USING tsdb WITH (segmentby = 'host', orderby = 'time')" -c "COPY chunky FROM '$work/cpu.csv' (FORMAT csv)" \
		-c "DO \$\$ BEGIN FOR i IN 1..$((i * 99)) LOOP
			INSERT INTO chunky SELECT time - i * interval '2 h', host, usage_user, usage_system, usage_idle, usage_nice, usage_iowait, usage_irq, usage_softirq, usage_steal, usage_guest, usage_guest_nice
				FROM (SELECT * FROM heap LIMIT 1000) s;
		END LOOP; END \$\$" >/dev/null
	# ten times the rows, for workers to be worth their start
	sql -c "CREATE TABLE large (LIKE btree) USING tsdb WITH (segmentby = 'host', orderby = 'time')" \
		-c "DO \$\$ BEGIN FOR i IN 1..10 LOOP
			INSERT INTO large SELECT time + i * interval '1 year', host, usage_user, usage_system, usage_idle, usage_nice, usage_iowait, usage_irq, usage_softirq, usage_steal, usage_guest, usage_guest_nice FROM heap;
		END LOOP; END \$\$" >/dev/null
	sql -c "VACUUM ANALYZE heap, btree, tsdb, large, many_btree, many_tsdb, decimal_heap, decimal_tsdb, chunky, hosts, many_hosts" -c CHECKPOINT
	last=$(sql -c "SELECT max(time) FROM heap")
	one="SELECT * FROM @t WHERE host = 'host_7' AND time >= '$last'::timestamptz - interval '30 h' AND time < '$last'::timestamptz - interval '29 h'"
	twelve="SELECT * FROM @t WHERE host = 'host_7' AND time >= '$last'::timestamptz - interval '40 h' AND time < '$last'::timestamptz - interval '28 h' AND usage_user > 90"
	wide="SELECT * FROM @t WHERE time >= '$last'::timestamptz - interval '40 h' AND time < '$last'::timestamptz - interval '28 h' AND usage_user > 90"
	limit="SELECT * FROM @t ORDER BY time DESC LIMIT 10"
	minutes="SELECT date_trunc('minute', time) AS m, max(usage_user) FROM @t WHERE time < '$last' GROUP BY m ORDER BY m DESC LIMIT 5"
	first="SELECT * FROM @t ORDER BY host, time LIMIT 10"
	series="SELECT * FROM @t ORDER BY host, time"
	window="SELECT host, time, usage_user - lag(usage_user) OVER (PARTITION BY host ORDER BY time) FROM @t"
	lateral="SELECT l.* FROM hosts, LATERAL (SELECT * FROM @t t WHERE t.host = hosts.host ORDER BY time DESC LIMIT 1) l"
	last="SELECT DISTINCT ON (host) * FROM @t ORDER BY host, time DESC"
	three="host, time, usage_user"
	value="SELECT count(*), sum(value) FROM @t WHERE value > 900"
	filter="SELECT count(*) FROM @t WHERE usage_user > 90 AND usage_idle < 50"
	rm -f "$work"/scan_*
	for i in $(seq 0 "$repeat"); do
		# the first round warms up
		[ "$i" != 1 ] || rm -f "$work"/scan_*
		for t in btree tsdb chunky; do latency one $t "$one"; latency twelve $t "$twelve"; done
		latency lateral btree "$lateral"
		latency last tsdb "$last"
		latency lateral_three btree "${lateral/SELECT \* FROM/SELECT $three FROM}"
		latency last_three tsdb "${last/\*/$three}"
		latency lateral tsdb "$lateral"
		latency lateral many_btree "${lateral/hosts,/many_hosts hosts,}"
		latency last many_tsdb "$last"
		latency limit tsdb "$limit"
		latency minutes tsdb "$minutes"
		latency first tsdb "$first"
		for t in heap tsdb; do
			executed wide $t "$wide"
			executed series $t "$series"
			executed window $t "$window"
			executed minutes_all $t "$minutes"
			executed value decimal_$t "$value"
			printf '\\timing on\nCOPY (SELECT * FROM %s) TO '"'/dev/null'"' (FORMAT binary);\n' $t > "$work/copy.sql"
			run_query "$work/copy.sql" >> "$work/scan_copy_$t"
		done
		sql -c "ALTER SYSTEM SET max_parallel_workers_per_gather = 0" -c "SELECT pg_reload_conf()" >/dev/null
		executed serial large "$filter"
		sql -c "ALTER SYSTEM SET max_parallel_workers_per_gather = 2" -c "SELECT pg_reload_conf()" >/dev/null
		executed parallel large "$filter"
		sql -c "ALTER SYSTEM RESET max_parallel_workers_per_gather" -c "SELECT pg_reload_conf()" >/dev/null
	done
	say
	say "## scans, ms, medians of $repeat; tables of $(sql -c "SELECT string_agg(relation || ' ' || chunks, ', ' ORDER BY relation::text) FROM tsdb.tables WHERE relation::text IN ('tsdb', 'many_tsdb', 'chunky')") chunks"
	say
	row "" beside tsdb tsdb/beside wanted
	rule 5
	scan_row "one series, one hour, beside heap + btree" one btree one tsdb 0.8
	scan_row "one series, 12 h, usage_user > 90, beside heap + btree" twelve btree twelve tsdb 0.3
	scan_row "one series, one hour, 100 x the chunks, beside the chunks of the data" one tsdb one chunky 1.3
	scan_row "12 h, 100 x the chunks" twelve tsdb twelve chunky 1.3
	scan_row "last row of each of $hosts hosts (DISTINCT ON), beside LATERAL on heap + btree" lateral btree last tsdb 1
	scan_row "the same, 3 columns" lateral_three btree last_three tsdb 1
	scan_row "LATERAL on tsdb, beside LATERAL on heap + btree" lateral btree lateral tsdb -
	scan_row "last rows of $((hosts * 100)) hosts, 12 columns, beside LATERAL" lateral many_btree last many_tsdb 1
	scan_row "usage_user > 90 in 12 h, all columns, beside heap" wide heap wide tsdb 0.125
	scan_row "count(*), sum(value) WHERE value > 900, $metric_rows doubles, beside heap" value decimal_heap value decimal_tsdb 0.033
	scan_row "all rows, binary COPY, beside heap" copy heap copy tsdb 1
	scan_row "filter over ten times the rows with 2 workers, beside one process" serial large parallel large 0.625
	scan_row "ORDER BY host, time, all rows, beside heap" series heap series tsdb -
	scan_row "lag() OVER (PARTITION BY host ORDER BY time), beside heap" window heap window tsdb -
	scan_row "max by minute, newest 5, beside heap" minutes_all heap minutes_all tsdb 0.005
	row "the same, latency" - "$(median < "$work/scan_minutes_tsdb")" - "2 ms"
	row "ORDER BY host, time LIMIT 10" - "$(median < "$work/scan_first_tsdb")" - "1 ms"
	row "ORDER BY time DESC LIMIT 10" - "$(median < "$work/scan_limit_tsdb")" - "1 ms"
}

inserts()
{
	local rows variant tps result
	say
	say "## small inserts, rows a second, pgbench with 2 clients for $pgbench_seconds s, medians of $repeat"
	say
	row "rows a statement" heap heap+btree tsdb tsdb/heap tsdb/btree
	rule 5
	for rows in 1 10 1000; do
		rm -f "$work"/insert_heap "$work"/insert_btree "$work"/insert_tsdb
		for _ in $(seq "$repeat"); do
			for variant in heap btree tsdb; do
				create $variant cpu
				result=$("$pg_bin/pgbench" -n -h "$scratch" -p "$server_port" -U postgres -c 2 -j 2 -T "$pgbench_seconds" -M prepared \
					-f <(sed "s/:table/$variant/" "$here/insert_$rows.pgbench") postgres 2>&1) || die "$result"
				tps=$(sed -n 's/^tps = \([0-9.]*\).*/\1/p' <<<"$result")
				awk -v t="$tps" -v r=$rows 'BEGIN { printf "%.0f\n", t * r }' >> "$work/insert_$variant"
			done
		done
		heap=$(median < "$work/insert_heap") btree=$(median < "$work/insert_btree") tsdb=$(median < "$work/insert_tsdb")
		row "$rows" "$heap" "$btree" "$tsdb" "$(ratio "$tsdb" "$heap")" "$(ratio "$tsdb" "$btree")"
	done
}

# fetch_table NAME AM CHUNKS: 200,000 rows with a primary key; a tsdb table has all in CHUNKS chunks
fetch_table()
{
	sql -c "SET client_min_messages = warning" -c "DROP TABLE IF EXISTS $1" -c "SET tsdb_am.direct_load_rows = 1" \
		-c "CREATE TABLE $1 (id bigint, time timestamptz, v float8) USING $2" \
		-c "DO \$\$ BEGIN FOR i IN 1..$3 LOOP
			INSERT INTO $1 SELECT g, '2026-01-01'::timestamptz + g * interval '1 s', g * 0.5
				FROM generate_series((i - 1) * (200000 / $3), i * (200000 / $3) - 1) g;
		END LOOP; END \$\$" \
		-c "ALTER TABLE $1 ADD PRIMARY KEY (id)" -c "VACUUM ANALYZE $1" >/dev/null
}

fetches()
{
	local chunks variant heap tsdb
	say
	say "## fetches by primary key, 200,000 rows, medians of $repeat"
	say
	row "" heap tsdb tsdb/heap
	rule 3
	fetch_table fetch_heap heap 1
	for chunks in 4 2000; do
		fetch_table fetch_tsdb tsdb $chunks
		rm -f "$work"/fetch_* "$work"/loop_*
		for variant in heap tsdb; do
			printf '\\set id random(0, 199999)\nSELECT v FROM fetch_%s WHERE id = :id;\n' $variant > "$work/fetch_$variant.pgbench"
			printf '%s\n' "SET enable_hashjoin = off;" "SET enable_mergejoin = off;" "SET enable_seqscan = off;" "\\timing on" \
				"SELECT sum(t.v) FROM (SELECT g * 7919 % 200000 AS id FROM generate_series(1, 100000) g OFFSET 0) s JOIN fetch_$variant t USING (id);" \
				> "$work/loop_$variant.sql"
		done
		for _ in $(seq "$repeat"); do
			for variant in heap tsdb; do
				"$pg_bin/pgbench" -n -h "$scratch" -p "$server_port" -U postgres -T "$pgbench_seconds" -M prepared \
					-f "$work/fetch_$variant.pgbench" postgres 2>&1 | sed -n 's/^latency average = \([0-9.]*\) ms/\1/p' | awk '{ print $1 * 1000 }' >> "$work/fetch_$variant"
				sql -f "$work/loop_$variant.sql" | sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' >> "$work/loop_$variant"
			done
		done
		heap=$(median < "$work/fetch_heap") tsdb=$(median < "$work/fetch_tsdb")
		row "prepared statement, $chunks chunks, us" "$heap" "$tsdb" "$(ratio "$tsdb" "$heap")"
		heap=$(median < "$work/loop_heap") tsdb=$(median < "$work/loop_tsdb")
		row "nested loop of 100,000, $chunks chunks, ms" "$heap" "$tsdb" "$(ratio "$tsdb" "$heap")"
	done
}

# timed NAME VARIANT SQL: appends the time of its last statement to $work/NAME_VARIANT; :t is the table
timed()
{
	printf '\\set t %s\n\\timing on\n%s\n' "$2" "$3" > "$work/timed.sql"
	run_query "$work/timed.sql" >> "$work/$1_$2"
}

# one NAME LABEL [UNIT]: a row of medians of heap and tsdb
one()
{
	local heap tsdb
	heap=$(median < "$work/$1_heap") tsdb=$(median < "$work/$1_tsdb")
	row "$2" "$heap" "$tsdb" "$(ratio "$tsdb" "$heap")"
}

# Deletes, updates and upserts of compressed rows, and what tombstones cost scans and fetches.
changes()
{
	local variant hash="hashfloat8(extract(epoch from time)::float8) # hashtext(host)" i
	for variant in heap tsdb; do
		create $variant cpu
		sql -c "COPY $variant FROM '$work/cpu.csv' (FORMAT csv)"
	done
	sql -c "VACUUM ANALYZE heap, tsdb" -c CHECKPOINT
	sql -c "CREATE TABLE picks AS SELECT time, host FROM heap WHERE ($hash) % 100 = 0" -c "ANALYZE picks"
	rm -f "$work"/change_*
	# before any tombstone: those of deletes that are rolled back stay for a while
	for i in $(seq "$repeat"); do
		timed change_scan0 tsdb "SELECT count(usage_guest_nice) FROM :t;"
		timed change_count0 tsdb "SELECT count(*) FROM :t;"
	done
	for i in $(seq 0 $((repeat - 1))); do
		for variant in heap tsdb; do
			timed change_delete $variant "BEGIN; DELETE FROM :t WHERE ($hash) % 100 = 0;"
			timed change_qual $variant "SELECT count(*) FROM :t WHERE ($hash) % 100 = 0;"
			timed change_update $variant "BEGIN; UPDATE :t SET usage_user = usage_user + 1 WHERE ($hash) % 100 = 0;"
			timed change_day $variant "BEGIN; DELETE FROM :t WHERE time < (SELECT min(time) + interval '1 day' FROM picks);"
			timed change_lock $variant "BEGIN; SELECT count(*) FROM (SELECT 1 FROM :t WHERE ($hash) % 100 = 0 FOR UPDATE) s;"
		done
	done
	# rolled back each time; now for good
	for variant in heap tsdb; do
		sql -c "VACUUM $variant" -c "DELETE FROM $variant WHERE ($hash) % 100 = 0" >/dev/null
	done
	for i in $(seq "$repeat"); do
		timed change_scan1 tsdb "SELECT count(usage_guest_nice) FROM :t;"
		timed change_count1 tsdb "SELECT count(*) FROM :t;"
	done
	sql -c "SELECT tsdb.recompress('tsdb')" -c "VACUUM tsdb" >/dev/null
	for i in $(seq "$repeat"); do
		timed change_scan2 tsdb "SELECT count(usage_guest_nice) FROM :t;"
		timed change_count2 tsdb "SELECT count(*) FROM :t;"
	done

	say
	say "## changes of $(sql -c "SELECT count(*) FROM picks") of the rows of cpu (1 %, scattered), ms, medians of $repeat"
	say
	row "" heap tsdb tsdb/heap
	rule 3
	one change_qual "the WHERE clause alone"
	one change_delete "DELETE 1 %"
	one change_update "UPDATE 1 %"
	one change_lock "SELECT 1 % FOR UPDATE"
	one change_day "DELETE of the first day"
	say
	row "scan of tsdb, ms" "no tombstones" "1 %" "recompressed" "1 % / none"
	rule 4
	row "count(column)" "$(median < "$work/change_scan0_tsdb")" "$(median < "$work/change_scan1_tsdb")" "$(median < "$work/change_scan2_tsdb")" \
		"$(ratio "$(median < "$work/change_scan1_tsdb")" "$(median < "$work/change_scan0_tsdb")")"
	row "count(*)" "$(median < "$work/change_count0_tsdb")" "$(median < "$work/change_count1_tsdb")" "$(median < "$work/change_count2_tsdb")" \
		"$(ratio "$(median < "$work/change_count1_tsdb")" "$(median < "$work/change_count0_tsdb")")"

	# a primary key, all columns
	fetch_wide heap
	fetch_wide tsdb
	rm -f "$work"/change_*
	for i in $(seq 0 $((repeat - 1))); do
		for variant in heap tsdb; do
			printf '\\set id random(1, 200000)\nSELECT * FROM wide_%s WHERE id = :id;\n' $variant > "$work/fetch_$variant.pgbench"
			"$pg_bin/pgbench" -n -h "$scratch" -p "$server_port" -U postgres -T "$pgbench_seconds" -M prepared \
				-f "$work/fetch_$variant.pgbench" postgres 2>&1 | sed -n 's/^latency average = \([0-9.]*\) ms/\1/p' | awk '{ print $1 * 1000 }' >> "$work/change_fetch_$variant"
			timed change_loop wide_$variant "SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_seqscan = off;
				SELECT sum(t.usage_user) FROM (SELECT g * 7919 % 200000 + 1 AS id FROM generate_series(1, 100000) g OFFSET 0) s JOIN :t t USING (id);"
			timed change_upsert wide_$variant "INSERT INTO :t SELECT id + 100000, time, host, usage_user, usage_system, usage_idle, usage_nice, usage_iowait, usage_irq, usage_softirq, usage_steal, usage_guest, usage_guest_nice
				FROM wide_heap WHERE id <= 200000 AND id % 10 = $i ON CONFLICT (id) DO UPDATE SET usage_user = excluded.usage_user + 1;"
		done
	done
	for variant in heap tsdb; do
		mv "$work/change_loop_wide_$variant" "$work/change_loop_$variant"
		mv "$work/change_upsert_wide_$variant" "$work/change_upsert_$variant"
	done
	say
	say "## 200,000 rows of cpu with a primary key, medians of $repeat"
	say
	row "" heap tsdb tsdb/heap
	rule 3
	one change_fetch "SELECT * by key, us"
	one change_loop "nested loop of 100,000, ms"
	one change_upsert "upsert, half of them new, ms"
}

# Scans of what is neither in shared buffers nor in the system's cache, beside a sequential read of the same file.
cold()
{
	local round t query sums file path start stop
	[ "$(sql -c "SELECT to_regclass('heap') IS NOT NULL")" = t ] || { create heap cpu; sql -c "COPY heap FROM '$work/cpu.csv' (FORMAT csv)"; }
	sql -c "SET client_min_messages = warning" -c "DROP TABLE IF EXISTS cold_cpu, cold_random" \
		-c "CREATE TABLE cold_cpu ($cpu_columns) USING tsdb WITH (segmentby = 'host', orderby = 'time')" \
		-c "CREATE TABLE cold_random (time timestamptz NOT NULL, host text, a float8, b float8, c float8, d float8) USING tsdb WITH (segmentby = 'host', orderby = 'time')" \
		-c "CREATE TEMP TABLE once ($cpu_columns)" -c "COPY once FROM '$work/cpu.csv' (FORMAT csv)" \
		-c "INSERT INTO cold_cpu SELECT time + n * interval '$days days', host, usage_user, usage_system, usage_idle, usage_nice, usage_iowait, usage_irq,
			usage_softirq, usage_steal, usage_guest, usage_guest_nice FROM generate_series(0, 9) n, once" \
		-c "INSERT INTO cold_random SELECT '2024-01-01'::timestamptz + g / 100 * interval '10 s', 'host_' || g % 100, random(), random(), random(), random()
			FROM generate_series(1, 10000000) g" \
		-c "VACUUM ANALYZE cold_cpu, cold_random" -c CHECKPOINT
	sums=$(printf 'sum(usage_%s), ' user system idle nice iowait irq softirq steal guest guest_nice)
	say
	say "## cold scans, ms without waits for a processor, medians of $repeat; read-ahead of the device: $(cat /sys/block/*/queue/read_ahead_kb 2>/dev/null | sort -n | tail -n 1) kB"
	say
	row "" "MB" "read" "query" "processor" "read/query"
	rule 5
	while IFS='|' read -r t query; do
		query=${query//@sums/${sums%, }}
		rm -f "$work"/cold_read "$work"/cold_query "$work"/cold_cpu
		path=$(sql -c "SELECT current_setting('data_directory') || '/' || pg_relation_filepath(reltoastrelid) FROM pg_class WHERE relname = '$t'")
		for round in $(seq "$repeat"); do
			for file in "$path" "$path".[0-9]*; do
				[ ! -e "$file" ] || dd if="$file" iflag=nocache count=0 status=none
			done
			start=$(date +%s%N)
			for file in "$path" "$path".[0-9]*; do
				[ ! -e "$file" ] || dd if="$file" of=/dev/null bs=1M status=none
			done
			stop=$(date +%s%N)
			echo $(((stop - start) / 1000000)) >> "$work/cold_read"
			server_stop bench
			server_start bench
			for file in "$path" "$path".[0-9]*; do
				[ ! -e "$file" ] || dd if="$file" iflag=nocache count=0 status=none
			done
			{
				# memory for buffers is there before it is measured
				echo "SELECT count(*) FROM (SELECT ctid FROM heap OFFSET 0) s;"
				echo "SELECT pg_backend_pid() AS pid \\gset"
				echo "\\setenv TSDB_PID :pid"
				echo "\\! cat /proc/\$TSDB_PID/schedstat"
				echo "\\timing on"
				echo "$query;"
				echo "\\timing off"
				echo "\\! cat /proc/\$TSDB_PID/schedstat"
			} | sql > "$work/cold.out"
			awk -v query="$work/cold_query" -v cpu="$work/cold_cpu" '
				/^Time:/ { ms = $2 }
				/^[0-9]+ [0-9]+ [0-9]+$/ { n++; ran[n] = $1 / 1e6; waited[n] = $2 / 1e6 }
				END { print ms - (waited[2] - waited[1]) >> query; print ran[2] - ran[1] >> cpu }' "$work/cold.out"
		done
		row "$t: ${query:0:30}" "$(megabytes "$(sql -c "SELECT pg_relation_size(reltoastrelid) FROM pg_class WHERE relname = '$t'")")" \
			"$(median < "$work/cold_read")" "$(median < "$work/cold_query")" "$(median < "$work/cold_cpu")" \
			"$(ratio "$(median < "$work/cold_read")" "$(median < "$work/cold_query")")"
	done <<-'EOF'
		cold_random|SELECT sum(a), sum(b), sum(c), sum(d) FROM cold_random
		cold_random|SELECT sum(a) FROM cold_random
		cold_cpu|SELECT @sums FROM cold_cpu
		cold_cpu|SELECT sum(usage_user) FROM cold_cpu
	EOF
}

# wide_VARIANT: 200,000 rows of cpu under a primary key, on tsdb all of them in chunks
fetch_wide()
{
	local am=$1
	sql -c "SET client_min_messages = warning" -c "SET tsdb_am.direct_load_rows = 1" -c "DROP TABLE IF EXISTS wide_$1" \
		-c "CREATE TABLE wide_$1 (id bigint, $cpu_columns) USING $am" \
		-c "INSERT INTO wide_$1 SELECT row_number() OVER (ORDER BY time, host), * FROM (SELECT * FROM heap ORDER BY time, host LIMIT 200000) s" \
		-c "ALTER TABLE wide_$1 ADD PRIMARY KEY (id)" -c "VACUUM ANALYZE wide_$1" >/dev/null
}

# WAL from the load until all rows are frozen, page checksums on (hint bits and page images count then)
frozen()
{
	local variant lsn
	server_stop bench
	bench_server checksums --data-checksums
	say
	say "## WAL until frozen, cpu, page checksums on"
	say
	row "" heap tsdb tsdb/heap
	rule 3
	declare -A loaded done
	for variant in heap tsdb; do
		create $variant cpu
		sql -c CHECKPOINT
		lsn=$(sql -c "SELECT pg_current_wal_insert_lsn()")
		sql -c "COPY $variant FROM '$work/cpu.csv' (FORMAT csv)"
		loaded[$variant]=$(sql -c "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '$lsn')")
		sql -c CHECKPOINT -c "SELECT count(*) FROM $variant" -c "VACUUM FREEZE $variant" >/dev/null
		done[$variant]=$(sql -c "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '$lsn')")
	done
	row "at load, MB" "$(megabytes "${loaded[heap]}")" "$(megabytes "${loaded[tsdb]}")" "$(ratio "${loaded[tsdb]}" "${loaded[heap]}")"
	row "until frozen, MB" "$(megabytes "${done[heap]}")" "$(megabytes "${done[tsdb]}")" "$(ratio "${done[tsdb]}" "${done[heap]}")"
	server_stop checksums
}

# levels_row LABEL: what the notes "written ROWS BYTES" in file "steps" add up to, beside the table as it is now
levels_row()
{
	local rows bytes chunks now
	read -r chunks now <<<"$(sql -F ' ' -c "SELECT count(*), sum(stored_bytes) FROM tsdb.chunks WHERE relation = 'tsdb'::regclass")"
	read -r rows bytes <<<"$(awk '$1 == "written" { r += $2; b += $3 } END { print r, b }' "$work/steps")"
	row "$1" "$chunks" "$(megabytes "$now")" "$(ratio "$now" "$sorted")" "$(awk -v r="$rows" -v n="$nrows" 'BEGIN { printf "%.2f", r / n }')" "$(ratio "$bytes" "$now")"
	sql -c "SELECT 'ROWS DIFFER' FROM (SELECT count(*), sum(usage_user) FROM tsdb) a, (SELECT count(*), sum(usage_user) FROM heap) b WHERE a IS DISTINCT FROM b"
}

# Compressing in steps, and merging in levels: processor time, size, how often rows are written.
levels()
{
	local nrows sorted before after
	nrows=$(wc -l < "$work/cpu.csv")
	sql <<-'EOF'
	CREATE FUNCTION compress_step(rel regclass, before xid, min_rows int, from_block bigint,
		OUT busy bool, OUT done bool, OUT moved bigint, OUT bytes bigint, OUT waiting bigint, OUT next_block bigint)
		RETURNS record LANGUAGE C STRICT AS '$libdir/tsdb_am', 'tsdb_sql_compress_step';
	CREATE FUNCTION merge_step(rel regclass, force bool,
		OUT merged bool, OUT busy bool, OUT chunks_read int, OUT chunks_written int, OUT moved bigint, OUT bytes_read bigint, OUT bytes_written bigint)
		RETURNS record LANGUAGE C STRICT AS '$libdir/tsdb_am', 'tsdb_sql_merge_step';
	CREATE PROCEDURE compress_steps() LANGUAGE plpgsql AS $$
	DECLARE s record; b bigint := 0;
	BEGIN
		LOOP
			s := compress_step('tsdb', '0', 1, b); COMMIT; b := s.next_block;
			RAISE INFO 'written % %', s.moved, s.bytes;
			EXIT WHEN s.done;
		END LOOP;
	END $$;
	CREATE PROCEDURE merge_steps() LANGUAGE plpgsql AS $$
	DECLARE s record;
	BEGIN
		LOOP
			s := merge_step('tsdb', false); COMMIT;
			EXIT WHEN NOT s.merged;
			RAISE INFO 'written % %', s.moved, s.bytes_written;
		END LOOP;
	END $$;
	EOF
	create heap cpu
	sql -c "COPY heap FROM '$work/cpu.csv' (FORMAT csv)" -c "CREATE INDEX ON heap (time)" -c "VACUUM ANALYZE heap"
	sql -c "CREATE TABLE shuffled AS SELECT *, row_number() OVER () AS n FROM (SELECT * FROM heap ORDER BY random()) h" -c "CREATE INDEX ON shuffled (n)" -c "VACUUM ANALYZE shuffled"
	create tsdb cpu
	sql -c "COPY tsdb FROM '$work/cpu.csv' (FORMAT csv)"
	sorted=$(sql -c "SELECT sum(stored_bytes) FROM tsdb.chunks WHERE relation = 'tsdb'::regclass")
	say
	say "## levels of cpu: $nrows rows; COPY in order stores $(megabytes "$sorted") MB"
	say
	row "" chunks MB "MB/sorted" "writes/row" "bytes/MB"
	rule 5

	create tsdb cpu
	sql -c "SET tsdb_am.direct_load_rows = 0" -c "COPY tsdb FROM '$work/cpu.csv' (FORMAT csv)"
	{
		echo "SELECT pg_backend_pid() AS pid \\gset"
		echo "\\setenv TSDB_PID :pid"
		echo "\\! sh $work/cpu_time.sh"
		echo "CALL compress_steps();"
		echo "\\! sh $work/cpu_time.sh"
		echo "CALL merge_steps();"
	} | sql > "$work/steps_time" 2> "$work/steps.raw"
	levels_written
	levels_row "in order, 61,440 a step"
	read -r before after <<<"$(awk '$1 == "cpu" { printf "%s ", $2 }' "$work/steps_time")"

	create tsdb cpu
	sql -c "DO \$\$ DECLARE t timestamptz; BEGIN FOR t IN SELECT generate_series(min(time), max(time), $((16384 / hosts * step)) * interval '1 s') FROM heap LOOP
		SET tsdb_am.direct_load_rows = 0; INSERT INTO tsdb SELECT * FROM heap WHERE time >= t AND time < t + $((16384 / hosts * step)) * interval '1 s'; COMMIT;
		CALL compress_steps(); CALL merge_steps(); END LOOP; END \$\$" 2> "$work/steps.raw"
	levels_written
	levels_row "in order, 16,384 a step"

	create tsdb cpu
	sql -c "SET tsdb_am.direct_load_rows = 0" -c "INSERT INTO tsdb SELECT ${cpu_names} FROM shuffled" -c "CALL compress_steps()" -c "CALL merge_steps()" 2> "$work/steps.raw"
	levels_written
	levels_row "shuffled, in steps"

	create tsdb cpu
	sql -c "INSERT INTO tsdb SELECT ${cpu_names} FROM shuffled" \
		-c "DO \$\$ BEGIN RAISE INFO 'written % %', $nrows, (SELECT sum(stored_bytes) FROM tsdb.chunks WHERE relation = 'tsdb'::regclass); END \$\$" -c "CALL merge_steps()" 2> "$work/steps.raw"
	levels_written
	levels_row "shuffled, one load"
	say
	say "compressing in steps: $((after - before)) ms of processor time, $(awk -v n="$nrows" -v t=$((after - before)) 'BEGIN { printf "%.2f", n / t / 1000 }') million rows/s"
}

levels_written() { sed -n 's/^.*INFO: *written/written/p' "$work/steps.raw" > "$work/steps"; }

# Planning time of a query, median, ms; the first time fills caches.
planning()
{
	for _ in $(seq $((repeat * 5 + 1))); do echo "EXPLAIN (SUMMARY, COSTS OFF) $1;"; done > "$work/planning.sql"
	sql -f "$work/planning.sql" | sed -n 's/^Planning Time: \([0-9.]*\) ms/\1/p' | tail -n +2 | median
}

# What more partitions, and more chunks, cost when queries are planned.
shards()
{
	local n table
	say
	say "## planning time, ms, medians of $((repeat * 5))"
	say
	row "" "one range" "all rows"
	rule 2
	for n in 1 10 50 200; do
		table=partitions_$n
		sql -c "CREATE TABLE $table (t int NOT NULL, host text, v float8) USING tsdb WITH (segmentby = 'host')" \
			-c "INSERT INTO $table SELECT i, 'host_' || i % 10, i FROM generate_series(0, 199999) i" \
			-c "DO \$\$ BEGIN PERFORM tsdb.create_shards('$table', 't', 200000 / $n, ahead => 0, migrate_data => true); END \$\$" -c "VACUUM ANALYZE $table"
		row "$n partitions" "$(planning "SELECT * FROM $table WHERE t >= 150000 AND t < 150900")" "$(planning "SELECT max(v) FROM $table")"
	done
	for n in 10 100 1000 10000; do
		table=chunks_$n
		sql -c "CREATE TABLE $table (t int NOT NULL, host text, v float8) USING tsdb WITH (segmentby = 'host', orderby = 't')" \
			-c "SET tsdb_am.direct_load_rows = 1" \
			-c "DO \$\$ BEGIN FOR i IN 1 .. $n LOOP INSERT INTO $table SELECT i * 10 + g, 'host_' || g, g FROM generate_series(0, 9) g; END LOOP; END \$\$" -c "VACUUM ANALYZE $table"
		[ "$(sql -c "SELECT chunks FROM tsdb.tables WHERE relation = '$table'::regclass")" = $n ] || die "$table has not $n chunks"
		row "one table, $n chunks" "$(planning "SELECT * FROM $table WHERE t >= 50 AND t < 90")" "$(planning "SELECT max(v) FROM $table")"
	done
}

# As-of joins: LATERAL on heap with a btree, which is what core has for them, beside TsdbAsof.
asof()
{
	local rows=${ASOF_ROWS:-1000000} symbols=${ASOF_SYMBOLS:-1000} table variant name query round
	sql -c "SELECT setseed(0.5)" \
		-c "CREATE TABLE trades_btree (time timestamptz NOT NULL, symbol text NOT NULL, price float8, size int)" \
		-c "CREATE TABLE quotes_btree (time timestamptz NOT NULL, symbol text NOT NULL, bid float8, ask float8)" \
		-c "INSERT INTO trades_btree SELECT timestamptz '2024-01-02 09:00+00' + (i + random()) * interval '25200 s' / $rows, 'SYM' || lpad((random() * random() * ($symbols - 1))::int::text, 5, '0'), round((100 + random() * 10)::numeric, 2), (random() * 1000)::int FROM generate_series(1, $rows) i" \
		-c "INSERT INTO quotes_btree SELECT timestamptz '2024-01-02 09:00+00' + (i + random()) * interval '25200 s' / $rows, 'SYM' || lpad((random() * random() * ($symbols - 1))::int::text, 5, '0'), round((100 + random() * 10)::numeric, 2), round((100 + random() * 10)::numeric, 2) FROM generate_series(1, $rows) i" >/dev/null
	for table in trades quotes; do
		sql -c "CREATE INDEX ON ${table}_btree (symbol, time)" \
			-c "CREATE TABLE ${table}_tsdb (LIKE ${table}_btree) USING tsdb WITH (segmentby = 'symbol', orderby = 'time')" \
			-c "INSERT INTO ${table}_tsdb TABLE ${table}_btree" -c "VACUUM ANALYZE ${table}_btree, ${table}_tsdb"
	done
	sql -c CHECKPOINT
	say
	say "## as-of joins of $rows trades with $rows quotes, $symbols symbols, ms, medians of $repeat after one warm-up; btree: LATERAL on heap"
	say
	row "" btree tsdb btree/tsdb "btree ms" "tsdb ms"
	rule 5
	while IFS='|' read -r name query; do
		for variant in btree tsdb; do
			printf '\\o %s\n\\timing on\n%s;\n' "$work/answer_$variant" "${query//\%/_$variant}" > "$work/asof_$variant.sql"
			rm -f "$work/asof_$variant" "$work/answer_$variant"
			run_query "$work/asof_$variant.sql" >/dev/null
		done
		for round in $(seq "$repeat"); do
			for variant in btree tsdb; do
				run_query "$work/asof_$variant.sql" >> "$work/asof_$variant"
			done
		done
		cmp -s <(grep -v '^Time' "$work/answer_btree") <(grep -v '^Time' "$work/answer_tsdb") || name="$name (ANSWERS DIFFER)"
		row "$name" "$(median < "$work/asof_btree")" "$(median < "$work/asof_tsdb")" \
			"$(ratio "$(median < "$work/asof_btree")" "$(median < "$work/asof_tsdb")")" "$(spread < "$work/asof_btree")" "$(spread < "$work/asof_tsdb")"
	done <<-'EOF'
	last quote|SELECT count(*), count(q.bid), round(sum(t.price - q.bid)::numeric, 2) FROM trades% t LEFT JOIN LATERAL (SELECT bid FROM quotes% q WHERE q.symbol = t.symbol AND q.time <= t.time ORDER BY q.time DESC LIMIT 1) q ON true
	not older than a minute|SELECT count(*), count(q.bid), round(sum(t.price - q.bid)::numeric, 2) FROM trades% t LEFT JOIN LATERAL (SELECT bid FROM quotes% q WHERE q.symbol = t.symbol AND q.time <= t.time AND q.time > t.time - interval '1 minute' ORDER BY q.time DESC LIMIT 1) q ON true
	next quote|SELECT count(*), count(q.bid), round(sum(t.price - q.bid)::numeric, 2) FROM trades% t JOIN LATERAL (SELECT bid FROM quotes% q WHERE q.symbol = t.symbol AND q.time > t.time ORDER BY q.time LIMIT 1) q ON true
	last quote, by minute|SELECT date_trunc('minute', t.time), count(*), round(avg(t.price - (q.bid + q.ask) / 2)::numeric, 6) FROM trades% t JOIN LATERAL (SELECT bid, ask FROM quotes% q WHERE q.symbol = t.symbol AND q.time <= t.time ORDER BY q.time DESC LIMIT 1) q ON true GROUP BY 1 ORDER BY 1
	one symbol|SELECT count(*), count(q.bid), round(sum(t.price - q.bid)::numeric, 2) FROM trades% t LEFT JOIN LATERAL (SELECT bid FROM quotes% q WHERE q.symbol = t.symbol AND q.time <= t.time ORDER BY q.time DESC LIMIT 1) q ON true WHERE t.symbol = 'SYM00100'
	all symbols, 5 minutes|SELECT count(*), count(q.bid), round(sum(t.price - q.bid)::numeric, 2) FROM trades% t LEFT JOIN LATERAL (SELECT bid FROM quotes% q WHERE q.symbol = t.symbol AND q.time <= t.time ORDER BY q.time DESC LIMIT 1) q ON true WHERE t.time >= '2024-01-02 12:00+00' AND t.time < '2024-01-02 12:05+00'
	control: sum of trades|SELECT count(*), sum(size) FROM trades_btree
	EOF
}

# Continuous aggregates: a refresh of all, one after 1 % late rows, what queries gain and what writers pay.
continuous()
{
	local view width i fields="avg(usage_user) AS a1, avg(usage_system) AS a2, avg(usage_idle) AS a3, avg(usage_nice) AS a4, avg(usage_iowait) AS a5,
		avg(usage_irq) AS a6, avg(usage_softirq) AS a7, avg(usage_steal) AS a8, avg(usage_guest) AS a9, max(usage_guest_nice) AS a10"
	create tsdb cpu
	rm -f "$work"/continuous_*
	sql -c "COPY tsdb FROM '$work/cpu.csv' (FORMAT csv)" -c "VACUUM ANALYZE tsdb"
	for width in hour minute; do
		sql -c "CREATE MATERIALIZED VIEW by_$width WITH (tsdb.continuous) AS SELECT time_bucket('1 $width', time) AS bucket, host, $fields FROM tsdb GROUP BY 1, 2" \
			-c "VACUUM ANALYZE by_${width}_stored"
	done
	sql -c CHECKPOINT
	# what is compared is work: without the wait for the disk at the end, which is the same for all, and in sessions that have
	# refreshed before
	local warm="SET synchronous_commit = off; SELECT tsdb.refresh_window(:'t', '1990-01-01', '1990-02-01', force => true);"
	for i in $(seq "$repeat"); do
		for width in hour minute; do
			timed continuous_all by_$width "$warm SELECT tsdb.refresh_window('by_$width', NULL, NULL, force => true);"
			sql -c "VACUUM by_${width}_stored"
		done
	done
	# 1 % of the rows once more, of one stretch of time, several times since it is short
	for i in $(seq $((repeat * 5))); do
		sql -c "INSERT INTO tsdb SELECT time + interval '1 ms', ${cpu_names#time, } FROM tsdb
				WHERE time >= timestamptz '2024-01-01' + interval '1 s' * ($((days * 86400)) * $i / $((repeat * 5 + 1)))
				AND time < timestamptz '2024-01-01' + interval '1 s' * ($((days * 86400)) * $i / $((repeat * 5 + 1)) + $((days * 864)))
				AND extract(microseconds FROM time)::int % 1000000 = 0"
		for width in hour minute; do
			timed continuous_view by_$width "SELECT tsdb.version(); SELECT count(*), avg(a1) FROM by_$width;"
			timed continuous_late by_$width "$warm SELECT tsdb.refresh_window('by_$width', NULL, NULL);"
			timed continuous_none by_$width "$warm SELECT tsdb.refresh_window('by_$width', NULL, NULL);"
			timed continuous_query by_$width "SELECT tsdb.version(); SELECT count(*), avg(a1) FROM by_$width;"
			[ "$i" -gt "$repeat" ] || timed continuous_source by_$width "SELECT count(*), avg(a1) FROM (SELECT time_bucket('1 $width', time) AS bucket, host, $fields FROM tsdb GROUP BY 1, 2) x;"
		done
	done
	say
	say "## continuous aggregates of cpu, ten columns by host, ms, medians of $repeat, of $((repeat * 5)) where rows are late"
	say
	row "" "by hour" "by minute"
	rule 2
	for i in "all:refresh of all buckets" "late:refresh after 1 % late rows" "none:refresh, nothing to do" "query:count, average: view" "view:the same, 1 % late" "source:the same from the source"; do
		row "${i#*:}" "$(median < "$work/continuous_${i%%:*}_by_hour")" "$(median < "$work/continuous_${i%%:*}_by_minute")"
	done
	row "late / all" "$(ratio "$(median < "$work/continuous_late_by_hour")" "$(median < "$work/continuous_all_by_hour")")" \
		"$(ratio "$(median < "$work/continuous_late_by_minute")" "$(median < "$work/continuous_all_by_minute")")"

	# writers: no aggregate, two, no aggregate again
	sql -c "DROP TABLE tsdb CASCADE" 2>/dev/null
	printf "INSERT INTO watched SELECT now(), 'h', i FROM generate_series(1, 10) i;\n" > "$work/watched.pgbench"
	for i in $(seq "$repeat"); do
		for view in none two none; do
			sql -c "SET client_min_messages = warning" -c "DROP TABLE IF EXISTS watched, tsdb CASCADE" -c "CREATE TABLE watched (time timestamptz NOT NULL, host text, v int) USING tsdb"
			create tsdb cpu
			[ $view = none ] || for width in hour minute; do
				sql -c "CREATE MATERIALIZED VIEW w_$width WITH (tsdb.continuous) AS SELECT time_bucket('1 $width', time) AS bucket, sum(v) FROM watched GROUP BY 1" \
					-c "CREATE MATERIALIZED VIEW t_$width WITH (tsdb.continuous) AS SELECT time_bucket('1 $width', time) AS bucket, count(*) FROM tsdb GROUP BY 1"
			done
			timed continuous_copy_$view tsdb "COPY tsdb FROM '$work/cpu.csv' (FORMAT csv);"
			PGOPTIONS="-c synchronous_commit=off" "$pg_bin/pgbench" -n -h "$scratch" -p "$server_port" -U postgres -T "$pgbench_seconds" -M prepared -f "$work/watched.pgbench" postgres 2>&1 |
				sed -n 's/^latency average = \([0-9.]*\) ms/\1/p' | awk '{ print $1 * 1000 }' >> "$work/continuous_insert_$view"
		done
	done
	say
	row "" "no aggregate" "two" "two / none"
	rule 3
	row "COPY of cpu, ms" "$(median < "$work/continuous_copy_none_tsdb")" "$(median < "$work/continuous_copy_two_tsdb")" \
		"$(ratio "$(median < "$work/continuous_copy_two_tsdb")" "$(median < "$work/continuous_copy_none_tsdb")")"
	row "INSERT of ten rows, us" "$(median < "$work/continuous_insert_none")" "$(median < "$work/continuous_insert_two")" \
		"$(ratio "$(median < "$work/continuous_insert_two")" "$(median < "$work/continuous_insert_none")")"
}

bench_server bench
say "machine: $(nproc) processors, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(awk '/MemTotal/ { printf "%.0f GB", $2 / 1048576 }' /proc/meminfo)"
say "server: $(sql -c "SHOW server_version"), fsync on, shared_buffers 1GB"
! has metric || loads metric
! has cpu || loads cpu
! has sizes || { sizes decimal; sizes cpu; }
! has queries || queries
! has aggregates || aggregates
! has functions || functions
! has asof || asof
! has scans || scans
! has cold || cold
! has inserts || inserts
! has fetches || fetches
! has changes || changes
! has levels || levels
! has continuous || continuous
! has shards || shards
! has wal || frozen
