/*-------------------------------------------------------------------------
 * bulk_delete.c
 *	  A DELETE that takes many rows of a chunk, or all of them.
 *
 * Used by chunk_dml.c, and by tsdb_handler.c to settle.
 *
 *	few rows		a tombstone each, as they come (chunk_dml.c)
 *	many			the chunk's lock in AccessExclusive mode, if it can be had at once; a bit for each further row;
 *					tombstones at the end
 *	all				no tombstones: the directory entry is deleted
 *
 * Invariants: while bits are noted, this subtransaction holds the chunk's lock exclusively, so that nobody
 * else can write tombstones or lock rows there, and "gone" stays true; bits belong to one statement (command id), and are
 * written in its subtransaction or not at all.
 *
 * Tombstones bear the statement's command id.  A chunk that is dropped is deleted under a later one, since the statement's
 * own tombstones in it can only be deleted so; to the statement's snapshot it stays what it was.
 *-------------------------------------------------------------------------
 */
#include "am/bulk_delete.h"

#include "access/heapam.h"
#include "access/transam.h"
#include "access/xact.h"
#include "am/load_rules.h"
#include "catalog/catalog.h"
#include "chunk/directory_cache.h"
#include "chunk/tombstone.h"
#include "executor/executor.h"
#include "injection.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/predicate.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/*
 * Rows that a statement deletes one by one before it tries to lock the whole chunk: this part of the chunk's
 * rows, between bounds.  Below, other sessions go on using the chunk's other rows.
 */
#define BULK_PART			16
#define BULK_MIN_ROWS		64
#define BULK_MAX_ROWS		256

/* A statement that deletes less than this part of a chunk does not ask whether the chunk is empty now. */
#define DROP_MIN_PART		16

/* Chunks whose bits are kept at the same time: 16 KB each. */
#define MAX_OPEN			256

typedef struct DeletedFrom
{
	Oid			chunk_id;		/* hash key */
	TsdbDirEntry entry;
	uint32		count;			/* tombstones that this statement has written */
	uint32		next_try;		/* to lock the whole chunk when count reaches this */
	bool		exclusive;		/* the chunk is locked */
	bool		others_unseen;	/* REPEATABLE READ: some row is deleted, but not for us */
	bool		whole;			/* every row is gone; no bits any more */
	uint64	   *gone;			/* rows with a tombstone when the chunk was locked; NULL = no bits are kept */
	uint64	   *taken;			/* rows noted since */
	uint32		ngone;
	uint32		ntaken;
} DeletedFrom;

struct TsdbBulkDelete
{
	CommandId	cid;			/* of the statement */
	SubTransactionId subid;
	bool		qualifies;
	int			nopen;
	HTAB	   *chunks;			/* DeletedFrom */
	DeletedFrom *last;			/* of the row before, or NULL */
};

int			tsdb_bulk_delete_npending = 0;

/* May rows be noted only?  See the head of bulk_delete.h. */
static bool
statement_qualifies(QueryDesc *query)
{
	ModifyTableState *modify;
	int			i;

	if (query == NULL || query->operation != CMD_DELETE || query->plannedstmt->hasModifyingCTE ||
		query->plannedstmt->hasReturning || !IsA(query->planstate, ModifyTableState))
		return false;
	modify = castNode(ModifyTableState, query->planstate);
	for (i = 0; i < modify->mt_nrels; i++)
	{
		TriggerDesc *triggers = modify->resultRelInfo[i].ri_TrigDesc;

		if (triggers != NULL && triggers->trig_delete_before_row)
			return false;
	}
	return tsdb_load_plan_qualifies(query->plannedstmt);
}

static inline bool
covers(const DeletedFrom *from, uint32 vblock)
{
	return vblock >= from->entry.d.first_vblock &&
		vblock - from->entry.d.first_vblock < tsdb_entry_nvblocks(&from->entry);
}

static void
free_bits(TsdbRowAccess *access, DeletedFrom *from)
{
	if (from->gone == NULL)
		return;
	pfree(from->gone);
	pfree(from->taken);
	from->gone = from->taken = NULL;
	from->ntaken = 0;
	access->bulk->nopen--;
	tsdb_bulk_delete_npending--;
}

/* Writes tombstones for the noted rows. */
static void
write_noted(TsdbRowAccess *access, DeletedFrom *from)
{
	TsdbStore  *store = tsdb_row_access_store(access);
	uint32		row;

	for (row = 0; row < from->entry.d.nrows && from->ntaken > 0; row++)
	{
		ItemPointerData tid;

		if (!tsdb_row_bits_test(from->taken, row))
			continue;
		tsdb_tombstone_write(store, from->chunk_id, row, 0, NULL, access->bulk->cid);
		/* afterwards, as in tsdb_chunk_delete */
		tsdb_row_tid(from->entry.d.first_vblock, row, &tid);
		CheckForSerializableConflictIn(access->rel, &tid, ItemPointerGetBlockNumber(&tid));
		from->ntaken--;
		from->count++;
	}
	TSDB_INJECT("bulk-tombstones");
	free_bits(access, from);
}

/* Too many chunks are open: lets go of all but the current one's bits. */
static void
make_room(TsdbRowAccess *access)
{
	HASH_SEQ_STATUS status;
	DeletedFrom *from;

	hash_seq_init(&status, access->bulk->chunks);
	while ((from = hash_seq_search(&status)) != NULL)
	{
		if (from->gone == NULL)
			continue;
		if (from->ngone + from->ntaken == from->entry.d.nrows && !from->others_unseen)
		{
			from->whole = true;
			free_bits(access, from);
		}
		else
			write_noted(access, from);
	}
}

/* Locks the whole chunk, if nobody else uses it, and reads which rows are gone. */
static void
try_exclusive(TsdbRowAccess *access, DeletedFrom *from)
{
	Snapshot	xact_snapshot = IsolationUsesXactSnapshot() ? GetTransactionSnapshot() : NULL;
	Size		size = tsdb_row_bits_words(from->entry.d.nrows) * sizeof(uint64);
	TsdbTombstoneScan scan;
	TsdbTombstone tombstone;

	from->next_try = from->count * 2;
	if (!tsdb_chunk_lock(access->rel, from->chunk_id, AccessExclusiveLock, true))
		return;
	if (access->bulk->nopen >= MAX_OPEN)
		make_room(access);

	from->exclusive = true;
	from->gone = MemoryContextAllocZero(access->cxt, size);
	from->taken = MemoryContextAllocZero(access->cxt, size);
	from->ngone = 0;
	access->bulk->nopen++;
	tsdb_bulk_delete_npending++;
	tsdb_tombstone_scan_begin(&scan, tsdb_row_access_store(access), &from->entry);
	while (tsdb_tombstone_scan_next(&scan, access->store, &tombstone))
	{
		tsdb_row_bits_set(from->gone, tombstone.row);
		from->ngone++;
		if (tombstone.state != TSDB_TOMBSTONE_OWN && xact_snapshot != NULL && !from->others_unseen)
		{
			LockBuffer(scan.stored.buffer, BUFFER_LOCK_SHARE);
			from->others_unseen = !HeapTupleSatisfiesVisibility(scan.stored.tuple, xact_snapshot,
																scan.stored.buffer);
			LockBuffer(scan.stored.buffer, BUFFER_LOCK_UNLOCK);
		}
	}
	tsdb_tombstone_scan_end(&scan);
}

static uint32
count_tombstones(TsdbRowAccess *access, DeletedFrom *from)
{
	TsdbStore  *store = tsdb_row_access_store(access);
	TsdbTombstoneScan scan;
	TsdbTombstone tombstone;
	uint32		count = 0;

	tsdb_tombstone_scan_begin(&scan, store, &from->entry);
	while (tsdb_tombstone_scan_next(&scan, store, &tombstone))
		count++;
	tsdb_tombstone_scan_end(&scan);
	return count;
}

bool
tsdb_bulk_delete_take(TsdbRowAccess *access, ItemPointer tid, CommandId cid,
					  TM_Result *result, TM_FailureData *tmfd)
{
	TsdbBulkDelete *bulk = access->bulk;
	uint32		vblock = tsdb_tid_vblock(tid);
	DeletedFrom *from;
	uint32		row;

	if (bulk == NULL || bulk->cid != cid)
		return false;
	from = bulk->last;
	if (from == NULL || !covers(from, vblock))
	{
		TsdbDirEntry entry;

		if (!tsdb_directory_cache_find(tsdb_row_access_store(access), vblock, true, &entry))
			return false;
		from = hash_search(bulk->chunks, &entry.d.chunk_id, HASH_FIND, NULL);
		if (from == NULL)
			return false;
		bulk->last = from;
	}
	row = tsdb_tid_row(from->entry.d.first_vblock, tid);
	if (!from->exclusive || row >= from->entry.d.nrows)
		return false;

	if (from->whole || (from->taken != NULL && tsdb_row_bits_test(from->taken, row)))
	{
		tmfd->ctid = *tid;
		tmfd->xmax = GetCurrentTransactionId();
		tmfd->cmax = cid;
		*result = TM_SelfModified;
		return true;
	}
	/* who deleted it, and when, is a question for the ordinary way */
	if (from->gone == NULL || tsdb_row_bits_test(from->gone, row))
		return false;
	/* (both are there, or neither) */
	Assert(from->taken != NULL);
	tsdb_row_bits_set(from->taken, row);
	from->ntaken++;
	*result = TM_Ok;
	return true;
}

/* The statement has gone through its rows. */
static void
finish(TsdbRowAccess *access)
{
	TsdbBulkDelete *bulk = access->bulk;
	HASH_SEQ_STATUS status;
	DeletedFrom *from;
	bool		drop = false;

	/* what gets tombstones first: they bear the statement's command id */
	hash_seq_init(&status, bulk->chunks);
	while ((from = hash_seq_search(&status)) != NULL)
	{
		if (from->gone != NULL && from->ngone + from->ntaken == from->entry.d.nrows && !from->others_unseen)
		{
			from->whole = true;
			free_bits(access, from);
		}
		else if (from->gone != NULL)
			write_noted(access, from);
		else if (!from->exclusive && from->count >= from->entry.d.nrows / DROP_MIN_PART)
		{
			/* a small chunk, or one that others used before: only an empty one is worth its lock */
			if (count_tombstones(access, from) == from->entry.d.nrows)
				try_exclusive(access, from);
			from->whole = from->gone != NULL && from->ngone == from->entry.d.nrows && !from->others_unseen;
			free_bits(access, from);
		}
		drop |= from->whole;
	}

	if (drop)
	{
		CommandCounterIncrement();
		hash_seq_init(&status, bulk->chunks);
		while ((from = hash_seq_search(&status)) != NULL)
		{
			CommandId	cmax;
			uint32		row;

			if (!from->whole)
				continue;
			if (tsdb_directory_update_status(access->store, &from->entry, GetCurrentCommandId(true), &cmax) != TM_Ok)
				elog(ERROR, "chunk %u of table \"%s\" was replaced while its rows were deleted",
					 from->chunk_id, RelationGetRelationName(access->rel));
			tsdb_directory_delete(access->store, &from->entry, GetCurrentCommandId(true));
			TSDB_INJECT("bulk-drop");
			for (row = 0; IsolationIsSerializable() && row < from->entry.d.nrows; row++)
			{
				ItemPointerData tid;

				tsdb_row_tid(from->entry.d.first_vblock, row, &tid);
				CheckForSerializableConflictIn(access->rel, &tid, ItemPointerGetBlockNumber(&tid));
			}
		}
		CommandCounterIncrement();
	}

	hash_destroy(bulk->chunks);
	pfree(bulk);
	access->bulk = NULL;
}

/* The access goes after an error: nothing is written. */
static void
forget(TsdbRowAccess *access)
{
	tsdb_bulk_delete_npending -= access->bulk->nopen;
}

void
tsdb_bulk_delete_note(TsdbRowAccess *access, const TsdbDirEntry *entry, CommandId cid)
{
	TsdbBulkDelete *bulk = access->bulk;
	DeletedFrom *from;
	bool		found;

	if (access->query == NULL || access->query->operation != CMD_DELETE ||
		access->query->plannedstmt->hasModifyingCTE)
		return;
	if (bulk == NULL)
	{
		HASHCTL		ctl;

		bulk = MemoryContextAllocZero(access->cxt, sizeof(TsdbBulkDelete));
		bulk->cid = cid;
		bulk->subid = GetCurrentSubTransactionId();
		ctl.keysize = sizeof(Oid);
		ctl.entrysize = sizeof(DeletedFrom);
		ctl.hcxt = access->cxt;
		bulk->chunks = hash_create("tsdb deletes", 64, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
		bulk->qualifies = !RelationIsLogicallyLogged(access->rel) && statement_qualifies(access->query);
		access->bulk = bulk;
		access->finish_delete = finish;
		access->forget_delete = forget;
	}
	if (bulk->cid != cid)
		return;

	from = bulk->last;
	if (from == NULL || from->chunk_id != entry->d.chunk_id)
	{
		from = hash_search(bulk->chunks, &entry->d.chunk_id, HASH_ENTER, &found);
		if (!found)
		{
			memset((char *) from + sizeof(Oid), 0, sizeof(DeletedFrom) - sizeof(Oid));
			from->entry = *entry;
			from->next_try = Min(Max(entry->d.nrows / BULK_PART, BULK_MIN_ROWS), BULK_MAX_ROWS);
		}
		bulk->last = from;
	}
	from->count++;
	if (bulk->qualifies && !from->exclusive && from->count >= from->next_try)
		try_exclusive(access, from);
}

pg_noreturn static void
report_settle(TsdbRowAccess *access, const char *when)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot access table \"%s\" while a statement is deleting its rows",
					RelationGetRelationName(access->rel)),
			 errdetail("Its deletions are not written yet, and cannot be %s.", when),
			 errhint("Declare the functions that the statement calls VOLATILE.")));
}

/* Writes what an access has noted; snapshot: of who asks. */
static void
settle_access(TsdbRowAccess *access, Snapshot snapshot)
{
	HASH_SEQ_STATUS status;
	DeletedFrom *from;

	if (access->bulk == NULL ||
		(snapshot != NULL && IsMVCCSnapshot(snapshot) && snapshot->curcid <= access->bulk->cid))
		return;
	hash_seq_init(&status, access->bulk->chunks);
	while ((from = hash_seq_search(&status)) != NULL)
	{
		if (from->whole)
			report_settle(access, "once so many chunks have lost all their rows");
		if (from->gone == NULL)
			continue;
		if (access->bulk->subid != GetCurrentSubTransactionId())
			report_settle(access, "in a subtransaction");
		write_noted(access, from);
	}
	access->bulk->qualifies = false;
}

void
tsdb_bulk_delete_settle_pending(Relation rel, Snapshot snapshot)
{
	tsdb_row_access_each(RelationGetRelid(rel), settle_access, snapshot);
}

static void
refuse_access(TsdbRowAccess *access, Snapshot snapshot)
{
	HASH_SEQ_STATUS status;
	DeletedFrom *from;

	if (access->bulk == NULL)
		return;
	hash_seq_init(&status, access->bulk->chunks);
	while ((from = hash_seq_search(&status)) != NULL)
	{
		if (from->exclusive)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_IN_USE),
					 errmsg("cannot move rows of table \"%s\" while the same command deletes them",
							RelationGetRelationName(access->rel))));
	}
}

void
tsdb_bulk_delete_refuse(Relation rel)
{
	tsdb_row_access_each(RelationGetRelid(rel), refuse_access, NULL);
}
