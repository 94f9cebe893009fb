/*-------------------------------------------------------------------------
 * work_queue.c
 *	  Shared memory of the background workers: which tables have rows waiting, who works on what, what came of it.
 *
 * Inserting sessions count rows in a small table of their own and add to the shared counters by 256 rows and at
 * transaction end.  A counter is found without a lock: keys are put into an open-addressing table under the
 * lock, and never move.  A key that is given back and used again while somebody adds to it gets a few rows that
 * are not its own: a worker then looks in vain.
 *
 * Orderings: (Q1) a new entry's fields are set, WRITE fence, then its key; (Q2) a look-up reads the key, READ fence, then
 * the fields.  (Q3) rows are counted after their transaction has ended, so a worker that takes the count afterwards
 * sees the rows; those counted earlier, in large transactions, may be looked for too early, but the rest of the
 * transaction's rows, one at least, are told of at its end.  (Q4) A worker that takes the count sets "since" to 0, FULL fence, takes "waiting"; who counts adds
 * to "waiting", FULL fence, reads "since": either the worker gets the rows or "since" is set after it.
 *-------------------------------------------------------------------------
 */
#include "jobs/work_queue.h"

#include <signal.h>

#include "access/xact.h"
#include "common/hashfn.h"
#include "guc.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

#define KEY_FREE		UINT64CONST(0)	/* ends a search */
#define KEY_GONE		UINT64CONST(1)	/* given back; does not */

#define CALL_BITS		1024
#define NHOLDS			16
#define HOLD_US			(10 * USECS_PER_SEC)

/* Ages of a setting that changes are still found: the ring spans NAGES intervals. */
#define NAGES			128

/* Loaded chunks wait so long for others to be merged with. */
#define MERGE_INTERVAL	(60 * USECS_PER_SEC)

/* Rows that a session counts before it tells. */
#define LOCAL_BATCH		256
#define NLOCAL			16

typedef struct Hold
{
	Oid			database;
	TimestampTz until;
} Hold;

typedef struct Age
{
	TimestampTz time;
	FullTransactionId next;
} Age;

typedef struct SharedQueue
{
	LWLock	   *lock;
	struct Latch *launcher;		/* protected by the lock */
	Hold		holds[NHOLDS];	/* protected by the lock */
	int			next_hold;
	Age			ages[NAGES];	/* protected by the lock */
	int			nages;			/* ever noted */
	pg_atomic_uint32 called[2][CALL_BITS / 32];	/* for tables, for jobs; by hash of the database */
	TsdbWorkerSlot slots[TSDB_WORKER_SLOTS];
	TsdbTableWork tables[FLEXIBLE_ARRAY_MEMBER];	/* [tsdb_work_tables] */
} SharedQueue;

/* What this session has counted and not told. */
typedef struct LocalCount
{
	Oid			relation;
	int			rows;
	TsdbTableWork *work;		/* NULL: none, or no room */
	TimestampTz no_room;		/* start of the statement that found none */
} LocalCount;

static SharedQueue *queue = NULL;
static LocalCount local[NLOCAL];
static bool any_local = false;
static int	call_at_commit = 0;		/* TSDB_LOOK_... */
static bool callback_registered = false;
static int	my_slot = -1;

static shmem_request_hook_type prev_shmem_request = NULL;
static shmem_startup_hook_type prev_shmem_startup = NULL;

/* ------------------------------------------------------------------------
 * Set-up
 * ------------------------------------------------------------------------
 */

static Size
queue_size(void)
{
	return MAXALIGN(offsetof(SharedQueue, tables) + (Size) tsdb_work_tables * sizeof(TsdbTableWork));
}

static void
request_memory(void)
{
	if (prev_shmem_request)
		prev_shmem_request();
	RequestAddinShmemSpace(queue_size());
	RequestNamedLWLockTranche("tsdb_am_jobs", 1);
}

static void
attach_memory(void)
{
	bool		found;

	if (prev_shmem_startup)
		prev_shmem_startup();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	queue = ShmemInitStruct("tsdb_am jobs", queue_size(), &found);
	if (!found)
	{
		memset(queue, 0, queue_size());
		queue->lock = &GetNamedLWLockTranche("tsdb_am_jobs")->lock;
		for (int i = 0; i < CALL_BITS / 32; i++)
		{
			pg_atomic_init_u32(&queue->called[0][i], 0);
			pg_atomic_init_u32(&queue->called[1][i], 0);
		}
		for (int i = 0; i < TSDB_WORKER_SLOTS; i++)
		{
			TsdbWorkerSlot *slot = &queue->slots[i];

			pg_atomic_init_u32(&slot->relation, InvalidOid);
			pg_atomic_init_u32(&slot->phase, TSDB_PHASE_IDLE);
			pg_atomic_init_u64(&slot->started, 0);
			pg_atomic_init_u64(&slot->blocks_total, 0);
			pg_atomic_init_u64(&slot->blocks_done, 0);
			pg_atomic_init_u64(&slot->rows, 0);
			pg_atomic_init_u64(&slot->chunks, 0);
			pg_atomic_init_u64(&slot->bytes, 0);
			pg_atomic_init_u32(&slot->idle, 0);
			pg_atomic_init_u32(&slot->look, 0);
		}
		for (int i = 0; i < tsdb_work_tables; i++)
		{
			TsdbTableWork *work = &queue->tables[i];

			pg_atomic_init_u64(&work->key, KEY_FREE);
			pg_atomic_init_u64(&work->waiting, 0);
			pg_atomic_init_u64(&work->since, 0);
			pg_atomic_init_u64(&work->not_before, 0);
			pg_atomic_init_u64(&work->look_after, 0);
			pg_atomic_init_u64(&work->last_turn, 0);
			pg_atomic_init_u32(&work->merge, 0);
			pg_atomic_init_u32(&work->claimed, 0);
			pg_atomic_init_u32(&work->may_be_early, 0);
			pg_atomic_init_u32(&work->more, 0);
		}
	}
	LWLockRelease(AddinShmemInitLock);
}

void
tsdb_work_queue_init(void)
{
	prev_shmem_request = shmem_request_hook;
	shmem_request_hook = request_memory;
	prev_shmem_startup = shmem_startup_hook;
	shmem_startup_hook = attach_memory;
}

bool
tsdb_work_queue_exists(void)
{
	return queue != NULL && MyProc != NULL;
}

void
tsdb_work_lock(bool exclusive)
{
	LWLockAcquire(queue->lock, exclusive ? LW_EXCLUSIVE : LW_SHARED);
}

void
tsdb_work_unlock(void)
{
	LWLockRelease(queue->lock);
}

/* ------------------------------------------------------------------------
 * Tables
 * ------------------------------------------------------------------------
 */

static inline uint64
make_key(Oid database, Oid relation)
{
	return (uint64) database << 32 | relation;
}

/* The entry with this key, or NULL; *place: where it could be put, or NULL. */
static TsdbTableWork *
search(uint64 key, TsdbTableWork **place)
{
	uint32		at = hash_combine(murmurhash32((uint32) (key >> 32)), murmurhash32((uint32) key));

	*place = NULL;
	for (int i = 0; i < tsdb_work_tables; i++)
	{
		TsdbTableWork *work = &queue->tables[(at + i) % (uint32) tsdb_work_tables];
		uint64		found = pg_atomic_read_u64(&work->key);

		if (found == key)
		{
			pg_read_barrier();	/* Q2 */
			return work;
		}
		if (found <= KEY_GONE && *place == NULL)
			*place = work;
		if (found == KEY_FREE)
			break;
	}
	return NULL;
}

TsdbTableWork *
tsdb_work_find(Oid database, Oid relation, bool make)
{
	uint64		key = make_key(database, relation);
	TsdbTableWork *place;
	TsdbTableWork *work = search(key, &place);

	if (work != NULL || !make)
		return work;

	tsdb_work_lock(true);
	work = search(key, &place);
	if (work == NULL && place != NULL)
	{
		work = place;
		pg_atomic_write_u64(&work->waiting, 0);
		pg_atomic_write_u64(&work->since, 0);
		pg_atomic_write_u64(&work->not_before, 0);
		pg_atomic_write_u64(&work->look_after, 0);
		pg_atomic_write_u64(&work->last_turn, 0);
		pg_atomic_write_u32(&work->merge, 0);
		pg_atomic_write_u32(&work->claimed, 0);
		pg_atomic_write_u32(&work->more, 0);
		work->pause = 0;
		work->next_merge = 0;
		work->last_merge = 0;
		pg_atomic_write_u32(&work->may_be_early, 0);
		work->next_vacuum = 0;
		work->vacuum_pause = 0;
		work->kept_xid = 0;
		work->kept_rows = 0;
		memset(&work->stats, 0, sizeof(work->stats));
		pg_write_barrier();		/* Q1 */
		pg_atomic_write_u64(&work->key, key);
	}
	tsdb_work_unlock();
	return work;
}

void
tsdb_work_forget(TsdbTableWork *work)
{
	tsdb_work_lock(true);
	pg_atomic_write_u64(&work->key, KEY_GONE);
	tsdb_work_unlock();
}

TsdbTableWork *
tsdb_work_get(int i, Oid *database, Oid *relation)
{
	TsdbTableWork *work = &queue->tables[i];
	uint64		key = pg_atomic_read_u64(&work->key);

	if (key <= KEY_GONE)
		return NULL;
	pg_read_barrier();			/* Q2 */
	*database = (Oid) (key >> 32);
	*relation = (Oid) key;
	return work;
}

void
tsdb_work_forget_databases(bool (*exists) (Oid database))
{
	for (int i = 0; i < tsdb_work_tables; i++)
	{
		Oid			database;
		Oid			relation;
		TsdbTableWork *work = tsdb_work_get(i, &database, &relation);

		if (work != NULL && !exists(database))
			tsdb_work_forget(work);
	}
}

void
tsdb_work_note(TsdbTableWork *work, int64 rows, TimestampTz since)
{
	uint64		none = 0;

	if (rows <= 0)
		return;
	pg_atomic_fetch_add_u64(&work->waiting, rows);
	(void) pg_atomic_compare_exchange_u64(&work->since, &none, (uint64) since);
}

TimestampTz
tsdb_work_due(TsdbTableWork *work)
{
	uint64		waiting = pg_atomic_read_u64(&work->waiting);
	TimestampTz since = (TimestampTz) pg_atomic_read_u64(&work->since);
	TimestampTz due = 0;

	if (pg_atomic_read_u32(&work->more) != 0)
		due = 1;
	else
	{
		if (waiting > 0 && since != 0)
		{
			due = since;
			if (waiting < TSDB_FULL_ROWS)
			{
				due = since + (TimestampTz) tsdb_compress_after_s * USECS_PER_SEC;
				if (waiting >= TSDB_COMPRESS_ROWS ||
					(waiting >= TSDB_EARLY_ROWS && pg_atomic_read_u32(&work->may_be_early) != 0))
					due = Min(due, (TimestampTz) pg_atomic_read_u64(&work->last_turn) + TSDB_EARLY_INTERVAL);
				if (waiting < TSDB_COMPRESS_ROWS)
					due = Max(due, (TimestampTz) pg_atomic_read_u64(&work->look_after));
			}
		}
		if (pg_atomic_read_u32(&work->merge) != 0)
		{
			TimestampTz merge = (TimestampTz) pg_atomic_read_u64(&work->last_turn) + MERGE_INTERVAL;

			due = due == 0 ? merge : Min(due, merge);
		}
	}
	return due == 0 ? 0 : Max(due, (TimestampTz) pg_atomic_read_u64(&work->not_before));
}

void
tsdb_work_take(TsdbTableWork *work, int64 *rows, TimestampTz *since)
{
	*since = (TimestampTz) pg_atomic_exchange_u64(&work->since, 0);
	*rows = (int64) pg_atomic_exchange_u64(&work->waiting, 0);	/* Q4 */
	pg_atomic_write_u32(&work->more, 0);
	pg_atomic_write_u32(&work->merge, 0);
}

bool
tsdb_work_claim(TsdbTableWork *work, int slot)
{
	uint32		nobody = 0;

	return pg_atomic_compare_exchange_u32(&work->claimed, &nobody, (uint32) slot + 1);
}

void
tsdb_work_release(TsdbTableWork *work)
{
	pg_atomic_write_u32(&work->claimed, 0);
}

/* ------------------------------------------------------------------------
 * Counting rows
 * ------------------------------------------------------------------------
 */

/* Does the count pass one of the numbers of rows by which a table is due? */
static bool
passes(uint64 before, uint64 after)
{
	return (before < TSDB_FULL_ROWS && after >= TSDB_FULL_ROWS) ||
		(before < TSDB_COMPRESS_ROWS && after >= TSDB_COMPRESS_ROWS) ||
		(before < TSDB_EARLY_ROWS && after >= TSDB_EARLY_ROWS);
}

static void
tell(LocalCount *count)
{
	uint64		key = make_key(MyDatabaseId, count->relation);
	uint64		before;
	uint64		none = 0;

	if (count->rows > 0 && count->work != NULL && pg_atomic_read_u64(&count->work->key) == key)
	{
		before = pg_atomic_fetch_add_u64(&count->work->waiting, count->rows);
		if (pg_atomic_read_u64(&count->work->since) == 0)
			(void) pg_atomic_compare_exchange_u64(&count->work->since, &none, (uint64) GetCurrentTimestamp());
		if (passes(before, before + count->rows))
			tsdb_work_wake_launcher();
	}
	else
		count->work = NULL;
	count->rows = 0;
}

/* Transaction end.  Nothing here can fail. */
static void
at_transaction_end(XactEvent event, void *arg)
{
	if (event != XACT_EVENT_COMMIT && event != XACT_EVENT_ABORT && event != XACT_EVENT_PREPARE &&
		event != XACT_EVENT_PARALLEL_COMMIT && event != XACT_EVENT_PARALLEL_ABORT)
		return;
	if (any_local)
	{
		for (int i = 0; i < NLOCAL; i++)
		{
			if (local[i].rows > 0)
				tell(&local[i]);
		}
		any_local = false;
	}
	if (call_at_commit != 0)
	{
		if (event == XACT_EVENT_COMMIT)
			tsdb_work_call(MyDatabaseId, call_at_commit);
		call_at_commit = 0;
	}
}

static void
register_callback(void)
{
	if (callback_registered)
		return;
	RegisterXactCallback(at_transaction_end, NULL);
	callback_registered = true;
}

void
tsdb_work_add(Relation rel, int rows)
{
	Oid			relation = RelationGetRelid(rel);
	LocalCount *count = &local[relation % NLOCAL];

	if (unlikely(count->relation != relation || count->work == NULL ||
				 pg_atomic_read_u64(&count->work->key) != make_key(MyDatabaseId, relation)))
	{
		if (rel->rd_backend != INVALID_PROC_NUMBER || !tsdb_work_queue_exists())
			return;
		register_callback();
		/* a search of a full table takes longer than an insert, and a lock: once a second will do */
		if (count->relation == relation && count->work == NULL &&
			GetCurrentStatementStartTimestamp() - count->no_room < USECS_PER_SEC)
		{
			call_at_commit |= TSDB_LOOK_TABLES;
			return;
		}
		if (count->rows > 0)
			tell(count);
		count->relation = relation;
		count->rows = 0;
		count->work = tsdb_work_find(MyDatabaseId, relation, true);
		if (count->work == NULL)
		{
			/* no room: the worker looks at all tables */
			count->no_room = GetCurrentStatementStartTimestamp();
			call_at_commit |= TSDB_LOOK_TABLES;
			return;
		}
	}
	if (rows == 0)
	{
		if (pg_atomic_read_u32(&count->work->merge) == 0)
			pg_atomic_write_u32(&count->work->merge, 1);
		return;
	}
	count->rows += rows;
	any_local = true;
	if (count->rows > LOCAL_BATCH)
	{
		/* a worker may take the count before we commit: one row is kept to be told of afterwards */
		count->rows--;
		tell(count);
		count->rows = 1;
	}
}

/* ------------------------------------------------------------------------
 * Databases
 * ------------------------------------------------------------------------
 */

static inline uint32
call_bit(Oid database)
{
	return murmurhash32(database) % CALL_BITS;
}

void
tsdb_work_call(Oid database, int what)
{
	uint32		bit = call_bit(database);

	if (!tsdb_work_queue_exists())
		return;
	for (int i = 0; i < 2; i++)
	{
		if (what & (1 << i))
			pg_atomic_fetch_or_u32(&queue->called[i][bit / 32], 1U << (bit % 32));
	}
	tsdb_work_wake_launcher();
}

void
tsdb_work_call_at_commit(int what)
{
	register_callback();
	call_at_commit |= what;
}

int
tsdb_work_was_called(Oid database)
{
	uint32		bit = call_bit(database);
	uint32		mask = 1U << (bit % 32);
	int			what = 0;

	for (int i = 0; i < 2; i++)
	{
		if (pg_atomic_fetch_and_u32(&queue->called[i][bit / 32], ~mask) & mask)
			what |= 1 << i;
	}
	return what;
}

bool
tsdb_work_any_called(void)
{
	for (int i = 0; i < CALL_BITS / 32; i++)
	{
		if (pg_atomic_read_u32(&queue->called[0][i]) != 0 || pg_atomic_read_u32(&queue->called[1][i]) != 0)
			return true;
	}
	return false;
}

void
tsdb_work_hold(Oid database)
{
	if (!tsdb_work_queue_exists())
		return;
	tsdb_work_lock(true);
	queue->holds[queue->next_hold].database = database;
	queue->holds[queue->next_hold].until = GetCurrentTimestamp() + HOLD_US;
	queue->next_hold = (queue->next_hold + 1) % NHOLDS;

	/* the lock keeps a slot's process from ending, and its number from another's use */
	for (int i = 0; i < TSDB_WORKER_SLOTS; i++)
	{
		TsdbWorkerSlot *slot = &queue->slots[i];

		if (slot->state == TSDB_SLOT_RUNNING && slot->database == database && slot->pid != MyProcPid)
			(void) kill(slot->pid, SIGTERM);
	}
	tsdb_work_unlock();
}

/* The caller has the lock. */
static bool
is_held(Oid database)
{
	TimestampTz now = GetCurrentTimestamp();
	bool		held = false;

	for (int i = 0; i < NHOLDS && !held; i++)
		held = queue->holds[i].database == database && queue->holds[i].until > now;
	return held;
}

bool
tsdb_work_is_held(Oid database)
{
	bool		held;

	tsdb_work_lock(false);
	held = is_held(database);
	tsdb_work_unlock();
	return held;
}

void
tsdb_work_set_launcher(struct Latch *latch)
{
	tsdb_work_lock(true);
	queue->launcher = latch;
	tsdb_work_unlock();
}

/* Latches are those of processes' PGPROC: setting one whose owner is gone wakes another process for nothing. */
void
tsdb_work_wake_launcher(void)
{
	struct Latch *latch = *(struct Latch *volatile *) &queue->launcher;

	if (latch != NULL)
		SetLatch(latch);
}

/* ------------------------------------------------------------------------
 * Workers
 * ------------------------------------------------------------------------
 */

int
tsdb_worker_reserve(Oid database, TsdbWorkerKind kind, int job_id, Oid role)
{
	int			found = -1;
	int			njobs = 0;		/* of this database */
	int			njobs_all = 0;
	bool		again = false;

	tsdb_work_lock(true);
	for (int i = 0; i < TSDB_WORKER_SLOTS; i++)
	{
		TsdbWorkerSlot *slot = &queue->slots[i];

		if (slot->state == TSDB_SLOT_FREE)
			found = found < 0 ? i : found;
		else if (slot->kind == TSDB_WORKER_JOB && slot->state != TSDB_SLOT_ENDED)
		{
			njobs_all++;
			njobs += slot->database == database;
			if (slot->database == database && slot->job_id == job_id)
				again = true;	/* a job runs once at a time */
		}
	}
	/* jobs that wait must not keep tables, of other databases too, from a slot; the end of each has the next one looked for */
	if (kind == TSDB_WORKER_JOB &&
		(again || njobs >= tsdb_max_workers * 2 || njobs_all >= TSDB_WORKER_SLOTS / 2))
		found = -1;
	if (found >= 0)
	{
		TsdbWorkerSlot *slot = &queue->slots[found];

		slot->state = TSDB_SLOT_RESERVED;
		slot->kind = kind;
		slot->database = database;
		slot->job_id = job_id;
		slot->role = role;
		slot->pid = 0;
		slot->latch = NULL;
		slot->outcome = TSDB_WORKER_FAILED;
		slot->looked = 0;
		slot->next_job = 0;
		pg_atomic_write_u32(&slot->look, 0);
		pg_atomic_write_u32(&slot->idle, 0);
		pg_atomic_write_u32(&slot->relation, InvalidOid);
		pg_atomic_write_u32(&slot->phase, TSDB_PHASE_IDLE);
	}
	tsdb_work_unlock();
	return found;
}

TsdbWorkerSlot *
tsdb_worker_slot(int slot)
{
	return &queue->slots[slot];
}

void
tsdb_worker_count(Oid database, int *ntables, int *njobs, int *nidle)
{
	*ntables = *njobs = *nidle = 0;
	tsdb_work_lock(false);
	for (int i = 0; i < TSDB_WORKER_SLOTS; i++)
	{
		TsdbWorkerSlot *slot = &queue->slots[i];

		if (slot->database != database ||
			(slot->state != TSDB_SLOT_STARTING && slot->state != TSDB_SLOT_RUNNING))
			continue;
		if (slot->kind == TSDB_WORKER_JOB)
			(*njobs)++;
		else
		{
			(*ntables)++;
			if (slot->state == TSDB_SLOT_RUNNING && pg_atomic_read_u32(&slot->idle) != 0)
				(*nidle)++;
		}
	}
	tsdb_work_unlock();
}

void
tsdb_worker_wake(Oid database, int look)
{
	tsdb_work_lock(false);
	for (int i = 0; i < TSDB_WORKER_SLOTS; i++)
	{
		TsdbWorkerSlot *slot = &queue->slots[i];

		/* one that starts will read it */
		if (slot->database == database && slot->kind == TSDB_WORKER_TABLES &&
			(slot->state == TSDB_SLOT_STARTING || slot->state == TSDB_SLOT_RUNNING))
		{
			if (look != 0)
				pg_atomic_fetch_or_u32(&slot->look, look);
			look = 0;
			if (slot->latch != NULL)
				SetLatch(slot->latch);
		}
	}
	tsdb_work_unlock();
}

void
tsdb_worker_set_state(int slot, TsdbWorkerState state)
{
	tsdb_work_lock(true);
	queue->slots[slot].state = state;
	tsdb_work_unlock();
}

/* However a worker ends, short of a crash of the server, its tables are free for others. */
static void
worker_ends(int code, Datum arg)
{
	TsdbWorkerSlot *mine = &queue->slots[my_slot];
	Oid			database = mine->database;
	int			look;

	/* the transaction has been aborted, since this was registered before the connection was made */
	for (int i = 0; i < tsdb_work_tables; i++)
	{
		uint32		claim = (uint32) my_slot + 1;

		(void) pg_atomic_compare_exchange_u32(&queue->tables[i].claimed, &claim, 0);
	}
	tsdb_work_lock(true);
	if (code != 0)
		mine->outcome = TSDB_WORKER_FAILED;
	mine->state = mine->kind == TSDB_WORKER_TABLES ? TSDB_SLOT_ENDED : TSDB_SLOT_FREE;
	mine->latch = NULL;
	mine->pid = 0;
	/*
	 * What it was asked for while it made up its mind to end is for another.  After a failure the launcher has one look at all, but not at
	 * once: the next could fail as well.
	 */
	look = (int) pg_atomic_exchange_u32(&mine->look, 0);
	if (mine->outcome == TSDB_WORKER_FAILED)
		look = 0;
	tsdb_work_unlock();

	if (look != 0)
		tsdb_work_call(database, look);
	tsdb_work_wake_launcher();
}

TsdbWorkerSlot *
tsdb_worker_attach(int slot)
{
	TsdbWorkerSlot *mine = &queue->slots[slot];
	bool		expected;

	tsdb_work_lock(true);
	expected = mine->state == TSDB_SLOT_STARTING;
	if (expected && is_held(mine->database))
	{
		/* tsdb_work_hold() could not know that we are coming; a worker on tables counts as failed */
		mine->state = mine->kind == TSDB_WORKER_TABLES ? TSDB_SLOT_ENDED : TSDB_SLOT_FREE;
		expected = false;
	}
	else if (expected)
	{
		mine->state = TSDB_SLOT_RUNNING;
		mine->pid = MyProcPid;
		mine->latch = MyLatch;
	}
	tsdb_work_unlock();
	if (!expected)
		proc_exit(0);
	my_slot = slot;
	before_shmem_exit(worker_ends, 0);
	return mine;
}

void
tsdb_worker_progress(TsdbWorkerPhase phase, Oid relation)
{
	TsdbWorkerSlot *mine = &queue->slots[my_slot];

	pg_atomic_write_u32(&mine->phase, phase);
	if (pg_atomic_read_u32(&mine->relation) == relation)
		return;
	pg_atomic_write_u64(&mine->started, (uint64) GetCurrentTimestamp());
	pg_atomic_write_u64(&mine->blocks_total, 0);
	pg_atomic_write_u64(&mine->blocks_done, 0);
	pg_atomic_write_u64(&mine->rows, 0);
	pg_atomic_write_u64(&mine->chunks, 0);
	pg_atomic_write_u64(&mine->bytes, 0);
	pg_write_barrier();
	pg_atomic_write_u32(&mine->relation, relation);
}

/* ------------------------------------------------------------------------
 * Ages
 * ------------------------------------------------------------------------
 */

void
tsdb_age_note(TimestampTz now, TimestampTz interval)
{
	FullTransactionId next = ReadNextFullTransactionId();
	Age		   *last;

	tsdb_work_lock(true);
	last = &queue->ages[(queue->nages + NAGES - 1) % NAGES];
	/* a clock that was set back starts anew */
	if (queue->nages > 0 && last->time > now)
		queue->nages = 0;
	if (queue->nages == 0 || now - last->time >= interval)
	{
		Age		   *age = &queue->ages[queue->nages % NAGES];

		age->time = now;
		age->next = next;
		queue->nages++;
		/* no overflow, and the ring keeps its place */
		if (queue->nages == NAGES * 1024)
			queue->nages = NAGES;
	}
	tsdb_work_unlock();
}

TransactionId
tsdb_age_xid(TimestampTz now, TimestampTz age)
{
	TransactionId xid = InvalidTransactionId;

	tsdb_work_lock(false);
	for (int i = 0; i < Min(queue->nages, NAGES); i++)
	{
		Age		   *a = &queue->ages[(queue->nages - 1 - i) % NAGES];

		if (a->time <= now - age)
		{
			/* more than 2^31 transactions ago: compares wrongly */
			if (U64FromFullTransactionId(ReadNextFullTransactionId()) - U64FromFullTransactionId(a->next) <
				(uint64) 0x7FFFFFFF)
				xid = XidFromFullTransactionId(a->next);
			break;
		}
	}
	tsdb_work_unlock();
	return xid;
}
