-- Row locks of chunk rows: same rows as on heap, gone with savepoints, few entries in the lock table; prepared transactions.
\getenv abs_srcdir PG_ABS_SRCDIR
\set twin :abs_srcdir '/sql/dml_twin.sql'
\set ECHO none
\i :twin
\set ECHO all

--
-- Row locks
--
SELECT twin($$CREATE TABLE l (id int PRIMARY KEY, v int); CREATE TABLE l2 (id int, v int)$$);
SELECT twin($$INSERT INTO l SELECT g, g FROM generate_series(1, 500) g; INSERT INTO l2 SELECT g, g FROM generate_series(1, 50) g$$);
SELECT squeeze();
SELECT twin($$SELECT * FROM l WHERE id = 5 FOR UPDATE$$);
SELECT twin($$SELECT * FROM l WHERE id IN (5, 6) FOR NO KEY UPDATE$$);
SELECT twin($$SELECT id FROM l WHERE id BETWEEN 7 AND 9 FOR SHARE$$);
SELECT twin($$SELECT l FROM l WHERE id BETWEEN 7 AND 9 FOR KEY SHARE NOWAIT$$);
SELECT twin($$SELECT * FROM l WHERE id BETWEEN 7 AND 9 FOR UPDATE SKIP LOCKED$$);
SELECT twin($$SELECT * FROM l JOIN l2 USING (id) WHERE id < 5 FOR UPDATE OF l FOR SHARE OF l2$$);
SELECT twin($$SELECT * FROM l LEFT JOIN l2 ON l.id = l2.id + 495 WHERE l.id > 490 FOR UPDATE OF l$$);
SELECT twin($$SELECT * FROM (SELECT * FROM l WHERE id BETWEEN 20 AND 30 FOR UPDATE) q ORDER BY id DESC LIMIT 3$$, true);
SELECT twin($$SELECT * FROM l ORDER BY v DESC, id LIMIT 3 FOR UPDATE$$, true);
SELECT twin($$SELECT * FROM l WHERE id = 100 FOR SHARE FOR UPDATE$$);
SELECT twin_error($$SELECT count(*) FROM l FOR UPDATE$$);
SELECT twin($$UPDATE l SET v = q.v + 1 FROM (SELECT * FROM l WHERE id < 5 FOR UPDATE) q WHERE q.id = l.id RETURNING l.*$$);
SELECT twin($$DELETE FROM l WHERE id IN (SELECT id FROM l WHERE id < 3 FOR UPDATE SKIP LOCKED) RETURNING *$$);
-- functions whose scans and locks take turns
SET check_function_bodies = off;
CREATE FUNCTION read_rows(n int) RETURNS SETOF int LANGUAGE sql STABLE AS $$ SELECT v FROM l WHERE id BETWEEN n AND n * 1.1 $$;
CREATE FUNCTION lock_rows(n int) RETURNS SETOF int LANGUAGE sql AS $$ SELECT v FROM l WHERE id BETWEEN n AND n * 1.1 FOR UPDATE $$;
RESET check_function_bodies;
SET enable_seqscan = off;
SELECT twin('SELECT read_rows(20), read_rows(60), read_rows(40)');
SELECT twin('SELECT lock_rows(20), lock_rows(60), lock_rows(40)');
SELECT twin('SELECT lock_rows(60), read_rows(20), lock_rows(40), g FROM generate_series(1, 2) g');
SELECT twin('SELECT (SELECT lock_rows(10 + g) LIMIT 1), read_rows(10 + g) FROM generate_series(1, 10) g LIMIT 15');
RESET enable_seqscan;
DROP FUNCTION read_rows, lock_rows;
-- of every strength by one transaction, stronger and weaker, then changes
BEGIN;
SELECT twin($$SELECT * FROM l WHERE id = 40 FOR KEY SHARE$$);
SELECT twin($$SELECT * FROM l WHERE id = 40 FOR SHARE$$);
SELECT twin($$SELECT * FROM l WHERE id = 40 FOR NO KEY UPDATE$$);
SELECT twin($$SELECT * FROM l WHERE id = 40 FOR UPDATE$$);
SELECT twin($$SELECT * FROM l WHERE id = 40 FOR KEY SHARE$$);
SELECT twin($$UPDATE l SET v = 0 WHERE id = 40 RETURNING *$$);
SELECT twin($$SELECT * FROM l WHERE id = 40 FOR UPDATE$$);
SELECT twin($$UPDATE l SET id = -40 WHERE id = 40 RETURNING *$$);
SELECT twin($$DELETE FROM l WHERE id = -40 RETURNING *$$);
SELECT twin($$SELECT * FROM l WHERE id = 40 FOR UPDATE$$);
COMMIT;
-- locks of a savepoint go with it
CREATE FUNCTION row_locks() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'tuple' $$;
BEGIN;
SELECT count(*) FROM (SELECT * FROM dml_t.l WHERE id = 50 FOR UPDATE) q;
SAVEPOINT a;
SELECT count(*) FROM (SELECT * FROM dml_t.l WHERE id BETWEEN 51 AND 60 FOR UPDATE) q;
SELECT row_locks() BETWEEN 1 AND 11;
SAVEPOINT b;
SELECT count(*) FROM (SELECT * FROM dml_t.l WHERE id BETWEEN 55 AND 300 FOR UPDATE) q;
ROLLBACK TO b;
SELECT row_locks() BETWEEN 1 AND 11;
ROLLBACK TO a;
SELECT row_locks() <= 1;
SELECT twin($$UPDATE l SET v = 1 WHERE id BETWEEN 50 AND 70$$);
COMMIT;
SELECT row_locks();
-- changes keep no lock of a row
BEGIN;
SELECT twin($$UPDATE l SET v = 1 WHERE id BETWEEN 50 AND 270$$);
SELECT twin($$DELETE FROM l WHERE id BETWEEN 271 AND 300$$);
SELECT row_locks();
COMMIT;
-- 20,000 rows of several chunks
SELECT twin($$INSERT INTO l SELECT g, g FROM generate_series(1001, 11000) g$$);
SELECT squeeze();
SELECT twin($$INSERT INTO l SELECT g, g FROM generate_series(11001, 21000) g$$);
SELECT squeeze();
BEGIN;
SELECT count(*) FROM (SELECT * FROM dml_t.l FOR UPDATE) q;
SELECT count(*) < 1500 FROM pg_locks WHERE pid = pg_backend_pid();
COMMIT;
BEGIN;
SELECT count(*) FROM (SELECT * FROM dml_t.l FOR KEY SHARE) q;
SELECT count(*) < 1500 FROM pg_locks WHERE pid = pg_backend_pid();
SELECT count(*) FROM (SELECT * FROM dml_t.l FOR SHARE) q;
SELECT count(*) FROM (SELECT * FROM dml_t.l FOR NO KEY UPDATE) q;
SELECT count(*) < 1500 FROM pg_locks WHERE pid = pg_backend_pid();
SELECT twin('UPDATE l SET v = 0 WHERE id > 1000 AND id % 4 = 0');
SELECT count(*) < 1500 FROM pg_locks WHERE pid = pg_backend_pid();
ROLLBACK;
-- one by one, in savepoints
CREATE FUNCTION lock_each() RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1001..4000 LOOP
		PERFORM 1 FROM dml_t.l WHERE id = i FOR UPDATE;
		IF i % 100 = 0 THEN
			BEGIN
				PERFORM 1 FROM dml_t.l WHERE id BETWEEN i + 10000 AND i + 10050 FOR UPDATE;
				RAISE EXCEPTION 'undo';
			EXCEPTION WHEN OTHERS THEN NULL;
			END;
		END IF;
	END LOOP;
	RETURN (SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid());
END $$;
BEGIN;
SELECT lock_each() < 1500;
SELECT lock_each() < 1500;
COMMIT;
SELECT row_locks();
DROP FUNCTION row_locks, lock_each;
SELECT sound();
DROP TABLE dml_h.l, dml_t.l, dml_h.l2, dml_t.l2;

--
-- Prepared transactions
--
SELECT twin($$CREATE TABLE pr (id int, v int)$$);
SELECT twin($$INSERT INTO pr SELECT g, g FROM generate_series(1, 300) g$$);
SELECT squeeze();
BEGIN;
SELECT twin('UPDATE pr SET v = 200 WHERE id BETWEEN 1 AND 4');
SELECT twin('DELETE FROM pr WHERE id BETWEEN 20 AND 30');
SELECT twin('SELECT * FROM pr WHERE id IN (40, 41) FOR UPDATE');
PREPARE TRANSACTION 'dml_first';
SELECT twin('SELECT count(*), sum(v) FROM pr');
SELECT twin_error('SELECT * FROM pr WHERE id = 1 FOR UPDATE NOWAIT');
SELECT twin_error('SELECT * FROM pr WHERE id = 21 FOR KEY SHARE NOWAIT');
SELECT twin_error('SELECT * FROM pr WHERE id = 40 FOR SHARE NOWAIT');
SELECT twin_error('SELECT id FROM pr WHERE id IN (3, 25, 41, 42) FOR UPDATE SKIP LOCKED');
COMMIT PREPARED 'dml_first';
SELECT twin('SELECT count(*), sum(v) FROM pr');
SELECT squeeze();
BEGIN;
SELECT twin('DELETE FROM pr');
PREPARE TRANSACTION 'dml_second';
SELECT twin('SELECT count(*), sum(v) FROM pr');
ROLLBACK PREPARED 'dml_second';
SELECT twin('SELECT count(*), sum(v) FROM pr');
SELECT twin('UPDATE pr SET v = 0');
SELECT squeeze();
SELECT sound();

DROP TABLE dml_h.pr, dml_t.pr;
