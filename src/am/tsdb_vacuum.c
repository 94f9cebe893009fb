/*-------------------------------------------------------------------------
 * tsdb_vacuum.c
 *	  VACUUM of a tsdb table: the row store by heapam, then what it does not know of.
 *
 * The chunk store's tuples are vacuumed by core as those of any TOAST relation.  Left for us:
 *	 - index entries of dead chunk rows, in a pass of index_bulk_delete of our own;
 *	 - the root's running totals, and the row count of pg_class, which count both stores;
 *	 - the one page that the main fork keeps.
 *
 * When is an index entry dead?  The root's next free block N is read first, then the directory
 * with SnapshotAny.  A virtual block below N whose number no entry holds, or an entry that is dead
 * to everybody, will never be seen again; nor will a row with a tombstone that is dead so.  Numbers from N on are alive:
 * their entry may come after we have read the directory.
 *
 * A tombstone stays as long as its chunk, but its row's index entries go once.  The root remembers the horizon of the last
 * cleaning: rows deleted before it have no entries left.
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/multixact.h"
#include "access/nbtxlog.h"
#include "access/transam.h"
#include "access/visibilitymap.h"
#include "access/xloginsert.h"
#include "am/direct_load.h"
#include "am/tsdb_am_internal.h"
#include "catalog/index.h"
#include "catalog/pg_am_d.h"
#include "chunk/tombstone.h"
#include "commands/vacuum.h"
#include "injection.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "storage/procarray.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

/* Index entries of so small a part of the rows are not worth a pass over all indexes; as heapam's BYPASS_THRESHOLD_PAGES. */
#define CLEAN_THRESHOLD		0.02

/* Virtual blocks that are alive: ranges of entries that are not dead, sorted, and all from next_vblock on. */
typedef struct LiveBlocks
{
	TsdbDirEntry *entries;
	uint64	  **dead_rows;		/* [nentries] bitmap, NULL = none */
	int			nentries;
	uint32		next_vblock;
} LiveBlocks;

static bool
index_entry_is_dead(ItemPointer tid, void *arg)
{
	LiveBlocks *live = arg;
	uint32		vblock;
	uint32		row;
	int			found;

	if (!tsdb_tid_is_virtual(tid))
		return false;
	vblock = tsdb_tid_vblock(tid);
	if (vblock >= live->next_vblock)
		return false;
	found = tsdb_directory_find(live->entries, live->nentries, vblock);
	if (found < 0)
		return true;
	if (live->dead_rows[found] == NULL)
		return false;
	row = tsdb_tid_row(live->entries[found].d.first_vblock, tid);
	return row < live->entries[found].d.nrows && tsdb_row_bits_test(live->dead_rows[found], row);
}

/* 64 bits of a transaction id that is less than 2^31 transactions old. */
static uint64
full_xid(TransactionId xid)
{
	FullTransactionId next = ReadNextFullTransactionId();
	uint32		epoch = EpochFromFullTransactionId(next);

	if (xid > XidFromFullTransactionId(next))
		epoch--;
	return U64FromFullTransactionId(FullTransactionIdFromEpochAndXid(epoch, xid));
}

static void
remember_latest(TransactionId *latest, TransactionId xid)
{
	if (TransactionIdIsNormal(xid) &&
		(!TransactionIdIsValid(*latest) || TransactionIdFollows(xid, *latest)))
		*latest = xid;
}

/* What the tombstones of a chunk say. */
typedef struct TombstoneCount
{
	uint64		deleted;		/* rows that new snapshots do not see */
	uint64		dead;			/* rows that nobody sees, and that indexes may still have */
	TransactionId latest;		/* youngest deleter of those */
} TombstoneCount;

/* Adds to *count; returns the bitmap of dead rows, or NULL. */
static uint64 *
count_tombstones(TsdbStore *store, const TsdbDirEntry *entry, TransactionId oldest_xmin, uint64 cleaned_xid,
				 TombstoneCount *count)
{
	TsdbTombstoneScan scan;
	TsdbTombstone tombstone;
	uint64	   *dead = NULL;

	tsdb_tombstone_scan_begin(&scan, store, entry);
	while (tsdb_tombstone_scan_next(&scan, store, &tombstone))
	{
		bool		never = (tombstone.flags & TSDB_TOMB_NOT_MOVED) != 0;

		if (never || tombstone.state == TSDB_TOMBSTONE_COMMITTED)
			count->deleted++;
		if (!tsdb_tombstone_is_dead(&tombstone, oldest_xmin))
			continue;
		if (dead == NULL)
			dead = palloc0(tsdb_row_bits_words(entry->d.nrows) * sizeof(uint64));
		tsdb_row_bits_set(dead, tombstone.row);

		/* rows that never were have no index entries */
		if (!never && TransactionIdIsNormal(tombstone.xmin) && full_xid(tombstone.xmin) >= cleaned_xid)
		{
			count->dead++;
			if (!tombstone.frozen)
				remember_latest(&count->latest, tombstone.xmin);
		}
	}
	tsdb_tombstone_scan_end(&scan);
	return dead;
}

/*
 * Tells standbys that what transactions up to "latest" deleted is about to go.
 *
 * Heap's vacuum prunes tuples, with a record that makes standbys wait for (or cancel) older snapshots, before it
 * removes their index entries.  Ours come off the indexes while the chunk's tuples wait for the TOAST
 * relation's vacuum, so that a standby's old snapshot would find the chunk by sequential scan but not by index.
 * Of core's records, the one that btree logs before it uses a page again does this and nothing else.
 */
static void
log_removal_horizon(Relation rel, TransactionId latest)
{
	if (!TransactionIdIsNormal(latest) || !RelationNeedsWAL(rel) || !XLogStandbyInfoActive())
		return;
	compat_log_btree_reuse_page(rel, FullTransactionIdFromU64(full_xid(latest)));
}

/* Removes index entries of dead chunk rows from all indexes. */
static void
clean_indexes(Relation rel, LiveBlocks *live, BufferAccessStrategy bstrategy)
{
	Relation   *indexes;
	int			nindexes;
	int			i;

	vac_open_indexes(rel, RowExclusiveLock, &nindexes, &indexes);
	for (i = 0; i < nindexes; i++)
	{
		IndexVacuumInfo info;
		IndexBulkDeleteResult *stats;

		/* holds no chunk rows */
		if (indexes[i]->rd_rel->relam == BRIN_AM_OID)
			continue;

		memset(&info, 0, sizeof(info));
		info.index = indexes[i];
		info.report_progress = false;
		info.estimated_count = true;
		info.message_level = DEBUG2;
		info.num_heap_tuples = rel->rd_rel->reltuples;
		info.strategy = bstrategy;

		stats = index_bulk_delete(&info, NULL, index_entry_is_dead, live);
		TSDB_INJECT("vacuum-index");
		stats = index_vacuum_cleanup(&info, stats);
		if (stats)
			pfree(stats);
	}
	vac_close_indexes(nindexes, indexes, NoLock);
}

/* pg_class.reltuples and the statistics system, left by heapam with the row store's count, get the chunk rows. */
static void
count_chunk_rows(Relation rel, uint64 rows)
{
	BlockNumber pages = RelationGetNumberOfBlocks(rel);
	BlockNumber all_visible,
				all_frozen;
	double		heap_tuples;
	bool		frozenxid_updated,
				minmulti_updated;
	HeapTuple	tuple;

	CommandCounterIncrement();
	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(RelationGetRelid(rel)));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", RelationGetRelid(rel));
	heap_tuples = ((Form_pg_class) GETSTRUCT(tuple))->reltuples;
	ReleaseSysCache(tuple);

	visibilitymap_count(rel, &all_visible, &all_frozen);
	vac_update_relstats(rel, pages, Max(heap_tuples, 0) + rows, Min(all_visible, pages), Min(all_frozen, pages),
						rel->rd_rel->relhasindex, InvalidTransactionId, InvalidMultiXactId,
						&frozenxid_updated, &minmulti_updated, false);

	if (pgstat_should_count_relation(rel))
		PGSTAT_TABLE_COUNT(rel, delta_live_tuples) += rows;
}

static void
vacuum_chunks(Relation rel, VacuumParams *params, BufferAccessStrategy bstrategy)
{
	TsdbStore  *store = tsdb_store_open(rel, RowExclusiveLock);
	TsdbRootDisk root;
	TsdbRootDisk right;
	LiveBlocks	live;
	TsdbDirEntry *entries;
	int			nentries,
				i;
	uint32		dying = 0;		/* deleted, but perhaps still seen by somebody */
	uint32		cleaned = 0;
	TransactionId oldest_xmin;
	TransactionId latest_removed = InvalidTransactionId;
	TombstoneCount tombstones = {0, 0, InvalidTransactionId};
	uint64		cleaned_xid;
	bool		clean;

	if (store == NULL)
		return;
	if (!tsdb_root_read(store, &root))
	{
		tsdb_store_close(store);
		return;
	}

	/* the root was read first: see the head of this file */
	entries = tsdb_directory_read(store, SnapshotAny, &nentries);
	oldest_xmin = GetOldestNonRemovableTransactionId(store->toastrel);
	live.next_vblock = root.next_vblock;
	live.entries = palloc(Max(nentries, 1) * sizeof(TsdbDirEntry));
	live.dead_rows = palloc(Max(nentries, 1) * sizeof(uint64 *));
	live.nentries = 0;
	cleaned_xid = root.cleaned_xid;
	right = root;
	right.est_chunks = right.est_rows = right.est_raw_bytes = right.est_stored_bytes = 0;
	for (i = 0; i < nentries; i++)
	{
		HTSV_Result status;

		/* xmax as it is now: who deleted the chunk since the directory was read counts for the standbys' horizon */
		(void) tsdb_directory_visible(store, &entries[i], SnapshotAny);
		status = tsdb_directory_status(store, &entries[i], oldest_xmin);

		if (status == HEAPTUPLE_DEAD)
		{
			/* an aborted writer's has no xmax, and was never seen */
			remember_latest(&latest_removed, entries[i].xmax);
			continue;
		}
		live.entries[live.nentries] = entries[i];
		live.dead_rows[live.nentries] = NULL;
		if (status == HEAPTUPLE_RECENTLY_DEAD || status == HEAPTUPLE_DELETE_IN_PROGRESS)
			dying++;
		if (status != HEAPTUPLE_RECENTLY_DEAD)
			live.dead_rows[live.nentries] =
				count_tombstones(store, &entries[i], oldest_xmin, root.cleaned_xid, &tombstones);
		live.nentries++;
		if (status == HEAPTUPLE_RECENTLY_DEAD)
			continue;
		right.est_chunks++;
		right.est_rows += entries[i].d.nrows;
		right.est_raw_bytes += entries[i].d.raw_bytes;
		right.est_stored_bytes += entries[i].d.stored_bytes;
	}

	/*
	 * Index entries of dead rows exist if chunks or rows were deleted, and if writers aborted (then
	 * the running total of chunks is too high, and stays so until they are cleaned).
	 */
	clean = root.removed > dying || root.est_chunks > right.est_chunks;
	if (params->index_cleanup == VACOPTVALUE_ENABLED)
		clean = clean || tombstones.dead > 0;
	else
		clean = clean || tombstones.dead > CLEAN_THRESHOLD * right.est_rows;
	if (!rel->rd_rel->relhasindex)
	{
		cleaned = root.removed;
		cleaned_xid = full_xid(oldest_xmin);
	}
	else if (clean)
	{
		if (params->index_cleanup != VACOPTVALUE_DISABLED)
		{
			remember_latest(&latest_removed, tombstones.latest);
			log_removal_horizon(rel, latest_removed);
			clean_indexes(rel, &live, bstrategy);
			cleaned = root.removed - Min(root.removed, dying);
			cleaned_xid = full_xid(oldest_xmin);
		}
		else
			right.est_chunks = root.est_chunks;
	}

	tsdb_root_correct(store, &root, &right, cleaned, cleaned_xid);
	count_chunk_rows(rel, right.est_rows - Min(right.est_rows, tombstones.deleted));
	if (right.est_chunks > 0)
		tsdb_ensure_main_page(rel);

	tsdb_store_close(store);
	for (i = 0; i < live.nentries; i++)
	{
		if (live.dead_rows[i] != NULL)
			pfree(live.dead_rows[i]);
	}
	pfree(entries);
	pfree(live.entries);
	pfree(live.dead_rows);
}

/* By the running total: a guess is enough. */
static bool
has_chunks(Relation rel)
{
	TsdbStore  *store = tsdb_store_open(rel, AccessShareLock);
	TsdbRootDisk root;
	bool		result = false;

	if (store != NULL)
	{
		result = tsdb_root_read(store, &root) && root.est_chunks > 0;
		tsdb_store_close(store);
	}
	return result;
}

void
tsdb_relation_vacuum(Relation rel, struct VacuumParams *params, BufferAccessStrategy bstrategy)
{
	VacuumParams heap_params = *params;

	tsdb_direct_load_settle(rel);

	/* the page that a table with chunks keeps is not worth the lock that truncation takes, here and on standbys */
	if (RelationGetNumberOfBlocks(rel) == 1 && has_chunks(rel))
		heap_params.truncate = VACOPTVALUE_DISABLED;
	heap_vacuum_rel(rel, &heap_params, bstrategy);
	TSDB_INJECT("vacuum-rows");
	vacuum_chunks(rel, params, bstrategy);
}
