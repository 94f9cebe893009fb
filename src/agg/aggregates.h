/*-------------------------------------------------------------------------
 * aggregates.h
 *	  Aggregate functions over batches of rows.
 *
 * An aggregate has a state in each group.  Batches come cut into pieces, runs of rows that belong to one group.  Those
 * aggregates that are known by their transition function run as loops over arrays; any other is computed as the
 * executor does it, by its own transition function, row by row.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_AGGREGATES_H
#define TSDB_AGGREGATES_H

#include "agg/vector_expr.h"

#include "nodes/primnodes.h"

/* Rows start .. start + n - 1 of a batch; states: of their group. */
typedef struct TsdbPiece
{
	uint16		start;
	uint16		n;
	char	   *states;
} TsdbPiece;

typedef struct TsdbAggregates TsdbAggregates;

/* Why an aggregate can't be computed here; NULL: it can be.  partial: its state is asked for, serialised. */
extern const char *tsdb_aggregate_refused(const Aggref *aggref);

/* aggrefs: Aggref nodes, all of one aggsplit (simple, or AGGSPLIT_INITIAL_SERIAL).  Checks the user's rights. */
extern TsdbAggregates *tsdb_aggregates_create(TsdbExprSet *exprs, List *aggrefs);

/* Memory that a group needs for states; they start zeroed, and are then initialised. */
extern Size tsdb_aggregates_state_bytes(TsdbAggregates *aggs);
extern void tsdb_aggregates_init(TsdbAggregates *aggs, char *states);

extern void tsdb_aggregates_add(TsdbAggregates *aggs, TsdbBatch *batch, const TsdbPiece *pieces, int npieces);

/*
 * Are there aggregates alone that the directory's entry of a chunk may answer: count(*), least and greatest values?  And adds the n rows of a
 * chunk, none of them deleted; false: it does not know all that is asked, and nothing was added.
 */
extern bool tsdb_aggregates_by_directory(TsdbAggregates *aggs);
extern bool tsdb_aggregates_add_chunk(TsdbAggregates *aggs, char *states, TsdbStore *store, const TsdbDirEntry *entry,
									  MemoryContext scratch);

/* Result of each aggregate, or its serialised state; by-reference ones in the current context or in that of states. */
extern void tsdb_aggregates_results(TsdbAggregates *aggs, char *states, Datum *values, bool *isnull);

/* Forgets all states. */
extern void tsdb_aggregates_reset(TsdbAggregates *aggs);
/* Memory that states point to. */
extern Size tsdb_aggregates_bytes(TsdbAggregates *aggs);

/* Those that are computed row by row, as Aggrefs. */
extern List *tsdb_aggregates_by_rows(TsdbAggregates *aggs);

#endif							/* TSDB_AGGREGATES_H */
