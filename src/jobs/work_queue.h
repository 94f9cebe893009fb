/*-------------------------------------------------------------------------
 * work_queue.h
 *	  Shared memory of the background workers: which tables have rows waiting, who works on what, what came of it.
 *
 * Nothing here is the truth: counts are approximate, and all is empty after a crash.  A worker that looks at a table's
 * row store decides; README.md has states and orderings.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_WORK_QUEUE_H
#define TSDB_WORK_QUEUE_H

#include "compat.h"

#include "access/transam.h"
#include "datatype/timestamp.h"
#include "port/atomics.h"
#include "storage/latch.h"
#include "utils/relcache.h"

/*
 * Rows from which the row store is compressed whatever their age if the table's last turn is TSDB_EARLY_INTERVAL ago (about one millisecond of a
 * scan), and at once.  The latter is for tables that get more rows than that in the interval: chunks of more than half their room are not merged
 * later, and merging costs half as much as compressing does.
 */
#define TSDB_COMPRESS_ROWS		16384
#define TSDB_FULL_ROWS			49152

/*
 * Rows from which they are compressed in the same interval if the table has no index: scans of the row store, and its file, are then a quarter as
 * large where no more than some thousand rows come in a second.  Where there are indexes, chunks so small would not be merged.
 */
#define TSDB_EARLY_ROWS			4096
#define TSDB_EARLY_INTERVAL		(1 * USECS_PER_SEC)

/* Tables with an entry are tsdb_work_tables; others are found by looking at all tables now and then. */

/* Workers of all databases. */
#define TSDB_WORKER_SLOTS		64

#define TSDB_WORK_ERROR_BYTES	256

/* What the automatic job of a table did.  Protected by the queue's lock. */
typedef struct TsdbWorkStats
{
	TimestampTz last_start;		/* 0 = never */
	TimestampTz last_finish;
	int64		last_rows;		/* moved by the last run that moved any */
	int64		last_bytes;
	int64		runs;
	int64		rows;			/* moved by all */
	int64		bytes;			/* of the chunks that all wrote */
	int64		merged;			/* chunks replaced by merging */
	int64		vacuums;
	int64		failures;
	int			failures_in_row;
	int			sqlstate;
	TimestampTz error_at;
	char		error[TSDB_WORK_ERROR_BYTES];	/* last error; kept when a later run succeeds */
} TsdbWorkStats;

typedef struct TsdbTableWork
{
	pg_atomic_uint64 key;		/* database << 32 | relation; changed under the lock, read without */
	pg_atomic_uint64 waiting;	/* rows that went into the row store since a worker last took the count */
	pg_atomic_uint64 since;		/* TimestampTz of the first of them; 0 = none */
	pg_atomic_uint64 not_before;	/* TimestampTz: back-off after errors, or having given way */
	pg_atomic_uint64 look_after;	/* TimestampTz: few rows are not looked for before */
	pg_atomic_uint64 last_turn;	/* TimestampTz: end of the last turn */
	pg_atomic_uint32 merge;		/* chunks have been loaded */
	pg_atomic_uint32 claimed;	/* a worker's slot + 1; 0 = nobody's */
	pg_atomic_uint32 may_be_early;	/* the table had no index when a worker looked last */
	pg_atomic_uint32 more;		/* is due whatever is counted: left so by a worker, or found by a look at all tables */
	TimestampTz pause;			/* the claimer's, microseconds */
	TimestampTz next_merge;		/* the claimer's: after an error */
	TimestampTz last_merge;		/* the claimer's */
	TimestampTz next_vacuum;	/* the claimer's */
	TimestampTz vacuum_pause;	/* the claimer's, microseconds */
	uint64		kept_xid;		/* the claimer's: who moved rows that some snapshot still kept, the oldest; 0 = nobody */
	int64		kept_rows;		/* the claimer's: moved by it and those after it */
	TsdbWorkStats stats;
} TsdbTableWork;

typedef enum TsdbWorkerKind
{
	TSDB_WORKER_NONE,
	TSDB_WORKER_TABLES,			/* moves rows, and starts the jobs that are due */
	TSDB_WORKER_JOB				/* runs one job of tsdb.job */
} TsdbWorkerKind;

typedef enum TsdbWorkerState
{
	TSDB_SLOT_FREE,
	TSDB_SLOT_RESERVED,			/* wanted; the launcher starts it when there is room */
	TSDB_SLOT_STARTING,			/* handed to the postmaster */
	TSDB_SLOT_RUNNING,			/* taken by the worker */
	TSDB_SLOT_ENDED				/* for the launcher to read and free */
} TsdbWorkerState;

typedef enum TsdbWorkerPhase
{
	TSDB_PHASE_IDLE,
	TSDB_PHASE_COMPRESSING,
	TSDB_PHASE_MERGING,
	TSDB_PHASE_VACUUMING,
	TSDB_PHASE_PARTITIONS,
	TSDB_PHASE_JOB
} TsdbWorkerPhase;

typedef enum TsdbWorkerOutcome
{
	TSDB_WORKER_FAILED,			/* could not even connect */
	TSDB_WORKER_NO_EXTENSION,
	TSDB_WORKER_SERVED
} TsdbWorkerOutcome;

typedef struct TsdbWorkerSlot
{
	/* protected by the lock */
	TsdbWorkerState state;
	TsdbWorkerKind kind;
	Oid			database;
	int			job_id;
	Oid			role;			/* who runs the job */
	int			pid;			/* 0 until it runs */
	struct Latch *latch;		/* NULL until it runs */

	/* of an ended worker */
	TsdbWorkerOutcome outcome;
	int			looked;			/* what it has looked at: TSDB_LOOK_... */
	TimestampTz next_job;		/* when a job is due; 0 = none */

	/* progress: written by the worker alone, read by views without a lock; each is a number by itself */
	pg_atomic_uint32 relation;
	pg_atomic_uint32 phase;
	pg_atomic_uint64 started;	/* TimestampTz of the run */
	pg_atomic_uint64 blocks_total;
	pg_atomic_uint64 blocks_done;
	pg_atomic_uint64 rows;
	pg_atomic_uint64 chunks;
	pg_atomic_uint64 bytes;
	pg_atomic_uint32 idle;		/* waits for work */
	pg_atomic_uint32 look;		/* what it is asked to look at, by the launcher: TSDB_LOOK_... */
} TsdbWorkerSlot;

extern void tsdb_work_queue_init(void);

/* Not in single-user mode, or before shared memory is there. */
extern bool tsdb_work_queue_exists(void);

/*
 * rows went into the row store of a table (0: a chunk was loaded).  Cheap; the shared count follows by 256 rows and at transaction
 * end.
 */
extern void tsdb_work_add(Relation rel, int rows);

/* The entry of a table, or NULL; make = make one, NULL then means that there is no room. */
extern TsdbTableWork *tsdb_work_find(Oid database, Oid relation, bool make);
/* Gives back the entry of a table that is gone. */
extern void tsdb_work_forget(TsdbTableWork *work);
/* ... and of all tables of databases that "exists" denies. */
extern void tsdb_work_forget_databases(bool (*exists) (Oid database));
/* For loops over all entries: NULL where i has none. */
extern TsdbTableWork *tsdb_work_get(int i, Oid *database, Oid *relation);
/* Says that rows wait, where nobody counted them. */
extern void tsdb_work_note(TsdbTableWork *work, int64 rows, TimestampTz since);
/* When should a worker look at this table?  0 = never, as things are. */
extern TimestampTz tsdb_work_due(TsdbTableWork *work);
/* Takes the count of waiting rows, which starts anew. */
extern void tsdb_work_take(TsdbTableWork *work, int64 *rows, TimestampTz *since);
extern bool tsdb_work_claim(TsdbTableWork *work, int slot);
extern void tsdb_work_release(TsdbTableWork *work);
extern void tsdb_work_lock(bool exclusive);
extern void tsdb_work_unlock(void);

/* What a worker should look at. */
#define TSDB_LOOK_TABLES	1	/* all tables, and whether the extension is there */
#define TSDB_LOOK_JOBS		2	/* tsdb.job */

/* A database needs a look at its catalogs: at once, or (in a transaction) when and if it commits. */
extern void tsdb_work_call(Oid database, int what);
extern void tsdb_work_call_at_commit(int what);
/* What was there a call for?  Forgets it. */
extern int	tsdb_work_was_called(Oid database);
extern bool tsdb_work_any_called(void);

/* Keeps workers away from a database for some seconds, and ends those that are there. */
extern void tsdb_work_hold(Oid database);
extern bool tsdb_work_is_held(Oid database);

/* The launcher's latch; without a launcher nothing is woken. */
extern void tsdb_work_set_launcher(struct Latch *latch);
extern void tsdb_work_wake_launcher(void);

/* Asks for a worker; -1 = no slot, or that job has one.  role: who runs the job. */
extern int	tsdb_worker_reserve(Oid database, TsdbWorkerKind kind, int job_id, Oid role);
extern TsdbWorkerSlot *tsdb_worker_slot(int slot);
extern void tsdb_worker_set_state(int slot, TsdbWorkerState state);
/* Workers in a database that run or start: on tables (nidle of them wait), on jobs. */
extern void tsdb_worker_count(Oid database, int *ntables, int *njobs, int *nidle);
/* Wakes the workers on tables of a database, and makes one look. */
extern void tsdb_worker_wake(Oid database, int look);

/* In the worker, before it connects: takes its slot, which it gives back at process exit. */
extern TsdbWorkerSlot *tsdb_worker_attach(int slot);
/* In the worker: what it does now.  Another relation sets the counts to 0. */
extern void tsdb_worker_progress(TsdbWorkerPhase phase, Oid relation);

/* Pairs of time and next transaction id, kept by the launcher. */
extern void tsdb_age_note(TimestampTz now, TimestampTz interval);
/* A transaction id that every transaction started within the last "age" microseconds is not older than; invalid = unknown. */
extern TransactionId tsdb_age_xid(TimestampTz now, TimestampTz age);

#endif							/* TSDB_WORK_QUEUE_H */
