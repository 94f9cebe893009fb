/*-------------------------------------------------------------------------
 * tombstone.h
 *	  Tombstones: rows of chunks that were deleted or updated.
 *
 * A tombstone is a tuple with key (chunk id, -(row + 1)).  Its xmin deleted the row.  Its own
 * xmax only says that it went together with its chunk, so nobody judges it by that.  At most one tombstone of
 * a row is not of an aborted transaction.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_TOMBSTONE_H
#define TSDB_TOMBSTONE_H

#include "chunk/directory.h"

/* What its xmin says of a tombstone. */
typedef enum TsdbTombstoneState
{
	TSDB_TOMBSTONE_NONE,		/* there is none, or its transaction aborted */
	TSDB_TOMBSTONE_OWN,			/* the current transaction's */
	TSDB_TOMBSTONE_IN_PROGRESS, /* of somebody else, who is not through */
	TSDB_TOMBSTONE_COMMITTED
} TsdbTombstoneState;

typedef struct TsdbTombstone
{
	TsdbTombstoneState state;
	uint32		row;
	uint16		flags;			/* TSDB_TOMB_* */
	bool		frozen;			/* everybody sees the row's deletion */
	ItemPointerData new_tid;	/* of the new version; invalid: deleted; may be core's mark of a moved partition */
	TransactionId xmin;			/* raw */
	CommandId	cmin;			/* if OWN */
} TsdbTombstone;

/*
 * Takes a stored tombstone apart (checked: ERRCODE_DATA_CORRUPTED, or FEATURE_NOT_SUPPORTED for a newer
 * format), and judges it.  The caller holds its pin.
 */
extern void tsdb_tombstone_parse(TsdbStore *store, const TsdbDirEntry *entry, const TsdbStoredTuple *stored,
								 TsdbTombstone *tombstone);

/* The row of a stored tombstone, checked likewise. */
extern uint32 tsdb_tombstone_row(TsdbStore *store, const TsdbDirEntry *entry, const TsdbStoredTuple *stored);

/* The tombstone of a row that is not of an aborted transaction; TSDB_TOMBSTONE_NONE if there is none. */
extern TsdbTombstoneState tsdb_tombstone_find(TsdbStore *store, const TsdbDirEntry *entry, uint32 row,
											  TsdbTombstone *tombstone);

/* Does the MVCC snapshot see a tombstone of this row?  Checks for serializable conflicts as heapam does. */
extern bool tsdb_tombstone_visible(TsdbStore *store, const TsdbDirEntry *entry, uint32 row, Snapshot snapshot);

/* How many rows of a chunk an MVCC snapshot does not see because of tombstones. */
extern uint32 tsdb_tombstones_count(TsdbStore *store, const TsdbDirEntry *entry, Snapshot snapshot);

/* Walks all tombstones of a chunk that are not of aborted transactions, by falling row number. */
typedef struct TsdbTombstoneScan
{
	const TsdbDirEntry *entry;
	TsdbStoreScan *scan;
	TsdbStoredTuple stored;		/* the one returned last */
} TsdbTombstoneScan;

extern void tsdb_tombstone_scan_begin(TsdbTombstoneScan *scan, TsdbStore *store, const TsdbDirEntry *entry);
extern bool tsdb_tombstone_scan_next(TsdbTombstoneScan *scan, TsdbStore *store, TsdbTombstone *tombstone);
extern void tsdb_tombstone_scan_end(TsdbTombstoneScan *scan);

/* Has the chunk a tombstone, of whatever transaction that did not abort? */
extern bool tsdb_tombstones_exist(TsdbStore *store, const TsdbDirEntry *entry);

/* Has the row gone for everybody?  (Or never been, where it was not moved.) */
extern bool tsdb_tombstone_is_dead(const TsdbTombstone *tombstone, TransactionId oldest_xmin);

/*
 * Sets the bits of rows that are so dead, and of those that are deleted or being deleted, but
 * may still be seen by somebody (dying).  The bitmaps come zeroed.
 */
extern void tsdb_tombstones_judge(TsdbStore *store, const TsdbDirEntry *entry, TransactionId oldest_xmin,
								  uint64 *dead, uint64 *dying);

/*
 * Writes a tombstone, by the current transaction.  new_version: NULL if the row was deleted.  The caller has made sure
 * (locks, tsdb_tombstone_find) that there is none.
 */
extern void tsdb_tombstone_write(TsdbStore *store, Oid chunk_id, uint32 row, uint16 flags,
								 ItemPointer new_version, CommandId cid);

#endif							/* TSDB_TOMBSTONE_H */
