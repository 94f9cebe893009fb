-- Which statements load directly, what they see meanwhile, and what is left of them after an abort.
SET tsdb_am.direct_load_rows = 1000;
CREATE TABLE l (t timestamptz NOT NULL DEFAULT '2026-01-01', n int, h text DEFAULT 'x') USING tsdb;
CREATE FUNCTION stores(rel regclass) RETURNS text LANGUAGE plpgsql AS $$
DECLARE r text;
BEGIN
	EXECUTE format('SELECT count(*) FILTER (WHERE ctid < ''(2147483648,0)'') || '' row store, '' || count(*) FILTER (WHERE ctid >= ''(2147483648,0)'') || '' chunks'' FROM %s', rel) INTO r;
	RETURN r;
END $$;

INSERT INTO l (n) SELECT generate_series(1, 999);
SELECT stores('l');
INSERT INTO l (n) SELECT generate_series(1, 1000);
SELECT stores('l');
TRUNCATE l;
-- setting
SET tsdb_am.direct_load_rows = 0;
INSERT INTO l (n) SELECT generate_series(1, 3000);
SELECT stores('l');
TRUNCATE l;
SET tsdb_am.direct_load_rows = 1;
INSERT INTO l (n) VALUES (1);
INSERT INTO l (n) VALUES (2), (3);
SELECT stores('l');
SET tsdb_am.direct_load_rows = 10;
INSERT INTO l (n) VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9);
INSERT INTO l (n) VALUES (1), (2), (3), (4), (5), (6), (7), (8), (9), (10);
SELECT stores('l');
TRUNCATE l;
SET tsdb_am.direct_load_rows = 1000;

-- savepoints, abort, subtransactions in functions
BEGIN;
INSERT INTO l (n) SELECT generate_series(1, 1500);
SAVEPOINT a;
INSERT INTO l (n) SELECT generate_series(1501, 3000);
SELECT count(*), sum(n) FROM l;
ROLLBACK TO a;
SELECT count(*), sum(n) FROM l;
SAVEPOINT b;
INSERT INTO l (n) SELECT generate_series(1501, 3500);
RELEASE b;
SELECT count(*), sum(n) FROM l;
COMMIT;
SELECT count(*), sum(n), stores('l') FROM l;
BEGIN; INSERT INTO l (n) SELECT generate_series(1, 5000); ROLLBACK;
SELECT count(*), sum(n) FROM l;
DO $$ BEGIN
	FOR i IN 1..3 LOOP
		BEGIN
			INSERT INTO l (n) SELECT generate_series(1, 1000);
			IF i = 2 THEN RAISE division_by_zero; END IF;
		EXCEPTION WHEN division_by_zero THEN NULL;
		END;
	END LOOP;
END $$;
SELECT count(*), sum(n), stores('l') FROM l;
-- an error in the middle
INSERT INTO l (n) SELECT 1 / (g - 4000) FROM generate_series(1, 5000) g;
SELECT count(*), sum(n) FROM l;
TRUNCATE l;

-- two-phase commit
BEGIN; INSERT INTO l (n) SELECT generate_series(1, 1500); PREPARE TRANSACTION 'tsdb_am_direct';
SELECT count(*) FROM l;
COMMIT PREPARED 'tsdb_am_direct';
SELECT count(*), stores('l') FROM l;
BEGIN; INSERT INTO l (n) SELECT generate_series(1, 1500); PREPARE TRANSACTION 'tsdb_am_direct';
ROLLBACK PREPARED 'tsdb_am_direct';
SELECT count(*) FROM l;

-- a statement that reads its own target sees what was there before it
INSERT INTO l (n) SELECT n + 10000 FROM l;
SELECT count(*), stores('l') FROM l;
INSERT INTO l (n) SELECT g FROM generate_series(1, 20000) g WHERE NOT EXISTS (SELECT 1 FROM l WHERE n = g);
SELECT count(*), count(DISTINCT n) FROM l;
WITH w AS (INSERT INTO l (n) SELECT g FROM generate_series(30001, 32000) g RETURNING n) SELECT count(*), sum(n) FROM w;
SELECT count(*) FROM l;
INSERT INTO l (n) SELECT g FROM generate_series(40001, 41500) g RETURNING n = 41500 AS last_one \gset
TRUNCATE l;

-- functions in the middle of a statement
CREATE FUNCTION seen() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$ BEGIN RETURN (SELECT count(*) FROM l); END $$;
CREATE FUNCTION sub_seen() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$ DECLARE c bigint; BEGIN
	BEGIN SELECT count(*) INTO c FROM l; EXCEPTION WHEN division_by_zero THEN NULL; END; RETURN c; END $$;
INSERT INTO l (n) SELECT seen() FROM generate_series(1, 1200);
SELECT min(n), max(n), count(DISTINCT n), stores('l') FROM l;
TRUNCATE l;
INSERT INTO l (n) SELECT sub_seen() FROM generate_series(1, 1200);
SELECT min(n), max(n), count(DISTINCT n), stores('l') FROM l;
TRUNCATE l;
INSERT INTO l (n, h) SELECT g, random()::text || clock_timestamp() FROM generate_series(1, 1200) g;
SELECT count(*), stores('l') FROM l;
TRUNCATE l;
ALTER TABLE l ADD CONSTRAINT seen_less CHECK (seen() >= 0);
INSERT INTO l (n) SELECT generate_series(1, 1200);
SELECT stores('l');
ALTER TABLE l DROP CONSTRAINT seen_less;
TRUNCATE l;
ALTER TABLE l ALTER n SET DEFAULT seen();
INSERT INTO l (h) SELECT 'h' FROM generate_series(1, 1200);
SELECT max(n), stores('l') FROM l;
ALTER TABLE l ALTER n DROP DEFAULT;
TRUNCATE l;

-- constraints and checks still refuse, and nothing stays
ALTER TABLE l ADD CHECK (n < 4000);
INSERT INTO l (n) SELECT generate_series(1, 5000);
SELECT count(*) FROM l;
INSERT INTO l (t, n) SELECT CASE WHEN g < 1500 THEN now() END, g FROM generate_series(1, 2000) g;
SELECT count(*) FROM l;

-- triggers
CREATE TABLE log (what text);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	INSERT INTO log SELECT TG_WHEN || ' ' || TG_LEVEL || ' ' || count(*) FROM l; RETURN NEW; END $$;
CREATE TRIGGER after_stmt AFTER INSERT ON l FOR EACH STATEMENT EXECUTE FUNCTION note();
INSERT INTO l (n) SELECT generate_series(1, 1200);
SELECT * FROM log; SELECT stores('l');
COPY l (n) FROM PROGRAM 'seq 1 1300';
SELECT * FROM log;
DROP TRIGGER after_stmt ON l;
TRUNCATE l, log;
CREATE FUNCTION trans() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log SELECT count(*) || ' ' || sum(n) FROM newrows; RETURN NULL; END $$;
CREATE TRIGGER tt AFTER INSERT ON l REFERENCING NEW TABLE AS newrows FOR EACH STATEMENT EXECUTE FUNCTION trans();
INSERT INTO l (n) SELECT generate_series(1, 1200);
SELECT * FROM log;
DROP TRIGGER tt ON l;
TRUNCATE l, log;
CREATE FUNCTION half() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.n % 2 = 0 THEN RETURN NULL; END IF; NEW.h := 'odd'; RETURN NEW; END $$;
CREATE TRIGGER br BEFORE INSERT ON l FOR EACH ROW EXECUTE FUNCTION half();
INSERT INTO l (n) SELECT generate_series(1, 3000);
SELECT count(*), min(h), stores('l') FROM l;
DROP TRIGGER br ON l;
TRUNCATE l;

-- COPY: thresholds, FREEZE, errors, other columns
COPY l (n) FROM PROGRAM 'seq 1 999';
SELECT stores('l');
COPY l (n) FROM PROGRAM 'seq 1 2500' WHERE n % 2 = 0;
SELECT count(*), stores('l') FROM l;
COPY l (n) FROM PROGRAM 'seq 3990 4100';
SELECT count(*) FROM l;
BEGIN; TRUNCATE l; COPY l (n) FROM PROGRAM 'seq 1 1500' (FREEZE); SELECT count(*), stores('l') FROM l; COMMIT;
SELECT count(*), stores('l') FROM l;

-- a small buffer, many chunks
SET tsdb_am.write_buffer = '1MB';
TRUNCATE l;
INSERT INTO l (t, n, h) SELECT '2026-01-01'::timestamptz + g * interval '1 s', g % 4000, 'host' || g % 50 FROM generate_series(1, 200000) g;
SELECT count(*), sum(n), count(DISTINCT h), stores('l') FROM l;
SELECT count(*) > 1, sum(rows) FROM tsdb.chunks WHERE relation = 'l'::regclass;
RESET tsdb_am.write_buffer;
TRUNCATE l;
INSERT INTO l (t, n, h) SELECT '2026-01-01'::timestamptz + g * interval '1 s', g % 4000, 'host' || g % 50 FROM generate_series(1, 200000) g;
SELECT rows FROM tsdb.chunks WHERE relation = 'l'::regclass ORDER BY rows;

-- prepared, in functions, EXPLAIN ANALYZE, portals
TRUNCATE l;
PREPARE ins (int) AS INSERT INTO l (n) SELECT generate_series(1, $1);
EXECUTE ins (500); EXECUTE ins (1500); EXECUTE ins (1500); EXECUTE ins (1500); EXECUTE ins (1500); EXECUTE ins (1500); EXECUTE ins (20);
SELECT count(*), stores('l') FROM l;
DEALLOCATE ins;
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) INSERT INTO l (n) SELECT generate_series(1, 1500);
SELECT count(*) FROM l;
CREATE FUNCTION sqlins(int) RETURNS void LANGUAGE sql AS 'INSERT INTO l (n) SELECT generate_series(1, $1)';
SELECT sqlins(1500), sqlins(20);
SELECT count(*), stores('l') FROM l;

-- tables with indexes take the row store
CREATE INDEX l_n ON l (n);
TRUNCATE l;
INSERT INTO l (n) SELECT generate_series(1, 2000);
SELECT stores('l');
SELECT tsdb.compress('l');
SELECT stores('l');

-- many partitions in one statement share the buffer
CREATE TABLE lp (t timestamptz NOT NULL, n int) PARTITION BY HASH (n);
DO $$ BEGIN FOR i IN 0..39 LOOP EXECUTE format('CREATE TABLE lp%s PARTITION OF lp FOR VALUES WITH (MODULUS 40, REMAINDER %s) USING tsdb', i, i); END LOOP; END $$;
SET tsdb_am.write_buffer = '1MB';
INSERT INTO lp SELECT '2026-01-01'::timestamptz + g * interval '1 s', g FROM generate_series(1, 100000) g;
SELECT count(*), count(DISTINCT n), count(*) FILTER (WHERE ctid >= '(2147483648,0)') AS in_chunks FROM lp;
TRUNCATE lp;
\set copyfile '/tmp/tsdb_am_load_' :DBNAME '.csv'
COPY (SELECT '2026-01-01'::timestamptz + g * interval '1 s', g FROM generate_series(1, 100000) g) TO :'copyfile';
COPY lp FROM :'copyfile';
SELECT count(*), count(DISTINCT n), count(*) FILTER (WHERE ctid >= '(2147483648,0)') > 50000 AS in_chunks FROM lp;
RESET tsdb_am.write_buffer;

-- what is known about partitions is forgotten when one of them changes
TRUNCATE lp;
INSERT INTO lp SELECT '2026-01-01', g FROM generate_series(1, 40) g;
INSERT INTO lp SELECT '2026-01-01', g FROM generate_series(1, 40) g;

CREATE TABLE lq (LIKE lp) PARTITION BY RANGE (n);
CREATE TABLE lq1 PARTITION OF lq FOR VALUES FROM (0) TO (10) USING tsdb;
CREATE TABLE lq2 PARTITION OF lq FOR VALUES FROM (10) TO (1000) USING tsdb;
CREATE TABLE seen_rows (n bigint);
CREATE FUNCTION seen_lq() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	BEGIN INSERT INTO seen_rows SELECT count(*) FROM lq; EXCEPTION WHEN division_by_zero THEN NULL; END;
	RETURN NEW; END $$;
INSERT INTO lq VALUES ('2026-01-01', 1), ('2026-01-01', 2), ('2026-01-01', 11), ('2026-01-01', 12);
CREATE TRIGGER t BEFORE INSERT ON lq2 FOR EACH ROW EXECUTE FUNCTION seen_lq();
INSERT INTO lq VALUES ('2026-01-01', 1), ('2026-01-01', 2), ('2026-01-01', 11), ('2026-01-01', 12);
TABLE seen_rows;
ALTER TABLE lq2 DISABLE TRIGGER t;
INSERT INTO lq VALUES ('2026-01-01', 1), ('2026-01-01', 2), ('2026-01-01', 11), ('2026-01-01', 12);
ALTER TABLE lq2 ENABLE TRIGGER t;
INSERT INTO lq SELECT '2026-01-01', n FROM unnest('{3,4,13,14}'::int[]) n;
TABLE seen_rows;
DROP TABLE lq, seen_rows;
DROP FUNCTION seen_lq;

-- rows that are held as tuples first: few go to the row store as they are, more, or large ones, into columns; heap is the oracle
CREATE TABLE hw (t timestamptz, n int, a text, b text, c numeric) USING heap;
CREATE TABLE tw (LIKE hw) USING tsdb;
ALTER TABLE tw ADD x int, DROP COLUMN c, ADD c numeric DEFAULT 3.5;
ALTER TABLE hw ADD x int, DROP COLUMN c, ADD c numeric DEFAULT 3.5;
CREATE TABLE wide (n int, a text, b text) USING heap;
ALTER TABLE wide ALTER a SET STORAGE EXTERNAL, ALTER b SET STORAGE EXTERNAL;
INSERT INTO wide SELECT g, repeat(chr(65 + g % 26), 3000 + g), CASE WHEN g % 400 = 350 THEN repeat('y', 300000) END FROM generate_series(1, 1200) g;
CREATE FUNCTION both_stores(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	differences bigint;
BEGIN
	TRUNCATE hw, tw;
	EXECUTE replace(statement, '{t}', 'hw');
	EXECUTE replace(statement, '{t}', 'tw');
	SELECT count(*) INTO differences FROM ((TABLE hw EXCEPT ALL TABLE tw) UNION ALL (TABLE tw EXCEPT ALL TABLE hw)) d;
	IF (SELECT count(*) FROM hw) <> (SELECT count(*) FROM tw) THEN RAISE 'rows are missing'; END IF;
	RETURN differences || ' differences, ' || stores('tw');
END $$;
SELECT n, both_stores(format('INSERT INTO {t} (t, n, a) SELECT ''2026-01-01''::timestamptz + g * interval ''1 s'', g, CASE WHEN g %% 3 = 0 THEN ''a'' || g END FROM generate_series(1, %s) g', n))
	FROM unnest('{1,2,31,32,33,127,128,129,255,999,1000,1001}'::int[]) n;
SELECT n, both_stores(format('INSERT INTO {t} (n, a, b) SELECT n, a, b FROM wide WHERE n <= %s', n)) FROM unnest('{10,300,349,350,999,1000,1001,1200}'::int[]) n;
SELECT n, both_stores(format('INSERT INTO {t} (n, a, b) SELECT n, a || n, b || n FROM wide WHERE n <= %s', n)) FROM unnest('{10,300,349,350,999,1200}'::int[]) n;
SELECT both_stores('INSERT INTO {t} (n, a, c) VALUES (1, ''a'', 1), (2, NULL, 2), (3, ''c'', DEFAULT), (4, ''d'', NULL), (5, repeat(''long'', 100000), 5)');
SELECT both_stores('INSERT INTO {t} (n) VALUES (1), (2), (3)');
-- rows that come in batches, below and above the threshold; the batches are COPY's
\set widefile '/tmp/tsdb_am_wide_' :DBNAME '.csv'
COPY (SELECT n, a, b FROM wide WHERE n < 340) TO :'widefile';
SELECT both_stores(format('COPY {t} (n, a, b) FROM %L', :'widefile'));
COPY (SELECT n, left(a, 10) FROM wide WHERE n < 340) TO :'widefile';
SELECT both_stores(format('COPY {t} (n, a) FROM %L', :'widefile'));
-- the option forbids chunks: found out when the rows are enough
ALTER TABLE tw SET (direct_load = off);
SELECT both_stores('INSERT INTO {t} (n) SELECT generate_series(1, 5000)');
SELECT both_stores('INSERT INTO {t} (n) SELECT generate_series(1, 500)');
ALTER TABLE tw RESET (direct_load);
-- a function that may not, but does, read in the middle; and one within a subtransaction
CREATE FUNCTION liar(int) RETURNS int STABLE LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM tw) * 0 + $1; END';
SELECT both_stores('INSERT INTO {t} (n) SELECT liar(g) FROM generate_series(1, 50) g');
CREATE FUNCTION subliar(int) RETURNS int STABLE LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM tw) * 0 + $1; EXCEPTION WHEN division_by_zero THEN RETURN 1; END';
SELECT both_stores('INSERT INTO {t} (n) SELECT subliar(g) FROM generate_series(1, 50) g');
-- an error leaves nothing, the next statement is as always
BEGIN;
SAVEPOINT s;
INSERT INTO tw (n) SELECT 100 / (20 - g) FROM generate_series(1, 30) g;
ROLLBACK TO s;
INSERT INTO tw (n) SELECT g FROM generate_series(1, 7) g;
COMMIT;
SELECT stores('tw');
DROP TABLE hw, tw, wide;
DROP FUNCTION both_stores, liar, subliar;
DROP TABLE lp, l, log;
DROP FUNCTION seen, sub_seen, note, trans, half, sqlins, stores;
