/*-------------------------------------------------------------------------
 * worker.c
 *	  A background worker: serves the tables of one database, or runs one job.
 *
 * Started by the launcher when something is due, takes tables from the queue until nothing is, waits some seconds for more and
 * ends: a process that stays would be in the way of DROP DATABASE, and costs memory.  Some workers may serve one
 * database; a table is claimed by one.
 *
 * The worker bears autovacuum's mark in its PGPROC.  Core then treats it as an autovacuum worker in two places, which is
 * what is wanted: a session that waits for one of its locks cancels it after deadlock_timeout, and DROP DATABASE and
 * the like end it.  (A third, CREATE INDEX CONCURRENTLY, does not wait for its snapshots: nothing that it runs reads an index
 * by an old snapshot.)
 *-------------------------------------------------------------------------
 */
#include "jobs/worker.h"

#include "access/genam.h"
#include "access/heapam.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "am/tsdb_handler.h"
#include "catalog/pg_class.h"
#include "commands/dbcommands.h"
#include "commands/defrem.h"
#include "commands/extension.h"
#include "guc.h"
#include "index/chunk_index.h"
#include "jobs/job_runner.h"
#include "jobs/table_steps.h"
#include "jobs/work_queue.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/bufmgr.h"
#include "storage/ipc.h"
#include "storage/lmgr.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "tcop/tcopprot.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* Rows of tables without an entry were too young at a look: when there is to be another.  0 = not */
static TimestampTz look_again = 0;

/* How long a worker waits for more before it ends. */
#define LINGER				(2 * USECS_PER_SEC)

/* After an error in looking for jobs. */
#define JOBS_AGAIN			(60 * USECS_PER_SEC)

/* Entries that nobody has used for so long, of tables that cannot be seen, are of tables that are gone. */
#define FORGET_AFTER		(10 * 60 * USECS_PER_SEC)

static TsdbWorkerSlot *slot;
static int	slot_number;
static MemoryContext worker_cxt;

static void
set_option(const char *name, const char *value)
{
	SetConfigOption(name, value, PGC_SUSET, PGC_S_OVERRIDE);
}

static void
mark_as_autovacuum(void)
{
	LWLockAcquire(ProcArrayLock, LW_EXCLUSIVE);
	MyProc->statusFlags |= PROC_IS_AUTOVACUUM;
	ProcGlobal->statusFlags[MyProc->pgxactoff] = MyProc->statusFlags;
	LWLockRelease(ProcArrayLock);
}

static bool
extension_exists(void)
{
	bool		exists;

	StartTransactionCommand();
	exists = OidIsValid(get_extension_oid("tsdb_am", true)) && OidIsValid(get_table_am_oid("tsdb", true));
	CommitTransactionCommand();
	return exists;
}

/* ------------------------------------------------------------------------
 * Looking at all tables
 * ------------------------------------------------------------------------
 */

/* Has the row store anything in it?  Its first page stays even if it has not. */
static bool
may_have_rows(Oid relation)
{
	Relation	rel;
	bool		may = false;

	if (!ConditionalLockRelationOid(relation, AccessShareLock))
		return true;
	rel = try_relation_open(relation, NoLock);
	if (rel != NULL)
	{
		may = tsdb_is_tsdb(rel) && RelationGetNumberOfBlocks(rel) > 0;
		relation_close(rel, NoLock);
	}
	UnlockRelationOid(relation, AccessShareLock);
	return may;
}

/*
 * Makes entries for tables that nobody has counted rows of, after a start of the server or because the queue was full, and gives back those
 * of tables that are gone, in the index of chunks, too.  Tables without room in the queue are served at once.
 */
static void
look_at_tables(void)
{
	TimestampTz now = GetCurrentTimestamp();
	List	   *relations = NIL;
	List	   *no_room = NIL;
	Relation	pg_class;
	TableScanDesc scan;
	ScanKeyData key;
	HeapTuple	tuple;
	ListCell   *lc;

	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	ScanKeyInit(&key, Anum_pg_class_relam, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(get_table_am_oid("tsdb", false)));
	pg_class = table_open(RelationRelationId, AccessShareLock);
	scan = table_beginscan_catalog(pg_class, 1, &key);
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Form_pg_class form = (Form_pg_class) GETSTRUCT(tuple);
		MemoryContext old_cxt;

		if (form->relpersistence == RELPERSISTENCE_TEMP ||
			(form->relkind != RELKIND_RELATION && form->relkind != RELKIND_MATVIEW))
			continue;
		old_cxt = MemoryContextSwitchTo(worker_cxt);
		relations = lappend_oid(relations, form->oid);
		MemoryContextSwitchTo(old_cxt);
	}
	table_endscan(scan);
	table_close(pg_class, AccessShareLock);

	foreach(lc, relations)
	{
		Oid			relation = lfirst_oid(lc);
		TsdbTableWork *work;

		CHECK_FOR_INTERRUPTS();
		if (!may_have_rows(relation))
			continue;
		work = tsdb_work_find(MyDatabaseId, relation, true);
		if (work != NULL)
			pg_atomic_write_u32(&work->more, 1);
		else
		{
			MemoryContext old_cxt = MemoryContextSwitchTo(worker_cxt);

			no_room = lappend_oid(no_room, relation);
			MemoryContextSwitchTo(old_cxt);
		}
	}
	tsdb_chunk_index_forget_dropped();
	CommitTransactionCommand();

	/* tables that are being created are not seen yet, but their entries are young */
	list_sort(relations, list_oid_cmp);
	for (int i = 0; i < tsdb_work_tables; i++)
	{
		Oid			database;
		Oid			relation;
		TsdbTableWork *work = tsdb_work_get(i, &database, &relation);

		if (work != NULL && database == MyDatabaseId && !list_member_oid(relations, relation) &&
			now - (TimestampTz) pg_atomic_read_u64(&work->since) > FORGET_AFTER &&
			tsdb_work_claim(work, slot_number))
		{
			tsdb_work_forget(work);
			tsdb_work_release(work);
		}
	}

	foreach(lc, no_room)
	{
		TsdbTableWork spare;

		memset(&spare, 0, sizeof(spare));
		(void) tsdb_table_serve(&spare, lfirst_oid(lc));
		if (pg_atomic_read_u64(&spare.waiting) > 0)
			look_again = GetCurrentTimestamp() + (TimestampTz) (tsdb_compress_after_s + 1) * USECS_PER_SEC;
	}
	MemoryContextReset(worker_cxt);
}

/* ------------------------------------------------------------------------
 * Main loop
 * ------------------------------------------------------------------------
 */

/* Serves each table that is due, once.  Returns their number. */
static int
serve_tables(void)
{
	int			nserved = 0;

	for (int i = 0; i < tsdb_work_tables; i++)
	{
		Oid			database;
		Oid			relation;
		TsdbTableWork *work = tsdb_work_get(i, &database, &relation);
		TimestampTz due;

		if (work == NULL || database != MyDatabaseId)
			continue;
		due = tsdb_work_due(work);
		if (due == 0 || due > GetCurrentTimestamp() || !tsdb_work_claim(work, slot_number))
			continue;
		if (!tsdb_table_serve(work, relation))
			tsdb_work_forget(work);
		tsdb_work_release(work);
		nserved++;
		tsdb_worker_rest(0);
		if (tsdb_max_workers == 0)
			break;
	}
	return nserved;
}

/* An error there must not keep rows from being compressed. */
static void
schedule_jobs(void)
{
	MemoryContextSwitchTo(worker_cxt);
	PG_TRY();
	{
		slot->next_job = tsdb_jobs_schedule();
	}
	PG_CATCH();
	{
		HOLD_INTERRUPTS();
		errcontext("looking for jobs that are due");
		EmitErrorReport();
		AbortOutOfAnyTransaction();
		FlushErrorState();
		MemoryContextSwitchTo(worker_cxt);
		QueryCancelPending = false;
		slot->next_job = GetCurrentTimestamp() + JOBS_AGAIN;
		RESUME_INTERRUPTS();
	}
	PG_END_TRY();
	pgstat_report_stat(true);
}

static void
serve_database(void)
{
	TimestampTz idle_since = 0;
	bool		leave = false;
	uint32		asked = pg_atomic_exchange_u32(&slot->look, 0);

	/* what it is asked for before the look at the catalog is answered by it; what comes later is told of again at exit */
	if (!extension_exists())
	{
		slot->outcome = TSDB_WORKER_NO_EXTENSION;
		return;
	}
	pg_atomic_fetch_or_u32(&slot->look, asked);
	slot->outcome = TSDB_WORKER_SERVED;

	while (tsdb_max_workers > 0)
	{
		bool		worked = false;
		int			look;

		ResetLatch(MyLatch);
		look = (int) pg_atomic_exchange_u32(&slot->look, 0);
		if (look_again != 0 && look_again <= GetCurrentTimestamp())
			look |= TSDB_LOOK_TABLES;
		if (look & TSDB_LOOK_TABLES)
		{
			/* the extension may be gone, or have been made anew */
			if (!extension_exists())
			{
				slot->outcome = TSDB_WORKER_NO_EXTENSION;
				return;
			}
			look_again = 0;
			look_at_tables();
			slot->looked |= TSDB_LOOK_TABLES;
			worked = true;
		}
		if ((look & TSDB_LOOK_JOBS) || (slot->next_job != 0 && slot->next_job <= GetCurrentTimestamp()))
		{
			schedule_jobs();
			slot->looked |= TSDB_LOOK_JOBS;
			/* with room for one worker, the job has to have ours */
			leave = tsdb_max_workers == 1 && slot->next_job != 0;
		}
		if (serve_tables() > 0)
			worked = true;
		if (worked)
		{
			idle_since = 0;
			continue;
		}
		if (leave)
			return;

		if (idle_since == 0)
			idle_since = GetCurrentTimestamp();
		if (look_again == 0 && GetCurrentTimestamp() - idle_since >= LINGER)
		{
			StartTransactionCommand();
			tsdb_chunk_index_forget_dropped();
			CommitTransactionCommand();
			return;
		}
		pgstat_report_activity(STATE_IDLE, NULL);
		pg_atomic_write_u32(&slot->idle, 1);
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, 500L, PG_WAIT_EXTENSION);
		pg_atomic_write_u32(&slot->idle, 0);

		/* an idle worker ends without a line in the log */
		if (ProcDiePending)
			return;
		QueryCancelPending = false;
		tsdb_worker_rest(0);
	}
}

void
tsdb_worker_main(Datum arg)
{
	/* not bgworker_die, which exits within the handler: the index in shared memory must not be left so */
	pqsignal(SIGTERM, die);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();

	slot_number = DatumGetInt32(arg);
	slot = tsdb_worker_attach(slot_number);
	worker_cxt = AllocSetContextCreate(TopMemoryContext, "tsdb worker", ALLOCSET_DEFAULT_SIZES);

	if (slot->kind == TSDB_WORKER_JOB)
	{
		/* a session of the job's owner */
		BackgroundWorkerInitializeConnectionByOid(slot->database, slot->role, 0);
		SetConfigOption("application_name", MyBgworkerEntry->bgw_name, PGC_USERSET, PGC_S_SESSION);
		tsdb_job_serve(slot);
		proc_exit(0);
	}

	BackgroundWorkerInitializeConnectionByOid(slot->database, InvalidOid, 0);
	mark_as_autovacuum();
	set_option("application_name", MyBgworkerEntry->bgw_name);
	set_option("search_path", "");
	set_option("zero_damaged_pages", "off");
	set_option("statement_timeout", "0");
	set_option("lock_timeout", "0");
	set_option("idle_in_transaction_session_timeout", "0");
	set_option("default_transaction_isolation", "read committed");
	set_option("default_transaction_read_only", "off");
	set_option("default_transaction_deferrable", "off");
	/* what a crash undoes is done again, and nobody waits for it */
	set_option("synchronous_commit", "off");

	serve_database();
	proc_exit(0);
}
