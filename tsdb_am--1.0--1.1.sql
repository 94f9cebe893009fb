/* tsdb_am--1.0--1.1.sql */

-- What is new in 1.1.  CREATE EXTENSION runs the script of 1.0 and then this one, ALTER EXTENSION ... UPDATE this one alone,
-- so both end with the same objects.

-- complain if script is sourced in psql, rather than via CREATE EXTENSION or ALTER EXTENSION
\echo Use "ALTER EXTENSION tsdb_am UPDATE TO '1.1'" to load this file. \quit

--
-- Damaged tables
--

CREATE FUNCTION tsdb.salvage(relation regclass, target regclass, null_damaged boolean DEFAULT false)
RETURNS TABLE ("table" regclass, chunk oid, rows_copied bigint, rows_lost bigint, damaged_columns name[], problem text)
AS 'MODULE_PATHNAME', 'tsdb_sql_salvage'
LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE ROWS 10;
COMMENT ON FUNCTION tsdb.salvage(regclass, regclass, boolean) IS
'copies the rows of a damaged table that can be read into another table; one row of the result for all that was sound, and one for each chunk that was not';
