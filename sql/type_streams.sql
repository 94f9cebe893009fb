-- Values that are taken apart into integers: numeric, interval, timetz, uuid, inet, cidr, macaddr, macaddr8, point, line, lseg,
-- box, circle. What would break this: a value that comes back equal but not the same (1.10 as 1.1, -0 as 0, another form of numeric),
-- or not at all. Text shows the display scale, the binary forms show bits, pg_column_size the form on disk.
SET tsdb_am.direct_load_rows = 1000;
SET extra_float_digits = 1;
CREATE DOMAIN price AS numeric(12, 3) CHECK (VALUE IS DISTINCT FROM -1);

-- Rows that differ, by the binary forms of all columns and by the sizes of their values: of a copy on heap, which has the same
-- headers and so the same sizes only if all bytes behind them are the same.
CREATE FUNCTION bits_diff(a regclass, b regclass) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	what text := 'i, md5(concat_ws(''|'', numeric_send(n2)::text, numeric_send(n0)::text, numeric_send(nm)::text, numeric_send(nx)::text, numeric_send(nw)::text, numeric_send(nd)::text,
		numeric_send(no)::text, interval_send(iv)::text, interval_send(ix)::text, timetz_send(tz)::text, uuid_send(ur)::text, uuid_send(us)::text, inet_send(ip)::text, inet_send(ix6)::text,
		cidr_send(ci)::text, macaddr_send(m6)::text, macaddr8_send(m8)::text, point_send(p)::text, line_send(ln)::text, lseg_send(ls)::text, box_send(bx)::text, circle_send(cl)::text)),
		pg_column_size(n2), pg_column_size(n0), pg_column_size(nm), pg_column_size(nx), pg_column_size(nw), pg_column_size(nd), pg_column_size(no), pg_column_size(iv), pg_column_size(tz), pg_column_size(ur), pg_column_size(ip), pg_column_size(ix6),
		pg_column_size(ci), pg_column_size(m6), pg_column_size(m8), pg_column_size(p), pg_column_size(ln), pg_column_size(ls), pg_column_size(bx), pg_column_size(cl)';
	n bigint;
BEGIN
	EXECUTE format('CREATE TABLE bits_copy USING heap AS SELECT * FROM %s', a);
	EXECUTE format('SELECT count(*) FROM ((SELECT %3$s FROM %1$s EXCEPT ALL SELECT %3$s FROM %2$s) UNION ALL (SELECT %3$s FROM %2$s EXCEPT ALL SELECT %3$s FROM %1$s)) d', 'bits_copy', b, what) INTO n;
	DROP TABLE bits_copy;
	RETURN n;
END $$;

-- columns: two decimals; integers; mixed scales; the odd ones; wide; a domain; 16 decimals and more, as averages have; ...
CREATE TABLE streams_heap (
	i int, n2 numeric(10, 2), n0 numeric, nm numeric, nx numeric, nw numeric, nd price, no numeric,
	iv interval, ix interval, tz timetz, ur uuid, us uuid, ip inet, ix6 inet, ci cidr, m6 macaddr, m8 macaddr8,
	p point, ln line, ls lseg, bx box, cl circle
) USING heap;

INSERT INTO streams_heap
SELECT g,
	(1000 + (g * 7919 % 20001) / 100.0)::numeric(10, 2) * CASE WHEN g % 3 = 0 THEN -1 ELSE 1 END,
	1000000 + g * 1000,
	CASE g % 4 WHEN 0 THEN g / 10.0::numeric(10, 1) WHEN 1 THEN g::numeric WHEN 2 THEN round(g / 100.0, 2) ELSE round(g / 10.0, 1) * 1.0 END,
	(g - 3000) * 0.5,
	(g::numeric * 1000000007) * 1000000000000000003 * CASE WHEN g % 2 = 0 THEN -1 ELSE 1 END,
	(g % 5000) / 8.0, (g::numeric * 12345) / 7,
	make_interval(mins => g), make_interval(months => g % 14, days => -(g % 3), secs => g / 8.0),
	('00:00:00+0' || g % 10)::timetz + g * interval '1.000001 s',
	md5(g::text)::uuid, ('01890a5d-' || lpad(to_hex(g / 16), 4, '0') || '-7' || lpad(to_hex(g % 4096), 3, '0') || '-8' || substr(md5(g::text), 1, 3) || '-' || substr(md5('x' || g), 1, 12))::uuid,
	('10.' || g / 2560 || '.' || g % 256 || '.' || g % 200 || CASE WHEN g % 10 = 0 THEN '/24' ELSE '' END)::inet,
	CASE WHEN g % 3 = 0 THEN ('2001:db8::' || to_hex(g % 65536) || ':' || to_hex(g * 7 % 65536))::inet WHEN g % 3 = 1 THEN ('2001:db8:' || to_hex(g % 65536) || '::1/48')::inet ELSE ('192.168.' || g % 256 || '.1')::inet END,
	('10.' || g % 256 || '.0.0/16')::cidr, ('08:00:2b:01:' || to_hex(16 + g / 200 % 200) || ':' || to_hex(16 + g % 200))::macaddr,
	('08:00:2b:01:02:03:' || to_hex(16 + g / 200 % 200) || ':' || to_hex(16 + g % 200))::macaddr8,
	point(g / 10.0, -g / 100.0), line(point(0, g), point(1, g + 1)), lseg(point(g, 1), point(1, g / 4.0)), box(point(g, 1), point(2, g / 2.0)), circle(point(g, 0), 1 + g / 10.0)
FROM generate_series(1, 6000) g;

-- few odd values between many plain ones, and then vectors of nothing but odd ones
CREATE TABLE odd_numerics (k serial, v numeric);
INSERT INTO odd_numerics (v) SELECT unnest(ARRAY[
	'0', '0.00', '0.0000000000000000000000000000000000000000000000000000000000000000', '-0.5', '0.5', '1', '-1', '1.1', '1.10', '1.100', '1e-20', '-1e-20', '1e30', '1e131071', '1e-16383', '-123.456e-1000',
	'99999999999999999999999999999999999999', '-99999999999999999999999999999999999999', '170141183460469231731687303715884105727', '170141183460469231731687303715884105728',
	'-170141183460469231731687303715884105728', '999999999999999999999999999999999999999999', '9223372036854775807', '-9223372036854775807', '9223372036854775808', '-9223372036854775808', '-9223372036854775809',
	'922337203685477580.7', '92233720368547758.07', '9223372036854775.807', '-922337203685477.5807', '92233720368547758070', '9999999999999999', '10000000000000000', '999999999999999.9', '1000000000000000.0', '99999999999999.99',
	'1000000', '10000', '9999', '9999.9999', '10000.0001', '10000.00010000', '0.0001', '0.00010', '0.00001', '0.1000000000000000000000000001', '4500.0000000000000000', '12345678901234567890.0000000000', 'NaN', 'Infinity', '-Infinity',
	'100000000000000000000000000000000000000000000000000000000000000000000000000000', '0.3333333333333333333333333333333333333333333333333333333333333333333333333333'])::numeric;
INSERT INTO odd_numerics (v) SELECT v * 10::numeric ^ s FROM odd_numerics, generate_series(-5, 5) s WHERE k % 4 = 0;
SELECT count(*) > 150 FROM odd_numerics;
-- the forms that are no longer the shortest: a display scale set in place
INSERT INTO odd_numerics (v) SELECT v::numeric(1000, 70) FROM odd_numerics WHERE abs(v) < 1e20 AND k < 100;

UPDATE streams_heap SET n2 = NULL, n0 = NULL, iv = NULL, ip = NULL, p = NULL, ur = NULL WHERE i % 4 = 0 OR i BETWEEN 100 AND 300;
UPDATE streams_heap SET nm = NULL, nx = NULL, nw = NULL, tz = NULL, us = NULL, ix6 = NULL, bx = NULL WHERE i BETWEEN 1025 AND 2048;
UPDATE streams_heap SET n2 = 'NaN', n0 = 'NaN', nm = 'NaN', nx = 'NaN', nw = 'NaN', nd = 'NaN', no = 'NaN' WHERE i % 101 = 0;
UPDATE streams_heap SET n0 = 'Infinity', nm = '-Infinity', nx = 'Infinity', nw = '-Infinity' WHERE i % 103 = 0;
UPDATE streams_heap SET n0 = v, nm = v, no = v FROM odd_numerics WHERE i = k * 19 + 7;
UPDATE streams_heap SET nx = v FROM odd_numerics o WHERE i > 4096 AND k = 1 + i % (SELECT max(k) FROM odd_numerics);
UPDATE streams_heap SET nw = v FROM odd_numerics o WHERE i > 5120 AND k = 1 + i % (SELECT max(k) FROM odd_numerics) AND abs(v) < 1e38;
UPDATE streams_heap SET n0 = i * 10::numeric ^ (i % 5) WHERE i BETWEEN 3000 AND 4000;
UPDATE streams_heap SET iv = interval '-1 mon +1 day -00:00:01', tz = '23:59:60-15:59:59' WHERE i % 201 = 0;
UPDATE streams_heap SET iv = interval '178000000 years 11 months 2147483647 days 2562047788 hours 54.775807 s', ix = interval '-178000000 years -2147483648 days -2562047788 hours -54.775808 s' WHERE i % 202 = 0;
UPDATE streams_heap SET p = point('NaN', '-Infinity'), bx = box(point('Infinity', '-0'), point('NaN', 1)), ls = lseg(point('-0', 0), point(5e-324, 1.7976931348623157e308)), cl = circle(point('NaN', 'Infinity'), 0) WHERE i % 203 = 0;
UPDATE streams_heap SET p = point('-0'::float8, 0.1 + 0.2) WHERE i % 204 = 0;
UPDATE streams_heap SET ip = '0.0.0.0/0', ix6 = '::/0', ci = 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', m6 = 'ff:ff:ff:ff:ff:ff', m8 = 'ff:ff:ff:ff:ff:ff:ff:ff', us = 'ffffffff-ffff-ffff-ffff-ffffffffffff' WHERE i % 205 = 0;
UPDATE streams_heap SET ip = '255.255.255.255', ix6 = '::ffff:1.2.3.4', ci = '::/0', m6 = '00:00:00:00:00:00', m8 = '80:00:00:00:00:00:00:00', us = '00000000-0000-0000-0000-000000000000' WHERE i % 206 = 0;
INSERT INTO streams_heap (i) SELECT g FROM generate_series(6001, 7300) g;

-- direct load
CREATE TABLE streams_direct (LIKE streams_heap) USING tsdb;
INSERT INTO streams_direct SELECT * FROM streams_heap ORDER BY i;
SELECT twin_diff('streams_direct', 'streams_heap'), bits_diff('streams_direct', 'streams_heap'), chunk_rows('streams_direct');
SELECT tsdb.verify('streams_direct');

-- row store, then compress, and back
CREATE TABLE streams_moved (LIKE streams_heap) USING tsdb;
SET tsdb_am.direct_load_rows = 0;
INSERT INTO streams_moved SELECT * FROM streams_heap;
RESET tsdb_am.direct_load_rows;
SELECT tsdb.compress('streams_moved') > 0;
SELECT twin_diff('streams_moved', 'streams_heap'), bits_diff('streams_moved', 'streams_heap'), chunk_rows('streams_moved');
SELECT tsdb.recompress('streams_moved') > 0;
SELECT twin_diff('streams_moved', 'streams_heap'), bits_diff('streams_moved', 'streams_heap'), chunk_rows('streams_moved');
SELECT tsdb.decompress('streams_moved') > 0;
SELECT twin_diff('streams_moved', 'streams_heap'), bits_diff('streams_moved', 'streams_heap'), chunk_rows('streams_moved');

-- columns that gain most have become streams (others too, if nothing is smaller)
SELECT "column" FROM tsdb.columns WHERE relation = 'streams_direct'::regclass AND encoding LIKE '%streams%'
	AND "column" IN ('iv', 'ix', 'ls', 'm8', 'n2', 'nd', 'no', 'p', 'tz') ORDER BY "column" COLLATE "C";

-- operators on what was joined; fetches of single rows
SELECT sum(n2), sum(nd) FROM streams_heap WHERE n2 <> 'NaN' AND nd <> 'NaN';
SELECT sum(n2), sum(nd) FROM streams_direct WHERE n2 <> 'NaN' AND nd <> 'NaN';
CREATE INDEX ON streams_direct (nm);
CREATE INDEX ON streams_direct (us);
CREATE INDEX ON streams_direct (ix6);
SET enable_seqscan = off;
SELECT i, nm FROM streams_direct WHERE nm BETWEEN 35.99 AND 36.01 ORDER BY i;
SELECT i, nm FROM streams_heap WHERE nm BETWEEN 35.99 AND 36.01 ORDER BY i;
SELECT count(*) FROM streams_heap h JOIN streams_direct d USING (us) WHERE h.i = d.i AND h.ix6 = d.ix6;
SELECT count(*) FROM streams_heap h WHERE us IS NOT NULL AND ix6 IS NOT NULL AND us NOT IN ('ffffffff-ffff-ffff-ffff-ffffffffffff', '00000000-0000-0000-0000-000000000000');
RESET enable_seqscan;

-- types that change without a rewrite keep their chunks
CREATE TABLE coerced (c cidr, n price, v numeric(8, 2)) USING tsdb;
INSERT INTO coerced SELECT ('10.' || g % 256 || '.' || g / 256 || '.0/24')::cidr, g / 10.0, g / 4.0 FROM generate_series(1, 2500) g;
SELECT chunk_rows('coerced'), md5(string_agg(c::text || n || v, ',' ORDER BY v)) FROM coerced;
ALTER TABLE coerced ALTER c TYPE inet, ALTER n TYPE numeric, ALTER v TYPE numeric;
SELECT chunk_rows('coerced'), md5(string_agg(c::inet::text || n || v, ',' ORDER BY v)) FROM coerced;
INSERT INTO coerced SELECT ('2001:db8::' || to_hex(g))::inet, g / 3.0, g::numeric ^ 7 FROM generate_series(1, 1500) g;
SELECT chunk_rows('coerced'), count(*), sum(v), max(c), min(n) FROM coerced;

-- vectors of every number of rows, and of every number of exceptions up to all
CREATE TABLE short_heap (g int, r int, n numeric, iv interval) USING heap;
INSERT INTO short_heap SELECT g, r, CASE WHEN r % 70 < g % 70 THEN 'NaN' ELSE r / 100.0 END, r * interval '1 s' FROM generate_series(1, 140) g, generate_series(1, 1 + g * 7) r;
CREATE TABLE short_direct (LIKE short_heap) USING tsdb;
SET tsdb_am.direct_load_rows = 1;
DO $$ BEGIN
	FOR k IN 1 .. 140 LOOP
		INSERT INTO short_direct SELECT * FROM short_heap WHERE g = k;
	END LOOP;
END $$;
SELECT twin_diff('short_direct', 'short_heap'), chunk_rows('short_direct');

DROP TABLE streams_heap, streams_direct, streams_moved, odd_numerics, coerced, short_heap, short_direct;
DROP DOMAIN price;
DROP FUNCTION bits_diff(regclass, regclass);
