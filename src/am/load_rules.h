/*-------------------------------------------------------------------------
 * load_rules.h
 *	  Which statements and tables may be loaded directly into chunks.
 *
 * A row that is loaded directly lies in this backend's memory until its statement ends: it
 * has no TID, and nobody can read it.  So it may be kept back only where that can't be told
 * from an ordinary insert.  When in doubt the answer is no: the row store takes every row.
 *
 * Statement.  Nothing of the user's may run or read between its first row and its end:
 *
 *	INSERT			one ModifyTable at the top of the plan; no RETURNING, ON CONFLICT, modifying CTE
 *					or FOR UPDATE; at least tsdb_am.direct_load_rows rows if the plan tells their
 *					number (single rows, VALUES lists); no BEFORE ROW trigger on the target or any
 *					of its partitions.  AFTER triggers are no hindrance to the statement (they
 *					run when its rows are written).
 *	COPY FROM		no trigger on INSERT at all but BEFORE STATEMENT: AFTER triggers run before COPY
 *					lets us write its rows.
 *	bulk insert		whoever passes a BulkInsertState and ends with table_finish_bulk_insert (CREATE
 *					TABLE AS, SELECT INTO, REFRESH MATERIALIZED VIEW, rewriting ALTER TABLE, a
 *					subscription's initial copy): no trigger on INSERT at all.
 *
 *	Functions: none that is VOLATILE and written in another language than C (or built in),
 *	wherever the statement may call it: query, policies, defaults, generated columns, CHECK
 *	constraints of target and partitions, constraints of domains, operators of sorts and joins, parts
 *	of aggregates.  Nor built-in functions that run a query they are given as text.
 *	Functions that are STABLE or IMMUTABLE read with the statement's own snapshot, which does not see its
 *	rows; one that breaks this promise meets tsdb_direct_load_settle.  Of bulk inserts only CREATE TABLE
 *	AS's and SELECT INTO's query is judged so: the others' targets have no name that a function could know.
 *
 *	The plan is judged when its first row comes, not when it is made: cached plans are judged
 *	each time they run, so that a function that was replaced counts as it is now.
 *
 * Table (each partition for itself).  Access method tsdb, with a TOAST relation and without
 * indexes; no row triggers on INSERT (foreign keys and deferred constraints are such); not
 * decoded logically, unless the option direct_load = on says that nobody misses its rows;
 * not if the option is off.  Indexes and row triggers need a TID at once, and a TID promised before its row
 * is on a page would let two sessions insert one key.
 *
 * Calls with neither statement nor BulkInsertState around them (logical apply) always go
 * to the row store.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_LOAD_RULES_H
#define TSDB_LOAD_RULES_H

#include "compat.h"

#include "nodes/parsenodes.h"
#include "nodes/plannodes.h"
#include "utils/relcache.h"

typedef enum TsdbLoadKind
{
	TSDB_LOAD_INSERT,			/* INSERT through the executor */
	TSDB_LOAD_COPY,				/* COPY FROM */
	TSDB_LOAD_BULK				/* other users of a BulkInsertState */
} TsdbLoadKind;

/*
 * Is it an INSERT that could qualify, by its outer form?  Cheap: looks at the top of the
 * plan only.
 */
extern bool tsdb_load_plan_possible(const PlannedStmt *stmt, int min_rows);

/* Do all expressions of the plan (INSERT, or SELECT for CREATE TABLE AS) qualify?  Walks it. */
extern bool tsdb_load_plan_qualifies(PlannedStmt *stmt);

/* Do COPY's defaults, WHERE clause and column types qualify?  root is its target, locked by COPY. */
extern bool tsdb_load_copy_qualifies(const CopyStmt *stmt, Relation root);

/*
 * Do triggers and constraints of the statement's target and of all its partitions qualify?
 * *members: OIDs of all of them, in the current context.  The caller's statement holds a lock on root;
 * partitions need none.
 */
extern bool tsdb_load_target_qualifies(Relation root, TsdbLoadKind kind, List **members);

/* May rows of such a statement be kept back from this very table (open, locked)? */
extern bool tsdb_load_table_qualifies(Relation rel, TsdbLoadKind kind);

#endif							/* TSDB_LOAD_RULES_H */
