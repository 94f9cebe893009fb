/*-------------------------------------------------------------------------
 * chunk_scan.c
 *	  Walks the rows of a table's chunks, or fetches single ones by virtual TID.
 *
 * A walk reads the directory once, with the scan's snapshot, and then visits the chunks
 * in order of change numbers.  A fetch finds its entry in the backend's directory cache;
 * whether the snapshot sees the chunk is decided on the directory tuple at each fetch, unless the
 * same MVCC snapshot has been told so before.
 *
 * Invariant: the slot that shows a row holds a reference on the vector set, so that
 * the cursor may move on; a set that nobody else holds is filled anew.
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/relscan.h"
#include "access/transam.h"
#include "access/xact.h"
#include "am/tsdb_am_internal.h"
#include "chunk/directory_cache.h"
#include "chunk/tombstone.h"
#include "executor/nodeHash.h"
#include "index/chunk_index.h"
#include "miscadmin.h"
#include "storage/predicate.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* open chunks that a fetching cursor remembers */
#define FETCH_CACHE_SIZE 16

/* rows of one chunk that are looked up one by one before all its tombstones are read */
#define FETCH_PROBES	16

/* A vector of a fetched chunk. */
typedef struct FetchedSet
{
	TsdbVectorSet *set;			/* NULL = none */
	uint64		used;			/* clock of last use */
	Size		bytes;			/* counted in fetched_bytes */
} FetchedSet;

typedef struct FetchedChunk
{
	uint32		change;			/* of the chunk's entry, 0 = unused */
	Oid			chunk_id;
	uint64		used;			/* clock of last use */
	TsdbChunk  *chunk;
	FetchedSet *sets;			/* [chunk->nvectors] */
	/* MVCC snapshot for which the entry is known to be visible */
	Snapshot	snapshot;
	CommandId	curcid;
	uint32		probes;			/* rows fetched with it */
	bool		tombstones_read;	/* for that snapshot */
} FetchedChunk;

struct TsdbChunkCursor
{
	Relation	rel;
	Snapshot	snapshot;		/* of the walk */
	MemoryContext cxt;
	TsdbStore  *store;			/* NULL until opened, or if the table has none */
	bool		store_tried;

	/* the walk */
	bool		loaded;			/* entries were read */
	TsdbDirEntry *entries;
	int			nentries;
	uint32		changes_at_load;
	bool		noted;			/* by tsdb_cursor_note_changes: changes_noted counts, not changes_at_load */
	uint32		changes_noted;
	int			current;		/* entry of the open chunk; -1 before the first, nentries after the last */
	TsdbChunk  *chunk;			/* open chunk, NULL = none */
	TsdbVectorSet *set;			/* vector of the current row */
	int64		row;			/* current row in chunk; -1 and nrows: before and after */
	bool		has_range;
	ItemPointerData mintid;
	ItemPointerData maxtid;
	pg_atomic_uint64 *parallel_next;
	uint64		parallel_last;

	/* fetches */
	bool		directory_checked;	/* this cursor has looked into the directory cache */
	FetchedChunk cache[FETCH_CACHE_SIZE];
	uint64		clock;
	Size		fetched_bytes;	/* of all sets but the newest; bounded by work_mem * hash_mem_multiplier */
	FetchedSet *newest;			/* whose columns are still being decoded; NULL = none */
};

TsdbChunkCursor *
tsdb_cursor_begin(Relation rel, Snapshot snapshot)
{
	TsdbChunkCursor *cursor = palloc0(sizeof(TsdbChunkCursor));

	cursor->rel = rel;
	cursor->snapshot = snapshot;
	cursor->cxt = CurrentMemoryContext;
	cursor->current = -1;
	cursor->row = -1;
	return cursor;
}

TsdbStore *
tsdb_cursor_store(TsdbChunkCursor *cursor)
{
	if (!cursor->store_tried)
	{
		MemoryContext old = MemoryContextSwitchTo(cursor->cxt);

		cursor->store = tsdb_store_open(cursor->rel, AccessShareLock);
		cursor->store_tried = true;
		MemoryContextSwitchTo(old);
	}
	return cursor->store;
}

/* Lets go of the walk's open chunk. */
static void
close_chunk(TsdbChunkCursor *cursor)
{
	if (cursor->set != NULL)
	{
		tsdb_vector_set_detach(cursor->set);
		cursor->set = NULL;
	}
	if (cursor->chunk != NULL)
	{
		tsdb_chunk_release(cursor->chunk);
		cursor->chunk = NULL;
	}
}

static inline bool
is_of_entry(const FetchedChunk *fetched, const TsdbDirEntry *entry)
{
	return fetched->change == entry->change && fetched->chunk_id == entry->d.chunk_id;
}

static void
drop_fetched_set(TsdbChunkCursor *cursor, FetchedSet *fetched)
{
	if (fetched == cursor->newest)
		cursor->newest = NULL;
	else
		cursor->fetched_bytes -= fetched->bytes;
	tsdb_vector_set_detach(fetched->set);
	memset(fetched, 0, sizeof(*fetched));
}

static void
drop_fetched(TsdbChunkCursor *cursor, FetchedChunk *fetched)
{
	uint32		i;

	if (fetched->chunk != NULL)
	{
		for (i = 0; i < fetched->chunk->nvectors; i++)
		{
			if (fetched->sets[i].set != NULL)
				drop_fetched_set(cursor, &fetched->sets[i]);
		}
		pfree(fetched->sets);
		tsdb_chunk_release(fetched->chunk);
	}
	memset(fetched, 0, sizeof(*fetched));
}

void
tsdb_cursor_rescan(TsdbChunkCursor *cursor)
{
	close_chunk(cursor);
	if (cursor->entries != NULL)
		pfree(cursor->entries);
	cursor->entries = NULL;
	cursor->nentries = 0;
	cursor->loaded = false;
	cursor->current = -1;
	cursor->row = -1;
}

void
tsdb_cursor_end(TsdbChunkCursor *cursor)
{
	int			i;

	tsdb_cursor_rescan(cursor);
	for (i = 0; i < FETCH_CACHE_SIZE; i++)
	{
		if (cursor->cache[i].change != 0)
			drop_fetched(cursor, &cursor->cache[i]);
	}
	if (cursor->store != NULL)
		tsdb_store_close(cursor->store);
	pfree(cursor);
}

void
tsdb_cursor_set_range(TsdbChunkCursor *cursor, ItemPointer mintid, ItemPointer maxtid)
{
	cursor->has_range = true;
	cursor->mintid = *mintid;
	cursor->maxtid = *maxtid;
}

void
tsdb_cursor_set_parallel(TsdbChunkCursor *cursor, pg_atomic_uint64 *next, uint64 last)
{
	cursor->parallel_next = next;
	cursor->parallel_last = last;
}

TsdbDirEntry *
tsdb_cursor_entries(TsdbChunkCursor *cursor, int *nentries)
{
	if (!cursor->loaded)
	{
		TsdbStore  *store = tsdb_cursor_store(cursor);

		if (store != NULL)
		{
			MemoryContext old = MemoryContextSwitchTo(cursor->cxt);
			TsdbRootDisk root;

			/* the root first: what is added later is a change that tsdb_cursor_changed tells */
			if (tsdb_root_read(store, &root))
			{
				cursor->changes_at_load = cursor->noted ? cursor->changes_noted : root.changes;
				cursor->entries = tsdb_directory_read(store, cursor->snapshot, &cursor->nentries);
			}
			else
				cursor->changes_at_load = 0;
			MemoryContextSwitchTo(old);
		}
		cursor->loaded = true;
	}
	*nentries = cursor->nentries;
	return cursor->entries;
}

void
tsdb_cursor_note_changes(TsdbChunkCursor *cursor)
{
	TsdbStore  *store = tsdb_cursor_store(cursor);
	TsdbRootDisk root;

	cursor->changes_noted = (store != NULL && tsdb_root_read(store, &root)) ? root.changes : 0;
	cursor->noted = true;
}

bool
tsdb_cursor_changed(TsdbChunkCursor *cursor)
{
	TsdbRootDisk root;

	if (!cursor->loaded || cursor->store == NULL)
		return false;
	if (!tsdb_root_read(cursor->store, &root))
		return cursor->changes_at_load != 0;
	return root.changes != cursor->changes_at_load;
}

uint32
tsdb_directory_changes(Relation rel)
{
	TsdbStore  *store = tsdb_store_open(rel, AccessShareLock);
	TsdbRootDisk root;
	uint32		changes = 0;

	if (store != NULL)
	{
		if (tsdb_root_read(store, &root))
			changes = root.changes;
		tsdb_store_close(store);
	}
	return changes;
}

void
tsdb_cursor_to_end(TsdbChunkCursor *cursor)
{
	int			nentries;

	(void) tsdb_cursor_entries(cursor, &nentries);
	close_chunk(cursor);
	cursor->current = nentries;
	cursor->row = -1;
}

/* Index of the entry with this change number, or -1. */
static int
find_change(TsdbChunkCursor *cursor, uint64 change)
{
	int			lo = 0,
				hi = cursor->nentries - 1;

	while (lo <= hi)
	{
		int			mid = lo + (hi - lo) / 2;

		if (cursor->entries[mid].change == change)
			return mid;
		if (cursor->entries[mid].change < change)
			lo = mid + 1;
		else
			hi = mid - 1;
	}
	return -1;
}

TsdbDirEntry *
tsdb_cursor_take_entry(TsdbChunkCursor *cursor)
{
	int			nentries;

	(void) tsdb_cursor_entries(cursor, &nentries);
	if (cursor->parallel_next != NULL)
	{
		for (;;)
		{
			uint64		change = pg_atomic_fetch_add_u64(cursor->parallel_next, 1);
			int			found;

			if (change > cursor->parallel_last)
			{
				cursor->current = nentries;
				return NULL;
			}
			found = find_change(cursor, change);
			if (found >= 0)
			{
				cursor->current = found;
				return &cursor->entries[found];
			}
		}
	}
	if (cursor->current + 1 >= nentries)
	{
		cursor->current = nentries;
		return NULL;
	}
	return &cursor->entries[++cursor->current];
}

/* Can the current entry hold a TID of the range? */
static bool
entry_in_range(TsdbChunkCursor *cursor, TsdbDirEntry *entry)
{
	ItemPointerData first,
				last;

	if (!cursor->has_range)
		return true;
	tsdb_row_tid(entry->d.first_vblock, 0, &first);
	tsdb_row_tid(entry->d.first_vblock, entry->d.nrows - 1, &last);
	return ItemPointerCompare(&last, &cursor->mintid) >= 0 &&
		ItemPointerCompare(&first, &cursor->maxtid) <= 0;
}

/* Goes to the next or previous chunk and opens it, standing before (after) its first (last) row. */
static bool
step_chunk(TsdbChunkCursor *cursor, bool forward, TupleDesc tupdesc)
{
	int			nentries;
	TsdbDirEntry *entry;

	(void) tsdb_cursor_entries(cursor, &nentries);
	close_chunk(cursor);
	do
	{
		CHECK_FOR_INTERRUPTS();
		if (forward)
		{
			entry = tsdb_cursor_take_entry(cursor);
			if (entry == NULL)
				return false;
		}
		else
		{
			/* parallel scans never go backward */
			Assert(cursor->parallel_next == NULL);
			if (cursor->current <= 0)
			{
				cursor->current = -1;
				return false;
			}
			entry = &cursor->entries[--cursor->current];
		}
	} while (!entry_in_range(cursor, entry));

	/* ALTER TABLE reads with the descriptor of before, which is the slot's, not the relation's */
	cursor->chunk = tsdb_chunk_open(cursor->store, entry, tupdesc, cursor->snapshot, cursor->cxt);
	if (cursor->snapshot != NULL && IsMVCCSnapshot(cursor->snapshot))
		tsdb_chunk_index_find_and_count(cursor->store, entry);
	cursor->row = forward ? -1 : (int64) cursor->chunk->nrows;
	return true;
}

/*
 * Dirty snapshots: callers look at xmin and xmax that the test of the returned row left in the snapshot, so
 * test again.  Is the row still there?
 */
static bool
recheck_dirty(TsdbChunkCursor *cursor, uint32 row)
{
	TsdbDirEntry *entry = &cursor->entries[cursor->current];
	TsdbTombstone tombstone;

	if (!tsdb_directory_visible(cursor->store, entry, cursor->snapshot))
		return false;
	if (cursor->chunk->has_dying && tsdb_row_bits_test(cursor->chunk->dying, row))
	{
		switch (tsdb_tombstone_find(cursor->store, entry, row, &tombstone))
		{
			case TSDB_TOMBSTONE_IN_PROGRESS:
				cursor->snapshot->xmax = tombstone.xmin;
				break;
			case TSDB_TOMBSTONE_OWN:
			case TSDB_TOMBSTONE_COMMITTED:
				return false;
			case TSDB_TOMBSTONE_NONE:
				break;
		}
	}
	return true;
}

bool
tsdb_cursor_next(TsdbChunkCursor *cursor, ScanDirection direction, TupleTableSlot *slot)
{
	bool		forward = !ScanDirectionIsBackward(direction);

	for (;;)
	{
		TsdbChunk  *chunk = cursor->chunk;
		uint32		vector;

		if (chunk == NULL)
		{
			if (!step_chunk(cursor, forward, slot->tts_tupleDescriptor))
				return false;
			continue;
		}

		/* one row on */
		cursor->row += forward ? 1 : -1;
		if (cursor->row < 0 || cursor->row >= chunk->nrows)
		{
			ExecClearTuple(slot);
			close_chunk(cursor);
			continue;
		}
		if (tsdb_row_is_dead(chunk, (uint32) cursor->row))
			continue;

		vector = (uint32) cursor->row / TSDB_VECTOR_ROWS;
		if (unlikely(cursor->set == NULL || cursor->set->vector != vector))
		{
			/* the slot lets go first, so that the set can be filled anew */
			ExecClearTuple(slot);
			CHECK_FOR_INTERRUPTS();
			cursor->set = tsdb_vector_set(chunk, vector, cursor->set, cursor->cxt);
		}
		if (unlikely(cursor->snapshot != NULL && cursor->snapshot->snapshot_type == SNAPSHOT_DIRTY) &&
			!recheck_dirty(cursor, (uint32) cursor->row))
			continue;

		tsdb_slot_store_chunk_row(slot, cursor->set, (uint32) cursor->row % TSDB_VECTOR_ROWS);
		if (cursor->has_range &&
			(ItemPointerCompare(&slot->tts_tid, &cursor->mintid) < 0 ||
			 ItemPointerCompare(&slot->tts_tid, &cursor->maxtid) > 0))
		{
			ExecClearTuple(slot);
			continue;
		}
		return true;
	}
}

/* The entry that holds this virtual block. */
static bool
find_fetch_entry(TsdbChunkCursor *cursor, uint32 vblock, TsdbDirEntry *entry)
{
	bool		found = tsdb_directory_cache_find(cursor->store, vblock, cursor->directory_checked, entry);

	cursor->directory_checked = true;
	return found;
}

/* The open chunk of an entry that the snapshot (NULL: not an MVCC one) sees. */
static FetchedChunk *
get_fetched(TsdbChunkCursor *cursor, const TsdbDirEntry *entry, Snapshot snapshot, TupleDesc tupdesc)
{
	FetchedChunk *victim = &cursor->cache[0];
	int			i;

	for (i = 0; i < FETCH_CACHE_SIZE; i++)
	{
		FetchedChunk *fetched = &cursor->cache[i];

		if (is_of_entry(fetched, entry))
		{
			victim = fetched;
			break;
		}
		if (fetched->used < victim->used)
			victim = fetched;
	}

	if (!is_of_entry(victim, entry))
	{
		if (victim->change != 0)
			drop_fetched(cursor, victim);
		victim->chunk = tsdb_chunk_open_bare(cursor->store, entry, tupdesc, snapshot, cursor->cxt);
		victim->sets = MemoryContextAllocZero(cursor->cxt, sizeof(FetchedSet) * victim->chunk->nvectors);
		victim->change = entry->change;
		victim->chunk_id = entry->d.chunk_id;
		if (snapshot != NULL)
			tsdb_chunk_index_find_and_count(cursor->store, entry);
	}
	/* a look without an MVCC snapshot in between leaves what is known for one */
	if (snapshot != NULL && (victim->snapshot != snapshot || victim->curcid != snapshot->curcid))
	{
		victim->snapshot = snapshot;
		victim->curcid = snapshot->curcid;
		victim->probes = 0;
		victim->tombstones_read = false;
	}
	victim->used = ++cursor->clock;
	return victim;
}

/*
 * The vector of a fetched chunk, from those at hand or decoded anew in the memory of the one unused for longest.
 * Scattered fetches, as of a nested loop, come back to each vector again and again.
 */
static TsdbVectorSet *
fetch_set(TsdbChunkCursor *cursor, FetchedChunk *fetched, uint32 vector)
{
	FetchedSet *wanted = &fetched->sets[vector];
	TsdbVectorSet *old = NULL;

	wanted->used = ++cursor->clock;
	if (wanted->set != NULL)
		return wanted->set;

	/* the newest has got all the columns that it was asked for */
	if (cursor->newest != NULL)
	{
		cursor->newest->bytes = tsdb_vector_set_bytes(cursor->newest->set);
		cursor->fetched_bytes += cursor->newest->bytes;
		cursor->newest = NULL;
	}
	while (cursor->fetched_bytes > get_hash_memory_limit())
	{
		FetchedSet *oldest = NULL;
		int			i;
		uint32		v;

		for (i = 0; i < FETCH_CACHE_SIZE; i++)
		{
			for (v = 0; cursor->cache[i].chunk != NULL && v < cursor->cache[i].chunk->nvectors; v++)
			{
				FetchedSet *candidate = &cursor->cache[i].sets[v];

				if (candidate->set != NULL && (oldest == NULL || candidate->used < oldest->used))
					oldest = candidate;
			}
		}
		if (oldest == NULL)
			break;
		if (old == NULL)
		{
			/* its memory serves the one that comes */
			old = oldest->set;
			cursor->fetched_bytes -= oldest->bytes;
			memset(oldest, 0, sizeof(*oldest));
		}
		else
			drop_fetched_set(cursor, oldest);
	}
	wanted->set = tsdb_vector_set(fetched->chunk, vector, old, cursor->cxt);
	wanted->set->few_rows = TSDB_FEW_ROWS + 1;
	cursor->newest = wanted;
	return wanted->set;
}

/* Is the row dead for this MVCC snapshot? */
static bool
fetched_row_is_dead(TsdbChunkCursor *cursor, FetchedChunk *fetched, uint32 row, Snapshot snapshot)
{
	if (fetched->tombstones_read)
		return tsdb_row_is_dead(fetched->chunk, row);

	/* a serializable reader looks each time, after it has locked the TID: see tsdb_cursor_fetch */
	if (IsolationIsSerializable() || fetched->probes++ < FETCH_PROBES)
		return tsdb_tombstone_visible(cursor->store, &fetched->chunk->entry, row, snapshot);

	tsdb_chunk_read_tombstones(fetched->chunk, snapshot);
	fetched->tombstones_read = true;
	return tsdb_row_is_dead(fetched->chunk, row);
}

/*
 * Does a snapshot that is not MVCC see this row of a chunk that it sees?  A dirty one is told who is deleting it, beside what
 * the test of the entry told.
 */
static bool
row_is_there(TsdbChunkCursor *cursor, const TsdbDirEntry *entry, uint32 row, Snapshot snapshot)
{
	TsdbTombstone tombstone;

	if (snapshot->snapshot_type != SNAPSHOT_DIRTY && snapshot->snapshot_type != SNAPSHOT_SELF)
		return true;
	switch (tsdb_tombstone_find(cursor->store, entry, row, &tombstone))
	{
		case TSDB_TOMBSTONE_NONE:
			return true;
		case TSDB_TOMBSTONE_IN_PROGRESS:
			if (snapshot->snapshot_type == SNAPSHOT_DIRTY)
				snapshot->xmax = tombstone.xmin;
			return true;
		case TSDB_TOMBSTONE_OWN:
		case TSDB_TOMBSTONE_COMMITTED:
			return false;
	}
	pg_unreachable();
}

/* The entry and row of a virtual TID. */
static bool
find_fetch_row(TsdbChunkCursor *cursor, ItemPointer tid, TsdbDirEntry *entry, uint32 *row)
{
	OffsetNumber offset = ItemPointerGetOffsetNumberNoCheck(tid);

	Assert(tsdb_tid_is_virtual(tid));
	if (tsdb_cursor_store(cursor) == NULL || offset < 1 || offset > TSDB_VBLOCK_ROWS ||
		!find_fetch_entry(cursor, tsdb_tid_vblock(tid), entry))
		return false;
	*row = tsdb_tid_row(entry->d.first_vblock, tid);
	return *row < entry->d.nrows;
}

bool
tsdb_cursor_fetch(TsdbChunkCursor *cursor, ItemPointer tid, Snapshot snapshot, TupleTableSlot *slot)
{
	TsdbDirEntry entry;
	FetchedChunk *fetched = NULL;
	uint32		row;
	TsdbVectorSet *set;
	bool		mvcc = IsMVCCSnapshot(snapshot);
	int			i;

	if (!find_fetch_row(cursor, tid, &entry, &row))
		return false;

	/*
	 * A serializable reader locks the TID before it looks at entry and tombstone, and looks each time: a mover
	 * deletes the entry first and promotes locks on TIDs then; who deletes the row writes the tombstone first and looks for
	 * locks then.
	 */
	PredicateLockTID(cursor->rel, tid, snapshot, entry.xmin);
	if (mvcc && !IsolationIsSerializable())
	{
		for (i = 0; i < FETCH_CACHE_SIZE; i++)
		{
			if (is_of_entry(&cursor->cache[i], &entry) && cursor->cache[i].snapshot == snapshot &&
				cursor->cache[i].curcid == snapshot->curcid)
				fetched = &cursor->cache[i];
		}
	}
	if (fetched == NULL)
	{
		if (!tsdb_directory_visible(cursor->store, &entry, snapshot))
			return false;
		if (!mvcc && !row_is_there(cursor, &entry, row, snapshot))
			return false;
		fetched = get_fetched(cursor, &entry, mvcc ? snapshot : NULL, slot->tts_tupleDescriptor);
	}
	else
		fetched->used = ++cursor->clock;

	if (mvcc && fetched_row_is_dead(cursor, fetched, row, snapshot))
		return false;

	/* it is being moved: whoever writes the row then looks for locks on its new TID, so lock the table */
	if (TransactionIdIsValid(entry.xmax))
		PredicateLockRelation(cursor->rel, snapshot);

	/* the slot lets go of its row first, so that its vector's memory can be used again */
	set = fetched->sets[row / TSDB_VECTOR_ROWS].set;
	if (set == NULL)
		ExecClearTuple(slot);
	set = fetch_set(cursor, fetched, row / TSDB_VECTOR_ROWS);
	tsdb_vector_count_row(set);
	tsdb_slot_store_chunk_row(slot, set, row % TSDB_VECTOR_ROWS);
	return true;
}

bool
tsdb_cursor_row_visible(TsdbChunkCursor *cursor, ItemPointer tid, Snapshot snapshot)
{
	TsdbDirEntry entry;
	uint32		row;

	if (!find_fetch_row(cursor, tid, &entry, &row) ||
		!tsdb_directory_visible(cursor->store, &entry, snapshot))
		return false;
	return IsMVCCSnapshot(snapshot) ?
		!tsdb_tombstone_visible(cursor->store, &entry, row, snapshot) :
		row_is_there(cursor, &entry, row, snapshot);
}
