#!/usr/bin/env bash
# Many small writers: rows a second of single-row, 10-row and 1,000-row INSERTs, of ten INSERTs in a pipeline and of COPY, by 1 to 32 clients, into
# heap, heap with an index, tsdb, and tsdb with a primary key; with synchronous_commit on and off, and with commit_delay.
# doc/ingest.md tells what to take from it.
#
# Environment: SECONDS_PER_RUN (1), REPEAT (3) runs of which the median is told, CLIENTS ("1 8 16 32"), COPY_ROWS (320000) in all,
# PARTS ("rows async delay copy"), WORKERS background workers that compress meanwhile (unset = the server's default),
# SETTINGS lines for postgresql.conf.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
bash "$here/../scripts/install_deps.sh"
. "$here/../scripts/lib.sh"
find_postgres
seconds=${SECONDS_PER_RUN:-1} repeat=${REPEAT:-3} clients=${CLIENTS:-1 8 16 32} copy_rows=${COPY_ROWS:-320000}
parts=" ${PARTS:-rows async delay copy} "
variants="heap btree tsdb tsdb_key"
slices=32

build_variant release EXTRA_CFLAGS= || die "build failed: $build_dir/release.log"
stage_variant release
work=$scratch/work
mkdir "$work"
cp "$here"/ingest/*.pgbench "$work/"
for slice in $(seq $slices); do
	awk -v s="$slice" -v n=$((copy_rows / slices)) 'BEGIN { for (i = 0; i < n; i++) printf "2024-01-01 %02d:%02d:%02d+00,host_%d,10,20,30,40,50,60,70,80,90,100\n",
		i / 360000 % 24, i / 6000 % 60, i / 100 % 60, s * 1000 + i % 100 }' > "$work/slice_$slice.csv"
done
[ "$(id -u)" != 0 ] || chown -R "$server_user:" "$work"

server_create ingest
server_config ingest "fsync = on" "shared_buffers = 1GB" "max_wal_size = 16GB" "checkpoint_timeout = 1h" "jit = off" "timezone = 'UTC'" "${SETTINGS:-}"
server_start ingest
sql -c "CREATE EXTENSION tsdb_am"
workers=
if [ -n "${WORKERS:-}" ]; then
	if sql -c "SHOW tsdb_am.max_workers" >/dev/null 2>&1; then
		server_config ingest "tsdb_am.max_workers = $WORKERS"
		server_stop ingest
		server_start ingest
		workers=", tsdb_am.max_workers = $WORKERS"
	else
		workers=", no background workers in this build"
	fi
fi

columns='time timestamptz NOT NULL, host text NOT NULL, usage_user float8, usage_system float8, usage_idle float8, usage_nice float8,
	usage_iowait float8, usage_irq float8, usage_softirq float8, usage_steal float8, usage_guest float8, usage_guest_nice float8'
create()
{
	local am=heap key=
	case $1 in tsdb*) am="tsdb WITH (segmentby = 'host', orderby = 'time')" ;; esac
	[ "$1" != tsdb_key ] || key=", PRIMARY KEY (host, time)"
	sql -c "SET client_min_messages = warning" -c "DROP TABLE IF EXISTS $1" -c "CREATE TABLE $1 ($columns$key) USING $am"
	[ "$1" != btree ] || sql -c "CREATE INDEX ON btree (host, time DESC)"
}
median() { sort -g | awk '{ v[NR] = $1 } END { printf "%d", NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }

# check_rows TABLE ROWS: what was committed is there
check_rows() { [ "$(sql -c "SELECT count(*) FROM $1")" = "$2" ] || die "$1: $(sql -c "SELECT count(*) FROM $1") rows, $2 were committed"; }

# run_pgbench VARIANT SCRIPT ROWS CLIENTS SETTINGS: prints rows a second
run_pgbench()
{
	local result transactions mode=prepared
	case $2 in pipeline) mode=extended ;; esac
	create "$1"
	# (a variable in a prepared statement is a parameter)
	sed "s/:table/$1/" "$work/$2.pgbench" > "$work/run.pgbench"
	result=$(PGOPTIONS=$5 "$pg_bin/pgbench" -n -h "$scratch" -p "$server_port" -U postgres -c "$4" -j 2 -M $mode -T "$seconds" -f "$work/run.pgbench" postgres 2>&1) || die "$result"
	transactions=$(sed -n 's/^number of transactions actually processed: \([0-9]*\).*/\1/p' <<<"$result")
	check_rows "$1" $((transactions * $3))
	sed -n 's/^tps = \([0-9.]*\) .*/\1/p' <<<"$result" | awk -v n="$3" '{ print $1 * n }'
}

# run_copy VARIANT - - CLIENTS SETTINGS: each client copies its share of the slices, a slice a transaction
run_copy()
{
	local client slice begin pids=()
	create "$1"
	for client in $(seq "$4"); do
		for slice in $(seq "$client" "$4" $slices); do echo "\\copy $1 FROM '$work/slice_$slice.csv' (FORMAT csv)"; done > "$work/copy_$client.sql"
	done
	begin=$(date +%s%N)
	for client in $(seq "$4"); do
		PGOPTIONS=$5 sql -f "$work/copy_$client.sql" & pids+=($!)
	done
	for client in "${pids[@]}"; do wait "$client"; done
	awk -v ns=$(($(date +%s%N) - begin)) -v n=$((copy_rows / slices * slices)) 'BEGIN { print n / (ns / 1e9) }'
	check_rows "$1" $((copy_rows / slices * slices))
}

# lines LABEL COMMAND SCRIPT ROWS CLIENTS SETTINGS: a line of the table for each number of clients
lines()
{
	local label=$1 command=$2 script=$3 rows=$4 numbers=$5 settings=$6 n round variant
	declare -A rate
	for n in $numbers; do
		rm -f "$work"/rate_*
		for round in $(seq "$repeat"); do
			for variant in $variants; do
				"$command" "$variant" "$script" "$rows" "$n" "$settings" >> "$work/rate_$variant"
			done
		done
		for variant in $variants; do rate[$variant]=$(median < "$work/rate_$variant"); done
		printf '| %s | %d | %d | %d | %d | %d | %s |\n' "$label" "$n" "${rate[heap]}" "${rate[btree]}" "${rate[tsdb]}" "${rate[tsdb_key]}" \
			"$(awk -v h="${rate[heap]}" -v b="${rate[btree]}" -v t="${rate[tsdb]}" -v k="${rate[tsdb_key]}" 'BEGIN { printf "%.2f | %.2f", t / h, k / b }')"
	done
}

say "rows a second, medians of $repeat runs of $seconds s$workers"
say
say '| | clients | heap | heap + btree | tsdb | tsdb, key | tsdb / heap | tsdb with key / heap + btree |'
say '|---|---:|---:|---:|---:|---:|---:|---:|'
if [[ $parts == *" rows "* ]]; then
	lines "one row" run_pgbench one_row 1 "$clients" ""
	lines "ten INSERTs in a pipeline" run_pgbench pipeline 10 "$clients" ""
	lines "ten rows" run_pgbench ten_rows 10 "$clients" ""
	lines "1,000 rows" run_pgbench thousand_rows 1000 "$clients" ""
fi
if [[ $parts == *" async "* ]]; then
	lines "one row, synchronous_commit = off" run_pgbench one_row 1 "$clients" "-c synchronous_commit=off"
	lines "ten rows, synchronous_commit = off" run_pgbench ten_rows 10 "${clients##* }" "-c synchronous_commit=off"
fi
if [[ $parts == *" delay "* ]]; then
	lines "one row, commit_delay = 1 ms" run_pgbench one_row 1 "${clients##* }" "-c commit_delay=1000 -c commit_siblings=5"
fi
if [[ $parts == *" copy "* ]]; then
	lines "COPY, $((copy_rows / slices)) rows each" run_copy - - "$clients" ""
fi
