/*-------------------------------------------------------------------------
 * kern_float.h
 *	  Floats and doubles as decimals, as each other, and as left and right bits.
 *
 * IEEE arithmetic to the letter: files are compiled with -ffp-contract=off and nothing of the
 * fast-math family, since encoders and decoders of different tiers must agree on every bit.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_KERN_FLOAT_H
#define TSDB_KERN_FLOAT_H

/*
 * Adding 2^52 + 2^51 to a double below 2^51 leaves its nearest integer in the low bits, which
 * costs one addition where SSE2, AVX2 and NEON have no conversion between int64 and double.
 */
#define MAGIC			6755399441055744.0
#define MAGIC_BITS		UINT64_C(0x4338000000000000)
#define MAGIC_LIMIT_BITS	UINT64_C(0x4320000000000000)	/* of 2^51 */

#define SIGN_BIT		(UINT64_C(1) << 63)
#define FLOAT_INF		UINT32_C(0x7F800000)
#define DOUBLE_INF		UINT64_C(0x7FF0000000000000)

/*-------------- decimals --------------*/

typedef enum DecimalForm
{
	DECIMAL_DIVIDE, DECIMAL_MULTIPLY, DECIMAL_MULTIPLY_TWICE
} DecimalForm;

static always_inline DecimalForm
decimal_form(const TsdbDecimalScale *scale)
{
	if (!scale->multiply)
		return DECIMAL_DIVIDE;
	return scale->factor == 1 ? DECIMAL_MULTIPLY : DECIMAL_MULTIPLY_TWICE;
}

/* The decimal of whole numbers. */
static always_inline vf64
decimal_value(vf64 whole, const TsdbDecimalScale *scale, const DecimalForm form)
{
	switch (form)
	{
		case DECIMAL_DIVIDE:
			return whole / (vf64) splat_double(scale->power);
		case DECIMAL_MULTIPLY:
			return whole * (vf64) splat_double(scale->inverse);
		default:
			return whole * (vf64) splat_double(scale->factor) * (vf64) splat_double(scale->inverse);
	}
}

static always_inline v64u
decimal_bits(vf64 whole, const TsdbDecimalScale *scale, const DecimalForm form, const bool floats)
{
	vf64		d = decimal_value(whole, scale, form);

	return floats ? double_to_float_bits(d) : (v64u) d;
}

/* Runs "body" with FORM as a constant. */
#define FOR_FORM(scale, body) \
	do { \
		switch (decimal_form(scale)) \
		{ \
			case DECIMAL_DIVIDE: \
				{ enum { FORM = DECIMAL_DIVIDE }; body; } \
				break; \
			case DECIMAL_MULTIPLY: \
				{ enum { FORM = DECIMAL_MULTIPLY }; body; } \
				break; \
			default: \
				{ enum { FORM = DECIMAL_MULTIPLY_TWICE }; body; } \
				break; \
		} \
	} while (0)

static always_inline void
decimal_expand(int64_t *values, int n, const TsdbDecimalScale *original, const DecimalForm form, const bool floats)
{
	const vf64	magic = (vf64) splat_double(MAGIC);
	const TsdbDecimalScale scale = *original;	/* that no store can change */

	MAP64(n, values, values, x, decimal_bits((vf64) (x + MAGIC_BITS) - magic, &scale, form, floats));
}

static void
K(decimal_doubles) (int64_t *values, int n, const TsdbDecimalScale *scale)
{
	FOR_FORM(scale, decimal_expand(values, n, scale, (DecimalForm) FORM, false));
}

static void
K(decimal_floats) (int64_t *values, int n, const TsdbDecimalScale *scale)
{
	FOR_FORM(scale, decimal_expand(values, n, scale, (DecimalForm) FORM, true));
}

/* One register: the integers, and the difference from what the decoder will make of them. */
static always_inline v64u
scale_register(v64u bits, const TsdbDecimalScale *scale, const DecimalForm form, const bool floats, v64u *ints)
{
	const vf64	magic = (vf64) splat_double(MAGIC);
	vf64		scaled = (floats ? float_bits_to_double(bits) : (vf64) bits) * (vf64) splat_double(scale->power);
	vf64		rounded = scaled + magic;
	/* the bits of doubles compare like integers; NaN's are above all */
	v64u		large = sign64((MAGIC_LIMIT_BITS - 1) - ((v64u) scaled & ~SIGN_BIT));

	*ints = ((v64u) rounded - MAGIC_BITS) & ~large;
	return ((bits - decimal_bits(rounded - magic, scale, form, floats)) & ~large) | (large & SIGN_BIT);
}

static always_inline uint64_t
scale_all(const int64_t *bits, int n, const TsdbDecimalScale *original, const DecimalForm form, const bool floats,
		  int64_t *ints, int64_t *diff)
{
	const TsdbDecimalScale scale = *original;	/* that no store can change */
	const s64a *from = (const s64a *) bits;
	s64a	   *to_ints = (s64a *) ints;
	s64a	   *to_diff = (s64a *) diff;
	v64u		all = {0};
	v64u		x;
	v64u		d;
	int			i;

	for (i = 0; i + L64 <= n; i += L64)
	{
		d = scale_register(vload(from + i), &scale, form, floats, &x);
		vstore(to_ints + i, x);
		vstore(to_diff + i, d);
		all |= d;
	}
	if (i < n)
	{
		size_t		rest = (size_t) (n - i) * 8;

		/* lanes beyond the last value hold 0, whose decimal is 0 */
		d = scale_register(vload_part(from + i, rest), &scale, form, floats, &x);
		vstore_part(to_ints + i, x, rest);
		vstore_part(to_diff + i, d, rest);
		all |= d;
	}
	return or_lanes(all);
}

static uint64_t
K(scale_doubles) (const int64_t *bits, int n, const TsdbDecimalScale *scale, int64_t *ints, int64_t *diff)
{
	FOR_FORM(scale, return scale_all(bits, n, scale, (DecimalForm) FORM, false, ints, diff));
}

static uint64_t
K(scale_floats) (const int64_t *bits, int n, const TsdbDecimalScale *scale, int64_t *ints, int64_t *diff)
{
	FOR_FORM(scale, return scale_all(bits, n, scale, (DecimalForm) FORM, true, ints, diff));
}

/*-------------- floats in doubles --------------*/

/* The conversions of the processor quiet signalling NaNs: these go by their bits instead. */

static always_inline uint64_t
float_nan_to_double(uint32_t bits)
{
	return (uint64_t) (bits >> 31) << 63 | DOUBLE_INF | (uint64_t) (bits & 0x7FFFFF) << 29;
}

static always_inline uint32_t
double_nan_to_float(uint64_t bits)
{
	return (uint32_t) (bits >> 63) << 31 | FLOAT_INF | (uint32_t) ((bits >> 29) & 0x7FFFFF);
}

/* NaNs among the rows of "off", whose floats did not come back: those that do by their bits are taken off. */
static noinline uint64_t
K(float_nans) (const s64a *bits, uint64_t off, s64a *floats)
{
	uint64_t	left;

	for (left = off; left != 0; left &= left - 1)
	{
		int			j = __builtin_ctzll(left);
		uint64_t	x = (uint64_t) bits[j];
		uint32_t	nan;

		if ((x & ~SIGN_BIT) <= DOUBLE_INF)
			continue;
		nan = double_nan_to_float(x);
		floats[j] = (int32_t) nan;
		/* without payload it would be an infinity, which x is not */
		if (float_nan_to_double(nan) == x)
			off &= ~(UINT64_C(1) << j);
	}
	return off;
}

static int
K(doubles_to_floats) (const int64_t *bits, int n, int64_t *floats, uint64_t *bad)
{
	const s64a *from = (const s64a *) bits;
	s64a	   *to = (s64a *) floats;
	u64a	   *words = (u64a *) bad;
	int			nbad = 0;
	int			i;
	int			j;

	for (i = 0; i < n; i += 64)
	{
		uint64_t	off = 0;

		if (i + 64 <= n)
		{
			UNROLL
			for (j = 0; j < 64; j += L64)
			{
				v64u		x = vload(from + i + j);
				v64u		f = double_to_float_bits((vf64) x);

				vstore(to + i + j, f);
				off |= bits_eq((v64u) float_bits_to_double(f), x, 64) << j;
			}
		}
		else
			for (j = 0; i + j < n; j += L64)
			{
				size_t		rest = i + j + L64 <= n ? VB : (size_t) (n - i - j) * 8;
				v64u		x = vload_part(from + i + j, rest);
				v64u		f = double_to_float_bits((vf64) x);

				vstore_part(to + i + j, f, rest);
				off |= bits_eq((v64u) float_bits_to_double(f), x, 64) << j;
			}
		off = ~off & rows_from(n, i);
		if (off != 0)
			off = K(float_nans) (from + i, off, to + i);
		words[i / 64] = off;
		nbad += (int) popcount64(off);
	}
	return nbad;
}

static noinline void
K(double_nans_by_bits) (s64a *v, int n)
{
	int			i;

	for (i = 0; i < n; i++)
	{
		const uint32_t f = (uint32_t) v[i];
		float		value;
		double		d;

		if ((f & 0x7FFFFFFF) > FLOAT_INF)
			v[i] = (int64_t) float_nan_to_double(f);
		else
		{
			memcpy(&value, &f, sizeof(value));
			d = value;
			memcpy((void *) &v[i], &d, sizeof(d));
		}
	}
}

static void
K(floats_to_doubles) (int64_t *values, int n)
{
	s64a	   *v = (s64a *) values;
	int			i;
	int			j;

	/* blocks of eight registers, looked through for NaN before they are overwritten */
	for (i = 0; i + 8 * L64 <= n; i += 8 * L64)
	{
		v64u		d[8];
		uint64_t	nans = 0;

		UNROLL
		for (j = 0; j < 8; j++)
		{
			d[j] = (v64u) float_bits_to_double(vload(v + i + j * L64));
			nans |= ~bits_feq(d[j], d[j], 64);
		}
		if ((nans & low_mask(L64)) != 0)
			K(double_nans_by_bits) (v + i, 8 * L64);
		else
		{
			UNROLL
			for (j = 0; j < 8; j++)
				vstore(v + i + j * L64, d[j]);
		}
	}
	if (i < n)
		K(double_nans_by_bits) (v + i, n - i);
}

/*-------------- left and right bits --------------*/

static void
K(join_real) (const uint64_t *right, const uint64_t *index, int n, const uint64_t *dict, unsigned shift, uint64_t *out)
{
	const u64a *r = (const u64a *) right;
	const u64a *at = (const u64a *) index;
	u64a	   *to = (u64a *) out;
	uint64_t	left[8];
	int			i = 0;

	for (i = 0; i < 8; i++)
		left[i] = ((const u64a *) dict)[i] << shift;
	i = 0;
#if KERN_TIER == 2
	for (; i + L64 <= n; i += L64)
		vstore(to + i, (v64u) _mm512_permutexvar_epi64((__m512i) vload(at + i), _mm512_loadu_si512(left)) | vload(r + i));
#endif
	for (; i < n; i++)
		to[i] = left[at[i]] | r[i];
}

#endif							/* TSDB_KERN_FLOAT_H */
