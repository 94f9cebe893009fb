# Where PostgreSQL's source comes from; to be sourced behind lib.sh (uses $pg_major).

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
