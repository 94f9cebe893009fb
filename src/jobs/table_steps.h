/*-------------------------------------------------------------------------
 * table_steps.h
 *	  What a worker does for one table: compress, merge, vacuum, partitions ahead.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_TABLE_STEPS_H
#define TSDB_TABLE_STEPS_H

#include "jobs/work_queue.h"

/*
 * All that the table needs now, in transactions of its own; the caller is in none, and has claimed the entry.  Errors are logged and
 * noted in the entry.  False: the table is gone, or not ours any more.
 */
extern bool tsdb_table_serve(TsdbTableWork *work, Oid relation);

/*
 * For a partitioned table in tsdb.shards, once a minute: makes partitions ahead, and moves rows out of the default one.  Returns when to call again.
 */
extern TimestampTz tsdb_table_extend(TsdbTableWork *work, Oid relation);

/* Rests after so many bytes, by tsdb_am.worker_cost_limit; serves interrupts in any case. */
extern void tsdb_worker_rest(int64 bytes);

#endif							/* TSDB_TABLE_STEPS_H */
