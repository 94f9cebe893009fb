-- Tables of 040_crash_points.sh and 041_resources.sh: each with a heap twin, :am is tsdb (or heap, to prove the scripts themselves).
-- chk tells a torn row.  extra is changed by rewrites, and not compared.
CREATE TABLE log (tag text PRIMARY KEY);

CREATE TABLE events (tag text DEFAULT current_setting('test.tag'), i int, time timestamptz, host text, v float8, n numeric, note text, extra bigint DEFAULT 0,
	chk int GENERATED ALWAYS AS (hashtext(tag) # i # interval_hash(time - timestamptz '2000-01-01 00:00:00+00') # hashtext(host) # hashfloat8(v) # hash_numeric(n) # hashtext(coalesce(note, ''))) STORED) USING heap;
CREATE TABLE keyed (id int, LIKE events INCLUDING ALL) USING heap;
CREATE TABLE events_heap (LIKE events INCLUDING ALL) USING heap;
CREATE TABLE sharded_heap (LIKE events INCLUDING ALL) USING heap;
CREATE TABLE fresh_heap (LIKE events INCLUDING ALL) USING heap;
CREATE TABLE virgin_heap (LIKE events INCLUDING ALL) USING heap;
CREATE TABLE keyed_heap (LIKE keyed INCLUDING ALL) USING heap;
ALTER TABLE keyed ADD PRIMARY KEY (id);
ALTER TABLE keyed_heap ADD PRIMARY KEY (id);
CREATE INDEX keyed_host ON keyed (host, time);
CREATE INDEX keyed_note ON keyed (hashtext(note)) WHERE v > 0;
ALTER TABLE events SET ACCESS METHOD :am;
ALTER TABLE keyed SET ACCESS METHOD :am;
SET default_table_access_method = :am;
CREATE TABLE fresh (LIKE events INCLUDING ALL);
-- made anew again and again
CREATE TABLE virgin (LIKE events INCLUDING ALL);
-- empty after a crash
CREATE UNLOGGED TABLE unlogged (LIKE events INCLUDING ALL);
CREATE INDEX ON unlogged (i);
CREATE TABLE sharded (LIKE events INCLUDING ALL);
SELECT tsdb.create_shards('sharded', 'time', interval '2 days', ahead => 0);
RESET default_table_access_method;

-- Rows that are in one twin only, or there another number of times.
CREATE FUNCTION differ(name text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	columns text := CASE WHEN name = 'keyed' THEN 'id, ' ELSE '' END || 'tag, i, time, host, v, n, note, chk';
	result bigint;
BEGIN
	EXECUTE format('SELECT count(*) FROM ((SELECT %2$s FROM %1$s EXCEPT ALL SELECT %2$s FROM %1$s_heap) UNION ALL (SELECT %2$s FROM %1$s_heap EXCEPT ALL SELECT %2$s FROM %1$s)) x',
		name, columns) INTO result;
	RETURN result;
END $$;
-- Groups whose aggregates differ.  Values of v are sums of powers of two: no order rounds them otherwise.
CREATE FUNCTION groups_differ(name text, condition text DEFAULT 'true') RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	query text := 'SELECT host, count(*), count(note), sum(chk::bigint), sum(v), sum(n), min(time), max(time), min(i) FROM %s WHERE %s GROUP BY host';
	result bigint;
BEGIN
	EXECUTE format('SELECT count(*) FROM ((' || query || ' EXCEPT ALL ' || query || ') UNION ALL (' || query || ' EXCEPT ALL ' || query || ')) x',
		name, condition, name || '_heap', condition, name || '_heap', condition, name, condition) INTO result;
	RETURN result;
END $$;
CREATE FUNCTION torn(name text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	result bigint;
BEGIN
	EXECUTE format('SELECT count(*) FROM %s WHERE chk IS DISTINCT FROM (hashtext(tag) # i # interval_hash(time - timestamptz ''2000-01-01 00:00:00+00'') # hashtext(host) # hashfloat8(v) # hash_numeric(n) # hashtext(coalesce(note, '''')))',
		name) INTO result;
	RETURN result;
END $$;
