#!/usr/bin/env bash
# ALTER EXTENSION tsdb_am UPDATE from the first version: what 1.0 made is used, updated, and then the same as where the
# newest version was installed at once; rows, options, jobs and shards are untouched; dump and restore work after it.
. "$(dirname "$0")/lib.sh"

test_server main
sql -c "CREATE DATABASE updated" -c "CREATE DATABASE fresh"
latest=$(sed -n "s/^default_version = '\(.*\)'/\1/p" "$top/tsdb_am.control")
note "newest version: $latest"

# every object of the extension: identity, definition, owner, privileges, comment; which rows pg_dump takes
objects()
{
	sql -d "$1" -f "$top/t/extension_objects.sql"
}

# what users have made with it
contents()
{
	sql -d "$1" -c "SELECT count(*), md5(string_agg(t::text, E'\n' ORDER BY t::text COLLATE \"C\")) FROM metrics t" \
		-c "SELECT count(*), md5(string_agg(t::text, E'\n' ORDER BY t::text COLLATE \"C\")) FROM parts t" \
		-c "SELECT count(*), md5(string_agg(t::text, E'\n' ORDER BY t::text COLLATE \"C\")) FROM sums t" \
		-c "SELECT tableoid::regclass, count(*) FROM parts GROUP BY 1 ORDER BY 1" \
		-c "SELECT objname, label FROM pg_seclabels WHERE provider = 'tsdb' ORDER BY 1, 2" \
		-c "SELECT j::text FROM tsdb.job j ORDER BY 1" -c "SELECT s::text FROM tsdb.shards s ORDER BY 1" \
		-c "SELECT * FROM by_day ORDER BY 1, 2" \
		-c "SELECT count(*) FROM pg_class c JOIN pg_am a ON a.oid = c.relam, LATERAL tsdb.verify(c.oid) WHERE a.amname = 'tsdb' AND c.relkind = 'r'"
}

sql -d updated -c "CREATE EXTENSION tsdb_am VERSION '1.0'"
is "$(sql -d updated -c "SELECT extversion FROM pg_extension WHERE extname = 'tsdb_am'")" 1.0 "the first version can be installed"
sql -d updated >/dev/null <<'SQL'
CREATE TABLE metrics (time timestamptz NOT NULL, host text, v float8, j jsonb) USING tsdb WITH (segmentby = 'host', orderby = 'time');
CREATE INDEX ON metrics (host, time);
INSERT INTO metrics SELECT '2024-01-01'::timestamptz + i * interval '1 min', 'host_' || i % 5, i / 10.0, jsonb_build_object('i', i % 9) FROM generate_series(1, 5000) i;
SELECT tsdb.compress('metrics');
INSERT INTO metrics SELECT '2025-01-01'::timestamptz + i * interval '1 min', 'host_' || i % 5, i, NULL FROM generate_series(1, 20) i;
DELETE FROM metrics WHERE v = 7;
CREATE TABLE parts (time timestamptz NOT NULL, host text, v int);
SELECT tsdb.create_shards('parts', 'time', interval '1 day');
INSERT INTO parts SELECT '2024-01-01'::timestamptz + i * interval '1 min', 'host_' || i % 3, i FROM generate_series(0, 2879) i;
SELECT tsdb.add_compression_policy('parts', interval '7 days'), tsdb.add_retention_policy('parts', interval '100 years');
-- columns of the extension's types, and a view on its functions
CREATE TABLE sums AS SELECT host, candlestick_agg(time, v, 1) AS c, counter_agg(time, v) AS k, uddsketch(100, 0.01, v) AS u FROM metrics GROUP BY 1;
CREATE VIEW by_day AS SELECT time_bucket('1 day', time) AS day, host, last(v, time) FROM metrics WHERE time < '2024-01-03' GROUP BY 1, 2;
SQL
before=$(contents updated 2>&1)
note "$(head -n 3 <<<"$before")"
sql -d updated -c "ALTER EXTENSION tsdb_am UPDATE"
is "$(sql -d updated -c "SELECT extversion FROM pg_extension WHERE extname = 'tsdb_am'")" "$latest" "updated"
is "$(contents updated 2>&1)" "$before" "rows, options, jobs and shards are what they were"

sql -d fresh -c "CREATE EXTENSION tsdb_am"
objects updated >"$scratch/updated.objects"
objects fresh >"$scratch/fresh.objects"
like "$(wc -l <"$scratch/fresh.objects")" '^[0-9]{3,}$' "all objects are looked at"
is "$(diff "$scratch/fresh.objects" "$scratch/updated.objects" | head -n 20)" "" "the updated extension is the one that is installed at once"

# a session that was there before the update
exec {old_session}> >(exec "$pg_bin/psql" -X -q -At -h "$scratch" -p "$server_port" -U postgres -d postgres >"$scratch/session.out" 2>&1)
session=$!
printf '%s\n' "CREATE EXTENSION tsdb_am VERSION '1.0'; CREATE TABLE t (a int) USING tsdb; INSERT INTO t SELECT generate_series(1, 5000); SELECT count(*) FROM t;" >&"$old_session"
wait_for 30 5000 "session on the first version" -c "SELECT count(*) FROM t"
sql -c "ALTER EXTENSION tsdb_am UPDATE"
printf '%s\n' "INSERT INTO t SELECT generate_series(5001, 6000); SELECT count(*), sum(a) FROM t;" >&"$old_session"
exec {old_session}>&-
wait "$session" || true
is "$(cat "$scratch/session.out")" "$(printf '5000\n6000|18003000')" "a session goes on over the update"

# dump and restore
sql -c "CREATE DATABASE restored"
"$pg_bin/pg_dump" -h "$scratch" -U postgres -Fc -f "$scratch/dump" updated
"$pg_bin/pg_restore" -h "$scratch" -U postgres -d restored "$scratch/dump"
is "$(contents restored 2>&1)" "$before" "dump and restore after the update"

# a dump of the first version goes into the newest
sql -c "CREATE DATABASE first" -c "CREATE DATABASE first_restored"
sql -d first -c "CREATE EXTENSION tsdb_am VERSION '1.0'" -c "CREATE TABLE t (time timestamptz, v int) USING tsdb" \
	-c "INSERT INTO t SELECT '2024-01-01'::timestamptz + i * interval '1 s', i FROM generate_series(1, 3000) i" -c "SELECT tsdb.add_compression_policy('t', interval '1 day')" >/dev/null
"$pg_bin/pg_dump" -h "$scratch" -U postgres -f "$scratch/first.sql" first
sql -d first_restored -f "$scratch/first.sql" >/dev/null
is "$(sql -d first_restored -c "SELECT count(*), sum(v) FROM t" -c "SELECT count(*) FROM tsdb.job" -c "SELECT extversion FROM pg_extension WHERE extname = 'tsdb_am'")" \
	"$(printf '3000|4501500\n1\n%s' "$latest")" "a dump of the first version is restored with the newest"

no_crash main
done_testing
