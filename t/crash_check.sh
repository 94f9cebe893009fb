# For 040_crash_points.sh and 041_resources.sh, sourced after lib.sh: tables with heap twins, scripts at work on them, and whether
# what the tables hold is right.
#
# fault KIND TEXT counts a fault in faults[KIND] and tells it; report_faults NAME at the end makes test results of them.

declare -A faults=([missing]=0 [content]=0 [damage]=0 [errors]=0)
fault() { faults[$1]=$((${faults[$1]} + 1)); note "FAULT $1: $2"; }

# What statements may meet beside each other, whoever crashes.
expected_errors='postmaster exited|could not signal for checkpoint|checkpoint request failed|does not use access method tsdb|deadlock detected|current transaction is aborted|terminating connection|server closed|connection to server|already exists|does not exist|the database system is|canceling statement due to lock timeout|could not obtain lock|tuple concurrently|could not open relation with OID|cannot reindex|due to concurrent|injected error'

crash_tables()
{
	sql >/dev/null <<<"$extension"
	if [ "$am" = heap ]; then
		sql >/dev/null <<<"CREATE FUNCTION tsdb.merge(regclass, force bool) RETURNS bigint LANGUAGE sql AS 'SELECT 0::bigint';
			CREATE FUNCTION tsdb.recompress(regclass, cold bool) RETURNS bigint LANGUAGE sql AS 'SELECT 0::bigint';
			CREATE FUNCTION tsdb.drain_default(regclass, int) RETURNS bigint LANGUAGE sql AS 'SELECT 0::bigint';
			CREATE FUNCTION tsdb.extend_shards(regclass) RETURNS bigint LANGUAGE sql AS 'SELECT 0::bigint';
			CREATE FUNCTION tsdb.create_shards(regclass, name, interval, ahead int) RETURNS bigint LANGUAGE sql AS 'SELECT 0::bigint';"
	fi
	sql -c "CREATE EXTENSION amcheck" -c "SET client_min_messages = warning" -v am="$am" -f "$top/t/crash_tables.sql" >/dev/null
	local i
	for i in $(seq 1 2000); do
		printf '%d,2024-01-0%d 00:00:00+00,host_%d,%d.5,%d,%s\n' "$i" $((1 + i % 5)) $((i % 13)) $((i % 50)) "$i" "note $((i % 9))"
	done > "$scratch/batch.csv"
	chmod 644 "$scratch/batch.csv"
	: > "$scratch/told"
}

# start_work ROUND WRITERS FOCUS COUNT [movers]: in the background; their processes are in work_pids
start_work()
{
	local round=$1 w m
	work_pids=()
	rm -f "$scratch"/work.*
	for w in $(seq 1 "$2"); do
		perl "$top/t/crash_work.pl" writer "$round" "$w" "$4" $RANDOM > "$scratch/work.w$w.sql"
	done
	for m in $(seq 1 "${5:-1}"); do
		perl "$top/t/crash_work.pl" mover "$3" "$4" $RANDOM > "$scratch/work.m$m.sql"
	done
	perl "$top/t/crash_work.pl" reader "$4" $RANDOM > "$scratch/work.r.sql"
	for w in "$scratch"/work.*.sql; do
		sql -v ON_ERROR_STOP=0 -v am="$am" -v batch="$scratch/batch.csv" -f "$w" > "${w%.sql}.out" 2> "${w%.sql}.err" &
		work_pids+=($!)
	done
}

work_is_alive()
{
	local pid
	for pid in "${work_pids[@]}"; do
		! kill -0 "$pid" 2>/dev/null || return 0
	done
	return 1
}

# Waits for the scripts' end, and takes down what they were told and which errors they met.
end_work()
{
	local errors
	wait "${work_pids[@]}" 2>/dev/null || true
	sed -n 's/^told \([0-9]\)/\1/p' "$scratch"/work.w*.out >> "$scratch/told"
	errors=$(grep -hE '(ERROR|FATAL|PANIC): ' "$scratch"/work.*.err | sed 's/^psql:[^ ]* //' | grep -vE "$expected_errors" | sort | uniq -c | head -n 5 || true)
	[ -z "$errors" ] || fault errors "$1: $errors"
}

# expect WHAT RESULT SETTINGS QUERY
expect()
{
	local got
	got=$(PGOPTIONS="$3" sql -c "$4" 2>&1) || true
	[ "$got" = "$2" ] || fault content "$1: $got, not $2: $3: $4"
}

# The tables hold what was committed, whichever way they are read.
check_tables()
{
	local what=$1 table result missing
	local rows="-c tsdb_am.enable_custom_scan=off -c max_parallel_workers_per_gather=0"
	[ "$am" = tsdb ] || rows=
	local vectors=${rows:+-c tsdb_am.enable_vector_agg=off}
	sql -c "SELECT tag FROM log" | LC_ALL=C sort > "$scratch/noted"
	missing=$(LC_ALL=C sort -u "$scratch/told" | LC_ALL=C comm -23 - "$scratch/noted" | head -n 5)
	[ -z "$missing" ] || fault missing "$what: transactions are missing: $missing"
	expect "$what" "0|0|0|0|0" "$rows" "SELECT differ('events'), differ('keyed'), differ('sharded'), groups_differ('events'), groups_differ('sharded')"
	expect "$what" "0|0|0" "" "SELECT differ('events'), differ('keyed'), differ('sharded')"
	expect "$what" "0|0|0" "" "SELECT differ('fresh'), torn('fresh'), differ('virgin')"
	expect "$what" "0|0|0|0" "" "SELECT groups_differ('events'), groups_differ('keyed'), groups_differ('sharded'), groups_differ('events', \$\$time < '2024-01-02 UTC'\$\$)"
	expect "$what" "0|0|0" "$vectors" "SELECT groups_differ('events'), groups_differ('keyed'), groups_differ('sharded')"
	expect "$what" "0|0" "$rows -c enable_seqscan=off -c enable_bitmapscan=off" "SELECT groups_differ('keyed', 'id > 0'), groups_differ('keyed', \$\$host > ''\$\$)"
	expect "$what" "0|0" "$rows -c enable_seqscan=off -c enable_indexscan=off -c enable_indexonlyscan=off" "SELECT groups_differ('keyed', 'id > 0'), groups_differ('keyed', \$\$host > ''\$\$)"
	expect "$what" "0|0|0" "" "SELECT torn('events'), torn('keyed'), torn('sharded')"
	result=$(sql -c "SELECT c.oid::regclass, problem FROM pg_class c JOIN pg_am a ON a.oid = relam, tsdb.verify(c.oid) WHERE amname = 'tsdb' LIMIT 5" \
		-c "SELECT bt_index_check(indexrelid, true) FROM pg_index WHERE indrelid = 'keyed'::regclass AND indisvalid" \
		-c "SELECT bt_index_check(indexrelid, true) FROM pg_index i JOIN pg_class t ON t.reltoastrelid = indrelid JOIN pg_am a ON a.oid = t.relam WHERE amname = 'tsdb' AND indisvalid" 2>&1 | grep -v '^$' || true)
	[ -z "$result" ] || fault damage "$what: $result"
}

# Old rows go, so that the tables stay small.
trim_tables()
{
	local statements="DELETE FROM %s WHERE lpad(split_part(tag, '.', 1), 5, '0') < lpad('$1', 5, '0')"
	local table
	[ $((RANDOM % 4)) != 0 ] || statements="TRUNCATE %s"
	for table in events sharded; do
		printf "BEGIN;\n$statements;\n$statements;\nCOMMIT;\n" $table ${table}_heap
	done | sql
}

report_faults()
{
	local errors
	errors=$(grep -E '\] tsdb [a-z]+[ 0-9]* (ERROR|FATAL|PANIC): ' "$scratch/main.log" | grep -vE "$expected_errors" | sed 's/.*\] //' | sort | uniq -c | head -n 5 || true)
	[ -z "$errors" ] || fault errors "workers: $errors"
	is "${faults[missing]}" 0 "$1: every acknowledged transaction is there"
	is "${faults[content]}" 0 "$1: the tables hold what their heap twins hold, by every path"
	is "${faults[damage]}" 0 "$1: verify and amcheck find nothing"
	is "${faults[errors]}" 0 "$1: no other errors than those to be expected"
}
