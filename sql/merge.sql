-- Steps of compressing, and merging in levels: what they take, that they end, and that no row is lost.
SET tsdb_am.write_buffer = '16MB';
CREATE FUNCTION compress_step(rel regclass, before xid, min_rows int, from_block bigint,
	OUT busy bool, OUT done bool, OUT moved bigint, OUT bytes bigint, OUT waiting bigint, OUT next_block bigint)
	RETURNS record LANGUAGE C STRICT AS '$libdir/tsdb_am', 'tsdb_sql_compress_step';
CREATE FUNCTION merge_step(rel regclass, force bool,
	OUT merged bool, OUT busy bool, OUT chunks_read int, OUT chunks_written int, OUT moved bigint, OUT bytes_read bigint, OUT bytes_written bigint)
	RETURNS record LANGUAGE C STRICT AS '$libdir/tsdb_am', 'tsdb_sql_merge_step';
-- everything that waits to be compressed, in steps of one transaction each; rows moved
CREATE PROCEDURE compress_steps(rel regclass, INOUT moved bigint, INOUT bytes bigint) LANGUAGE plpgsql AS $$
DECLARE s record; b bigint := 0;
BEGIN
	LOOP
		s := compress_step(rel, '0', 1, b);
		COMMIT;
		moved := moved + s.moved;
		bytes := bytes + s.bytes;
		b := s.next_block;
		EXIT WHEN s.done;
	END LOOP;
END $$;
-- merge steps until there is nothing to do, at most 100
CREATE PROCEDURE merge_steps(rel regclass, force bool, INOUT steps int, INOUT moved bigint, INOUT bytes bigint) LANGUAGE plpgsql AS $$
DECLARE s record;
BEGIN
	LOOP
		s := merge_step(rel, force);
		COMMIT;
		EXIT WHEN NOT s.merged OR steps = 100;
		steps := steps + 1;
		moved := moved + s.moved;
		bytes := bytes + s.bytes_written;
	END LOOP;
END $$;
CREATE FUNCTION stored(rel regclass) RETURNS bigint LANGUAGE sql AS $$ SELECT sum(stored_bytes)::bigint FROM tsdb.chunks WHERE relation = rel $$;
-- the same rows? (quicker than twin_diff)
CREATE FUNCTION same(a regclass, b regclass) RETURNS bool LANGUAGE plpgsql AS $$
DECLARE r bool;
BEGIN
	EXECUTE format('SELECT (SELECT (count(*), sum(hashtextextended(x::text, 0)::numeric)) FROM %s x) = (SELECT (count(*), sum(hashtextextended(x::text, 0)::numeric)) FROM %s x)', a, b) INTO r;
	RETURN r;
END $$;
CREATE FUNCTION chunks(rel regclass) RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM tsdb.chunks WHERE relation = rel $$;

-- what a step of compressing takes
SET tsdb_am.direct_load_rows = 0;
CREATE TABLE st (t timestamptz NOT NULL, h text, v int) USING tsdb WITH (segmentby = 'h', orderby = 't');
SELECT done, moved, waiting, next_block FROM compress_step('st', '0', 1, 0);
INSERT INTO st SELECT '2026-01-01+00'::timestamptz + g * interval '1 s', 'h' || g % 10, g FROM generate_series(1, 100) g;
SELECT done, moved, waiting FROM compress_step('st', '0', 101, 0);
-- young rows stay
SELECT pg_current_xact_id()::xid AS before \gset
INSERT INTO st SELECT '2026-01-02+00'::timestamptz + g * interval '1 s', 'h' || g % 10, g FROM generate_series(1, 50) g;
SELECT done, moved, waiting, bytes > 0 AS bytes FROM compress_step('st', :'before', 1, 0);
SELECT done, moved, waiting, bytes > 0 AS bytes FROM compress_step('st', :'before', 1, 0);
SELECT done, moved, waiting FROM compress_step('st', '0', 1, 0);
SELECT done, moved, waiting FROM compress_step('st', '0', 1, 0);
-- own rows are not settled; a second step of one transaction leaves the first one's blocks alone
BEGIN;
INSERT INTO st SELECT '2026-01-03+00'::timestamptz, 'x', 1;
SELECT done, moved, waiting FROM compress_step('st', '0', 1, 0);
COMMIT;
BEGIN;
SELECT done, moved, waiting FROM compress_step('st', '0', 1, 0);
SELECT done, moved, waiting FROM compress_step('st', '0', 1, 0);
ROLLBACK;
SELECT done, moved, waiting FROM compress_step('st', '0', 1, 0);
-- at most one chunk; pages that vacuum has emptied are passed over, and those behind them are found
INSERT INTO st SELECT '2026-01-04+00'::timestamptz + g * interval '1 s', 'h' || g % 10, g FROM generate_series(1, 130000) g;
SELECT done, moved <= 61440 AS one_chunk, next_block > 0 AS next FROM compress_step('st', '0', 1, 0);
DO $$ DECLARE m bigint := 0; b bigint := 0; BEGIN CALL compress_steps('st', m, b); END $$;
INSERT INTO st SELECT '2026-01-06+00', 'late', 1;
VACUUM (TRUNCATE off) st;
SELECT done, moved, waiting FROM compress_step('st', '0', 1, 0);
SELECT count(*), sum(v), count(DISTINCT h) FROM st;
SELECT * FROM tsdb.verify('st');
DROP TABLE st;

-- rows that come in order, 16,384 at a time: each is written twice, and then never again
CREATE TABLE ord (t timestamptz NOT NULL, h text, v float8) USING tsdb WITH (segmentby = 'h', orderby = 't');
CREATE TABLE ord_twin (t timestamptz NOT NULL, h text, v float8) USING heap;
CREATE PROCEDURE ingest(batches int, INOUT written bigint) LANGUAGE plpgsql AS $$
DECLARE b int; n bigint; s int; bytes bigint;
BEGIN
	FOR b IN 0 .. batches - 1 LOOP
		INSERT INTO ord SELECT '2026-01-01+00'::timestamptz + g / 64 * interval '1 s', 'h' || g % 64, g % 1000 / 10.0 FROM generate_series(b * 16384, b * 16384 + 16383) g;
		COMMIT;
		n := 0; s := 0; bytes := 0;
		CALL compress_steps('ord', n, bytes);
		written := written + n;
		n := 0;
		CALL merge_steps('ord', false, s, n, bytes);
		written := written + n;
	END LOOP;
END $$;
CALL ingest(18, 0);
INSERT INTO ord_twin SELECT '2026-01-01+00'::timestamptz + g / 64 * interval '1 s', 'h' || g % 64, g % 1000 / 10.0 FROM generate_series(0, 18 * 16384 - 1) g;
SELECT same('ord', 'ord_twin'), chunks('ord');
SELECT rows, count(*) FROM tsdb.chunks WHERE relation = 'ord'::regclass GROUP BY 1 ORDER BY 1 DESC;
CALL merge_steps('ord', false, 0, 0, 0);
-- force takes the rest too, and then there is nothing either
SELECT merged, chunks_read, chunks_written, moved FROM merge_step('ord', true);
SELECT merged, chunks_read, chunks_written, moved FROM merge_step('ord', true);
SELECT merged FROM merge_step('ord', false);
SELECT same('ord', 'ord_twin'), chunks('ord');
DROP TABLE ord, ord_twin;

-- out of order: chunks that all overlap become chunks that don't, in one step or in two levels of them
CREATE TABLE base AS SELECT '2026-01-01+00'::timestamptz + g / 40 * interval '10 s' AS t, 'host_' || g % 40 AS h, (g / 40) % 997 / 7 AS a, (g % 40) * 10 + (g / 4000) % 13 AS b
	FROM generate_series(0, 199999) g;
CREATE TABLE parts AS SELECT *, abs(hashint4(extract(epoch FROM t)::int) # hashtext(h)) % 40 AS part FROM base;
CREATE INDEX ON parts (part);
SET tsdb_am.direct_load_rows = 1;
SET tsdb_am.write_buffer = '64MB';
CREATE TABLE sorted (LIKE base) USING tsdb WITH (segmentby = 'h', orderby = 't');
INSERT INTO sorted SELECT * FROM base;
CREATE TABLE shuffled (LIKE base) USING tsdb WITH (segmentby = 'h', orderby = 't');
-- 40 loads of 5,000 rows each, which all span the whole time
DO $$ BEGIN FOR i IN 0 .. 39 LOOP INSERT INTO shuffled SELECT t, h, a, b FROM parts WHERE part = i; END LOOP; END $$;
SELECT chunks('shuffled'), stored('shuffled') > stored('sorted') * 1.3 AS larger;
SELECT merged, chunks_read, moved FROM merge_step('shuffled', false);
SELECT merged FROM merge_step('shuffled', false);
SELECT merged FROM merge_step('shuffled', true);
SELECT same('shuffled', 'base'), stored('shuffled') <= stored('sorted') * 1.05 AS as_small;
SELECT * FROM tsdb.verify('shuffled');
-- few overlapping runs wait for more, unless forced
INSERT INTO shuffled SELECT t + interval '5 s', h, a, b FROM base WHERE hashtext(h || t) % 8 = 0;
SELECT merged FROM merge_step('shuffled', false);
SELECT merged, chunks_written > 0 FROM merge_step('shuffled', true);
SELECT merged FROM merge_step('shuffled', true);
SELECT count(*) - (SELECT count(*) FROM base) - (SELECT count(*) FROM base WHERE hashtext(h || t) % 8 = 0) FROM shuffled;
DROP TABLE shuffled, sorted, parts;

-- a group that is larger than memory is cut by time
CREATE TABLE wide (t timestamptz NOT NULL, h int, p text) USING tsdb WITH (segmentby = 'h', orderby = 't');
CREATE TABLE wide_twin (t timestamptz NOT NULL, h int, p text) USING heap;
INSERT INTO wide_twin SELECT '2026-01-01+00'::timestamptz + g * interval '1 s', g % 7, repeat(md5((g % 100)::text), 30) FROM generate_series(1, 100000) g;
DO $$ BEGIN FOR i IN 0 .. 5 LOOP INSERT INTO wide SELECT * FROM wide_twin WHERE (extract(epoch FROM t)::int / 7) % 6 = i; END LOOP; END $$;
SELECT merged, moved FROM merge_step('wide', false);
SELECT merged FROM merge_step('wide', false);
SELECT same('wide', 'wide_twin');
SELECT count(*) > 0 AS slices, bool_and(a_max <= b_min) AS in_order FROM (SELECT max(time_to) OVER w AS a_max, time_from AS b_min FROM (SELECT time_from, time_to FROM tsdb.chunks WHERE relation = 'wide'::regclass) c
	WINDOW w AS (ORDER BY time_from ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) x WHERE a_max IS NOT NULL;
SELECT * FROM tsdb.verify('wide');
-- more chunks than one group takes: it is cut at round times, and what was left out is merged with some of it
TRUNCATE wide;
DELETE FROM wide_twin WHERE h > 4;
CREATE TABLE parts AS SELECT *, (extract(epoch FROM t)::int / 7) % 280 AS part FROM wide_twin;
CREATE INDEX ON parts (part);
DO $$ BEGIN FOR i IN 0 .. 279 LOOP INSERT INTO wide SELECT t, h, p FROM parts WHERE part = i; END LOOP; END $$;
SELECT merged, chunks_read FROM merge_step('wide', false);
SELECT merged FROM merge_step('wide', false);
SELECT same('wide', 'wide_twin');
SELECT tsdb.merge('wide', force => true) > 0;
SELECT tsdb.merge('wide', force => true);
SELECT same('wide', 'wide_twin'), chunks('wide') < 10;
SELECT * FROM tsdb.verify('wide');
DROP TABLE wide, wide_twin, parts;

-- all of it in one transaction, with rollbacks; NULL times, infinities, one time for all; columns that come and go
CREATE TABLE odd (t timestamptz, gone int, h text, n numeric) USING tsdb WITH (segmentby = 'h', orderby = 't');
CREATE TABLE odd_twin (t timestamptz, gone int, h text, n numeric) USING heap;
DO $$ BEGIN FOR i IN 0 .. 7 LOOP
	INSERT INTO odd_twin SELECT CASE g % 50 WHEN 0 THEN NULL WHEN 1 THEN 'infinity' WHEN 2 THEN '-infinity' ELSE '2026-01-01+00'::timestamptz + (g * 7919 % 10000) * interval '1 s' END, g, CASE WHEN g % 9 > 0 THEN 'h' || g % 9 END, g / 3.0
		FROM generate_series(i * 9000, i * 9000 + 8999) g;
	INSERT INTO odd SELECT * FROM odd_twin WHERE gone >= i * 9000;
END LOOP; END $$;
ALTER TABLE odd DROP COLUMN gone; ALTER TABLE odd_twin DROP COLUMN gone;
ALTER TABLE odd ADD COLUMN late int DEFAULT 7; ALTER TABLE odd_twin ADD COLUMN late int DEFAULT 7;
BEGIN;
SELECT tsdb.merge('odd') > 0;
SELECT same('odd', 'odd_twin');
ROLLBACK;
SELECT same('odd', 'odd_twin'), chunks('odd');
BEGIN;
SAVEPOINT s;
SELECT tsdb.merge('odd') > 0;
ROLLBACK TO s;
SELECT tsdb.merge('odd') > 0;
SELECT tsdb.merge('odd');
DELETE FROM odd WHERE n < 5; DELETE FROM odd_twin WHERE n < 5;
COMMIT;
SELECT same('odd', 'odd_twin');
SELECT tsdb.merge('odd', force => true) >= 0;
SELECT tsdb.merge('odd', force => true);
SELECT same('odd', 'odd_twin');
SELECT * FROM tsdb.verify('odd');
DROP TABLE odd, odd_twin;
CREATE TABLE one_time (t timestamptz, h int) USING tsdb WITH (orderby = 't');
DO $$ BEGIN FOR i IN 1 .. 6 LOOP INSERT INTO one_time SELECT '2026-01-01+00', g FROM generate_series(1, 15000) g; END LOOP; END $$;
SELECT tsdb.merge('one_time'), tsdb.merge('one_time'), chunks('one_time') FROM one_time LIMIT 1;
SELECT count(*), sum(h), chunks('one_time') FROM one_time;
SELECT tsdb.merge('one_time', true) >= 0, tsdb.merge('one_time', true) FROM (VALUES (1)) v;
SELECT count(*), sum(h) FROM one_time;
DROP TABLE one_time;
-- no time at all
CREATE TABLE no_time (a text, b float8) USING tsdb;
DO $$ BEGIN FOR i IN 1 .. 6 LOOP INSERT INTO no_time SELECT 'a' || g % 10, g FROM generate_series(1, 10000) g; END LOOP; END $$;
SELECT tsdb.merge('no_time'), count(*), sum(b) FROM no_time;
SELECT tsdb.merge('no_time'), count(*), sum(b), chunks('no_time') FROM no_time;
DROP TABLE no_time;

-- deleted rows: a tenth of a chunk or less stays, more is left out
CREATE TABLE del (t timestamptz NOT NULL, h text, v int) USING tsdb WITH (segmentby = 'h', orderby = 't');
INSERT INTO del SELECT '2026-01-01+00'::timestamptz + g * interval '1 s', 'h' || g % 5, g FROM generate_series(1, 40000) g;
DELETE FROM del WHERE v <= 4000;
SELECT merged FROM merge_step('del', false);
DELETE FROM del WHERE v <= 4001;
BEGIN; UPDATE del SET v = -v WHERE v = 5000; SELECT merged, chunks_read, chunks_written, moved FROM merge_step('del', false); ROLLBACK;
SELECT merged, chunks_read, chunks_written, moved FROM merge_step('del', false);
SELECT merged FROM merge_step('del', false);
SELECT count(*), sum(v), min(v) FROM del;
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) FROM del;
DELETE FROM del WHERE v > 20000;
SELECT merged, chunks_written, moved FROM merge_step('del', false);
SELECT count(*) FROM del;
COMMIT;
SELECT count(*), max(v) FROM del;
DELETE FROM del WHERE v < 19990;
SELECT merged, chunks_written, moved FROM merge_step('del', false);
SELECT count(*) FROM del;
DROP TABLE del;

-- with indexes: tiny chunks only, unless forced; the index leads to the new places
CREATE TABLE ix (t timestamptz NOT NULL, h int, v int, PRIMARY KEY (h, t)) USING tsdb;
SET tsdb_am.direct_load_rows = 0;
CREATE PROCEDURE load_ix(n int, size int) LANGUAGE plpgsql AS $$ DECLARE m bigint; b bigint; BEGIN FOR i IN 1 .. n LOOP
	INSERT INTO ix SELECT '2026-01-01+00'::timestamptz + (g + (SELECT count(*) FROM ix)) * interval '1 s', g % 3, g FROM generate_series(1, size) g; COMMIT;
	m := 0; b := 0; CALL compress_steps('ix', m, b); END LOOP; END $$;
CALL load_ix(5, 10000);
SELECT merged FROM merge_step('ix', false);
CALL load_ix(16, 3500);
SELECT merged, chunks_read, chunks_written, moved FROM merge_step('ix', false);
SELECT merged FROM merge_step('ix', false);
SET enable_seqscan = off; SET tsdb_am.enable_custom_scan = off;
SELECT count(*), sum(v) FROM ix WHERE h = 1;
SELECT max(t) AS key FROM ix WHERE h = 1 AND v = 3001 \gset
SELECT v FROM ix WHERE h = 1 AND t = :'key';
INSERT INTO ix VALUES (:'key', 1, 0) ON CONFLICT (h, t) DO UPDATE SET v = -1 RETURNING v;
RESET enable_seqscan; RESET tsdb_am.enable_custom_scan;
SELECT merged FROM merge_step('ix', true);
SELECT tsdb.merge('ix', true) >= 0, count(*) FROM ix;
SELECT * FROM tsdb.verify('ix');
VACUUM ix;
SELECT count(*), sum(v) FROM ix;
DROP TABLE ix;

-- cold chunks: when they get cold, they are encoded for size, once; and not made hot again
SET tsdb_am.direct_load_rows = 1;
CREATE TABLE co (t timestamptz NOT NULL, h text, v float8) USING tsdb WITH (segmentby = 'h', orderby = 't');
INSERT INTO co SELECT '2020-01-01+00'::timestamptz + g * interval '1 s', 'h' || g % 5, g * 1.1 FROM generate_series(1, 40000) g;
SELECT merged FROM merge_step('co', false);
SET tsdb_am.cold_after = '30d';
-- whether they are read or not
SET tsdb_am.cold_reads = -1;
SELECT merged, chunks_read, chunks_written FROM merge_step('co', false);
SELECT merged FROM merge_step('co', false);
RESET tsdb_am.cold_after;
RESET tsdb_am.cold_reads;
SELECT merged FROM merge_step('co', false);
SELECT count(*), round(sum(v)) FROM co;
DROP TABLE co;

-- partitions, each by itself; who may call
CREATE TABLE pt (t timestamptz NOT NULL, h int) PARTITION BY HASH (h);
CREATE TABLE pt0 PARTITION OF pt FOR VALUES WITH (MODULUS 2, REMAINDER 0) USING tsdb;
CREATE TABLE pt1 PARTITION OF pt FOR VALUES WITH (MODULUS 2, REMAINDER 1) USING tsdb;
DO $$ BEGIN FOR i IN 1 .. 8 LOOP INSERT INTO pt SELECT '2026-01-01+00'::timestamptz + (g * 8 + i) * interval '1 s', g FROM generate_series(1, 30000) g; END LOOP; END $$;
SELECT chunks('pt0'), chunks('pt1');
SELECT tsdb.merge('pt') > 0;
SELECT tsdb.merge('pt'), count(*), sum(h) FROM pt;
SELECT chunks('pt0') < 8, chunks('pt1') < 8;
SELECT merge_step('pt', false);
CREATE ROLE merge_other;
SET ROLE merge_other;
SELECT tsdb.merge('pt0');
RESET ROLE;
DROP ROLE merge_other;
BEGIN READ ONLY; SELECT tsdb.merge('pt0'); ROLLBACK;
SELECT tsdb.merge('pg_class');
DROP TABLE pt, base;
DROP PROCEDURE ingest, load_ix, compress_steps, merge_steps;
DROP FUNCTION compress_step, merge_step, stored, same, chunks;
