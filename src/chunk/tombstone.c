/*-------------------------------------------------------------------------
 * tombstone.c
 *	  Tombstones: rows of chunks that were deleted or updated.
 *
 * Used by chunk_reader.c and am/ (statements that change chunk rows, movers, index builds, vacuum).
 *
 * Invariant: whoever writes a tombstone holds the chunk lock and the row's tuple lock and has found no
 * other one, so that at most one of a row is not of an aborted transaction; the unique
 * index of the TOAST relation would refuse a second.
 *-------------------------------------------------------------------------
 */
#include "chunk/tombstone.h"
#include "chunk/chunk_reader.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "access/xact.h"
#include "injection.h"
#include "storage/bufmgr.h"
#include "storage/predicate.h"
#include "storage/procarray.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* As HeapTupleSatisfiesUpdate() judges an xmin; hint bits are left to others. */
static TsdbTombstoneState
judge(HeapTupleHeader tuple)
{
	TransactionId xmin = HeapTupleHeaderGetRawXmin(tuple);

	if (HeapTupleHeaderXminCommitted(tuple))
		return TSDB_TOMBSTONE_COMMITTED;
	if (HeapTupleHeaderXminInvalid(tuple))
		return TSDB_TOMBSTONE_NONE;
	if (TransactionIdIsCurrentTransactionId(xmin))
		return TSDB_TOMBSTONE_OWN;
	/* in this order: see the head of heapam_visibility.c */
	if (TransactionIdIsInProgress(xmin))
		return TSDB_TOMBSTONE_IN_PROGRESS;
	return TransactionIdDidCommit(xmin) ? TSDB_TOMBSTONE_COMMITTED : TSDB_TOMBSTONE_NONE;
}

/* Copies and checks the bytes; returns the row. */
static uint32
check(TsdbStore *store, const TsdbDirEntry *entry, const TsdbStoredTuple *stored, TsdbTombstoneDisk *disk)
{
	Oid			chunk_id = entry->d.chunk_id;
	int64		row = -(int64) stored->chunk_seq - 1;

	if (stored->len != sizeof(*disk))
		tsdb_report_corruption(store->rel, chunk_id, NULL,
							   "tombstone " INT64_FORMAT " has %zu bytes", row, stored->len);
	memcpy(disk, stored->data, sizeof(*disk));
	if (disk->crc != tsdb_crc_behind(disk, sizeof(*disk)))
		tsdb_report_corruption(store->rel, chunk_id, NULL,
							   "checksum of tombstone " INT64_FORMAT " does not match", row);
	if (disk->version == 0 || disk->version > TSDB_FORMAT_VERSION)
		tsdb_report_version(store->rel, chunk_id, disk->version, TSDB_FORMAT_VERSION);
	if ((disk->flags & ~TSDB_TOMB_KNOWN_FLAGS) != 0 || disk->spare != 0 || row >= entry->d.nrows)
		tsdb_report_corruption(store->rel, chunk_id, NULL,
							   "tombstone of row " INT64_FORMAT " of %u, flags %u",
							   row, entry->d.nrows, disk->flags);
	return (uint32) row;
}

uint32
tsdb_tombstone_row(TsdbStore *store, const TsdbDirEntry *entry, const TsdbStoredTuple *stored)
{
	TsdbTombstoneDisk disk;

	return check(store, entry, stored, &disk);
}

void
tsdb_tombstone_parse(TsdbStore *store, const TsdbDirEntry *entry, const TsdbStoredTuple *stored,
					 TsdbTombstone *tombstone)
{
	HeapTupleHeader tuple = stored->tuple->t_data;
	TsdbTombstoneDisk disk;

	tombstone->row = check(store, entry, stored, &disk);
	tombstone->flags = disk.flags;
	tombstone->new_tid.ip_blkid = disk.new_blk;
	tombstone->new_tid.ip_posid = disk.new_off;
	tombstone->frozen = HeapTupleHeaderXminFrozen(tuple);
	tombstone->xmin = HeapTupleHeaderGetRawXmin(tuple);
	tombstone->state = judge(tuple);
	tombstone->cmin = tombstone->state == TSDB_TOMBSTONE_OWN ? HeapTupleHeaderGetCmin(tuple) : InvalidCommandId;
}

void
tsdb_tombstone_scan_begin(TsdbTombstoneScan *scan, TsdbStore *store, const TsdbDirEntry *entry)
{
	scan->entry = entry;
	scan->scan = tsdb_store_scan_begin(store, entry->d.chunk_id, PG_INT32_MIN, -1, SnapshotAny);
}

bool
tsdb_tombstone_scan_next(TsdbTombstoneScan *scan, TsdbStore *store, TsdbTombstone *tombstone)
{
	while (tsdb_store_scan_next(scan->scan, &scan->stored))
	{
		tsdb_tombstone_parse(store, scan->entry, &scan->stored, tombstone);
		if (tombstone->state != TSDB_TOMBSTONE_NONE)
			return true;
	}
	return false;
}

void
tsdb_tombstone_scan_end(TsdbTombstoneScan *scan)
{
	tsdb_store_scan_end(scan->scan);
}

TsdbTombstoneState
tsdb_tombstone_find(TsdbStore *store, const TsdbDirEntry *entry, uint32 row, TsdbTombstone *tombstone)
{
	int32		seq = -(int32) row - 1;
	TsdbStoreScan *scan = tsdb_store_scan_begin(store, entry->d.chunk_id, seq, seq, SnapshotAny);
	TsdbStoredTuple stored;

	tombstone->state = TSDB_TOMBSTONE_NONE;
	while (tombstone->state == TSDB_TOMBSTONE_NONE && tsdb_store_scan_next(scan, &stored))
		tsdb_tombstone_parse(store, entry, &stored, tombstone);
	tsdb_store_scan_end(scan);
	return tombstone->state;
}

bool
tsdb_tombstone_visible(TsdbStore *store, const TsdbDirEntry *entry, uint32 row, Snapshot snapshot)
{
	TsdbStoredTuple stored;

	Assert(IsMVCCSnapshot(snapshot));
	if (!tsdb_store_read_key(store, entry->d.chunk_id, -(int32) row - 1, snapshot, &stored))
		return false;
	tsdb_store_release(&stored);
	return true;
}

static void
count_one(const TsdbStoredTuple *stored, void *arg)
{
	(*(uint32 *) arg)++;
}

uint32
tsdb_tombstones_count(TsdbStore *store, const TsdbDirEntry *entry, Snapshot snapshot)
{
	uint32		count = 0;

	tsdb_store_visit(store, entry->d.chunk_id, PG_INT32_MIN, -1, snapshot, count_one, &count);
	return Min(count, entry->d.nrows);
}

bool
tsdb_tombstones_exist(TsdbStore *store, const TsdbDirEntry *entry)
{
	TsdbTombstoneScan scan;
	TsdbTombstone tombstone;
	bool		exist;

	tsdb_tombstone_scan_begin(&scan, store, entry);
	exist = tsdb_tombstone_scan_next(&scan, store, &tombstone);
	tsdb_tombstone_scan_end(&scan);
	return exist;
}

bool
tsdb_tombstone_is_dead(const TsdbTombstone *tombstone, TransactionId oldest_xmin)
{
	return (tombstone->flags & TSDB_TOMB_NOT_MOVED) != 0 || tombstone->frozen ||
		(tombstone->state == TSDB_TOMBSTONE_COMMITTED &&
		 TransactionIdPrecedes(tombstone->xmin, oldest_xmin));
}

void
tsdb_tombstones_judge(TsdbStore *store, const TsdbDirEntry *entry, TransactionId oldest_xmin,
					  uint64 *dead, uint64 *dying)
{
	TsdbTombstoneScan scan;
	TsdbTombstone tombstone;

	tsdb_tombstone_scan_begin(&scan, store, entry);
	while (tsdb_tombstone_scan_next(&scan, store, &tombstone))
		tsdb_row_bits_set(tsdb_tombstone_is_dead(&tombstone, oldest_xmin) ? dead : dying, tombstone.row);
	tsdb_tombstone_scan_end(&scan);
}

void
tsdb_tombstone_write(TsdbStore *store, Oid chunk_id, uint32 row, uint16 flags,
					 ItemPointer new_version, CommandId cid)
{
	TsdbTombstoneDisk disk;
	ItemPointerData none;

	Assert(row < TSDB_CHUNK_MAX_ROWS);
	Assert((flags & ~TSDB_TOMB_KNOWN_FLAGS) == 0);
	if (new_version == NULL)
	{
		ItemPointerSetInvalid(&none);
		new_version = &none;
	}
	memset(&disk, 0, sizeof(disk));
	disk.version = TSDB_FORMAT_VERSION;
	disk.flags = flags;
	disk.new_blk = new_version->ip_blkid;
	disk.new_off = new_version->ip_posid;
	disk.crc = tsdb_crc_behind(&disk, sizeof(disk));
	(void) tsdb_store_insert(store, chunk_id, -((int32) row + 1), &disk, sizeof(disk), cid, 0, false);
	TSDB_INJECT("tombstone");
}
