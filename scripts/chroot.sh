#!/usr/bin/env bash
#
# Other major versions of PostgreSQL, each in a small Debian system of its own below one directory.
#
#	chroot.sh make MAJOR                        makes the system if it is not there; prints its directory
#	chroot.sh run MAJOR [options] COMMAND...    runs a command in it, as root
#		--bind FROM TO      the machine's directory FROM is TO inside, and can be written
#		--old ROOT MAJOR    PostgreSQL MAJOR as installed below ROOT (/ = this machine) is there too, for pg_upgrade
#	chroot.sh remove MAJOR
#
# A system is made by debootstrap from this machine's own Debian mirror, and kept for the next run.  Commands
# see it through a layer in memory, in mount, process and IPC namespaces of their own: whatever they
# write or start is gone with them, nothing stays mounted, and the kept system never changes.  The tree is /tree inside.
#
# Exit status 3: such a system can't be had here; the reason is the last line on standard error.
#
# Environment: TSDB_CHROOTS  where they are kept (/var/cache/tsdb_am/chroots).
set -euo pipefail

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
chroots=${TSDB_CHROOTS:-/var/cache/tsdb_am/chroots}

# Suites that may have it, the first that does is taken.
declare -A suites=([16]="" [17]="trixie" [18]="forky sid" [19]="forky sid")

packages=(gcc libc6-dev make libzstd-dev liblz4-dev liburcu-dev libsimde-dev libicu-dev)

# Raised when what is installed changes: older systems are made anew.
revision=1

cannot() { printf '%s\n' "$*" >&2; exit 3; }

#--------------------------------------------------------------------- making

# Debian's main mirror, as this machine's package lists have it.
mirror()
{
	apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' 2>/dev/null |
		awk -v codename="$(. /etc/os-release; printf '%s' "${VERSION_CODENAME:-}")" '$2 == codename { print $1; exit }'
}

# make_from SUITE MAJOR ROOT MIRROR
make_from()
{
	local suite=$1 major=$2 root=$3 mirror=$4 script=
	[ -e "/usr/share/debootstrap/scripts/$suite" ] || script=/usr/share/debootstrap/scripts/sid
	rm -rf --one-file-system "$root"
	timeout 900 debootstrap --variant=minbase "$suite" "$root" "$mirror" $script || return 1

	apt-config dump Acquire | grep -i proxy >"$root/etc/apt/apt.conf.d/proxy" || true
	# a mirror may be a snapshot from a while ago
	echo 'Acquire::Check-Valid-Until "false";' >"$root/etc/apt/apt.conf.d/snapshot"
	printf 'force-unsafe-io\npath-exclude /usr/share/doc/*\npath-exclude /usr/share/man/*\npath-exclude /usr/share/locale/*\n' \
		>"$root/etc/dpkg/dpkg.cfg.d/small"
	mkdir -p "$root/etc/postgresql-common/createcluster.d"
	echo 'create_main_cluster = false' >"$root/etc/postgresql-common/createcluster.d/none.conf"
	printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
	chmod +x "$root/usr/sbin/policy-rc.d"

	inside "$root" env DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends \
		"${packages[@]}" "postgresql-$major" || return 1
	# without what it depends on: clang and LLVM, many times its size, for the JIT compiler's bitcode alone
	inside "$root" sh -ec "cd /tmp; apt-get -q download postgresql-server-dev-$major
		dpkg -x postgresql-server-dev-*.deb /; rm postgresql-server-dev-*.deb
		apt-get clean; rm -rf /var/lib/apt/lists/* /usr/share/doc /usr/share/man" || return 1
	echo "$revision" >"$root/.tsdb_am"
}

make_root()
{
	local major=$1 root=$chroots/$1 mirror suite log
	if [ "$(cat "$root/.tsdb_am" 2>/dev/null)" = "$revision" ]; then
		printf '%s\n' "$root"
		return 0
	fi
	[ -n "${suites[$major]:-}" ] || cannot "no Debian suite is known that has PostgreSQL $major"
	[ "$(id -u)" = 0 ] || cannot "only root can make a system for PostgreSQL $major"
	mkdir -p "$chroots"
	exec 9>"$chroots/.lock"
	flock 9
	[ "$(cat "$root/.tsdb_am" 2>/dev/null)" != "$revision" ] || { printf '%s\n' "$root"; return 0; }

	log=$chroots/$major.log
	if ! command -v debootstrap >/dev/null; then
		{ apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends debootstrap; } >"$log" 2>&1 ||
			cannot "debootstrap is missing and can't be installed ($log)"
	fi
	mirror=$(mirror)
	[ -n "$mirror" ] || cannot "the package lists of this machine name no Debian mirror"
	for suite in ${suites[$major]}; do
		if make_from "$suite" "$major" "$root" "$mirror" >"$log" 2>&1; then
			printf '%s\n' "$root"
			return 0
		fi
	done
	rm -rf --one-file-system "$root"
	cannot "no PostgreSQL $major to be had from the Debian mirror ($log)"
}

#--------------------------------------------------------------------- running

# inside ROOT COMMAND...: there itself, changes stay; its mounts end with it
inside()
{
	local root=$1
	shift
	unshare --mount --propagation private --ipc --pid --fork --kill-child bash -ec '
		root=$1
		shift
		mount -t proc proc "$root/proc"
		exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 "$@"' inside "$root" "$@"
}

# PostgreSQL of another system: its two directories, below layers of their own, and what its programs need of that system's libraries that this one
# has not.  (The newer C library runs the older programs.)  To be sourced in the namespace.
add_old='
	add_old()
	{
		local root=$1 from=${2%/} major=$3 library
		for library in lib share; do
			mkdir -p "$root/usr/$library/postgresql/$major" "/mnt/old/$library-$major" "/mnt/old/work-$library-$major"
			mount -t overlay -o "lowerdir=$from/usr/$library/postgresql/$major,upperdir=/mnt/old/$library-$major,workdir=/mnt/old/work-$library-$major" \
				tsdb_am "$root/usr/$library/postgresql/$major"
		done
		while :; do
			library=$(chroot "$root" sh -c "ldd /usr/lib/postgresql/$major/bin/postgres /usr/lib/postgresql/$major/bin/p* /usr/local/lib/*.so.* 2>/dev/null" |
				awk "/not found/ { print \$1; exit }")
			[ -n "$library" ] || break
			cp -L "$from"/usr/lib/*/"$library" "$root/usr/local/lib/"
			chroot "$root" ldconfig
		done
	}'

run()
{
	local major=$1 root arguments=()
	shift
	root=$(make_root "$major")
	while :; do
		case ${1:-} in
			--bind|--old)
				arguments+=("$1" "$2" "$3")
				shift 3
				;;
			*)
				break
				;;
		esac
	done
	exec unshare --mount --propagation private --ipc --pid --fork --kill-child bash -euc "$add_old"'
		kept=$1 tree=$2
		shift 2
		# (any directory serves as the place to mount on: nobody outside sees it)
		mount -t tmpfs -o mode=755 tsdb_am /mnt
		mkdir /mnt/upper /mnt/work /mnt/root
		mount -t overlay -o "lowerdir=$kept,upperdir=/mnt/upper,workdir=/mnt/work" tsdb_am /mnt/root
		root=/mnt/root
		mount -t proc proc $root/proc
		mount --rbind /dev $root/dev
		mount -t tmpfs -o mode=1777 tsdb_am $root/dev/shm
		mkdir $root/tree
		mount --bind "$tree" $root/tree
		mount -o remount,bind,ro $root/tree
		while :; do
			case ${1:-} in
				--bind)
					mkdir -p "$root/$3"
					mount --bind "$2" "$root/$3"
					shift 3
					;;
				--old)
					add_old $root "$2" "$3"
					shift 3
					;;
				*)
					break
					;;
			esac
		done
		# (not exec: the first process of the namespace waits for orphans)
		chroot $root env -i -C /tree PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 "$@"
		exit $?' run "$root" "$top" "${arguments[@]}" "$@"
}

case ${1:-} in
	make)
		make_root "$2"
		;;
	run)
		shift
		run "$@"
		;;
	remove)
		rm -rf --one-file-system "${chroots:?}/$2" "$chroots/$2.log"
		;;
	*)
		sed -n '3,9s/^# \{0,1\}//p' "$0" >&2
		exit 2
		;;
esac
