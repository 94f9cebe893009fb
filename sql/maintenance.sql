-- VACUUM, ANALYZE, estimates and counters of tables whose rows are in chunks, or partly.
SET tsdb_am.direct_load_rows = 1000;
CREATE TABLE mt (t timestamptz NOT NULL, h text, v int) USING tsdb WITH (segmentby = 'h', orderby = 't');
INSERT INTO mt SELECT '2026-01-01+00'::timestamptz + g * interval '1 s', 'h' || g % 20, g % 1000 FROM generate_series(1, 100000) g;
ANALYZE mt;
SELECT reltuples FROM pg_class WHERE oid = 'mt'::regclass;
SELECT attname, null_frac, n_distinct, abs(correlation) <= 1 FROM pg_stats WHERE tablename = 'mt' ORDER BY attname;
SELECT array_length(most_common_vals::text::text[], 1), round((SELECT sum(f) FROM unnest(most_common_freqs) f)::numeric, 2) FROM pg_stats WHERE tablename = 'mt' AND attname = 'h';
-- half in the row store
SET tsdb_am.direct_load_rows = 0;
INSERT INTO mt SELECT '2026-01-03+00'::timestamptz + g * interval '1 s', 'new' || g % 20, 5000 FROM generate_series(1, 100000) g;
ANALYZE mt;
SELECT reltuples FROM pg_class WHERE oid = 'mt'::regclass;
SELECT n_distinct, round(most_common_freqs[1]::numeric, 1) FROM pg_stats WHERE tablename = 'mt' AND attname = 'v';
SELECT n_distinct FROM pg_stats WHERE tablename = 'mt' AND attname = 'h';
VACUUM mt;
SELECT reltuples FROM pg_class WHERE oid = 'mt'::regclass;
SELECT tsdb.compress('mt');
VACUUM (ANALYZE) mt;
SELECT reltuples FROM pg_class WHERE oid = 'mt'::regclass;
VACUUM (FREEZE) mt;
SELECT count(*), sum(v) FROM mt;
SELECT age(relfrozenxid) < 1000 FROM pg_class WHERE oid = 'mt'::regclass;
SELECT age(relfrozenxid) < 1000 FROM pg_class WHERE oid = (SELECT reltoastrelid FROM pg_class WHERE oid = 'mt'::regclass);
-- the planner's row estimates follow
CREATE FUNCTION estimate(q text) RETURNS int LANGUAGE plpgsql AS $$ DECLARE j json; BEGIN EXECUTE 'EXPLAIN (FORMAT json) ' || q INTO j; RETURN (j->0->'Plan'->>'Plan Rows')::int; END $$;
SELECT estimate('SELECT * FROM mt') BETWEEN 195000 AND 205000;
SELECT estimate('SELECT * FROM mt WHERE h = ''h3''') BETWEEN 3000 AND 7000;
-- before any ANALYZE too
CREATE TABLE fresh (t timestamptz NOT NULL, v int) USING tsdb;
SET tsdb_am.direct_load_rows = 1000;
INSERT INTO fresh SELECT '2026-01-01', g FROM generate_series(1, 50000) g;
SELECT estimate('SELECT * FROM fresh') = 50000;
-- sizes: the chunk store counts as the table's
SELECT pg_table_size('mt') > pg_relation_size('mt'), pg_total_relation_size('mt') = pg_table_size('mt');
SELECT row_store_rows, chunk_rows, chunks > 0, ratio > 3 FROM tsdb.tables WHERE relation = 'mt'::regclass;
SELECT count(*), sum(rows), min(lower(time_from::text)) IS NOT NULL FROM tsdb.chunks WHERE relation = 'fresh'::regclass;
SELECT "column", encoding IS NOT NULL, bits_per_value < 20 FROM tsdb.columns WHERE relation = 'mt'::regclass ORDER BY 1;
SELECT * FROM tsdb.verify('mt');
-- space of chunks that went is used again
CREATE TABLE space (t timestamptz NOT NULL, v float8) USING tsdb;
CREATE FUNCTION churn(n int) RETURNS void LANGUAGE plpgsql AS $$ BEGIN
	FOR i IN 1..n LOOP
		PERFORM tsdb.recompress('space');
	END LOOP;
END $$;
INSERT INTO space SELECT '2026-01-01'::timestamptz + g * interval '1 s', random() FROM generate_series(1, 50000) g;
SELECT churn(1);
VACUUM space; SELECT churn(1); VACUUM space;
SELECT pg_table_size('space') AS s1 \gset
SELECT churn(1);
VACUUM space; SELECT churn(1); VACUUM space; SELECT churn(1); VACUUM space; SELECT churn(1); VACUUM space;
SELECT pg_table_size('space') <= :s1 * 1.6 AS reused;
SELECT count(*) FROM space;
DROP TABLE mt, fresh, space;
DROP FUNCTION estimate, churn;
-- rows of a failed transaction that had more columns are no damage
CREATE TABLE ac (k int) USING tsdb;
INSERT INTO ac VALUES (1);
BEGIN; ALTER TABLE ac ADD COLUMN x int; SET LOCAL tsdb_am.direct_load_rows = 0; INSERT INTO ac VALUES (2, 3); ROLLBACK;
SELECT * FROM tsdb.verify('ac');
DROP TABLE ac;
-- chunks that would come out as they went in are left alone; one with a deleted row is not
CREATE TABLE settled (t timestamptz NOT NULL, h text, v int) USING tsdb WITH (segmentby = 'h', orderby = 't');
INSERT INTO settled SELECT '2026-01-01+00'::timestamptz + g * interval '1 s', 'h', g FROM generate_series(1, 50000) g;
SELECT tsdb.recompress('settled');
BEGIN; DELETE FROM settled WHERE v = 7; ROLLBACK;
SELECT tsdb.recompress('settled');
DELETE FROM settled WHERE v = 7;
SELECT tsdb.recompress('settled'), count(*), sum(v) FROM settled;
SELECT count(*), sum(v) FROM settled;
SELECT tsdb.recompress('settled');
DROP TABLE settled;
