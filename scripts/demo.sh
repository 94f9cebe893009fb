#!/usr/bin/env bash
#
# Installs what is missing, builds, and shows tsdb_am on real data in a private throw-away server, which is
# gone afterwards.
set -euo pipefail
bash "$(dirname "$0")/install_deps.sh"
. "$(dirname "$0")/lib.sh"
find_postgres

say "Building tsdb_am for PostgreSQL $pg_major ..."
build_variant release EXTRA_CFLAGS= || { tail -n 30 "$build_dir/release.log"; exit 1; }
stage_variant release

say "Starting a private server ..."
server_create demo
server_config demo "timezone = 'UTC'" "max_parallel_workers_per_gather = 0" "jit = off" "max_wal_size = 4GB" "tsdb_am.max_workers = 0"
server_start demo

mkdir "$scratch/data"
for file in "$top"/data/*.csv; do cp "$file" "$scratch/data/"; done
for file in "$top"/data/*.csv.gz; do gunzip -c "$file" > "$scratch/data/$(basename "$file" .gz)"; done
gcc -O2 -ffp-contract=off "$top/bench/gen_cpu.c" -o "$scratch/gen_cpu" -lm
"$scratch/gen_cpu" cpu 100 86400 10 42 > "$scratch/data/cpu.csv"
[ "$(id -u)" != 0 ] || chown -R "$server_user:" "$scratch/data"

"$pg_bin/psql" -X -h "$scratch" -U postgres -v ON_ERROR_STOP=1 -v data="$scratch/data" -P pager=off -P footer=off -P null=- -q -f "$top/scripts/demo.sql"
say
say "The server is stopped and its files are removed now.  To keep tsdb_am: make install, then README.md."
