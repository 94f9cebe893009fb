/*-------------------------------------------------------------------------
 * aggregate_call.h
 *	  What support functions of aggregates share.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_AGGREGATE_CALL_H
#define TSDB_AGGREGATE_CALL_H

#include "postgres.h"

#include "fmgr.h"

/*
 * Memory context that lives as long as the call's aggregate state.  Support functions take type
 * internal and are in schema tsdb, so nobody gets here by mistake.
 */
static inline MemoryContext
tsdb_aggregate_context(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "support function of an aggregate called outside an aggregate");
	return context;
}

#endif							/* TSDB_AGGREGATE_CALL_H */
