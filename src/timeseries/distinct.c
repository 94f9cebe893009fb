/*-------------------------------------------------------------------------
 * distinct.c
 *	  Number of different values, within some percent: hyperloglog, approx_count_distinct, distinct_count.
 *
 * HyperLogLog with 64-bit hashes and a sparse form for few values, S. Heule, M. Nunkesser, A. Hall,
 * "HyperLogLog in Practice", EDBT 2013.  Of each hash the first `precision` bits choose a register, which keeps
 * the greatest rank (zeros at the beginning of the rest, + 1).  The sparse form keeps the ranks of 2 ^ 25
 * registers, of those that are not 0, from which all smaller sets of registers can be computed.
 *
 * The estimate is O. Ertl's, "New cardinality estimation algorithms for HyperLogLog sketches", 2017, section 4
 * (algorithm 6): without the tables of measured bias that the first paper needs.
 *
 * Core's lib/hyperloglog.c has 32-bit hashes, 2 ^ 16 registers at most and cannot be stored.
 *
 * Values are hashed by their type's extended hash function, as partitions are: stable between servers and
 * versions for types whose hash partitions can be dumped.  A sketch does not know its type.
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include <math.h>

#include "port/pg_bitutils.h"
#include "timeseries/aggregate_call.h"
#include "timeseries/batch_step.h"
#include "timeseries/summary_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#define LEAST_PRECISION		4
#define MOST_PRECISION		18
#define DEFAULT_REGISTERS	32768

/* Sparse form: registers are numbered by that many bits; an entry is number << 6 | rank */
#define SPARSE_BITS			25
#define RANK_BITS			6
#define MOST_SPARSE_RANK	(64 - SPARSE_BITS + 1)

/* Format 1 */
typedef struct HyperLogLog
{
	TsdbSummary header;
	int32		precision;
	int32		nentries;		/* sparse form: of uint32 entries, rising, one a register; -1: 2 ^ precision
								 * registers of one byte follow */
	uint32		data[FLEXIBLE_ARRAY_MEMBER];
} HyperLogLog;

StaticAssertDecl(offsetof(HyperLogLog, data) == 16, "sketches are stored");

/* More would take more room than registers do */
#define MOST_ENTRIES(precision)		((1 << (precision)) / (int) sizeof(uint32))

static const char *
check_sketch(const TsdbSummary *header, Size len)
{
	const HyperLogLog *sketch = (const HyperLogLog *) header;
	int32		i;

	if (len < offsetof(HyperLogLog, data))
		return "It is too short.";
	if (sketch->precision < LEAST_PRECISION || sketch->precision > MOST_PRECISION)
		return "Its number of registers is out of range.";
	if (sketch->nentries == -1)
	{
		const uint8 *registers = (const uint8 *) sketch->data;

		if (len != offsetof(HyperLogLog, data) + ((Size) 1 << sketch->precision))
			return "Its length is wrong.";
		for (i = 0; i < 1 << sketch->precision; i++)
			if (registers[i] > 64 - sketch->precision + 1)
				return "A register is out of range.";
		return NULL;
	}
	if (sketch->nentries < 0 || sketch->nentries > MOST_ENTRIES(sketch->precision))
		return "It has too many entries.";
	if (len != offsetof(HyperLogLog, data) + sketch->nentries * sizeof(uint32))
		return "Its length is wrong.";
	for (i = 0; i < sketch->nentries; i++)
	{
		uint32		rank = sketch->data[i] & ((1 << RANK_BITS) - 1);

		if (sketch->data[i] >> RANK_BITS >= 1 << SPARSE_BITS || rank < 1 || rank > MOST_SPARSE_RANK)
			return "An entry is out of range.";
		if (i > 0 && sketch->data[i] >> RANK_BITS <= sketch->data[i - 1] >> RANK_BITS)
			return "Its entries are not in order.";
	}
	return NULL;
}

static const TsdbSummaryType sketch_type = {"hyperloglog", TSDB_SUMMARY_HYPERLOGLOG, 0, check_sketch};

TSDB_SUMMARY_INPUT_FUNCTIONS(hyperloglog, &sketch_type);

PG_FUNCTION_INFO_V1(tsdb_approx_count_distinct_step);
PG_FUNCTION_INFO_V1(tsdb_hyperloglog_step);
PG_FUNCTION_INFO_V1(tsdb_hyperloglog_rollup_step);
PG_FUNCTION_INFO_V1(tsdb_hyperloglog_combine);
PG_FUNCTION_INFO_V1(tsdb_hyperloglog_serialize);
PG_FUNCTION_INFO_V1(tsdb_hyperloglog_deserialize);
PG_FUNCTION_INFO_V1(tsdb_hyperloglog_final);
PG_FUNCTION_INFO_V1(tsdb_distinct_count);
PG_FUNCTION_INFO_V1(tsdb_hyperloglog_stderror);

#define GET_SKETCH(n) ((const HyperLogLog *) tsdb_summary_get(PG_GETARG_DATUM(n), &sketch_type))

/*-------------------------------------------------------------------- state */

typedef struct HllState
{
	MemoryContext context;
	int32		precision;
	uint8	   *registers;		/* dense form, or NULL */

	/* sparse form: hash table of entries, 0 = free, at most half full */
	uint32	   *entries;
	int			room_bits;
	int32		nentries;
} HllState;

static HllState *
create_state(int32 precision, MemoryContext context)
{
	HllState   *state = MemoryContextAllocZero(context, sizeof(HllState));

	state->context = context;
	state->precision = precision;
	state->room_bits = 3;
	state->entries = MemoryContextAllocZero(context, sizeof(uint32) << state->room_bits);
	return state;
}

static inline void
raise_register(HllState *state, uint32 number, uint32 rank)
{
	if (rank > state->registers[number])
		state->registers[number] = (uint8) rank;
}

/* An entry of the sparse form, to a register of the dense form */
static inline void
add_entry_dense(HllState *state, uint32 entry)
{
	int			rest_bits = SPARSE_BITS - state->precision;
	uint32		sparse_number = entry >> RANK_BITS;
	uint32		rest = sparse_number & ((1U << rest_bits) - 1);
	uint32		rank;

	/* zeros of the number's rest, and if there are only zeros, those behind it as well */
	if (rest != 0)
		rank = rest_bits - pg_leftmost_one_pos32(rest);
	else
		rank = rest_bits + (entry & ((1 << RANK_BITS) - 1));
	raise_register(state, sparse_number >> rest_bits, rank);
}

static void
make_dense(HllState *state)
{
	Size		room = (Size) 1 << state->room_bits;
	Size		i;

	state->registers = MemoryContextAllocZero(state->context, (Size) 1 << state->precision);
	for (i = 0; i < room; i++)
		if (state->entries[i] != 0)
			add_entry_dense(state, state->entries[i]);
	pfree(state->entries);
	state->entries = NULL;
}

/* The place of an entry with that register number, or the free one where it belongs */
static inline uint32 *
find_entry(const HllState *state, uint32 entry)
{
	/* (numbers are bits of a hash: the last ones are as good as any) */
	uint32		mask = (1U << state->room_bits) - 1;
	uint32		place = (entry >> RANK_BITS) & mask;

	while (state->entries[place] != 0 && state->entries[place] >> RANK_BITS != entry >> RANK_BITS)
		place = (place + 1) & mask;
	return &state->entries[place];
}

static void
add_entry_sparse(HllState *state, uint32 entry)
{
	uint32	   *place = find_entry(state, entry);

	if (likely(*place != 0))
	{
		*place = Max(*place, entry);
		return;
	}
	*place = entry;
	state->nentries++;
	if (state->nentries > MOST_ENTRIES(state->precision))
	{
		make_dense(state);
		return;
	}
	if ((uint32) state->nentries > (1U << state->room_bits) / 2)
	{
		uint32	   *old = state->entries;
		Size		old_room = (Size) 1 << state->room_bits;
		Size		i;

		state->room_bits++;
		state->entries = MemoryContextAllocZero(state->context, sizeof(uint32) << state->room_bits);
		for (i = 0; i < old_room; i++)
			if (old[i] != 0)
				*find_entry(state, old[i]) = old[i];
		pfree(old);
	}
}

static inline void
add_hash(HllState *state, uint64 hash)
{
	int			bits = state->registers != NULL ? state->precision : SPARSE_BITS;
	uint64		rest = hash << bits;
	uint32		number = (uint32) (hash >> (64 - bits));
	uint32		rank = rest == 0 ? 64 - bits + 1 : 64 - pg_leftmost_one_pos64(rest);

	if (state->registers != NULL)
		raise_register(state, number, rank);
	else
		add_entry_sparse(state, number << RANK_BITS | rank);
}

/*
 * The two halves of core's hashes of small numbers are not independent enough: estimates of
 * consecutive integers were off by 0.7 % on average.  This is MurmurHash3's finalizer (A. Appleby).
 */
static inline uint64
mix(uint64 hash)
{
	hash ^= hash >> 33;
	hash *= UINT64CONST(0xff51afd7ed558ccd);
	hash ^= hash >> 33;
	hash *= UINT64CONST(0xc4ceb9fe1a85ec53);
	hash ^= hash >> 33;
	return hash;
}

static int
compare_entries(const void *a, const void *b)
{
	uint32		x = *(const uint32 *) a;
	uint32		y = *(const uint32 *) b;

	return x < y ? -1 : x > y;
}

static HyperLogLog *
sketch_of_state(const HllState *state)
{
	HyperLogLog *sketch;
	Size		room = (Size) 1 << state->room_bits;
	Size		i;
	int32		n = 0;

	if (state->registers != NULL)
	{
		Size		nregisters = (Size) 1 << state->precision;

		sketch = (HyperLogLog *) tsdb_summary_create(&sketch_type, offsetof(HyperLogLog, data) + nregisters);
		sketch->precision = state->precision;
		sketch->nentries = -1;
		memcpy(sketch->data, state->registers, nregisters);
		return sketch;
	}
	sketch = (HyperLogLog *) tsdb_summary_create(&sketch_type, offsetof(HyperLogLog, data) + state->nentries * sizeof(uint32));
	sketch->precision = state->precision;
	sketch->nentries = state->nentries;
	for (i = 0; i < room; i++)
		if (state->entries[i] != 0)
			sketch->data[n++] = state->entries[i];
	Assert(n == state->nentries);
	qsort(sketch->data, n, sizeof(uint32), compare_entries);
	return sketch;
}

static void
add_sketch(HllState *state, const HyperLogLog *sketch)
{
	int32		i;

	if (state->precision != sketch->precision)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("hyperloglogs of different numbers of buckets cannot be rolled up")));
	if (sketch->nentries == -1)
	{
		const uint8 *registers = (const uint8 *) sketch->data;

		if (state->registers == NULL)
			make_dense(state);
		for (i = 0; i < 1 << state->precision; i++)
			raise_register(state, i, registers[i]);
		return;
	}
	for (i = 0; i < sketch->nentries; i++)
	{
		if (state->registers != NULL)
			add_entry_dense(state, sketch->data[i]);
		else
			add_entry_sparse(state, sketch->data[i]);
	}
}

/*-------------------------------------------------------------------- estimate */

/* Ertl 2017, algorithms 5 and 6: what registers that are 0, and those that are full, add up to */
static double
sigma(double x)
{
	double		y = 1;
	double		z = x;
	double		before;

	if (x == 1)
		return INFINITY;
	do
	{
		before = z;
		x *= x;
		z += x * y;
		y += y;
	} while (z != before);
	return z;
}

static double
tau(double x)
{
	double		y = 1;
	double		z = 1 - x;
	double		before;

	if (x == 0 || x == 1)
		return 0;
	do
	{
		before = z;
		x = sqrt(x);
		y *= 0.5;
		z -= (1 - x) * (1 - x) * y;
	} while (z != before);
	return z / 3;
}

static double
estimate(const HyperLogLog *sketch)
{
	int			bits = sketch->nentries == -1 ? sketch->precision : SPARSE_BITS;
	int			most_rank = 64 - bits + 1;
	double		nregisters = ldexp(1, bits);
	int64		counts[64 + 2] = {0};
	double		z;
	int32		i;

	if (sketch->nentries == -1)
	{
		for (i = 0; i < 1 << sketch->precision; i++)
			counts[((const uint8 *) sketch->data)[i]]++;
	}
	else
	{
		for (i = 0; i < sketch->nentries; i++)
			counts[sketch->data[i] & ((1 << RANK_BITS) - 1)]++;
		counts[0] = ((int64) 1 << SPARSE_BITS) - sketch->nentries;
	}
	z = nregisters * tau(1 - (double) counts[most_rank] / nregisters);
	for (i = most_rank - 1; i >= 1; i--)
		z = 0.5 * (z + (double) counts[i]);
	z += nregisters * sigma((double) counts[0] / nregisters);
	/* alpha of infinitely many registers: 1 / (2 log 2).  (Too great by 1 / registers, which the error exceeds by far.) */
	return nregisters / (2 * log(2)) * nregisters / z;
}

/*-------------------------------------------------------------------- SQL: aggregates */

/*
 * Hashes of values that were looked at lately, by their bits.  What a by-reference value points to is the same as long as the batch is.
 */
#define HASH_SLOTS_BITS		9

typedef struct HashSlot
{
	Datum		value;
	uint64		serial;			/* of the batch; 1 for all values of by-value types; 0: none */
	uint64		hash;			/* mixed */
} HashSlot;

/* What a call site knows of its values' type */
typedef struct HashCache
{
	FmgrInfo	function;
	bool		byval;
	HashSlot   *slots;			/* made by the first batch */
} HashCache;

static HashCache *
hash_of_argument(FunctionCallInfo fcinfo, int arg)
{
	HashCache  *cache = fcinfo->flinfo->fn_extra;

	if (cache == NULL)
	{
		Oid			type = get_fn_expr_argtype(fcinfo->flinfo, arg);
		TypeCacheEntry *entry = lookup_type_cache(type, TYPECACHE_HASH_EXTENDED_PROC);

		if (!OidIsValid(entry->hash_extended_proc))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_FUNCTION),
					 errmsg("could not identify an extended hash function for type %s", format_type_be(type)),
					 errhint("Cast the value to a type that can be hashed, such as text.")));
		cache = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(HashCache));
		fmgr_info_cxt(entry->hash_extended_proc, &cache->function, fcinfo->flinfo->fn_mcxt);
		cache->byval = entry->typbyval;
		fcinfo->flinfo->fn_extra = cache;
	}
	return cache;
}

/* The state, of which the number of registers must be that; created, if there is none */
static inline HllState *
state_for(FunctionCallInfo fcinfo, HllState *state, int32 registers)
{
	int32		precision;

	/* the next power of two */
	if (registers < 1 << LEAST_PRECISION || registers > 1 << MOST_PRECISION)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of buckets of a hyperloglog must be between %d and %d",
						1 << LEAST_PRECISION, 1 << MOST_PRECISION)));
	precision = pg_ceil_log2_32(registers);
	if (state == NULL)
		state = create_state(precision, tsdb_aggregate_context(fcinfo));
	if (state->precision != precision)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of buckets must be the same in all rows of a group")));
	return state;
}

static void
check_not_null(bool isnull)
{
	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("number of buckets of a hyperloglog cannot be NULL")));
}

static inline Datum
step(FunctionCallInfo fcinfo, int value_arg, int32 registers)
{
	HllState   *state = PG_ARGISNULL(0) ? NULL : (HllState *) PG_GETARG_POINTER(0);
	HashCache  *cache;

	if (PG_ARGISNULL(value_arg))
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}
	state = state_for(fcinfo, state, registers);
	cache = hash_of_argument(fcinfo, value_arg);
	add_hash(state, mix(DatumGetUInt64(FunctionCall2Coll(&cache->function, PG_GET_COLLATION(),
														 PG_GETARG_DATUM(value_arg), Int64GetDatum(0)))));
	PG_RETURN_POINTER(state);
}

/* Rows of a batch; nth: number of the argument that is the value, counted from 0 */
static void *
batch_step(FunctionCallInfo fcinfo, HllState *state, const TsdbStepBatch *batch, int nth, int first, int n, int32 registers)
{
	LOCAL_FCINFO(call, 2);
	const TsdbStepArg *arg = &batch->args[nth];
	HashCache  *cache = NULL;
	uint64		serial;
	Datum		last = (Datum) 0;
	bool		have_last = false;
	int			i;

	for (i = first; i < first + n; i++)
	{
		Datum		value = arg->values[i];
		HashSlot   *slot;

		if (tsdb_step_isnull(arg, i))
			continue;
		/* what has just been added changes nothing */
		if (have_last && value == last)
			continue;
		if (cache == NULL)
		{
			state = state_for(fcinfo, state, registers);
			cache = hash_of_argument(fcinfo, nth + 1);
			if (cache->slots == NULL)
				cache->slots = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(HashSlot) << HASH_SLOTS_BITS);
			serial = cache->byval ? 1 : batch->serial;
			InitFunctionCallInfoData(*call, &cache->function, 2, PG_GET_COLLATION(), NULL, NULL);
			call->args[1].value = Int64GetDatum(0);
			call->args[1].isnull = false;
			call->args[0].isnull = false;
		}
		slot = &cache->slots[((uint64) value * UINT64CONST(0x9E3779B97F4A7C15)) >> (64 - HASH_SLOTS_BITS)];
		if (slot->value != value || slot->serial != serial)
		{
			call->args[0].value = value;
			call->isnull = false;
			slot->hash = mix(DatumGetUInt64(FunctionCallInvoke(call)));
			slot->value = value;
			slot->serial = serial;
		}
		add_hash(state, slot->hash);
		last = value;
		have_last = true;
	}
	return state;
}

void *
tsdb_approx_count_distinct_batch(FunctionCallInfo fcinfo, void *state, const TsdbStepBatch *batch, int first, int n)
{
	return batch_step(fcinfo, state, batch, 0, first, n, DEFAULT_REGISTERS);
}

void *
tsdb_hyperloglog_batch(FunctionCallInfo fcinfo, void *state, const TsdbStepBatch *batch, int first, int n)
{
	const TsdbStepArg *registers = &batch->args[0];
	int			step = registers->constant ? n : 1;
	int			i;

	for (i = first; i < first + n; i += step)
	{
		check_not_null(tsdb_step_isnull(registers, i));
		state = batch_step(fcinfo, state, batch, 1, i, step, DatumGetInt32(registers->values[i]));
	}
	return state;
}

/* (value) */
Datum
tsdb_approx_count_distinct_step(PG_FUNCTION_ARGS)
{
	return step(fcinfo, 1, DEFAULT_REGISTERS);
}

/* (buckets, value) */
Datum
tsdb_hyperloglog_step(PG_FUNCTION_ARGS)
{
	check_not_null(PG_ARGISNULL(1));
	return step(fcinfo, 2, PG_GETARG_INT32(1));
}

Datum
tsdb_hyperloglog_rollup_step(PG_FUNCTION_ARGS)
{
	HllState   *state = PG_ARGISNULL(0) ? NULL : (HllState *) PG_GETARG_POINTER(0);

	if (!PG_ARGISNULL(1))
	{
		const HyperLogLog *sketch = GET_SKETCH(1);

		if (state == NULL)
			state = create_state(sketch->precision, tsdb_aggregate_context(fcinfo));
		add_sketch(state, sketch);
	}
	if (state == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(state);
}

Datum
tsdb_hyperloglog_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = tsdb_aggregate_context(fcinfo);
	HllState   *state = PG_ARGISNULL(0) ? NULL : (HllState *) PG_GETARG_POINTER(0);
	const HllState *other = PG_ARGISNULL(1) ? NULL : (const HllState *) PG_GETARG_POINTER(1);

	if (other != NULL)
	{
		HyperLogLog *sketch = sketch_of_state(other);

		if (state == NULL)
			state = create_state(sketch->precision, context);
		add_sketch(state, sketch);
		pfree(sketch);
	}
	if (state == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(state);
}

/* (strict, as the next) */
Datum
tsdb_hyperloglog_serialize(PG_FUNCTION_ARGS)
{
	(void) tsdb_aggregate_context(fcinfo);
	PG_RETURN_POINTER(sketch_of_state((const HllState *) PG_GETARG_POINTER(0)));
}

Datum
tsdb_hyperloglog_deserialize(PG_FUNCTION_ARGS)
{
	const HyperLogLog *sketch = (const HyperLogLog *) PG_GETARG_BYTEA_P_COPY(0);
	HllState   *state;

	(void) tsdb_aggregate_context(fcinfo);
	state = create_state(sketch->precision, CurrentMemoryContext);
	add_sketch(state, sketch);
	PG_RETURN_POINTER(state);
}

Datum
tsdb_hyperloglog_final(PG_FUNCTION_ARGS)
{
	(void) tsdb_aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_POINTER(sketch_of_state((const HllState *) PG_GETARG_POINTER(0)));
}

/*-------------------------------------------------------------------- SQL: what a sketch says */

Datum
tsdb_distinct_count(PG_FUNCTION_ARGS)
{
	double		result = rint(estimate(GET_SKETCH(0)));

	/* (registers that are all full give infinity) */
	PG_RETURN_INT64(result < (double) PG_INT64_MAX ? (int64) result : PG_INT64_MAX);
}

Datum
tsdb_hyperloglog_stderror(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(1.04 / sqrt(ldexp(1, GET_SKETCH(0)->precision)));
}
