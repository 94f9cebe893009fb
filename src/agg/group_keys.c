/*-------------------------------------------------------------------------
 * group_keys.c
 *	  Cuts a batch of rows into pieces of one group each.
 *
 * Each key marks the rows at which it changes; between two marks all keys are the same, and the group is looked up once.  A mark too many
 * does no harm.
 */
#include "compat.h"

#include "agg/group_keys.h"

#include "agg/time_steps.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "kernels.h"
#include "nodes/nodeFuncs.h"
#include "port/pg_bitutils.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#define WORDS	(TSDB_VECTOR_ROWS / 64)
#define mark(marks, row) ((marks)[(row) / 64] |= UINT64CONST(1) << ((row) % 64))

/* runs whose groups are looked up together, so that their misses of caches overlap */
#define LOOK_UP_RUNS	16

/* steps that are remembered, by hash of where they begin */
#define REMEMBERED_STEPS	256

typedef struct Step
{
	int64		first;
	int64		last;			/* < first: none */
	bool		isnull;
	TsdbGroupKey key;
} Step;

/* How the keys of the rows of the current batch are known. */
typedef enum KeySource
{
	SOURCE_ONE,					/* all rows have this one */
	SOURCE_VALUES,
	SOURCE_CODES,
	SOURCE_RUNS,				/* as the vector is stored */
	SOURCE_STEPS
} KeySource;

typedef struct GroupKey
{
	TsdbExpr   *expr;
	AttrNumber	attnum;			/* the column that it is, or whose steps it follows; 0 = an expression */
	bool		byval;
	TsdbTimeSteps *steps;		/* NULL = not known to have steps */
	ExprState  *state;			/* to evaluate it once a step */
	Step	   *remembered;		/* [REMEMBERED_STEPS] */

	/* the current batch */
	KeySource	source;
	bool		one_isnull;
	TsdbGroupKey one;
	TsdbVec		vec;			/* VALUES */
	uint32	   *codes;			/* CODES: [1024], and isnull[1024]; RUNS of a key by reference: of each run */
	bool	   *isnull;
	int64	   *run_values;		/* RUNS of a key by value: [1024] */
	uint16	   *run_ends;		/* RUNS: [1024], as rows of the batch */
	int			at_run;
	int			nsteps;			/* STEPS: step_starts[i] is the first row of the i-th, of which steps_found[i] tells */
	uint16	   *step_starts;
	Step	   *steps_found;
	int			at_step;

	/* the current chunk's dictionary */
	const Datum *dict;
	uint32		ndict;
	TsdbGroupKey *of_code;		/* [ndict], known: has been looked up */
	uint32		max_codes;
} GroupKey;

struct TsdbGroupKeys
{
	TsdbExprSet *exprs;
	MemoryContext cxt;
	TsdbGroupTable *table;
	int			n;
	GroupKey   *keys;
	TsdbChunk  *chunk;			/* that dictionaries are of */
	TsdbGroupKey *found;		/* [LOOK_UP_RUNS][n], and nulls, of runs that are looked up together */
	uint32		nulls[LOOK_UP_RUNS];
};

TsdbGroupKeys *
tsdb_group_keys_create(TsdbExprSet *exprs, List *key_exprs, List *eq_operators, Size state_bytes)
{
	TsdbGroupKeys *keys = palloc0(sizeof(TsdbGroupKeys));
	TsdbKeyType *types = palloc0((list_length(key_exprs) + 1) * sizeof(TsdbKeyType));
	ListCell   *lc;
	ListCell   *lc2;

	keys->exprs = exprs;
	keys->cxt = CurrentMemoryContext;
	keys->keys = palloc0((list_length(key_exprs) + 1) * sizeof(GroupKey));
	forboth(lc, key_exprs, lc2, eq_operators)
	{
		GroupKey   *key = &keys->keys[keys->n];
		TsdbKeyType *type = &types[keys->n++];
		Expr	   *expr = lfirst(lc);

		type->type = exprType((Node *) expr);
		get_typlenbyval(type->type, &type->typlen, &type->typbyval);
		type->eq_operator = lfirst_oid(lc2);
		type->collation = exprCollation((Node *) expr);

		key->expr = tsdb_expr_compile(exprs, expr);
		key->byval = type->typbyval;
		key->attnum = tsdb_expr_column(key->expr);
		if (key->attnum == 0 && tsdb_expr_state(key->expr) != NULL)
			key->steps = tsdb_time_steps_create(expr);
		if (key->steps != NULL)
		{
			key->attnum = tsdb_time_steps_column(key->steps);
			key->state = tsdb_expr_state(key->expr);
			key->remembered = palloc(REMEMBERED_STEPS * sizeof(Step));
			key->step_starts = palloc(TSDB_VECTOR_ROWS * sizeof(uint16));
			key->steps_found = palloc(TSDB_VECTOR_ROWS * sizeof(Step));
		}
		key->codes = palloc(TSDB_VECTOR_ROWS * sizeof(uint32));
		key->isnull = palloc(TSDB_VECTOR_ROWS * sizeof(bool));
		key->run_values = palloc(TSDB_VECTOR_ROWS * sizeof(int64));
		key->run_ends = palloc(TSDB_VECTOR_ROWS * sizeof(uint16));
	}
	keys->found = palloc((keys->n + 1) * LOOK_UP_RUNS * sizeof(TsdbGroupKey));
	keys->table = tsdb_group_table_create(types, keys->n, state_bytes, CurrentMemoryContext);
	tsdb_group_keys_reset(keys);
	return keys;
}

TsdbGroupTable *
tsdb_group_keys_table(TsdbGroupKeys *keys)
{
	return keys->table;
}

void
tsdb_group_keys_new_chunk(TsdbGroupKeys *keys)
{
	/* a chunk may be opened where another one was */
	keys->chunk = NULL;
}

void
tsdb_group_keys_reset(TsdbGroupKeys *keys)
{
	int			k,
				i;

	tsdb_group_table_reset(keys->table);
	keys->chunk = NULL;
	for (k = 0; k < keys->n; k++)
	{
		GroupKey   *key = &keys->keys[k];

		if (key->remembered != NULL)
		{
			for (i = 0; i < REMEMBERED_STEPS; i++)
			{
				key->remembered[i].first = 0;
				key->remembered[i].last = -1;
			}
		}
	}
}

/* ------------------------------------------------------------------------
 * Marks
 * ------------------------------------------------------------------------
 */

/* Does the vector's header say that the column has no NULL, and from where to where its values, or codes, lie? */
static bool
zone_of(TsdbBatch *batch, AttrNumber attnum, int64 *min, int64 *max)
{
	const TsdbVector *vector;
	int			c;

	if (batch->set == NULL || batch->set->chunk == NULL)
		return false;
	c = tsdb_chunk_column(batch->set->chunk, attnum);
	if (c < 0)
		return false;
	vector = &tsdb_chunk_vectors(batch->set->chunk, c)[batch->set->vector];
	if (vector->nnulls > 0 || (vector->flags & TSDB_VEC_ZONE) == 0)
		return false;
	*min = vector->zone_min;
	*max = vector->zone_max;
	return true;
}

static bool
is_int_column(TsdbBatch *batch, AttrNumber attnum)
{
	int			c = tsdb_chunk_column(batch->set->chunk, attnum);

	return tsdb_chunk_columns(batch->set->chunk)[c].kind == TSDB_KIND_INT;
}

static void
mark_nulls(const bool *isnull, int n, uint64 *marks)
{
	int			i;

	for (i = 1; i < n; i++)
	{
		if (isnull[i] != isnull[i - 1])
			mark(marks, i);
	}
}

static void
mark_values(GroupKey *key, TsdbVec vec, int n, uint64 *marks)
{
	int			i;

	key->source = SOURCE_VALUES;
	key->vec = vec;
	if (key->byval && n > 1)
	{
		uint16		starts[TSDB_VECTOR_ROWS];
		int			nstarts = tsdb_kernels->run_starts((const int64 *) vec.values, n, starts);

		for (i = 0; i < nstarts; i++)
			mark(marks, starts[i]);
	}
	else
	{
		for (i = 1; i < n; i++)
		{
			if (vec.values[i] != vec.values[i - 1])
				mark(marks, i);
		}
	}
	if (vec.isnull != NULL)
		mark_nulls(vec.isnull, n, marks);
}

/* The key of an entry of the chunk's dictionary. */
static TsdbGroupKey
key_of_code(TsdbGroupKeys *keys, int k, uint32 code, bool create)
{
	GroupKey   *key = &keys->keys[k];

	if (!key->of_code[code].known)
		key->of_code[code] = tsdb_group_key(keys->table, k, key->dict[code], create);
	return key->of_code[code];
}

/*
 * By the runs that the vector is stored as, of values or of codes; false: it is not stored so.  What ends a run among the rows
 * of the vector is brought to the batch's rows; a run none of whose rows is in the batch becomes empty.
 */
static bool
mark_runs(GroupKey *key, TsdbBatch *batch, uint64 *marks)
{
	int			nruns = key->byval ? tsdb_vector_int_runs(batch->set, key->attnum, key->run_values, key->run_ends) :
		tsdb_vector_runs(batch->set, key->attnum, key->codes, key->run_ends);
	int			row = 0;
	int			i;

	if (nruns == 0)
		return false;
	if (!batch->whole)
	{
		for (i = 0; i < nruns; i++)
		{
			while (row < batch->n && batch->rows[row] < key->run_ends[i])
				row++;
			key->run_ends[i] = (uint16) row;
		}
	}
	Assert(key->run_ends[nruns - 1] == batch->n);
	for (i = 0; i < nruns - 1; i++)
	{
		if (key->run_ends[i] < batch->n)
			mark(marks, key->run_ends[i]);
	}
	key->source = SOURCE_RUNS;
	key->at_run = 0;
	return true;
}

/* By codes of the chunk's dictionary; false: it has none for this vector. */
static bool
mark_codes(TsdbGroupKeys *keys, int k, TsdbBatch *batch, bool create, uint64 *marks)
{
	GroupKey   *key = &keys->keys[k];
	int			n = batch->n;
	int64		min,
				max;
	int			i;

	if (key->dict == NULL)
		return false;
	if (zone_of(batch, key->attnum, &min, &max) && min == max && min >= 0 && min < key->ndict)
	{
		key->source = SOURCE_ONE;
		key->one_isnull = false;
		key->one = key_of_code(keys, k, (uint32) min, create);
		return true;
	}
	if (mark_runs(key, batch, marks))
		return true;
	if (!tsdb_vector_codes(batch->set, key->attnum, key->codes, key->isnull))
		return false;
	if (!batch->whole)
	{
		for (i = 0; i < n; i++)
		{
			key->codes[i] = key->codes[batch->rows[i]];
			key->isnull[i] = key->isnull[batch->rows[i]];
		}
	}
	for (i = 1; i < n; i++)
	{
		if (key->codes[i] != key->codes[i - 1] || key->isnull[i] != key->isnull[i - 1])
			mark(marks, i);
	}
	key->source = SOURCE_CODES;
	return true;
}

/* Evaluates the key for a value of its time column. */
static void
eval_step(TsdbGroupKeys *keys, int k, Datum value, bool create, Step *step)
{
	GroupKey   *key = &keys->keys[k];
	ExprContext *econtext = keys->exprs->econtext;
	TupleTableSlot *slot = keys->exprs->slot;
	Datum		result;

	ExecClearTuple(slot);
	slot->tts_values[key->attnum - 1] = value;
	slot->tts_isnull[key->attnum - 1] = false;
	ExecStoreVirtualTuple(slot);
	econtext->ecxt_scantuple = slot;
	result = ExecEvalExprSwitchContext(key->state, econtext, &step->isnull);
	if (!step->isnull)
		step->key = tsdb_group_key(keys->table, k, tsdb_expr_canonical(key->expr, result), create);
	else
		step->key.known = true;
}

/* The step that a value lies in, and its key. */
static void
find_step(TsdbGroupKeys *keys, int k, int64 value, bool create, Step *step)
{
	GroupKey   *key = &keys->keys[k];
	Step	   *remembered;

	tsdb_time_steps_around(key->steps, value, &step->first, &step->last);
	remembered = &key->remembered[((uint64) step->first * UINT64CONST(0x9E3779B97F4A7C15)) >> 56];
	StaticAssertStmt(REMEMBERED_STEPS == 256, "a step's place is the upper byte of its hash");
	if (remembered->first == step->first && remembered->last == step->last)
	{
		*step = *remembered;
		return;
	}
	eval_step(keys, k, (Datum) value, create, step);
	if (step->key.known)
		*remembered = *step;
}

static void
mark_steps(TsdbGroupKeys *keys, int k, TsdbBatch *batch, bool create, uint64 *marks)
{
	GroupKey   *key = &keys->keys[k];
	const int64 *values;
	TsdbVec		vec;
	int64		min,
				max;
	int			n = batch->n;
	int			i;

	if (zone_of(batch, key->attnum, &min, &max) && is_int_column(batch, key->attnum))
	{
		Step		step;

		find_step(keys, k, min, create, &step);
		if (max <= step.last)
		{
			key->source = SOURCE_ONE;
			key->one = step.key;
			key->one_isnull = step.isnull;
			return;
		}
	}

	vec = tsdb_batch_column(batch, key->attnum);
	if (vec.isnull != NULL)
	{
		/* rare */
		mark_values(key, tsdb_expr_eval(key->expr, batch), n, marks);
		return;
	}
	values = (const int64 *) vec.values;
	key->source = SOURCE_STEPS;
	key->nsteps = 0;
	key->at_step = 0;
	for (i = 0; i < n;)
	{
		Step	   *step = &key->steps_found[key->nsteps];
		uint64		width;

		find_step(keys, k, values[i], create, step);
		key->step_starts[key->nsteps++] = (uint16) i;
		mark(marks, i);
		width = (uint64) step->last - (uint64) step->first;
		/* whole blocks of rows first: a loop without a branch for each */
		for (i++; i + 16 <= n; i += 16)
		{
			bool		out = false;
			int			j;

			for (j = 0; j < 16; j++)
				out |= (uint64) values[i + j] - (uint64) step->first > width;
			if (out)
				break;
		}
		while (i < n && (uint64) values[i] - (uint64) step->first <= width)
			i++;
	}
}

static void
mark_key(TsdbGroupKeys *keys, int k, TsdbBatch *batch, bool create, uint64 *marks)
{
	GroupKey   *key = &keys->keys[k];
	int64		min,
				max;

	if (key->steps != NULL)
	{
		mark_steps(keys, k, batch, create, marks);
		return;
	}
	if (key->attnum != 0 && batch->set != NULL)
	{
		if (!key->byval && mark_codes(keys, k, batch, create, marks))
			return;
		if (key->byval && zone_of(batch, key->attnum, &min, &max) && min == max && is_int_column(batch, key->attnum))
		{
			key->source = SOURCE_ONE;
			key->one_isnull = false;
			key->one = tsdb_group_key(keys->table, k, (Datum) min, create);
			return;
		}
		if (key->byval && !batch->set->columns[key->attnum - 1].decoded && mark_runs(key, batch, marks))
			return;
	}
	mark_values(key, tsdb_expr_eval(key->expr, batch), batch->n, marks);
}

/* The key of a row; rows are asked for in rising order. */
static inline TsdbGroupKey
key_at(TsdbGroupKeys *keys, int k, int row, bool create, bool *isnull)
{
	GroupKey   *key = &keys->keys[k];
	TsdbGroupKey none = {0, 0, true};

	switch (key->source)
	{
		case SOURCE_ONE:
			*isnull = key->one_isnull;
			return key->one;
		case SOURCE_VALUES:
			*isnull = key->vec.isnull != NULL && key->vec.isnull[row];
			return *isnull ? none : tsdb_group_key(keys->table, k, key->vec.values[row], create);
		case SOURCE_CODES:
			*isnull = key->isnull[row];
			return *isnull ? none : key_of_code(keys, k, key->codes[row], create);
		case SOURCE_RUNS:
			while (key->run_ends[key->at_run] <= row)
				key->at_run++;
			*isnull = false;
			return key->byval ? tsdb_group_key(keys->table, k, (Datum) key->run_values[key->at_run], create) :
				key_of_code(keys, k, key->codes[key->at_run], create);
		case SOURCE_STEPS:
			while (key->at_step + 1 < key->nsteps && key->step_starts[key->at_step + 1] <= row)
				key->at_step++;
			*isnull = key->steps_found[key->at_step].isnull;
			return key->steps_found[key->at_step].key;
	}
	pg_unreachable();
}

/* Takes the dictionaries of the batch's chunk. */
static void
take_dictionaries(TsdbGroupKeys *keys, TsdbChunk *chunk)
{
	int			k;

	for (k = 0; k < keys->n; k++)
	{
		GroupKey   *key = &keys->keys[k];

		key->dict = NULL;
		if (key->steps != NULL || key->attnum == 0 || key->byval)
			continue;
		key->dict = tsdb_chunk_dictionary(chunk, key->attnum, &key->ndict);
		if (key->dict == NULL)
			continue;
		if (key->ndict > key->max_codes)
		{
			if (key->of_code != NULL)
				pfree(key->of_code);
			key->of_code = MemoryContextAlloc(keys->cxt, key->ndict * sizeof(TsdbGroupKey));
			key->max_codes = key->ndict;
		}
		memset(key->of_code, 0, key->ndict * sizeof(TsdbGroupKey));
	}
	keys->chunk = chunk;
}

/* Looks up the groups of some runs, of which keys->found and keys->nulls tell the keys. */
static void
look_up(TsdbGroupKeys *keys, TsdbRun *runs, int nruns, bool create)
{
	int			i;

	for (i = 0; i < nruns; i++)
		runs[i].hash = tsdb_group_hash(keys->table, &keys->found[i * keys->n], keys->nulls[i]);
	for (i = 0; i < nruns; i++)
		runs[i].group = tsdb_group_find(keys->table, &keys->found[i * keys->n], keys->nulls[i], runs[i].hash, create, &runs[i].is_new);
}

int
tsdb_group_keys_cut(TsdbGroupKeys *keys, TsdbBatch *batch, bool create, TsdbRun *runs)
{
	uint64		marks[WORDS] = {0};
	int			nruns = 0;
	int			nwaiting = 0;	/* of the last runs, that are not looked up yet */
	int			w,
				k;

	if (batch->set != NULL && keys->chunk != batch->set->chunk)
		take_dictionaries(keys, batch->set->chunk);
	marks[0] = 1;
	for (k = 0; k < keys->n; k++)
		mark_key(keys, k, batch, create, marks);

	for (w = 0; w * 64 < batch->n; w++)
	{
		uint64		word = marks[w];

		for (; word != 0; word &= word - 1)
		{
			int			row = w * 64 + pg_rightmost_one_pos64(word);
			TsdbGroupKey *found = &keys->found[nwaiting * keys->n];
			uint32		nulls = 0;

			if (nruns > 0)
				runs[nruns - 1].n = (uint16) (row - runs[nruns - 1].start);
			for (k = 0; k < keys->n; k++)
			{
				bool		isnull;

				found[k] = key_at(keys, k, row, create, &isnull);
				if (isnull)
					nulls |= UINT32_C(1) << k;
			}
			keys->nulls[nwaiting++] = nulls;
			runs[nruns++].start = (uint16) row;
			if (nwaiting == LOOK_UP_RUNS)
			{
				look_up(keys, runs + nruns - nwaiting, nwaiting, create);
				nwaiting = 0;
			}
		}
	}
	look_up(keys, runs + nruns - nwaiting, nwaiting, create);
	runs[nruns - 1].n = (uint16) (batch->n - runs[nruns - 1].start);
	return nruns;
}
