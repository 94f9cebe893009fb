-- Triggers on chunk rows fire as on heap, see the same OLD and NEW, and may do the same.
\getenv abs_srcdir PG_ABS_SRCDIR
\set twin :abs_srcdir '/sql/dml_twin.sql'
\set ECHO none
\i :twin
\set ECHO all

-- what the triggers saw
CREATE FUNCTION dml_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('INSERT INTO %I.log VALUES ($1, $2, $3, $4)', TG_TABLE_SCHEMA)
		USING TG_NAME, TG_TABLE_NAME || ' ' || TG_WHEN || ' ' || TG_OP || ' ' || TG_LEVEL, OLD::text, NEW::text;
	RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
SELECT twin($$CREATE TABLE log (trigger name, event text, old text, new text); CREATE TABLE x (id int, v int, s text)$$);
SELECT twin($$INSERT INTO x SELECT g, g, 's' || g FROM generate_series(1, 600) g$$);
SELECT squeeze();
SELECT twin($$CREATE TRIGGER a_before BEFORE INSERT OR UPDATE OR DELETE ON x FOR EACH ROW EXECUTE FUNCTION dml_note();
	CREATE TRIGGER b_after AFTER INSERT OR UPDATE OR DELETE ON x FOR EACH ROW EXECUTE FUNCTION dml_note();
	CREATE TRIGGER c_before_stmt BEFORE INSERT OR UPDATE OR DELETE ON x FOR EACH STATEMENT EXECUTE FUNCTION dml_note();
	CREATE TRIGGER d_after_stmt AFTER INSERT OR UPDATE OR DELETE ON x FOR EACH STATEMENT EXECUTE FUNCTION dml_note()$$);
SELECT twin($$UPDATE x SET v = v + 1 WHERE id BETWEEN 1 AND 3 RETURNING *$$);
SELECT twin($$DELETE FROM x WHERE id = 2 RETURNING *$$);
SELECT twin($$UPDATE x SET v = 0 WHERE false$$);
SELECT twin($$SELECT * FROM log$$);
SELECT twin($$UPDATE x SET id = id + 1000, s = s || '!' WHERE id % 40 = 0$$);
SELECT twin($$DELETE FROM x USING generate_series(1, 2) g WHERE id BETWEEN 500 AND 510$$);
SELECT twin($$MERGE INTO x USING generate_series(595, 605) g ON id = g WHEN MATCHED AND g % 2 = 0 THEN DELETE WHEN MATCHED THEN UPDATE SET v = -v WHEN NOT MATCHED THEN INSERT VALUES (g, g, 'merged')$$);
SELECT twin($$WITH d AS (DELETE FROM x WHERE id BETWEEN 20 AND 25 RETURNING *) UPDATE x SET v = d.v FROM d WHERE x.id = d.id + 10 RETURNING x.*$$);
SELECT squeeze();
-- in the order of events for a row
SELECT twin($$TRUNCATE log; ALTER TABLE log ADD n serial$$);
SELECT twin($$UPDATE x SET v = 77 WHERE id = 77; DELETE FROM x WHERE id = 77$$);
SELECT twin($$SELECT n, trigger, event, old, new FROM log ORDER BY n$$, true);
SELECT twin($$ALTER TABLE log DROP n; TRUNCATE log$$);
-- WHEN, UPDATE OF, disabled triggers
SELECT twin($$DROP TRIGGER a_before ON x; DROP TRIGGER b_after ON x; DROP TRIGGER c_before_stmt ON x; DROP TRIGGER d_after_stmt ON x;
	CREATE TRIGGER changed AFTER UPDATE ON x FOR EACH ROW WHEN (OLD.v IS DISTINCT FROM NEW.v) EXECUTE FUNCTION dml_note();
	CREATE TRIGGER whole BEFORE UPDATE ON x FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION dml_note();
	CREATE TRIGGER of_s BEFORE UPDATE OF s ON x FOR EACH ROW EXECUTE FUNCTION dml_note();
	CREATE TRIGGER of_id AFTER UPDATE OF id ON x FOR EACH STATEMENT EXECUTE FUNCTION dml_note();
	CREATE TRIGGER del AFTER DELETE ON x FOR EACH ROW WHEN (OLD.id % 2 = 0 AND OLD.tableoid = 'x'::regclass) EXECUTE FUNCTION dml_note()$$);
SELECT twin($$UPDATE x SET v = v WHERE id BETWEEN 100 AND 104$$);
SELECT twin($$UPDATE x SET v = CASE WHEN id % 2 = 0 THEN v ELSE NULL END WHERE id BETWEEN 105 AND 110$$);
SELECT twin($$UPDATE x SET s = s WHERE id = 111$$);
SELECT twin($$UPDATE x SET id = id WHERE id = 112$$);
SELECT twin($$DELETE FROM x WHERE id IN (113, 114)$$);
SELECT twin($$ALTER TABLE x DISABLE TRIGGER of_s; UPDATE x SET s = s WHERE id = 115; ALTER TABLE x ENABLE TRIGGER of_s$$);
SELECT squeeze();
-- session_replication_role
SELECT twin($$ALTER TABLE x ENABLE REPLICA TRIGGER of_s; ALTER TABLE x ENABLE ALWAYS TRIGGER del$$);
SELECT twin($$UPDATE x SET s = 'origin', v = 1 WHERE id = 116; DELETE FROM x WHERE id = 118$$);
SET session_replication_role = replica;
SELECT twin($$UPDATE x SET s = 'replica', v = 2 WHERE id = 117; DELETE FROM x WHERE id = 120$$);
RESET session_replication_role;
SELECT twin($$SELECT * FROM log$$);
SELECT squeeze();
DROP TABLE dml_h.x, dml_t.x;
SELECT twin('TRUNCATE log');

--
-- Transition tables
--
CREATE FUNCTION sums() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP IN ('UPDATE', 'DELETE') THEN
		INSERT INTO log SELECT TG_NAME, TG_OP, count(*) || ' ' || sum(o.v) || ' ' || min(o::text) FROM o;
	END IF;
	IF TG_OP IN ('UPDATE', 'INSERT') THEN
		INSERT INTO log SELECT TG_NAME, TG_OP, NULL, count(*) || ' ' || sum(n.v) || ' ' || min(n::text) FROM n;
	END IF;
	IF TG_OP = 'UPDATE' THEN
		INSERT INTO log SELECT TG_NAME, 'joined', o::text, n::text FROM o JOIN n USING (id);
	END IF;
	RETURN NULL;
END $$;
SELECT twin($$CREATE TABLE y (gone int, id int, v int, s text); ALTER TABLE y DROP gone$$);
SELECT twin($$INSERT INTO y SELECT g, g, repeat(md5(g::text), 80) FROM generate_series(1, 400) g; ALTER TABLE y ADD added text DEFAULT 'a'$$);
SELECT squeeze();
SELECT twin($$CREATE TRIGGER upd AFTER UPDATE ON y REFERENCING OLD TABLE AS o NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION sums();
	CREATE TRIGGER del AFTER DELETE ON y REFERENCING OLD TABLE AS o FOR EACH STATEMENT EXECUTE FUNCTION sums();
	CREATE TRIGGER ins AFTER INSERT ON y REFERENCING NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION sums();
	CREATE TRIGGER each AFTER UPDATE ON y REFERENCING OLD TABLE AS o NEW TABLE AS n FOR EACH ROW WHEN (OLD.id % 10 = 0) EXECUTE FUNCTION sums()$$);
SELECT twin($$UPDATE y SET v = v + 1 WHERE id <= 20$$);
SELECT twin($$DELETE FROM y WHERE id BETWEEN 21 AND 50$$);
SELECT twin($$UPDATE y SET s = 'short', added = NULL WHERE id % 100 = 0$$);
SELECT squeeze();
SELECT twin($$MERGE INTO y USING generate_series(391, 405) g ON id = g WHEN MATCHED AND g % 2 = 0 THEN DELETE WHEN MATCHED THEN UPDATE SET v = -v WHEN NOT MATCHED THEN INSERT (id, v) VALUES (g, g)$$);
SELECT twin($$DELETE FROM y WHERE false$$);
SELECT twin($$WITH u AS (UPDATE y SET v = 5 WHERE id = 101 RETURNING *), d AS (DELETE FROM y WHERE id = 102 RETURNING *) INSERT INTO y SELECT * FROM u UNION ALL SELECT * FROM d RETURNING id, v$$);
-- of a chunk that goes as a whole
SELECT twin($$DELETE FROM y$$);
SELECT chunk_rows('dml_t.y');
SELECT twin($$SELECT trigger, event, length(old), left(old, 20), length(new), left(new, 20) FROM log$$);
DROP TABLE dml_h.y, dml_t.y;
SELECT twin('TRUNCATE log');

--
-- BEFORE triggers that change the row or skip it
--
CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'DELETE' THEN
		IF OLD.id % 2 = 0 THEN RETURN NULL; END IF;
		RETURN OLD;
	END IF;
	CASE NEW.id % 5
		WHEN 0 THEN RETURN NULL;
		WHEN 1 THEN RETURN OLD;
		WHEN 2 THEN NEW.v := NEW.v * 100; NEW.s := NEW.s || OLD.v;
		WHEN 3 THEN NEW := ROW(OLD.id, NULL::int, 'made'::text, repeat('z', 3000));
		ELSE NULL;
	END CASE;
	RETURN NEW;
END $$;
SELECT twin($$CREATE TABLE z (id int, v int, s text, b text)$$);
SELECT twin($$INSERT INTO z SELECT g, g, 's' || g, 'b' FROM generate_series(1, 300) g$$);
SELECT squeeze();
SELECT twin($$CREATE TRIGGER meddle BEFORE UPDATE OR DELETE ON z FOR EACH ROW EXECUTE FUNCTION meddle();
	CREATE TRIGGER z_after AFTER UPDATE OR DELETE ON z FOR EACH ROW EXECUTE FUNCTION dml_note()$$);
SELECT twin($$UPDATE z SET v = v + 1 WHERE id <= 10 RETURNING id, v, s, length(b)$$);
SELECT twin($$DELETE FROM z WHERE id BETWEEN 11 AND 20 RETURNING id$$);
SELECT squeeze();
SELECT twin($$UPDATE z SET v = v + 1, s = 'again' WHERE id <= 20 RETURNING id, v, s, length(b)$$);
SELECT twin($$DELETE FROM z$$);
SELECT twin($$SELECT count(*), sum(v) FROM z$$);
SELECT squeeze();
SELECT twin($$DROP TRIGGER meddle ON z; CREATE TRIGGER same BEFORE UPDATE ON z FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()$$);
SELECT twin($$UPDATE z SET v = v, s = s$$);
SELECT twin($$UPDATE z SET v = CASE WHEN id % 10 = 0 THEN 0 ELSE v END RETURNING id$$);
SELECT twin($$SELECT trigger, event, left(old, 20), left(new, 20) FROM log$$);
DROP TABLE dml_h.z, dml_t.z;
SELECT twin('TRUNCATE log');

--
-- Triggers that change the same row, other rows, or look at the table
--
SELECT twin($$CREATE TABLE q (id int, v int, other int)$$);
SELECT twin($$INSERT INTO q SELECT g, 0, g + 1 FROM generate_series(1, 300) g$$);
SELECT squeeze();
CREATE FUNCTION update_self() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE q SET v = v + 1 WHERE id = OLD.id AND pg_trigger_depth() < 2;
	RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE FUNCTION delete_self() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM q WHERE id = OLD.id AND pg_trigger_depth() < 2;
	RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE FUNCTION update_other() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	UPDATE q SET v = v + 10 WHERE id = OLD.other AND pg_trigger_depth() < 3;
	RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE FUNCTION delete_other() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM q WHERE id = OLD.other AND id % 4 <> 0;
	RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO log SELECT TG_NAME, TG_OP, count(*)::text, sum(v)::text FROM q;
	RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE FUNCTION with_trigger(what text, stmt text) RETURNS text LANGUAGE sql AS $$
	SELECT twin('CREATE TRIGGER tr ' || what);
	SELECT twin(stmt, false, true);
$$;
CREATE FUNCTION no_trigger() RETURNS text LANGUAGE sql AS $$ SELECT twin('DROP TRIGGER tr ON q') || ', ' || squeeze() $$;
SELECT with_trigger('BEFORE UPDATE ON q FOR EACH ROW EXECUTE FUNCTION update_self()', 'UPDATE q SET v = 5 WHERE id = 10');
SELECT no_trigger();
SELECT with_trigger('BEFORE UPDATE ON q FOR EACH ROW EXECUTE FUNCTION delete_self()', 'UPDATE q SET v = 5 WHERE id = 11');
SELECT no_trigger();
SELECT with_trigger('BEFORE DELETE ON q FOR EACH ROW EXECUTE FUNCTION update_self()', 'DELETE FROM q WHERE id = 12');
SELECT no_trigger();
SELECT with_trigger('BEFORE DELETE ON q FOR EACH ROW EXECUTE FUNCTION delete_self()', 'DELETE FROM q WHERE id = 13');
SELECT no_trigger();
SELECT with_trigger('AFTER UPDATE ON q FOR EACH ROW EXECUTE FUNCTION update_self()', 'UPDATE q SET v = 5 WHERE id BETWEEN 14 AND 16 RETURNING *');
SELECT no_trigger();
SELECT with_trigger('AFTER UPDATE ON q FOR EACH ROW EXECUTE FUNCTION delete_self()', 'UPDATE q SET v = 5 WHERE id BETWEEN 17 AND 19 RETURNING *');
SELECT no_trigger();
SELECT with_trigger('AFTER DELETE ON q FOR EACH ROW EXECUTE FUNCTION update_self()', 'DELETE FROM q WHERE id BETWEEN 20 AND 22 RETURNING *');
SELECT no_trigger();
SELECT with_trigger('BEFORE UPDATE ON q FOR EACH ROW EXECUTE FUNCTION update_other()', 'UPDATE q SET v = v + 1 WHERE id IN (30, 35) RETURNING *');
SELECT no_trigger();
SELECT with_trigger('BEFORE UPDATE ON q FOR EACH ROW EXECUTE FUNCTION update_other()', 'UPDATE q SET v = v + 1 WHERE id BETWEEN 40 AND 45');
SELECT no_trigger();
SELECT with_trigger('AFTER UPDATE ON q FOR EACH ROW EXECUTE FUNCTION update_other()', 'UPDATE q SET v = v + 1 WHERE id BETWEEN 50 AND 55');
SELECT no_trigger();
SELECT with_trigger('BEFORE DELETE ON q FOR EACH ROW EXECUTE FUNCTION delete_other()', 'DELETE FROM q WHERE id = 61');
SELECT no_trigger();
SELECT with_trigger('BEFORE DELETE ON q FOR EACH ROW EXECUTE FUNCTION delete_other()', 'DELETE FROM q WHERE id BETWEEN 70 AND 75');
SELECT no_trigger();
SELECT with_trigger('AFTER DELETE ON q FOR EACH ROW EXECUTE FUNCTION delete_other()', 'DELETE FROM q WHERE id BETWEEN 81 AND 88 RETURNING id');
SELECT no_trigger();
-- a volatile function sees what the statement has done so far
SELECT with_trigger('BEFORE UPDATE ON q FOR EACH ROW EXECUTE FUNCTION look()', 'UPDATE q SET v = 1000 WHERE id BETWEEN 100 AND 110');
SELECT no_trigger();
SELECT with_trigger('BEFORE DELETE ON q FOR EACH ROW EXECUTE FUNCTION look()', 'DELETE FROM q WHERE id BETWEEN 100 AND 110');
SELECT no_trigger();
SELECT with_trigger('AFTER DELETE ON q FOR EACH ROW EXECUTE FUNCTION look()', 'DELETE FROM q WHERE id BETWEEN 111 AND 113');
SELECT no_trigger();
SELECT with_trigger('AFTER UPDATE ON q FOR EACH STATEMENT EXECUTE FUNCTION look()', 'UPDATE q SET v = 3 WHERE id BETWEEN 114 AND 118');
SELECT no_trigger();
SELECT with_trigger('AFTER DELETE ON q FOR EACH ROW EXECUTE FUNCTION look()', 'DELETE FROM q');
SELECT no_trigger();
SELECT twin('SELECT * FROM log');
SELECT twin('TRUNCATE log');
-- rows come back in the trigger of the statement that deletes them all
SELECT twin($$INSERT INTO q SELECT g, 0, g + 1 FROM generate_series(1, 300) g$$);
SELECT squeeze();
CREATE FUNCTION put_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO q VALUES (OLD.id, OLD.v + 1, OLD.other);
	RETURN OLD;
END $$;
SELECT with_trigger('AFTER DELETE ON q FOR EACH ROW WHEN (OLD.id % 3 = 0) EXECUTE FUNCTION put_back()', 'DELETE FROM q');
SELECT no_trigger();
SELECT with_trigger('BEFORE DELETE ON q FOR EACH ROW WHEN (OLD.id % 6 = 0) EXECUTE FUNCTION put_back()', 'DELETE FROM q');
SELECT no_trigger();
SELECT sound();
DROP FUNCTION with_trigger, no_trigger;
DROP TABLE dml_h.q, dml_t.q;
DROP FUNCTION put_back, look, delete_other, update_other, delete_self, update_self;

--
-- INSTEAD OF
--
SELECT twin($$CREATE TABLE base (id int, v int); CREATE VIEW vw AS SELECT id, v, v * 2 AS twice FROM base$$);
SELECT twin($$INSERT INTO base SELECT g, g FROM generate_series(1, 200) g$$);
SELECT squeeze();
CREATE FUNCTION instead() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO log VALUES (TG_NAME, TG_OP, OLD::text, NEW::text);
	IF TG_OP = 'DELETE' THEN
		DELETE FROM base WHERE id = OLD.id AND id % 2 = 0;
		RETURN CASE WHEN FOUND THEN OLD END;
	END IF;
	UPDATE base SET v = NEW.twice / 2 WHERE id = OLD.id;
	RETURN NEW;
END $$;
SELECT twin('CREATE TRIGGER i INSTEAD OF UPDATE OR DELETE ON vw FOR EACH ROW EXECUTE FUNCTION instead()');
SELECT twin('UPDATE vw SET twice = 1000 WHERE id BETWEEN 5 AND 8 RETURNING *');
SELECT twin('DELETE FROM vw WHERE twice BETWEEN 20 AND 30 RETURNING *');
SELECT twin('DELETE FROM vw USING vw w WHERE w.id = vw.id + 1 AND vw.id BETWEEN 50 AND 55 RETURNING vw.*, w.*');
SELECT squeeze();
SELECT twin('UPDATE vw SET twice = twice + 2 WHERE twice = 1000 RETURNING *');
SELECT twin('SELECT * FROM log');
SELECT twin('TRUNCATE log');
DROP TABLE dml_h.base, dml_t.base CASCADE;
DROP FUNCTION instead;

--
-- Constraint triggers at the transaction's end
--
SELECT twin($$CREATE TABLE d (id int, v int, s text)$$);
SELECT twin($$INSERT INTO d SELECT g, g, repeat('d' || g, 800) FROM generate_series(1, 200) g$$);
SELECT squeeze();
SELECT twin($$CREATE CONSTRAINT TRIGGER late AFTER INSERT OR UPDATE OR DELETE ON d DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION dml_note()$$);
CREATE FUNCTION notes() RETURNS SETOF text LANGUAGE sql AS
	$$ SELECT twin('SELECT event, length(old), left(old, 12), length(new), left(new, 12) FROM log') UNION ALL SELECT twin('TRUNCATE log') $$;
BEGIN;
SELECT twin('UPDATE d SET v = -v WHERE id IN (1, 2)');
SELECT twin('UPDATE d SET v = v - 1 WHERE id = 2');
SELECT twin('DELETE FROM d WHERE id IN (2, 3)');
SELECT twin('SELECT count(*) FROM log');
COMMIT;
SELECT notes();
BEGIN;
SELECT twin('UPDATE d SET v = -v WHERE id IN (4, 5)');
SET CONSTRAINTS ALL IMMEDIATE;
SELECT twin('SELECT count(*) FROM log');
SELECT twin('DELETE FROM d WHERE id = 4');
SELECT twin('SELECT count(*) FROM log');
SAVEPOINT a;
SET CONSTRAINTS ALL DEFERRED;
SELECT twin('DELETE FROM d WHERE id = 6');
ROLLBACK TO a;
SET CONSTRAINTS ALL DEFERRED;
SELECT twin('DELETE FROM d WHERE id = 7');
COMMIT;
SELECT notes();
-- chunks that are gone by then
BEGIN;
SELECT twin('DELETE FROM d WHERE id <= 100');
SELECT twin('UPDATE d SET v = 0');
SELECT twin('DELETE FROM d WHERE id > 150');
SELECT tsdb.recompress('dml_t.d') >= 0;
COMMIT;
SELECT notes();
SELECT squeeze();
BEGIN;
SELECT twin('UPDATE d SET v = 1 WHERE id < 105');
SELECT twin('DELETE FROM d WHERE id = 105');
SELECT tsdb.decompress('dml_t.d') > 0;
SELECT tsdb.compress('dml_t.d') >= 0;
COMMIT;
SELECT notes();
SELECT squeeze();
BEGIN;
SELECT twin('DELETE FROM d');
COMMIT;
SELECT notes();
DROP TABLE dml_h.d, dml_t.d;

--
-- Partitions: triggers of a row that moves
--
SELECT twin($$CREATE TABLE p (id int, v int) PARTITION BY RANGE (id);
	CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (100); CREATE TABLE p2 (v int, id int); ALTER TABLE p ATTACH PARTITION p2 FOR VALUES FROM (100) TO (200);
	CREATE TABLE p3 PARTITION OF p FOR VALUES FROM (200) TO (300) USING heap$$);
SELECT twin($$INSERT INTO p SELECT g, g FROM generate_series(0, 299) g$$);
SELECT squeeze();
SELECT twin($$CREATE TRIGGER b BEFORE INSERT OR UPDATE OR DELETE ON p FOR EACH ROW EXECUTE FUNCTION dml_note();
	CREATE TRIGGER a AFTER INSERT OR UPDATE OR DELETE ON p FOR EACH ROW EXECUTE FUNCTION dml_note();
	CREATE TRIGGER s AFTER INSERT OR UPDATE OR DELETE ON p FOR EACH STATEMENT EXECUTE FUNCTION dml_note();
	CREATE TRIGGER tr AFTER UPDATE ON p REFERENCING OLD TABLE AS o NEW TABLE AS n FOR EACH STATEMENT EXECUTE FUNCTION sums()$$);
SELECT twin($$UPDATE p SET v = -v WHERE id IN (5, 105, 205) RETURNING *$$);
SELECT twin($$UPDATE p SET id = id + 100 WHERE id IN (6, 106) RETURNING tableoid::regclass, *$$);
SELECT twin($$UPDATE p SET id = id - 100 WHERE id IN (207, 107) RETURNING tableoid::regclass, *$$);
SELECT twin($$DELETE FROM p WHERE id IN (8, 108, 208) RETURNING *$$);
SELECT notes();
SELECT squeeze();
SELECT twin($$DELETE FROM p WHERE id < 150$$);
SELECT notes();
SELECT sound();
DROP TABLE dml_h.p, dml_t.p;
DROP FUNCTION notes;
DROP TABLE dml_h.log, dml_t.log;
DROP FUNCTION dml_note, sums, meddle;
