-- Constraints over chunk rows: keys, exclusion, CHECK, foreign keys with all actions, ON CONFLICT; immediate and deferred.
\getenv abs_srcdir PG_ABS_SRCDIR
\set twin :abs_srcdir '/sql/dml_twin.sql'
\set ECHO none
\i :twin
\set ECHO all

--
-- Keys
--
SELECT twin($$CREATE TABLE k (id int PRIMARY KEY, u int UNIQUE, n int, v int DEFAULT 0, UNIQUE NULLS NOT DISTINCT (n, u))$$);
SELECT twin($$INSERT INTO k SELECT g, g, CASE WHEN g % 2 = 0 THEN g END, 0 FROM generate_series(1, 600) g$$);
SELECT squeeze();
SELECT twin_error($$INSERT INTO k VALUES (5, 5000)$$);
SELECT twin_error($$INSERT INTO k VALUES (5000, 5)$$);
SELECT twin_error($$INSERT INTO k VALUES (5001, 5001), (6, 5002)$$);
SELECT twin_error($$INSERT INTO k SELECT g, g FROM generate_series(600, 700) g$$);
SELECT twin_error($$INSERT INTO k (id) VALUES (NULL)$$);
SELECT twin_error($$UPDATE k SET id = 6 WHERE id = 5$$);
SELECT twin_error($$UPDATE k SET u = NULL, id = 7 WHERE id = 5$$);
SELECT twin_error($$UPDATE k SET id = NULL WHERE id = 5$$);
SELECT twin_error($$UPDATE k SET id = id + 1$$);
SELECT twin_error($$UPDATE k SET u = 1$$);
SELECT twin($$UPDATE k SET id = id + 1000$$);
SELECT twin($$UPDATE k SET id = id - 1000 WHERE id <= 1300$$);
SELECT squeeze();
SELECT twin($$UPDATE k SET id = id - 1000 WHERE id > 1000$$);
-- a key that its row has left, or that was deleted, is free
SELECT twin($$DELETE FROM k WHERE id = 10; INSERT INTO k VALUES (10, 10, NULL, 1)$$);
SELECT twin($$UPDATE k SET id = -11 WHERE id = 11; INSERT INTO k VALUES (11, -11, NULL, 1)$$);
SELECT twin_error($$INSERT INTO k VALUES (-11, 77777)$$);
BEGIN;
SELECT twin($$DELETE FROM k WHERE id = 12$$);
SELECT twin($$INSERT INTO k VALUES (12, 12, NULL, 1)$$);
SELECT twin_error($$INSERT INTO k VALUES (12, -12, NULL, 1)$$);
ROLLBACK;
SELECT twin_error($$INSERT INTO k VALUES (12, -12, NULL, 1)$$);
BEGIN;
SAVEPOINT a;
SELECT twin($$DELETE FROM k WHERE id = 13$$);
ROLLBACK TO a;
SELECT twin_error($$INSERT INTO k VALUES (13, -13, NULL, 1)$$);
SELECT twin($$UPDATE k SET id = 1013 WHERE id = 13$$);
SELECT twin($$INSERT INTO k VALUES (13, -13, NULL, 1)$$);
COMMIT;
SELECT twin_error($$WITH d AS (DELETE FROM k WHERE id = 14 RETURNING *) INSERT INTO k SELECT * FROM d RETURNING *$$);
SELECT squeeze();
SELECT twin_error($$INSERT INTO k VALUES (13, 9999, NULL, 1)$$);
SET enable_seqscan = off;
SELECT twin($$SELECT * FROM k WHERE id IN (10, 11, 12, 13, 14, -11, 1013)$$);
SELECT twin($$SELECT * FROM k WHERE u IN (10, 11, 12, 13, 14, -11, -13)$$);
SELECT twin($$SELECT count(*), sum(id) FROM k WHERE id > -1000$$);
RESET enable_seqscan;
-- NULLS NOT DISTINCT
SELECT twin($$CREATE TABLE nn (a int, b int, UNIQUE NULLS NOT DISTINCT (a, b))$$);
SELECT twin($$INSERT INTO nn VALUES (1, NULL), (NULL, 1), (NULL, NULL), (2, 2)$$);
SELECT squeeze();
SELECT twin_error($$INSERT INTO nn VALUES (NULL, NULL)$$);
SELECT twin_error($$INSERT INTO nn VALUES (1, NULL)$$);
SELECT twin_error($$UPDATE nn SET b = NULL$$);
SELECT twin($$UPDATE nn SET b = 5 WHERE a IS NULL AND b IS NULL; INSERT INTO nn VALUES (NULL, NULL)$$);
SELECT twin($$INSERT INTO nn VALUES (NULL, NULL), (3, 3) ON CONFLICT (a, b) DO UPDATE SET b = 33 RETURNING *$$);
SELECT squeeze();
DROP TABLE dml_h.nn, dml_t.nn, dml_h.k, dml_t.k;

-- deferrable: swaps, shifts, checked at the end
SELECT twin($$CREATE TABLE df (id int PRIMARY KEY DEFERRABLE, u int UNIQUE DEFERRABLE INITIALLY DEFERRED, v int)$$);
SELECT twin($$INSERT INTO df SELECT g, g, 0 FROM generate_series(1, 300) g$$);
SELECT squeeze();
SELECT twin($$UPDATE df SET id = id + 1$$);
SELECT twin($$UPDATE df SET id = CASE id WHEN 10 THEN 11 ELSE 10 END WHERE id IN (10, 11) RETURNING *$$);
SELECT squeeze();
SELECT twin($$UPDATE df SET id = 302 - id$$);
SELECT twin_error($$UPDATE df SET id = 20 WHERE id = 21$$);
BEGIN;
SELECT twin($$UPDATE df SET u = u + 1 WHERE u BETWEEN 50 AND 60$$);
SELECT twin($$UPDATE df SET u = 50 WHERE u = 61 AND id = (SELECT max(id) FROM df WHERE u = 61)$$);
SELECT twin($$SELECT count(*), count(DISTINCT u) FROM df$$);
COMMIT;
SELECT twin($$SELECT count(*), count(DISTINCT u) FROM df$$);
SELECT squeeze();
BEGIN;
UPDATE dml_h.df SET u = 70 WHERE u = 71;
SAVEPOINT a;
SET CONSTRAINTS ALL IMMEDIATE;
ROLLBACK TO a;
UPDATE dml_h.df SET u = 71 WHERE u = 70 AND id = (SELECT min(id) FROM dml_h.df WHERE u = 70);
SET CONSTRAINTS ALL IMMEDIATE;
COMMIT;
BEGIN;
UPDATE dml_t.df SET u = 70 WHERE u = 71;
SAVEPOINT a;
SET CONSTRAINTS ALL IMMEDIATE;
ROLLBACK TO a;
UPDATE dml_t.df SET u = 71 WHERE u = 70 AND id = (SELECT min(id) FROM dml_t.df WHERE u = 70);
SET CONSTRAINTS ALL IMMEDIATE;
COMMIT;
BEGIN;
INSERT INTO dml_h.df VALUES (-1, 80);
COMMIT;
BEGIN;
INSERT INTO dml_t.df VALUES (-1, 80);
COMMIT;
BEGIN;
SELECT twin($$INSERT INTO df VALUES (-1, 80)$$);
SELECT twin($$DELETE FROM df WHERE u = 80 AND id > 0$$);
COMMIT;
SELECT twin($$SELECT count(*), sum(id), sum(u) FROM df$$);
SELECT squeeze();
DROP TABLE dml_h.df, dml_t.df;

-- EXCLUDE
SELECT twin($$CREATE TABLE ex (id int, r int4range, EXCLUDE USING gist (r WITH &&), EXCLUDE USING btree (id WITH =))$$);
SELECT twin($$INSERT INTO ex SELECT g, int4range(g * 10, g * 10 + 5) FROM generate_series(1, 300) g$$);
SELECT squeeze();
SELECT twin_error($$INSERT INTO ex VALUES (1000, '[101,102]')$$);
SELECT twin_error($$INSERT INTO ex VALUES (5, '[106,107]')$$);
SELECT twin($$INSERT INTO ex VALUES (1000, '[106,107]')$$);
SELECT twin_error($$UPDATE ex SET r = '[111,112]' WHERE id = 1000$$);
SELECT twin_error($$UPDATE ex SET r = '[100,111]' WHERE id = 10$$);
SELECT twin($$UPDATE ex SET r = '[101,104]' WHERE id = 10$$);
SELECT twin($$DELETE FROM ex WHERE id = 12; INSERT INTO ex VALUES (12, '[120,129]')$$);
SELECT twin_error($$INSERT INTO ex VALUES (12, '[126,127]') ON CONFLICT DO NOTHING$$);
SELECT twin_error($$INSERT INTO ex VALUES (13, '[136,137]'), (2000, '[20000,20001]'), (2001, '[130,131]') ON CONFLICT DO NOTHING RETURNING *$$);
SELECT squeeze();
SELECT twin_error($$UPDATE ex SET id = 14 WHERE id = 15$$);
SELECT twin_error($$UPDATE ex SET r = int4range(lower(r) + 10, upper(r) + 10)$$);
SELECT twin($$UPDATE ex SET r = int4range(lower(r) + 100000, upper(r) + 100000)$$);
SELECT squeeze();
DROP TABLE dml_h.ex, dml_t.ex;

-- deferred, and by COPY
SELECT twin($$CREATE TABLE ed (id int UNIQUE DEFERRABLE INITIALLY DEFERRED, r int4range, EXCLUDE USING gist (r WITH &&) DEFERRABLE INITIALLY DEFERRED)$$);
SELECT twin($$INSERT INTO ed SELECT g, int4range(g * 10, g * 10 + 5) FROM generate_series(1, 300) g$$);
SELECT squeeze();
UPDATE dml_h.ed SET r = '[105,111]' WHERE id = 10;
UPDATE dml_t.ed SET r = '[105,111]' WHERE id = 10;
BEGIN;
SELECT twin($$UPDATE ed SET r = '[105,111]' WHERE id = 10$$);
SELECT twin($$DELETE FROM ed WHERE id = 11$$);
SELECT twin($$INSERT INTO ed VALUES (12, '[126,127]')$$);
SELECT twin($$UPDATE ed SET id = 12000 WHERE r = '[120,125)'$$);
COMMIT;
COPY dml_h.ed FROM STDIN;
5	[56,57]
\.
COPY dml_t.ed FROM STDIN;
5	[56,57]
\.
COPY dml_h.ed FROM STDIN;
7000	[51,52]
\.
COPY dml_t.ed FROM STDIN;
7000	[51,52]
\.
BEGIN;
COPY dml_h.ed FROM STDIN;
8	[86,87]
\.
COPY dml_t.ed FROM STDIN;
8	[86,87]
\.
SELECT twin($$DELETE FROM ed WHERE r = '[80,85)'$$);
COMMIT;
SELECT twin($$SELECT count(*), sum(id) FROM ed$$);
SELECT squeeze();
SELECT sound();
DROP TABLE dml_h.ed, dml_t.ed;

-- CHECK, NOT NULL, domains
CREATE DOMAIN dml_small AS int CHECK (VALUE < 1000);
SELECT twin($$CREATE TABLE ck (id int NOT NULL, a int CHECK (a > 0), b dml_small, CONSTRAINT both_of CHECK (a < b OR b IS NULL))$$);
SELECT twin($$INSERT INTO ck SELECT g, g, g + 1 FROM generate_series(1, 200) g$$);
SELECT squeeze();
SELECT twin_error($$UPDATE ck SET a = 0 WHERE id = 5$$);
SELECT twin_error($$UPDATE ck SET id = NULL WHERE id = 5$$);
SELECT twin_error($$UPDATE ck SET b = 1000 WHERE id = 5$$);
SELECT twin_error($$UPDATE ck SET a = a + 1$$);
SELECT twin($$UPDATE ck SET a = a + 1, b = b + 1$$);
SELECT squeeze();
SELECT twin_error($$ALTER TABLE ck ADD CHECK (a > 2)$$);
SELECT twin($$UPDATE ck SET a = 3, b = NULL WHERE id = 1$$);
SELECT twin($$ALTER TABLE ck ADD CHECK (a > 2) NOT VALID$$);
SELECT twin_error($$UPDATE ck SET a = 2 WHERE id = 7$$);
SELECT twin($$ALTER TABLE ck VALIDATE CONSTRAINT ck_a_check1$$);
SELECT twin_error($$ALTER TABLE ck ALTER b SET NOT NULL$$);
SELECT twin($$UPDATE ck SET b = 4 WHERE b IS NULL; ALTER TABLE ck ALTER b SET NOT NULL$$);
SELECT twin_error($$UPDATE ck SET b = NULL WHERE id = 8$$);
DROP TABLE dml_h.ck, dml_t.ck;
DROP DOMAIN dml_small;

--
-- Foreign keys: both sides in chunks, all actions
--
CREATE FUNCTION dml_family(actions text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM twin('DROP TABLE IF EXISTS child, parent');
	PERFORM twin('CREATE TABLE parent (id int PRIMARY KEY, v int, UNIQUE (id, v)); CREATE TABLE child (c int, pid int DEFAULT 1 REFERENCES parent ' || actions || ', v int)');
	PERFORM twin('INSERT INTO parent SELECT g, g FROM generate_series(1, 200) g; INSERT INTO child SELECT g, g % 100 + 1, 0 FROM generate_series(1, 300) g');
	RETURN actions;
END $$;
SELECT dml_family('');
SELECT squeeze();
SELECT twin_error('DELETE FROM parent WHERE id = 5');
SELECT twin_error('UPDATE parent SET id = 500 WHERE id = 5');
SELECT twin('UPDATE parent SET v = 5000 WHERE id = 5');
SELECT twin('DELETE FROM parent WHERE id > 150');
SELECT twin('UPDATE parent SET id = id + 100 WHERE id BETWEEN 101 AND 150');
SELECT twin_error('INSERT INTO child VALUES (1000, 9999)');
SELECT twin_error('INSERT INTO child VALUES (1000, 155)');
SELECT twin('INSERT INTO child VALUES (1000, 205), (1001, 5), (1002, NULL)');
SELECT twin_error('UPDATE child SET pid = 9999 WHERE c = 7');
SELECT twin('UPDATE child SET pid = 205 WHERE c = 7');
SELECT twin('UPDATE child SET v = 1 WHERE c = 8');
SELECT twin('DELETE FROM child WHERE pid = 9; DELETE FROM parent WHERE id = 9');
SELECT squeeze();
SELECT twin_error('DELETE FROM parent WHERE id = 205');
SELECT twin_error('TRUNCATE parent');
-- the same statement deletes both, at its end all is well or not
SELECT twin('WITH c AS (DELETE FROM child WHERE pid = 10 RETURNING pid) DELETE FROM parent WHERE id IN (SELECT pid FROM c) RETURNING *');
SELECT twin_error('WITH p AS (DELETE FROM parent WHERE id = 11 RETURNING id) INSERT INTO child SELECT 1100, id FROM p RETURNING *');
SELECT dml_family('ON DELETE CASCADE ON UPDATE CASCADE');
SELECT squeeze();
SELECT twin('DELETE FROM parent WHERE id BETWEEN 5 AND 10 RETURNING *');
SELECT twin('UPDATE parent SET id = id + 1000 WHERE id BETWEEN 15 AND 20 RETURNING *');
SELECT twin('SELECT count(*), sum(pid) FROM child');
SELECT squeeze();
SELECT twin('UPDATE parent SET id = id - 1000 WHERE id > 1000; DELETE FROM parent WHERE id = 15');
SELECT twin('UPDATE child SET v = 1 WHERE pid = 16; DELETE FROM parent WHERE id = 16');
BEGIN;
SELECT twin('DELETE FROM parent');
SELECT twin('SELECT count(*) FROM child');
SELECT chunk_rows('dml_t.parent'), chunk_rows('dml_t.child');
ROLLBACK;
SELECT chunk_rows('dml_t.parent'), (SELECT count(*) FROM dml_t.child);
SELECT twin('DELETE FROM parent');
SELECT twin('SELECT count(*) FROM child');
SELECT dml_family('ON DELETE SET NULL ON UPDATE SET NULL');
SELECT squeeze();
SELECT twin('DELETE FROM parent WHERE id BETWEEN 5 AND 10 RETURNING *');
SELECT twin('UPDATE parent SET id = id + 1000 WHERE id BETWEEN 15 AND 20 RETURNING *');
SELECT twin('SELECT count(*), count(pid), sum(pid) FROM child');
SELECT squeeze();
SELECT twin('DELETE FROM parent');
SELECT dml_family('ON DELETE SET DEFAULT ON UPDATE SET DEFAULT');
SELECT squeeze();
SELECT twin('DELETE FROM parent WHERE id BETWEEN 5 AND 10 RETURNING *');
SELECT twin('UPDATE parent SET id = id + 1000 WHERE id BETWEEN 15 AND 20 RETURNING *');
SELECT twin('SELECT pid, count(*) FROM child WHERE pid < 30 GROUP BY pid');
SELECT twin_error('DELETE FROM parent WHERE id = 1');
SELECT squeeze();
SELECT twin_error('DELETE FROM parent');
SELECT dml_family('ON DELETE RESTRICT ON UPDATE RESTRICT');
SELECT squeeze();
SELECT twin_error('DELETE FROM parent WHERE id = 5');
SELECT twin_error('UPDATE parent SET id = -5 WHERE id = 5');
SELECT twin('UPDATE parent SET v = -5 WHERE id = 5');
SELECT twin('DELETE FROM parent WHERE id = 150');
SELECT dml_family('DEFERRABLE INITIALLY DEFERRED');
SELECT squeeze();
BEGIN;
SELECT twin('DELETE FROM parent WHERE id = 5');
SELECT twin('INSERT INTO parent VALUES (5, 55)');
SELECT twin('UPDATE parent SET id = -6 WHERE id = 6');
SELECT twin('UPDATE child SET pid = -6 WHERE pid = 6');
SELECT twin('INSERT INTO child VALUES (2000, 2000)');
SELECT twin('INSERT INTO parent VALUES (2000, 0)');
COMMIT;
SELECT squeeze();
BEGIN;
DELETE FROM dml_h.parent WHERE id = 7;
COMMIT;
BEGIN;
DELETE FROM dml_t.parent WHERE id = 7;
COMMIT;
BEGIN;
UPDATE dml_h.child SET pid = 7777 WHERE c = 7;
SET CONSTRAINTS ALL IMMEDIATE;
ROLLBACK;
BEGIN;
UPDATE dml_t.child SET pid = 7777 WHERE c = 7;
SET CONSTRAINTS ALL IMMEDIATE;
ROLLBACK;
BEGIN;
SELECT twin('UPDATE child SET pid = 7777');
SELECT twin('DELETE FROM child');
COMMIT;
SELECT twin('SELECT count(*) FROM child');
-- moved by us before the check at the end
SELECT dml_family('DEFERRABLE INITIALLY DEFERRED');
SELECT squeeze();
BEGIN;
SELECT twin('UPDATE child SET pid = pid + 1 WHERE pid < 50');
SELECT twin('DELETE FROM parent WHERE id BETWEEN 120 AND 140');
SELECT tsdb.decompress('dml_t.child') > 0, tsdb.decompress('dml_t.parent') > 0;
COMMIT;
SELECT squeeze();
SELECT tsdb.recompress('dml_t.child') > 0, tsdb.recompress('dml_t.parent') > 0;
BEGIN;
DELETE FROM dml_t.parent WHERE id = 60;
SELECT tsdb.recompress('dml_t.child') >= 0;
COMMIT;
SELECT twin('SELECT count(*), sum(id) FROM parent');
DROP FUNCTION dml_family;
DROP TABLE dml_h.child, dml_t.child, dml_h.parent, dml_t.parent;
-- a table that refers to itself, several columns, MATCH FULL, SET NULL of some columns
SELECT twin($$CREATE TABLE tree (id int PRIMARY KEY, up int REFERENCES tree ON DELETE CASCADE ON UPDATE CASCADE)$$);
SELECT twin($$INSERT INTO tree SELECT g, NULLIF(g / 2, 0) FROM generate_series(1, 255) g$$);
SELECT squeeze();
SELECT twin('UPDATE tree SET id = 1004 WHERE id = 4');
SELECT twin('SELECT * FROM tree WHERE up > 1000 OR id IN (8, 9)');
SELECT twin('DELETE FROM tree WHERE id = 1004');
SELECT twin('SELECT count(*), sum(id) FROM tree');
SELECT squeeze();
SELECT twin('UPDATE tree SET id = -id');
SELECT twin('SELECT count(*), sum(id), sum(up) FROM tree');
SELECT squeeze();
SELECT twin('DELETE FROM tree WHERE id = -1');
SELECT twin('SELECT count(*) FROM tree');
DROP TABLE dml_h.tree, dml_t.tree;
SELECT twin($$CREATE TABLE pa (a int, b int, PRIMARY KEY (a, b)); CREATE TABLE pb (a int PRIMARY KEY) USING heap;
	CREATE TABLE ch (id int, a int, b int, FOREIGN KEY (a, b) REFERENCES pa ON DELETE SET NULL (b), FOREIGN KEY (b) REFERENCES pb MATCH FULL ON DELETE CASCADE)$$);
SELECT twin($$INSERT INTO pa SELECT g, g FROM generate_series(1, 100) g; INSERT INTO pb SELECT g FROM generate_series(1, 100) g; INSERT INTO ch SELECT g, g, g FROM generate_series(1, 100) g$$);
SELECT squeeze();
SELECT twin('DELETE FROM pa WHERE a < 5');
SELECT twin('DELETE FROM pb WHERE a BETWEEN 3 AND 7');
SELECT twin('SELECT * FROM ch WHERE id < 10');
SELECT squeeze();
SELECT twin_error('UPDATE ch SET b = 50 WHERE id = 8');
SELECT twin('DELETE FROM pb WHERE a BETWEEN 80 AND 90');
SELECT twin('SELECT count(*), sum(a), sum(b) FROM ch');
SELECT squeeze();
DROP TABLE dml_h.ch, dml_t.ch, dml_h.pa, dml_t.pa, dml_h.pb, dml_t.pb;
-- partitions on both sides
SELECT twin($$CREATE TABLE pp (id int PRIMARY KEY, v int) PARTITION BY RANGE (id); CREATE TABLE pp1 PARTITION OF pp FOR VALUES FROM (0) TO (100); CREATE TABLE pp2 PARTITION OF pp FOR VALUES FROM (100) TO (1000);
	CREATE TABLE pc (id int, pid int REFERENCES pp ON DELETE CASCADE ON UPDATE CASCADE) PARTITION BY HASH (pid); CREATE TABLE pc1 PARTITION OF pc FOR VALUES WITH (MODULUS 2, REMAINDER 0); CREATE TABLE pc2 PARTITION OF pc FOR VALUES WITH (MODULUS 2, REMAINDER 1)$$);
SELECT twin($$INSERT INTO pp SELECT g, g FROM generate_series(1, 199) g; INSERT INTO pc SELECT g, g FROM generate_series(1, 199) g$$);
SELECT squeeze();
SELECT twin('UPDATE pp SET id = id + 200 WHERE id BETWEEN 95 AND 105');
SELECT twin('DELETE FROM pp WHERE id BETWEEN 5 AND 10');
SELECT twin('SELECT tableoid::regclass, count(*), sum(pid) FROM pc GROUP BY 1');
SELECT squeeze();
SELECT twin_error('UPDATE pc SET pid = 5 WHERE id = 20');
SELECT twin('UPDATE pc SET pid = 21 WHERE id = 20');
SELECT twin('DELETE FROM pp WHERE id > 50');
SELECT twin('SELECT tableoid::regclass, count(*), sum(pid) FROM pc GROUP BY 1');
SELECT sound();
DROP TABLE dml_h.pc, dml_t.pc, dml_h.pp, dml_t.pp;

--
-- ON CONFLICT
--
SELECT twin($$CREATE TABLE o (id int PRIMARY KEY, v int, n int DEFAULT 0, s text, UNIQUE (v))$$);
SELECT twin($$INSERT INTO o SELECT g, g, 0, 's' || g FROM generate_series(1, 400) g$$);
SELECT squeeze();
SELECT twin($$INSERT INTO o VALUES (401, 401), (402, 402)$$);
SELECT twin($$INSERT INTO o VALUES (5, 5), (401, 401), (500, 500) ON CONFLICT DO NOTHING RETURNING *$$);
SELECT twin($$INSERT INTO o VALUES (6, 600), (402, 602), (501, 501) ON CONFLICT (id) DO NOTHING RETURNING *$$);
SELECT twin_error($$INSERT INTO o VALUES (600, 7) ON CONFLICT (id) DO NOTHING RETURNING *$$);
SELECT twin($$INSERT INTO o VALUES (8, 8, 1, 'x'), (402, 402, 1, 'y'), (502, 502, 1, 'z') ON CONFLICT (id) DO UPDATE SET n = o.n + excluded.n + 1, s = o.s || excluded.s RETURNING *$$);
SELECT twin($$INSERT INTO o VALUES (8, 8, 1, 'x'), (402, 402, 1, 'y'), (502, 502, 1, 'z') ON CONFLICT (id) DO UPDATE SET n = o.n + excluded.n + 1, s = o.s || excluded.s RETURNING *$$);
SELECT squeeze();
SELECT twin($$INSERT INTO o SELECT g, g, 1 FROM generate_series(390, 410) g ON CONFLICT (id) DO UPDATE SET n = excluded.n WHERE o.id % 2 = 0 RETURNING *$$);
SELECT twin($$INSERT INTO o AS t VALUES (9, 9) ON CONFLICT ON CONSTRAINT o_v_key DO UPDATE SET id = t.id + 10000, (n, s) = (SELECT 7, max(s) FROM o) RETURNING *$$);
SELECT twin($$INSERT INTO o VALUES (10, 10) ON CONFLICT (v) DO UPDATE SET v = DEFAULT RETURNING *$$);
SELECT twin_error($$INSERT INTO o VALUES (11, 11) ON CONFLICT (id) DO UPDATE SET v = 12$$);
SELECT twin_error($$INSERT INTO o VALUES (13, 13), (13, 1300) ON CONFLICT (id) DO UPDATE SET n = 1$$);
SELECT twin_error($$INSERT INTO o VALUES (700, 700), (700, 701) ON CONFLICT (id) DO UPDATE SET n = 1$$);
SELECT twin($$INSERT INTO o VALUES (14, 14), (14, 1400) ON CONFLICT DO NOTHING$$);
SELECT twin($$INSERT INTO o VALUES (15, 15) ON CONFLICT (id) DO UPDATE SET n = 5 WHERE false RETURNING *$$);
-- in one transaction
BEGIN;
SELECT twin($$INSERT INTO o VALUES (20, 20) ON CONFLICT (id) DO UPDATE SET n = o.n + 1 RETURNING *$$);
SELECT twin($$INSERT INTO o VALUES (20, 20) ON CONFLICT (id) DO UPDATE SET n = o.n + 1 RETURNING *$$);
SAVEPOINT a;
SELECT twin($$INSERT INTO o VALUES (20, 20), (21, 21) ON CONFLICT (id) DO UPDATE SET n = o.n + 1 RETURNING *$$);
SELECT twin($$DELETE FROM o WHERE id IN (20, 21, 22)$$);
SELECT twin($$INSERT INTO o VALUES (20, 20), (21, 21), (22, 22) ON CONFLICT (id) DO UPDATE SET n = o.n + 1 RETURNING *$$);
ROLLBACK TO a;
SELECT twin($$INSERT INTO o VALUES (20, 20), (21, 21), (22, 22) ON CONFLICT (id) DO UPDATE SET n = o.n + 1 RETURNING *$$);
COMMIT;
SELECT squeeze();
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT twin($$INSERT INTO o VALUES (20, 20), (23, 23), (623, 623) ON CONFLICT (id) DO UPDATE SET n = o.n + 1 RETURNING *$$);
SELECT twin($$INSERT INTO o VALUES (20, 20), (23, 23), (623, 623) ON CONFLICT (id) DO UPDATE SET n = o.n + 1 RETURNING *$$);
COMMIT;
SELECT twin($$WITH u AS (INSERT INTO o VALUES (30, 30), (630, 630) ON CONFLICT (id) DO UPDATE SET n = 30 RETURNING *) UPDATE o SET s = 'after' FROM u WHERE o.id = u.id + 1 RETURNING o.*, u.*$$);
-- beside other changes of the same statement
SELECT twin_error($$WITH d AS (DELETE FROM o WHERE id = 32 RETURNING *) INSERT INTO o SELECT id, v, 99 FROM d ON CONFLICT (id) DO UPDATE SET n = 1 RETURNING *$$);
SELECT twin_error($$WITH u AS (UPDATE o SET n = 9 WHERE id = 33 RETURNING *) INSERT INTO o SELECT id, v, 99 FROM u ON CONFLICT (id) DO UPDATE SET n = 1 RETURNING *$$);
SELECT twin_error($$WITH u AS (UPDATE o SET n = 9 WHERE id = 34 RETURNING *) INSERT INTO o SELECT id, v, 99 FROM u ON CONFLICT (id) DO NOTHING RETURNING *$$);
SELECT twin_error($$WITH u AS (UPDATE o SET id = -35 WHERE id = 35 RETURNING *) INSERT INTO o SELECT -id, NULL, 99 FROM u ON CONFLICT (id) DO UPDATE SET n = 1 RETURNING *$$);
SELECT twin_error($$WITH i AS (INSERT INTO o VALUES (36, 36) ON CONFLICT (id) DO UPDATE SET n = 36 RETURNING *) DELETE FROM o USING i WHERE o.id = i.id RETURNING o.*$$);
-- in a loop
CREATE FUNCTION upsert(i int, by_exception boolean) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	IF NOT by_exception THEN
		INSERT INTO o (id, v, n) VALUES (i, i, 1) ON CONFLICT (id) DO UPDATE SET n = o.n + 1;
		RETURN 'merged';
	END IF;
	LOOP
		UPDATE o SET n = n + 1 WHERE id = i;
		IF found THEN RETURN 'updated'; END IF;
		BEGIN
			INSERT INTO o (id, v, n) VALUES (i, i, 1);
			RETURN 'inserted';
		EXCEPTION WHEN unique_violation THEN
			NULL;
		END;
	END LOOP;
END $$;
SELECT twin('SELECT count(upsert(g, false)) FROM generate_series(50, 150) g');
SELECT twin('SELECT upsert(g % 20 + 640, true), count(*) FROM generate_series(1, 60) g GROUP BY 1');
SELECT squeeze();
SELECT twin('SELECT count(upsert(g, false)) FROM generate_series(100, 200) g');
SELECT twin('SELECT upsert(g % 40 + 640, true), count(*) FROM generate_series(1, 60) g GROUP BY 1');
SELECT twin('SELECT count(upsert(100, false)), count(upsert(101, true)) FROM generate_series(1, 50)');
SELECT squeeze();
DROP FUNCTION upsert;
SELECT twin($$SELECT count(*), sum(id), sum(v), sum(n) FROM o$$);
SELECT twin($$INSERT INTO o SELECT id, v, 100, s FROM o ON CONFLICT (id) DO UPDATE SET n = o.n + excluded.n$$);
SELECT twin($$SELECT count(*), sum(id), sum(v), sum(n) FROM o$$);
SELECT squeeze();
-- partial and expression indexes, views, partitions
SELECT twin($$CREATE UNIQUE INDEX o_part ON o (s) WHERE n > 1000; CREATE UNIQUE INDEX o_expr ON o ((-id)); CREATE VIEW ov AS SELECT id, v, n FROM o WHERE id < 300$$);
SELECT twin($$UPDATE o SET n = 2000 WHERE id BETWEEN 160 AND 165$$);
SELECT squeeze();
SELECT twin($$INSERT INTO o VALUES (800, 800, 1001, 's160') ON CONFLICT (s) WHERE n > 1000 DO UPDATE SET n = 3000 RETURNING *$$);
SELECT twin_error($$INSERT INTO o VALUES (801, 801, 1001, 's161')$$);
SELECT twin($$INSERT INTO o VALUES (801, 801, 5, 's161')$$);
SELECT twin($$INSERT INTO o VALUES (162, 802, 0) ON CONFLICT ((-id)) DO UPDATE SET s = 'by expression' RETURNING *$$);
SELECT twin($$INSERT INTO ov VALUES (163, 803), (803, 803) ON CONFLICT (id) DO UPDATE SET n = excluded.v RETURNING *$$);
SELECT squeeze();
SELECT sound();
SET enable_seqscan = off;
SELECT twin($$SELECT count(*), sum(id), sum(n) FROM o WHERE id > -100$$);
SELECT twin($$SELECT id, s FROM o WHERE s > '' AND n > 1000$$);
RESET enable_seqscan;
DROP TABLE dml_h.o, dml_t.o CASCADE;
SELECT twin($$CREATE TABLE op (id int PRIMARY KEY, v int) PARTITION BY RANGE (id); CREATE TABLE op1 PARTITION OF op FOR VALUES FROM (0) TO (100); CREATE TABLE op2 (v int, id int NOT NULL); ALTER TABLE op ATTACH PARTITION op2 FOR VALUES FROM (100) TO (200)$$);
SELECT twin($$INSERT INTO op SELECT g, g FROM generate_series(1, 150) g$$);
SELECT squeeze();
SELECT twin($$INSERT INTO op SELECT g, 1 FROM generate_series(95, 105) g ON CONFLICT (id) DO UPDATE SET v = op.v + 1000 WHERE op.id % 2 = 0 RETURNING tableoid::regclass, *$$);
SELECT twin_error($$INSERT INTO op VALUES (50, 1) ON CONFLICT (id) DO UPDATE SET id = 150$$);
SELECT twin_error($$INSERT INTO op VALUES (50, 1) ON CONFLICT (id) DO UPDATE SET id = 151$$);
SELECT twin_error($$UPDATE op SET id = 120 WHERE id = 50$$);
SELECT twin($$UPDATE op SET id = 151 WHERE id = 50$$);
SELECT squeeze();
SELECT twin($$SELECT tableoid::regclass, count(*), sum(id), sum(v) FROM op GROUP BY 1$$);
DROP TABLE dml_h.op, dml_t.op;
-- triggers and generated columns with ON CONFLICT
SELECT twin($$CREATE TABLE og (id int PRIMARY KEY, v int, g int GENERATED ALWAYS AS (v * 2) STORED, s text); CREATE TABLE seen (what text)$$);
SELECT twin($$INSERT INTO og SELECT g, g FROM generate_series(1, 100) g$$);
SELECT squeeze();
CREATE FUNCTION seen() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO seen VALUES (TG_WHEN || ' ' || TG_OP || ' ' || coalesce(OLD::text, '') || coalesce(NEW::text, '')); RETURN NEW; END $$;
SELECT twin($$CREATE TRIGGER b BEFORE INSERT OR UPDATE ON og FOR EACH ROW EXECUTE FUNCTION seen(); CREATE TRIGGER a AFTER INSERT OR UPDATE ON og FOR EACH ROW EXECUTE FUNCTION seen()$$);
SELECT twin($$INSERT INTO og VALUES (5, 50, DEFAULT, 's'), (105, 105, DEFAULT, 's') ON CONFLICT (id) DO UPDATE SET v = excluded.v + og.g, s = excluded.s || excluded.g RETURNING *$$);
SELECT twin($$INSERT INTO og VALUES (6, 60), (7, 70) ON CONFLICT DO NOTHING$$);
SELECT twin($$SELECT * FROM seen$$);
SELECT squeeze();
SELECT sound();
DROP TABLE dml_h.og, dml_t.og, dml_h.seen, dml_t.seen;
DROP FUNCTION seen;
