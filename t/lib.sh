# For the test scripts in t/: results as "ok" lines, and a staged build of the extension.
#
# Environment: TSDB_VARIANT  which build (assert), made first if it is not up to date.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"
find_postgres
variant=${TSDB_VARIANT:-assert}
use_variant()
{
	if [ "$variant" = sanitize ]; then
		set -- "${sanitize_arguments[@]}"
	elif [ -e "$build_dir/$variant/.arguments" ]; then
		eval "set -- $(cat "$build_dir/$variant/.arguments")"
	else
		set -- EXTRA_CFLAGS=-DUSE_ASSERT_CHECKING
	fi
	build_variant "$variant" "$@" || die "build failed: $build_dir/$variant.log"
	stage_variant "$variant"
}
use_variant

tests_run=0

ok() { tests_run=$((tests_run + 1)); printf 'ok - %s\n' "$1"; }
not_ok() { tests_run=$((tests_run + 1)); printf 'not ok - %s\n' "$1"; }
note() { printf '%s\n' "$*" | cut -c 1-300 | sed 's/^/# /'; }

# is GOT EXPECTED NAME
is()
{
	if [ "$1" = "$2" ]; then
		ok "$3"
	else
		not_ok "$3"
		note "expected: $2"
		note "got:      $1"
	fi
}

# like GOT PATTERN NAME: extended regular expression
like()
{
	if grep -qE -- "$2" <<<"$1"; then
		ok "$3"
	else
		not_ok "$3"
		note "expected: /$2/"
		note "got:      $1"
	fi
}

# A statement that must fail: prints its message.
sql_error()
{
	if sql -v VERBOSITY=verbose "$@" 2>&1 >/dev/null; then
		printf 'no error\n'
	fi
}

# wait_for SECONDS EXPECTED NAME psql-arguments: until a query's result is as expected
wait_for()
{
	local until=$((SECONDS + $1)) expected=$2 name=$3 got
	shift 3
	while :; do
		got=$(sql "$@" 2>&1) || true
		[ "$got" != "$expected" ] || break
		[ $SECONDS -lt $until ] || break
		sleep 0.2
	done
	is "$got" "$expected" "$name"
}

# The log of a server shows no crash but the ones the script caused itself.
no_crash()
{
	local lines
	lines=$(grep -E 'was terminated by signal|TRAP: |PANIC: ' "$scratch/$1.log" || true)
	is "$lines" "" "$1: no crash"
}

# A test server, running: test_server NAME [initdb options]
test_server()
{
	server_create "$@"
	server_config "$1" "$(cat "$top/t/test.conf")"
	server_start "$1"
}

done_testing() { printf '1..%d\n' "$tests_run"; }

# For tests with heap as oracle.  Sets am (TSDB_AM=heap proves a script itself: every table on heap, movers do nothing),
# extension (SQL that makes the extension, or movers that move nothing) and seed (TSDB_SEED, told), also of RANDOM.
use_twins()
{
	am=${TSDB_AM:-tsdb}
	extension="CREATE EXTENSION tsdb_am;"
	[ "$am" != heap ] || extension="CREATE SCHEMA tsdb;
		CREATE FUNCTION tsdb.compress(regclass) RETURNS bigint LANGUAGE sql AS 'SELECT 0::bigint';
		CREATE FUNCTION tsdb.recompress(regclass) RETURNS bigint LANGUAGE sql AS 'SELECT 0::bigint';
		CREATE FUNCTION tsdb.decompress(regclass) RETURNS bigint LANGUAGE sql AS 'SELECT 0::bigint';
		CREATE FUNCTION tsdb.verify(regclass) RETURNS TABLE (problem text) LANGUAGE sql AS 'SELECT NULL::text WHERE false';"
	seed=${TSDB_SEED:-$(( $(date +%s) % 32768 ))}
	RANDOM=$seed
	note "seed $seed"
}
