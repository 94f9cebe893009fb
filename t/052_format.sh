#!/usr/bin/env bash
# Kept files of each format version are read for ever; what a later version wrote is refused, with a hint.
#
# data/format-N/: a table's main fork and that of its TOAST relation, as format version N wrote them, table.sql and rows.md5.
# TSDB_SAVE=DIRECTORY makes such files with this build instead (for a new version, not again for an old one).
. "$(dirname "$0")/lib.sh"

test_server main
sql -c "CREATE EXTENSION tsdb_am"

# file of a table's main fork, or of its TOAST relation's
main_file() { sql -c "SELECT pg_relation_filepath('$1')"; }
toast_file() { sql -c "SELECT pg_relation_filepath(reltoastrelid) FROM pg_class WHERE oid = '$1'::regclass"; }
digest() { sql -c "SELECT count(*) || ' ' || md5(string_agg(t::text, E'\n' ORDER BY t::text COLLATE \"C\")) FROM $1 t"; }

if [ -n "${TSDB_SAVE:-}" ]; then
	mkdir -p "$TSDB_SAVE"
	sql -f "$top/t/format_table.sql" >/dev/null
	digest kept >"$TSDB_SAVE/rows.md5"
	server_main=$(main_file kept)
	server_toast=$(toast_file kept)
	server_stop main
	for fork in main toast; do
		source=server_$fork
		cp "$scratch/main/${!source}" "$TSDB_SAVE/$fork"
		perl "$top/t/format_file.pl" settle "$TSDB_SAVE/$fork"
		gzip -9 -n -f "$TSDB_SAVE/$fork"
	done
	sed -n '/^CREATE TABLE kept /,/;$/p; /^ALTER TABLE kept /p' "$top/t/format_table.sql" >"$TSDB_SAVE/table.sql"
	chmod 644 "$TSDB_SAVE"/*
	ok "saved to $TSDB_SAVE: $(du -sb "$TSDB_SAVE" | cut -f 1) bytes"
	done_testing
	exit
fi

# The files' transaction ids must have been: a new cluster has not come so far.
server_stop main
as_user "$pg_bin/pg_resetwal" -x 20000 -D "$scratch/main" >/dev/null
server_start main

# place TABLE DIRECTORY [KIND]: a table of these files; KIND of tuple is said to be of a later version
place()
{
	local table=$1 dir=$2 main toast
	sed "s/ TABLE kept / TABLE $table /" "$dir/table.sql" | sql
	main=$scratch/main/$(main_file "$table")
	toast=$scratch/main/$(toast_file "$table")
	server_stop main
	gunzip -c "$dir/main.gz" >"$main"
	gunzip -c "$dir/toast.gz" >"$toast"
	[ -z "${3:-}" ] || perl "$top/t/format_file.pl" newer "$3" "$toast"
	server_start main
	sql -c "SELECT format('REINDEX TABLE %s', reltoastrelid::regclass) FROM pg_class WHERE oid = '$table'::regclass" | sql
}

for dir in "$top"/data/format-*/; do
	version=$(basename "$dir")
	table=${version//-/_}
	place "$table" "$dir"
	expected=$(cat "$dir/rows.md5")
	is "$(digest "$table" 2>&1)" "$expected" "$version: rows"
	is "$(sql -c "SET tsdb_am.enable_custom_scan = off" -c "SELECT count(*) || ' ' || md5(string_agg(t::text, E'\n' ORDER BY t::text COLLATE \"C\")) FROM $table t" 2>&1)" "$expected" "$version: rows, without custom scan"
	is "$(sql -c "SELECT * FROM tsdb.verify('$table')" 2>&1)" "" "$version: verify finds nothing"
	sql -c "CREATE INDEX ON $table (i8)" 2>&1
	is "$(sql -c "SET enable_seqscan = off" -c "SELECT count(*) FROM generate_series(1, 3000) i, LATERAL (SELECT FROM $table t WHERE t.i8 = i * 1000003::int8 OFFSET 0) t" 2>&1)" \
		"$(sql -c "SELECT count(*) FROM $table WHERE i8 % 1000003 = 0 AND i8 BETWEEN 1000003 AND 3000 * 1000003::int8")" "$version: rows by index"
	sql -c "INSERT INTO $table (time, i8) VALUES ('2030-01-01', -1)" -c "UPDATE $table SET i4 = i4 WHERE i8 = 1000003" -c "DELETE FROM $table WHERE i8 = 2000006" \
		-c "CREATE TABLE ${table}_heap AS SELECT * FROM $table" >/dev/null
	sql -c "SELECT tsdb.compress('$table')" -c "SELECT tsdb.recompress('$table')" -c "VACUUM $table" >/dev/null
	is "$(digest "$table" 2>&1)" "$(digest "${table}_heap")" "$version: changed, compressed and merged"
	is "$(sql -c "SELECT * FROM tsdb.verify('$table')" 2>&1)" "" "$version: verify finds nothing after that"
done

# whatever kind of tuple a later version wrote
dir=$(ls -d "$top"/data/format-*/ | sort -V | tail -n 1)
for kind in root entry header segment tombstone; do
	place "newer_$kind" "$dir" "$kind"
	for statement in "SELECT count(t) FROM newer_$kind t" "SET tsdb_am.enable_custom_scan = off; SELECT count(t) FROM newer_$kind t" "SELECT tsdb.recompress('newer_$kind')"; do
		like "$(sql_error -c "$statement" | tr '\n' ' ')" 'ERROR:  0A000: chunk store of table .* has format version 99, which is newer than .*HINT:  Upgrade the tsdb_am library' "$kind of a later version is refused: ${statement:0:25}"
	done
done

no_crash main
done_testing
