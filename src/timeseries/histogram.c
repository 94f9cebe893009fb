/*-------------------------------------------------------------------------
 * histogram.c
 *	  Aggregate histogram(value, min, max, nbuckets).
 *
 * Buckets are those of width_bucket(), of which the computation here is the case min < max: rows of
 * a group share bounds, so what only they decide is checked when they change.
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "common/int.h"
#include "timeseries/aggregate_call.h"
#include "timeseries/batch_step.h"
#include "utils/array.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(tsdb_histogram_step);
PG_FUNCTION_INFO_V1(tsdb_histogram_unstep);
PG_FUNCTION_INFO_V1(tsdb_histogram_combine);
PG_FUNCTION_INFO_V1(tsdb_histogram_serialize);
PG_FUNCTION_INFO_V1(tsdb_histogram_deserialize);
PG_FUNCTION_INFO_V1(tsdb_histogram_final);

typedef struct Histogram
{
	int32		vl_len_;		/* of all: it travels as a bytea */
	int32		nbuckets;		/* within the bounds */
	double		min;			/* of the last row */
	double		max;
	int64		nrows;
	int64		counts[FLEXIBLE_ARRAY_MEMBER];	/* nbuckets + 2: below, within, at or above max */
} Histogram;

/* What a result of integers can hold, and an allocation of ours */
#define MOST_BUCKETS	((int32) ((MaxAllocSize - offsetof(Histogram, counts)) / sizeof(int64)) - 2)

static void
check_bounds(double min, double max)
{
	if (isnan(min) || isnan(max) || isinf(min) || isinf(max))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("lower and upper bounds of a histogram must be finite")));
	if (min >= max)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("lower bound of a histogram must be less than its upper bound")));
}

static Histogram *
create_histogram(int32 nbuckets, MemoryContext context)
{
	Histogram  *histogram;
	Size		size;

	if (nbuckets <= 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of buckets must be greater than zero")));
	if (nbuckets > MOST_BUCKETS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("number of buckets must be at most %d", MOST_BUCKETS)));
	size = offsetof(Histogram, counts) + ((Size) nbuckets + 2) * sizeof(int64);
	histogram = MemoryContextAllocZero(context, size);
	SET_VARSIZE(histogram, size);
	histogram->nbuckets = nbuckets;
	histogram->min = histogram->max = NAN;	/* equal to no row's */
	return histogram;
}

/* Bounds and number of buckets of a row */
static inline void
set_bounds(Histogram *histogram, double min, double max, int32 nbuckets)
{
	if (nbuckets != histogram->nbuckets)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of buckets must be the same in all rows of a group")));
	if (min != histogram->min || max != histogram->max)
	{
		check_bounds(min, max);
		histogram->min = min;
		histogram->max = max;
	}
}

static pg_noinline void
refuse_nan(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("value of a histogram cannot be NaN"),
			 errhint("Leave such rows out with FILTER (WHERE value <> 'NaN').")));
}

/* The count that a value belongs to, by the bounds that are set */
static inline int32
bucket_of(const Histogram *histogram, double value)
{
	double		min = histogram->min;
	double		max = histogram->max;
	int32		nbuckets = histogram->nbuckets;
	int64		bucket;

	if (unlikely(isnan(value)))
		refuse_nan();
	if (value < min)
		return 0;
	if (value >= max)
		return nbuckets + 1;
	/* as width_bucket(), unless the distance of the bounds, times buckets, is beyond doubles */
	if (unlikely(isinf((double) nbuckets * (max - min))))
		bucket = (int64) (nbuckets * ((value / 2 - min / 2) / (max / 2 - min / 2)));
	else
		bucket = (int64) WIDTH_BUCKET(nbuckets, value, min, max);
	/* rounding can lead to the bound; a value below it is within */
	return (int32) Min(bucket, nbuckets - 1) + 1;
}

static inline int64 *
row_count(Histogram *histogram, double value, double min, double max, int32 nbuckets)
{
	set_bounds(histogram, min, max, nbuckets);
	return &histogram->counts[bucket_of(histogram, value)];
}

static void
check_arguments(bool any_null)
{
	if (any_null)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("bounds and number of buckets of a histogram cannot be NULL")));
}

Datum
tsdb_histogram_step(PG_FUNCTION_ARGS)
{
	Histogram  *histogram = PG_ARGISNULL(0) ? NULL : (Histogram *) PG_GETARG_POINTER(0);

	check_arguments(PG_ARGISNULL(2) || PG_ARGISNULL(3) || PG_ARGISNULL(4));
	if (!PG_ARGISNULL(1))
	{
		if (histogram == NULL)
			histogram = create_histogram(PG_GETARG_INT32(4), tsdb_aggregate_context(fcinfo));
		++*row_count(histogram, PG_GETARG_FLOAT8(1), PG_GETARG_FLOAT8(2), PG_GETARG_FLOAT8(3), PG_GETARG_INT32(4));
		histogram->nrows++;
	}
	if (histogram == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(histogram);
}

/* more buckets than this are counted one by one */
#define MOST_LOCAL_BUCKETS	254

/* No value is NULL, and bounds are set: counts beside the state's, two of each, so that equal values do not wait for each other. */
static void
count_values(Histogram *histogram, const double *values, int n)
{
	uint32		local[2][MOST_LOCAL_BUCKETS + 2];
	int32		ncounts = histogram->nbuckets + 2;
	double		min = histogram->min;
	double		max = histogram->max;
	double		scale = histogram->nbuckets;
	int			i;

	memset(local[0], 0, ncounts * sizeof(uint32));
	memset(local[1], 0, ncounts * sizeof(uint32));
	for (i = 0; i < n; i++)
	{
		/* 1 .. nbuckets if within; of NaN false */
		double		value = values[i];
		double		place = WIDTH_BUCKET(scale, value, min, max);

		if (likely(value >= min && value < max))
			local[i & 1][(int32) Min(place, scale - 1) + 1]++;
		else
			local[i & 1][bucket_of(histogram, value)]++;
	}
	for (i = 0; i < ncounts; i++)
		histogram->counts[i] += (int64) local[0][i] + local[1][i];
}

void *
tsdb_histogram_batch(FunctionCallInfo fcinfo, void *state, const TsdbStepBatch *batch, int first, int n)
{
	Histogram  *histogram = state;
	const TsdbStepArg *value = &batch->args[0];
	const TsdbStepArg *min = &batch->args[1];
	const TsdbStepArg *max = &batch->args[2];
	const TsdbStepArg *nbuckets = &batch->args[3];
	const double *values = (const double *) value->values;
	bool		constant = min->constant && max->constant && nbuckets->constant;
	int			i;

	for (i = first; i < first + n; i++)
	{
		if (i == first || !constant)
			check_arguments(tsdb_step_isnull(min, i) || tsdb_step_isnull(max, i) || tsdb_step_isnull(nbuckets, i));
		if (tsdb_step_isnull(value, i))
			continue;
		if (histogram == NULL)
			histogram = create_histogram(DatumGetInt32(nbuckets->values[i]), tsdb_aggregate_context(fcinfo));
		set_bounds(histogram, DatumGetFloat8(min->values[i]), DatumGetFloat8(max->values[i]), DatumGetInt32(nbuckets->values[i]));
		if (constant && value->isnull == NULL && n > 2 * histogram->nbuckets && histogram->nbuckets <= MOST_LOCAL_BUCKETS &&
			!isinf((double) histogram->nbuckets * (histogram->max - histogram->min)))
		{
			Assert(i == first);
			count_values(histogram, values + first, n);
			histogram->nrows += n;
			return histogram;
		}
		histogram->counts[bucket_of(histogram, values[i])]++;
		histogram->nrows++;
	}
	return histogram;
}

/* A row leaves a window's frame. */
Datum
tsdb_histogram_unstep(PG_FUNCTION_ARGS)
{
	Histogram  *histogram = PG_ARGISNULL(0) ? NULL : (Histogram *) PG_GETARG_POINTER(0);

	(void) tsdb_aggregate_context(fcinfo);
	if (!PG_ARGISNULL(1))
	{
		if (histogram == NULL)
			elog(ERROR, "row leaves a histogram without rows");
		--*row_count(histogram, PG_GETARG_FLOAT8(1), PG_GETARG_FLOAT8(2), PG_GETARG_FLOAT8(3), PG_GETARG_INT32(4));
		histogram->nrows--;
	}
	if (histogram == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(histogram);
}

Datum
tsdb_histogram_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = tsdb_aggregate_context(fcinfo);
	Histogram  *histogram = PG_ARGISNULL(0) ? NULL : (Histogram *) PG_GETARG_POINTER(0);
	const Histogram *other = PG_ARGISNULL(1) ? NULL : (const Histogram *) PG_GETARG_POINTER(1);

	if (other != NULL)
	{
		int32		i;

		if (histogram == NULL)
			histogram = create_histogram(other->nbuckets, context);
		if (histogram->nbuckets != other->nbuckets)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("number of buckets must be the same in all rows of a group")));
		for (i = 0; i < other->nbuckets + 2; i++)
			histogram->counts[i] += other->counts[i];
		histogram->nrows += other->nrows;
	}
	if (histogram == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(histogram);
}

/* (strict, as the next) */
Datum
tsdb_histogram_serialize(PG_FUNCTION_ARGS)
{
	const Histogram *histogram = (const Histogram *) PG_GETARG_POINTER(0);
	bytea	   *result;

	(void) tsdb_aggregate_context(fcinfo);
	result = palloc(VARSIZE(histogram));
	memcpy(result, histogram, VARSIZE(histogram));
	PG_RETURN_BYTEA_P(result);
}

Datum
tsdb_histogram_deserialize(PG_FUNCTION_ARGS)
{
	(void) tsdb_aggregate_context(fcinfo);
	/* a copy: aligned, and in the context that the state shall live in */
	PG_RETURN_POINTER(PG_GETARG_BYTEA_P_COPY(0));
}

Datum
tsdb_histogram_final(PG_FUNCTION_ARGS)
{
	const Histogram *histogram = PG_ARGISNULL(0) ? NULL : (const Histogram *) PG_GETARG_POINTER(0);
	Datum	   *elements;
	int32		i;

	(void) tsdb_aggregate_context(fcinfo);
	if (histogram == NULL || histogram->nrows == 0)
		PG_RETURN_NULL();
	elements = palloc(sizeof(Datum) * ((Size) histogram->nbuckets + 2));
	for (i = 0; i < histogram->nbuckets + 2; i++)
	{
		if (histogram->counts[i] > PG_INT32_MAX)
			ereport(ERROR,
					(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
					 errmsg("integer out of range")));
		elements[i] = Int32GetDatum((int32) histogram->counts[i]);
	}
	PG_RETURN_ARRAYTYPE_P(construct_array(elements, histogram->nbuckets + 2, INT4OID, sizeof(int32), true,
										  TYPALIGN_INT));
}
