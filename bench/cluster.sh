#!/usr/bin/env bash
# A coordinator and 1, 2, 4 servers that hold the partitions of a table (tsdb.create_remote_shard): rows a second on the ways to load them, queries
# beside one local table, and what each server more costs the coordinator.  The servers share this machine's processors, so the figures tell the
# cost of distributing, not its gain; doc/cluster.md has a model of larger clusters that is made of them.
#
# Environment: HOSTS (100), DAYS (1), STEP (10 s) of the data; NODES ("1 2 4") servers; FANOUT ("1 2 4 8 16 32") partitions of the tables that measure the
# coordinator, on as many connections to the last number of servers; REPEAT (3) runs of which the median is told; QUERY_SECONDS (2) of pgbench;
# PARTS ("load fanout"): loading and queries, the coordinator's cost.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
bash "$here/../scripts/install_deps.sh"
. "$here/../scripts/lib.sh"
find_postgres
hosts=${HOSTS:-100} days=${DAYS:-1} step=${STEP:-10} nodes=${NODES:-1 2 4} fanout=${FANOUT:-1 2 4 8 16 32}
repeat=${REPEAT:-3} query_seconds=${QUERY_SECONDS:-2}
most=${nodes##* }
parts=" ${PARTS:-load fanout} "

build_variant release EXTRA_CFLAGS= || die "build failed: $build_dir/release.log"
mkdir -p "$build_dir/bench"
gcc -O2 -ffp-contract=off -Wall "$here/gen_cpu.c" -o "$build_dir/bench/gen_cpu" -lm
stage_variant release
work=$scratch/work
mkdir "$work"
"$build_dir/bench/gen_cpu" cpu "$hosts" $((days * 86400)) "$step" 42 > "$work/cpu.csv"
head -n 5000 "$work/cpu.csv" > "$work/some.csv"
rows=$(wc -l < "$work/cpu.csv")
[ "$(id -u)" != 0 ] || chown -R "$server_user:" "$work"

for node in $(seq 0 "$most"); do
	server_create "node_$node"
	server_config "node_$node" "port = $((5432 + node))" "fsync = on" "shared_buffers = 256MB" "max_wal_size = 8GB" "checkpoint_timeout = 1h" "autovacuum = off" \
		"jit = off" "max_parallel_workers_per_gather = 0" "work_mem = 64MB" "timezone = 'UTC'" "max_connections = 200"
	server_start "node_$node"
	server_port=$((5432 + node)) sql -c "CREATE EXTENSION tsdb_am"
done
columns='time timestamptz NOT NULL, host text NOT NULL, usage_user float8, usage_system float8, usage_idle float8, usage_nice float8,
	usage_iowait float8, usage_irq float8, usage_softirq float8, usage_steal float8, usage_guest float8, usage_guest_nice float8'
sql -c "CREATE EXTENSION postgres_fdw" -c "CREATE EXTENSION dblink" -c "CREATE UNLOGGED TABLE staging ($columns)" -c "COPY staging FROM '$work/cpu.csv' (FORMAT csv)" \
	-c "CREATE TABLE local ($columns) USING tsdb WITH (segmentby = 'host', orderby = 'time')" -c "VACUUM ANALYZE staging"
# servers 1 .. as many as anybody asks for, over the postmasters in turn
for i in $(seq "$(printf '%s\n' $nodes $fanout | sort -n | tail -n 1)"); do
	sql -c "CREATE SERVER s$i FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$scratch', port '$((5433 + (i - 1) % most))', dbname 'postgres', extensions 'tsdb_am',
		fetch_size '10000', async_capable 'true')" -c "CREATE USER MAPPING FOR postgres SERVER s$i OPTIONS (user 'postgres')"
done

median() { sort -g | awk '{ v[NR] = $1 } END { if (NR) printf "%s", NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
say_rate() { median | awk -v n="$1" '{ printf "%d", n / $1 * 1000 }'; }
# time_sql FILE SQL...: appends ms of the last statement
time_sql()
{
	local file=$1 arguments=() statement
	shift
	for statement in "$@"; do arguments+=(-c "$statement"); done
	sql -c "SELECT 1" -c '\timing on' "${arguments[@]}" | sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' | tail -n 1 >> "$file"
}
# create_shards TABLE N: a partition on each of the servers s1 .. sN
create_shards()
{
	sql -c "CREATE TABLE $1 ($columns) PARTITION BY HASH (host)" \
		-c "SELECT tsdb.create_remote_shard('$1', '${1}_' || i, format('FOR VALUES WITH (MODULUS %s, REMAINDER %s)', $2, i - 1), 's' || i) FROM generate_series(1, $2) i" >/dev/null
	# options that the inferred ones would be too, told to every server
	sql -At -F ' ' -c "SELECT substr(l.server, 2), l.remote_name FROM pg_partition_tree('$1') t, tsdb.remote_location(t.relid) l WHERE t.isleaf" | while read -r i name; do
		server_port=$((5433 + (i - 1) % most)) sql -c "ALTER TABLE \"$name\" SET (segmentby = 'host', orderby = 'time')" </dev/null
	done
}
# for each partition of a table: file of its rows, port, name there
split_rows()
{
	local i name n=$2
	sql -At -F ' ' -c "SELECT substr(l.server, 2), l.remote_name FROM pg_partition_tree('$1') t, tsdb.remote_location(t.relid) l WHERE t.isleaf ORDER BY t.relid" > "$work/shards"
	while read -r i name; do
		sql -c "COPY (SELECT * FROM staging WHERE satisfies_hash_partition('$1'::regclass, $n, $((i - 1)), host)) TO '$work/part_$i.csv' (FORMAT csv)" </dev/null
	done < "$work/shards"
}
# processor_time SQL: ms of the coordinator's process for a query, which other work on the machine changes little
processor_time()
{
	{
		echo "SELECT pg_backend_pid() AS pid \\gset"
		echo "\\setenv TSDB_PID :pid"
		echo "\\o /dev/null"
		echo "$1;"
		echo "\\! cut -d' ' -f1 /proc/\$TSDB_PID/schedstat"
		for _ in $(seq 20); do echo "$1;"; done
		echo "\\! cut -d' ' -f1 /proc/\$TSDB_PID/schedstat"
	} | PGOPTIONS="-c enable_partitionwise_aggregate=on" sql | awk '{ v[NR] = $1 } END { printf "%.3f", (v[2] - v[1]) / 20 / 1e6 }'
}
# latency SQL: ms, by pgbench, of one session whose connections are open
latency()
{
	local result
	printf '%s;\n' "$1" > "$work/latency.pgbench"
	result=$(PGOPTIONS="-c enable_partitionwise_aggregate=on ${2:-}" "$pg_bin/pgbench" -n -h "$scratch" -p "$server_port" -U postgres -T "$query_seconds" \
		-f "$work/latency.pgbench" postgres 2>&1) || die "$result"
	sed -n 's/^latency average = \([0-9.]*\) ms/\1/p' <<<"$result"
}

if [[ $parts == *" load "* ]]; then
say "## loading $rows rows, rows a second, medians of $repeat"
say
say "| servers | COPY into a local table | COPY through the coordinator | INSERT ... SELECT through the coordinator | per server | COPY on all servers at one time | per server |"
say "|---:|---:|---:|---:|---:|---:|---:|"
for n in $nodes; do
	create_shards "cpu_$n" "$n"
	split_rows "cpu_$n" "$n"
	rm -f "$work"/ms_*
	for round in $(seq "$repeat"); do
		time_sql "$work/ms_local" "TRUNCATE local" "COPY local FROM '$work/cpu.csv' (FORMAT csv)"
		time_sql "$work/ms_copy" "TRUNCATE cpu_$n" "COPY cpu_$n FROM '$work/some.csv' (FORMAT csv)"
		time_sql "$work/ms_insert" "TRUNCATE cpu_$n" "INSERT INTO cpu_$n SELECT * FROM staging"
		sql -c "TRUNCATE cpu_$n"
		begin=$(date +%s%N)
		pids=()
		while read -r i name; do
			server_port=$((5433 + (i - 1) % most)) sql -c "COPY \"$name\" FROM '$work/part_$i.csv' (FORMAT csv)" </dev/null & pids+=($!)
		done < "$work/shards"
		for pid in "${pids[@]}"; do wait "$pid"; done
		echo $((($(date +%s%N) - begin) / 1000000)) >> "$work/ms_direct"
		[ "$(sql -c "SELECT count(*) FROM cpu_$n")" = "$rows" ] || die "cpu_$n: rows are missing"
	done
	insert=$(say_rate "$rows" < "$work/ms_insert") direct=$(say_rate "$rows" < "$work/ms_direct")
	say "| $n | $(say_rate "$rows" < "$work/ms_local") | $(say_rate 5000 < "$work/ms_copy") | $insert | $((insert / n)) | $direct | $((direct / n)) |"
done

say
say "## queries, ms"
say
header="| | local table |" rule="|---|---:|"
for n in $nodes; do header+=" $n |" rule+="---:|"; done
say "$header"
say "$rule"
sql -c "ANALYZE"
while IFS='|' read -r name query; do
	line="| $name |"
	for t in local $(printf 'cpu_%s ' $nodes); do line+=" $(latency "${query//@/$t}") |"; done
	say "$line"
done <<'EOQ'
one host, one hour|SELECT count(*), max(usage_user) FROM @ WHERE host = 'host_7' AND time >= '2024-01-01 06:00' AND time < '2024-01-01 07:00'
avg by host|SELECT host, avg(usage_user) FROM @ GROUP BY host
hourly avg, first and last by host|SELECT host, time_bucket('1 hour', time) AS b, avg(usage_user), first(usage_user, time), last(usage_user, time) FROM @ GROUP BY host, b
sum over all, by way of hosts|SELECT sum(s) FROM (SELECT host, sum(usage_user) AS s FROM @ GROUP BY host) x
sum over all, rows to the coordinator|SELECT sum(usage_user) FROM @
EOQ
fi

[[ $parts == *" fanout "* ]] || exit 0
say
say "## what a server more costs the coordinator: a trivial aggregate over empty partitions, ms"
say
say "| partitions | planning | query, async | query, one by one | the coordinator's processor time | first query of a session |"
say "|---:|---:|---:|---:|---:|---:|"
for n in $fanout; do
	create_shards "fan_$n" "$n"
	query="SELECT host, count(*) FROM fan_$n GROUP BY host"
	planning=$(PGOPTIONS="-c enable_partitionwise_aggregate=on" sql -c "$query" -c "EXPLAIN (SUMMARY) $query" -c "EXPLAIN (SUMMARY) $query" -c "EXPLAIN (SUMMARY) $query" | sed -n 's/^Planning Time: \([0-9.]*\) ms/\1/p' | median)
	cpu=$(processor_time "$query") async=$(latency "$query") serial=$(latency "$query" "-c enable_async_append=off")
	rm -f "$work/ms_first"
	for round in $(seq "$repeat"); do
		PGOPTIONS="-c enable_partitionwise_aggregate=on" sql -c '\timing on' -c "$query" | sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' >> "$work/ms_first"
	done
	say "| $n | $planning | $async | $serial | $cpu | $(median < "$work/ms_first") |"
	printf '%s %s %s %s %s\n' "$n" "$planning" "$async" "$cpu" "$(median < "$work/ms_first")" >> "$work/fan"
done
# least squares over the fan-outs: ms = base + n * each
awk '{ for (i = 2; i <= 5; i++) { sx[i] += $1; sy[i] += $i; sxx[i] += $1 * $1; sxy[i] += $1 * $i }; n++ }
	END { if (n > 1) { split("planning query processor first", label, " ");
		for (i = 2; i <= 5; i++) { b = (n * sxy[i] - sx[i] * sy[i]) / (n * sxx[i] - sx[i] * sx[i]); printf "\n%s: %.2f ms + %.3f ms for each partition", label[i - 1], (sy[i] - b * sx[i]) / n, b } print "" } }' "$work/fan"
