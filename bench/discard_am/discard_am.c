/*-------------------------------------------------------------------------
 * discard_am.c
 *	  A table access method that drops every row: the limit of what a load can reach.
 *
 * COPY into such a table costs what parsing, input functions and the executor cost, and nothing of
 * storage.  Everything but inserts is heap's.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/tableam.h"
#include "catalog/pg_am_d.h"
#include "fmgr.h"
#include "storage/itemptr.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(discard_am_handler);

static void
discard_tuple_insert(Relation rel, TupleTableSlot *slot, CommandId cid, int options,
					 struct BulkInsertStateData *bistate)
{
	ItemPointerSetInvalid(&slot->tts_tid);
}

static void
discard_multi_insert(Relation rel, TupleTableSlot **slots, int nslots, CommandId cid, int options,
					 struct BulkInsertStateData *bistate)
{
	for (int i = 0; i < nslots; i++)
		ItemPointerSetInvalid(&slots[i]->tts_tid);
}

static Oid
discard_relation_toast_am(Relation rel)
{
	return HEAP_TABLE_AM_OID;
}

Datum
discard_am_handler(PG_FUNCTION_ARGS)
{
	static TableAmRoutine routine;

	if (routine.type != T_TableAmRoutine)
	{
		routine = *GetHeapamTableAmRoutine();
		routine.tuple_insert = discard_tuple_insert;
		routine.multi_insert = discard_multi_insert;
		routine.relation_toast_am = discard_relation_toast_am;
	}
	PG_RETURN_POINTER(&routine);
}
