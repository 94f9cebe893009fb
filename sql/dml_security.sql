-- Who may change which chunk rows, and what is seen of the others: row-level security, privileges, security barriers, and the counters.
\getenv abs_srcdir PG_ABS_SRCDIR
\set twin :abs_srcdir '/sql/dml_twin.sql'
\set ECHO none
\i :twin
\set ECHO all

CREATE ROLE dml_alice;
CREATE ROLE dml_bob;
GRANT USAGE ON SCHEMA public, dml_h, dml_t TO dml_alice, dml_bob;
GRANT CREATE ON SCHEMA dml_h, dml_t TO dml_alice;

--
-- Row-level security
--
SELECT twin($$CREATE TABLE r (id int PRIMARY KEY, owner name, level int, note text)$$);
SELECT twin($$INSERT INTO r SELECT g, CASE g % 3 WHEN 0 THEN 'dml_alice' WHEN 1 THEN 'dml_bob' ELSE 'nobody' END, g % 10, 'note ' || g FROM generate_series(1, 300) g$$);
SELECT twin($$GRANT SELECT, INSERT, UPDATE, DELETE ON r TO dml_alice, dml_bob;
	ALTER TABLE r ENABLE ROW LEVEL SECURITY;
	CREATE POLICY r_sel ON r FOR SELECT USING (owner = current_user OR level = 0);
	CREATE POLICY r_ins ON r FOR INSERT WITH CHECK (owner = current_user AND level < 5);
	CREATE POLICY r_upd ON r FOR UPDATE USING (owner = current_user AND level < 8) WITH CHECK (owner = current_user AND level < 9);
	CREATE POLICY r_del ON r FOR DELETE USING (owner = current_user AND level IN (1, 2));
	CREATE POLICY r_res ON r AS RESTRICTIVE USING (id <> 33)$$);
SELECT squeeze();
SET ROLE dml_alice;
SELECT twin('SELECT count(*), sum(id), count(*) FILTER (WHERE owner <> current_user) FROM r');
SELECT twin($$UPDATE r SET note = 'mine' RETURNING id$$);
SELECT twin($$UPDATE r SET note = 'not mine' WHERE owner = 'dml_bob'$$);
SELECT twin($$UPDATE r SET note = 'hidden' WHERE id = 33$$);
SELECT twin_error($$UPDATE r SET level = 9 WHERE id = 3$$);
SELECT twin_error($$UPDATE r SET owner = 'dml_bob' WHERE id = 3$$);
SELECT twin_error($$UPDATE r SET id = 33 WHERE id = 3$$);
SELECT twin_error($$UPDATE r SET id = 1 WHERE id = 3$$);
SELECT twin($$DELETE FROM r RETURNING *$$);
SELECT twin($$SELECT id FROM r WHERE level = 0 FOR UPDATE$$);
SELECT twin($$SELECT id FROM r FOR SHARE$$);
SELECT twin_error($$INSERT INTO r VALUES (400, 'dml_bob', 0)$$);
SELECT twin_error($$INSERT INTO r VALUES (1, 'dml_alice', 0)$$);
SELECT twin_error($$INSERT INTO r VALUES (1, 'dml_alice', 0) ON CONFLICT (id) DO UPDATE SET note = 'upsert'$$);
SELECT twin_error($$INSERT INTO r VALUES (1, 'dml_alice', 0) ON CONFLICT DO NOTHING$$);
SELECT twin_error($$INSERT INTO r VALUES (3, 'dml_alice', 0) ON CONFLICT (id) DO UPDATE SET note = 'upsert' RETURNING *$$);
SELECT twin_error($$INSERT INTO r VALUES (9, 'dml_alice', 0) ON CONFLICT (id) DO UPDATE SET note = 'upsert'$$);
SELECT twin_error($$INSERT INTO r VALUES (3, 'dml_alice', 0) ON CONFLICT (id) DO UPDATE SET owner = 'dml_bob'$$);
SELECT twin_error($$INSERT INTO r VALUES (33, 'dml_alice', 0) ON CONFLICT (id) DO UPDATE SET note = 'upsert'$$);
SELECT twin_error($$MERGE INTO r USING generate_series(1, 30) g ON id = g WHEN MATCHED AND level < 5 THEN UPDATE SET note = 'merged' WHEN MATCHED THEN DO NOTHING$$);
SELECT twin_error($$MERGE INTO r USING generate_series(1, 30) g ON id = g WHEN MATCHED AND owner = current_user AND level < 5 THEN UPDATE SET note = 'merged'$$);
SELECT twin_error($$MERGE INTO r USING generate_series(1, 30) g ON id = g WHEN MATCHED AND owner = current_user THEN DELETE$$);
SELECT twin_error($$MERGE INTO r USING (SELECT 500) s(g) ON id = g WHEN NOT MATCHED THEN INSERT VALUES (g, 'dml_bob', 1)$$);
SET row_security = off;
SELECT twin_error($$UPDATE r SET note = 'x'$$);
RESET row_security;
SET ROLE dml_bob;
SELECT twin('SELECT count(*), sum(id) FROM r');
SELECT twin($$UPDATE r SET level = level + 1 WHERE level < 8 RETURNING id, level$$);
RESET ROLE;
SELECT squeeze();
SET ROLE dml_bob;
SELECT twin($$DELETE FROM r WHERE note LIKE '%1%' RETURNING *$$);
-- the other plans
SET enable_seqscan = off;
SELECT twin($$UPDATE r SET note = 'by index' WHERE id BETWEEN 100 AND 150 RETURNING id$$);
SET enable_indexscan = off;
SELECT twin($$UPDATE r SET note = 'by bitmap' WHERE id BETWEEN 150 AND 200 RETURNING id$$);
SELECT twin($$DELETE FROM r WHERE id BETWEEN 200 AND 250 RETURNING id$$);
RESET enable_seqscan; RESET enable_indexscan;
RESET ROLE;
SELECT twin('SELECT owner, level, note, count(*) FROM r GROUP BY 1, 2, 3');
SELECT squeeze();
-- the owner, forced; a policy that looks into the table itself; cascades go past it
SELECT twin($$ALTER TABLE r OWNER TO dml_alice; ALTER TABLE r FORCE ROW LEVEL SECURITY; DROP POLICY r_res ON r;
	CREATE TABLE rc (id int, rid int REFERENCES r ON DELETE CASCADE ON UPDATE CASCADE); INSERT INTO rc SELECT id, id FROM r WHERE id < 100; GRANT ALL ON rc TO dml_bob;
	ALTER TABLE rc ENABLE ROW LEVEL SECURITY; CREATE POLICY rc_all ON rc USING (EXISTS (SELECT 1 FROM r WHERE r.id = rid AND owner = current_user)) WITH CHECK (rid IN (SELECT id FROM r))$$);
SELECT squeeze();
SET ROLE dml_bob;
SELECT twin('SELECT count(*) FROM rc');
SELECT twin_error('UPDATE rc SET id = -id RETURNING *');
SELECT twin_error('UPDATE rc SET rid = 2 WHERE rid = (SELECT min(rid) FROM rc)');
SELECT twin('DELETE FROM r WHERE id < 100 RETURNING id');
RESET ROLE;
SELECT twin('SELECT count(*), sum(rid) FROM rc');
SET ROLE dml_alice;
SELECT twin('DELETE FROM r RETURNING id');
SELECT twin('SELECT count(*) FROM r');
RESET ROLE;
SELECT sound();
DROP TABLE dml_h.rc, dml_t.rc, dml_h.r, dml_t.r;

--
-- Privileges on tables and columns
--
SELECT twin($$CREATE TABLE c (id int PRIMARY KEY, v int CHECK (v < 1000), secret text NOT NULL, s text UNIQUE)$$);
SELECT twin($$INSERT INTO c SELECT g, g, 'secret ' || g, 's' || g FROM generate_series(1, 100) g$$);
SELECT squeeze();
SELECT twin($$GRANT UPDATE (v, secret, s) ON c TO dml_alice; GRANT SELECT (id, v) ON c TO dml_bob; GRANT UPDATE (v, s), DELETE, INSERT ON c TO dml_bob$$);
SET ROLE dml_alice;
SELECT twin_error('UPDATE c SET v = 1');
SELECT twin_error('UPDATE c SET v = v + 1');
SELECT twin_error('UPDATE c SET v = 1 WHERE id = 5');
SELECT twin_error('UPDATE c SET v = 1 RETURNING id');
SELECT twin_error('UPDATE c SET id = 1');
SELECT twin_error('UPDATE c SET v = 5000');
SELECT twin_error('UPDATE c SET secret = NULL');
SELECT twin_error($$UPDATE c SET s = 'all'$$);
SELECT twin_error('DELETE FROM c');
SELECT twin_error('SELECT 1 FROM c FOR UPDATE');
SET ROLE dml_bob;
SELECT twin_error('UPDATE c SET v = v + id WHERE id <= 10 RETURNING id, v');
SELECT twin_error('UPDATE c SET v = v + id WHERE id <= 10 RETURNING *');
SELECT twin_error($$UPDATE c SET v = 1 WHERE secret = 'secret 5'$$);
SELECT twin_error('UPDATE c SET v = 5000 WHERE id = 20');
SELECT twin_error($$UPDATE c SET s = 's1' WHERE id = 20$$);
SELECT twin_error($$INSERT INTO c VALUES (20, 1, 'x', 'x')$$);
SELECT twin_error($$INSERT INTO c VALUES (20, 1, 'x', 'x') ON CONFLICT (id) DO UPDATE SET v = c.v + excluded.v RETURNING id, v$$);
SELECT twin_error($$INSERT INTO c VALUES (20, 1, 'x', 'x') ON CONFLICT (s) DO NOTHING$$);
SELECT twin_error($$INSERT INTO c VALUES (20, 1, 'x', 'x') ON CONFLICT (id) DO UPDATE SET secret = 'y'$$);
SELECT twin_error('DELETE FROM c WHERE id = 30 RETURNING id');
SELECT twin_error('DELETE FROM c WHERE id = 31 RETURNING secret');
SELECT twin_error('SELECT id FROM c WHERE id = 32 FOR UPDATE');
SELECT twin_error('SELECT id FROM c WHERE id = 32 FOR KEY SHARE');
SELECT twin_error('MERGE INTO c USING generate_series(40, 50) g ON id = g WHEN MATCHED THEN UPDATE SET v = g');
RESET ROLE;
SELECT twin('GRANT SELECT ON c TO dml_bob; REVOKE UPDATE ON c FROM dml_bob');
SET ROLE dml_bob;
SELECT twin_error('SELECT * FROM c WHERE id = 32 FOR SHARE');
SELECT twin_error('MERGE INTO c USING generate_series(40, 50) g ON id = g WHEN MATCHED THEN DELETE');
RESET ROLE;
SELECT squeeze();
-- by functions and views of one who may
CREATE FUNCTION take(i int) RETURNS text LANGUAGE plpgsql SECURITY DEFINER AS $$ DECLARE r text; BEGIN UPDATE c SET v = 0, secret = secret || ' taken by ' || session_user WHERE id = i RETURNING c::text INTO r; RETURN r; END $$;
CREATE FUNCTION take_invoker(i int) RETURNS text LANGUAGE plpgsql AS $$ DECLARE r text; BEGIN UPDATE c SET v = 0 WHERE id = i RETURNING c::text INTO r; RETURN r; END $$;
SELECT twin($$CREATE VIEW v_owner AS SELECT id, v, secret FROM c WHERE id < 80; CREATE VIEW v_invoker WITH (security_invoker = true) AS SELECT id, v, secret FROM c WHERE id < 80; GRANT ALL ON v_owner, v_invoker TO dml_alice$$);
SET ROLE dml_alice;
SELECT twin_error('SELECT length(take(60)) > 20');
SELECT twin_error('SELECT take_invoker(60)');
SELECT twin_error('UPDATE v_owner SET v = v + 1 WHERE id = 61 RETURNING id, v');
SELECT twin_error('UPDATE v_invoker SET v = v + 1 WHERE id = 61 RETURNING id, v');
SELECT twin_error('DELETE FROM v_owner WHERE id = 62 RETURNING *');
SELECT twin_error('DELETE FROM v_invoker WHERE id = 63 RETURNING *');
RESET ROLE;
SELECT squeeze();
DROP FUNCTION take, take_invoker;
DROP TABLE dml_h.c, dml_t.c CASCADE;

--
-- Functions that tell what they see are not shown what a barrier hides
--
SELECT twin($$CREATE TABLE b (id int PRIMARY KEY, owner name, secret text);
	CREATE VIEW barrier WITH (security_barrier) AS SELECT * FROM b WHERE owner = current_user;
	CREATE TABLE told (secret text); GRANT ALL ON barrier TO dml_alice; GRANT ALL ON b TO dml_bob$$);
SELECT twin($$INSERT INTO b SELECT g, CASE g % 2 WHEN 0 THEN 'dml_alice' ELSE 'dml_bob' END, CASE g % 2 WHEN 0 THEN 'open ' ELSE 'hidden ' END || g FROM generate_series(1, 200) g$$);
SELECT squeeze();
CREATE FUNCTION tell(s text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001 SECURITY DEFINER AS $$ BEGIN INSERT INTO told VALUES (s); RETURN true; END $$;
SET ROLE dml_alice;
SELECT twin('SELECT count(*) FROM barrier WHERE tell(secret)');
SELECT twin($$UPDATE barrier SET secret = secret || '!' WHERE tell(secret) AND id <= 50 RETURNING id$$);
SELECT twin('DELETE FROM barrier WHERE tell(secret) AND id BETWEEN 51 AND 60 RETURNING id');
SELECT twin('SELECT id FROM barrier WHERE tell(secret) AND id BETWEEN 61 AND 70 FOR UPDATE');
SET enable_seqscan = off;
SELECT twin($$UPDATE barrier SET secret = secret || '!' WHERE tell(secret) AND id BETWEEN 71 AND 80 RETURNING id$$);
SET enable_indexscan = off;
SELECT twin($$UPDATE barrier SET secret = secret || '!' WHERE tell(secret) AND id BETWEEN 81 AND 90 RETURNING id$$);
SELECT twin('DELETE FROM barrier WHERE tell(secret) AND id BETWEEN 91 AND 100 RETURNING id');
RESET enable_seqscan; RESET enable_indexscan;
RESET ROLE;
SELECT twin($$SELECT left(secret, 4), count(*) FROM told GROUP BY 1$$);
SELECT twin($$TRUNCATE told; ALTER TABLE b ENABLE ROW LEVEL SECURITY; CREATE POLICY even ON b USING (id % 2 = 0)$$);
SELECT squeeze();
SET ROLE dml_bob;
SELECT twin($$UPDATE b SET secret = secret || '?' WHERE tell(secret)$$);
SELECT twin($$DELETE FROM b WHERE tell(secret) AND id < 100 RETURNING id$$);
SELECT twin($$UPDATE b SET secret = 'x' FROM (VALUES (101), (102)) s(id) WHERE b.id = s.id AND tell(b.secret) RETURNING b.*$$);
RESET ROLE;
SELECT twin($$SELECT left(secret, 4), count(*) FROM told GROUP BY 1$$);
DROP FUNCTION tell;
DROP TABLE dml_h.b, dml_t.b, dml_h.told, dml_t.told CASCADE;

--
-- Counters (heap prunes dead rows of its own accord, so there may be fewer)
--
SELECT twin($$CREATE TABLE n (id int PRIMARY KEY, v int, s text) WITH (autovacuum_enabled = false)$$);
SELECT twin($$INSERT INTO n SELECT g, g, 's' || g FROM generate_series(1, 1000) g$$);
SELECT squeeze();
VACUUM ANALYZE dml_h.n; VACUUM ANALYZE dml_t.n;
SELECT pg_stat_force_next_flush() \gset
SELECT pg_stat_reset_single_table_counters('dml_h.n'::regclass), pg_stat_reset_single_table_counters('dml_t.n'::regclass) \gset
-- so that their live rows are known again
VACUUM dml_h.n; VACUUM dml_t.n;
CREATE FUNCTION counters() RETURNS text LANGUAGE sql AS $$
	SELECT CASE WHEN (h.n_tup_ins, h.n_tup_upd, h.n_tup_del, h.n_live_tup) IS DISTINCT FROM (t.n_tup_ins, t.n_tup_upd, t.n_tup_del, t.n_live_tup)
			OR t.n_dead_tup NOT BETWEEN h.n_dead_tup AND t.n_tup_ins + t.n_tup_upd + t.n_tup_del
		THEN format('DIFFERENT: %s / %s', h, t) ELSE 'equal: ' || (t.n_tup_ins, t.n_tup_upd, t.n_tup_del, t.n_live_tup) END
		FROM pg_stat_user_tables h, pg_stat_user_tables t WHERE h.relid = 'dml_h.n'::regclass AND t.relid = 'dml_t.n'::regclass $$;
SELECT pg_stat_force_next_flush() \gset
SELECT counters();
SELECT twin('UPDATE n SET v = v + 1 WHERE id <= 100');
SELECT pg_stat_force_next_flush() \gset
SELECT counters();
SELECT twin('DELETE FROM n WHERE id BETWEEN 101 AND 150');
SELECT pg_stat_force_next_flush() \gset
SELECT counters();
SELECT twin('UPDATE n SET id = id + 10000 WHERE id BETWEEN 201 AND 250');
SELECT twin('INSERT INTO n VALUES (251, 0), (2000, 0) ON CONFLICT (id) DO UPDATE SET v = 0');
SELECT twin('MERGE INTO n USING generate_series(990, 1010) g ON id = g WHEN MATCHED AND g % 2 = 0 THEN DELETE WHEN MATCHED THEN UPDATE SET v = 0 WHEN NOT MATCHED THEN INSERT VALUES (g, g)');
SELECT pg_stat_force_next_flush() \gset
SELECT counters();
BEGIN;
SELECT twin('UPDATE n SET v = 0 WHERE id BETWEEN 300 AND 399');
SELECT twin('DELETE FROM n WHERE id BETWEEN 350 AND 449');
SELECT twin($$SELECT n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_xact_user_tables WHERE schemaname = 'dml_{s}' AND relname = 'n'$$);
ROLLBACK;
SELECT pg_stat_force_next_flush() \gset
SELECT counters();
BEGIN;
SAVEPOINT a;
SELECT twin('DELETE FROM n WHERE id BETWEEN 300 AND 319');
ROLLBACK TO a;
SELECT twin('UPDATE n SET v = 0 WHERE id BETWEEN 310 AND 329');
RELEASE a;
COMMIT;
SELECT pg_stat_force_next_flush() \gset
SELECT counters();
SELECT twin('DELETE FROM n');
SELECT pg_stat_force_next_flush() \gset
SELECT counters();
DROP FUNCTION counters;
DROP TABLE dml_h.n, dml_t.n;

REVOKE ALL ON SCHEMA public, dml_h, dml_t FROM dml_alice, dml_bob;
DROP ROLE dml_alice, dml_bob;
