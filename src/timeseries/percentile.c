/*-------------------------------------------------------------------------
 * percentile.c
 *	  Percentiles within a relative error: percentile_agg, uddsketch, approx_percentile.
 *
 * UDDSketch, I. Epicoco, C. Melle, M. Cafaro, M. Pulimeno, G. Morleo, "UDDSketch: Accurate Tracking of
 * Quantiles in Data Streams", IEEE Access 8 (2020), on the buckets of DDSketch, C. Masson, J. E. Rim,
 * H. K. Lee, "DDSketch: A Fast and Fully-Mergeable Quantile Sketch with Relative-Error Guarantees", VLDB 2019:
 * a value x > 0 is in bucket ceil(log x / log gamma), gamma = (1 + error) / (1 - error), so that the
 * bucket's middle is at most error * x away.  If there are too many buckets, each pair of neighbours
 * becomes one (gamma is squared), and the error is 2 * error / (1 + error^2) from then on.
 *
 * What a sketch holds is decided by the set of values and not by their order: two sketches with the
 * same first error and limit are brought to the same gamma and added.
 *
 * Negative values have buckets of their own; zero, infinities and NaN have counts.  They sort
 * as they do in PostgreSQL: NaN is above infinity.
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "common/int.h"
#include "timeseries/aggregate_call.h"
#include "timeseries/batch_step.h"
#include "timeseries/summary_type.h"
#include "utils/array.h"
#include "utils/float.h"

#define DEFAULT_BUCKETS		200
#define DEFAULT_ERROR		0.001

/* Less than 4 could not be kept: indexes 0 and 1 of either sign stay what they are in a collapse. */
#define LEAST_BUCKETS		4
#define MOST_BUCKETS		100000
/* so that indexes fit into 30 bits */
#define LEAST_ERROR			1e-6
#define MOST_ERROR			0.5
#define MOST_INDEX			(1 << 30)
/* after 30 of them all indexes are 0 or 1 */
#define MOST_COLLAPSES		30

/* Format 1.  Counts and then indexes follow, of buckets in order of their values. */
typedef struct UddSketch
{
	TsdbSummary header;
	double		first_error;
	int32		max_buckets;
	int32		ncollapses;
	int32		nnegative;		/* buckets of values below zero, which come first, greatest index first */
	int32		npositive;
	int64		nminus_infinity;
	int64		nzero;
	int64		ninfinity;
	int64		nnan;
	double		sum;			/* of all values */
	double		min;			/* of all values that have buckets; 0 if there are none */
	double		max;
	int64		counts[FLEXIBLE_ARRAY_MEMBER];	/* > 0; then int32 indexes[] */
} UddSketch;

StaticAssertDecl(offsetof(UddSketch, counts) == 88, "sketches are stored");

static inline const int32 *
sketch_indexes(const UddSketch *sketch)
{
	return (const int32 *) &sketch->counts[sketch->nnegative + sketch->npositive];
}

/* Of a sketch that was checked: no overflow */
static int64
total_count(const UddSketch *sketch)
{
	int64		total = sketch->nminus_infinity + sketch->nzero + sketch->ninfinity + sketch->nnan;
	int32		i;

	for (i = 0; i < sketch->nnegative + sketch->npositive; i++)
		total += sketch->counts[i];
	return total;
}

static const char *
check_sketch(const TsdbSummary *header, Size len)
{
	const UddSketch *sketch = (const UddSketch *) header;
	const int32 *indexes;
	int64		total = 0;
	int32		n;
	int32		i;

	if (len < offsetof(UddSketch, counts))
		return "It is too short.";
	if (!(sketch->first_error >= LEAST_ERROR && sketch->first_error <= MOST_ERROR) ||
		sketch->max_buckets < LEAST_BUCKETS || sketch->max_buckets > MOST_BUCKETS ||
		sketch->ncollapses < 0 || sketch->ncollapses > MOST_COLLAPSES)
		return "Its error or number of buckets is out of range.";
	if (sketch->nnegative < 0 || sketch->npositive < 0 ||
		sketch->nnegative > sketch->max_buckets || sketch->npositive > sketch->max_buckets - sketch->nnegative)
		return "It has too many buckets.";
	n = sketch->nnegative + sketch->npositive;
	if (len != offsetof(UddSketch, counts) + n * (sizeof(int64) + sizeof(int32)))
		return "Its length is wrong.";
	if (sketch->nminus_infinity < 0 || sketch->nzero < 0 || sketch->ninfinity < 0 || sketch->nnan < 0 ||
		pg_add_s64_overflow(total, sketch->nminus_infinity, &total) ||
		pg_add_s64_overflow(total, sketch->nzero, &total) ||
		pg_add_s64_overflow(total, sketch->ninfinity, &total) ||
		pg_add_s64_overflow(total, sketch->nnan, &total))
		return "A count is out of range.";
	indexes = sketch_indexes(sketch);
	for (i = 0; i < n; i++)
	{
		if (sketch->counts[i] <= 0 || pg_add_s64_overflow(total, sketch->counts[i], &total))
			return "A count is out of range.";
		if (indexes[i] < -MOST_INDEX || indexes[i] > MOST_INDEX)
			return "A bucket is out of range.";
		if (i > 0 && i != sketch->nnegative &&
			(i < sketch->nnegative ? indexes[i] >= indexes[i - 1] : indexes[i] <= indexes[i - 1]))
			return "Its buckets are not in order.";
	}
	if (total == 0)
		return "It has no values.";
	if (isnan(sketch->min) || isinf(sketch->min) || isnan(sketch->max) || isinf(sketch->max) ||
		sketch->min > sketch->max)
		return "Its bounds are not in order.";
	return NULL;
}

static const TsdbSummaryType sketch_type = {"uddsketch", TSDB_SUMMARY_UDDSKETCH, 0, check_sketch};

TSDB_SUMMARY_INPUT_FUNCTIONS(uddsketch, &sketch_type);

PG_FUNCTION_INFO_V1(tsdb_percentile_step);
PG_FUNCTION_INFO_V1(tsdb_uddsketch_step);
PG_FUNCTION_INFO_V1(tsdb_uddsketch_rollup_step);
PG_FUNCTION_INFO_V1(tsdb_uddsketch_combine);
PG_FUNCTION_INFO_V1(tsdb_uddsketch_serialize);
PG_FUNCTION_INFO_V1(tsdb_uddsketch_deserialize);
PG_FUNCTION_INFO_V1(tsdb_uddsketch_final);
PG_FUNCTION_INFO_V1(tsdb_approx_percentile);
PG_FUNCTION_INFO_V1(tsdb_approx_percentile_array);
PG_FUNCTION_INFO_V1(tsdb_approx_percentile_rank);
PG_FUNCTION_INFO_V1(tsdb_uddsketch_error);
PG_FUNCTION_INFO_V1(tsdb_uddsketch_mean);
PG_FUNCTION_INFO_V1(tsdb_uddsketch_num_vals);

#define GET_SKETCH(n) ((const UddSketch *) tsdb_summary_get(PG_GETARG_DATUM(n), &sketch_type))

/*-------------------------------------------------------------------- state */

typedef struct Bucket
{
	int64		key;			/* index * 2, + 1 if negative */
	int64		count;			/* 0 = free */
} Bucket;

typedef struct UddState
{
	MemoryContext context;
	int64		total;			/* values, so that no sum of counts overflows */
	double		per_log;		/* index of x = ceil(log(x) * per_log) */
	int32		nbuckets;		/* in use */
	int			room_bits;		/* there are 2 ^ room_bits, at most half of them in use */
	Bucket	   *buckets;		/* by hash, open addressing */

	UddSketch	head;			/* numbers of buckets are unset, all else is right; last, since it has a tail */
} UddState;

/* log gamma */
static inline double
log_gamma(const UddSketch *sketch)
{
	/* log((1 + e) / (1 - e)) = 2 atanh(e) */
	return ldexp(2 * atanh(sketch->first_error), sketch->ncollapses);
}

static void
allocate_buckets(UddState *state, int room_bits)
{
	state->room_bits = room_bits;
	state->buckets = MemoryContextAllocZero(state->context, sizeof(Bucket) << room_bits);
	state->nbuckets = 0;
}

static UddState *
create_state(int32 max_buckets, double first_error, MemoryContext context)
{
	UddState   *state;

	if (max_buckets < LEAST_BUCKETS || max_buckets > MOST_BUCKETS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("size of a uddsketch must be between %d and %d buckets", LEAST_BUCKETS, MOST_BUCKETS)));
	if (!(first_error >= LEAST_ERROR && first_error <= MOST_ERROR))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("error of a uddsketch must be between %g and %g", LEAST_ERROR, MOST_ERROR)));
	state = MemoryContextAllocZero(context, sizeof(UddState));
	state->context = context;
	state->head.max_buckets = max_buckets;
	state->head.first_error = first_error;
	state->per_log = 1 / log_gamma(&state->head);
	allocate_buckets(state, 4);
	return state;
}

/* The bucket with that key, or the free one where it belongs */
static inline Bucket *
find_bucket(const UddState *state, int64 key)
{
	uint64		place = ((uint64) key * UINT64CONST(0x9E3779B97F4A7C15)) >> (64 - state->room_bits);

	while (state->buckets[place].count != 0 && state->buckets[place].key != key)
		place = (place + 1) & ((UINT64CONST(1) << state->room_bits) - 1);
	return &state->buckets[place];
}

/* Makes all buckets anew, with more room or with each pair of neighbours in one. */
static void
rebuild(UddState *state, int room_bits, bool collapse)
{
	Bucket	   *old = state->buckets;
	Size		old_room = (Size) 1 << state->room_bits;
	Size		i;

	allocate_buckets(state, room_bits);
	for (i = 0; i < old_room; i++)
	{
		Bucket	   *bucket;
		int64		key = old[i].key;

		if (old[i].count == 0)
			continue;
		if (collapse)
		{
			int64		index = key >> 1;

			/* half of it, rounded up */
			key = (((index + 1) >> 1) * 2) | (key & 1);
		}
		bucket = find_bucket(state, key);
		if (bucket->count == 0)
			state->nbuckets++;
		bucket->key = key;
		bucket->count += old[i].count;
	}
	pfree(old);
	if (collapse)
	{
		state->head.ncollapses++;
		state->per_log = 1 / log_gamma(&state->head);
	}
}

/* Adds to a bucket; may collapse the sketch, so that keys that were computed before are wrong. */
static inline void
add_bucket(UddState *state, int64 key, int64 count)
{
	Bucket	   *bucket = find_bucket(state, key);

	if (likely(bucket->count != 0))
	{
		bucket->count += count;
		return;
	}
	bucket->key = key;
	bucket->count = count;
	state->nbuckets++;
	if ((Size) state->nbuckets > ((Size) 1 << state->room_bits) / 2)
		rebuild(state, state->room_bits + 1, false);
	while (state->nbuckets > state->head.max_buckets && state->head.ncollapses < MOST_COLLAPSES)
		rebuild(state, state->room_bits, true);
}

static inline int64
key_of_value(const UddState *state, double value)
{
	return (int64) ceil(log(fabs(value)) * state->per_log) * 2 + (value < 0);
}

static void
add_value(UddState *state, double value)
{
	UddSketch  *head = &state->head;

	state->total++;
	head->sum += value;
	if (unlikely(isnan(value)))
		head->nnan++;
	else if (unlikely(isinf(value)))
	{
		if (value > 0)
			head->ninfinity++;
		else
			head->nminus_infinity++;
	}
	else if (value == 0)
		head->nzero++;
	else
	{
		int64		key = key_of_value(state, value);

		if (unlikely(state->nbuckets == 0))
			head->min = head->max = value;
		else if (value < head->min)
			head->min = value;
		else if (value > head->max)
			head->max = value;
		add_bucket(state, key, 1);
	}
}

/* Keys of values that were looked at lately, by hash: measurements have few different ones, and a logarithm takes long. */
#define KEY_SLOTS_BITS	9

typedef struct KeySlot
{
	double		value;			/* 0 = none */
	double		per_log;		/* that the key is for */
	int64		key;
} KeySlot;

typedef struct KeyCache
{
	KeySlot		slots[1 << KEY_SLOTS_BITS];
} KeyCache;

static KeyCache *
key_cache(FunctionCallInfo fcinfo)
{
	if (fcinfo->flinfo->fn_extra == NULL)
		fcinfo->flinfo->fn_extra = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(KeyCache));
	return fcinfo->flinfo->fn_extra;
}

static inline KeySlot *
key_slot(KeyCache *cache, double value)
{
	uint64		bits;

	memcpy(&bits, &value, sizeof(bits));
	return &cache->slots[(bits * UINT64CONST(0x9E3779B97F4A7C15)) >> (64 - KEY_SLOTS_BITS)];
}

/* Adds values, of which isnull (NULL: none) tells which are not there, as add_value() does one by one. */
static void
add_values(UddState *state, KeyCache *cache, const double *values, const bool *isnull, int n)
{
	UddSketch  *head = &state->head;
	int			i;

	for (i = 0; i < n; i++)
	{
		double		value = values[i];
		KeySlot    *slot;
		Bucket	   *bucket;

		if (isnull != NULL && isnull[i])
			continue;
		slot = key_slot(cache, value);
		if (unlikely(slot->value != value || slot->per_log != state->per_log))
		{
			/* zero and what is not finite has no bucket; the first of all is least and greatest */
			if (!isfinite(value) || value == 0 || state->nbuckets == 0)
			{
				add_value(state, value);
				continue;
			}
			slot->value = value;
			slot->per_log = state->per_log;
			slot->key = key_of_value(state, value);
		}
		else if (unlikely(value == 0 || state->nbuckets == 0))
		{
			/* (an empty slot) */
			add_value(state, value);
			continue;
		}
		bucket = find_bucket(state, slot->key);
		if (unlikely(bucket->count == 0))
		{
			add_value(state, value);
			continue;
		}
		bucket->count++;
		state->total++;
		head->sum += value;
		head->min = Min(head->min, value);
		head->max = Max(head->max, value);
	}
}

/* Adds a stored sketch. */
static void
add_sketch(UddState *state, const UddSketch *sketch)
{
	UddSketch  *head = &state->head;
	const int32 *indexes = sketch_indexes(sketch);
	int32		n = sketch->nnegative + sketch->npositive;
	int32		i;

	if (head->first_error != sketch->first_error || head->max_buckets != sketch->max_buckets)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("uddsketches of different size or error cannot be rolled up")));
	state->total = tsdb_summary_add_counts(state->total, total_count(sketch));
	while (head->ncollapses < sketch->ncollapses)
		rebuild(state, state->room_bits, true);
	if (n > 0)
	{
		head->min = state->nbuckets == 0 ? sketch->min : Min(head->min, sketch->min);
		head->max = state->nbuckets == 0 ? sketch->max : Max(head->max, sketch->max);
	}
	for (i = 0; i < n; i++)
	{
		int64		index = indexes[i];
		int32		collapses = head->ncollapses - sketch->ncollapses;

		while (collapses-- > 0)
			index = (index + 1) >> 1;
		add_bucket(state, index * 2 + (i < sketch->nnegative), sketch->counts[i]);
	}
	head->sum += sketch->sum;
	head->nminus_infinity += sketch->nminus_infinity;
	head->nzero += sketch->nzero;
	head->ninfinity += sketch->ninfinity;
	head->nnan += sketch->nnan;
}

/* Order of values */
static int
compare_buckets(const void *a, const void *b)
{
	int64		key_a = ((const Bucket *) a)->key;
	int64		key_b = ((const Bucket *) b)->key;

	if ((key_a & 1) != (key_b & 1))
		return (key_a & 1) != 0 ? -1 : 1;
	if (key_a == key_b)
		return 0;
	return ((key_a & 1) != 0) == (key_a > key_b) ? -1 : 1;
}

static UddSketch *
sketch_of_state(const UddState *state)
{
	int32		n = state->nbuckets;
	Bucket	   *sorted = palloc(Max(n, 1) * sizeof(Bucket));
	UddSketch  *sketch;
	int32	   *indexes;
	Size		room = (Size) 1 << state->room_bits;
	Size		place;
	int32		i = 0;

	for (place = 0; place < room; place++)
		if (state->buckets[place].count != 0)
			sorted[i++] = state->buckets[place];
	Assert(i == n);
	qsort(sorted, n, sizeof(Bucket), compare_buckets);

	sketch = (UddSketch *) tsdb_summary_create(&sketch_type, offsetof(UddSketch, counts) + n * (sizeof(int64) + sizeof(int32)));
	memcpy((char *) sketch + sizeof(TsdbSummary), (const char *) &state->head + sizeof(TsdbSummary),
		   offsetof(UddSketch, counts) - sizeof(TsdbSummary));
	for (i = 0; i < n && (sorted[i].key & 1) != 0; i++)
		;
	sketch->nnegative = i;
	sketch->npositive = n - i;
	indexes = unconstify(int32 *, sketch_indexes(sketch));
	for (i = 0; i < n; i++)
	{
		sketch->counts[i] = sorted[i].count;
		indexes[i] = (int32) (sorted[i].key >> 1);
	}
	pfree(sorted);
	return sketch;
}

/*-------------------------------------------------------------------- SQL: aggregates */

/* The state, of which size and error must be these; created, if there is none */
static inline UddState *
state_for(FunctionCallInfo fcinfo, UddState *state, int32 max_buckets, double error)
{
	if (state == NULL)
		state = create_state(max_buckets, error, tsdb_aggregate_context(fcinfo));
	if (state->head.max_buckets != max_buckets || state->head.first_error != error)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("size and error of a uddsketch must be the same in all rows of a group")));
	return state;
}

static void
check_not_null(bool any_null)
{
	if (any_null)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("size and error of a uddsketch cannot be NULL")));
}

static inline Datum
step(FunctionCallInfo fcinfo, int value_arg, int32 max_buckets, double error)
{
	UddState   *state = PG_ARGISNULL(0) ? NULL : (UddState *) PG_GETARG_POINTER(0);

	if (!PG_ARGISNULL(value_arg))
	{
		state = state_for(fcinfo, state, max_buckets, error);
		add_value(state, PG_GETARG_FLOAT8(value_arg));
	}
	if (state == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(state);
}

static inline void *
batch_step(FunctionCallInfo fcinfo, UddState *state, const TsdbStepArg *value, int first, int n, int32 max_buckets, double error)
{
	int			i = first;

	while (i < first + n && tsdb_step_isnull(value, i))
		i++;
	if (i == first + n)
		return state;
	state = state_for(fcinfo, state, max_buckets, error);
	add_values(state, key_cache(fcinfo), (const double *) value->values + i, value->isnull != NULL ? value->isnull + i : NULL,
			   first + n - i);
	return state;
}

void *
tsdb_percentile_batch(FunctionCallInfo fcinfo, void *state, const TsdbStepBatch *batch, int first, int n)
{
	return batch_step(fcinfo, state, &batch->args[0], first, n, DEFAULT_BUCKETS, DEFAULT_ERROR);
}

void *
tsdb_uddsketch_batch(FunctionCallInfo fcinfo, void *state, const TsdbStepBatch *batch, int first, int n)
{
	const TsdbStepArg *size = &batch->args[0];
	const TsdbStepArg *error = &batch->args[1];
	int			step = size->constant && error->constant ? n : 1;
	int			i;

	for (i = first; i < first + n; i += step)
	{
		check_not_null(tsdb_step_isnull(size, i) || tsdb_step_isnull(error, i));
		state = batch_step(fcinfo, state, &batch->args[2], i, step, DatumGetInt32(size->values[i]), DatumGetFloat8(error->values[i]));
	}
	return state;
}

/* (value) */
Datum
tsdb_percentile_step(PG_FUNCTION_ARGS)
{
	return step(fcinfo, 1, DEFAULT_BUCKETS, DEFAULT_ERROR);
}

/* (size, error, value) */
Datum
tsdb_uddsketch_step(PG_FUNCTION_ARGS)
{
	check_not_null(PG_ARGISNULL(1) || PG_ARGISNULL(2));
	return step(fcinfo, 3, PG_GETARG_INT32(1), PG_GETARG_FLOAT8(2));
}

Datum
tsdb_uddsketch_rollup_step(PG_FUNCTION_ARGS)
{
	UddState   *state = PG_ARGISNULL(0) ? NULL : (UddState *) PG_GETARG_POINTER(0);

	if (!PG_ARGISNULL(1))
	{
		const UddSketch *sketch = GET_SKETCH(1);

		if (state == NULL)
			state = create_state(sketch->max_buckets, sketch->first_error, tsdb_aggregate_context(fcinfo));
		add_sketch(state, sketch);
	}
	if (state == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(state);
}

Datum
tsdb_uddsketch_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = tsdb_aggregate_context(fcinfo);
	UddState   *state = PG_ARGISNULL(0) ? NULL : (UddState *) PG_GETARG_POINTER(0);
	const UddState *other = PG_ARGISNULL(1) ? NULL : (const UddState *) PG_GETARG_POINTER(1);

	if (other != NULL)
	{
		UddSketch  *sketch = sketch_of_state(other);

		if (state == NULL)
			state = create_state(sketch->max_buckets, sketch->first_error, context);
		add_sketch(state, sketch);
		pfree(sketch);
	}
	if (state == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(state);
}

/* (strict, as the next) */
Datum
tsdb_uddsketch_serialize(PG_FUNCTION_ARGS)
{
	(void) tsdb_aggregate_context(fcinfo);
	PG_RETURN_POINTER(sketch_of_state((const UddState *) PG_GETARG_POINTER(0)));
}

Datum
tsdb_uddsketch_deserialize(PG_FUNCTION_ARGS)
{
	const UddSketch *sketch = (const UddSketch *) PG_GETARG_BYTEA_P_COPY(0);
	UddState   *state;

	(void) tsdb_aggregate_context(fcinfo);
	state = create_state(sketch->max_buckets, sketch->first_error, CurrentMemoryContext);
	add_sketch(state, sketch);
	PG_RETURN_POINTER(state);
}

Datum
tsdb_uddsketch_final(PG_FUNCTION_ARGS)
{
	(void) tsdb_aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_POINTER(sketch_of_state((const UddState *) PG_GETARG_POINTER(0)));
}

/*-------------------------------------------------------------------- SQL: what a sketch says */

/* A value of bucket i, of which rest (> 0) values are left, its own included */
static double
bucket_value(const UddSketch *sketch, int32 i, int64 rest)
{
	double		log_gamma_now = log_gamma(sketch);

	/* 2 gamma^index / (1 + gamma): within the error of both ends; and never outside what was seen */
	double		value = 2 * exp(log_gamma_now * sketch_indexes(sketch)[i] - log_gamma_now) / (exp(-log_gamma_now) + 1);

	/* the least and the greatest of all are known */
	if (i == 0 && rest == sketch->counts[i])
		return sketch->min;
	if (i == sketch->nnegative + sketch->npositive - 1 && rest == 1)
		return sketch->max;
	if (i < sketch->nnegative)
		value = -value;
	return Max(sketch->min, Min(sketch->max, value));
}

/* The value of rank floor(fraction * (n - 1)), counted from 0 */
static double
percentile(const UddSketch *sketch, double fraction)
{
	int64		total = total_count(sketch);
	int64		rank;
	int32		i;

	if (isnan(fraction) || fraction < 0 || fraction > 1)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("percentile value %g is not between 0 and 1", fraction)));
	rank = fraction == 1 ? total - 1 : Min((int64) (fraction * (double) (total - 1)), total - 1);

	if ((rank -= sketch->nminus_infinity) < 0)
		return -get_float8_infinity();
	for (i = 0; i < sketch->nnegative; i++)
		if ((rank -= sketch->counts[i]) < 0)
			return bucket_value(sketch, i, -rank);
	if ((rank -= sketch->nzero) < 0)
		return 0;
	for (; i < sketch->nnegative + sketch->npositive; i++)
		if ((rank -= sketch->counts[i]) < 0)
			return bucket_value(sketch, i, -rank);
	if (rank < sketch->ninfinity)
		return get_float8_infinity();
	return get_float8_nan();
}

/* (fraction, sketch) */
Datum
tsdb_approx_percentile(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(percentile(GET_SKETCH(1), PG_GETARG_FLOAT8(0)));
}

/* (fractions, sketch); a fraction that is NULL has NULL */
Datum
tsdb_approx_percentile_array(PG_FUNCTION_ARGS)
{
	ArrayType  *fractions = PG_GETARG_ARRAYTYPE_P(0);
	const UddSketch *sketch = GET_SKETCH(1);
	Datum	   *elements;
	bool	   *nulls;
	int			n;
	int			i;

	deconstruct_array(fractions, FLOAT8OID, sizeof(double), true, TYPALIGN_DOUBLE, &elements, &nulls, &n);
	for (i = 0; i < n; i++)
		if (!nulls[i])
			elements[i] = Float8GetDatum(percentile(sketch, DatumGetFloat8(elements[i])));
	PG_RETURN_ARRAYTYPE_P(construct_md_array(elements, nulls, ARR_NDIM(fractions), ARR_DIMS(fractions), ARR_LBOUND(fractions),
											 FLOAT8OID, sizeof(double), true, TYPALIGN_DOUBLE));
}

/* (value, sketch): the part of values below it, half of those in its bucket counted */
Datum
tsdb_approx_percentile_rank(PG_FUNCTION_ARGS)
{
	double		value = PG_GETARG_FLOAT8(0);
	const UddSketch *sketch = GET_SKETCH(1);
	const int32 *indexes = sketch_indexes(sketch);
	double		total = (double) total_count(sketch);
	double		below = 0;
	double		same = 0;
	int32		n = sketch->nnegative + sketch->npositive;
	int64		index = 0;
	int32		i;

	if (!isnan(value) && !isinf(value) && value != 0)
		index = (int64) ceil(log(fabs(value)) / log_gamma(sketch));

	/* from NaN downwards: all that is below the value, and what is together with it */
	if (isnan(value))
	{
		same = (double) sketch->nnan;
		below = total - same;
	}
	else if (isinf(value) && value > 0)
	{
		same = (double) sketch->ninfinity;
		below = total - (double) sketch->nnan - same;
	}
	else if (isinf(value))
		same = (double) sketch->nminus_infinity;
	else
	{
		below = (double) sketch->nminus_infinity;
		for (i = 0; i < n; i++)
		{
			bool		negative = i < sketch->nnegative;

			if (negative ? value >= 0 || indexes[i] > index : value > 0 && indexes[i] < index)
				below += (double) sketch->counts[i];
			else if (negative == (value < 0) && value != 0 && indexes[i] == index)
				same = (double) sketch->counts[i];
		}
		if (value > 0)
			below += (double) sketch->nzero;
		else if (value == 0)
			same = (double) sketch->nzero;
	}
	PG_RETURN_FLOAT8((below + same / 2) / total);
}

Datum
tsdb_uddsketch_error(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(tanh(log_gamma(GET_SKETCH(0)) / 2));
}

Datum
tsdb_uddsketch_mean(PG_FUNCTION_ARGS)
{
	const UddSketch *sketch = GET_SKETCH(0);

	PG_RETURN_FLOAT8(sketch->sum / (double) total_count(sketch));
}

Datum
tsdb_uddsketch_num_vals(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(total_count(GET_SKETCH(0)));
}
