/*-------------------------------------------------------------------------
 * series_sample.c
 *	  Chooses the columns that name a series from gathered rows.
 *
 * What a series is: rows of one device, in which each time comes once.  So the columns looked
 * for have few values, and together with time tell rows apart.  README.md has the rules and
 * what they give on common schemas.
 *
 * The choice only steers the order of rows within chunks: a wrong one costs space and
 * pruning, never a result.  It is made anew for each batch.  Measured with 500,000 rows: 1 to 2 ms with three
 * text columns, and 4 to 6 ms a column where integers must be counted (loading them takes 800 ms).
 *-------------------------------------------------------------------------
 */
#include "options/options_internal.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "chunk/column_buffer.h"
#include "common/hashfn.h"
#include "port/pg_bitutils.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

/* rows looked at for "does time come once"; a table of twice as many slots stays in the L2 cache */
#define SAMPLE_ROWS			16384
#define SAMPLE_SLOTS		(2 * SAMPLE_ROWS)
/* fewer rows tell nothing about repetition */
#define MIN_ROWS			64
/* a series has at least this many rows of the batch, on average */
#define MIN_ROWS_A_SERIES	4
/* longer values are messages, not names */
#define MAX_NAME_BYTES		128
#define MAX_TEXT_COLUMNS	4
#define MAX_INT_COLUMNS		2
/* bits for linear counting: 32 KB, exact enough up to a million distinct values */
#define COUNT_BITS			(1 << 18)

typedef struct Sample
{
	TsdbColumnBuffer *buf;
	uint32		nrows;
	uint32	   *rows;			/* [nrows], rising; all rows of a time are in, or none (up to the limit) */
	uint64	   *keys;			/* [nrows], hash of time and of the columns chosen so far */
	uint64	   *slots;			/* [SAMPLE_SLOTS] */
} Sample;

static inline uint64
mix64(uint64 h)
{
	/* the finalizer of splitmix64 */
	h ^= h >> 30;
	h *= UINT64CONST(0xBF58476D1CE4E5B9);
	h ^= h >> 27;
	h *= UINT64CONST(0x94D049BB133111EB);
	return h ^ (h >> 31);
}

static inline uint64
value_hash(TsdbColumnBuffer *buf, const TsdbColumn *column, uint32 row)
{
	if (column->nulls[row])
		return UINT64CONST(0x9E3779B97F4A7C15);
	if (column->typbyval)
		return mix64((uint64) column->values[row]);
	if (column->dedup)
		return mix64(column->offsets[row]); /* one place = one value */
	else
	{
		TsdbArenaValue *value = tsdb_arena_value(buf, column->offsets[row]);

		return DatumGetUInt64(hash_any_extended(value->bytes, (int) value->len, 0));
	}
}

static const TsdbColumn *
column_of(TsdbColumnBuffer *buf, AttrNumber attnum)
{
	Assert(attnum > 0 && attnum <= buf->tupdesc->natts && buf->column_of_att[attnum - 1] >= 0);
	return &buf->columns[buf->column_of_att[attnum - 1]];
}

/*
 * Rows by their time's hash, not by their place: rows of one time may lie side by side (loaded
 * as they were measured) or far apart (loaded device by device), and must be seen together.
 */
static void
take_sample(Sample *sample, TsdbColumnBuffer *buf, const TsdbColumn *time)
{
	uint64		mask = 0;
	uint32		row;

	if (buf->nrows > SAMPLE_ROWS)
		mask = pg_nextpower2_32(buf->nrows / (SAMPLE_ROWS / 2)) - 1;

	sample->buf = buf;
	sample->rows = palloc(sizeof(uint32) * SAMPLE_ROWS);
	sample->keys = palloc(sizeof(uint64) * SAMPLE_ROWS);
	sample->slots = palloc(sizeof(uint64) * SAMPLE_SLOTS);
	for (;;)
	{
		sample->nrows = 0;
		for (row = 0; row < buf->nrows && sample->nrows < SAMPLE_ROWS; row++)
		{
			uint64		h = value_hash(buf, time, row);

			if ((h & mask) != 0)
				continue;
			sample->rows[sample->nrows] = row;
			sample->keys[sample->nrows++] = h;
		}
		/* few, long-lasting times: their hashes may all have missed */
		if (sample->nrows >= MIN_ROWS || mask == 0)
			return;
		mask = 0;
	}
}

/* Distinct pairs of (key, value of column) in the sample; column NULL: distinct keys. */
static uint32
count_pairs(Sample *sample, const TsdbColumn *column)
{
	uint32		ndistinct = 0;
	uint32		i;

	memset(sample->slots, 0, sizeof(uint64) * SAMPLE_SLOTS);
	for (i = 0; i < sample->nrows; i++)
	{
		uint64		h = sample->keys[i];
		uint32		slot;

		if (column != NULL)
			h = mix64(h ^ value_hash(sample->buf, column, sample->rows[i]));
		if (h == 0)
			h = 1;				/* 0 = free slot */
		slot = (uint32) (h >> 32) % SAMPLE_SLOTS;
		while (sample->slots[slot] != 0 && sample->slots[slot] != h)
			slot = (slot + 1) % SAMPLE_SLOTS;
		if (sample->slots[slot] == 0)
		{
			sample->slots[slot] = h;
			ndistinct++;
		}
	}
	return ndistinct;
}

static void
add_to_keys(Sample *sample, const TsdbColumn *column)
{
	uint32		i;

	for (i = 0; i < sample->nrows; i++)
		sample->keys[i] = mix64(sample->keys[i] ^ value_hash(sample->buf, column, sample->rows[i]));
}

/*
 * Distinct values of a column over the whole batch.  Where equal values share a place the
 * buffer knows, else by linear counting (Whang et al. 1990, section 3): COUNT_BITS bits, one for each hash; unset
 * ones tell the number.
 */
static double
count_values(TsdbColumnBuffer *buf, const TsdbColumn *column)
{
	uint8	   *bits;
	uint64		nset;
	uint32		row;

	if (!column->typbyval && column->dedup)
		return column->ndistinct;

	bits = palloc0(COUNT_BITS / 8);
	for (row = 0; row < buf->nrows; row++)
	{
		uint32		bit = (uint32) (value_hash(buf, column, row) % COUNT_BITS);

		bits[bit / 8] |= (uint8) (1 << (bit % 8));
	}
	nset = pg_popcount((char *) bits, COUNT_BITS / 8);
	pfree(bits);
	if (nset == COUNT_BITS)
		return buf->nrows;
	return Min(-(double) COUNT_BITS * log(1.0 - (double) nset / COUNT_BITS), (double) buf->nrows);
}

/* text, enum, uuid, network and hardware addresses, domains over them */
static bool
is_name_type(Oid typid)
{
	Oid			base = getBaseType(typid);
	char		category;
	bool		preferred;

	if (base == UUIDOID || base == MACADDROID || base == MACADDR8OID)
		return true;
	get_type_category_preferred(base, &category, &preferred);
	return category == TYPCATEGORY_STRING || category == TYPCATEGORY_ENUM ||
		category == TYPCATEGORY_NETWORK;
}

static bool
is_int_type(Oid typid)
{
	Oid			base = getBaseType(typid);

	return base == INT8OID || base == INT4OID || base == INT2OID;
}

static bool
is_candidate(TsdbColumnBuffer *buf, const TsdbColumn *column, bool ints, AttrNumber time_attnum)
{
	double		ndistinct;

	if (column->attnum == time_attnum)
		return false;
	if (ints ? !is_int_type(column->typid) : !is_name_type(column->typid))
		return false;
	if (!tsdb_option_series_type(column->typid))
		return false;
	if (!column->typbyval)
	{
		/* the buffer stops sharing where values hardly repeat */
		if (!column->dedup || column->raw_bytes > (uint64) buf->nrows * MAX_NAME_BYTES)
			return false;
	}

	ndistinct = count_values(buf, column);
	return ndistinct >= 1.5 && ndistinct <= (double) buf->nrows / MIN_ROWS_A_SERIES;
}

/*
 * Takes one column after the other, each time the one that tells most rows apart, until time
 * comes once in a series or nothing helps any more.  Of columns that are equally good (within
 * 1 %) the first in the table's order is taken.  Returns the share of rows that are told apart.
 */
static double
choose_columns(Sample *sample, const TsdbColumn **candidates, int ncandidates, int limit,
			   const TsdbColumn **chosen, int *nchosen)
{
	uint32		pairs = count_pairs(sample, NULL);

	*nchosen = 0;
	while (*nchosen < limit && pairs < sample->nrows * 0.99 + (*nchosen == 0 ? sample->nrows : 0))
	{
		int			best = -1;
		uint32		best_pairs = 0;
		int			i;

		for (i = 0; i < ncandidates; i++)
		{
			uint32		n;

			if (candidates[i] == NULL)
				continue;
			n = count_pairs(sample, candidates[i]);
			if (best < 0 || n > best_pairs * 1.01)
			{
				best = i;
				best_pairs = n;
			}
		}
		if (best < 0 || (*nchosen > 0 && best_pairs < pairs * 1.01))
			break;
		chosen[(*nchosen)++] = candidates[best];
		add_to_keys(sample, candidates[best]);
		candidates[best] = NULL;
		pairs = best_pairs;
	}
	return (double) pairs / sample->nrows;
}

/*
 * A key of time and a number of the row itself (primary key (id, time), as partitioned tables need
 * it) names no series: each row would be one.  Seen when hardly a value comes twice
 * although times do not either; many devices that were each measured once at one time are kept.
 */
static bool
key_is_row_number(TsdbColumnBuffer *buf, Sample *sample, const TsdbTableOptions *options)
{
	uint32		times = count_pairs(sample, NULL);
	int			i;

	if (times < sample->nrows * 0.5)
		return false;
	for (i = 0; i < options->nseries; i++)
	{
		if (count_values(buf, column_of(buf, options->series[i])) > buf->nrows * 0.9)
			return true;
	}
	return false;
}

void
tsdb_options_sample(TsdbTableOptions *options, struct TsdbColumnBuffer *buf)
{
	const TsdbColumn **candidates;
	const TsdbColumn *chosen[Max(MAX_TEXT_COLUMNS, MAX_INT_COLUMNS)];
	int			ncandidates = 0;
	int			nchosen = 0;
	Sample		sample;
	MemoryContext cxt;
	MemoryContext old;
	int			i;

	if (options->series_given || options->time_attnum == 0 || buf->nrows < MIN_ROWS)
		return;

	cxt = AllocSetContextCreate(CurrentMemoryContext, "tsdb series sample", ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(cxt);
	take_sample(&sample, buf, column_of(buf, options->time_attnum));

	if (options->nseries > 0 && key_is_row_number(buf, &sample, options))
		options->nseries = 0;

	if (options->nseries == 0)
	{
		candidates = palloc(sizeof(TsdbColumn *) * Max(buf->ncolumns, 1));
		for (i = 0; i < buf->ncolumns; i++)
		{
			if (is_candidate(buf, &buf->columns[i], false, options->time_attnum))
				candidates[ncandidates++] = &buf->columns[i];
		}
		if (ncandidates > 0)
			(void) choose_columns(&sample, candidates, ncandidates, MAX_TEXT_COLUMNS, chosen, &nchosen);
		else if (count_pairs(&sample, NULL) < sample.nrows * 0.9)
		{
			/*
			 * Numbers may be measurements.  They name series only if times repeat, and stop repeating within a
			 * series.
			 */
			for (i = 0; i < buf->ncolumns; i++)
			{
				if (is_candidate(buf, &buf->columns[i], true, options->time_attnum))
					candidates[ncandidates++] = &buf->columns[i];
			}
			if (ncandidates > 0 &&
				choose_columns(&sample, candidates, ncandidates, MAX_INT_COLUMNS, chosen, &nchosen) < 0.99)
				nchosen = 0;
		}

		/* in the table's order */
		for (i = 0; i < buf->ncolumns; i++)
		{
			int			j;

			for (j = 0; j < nchosen; j++)
			{
				if (chosen[j] == &buf->columns[i])
					options->series[options->nseries++] = buf->columns[i].attnum;
			}
		}
	}

	MemoryContextSwitchTo(old);
	MemoryContextDelete(cxt);
}
