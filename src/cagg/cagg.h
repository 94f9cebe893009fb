/*-------------------------------------------------------------------------
 * cagg.h
 *	  Continuous aggregates, for the rest of the library.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_CAGG_H
#define TSDB_CAGG_H

#include "compat.h"

#include "nodes/plannodes.h"
#include "tcop/dest.h"
#include "tcop/cmdtag.h"

/* Hooks and callbacks; called once from _PG_init. */
extern void tsdb_cagg_init(void);

/*
 * Before a utility statement runs.  True: it was one of ours and has been executed.  Otherwise *pstmt may have been
 * replaced by a changed copy.
 */
extern bool tsdb_cagg_before_utility(PlannedStmt **pstmt, const char *query_string, QueryCompletion *qc);

/* Is it one that tsdb_cagg_after_utility wants to know of?  To be asked before it runs. */
extern bool tsdb_cagg_is_ddl(Node *stmt);
/* After it ran */
extern void tsdb_cagg_after_utility(Node *stmt);

#endif							/* TSDB_CAGG_H */
