/*-------------------------------------------------------------------------
 * job_runner.c
 *	  Jobs of tsdb.job: when they are due, and a process that runs one.
 *
 * A job is a function or procedure (integer, jsonb), the user's own or a policy's of schema tsdb.  It runs in a process of its own whose
 * session is its owner's, so that it can do what the owner can and nothing else; procedures may commit.  What
 * comes of it is written to tsdb.job_stat and tsdb.job_error under the extension owner's identity, in a transaction
 * apart, with a search path that the job's session cannot have chosen.
 *
 * next_start is put into the future before a job is started: a crash leaves it to be tried again after retry_period.
 *-------------------------------------------------------------------------
 */
#include "jobs/job_runner.h"

#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_type_d.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "injection.h"
#include "jobs/table_steps.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "pgstat.h"
#include "storage/proc.h"
#include "tcop/pquery.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(tsdb_sql_run_job);
PG_FUNCTION_INFO_V1(tsdb_sql_set_next_start);

/* A job that cannot be started, since all slots are in use, waits for the next look. */
#define START_AGAIN			(10 * USECS_PER_SEC)

/* What a job's row says. */
typedef struct Job
{
	int			id;
	char	   *call;			/* statement with $1 = id, $2 = config */
	bool		has_config;
	Jsonb	   *config;
	int64		max_runtime_ms;	/* 0 = no limit */
} Job;

/* ------------------------------------------------------------------------
 * Under the extension's identity
 * ------------------------------------------------------------------------
 */

typedef struct Identity
{
	Oid			userid;
	int			sec_context;
	int			nestlevel;
} Identity;

static void
become_extension(Identity *save)
{
	GetUserIdAndSecContext(&save->userid, &save->sec_context);
	SetUserIdAndSecContext(BOOTSTRAP_SUPERUSERID, save->sec_context | SECURITY_LOCAL_USERID_CHANGE);
	save->nestlevel = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("row_security", "on", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

static void
become_self(Identity *save)
{
	AtEOXact_GUC(false, save->nestlevel);
	SetUserIdAndSecContext(save->userid, save->sec_context);
}

static int
query(const char *text, int nargs, Oid *types, Datum *values, const char *nulls)
{
	int			result = SPI_execute_with_args(text, nargs, types, values, nulls, false, 0);

	if (result < 0)
		elog(ERROR, "SPI failed on \"%s\": %s", text, SPI_result_code_string(result));
	return (int) SPI_processed;
}

static Datum
column(int row, int number, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, number, isnull);
}

/* ------------------------------------------------------------------------
 * When
 * ------------------------------------------------------------------------
 */

/* Jobs of what is gone, policies of tables that were given away, and new jobs. */
static void
keep_books(void)
{
	/* jobs of tables that are gone, of owners that are gone: nobody else would look after them */
	query("DELETE FROM tsdb.job j WHERE (relation IS NOT NULL AND NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = j.relation))"
		  " OR NOT EXISTS (SELECT FROM pg_authid a WHERE a.oid = j.owner)", 0, NULL, NULL, NULL);
	/*
	 * a policy follows its table to a new owner; what a user wrote does not: it would run as somebody who has not chosen it.  If the last run
	 * failed, perhaps for the old owner has no rights any more, the new one does not wait for its repetition.
	 */
	query("WITH f AS (UPDATE tsdb.job j SET owner = c.relowner FROM pg_class c WHERE c.oid = j.relation AND c.relowner <> j.owner"
		  " AND j.proc_schema = 'tsdb' AND j.proc_name IN ('policy_compression', 'policy_retention') RETURNING j.id)"
		  " UPDATE tsdb.job_stat SET next_start = least(next_start, now()) FROM f WHERE job_id = f.id AND last_failed AND next_start < 'infinity'", 0, NULL, NULL, NULL);
	query("INSERT INTO tsdb.job_stat (job_id, next_start)"
		  " SELECT id, coalesce(initial_start, now()) FROM tsdb.job WHERE NOT EXISTS (SELECT FROM tsdb.job_stat WHERE job_id = id)"
		  " ON CONFLICT DO NOTHING", 0, NULL, NULL, NULL);
}

/* Reserves workers for what is due; returns when the next is, 0 = never. */
static TimestampTz
schedule(void)
{
	TimestampTz now = GetCurrentTimestamp();
	TimestampTz next = 0;
	Oid			types[2] = {INT4OID, TEXTOID};
	Datum		values[2];
	int			njobs;
	SPITupleTable *jobs;

	njobs = query("SELECT j.id, s.next_start, j.owner::oid, a.rolcanlogin, a.rolname::text"
				  " FROM tsdb.job j JOIN tsdb.job_stat s ON s.job_id = j.id JOIN pg_authid a ON a.oid = j.owner"
				  " WHERE j.scheduled AND s.next_start < 'infinity' ORDER BY s.next_start", 0, NULL, NULL, NULL);
	jobs = SPI_tuptable;

	for (int i = 0; i < njobs; i++)
	{
		bool		isnull;
		int			id;
		TimestampTz due;
		Oid			owner;

		SPI_tuptable = jobs;
		id = DatumGetInt32(column(i, 1, &isnull));
		due = DatumGetTimestampTz(column(i, 2, &isnull));
		owner = DatumGetObjectId(column(i, 3, &isnull));
		if (due > now)
		{
			next = next == 0 ? due : Min(next, due);
			break;
		}
		values[0] = Int32GetDatum(id);
		if (!DatumGetBool(column(i, 4, &isnull)))
		{
			values[1] = column(i, 5, &isnull);
			query("WITH f AS (UPDATE tsdb.job_stat SET last_start = now(), last_finish = now(), last_failed = true, total_runs = total_runs + 1,"
				  " total_failures = total_failures + 1, next_start = now() + greatest(schedule_interval, '1 min') FROM tsdb.job WHERE job_id = $1 AND id = $1 RETURNING job_id)"
				  " INSERT INTO tsdb.job_error (job_id, start_time, finish_time, sqlerrcode, err_message)"
				  " SELECT job_id, now(), now(), '28000', format('role \"%s\" is not permitted to log in', $2) FROM f",
				  2, types, values, NULL);
			next = next == 0 ? now + START_AGAIN : Min(next, now + START_AGAIN);
			continue;
		}
		/*
		 * The lock comes first, on a row that is there for all: a worker that is started before we commit waits for it where it reads next_start
		 * (note_run).
		 */
		query("SELECT FROM tsdb.job_stat WHERE job_id = $1 FOR NO KEY UPDATE", 1, types, values, NULL);
		if (tsdb_worker_reserve(MyDatabaseId, TSDB_WORKER_JOB, id, owner) < 0)
		{
			/* it runs still, or there is no slot */
			next = next == 0 ? now + START_AGAIN : Min(next, now + START_AGAIN);
			continue;
		}
		tsdb_work_wake_launcher();
		TSDB_INJECT("job-reserved");
		query("UPDATE tsdb.job_stat SET next_start = now() + greatest(retry_period, '1 s') FROM tsdb.job WHERE job_id = $1 AND id = $1",
			  1, types, values, NULL);
	}
	return next;
}

/* Partitioned tables whose partitions we make, if the extension has such: appended to *relations in cxt. */
static void
list_shards(List **relations, MemoryContext cxt)
{
	int			n;

	if (query("SELECT FROM pg_class WHERE oid = to_regclass('tsdb.shards') AND to_regprocedure('tsdb.extend_shards(regclass)') IS NOT NULL",
			  0, NULL, NULL, NULL) == 0)
		return;
	n = query("SELECT c.oid FROM tsdb.shards s JOIN pg_class c ON c.oid = s.relation", 0, NULL, NULL, NULL);
	for (int i = 0; i < n; i++)
	{
		bool		isnull;
		MemoryContext old_cxt = MemoryContextSwitchTo(cxt);

		*relations = lappend_oid(*relations, DatumGetObjectId(column(i, 1, &isnull)));
		MemoryContextSwitchTo(old_cxt);
	}
}

/* A transaction as the extension. */
static void
begin_as_extension(Identity *save)
{
	StartTransactionCommand();
	PushActiveSnapshot(GetTransactionSnapshot());
	become_extension(save);
	/* users may lock tsdb.job and its rows, and the worker has more to do than to wait for them */
	(void) set_config_option("lock_timeout", "2s", PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	SPI_connect();
}

static void
commit_as_extension(Identity *save)
{
	SPI_finish();
	become_self(save);
	PopActiveSnapshot();
	CommitTransactionCommand();
}

TimestampTz
tsdb_jobs_schedule(void)
{
	MemoryContext cxt = CurrentMemoryContext;
	TimestampTz next;
	Identity	save;
	List	   *shards = NIL;
	ListCell   *lc;

	begin_as_extension(&save);
	keep_books();
	commit_as_extension(&save);
	begin_as_extension(&save);
	next = schedule();
	list_shards(&shards, cxt);
	commit_as_extension(&save);

	foreach(lc, shards)
	{
		TsdbTableWork *work = tsdb_work_find(MyDatabaseId, lfirst_oid(lc), true);
		TimestampTz again;

		if (work == NULL)
			continue;
		again = tsdb_table_extend(work, lfirst_oid(lc));
		next = next == 0 ? again : Min(next, again);
	}
	list_free(shards);
	return next;
}

/* ------------------------------------------------------------------------
 * Running one
 * ------------------------------------------------------------------------
 */

/*
 * Reads the row of a job that the current user may run.  SPI is connected; the result is in cxt.  Others' configs are not theirs to read, so it
 * is read under the extension's identity, and rights are looked at here.
 *
 * A policy does what its table's owner and those above him could do by hand.  What a user wrote is run as nobody but the job's owner: a superuser who
 * tries out somebody's job must not thereby lend him his rights.
 */
static Job *
read_job(int id, MemoryContext cxt)
{
	Oid			types[1] = {INT4OID};
	Datum		values[1];
	Job		   *job = MemoryContextAllocZero(cxt, sizeof(Job));
	bool		isnull;
	Oid			caller = GetUserId();
	Oid			owner;
	bool		is_policy;
	Identity	save;
	int			found;
	MemoryContext old_cxt;

	values[0] = Int32GetDatum(id);
	become_extension(&save);
	found = query("SELECT j.owner::pg_catalog.oid, j.config,"
			  " (pg_catalog.date_part('epoch', j.max_runtime) OPERATOR(pg_catalog.*) 1000)::pg_catalog.int8,"
			  " (SELECT pg_catalog.format(CASE WHEN p.prokind OPERATOR(pg_catalog.=) 'p' THEN 'CALL %I.%I($1, $2)' ELSE 'SELECT %I.%I($1, $2)' END, n.nspname, p.proname)"
			  "  FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace"
			  "  WHERE n.nspname OPERATOR(pg_catalog.=) j.proc_schema AND p.proname OPERATOR(pg_catalog.=) j.proc_name"
			  "  AND p.prokind IN ('p', 'f')"
			  "  AND p.proargtypes OPERATOR(pg_catalog.=) '23 3802'::pg_catalog.oidvector),"
			  " pg_catalog.format('%I.%I(integer, jsonb)', j.proc_schema, j.proc_name),"
			  " j.proc_schema OPERATOR(pg_catalog.=) 'tsdb'"
			  " FROM tsdb.job j WHERE j.id OPERATOR(pg_catalog.=) $1", 1, types, values, NULL);
	become_self(&save);
	if (found == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("job %d does not exist", id)));
	owner = DatumGetObjectId(column(0, 1, &isnull));
	is_policy = DatumGetBool(column(0, 6, &isnull));
	if (!is_member_of_role(caller, owner))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of job %d", id)));
	if (caller != owner && !is_policy)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of job %d", id),
				 errdetail("Its function would run with the rights of role \"%s\" instead of those of its owner \"%s\".",
						   GetUserNameFromId(caller, false), GetUserNameFromId(owner, true)),
				 errhint("tsdb.alter_job(%d, next_start => now()) has a worker run it, as its owner.", id)));

	old_cxt = MemoryContextSwitchTo(cxt);
	job->id = id;
	job->config = (Jsonb *) column(0, 2, &isnull);
	job->has_config = !isnull;
	if (job->has_config)
		job->config = DatumGetJsonbPCopy(PointerGetDatum(job->config));
	job->max_runtime_ms = DatumGetInt64(column(0, 3, &isnull));
	(void) column(0, 4, &isnull);
	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("function or procedure %s does not exist", TextDatumGetCString(column(0, 5, &isnull))),
				 errdetail("Job %d calls it.", id)));
	job->call = TextDatumGetCString(column(0, 4, &isnull));
	MemoryContextSwitchTo(old_cxt);
	return job;
}

/* Runs it within a connection to SPI that may commit. */
static void
call_job(Job *job)
{
	SPIExecuteOptions options;
	ParamListInfo params = makeParamList(2);
	int			result;

	params->params[0].value = Int32GetDatum(job->id);
	params->params[0].isnull = false;
	params->params[0].pflags = PARAM_FLAG_CONST;
	params->params[0].ptype = INT4OID;
	params->params[1].value = PointerGetDatum(job->config);
	params->params[1].isnull = !job->has_config;
	params->params[1].pflags = PARAM_FLAG_CONST;
	params->params[1].ptype = JSONBOID;

	memset(&options, 0, sizeof(options));
	options.params = params;
	options.allow_nonatomic = true;
	result = SPI_execute_extended(job->call, &options);
	if (result < 0)
		elog(ERROR, "SPI failed on \"%s\": %s", job->call, SPI_result_code_string(result));
}

/* CALL tsdb.run_job(id): in the caller's session, and as the caller. */
Datum
tsdb_sql_run_job(PG_FUNCTION_ARGS)
{
	bool		nonatomic = fcinfo->context != NULL && IsA(fcinfo->context, CallContext) &&
		!castNode(CallContext, fcinfo->context)->atomic;
	Job		   *job;
	MemoryContext cxt;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("job_id must not be NULL")));
	cxt = AllocSetContextCreate(TopMemoryContext, "tsdb job", ALLOCSET_SMALL_SIZES);
	PG_TRY();
	{
		SPI_connect_ext(nonatomic ? SPI_OPT_NONATOMIC : 0);
		job = read_job(PG_GETARG_INT32(0), cxt);
		call_job(job);
		SPI_finish();
	}
	PG_FINALLY();
	{
		MemoryContextDelete(cxt);
	}
	PG_END_TRY();
	PG_RETURN_VOID();
}

/* (job_id, next_start), for tsdb.alter_job: users cannot write tsdb.job_stat. */
Datum
tsdb_sql_set_next_start(PG_FUNCTION_ARGS)
{
	Oid			types[2] = {INT4OID, TIMESTAMPTZOID};
	Datum		values[2];
	Identity	save;
	Oid			caller = GetUserId();
	bool		isnull;

	values[0] = PG_GETARG_DATUM(0);
	values[1] = PG_GETARG_DATUM(1);
	become_extension(&save);
	SPI_connect();
	if (query("SELECT owner::oid FROM tsdb.job WHERE id = $1", 1, types, values, NULL) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("job %d does not exist", PG_GETARG_INT32(0))));
	if (!is_member_of_role(caller, DatumGetObjectId(column(0, 1, &isnull))))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be owner of job %d", PG_GETARG_INT32(0))));
	query("INSERT INTO tsdb.job_stat (job_id, next_start) VALUES ($1, $2)"
		  " ON CONFLICT (job_id) DO UPDATE SET next_start = excluded.next_start", 2, types, values, NULL);
	SPI_finish();
	become_self(&save);
	tsdb_work_call_at_commit(TSDB_LOOK_JOBS);
	PG_RETURN_VOID();
}

/* Notes start (finished = false) or end of a run.  *next_start: as the start found it; the end leaves another one alone. */
static void
note_run(int id, bool finished, TimestampTz start, TimestampTz *next_start, int sqlstate, const char *message)
{
	Oid			types[7] = {INT4OID, TIMESTAMPTZOID, BOOLOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, OIDOID};
	Datum		values[7];
	char		nulls[8] = "       ";
	bool		isnull;
	Identity	save;

	StartTransactionCommand();
	/* whatever the owner has for his sessions, or the job has set */
	XactReadOnly = false;
	XactIsoLevel = XACT_READ_COMMITTED;
	PushActiveSnapshot(GetTransactionSnapshot());
	become_extension(&save);
	SPI_connect();

	values[0] = Int32GetDatum(id);
	values[1] = TimestampTzGetDatum(start);
	values[2] = BoolGetDatum(message != NULL);
	values[3] = message != NULL ? CStringGetTextDatum(unpack_sql_state(sqlstate)) : (Datum) 0;
	values[4] = message != NULL ? CStringGetTextDatum(message) : (Datum) 0;
	values[5] = TimestampTzGetDatum(*next_start);
	values[6] = ObjectIdGetDatum(GetAuthenticatedUserId());
	if (message == NULL)
		nulls[3] = nulls[4] = 'n';

	/* in the order in which a DELETE of the job takes its locks */
	(void) query("SELECT FROM tsdb.job WHERE id = $1 FOR KEY SHARE", 1, types, values, nulls);
	if (!finished)
	{
		if (query("UPDATE tsdb.job_stat SET last_start = $2, last_finish = NULL WHERE job_id = $1 RETURNING next_start", 2, types, values, nulls) > 0)
			*next_start = DatumGetTimestampTz(column(0, 1, &isnull));
	}
	else
	{
		/*
		 * after max_retries failures in a row it waits for its schedule again; -1 = as often as need be.  If it has got another owner while it ran,
		 * he tries at once.
		 */
		query("UPDATE tsdb.job_stat s SET last_finish = clock_timestamp(), last_duration = clock_timestamp() - $2, last_failed = $3,"
			  " last_success = CASE WHEN $3 THEN last_success ELSE clock_timestamp() END,"
			  " total_runs = total_runs + 1, total_failures = total_failures + $3::int,"
			  " failures_in_row = CASE WHEN $3 THEN failures_in_row + 1 ELSE 0 END,"
			  " next_start = CASE WHEN s.next_start <> $6 THEN s.next_start WHEN $3 AND j.owner <> $7 THEN clock_timestamp() WHEN $3 AND (j.max_retries < 0 OR s.failures_in_row < j.max_retries)"
			  "   THEN clock_timestamp() + least(j.retry_period * power(2, least(s.failures_in_row, 5)), greatest(j.schedule_interval, j.retry_period))"
			  "   ELSE tsdb.job_next_start($2, j.schedule_interval, j.initial_start, j.timezone) END"
			  " FROM tsdb.job j WHERE j.id = s.job_id AND s.job_id = $1", 7, types, values, nulls);
		if (message != NULL)
		{
			query("INSERT INTO tsdb.job_error (job_id, start_time, finish_time, sqlerrcode, err_message)"
				  " SELECT id, $2, clock_timestamp(), $4, $5 FROM tsdb.job WHERE id = $1", 5, types, values, nulls);
			query("DELETE FROM tsdb.job_error WHERE job_id = $1 AND start_time <= (SELECT start_time FROM tsdb.job_error"
				  " WHERE job_id = $1 ORDER BY start_time DESC OFFSET 100 LIMIT 1)", 1, types, values, nulls);
		}
	}
	SPI_finish();
	become_self(&save);
	PopActiveSnapshot();
	/* the time of the next run is new */
	if (finished)
		tsdb_work_call_at_commit(TSDB_LOOK_JOBS);
	CommitTransactionCommand();
}

/* The job's transactions.  A portal is what SPI commits under. */
static void
run_in_portal(int id, MemoryContext cxt)
{
	Portal		portal;
	Job		   *job;

	StartTransactionCommand();
	portal = CreateNewPortal();
	portal->visible = false;
	PortalDefineQuery(portal, NULL, "tsdb job", CMDTAG_UNKNOWN, NIL, NULL);
	portal->status = PORTAL_ACTIVE;
	ActivePortal = portal;
	PortalContext = portal->portalContext;

	SPI_connect_ext(SPI_OPT_NONATOMIC);
	EnsurePortalSnapshotExists();
	job = read_job(id, cxt);
	if (job->max_runtime_ms > 0)
		enable_timeout_after(STATEMENT_TIMEOUT, (int) Min(job->max_runtime_ms, INT_MAX));
	call_job(job);
	disable_timeout(STATEMENT_TIMEOUT, false);
	SPI_finish();
	if (ActiveSnapshotSet())
		PopActiveSnapshot();
	portal->portalSnapshot = NULL;

	MarkPortalDone(portal);
	PortalDrop(portal, false);
	ActivePortal = NULL;
	PortalContext = NULL;
	CommitTransactionCommand();
}

void
tsdb_job_serve(TsdbWorkerSlot *slot)
{
	MemoryContext cxt = AllocSetContextCreate(TopMemoryContext, "tsdb job", ALLOCSET_DEFAULT_SIZES);
	int			id = slot->job_id;
	TimestampTz start = GetCurrentTimestamp();
	TimestampTz next_start = start;
	ErrorData  *volatile error = NULL;

	pgstat_report_activity(STATE_RUNNING, psprintf("tsdb: job %d", id));
	note_run(id, false, start, &next_start, 0, NULL);
	PG_TRY();
	{
		run_in_portal(id, cxt);
	}
	PG_CATCH();
	{
		HOLD_INTERRUPTS();
		disable_timeout(STATEMENT_TIMEOUT, false);
		MemoryContextSwitchTo(cxt);
		error = CopyErrorData();
		errcontext("job %d", id);
		EmitErrorReport();
		ActivePortal = NULL;
		PortalContext = NULL;
		AbortOutOfAnyTransaction();
		FlushErrorState();
		QueryCancelPending = false;
		RESUME_INTERRUPTS();
	}
	PG_END_TRY();

	MemoryContextSwitchTo(cxt);
	note_run(id, true, start, &next_start, error != NULL ? error->sqlerrcode : 0,
			 error == NULL ? NULL : error->message != NULL ? error->message : "unknown error");
	pgstat_report_stat(true);
}
