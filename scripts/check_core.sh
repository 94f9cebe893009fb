#!/usr/bin/env bash
#
# PostgreSQL's own regression tests and isolation tests, with default_table_access_method = tsdb, in two modes:
#
#   default     as a user has it
#   compressed  tsdb_am.direct_load_rows = 1, and t/compress_all compresses every table behind each statement
#               that wrote to it, so that whatever a test does next meets rows in chunks
#
# What a regression test prints is compared with what it prints on heap; an isolation test must print one of the
# outputs that PostgreSQL expects of heap.  Query plans are left out of the comparison (core_normalise.awk), and so is the
# order of rows where the query says none (core_sort_rows.awk).  Any other difference is a failure, unless
# t/core_accepted/<test>.diff holds exactly it, below a line "reason: ..."; of a long one it holds the beginning
# and a checksum of all.  What depends on timing is taken out of the comparison by lines "ignore: REGEX" there, for whole
# lines, and "hide: COLUMN", for values in results.
# An accepted difference that no longer shows is told, but is no failure.
# Results and files of accepted differences are named <test>, isolation_<test>, compressed_<test>, compressed_isolation_<test>.
#
# Besides, no server may crash, tsdb.verify must find nothing in the tables that the regression tests leave, and no
# compression behind a statement may fail.
#
# The tests come from Debian's source package of the server's major version, fetched once by apt-get and
# kept in the cache directory.
#
# Environment: CORE_MODES="default compressed"  or one of them; TESTS="name ..."  the schedule is run up to the last of these
# (tests build on each other), only these are compared (isolation/name: an isolation test); TSDB_ACCEPT=1  writes the
# differences found to t/core_accepted/, for a human to read and give a reason; PG_SOURCE  an unpacked source tree to use
# instead; TSDB_CACHE  where to keep the source; TSDB_VARIANT  which build (assert).
. "$(dirname "$0")/../t/lib.sh"

out=$build_dir/check/core
cache=${TSDB_CACHE:-/var/cache/tsdb_am}
modes=${CORE_MODES:-default compressed}
for mode in $modes; do
	[[ " default compressed " == *" $mode "* ]] || die "no such mode: $mode"
done

#--------------------------------------------------------------------- source

. "$top/scripts/pg_source.sh"

# Sets $source: a tree that has src/test/regress.
find_source()
{
	local file unpack
	source=${PG_SOURCE:-$cache/postgresql-$pg_major}
	[ ! -e "$source/src/test/regress/parallel_schedule" ] || return 0
	mkdir -p "$cache" 2>/dev/null && [ -w "$cache" ] || cache=$build_dir/cache
	source=$cache/postgresql-$pg_major
	unpack=$source.new
	rm -rf "$unpack" "$source"
	download_source "$unpack" || return 1
	for file in "$unpack"/*.orig.tar.*; do
		tar -C "$unpack" --strip-components=1 --no-same-owner -xf "$file" --wildcards '*/src/test/regress' '*/src/test/isolation'
		rm -f "$file"
	done
	mv "$unpack" "$source"
}

mkdir -p "$out"
if ! find_source 2>"$out/download.log"; then
	# no fault of ours if the archive can't be reached, but nobody may take it for a success
	tail -n 5 "$out/download.log" | sed 's/^/# /'
	if [ "${CI:-}" = true ]; then
		not_ok "source package of PostgreSQL $pg_major can be had"
	else
		echo "skip - source package of PostgreSQL $pg_major cannot be had"
	fi
	done_testing
	exit 0
fi

# compile SOURCE LIBRARY [option...]: a module for the test servers
compile()
{
	local source=$1 library=$2
	shift 2
	# shellcheck disable=SC2046
	gcc -shared -fPIC $("$PG_CONFIG" --cppflags) $("$PG_CONFIG" --cflags) "$@" -I"$("$PG_CONFIG" --includedir-server)" \
		"$source" -o "$library"
}

suite=$scratch/core
mkdir -p "$suite"
cp -r "$source"/src/test/regress/{sql,expected,data,parallel_schedule,resultmap} "$suite/"
compile "$source/src/test/regress/regress.c" "$suite/regress.so" -w
cp "$("$PG_CONFIG" --pkglibdir)"/{refint,autoinc}.so "$suite/"
[[ " $modes " != *" compressed "* ]] || compile "$top/t/compress_all/compress_all.c" "$scratch/compress_all.so" -Wall -Werror

isolation_suite=$scratch/isolation_suite
mkdir -p "$isolation_suite"
cp -r "$source"/src/test/isolation/{specs,expected,isolation_schedule} "$isolation_suite/"

# TESTS: names without a prefix are of the regression tests
isolation_tests=$(sed -n 's/^test: *//p' "$isolation_suite/isolation_schedule" | tr -s ' ' '\n')
run_regression=yes
if [ -n "${TESTS:-}" ]; then
	isolation_tests=
	regression_tests=
	for name in $TESTS; do
		case $name in
			isolation/*) isolation_tests+="${name#isolation/} " ;;
			*) regression_tests+="$name " ;;
		esac
	done
	TESTS=$regression_tests
	[ -n "$TESTS" ] || run_regression=no
fi

# all tests, in the order of the schedule
all_tests=$(sed -n 's/^test: *//p' "$suite/parallel_schedule" | tr -s ' ' '\n')

# up to the last wanted test
if [ -n "${TESTS:-}" ]; then
	last=$(awk -v tests="$TESTS" 'BEGIN { n = split(tests, t, " ") }
		/^test:/ { for (i = 2; i <= NF; i++) for (j = 1; j <= n; j++) if ($i == t[j]) last = NR }
		END { print last + 0 }' "$suite/parallel_schedule")
	[ "$last" -gt 0 ] || die "no such test: $TESTS"
	sed -i "$((last + 1)),\$d" "$suite/parallel_schedule"
fi

#--------------------------------------------------------------------- runs

# mode_settings MODE: lines for postgresql.conf
mode_settings()
{
	printf '%s\n' "default_table_access_method = tsdb"
	if [ "$1" = compressed ]; then
		printf '%s\n' "shared_preload_libraries = 'tsdb_am,$scratch/compress_all.so'" "tsdb_am.direct_load_rows = 1"
	fi
}

# suite_begin NAME SUITE SETTING...: starts server NAME, copies the suite to $scratch/out_NAME
suite_begin()
{
	local name=$1 from=$2 dir=$scratch/out_$1
	shift 2
	server_create "$name"
	server_config "$name" "$(cat "$top/t/test.conf")" "jit = off" "log_min_messages = warning" "$@"
	if ! server_start "$name"; then
		not_ok "$name: server starts"
		return 1
	fi
	cp -r "$from" "$dir"
	mkdir -p "$dir/results"
	[ "$(id -u)" != 0 ] || chown -R "$server_user:" "$dir"
}

# suite_end NAME: stops the server; its log goes to $out
suite_end()
{
	local report failures
	if grep -q compress_all.so "$scratch/$1/postgresql.conf"; then
		report=$(sql -c "CREATE FUNCTION pg_temp.report() RETURNS text AS '$scratch/compress_all.so', 'compress_all_report' LANGUAGE c" \
			-c "SELECT pg_temp.report()" 2>&1) || true
		note "$1: $report"
		failures=$(grep -o 'compress_all: .*' "$scratch/$1.log" || true)
		is "$failures" "" "$1: compression behind statements does not fail"
	fi
	server_stop "$1" || true
	cp "$scratch/$1.log" "$out/$1-server.log"
	no_crash "$1"
}

# What is left in the database of the regression tests: where its rows are, and whether they are sound.
look_at_tables()
{
	local name=$1 rows damage
	rows=$(sql -d regression -c "SELECT format('%s tables with rows, %s of them with chunks; %s rows in row stores, %s in chunks',
		count(*) FILTER (WHERE row_store_rows + chunk_rows > 0), count(*) FILTER (WHERE chunk_rows > 0),
		sum(row_store_rows), sum(chunk_rows)) FROM tsdb.tables" 2>&1) || true
	note "$name: $rows"
	damage=$(sql -d regression -c "SELECT relation, v.* FROM tsdb.tables, LATERAL tsdb.verify(relation) v" 2>&1) || true
	is "$damage" "" "$name: tsdb.verify finds nothing"
}

# regression_run NAME SETTING...: results in $out/NAME
regression_run()
{
	local name=$1 dir=$scratch/out_$1
	shift
	# the timeouts are for statements that wait for ever, since others failed
	suite_begin "$name" "$suite" "max_prepared_transactions = 2" "autovacuum_naptime = 1min" \
		"lock_timeout = 20s" "statement_timeout = 3min" "$@" || return 1
	(cd "$dir" && as_user "$pg_regress" --bindir="$pg_bin" --host="$scratch" --port=5432 --user=postgres \
		--dlpath="$dir" --inputdir="$dir" --outputdir="$dir" --load-extension=tsdb_am \
		--max-concurrent-tests=20 --schedule="$dir/parallel_schedule") >"$out/$name.log" 2>&1 || true
	[ "$name" = heap ] || look_at_tables "$name"
	suite_end "$name"
	rm -rf "${out:?}/$name"
	cp -r "$dir/results" "$out/$name"
	# all runs must print the same paths
	sed -i "s#$dir#DIR#g" "$out/$name"/*.out
	as_user rm -rf "${scratch:?}/$name" "$dir"
}

# isolation_run NAME SETTING...: results in $out/NAME, pg_isolation_regress's judgement in $out/NAME.log
isolation_run()
{
	local name=$1 dir=$scratch/out_$1
	shift
	suite_begin "$name" "$isolation_suite" "$@" "compress_all.spare_snapshots = on" || return 1
	# shellcheck disable=SC2086
	(cd "$dir" && as_user env PGISOLATIONTIMEOUT=20 "$pg_isolation_regress" --bindir="$pg_bin" --host="$scratch" --port=5432 --user=postgres \
		--dbname=isolation_regression --inputdir="$dir" --outputdir="$dir" --load-extension=tsdb_am \
		$isolation_tests) >"$out/$name.log" 2>&1 || true
	suite_end "$name"
	rm -rf "${out:?}/$name"
	cp -r "$dir/results" "$out/$name"
	as_user rm -rf "${scratch:?}/$name" "$dir"
}

#--------------------------------------------------------------------- comparison

accepted_dir=$top/t/core_accepted

accepted_body() { sed '/^\(reason\|ignore\|hide\): /d' "$1"; }
accepted_value() { sed -n "s/^$2: //p" "$1" 2>/dev/null | head -n 1 || true; }

# The beginning of a long difference and its checksum.
shorten()
{
	if [ "$(wc -l < "$1")" -le 400 ]; then
		cat "$1"
	else
		head -n 60 "$1"
		printf "... %d lines, md5 %s\n" "$(wc -l < "$1")" "$(md5sum < "$1" | cut -d " " -f 1)"
	fi
}

# Its output on tsdb is as it should be.
same()
{
	ok "$1"
	[ ! -e "$accepted_dir/${1%%:*}.diff" ] || note "${1%%:*}: the accepted difference no longer shows"
}

# compare NAME RESULT EXPECTED...: is the result as one of those expected, or differs as accepted?  The difference
# from the nearest one is left in $out/diffs/NAME.diff.
compare()
{
	local name=$1 result=$2 expected ignore hide accepted=$accepted_dir/$1.diff diff_file=$out/diffs/$1.diff new=$scratch/diff
	shift 2
	normalise "$result" > "$scratch/result"
	for expected in "$@"; do
		if cmp -s "$scratch/result" <(normalise "$expected"); then
			same "$name"
			return
		fi
	done

	ignore=$(accepted_value "$accepted" ignore)
	hide=$(accepted_value "$accepted" hide)
	normalise "$result" "$hide" "$ignore" | sort_rows > "$scratch/result"
	for expected in "$@"; do
		if diff -U 2 --label heap --label tsdb <(normalise "$expected" "$hide" "$ignore" | sort_rows) "$scratch/result" > "$new"; then
			rm -f "$diff_file"
			if [ -n "$ignore$hide" ]; then
				ok "$name: accepted difference ($(accepted_value "$accepted" reason))"
			else
				same "$name: only the order of rows differs, where none is asked for"
			fi
			return
		fi
		if [ ! -e "$diff_file" ] || [ "$(wc -l < "$new")" -lt "$(wc -l < "$diff_file")" ]; then
			cp "$new" "$diff_file"
		fi
	done
	if [ -e "$accepted" ] && cmp -s <(accepted_body "$accepted") <(shorten "$diff_file"); then
		ok "$name: accepted difference ($(accepted_value "$accepted" reason))"
		return
	fi
	not_ok "$name: differs from heap"
	head -n 60 "$diff_file" | cut -c 1-200 | sed "s/^/#   /"
	if [ "${TSDB_ACCEPT:-0}" = 1 ]; then
		mkdir -p "$accepted_dir"
		{ grep -E '^(reason|ignore|hide): ' "$accepted" 2>/dev/null || true; shorten "$diff_file"; } > "$accepted.new"
		mv "$accepted.new" "$accepted"
	fi
}

# normalise FILE [COLUMN [REGEX]]: with a column hidden, without the lines that match
normalise()
{
	awk -v hide="${2:-}" -f "$top/scripts/core_normalise.awk" "$1" | { [ -n "${3:-}" ] && grep -vE -- "$3" || cat; }
}

sort_rows() { awk -f "$top/scripts/core_sort_rows.awk"; }

# regression MODE PREFIX: runs and compares; PREFIX is put before the names of results
regression()
{
	local mode=$1 prefix=$2 name
	regression_run "$mode" "$(mode_settings "$mode")" || return 0
	for name in $all_tests; do
		[ -z "${TESTS:-}" ] || [[ " $TESTS " == *" $name "* ]] || continue
		if [ ! -e "$out/$mode/$name.out" ]; then
			not_ok "$prefix$name: no output"
		else
			compare "$prefix$name" "$out/$mode/$name.out" "$out/heap/$name.out"
		fi
	done
}

# PostgreSQL's outputs have alternatives for orders that depend on timing, which pg_isolation_regress knows.
isolation()
{
	local mode=$1 prefix=$2isolation_ run=$2isolation name n
	local -a expected
	isolation_run "$run" "$(mode_settings "$mode")" || return 0
	for name in $isolation_tests; do
		expected=("$isolation_suite/expected/$name.out")
		for n in 0 1 2 3 4 5 6 7 8 9; do
			[ ! -e "$isolation_suite/expected/${name}_$n.out" ] || expected+=("$isolation_suite/expected/${name}_$n.out")
		done
		if [ ! -e "$out/$run/$name.out" ]; then
			not_ok "$prefix$name: no output"
		elif grep -qE "^test $name +\.\.\. ok( |\$)" "$out/$run.log"; then
			same "$prefix$name"
		else
			compare "$prefix$name" "$out/$run/$name.out" "${expected[@]}"
		fi
	done
}

rm -rf "$out/diffs"
mkdir -p "$out/diffs"
for mode in $modes; do
	prefix=
	[ "$mode" = default ] || prefix=${mode}_
	if [ "$run_regression" = yes ]; then
		# the results to compare with
		[ -n "${heap_done:-}" ] || regression_run heap "default_table_access_method = heap" || break
		heap_done=yes
		regression "$mode" "$prefix"
	fi
	[ -z "$isolation_tests" ] || isolation "$mode" "$prefix"
done
done_testing
