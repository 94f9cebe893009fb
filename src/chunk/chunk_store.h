/*-------------------------------------------------------------------------
 * chunk_store.h
 *	  Tuples of the chunk store: insert, find, delete in the TOAST relation.
 *
 * The lowest layer over heapam: knows keys and bytes, not what they mean.
 * Locks: the caller holds a lock on the table; tsdb_store_open takes AccessShareLock or
 * RowExclusiveLock on the TOAST relation and keeps it to transaction end.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_CHUNK_STORE_H
#define TSDB_CHUNK_STORE_H

#include "chunk/chunk_format.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "lib/ilist.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"

/* An open chunk store.  Lives in the context current at open. */
typedef struct TsdbStore
{
	Relation	rel;			/* the table; the caller keeps it open */
	Relation	toastrel;		/* its TOAST relation, opened by us */
	Relation   *indexes;		/* all its indexes (more than one during REINDEX CONCURRENTLY) */
	int			nindexes;
	int			valid_index;	/* index to read with */
	LOCKMODE	lockmode;
	/* writers only, lazily made */
	BulkInsertState bulk_segment;
	BulkInsertState bulk_small;
	BufferAccessStrategy strategy;	/* of reads by TID; NULL = as usual.  The caller's, who sets it */
	/* private to this folder */
	MemoryContext cxt;
	BlockNumber nblocks;		/* of toastrel when last asked; our lock keeps it from shrinking */
	ItemPointerData root_tid;	/* where directory.c last found the root */
	HeapTupleData tuple;		/* the tuple being inserted; t_data is a reused 8 KB buffer */
	dlist_head	chunks;			/* chunk_reader.c: open chunks, let go of by close_chunks at close */
	void		(*close_chunks) (struct TsdbStore *store);
} TsdbStore;

/* NULL if the table has no TOAST relation (then it has no chunks and can get none). */
extern TsdbStore *tsdb_store_open(Relation rel, LOCKMODE lockmode);
extern void tsdb_store_close(TsdbStore *store);

/*
 * Inserts a tuple and its index entries; data[len], len <= TSDB_TUPLE_MAX_DATA.
 * options: HEAP_INSERT_* added to NO_LOGICAL (e.g. HEAP_INSERT_FROZEN).  Returns the TID.
 */
extern ItemPointerData tsdb_store_insert(TsdbStore *store, Oid chunk_id, int32 chunk_seq,
										 const void *data, Size len,
										 CommandId cid, int options, bool is_segment);

/* A chunk id not used in the store (nor, during a rewrite, in the old one: rel->rd_toastoid). */
extern Oid	tsdb_store_new_chunk_id(TsdbStore *store);

/* One stored tuple, as handed to a caller; data points into tuple memory or a pinned buffer. */
typedef struct TsdbStoredTuple
{
	Oid			chunk_id;
	int32		chunk_seq;
	const uint8 *data;
	Size		len;
	ItemPointerData tid;
	HeapTuple	tuple;			/* for visibility checks and xmin; t_data in the pinned buffer */
	Buffer		buffer;
	HeapTupleData tuple_space;	/* private: what "tuple" points to after a read by TID or key */
} TsdbStoredTuple;

/*
 * Reads the tuple at tid if it has that key; pins its buffer, takes no notice of visibility.
 * False if the TID is stale (behind the end, no such item, other key): then use the index.
 * Release with tsdb_store_release.
 */
extern bool tsdb_store_read_tid(TsdbStore *store, ItemPointer tid, Oid chunk_id, int32 chunk_seq,
								TsdbStoredTuple *result);
/* Asks for a block that is going to be read, if it lies within the blocks known so far.  False: it is in shared buffers. */
extern bool tsdb_store_prefetch(TsdbStore *store, BlockNumber block);
/*
 * The same for blocks that lie together: in large pieces, which a device reads several times as fast as page by page.  Not if some of them are in
 * shared buffers: then all are, as a rule.
 */
extern bool tsdb_store_read_ahead(TsdbStore *store, BlockNumber first, BlockNumber nblocks);
/* The same by index: first tuple with that key that the snapshot sees (SnapshotAny: any that exists). */
extern bool tsdb_store_read_key(TsdbStore *store, Oid chunk_id, int32 chunk_seq, Snapshot snapshot,
								TsdbStoredTuple *result);
extern void tsdb_store_release(TsdbStoredTuple *result);

/*
 * Index scan over keys chunk_id, first_seq <= seq <= last_seq in rising order of seq.
 *
 * A serializable transaction locks nothing of the TOAST relation by it: whoever reads locks rows or the whole of the
 * table, and its conflicts out are checked on each tuple; locks on index pages would let rows conflict that
 * only share a page of keys.
 */
typedef struct TsdbStoreScan TsdbStoreScan;
extern TsdbStoreScan *tsdb_store_scan_begin(TsdbStore *store, Oid chunk_id,
											int32 first_seq, int32 last_seq, Snapshot snapshot);
/* result is valid until the next call; the scan keeps the pin (no tsdb_store_release). */
extern bool tsdb_store_scan_next(TsdbStoreScan *scan, TsdbStoredTuple *result);
extern void tsdb_store_scan_end(TsdbStoreScan *scan);

/*
 * Hands all tuples with keys in a range that an MVCC snapshot sees to "visit", in no order, a page at a time under its
 * share lock: visit may look at the bytes and raise an error, no more.  Checks for serializable conflicts as heapam does.
 */
typedef void (*TsdbStoreVisit) (const TsdbStoredTuple *stored, void *arg);
extern void tsdb_store_visit(TsdbStore *store, Oid chunk_id, int32 first_seq, int32 last_seq, Snapshot snapshot,
							 TsdbStoreVisit visit, void *arg);

/*
 * Deletes the tuple at tid for the current transaction (heap_delete, no wait: a tuple
 * that somebody else deletes is an internal error, the chunk lock forbids it).
 */
extern void tsdb_store_delete(TsdbStore *store, ItemPointer tid, CommandId cid);

/* CRC-32C of a struct or tuple whose first four bytes hold it: of what follows them. */
extern uint32 tsdb_crc_behind(const void *data, Size len);

/* ERRCODE_DATA_CORRUPTED naming table and chunk; column may be NULL. */
pg_noreturn extern void tsdb_report_corruption(Relation rel, Oid chunk_id, const char *column,
								   const char *fmt,...) pg_attribute_printf(4, 5);

/* ERRCODE_FEATURE_NOT_SUPPORTED for a format version other than "known", the one that we read; corruption for 0. */
pg_noreturn extern void tsdb_report_version(Relation rel, Oid chunk_id, uint16 version, uint16 known);

#endif							/* TSDB_CHUNK_STORE_H */
