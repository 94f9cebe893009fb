/*-------------------------------------------------------------------------
 * table_access.h
 *	  Finding the tables that a SQL function was given, and who may ask.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_TABLE_ACCESS_H
#define TSDB_TABLE_ACCESS_H

#include "compat.h"

#include "chunk/chunk_store.h"
#include "nodes/pg_list.h"
#include "storage/lock.h"
#include "utils/relcache.h"

/*
 * OIDs of the tsdb tables that relid stands for, locked: itself, or of a partitioned table all leaf
 * partitions with access method tsdb.  "allowed" raises an error if the user may not; it is asked
 * before a lock is waited for, for relid and for each partition.
 * Errors: UNDEFINED_TABLE, WRONG_OBJECT_TYPE, FEATURE_NOT_SUPPORTED (another session's temporary table).
 */
extern List *tsdb_tables_lock(Oid relid, LOCKMODE lockmode, void (*allowed) (Oid relid));

/* Owner, or an error. */
extern void tsdb_require_owner(Oid relid);
/* Owner, or SELECT on the whole table, or an error. */
extern void tsdb_require_select(Oid relid);

/*
 * For views: opens a tsdb table with AccessShareLock, NULL if there is nothing to be shown: dropped
 * meanwhile, another access method, no privilege on any column, not readable here.
 */
extern Relation tsdb_table_open_visible(Oid relid);
extern void tsdb_table_close_visible(Relation rel);
/* May the user see values of this column: privilege on it, and no row security in the way? */
extern bool tsdb_column_is_visible(Relation rel, AttrNumber attnum);
/* Closes a store opened with AccessShareLock, and gives its locks back: a view may visit thousands. */
extern void tsdb_store_close_unlock(TsdbStore *store);

/*
 * A value as text that its type's input function reads as the same value, whatever DateStyle was set meanwhile: styles
 * other than ISO name time zones by abbreviations, which are read as others' (CST).
 */
extern char *tsdb_plain_text(Datum value, Oid type);

#endif							/* TSDB_TABLE_ACCESS_H */
