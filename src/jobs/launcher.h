/*-------------------------------------------------------------------------
 * launcher.h
 *	  The process that starts background workers, and what other sessions tell it.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_LAUNCHER_H
#define TSDB_LAUNCHER_H

#include "compat.h"

#include "fmgr.h"
#include "nodes/parsenodes.h"

/* At module load: shared memory, the launcher's registration, the count of rows. */
extern void tsdb_jobs_init(void);

/* Around utility statements: workers leave databases that are dropped, moved, renamed or copied; CREATE EXTENSION calls them. */
extern void tsdb_jobs_before_utility(Node *stmt);
extern void tsdb_jobs_after_create_extension(CreateExtensionStmt *stmt);

extern PGDLLEXPORT void tsdb_launcher_main(Datum arg);

#endif							/* TSDB_LAUNCHER_H */
