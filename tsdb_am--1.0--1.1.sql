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
		UPDATE tsdb.job j SET config = alter_job.config WHERE j.id = alter_job.job_id;
	END IF;
	IF alter_job.next_start IS NOT NULL THEN
		PERFORM tsdb.set_next_start(alter_job.job_id, alter_job.next_start);
	END IF;
	RETURN QUERY SELECT j.id, j.schedule_interval, j.max_runtime, j.max_retries, j.retry_period, j.scheduled, c.config, s.next_start
		FROM tsdb.job j LEFT JOIN tsdb.job_config c ON c.job_id = j.id LEFT JOIN tsdb.job_next s ON s.job_id = j.id WHERE j.id = alter_job.job_id;
END $$;
