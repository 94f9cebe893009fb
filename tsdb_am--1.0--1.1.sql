/* tsdb_am--1.0--1.1.sql */

-- What is new in 1.1.  CREATE EXTENSION runs the script of 1.0 and then this one, ALTER EXTENSION ... UPDATE this one alone,
-- so both end with the same objects.

-- complain if script is sourced in psql, rather than via CREATE EXTENSION or ALTER EXTENSION
\echo Use "ALTER EXTENSION tsdb_am UPDATE TO '1.1'" to load this file. \quit
