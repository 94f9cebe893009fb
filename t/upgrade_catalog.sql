-- What 050_pg_upgrade.sh's tables are set to.
SELECT objname, label FROM pg_seclabels WHERE provider = 'tsdb' ORDER BY 1, 2;
SELECT c.relname, a.amname, c.reloptions FROM pg_class c JOIN pg_am a ON a.oid = c.relam WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' ORDER BY 1;
SELECT extversion FROM pg_extension WHERE extname = 'tsdb_am';
SELECT j::text FROM tsdb.job j ORDER BY 1;
