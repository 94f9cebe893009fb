/*-------------------------------------------------------------------------
 * row_access.c
 *	  What changes and fetches of single chunk rows need, kept open while their statement runs.
 *
 * Used by chunk_dml.c and tsdb_handler.c.
 *
 * An access belongs to the query that was running when it was made, and to its resource owner, and is used
 * by no other: so that it is closed under the owner it was opened under, that a nested statement's snapshots are
 * not taken for an outer one's, that of queries which run in turns (of functions that return sets) each has its own, and
 * that DDL which follows the statement finds the table unused.  It is closed when the query ends.  Outside of the executor (logical apply, COPY) nothing is kept.
 *
 * After an error owners give back locks, pins and references themselves; here memory goes.  An open cursor outlives a
 * savepoint that is rolled back, and so does its access: the owner, not the subtransaction, decides.
 *-------------------------------------------------------------------------
 */
#include "am/row_access.h"

#include "access/xact.h"
#include "executor/executor.h"
#include "optimizer/planner.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"

static TsdbRowAccess *accesses = NULL;
static QueryDesc *run_query = NULL; /* innermost that runs or finishes */
static ResourceOwner run_owner = NULL;	/* under which it does */

static planner_hook_type prev_planner = NULL;
static ExecutorRun_hook_type prev_executor_run = NULL;
static ExecutorFinish_hook_type prev_executor_finish = NULL;
static ExecutorEnd_hook_type prev_executor_end = NULL;

/* Tells who has something in it that is lost with it. */
static void
forget_delete(TsdbRowAccess *access)
{
	if (access->bulk != NULL)
		access->forget_delete(access);
	access->bulk = NULL;
}

static void
close_access(TsdbRowAccess *access)
{
	forget_delete(access);
	if (access->slot != NULL)
		ExecDropSingleTupleTableSlot(access->slot);
	tsdb_cursor_end(access->cursor);
	if (access->store != NULL)
		tsdb_store_close(access->store);
	RelationDecrementReferenceCount(access->rel);
	MemoryContextDelete(access->cxt);
}

bool
tsdb_row_access_is_kept(void)
{
	/* under another owner: a subtransaction of a function that the query calls, say */
	return run_query != NULL && CurrentResourceOwner == run_owner;
}

TsdbRowAccess *
tsdb_row_access_get(Relation rel)
{
	bool		keep = tsdb_row_access_is_kept();
	TsdbRowAccess *access;
	MemoryContext cxt;
	MemoryContext old;

	for (access = accesses; keep && access != NULL; access = access->next)
	{
		if (access->query == run_query && access->owner == CurrentResourceOwner &&
			RelationGetRelid(access->rel) == RelationGetRelid(rel))
			return access;
	}

	cxt = AllocSetContextCreate(keep ? TopMemoryContext : CurrentMemoryContext,
								"tsdb row access", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(cxt);
	access = palloc0(sizeof(TsdbRowAccess));
	access->cxt = cxt;
	access->rel = rel;
	access->owner = CurrentResourceOwner;
	access->query = keep ? run_query : NULL;
	access->cursor = tsdb_cursor_begin(rel, NULL);
	RelationIncrementReferenceCount(rel);
	if (keep)
	{
		access->next = accesses;
		accesses = access;
	}
	MemoryContextSwitchTo(old);
	return access;
}

void
tsdb_row_access_each(Oid relid, void (*visit) (TsdbRowAccess *access, Snapshot snapshot), Snapshot snapshot)
{
	TsdbRowAccess *access;

	for (access = accesses; access != NULL; access = access->next)
	{
		if (RelationGetRelid(access->rel) == relid)
			visit(access, snapshot);
	}
}

void
tsdb_row_access_put(TsdbRowAccess *access)
{
	if (access->query == NULL)
		close_access(access);
}

TsdbStore *
tsdb_row_access_store(TsdbRowAccess *access)
{
	if (access->store == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(access->cxt);

		access->store = tsdb_store_open(access->rel, RowExclusiveLock);
		MemoryContextSwitchTo(old);
		if (access->store == NULL)
			elog(ERROR, "table \"%s\" has lost its TOAST relation", RelationGetRelationName(access->rel));
	}
	return access->store;
}

TupleTableSlot *
tsdb_row_access_slot(TsdbRowAccess *access)
{
	if (access->slot == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(access->cxt);

		access->slot = MakeSingleTupleTableSlot(RelationGetDescr(access->rel), &TTSOpsTsdb);
		MemoryContextSwitchTo(old);
	}
	return access->slot;
}

/* Closes those of a query that ends. */
static void
close_of_query(QueryDesc *query)
{
	ResourceOwner owner = CurrentResourceOwner;
	TsdbRowAccess **link = &accesses;

	while (*link != NULL)
	{
		TsdbRowAccess *access = *link;

		if (access->query == query)
		{
			*link = access->next;
			/* a query can be run under other owners than it is ended under */
			CurrentResourceOwner = access->owner;
			close_access(access);
			CurrentResourceOwner = owner;
		}
		else
			link = &access->next;
	}
}

static bool
is_within(ResourceOwner owner, ResourceOwner ancestor)
{
	for (; owner != NULL; owner = ResourceOwnerGetParent(owner))
	{
		if (owner == ancestor)
			return true;
	}
	return false;
}

/* Forgets those of a resource owner that fails, and of those within it; NULL: all. */
static void
forget(ResourceOwner owner)
{
	TsdbRowAccess **link = &accesses;

	while (*link != NULL)
	{
		TsdbRowAccess *access = *link;

		if (owner == NULL || is_within(access->owner, owner))
		{
			*link = access->next;
			forget_delete(access);
			MemoryContextDelete(access->cxt);
		}
		else
			link = &access->next;
	}
}

/*
 * The planner reads the ends of indexes.  For a statement of a function it does so under the owner of the query that calls the
 * function, but what it opens must not stay to that query's end: the function may go on with DDL.
 */
static PlannedStmt *
access_planner(Query *parse, const char *query_string, int cursor_options, ParamListInfo params)
{
	QueryDesc  *outer_query = run_query;
	PlannedStmt *result;

	run_query = NULL;
	PG_TRY();
	{
		if (prev_planner)
			result = prev_planner(parse, query_string, cursor_options, params);
		else
			result = standard_planner(parse, query_string, cursor_options, params);
	}
	PG_FINALLY();
	{
		run_query = outer_query;
	}
	PG_END_TRY();
	return result;
}

static void
access_executor_run(EXECUTOR_RUN_PARAMETERS)
{
	QueryDesc  *outer_query = run_query;
	ResourceOwner outer_owner = run_owner;

	run_query = query;
	run_owner = CurrentResourceOwner;
	PG_TRY();
	{
		if (prev_executor_run)
			prev_executor_run(EXECUTOR_RUN_ARGUMENTS);
		else
			standard_ExecutorRun(EXECUTOR_RUN_ARGUMENTS);
	}
	PG_FINALLY();
	{
		run_query = outer_query;
		run_owner = outer_owner;
	}
	PG_END_TRY();
}

/* A plain DELETE has gone through its rows; AFTER triggers come next. */
static void
finish_delete(QueryDesc *query)
{
	TsdbRowAccess *access;

	for (access = accesses; access != NULL; access = access->next)
	{
		if (access->bulk != NULL && access->query == query)
			access->finish_delete(access);
	}
}

static void
access_executor_finish(QueryDesc *query)
{
	QueryDesc  *outer_query = run_query;
	ResourceOwner outer_owner = run_owner;

	run_query = query;
	run_owner = CurrentResourceOwner;
	PG_TRY();
	{
		if (accesses != NULL && query->operation == CMD_DELETE && !query->plannedstmt->hasModifyingCTE)
			finish_delete(query);
		if (prev_executor_finish)
			prev_executor_finish(query);
		else
			standard_ExecutorFinish(query);
	}
	PG_FINALLY();
	{
		run_query = outer_query;
		run_owner = outer_owner;
	}
	PG_END_TRY();
}

static void
access_executor_end(QueryDesc *query)
{
	if (prev_executor_end)
		prev_executor_end(query);
	else
		standard_ExecutorEnd(query);

	/* its slots have let go of what ours hold */
	if (accesses != NULL)
		close_of_query(query);
}

static void
access_xact_callback(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PARALLEL_COMMIT:
		case XACT_EVENT_PREPARE:
			Assert(accesses == NULL);
			break;
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PARALLEL_ABORT:
			forget(NULL);
			break;
		default:
			break;
	}
}

static void
access_subxact_callback(SubXactEvent event, SubTransactionId subid, SubTransactionId parent, void *arg)
{
	/* the owner of the subtransaction that fails is the current one */
	if (event == SUBXACT_EVENT_ABORT_SUB)
		forget(CurrentResourceOwner);
}

void
tsdb_row_access_init(void)
{
	prev_planner = planner_hook;
	planner_hook = access_planner;
	prev_executor_run = ExecutorRun_hook;
	ExecutorRun_hook = access_executor_run;
	prev_executor_finish = ExecutorFinish_hook;
	ExecutorFinish_hook = access_executor_finish;
	prev_executor_end = ExecutorEnd_hook;
	ExecutorEnd_hook = access_executor_end;
	RegisterXactCallback(access_xact_callback, NULL);
	RegisterSubXactCallback(access_subxact_callback, NULL);
}
