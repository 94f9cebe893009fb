#!/usr/bin/env bash
# Full disk, no memory, canceled and terminated statements, errors at every injection point, restarts with workers busy: clean
# errors, nothing lost or doubled, and everything works afterwards, also in the session that had the error.
#
# Contents are compared with heap twins that the same transactions write (crash_work.pl, crash_check.sh).
# Environment: TSDB_RESOURCES="disk memory points cancel restart" only these; TSDB_ROUNDS (4) of cancels and restarts; TSDB_SEED;
# TSDB_AM=heap proves the script itself.
. "$(dirname "$0")/lib.sh"
. "$top/t/crash_check.sh"

use_twins
rounds=${TSDB_ROUNDS:-4}
parts=${TSDB_RESOURCES:-disk memory points cancel restart}
wanted() { [[ " $parts " == *" $1 "* ]]; }
expected_errors+='|canceling statement due to|connection is lost'
# where it is the BEGIN that was canceled, or the statement that makes a table, what follows is told
expected_errors+='|can only be used in transaction blocks|cannot perform COPY FREEZE because the table was not created or truncated in the current subtransaction'

server_create main
server_config main "$(cat "$top/t/test.conf")" "deadlock_timeout = 100ms" "restart_after_crash = off"
server_start main
crash_tables
for table in events keyed; do
	for name in $table ${table}_heap; do
		sql -c "INSERT INTO $name (tag, i, time, host, v, n, note $([ $table = events ] || echo ', id')) SELECT 'first', i, '2024-01-01 UTC'::timestamptz + i * interval '10 s', 'host_' || i % 50, (i % 64) / 8.0, i,
			CASE WHEN i % 500 = 0 THEN (SELECT string_agg(md5(i::text || g), '') FROM generate_series(1, 200) g) ELSE md5(i::text) END $([ $table = events ] || echo ', 100000 + i') FROM generate_series(1, 40000) i"
	done
done
check_tables "at first"

# Statements that take room, or memory, on both twins.  What a statement makes, the next time it makes anew.
twins()
{
	local table=$1 name
	for name in "$table" "${table}_heap"; do
		printf "%s;\n" "${2//%T/$name}"
	done
}
load="INSERT INTO %T (tag, i, time, host, v, n, note) SELECT 'load', i, '2024-03-01 UTC'::timestamptz + i * interval '1 s', 'host_' || i % 50, (i % 64) / 8.0, i, md5(i::text) FROM generate_series(1, 60000) i"
declare -A operations=(
	[load]="$(twins events "$load")"
	[rows]="SET tsdb_am.direct_load_rows = 0; $(twins events "${load/60000/8000}")"
	[copy]="SET test.tag = 'copy'; $(for table in events events_heap; do printf "COPY %s (i, time, host, v, n, note) FROM '%s' (FORMAT csv);\n" $table "$scratch/batch.csv"; done)"
	[update]="$(twins keyed "UPDATE %T SET v = v + 1, note = note || 'x' WHERE id % 5 = 1 AND id > 100000 AND id < 110000")"
	[upsert]="$(twins keyed "INSERT INTO %T (id, tag, i, time, host, v, n) SELECT 130000 + i, 'upsert', i, '2024-01-01 UTC', 'x', 1, 1 FROM generate_series(1, 20000) i ON CONFLICT (id) DO UPDATE SET n = %T.n + 1")"
	[delete]="$(twins keyed "DELETE FROM %T WHERE id BETWEEN 101000 AND 103000 OR i % 17 = 1")"
	[bulk_delete]="$(twins events "DELETE FROM %T WHERE tag IN ('load', 'copy') OR i % 3 = 1")"
	[compress]="SELECT tsdb.compress('events'); SELECT tsdb.compress('keyed');"
	[merge]="SELECT tsdb.merge('events', force => true); SELECT tsdb.merge('keyed', force => true);"
	[recompress]="SELECT tsdb.recompress('events', cold => random() < 0.5); SELECT tsdb.recompress('keyed');"
	[decompress]="SELECT tsdb.decompress('events'); SELECT tsdb.decompress('keyed');"
	[index]="CREATE INDEX events_n ON events (n, left(note, 100)); DROP INDEX events_n;"
	[reindex]="REINDEX TABLE keyed;"
	[rewrite]="ALTER TABLE events ALTER extra TYPE numeric USING extra + 1; ALTER TABLE events ALTER extra TYPE bigint;"
	[group]="SELECT count(*) FROM (SELECT note, max(time), count(*), sum(v) FROM events GROUP BY note) x; SELECT count(*) FROM (SELECT * FROM events ORDER BY host, time, note) x;"
	[join]="SELECT count(*) FROM events a JOIN keyed b USING (note); SELECT host, count(DISTINCT note), percentile_cont(0.5) WITHIN GROUP (ORDER BY v) FROM events GROUP BY host;"
)
# operations that can't be in a transaction block with others
declare -A alone=([vacuum]="VACUUM (INDEX_CLEANUP on) events; VACUUM (INDEX_CLEANUP on) keyed;" [vacuum_full]="VACUUM FULL events; VACUUM FULL keyed;")
order="load compress merge copy rows compress update delete recompress upsert index reindex bulk_delete vacuum decompress compress rewrite group join merge vacuum_full load recompress"

# script OPERATION: a transaction, or single statements
script()
{
	if [ -n "${alone[$1]:-}" ]; then
		printf '%s\n' "${alone[$1]}"
	else
		printf 'BEGIN;\n%s\nCOMMIT;\n' "${operations[$1]}"
	fi
}

# The quick check, after each operation.
same_rows()
{
	expect "$1" "0|0|0" "-c work_mem=64MB" "SELECT groups_differ('events'), groups_differ('keyed'), (SET_CONFIG('enable_seqscan', 'off', false) = '')::int + groups_differ('keyed', 'id > 0')"
}

#--------------------------------------------------------------------- full disk

unmount_small()
{
	local status=$?
	[ "$BASHPID" != "$scratch_pid" ] || umount -l "$scratch/small" 2>/dev/null || true
	(exit $status) || true
	scratch_remove
}

full_disk()
{
	local operation free sqlstate failed=0 succeeded=0 result kinds=
	trap unmount_small EXIT
	sql -c "CREATE TABLESPACE small LOCATION '$scratch/small'"
	for table in events keyed; do sql -c "ALTER TABLE $table SET TABLESPACE small"; done
	sql -Atc "SELECT indexrelid::regclass FROM pg_index WHERE indrelid = 'keyed'::regclass" | while read -r index; do
		sql -c "ALTER INDEX $index SET TABLESPACE small"
	done
	sql -c "ALTER DATABASE postgres SET default_tablespace = small" -c "ALTER DATABASE postgres SET temp_tablespaces = small"
	for operation in $order; do
		for free in $(((RANDOM % 3) * (RANDOM % 60))) $((RANDOM % 3000)); do
			# so many kilobytes are left
			local left=$(($(df -k --output=avail "$scratch/small" | tail -n 1) - free))
			[ $left -le 0 ] || fallocate -l "${left}K" "$scratch/small/filler"
			result=$(script "$operation" | sql -v VERBOSITY=verbose 2>&1 >/dev/null) || true
			sqlstate=$(grep -oE '(ERROR|FATAL|PANIC): +[0-9A-Z]{5}' <<<"$result" | head -n 1 | tail -c 6 || true)
			case $sqlstate in
				'') succeeded=$((succeeded + 1)) ;;
				53100) failed=$((failed + 1)); kinds+="$operation " ;;
				*) fault errors "full disk, $operation with $free kB: $result" ;;
			esac
			same_rows "full disk, $operation with $free kB"
			rm -f "$scratch/small/filler"
		done
		if ! result=$(script "$operation" | sql 2>&1 >/dev/null); then
			fault errors "$operation with room again: $result"
		fi
		same_rows "$operation with room again"
	done
	check_tables "full disk"
	# while it is full
	fallocate -l "$(df -k --output=avail "$scratch/small" | tail -n 1)K" "$scratch/small/filler"
	script load | sql >/dev/null 2>&1 || true
	server_kill main
	rm -f "$scratch/small/filler"
	server_start main
	check_tables "after a crash with a full disk"
	sql -c "ALTER DATABASE postgres RESET default_tablespace" -c "ALTER DATABASE postgres RESET temp_tablespaces"
	for table in events keyed; do sql -c "ALTER TABLE $table SET TABLESPACE pg_default"; done
	sql -Atc "SELECT indexrelid::regclass FROM pg_index WHERE indrelid = 'keyed'::regclass" | while read -r index; do
		sql -c "ALTER INDEX $index SET TABLESPACE pg_default"
	done
	note "full disk: $failed operations failed ($(tr ' ' '\n' <<<"$kinds" | sort | uniq -c | awk 'NF > 1 { printf "%s%s %d", comma, $2, $1; comma = ", " }')), $succeeded succeeded"
	is "$(($(tr ' ' '\n' <<<"$kinds" | sort -u | grep -c .) >= 10))" 1 "full disk: most kinds of operation met it"
}

if wanted disk; then
	mkdir "$scratch/small"
	if mount -t tmpfs -o size=120m,mode=700 tmpfs "$scratch/small" 2>/dev/null; then
		chown --reference="$scratch/main" "$scratch/small"
		full_disk
		report_faults "full disk"
	else
		say "skip full disk: a file system of its own can't be mounted"
	fi
fi

#--------------------------------------------------------------------- no memory

# In a session whose process may have only so much more than it has: the operation; and, with the limit taken away, in
# the same session once more.
no_memory()
{
	local operation kb result states failed=0 succeeded=0 kinds=
	# only the same user may
	local prlimit=prlimit
	[ "$(id -u)" != 0 ] || prlimit="runuser -u $server_user -- prlimit"
	for operation in $order; do
		for kb in $((RANDOM % 3000)) $((3000 + RANDOM % 30000)); do
			result=$(
				{
					printf "SET work_mem = '1GB'; SET maintenance_work_mem = '1GB'; SET tsdb_am.write_buffer = '1GB'; SET temp_buffers = '8MB';\n"
					# caches filled, libraries loaded
					printf "SELECT groups_differ('events'), groups_differ('keyed');\n"
					printf "SELECT pg_backend_pid() AS pid \\\\gset\n\\\\setenv BACKEND :pid\n"
					printf "\\\\! $prlimit --pid=\$BACKEND --as=\$(((\$(awk '/VmSize/ { print \$2 }' /proc/\$BACKEND/status) + $kb) * 1024)):\n"
					script "$operation"
					printf "ROLLBACK;\n\\\\! $prlimit --pid=\$BACKEND --as=unlimited:\n"
					printf "\\\\echo again\n"
					script "$operation"
				} | sql -v VERBOSITY=verbose -v ON_ERROR_STOP=0 2>&1 | grep -E '(ERROR|FATAL|PANIC): |again|lost' || true)
			states=$(sed '/^again/,$d' <<<"$result" | grep -oE '(ERROR|FATAL|PANIC): +[0-9A-Z]{5}' | awk '$2 != "25P02" { print $2 }' | sort -u | tr '\n' ' ' || true)
			case $states in
				'') succeeded=$((succeeded + 1)) ;;
				"53200 ") failed=$((failed + 1)); kinds+="$operation " ;;
				*) fault errors "no memory, $operation with $kb kB: $result" ;;
			esac
			[ "$(sed '1,/^again/d' <<<"$result")" = "" ] && grep -q '^again' <<<"$result" ||
				fault errors "no memory, $operation with $kb kB: once more: $result"
			same_rows "no memory, $operation with $kb kB"
		done
	done
	check_tables "no memory"
	note "no memory: $failed operations failed ($(tr ' ' '\n' <<<"$kinds" | sort | uniq -c | awk 'NF > 1 { printf "%s%s %d", comma, $2, $1; comma = ", " }')), $succeeded succeeded"
	is "$(($(tr ' ' '\n' <<<"$kinds" | sort -u | grep -c .) >= 8))" 1 "no memory: most kinds of operation met it"
}

if wanted memory; then
	if command -v prlimit >/dev/null; then
		faults=([missing]=0 [content]=0 [damage]=0 [errors]=0)
		no_memory
		report_faults "no memory"
	else
		say "skip no memory: no prlimit"
	fi
fi

#--------------------------------------------------------------------- errors at any point

# Each operation fails, or is canceled, at some of the injection points that it passes, again and again in one session;
# then it must run there to its end.
errors_at_points()
{
	local operation n result failed=0
	for operation in $order; do
		result=$(
			{
				for n in $((RANDOM % 4 + 1)) $((RANDOM % 10 + 1)) $((RANDOM % 30 + 1)) $((RANDOM % 100 + 1)) $((RANDOM % 300 + 1)) $((RANDOM % 2000 + 1)); do
					printf "SET tsdb_am.injection = '*:%s:%d';\n" "$(shuf -n 1 -e error error cancel)" "$n"
					script "$operation"
					printf "ROLLBACK;\nSET tsdb_am.injection = '';\n"
				done
				printf "\\\\echo again\n"
				script "$operation"
			} | sql -v ON_ERROR_STOP=0 2>&1 | grep -E '(ERROR|FATAL|PANIC): |again|lost' || true)
		failed=$((failed + $(grep -cE 'injected error|canceling' <<<"$result" || true)))
		[ -z "$(sed '/^again/,$d' <<<"$result" | grep -vE "$expected_errors" || true)" ] && [ "$(sed '1,/^again/d' <<<"$result")" = "" ] && grep -q '^again' <<<"$result" ||
			fault errors "errors at points, $operation: $(tail -n 3 <<<"$result")"
		same_rows "errors at points, $operation"
	done
	check_tables "errors at points"
	note "errors at points: $failed"
	is "$((failed > 30))" 1 "errors at points: they were raised"
}

if wanted points && [ "$am" = tsdb ]; then
	faults=([missing]=0 [content]=0 [damage]=0 [errors]=0)
	errors_at_points
	report_faults "errors at points"
fi

#--------------------------------------------------------------------- cancels

# is not meant itself
admin() { PGOPTIONS="-c statement_timeout=0 -c tsdb_am.injection=" sql "$@" >/dev/null || true; }

if wanted cancel; then
	faults=([missing]=0 [content]=0 [damage]=0 [errors]=0)
	sql -c "SELECT tsdb.compress('keyed')" >/dev/null
	server_config main "tsdb_am.compress_after = 1s" "tsdb_am.worker_naptime = 1s" "tsdb_am.max_workers = 2"
	sql -c "SELECT pg_reload_conf()" >/dev/null
	canceled=0
	for round in $(seq 1 "$rounds"); do
		trim_tables $((round - 1))
		focus=$(shuf -n 1 -e - rewrite index vacuum decompress merge shards)
		start_work "$round" 3 "$focus" 600 2
		until=$((SECONDS + 4))
		while [ $SECONDS -lt $until ]; do
			sleep "0.0$((RANDOM % 10))"
			case $((RANDOM % 6)) in
				0|1|2) # anybody: clients, workers, their vacuum
					admin -c "SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type <> 'walwriter' AND state <> 'idle' AND random() < 0.5" >/dev/null ;;
				3) admin -c "ALTER SYSTEM SET statement_timeout = $((RANDOM % 40 + 1))" -c "SELECT pg_reload_conf()" >/dev/null ;;
				4) [ "$am" = heap ] || admin -c "ALTER SYSTEM SET tsdb_am.injection = '*:$(shuf -n 1 -e error cancel):$((RANDOM % 200 + 1))'" -c "SELECT pg_reload_conf()" >/dev/null ;;
				5) # clients don't come back: seldom
					[ $((RANDOM % 12)) != 0 ] || admin -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND (backend_type LIKE 'tsdb%' OR query LIKE '%tsdb.%') LIMIT 1" >/dev/null ;;
			esac
		done
		admin -c "ALTER SYSTEM RESET ALL" -c "SELECT pg_reload_conf()"
		sleep 0.2
		admin -c "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()" >/dev/null
		canceled=$((canceled + $(cat "$scratch"/work.*.err | grep -cE 'canceling statement|injected error' || true)))
		end_work "cancels $round ($focus)"
		check_tables "cancels $round ($focus)"
	done
	note "$canceled statements canceled"
	report_faults "cancels"
	is "$((canceled > rounds * 5))" 1 "cancels: they met statements"
fi

#--------------------------------------------------------------------- restarts

if wanted restart; then
	faults=([missing]=0 [content]=0 [damage]=0 [errors]=0)
	server_config main "tsdb_am.compress_after = 1s" "tsdb_am.worker_naptime = 1s" "tsdb_am.max_workers = 3"
	for round in $(seq 1 "$rounds"); do
		trim_tables $((round - 1))
		server_stop main
		server_start main
		start_work "$((round + 100))" 3 - 600 1
		# until a worker is at it
		for i in $(seq 1 40); do
			[ "$(sql -c "SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'tsdb%' AND state = 'active'" 2>/dev/null)" = 0 ] || break
			sleep 0.1
		done
		case $((round % 2)) in 0) mode=fast ;; *) mode=immediate ;; esac
		if ! server_stop main $mode; then
			fault errors "restart $round: the server did not stop, $mode"
			server_kill main
		fi
		end_work "restart $round, $mode"
		server_start main
		check_tables "restart $round, $mode"
	done
	report_faults "restarts"
fi
server_config main "tsdb_am.max_workers = 0"
server_stop main
server_start main
faults=([missing]=0 [content]=0 [damage]=0 [errors]=0)
for operation in load compress merge recompress vacuum decompress; do
	if ! result=$(script $operation | sql 2>&1 >/dev/null); then fault errors "$operation: $result"; fi
done
check_tables "at last"
is "${faults[*]}" "0 0 0 0" "everything works at last"
is "$(grep -E 'TRAP: |PANIC: |was terminated by signal' "$scratch/main.log" || true)" "" "no crash"
done_testing
