/*-------------------------------------------------------------------------
 * chunk_dictionary.c
 *	  Dictionaries of a chunk's columns: whether one is worth while, and which value has which code.
 *
 * A dictionary holds each different value of a column once, sorted; blocks hold codes.  Labels
 * nearly always have one, and so do numbers whose few values are wide (readings of a coarse
 * sensor that picked up binary noise, hashes, identifiers).  Estimates decide, from counts where the
 * buffer shares equal values, else from a sample first.
 *-------------------------------------------------------------------------
 */
#include "chunk/chunk_writer_internal.h"

#include "chunk/column_buffer_internal.h"

#include "port/pg_bitutils.h"

#define INT_DICT_SLOTS			(TSDB_MAX_INT_DICT * 4)
#define DICT_SAMPLE_VECTORS		4
#define DICT_ZSTD_LEVEL			3

/* rows looked at to see whether strings repeat: stretches of neighbours, all over the chunk */
#define SAMPLE_STRETCHES		64
#define SAMPLE_STRETCH_ROWS		16
#define SAMPLE_ROWS				(SAMPLE_STRETCHES * SAMPLE_STRETCH_ROWS)


static int
code_bits(uint32 count)
{
	return count <= 1 ? 0 : pg_leftmost_one_pos32(count - 1) + 1;
}

/* Stores the dictionary of the column, count entries in w->dict_strings. */
static void
store_dictionary(TsdbChunkWriter *w, uint32 count, Size total_len)
{
	Size		bound = tsdb_dict_size(count, total_len);
	uint8	   *out = tsdb_pool_reserve(w, &w->block, bound);
	Size		len = tsdb_dict_encode(w->dict_strings.data, count, out);

	if (len == 0 || len > bound)
		elog(ERROR, "dictionary takes %zu bytes where at most %zu were expected", len, bound);
	if (len >= TSDB_DICT_MIN_PACKED)
	{
		uint8	   *work = tsdb_pool_reserve(w, &w->bytes_work, len * 3);
		Size		packed = tsdb_dict_pack(out, len, DICT_ZSTD_LEVEL, work, work + len, w->bytes_context);

		if (packed > 0)
		{
			out = work;
			len = packed;
		}
	}
	w->column->dict = tsdb_packer_place(w, out, len);
	w->column->dict_count = count;
	w->dict_count = count;
	w->source = TSDB_SOURCE_CODES;
}

/*
 * Do values that nobody has counted repeat often enough to look for a dictionary?  Sorted rows
 * repeat side by side, others anywhere: so stretches of neighbours are looked at.  1,024 rows
 * taken at random from D different values show 1,024^2 / 2D repetitions: 16 for D = 32,768, the most
 * that a dictionary may have.
 */
static bool
strings_repeat(TsdbChunkWriter *w)
{
	uint32		hashes[SAMPLE_ROWS * 2];
	uint32		repeated = 0;
	uint32		sampled = 0;
	uint32		stretch;
	uint32		i;

	memset(hashes, 0, sizeof(hashes));
	for (stretch = 0; stretch < SAMPLE_STRETCHES; stretch++)
	{
		uint32		first = (uint32) ((uint64) w->nrows * stretch / SAMPLE_STRETCHES);
		uint32		end = (uint32) ((uint64) w->nrows * (stretch + 1) / SAMPLE_STRETCHES);

		for (i = first; i < Min(end, first + SAMPLE_STRETCH_ROWS); i++)
		{
			uint32		row = w->perm[i];
			TsdbArenaValue *value;
			uint32		hash;
			uint32		at;

			if (w->col->nulls[row])
				continue;
			value = tsdb_arena_value(w->buf, w->col->offsets[row]);
			hash = tsdb_hash_value(value->bytes, value->len) | 1;
			at = (hash >> 8) % lengthof(hashes);
			while (hashes[at] != 0 && hashes[at] != hash)
				at = (at + 1) % lengthof(hashes);
			repeated += hashes[at] == hash;
			hashes[at] = hash;
			sampled++;
		}
	}
	return repeated * 64 >= sampled;
}

/*
 * Numbers the distinct values of a by-reference column in order of appearance: row_codes, dict_places.
 * Returns their number, or 0 if there are too many for a dictionary, or none.
 */
static uint32
number_strings(TsdbChunkWriter *w, uint32 nvalid, Size *total_len)
{
	TsdbColumn *col = w->col;
	bool		dedup = col->dedup;
	bool		is_series = tsdb_summary_is_series(&w->summary, col->attnum);
	uint32		max_distinct = is_series ? nvalid : nvalid / 2;
	Size		max_bytes = is_series ? TSDB_MAX_SERIES_DICT_BYTES : TSDB_MAX_DICT_BYTES;
	uint32	   *row_codes = tsdb_pool_reserve(w, &w->row_codes, (Size) w->nrows * sizeof(uint32));
	uint32	   *places = tsdb_pool_reserve(w, &w->dict_places, (Size) (max_distinct + 1) * sizeof(uint32));
	uint32	   *hashes = NULL;
	uint32	   *slots = NULL;
	uint32		nslots = 0;
	uint32		ndistinct = 0;
	uint32		i;

	*total_len = 0;
	if (max_distinct == 0)
		return 0;
	if (!dedup)
	{
		nslots = pg_nextpower2_32(max_distinct * 2);
		slots = tsdb_pool_reserve(w, &w->slots, (Size) nslots * sizeof(uint32));
		memset(slots, 0, (Size) nslots * sizeof(uint32));
		hashes = tsdb_pool_reserve(w, &w->dict_hashes, (Size) max_distinct * sizeof(uint32));
	}

	for (i = 0; i < w->nrows; i++)
	{
		uint32		row = w->perm[i];
		uint32		offset = col->offsets[row];
		TsdbArenaValue *value;
		uint32		hash = 0;
		uint32		at = 0;
		int			probes = 0;

		if (col->nulls[row])
			continue;
		value = tsdb_arena_value(w->buf, offset);
		if (dedup)
		{
			if (value->code < ndistinct && places[value->code] == offset)
			{
				row_codes[i] = value->code;
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
					return 0;
				if (hashes[slots[at] - 1] != hash)
					continue;
				other = tsdb_arena_value(w->buf, places[slots[at] - 1]);
				if (other->len == value->len && memcmp(other->bytes, value->bytes, value->len) == 0)
					break;
			}
			if (slots[at] != 0)
			{
				row_codes[i] = slots[at] - 1;
				continue;
			}
		}
		*total_len += value->len;
		if (ndistinct == max_distinct ||
			tsdb_dict_size(ndistinct + 1, *total_len) > max_bytes)
			return 0;
		places[ndistinct] = offset;
		if (dedup)
			value->code = ndistinct;
		else
		{
			hashes[ndistinct] = hash;
			slots[at] = ndistinct + 1;
		}
		row_codes[i] = ndistinct++;
	}
	return ndistinct;
}

void
tsdb_dictionary_of_strings(TsdbChunkWriter *w, uint32 nvalid, Size strings_len)
{
	uint32		ndistinct;
	Size		total_len;
	Size		dict_cost;
	uint32	   *places;
	uint32	   *code_of;
	TsdbBytes  *entries;
	uint32		i;

	if (!w->col->dedup && !strings_repeat(w))
		return;
	ndistinct = number_strings(w, nvalid, &total_len);
	if (ndistinct == 0)
		return;
	/* codes of a column that rows are sorted by are a few runs */
	dict_cost = tsdb_dict_size(ndistinct, total_len) +
		(Size) nvalid * (tsdb_summary_is_series(&w->summary, w->col->attnum) ? 1 : code_bits(ndistinct)) / 8;
	if (dict_cost + dict_cost / 8 > strings_len + nvalid / 2)
		return;

	/* sorted by bytes: codes compare as the strings do in C order */
	places = w->dict_places.data;
	code_of = tsdb_pool_reserve(w, &w->code_of, (Size) ndistinct * sizeof(uint32));
	for (i = 0; i < ndistinct; i++)
		tsdb_arena_value(w->buf, places[i])->code = i;
	tsdb_column_buffer_sort_values(w->buf, places, ndistinct);
	entries = tsdb_pool_reserve(w, &w->dict_strings, (Size) ndistinct * sizeof(TsdbBytes));
	for (i = 0; i < ndistinct; i++)
	{
		TsdbArenaValue *value = tsdb_arena_value(w->buf, places[i]);

		code_of[value->code] = i;
		entries[i].data = value->bytes;
		entries[i].len = value->len;
	}
	store_dictionary(w, ndistinct, total_len);
}

static int
compare_int64(const void *a, const void *b)
{
	int64		x = *(const int64 *) a;
	int64		y = *(const int64 *) b;

	return x < y ? -1 : x > y ? 1 : 0;
}

/*
 * Number of a value among dict_values; a new one gets the next.  PG_UINT32_MAX: there are
 * too many.
 */
static inline uint32
number_value(TsdbChunkWriter *w, int64 value, uint32 *ndistinct)
{
	uint32	   *slots = w->slots.data;
	uint64		h = (uint64) value * UINT64CONST(0x9E3779B97F4A7C15);
	uint32		at = (uint32) (h >> 40) % INT_DICT_SLOTS;
	uint32		probes = 0;

	while (slots[at] != 0)
	{
		if (w->dict_values[slots[at] - 1] == value)
			return slots[at] - 1;
		at = (at + 1) % INT_DICT_SLOTS;
		if (++probes > TSDB_MAX_INT_DICT / 8)
			return PG_UINT32_MAX;
	}
	if (*ndistinct == TSDB_MAX_INT_DICT)
		return PG_UINT32_MAX;
	w->dict_values[*ndistinct] = value;
	slots[at] = ++*ndistinct;
	return *ndistinct - 1;
}

void
tsdb_dictionary_of_ints(TsdbChunkWriter *w)
{
	TsdbColumn *col = w->col;
	uint32		nsamples = Min(DICT_SAMPLE_VECTORS, Max(w->nvectors / 4, 1));
	uint32	   *slots;
	uint32	   *row_codes;
	uint32	   *code_of;
	int64	   *sorted;
	TsdbBytes  *entries;
	uint32		ndistinct = 0;
	uint32		sampled = 0;
	Size		plain = 0;
	Size		total_len;
	uint32		i;

	/* 256 values or less are narrow, and a dictionary must be worth its while */
	if (col->typlen < 4 || w->nrows < 256)
		return;

	slots = tsdb_pool_reserve(w, &w->slots, INT_DICT_SLOTS * sizeof(uint32));
	memset(slots, 0, INT_DICT_SLOTS * sizeof(uint32));
	for (i = 0; i < nsamples; i++)
	{
		uint32		k;

		tsdb_writer_gather_ints(w, (uint32) ((uint64) i * w->nvectors / nsamples));
		for (k = 0; k < w->n; k++)
		{
			if (w->isnull[k])
				continue;
			if (number_value(w, w->values[k], &ndistinct) == PG_UINT32_MAX)
				return;
			sampled++;
		}
		/* 4,096 values repeat in every tenth of 1,024 rows, in every third of 4,096 */
		if (ndistinct > 64 && ndistinct > sampled * 15 / 16)
			return;
	}
	if (sampled == 0 || ndistinct > Max(sampled * 3 / 4, 64))
		return;
	for (i = 0; i < nsamples; i++)
	{
		TsdbEncoding encoding;

		tsdb_writer_gather_ints(w, (uint32) ((uint64) i * w->nvectors / nsamples));
		if (w->nnulls == w->n)
			continue;
		plain += tsdb_writer_encode_rows(w, 0, w->n, NULL, &encoding);
	}
	/* codes must save a fifth, and more than a bit a row */
	if (plain * 8 < (Size) sampled * (code_bits(ndistinct) * 5 / 4 + 2))
		return;

	/* number all rows' values */
	row_codes = tsdb_pool_reserve(w, &w->row_codes, (Size) w->nrows * sizeof(uint32));
	for (i = 0; i < w->nrows; i++)
	{
		uint32		row = w->perm[i];

		if (col->nulls[row])
			continue;
		row_codes[i] = number_value(w, col->values[row], &ndistinct);
		if (row_codes[i] == PG_UINT32_MAX)
			return;
	}
	total_len = (Size) ndistinct * col->typlen;
	if (tsdb_dict_size(ndistinct, total_len) + (Size) w->nrows * code_bits(ndistinct) / 8 >
		plain * w->nrows / sampled * 4 / 5)
		return;

	/* sorted: codes of integers compare as the integers do */
	code_of = tsdb_pool_reserve(w, &w->code_of, (Size) ndistinct * sizeof(uint32));
	sorted = tsdb_pool_reserve(w, &w->dict_hashes, (Size) ndistinct * sizeof(int64));
	entries = tsdb_pool_reserve(w, &w->dict_strings, (Size) ndistinct * sizeof(TsdbBytes));
	memcpy(sorted, w->dict_values, (Size) ndistinct * sizeof(int64));
	qsort(sorted, ndistinct, sizeof(int64), compare_int64);
	for (i = 0; i < ndistinct; i++)
	{
		uint32		number = number_value(w, sorted[i], &ndistinct);

		code_of[number] = i;
		/* the low bytes of a little endian integer are the lane */
		entries[i].data = (const uint8 *) &sorted[i];
		entries[i].len = col->typlen;
	}
	store_dictionary(w, ndistinct, total_len);
}
