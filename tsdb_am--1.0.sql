/* tsdb_am--1.0.sql */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION tsdb_am" to load this file. \quit

-- The schema that CREATE EXTENSION names may be somebody's who has put functions and operators there: nothing is looked up in it.
SET LOCAL search_path = pg_catalog, pg_temp;

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
-- Shards: native partitions by time, by hash, or both.  doc/shards.md tells what each function does and
-- what it locks.  All run with their caller's privileges and check that he owns the table; bounds
-- are worked out in UTC and in ISO form, whatever the session has.
--

CREATE TABLE tsdb.shards (
	relation regclass PRIMARY KEY,
	time_column name,
	partition_interval interval,
	integer_interval bigint CHECK (integer_interval > 0),
	hash_column name,
	hash_partitions integer CHECK (hash_partitions BETWEEN 1 AND 1024),
	ahead integer NOT NULL CHECK (ahead BETWEEN 0 AND 1000),
	servers name[],
	moved_rows bigint NOT NULL DEFAULT 0,
	CHECK ((time_column IS NOT NULL) = (num_nonnulls(partition_interval, integer_interval) = 1)),
	CHECK ((hash_column IS NULL) = (hash_partitions IS NULL)),
	CHECK (num_nonnulls(time_column, hash_column) > 0),
	CHECK (array_ndims(servers) = 1)
) USING heap;
COMMENT ON TABLE tsdb.shards IS 'partitioned tables whose partitions are made by tsdb_am; a row whose relation is gone means nothing';
COMMENT ON COLUMN tsdb.shards.relation IS 'the partitioned table';
COMMENT ON COLUMN tsdb.shards.time_column IS 'column of its ranges; NULL = partitioned by hash alone';
COMMENT ON COLUMN tsdb.shards.partition_interval IS 'length of new ranges, of times and dates';
COMMENT ON COLUMN tsdb.shards.integer_interval IS 'length of new ranges, of integers';
COMMENT ON COLUMN tsdb.shards.hash_column IS 'column by whose hash each new range is divided, or the table; NULL = none';
COMMENT ON COLUMN tsdb.shards.hash_partitions IS 'into how many parts';
COMMENT ON COLUMN tsdb.shards.ahead IS 'how many ranges are kept ahead of now and of the newest row';
COMMENT ON COLUMN tsdb.shards.servers IS 'servers that new partitions go to in turn; NULL = this one';
COMMENT ON COLUMN tsdb.shards.moved_rows IS 'rows that were moved between partitions so far; tells transactions whose snapshot is older';
GRANT SELECT ON tsdb.shards TO PUBLIC;
-- a number that names no table any more could name another one where the dump is restored
SELECT pg_catalog.pg_extension_config_dump('tsdb.shards',
	'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) relation AND c.relkind OPERATOR(pg_catalog.=) ''p'')');

CREATE FUNCTION tsdb.set_shards(relation regclass, time_column name, partition_interval interval, integer_interval bigint,
	hash_column name, hash_partitions integer, ahead integer, servers name[])
RETURNS void
AS 'MODULE_PATHNAME', 'tsdb_sql_set_shards'
LANGUAGE C VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION tsdb.set_shards(regclass, name, interval, bigint, name, integer, integer, name[]) IS
'for its owner: writes a partitioned table''s row of tsdb.shards';

CREATE FUNCTION tsdb.forget_shards(relation regclass)
RETURNS void
AS 'MODULE_PATHNAME', 'tsdb_sql_forget_shards'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION tsdb.forget_shards(regclass) IS
'for its owner: takes a partitioned table out of tsdb.shards; its partitions stay, and no more are made';

CREATE FUNCTION tsdb.count_moved_rows(relation regclass, moved_rows bigint)
RETURNS void
AS 'MODULE_PATHNAME', 'tsdb_sql_count_moved_rows'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION tsdb.count_moved_rows(regclass, bigint) IS
'for its owner: adds to tsdb.shards.moved_rows';

CREATE FUNCTION tsdb.validate_check(relation regclass, constraint_name name)
RETURNS void
AS 'MODULE_PATHNAME', 'tsdb_sql_validate_check'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION tsdb.validate_check(regclass, name) IS
'for its owner: VALIDATE CONSTRAINT of a check constraint by a scan that leaves out what cannot break it';

-- Dimensions, as TimescaleDB has them.

CREATE TYPE tsdb.dimension AS (column_name name, partition_interval text, interval_type regtype, number_partitions integer);
COMMENT ON TYPE tsdb.dimension IS 'what by_range and by_hash return, for create_hypertable and add_dimension';

CREATE FUNCTION tsdb.by_range(column_name name, partition_interval anycompatible DEFAULT interval '7 days')
RETURNS tsdb.dimension
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN ROW(column_name, partition_interval::text, pg_typeof(partition_interval), NULL)::tsdb.dimension;
END $$;
COMMENT ON FUNCTION tsdb.by_range(name, anycompatible) IS 'dimension of ranges of a time column: an interval, or an integer for integer columns';

CREATE FUNCTION tsdb.by_hash(column_name name, number_partitions integer)
RETURNS tsdb.dimension
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	RETURN ROW(column_name, NULL, NULL, number_partitions)::tsdb.dimension;
END $$;
COMMENT ON FUNCTION tsdb.by_hash(name, integer) IS 'dimension of a column''s hash: into how many parts';

-- What the functions below are made of.

CREATE FUNCTION tsdb.shard_require_owner(relation regclass)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	owner oid := (SELECT c.relowner FROM pg_class c WHERE c.oid = relation);
BEGIN
	IF owner IS NULL THEN
		RAISE EXCEPTION 'relation with OID % does not exist', relation::oid USING ERRCODE = 'undefined_table';
	END IF;
	IF NOT pg_has_role(owner, 'USAGE') THEN
		RAISE EXCEPTION 'must be owner of table %', (SELECT c.relname FROM pg_class c WHERE c.oid = relation)
			USING ERRCODE = 'insufficient_privilege';
	END IF;
END $$;
COMMENT ON FUNCTION tsdb.shard_require_owner(regclass) IS 'raises an error unless the caller owns the table';

-- A snapshot for the whole transaction might not see rows that are to be moved, and so be lost with what they are in.
CREATE FUNCTION tsdb.shard_require_read_committed()
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
		RAISE EXCEPTION 'rows cannot be moved between partitions at isolation level %', current_setting('transaction_isolation')
			USING ERRCODE = 'active_sql_transaction', HINT = 'The transaction must be READ COMMITTED: it has to see all rows.';
	END IF;
END $$;
COMMENT ON FUNCTION tsdb.shard_require_read_committed() IS 'raises an error unless each statement takes a snapshot of its own';

-- Takes away what others were granted, or are by default privileges: access is by the partitioned table, whose policies and
-- privileges, now and later, those of partitions would get round.
CREATE FUNCTION tsdb.shard_revoke(relation regclass)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	grantee text;
BEGIN
	FOR grantee IN
		SELECT DISTINCT CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END
		  FROM (SELECT c.relacl AS acl FROM pg_class c WHERE c.oid = relation
				UNION ALL SELECT a.attacl FROM pg_attribute a WHERE a.attrelid = relation AND NOT a.attisdropped) l, aclexplode(l.acl) x
		 WHERE x.grantee <> (SELECT c.relowner FROM pg_class c WHERE c.oid = relation)
	LOOP
		EXECUTE format('REVOKE ALL ON %s FROM %s CASCADE', relation, grantee);
	END LOOP;
END $$;
COMMENT ON FUNCTION tsdb.shard_revoke(regclass) IS 'takes all privileges on a table from all but its owner';

-- A name for a table, index or statistics object: base and suffix in 63 bytes, the base cut, a number behind if it is taken.
CREATE FUNCTION tsdb.shard_name(schema oid, base text, suffix text)
RETURNS name
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	ending text := suffix;
	result text;
	n integer := 0;
BEGIN
	LOOP
		result := base;
		WHILE octet_length(result) + octet_length(ending) > 63 LOOP
			result := left(result, -1);
		END LOOP;
		result := result || ending;
		EXIT WHEN NOT EXISTS (SELECT FROM pg_class c WHERE c.relname = result AND c.relnamespace = schema)
			AND NOT EXISTS (SELECT FROM pg_type t WHERE t.typname = result AND t.typnamespace = schema)
			AND NOT EXISTS (SELECT FROM pg_statistic_ext s WHERE s.stxname = result AND s.stxnamespace = schema);
		n := n + 1;
		ending := suffix || '_' || n;
	END LOOP;
	RETURN result;
END $$;
COMMENT ON FUNCTION tsdb.shard_name(oid, text, text) IS 'a name that is free in a schema';

-- Partitions and their bounds as text: NULL = unbounded, or no range.
CREATE FUNCTION tsdb.shard_ranges(relation regclass, OUT partition regclass, OUT lo text, OUT hi text, OUT is_default boolean)
RETURNS SETOF record
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD'
AS $$
DECLARE
	bound text;
	parts text[];
BEGIN
	FOR partition, bound IN
		SELECT c.oid, pg_get_expr(c.relpartbound, c.oid)
		  FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
		 WHERE i.inhparent = relation AND NOT i.inhdetachpending
	LOOP
		is_default := bound = 'DEFAULT';
		parts := regexp_match(bound, '^FOR VALUES FROM \((.*)\) TO \((.*)\)$');
		lo := nullif(btrim(parts[1], ''''), 'MINVALUE');
		hi := nullif(btrim(parts[2], ''''), 'MAXVALUE');
		RETURN NEXT;
	END LOOP;
END $$;
COMMENT ON FUNCTION tsdb.shard_ranges(regclass) IS 'partitions of a table partitioned by the range of one column, and their bounds';

-- The length of ranges, checked against the type of the column.
CREATE FUNCTION tsdb.shard_interval(time_type regtype, value text, value_type regtype, OUT step interval, OUT integer_step bigint)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF value IS NULL THEN
		RAISE EXCEPTION 'interval of partitions must not be NULL' USING ERRCODE = 'null_value_not_allowed';
	ELSIF time_type IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) THEN
		IF value_type NOT IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'text'::regtype) THEN
			RAISE EXCEPTION 'a column of type % needs an interval that is an integer', time_type USING
				ERRCODE = 'invalid_parameter_value', HINT = 'Say how many units a partition covers: partition_interval => 86400.';
		END IF;
		integer_step := value::bigint;
		IF integer_step <= 0 THEN
			RAISE EXCEPTION 'interval of partitions must be greater than zero' USING ERRCODE = 'invalid_parameter_value';
		END IF;
		RETURN;
	ELSIF value_type IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) THEN
		step := value::bigint * interval '1 microsecond';
	ELSIF value_type IN ('interval'::regtype, 'text'::regtype) THEN
		step := value::interval;
	ELSE
		RAISE EXCEPTION 'interval of partitions cannot be of type %', value_type USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF step <= interval '0' OR step > interval '1000 years' THEN
		RAISE EXCEPTION 'interval of partitions must be greater than zero and not longer than 1000 years' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	-- says whether months are mixed with days, or dates cut
	IF time_type = 'date'::regtype THEN
		PERFORM @extschema@.time_bucket(step, date '2000-01-01');
	ELSE
		PERFORM @extschema@.time_bucket(step, timestamp '2000-01-01');
	END IF;
END $$;
COMMENT ON FUNCTION tsdb.shard_interval(regtype, text, regtype) IS 'checks the length of ranges of a time column';

-- Type of a column of times or integers, domains looked through.
CREATE FUNCTION tsdb.shard_time_type(relation regclass, time_column name)
RETURNS regtype
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	type oid := (SELECT a.atttypid FROM pg_attribute a WHERE a.attrelid = relation AND a.attname = time_column AND a.attnum > 0 AND NOT a.attisdropped);
BEGIN
	IF type IS NULL THEN
		RAISE EXCEPTION 'column "%" of relation "%" does not exist', time_column, relation USING ERRCODE = 'undefined_column';
	END IF;
	WHILE (SELECT t.typtype = 'd' FROM pg_type t WHERE t.oid = type) LOOP
		type := (SELECT t.typbasetype FROM pg_type t WHERE t.oid = type);
	END LOOP;
	IF type NOT IN ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype, 'int2'::regtype, 'int4'::regtype, 'int8'::regtype) THEN
		RAISE EXCEPTION 'column "%" of type % cannot be the time column of shards', time_column, type::regtype USING ERRCODE = 'invalid_parameter_value',
			DETAIL = 'Allowed types are timestamp with time zone, timestamp without time zone, date, bigint, integer and smallint.';
	END IF;
	RETURN type;
END $$;
COMMENT ON FUNCTION tsdb.shard_time_type(regclass, name) IS 'type of a time column';

-- All that is known of a sharded table.  Names of columns are taken from the partitions: columns can be renamed.
CREATE FUNCTION tsdb.shard_settings(relation regclass,
	OUT time_column name, OUT time_type regtype, OUT step interval, OUT integer_step bigint, OUT hash_column name, OUT hash_partitions integer,
	OUT ahead integer, OUT servers name[], OUT default_partition regclass)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	strategy "char";
	key name;
BEGIN
	SELECT s.partition_interval, s.integer_interval, s.hash_column, s.hash_partitions, s.ahead, s.servers, p.partstrat, a.attname, nullif(p.partdefid, 0)
	  INTO step, integer_step, hash_column, hash_partitions, ahead, servers, strategy, key, default_partition
	  FROM tsdb.shards s JOIN pg_partitioned_table p ON p.partrelid = s.relation
	  JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = p.partattrs[0]
	 WHERE s.relation = shard_settings.relation;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'table % has no shards', relation USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = 'tsdb.create_shards or tsdb.create_hypertable makes them.';
	END IF;
	IF strategy = 'r' THEN
		time_column := key;
		time_type := tsdb.shard_time_type(relation, key);
		key := NULL;
		IF hash_column IS NOT NULL THEN
			SELECT a.attname INTO key
			  FROM pg_inherits i JOIN pg_partitioned_table p ON p.partrelid = i.inhrelid AND p.partstrat = 'h' AND p.partnatts = 1
			  JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = p.partattrs[0]
			 WHERE i.inhparent = relation ORDER BY i.inhrelid DESC LIMIT 1;
		END IF;
	END IF;
	hash_column := coalesce(key, hash_column);
END $$;
COMMENT ON FUNCTION tsdb.shard_settings(regclass) IS 'settings of a sharded table, or an error';

-- The range that a value is in: of a partition that is there, or one to be made, cut where others begin.
CREATE FUNCTION tsdb.shard_at(relation regclass, value text, OUT partition regclass, OUT lo text, OUT hi text)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD' SET intervalstyle = 'postgres'
AS $$
DECLARE
	s record := tsdb.shard_settings(relation);
	type regtype := CASE WHEN s.integer_step IS NULL THEN s.time_type ELSE 'numeric' END;
	start text := format(CASE WHEN s.integer_step IS NULL THEN '@extschema@.time_bucket(%L::interval, q.v)' ELSE 'q.v - mod(mod(q.v, %1$s) + %1$s, %1$s)' END,
		coalesce(s.integer_step::text, s.step::text));
	beyond numeric := power(2::numeric, CASE s.time_type WHEN 'int2'::regtype THEN 15 WHEN 'int4'::regtype THEN 31 ELSE 63 END);
BEGIN
	EXECUTE format('SELECT r.partition, r.lo, r.hi FROM tsdb.shard_ranges($1) r
		WHERE NOT r.is_default AND (r.lo IS NULL OR r.lo::%1$s <= $2::%1$s) AND (r.hi IS NULL OR r.hi::%1$s > $2::%1$s)', type)
		INTO partition, lo, hi USING relation, value;
	IF partition IS NOT NULL THEN
		RETURN;
	END IF;
	EXECUTE format('SELECT greatest(b.lo, (SELECT max(r.hi::%1$s) FROM tsdb.shard_ranges($1) r WHERE r.hi::%1$s <= b.v)),
			least((b.lo + %3$s)::%1$s, (SELECT min(r.lo::%1$s) FROM tsdb.shard_ranges($1) r WHERE r.lo::%1$s > b.v))
			FROM (SELECT q.v, %2$s AS lo FROM (SELECT $2::%1$s AS v) q) b', type, start,
			CASE WHEN s.integer_step IS NULL THEN format('%L::interval', s.step) ELSE s.integer_step::text END)
		INTO lo, hi USING relation, value;
	IF s.integer_step IS NOT NULL THEN
		lo := CASE WHEN lo::numeric >= -beyond THEN lo END;
		hi := CASE WHEN hi::numeric < beyond THEN hi END;
	END IF;
END $$;
COMMENT ON FUNCTION tsdb.shard_at(regclass, text) IS 'partition that a time is in, or the bounds of one to be made';

-- A range as a condition on the time column: what lies in it, or what does not.
CREATE FUNCTION tsdb.shard_condition(time_column name, time_type regtype, lo text, hi text, outside boolean DEFAULT false)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	parts text[] := '{}';
BEGIN
	IF lo IS NOT NULL THEN
		parts := parts || format('%I %s %L::%s', time_column, CASE WHEN outside THEN '<' ELSE '>=' END, lo, time_type);
	END IF;
	IF hi IS NOT NULL THEN
		parts := parts || format('%I %s %L::%s', time_column, CASE WHEN outside THEN '>=' ELSE '<' END, hi, time_type);
	END IF;
	RETURN coalesce(nullif(array_to_string(parts, CASE WHEN outside THEN ' OR ' ELSE ' AND ' END), ''), (NOT outside)::text);
END $$;
COMMENT ON FUNCTION tsdb.shard_condition(name, regtype, text, text, boolean) IS 'condition for times in a range, or outside of it';

-- Rows that get partitions of their own: infinite times and those of other ages stay in the default partition.
CREATE FUNCTION tsdb.shard_movable(time_column name, time_type regtype)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF time_type IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype) THEN
		RETURN format('%I IS NOT NULL', time_column);
	END IF;
	RETURN tsdb.shard_condition(time_column, time_type, '3000-01-01 BC', '200000-01-01');
END $$;
COMMENT ON FUNCTION tsdb.shard_movable(name, regtype) IS 'condition for times that get partitions of their own';

-- Two sessions never make partitions of one table, or change its settings, at a time; kept to the end of the transaction.
CREATE FUNCTION tsdb.shard_lock_settings(relation regclass)
RETURNS void
LANGUAGE sql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT pg_advisory_xact_lock((1953719394::bigint << 32) | relation::oid::bigint);
END;
COMMENT ON FUNCTION tsdb.shard_lock_settings(regclass) IS 'advisory lock on the shards of a table';

-- What is needed to make partitions.  The table comes before its partitions, as in queries, and at once in the mode that
-- keeps queries out: one that is being planned would not read a partition that it does not know, and so miss rows moved there.
-- Waits two seconds unless the session says otherwise or the caller is patient: all queries wait behind this lock.
CREATE FUNCTION tsdb.shard_lock(relation regclass, patient boolean)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	default_partition regclass;
	timeout text := current_setting('lock_timeout');
BEGIN
	IF timeout = '0' AND NOT patient THEN
		PERFORM set_config('lock_timeout', '2s', true);
	END IF;
	PERFORM tsdb.shard_lock_settings(relation);
	EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', relation);
	default_partition := (SELECT nullif(p.partdefid, 0) FROM pg_partitioned_table p WHERE p.partrelid = relation);
	IF default_partition IS NOT NULL THEN
		EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', default_partition);
	END IF;
	PERFORM set_config('lock_timeout', timeout, true);
END $$;
COMMENT ON FUNCTION tsdb.shard_lock(regclass, boolean) IS 'locks a table and its default partition, to make or drop partitions';

CREATE FUNCTION tsdb.shard_options_copy(source regclass, target regclass, keep boolean)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	l record;
BEGIN
	FOR l IN
		SELECT format(CASE WHEN a.attname IS NULL THEN 'TABLE %s' ELSE 'COLUMN %s.%I' END, target, a.attname) AS object, s.label
		  FROM pg_seclabel s LEFT JOIN pg_attribute a ON a.attrelid = s.objoid AND a.attnum = s.objsubid AND s.objsubid > 0
		 WHERE s.classoid = 'pg_class'::regclass AND s.objoid = source AND s.provider = 'tsdb'
	LOOP
		EXECUTE format('SECURITY LABEL FOR tsdb ON %s IS %L', l.object, CASE WHEN keep THEN l.label END);
	END LOOP;
END $$;
COMMENT ON FUNCTION tsdb.shard_options_copy(regclass, regclass, boolean) IS
'options of access method tsdb: gives those of one table to another, or takes them away from it';

-- Makes one partition.
CREATE FUNCTION tsdb.create_shard(parent regclass, partition_name name, bound text, server name DEFAULT NULL)
RETURNS regclass
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp SET default_tablespace = ''
AS $$
DECLARE
	schema_name name;
	persistence "char";
BEGIN
	PERFORM tsdb.shard_require_owner(parent);
	IF server IS NOT NULL THEN
		RETURN tsdb.create_remote_shard(parent, partition_name, bound, server);
	END IF;
	SELECT n.nspname, c.relpersistence INTO schema_name, persistence
	  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = parent;
	EXECUTE format('CREATE %s TABLE %I.%I PARTITION OF %s %s USING tsdb', CASE WHEN persistence = 'u' THEN 'UNLOGGED' END,
		schema_name, partition_name, parent, bound);
	RETURN format('%I.%I', schema_name, partition_name)::regclass;
END $$;
COMMENT ON FUNCTION tsdb.create_shard(regclass, name, text, name) IS
'for the owner of a partitioned table: makes a partition of it with these bounds (FOR VALUES ...), on a server (NULL = this one)';

-- Makes a partition and its parts by hash: as a partition, or as a table that can become one.
CREATE FUNCTION tsdb.shard_build(root regclass, partition_name name, bound text, attached boolean, hash_column name, hash_partitions integer, servers name[])
RETURNS regclass
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp SET default_tablespace = ''
AS $$
DECLARE
	schema oid;
	schema_name name;
	tablespace name;
	persistence "char";
	partition regclass;
	number bigint := (SELECT count(*) FROM pg_inherits i WHERE i.inhparent = root);
BEGIN
	IF hash_partitions NOT BETWEEN 1 AND 1024 THEN
		RAISE EXCEPTION 'number of partitions must be between 1 and 1024' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF hash_column IS NULL AND attached THEN
		RETURN tsdb.create_shard(root, partition_name, bound, servers[1 + number % cardinality(servers)]);
	END IF;
	SELECT n.oid, n.nspname, c.relpersistence, t.spcname INTO schema, schema_name, persistence, tablespace
	  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_tablespace t ON t.oid = c.reltablespace WHERE c.oid = root;
	EXECUTE concat_ws(' ', 'CREATE', CASE WHEN persistence = 'u' THEN 'UNLOGGED' END, format('TABLE %I.%I', schema_name, partition_name),
		CASE WHEN attached THEN format('PARTITION OF %s %s', root, bound)
			ELSE format('(LIKE %s INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING STORAGE INCLUDING COMPRESSION INCLUDING CONSTRAINTS)', root) END,
		CASE WHEN hash_column IS NULL THEN 'USING tsdb' ELSE format('PARTITION BY HASH (%I)', hash_column) END,
		'TABLESPACE ' || quote_ident(tablespace));
	partition := format('%I.%I', schema_name, partition_name)::regclass;
	IF NOT attached THEN
		PERFORM tsdb.shard_options_copy(root, partition, true);
	END IF;
	FOR i IN 0 .. coalesce(hash_partitions, 0) - 1 LOOP
		PERFORM tsdb.create_shard(partition, tsdb.shard_name(schema, partition_name, '_h' || i),
			format('FOR VALUES WITH (MODULUS %s, REMAINDER %s)', hash_partitions, i), servers[1 + i % cardinality(servers)]);
	END LOOP;
	RETURN partition;
END $$;
COMMENT ON FUNCTION tsdb.shard_build(regclass, name, text, boolean, name, integer, name[]) IS 'makes a partition and its parts by hash';

-- What a new partition does not get from its parent: owner, storage parameters (of another partition), replica identity.
CREATE FUNCTION tsdb.shard_finish(root regclass, partition regclass, template regclass)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	p record;
	parameters text := concat_ws(', ',
		(SELECT string_agg(format('%I = %L', o.option_name, o.option_value), ', ')
		   FROM pg_class c, pg_options_to_table(c.reloptions) o WHERE c.oid = template),
		(SELECT string_agg(format('toast.%I = %L', o.option_name, o.option_value), ', ')
		   FROM pg_class c JOIN pg_class t ON t.oid = c.reltoastrelid, pg_options_to_table(t.reloptions) o WHERE c.oid = template));
	identity "char" := (SELECT c.relreplident FROM pg_class c WHERE c.oid = root);
	identity_index oid := (SELECT i.indexrelid FROM pg_index i WHERE i.indrelid = root AND i.indisreplident);
	owner name := (SELECT pg_get_userbyid(c.relowner) FROM pg_class c WHERE c.oid = root);
BEGIN
	FOR p IN SELECT c.oid::regclass AS name, c.relkind, pg_get_userbyid(c.relowner) AS owner FROM pg_partition_tree(partition) t JOIN pg_class c ON c.oid = t.relid LOOP
		IF p.owner <> owner THEN
			EXECUTE format('ALTER TABLE %s OWNER TO %I', p.name, owner);
		END IF;
		PERFORM tsdb.shard_revoke(p.name);
		CONTINUE WHEN p.relkind <> 'r';
		IF parameters <> '' THEN
			EXECUTE format('ALTER TABLE %s SET (%s)', p.name, parameters);
		END IF;
		IF identity IN ('f', 'n') THEN
			EXECUTE format('ALTER TABLE %s REPLICA IDENTITY %s', p.name, CASE identity WHEN 'f' THEN 'FULL' ELSE 'NOTHING' END);
		ELSIF identity = 'i' THEN
			EXECUTE format('ALTER TABLE %s REPLICA IDENTITY USING INDEX %I', p.name,
				(SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
				  WHERE i.indrelid = p.name AND identity_index IN (SELECT pg_partition_ancestors(i.indexrelid))));
		END IF;
	END LOOP;
END $$;
COMMENT ON FUNCTION tsdb.shard_finish(regclass, regclass, regclass) IS 'gives a new partition what it does not get from its parent';

-- Names of the columns that can be written.
CREATE FUNCTION tsdb.shard_columns(relation regclass)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a
	 WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '';
END;
COMMENT ON FUNCTION tsdb.shard_columns(regclass) IS 'columns of a table that are not generated';

-- Moves rows between two tables that nobody else can read or write; no trigger fires.
CREATE FUNCTION tsdb.shard_move(source regclass, target regclass, condition text)
RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp SET row_security = off
AS $$
DECLARE
	columns text := tsdb.shard_columns(target);
	disable text[];
	enable text[];
	statement text;
	inserted bigint;
	deleted bigint;
BEGIN
	PERFORM tsdb.shard_require_read_committed();
	IF EXISTS (SELECT FROM pg_constraint c WHERE c.confrelid = source AND c.contype = 'f') THEN
		RAISE EXCEPTION 'rows of table % cannot be moved between partitions because foreign keys refer to it', source
			USING ERRCODE = 'feature_not_supported', HINT = 'Drop the foreign keys that refer to it, or make partitions before rows need them.';
	END IF;
	SELECT array_agg(format('ALTER TABLE ONLY %s DISABLE TRIGGER %I', t.tgrelid::regclass, t.tgname)),
		   array_agg(format('ALTER TABLE ONLY %s ENABLE %s TRIGGER %I', t.tgrelid::regclass,
				CASE t.tgenabled WHEN 'R' THEN 'REPLICA' WHEN 'A' THEN 'ALWAYS' END, t.tgname))
	  INTO disable, enable
	  FROM pg_trigger t WHERE t.tgrelid IN (source, target) AND NOT t.tgisinternal AND t.tgenabled <> 'D';
	FOREACH statement IN ARRAY coalesce(disable, '{}') LOOP
		EXECUTE statement;
	END LOOP;

	IF current_setting('wal_level') = 'logical' THEN
		-- a subscriber must lose a row before it gets it again
		EXECUTE format('WITH moved AS (DELETE FROM ONLY %s WHERE %s RETURNING %s) INSERT INTO %s (%3$s) SELECT %3$s FROM moved', source, condition, columns, target);
		GET DIAGNOSTICS inserted = ROW_COUNT;
	ELSE
		-- two statements: both are done chunk by chunk
		EXECUTE format('INSERT INTO %s (%s) SELECT %2$s FROM ONLY %s WHERE %s', target, columns, source, condition);
		GET DIAGNOSTICS inserted = ROW_COUNT;
		EXECUTE format('DELETE FROM ONLY %s WHERE %s', source, condition);
		GET DIAGNOSTICS deleted = ROW_COUNT;
		IF inserted <> deleted THEN
			RAISE EXCEPTION 'moved % rows of table %, but deleted %', inserted, source, deleted USING ERRCODE = 'internal_error';
		END IF;
	END IF;

	FOREACH statement IN ARRAY coalesce(enable, '{}') LOOP
		EXECUTE statement;
	END LOOP;
	RETURN inserted;
END $$;
COMMENT ON FUNCTION tsdb.shard_move(regclass, regclass, text) IS 'moves rows from one table to another, without triggers';

-- Makes the partition of a range, with the rows of the default partition that belong to it.  The caller has taken
-- shard_lock.  Returns rows moved; NULL = there are some, they may not be moved, and no partition was made.
CREATE FUNCTION tsdb.shard_make(relation regclass, lo text, hi text, may_move boolean)
RETURNS bigint
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD' SET row_security = off SET default_tablespace = ''
AS $$
#variable_conflict use_variable
DECLARE
	s record := tsdb.shard_settings(relation);
	inside text := tsdb.shard_condition(s.time_column, s.time_type, lo, hi);
	bound text := format('FOR VALUES FROM (%s) TO (%s)', coalesce(quote_literal(lo), 'MINVALUE'), coalesce(quote_literal(hi), 'MAXVALUE'));
	schema oid;
	base name;
	suffix text;
	partition_name name;
	partition regclass;
	server name;
	check_name name;
	any_rows boolean := false;
	moving boolean := false;
	moved bigint := 0;
BEGIN
	SELECT c.relnamespace, c.relname INTO schema, base FROM pg_class c WHERE c.oid = relation;
	IF s.integer_step IS NOT NULL THEN
		suffix := replace(coalesce(lo, 'min'), '-', 'm');
	ELSE
		suffix := to_char(lo::timestamp, CASE WHEN lo::timestamp <> date_trunc('day', lo::timestamp) THEN 'YYYYMMDD"_"HH24MISS'
			WHEN extract(month FROM s.step) > 0 OR extract(year FROM s.step) > 0 THEN 'YYYYMM' ELSE 'YYYYMMDD' END)
			|| CASE WHEN extract(year FROM lo::timestamp) < 0 THEN 'bc' ELSE '' END;
	END IF;
	partition_name := tsdb.shard_name(schema, base, '_' || suffix);

	IF s.default_partition IS NOT NULL THEN
		EXECUTE format('SELECT EXISTS (SELECT FROM ONLY %s), EXISTS (SELECT FROM ONLY %1$s WHERE %s)', s.default_partition, inside) INTO any_rows, moving;
		IF moving AND NOT may_move THEN
			RETURN NULL;
		END IF;
	END IF;

	IF moving THEN
		server := CASE WHEN s.hash_column IS NULL THEN s.servers[1 + (SELECT count(*) FROM pg_inherits i WHERE i.inhparent = relation) % cardinality(s.servers)] END;
		IF server IS NOT NULL THEN
			partition := tsdb.shard_build(relation, tsdb.shard_name(schema, base, '_' || suffix || '_moved'), NULL, false, NULL, NULL, NULL);
		ELSE
			partition := tsdb.shard_build(relation, partition_name, NULL, false, s.hash_column, s.hash_partitions, s.servers);
		END IF;
		moved := tsdb.shard_move(s.default_partition, partition, inside);
	END IF;

	-- spares core a reading of the whole default partition
	IF any_rows AND (SELECT c.relkind = 'r' FROM pg_class c WHERE c.oid = s.default_partition) THEN
		check_name := tsdb.shard_name(schema, base, '_outside_' || suffix);
		EXECUTE format('ALTER TABLE ONLY %s ADD CONSTRAINT %I CHECK (%s) NOT VALID', s.default_partition, check_name,
			tsdb.shard_condition(s.time_column, s.time_type, lo, hi, true));
		PERFORM tsdb.validate_check(s.default_partition, check_name);
	END IF;

	IF moving AND server IS NULL THEN
		EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s %s', relation, partition, bound);
		PERFORM tsdb.shard_options_copy(partition, partition, false);
	ELSE
		DECLARE
			gathered regclass := partition;
		BEGIN
			partition := tsdb.shard_build(relation, partition_name, bound, true, s.hash_column, s.hash_partitions, s.servers);
			IF moving THEN
				PERFORM tsdb.shard_move(gathered, partition, 'true');
				EXECUTE format('DROP TABLE %s', gathered);
			END IF;
		END;
	END IF;
	PERFORM tsdb.shard_finish(relation, partition, s.default_partition);
	IF moved > 0 THEN
		PERFORM tsdb.count_moved_rows(relation, moved);
	END IF;

	IF check_name IS NOT NULL THEN
		EXECUTE format('ALTER TABLE ONLY %s DROP CONSTRAINT %I', s.default_partition, check_name);
	END IF;
	RETURN moved;
END $$;
COMMENT ON FUNCTION tsdb.shard_make(regclass, text, text, boolean) IS 'makes the partition of a range, with its rows of the default partition';

-- Ranges that a table should have and has not: around now and its newest row, and so many ahead of both.
CREATE FUNCTION tsdb.shards_missing(relation regclass, OUT lo text, OUT hi text)
RETURNS SETOF record
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD'
AS $$
#variable_conflict use_variable
DECLARE
	s record := tsdb.shard_settings(relation);
	movable text := tsdb.shard_movable(s.time_column, s.time_type);
	starts text[] := '{}';
	given text[] := '{}';
	newest text;
	candidate text;
	in_reach boolean;
	p regclass;
BEGIN
	IF s.integer_step IS NULL THEN
		EXECUTE format('SELECT now()::%s::text', s.time_type) INTO newest;
		starts := starts || newest;
		newest := NULL;
	END IF;
	FOR p IN EXECUTE format('SELECT r.partition FROM tsdb.shard_ranges($1) r WHERE NOT r.is_default ORDER BY r.lo::%s DESC NULLS LAST', s.time_type) USING relation LOOP
		EXECUTE format('SELECT max(%I)::text FROM %s WHERE %s', s.time_column, p, movable) INTO newest;
		EXIT WHEN newest IS NOT NULL;
	END LOOP;
	IF s.default_partition IS NOT NULL THEN
		EXECUTE format('SELECT max(%I)::text FROM %s WHERE %s', s.time_column, s.default_partition, movable) INTO candidate;
	END IF;
	EXECUTE format('SELECT greatest($1::%s, $2::%1$s)::text', s.time_type) INTO newest USING newest, candidate;
	IF newest IS NOT NULL THEN
		starts := starts || newest;
	END IF;

	FOREACH candidate IN ARRAY starts LOOP
		FOR i IN 0 .. s.ahead LOOP
			SELECT a.partition, a.lo, a.hi INTO p, lo, hi FROM tsdb.shard_at(relation, candidate) a;
			IF p IS NULL AND coalesce(lo, '') <> ALL (given) THEN
				given := given || coalesce(lo, '');
				RETURN NEXT;
			END IF;
			candidate := hi;
			EXIT WHEN candidate IS NULL;
			EXECUTE format('SELECT %s FROM (SELECT %L::%s AS %I) q', movable, candidate, s.time_type, s.time_column) INTO in_reach;
			EXIT WHEN NOT in_reach;
		END LOOP;
	END LOOP;
END $$;
COMMENT ON FUNCTION tsdb.shards_missing(regclass) IS 'ranges that extend_shards would make';

CREATE FUNCTION tsdb.extend_shards(relation regclass)
RETURNS integer
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD' SET row_security = off
AS $$
#variable_conflict use_variable
DECLARE
	s record;
	r record;
	made integer := 0;
BEGIN
	IF NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = relation) THEN
		RETURN 0;
	END IF;
	PERFORM tsdb.shard_require_owner(relation);
	s := tsdb.shard_settings(relation);
	IF s.time_column IS NULL THEN
		RETURN 0;
	END IF;
	IF NOT EXISTS (SELECT FROM tsdb.shards_missing(relation)) THEN
		RETURN 0;
	END IF;
	PERFORM tsdb.shard_lock(relation, false);
	FOR r IN SELECT m.lo, m.hi FROM tsdb.shards_missing(relation) m LOOP
		PERFORM tsdb.shard_make(relation, r.lo, r.hi, true);
		made := made + 1;
	END LOOP;
	RETURN made;
END $$;
COMMENT ON FUNCTION tsdb.extend_shards(regclass) IS
'for its owner: makes the partitions that a sharded table should have ahead of now and of its newest row; returns their number';

CREATE FUNCTION tsdb.drain_default(relation regclass, max_rows bigint DEFAULT 100000)
RETURNS bigint
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD' SET row_security = off
AS $$
#variable_conflict use_variable
DECLARE
	s record;
	r record;
	oldest text;
	query text;
	moved bigint := 0;
BEGIN
	IF NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = relation) THEN
		RETURN 0;
	END IF;
	PERFORM tsdb.shard_require_owner(relation);
	s := tsdb.shard_settings(relation);
	IF s.default_partition IS NULL THEN
		RETURN 0;
	END IF;
	query := format('SELECT min(%I)::text FROM ONLY %s WHERE %s', s.time_column, s.default_partition, tsdb.shard_movable(s.time_column, s.time_type));
	EXECUTE query INTO oldest;
	IF oldest IS NULL THEN
		RETURN 0;
	END IF;

	PERFORM tsdb.shard_lock(relation, false);
	s := tsdb.shard_settings(relation);
	WHILE s.default_partition IS NOT NULL AND moved < max_rows LOOP
		EXECUTE query INTO oldest;
		EXIT WHEN oldest IS NULL;
		SELECT a.partition, a.lo, a.hi INTO r FROM tsdb.shard_at(relation, oldest) a;
		IF r.partition IS NOT NULL THEN
			RAISE EXCEPTION 'default partition % has a row of partition %', s.default_partition, r.partition USING ERRCODE = 'data_corrupted';
		END IF;
		moved := moved + tsdb.shard_make(relation, r.lo, r.hi, true);
	END LOOP;
	RETURN moved;
END $$;
COMMENT ON FUNCTION tsdb.drain_default(regclass, bigint) IS
'for its owner: moves rows out of the default partition into partitions that it makes for them, oldest first, until so many are moved; returns rows moved';

-- What is older or newer than a limit, as TimescaleDB names it: an interval before now, or a value of the time column.

-- not in the session's form of dates, nor in its time zone
CREATE FUNCTION tsdb.shard_text(value anyelement)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD'
AS $$
BEGIN
	RETURN value::text;
END $$;
COMMENT ON FUNCTION tsdb.shard_text(anyelement) IS 'a time as text, in UTC and in ISO form';

CREATE FUNCTION tsdb.shard_limit(relation regclass, value text, value_type regtype)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	s record := tsdb.shard_settings(relation);
	result text;
BEGIN
	IF value IS NULL THEN
		RETURN NULL;
	ELSIF s.time_column IS NULL THEN
		RAISE EXCEPTION 'table % has no shards by time', relation USING ERRCODE = 'wrong_object_type';
	ELSIF value_type = 'interval'::regtype AND s.integer_step IS NOT NULL THEN
		RAISE EXCEPTION 'shards by a column of type % need a limit that is an integer', s.time_type USING ERRCODE = 'invalid_parameter_value';
	END IF;
	EXECUTE format(CASE WHEN value_type = 'interval'::regtype THEN 'SELECT tsdb.shard_text((now()::%1$s - $1::interval)::%1$s)'
		ELSE 'SELECT tsdb.shard_text($1::%2$s::%1$s)' END, s.time_type, value_type) INTO result USING value;
	RETURN result;
END $$;
COMMENT ON FUNCTION tsdb.shard_limit(regclass, text, regtype) IS 'argument of show_chunks or drop_chunks as a value of the time column';

CREATE FUNCTION tsdb.shards_between(relation regclass, older_than text, newer_than text)
RETURNS SETOF regclass
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD'
AS $$
DECLARE
	s record := tsdb.shard_settings(relation);
BEGIN
	IF s.time_column IS NULL THEN
		RETURN QUERY SELECT r.partition FROM tsdb.shard_ranges(relation) r ORDER BY r.partition::oid;
	ELSE
		RETURN QUERY EXECUTE format('SELECT r.partition FROM tsdb.shard_ranges($1) r WHERE NOT r.is_default
			AND ($2 IS NULL OR r.hi::%1$s <= $2::%1$s) AND ($3 IS NULL OR r.lo::%1$s >= $3::%1$s) ORDER BY r.lo::%1$s NULLS FIRST', s.time_type)
			USING relation, older_than, newer_than;
	END IF;
END $$;
COMMENT ON FUNCTION tsdb.shards_between(regclass, text, text) IS 'partitions that lie before one time and after another';

CREATE FUNCTION tsdb.drop_shards_between(relation regclass, older_than text, newer_than text)
RETURNS SETOF text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	partitions regclass[];
	p regclass;
BEGIN
	PERFORM tsdb.shard_require_owner(relation);
	IF older_than IS NULL AND newer_than IS NULL THEN
		RAISE EXCEPTION 'older_than and newer_than must not both be NULL' USING ERRCODE = 'invalid_parameter_value',
			HINT = 'TRUNCATE deletes all rows.';
	END IF;
	IF NOT EXISTS (SELECT FROM tsdb.shards_between(relation, older_than, newer_than)) THEN
		RETURN;
	END IF;
	PERFORM tsdb.shard_lock(relation, true);
	partitions := ARRAY(SELECT c FROM tsdb.shards_between(relation, older_than, newer_than) c);
	FOREACH p IN ARRAY partitions LOOP
		RETURN NEXT p::text;
		EXECUTE format('DROP %s %s', CASE WHEN (SELECT c.relkind = 'f' FROM pg_class c WHERE c.oid = p) THEN 'FOREIGN TABLE' ELSE 'TABLE' END, p);
	END LOOP;
END $$;
COMMENT ON FUNCTION tsdb.drop_shards_between(regclass, text, text) IS 'drops partitions that lie before one time and after another';

CREATE FUNCTION tsdb.show_chunks(relation regclass, older_than "any" DEFAULT NULL, newer_than "any" DEFAULT NULL)
RETURNS SETOF regclass
AS 'MODULE_PATHNAME', 'tsdb_sql_show_chunks'
LANGUAGE C STABLE PARALLEL UNSAFE;
COMMENT ON FUNCTION tsdb.show_chunks(regclass, "any", "any") IS
'partitions of a sharded table that lie wholly before older_than and after newer_than, oldest first';

CREATE FUNCTION tsdb.drop_chunks(relation regclass, older_than "any" DEFAULT NULL, newer_than "any" DEFAULT NULL)
RETURNS SETOF text
AS 'MODULE_PATHNAME', 'tsdb_sql_drop_chunks'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION tsdb.drop_chunks(regclass, "any", "any") IS
'for its owner: drops the partitions that show_chunks shows for the same limits; returns their names';

-- Making shards.

CREATE FUNCTION tsdb.shard_time_column(relation regclass)
RETURNS name
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	result name;
BEGIN
	SELECT (parse_ident(i.orderby))[1] INTO result FROM tsdb.table_info(relation) i;
	IF result IS NULL THEN
		SELECT a.attname INTO result FROM pg_attribute a
		 WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped AND a.atttypid IN ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype)
		 ORDER BY a.attnum LIMIT 1;
	END IF;
	IF result IS NULL THEN
		RAISE EXCEPTION 'table % has no time column', relation USING ERRCODE = 'invalid_parameter_value',
			HINT = 'Name one of type timestamp with time zone, timestamp without time zone, date, bigint, integer or smallint.';
	END IF;
	RETURN result;
END $$;
COMMENT ON FUNCTION tsdb.shard_time_column(regclass) IS 'time column of a table, by its options or the types of its columns';

CREATE FUNCTION tsdb.shard_check_kind(relation regclass)
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	c pg_class := (SELECT c FROM pg_class c WHERE c.oid = relation);
BEGIN
	IF c.relkind = 'p' THEN
		RAISE EXCEPTION 'table % is partitioned already', relation USING ERRCODE = 'wrong_object_type';
	ELSIF c.relkind <> 'r' THEN
		RAISE EXCEPTION '% is not a table', relation USING ERRCODE = 'wrong_object_type';
	ELSIF c.relnamespace IN ('pg_catalog'::regnamespace, 'tsdb'::regnamespace) THEN
		RAISE EXCEPTION 'table % is a system table', relation USING ERRCODE = 'wrong_object_type';
	ELSIF (SELECT a.amname NOT IN ('heap', 'tsdb') FROM pg_am a WHERE a.oid = c.relam) THEN
		RAISE EXCEPTION 'table % has another access method than tsdb and heap', relation USING ERRCODE = 'wrong_object_type',
			HINT = 'Use ALTER TABLE ... SET ACCESS METHOD tsdb first.';
	END IF;
END $$;
COMMENT ON FUNCTION tsdb.shard_check_kind(regclass) IS 'raises an error for what is not a table, or one that is partitioned already';

-- Refuses what a partitioned table cannot have, and what would go on naming the table that becomes a partition.
CREATE FUNCTION tsdb.shard_check_table(relation regclass, keys name[])
RETURNS void
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	c pg_class := (SELECT c FROM pg_class c WHERE c.oid = relation);
	reason text;
	detail text;
	hint text;
BEGIN
	reason := CASE
		WHEN c.relpersistence = 't' THEN 'it is temporary'
		WHEN c.reloftype <> 0 THEN 'it is a typed table'
		WHEN c.relispartition THEN 'it is a partition'
		WHEN EXISTS (SELECT FROM pg_inherits i WHERE relation IN (i.inhrelid, i.inhparent)) THEN 'it inherits or is inherited from'
		WHEN EXISTS (SELECT FROM pg_subscription_rel s WHERE s.srrelid = relation) THEN 'a subscription writes it'
		END;
	IF reason IS NULL THEN
		SELECT format('of constraint "%s"', o.conname), pg_get_constraintdef(o.oid),
			CASE WHEN o.contype IN ('p', 'u') THEN 'Keys must include all columns that the table is partitioned by: ' || array_to_string(keys, ', ') || '.'
				WHEN NOT o.convalidated THEN 'Use ALTER TABLE ... VALIDATE CONSTRAINT first.'
				ELSE 'A partitioned table cannot have it: drop it first.' END
		  INTO reason, detail, hint
		  FROM pg_constraint o
		 WHERE o.conrelid = relation
		   AND (o.contype = 'x' OR NOT o.convalidated OR (o.contype = 'c' AND o.connoinherit)
				OR (o.contype IN ('p', 'u') AND NOT keys <@ ARRAY(SELECT a.attname FROM pg_attribute a WHERE a.attrelid = relation AND a.attnum = ANY (o.conkey))))
		 ORDER BY o.conname LIMIT 1;
	END IF;
	IF reason IS NULL THEN
		SELECT format('of index "%s"', x.relname), pg_get_indexdef(x.oid),
			CASE WHEN NOT i.indisvalid THEN 'The index is not valid: drop it or use REINDEX first.'
				ELSE 'Keys must include all columns that the table is partitioned by: ' || array_to_string(keys, ', ') || '.' END
		  INTO reason, detail, hint
		  FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
		 WHERE i.indrelid = relation
		   AND (NOT i.indisvalid
				OR (i.indisunique AND NOT keys <@ ARRAY(SELECT a.attname FROM unnest(i.indkey[0 : i.indnkeyatts - 1]) k JOIN pg_attribute a ON a.attrelid = relation AND a.attnum = k)))
		 ORDER BY x.relname LIMIT 1;
	END IF;
	IF reason IS NULL THEN
		SELECT format('of trigger "%s"', t.tgname), pg_get_triggerdef(t.oid), 'A partitioned table cannot have row triggers with transition tables: drop it first.'
		  INTO reason, detail, hint
		  FROM pg_trigger t
		 WHERE t.tgrelid = relation AND NOT t.tgisinternal AND t.tgtype & 1 = 1 AND num_nonnulls(t.tgoldtable, t.tgnewtable) > 0
		 ORDER BY t.tgname LIMIT 1;
	END IF;
	IF reason IS NULL THEN
		-- views, rules, functions, foreign keys, columns of its type ...: all but what belongs to the table and is made anew
		SELECT 'another object refers to it', pg_describe_object(d.classid, d.objid, d.objsubid),
			'Drop it before, and make it again afterwards.'
		  INTO reason, detail, hint
		  FROM pg_depend d
		 WHERE ((d.refclassid = 'pg_class'::regclass AND d.refobjid = relation)
				OR (d.refclassid = 'pg_type'::regclass AND d.refobjid IN (SELECT t.oid FROM pg_type t WHERE t.oid = c.reltype OR t.typelem = c.reltype)))
		   AND NOT CASE d.classid
				WHEN 'pg_class'::regclass THEN d.deptype IN ('a', 'i') OR d.objid = relation
					OR d.objid IN (SELECT i.indexrelid FROM pg_index i WHERE i.indrelid = relation)
				WHEN 'pg_type'::regclass THEN d.deptype = 'i'
				WHEN 'pg_attrdef'::regclass THEN (SELECT o.adrelid = relation FROM pg_attrdef o WHERE o.oid = d.objid)
				WHEN 'pg_constraint'::regclass THEN (SELECT o.conrelid = relation AND o.confrelid <> relation FROM pg_constraint o WHERE o.oid = d.objid)
				WHEN 'pg_trigger'::regclass THEN (SELECT o.tgrelid = relation OR o.tgisinternal FROM pg_trigger o WHERE o.oid = d.objid)
				WHEN 'pg_policy'::regclass THEN (SELECT o.polrelid = relation FROM pg_policy o WHERE o.oid = d.objid)
				WHEN 'pg_statistic_ext'::regclass THEN true
				WHEN 'pg_publication_rel'::regclass THEN true
				ELSE false END
		 ORDER BY 2 LIMIT 1;
	END IF;
	IF reason IS NULL THEN
		SELECT 'it belongs to an extension', pg_describe_object(d.refclassid, d.refobjid, 0) INTO reason, detail
		  FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = relation AND d.deptype = 'e';
	END IF;
	IF reason IS NOT NULL THEN
		RAISE EXCEPTION 'table % cannot be partitioned because %', relation, reason
			USING ERRCODE = 'feature_not_supported', DETAIL = coalesce(detail, 'Only a permanent or unlogged table that stands by itself can be.'),
				HINT = coalesce(hint, 'Make such a table and copy the rows.');
	END IF;
END $$;
COMMENT ON FUNCTION tsdb.shard_check_table(regclass, name[]) IS 'raises an error if a table cannot become a partitioned one';

-- Statements that give a partitioned table of that name what the table has.  Read while the table still has the name,
-- run when the other one has it: texts and order as pg_dump has them.
CREATE FUNCTION tsdb.shard_statements(relation regclass)
RETURNS SETOF text
LANGUAGE plpgsql STABLE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	c pg_class := (SELECT c FROM pg_class c WHERE c.oid = relation);
	owner text := quote_ident(pg_get_userbyid(c.relowner));
	schema text := quote_ident((SELECT n.nspname FROM pg_namespace n WHERE n.oid = c.relnamespace));
	r record;
BEGIN
	-- columns
	FOR r IN SELECT a.* FROM pg_attribute a WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum LOOP
		IF r.attstattarget >= 0 THEN
			RETURN NEXT format('ALTER TABLE ONLY %s ALTER COLUMN %I SET STATISTICS %s', relation, r.attname, r.attstattarget);
		END IF;
		-- there may be others, which are the server's own
		RETURN QUERY SELECT format('ALTER TABLE ONLY %s ALTER COLUMN %I SET (%I = %L)', relation, r.attname, o.option_name, o.option_value)
			FROM pg_options_to_table(r.attoptions) o WHERE o.option_name LIKE 'n\_distinct%';
		RETURN QUERY SELECT format('COMMENT ON COLUMN %s.%I IS %L', relation, r.attname, d) FROM col_description(relation, r.attnum) d WHERE d IS NOT NULL;
		RETURN QUERY SELECT format('GRANT %s (%I) ON %s TO %s%s', x.privilege_type, r.attname, relation,
				CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END, CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' END)
			FROM aclexplode(r.attacl) x;
	END LOOP;

	-- keys and foreign keys; indexes; what is said of them
	FOR r IN
		SELECT o.*, x.relname AS index, ts.spcname FROM pg_constraint o LEFT JOIN pg_class x ON x.oid = o.conindid AND o.contype IN ('p', 'u')
		  LEFT JOIN pg_tablespace ts ON ts.oid = x.reltablespace
		 WHERE o.conrelid = relation ORDER BY o.contype DESC, o.conname
	LOOP
		IF r.contype IN ('p', 'u', 'f') THEN
			RETURN NEXT format('SET LOCAL default_tablespace = %L', coalesce(r.spcname, ''));
			RETURN NEXT format('ALTER TABLE %s ADD CONSTRAINT %I %s', relation, r.conname, pg_get_constraintdef(r.oid));
		END IF;
		RETURN QUERY SELECT format('COMMENT ON CONSTRAINT %I ON %s IS %L', r.conname, relation, d)
			FROM obj_description(r.oid, 'pg_constraint') d WHERE d IS NOT NULL AND r.contype IN ('p', 'u', 'f', 'c');
	END LOOP;
	FOR r IN
		SELECT i.*, x.relname, ts.spcname, o.oid AS constraint FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
		  LEFT JOIN pg_tablespace ts ON ts.oid = x.reltablespace LEFT JOIN pg_constraint o ON o.conindid = i.indexrelid AND o.contype IN ('p', 'u')
		 WHERE i.indrelid = relation ORDER BY x.relname
	LOOP
		IF r.constraint IS NULL THEN
			RETURN NEXT format('SET LOCAL default_tablespace = %L', coalesce(r.spcname, ''));
			RETURN NEXT pg_get_indexdef(r.indexrelid);
		END IF;
		RETURN QUERY SELECT format('COMMENT ON INDEX %s.%I IS %L', schema, r.relname, d) FROM obj_description(r.indexrelid, 'pg_class') d WHERE d IS NOT NULL;
		RETURN QUERY SELECT format('ALTER INDEX %s.%I ALTER COLUMN %s SET STATISTICS %s', schema, r.relname, a.attnum, a.attstattarget)
			FROM pg_attribute a WHERE a.attrelid = r.indexrelid AND a.attstattarget >= 0;
		IF r.indisreplident THEN
			RETURN NEXT format('ALTER TABLE ONLY %s REPLICA IDENTITY USING INDEX %I', relation, r.relname);
		END IF;
	END LOOP;
	RETURN NEXT 'SET LOCAL default_tablespace = ''''';
	IF c.relreplident IN ('f', 'n') THEN
		RETURN NEXT format('ALTER TABLE ONLY %s REPLICA IDENTITY %s', relation, CASE c.relreplident WHEN 'f' THEN 'FULL' ELSE 'NOTHING' END);
	END IF;

	-- statistics
	FOR r IN SELECT x.*, n.nspname, pg_get_userbyid(x.stxowner) AS owner FROM pg_statistic_ext x JOIN pg_namespace n ON n.oid = x.stxnamespace WHERE x.stxrelid = relation LOOP
		RETURN NEXT pg_get_statisticsobjdef(r.oid);
		IF r.stxstattarget >= 0 THEN
			RETURN NEXT format('ALTER STATISTICS %I.%I SET STATISTICS %s', r.nspname, r.stxname, r.stxstattarget);
		END IF;
		RETURN NEXT format('ALTER STATISTICS %I.%I OWNER TO %I', r.nspname, r.stxname, r.owner);
		RETURN QUERY SELECT format('COMMENT ON STATISTICS %I.%I IS %L', r.nspname, r.stxname, d) FROM obj_description(r.oid, 'pg_statistic_ext') d WHERE d IS NOT NULL;
	END LOOP;

	-- row security
	FOR r IN SELECT p.* FROM pg_policy p WHERE p.polrelid = relation ORDER BY p.polname LOOP
		RETURN NEXT concat_ws(' ', format('CREATE POLICY %I ON %s AS', r.polname, relation), CASE WHEN r.polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END, 'FOR',
			CASE r.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END, 'TO',
			(SELECT string_agg(CASE o WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(o)) END, ', ') FROM unnest(r.polroles) o),
			'USING (' || pg_get_expr(r.polqual, relation) || ')', 'WITH CHECK (' || pg_get_expr(r.polwithcheck, relation) || ')');
		RETURN QUERY SELECT format('COMMENT ON POLICY %I ON %s IS %L', r.polname, relation, d) FROM obj_description(r.oid, 'pg_policy') d WHERE d IS NOT NULL;
	END LOOP;
	IF c.relrowsecurity THEN
		RETURN NEXT format('ALTER TABLE ONLY %s ENABLE ROW LEVEL SECURITY', relation);
	END IF;
	IF c.relforcerowsecurity THEN
		RETURN NEXT format('ALTER TABLE ONLY %s FORCE ROW LEVEL SECURITY', relation);
	END IF;

	-- triggers
	FOR r IN SELECT t.* FROM pg_trigger t WHERE t.tgrelid = relation AND NOT t.tgisinternal ORDER BY t.tgname LOOP
		RETURN NEXT pg_get_triggerdef(r.oid);
		IF r.tgenabled <> 'O' THEN
			RETURN NEXT format('ALTER TABLE %s %s TRIGGER %I', relation,
				CASE r.tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END, r.tgname);
		END IF;
		RETURN QUERY SELECT format('COMMENT ON TRIGGER %I ON %s IS %L', r.tgname, relation, d) FROM obj_description(r.oid, 'pg_trigger') d WHERE d IS NOT NULL;
	END LOOP;

	-- labels of all providers
	RETURN QUERY SELECT format(CASE WHEN a.attname IS NULL THEN 'SECURITY LABEL FOR %s ON TABLE %s IS %L' ELSE 'SECURITY LABEL FOR %s ON COLUMN %s.%4$I IS %3$L' END,
			quote_ident(l.provider), relation, l.label, a.attname)
		FROM pg_seclabel l LEFT JOIN pg_attribute a ON a.attrelid = l.objoid AND a.attnum = l.objsubid AND l.objsubid > 0
		WHERE l.classoid = 'pg_class'::regclass AND l.objoid = relation;
	RETURN QUERY SELECT format('COMMENT ON TABLE %s IS %L', relation, d) FROM obj_description(relation, 'pg_class') d WHERE d IS NOT NULL;

	-- publications
	RETURN QUERY SELECT concat('ALTER PUBLICATION ', quote_ident(p.pubname), ' ADD TABLE ONLY ', relation,
			(SELECT ' (' || string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) || ')' FROM unnest(pr.prattrs) k JOIN pg_attribute a ON a.attrelid = relation AND a.attnum = k),
			' WHERE (' || pg_get_expr(pr.prqual, relation) || ')')
		FROM pg_publication_rel pr JOIN pg_publication p ON p.oid = pr.prpubid WHERE pr.prrelid = relation;

	-- privileges: what the table has, and no default privilege
	IF c.relacl IS NOT NULL THEN
		RETURN NEXT format('REVOKE ALL ON %s FROM %s', relation, owner);
		RETURN QUERY SELECT format('GRANT %s ON %s TO %s%s', x.privilege_type, relation,
				CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END, CASE WHEN x.is_grantable AND x.grantee <> c.relowner THEN ' WITH GRANT OPTION' END)
			FROM aclexplode(c.relacl) x;
	END IF;
END $$;
COMMENT ON FUNCTION tsdb.shard_statements(regclass) IS 'statements that give a partitioned table what a table has';

CREATE FUNCTION tsdb.create_shards(relation regclass, time_column name DEFAULT NULL, partition_interval anycompatible DEFAULT interval '7 days',
	hash_column name DEFAULT NULL, hash_partitions integer DEFAULT NULL, ahead integer DEFAULT 4, servers name[] DEFAULT NULL,
	migrate_data boolean DEFAULT false)
RETURNS regclass
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO, YMD' SET intervalstyle = 'postgres' SET extra_float_digits = 1
SET row_security = off SET default_tablespace = ''
AS $$
#variable_conflict use_variable
DECLARE
	by_time boolean := partition_interval IS NOT NULL;
	known_as text := relation::text;
	c pg_class;
	type regtype;
	step interval;
	integer_step bigint;
	keys name[];
	has_rows boolean;
	statements text[];
	statement text;
	schema_name name;
	parent regclass;
	moved bigint := 0;
	r record;
BEGIN
	IF relation IS NULL THEN
		RAISE EXCEPTION 'relation must not be NULL' USING ERRCODE = 'null_value_not_allowed';
	END IF;
	PERFORM tsdb.shard_require_owner(relation);
	PERFORM tsdb.shard_check_kind(relation);
	PERFORM tsdb.shard_require_read_committed();
	EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', relation);
	IF relation::text <> known_as OR NOT EXISTS (SELECT FROM pg_class o WHERE o.oid = relation) THEN
		RAISE EXCEPTION 'table % was renamed or dropped meanwhile', known_as USING ERRCODE = 'object_in_use';
	END IF;
	PERFORM tsdb.shard_require_owner(relation);
	SELECT o.* INTO c FROM pg_class o WHERE o.oid = relation;
	schema_name := (SELECT n.nspname FROM pg_namespace n WHERE n.oid = c.relnamespace);

	-- what is asked for
	IF (hash_column IS NULL) <> (hash_partitions IS NULL) THEN
		RAISE EXCEPTION 'hash_column and hash_partitions must be given together' USING ERRCODE = 'invalid_parameter_value';
	ELSIF hash_partitions NOT BETWEEN 1 AND 1024 THEN
		RAISE EXCEPTION 'number of partitions must be between 1 and 1024' USING ERRCODE = 'invalid_parameter_value';
	ELSIF ahead IS NULL OR ahead NOT BETWEEN 0 AND 1000 THEN
		RAISE EXCEPTION 'ahead must be between 0 and 1000' USING ERRCODE = 'invalid_parameter_value';
	ELSIF NOT by_time AND hash_column IS NULL THEN
		RAISE EXCEPTION 'neither partition_interval nor hash_column is given' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF by_time THEN
		time_column := coalesce(time_column, tsdb.shard_time_column(relation));
		type := tsdb.shard_time_type(relation, time_column);
		SELECT i.step, i.integer_step INTO step, integer_step FROM tsdb.shard_interval(type, partition_interval::text, pg_typeof(partition_interval)) i;
	ELSE
		time_column := NULL;
	END IF;
	IF hash_column IS NOT NULL AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = relation AND a.attname = hash_column AND a.attnum > 0 AND NOT a.attisdropped) THEN
		RAISE EXCEPTION 'column "%" of relation "%" does not exist', hash_column, relation USING ERRCODE = 'undefined_column';
	END IF;
	keys := array_remove(ARRAY[time_column, hash_column], NULL);
	PERFORM tsdb.shard_check_table(relation, keys);

	statements := ARRAY(SELECT x FROM tsdb.shard_statements(relation) x);
	IF c.relforcerowsecurity THEN
		-- policies for the owner are the partitioned table's from now on: the owner must be able to empty the default partition
		EXECUTE format('ALTER TABLE ONLY %s NO FORCE ROW LEVEL SECURITY', relation);
	END IF;
	EXECUTE format('SELECT EXISTS (SELECT FROM ONLY %s)', relation) INTO has_rows;
	IF has_rows AND NOT by_time AND NOT migrate_data THEN
		RAISE EXCEPTION 'table % has rows', relation USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = 'Partitions by hash alone take over all rows at once: say migrate_data => true.';
	END IF;
	IF by_time AND NOT (SELECT a.attnotnull FROM pg_attribute a WHERE a.attrelid = relation AND a.attname = time_column) THEN
		RAISE NOTICE 'adding NOT NULL to column "%"', time_column;
		EXECUTE format('ALTER TABLE ONLY %s ALTER COLUMN %I SET NOT NULL', relation, time_column);
	END IF;
	IF NOT has_rows THEN
		EXECUTE format('ALTER TABLE ONLY %s SET ACCESS METHOD tsdb', relation);
	END IF;

	-- the names go to the partitioned table
	FOR r IN SELECT x.relname FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = relation LOOP
		EXECUTE format('ALTER INDEX %I.%I RENAME TO %I', schema_name, r.relname, tsdb.shard_name(c.relnamespace, r.relname, '_default'));
	END LOOP;
	FOR r IN SELECT x.*, n.nspname FROM pg_statistic_ext x JOIN pg_namespace n ON n.oid = x.stxnamespace WHERE x.stxrelid = relation LOOP
		EXECUTE format('ALTER STATISTICS %I.%I RENAME TO %I', r.nspname, r.stxname, tsdb.shard_name(r.stxnamespace, r.stxname, '_default'));
	END LOOP;
	FOR r IN SELECT t.tgname FROM pg_trigger t WHERE t.tgrelid = relation AND NOT t.tgisinternal LOOP
		EXECUTE format('DROP TRIGGER %I ON %s', r.tgname, relation);
	END LOOP;
	FOR r IN SELECT p.pubname FROM pg_publication_rel pr JOIN pg_publication p ON p.oid = pr.prpubid WHERE pr.prrelid = relation LOOP
		EXECUTE format('ALTER PUBLICATION %I DROP TABLE ONLY %s', r.pubname, relation);
	END LOOP;
	PERFORM tsdb.shard_options_copy(relation, relation, false);
	PERFORM tsdb.shard_revoke(relation);
	EXECUTE format('ALTER TABLE %s RENAME TO %I', relation, tsdb.shard_name(c.relnamespace, c.relname, '_default'));
	EXECUTE concat_ws(' ', 'CREATE', CASE WHEN c.relpersistence = 'u' THEN 'UNLOGGED' END, format('TABLE %I.%I', schema_name, c.relname),
		format('(LIKE %s INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING IDENTITY INCLUDING STORAGE INCLUDING COMPRESSION INCLUDING CONSTRAINTS)', relation),
		format('PARTITION BY %s (%I)', CASE WHEN by_time THEN 'RANGE' ELSE 'HASH' END, keys[1]),
		'TABLESPACE ' || quote_ident((SELECT t.spcname FROM pg_tablespace t WHERE t.oid = c.reltablespace)));
	parent := format('%I.%I', schema_name, c.relname)::regclass;
	IF c.relowner <> (SELECT o.relowner FROM pg_class o WHERE o.oid = parent) THEN
		EXECUTE format('ALTER TABLE %s OWNER TO %I', parent, pg_get_userbyid(c.relowner));
	END IF;
	PERFORM tsdb.shard_revoke(parent);

	-- sequences: of serial columns they change hands, of identity columns they are made anew and go on counting
	FOR r IN
		SELECT q.oid::regclass AS sequence, q.relname, q.relacl, q.relowner, d.deptype, a.attname, f.seqtypid FROM pg_depend d JOIN pg_class q ON q.oid = d.objid AND q.relkind = 'S'
		  JOIN pg_sequence f ON f.seqrelid = q.oid JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
		 WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = relation AND d.deptype IN ('a', 'i')
	LOOP
		IF r.deptype = 'a' THEN
			EXECUTE format('ALTER SEQUENCE %s OWNED BY %s.%I', r.sequence, parent, r.attname);
		ELSE
			DECLARE
				sequence regclass := pg_get_serial_sequence(parent::text, r.attname);
			BEGIN
				EXECUTE format('SELECT setval(%L, q.last_value, q.is_called) FROM %s q', sequence, r.sequence);
				EXECUTE format('ALTER TABLE ONLY %s ALTER COLUMN %I DROP IDENTITY', relation, r.attname);
				EXECUTE format('ALTER SEQUENCE %s RENAME TO %I', sequence, r.relname);
				FOR statement IN
					SELECT format('GRANT %s ON SEQUENCE %s TO %s%s', x.privilege_type, sequence, CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(x.grantee)) END,
						CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' END) FROM aclexplode(r.relacl) x WHERE x.grantee <> r.relowner
				LOOP
					EXECUTE statement;
				END LOOP;
			END;
		END IF;
	END LOOP;

	-- partitions of the hash take the rows before triggers, policies and foreign keys come
	IF NOT by_time THEN
		FOR i IN 0 .. hash_partitions - 1 LOOP
			PERFORM tsdb.shard_finish(parent, tsdb.create_shard(parent, tsdb.shard_name(c.relnamespace, c.relname, '_h' || i),
				format('FOR VALUES WITH (MODULUS %s, REMAINDER %s)', hash_partitions, i), servers[1 + i % cardinality(servers)]), relation);
		END LOOP;
		IF has_rows THEN
			EXECUTE format('INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT %2$s FROM ONLY %s', parent, tsdb.shard_columns(parent), relation);
			GET DIAGNOSTICS moved = ROW_COUNT;
		END IF;
		EXECUTE format('DROP TABLE %s', relation);
	END IF;
	FOREACH statement IN ARRAY statements LOOP
		EXECUTE statement;
	END LOOP;
	IF by_time THEN
		EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s DEFAULT', parent, relation);
	END IF;
	PERFORM tsdb.set_shards(parent, time_column, step, integer_step, hash_column, hash_partitions, ahead, servers);
	IF by_time THEN
		IF migrate_data THEN
			PERFORM tsdb.drain_default(parent, 9223372036854775807);
		END IF;
		FOR r IN SELECT m.lo, m.hi FROM tsdb.shards_missing(parent) m LOOP
			PERFORM tsdb.shard_make(parent, r.lo, r.hi, migrate_data);
		END LOOP;
	ELSE
		PERFORM tsdb.count_moved_rows(parent, moved);
		FOR r IN SELECT t.relid FROM pg_partition_tree(parent) t WHERE t.isleaf LOOP
			PERFORM tsdb.shard_finish(parent, r.relid, NULL);
		END LOOP;
	END IF;
	RETURN parent;
END $$;
COMMENT ON FUNCTION tsdb.create_shards(regclass, name, anycompatible, name, integer, integer, name[], boolean) IS
'for its owner: turns a table into one that is partitioned by ranges of time (partition_interval NULL = not), by hash, or both; rows stay in a default partition unless migrate_data; returns the partitioned table';

-- TimescaleDB's names for it.

CREATE FUNCTION tsdb.create_hypertable(relation regclass, dimension tsdb.dimension, create_default_indexes boolean DEFAULT false,
	if_not_exists boolean DEFAULT false, migrate_data boolean DEFAULT false, OUT hypertable regclass, OUT created boolean)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	column_name name := dimension.column_name;
BEGIN
	IF if_not_exists AND EXISTS (SELECT FROM tsdb.shards s JOIN pg_class c ON c.oid = s.relation AND c.relkind = 'p' WHERE s.relation = create_hypertable.relation) THEN
		RAISE NOTICE 'table % has shards already, skipping', relation;
		hypertable := relation;
		created := false;
		RETURN;
	END IF;
	IF column_name IS NULL THEN
		RAISE EXCEPTION 'dimension names no column' USING ERRCODE = 'null_value_not_allowed';
	ELSIF dimension.number_partitions IS NOT NULL THEN
		hypertable := tsdb.create_shards(relation, partition_interval => NULL, hash_column => column_name, hash_partitions => dimension.number_partitions, migrate_data => migrate_data);
	ELSIF dimension.partition_interval IS NULL THEN
		RAISE EXCEPTION 'interval of partitions must not be NULL' USING ERRCODE = 'null_value_not_allowed';
	ELSIF dimension.interval_type = 'interval'::regtype THEN
		hypertable := tsdb.create_shards(relation, column_name, dimension.partition_interval::interval, migrate_data => migrate_data);
	ELSIF dimension.interval_type = 'text'::regtype THEN
		hypertable := tsdb.create_shards(relation, column_name, dimension.partition_interval, migrate_data => migrate_data);
	ELSE
		hypertable := tsdb.create_shards(relation, column_name, dimension.partition_interval::bigint, migrate_data => migrate_data);
	END IF;
	IF create_default_indexes THEN
		EXECUTE format(CASE WHEN dimension.number_partitions IS NULL THEN 'CREATE INDEX ON %s (%I DESC)' ELSE 'CREATE INDEX ON %s (%I)' END, hypertable, column_name);
	END IF;
	created := true;
END $$;
COMMENT ON FUNCTION tsdb.create_hypertable(regclass, tsdb.dimension, boolean, boolean, boolean) IS
'create_shards under the name and with the arguments of TimescaleDB: create_hypertable(''cpu'', tsdb.by_range(''time''))';

CREATE FUNCTION tsdb.create_hypertable(relation regclass, time_column_name name, partitioning_column name DEFAULT NULL, number_partitions integer DEFAULT NULL,
	chunk_time_interval anycompatible DEFAULT interval '7 days', create_default_indexes boolean DEFAULT false,
	if_not_exists boolean DEFAULT false, migrate_data boolean DEFAULT false, OUT hypertable regclass, OUT created boolean)
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
BEGIN
	IF if_not_exists AND EXISTS (SELECT FROM tsdb.shards s JOIN pg_class c ON c.oid = s.relation AND c.relkind = 'p' WHERE s.relation = create_hypertable.relation) THEN
		RAISE NOTICE 'table % has shards already, skipping', relation;
		hypertable := relation;
		created := false;
		RETURN;
	END IF;
	hypertable := tsdb.create_shards(relation, time_column_name, chunk_time_interval, partitioning_column, number_partitions, migrate_data => migrate_data);
	IF create_default_indexes THEN
		EXECUTE format('CREATE INDEX ON %s (%I DESC)', hypertable, time_column_name);
		IF partitioning_column IS NOT NULL THEN
			EXECUTE format('CREATE INDEX ON %s (%I, %I DESC)', hypertable, partitioning_column, time_column_name);
		END IF;
	END IF;
	created := true;
END $$;
COMMENT ON FUNCTION tsdb.create_hypertable(regclass, name, name, integer, anycompatible, boolean, boolean, boolean) IS
'create_shards under the name and with the older arguments of TimescaleDB';

CREATE FUNCTION tsdb.add_dimension(hypertable regclass, dimension tsdb.dimension, if_not_exists boolean DEFAULT false)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp SET row_security = off
AS $$
#variable_conflict use_variable
DECLARE
	s record;
	r record;
	is_empty boolean;
BEGIN
	PERFORM tsdb.shard_require_owner(hypertable);
	PERFORM tsdb.shard_require_read_committed();
	PERFORM tsdb.shard_lock(hypertable, true);
	s := tsdb.shard_settings(hypertable);
	IF s.time_column IS NULL OR dimension.number_partitions IS NULL THEN
		RAISE EXCEPTION 'only a hash can be added, and only to ranges' USING ERRCODE = 'feature_not_supported',
			HINT = 'Make the table by ranges first: tsdb.create_hypertable(..., tsdb.by_range(...)).';
	ELSIF s.hash_column IS NOT NULL THEN
		IF if_not_exists AND s.hash_column = dimension.column_name THEN
			RAISE NOTICE 'table % is partitioned by the hash of column "%" already, skipping', hypertable, s.hash_column;
			RETURN;
		END IF;
		RAISE EXCEPTION 'table % is partitioned by the hash of column "%" already', hypertable, s.hash_column USING ERRCODE = 'duplicate_object';
	ELSIF NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = hypertable AND a.attname = dimension.column_name AND a.attnum > 0 AND NOT a.attisdropped) THEN
		RAISE EXCEPTION 'column "%" of relation "%" does not exist', dimension.column_name, hypertable USING ERRCODE = 'undefined_column';
	END IF;
	FOR r IN
		SELECT x.relname FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
		 WHERE i.indrelid = hypertable AND i.indisunique
		   AND NOT EXISTS (SELECT FROM unnest(i.indkey[0 : i.indnkeyatts - 1]) k JOIN pg_attribute a ON a.attrelid = hypertable AND a.attnum = k AND a.attname = dimension.column_name)
	LOOP
		RAISE EXCEPTION 'unique index "%" does not include column "%"', r.relname, dimension.column_name USING ERRCODE = 'feature_not_supported',
			HINT = 'Keys must include all columns that the table is partitioned by.';
	END LOOP;
	PERFORM tsdb.set_shards(hypertable, s.time_column, s.step, s.integer_step, dimension.column_name, dimension.number_partitions, s.ahead, s.servers);
	-- ranges with rows stay as they are
	FOR r IN SELECT g.* FROM tsdb.shard_ranges(hypertable) g JOIN pg_class c ON c.oid = g.partition AND c.relkind = 'r' WHERE NOT g.is_default ORDER BY g.partition::oid LOOP
		EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', r.partition);
		EXECUTE format('SELECT NOT EXISTS (SELECT FROM ONLY %s)', r.partition) INTO is_empty;
		IF is_empty THEN
			EXECUTE format('DROP TABLE %s', r.partition);
			PERFORM tsdb.shard_make(hypertable, r.lo, r.hi, true);
		END IF;
	END LOOP;
END $$;
COMMENT ON FUNCTION tsdb.add_dimension(regclass, tsdb.dimension, boolean) IS
'for its owner: divides ranges by a hash: those that are empty, and those that are made from now on';

CREATE FUNCTION tsdb.set_chunk_time_interval(hypertable regclass, chunk_time_interval anycompatible, dimension_name name DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	s record;
	i record;
BEGIN
	PERFORM tsdb.shard_require_owner(hypertable);
	PERFORM tsdb.shard_lock_settings(hypertable);
	s := tsdb.shard_settings(hypertable);
	IF s.time_column IS NULL OR dimension_name <> s.time_column THEN
		RAISE EXCEPTION 'table % has no shards by ranges of column "%"', hypertable, dimension_name USING ERRCODE = 'wrong_object_type';
	END IF;
	i := tsdb.shard_interval(s.time_type, chunk_time_interval::text, pg_typeof(chunk_time_interval));
	PERFORM tsdb.set_shards(hypertable, s.time_column, i.step, i.integer_step, s.hash_column, s.hash_partitions, s.ahead, s.servers);
END $$;
COMMENT ON FUNCTION tsdb.set_chunk_time_interval(regclass, anycompatible, name) IS
'for its owner: length of ranges that are made from now on';

CREATE FUNCTION tsdb.set_number_partitions(hypertable regclass, number_partitions integer, dimension_name name DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
	s record;
BEGIN
	PERFORM tsdb.shard_require_owner(hypertable);
	PERFORM tsdb.shard_lock_settings(hypertable);
	s := tsdb.shard_settings(hypertable);
	IF s.hash_column IS NULL OR dimension_name <> s.hash_column THEN
		RAISE EXCEPTION 'table % has no shards by hash', hypertable USING ERRCODE = 'wrong_object_type',
			HINT = 'tsdb.add_dimension adds a hash to ranges.';
	ELSIF s.time_column IS NULL THEN
		RAISE EXCEPTION 'number of partitions of a table partitioned by hash alone cannot be changed' USING ERRCODE = 'feature_not_supported';
	ELSIF number_partitions IS NULL OR number_partitions NOT BETWEEN 1 AND 1024 THEN
		RAISE EXCEPTION 'number of partitions must be between 1 and 1024' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	PERFORM tsdb.set_shards(hypertable, s.time_column, s.step, s.integer_step, s.hash_column, number_partitions, s.ahead, s.servers);
END $$;
COMMENT ON FUNCTION tsdb.set_number_partitions(regclass, integer, name) IS
'for its owner: into how many parts ranges that are made from now on are divided by hash';

--
-- Background workers.  What they do by themselves is told from shared memory; jobs that users add are rows of tsdb.job.
--
-- Everybody may read and write tsdb.job, as a trigger sees to it that one writes rows of roles that he is a member of.  No security barrier
-- lies in the functions below: they are conveniences that run as their caller, and a dump is restored by plain COPY.
--

CREATE SEQUENCE tsdb.job_id AS integer START 1000;
COMMENT ON SEQUENCE tsdb.job_id IS 'numbers of jobs';
GRANT USAGE, SELECT ON SEQUENCE tsdb.job_id TO PUBLIC;
-- a restore sets it; nobody else may, since whoever set it to its end would keep all from adding jobs
GRANT UPDATE ON SEQUENCE tsdb.job_id TO pg_database_owner;

-- (An interval with parts of either sign may be short and yet lead far out of the range of timestamps.  Workers add those below to now() for all users' jobs.)
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
	scheduled boolean NOT NULL DEFAULT true,
	CONSTRAINT job_schedule_interval_sign CHECK (0 <= ALL (ARRAY[extract(year FROM schedule_interval), extract(month FROM schedule_interval), extract(day FROM schedule_interval), extract(hour FROM schedule_interval), extract(minute FROM schedule_interval), extract(second FROM schedule_interval)])),
	CONSTRAINT job_retry_period_sign CHECK (0 <= ALL (ARRAY[extract(year FROM retry_period), extract(month FROM retry_period), extract(day FROM retry_period), extract(hour FROM retry_period), extract(minute FROM retry_period), extract(second FROM retry_period)]))
) USING heap;
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
) USING heap;
COMMENT ON TABLE tsdb.job_stat IS 'when jobs ran and will run; written by workers';

CREATE TABLE tsdb.job_error (
	job_id integer NOT NULL REFERENCES tsdb.job ON DELETE CASCADE,
	start_time timestamptz NOT NULL,
	finish_time timestamptz,
	sqlerrcode text,
	err_message text
) USING heap;
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
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
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
BEGIN
	SELECT a.atttypid INTO key_type FROM pg_partitioned_table q, pg_attribute a
	WHERE q.partrelid = relation AND q.partstrat = 'r' AND q.partnatts = 1 AND a.attrelid = relation AND a.attnum = q.partattrs[0];
	IF FOUND THEN
		RETURN QUERY EXECUTE format('SELECT r.partition FROM tsdb.shard_ranges($1) r JOIN pg_class c ON c.oid = r.partition
			WHERE c.relkind IN (''r'', ''p'') AND r.hi::%1$s <= $2::%1$s ORDER BY c.oid', key_type) USING relation, "limit";
	END IF;
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

	-- A snapshot that is older would not see the rows where they are now, if that is here: such transactions are told.
	PERFORM tsdb.count_moved_rows(s.relation, moved)
	   FROM tsdb.shards s JOIN pg_partition_ancestors(partition) p (relid) ON p.relid = s.relation WHERE moved > 0;

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

	-- Who has read something on that server may have a snapshot there that does not see the rows, and keeps it to its transaction's end.
	-- It also keeps a lock on what it read: wait for that, and let nobody in before we commit.  First where it may be,
	-- last this table: who is waited for may yet read it.
	FOR other IN
		SELECT format('%I.%I', n.nspname, c.relname) AS name, pg_get_userbyid(c.relowner) AS owner
		  FROM pg_foreign_table f
		  JOIN pg_foreign_server s ON s.oid = f.ftserver
		  JOIN pg_class c ON c.oid = f.ftrelid
		  JOIN pg_namespace n ON n.oid = c.relnamespace
		 WHERE s.srvname = target AND c.relpersistence <> 't' ORDER BY pg_partition_root(f.ftrelid) IS NOT DISTINCT FROM root, f.ftrelid
	LOOP
		-- the owner stays the same: only the lock is wanted, and LOCK TABLE does not take foreign tables
		EXECUTE format('ALTER FOREIGN TABLE %s OWNER TO %I', other.name, other.owner);
	END LOOP;

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
