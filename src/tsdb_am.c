/*-------------------------------------------------------------------------
 * tsdb_am.c
 *	  Module load: settings, hooks, label provider.
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/xact.h"
#include "agg/tsdb_agg.h"
#include "am/direct_load.h"
#include "am/row_access.h"
#include "am/row_lock.h"
#include "cagg/cagg.h"
#include "chunk/codec_stats.h"
#include "fmgr.h"
#include "guc.h"
#include "index/chunk_index.h"
#include "injection.h"
#include "jobs/launcher.h"
#include "miscadmin.h"
#include "options/table_options.h"
#include "scan/bitmap_scan.h"
#include "scan/tsdb_scan.h"
#include "sqlfunc/shard_moves.h"
#include "tcop/utility.h"
#include "timeseries/asof.h"
#include "timeseries/gapfill.h"
#include "utils/snapmgr.h"

PG_MODULE_MAGIC;

void		_PG_init(void);

static ProcessUtility_hook_type prev_process_utility = NULL;

static void
run_utility(PlannedStmt *pstmt, const char *queryString, bool readOnlyTree,
			ProcessUtilityContext context, ParamListInfo params, QueryEnvironment *queryEnv,
			DestReceiver *dest, QueryCompletion *qc)
{
	if (prev_process_utility)
		prev_process_utility(pstmt, queryString, readOnlyTree, context, params, queryEnv, dest, qc);
	else
		standard_ProcessUtility(pstmt, queryString, readOnlyTree, context, params, queryEnv, dest, qc);
}

/*
 * COPY FROM gets a frame for direct load.  Statements that can carry our options are run on a
 * copy without them, and the options are applied afterwards.
 */
static void
tsdb_process_utility(PlannedStmt *pstmt, const char *queryString, bool readOnlyTree,
					 ProcessUtilityContext context, ParamListInfo params, QueryEnvironment *queryEnv,
					 DestReceiver *dest, QueryCompletion *qc)
{
	Node	   *stmt;
	bool		is_create_extension;
	bool		is_ddl;

	if (tsdb_cagg_before_utility(&pstmt, queryString, qc))
		return;
	stmt = pstmt->utilityStmt;
	is_create_extension = IsA(stmt, CreateExtensionStmt);
	is_ddl = tsdb_cagg_is_ddl(stmt);

	tsdb_jobs_before_utility(stmt);
	if (IsA(stmt, CopyStmt) && ((CopyStmt *) stmt)->is_from)
	{
		void	   *frame = tsdb_direct_load_copy_begin((CopyStmt *) stmt);

		run_utility(pstmt, queryString, readOnlyTree, context, params, queryEnv, dest, qc);
		tsdb_direct_load_copy_end(frame);
	}
	else if (IsA(stmt, ExecuteStmt))
	{
		bool		pushed = tsdb_shard_moves_push_snapshot((ExecuteStmt *) stmt);

		run_utility(pstmt, queryString, readOnlyTree, context, params, queryEnv, dest, qc);
		if (pushed)
			PopActiveSnapshot();
	}
	else if (tsdb_option_ddl_applies(stmt))
	{
		PlannedStmt *copy = copyObject(pstmt);
		TsdbOptionDdl *ddl = tsdb_option_ddl_before(copy->utilityStmt);

		run_utility(copy, queryString, false, context, params, queryEnv, dest, qc);
		if (ddl != NULL)
			tsdb_option_ddl_after(ddl, copy->utilityStmt);
	}
	else
		run_utility(pstmt, queryString, readOnlyTree, context, params, queryEnv, dest, qc);
	/* stmt may be gone after COMMIT and the like */
	if (is_create_extension)
		tsdb_jobs_after_create_extension((CreateExtensionStmt *) stmt);
	if (is_ddl)
		tsdb_cagg_after_utility(stmt);
}

void
_PG_init(void)
{
	if (!process_shared_preload_libraries_in_progress)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("tsdb_am must be loaded via shared_preload_libraries"),
				 errhint("Add tsdb_am to shared_preload_libraries in postgresql.conf and restart the server.")));

	/* before the prefix is reserved */
	TSDB_INJECT_INIT();
	tsdb_guc_init();
	tsdb_options_init();
	tsdb_direct_load_init();
	tsdb_row_access_init();
	tsdb_row_lock_init();
	tsdb_bitmap_scan_init();
	tsdb_scan_init();
	tsdb_agg_init();
	tsdb_asof_init();
	tsdb_codec_stats_init();
	tsdb_chunk_index_init();
	tsdb_jobs_init();
	tsdb_shard_moves_init();
	tsdb_cagg_init();
	/* last: its planner hook has to see a query before the others do */
	tsdb_gapfill_init();

	prev_process_utility = ProcessUtility_hook;
	ProcessUtility_hook = tsdb_process_utility;
}
