-- Wrong use: a clear error with its SQLSTATE, and the table as it was.
\set VERBOSITY verbose
\set SHOW_CONTEXT never
SET tsdb_am.direct_load_rows = 1000;
CREATE TABLE e (t timestamptz NOT NULL, k int, v int) USING tsdb;
INSERT INTO e SELECT '2026-01-01'::timestamptz + g * interval '1 s', g, g FROM generate_series(1, 1500) g;
CREATE FUNCTION try(stmt text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE m text; d text; h text;
BEGIN
	EXECUTE stmt;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS m = MESSAGE_TEXT, d = PG_EXCEPTION_DETAIL, h = PG_EXCEPTION_HINT;
	RETURN SQLSTATE || ' ' || m || coalesce(' | ' || nullif(d, ''), '') || coalesce(' | ' || nullif(h, ''), '');
END $$;
-- wrong objects
CREATE TABLE h (t timestamptz, v int) USING heap;
CREATE VIEW vw AS SELECT 1;
CREATE SEQUENCE sq;
SELECT try('SELECT tsdb.compress(''h'')');
SELECT try('SELECT tsdb.decompress(''vw'')');
SELECT try('SELECT tsdb.recompress(''sq'')');
SELECT try('SELECT tsdb.compress(''nothing'')');
SELECT try('SELECT * FROM tsdb.verify(''h'')');
SELECT tsdb.compress(NULL);
-- options
SELECT try('CREATE TABLE bad (t timestamptz, v int) USING tsdb WITH (segmentby = ''nope'')');
SELECT try('CREATE TABLE bad (t timestamptz, v int) USING tsdb WITH (orderby = ''v, t'')');
SELECT try('CREATE TABLE bad (t timestamptz, v json) USING tsdb WITH (segmentby = ''v'')');
SELECT try('CREATE TABLE bad (t text, v int) USING tsdb WITH (orderby = ''t'')');
SELECT try('CREATE TABLE bad (t timestamptz, v int) USING tsdb WITH (direct_load = ''perhaps'')');
SELECT try('CREATE TABLE bad (t timestamptz, v int) USING tsdb WITH (unknown_option = 1)');
SELECT try('CREATE TABLE bad (t timestamptz, v int) USING heap WITH (segmentby = ''v'')');
SELECT try('CREATE TABLE bad (t timestamptz, v int) USING tsdb WITH (segmentby = ''v, v'')');
SELECT try('ALTER TABLE e SET (segmentby = ''nope'')');
SELECT try('ALTER TABLE h SET (segmentby = ''v'')');
SELECT try('ALTER TABLE e SET (segmentby = ''ctid'')');
SELECT try('ALTER TABLE e SET (segmentby = ''"unclosed'')');
SELECT try('SECURITY LABEL FOR tsdb ON COLUMN e.k IS ''segmentby''');
SELECT try('SECURITY LABEL FOR tsdb ON COLUMN e.k IS ''what''');
SELECT try('SECURITY LABEL FOR tsdb ON COLUMN h.v IS ''segmentby 1''');
SELECT try('SECURITY LABEL FOR tsdb ON TABLE e IS ''segmentby 1''');
SELECT try('SECURITY LABEL FOR tsdb ON SCHEMA public IS ''segmentby 1''');
SELECT to_regclass('bad');
SELECT segmentby, orderby FROM tsdb.tables WHERE relation = 'e'::regclass;
-- settings
SELECT try('SET tsdb_am.direct_load_rows = -1');
SELECT try('SET tsdb_am.write_buffer = ''1kB''');
SELECT try('SET tsdb_am.nonsense = 1');
-- privileges
CREATE ROLE tsdb_am_nobody;
GRANT USAGE ON SCHEMA public TO tsdb_am_nobody;
SET ROLE tsdb_am_nobody;
SELECT try('SELECT tsdb.compress(''e'')');
SELECT try('SELECT tsdb.decompress(''e'')');
SELECT try('SELECT tsdb.recompress(''e'')');
SELECT try('SELECT count(*) FROM tsdb.verify(''e'')');
SELECT try('ALTER TABLE e SET (segmentby = ''k'')');
SELECT try('SELECT * FROM e');
SELECT count(*) FROM tsdb.chunks WHERE relation = 'public.e'::regclass;
SELECT count(*) FROM tsdb.columns WHERE relation = 'public.e'::regclass;
RESET ROLE;
GRANT SELECT ON e TO tsdb_am_nobody;
SET ROLE tsdb_am_nobody;
SELECT count(*) FROM e;
SELECT count(*) FROM tsdb.chunks WHERE relation = 'public.e'::regclass;
SELECT try('SELECT tsdb.compress(''e'')');
RESET ROLE;
REVOKE ALL ON e FROM tsdb_am_nobody;
REVOKE ALL ON SCHEMA public FROM tsdb_am_nobody;
DROP ROLE tsdb_am_nobody;
-- read-only transactions
BEGIN READ ONLY;
SELECT count(*) FROM e;
SELECT tsdb.compress('e');
ROLLBACK;
SELECT count(*), sum(v) FROM e;
DROP TABLE e, h; DROP VIEW vw; DROP SEQUENCE sq;
DROP FUNCTION try;
