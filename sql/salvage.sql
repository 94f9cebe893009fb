-- tsdb.salvage on tables that are whole: what is copied, how columns are matched, what is refused.  (Damage: t/044_corrupt_fuzz.sh.)
CREATE TABLE salv (gone int, id int, time timestamptz, host text, v float8, n numeric, wide text) USING tsdb WITH (segmentby = 'host', orderby = 'time');
ALTER TABLE salv ALTER wide SET STORAGE EXTERNAL;
INSERT INTO salv SELECT 0, g, timestamptz '2026-01-01 00:00+00' + g * interval '1 min', 'h' || g % 5, nullif(g % 7, 0), g / 8.0, NULL FROM generate_series(1, 3000) g;
SELECT tsdb.compress('salv') >= 0 AS compressed;
DELETE FROM salv WHERE id % 10 = 0;
UPDATE salv SET v = -1 WHERE id % 101 = 0;
INSERT INTO salv SELECT 0, g, '2026-02-01', 'late', g, NULL, repeat('wide ', 20000 + g) FROM generate_series(3001, 3005) g;
ALTER TABLE salv DROP COLUMN gone, ADD COLUMN added text DEFAULT 'as added';

CREATE TABLE salv_heap (LIKE salv);
SELECT chunk, rows_copied, rows_lost, damaged_columns, problem FROM tsdb.salvage('salv', 'salv_heap');
SELECT count(*) FROM ((TABLE salv EXCEPT ALL TABLE salv_heap) UNION ALL (TABLE salv_heap EXCEPT ALL TABLE salv)) d;

-- columns by name, in another order, of other types; generated ones are computed, identity ones kept; indexes, defaults and triggers of the target
CREATE TABLE salv_other (id bigint GENERATED ALWAYS AS IDENTITY, twice float8 GENERATED ALWAYS AS (v * 2) STORED, added varchar(40), wide text, n float8, v numeric(10, 2), host text NOT NULL, time timestamp, extra int DEFAULT 5) USING tsdb;
CREATE UNIQUE INDEX ON salv_other (id);
SET timezone = 'UTC';
SELECT rows_copied FROM tsdb.salvage('salv', 'salv_other', null_damaged => true);
SELECT count(*) FROM salv s JOIN salv_other o ON s.id = o.id AND s.time = o.time AND s.host = o.host AND s.v IS NOT DISTINCT FROM o.v::float8
	AND s.n IS NOT DISTINCT FROM o.n::numeric AND s.wide IS NOT DISTINCT FROM o.wide AND o.added = 'as added' AND o.extra = 5 AND o.twice IS NOT DISTINCT FROM (o.v * 2)::float8;
-- again: its own constraints hold
\set VERBOSITY terse
SELECT rows_copied FROM tsdb.salvage('salv', 'salv_other');
\set VERBOSITY default
RESET timezone;

-- partitions, both ways
CREATE TABLE salv_parts (LIKE salv) PARTITION BY HASH (host);
CREATE TABLE salv_part0 PARTITION OF salv_parts FOR VALUES WITH (MODULUS 2, REMAINDER 0) USING tsdb;
CREATE TABLE salv_part1 PARTITION OF salv_parts FOR VALUES WITH (MODULUS 2, REMAINDER 1) USING tsdb;
SELECT rows_copied FROM tsdb.salvage('salv', 'salv_parts');
TRUNCATE salv_heap;
SELECT "table", rows_lost FROM tsdb.salvage('salv_parts', 'salv_heap') ORDER BY 1;
SELECT count(*) FROM ((TABLE salv EXCEPT ALL TABLE salv_heap) UNION ALL (TABLE salv_heap EXCEPT ALL TABLE salv)) d;

-- an empty table; a temporary one
CREATE TEMP TABLE salv_temp (LIKE salv) USING tsdb;
SELECT rows_copied, rows_lost FROM tsdb.salvage('salv_temp', 'salv_heap');
INSERT INTO salv_temp TABLE salv;
CREATE TEMP TABLE salv_temp2 (LIKE salv);
SELECT rows_copied FROM tsdb.salvage('salv_temp', 'salv_temp2');
SELECT tsdb.salvage(NULL, 'salv_heap') IS NULL;

-- refused
CREATE TABLE salv_narrow (id int, time timestamptz);
SELECT * FROM tsdb.salvage('salv', 'salv_narrow');
SELECT * FROM tsdb.salvage('salv', 'salv');
SELECT * FROM tsdb.salvage('salv_parts', 'salv_part0');
SELECT * FROM tsdb.salvage('salv_heap', 'salv');
CREATE VIEW salv_view AS TABLE salv;
SELECT * FROM tsdb.salvage('salv', 'salv_view');
BEGIN READ ONLY;
SELECT * FROM tsdb.salvage('salv', 'salv_heap');
ROLLBACK;
CREATE ROLE salv_reader;
GRANT SELECT ON salv TO salv_reader;
GRANT ALL ON salv_heap TO salv_reader;
CREATE TABLE salv_own (id int) USING tsdb;
INSERT INTO salv_own VALUES (1);
ALTER TABLE salv_own OWNER TO salv_reader;
CREATE TABLE salv_none (id int) USING tsdb;
ALTER TABLE salv_none OWNER TO salv_reader;
SET ROLE salv_reader;
SELECT * FROM tsdb.salvage('salv', 'salv_heap');
SELECT * FROM tsdb.salvage('salv_own', 'salv_narrow');
-- even if there is nothing to write: the table would be locked
SELECT * FROM tsdb.salvage('salv_none', 'salv_narrow');
RESET ROLE;
GRANT INSERT (id) ON salv_narrow TO salv_reader;
SET ROLE salv_reader;
SELECT rows_copied FROM tsdb.salvage('salv_own', 'salv_narrow');
RESET ROLE;

DROP VIEW salv_view;
DROP TABLE salv, salv_heap, salv_other, salv_parts, salv_narrow, salv_own, salv_none;
DROP ROLE salv_reader;
