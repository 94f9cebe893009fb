/*-------------------------------------------------------------------------
 * group_keys.h
 *	  Cuts a batch of rows into pieces of one group each.
 *
 * Chunks are sorted by series and time, so that the keys which most queries group by stay the same over long runs of rows: series columns as
 * codes of the chunk's dictionary, buckets of time by their steps.  Where the zones of a vector say that it has one value of a key, the column is
 * not decoded.
 */
#ifndef TSDB_GROUP_KEYS_H
#define TSDB_GROUP_KEYS_H

#include "agg/group_table.h"
#include "agg/vector_expr.h"

typedef struct TsdbGroupKeys TsdbGroupKeys;

/* Rows of a batch that have the same keys. */
typedef struct TsdbRun
{
	uint16		start;
	uint16		n;
	TsdbGroup  *group;			/* NULL: there is none, and none was to be made */
	bool		is_new;
	uint64		hash;
} TsdbRun;

/* key_exprs: of GROUP BY; eq_operators: Oids of its operators.  Lives in the current context; a group has state_bytes of states. */
extern TsdbGroupKeys *tsdb_group_keys_create(TsdbExprSet *exprs, List *key_exprs, List *eq_operators, Size state_bytes);

extern TsdbGroupTable *tsdb_group_keys_table(TsdbGroupKeys *keys);

/* Cuts the batch; runs[1024].  create: make groups that are not there.  Returns the number of runs. */
extern int	tsdb_group_keys_cut(TsdbGroupKeys *keys, TsdbBatch *batch, bool create, TsdbRun *runs);

/* Another chunk begins: forgets the dictionaries of the one before. */
extern void tsdb_group_keys_new_chunk(TsdbGroupKeys *keys);

/* Empties the table. */
extern void tsdb_group_keys_reset(TsdbGroupKeys *keys);

#endif							/* TSDB_GROUP_KEYS_H */
