/* tsdb_am--1.0--1.1.sql */

-- What is new in 1.1.  CREATE EXTENSION runs the script of 1.0 and then this one, ALTER EXTENSION ... UPDATE this one alone,
-- so both end with the same objects.

-- complain if script is sourced in psql, rather than via CREATE EXTENSION or ALTER EXTENSION
\echo Use "ALTER EXTENSION tsdb_am UPDATE TO '1.1'" to load this file. \quit

-- The schema that CREATE EXTENSION names may be somebody's who has put functions and operators there: nothing is looked up in it.
SET LOCAL search_path = pg_catalog, pg_temp;

--
-- Security
--

-- The script of 1.0 once looked up operators and functions in that schema, too.  What it found there would now run as whoever uses a view,
-- or as the extension's owner: such an installation is not made a good one by an update.  (What is pg_catalog's has no entry in pg_depend.)
DO $$
DECLARE
	foreign_object text;
BEGIN
	SELECT pg_describe_object(d.refclassid, d.refobjid, 0) INTO foreign_object
	  FROM pg_depend d
	 WHERE d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass)
	   AND d.classid IN ('pg_rewrite'::regclass, 'pg_constraint'::regclass, 'pg_attrdef'::regclass, 'pg_class'::regclass, 'pg_proc'::regclass)
	   AND EXISTS (SELECT FROM pg_depend own, pg_extension e
					WHERE own.classid = CASE WHEN d.classid = 'pg_proc'::regclass THEN 'pg_proc'::regclass ELSE 'pg_class'::regclass END
					  AND own.objid = CASE d.classid
							WHEN 'pg_rewrite'::regclass THEN (SELECT r.ev_class FROM pg_rewrite r WHERE r.oid = d.objid)
							WHEN 'pg_constraint'::regclass THEN (SELECT c.conrelid FROM pg_constraint c WHERE c.oid = d.objid)
							WHEN 'pg_attrdef'::regclass THEN (SELECT a.adrelid FROM pg_attrdef a WHERE a.oid = d.objid)
							WHEN 'pg_class'::regclass THEN coalesce((SELECT i.indrelid FROM pg_index i WHERE i.indexrelid = d.objid), d.objid)
							ELSE d.objid END
					  AND own.deptype = 'e' AND own.refclassid = 'pg_extension'::regclass AND own.refobjid = e.oid AND e.extname = 'tsdb_am')
	   AND NOT EXISTS (SELECT FROM pg_depend own, pg_extension e
						WHERE own.classid = d.refclassid AND own.objid = d.refobjid
						  AND own.deptype = 'e' AND own.refclassid = 'pg_extension'::regclass AND own.refobjid = e.oid AND e.extname = 'tsdb_am')
	 LIMIT 1;
	IF FOUND THEN
		RAISE EXCEPTION 'extension "tsdb_am" depends on %', foreign_object USING ERRCODE = 'object_not_in_prerequisite_state',
			DETAIL = 'It was there when the extension was created, and its owner''s code is run by others.',
			HINT = 'Find out who made it. Dump the tables, drop the extension and that object, and create the extension anew.';
	END IF;
END $$;

-- A condition of the reader's own must not see rows that these are to hide.
ALTER VIEW tsdb.jobs SET (security_barrier = true);
ALTER VIEW tsdb.job_errors SET (security_barrier = true);
ALTER VIEW tsdb.job_next SET (security_barrier = true);

-- Configs are for members of the job's role.  (pg_dump reads the whole row: it needs the database's owner, or a role that may read all data.)
REVOKE SELECT ON tsdb.job FROM PUBLIC;
GRANT SELECT (id, owner, relation, proc_schema, proc_name, schedule_interval, initial_start, timezone, max_runtime, max_retries, retry_period, scheduled)
	ON tsdb.job TO PUBLIC;
GRANT SELECT ON tsdb.job TO pg_database_owner;
COMMENT ON TABLE tsdb.job IS 'jobs: what to call, when, as whom; all but their configs readable by all, written through tsdb.add_job and the like';

CREATE VIEW tsdb.job_config WITH (security_barrier = true) AS
SELECT j.id AS job_id, j.config FROM tsdb.job j WHERE pg_has_role(j.owner, 'MEMBER');
COMMENT ON VIEW tsdb.job_config IS 'configs of jobs of one''s own';
GRANT SELECT ON tsdb.job_config TO PUBLIC;

CREATE OR REPLACE FUNCTION tsdb.add_policy(relation regclass, proc_name name, config jsonb, schedule_interval interval, if_not_exists boolean,
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
	SELECT j.id, c.config INTO old FROM tsdb.job j LEFT JOIN tsdb.job_config c ON c.job_id = j.id
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

CREATE OR REPLACE FUNCTION tsdb.alter_job(job_id integer, schedule_interval interval DEFAULT NULL, max_runtime interval DEFAULT NULL,
	max_retries integer DEFAULT NULL, retry_period interval DEFAULT NULL, scheduled boolean DEFAULT NULL, config jsonb DEFAULT NULL,
	next_start timestamptz DEFAULT NULL, if_exists boolean DEFAULT false, initial_start timestamptz DEFAULT NULL, timezone text DEFAULT NULL)
RETURNS TABLE (id integer, new_schedule_interval interval, new_max_runtime interval, new_max_retries integer, new_retry_period interval,
	new_scheduled boolean, new_config jsonb, new_next_start timestamptz)
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	policy record;
	column_type regtype;
BEGIN
	UPDATE tsdb.job j SET
		schedule_interval = coalesce(alter_job.schedule_interval, j.schedule_interval),
		max_runtime = coalesce(alter_job.max_runtime, j.max_runtime),
		max_retries = coalesce(alter_job.max_retries, j.max_retries),
		retry_period = coalesce(alter_job.retry_period, j.retry_period),
		scheduled = coalesce(alter_job.scheduled, j.scheduled),
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
	IF alter_job.config IS NOT NULL THEN
		-- what add_retention_policy and add_compression_policy refuse
		SELECT j.relation, j.proc_name INTO policy FROM tsdb.job j WHERE j.id = alter_job.job_id AND j.proc_schema = 'tsdb' AND j.relation IS NOT NULL;
		IF policy.proc_name = 'policy_retention' THEN
			PERFORM tsdb.retention_config(alter_job.config->>'drop_after', (alter_job.config->>'max_size')::bigint, (alter_job.config->>'max_rows_per_series')::bigint);
			column_type := (tsdb.policy_target(policy.relation)).time_type;
			IF (alter_job.config->>'drop_after' ~ '^\s*[-+]?\d+\s*$') <> (column_type IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)) THEN
				RAISE EXCEPTION 'a time column of type % needs another drop_after', column_type USING ERRCODE = 'invalid_parameter_value',
					DETAIL = 'Integer columns need an integer, others an interval.';
			END IF;
		ELSIF policy.proc_name = 'policy_compression' AND ((alter_job.config->>'compress_after')::interval < '0') IS NOT FALSE THEN
			RAISE EXCEPTION 'compress_after must not be NULL or negative' USING ERRCODE = 'invalid_parameter_value';
		END IF;
		UPDATE tsdb.job j SET config = alter_job.config WHERE j.id = alter_job.job_id;
	END IF;
	IF alter_job.next_start IS NOT NULL THEN
		PERFORM tsdb.set_next_start(alter_job.job_id, alter_job.next_start);
	END IF;
	RETURN QUERY SELECT j.id, j.schedule_interval, j.max_runtime, j.max_retries, j.retry_period, j.scheduled, c.config, s.next_start
		FROM tsdb.job j LEFT JOIN tsdb.job_config c ON c.job_id = j.id LEFT JOIN tsdb.job_next s ON s.job_id = j.id WHERE j.id = alter_job.job_id;
END $$;

CREATE OR REPLACE FUNCTION tsdb.retention_config(drop_after text, max_size bigint, max_rows_per_series bigint)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp SET intervalstyle = postgres
AS $$
BEGIN
	IF drop_after IS NULL AND max_size IS NULL AND max_rows_per_series IS NULL THEN
		RAISE EXCEPTION 'a retention policy needs drop_after, max_size or max_rows_per_series' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF (CASE WHEN drop_after ~ '^\s*[-+]?\d+\s*$' THEN drop_after::numeric < 0 ELSE drop_after::interval < '0' END) THEN
		RAISE EXCEPTION 'drop_after must not be negative' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	IF max_size < 0 OR max_rows_per_series < 1 THEN
		RAISE EXCEPTION 'max_size must not be negative, max_rows_per_series must be positive' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	RETURN jsonb_strip_nulls(jsonb_build_object('drop_after', drop_after, 'max_size', max_size, 'max_rows_per_series', max_rows_per_series));
END $$;

-- A time as text is the same time for whoever reads it: other styles name time zones by abbreviations, which are read as others' (CST).
ALTER FUNCTION tsdb.policy_limit(regclass, jsonb) SET datestyle = 'ISO';
ALTER FUNCTION tsdb.policy_limit(regclass, jsonb) SET intervalstyle = postgres;

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

GRANT SELECT ON tsdb.cagg TO PUBLIC;

CREATE FUNCTION tsdb.cagg_stored(continuous_aggregate regclass)
RETURNS regclass
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
	result regclass := (SELECT g.stored FROM tsdb.cagg g WHERE continuous_aggregate IN (g.view, g.stored));
BEGIN
	IF result IS NULL THEN
		RAISE EXCEPTION '% is not a continuous aggregate', coalesce(continuous_aggregate::text, 'NULL') USING ERRCODE = 'wrong_object_type';
	END IF;
	RETURN result;
END $$;
COMMENT ON FUNCTION tsdb.cagg_stored(regclass) IS 'table of stored buckets of a continuous aggregate, or an error';

CREATE FUNCTION tsdb.cagg_info(stored regclass, OUT dirty_ranges text[], OUT lag interval)
AS 'MODULE_PATHNAME', 'tsdb_cagg_info'
LANGUAGE C STABLE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION tsdb.cagg_info(regclass) IS 'what a continuous aggregate has not stored yet; nothing for who may not read it';

CREATE VIEW tsdb.continuous_aggregates AS
SELECT g.view AS continuous_aggregate, g.stored, g.source, p.view AS reads, g.bucket_expr AS bucket, g.materialized_only,
	   i.lag, cardinality(i.dirty_ranges) AS dirty, i.dirty_ranges
  FROM tsdb.cagg g LEFT JOIN tsdb.cagg p ON p.stored = g.parent, LATERAL tsdb.cagg_info(g.stored) i
 WHERE i.dirty_ranges IS NOT NULL;
COMMENT ON VIEW tsdb.continuous_aggregates IS 'continuous aggregates that the user may read, and what they have not stored yet';
COMMENT ON COLUMN tsdb.continuous_aggregates.reads IS 'the continuous aggregate that it is made of; NULL = it reads the source itself';
COMMENT ON COLUMN tsdb.continuous_aggregates.lag IS 'age of the oldest bucket that has changed and is not stored yet; NULL = none, or all';
COMMENT ON COLUMN tsdb.continuous_aggregates.dirty IS 'number of dirty_ranges';
COMMENT ON COLUMN tsdb.continuous_aggregates.dirty_ranges IS 'first and last time of buckets that have changed and are not stored yet';
GRANT SELECT ON tsdb.continuous_aggregates TO PUBLIC;

--
-- Policies of continuous aggregates, and what retention has to do with them.
--

CREATE FUNCTION tsdb.add_continuous_aggregate_policy(continuous_aggregate regclass, start_offset anycompatible, end_offset anycompatible,
	schedule_interval interval DEFAULT NULL, if_not_exists boolean DEFAULT false, initial_start timestamptz DEFAULT NULL, timezone text DEFAULT NULL)
RETURNS integer
LANGUAGE plpgsql VOLATILE
SET search_path = pg_catalog, pg_temp SET intervalstyle = postgres
AS $$
DECLARE
	stored regclass := tsdb.cagg_stored(continuous_aggregate);
	type regtype := (SELECT a.atttypid FROM tsdb.cagg g, pg_attribute a WHERE g.stored = tsdb.cagg_stored(continuous_aggregate) AND a.attrelid = g.stored AND a.attnum = g.bucket_column);
	offsets text[] := ARRAY[start_offset::text, end_offset::text];
	bad boolean;
BEGIN
	IF type IN ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype) THEN
		offsets := ARRAY[(offsets[1]::interval)::text, (offsets[2]::interval)::text];
		bad := offsets[1]::interval <= offsets[2]::interval;
	ELSE
		offsets := ARRAY[(offsets[1]::bigint)::text, (offsets[2]::bigint)::text];
		bad := offsets[1]::bigint <= offsets[2]::bigint;
	END IF;
	IF bad THEN
		RAISE EXCEPTION 'start_offset must be greater than end_offset' USING ERRCODE = 'invalid_parameter_value',
			DETAIL = 'Buckets from start_offset to end_offset before now are refreshed; NULL = no bound.';
	END IF;
	RETURN tsdb.add_policy(stored, 'policy_refresh', jsonb_build_object('start_offset', offsets[1], 'end_offset', offsets[2]),
		coalesce(schedule_interval, '1 hour'), if_not_exists, initial_start, timezone);
END $$;
COMMENT ON FUNCTION tsdb.add_continuous_aggregate_policy(regclass, anycompatible, anycompatible, interval, boolean, timestamptz, text) IS
'has a continuous aggregate refreshed by itself; returns the number of the job, -1 = there was one';

CREATE FUNCTION tsdb.remove_continuous_aggregate_policy(continuous_aggregate regclass, if_exists boolean DEFAULT false)
RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$ SELECT tsdb.remove_policy(tsdb.cagg_stored(continuous_aggregate), 'policy_refresh', if_exists) $$;
COMMENT ON FUNCTION tsdb.remove_continuous_aggregate_policy(regclass, boolean) IS 'ends what add_continuous_aggregate_policy began';

CREATE PROCEDURE tsdb.policy_refresh(job_id integer, config jsonb)
LANGUAGE plpgsql
AS $$
DECLARE
	g record;
	kind pg_catalog.regtype;
	lo pg_catalog.text;
	hi pg_catalog.text;
BEGIN
	PERFORM pg_catalog.set_config('datestyle', 'ISO', true);
	SELECT c.* INTO g FROM tsdb.job j JOIN tsdb.cagg c ON c.stored OPERATOR(pg_catalog.=) j.relation WHERE j.id OPERATOR(pg_catalog.=) job_id;
	IF NOT FOUND THEN
		RETURN;
	END IF;
	SELECT a.atttypid INTO kind FROM pg_catalog.pg_attribute a
	WHERE a.attrelid OPERATOR(pg_catalog.=) g.stored AND a.attnum OPERATOR(pg_catalog.=) g.bucket_column;
	IF kind OPERATOR(pg_catalog.=) ANY (ARRAY['timestamptz'::pg_catalog.regtype, 'timestamp'::pg_catalog.regtype, 'date'::pg_catalog.regtype]) THEN
		EXECUTE pg_catalog.format('SELECT (pg_catalog.now() OPERATOR(pg_catalog.-) %L::pg_catalog.interval)::%3$s::pg_catalog.text,
			(pg_catalog.now() OPERATOR(pg_catalog.-) %2$L::pg_catalog.interval)::%3$s::pg_catalog.text',
			config OPERATOR(pg_catalog.->>) 'start_offset', config OPERATOR(pg_catalog.->>) 'end_offset', kind) INTO lo, hi;
	ELSE
		-- integers have no now: the newest row tells
		EXECUTE pg_catalog.format('SELECT (m OPERATOR(pg_catalog.-) %L::pg_catalog.int8)::pg_catalog.text, (m OPERATOR(pg_catalog.-) %L::pg_catalog.int8)::pg_catalog.text
			FROM (SELECT pg_catalog.max(%I)::pg_catalog.int8 AS m FROM %s) x',
			config OPERATOR(pg_catalog.->>) 'start_offset', config OPERATOR(pg_catalog.->>) 'end_offset', g.time_column, g.source) INTO lo, hi;
	END IF;
	EXECUTE pg_catalog.format('CALL tsdb.refresh_continuous_aggregate(%L::pg_catalog.regclass, %L, %L)', g.stored, lo, hi);
END $$;
COMMENT ON PROCEDURE tsdb.policy_refresh(integer, jsonb) IS 'what a policy of a continuous aggregate does';

CREATE FUNCTION tsdb.cagg_keep(relation regclass, before text, time_column name)
RETURNS void
AS 'MODULE_PATHNAME', 'tsdb_cagg_keep'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION tsdb.cagg_keep(regclass, text, name) IS
'for retention by that column: buckets of rows before that time are kept as they are; an error if some have not been taken';

CREATE FUNCTION tsdb.cagg_limit(relation regclass, before text, time_column name)
RETURNS text
AS 'MODULE_PATHNAME', 'tsdb_cagg_limit'
LANGUAGE C STABLE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION tsdb.cagg_limit(regclass, text, name) IS
'for retention: that time, or an earlier one before which continuous aggregates have taken all rows; NULL = none';

-- Between the look at what has been taken and the drop nobody may write.
CREATE FUNCTION tsdb.cagg_keep_locked(relation regclass, before text, time_column name)
RETURNS void
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
	IF EXISTS (SELECT FROM tsdb.cagg g WHERE g.time_column = cagg_keep_locked.time_column
			   AND (g.source = relation OR g.source IN (SELECT a FROM pg_partition_ancestors(relation) a))) THEN
		PERFORM set_config('lock_timeout', '2s', true);
		EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', relation);
		PERFORM tsdb.cagg_keep(relation, before, time_column);
	END IF;
END $$;
COMMENT ON FUNCTION tsdb.cagg_keep_locked(regclass, text, name) IS 'cagg_keep, with writers kept out to the end of the transaction';

CREATE OR REPLACE PROCEDURE tsdb.policy_retention(job_id integer, config jsonb)
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
	-- also if somebody wrote it into tsdb.job by himself
	PERFORM tsdb.retention_config(config OPERATOR(pg_catalog.->>) 'drop_after', (config OPERATOR(pg_catalog.->>) 'max_size')::pg_catalog.int8,
		(config OPERATOR(pg_catalog.->>) 'max_rows_per_series')::pg_catalog.int8);
	upto := tsdb.policy_limit(rel, config);
	IF upto IS NOT NULL THEN
		-- what is rolled up stays; what is not yet, is not dropped
		upto := tsdb.cagg_limit(rel, upto, t.time_column);
	END IF;
	IF upto IS NOT NULL THEN
		-- whole partitions; a lock that is not to be had soon is an error, and the job is tried again
		FOR part IN SELECT p FROM tsdb.policy_partitions(rel, upto) p LOOP
			PERFORM pg_catalog.set_config('lock_timeout', '2s', true);
			PERFORM tsdb.cagg_keep_locked(rel, upto, t.time_column);
			EXECUTE pg_catalog.format('DROP TABLE %s', part);
			COMMIT;
		END LOOP;
		-- then chunks, some at a time: a DELETE of all rows of a chunk drops it
		FOR part IN SELECT p FROM tsdb.policy_tables(rel) p LOOP
			last_step := NULL;
			LOOP
				-- times go through text here, see policy_limit; ends with the transaction
				PERFORM pg_catalog.set_config('datestyle', 'ISO', true);
				EXECUTE pg_catalog.format('SELECT pg_catalog.max(u)::pg_catalog.text FROM (SELECT c.time_to::%1$s AS u
					FROM tsdb.chunk_info(%2$L) c WHERE c.time_to::%1$s OPERATOR(pg_catalog.<) %3$L::%1$s ORDER BY 1 LIMIT 16) x',
					t.time_type, part, upto) INTO step;
				EXIT WHEN step IS NULL;
				PERFORM tsdb.cagg_keep_locked(rel, upto, t.time_column);
				EXECUTE pg_catalog.format('DELETE FROM %1$s WHERE %2$I OPERATOR(pg_catalog.<=) %3$L::%4$s', part, t.time_column, step, t.time_type);
				COMMIT;
				-- chunks that others use keep their rows' marks, and their times
				EXIT WHEN step OPERATOR(pg_catalog.=) last_step;
				last_step := step;
			END LOOP;
			-- and rows
			PERFORM tsdb.cagg_keep_locked(rel, upto, t.time_column);
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

CREATE OR REPLACE FUNCTION tsdb.drop_shards_between(relation regclass, older_than text, newer_than text)
RETURNS SETOF text
LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
SET search_path = pg_catalog, pg_temp SET datestyle = 'ISO'
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
	-- all of the oldest rows: what continuous aggregates have made of them stays
	IF newer_than IS NULL AND EXISTS (SELECT FROM tsdb.cagg g WHERE g.source = relation) THEN
		EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', relation);
		EXECUTE format('SELECT tsdb.cagg_keep($1, (SELECT max(r.hi::%s)::text FROM tsdb.shard_ranges($1) r WHERE r.partition = ANY ($2)), $3)',
			(tsdb.shard_settings(relation)).time_type) USING relation, partitions, (tsdb.shard_settings(relation)).time_column;
	END IF;
	FOREACH p IN ARRAY partitions LOOP
		RETURN NEXT p::text;
		EXECUTE format('DROP %s %s', CASE WHEN (SELECT c.relkind = 'f' FROM pg_class c WHERE c.oid = p) THEN 'FOREIGN TABLE' ELSE 'TABLE' END, p);
	END LOOP;
END $$;


--
-- Reads of chunks
--

CREATE FUNCTION tsdb.chunk_reads(relation regclass)
RETURNS TABLE ("table" regclass, chunk oid, cold boolean, reads_per_day double precision, last_read timestamptz)
AS 'MODULE_PATHNAME', 'tsdb_sql_chunk_reads'
LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED ROWS 100;
COMMENT ON FUNCTION tsdb.chunk_reads(regclass) IS
'for its owner and members of pg_read_all_stats: chunks of a table, whether they are encoded for size, how often they are read (in how many of 144 spans of ten minutes; an estimate; NULL = the chunk index does not have them), and when last (to ten minutes; NULL = not since the index has them)';


--
-- Damaged tables
--

CREATE FUNCTION tsdb.salvage(relation regclass, target regclass, null_damaged boolean DEFAULT false)
RETURNS TABLE ("table" regclass, chunk oid, rows_copied bigint, rows_lost bigint, damaged_columns name[], problem text)
AS 'MODULE_PATHNAME', 'tsdb_sql_salvage'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE ROWS 10;
COMMENT ON FUNCTION tsdb.salvage(regclass, regclass, boolean) IS
'copies the rows of a damaged table that can be read into another table; one row of the result for all that was sound, and one for each chunk that was not';
