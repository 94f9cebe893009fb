-- DELETE, UPDATE, MERGE and cursors change rows of chunks as rows of heap: every kind of statement on both, results compared.
\getenv abs_srcdir PG_ABS_SRCDIR
\set twin :abs_srcdir '/sql/dml_twin.sql'
\set ECHO none
\i :twin
\set ECHO all

--
-- DELETE
--
SELECT twin($$CREATE TABLE x (t timestamptz NOT NULL, id int, s text, v float8)$$);
ALTER TABLE dml_t.x SET (segmentby = 's', orderby = 't');
SELECT twin($$INSERT INTO x SELECT '2026-01-01+00'::timestamptz + g * interval '1 min', g, 's' || g % 3, g / 10.0 FROM generate_series(1, 1200) g$$);
SELECT squeeze();
SELECT twin($$DELETE FROM x WHERE id = 7$$);
SELECT twin($$DELETE FROM x WHERE id = 7$$);
SELECT twin($$DELETE FROM x WHERE id % 100 = 1 RETURNING *$$);
SELECT twin($$DELETE FROM x WHERE s = 's1' AND t < '2026-01-01 02:00+00' RETURNING id, x.*, x$$);
SELECT twin($$DELETE FROM x USING (VALUES (300), (301), (302)) AS d(id) WHERE x.id = d.id RETURNING d.id, v$$);
SELECT twin($$DELETE FROM x USING x y WHERE x.id = y.id + 1 AND y.id BETWEEN 400 AND 402$$);
SELECT twin($$DELETE FROM x WHERE v > (SELECT max(v) - 0.55 FROM x)$$);
SELECT twin($$DELETE FROM x WHERE NOT EXISTS (SELECT 1 FROM x y WHERE y.id = x.id - 1)$$);
SELECT twin($$DELETE FROM x WHERE ctid = ANY (ARRAY(SELECT ctid FROM x WHERE id IN (500, 510)))$$);
SELECT twin($$DELETE FROM x WHERE ctid IN (SELECT ctid FROM x ORDER BY t LIMIT 5 FOR UPDATE SKIP LOCKED) RETURNING id$$);
SELECT twin($$UPDATE x SET v = v * 2 FROM (SELECT ctid AS row_of, id FROM x WHERE id BETWEEN 520 AND 530) q WHERE x.ctid = q.row_of RETURNING x.id, q.id, v$$);
SELECT twin($$DELETE FROM x WHERE ctid = (SELECT min(ctid) FROM x WHERE id = 531) RETURNING id$$);
SELECT twin($$DELETE FROM x WHERE false$$);
SELECT squeeze();
-- system columns of deleted rows
SELECT twin($$DELETE FROM x WHERE id IN (600, 601) RETURNING tableoid::regclass, ctid IS NOT NULL, xmin <> 0, xmax = pg_current_xact_id()::xid, id$$);
-- what indexes find
SELECT twin($$CREATE UNIQUE INDEX x_id ON x (id); CREATE INDEX x_st ON x (s, t)$$);
SET enable_seqscan = off;
SELECT twin($$DELETE FROM x WHERE id BETWEEN 610 AND 615 RETURNING id$$);
SELECT twin($$SELECT count(*), sum(id) FROM x WHERE id BETWEEN 590 AND 630$$);
SELECT twin($$SELECT id FROM x WHERE id BETWEEN 608 AND 618$$);
SET enable_indexscan = off; SET enable_indexonlyscan = off;
SELECT twin($$DELETE FROM x WHERE s = 's2' AND t BETWEEN '2026-01-01 11:00+00' AND '2026-01-01 11:20+00' RETURNING id$$);
SELECT twin($$SELECT count(*), sum(id) FROM x WHERE s = 's2' AND t BETWEEN '2026-01-01 10:00+00' AND '2026-01-01 12:00+00'$$);
RESET enable_seqscan; RESET enable_indexscan; RESET enable_indexonlyscan;
-- in and after a transaction
BEGIN;
SELECT twin($$DELETE FROM x WHERE id % 2 = 0$$);
SELECT twin($$SELECT count(*), sum(id) FROM x$$);
ROLLBACK;
SELECT twin($$SELECT count(*), sum(id) FROM x$$);

--
-- UPDATE
--
SELECT twin($$UPDATE x SET v = -v WHERE id = 701$$);
SELECT twin($$UPDATE x SET v = -v WHERE id BETWEEN 695 AND 705 RETURNING id, v$$);
SELECT twin($$UPDATE x SET v = v + 1, s = 'new' || s, t = t + interval '1 day' WHERE id % 50 = 3 RETURNING x, tableoid::regclass$$);
SELECT twin($$UPDATE x SET (s, v) = (SELECT 'sub', count(*) FROM x y WHERE y.id < x.id) WHERE id IN (710, 720) RETURNING *$$);
SELECT twin($$UPDATE x SET v = y.v FROM x y WHERE y.id = x.id + 1 AND x.id BETWEEN 730 AND 740 RETURNING x.id, x.v, y.v$$);
SELECT twin($$UPDATE x a SET v = NULL, s = DEFAULT WHERE id = 750 RETURNING a.*$$);
SELECT twin($$UPDATE x SET id = -id WHERE id BETWEEN 760 AND 765$$);
-- several matches change a row once
SELECT twin($$UPDATE x SET v = d.v FROM (VALUES (770, 1.5), (770, 1.5), (771, 2.5), (771, 2.5)) AS d(id, v) WHERE d.id = x.id RETURNING x.id, x.v$$);
SELECT twin($$DELETE FROM x USING generate_series(1, 3) g WHERE x.id = 772 RETURNING x.id$$);
SELECT squeeze();
-- in place of itself, all of it, twice
SELECT twin($$UPDATE x SET id = id$$);
SELECT squeeze();
SELECT twin($$UPDATE x SET id = id + 10000$$);
SELECT twin($$UPDATE x SET id = id - 10000$$);
SELECT squeeze();
SET enable_seqscan = off;
SELECT twin($$SELECT id FROM x WHERE id > 0 ORDER BY id$$, true);
SELECT twin($$SELECT id FROM x ORDER BY s, t$$, true);
RESET enable_seqscan;
SELECT sound();
SELECT tsdb.recompress('dml_t.x') > 0;
SELECT twin($$SELECT count(*), sum(id), sum(v::numeric) FROM x$$);
SELECT chunk_rows('dml_t.x') = (SELECT count(*) FROM dml_t.x);
SELECT sound();
DROP TABLE dml_h.x, dml_t.x;

-- all types: each row gets the next one's values, column by column
CREATE TYPE dml_mood AS ENUM ('sad', 'ok', 'happy');
CREATE TYPE dml_pair AS (a int, b text);
CREATE DOMAIN dml_posint AS int CHECK (VALUE > 0);
SELECT twin($$CREATE TABLE ty (id int, b bool, ch "char", i2 int2, i8 int8, f4 float4, f8 float8, n numeric, n2 numeric(12,3), tx text, vc varchar(12), bp char(6),
	nm name, by bytea, d date, tm time, tmz timetz, ts timestamp, tz timestamptz, iv interval, u uuid, ip inet, ci cidr, mac macaddr, bt bit(5), vb varbit,
	js json, jb jsonb, p point, bx box, r int4range, mr int8multirange, tsv tsvector, o oid, lsn pg_lsn, e dml_mood, pr dml_pair, po dml_posint, ia int[], ta text[][])$$);
SELECT twin($$INSERT INTO ty SELECT g, g % 2 = 0, chr(60 + g % 50)::"char", g, g * 10000000000, g / 3.0, CASE g % 4 WHEN 0 THEN 'NaN' WHEN 1 THEN '-0' ELSE g / 7.0 END, g / 7.0, g / 9.0,
	repeat('text', g % 30), left(md5(g::text), g % 12), g, 'name' || g, decode(md5(g::text), 'hex'), '2026-01-01'::date + g, '01:00'::time + g * interval '1 s', '02:00+03'::timetz + g * interval '1 s',
	'2026-01-01'::timestamp + g * interval '1 h', '2026-01-01+00'::timestamptz + g * interval '1 h', g * interval '1 day 1 s', md5(g::text)::uuid, ('10.1.1.' || g % 250)::inet, '10.2.0.0/16',
	'08:00:2b:01:02:03', (g % 32)::bit(5), (g % 32)::bit(7)::varbit, json_build_object('k', g), jsonb_build_object('k', g, 's', repeat('x', g % 9)), point(g, -g), box(point(g, g), point(0, 0)),
	int4range(g, g + 3), int8multirange(int8range(g, g + 1)), to_tsvector('simple', 'w' || g), g, ('0/' || to_hex(g))::pg_lsn, (ARRAY['sad', 'ok', 'happy'])[1 + g % 3]::dml_mood,
	ROW(g, 'p')::dml_pair, g, ARRAY[g, NULL, g + 1], ARRAY[ARRAY['a', g::text]] FROM generate_series(1, 300) g$$);
SELECT twin($$INSERT INTO ty (id) SELECT g FROM generate_series(301, 320) g$$);
SELECT squeeze();
CREATE FUNCTION all_types() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE col text; res text;
BEGIN
	FOR col IN SELECT attname FROM pg_attribute WHERE attrelid = 'dml_h.ty'::regclass AND attnum > 1 ORDER BY attnum LOOP
		res := twin(format('UPDATE ty SET %1$I = y.%1$I FROM ty y WHERE y.id = ty.id %% 320 + 1 AND ty.id %% 3 <> 0 RETURNING ty', col));
		IF res NOT LIKE 'equal: 214 %' THEN
			RETURN NEXT col || ' ' || res;
		END IF;
	END LOOP;
	RETURN NEXT 'all types';
END $$;
SELECT all_types();
SELECT squeeze();
SELECT twin($$SELECT * FROM ty ORDER BY id$$, true);
-- only some columns, to NULL and back
SELECT twin($$UPDATE ty SET b = NULL, f8 = NULL, jb = NULL, ta = NULL, pr = NULL, po = NULL, n = NULL WHERE id <= 100$$);
SELECT squeeze();
SELECT twin($$UPDATE ty SET b = true, f8 = 1, jb = '[]', ta = '{}', pr = (1, 'one'), po = 1, n = 1e100 WHERE id <= 50$$);
SELECT squeeze();
-- parts of values
SELECT twin($$UPDATE ty SET ia[2] = 22, ia[5] = id, pr.b = 'part', jb = jb || to_jsonb(id) WHERE id BETWEEN 20 AND 30 RETURNING ia, pr, jb$$);
SELECT twin_error($$UPDATE ty SET po = -po WHERE id = 25$$);
SELECT twin_error($$UPDATE ty SET vc = repeat('z', 13) WHERE id = 25$$);
SELECT twin_error($$UPDATE ty SET i2 = 70000 WHERE id = 25$$);
SELECT squeeze();
SELECT sound();
DROP FUNCTION all_types;
DROP TABLE dml_h.ty, dml_t.ty;

-- long values: out of line on heap, then in chunks, then changed, or left alone by a change beside them
SELECT twin($$CREATE TABLE big (id int, a text, b text, c bytea, n int)$$);
SELECT twin($$ALTER TABLE big ALTER b SET STORAGE EXTERNAL, ALTER c SET STORAGE EXTENDED$$);
SELECT twin($$INSERT INTO big SELECT g, (SELECT string_agg(md5((g * i)::text), '') FROM generate_series(1, 100) i), repeat('b' || g, 1500), decode(repeat(md5(g::text), 90), 'hex'), 0 FROM generate_series(1, 40) g$$);
SELECT squeeze();
SELECT twin($$UPDATE big SET n = n + 1 WHERE id % 2 = 0 RETURNING id, length(a), length(b), length(c)$$);
SELECT twin($$UPDATE big SET a = a || 'x' WHERE id % 3 = 0$$);
SELECT twin($$UPDATE big SET b = y.a, a = y.b FROM big y WHERE y.id = big.id + 1 AND big.id % 5 = 0$$);
SELECT twin($$DELETE FROM big WHERE id % 7 = 0 RETURNING md5(big::text)$$);
SELECT squeeze();
SELECT twin($$UPDATE big SET a = NULL, c = '' WHERE id % 4 = 1$$);
SELECT twin($$UPDATE big SET a = repeat(md5(id::text), 9000) WHERE id IN (2, 3)$$);
SELECT squeeze();
SELECT twin($$UPDATE big SET n = 5 WHERE id <= 6$$);
BEGIN;
SELECT twin($$UPDATE big SET c = c || c$$);
SELECT twin($$UPDATE big SET c = c || c, n = length(c)$$);
ROLLBACK;
SELECT twin($$SELECT id, md5(big::text) FROM big$$);
SELECT sound();
DROP TABLE dml_h.big, dml_t.big;

-- columns dropped and added, defaults, generated and identity columns
SELECT twin($$CREATE TABLE co (gone1 int, id int, a int, gone2 text, b int DEFAULT 5, s int GENERATED ALWAYS AS (a + b) STORED, c text)$$);
SELECT twin($$INSERT INTO co (gone1, id, a, gone2, c) SELECT g, g, g * 2, 'gone', 'c' || g FROM generate_series(1, 100) g$$);
SELECT squeeze();
SELECT twin($$ALTER TABLE co DROP COLUMN gone1, DROP COLUMN gone2, ADD COLUMN d int, ADD COLUMN e text DEFAULT 'added', ADD COLUMN f int NOT NULL DEFAULT 42$$);
SELECT twin($$UPDATE co SET a = a + 1 WHERE id <= 5 RETURNING *$$);
SELECT twin($$UPDATE co SET b = DEFAULT, e = DEFAULT, s = DEFAULT, f = 1 WHERE id IN (6, 7) RETURNING *$$);
SELECT twin_error($$UPDATE co SET s = 1 WHERE id = 8$$);
SELECT twin_error($$UPDATE co SET f = NULL WHERE id = 8$$);
SELECT twin($$DELETE FROM co WHERE id = 9 RETURNING *$$);
SELECT squeeze();
SELECT twin($$ALTER TABLE co DROP COLUMN c, ALTER b SET DEFAULT 6, ALTER e SET DEFAULT 'other', ADD COLUMN g numeric DEFAULT 1.50$$);
SELECT twin($$UPDATE co SET d = id, b = DEFAULT, e = DEFAULT WHERE id % 3 = 0 AND id < 15 RETURNING *$$);
SELECT twin($$UPDATE co SET d = g WHERE id = 90 RETURNING *$$);
SELECT squeeze();
SELECT twin($$UPDATE co SET a = NULL WHERE id IN (6, 50) RETURNING *$$);
SELECT twin($$ALTER TABLE co ALTER d TYPE numeric(20,2), ALTER id TYPE text$$);
SELECT squeeze();
SELECT twin($$UPDATE co SET d = 3000000000, id = id || '!' WHERE id IN ('6', '50', '51') RETURNING *$$);
SELECT twin($$SELECT * FROM co$$);
SELECT sound();
DROP TABLE dml_h.co, dml_t.co;
SELECT twin($$CREATE TABLE ident (id int GENERATED ALWAYS AS IDENTITY, x int)$$);
SELECT twin($$INSERT INTO ident (x) SELECT g FROM generate_series(1, 50) g$$);
SELECT squeeze();
SELECT twin($$UPDATE ident SET id = DEFAULT WHERE x = 3$$);
SELECT twin_error($$UPDATE ident SET id = 1 WHERE x = 5$$);
SELECT twin($$SELECT * FROM ident$$);
DROP TABLE dml_h.ident, dml_t.ident;

--
-- MERGE
--
SELECT twin($$CREATE TABLE m (id int, v int, note text); CREATE TABLE src (id int, v int)$$);
SELECT twin($$INSERT INTO m SELECT g, g * 10, 'old' FROM generate_series(1, 300) g; INSERT INTO src SELECT g, g FROM generate_series(291, 310) g$$);
SELECT squeeze();
SELECT twin($$MERGE INTO m USING src ON m.id = src.id
	WHEN MATCHED AND src.id % 3 = 0 THEN DELETE
	WHEN MATCHED AND src.id % 3 = 1 THEN UPDATE SET v = m.v + src.v, note = 'merged'
	WHEN MATCHED THEN DO NOTHING
	WHEN NOT MATCHED AND src.id < 305 THEN INSERT VALUES (src.id, src.v, 'new')
	WHEN NOT MATCHED AND src.id = 305 THEN INSERT (id, note) VALUES (DEFAULT, 'default')
	WHEN NOT MATCHED THEN DO NOTHING$$);
SELECT twin($$SELECT * FROM m WHERE id > 288 OR id IS NULL$$);
SELECT squeeze();
-- the rows of the target as source
SELECT twin($$MERGE INTO m USING m s ON m.id = s.id + 1 WHEN MATCHED AND s.id % 2 = 0 THEN UPDATE SET v = s.v WHEN MATCHED AND s.id < 10 THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (-s.id, s.v, 'unmatched')$$);
SELECT squeeze();
-- a row matched twice
SELECT twin_error($$MERGE INTO m USING (VALUES (20), (20)) s(id) ON m.id = s.id WHEN MATCHED THEN UPDATE SET v = 0$$);
SELECT twin_error($$MERGE INTO m USING (VALUES (20), (20)) s(id) ON m.id = s.id WHEN MATCHED THEN DELETE$$);
SELECT twin($$MERGE INTO m USING (VALUES (20), (20)) s(id) ON m.id = s.id WHEN MATCHED THEN DO NOTHING$$);
WITH s AS (SELECT g AS id FROM generate_series(100, 120) g) MERGE INTO dml_h.m USING s ON m.id = s.id WHEN MATCHED THEN UPDATE SET note = NULL;
WITH s AS (SELECT g AS id FROM generate_series(100, 120) g) MERGE INTO dml_t.m USING s ON m.id = s.id WHEN MATCHED THEN UPDATE SET note = NULL;
SELECT twin('SELECT * FROM m WHERE note IS NULL');
SELECT twin($$MERGE INTO m USING src ON false WHEN NOT MATCHED THEN INSERT VALUES (src.id + 1000, 0, 'all')$$);
SELECT squeeze();
SELECT twin($$MERGE INTO m USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE$$);
SELECT twin($$SELECT count(*) FROM m$$);
SELECT chunk_rows('dml_t.m');
DROP TABLE dml_h.m, dml_t.m, dml_h.src, dml_t.src;

--
-- WITH: what its parts see of each other
--
SELECT twin($$CREATE TABLE w (id int, v int); CREATE TABLE arch (id int, v int)$$);
SELECT twin($$INSERT INTO w SELECT g, 0 FROM generate_series(1, 500) g$$);
SELECT squeeze();
SELECT twin($$WITH gone AS (DELETE FROM w WHERE id <= 5 RETURNING *) INSERT INTO arch SELECT * FROM gone RETURNING *$$);
SELECT twin($$WITH u AS (UPDATE w SET v = 1 WHERE id BETWEEN 6 AND 10 RETURNING *) SELECT u.id, u.v, w.v FROM u JOIN w USING (id)$$);
SELECT twin($$WITH u AS (UPDATE w SET v = v + 1 WHERE id = 11 RETURNING id), d AS (DELETE FROM w WHERE id = 12 RETURNING id) SELECT count(*) FROM w, u, d$$);
-- the same row by two parts: the first one wins
SELECT twin($$WITH u AS (UPDATE w SET v = 100 WHERE id = 13 RETURNING *), d AS (DELETE FROM w WHERE id IN (SELECT id FROM u) RETURNING *) SELECT (SELECT count(*) FROM u), (SELECT count(*) FROM d)$$);
SELECT twin($$WITH d AS (DELETE FROM w WHERE id = 14 RETURNING *), u AS (UPDATE w SET v = 100 WHERE id IN (SELECT id FROM d) RETURNING *) SELECT (SELECT count(*) FROM d), (SELECT count(*) FROM u)$$);
SELECT twin($$WITH u AS (UPDATE w SET v = 101 WHERE id = 15 RETURNING *), u2 AS (UPDATE w SET v = 102 WHERE id IN (SELECT id FROM u) RETURNING *) SELECT * FROM u FULL JOIN u2 USING (id)$$);
SELECT twin($$WITH d AS (DELETE FROM w RETURNING id) SELECT count(*), (SELECT count(*) FROM w) FROM d$$);
SELECT twin($$WITH i AS (INSERT INTO w SELECT * FROM arch RETURNING *) UPDATE w SET v = 7 RETURNING *$$);
SELECT squeeze();
SELECT twin($$WITH RECURSIVE r AS (SELECT 1 AS id UNION ALL SELECT id + 1 FROM r WHERE id < 4), u AS (UPDATE w SET v = -w.id FROM r WHERE r.id = w.id RETURNING w.*) DELETE FROM arch USING u WHERE arch.id = u.id RETURNING arch.*, u.*$$);
SELECT squeeze();
-- not read to its end, run to its end
SELECT twin($$WITH d AS (DELETE FROM w RETURNING *) SELECT count(*) FROM (SELECT 1 FROM d LIMIT 1) q$$);
SELECT twin($$SELECT count(*) FROM w$$);
DROP TABLE dml_h.w, dml_t.w, dml_h.arch, dml_t.arch;

--
-- Transactions: rows changed again, savepoints, subtransactions
--
SELECT twin($$CREATE TABLE s (id int, v int, s text); CREATE INDEX s_id ON s (id)$$);
SELECT twin($$INSERT INTO s SELECT g, 0, 's' FROM generate_series(1, 600) g$$);
SELECT squeeze();
BEGIN;
SELECT twin($$UPDATE s SET v = v + 1 WHERE id = 1 RETURNING v$$);
SELECT twin($$UPDATE s SET v = v + 1 WHERE id = 1 RETURNING v$$);
SELECT twin($$UPDATE s SET v = v + 1, id = 1000 WHERE id = 1 RETURNING v$$);
SELECT twin($$DELETE FROM s WHERE id = 1000 RETURNING v$$);
SELECT twin($$INSERT INTO s VALUES (1, -1, 'again')$$);
SELECT twin($$UPDATE s SET v = v - 1 WHERE id = 1 RETURNING v$$);
COMMIT;
SELECT twin($$SELECT * FROM s WHERE id IN (1, 1000)$$);
BEGIN;
SELECT twin($$UPDATE s SET v = 1 WHERE id = 2$$);
SAVEPOINT a;
SELECT twin($$UPDATE s SET v = 2 WHERE id IN (2, 3)$$);
SAVEPOINT b;
SELECT twin($$DELETE FROM s WHERE id IN (2, 3, 4) RETURNING *$$);
SELECT twin($$SELECT count(*) FROM s WHERE id < 10$$);
ROLLBACK TO b;
SELECT twin($$SELECT id, v FROM s WHERE id < 10$$);
SELECT twin($$DELETE FROM s WHERE id = 3 RETURNING *$$);
ROLLBACK TO a;
SELECT twin($$SELECT id, v FROM s WHERE id < 10$$);
SELECT twin($$DELETE FROM s WHERE id IN (2, 5)$$);
RELEASE a;
SAVEPOINT c;
SELECT twin($$UPDATE s SET v = 3 WHERE id IN (5, 6) RETURNING *$$);
SELECT twin_error($$UPDATE s SET v = 1 / 0 WHERE id = 7$$);
COMMIT;
SELECT twin($$SELECT id, v FROM s WHERE id < 10$$);
SELECT squeeze();
BEGIN;
SAVEPOINT a;
SELECT twin($$DELETE FROM s WHERE id = 8$$);
RELEASE a;
SAVEPOINT b;
SELECT twin($$INSERT INTO s VALUES (8, 88, 'b')$$);
SELECT twin($$UPDATE s SET v = 89 WHERE id = 8 RETURNING *$$);
ROLLBACK TO b;
SELECT twin($$SELECT * FROM s WHERE id = 8$$);
SELECT twin($$INSERT INTO s VALUES (8, 90, 'c')$$);
COMMIT;
SELECT twin($$SELECT * FROM s WHERE id = 8$$);
-- many subtransactions
CREATE FUNCTION many() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 10..150 LOOP
		BEGIN
			UPDATE s SET v = v + 1 WHERE id = i;
			IF i % 3 = 0 THEN
				RAISE EXCEPTION 'undo';
			END IF;
			BEGIN
				DELETE FROM s WHERE id = i + 1;
				IF i % 4 = 0 THEN
					RAISE EXCEPTION 'undo';
				END IF;
			EXCEPTION WHEN OTHERS THEN
				UPDATE s SET s = 'kept' WHERE id = i + 1;
			END;
		EXCEPTION WHEN OTHERS THEN
			INSERT INTO s VALUES (-i, i, SQLERRM);
		END;
	END LOOP;
END $$;
SELECT twin('SELECT many()');
SELECT twin($$SELECT * FROM s WHERE id < 160$$);
SELECT squeeze();
SELECT twin('SELECT many()');
SELECT squeeze();
DROP FUNCTION many;
-- a loop over the rows that it changes
CREATE FUNCTION looped() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE r record; n bigint := 0;
BEGIN
	FOR r IN SELECT * FROM s WHERE id BETWEEN 200 AND 260 LOOP
		UPDATE s SET v = v + r.id WHERE id = r.id;
		DELETE FROM s WHERE id = r.id + 1 AND id % 5 = 0;
		n := n + 1;
	END LOOP;
	FOR r IN UPDATE s SET s = 'u' WHERE id BETWEEN 300 AND 320 RETURNING * LOOP
		DELETE FROM s WHERE id = r.id AND r.id % 2 = 0;
		IF FOUND THEN n := n + 1000; END IF;
	END LOOP;
	RETURN n;
END $$;
SELECT twin('SELECT looped()');
SELECT squeeze();
SELECT twin('SELECT looped()');
DROP FUNCTION looped;
-- functions within a statement that change its table
CREATE FUNCTION bump(i int) RETURNS int LANGUAGE plpgsql AS $$ DECLARE r int; BEGIN UPDATE s SET v = v + 1 WHERE id = i RETURNING v INTO r; RETURN r; END $$;
SELECT twin($$SELECT id, v, bump(id) FROM s WHERE id BETWEEN 401 AND 405$$);
SELECT squeeze();
SELECT twin($$SELECT id, v, bump(id), bump(id) FROM s WHERE id BETWEEN 401 AND 405$$);
SELECT twin_error($$UPDATE s SET v = bump(id) WHERE id = 406$$);
SELECT twin_error($$DELETE FROM s WHERE id = 407 AND bump(id) > 0$$);
SELECT twin($$UPDATE s SET v = bump(id + 1) WHERE id IN (410, 412) RETURNING *$$);
SELECT twin($$SELECT id, v FROM s WHERE id BETWEEN 400 AND 415$$);
DROP FUNCTION bump;
-- as a procedure with transactions of its own
CREATE PROCEDURE steps(rel regclass) LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 420..440 LOOP
		EXECUTE format('UPDATE %s SET v = -$1 WHERE id = $1', rel) USING i;
		IF i % 3 = 0 THEN ROLLBACK; ELSE COMMIT; END IF;
		EXECUTE format('DELETE FROM %s WHERE id = $1', rel) USING i + 30;
		IF i % 2 = 0 THEN ROLLBACK; END IF;
	END LOOP;
END $$;
CALL steps('dml_h.s');
CALL steps('dml_t.s');
SELECT twin($$SELECT id, v FROM s WHERE id BETWEEN 420 AND 471$$);
DROP PROCEDURE steps;
-- without a function between
DELETE FROM dml_h.s WHERE id BETWEEN 500 AND 520;
DELETE FROM dml_t.s WHERE id BETWEEN 500 AND 520;
UPDATE dml_h.s SET v = 500 WHERE id BETWEEN 521 AND 523 RETURNING id, v, s;
UPDATE dml_t.s SET v = 500 WHERE id BETWEEN 521 AND 523 RETURNING id, v, s;
BEGIN;
UPDATE dml_h.s SET v = 501 WHERE id BETWEEN 521 AND 525;
UPDATE dml_t.s SET v = 501 WHERE id BETWEEN 521 AND 525;
SAVEPOINT a;
DELETE FROM dml_h.s WHERE id BETWEEN 521 AND 525;
DELETE FROM dml_t.s WHERE id BETWEEN 521 AND 525;
SELECT twin('SELECT count(*) FROM s WHERE id BETWEEN 500 AND 530');
ROLLBACK TO a;
UPDATE dml_h.s SET v = 502 WHERE id = 525;
UPDATE dml_t.s SET v = 502 WHERE id = 525;
COMMIT;
SELECT twin('SELECT id, v FROM s WHERE id BETWEEN 500 AND 530');
-- REPEATABLE READ and SERIALIZABLE see their own changes
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT twin('UPDATE s SET v = 1 WHERE id BETWEEN 530 AND 540');
SELECT twin('DELETE FROM s WHERE id = 535 RETURNING *');
SELECT twin('SELECT id, v FROM s WHERE id BETWEEN 530 AND 540');
COMMIT;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT twin('UPDATE s SET v = 2 WHERE id BETWEEN 541 AND 545 RETURNING *');
SELECT twin('DELETE FROM s WHERE id = 546 RETURNING *');
SELECT twin('UPDATE s SET v = 3 WHERE id = 541 RETURNING *');
COMMIT;
-- prepared: custom and generic plans
PREPARE h_upd(int, int) AS UPDATE dml_h.s SET v = $2 WHERE id = $1 RETURNING id, v;
PREPARE t_upd(int, int) AS UPDATE dml_t.s SET v = $2 WHERE id = $1 RETURNING id, v;
PREPARE h_del(int) AS DELETE FROM dml_h.s WHERE id = $1;
PREPARE t_del(int) AS DELETE FROM dml_t.s WHERE id = $1;
EXECUTE h_upd(550, 1); EXECUTE t_upd(550, 1);
SELECT squeeze();
EXECUTE h_upd(550, 2); EXECUTE t_upd(550, 2);
SET plan_cache_mode = force_generic_plan;
EXECUTE h_upd(551, 3); EXECUTE t_upd(551, 3);
EXECUTE h_del(552); EXECUTE t_del(552);
SELECT squeeze();
EXECUTE h_upd(551, 4); EXECUTE t_upd(551, 4);
EXECUTE h_del(552); EXECUTE t_del(552);
EXECUTE h_del(553); EXECUTE t_del(553);
RESET plan_cache_mode;
DEALLOCATE ALL;
SELECT twin('SELECT id, v FROM s WHERE id >= 550');
-- deleted and the same inserted again, over and over
CREATE FUNCTION again() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	FOR i IN 1..5 LOOP
		WITH d AS (DELETE FROM s WHERE id BETWEEN 560 AND 600 RETURNING *) INSERT INTO s SELECT id, v + 1, s FROM d;
	END LOOP;
	DELETE FROM s WHERE id = 570;
	INSERT INTO s VALUES (570, 570, 'r');
END $$;
SELECT twin('SELECT again()');
SELECT squeeze();
SELECT twin('SELECT again()');
SELECT squeeze();
DROP FUNCTION again;
SELECT sound();
SET enable_seqscan = off;
SELECT twin('SELECT count(*), sum(id), sum(v) FROM s WHERE id > -1000');
RESET enable_seqscan;

--
-- Cursors
--
TRUNCATE dml_h.s, dml_t.s;
DROP INDEX dml_h.s_id, dml_t.s_id;
SELECT twin($$INSERT INTO s SELECT g, 0, 's' FROM generate_series(1, 600) g$$);
SELECT squeeze();
BEGIN;
DECLARE h_c SCROLL CURSOR FOR SELECT id, v FROM dml_h.s;
DECLARE t_c SCROLL CURSOR FOR SELECT id, v FROM dml_t.s;
FETCH 2 FROM h_c; FETCH 2 FROM t_c;
UPDATE dml_h.s SET v = 1 WHERE CURRENT OF h_c; UPDATE dml_t.s SET v = 1 WHERE CURRENT OF t_c;
FETCH ABSOLUTE 300 FROM h_c; FETCH ABSOLUTE 300 FROM t_c;
DELETE FROM dml_h.s WHERE CURRENT OF h_c; DELETE FROM dml_t.s WHERE CURRENT OF t_c;
-- its own snapshot
FETCH RELATIVE 0 FROM h_c; FETCH RELATIVE 0 FROM t_c;
FETCH PRIOR FROM h_c; FETCH PRIOR FROM t_c;
UPDATE dml_h.s SET v = v + 2 WHERE CURRENT OF h_c RETURNING *; UPDATE dml_t.s SET v = v + 2 WHERE CURRENT OF t_c RETURNING *;
-- changed by the cursor's own transaction since
UPDATE dml_h.s SET v = v + 2 WHERE CURRENT OF h_c RETURNING *; UPDATE dml_t.s SET v = v + 2 WHERE CURRENT OF t_c RETURNING *;
FETCH ABSOLUTE 2 FROM h_c; FETCH ABSOLUTE 2 FROM t_c;
DELETE FROM dml_h.s WHERE CURRENT OF h_c RETURNING *; DELETE FROM dml_t.s WHERE CURRENT OF t_c RETURNING *;
MOVE ALL FROM h_c; MOVE ALL FROM t_c;
FETCH PRIOR FROM h_c; FETCH PRIOR FROM t_c;
SAVEPOINT a;
DELETE FROM dml_h.s WHERE CURRENT OF h_c; DELETE FROM dml_t.s WHERE CURRENT OF t_c;
ROLLBACK TO a;
UPDATE dml_h.s SET v = 600 WHERE CURRENT OF h_c RETURNING *; UPDATE dml_t.s SET v = 600 WHERE CURRENT OF t_c RETURNING *;
SELECT twin('SELECT id, v FROM s WHERE id IN (1, 2, 299, 300, 600)');
COMMIT;
SELECT squeeze();
-- FOR UPDATE follows what was changed since
BEGIN;
DECLARE h_c CURSOR FOR SELECT id, v FROM dml_h.s WHERE id BETWEEN 10 AND 20 FOR UPDATE;
DECLARE t_c CURSOR FOR SELECT id, v FROM dml_t.s WHERE id BETWEEN 10 AND 20 FOR UPDATE;
FETCH 1 FROM h_c; FETCH 1 FROM t_c;
UPDATE dml_h.s SET v = 1 WHERE CURRENT OF h_c RETURNING *; UPDATE dml_t.s SET v = 1 WHERE CURRENT OF t_c RETURNING *;
UPDATE dml_h.s SET v = v + 1 WHERE CURRENT OF h_c RETURNING *; UPDATE dml_t.s SET v = v + 1 WHERE CURRENT OF t_c RETURNING *;
UPDATE dml_h.s SET v = 99 WHERE id IN (11, 12); UPDATE dml_t.s SET v = 99 WHERE id IN (11, 12);
DELETE FROM dml_h.s WHERE id = 13; DELETE FROM dml_t.s WHERE id = 13;
FETCH 1 FROM h_c; FETCH 1 FROM t_c;
UPDATE dml_h.s SET v = v + 1 WHERE CURRENT OF h_c RETURNING *; UPDATE dml_t.s SET v = v + 1 WHERE CURRENT OF t_c RETURNING *;
DELETE FROM dml_h.s WHERE CURRENT OF h_c RETURNING *; DELETE FROM dml_t.s WHERE CURRENT OF t_c RETURNING *;
FETCH 1 FROM h_c; FETCH 1 FROM t_c;
DELETE FROM dml_h.s WHERE CURRENT OF h_c RETURNING *; DELETE FROM dml_t.s WHERE CURRENT OF t_c RETURNING *;
DELETE FROM dml_h.s WHERE CURRENT OF h_c RETURNING *; DELETE FROM dml_t.s WHERE CURRENT OF t_c RETURNING *;
COMMIT;
SELECT twin('SELECT id, v FROM s WHERE id < 25');
-- held over the transaction's end, over plans of each kind, while rows go away
CREATE INDEX s_id ON dml_h.s (id); CREATE INDEX s_id ON dml_t.s (id);
SELECT squeeze();
BEGIN;
DECLARE h_c CURSOR WITH HOLD FOR SELECT id FROM dml_h.s WHERE id BETWEEN 30 AND 40;
DECLARE t_c CURSOR WITH HOLD FOR SELECT id FROM dml_t.s WHERE id BETWEEN 30 AND 40;
FETCH 1 FROM h_c; FETCH 1 FROM t_c;
SELECT twin('DELETE FROM s WHERE id BETWEEN 35 AND 37');
COMMIT;
FETCH 5 FROM h_c; FETCH 5 FROM t_c;
CLOSE h_c; CLOSE t_c;
CREATE FUNCTION current_of() RETURNS int LANGUAGE plpgsql AS $$
DECLARE c CURSOR FOR SELECT * FROM s WHERE id BETWEEN 50 AND 90 FOR UPDATE; d refcursor; r record; n int := 0;
BEGIN
	FOR r IN c LOOP
		IF r.id % 4 = 0 THEN DELETE FROM s WHERE CURRENT OF c; ELSE UPDATE s SET v = v + 1 WHERE CURRENT OF c; END IF;
		n := n + 1;
	END LOOP;
	OPEN d FOR SELECT * FROM s WHERE id BETWEEN 91 AND 99;
	LOOP
		FETCH d INTO r;
		EXIT WHEN NOT FOUND;
		UPDATE s SET id = id + 1000 WHERE CURRENT OF d;
		GET DIAGNOSTICS n = ROW_COUNT;
	END LOOP;
	RETURN n;
END $$;
SELECT twin('SELECT current_of()');
SELECT squeeze();
SET enable_seqscan = off;
SELECT twin('SELECT current_of()');
SELECT squeeze();
SET enable_indexscan = off; SET enable_indexonlyscan = off;
SELECT twin('SELECT current_of()');
RESET enable_seqscan; RESET enable_indexscan; RESET enable_indexonlyscan;
SELECT twin('SELECT id, v FROM s WHERE id BETWEEN 25 AND 110 OR id > 1000');
DROP FUNCTION current_of;
DROP TABLE dml_h.s, dml_t.s;

--
-- EXPLAIN ANALYZE runs the statement
--
SELECT twin($$CREATE TABLE e (id int, v int)$$);
SELECT twin($$INSERT INTO e SELECT g, g FROM generate_series(1, 300) g$$);
SELECT squeeze();
BEGIN;
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) DELETE FROM dml_t.e WHERE id % 10 = 0;
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) UPDATE dml_t.e SET v = 0 WHERE id < 20 RETURNING *;
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT * FROM dml_t.e WHERE id < 20 FOR UPDATE;
SELECT count(*), sum(v) FROM dml_t.e;
ROLLBACK;
SELECT count(*), sum(v) FROM dml_t.e;
CREATE FUNCTION explained(stmt text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE l text;
BEGIN
	FOR l IN EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, WAL, COSTS OFF, TIMING OFF, SUMMARY OFF) ' || stmt LOOP
		IF l ~ '(Update|Delete|Merge) on |LockRows|Tuples' THEN RETURN NEXT regexp_replace(l, '^ *(->)? *', ''); END IF;
	END LOOP;
END $$;
SELECT twin($$SELECT explained('UPDATE e SET v = -v WHERE id % 7 = 0')$$);
SELECT twin($$SELECT explained('DELETE FROM e WHERE id % 9 = 0')$$);
SELECT twin($$SELECT explained('MERGE INTO e USING generate_series(290, 310) g ON id = g WHEN MATCHED AND g % 2 = 0 THEN DELETE WHEN MATCHED THEN UPDATE SET v = 0 WHEN NOT MATCHED THEN INSERT VALUES (g, g)')$$);
SELECT twin($$SELECT explained('WITH d AS (DELETE FROM e WHERE id < 10 RETURNING *) UPDATE e SET v = d.v FROM d WHERE e.id = d.id + 20')$$);
DROP FUNCTION explained;
DROP TABLE dml_h.e, dml_t.e;

-- memory does not grow with the rows that a statement changes, deletes or locks
CREATE TABLE dml_t.e (time timestamptz NOT NULL, id int, v int) USING tsdb;
SET tsdb_am.direct_load_rows = 1;
INSERT INTO dml_t.e SELECT '2026-01-01'::timestamptz + i * interval '1 s', i, i FROM generate_series(1, 50000) i;
RESET tsdb_am.direct_load_rows;
CREATE FUNCTION bytes_at(id int) RETURNS numeric LANGUAGE plpgsql AS $$
BEGIN RETURN CASE WHEN id IN (1000, 50000) THEN (SELECT sum(total_bytes) FROM pg_backend_memory_contexts) END; END $$;
WITH u AS (UPDATE dml_t.e SET v = v + 1 RETURNING bytes_at(id) AS bytes) SELECT count(*), max(bytes) - min(bytes) < 8e6 AS flat FROM u;
BEGIN;
WITH u AS (SELECT bytes_at(id) AS bytes FROM dml_t.e FOR UPDATE) SELECT count(*), max(bytes) - min(bytes) < 8e6 AS flat FROM u;
ROLLBACK;
SELECT tsdb.compress('dml_t.e') >= 0 AS compressed;
BEGIN;
WITH u AS (SELECT bytes_at(id) AS bytes FROM dml_t.e FOR NO KEY UPDATE) SELECT count(*), max(bytes) - min(bytes) < 8e6 AS flat FROM u;
ROLLBACK;
WITH u AS (DELETE FROM dml_t.e RETURNING bytes_at(id) AS bytes) SELECT count(*), max(bytes) - min(bytes) < 8e6 AS flat FROM u;
DROP FUNCTION bytes_at;
DROP TABLE dml_t.e;
