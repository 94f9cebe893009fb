/*-------------------------------------------------------------------------
 * worker.h
 *	  A background worker: serves the tables of one database, or runs one job.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_WORKER_H
#define TSDB_WORKER_H

#include "compat.h"

#include "fmgr.h"

/* Entry point; arg: the worker's slot. */
extern PGDLLEXPORT void tsdb_worker_main(Datum arg);

#endif							/* TSDB_WORKER_H */
