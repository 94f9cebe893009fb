/*-------------------------------------------------------------------------
 * directory.h
 *	  Root and directory entries: which chunks a table has, and who sees them.
 *
 * A chunk exists for a snapshot iff its directory entry's heap tuple does.  Change
 * numbers and virtual blocks rise together (allot lock), so that the directory is sorted
 * by both.  See README.md of this folder for the protocol.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_DIRECTORY_H
#define TSDB_DIRECTORY_H

#include "chunk/chunk_store.h"
#include "chunk/series_bloom.h"

/* A directory entry in memory. */
typedef struct TsdbDirEntry
{
	uint32		change;			/* its key */
	ItemPointerData tid;		/* where its tuple was read */
	TransactionId xmin;			/* of its tuple, raw (may be frozen): for system columns */
	TransactionId xmax;
	CommandId	cmin;
	TsdbDirEntryDisk d;			/* checked: crc, version, ranges */
	/* filter of series values; it says nothing about columns that are not in bloom_attnums */
	bool		has_bloom;
	int16		nbloom_attnums;
	int16		bloom_attnums[TSDB_BLOOM_MAX_COLUMNS];	/* rising */
	uint32		index_place;	/* index/'s: where it counts reads of the chunk; 0 = nowhere */
	uint64		bloom[TSDB_BLOOM_WORDS];
} TsdbDirEntry;

/* Does the entry's filter cover this column? */
static inline bool
tsdb_entry_bloom_covers(const TsdbDirEntry *entry, AttrNumber attnum)
{
	int			i;

	for (i = 0; i < entry->nbloom_attnums; i++)
	{
		if (entry->bloom_attnums[i] == attnum)
			return entry->has_bloom;
	}
	return false;
}

/* Chunks of one slice were sorted together: they differ in series where they share times. */
#define tsdb_entry_slice(e) ((e)->d.slice != 0 ? (e)->d.slice : (e)->d.chunk_id)

#define tsdb_entry_nvblocks(e) (((e)->d.nrows + TSDB_VBLOCK_ROWS - 1) / TSDB_VBLOCK_ROWS)

/* Copy of the root.  False: there is none, hence no chunk. */
extern bool tsdb_root_read(TsdbStore *store, TsdbRootDisk *root);

/*
 * Inserts a directory entry: under the allot lock takes the next change number and virtual
 * blocks (sets entry->change, d.first_vblock, d.crc, tid), inserts the tuple with its sections (d.nsections
 * of them in "sections"), bumps the root (made first if there is none).  Gives the main fork its first page if it has none.
 * options: HEAP_INSERT_FROZEN for COPY FREEZE.  Errors: PROGRAM_LIMIT_EXCEEDED when numbers are used up.
 */
extern void tsdb_directory_insert(TsdbStore *store, TsdbDirEntry *entry, const void *sections, Size sections_len,
								  CommandId cid, int options);

/* Copy of a section of the entry's tuple, palloc'd; NULL if it has none with this tag, or is gone. */
extern uint8 *tsdb_directory_section(TsdbStore *store, const TsdbDirEntry *entry, uint16 tag, Size *len);

/*
 * Deletes a chunk for the current transaction: directory entry, header, segments, tombstones;
 * bumps the root's changes, removed and est_*.  The caller holds the chunk lock AccessExclusive.
 */
extern void tsdb_directory_delete(TsdbStore *store, const TsdbDirEntry *entry, CommandId cid);

/*
 * All entries that the snapshot sees, in rising order of change number, palloc'd.
 * SnapshotAny: every entry whose tuple exists, dead ones included.
 * With rel of a serializable transaction, conflicts out are checked by heapam as it reads.
 */
extern TsdbDirEntry *tsdb_directory_read(TsdbStore *store, Snapshot snapshot, int *nentries);
/* Same, only change numbers > after. */
extern TsdbDirEntry *tsdb_directory_read_after(TsdbStore *store, Snapshot snapshot, uint32 after, int *nentries);

/* The entry with that change number that the snapshot sees; false: there is none.  For who looks for damage, entry by entry. */
extern bool tsdb_directory_read_one(TsdbStore *store, Snapshot snapshot, uint32 change, TsdbDirEntry *entry);
/* A stored entry by itself: an error if it is damaged. */
extern void tsdb_directory_check(TsdbStore *store, const TsdbStoredTuple *stored);

/* Index in sorted entries of the one that holds this virtual block (without flag), or -1. */
extern int	tsdb_directory_find(const TsdbDirEntry *entries, int nentries, uint32 vblock);

/*
 * Does the snapshot see this entry now?  Reads its tuple again (key checked); fills xmin, xmax.
 * Dirty snapshots get snapshot->xmin/xmax set as heapam does.  False too if the tuple is gone.
 */
extern bool tsdb_directory_visible(TsdbStore *store, TsdbDirEntry *entry, Snapshot snapshot);

/* Reads an entry of which key, chunk and (as a hint) TID are known, whole, as above. */
typedef enum TsdbDirFetch
{
	TSDB_DIR_VISIBLE,
	TSDB_DIR_INVISIBLE,
	TSDB_DIR_GONE				/* no such tuple any more: for nobody, ever */
} TsdbDirFetch;
extern TsdbDirFetch tsdb_directory_fetch(TsdbStore *store, uint32 change, Oid chunk_id, ItemPointer tid,
										 Snapshot snapshot, TsdbDirEntry *entry);

/*
 * HeapTupleSatisfiesUpdate of the entry's tuple for a command: may the chunk's rows be changed?  Fills xmin, xmax, and
 * cmax if the answer is TM_SelfModified.  TM_Deleted if the tuple is gone.
 */
extern TM_Result tsdb_directory_update_status(TsdbStore *store, TsdbDirEntry *entry, CommandId cid, CommandId *cmax);

/* HeapTupleSatisfiesVacuum of the entry's tuple; HEAPTUPLE_DEAD if it is gone. */
extern HTSV_Result tsdb_directory_status(TsdbStore *store, const TsdbDirEntry *entry, TransactionId oldest_xmin);

/* Chunk lock (DESIGN: LOCKTAG_PAGE of the table); to transaction end.  Conditional: false = not got. */
extern bool tsdb_chunk_lock(Relation rel, Oid chunk_id, LOCKMODE mode, bool conditional);
/* Does this transaction hold it in just this mode? */
extern bool tsdb_chunk_lock_held(Relation rel, Oid chunk_id, LOCKMODE mode);
/* One mover, merger or decompressor a table, to transaction end. */
extern bool tsdb_maintenance_lock(Relation rel, bool conditional);

/*
 * VACUUM: adds right - seen to each est_* of the root (seen = the root as it was read before the directory
 * was counted; changes made since stay counted), takes "removed" down by removed_done and sets cleaned_xid.
 */
extern void tsdb_root_correct(TsdbStore *store, const TsdbRootDisk *seen, const TsdbRootDisk *right,
							  uint32 removed_done, uint64 cleaned_xid);

/* Gives the main fork an (empty) page if it has none: ANALYZE visits no table without. */
extern void tsdb_ensure_main_page(Relation rel);

#endif							/* TSDB_DIRECTORY_H */
