#!/usr/bin/env bash
#
# Installs from Debian's packages what building and testing need and the machine lacks.
#
# Asks nothing, and touches neither network nor package lists if all is there.  A server package
# makes and starts a cluster "main" when it is first installed: here it is told not to.
#
# Environment: PG_MAJOR  PostgreSQL's major version (15).
set -euo pipefail

major=${PG_MAJOR:-15}
packages=(
	build-essential
	"postgresql-$major"
	"postgresql-server-dev-$major"	# brings clang, the second compiler of the checks
	dpkg-dev						# apt-get source, for check-core
	libclang-rt-14-dev				# libFuzzer and sanitizers for that clang
	bzip2
	libsimde-dev
	liblz4-dev
	libzstd-dev
	liburcu-dev
	spin							# model checker, t/021_index_model.sh
)

missing=()
for package in "${packages[@]}"; do
	state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
	[ "$state" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ]; then
	echo "missing packages, to be installed by root: ${missing[*]}" >&2
	exit 1
fi

echo "installing: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
no_cluster=/etc/postgresql-common/createcluster.d/tsdb_am-setup.conf
trap 'rm -f "$log" "$no_cluster"; rmdir --ignore-fail-on-non-empty "$(dirname "$no_cluster")" 2>/dev/null || true' EXIT

# Only a server that is not there yet would make a cluster.
mkdir -p "$(dirname "$no_cluster")"
echo "create_main_cluster = false" > "$no_cluster"

# A first run of the package lists may meet another apt at work: it waits.
apt=(apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold)
run()
{
	"$@" >"$log" 2>&1 </dev/null || { cat "$log" >&2; return 1; }
}
run "${apt[@]}" update
run "${apt[@]}" install --no-install-recommends "${missing[@]}"
