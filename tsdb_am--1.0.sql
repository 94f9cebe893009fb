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
-- histogram, approximate_row_count
--

CREATE FUNCTION tsdb.histogram_step(internal, value float8, min float8, max float8, nbuckets integer)
RETURNS internal
AS 'MODULE_PATHNAME', 'tsdb_histogram_step'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.histogram_step(internal, float8, float8, float8, integer) IS 'transition function of aggregate histogram';

CREATE FUNCTION tsdb.histogram_unstep(internal, value float8, min float8, max float8, nbuckets integer)
RETURNS internal
AS 'MODULE_PATHNAME', 'tsdb_histogram_unstep'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.histogram_unstep(internal, float8, float8, float8, integer) IS 'inverse transition function of aggregate histogram';

CREATE FUNCTION tsdb.histogram_combine(internal, internal)
RETURNS internal
AS 'MODULE_PATHNAME', 'tsdb_histogram_combine'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.histogram_combine(internal, internal) IS 'combine function of aggregate histogram';

CREATE FUNCTION tsdb.histogram_serialize(internal)
RETURNS bytea
AS 'MODULE_PATHNAME', 'tsdb_histogram_serialize'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.histogram_serialize(internal) IS 'serialization function of aggregate histogram';

CREATE FUNCTION tsdb.histogram_deserialize(bytea, internal)
RETURNS internal
AS 'MODULE_PATHNAME', 'tsdb_histogram_deserialize'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.histogram_deserialize(bytea, internal) IS 'deserialization function of aggregate histogram';

CREATE FUNCTION tsdb.histogram_final(internal)
RETURNS integer[]
AS 'MODULE_PATHNAME', 'tsdb_histogram_final'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.histogram_final(internal) IS 'final function of aggregate histogram';

CREATE AGGREGATE @extschema@.histogram(value float8, min float8, max float8, nbuckets integer) (
	SFUNC = tsdb.histogram_step,
	STYPE = internal,
	COMBINEFUNC = tsdb.histogram_combine,
	SERIALFUNC = tsdb.histogram_serialize,
	DESERIALFUNC = tsdb.histogram_deserialize,
	FINALFUNC = tsdb.histogram_final,
	MSFUNC = tsdb.histogram_step,
	MINVFUNC = tsdb.histogram_unstep,
	MSTYPE = internal,
	MFINALFUNC = tsdb.histogram_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE @extschema@.histogram(float8, float8, float8, integer) IS 'numbers of values below min, in each of nbuckets parts of min .. max, and from max on';

-- Partitions and children are counted; a table that the user may not read by what the last ANALYZE found.
CREATE FUNCTION @extschema@.approximate_row_count(relation regclass)
RETURNS bigint
LANGUAGE sql STABLE STRICT PARALLEL RESTRICTED
BEGIN ATOMIC
	WITH RECURSIVE member(oid) AS (
		SELECT relation::oid
		UNION
		SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN member m ON i.inhparent = m.oid
	)
	SELECT sum(coalesce(
			   (SELECT t.row_store_rows + t.chunk_rows
				  FROM tsdb.table_info(c.oid) t
				 WHERE c.relam = (SELECT a.oid FROM pg_catalog.pg_am a WHERE a.amname = 'tsdb')),
			   CASE WHEN c.relkind IN ('r', 'm', 'f', 't') THEN greatest(c.reltuples, 0)::bigint ELSE 0 END))::bigint
	  FROM member m
	  JOIN pg_catalog.pg_class c ON c.oid = m.oid;
END;
COMMENT ON FUNCTION @extschema@.approximate_row_count(regclass) IS
'about how many rows a table has, partitions and children included, without reading it';

--
-- Counters: delta, increase, rate, irate, counter_agg.
-- 
-- Points of a group are kept until its end (timeseries/time_points.h).
--

CREATE TYPE @extschema@.countersummary;

CREATE FUNCTION tsdb.counter_in(cstring)
RETURNS @extschema@.countersummary
AS 'MODULE_PATHNAME', 'tsdb_counter_in'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.counter_in(cstring) IS 'input of type countersummary';

CREATE FUNCTION tsdb.counter_out(@extschema@.countersummary)
RETURNS cstring
AS 'MODULE_PATHNAME', 'tsdb_summary_out'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.counter_out(@extschema@.countersummary) IS 'output of type countersummary';

CREATE FUNCTION tsdb.counter_recv(internal)
RETURNS @extschema@.countersummary
AS 'MODULE_PATHNAME', 'tsdb_counter_recv'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.counter_recv(internal) IS 'binary input of type countersummary';

CREATE FUNCTION tsdb.counter_send(@extschema@.countersummary)
RETURNS bytea
AS 'MODULE_PATHNAME', 'tsdb_summary_send'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.counter_send(@extschema@.countersummary) IS 'binary output of type countersummary';

CREATE TYPE @extschema@.countersummary (
	INPUT = tsdb.counter_in,
	OUTPUT = tsdb.counter_out,
	RECEIVE = tsdb.counter_recv,
	SEND = tsdb.counter_send,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = double,
	STORAGE = extended
);
COMMENT ON TYPE @extschema@.countersummary IS 'what counter_agg knows of a counters values: increase over resets, points at both ends';

CREATE FUNCTION tsdb.counter_step(internal, value float8, "time" timestamptz)
RETURNS internal
AS 'MODULE_PATHNAME', 'tsdb_counter_step'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.counter_step(internal, float8, timestamptz) IS 'transition function of aggregates of counters';

CREATE FUNCTION tsdb.counter_step(internal, "time" timestamptz, value float8)
RETURNS internal
AS 'MODULE_PATHNAME', 'tsdb_counter_step_time_first'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.counter_step(internal, timestamptz, float8) IS 'transition function of aggregates of counters';

CREATE FUNCTION tsdb.points_combine(internal, internal)
RETURNS internal
AS 'MODULE_PATHNAME', 'tsdb_points_combine'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.points_combine(internal, internal) IS 'combine function of aggregates that keep points';

CREATE FUNCTION tsdb.points_serialize(internal)
RETURNS bytea
AS 'MODULE_PATHNAME', 'tsdb_points_serialize'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.points_serialize(internal) IS 'serialization function of aggregates that keep points';

CREATE FUNCTION tsdb.points_deserialize(bytea, internal)
RETURNS internal
AS 'MODULE_PATHNAME', 'tsdb_points_deserialize'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.points_deserialize(bytea, internal) IS 'deserialization function of aggregates that keep points';

CREATE FUNCTION tsdb.counter_final(internal)
RETURNS @extschema@.countersummary
AS 'MODULE_PATHNAME', 'tsdb_counter_final'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.counter_final(internal) IS 'final function of aggregate counter_agg';

CREATE FUNCTION tsdb.counter_final_delta(internal)
RETURNS float8
AS 'MODULE_PATHNAME', 'tsdb_counter_final_delta'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.counter_final_delta(internal) IS 'final function of aggregates delta and increase';

CREATE FUNCTION tsdb.counter_final_rate(internal)
RETURNS float8
AS 'MODULE_PATHNAME', 'tsdb_counter_final_rate'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.counter_final_rate(internal) IS 'final function of aggregate rate';

CREATE FUNCTION tsdb.counter_final_irate(internal)
RETURNS float8
AS 'MODULE_PATHNAME', 'tsdb_counter_final_irate'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.counter_final_irate(internal) IS 'final function of aggregate irate';

CREATE AGGREGATE @extschema@.delta(value float8, "time" timestamptz) (
	SFUNC = tsdb.counter_step,
	STYPE = internal,
	COMBINEFUNC = tsdb.points_combine,
	SERIALFUNC = tsdb.points_serialize,
	DESERIALFUNC = tsdb.points_deserialize,
	FINALFUNC = tsdb.counter_final_delta,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE @extschema@.delta(float8, timestamptz) IS 'increase of a counter that may start from zero again, from first to last value in time';

CREATE AGGREGATE @extschema@.increase(value float8, "time" timestamptz) (
	SFUNC = tsdb.counter_step,
	STYPE = internal,
	COMBINEFUNC = tsdb.points_combine,
	SERIALFUNC = tsdb.points_serialize,
	DESERIALFUNC = tsdb.points_deserialize,
	FINALFUNC = tsdb.counter_final_delta,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE @extschema@.increase(float8, timestamptz) IS 'increase of a counter that may start from zero again, from first to last value in time';

CREATE AGGREGATE @extschema@.rate(value float8, "time" timestamptz) (
	SFUNC = tsdb.counter_step,
	STYPE = internal,
	COMBINEFUNC = tsdb.points_combine,
	SERIALFUNC = tsdb.points_serialize,
	DESERIALFUNC = tsdb.points_deserialize,
	FINALFUNC = tsdb.counter_final_rate,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE @extschema@.rate(float8, timestamptz) IS 'increase of a counter per second, from first to last value in time';

CREATE AGGREGATE @extschema@.irate(value float8, "time" timestamptz) (
	SFUNC = tsdb.counter_step,
	STYPE = internal,
	COMBINEFUNC = tsdb.points_combine,
	SERIALFUNC = tsdb.points_serialize,
	DESERIALFUNC = tsdb.points_deserialize,
	FINALFUNC = tsdb.counter_final_irate,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE @extschema@.irate(float8, timestamptz) IS 'increase of a counter per second, between the last two values in time';

CREATE AGGREGATE @extschema@.counter_agg("time" timestamptz, value float8) (
	SFUNC = tsdb.counter_step,
	STYPE = internal,
	COMBINEFUNC = tsdb.points_combine,
	SERIALFUNC = tsdb.points_serialize,
	DESERIALFUNC = tsdb.points_deserialize,
	FINALFUNC = tsdb.counter_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE @extschema@.counter_agg(timestamptz, float8) IS 'summary of a counter that may start from zero again';

CREATE FUNCTION tsdb.counter_rollup_step(internal, summary @extschema@.countersummary)
RETURNS internal
AS 'MODULE_PATHNAME', 'tsdb_counter_rollup_step'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.counter_rollup_step(internal, @extschema@.countersummary) IS 'transition function of aggregate rollup of counters';

CREATE FUNCTION tsdb.summary_list_combine(internal, internal)
RETURNS internal
AS 'MODULE_PATHNAME', 'tsdb_summary_list_combine'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.summary_list_combine(internal, internal) IS 'combine function of rollups of summaries in order of time';

CREATE FUNCTION tsdb.summary_list_serialize(internal)
RETURNS bytea
AS 'MODULE_PATHNAME', 'tsdb_summary_list_serialize'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.summary_list_serialize(internal) IS 'serialization function of rollups of summaries in order of time';

CREATE FUNCTION tsdb.summary_list_deserialize(bytea, internal)
RETURNS internal
AS 'MODULE_PATHNAME', 'tsdb_summary_list_deserialize'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.summary_list_deserialize(bytea, internal) IS 'deserialization function of rollups of summaries in order of time';

CREATE FUNCTION tsdb.counter_rollup_final(internal)
RETURNS @extschema@.countersummary
AS 'MODULE_PATHNAME', 'tsdb_counter_rollup_final'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.counter_rollup_final(internal) IS 'final function of aggregate rollup of counters';

CREATE AGGREGATE @extschema@.rollup(summary @extschema@.countersummary) (
	SFUNC = tsdb.counter_rollup_step,
	STYPE = internal,
	COMBINEFUNC = tsdb.summary_list_combine,
	SERIALFUNC = tsdb.summary_list_serialize,
	DESERIALFUNC = tsdb.summary_list_deserialize,
	FINALFUNC = tsdb.counter_rollup_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE @extschema@.rollup(@extschema@.countersummary) IS 'one summary of a counter from those of ranges of time that follow each other';

CREATE FUNCTION @extschema@.delta(summary @extschema@.countersummary)
RETURNS float8
AS 'MODULE_PATHNAME', 'tsdb_counter_delta'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.delta(@extschema@.countersummary) IS 'increase of the counter';

CREATE FUNCTION @extschema@.rate(summary @extschema@.countersummary)
RETURNS float8
AS 'MODULE_PATHNAME', 'tsdb_counter_rate'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.rate(@extschema@.countersummary) IS 'increase of the counter per second';

CREATE FUNCTION @extschema@.time_delta(summary @extschema@.countersummary)
RETURNS float8
AS 'MODULE_PATHNAME', 'tsdb_counter_time_delta'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.time_delta(@extschema@.countersummary) IS 'seconds from first to last value';

CREATE FUNCTION @extschema@.idelta_left(summary @extschema@.countersummary)
RETURNS float8
AS 'MODULE_PATHNAME', 'tsdb_counter_idelta_left'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.idelta_left(@extschema@.countersummary) IS 'increase between the first two values';

CREATE FUNCTION @extschema@.idelta_right(summary @extschema@.countersummary)
RETURNS float8
AS 'MODULE_PATHNAME', 'tsdb_counter_idelta_right'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.idelta_right(@extschema@.countersummary) IS 'increase between the last two values';

CREATE FUNCTION @extschema@.irate_left(summary @extschema@.countersummary)
RETURNS float8
AS 'MODULE_PATHNAME', 'tsdb_counter_irate_left'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.irate_left(@extschema@.countersummary) IS 'increase per second between the first two values';

CREATE FUNCTION @extschema@.irate_right(summary @extschema@.countersummary)
RETURNS float8
AS 'MODULE_PATHNAME', 'tsdb_counter_irate_right'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.irate_right(@extschema@.countersummary) IS 'increase per second between the last two values';

CREATE FUNCTION @extschema@.num_resets(summary @extschema@.countersummary)
RETURNS bigint
AS 'MODULE_PATHNAME', 'tsdb_counter_num_resets'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.num_resets(@extschema@.countersummary) IS 'how often the counter started from zero again';

CREATE FUNCTION @extschema@.num_changes(summary @extschema@.countersummary)
RETURNS bigint
AS 'MODULE_PATHNAME', 'tsdb_counter_num_changes'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.num_changes(@extschema@.countersummary) IS 'how often a value differs from the one before';

CREATE FUNCTION @extschema@.num_elements(summary @extschema@.countersummary)
RETURNS bigint
AS 'MODULE_PATHNAME', 'tsdb_counter_num_elements'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.num_elements(@extschema@.countersummary) IS 'number of values';

CREATE FUNCTION @extschema@.first_time(summary @extschema@.countersummary)
RETURNS timestamptz
AS 'MODULE_PATHNAME', 'tsdb_counter_first_time'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.first_time(@extschema@.countersummary) IS 'time of the first value';

CREATE FUNCTION @extschema@.last_time(summary @extschema@.countersummary)
RETURNS timestamptz
AS 'MODULE_PATHNAME', 'tsdb_counter_last_time'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.last_time(@extschema@.countersummary) IS 'time of the last value';

CREATE FUNCTION @extschema@.first_val(summary @extschema@.countersummary)
RETURNS float8
AS 'MODULE_PATHNAME', 'tsdb_counter_first_val'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.first_val(@extschema@.countersummary) IS 'the first value';

CREATE FUNCTION @extschema@.last_val(summary @extschema@.countersummary)
RETURNS float8
AS 'MODULE_PATHNAME', 'tsdb_counter_last_val'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.last_val(@extschema@.countersummary) IS 'the last value';

--
-- Averages over time: time_weight, average, integral
--

CREATE TYPE @extschema@.timeweightsummary;

CREATE FUNCTION tsdb.time_weight_in(cstring)
RETURNS @extschema@.timeweightsummary
AS 'MODULE_PATHNAME', 'tsdb_time_weight_in'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.time_weight_in(cstring) IS 'input of type timeweightsummary';

CREATE FUNCTION tsdb.time_weight_out(@extschema@.timeweightsummary)
RETURNS cstring
AS 'MODULE_PATHNAME', 'tsdb_summary_out'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.time_weight_out(@extschema@.timeweightsummary) IS 'output of type timeweightsummary';

CREATE FUNCTION tsdb.time_weight_recv(internal)
RETURNS @extschema@.timeweightsummary
AS 'MODULE_PATHNAME', 'tsdb_time_weight_recv'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.time_weight_recv(internal) IS 'binary input of type timeweightsummary';

CREATE FUNCTION tsdb.time_weight_send(@extschema@.timeweightsummary)
RETURNS bytea
AS 'MODULE_PATHNAME', 'tsdb_summary_send'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.time_weight_send(@extschema@.timeweightsummary) IS 'binary output of type timeweightsummary';

CREATE TYPE @extschema@.timeweightsummary (
	INPUT = tsdb.time_weight_in,
	OUTPUT = tsdb.time_weight_out,
	RECEIVE = tsdb.time_weight_recv,
	SEND = tsdb.time_weight_send,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = double,
	STORAGE = extended
);
COMMENT ON TYPE @extschema@.timeweightsummary IS 'what time_weight knows of values in time: the area below them, first and last value';

CREATE FUNCTION tsdb.time_weight_step(internal, method text, "time" timestamptz, value float8)
RETURNS internal
AS 'MODULE_PATHNAME', 'tsdb_time_weight_step'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.time_weight_step(internal, text, timestamptz, float8) IS 'transition function of aggregate time_weight';

CREATE FUNCTION tsdb.time_weight_final(internal)
RETURNS @extschema@.timeweightsummary
AS 'MODULE_PATHNAME', 'tsdb_time_weight_final'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.time_weight_final(internal) IS 'final function of aggregate time_weight';

CREATE AGGREGATE @extschema@.time_weight(method text, "time" timestamptz, value float8) (
	SFUNC = tsdb.time_weight_step,
	STYPE = internal,
	COMBINEFUNC = tsdb.points_combine,
	SERIALFUNC = tsdb.points_serialize,
	DESERIALFUNC = tsdb.points_deserialize,
	FINALFUNC = tsdb.time_weight_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE @extschema@.time_weight(text, timestamptz, float8) IS 'summary of values weighted by how long they hold; method LOCF or linear';

CREATE FUNCTION tsdb.time_weight_rollup_step(internal, summary @extschema@.timeweightsummary)
RETURNS internal
AS 'MODULE_PATHNAME', 'tsdb_time_weight_rollup_step'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.time_weight_rollup_step(internal, @extschema@.timeweightsummary) IS 'transition function of aggregate rollup of time weights';

CREATE FUNCTION tsdb.time_weight_rollup_final(internal)
RETURNS @extschema@.timeweightsummary
AS 'MODULE_PATHNAME', 'tsdb_time_weight_rollup_final'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.time_weight_rollup_final(internal) IS 'final function of aggregate rollup of time weights';

CREATE AGGREGATE @extschema@.rollup(summary @extschema@.timeweightsummary) (
	SFUNC = tsdb.time_weight_rollup_step,
	STYPE = internal,
	COMBINEFUNC = tsdb.summary_list_combine,
	SERIALFUNC = tsdb.summary_list_serialize,
	DESERIALFUNC = tsdb.summary_list_deserialize,
	FINALFUNC = tsdb.time_weight_rollup_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE @extschema@.rollup(@extschema@.timeweightsummary) IS 'one summary from those of ranges of time that follow each other';

CREATE FUNCTION @extschema@.average(summary @extschema@.timeweightsummary)
RETURNS float8
AS 'MODULE_PATHNAME', 'tsdb_time_weight_average'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.average(@extschema@.timeweightsummary) IS 'average over time';

CREATE FUNCTION @extschema@.integral(summary @extschema@.timeweightsummary, unit text DEFAULT 'second')
RETURNS float8
AS 'MODULE_PATHNAME', 'tsdb_time_weight_integral'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.integral(@extschema@.timeweightsummary, text) IS 'area below the values: value times time in that unit';

CREATE FUNCTION @extschema@.first_time(summary @extschema@.timeweightsummary)
RETURNS timestamptz
AS 'MODULE_PATHNAME', 'tsdb_time_weight_first_time'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.first_time(@extschema@.timeweightsummary) IS 'time of the first value';

CREATE FUNCTION @extschema@.last_time(summary @extschema@.timeweightsummary)
RETURNS timestamptz
AS 'MODULE_PATHNAME', 'tsdb_time_weight_last_time'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.last_time(@extschema@.timeweightsummary) IS 'time of the last value';

CREATE FUNCTION @extschema@.first_val(summary @extschema@.timeweightsummary)
RETURNS float8
AS 'MODULE_PATHNAME', 'tsdb_time_weight_first_val'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.first_val(@extschema@.timeweightsummary) IS 'the first value';

CREATE FUNCTION @extschema@.last_val(summary @extschema@.timeweightsummary)
RETURNS float8
AS 'MODULE_PATHNAME', 'tsdb_time_weight_last_val'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.last_val(@extschema@.timeweightsummary) IS 'the last value';

--
-- Prices: candlestick_agg, candlestick
--

CREATE TYPE @extschema@.candlestick;

CREATE FUNCTION tsdb.candlestick_in(cstring)
RETURNS @extschema@.candlestick
AS 'MODULE_PATHNAME', 'tsdb_candlestick_in'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.candlestick_in(cstring) IS 'input of type candlestick';

CREATE FUNCTION tsdb.candlestick_out(@extschema@.candlestick)
RETURNS cstring
AS 'MODULE_PATHNAME', 'tsdb_summary_out'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.candlestick_out(@extschema@.candlestick) IS 'output of type candlestick';

CREATE FUNCTION tsdb.candlestick_recv(internal)
RETURNS @extschema@.candlestick
AS 'MODULE_PATHNAME', 'tsdb_candlestick_recv'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.candlestick_recv(internal) IS 'binary input of type candlestick';

CREATE FUNCTION tsdb.candlestick_send(@extschema@.candlestick)
RETURNS bytea
AS 'MODULE_PATHNAME', 'tsdb_summary_send'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.candlestick_send(@extschema@.candlestick) IS 'binary output of type candlestick';

CREATE TYPE @extschema@.candlestick (
	INPUT = tsdb.candlestick_in,
	OUTPUT = tsdb.candlestick_out,
	RECEIVE = tsdb.candlestick_recv,
	SEND = tsdb.candlestick_send,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = double,
	STORAGE = extended
);
COMMENT ON TYPE @extschema@.candlestick IS 'open, high, low and close of prices with their times, and volume';

CREATE FUNCTION tsdb.candlestick_step(internal, "time" timestamptz, price float8, volume float8)
RETURNS internal
AS 'MODULE_PATHNAME', 'tsdb_candlestick_step'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.candlestick_step(internal, timestamptz, float8, float8) IS 'transition function of aggregate candlestick_agg';

CREATE FUNCTION tsdb.candlestick_combine(internal, internal)
RETURNS internal
AS 'MODULE_PATHNAME', 'tsdb_candlestick_combine'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.candlestick_combine(internal, internal) IS 'combine function of aggregate candlestick_agg';

CREATE FUNCTION tsdb.candlestick_serialize(internal)
RETURNS bytea
AS 'MODULE_PATHNAME', 'tsdb_candlestick_serialize'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.candlestick_serialize(internal) IS 'serialization function of aggregate candlestick_agg';

CREATE FUNCTION tsdb.candlestick_deserialize(bytea, internal)
RETURNS internal
AS 'MODULE_PATHNAME', 'tsdb_candlestick_deserialize'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.candlestick_deserialize(bytea, internal) IS 'deserialization function of aggregate candlestick_agg';

CREATE FUNCTION tsdb.candlestick_final(internal)
RETURNS @extschema@.candlestick
AS 'MODULE_PATHNAME', 'tsdb_candlestick_final'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.candlestick_final(internal) IS 'final function of aggregate candlestick_agg';

CREATE AGGREGATE @extschema@.candlestick_agg("time" timestamptz, price float8, volume float8) (
	SFUNC = tsdb.candlestick_step,
	STYPE = internal,
	COMBINEFUNC = tsdb.candlestick_combine,
	SERIALFUNC = tsdb.candlestick_serialize,
	DESERIALFUNC = tsdb.candlestick_deserialize,
	FINALFUNC = tsdb.candlestick_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE @extschema@.candlestick_agg(timestamptz, float8, float8) IS 'open, high, low and close of prices, and volume';

CREATE FUNCTION tsdb.candlestick_rollup_step(internal, summary @extschema@.candlestick)
RETURNS internal
AS 'MODULE_PATHNAME', 'tsdb_candlestick_rollup_step'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.candlestick_rollup_step(internal, @extschema@.candlestick) IS 'transition function of aggregate rollup of candlesticks';

CREATE AGGREGATE @extschema@.rollup(summary @extschema@.candlestick) (
	SFUNC = tsdb.candlestick_rollup_step,
	STYPE = internal,
	COMBINEFUNC = tsdb.candlestick_combine,
	SERIALFUNC = tsdb.candlestick_serialize,
	DESERIALFUNC = tsdb.candlestick_deserialize,
	FINALFUNC = tsdb.candlestick_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE @extschema@.rollup(@extschema@.candlestick) IS 'one candlestick from several';

-- not strict: a volume that is NULL is not known
CREATE FUNCTION @extschema@.candlestick("time" timestamptz, open float8, high float8, low float8, close float8, volume float8)
RETURNS @extschema@.candlestick
AS 'MODULE_PATHNAME', 'tsdb_candlestick_make'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.candlestick(timestamptz, float8, float8, float8, float8, float8) IS 'candlestick from its parts';

CREATE FUNCTION @extschema@.open(summary @extschema@.candlestick)
RETURNS float8
AS 'MODULE_PATHNAME', 'tsdb_candlestick_open'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.open(@extschema@.candlestick) IS 'first price';

CREATE FUNCTION @extschema@.high(summary @extschema@.candlestick)
RETURNS float8
AS 'MODULE_PATHNAME', 'tsdb_candlestick_high'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.high(@extschema@.candlestick) IS 'greatest price';

CREATE FUNCTION @extschema@.low(summary @extschema@.candlestick)
RETURNS float8
AS 'MODULE_PATHNAME', 'tsdb_candlestick_low'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.low(@extschema@.candlestick) IS 'least price';

CREATE FUNCTION @extschema@.close(summary @extschema@.candlestick)
RETURNS float8
AS 'MODULE_PATHNAME', 'tsdb_candlestick_close'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.close(@extschema@.candlestick) IS 'last price';

CREATE FUNCTION @extschema@.open_time(summary @extschema@.candlestick)
RETURNS timestamptz
AS 'MODULE_PATHNAME', 'tsdb_candlestick_open_time'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.open_time(@extschema@.candlestick) IS 'time of the first price';

CREATE FUNCTION @extschema@.high_time(summary @extschema@.candlestick)
RETURNS timestamptz
AS 'MODULE_PATHNAME', 'tsdb_candlestick_high_time'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.high_time(@extschema@.candlestick) IS 'time of the greatest price, the first of them';

CREATE FUNCTION @extschema@.low_time(summary @extschema@.candlestick)
RETURNS timestamptz
AS 'MODULE_PATHNAME', 'tsdb_candlestick_low_time'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.low_time(@extschema@.candlestick) IS 'time of the least price, the first of them';

CREATE FUNCTION @extschema@.close_time(summary @extschema@.candlestick)
RETURNS timestamptz
AS 'MODULE_PATHNAME', 'tsdb_candlestick_close_time'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.close_time(@extschema@.candlestick) IS 'time of the last price';

CREATE FUNCTION @extschema@.volume(summary @extschema@.candlestick)
RETURNS float8
AS 'MODULE_PATHNAME', 'tsdb_candlestick_volume'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.volume(@extschema@.candlestick) IS 'sum of volumes; NULL if one was not known';

CREATE FUNCTION @extschema@.vwap(summary @extschema@.candlestick)
RETURNS float8
AS 'MODULE_PATHNAME', 'tsdb_candlestick_vwap'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.vwap(@extschema@.candlestick) IS 'average price weighted by volume; NULL if a volume was not known, or all are zero';

--
-- Percentiles within an error: percentile_agg, uddsketch, approx_percentile
--

CREATE TYPE @extschema@.uddsketch;

CREATE FUNCTION tsdb.uddsketch_in(cstring)
RETURNS @extschema@.uddsketch
AS 'MODULE_PATHNAME', 'tsdb_uddsketch_in'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.uddsketch_in(cstring) IS 'input of type uddsketch';

CREATE FUNCTION tsdb.uddsketch_out(@extschema@.uddsketch)
RETURNS cstring
AS 'MODULE_PATHNAME', 'tsdb_summary_out'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.uddsketch_out(@extschema@.uddsketch) IS 'output of type uddsketch';

CREATE FUNCTION tsdb.uddsketch_recv(internal)
RETURNS @extschema@.uddsketch
AS 'MODULE_PATHNAME', 'tsdb_uddsketch_recv'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.uddsketch_recv(internal) IS 'binary input of type uddsketch';

CREATE FUNCTION tsdb.uddsketch_send(@extschema@.uddsketch)
RETURNS bytea
AS 'MODULE_PATHNAME', 'tsdb_summary_send'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.uddsketch_send(@extschema@.uddsketch) IS 'binary output of type uddsketch';

CREATE TYPE @extschema@.uddsketch (
	INPUT = tsdb.uddsketch_in,
	OUTPUT = tsdb.uddsketch_out,
	RECEIVE = tsdb.uddsketch_recv,
	SEND = tsdb.uddsketch_send,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = double,
	STORAGE = extended
);
COMMENT ON TYPE @extschema@.uddsketch IS 'numbers of values by size, from which percentiles are computed within a relative error';

CREATE FUNCTION tsdb.percentile_step(internal, value float8)
RETURNS internal
AS 'MODULE_PATHNAME', 'tsdb_percentile_step'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.percentile_step(internal, float8) IS 'transition function of aggregate percentile_agg';

CREATE FUNCTION tsdb.uddsketch_step(internal, size integer, max_error float8, value float8)
RETURNS internal
AS 'MODULE_PATHNAME', 'tsdb_uddsketch_step'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.uddsketch_step(internal, integer, float8, float8) IS 'transition function of aggregate uddsketch';

CREATE FUNCTION tsdb.uddsketch_combine(internal, internal)
RETURNS internal
AS 'MODULE_PATHNAME', 'tsdb_uddsketch_combine'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.uddsketch_combine(internal, internal) IS 'combine function of aggregates of uddsketches';

CREATE FUNCTION tsdb.uddsketch_serialize(internal)
RETURNS bytea
AS 'MODULE_PATHNAME', 'tsdb_uddsketch_serialize'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.uddsketch_serialize(internal) IS 'serialization function of aggregates of uddsketches';

CREATE FUNCTION tsdb.uddsketch_deserialize(bytea, internal)
RETURNS internal
AS 'MODULE_PATHNAME', 'tsdb_uddsketch_deserialize'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.uddsketch_deserialize(bytea, internal) IS 'deserialization function of aggregates of uddsketches';

CREATE FUNCTION tsdb.uddsketch_final(internal)
RETURNS @extschema@.uddsketch
AS 'MODULE_PATHNAME', 'tsdb_uddsketch_final'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.uddsketch_final(internal) IS 'final function of aggregates of uddsketches';

CREATE AGGREGATE @extschema@.percentile_agg(value float8) (
	SFUNC = tsdb.percentile_step,
	STYPE = internal,
	COMBINEFUNC = tsdb.uddsketch_combine,
	SERIALFUNC = tsdb.uddsketch_serialize,
	DESERIALFUNC = tsdb.uddsketch_deserialize,
	FINALFUNC = tsdb.uddsketch_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE @extschema@.percentile_agg(float8) IS 'sketch of 200 buckets and an error of 0.001 or, for values far apart, more';

CREATE AGGREGATE @extschema@.uddsketch(size integer, max_error float8, value float8) (
	SFUNC = tsdb.uddsketch_step,
	STYPE = internal,
	COMBINEFUNC = tsdb.uddsketch_combine,
	SERIALFUNC = tsdb.uddsketch_serialize,
	DESERIALFUNC = tsdb.uddsketch_deserialize,
	FINALFUNC = tsdb.uddsketch_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE @extschema@.uddsketch(integer, float8, float8) IS 'sketch of at most size buckets; max_error is doubled until they suffice';

CREATE FUNCTION tsdb.uddsketch_rollup_step(internal, sketch @extschema@.uddsketch)
RETURNS internal
AS 'MODULE_PATHNAME', 'tsdb_uddsketch_rollup_step'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.uddsketch_rollup_step(internal, @extschema@.uddsketch) IS 'transition function of aggregate rollup of uddsketches';

CREATE AGGREGATE @extschema@.rollup(sketch @extschema@.uddsketch) (
	SFUNC = tsdb.uddsketch_rollup_step,
	STYPE = internal,
	COMBINEFUNC = tsdb.uddsketch_combine,
	SERIALFUNC = tsdb.uddsketch_serialize,
	DESERIALFUNC = tsdb.uddsketch_deserialize,
	FINALFUNC = tsdb.uddsketch_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE @extschema@.rollup(@extschema@.uddsketch) IS 'one sketch of the values of several';

CREATE FUNCTION @extschema@.approx_percentile(percentile float8, sketch @extschema@.uddsketch)
RETURNS float8
AS 'MODULE_PATHNAME', 'tsdb_approx_percentile'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.approx_percentile(float8, @extschema@.uddsketch) IS 'value below which that part, 0 to 1, of values is';

CREATE FUNCTION @extschema@.approx_percentile_array(percentiles float8[], sketch @extschema@.uddsketch)
RETURNS float8[]
AS 'MODULE_PATHNAME', 'tsdb_approx_percentile_array'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.approx_percentile_array(float8[], @extschema@.uddsketch) IS 'values below which those parts, 0 to 1, of values are';

CREATE FUNCTION @extschema@.approx_percentile_rank(value float8, sketch @extschema@.uddsketch)
RETURNS float8
AS 'MODULE_PATHNAME', 'tsdb_approx_percentile_rank'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.approx_percentile_rank(float8, @extschema@.uddsketch) IS 'part, 0 to 1, of values below that one';

CREATE FUNCTION @extschema@.error(sketch @extschema@.uddsketch)
RETURNS float8
AS 'MODULE_PATHNAME', 'tsdb_uddsketch_error'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.error(@extschema@.uddsketch) IS 'greatest relative error of percentiles';

CREATE FUNCTION @extschema@.mean(sketch @extschema@.uddsketch)
RETURNS float8
AS 'MODULE_PATHNAME', 'tsdb_uddsketch_mean'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.mean(@extschema@.uddsketch) IS 'average of values';

CREATE FUNCTION @extschema@.num_vals(sketch @extschema@.uddsketch)
RETURNS bigint
AS 'MODULE_PATHNAME', 'tsdb_uddsketch_num_vals'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.num_vals(@extschema@.uddsketch) IS 'number of values';

--
-- Numbers of different values: approx_count_distinct, hyperloglog, distinct_count
--

CREATE TYPE @extschema@.hyperloglog;

CREATE FUNCTION tsdb.hyperloglog_in(cstring)
RETURNS @extschema@.hyperloglog
AS 'MODULE_PATHNAME', 'tsdb_hyperloglog_in'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.hyperloglog_in(cstring) IS 'input of type hyperloglog';

CREATE FUNCTION tsdb.hyperloglog_out(@extschema@.hyperloglog)
RETURNS cstring
AS 'MODULE_PATHNAME', 'tsdb_summary_out'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.hyperloglog_out(@extschema@.hyperloglog) IS 'output of type hyperloglog';

CREATE FUNCTION tsdb.hyperloglog_recv(internal)
RETURNS @extschema@.hyperloglog
AS 'MODULE_PATHNAME', 'tsdb_hyperloglog_recv'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.hyperloglog_recv(internal) IS 'binary input of type hyperloglog';

CREATE FUNCTION tsdb.hyperloglog_send(@extschema@.hyperloglog)
RETURNS bytea
AS 'MODULE_PATHNAME', 'tsdb_summary_send'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.hyperloglog_send(@extschema@.hyperloglog) IS 'binary output of type hyperloglog';

CREATE TYPE @extschema@.hyperloglog (
	INPUT = tsdb.hyperloglog_in,
	OUTPUT = tsdb.hyperloglog_out,
	RECEIVE = tsdb.hyperloglog_recv,
	SEND = tsdb.hyperloglog_send,
	INTERNALLENGTH = VARIABLE,
	ALIGNMENT = double,
	STORAGE = extended
);
COMMENT ON TYPE @extschema@.hyperloglog IS 'what tells about how many different values there were';

CREATE FUNCTION tsdb.approx_count_distinct_step(internal, value anyelement)
RETURNS internal
AS 'MODULE_PATHNAME', 'tsdb_approx_count_distinct_step'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.approx_count_distinct_step(internal, anyelement) IS 'transition function of aggregate approx_count_distinct';

CREATE FUNCTION tsdb.hyperloglog_step(internal, buckets integer, value anyelement)
RETURNS internal
AS 'MODULE_PATHNAME', 'tsdb_hyperloglog_step'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.hyperloglog_step(internal, integer, anyelement) IS 'transition function of aggregate hyperloglog';

CREATE FUNCTION tsdb.hyperloglog_combine(internal, internal)
RETURNS internal
AS 'MODULE_PATHNAME', 'tsdb_hyperloglog_combine'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.hyperloglog_combine(internal, internal) IS 'combine function of aggregates of hyperloglogs';

CREATE FUNCTION tsdb.hyperloglog_serialize(internal)
RETURNS bytea
AS 'MODULE_PATHNAME', 'tsdb_hyperloglog_serialize'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.hyperloglog_serialize(internal) IS 'serialization function of aggregates of hyperloglogs';

CREATE FUNCTION tsdb.hyperloglog_deserialize(bytea, internal)
RETURNS internal
AS 'MODULE_PATHNAME', 'tsdb_hyperloglog_deserialize'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.hyperloglog_deserialize(bytea, internal) IS 'deserialization function of aggregates of hyperloglogs';

CREATE FUNCTION tsdb.hyperloglog_final(internal)
RETURNS @extschema@.hyperloglog
AS 'MODULE_PATHNAME', 'tsdb_hyperloglog_final'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.hyperloglog_final(internal) IS 'final function of aggregates of hyperloglogs';

CREATE AGGREGATE @extschema@.approx_count_distinct(value anyelement) (
	SFUNC = tsdb.approx_count_distinct_step,
	STYPE = internal,
	COMBINEFUNC = tsdb.hyperloglog_combine,
	SERIALFUNC = tsdb.hyperloglog_serialize,
	DESERIALFUNC = tsdb.hyperloglog_deserialize,
	FINALFUNC = tsdb.hyperloglog_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE @extschema@.approx_count_distinct(anyelement) IS 'hyperloglog of 32,768 buckets; distinct_count of it gives the number';

CREATE AGGREGATE @extschema@.hyperloglog(buckets integer, value anyelement) (
	SFUNC = tsdb.hyperloglog_step,
	STYPE = internal,
	COMBINEFUNC = tsdb.hyperloglog_combine,
	SERIALFUNC = tsdb.hyperloglog_serialize,
	DESERIALFUNC = tsdb.hyperloglog_deserialize,
	FINALFUNC = tsdb.hyperloglog_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE @extschema@.hyperloglog(integer, anyelement) IS 'hyperloglog of that many buckets, 16 to 262,144, rounded up to a power of two';

CREATE FUNCTION tsdb.hyperloglog_rollup_step(internal, sketch @extschema@.hyperloglog)
RETURNS internal
AS 'MODULE_PATHNAME', 'tsdb_hyperloglog_rollup_step'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.hyperloglog_rollup_step(internal, @extschema@.hyperloglog) IS 'transition function of aggregate rollup of hyperloglogs';

CREATE AGGREGATE @extschema@.rollup(sketch @extschema@.hyperloglog) (
	SFUNC = tsdb.hyperloglog_rollup_step,
	STYPE = internal,
	COMBINEFUNC = tsdb.hyperloglog_combine,
	SERIALFUNC = tsdb.hyperloglog_serialize,
	DESERIALFUNC = tsdb.hyperloglog_deserialize,
	FINALFUNC = tsdb.hyperloglog_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE @extschema@.rollup(@extschema@.hyperloglog) IS 'one hyperloglog of the values of several';

CREATE FUNCTION @extschema@.distinct_count(sketch @extschema@.hyperloglog)
RETURNS bigint
AS 'MODULE_PATHNAME', 'tsdb_distinct_count'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.distinct_count(@extschema@.hyperloglog) IS 'about how many different values there were';

CREATE FUNCTION @extschema@.stderror(sketch @extschema@.hyperloglog)
RETURNS float8
AS 'MODULE_PATHNAME', 'tsdb_hyperloglog_stderror'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.stderror(@extschema@.hyperloglog) IS 'relative standard error of distinct_count';

--
-- Downsampling: lttb
--

CREATE TYPE @extschema@.tspoint AS ("time" timestamptz, value float8);
COMMENT ON TYPE @extschema@.tspoint IS 'a value and its time';

CREATE FUNCTION tsdb.lttb_step(internal, "time" timestamptz, value float8, resolution integer)
RETURNS internal
AS 'MODULE_PATHNAME', 'tsdb_lttb_step'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.lttb_step(internal, timestamptz, float8, integer) IS 'transition function of aggregate lttb';

CREATE FUNCTION tsdb.lttb_final(internal)
RETURNS @extschema@.tspoint[]
AS 'MODULE_PATHNAME', 'tsdb_lttb_final'
LANGUAGE C IMMUTABLE PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.lttb_final(internal) IS 'final function of aggregate lttb';

CREATE AGGREGATE @extschema@.lttb("time" timestamptz, value float8, resolution integer) (
	SFUNC = tsdb.lttb_step,
	STYPE = internal,
	COMBINEFUNC = tsdb.points_combine,
	SERIALFUNC = tsdb.points_serialize,
	DESERIALFUNC = tsdb.points_deserialize,
	FINALFUNC = tsdb.lttb_final,
	PARALLEL = SAFE
);
COMMENT ON AGGREGATE @extschema@.lttb(timestamptz, float8, integer) IS 'at most resolution points, in order of time, that look as all of them do';

--
-- time_bucket_gapfill, locf, interpolate.
-- 
-- None of them is ever called: queries are rewritten before they are planned (timeseries/gapfill_rewrite.c).
-- Volatile, so that no condition on their results moves below the grouping.
--

CREATE FUNCTION @extschema@.time_bucket_gapfill(bucket_width smallint, ts smallint, start smallint DEFAULT NULL, finish smallint DEFAULT NULL)
RETURNS smallint
AS 'MODULE_PATHNAME', 'tsdb_gapfill_bucket'
LANGUAGE C VOLATILE PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.time_bucket_gapfill(smallint, smallint, smallint, smallint) IS 'as time_bucket, in GROUP BY: buckets from start to finish that have no row get one';

CREATE FUNCTION @extschema@.time_bucket_gapfill(bucket_width integer, ts integer, start integer DEFAULT NULL, finish integer DEFAULT NULL)
RETURNS integer
AS 'MODULE_PATHNAME', 'tsdb_gapfill_bucket'
LANGUAGE C VOLATILE PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.time_bucket_gapfill(integer, integer, integer, integer) IS 'as time_bucket, in GROUP BY: buckets from start to finish that have no row get one';

CREATE FUNCTION @extschema@.time_bucket_gapfill(bucket_width bigint, ts bigint, start bigint DEFAULT NULL, finish bigint DEFAULT NULL)
RETURNS bigint
AS 'MODULE_PATHNAME', 'tsdb_gapfill_bucket'
LANGUAGE C VOLATILE PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.time_bucket_gapfill(bigint, bigint, bigint, bigint) IS 'as time_bucket, in GROUP BY: buckets from start to finish that have no row get one';

CREATE FUNCTION @extschema@.time_bucket_gapfill(bucket_width interval, ts date, start date DEFAULT NULL, finish date DEFAULT NULL)
RETURNS date
AS 'MODULE_PATHNAME', 'tsdb_gapfill_bucket'
LANGUAGE C VOLATILE PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.time_bucket_gapfill(interval, date, date, date) IS 'as time_bucket, in GROUP BY: buckets from start to finish that have no row get one';

CREATE FUNCTION @extschema@.time_bucket_gapfill(bucket_width interval, ts timestamp, start timestamp DEFAULT NULL, finish timestamp DEFAULT NULL)
RETURNS timestamp
AS 'MODULE_PATHNAME', 'tsdb_gapfill_bucket'
LANGUAGE C VOLATILE PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.time_bucket_gapfill(interval, timestamp, timestamp, timestamp) IS 'as time_bucket, in GROUP BY: buckets from start to finish that have no row get one';

CREATE FUNCTION @extschema@.time_bucket_gapfill(bucket_width interval, ts timestamptz, start timestamptz DEFAULT NULL, finish timestamptz DEFAULT NULL)
RETURNS timestamptz
AS 'MODULE_PATHNAME', 'tsdb_gapfill_bucket'
LANGUAGE C VOLATILE PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.time_bucket_gapfill(interval, timestamptz, timestamptz, timestamptz) IS 'as time_bucket, in GROUP BY: buckets from start to finish that have no row get one';

CREATE FUNCTION @extschema@.time_bucket_gapfill(bucket_width interval, ts timestamptz, timezone text,
	start timestamptz DEFAULT NULL, finish timestamptz DEFAULT NULL)
RETURNS timestamptz
AS 'MODULE_PATHNAME', 'tsdb_gapfill_bucket'
LANGUAGE C VOLATILE PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.time_bucket_gapfill(interval, timestamptz, text, timestamptz, timestamptz) IS 'as time_bucket in a time zone, in GROUP BY: buckets from start to finish that have no row get one';

CREATE FUNCTION @extschema@.locf(value anyelement, prev anyelement DEFAULT NULL, treat_null_as_missing boolean DEFAULT false)
RETURNS anyelement
AS 'MODULE_PATHNAME', 'tsdb_gapfill_locf'
LANGUAGE C VOLATILE PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.locf(anyelement, anyelement, boolean) IS 'value of the bucket before, in a bucket without rows; before the first one: prev';

CREATE FUNCTION @extschema@.interpolate(value smallint, prev record DEFAULT NULL, next record DEFAULT NULL)
RETURNS smallint
AS 'MODULE_PATHNAME', 'tsdb_gapfill_interpolate'
LANGUAGE C VOLATILE PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.interpolate(smallint, record, record) IS 'value between those of the buckets before and after, in a bucket without rows; prev and next: (time, value) outside the range';

CREATE FUNCTION @extschema@.interpolate(value integer, prev record DEFAULT NULL, next record DEFAULT NULL)
RETURNS integer
AS 'MODULE_PATHNAME', 'tsdb_gapfill_interpolate'
LANGUAGE C VOLATILE PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.interpolate(integer, record, record) IS 'value between those of the buckets before and after, in a bucket without rows; prev and next: (time, value) outside the range';

CREATE FUNCTION @extschema@.interpolate(value bigint, prev record DEFAULT NULL, next record DEFAULT NULL)
RETURNS bigint
AS 'MODULE_PATHNAME', 'tsdb_gapfill_interpolate'
LANGUAGE C VOLATILE PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.interpolate(bigint, record, record) IS 'value between those of the buckets before and after, in a bucket without rows; prev and next: (time, value) outside the range';

CREATE FUNCTION @extschema@.interpolate(value real, prev record DEFAULT NULL, next record DEFAULT NULL)
RETURNS real
AS 'MODULE_PATHNAME', 'tsdb_gapfill_interpolate'
LANGUAGE C VOLATILE PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.interpolate(real, record, record) IS 'value between those of the buckets before and after, in a bucket without rows; prev and next: (time, value) outside the range';

CREATE FUNCTION @extschema@.interpolate(value float8, prev record DEFAULT NULL, next record DEFAULT NULL)
RETURNS float8
AS 'MODULE_PATHNAME', 'tsdb_gapfill_interpolate'
LANGUAGE C VOLATILE PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.interpolate(float8, record, record) IS 'value between those of the buckets before and after, in a bucket without rows; prev and next: (time, value) outside the range';

CREATE FUNCTION tsdb.gapfill(info text, VARIADIC arguments "any")
RETURNS boolean
AS 'MODULE_PATHNAME', 'tsdb_gapfill_clause'
LANGUAGE C VOLATILE PARALLEL RESTRICTED;
COMMENT ON FUNCTION tsdb.gapfill(text, VARIADIC "any") IS 'how a rewritten query with time_bucket_gapfill tells its plan node what to do';
