# What demo, check and bench share: builds in build/, and private throw-away servers.
#
# To be sourced by bash, with "set -euo pipefail" in force.  PostgreSQL refuses root, so servers run as
# user postgres (made by Debian's package) if we are root.  A server's files, its socket and
# the staged extension lie in one scratch directory of that user's; no port is opened.  Whatever ends
# the script, its servers are stopped through pg_ctl and the directory is removed.
#
# Environment: PG_CONFIG  which PostgreSQL; TSDB_BUILD  where to build (build/ in the tree);
# TSDB_KEEP=1  keeps the scratch directory for a look afterwards.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build_dir=${TSDB_BUILD:-$top/build}
server_user=postgres
umask 022

say() { printf '%s\n' "$*"; }
die() { printf '%s\n' "$*" >&2; exit 1; }

#--------------------------------------------------------------------- PostgreSQL

# Finds it after install_deps.sh has run.
find_postgres()
{
	if [ -z "${PG_CONFIG:-}" ] || ! command -v "$PG_CONFIG" >/dev/null; then
		PG_CONFIG=/usr/lib/postgresql/15/bin/pg_config
		[ -x "$PG_CONFIG" ] || PG_CONFIG=$(command -v pg_config) || die "pg_config not found"
	fi
	export PG_CONFIG
	pg_bin=$("$PG_CONFIG" --bindir)
	pg_pgxs=$(dirname "$(dirname "$(dirname "$("$PG_CONFIG" --pgxs)")")")
	pg_major=$("$PG_CONFIG" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
	pg_regress=$pg_pgxs/src/test/regress/pg_regress
	pg_isolation_regress=$pg_pgxs/src/test/isolation/pg_isolation_regress
}

# Runs a command as the servers' user.
as_user()
{
	if [ "$(id -u)" = 0 ]; then
		runuser -u "$server_user" -- "$@"
	else
		"$@"
	fi
}

#--------------------------------------------------------------------- builds

# Variant "sanitize": address and undefined-behaviour sanitizers in the library alone, so that the server must load their
# runtime first (see stage_variant).  TSDB_SANITIZE: blocks are decoded from copies of just their size, see chunk_reader.c.
# Without the check of null pointers, which liburcu's inline functions fail (they take the address of a first member); who
# reads through one is stopped all the same.
# (Optimized less: with sanitizers, kernels take minutes to compile at -O3.)
sanitize_arguments=("EXTRA_CFLAGS=-DUSE_ASSERT_CHECKING -DTSDB_SANITIZE -g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize=null -fno-sanitize-recover=all" SIMD_OPT=-O1)

# build_variant NAME [make argument...]: a copy of the sources in build/NAME, compiled there, so that
# variants don't disturb each other or the tree.  Output goes to build/NAME.log.
build_variant()
{
	local name=$1 dir=$build_dir/$1 file arguments
	shift
	arguments=$(printf "%q " "$@")
	mkdir -p "$dir"
	# vanished sources must not linger
	(cd "$dir" && find src simd -type f \( -name '*.c' -o -name '*.h' \) 2>/dev/null) | while read -r file; do
		[ -e "$top/$file" ] || rm -f "$dir/$file" "$dir/${file%.c}.o"
	done
	(cd "$top" && cp -pu --parents -t "$dir" Makefile module.mk tsdb_am.control tsdb_am--*.sql \
		$(find src simd -type f \( -name '*.c' -o -name '*.h' -o -name '*.inc' \)))
	# other flags than last time: all anew
	if [ "$(cat "$dir/.arguments" 2>/dev/null)" != "$arguments" ]; then
		find "$dir" -name '*.o' -delete
		printf '%s\n' "$arguments" > "$dir/.arguments"
	fi
	make -C "$dir" -s --no-print-directory -j2 "$@" all >"$build_dir/$name.log" 2>&1
}

# Puts a built variant where the private servers look for it.  Debian's PostgreSQL can load an
# extension from below another root; elsewhere it has to be installed for real.
server_environment=()
stage_variant()
{
	local name=$1 arguments
	scratch_make
	eval "arguments=($(cat "$build_dir/$name/.arguments"))"
	if "$pg_bin/postgres" --describe-config | grep '^extension_destdir' >/dev/null; then
		rm -rf "$scratch/stage"
		make -C "$build_dir/$name" -s --no-print-directory "${arguments[@]}" \
			install DESTDIR="$scratch/stage" >>"$build_dir/$name.log" 2>&1
		stage_conf="extension_destdir = '$scratch/stage'
dynamic_library_path = '$scratch/stage$("$PG_CONFIG" --pkglibdir):\$libdir'"
	else
		make -C "$build_dir/$name" -s --no-print-directory "${arguments[@]}" \
			install >>"$build_dir/$name.log" 2>&1
		stage_conf=
	fi

	# the sanitizers' runtime comes before all else; a report ends the process by a signal, which no_crash finds in the log
	server_environment=()
	if [[ "${arguments[*]}" == *-fsanitize=address* ]]; then
		gcc -shared -fPIC -Wl,-z,initfirst "$top/t/sanitize_preload.c" -o "$scratch/sanitize_preload.so"
		server_environment=(env "LD_PRELOAD=$(gcc -print-file-name=libasan.so):$scratch/sanitize_preload.so"
			ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:disable_coredump=1:allocator_may_return_null=1:detect_stack_use_after_return=0
			UBSAN_OPTIONS=print_stacktrace=1:abort_on_error=1)
	fi
}

#--------------------------------------------------------------------- scratch directory

scratch=
scratch_pid=

scratch_make()
{
	[ -z "$scratch" ] || return 0
	scratch=$(mktemp -d "${TSDB_TMP:-/tmp}/tsdb_am.XXXXXX")
	scratch_pid=$BASHPID
	[ "$(id -u)" != 0 ] || chown "$server_user:" "$scratch"
	chmod 700 "$scratch"
	trap scratch_remove EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
}

scratch_remove()
{
	local status=$? dir
	# a subshell inherits the trap, not the task
	[ "$BASHPID" = "$scratch_pid" ] || exit $status
	trap '' HUP INT TERM
	kill $(jobs -p) 2>/dev/null || true
	for dir in "$scratch"/*/; do
		[ ! -e "$dir/postmaster.pid" ] || as_user "$pg_bin/pg_ctl" -s -D "$dir" -m immediate -w stop >/dev/null 2>&1 || true
	done
	if [ "${TSDB_KEEP:-0}" = 1 ]; then
		say "kept: $scratch"
	else
		rm -rf "$scratch"
	fi
	exit $status
}

#--------------------------------------------------------------------- servers
#
# A server is named by its directory below the scratch directory; its port (the name of its socket)
# is a number that the caller picks, 5432 if there is only one.

# server_create NAME [initdb options]: a cluster that preloads the library; the settings for tests are
# added by server_config.
server_create()
{
	local name=$1
	shift
	(cd "$scratch" && as_user "$pg_bin/initdb" -D "$scratch/$name" -U postgres -A trust -E UTF8 --no-locale \
		--no-instructions -N "$@" >"$scratch/initdb.log" 2>&1) || { cat "$scratch/initdb.log" >&2; return 1; }
	server_config "$name" "listen_addresses = ''" "unix_socket_directories = '$scratch'" "port = 5432" \
		"shared_preload_libraries = 'tsdb_am'" "$stage_conf"
}

# server_config NAME LINE...: appends to its postgresql.conf; later lines win.
server_config()
{
	local name=$1
	shift
	printf '%s\n' "$@" >> "$scratch/$name/postgresql.conf"
}

server_start()
{
	if ! (cd "$scratch" && as_user "${server_environment[@]}" "$pg_bin/pg_ctl" -s -D "$scratch/$1" -l "$scratch/$1.log" -w -t 120 start); then
		tail -n 20 "$scratch/$1.log" >&2
		return 1
	fi
}

# server_stop NAME [fast|immediate|smart]
server_stop()
{
	(cd "$scratch" && as_user "$pg_bin/pg_ctl" -s -D "$scratch/$1" -m "${2:-fast}" -w -t 120 stop)
}

# SIGKILL for the postmaster; returns when it and all its children are gone.  A zombie that nobody
# reaps is gone too, but its number would keep the next postmaster from starting.
server_kill()
{
	local pid child children tries
	pid=$(head -n 1 "$scratch/$1/postmaster.pid")
	children=$(cat "/proc/$pid/task/$pid/children" 2>/dev/null || true)
	kill -KILL "$pid"
	for child in $pid $children; do
		for tries in $(seq 1 600); do
			kill -0 "$child" 2>/dev/null || break
			[ $tries -lt 40 ] || ! grep -qs "^State:.Z" "/proc/$child/status" || break
			sleep 0.05
		done
	done
	rm -f "$scratch/$1/postmaster.pid"
}

# psql on the server at port $server_port, as superuser, plain output, errors end it.
server_port=5432
sql()
{
	"$pg_bin/psql" -X -q -At -v ON_ERROR_STOP=1 -h "$scratch" -p "$server_port" -U postgres "$@"
}
