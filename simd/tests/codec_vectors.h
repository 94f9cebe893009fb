/*-------------------------------------------------------------------------
 * codec_vectors.h
 *	  Made-up vectors for tests, benchmark and fuzz corpus: one kind for each shape of data
 *	  that some encoding is for, or that some encoder might get wrong.
 *
 * Everything follows from kind, seed and n: no clock, no rand().
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_CODEC_VECTORS_H
#define TSDB_CODEC_VECTORS_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tsdb_codec.h"

/* xorshift64*; state is never 0 */
static inline uint64_t
vec_random(uint64_t *state)
{
	uint64_t	x = *state;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	*state = x;
	return x * UINT64_C(0x2545F4914F6CDD1D);
}

static inline uint64_t
vec_below(uint64_t *state, uint64_t bound)
{
	return (vec_random(state) >> 11) % bound;
}

static inline uint64_t
vec_seed(uint64_t seed)
{
	return (seed + 1) * UINT64_C(0x9E3779B97F4A7C15) | 1;
}

static inline int64_t
vec_double_bits(double d)
{
	int64_t		bits;

	memcpy(&bits, &d, sizeof(bits));
	return bits;
}

static inline int64_t
vec_float_bits(float f)
{
	int32_t		bits;

	memcpy(&bits, &f, sizeof(bits));
	return bits;
}

/* Sign-extends the low "lane" bytes. */
static inline int64_t
vec_to_lane(int64_t v, int lane)
{
	switch (lane)
	{
		case 1:
			return (int8_t) v;
		case 2:
			return (int16_t) v;
		case 4:
			return (int32_t) v;
		default:
			return v;
	}
}

typedef enum VecKind
{
	VEC_CONST,
	VEC_RANDOM,					/* all bits */
	VEC_SMALL,					/* 0 .. 999 */
	VEC_NEGATIVE,				/* -500 .. 499 */
	VEC_BOOL,
	VEC_RUNS,					/* runs of some 20 */
	VEC_LONG_RUNS,
	VEC_ALTERNATE,				/* two values in turn: runs of one */
	VEC_COUNTER,				/* rising by 0 .. 9 */
	VEC_FALLING,
	VEC_OUTLIERS_HIGH,
	VEC_OUTLIERS_LOW,
	VEC_OUTLIERS_BOTH,
	VEC_SPARSE,					/* zeros and some huge ones */
	VEC_GCD,					/* multiples of 1000 and an offset */
	VEC_GCD_MISSES,				/* the same, a few values off */
	VEC_GCD_POWER,				/* multiples of 2^40 */
	VEC_GCD_WIDE,				/* multiples of 3 * 10^18, wrapping */
	VEC_EXTREMES,				/* minimum and maximum of the lane among others */
	VEC_MIN_MAX,				/* only these two */
	VEC_SAWTOOTH,				/* differences that wrap around */
	VEC_WALK,					/* random walk */
	VEC_TIME_REGULAR,			/* microseconds, one series */
	VEC_TIME_SERIES,			/* several series of 100 rows, each starting anew */
	VEC_TIME_PHASES,			/* the same, each at its own phase */
	VEC_TIME_GAPS,
	VEC_TIME_JITTER,			/* whole minutes, irregular */
	VEC_TIME_RANDOM,			/* irregular microseconds */
	VEC_TIME_CLOCK,				/* every ten seconds, up to a millisecond late */
	VEC_TIME_CLOCK_MS,			/* the same, late by whole milliseconds */
	VEC_LINE,					/* a counter with a slope, and noise around it */
	VEC_LINE_FALLING,			/* the same downwards, with outliers */
	VEC_SKEWED,					/* few numbers, each half as frequent as the one before */
	VEC_SKEWED_STEPS,			/* a counter whose steps are such */
	VEC_SKEWED_OUTLIERS,		/* such numbers and, very rarely, huge ones */
	VEC_DOUBLE_INT,
	VEC_DOUBLE_2,				/* two decimals, noisy */
	VEC_DOUBLE_WALK,			/* one decimal, slow sensor */
	VEC_DOUBLE_13,				/* thirteen decimals */
	VEC_DOUBLE_MIXED,			/* 0 .. 6 decimals */
	VEC_DOUBLE_SPECIAL,			/* decimals with NaN, inf, -0.0, denormals */
	VEC_DOUBLE_ODD,				/* nothing but these */
	VEC_DOUBLE_NOISE,			/* binary noise in every third value */
	VEC_DOUBLE_REAL,			/* full mantissas */
	VEC_DOUBLE_FLOAT,			/* three decimals, as floats, in doubles */
	VEC_DOUBLE_FLOAT_REAL,		/* floats of full mantissas in doubles */
	VEC_DOUBLE_FLOAT_TEXT,		/* floats that were written with 16 digits and read as doubles */
	VEC_DOUBLE_FLOAT_ODD,		/* floats and, rarely, what is none */
	VEC_DOUBLE_ULP,				/* decimals, most of them off by some units in the last place */
	VEC_DOUBLE_SUM,				/* averages of decimals */
	VEC_DOUBLE_DIVIDE,			/* fifteen digits: no product gives their bits */
	VEC_DOUBLE_SKEWED,			/* two decimals, skewed steps */
	VEC_DOUBLE_SIGNED,			/* full mantissas of both signs and few exponents */
	VEC_DOUBLE_SIGNED_ODD,		/* the same, and rarely something else */
	VEC_DOUBLE_HUGE,			/* 2^51 and around, 1e300 */
	VEC_DOUBLE_RUNS,			/* runs of full mantissas */
	VEC_FLOAT_2,
	VEC_FLOAT_SPECIAL,
	VEC_FLOAT_REAL,				/* all bits */
	VEC_FLOAT_ULP,				/* decimals, some off by a unit in the last place */
	VEC_FLOAT_SIGNED,			/* full mantissas of both signs and few exponents */
	VEC_NKINDS
} VecKind;

static const char *const vec_kind_names[VEC_NKINDS] = {
	"const", "random", "small", "negative", "bool", "runs", "long_runs", "alternate",
	"counter", "falling", "outliers_high", "outliers_low", "outliers_both", "sparse",
	"gcd", "gcd_misses", "gcd_power", "gcd_wide", "extremes", "min_max", "sawtooth", "walk",
	"time_regular", "time_series", "time_phases", "time_gaps", "time_jitter", "time_random",
	"time_clock", "time_clock_ms", "line", "line_falling", "skewed", "skewed_steps", "skewed_outliers",
	"double_int", "double_2", "double_walk", "double_13", "double_mixed", "double_special",
	"double_odd", "double_noise", "double_real", "double_float", "double_float_real", "double_float_text",
	"double_float_odd", "double_ulp", "double_sum", "double_divide", "double_skewed", "double_signed", "double_signed_odd",
	"double_huge", "double_runs",
	"float_2", "float_special", "float_real", "float_ulp", "float_signed"
};

static inline TsdbLaneMeaning
vec_meaning(VecKind kind)
{
	return kind >= VEC_FLOAT_2 ? TSDB_MEANS_FLOAT4 :
		kind >= VEC_DOUBLE_INT ? TSDB_MEANS_FLOAT8 : TSDB_MEANS_INT;
}

/* Largest lane that makes sense of the kind; integers go into any lane, cut off. */
static inline bool
vec_kind_has_lane(VecKind kind, int lane)
{
	switch (vec_meaning(kind))
	{
		case TSDB_MEANS_FLOAT8:
			return lane == 8;
		case TSDB_MEANS_FLOAT4:
			return lane == 4;
		default:
			return true;
	}
}

/* What "%.16g" makes of a double, read again. */
static inline double
vec_through_text(double d)
{
	char		text[40];

	snprintf(text, sizeof(text), "%.16g", d);
	return strtod(text, NULL);
}

/* The i-th of the values that no decimal gives. */
static inline int64_t
vec_odd_double(uint64_t r)
{
	switch (r % 10)
	{
		case 0:
			return INT64_C(0x7FF8000000000000);	/* NaN */
		case 1:
			return (int64_t) (UINT64_C(0x7FF0000000000001) | (r >> 16));	/* payload, maybe signalling */
		case 2:
			return (int64_t) (UINT64_C(0xFFF8000000000000) | (r >> 16));
		case 3:
			return INT64_C(0x7FF0000000000000);
		case 4:
			return (int64_t) UINT64_C(0xFFF0000000000000);
		case 5:
			return INT64_MIN;	/* -0.0 */
		case 6:
			return (int64_t) (r >> 14); /* denormal */
		case 7:
			return 1;
		case 8:
			return vec_double_bits(1e300);
		default:
			return vec_double_bits(-2.2250738585072014e-308);
	}
}

static inline void
vec_fill(VecKind kind, uint64_t seed, int lane, int n, int64_t *v)
{
	uint64_t	st = vec_seed(seed * 131 + kind);
	uint64_t	a = vec_random(&st);
	int64_t		min = lane == 8 ? INT64_MIN : -(INT64_C(1) << (lane * 8 - 1));
	int64_t		max = lane == 8 ? INT64_MAX : (INT64_C(1) << (lane * 8 - 1)) - 1;
	int64_t		minute = 60000000;
	int64_t		t0 = INT64_C(700000000000000) + (int64_t) vec_below(&st, 1000) * minute;
	int64_t		x = (int64_t) vec_below(&st, 1000);
	int			i;

	for (i = 0; i < n; i++)
	{
		uint64_t	r = vec_random(&st);
		int64_t		small = (int64_t) ((r >> 20) % 1000);
		bool		rare = (r >> 50) % 100 == 0;

		switch (kind)
		{
			case VEC_CONST:
				v[i] = (int64_t) a;
				break;
			case VEC_RANDOM:
				v[i] = (int64_t) r;
				break;
			case VEC_SMALL:
				v[i] = small;
				break;
			case VEC_NEGATIVE:
				v[i] = small - 500;
				break;
			case VEC_BOOL:
				v[i] = small & 1;
				break;
			case VEC_RUNS:
				x = i == 0 || small < 50 ? (int64_t) (r >> 8) % 100000 : x;
				v[i] = x;
				break;
			case VEC_LONG_RUNS:
				x = i == 0 || small < 5 ? (int64_t) r : x;
				v[i] = x;
				break;
			case VEC_ALTERNATE:
				v[i] = i % 2 == 0 ? (int64_t) a : (int64_t) (a >> 7);
				break;
			case VEC_COUNTER:
				x += small % 10;
				v[i] = x;
				break;
			case VEC_FALLING:
				x -= small % 7 + 1000;
				v[i] = x;
				break;
			case VEC_OUTLIERS_HIGH:
				v[i] = rare ? max - small : small % 100;
				break;
			case VEC_OUTLIERS_LOW:
				v[i] = rare ? min + small : small % 100;
				break;
			case VEC_OUTLIERS_BOTH:
				v[i] = rare ? (r & 1 ? max - small : min + small) : small % 100;
				break;
			case VEC_SPARSE:
				v[i] = rare ? (int64_t) (r >> 3) : 0;
				break;
			case VEC_GCD:
				v[i] = small * 1000 + 7;
				break;
			case VEC_GCD_MISSES:
				v[i] = small * 1000 + 7 + (small % 150 == 3);
				break;
			case VEC_GCD_POWER:
				v[i] = small * (INT64_C(1) << 40) - 12345;
				break;
			case VEC_GCD_WIDE:
				v[i] = (int64_t) ((uint64_t) (small % 7) * UINT64_C(3000000000000000000));
				break;
			case VEC_EXTREMES:
				v[i] = rare ? (r & 1 ? min : max) : (int64_t) (r >> 30);
				break;
			case VEC_MIN_MAX:
				v[i] = r >> 63 ? min : max;
				break;
			case VEC_SAWTOOTH:
				x = (int64_t) ((uint64_t) x + UINT64_C(0x6000000000000001));
				v[i] = x;
				break;
			case VEC_WALK:
				x += small % 21 - 10;
				v[i] = x;
				break;
			case VEC_TIME_REGULAR:
				v[i] = t0 + i * 10 * minute;
				break;
			case VEC_TIME_SERIES:
				v[i] = t0 + (i + (int) (seed % 100)) % 100 * minute;
				break;
			case VEC_TIME_PHASES:
				v[i] = t0 + i % 100 * minute + (int64_t) (a >> (i / 100)) % minute;
				break;
			case VEC_TIME_GAPS:
				x += rare ? small % 5 + 2 : 1;
				v[i] = t0 + x * minute;
				break;
			case VEC_TIME_JITTER:
				x += small % 20;
				v[i] = t0 + x * minute;
				break;
			case VEC_TIME_RANDOM:
				x += minute + small * 1000 + (int64_t) (r % 1000);
				v[i] = t0 + x;
				break;
			case VEC_TIME_CLOCK:
				v[i] = t0 + (int64_t) i * 10000000 + (int64_t) (r >> 40) % 1000;
				break;
			case VEC_TIME_CLOCK_MS:
				v[i] = t0 + (int64_t) i * 10000000 + small % 200 * 1000;
				break;
			case VEC_LINE:
				v[i] = (int64_t) (a >> 40) + i * INT64_C(1000003) + small;
				break;
			case VEC_LINE_FALLING:
				v[i] = (int64_t) (a >> 40) - i * INT64_C(77777) - small + (rare ? small * 5000 : 0);
				break;
			case VEC_SKEWED:
				v[i] = __builtin_ctzll(r | UINT64_C(1) << 40) * 9;
				break;
			case VEC_SKEWED_STEPS:
				x += __builtin_ctzll(r | UINT64_C(1) << 40) * 50 + (r >> 60 == 0 ? small : 0);
				v[i] = x;
				break;
			case VEC_SKEWED_OUTLIERS:
				v[i] = (r >> 40) % 300 == 0 ? (int64_t) r : __builtin_ctzll(r | UINT64_C(1) << 40) * 37 + (r >> 60 == 0 ? small : 0);
				break;
			case VEC_DOUBLE_INT:
				v[i] = vec_double_bits((double) (small * 100 + small % 13));
				break;
			case VEC_DOUBLE_2:
				v[i] = vec_double_bits((double) (small * 71 - 30000) / 100.0);
				break;
			case VEC_DOUBLE_WALK:
				x += small % 7 - 3;
				v[i] = vec_double_bits((double) x / 10.0);
				break;
			case VEC_DOUBLE_13:
				v[i] = vec_double_bits((double) (INT64_C(-739000000000000) - (int64_t) (r % UINT64_C(300000000000))) / 1e13);
				break;
			case VEC_DOUBLE_MIXED:
				v[i] = vec_double_bits((double) (small * 977) / pow(10.0, (double) (r % 7)));
				break;
			case VEC_DOUBLE_SPECIAL:
				v[i] = (r >> 50) % 15 == 0 ? vec_odd_double(r) : vec_double_bits((double) small / 10.0);
				break;
			case VEC_DOUBLE_ODD:
				v[i] = vec_odd_double(r);
				break;
			case VEC_DOUBLE_NOISE:
				v[i] = vec_double_bits((double) small / 10.0) + ((r >> 50) % 3 == 0);
				break;
			case VEC_DOUBLE_REAL:
				v[i] = vec_double_bits(1.0 + (double) (r >> 11) / 9007199254740992.0);
				break;
			case VEC_DOUBLE_FLOAT:
				v[i] = vec_double_bits((double) (float) ((double) (small + 5000) / 1000.0));
				break;
			case VEC_DOUBLE_FLOAT_REAL:
				v[i] = vec_double_bits((double) (float) (1.0 + (double) (r >> 11) / 9007199254740992.0));
				break;
			case VEC_DOUBLE_FLOAT_TEXT:
				v[i] = vec_double_bits(vec_through_text((double) (float) ((double) (small * 3 + 2000) / 1000.0)));
				break;
			case VEC_DOUBLE_FLOAT_ODD:
				v[i] = rare ? vec_odd_double(r) : vec_double_bits((double) (float) ((double) small / 10.0));
				break;
			case VEC_DOUBLE_ULP:
				v[i] = vec_double_bits((double) (small + 100) / 10.0) + (int64_t) (r >> 50) % 7 - 3;
				break;
			case VEC_DOUBLE_SUM:
				v[i] = vec_double_bits((0.1 * (double) small + 0.01 * (double) (r % 100) + 0.7) / 2);
				break;
			case VEC_DOUBLE_DIVIDE:
				v[i] = vec_double_bits((double) (INT64_C(100000000000000) + (int64_t) (r >> 17)) / 1e13);
				break;
			case VEC_DOUBLE_SKEWED:
				x += __builtin_ctzll(r | UINT64_C(1) << 40) * 50 + (r >> 60 == 0 ? small : 0);
				v[i] = vec_double_bits((double) x / 100.0);
				break;
			case VEC_DOUBLE_SIGNED:
			case VEC_DOUBLE_SIGNED_ODD:
				v[i] = kind == VEC_DOUBLE_SIGNED_ODD && rare ? vec_odd_double(r) :
					vec_double_bits((1.0 + (double) (r >> 12) / 4503599627370496.0) * ldexp(r & 2 ? 1 : -1, -(int) (r & 1) - 400));
				break;
			case VEC_DOUBLE_HUGE:
				v[i] = r & 1 ? vec_double_bits(2251799813685240.0 + (double) (small % 16)) :
					r & 2 ? vec_double_bits(-9007199254740993.0 + (double) small) :
					r & 4 ? vec_double_bits((double) small * 1e300) : vec_double_bits((double) small * 1e-300);
				break;
			case VEC_DOUBLE_RUNS:
				x = i == 0 || small < 50 ? vec_double_bits(1.0 / (double) (small + 3)) : x;
				v[i] = x;
				break;
			case VEC_FLOAT_2:
				v[i] = vec_float_bits((float) ((double) (small * 7 - 3000) / 100.0));
				break;
			case VEC_FLOAT_SPECIAL:
				v[i] = (r >> 50) % 15 != 0 ? vec_float_bits((float) ((double) small / 10.0)) :
					r & 1 ? (int32_t) (UINT32_C(0x7F800000) | (uint32_t) (r >> 41)) :
					r & 2 ? INT32_MIN : r & 4 ? (int64_t) (int32_t) UINT32_C(0xFF800000) : (int64_t) (r >> 42);
				break;
			case VEC_FLOAT_REAL:
				v[i] = (int32_t) (r >> 32);
				break;
			case VEC_FLOAT_ULP:
				v[i] = vec_float_bits((float) ((double) (small * 7 + 300) / 100.0)) + ((r >> 50) % 3 == 0);
				break;
			case VEC_FLOAT_SIGNED:
				v[i] = (int32_t) ((uint32_t) (0x17 + (r & 1)) << 23 | (uint32_t) (r >> 41) | (uint32_t) (r & 2) << 30);
				break;
			default:
				v[i] = 0;
				break;
		}
		v[i] = vec_to_lane(v[i], lane);
	}
}

/*
 * NULL patterns: none, all, first, last, every other, scattered, long runs, all but one, one run of a fifth, three runs
 * of the most, two in five scattered, as many as may stay in the payload, one more than these.
 */
#define VEC_NNULLS	13

static inline void
vec_fill_nulls(int pattern, uint64_t seed, int n, bool *isnull)
{
	uint64_t	st = vec_seed(seed ^ 0xABCDEF);
	bool		in_run = false;
	int			i;

	for (i = 0; i < n; i++)
	{
		uint64_t	r = vec_random(&st) >> 40;

		in_run = r % 40 == 0 ? !in_run : in_run;
		isnull[i] = pattern == 1 ? true :
			pattern == 2 ? i == 0 :
			pattern == 3 ? i == n - 1 :
			pattern == 4 ? i % 2 == 0 :
			pattern == 5 ? r % 10 == 0 :
			pattern == 6 ? in_run :
			pattern == 7 ? i != n / 2 :
			pattern == 8 ? i >= n / 3 && i < n / 3 + n / 5 :
			pattern == 9 ? i % ((n + 2) / 3) != 0 :
			pattern == 10 ? r % 5 < 2 :
			pattern == 11 ? i % 4 == 3 :
			pattern == 12 ? i % 4 == 3 || i == 0 : false;
	}
}

#endif							/* TSDB_CODEC_VECTORS_H */
