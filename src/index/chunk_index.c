/*-------------------------------------------------------------------------
 * chunk_index.c
 *	  Which chunks of a table may hold rows of some series and time: from shared memory where it can be.
 *
 * Used by scan/ and am/.  The structure is interval_index.c's; here is the protocol that makes it complete:
 *
 *	1. The caller has a snapshot.  The root is read: incarnation and count of changes m.
 *	2. The index of that incarnation answers for changes 1 .. c.  Each hit is confirmed on its tuple.
 *	3. If c < m, or there is none: changes c+1 .. are read from the directory with the snapshot.
 *	4. Who gets the claim reads them with SnapshotAny and adds them, so that the index is complete up to m; the snapshot then
 *	   says which of them are its own.
 *
 * An entry that the snapshot sees was counted in the root before its transaction committed, hence before the snapshot, hence before step 1: its
 * number is at most m.  README.md has the whole argument.
 *
 * Locking: none of our own.  Within an epoch nothing is called that can fail or wait.
 *-------------------------------------------------------------------------
 */
#include "index/chunk_index.h"

#include "access/xact.h"
#include "guc.h"
#include "injection.h"
#include "libpq/pqsignal.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

/* as allProcs begins: backends, workers, walsenders, and auxiliary processes; prepared transactions have no process */
#define NPROCS			((uint32) (MaxBackends + NUM_AUXILIARY_PROCS))
#define FIRST_HITS		128
/* A table that was looked up so many seconds ago may be one that its transaction has made and not committed. */
#define DROPPED_UNUSED_S	5

StaticAssertDecl(TSDB_IX_TIME == TSDB_DIR_TIME && TSDB_IX_TIME_NULLS == TSDB_DIR_TIME_NULLS, "flags are the same");
StaticAssertDecl(TSDB_IX_BLOOM_COLUMNS == TSDB_BLOOM_MAX_COLUMNS, "columns of filters");

static TsdbIx *shared = NULL;	/* NULL: turned off, or memory too small */
static shmem_request_hook_type prev_shmem_request = NULL;
static shmem_startup_hook_type prev_shmem_startup = NULL;

/* of this backend */
static bool attached = false;	/* its exit callback is there */
static bool claiming = false;
static TsdbIxRef claim;

/*-------------- shared memory --------------*/

static Size
memory_bytes(void)
{
	return (Size) tsdb_index_memory_kb * 1024;
}

static bool
is_on(void)
{
	return memory_bytes() >= tsdb_ix_min_bytes(NPROCS);
}

static void
request_memory(void)
{
	if (prev_shmem_request)
		prev_shmem_request();
	if (is_on())
		RequestAddinShmemSpace(add_size(memory_bytes(), PG_CACHE_LINE_SIZE));
}

static void
attach_memory(void)
{
	bool		found;
	char	   *memory;

	if (prev_shmem_startup)
		prev_shmem_startup();
	shared = NULL;
	if (!is_on())
		return;
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	memory = ShmemInitStruct("tsdb_am chunk index", memory_bytes(), &found);
	/* shared memory starts on a page and gives out whole cache lines of 128 bytes */
	Assert((uintptr_t) memory % PG_CACHE_LINE_SIZE == 0);
	if (!found)
	{
		/* what came from the kernel is zero already; after a crash, too: it is another segment then */
		shared = tsdb_ix_init(memory, memory_bytes(), NPROCS, (uint32) (GetCurrentTimestamp() / USECS_PER_SEC));
	}
	else
		shared = (TsdbIx *) memory;
	LWLockRelease(AddinShmemInitLock);
}

void
tsdb_chunk_index_init(void)
{
	prev_shmem_request = shmem_request_hook;
	shmem_request_hook = request_memory;
	prev_shmem_startup = shmem_startup_hook;
	shmem_startup_hook = attach_memory;
}

static uint32
my_slot(void)
{
	Assert(MyProc != NULL && (uint32) MyProcNumber < NPROCS);
	return MyProcNumber;
}

static uint32
now_seconds(void)
{
	return (uint32) (GetCurrentStatementStartTimestamp() / USECS_PER_SEC) + TSDB_INJECTED_SECONDS;
}

static void
claim_release(void)
{
	if (claiming)
		tsdb_ix_unclaim(shared, my_slot(), claim);
	claiming = false;
}

static void
leave_at_exit(int code, Datum arg)
{
	tsdb_ix_exit(shared, my_slot());
	claim_release();
}

static void
attach(void)
{
	if (attached)
		return;
	/* registered after ProcKill, hence run before it */
	on_shmem_exit(leave_at_exit, 0);
	attached = true;
}

/*
 * Steps that must not end half way, were it by a worker's handler that exits at SIGTERM.  What they call is short, but for
 * the eviction of large tables: 0.1 s for a million chunks.
 */
static void
signals_block(sigset_t *before)
{
	sigprocmask(SIG_SETMASK, &BlockSig, before);
}

static void
signals_restore(const sigset_t *before)
{
	sigprocmask(SIG_SETMASK, before, NULL);
}

/*-------------- queries --------------*/

static bool
group_may_match(const TsdbBloomGroup *group, const uint64 *bloom)
{
	int			i;

	for (i = 0; i < group->n; i++)
	{
		if (tsdb_bloom_may_have(bloom, group->hashes[i]))
			return true;
	}
	return false;
}

bool
tsdb_chunk_may_match(const TsdbDirEntry *entry, const TsdbChunkQuery *query)
{
	const TsdbDirEntryDisk *d = &entry->d;
	int			i;

	if (query->has_time && query->time_min > query->time_max)
		return false;
	if (query->has_time && d->time_attnum == query->time_attnum)
	{
		if (d->flags & TSDB_DIR_TIME)
		{
			if (d->time_max < query->time_min || d->time_min > query->time_max)
				return false;
		}
		else if (d->flags & TSDB_DIR_TIME_NULLS)
			return false;
	}
	for (i = 0; i < query->nbloom_groups; i++)
	{
		if (tsdb_entry_bloom_covers(entry, query->groups[i].attnum) &&
			!group_may_match(&query->groups[i], entry->bloom))
			return false;
	}
	return true;
}

/* The same for the index; called within an epoch. */
static bool
bloom_may_match(const uint64_t bloom[8], const int16_t attnums[TSDB_IX_BLOOM_COLUMNS], unsigned covered, const void *arg)
{
	const TsdbChunkQuery *query = arg;
	int			i;

	for (i = 0; i < query->nbloom_groups; i++)
	{
		int			k;

		for (k = 0; k < TSDB_IX_BLOOM_COLUMNS; k++)
		{
			if ((covered & 1u << k) != 0 && attnums[k] == query->groups[i].attnum &&
				!group_may_match(&query->groups[i], (const uint64 *) bloom))
				return false;
		}
	}
	return true;
}

/* Leaves out what does not match; returns how many stay. */
static int
filter_entries(TsdbDirEntry *entries, int nentries, const TsdbChunkQuery *query)
{
	int			nkept = 0;
	int			i;

	for (i = 0; i < nentries; i++)
	{
		if (!tsdb_chunk_may_match(&entries[i], query))
			continue;
		if (nkept != i)
			entries[nkept] = entries[i];
		nkept++;
	}
	return nkept;
}

static TsdbDirEntry *
find_plainly(TsdbStore *store, Snapshot snapshot, const TsdbChunkQuery *query, int *nentries, TsdbChunkQueryStats *stats)
{
	int			n;
	TsdbDirEntry *entries = tsdb_directory_read(store, snapshot, &n);

	*nentries = filter_entries(entries, n, query);
	stats->total = n;
	stats->pruned = n - *nentries;
	stats->from_index = false;
	if (shared != NULL)
		tsdb_ix_count(shared, my_slot(), TSDB_IX_PLAIN);
	return entries;
}

/*-------------- loading --------------*/

static void
entry_for_index(const TsdbDirEntry *entry, TsdbIxEntry *to)
{
	memset(to, 0, sizeof(*to));
	to->change = entry->change;
	to->chunk_id = entry->d.chunk_id;
	to->block = ItemPointerGetBlockNumberNoCheck(&entry->tid);
	to->offset = ItemPointerGetOffsetNumberNoCheck(&entry->tid);
	to->time_attnum = entry->d.time_attnum;
	to->flags = entry->d.flags & (TSDB_DIR_TIME | TSDB_DIR_TIME_NULLS);
	to->time_min = entry->d.time_min;
	to->time_max = entry->d.time_max;
	if (entry->has_bloom)
	{
		to->flags |= TSDB_IX_BLOOM;
		to->nbloom_attnums = entry->nbloom_attnums;
		memcpy(to->bloom_attnums, entry->bloom_attnums, sizeof(to->bloom_attnums));
		memcpy(to->bloom, entry->bloom, sizeof(to->bloom));
	}
}

/* Sets claiming, if nobody else is at it. */
static bool
claim_try(const TsdbIxKey *key, const TsdbRootDisk *root, uint32 now, uint32 *complete)
{
	sigset_t	mask;

	Assert(!claiming);
	*complete = 0;
	signals_block(&mask);
	claiming = tsdb_ix_claim(shared, my_slot(), key, root->incarnation, now, &claim, complete) == TSDB_IX_CLAIMED;
	if (claiming)
		TSDB_INJECT_CRASH("index-claim");
	signals_restore(&mask);
	return claiming;
}

/* What a look-up reads from the directory. */
typedef struct Missing
{
	TsdbStore  *store;
	Snapshot	snapshot;
	const TsdbChunkQuery *query;
	TsdbIxKey	key;
	TsdbRootDisk root;
	uint32		now;
	uint32		after;			/* changes after this one */
	/* out */
	TsdbDirEntry *entries;		/* that the snapshot sees and that may match */
	int			nentries;
	uint32		total;			/* that it sees */
} Missing;

/*
 * Directory entries from "after" on, with the claim: those that the snapshot sees and that may match are returned, all that SnapshotAny shows
 * beyond "complete" are added, up to the root's count.  What lies beyond that is left: an entry there may vanish, and its number
 * be given to another.
 *
 * One pass does both: beside a writer that adds chunks without pause many look-ups come here, and when a table is loaded the memory for
 * entries that do not match would cost more than reading them.
 */
static void
read_claimed(Missing *missing, uint32 complete)
{
	Size		nallocated = 16;
	Size		nadd_allocated = 64;
	TsdbDirEntry *entries = palloc(nallocated * sizeof(TsdbDirEntry));
	TsdbIxEntry *add = palloc(nadd_allocated * sizeof(TsdbIxEntry));
	Size		n = 0;
	Size		nadd = 0;
	TsdbStoreScan *scan;
	TsdbStoredTuple stored;
	sigset_t	mask;

	scan = tsdb_store_scan_begin(missing->store, TSDB_DIRECTORY_ID, (int32) missing->after + 1, PG_INT32_MAX, SnapshotAny);
	while (tsdb_store_scan_next(scan, &stored))
	{
		TsdbDirEntry *entry = &entries[n];
		Oid			chunk_id = InvalidOid;
		TsdbDirFetch found;

		/* not checked yet; who fetches does, and fails if it is too short */
		if (stored.len >= sizeof(TsdbDirEntryDisk))
			memcpy(&chunk_id, stored.data + offsetof(TsdbDirEntryDisk, chunk_id), sizeof(Oid));
		found = tsdb_directory_fetch(missing->store, stored.chunk_seq, chunk_id, &stored.tid, missing->snapshot, entry);
		if (found == TSDB_DIR_GONE)
			continue;
		if (entry->change > complete && entry->change <= missing->root.changes)
		{
			if (nadd == nadd_allocated)
			{
				nadd_allocated *= 2;
				add = repalloc_huge(add, nadd_allocated * sizeof(TsdbIxEntry));
			}
			entry_for_index(entry, &add[nadd++]);
		}
		if (found != TSDB_DIR_VISIBLE)
			continue;
		missing->total++;
		if (tsdb_chunk_may_match(entry, missing->query) && ++n == nallocated)
		{
			nallocated *= 2;
			entries = repalloc_huge(entries, nallocated * sizeof(TsdbDirEntry));
		}
	}
	tsdb_store_scan_end(scan);
	TSDB_INJECT("index-load");
	if (n > PG_INT32_MAX)
		elog(ERROR, "directory of table \"%s\" has too many entries", RelationGetRelationName(missing->store->rel));

	signals_block(&mask);
	tsdb_ix_add(shared, my_slot(), claim, add, nadd, missing->root.changes, missing->now);
	TSDB_INJECT_CRASH("index-add");
	signals_restore(&mask);
	pfree(add);
	missing->entries = entries;
	missing->nentries = (int) n;
}

static void
read_and_release(Missing *missing, uint32 complete)
{
	PG_TRY();
	{
		read_claimed(missing, complete);
	}
	PG_CATCH();
	{
		claim_release();
		PG_RE_THROW();
	}
	PG_END_TRY();
	claim_release();
}

/*
 * What the index lacks is added to it, if nobody else is at it: nobody waits.
 */
static void
read_missing(Missing *missing)
{
	uint32		complete;
	int			n;

	missing->entries = NULL;
	missing->total = 0;
	if (claim_try(&missing->key, &missing->root, missing->now, &complete))
	{
		/* not another life of the table that knows less, nor when somebody else has added meanwhile */
		if (complete >= missing->after && complete < missing->root.changes)
			read_and_release(missing, complete);
		else
			claim_release();
	}
	if (missing->entries != NULL)
		return;
	missing->entries = tsdb_directory_read_after(missing->store, missing->snapshot, missing->after, &n);
	missing->total = n;
	missing->nentries = filter_entries(missing->entries, n, missing->query);
}

/*-------------- look-up --------------*/

static int
compare_hits(const void *a, const void *b)
{
	const TsdbIxHit *x = a;
	const TsdbIxHit *y = b;

	if (x->change != y->change)
		return x->change < y->change ? -1 : 1;
	return (x->chunk_id > y->chunk_id) - (x->chunk_id < y->chunk_id);
}

/* Hits in palloc'd memory.  False: the index does not have the table. */
static bool
look_up(const TsdbIxKey *key, const TsdbRootDisk *root, const TsdbChunkQuery *query, bool unnoticed, uint32 now,
		TsdbIxHit **hits, TsdbIxResult *result)
{
	TsdbIxQuery ix_query = {0};
	size_t		maxhits = FIRST_HITS;
	int			tries;

	ix_query.has_time = query->has_time;
	ix_query.time_attnum = query->time_attnum;
	ix_query.time_min = query->time_min;
	ix_query.time_max = query->time_max;
	if (query->nbloom_groups > 0)
		ix_query.may_match = bloom_may_match;
	ix_query.arg = query;
	ix_query.unnoticed = unnoticed;

	/* a few tries: between two of them more chunks may have come */
	for (tries = 0; tries < 4; tries++)
	{
		TsdbIxAnswer answer;

		*hits = MemoryContextAllocHuge(CurrentMemoryContext, maxhits * sizeof(TsdbIxHit));
		answer = tsdb_ix_find(shared, my_slot(), key, root->incarnation, &ix_query, now, *hits, maxhits, result);
		if (answer == TSDB_IX_FOUND)
			return true;
		pfree(*hits);
		if (answer == TSDB_IX_ABSENT)
			return false;
		maxhits = result->nhits + result->nhits / 8;
	}
	return false;
}

/* Reads the entries of hits that the snapshot sees; collects chunks that are gone at the front of hits. */
static TsdbDirEntry *
confirm_hits(TsdbStore *store, Snapshot snapshot, const TsdbChunkQuery *query, TsdbIxHit *hits, size_t nhits,
			 int *nentries, size_t *ngone)
{
	TsdbDirEntry *entries = MemoryContextAllocHuge(CurrentMemoryContext, Max(nhits, 1) * sizeof(TsdbDirEntry));
	size_t		i;
	int			n = 0;

	if (nhits > 1)
		qsort(hits, nhits, sizeof(TsdbIxHit), compare_hits);
	*ngone = 0;
	for (i = 0; i < nhits; i++)
	{
		TsdbIxHit	hit = hits[i];
		ItemPointerData tid;

		if (n > 0 && entries[n - 1].change == hit.change && entries[n - 1].d.chunk_id == hit.chunk_id)
			continue;			/* there twice */
		ItemPointerSet(&tid, hit.block, hit.offset);
		switch (tsdb_directory_fetch(store, hit.change, hit.chunk_id, &tid, snapshot, &entries[n]))
		{
			case TSDB_DIR_VISIBLE:
				/* as the index said; but it is the tuple that counts */
				if (tsdb_chunk_may_match(&entries[n], query))
					entries[n++].index_place = hit.node + 1;
				break;
			case TSDB_DIR_INVISIBLE:
				break;
			case TSDB_DIR_GONE:
				hits[(*ngone)++] = hit;
				break;
		}
	}
	*nentries = n;
	return entries;
}

static TsdbIxKey
key_of(TsdbStore *store)
{
	TsdbIxKey	key;

	key.tablespace = store->toastrel->rd_locator.spcOid;
	key.database = store->toastrel->rd_locator.dbOid;
	key.relation = store->toastrel->rd_locator.relNumber;
	return key;
}

static bool
can_use_index(TsdbStore *store, Snapshot snapshot)
{
	/*
	 * Local buffers: nobody else can read the directory.  Other snapshots than MVCC ones have no moment before which what they
	 * see was counted.  With old_snapshot_threshold a missing tuple may be an error, which only the directory's pages tell.
	 */
	return shared != NULL && !RelationUsesLocalBuffers(store->toastrel) && snapshot->snapshot_type == SNAPSHOT_MVCC &&
		!OldSnapshotThresholdActive();
}

TsdbDirEntry *
tsdb_find_chunks(TsdbStore *store, Snapshot snapshot, const TsdbChunkQuery *query, int *nentries, TsdbChunkQueryStats *stats)
{
	TsdbChunkQueryStats unwanted;
	Missing		missing = {.store = store, .snapshot = snapshot, .query = query};
	TsdbIxHit  *hits;
	TsdbIxResult result;
	TsdbDirEntry *entries;
	size_t		ngone;

	if (stats == NULL)
		stats = &unwanted;
	/* that there is no chunk is not believed without a look */
	if (!can_use_index(store, snapshot) || !tsdb_root_read(store, &missing.root) || missing.root.changes == 0)
		return find_plainly(store, snapshot, query, nentries, stats);

	attach();
	missing.now = now_seconds();
	missing.key = key_of(store);

	if (!look_up(&missing.key, &missing.root, query, false, missing.now, &hits, &result))
	{
		read_missing(&missing);
		*nentries = missing.nentries;
		stats->total = missing.total;
		stats->pruned = missing.total - missing.nentries;
		stats->from_index = false;
		tsdb_ix_count(shared, my_slot(), TSDB_IX_PLAIN);
		return missing.entries;
	}

	entries = confirm_hits(store, snapshot, query, hits, result.nhits, nentries, &ngone);
	stats->from_index = true;
	stats->total = result.total;
	if (ngone > 0)
	{
		sigset_t	mask;

		signals_block(&mask);
		tsdb_ix_drop(shared, my_slot(), result.ref, hits, ngone);
		TSDB_INJECT_CRASH("index-drop");
		signals_restore(&mask);
		stats->total -= Min(stats->total, ngone);
	}
	pfree(hits);

	if (result.complete < missing.root.changes)
	{
		missing.after = result.complete;
		read_missing(&missing);
		if (missing.nentries > 0)
		{
			entries = repalloc_huge(entries, ((Size) *nentries + missing.nentries) * sizeof(TsdbDirEntry));
			memcpy(entries + *nentries, missing.entries, missing.nentries * sizeof(TsdbDirEntry));
			*nentries += missing.nentries;
		}
		stats->total += missing.total;
		pfree(missing.entries);
	}
	stats->total = Max(stats->total, (uint32) *nentries);
	stats->pruned = stats->total - *nentries;
	return entries;
}

/* Is there a relation that uses, or may use, these files? */
static bool
has_relation(const TsdbIxKey *key)
{
	if (key->database != MyDatabaseId)
		return SearchSysCacheExists1(DATABASEOID, ObjectIdGetDatum(key->database));
	return OidIsValid(RelidByRelfilenumber(key->tablespace, key->relation));
}

void
tsdb_chunk_index_forget_dropped(void)
{
	uint32		nplaces = shared != NULL ? tsdb_ix_places(shared) : 0;
	uint32		now = (uint32) (GetCurrentTimestamp() / USECS_PER_SEC) + TSDB_INJECTED_SECONDS;
	uint32		place;

	for (place = 0; place < nplaces; place++)
	{
		TsdbIxKey	key;
		uint32		last_used;
		sigset_t	mask;

		CHECK_FOR_INTERRUPTS();
		if (!tsdb_ix_peek(shared, place, &key, &last_used) || (int32) (now - last_used) < DROPPED_UNUSED_S || has_relation(&key))
			continue;
		attach();
		signals_block(&mask);
		(void) tsdb_ix_evict(shared, my_slot(), &key);
		signals_restore(&mask);
	}
}

/*-------------- reads --------------*/

void
tsdb_chunk_index_was_read(const TsdbDirEntry *entry)
{
	if (entry->index_place != 0 && shared != NULL)
		tsdb_ix_was_read(shared, entry->index_place - 1, entry->change, entry->d.chunk_id, now_seconds());
}

void
tsdb_chunk_index_find_and_count(TsdbStore *store, const TsdbDirEntry *entry)
{
	TsdbIxEntry wanted;
	TsdbIxKey	key;
	uint32		node;

	if (shared == NULL || RelationUsesLocalBuffers(store->toastrel))
		return;
	attach();
	key = key_of(store);
	entry_for_index(entry, &wanted);
	if (tsdb_ix_find_node(shared, my_slot(), &key, &wanted, &node))
		tsdb_ix_was_read(shared, node, entry->change, entry->d.chunk_id, now_seconds());
}

TsdbChunkReads *
tsdb_chunk_index_reads(TsdbStore *store, const TsdbDirEntry *entries, int nentries)
{
	const TsdbChunkQuery all = {0};
	TsdbChunkReads *reads;
	TsdbRootDisk root;
	TsdbIxKey	key;
	TsdbIxHit  *hits = NULL;
	TsdbIxResult result = {0};
	uint32		now = now_seconds();
	double		unknown;
	int			i;

	if (shared == NULL || RelationUsesLocalBuffers(store->toastrel))
		return NULL;
	attach();
	key = key_of(store);
	if (tsdb_root_read(store, &root) && look_up(&key, &root, &all, true, now, &hits, &result))
		qsort(hits, result.nhits, sizeof(TsdbIxHit), compare_hits);
	else
	{
		hits = NULL;
		result.nhits = 0;
	}

	unknown = (double) tsdb_ix_reads_unknown(shared, now) / TSDB_IX_READS_UNIT;
	reads = MemoryContextAllocExtended(CurrentMemoryContext, Max(nentries, 1) * sizeof(TsdbChunkReads),
									   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (i = 0; i < nentries; i++)
	{
		TsdbIxHit	wanted = {.change = entries[i].change, .chunk_id = entries[i].d.chunk_id};
		TsdbIxHit  *hit = result.nhits == 0 ? NULL : bsearch(&wanted, hits, result.nhits, sizeof(TsdbIxHit), compare_hits);
		TsdbIxReads found;

		reads[i].a_day = unknown;
		if (hit == NULL || !tsdb_ix_reads(shared, hit->node, hit->change, hit->chunk_id, now, &found))
			continue;
		reads[i].known = true;
		reads[i].a_day = (double) found.often / TSDB_IX_READS_UNIT;
		if (found.read)
			reads[i].last = (TimestampTz) found.last * USECS_PER_SEC;
	}
	if (hits != NULL)
		pfree(hits);
	return reads;
}

void
tsdb_chunk_index_stats(TsdbIxStats *stats)
{
	memset(stats, 0, sizeof(*stats));
	if (shared != NULL)
		tsdb_ix_stats(shared, stats);
}
