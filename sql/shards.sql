-- Shards: tables that become partitioned, ranges ahead, rows that leave the default partition, what is carried over and what is refused.
-- Ranges are made around now as well: what is shown is older, or has integers for times.
\set SHOW_CONTEXT never
SET datestyle = 'ISO, YMD';
SET timezone = 'America/New_York'; -- bounds are in UTC all the same
SET enable_partitionwise_join = on;
SET enable_partitionwise_aggregate = on;
SET client_min_messages = warning;
CREATE FUNCTION parts(rel regclass, newest text DEFAULT '2026-01-01') RETURNS TABLE (partition text, bound text) LANGUAGE sql SET timezone = 'UTC' AS
	$$ SELECT t.relid::regclass::text, pg_get_expr(c.relpartbound, c.oid) FROM pg_partition_tree(rel) t JOIN pg_class c ON c.oid = t.relid
		WHERE t.level > 0 AND (c.relname ~ '_default|_h' OR t.relid::regclass IN (SELECT * FROM tsdb.show_chunks(rel, older_than => newest))) ORDER BY t.relid::regclass::text COLLATE "C" $$;
CREATE FUNCTION default_rows(rel regclass) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	n bigint;
BEGIN
	EXECUTE format('SELECT count(*) FROM %s', (SELECT partdefid::regclass FROM pg_partitioned_table WHERE partrelid = rel)) INTO n;
	RETURN n;
END $$;

-- an empty table
CREATE TABLE cpu (time timestamptz NOT NULL, host text, v float8) USING tsdb WITH (segmentby = 'host', fillfactor = 80, toast.autovacuum_enabled = off);
SELECT tsdb.create_shards('cpu');
SELECT * FROM tsdb.shards;
SELECT count(*), count(*) FILTER (WHERE c.relam = (SELECT oid FROM pg_am WHERE amname = 'tsdb')) AS tsdb FROM pg_partition_tree('cpu') t JOIN pg_class c ON c.oid = t.relid WHERE t.isleaf;
SELECT count(*), count(DISTINCT partition) FROM tsdb.shard_at('cpu', now()::text);
CREATE TABLE twin (LIKE cpu) USING heap;
INSERT INTO twin SELECT '2024-01-01 00:00+00'::timestamptz + i * interval '1 hour', 'h' || i % 5, i FROM generate_series(0, 999) i;
-- what has no partition goes to the default one, and from there to its own
INSERT INTO cpu SELECT * FROM twin;
INSERT INTO cpu VALUES ('infinity', 'x', 1), ('-infinity', 'x', 2), ('250000-01-01', 'x', 3), ('4000-01-01 BC', 'x', 4);
SELECT * FROM parts('cpu');
SELECT tsdb.drain_default('cpu', 200);
SELECT * FROM parts('cpu');
SELECT tsdb.drain_default('cpu');
SELECT * FROM parts('cpu');
SELECT tsdb.drain_default('cpu'), default_rows('cpu');
DELETE FROM cpu WHERE host = 'x';
SELECT twin_diff('cpu', 'twin');
SELECT tableoid::regclass, count(*), min(time), max(time) FROM cpu GROUP BY 1 ORDER BY 3;
-- ahead of the newest row
SELECT tsdb.extend_shards('cpu');
SELECT tsdb.extend_shards('cpu');
SELECT * FROM parts('cpu') OFFSET 6;
-- partitions have the default's storage parameters, and the parent's options
SELECT c.relname, c.reloptions, t.reloptions AS toast, i.segmentby FROM pg_class c JOIN pg_class t ON t.oid = c.reltoastrelid, tsdb.table_info(c.oid) i
	WHERE c.relname IN ('cpu_20240101', 'cpu_20240219', 'cpu_default') ORDER BY 1;
SELECT objname, label FROM pg_seclabels WHERE objname LIKE '%cpu%';
ALTER TABLE cpu SET (segmentby = 'host, v');
SELECT relation, segmentby FROM tsdb.tables WHERE relation IN ('cpu_20240101'::regclass, 'cpu_default'::regclass) ORDER BY 1;
SELECT count(*) FROM pg_constraint WHERE conname LIKE '%outside%';

-- show, drop
SELECT tsdb.show_chunks('cpu', older_than => timestamptz '2024-01-15 00:00+00');
SELECT tsdb.show_chunks('cpu', older_than => '2024-01-14 19:00'); -- local time
SELECT tsdb.show_chunks('cpu', older_than => '2024-01-14 18:59');
SET datestyle = 'SQL, DMY';
SELECT tsdb.show_chunks('cpu', older_than => timestamptz '2024-01-15 00:00+00');
SELECT tsdb.show_chunks('cpu', older_than => '14/01/2024 19:00');
SET timezone = 'Asia/Shanghai';
SELECT tsdb.show_chunks('cpu', older_than => timestamptz '2024-01-14 23:00+00'); -- CST, as in China
SET datestyle = 'ISO, YMD';
SET timezone = 'America/New_York';
SELECT tsdb.show_chunks('cpu', '2024-02-01'::date, newer_than => timestamp '2024-01-08');
SELECT count(*) FROM tsdb.show_chunks('cpu', interval '30 days'), (SELECT count(*) AS n FROM tsdb.show_chunks('cpu', NULL)) a WHERE n > 10;
SELECT count(*) FROM tsdb.show_chunks('cpu', newer_than => now());
SELECT tsdb.drop_chunks('cpu', older_than => '2024-01-20', newer_than => '2024-01-02');
SELECT tsdb.drop_chunks('cpu', older_than => interval '100 years');
SELECT tsdb.drop_chunks('cpu');
SELECT count(*) FROM cpu;
INSERT INTO cpu SELECT * FROM twin WHERE time >= '2024-01-08 00:00+00' AND time < '2024-01-15 00:00+00';
SELECT twin_diff('cpu', 'twin'), tsdb.drain_default('cpu'), twin_diff('cpu', 'twin');

-- other intervals from now on, cut where partitions are; by month
SELECT tsdb.set_chunk_time_interval('cpu', interval '1 month');
INSERT INTO cpu SELECT t, 'm', 0 FROM unnest('{2023-11-15,2023-12-31,2024-01-20,2024-02-28,2024-03-28,2024-12-31}'::timestamptz[]) t;
SELECT tsdb.drain_default('cpu');
SELECT * FROM parts('cpu');
DROP TABLE cpu;
-- a dropped table
SELECT count(*) FROM tsdb.shards;
SELECT tsdb.extend_shards(relation), tsdb.drain_default(relation) FROM tsdb.shards;
SELECT tsdb.forget_shards('twin');
SELECT count(*) FROM tsdb.shards;

-- a full table, with all that belongs to it
CREATE ROLE regress_shards_owner;
CREATE ROLE regress_shards_reader;
GRANT CREATE ON SCHEMA public TO regress_shards_owner;
SET ROLE regress_shards_owner;
CREATE TABLE place (id int PRIMARY KEY);
INSERT INTO place SELECT generate_series(0, 9);
GRANT SELECT ON place TO regress_shards_reader;
CREATE TABLE "Full "" table" (gone int, id int GENERATED ALWAYS AS IDENTITY (START 100 INCREMENT 5), ser serial, "the time" timestamp NOT NULL DEFAULT '2024-01-01', host text NOT NULL COLLATE "C",
	place int CONSTRAINT at_place REFERENCES place ON DELETE CASCADE, v float8 CHECK (v >= 0), twice float8 GENERATED ALWAYS AS (v * 2) STORED,
	CONSTRAINT "the key" PRIMARY KEY (host, "the time"), CONSTRAINT short CHECK (length(host) < 20)) USING tsdb WITH (segmentby = 'host', autovacuum_enabled = off);
ALTER TABLE "Full "" table" DROP COLUMN gone;
CREATE INDEX "by place" ON "Full "" table" (place) INCLUDE (v) WHERE v > 5;
CREATE UNIQUE INDEX by_expression ON "Full "" table" ("the time" DESC, lower(host));
ALTER INDEX by_expression ALTER COLUMN 2 SET STATISTICS 77;
CREATE STATISTICS "st ats" (ndistinct) ON host, place FROM "Full "" table";
ALTER TABLE "Full "" table" ALTER host SET STATISTICS 33, ALTER v SET (n_distinct = 5), ALTER host SET STORAGE main, REPLICA IDENTITY USING INDEX "the key";
COMMENT ON TABLE "Full "" table" IS 'about the table';
COMMENT ON COLUMN "Full "" table".v IS 'about v';
COMMENT ON CONSTRAINT "the key" ON "Full "" table" IS 'about the key';
COMMENT ON CONSTRAINT short ON "Full "" table" IS 'about short';
COMMENT ON INDEX "by place" IS 'about the index';
CREATE TABLE log (what text);
CREATE FUNCTION log() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.log VALUES (concat_ws(' ', TG_NAME, TG_TABLE_NAME, TG_OP, NEW.host, OLD.host)); RETURN coalesce(NEW, OLD); END $$;
CREATE TRIGGER each_row BEFORE INSERT OR DELETE ON "Full "" table" FOR EACH ROW EXECUTE FUNCTION log();
CREATE TRIGGER each_statement AFTER INSERT ON "Full "" table" FOR EACH STATEMENT EXECUTE FUNCTION log();
CREATE TRIGGER never AFTER INSERT ON "Full "" table" FOR EACH ROW EXECUTE FUNCTION log();
ALTER TABLE "Full "" table" DISABLE TRIGGER never;
COMMENT ON TRIGGER never ON "Full "" table" IS 'about never';
CREATE POLICY some_rows ON "Full "" table" AS PERMISSIVE FOR SELECT TO regress_shards_reader, regress_shards_owner USING (host <> 'h3' AND (SELECT count(*) FROM place) > 0);
CREATE POLICY writing ON "Full "" table" FOR ALL TO regress_shards_owner USING (host <> 'h4') WITH CHECK (host <> 'h9');
COMMENT ON POLICY writing ON "Full "" table" IS 'about writing';
GRANT SELECT (host, v), UPDATE (v) ON "Full "" table" TO regress_shards_reader WITH GRANT OPTION;
GRANT INSERT ON "Full "" table" TO regress_shards_reader;
GRANT USAGE ON SEQUENCE "Full "" table_id_seq" TO regress_shards_reader;
REVOKE TRUNCATE ON "Full "" table" FROM regress_shards_owner;
INSERT INTO "Full "" table" ("the time", host, place, v) SELECT '2024-01-01'::timestamp + i * interval '10 min', 'h' || i % 6, i % 10, i FROM generate_series(0, 2999) i;
TRUNCATE log;
RESET ROLE;
SET client_min_messages = error; -- says something about wal_level
CREATE PUBLICATION shards_pub FOR TABLE "Full "" table" (id, "the time", host, v) WHERE (host <> 'h1' AND "the time" > '2023-01-01') WITH (publish_via_partition_root = true);
SET client_min_messages = warning;
SET ROLE regress_shards_owner;
ALTER TABLE "Full "" table" ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
RESET ROLE;
CREATE TABLE full_twin AS SELECT * FROM "Full "" table";
-- what a user may see of it all, from the catalogues
CREATE FUNCTION described(rel regclass) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT format('column %s %s %s %s %s %s %s %s %s', attname, format_type(atttypid, atttypmod), attnotnull, attidentity, attgenerated, attstorage, attstattarget, (SELECT array_agg(o) FROM unnest(attoptions) o WHERE o ~ 'distinct'), attacl) || coalesce(' ' || pg_get_expr(adbin, rel), '')
		|| coalesce(' ' || col_description(rel, attnum), '') FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum WHERE attrelid = rel AND attnum > 0 AND NOT attisdropped
	UNION ALL SELECT format('constraint %s %s %s %s', conname, pg_get_constraintdef(oid), convalidated, obj_description(oid, 'pg_constraint')) FROM pg_constraint WHERE conrelid = rel
	UNION ALL SELECT format('index %s %s %s %s', regexp_replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON '), indisvalid, indisreplident, obj_description(indexrelid, 'pg_class')) FROM pg_index WHERE indrelid = rel
	UNION ALL SELECT format('trigger %s %s %s', pg_get_triggerdef(oid), tgenabled, obj_description(oid, 'pg_trigger')) FROM pg_trigger WHERE tgrelid = rel AND NOT tgisinternal
	UNION ALL SELECT format('policy %s %s %s %s %s %s', polname, polcmd, polroles::regrole[], pg_get_expr(polqual, rel), pg_get_expr(polwithcheck, rel), obj_description(oid, 'pg_policy')) FROM pg_policy WHERE polrelid = rel
	UNION ALL SELECT format('statistics %s %s', pg_get_statisticsobjdef(oid), stxowner::regrole) FROM pg_statistic_ext WHERE stxrelid = rel
	UNION ALL SELECT format('label %s %s', objname, label) FROM pg_seclabels WHERE objname LIKE rel || '%'
	UNION ALL SELECT format('publication %s %s %s', pubname, attnames, rowfilter) FROM pg_publication_tables WHERE format('%I', tablename) = rel::text
	UNION ALL SELECT format('table %s %s %s %s %s %s', relowner::regrole, relreplident, relrowsecurity, relforcerowsecurity, obj_description(rel, 'pg_class'),
		(SELECT array_agg(a::text ORDER BY a::text) FROM unnest(relacl) a)) FROM pg_class WHERE oid = rel
	UNION ALL SELECT format('sequence %s %s %s %s', q.relname, a.attname, d.deptype, q.relacl) FROM pg_depend d JOIN pg_class q ON q.oid = d.objid AND q.relkind = 'S' JOIN pg_attribute a ON a.attrelid = rel AND a.attnum = d.refobjsubid
		WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = rel AND d.deptype IN ('a', 'i') $$;
CREATE TABLE before AS SELECT x FROM described('"Full "" table"') x;
SELECT x FROM before ORDER BY x COLLATE "C";
SET ROLE regress_shards_owner;
-- publications belong to somebody else
SELECT tsdb.create_shards('"Full "" table"', partition_interval => interval '5 days', ahead => 0);
RESET ROLE;
SELECT tsdb.create_shards('"Full "" table"', partition_interval => interval '5 days', ahead => 0);
-- nothing is lost, nothing is added
(TABLE before EXCEPT SELECT described('"Full "" table"')) UNION ALL (SELECT described('"Full "" table"') EXCEPT TABLE before);
SELECT twin_diff('"Full "" table"', 'full_twin'), default_rows('"Full "" table"'), (SELECT count(*) FROM log);
SELECT conname, conparentid <> 0 AS inherited, convalidated FROM pg_constraint WHERE conrelid = '"Full "" table_default"'::regclass AND contype <> 'n' ORDER BY 1;
SELECT tgname, tgparentid <> 0 AS cloned, tgenabled FROM pg_trigger WHERE tgrelid = '"Full "" table_default"'::regclass AND NOT tgisinternal ORDER BY 1;
-- the owner does the rest; triggers and row security are not in the way, and as they were afterwards
SET ROLE regress_shards_owner;
SELECT tsdb.drain_default('"Full "" table"', 1);
SELECT tsdb.drain_default('"Full "" table"');
SELECT tsdb.extend_shards('"Full "" table"');
RESET ROLE;
SELECT twin_diff('"Full "" table"', 'full_twin'), default_rows('"Full "" table"'), (SELECT count(*) FROM log);
(TABLE before EXCEPT SELECT described('"Full "" table"')) UNION ALL (SELECT described('"Full "" table"') EXCEPT TABLE before);
SELECT * FROM parts('"Full "" table"');
SELECT relname, relowner::regrole, relreplident, relrowsecurity, relforcerowsecurity, relacl, reloptions FROM pg_class WHERE oid IN ('"Full "" table_default"'::regclass, '"Full "" table_20240107"'::regclass) ORDER BY 1;
SELECT x FROM described('"Full "" table_20240107"') x WHERE x ~ '^(constraint|trigger|label)' ORDER BY x COLLATE "C";
SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = '"Full "" table_default"'::regclass AND NOT tgisinternal ORDER BY 1;
-- it works as before
SET ROLE regress_shards_owner;
INSERT INTO "Full "" table" (host, "the time", place, v) VALUES ('h1', '2024-01-03 00:00:01', 1, 1), ('h2', '2030-01-01', 2, 2) RETURNING *;
INSERT INTO "Full "" table" (host, "the time", place, v) VALUES ('h9', '2024-01-03 00:00:01', 1, 1);
INSERT INTO "Full "" table" (host, "the time", place, v) VALUES ('h1', '2024-01-03 00:00:01', 1, 1);
INSERT INTO "Full "" table" (host, "the time", place, v) VALUES ('h2', '2024-01-03 00:00:01', 77, 1);
INSERT INTO "Full "" table" (host, "the time", place, v) VALUES ('h2', '2024-01-03 00:00:01', 1, -1);
TRUNCATE "Full "" table";
SELECT * FROM log;
SELECT count(*) FROM "Full "" table";
DELETE FROM place WHERE id = 7;
RESET ROLE;
SELECT count(*) FROM "Full "" table" WHERE place = 7;
SET ROLE regress_shards_reader;
SELECT count(host) FROM "Full "" table";
SELECT count(place) FROM "Full "" table";
SELECT count(host) FROM "Full "" table_default";
SELECT count(host) FROM "Full "" table_20240107";
-- others are refused
SELECT tsdb.extend_shards('"Full "" table"');
SELECT tsdb.drain_default('"Full "" table"');
SELECT tsdb.drop_chunks('"Full "" table"', older_than => interval '1 day');
SELECT tsdb.set_chunk_time_interval('"Full "" table"', interval '1 day');
SELECT tsdb.set_shards('"Full "" table"', NULL, NULL, NULL, NULL, NULL, NULL, NULL);
SELECT tsdb.forget_shards('"Full "" table"');
SELECT tsdb.add_dimension('"Full "" table"', tsdb.by_hash('host', 2));
SELECT tsdb.set_number_partitions('"Full "" table"', 2);
SELECT tsdb.create_shard('"Full "" table"', 'p', 'FOR VALUES FROM (''2000-01-01'') TO (''2001-01-01'')');
SELECT tsdb.create_shards('full_twin');
SELECT tsdb.validate_check('full_twin', 'x');
INSERT INTO tsdb.shards SELECT * FROM tsdb.shards;
UPDATE tsdb.shards SET ahead = 0;
SELECT relation, partition_interval FROM tsdb.shards;
SELECT tsdb.show_chunks('"Full "" table"', older_than => '2024-01-10');
RESET ROLE;
DROP PUBLICATION shards_pub;
DROP TABLE "Full "" table", full_twin, before, log, place;
DROP FUNCTION log();

-- an owner with no other privilege, whom the table's policies hold back
SET ROLE regress_shards_owner;
CREATE TABLE forced (t int, host text);
INSERT INTO forced SELECT i, 'h' || i % 2 FROM generate_series(1, 30) i;
CREATE POLICY half ON forced USING (host = 'h1');
ALTER TABLE forced ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
SELECT tsdb.create_shards('forced', 't', 10, 'host', 2);
SELECT tsdb.drain_default('forced', 10), tsdb.extend_shards('forced'), tsdb.drain_default('forced');
SELECT count(*) FROM forced;
SELECT tsdb.drop_chunks('forced', older_than => 10);
RESET ROLE;
SELECT count(*), (SELECT moved_rows FROM tsdb.shards WHERE relation = 'forced'::regclass) FROM forced;
DROP TABLE forced;

-- default privileges do not reach tables that were not asked for
SET ROLE regress_shards_owner;
CREATE DOMAIN moment AS timestamptz;
CREATE TABLE private (time moment NOT NULL, v int);
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO PUBLIC;
INSERT INTO private VALUES ('2024-01-01', 1);
SELECT tsdb.create_shards('private', 'time', ahead => 0);
SELECT tsdb.drain_default('private');
SELECT count(*) FROM pg_class c, aclexplode(c.relacl) a WHERE relname ~ '^private' AND a.grantee <> c.relowner;
SELECT relkind, count(*) > 1 FROM pg_class WHERE relname ~ '^private' GROUP BY 1 ORDER BY 1;
ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE SELECT ON TABLES FROM PUBLIC;
DROP TABLE private;
DROP DOMAIN moment;
RESET ROLE;

-- hash alone; both
CREATE TABLE hashed (time timestamptz, host text, id bigserial PRIMARY KEY, v int DEFAULT 7) USING tsdb WITH (segmentby = 'host', fillfactor = 70);
INSERT INTO hashed SELECT '2024-01-01'::timestamptz + i * interval '1 min', 'h' || i % 7, i FROM generate_series(1, 2000) i;
CREATE TABLE hashed_twin AS SELECT * FROM hashed;
SELECT tsdb.create_hypertable('hashed', tsdb.by_hash('host', 3));
SELECT tsdb.create_hypertable('hashed', tsdb.by_hash('id', 3));
SELECT * FROM tsdb.create_hypertable('hashed', tsdb.by_hash('id', 3), migrate_data => true);
SELECT * FROM tsdb.create_hypertable('hashed', tsdb.by_hash('id', 3), if_not_exists => true);
SELECT * FROM parts('hashed', NULL);
SELECT twin_diff('hashed', 'hashed_twin'), tsdb.extend_shards('hashed'), tsdb.drain_default('hashed');
SELECT relname, reloptions FROM pg_class WHERE relname LIKE 'hashed\_h_' ORDER BY 1;
SELECT tsdb.show_chunks('hashed');
SELECT tsdb.show_chunks('hashed', older_than => now());
SELECT tsdb.set_number_partitions('hashed', 4);
SELECT hash_column, hash_partitions FROM tsdb.shards WHERE relation = 'hashed'::regclass;
INSERT INTO hashed (host, id) VALUES ('x', 9999) RETURNING host, v;
SELECT pg_get_serial_sequence('hashed', 'id');
SET enable_indexscan = off; SET enable_bitmapscan = off; SET tsdb_am.enable_custom_scan = off;
EXPLAIN (COSTS OFF) SELECT * FROM hashed WHERE id = 42;
RESET enable_indexscan; RESET enable_bitmapscan; RESET tsdb_am.enable_custom_scan;
DROP TABLE hashed, hashed_twin;

CREATE TABLE both_ways (t int NOT NULL, host text NOT NULL, v int, PRIMARY KEY (t, host)) USING heap;
INSERT INTO both_ways SELECT i, 'h' || i % 7, i FROM generate_series(-500, 1499) i;
CREATE TABLE both_twin AS TABLE both_ways;
SELECT tsdb.create_hypertable('both_ways', 't', 'host', 2);
SELECT * FROM tsdb.create_hypertable('both_ways', 't', 'host', 2, 500, create_default_indexes => true);
SELECT * FROM parts('both_ways', NULL);
SELECT twin_diff('both_ways', 'both_twin'), tsdb.drain_default('both_ways'), twin_diff('both_ways', 'both_twin');
SELECT tsdb.set_number_partitions('both_ways', 3, 'host');
ALTER TABLE both_ways RENAME COLUMN host TO "Host";
ALTER TABLE both_ways RENAME COLUMN t TO "T";
ALTER TABLE both_ways RENAME TO both2;
SELECT tsdb.extend_shards('both2');
SELECT * FROM parts('both2', NULL);
SELECT (SELECT amname FROM pg_am WHERE oid = relam) AS am, count(*) FROM pg_class WHERE relname ~ '^both_ways' AND relkind = 'r' GROUP BY 1;
SELECT indexrelid::regclass FROM pg_index WHERE indrelid = 'both2'::regclass ORDER BY indexrelid::regclass::text;
SELECT tsdb.drop_chunks('both2', older_than => 500, newer_than => 0::smallint);
SELECT tsdb.drop_chunks('both2', older_than => interval '1 day');
DROP TABLE both2, both_twin;

-- at once
CREATE TABLE migrated (d date NOT NULL, v int);
INSERT INTO migrated SELECT '2024-01-01'::date + i, i FROM generate_series(0, 99) i;
SELECT tsdb.create_shards('migrated', partition_interval => '1 month'::text, ahead => 1, migrate_data => true);
SELECT * FROM parts('migrated');
SELECT count(*), sum(v), default_rows('migrated') FROM migrated;
DROP TABLE migrated;

-- integers up to both ends of their type
CREATE TABLE ends (t smallint NOT NULL, v int) USING tsdb;
INSERT INTO ends SELECT i, i FROM unnest('{-32768,-32001,-32000,-1,0,1,31999,32000,32767}'::int[]) i;
SELECT tsdb.create_shards('ends', 't', 8000, migrate_data => true);
SELECT * FROM parts('ends', NULL);
SELECT tableoid::regclass, array_agg(t ORDER BY t) FROM ends GROUP BY 1 ORDER BY 2;
DROP TABLE ends;
CREATE TABLE ends (t bigint NOT NULL, v int) USING tsdb;
INSERT INTO ends VALUES (-9223372036854775808, 1), (9223372036854775807, 2), (9223372036854775806, 3), (0, 4);
SELECT tsdb.create_shards('ends', 't', 9000000000000000000, migrate_data => true, ahead => 0);
SELECT * FROM parts('ends', NULL);
DROP TABLE ends;

-- plans: ranges ruled out, joins and aggregates by partition, vectors all the way down
CREATE TABLE m (t int NOT NULL, host text, v float8) USING tsdb WITH (segmentby = 'host', orderby = 't');
CREATE TABLE n (t int NOT NULL, host text, w float8) USING tsdb WITH (segmentby = 'host', orderby = 't');
INSERT INTO m SELECT i, 'h' || i % 4, i FROM generate_series(0, 2999) i;
INSERT INTO n SELECT i, 'h' || i % 4, i FROM generate_series(0, 2999) i;
SELECT tsdb.create_shards('m', 't', 1000, ahead => 0, migrate_data => true), tsdb.create_shards('n', 't', 1000, ahead => 0, migrate_data => true);
DO $$ BEGIN PERFORM tsdb.compress('m'), tsdb.compress('n'); END $$;
VACUUM ANALYZE m, n;
SET tsdb_am.enable_custom_scan = on;
EXPLAIN (COSTS OFF) SELECT * FROM m WHERE t >= 1200 AND t < 1300;
EXPLAIN (COSTS OFF) SELECT host, sum(v) FROM m WHERE t >= 0 AND t < 2000 GROUP BY host;
SET enable_mergejoin = off; SET enable_nestloop = off;
EXPLAIN (COSTS OFF) SELECT m.t, m.v, n.w FROM m JOIN n USING (t, host) WHERE t >= 0 AND t < 2000;
RESET enable_mergejoin; RESET enable_nestloop; RESET tsdb_am.enable_custom_scan;
SELECT count(*), sum(m.v + n.w) FROM m JOIN n USING (t, host) WHERE t >= 0 AND t < 2000;
SELECT host, sum(v), count(*) FROM m WHERE t >= 0 AND t < 2000 GROUP BY host ORDER BY 1;
-- attach, detach: core's own
CREATE TABLE m_new (LIKE m) USING tsdb;
INSERT INTO m_new SELECT i, 'new', i FROM generate_series(5000, 6499) i;
ALTER TABLE m ATTACH PARTITION m_new FOR VALUES FROM (4500) TO (6500);
SELECT tsdb.show_chunks('m', newer_than => 2000);
INSERT INTO m VALUES (6700, 'cut', 0), (4499, 'cut', 0);
SELECT tsdb.drain_default('m');
SELECT * FROM parts('m', NULL);
ALTER TABLE m DETACH PARTITION m_1000;
ALTER TABLE m DETACH PARTITION m_2000 CONCURRENTLY;
INSERT INTO m VALUES (1500, 'again', 0);
SELECT tsdb.drain_default('m');
SELECT tsdb.show_chunks('m', older_than => 3000);
SELECT count(*), sum(v) FROM m;
DROP TABLE m, n, m_1000, m_2000;

-- a hash comes later: to empty ranges, and to new ones
CREATE TABLE later (t bigint NOT NULL, host text, UNIQUE (host, t)) USING tsdb;
SELECT tsdb.create_hypertable('later', tsdb.by_range('t', 10));
INSERT INTO later SELECT i, 'h' || i FROM generate_series(0, 19) i;
SELECT tsdb.drain_default('later', 1);
SELECT tsdb.extend_shards('later');
SELECT tsdb.add_dimension('later', tsdb.by_hash('nothing', 2));
SELECT tsdb.add_dimension('later', tsdb.by_range('t'));
DELETE FROM later WHERE t >= 10;
SELECT tsdb.add_dimension('later', tsdb.by_hash('host', 2));
SELECT tsdb.add_dimension('later', tsdb.by_hash('host', 2), if_not_exists => true);
SELECT tsdb.add_dimension('later', tsdb.by_hash('host', 2));
SELECT * FROM parts('later', NULL);
DROP TABLE later;

-- NULL has no place in time
CREATE TABLE nulls (time timestamptz, v int) USING tsdb;
INSERT INTO nulls VALUES (NULL, 1);
SELECT tsdb.create_shards('nulls');
DELETE FROM nulls;
SET client_min_messages = notice;
SELECT tsdb.create_shards('nulls');
SET client_min_messages = warning;
INSERT INTO nulls VALUES (NULL, 1);
SELECT tsdb.create_shards('nulls');
DROP TABLE nulls;

-- what is refused
CREATE TABLE bad (time timestamptz NOT NULL, host text, v int) USING tsdb;
SELECT tsdb.create_shards('bad', 'nothing');
SELECT tsdb.create_shards('bad', 'host');
SELECT tsdb.create_shards('bad', partition_interval => interval '0');
SELECT tsdb.create_shards('bad', partition_interval => interval '1 month 1 day');
SELECT tsdb.create_shards('bad', partition_interval => 'one day'::text);
SELECT tsdb.create_shards('bad', partition_interval => 1.5);
SELECT tsdb.create_shards('bad', partition_interval => NULL);
SELECT tsdb.create_shards('bad', hash_column => 'host');
SELECT tsdb.create_shards('bad', hash_column => 'nothing', hash_partitions => 2);
SELECT tsdb.create_shards('bad', hash_column => 'host', hash_partitions => 0);
SELECT tsdb.create_shards('bad', ahead => -1);
SELECT tsdb.create_shards('bad', servers => '{elsewhere}');
SELECT tsdb.create_shards(NULL);
SELECT tsdb.create_shards('bad', 'v', interval '1 day');
SELECT tsdb.extend_shards('bad');
SELECT tsdb.drain_default('bad');
SELECT tsdb.show_chunks('bad');
SELECT tsdb.show_chunks(NULL);
SELECT tsdb.create_hypertable('bad', tsdb.by_range('time', NULL));
ALTER TABLE bad ADD CONSTRAINT bad_key PRIMARY KEY (host);
SELECT tsdb.create_shards('bad');
ALTER TABLE bad DROP CONSTRAINT bad_key;
CREATE UNIQUE INDEX bad_index ON bad (host, v) INCLUDE (time);
SELECT tsdb.create_shards('bad');
DROP INDEX bad_index;
ALTER TABLE bad ADD CONSTRAINT bad_check CHECK (v > 0) NOT VALID;
SELECT tsdb.create_shards('bad');
ALTER TABLE bad DROP CONSTRAINT bad_check, ADD CONSTRAINT bad_check CHECK (v > 0) NO INHERIT;
SELECT tsdb.create_shards('bad');
ALTER TABLE bad DROP CONSTRAINT bad_check, ADD CONSTRAINT bad_excl EXCLUDE (v WITH =);
SELECT tsdb.create_shards('bad');
ALTER TABLE bad DROP CONSTRAINT bad_excl;
CREATE VIEW bad_view AS SELECT v FROM bad;
SELECT tsdb.create_shards('bad');
DROP VIEW bad_view;
CREATE FUNCTION bad_function(bad) RETURNS int LANGUAGE sql AS 'SELECT 1';
SELECT tsdb.create_shards('bad');
DROP FUNCTION bad_function;
CREATE TABLE bad_other (rows bad[]);
SELECT tsdb.create_shards('bad');
DROP TABLE bad_other;
CREATE RULE bad_rule AS ON DELETE TO bad DO INSTEAD NOTHING;
SELECT tsdb.create_shards('bad');
DROP RULE bad_rule ON bad;
CREATE TABLE bad_child () INHERITS (bad);
SELECT tsdb.create_shards('bad');
SELECT tsdb.create_shards('bad_child');
DROP TABLE bad_child;
CREATE FUNCTION bad_trigger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE TRIGGER bad_trigger AFTER INSERT ON bad REFERENCING NEW TABLE AS x FOR EACH ROW EXECUTE FUNCTION bad_trigger();
SELECT tsdb.create_shards('bad');
DROP FUNCTION bad_trigger CASCADE;
ALTER TABLE bad ADD PRIMARY KEY (time, host);
CREATE TABLE bad_ref (time timestamptz, host text, CONSTRAINT bad_ref_fk FOREIGN KEY (time, host) REFERENCES bad);
SELECT tsdb.create_shards('bad');
DROP TABLE bad_ref;
CREATE TEMP TABLE bad_temp (time timestamptz NOT NULL) USING tsdb;
SELECT tsdb.create_shards('bad_temp');
SELECT tsdb.create_shards('pg_class');
SELECT tsdb.create_shards('tsdb.tables');
-- and is well: statement triggers with transition tables; a table without any time column is none
SELECT tsdb.create_shards('bad');
SELECT tsdb.create_shards('bad');
-- foreign keys that refer to the partitioned table: rows that they could refer to are not moved
CREATE TABLE bad_ref (time timestamptz, host text, CONSTRAINT bad_ref_fk FOREIGN KEY (time, host) REFERENCES bad ON DELETE CASCADE);
INSERT INTO bad VALUES ('2024-01-01', 'a', 1);
INSERT INTO bad_ref VALUES ('2024-01-01', 'a');
SELECT tsdb.drain_default('bad');
SELECT count(*) FROM bad_ref;
DROP TABLE bad_ref;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT tsdb.drain_default('bad');
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT tsdb.add_dimension('bad', tsdb.by_hash('host', 2));
ROLLBACK;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT tsdb.create_shards('twin', migrate_data => true);
ROLLBACK;
-- a check that rows break
ALTER TABLE bad_default ADD CONSTRAINT c CHECK (v > 5) NOT VALID;
SELECT tsdb.validate_check('bad_default', 'c');
SELECT tsdb.validate_check('bad_default', 'nothing');
SELECT tsdb.validate_check('bad', 'c');
ALTER TABLE bad_default DROP CONSTRAINT c, ADD CONSTRAINT c CHECK (v > 0) NOT VALID;
SELECT tsdb.validate_check('bad_default', 'c');
SELECT convalidated FROM pg_constraint WHERE conname = 'c';
INSERT INTO bad VALUES ('2024-01-01', 'b', -1);
DROP TABLE bad;

-- names that are long, taken, or of several bytes; unlogged; in other schemas
CREATE SCHEMA "Shards of";
-- (from 18 on partitioned tables cannot be unlogged)
SELECT CASE WHEN current_setting('server_version_num')::int < 180000 THEN 'UNLOGGED' ELSE '' END AS unlogged \gset
CREATE :unlogged TABLE "Shards of"."äöüäöüäöüäöüäöüäöüäöüäöüäöüäö" (t int NOT NULL, x int) USING tsdb;
INSERT INTO "Shards of"."äöüäöüäöüäöüäöüäöüäöüäöüäöüäö" VALUES (5, 1), (15, 2);
CREATE TABLE "Shards of"."äöüäöüäöüäöüäöüäöüäöüäöüäöüäö_0" ();
SELECT tsdb.create_shards('"Shards of"."äöüäöüäöüäöüäöüäöüäöüäöüäöüäö"', 't', 10, 'x', 2, ahead => 0, migrate_data => true);
SELECT relid, CASE WHEN current_setting('server_version_num')::int < 180000 THEN relpersistence::text ELSE 'u' END AS relpersistence, octet_length(relname) < 64 FROM pg_partition_tree('"Shards of"."äöüäöüäöüäöüäöüäöüäöüäöüäöüäö"') JOIN pg_class ON oid = relid ORDER BY relid::regclass::text COLLATE "C";
SELECT tsdb.drop_chunks('"Shards of"."äöüäöüäöüäöüäöüäöüäöüäöüäöüäö"', older_than => 10);
DROP SCHEMA "Shards of" CASCADE;
DROP TABLE twin;
DROP FUNCTION parts, default_rows, described;
REVOKE CREATE ON SCHEMA public FROM regress_shards_owner;
DROP ROLE regress_shards_owner, regress_shards_reader;
