#!/usr/bin/env bash
#
# Every test, or some parts of them: check.sh [all|build|simd|sql|isolation|t|core|versions|sanitize]...
#
# Prints "ok" and "not ok" lines and, at the end, "N passed, N failed"; the exit status is 0 only
# if nothing failed.  Logs, results and differences are left in build/check/.
#
# Environment: TESTS="name ..."  only these (for sql, isolation, t, core);
# TSDB_CHECK_CORE=0  leaves PostgreSQL's own suite out of "all".
# TSDB_FUZZ_SECONDS=10  how long each fuzz target of the codecs runs;
# TSDB_VARIANT=sanitize  runs the servers with the sanitizers' build instead of the one with assertions;
# TSDB_VERSIONS="17 18"  the other major versions that "versions" runs on, each in a Debian system of its own;
# TSDB_VERSION_PARTS="sql isolation"  what is run there: sql in one mode, isolation, t;
# TSDB_SQL_MODES="sql sql_direct sql_rows"  how the SQL tests are run, see part_sql.
set -euo pipefail

[ $# -gt 0 ] || set -- all
part=$1
variant=${TSDB_VARIANT:-assert}
[ "$part" = version ] || bash "$(dirname "$0")/install_deps.sh"
. "$(dirname "$0")/lib.sh"
find_postgres

out=$build_dir/check
fuzz_seconds=${TSDB_FUZZ_SECONDS:-10}
mkdir -p "$out"
passed=0
failed=0
skipped=0
failures=()

ok() { passed=$((passed + 1)); printf 'ok - %s\n' "$1"; }
not_ok() { failed=$((failed + 1)); failures+=("$1"); printf 'not ok - %s\n' "$1"; }
section() { printf '\n# %s (%d s)\n' "$1" "$SECONDS"; }

# A log's end, as comment lines.
show() { [ ! -s "$1" ] || tail -n "${2:-60}" "$1" | cut -c 1-300 | sed 's/^/#   /'; }
show_warnings() { grep -E "(warning|error|Error)[: ]" "$1" | head -n 60 | cut -c 1-300 | sed "s/^/#   /"; }

wanted() { [ -z "${TESTS:-}" ] || [[ " $TESTS " == *" $1 "* ]]; }

#--------------------------------------------------------------------- builds

# clang knows some of the server's gcc flags by other names
clang_flags="-Wno-unknown-warning-option -Wno-ignored-optimization-argument -Wno-ignored-attributes"
compiler_clang=$(command -v clang || ls /usr/bin/clang-[0-9]* 2>/dev/null | sort -V | tail -n 1 || true)

declare -A variant_arguments=(
	[release]="EXTRA_CFLAGS=-Werror"
	[assert]="'EXTRA_CFLAGS=-Werror -DUSE_ASSERT_CHECKING'"
	[sanitize]="$(printf '%q ' "${sanitize_arguments[@]}")"
)

declare -A built=()

build()
{
	local name=$1
	[ -z "${built[$name]:-}" ] || return 0
	eval "set -- ${variant_arguments[$name]}"
	if build_variant "$name" "$@"; then
		ok "build $name: no warning"
		built[$name]=1
		return 0
	fi
	not_ok "build $name"
	show_warnings "$build_dir/$name.log"
	# the tests may still run if only warnings were in the way
	say "# building $name again without -Werror"
	build_variant "$name" "${@/-Werror/}" || return 1
	built[$name]=1
}

part_build()
{
	section "compilers"
	build release || true
	if [ -n "$compiler_clang" ]; then
		if build_variant clang CC="$compiler_clang" EXTRA_CFLAGS="-Werror $clang_flags"; then
			ok "build clang: no warning"
		else
			not_ok "build clang"
			show_warnings "$build_dir/clang.log"
		fi
	fi
}

#--------------------------------------------------------------------- codecs

part_simd()
{
	local source name log
	section "simd/tests, with address and undefined-behaviour sanitizers"
	mkdir -p "$build_dir/simd"
	for source in "$top"/simd/tests/*.c; do
		[ -e "$source" ] || continue
		name=$(basename "$source" .c)
		wanted "$name" || continue
		log=$out/simd_$name.log
		if ! make -C "$top/simd" --no-print-directory -j2 BUILD="$build_dir/simd" CC=gcc "$build_dir/simd/${name}_sanitize" >"$log" 2>&1; then
			not_ok "simd $name: compile"
			show "$log"
			continue
		fi
		tap "simd_$name" env -C "$top/simd/tests" timeout 900 "$build_dir/simd/${name}_sanitize"
	done
	fuzz_simd
}

# Each fuzz target for a short while, from the kept corpus on; inputs that crash are left in build/simd/.
fuzz_simd()
{
	local source name log
	section "simd/fuzz, $fuzz_seconds s each"
	if ! echo 'int LLVMFuzzerTestOneInput(const char *p, long n) { return p == 0 && n == 1; }' |
		"${compiler_clang:-false}" -fsanitize=fuzzer,address -x c - -o "$build_dir/simd/has_fuzzer" 2>/dev/null; then
		say "skip fuzz targets: no clang with libFuzzer"
		skipped=$((skipped + 1))
		return 0
	fi
	for source in "$top"/simd/fuzz/fuzz_*.c; do
		name=$(basename "$source" .c)
		wanted "$name" || continue
		log=$out/simd_$name.log
		if timeout $((fuzz_seconds + 600)) make -C "$top/simd" --no-print-directory -j2 BUILD="$build_dir/simd" CLANG="$compiler_clang" \
			FUZZ_SECONDS="$fuzz_seconds" "fuzz-${name#fuzz_}" >"$log" 2>&1; then
			ok "simd $name"
		else
			not_ok "simd $name"
			show "$log"
		fi
	done
}

#--------------------------------------------------------------------- SQL and isolation

# The inputs go where the server's user can read them; tests find data/ by PG_ABS_SRCDIR.
suite_stage()
{
	[ ! -e "$scratch/suite" ] || return 0
	mkdir -p "$scratch/suite"
	(cd "$top" && for dir in sql expected specs data; do [ ! -d $dir ] || cp -r $dir "$scratch/suite/"; done)
	[ "$(id -u)" != 0 ] || chown -R "$server_user:" "$scratch/suite"
}

suite_server()
{
	[ ! -e "$scratch/suite_server" ] || return 0
	build $variant || return 1
	stage_variant $variant
	suite_stage
	server_create suite_server
	# a session of autovacuum's would hold back what VACUUM can remove, now and then
	server_config suite_server "$(cat "$top/t/test.conf")" "autovacuum = off"
	# the same plans as before
	[ "$pg_major" -lt 16 ] || server_config suite_server "enable_presorted_aggregate = off"
	if ! server_start suite_server; then
		not_ok "test server starts"
		return 1
	fi
}

# A crash or failed assertion that no test's output showed.
crash_count() { grep -cE 'was terminated by signal|TRAP: |PANIC: ' "$1" 2>/dev/null || true; }

# same_but_words TEST DIR: is the result what is expected, but for what other versions say differently?
same_but_words()
{
	local differences=$out/$1.differences
	[ -e "$2/results/$1.out" ] || return 1
	diff -u <(perl "$top/scripts/version_normalise.pl" <"$top/expected/$1.out") \
		<(perl "$top/scripts/version_normalise.pl" <"$2/results/$1.out") >"$differences" || return 1
	rm -f "$differences"
}

# regress LABEL PROGRAM PGOPTIONS TEST...
regress()
{
	local label=$1 program=$2 options=$3 dir=$scratch/$1 before line name
	shift 3
	if [ $# = 0 ]; then
		say "# no tests"
		return 0
	fi
	mkdir -p "$dir"
	[ "$(id -u)" != 0 ] || chown "$server_user:" "$dir"
	before=$(crash_count "$scratch/suite_server.log")
	# (the program's status says no more than its lines)
	(cd "$scratch" && as_user env PGOPTIONS="$options" timeout 1800 "$program" --bindir="$pg_bin" --host="$scratch" --port="$server_port" \
		--user=postgres --dbname="check_$label" --load-extension=tsdb_am \
		--inputdir="$scratch/suite" --outputdir="$dir" "$@") >"$out/$label.log" 2>&1 || true
	for name in "$@"; do
		# up to 15, and from 16 on
		line=$(grep -E "^(test)? +$name +\.\.\.|^(not )?ok [0-9]+ +[-+] +$name " "$out/$label.log" || true)
		if [[ "$line" == *"... ok"* || "$line" == "ok "* ]]; then
			ok "$label $name"
		elif [ "$pg_major" != 15 ] && same_but_words "$name" "$dir"; then
			ok "$label $name (in other words)"
		else
			not_ok "$label $name"
		fi
	done
	rm -rf "$out/$label"
	cp -r "$dir" "$out/$label"
	if [ -s "$dir/regression.diffs" ] && [ "$pg_major" != 15 ]; then
		cat "$out"/*.differences 2>/dev/null | head -n 200 | cut -c 1-300 | sed 's/^/#   /' || true
	elif [ -s "$dir/regression.diffs" ]; then
		say "# $label: differences (all in $out/$label/regression.diffs)"
		head -n 200 "$dir/regression.diffs" | cut -c 1-300 | sed 's/^/#   /'
	fi
	if [ "$(crash_count "$scratch/suite_server.log")" != "$before" ]; then
		not_ok "$label: server stays up"
		grep -E 'was terminated by signal|TRAP: |PANIC: |Failed process was running' "$scratch/suite_server.log" | tail -n 10 | sed 's/^/#   /'
	fi
	cp "$scratch/suite_server.log" "$out/suite_server.log"
}

# names DIR SUFFIX: the tests in it, less the ones that TESTS leaves out
names()
{
	local file name
	for file in "$top/$1"/*"$2"; do
		[ -e "$file" ] || continue
		name=$(basename "$file" "$2")
		# what the others build on is always run
		[[ "$name" == 00_* ]] || wanted "$name" || continue
		printf '%s\n' "$name"
	done
}

# Modes: rows where an INSERT puts them; all of them loaded directly into chunks; those through PostgreSQL's own scan nodes.
declare -A sql_modes=(
	[sql]=""
	[sql_direct]="-c tsdb_am.direct_load_rows=1"
	[sql_rows]="-c tsdb_am.direct_load_rows=1 -c tsdb_am.enable_custom_scan=off"
)

part_sql()
{
	local mode
	suite_server || return 0
	for mode in ${TSDB_SQL_MODES:-sql sql_direct sql_rows}; do
		section "SQL tests: $mode ${sql_modes[$mode]}"
		regress "$mode" "$pg_regress" "${sql_modes[$mode]}" $(names sql .sql)
	done
}

part_isolation()
{
	section "isolation tests"
	suite_server || return 0
	regress isolation "$pg_isolation_regress" "" $(names specs .spec)
}

#--------------------------------------------------------------------- tests with servers of their own

# tap LABEL COMMAND...: counts a script's "ok" and "not ok" lines; it must end with a plan, "1..N".
tap()
{
	local label=$1 log=$out/$1.log line status=0 seen=0 plan=
	shift
	"$@" >"$log" 2>&1 || status=$?
	while IFS= read -r line; do
		if [[ "$line" =~ ^(not\ )?ok\ *[0-9]*\ *-?\ *(.*)$ ]]; then
			seen=$((seen + 1))
			if [ -n "${BASH_REMATCH[1]}" ]; then not_ok "$label: ${BASH_REMATCH[2]}"; else ok "$label: ${BASH_REMATCH[2]}"; fi
		elif [[ "$line" =~ ^1\.\.([0-9]+)$ ]]; then
			plan=${BASH_REMATCH[1]}
		elif [[ "$line" == "skip "* ]]; then
			skipped=$((skipped + 1))
			say "$line"
		elif [[ "$line" == "# "* ]]; then
			say "$line"
		fi
	done < "$log"
	if [ "$plan" != "$seen" ] || { [ $status != 0 ] && ! grep -q '^not ok' "$log"; }; then
		not_ok "$label: runs to its end (status $status, $seen of ${plan:-?} tests)"
		show "$log" 30
	fi
}

part_t()
{
	local script name
	section "tests with servers of their own"
	build $variant || return 0
	for script in "$top"/t/[0-9]*.sh; do
		[ -e "$script" ] || continue
		name=$(basename "$script" .sh)
		wanted "$name" || continue
		tap "$name" env TSDB_VARIANT=$variant timeout 1200 bash "$script"
	done
}

part_core()
{
	section "PostgreSQL's own regression tests, on heap and on tsdb"
	build $variant || return 0
	tap core env TSDB_VARIANT=$variant timeout 2400 bash "$top/scripts/check_core.sh"
}

#--------------------------------------------------------------------- other major versions

# Inside of another version's system (scripts/chroot.sh), where all packages are there.
part_version()
{
	local inner
	for inner in ${TSDB_VERSION_PARTS:-sql isolation}; do
		part_"$inner"
	done
}

part_versions()
{
	local major status
	section "other versions of PostgreSQL"
	for major in ${TSDB_VERSIONS:-17 18}; do
		status=0
		bash "$top/scripts/chroot.sh" make "$major" >/dev/null 2>"$out/pg$major.log" || status=$?
		if [ $status = 3 ]; then
			say "skip PostgreSQL $major: $(tail -n 1 "$out/pg$major.log")"
			skipped=$((skipped + 1))
			continue
		fi
		mkdir -p "$build_dir/pg$major"
		tap "pg$major" bash "$top/scripts/chroot.sh" run "$major" --bind "$build_dir/pg$major" /build \
			env TSDB_BUILD=/build TSDB_PLAN=1 TSDB_SQL_MODES=sql PG_CONFIG="/usr/lib/postgresql/$major/bin/pg_config" TESTS="${TESTS:-}" \
			TSDB_VERSION_PARTS="${TSDB_VERSION_PARTS:-}" bash scripts/check.sh version
		say "# PostgreSQL $major: $SECONDS s"
	done
}

# Everything that has a server, with the sanitizers' build; hours, so not part of "all".
part_sanitize()
{
	variant=sanitize
	part_sql
	part_isolation
	[ ! -e "${scratch:-/nonexistent}/suite_server/postmaster.pid" ] || server_stop suite_server
	part_t
}

#--------------------------------------------------------------------- all

# What takes mostly one processor runs beside other such parts: "aside" starts parts, "beside" waits for them and counts.
aside()
{
	TSDB_PLAN=1 bash "$top/scripts/check.sh" "$@" >"$out/beside.log" 2>&1 &
	aside_pid=$!
}

beside()
{
	local status=0
	wait "$aside_pid" || status=$?
	tap aside bash -c 'cat "$0"; exit "$1"' "$out/beside.log" $status
}

part_all()
{
	part_build
	build $variant || return 0
	# children find it built
	TSDB_SQL_MODES=sql_rows aside simd sql
	TSDB_SQL_MODES="sql sql_direct" part_sql
	part_isolation
	# frees its memory and processors for the others
	[ ! -e "${scratch:-/nonexistent}/suite_server/postmaster.pid" ] || server_stop suite_server
	beside
	part_t
	aside versions
	[ "${TSDB_CHECK_CORE:-1}" = 0 ] || part_core
	beside
}

for part in "$@"; do
	case $part in
		all|build|simd|sql|isolation|t|core|version|versions|sanitize)
			part_"$part"
			;;
		*)
			die "usage: check.sh [all|build|simd|sql|isolation|t|core|versions|sanitize]..."
			;;
	esac
done

section "sum"
[ ${#failures[@]} = 0 ] || printf 'failed: %s\n' "${failures[@]}"
[ $((passed + failed)) -gt 0 ] || { not_ok "no test ran"; }
if [ $skipped -gt 0 ]; then
	printf '%d passed, %d failed, %d skipped\n' $passed $failed $skipped
else
	printf '%d passed, %d failed\n' $passed $failed
fi
[ -z "${TSDB_PLAN:-}" ] || printf '1..%d\n' $((passed + failed))
[ $failed = 0 ]
