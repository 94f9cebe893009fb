/* tsdb_am--1.0--1.1.sql */

-- What is new in 1.1.  CREATE EXTENSION runs the script of 1.0 and then this one, ALTER EXTENSION ... UPDATE this one alone,
-- so both end with the same objects.

-- complain if script is sourced in psql, rather than via CREATE EXTENSION or ALTER EXTENSION
\echo Use "ALTER EXTENSION tsdb_am UPDATE TO '1.1'" to load this file. \quit

--
-- Continuous aggregates.  src/cagg/README.md tells how they work, doc/continuous.md what for.
--
-- Nobody but the library writes these tables; a dump is restored by COPY, as the owner of the extension.
--

CREATE TABLE tsdb.cagg (
	stored regclass NOT NULL,
	view regclass NOT NULL,
	source regclass NOT NULL,
	parent regclass,
	time_column name NOT NULL,
	bucket_column smallint NOT NULL,
	bucket_expr text NOT NULL,
	materialized_only boolean NOT NULL DEFAULT false,
	kept_before bigint
) USING heap;
COMMENT ON TABLE tsdb.cagg IS 'continuous aggregates';
COMMENT ON COLUMN tsdb.cagg.stored IS 'table of stored buckets';
COMMENT ON COLUMN tsdb.cagg.view IS 'what queries read';
COMMENT ON COLUMN tsdb.cagg.source IS 'table whose rows it is made of, through other continuous aggregates too';
COMMENT ON COLUMN tsdb.cagg.parent IS 'stored buckets of the continuous aggregate whose view it reads; NULL = it reads the source itself';
COMMENT ON COLUMN tsdb.cagg.time_column IS 'of the source';
COMMENT ON COLUMN tsdb.cagg.bucket_column IS 'number of the column of buckets';
COMMENT ON COLUMN tsdb.cagg.bucket_expr IS 'start of the bucket of a time $1';
COMMENT ON COLUMN tsdb.cagg.materialized_only IS 'the view shows stored buckets only';
COMMENT ON COLUMN tsdb.cagg.kept_before IS 'buckets before that time stay as they are: retention has dropped rows that they were made of';

CREATE TABLE tsdb.cagg_dirty (
	stored regclass NOT NULL,
	first bigint NOT NULL,
	last bigint NOT NULL
) USING heap;
COMMENT ON TABLE tsdb.cagg_dirty IS 'times of rows that changed since continuous aggregates were refreshed: microseconds or days since 2000, or integers';

SELECT pg_catalog.pg_extension_config_dump('tsdb.cagg', 'WHERE EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) view)');
SELECT pg_catalog.pg_extension_config_dump('tsdb.cagg_dirty',
	'WHERE EXISTS (SELECT FROM tsdb.cagg g WHERE g.stored OPERATOR(pg_catalog.=) cagg_dirty.stored)');

CREATE FUNCTION tsdb.cagg_changed()
RETURNS trigger
AS 'MODULE_PATHNAME', 'tsdb_cagg_changed'
LANGUAGE C;
COMMENT ON FUNCTION tsdb.cagg_changed() IS 'has all sessions look again which tables have continuous aggregates';
CREATE TRIGGER changed AFTER INSERT OR UPDATE OR DELETE ON tsdb.cagg
	FOR EACH ROW EXECUTE FUNCTION tsdb.cagg_changed();

-- What views of continuous aggregates are made of.
CREATE FUNCTION tsdb.cagg_fresh(stored regclass, OUT stored_too boolean, OUT ranges bigint[])
AS 'MODULE_PATHNAME', 'tsdb_cagg_fresh'
LANGUAGE C STABLE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION tsdb.cagg_fresh(regclass) IS 'which times a continuous aggregate computes from its source: pairs of first and last';

CREATE FUNCTION tsdb.cagg_in(bucket anyelement, ranges bigint[])
RETURNS boolean
AS 'MODULE_PATHNAME', 'tsdb_cagg_in'
LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tsdb.cagg_in(anyelement, bigint[]) IS 'does a time lie in one of these ranges?';

CREATE FUNCTION tsdb.cagg_ranges(ranges bigint[], type anyelement, OUT range_start anyelement, OUT range_end anyelement)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'tsdb_cagg_ranges'
LANGUAGE C IMMUTABLE PARALLEL SAFE ROWS 2;
COMMENT ON FUNCTION tsdb.cagg_ranges(bigint[], anyelement) IS 'ranges as rows of times, both ends belonging to them';

CREATE FUNCTION tsdb.create_continuous_aggregate(name text, query text, materialized_only boolean DEFAULT false, with_data boolean DEFAULT true,
	if_not_exists boolean DEFAULT false)
RETURNS void
AS 'MODULE_PATHNAME', 'tsdb_cagg_create_call'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION tsdb.create_continuous_aggregate(text, text, boolean, boolean, boolean) IS
'makes a continuous aggregate, as CREATE MATERIALIZED VIEW ... WITH (tsdb.continuous) does';

CREATE PROCEDURE tsdb.refresh_continuous_aggregate(continuous_aggregate regclass, window_start "any", window_end "any", force boolean DEFAULT false)
AS 'MODULE_PATHNAME', 'tsdb_cagg_refresh_call'
LANGUAGE C;
COMMENT ON PROCEDURE tsdb.refresh_continuous_aggregate(regclass, "any", "any", boolean) IS
'stores the buckets of a window that have changed, or with force all; NULL = no bound';

CREATE FUNCTION tsdb.refresh_window(continuous_aggregate regclass, window_start "any", window_end "any", force boolean DEFAULT false)
RETURNS bigint
AS 'MODULE_PATHNAME', 'tsdb_cagg_refresh_call'
LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION tsdb.refresh_window(regclass, "any", "any", boolean) IS
'as refresh_continuous_aggregate; returns the rows that were stored';

CREATE FUNCTION tsdb.add_continuous_aggregate_column(continuous_aggregate regclass, column_name name, expression text)
RETURNS void
AS 'MODULE_PATHNAME', 'tsdb_cagg_add_column'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION tsdb.add_continuous_aggregate_column(regclass, name, text) IS
'adds a column to a continuous aggregate, for its owner; all buckets are to be refreshed then';

CREATE FUNCTION tsdb.alter_continuous_aggregate(continuous_aggregate regclass, materialized_only boolean)
RETURNS void
AS 'MODULE_PATHNAME', 'tsdb_cagg_alter'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION tsdb.alter_continuous_aggregate(regclass, boolean) IS
'whether a continuous aggregate shows stored buckets only, or computes those that have changed';

CREATE FUNCTION tsdb.cagg_keep(source regclass, before text)
RETURNS void
AS 'MODULE_PATHNAME', 'tsdb_cagg_keep'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION tsdb.cagg_keep(regclass, text) IS
'for retention: buckets of rows before that time are kept as they are; an error if some have not been taken';
