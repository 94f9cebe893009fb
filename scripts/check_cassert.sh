#!/usr/bin/env bash
#
# SQL and isolation tests, and those of t/ that TESTS names, on a PostgreSQL that is built for it with --enable-cassert: its assertions and its checks
# of memory contexts (bytes written behind a chunk, memory used after it was freed) are not in Debian's packages.
#
# Only its warning "tuple lock held at commit" is taken out, see below.
#
# The server is built once, from Debian's source package, in $TSDB_CASSERT (build/cassert), which takes some ten minutes of processor time; the
# extension is installed into it.  Not part of "make check".
#
# Environment: TESTS="name ..."  only these; T="name ..."  tests of t/ to be run as well; PG_SOURCE  an unpacked source tree to use;
# TSDB_CASSERT  where to build.
set -euo pipefail
. "$(dirname "$0")/lib.sh"
find_postgres
. "$top/scripts/pg_source.sh"

dir=${TSDB_CASSERT:-$build_dir/cassert}
inst=$dir/inst
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)

if [ ! -e "$dir/done" ]; then
	missing=()
	for tool in bison flex; do command -v $tool >/dev/null || missing+=($tool); done
	[ ${#missing[@]} = 0 ] || die "missing, to be installed: ${missing[*]}"
	rm -rf "$dir/src" "$dir/obj" "$inst"
	mkdir -p "$dir/src" "$dir/obj"
	if [ -n "${PG_SOURCE:-}" ]; then
		cp -a "$PG_SOURCE/." "$dir/src/"
	else
		download_source "$dir/download" 2>"$dir/download.log" || { tail -n 5 "$dir/download.log" >&2; die "source package cannot be had"; }
		for file in "$dir/download"/*.orig.tar.*; do
			tar -C "$dir/src" --strip-components=1 --no-same-owner -xf "$file"
		done
	fi
	# Row locks on rows of chunks are tuple locks, held to the end of the transaction (src/am/README.md).  Core takes none for so long, and warns.
	sed -i 's/elog(WARNING, "tuple lock held at commit");/;/' "$dir/src/src/backend/storage/lmgr/lock.c"
	say "building PostgreSQL with --enable-cassert in $dir"
	(
		cd "$dir/obj"
		../src/configure --prefix="$inst" --enable-cassert --enable-debug --with-icu --with-openssl --with-lz4 --with-zstd CFLAGS="-O1 -g"
		make -s -j2
		make -s install
		for module in amcheck dblink pageinspect postgres_fdw spi btree_gist; do make -s -C contrib/$module install; done
		make -s -C src/test/regress all install
		make -s -C src/test/isolation all install
	) >"$dir/build.log" 2>&1 || { tail -n 20 "$dir/build.log" >&2; die "build failed: $dir/build.log"; }
	chmod -R a+rX "$dir"
	touch "$dir/done"
fi

export PG_CONFIG=$inst/bin/pg_config
export TSDB_BUILD=$build_dir/with_cassert
status=0
bash "$top/scripts/check.sh" sql || status=1
bash "$top/scripts/check.sh" isolation || status=1
if [ -n "${T:-}" ]; then
	TESTS=$T bash "$top/scripts/check.sh" t || status=1
fi
exit $status
