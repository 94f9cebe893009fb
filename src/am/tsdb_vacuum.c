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
 * to everybody, will never be seen again.  Numbers from N on are alive: their entry may come
 * after we have read the directory.
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
#include "commands/vacuum.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "storage/procarray.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

/* Virtual blocks that are alive: ranges of entries that are not dead, sorted, and all from next_vblock on. */
typedef struct LiveBlocks
{
	TsdbDirEntry *entries;
	int			nentries;
	uint32		next_vblock;
} LiveBlocks;

static bool
index_entry_is_dead(ItemPointer tid, void *arg)
{
	LiveBlocks *live = arg;
	uint32		vblock;

	if (!tsdb_tid_is_virtual(tid))
		return false;
	vblock = tsdb_tid_vblock(tid);
	return vblock < live->next_vblock &&
		tsdb_directory_find(live->entries, live->nentries, vblock) < 0;
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
	FullTransactionId next = ReadNextFullTransactionId();
	uint32		epoch = EpochFromFullTransactionId(next);
	xl_btree_reuse_page record;

	if (!TransactionIdIsNormal(latest) || !RelationNeedsWAL(rel) || !XLogStandbyInfoActive())
		return;
	if (latest > XidFromFullTransactionId(next))
		epoch--;
	record.node = rel->rd_node;
	record.block = InvalidBlockNumber;
	record.latestRemovedFullXid = FullTransactionIdFromEpochAndXid(epoch, latest);
	XLogBeginInsert();
	XLogRegisterData((char *) &record, SizeOfBtreeReusePage);
	(void) XLogInsert(RM_BTREE_ID, XLOG_BTREE_REUSE_PAGE);
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
	BlockNumber all_visible;
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

	visibilitymap_count(rel, &all_visible, NULL);
	vac_update_relstats(rel, pages, Max(heap_tuples, 0) + rows, Min(all_visible, pages),
						rel->rd_rel->relhasindex, InvalidTransactionId, InvalidMultiXactId,
						&frozenxid_updated, &minmulti_updated, false);

	if (pgstat_should_count_relation(rel))
		rel->pgstat_info->t_counts.t_delta_live_tuples += rows;
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
	live.nentries = 0;
	right = root;
	right.est_chunks = right.est_rows = right.est_raw_bytes = right.est_stored_bytes = 0;
	for (i = 0; i < nentries; i++)
	{
		HTSV_Result status = tsdb_directory_status(store, &entries[i], oldest_xmin);

		if (status == HEAPTUPLE_DEAD)
		{
			/* an aborted writer's has no xmax, and was never seen */
			if (TransactionIdIsNormal(entries[i].xmax) &&
				(!TransactionIdIsValid(latest_removed) ||
				 TransactionIdFollows(entries[i].xmax, latest_removed)))
				latest_removed = entries[i].xmax;
			continue;
		}
		live.entries[live.nentries++] = entries[i];
		if (status == HEAPTUPLE_RECENTLY_DEAD || status == HEAPTUPLE_DELETE_IN_PROGRESS)
			dying++;
		if (status == HEAPTUPLE_RECENTLY_DEAD)
			continue;
		right.est_chunks++;
		right.est_rows += entries[i].d.nrows;
		right.est_raw_bytes += entries[i].d.raw_bytes;
		right.est_stored_bytes += entries[i].d.stored_bytes;
	}

	/*
	 * Index entries of dead rows exist if chunks were deleted, and if writers aborted (then
	 * the running total of chunks is too high, and stays so until they are cleaned).
	 */
	if (!rel->rd_rel->relhasindex)
		cleaned = root.removed;
	else if (root.removed > dying || root.est_chunks > right.est_chunks)
	{
		if (params->index_cleanup != VACOPTVALUE_DISABLED)
		{
			log_removal_horizon(rel, latest_removed);
			clean_indexes(rel, &live, bstrategy);
			cleaned = root.removed - Min(root.removed, dying);
		}
		else
			right.est_chunks = root.est_chunks;
	}

	tsdb_root_correct(store, &root, &right, cleaned);
	count_chunk_rows(rel, right.est_rows);
	if (right.est_chunks > 0)
		tsdb_ensure_main_page(rel);

	tsdb_store_close(store);
	pfree(entries);
	pfree(live.entries);
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
	vacuum_chunks(rel, params, bstrategy);
}
