#!/usr/bin/env bash
# pg_upgrade from version to version, with rows in both stores: every table has a heap twin.  After each step the tables are
# what they were, and then rows are written, changed, moved, merged and read back.
#
# Versions: this server's, then those of TSDB_VERSIONS (17 18), each in the system that scripts/chroot.sh makes for it.
. "$(dirname "$0")/lib.sh"

shared=$scratch/upgrade
mkdir -p "$shared"
chmod 755 "$scratch" "$shared"

# keep_extension DIR: the files of this build, for the step in which it is the old version
keep_extension()
{
	mkdir -p "$1"
	cp "$build_dir/$variant/tsdb_am.so" "$top"/tsdb_am.control "$top"/tsdb_am--*.sql "$1"
}

server_create main
# a session of autovacuum's could keep compress from moving rows
server_config main "$(cat "$top/t/test.conf")" "autovacuum = off"
server_start main
sql -f "$top/t/upgrade_data.sql" >/dev/null
digest=$(sql -f "$top/t/upgrade_digest.sql")
like "$digest" '^metrics\|[0-9]+\|[0-9a-f]{32}\|t$' "twins are equal before"
is "$(grep -c '|f$' <<<"$digest" || true)" 0 "so are all others"
is "$(sql -c "SELECT count(*), bool_and(chunk_rows > 0), count(*) FILTER (WHERE row_store_rows > 0) >= 2 FROM tsdb.tables")" "4|t|t" "rows are in both stores"
sql -f "$top/t/upgrade_catalog.sql" >"$shared/catalog"
server_stop main
no_crash main
cp -r "$scratch/main" "$shared/cluster"
keep_extension "$shared/extension"
printf '%s\n' "$digest" >"$shared/digest"

old=$pg_major
root=/
for major in ${TSDB_VERSIONS:-17 18}; do
	status=0
	next=$(bash "$top/scripts/chroot.sh" make "$major" 2>"$scratch/reason") || status=$?
	if [ $status = 3 ]; then
		printf 'skip PostgreSQL %s: %s\n' "$major" "$(tail -n 1 "$scratch/reason")"
		continue
	fi
	mkdir -p "$build_dir/pg$major"
	status=0
	bash "$top/scripts/chroot.sh" run "$major" --old "$root" "$old" --bind "$shared" /upgrade --bind "$build_dir/pg$major" /build \
		env TSDB_BUILD=/build TSDB_TMP=/upgrade TSDB_VARIANT="$variant" PG_CONFIG="/usr/lib/postgresql/$major/bin/pg_config" \
		bash t/upgrade_step "$old" >"$scratch/step.log" 2>&1 || status=$?
	grep -E '^(not )?ok - ' "$scratch/step.log" | sed "s/ok - /ok - $old to $major: /" || true
	tests_run=$((tests_run + $(grep -cE '^(not )?ok - ' "$scratch/step.log" || true)))
	if [[ "$(tail -n 1 "$scratch/step.log")" == "skip "* ]]; then
		tail -n 1 "$scratch/step.log"
		break
	elif [ $status = 0 ] && [ "$(tail -n 1 "$scratch/step.log")" = done ]; then
		ok "$old to $major: done"
	else
		not_ok "$old to $major: done"
		tail -n 30 "$scratch/step.log" | cut -c 1-300 | sed 's/^/# /'
		break
	fi
	root=$next
	old=$major
done

done_testing
