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
