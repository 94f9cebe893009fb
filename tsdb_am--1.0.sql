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

--
-- Beyond one server: partitions that are foreign tables (postgres_fdw) on tables of other servers.  Remote tables are made and dropped
-- through dblink, rows pass through postgres_fdw.  Both extensions are looked up when they are needed: nothing here depends on them.
--
-- Each remote table has a name of its own that is never used twice, and a comment that tells whose it is.  One that has this database's
-- comment and that no foreign table of this database refers to is a leftover: of a transaction that failed, or of a move that succeeded.
-- doc/cluster.md tells why no row is lost or doubled.
--

CREATE FUNCTION tsdb.remote_extension(extension name)
RETURNS name
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	found name := (SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = extension);
BEGIN
	IF found IS NULL THEN
		RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('extension "%s" is not installed', extension),
			DETAIL = 'Shards on other servers need the extensions "postgres_fdw" and "dblink".',
			HINT = format('Run CREATE EXTENSION %I, as a superuser.', extension);
	END IF;
	RETURN found;
END $$;
COMMENT ON FUNCTION tsdb.remote_extension(name) IS 'schema of an extension that shards on other servers need';

CREATE FUNCTION tsdb.remote_exec(server name, command text)
RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	-- one message, so one transaction there; it must not wait for ever for a lock that we may hold by another connection
	EXECUTE format('SELECT %I.dblink_exec($1, $2)', tsdb.remote_extension('dblink'))
		USING server::text, 'SET lock_timeout = ''30s''; SET search_path = pg_catalog, pg_temp; ' || command;
END $$;
COMMENT ON FUNCTION tsdb.remote_exec(name, text) IS 'runs commands on a foreign server, as one transaction of their own';

CREATE FUNCTION tsdb.remote_query(server name, query text)
RETURNS SETOF text
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN QUERY EXECUTE format('SELECT r.v FROM %I.dblink($1, $2) AS r (v text)', tsdb.remote_extension('dblink'))
		USING server::text, query;
END $$;
COMMENT ON FUNCTION tsdb.remote_query(name, text) IS 'rows of a query on a foreign server that returns one column of text';

CREATE FUNCTION tsdb.remote_comment()
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('tsdb shard of system %s, database %s', s.system_identifier, d.oid)
	  FROM pg_control_system() s, pg_database d WHERE d.datname = current_database()
$$;
COMMENT ON FUNCTION tsdb.remote_comment() IS 'comment on remote tables that belong to this database';

-- One at a time in a database: who drops leftovers must not meet tables that are not yet referred to.
CREATE FUNCTION tsdb.remote_lock(wait boolean)
RETURNS boolean
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF wait THEN
		PERFORM pg_advisory_xact_lock(hashtextextended('tsdb_am shards', 0));
		RETURN true;
	END IF;
	RETURN pg_try_advisory_xact_lock(hashtextextended('tsdb_am shards', 0));
END $$;
COMMENT ON FUNCTION tsdb.remote_lock(boolean) IS 'shuts out other changes of shards on other servers to the end of the transaction';

CREATE FUNCTION tsdb.remote_check_server(server name)
RETURNS void
LANGUAGE plpgsql STABLE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	handler name;
BEGIN
	PERFORM tsdb.remote_extension('postgres_fdw'), tsdb.remote_extension('dblink');
	SELECT p.proname INTO handler
	  FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw LEFT JOIN pg_proc p ON p.oid = w.fdwhandler
	 WHERE s.srvname = server;
	IF NOT FOUND THEN
		RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('server "%s" does not exist', server),
			HINT = 'Make it with CREATE SERVER ... FOREIGN DATA WRAPPER postgres_fdw, and a user mapping for it.';
	END IF;
	IF handler IS DISTINCT FROM 'postgres_fdw_handler' THEN
		RAISE EXCEPTION USING ERRCODE = 'wrong_object_type', MESSAGE = format('server "%s" cannot hold shards', server),
			DETAIL = 'It is not a server of postgres_fdw.';
	END IF;
END $$;
COMMENT ON FUNCTION tsdb.remote_check_server(name) IS 'raises an error if a server cannot hold shards';

-- The server, schema and name of a foreign table's remote table.
CREATE FUNCTION tsdb.remote_location(relation regclass,
	OUT server name,
	OUT remote_schema name,
	OUT remote_name name)
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT s.srvname,
		   coalesce((SELECT o.option_value FROM pg_options_to_table(t.ftoptions) o WHERE o.option_name = 'schema_name'), n.nspname::text)::name,
		   coalesce((SELECT o.option_value FROM pg_options_to_table(t.ftoptions) o WHERE o.option_name = 'table_name'), c.relname::text)::name
	  FROM pg_foreign_table t
	  JOIN pg_foreign_server s ON s.oid = t.ftserver
	  JOIN pg_class c ON c.oid = t.ftrelid
	  JOIN pg_namespace n ON n.oid = c.relnamespace
	 WHERE t.ftrelid = relation
$$;
COMMENT ON FUNCTION tsdb.remote_location(regclass) IS 'where the rows of a foreign table are; NULL: it is none';

-- Everything of a column that its rows depend on; defaults are the coordinator's task.
CREATE FUNCTION tsdb.remote_columns(relation regclass, generated boolean)
RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod))
			|| CASE WHEN a.attcollation <> t.typcollation THEN format(' COLLATE %I.%I', n.nspname, l.collname) ELSE '' END
			|| CASE WHEN a.attgenerated <> '' THEN format(' GENERATED ALWAYS AS (%s) STORED', pg_get_expr(d.adbin, d.adrelid)) ELSE '' END
			|| CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END, ', ' ORDER BY a.attnum)
	  FROM pg_attribute a
	  JOIN pg_type t ON t.oid = a.atttypid
	  LEFT JOIN pg_collation l ON l.oid = a.attcollation
	  LEFT JOIN pg_namespace n ON n.oid = l.collnamespace
	  LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
	 WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped AND (generated OR a.attgenerated = '')
$$;
COMMENT ON FUNCTION tsdb.remote_columns(regclass, boolean) IS 'definitions of a table''s columns, for a table on another server; with generated columns or without';

-- Labels of the table, else of the nearest table above it that has some.  What another server tells is never run as it is: it sends names
-- and labels, as JSON, and the commands are made here.
CREATE FUNCTION tsdb.remote_labels(relation regclass)
RETURNS SETOF text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	WITH above AS (
		SELECT p.relid, p.nr FROM pg_partition_ancestors(relation) WITH ORDINALITY p (relid, nr)
		UNION ALL SELECT relation, 0
	), labelled AS (
		SELECT a.relid FROM above a
		 WHERE EXISTS (SELECT FROM pg_seclabel s WHERE s.provider = 'tsdb' AND s.classoid = 'pg_class'::regclass AND s.objoid = a.relid)
		 ORDER BY a.nr LIMIT 1
	)
	SELECT json_build_array(a.attname, s.label)::text
	  FROM labelled l
	  JOIN pg_seclabel s ON s.provider = 'tsdb' AND s.classoid = 'pg_class'::regclass AND s.objoid = l.relid
	  LEFT JOIN pg_attribute a ON a.attrelid = s.objoid AND a.attnum = s.objsubid AND s.objsubid > 0
	 ORDER BY s.objsubid
$$;
COMMENT ON FUNCTION tsdb.remote_labels(regclass) IS 'options of a table as JSON: column (null: the table), label';

CREATE FUNCTION tsdb.remote_label_commands(labels text[], target text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(string_agg(CASE WHEN l::json ->> 0 IS NULL THEN format('SECURITY LABEL FOR tsdb ON TABLE %s IS %L; ', target, l::json ->> 1)
			ELSE format('SECURITY LABEL FOR tsdb ON COLUMN %s.%I IS %L; ', target, l::json ->> 0, l::json ->> 1) END, '' ORDER BY nr), '')
	  FROM unnest(labels) WITH ORDINALITY u (l, nr)
$$;
COMMENT ON FUNCTION tsdb.remote_label_commands(text[], text) IS 'commands that give a table such options';

-- pg_get_indexdef tells the names of index and table first: what follows them holds for any table with these columns.
CREATE FUNCTION tsdb.remote_indexes(relation regclass, target text)
RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT coalesce(string_agg(format('CREATE %sINDEX ON %s %s; ', u.word, target, substr(pg_get_indexdef(i.indexrelid),
			length(format('CREATE %sINDEX %I ON %s%I.%I ', u.word, c.relname, CASE WHEN c.relkind = 'I' THEN 'ONLY ' ELSE '' END, n.nspname, r.relname)) + 1)),
			'' ORDER BY i.indexrelid), '')
	  FROM pg_index i
	  JOIN pg_class c ON c.oid = i.indexrelid
	  JOIN pg_class r ON r.oid = i.indrelid
	  JOIN pg_namespace n ON n.oid = r.relnamespace,
		   LATERAL (SELECT CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END AS word) u
	 WHERE i.indrelid = relation AND NOT i.indisexclusion
$$;
COMMENT ON FUNCTION tsdb.remote_indexes(regclass, text) IS 'commands that give another table the indexes of a table';

CREATE FUNCTION tsdb.remote_definition(relation regclass, target text, access_method name, labels text[])
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('CREATE TABLE %s (%s%s) USING %I%s; ', target, tsdb.remote_columns(relation, true),
			(SELECT coalesce(string_agg(format(', CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid)), '' ORDER BY k.conname), '')
			   FROM pg_constraint k WHERE k.conrelid = relation AND k.contype = 'c'),
			access_method,
			(SELECT coalesce(' WITH (' || string_agg(format('%I = %L', o.option_name, o.option_value), ', ') || ')', '')
			   FROM pg_class c, pg_options_to_table(c.reloptions) o WHERE c.oid = relation))
		|| CASE WHEN access_method = 'tsdb' THEN tsdb.remote_label_commands(labels, target) ELSE '' END
$$;
COMMENT ON FUNCTION tsdb.remote_definition(regclass, text, name, text[]) IS
'commands that make another table with the columns and checks of a table, and these options';

-- A name that no table has had: as much of the partition's name as fits, and 8 random digits.
CREATE FUNCTION tsdb.remote_name(partition_name name)
RETURNS name
LANGUAGE sql VOLATILE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT (left(partition_name::text, n) || '_' || left(gen_random_uuid()::text, 8))::name
	  FROM generate_series(54, 1, -1) n WHERE octet_length(left(partition_name::text, n)) <= 54 LIMIT 1
$$;
COMMENT ON FUNCTION tsdb.remote_name(name) IS 'a new name for the remote table of a partition';

CREATE FUNCTION tsdb.remote_create(server name, remote_schema name, remote_name name, definition text)
RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF NOT EXISTS (SELECT FROM tsdb.remote_query(server, 'SELECT extname FROM pg_catalog.pg_extension WHERE extname = ''tsdb_am''')) THEN
		RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('extension "tsdb_am" is not installed on server "%s"', server),
			HINT = 'Preload the library there, and run CREATE EXTENSION tsdb_am in the server''s database.';
	END IF;
	PERFORM tsdb.remote_exec(server,
		CASE WHEN remote_schema = 'public' THEN '' ELSE format('CREATE SCHEMA IF NOT EXISTS %I; ', remote_schema) END
		|| definition || format('COMMENT ON TABLE %I.%I IS %L', remote_schema, remote_name, tsdb.remote_comment()));
END $$;
COMMENT ON FUNCTION tsdb.remote_create(name, name, name, text) IS 'makes a table on another server, marked as this database''s';

-- Options of the foreign table: what the server itself says is left to it.  Statements of many rows reach the chunks there directly.
CREATE FUNCTION tsdb.remote_options(relation regclass, server name, remote_name name)
RETURNS text
LANGUAGE sql STABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
	SELECT format('schema_name %L, table_name %L', n.nspname, remote_name)
		|| CASE WHEN EXISTS (SELECT FROM pg_options_to_table(s.srvoptions) o WHERE o.option_name = 'batch_size') THEN ''
			ELSE format(', batch_size %L', least(5000, 65535 / greatest(1, (SELECT count(*) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0)))) END
		|| CASE WHEN EXISTS (SELECT FROM pg_options_to_table(s.srvoptions) o WHERE o.option_name = 'async_capable') THEN ''
			ELSE ', async_capable ''true''' END
	  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, pg_foreign_server s
	 WHERE c.oid = relation AND s.srvname = server
$$;
COMMENT ON FUNCTION tsdb.remote_options(regclass, name, name) IS 'options of a foreign table for a shard on another server';

CREATE FUNCTION tsdb.create_remote_shard(parent regclass, partition_name name, bound text, server name)
RETURNS regclass
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	schema_name name;
	remote_name name := tsdb.remote_name(partition_name);
	target text;
BEGIN
	PERFORM tsdb.remote_check_server(server);
	PERFORM tsdb.drop_leftover_shards();
	PERFORM tsdb.remote_lock(true);
	SELECT n.nspname INTO schema_name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = parent AND c.relkind = 'p';
	IF NOT FOUND THEN
		RAISE EXCEPTION USING ERRCODE = 'wrong_object_type', MESSAGE = format('"%s" is not a partitioned table', parent);
	END IF;
	-- core's checks come before anything is made on the other server
	EXECUTE format('CREATE FOREIGN TABLE %I.%I PARTITION OF %s %s SERVER %I OPTIONS (%s)', schema_name, partition_name, parent, bound, server,
		tsdb.remote_options(parent, server, remote_name));
	target := format('%I.%I', schema_name, remote_name);
	PERFORM tsdb.remote_create(server, schema_name, remote_name,
		tsdb.remote_definition(parent, target, 'tsdb', ARRAY(SELECT tsdb.remote_labels(parent))) || tsdb.remote_indexes(parent, target));
	RETURN format('%I.%I', schema_name, partition_name)::regclass;
END $$;
COMMENT ON FUNCTION tsdb.create_remote_shard(regclass, name, text, name) IS
'makes a table with access method tsdb on another server, and a foreign table for it as partition; returns the partition';

CREATE FUNCTION tsdb.drop_leftover_shards()
RETURNS bigint
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	servers name[];
	server name;
	target text;
	dropped bigint := 0;
BEGIN
	-- Whatever this transaction did may yet be undone, and a snapshot of old may not see what others did.  A transaction that makes or
	-- moves a shard has the lock: tables that it made are not referred to yet.
	IF pg_current_xact_id_if_assigned() IS NOT NULL OR current_setting('transaction_isolation') <> 'read committed'
		OR NOT tsdb.remote_lock(false) THEN
		RETURN 0;
	END IF;
	-- servers of tables that are ours to change
	SELECT array_agg(s.srvname ORDER BY s.srvname) INTO servers
	  FROM pg_foreign_server s JOIN pg_foreign_data_wrapper w ON w.oid = s.srvfdw JOIN pg_proc p ON p.oid = w.fdwhandler
	 WHERE p.proname = 'postgres_fdw_handler' AND has_server_privilege(s.oid, 'USAGE')
	   AND EXISTS (SELECT FROM pg_user_mappings m WHERE m.srvid = s.oid AND (m.umuser = 0 OR m.usename = current_user));
	FOREACH server IN ARRAY coalesce(servers, '{}') LOOP
		BEGIN
			FOR target IN
				SELECT l FROM tsdb.remote_query(server, format(
					'SELECT format(''%%I.%%I'', n.nspname, c.relname) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
					  WHERE c.relkind = ''r'' AND pg_catalog.obj_description(c.oid, ''pg_class'') = %L AND pg_catalog.pg_has_role(c.relowner, ''USAGE'')',
					tsdb.remote_comment())) l
				 WHERE NOT EXISTS (SELECT FROM pg_foreign_table f, tsdb.remote_location(f.ftrelid) o WHERE format('%I.%I', o.remote_schema, o.remote_name) = l)
			LOOP
				PERFORM tsdb.remote_exec(server, format('DROP TABLE %s', target));
				dropped := dropped + 1;
			END LOOP;
		EXCEPTION WHEN OTHERS THEN
			-- a server that is down must not stop work on others; its leftovers wait
			RAISE WARNING USING ERRCODE = SQLSTATE, MESSAGE = format('could not drop leftover shards on server "%s": %s', server, SQLERRM);
		END;
	END LOOP;
	RETURN dropped;
END $$;
COMMENT ON FUNCTION tsdb.drop_leftover_shards() IS
'drops tables of this database on other servers that no foreign table refers to; returns their number.  Does nothing in a transaction that changed something, or while a shard is made or moved';

-- A remote transaction's snapshot is kept to its end.  Both ends of a move must see what others committed before the locks were taken, and
-- a commit that is not flushed could be lost after the old rows are gone: the settings are those of the session that postgres_fdw uses.
CREATE FUNCTION tsdb.remote_check_session(server name, writes boolean)
RETURNS void
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	fdw name := tsdb.remote_extension('postgres_fdw');
	in_use boolean;
	remote_setting text;
BEGIN
	EXECUTE format('SELECT %I.postgres_fdw_disconnect($1)', fdw) USING server::text;
	EXECUTE format('SELECT EXISTS (SELECT FROM %I.postgres_fdw_get_connections() WHERE server_name = $1)', fdw) INTO in_use USING server::text;
	IF in_use THEN
		RAISE EXCEPTION USING ERRCODE = 'active_sql_transaction',
			MESSAGE = format('cannot move a shard in a transaction that has used server "%s"', server),
			HINT = 'Move shards in transactions of their own, one for each.';
	END IF;
	EXECUTE format('CREATE FOREIGN TABLE pg_temp.tsdb_remote_settings (name text, setting text) SERVER %I
		OPTIONS (schema_name ''pg_catalog'', table_name ''pg_settings'')', server);
	EXECUTE 'SELECT s.setting FROM pg_temp.tsdb_remote_settings s WHERE s.name = ''synchronous_commit''' INTO remote_setting;
	DROP FOREIGN TABLE pg_temp.tsdb_remote_settings;
	IF writes AND (remote_setting IS NULL OR remote_setting = 'off') THEN
		RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state',
			MESSAGE = format('cannot move a shard to server "%s" while synchronous_commit is off there', server),
			DETAIL = 'A crash of that server could lose rows after they are removed elsewhere.',
			HINT = format('Run ALTER SERVER %I OPTIONS (ADD options ''-c synchronous_commit=on'').', server);
	END IF;
END $$;
COMMENT ON FUNCTION tsdb.remote_check_session(name, boolean) IS 'raises an error unless this transaction is new to a server and, if it writes, commits there are flushed';

CREATE FUNCTION tsdb.move_shard(partition regclass, server name)
RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp SET row_security = off
AS $$
DECLARE
	leaf record;
	source record;			-- server of the rows and their table there, as SQL; NULL = here
	target name := server;
	root regclass;
	parent regclass;
	remote_name name;
	new_name text;			-- of the table that takes the rows, as SQL
	own_name text;			-- of the partition, as SQL
	bound text;
	access_method name;
	labels text[];
	definition text;
	indexes text;
	column_list text;
	after_move text;
	other record;
	source_rows bigint;
	moved bigint;
	target_rows bigint;
BEGIN
	IF partition IS NULL THEN
		RETURN NULL;
	END IF;
	SELECT c.relname, n.nspname, c.relkind, c.relispartition, c.relowner, c.relacl, pg_get_userbyid(c.relowner) AS owner, c.relrowsecurity,
		   c.relpersistence
	  INTO leaf FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = partition;
	IF NOT FOUND OR NOT leaf.relispartition OR leaf.relkind NOT IN ('r', 'f') OR leaf.relpersistence = 't' THEN
		RAISE EXCEPTION USING ERRCODE = 'wrong_object_type', MESSAGE = format('%s is not a partition that can be moved', partition),
			HINT = 'Name a partition that is a table or a foreign table, not the partitioned table, and not a temporary one.';
	END IF;
	own_name := format('%I.%I', leaf.nspname, leaf.relname);
	IF NOT pg_has_role(leaf.relowner, 'USAGE') THEN
		RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege', MESSAGE = format('must be owner of table %s', leaf.relname);
	END IF;
	IF current_setting('transaction_isolation') <> 'read committed' THEN
		RAISE EXCEPTION USING ERRCODE = 'active_sql_transaction',
			MESSAGE = format('cannot move a shard at isolation level %s', current_setting('transaction_isolation')),
			DETAIL = 'Its snapshot may not see rows that were committed before the shard was locked.', HINT = 'Use READ COMMITTED.';
	END IF;
	IF leaf.relrowsecurity OR EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = partition)
		OR EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = partition AND NOT t.tgisinternal AND t.tgparentid = 0)
		OR EXISTS (SELECT FROM pg_publication_rel p WHERE p.prrelid = partition) THEN
		RAISE EXCEPTION USING ERRCODE = 'feature_not_supported',
			MESSAGE = format('cannot move partition %s with row security, triggers or publications of its own', own_name),
			HINT = 'Drop them, or define them on the partitioned table.';
	END IF;
	SELECT l.server, CASE WHEN l.server IS NOT NULL THEN format('%I.%I', l.remote_schema, l.remote_name) END AS name
	  INTO source FROM (VALUES (1)) one LEFT JOIN tsdb.remote_location(partition) l ON true;
	IF source.server IS NOT DISTINCT FROM target THEN
		RETURN 0;
	END IF;
	PERFORM tsdb.remote_check_server(source.server), tsdb.remote_check_server(target);
	-- what core would say after the rows are copied
	IF target IS NOT NULL AND EXISTS (SELECT FROM pg_partition_ancestors(partition) p (relid), pg_index i
			 WHERE i.indrelid = p.relid AND p.relid <> partition AND i.indisunique) THEN
		RAISE EXCEPTION USING ERRCODE = 'feature_not_supported',
			MESSAGE = format('cannot move partition %s to another server because its partitioned table has a unique index', own_name),
			DETAIL = 'PostgreSQL has no foreign partitions there.', HINT = 'Drop the primary key or unique constraint, or keep the partition here.';
	END IF;
	PERFORM tsdb.drop_leftover_shards();
	PERFORM tsdb.remote_lock(true);

	-- Writers wait from here on, of all partitions: a row that was on its way to this one would be lost.  Readers go on.
	root := pg_partition_root(partition);
	EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', root);
	SELECT i.inhparent, pg_get_expr(c.relpartbound, c.oid) INTO parent, bound
	  FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
	 WHERE i.inhrelid = partition AND NOT i.inhdetachpending;
	IF NOT FOUND OR pg_partition_root(partition) <> root OR format('%I.%I', leaf.nspname, leaf.relname)::regclass <> partition THEN
		RAISE EXCEPTION USING ERRCODE = 'serialization_failure',
			MESSAGE = format('partition %s has been moved or detached by another session', own_name);
	END IF;
	-- our commit must be on disk before anybody drops the old rows
	IF current_setting('synchronous_commit') = 'off' THEN
		PERFORM set_config('synchronous_commit', 'on', true);
	END IF;
	PERFORM tsdb.remote_check_session(source.server, false), tsdb.remote_check_session(target, true);

	-- a table for the rows
	remote_name := tsdb.remote_name(leaf.relname);
	new_name := format('%I.%I', leaf.nspname, remote_name);
	IF source.server IS NULL THEN
		labels := ARRAY(SELECT tsdb.remote_labels(partition));
		indexes := tsdb.remote_indexes(partition, new_name);
		SELECT a.amname INTO access_method FROM pg_class c JOIN pg_am a ON a.oid = c.relam WHERE c.oid = partition;
	ELSE
		labels := ARRAY(SELECT tsdb.remote_query(source.server, format('SELECT tsdb.remote_labels(%L)', source.name)));
		indexes := tsdb.remote_indexes(parent, new_name);
		SELECT q INTO STRICT access_method FROM tsdb.remote_query(source.server,
			format('SELECT a.amname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_am a ON a.oid = c.relam WHERE c.oid = %L::pg_catalog.regclass', source.name)) q;
	END IF;
	definition := tsdb.remote_definition(partition, new_name, access_method, labels);
	IF target IS NULL THEN
		EXECUTE definition;
	ELSE
		PERFORM tsdb.remote_create(target, leaf.nspname, remote_name, definition || indexes);
		EXECUTE format('CREATE FOREIGN TABLE %s (%s) SERVER %I OPTIONS (%s)', new_name, tsdb.remote_columns(partition, false), target,
			tsdb.remote_options(partition, target, remote_name));
	END IF;

	SELECT string_agg(format('%I', a.attname), ', ' ORDER BY a.attnum) INTO column_list
	  FROM pg_attribute a WHERE a.attrelid = partition AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '';
	EXECUTE format('INSERT INTO %s (%s) SELECT %2$s FROM ONLY %3$s', new_name, column_list, own_name);
	GET DIAGNOSTICS moved = ROW_COUNT;
	EXECUTE format('SELECT count(*) FROM ONLY %s', own_name) INTO source_rows;
	EXECUTE format('SELECT count(*) FROM ONLY %s', new_name) INTO target_rows;
	IF source_rows <> moved OR target_rows <> moved THEN
		RAISE EXCEPTION USING ERRCODE = 'data_exception', MESSAGE = format('rows of partition %s changed while it was moved', own_name),
			DETAIL = format('Rows before: %s, copied: %s, after: %s.', source_rows, moved, target_rows),
			HINT = 'Write to shards through the coordinator only, and retry.';
	END IF;

	-- what the partition has of its own
	SELECT string_agg(q.command, '; ') INTO after_move FROM (
		SELECT format('ALTER TABLE %s ALTER COLUMN %I SET DEFAULT %s', own_name, a.attname, pg_get_expr(d.adbin, d.adrelid))
		  FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
		 WHERE d.adrelid = partition AND a.attgenerated = ''
		UNION ALL
		SELECT format('ALTER TABLE %s ADD CONSTRAINT %I %s', own_name, k.conname, pg_get_constraintdef(k.oid))
		  FROM pg_constraint k WHERE k.conrelid = partition AND k.contype = 'c' AND k.coninhcount = 0 AND target IS NOT NULL
		UNION ALL
		SELECT format('ALTER TABLE %s ALTER COLUMN %I SET NOT NULL', own_name, a.attname)
		  FROM pg_attribute a WHERE a.attrelid = partition AND a.attnum > 0 AND NOT a.attisdropped AND a.attnotnull AND target IS NOT NULL
		UNION ALL
		SELECT format('GRANT %s ON %s TO %s%s', x.privilege_type, own_name,
				CASE WHEN x.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END,
				CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
		  FROM aclexplode(leaf.relacl) x WHERE x.grantee <> leaf.relowner
		UNION ALL
		SELECT CASE WHEN d.objsubid > 0 THEN format('COMMENT ON COLUMN %s.%I IS %L', own_name, a.attname, d.description)
				WHEN target IS NULL THEN format('COMMENT ON TABLE %s IS %L', own_name, d.description)
				ELSE format('COMMENT ON FOREIGN TABLE %s IS %L', own_name, d.description) END
		  FROM pg_description d LEFT JOIN pg_attribute a ON a.attrelid = d.objoid AND a.attnum = d.objsubid AND d.objsubid > 0
		 WHERE d.classoid = 'pg_class'::regclass AND d.objoid = partition
		UNION ALL
		SELECT format('ALTER TABLE %s OWNER TO %I', own_name, leaf.owner)) q (command);

	-- the swap: nobody is in the partitioned table from here on
	EXECUTE format('ALTER TABLE %s DETACH PARTITION %s', parent, own_name);
	EXECUTE format('DROP %s %s', CASE WHEN leaf.relkind = 'f' THEN 'FOREIGN TABLE' ELSE 'TABLE' END, own_name);
	IF target IS NULL THEN
		EXECUTE format('ALTER TABLE %s RENAME TO %I', new_name, leaf.relname);
		EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s %s', parent, own_name, bound);
	ELSE
		EXECUTE format('DROP FOREIGN TABLE %s', new_name);
		EXECUTE format('CREATE FOREIGN TABLE %s PARTITION OF %s %s SERVER %I OPTIONS (%s)', own_name, parent, bound, target,
			tsdb.remote_options(parent, target, remote_name));
	END IF;
	EXECUTE after_move;

	-- Who has read something on that server may have a snapshot there that does not see the rows, and keeps it to its transaction's end.
	-- It also keeps a lock on what it read: wait for that, and let nobody in before we commit.
	FOR other IN
		SELECT format('%I.%I', n.nspname, c.relname) AS name, pg_get_userbyid(c.relowner) AS owner
		  FROM pg_foreign_table f
		  JOIN pg_foreign_server s ON s.oid = f.ftserver
		  JOIN pg_class c ON c.oid = f.ftrelid
		  JOIN pg_namespace n ON n.oid = c.relnamespace
		 WHERE s.srvname = target AND c.relpersistence <> 't' ORDER BY f.ftrelid
	LOOP
		-- the owner stays the same: only the lock is wanted, and LOCK TABLE does not take foreign tables
		EXECUTE format('ALTER FOREIGN TABLE %s OWNER TO %I', other.name, other.owner);
	END LOOP;
	RETURN moved;
END $$;
COMMENT ON FUNCTION tsdb.move_shard(regclass, name) IS
'moves a partition to another server, NULL = to this one; returns its rows.  Writers of the partitioned table wait meanwhile; the table that it leaves on another server is dropped by the next move or by tsdb.drop_leftover_shards';

--
-- Rebalancing
--

CREATE FUNCTION tsdb.shard_sizes(relation regclass,
	OUT partition regclass,
	OUT server name,
	OUT bytes bigint)
RETURNS SETOF record
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	place record;
BEGIN
	FOR place IN
		SELECT t.relid, l.server, CASE WHEN l.server IS NOT NULL THEN format('%I.%I', l.remote_schema, l.remote_name) END AS remote
		  FROM pg_partition_tree(relation) t LEFT JOIN LATERAL tsdb.remote_location(t.relid) l ON true
		 WHERE t.isleaf ORDER BY t.relid
	LOOP
		partition := place.relid;
		server := place.server;
		IF server IS NULL THEN
			bytes := pg_total_relation_size(partition);
		ELSE
			SELECT q::bigint INTO bytes FROM tsdb.remote_query(server, format('SELECT pg_catalog.pg_total_relation_size(%L)', place.remote)) q;
		END IF;
		RETURN NEXT;
	END LOOP;
END $$;
COMMENT ON FUNCTION tsdb.shard_sizes(regclass) IS 'the partitions that hold rows: server (NULL = this one) and bytes on disk';

CREATE FUNCTION tsdb.remote_next_move(relation regclass, servers name[], moved text[],
	OUT partition regclass,
	OUT server name)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	-- from the fullest server to the emptiest, what leaves the smallest difference between the two; '' is this server
	WITH sizes AS (
		SELECT s.partition AS part, coalesce(s.server::text, '') AS place, s.bytes FROM tsdb.shard_sizes(relation) s
	), loads AS (
		SELECT n.place, coalesce((SELECT sum(s.bytes) FROM sizes s WHERE s.place = n.place), 0) AS bytes
		  FROM (SELECT coalesce(u::text, '') AS place FROM unnest(servers) u UNION SELECT s.place FROM sizes s) n
	), fullest AS (
		SELECT l.* FROM loads l ORDER BY l.bytes DESC, l.place LIMIT 1
	), emptiest AS (
		SELECT l.* FROM loads l ORDER BY l.bytes, l.place LIMIT 1
	)
	SELECT s.part, nullif(e.place, '')::name INTO partition, server
	  FROM fullest f, emptiest e, sizes s
	 WHERE s.place = f.place AND s.bytes < f.bytes - e.bytes AND s.part::text <> ALL (moved)
	 ORDER BY abs(f.bytes - e.bytes - 2 * s.bytes), s.part::oid LIMIT 1;
END $$;
COMMENT ON FUNCTION tsdb.remote_next_move(regclass, name[], text[]) IS
'which partition to move where, so that servers hold about equally many bytes; NULL: none.  Those that were moved stay';

-- no SET here: a procedure that has one cannot commit
CREATE PROCEDURE tsdb.rebalance_shards(relation regclass, servers name[] DEFAULT NULL)
LANGUAGE plpgsql
AS $$
DECLARE
	next_partition pg_catalog.regclass;
	next_server pg_catalog.name;
	moved pg_catalog.text[] := '{}';
BEGIN
	LOOP
		PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
		PERFORM tsdb.drop_leftover_shards();
		SELECT m.partition, m.server INTO next_partition, next_server FROM tsdb.remote_next_move(relation, servers, moved) m;
		EXIT WHEN next_partition IS NULL;
		RAISE NOTICE 'moving % to %', next_partition, coalesce('server ' || quote_ident(next_server), 'this server');
		moved := moved || next_partition::text;
		PERFORM tsdb.move_shard(next_partition, next_server);
		COMMIT;
	END LOOP;
END $$;
COMMENT ON PROCEDURE tsdb.rebalance_shards(regclass, name[]) IS
'moves partitions, one a transaction, until the servers that hold partitions of the table, and those named (NULL = this one), hold about equally many bytes';
