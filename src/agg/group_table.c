/*-------------------------------------------------------------------------
 * group_table.c
 *	  Groups of an aggregation: a hash table from key values to states.
 *
 * Open addressing with linear probing; tables of groups and of numbered values grow at two thirds.  A slot of a group has 32 bits of its hash, so that others
 * on the way to it are passed without a look at them, which would be a miss of the processor's caches each; and the slots that a batch will
 * ask for can be fetched beforehand.  Hashes are of
 * values, not of their numbers: they stay the same when the table is emptied and values are numbered anew, so that who sets rows aside by
 * hash finds those of one group together.
 */
#include "compat.h"

#include "agg/group_table.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "utils/datum.h"
#include "utils/float.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include <math.h>

typedef enum KeyForm
{
	KEY_BITS,					/* equal values have equal bits */
	KEY_FLOAT4,
	KEY_FLOAT8,
	KEY_NUMBERED
} KeyForm;

typedef struct Numbered
{
	Datum		value;
	uint64		hash;
} Numbered;

typedef struct Key
{
	TsdbKeyType type;
	KeyForm		form;
	FmgrInfo	hash;
	FmgrInfo	equal;
	/* NUMBERED */
	Numbered   *values;			/* [nvalues], by number */
	uint32		nvalues;
	uint32		max_values;
	uint32	   *slots;			/* [nslots] number + 1; 0 = free */
	uint32		nslots;
} Key;

typedef struct GroupSlot
{
	uint32		index;			/* in groups, + 1; 0 = free */
	uint32		tag;			/* last bits of the hash */
} GroupSlot;

struct TsdbGroupTable
{
	int			nkeys;
	Key		   *keys;
	Size		states_offset;
	Size		group_bytes;
	MemoryContext cxt;			/* groups, values, slots */
	TsdbGroup **groups;			/* [ngroups] in order */
	Size		ngroups;
	Size		max_groups;
	GroupSlot  *slots;			/* [nslots], by the last bits of the hash */
	Size		nslots;
	char	   *block;			/* where groups are cut from */
	Size		block_left;
};

#define GROUP_BLOCK_BYTES	(64 * 1024)
#define FIRST_SLOTS			64

/* The finaliser of MurmurHash3 (Austin Appleby, public domain). */
static inline uint64
mix(uint64 h)
{
	h ^= h >> 33;
	h *= UINT64CONST(0xFF51AFD7ED558CCD);
	h ^= h >> 33;
	h *= UINT64CONST(0xC4CEB9FE1A85EC53);
	return h ^ h >> 33;
}

static KeyForm
key_form(Oid type, Oid eq_operator)
{
	/* another operator may find more values equal */
	if (lookup_type_cache(type, TYPECACHE_EQ_OPR)->eq_opr != eq_operator)
		return KEY_NUMBERED;
	switch (type)
	{
		case BOOLOID:
		case CHAROID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case OIDOID:
		case DATEOID:
		case TIMEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case CASHOID:
			return KEY_BITS;
		case FLOAT4OID:
			return KEY_FLOAT4;
		case FLOAT8OID:
			return KEY_FLOAT8;
		default:
			return KEY_NUMBERED;
	}
}

bool
tsdb_group_key_hashable(Oid eq_operator, Oid type)
{
	RegProcedure left;
	RegProcedure right;

	return get_op_hash_functions(eq_operator, &left, &right) && left == right;
}

TsdbGroupTable *
tsdb_group_table_create(const TsdbKeyType *keys, int nkeys, Size state_bytes, MemoryContext cxt)
{
	TsdbGroupTable *table = MemoryContextAllocZero(cxt, sizeof(TsdbGroupTable));
	int			k;

	table->nkeys = nkeys;
	table->keys = MemoryContextAllocZero(cxt, Max(nkeys, 1) * sizeof(Key));
	for (k = 0; k < nkeys; k++)
	{
		Key		   *key = &table->keys[k];

		key->type = keys[k];
		key->form = key_form(keys[k].type, keys[k].eq_operator);
		if (key->form == KEY_NUMBERED)
		{
			RegProcedure left;
			RegProcedure right;

			if (!get_op_hash_functions(keys[k].eq_operator, &left, &right))
				elog(ERROR, "could not find hash function for hash operator %u", keys[k].eq_operator);
			fmgr_info_cxt(left, &key->hash, cxt);
			fmgr_info_cxt(get_opcode(keys[k].eq_operator), &key->equal, cxt);
		}
	}
	table->states_offset = MAXALIGN(offsetof(TsdbGroup, keys) + nkeys * sizeof(int64));
	table->group_bytes = table->states_offset + MAXALIGN(state_bytes);
	table->cxt = AllocSetContextCreate(cxt, "groups", ALLOCSET_DEFAULT_SIZES);
	return table;
}

void
tsdb_group_table_reset(TsdbGroupTable *table)
{
	int			k;

	MemoryContextReset(table->cxt);
	table->groups = NULL;
	table->ngroups = table->max_groups = 0;
	table->slots = NULL;
	table->nslots = 0;
	table->block = NULL;
	table->block_left = 0;
	for (k = 0; k < table->nkeys; k++)
	{
		Key		   *key = &table->keys[k];

		key->values = NULL;
		key->nvalues = key->max_values = 0;
		key->slots = NULL;
		key->nslots = 0;
	}
}

Size
tsdb_group_table_bytes(TsdbGroupTable *table)
{
	return MemoryContextMemAllocated(table->cxt, true);
}

/* ------------------------------------------------------------------------
 * Keys
 * ------------------------------------------------------------------------
 */

static void
grow_numbers(TsdbGroupTable *table, Key *key)
{
	uint32		nslots = key->nslots == 0 ? FIRST_SLOTS : key->nslots * 2;
	uint32		i;

	if (key->slots != NULL)
		pfree(key->slots);
	key->slots = MemoryContextAllocExtended(table->cxt, (Size) nslots * sizeof(uint32), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	key->nslots = nslots;
	for (i = 0; i < key->nvalues; i++)
	{
		uint32		slot = (uint32) key->values[i].hash & (nslots - 1);

		while (key->slots[slot] != 0)
			slot = (slot + 1) & (nslots - 1);
		key->slots[slot] = i + 1;
	}
}

static TsdbGroupKey
number_of(TsdbGroupTable *table, Key *key, Datum value, bool create)
{
	TsdbGroupKey result;
	uint64		hash = mix(DatumGetUInt32(FunctionCall1Coll(&key->hash, key->type.collation, value)));
	uint32		slot;
	MemoryContext old;

	result.hash = hash;
	result.known = true;
	if (key->nvalues + 1 > key->nslots / 3 * 2)
		grow_numbers(table, key);
	for (slot = (uint32) hash & (key->nslots - 1); key->slots[slot] != 0; slot = (slot + 1) & (key->nslots - 1))
	{
		Numbered   *other = &key->values[key->slots[slot] - 1];

		if (other->hash == hash && DatumGetBool(FunctionCall2Coll(&key->equal, key->type.collation, other->value, value)))
		{
			result.number = key->slots[slot] - 1;
			return result;
		}
	}
	if (!create)
	{
		result.number = 0;
		result.known = false;
		return result;
	}
	if (key->nvalues == key->max_values)
	{
		uint32		max = key->max_values == 0 ? 64 : key->max_values * 2;
		Numbered   *values = MemoryContextAllocHuge(table->cxt, (Size) max * sizeof(Numbered));

		if (key->values != NULL)
		{
			memcpy(values, key->values, key->nvalues * sizeof(Numbered));
			pfree(key->values);
		}
		key->values = values;
		key->max_values = max;
	}
	old = MemoryContextSwitchTo(table->cxt);
	key->values[key->nvalues].value = datumCopy(value, key->type.typbyval, key->type.typlen);
	MemoryContextSwitchTo(old);
	key->values[key->nvalues].hash = hash;
	key->slots[slot] = ++key->nvalues;
	result.number = key->nvalues - 1;
	return result;
}

TsdbGroupKey
tsdb_group_key(TsdbGroupTable *table, int k, Datum value, bool create)
{
	Key		   *key = &table->keys[k];
	TsdbGroupKey result;

	if (key->form == KEY_NUMBERED)
		return number_of(table, key, value, create);
	result.known = true;
	result.number = (int64) value;
	if (key->form == KEY_FLOAT4)
	{
		float4		f = DatumGetFloat4(value);

		result.number = (int64) Float4GetDatum(isnan(f) ? get_float4_nan() : f == 0 ? 0 : f);
	}
	else if (key->form == KEY_FLOAT8)
	{
		float8		f = DatumGetFloat8(value);

		result.number = (int64) Float8GetDatum(isnan(f) ? get_float8_nan() : f == 0 ? 0 : f);
	}
	result.hash = (uint64) result.number;
	return result;
}

Datum
tsdb_group_key_value(TsdbGroupTable *table, int k, int64 key)
{
	if (table->keys[k].form == KEY_NUMBERED)
		return table->keys[k].values[key].value;
	return (Datum) key;
}

/* ------------------------------------------------------------------------
 * Groups
 * ------------------------------------------------------------------------
 */

static void
grow_groups(TsdbGroupTable *table)
{
	Size		nslots = table->nslots == 0 ? FIRST_SLOTS : table->nslots * 2;
	GroupSlot  *old = table->slots;
	Size		old_nslots = table->nslots;
	Size		i;

	/* (not more slots than tags can tell apart: there are at most 2^32 - 2 groups) */
	table->slots = MemoryContextAllocExtended(table->cxt, nslots * sizeof(GroupSlot), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	table->nslots = nslots;
	for (i = 0; i < old_nslots; i++)
	{
		Size		slot = old[i].tag & (nslots - 1);

		if (old[i].index == 0)
			continue;
		while (table->slots[slot].index != 0)
			slot = (slot + 1) & (nslots - 1);
		table->slots[slot] = old[i];
	}
	if (old != NULL)
		pfree(old);
}

static TsdbGroup *
new_group(TsdbGroupTable *table)
{
	TsdbGroup  *group;

	if (table->ngroups == table->max_groups)
	{
		Size		max = table->max_groups == 0 ? 64 : table->max_groups * 2;
		TsdbGroup **groups = MemoryContextAllocHuge(table->cxt, max * sizeof(TsdbGroup *));

		if (table->groups != NULL)
		{
			memcpy(groups, table->groups, table->ngroups * sizeof(TsdbGroup *));
			pfree(table->groups);
		}
		table->groups = groups;
		table->max_groups = max;
	}
	if (table->block_left < table->group_bytes)
	{
		/* small at first: most queries have few groups */
		Size		bytes = Max(table->ngroups < 64 ? 16 * table->group_bytes : GROUP_BLOCK_BYTES, table->group_bytes);

		table->block = MemoryContextAllocZero(table->cxt, bytes);
		table->block_left = bytes;
	}
	group = (TsdbGroup *) table->block;
	table->block += table->group_bytes;
	table->block_left -= table->group_bytes;
	table->groups[table->ngroups++] = group;
	return group;
}

static bool
keys_match(TsdbGroupTable *table, TsdbGroup *group, const TsdbGroupKey *keys)
{
	int			k;

	for (k = 0; k < table->nkeys; k++)
	{
		if ((group->nulls & (UINT32_C(1) << k)) == 0 && group->keys[k] != keys[k].number)
			return false;
	}
	return true;
}

uint64
tsdb_group_hash(TsdbGroupTable *table, const TsdbGroupKey *keys, uint32 nulls)
{
	uint64		hash = nulls;
	int			k;

	for (k = 0; k < table->nkeys; k++)
		hash = mix(hash ^ (((nulls & (UINT32_C(1) << k)) != 0 ? 0 : keys[k].hash) + UINT64CONST(0x9E3779B97F4A7C15)));
	if (table->nslots > 0)
		__builtin_prefetch(&table->slots[(uint32) hash & (table->nslots - 1)]);
	return hash;
}

TsdbGroup *
tsdb_group_find(TsdbGroupTable *table, const TsdbGroupKey *keys, uint32 nulls, uint64 hash, bool create, bool *is_new)
{
	uint32		tag = (uint32) hash;
	TsdbGroup  *group;
	Size		slot;
	int			k;

	*is_new = false;
	for (k = 0; k < table->nkeys; k++)
	{
		if ((nulls & (UINT32_C(1) << k)) == 0 && !keys[k].known)
			return NULL;
	}
	if (table->ngroups + 1 > table->nslots / 3 * 2)
	{
		if (table->ngroups >= PG_UINT32_MAX - 1)
			ereport(ERROR, errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED), errmsg("too many groups in memory"));
		grow_groups(table);
	}
	for (slot = tag & (table->nslots - 1); table->slots[slot].index != 0; slot = (slot + 1) & (table->nslots - 1))
	{
		if (table->slots[slot].tag != tag)
			continue;
		group = table->groups[table->slots[slot].index - 1];
		if (group->hash == hash && group->nulls == nulls && keys_match(table, group, keys))
			return group;
	}
	if (!create)
		return NULL;
	group = new_group(table);
	group->hash = hash;
	group->nulls = nulls;
	for (k = 0; k < table->nkeys; k++)
		group->keys[k] = (nulls & (UINT32_C(1) << k)) != 0 ? 0 : keys[k].number;
	table->slots[slot].index = (uint32) table->ngroups;
	table->slots[slot].tag = tag;
	*is_new = true;
	return group;
}

char *
tsdb_group_states(TsdbGroupTable *table, TsdbGroup *group)
{
	return (char *) group + table->states_offset;
}

Size
tsdb_group_count(TsdbGroupTable *table)
{
	return table->ngroups;
}

TsdbGroup *
tsdb_group_nth(TsdbGroupTable *table, Size i)
{
	return table->groups[i];
}
