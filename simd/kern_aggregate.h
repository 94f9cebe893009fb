/*-------------------------------------------------------------------------
 * kern_aggregate.h
 *	  Sums, minima and maxima over the rows of a mask.
 *
 * All go in blocks of 64 rows, one word of the mask.  A last block that the array does not fill is
 * copied, filled up and masked.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_KERN_AGGREGATE_H
#define TSDB_KERN_AGGREGATE_H

static always_inline uint64_t
mask_word(const uint64_t *mask, int n, int at)
{
	return (mask == NULL ? ~UINT64_C(0) : ((const u64a *) mask)[at / 64]) & rows_from(n, at);
}

static always_inline int
mask_count(const uint64_t *mask, int n)
{
	return mask == NULL ? n : count_rows((const u64a *) mask, n);
}

/*-------------- sums of integers --------------*/

/*
 * Lanes as unsigned numbers, added without overflow: bytes by eights, 16 bits in lanes of 32 bits, these
 * in lanes of 64.  For 64 bits, low is the sum modulo 2^64, high that of the upper halves.
 */
typedef struct LaneSums
{
	v64u		low[2];
	v64u		high[2];
} LaneSums;

static always_inline void
sum_register(LaneSums *sums, int j, v64u x, const unsigned T)
{
	switch (T)
	{
		case 8:
			sums->low[j & 1] += sum_bytes(x);
			break;
		case 16:
			sums->low[j & 1] = (v64u) ((v32u) sums->low[j & 1] + ((v32u) x & 0xFFFF) + ((v32u) x >> 16));
			break;
		case 32:
			sums->low[j & 1] += (x & 0xFFFFFFFF) + (x >> 32);
			break;
		default:
			sums->low[j & 1] += x;
			sums->high[j & 1] += x >> 32;
			break;
	}
}

static always_inline tsdb_uint128
sum_total(const LaneSums *sums, const unsigned T)
{
	const v64u	low = sums->low[0] + sums->low[1];

	if (T == 16)
		return add_lanes((low & 0xFFFFFFFF) + (low >> 32));
	if (T == 64)
	{
		const uint64_t upper = add_lanes(sums->high[0] + sums->high[1]);

		/* what the lower halves add up to is far below 2^64 */
		return ((tsdb_uint128) upper << 32) + (add_lanes(low) - (upper << 32));
	}
	return add_lanes(low);
}

static always_inline void
sum_block(LaneSums *sums, const uint8_t *p, uint64_t rows, v64u flip, const bool masked, const unsigned T)
{
	unsigned	j;

	UNROLL
	for (j = 0; j < 64 * T / 8 / VB; j++)
	{
		v64u		x = vload(p + j * VB) ^ flip;

		if (masked)
			x = keep(rows >> (j * (VB * 8 / T) & 63), x, T);
		sum_register(sums, (int) j, x, T);
	}
}

static always_inline tsdb_uint128
sum_lanes(const void *values, int n, const uint64_t *mask, uint64_t flip, const unsigned T)
{
	const v64u	vflip = splat(replicate(flip, T));
	LaneSums	sums;
	uint8_t		copy[512];
	int			i = 0;

	memset(&sums, 0, sizeof(sums));
	if (mask == NULL)
		for (; i + 64 <= n; i += 64)
			sum_block(&sums, (const uint8_t *) values + (size_t) i * (T / 8), 0, vflip, false, T);
	for (; i < n; i += 64)
		sum_block(&sums, block_at(values, n, i, T / 8, copy), mask_word(mask, n, i), vflip, true, T);
	return sum_total(&sums, T);
}

#define SUM_LANES_FUNC(T) \
static noinline tsdb_uint128 \
K(sum_lanes##T) (const void *values, int n, const uint64_t *mask, uint64_t flip) \
{ \
	return sum_lanes(values, n, mask, flip, T); \
}

SUM_LANES_FUNC(8)
SUM_LANES_FUNC(16)
SUM_LANES_FUNC(32)
SUM_LANES_FUNC(64)

static tsdb_uint128
sum_lanes_of(const void *values, int n, const uint64_t *mask, uint64_t flip, unsigned T)
{
	switch (T)
	{
		case 8:
			return K(sum_lanes8) (values, n, mask, flip);
		case 16:
			return K(sum_lanes16) (values, n, mask, flip);
		case 32:
			return K(sum_lanes32) (values, n, mask, flip);
		default:
			return K(sum_lanes64) (values, n, mask, flip);
	}
}

static tsdb_int128
K(sum_int) (TsdbElement element, const void *values, int n, const uint64_t *mask)
{
	const unsigned T = element_bits(element);
	/* flipping the sign bit adds 2^(T - 1) to a signed number and makes it unsigned */
	const uint64_t flip = element_is_signed(element) ? UINT64_C(1) << (T - 1) : 0;
	const tsdb_uint128 sum = sum_lanes_of(values, n, mask, flip, T);

	return (tsdb_int128) (sum - (tsdb_uint128) flip * (unsigned) (flip != 0 ? mask_count(mask, n) : 0));
}

static tsdb_uint128
K(unpack_sum) (const uint8_t *in, int n, unsigned width, const uint64_t *mask)
{
	const unsigned T = lane_of(width);
	uint8_t		lanes[TSDB_FFOR_MAX * 8] __attribute__((aligned(64)));

	if (width == 0)
		return 0;
	if (width != T)
	{
		K(unpack_lanes) (in, n, width, lanes);
		in = lanes;
	}
	return sum_lanes_of(in, n, mask, 0, T);
}

/*-------------- moments --------------*/

/*
 * Row i is lane i mod L of block b: i * v = (L * b + lane) * v.  So three sums: of v, of lane * v, and of b * (sum of the block).  Numbers of 16
 * bits are made signed, for multiply-add, and what that takes off is added in the end.
 */
#if KERN_TIER >= 1

#if KERN_TIER == 2
typedef __m256i m256i;
#define M(f)	_mm256_##f
#else
typedef simde__m256i m256i;
#define M(f)	simde_mm256_##f
#endif

static always_inline int64_t
add_ints(m256i x)
{
	int32_t		lanes[8];
	int64_t		sum = 0;
	int			i;

	memcpy(lanes, &x, sizeof(lanes));
	for (i = 0; i < 8; i++)
		sum += lanes[i];
	return sum;
}

static always_inline uint64_t
add_longs(m256i x)
{
	uint64_t	lanes[4];

	memcpy(lanes, &x, sizeof(lanes));
	return lanes[0] + lanes[1] + lanes[2] + lanes[3];
}

/* Both take whole blocks, and return how many rows these are. */
static noinline int
K(moments_u8) (const uint8_t *v, int n, uint64_t *sum, uint64_t *moment)
{
	const m256i zero = M(setzero_si256) ();
	const m256i one = M(set1_epi16) (1);
	const m256i lane = M(setr_epi8) (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22,
													23, 24, 25, 26, 27, 28, 29, 30, 31);
	m256i sums = zero;
	m256i by_lane = zero;
	m256i by_block = zero;
	m256i block = zero;
	int			at = 0;

	for (; n - at >= 32; at += 32)
	{
		const m256i x = M(loadu_si256) ((const m256i *) (v + at));
		const m256i s = M(sad_epu8) (x, zero);

		sums = M(add_epi64) (sums, s);
		by_block = M(add_epi64) (by_block, M(mul_epu32) (s, block));
		by_lane = M(add_epi32) (by_lane, M(madd_epi16) (M(maddubs_epi16) (x, lane), one));
		block = M(add_epi64) (block, M(set1_epi64x) (1));
	}
	*sum = add_longs(sums);
	*moment = (uint64_t) add_ints(by_lane) + 32 * add_longs(by_block);
	return at;
}

static noinline int
K(moments_u16) (const uint8_t *v, int n, uint64_t *sum, uint64_t *moment)
{
	const m256i zero = M(setzero_si256) ();
	const m256i one = M(set1_epi16) (1);
	const m256i sign = M(set1_epi16) ((int16_t) 0x8000);
	const m256i lane = M(setr_epi16) (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
	m256i sums = zero;
	m256i by_lane = zero;
	m256i by_block = zero;
	m256i block = zero;
	int			at = 0;
	uint64_t	rows;

	for (; n - at >= 16; at += 16)
	{
		const m256i x = M(xor_si256) (M(loadu_si256) ((const m256i *) (v + 2 * (size_t) at)), sign);
		const m256i s = M(madd_epi16) (x, one);

		sums = M(add_epi32) (sums, s);
		by_block = M(add_epi32) (by_block, M(mullo_epi32) (s, block));
		by_lane = M(add_epi32) (by_lane, M(madd_epi16) (x, lane));
		block = M(add_epi32) (block, M(set1_epi32) (1));
	}
	rows = (unsigned) at;
	*sum = (uint64_t) add_ints(sums) + 32768 * rows;
	*moment = (uint64_t) (add_ints(by_lane) + 16 * add_ints(by_block)) + (rows > 0 ? 32768 * (rows * (rows - 1) / 2) : 0);
	return at;
}

#else

static int
K(moments_u8) (const uint8_t *v, int n, uint64_t *sum, uint64_t *moment)
{
	(void) v;
	(void) n;
	*sum = *moment = 0;
	return 0;
}

static int
K(moments_u16) (const uint8_t *v, int n, uint64_t *sum, uint64_t *moment)
{
	(void) v;
	(void) n;
	*sum = *moment = 0;
	return 0;
}

#endif

static void
K(moments) (TsdbElement element, const void *values, int n, uint64_t *sum, uint64_t *moment)
{
	int			i;

	if (element == TSDB_ELEM_U8)
	{
		const uint8_t *v = values;

		for (i = K(moments_u8) (v, n, sum, moment); i < n; i++)
		{
			*sum += v[i];
			*moment += (uint64_t) v[i] * (unsigned) i;
		}
	}
	else
	{
		/* maybe not aligned */
		const uint8_t *v = values;

		for (i = K(moments_u16) (v, n, sum, moment); i < n; i++)
		{
			uint16_t	x;

			memcpy(&x, v + 2 * (size_t) i, sizeof(x));
			*sum += x;
			*moment += (uint64_t) x * (unsigned) i;
		}
	}
}

/*-------------- sums of floats --------------*/

#define FLOAT_SUMS		16
#define FLOAT_SUM_WORDS	(FLOAT_SUMS / L64)

/* L64 floats or doubles */
static always_inline vf64
load_doubles(const uint8_t *p, const bool floats)
{
	if (!floats)
		return (vf64) vload(p);
#if KERN_TIER == 2
	return (vf64) _mm512_cvtps_pd(_mm256_loadu_ps((const float *) p));
#elif KERN_TIER == 1
	return (vf64) simde_mm256_cvtps_pd(simde_mm_loadu_ps((const float *) p));
#else
	return (vf64) simde_mm_cvtps_pd(simde_mm_castsi128_ps(simde_mm_loadl_epi64((const simde__m128i *) p)));
#endif
}

/*
 * Sums start at +0 and so never become -0: rows that are left out may be added as +0.
 */
static always_inline double
sum_doubles(const void *values, int n, const uint64_t *mask, const bool floats)
{
	const unsigned bytes = floats ? 4 : 8;
	vf64		sums[FLOAT_SUM_WORDS];
	double		total[FLOAT_SUMS];
	uint8_t		copy[512];
	int			i;
	int			j;
	int			k;

	memset(sums, 0, sizeof(sums));
	for (i = 0; i < n; i += 64)
	{
		const uint8_t *p = block_at(values, n, i, bytes, copy);
		const uint64_t rows = mask_word(mask, n, i);

		if (rows == ~UINT64_C(0))
		{
			UNROLL
			for (j = 0; j < 64; j += FLOAT_SUMS)
			{
				UNROLL
				for (k = 0; k < FLOAT_SUM_WORDS; k++)
					sums[k] += load_doubles(p + (size_t) (j + k * L64) * bytes, floats);
			}
		}
		else
		{
			UNROLL
			for (j = 0; j < 64; j += FLOAT_SUMS)
			{
				UNROLL
				for (k = 0; k < FLOAT_SUM_WORDS; k++)
					sums[k] += (vf64) keep(rows >> (j + k * L64), (v64u) load_doubles(p + (size_t) (j + k * L64) * bytes, floats), 64);
			}
		}
	}
	memcpy(total, sums, sizeof(total));
	for (k = FLOAT_SUMS / 2; k > 0; k /= 2)
		for (j = 0; j < k; j++)
			total[j] += total[j + k];
	/* which of several NaNs comes out, compilers decide: one for all */
	if (total[0] != total[0])
	{
		const uint64_t nan = UINT64_C(0x7FF8000000000000);

		memcpy(&total[0], &nan, sizeof(nan));
	}
	return total[0];
}

static noinline double
K(sum_floats) (const void *values, int n, const uint64_t *mask)
{
	return sum_doubles(values, n, mask, true);
}

static noinline double
K(sum_doubles) (const void *values, int n, const uint64_t *mask)
{
	return sum_doubles(values, n, mask, false);
}

static double
K(sum_float) (TsdbElement element, const void *values, int n, const uint64_t *mask)
{
	return element == TSDB_ELEM_F32 ? K(sum_floats) (values, n, mask) : K(sum_doubles) (values, n, mask);
}

/*-------------- minima and maxima --------------*/

#define EXTREMES		4		/* chains: the compare and blend of 64 bits takes some cycles */

static always_inline void
min_max_block(v64u *lo, v64u *hi, const uint8_t *p, uint64_t rows, v64u flip, const bool masked, const unsigned T)
{
	const v64u	lowest = splat(replicate(UINT64_C(1) << (T - 1), T));
	unsigned	j;

	UNROLL
	for (j = 0; j < 64 * T / 8 / VB; j++)
	{
		const v64u	x = vload(p + j * VB) ^ flip;
		const uint64_t bits = rows >> (j * (VB * 8 / T) & 63);

		lo[j % EXTREMES] = vmin(lo[j % EXTREMES], masked ? pick(bits, x, ~lowest, T) : x, T);
		hi[j % EXTREMES] = vmax(hi[j % EXTREMES], masked ? pick(bits, x, lowest, T) : x, T);
	}
}

/* There is a row.  Results are T bits, flipped; signed. */
static always_inline void
min_max_lanes(const void *values, int n, const uint64_t *mask, uint64_t flip, uint64_t *min, uint64_t *max, const unsigned T)
{
	const v64u	lowest = splat(replicate(UINT64_C(1) << (T - 1), T));
	const v64u	vflip = splat(replicate(flip, T));
	v64u		lo[EXTREMES];
	v64u		hi[EXTREMES];
	uint8_t		lanes[2][VB];
	uint8_t		copy[512];
	int64_t		least = INT64_MAX;
	int64_t		most = INT64_MIN;
	int			i = 0;
	int			j;

#if KERN_TIER == 0
	/* SSE2 compares no 64-bit numbers: conditional moves are faster than its detour */
	if (T == 64 && mask == NULL)
	{
		int64_t		a[2] = {INT64_MAX, INT64_MAX};
		int64_t		b[2] = {INT64_MIN, INT64_MIN};

		for (; i + 2 <= n; i += 2)
			for (j = 0; j < 2; j++)
			{
				int64_t		x = (int64_t) (((const u64a *) values)[i + j] ^ flip);

				a[j] = x < a[j] ? x : a[j];
				b[j] = x > b[j] ? x : b[j];
			}
		if (i < n)
		{
			int64_t		x = (int64_t) (((const u64a *) values)[i] ^ flip);

			a[0] = x < a[0] ? x : a[0];
			b[0] = x > b[0] ? x : b[0];
		}
		*min = (uint64_t) (a[0] < a[1] ? a[0] : a[1]);
		*max = (uint64_t) (b[0] > b[1] ? b[0] : b[1]);
		return;
	}
#endif
	for (j = 0; j < EXTREMES; j++)
	{
		lo[j] = ~lowest;
		hi[j] = lowest;
	}
	if (mask == NULL)
		for (; i + 64 <= n; i += 64)
			min_max_block(lo, hi, (const uint8_t *) values + (size_t) i * (T / 8), 0, vflip, false, T);
	for (; i < n; i += 64)
		min_max_block(lo, hi, block_at(values, n, i, T / 8, copy), mask_word(mask, n, i), vflip, true, T);
	vstore(lanes[0], vmin(vmin(lo[0], lo[1], T), vmin(lo[2], lo[3], T), T));
	vstore(lanes[1], vmax(vmax(hi[0], hi[1], T), vmax(hi[2], hi[3], T), T));
	for (j = 0; j < (int) (VB * 8 / T); j++)
	{
		uint64_t	a = 0;
		uint64_t	b = 0;

		/* sign-extended */
		memcpy(&a, lanes[0] + (size_t) j * (T / 8), T / 8);
		memcpy(&b, lanes[1] + (size_t) j * (T / 8), T / 8);
		least = (int64_t) (a << (64 - T)) >> (64 - T) < least ? (int64_t) (a << (64 - T)) >> (64 - T) : least;
		most = (int64_t) (b << (64 - T)) >> (64 - T) > most ? (int64_t) (b << (64 - T)) >> (64 - T) : most;
	}
	*min = (uint64_t) least;
	*max = (uint64_t) most;
}

#define MIN_MAX_FUNC(T) \
static noinline void \
K(min_max##T) (const void *values, int n, const uint64_t *mask, uint64_t flip, uint64_t *min, uint64_t *max) \
{ \
	min_max_lanes(values, n, mask, flip, min, max, T); \
}

MIN_MAX_FUNC(8)
MIN_MAX_FUNC(16)
MIN_MAX_FUNC(32)
MIN_MAX_FUNC(64)

/* The first row in the mask with the relation to c, given that there is one. */
static always_inline int
first_row(const void *values, int n, const uint64_t *mask, uint64_t c, uint64_t invert, const unsigned T, const Relation rel)
{
	uint8_t		copy[512];
	int			i;

	for (i = 0; i < n; i += 64)
	{
		uint64_t	word = block_relation(block_at(values, n, i, T / 8, copy), (v64u) {0}, splat(replicate(c, T)), T, rel);

		word = (word ^ invert) & mask_word(mask, n, i);
		if (word != 0)
			return i + __builtin_ctzll(word);
	}
	return 0;
}

/*
 * There is a row.  NaNs are passed over and counted apart.  Zeros of both signs are equal: which one was
 * the first is looked up in the end.
 */
static always_inline void
min_max_floats(const void *values, int n, const uint64_t *mask, uint64_t *min, uint64_t *max, const unsigned T)
{
	const uint64_t inf = T == 64 ? DOUBLE_INF : FLOAT_INF;
	const uint64_t sign = UINT64_C(1) << (T - 1);
	const v64u	ones = splat(~UINT64_C(0));	/* a NaN */
	const v64u	plus = splat(replicate(inf, T));
	const v64u	minus = splat(replicate(inf | sign, T));
	v64u		lo[2];
	v64u		hi[2];
	uint8_t		lanes[2][VB];
	uint8_t		copy[512];
	uint64_t	numbers = 0;
	uint64_t	nans = 0;
	int			i;
	unsigned	j;

	lo[0] = lo[1] = plus;
	hi[0] = hi[1] = minus;
	for (i = 0; i < n; i += 64)
	{
		const uint8_t *p = block_at(values, n, i, T / 8, copy);
		const uint64_t rows = mask_word(mask, n, i);
		uint64_t	word = 0;

		if (rows == ~UINT64_C(0))
		{
			UNROLL
			for (j = 0; j < 64 * T / 8 / VB; j++)
			{
				const v64u	x = vload(p + j * VB);

				lo[j & 1] = vfmin(x, lo[j & 1], T);
				hi[j & 1] = vfmax(x, hi[j & 1], T);
				word |= bits_feq(x, x, T) << (j * (VB * 8 / T) & 63);
			}
		}
		else
		{
			UNROLL
			for (j = 0; j < 64 * T / 8 / VB; j++)
			{
				const v64u	x = pick(rows >> (j * (VB * 8 / T) & 63), vload(p + j * VB), ones, T);

				lo[j & 1] = vfmin(x, lo[j & 1], T);
				hi[j & 1] = vfmax(x, hi[j & 1], T);
				word |= bits_feq(x, x, T) << (j * (VB * 8 / T) & 63);
			}
		}
		numbers |= word;
		nans |= rows & ~word;
	}
	if (numbers != 0)
	{
		uint64_t	least;
		uint64_t	most;

		lo[0] = vfmin(lo[0], lo[1], T);
		hi[0] = vfmax(hi[0], hi[1], T);
		vstore(lanes[0], lo[0]);
		vstore(lanes[1], hi[0]);
		least = inf;
		most = inf | sign;
		for (j = 0; j < VB * 8 / T; j++)
		{
			if (T == 64)
			{
				double		a[2];
				double		b[2];

				memcpy(&a[0], lanes[0] + j * 8, 8);
				memcpy(&a[1], &least, 8);
				memcpy(&b[0], lanes[1] + j * 8, 8);
				memcpy(&b[1], &most, 8);
				memcpy(&least, a[0] < a[1] ? &a[0] : &a[1], 8);
				memcpy(&most, b[0] > b[1] ? &b[0] : &b[1], 8);
			}
			else
			{
				float		a[2];
				float		b[2];

				memcpy(&a[0], lanes[0] + j * 4, 4);
				memcpy(&a[1], &least, 4);
				memcpy(&b[0], lanes[1] + j * 4, 4);
				memcpy(&b[1], &most, 4);
				memcpy(&least, a[0] < a[1] ? &a[0] : &a[1], 4);
				memcpy(&most, b[0] > b[1] ? &b[0] : &b[1], 4);
			}
		}
		*min = least;
		*max = most;
	}
	if (nans != 0)
	{
		memcpy(max, (const uint8_t *) values + (size_t) first_row(values, n, mask, 0, ~UINT64_C(0), T, REL_NUMBER) * (T / 8), T / 8);
		if (numbers == 0)
			*min = *max;
	}
	else if ((*max & ~sign) == 0)
		memcpy(max, (const uint8_t *) values + (size_t) first_row(values, n, mask, 0, 0, T, REL_FEQ) * (T / 8), T / 8);
	if (numbers != 0 && (*min & ~sign) == 0)
		memcpy(min, (const uint8_t *) values + (size_t) first_row(values, n, mask, 0, 0, T, REL_FEQ) * (T / 8), T / 8);
}

static noinline void
K(min_max_floats) (const void *values, int n, const uint64_t *mask, uint64_t *min, uint64_t *max)
{
	min_max_floats(values, n, mask, min, max, 32);
}

static noinline void
K(min_max_doubles) (const void *values, int n, const uint64_t *mask, uint64_t *min, uint64_t *max)
{
	min_max_floats(values, n, mask, min, max, 64);
}

static bool
K(min_max) (TsdbElement element, const void *values, int n, const uint64_t *mask, TsdbScalar *min, TsdbScalar *max)
{
	const unsigned T = element_bits(element);
	const uint64_t flip = element_is_signed(element) ? 0 : UINT64_C(1) << (T - 1);
	uint64_t	lo = 0;
	uint64_t	hi = 0;

	if (mask != NULL && mask_count(mask, n) == 0)
		return false;
	if (element == TSDB_ELEM_F32 || element == TSDB_ELEM_F64)
	{
		if (T == 32)
			K(min_max_floats) (values, n, mask, &lo, &hi);
		else
			K(min_max_doubles) (values, n, mask, &lo, &hi);
		memcpy(min, &lo, sizeof(lo));
		memcpy(max, &hi, sizeof(hi));
		return true;
	}
	switch (T)
	{
		case 8:
			K(min_max8) (values, n, mask, flip, &lo, &hi);
			break;
		case 16:
			K(min_max16) (values, n, mask, flip, &lo, &hi);
			break;
		case 32:
			K(min_max32) (values, n, mask, flip, &lo, &hi);
			break;
		default:
			K(min_max64) (values, n, mask, flip, &lo, &hi);
			break;
	}
	min->u = flip != 0 ? (lo ^ flip) & low_mask(T) : lo;
	max->u = flip != 0 ? (hi ^ flip) & low_mask(T) : hi;
	return true;
}

#endif							/* TSDB_KERN_AGGREGATE_H */
