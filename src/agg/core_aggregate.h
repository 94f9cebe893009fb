/*-------------------------------------------------------------------------
 * core_aggregate.h
 *	  An aggregate as the executor computes it: by transition, serialisation and final functions.
 *
 * The functions are called as from an Agg node: with an AggState as context, in whose aggregate context they keep what
 * they need.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_CORE_AGGREGATE_H
#define TSDB_CORE_AGGREGATE_H

#include "compat.h"

#include "fmgr.h"
#include "nodes/execnodes.h"
#include "timeseries/batch_step.h"

typedef struct TsdbCoreState
{
	Datum		value;
	bool		isnull;
	bool		no_value;		/* strict transition, no row so far */
} TsdbCoreState;

typedef struct TsdbCoreAggregate
{
	const Aggref *aggref;
	bool		serialize;		/* partial: states are handed on, not finished */
	int			nargs;			/* of the transition function, without the state */
	Oid			trans_oid;
	Oid			final_oid;
	FmgrInfo	trans;
	FunctionCallInfo trans_fcinfo;
	FmgrInfo	final;
	int			final_nargs;
	FmgrInfo	serial;
	FmgrInfo	deserial;
	bool		has_deserial;
	int16		trans_len;
	bool		trans_byval;
	int16		result_len;
	bool		result_byval;
	Datum		init_value;
	bool		init_isnull;
	AggState   *context;		/* what functions see */
} TsdbCoreAggregate;

/* An AggState that is none, for functions that ask for their aggregate context; states live in what it has for them. */
extern AggState *tsdb_core_context_create(EState *estate);
extern void tsdb_core_context_reset(AggState *context);
extern Size tsdb_core_context_bytes(AggState *context);

/* Looks up the functions and checks the rights of user and owner. */
extern TsdbCoreAggregate *tsdb_core_aggregate_create(const Aggref *aggref, AggState *context);

extern void tsdb_core_init(TsdbCoreAggregate *agg, TsdbCoreState *state);
/* One row; args: of the aggregate. */
extern void tsdb_core_add(TsdbCoreAggregate *agg, TsdbCoreState *state, const NullableDatum *args);
/* n rows by a batch step of the transition function. */
extern void tsdb_core_add_batch(TsdbCoreAggregate *agg, TsdbCoreState *state, TsdbBatchStep step, const TsdbStepBatch *batch,
								int first, int n);
/* Result, or serialised state. */
extern Datum tsdb_core_result(TsdbCoreAggregate *agg, TsdbCoreState *state, bool *isnull);
/* Result of a state that is given in serialised form (internal states), or as it is (others). */
extern Datum tsdb_core_finish(TsdbCoreAggregate *agg, Datum serialized, bool *isnull);

#endif							/* TSDB_CORE_AGGREGATE_H */
