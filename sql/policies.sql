-- Jobs and policies, called by hand: the workers are off here.  Likeliest bugs: somebody else's job changed or run, a row dropped that is
-- too young, one that stays, a policy that stops at a partition border.
SET client_min_messages = warning;
DROP ROLE IF EXISTS regress_jobs_a;
DROP ROLE IF EXISTS regress_jobs_b;
DROP ROLE IF EXISTS regress_jobs_nologin;
CREATE ROLE regress_jobs_a LOGIN;
CREATE ROLE regress_jobs_b LOGIN;
CREATE ROLE regress_jobs_nologin;
RESET client_min_messages;
CREATE SCHEMA policies;
GRANT ALL ON SCHEMA policies TO regress_jobs_a, regress_jobs_b, regress_jobs_nologin;
SET search_path = policies, public;

-- arguments
SET ROLE regress_jobs_a;
CREATE TABLE cpu (time timestamptz NOT NULL, host text, v float8) USING tsdb WITH (segmentby = 'host', orderby = 'time');
CREATE TABLE plain (a int);
CREATE TEMP TABLE temporary (time timestamptz) USING tsdb;
CREATE TABLE ints (tick int NOT NULL, v int, PRIMARY KEY (tick)) USING tsdb;
CREATE TABLE none (v text) USING tsdb;
SELECT tsdb.add_retention_policy('cpu');
SELECT tsdb.add_retention_policy('cpu', max_size => -1);
SELECT tsdb.add_retention_policy('cpu', 5);
SELECT tsdb.add_retention_policy('ints', interval '1 day');
SELECT tsdb.add_retention_policy('none', interval '1 day');
SELECT tsdb.add_retention_policy('ints', 10, max_rows_per_series => 3);
SELECT tsdb.add_retention_policy('plain', interval '1 day');
SELECT tsdb.add_retention_policy('temporary', interval '1 day');
SELECT tsdb.add_retention_policy(NULL, interval '1 day');
SELECT tsdb.add_compression_policy('cpu', NULL);
SELECT tsdb.add_compression_policy('plain', interval '1 day');
SELECT tsdb.add_retention_policy('cpu', interval '10 days') > 0 AS added;
SELECT tsdb.add_retention_policy('cpu', interval '10 days');
SELECT tsdb.add_retention_policy('cpu', interval '10 days', if_not_exists => true);
SELECT tsdb.add_retention_policy('cpu', interval '11 days', if_not_exists => true);
SELECT tsdb.add_compression_policy('cpu', interval '1 day', schedule_interval => interval '2 hours') > 0 AS added;
SELECT kind, relation, config, owner, scheduled, schedule_interval, last_status FROM tsdb.jobs WHERE job_id IS NOT NULL ORDER BY job_id;

-- jobs of one's own
CREATE TABLE log (id int, config jsonb, who name);
CREATE PROCEDURE p(id int, config jsonb) LANGUAGE plpgsql AS $$ BEGIN INSERT INTO policies.log VALUES (1, config, current_user); COMMIT; INSERT INTO policies.log VALUES (2, config, current_user); END $$;
CREATE FUNCTION f(id int, config jsonb) RETURNS int LANGUAGE plpgsql AS $$ BEGIN INSERT INTO policies.log VALUES (3, config, current_user); RETURN 1; END $$;
CREATE FUNCTION other(id int) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION fails(id int, config jsonb) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'fails'; END $$;
SELECT tsdb.add_job('other', '1 hour');
SELECT tsdb.add_job('f', NULL);
SELECT tsdb.add_job('f', '-1 hour');
SELECT tsdb.add_job('p', '1 hour', '{"a": 1}') AS p \gset
SELECT tsdb.add_job('f', '1 hour', scheduled => false) AS f \gset
SELECT tsdb.add_job('fails', '1 hour') AS fails \gset
CALL tsdb.run_job(:p);
CALL tsdb.run_job(:f);
CALL tsdb.run_job(:fails);
CALL tsdb.run_job(999999999);
CALL tsdb.run_job(NULL);
BEGIN;
CALL tsdb.run_job(:f);
CALL tsdb.run_job(:p);
ROLLBACK;
SELECT * FROM log ORDER BY id;
SELECT new_schedule_interval, new_max_runtime, new_max_retries, new_retry_period, new_scheduled, new_config, new_next_start
FROM tsdb.alter_job(:f, schedule_interval => '5 min', max_runtime => '1 min', max_retries => 3, retry_period => '10 s', scheduled => true, config => '{"b": 2}',
	next_start => '2100-01-01 00:00+00');
SELECT next_start AT TIME ZONE 'UTC' AS next_start, schedule_interval, config FROM tsdb.jobs WHERE job_id = :f;
SELECT tsdb.alter_job(999999999);
SELECT tsdb.alter_job(999999999, if_exists => true);
SELECT tsdb.alter_job(:f, max_retries => -2);
DROP FUNCTION fails;
CALL tsdb.run_job(:fails);
SELECT tsdb.delete_job(:fails);
SELECT tsdb.delete_job(:fails);

-- others
SET ROLE regress_jobs_b;
SELECT tsdb.add_retention_policy('cpu', interval '1 day');
SELECT tsdb.remove_retention_policy('cpu');
SELECT tsdb.alter_job(:p, scheduled => false);
SELECT tsdb.delete_job(:p);
CALL tsdb.run_job(:p);
SELECT tsdb.set_next_start(:p, now());
UPDATE tsdb.job SET config = '{}' WHERE id = :p;
UPDATE tsdb.job SET owner = 'regress_jobs_a' WHERE false;
INSERT INTO tsdb.job (owner, proc_schema, proc_name, schedule_interval) VALUES ('regress_jobs_a', 'policies', 'p', '1 hour');
INSERT INTO tsdb.job (owner, proc_schema, proc_name, schedule_interval) VALUES ('regress_jobs_b', 'policies', 'p', '1 hour') RETURNING owner;
UPDATE tsdb.job SET owner = 'regress_jobs_a' WHERE owner = 'regress_jobs_b'::regrole;
DELETE FROM tsdb.job WHERE owner = 'regress_jobs_b'::regrole;
TRUNCATE tsdb.job;
-- nor name a table that somebody may make yet, whose owner would get the policy
INSERT INTO tsdb.job (owner, relation, proc_schema, proc_name, config, schedule_interval) VALUES ('regress_jobs_b', 4294967295, 'tsdb', 'policy_retention', '{"drop_after": "0"}', '1 hour');
-- short, and yet far out of the range of timestamps
\set VERBOSITY terse
INSERT INTO tsdb.job (owner, proc_schema, proc_name, schedule_interval) VALUES ('regress_jobs_b', 'policies', 'p', '-100000 months 3000020 days');
INSERT INTO tsdb.job (owner, proc_schema, proc_name, schedule_interval, retry_period) VALUES ('regress_jobs_b', 'policies', 'p', '1 hour', '1 month -30 days 1 s');
\set VERBOSITY default
UPDATE tsdb.job_stat SET next_start = now();
SELECT * FROM tsdb.job_error;
SELECT count(*) FROM tsdb.jobs WHERE job_id IS NOT NULL;
SELECT count(*) FROM tsdb.job_errors WHERE job_id IS NOT NULL;
CREATE FUNCTION mine(id int, config jsonb) RETURNS int LANGUAGE sql AS 'SELECT 1';
REVOKE ALL ON FUNCTION mine FROM PUBLIC;
SET ROLE regress_jobs_a;
SELECT tsdb.add_job('mine', '1 hour');
SET ROLE regress_jobs_nologin;
SELECT tsdb.add_job('f', '1 hour');

-- retention by age: chunks, rows of the row store, a row on the border stays
SET ROLE regress_jobs_a;
INSERT INTO cpu SELECT date_trunc('minute', now()) - i * interval '1 minute', 'h' || i % 3, i FROM generate_series(0, 28800) i;
SELECT tsdb.compress('cpu') >= 0 AS compressed;
INSERT INTO cpu VALUES (now() - interval '15 days', 'h1', 1), (now() - interval '10 days' + interval '5 minutes', 'h1', -1), (now() + interval '1 day', 'h2', -2), ('-infinity', 'h3', 0), ('infinity', 'h3', -3);
SELECT job_id AS r FROM tsdb.jobs WHERE relation = 'cpu'::regclass AND kind = 'retention' \gset
CALL tsdb.run_job(:r);
SELECT count(*) BETWEEN 14395 AND 14410 AS count, min(time) >= now() - interval '10 days 1 minute' AS min, count(*) FILTER (WHERE v < 0) AS young FROM cpu;
SELECT count(*) FROM tsdb.verify('cpu');
-- again, in a transaction
BEGIN;
CALL tsdb.run_job(:r);
COMMIT;
SELECT job_id AS c FROM tsdb.jobs WHERE relation = 'cpu'::regclass AND kind = 'compression' \gset
CALL tsdb.run_job(:c);
SELECT row_store_rows, chunk_rows BETWEEN 14395 AND 14410 AS chunk_rows FROM tsdb.tables WHERE relation = 'cpu'::regclass;
SELECT count(*) BETWEEN 14395 AND 14410 AS count FROM cpu;

-- integers: counted from the greatest
INSERT INTO ints SELECT i, i FROM generate_series(1, 3000) i;
SELECT tsdb.add_retention_policy('ints', 1000) AS i \gset
CALL tsdb.run_job(:i);
SELECT count(*), min(tick), max(tick) FROM ints;
SELECT tsdb.remove_retention_policy('ints');
SELECT tsdb.remove_retention_policy('ints');
SELECT tsdb.remove_retention_policy('ints', if_exists => true);

-- by rows of a series; names that need quotes
CREATE TABLE "Odd" ("order" timestamp NOT NULL, "Host name" text, "user" int, v int) USING tsdb WITH (segmentby = '"Host name", user', orderby = 'order');
INSERT INTO "Odd" SELECT timestamp '2024-01-01' + i * interval '1 s', 'h' || i % 4, i % 2, i FROM generate_series(1, 4000) i;
SELECT tsdb.add_retention_policy('"Odd"', max_rows_per_series => 10) AS o \gset
CALL tsdb.run_job(:o);
SELECT "Host name", "user", count(*), min(v), max(v) FROM "Odd" GROUP BY 1, 2 ORDER BY 1, 2;

-- by size
CREATE TABLE sized (time timestamptz NOT NULL, host int, v text) USING tsdb WITH (segmentby = 'host', orderby = 'time');
DO $$ BEGIN FOR d IN 1 .. 10 LOOP
	INSERT INTO policies.sized SELECT timestamptz '2024-01-01' + d * interval '1 day' + i * interval '1 s', 1, md5((d * 10000 + i)::text) FROM generate_series(1, 2000) i;
	PERFORM tsdb.compress('policies.sized');
END LOOP; END $$;
SELECT tsdb.add_retention_policy('sized', max_size => (SELECT (chunk_bytes / 2) FROM tsdb.tables WHERE relation = 'sized'::regclass)) AS s \gset
CALL tsdb.run_job(:s);
SELECT count(*) BETWEEN 4000 AND 12000 AS some, max(time) = timestamptz '2024-01-11' + interval '2000 s' AS newest,
	min(time) = date_trunc('day', min(time)) + interval '1 s' AS whole_days FROM sized;

-- partitions: whole ones go, then rows of the one on the border
CREATE TABLE parts (time timestamptz NOT NULL, host text, v int) PARTITION BY RANGE (time);
DO $$ BEGIN FOR d IN 0 .. 5 LOOP
	EXECUTE format('CREATE TABLE policies.parts_%s PARTITION OF policies.parts FOR VALUES FROM (%L) TO (%L) USING tsdb WITH (segmentby = ''host'')', d,
		date_trunc('day', now()) - (d + 1) * interval '1 day' + interval '1 day', date_trunc('day', now()) - d * interval '1 day' + interval '1 day');
END LOOP; END $$;
CREATE TABLE parts_other PARTITION OF parts DEFAULT USING tsdb;
INSERT INTO parts SELECT now() - i * interval '10 min', 'h' || i % 3, i FROM generate_series(0, 900) i;
SELECT tsdb.add_retention_policy('parts', interval '2 days 1 hour') AS x \gset
CALL tsdb.run_job(:x);
SELECT count(*), min(time) >= now() - interval '2 days 1 hour' AS young FROM parts;
SELECT count(*) BETWEEN 4 AND 5 AS left FROM pg_inherits WHERE inhparent = 'parts'::regclass;

-- dates in a form that names the zone as others do: China's CST is read as America's, 14 hours later
CREATE TABLE styled (time timestamptz NOT NULL, host text, v int) USING tsdb WITH (segmentby = 'host');
INSERT INTO styled SELECT now() - i * interval '1 hour', 'a', i FROM generate_series(0, 100) i;
SELECT tsdb.compress('styled') >= 0 AS compressed;
SELECT tsdb.add_retention_policy('styled', interval '48 hours 1 minute') AS y \gset
SET datestyle = 'SQL, MDY';
SET timezone = 'Asia/Shanghai';
CALL tsdb.run_job(:y);
SELECT current_setting('datestyle') AS style, count(*), max(v) FROM styled;
RESET datestyle;
RESET timezone;

-- limits that would drop everything, also where they are changed later
SELECT tsdb.add_retention_policy('cpu', interval '-1 day');
SELECT tsdb.add_retention_policy('ints', -10);
SELECT tsdb.alter_job(:y, config => '{"drop_after": "-1 day"}');
SELECT tsdb.alter_job(:y, config => '{"drop_after": 5}');
SELECT tsdb.alter_job(:y, config => '{"drop_after": "2 days", "max_rows_per_series": 0}');
SELECT tsdb.alter_job(:y, config => '{"max_size": -1}');
SELECT tsdb.alter_job(:y, config => '{}');
SELECT tsdb.alter_job(:y, config => '[]');
SELECT new_config FROM tsdb.alter_job(:y, config => '{"drop_after": "12:00:00", "max_size": 1000000000}');
UPDATE tsdb.job SET config = '{"max_rows_per_series": -1}' WHERE id = :y;
CALL tsdb.run_job(:y);
SELECT count(*) FROM styled;
SELECT tsdb.add_compression_policy('styled', interval '1 day') AS z \gset
SELECT tsdb.alter_job(:z, config => '{"compress_after": "-1 day"}');
SELECT tsdb.alter_job(:z, config => '{}');
SELECT new_config FROM tsdb.alter_job(:z, config => '{"compress_after": "2 days"}');

-- a schedule by the clock
SELECT tsdb.job_next_start(now(), '1 day', '2000-01-01 03:00 Europe/Berlin', 'Europe/Berlin') AT TIME ZONE 'Europe/Berlin' =
	date_trunc('day', (now() - interval '3 hours') AT TIME ZONE 'Europe/Berlin') + interval '27 hours' AS at_three;

-- a policy whose table is gone is not shown, and does nothing
DROP TABLE sized;
SELECT count(*) FROM tsdb.jobs WHERE job_id = :s;
CALL tsdb.run_job(:s);
RESET ROLE;
SELECT count(*) >= 0 AS works FROM tsdb.stat_progress_compress;
DELETE FROM tsdb.job WHERE owner IN ('regress_jobs_a'::regrole, 'regress_jobs_b');
DROP SCHEMA policies CASCADE;
DROP OWNED BY regress_jobs_a, regress_jobs_b, regress_jobs_nologin;
DROP ROLE regress_jobs_a, regress_jobs_b, regress_jobs_nologin;
