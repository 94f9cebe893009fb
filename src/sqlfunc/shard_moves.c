/*-------------------------------------------------------------------------
 * shard_moves.c
 *	  Refuses queries whose snapshot is older than a move of rows between partitions.
 *
 * Rows that leave the default partition are deleted there and inserted into a new partition, in one
 * transaction that no reader of the table can overlap.  A query whose snapshot was taken before, but
 * that comes to the table only afterwards, sees the rows where they were; but partitions are
 * not a matter of snapshots: its planner finds the new one, and need not look into the default one
 * for a time that the new one covers.  The rows would be missing.  (Core has the like with TRUNCATE
 * and rewrites, see "Caveats" in its chapter on concurrency, and lets them be missing.)
 *
 * Each move counts its rows in tsdb.shards.  If the count that the snapshot sees is not the latest, the
 * query gets a serialization failure: two look-ups in a small table for each partitioned table of a query, if any
 * transaction was running when its snapshot was taken, or has ended since.
 *
 * READ COMMITTED takes its snapshots after its locks, and so is never that late, but for stable
 * functions, which keep their query's, and for EXECUTE, which takes its snapshot, then waits for
 * its locks.  EXECUTE gets another snapshot, after the locks, so that it does not fail.
 *-------------------------------------------------------------------------
 */
#include "sqlfunc/shard_moves.h"

#include "compat.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "commands/extension.h"
#include "commands/prepare.h"
#include "executor/executor.h"
#include "storage/lmgr.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

static ExecutorStart_hook_type prev_executor_start = NULL;

/*
 * The extension's table, or InvalidOid.  Where the extension is not installed, anybody may have made a schema of that name, and in it a table
 * that has not the columns and the index that are relied on here: membership is asked for, once in a session.
 */
static Oid
find_shards(void)
{
	static Oid	verified = InvalidOid;
	Oid			nspid = get_namespace_oid("tsdb", true);
	Oid			relid = OidIsValid(nspid) ? get_relname_relid("shards", nspid) : InvalidOid;
	Oid			extension;

	if (!OidIsValid(relid) || relid == verified)
		return relid;
	extension = get_extension_oid("tsdb_am", true);
	if (!OidIsValid(extension) || getExtensionOfObject(RelationRelationId, relid) != extension)
		return InvalidOid;
	verified = relid;
	return relid;
}

/* Rows moved so far, as a snapshot sees it; 0 if the table has no shards. */
static int64
moved_rows(Relation shards, AttrNumber attnum, Oid relid, Snapshot snapshot)
{
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	int64		result = 0;

	/* column "relation" is the first, and the primary key */
	ScanKeyInit(&key, 1, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(shards, RelationGetPrimaryKeyIndex(shards, false), true, snapshot, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool		isnull;
		Datum		value = heap_getattr(tuple, attnum, RelationGetDescr(shards), &isnull);

		if (!isnull)
			result = DatumGetInt64(value);
	}
	systable_endscan(scan);
	return result;
}

static void
check_moves(List *rtable, Snapshot snapshot)
{
	Relation	shards = NULL;
	Snapshot	latest = InvalidSnapshot;
	AttrNumber	attnum = InvalidAttrNumber;
	ListCell   *lc;

	foreach(lc, rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind != RTE_RELATION || rte->relkind != RELKIND_PARTITIONED_TABLE)
			continue;
		if (shards == NULL)
		{
			Oid			relid = find_shards();

			/* no such table: the extension is not in this database */
			if (!OidIsValid(relid) || (attnum = get_attnum(relid, "moved_rows")) == InvalidAttrNumber)
				return;
			shards = relation_open(relid, AccessShareLock);
			latest = RegisterSnapshot(GetLatestSnapshot());
		}
		if (moved_rows(shards, attnum, rte->relid, latest) != moved_rows(shards, attnum, rte->relid, snapshot))
			ereport(ERROR,
					(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
					 errmsg("could not serialize access due to concurrent move of rows between partitions of table \"%s\"",
							get_rel_name(rte->relid)),
					 errhint("The transaction might succeed if retried.")));
	}
	if (shards != NULL)
	{
		UnregisterSnapshot(latest);
		relation_close(shards, AccessShareLock);
	}
}

/*
 * No transaction was running when the snapshot was taken, and none has ended since: then no mover has committed.
 * The value is read without a lock: whoever comes to a table after its mover got the table's lock after the mover had ended.
 */
static bool
nothing_committed_since(Snapshot snapshot)
{
	TransactionId next;

	if (snapshot->snapshot_type != SNAPSHOT_MVCC || snapshot->takenDuringRecovery ||
		snapshot->xcnt > 0 || snapshot->suboverflowed)
		return false;
	next = XidFromFullTransactionId(TransamVariables->latestCompletedXid);
	TransactionIdAdvance(next);
	return TransactionIdEquals(next, snapshot->xmax);
}

static void
moves_executor_start(QueryDesc *query, int eflags)
{
	/* parallel workers: the leader has looked, and no new snapshot may be taken */
	if (!IsInParallelMode() && query->snapshot != InvalidSnapshot && (eflags & EXEC_FLAG_EXPLAIN_ONLY) == 0 &&
		!nothing_committed_since(query->snapshot))
		check_moves(query->plannedstmt->rtable, query->snapshot);

	if (prev_executor_start)
		prev_executor_start(query, eflags);
	else
		standard_ExecutorStart(query, eflags);
}

bool
tsdb_shard_moves_push_snapshot(ExecuteStmt *stmt)
{
	PreparedStatement *prepared;
	ListCell   *lc;
	bool		partitioned = false;

	if (IsolationUsesXactSnapshot() || !ActiveSnapshotSet() ||
		(prepared = FetchPreparedStatement(stmt->name, false)) == NULL)
		return false;
	foreach(lc, prepared->plansource->relationOids)
	{
		Oid			relid = lfirst_oid(lc);

		if (get_rel_relkind(relid) == RELKIND_PARTITIONED_TABLE)
		{
			LockRelationOid(relid, AccessShareLock);
			partitioned = true;
		}
	}
	if (partitioned)
		PushActiveSnapshot(GetTransactionSnapshot());
	return partitioned;
}

void
tsdb_shard_moves_init(void)
{
	prev_executor_start = ExecutorStart_hook;
	ExecutorStart_hook = moves_executor_start;
}
