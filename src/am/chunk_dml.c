/*-------------------------------------------------------------------------
 * chunk_dml.c
 *	  DELETE, UPDATE and row locks of rows in chunks.
 *
 * Used by tsdb_handler.c and row_chain.c.  README.md of this folder has the conflict table.
 *
 * All three begin with a claim: chunk lock, the chunk's entry as it is under it, lock on the row, the row's
 * tombstone.  In this order, what was found stays so: an entry is deleted only by who holds the chunk's lock exclusively,
 * and a tombstone is written only by who holds the row's lock.  A change then writes the new version, if there is one, into the
 * row store and a tombstone into the chunk store, and gives the row's lock back: from there on others wait
 * for the tombstone's xmin.  A row lock keeps it.
 *
 * Invariants: all that a statement writes for one row bears its command id, but for the pair that logical
 * decoding is shown (decode_*), which nobody can see; the chunk's lock stays to the end of
 * the (sub)transaction, so that a chunk with an undecided tombstone is never replaced.
 *-------------------------------------------------------------------------
 */
#include "am/chunk_dml.h"

#include "access/heapam.h"
#include "access/multixact.h"
#include "access/table.h"
#include "access/transam.h"
#include "access/xact.h"
#include "am/bulk_delete.h"
#include "am/row_access.h"
#include "am/row_chain.h"
#include "am/row_indexer.h"
#include "am/row_lock.h"
#include "am/tsdb_am_internal.h"
#include "catalog/catalog.h"
#include "chunk/directory_cache.h"
#include "chunk/forward.h"
#include "chunk/tombstone.h"
#include "injection.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "storage/predicate.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* A chunk row that a statement is about to change or lock. */
typedef struct Claim
{
	/* in */
	Relation	rel;
	TsdbRowAccess *access;
	TsdbStore  *store;			/* of access */
	ItemPointerData tid;
	CommandId	cid;
	Snapshot	crosscheck;		/* or InvalidSnapshot */
	LockTupleMode mode;
	LockWaitPolicy policy;
	bool		for_update;		/* to change the row, not to lock it: for messages */
	TM_FailureData *tmfd;
	/* out */
	TsdbDirEntry entry;
	uint32		row;
	TsdbRowLock lock;			/* to be ended by tsdb_row_lock_done after TM_Ok */
	bool		was_locked;		/* the transaction has locked the row before */
	uint16		flags;			/* of the tombstone that the answer comes from, TSDB_TOMB_* */
} Claim;

bool
tsdb_chunk_find_row(TsdbStore *store, ItemPointer tid, bool checked, TsdbDirEntry *entry, uint32 *row)
{
	OffsetNumber offset = ItemPointerGetOffsetNumberNoCheck(tid);

	Assert(tsdb_tid_is_virtual(tid));
	if (offset < 1 || offset > TSDB_VBLOCK_ROWS ||
		!tsdb_directory_cache_find(store, tsdb_tid_vblock(tid), checked, entry))
		return false;
	*row = tsdb_tid_row(entry->d.first_vblock, tid);
	return *row < entry->d.nrows;
}

/* Where does a deleted row's successor stand?  Fills tmfd; TM_Deleted if there is none. */
static TM_Result
tell_gone(Claim *c, const ItemPointerData *next, TransactionId xmax, CommandId cmax)
{
	TM_FailureData *tmfd = c->tmfd;

	tmfd->xmax = xmax;
	tmfd->cmax = cmax;
	if (next == NULL || next->ip_posid == InvalidOffsetNumber)
	{
		/* as heap's t_ctid, which then is the tuple's own */
		tmfd->ctid = c->tid;
		return TM_Deleted;
	}
	tmfd->ctid = *next;
	/* a row moved to another partition counts as updated, on heap too */
	return TM_Updated;
}

/* The chunk is no more: whoever replaced or deleted it has committed. */
static TM_Result
judge_replaced(Claim *c)
{
	TsdbTombstone tombstone;
	ItemPointerData next;

	/* the row may have gone before the chunk went */
	if (tsdb_tombstone_find(c->store, &c->entry, c->row, &tombstone) == TSDB_TOMBSTONE_COMMITTED)
		return tell_gone(c, &tombstone.new_tid, tombstone.xmin, InvalidCommandId);
	if (tsdb_forward_find(c->store, &c->entry, c->entry.xmax, c->row, &next))
		return tell_gone(c, &next, c->entry.xmax, InvalidCommandId);
	return tell_gone(c, NULL, c->entry.xmax, InvalidCommandId);
}

/*
 * KEY SHARE beside an update in progress that keeps the key: the lock must hold on the new version too.
 * False: that can't be done, so wait.
 */
static bool
pass_update(Claim *c, const TsdbTombstone *tombstone)
{
	ItemPointerData next = tombstone->new_tid;

	return c->mode == LockTupleKeyShare && (tombstone->flags & TSDB_TOMB_KEYS_KEPT) != 0 &&
		ItemPointerIsValid(&next) && !tsdb_tid_is_virtual(&next) &&
		tsdb_row_carry_key_share(c->rel, &next, tombstone->xmin, GetCurrentTransactionId());
}

/* Under the locks of chunk and row.  TM_BeingModified: *xwait has to end first. */
static TM_Result
judge_row(Claim *c, TransactionId *xwait)
{
	TsdbTombstone tombstone;

	switch (tsdb_tombstone_find(c->store, &c->entry, c->row, &tombstone))
	{
		case TSDB_TOMBSTONE_NONE:
			return TM_Ok;
		case TSDB_TOMBSTONE_COMMITTED:
			/* who had to wait for an update is told of it, as by heapam, even if his lock would not have minded it */
			c->flags = c->lock.queued ? 0 : tombstone.flags;
			return tell_gone(c, &tombstone.new_tid, tombstone.xmin, InvalidCommandId);
		case TSDB_TOMBSTONE_OWN:
			(void) tell_gone(c, &tombstone.new_tid, tombstone.xmin, tombstone.cmin);
			return tombstone.cmin >= c->cid ? TM_SelfModified : TM_Invisible;
		case TSDB_TOMBSTONE_IN_PROGRESS:
			if (pass_update(c, &tombstone))
				return TM_Ok;
			*xwait = tombstone.xmin;
			return TM_BeingModified;
	}
	pg_unreachable();
}

/* For tsdb_row_lock_acquire. */
static bool
row_is_unchanged(void *arg)
{
	TransactionId xwait;

	return judge_row(arg, &xwait) == TM_Ok;
}

/*
 * Claims the row: on TM_Ok it is the latest version, alive, and nobody can change it (or lock it in a conflicting mode)
 * until the row's lock is given back or the transaction ends.  Fills tmfd otherwise, and holds no lock on the row.
 */
static TM_Result
claim_row(Claim *c)
{
	TsdbRowLockResult acquired;
	TransactionId xwait;
	CommandId	cmax;
	TM_Result	result;

	if (!tsdb_chunk_find_row(c->store, &c->tid, c->access->directory_checked, &c->entry, &c->row))
		return tell_gone(c, NULL, InvalidTransactionId, InvalidCommandId);
	c->access->directory_checked = true;
	if (!tsdb_row_lock_chunk(c->rel, c->entry.d.chunk_id, c->mode, c->policy))
		return TM_WouldBlock;
	c->lock.rel = c->rel;
	c->lock.tid = c->tid;
	c->lock.chunk_id = c->entry.d.chunk_id;
	c->lock.mode = c->mode;

	for (;;)
	{
		switch (tsdb_directory_update_status(c->store, &c->entry, c->cid, &cmax))
		{
			case TM_Ok:
				break;
			case TM_Invisible:
				result = TM_Invisible;
				goto failed;
			case TM_SelfModified:
				(void) tell_gone(c, NULL, c->entry.xmax, cmax);
				result = TM_SelfModified;
				goto failed;
			case TM_Updated:
			case TM_Deleted:
				result = judge_replaced(c);
				goto failed;
			default:
				/* who deletes an entry holds the chunk's lock exclusively; but chunks share locks with none */
				elog(ERROR, "chunk %u of table \"%s\" is being replaced by transaction %u under our lock",
					 c->entry.d.chunk_id, RelationGetRelationName(c->rel), c->entry.xmax);
		}

		c->was_locked = c->for_update && tsdb_row_lock_is_ours(&c->lock);
		acquired = tsdb_row_lock_acquire(&c->lock, c->policy, row_is_unchanged, c);
		if (acquired == TSDB_ROW_LOCK_NOT_GOT)
		{
			result = TM_WouldBlock;
			goto failed;
		}
		result = judge_row(c, &xwait);
		/* the change was rolled back while we looked, without the lock */
		if (result == TM_Ok && acquired == TSDB_ROW_LOCK_CHANGED)
			continue;
		if (result != TM_BeingModified)
			break;
		if (!tsdb_row_lock_wait(&c->lock, xwait, c->policy, c->for_update))
		{
			result = TM_WouldBlock;
			goto failed;
		}
	}

	if (result == TM_Ok && c->crosscheck != InvalidSnapshot &&
		!tsdb_directory_visible(c->store, &c->entry, c->crosscheck))
		result = tell_gone(c, &c->tid, InvalidTransactionId, InvalidCommandId);
	if (result == TM_Ok)
		return TM_Ok;

failed:
	tsdb_row_lock_done(&c->lock, false);
	return result;
}

static void
begin_claim(Claim *c, Relation rel, ItemPointer tid, CommandId cid, LockTupleMode mode, TM_FailureData *tmfd)
{
	if (IsInParallelMode())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_STATE),
				 errmsg("cannot change or lock rows during a parallel operation")));

	/* others find whom to wait for by it, and may put it into a multixact */
	(void) GetCurrentTransactionId();
	MultiXactIdSetOldestMember();

	memset(c, 0, sizeof(Claim));
	c->rel = rel;
	c->tid = *tid;
	c->cid = cid;
	c->mode = mode;
	c->policy = LockWaitBlock;
	c->tmfd = tmfd;
	c->access = tsdb_row_access_get(rel);
	c->store = tsdb_row_access_store(c->access);
}

/* The claimed version of the row into slot, whoever sees it. */
static bool
fetch_row(Claim *c, TupleTableSlot *slot)
{
	return tsdb_cursor_fetch(c->access->cursor, &c->tid, SnapshotAny, slot);
}

/*-------------- logical decoding --------------*/

/*
 * Decoding knows heap tuples only, and of a delete or update it needs the old version.  So that is put into
 * the row store, unseen by decoding (HEAP_INSERT_NO_LOGICAL), under a command id of its own, and deleted or
 * updated there under the next one: no snapshot's command id lies between, so nobody ever sees it.  The new version gets
 * the statement's command id back: whoever sees the tombstone must see it.
 */
static void
insert_old_version(Claim *c, TupleTableSlot *old, ItemPointer tid)
{
	HeapTuple	tuple = ExecCopySlotHeapTuple(old);

	CommandCounterIncrement();
	heap_insert(c->rel, tuple, GetCurrentCommandId(true), HEAP_INSERT_NO_LOGICAL, NULL);
	*tid = tuple->t_self;
	heap_freetuple(tuple);
	CommandCounterIncrement();

	/* heapam counts a row that the table does not get */
	pgstat_count_heap_insert(c->rel, -1);
}

static void
decode_delete(Claim *c, bool changing_partition)
{
	TupleTableSlot *old = tsdb_row_access_slot(c->access);
	TM_FailureData tmfd;
	ItemPointerData tid;
	TM_Result	result;

	if (!fetch_row(c, old))
		elog(ERROR, "claimed row is gone");
	insert_old_version(c, old, &tid);
	result = heap_delete(c->rel, &tid, GetCurrentCommandId(true), InvalidSnapshot, false, &tmfd,
						 changing_partition);
	if (result != TM_Ok)
		elog(ERROR, "old version of a chunk row was changed concurrently (result %d)", (int) result);
	CommandCounterIncrement();
	ExecClearTuple(old);
}

/* Gives a tuple that we have just written another command id; nobody else asks for it, nor does recovery. */
static void
set_cmin(Relation rel, ItemPointer tid, CommandId cmin)
{
	Buffer		buffer = ReadBuffer(rel, ItemPointerGetBlockNumber(tid));
	Page		page;
	HeapTupleHeader tuple;

	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	page = BufferGetPage(buffer);
	tuple = (HeapTupleHeader) PageGetItem(page, PageGetItemId(page, ItemPointerGetOffsetNumber(tid)));
	Assert(TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetRawXmin(tuple)));
	HeapTupleHeaderSetCmin(tuple, cmin);
	MarkBufferDirtyHint(buffer, true);
	UnlockReleaseBuffer(buffer);
}

/* The new version in slot goes to the row store as an update of the old one. */
static void
decode_update(Claim *c, TupleTableSlot *old, TupleTableSlot *slot, TU_UpdateIndexes *update_indexes)
{
	TM_FailureData tmfd;
	LockTupleMode lockmode;
	ItemPointerData tid;
	TM_Result	result;

	insert_old_version(c, old, &tid);
	result = TSDB_HEAPAM->tuple_update(c->rel, &tid, slot, GetCurrentCommandId(true), InvalidSnapshot,
									   InvalidSnapshot, false, &tmfd, &lockmode, update_indexes);
	if (result != TM_Ok)
		elog(ERROR, "old version of a chunk row was changed concurrently (result %d)", (int) result);
	CommandCounterIncrement();
	set_cmin(c->rel, &slot->tts_tid, c->cid);

	/* a heap-only tuple is found through its root's entries */
	if (*update_indexes != TU_All)
	{
		TsdbRowIndexer indexer;

		tsdb_row_indexer_begin(&indexer, c->rel);
		tsdb_row_indexer_insert(&indexer, old, &tid);
		tsdb_row_indexer_end(&indexer);
	}
}

/*-------------- DELETE --------------*/

TM_Result
tsdb_chunk_delete(Relation rel, ItemPointer tid, CommandId cid, Snapshot crosscheck,
				  bool wait, TM_FailureData *tmfd, bool changing_partition)
{
	Claim		c;
	TM_Result	result;

	begin_claim(&c, rel, tid, cid, LockTupleExclusive, tmfd);
	if (crosscheck == InvalidSnapshot && tsdb_bulk_delete_take(c.access, tid, cid, &result, tmfd))
	{
		if (result == TM_Ok)
			pgstat_count_heap_delete(rel);
		tsdb_row_access_put(c.access);
		return result;
	}
	c.crosscheck = crosscheck;
	c.policy = wait ? LockWaitBlock : LockWaitSkip;
	c.for_update = true;
	result = claim_row(&c);
	if (result == TM_Ok)
	{
		ItemPointerData moved;

		if (RelationIsLogicallyLogged(rel))
			decode_delete(&c, changing_partition);
		ItemPointerSetMovedPartitions(&moved);
		tsdb_tombstone_write(c.store, c.entry.d.chunk_id, c.row, 0, changing_partition ? &moved : NULL, cid);

		/*
		 * heapam checks under the page's lock before it writes.  Here a reader may come between: he locks the TID first
		 * and looks for a tombstone then, so we write first and look for locks then.
		 */
		CheckForSerializableConflictIn(rel, &c.tid, ItemPointerGetBlockNumber(&c.tid));
		tsdb_row_lock_done(&c.lock, false);
		if (!RelationIsLogicallyLogged(rel))
			pgstat_count_heap_delete(rel);
		tsdb_bulk_delete_note(c.access, &c.entry, cid);
	}
	tsdb_row_access_put(c.access);
	return result == TM_WouldBlock ? TM_BeingModified : result;
}

/*-------------- UPDATE --------------*/

/* Are all columns of unique keys in old as in slot?  After heapam.c: HeapDetermineColumnsInfo(). */
static bool
keys_kept(Relation rel, Bitmapset *key_attrs, TupleTableSlot *old, TupleTableSlot *slot)
{
	int			attnum = -1;

	while ((attnum = bms_next_member(key_attrs, attnum)) >= 0)
	{
		AttrNumber	attno = attnum + FirstLowInvalidHeapAttributeNumber;
		Form_pg_attribute att;
		Datum		old_value,
					value;
		bool		old_isnull,
					isnull;

		if (attno <= 0)
			return false;
		att = TupleDescAttr(RelationGetDescr(rel), attno - 1);
		old_value = slot_getattr(old, attno, &old_isnull);
		value = slot_getattr(slot, attno, &isnull);
		if (old_isnull != isnull ||
			(!isnull && !datum_image_eq(old_value, value, att->attbyval, att->attlen)))
			return false;
	}
	return true;
}

/*
 * heapam leaves the updater's earlier lock in the new version's xmax, and INSERT ... ON CONFLICT ... RETURNING xmax = 0
 * is how people tell inserted rows from updated ones.  There is nothing to lock for others in a version that they do not
 * see, so it is put into the returned tuple alone.
 */
static void
show_own_lock(TupleTableSlot *slot)
{
	HeapTuple	tuple;

	/* slots of another kind (of a partitioned table, say) have no system columns */
	if (!TTS_IS_TSDB(slot))
		return;
	tuple = ExecFetchSlotHeapTuple(slot, true, NULL);
	tuple->t_data->t_infomask &= ~HEAP_XMAX_BITS;
	tuple->t_data->t_infomask |= HEAP_XMAX_LOCK_ONLY | HEAP_XMAX_EXCL_LOCK;
	HeapTupleHeaderSetXmax(tuple->t_data, GetCurrentTransactionId());
}

TM_Result
tsdb_chunk_update(Relation rel, ItemPointer tid, TupleTableSlot *slot, CommandId cid,
				  Snapshot crosscheck, bool wait, TM_FailureData *tmfd,
				  LockTupleMode *lockmode, TU_UpdateIndexes *update_indexes)
{
	Bitmapset  *key_attrs = RelationGetIndexAttrBitmap(rel, INDEX_ATTR_BITMAP_KEY);
	bool		decoded = RelationIsLogicallyLogged(rel);
	TupleTableSlot *old = NULL;
	Claim		c;
	TM_Result	result;

	*update_indexes = TU_None;
	*lockmode = LockTupleNoKeyExclusive;
	begin_claim(&c, rel, tid, cid, *lockmode, tmfd);
	c.crosscheck = crosscheck;
	c.policy = wait ? LockWaitBlock : LockWaitSkip;
	c.for_update = true;

	if (!bms_is_empty(key_attrs) || decoded)
	{
		old = tsdb_row_access_slot(c.access);
		if (!fetch_row(&c, old))
		{
			tsdb_row_access_put(c.access);
			return tell_gone(&c, NULL, InvalidTransactionId, InvalidCommandId);
		}
		if (!keys_kept(rel, key_attrs, old, slot))
			*lockmode = c.mode = LockTupleExclusive;
	}

	result = claim_row(&c);
	if (result == TM_Ok)
	{
		bool		kept = *lockmode == LockTupleNoKeyExclusive;

		/* the new version first: a tombstone names it */
		if (decoded)
			decode_update(&c, old, slot, update_indexes);
		else
		{
			TSDB_HEAPAM->tuple_insert(rel, slot, cid, 0, NULL);
			*update_indexes = TU_All;

			if (c.was_locked)
				show_own_lock(slot);

			/* it was counted as an insert */
			pgstat_count_heap_insert(rel, -1);
			pgstat_count_heap_update(rel, false, false);
		}
		TSDB_INJECT("update-version");
		tsdb_tombstone_write(c.store, c.entry.d.chunk_id, c.row, kept ? TSDB_TOMB_KEYS_KEPT : 0,
							 &slot->tts_tid, cid);

		/* after the tombstone, both of them: see tsdb_chunk_delete and row_lock.c */
		CheckForSerializableConflictIn(rel, &c.tid, ItemPointerGetBlockNumber(&c.tid));
		if (kept)
			tsdb_row_carry_all_key_shares(rel, &c.tid, &slot->tts_tid);
		tsdb_row_lock_done(&c.lock, false);
	}

	if (old != NULL)
		ExecClearTuple(old);
	tsdb_row_access_put(c.access);
	bms_free(key_attrs);
	return result == TM_WouldBlock ? TM_BeingModified : result;
}

/*-------------- row locks --------------*/

/*
 * KEY SHARE of a version that a committed update has replaced which kept the key: it is to be had, on heap, without a
 * look at the new version's values, if the versions that followed can be locked likewise.
 */
static TM_Result
lock_later_versions(Claim *c, TupleTableSlot *scratch)
{
	ItemPointerData tid = c->tmfd->ctid;

	for (;;)
	{
		TM_FailureData tmfd;
		TM_Result	result;

		if (!tsdb_chain_is_version(c->rel, &tid, c->tmfd->xmax))
			return TM_Deleted;
		result = tsdb_chain_lock(c->rel, &tid, SnapshotAny, scratch, c->cid, LockTupleKeyShare, c->policy,
								 TUPLE_LOCK_FLAG_LOCK_UPDATE_IN_PROGRESS, &tmfd);
		ExecClearTuple(scratch);

		/* moved since, or updated without its key, and a later version was moved: go on with that */
		if (result != TM_Updated || !tsdb_chain_keeps_key(c->rel, &tid))
			return result;
		tid = tmfd.ctid;
		c->tmfd->xmax = tmfd.xmax;
	}
}

TM_Result
tsdb_chunk_lock_row(Relation rel, ItemPointer tid, TupleTableSlot *slot, CommandId cid,
					LockTupleMode mode, LockWaitPolicy wait_policy, uint8 flags, TM_FailureData *tmfd)
{
	Claim		c;
	TM_Result	result;

	begin_claim(&c, rel, tid, cid, mode, tmfd);
	c.policy = wait_policy;
	result = claim_row(&c);
	if (result == TM_Ok)
		tsdb_row_lock_done(&c.lock, true);
	else if (result == TM_Updated && mode == LockTupleKeyShare && (c.flags & TSDB_TOMB_KEYS_KEPT) != 0)
	{
		TM_FailureData updated = *tmfd;
		TM_Result	later = TM_Ok;

		if ((flags & TUPLE_LOCK_FLAG_LOCK_UPDATE_IN_PROGRESS) != 0)
			later = lock_later_versions(&c, tsdb_row_access_slot(c.access));
		*tmfd = updated;
		if (later == TM_Ok || later == TM_WouldBlock)
			result = later;
	}
	(void) fetch_row(&c, slot);
	tsdb_row_access_put(c.access);
	return result;
}

/*-------------- versions --------------*/

bool
tsdb_chunk_next_version(Relation rel, ItemPointer tid, ItemPointer next, TransactionId *xid, bool *in_progress,
						uint16 *flags)
{
	TsdbStore  *store = tsdb_store_open(rel, AccessShareLock);
	TsdbTombstone tombstone;
	TsdbDirEntry entry;
	uint32		row;
	bool		found = false;

	*in_progress = false;
	*flags = TSDB_NEXT_MOVED;
	ItemPointerSetInvalid(next);
	if (store == NULL)
		return false;
	if (tsdb_chunk_find_row(store, tid, false, &entry, &row))
	{
		switch (tsdb_tombstone_find(store, &entry, row, &tombstone))
		{
			case TSDB_TOMBSTONE_IN_PROGRESS:
				*in_progress = true;
				/* FALLTHROUGH */
			case TSDB_TOMBSTONE_OWN:
			case TSDB_TOMBSTONE_COMMITTED:
				*flags = tombstone.flags;
				*next = tombstone.new_tid;
				*xid = tombstone.xmin;
				found = ItemPointerIsValid(next);
				break;
			case TSDB_TOMBSTONE_NONE:
				/* xmax as it is now */
				(void) tsdb_directory_visible(store, &entry, SnapshotAny);
				*xid = entry.xmax;
				found = TransactionIdIsNormal(entry.xmax) &&
					(TransactionIdIsCurrentTransactionId(entry.xmax) || TransactionIdDidCommit(entry.xmax)) &&
					tsdb_forward_find(store, &entry, entry.xmax, row, next);
				break;
		}
	}
	tsdb_store_close(store);
	return found;
}

TransactionId
tsdb_chunk_row_xmax(Oid relid, ItemPointer tid)
{
	Relation	rel = table_open(relid, AccessShareLock);
	TsdbStore  *store = tsdb_store_open(rel, AccessShareLock);
	TransactionId xmax = InvalidTransactionId;
	TsdbTombstone tombstone;
	TsdbDirEntry entry;
	uint32		row;

	if (store != NULL)
	{
		if (tsdb_chunk_find_row(store, tid, false, &entry, &row) &&
			tsdb_tombstone_find(store, &entry, row, &tombstone) != TSDB_TOMBSTONE_NONE)
			xmax = tombstone.xmin;
		tsdb_store_close(store);
	}
	table_close(rel, AccessShareLock);
	return xmax;
}
