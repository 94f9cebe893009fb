/*-------------------------------------------------------------------------
 * dirty_log.c
 *	  Rows of tsdb.cagg_dirty: buckets whose source rows have changed.
 *
 * A row is inserted under the command id of the change that it tells of, in the same (sub)transaction.  So a snapshot sees
 * both or neither, whatever becomes of savepoints, prepared transactions and crashes.
 *
 * The table has no index: it holds what was written since the last refresh, and each reader wants about all of it.
 *-------------------------------------------------------------------------
 */
#include "cagg/cagg_internal.h"

#include "access/heapam.h"
#include "access/table.h"
#include "access/tableam.h"
#include "miscadmin.h"
#include "utils/rel.h"

enum
{
	Anum_stored = 1,
	Anum_first,
	Anum_last,
	Natts_dirty = Anum_last
};

static Relation
open_log(LOCKMODE lockmode)
{
	Oid			relid = tsdb_cagg_dirty_table();
	Relation	rel;

	if (!OidIsValid(relid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"tsdb.cagg_dirty\" does not exist")));
	rel = table_open(relid, lockmode);
	if (RelationGetDescr(rel)->natts != Natts_dirty || rel->rd_tableam != GetHeapamTableAmRoutine())
		elog(ERROR, "tsdb.cagg_dirty is not what it was made to be");
	return rel;
}

void
tsdb_dirty_log_add(Oid stored, int64 first, int64 last, CommandId cid)
{
	Relation	rel = open_log(RowExclusiveLock);
	Datum		values[Natts_dirty];
	bool		nulls[Natts_dirty] = {false};
	HeapTuple	tuple;

	values[Anum_stored - 1] = ObjectIdGetDatum(stored);
	values[Anum_first - 1] = Int64GetDatum(first);
	values[Anum_last - 1] = Int64GetDatum(last);
	tuple = heap_form_tuple(RelationGetDescr(rel), values, nulls);
	heap_insert(rel, tuple, cid, 0, NULL);
	heap_freetuple(tuple);
	table_close(rel, NoLock);
}

TsdbTimeRanges *
tsdb_dirty_log_read(Oid stored, Snapshot snapshot, List **tids)
{
	TsdbTimeRanges *ranges = tsdb_ranges_make();
	/* TIDs are good as long as nobody can write the table anew (VACUUM FULL): to the end of the transaction, as the deletes are */
	LOCKMODE	lockmode = tids != NULL ? RowExclusiveLock : AccessShareLock;
	Relation	rel = open_log(lockmode);
	TableScanDesc scan = table_beginscan(rel, snapshot, 0, NULL);
	HeapTuple	tuple;

	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		bool		isnull;
		int64		first;
		int64		last;

		CHECK_FOR_INTERRUPTS();
		if (DatumGetObjectId(heap_getattr(tuple, Anum_stored, RelationGetDescr(rel), &isnull)) != stored)
			continue;
		first = DatumGetInt64(heap_getattr(tuple, Anum_first, RelationGetDescr(rel), &isnull));
		last = DatumGetInt64(heap_getattr(tuple, Anum_last, RelationGetDescr(rel), &isnull));
		tsdb_ranges_append(ranges, first, Max(first, last));
		if (tids != NULL)
		{
			ItemPointer tid = palloc(sizeof(ItemPointerData));

			*tid = tuple->t_self;
			*tids = lappend(*tids, tid);
		}
	}
	table_endscan(scan);
	table_close(rel, tids != NULL ? NoLock : lockmode);
	tsdb_ranges_normalize(ranges);
	return ranges;
}

void
tsdb_dirty_log_delete(List *tids)
{
	Relation	rel = open_log(RowExclusiveLock);
	ListCell   *lc;

	/* only who holds the aggregate's lock deletes: nobody else can have */
	foreach(lc, tids)
		simple_heap_delete(rel, (ItemPointer) lfirst(lc));
	table_close(rel, NoLock);
}
