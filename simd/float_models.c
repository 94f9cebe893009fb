/*-------------------------------------------------------------------------
 * float_models.c
 *	  Floats and doubles as integers: decimals, floats in doubles, few left parts.
 *
 * DECIMAL: value = n / 10^scale + residual.  With |n| < 2^51 and scale <= 22 both operands of the
 * division are exact, and IEEE 754 division gives the double nearest to the quotient, which is the
 * very double that a decimal text of up to 15 digits was read as.  Where n * 10^(e - scale) * 10^-e
 * gives the same bits (ALP: Afroozeh et al., SIGMOD 2024, section 3), that form is taken: it decodes
 * twice as fast.  Averages and sums of decimals miss the nearest double by some units in the last place:
 * these residuals, differences of the bits taken as integers, are a second, narrow payload.
 *
 * FLOAT32: doubles that passed through single precision are floats (and those often decimals).
 *
 * REAL: of doubles with full mantissas the leading bits alone repeat (ALP-RD, same paper, section 4): up
 * to eight left parts in a table, right parts packed.
 *
 * Whether a model holds is decided on the bits: -0.0, NaN payloads, infinities and denormals come out
 * different and are exceptions.  A sample of 64 values, eight stretches of eight neighbours, tells
 * which model is worth a pass over all.
 *-------------------------------------------------------------------------
 */
#include "codec_internal.h"
#include "ffor.h"

#define SAMPLE			64
#define STRETCH			8
#define REAL_SAMPLE		128

/* Doubles that are nearly floats differ from them by less, in units of the last place. */
#define MAX_SINGLE_RESIDUAL		65536

/* Literals: repeated multiplication or pow() might be off by a bit. */
static const double power10[TSDB_DECIMAL_MAX_SCALE + 1] = {
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17
};
static const double inverse10[TSDB_DECIMAL_MAX_SCALE + 1] = {
	1e0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-11, 1e-12, 1e-13, 1e-14, 1e-15,
	1e-16, 1e-17
};

/* False if param makes no scale. */
bool
tsdb_decimal_scale(unsigned param, TsdbDecimalScale *scale)
{
	unsigned	k = param & TSDB_DECIMAL_SCALE;
	unsigned	e = param & TSDB_DECIMAL_MUL14 ? 14 : 16;

	if (k > TSDB_DECIMAL_MAX_SCALE)
		return false;
	memset(scale, 0, sizeof(*scale));
	scale->power = power10[k];
	/* integers: a multiplication by 1 instead of a division */
	scale->multiply = k == 0;
	scale->factor = scale->inverse = 1;
	if (param & (TSDB_DECIMAL_MUL14 | TSDB_DECIMAL_MUL16))
	{
		if ((~param & (TSDB_DECIMAL_MUL14 | TSDB_DECIMAL_MUL16)) == 0 || k > e)
			return false;
		scale->multiply = true;
		scale->factor = power10[e - k];
		scale->inverse = inverse10[e];
	}
	return true;
}

/* Which values a decimal is rounded to. */
typedef enum Target
{
	TARGET_FLOAT = 4,			/* bits of floats */
	TARGET_DOUBLE = 8,
	TARGET_SINGLE = 9			/* bits of doubles that are floats, or nearly */
} Target;

/*
 * Nearest integers and differences from their decimals; INT64_MIN where there is none.  Returns the OR of
 * all differences.  single: scratch of n, for TARGET_SINGLE.
 */
static uint64_t
scale_values(const int64_t *bits, int n, Target target, const TsdbDecimalScale *scale, int64_t *ints, int64_t *diffs,
			 int64_t *single)
{
	uint64_t	any = 0;
	int			i;

	if (target == TARGET_FLOAT)
		return tsdb_kernels->scale_floats(bits, n, scale, ints, diffs);
	any = tsdb_kernels->scale_doubles(bits, n, scale, ints, diffs);
	if (target == TARGET_DOUBLE)
		return any;
	memcpy(single, ints, (size_t) n * sizeof(int64_t));
	tsdb_kernels->decimal_floats(single, n, scale);
	tsdb_kernels->floats_to_doubles(single, n);
	for (any = 0, i = 0; i < n; i++)
	{
		diffs[i] = diffs[i] == INT64_MIN ? INT64_MIN : (int64_t) ((uint64_t) bits[i] - (uint64_t) single[i]);
		any |= (uint64_t) diffs[i];
	}
	return any;
}

/* The nearest floats of doubles, and differences of the bits; returns the OR of these. */
static uint64_t
nearest_floats(const int64_t *bits, int n, int64_t *floats, int64_t *diffs)
{
	uint64_t	bad[CODEC_ROWS / 64];
	uint64_t	any = 0;
	int			i;

	if (tsdb_kernels->doubles_to_floats(bits, n, floats, bad) == 0)
	{
		memset(diffs, 0, (size_t) n * sizeof(int64_t));
		return 0;
	}
	memcpy(diffs, floats, (size_t) n * sizeof(int64_t));
	tsdb_kernels->floats_to_doubles(diffs, n);
	for (i = 0; i < n; i++)
	{
		diffs[i] = (int64_t) ((uint64_t) bits[i] - (uint64_t) diffs[i]);
		any |= (uint64_t) (diffs[i] ^ (diffs[i] >> 63));
	}
	return any;
}

/*-------------- choosing --------------*/

typedef struct FloatSample
{
	int64_t		v[SAMPLE];
	int			n;
	int			stretch;		/* neighbours side by side */
} FloatSample;

static void
take_sample(const int64_t *bits, int n, FloatSample *sample)
{
	int			i;

	sample->stretch = STRETCH;
	if (n <= SAMPLE)
	{
		memcpy(sample->v, bits, (size_t) n * sizeof(int64_t));
		sample->n = n;
		return;
	}
	for (i = 0; i < SAMPLE / STRETCH; i++)
		memcpy(sample->v + i * STRETCH, bits + (int64_t) i * (n - STRETCH) / (SAMPLE / STRETCH - 1),
			   STRETCH * sizeof(int64_t));
	sample->n = SAMPLE;
}

/* The first two of each stretch. */
static void
thin_sample(const FloatSample *sample, FloatSample *thin)
{
	int			i;

	if (sample->n < SAMPLE)
	{
		*thin = *sample;
		return;
	}
	thin->n = 0;
	thin->stretch = 2;
	for (i = 0; i < sample->n; i += STRETCH)
	{
		thin->v[thin->n++] = sample->v[i];
		thin->v[thin->n++] = sample->v[i + 1];
	}
}

/* Bits that one of v[n] takes, packed as values or as steps; those with skip[i] = INT64_MIN left out. */
static unsigned
packed_bits(const int64_t *v, const int64_t *skip, int n, int stretch)
{
	int64_t		lo = INT64_MAX;
	int64_t		hi = INT64_MIN;
	int64_t		step_lo = INT64_MAX;
	int64_t		step_hi = INT64_MIN;
	unsigned	as_values;
	unsigned	as_steps;
	int			i;

	for (i = 0; i < n; i++)
	{
		if (skip != NULL && skip[i] == INT64_MIN)
			continue;
		lo = v[i] < lo ? v[i] : lo;
		hi = v[i] > hi ? v[i] : hi;
		if (i % stretch != 0 && (skip == NULL || skip[i - 1] != INT64_MIN))
		{
			int64_t		step = (int64_t) ((uint64_t) v[i] - (uint64_t) v[i - 1]);

			step_lo = step < step_lo ? step : step_lo;
			step_hi = step > step_hi ? step : step_hi;
		}
	}
	as_values = lo > hi ? 0 : codec_bit_length((uint64_t) hi - (uint64_t) lo);
	as_steps = step_lo > step_hi ? as_values : codec_bit_length((uint64_t) step_hi - (uint64_t) step_lo);
	return as_steps < as_values ? as_steps : as_values;
}

/* Bits of all residuals of the sample: packed, or as patches where few are not 0. */
static unsigned
residual_bits(const int64_t *diffs, int n, int *nexceptions)
{
	uint64_t	reach = 0;
	unsigned	nonzero = 0;
	unsigned	packed;
	unsigned	patches;
	int			i;

	*nexceptions = 0;
	for (i = 0; i < n; i++)
	{
		if (diffs[i] == INT64_MIN)
		{
			(*nexceptions)++;
			continue;
		}
		nonzero += diffs[i] != 0;
		reach |= (uint64_t) (diffs[i] ^ (diffs[i] >> 63));
	}
	if (nonzero == 0)
		return 0;
	packed = (unsigned) n * (codec_bit_length(reach) + 1);
	patches = nonzero * (16 + 8 * ((codec_bit_length(reach) + 8) / 8));
	/* a second payload's header and base */
	return (packed < patches ? packed : patches) + (unsigned) n / 8;
}

/* Bits of the sample with this scale, UINT32_MAX if most of it are exceptions; *exact: no residual, no exception. */
static unsigned
scale_cost(const FloatSample *sample, Target target, unsigned k, bool *exact)
{
	int64_t		ints[SAMPLE];
	int64_t		diffs[SAMPLE];
	int64_t		single[SAMPLE];
	TsdbDecimalScale scale;
	int			nexceptions = 0;
	unsigned	cost = 0;

	(void) tsdb_decimal_scale(k, &scale);
	*exact = scale_values(sample->v, sample->n, target, &scale, ints, diffs, single) == 0;
	if (!*exact)
		cost = residual_bits(diffs, sample->n, &nexceptions);
	if (nexceptions * 2 > sample->n)
		return UINT32_MAX;
	return cost + (unsigned) sample->n * packed_bits(ints, *exact ? NULL : diffs, sample->n, sample->stretch) +
		(unsigned) nexceptions * (16 + 8 * (target == TARGET_FLOAT ? 4 : 8));
}

/*
 * The cheapest scale for the sample; model->bits is UINT32_MAX if none is any good.  A few of the values
 * tell where to look.
 */
static void
choose_scale(const FloatSample *sample, Target target, FloatModel *model, bool *exact)
{
	FloatSample thin;
	unsigned	thin_best = UINT32_MAX;
	unsigned	first = 0;
	unsigned	k;

	thin_sample(sample, &thin);
	for (k = 0; k <= TSDB_DECIMAL_MAX_SCALE; k++)
	{
		unsigned	cost = scale_cost(&thin, target, k, exact);

		if (cost == UINT32_MAX)
			break;
		if (cost < thin_best)
		{
			thin_best = cost;
			first = k;
		}
		/* more digits can't help any more */
		if (*exact)
			break;
	}

	*exact = false;
	model->bits = UINT32_MAX;
	if (thin_best == UINT32_MAX)
		return;
	for (k = first; k <= TSDB_DECIMAL_MAX_SCALE; k++)
	{
		bool		all;
		unsigned	cost = scale_cost(sample, target, k, &all);

		if (cost >= model->bits)
			break;
		model->bits = cost;
		model->param = k;
		*exact = all;
		if (all)
			break;
	}
	if (*exact && target == TARGET_DOUBLE && model->param > 0)
	{
		int64_t		ints[SAMPLE];
		int64_t		diffs[SAMPLE];
		TsdbDecimalScale scale;
		unsigned	e;

		for (e = TSDB_DECIMAL_MUL14; e <= TSDB_DECIMAL_MUL16; e <<= 1)
			if (tsdb_decimal_scale(model->param | e, &scale) &&
				scale_values(sample->v, sample->n, target, &scale, ints, diffs, NULL) == 0)
			{
				model->param |= e;
				break;
			}
	}
}

void
tsdb_float_choose(const int64_t *bits, int n, unsigned lane, FloatModel *model)
{
	FloatSample sample;
	FloatModel	decimal = {TSDB_ENC_DECIMAL, 0, 0};
	unsigned	plain;
	bool		exact;

	take_sample(bits, n, &sample);
	plain = (unsigned) sample.n * packed_bits(sample.v, NULL, sample.n, STRETCH);
	choose_scale(&sample, lane == 8 ? TARGET_DOUBLE : TARGET_FLOAT, &decimal, &exact);

	model->encoding = TSDB_ENC_RAW;
	model->param = 0;
	model->bits = plain;
	/* decoding costs some: a bit must be saved */
	if (decimal.bits != UINT32_MAX && decimal.bits + (unsigned) sample.n <= plain)
		*model = decimal;
	if (lane == 8 && !exact)
	{
		int64_t		floats[SAMPLE];
		int64_t		diffs[SAMPLE];

		/* a decimal text of a float, cut off at 16 digits, is off by some units; any other double by millions */
		if (nearest_floats(sample.v, sample.n, floats, diffs) < MAX_SINGLE_RESIDUAL)
		{
			FloatModel	single = {TSDB_ENC_FLOAT32, 0, 0};
			int			nexceptions;

			single.bits = (unsigned) sample.n * packed_bits(floats, NULL, sample.n, STRETCH) +
				residual_bits(diffs, sample.n, &nexceptions);
			choose_scale(&sample, TARGET_SINGLE, &decimal, &exact);
			if (decimal.bits != UINT32_MAX && decimal.bits + (unsigned) sample.n <= single.bits)
			{
				single.bits = decimal.bits;
				single.param = decimal.param | TSDB_FLOAT32_DECIMAL;
			}
			if (single.bits < model->bits)
				*model = single;
		}
	}
}

/* Shell's sort, as unsigned numbers. */
static void
sort_bits(uint64_t *v, int n)
{
	int			gap;
	int			i;

	for (gap = n > 57 ? 57 : n > 23 ? 23 : n > 10 ? 10 : n > 4 ? 4 : 1; gap > 0; gap = gap * 4 / 9)
		for (i = gap; i < n; i++)
		{
			uint64_t	x = v[i];
			int			j = i;

			for (; j >= gap && v[j - gap] > x; j -= gap)
				v[j] = v[j - gap];
			v[j] = x;
		}
}

void
tsdb_real_choose(const int64_t *bits, int n, unsigned lane, FloatModel *model, uint16_t *lefts)
{
	uint64_t	v[REAL_SAMPLE];
	uint64_t	mask = lane == 8 ? UINT64_MAX : UINT32_MAX;
	int			ns = n < REAL_SAMPLE ? n : REAL_SAMPLE;
	unsigned	differ[TSDB_REAL_MAX_LEFT_BITS + 1] = {0};
	unsigned	best = UINT32_MAX;
	unsigned	left_bits;
	unsigned	distinct;
	unsigned	end;
	int			i;

	for (i = 0; i < ns; i++)
		v[i] = (uint64_t) bits[(int64_t) i * n / ns] & mask;
	sort_bits(v, ns);

	/* up to so many bits, the table holds all left parts */
	for (i = 1; i < ns; i++)
	{
		unsigned	common = (unsigned) __builtin_clzll((v[i] ^ v[i - 1]) | 1) - (64 - lane * 8);

		differ[common > TSDB_REAL_MAX_LEFT_BITS ? TSDB_REAL_MAX_LEFT_BITS : common]++;
	}
	distinct = 1 + differ[0];
	for (left_bits = 1; left_bits < TSDB_REAL_MAX_LEFT_BITS; left_bits++)
	{
		if (distinct + differ[left_bits] > TSDB_REAL_LEFTS)
			break;
		distinct += differ[left_bits];
	}

	for (end = left_bits + 4; left_bits <= TSDB_REAL_MAX_LEFT_BITS && left_bits <= end; left_bits++)
	{
		unsigned	right = lane * 8 - left_bits;
		uint16_t	top[TSDB_REAL_LEFTS];
		int			count[TSDB_REAL_LEFTS];
		int			ntop = 0;
		int			covered = 0;
		unsigned	cost;
		int			start = 0;

		/* equal left parts lie side by side: keep the eight most frequent, ordered by frequency */
		for (i = 1; i <= ns; i++)
		{
			int			at;

			if (i < ns && v[i] >> right == v[start] >> right)
				continue;
			for (at = ntop; at > 0 && count[at - 1] < i - start; at--)
				if (at < TSDB_REAL_LEFTS)
				{
					top[at] = top[at - 1];
					count[at] = count[at - 1];
				}
			if (at < TSDB_REAL_LEFTS)
			{
				top[at] = (uint16_t) (v[start] >> right);
				count[at] = i - start;
				if (ntop < TSDB_REAL_LEFTS)
					ntop++;
			}
			start = i;
		}
		for (i = 0; i < ntop; i++)
			covered += count[i];
		cost = (unsigned) ns * (right + codec_bit_length((uint64_t) ntop - 1)) +
			(unsigned) (ns - covered) * (16 + 8 * lane);
		if (cost < best)
		{
			best = cost;
			model->param = right;
			memset(lefts, 0, TSDB_REAL_LEFTS * sizeof(uint16_t));
			memcpy(lefts, top, (size_t) ntop * sizeof(uint16_t));
		}
	}
	model->encoding = TSDB_ENC_REAL;
	model->bits = (unsigned) ((uint64_t) best * SAMPLE / (unsigned) ns);
}

/*-------------- writing --------------*/

/* Plans and writes one payload. */
static size_t
put_payload(const int64_t *values, int n, unsigned lane, uint8_t *const *planes, uint8_t *out,
			TsdbPayloadHeader *header, TsdbCodecScratch *scratch)
{
	PayloadPlan plan;

	tsdb_payload_plan(values, n, lane, planes != NULL, &plan, scratch);
	return tsdb_payload_write(values, n, lane, &plan, out, header, planes, scratch);
}

static size_t
put_second_payload(const int64_t *values, int n, uint8_t *out, TsdbCodecScratch *scratch)
{
	TsdbPayloadHeader header;
	size_t		size = put_payload(values, n, 8, NULL, out + sizeof(header), &header, scratch);

	memcpy(out, &header, sizeof(header));
	return sizeof(header) + size;
}

/* Positions are in scratch->exception_pos. */
static size_t
put_exceptions(const int64_t *bits, int nexceptions, unsigned lane, uint8_t *out, const TsdbCodecScratch *scratch)
{
	const uint16_t *pos = scratch->exception_pos;
	size_t		size = (size_t) nexceptions * sizeof(uint16_t);
	int			i;

	memcpy(out, pos, size);
	for (i = 0; i < nexceptions; i++, size += lane)
		codec_store_low(out + size, bits[pos[i]], lane);
	return size;
}

/*
 * Takes the rows whose difference is INT64_MIN for exceptions, but not NULL rows; a neighbour's n stands in their place, and
 * no residual.
 */
static int
collect_exceptions(const bool *isnull, int n, TsdbCodecScratch *scratch)
{
	int64_t    *ints = scratch->ints;
	int64_t    *diffs = scratch->diffs;
	int64_t		last_good = 0;
	int			nexceptions = 0;
	int			i;

	for (i = 0; i < n; i++)
		if (diffs[i] != INT64_MIN)
		{
			last_good = ints[i];
			break;
		}
	for (i = 0; i < n; i++)
	{
		bool		bad = diffs[i] == INT64_MIN;

		scratch->exception_pos[nexceptions] = (uint16_t) i;
		nexceptions += bad && !(isnull != NULL && isnull[i]);
		last_good = bad ? last_good : ints[i];
		ints[i] = last_good;
		diffs[i] = bad ? 0 : diffs[i];
	}
	return nexceptions;
}

/* Behind the first payload: residuals, if there are any, and exceptions. */
static size_t
put_rest(const int64_t *bits, int n, unsigned lane, int nexceptions, unsigned *param, TsdbPayloadHeader *header,
		 uint8_t *out, TsdbCodecScratch *scratch)
{
	uint64_t	any = 0;
	size_t		size = 0;
	int			i;

	header->nexceptions = (uint16_t) nexceptions;
	for (i = 0; i < n; i++)
		any |= (uint64_t) scratch->diffs[i];
	if (any != 0)
	{
		*param |= TSDB_DECIMAL_RESIDUAL;
		size = put_second_payload(scratch->diffs, n, out, scratch);
	}
	return size + put_exceptions(bits, nexceptions, lane, out + size, scratch);
}

static size_t
write_decimals(const int64_t *bits, const bool *isnull, int n, Target target, unsigned *param,
			   TsdbPayloadHeader *header, uint8_t *const *planes, uint8_t *out, TsdbCodecScratch *scratch)
{
	TsdbDecimalScale scale = {0};
	unsigned	lane = target == TARGET_FLOAT ? 4 : 8;
	unsigned	scale_param = target == TARGET_DOUBLE ? *param : *param & TSDB_DECIMAL_SCALE;
	uint64_t	any;
	int			nexceptions = 0;
	size_t		size;

	(void) tsdb_decimal_scale(scale_param, &scale);
	any = scale_values(bits, n, target, &scale, scratch->ints, scratch->diffs, scratch->floats);
	if (any != 0 && scale_param != (scale_param & TSDB_DECIMAL_SCALE))
	{
		*param &= TSDB_DECIMAL_SCALE;
		(void) tsdb_decimal_scale(*param, &scale);
		any = scale_values(bits, n, target, &scale, scratch->ints, scratch->diffs, scratch->floats);
	}
	if (any != 0)
	{
		nexceptions = collect_exceptions(isnull, n, scratch);
		if (nexceptions > n / 2)
			return TSDB_NO_MODEL;
	}
	size = put_payload(scratch->ints, n, 8, planes, out, header, scratch);
	if (any == 0)
		return size;
	return size + put_rest(bits, n, lane, nexceptions, param, header, out + size, scratch);
}

static size_t
write_real(const int64_t *bits, int n, unsigned lane, unsigned right, const uint16_t *lefts,
		   TsdbPayloadHeader *header, uint8_t *out, TsdbCodecScratch *scratch)
{
	uint64_t	right_mask = (UINT64_C(1) << right) - 1;
	uint64_t	lane_mask = lane == 8 ? UINT64_MAX : UINT32_MAX;
	int64_t    *index = scratch->diffs;
	size_t		size = TSDB_REAL_LEFTS * sizeof(uint16_t);
	PayloadPlan plan = {0};
	int			nexceptions = 0;
	int			i;

	for (i = 0; i < n; i++)
	{
		uint64_t	left = ((uint64_t) bits[i] & lane_mask) >> right;
		int			k = 0;

		scratch->codes[0][i] = (uint64_t) bits[i] & right_mask;
		while (k < TSDB_REAL_LEFTS && lefts[k] != left)
			k++;
		scratch->exception_pos[nexceptions] = (uint16_t) i;
		nexceptions += k == TSDB_REAL_LEFTS;
		index[i] = k == TSDB_REAL_LEFTS ? 0 : k;
	}
	if (nexceptions > n / 4)
		return TSDB_NO_MODEL;
	memcpy(out, lefts, size);
	plan.encoding = TSDB_ENC_FOR;
	plan.width = right;
	plan.gcd = 1;
	plan.size = sizeof(int64_t) + tsdb_ffor_size(n, right, n < TSDB_FFOR_MIN_INTERLEAVED);
	size += tsdb_payload_write(bits, n, 8, &plan, out + size, header, NULL, scratch);
	header->nexceptions = (uint16_t) nexceptions;
	size += put_second_payload(index, n, out + size, scratch);
	return size + put_exceptions(bits, nexceptions, lane, out + size, scratch);
}

size_t
tsdb_float_write(const int64_t *bits, const bool *isnull, int n, unsigned lane, const FloatModel *model,
				 const uint16_t *lefts, TsdbBlockHeader *header, uint8_t *const *planes, uint8_t *out,
				 TsdbCodecScratch *scratch)
{
	unsigned	param = model->param;
	size_t		size = 0;

	switch (model->encoding)
	{
		case TSDB_ENC_DECIMAL:
			size = write_decimals(bits, isnull, n, lane == 8 ? TARGET_DOUBLE : TARGET_FLOAT, &param, &header->p, planes,
								  out, scratch);
			break;

		case TSDB_ENC_FLOAT32:
			if (param & TSDB_FLOAT32_DECIMAL)
				size = write_decimals(bits, isnull, n, TARGET_SINGLE, &param, &header->p, planes, out, scratch);
			else
			{
				(void) nearest_floats(bits, n, scratch->floats, scratch->diffs);
				size = put_payload(scratch->floats, n, 4, planes, out, &header->p, scratch);
				size += put_rest(bits, n, lane, 0, &param, &header->p, out + size, scratch);
			}
			break;

		case TSDB_ENC_REAL:
			size = write_real(bits, n, lane, param, lefts, &header->p, out, scratch);
			break;

		default:
			assert(false);
	}
	header->encoding = (uint8_t) model->encoding;
	header->param = (uint8_t) param;
	return size;
}

/*-------------- reading --------------*/

static bool
read_exceptions(CodecCursor *in, int nexceptions, int n, unsigned lane, int64_t *values)
{
	const uint8_t *positions = codec_take(in, (size_t) nexceptions * sizeof(uint16_t));
	const uint8_t *raw = positions == NULL ? NULL : codec_take(in, (size_t) nexceptions * lane);
	int			last = -1;
	int			i;

	if (raw == NULL)
		return false;
	for (i = 0; i < nexceptions; i++)
	{
		int			at = codec_load16(positions + (size_t) i * sizeof(uint16_t));

		if (at <= last || at >= n)
			return false;
		last = at;
		values[at] = codec_load_signed(raw + (size_t) i * lane, lane);
	}
	return true;
}

/* n becomes the bits of its decimal, a float's (lane 4) or a double's. */
static bool
read_decimals(CodecCursor *in, const TsdbPayloadHeader *header, unsigned param, int n, unsigned lane, int64_t *bits,
			  TsdbCodecScratch *scratch)
{
	TsdbDecimalScale scale;

	if (!tsdb_decimal_scale(param, &scale) || (lane == 4 && (param & (TSDB_DECIMAL_MUL14 | TSDB_DECIMAL_MUL16))) ||
		!tsdb_payload_read(in, header, n, 8, bits, scratch))
		return false;
	if (lane == 8)
		tsdb_kernels->decimal_doubles(bits, n, &scale);
	else
		tsdb_kernels->decimal_floats(bits, n, &scale);
	return true;
}

/* Adds the second payload to the bits. */
static bool
read_residuals(CodecCursor *in, int n, unsigned lane, int64_t *bits, TsdbCodecScratch *scratch)
{
	const int64_t *diffs = scratch->diffs;
	int			i;

	if (!tsdb_payload_read_second(in, n, 8, scratch->diffs, scratch))
		return false;
	if (lane == 8)
		for (i = 0; i < n; i++)
			bits[i] = (int64_t) ((uint64_t) bits[i] + (uint64_t) diffs[i]);
	else
		for (i = 0; i < n; i++)
			bits[i] = (int32_t) (uint32_t) ((uint64_t) bits[i] + (uint64_t) diffs[i]);
	return true;
}

static bool
read_real(CodecCursor *in, const TsdbBlockHeader *header, int n, unsigned lane, int64_t *bits,
		  TsdbCodecScratch *scratch)
{
	const uint8_t *p = codec_take(in, TSDB_REAL_LEFTS * sizeof(uint16_t));
	uint64_t	lefts[TSDB_REAL_LEFTS];
	unsigned	right = header->param;
	uint64_t	all = 0;
	int			i;

	if (p == NULL || right >= lane * 8 || right < lane * 8 - TSDB_REAL_MAX_LEFT_BITS ||
		header->p.payload == TSDB_ENC_PLANES)
		return false;
	for (i = 0; i < TSDB_REAL_LEFTS; i++)
		lefts[i] = codec_load16(p + (size_t) i * sizeof(uint16_t));
	if (!tsdb_payload_read(in, &header->p, n, 8, bits, scratch) ||
		!tsdb_payload_read_second(in, n, 8, scratch->diffs, scratch))
		return false;
	for (i = 0; i < n; i++)
		all |= (uint64_t) scratch->diffs[i];
	if (all >= TSDB_REAL_LEFTS)
		return false;
	tsdb_kernels->join_real((const uint64_t *) bits, (const uint64_t *) scratch->diffs, n, lefts, right,
							(uint64_t *) bits);
	if (lane == 4)
		for (i = 0; i < n; i++)
			bits[i] = (int32_t) (uint32_t) bits[i];
	return true;
}

bool
tsdb_float_read(CodecCursor *in, const TsdbBlockHeader *header, int n, unsigned lane, int64_t *bits,
				TsdbCodecScratch *scratch)
{
	unsigned	param = header->param & ~(unsigned) TSDB_DECIMAL_RESIDUAL;

	switch (header->encoding)
	{
		case TSDB_ENC_DECIMAL:
			if (lane < 4 || !read_decimals(in, &header->p, param, n, lane, bits, scratch))
				return false;
			break;

		case TSDB_ENC_FLOAT32:
			if (lane != 8)
				return false;
			if (param & TSDB_FLOAT32_DECIMAL)
			{
				if (!read_decimals(in, &header->p, param & ~(unsigned) TSDB_FLOAT32_DECIMAL, n, 4, bits, scratch))
					return false;
			}
			else if (param != 0 || !tsdb_payload_read(in, &header->p, n, 4, bits, scratch))
				return false;
			tsdb_kernels->floats_to_doubles(bits, n);
			break;

		case TSDB_ENC_REAL:
			return lane >= 4 && read_real(in, header, n, lane, bits, scratch) &&
				read_exceptions(in, header->p.nexceptions, n, lane, bits);

		default:
			return false;
	}
	if ((header->param & TSDB_DECIMAL_RESIDUAL) && !read_residuals(in, n, lane, bits, scratch))
		return false;
	return read_exceptions(in, header->p.nexceptions, n, lane, bits);
}

/*-------------- reading one value --------------*/

/* As read_exceptions: replaces the value if it is one. */
static bool
exception_value(CodecCursor *in, int nexceptions, unsigned lane, int i, int64_t *value)
{
	const uint8_t *positions = codec_take(in, (size_t) nexceptions * sizeof(uint16_t));
	const uint8_t *raw = positions == NULL ? NULL : codec_take(in, (size_t) nexceptions * lane);
	int			found;

	if (raw == NULL)
		return false;
	found = codec_find_position(positions, nexceptions, i);
	if (found >= 0)
		*value = codec_load_signed(raw + (size_t) found * lane, lane);
	return true;
}

static bool
decimal_value(CodecCursor *in, const TsdbPayloadHeader *header, unsigned param, int n, unsigned lane, int i,
			  int64_t *bits, TsdbCodecScratch *scratch)
{
	TsdbDecimalScale scale;

	if (!tsdb_decimal_scale(param, &scale) || (lane == 4 && (param & (TSDB_DECIMAL_MUL14 | TSDB_DECIMAL_MUL16))) ||
		!tsdb_payload_value(in, header, n, 8, i, bits, scratch))
		return false;
	if (lane == 8)
		tsdb_kernels->decimal_doubles(bits, 1, &scale);
	else
		tsdb_kernels->decimal_floats(bits, 1, &scale);
	return true;
}

static bool
residual_value(CodecCursor *in, int n, unsigned lane, int i, int64_t *bits, TsdbCodecScratch *scratch)
{
	int64_t		diff;
	uint64_t	sum;

	if (!tsdb_payload_value_second(in, n, 8, i, &diff, scratch))
		return false;
	sum = (uint64_t) *bits + (uint64_t) diff;
	*bits = lane == 8 ? (int64_t) sum : (int32_t) (uint32_t) sum;
	return true;
}

static bool
real_value(CodecCursor *in, const TsdbBlockHeader *header, int n, unsigned lane, int i, int64_t *bits,
		   TsdbCodecScratch *scratch)
{
	const uint8_t *p = codec_take(in, TSDB_REAL_LEFTS * sizeof(uint16_t));
	unsigned	right = header->param;
	int64_t		index;
	uint64_t	joined;

	if (p == NULL || right >= lane * 8 || right < lane * 8 - TSDB_REAL_MAX_LEFT_BITS ||
		header->p.payload == TSDB_ENC_PLANES ||
		!tsdb_payload_value(in, &header->p, n, 8, i, bits, scratch) ||
		!tsdb_payload_value_second(in, n, 8, i, &index, scratch) ||
		index < 0 || index >= TSDB_REAL_LEFTS)
		return false;
	joined = (uint64_t) codec_load16(p + (size_t) index * sizeof(uint16_t)) << right | (uint64_t) *bits;
	*bits = lane == 8 ? (int64_t) joined : (int32_t) (uint32_t) joined;
	return true;
}

bool
tsdb_float_value(CodecCursor *in, const TsdbBlockHeader *header, int n, unsigned lane, int i, int64_t *bits,
				 TsdbCodecScratch *scratch)
{
	unsigned	param = header->param & ~(unsigned) TSDB_DECIMAL_RESIDUAL;

	switch (header->encoding)
	{
		case TSDB_ENC_DECIMAL:
			if (lane < 4 || !decimal_value(in, &header->p, param, n, lane, i, bits, scratch))
				return false;
			break;

		case TSDB_ENC_FLOAT32:
			if (lane != 8)
				return false;
			if (param & TSDB_FLOAT32_DECIMAL)
			{
				if (!decimal_value(in, &header->p, param & ~(unsigned) TSDB_FLOAT32_DECIMAL, n, 4, i, bits, scratch))
					return false;
			}
			else if (param != 0 || !tsdb_payload_value(in, &header->p, n, 4, i, bits, scratch))
				return false;
			tsdb_kernels->floats_to_doubles(bits, 1);
			break;

		case TSDB_ENC_REAL:
			return lane >= 4 && real_value(in, header, n, lane, i, bits, scratch) &&
				exception_value(in, header->p.nexceptions, lane, i, bits);

		default:
			return false;
	}
	if ((header->param & TSDB_DECIMAL_RESIDUAL) && !residual_value(in, n, lane, i, bits, scratch))
		return false;
	return exception_value(in, header->p.nexceptions, lane, i, bits);
}
