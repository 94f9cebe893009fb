-- Rows that leave their chunks and come back in many rounds: vacuum takes the index entries of rows and chunks that are no more, so
-- that indexes, row store and chunk store stay about as large as after the first rounds.
SET client_min_messages = warning;
CREATE TABLE ib (k int PRIMARY KEY, t timestamptz NOT NULL, v int, s text) USING tsdb;
CREATE INDEX ib_t ON ib (t);
CREATE INDEX ib_s ON ib USING hash (s);
CREATE INDEX ib_v ON ib USING gin ((ARRAY[v]));
ALTER TABLE ib SET (autovacuum_enabled = off);
INSERT INTO ib SELECT g, '2026-01-01'::timestamptz + g * interval '1 s', g % 100, 's' || g % 500 FROM generate_series(1, 20000) g;
SELECT tsdb.compress('ib');
CREATE TABLE ib_sizes (round int, relation text, bytes bigint);
CREATE PROCEDURE ib_round(round int) LANGUAGE plpgsql AS $$
BEGIN
	UPDATE ib SET v = v + 1 WHERE k % 10 = round % 10;
	COMMIT;
	DELETE FROM ib WHERE k % 50 = round % 50;
	INSERT INTO ib SELECT g, '2026-01-01'::timestamptz + g * interval '1 s', g % 100, 's' || g % 500
		FROM generate_series(1, 20000) g WHERE g % 50 = round % 50;
	COMMIT;
	PERFORM tsdb.compress('ib');
	COMMIT;
	IF round % 4 = 0 THEN
		PERFORM tsdb.recompress('ib');
		COMMIT;
	END IF;
END $$;
CREATE FUNCTION ib_measure(round int) RETURNS void LANGUAGE sql AS $$
	INSERT INTO ib_sizes SELECT round, c.oid::regclass::text, pg_relation_size(c.oid) FROM pg_class c
		WHERE c.oid IN (SELECT 'ib'::regclass UNION SELECT indexrelid FROM pg_index WHERE indrelid = 'ib'::regclass)
	UNION ALL SELECT round, 'chunk store', pg_total_relation_size(reltoastrelid) FROM pg_class WHERE oid = 'ib'::regclass
$$;
SELECT format('CALL ib_round(%s)', i) AS a, 'VACUUM (INDEX_CLEANUP on) ib' AS b, format('DO $d$ BEGIN PERFORM ib_measure(%s); END $d$', i) AS c FROM generate_series(1, 24) i \gexec
-- rounds 5 to 8 against the last four: no more than half as much again
SELECT relation, max(bytes) FILTER (WHERE round BETWEEN 5 AND 8) * 1.5 >= max(bytes) FILTER (WHERE round > 20) AS bounded
	FROM ib_sizes GROUP BY relation ORDER BY relation COLLATE "C";
SELECT count(*), count(DISTINCT k), min(k), max(k) FROM ib;
SET enable_seqscan = off; SET enable_bitmapscan = off;
SELECT count(*) FROM ib WHERE k > 0;
SELECT count(*) FROM ib WHERE t > '2000-01-01';
RESET enable_seqscan; RESET enable_bitmapscan;
SELECT * FROM tsdb.verify('ib');
-- (automatic cleaning waits until there is enough to clean)
DELETE FROM ib WHERE k = 1;
VACUUM ib;
SELECT count(*) FROM ib WHERE k = 1;
DROP TABLE ib, ib_sizes; DROP PROCEDURE ib_round; DROP FUNCTION ib_measure;
