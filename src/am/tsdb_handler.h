/*-------------------------------------------------------------------------
 * tsdb_handler.h
 *	  The access method `tsdb`, for the rest of the library.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_HANDLER_H
#define TSDB_HANDLER_H

#include "compat.h"

#include "access/tableam.h"
#include "utils/relcache.h"

extern const TableAmRoutine tsdb_methods;

/* Is this an open table of ours? */
#define tsdb_is_tsdb(rel) ((rel)->rd_tableam == &tsdb_methods)

/* Is told of rows that go into a row store, and will have to be moved out of it, 0 = of a chunk that was loaded: set by the background workers' queue. */
extern void (*tsdb_rows_added_hook) (Relation rel, int rows);

static inline void
tsdb_rows_added(Relation rel, int rows)
{
	if (tsdb_rows_added_hook != NULL)
		tsdb_rows_added_hook(rel, rows);
}

/*
 * Is told of changes to rows of tables that somebody watches (continuous aggregates).  Movers change no rows.
 *
 * row: a version that a statement of command id cid inserts, or deletes; an UPDATE tells of both (is_new: the inserted one).  It may be told of before or
 * after the change itself, and of changes that do not come about.  truncate: all rows.
 */
typedef struct TsdbChangeHooks
{
	bool		(*watches) (Relation rel);
	void		(*row) (Relation rel, struct TupleTableSlot *slot, CommandId cid, bool is_new);
	void		(*truncate) (Relation rel);
} TsdbChangeHooks;

extern const TsdbChangeHooks *tsdb_change_hooks;

#endif							/* TSDB_HANDLER_H */
