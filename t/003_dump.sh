#!/usr/bin/env bash
# pg_dump and restore, in all forms, keep rows, options and access method.
. "$(dirname "$0")/lib.sh"

test_server main
mkdir "$scratch/data"
gunzip -c "$top/data/tweet_volume_a.csv.gz" > "$scratch/data/tweets.csv"
gunzip -c "$top/data/birdstrikes.csv.gz" > "$scratch/data/birds.csv"
chmod -R a+rX "$scratch/data"
sql <<SQL
CREATE EXTENSION tsdb_am;
CREATE TABLE tweets (series text, time timestamp NOT NULL, value int) USING tsdb WITH (segmentby = 'series', orderby = 'time');
COPY tweets FROM '$scratch/data/tweets.csv' (FORMAT csv, HEADER);
CREATE TABLE birds (airport text, aircraft text, damage text, flight date, operator text, state text, phase text, size text,
	species text, time_of_day text, cost_other numeric, cost_repair numeric, cost_total numeric, speed int) USING tsdb;
COPY birds FROM '$scratch/data/birds.csv' (FORMAT csv, HEADER);
ALTER TABLE birds SET (segmentby = 'state, phase', orderby = 'flight');
INSERT INTO birds SELECT * FROM birds LIMIT 10;
-- names that need quotes; an index; a column dropped, one added
CREATE TABLE "Odd ""name" ("Host name" text, "time" timestamptz, gone int, v float8[], j jsonb) USING tsdb WITH (segmentby = '"Host name"');
INSERT INTO "Odd ""name" SELECT 'host ' || i % 5, '2024-01-01'::timestamptz + i * interval '1 min', i, ARRAY[i, NULL, i / 3.0], jsonb_build_object('i', i) FROM generate_series(1, 3000) i;
CREATE INDEX ON "Odd ""name" (time);
ALTER TABLE "Odd ""name" DROP COLUMN gone;
ALTER TABLE "Odd ""name" ADD COLUMN added int DEFAULT 7;
CREATE TABLE parts (time timestamptz NOT NULL, host text, v int) PARTITION BY RANGE (time);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM ('2024-01-01') TO ('2024-01-02') USING tsdb WITH (segmentby = 'host');
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM ('2024-01-02') TO ('2024-01-03') USING tsdb WITH (direct_load = 'off');
INSERT INTO parts SELECT '2024-01-01'::timestamptz + i * interval '1 min', 'host_' || i % 3, i FROM generate_series(0, 2879) i;
CREATE MATERIALIZED VIEW by_day USING tsdb WITH (segmentby = 'series') AS SELECT series, date_trunc('day', time) AS time, sum(value) FROM tweets GROUP BY 1, 2;
-- functions of the extension
CREATE VIEW by_week AS SELECT series, time_bucket('1 week', time) AS week, first(value, time ORDER BY value), last(value, time ORDER BY value) FROM tweets GROUP BY 1, 2;
CREATE TABLE empty (time timestamptz, v int) USING tsdb;
SQL

# rows of all tables (and of the view, unless told otherwise), their access methods and options
contents()
{
	local table
	for table in tweets birds '"Odd ""name"' parts parts_1 parts_2 by_day empty ${2-by_week}; do
		sql -d "$1" -c "SELECT '$(sed "s/'/''/g" <<<"$table")', count(*), md5(string_agg(t::text, E'\n' ORDER BY t::text COLLATE \"C\")) FROM $table t"
	done
}
definitions()
{
	sql -d "$1" -c "SELECT c.relname, a.amname, c.relkind, c.reloptions FROM pg_class c LEFT JOIN pg_am a ON a.oid = c.relam
		WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'm', 'p') ORDER BY 1" \
		-c "SELECT objtype, objname, provider, label FROM pg_seclabels WHERE provider = 'tsdb' ORDER BY 2, 4"
}
options=$(sql -c "SELECT objname || ' ' || label FROM pg_seclabels WHERE provider = 'tsdb' ORDER BY 1" | tr '\n' ';')
like "$options" 'tweets\.series segmentby 1' "options are security labels"
rows=$(contents postgres)
defs=$(definitions postgres)
note "$(head -n 3 <<<"$rows")"

as=("-h" "$scratch" "-U" postgres)

# round NAME: a database restored from the dump is compared
compare()
{
	is "$(contents "$1" 2>&1)" "$rows" "$1: rows"
	is "$(definitions "$1" 2>&1)" "$defs" "$1: access methods and options"
	is "$(sql -d "$1" -c "SELECT count(*) FROM pg_class c JOIN pg_am a ON a.oid = c.relam, LATERAL tsdb.verify(c.oid) WHERE a.amname = 'tsdb' AND c.relkind IN ('r', 'm')" 2>&1)" 0 "$1: verify finds nothing"
}

sql -c "CREATE DATABASE plain TEMPLATE template0" -c "CREATE DATABASE custom TEMPLATE template0" -c "CREATE DATABASE parallel TEMPLATE template0" \
	-c "CREATE DATABASE inserts TEMPLATE template0" -c "CREATE DATABASE schema_only TEMPLATE template0" -c "CREATE DATABASE no_labels TEMPLATE template0" -c "CREATE DATABASE to_heap TEMPLATE template0"

"$pg_bin/pg_dump" "${as[@]}" -f "$scratch/plain.sql" postgres
sql -d plain -f "$scratch/plain.sql" >/dev/null
compare plain

"$pg_bin/pg_dump" "${as[@]}" -Fc -f "$scratch/custom.dump" postgres
"$pg_bin/pg_restore" "${as[@]}" -d custom "$scratch/custom.dump"
compare custom

"$pg_bin/pg_dump" "${as[@]}" -Fd -j 3 -f "$scratch/parallel.dump" postgres
"$pg_bin/pg_restore" "${as[@]}" -j 3 -d parallel "$scratch/parallel.dump"
compare parallel

"$pg_bin/pg_dump" "${as[@]}" --inserts --rows-per-insert=1000 -f "$scratch/inserts.sql" postgres
sql -d inserts -f "$scratch/inserts.sql" >/dev/null
compare inserts

"$pg_bin/pg_dump" "${as[@]}" --schema-only -f "$scratch/schema.sql" postgres
sql -d schema_only -f "$scratch/schema.sql" >/dev/null
is "$(definitions schema_only)" "$defs" "schema only: access methods and options"
is "$(sql -d schema_only -c "SELECT count(*) FROM tweets")" 0 "schema only: no rows"

"$pg_bin/pg_dump" "${as[@]}" --no-security-labels -f "$scratch/no_labels.sql" postgres
sql -d no_labels -f "$scratch/no_labels.sql" >/dev/null
is "$(contents no_labels)" "$rows" "without labels: rows"

# the way out: the same dump into heap
"$pg_bin/pg_dump" "${as[@]}" --no-table-access-method --no-security-labels -T by_week -N tsdb -f "$scratch/heap.sql" postgres
grep -v 'EXTENSION' "$scratch/heap.sql" > "$scratch/heap2.sql"
sql -d to_heap -f "$scratch/heap2.sql" >/dev/null
is "$(contents to_heap "")" "$(contents postgres "")" "into heap: rows"

no_crash main
done_testing
