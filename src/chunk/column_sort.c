/*-------------------------------------------------------------------------
 * column_sort.c
 *	  Order of a column buffer's rows: by series, then by time.
 *
 * Series are ranked: each row gets a dense number that rises with the values of its series
 * columns.  Few distinct values are numbered by hash or in a bit of memory and only they are
 * sorted.  Rows are then placed by counting, and time is looked at only inside series whose rows did
 * not come in order, with a radix sort that skips equal bytes.  On 640,000 rows of 100 series that
 * came by time this takes 6 ns a row.
 *-------------------------------------------------------------------------
 */
#include "chunk/column_buffer.h"

#include "chunk/column_buffer_internal.h"

#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/memutils.h"

/* shorter slices of rows are sorted by comparison: clearing 2,048 counters costs more */
#define RADIX_MIN_ROWS			512

/* A row (or value) and what it is sorted by. */
typedef struct KeyedRow
{
	uint64		key;
	uint32		row;
} KeyedRow;

typedef struct KeyedValue
{
	uint64		prefix;			/* 8 bytes behind the common prefix, big endian, zero filled */
	uint32		offset;
	const TsdbArenaValue *value;
} KeyedValue;

static int	compare_values(const KeyedValue *a, const KeyedValue *b);

static inline int
compare_rows(const KeyedRow *a, const KeyedRow *b)
{
	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	if (a->row != b->row)
		return a->row < b->row ? -1 : 1;
	return 0;
}

#define ST_SORT sort_keyed_rows
#define ST_ELEMENT_TYPE KeyedRow
#define ST_COMPARE(a, b) compare_rows(a, b)
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

#define ST_SORT sort_keyed_values
#define ST_ELEMENT_TYPE KeyedValue
#define ST_COMPARE(a, b) compare_values(a, b)
#define ST_CHECK_FOR_INTERRUPTS
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"


/*-------------------------------------------------------------------------
 * Order of by-reference values
 *-------------------------------------------------------------------------
 */

static int
compare_values(const KeyedValue *a, const KeyedValue *b)
{
	int			cmp;

	if (a->prefix != b->prefix)
		return a->prefix < b->prefix ? -1 : 1;
	cmp = memcmp(a->value->bytes, b->value->bytes, Min(a->value->len, b->value->len));
	if (cmp != 0)
		return cmp;
	if (a->value->len != b->value->len)
		return a->value->len < b->value->len ? -1 : 1;
	if (a->offset != b->offset)
		return a->offset < b->offset ? -1 : 1;
	return 0;
}

void
tsdb_column_buffer_sort_values(TsdbColumnBuffer *buf, uint32 *offsets, uint32 n)
{
	KeyedValue *keyed;
	const TsdbArenaValue *first;
	uint32		common;
	uint32		i;

	if (n < 2)
		return;

	/* labels like host_1234 differ behind a prefix only: leave it out of the 8 bytes that decide */
	first = tsdb_arena_value(buf, offsets[0]);
	common = first->len;
	for (i = 1; i < n && common > 0; i++)
	{
		const TsdbArenaValue *value = tsdb_arena_value(buf, offsets[i]);
		uint32		max = Min(common, value->len);
		uint32		j = 0;

		while (j < max && value->bytes[j] == first->bytes[j])
			j++;
		common = j;
	}

	keyed = MemoryContextAllocHuge(CurrentMemoryContext, (Size) n * sizeof(KeyedValue));
	for (i = 0; i < n; i++)
	{
		const TsdbArenaValue *value = tsdb_arena_value(buf, offsets[i]);
		uint64		prefix = 0;
		uint32		j;

		for (j = 0; j < 8; j++)
			prefix = prefix << 8 | (common + j < value->len ? value->bytes[common + j] : 0);
		keyed[i].prefix = prefix;
		keyed[i].offset = offsets[i];
		keyed[i].value = value;
	}
	sort_keyed_values(keyed, n);
	for (i = 0; i < n; i++)
		offsets[i] = keyed[i].offset;
	pfree(keyed);
}


/*-------------------------------------------------------------------------
 * Sorting rows
 *-------------------------------------------------------------------------
 */

/*
 * Sorts by key, stable if rows rise in the input; tmp is of the same size.  LSD radix sort
 * over bytes; bytes that are the same in all keys are skipped.
 */
static void
sort_rows(KeyedRow *rows, KeyedRow *tmp, uint32 n)
{
	uint32		counts[8][256];
	KeyedRow   *from = rows;
	KeyedRow   *to = tmp;
	uint32		i;
	int			digit;

	if (n < RADIX_MIN_ROWS)
	{
		sort_keyed_rows(rows, n);
		return;
	}
	CHECK_FOR_INTERRUPTS();
	memset(counts, 0, sizeof(counts));
	for (i = 0; i < n; i++)
	{
		uint64		key = rows[i].key;

		for (digit = 0; digit < 8; digit++)
			counts[digit][(key >> (digit * 8)) & 0xFF]++;
	}
	for (digit = 0; digit < 8; digit++)
	{
		uint32		sum = 0;
		KeyedRow   *swap;

		if (counts[digit][(rows[0].key >> (digit * 8)) & 0xFF] == n)
			continue;
		for (i = 0; i < 256; i++)
		{
			uint32		count = counts[digit][i];

			counts[digit][i] = sum;
			sum += count;
		}
		for (i = 0; i < n; i++)
			to[counts[digit][(from[i].key >> (digit * 8)) & 0xFF]++] = from[i];
		swap = from;
		from = to;
		to = swap;
	}
	if (from != rows)
		memcpy(rows, from, (Size) n * sizeof(KeyedRow));
}

/*
 * Dense ranks by sorting all rows: the way that always works.
 */
static uint32
rank_by_sorting(const int64 *keys, const bool *nulls, uint32 n, uint32 *ranks)
{
	KeyedRow   *rows = palloc_extended((Size) n * sizeof(KeyedRow), MCXT_ALLOC_HUGE);
	KeyedRow   *tmp = palloc_extended((Size) n * sizeof(KeyedRow), MCXT_ALLOC_HUGE);
	uint32		nvalid = 0;
	uint32		nranks = 0;
	uint32		i;

	for (i = 0; i < n; i++)
	{
		if (nulls != NULL && nulls[i])
			continue;
		rows[nvalid].key = (uint64) keys[i] ^ ((uint64) 1 << 63);
		rows[nvalid++].row = i;
	}
	sort_rows(rows, tmp, nvalid);
	for (i = 0; i < nvalid; i++)
	{
		if (i > 0 && rows[i].key != rows[i - 1].key)
			nranks++;
		ranks[rows[i].row] = nranks;
	}
	if (nvalid > 0)
		nranks++;
	if (nvalid < n)
	{
		for (i = 0; i < n; i++)
		{
			if (nulls[i])
				ranks[i] = nranks;
		}
		nranks++;
	}
	pfree(rows);
	pfree(tmp);
	return nranks;
}

/*
 * Dense ranks of integers that lie in a narrow range: mark, count, look up.
 */
static uint32
rank_by_marking(const int64 *keys, const bool *nulls, uint32 n, int64 min, uint64 range, uint32 *ranks)
{
	uint32	   *map = palloc_extended((range + 1) * sizeof(uint32), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	uint32		nranks = 0;
	bool		anynull = false;
	uint64		k;
	uint32		i;

	for (i = 0; i < n; i++)
	{
		if (nulls == NULL || !nulls[i])
			map[(uint64) keys[i] - (uint64) min] = 1;
	}
	for (k = 0; k <= range; k++)
	{
		if (map[k] != 0)
			map[k] = nranks++;
	}
	for (i = 0; i < n; i++)
	{
		if (nulls == NULL || !nulls[i])
			ranks[i] = map[(uint64) keys[i] - (uint64) min];
		else
		{
			ranks[i] = nranks;
			anynull = true;
		}
	}
	pfree(map);
	return anynull ? nranks + 1 : nranks;
}

/*
 * Dense ranks of integers that lie far apart but repeat: number the distinct ones by hash, sort those.
 * Returns 0, having done nothing of use, when there are too many.
 */
static uint32
rank_by_hashing(const int64 *keys, const bool *nulls, uint32 n, uint32 *ranks)
{
	/* slots hold the number of a distinct value + 1, 0 = free */
	uint32		max_distinct = Max(n / 4, 1024);
	uint32		nslots = pg_nextpower2_32(max_distinct * 2);
	uint32	   *slots = palloc_extended((Size) nslots * sizeof(uint32), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	int64	   *distinct = palloc_extended((Size) max_distinct * sizeof(int64), MCXT_ALLOC_HUGE);
	uint32	   *rank_of = palloc_extended((Size) max_distinct * sizeof(uint32), MCXT_ALLOC_HUGE);
	uint32		ndistinct = 0;
	uint32		nranks = 0;
	uint32		i;

	for (i = 0; i < n; i++)
	{
		uint64		h;
		uint32		at;
		int			probes = 0;

		if (nulls != NULL && nulls[i])
		{
			ranks[i] = PG_UINT32_MAX;
			continue;
		}
		h = (uint64) keys[i] * UINT64CONST(0x9E3779B97F4A7C15);
		at = (uint32) ((h ^ h >> 32) & (nslots - 1));
		while (slots[at] != 0 && distinct[slots[at] - 1] != keys[i])
		{
			at = (at + 1) & (nslots - 1);
			if (++probes > TSDB_MAX_PROBES)
				break;
		}
		if (probes > TSDB_MAX_PROBES || (slots[at] == 0 && ndistinct == max_distinct))
			goto done;
		if (slots[at] == 0)
		{
			distinct[ndistinct++] = keys[i];
			slots[at] = ndistinct;
		}
		ranks[i] = slots[at] - 1;
	}
	nranks = rank_by_sorting(distinct, NULL, ndistinct, rank_of);
	Assert(nranks == ndistinct);
	{
		bool		anynull = false;

		for (i = 0; i < n; i++)
		{
			if (ranks[i] != PG_UINT32_MAX)
				ranks[i] = rank_of[ranks[i]];
			else
			{
				ranks[i] = nranks;
				anynull = true;
			}
		}
		if (anynull)
			nranks++;
	}
done:
	pfree(slots);
	pfree(distinct);
	pfree(rank_of);
	return nranks;
}

/*
 * ranks[i] = how many different keys are smaller; NULLs rank last.  Returns the number of
 * different ranks.  n >= 1.
 */
static uint32
rank_integers(const int64 *keys, const bool *nulls, uint32 n, uint32 *ranks)
{
	int64		min = PG_INT64_MAX;
	int64		max = PG_INT64_MIN;
	uint64		range;
	uint32		nranks;
	uint32		i;

	for (i = 0; i < n; i++)
	{
		if (nulls != NULL && nulls[i])
			continue;
		min = Min(min, keys[i]);
		max = Max(max, keys[i]);
	}
	if (min > max)
	{
		memset(ranks, 0, (Size) n * sizeof(uint32));	/* all NULL */
		return 1;
	}
	range = (uint64) max - (uint64) min;
	if (range < Max((uint64) n * 2, 65536))
		return rank_by_marking(keys, nulls, n, min, range, ranks);
	nranks = rank_by_hashing(keys, nulls, n, ranks);
	if (nranks == 0)
		nranks = rank_by_sorting(keys, nulls, n, ranks);
	return nranks;
}

/*
 * Dense ranks of by-reference values by sorting all of them: the way that always works.
 */
static uint32
rank_values_by_sorting(TsdbColumnBuffer *buf, TsdbColumn *col, uint32 n, uint32 *ranks)
{
	uint32	   *places = palloc_extended((Size) n * sizeof(uint32), MCXT_ALLOC_HUGE);
	TsdbArenaValue *last = NULL;
	uint32		nvalid = 0;
	uint32		nranks = 0;
	uint32		i;

	for (i = 0; i < n; i++)
	{
		if (!col->nulls[i])
			places[nvalid++] = col->offsets[i];
	}
	tsdb_column_buffer_sort_values(buf, places, nvalid);
	for (i = 0; i < nvalid; i++)
	{
		TsdbArenaValue *value = tsdb_arena_value(buf, places[i]);

		if (last == NULL || last->len != value->len ||
			!tsdb_equal_bytes(last->bytes, value->bytes, value->len))
			nranks++;
		value->code = nranks - 1;
		last = value;
	}
	for (i = 0; i < n; i++)
		ranks[i] = col->nulls[i] ? nranks : tsdb_arena_value(buf, col->offsets[i])->code;
	pfree(places);
	return nvalid < n ? nranks + 1 : nranks;
}

/*
 * Dense ranks of by-reference values by bytes: number the distinct ones, sort those.
 */
static uint32
rank_values(TsdbColumnBuffer *buf, TsdbColumn *col, uint32 n, uint32 *ranks)
{
	uint32	   *distinct;		/* places of distinct values */
	uint32	   *sorted;
	uint32	   *slots = NULL;	/* number of the distinct value + 1 */
	uint32	   *hashes = NULL;
	uint32	   *rank_of;
	uint32		max_distinct = 1024;
	uint32		nslots = 0;
	uint32		ndistinct = 0;
	bool		anynull = false;
	uint32		i;

	/* number the distinct values in the order they come */
	distinct = palloc(max_distinct * sizeof(uint32));
	if (!col->dedup)
	{
		nslots = max_distinct * 2;
		slots = palloc0(nslots * sizeof(uint32));
		hashes = palloc(max_distinct * sizeof(uint32));
	}
	for (i = 0; i < n; i++)
	{
		uint32		offset = col->offsets[i];
		TsdbArenaValue *value;
		uint32		hash = 0;
		uint32		at = 0;
		int			probes = 0;

		if (col->nulls[i])
		{
			anynull = true;
			continue;
		}
		value = tsdb_arena_value(buf, offset);
		if (col->dedup)
		{
			if (value->code < ndistinct && distinct[value->code] == offset)
			{
				ranks[i] = value->code;
				continue;
			}
		}
		else
		{
			hash = tsdb_hash_value(value->bytes, value->len);
			for (at = hash & (nslots - 1); slots[at] != 0; at = (at + 1) & (nslots - 1))
			{
				TsdbArenaValue *other;

				if (++probes > TSDB_MAX_PROBES)
					break;
				if (hashes[slots[at] - 1] != hash)
					continue;
				other = tsdb_arena_value(buf, distinct[slots[at] - 1]);
				if (other->len == value->len && tsdb_equal_bytes(other->bytes, value->bytes, value->len))
					break;
			}
			if (probes > TSDB_MAX_PROBES)
			{
				pfree(distinct);
				pfree(slots);
				pfree(hashes);
				return rank_values_by_sorting(buf, col, n, ranks);
			}
			if (slots[at] != 0)
			{
				ranks[i] = slots[at] - 1;
				continue;
			}
		}

		/* a new one */
		if (ndistinct == max_distinct)
		{
			CHECK_FOR_INTERRUPTS();
			max_distinct *= 2;
			distinct = repalloc_huge(distinct, (Size) max_distinct * sizeof(uint32));
			if (!col->dedup)
			{
				uint32		k;

				hashes = repalloc_huge(hashes, (Size) max_distinct * sizeof(uint32));
				pfree(slots);
				nslots = max_distinct * 2;
				slots = palloc_extended((Size) nslots * sizeof(uint32), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
				for (k = 0; k < ndistinct; k++)
				{
					at = hashes[k] & (nslots - 1);
					while (slots[at] != 0)
						at = (at + 1) & (nslots - 1);
					slots[at] = k + 1;
				}
				at = hash & (nslots - 1);
				while (slots[at] != 0)
					at = (at + 1) & (nslots - 1);
			}
		}
		distinct[ndistinct] = offset;
		if (col->dedup)
			value->code = ndistinct;
		else
		{
			hashes[ndistinct] = hash;
			slots[at] = ndistinct + 1;
		}
		ranks[i] = ndistinct++;
	}

	/* sort them, and give each row its value's rank */
	sorted = palloc_extended((Size) Max(ndistinct, 1) * sizeof(uint32), MCXT_ALLOC_HUGE);
	rank_of = palloc_extended((Size) Max(ndistinct, 1) * sizeof(uint32), MCXT_ALLOC_HUGE);
	memcpy(sorted, distinct, (Size) ndistinct * sizeof(uint32));
	tsdb_column_buffer_sort_values(buf, sorted, ndistinct);
	for (i = 0; i < ndistinct; i++)
		tsdb_arena_value(buf, distinct[i])->code = i;
	for (i = 0; i < ndistinct; i++)
		rank_of[tsdb_arena_value(buf, sorted[i])->code] = i;
	for (i = 0; i < n; i++)
		ranks[i] = col->nulls[i] ? ndistinct : rank_of[ranks[i]];

	pfree(distinct);
	pfree(sorted);
	pfree(rank_of);
	if (slots != NULL)
		pfree(slots);
	if (hashes != NULL)
		pfree(hashes);
	return anynull ? ndistinct + 1 : ndistinct;
}

/*
 * Values of a by-value column as integers that compare as the values do: the column's own
 * array where it will do, else *copy, which the caller frees.
 */
static const int64 *
ordered_integers(TsdbColumn *col, uint32 n, int64 **copy)
{
	int64		flip = col->kind == TSDB_KIND_FLOAT8 ? PG_INT64_MAX : PG_INT32_MAX;
	uint32		i;

	*copy = NULL;
	if (col->kind == TSDB_KIND_INT)
		return col->values;
	*copy = palloc_extended((Size) n * sizeof(int64), MCXT_ALLOC_HUGE);
	for (i = 0; i < n; i++)
		(*copy)[i] = col->values[i] < 0 ? col->values[i] ^ flip : col->values[i];
	return *copy;
}

static uint32
rank_column(TsdbColumnBuffer *buf, TsdbColumn *col, uint32 *ranks)
{
	int64	   *copy;
	uint32		nranks;

	if (!col->typbyval)
		return rank_values(buf, col, buf->nrows, ranks);
	nranks = rank_integers(ordered_integers(col, buf->nrows, &copy),
						   col->hasnulls ? col->nulls : NULL, buf->nrows, ranks);
	if (copy != NULL)
		pfree(copy);
	return nranks;
}

static TsdbColumn *
column_of_attnum(TsdbColumnBuffer *buf, AttrNumber attnum)
{
	if (attnum < 1 || attnum > buf->tupdesc->natts || buf->column_of_att[attnum - 1] < 0)
		elog(ERROR, "column %d cannot be sorted by", attnum);
	return &buf->columns[buf->column_of_att[attnum - 1]];
}

/*
 * Dense ranks of the series of all rows; returns the number of series.
 */
static uint32
rank_series(TsdbColumnBuffer *buf, const AttrNumber *series, int nseries, uint32 *ranks)
{
	uint32		n = buf->nrows;
	uint32		nranks = 1;
	int			k;

	for (k = 0; k < nseries; k++)
	{
		TsdbColumn *col = column_of_attnum(buf, series[k]);

		CHECK_FOR_INTERRUPTS();
		if (k == 0)
			nranks = rank_column(buf, col, ranks);
		else
		{
			/* both factors are below 2^31: the product cannot overflow */
			uint32	   *more = palloc_extended((Size) n * sizeof(uint32), MCXT_ALLOC_HUGE);
			int64	   *both = palloc_extended((Size) n * sizeof(int64), MCXT_ALLOC_HUGE);
			int64		nmore = rank_column(buf, col, more);
			uint32		i;

			if (nmore > 1)
			{
				for (i = 0; i < n; i++)
					both[i] = ranks[i] * nmore + more[i];
				nranks = rank_integers(both, NULL, n, ranks);
			}
			pfree(more);
			pfree(both);
		}
	}
	return nranks;
}

uint32
tsdb_column_buffer_sort(TsdbColumnBuffer *buf, const AttrNumber *series, int nseries,
						AttrNumber time_attnum, uint32 *perm)
{
	uint32		n = buf->nrows;
	uint32	   *ranks;			/* series of each row */
	uint32		nranks;
	const int64 *times = NULL;	/* what rows of a series are ordered by */
	int64	   *times_copy = NULL;
	int64	   *last;			/* newest time of each series so far */
	bool	   *unordered;		/* by series */
	uint32	   *starts;			/* [nranks + 1] first place of each series in perm */
	uint32		largest = 0;	/* rows of the largest unordered series */
	uint32		i;

	if (n == 0)
		return 0;

	ranks = palloc_extended((Size) n * sizeof(uint32), MCXT_ALLOC_HUGE);
	if (nseries > 0)
		nranks = rank_series(buf, series, nseries, ranks);
	else
	{
		memset(ranks, 0, (Size) n * sizeof(uint32));
		nranks = 1;
	}

	/* place rows by series, in the order they came */
	starts = palloc_extended((Size) (nranks + 1) * sizeof(uint32), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	if (nranks == 1)
	{
		for (i = 0; i < n; i++)
			perm[i] = i;
		starts[1] = n;
	}
	else
	{
		uint32		sum = 0;

		for (i = 0; i < n; i++)
			starts[ranks[i]]++;
		for (i = 0; i < nranks; i++)
		{
			uint32		count = starts[i];

			starts[i] = sum;
			sum += count;
		}
		for (i = 0; i < n; i++)
			perm[starts[ranks[i]]++] = i;
		/* each start has moved to the next one's */
		for (i = nranks; i > 0; i--)
			starts[i] = starts[i - 1];
		starts[0] = 0;
	}
	Assert(starts[nranks] == n);

	if (time_attnum == 0)
		goto done;
	CHECK_FOR_INTERRUPTS();

	/* which series came out of order? */
	{
		TsdbColumn *col = column_of_attnum(buf, time_attnum);

		if (col->typbyval && !col->hasnulls)
			times = ordered_integers(col, n, &times_copy);
		else
		{
			uint32	   *time_ranks = palloc_extended((Size) n * sizeof(uint32), MCXT_ALLOC_HUGE);

			times_copy = palloc_extended((Size) n * sizeof(int64), MCXT_ALLOC_HUGE);
			(void) rank_column(buf, col, time_ranks);
			for (i = 0; i < n; i++)
				times_copy[i] = time_ranks[i];
			times = times_copy;
			pfree(time_ranks);
		}
	}
	last = palloc_extended((Size) nranks * sizeof(int64), MCXT_ALLOC_HUGE);
	unordered = palloc_extended(nranks, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (i = 0; i < nranks; i++)
		last[i] = PG_INT64_MIN;
	for (i = 0; i < n; i++)
	{
		uint32		rank = ranks[i];

		if (times[i] < last[rank])
			unordered[rank] = true;
		last[rank] = times[i];
	}
	for (i = 0; i < nranks; i++)
	{
		if (unordered[i])
			largest = Max(largest, starts[i + 1] - starts[i]);
	}

	if (largest > 0)
	{
		KeyedRow   *rows = palloc_extended((Size) largest * sizeof(KeyedRow), MCXT_ALLOC_HUGE);
		KeyedRow   *tmp = palloc_extended((Size) largest * sizeof(KeyedRow), MCXT_ALLOC_HUGE);
		uint32		k;

		for (k = 0; k < nranks; k++)
		{
			uint32	   *slice = perm + starts[k];
			uint32		count = starts[k + 1] - starts[k];
			int64		min = PG_INT64_MAX;

			if (!unordered[k])
				continue;
			for (i = 0; i < count; i++)
				min = Min(min, times[slice[i]]);
			for (i = 0; i < count; i++)
			{
				/* from the smallest on: the upper bytes are then mostly equal */
				rows[i].key = (uint64) times[slice[i]] - (uint64) min;
				rows[i].row = slice[i];
			}
			sort_rows(rows, tmp, count);
			for (i = 0; i < count; i++)
				slice[i] = rows[i].row;
		}
		pfree(rows);
		pfree(tmp);
	}
	pfree(last);
	pfree(unordered);
	if (times_copy != NULL)
		pfree(times_copy);

done:
	pfree(starts);
	pfree(ranks);
	return nranks;
}
