#!/usr/bin/env bash
# More tables than the queue of counted rows has room for.
#
# What would break it: rows of a table without an entry that nobody compresses; an insert that fails or waits because the queue is full;
# entries of dropped tables that are never given back; workers that serve only tables with entries, or only those without.
. "$(dirname "$0")/lib.sh"

tables=40
server_create main
server_config main "$(cat "$top/t/test.conf")" "tsdb_am.counted_tables = 16" "tsdb_am.max_workers = 2" "tsdb_am.compress_after = 1s" "tsdb_am.worker_naptime = 1s"
server_start main
sql -c "CREATE EXTENSION tsdb_am"
sql -c "DO \$\$ BEGIN FOR i IN 1..$tables LOOP
	EXECUTE format('CREATE TABLE t%s (time timestamptz NOT NULL, host text, v int) USING tsdb', i); END LOOP; END \$\$"

left="SELECT coalesce(sum(row_store_rows), 0) FROM tsdb.tables"
insert() # ROWS: into each table, one statement and transaction each
{
	seq "$tables" | sed "s/.*/INSERT INTO t& SELECT now(), 'h' || i % 3, i FROM generate_series(1, $1) i;/" | sql -q -f -
}
contents() { seq "$tables" | sed "s/.*/SELECT count(*), sum(v) FROM t&;/" | sql -f - | sort | uniq -c | awk '{ print $1, $2 }'; }

insert 10
wait_for 60 0 "rows of all tables get into chunks" -c "$left"
is "$(contents)" "$tables 10|55" "and are there"
insert 20
insert 300
wait_for 60 0 "so do later ones" -c "$left"
is "$(contents)" "$tables 330|45415" "and are there, too"
is "$(sql -c "SELECT count(*) FROM tsdb.table_jobs()")" 16 "the queue is full"
is "$(sql -c "SELECT count(*) FROM pg_class c, LATERAL tsdb.verify(c.oid) WHERE relname ~ '^t[0-9]+\$'")" 0 "verify finds nothing"

# a dropped database's entries are given back: another one's tables are counted
sql -c "CREATE DATABASE other"
sql -d other -c "CREATE EXTENSION tsdb_am" -c "CREATE TABLE o (time timestamptz NOT NULL, v int) USING tsdb" -c "INSERT INTO o SELECT now(), i FROM generate_series(1, 50) i"
wait_for 60 0 "rows of another database get into chunks" -d other -c "$left"
is "$(sql -d other -c "SELECT count(*), sum(v) FROM o")" "50|1275" "and are there"
no_crash main
done_testing
