/*-------------------------------------------------------------------------
 * job_info.c
 *	  What views show of the workers, and who may change jobs.
 *
 * Used by tsdb.jobs, tsdb.job_errors and tsdb.stat_progress_compress; the trigger guards tsdb.job.
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/htup_details.h"
#include "catalog/pg_authid_d.h"
#include "catalog/pg_class.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_type_d.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "guc.h"
#include "jobs/work_queue.h"
#include "miscadmin.h"
#include "options/table_options.h"
#include "sqlfunc/table_access.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(tsdb_sql_job_guard);
PG_FUNCTION_INFO_V1(tsdb_sql_table_jobs);
PG_FUNCTION_INFO_V1(tsdb_sql_worker_info);
PG_FUNCTION_INFO_V1(tsdb_sql_policy_columns);

/*
 * May the user write this row?  A table that is gone is nobody's, so that a job of it can be deleted; but no row may come to name one: somebody
 * else's new table could get the number, and the policy with it (schedule() gives policies to their table's owner).
 */
static void
require_rights(HeapTuple tuple, TupleDesc tupdesc, bool written)
{
	bool		isnull;
	Oid			user = GetUserId();
	Oid			owner;
	Oid			relation;

	/* (NULL is refused by the table) */
	owner = DatumGetObjectId(SPI_getbinval(tuple, tupdesc, SPI_fnumber(tupdesc, "owner"), &isnull));
	if (!isnull && !superuser_arg(user) && !(OidIsValid(owner) && is_member_of_role(user, owner)))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("must be member of the role that owns the job")));
	relation = DatumGetObjectId(SPI_getbinval(tuple, tupdesc, SPI_fnumber(tupdesc, "relation"), &isnull));
	if (isnull)
		return;
	if (get_rel_relkind(relation) == '\0')
	{
		if (written)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_TABLE),
					 errmsg("relation with OID %u does not exist", relation)));
	}
	else if (!object_ownercheck(RelationRelationId, relation, user))
		aclcheck_error(ACLCHECK_NOT_OWNER, get_relkind_objtype(get_rel_relkind(relation)), get_rel_name(relation));
}

/* An interval of a job, as the table's checks want it; they would show the whole row. */
static void
require_interval(HeapTuple tuple, TupleDesc tupdesc, const char *column, int64 least_s, int most_years)
{
	Interval	least = {.time = least_s * USECS_PER_SEC};
	Interval	most = {.month = most_years * MONTHS_PER_YEAR};
	bool		isnull;
	Datum		value = SPI_getbinval(tuple, tupdesc, SPI_fnumber(tupdesc, column), &isnull);
	const Interval *interval = DatumGetIntervalP(value);

	/* (NULL is refused by the table) */
	if (isnull)
		return;
	if (interval->month < 0 || interval->day < 0 || interval->time < 0 ||
		DatumGetBool(DirectFunctionCall2(interval_lt, value, IntervalPGetDatum(&least))) ||
		DatumGetBool(DirectFunctionCall2(interval_gt, value, IntervalPGetDatum(&most))))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s of a job is out of range", column),
				 errdetail("It must be between %d s and %d years, and no part of it negative.", (int) least_s, most_years)));
}

/* When a job runs. */
static void
require_schedule(HeapTuple tuple, TupleDesc tupdesc)
{
	bool		isnull;
	int32		retries;

	require_interval(tuple, tupdesc, "schedule_interval", 1, 100);
	require_interval(tuple, tupdesc, "retry_period", 1, 100);
	require_interval(tuple, tupdesc, "max_runtime", 0, 1);
	retries = DatumGetInt32(SPI_getbinval(tuple, tupdesc, SPI_fnumber(tupdesc, "max_retries"), &isnull));
	if (!isnull && retries < -1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_retries of a job is out of range"),
				 errdetail("It must be -1, for no limit, or more.")));
}

/*
 * Before a row of tsdb.job is written: everybody may write rows of roles that he is a member of and, if they name a table, of tables that
 * he owns, and no others, by the functions, by restoring a dump, or directly.  What a row makes a worker do it does as the row's owner.
 */
Datum
tsdb_sql_job_guard(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	TupleDesc	tupdesc;
	HeapTuple	result;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_FOR_ROW(trigger->tg_event) || !TRIGGER_FIRED_BEFORE(trigger->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" must be called as a trigger before each row", "tsdb.job_guard")));

	tupdesc = RelationGetDescr(trigger->tg_relation);
	result = TRIGGER_FIRED_BY_UPDATE(trigger->tg_event) ? trigger->tg_newtuple : trigger->tg_trigtuple;
	require_rights(trigger->tg_trigtuple, tupdesc, TRIGGER_FIRED_BY_INSERT(trigger->tg_event));
	if (TRIGGER_FIRED_BY_UPDATE(trigger->tg_event))
		require_rights(result, tupdesc, true);
	if (!TRIGGER_FIRED_BY_DELETE(trigger->tg_event))
		require_schedule(result, tupdesc);
	tsdb_work_call_at_commit(TSDB_LOOK_JOBS);
	return PointerGetDatum(result);
}

static inline void
put_time(TimestampTz time, int i, Datum *values, bool *nulls)
{
	values[i] = TimestampTzGetDatum(time);
	nulls[i] = time == 0;
}

/* Automatic jobs of this database's tables that the user may read; errors are for owners. */
Datum
tsdb_sql_table_jobs(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; tsdb_work_queue_exists() && i < tsdb_work_tables; i++)
	{
		Oid			database;
		Oid			relation;
		TsdbTableWork *work = tsdb_work_get(i, &database, &relation);
		TsdbWorkStats stats;
		Datum		values[17] = {0};
		bool		nulls[17] = {0};
		bool		owner;

		if (work == NULL || database != MyDatabaseId || get_rel_relkind(relation) == '\0')
			continue;
		owner = object_ownercheck(RelationRelationId, relation, GetUserId());
		if (!owner && pg_class_aclcheck(relation, GetUserId(), ACL_SELECT) != ACLCHECK_OK)
			continue;

		tsdb_work_lock(false);
		stats = work->stats;
		tsdb_work_unlock();

		values[0] = ObjectIdGetDatum(relation);
		values[1] = Int64GetDatum((int64) pg_atomic_read_u64(&work->waiting));
		values[2] = BoolGetDatum(pg_atomic_read_u32(&work->claimed) != 0);
		put_time(tsdb_work_due(work) == 1 ? GetCurrentTimestamp() : tsdb_work_due(work), 3, values, nulls);
		put_time(stats.last_start, 4, values, nulls);
		put_time(stats.last_finish, 5, values, nulls);
		values[6] = Int64GetDatum(stats.last_rows);
		values[7] = Int64GetDatum(stats.last_bytes);
		values[8] = Int64GetDatum(stats.runs);
		values[9] = Int64GetDatum(stats.rows);
		values[10] = Int64GetDatum(stats.bytes);
		values[11] = Int64GetDatum(stats.merged);
		values[12] = Int64GetDatum(stats.vacuums);
		values[13] = Int64GetDatum(stats.failures);
		put_time(owner ? stats.error_at : 0, 14, values, nulls);
		nulls[15] = nulls[16] = nulls[14];
		if (!nulls[14])
		{
			values[15] = CStringGetTextDatum(unpack_sql_state(stats.sqlstate));
			values[16] = CStringGetTextDatum(stats.error);
		}
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/*
 * Workers of all databases.  As in pg_stat_progress_vacuum, all see that a worker runs and where; what it works on, and how, is shown to the
 * table's or job's owner and to members of pg_read_all_stats.
 */
Datum
tsdb_sql_worker_info(PG_FUNCTION_ARGS)
{
	static const char *const phases[] = {"waiting", "compressing", "merging", "vacuuming", "making partitions", "running job"};
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; tsdb_work_queue_exists() && i < TSDB_WORKER_SLOTS; i++)
	{
		TsdbWorkerSlot *slot = tsdb_worker_slot(i);
		TsdbWorkerState state;
		Datum		values[12] = {0};
		bool		nulls[12] = {0};
		int			pid,
					job_id;
		Oid			database;
		TsdbWorkerKind kind;
		Oid			relation;
		Oid			role;
		bool		hidden;

		tsdb_work_lock(false);
		state = slot->state;
		role = slot->role;
		pid = slot->pid;
		database = slot->database;
		job_id = slot->job_id;
		kind = slot->kind;
		tsdb_work_unlock();
		if (state != TSDB_SLOT_RUNNING)
			continue;

		relation = pg_atomic_read_u32(&slot->relation);
		if (has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS))
			hidden = false;
		else if (kind == TSDB_WORKER_JOB)
			hidden = !has_privs_of_role(GetUserId(), role);
		else
			hidden = database != MyDatabaseId || (OidIsValid(relation) && !object_ownercheck(RelationRelationId, relation, GetUserId()));
		values[0] = Int32GetDatum(pid);
		values[1] = ObjectIdGetDatum(database);
		values[2] = ObjectIdGetDatum(relation);
		nulls[2] = !OidIsValid(relation) || hidden;
		values[3] = Int32GetDatum(job_id);
		nulls[3] = kind != TSDB_WORKER_JOB || hidden;
		values[4] = CStringGetTextDatum(kind == TSDB_WORKER_JOB ? phases[TSDB_PHASE_JOB] :
										phases[Min(pg_atomic_read_u32(&slot->phase), TSDB_PHASE_JOB)]);
		put_time((TimestampTz) pg_atomic_read_u64(&slot->started), 5, values, nulls);
		values[6] = Int64GetDatum((int64) pg_atomic_read_u64(&slot->blocks_total));
		values[7] = Int64GetDatum((int64) pg_atomic_read_u64(&slot->blocks_done));
		values[8] = Int64GetDatum((int64) pg_atomic_read_u64(&slot->rows));
		values[9] = Int64GetDatum((int64) pg_atomic_read_u64(&slot->chunks));
		values[10] = Int64GetDatum((int64) pg_atomic_read_u64(&slot->bytes));
		nulls[4] = hidden;
		if (!OidIsValid(relation) || hidden)
		{
			for (int k = 5; k <= 10; k++)
				nulls[k] = true;
		}
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* Time column and series of a table of ours, as far as they are known without looking at rows. */
Datum
tsdb_sql_policy_columns(PG_FUNCTION_ARGS)
{
	Relation	rel = tsdb_table_open_visible(PG_GETARG_OID(0));
	TsdbTableOptions options;
	TupleDesc	tupdesc;
	Datum		values[3];
	bool		nulls[3] = {false};
	Datum		names[TSDB_MAX_SERIES_COLUMNS];
	HeapTuple	tuple;

	if (rel == NULL)
		PG_RETURN_NULL();
	if (get_call_result_type(fcinfo, NULL, &tupdesc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	tsdb_options_get(rel, &options);
	nulls[0] = nulls[1] = options.time_attnum == InvalidAttrNumber;
	if (!nulls[0])
	{
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), options.time_attnum - 1);

		values[0] = NameGetDatum(&att->attname);
		values[1] = ObjectIdGetDatum(att->atttypid);
	}
	nulls[2] = options.nseries == 0;
	for (int i = 0; i < options.nseries; i++)
		names[i] = NameGetDatum(&TupleDescAttr(RelationGetDescr(rel), options.series[i] - 1)->attname);
	if (!nulls[2])
		values[2] = PointerGetDatum(construct_array(names, options.nseries, NAMEOID, NAMEDATALEN, false, TYPALIGN_CHAR));
	tuple = heap_form_tuple(BlessTupleDesc(tupdesc), values, nulls);
	tsdb_table_close_visible(rel);
	return HeapTupleGetDatum(tuple);
}
