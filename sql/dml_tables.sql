-- Changes of chunk rows in tables of every kind, and with what else is done to a table: moves between the stores, chunks that lose
-- all rows, partitions, inheritance, views, rules, indexes, VACUUM, rewrites; rows that the transaction itself put into chunks.
\getenv abs_srcdir PG_ABS_SRCDIR
\set twin :abs_srcdir '/sql/dml_twin.sql'
\set ECHO none
\i :twin
\set ECHO all

--
-- A chunk all of whose rows are deleted is none any more
--
SELECT twin($$CREATE TABLE c (id int, v int)$$);
SELECT twin($$INSERT INTO c SELECT g, g FROM generate_series(1, 300) g$$);
SELECT squeeze();
SELECT twin($$INSERT INTO c SELECT g, g FROM generate_series(301, 600) g$$);
SELECT squeeze();
SELECT count(*), sum(rows) FROM tsdb.chunks WHERE relation = 'dml_t.c'::regclass;
BEGIN;
SELECT twin('DELETE FROM c WHERE id <= 300');
SELECT count(*), sum(rows) FROM tsdb.chunks WHERE relation = 'dml_t.c'::regclass;
SELECT twin('SELECT count(*), sum(v) FROM c');
SAVEPOINT a;
SELECT twin('DELETE FROM c');
SELECT count(*), sum(rows) FROM tsdb.chunks WHERE relation = 'dml_t.c'::regclass;
ROLLBACK TO a;
SELECT count(*), sum(rows) FROM tsdb.chunks WHERE relation = 'dml_t.c'::regclass;
SELECT twin('UPDATE c SET v = -v WHERE id = 301');
ROLLBACK;
SELECT count(*), sum(rows) FROM tsdb.chunks WHERE relation = 'dml_t.c'::regclass;
SELECT twin('SELECT count(*), sum(v) FROM c');
-- bit by bit
SELECT twin('DELETE FROM c WHERE id <= 150');
SELECT twin('DELETE FROM c WHERE id BETWEEN 151 AND 299');
SELECT twin('DELETE FROM c WHERE id = 300');
SELECT twin('SELECT count(*), sum(v) FROM c');
SELECT tsdb.recompress('dml_t.c') > 0;
SELECT count(*), sum(rows) FROM tsdb.chunks WHERE relation = 'dml_t.c'::regclass;
-- all of it by RETURNING, USING, WITH, by a function, and in place of an update
BEGIN;
SELECT twin('DELETE FROM c RETURNING id');
SELECT twin('INSERT INTO c VALUES (1, 1)');
SELECT twin('SELECT * FROM c');
ROLLBACK;
BEGIN;
SELECT twin('WITH d AS (DELETE FROM c RETURNING id) SELECT count(*) FROM d JOIN c USING (id)');
SELECT twin('SELECT count(*) FROM c');
ROLLBACK;
BEGIN;
SELECT twin('DELETE FROM c USING c d WHERE c.id = d.id');
SELECT twin('SELECT count(*) FROM c');
ROLLBACK;
BEGIN;
SELECT twin('UPDATE c SET v = 0');
SELECT twin('SELECT count(*), sum(v) FROM c');
SELECT twin('DELETE FROM c');
SELECT twin('SELECT count(*) FROM c');
ROLLBACK;
-- cursors that were opened before go on
BEGIN;
SELECT twin('DECLARE before_{s} CURSOR FOR SELECT id FROM c');
SELECT twin('FETCH 2 FROM before_{s}');
DELETE FROM dml_h.c; DELETE FROM dml_t.c;
SELECT twin('FETCH ALL FROM before_{s}');
ROLLBACK;
SELECT twin('SELECT count(*), sum(v) FROM c');
SELECT sound();
SELECT twin('DELETE FROM c');
SELECT squeeze();
SELECT sound();

--
-- recompress and decompress after changes
--
SELECT twin($$INSERT INTO c SELECT g, g FROM generate_series(1, 1000) g$$);
SELECT squeeze();
SELECT twin('DELETE FROM c WHERE id % 3 = 0');
SELECT twin('UPDATE c SET v = v * 2 WHERE id % 3 = 1');
SELECT squeeze();
SELECT tsdb.recompress('dml_t.c') > 0;
SELECT count(*), sum(rows) FROM tsdb.chunks WHERE relation = 'dml_t.c'::regclass;
SELECT twin('SELECT count(*), sum(v) FROM c');
SELECT sound();
SELECT twin('DELETE FROM c WHERE id % 3 = 1');
BEGIN;
SELECT twin('DELETE FROM c WHERE id % 6 = 2');
SELECT tsdb.decompress('dml_t.c') > 0;
SELECT twin('SELECT count(*), sum(v) FROM c');
SELECT twin('DELETE FROM c WHERE id % 12 = 5');
SELECT twin('SELECT count(*), sum(v) FROM c');
ROLLBACK;
SELECT twin('SELECT count(*), sum(v) FROM c');
SELECT tsdb.decompress('dml_t.c');
SELECT twin('SELECT count(*), sum(v) FROM c');
SELECT squeeze();
SELECT twin('UPDATE c SET v = 0 WHERE id < 100');
VACUUM dml_t.c;
SELECT twin('SELECT count(*), sum(v) FROM c');
VACUUM FULL dml_t.c;
SELECT twin('SELECT count(*), sum(v) FROM c');
SELECT twin('UPDATE c SET v = 1 WHERE id < 100');
SELECT twin('ALTER TABLE c ADD COLUMN id2 int GENERATED ALWAYS AS (id * 2) STORED');
SELECT twin('SELECT count(*), sum(v), sum(id2) FROM c');
SELECT squeeze();
SELECT twin('DELETE FROM c WHERE id2 < 100');
SELECT twin('CREATE TABLE c2 AS SELECT * FROM c');
SELECT twin('TRUNCATE c');
SELECT twin('SELECT count(*) FROM c2');
DROP TABLE dml_h.c, dml_t.c, dml_h.c2, dml_t.c2;

--
-- Unlogged and temporary tables
--
SELECT twin($$CREATE UNLOGGED TABLE un (id int, v int)$$);
SELECT twin($$INSERT INTO un SELECT g, g FROM generate_series(1, 300) g$$);
SELECT squeeze();
SELECT twin('UPDATE un SET v = -v WHERE id % 2 = 0 RETURNING *');
SELECT twin('DELETE FROM un WHERE id % 3 = 0 RETURNING *');
SELECT squeeze();
SELECT sound();
DROP TABLE dml_h.un, dml_t.un;
CREATE TEMP TABLE temp_h (id int, v int) USING heap;
CREATE TEMP TABLE temp_t (id int, v int) USING tsdb;
INSERT INTO temp_h SELECT g, g FROM generate_series(1, 300) g;
INSERT INTO temp_t SELECT g, g FROM generate_series(1, 300) g;
SELECT tsdb.compress('temp_t') >= 0;
SELECT chunk_rows('temp_t');
UPDATE temp_h SET v = -v WHERE id % 2 = 0; UPDATE temp_t SET v = -v WHERE id % 2 = 0;
BEGIN;
DELETE FROM temp_h WHERE id % 3 = 0; DELETE FROM temp_t WHERE id % 3 = 0;
SAVEPOINT a;
DELETE FROM temp_h; DELETE FROM temp_t;
ROLLBACK TO a;
COMMIT;
SELECT twin_diff('temp_h', 'temp_t'), count(*) FROM temp_t;
SELECT tsdb.compress('temp_t') > 0;
UPDATE temp_h SET v = h.v FROM temp_h h WHERE h.id = temp_h.id + 1; UPDATE temp_t SET v = h.v FROM temp_t h WHERE h.id = temp_t.id + 1;
SELECT twin_diff('temp_h', 'temp_t'), count(*) FROM temp_t;
DROP TABLE temp_h, temp_t;
BEGIN;
CREATE TEMP TABLE temp_h (id int) USING heap ON COMMIT DELETE ROWS;
CREATE TEMP TABLE temp_t (id int) USING tsdb ON COMMIT DELETE ROWS;
INSERT INTO temp_h SELECT generate_series(1, 10); INSERT INTO temp_t SELECT generate_series(1, 10);
DELETE FROM temp_h WHERE id < 5; DELETE FROM temp_t WHERE id < 5;
SELECT twin_diff('temp_h', 'temp_t'), count(*) FROM temp_t;
COMMIT;
SELECT count(*) FROM temp_t;
DROP TABLE temp_h, temp_t;

--
-- Partitions: rows move between them
--
SELECT twin($$CREATE TABLE p (id int, t timestamptz, v int) PARTITION BY RANGE (t);
	CREATE TABLE p1 PARTITION OF p FOR VALUES FROM ('2026-01-01+00') TO ('2026-02-01+00');
	CREATE TABLE p2 PARTITION OF p FOR VALUES FROM ('2026-02-01+00') TO ('2026-03-01+00') USING heap;
	CREATE TABLE p3 (v int, gone int, t timestamptz, id int);
	ALTER TABLE p3 DROP COLUMN gone;
	ALTER TABLE p ATTACH PARTITION p3 FOR VALUES FROM ('2026-03-01+00') TO ('2026-04-01+00');
	CREATE TABLE p0 PARTITION OF p DEFAULT$$);
SELECT twin($$INSERT INTO p SELECT g, '2026-01-01+00'::timestamptz + g * interval '1 hour', g FROM generate_series(0, 2500) g$$);
SELECT squeeze();
SELECT twin($$UPDATE p SET v = -v WHERE id % 100 = 0 RETURNING tableoid::regclass, *$$);
-- chunk to row store of heap, heap to tsdb, tsdb to tsdb of another shape, to the default one and back
SELECT twin($$UPDATE p SET t = t + interval '1 month' WHERE id BETWEEN 10 AND 12 RETURNING tableoid::regclass, *$$);
SELECT twin($$UPDATE p SET t = t + interval '1 month' WHERE id BETWEEN 1000 AND 1002 RETURNING tableoid::regclass, *$$);
SELECT twin($$UPDATE p SET t = t + interval '2 months' WHERE id BETWEEN 20 AND 22 RETURNING tableoid::regclass, *$$);
SELECT twin($$UPDATE p SET t = t - interval '2 months' WHERE id BETWEEN 1800 AND 1802 RETURNING tableoid::regclass, *$$);
SELECT twin($$UPDATE p SET t = t + interval '1 year' WHERE id % 50 = 7 RETURNING tableoid::regclass, *$$);
SELECT squeeze();
SELECT twin($$UPDATE p SET t = t - interval '1 year' WHERE id % 50 = 7 RETURNING tableoid::regclass, *$$);
SELECT twin($$SELECT tableoid::regclass, count(*), sum(v) FROM p GROUP BY 1$$);
BEGIN;
SELECT twin($$UPDATE p SET t = '2026-01-15+00' WHERE id > 1500$$);
SAVEPOINT a;
SELECT twin($$UPDATE p SET t = '2026-03-15+00' WHERE id > 2000$$);
SELECT twin($$DELETE FROM p WHERE id BETWEEN 1900 AND 2100 RETURNING tableoid::regclass, id$$);
ROLLBACK TO a;
SELECT twin($$SELECT tableoid::regclass, count(*), sum(v) FROM p GROUP BY 1$$);
ROLLBACK;
SELECT twin($$DELETE FROM p USING p q WHERE p.id = q.id AND q.v < 0 RETURNING p.tableoid::regclass, p.id$$);
SELECT twin($$MERGE INTO p USING (VALUES (30), (1030), (1830), (9999)) s(id) ON p.id = s.id WHEN MATCHED AND p.id = 1030 THEN DELETE WHEN MATCHED THEN UPDATE SET t = t + interval '1 month' WHEN NOT MATCHED THEN INSERT VALUES (s.id, '2026-01-02+00', 0)$$);
SELECT squeeze();
SELECT twin($$UPDATE p SET id = id, t = CASE WHEN id % 2 = 0 THEN '2026-02-02+00' ELSE '2026-03-03+00' END::timestamptz WHERE id IN (SELECT id FROM p WHERE id < 200)$$);
SELECT twin($$SELECT tableoid::regclass, count(*), sum(v) FROM p GROUP BY 1$$);
SELECT twin_error($$UPDATE p1 SET t = '2026-02-02+00'$$);
-- a row changed in the statement that moves it
SELECT twin_error($$WITH u AS (UPDATE p SET t = t + interval '1 month' WHERE id = 301 RETURNING id), u2 AS (UPDATE p SET v = 1 WHERE id = (SELECT id FROM u) RETURNING *) SELECT count(*), (SELECT count(*) FROM u2) FROM u$$);
SELECT twin_error($$WITH u AS (UPDATE p SET t = t + interval '1 month' WHERE id = 303 RETURNING id), d AS (DELETE FROM p WHERE id = (SELECT id FROM u) RETURNING *) SELECT count(*), (SELECT count(*) FROM d) FROM u$$);
SELECT twin($$SELECT tableoid::regclass, * FROM p WHERE id IN (301, 303)$$);
-- detached and attached with rows in chunks
SELECT twin($$ALTER TABLE p DETACH PARTITION p1; DELETE FROM p1 WHERE id % 2 = 0; ALTER TABLE p ATTACH PARTITION p1 FOR VALUES FROM ('2026-01-01+00') TO ('2026-02-01+00')$$);
SELECT twin($$SELECT tableoid::regclass, count(*), sum(v) FROM p GROUP BY 1$$);
SELECT squeeze();
SELECT twin($$DELETE FROM p$$);
SELECT squeeze();
SELECT sound();
DROP TABLE dml_h.p, dml_t.p;

-- inheritance: children of both kinds, with columns of their own in another order
SELECT twin($$CREATE TABLE i (id int, v int); CREATE TABLE i1 (extra text, v int, id int); ALTER TABLE i1 INHERIT i; CREATE TABLE i2 (w int) INHERITS (i) USING heap; CREATE TABLE i11 () INHERITS (i1)$$);
SELECT twin($$INSERT INTO i SELECT g, g FROM generate_series(1, 100) g; INSERT INTO i1 SELECT 'e' || g, g, g FROM generate_series(101, 200) g;
	INSERT INTO i2 SELECT g, g, g FROM generate_series(201, 300) g; INSERT INTO i11 SELECT 'f' || g, g, g FROM generate_series(301, 400) g$$);
SELECT squeeze();
SELECT twin($$UPDATE i SET v = v + 1000 WHERE id % 10 = 0 RETURNING tableoid::regclass, *$$);
SELECT twin($$UPDATE ONLY i SET v = 0 WHERE id % 10 = 1 RETURNING tableoid::regclass, *$$);
SELECT twin($$UPDATE i1 SET extra = 'x' || id WHERE id % 10 = 2 RETURNING tableoid::regclass, *$$);
SELECT twin($$DELETE FROM i WHERE id % 7 = 0 RETURNING tableoid::regclass, *$$);
SELECT squeeze();
SELECT twin($$UPDATE i SET v = j.v FROM i j WHERE j.id = i.id + 100 RETURNING i.tableoid::regclass, i.id, j.tableoid::regclass, j.v$$);
SELECT twin($$DELETE FROM i USING i1 WHERE i1.id = i.id + 200 RETURNING i.tableoid::regclass, i.id$$);
SELECT twin($$SELECT * FROM i FOR UPDATE$$);
SELECT squeeze();
SELECT sound();
DROP TABLE dml_h.i, dml_t.i CASCADE;

--
-- Views and rules
--
SELECT twin($$CREATE TABLE b (id int, v int, s text);
	CREATE VIEW low AS SELECT id, v FROM b WHERE id <= 100;
	CREATE VIEW low_local AS SELECT * FROM low WHERE v > 0 WITH LOCAL CHECK OPTION;
	CREATE VIEW low_cascaded AS SELECT * FROM low WHERE v > 0 WITH CASCADED CHECK OPTION;
	CREATE VIEW barrier WITH (security_barrier) AS SELECT id, v + 0 AS v0, s FROM b WHERE id > 100$$);
SELECT twin($$INSERT INTO b SELECT g, g, 's' FROM generate_series(1, 200) g$$);
SELECT squeeze();
SELECT twin($$UPDATE low SET v = v * 2 WHERE id % 20 = 0 RETURNING *$$);
SELECT twin($$UPDATE low SET v = 1 WHERE id = 150$$);
SELECT twin($$UPDATE low_local SET id = 150 WHERE id = 3 RETURNING *$$);
SELECT twin_error($$UPDATE low_local SET v = -1 WHERE id = 4$$);
SELECT twin_error($$UPDATE low_cascaded SET id = 150 WHERE id = 5$$);
SELECT twin_error($$UPDATE low_cascaded SET v = -5 WHERE id = 5$$);
SELECT twin($$DELETE FROM low_cascaded WHERE id BETWEEN 5 AND 8 RETURNING *$$);
SELECT twin($$UPDATE barrier SET s = 'barrier' WHERE v0 % 20 = 1 RETURNING *$$);
SELECT twin_error($$UPDATE barrier SET v0 = 1 WHERE id = 101$$);
SELECT twin($$DELETE FROM barrier USING low WHERE barrier.id = low.id + 100 AND low.id < 10 RETURNING *$$);
SELECT squeeze();
SELECT twin($$SELECT * FROM low FOR UPDATE$$);
SELECT twin($$CREATE TABLE log (id int, what text);
	CREATE RULE b_del AS ON DELETE TO b DO ALSO INSERT INTO log VALUES (old.id, 'deleted ' || old.v);
	CREATE RULE b_upd AS ON UPDATE TO b WHERE new.v < 0 DO INSTEAD INSERT INTO log VALUES (new.id, 'kept ' || old.v);
	CREATE RULE log_upd AS ON UPDATE TO log DO INSTEAD DELETE FROM b WHERE id = old.id$$);
SELECT twin($$DELETE FROM b WHERE id IN (20, 21)$$);
SELECT twin($$UPDATE b SET v = -1 WHERE id IN (22, 23)$$);
SELECT twin($$UPDATE b SET v = CASE WHEN id = 24 THEN -1 ELSE 1 END WHERE id IN (24, 25)$$);
SELECT twin($$UPDATE log SET id = 0 WHERE id = 22$$);
SELECT twin($$CREATE RULE b_ins AS ON INSERT TO b DO INSTEAD UPDATE b SET v = new.v WHERE id = new.id$$);
SELECT twin($$INSERT INTO b SELECT g, 77 FROM generate_series(30, 35) g$$);
SELECT twin($$SELECT * FROM log$$);
SELECT squeeze();
SELECT sound();
DROP TABLE dml_h.b, dml_t.b, dml_h.log, dml_t.log CASCADE;

--
-- Indexes of every kind after changes, VACUUM and REINDEX
--
SELECT twin($$CREATE TABLE ix (id int, h text, tags text[], p point, r int4range, doc jsonb, t timestamptz)$$);
SELECT twin($$INSERT INTO ix SELECT g, 'h' || g % 10, ARRAY['t' || g % 50, 'u' || g % 3], point(g % 100, g / 100), int4range(g, g + 5), jsonb_build_object('k', g % 20), '2026-01-01+00'::timestamptz + g * interval '1 min' FROM generate_series(1, 1000) g$$);
SELECT twin($$CREATE UNIQUE INDEX ON ix (id); CREATE INDEX ON ix (h, t DESC); CREATE INDEX ON ix USING hash (h); CREATE INDEX ON ix USING gin (tags); CREATE INDEX ON ix USING gin (doc);
	CREATE INDEX ON ix USING gist (p); CREATE INDEX ON ix USING spgist (r); CREATE INDEX ON ix (upper(h), (id % 7)) WHERE id % 2 = 0; CREATE INDEX ON ix USING brin (t)$$);
SELECT squeeze();
CREATE FUNCTION by_indexes() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE q text; res text; n int := 0;
BEGIN
	PERFORM set_config('enable_seqscan', 'off', true);
	FOREACH q IN ARRAY ARRAY['count(*), sum(id) FROM ix WHERE id BETWEEN 100 AND 900', 'id FROM ix WHERE id IN (1, 5, 9, 300, 301, 5000)', 'count(*), sum(id) FROM ix WHERE h = ''h7''',
			'count(*), sum(id) FROM ix WHERE h = ''h3'' AND t > ''2026-01-01 10:00+00''', 'count(*), sum(id) FROM ix WHERE tags @> ARRAY[''t7'']', 'count(*), sum(id) FROM ix WHERE tags && ARRAY[''t8'', ''u2'']',
			'count(*), sum(id) FROM ix WHERE doc @> ''{"k": 3}''', 'count(*), sum(id) FROM ix WHERE p <@ box ''((10,2),(40,7))''', 'p FROM ix ORDER BY p <-> point ''(50.1,4.2)'' LIMIT 3',
			'id FROM ix WHERE r @> 303', 'count(*), sum(id) FROM ix WHERE upper(h) = ''H4'' AND id % 7 = 2 AND id % 2 = 0', 'count(*), sum(id) FROM ix WHERE t < ''2026-01-01 08:00+00''',
			'h, count(*) FROM ix GROUP BY h'] LOOP
		res := twin('SELECT ' || q);
		IF res NOT LIKE 'equal%' THEN RETURN NEXT q || ' ' || res; END IF;
		n := n + 1;
		PERFORM set_config('enable_indexscan', CASE current_setting('enable_indexscan') WHEN 'on' THEN 'off' ELSE 'on' END, true);
	END LOOP;
	RETURN NEXT n || ' queries';
END $$;
SELECT twin('DELETE FROM ix WHERE id % 3 = 0');
SELECT by_indexes();
SELECT twin($$UPDATE ix SET h = 'h7', tags = array_append(tags, 't7'), p = point(11, 3), r = '[300,310]', doc = '{"k": 3}', t = t - interval '1 day' WHERE id % 5 = 0$$);
SELECT by_indexes();
BEGIN;
SELECT twin('DELETE FROM ix WHERE id % 3 = 1');
SELECT by_indexes();
SAVEPOINT a;
SELECT twin($$UPDATE ix SET h = 'h4', id = id + 5000 WHERE id < 500$$);
SELECT by_indexes();
ROLLBACK TO a;
SELECT by_indexes();
ROLLBACK;
SELECT by_indexes();
VACUUM dml_h.ix; VACUUM dml_t.ix;
SELECT by_indexes();
SELECT twin($$INSERT INTO ix SELECT id + 1, 'h4', tags, p, r, doc, t FROM ix WHERE id % 3 = 2$$);
SELECT by_indexes();
SELECT squeeze();
SELECT twin('DELETE FROM ix WHERE id % 4 = 0');
VACUUM dml_h.ix; VACUUM dml_t.ix;
SELECT by_indexes();
SELECT twin('UPDATE ix SET id = id + 1 WHERE id % 4 = 3');
REINDEX TABLE dml_h.ix; REINDEX TABLE dml_t.ix;
SELECT by_indexes();
SELECT tsdb.recompress('dml_t.ix') > 0;
SELECT by_indexes();
VACUUM dml_t.ix;
SELECT by_indexes();
SELECT sound();
DROP FUNCTION by_indexes;
DROP TABLE dml_h.ix, dml_t.ix;
-- built, rebuilt, sampled, clustered in the transaction that changed rows
SELECT twin($$CREATE TABLE mt (id int, v int)$$);
SELECT twin($$INSERT INTO mt SELECT g, g FROM generate_series(1, 500) g; INSERT INTO mt SELECT g, 0 FROM generate_series(1, 5) g$$);
SELECT squeeze();
SELECT twin_error('CREATE UNIQUE INDEX mt_id ON mt (id)');
BEGIN;
SELECT twin('DELETE FROM mt WHERE v = 0');
SELECT twin('UPDATE mt SET v = -v, id = -id WHERE id % 10 = 0');
SELECT twin('CREATE UNIQUE INDEX mt_id ON mt (id)');
SELECT twin_error('INSERT INTO mt VALUES (5, 5)');
SELECT twin('SELECT count(*), sum(id) FROM mt TABLESAMPLE SYSTEM (100)');
SET LOCAL enable_seqscan = off;
SELECT twin('SELECT count(*), sum(id) FROM mt WHERE id > -1000');
SELECT twin('DELETE FROM mt WHERE id BETWEEN 100 AND 150');
SELECT twin('CLUSTER mt USING mt_id');
SELECT twin('SELECT count(*), sum(id) FROM mt WHERE id > -1000');
SELECT twin('UPDATE mt SET v = 1 WHERE id < 0');
SELECT twin('ALTER TABLE mt ALTER v TYPE bigint');
SELECT twin('SELECT count(*), sum(v) FROM mt WHERE id > -1000');
ROLLBACK;
SELECT twin('SELECT count(*), sum(id) FROM mt');
BEGIN;
SELECT twin('DELETE FROM mt WHERE id > 250');
ANALYZE dml_t.mt;
SELECT reltuples FROM pg_class WHERE oid = 'dml_t.mt'::regclass;
SELECT twin('TRUNCATE mt');
SELECT twin('INSERT INTO mt VALUES (1, 1)');
ROLLBACK;
SELECT twin('SELECT count(*), sum(id) FROM mt');
SELECT sound();
DROP TABLE dml_h.mt, dml_t.mt;

-- ALTER, TRUNCATE and DROP after changes and errors of the transaction: nothing is left in use
SELECT twin($$CREATE TABLE al (id int PRIMARY KEY, v int, s text); INSERT INTO al SELECT g, g, 's' || g FROM generate_series(1, 300) g$$);
SELECT squeeze();
CREATE FUNCTION left_early() RETURNS int LANGUAGE plpgsql AS $$
DECLARE r record;
BEGIN
	FOR r IN SELECT * FROM al WHERE id < 100 FOR UPDATE LOOP
		EXIT WHEN r.id = 5;
	END LOOP;
	BEGIN
		FOR r IN UPDATE al SET v = 3 WHERE id BETWEEN 100 AND 200 RETURNING * LOOP
			RAISE EXCEPTION 'undo';
		END LOOP;
	EXCEPTION WHEN OTHERS THEN NULL;
	END;
	FOR r IN SELECT * FROM al WHERE id > 200 FOR UPDATE LOOP
		UPDATE al SET v = -1 WHERE id = r.id;
		RETURN r.id;
	END LOOP;
END $$;
BEGIN;
SELECT twin('UPDATE al SET v = 2 WHERE id < 10');
SELECT twin_error('UPDATE al SET v = 1 / (id - 50) WHERE id BETWEEN 40 AND 60');
SELECT twin('SELECT left_early()');
SELECT twin('ALTER TABLE al ADD COLUMN extra int DEFAULT 5');
SELECT twin('UPDATE al SET extra = 6 WHERE id IN (7, 70) RETURNING *');
SELECT twin('ALTER TABLE al DROP COLUMN s, ALTER v TYPE bigint');
SELECT twin('UPDATE al SET v = 9 WHERE id IN (8, 80) RETURNING *');
SAVEPOINT a;
SELECT twin('TRUNCATE al; INSERT INTO al VALUES (1, 1)');
ROLLBACK TO a;
SELECT twin('DECLARE open_{s} CURSOR FOR SELECT * FROM al WHERE id = 10 FOR UPDATE');
SELECT twin('FETCH 1 FROM open_{s}');
SELECT twin_error('ALTER TABLE al ADD COLUMN more int');
SELECT twin('CLOSE open_{s}');
SELECT twin('ALTER TABLE al ADD COLUMN more int');
COMMIT;
SELECT twin('SELECT count(*), sum(v), sum(extra) FROM al');
DROP FUNCTION left_early;
-- parallel workers see what the transaction has done
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
SELECT twin('ALTER TABLE al SET (parallel_workers = 2); INSERT INTO al (id, v) SELECT g, g FROM generate_series(1001, 5000) g');
SELECT squeeze();
BEGIN;
SELECT twin('DELETE FROM al WHERE id % 3 = 0');
SAVEPOINT a;
SELECT twin('UPDATE al SET v = 1 WHERE id % 3 = 1');
SELECT twin('SELECT count(*), sum(v) FROM al');
ROLLBACK TO a;
SELECT twin('SELECT count(*), sum(v) FROM al');
COMMIT;
SELECT twin('SELECT count(*), sum(v) FROM al');
RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size;
DROP TABLE dml_h.al, dml_t.al;
-- materialized views
SELECT twin('CREATE TABLE base (id int, v int) USING heap; INSERT INTO base SELECT g, g FROM generate_series(1, 300) g');
CREATE MATERIALIZED VIEW dml_h.mv USING heap AS SELECT id, sum(v) AS v FROM dml_h.base GROUP BY id;
CREATE MATERIALIZED VIEW dml_t.mv USING tsdb AS SELECT id, sum(v) AS v FROM dml_t.base GROUP BY id;
SELECT twin('CREATE UNIQUE INDEX ON mv (id)');
SELECT squeeze(), chunk_rows('dml_t.mv');
SELECT twin('UPDATE base SET v = -v WHERE id % 10 = 0; DELETE FROM base WHERE id % 7 = 0; INSERT INTO base VALUES (1000, 1)');
SELECT twin('REFRESH MATERIALIZED VIEW CONCURRENTLY mv');
SELECT twin('SELECT count(*), sum(id), sum(v) FROM mv');
SELECT squeeze(), chunk_rows('dml_t.mv');
SELECT twin('UPDATE base SET v = 0 WHERE id < 50');
SELECT twin('REFRESH MATERIALIZED VIEW CONCURRENTLY mv');
SELECT twin('SELECT count(*), sum(id), sum(v) FROM mv');
SELECT sound();
DROP TABLE dml_h.base, dml_t.base CASCADE;

--
-- Rows that the transaction itself has put into chunks
--
CREATE FUNCTION in_chunks(rel regclass) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE n bigint;
BEGIN
	EXECUTE format('SELECT count(*) FROM %s WHERE ctid >= ''(2147483648,0)''', rel) INTO n;
	RETURN n;
END $$;
SET tsdb_am.direct_load_rows = 100;
SELECT twin($$CREATE TABLE ow (id int, v int)$$);
BEGIN;
INSERT INTO dml_h.ow SELECT g, g FROM generate_series(1, 300) g;
INSERT INTO dml_t.ow SELECT g, g FROM generate_series(1, 300) g;
SELECT in_chunks('dml_t.ow');
SELECT twin('UPDATE ow SET v = -v WHERE id <= 10 RETURNING *');
SELECT twin('DELETE FROM ow WHERE id BETWEEN 5 AND 20 RETURNING *');
SELECT twin('SELECT * FROM ow WHERE id < 25 FOR UPDATE');
SAVEPOINT a;
INSERT INTO dml_h.ow SELECT g, g FROM generate_series(301, 600) g;
INSERT INTO dml_t.ow SELECT g, g FROM generate_series(301, 600) g;
SELECT in_chunks('dml_t.ow');
SELECT twin('DELETE FROM ow WHERE id % 2 = 0');
SAVEPOINT b;
SELECT twin('DELETE FROM ow WHERE id > 300');
SELECT twin('UPDATE ow SET v = 0');
ROLLBACK TO b;
SELECT twin('SELECT count(*), sum(v) FROM ow');
ROLLBACK TO a;
SELECT twin('SELECT count(*), sum(v) FROM ow');
SELECT twin('DELETE FROM ow WHERE id > 200');
COMMIT;
SELECT twin('SELECT count(*), sum(v) FROM ow');
-- loaded and deleted as a whole
BEGIN;
INSERT INTO dml_h.ow SELECT g, g FROM generate_series(1001, 1300) g;
INSERT INTO dml_t.ow SELECT g, g FROM generate_series(1001, 1300) g;
SELECT twin('DELETE FROM ow WHERE id > 1000');
INSERT INTO dml_h.ow SELECT g, g FROM generate_series(1001, 1300) g;
INSERT INTO dml_t.ow SELECT g, g FROM generate_series(1001, 1300) g;
SAVEPOINT a;
SELECT twin('DELETE FROM ow');
ROLLBACK TO a;
COMMIT;
SELECT twin('SELECT count(*), sum(v) FROM ow');
-- a statement's own rows are not for it to change
WITH i AS (INSERT INTO dml_h.ow SELECT g, g FROM generate_series(2001, 2300) g) UPDATE dml_h.ow SET v = 7 WHERE id > 1200;
WITH i AS (INSERT INTO dml_t.ow SELECT g, g FROM generate_series(2001, 2300) g) UPDATE dml_t.ow SET v = 7 WHERE id > 1200;
SELECT twin('SELECT v = 7, count(*) FROM ow GROUP BY 1');
SET tsdb_am.direct_load_rows = 0;
-- compressed by it, then changed, then rolled back
BEGIN;
SELECT twin('INSERT INTO ow SELECT g, g FROM generate_series(3001, 3100) g');
COMMIT;
BEGIN;
SAVEPOINT a;
SELECT tsdb.compress('dml_t.ow') > 0;
SELECT twin('UPDATE ow SET v = 8 WHERE id BETWEEN 3050 AND 3060 RETURNING *');
SELECT twin('DELETE FROM ow WHERE id BETWEEN 3055 AND 3070 RETURNING *');
SELECT twin('SELECT count(*), sum(v) FROM ow');
ROLLBACK TO a;
SELECT twin('SELECT count(*), sum(v) FROM ow');
SELECT twin('UPDATE ow SET v = 9 WHERE id BETWEEN 3040 AND 3050');
SELECT tsdb.compress('dml_t.ow') > 0;
SELECT twin('UPDATE ow SET v = v + 1 WHERE id BETWEEN 3045 AND 3055');
SAVEPOINT b;
SELECT tsdb.decompress('dml_t.ow') > 0;
SELECT twin('DELETE FROM ow WHERE id > 3050');
ROLLBACK TO b;
SELECT twin('DELETE FROM ow WHERE id > 3080');
SELECT tsdb.decompress('dml_t.ow') > 0;
SELECT twin('DELETE FROM ow WHERE id BETWEEN 3000 AND 3010');
COMMIT;
SELECT twin('SELECT count(*), sum(v) FROM ow');
SELECT squeeze();
BEGIN;
SELECT twin('UPDATE ow SET v = 100 WHERE id BETWEEN 1001 AND 1100');
SELECT tsdb.recompress('dml_t.ow') >= 0;
SELECT twin('UPDATE ow SET v = 101 WHERE id BETWEEN 1051 AND 1150');
ROLLBACK;
BEGIN;
SELECT tsdb.recompress('dml_t.ow') >= 0;
SELECT twin('UPDATE ow SET v = 102 WHERE id BETWEEN 1051 AND 1150');
SELECT twin('DELETE FROM ow WHERE id BETWEEN 1101 AND 1200');
COMMIT;
SELECT twin('SELECT count(*), sum(v) FROM ow');
SELECT sound();
RESET tsdb_am.direct_load_rows;
SELECT squeeze();
DROP FUNCTION in_chunks;

--
-- COPY of what a statement returns; functions in RETURNING; the whole table from within
--
SELECT twin('TRUNCATE ow; INSERT INTO ow SELECT g, g FROM generate_series(1, 300) g');
SELECT squeeze();
COPY (UPDATE dml_h.ow SET v = 0 WHERE id IN (3, 4) RETURNING *) TO STDOUT;
COPY (UPDATE dml_t.ow SET v = 0 WHERE id IN (3, 4) RETURNING *) TO STDOUT;
COPY (DELETE FROM dml_h.ow WHERE id = 5 RETURNING *) TO STDOUT;
COPY (DELETE FROM dml_t.ow WHERE id = 5 RETURNING *) TO STDOUT;
CREATE FUNCTION other_row(i int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN UPDATE ow SET v = v + 1000 WHERE id = i RETURNING v INTO i; RETURN i; END $$;
CREATE FUNCTION wipe() RETURNS bigint LANGUAGE plpgsql AS $$ DECLARE n bigint; BEGIN DELETE FROM ow; GET DIAGNOSTICS n = ROW_COUNT; RETURN n; END $$;
CREATE FUNCTION wipe_and_fail() RETURNS bigint LANGUAGE plpgsql AS $$ BEGIN DELETE FROM ow; RAISE EXCEPTION 'fail'; EXCEPTION WHEN OTHERS THEN RETURN (SELECT count(*) FROM ow); END $$;
SELECT twin('UPDATE ow SET v = 1 WHERE id BETWEEN 10 AND 15 RETURNING id, other_row(id + 100)');
SELECT twin('DELETE FROM ow WHERE id BETWEEN 16 AND 18 RETURNING id, other_row(id + 100)');
SELECT twin('UPDATE ow SET v = 1 WHERE id BETWEEN 20 AND 25 RETURNING id, other_row(id)');
SELECT twin('SELECT wipe_and_fail()');
SELECT twin('SELECT count(*), sum(v) FROM ow');
BEGIN;
SELECT twin('SELECT count(id), sum(wipe()) FROM ow');
SELECT twin('SELECT count(*) FROM ow');
ROLLBACK;
SELECT twin_error('DELETE FROM ow WHERE id < 200 AND wipe() >= 0');
SELECT twin('DELETE FROM ow WHERE id < 200 AND wipe_and_fail() > 0 RETURNING id');
SELECT squeeze();
DROP FUNCTION other_row, wipe, wipe_and_fail;
DROP TABLE dml_h.ow, dml_t.ow;
-- cursors over partitions, and over an index alone
SELECT twin($$CREATE TABLE cp (id int, v int) PARTITION BY RANGE (id); CREATE TABLE cp1 PARTITION OF cp FOR VALUES FROM (0) TO (100); CREATE TABLE cp2 PARTITION OF cp FOR VALUES FROM (100) TO (200) USING heap; CREATE TABLE cp3 PARTITION OF cp FOR VALUES FROM (200) TO (300)$$);
SELECT twin('INSERT INTO cp SELECT g, g FROM generate_series(0, 299) g; CREATE INDEX ON cp (id)');
SELECT squeeze();
BEGIN;
DECLARE h_c CURSOR FOR SELECT * FROM dml_h.cp WHERE id % 50 = 7;
DECLARE t_c CURSOR FOR SELECT * FROM dml_t.cp WHERE id % 50 = 7;
FETCH 1 FROM h_c; FETCH 1 FROM t_c;
UPDATE dml_h.cp SET v = -1 WHERE CURRENT OF h_c; UPDATE dml_t.cp SET v = -1 WHERE CURRENT OF t_c;
MOVE 2 FROM h_c; MOVE 2 FROM t_c;
UPDATE dml_h.cp SET v = -1, id = 208 WHERE CURRENT OF h_c; UPDATE dml_t.cp SET v = -1, id = 208 WHERE CURRENT OF t_c;
MOVE 2 FROM h_c; MOVE 2 FROM t_c;
DELETE FROM dml_h.cp WHERE CURRENT OF h_c RETURNING *; DELETE FROM dml_t.cp WHERE CURRENT OF t_c RETURNING *;
CLOSE h_c; CLOSE t_c;
SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off;
DECLARE h_c CURSOR FOR SELECT id FROM dml_h.cp3 WHERE id BETWEEN 250 AND 260;
DECLARE t_c CURSOR FOR SELECT id FROM dml_t.cp3 WHERE id BETWEEN 250 AND 260;
FETCH 2 FROM h_c; FETCH 2 FROM t_c;
UPDATE dml_h.cp3 SET v = -2 WHERE CURRENT OF h_c RETURNING *; UPDATE dml_t.cp3 SET v = -2 WHERE CURRENT OF t_c RETURNING *;
COMMIT;
SELECT twin('SELECT tableoid::regclass, * FROM cp WHERE v < 0 OR id = 208');
SELECT squeeze();
SELECT sound();
DROP TABLE dml_h.cp, dml_t.cp;
