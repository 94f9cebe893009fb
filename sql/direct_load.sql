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
DROP TABLE lp, l, log;
DROP FUNCTION seen, sub_seen, note, trans, half, sqlins, stores;
