CREATE TABLE kept (gone int, time timestamptz, host text, i2 int2, i4 int4, i8 int8, f4 float4, f8 float8, b bool, n numeric, j jsonb, u uuid, iv interval,
	ip inet, a int[], d date, c "char", name name, bytes bytea, long text, bits varbit, r int4range) USING tsdb WITH (segmentby = 'host', orderby = 'time');
ALTER TABLE kept DROP COLUMN gone;
ALTER TABLE kept ADD COLUMN added int DEFAULT 5;
