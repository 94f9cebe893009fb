/* tsdb_am--1.0.sql */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION tsdb_am" to load this file. \quit

CREATE SCHEMA tsdb;
COMMENT ON SCHEMA tsdb IS 'administration of tables with access method tsdb';
GRANT USAGE ON SCHEMA tsdb TO PUBLIC;

--
-- Access method
--

CREATE FUNCTION tsdb.tsdb_am_handler(internal)
RETURNS table_am_handler
AS 'MODULE_PATHNAME', 'tsdb_am_handler'
LANGUAGE C STRICT;
COMMENT ON FUNCTION tsdb.tsdb_am_handler(internal) IS 'handler of access method tsdb';

CREATE ACCESS METHOD tsdb TYPE TABLE HANDLER tsdb.tsdb_am_handler;
COMMENT ON ACCESS METHOD tsdb IS 'row store for new rows, compressed column store for the rest';

--
-- Administration.  Each checks that its caller owns the table (verify: may read it).
--

CREATE FUNCTION tsdb.compress(relation regclass)
RETURNS bigint
AS 'MODULE_PATHNAME', 'tsdb_sql_compress'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION tsdb.compress(regclass) IS
'moves all committed rows of the row store into chunks; returns rows moved';

CREATE FUNCTION tsdb.merge(relation regclass, force boolean DEFAULT false)
RETURNS bigint
AS 'MODULE_PATHNAME', 'tsdb_sql_merge'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION tsdb.merge(regclass, boolean) IS
'merges small and overlapping chunks where that is worth it (force: all of them); returns chunks written';

CREATE FUNCTION tsdb.recompress(relation regclass, cold boolean DEFAULT NULL)
RETURNS bigint
AS 'MODULE_PATHNAME', 'tsdb_sql_recompress'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION tsdb.recompress(regclass, boolean) IS
'merges chunks and encodes them anew, for size if cold (NULL: if older than tsdb_am.cold_after); returns chunks written';

CREATE FUNCTION tsdb.decompress(relation regclass)
RETURNS bigint
AS 'MODULE_PATHNAME', 'tsdb_sql_decompress'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION tsdb.decompress(regclass) IS
'moves all rows of chunks back to the row store; returns rows moved';

-- unsafe in parallel: reads each chunk in a subtransaction
CREATE FUNCTION tsdb.verify(relation regclass)
RETURNS TABLE (chunk oid, "column" name, problem text)
AS 'MODULE_PATHNAME', 'tsdb_sql_verify'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE ROWS 10;
COMMENT ON FUNCTION tsdb.verify(regclass) IS
'reads the whole table and returns damage as rows; no row = nothing found';

CREATE FUNCTION tsdb.version()
RETURNS text
AS 'MODULE_PATHNAME', 'tsdb_sql_version'
LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.version() IS 'version of the loaded library, and the instruction set that its codecs use';

--
-- What the views are made of: no row for a relation that is no table of ours, or that the
-- caller has no privilege on.  Parallel restricted: they read temporary tables too.
--

CREATE FUNCTION tsdb.table_info(relation regclass,
	OUT row_store_rows bigint,
	OUT row_store_bytes bigint,
	OUT chunks bigint,
	OUT chunk_rows bigint,
	OUT chunk_bytes bigint,
	OUT chunk_store_bytes bigint,
	OUT raw_bytes bigint,
	OUT segmentby text,
	OUT orderby text,
	OUT direct_load boolean)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'tsdb_sql_table_info'
LANGUAGE C STABLE STRICT PARALLEL RESTRICTED ROWS 1;
COMMENT ON FUNCTION tsdb.table_info(regclass) IS 'sizes and options of a table, for view tsdb.tables';

CREATE FUNCTION tsdb.chunk_info(relation regclass,
	OUT chunk oid,
	OUT rows bigint,
	OUT time_from text,
	OUT time_to text,
	OUT series bigint,
	OUT raw_bytes bigint,
	OUT stored_bytes bigint,
	OUT level integer,
	OUT first_ctid tid)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'tsdb_sql_chunk_info'
LANGUAGE C STABLE STRICT PARALLEL RESTRICTED ROWS 100;
COMMENT ON FUNCTION tsdb.chunk_info(regclass) IS 'chunks of a table, for view tsdb.chunks';

CREATE FUNCTION tsdb.chunk_ranges(relation regclass,
	OUT chunk oid,
	OUT "column" name,
	OUT min text,
	OUT max text,
	OUT has_nulls boolean,
	OUT in_filter boolean)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'tsdb_sql_chunk_ranges'
LANGUAGE C STABLE STRICT PARALLEL RESTRICTED ROWS 1000;
COMMENT ON FUNCTION tsdb.chunk_ranges(regclass) IS 'least and greatest value of each column of each chunk (strings cut after 16 bytes), and whether the chunk''s series filter covers the column';

CREATE FUNCTION tsdb.column_info(relation regclass,
	OUT attnum smallint,
	OUT "column" name,
	OUT type regtype,
	OUT chunks bigint,
	OUT "values" bigint,
	OUT nulls bigint,
	OUT encoding text,
	OUT raw_bytes bigint,
	OUT stored_bytes bigint,
	OUT cold_chunks bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'tsdb_sql_column_info'
LANGUAGE C STABLE STRICT PARALLEL RESTRICTED ROWS 10;
COMMENT ON FUNCTION tsdb.column_info(regclass) IS 'compressed columns of a table, for view tsdb.columns';

CREATE FUNCTION tsdb.codec_stats(
	OUT encoding text,
	OUT blocks bigint,
	OUT "values" bigint,
	OUT bytes bigint,
	OUT fallbacks bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'tsdb_sql_codec_stats'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE ROWS 17;
COMMENT ON FUNCTION tsdb.codec_stats() IS 'blocks written by encoding, for view tsdb.stat_codecs';

CREATE FUNCTION tsdb.index_stats(
	OUT hits bigint,
	OUT plain_reads bigint,
	OUT loads bigint,
	OUT evictions bigint,
	OUT retries bigint,
	OUT tables bigint,
	OUT chunks bigint,
	OUT memory_used bigint,
	OUT memory_total bigint,
	OUT epoch bigint,
	OUT pending_bytes bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'tsdb_sql_index_stats'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE ROWS 1;
COMMENT ON FUNCTION tsdb.index_stats() IS 'counts of the chunk index, for view tsdb.stat_index';

CREATE FUNCTION tsdb.index_lookup(relation regclass, time_from bigint DEFAULT NULL, time_to bigint DEFAULT NULL,
	series_column name DEFAULT NULL, series_value text DEFAULT NULL, plain boolean DEFAULT false,
	OUT chunk oid,
	OUT from_index boolean)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'tsdb_sql_index_lookup'
LANGUAGE C VOLATILE PARALLEL RESTRICTED ROWS 100;
COMMENT ON FUNCTION tsdb.index_lookup(regclass, bigint, bigint, name, text, boolean) IS
'for its owner: chunks of a table that may hold rows of a time range (as stored: timestamps in microseconds since 2000, dates in days) and series; plain: told from the directory, without the chunk index';

--
-- Views
--

CREATE VIEW tsdb.tables AS
SELECT c.oid::regclass AS relation,
	   i.row_store_rows,
	   i.row_store_bytes,
	   i.chunk_rows,
	   i.chunks,
	   i.chunk_bytes,
	   i.raw_bytes,
	   round(i.raw_bytes::numeric / nullif(i.chunk_bytes, 0), 2) AS ratio,
	   i.chunk_store_bytes,
	   i.segmentby,
	   i.orderby,
	   i.direct_load
  FROM pg_catalog.pg_am a
  JOIN pg_catalog.pg_class c ON c.relam = a.oid,
	   LATERAL tsdb.table_info(c.oid) i
 WHERE a.amhandler = 'tsdb.tsdb_am_handler'::regproc
   AND c.relkind IN ('r', 'm');

COMMENT ON VIEW tsdb.tables IS 'tables with access method tsdb that the user may read: rows and bytes of both stores';
COMMENT ON COLUMN tsdb.tables.row_store_rows IS 'rows not yet compressed (estimate from some pages if the row store is large)';
COMMENT ON COLUMN tsdb.tables.row_store_bytes IS 'size of the row store on disk';
COMMENT ON COLUMN tsdb.tables.chunk_rows IS 'rows in chunks';
COMMENT ON COLUMN tsdb.tables.chunks IS 'number of chunks';
COMMENT ON COLUMN tsdb.tables.chunk_bytes IS 'bytes of the chunks'' contents';
COMMENT ON COLUMN tsdb.tables.raw_bytes IS 'bytes that the chunks'' rows would take in the row store';
COMMENT ON COLUMN tsdb.tables.ratio IS 'raw_bytes / chunk_bytes';
COMMENT ON COLUMN tsdb.tables.chunk_store_bytes IS 'size of the chunk store on disk: chunks, free space, index, large values of the row store';
COMMENT ON COLUMN tsdb.tables.segmentby IS 'columns that name a series: given or taken from a key; NULL = chosen when rows are compressed';
COMMENT ON COLUMN tsdb.tables.orderby IS 'time column: given or inferred; NULL = none';
COMMENT ON COLUMN tsdb.tables.direct_load IS 'option direct_load; NULL = not given';

CREATE VIEW tsdb.chunks AS
SELECT c.oid::regclass AS relation,
	   i.chunk,
	   i.rows,
	   i.time_from,
	   i.time_to,
	   i.series,
	   i.raw_bytes,
	   i.stored_bytes,
	   round(i.raw_bytes::numeric / nullif(i.stored_bytes, 0), 2) AS ratio,
	   i.level,
	   i.first_ctid
  FROM pg_catalog.pg_am a
  JOIN pg_catalog.pg_class c ON c.relam = a.oid,
	   LATERAL tsdb.chunk_info(c.oid) i
 WHERE a.amhandler = 'tsdb.tsdb_am_handler'::regproc
   AND c.relkind IN ('r', 'm');

COMMENT ON VIEW tsdb.chunks IS 'chunks of all tables with access method tsdb that the user may read';
COMMENT ON COLUMN tsdb.chunks.chunk IS 'number of the chunk in its table';
COMMENT ON COLUMN tsdb.chunks.time_from IS 'earliest value of the time column; NULL if there is none, or the user may not read it';
COMMENT ON COLUMN tsdb.chunks.time_to IS 'latest value of the time column';
COMMENT ON COLUMN tsdb.chunks.series IS 'number of series; NULL = unknown';
COMMENT ON COLUMN tsdb.chunks.raw_bytes IS 'bytes that its rows would take in the row store';
COMMENT ON COLUMN tsdb.chunks.stored_bytes IS 'bytes of its contents';
COMMENT ON COLUMN tsdb.chunks.level IS 'how often its rows were merged';
COMMENT ON COLUMN tsdb.chunks.first_ctid IS 'ctid of its first row';

CREATE VIEW tsdb.columns AS
SELECT c.oid::regclass AS relation,
	   i."column",
	   i.type,
	   i.encoding,
	   round(i.stored_bytes::numeric * 8 / nullif(i."values", 0), 2) AS bits_per_value,
	   i.raw_bytes,
	   i.stored_bytes,
	   round(i.raw_bytes::numeric / nullif(i.stored_bytes, 0), 2) AS ratio,
	   i."values",
	   i.nulls,
	   i.chunks,
	   i.cold_chunks
  FROM pg_catalog.pg_am a
  JOIN pg_catalog.pg_class c ON c.relam = a.oid,
	   LATERAL tsdb.column_info(c.oid) i
 WHERE a.amhandler = 'tsdb.tsdb_am_handler'::regproc
   AND c.relkind IN ('r', 'm');

COMMENT ON VIEW tsdb.columns IS 'compressed columns of all tables with access method tsdb that the user may read';
COMMENT ON COLUMN tsdb.columns.encoding IS 'encodings and the number of vectors (of up to 1,024 values) that have each';
COMMENT ON COLUMN tsdb.columns.bits_per_value IS 'stored bits per value, NULLs counted as values';
COMMENT ON COLUMN tsdb.columns.raw_bytes IS 'bytes of the values in the row store';
COMMENT ON COLUMN tsdb.columns.stored_bytes IS 'bytes of the values in chunks, dictionaries included';
COMMENT ON COLUMN tsdb.columns."values" IS 'rows in chunks that have the column';
COMMENT ON COLUMN tsdb.columns.chunks IS 'chunks that have the column';
COMMENT ON COLUMN tsdb.columns.cold_chunks IS 'those of them that keep it in byte planes, for size';

CREATE VIEW tsdb.stat_codecs AS
SELECT s.encoding, s.blocks, s."values", s.bytes,
	   round(s.bytes::numeric * 8 / nullif(s."values", 0), 2) AS bits_per_value,
	   s.fallbacks
  FROM tsdb.codec_stats() s;

COMMENT ON VIEW tsdb.stat_codecs IS 'what encoders have written since the server started, in all databases';
COMMENT ON COLUMN tsdb.stat_codecs.encoding IS 'encoding of blocks';
COMMENT ON COLUMN tsdb.stat_codecs.blocks IS 'blocks (vectors of up to 1,024 values, or pieces of them) written';
COMMENT ON COLUMN tsdb.stat_codecs."values" IS 'values in them, NULLs counted';
COMMENT ON COLUMN tsdb.stat_codecs.bytes IS 'their bytes; without dictionaries, symbol tables and byte planes';
COMMENT ON COLUMN tsdb.stat_codecs.fallbacks IS 'blocks written so because another encoding did not give back what went in: should be 0';

CREATE VIEW tsdb.stat_index AS
SELECT s.hits, s.plain_reads, s.loads, s.evictions, s.retries, s.tables, s.chunks, s.memory_used, s.memory_total,
	   s.epoch, s.pending_bytes
  FROM tsdb.index_stats() s;

COMMENT ON VIEW tsdb.stat_index IS 'the index of chunks in shared memory, of all databases, since the server started';
COMMENT ON COLUMN tsdb.stat_index.hits IS 'look-ups that it answered, at least in part';
COMMENT ON COLUMN tsdb.stat_index.plain_reads IS 'look-ups that read the directory instead: table not loaded, temporary, or the index off';
COMMENT ON COLUMN tsdb.stat_index.loads IS 'tables that were loaded from their directory';
COMMENT ON COLUMN tsdb.stat_index.evictions IS 'tables that were taken out: memory full, other files, or outgrown';
COMMENT ON COLUMN tsdb.stat_index.retries IS 'look-ups done again, and additions left to another process';
COMMENT ON COLUMN tsdb.stat_index.tables IS 'tables that are in it';
COMMENT ON COLUMN tsdb.stat_index.chunks IS 'chunks that are in it, also of transactions not committed';
COMMENT ON COLUMN tsdb.stat_index.memory_used IS 'bytes in use, fixed parts included';
COMMENT ON COLUMN tsdb.stat_index.memory_total IS 'bytes that tsdb_am.index_memory gives it; 0 = off';
COMMENT ON COLUMN tsdb.stat_index.epoch IS 'current epoch; rises when memory is reclaimed';
COMMENT ON COLUMN tsdb.stat_index.pending_bytes IS 'bytes taken out that wait until no process can be reading them';

GRANT SELECT ON tsdb.tables, tsdb.chunks, tsdb.columns, tsdb.stat_codecs, tsdb.stat_index TO PUBLIC;

--
-- Functions for queries, in the schema that CREATE EXTENSION names.  Names, arguments and results
-- are TimescaleDB's; doc/functions.md tells where they differ.
--
-- Background workers.  What they do by themselves is told from shared memory; jobs that users add are rows of tsdb.job.
--
-- Everybody may read and write tsdb.job, as a trigger sees to it that one writes rows of roles that he is a member of.  No security barrier
-- lies in the functions below: they are conveniences that run as their caller, and a dump is restored by plain COPY.
--

CREATE SEQUENCE tsdb.job_id AS integer START 1000;
COMMENT ON SEQUENCE tsdb.job_id IS 'numbers of jobs';
GRANT USAGE, SELECT, UPDATE ON SEQUENCE tsdb.job_id TO PUBLIC;

CREATE TABLE tsdb.job (
	id integer PRIMARY KEY DEFAULT pg_catalog.nextval('tsdb.job_id'),
	owner regrole NOT NULL,
	relation regclass,
	proc_schema name NOT NULL,
	proc_name name NOT NULL,
	config jsonb,
	schedule_interval interval NOT NULL CHECK (schedule_interval BETWEEN '1 s' AND '100 years'),
	initial_start timestamptz CHECK (initial_start BETWEEN '1970-01-01 00:00+00' AND '9999-01-01 00:00+00'),
	timezone text CHECK (timezone IS NULL OR '2000-01-01 00:00+00'::timestamptz AT TIME ZONE timezone IS NOT NULL),
	max_runtime interval NOT NULL DEFAULT '0' CHECK (max_runtime BETWEEN '0' AND '1 year'),
	max_retries integer NOT NULL DEFAULT -1 CHECK (max_retries >= -1),
	retry_period interval NOT NULL DEFAULT '5 min' CHECK (retry_period BETWEEN '1 s' AND '100 years'),
	scheduled boolean NOT NULL DEFAULT true
);
COMMENT ON TABLE tsdb.job IS 'jobs: what to call, when, as whom; readable by all, written through tsdb.add_job and the like';
CREATE UNIQUE INDEX job_policy ON tsdb.job (relation, proc_name) WHERE proc_schema = 'tsdb' AND relation IS NOT NULL;
GRANT SELECT, INSERT, UPDATE, DELETE ON tsdb.job TO PUBLIC;

CREATE FUNCTION tsdb.job_guard()
RETURNS trigger
AS 'MODULE_PATHNAME', 'tsdb_sql_job_guard'
LANGUAGE C;
COMMENT ON FUNCTION tsdb.job_guard() IS 'lets users write rows of their own roles, and calls the workers';
CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE ON tsdb.job
	FOR EACH ROW EXECUTE FUNCTION tsdb.job_guard();

CREATE TABLE tsdb.job_stat (
	job_id integer PRIMARY KEY REFERENCES tsdb.job ON DELETE CASCADE,
	next_start timestamptz NOT NULL,
	last_start timestamptz,
	last_finish timestamptz,
	last_success timestamptz,
	last_duration interval,
	last_failed boolean,
	total_runs bigint NOT NULL DEFAULT 0,
	total_failures bigint NOT NULL DEFAULT 0,
	failures_in_row integer NOT NULL DEFAULT 0
);
COMMENT ON TABLE tsdb.job_stat IS 'when jobs ran and will run; written by workers';

CREATE TABLE tsdb.job_error (
	job_id integer NOT NULL REFERENCES tsdb.job ON DELETE CASCADE,
	start_time timestamptz NOT NULL,
	finish_time timestamptz,
	sqlerrcode text,
	err_message text
);
COMMENT ON TABLE tsdb.job_error IS 'failed runs of jobs, the last hundred of each; written by workers';
CREATE INDEX ON tsdb.job_error (job_id, start_time);

-- a job of a relation that is gone would name an OID that another relation can have after the restore
SELECT pg_catalog.pg_extension_config_dump('tsdb.job', 'WHERE relation IS NULL OR EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = relation)');
SELECT pg_catalog.pg_extension_config_dump('tsdb.job_id', '');

CREATE FUNCTION tsdb.job_next_start(last_start timestamptz, schedule_interval interval, initial_start timestamptz, timezone text)
RETURNS timestamptz
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	origin timestamp;
	zone text := coalesce(timezone, current_setting('TimeZone'));
	n bigint;
	result timestamptz;
BEGIN
	IF initial_start IS NULL THEN
		RETURN clock_timestamp() + schedule_interval;
	END IF;
	IF initial_start > clock_timestamp() THEN
		RETURN initial_start;
	END IF;
	-- by the clocks of the zone: midnight stays midnight
	origin := initial_start AT TIME ZONE zone;
	-- a month counts as 30 days there, but may have 31
	n := greatest(floor(extract(epoch FROM clock_timestamp() - initial_start) /
		(extract(epoch FROM schedule_interval) * CASE WHEN extract(month FROM schedule_interval) <> 0 OR extract(year FROM schedule_interval) <> 0 THEN 1.04 ELSE 1 END)) - 1, 0);
	LOOP
		result := (origin + n * schedule_interval) AT TIME ZONE zone;
		EXIT WHEN result > clock_timestamp();
		n := n + 1;
	END LOOP;
	RETURN result;
END $$;
COMMENT ON FUNCTION tsdb.job_next_start(timestamptz, interval, timestamptz, text) IS
'next time of a schedule: an interval after the end of a run, or by the clock from initial_start on';

CREATE FUNCTION tsdb.add_job(proc regproc, schedule_interval interval, config jsonb DEFAULT NULL, initial_start timestamptz DEFAULT NULL,
	scheduled boolean DEFAULT true, timezone text DEFAULT NULL)
RETURNS integer
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	p record;
	id integer;
BEGIN
	IF proc IS NULL OR schedule_interval IS NULL THEN
		RAISE EXCEPTION 'proc and schedule_interval must not be NULL' USING ERRCODE = 'null_value_not_allowed';
	END IF;
	SELECT n.nspname, q.proname, q.proargtypes, q.prokind INTO p
	FROM pg_proc q JOIN pg_namespace n ON n.oid = q.pronamespace WHERE q.oid = proc;
	IF p.proargtypes <> '23 3802'::oidvector OR p.prokind NOT IN ('f', 'p') THEN
		RAISE EXCEPTION 'function or procedure % must take (integer, jsonb)', proc
			USING ERRCODE = 'invalid_function_definition', DETAIL = 'It is called with the number of the job and its config.';
	END IF;
	IF NOT has_function_privilege(proc, 'EXECUTE') THEN
		RAISE EXCEPTION 'permission denied for function %', proc USING ERRCODE = 'insufficient_privilege';
	END IF;
	PERFORM tsdb.check_job_owner(current_user::regrole);
	INSERT INTO tsdb.job AS j (owner, proc_schema, proc_name, config, schedule_interval, initial_start, timezone, scheduled)
	VALUES (current_user::regrole, p.nspname, p.proname, add_job.config, add_job.schedule_interval, add_job.initial_start,
		add_job.timezone, coalesce(add_job.scheduled, true)) RETURNING j.id INTO id;
	RETURN id;
END $$;
COMMENT ON FUNCTION tsdb.add_job(regproc, interval, jsonb, timestamptz, boolean, text) IS
'has a worker call a function or procedure (integer, jsonb) on a schedule; returns the number of the job';

CREATE FUNCTION tsdb.check_job_owner(owner regrole)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT (SELECT rolcanlogin FROM pg_roles r WHERE r.oid = owner) THEN
		RAISE EXCEPTION 'permission denied to start background process as role "%"', owner
			USING ERRCODE = 'insufficient_privilege', HINT = 'The role that owns a job must have the LOGIN attribute.';
	END IF;
END $$;
COMMENT ON FUNCTION tsdb.check_job_owner(regrole) IS 'raises an error if no session of the role can be started';

-- what policies are for: owner's tables of ours, or partitioned ones
CREATE FUNCTION tsdb.check_policy_relation(relation regclass)
RETURNS regrole
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	c record;
BEGIN
	SELECT r.relowner::regrole AS owner, r.relkind, r.relpersistence, a.amhandler INTO c
	FROM pg_class r LEFT JOIN pg_am a ON a.oid = r.relam WHERE r.oid = relation;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'relation must not be NULL' USING ERRCODE = 'null_value_not_allowed';
	END IF;
	IF NOT pg_has_role(c.owner, 'MEMBER') THEN
		RAISE EXCEPTION 'must be owner of table %', relation USING ERRCODE = 'insufficient_privilege';
	END IF;
	IF c.relkind <> 'p' AND c.amhandler IS DISTINCT FROM 'tsdb.tsdb_am_handler'::regproc THEN
		RAISE EXCEPTION 'table % does not use access method tsdb', relation USING ERRCODE = 'wrong_object_type';
	END IF;
	IF c.relpersistence = 't' THEN
		RAISE EXCEPTION 'policies cannot be added to temporary tables' USING ERRCODE = 'wrong_object_type';
	END IF;
	PERFORM tsdb.check_job_owner(c.owner);
	RETURN c.owner;
END $$;
COMMENT ON FUNCTION tsdb.check_policy_relation(regclass) IS 'owner of a table that may have policies, or an error';

CREATE FUNCTION tsdb.add_policy(relation regclass, proc_name name, config jsonb, schedule_interval interval, if_not_exists boolean,
	initial_start timestamptz, timezone text)
RETURNS integer
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	owner regrole := tsdb.check_policy_relation(relation);
	old record;
	id integer;
BEGIN
	INSERT INTO tsdb.job AS j (owner, relation, proc_schema, proc_name, config, schedule_interval, initial_start, timezone)
	VALUES (owner, add_policy.relation, 'tsdb', add_policy.proc_name, add_policy.config, add_policy.schedule_interval,
		add_policy.initial_start, add_policy.timezone)
	ON CONFLICT DO NOTHING RETURNING j.id INTO id;
	IF FOUND THEN
		RETURN id;
	END IF;
	SELECT j.id, j.config INTO old FROM tsdb.job j
	WHERE j.relation = add_policy.relation AND j.proc_schema = 'tsdb' AND j.proc_name = add_policy.proc_name;
	IF NOT coalesce(if_not_exists, false) THEN
		RAISE EXCEPTION 'table % has such a policy already', relation
			USING ERRCODE = 'duplicate_object', DETAIL = format('It is job %s.', old.id), HINT = 'Use tsdb.alter_job, or remove it first.';
	END IF;
	IF old.config IS DISTINCT FROM add_policy.config THEN
		RAISE WARNING 'table % has such a policy already, with other arguments', relation USING DETAIL = format('It is job %s.', old.id);
	ELSE
		RAISE NOTICE 'table % has such a policy already, skipping', relation;
	END IF;
	RETURN -1;
END $$;
COMMENT ON FUNCTION tsdb.add_policy(regclass, name, jsonb, interval, boolean, timestamptz, text) IS 'adds a policy''s job, for the functions named after each';

CREATE FUNCTION tsdb.add_compression_policy(relation regclass, compress_after interval, if_not_exists boolean DEFAULT false,
	schedule_interval interval DEFAULT NULL, initial_start timestamptz DEFAULT NULL, timezone text DEFAULT NULL)
RETURNS integer
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp SET intervalstyle = postgres
AS $$
BEGIN
	IF compress_after IS NULL OR compress_after < '0' THEN
		RAISE EXCEPTION 'compress_after must not be NULL or negative' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	RETURN tsdb.add_policy(relation, 'policy_compression', jsonb_build_object('compress_after', compress_after),
		coalesce(schedule_interval, '1 hour'), if_not_exists, initial_start, timezone);
END $$;
COMMENT ON FUNCTION tsdb.add_compression_policy(regclass, interval, boolean, interval, timestamptz, text) IS
'has chunks whose newest row is older than compress_after encoded for size; returns the number of the job, -1 = there was one';

CREATE FUNCTION tsdb.retention_config(drop_after text, max_size bigint, max_rows_per_series bigint)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF drop_after IS NULL AND max_size IS NULL AND max_rows_per_series IS NULL THEN
		RAISE EXCEPTION 'a retention policy needs drop_after, max_size or max_rows_per_series' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF max_size < 0 OR max_rows_per_series < 1 THEN
		RAISE EXCEPTION 'max_size must not be negative, max_rows_per_series must be positive' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	RETURN jsonb_strip_nulls(jsonb_build_object('drop_after', drop_after, 'max_size', max_size, 'max_rows_per_series', max_rows_per_series));
END $$;
COMMENT ON FUNCTION tsdb.retention_config(text, bigint, bigint) IS 'config of a retention policy''s job';

CREATE FUNCTION tsdb.policy_columns(relation regclass, OUT time_column name, OUT time_type regtype, OUT series name[])
AS 'MODULE_PATHNAME', 'tsdb_sql_policy_columns'
LANGUAGE C STABLE STRICT;
COMMENT ON FUNCTION tsdb.policy_columns(regclass) IS 'time column and series of a table, as policies use them';

CREATE FUNCTION tsdb.policy_tables(relation regclass)
RETURNS SETOF regclass
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT c.oid::regclass FROM (SELECT t.relid FROM pg_partition_tree(relation) t WHERE t.isleaf
			UNION SELECT relation WHERE NOT EXISTS (SELECT FROM pg_partition_tree(relation))) t
		JOIN pg_class c ON c.oid = t.relid JOIN pg_am a ON a.oid = c.relam
	WHERE a.amhandler = 'tsdb.tsdb_am_handler'::regproc ORDER BY c.oid
$$;
COMMENT ON FUNCTION tsdb.policy_tables(regclass) IS 'a table of ours, or those among the partitions of a partitioned one';

-- of a partitioned table: its key, else what its first partition has
CREATE FUNCTION tsdb.policy_target(relation regclass, OUT time_column name, OUT time_type regtype, OUT series name[])
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	SELECT c.time_column, c.time_type, c.series INTO time_column, time_type, series
	FROM tsdb.policy_tables(relation) p, LATERAL tsdb.policy_columns(p) c LIMIT 1;
	SELECT a.attname, a.atttypid INTO time_column, time_type FROM pg_partitioned_table p, pg_attribute a
	WHERE p.partrelid = relation AND p.partstrat = 'r' AND p.partnatts = 1 AND a.attrelid = relation AND a.attnum = p.partattrs[0]
	UNION ALL SELECT time_column, time_type LIMIT 1;
END $$;
COMMENT ON FUNCTION tsdb.policy_target(regclass) IS 'time column and series that policies go by';

CREATE FUNCTION tsdb.add_retention_policy(relation regclass, drop_after interval DEFAULT NULL, if_not_exists boolean DEFAULT false,
	schedule_interval interval DEFAULT NULL, initial_start timestamptz DEFAULT NULL, timezone text DEFAULT NULL,
	max_size bigint DEFAULT NULL, max_rows_per_series bigint DEFAULT NULL)
RETURNS integer
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp SET intervalstyle = postgres
AS $$
DECLARE
	t record;
BEGIN
	PERFORM tsdb.check_policy_relation(relation);
	t := tsdb.policy_target(relation);
	IF t.time_column IS NULL THEN
		RAISE EXCEPTION 'table % has no time column', relation USING ERRCODE = 'wrong_object_type', HINT = 'Name one with ALTER TABLE ... SET (orderby = ...).';
	END IF;
	IF drop_after IS NOT NULL AND t.time_type NOT IN ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype) THEN
		RAISE EXCEPTION 'column % of type % needs a drop_after that is an integer', quote_ident(t.time_column), t.time_type USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF max_rows_per_series IS NOT NULL AND t.series IS NULL THEN
		RAISE EXCEPTION 'the series of table % are not known', relation USING ERRCODE = 'wrong_object_type',
			HINT = 'Name their columns with ALTER TABLE ... SET (segmentby = ...).';
	END IF;
	RETURN tsdb.add_policy(relation, 'policy_retention', tsdb.retention_config(drop_after::text, max_size, max_rows_per_series),
		coalesce(schedule_interval, '1 hour'), if_not_exists, initial_start, timezone);
END $$;
COMMENT ON FUNCTION tsdb.add_retention_policy(regclass, interval, boolean, interval, timestamptz, text, bigint, bigint) IS
'has rows dropped that are older than drop_after, beyond max_size bytes, or beyond max_rows_per_series; returns the number of the job, -1 = there was one';

CREATE FUNCTION tsdb.add_retention_policy(relation regclass, drop_after bigint, if_not_exists boolean DEFAULT false,
	schedule_interval interval DEFAULT NULL, initial_start timestamptz DEFAULT NULL, timezone text DEFAULT NULL,
	max_size bigint DEFAULT NULL, max_rows_per_series bigint DEFAULT NULL)
RETURNS integer
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	t record;
BEGIN
	PERFORM tsdb.check_policy_relation(relation);
	t := tsdb.policy_target(relation);
	IF t.time_column IS NULL OR t.time_type NOT IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) THEN
		RAISE EXCEPTION 'table % has no time column that is an integer', relation USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF max_rows_per_series IS NOT NULL AND t.series IS NULL THEN
		RAISE EXCEPTION 'the series of table % are not known', relation USING ERRCODE = 'wrong_object_type',
			HINT = 'Name their columns with ALTER TABLE ... SET (segmentby = ...).';
	END IF;
	RETURN tsdb.add_policy(relation, 'policy_retention', tsdb.retention_config(drop_after::text, max_size, max_rows_per_series),
		coalesce(schedule_interval, '1 hour'), if_not_exists, initial_start, timezone);
END $$;
COMMENT ON FUNCTION tsdb.add_retention_policy(regclass, bigint, boolean, interval, timestamptz, text, bigint, bigint) IS
'the same for integer time columns: drop_after counts back from the greatest value';

CREATE FUNCTION tsdb.remove_policy(relation regclass, proc_name name, if_exists boolean)
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	DELETE FROM tsdb.job j WHERE j.relation = remove_policy.relation AND j.proc_schema = 'tsdb' AND j.proc_name = remove_policy.proc_name;
	IF NOT FOUND THEN
		IF NOT coalesce(if_exists, false) THEN
			RAISE EXCEPTION 'table % has no such policy', relation USING ERRCODE = 'undefined_object';
		END IF;
		RAISE NOTICE 'table % has no such policy, skipping', relation;
	END IF;
END $$;
COMMENT ON FUNCTION tsdb.remove_policy(regclass, name, boolean) IS 'removes a policy''s job, for the functions named after each';

CREATE FUNCTION tsdb.remove_compression_policy(relation regclass, if_exists boolean DEFAULT false)
RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT tsdb.remove_policy(relation, 'policy_compression', if_exists) $$;
COMMENT ON FUNCTION tsdb.remove_compression_policy(regclass, boolean) IS 'ends what add_compression_policy began';

CREATE FUNCTION tsdb.remove_retention_policy(relation regclass, if_exists boolean DEFAULT false)
RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT tsdb.remove_policy(relation, 'policy_retention', if_exists) $$;
COMMENT ON FUNCTION tsdb.remove_retention_policy(regclass, boolean) IS 'ends what add_retention_policy began';

CREATE FUNCTION tsdb.alter_job(job_id integer, schedule_interval interval DEFAULT NULL, max_runtime interval DEFAULT NULL,
	max_retries integer DEFAULT NULL, retry_period interval DEFAULT NULL, scheduled boolean DEFAULT NULL, config jsonb DEFAULT NULL,
	next_start timestamptz DEFAULT NULL, if_exists boolean DEFAULT false, initial_start timestamptz DEFAULT NULL, timezone text DEFAULT NULL)
RETURNS TABLE (id integer, new_schedule_interval interval, new_max_runtime interval, new_max_retries integer, new_retry_period interval,
	new_scheduled boolean, new_config jsonb, new_next_start timestamptz)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	UPDATE tsdb.job j SET
		schedule_interval = coalesce(alter_job.schedule_interval, j.schedule_interval),
		max_runtime = coalesce(alter_job.max_runtime, j.max_runtime),
		max_retries = coalesce(alter_job.max_retries, j.max_retries),
		retry_period = coalesce(alter_job.retry_period, j.retry_period),
		scheduled = coalesce(alter_job.scheduled, j.scheduled),
		config = coalesce(alter_job.config, j.config),
		initial_start = coalesce(alter_job.initial_start, j.initial_start),
		timezone = coalesce(alter_job.timezone, j.timezone)
	WHERE j.id = alter_job.job_id;
	IF NOT FOUND THEN
		IF NOT coalesce(if_exists, false) THEN
			RAISE EXCEPTION 'job % does not exist', job_id USING ERRCODE = 'undefined_object';
		END IF;
		RAISE NOTICE 'job % does not exist, skipping', job_id;
		RETURN;
	END IF;
	IF alter_job.next_start IS NOT NULL THEN
		PERFORM tsdb.set_next_start(alter_job.job_id, alter_job.next_start);
	END IF;
	RETURN QUERY SELECT j.id, j.schedule_interval, j.max_runtime, j.max_retries, j.retry_period, j.scheduled, j.config, s.next_start
		FROM tsdb.job j LEFT JOIN tsdb.job_next s ON s.job_id = j.id WHERE j.id = alter_job.job_id;
END $$;
COMMENT ON FUNCTION tsdb.alter_job(integer, interval, interval, integer, interval, boolean, jsonb, timestamptz, boolean, timestamptz, text) IS
'changes what is not NULL; returns the job as it is now';

CREATE FUNCTION tsdb.delete_job(job_id integer)
RETURNS void
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	DELETE FROM tsdb.job j WHERE j.id = delete_job.job_id;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'job % does not exist', job_id USING ERRCODE = 'undefined_object';
	END IF;
END $$;
COMMENT ON FUNCTION tsdb.delete_job(integer) IS 'deletes a job, a policy''s or one''s own';

-- in C, for its procedures may commit
CREATE PROCEDURE tsdb.run_job(job_id integer)
AS 'MODULE_PATHNAME', 'tsdb_sql_run_job'
LANGUAGE C;
COMMENT ON PROCEDURE tsdb.run_job(integer) IS 'runs a job now, in this session';

-- the one value of job_stat that users set
CREATE FUNCTION tsdb.set_next_start(job_id integer, next_start timestamptz)
RETURNS void
AS 'MODULE_PATHNAME', 'tsdb_sql_set_next_start'
LANGUAGE C VOLATILE STRICT;
COMMENT ON FUNCTION tsdb.set_next_start(integer, timestamptz) IS 'when a worker next runs a job of one''s own';

CREATE VIEW tsdb.job_next AS
SELECT s.job_id, s.next_start FROM tsdb.job_stat s JOIN tsdb.job j ON j.id = s.job_id WHERE pg_catalog.pg_has_role(j.owner, 'MEMBER');
COMMENT ON VIEW tsdb.job_next IS 'when jobs of one''s own run next';
GRANT SELECT ON tsdb.job_next TO PUBLIC;

--
-- What policies do.  Procedures: each step is a transaction where the caller has none.
--

CREATE FUNCTION tsdb.compress_step(relation regclass, before xid, min_rows integer, from_block bigint,
	OUT busy boolean, OUT done boolean, OUT moved bigint, OUT bytes bigint, OUT waiting bigint, OUT next_block bigint)
AS 'MODULE_PATHNAME', 'tsdb_sql_compress_step'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION tsdb.compress_step(regclass, xid, integer, bigint) IS 'compresses rows of one chunk, for jobs';

CREATE FUNCTION tsdb.merge_step(relation regclass, force boolean,
	OUT merged boolean, OUT busy boolean, OUT chunks_read integer, OUT chunks_written integer, OUT moved bigint, OUT bytes_read bigint, OUT bytes_written bigint)
AS 'MODULE_PATHNAME', 'tsdb_sql_merge_step'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION tsdb.merge_step(regclass, boolean) IS 'merges one group of chunks, for jobs';

CREATE PROCEDURE tsdb.policy_compression(job_id integer, config jsonb)
LANGUAGE plpgsql
AS $$
DECLARE
	rel pg_catalog.regclass := (SELECT j.relation FROM tsdb.job j WHERE j.id OPERATOR(pg_catalog.=) job_id);
	t pg_catalog.regclass;
	step record;
	block bigint;
BEGIN
	IF (SELECT true FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) rel) IS NULL THEN
		RETURN;
	END IF;
	FOR t IN SELECT p FROM tsdb.policy_tables(rel) p LOOP
		block := 0;
		LOOP
			step := tsdb.compress_step(t, '0', 1, block);
			block := step.next_block;
			COMMIT;
			EXIT WHEN step.busy OR step.done;
		END LOOP;
		LOOP
			PERFORM pg_catalog.set_config('tsdb_am.cold_after',
				pg_catalog.ceil(pg_catalog.date_part('epoch', (config OPERATOR(pg_catalog.->>) 'compress_after')::pg_catalog.interval)
					OPERATOR(pg_catalog./) 60)::pg_catalog.int4::pg_catalog.text, true);
			step := tsdb.merge_step(t, false);
			COMMIT;
			EXIT WHEN step.busy OR NOT step.merged;
		END LOOP;
	END LOOP;
END $$;
COMMENT ON PROCEDURE tsdb.policy_compression(integer, jsonb) IS 'what a compression policy does';

-- partitions that end at or before a limit (a literal of the column's type)
CREATE FUNCTION tsdb.policy_partitions(relation regclass, "limit" text)
RETURNS SETOF regclass
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	key_type regtype;
	p record;
	hit boolean;
BEGIN
	SELECT a.atttypid INTO key_type FROM pg_partitioned_table q, pg_attribute a
	WHERE q.partrelid = relation AND q.partstrat = 'r' AND q.partnatts = 1 AND a.attrelid = relation AND a.attnum = q.partattrs[0];
	IF NOT FOUND THEN
		RETURN;
	END IF;
	FOR p IN SELECT c.oid::regclass AS rel, substring(pg_get_expr(c.relpartbound, c.oid) FROM ' TO \((.*)\)$') AS upper
		FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = relation AND NOT i.inhdetachpending AND c.relkind IN ('r', 'p') ORDER BY c.oid
	LOOP
		CONTINUE WHEN p.upper IS NULL OR p.upper IN ('MAXVALUE', 'MINVALUE');
		EXECUTE format('SELECT %s::%s <= %L::%s', p.upper, key_type, "limit", key_type) INTO hit;
		IF hit THEN
			RETURN NEXT p.rel;
		END IF;
	END LOOP;
END $$;
COMMENT ON FUNCTION tsdb.policy_partitions(regclass, text) IS 'partitions of a table partitioned by ranges of one column that end at or before a value';

-- the value below which rows go, as text; NULL = none go
CREATE FUNCTION tsdb.policy_limit(relation regclass, config jsonb)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	t record := tsdb.policy_target(relation);
	by_age text;
	by_size text;
	total bigint;
BEGIN
	IF t.time_column IS NULL THEN
		RETURN NULL;
	END IF;
	IF config ? 'drop_after' THEN
		IF t.time_type IN ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype) THEN
			EXECUTE format('SELECT (now() - %L::interval)::%s::text', config->>'drop_after', t.time_type) INTO by_age;
		ELSE
			EXECUTE format('SELECT (max(%I)::bigint - %L::bigint)::text FROM %s', t.time_column, config->>'drop_after', relation) INTO by_age;
		END IF;
	END IF;
	IF config ? 'max_size' THEN
		SELECT sum(i.chunk_bytes + i.row_store_bytes) INTO total FROM tsdb.policy_tables(relation) p, LATERAL tsdb.table_info(p) i;
		IF total > (config->>'max_size')::bigint THEN
			-- the oldest chunks that are too much end there; the row after that value is the first to stay
			EXECUTE format('SELECT max(until)::text FROM (SELECT c.time_to::%1$s AS until,
				sum(c.stored_bytes) OVER (ORDER BY c.time_to::%1$s, c.first_ctid) - c.stored_bytes AS before
				FROM tsdb.policy_tables(%2$L) p, LATERAL tsdb.chunk_info(p) c WHERE c.time_to IS NOT NULL) c WHERE before < %3$s',
				t.time_type, relation, total - (config->>'max_size')::bigint) INTO by_size;
			IF by_size IS NOT NULL THEN
				EXECUTE format('SELECT min(%1$I)::text FROM %2$s WHERE %1$I > %3$L', t.time_column, relation, by_size) INTO by_size;
			END IF;
		END IF;
	END IF;
	EXECUTE format('SELECT greatest(%L::%2$s, %3$L::%2$s)::text', by_age, t.time_type, by_size) INTO by_age;
	RETURN by_age;
END $$;
COMMENT ON FUNCTION tsdb.policy_limit(regclass, jsonb) IS 'value of the time column below which a retention policy drops rows';

CREATE PROCEDURE tsdb.policy_retention(job_id integer, config jsonb)
LANGUAGE plpgsql
AS $$
DECLARE
	rel pg_catalog.regclass := (SELECT j.relation FROM tsdb.job j WHERE j.id OPERATOR(pg_catalog.=) job_id);
	t record;
	upto pg_catalog.text;
	part pg_catalog.regclass;
	series pg_catalog.text;
	step pg_catalog.text;
	last_step pg_catalog.text;
BEGIN
	IF (SELECT true FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) rel) IS NULL THEN
		RETURN;
	END IF;
	t := tsdb.policy_target(rel);
	IF t.time_column IS NULL THEN
		RETURN;
	END IF;
	upto := tsdb.policy_limit(rel, config);
	IF upto IS NOT NULL THEN
		-- whole partitions; a lock that is not to be had soon is an error, and the job is tried again
		FOR part IN SELECT p FROM tsdb.policy_partitions(rel, upto) p LOOP
			PERFORM pg_catalog.set_config('lock_timeout', '2s', true);
			EXECUTE pg_catalog.format('DROP TABLE %s', part);
			COMMIT;
		END LOOP;
		-- then chunks, some at a time: a DELETE of all rows of a chunk drops it
		FOR part IN SELECT p FROM tsdb.policy_tables(rel) p LOOP
			last_step := NULL;
			LOOP
				EXECUTE pg_catalog.format('SELECT pg_catalog.max(u)::pg_catalog.text FROM (SELECT c.time_to::%1$s AS u
					FROM tsdb.chunk_info(%2$L) c WHERE c.time_to::%1$s OPERATOR(pg_catalog.<) %3$L::%1$s ORDER BY 1 LIMIT 16) x',
					t.time_type, part, upto) INTO step;
				EXIT WHEN step IS NULL;
				EXECUTE pg_catalog.format('DELETE FROM %1$s WHERE %2$I OPERATOR(pg_catalog.<=) %3$L::%4$s', part, t.time_column, step, t.time_type);
				COMMIT;
				-- chunks that others use keep their rows' marks, and their times
				EXIT WHEN step OPERATOR(pg_catalog.=) last_step;
				last_step := step;
			END LOOP;
			-- and rows
			EXECUTE pg_catalog.format('DELETE FROM %1$s WHERE %2$I OPERATOR(pg_catalog.<) %3$L::%4$s', part, t.time_column, upto, t.time_type);
			COMMIT;
		END LOOP;
	END IF;
	IF config OPERATOR(pg_catalog.?) 'max_rows_per_series' THEN
		SELECT pg_catalog.string_agg(pg_catalog.quote_ident(s), ', ' ORDER BY o) INTO series FROM pg_catalog.unnest(t.series) WITH ORDINALITY u(s, o);
		EXECUTE pg_catalog.format('DELETE FROM %1$s x USING (SELECT tableoid AS o, ctid AS c, pg_catalog.row_number() OVER (%2$s ORDER BY %3$I DESC) AS n FROM %1$s) y
			WHERE x.tableoid OPERATOR(pg_catalog.=) y.o AND x.ctid OPERATOR(pg_catalog.=) y.c AND y.n OPERATOR(pg_catalog.>) %4$s', rel,
			CASE WHEN series IS NULL THEN '' ELSE pg_catalog.concat('PARTITION BY ', series) END, t.time_column,
			(config OPERATOR(pg_catalog.->>) 'max_rows_per_series')::pg_catalog.int8);
		COMMIT;
	END IF;
END $$;
COMMENT ON PROCEDURE tsdb.policy_retention(integer, jsonb) IS 'what a retention policy does: drops partitions, then chunks, then rows';

--
-- Views of jobs
--

CREATE FUNCTION tsdb.table_jobs(
	OUT relation regclass, OUT waiting_rows bigint, OUT running boolean, OUT next_start timestamptz, OUT last_start timestamptz,
	OUT last_finish timestamptz, OUT last_rows bigint, OUT last_bytes bigint, OUT runs bigint, OUT rows bigint, OUT bytes bigint,
	OUT merges bigint, OUT vacuums bigint, OUT failures bigint, OUT error_at timestamptz, OUT sqlerrcode text, OUT err_message text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'tsdb_sql_table_jobs'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE ROWS 100;
COMMENT ON FUNCTION tsdb.table_jobs() IS 'what workers did for tables by themselves since the server started';

CREATE FUNCTION tsdb.worker_info(
	OUT pid integer, OUT datid oid, OUT relid oid, OUT job_id integer, OUT phase text, OUT started timestamptz,
	OUT blocks_total bigint, OUT blocks_done bigint, OUT rows bigint, OUT chunks bigint, OUT bytes bigint)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'tsdb_sql_worker_info'
LANGUAGE C VOLATILE STRICT PARALLEL SAFE ROWS 4;
COMMENT ON FUNCTION tsdb.worker_info() IS 'workers that run, of all databases';

CREATE VIEW tsdb.jobs AS
SELECT j.id AS job_id, CASE WHEN j.proc_schema = 'tsdb' THEN replace(j.proc_name::text, 'policy_', '') ELSE 'user' END AS kind,
	   j.relation, format('%I.%I', j.proc_schema, j.proc_name) AS proc, j.config, j.owner, j.scheduled, j.schedule_interval,
	   j.max_runtime, j.max_retries, j.retry_period,
	   s.next_start, s.last_start, s.last_finish, s.last_duration,
	   CASE WHEN s.last_finish IS NULL AND s.last_start IS NOT NULL THEN 'running' WHEN s.last_failed THEN 'failed' WHEN s.last_finish IS NOT NULL THEN 'success' END AS last_status,
	   s.total_runs, s.total_failures, NULL::bigint AS rows, NULL::bigint AS bytes,
	   (SELECT e.err_message FROM tsdb.job_error e WHERE e.job_id = j.id ORDER BY e.start_time DESC LIMIT 1) AS last_error
  FROM tsdb.job j LEFT JOIN tsdb.job_stat s ON s.job_id = j.id
 WHERE pg_catalog.pg_has_role(j.owner, 'MEMBER') AND (j.relation IS NULL OR EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = j.relation))
UNION ALL
SELECT NULL, 'automatic', t.relation, NULL, NULL, c.relowner::regrole, true, NULL, NULL, NULL, NULL,
	   t.next_start, t.last_start, t.last_finish, t.last_finish - t.last_start,
	   CASE WHEN t.running THEN 'running' WHEN t.error_at > coalesce(t.last_finish, '-infinity') THEN 'failed' WHEN t.runs > 0 THEN 'success' END,
	   t.runs, t.failures, t.rows, t.bytes, t.err_message
  FROM tsdb.table_jobs() t JOIN pg_catalog.pg_class c ON c.oid = t.relation;
COMMENT ON VIEW tsdb.jobs IS 'jobs of roles that the user is a member of, and what workers do by themselves for tables that he may read';
GRANT SELECT ON tsdb.jobs TO PUBLIC;

CREATE VIEW tsdb.job_errors AS
SELECT e.job_id, j.relation, format('%I.%I', j.proc_schema, j.proc_name) AS proc, e.start_time, e.finish_time, e.sqlerrcode, e.err_message
  FROM tsdb.job_error e JOIN tsdb.job j ON j.id = e.job_id WHERE pg_catalog.pg_has_role(j.owner, 'MEMBER')
UNION ALL
SELECT NULL, t.relation, NULL, NULL, t.error_at, t.sqlerrcode, t.err_message FROM tsdb.table_jobs() t WHERE t.error_at IS NOT NULL;
COMMENT ON VIEW tsdb.job_errors IS 'failed runs: the last hundred of each job, the last one of each table''s automatic work';
GRANT SELECT ON tsdb.job_errors TO PUBLIC;

CREATE VIEW tsdb.stat_progress_compress AS
SELECT w.pid, w.datid, d.datname, w.relid, w.relid::regclass AS relation, w.job_id, w.phase, w.started,
	   w.blocks_total AS row_store_blocks_total, w.blocks_done AS row_store_blocks_done, w.rows AS rows_moved, w.chunks AS chunks_written,
	   w.bytes AS bytes_written
  FROM tsdb.worker_info() w LEFT JOIN pg_catalog.pg_database d ON d.oid = w.datid;
COMMENT ON VIEW tsdb.stat_progress_compress IS 'what background workers do now';
GRANT SELECT ON tsdb.stat_progress_compress TO PUBLIC;

--
-- All of time_bucket is immutable: time zones by name included, as PostgreSQL's own timezone(text, timestamptz) is.
--

CREATE FUNCTION @extschema@.time_bucket(bucket_width interval, ts timestamp)
RETURNS timestamp
AS 'MODULE_PATHNAME', 'tsdb_time_bucket_timestamp'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.time_bucket(interval, timestamp) IS
'start of the bucket of that width that a timestamp is in; buckets start at Monday 2000-01-03, those of months at January 2000';

CREATE FUNCTION @extschema@.time_bucket(bucket_width interval, ts timestamptz)
RETURNS timestamptz
AS 'MODULE_PATHNAME', 'tsdb_time_bucket_timestamp'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.time_bucket(interval, timestamptz) IS
'start of the bucket of that width that a timestamp is in, in UTC';

CREATE FUNCTION @extschema@.time_bucket(bucket_width interval, ts date)
RETURNS date
AS 'MODULE_PATHNAME', 'tsdb_time_bucket_date'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.time_bucket(interval, date) IS
'first day of the bucket of that width, in days or months, that a date is in';

CREATE FUNCTION @extschema@.time_bucket(bucket_width interval, ts timestamp, origin timestamp)
RETURNS timestamp
AS 'MODULE_PATHNAME', 'tsdb_time_bucket_timestamp_origin'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.time_bucket(interval, timestamp, timestamp) IS
'start of the bucket that a timestamp is in, of buckets that start at an origin, those of months in its month';

CREATE FUNCTION @extschema@.time_bucket(bucket_width interval, ts timestamptz, origin timestamptz)
RETURNS timestamptz
AS 'MODULE_PATHNAME', 'tsdb_time_bucket_timestamp_origin'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.time_bucket(interval, timestamptz, timestamptz) IS
'start of the bucket that a timestamp is in, in UTC, of buckets that start at an origin, those of months in its month';

CREATE FUNCTION @extschema@.time_bucket(bucket_width interval, ts date, origin date)
RETURNS date
AS 'MODULE_PATHNAME', 'tsdb_time_bucket_date_origin'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.time_bucket(interval, date, date) IS
'first day of the bucket that a date is in, of buckets that start at an origin, those of months in its month';

CREATE FUNCTION @extschema@.time_bucket(bucket_width interval, ts timestamp, "offset" interval)
RETURNS timestamp
AS 'MODULE_PATHNAME', 'tsdb_time_bucket_timestamp_offset'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.time_bucket(interval, timestamp, interval) IS
'start of the bucket that a timestamp is in, all buckets starting later by an offset';

CREATE FUNCTION @extschema@.time_bucket(bucket_width interval, ts timestamptz, "offset" interval)
RETURNS timestamptz
AS 'MODULE_PATHNAME', 'tsdb_time_bucket_timestamp_offset'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.time_bucket(interval, timestamptz, interval) IS
'start of the bucket that a timestamp is in, in UTC, all buckets starting later by an offset';

CREATE FUNCTION @extschema@.time_bucket(bucket_width interval, ts date, "offset" interval)
RETURNS date
AS 'MODULE_PATHNAME', 'tsdb_time_bucket_date_offset'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.time_bucket(interval, date, interval) IS
'first day of the bucket that a date is in, all buckets starting later by an offset';

-- not strict: an origin or offset that is NULL is one not given
CREATE FUNCTION @extschema@.time_bucket(bucket_width interval, ts timestamptz, timezone text,
	origin timestamptz DEFAULT NULL, "offset" interval DEFAULT NULL)
RETURNS timestamptz
AS 'MODULE_PATHNAME', 'tsdb_time_bucket_zone'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.time_bucket(interval, timestamptz, text, timestamptz, interval) IS
'start of the bucket that a timestamp is in, by the clocks of a time zone';

CREATE FUNCTION @extschema@.time_bucket(bucket_width smallint, ts smallint)
RETURNS smallint
AS 'MODULE_PATHNAME', 'tsdb_time_bucket_int2'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.time_bucket(smallint, smallint) IS
'greatest multiple of the width that is not above the value';

CREATE FUNCTION @extschema@.time_bucket(bucket_width integer, ts integer)
RETURNS integer
AS 'MODULE_PATHNAME', 'tsdb_time_bucket_int4'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.time_bucket(integer, integer) IS
'greatest multiple of the width that is not above the value';

CREATE FUNCTION @extschema@.time_bucket(bucket_width bigint, ts bigint)
RETURNS bigint
AS 'MODULE_PATHNAME', 'tsdb_time_bucket_int8'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.time_bucket(bigint, bigint) IS
'greatest multiple of the width that is not above the value';

CREATE FUNCTION @extschema@.time_bucket(bucket_width smallint, ts smallint, "offset" smallint)
RETURNS smallint
AS 'MODULE_PATHNAME', 'tsdb_time_bucket_int2'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.time_bucket(smallint, smallint, smallint) IS
'greatest multiple of the width, plus offset, that is not above the value';

CREATE FUNCTION @extschema@.time_bucket(bucket_width integer, ts integer, "offset" integer)
RETURNS integer
AS 'MODULE_PATHNAME', 'tsdb_time_bucket_int4'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.time_bucket(integer, integer, integer) IS
'greatest multiple of the width, plus offset, that is not above the value';

CREATE FUNCTION @extschema@.time_bucket(bucket_width bigint, ts bigint, "offset" bigint)
RETURNS bigint
AS 'MODULE_PATHNAME', 'tsdb_time_bucket_int8'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.time_bucket(bigint, bigint, bigint) IS
'greatest multiple of the width, plus offset, that is not above the value';

--
-- first, last.  What they are made of is in schema tsdb and cannot be called by itself.
--

CREATE FUNCTION tsdb.first_step(internal, value anyelement, "time" "any")
RETURNS internal
AS 'MODULE_PATHNAME', 'tsdb_first_step'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.first_step(internal, anyelement, "any") IS 'transition function of aggregate first';

CREATE FUNCTION tsdb.last_step(internal, value anyelement, "time" "any")
RETURNS internal
AS 'MODULE_PATHNAME', 'tsdb_last_step'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.last_step(internal, anyelement, "any") IS 'transition function of aggregate last';

CREATE FUNCTION tsdb.first_combine(internal, internal)
RETURNS internal
AS 'MODULE_PATHNAME', 'tsdb_first_combine'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.first_combine(internal, internal) IS 'combine function of aggregate first';

CREATE FUNCTION tsdb.last_combine(internal, internal)
RETURNS internal
AS 'MODULE_PATHNAME', 'tsdb_last_combine'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.last_combine(internal, internal) IS 'combine function of aggregate last';

CREATE FUNCTION tsdb.first_last_serialize(internal)
RETURNS bytea
AS 'MODULE_PATHNAME', 'tsdb_first_last_serialize'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.first_last_serialize(internal) IS 'serialization function of aggregates first and last';

CREATE FUNCTION tsdb.first_last_deserialize(bytea, internal)
RETURNS internal
AS 'MODULE_PATHNAME', 'tsdb_first_last_deserialize'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.first_last_deserialize(bytea, internal) IS 'deserialization function of aggregates first and last';

CREATE FUNCTION tsdb.first_last_final(internal, value anyelement, "time" "any")
RETURNS anyelement
AS 'MODULE_PATHNAME', 'tsdb_first_last_final'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.first_last_final(internal, anyelement, "any") IS 'final function of aggregates first and last';

CREATE AGGREGATE @extschema@.first(value anyelement, "time" "any") (
	SFUNC = tsdb.first_step,
	STYPE = internal,
	COMBINEFUNC = tsdb.first_combine,
	SERIALFUNC = tsdb.first_last_serialize,
	DESERIALFUNC = tsdb.first_last_deserialize,
	FINALFUNC = tsdb.first_last_final,
	FINALFUNC_EXTRA,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE @extschema@.first(anyelement, "any") IS 'value of the row with the least time; rows whose time is NULL are ignored';

CREATE AGGREGATE @extschema@.last(value anyelement, "time" "any") (
	SFUNC = tsdb.last_step,
	STYPE = internal,
	COMBINEFUNC = tsdb.last_combine,
	SERIALFUNC = tsdb.first_last_serialize,
	DESERIALFUNC = tsdb.first_last_deserialize,
	FINALFUNC = tsdb.first_last_final,
	FINALFUNC_EXTRA,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE @extschema@.last(anyelement, "any") IS 'value of the row with the greatest time; rows whose time is NULL are ignored';
