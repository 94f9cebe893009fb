/*-------------------------------------------------------------------------
 * group_table.h
 *	  Groups of an aggregation: a hash table from key values to states.
 *
 * Key values are 64-bit numbers: by-value types of which equal values have equal bits as they are (floats: with one zero and one NaN), all others
 * numbered as they come up, by the equality operator that the query groups by.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_GROUP_TABLE_H
#define TSDB_GROUP_TABLE_H

#include "compat.h"

#include "fmgr.h"

/* bits of a word tell which keys of a group are NULL */
#define TSDB_MAX_GROUP_KEYS		32

typedef struct TsdbKeyType
{
	Oid			type;
	int16		typlen;
	bool		typbyval;
	Oid			eq_operator;	/* of GROUP BY */
	Oid			collation;
} TsdbKeyType;

typedef struct TsdbGroup
{
	uint64		hash;			/* of the keys' values, whatever numbers they have */
	uint32		nulls;			/* bit k: key k is NULL */
	int64		keys[FLEXIBLE_ARRAY_MEMBER];	/* then the states, MAXALIGNed */
} TsdbGroup;

/* A key value, as it is looked for. */
typedef struct TsdbGroupKey
{
	int64		number;
	uint64		hash;
	bool		known;			/* false: no group has it, and it has no number */
} TsdbGroupKey;

typedef struct TsdbGroupTable TsdbGroupTable;

/* Can the table be used for keys of this kind?  (The operator must have a hash function.) */
extern bool tsdb_group_key_hashable(Oid eq_operator, Oid type);

/* state_bytes: memory that each group has for states, zeroed.  Memory is taken in a context below cxt. */
extern TsdbGroupTable *tsdb_group_table_create(const TsdbKeyType *keys, int nkeys, Size state_bytes, MemoryContext cxt);

/* A value, not NULL, of key k; create: it is given a number if it has none. */
extern TsdbGroupKey tsdb_group_key(TsdbGroupTable *table, int k, Datum value, bool create);

/* The value (first seen, if several are equal) that a number stands for. */
extern Datum tsdb_group_key_value(TsdbGroupTable *table, int k, int64 key);

/* The hash of these keys (those that are NULL are not looked at).  The place where their group is looked for is fetched meanwhile. */
extern uint64 tsdb_group_hash(TsdbGroupTable *table, const TsdbGroupKey *keys, uint32 nulls);

/* The group of these keys; create (all keys are known): make it if there is none, and set *is_new.  NULL: there is none. */
extern TsdbGroup *tsdb_group_find(TsdbGroupTable *table, const TsdbGroupKey *keys, uint32 nulls, uint64 hash, bool create, bool *is_new);

extern char *tsdb_group_states(TsdbGroupTable *table, TsdbGroup *group);

/* Groups in the order in which they were made. */
extern Size tsdb_group_count(TsdbGroupTable *table);
extern TsdbGroup *tsdb_group_nth(TsdbGroupTable *table, Size i);

/* Memory that it takes, without what states point to. */
extern Size tsdb_group_table_bytes(TsdbGroupTable *table);

/* Forgets all groups and numbers. */
extern void tsdb_group_table_reset(TsdbGroupTable *table);

#endif							/* TSDB_GROUP_TABLE_H */
