/*-------------------------------------------------------------------------
 * directory.c
 *	  Root and directory entries: which chunks a table has, and who sees them.
 *
 * Used by am/ (scans, vacuum, direct load, mover) and options/ (views).
 *
 * Invariants: the root is the one tuple with key (TSDB_ROOT_ID, 0) whose xmin is frozen; change
 * numbers and virtual blocks of entries rise together, and every entry that is not of an aborted transaction
 * lies below the root's counters.  README.md of this folder has the protocol and its crash points.
 *
 * Locking: the allot lock (page lock on block 0 of the TOAST relation, exclusive) serialises all
 * who change the root; it is held from reading the root until the root is written, never longer.
 * The root's bytes change in place, so they are copied under a content lock.  All other
 * tuples never change: a pin is enough.
 *-------------------------------------------------------------------------
 */
#include "chunk/directory.h"

#include "access/generic_xlog.h"
#include "access/htup_details.h"
#include "access/transam.h"
#include "access/xact.h"
#include "access/xloginsert.h"
#include "common/hashfn.h"
#include "injection.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "storage/smgr.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/*
 * Inserts stop short of the last change number, so that chunks of a table whose numbers are used up can
 * still be deleted (each delete takes a number too).
 */
#define CHANGES_MAX			((uint32) PG_INT32_MAX)
#define CHANGES_INSERT_MAX	(CHANGES_MAX - 1000000)

/* Heavyweight page locks on virtual blocks of the table: chunk locks, then one for maintenance. */
#define CHUNK_LOCKS			1024
#define MAINTENANCE_LOCK	(TSDB_VBLOCK_FLAG | CHUNK_LOCKS)

/*-------------- root --------------*/

/*
 * Where this backend last found roots.  A store is opened for each query, by planner and executor, and would look for its root in the key's
 * index: a descent, and two more locks of a page that a writer changes with each chunk.  Only a hint: the tuple that lies there now must have the
 * root's key and be frozen.
 */
#define ROOT_HINTS			4096	/* a query may read some hundred partitions */

typedef struct RootHint
{
	RelFileLocator node;
	ItemPointerData tid;		/* invalid: none */
} RootHint;

static RootHint root_hints[ROOT_HINTS];

static RootHint *
root_hint(TsdbStore *store)
{
	return &root_hints[store->toastrel->rd_locator.relNumber % ROOT_HINTS];
}

/* The root is here: for the next look of this store, and of others on the same files. */
static void
root_remember(TsdbStore *store, const ItemPointerData *tid)
{
	RootHint   *hint = root_hint(store);

	store->root_tid = *tid;
	hint->node = store->toastrel->rd_locator;
	hint->tid = *tid;
}

/*
 * Pins the root.  Tuples with the root's key that are not frozen are of creators that failed
 * (or, for a reader without the allot lock, have not finished): they are no roots.
 */
static bool
root_locate(TsdbStore *store, TsdbStoredTuple *root)
{
	RootHint   *hint = root_hint(store);
	TsdbStoreScan *scan;
	bool		found = false;

	if (!ItemPointerIsValid(&store->root_tid) && ItemPointerIsValid(&hint->tid) &&
		RelFileLocatorEquals(hint->node, store->toastrel->rd_locator))
		store->root_tid = hint->tid;
	if (ItemPointerIsValid(&store->root_tid) &&
		tsdb_store_read_tid(store, &store->root_tid, TSDB_ROOT_ID, 0, root))
	{
		if (HeapTupleHeaderXminFrozen(root->tuple->t_data))
			return true;
		tsdb_store_release(root);
	}

	ItemPointerSetInvalid(&store->root_tid);
	scan = tsdb_store_scan_begin(store, TSDB_ROOT_ID, 0, 0, SnapshotAny);
	while (tsdb_store_scan_next(scan, root))
	{
		if (!HeapTupleHeaderXminFrozen(root->tuple->t_data))
			continue;
		if (found)
			tsdb_report_corruption(store->rel, TSDB_ROOT_ID, NULL, "there are two roots");
		found = true;
		root_remember(store, &root->tid);
	}
	tsdb_store_scan_end(scan);
	root->buffer = InvalidBuffer;

	if (found && !tsdb_store_read_tid(store, &store->root_tid, TSDB_ROOT_ID, 0, root))
		elog(ERROR, "root of the chunk store of table \"%s\" has moved",
			 RelationGetRelationName(store->rel));
	return found;
}

/* Copies and checks; the caller has the root pinned. */
static void
root_copy(TsdbStore *store, TsdbStoredTuple *stored, TsdbRootDisk *root)
{
	Size		len = stored->len;

	if (len < offsetof(TsdbRootDisk, flags))
		tsdb_report_corruption(store->rel, TSDB_ROOT_ID, NULL, "root has %zu bytes", len);

	LockBuffer(stored->buffer, BUFFER_LOCK_SHARE);
	if (len == sizeof(TsdbRootDisk))
		memcpy(root, stored->data, sizeof(TsdbRootDisk));
	else
	{
		/* perhaps of a newer version: enough to say so */
		memset(root, 0, sizeof(TsdbRootDisk));
		memcpy(root, stored->data, offsetof(TsdbRootDisk, flags));
	}
	LockBuffer(stored->buffer, BUFFER_LOCK_UNLOCK);

	if (len == sizeof(TsdbRootDisk) && root->crc != tsdb_crc_behind(root, sizeof(TsdbRootDisk)))
		tsdb_report_corruption(store->rel, TSDB_ROOT_ID, NULL, "checksum does not match");
	if (root->version == 0 || root->version > TSDB_FORMAT_VERSION)
		tsdb_report_version(store->rel, TSDB_ROOT_ID, root->version, TSDB_FORMAT_VERSION);
	if (len != sizeof(TsdbRootDisk))
		tsdb_report_corruption(store->rel, TSDB_ROOT_ID, NULL, "root has %zu bytes, expected %zu",
							   len, sizeof(TsdbRootDisk));
	if (root->flags != 0 || root->spare != 0 ||
		root->changes > CHANGES_MAX || root->next_vblock > TSDB_VBLOCK_MAX)
		tsdb_report_corruption(store->rel, TSDB_ROOT_ID, NULL,
							   "a field is out of range: flags %u, changes %u, next virtual block %u",
							   root->flags, root->changes, root->next_vblock);
}

/*
 * Changes the root in place: its bytes (root = NULL: as they are), or its xmin to frozen.  One WAL record
 * of the page's difference.
 */
static void
root_change(TsdbStore *store, ItemPointer tid, TsdbRootDisk *root, bool freeze)
{
	GenericXLogState *state;
	TsdbStoredTuple stored;
	HeapTupleHeader header;
	Page		page;
	Page		image;

	if (root)
	{
		Assert(root->changes <= CHANGES_MAX && root->next_vblock <= TSDB_VBLOCK_MAX);
		root->crc = tsdb_crc_behind(root, sizeof(TsdbRootDisk));
	}

	if (!tsdb_store_read_tid(store, tid, TSDB_ROOT_ID, 0, &stored) ||
		stored.len != sizeof(TsdbRootDisk))
		elog(ERROR, "root of the chunk store of table \"%s\" has moved",
			 RelationGetRelationName(store->rel));

	/* the pin keeps the tuple at its place in the page, before and under the lock */
	LockBuffer(stored.buffer, BUFFER_LOCK_EXCLUSIVE);
	page = BufferGetPage(stored.buffer);
	state = GenericXLogStart(store->toastrel);
	image = GenericXLogRegisterBuffer(state, stored.buffer, 0);
	if (root)
		memcpy((char *) image + (stored.data - (const uint8 *) page), root, sizeof(TsdbRootDisk));
	if (freeze)
	{
		header = (HeapTupleHeader) ((char *) image + ((char *) stored.tuple->t_data - (char *) page));
		Assert(TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetRawXmin(header)));
		HeapTupleHeaderSetXminFrozen(header);
	}
	GenericXLogFinish(state);
	LockBuffer(stored.buffer, BUFFER_LOCK_UNLOCK);
	tsdb_store_release(&stored);
}

/*
 * Makes the root; the caller holds the allot lock and has found none.
 *
 * The root must outlive its creator's abort, since numbers that others committed come from it.  It is not
 * inserted frozen, though: a crash or error between heap and index insert would leave a second root that
 * no index finds, and every later REINDEX would fail on it.  So it is inserted as any tuple, and
 * frozen in place when its index entries are there; before that it dies with its creator.
 */
static void
root_make(TsdbStore *store, TsdbRootDisk *root, CommandId cid)
{
	ItemPointerData tid;

	memset(root, 0, sizeof(TsdbRootDisk));
	root->version = TSDB_FORMAT_VERSION;
	if (!pg_strong_random(&root->incarnation, sizeof(root->incarnation)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate a random number")));
	root->crc = tsdb_crc_behind(root, sizeof(TsdbRootDisk));

	tid = tsdb_store_insert(store, TSDB_ROOT_ID, 0, root, sizeof(TsdbRootDisk), cid, 0, false);
	TSDB_INJECT("root-made");
	root_change(store, &tid, NULL, true);
	root_remember(store, &tid);
}

bool
tsdb_root_read(TsdbStore *store, TsdbRootDisk *root)
{
	TsdbStoredTuple stored;

	if (!root_locate(store, &stored))
		return false;
	root_copy(store, &stored, root);
	tsdb_store_release(&stored);
	return true;
}

static uint64
subtract_clamped(uint64 total, uint64 part)
{
	return total > part ? total - part : 0;
}

static uint64
corrected(uint64 now, uint64 seen, uint64 right)
{
	return right >= seen ? now + (right - seen) : subtract_clamped(now, seen - right);
}

void
tsdb_root_correct(TsdbStore *store, const TsdbRootDisk *seen, const TsdbRootDisk *right,
				  uint32 removed_done, uint64 cleaned_xid)
{
	TsdbRootDisk root;

	LockPage(store->toastrel, 0, ExclusiveLock);
	if (tsdb_root_read(store, &root) && root.incarnation == seen->incarnation)
	{
		root.est_chunks = corrected(root.est_chunks, seen->est_chunks, right->est_chunks);
		root.est_rows = corrected(root.est_rows, seen->est_rows, right->est_rows);
		root.est_raw_bytes = corrected(root.est_raw_bytes, seen->est_raw_bytes,
									   right->est_raw_bytes);
		root.est_stored_bytes = corrected(root.est_stored_bytes, seen->est_stored_bytes,
										  right->est_stored_bytes);
		root.removed -= Min(root.removed, removed_done);
		root.cleaned_xid = cleaned_xid;
		root_change(store, &store->root_tid, &root, false);
		TSDB_INJECT("root-corrected");
	}
	UnlockPage(store->toastrel, 0, ExclusiveLock);
}

/*-------------- entries --------------*/

/* Fills in the filter of series values from its section. */
static void
bloom_parse(TsdbStore *store, const TsdbStoredTuple *stored, const uint8 *section, Size length, TsdbDirEntry *entry)
{
	uint16		version = 0;
	uint16		n = 0;
	int			i;

	if (length >= sizeof(version))
		memcpy(&version, section, sizeof(version));
	if (version > TSDB_BLOOM_HASH_VERSION)
		return;
	if (length >= 2 * sizeof(uint16))
		memcpy(&n, section + sizeof(uint16), sizeof(n));
	if (version == 0 || n < 1 || n > TSDB_BLOOM_MAX_COLUMNS ||
		length != 2 * sizeof(uint16) + n * sizeof(int16) + sizeof(entry->bloom))
		tsdb_report_corruption(store->rel, TSDB_DIRECTORY_ID, NULL,
							   "series filter of entry %d has %zu bytes, version %u, %u columns",
							   stored->chunk_seq, length, version, n);
	section += 2 * sizeof(uint16);
	memcpy(entry->bloom_attnums, section, n * sizeof(int16));
	memcpy(entry->bloom, section + n * sizeof(int16), sizeof(entry->bloom));
	for (i = 0; i < n; i++)
	{
		if (entry->bloom_attnums[i] < 1 || entry->bloom_attnums[i] > MaxHeapAttributeNumber ||
			(i > 0 && entry->bloom_attnums[i] <= entry->bloom_attnums[i - 1]))
			tsdb_report_corruption(store->rel, TSDB_DIRECTORY_ID, NULL,
								   "series filter of entry %d names column %d",
								   stored->chunk_seq, entry->bloom_attnums[i]);
	}
	entry->nbloom_attnums = (int16) n;
	entry->has_bloom = true;
}

/*
 * The next section of *left bytes at *at, which it moves on.  False: there is not a whole one.
 */
static bool
section_next(const uint8 **at, Size *left, uint16 *tag, const uint8 **section, uint16 *length)
{
	if (*left < TSDB_SECTION_HEADER)
		return false;
	memcpy(tag, *at, sizeof(*tag));
	memcpy(length, *at + sizeof(*tag), sizeof(*length));
	if (*length > *left - TSDB_SECTION_HEADER)
		return false;
	*section = *at + TSDB_SECTION_HEADER;
	*at = *section + *length;
	*left -= TSDB_SECTION_HEADER + *length;
	return true;
}

/* Checks the bytes of an entry and fills it in; the caller holds the tuple's pin. */
static void
entry_parse(TsdbStore *store, const TsdbStoredTuple *stored, TsdbDirEntry *entry)
{
	TsdbDirEntryDisk *d = &entry->d;
	const uint8 *at;
	Size		left;
	uint32		crc;
	uint16		version;
	uint32		spare = 0;
	uint32		seen = 0;		/* bit t: a section with tag t */
	int			i;

	if (stored->len < sizeof(uint32) + sizeof(uint16))
		tsdb_report_corruption(store->rel, TSDB_DIRECTORY_ID, NULL,
							   "entry %d has %zu bytes", stored->chunk_seq, stored->len);
	memcpy(&crc, stored->data, sizeof(crc));
	memcpy(&version, stored->data + sizeof(crc), sizeof(version));
	if (crc != tsdb_crc_behind(stored->data, stored->len))
		tsdb_report_corruption(store->rel, TSDB_DIRECTORY_ID, NULL,
							   "checksum of entry %d does not match", stored->chunk_seq);
	if (version == 0 || version > TSDB_FORMAT_VERSION)
		tsdb_report_version(store->rel, TSDB_DIRECTORY_ID, version, TSDB_FORMAT_VERSION);
	if (stored->len < sizeof(TsdbDirEntryDisk))
		tsdb_report_corruption(store->rel, TSDB_DIRECTORY_ID, NULL,
							   "entry %d has %zu bytes", stored->chunk_seq, stored->len);
	memcpy(d, stored->data, sizeof(TsdbDirEntryDisk));

	/* sections fill the rest exactly; ranges are parsed by who asks for them, see column_ranges.c */
	memset(&entry->has_bloom, 0, sizeof(TsdbDirEntry) - offsetof(TsdbDirEntry, has_bloom));
	at = stored->data + sizeof(TsdbDirEntryDisk);
	left = stored->len - sizeof(TsdbDirEntryDisk);
	for (i = 0; i < d->nsections; i++)
	{
		const uint8 *section;
		uint16		tag;
		uint16		length;

		if (!section_next(&at, &left, &tag, &section, &length))
			break;
		if (tag != TSDB_SECTION_BLOOM && tag != TSDB_SECTION_RANGES)
			continue;
		if ((seen & (1U << tag)) != 0)
			tsdb_report_corruption(store->rel, TSDB_DIRECTORY_ID, NULL,
								   "entry %d has two sections with tag %u", stored->chunk_seq, tag);
		seen |= 1U << tag;
		if (tag == TSDB_SECTION_BLOOM)
			bloom_parse(store, stored, section, length, entry);
	}
	if (i < d->nsections || left != 0)
		tsdb_report_corruption(store->rel, TSDB_DIRECTORY_ID, NULL,
							   "sections of entry %d do not add up", stored->chunk_seq);

	for (i = 0; i < (int) lengthof(d->spare); i++)
		spare |= d->spare[i];
	if ((d->flags & ~TSDB_DIR_KNOWN_FLAGS) != 0 || spare != 0)
		tsdb_report_corruption(store->rel, TSDB_DIRECTORY_ID, NULL,
							   "unknown flags in entry %d", stored->chunk_seq);
	if (stored->chunk_seq <= 0 || d->chunk_id < FirstNormalObjectId ||
		d->nrows < 1 || d->nrows > TSDB_CHUNK_MAX_ROWS ||
		d->first_vblock > TSDB_VBLOCK_MAX ||
		tsdb_entry_nvblocks(entry) > TSDB_VBLOCK_MAX - d->first_vblock)
		tsdb_report_corruption(store->rel, TSDB_DIRECTORY_ID, NULL,
							   "entry %d: chunk %u, %u rows from virtual block %u",
							   stored->chunk_seq, d->chunk_id, d->nrows, d->first_vblock);
	if (d->nheader < 1 || d->header_bytes < sizeof(TsdbHeaderDisk) ||
		d->header_bytes > (uint64) d->nheader * TSDB_TUPLE_MAX_DATA)
		tsdb_report_corruption(store->rel, TSDB_DIRECTORY_ID, NULL,
							   "entry %d: header of %u bytes in %u tuples",
							   stored->chunk_seq, d->header_bytes, d->nheader);
	if (d->time_attnum < 0 || d->time_attnum > MaxHeapAttributeNumber ||
		((d->flags & (TSDB_DIR_TIME | TSDB_DIR_TIME_NULLS)) != 0 && d->time_attnum == 0) ||
		((d->flags & TSDB_DIR_TIME) != 0 && d->time_min > d->time_max))
		tsdb_report_corruption(store->rel, TSDB_DIRECTORY_ID, NULL,
							   "entry %d: time column %d, flags %u",
							   stored->chunk_seq, d->time_attnum, d->flags);
	if (d->mover_xid == 0 ? (d->src_block != 0 || d->src_nblocks != 0) :
		(d->nrows > TSDB_MOVED_MAX_ROWS || d->src_nblocks == 0 ||
		 d->src_block >= TSDB_VBLOCK_FLAG || d->src_nblocks > TSDB_VBLOCK_FLAG - d->src_block))
		tsdb_report_corruption(store->rel, TSDB_DIRECTORY_ID, NULL,
							   "entry %d: source blocks %u + %u",
							   stored->chunk_seq, d->src_block, d->src_nblocks);

	entry->change = (uint32) stored->chunk_seq;
	entry->tid = stored->tid;
	entry->xmin = HeapTupleHeaderGetRawXmin(stored->tuple->t_data);
	entry->xmax = HeapTupleHeaderGetRawXmax(stored->tuple->t_data);
	entry->cmin = HeapTupleHeaderGetRawCommandId(stored->tuple->t_data);
}

static void
report_numbers_used_up(TsdbStore *store)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("table \"%s\" has no row numbers left for a new chunk",
					RelationGetRelationName(store->rel)),
			 errdetail("A table can make at most %u chunks and %u virtual blocks of %d rows.",
					   CHANGES_INSERT_MAX, (uint32) TSDB_VBLOCK_MAX, TSDB_VBLOCK_ROWS),
			 errhint("VACUUM FULL numbers the rows of the table anew.")));
}

void
tsdb_directory_insert(TsdbStore *store, TsdbDirEntry *entry, const void *sections, Size sections_len,
					  CommandId cid, int options)
{
	TsdbDirEntryDisk *d = &entry->d;
	uint32		nvblocks = tsdb_entry_nvblocks(entry);
	TsdbRootDisk root;
	TsdbDirEntry *leftover;
	int			nleftover;
	Size		len = sizeof(TsdbDirEntryDisk) + sections_len;
	uint8	   *data = palloc(len);
	int			i;

	Assert(d->chunk_id >= FirstNormalObjectId);
	Assert(d->nrows >= 1 && d->nrows <= TSDB_CHUNK_MAX_ROWS);
	Assert(d->mover_xid == 0 || d->nrows <= TSDB_MOVED_MAX_ROWS);
	Assert(d->nheader >= 1 && (d->nsections > 0) == (sections_len > 0));
	Assert(len <= TSDB_TUPLE_MAX_DATA);

	tsdb_ensure_main_page(store->rel);

	LockPage(store->toastrel, 0, ExclusiveLock);
	if (!tsdb_root_read(store, &root))
		root_make(store, &root, cid);

	/*
	 * Entry first, root second.  Who fails between the two leaves a dead entry with numbers from the root on:
	 * pass over them, so that no two entries that SnapshotAny shows have the same numbers.
	 */
	leftover = tsdb_directory_read_after(store, SnapshotAny, root.changes, &nleftover);
	for (i = 0; i < nleftover; i++)
	{
		root.changes = leftover[i].change;
		root.next_vblock = Max(root.next_vblock,
							   leftover[i].d.first_vblock + tsdb_entry_nvblocks(&leftover[i]));
	}
	pfree(leftover);

	if (root.changes >= CHANGES_INSERT_MAX || nvblocks > TSDB_VBLOCK_MAX - root.next_vblock)
		report_numbers_used_up(store);

	d->version = TSDB_FORMAT_VERSION;
	d->first_vblock = root.next_vblock;
	memcpy(data, d, sizeof(TsdbDirEntryDisk));
	if (sections_len > 0)
		memcpy(data + sizeof(TsdbDirEntryDisk), sections, sections_len);
	d->crc = tsdb_crc_behind(data, len);
	memcpy(data, &d->crc, sizeof(d->crc));
	entry->change = root.changes + 1;
	entry->tid = tsdb_store_insert(store, TSDB_DIRECTORY_ID, (int32) entry->change,
								   data, len, cid, options, false);
	pfree(data);
	TSDB_INJECT("directory-entry");
	entry->xmin = GetCurrentTransactionId();
	entry->xmax = InvalidTransactionId;
	entry->cmin = cid;

	root.changes++;
	root.next_vblock += nvblocks;
	root.est_chunks++;
	root.est_rows += d->nrows;
	root.est_raw_bytes += d->raw_bytes;
	root.est_stored_bytes += d->stored_bytes;
	root_change(store, &store->root_tid, &root, false);
	TSDB_INJECT("directory-root");
	UnlockPage(store->toastrel, 0, ExclusiveLock);
}

/*
 * Pins the tuple of an entry that was read before.  A change number can have tuples of several
 * transactions, all but one aborted (see tsdb_directory_insert), so the chunk id must match too.
 */
static bool
entry_locate(TsdbStore *store, const TsdbDirEntry *entry, TsdbStoredTuple *stored)
{
	ItemPointerData tid = entry->tid;
	TsdbDirEntry again;
	TsdbStoreScan *scan;
	bool		found = false;

	if (tsdb_store_read_tid(store, &tid, TSDB_DIRECTORY_ID, (int32) entry->change, stored))
	{
		entry_parse(store, stored, &again);
		if (again.d.chunk_id == entry->d.chunk_id)
			return true;
		tsdb_store_release(stored);
	}

	scan = tsdb_store_scan_begin(store, TSDB_DIRECTORY_ID, (int32) entry->change,
								 (int32) entry->change, SnapshotAny);
	while (!found && tsdb_store_scan_next(scan, stored))
	{
		entry_parse(store, stored, &again);
		found = again.d.chunk_id == entry->d.chunk_id;
	}
	tsdb_store_scan_end(scan);
	stored->buffer = InvalidBuffer;

	return found &&
		tsdb_store_read_tid(store, &again.tid, TSDB_DIRECTORY_ID, (int32) entry->change, stored);
}

uint8 *
tsdb_directory_section(TsdbStore *store, const TsdbDirEntry *entry, uint16 tag, Size *len)
{
	TsdbStoredTuple stored;
	const uint8 *at;
	Size		left;
	uint8	   *copy = NULL;
	int			i;

	if (entry->d.nsections == 0 || !entry_locate(store, entry, &stored))
		return NULL;
	/* entry_locate has checked that the sections add up */
	at = stored.data + sizeof(TsdbDirEntryDisk);
	left = stored.len - sizeof(TsdbDirEntryDisk);
	for (i = 0; i < entry->d.nsections && copy == NULL; i++)
	{
		const uint8 *section;
		uint16		found;
		uint16		length;

		if (!section_next(&at, &left, &found, &section, &length))
			break;
		if (found != tag)
			continue;
		copy = palloc(Max(length, 1));
		memcpy(copy, section, length);
		*len = length;
	}
	tsdb_store_release(&stored);
	return copy;
}

void
tsdb_directory_delete(TsdbStore *store, const TsdbDirEntry *entry, CommandId cid)
{
	const TsdbDirEntryDisk *d = &entry->d;
	TsdbStoredTuple stored;
	TsdbStoreScan *scan;
	TsdbRootDisk root;
	ItemPointerData tid;

	if (!entry_locate(store, entry, &stored))
		elog(ERROR, "directory entry %u of table \"%s\" is gone", entry->change,
			 RelationGetRelationName(store->rel));
	tid = stored.tid;
	tsdb_store_release(&stored);
	tsdb_store_delete(store, &tid, cid);
	TSDB_INJECT("directory-delete");

	/*
	 * Everything that belongs to the chunk, but for forwards, which are deleted by who writes them.  SnapshotSelf sees what is committed or ours and not deleted;
	 * tombstones of aborted transactions stay for VACUUM, and nobody's can be in progress, since writing one takes
	 * the chunk lock, which our caller holds.
	 */
	scan = tsdb_store_scan_begin(store, d->chunk_id, PG_INT32_MIN, TSDB_FORWARD_SEQ_FIRST - 1, SnapshotSelf);
	while (tsdb_store_scan_next(scan, &stored))
		tsdb_store_delete(store, &stored.tid, cid);
	tsdb_store_scan_end(scan);
	TSDB_INJECT("directory-deleted");

	LockPage(store->toastrel, 0, ExclusiveLock);
	if (!tsdb_root_read(store, &root))
		tsdb_report_corruption(store->rel, TSDB_ROOT_ID, NULL,
							   "there are chunks, but no root");
	if (root.changes >= CHANGES_MAX)
		report_numbers_used_up(store);
	root.changes++;
	if (root.removed < PG_UINT32_MAX)
		root.removed++;
	root.est_chunks = subtract_clamped(root.est_chunks, 1);
	root.est_rows = subtract_clamped(root.est_rows, d->nrows);
	root.est_raw_bytes = subtract_clamped(root.est_raw_bytes, d->raw_bytes);
	root.est_stored_bytes = subtract_clamped(root.est_stored_bytes, d->stored_bytes);
	root_change(store, &store->root_tid, &root, false);
	UnlockPage(store->toastrel, 0, ExclusiveLock);
}

TsdbDirEntry *
tsdb_directory_read_after(TsdbStore *store, Snapshot snapshot, uint32 after, int *nentries)
{
	bool		any = snapshot->snapshot_type == SNAPSHOT_ANY;
	TsdbDirEntry *entries = NULL;
	Size		allocated = 0;
	Size		n = 0;
	TsdbStoredTuple stored;
	TsdbStoreScan *scan;

	*nentries = 0;
	if (after >= CHANGES_MAX)
		return palloc(sizeof(TsdbDirEntry));

	scan = tsdb_store_scan_begin(store, TSDB_DIRECTORY_ID, (int32) after + 1, PG_INT32_MAX, snapshot);
	while (tsdb_store_scan_next(scan, &stored))
	{
		if (n == allocated)
		{
			allocated = allocated ? allocated * 2 : 16;
			if (entries == NULL)
				entries = palloc(allocated * sizeof(TsdbDirEntry));
			else
				entries = repalloc_huge(entries, allocated * sizeof(TsdbDirEntry));
		}
		entry_parse(store, &stored, &entries[n]);

		/*
		 * What a snapshot sees does not overlap; aborted entries, which SnapshotAny shows,
		 * may have the numbers of others.
		 */
		if (n > 0 &&
			(entries[n].d.first_vblock < entries[n - 1].d.first_vblock +
			 (any ? 0 : tsdb_entry_nvblocks(&entries[n - 1]))))
			tsdb_report_corruption(store->rel, TSDB_DIRECTORY_ID, NULL,
								   "entry %u starts at virtual block %u, within or before entry %u at %u",
								   entries[n].change, entries[n].d.first_vblock,
								   entries[n - 1].change, entries[n - 1].d.first_vblock);
		n++;
	}
	tsdb_store_scan_end(scan);

	if (n > PG_INT32_MAX)
		elog(ERROR, "directory of table \"%s\" has too many entries",
			 RelationGetRelationName(store->rel));
	*nentries = (int) n;
	return entries ? entries : palloc(sizeof(TsdbDirEntry));
}

TsdbDirEntry *
tsdb_directory_read(TsdbStore *store, Snapshot snapshot, int *nentries)
{
	return tsdb_directory_read_after(store, snapshot, 0, nentries);
}

bool
tsdb_directory_read_one(TsdbStore *store, Snapshot snapshot, uint32 change, TsdbDirEntry *entry)
{
	TsdbStoredTuple stored;

	if (!tsdb_store_read_key(store, TSDB_DIRECTORY_ID, (int32) change, snapshot, &stored))
		return false;
	entry_parse(store, &stored, entry);
	tsdb_store_release(&stored);
	return true;
}

void
tsdb_directory_check(TsdbStore *store, const TsdbStoredTuple *stored)
{
	TsdbDirEntry entry;

	entry_parse(store, stored, &entry);
}

int
tsdb_directory_find(const TsdbDirEntry *entries, int nentries, uint32 vblock)
{
	int			low = 0;
	int			high = nentries;

	/* the last entry that starts at or before vblock is low - 1 */
	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (entries[middle].d.first_vblock <= vblock)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 ||
		vblock - entries[low - 1].d.first_vblock >= tsdb_entry_nvblocks(&entries[low - 1]))
		return -1;
	return low - 1;
}

/* After heapam.c: heap_fetch().  Fills xmin and xmax; the caller has the tuple pinned. */
static bool
entry_visible(TsdbStore *store, TsdbDirEntry *entry, TsdbStoredTuple *stored, Snapshot snapshot)
{
	HeapTuple	tuple = stored->tuple;
	bool		visible;

	LockBuffer(stored->buffer, BUFFER_LOCK_SHARE);
	TestForOldSnapshot(snapshot, store->toastrel, BufferGetPage(stored->buffer));
	visible = HeapTupleSatisfiesVisibility(tuple, snapshot, stored->buffer);
	HeapCheckForSerializableConflictOut(visible, store->toastrel, tuple, stored->buffer, snapshot);
	entry->tid = stored->tid;
	entry->xmin = HeapTupleHeaderGetRawXmin(tuple->t_data);
	entry->xmax = HeapTupleHeaderGetRawXmax(tuple->t_data);
	LockBuffer(stored->buffer, BUFFER_LOCK_UNLOCK);
	return visible;
}

bool
tsdb_directory_visible(TsdbStore *store, TsdbDirEntry *entry, Snapshot snapshot)
{
	TsdbStoredTuple stored;
	bool		visible;

	if (!entry_locate(store, entry, &stored))
	{
		if (snapshot->snapshot_type == SNAPSHOT_DIRTY)
			snapshot->xmin = snapshot->xmax = InvalidTransactionId;
		return false;
	}

	visible = entry_visible(store, entry, &stored, snapshot);
	tsdb_store_release(&stored);
	return visible;
}

TsdbDirFetch
tsdb_directory_fetch(TsdbStore *store, uint32 change, Oid chunk_id, ItemPointer tid, Snapshot snapshot, TsdbDirEntry *entry)
{
	TsdbStoredTuple stored;
	bool		visible;

	entry->change = change;
	entry->d.chunk_id = chunk_id;
	entry->tid = *tid;
	if (!entry_locate(store, entry, &stored))
		return TSDB_DIR_GONE;
	entry_parse(store, &stored, entry);
	visible = entry_visible(store, entry, &stored, snapshot);
	tsdb_store_release(&stored);
	return visible ? TSDB_DIR_VISIBLE : TSDB_DIR_INVISIBLE;
}

TM_Result
tsdb_directory_update_status(TsdbStore *store, TsdbDirEntry *entry, CommandId cid, CommandId *cmax)
{
	TsdbStoredTuple stored;
	HeapTupleHeader header;
	TM_Result	result;

	*cmax = InvalidCommandId;
	if (!entry_locate(store, entry, &stored))
		return TM_Deleted;
	header = stored.tuple->t_data;
	LockBuffer(stored.buffer, BUFFER_LOCK_SHARE);
	result = HeapTupleSatisfiesUpdate(stored.tuple, cid, stored.buffer);
	entry->tid = stored.tid;
	entry->xmin = HeapTupleHeaderGetRawXmin(header);
	entry->xmax = HeapTupleHeaderGetRawXmax(header);
	if (result == TM_SelfModified)
		*cmax = HeapTupleHeaderGetCmax(header);
	LockBuffer(stored.buffer, BUFFER_LOCK_UNLOCK);
	tsdb_store_release(&stored);
	return result;
}

HTSV_Result
tsdb_directory_status(TsdbStore *store, const TsdbDirEntry *entry, TransactionId oldest_xmin)
{
	TsdbStoredTuple stored;
	HTSV_Result status;

	if (!entry_locate(store, entry, &stored))
		return HEAPTUPLE_DEAD;
	LockBuffer(stored.buffer, BUFFER_LOCK_SHARE);
	status = HeapTupleSatisfiesVacuum(stored.tuple, oldest_xmin, stored.buffer);
	LockBuffer(stored.buffer, BUFFER_LOCK_UNLOCK);
	tsdb_store_release(&stored);
	return status;
}

/*-------------- locks --------------*/

static void
virtual_page_tag(LOCKTAG *tag, Relation rel, BlockNumber block)
{
	SET_LOCKTAG_PAGE(*tag, rel->rd_lockInfo.lockRelId.dbId, rel->rd_lockInfo.lockRelId.relId, block);
}

static bool
virtual_page_lock(Relation rel, BlockNumber block, LOCKMODE mode, bool conditional)
{
	LOCKTAG		tag;

	virtual_page_tag(&tag, rel, block);
	return LockAcquire(&tag, mode, false, conditional) != LOCKACQUIRE_NOT_AVAIL;
}

/*
 * Chunks share locks, so that a transaction that touches all of them does not fill the lock table; there are so many that two
 * chunks seldom share one.
 */
static BlockNumber
chunk_lock_block(Oid chunk_id)
{
	return TSDB_VBLOCK_FLAG | (murmurhash32(chunk_id) % CHUNK_LOCKS);
}

bool
tsdb_chunk_lock(Relation rel, Oid chunk_id, LOCKMODE mode, bool conditional)
{
	return virtual_page_lock(rel, chunk_lock_block(chunk_id), mode, conditional);
}

bool
tsdb_chunk_lock_held(Relation rel, Oid chunk_id, LOCKMODE mode)
{
	LOCKTAG		tag;

	virtual_page_tag(&tag, rel, chunk_lock_block(chunk_id));
	return LockHeldByMe(&tag, mode, false);
}

bool
tsdb_maintenance_lock(Relation rel, bool conditional)
{
	return virtual_page_lock(rel, MAINTENANCE_LOCK, ExclusiveLock, conditional);
}

/*-------------- main fork --------------*/

void
tsdb_ensure_main_page(Relation rel)
{
	Buffer		buffer;

	if (smgrnblocks(RelationGetSmgr(rel), MAIN_FORKNUM) > 0)
		return;

	if (!RELATION_IS_LOCAL(rel))
		LockRelationForExtension(rel, ExclusiveLock);
	if (smgrnblocks(RelationGetSmgr(rel), MAIN_FORKNUM) == 0)
	{
		buffer = ReadBufferExtended(rel, MAIN_FORKNUM, P_NEW, RBM_ZERO_AND_LOCK, NULL);
		START_CRIT_SECTION();
		PageInit(BufferGetPage(buffer), BufferGetPageSize(buffer), 0);
		MarkBufferDirty(buffer);
		if (RelationNeedsWAL(rel))
			log_newpage_buffer(buffer, true);
		END_CRIT_SECTION();
		UnlockReleaseBuffer(buffer);
	}
	if (!RELATION_IS_LOCAL(rel))
		UnlockRelationForExtension(rel, ExclusiveLock);
}
