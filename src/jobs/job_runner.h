/*-------------------------------------------------------------------------
 * job_runner.h
 *	  Jobs of tsdb.job: when they are due, and a process that runs one.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_JOB_RUNNER_H
#define TSDB_JOB_RUNNER_H

#include "jobs/work_queue.h"

/*
 * In a worker on tables: asks for a process for each job that is due, and deletes jobs whose table or owner is gone.  Returns when the next
 * one is due; 0 = none.  Uses transactions of its own.
 */
extern TimestampTz tsdb_jobs_schedule(void);

/* In a worker for a job, connected as the job's owner: runs it and notes what came of it. */
extern void tsdb_job_serve(TsdbWorkerSlot *slot);

#endif							/* TSDB_JOB_RUNNER_H */
