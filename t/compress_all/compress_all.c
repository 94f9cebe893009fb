/*-------------------------------------------------------------------------
 * compress_all.c
 *	  For tests: compresses every tsdb table right behind the statement that wrote to it.
 *
 * Loaded through shared_preload_libraries by scripts/check_core.sh, so that PostgreSQL's own tests
 * meet rows in chunks whatever they do next, though they call no function of ours.
 *
 * A session that is about to tell its client that it is idle and outside a transaction block
 * (ReadyForQuery 'I') first compresses what it has written since the last time, in
 * transactions of its own.  The client sees no more of it than a pause: the transaction of its statement
 * is over, the next one has not begun, nothing is sent.  What is left of it afterwards is
 * an xid used, and that rows have moved.
 *
 * Which tables?  At commit, those of ours that the transaction holds a lock on that writers take:
 * they come by the executor, COPY, tuple routing, foreign-key actions and rewrites alike.
 *
 * Nobody may wait for it, or it for somebody: table locks are taken if they are free, waits further in
 * end by lock_timeout, sooner than isolationtester looks for blocked sessions.  A table that
 * was missed stays on the list for the next time.
 *
 * Not compressed: rows of prepared transactions, until the session writes to their table again; and, with
 * compress_all.spare_snapshots, nothing while another session is in a REPEATABLE READ or SERIALIZABLE
 * transaction with a snapshot: it would get the documented serialization failure for a moved
 * row, and a move makes its predicate locks coarser.
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

/* Their headers may be missing, and the one struct that we need of libpq.h does not depend on them. */
#undef ENABLE_GSS
#undef USE_OPENSSL

#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "executor/executor.h"
#include "fmgr.h"
#include "libpq/libpq.h"
#include "miscadmin.h"
#include "parser/parse_func.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "storage/shmem.h"
#include "tcop/dest.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

PG_MODULE_MAGIC;

/* Less than the 10 ms after which isolationtester asks whether a session is blocked. */
#define WAIT_MS			5

/* A table's chunks are merged after so many moves by one session, else small statements leave thousands. */
#define MOVES_TO_MERGE	8

#define WRITER_LOCKS	(LOCKBIT_ON(RowExclusiveLock) | LOCKBIT_ON(ExclusiveLock) | LOCKBIT_ON(AccessExclusiveLock))

typedef struct SharedState
{
	pg_atomic_uint32 readers;	/* sessions in a REPEATABLE READ or SERIALIZABLE transaction with a snapshot */
	pg_atomic_uint64 moves;		/* calls of tsdb.compress that moved rows */
	pg_atomic_uint64 rows;		/* moved by them */
	pg_atomic_uint64 merges;	/* chunks written by tsdb.recompress */
	pg_atomic_uint64 missed;	/* times that a lock was in the way */
	pg_atomic_uint64 spared;	/* times that a reader's snapshot was */
	pg_atomic_uint64 failures;	/* other errors */
} SharedState;

typedef struct TableMoves
{
	Oid			relid;			/* hash key */
	int			moves;
} TableMoves;

void		_PG_init(void);
PG_FUNCTION_INFO_V1(compress_all_report);

static shmem_request_hook_type prev_shmem_request = NULL;
static shmem_startup_hook_type prev_shmem_startup = NULL;
static ExecutorStart_hook_type prev_executor_start = NULL;

static bool spare_snapshots = false;

static SharedState *shared = NULL;
static const PQcommMethods *socket_methods = NULL;
static PQcommMethods methods;

static List *written = NIL;		/* OIDs of tables to compress, in TopMemoryContext */
static HTAB *table_moves = NULL;
static bool counted_reader = false; /* are we one of shared->readers? */
static bool working = false;

/*
 * The tables of ours that this transaction may have written to.
 */
static void
note_written_tables(void)
{
	Oid			amoid = get_table_am_oid("tsdb", true);
	LockData   *locks;
	int			i;

	if (!OidIsValid(amoid))
		return;
	locks = GetLockStatusData();
	for (i = 0; i < locks->nelements; i++)
	{
		LockInstanceData *lock = &locks->locks[i];
		Oid			relid = lock->locktag.locktag_field2;
		HeapTuple	tuple;
		Form_pg_class class;

		if (lock->pid != MyProcPid ||
			lock->locktag.locktag_type != LOCKTAG_RELATION ||
			lock->locktag.locktag_field1 != MyDatabaseId ||
			relid < FirstNormalObjectId ||
			(lock->holdMask & WRITER_LOCKS) == 0)
			continue;

		tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
		if (!HeapTupleIsValid(tuple))
			continue;
		class = (Form_pg_class) GETSTRUCT(tuple);
		if (class->relam == amoid && (class->relkind == RELKIND_RELATION || class->relkind == RELKIND_MATVIEW))
		{
			MemoryContext old_cxt = MemoryContextSwitchTo(TopMemoryContext);

			written = list_append_unique_oid(written, relid);
			MemoryContextSwitchTo(old_cxt);
		}
		ReleaseSysCache(tuple);
	}
}

static void
count_reader(void)
{
	if (!counted_reader && IsolationUsesXactSnapshot() && FirstSnapshotSet)
	{
		pg_atomic_fetch_add_u32(&shared->readers, 1);
		counted_reader = true;
	}
}

/* Calls tsdb.NAME for the table, if its lock is free. */
static int64
call_mover(const char *name, Oid relid, bool *locked)
{
	Oid			argtype = REGCLASSOID;
	Oid			function;
	int64		result;

	*locked = ConditionalLockRelationOid(relid, RowExclusiveLock);
	if (!*locked)
		return 0;
	if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(relid)))
		return 0;
	function = LookupFuncName(list_make2(makeString("tsdb"), makeString(pstrdup(name))), 1, &argtype, true);
	if (!OidIsValid(function))
		return 0;

	PushActiveSnapshot(GetTransactionSnapshot());
	result = DatumGetInt64(OidFunctionCall1(function, ObjectIdGetDatum(relid)));
	PopActiveSnapshot();
	return result;
}

/*
 * One transaction for one table.  Returns what the mover did; false in *done if it should be tried again.
 */
static int64
move_table(const char *name, Oid relid, bool *done)
{
	MemoryContext cxt = CurrentMemoryContext;
	volatile int64 result = 0;

	PG_TRY();
	{
		Oid			userid;
		int			sec_context;

		StartTransactionCommand();
		/* whatever the session has as defaults */
		XactIsoLevel = XACT_READ_COMMITTED;
		XactReadOnly = false;
		XactDeferrable = false;
		GetUserIdAndSecContext(&userid, &sec_context);
		SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID, 0);

		result = call_mover(name, relid, done);
		if (!*done)
			pg_atomic_fetch_add_u64(&shared->missed, 1);

		SetUserIdAndSecContext(userid, sec_context);
		CommitTransactionCommand();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(cxt);
		error = CopyErrorData();
		FlushErrorState();
		AbortCurrentTransaction();
		result = 0;
		*done = (error->sqlerrcode != ERRCODE_LOCK_NOT_AVAILABLE);
		pg_atomic_fetch_add_u64(*done ? &shared->failures : &shared->missed, 1);
		if (*done)
			ereport(LOG,
					(errmsg("compress_all: tsdb.%s of %u failed: %s: %s", name, relid,
							unpack_sql_state(error->sqlerrcode), error->message),
					 errhidestmt(true)));
		FreeErrorData(error);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(cxt);
	return result;
}

/* Is it time to merge the chunks of a table of which rows have just been moved? */
static bool
count_move(Oid relid)
{
	TableMoves *entry;
	bool		found;

	if (table_moves == NULL)
	{
		HASHCTL		ctl = {.keysize = sizeof(Oid), .entrysize = sizeof(TableMoves)};

		table_moves = hash_create("compress_all moves", 64, &ctl, HASH_ELEM | HASH_BLOBS);
	}
	entry = hash_search(table_moves, &relid, HASH_ENTER, &found);
	if (!found)
		entry->moves = 0;
	return ++entry->moves % MOVES_TO_MERGE == 0;
}

static void
compress_written_tables(void)
{
	List	   *tables = written;
	List	   *again = NIL;
	CommandDest save_dest = whereToSendOutput;
	int			save_lock_timeout = LockTimeout;
	ListCell   *lc;

	if (tables == NIL || working || IsTransactionOrTransactionBlock())
		return;
	if (spare_snapshots && pg_atomic_read_u32(&shared->readers) > 0)
	{
		pg_atomic_fetch_add_u64(&shared->spared, 1);
		return;
	}

	working = true;
	written = NIL;
	whereToSendOutput = DestNone;
	LockTimeout = WAIT_MS;
	foreach(lc, tables)
	{
		Oid			relid = lfirst_oid(lc);
		bool		done;
		int64		nrows = move_table("compress", relid, &done);

		if (!done)
		{
			MemoryContext old_cxt = MemoryContextSwitchTo(TopMemoryContext);

			again = lappend_oid(again, relid);
			MemoryContextSwitchTo(old_cxt);
		}
		if (nrows > 0)
		{
			pg_atomic_fetch_add_u64(&shared->moves, 1);
			pg_atomic_fetch_add_u64(&shared->rows, nrows);
			if (count_move(relid))
				pg_atomic_fetch_add_u64(&shared->merges, move_table("recompress", relid, &done));
		}
	}
	LockTimeout = save_lock_timeout;
	whereToSendOutput = save_dest;
	working = false;
	list_free(tables);
	written = again;
}

static int
compress_all_putmessage(char msgtype, const char *s, size_t len)
{
	if (msgtype == 'Z' && len == 1)
	{
		if (s[0] == 'I')
			compress_written_tables();
		else
			count_reader();
	}
	return socket_methods->putmessage(msgtype, s, len);
}

static void
xact_callback(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			if (MyBackendType != B_BACKEND)
				break;
			/* every session commits once before it reads its first command */
			if (socket_methods == NULL)
			{
				socket_methods = PqCommMethods;
				methods = *socket_methods;
				methods.putmessage = compress_all_putmessage;
				PqCommMethods = &methods;
			}
			if (!working && TransactionIdIsValid(GetTopTransactionIdIfAny()))
				note_written_tables();
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			if (counted_reader)
				pg_atomic_fetch_sub_u32(&shared->readers, 1);
			counted_reader = false;
			break;
		default:
			break;
	}
}

/* A statement may block before the client hears of its transaction. */
static void
compress_all_executor_start(QueryDesc *queryDesc, int eflags)
{
	if (socket_methods != NULL)
		count_reader();
	if (prev_executor_start)
		prev_executor_start(queryDesc, eflags);
	else
		standard_ExecutorStart(queryDesc, eflags);
}

static void
compress_all_shmem_request(void)
{
	if (prev_shmem_request)
		prev_shmem_request();
	RequestAddinShmemSpace(sizeof(SharedState));
}

static void
compress_all_shmem_startup(void)
{
	bool		found;

	if (prev_shmem_startup)
		prev_shmem_startup();
	shared = ShmemInitStruct("compress_all", sizeof(SharedState), &found);
	if (!found)
	{
		pg_atomic_init_u32(&shared->readers, 0);
		pg_atomic_init_u64(&shared->moves, 0);
		pg_atomic_init_u64(&shared->rows, 0);
		pg_atomic_init_u64(&shared->merges, 0);
		pg_atomic_init_u64(&shared->missed, 0);
		pg_atomic_init_u64(&shared->spared, 0);
		pg_atomic_init_u64(&shared->failures, 0);
	}
}

/* What it has done in all databases, in words. */
Datum
compress_all_report(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(
		psprintf(UINT64_FORMAT " moves of " UINT64_FORMAT " rows, " UINT64_FORMAT " chunks merged; not now: "
				 UINT64_FORMAT " for locks, " UINT64_FORMAT " for snapshots; " UINT64_FORMAT " failures",
				 pg_atomic_read_u64(&shared->moves), pg_atomic_read_u64(&shared->rows),
				 pg_atomic_read_u64(&shared->merges), pg_atomic_read_u64(&shared->missed),
				 pg_atomic_read_u64(&shared->spared), pg_atomic_read_u64(&shared->failures))));
}

void
_PG_init(void)
{
	if (!process_shared_preload_libraries_in_progress)
		return;

	DefineCustomBoolVariable("compress_all.spare_snapshots",
							 "Waits for transactions whose snapshot would make a move visible to them.",
							 NULL,
							 &spare_snapshots,
							 false,
							 PGC_SIGHUP, 0,
							 NULL, NULL, NULL);

	prev_shmem_request = shmem_request_hook;
	shmem_request_hook = compress_all_shmem_request;
	prev_shmem_startup = shmem_startup_hook;
	shmem_startup_hook = compress_all_shmem_startup;
	prev_executor_start = ExecutorStart_hook;
	ExecutorStart_hook = compress_all_executor_start;
	RegisterXactCallback(xact_callback, NULL);
}
