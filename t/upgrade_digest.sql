-- Each tsdb table of 050_pg_upgrade.sh: rows, digest of them, are they its twin's?
CREATE TEMP TABLE digests AS SELECT NULL::text AS name, 0::bigint AS nrows, NULL::text AS digest WHERE false;
DO $$
DECLARE
	name text;
BEGIN
	FOREACH name IN ARRAY ARRAY['metrics', 'metrics_heap', 'moved', 'moved_heap', 'parts', 'parts_heap'] LOOP
		EXECUTE format('INSERT INTO digests SELECT %1$L, count(*), md5(string_agg(t::text, E''\n'' ORDER BY t::text COLLATE "C")) FROM %1$I t', name);
	END LOOP;
END $$;
SELECT a.name, a.nrows, a.digest, a.nrows = b.nrows AND a.digest = b.digest FROM digests a JOIN digests b ON b.name = a.name || '_heap' ORDER BY 1;
DROP TABLE digests;
