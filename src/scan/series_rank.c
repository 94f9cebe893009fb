/*-------------------------------------------------------------------------
 * series_rank.c
 *	  At which place among all series does a row's series come?
 *
 * Two kinds of column:
 *
 *	SPAN	integers by their default order: a value's number is its distance from the least (greatest) value that ranges of chunks and
 *			rows of the row store allow.  Numbers that no value has do no harm.
 *	VALUES	all others: distinct values in a hash table, by their bytes; then sorted by the operator.  Values that are equal to the
 *			operator have one number, so that it does not matter whether equality is that of bytes.
 *
 * NULL has the first or the last number.
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "scan/series_rank.h"

#include "catalog/pg_type_d.h"
#include "chunk/column_ranges.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "scan/scan_filter.h"
#include "scan/series_cache.h"
#include "tsdb_codec.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/sortsupport.h"
#include "utils/typcache.h"

typedef struct RankedValue
{
	Datum		value;
	uint32		hash;
	uint32		id;				/* in order of appearance */
	char		status;			/* simplehash's */
} RankedValue;

typedef struct RankKey
{
	AttrNumber	attnum;
	bool		byval;
	int16		len;
	bool		is_span;
	bool		descending;		/* SPAN */
	bool		nulls_first;
	SortSupportData sort;
	struct rankedvalue_hash *values;	/* VALUES */
	Datum	   *by_id;			/* VALUES; [nvalues] */
	uint32		nvalues;
	uint32		room;
	uint32	   *numbers;		/* VALUES; [nvalues] by id, once ranked */
	bool		has_span;		/* SPAN: some value is known */
	int64		min;
	int64		max;
	uint64		count;			/* numbers, NULL's included */
	uint64		weight;
} RankKey;

/* What an entry has of a key: ids of its values, or bounds. */
typedef struct EntryValues
{
	bool		nulls;			/* perhaps */
	bool		any;			/* has bounds */
	uint32		n;
	uint32	   *ids;
	int64		min;
	int64		max;
} EntryValues;

struct TsdbSeriesRank
{
	TupleDesc	desc;
	MemoryContext cxt;
	int			nkeys;
	RankKey    *keys;
	Size		limit;
	Size		ids_bytes;
	bool		too_many;
	uint64	   *first;			/* [nentries] least rank */
	TsdbVectorSet *set;
	uint32		codes[TSDB_VECTOR_ROWS];
	bool		isnull[TSDB_VECTOR_ROWS];
};

typedef struct ChunkKey
{
	const TsdbVector *vectors;	/* NULL: the chunk lacks the column */
	uint32		ndict;
	uint32	   *numbers;		/* [ndict] by code; NULL: there is no dictionary */
} ChunkKey;

struct TsdbChunkRanks
{
	TsdbChunk  *chunk;
	ChunkKey	keys[FLEXIBLE_ARRAY_MEMBER];
};

static inline bool
same_value(const RankKey *key, Datum a, Datum b)
{
	return key->byval ? a == b : datum_image_eq(a, b, false, key->len);
}

#define SH_PREFIX rankedvalue
#define SH_ELEMENT_TYPE RankedValue
#define SH_KEY_TYPE Datum
#define SH_KEY value
#define SH_HASH_KEY(tb, key) \
	tsdb_series_value_hash(key, ((RankKey *) (tb)->private_data)->byval, ((RankKey *) (tb)->private_data)->len)
#define SH_EQUAL(tb, a, b) same_value((RankKey *) (tb)->private_data, a, b)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, a) (a)->hash
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* ------------------------------------------------------------------------
 * Which values there are
 * ------------------------------------------------------------------------
 */

TsdbSeriesRank *
tsdb_series_rank_begin(TupleDesc desc, List *keys, List *ops, List *collations, List *nulls_first, MemoryContext parent)
{
	MemoryContext cxt = AllocSetContextCreate(parent, "tsdb series ranks", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(cxt);
	TsdbSeriesRank *series = palloc0(sizeof(TsdbSeriesRank));
	int			k;

	series->desc = desc;
	series->cxt = cxt;
	series->limit = get_hash_memory_limit();
	series->nkeys = list_length(keys);
	series->keys = palloc0(series->nkeys * sizeof(RankKey));
	for (k = 0; k < series->nkeys; k++)
	{
		RankKey    *key = &series->keys[k];
		Form_pg_attribute att = TupleDescAttr(desc, list_nth_int(keys, k) - 1);
		Oid			type = getBaseType(att->atttypid);
		Oid			op = list_nth_oid(ops, k);
		TypeCacheEntry *cache = lookup_type_cache(type, TYPECACHE_LT_OPR | TYPECACHE_GT_OPR);
		TsdbElement element;

		key->attnum = att->attnum;
		key->byval = att->attbyval;
		key->len = att->attlen;
		key->nulls_first = list_nth_int(nulls_first, k) != 0;
		key->descending = op == cache->gt_opr;
		if ((op == cache->lt_opr || op == cache->gt_opr) && tsdb_filter_element(type, &element) &&
			element == TSDB_ELEM_I64)
		{
			key->is_span = true;
			continue;
		}
		key->sort.ssup_cxt = cxt;
		key->sort.ssup_collation = list_nth_oid(collations, k);
		key->sort.ssup_nulls_first = key->nulls_first;
		PrepareSortSupportFromOrderingOp(op, &key->sort);
		key->values = rankedvalue_create(cxt, 256, key);
		key->room = 256;
		key->by_id = palloc(key->room * sizeof(Datum));
	}
	MemoryContextSwitchTo(old);
	return series;
}

static void
widen(RankKey *key, int64 min, int64 max)
{
	key->min = key->has_span ? Min(key->min, min) : min;
	key->max = key->has_span ? Max(key->max, max) : max;
	key->has_span = true;
}

/* The value's id, a new one if it has none. */
static uint32
intern(TsdbSeriesRank *series, RankKey *key, Datum value, uint32 hash)
{
	bool		known;
	RankedValue *entry = rankedvalue_insert_hash(key->values, value, hash, &known);
	MemoryContext old;

	if (known)
		return entry->id;
	old = MemoryContextSwitchTo(series->cxt);
	if (key->nvalues == key->room)
	{
		key->room *= 2;
		key->by_id = repalloc_huge(key->by_id, key->room * sizeof(Datum));
	}
	/* one of the row store may lie in TOAST or be packed */
	if (key->len == -1)
		entry->value = PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
	else
		entry->value = datumCopy(value, key->byval, key->len);
	entry->id = key->nvalues;
	key->by_id[key->nvalues++] = entry->value;
	MemoryContextSwitchTo(old);
	if (key->nvalues % 64 == 0 && MemoryContextMemAllocated(series->cxt, true) > series->limit)
		series->too_many = true;
	return entry->id;
}

void
tsdb_series_rank_add(TsdbSeriesRank *series, TupleTableSlot *slot)
{
	int			k;

	for (k = 0; k < series->nkeys && !series->too_many; k++)
	{
		RankKey    *key = &series->keys[k];
		bool		isnull;
		Datum		value = slot_getattr(slot, key->attnum, &isnull);

		if (isnull)
			continue;
		if (key->is_span)
			widen(key, (int64) value, (int64) value);
		else
			(void) intern(series, key, value, tsdb_series_value_hash(value, key->byval, key->len));
	}
}

/* Are all vectors of a column of the chunk coded by its dictionary?  nulls: is some row NULL? */
static bool
all_coded(TsdbChunk *chunk, AttrNumber attnum, bool *nulls)
{
	const TsdbVector *vectors = tsdb_chunk_vectors(chunk, tsdb_chunk_column(chunk, attnum));
	uint32		v;

	*nulls = false;
	for (v = 0; v < chunk->nvectors; v++)
	{
		*nulls = *nulls || vectors[v].nnulls > 0;
		if (vectors[v].nparts != 0 || (vectors[v].block.length != 0 && vectors[v].encoding != TSDB_ENC_DICT))
			return false;
	}
	return true;
}

static void
add_id(TsdbSeriesRank *series, EntryValues *found, uint32 id, uint32 *room)
{
	if (found->n == *room)
	{
		Size		more = *room == 0 ? 64 : *room;

		found->ids = found->ids == NULL ? MemoryContextAllocHuge(series->cxt, more * sizeof(uint32)) :
			repalloc_huge(found->ids, (*room + more) * sizeof(uint32));
		series->ids_bytes += more * sizeof(uint32);
		*room += more;
	}
	found->ids[found->n++] = id;
}

/* All values of a column that has no dictionary, decoded. */
static void
read_values(TsdbSeriesRank *series, RankKey *key, TsdbChunk *chunk, EntryValues *found)
{
	bool		missing = tsdb_chunk_column(chunk, key->attnum) < 0;
	uint32		room = 0;
	uint32		v;

	for (v = 0; v < chunk->nvectors && !series->too_many; v++)
	{
		TsdbVectorColumn *column;
		int64		before = -1;	/* row */
		uint32		row;

		CHECK_FOR_INTERRUPTS();
		series->set = tsdb_vector_set(chunk, v, series->set, series->cxt);
		tsdb_vector_decode(series->set, key->attnum);
		column = &series->set->columns[key->attnum - 1];
		for (row = 0; row < series->set->nrows; row++)
		{
			Datum		value = column->values[row];

			if (column->isnull[row])
			{
				found->nulls = true;
				continue;
			}
			/* rows of a series lie together */
			if (before >= 0 && same_value(key, column->values[before], value))
				continue;
			before = row;
			add_id(series, found, intern(series, key, value, tsdb_series_value_hash(value, key->byval, key->len)), &room);
		}
		/* a column that was added later has one value */
		if (missing)
			break;
	}
	if (series->set != NULL)
		tsdb_vector_set_release(series->set);
	series->set = NULL;
}

/* The entry's values of a key of kind VALUES.  *chunk: opened if need be. */
static void
look_at_values(TsdbSeriesRank *series, RankKey *key, TsdbStore *store, TsdbDirEntry *entry, Snapshot snapshot,
			   TsdbChunk **chunk, EntryValues *found)
{
	const TsdbChunkSeries *known = tsdb_series_cache_find(store, entry, key->attnum);
	TsdbChunkSeries read = {0};
	const Datum *dict;
	uint32		room = 0;
	uint32		i;

	if (known == NULL)
	{
		if (*chunk == NULL)
			*chunk = tsdb_chunk_open_bare(store, entry, series->desc, snapshot, series->cxt);
		dict = tsdb_chunk_dictionary(*chunk, key->attnum, &read.n);
		if (dict == NULL || !all_coded(*chunk, key->attnum, &read.nulls))
		{
			read_values(series, key, *chunk, found);
			return;
		}
		read.values = unconstify(Datum *, dict);
		read.hashes = palloc(Max(read.n, 1) * sizeof(uint32));
		for (i = 0; i < read.n; i++)
			read.hashes[i] = tsdb_series_value_hash(dict[i], key->byval, key->len);
		tsdb_series_cache_put(store, entry, key->attnum, &read, key->byval, key->len);
		known = &read;
	}
	found->nulls = known->nulls;
	for (i = 0; i < known->n && !series->too_many; i++)
		add_id(series, found, intern(series, key, known->values[i], known->hashes[i]), &room);
	if (read.hashes != NULL)
		pfree(read.hashes);
}

/* The entry's bounds of a key of kind SPAN. */
static void
look_at_span(TsdbSeriesRank *series, RankKey *key, TsdbStore *store, TsdbDirEntry *entry, Snapshot snapshot,
			 const TsdbColumnRange *ranges, int nranges, TsdbChunk **chunk, EntryValues *found)
{
	const TsdbVector *vectors;
	int			column;
	uint32		v;
	int			i;

	for (i = 0; i < nranges; i++)
	{
		if (ranges[i].attnum == key->attnum && tsdb_range_form(ranges[i].typid) == TSDB_RANGE_SIGNED)
		{
			found->nulls = ranges[i].has_nulls;
			if (!ranges[i].all_nulls)
			{
				found->any = true;
				found->min = (int64) ranges[i].min;
				found->max = (int64) ranges[i].max;
			}
			return;
		}
	}
	if (*chunk == NULL)
		*chunk = tsdb_chunk_open_bare(store, entry, series->desc, snapshot, series->cxt);
	column = tsdb_chunk_column(*chunk, key->attnum);
	vectors = column < 0 ? NULL : tsdb_chunk_vectors(*chunk, column);
	for (v = 0; v < (*chunk)->nvectors; v++)
	{
		int64		min = PG_INT64_MAX;
		int64		max = PG_INT64_MIN;

		if (vectors != NULL && (vectors[v].flags & TSDB_VEC_ZONE) != 0)
		{
			found->nulls = found->nulls || vectors[v].nnulls > 0;
			min = vectors[v].zone_min;
			max = vectors[v].zone_max;
		}
		else
		{
			TsdbVectorColumn *values;
			uint32		row;

			series->set = tsdb_vector_set(*chunk, v, series->set, series->cxt);
			tsdb_vector_decode(series->set, key->attnum);
			values = &series->set->columns[key->attnum - 1];
			for (row = 0; row < series->set->nrows; row++)
			{
				if (values->isnull[row])
				{
					found->nulls = true;
					continue;
				}
				min = Min(min, (int64) values->values[row]);
				max = Max(max, (int64) values->values[row]);
			}
		}
		if (min <= max)
		{
			found->min = found->any ? Min(found->min, min) : min;
			found->max = found->any ? Max(found->max, max) : max;
			found->any = true;
		}
		/* a column that was added later has one value */
		if (vectors == NULL)
			break;
	}
	if (series->set != NULL)
		tsdb_vector_set_release(series->set);
	series->set = NULL;
}

/* ------------------------------------------------------------------------
 * Numbers
 * ------------------------------------------------------------------------
 */

static int
compare_ids(const void *a, const void *b, void *arg)
{
	RankKey    *key = arg;

	CHECK_FOR_INTERRUPTS();
	return ApplySortComparator(key->by_id[*(const uint32 *) a], false, key->by_id[*(const uint32 *) b], false,
							   &key->sort);
}

/* Numbers the key's values.  False: there are more than fit 63 bits. */
static bool
number_values(RankKey *key)
{
	uint64		shift = key->nulls_first ? 1 : 0;
	uint32	   *sorted;
	uint32		number = 0;
	uint32		i;

	if (key->is_span)
	{
		key->count = key->has_span ? (uint64) key->max - (uint64) key->min : 0;
		if (key->count >= PG_INT64_MAX - 2)
			return false;
		key->count += 2;
		return true;
	}
	sorted = palloc_extended(Max(key->nvalues, 1) * sizeof(uint32), MCXT_ALLOC_HUGE);
	key->numbers = palloc_extended(Max(key->nvalues, 1) * sizeof(uint32), MCXT_ALLOC_HUGE);
	for (i = 0; i < key->nvalues; i++)
		sorted[i] = i;
	qsort_arg(sorted, key->nvalues, sizeof(uint32), compare_ids, key);
	for (i = 0; i < key->nvalues; i++)
	{
		if (i > 0 && compare_ids(&sorted[i - 1], &sorted[i], key) != 0)
			number++;
		key->numbers[sorted[i]] = number + (uint32) shift;
	}
	key->count = (uint64) key->nvalues + 1;
	pfree(sorted);
	return true;
}

static inline uint64
number_of_null(const RankKey *key)
{
	return key->nulls_first ? 0 : key->count - 1;
}

/* The number of a value of kind SPAN; one that is out of bounds counts as the bound. */
static inline uint64
number_in_span(const RankKey *key, int64 value)
{
	uint64		shift = key->nulls_first ? 1 : 0;

	value = Max(key->min, Min(key->max, value));
	return shift + (key->descending ? (uint64) key->max - (uint64) value : (uint64) value - (uint64) key->min);
}

static uint64
number_of_value(RankKey *key, Datum value, uint32 hash)
{
	RankedValue *found = rankedvalue_lookup_hash(key->values, value, hash);

	if (found == NULL)
		elog(ERROR, "a series is not among those found in chunks and row store");
	return key->numbers[found->id];
}

static inline uint64
number_of(RankKey *key, Datum value, bool isnull)
{
	if (isnull)
		return number_of_null(key);
	if (key->is_span)
	{
		Assert((int64) value >= key->min && (int64) value <= key->max);
		return number_in_span(key, (int64) value);
	}
	return number_of_value(key, value, tsdb_series_value_hash(value, key->byval, key->len));
}

/* The least number of an entry's values. */
static uint64
first_number(const RankKey *key, const EntryValues *values)
{
	uint64		first = key->count - 1;
	uint32		i;

	if (values->nulls)
		first = Min(first, number_of_null(key));
	if (key->is_span && values->any)
		first = Min(first, number_in_span(key, key->descending ? values->max : values->min));
	for (i = 0; i < values->n; i++)
		first = Min(first, key->numbers[values->ids[i]]);
	return first;
}

bool
tsdb_series_rank_look(TsdbSeriesRank *series, TsdbStore *store, TsdbDirEntry *entries, int nentries, Snapshot snapshot)
{
	MemoryContext old = MemoryContextSwitchTo(series->cxt);
	MemoryContext range_cxt = AllocSetContextCreate(series->cxt, "tsdb ranges", ALLOCSET_SMALL_SIZES);
	EntryValues *found = palloc_extended(Max((Size) nentries * series->nkeys, 1) * sizeof(EntryValues),
										 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	bool		spans = false;
	uint64		weight = 1;
	int			i;
	int			k;

	for (k = 0; k < series->nkeys; k++)
		spans = spans || series->keys[k].is_span;
	for (i = 0; i < nentries && !series->too_many; i++)
	{
		TsdbColumnRange *ranges = NULL;
		TsdbChunk  *chunk = NULL;
		int			nranges = 0;

		CHECK_FOR_INTERRUPTS();
		if (spans)
		{
			MemoryContextReset(range_cxt);
			MemoryContextSwitchTo(range_cxt);
			ranges = tsdb_column_ranges_read(store, &entries[i], series->desc, &nranges);
			MemoryContextSwitchTo(series->cxt);
			if (ranges == NULL)
				nranges = 0;
		}
		for (k = 0; k < series->nkeys; k++)
		{
			RankKey    *key = &series->keys[k];
			EntryValues *values = &found[(Size) i * series->nkeys + k];

			if (!key->is_span)
				look_at_values(series, key, store, &entries[i], snapshot, &chunk, values);
			else
			{
				look_at_span(series, key, store, &entries[i], snapshot, ranges, nranges, &chunk, values);
				if (values->any)
					widen(key, values->min, values->max);
			}
		}
		if (chunk != NULL)
			tsdb_chunk_release(chunk);
		if (series->ids_bytes > series->limit)
			series->too_many = true;
	}
	MemoryContextDelete(range_cxt);

	for (k = series->nkeys - 1; k >= 0 && !series->too_many; k--)
	{
		RankKey    *key = &series->keys[k];

		if (!number_values(key) || key->count > PG_INT64_MAX / weight)
		{
			series->too_many = true;
			break;
		}
		key->weight = weight;
		weight *= key->count;
	}

	if (!series->too_many)
		series->first = palloc_extended(Max(nentries, 1) * sizeof(uint64), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (i = 0; i < nentries; i++)
	{
		for (k = 0; k < series->nkeys; k++)
		{
			EntryValues *values = &found[(Size) i * series->nkeys + k];

			if (!series->too_many)
				series->first[i] += first_number(&series->keys[k], values) * series->keys[k].weight;
			if (values->ids != NULL)
				pfree(values->ids);
		}
	}
	pfree(found);
	MemoryContextSwitchTo(old);
	return !series->too_many;
}

/* ------------------------------------------------------------------------
 * Ranks
 * ------------------------------------------------------------------------
 */

uint64
tsdb_series_rank_of(TsdbSeriesRank *series, TupleTableSlot *slot)
{
	uint64		rank = 0;
	int			k;

	for (k = 0; k < series->nkeys; k++)
	{
		RankKey    *key = &series->keys[k];
		bool		isnull;
		Datum		value = slot_getattr(slot, key->attnum, &isnull);

		rank += number_of(key, value, isnull) * key->weight;
	}
	return rank;
}

uint64
tsdb_series_rank_entry(TsdbSeriesRank *series, int entry)
{
	return series->first[entry];
}

TsdbChunkRanks *
tsdb_series_rank_chunk(TsdbSeriesRank *series, TsdbChunk *chunk, MemoryContext cxt)
{
	TsdbChunkRanks *ranks = MemoryContextAllocZero(cxt, offsetof(TsdbChunkRanks, keys) + series->nkeys * sizeof(ChunkKey));
	int			k;

	ranks->chunk = chunk;
	for (k = 0; k < series->nkeys; k++)
	{
		RankKey    *key = &series->keys[k];
		ChunkKey   *own = &ranks->keys[k];
		int			column = tsdb_chunk_column(chunk, key->attnum);
		const Datum *dict;
		bool		nulls;
		uint32		i;

		if (column < 0)
			continue;
		own->vectors = tsdb_chunk_vectors(chunk, column);
		if (key->is_span)
			continue;
		dict = tsdb_chunk_dictionary(chunk, key->attnum, &own->ndict);
		/* else values that no row has could be among those of the dictionary, and not be known */
		if (dict == NULL || !all_coded(chunk, key->attnum, &nulls))
			continue;
		own->numbers = MemoryContextAllocHuge(cxt, Max(own->ndict, 1) * sizeof(uint32));
		for (i = 0; i < own->ndict; i++)
			own->numbers[i] = (uint32) number_of(key, dict[i], false);
	}
	return ranks;
}

/* The least number of a vector's values of one key. */
static uint64
first_number_of_vector(RankKey *key, const ChunkKey *own, const TsdbVector *vector)
{
	uint64		first = key->count - 1;
	int64		code;

	if ((vector->flags & TSDB_VEC_ZONE) == 0)
		return 0;
	if (vector->nnulls > 0)
		first = number_of_null(key);
	if (key->is_span)
		return Min(first, number_in_span(key, key->descending ? vector->zone_max : vector->zone_min));
	if (own->numbers == NULL || key->byval || vector->zone_min < 0 || vector->zone_max >= (int64) own->ndict)
		return 0;
	for (code = vector->zone_min; code <= vector->zone_max; code++)
		first = Min(first, own->numbers[code]);
	return first;
}

uint64
tsdb_series_rank_vector(TsdbSeriesRank *series, TsdbChunkRanks *ranks, uint32 vector)
{
	uint64		rank = 0;
	int			k;

	for (k = 0; k < series->nkeys; k++)
	{
		if (ranks->keys[k].vectors != NULL)
			rank += first_number_of_vector(&series->keys[k], &ranks->keys[k], &ranks->keys[k].vectors[vector]) *
				series->keys[k].weight;
	}
	return rank;
}

void
tsdb_series_rank_rows(TsdbSeriesRank *series, TsdbChunkRanks *ranks, TsdbVectorSet *set, const uint16 *rows, int n,
					  uint64 *result)
{
	int			k;
	int			i;

	memset(result, 0, n * sizeof(uint64));
	for (k = 0; k < series->nkeys; k++)
	{
		RankKey    *key = &series->keys[k];
		ChunkKey   *own = &ranks->keys[k];

		if (own->numbers != NULL && tsdb_vector_codes(set, key->attnum, series->codes, series->isnull))
		{
			for (i = 0; i < n; i++)
			{
				uint32		row = rows[i];

				result[i] += key->weight *
					(series->isnull[row] ? number_of_null(key) : own->numbers[series->codes[row]]);
			}
		}
		else
		{
			TsdbVectorColumn *column = &set->columns[key->attnum - 1];
			uint64		number = 0;

			tsdb_vector_decode(set, key->attnum);
			for (i = 0; i < n; i++)
			{
				uint32		row = rows[i];

				/* rows of a series lie together */
				if (i == 0 || column->isnull[row] != column->isnull[rows[i - 1]] ||
					(!column->isnull[row] && !same_value(key, column->values[row], column->values[rows[i - 1]])))
					number = number_of(key, column->values[row], column->isnull[row]);
				result[i] += key->weight * number;
			}
		}
	}
}

void
tsdb_series_rank_end(TsdbSeriesRank *series)
{
	MemoryContextDelete(series->cxt);
}
