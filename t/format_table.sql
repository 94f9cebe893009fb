-- The table whose files 052_format.sh keeps: every layout of column, both stores, tombstones, chunks loaded, moved, merged and cold.
SET tsdb_am.direct_load_rows = 1000;
CREATE TABLE kept (gone int, time timestamptz, host text, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, b bool, n numeric, j jsonb, u uuid, iv interval,
	ip inet, a int[], d date, c "char", name name, bytes bytea, long text, bits varbit, r int4range) USING tsdb WITH (segmentby = 'host', orderby = 'time');
CREATE FUNCTION pg_temp.fill(first int, last int) RETURNS void LANGUAGE sql AS $$
INSERT INTO kept SELECT i, '2024-01-01'::timestamptz + i * interval '10 s', 'host_' || i % 5, i % 100, CASE WHEN i % 50 <> 0 THEN i * 3 END, i * 1000003::int8,
	i / 7.0, CASE WHEN i % 3 <> 0 THEN round(i * 0.1, 1) END, i % 5 = 0, i / 8.0, jsonb_build_object('k', i % 9, 'l', ARRAY[i, i + 1]),
	md5((i % 40)::text)::uuid, i * interval '1 min', ('10.0.' || i % 200 || '.1')::inet, ARRAY[i, NULL, i % 7], '2024-01-01'::date + i % 365, 'x', 'n' || i % 11,
	decode(md5(i::text), 'hex'), CASE WHEN i % 499 = 0 THEN repeat(md5(i::text), 400) END, (i % 9)::bit(4)::varbit, int4range(i, i + i % 5)
	FROM generate_series(first, last) i;
$$;
SELECT pg_temp.fill(1, 3000);
SELECT pg_temp.fill(3001, 4000);
-- infinities, NaN and negative zero
INSERT INTO kept (time, host, f4, f8, n, d) VALUES ('infinity', 'host_1', 'NaN', '-0', 'NaN', 'infinity'), ('-infinity', NULL, '-Infinity', 'Infinity', 'Infinity', '-infinity'), (NULL, NULL, 0, NULL, 1e-30, NULL);
SET tsdb_am.direct_load_rows = 0;
SELECT pg_temp.fill(4001, 5500);
SELECT tsdb.compress('kept');
ALTER TABLE kept DROP COLUMN gone;
ALTER TABLE kept ADD COLUMN added int DEFAULT 5;
DELETE FROM kept WHERE i8 / 1000003 % 23 = 4;
-- (large values of the row store name the TOAST relation, which will be another one)
UPDATE kept SET i2 = i2 + 1 WHERE i8 / 1000003 % 61 = 1 AND long IS NULL;
VACUUM (FREEZE, INDEX_CLEANUP on) kept;
VACUUM (FREEZE) kept;
CHECKPOINT;
