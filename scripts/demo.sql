-- What make demo shows.  :data is the directory of the CSV files.
\set tweets :data '/tweet_volume_a.csv'
\set metrics :data '/aws_cloudwatch_a.csv'
\set birds :data '/birdstrikes.csv'
\set cpu :data '/cpu.csv'
SET client_min_messages = warning;

\echo
\echo == A table like any other, but USING tsdb ==
\echo
\set ECHO queries
CREATE EXTENSION tsdb_am;
CREATE TABLE tweets (company text, time timestamp NOT NULL, mentions int)
    USING tsdb WITH (segmentby = 'company', orderby = 'time');
CREATE TABLE tweets_heap (company text, time timestamp NOT NULL, mentions int);
\set ECHO none

\echo
\echo == Real data: how often five companies were named on Twitter, every five minutes (data/README.md) ==
\echo
\timing on
\set ECHO queries
COPY tweets_heap FROM :'tweets' (FORMAT csv, HEADER);
COPY tweets      FROM :'tweets' (FORMAT csv, HEADER);
\set ECHO none
\timing off

\echo
\echo == What is kept where ==
\echo
\set ECHO queries
SELECT pg_size_pretty(pg_total_relation_size('tweets_heap')) AS heap, pg_size_pretty(pg_total_relation_size('tweets')) AS tsdb,
       round(pg_total_relation_size('tweets_heap')::numeric / pg_total_relation_size('tweets'), 1) AS times_smaller;
SELECT * FROM tsdb.tables;
SELECT * FROM tsdb.columns;
SELECT * FROM tsdb.chunks;
\set ECHO none

\echo
\echo == Any SQL reads it ==
\echo
\set ECHO queries
SELECT company, count(*), sum(mentions), max(mentions) FROM tweets GROUP BY company ORDER BY 3 DESC;
SELECT time, mentions FROM tweets WHERE company = 'Twitter_volume_AAPL' ORDER BY mentions DESC LIMIT 3;
\set ECHO none

\echo
\echo == Small inserts go to the row store first; compress moves them to chunks ==
\echo
\set ECHO queries
INSERT INTO tweets VALUES ('Twitter_volume_AAPL', '2015-05-01', 42);
SELECT * FROM tweets WHERE time >= '2015-05-01';
SELECT tsdb.compress('tweets');
SELECT count(*) FROM tweets;
BEGIN;
INSERT INTO tweets SELECT 'nobody', '2016-01-01'::timestamp + i * interval '1 s', i FROM generate_series(1, 10000) i;
SELECT count(*) FROM tweets;
ROLLBACK;
SELECT count(*) FROM tweets;
\set ECHO none

\echo
\echo == An index covers both stores ==
\echo
\set ECHO queries
CREATE INDEX ON tweets (time);
ANALYZE tweets;
SET tsdb_am.enable_custom_scan = off;
EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF) SELECT * FROM tweets WHERE time = '2015-03-01 12:02:53';
RESET tsdb_am.enable_custom_scan;
\set ECHO none

\echo
\echo == More real data: server metrics of AWS CloudWatch, and bird strikes with ten text columns ==
\echo
CREATE TABLE metrics (series text, time timestamp NOT NULL, value float8) USING tsdb WITH (segmentby = 'series');
CREATE TABLE metrics_heap (LIKE metrics) USING heap;
CREATE TABLE birds (airport text, aircraft text, damage text, flight date, operator text, state text, phase text, size text,
	species text, time_of_day text, cost_other int, cost_repair int, cost_total int, speed int) USING tsdb;
CREATE TABLE birds_heap (LIKE birds) USING heap;
COPY metrics FROM :'metrics' (FORMAT csv, HEADER);
COPY metrics_heap FROM :'metrics' (FORMAT csv, HEADER);
COPY birds FROM :'birds' (FORMAT csv, HEADER);
COPY birds_heap FROM :'birds' (FORMAT csv, HEADER);
SELECT t.name AS "table", pg_size_pretty(pg_table_size((t.name || '_heap')::regclass)) AS heap, pg_size_pretty(pg_table_size(t.name::regclass)) AS tsdb,
	round(pg_table_size((t.name || '_heap')::regclass)::numeric / pg_table_size(t.name::regclass), 1) AS times_smaller
	FROM (VALUES ('tweets'), ('metrics'), ('birds')) t (name);
\set ECHO queries
SELECT (SELECT count(*) FROM (TABLE birds EXCEPT ALL TABLE birds_heap) d) AS rows_that_differ;
\set ECHO none

\echo
\echo == A larger table: 100 hosts, a day, ten CPU figures every ten seconds (generated, 864,000 rows) ==
\echo
CREATE TABLE cpu_heap (time timestamptz NOT NULL, host text, usage_user float8, usage_system float8, usage_idle float8, usage_nice float8,
	usage_iowait float8, usage_irq float8, usage_softirq float8, usage_steal float8, usage_guest float8, usage_guest_nice float8);
CREATE TABLE cpu (LIKE cpu_heap) USING tsdb WITH (segmentby = 'host', orderby = 'time');
\set ECHO queries
\timing on
COPY cpu_heap FROM :'cpu' (FORMAT csv);
COPY cpu      FROM :'cpu' (FORMAT csv);
\timing off
SELECT pg_size_pretty(pg_total_relation_size('cpu_heap')) AS heap, pg_size_pretty(pg_total_relation_size('cpu')) AS tsdb,
       round(pg_total_relation_size('cpu_heap')::numeric / pg_total_relation_size('cpu'), 1) AS times_smaller;
\set ECHO none
VACUUM ANALYZE cpu_heap, cpu;
\set ECHO queries
\timing on
SELECT count(*) FROM cpu_heap;
SELECT count(*) FROM cpu;
SELECT avg(usage_user) FROM cpu_heap;
SELECT avg(usage_user) FROM cpu;
\timing off
\set ECHO none

\echo
\echo == Queries read what they need: chunks by time and series, vectors by their zones, columns when rows are left ==
\echo
\set ECHO queries
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) SELECT * FROM cpu_heap WHERE host = 'host_7' AND time BETWEEN '2024-01-01 12:00+00' AND '2024-01-01 13:00+00' AND usage_user > 50;
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) SELECT * FROM cpu WHERE host = 'host_7' AND time BETWEEN '2024-01-01 12:00+00' AND '2024-01-01 13:00+00' AND usage_user > 50;
\timing on
SELECT time, host, usage_user FROM cpu_heap ORDER BY time DESC LIMIT 2;
SELECT time, host, usage_user FROM cpu      ORDER BY time DESC LIMIT 2;
SELECT count(*), avg(usage_user) FROM (SELECT DISTINCT ON (host) * FROM cpu_heap ORDER BY host, time DESC) newest;
SELECT count(*), avg(usage_user) FROM (SELECT DISTINCT ON (host) * FROM cpu      ORDER BY host, time DESC) newest;
\timing off
SELECT hits, loads, tables, chunks FROM tsdb.stat_index;
EXPLAIN (ANALYZE, TIMING OFF) SELECT host, max(usage_user) FROM cpu WHERE time >= '2024-01-01 23:00+00' GROUP BY host ORDER BY 2 DESC LIMIT 3;
SELECT * FROM tsdb.verify('cpu');
\set ECHO none

\echo
\echo == And the way out ==
\echo
\set ECHO queries
ALTER TABLE tweets SET ACCESS METHOD heap;
SELECT count(*) FROM tweets;
\set ECHO none
