/*-------------------------------------------------------------------------
 * launcher.c
 *	  The process that starts background workers.
 *
 * One per server, without a database of its own; it does not run on a standby.  It reads the queue in shared memory and starts a
 * worker in each database that has something due; it looks into no table.  A database that it does not know is
 * given a worker once, which tells whether the extension is there; after that it counts on being called
 * (CREATE EXTENSION, a change of tsdb.job, rows without room in the queue).
 *
 * All that it knows is in its own memory and in the queue, and is found again after a crash by starting anew.
 *-------------------------------------------------------------------------
 */
#include "jobs/launcher.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "am/tsdb_handler.h"
#include "catalog/pg_database.h"
#include "commands/dbcommands.h"
#include "guc.h"
#include "jobs/work_queue.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/acl.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* A worker looks at all tables this often, for rows that nobody has counted. */
#define LOOK_INTERVAL		(10 * 60 * USECS_PER_SEC)
/* After a worker that could not be started. */
#define RETRY_INTERVAL		(10 * USECS_PER_SEC)
#define STARTING_LIMIT		(60 * USECS_PER_SEC)
#define COMPLAIN_INTERVAL	(5 * 60 * USECS_PER_SEC)

typedef struct Database
{
	Oid			oid;			/* hash key */
	bool		listed;			/* seen by the last look at pg_database */
	bool		known;			/* a worker has told about the extension */
	bool		served;			/* it is there */
	TimestampTz looked_at;		/* by a worker, at all tables */
	TimestampTz next_job;		/* 0 = none */
	bool		asked;			/* a worker has been asked, which will tell when it ends */
	TimestampTz retry_at;
} Database;

static HTAB *databases = NULL;
static BackgroundWorkerHandle *handles[TSDB_WORKER_SLOTS];
static TimestampTz starting_since[TSDB_WORKER_SLOTS];
static TimestampTz complained_at = 0;

/* ------------------------------------------------------------------------
 * Databases
 * ------------------------------------------------------------------------
 */

/* Connectable ones; templates are for copying, which a worker would be in the way of. */
static void
list_databases(void)
{
	HASH_SEQ_STATUS status;
	Database   *db;
	Relation	rel;
	TableScanDesc scan;
	HeapTuple	tuple;

	hash_seq_init(&status, databases);
	while ((db = hash_seq_search(&status)) != NULL)
		db->listed = false;

	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	rel = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(rel, 0, NULL);
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Form_pg_database form = (Form_pg_database) GETSTRUCT(tuple);
		bool		found;

		if (!form->datallowconn || form->datistemplate || database_is_invalid_form(form))
			continue;
		db = hash_search(databases, &form->oid, HASH_ENTER, &found);
		if (!found)
			memset((char *) db + sizeof(Oid), 0, sizeof(Database) - sizeof(Oid));
		db->listed = true;
	}
	table_endscan(scan);
	table_close(rel, AccessShareLock);
	CommitTransactionCommand();

	hash_seq_init(&status, databases);
	while ((db = hash_seq_search(&status)) != NULL)
	{
		if (!db->listed)
			hash_search(databases, &db->oid, HASH_REMOVE, NULL);
	}
}

static bool
database_exists(Oid oid)
{
	return hash_search(databases, &oid, HASH_FIND, NULL) != NULL;
}

/* ------------------------------------------------------------------------
 * Workers
 * ------------------------------------------------------------------------
 */

static void
forget_handle(int i)
{
	if (handles[i] != NULL)
		pfree(handles[i]);
	handles[i] = NULL;
	starting_since[i] = 0;
}

/* Reads what workers have left, and finds those that never ran. */
static void
look_at_slots(TimestampTz now)
{
	for (int i = 0; i < TSDB_WORKER_SLOTS; i++)
	{
		TsdbWorkerSlot *slot = tsdb_worker_slot(i);
		Database   *db;

		switch (slot->state)
		{
			case TSDB_SLOT_ENDED:
				db = hash_search(databases, &slot->database, HASH_FIND, NULL);
				if (db != NULL)
				{
					switch (slot->outcome)
					{
						case TSDB_WORKER_FAILED:
							db->known = false;
							db->retry_at = now + RETRY_INTERVAL;
							break;
						case TSDB_WORKER_NO_EXTENSION:
							db->known = true;
							db->served = false;
							break;
						case TSDB_WORKER_SERVED:
							db->known = true;
							db->served = true;
							if (slot->looked & TSDB_LOOK_TABLES)
								db->looked_at = now;
							if (slot->looked & TSDB_LOOK_JOBS)
								db->next_job = slot->next_job;
							else if (db->asked)
								db->next_job = now + RETRY_INTERVAL;
							if (slot->looked & TSDB_LOOK_JOBS)
								db->asked = false;
							break;
					}
				}
				tsdb_worker_set_state(i, TSDB_SLOT_FREE);
				forget_handle(i);
				break;

			case TSDB_SLOT_STARTING:
				{
					pid_t		pid;
					bool		stopped;

					/* after the launcher's own restart it has no handle */
					if (starting_since[i] == 0)
						starting_since[i] = now;
					stopped = handles[i] != NULL && GetBackgroundWorkerPid(handles[i], &pid) == BGWH_STOPPED;
					if (stopped || now - starting_since[i] > STARTING_LIMIT)
					{
						bool		ran;

						tsdb_work_lock(true);
						ran = slot->state != TSDB_SLOT_STARTING;
						if (!ran)
							slot->state = TSDB_SLOT_FREE;
						tsdb_work_unlock();
						if (!ran)
						{
							db = hash_search(databases, &slot->database, HASH_FIND, NULL);
							if (db != NULL)
							{
								db->known = false;
								db->retry_at = now + RETRY_INTERVAL;
							}
							forget_handle(i);
						}
					}
					break;
				}

			case TSDB_SLOT_FREE:
				forget_handle(i);
				break;

			default:
				break;
		}
	}
}

/* Hands a reserved slot to the postmaster. */
static bool
start_worker(int i, TimestampTz now)
{
	TsdbWorkerSlot *slot = tsdb_worker_slot(i);
	BackgroundWorker worker;
	MemoryContext old_cxt;
	bool		started;

	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	strlcpy(worker.bgw_library_name, "tsdb_am", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "tsdb_worker_main", BGW_MAXLEN);
	if (slot->kind == TSDB_WORKER_JOB)
	{
		snprintf(worker.bgw_name, BGW_MAXLEN, "tsdb job %d", slot->job_id);
		strlcpy(worker.bgw_type, "tsdb job", BGW_MAXLEN);
	}
	else
	{
		strlcpy(worker.bgw_name, "tsdb worker", BGW_MAXLEN);
		strlcpy(worker.bgw_type, "tsdb worker", BGW_MAXLEN);
	}
	worker.bgw_main_arg = Int32GetDatum(i);
	worker.bgw_notify_pid = MyProcPid;

	tsdb_worker_set_state(i, TSDB_SLOT_STARTING);
	starting_since[i] = now;
	old_cxt = MemoryContextSwitchTo(TopMemoryContext);
	started = RegisterDynamicBackgroundWorker(&worker, &handles[i]);
	MemoryContextSwitchTo(old_cxt);
	if (started)
		return true;

	handles[i] = NULL;
	starting_since[i] = 0;
	tsdb_worker_set_state(i, TSDB_SLOT_FREE);
	if (now - complained_at > COMPLAIN_INTERVAL)
	{
		complained_at = now;
		ereport(LOG,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("tsdb_am could not start a background worker: no free process"),
				 errhint("You might need to increase max_worker_processes.")));
	}
	return false;
}

/* Due entries of a database that nobody works on, and the time of the next. */
static int
count_due(Oid oid, TimestampTz now, TimestampTz *next)
{
	int			ndue = 0;

	for (int i = 0; i < tsdb_work_tables; i++)
	{
		Oid			database;
		Oid			relation;
		TsdbTableWork *work = tsdb_work_get(i, &database, &relation);
		TimestampTz due;

		if (work == NULL || database != oid || pg_atomic_read_u32(&work->claimed) != 0)
			continue;
		due = tsdb_work_due(work);
		if (due == 0)
			continue;
		if (due <= now)
			ndue++;
		else
			*next = Min(*next, due);
	}
	return ndue;
}

/* A worker looks, and will tell. */
static void
asked_to_look(Database *db, int look, TimestampTz now)
{
	if (look & TSDB_LOOK_TABLES)
	{
		db->known = true;
		db->served = true;
		db->looked_at = now;
	}
	if (look & TSDB_LOOK_JOBS)
	{
		db->next_job = 0;
		db->asked = true;
	}
}

/* Does what a database needs; *next: when something will be due there. */
static void
serve(Database *db, TimestampTz now, TimestampTz *next)
{
	int			ntables,
				njobs,
				nidle;
	int			ndue;
	int			called;
	int			look = 0;
	int			slot;

	if (tsdb_work_is_held(db->oid))
		return;
	called = tsdb_work_was_called(db->oid);
	if ((called & TSDB_LOOK_TABLES) || (called != 0 && !db->served))
	{
		db->known = false;
		db->retry_at = 0;
	}
	else if (called & TSDB_LOOK_JOBS)
		db->next_job = now;
	if (db->retry_at > now)
	{
		*next = Min(*next, db->retry_at);
		return;
	}

	tsdb_worker_count(db->oid, &ntables, &njobs, &nidle);

	if (!db->known)
		look = TSDB_LOOK_TABLES | TSDB_LOOK_JOBS;
	else if (db->served)
	{
		if (now - db->looked_at >= LOOK_INTERVAL)
			look |= TSDB_LOOK_TABLES | TSDB_LOOK_JOBS;
		if (db->next_job != 0 && db->next_job <= now)
			look |= TSDB_LOOK_JOBS;
		else if (db->next_job != 0 && look == 0)
			*next = Min(*next, db->next_job);
	}
	ndue = count_due(db->oid, now, next);

	if (ntables > 0 && look != 0)
	{
		/* one that is there will do it, and tell when it ends */
		tsdb_worker_wake(db->oid, look);
		asked_to_look(db, look, now);
		look = 0;
	}
	else if (ndue > 0 && nidle > 0)
		tsdb_worker_wake(db->oid, 0);
	if (look == 0 && ndue <= nidle)
		return;
	if (ntables + njobs >= tsdb_max_workers || ntables >= Max(1, tsdb_max_workers - 1))
		return;
	slot = tsdb_worker_reserve(db->oid, TSDB_WORKER_TABLES, 0, InvalidOid);
	if (slot < 0)
	{
		db->retry_at = now + RETRY_INTERVAL;
		return;
	}
	pg_atomic_write_u32(&tsdb_worker_slot(slot)->look, look);
	if (!start_worker(slot, now))
		db->retry_at = now + RETRY_INTERVAL;
	else if (look != 0)
		asked_to_look(db, look, now);
}

/* Jobs that workers have asked for. */
static void
start_jobs(TimestampTz now)
{
	for (int i = 0; i < TSDB_WORKER_SLOTS; i++)
	{
		TsdbWorkerSlot *slot = tsdb_worker_slot(i);
		int			ntables,
					njobs,
					nidle;

		if (slot->state != TSDB_SLOT_RESERVED || slot->kind != TSDB_WORKER_JOB)
			continue;
		tsdb_worker_count(slot->database, &ntables, &njobs, &nidle);
		if (!database_exists(slot->database) || tsdb_work_is_held(slot->database))
			tsdb_worker_set_state(i, TSDB_SLOT_FREE);
		else if (ntables + njobs < tsdb_max_workers)
			(void) start_worker(i, now);
	}
}

static void
launcher_ends(int code, Datum arg)
{
	tsdb_work_set_launcher(NULL);
}

void
tsdb_launcher_main(Datum arg)
{
	HASHCTL		ctl;
	TimestampTz listed_at = 0;
	MemoryContext loop_cxt;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	before_shmem_exit(launcher_ends, 0);
	tsdb_work_set_launcher(MyLatch);

	memset(&ctl, 0, sizeof(ctl));
	ctl.keysize = sizeof(Oid);
	ctl.entrysize = sizeof(Database);
	databases = hash_create("tsdb databases", 64, &ctl, HASH_ELEM | HASH_BLOBS);
	loop_cxt = AllocSetContextCreate(TopMemoryContext, "tsdb launcher", ALLOCSET_DEFAULT_SIZES);

	while (!ShutdownRequestPending)
	{
		TimestampTz now = GetCurrentTimestamp();
		TimestampTz next = now + (TimestampTz) tsdb_worker_naptime_s * USECS_PER_SEC;
		TimestampTz age_interval = Max((TimestampTz) tsdb_compress_after_s * USECS_PER_SEC / 64, USECS_PER_SEC);

		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		MemoryContextSwitchTo(loop_cxt);
		MemoryContextReset(loop_cxt);

		tsdb_age_note(now, age_interval);
		if (tsdb_max_workers > 0)
		{
			HASH_SEQ_STATUS status;
			Database   *db;

			if (listed_at == 0 || now < listed_at || tsdb_work_any_called() ||
				now - listed_at >= (TimestampTz) tsdb_worker_naptime_s * USECS_PER_SEC)
			{
				list_databases();
				MemoryContextSwitchTo(loop_cxt);
				tsdb_work_forget_databases(database_exists);
				listed_at = now;
			}
			look_at_slots(now);
			start_jobs(now);
			hash_seq_init(&status, databases);
			while ((db = hash_seq_search(&status)) != NULL)
				serve(db, now, &next);
		}

		/* ages must be noted in time for whoever asks for them */
		next = Min(next, now + Max(age_interval, (TimestampTz) USECS_PER_SEC) * 8);
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 Max(10L, TimestampDifferenceMilliseconds(GetCurrentTimestamp(), next)),
						 PG_WAIT_EXTENSION);
	}
	/* not 0: with that the postmaster would not start it again */
	proc_exit(1);
}

/* ------------------------------------------------------------------------
 * What other sessions tell
 * ------------------------------------------------------------------------
 */

void
tsdb_jobs_before_utility(Node *stmt)
{
	const char *name = NULL;
	List	   *options = NIL;
	ListCell   *lc;
	Oid			oid;

	if (IsA(stmt, DropdbStmt))
		name = ((DropdbStmt *) stmt)->dbname;
	else if (IsA(stmt, RenameStmt) && ((RenameStmt *) stmt)->renameType == OBJECT_DATABASE)
		name = ((RenameStmt *) stmt)->subname;
	else if (IsA(stmt, AlterDatabaseStmt))
		options = ((AlterDatabaseStmt *) stmt)->options;
	else if (IsA(stmt, CreatedbStmt))
		options = ((CreatedbStmt *) stmt)->options;
	else
		return;

	foreach(lc, options)
	{
		DefElem    *def = lfirst_node(DefElem, lc);

		if (strcmp(def->defname, "tablespace") == 0 && IsA(stmt, AlterDatabaseStmt))
			name = ((AlterDatabaseStmt *) stmt)->dbname;
		else if (strcmp(def->defname, "template") == 0 && def->arg != NULL && IsA(def->arg, String))
			name = strVal(def->arg);
	}
	if (name == NULL || RecoveryInProgress())
		return;

	/* workers are not for anybody to end; templates, which others may copy, have none */
	oid = get_database_oid(name, true);
	if (OidIsValid(oid) && oid != MyDatabaseId && object_ownercheck(DatabaseRelationId, oid, GetUserId()))
		tsdb_work_hold(oid);
}

void
tsdb_jobs_after_create_extension(CreateExtensionStmt *stmt)
{
	if (strcmp(stmt->extname, "tsdb_am") == 0)
		tsdb_work_call_at_commit(TSDB_LOOK_TABLES | TSDB_LOOK_JOBS);
}

void
tsdb_jobs_init(void)
{
	BackgroundWorker worker;

	if (IsBinaryUpgrade)
		return;
	tsdb_work_queue_init();
	tsdb_rows_added_hook = tsdb_work_add;

	memset(&worker, 0, sizeof(worker));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = 5;
	strlcpy(worker.bgw_library_name, "tsdb_am", BGW_MAXLEN);
	strlcpy(worker.bgw_function_name, "tsdb_launcher_main", BGW_MAXLEN);
	strlcpy(worker.bgw_name, "tsdb launcher", BGW_MAXLEN);
	strlcpy(worker.bgw_type, "tsdb launcher", BGW_MAXLEN);
	RegisterBackgroundWorker(&worker);
}
