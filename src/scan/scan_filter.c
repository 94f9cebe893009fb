/*-------------------------------------------------------------------------
 * scan_filter.c
 *	  Conditions of a scan that are tested on whole vectors.
 *
 * An EXPR is evaluated for no value but of rows that are alive and have passed what came before, because it may raise an
 * error: only a leakproof one, which never does, is asked about a whole dictionary.
 *
 * The rows that come in are alive; those that come out are a subset.  Kernels leave bits of NULL rows set or not as
 * their zeros compare: they are taken out afterwards.
 *-------------------------------------------------------------------------
 */
#include "scan/scan_filter_internal.h"

#include "executor/executor.h"
#include "kernels.h"
#include "tsdb_codec.h"
#include "utils/memutils.h"

/* IN lists up to this long are compared value by value */
#define IN_KERNEL_VALUES	8

/* dictionaries up to this long are judged as a whole when a chunk is opened */
#define JUDGE_VALUES		4096

/*-------------- chunks and zones --------------*/

static bool
eval_expr(TsdbFilter *filter, FilterNode *node, Datum value, bool isnull)
{
	TupleTableSlot *slot = filter->slot;
	Datum		result;
	bool		result_null;

	slot->tts_values[node->attnum - 1] = value;
	slot->tts_isnull[node->attnum - 1] = isnull;
	filter->econtext->ecxt_scantuple = slot;
	result = ExecEvalExprSwitchContext(node->expr, filter->econtext, &result_null);
	return !result_null && DatumGetBool(result);
}

/* Does a value equal one of those that the column is compared with?  (It is plain: values of vectors are.) */
static bool
eval_bytes(TsdbFilter *filter, FilterNode *node, Datum value)
{
	TsdbBytes	bytes = tsdb_filter_bytes(value, TupleDescAttr(filter->desc, node->attnum - 1)->attlen);

	if (node->nwanted == 1)
		return node->wanted[0].len == bytes.len && memcmp(node->wanted[0].data, bytes.data, bytes.len) == 0;
	return bsearch(&bytes, node->wanted, node->nwanted, sizeof(TsdbBytes), tsdb_filter_compare_bytes) != NULL;
}

/* Does a value pass an EXPR? */
static inline bool
passes(TsdbFilter *filter, FilterNode *node, Datum value, bool isnull)
{
	return node->by_bytes ? !isnull && eval_bytes(filter, node, value) : eval_expr(filter, node, value, isnull);
}

/* The slot as a row of our own making; columns that no expression reads are NULL. */
static void
begin_expr(TsdbFilter *filter, FilterNode *node)
{
	TupleTableSlot *slot = filter->slot;

	if (TTS_EMPTY(slot))
	{
		memset(slot->tts_isnull, true, filter->desc->natts * sizeof(bool));
		memset(slot->tts_values, 0, filter->desc->natts * sizeof(Datum));
		ExecStoreVirtualTuple(slot);
	}
}

/* Has every vector of the column codes?  nulls: is some row NULL? */
static bool
all_coded(FilterNode *node, uint32 nvectors, bool *nulls)
{
	bool		result = true;
	uint32		v;

	*nulls = false;
	for (v = 0; v < nvectors; v++)
	{
		const TsdbVector *vector = &node->vectors[v];

		*nulls = *nulls || vector->nnulls > 0;
		if (vector->nparts != 0 || (vector->block.length != 0 && vector->encoding != TSDB_ENC_DICT))
			result = false;
	}
	return result;
}

/* The dictionary's codes that a comparison of bytes is true for. */
static TsdbFilterVerdict
find_codes(TsdbFilter *filter, FilterNode *node)
{
	bool		nulls;
	int			nfound = tsdb_chunk_dictionary_find(filter->chunk, node->attnum, node->wanted, node->nwanted, node->found, &node->ndict);

	node->has_dict = node->judged = nfound >= 0;
	node->cost = node->has_dict ? 1 : 5;
	node->nfound = Max(nfound, 0);
	return nfound == 0 && all_coded(node, filter->chunk->nvectors, &nulls) ? TSDB_FILTER_NONE : TSDB_FILTER_SOME;
}

/* Remembers nothing of an earlier chunk's dictionary; judges it as a whole where that is safe. */
static TsdbFilterVerdict
set_dictionary(TsdbFilter *filter, FilterNode *node)
{
	bool		may_be_null;
	bool		coded;
	int			npassed = 0;
	uint32		i;

	if (node->by_bytes)
		return find_codes(filter, node);
	node->dict = tsdb_chunk_dictionary(filter->chunk, node->attnum, &node->ndict);
	node->has_dict = node->dict != NULL;
	node->cost = node->dict ? 1 : 5;
	node->judged = false;
	if (node->dict == NULL)
		return TSDB_FILTER_SOME;
	if (node->ndict + 1 > node->answers_size)
	{
		if (node->answers)
			pfree(node->answers);
		node->answers = MemoryContextAllocHuge(filter->cxt, (Size) node->ndict + 1);
		node->answers_size = node->ndict + 1;
	}
	memset(node->answers, ANSWER_UNKNOWN, (Size) node->ndict + 1);
	if (!node->leakproof || node->ndict > JUDGE_VALUES)
		return TSDB_FILTER_SOME;

	coded = all_coded(node, filter->chunk->nvectors, &may_be_null);
	begin_expr(filter, node);
	for (i = 0; i <= node->ndict; i++)
	{
		bool		isnull = i == node->ndict;
		bool		passed = eval_expr(filter, node, isnull ? (Datum) 0 : node->dict[i], isnull);

		node->answers[i] = passed ? ANSWER_TRUE : ANSWER_FALSE;
		if (!isnull || may_be_null)
			npassed += passed;
		if (i % 64 == 63)
			ResetExprContext(filter->econtext);
	}
	ResetExprContext(filter->econtext);
	node->judged = true;
	if (node->ndict + 1 > node->passing_size)
	{
		if (node->passing)
			pfree(node->passing);
		node->passing = MemoryContextAlloc(filter->cxt, (node->ndict + 1) * sizeof(uint32));
		node->passing_size = node->ndict + 1;
	}
	node->passing[0] = 0;
	for (i = 0; i < node->ndict; i++)
		node->passing[i + 1] = node->passing[i] + (node->answers[i] == ANSWER_TRUE);
	return coded && npassed == 0 ? TSDB_FILTER_NONE : TSDB_FILTER_SOME;
}

/*
 * Should a child of an AND be tested before another one?  What may raise an error does not go ahead of what was written before
 * it, so that a condition can protect those behind it, as on heap.
 */
static bool
goes_ahead(const FilterNode *child, const FilterNode *other)
{
	if (child->cost == other->cost ? child->position > other->position : child->cost > other->cost)
		return false;
	return child->safe || child->position < other->position;
}

static TsdbFilterVerdict
set_chunk(TsdbFilter *filter, FilterNode *node)
{
	TsdbFilterVerdict verdict;
	bool		some = false;
	int			column;
	int			i;
	int			j;

	switch (node->kind)
	{
		case FILTER_AND:
			node->cost = 0;
			for (i = 0; i < node->nchildren; i++)
			{
				if (set_chunk(filter, node->children[i]) == TSDB_FILTER_NONE)
					return TSDB_FILTER_NONE;
			}
			/* cheap ones first: a handful, so by insertion */
			for (i = 1; i < node->nchildren; i++)
			{
				FilterNode *child = node->children[i];

				for (j = i; j > 0 && goes_ahead(child, node->children[j - 1]); j--)
					node->children[j] = node->children[j - 1];
				node->children[j] = child;
			}
			for (i = 0; i < node->nchildren; i++)
				node->cost = Max(node->cost, node->children[i]->cost);
			return TSDB_FILTER_SOME;
		case FILTER_OR:
			node->cost = 4;
			for (i = 0; i < node->nchildren; i++)
			{
				verdict = set_chunk(filter, node->children[i]);
				some = some || verdict != TSDB_FILTER_NONE;
				node->cost = Max(node->cost, node->children[i]->cost);
			}
			return some ? TSDB_FILTER_SOME : TSDB_FILTER_NONE;
		default:
			column = tsdb_chunk_column(filter->chunk, node->attnum);
			node->vectors = column >= 0 ? tsdb_chunk_vectors(filter->chunk, column) : NULL;
			node->cost = node->kind == FILTER_NULL_TEST ? 0 : node->kind == FILTER_COMPARE ? 2 : 3;
			node->has_dict = node->judged = false;
			node->dict = NULL;
			return node->kind == FILTER_EXPR ? set_dictionary(filter, node) : TSDB_FILTER_SOME;
	}
}

TsdbFilterVerdict
tsdb_filter_set_chunk(TsdbFilter *filter, TsdbChunk *chunk)
{
	filter->chunk = chunk;
	return set_chunk(filter, filter->root);
}

/* What the least and greatest value say of "value op c". */
static TsdbFilterVerdict
zone_compare(TsdbCompareOp op, int64 min, int64 max, int64 c)
{
	bool		none;
	bool		all;

	switch (op)
	{
		case TSDB_CMP_LT:
			none = min >= c;
			all = max < c;
			break;
		case TSDB_CMP_LE:
			none = min > c;
			all = max <= c;
			break;
		case TSDB_CMP_EQ:
			none = c < min || c > max;
			all = min == c && max == c;
			break;
		case TSDB_CMP_NE:
			none = min == c && max == c;
			all = c < min || c > max;
			break;
		case TSDB_CMP_GE:
			none = max < c;
			all = min >= c;
			break;
		default:
			none = max <= c;
			all = min > c;
			break;
	}
	return none ? TSDB_FILTER_NONE : all ? TSDB_FILTER_ALL : TSDB_FILTER_SOME;
}

/* Index of the first code found that is not below this one. */
static int
first_found(const FilterNode *node, uint32 code)
{
	int			low = 0;
	int			high = node->nfound;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (node->found[middle] < code)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* What is known to be said of a code (ndict: of NULL). */
static inline bool
code_passes(const FilterNode *node, uint32 code)
{
	int			at;

	if (!node->by_bytes)
		return node->answers[code] == ANSWER_TRUE;
	at = first_found(node, code);
	return at < node->nfound && node->found[at] == code;
}

/* What the range of a vector's codes says, all answers known. */
static TsdbFilterVerdict
zone_codes(const FilterNode *node, const TsdbVector *vector, uint32 nrows)
{
	bool		nulls_pass = code_passes(node, node->ndict);
	uint32		npassing;

	if (vector->nnulls == nrows)
		return nulls_pass ? TSDB_FILTER_ALL : TSDB_FILTER_NONE;
	if ((vector->flags & TSDB_VEC_ZONE) == 0 || vector->zone_min < 0 || vector->zone_max >= (int64) node->ndict ||
		node->byval)
		return TSDB_FILTER_SOME;
	if (node->by_bytes)
		npassing = (uint32) (first_found(node, (uint32) vector->zone_max + 1) - first_found(node, (uint32) vector->zone_min));
	else
		npassing = node->passing[vector->zone_max + 1] - node->passing[vector->zone_min];
	if (npassing == 0 && (vector->nnulls == 0 || !nulls_pass))
		return TSDB_FILTER_NONE;
	if ((int64) npassing == vector->zone_max - vector->zone_min + 1 && (vector->nnulls == 0 || nulls_pass))
		return TSDB_FILTER_ALL;
	return TSDB_FILTER_SOME;
}

static TsdbFilterVerdict
zone(TsdbFilter *filter, FilterNode *node, uint32 v)
{
	const TsdbVector *vector;
	uint32		nrows = Min(filter->chunk->nrows - v * TSDB_VECTOR_ROWS, TSDB_VECTOR_ROWS);
	TsdbFilterVerdict verdict;
	bool		all;
	int			i;

	switch (node->kind)
	{
		case FILTER_AND:
			all = true;
			for (i = 0; i < node->nchildren; i++)
			{
				verdict = zone(filter, node->children[i], v);
				if (verdict == TSDB_FILTER_NONE)
					return TSDB_FILTER_NONE;
				all = all && verdict == TSDB_FILTER_ALL;
			}
			return all ? TSDB_FILTER_ALL : TSDB_FILTER_SOME;
		case FILTER_OR:
			all = false;
			verdict = TSDB_FILTER_NONE;
			for (i = 0; i < node->nchildren; i++)
			{
				TsdbFilterVerdict child = zone(filter, node->children[i], v);

				verdict = Max(verdict, child);
			}
			return verdict;
		default:
			break;
	}

	if ((node->kind == FILTER_COMPARE || node->kind == FILTER_IN) && (node->nscalars == 0 || node->never))
		return TSDB_FILTER_NONE;
	if (node->vectors == NULL)
		return TSDB_FILTER_SOME;
	vector = &node->vectors[v];
	switch (node->kind)
	{
		case FILTER_NULL_TEST:
			if (vector->nnulls == 0)
				return node->is_null ? TSDB_FILTER_NONE : TSDB_FILTER_ALL;
			if (vector->nnulls == nrows)
				return node->is_null ? TSDB_FILTER_ALL : TSDB_FILTER_NONE;
			return TSDB_FILTER_SOME;
		case FILTER_COMPARE:
			if (vector->nnulls == nrows)
				return TSDB_FILTER_NONE;
			if (node->always)
				return vector->nnulls == 0 ? TSDB_FILTER_ALL : TSDB_FILTER_SOME;
			if (node->element != TSDB_ELEM_I64 || (vector->flags & TSDB_VEC_ZONE) == 0)
				return TSDB_FILTER_SOME;
			verdict = zone_compare(node->op, vector->zone_min, vector->zone_max, node->scalars[0].i);
			return verdict == TSDB_FILTER_ALL && vector->nnulls > 0 ? TSDB_FILTER_SOME : verdict;
		case FILTER_IN:
			if (vector->nnulls == nrows)
				return TSDB_FILTER_NONE;
			if (node->element != TSDB_ELEM_I64 || (vector->flags & TSDB_VEC_ZONE) == 0)
				return TSDB_FILTER_SOME;
			for (i = 0; i < node->nscalars; i++)
			{
				verdict = zone_compare(TSDB_CMP_EQ, vector->zone_min, vector->zone_max, node->scalars[i].i);
				if (verdict == TSDB_FILTER_ALL && vector->nnulls == 0)
					return TSDB_FILTER_ALL;
				if (verdict != TSDB_FILTER_NONE)
					return TSDB_FILTER_SOME;
			}
			return TSDB_FILTER_NONE;
		case FILTER_EXPR:
			return node->judged ? zone_codes(node, vector, nrows) : TSDB_FILTER_SOME;
		default:
			return TSDB_FILTER_SOME;
	}
}

TsdbFilterVerdict
tsdb_filter_zone(TsdbFilter *filter, uint32 vector)
{
	return zone(filter, filter->root, vector);
}

/*-------------- rows --------------*/

static inline bool
any_row(const uint64 *rows, int words)
{
	uint64		any = 0;
	int			i;

	for (i = 0; i < words; i++)
		any |= rows[i];
	return any != 0;
}

/*
 * COMPARE on integers of 32 bits, which decimals and small integers are stored as; false: these are not.
 */
static bool
narrow_rows(FilterNode *node, TsdbVectorSet *set, uint64 *rows)
{
	const TsdbKernels *k = tsdb_kernels;
	uint64		bits[TSDB_VECTOR_WORDS];
	uint64		more[TSDB_VECTOR_WORDS];
	int			n = (int) set->nrows;
	const int32 *values;
	TsdbScalar	not_below;
	TsdbScalar	above;
	unsigned	scale;

	if (node->widen || (node->element != TSDB_ELEM_F64 && node->element != TSDB_ELEM_I64))
		return false;
	values = tsdb_vector_narrow(set, node->attnum, true, &scale);
	if (values == NULL)
		return false;
	if (node->element == TSDB_ELEM_I64)
	{
		k->compare(TSDB_ELEM_I32, values, n, node->op, node->scalars[0], bits);
		k->bitmap_and(rows, bits, n, rows);
		return true;
	}

	if (!node->bounds_known || node->scale != scale || memcmp(&node->bounds_of, &node->scalars[0].d, sizeof(double)) != 0)
	{
		tsdb_narrow_bounds(node->scalars[0].d, scale, &node->not_below, &node->above);
		node->scale = scale;
		node->bounds_of = node->scalars[0].d;
		node->bounds_known = true;
	}
	not_below.i = node->not_below;
	above.i = node->above;
	switch (node->op)
	{
		case TSDB_CMP_LT:
			k->compare(TSDB_ELEM_I32, values, n, TSDB_CMP_LT, not_below, bits);
			break;
		case TSDB_CMP_LE:
			k->compare(TSDB_ELEM_I32, values, n, TSDB_CMP_LT, above, bits);
			break;
		case TSDB_CMP_GE:
			k->compare(TSDB_ELEM_I32, values, n, TSDB_CMP_GE, not_below, bits);
			break;
		case TSDB_CMP_GT:
			k->compare(TSDB_ELEM_I32, values, n, TSDB_CMP_GE, above, bits);
			break;
		case TSDB_CMP_EQ:
		case TSDB_CMP_NE:
			k->compare(TSDB_ELEM_I32, values, n, TSDB_CMP_GE, not_below, bits);
			k->compare(TSDB_ELEM_I32, values, n, TSDB_CMP_LT, above, more);
			k->bitmap_and(bits, more, n, bits);
			if (node->op == TSDB_CMP_NE)
				k->bitmap_not(bits, n, bits);
			break;
	}
	k->bitmap_and(rows, bits, n, rows);
	return true;
}

static bool
compare_rows(TsdbFilter *filter, FilterNode *node, TsdbVectorSet *set, uint64 *rows)
{
	const TsdbKernels *k = tsdb_kernels;
	TsdbVectorColumn *column = &set->columns[node->attnum - 1];
	uint64		bits[TSDB_VECTOR_WORDS];
	int			n = (int) set->nrows;
	int			words = (n + 63) / 64;
	const void *values;
	int			i;

	if (node->kind == FILTER_COMPARE && !node->always && narrow_rows(node, set, rows))
		return any_row(rows, words);
	tsdb_vector_decode(set, node->attnum);
	values = column->values;
	if (node->element == TSDB_ELEM_F32)
	{
		/* kernels want floats side by side */
		float	   *floats = (float *) filter->packed;

		for (i = 0; i < n; i++)
			floats[i] = DatumGetFloat4(column->values[i]);
		values = floats;
	}
	else if (node->widen)
	{
		double	   *doubles = (double *) filter->packed;

		for (i = 0; i < n; i++)
			doubles[i] = DatumGetFloat4(column->values[i]);
		values = doubles;
	}

	if (node->kind == FILTER_COMPARE)
	{
		if (!node->always)
		{
			k->compare(node->element, values, n, node->op, node->scalars[0], bits);
			k->bitmap_and(rows, bits, n, rows);
		}
	}
	else if (node->nscalars <= IN_KERNEL_VALUES)
	{
		uint64		found[TSDB_VECTOR_WORDS];

		k->compare(node->element, values, n, TSDB_CMP_EQ, node->scalars[0], found);
		for (i = 1; i < node->nscalars; i++)
		{
			k->compare(node->element, values, n, TSDB_CMP_EQ, node->scalars[i], bits);
			k->bitmap_or(found, bits, n, found);
		}
		k->bitmap_and(rows, found, n, rows);
	}
	else
	{
		int			nrows = k->bitmap_to_rows(rows, n, filter->rows);

		memset(rows, 0, words * sizeof(uint64));
		for (i = 0; i < nrows; i++)
		{
			TsdbScalar	wanted;

			wanted.i = (int64) column->values[filter->rows[i]];
			if (bsearch_arg(&wanted, node->scalars, node->nscalars, sizeof(TsdbScalar), tsdb_filter_compare_scalars, &node->element))
				tsdb_row_bits_set(rows, filter->rows[i]);
		}
	}
	k->bitmap_from_bools(column->isnull, n, bits);
	k->bitmap_andnot(rows, bits, n, rows);
	return any_row(rows, words);
}

static bool
null_rows(FilterNode *node, TsdbVectorSet *set, uint64 *rows)
{
	const TsdbKernels *k = tsdb_kernels;
	uint64		bits[TSDB_VECTOR_WORDS];
	int			n = (int) set->nrows;

	tsdb_vector_decode(set, node->attnum);
	k->bitmap_from_bools(set->columns[node->attnum - 1].isnull, n, bits);
	if (node->is_null)
		k->bitmap_and(rows, bits, n, rows);
	else
		k->bitmap_andnot(rows, bits, n, rows);
	return any_row(rows, (n + 63) / 64);
}

/*
 * The same, all answers known: a run of equal codes, as sorted series have them, is answered at once.
 */
static void
judged_rows(TsdbFilter *filter, FilterNode *node, int n, uint64 *rows)
{
	const uint32 *codes = filter->codes;
	const bool *isnull = filter->isnull;
	bool		has_nulls = memchr(isnull, true, n) != NULL;
	int			first = 0;

	while (first < n)
	{
		int			last = first + 1;
		uint32		code = isnull[first] ? node->ndict : codes[first];

		if (has_nulls)
		{
			while (last < n && isnull[last] == isnull[first] && codes[last] == codes[first])
				last++;
		}
		else
		{
			while (last < n && codes[last] == code)
				last++;
		}
		if (!code_passes(node, code))
		{
			int			row = first;

			/* bits first .. last - 1 of the words that they lie in */
			while (row < last)
			{
				int			in_word = Min(64 - row % 64, last - row);
				uint64		mask = in_word == 64 ? PG_UINT64_MAX : ((UINT64CONST(1) << in_word) - 1) << (row % 64);

				rows[row / 64] &= ~mask;
				row += in_word;
			}
		}
		first = last;
	}
}

static bool
expr_rows(TsdbFilter *filter, FilterNode *node, TsdbVectorSet *set, uint64 *rows)
{
	int			words = ((int) set->nrows + 63) / 64;
	bool		coded = node->has_dict &&
		tsdb_vector_codes(set, node->attnum, filter->codes, filter->isnull);
	int			nrows;
	int			i;

	begin_expr(filter, node);
	if (coded && node->judged)
	{
		judged_rows(filter, node, (int) set->nrows, rows);
		return any_row(rows, words);
	}
	nrows = tsdb_kernels->bitmap_to_rows(rows, (int) set->nrows, filter->rows);
	memset(rows, 0, words * sizeof(uint64));
	if (coded)
	{
		for (i = 0; i < nrows; i++)
		{
			uint32		row = filter->rows[i];
			uint32		code = filter->isnull[row] ? node->ndict : filter->codes[row];

			if (node->answers[code] == ANSWER_UNKNOWN)
				node->answers[code] = eval_expr(filter, node, code == node->ndict ? (Datum) 0 : node->dict[code],
												code == node->ndict) ? ANSWER_TRUE : ANSWER_FALSE;
			if (node->answers[code] == ANSWER_TRUE)
				tsdb_row_bits_set(rows, row);
		}
	}
	else
	{
		TsdbVectorColumn *column = &set->columns[node->attnum - 1];

		tsdb_vector_decode(set, node->attnum);
		for (i = 0; i < nrows; i++)
		{
			uint32		row = filter->rows[i];

			if (passes(filter, node, column->values[row], column->isnull[row]))
				tsdb_row_bits_set(rows, row);
			if (i % 64 == 63)
				ResetExprContext(filter->econtext);
		}
	}
	ResetExprContext(filter->econtext);
	return any_row(rows, words);
}

static bool
node_rows(TsdbFilter *filter, FilterNode *node, TsdbVectorSet *set, uint64 *rows)
{
	int			words = ((int) set->nrows + 63) / 64;
	int			i;

	switch (zone(filter, node, set->vector))
	{
		case TSDB_FILTER_ALL:
			return any_row(rows, words);
		case TSDB_FILTER_NONE:
			memset(rows, 0, words * sizeof(uint64));
			return false;
		case TSDB_FILTER_SOME:
			break;
	}

	switch (node->kind)
	{
		case FILTER_AND:
			for (i = 0; i < node->nchildren; i++)
			{
				if (!node_rows(filter, node->children[i], set, rows))
					return false;
			}
			return any_row(rows, words);
		case FILTER_OR:
			{
				uint64		left[TSDB_VECTOR_WORDS];
				uint64		passed[TSDB_VECTOR_WORDS] = {0};
				uint64		child[TSDB_VECTOR_WORDS];
				int			w;

				memcpy(left, rows, words * sizeof(uint64));
				for (i = 0; i < node->nchildren && any_row(left, words); i++)
				{
					memcpy(child, left, words * sizeof(uint64));
					(void) node_rows(filter, node->children[i], set, child);
					for (w = 0; w < words; w++)
					{
						passed[w] |= child[w];
						left[w] &= ~child[w];
					}
				}
				memcpy(rows, passed, words * sizeof(uint64));
				return any_row(rows, words);
			}
		case FILTER_COMPARE:
		case FILTER_IN:
			return compare_rows(filter, node, set, rows);
		case FILTER_NULL_TEST:
			return null_rows(node, set, rows);
		case FILTER_EXPR:
			return expr_rows(filter, node, set, rows);
	}
	return false;				/* not reached */
}

bool
tsdb_filter_rows(TsdbFilter *filter, TsdbVectorSet *set, uint64 *rows)
{
	Assert(set->chunk == filter->chunk);
	return node_rows(filter, filter->root, set, rows);
}
