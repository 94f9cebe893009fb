#!/usr/bin/env bash
# Crashes at named points (src/README.md, "Injection points") and at random moments, while writers of every kind, movers,
# rewrites, vacuum, background workers and readers are at work: after recovery what was acknowledged is there, nothing is there
# twice, torn or by halves, and all ways to read agree.
#
# By the seed, the server runs with wal_level = replica, minimal (a table made or truncated in a transaction is not in WAL then) or
# logical (rows are not loaded directly), or with checksums.
#
# Each round arms one point in all processes; whoever comes there for the nth time, at random the 1st to 40th, ends the
# server: it kills itself, with all WAL so far on disk or without, and the postmaster recovers; or it stops, and the whole server is
# killed around it.  If nobody comes there, the kill is at a random moment.  Contents are compared with heap twins that the
# same transactions write (crash_work.pl).
#
# Environment: TSDB_CRASHES (18) rounds, 200 for the long run; TSDB_SEED; TSDB_POINTS="name:focus:n ..." only these;
# TSDB_AM=heap proves the script itself (no point is reached then).
. "$(dirname "$0")/lib.sh"
. "$top/t/crash_check.sh"

use_twins
crashes=${TSDB_CRASHES:-18}

# point, the mover's statements that come there (- = the usual ones do), and up to which time
all_points="root-made:first:1 directory-entry:-:6 directory-root:-:6 directory-delete:merge:6 directory-deleted:merge:6 root-corrected:vacuum:3
store-tuple:-:40 segment:-:20 header:-:6 tombstone:-:40 forward:merge:3 load-rows:-:4 load-chunk:-:3 load-end:-:3 commit:-:20
compress-chunk:compress:2 compress-map:compress:2 compress-mark:compress:10 compress-page:compress:20 compress-marked:compress:2 mover-written:-:3 forward-delete:merge:2 mover-end:-:3
index-entry:compress:40 merge-written:merge:3 merge-replaced:merge:4 decompress-rows:decompress:4 bulk-tombstones:-:1 bulk-drop:-:1 update-version:-:20
rewrite-rows:rewrite:2 rewrite-chunk:rewrite:3 rewrite-end:rewrite:2 vacuum-rows:vacuum:3 vacuum-index:vacuum:3 build-rows:index:1 build-chunk:index:2
index-claim:-:2 index-add:-:2 index-drop:-:1 index-load:-:2 index-evict:rewrite:1 shard-moved:shards:1 worker-step:-:2
store-root:first:1 store-entry:-:3 store-tuple:toast:40 directory-entry:first:1 directory-entry:heap:3"
read -r -a points <<<"$(tr '\n' ' ' <<<"${TSDB_POINTS:-$all_points}")"

case $((seed % 4)) in
	0) server_create main ;;
	1) server_create main; server_config main "wal_level = minimal" "max_wal_senders = 0" ;;
	2) server_create main; server_config main "wal_level = logical" ;;
	3) server_create main -k ;;
esac
server_config main "$(cat "$top/t/test.conf")" "deadlock_timeout = 100ms" "restart_after_crash = on" "checkpoint_timeout = 30s"
[ "$am" = heap ] || server_config main "tsdb_am.max_workers = 2" "tsdb_am.compress_after = 1s" "tsdb_am.worker_naptime = 1s" "tsdb_am.index_memory = 1MB"
server_start main
crash_tables

# How often the postmaster has ended all processes since a child had died.
times_recovered() { grep -c 'all server processes terminated; reinitializing' "$scratch/main.log" || true; }

# Waits until the postmaster has seen a child die (it may take its time) and has recovered, more often than so many times.
wait_for_recovery()
{
	local until=$((SECONDS + 300))
	until [ "$(times_recovered)" -gt "$1" ] && sql -c "SELECT 1" >/dev/null 2>&1; do
		[ $SECONDS -lt $until ] || return 1
		sleep 0.1
	done
}

declare -A fired=() missed=()
queue=()
nfired=0
for round in $(seq 1 "$crashes"); do
	# a new order each time all have had their turn
	[ ${#queue[@]} -gt 0 ] || mapfile -t queue < <(shuf -e --random-source=<(yes "$seed.$round") "${points[@]}")
	IFS=: read -r point focus most <<<"${queue[-1]}"
	unset 'queue[-1]'
	nth=$((RANDOM % most + 1))
	case $((RANDOM % 5)) in 0|1|2) action=crash ;; 3) action=kill ;; 4) action=wait ;; esac
	[[ "$point $action" != compress-mark\ wait && "$point $action" != index-*\ wait ]] || action=crash
	# now and then at no point at all
	[ $((RANDOM % 8)) != 0 ] || point=nowhere
	what="crash $round ($point:$action:$nth, $focus)"

	trim_tables $((round - 1))
	# a crash may have come between its way out and back
	[ "$focus" = heap ] || sql -c "ALTER TABLE events SET ACCESS METHOD $am"
	[ $((RANDOM % 3)) != 0 ] || sql -c CHECKPOINT
	if [ "$am" = tsdb ]; then
		: > "$scratch/main/tsdb_am.injection"
		chown --reference="$scratch/main" "$scratch/main/tsdb_am.injection"
		sql -c "ALTER SYSTEM SET tsdb_am.injection = '$point:$action:$nth:once'" -c "SELECT pg_reload_conf()" >/dev/null
	fi
	recovered_before=$(times_recovered)
	start_work "$round" 3 "$focus" 400
	# until somebody has come there, and at most so many tenths of a second
	[ $point != nowhere ] && patience=60 || patience=$((RANDOM % 30))
	while [ $patience -gt 0 ] && [ -e "$scratch/main/tsdb_am.injection" -o "$am" = heap ]; do
		sleep 0.1
		patience=$((patience - 1))
	done
	if [ "$am" = tsdb ] && [ ! -e "$scratch/main/tsdb_am.injection" ]; then
		fired[$point]=$((${fired[$point]:-0} + 1))
		nfired=$((nfired + 1))
		[ $action != wait ] || sleep "0.$((RANDOM % 5))"
		# a worker may have come there before all clients had a session: theirs are on the server as it is after the crash
		for patience in $(seq 1 20); do
			[ $action != wait ] && work_is_alive || break
			sleep 0.1
		done
		! work_is_alive || action=wait
	else
		[ $point = nowhere ] || missed[$point]=$((${missed[$point]:-0} + 1))
		action=wait
	fi
	recovered=true
	if [ $action = wait ]; then
		server_kill main
		end_work "$what"
		rm -f "$scratch/main/tsdb_am.injection"
		server_start main || recovered=false
	else
		end_work "$what"
		wait_for_recovery "$recovered_before" || recovered=false
	fi
	if ! $recovered; then
		not_ok "$what: server starts again"
		tail -n 20 "$scratch/main.log" | sed 's/^/# /'
		done_testing
		exit 1
	fi
	rm -f "$scratch/main/tsdb_am.injection"
	before=${faults[*]}
	expect "$what: unlogged" "0|0" "" "SELECT (SELECT count(*) FROM unlogged), (SELECT count(*) FROM unlogged WHERE i < 100)"
	expect "$what: unlogged" "0|0" "-c enable_seqscan=off" "SELECT (SELECT count(v) FROM unlogged), (SELECT count(v) FROM unlogged WHERE i < 100)"
	check_tables "$what"
	# what is wrong once stays so
	[ "${faults[*]}" = "$before" ] || break
done
note "$round crashes, at points: $(for point in "${!fired[@]}"; do printf '%s %d, ' "$point" "${fired[$point]}"; done | sort -t ' ' | sed 's/, $//')"
[ ${#missed[@]} = 0 ] || note "not reached: $(for point in "${!missed[@]}"; do printf '%s %d, ' "$point" "${missed[$point]}"; done)"
note "$(sql -c "SELECT count(*) || ' transactions, ' || (SELECT count(*) FROM events) + (SELECT count(*) FROM keyed) + (SELECT count(*) FROM sharded) || ' rows' FROM log"), $(sort -u "$scratch/told" | wc -l) told"
report_faults "$round crashes"
is "$(sql -c "SELECT count(*) > 0 FROM log")" t "something was committed"
[ "$am" = heap ] || is "$((nfired * 2 >= round))" 1 "most crashes were at named points"
if errors=$(for table in events keyed sharded; do
	[ $table = sharded ] || sql -c "SELECT tsdb.compress('$table')" -c "SELECT tsdb.recompress('$table')" -c "VACUUM FREEZE $table" -c "SELECT tsdb.decompress('$table')"
done 2>&1 >/dev/null); then errors=; fi
is "$errors" "" "the tables go on working"
check_tables "afterwards"
is "${faults[*]}" "0 0 0 0" "and hold the same afterwards"
# the kills are ours
is "$(grep -E 'TRAP: |PANIC: |terminated by signal (1[0-9]|[1-8]):|terminated by signal [1-8][^0-9]' "$scratch/main.log" || true)" "" "no other crash"
done_testing
