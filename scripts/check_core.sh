#!/usr/bin/env bash
#
# PostgreSQL's own regression tests, once on heap and once with default_table_access_method = tsdb;
# what a test prints on tsdb is compared with what it prints on heap.
#
# Query plans are left out of the comparison (core_normalise.awk). Any other difference is a failure, unless
# t/core_accepted/<test>.diff holds exactly it, below a line "reason: ..."; of a long one it holds the beginning
# and a checksum of all.  An accepted difference that no longer shows is told, but is no failure.
#
# Then PostgreSQL's isolation tests with default_table_access_method = tsdb: each must print one of the outputs that
# PostgreSQL expects of heap, or differ as t/core_accepted/isolation_<test>.diff says.
#
# The tests come from Debian's source package of the server's major version, fetched once by apt-get and
# kept in the cache directory.
#
# Environment: TESTS="name ..."  the schedule is run up to the last of these (tests build on each other),
# only these are compared (isolation/name: an isolation test); TSDB_ACCEPT=1  writes the differences found to t/core_accepted/, for
# a human to read and give a reason; PG_SOURCE  an unpacked source tree to use instead;
# TSDB_CACHE  where to keep the source; TSDB_VARIANT  which build (assert).
. "$(dirname "$0")/../t/lib.sh"

out=$build_dir/check/core
accepted_dir=$top/t/core_accepted
cache=${TSDB_CACHE:-/var/cache/tsdb_am}

#--------------------------------------------------------------------- source

# Downloads the source package's tarball into $1 with apt's own lists plus source entries made from
# them; a mirror may lack the newest version's tarball, then an older one of the same major serves.
download_source()
{
	local dir=$1 package=postgresql-$pg_major versions version file
	local -a options=()

	mkdir -p "$dir"
	versions=$(apt-cache showsrc "$package" 2>/dev/null | sed -n 's/^Version: //p' | sort -uVr) || true
	if [ -z "$versions" ]; then
		mkdir -p "$dir/apt/parts" "$dir/apt/lists/partial"
		: > "$dir/apt/sources.list"
		for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
			[ ! -e "$file" ] || sed -n 's/^[[:space:]]*deb[[:space:]]/deb-src /p' "$file" >> "$dir/apt/sources.list"
		done
		for file in /etc/apt/sources.list.d/*.sources; do
			[ ! -e "$file" ] || sed 's/^Types:.*/Types: deb-src/' "$file" > "$dir/apt/parts/$(basename "$file")"
		done
		options=(-o "Dir::Etc::SourceList=$dir/apt/sources.list" -o "Dir::Etc::SourceParts=$dir/apt/parts"
			-o "Dir::State::Lists=$dir/apt/lists" -o APT::Sandbox::User=root)
		apt-get -q "${options[@]}" update </dev/null >&2 || true
		versions=$(apt-cache "${options[@]}" showsrc "$package" 2>/dev/null | sed -n 's/^Version: //p' | sort -uVr) || true
	fi
	for version in $versions; do
		if (cd "$dir" && apt-get -q "${options[@]}" -o APT::Sandbox::User=root source --download-only "$package=$version" </dev/null >&2); then
			rm -rf "$dir/apt"
			return 0
		fi
	done
	return 1
}

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

suite=$scratch/core
mkdir -p "$suite"
cp -r "$source"/src/test/regress/{sql,expected,data,parallel_schedule,resultmap} "$suite/"
gcc -shared -fPIC $("$PG_CONFIG" --cppflags) $("$PG_CONFIG" --cflags) -w -I"$("$PG_CONFIG" --includedir-server)" \
	"$source/src/test/regress/regress.c" -o "$suite/regress.so"
cp "$("$PG_CONFIG" --pkglibdir)"/{refint,autoinc}.so "$suite/"

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

#--------------------------------------------------------------------- the two runs

# suite_begin NAME AM SUITE [SETTING...]: starts server NAME, copies the suite to $scratch/out_NAME
suite_begin()
{
	local name=$1 am=$2 from=$3 dir=$scratch/out_$1
	shift 3
	server_create "$name"
	server_config "$name" "$(cat "$top/t/test.conf")" "default_table_access_method = $am" "jit = off" "log_min_messages = warning" "$@"
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
	server_stop "$1" || true
	cp "$scratch/$1.log" "$out/$1-server.log"
	no_crash "$1"
}

# core_run AM: results in $out/AM
core_run()
{
	local am=$1 dir=$scratch/out_$1
	suite_begin "$am" "$am" "$suite" "max_prepared_transactions = 2" "autovacuum_naptime = 1min" || return 1
	(cd "$dir" && as_user "$pg_regress" --bindir="$pg_bin" --host="$scratch" --port=5432 --user=postgres \
		--dlpath="$dir" --inputdir="$dir" --outputdir="$dir" --load-extension=tsdb_am \
		--max-concurrent-tests=20 --schedule="$dir/parallel_schedule") >"$out/$am.log" 2>&1 || true
	suite_end "$am"
	rm -rf "$out/$am"
	cp -r "$dir/results" "$out/$am"
	# both runs must print the same paths
	sed -i "s#$dir#DIR#g" "$out/$am"/*.out
	as_user rm -rf "${scratch:?}/$am" "$dir"
}

#--------------------------------------------------------------------- comparison

accepted_body() { sed "/^reason: /d" "$1"; }

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

normalise() { awk -f "$top/scripts/core_normalise.awk" "$1"; }

# judge TEST: a test whose output on tsdb differs, in $out/diffs/TEST.diff; is that accepted?
judge()
{
	local name=$1 diff_file=$out/diffs/$1.diff
	if [ -e "$accepted_dir/$name.diff" ] && cmp -s <(accepted_body "$accepted_dir/$name.diff") <(shorten "$diff_file"); then
		ok "$name: accepted difference ($(sed -n 's/^reason: //p' "$accepted_dir/$name.diff" | head -n 1))"
	else
		not_ok "$name: differs from heap"
		head -n 60 "$diff_file" | cut -c 1-200 | sed "s/^/#   /"
		if [ "${TSDB_ACCEPT:-0}" = 1 ]; then
			mkdir -p "$accepted_dir"
			{ sed -n '/^reason: /p' "$accepted_dir/$name.diff" 2>/dev/null || true; shorten "$diff_file"; } > "$accepted_dir/$name.new"
			mv "$accepted_dir/$name.new" "$accepted_dir/$name.diff"
		fi
	fi
}

# same TEST: its output on tsdb is as it should be
same()
{
	rm -f "$out/diffs/$1.diff"
	ok "$1"
	[ ! -e "$accepted_dir/$1.diff" ] || note "$1: the accepted difference no longer shows"
}

compare_regression()
{
	local name
	core_run heap && core_run tsdb || return
	for name in $all_tests; do
		[ -z "${TESTS:-}" ] || [[ " $TESTS " == *" $name "* ]] || continue
		if [ ! -e "$out/tsdb/$name.out" ]; then
			not_ok "$name: no output"
		elif diff -U 2 --label heap --label tsdb <(normalise "$out/heap/$name.out") <(normalise "$out/tsdb/$name.out") > "$out/diffs/$name.diff"; then
			same "$name"
		else
			judge "$name"
		fi
	done
}

# PostgreSQL's outputs have alternatives for orders that depend on timing, so pg_isolation_regress compares.
compare_isolation()
{
	local name dir=$scratch/out_isolation
	suite_begin isolation tsdb "$isolation_suite" || return
	# shellcheck disable=SC2086
	(cd "$dir" && as_user "$pg_isolation_regress" --bindir="$pg_bin" --host="$scratch" --port=5432 --user=postgres \
		--dbname=isolation_regression --inputdir="$dir" --outputdir="$dir" --load-extension=tsdb_am \
		$isolation_tests) >"$out/isolation.log" 2>&1 || true
	suite_end isolation
	for name in $isolation_tests; do
		if [ ! -e "$dir/results/$name.out" ]; then
			not_ok "isolation_$name: no output"
		elif grep -qE "^test $name +\.\.\. ok( |\$)" "$out/isolation.log"; then
			same "isolation_$name"
		else
			diff -U 2 --label heap --label tsdb "$dir/expected/$name.out" "$dir/results/$name.out" > "$out/diffs/isolation_$name.diff" || true
			judge "isolation_$name"
		fi
	done
}

rm -rf "$out/diffs"
mkdir -p "$out/diffs"
[ "$run_regression" = no ] || compare_regression
[ -z "$isolation_tests" ] || compare_isolation
done_testing
