-- Continuous aggregates: what a view shows is at any time what its query gives over the source, and after a refresh what is
-- stored is the same.  The query over a heap twin, or over the source without a view, is the oracle.
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';

-- Rows that a view and a query disagree about; with "stored", the stored buckets and the query.
CREATE FUNCTION differ(view regclass, query text, stored boolean DEFAULT false) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	n bigint;
	rel regclass := CASE WHEN stored THEN tsdb.cagg_stored(view) ELSE view END;
BEGIN
	EXECUTE format('SELECT count(*) FROM ((TABLE %1$s EXCEPT ALL (%2$s)) UNION ALL ((%2$s) EXCEPT ALL TABLE %1$s)) x', rel, query) INTO n;
	RETURN n;
END $$;
-- Before and after a refresh; refreshed: rows written
CREATE FUNCTION look(view regclass, query text, OUT view_differs bigint, OUT refreshed bigint, OUT stored_differs bigint, OUT dirty bigint)
LANGUAGE plpgsql AS $$
BEGIN
	view_differs := differ(view, query);
	refreshed := tsdb.refresh_window(view, NULL, NULL);
	stored_differs := differ(view, query, true);
	dirty := (SELECT c.dirty FROM tsdb.continuous_aggregates c WHERE c.continuous_aggregate = view);
END $$;

CREATE TABLE m (time timestamptz NOT NULL, host text, v int) USING tsdb;
INSERT INTO m SELECT timestamptz '2024-01-01' + i * interval '1 min', 'h' || i % 3, i FROM generate_series(0, 9999) i;

CREATE MATERIALIZED VIEW hourly WITH (tsdb.continuous) AS
SELECT time_bucket('1 hour', time) AS bucket, host, sum(v), count(*) AS n, max(v) - min(v) AS spread, last(v, time) AS newest
FROM m WHERE v <> 5 GROUP BY 1, 2 HAVING count(*) > 0;
\set hourly 'SELECT time_bucket(''1 hour'', time), host, sum(v), count(*), max(v) - min(v), last(v, time) FROM m WHERE v <> 5 GROUP BY 1, 2 HAVING count(*) > 0'
SELECT differ('hourly', :'hourly'), differ('hourly', :'hourly', true);
SELECT count(*), sum(n) FROM hourly;

-- what comes from where
CREATE FUNCTION scans(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
		RETURN QUERY SELECT substring(line FROM '(on (?:m|hourly_stored|cagg_ranges).*|Append)$') AS l WHERE line ~ 'on (m|hourly_stored|cagg_ranges)( |$)|Append$';
	END LOOP;
END $$;
SELECT scans('SELECT * FROM hourly WHERE host = ''h1'' AND bucket >= ''2024-01-03''');

-- every kind of change; refreshed = rows of the buckets that changed, three hosts each
INSERT INTO m VALUES ('2024-01-02 01:30', 'h0', 7);
SELECT dirty_ranges FROM tsdb.continuous_aggregates;
SELECT * FROM look('hourly', :'hourly');
UPDATE m SET v = v + 1 WHERE time >= '2024-01-03 00:30' AND time < '2024-01-03 01:30';
SELECT * FROM look('hourly', :'hourly');
UPDATE m SET time = time + interval '3 h' WHERE time >= '2024-01-03 05:00' AND time < '2024-01-03 05:02';
SELECT dirty_ranges FROM tsdb.continuous_aggregates;
SELECT * FROM look('hourly', :'hourly');
DELETE FROM m WHERE time < '2024-01-01 02:00';
SELECT * FROM look('hourly', :'hourly');
DELETE FROM m WHERE host = 'h2' AND time < '2024-01-01 05:00';
SELECT * FROM look('hourly', :'hourly');
COPY m FROM stdin;
2024-01-01 00:05:00+00	h9	1
2023-06-01 00:05:00+00	h9	1
\.
SELECT * FROM look('hourly', :'hourly');
INSERT INTO m SELECT timestamptz '2024-02-01' + i * interval '1 min', 'load', i FROM generate_series(0, 2999) i;
SELECT * FROM look('hourly', :'hourly');
MERGE INTO m USING (VALUES (timestamptz '2024-01-04 00:00', 'h0'), ('2025-01-01', 'new')) s(t, h) ON m.time = s.t AND m.host = s.h
	WHEN MATCHED THEN UPDATE SET v = -1 WHEN NOT MATCHED THEN INSERT VALUES (s.t, s.h, 0);
SELECT * FROM look('hourly', :'hourly');
INSERT INTO m VALUES ('infinity', 'h0', 1), ('-infinity', 'h0', 2);
SELECT * FROM look('hourly', :'hourly');
DELETE FROM m WHERE NOT isfinite(time);
SELECT view_differs, stored_differs, dirty FROM look('hourly', :'hourly');
INSERT INTO m VALUES (NULL, 'h0', 1);

-- moving rows between the stores changes nothing
SELECT tsdb.compress('m') >= 0, tsdb.merge('m', force => true) >= 0;
SELECT tsdb.decompress('m') > 0;
SELECT tsdb.compress('m') > 0;
SELECT tsdb.recompress('m') >= 0, tsdb.compress('hourly_stored') >= 0;
VACUUM FULL m;
ALTER TABLE m ADD COLUMN extra float8 DEFAULT random();
SELECT * FROM look('hourly', :'hourly');

-- a transaction sees its own changes, its savepoints and their end
BEGIN;
INSERT INTO m VALUES ('2024-01-02 01:30', 's1', 7);
SELECT differ('hourly', :'hourly');
SAVEPOINT a;
DELETE FROM m WHERE time >= '2024-01-05' AND time < '2024-01-05 01:00';
SELECT differ('hourly', :'hourly');
ROLLBACK TO a;
SELECT differ('hourly', :'hourly');
SAVEPOINT b;
INSERT INTO m VALUES ('2024-01-05 00:30', 's2', 7);
RELEASE b;
INSERT INTO m VALUES ('2024-01-05 00:31', 's2', 7);
SELECT * FROM look('hourly', :'hourly');
-- after a refresh of its own
INSERT INTO m VALUES ('2024-01-05 00:32', 's3', 7);
SELECT * FROM look('hourly', :'hourly');
SAVEPOINT c;
INSERT INTO m VALUES ('2024-01-05 02:32', 's3', 7);
SELECT * FROM look('hourly', :'hourly');
ROLLBACK TO c;
SELECT differ('hourly', :'hourly'), differ('hourly', :'hourly', true);
INSERT INTO m VALUES ('2024-01-05 02:32', 's4', 7);
SELECT differ('hourly', :'hourly');
COMMIT;
SELECT * FROM look('hourly', :'hourly');
-- a cursor keeps its snapshot
BEGIN;
DECLARE c CURSOR FOR SELECT count(*), sum(n) = (SELECT count(*) FROM m WHERE v <> 5) FROM hourly;
DELETE FROM m WHERE host = 'load' AND time < '2024-02-01 10:00';
SELECT tsdb.refresh_window('hourly', NULL, NULL) >= 0;
FETCH c;
ROLLBACK;
-- a statement that reads what it changes
WITH moved AS (DELETE FROM m WHERE host = 's4' RETURNING *) INSERT INTO m SELECT bucket, 'sum', n FROM hourly WHERE host = 'h1' ORDER BY bucket LIMIT 3;
SELECT view_differs, stored_differs, dirty FROM look('hourly', :'hourly');
-- many ranges in one transaction are joined
INSERT INTO m SELECT timestamptz '2020-01-01' + (i * 7919 % 5000) * interval '1 day', 'far', i FROM generate_series(1, 200) i;
SELECT view_differs, stored_differs, dirty FROM look('hourly', :'hourly');
SELECT dirty_ranges FROM tsdb.continuous_aggregates;

-- windows take whole buckets, and leave the rest
UPDATE m SET v = v + 1 WHERE time >= '2024-01-03 00:00' AND time < '2024-01-03 10:00';
SELECT tsdb.refresh_window('hourly', '2024-01-03 02:30', timestamptz '2024-01-03 05:30');
SELECT dirty_ranges FROM tsdb.continuous_aggregates;
SELECT differ('hourly', :'hourly');
CALL tsdb.refresh_continuous_aggregate('hourly', NULL, '2024-01-03 02:00');
SELECT dirty_ranges FROM tsdb.continuous_aggregates;
REFRESH MATERIALIZED VIEW hourly;
SELECT dirty_ranges FROM tsdb.continuous_aggregates;
SELECT tsdb.refresh_window('hourly', NULL, NULL), tsdb.refresh_window('hourly', '2024-01-03', '2024-01-03 02:00', force => true);
SELECT * FROM look('hourly', :'hourly');
SELECT tsdb.refresh_window('hourly', '2024-01-03', '2024-01-02');
SELECT tsdb.refresh_window('m', NULL, NULL);
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT tsdb.refresh_window('hourly', NULL, NULL);
ROLLBACK;

-- stored buckets only
SELECT tsdb.alter_continuous_aggregate('hourly', materialized_only => true);
INSERT INTO m VALUES ('2024-01-02 01:30', 'only', 7);
SELECT count(*) FROM hourly WHERE host = 'only';
SELECT tsdb.refresh_window('hourly', NULL, NULL);
SELECT count(*) FROM hourly WHERE host = 'only';
SELECT tsdb.create_continuous_aggregate('no', 'SELECT time_bucket(''1 day'', bucket) AS b, count(*) FROM hourly GROUP BY 1');
SELECT tsdb.alter_continuous_aggregate('hourly', materialized_only => false);

-- roll-ups of roll-ups, by local days
CREATE MATERIALIZED VIEW daily WITH (timescaledb.continuous) AS
SELECT time_bucket('1 day', bucket, 'Europe/Berlin') AS day, sum(n) AS n, max(newest) AS newest FROM hourly GROUP BY 1 WITH NO DATA;
\set daily 'SELECT time_bucket(''1 day'', bucket, ''Europe/Berlin''), sum(n), max(newest) FROM (' :hourly ') q(bucket, host, sum, n, spread, newest) GROUP BY 1'
SELECT differ('daily', :'daily');
SELECT view_differs, stored_differs, dirty FROM look('daily', :'daily');
INSERT INTO m VALUES ('2024-03-30 23:30', 'dst', 7), ('2024-10-27 00:30', 'dst', 7), ('1960-01-01', 'dst', 7);
SELECT continuous_aggregate, reads, dirty_ranges FROM tsdb.continuous_aggregates ORDER BY 1;
SELECT * FROM look('daily', :'daily');
SELECT * FROM look('hourly', :'hourly');
SELECT tsdb.alter_continuous_aggregate('hourly', materialized_only => true);
-- it must be made of whole buckets
SELECT tsdb.create_continuous_aggregate('no', 'SELECT time_bucket(''90 min'', bucket) AS b, count(*) FROM hourly GROUP BY 1');
SELECT tsdb.create_continuous_aggregate('no', 'SELECT time_bucket(''1 day'', time, ''America/St_Johns'') AS b, count(*) FROM m GROUP BY 1');

-- a column more; names may change
SELECT tsdb.add_continuous_aggregate_column('hourly', 'Least v', 'min(v)');
SELECT tsdb.add_continuous_aggregate_column('hourly', 'clock', 'max(now())');
SELECT tsdb.add_continuous_aggregate_column('hourly', 'w', 'row_number() over ()');
ALTER TABLE m RENAME COLUMN v TO value;
ALTER TABLE m RENAME TO measurements;
ALTER TABLE hourly_stored RENAME TO hourly_buckets;
ALTER VIEW hourly RENAME TO by_hour;
ALTER VIEW by_hour RENAME COLUMN "Least v" TO least;
ALTER TABLE measurements RENAME COLUMN time TO t;
\set by_hour 'SELECT time_bucket(''1 hour'', time), host, sum(value), count(*), max(value) - min(value), last(value, time), min(value) FROM measurements WHERE value <> 5 GROUP BY 1, 2'
SELECT view_differs, stored_differs, dirty FROM look('by_hour', :'by_hour');
\d+ by_hour
ALTER TABLE measurements DROP COLUMN value;
ALTER TABLE measurements SET ACCESS METHOD heap;
ALTER TABLE measurements SET UNLOGGED;

-- TRUNCATE
TRUNCATE measurements;
SELECT * FROM look('by_hour', :'by_hour');
SELECT count(*) FROM daily;
BEGIN;
INSERT INTO measurements SELECT timestamptz '2024-01-01' + i * interval '1 min', 'h' || i % 3, i FROM generate_series(0, 1999) i;
SELECT view_differs, stored_differs, dirty FROM look('by_hour', :'by_hour');
TRUNCATE measurements;
SELECT * FROM look('by_hour', :'by_hour');
ROLLBACK;
INSERT INTO measurements VALUES ('2024-01-01', 'h1', 1);
SELECT * FROM look('by_hour', :'by_hour');

-- what is gone leaves nothing
DROP MATERIALIZED VIEW by_hour;
DROP MATERIALIZED VIEW daily;
BEGIN;
SAVEPOINT a;
DROP VIEW by_hour;
ROLLBACK TO a;
COMMIT;
SELECT * FROM look('by_hour', :'by_hour');
DROP TABLE measurements;
DROP TABLE measurements CASCADE;
SELECT count(*) FROM tsdb.cagg;
SELECT relname FROM pg_class WHERE relname IN ('hourly_buckets', 'by_hour', 'daily', 'daily_stored');

--
-- Partitions
--
CREATE TABLE p (time timestamp NOT NULL, v int) PARTITION BY RANGE (time);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2024-01-01') TO ('2024-02-01') USING tsdb;
CREATE TABLE p2 PARTITION OF p FOR VALUES FROM ('2024-02-01') TO ('2024-03-01') USING tsdb;
INSERT INTO p SELECT timestamp '2024-01-01' + i * interval '1 h', i FROM generate_series(0, 1400) i;
SELECT tsdb.create_continuous_aggregate('monthly', 'SELECT time_bucket(''1 month'', time) AS month, count(*), sum(v) FROM p GROUP BY 1');
SELECT tsdb.create_continuous_aggregate('weekly', 'SELECT time_bucket(''7 days'', time, timestamp ''2024-01-03'') AS week, count(*), sum(v) FROM p GROUP BY 1', with_data => false);
\set monthly 'SELECT time_bucket(''1 month'', time), count(*), sum(v) FROM p GROUP BY 1'
\set weekly 'SELECT time_bucket(''7 days'', time, timestamp ''2024-01-03''), count(*), sum(v) FROM p GROUP BY 1'
SELECT differ('monthly', :'monthly'), differ('weekly', :'weekly');
SELECT * FROM look('weekly', :'weekly');
INSERT INTO p VALUES ('2024-01-15 12:00', 1);
SELECT continuous_aggregate, dirty_ranges FROM tsdb.continuous_aggregates ORDER BY 1;
UPDATE p SET time = '2024-02-10' WHERE time = '2024-01-20';
DELETE FROM p2 WHERE time = '2024-02-20';
SELECT * FROM look('monthly', :'monthly');
SELECT * FROM look('weekly', :'weekly');
TRUNCATE p1;
SELECT continuous_aggregate, dirty_ranges FROM tsdb.continuous_aggregates ORDER BY 1;
SELECT * FROM look('monthly', :'monthly');
SELECT * FROM look('weekly', :'weekly');
CREATE TABLE p3 (v int, time timestamp NOT NULL) USING tsdb;
INSERT INTO p3 SELECT i, timestamp '2024-03-01' + i * interval '1 h' FROM generate_series(0, 99) i;
ALTER TABLE p ATTACH PARTITION p3 FOR VALUES FROM ('2024-03-01') TO ('2024-04-01');
SELECT * FROM look('monthly', :'monthly');
UPDATE p SET v = 0 WHERE time > '2024-03-02';
SELECT * FROM look('monthly', :'monthly');
ALTER TABLE p DETACH PARTITION p2;
SELECT * FROM look('monthly', :'monthly');
INSERT INTO p2 VALUES ('2024-02-03', 1);
ALTER TABLE p ATTACH PARTITION p2 FOR VALUES FROM ('2024-02-01') TO ('2024-03-01');
SELECT * FROM look('monthly', :'monthly');
ALTER TABLE p DETACH PARTITION p2 CONCURRENTLY;
SELECT * FROM look('monthly', :'monthly');
DROP TABLE p3;
SELECT * FROM look('monthly', :'monthly');
SELECT * FROM look('weekly', :'weekly');
CREATE TABLE p4 PARTITION OF p FOR VALUES FROM ('2024-05-01') TO ('2024-06-01') USING heap;
CREATE TABLE p4 (time timestamp NOT NULL, v int) USING heap;
ALTER TABLE p ATTACH PARTITION p4 FOR VALUES FROM ('2024-05-01') TO ('2024-06-01');
DROP TABLE p, p2, p4 CASCADE;

-- foreign keys: cascades are changes too
CREATE TABLE dim (id int PRIMARY KEY);
INSERT INTO dim VALUES (1), (2), (3);
CREATE TABLE f (day date NOT NULL, dim int REFERENCES dim ON DELETE CASCADE ON UPDATE CASCADE) USING tsdb;
INSERT INTO f SELECT date '2024-01-01' + i, i % 3 + 1 FROM generate_series(0, 99) i;
CREATE MATERIALIZED VIEW by_week (week, dim, n) WITH (tsdb.continuous, tsdb.materialized_only = false) AS
SELECT time_bucket('7 days', day), dim, count(*) FROM f GROUP BY time_bucket('7 days', day), f.dim;
\set by_week 'SELECT time_bucket(''7 days'', day), dim, count(*) FROM f GROUP BY 1, 2'
DELETE FROM dim WHERE id = 2;
UPDATE dim SET id = 7 WHERE id = 1;
SELECT * FROM look('by_week', :'by_week');
\d by_week
DROP MATERIALIZED VIEW by_week;

-- integers
CREATE TABLE i8 (t bigint NOT NULL, v int) USING tsdb;
INSERT INTO i8 SELECT i * 10, i FROM generate_series(-1000, 1000) i;
SELECT tsdb.create_continuous_aggregate('i8_100', 'SELECT time_bucket(100::bigint, t, 3::bigint) AS b, sum(v) FROM i8 GROUP BY 1');
\set i8 'SELECT time_bucket(100::bigint, t, 3::bigint), sum(v) FROM i8 GROUP BY 1'
INSERT INTO i8 VALUES (9223372036854775807, 1), (-9223372036854775000, 1), (55, 1);
SELECT dirty_ranges FROM tsdb.continuous_aggregates;
SELECT * FROM look('i8_100', :'i8');
CREATE TABLE i2 (t smallint NOT NULL, v int) USING tsdb;
INSERT INTO i2 SELECT i, i FROM generate_series(-32760, 32767) i;
SELECT tsdb.create_continuous_aggregate('i2_10', 'SELECT time_bucket(10::smallint, t) AS b, sum(v) FROM i2 GROUP BY 1');
UPDATE i2 SET v = 0 WHERE t IN (32767, -32760, 4);
SELECT * FROM look('i2_10', 'SELECT time_bucket(10::smallint, t), sum(v) FROM i2 GROUP BY 1');
DROP TABLE i8, i2 CASCADE;

--
-- What is refused
--
CREATE TABLE r (time timestamptz NOT NULL, host text, v int, maybe timestamptz) USING tsdb;
CREATE TABLE r_heap (time timestamptz NOT NULL, v int) USING heap;
CREATE FUNCTION refused(query text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM tsdb.create_continuous_aggregate('no', query);
	RETURN 'made';
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;
SELECT refused(q) FROM unnest(ARRAY[
	'SELECT 1',
	'SELECT 1; SELECT 2',
	'DELETE FROM r',
	'VALUES (1)',
	'SELECT host, count(*) FROM r GROUP BY 1',
	'SELECT count(*) FROM r GROUP BY time_bucket(''1 h'', time)',
	'SELECT time_bucket(''1 h'', time) AS b FROM r',
	'SELECT time_bucket(''1 h'', time) AS b, count(*) FROM r_heap GROUP BY 1',
	'SELECT time_bucket(''1 h'', maybe) AS b, count(*) FROM r GROUP BY 1',
	'SELECT time_bucket(''1 h'', time + ''1 h'') AS b, count(*) FROM r GROUP BY 1',
	'SELECT time_bucket(v * interval ''1 h'', time) AS b, count(*) FROM r GROUP BY 1, v',
	'SELECT time_bucket(''1 h'', time) AS b, time_bucket(''2 h'', time) AS c, count(*) FROM r GROUP BY 1, 2',
	'SELECT time_bucket(''2000 years'', time) AS b, count(*) FROM r GROUP BY 1',
	'SELECT time_bucket(''1 h'', time) AS b, count(*) FROM r JOIN r_heap USING (time) GROUP BY 1',
	'SELECT time_bucket(''1 h'', time) AS b, count(*) FROM (SELECT * FROM r) r GROUP BY 1',
	'SELECT time_bucket(''1 h'', time) AS b, count(*) FROM ONLY r GROUP BY 1',
	'SELECT time_bucket(''1 h'', time) AS b, count(*) FROM r TABLESAMPLE SYSTEM (1) GROUP BY 1',
	'SELECT time_bucket(''1 h'', time) AS b, count(*) FROM r WHERE v IN (SELECT 1) GROUP BY 1',
	'SELECT time_bucket(''1 h'', time) AS b, count(*) FROM r GROUP BY 1 ORDER BY 1',
	'SELECT time_bucket(''1 h'', time) AS b, count(*) FROM r GROUP BY 1 LIMIT 1',
	'SELECT DISTINCT time_bucket(''1 h'', time) AS b, count(*) FROM r GROUP BY 1',
	'SELECT time_bucket(''1 h'', time) AS b, sum(count(*)) OVER () FROM r GROUP BY 1',
	'SELECT time_bucket(''1 h'', time) AS b, count(*) FROM r GROUP BY ROLLUP (1)',
	'WITH w AS (SELECT 1) SELECT time_bucket(''1 h'', time) AS b, count(*) FROM r GROUP BY 1',
	'SELECT time_bucket(''1 h'', time) AS b, count(*) FROM r GROUP BY 1 UNION ALL SELECT now(), 1',
	'SELECT time_bucket(''1 h'', time) AS b, generate_series(1, 2), count(*) FROM r GROUP BY 1',
	'SELECT time_bucket(''1 h'', time) AS b, max(now()) FROM r GROUP BY 1',
	'SELECT time_bucket(''1 h'', time) AS b, time::date AS d, count(*) FROM r GROUP BY 1, 2',
	'SELECT time_bucket(''1 h'', time) AS b, count(*) FROM r WHERE v < random() GROUP BY 1',
	'SELECT time_bucket(''1 h'', time) AS b, max(ctid) FROM r GROUP BY 1',
	'SELECT time_bucket(''1 h'', time) AS b, count(r) FROM r GROUP BY 1',
	'SELECT time_bucket(''1 h'', time) AS b, count(*) FROM pg_class GROUP BY 1',
	'SELECT time_bucket(''1 h'', bucket) AS b, count(*) FROM tsdb.cagg GROUP BY 1']) q;
CREATE TABLE no WITH (tsdb.continuous) AS SELECT 1 AS a;
CREATE MATERIALIZED VIEW no WITH (tsdb.continuous, tsdb.other = 1) AS SELECT 1 AS a;
CREATE MATERIALIZED VIEW no WITH (tsdb.continuous) AS SELECT * FROM r;
CREATE TEMP TABLE rt (time timestamptz NOT NULL, v int) USING tsdb;
SELECT refused('SELECT time_bucket(''1 h'', time) AS b, count(*) FROM rt GROUP BY 1');
CREATE UNLOGGED TABLE ru (time timestamptz NOT NULL, v int) USING tsdb;
SELECT refused('SELECT time_bucket(''1 h'', time) AS b, count(*) FROM ru GROUP BY 1');
ALTER TABLE r ENABLE ROW LEVEL SECURITY;
SELECT refused('SELECT time_bucket(''1 h'', time) AS b, count(*) FROM r GROUP BY 1');
ALTER TABLE r DISABLE ROW LEVEL SECURITY;
SELECT count(*) FROM tsdb.cagg;
SELECT relname FROM pg_class WHERE relname LIKE 'no%' AND relnamespace = 'public'::regnamespace;

--
-- Policies and retention
--
CREATE ROLE regress_cagg LOGIN;
GRANT CREATE ON SCHEMA public TO regress_cagg;
SET ROLE regress_cagg;
SELECT refused('SELECT time_bucket(''1 h'', time) AS b, count(*) FROM r GROUP BY 1');
CREATE TABLE k (time timestamptz NOT NULL, v int) USING tsdb;
INSERT INTO k SELECT date_trunc('day', now()) - interval '40 days' + i * interval '1 h', i FROM generate_series(0, 39 * 24) i;
CREATE MATERIALIZED VIEW k_day WITH (tsdb.continuous) AS SELECT time_bucket('1 day', time) AS day, count(*) FROM k GROUP BY 1 WITH NO DATA;
SELECT tsdb.add_continuous_aggregate_policy('k_day', start_offset => interval '35 days', end_offset => interval '1 day') AS job \gset
SELECT tsdb.add_continuous_aggregate_policy('k_day', '35 days', '1 day');
SELECT tsdb.add_continuous_aggregate_policy('k_day', interval '1 day', '35 days');
SELECT tsdb.add_continuous_aggregate_policy('k', NULL, NULL);
SELECT kind, relation, config FROM tsdb.jobs WHERE job_id = :job;
SELECT tsdb.add_retention_policy('k', drop_after => interval '30 days') AS retention \gset
-- nothing has been taken
CALL tsdb.run_job(:retention);
SELECT count(*) FROM k;
CALL tsdb.run_job(:job);
SELECT count(*), sum(count) FROM k_day_stored;
-- the oldest days have not
CALL tsdb.run_job(:retention);
SELECT count(*) FROM k;
CALL tsdb.refresh_continuous_aggregate('k_day', NULL, NULL);
CALL tsdb.run_job(:retention);
SELECT count(*) < 800 FROM k;
SELECT count(*), sum(count) FROM k_day;
-- late rows of that time do not count; others do
INSERT INTO k SELECT date_trunc('day', now()) - interval '38 days', 0;
INSERT INTO k SELECT date_trunc('day', now()) - interval '2 days', 0;
SELECT dirty FROM tsdb.continuous_aggregates;
SELECT tsdb.refresh_window('k_day', NULL, NULL, force => true) < 40;
SELECT count(*), sum(count) FROM k_day;
SELECT tsdb.remove_continuous_aggregate_policy('k_day');
SELECT tsdb.remove_continuous_aggregate_policy('k_day', if_exists => true);
RESET ROLE;
-- who may see what
CREATE ROLE regress_cagg_other;
SET ROLE regress_cagg_other;
SELECT count(*) FROM tsdb.continuous_aggregates;
SELECT count(*) FROM k_day;
CALL tsdb.refresh_continuous_aggregate('k_day', NULL, NULL);
SELECT tsdb.add_continuous_aggregate_policy('k_day', NULL, NULL);
SELECT tsdb.alter_continuous_aggregate('k_day', true);
SELECT tsdb.add_continuous_aggregate_column('k_day', 'x', 'max(v)');
SELECT tsdb.cagg_keep('k', '2030-01-01', 'time');
RESET ROLE;
GRANT SELECT ON k_day TO regress_cagg_other;
SET ROLE regress_cagg_other;
SELECT continuous_aggregate, dirty FROM tsdb.continuous_aggregates;
SELECT count(*) FROM k_day;
RESET ROLE;
ALTER VIEW k_day OWNER TO regress_cagg_other;
SELECT relname, relowner::regrole FROM pg_class WHERE relname LIKE 'k_day%' ORDER BY 1;
DROP MATERIALIZED VIEW k_day;
DROP OWNED BY regress_cagg CASCADE;
DROP ROLE regress_cagg, regress_cagg_other;
SELECT count(*) FROM tsdb.cagg;
DROP TABLE r, r_heap, rt, ru, f, dim;
-- partitions that tsdb.drop_chunks drops leave their buckets
CREATE TABLE s (time timestamptz NOT NULL, v int) USING tsdb;
SELECT count(*) FROM tsdb.create_hypertable('s', tsdb.by_range('time', interval '1 day'));
INSERT INTO s SELECT timestamptz '2024-01-01' + i * interval '1 h', i FROM generate_series(0, 99) i;
SELECT tsdb.drain_default('s');
CREATE MATERIALIZED VIEW s_6h WITH (tsdb.continuous) AS SELECT time_bucket('6 h', time) AS b, count(*) FROM s GROUP BY 1;
INSERT INTO s VALUES ('2024-01-01', 0);
SELECT count(*) FROM tsdb.drop_chunks('s', timestamptz '2024-01-03');
SELECT tsdb.refresh_window('s_6h', NULL, NULL);
SELECT count(*) FROM tsdb.drop_chunks('s', timestamptz '2024-01-03');
SELECT count(*), sum(count) FROM s_6h;
SELECT dirty FROM tsdb.continuous_aggregates;
SELECT count(*), min(time) FROM s;
-- with both limits they are rows that are deleted
SELECT count(*) FROM tsdb.drop_chunks('s', older_than => timestamptz '2024-01-05', newer_than => timestamptz '2024-01-04');
SELECT count(*), sum(count) FROM s_6h;
SELECT dirty_ranges FROM tsdb.continuous_aggregates;
DROP TABLE s CASCADE;
SELECT count(*) FROM tsdb.cagg;
DROP FUNCTION differ, look, refused, scans;

--
-- Awkward sources
--
-- tables that inherit from a table that becomes a child: core tells nobody of them
CREATE TABLE top (time bigint NOT NULL, v int) USING tsdb;
CREATE TABLE mid (time bigint NOT NULL, v int) USING tsdb;
CREATE TABLE leaf () INHERITS (mid) USING tsdb;
CREATE MATERIALIZED VIEW top_10 WITH (tsdb.continuous) AS SELECT time_bucket(10::bigint, time) AS b, count(*) FROM top GROUP BY 1;
INSERT INTO leaf VALUES (1);
ALTER TABLE mid INHERIT top;
CALL tsdb.refresh_continuous_aggregate('top_10', NULL, NULL);
INSERT INTO leaf VALUES (2);
SELECT * FROM top_10;
-- columns that are renamed with the parent's
CREATE MATERIALIZED VIEW leaf_10 WITH (tsdb.continuous) AS SELECT time_bucket(10::bigint, time) AS b, count(*) FROM leaf GROUP BY 1;
ALTER TABLE mid RENAME time TO t;
ALTER TABLE top RENAME v TO w;
INSERT INTO leaf VALUES (3);
SELECT top_10, leaf_10 FROM top_10, leaf_10;
-- a table of the name that the view has for something else
CREATE TABLE fresh (time bigint NOT NULL) USING tsdb;
INSERT INTO fresh VALUES (1);
CREATE MATERIALIZED VIEW fresh_10 WITH (tsdb.continuous) AS SELECT time_bucket(10::bigint, time) AS b, count(*) FROM fresh GROUP BY 1;
INSERT INTO fresh VALUES (2);
SELECT * FROM fresh_10;
SELECT tsdb.add_continuous_aggregate_column('fresh_10', 'm', 'max(time)');
SELECT * FROM fresh_10;
-- buckets that a restore brings after a policy has stored them
CALL tsdb.refresh_continuous_aggregate('fresh_10', NULL, NULL);
INSERT INTO fresh_10_stored TABLE fresh_10_stored;
COPY fresh_10_stored FROM stdin;
100	5	7
\.
SELECT * FROM fresh_10;
SELECT dirty_ranges FROM tsdb.continuous_aggregates WHERE continuous_aggregate = 'fresh_10'::regclass;
CALL tsdb.refresh_continuous_aggregate('fresh_10', NULL, NULL);
TABLE fresh_10_stored;
-- of those that are deleted nothing is computed anew, of a TRUNCATE is all
INSERT INTO fresh VALUES (50);
CALL tsdb.refresh_continuous_aggregate('fresh_10', NULL, NULL);
DELETE FROM fresh_10_stored WHERE b = 0;
SELECT * FROM fresh_10;
TRUNCATE fresh_10_stored;
SELECT * FROM fresh_10 ORDER BY b;
-- a subtransaction for each row is no row of the log for each
DO $$
BEGIN
	FOR i IN 1000 .. 2999 LOOP
		BEGIN
			INSERT INTO fresh VALUES (i);
			IF i % 7 = 0 THEN
				RAISE EXCEPTION 'undone';
			END IF;
		EXCEPTION WHEN OTHERS THEN
			NULL;
		END;
	END LOOP;
END $$;
SELECT count(*) < 500 FROM tsdb.cagg_dirty WHERE stored = 'fresh_10_stored'::regclass;
SELECT count(*), sum(count) FROM fresh_10;
SELECT count(*), count(DISTINCT time / 10) FROM fresh;
-- retention by one column; an aggregate that goes by another shows what is left, and what comes
CREATE TABLE two (time timestamptz NOT NULL, created timestamptz NOT NULL) USING tsdb WITH (orderby = 'time');
CREATE MATERIALIZED VIEW two_day WITH (tsdb.continuous) AS SELECT time_bucket('1 day', created) AS b, count(*) FROM two GROUP BY 1;
INSERT INTO two SELECT now() - i * interval '1 day', now() + i * interval '1 day' FROM generate_series(0, 20) i;
CALL tsdb.refresh_continuous_aggregate('two_day', NULL, NULL);
SELECT tsdb.add_retention_policy('two', interval '10 days') AS job \gset
CALL tsdb.run_job(:job);
INSERT INTO two SELECT now(), now() - interval '15 days' FROM generate_series(1, 21);
SELECT (SELECT sum(count) FROM two_day) = (SELECT count(*) FROM two), (SELECT count(*) BETWEEN 30 AND 32 FROM two);
SELECT kept_before FROM tsdb.cagg WHERE view = 'two_day'::regclass;
SELECT tsdb.delete_job(:job);
DROP TABLE two CASCADE;
SELECT setval('tsdb.job_id', 1000, false);
DROP TABLE top, mid, leaf, fresh CASCADE;
SELECT count(*) FROM tsdb.cagg;

--
-- The examples of doc/continuous.md
--
CREATE TABLE cpu (time timestamptz NOT NULL, host text, usage float8) USING tsdb;
INSERT INTO cpu SELECT timestamptz '2024-01-01' + i * interval '1 min', 'h' || i % 3, i FROM generate_series(0, 20000) i;
CREATE MATERIALIZED VIEW cpu_hourly WITH (tsdb.continuous) AS
SELECT time_bucket('1 hour', time) AS bucket, host, avg(usage) AS usage, count(*) AS n
FROM cpu GROUP BY 1, 2;
SELECT tsdb.add_continuous_aggregate_policy('cpu_hourly',
	start_offset => NULL, end_offset => interval '1 hour', schedule_interval => interval '10 minutes') > 0;
INSERT INTO cpu VALUES ('2024-01-02 01:30', 'h0', 5);
SELECT * FROM cpu_hourly WHERE bucket >= '2024-01-02 01:00' AND bucket < '2024-01-02 02:00' ORDER BY host;
CREATE MATERIALIZED VIEW cpu_daily WITH (tsdb.continuous) AS
SELECT time_bucket('1 day', bucket, 'Europe/Berlin') AS day, host, max(usage) AS usage, sum(n) AS n FROM cpu_hourly GROUP BY 1, 2;
SELECT * FROM cpu_daily WHERE day < '2024-01-03' ORDER BY 1, 2;
SELECT tsdb.add_retention_policy('cpu_hourly_stored', drop_after => interval '5 years') > 0;
DROP TABLE cpu CASCADE;
SELECT count(*) FROM tsdb.job j WHERE EXISTS (SELECT FROM pg_class c WHERE c.oid = j.relation);
-- other tests tell numbers of jobs
DELETE FROM tsdb.job j WHERE NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = j.relation);
SELECT setval('tsdb.job_id', 1000, false);
