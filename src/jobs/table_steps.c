/*-------------------------------------------------------------------------
 * table_steps.c
 *	  What a worker does for one table: compress, merge, vacuum.
 *
 * Each step is a transaction.  It takes its lock on the table only if that is free, so it waits for nobody's; and sessions that
 * wait for one of ours cancel us (worker.c), so nobody waits for long.  A step that has given way is tried again later.
 *
 * Errors end the table's turn: logged, noted in its entry, tried again after a pause that doubles.
 *-------------------------------------------------------------------------
 */
#include "jobs/table_steps.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/xact.h"
#include "am/mover.h"
#include "am/tsdb_handler.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type_d.h"
#include "chunk/chunk_writer.h"
#include "commands/vacuum.h"
#include "executor/spi.h"
#include "guc.h"
#include "injection.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/bufmgr.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "storage/procarray.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

/* A remainder of so few young rows is not worth a chunk yet. */
#define MIN_YOUNG_ROWS		4096
/* Of rows that are compressed early, so many have to be committed. */
#define MIN_EARLY_ROWS		2048
/* A remainder of so many is left for the next turn while more come: as a chunk it would be merged soon. */
#define MAX_LEFT_ROWS		(TSDB_CHUNK_MAX_ROWS / 2)
/* Turns that come early merge no oftener than this: to see what could be merged, the table's directory is read. */
#define EARLY_MERGE_INTERVAL	(4 * USECS_PER_SEC)

/* Steps in one turn: then other tables have theirs. */
#define MAX_STEPS			64
#define MAX_MERGE_STEPS		8

/* Pauses after errors, and after looks that found nothing to move though rows wait. */
#define MIN_PAUSE			(10 * USECS_PER_SEC)
#define MAX_PAUSE			(3600 * USECS_PER_SEC)
/* After an error in merging or vacuum, which does not keep rows from being compressed. */
#define FAILED_PAUSE		(10 * 60 * USECS_PER_SEC)
/* Looks for rows that were counted and not found end with this pause. */
#define LAST_PAUSE			(10 * 60 * USECS_PER_SEC)
/* After having given way to somebody. */
#define BUSY_PAUSE			(1 * USECS_PER_SEC)

/* Rows that are moved out of a default partition at a time, at least. */
#define DRAIN_ROWS			"10000"
/* Partitions are made ahead this often. */
#define EXTEND_INTERVAL		(60 * USECS_PER_SEC)

/* Dead rows from which the row store is vacuumed; fewer are left to autovacuum. */
#define VACUUM_DEAD_ROWS	8192
/* Statements that were running when rows were moved are waited for so long, since until they end nobody may remove the old versions. */
#define VACUUM_WAIT_MS		100L
#define VACUUM_LOOK_MS		5L
/* After a vacuum that could not remove enough; doubles. */
#define VACUUM_PAUSE		(1 * USECS_PER_SEC)
/* The chunk store: a part of its tuples, but not too few. */
#define VACUUM_DEAD_CHUNKS	1000
#define VACUUM_CHUNKS_PART	8

typedef enum StepResult
{
	STEP_GONE,					/* no such table of ours */
	STEP_BUSY,					/* locked by somebody */
	STEP_DONE,
	STEP_MORE
} StepResult;

typedef struct TableTurn
{
	TsdbTableWork *work;
	TsdbWorkerSlot *slot;
	Oid			relation;
	bool		many;			/* enough rows wait: age does not matter */
	bool		early;			/* fewer than usual do, but they may be compressed */
	TransactionId before;		/* else only older ones are moved */
	BlockNumber next_block;
	int64		rows;			/* moved by this turn */
	int64		waiting;		/* left by it */
	int64		stored_bytes;	/* of the chunks that it wrote */
	int64		merged;			/* chunks that were replaced */
	int64		bytes;			/* read and written by the last step */
	uint64		xid;			/* full, of the last step that moved rows, until vacuum has waited for it; 0 = none */
	Oid			vacuum_relation;	/* what to vacuum, invalid = nothing */
	int64		dead;			/* dead tuples there */
} TableTurn;

static TsdbWorkerSlot *
my_slot(void)
{
	return tsdb_worker_slot(DatumGetInt32(MyBgworkerEntry->bgw_main_arg));
}

/* Opens the table with a lock that is free.  NULL: result tells why. */
static Relation
open_table(Oid relation, LOCKMODE mode, StepResult *result)
{
	Relation	rel;

	*result = STEP_BUSY;
	if (!ConditionalLockRelationOid(relation, mode))
		return NULL;
	rel = try_relation_open(relation, NoLock);
	if (rel != NULL && tsdb_is_tsdb(rel) && !RelationUsesLocalBuffers(rel) && OidIsValid(rel->rd_rel->reltoastrelid))
		return rel;
	if (rel != NULL)
		relation_close(rel, NoLock);
	*result = STEP_GONE;
	return NULL;
}

static StepResult
compress_step(TableTurn *turn)
{
	StepResult	result;
	Relation	rel = open_table(turn->relation, RowExclusiveLock, &result);
	BlockNumber from = turn->next_block;
	TsdbCompressStep step;

	if (rel == NULL)
		return result;
	memset(&step, 0, sizeof(step));
	step.next_block = from;
	if (turn->many || turn->early)
		step.min_rows = turn->many ? MIN_YOUNG_ROWS : MIN_EARLY_ROWS;
	else
		step.before = turn->before;
	tsdb_mover_compress_step(rel, &step);

	pg_atomic_write_u64(&turn->slot->blocks_total, RelationGetNumberOfBlocks(rel));
	pg_atomic_write_u32(&turn->work->may_be_early, !rel->rd_rel->relhasindex);
	relation_close(rel, NoLock);
	if (step.busy)
		return STEP_BUSY;

	turn->next_block = step.next_block;
	turn->bytes = (int64) (step.next_block - from) * BLCKSZ + step.bytes;
	turn->rows += step.rows;
	turn->stored_bytes += step.bytes;
	turn->waiting += step.waiting;
	pg_atomic_write_u64(&turn->slot->blocks_done, step.next_block);
	pg_atomic_write_u64(&turn->slot->rows, turn->rows);
	pg_atomic_write_u64(&turn->slot->bytes, turn->stored_bytes);
	if (step.rows > 0)
	{
		turn->xid = step.xid;
		pg_atomic_fetch_add_u64(&turn->slot->chunks, 1);
	}
	return step.done ? STEP_DONE : STEP_MORE;
}

static StepResult
merge_step(TableTurn *turn)
{
	StepResult	result;
	Relation	rel = open_table(turn->relation, RowExclusiveLock, &result);
	TsdbMergeStep step;
	bool		merged;

	if (rel == NULL)
		return result;
	memset(&step, 0, sizeof(step));
	step.cold = TSDB_COLD_BY_AGE;
	step.spare_read = true;
	merged = tsdb_mover_merge_step(rel, &step);
	relation_close(rel, NoLock);
	if (step.busy)
		return STEP_BUSY;

	turn->bytes = step.bytes_read + step.bytes_written;
	turn->merged += step.chunks_read;
	pg_atomic_fetch_add_u64(&turn->slot->chunks, step.chunks_written);
	pg_atomic_fetch_add_u64(&turn->slot->bytes, step.bytes_written);
	return merged ? STEP_MORE : STEP_DONE;
}

/* ------------------------------------------------------------------------
 * Vacuum
 * ------------------------------------------------------------------------
 */

static void
count_tuples(Oid relation, int64 *dead, int64 *live)
{
	PgStat_StatTabEntry *entry = pgstat_fetch_stat_tabentry_ext(false, relation);

	*dead = entry != NULL ? PGSTAT_TAB_TUPLES(entry, dead) : 0;
	*live = entry != NULL ? PGSTAT_TAB_TUPLES(entry, live) : 0;
}

/* Has everybody's snapshot seen this transaction end? */
static bool
is_removable(Relation rel, uint64 xid)
{
	TransactionId oldest = GetOldestNonRemovableTransactionId(rel);
	uint64		next = U64FromFullTransactionId(ReadNextFullTransactionId());

	/* next - oldest, in 32 bits, is right: no snapshot is 2^31 transactions old */
	return xid < next - (uint32) ((TransactionId) next - oldest);
}

/*
 * Waits until nobody's snapshot keeps what this turn has moved, no longer than VACUUM_WAIT_MS or so.  Until then a vacuum would look at all those tuples
 * in vain.  What longer statements keep is counted in the table's entry: whatever else is dead may be worth a vacuum.
 */
static void
wait_for_snapshots(TableTurn *turn, Relation rel)
{
	TsdbTableWork *work = turn->work;
	long		waited = 0;		/* milliseconds, at least */

	if (turn->xid == 0 && work->kept_xid == 0)
		return;

	/* ours would count */
	PopActiveSnapshot();
	InvalidateCatalogSnapshot();
	if (work->kept_xid != 0 && is_removable(rel, work->kept_xid))
	{
		work->kept_xid = 0;
		work->kept_rows = 0;
	}
	if (turn->xid == 0)
		return;

	/* who keeps older ones keeps these */
	while (work->kept_xid != 0 || !is_removable(rel, turn->xid))
	{
		CHECK_FOR_INTERRUPTS();
		if (work->kept_xid != 0 || waited >= VACUUM_WAIT_MS)
		{
			if (work->kept_xid == 0)
				work->kept_xid = turn->xid;
			work->kept_rows += turn->rows;
			break;
		}
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, VACUUM_LOOK_MS, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		waited += VACUUM_LOOK_MS;
	}
	turn->xid = 0;
}

/*
 * Does a fork need vacuum, so that its space is used again?  Autovacuum's threshold is a part of all rows, those in chunks included.
 * Each vacuum reads all indexes, if there are any: so the row store may grow to a part of them.
 */
static StepResult
choose_vacuum(TableTurn *turn)
{
	StepResult	result;
	Relation	rel = open_table(turn->relation, AccessShareLock, &result);
	BlockNumber index_blocks = 0;
	int64		dead,
				live;
	List	   *indexes;
	ListCell   *lc;

	turn->vacuum_relation = InvalidOid;
	if (rel == NULL)
		return result;

	pgstat_clear_snapshot();
	count_tuples(turn->relation, &dead, &live);
	if (dead >= VACUUM_DEAD_ROWS)
	{
		indexes = RelationGetIndexList(rel);
		foreach(lc, indexes)
		{
			Relation	index = try_relation_open(lfirst_oid(lc), AccessShareLock);

			if (index == NULL)
				continue;
			index_blocks += RelationGetNumberOfBlocks(index);
			relation_close(index, AccessShareLock);
		}
		list_free(indexes);
		if (RelationGetNumberOfBlocks(rel) >= index_blocks / 4)
		{
			wait_for_snapshots(turn, rel);
			if (dead - turn->work->kept_rows >= VACUUM_DEAD_ROWS)
				turn->vacuum_relation = turn->relation;
		}
	}
	turn->dead = dead;
	if (!OidIsValid(turn->vacuum_relation))
	{
		count_tuples(rel->rd_rel->reltoastrelid, &dead, &live);
		if (dead >= VACUUM_DEAD_CHUNKS && dead >= live / VACUUM_CHUNKS_PART)
			turn->vacuum_relation = rel->rd_rel->reltoastrelid;
		turn->dead = dead;
	}
	relation_close(rel, AccessShareLock);
	return OidIsValid(turn->vacuum_relation) ? STEP_MORE : STEP_DONE;
}

/* As autovacuum does it: vacuum() uses transactions of its own. */
static StepResult
vacuum_step(TableTurn *turn)
{
	static MemoryContext cxt = NULL;
	VacuumParams params;
	BufferAccessStrategy strategy;
	List	   *relations;

	/* outlives vacuum()'s transactions, and is kept: errors, cancels above all, must not leave one each */
	if (cxt == NULL)
		cxt = AllocSetContextCreate(TopMemoryContext, "tsdb worker vacuum", ALLOCSET_DEFAULT_SIZES);
	MemoryContextReset(cxt);
	memset(&params, 0, sizeof(params));
	params.options = VACOPT_VACUUM | VACOPT_SKIP_LOCKED;
	params.freeze_min_age = -1;
	params.freeze_table_age = -1;
	params.multixact_freeze_min_age = -1;
	params.multixact_freeze_table_age = -1;
	params.log_min_duration = -1;
	params.index_cleanup = VACOPTVALUE_UNSPECIFIED;
	/* new rows come soon, and giving pages back takes a lock that shuts everybody out */
	params.truncate = VACOPTVALUE_DISABLED;
	params.nworkers = -1;

	PortalContext = cxt;
	MemoryContextSwitchTo(cxt);
	strategy = GetAccessStrategy(BAS_VACUUM);
	relations = list_make1(makeVacuumRelation(NULL, turn->vacuum_relation, NIL));
	vacuum(relations, &params, strategy, cxt, true);
	MemoryContextSwitchTo(TopTransactionContext);
	PortalContext = NULL;
	MemoryContextReset(cxt);
	return STEP_DONE;
}

/* ------------------------------------------------------------------------
 * Partitions
 * ------------------------------------------------------------------------
 */

/* A function of schema tsdb for a partitioned table, as its owner, who may have made triggers and defaults: restricted. */
static StepResult
call_as_owner(TableTurn *turn, const char *text)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(turn->relation));
	Oid			owner;
	Oid			save_userid;
	int			save_sec_context;
	int			save_nestlevel;
	Oid			types[1] = {REGCLASSOID};
	Datum		values[1];

	if (!HeapTupleIsValid(tuple))
		return STEP_GONE;
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);

	GetUserIdAndSecContext(&save_userid, &save_sec_context);
	SetUserIdAndSecContext(owner, save_sec_context | SECURITY_RESTRICTED_OPERATION);
	save_nestlevel = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	/* what it locks shuts everybody out, and so does waiting for it */
	(void) set_config_option("lock_timeout", "2s", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);

	SPI_connect();
	values[0] = ObjectIdGetDatum(turn->relation);
	if (SPI_execute_with_args(text, 1, types, values, NULL, false, 0) < 0)
		elog(ERROR, "SPI failed on \"%s\"", text);
	SPI_finish();

	AtEOXact_GUC(false, save_nestlevel);
	SetUserIdAndSecContext(save_userid, save_sec_context);
	return STEP_DONE;
}

static StepResult
extend_step(TableTurn *turn)
{
	return call_as_owner(turn, "SELECT tsdb.extend_shards($1)");
}

static StepResult
drain_step(TableTurn *turn)
{
	return call_as_owner(turn, "SELECT tsdb.drain_default($1, " DRAIN_ROWS ")");
}

/* ------------------------------------------------------------------------
 * Transactions and errors
 * ------------------------------------------------------------------------
 */

/* An error within a step, from PG_CATCH.  True: only a wait that was not to be. */
static bool
note_error(TableTurn *turn, const char *what)
{
	MemoryContext cxt;
	ErrorData  *error;
	bool		gave_way;

	HOLD_INTERRUPTS();
	MemoryContextSwitchTo(TopMemoryContext);
	cxt = AllocSetContextCreate(TopMemoryContext, "tsdb worker error", ALLOCSET_SMALL_SIZES);
	MemoryContextSwitchTo(cxt);
	error = CopyErrorData();
	gave_way = error->sqlerrcode == ERRCODE_QUERY_CANCELED || error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ||
		error->sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED;
	if (!gave_way)
	{
		/* a session's error may tell of the row that it wrote; nobody has asked for this work, and the log is for others to read */
		if (ERRCODE_TO_CATEGORY(error->sqlerrcode) == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION)
			errdetail_log("Values of the row are not shown.");
		errcontext("automatic %s of table with OID %u", what, turn->relation);
		EmitErrorReport();
	}
	AbortOutOfAnyTransaction();
	FlushErrorState();
	PortalContext = NULL;

	if (!gave_way)
	{
		TsdbWorkStats *stats = &turn->work->stats;

		tsdb_work_lock(true);
		stats->failures++;
		stats->failures_in_row++;
		stats->sqlstate = error->sqlerrcode;
		stats->error_at = GetCurrentTimestamp();
		strlcpy(stats->error, error->message != NULL ? error->message : "unknown error", sizeof(stats->error));
		/* a cut character would be an invalid one */
		stats->error[pg_mbcliplen(stats->error, strlen(stats->error), sizeof(stats->error) - 1)] = '\0';
		tsdb_work_unlock();
	}
	MemoryContextSwitchTo(TopMemoryContext);
	MemoryContextDelete(cxt);
	QueryCancelPending = false;
	RESUME_INTERRUPTS();
	return gave_way;
}

/* Runs a step in a transaction.  -1 = it failed and was noted. */
static int
run_step(TableTurn *turn, StepResult (*step) (TableTurn *turn), const char *what)
{
	volatile int result = -1;

	turn->bytes = 0;
	PG_TRY();
	{
		StartTransactionCommand();
		PushActiveSnapshot(GetTransactionSnapshot());
		result = step(turn);
		TSDB_INJECT("worker-step");
		if (ActiveSnapshotSet())
			PopActiveSnapshot();
		CommitTransactionCommand();
	}
	PG_CATCH();
	{
		result = note_error(turn, what) ? (int) STEP_BUSY : -1;
	}
	PG_END_TRY();

	/* a cancel that came too late must not meet the next step */
	QueryCancelPending = false;
	pgstat_report_stat(true);
	tsdb_worker_rest(turn->bytes);
	return result;
}

void
tsdb_worker_rest(int64 bytes)
{
	static int64 owed = 0;		/* microseconds */

	if (tsdb_worker_cost_limit_kb > 0)
		owed += (int64) ((double) bytes * USECS_PER_SEC / (tsdb_worker_cost_limit_kb * 1024.0));
	else
		owed = 0;
	do
	{
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
			if (tsdb_worker_cost_limit_kb == 0)
				owed = 0;
		}
		if (owed >= 1000)
		{
			int64		nap = Min(owed, USECS_PER_SEC);

			pgstat_report_activity(STATE_IDLE, "resting: tsdb_am.worker_cost_limit");
			(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, nap / 1000, PG_WAIT_EXTENSION);
			ResetLatch(MyLatch);
			owed -= nap;
		}
	} while (owed >= 1000);
}

/* ------------------------------------------------------------------------
 * A table's turn
 * ------------------------------------------------------------------------
 */

static void
report(TableTurn *turn, TsdbWorkerPhase phase, const char *what)
{
	char		activity[64];

	tsdb_worker_progress(phase, turn->relation);
	snprintf(activity, sizeof(activity), "tsdb: %s table with OID %u", what, turn->relation);
	pgstat_report_activity(STATE_RUNNING, activity);
}

static int
vacuum_table(TableTurn *turn)
{
	TsdbTableWork *work = turn->work;
	int			result;

	if (!pgstat_track_counts || work->next_vacuum > GetCurrentTimestamp())
		return STEP_DONE;
	report(turn, TSDB_PHASE_VACUUMING, "vacuuming");
	result = run_step(turn, choose_vacuum, "vacuum");
	if (result == STEP_MORE)
	{
		Oid			relation = turn->vacuum_relation;
		int64		dead = turn->dead;

		result = run_step(turn, vacuum_step, "vacuum");
		if (result == STEP_DONE)
		{
			tsdb_work_lock(true);
			work->stats.vacuums++;
			tsdb_work_unlock();

			/* what is still there after it, somebody's snapshot keeps: if that is most of it, the longer, the seldomer */
			result = run_step(turn, choose_vacuum, "vacuum");
			work->vacuum_pause = result == STEP_MORE && turn->vacuum_relation == relation && turn->dead > dead / 2 ?
				Min(Max(work->vacuum_pause * 2, VACUUM_PAUSE), FAILED_PAUSE) : 0;
			work->next_vacuum = GetCurrentTimestamp() + work->vacuum_pause;
			result = STEP_DONE;
		}
	}
	if (result == -1)
		work->next_vacuum = GetCurrentTimestamp() + FAILED_PAUSE;
	return result;
}

/* End of a turn: when may the next one be? */
static void
end_turn(TsdbTableWork *work, int result, TimestampTz pause)
{
	TimestampTz now = GetCurrentTimestamp();

	pg_atomic_write_u64(&work->last_turn, (uint64) now);
	switch (result)
	{
		case -1:
			pause = MIN_PAUSE << Min(Max(work->stats.failures_in_row, 1) - 1, 9);
			pg_atomic_write_u64(&work->not_before, (uint64) (now + Min(pause, MAX_PAUSE)));
			break;
		case STEP_BUSY:
			pg_atomic_write_u64(&work->not_before, (uint64) (now + BUSY_PAUSE));
			break;
		default:
			if (work->stats.failures_in_row > 0)
			{
				tsdb_work_lock(true);
				work->stats.failures_in_row = 0;
				tsdb_work_unlock();
			}
			pg_atomic_write_u64(&work->not_before, (uint64) (pause == 0 ? 0 : now + pause));
			break;
	}
	tsdb_worker_progress(TSDB_PHASE_IDLE, InvalidOid);
}

/*
 * Are the rows that are left few enough for the next turn, which comes soon by those that have come since the count was taken?  If more have
 * been moved than were counted in all, the counts don't tell: then the turn goes to the end of the main fork.
 */
static bool
more_rows_come(TableTurn *turn, int64 counted)
{
	int64		came = (int64) pg_atomic_read_u64(&turn->work->waiting);
	int64		left = counted - turn->rows;

	return turn->rows > 0 && left + came > 0 && left + came < MAX_LEFT_ROWS && came > left / 4;
}

TimestampTz
tsdb_table_extend(TsdbTableWork *work, Oid relation)
{
	TableTurn	turn;
	int			result;
	TimestampTz not_before = (TimestampTz) pg_atomic_read_u64(&work->not_before);

	if (not_before > GetCurrentTimestamp())
		return not_before;

	memset(&turn, 0, sizeof(turn));
	turn.work = work;
	turn.slot = my_slot();
	turn.relation = relation;
	report(&turn, TSDB_PHASE_PARTITIONS, "making partitions of");
	result = run_step(&turn, extend_step, "partitioning");
	if (result == STEP_DONE)
		result = run_step(&turn, drain_step, "partitioning");
	end_turn(work, result, EXTEND_INTERVAL);
	return (TimestampTz) pg_atomic_read_u64(&work->not_before);
}

bool
tsdb_table_serve(TsdbTableWork *work, Oid relation)
{
	TableTurn	turn;
	TimestampTz start = GetCurrentTimestamp();
	TimestampTz since;
	int64		waiting;
	int			result = STEP_DONE;

	memset(&turn, 0, sizeof(turn));
	turn.work = work;
	turn.slot = my_slot();
	turn.relation = relation;

	tsdb_work_take(work, &waiting, &since);
	turn.many = waiting >= TSDB_COMPRESS_ROWS;
	turn.early = !turn.many && waiting >= TSDB_EARLY_ROWS && pg_atomic_read_u32(&work->may_be_early) != 0;
	turn.before = tsdb_age_xid(start, (TimestampTz) tsdb_compress_after_s * USECS_PER_SEC);

	report(&turn, TSDB_PHASE_COMPRESSING, "compressing");
	for (int steps = 0; steps < MAX_STEPS; steps++)
	{
		result = run_step(&turn, compress_step, "compress");
		if (result != STEP_MORE)
			break;
		if (turn.many && more_rows_come(&turn, waiting))
		{
			turn.waiting = Max(waiting - turn.rows, 0);
			result = STEP_DONE;
			break;
		}
	}
	if (turn.rows > 0)
	{
		tsdb_work_lock(true);
		work->stats.last_start = start;
		work->stats.last_finish = GetCurrentTimestamp();
		work->stats.last_rows = turn.rows;
		work->stats.runs++;
		work->stats.rows += turn.rows;
		work->stats.last_bytes = turn.stored_bytes;
		work->stats.bytes += turn.stored_bytes;
		tsdb_work_unlock();
	}

	if (result == STEP_DONE || result == STEP_MORE)
	{
		bool		more = result == STEP_MORE;

		/*
		 * Rows that were counted and not found are of transactions that have not ended, or were rolled back.  The former tell of
		 * themselves as a rule (work_queue.c); some looks more make sure.
		 */
		if (waiting > turn.rows + turn.waiting && work->pause < LAST_PAUSE)
			turn.waiting++;
		if (turn.rows > 0)
			work->pause = 0;
		else if (turn.waiting > 0)
			work->pause = Min(Max(work->pause * 2, Max((TimestampTz) tsdb_compress_after_s * USECS_PER_SEC, USECS_PER_SEC)), MAX_PAUSE);
		pg_atomic_write_u64(&work->look_after, (uint64) (GetCurrentTimestamp() + work->pause));
		tsdb_work_note(work, turn.waiting, start);

		report(&turn, TSDB_PHASE_MERGING, "merging");
		result = work->next_merge <= GetCurrentTimestamp() &&
			(!turn.early || work->last_merge + EARLY_MERGE_INTERVAL <= GetCurrentTimestamp()) ? STEP_MORE : STEP_DONE;
		if (result == STEP_MORE)
			work->last_merge = GetCurrentTimestamp();
		else if (turn.early)
			pg_atomic_write_u32(&work->merge, 1);
		for (int steps = 0; steps < MAX_MERGE_STEPS && result == STEP_MORE; steps++)
			result = run_step(&turn, merge_step, "merge");
		if (result == -1)
			work->next_merge = GetCurrentTimestamp() + FAILED_PAUSE;
		if (more || result == STEP_MORE)
			pg_atomic_write_u32(&work->more, 1);
		if (turn.merged > 0)
		{
			tsdb_work_lock(true);
			work->stats.merged += turn.merged;
			tsdb_work_unlock();
		}
		if (result == STEP_BUSY)
			pg_atomic_write_u32(&work->merge, 1);
		if (result == STEP_DONE || result == STEP_MORE)
			result = vacuum_table(&turn);
		if (result == -1)
			result = STEP_DONE;
	}
	else
	{
		tsdb_work_note(work, waiting, since != 0 ? since : start);
		pg_atomic_write_u32(&work->more, 1);
	}

	end_turn(work, result, 0);
	return result != STEP_GONE;
}
