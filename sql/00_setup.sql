-- What every other test uses: comparison of a table with its heap twin, and a look at the chunk store.

-- Rows in one and not in the other, counted both ways; 0 = the same multiset of rows.
CREATE FUNCTION twin_diff(a regclass, b regclass) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	n bigint;
BEGIN
	EXECUTE format('SELECT count(*) FROM ((SELECT x::text FROM %1$s x EXCEPT ALL SELECT y::text FROM %2$s y)
		UNION ALL (SELECT y::text FROM %2$s y EXCEPT ALL SELECT x::text FROM %1$s x)) d', a, b) INTO n;
	RETURN n;
END $$;

-- Rows in chunks, as the views tell.
CREATE FUNCTION chunk_rows(rel regclass) RETURNS bigint LANGUAGE sql AS
	$$ SELECT coalesce(sum(rows), 0)::bigint FROM tsdb.chunks WHERE relation = rel $$;

-- What a statement raises, or the first value of its result.
CREATE FUNCTION raises(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	result text;
BEGIN
	EXECUTE statement INTO result;
	RETURN 'no error: ' || coalesce(result, 'NULL');
EXCEPTION WHEN OTHERS THEN
	RETURN SQLSTATE || ' ' || SQLERRM;
END $$;

SELECT amname, amtype FROM pg_am WHERE amname = 'tsdb';
SELECT extname FROM pg_extension WHERE extname = 'tsdb_am';
