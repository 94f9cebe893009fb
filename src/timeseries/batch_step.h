/*-------------------------------------------------------------------------
 * batch_step.h
 *	  Transitions of this extension's aggregates over many rows of one group at once.
 *
 * For whoever has the arguments of an aggregate as arrays.  A batch step does what the aggregate's transition function would do if it were called
 * for each of the rows in turn, to the same state: combine, serialisation and final functions go on with it, and the two may be mixed.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_BATCH_STEP_H
#define TSDB_BATCH_STEP_H

#include "postgres.h"

#include "fmgr.h"

/* An argument of the aggregate, of all rows of a batch. */
typedef struct TsdbStepArg
{
	const Datum *values;		/* by-value ones of less than 8 bytes are sign-extended */
	const bool *isnull;			/* NULL: none is */
	bool		constant;		/* all rows have what the first one has */
} TsdbStepArg;

typedef struct TsdbStepBatch
{
	uint64		serial;			/* another one for each batch; by-reference values stay where they are as long as it is the same */
	TsdbStepArg args[FUNC_MAX_ARGS];
} TsdbStepBatch;

/*
 * Adds rows first .. first + n - 1 of a batch, n > 0.  fcinfo: of the transition function; its arguments are not set.  state: NULL at first.
 * Returns the state.
 */
typedef void *(*TsdbBatchStep) (FunctionCallInfo fcinfo, void *state, const TsdbStepBatch *batch, int first, int n);

/* The batch step of a transition function; NULL: it has none. */
extern TsdbBatchStep tsdb_batch_step_find(PGFunction step);

static inline bool
tsdb_step_isnull(const TsdbStepArg *arg, int row)
{
	return arg->isnull != NULL && arg->isnull[row];
}

/* Those that there are, each in its aggregate's file. */
extern void *tsdb_histogram_batch(FunctionCallInfo fcinfo, void *state, const TsdbStepBatch *batch, int first, int n);
extern void *tsdb_counter_batch(FunctionCallInfo fcinfo, void *state, const TsdbStepBatch *batch, int first, int n);
extern void *tsdb_counter_batch_time_first(FunctionCallInfo fcinfo, void *state, const TsdbStepBatch *batch, int first, int n);
extern void *tsdb_time_weight_batch(FunctionCallInfo fcinfo, void *state, const TsdbStepBatch *batch, int first, int n);
extern void *tsdb_lttb_batch(FunctionCallInfo fcinfo, void *state, const TsdbStepBatch *batch, int first, int n);
extern void *tsdb_candlestick_batch(FunctionCallInfo fcinfo, void *state, const TsdbStepBatch *batch, int first, int n);
extern void *tsdb_percentile_batch(FunctionCallInfo fcinfo, void *state, const TsdbStepBatch *batch, int first, int n);
extern void *tsdb_uddsketch_batch(FunctionCallInfo fcinfo, void *state, const TsdbStepBatch *batch, int first, int n);
extern void *tsdb_approx_count_distinct_batch(FunctionCallInfo fcinfo, void *state, const TsdbStepBatch *batch, int first, int n);
extern void *tsdb_hyperloglog_batch(FunctionCallInfo fcinfo, void *state, const TsdbStepBatch *batch, int first, int n);

#endif							/* TSDB_BATCH_STEP_H */
