/*-------------------------------------------------------------------------
 * directory_cache.c
 *	  Directory entries that this backend has read before: from virtual block to chunk.
 *
 * Used by am/ (fetches by TID; where a moved row went).
 *
 * Why what is kept stays right: below the root's count of changes, an entry's number, virtual blocks and
 * chunk id are issued once and never change as long as the root's incarnation stays.  Whatever gives a
 * table other files or other numbers (TRUNCATE, rewrites, VACUUM FULL, their rollback) leaves a root with
 * another incarnation, or none.  So the incarnation is compared before a cursor's first look, and what
 * lies beyond the known changes is read when it is asked for.  Entries whose tuples have gone
 * since stay; nobody sees them.
 *-------------------------------------------------------------------------
 */
#include "chunk/directory_cache.h"

#include "access/transam.h"
#include "storage/procarray.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* when one more table or byte comes than these, all is forgotten */
#define MAX_TABLES			64
#define MAX_BYTES			((Size) 64 * 1024 * 1024)

typedef struct CachedDirectory
{
	Oid			toastrelid;		/* hash key */
	RelFileLocator node;			/* the files that it was read from */
	uint64		incarnation;	/* of the root */
	uint32		changes;		/* all entries up to this number are here */
	TsdbDirEntry *entries;		/* sorted */
	int			nentries;
	MemoryContext cxt;			/* child of cache_cxt; holds entries */
} CachedDirectory;

static HTAB *cache = NULL;
static MemoryContext cache_cxt = NULL;

static void
cache_reset(void)
{
	HASHCTL		ctl;

	if (cache_cxt != NULL)
	{
		cache = NULL;
		MemoryContextReset(cache_cxt);
	}
	else
		cache_cxt = AllocSetContextCreate(TopMemoryContext, "tsdb directories", ALLOCSET_DEFAULT_SIZES);
	ctl.keysize = sizeof(Oid);
	ctl.entrysize = sizeof(CachedDirectory);
	ctl.hcxt = cache_cxt;
	cache = hash_create("tsdb directories", MAX_TABLES, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* The table's place in the cache, empty if it is new or of other files. */
static CachedDirectory *
cache_slot(TsdbStore *store)
{
	Oid			toastrelid = RelationGetRelid(store->toastrel);
	CachedDirectory *dir;
	MemoryContext cxt;

	if (cache == NULL)
		cache_reset();
	dir = hash_search(cache, &toastrelid, HASH_FIND, NULL);
	if (dir != NULL && RelFileLocatorEquals(dir->node, store->toastrel->rd_locator))
		return dir;
	if (dir != NULL)
	{
		MemoryContextDelete(dir->cxt);
		hash_search(cache, &toastrelid, HASH_REMOVE, NULL);
	}
	if (hash_get_num_entries(cache) >= MAX_TABLES ||
		MemoryContextMemAllocated(cache_cxt, true) > MAX_BYTES)
		cache_reset();

	/* first what may fail */
	cxt = AllocSetContextCreate(cache_cxt, "tsdb directory", ALLOCSET_SMALL_SIZES);
	dir = hash_search(cache, &toastrelid, HASH_ENTER, NULL);
	memset((char *) dir + sizeof(Oid), 0, sizeof(CachedDirectory) - sizeof(Oid));
	dir->cxt = cxt;
	dir->node = store->toastrel->rd_locator;
	return dir;
}

static void
forget_entries(CachedDirectory *dir)
{
	MemoryContextReset(dir->cxt);
	dir->entries = NULL;
	dir->nentries = 0;
	dir->changes = 0;
	dir->incarnation = 0;
}

/*
 * A writer that failed between its entry and the root leaves an entry with the number that the next one takes too.  Of
 * several with one number all but one are of aborted transactions: keeps that one.
 */
static int
drop_aborted(TsdbStore *store, TsdbDirEntry *entries, int nentries)
{
	int			nkept = 0;
	int			i;

	for (i = 0; i < nentries; i++)
	{
		if (nkept > 0 && entries[nkept - 1].change == entries[i].change)
		{
			if (tsdb_directory_status(store, &entries[i], GetOldestNonRemovableTransactionId(store->toastrel)) ==
				HEAPTUPLE_DEAD)
				continue;
			nkept--;
		}
		entries[nkept++] = entries[i];
	}
	return nkept;
}

/* An entry that was not in the root's count: its writer must not have committed before. */
static void
check_beyond(TsdbStore *store, TsdbDirEntry *entry)
{
	bool		committed = TransactionIdDidCommit(entry->xmin);
	TsdbRootDisk root;

	if (committed && tsdb_root_read(store, &root) && entry->change > root.changes)
		tsdb_report_corruption(store->rel, TSDB_ROOT_ID, NULL, "there is a change %u, but the root counts %u",
							   entry->change, root.changes);
}

/*
 * Brings the cache up to the root.  False: there is no root, hence no chunk.
 *
 * An entry is inserted before the root is bumped, and its number may be taken again if a failure comes in
 * between and vacuum passes.  So the root is read first, and what lies beyond its count is left for
 * later: nobody can have a TID of it.
 */
static bool
read_on(TsdbStore *store, CachedDirectory *dir)
{
	TsdbRootDisk root;
	TsdbDirEntry *more;
	int			nmore;

	if (!tsdb_root_read(store, &root))
	{
		forget_entries(dir);
		return false;
	}
	if (root.incarnation != dir->incarnation || root.changes < dir->changes)
	{
		forget_entries(dir);
		dir->incarnation = root.incarnation;
	}
	/* that there is none is not believed without a look */
	if (root.changes == dir->changes && root.changes > 0)
		return true;

	more = tsdb_directory_read_after(store, SnapshotAny, dir->changes, &nmore);
	while (nmore > 0 && more[nmore - 1].change > root.changes)
		check_beyond(store, &more[--nmore]);
	nmore = drop_aborted(store, more, nmore);
	if (nmore > 0)
	{
		Size		size = ((Size) dir->nentries + nmore) * sizeof(TsdbDirEntry);

		if (dir->entries == NULL)
			dir->entries = MemoryContextAllocHuge(dir->cxt, size);
		else
			dir->entries = repalloc_huge(dir->entries, size);
		memcpy(dir->entries + dir->nentries, more, nmore * sizeof(TsdbDirEntry));
		dir->nentries += nmore;
	}
	dir->changes = root.changes;
	pfree(more);
	return true;
}

/* Looks into what is kept. */
static bool
find_kept(const CachedDirectory *dir, uint32 vblock, TsdbDirEntry *entry)
{
	int			found = tsdb_directory_find(dir->entries, dir->nentries, vblock);

	if (found < 0)
		return false;
	*entry = dir->entries[found];
	return true;
}

bool
tsdb_directory_cache_find(TsdbStore *store, uint32 vblock, bool checked, TsdbDirEntry *entry)
{
	CachedDirectory *dir = cache_slot(store);

	if (checked && find_kept(dir, vblock, entry))
		return true;
	return read_on(store, dir) && find_kept(dir, vblock, entry);
}

bool
tsdb_directory_cache_find_moved(TsdbStore *store, uint64 mover_xid, BlockNumber block, TsdbDirEntry *entry)
{
	CachedDirectory *dir = cache_slot(store);
	int			i;

	if (!read_on(store, dir))
		return false;
	/* who asks has waited for the mover, or nearly so: newest first */
	for (i = dir->nentries - 1; i >= 0; i--)
	{
		const TsdbDirEntryDisk *d = &dir->entries[i].d;

		if (d->mover_xid == mover_xid && block >= d->src_block && block - d->src_block < d->src_nblocks)
		{
			*entry = dir->entries[i];
			return true;
		}
	}
	return false;
}
