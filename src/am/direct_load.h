/*-------------------------------------------------------------------------
 * direct_load.h
 *	  Rows of a large insert on their way into chunks.
 *
 * load_rules.h tells which statements and tables qualify.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_DIRECT_LOAD_H
#define TSDB_DIRECT_LOAD_H

#include "compat.h"

#include "access/tableam.h"
#include "executor/tuptable.h"
#include "nodes/parsenodes.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"

/* Executor and transaction hooks; called once from _PG_init. */
extern void tsdb_direct_load_init(void);

/*
 * Takes n rows if statement and table qualify (true): then the rows' TIDs are invalid until the
 * statement ends.  False: the caller puts them into the row store.
 */
extern bool tsdb_direct_load_take(Relation rel, TupleTableSlot **slots, int n, CommandId cid,
								  int options, struct BulkInsertStateData *bistate);

/* table_finish_bulk_insert: writes what a bulk insert (not COPY) left. */
extern void tsdb_direct_load_finish(Relation rel, int options);

/* Buffers with rows in them; to be read by the functions below only. */
extern int	tsdb_direct_load_npending;

/* See tsdb_direct_load_settle and _for. */
extern void tsdb_direct_load_settle_pending(Relation rel, Snapshot snapshot);

/*
 * Before anything reads or changes rel: pending rows of ours must be in the stores.  Writes them if their
 * subtransaction is the current one, else raises an error (only rows that a statement
 * with no user code in its middle gathers are buffered, so this is a safety net).
 */
static inline void
tsdb_direct_load_settle(Relation rel)
{
	if (unlikely(tsdb_direct_load_npending > 0))
		tsdb_direct_load_settle_pending(rel, NULL);
}

/* The same, but leaves rows alone that this MVCC snapshot can't see anyway (a statement that reads its own target). */
static inline void
tsdb_direct_load_settle_for(Relation rel, Snapshot snapshot)
{
	if (unlikely(tsdb_direct_load_npending > 0))
		tsdb_direct_load_settle_pending(rel, snapshot);
}

/*
 * Around COPY FROM (utility hook): begin before, end after it succeeded (rows are written there).
 * After an error the abort of its (sub)transaction clears up.
 */
extern void *tsdb_direct_load_copy_begin(CopyStmt *stmt);
extern void tsdb_direct_load_copy_end(void *frame);

#endif							/* TSDB_DIRECT_LOAD_H */
