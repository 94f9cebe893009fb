/*-------------------------------------------------------------------------
 * row_access.h
 *	  What changes and fetches of single chunk rows need, kept open while their statement runs.
 *
 * Inside am/.  The table AM's callbacks for single rows have no state of their own from call to call; to open the chunk
 * store, read a chunk's header and decode vectors anew for each row cost ten times the rest.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_ROW_ACCESS_H
#define TSDB_ROW_ACCESS_H

#include "am/tsdb_am_internal.h"

#include "executor/execdesc.h"
#include "utils/resowner.h"

typedef struct TsdbBulkDelete TsdbBulkDelete;

typedef struct TsdbRowAccess
{
	Relation	rel;
	TsdbChunkCursor *cursor;	/* for fetches */
	TsdbStore  *store;			/* for writing, RowExclusiveLock; NULL until asked for */
	TupleTableSlot *slot;		/* for an old version; NULL until asked for */
	bool		directory_checked;	/* the directory cache has been looked at under our lock on the table */
	QueryDesc  *query;			/* that is running, and keeps it; NULL: closed by tsdb_row_access_put */
	/* of bulk_delete.c: NULL if there are none */
	TsdbBulkDelete *bulk;
	void		(*finish_delete) (struct TsdbRowAccess *access);	/* a plain DELETE has gone through its rows */
	void		(*forget_delete) (struct TsdbRowAccess *access);	/* it has failed */
	/* private */
	struct TsdbRowAccess *next;
	MemoryContext cxt;
	ResourceOwner owner;
} TsdbRowAccess;

/* Executor and transaction hooks; called once from _PG_init. */
extern void tsdb_row_access_init(void);

/* Calls back for each access to the table that is kept. */
extern void tsdb_row_access_each(Oid relid, void (*visit) (TsdbRowAccess *access, Snapshot snapshot), Snapshot snapshot);

/* Is an executor run going on, so that an access is kept? */
extern bool tsdb_row_access_is_kept(void);

extern TsdbRowAccess *tsdb_row_access_get(Relation rel);
extern void tsdb_row_access_put(TsdbRowAccess *access);

/* Opens what is not open yet.  The store: an error if the table has none. */
extern TsdbStore *tsdb_row_access_store(TsdbRowAccess *access);
extern TupleTableSlot *tsdb_row_access_slot(TsdbRowAccess *access);

#endif							/* TSDB_ROW_ACCESS_H */
