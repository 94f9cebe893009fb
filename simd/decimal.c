/*-------------------------------------------------------------------------
 * decimal.c
 *	  Floats and doubles that were decimal numbers once: value = n / 10^scale.
 *
 * With |n| < 2^51 and scale <= 22 both operands of the division are exact, and IEEE 754
 * division gives the double nearest to the quotient, which is the very double that a decimal
 * text of up to 15 digits was read as.  (Multiplying by 10^-scale would not: that is
 * inexact.  ALP, SIGMOD 2024, gets around it with a second exponent.)
 *
 * Whether it worked is decided on the bits of the result: -0.0, NaN payloads, infinities and
 * denormals come out different and are exceptions.
 *-------------------------------------------------------------------------
 */
#include "codec_internal.h"

#include <math.h>

/*
 * Adding 2^52 + 2^51 to a double below 2^51 leaves its nearest integer in the low bits, which
 * costs one addition where SSE2, AVX2 and NEON have no conversion between int64 and double.
 */
#define MAGIC			6755399441055744.0
#define MAGIC_BITS		UINT64_C(0x4338000000000000)
#define MAGIC_LIMIT		2251799813685248.0	/* 2^51 */

#define EXCEPTION_BITS	80		/* position and eight bytes */

/* Literals: repeated multiplication or pow() might be off by a bit. */
static const double power10[TSDB_DECIMAL_MAX_SCALE + 1] = {
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17
};

#define noinline		__attribute__((noinline))

/* Registers of the instruction set that the file is compiled for. */
#if defined(__AVX512F__)
#define VEC_LANES		8
#elif defined(__AVX2__)
#define VEC_LANES		4
#else
#define VEC_LANES		2
#endif

typedef uint64_t vec_int __attribute__((vector_size(VEC_LANES * 8)));
typedef double vec_double __attribute__((vector_size(VEC_LANES * 8)));

static inline vec_int
load_ints(const int64_t *p)
{
	vec_int		v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline void
store_ints(int64_t *p, vec_int v)
{
	memcpy(p, &v, sizeof(v));
}

static inline bool
any_bit(vec_int v)
{
	uint64_t	all = 0;
	int			i;

	for (i = 0; i < VEC_LANES; i++)
		all |= v[i];
	return all != 0;
}

static inline double
bits_to_double(uint64_t bits)
{
	double		d;

	memcpy(&d, &bits, sizeof(d));
	return d;
}

static inline uint64_t
double_to_bits(double d)
{
	uint64_t	bits;

	memcpy(&bits, &d, sizeof(bits));
	return bits;
}

static inline float
bits_to_float(int64_t bits)
{
	uint32_t	low = (uint32_t) bits;
	float		f;

	memcpy(&f, &low, sizeof(f));
	return f;
}

static inline int64_t
float_to_bits(float f)
{
	int32_t		bits;

	memcpy(&bits, &f, sizeof(bits));
	return bits;
}

/* The value as double; a float's is exact. */
static inline double
value_of(int64_t bits, unsigned lane)
{
	return lane == 8 ? bits_to_double((uint64_t) bits) : (double) bits_to_float(bits);
}

/* n as a double, for |n| < 2^51; any n is defined. */
static inline double
int_to_double(int64_t n)
{
	return bits_to_double((uint64_t) n + MAGIC_BITS) - MAGIC;
}

/* Nearest n for v; whether the decoder gets v back from it. */
static inline bool
try_scale(int64_t bits, unsigned lane, double power, int64_t *n)
{
	double		scaled = value_of(bits, lane) * power;
	double		rounded = scaled + MAGIC;
	double		back = (rounded - MAGIC) / power;

	*n = (int64_t) (double_to_bits(rounded) - MAGIC_BITS);
	/* false for NaN too */
	if (!(fabs(scaled) < MAGIC_LIMIT))
		return false;
	return lane == 8 ? double_to_bits(back) == (uint64_t) bits : float_to_bits((float) back) == bits;
}

/* Smallest scale that gives the value back, or -1.  "hint" is tried first. */
static int
smallest_scale(int64_t bits, unsigned lane, int hint)
{
	double		value = value_of(bits, lane);
	int64_t		n;
	int			k;

	if (!(fabs(value) < MAGIC_LIMIT))
		return -1;
	if (try_scale(bits, lane, power10[hint], &n) &&
		(hint == 0 || !try_scale(bits, lane, power10[hint - 1], &n)))
		return hint;
	for (k = 0; k <= TSDB_DECIMAL_MAX_SCALE; k++)
	{
		if (try_scale(bits, lane, power10[k], &n))
			return k;
		if (fabs(value * power10[k]) >= MAGIC_LIMIT)
			break;
	}
	return -1;
}

/*
 * Scale that is cheapest for the sample, or -1 if exceptions outnumber the decimals.  Which
 * scales are tried is a matter of speed, which is taken is not: it depends on the values alone.
 */
static int
choose_scale(const int64_t *sample, int ns, unsigned lane)
{
	int			histogram[TSDB_DECIMAL_MAX_SCALE + 1] = {0};
	unsigned	best_cost = UINT32_MAX;
	int			best = -1;
	int			hint = 0;
	int			seen = 0;
	int			k;
	int			i;

	for (i = 0; i < ns; i++)
	{
		k = smallest_scale(sample[i], lane, hint);
		if (k >= 0)
		{
			histogram[k]++;
			hint = k;
		}
	}
	for (k = 0; k <= TSDB_DECIMAL_MAX_SCALE; k++)
	{
		int64_t		lo = INT64_MAX;
		int64_t		hi = INT64_MIN;
		int			nexact = 0;
		unsigned	cost;

		if (histogram[k] == 0)
			continue;
		seen += histogram[k];
		/* at most this many can be exact, or nearly: the rest need a larger scale */
		if (seen * 2 < ns)
			continue;
		for (i = 0; i < ns; i++)
		{
			int64_t		n;

			if (try_scale(sample[i], lane, power10[k], &n))
			{
				nexact++;
				lo = n < lo ? n : lo;
				hi = n > hi ? n : hi;
			}
		}
		if (nexact * 2 < ns)
			continue;
		cost = (unsigned) ns * codec_bit_length((uint64_t) hi - (uint64_t) lo) +
			(unsigned) (ns - nexact) * EXCEPTION_BITS;
		if (cost < best_cost)
		{
			best_cost = cost;
			best = k;
		}
	}
	return best;
}

/*
 * n[i] for all rows; bad[i] is not 0 where the value does not come back.  True if there is
 * such a row.
 */
static noinline bool
scale_doubles(const int64_t *bits, int n, double power, int64_t *ints, int64_t *bad)
{
	vec_int		any = {0};
	bool		found;
	int			i;

	for (i = 0; i + VEC_LANES <= n; i += VEC_LANES)
	{
		vec_int		in = load_ints(bits + i);
		vec_double	scaled = (vec_double) in * power;
		vec_double	rounded = scaled + MAGIC;
		vec_double	back = (rounded - MAGIC) / power;
		vec_double	size = (vec_double) ((vec_int) scaled & (uint64_t) INT64_MAX);
		vec_int		off = ((vec_int) back ^ in) | ~(vec_int) (size < MAGIC_LIMIT);	/* NaN is not */

		store_ints(ints + i, (vec_int) rounded - MAGIC_BITS);
		store_ints(bad + i, off);
		any |= off;
	}
	found = any_bit(any);
	for (; i < n; i++)
	{
		bad[i] = !try_scale(bits[i], 8, power, &ints[i]);
		found |= bad[i] != 0;
	}
	return found;
}

static noinline bool
scale_floats(const int64_t *bits, int n, double power, int64_t *ints, int64_t *bad)
{
	bool		found = false;
	int			i;

	for (i = 0; i < n; i++)
	{
		bad[i] = !try_scale(bits[i], 4, power, &ints[i]);
		found |= bad[i] != 0;
	}
	return found;
}

bool
tsdb_decimal_plan(const int64_t *bits, const bool *isnull, int n, unsigned lane,
				  DecimalPlan *plan, TsdbCodecScratch *scratch)
{
	int64_t		sample[CODEC_SAMPLE];
	int			ns = n < CODEC_SAMPLE ? n : CODEC_SAMPLE;
	int64_t    *bad = (int64_t *) scratch->codes[0];
	int			nexceptions = 0;
	int64_t		last_good = 0;
	int			scale;
	int			i;

	for (i = 0; i < ns; i++)
	{
		int			at = (int) ((int64_t) i * n / ns);

		/* NULL rows repeat a value: they would give it too much weight */
		while (isnull != NULL && isnull[at] && at + 1 < n)
			at++;
		sample[i] = bits[at];
	}
	scale = choose_scale(sample, ns, lane);
	if (scale < 0)
		return false;

	plan->scale = (unsigned) scale;
	plan->nexceptions = 0;
	if (lane == 8 ? !scale_doubles(bits, n, power10[scale], scratch->ints, bad) :
		!scale_floats(bits, n, power10[scale], scratch->ints, bad))
		return true;

	/* the first good n stands in for all before it */
	for (i = 0; i < n && bad[i] != 0; i++)
		;
	if (i < n)
		last_good = scratch->ints[i];
	for (i = 0; i < n; i++)
	{
		bool		isbad = bad[i] != 0;

		scratch->exception_pos[nexceptions] = (uint16_t) i;
		nexceptions += isbad && !(isnull != NULL && isnull[i]);
		last_good = isbad ? last_good : scratch->ints[i];
		scratch->ints[i] = last_good;
	}
	plan->nexceptions = nexceptions;
	return true;
}

static noinline void
expand_doubles(int64_t *values, int n, double power)
{
	int			i;

	for (i = 0; i + VEC_LANES <= n; i += VEC_LANES)
	{
		vec_double	d = (vec_double) (load_ints(values + i) + MAGIC_BITS) - MAGIC;

		store_ints(values + i, (vec_int) (d / power));
	}
	for (; i < n; i++)
		values[i] = (int64_t) double_to_bits(int_to_double(values[i]) / power);
}

static noinline void
expand_floats(int64_t *values, int n, double power)
{
	int			i;

	for (i = 0; i < n; i++)
		values[i] = float_to_bits((float) (int_to_double(values[i]) / power));
}

void
tsdb_decimal_expand(int64_t *values, int n, unsigned scale, unsigned lane)
{
	if (lane == 8)
		expand_doubles(values, n, power10[scale]);
	else
		expand_floats(values, n, power10[scale]);
}
