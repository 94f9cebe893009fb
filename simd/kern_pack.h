/*-------------------------------------------------------------------------
 * kern_pack.h
 *	  Bit-packing kernels; the layouts are drawn in ffor.h.
 *
 * Written for 64-bit words: a bit that crosses into the neighbour lane is masked off afterwards,
 * which also stands in for the 8-bit shifts that no instruction set has.
 *
 * Whole periods of rows (after T / gcd(W, T) rows the shifts repeat) run through code in which W and
 * T are constants, for W < 32; rows that are left over, wider values, and packing use variables.
 *
 * With AVX-512, which stores once a cycle, rows are widened in registers.  The others leave narrow
 * rows in the scratch and widen from there: for them it is no slower, and half of the code.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_KERN_PACK_H
#define TSDB_KERN_PACK_H

#include "ffor.h"

#define ROW_BYTES		TSDB_FFOR_GROUP_BYTES
#define ROW_WORDS		(ROW_BYTES / VB)

static always_inline int
row_count(int n, unsigned T)
{
	int			per_row = (int) (1024 / T);

	return (n + per_row - 1) / per_row;
}

/*-------------- interleaved: unpack --------------*/

/*
 * Register j of row r of lanes of W bits, as lanes of T bits.  Reads the group or the two groups that
 * hold the row's bits, no other: a last row that ends a group does not touch the next.
 */
static always_inline v64u
unpack_word(const uint8_t *in, unsigned r, int j, const unsigned W, const unsigned T)
{
	const unsigned shift = r * W % T;
	const uint8_t *p = in + (size_t) (r * W / T) * ROW_BYTES + j * VB;

	if (shift + W < T)
		return (vload(p) >> shift) & replicate(low_mask(W), T);
	else if (shift + W == T)
	{
		/* nothing above it in the lane; a 64-bit lane needs no mask */
		if (T == 64)
			return vload(p) >> shift;
		return (vload(p) >> shift) & replicate(low_mask(W), T);
	}
	else
	{
		const unsigned low = T - shift;
		const uint64_t low_part = replicate(low_mask(low), T);
		const uint64_t high_part = replicate(low_mask(W) ^ low_mask(low), T);

		return ((vload(p) >> shift) & low_part) | ((vload(p + ROW_BYTES) << low) & high_part);
	}
}

/* rows is a multiple of the period; W and T are constants of the caller. */
static always_inline void
unpack_periods(const uint8_t *restrict in, uint8_t *restrict out, int rows, const unsigned W, const unsigned T)
{
	/* T / gcd(W, T): T is a power of two, so the gcd is the lowest bit of W, at most T */
	const unsigned period = T / ((W & -W) < T ? (W & -W) : T);
	unsigned	r;
	int			j;

	for (; rows > 0; rows -= (int) period)
	{
		UNROLL
		for (r = 0; r < period; r++)
		{
			UNROLL
			for (j = 0; j < ROW_WORDS; j++)
				vstore(out + (size_t) r * ROW_BYTES + j * VB, unpack_word(in, r, j, W, T));
		}
		in += (size_t) (period * W / T) * ROW_BYTES;
		out += (size_t) period * ROW_BYTES;
	}
}

/* Rows from .. rows - 1, row "from" to the start of out. */
static noinline void
K(unpack_any) (const uint8_t *restrict in, uint8_t *restrict out, int from, int rows, unsigned W, unsigned T)
{
	int			r;
	int			j;

	for (r = from; r < rows; r++, out += ROW_BYTES)
	{
		const unsigned bit = (unsigned) r * W;
		const unsigned shift = bit % T;
		const uint8_t *p = in + (size_t) (bit / T) * ROW_BYTES;

		if (shift + W <= T)
		{
			const uint64_t mask = replicate(low_mask(W), T);

			for (j = 0; j < ROW_WORDS; j++)
				vstore(out + j * VB, (vload(p + j * VB) >> shift) & mask);
		}
		else
		{
			const unsigned low = T - shift;
			const uint64_t low_part = replicate(low_mask(low), T);
			const uint64_t high_part = replicate(low_mask(W) ^ low_mask(low), T);

			for (j = 0; j < ROW_WORDS; j++)
				vstore(out + j * VB, ((vload(p + j * VB) >> shift) & low_part) |
					   ((vload(p + ROW_BYTES + j * VB) << low) & high_part));
		}
	}
}

#define FOR_NARROW_WIDTHS(F) \
	F(1, 8) F(2, 8) F(3, 8) F(4, 8) F(5, 8) F(6, 8) F(7, 8) \
	F(9, 16) F(10, 16) F(11, 16) F(12, 16) F(13, 16) F(14, 16) F(15, 16) \
	F(17, 32) F(18, 32) F(19, 32) F(20, 32) F(21, 32) F(22, 32) F(23, 32) F(24, 32) \
	F(25, 32) F(26, 32) F(27, 32) F(28, 32) F(29, 32) F(30, 32) F(31, 32)

#define UNPACK_FUNC(W, T) \
static noinline void \
K(unpack##W) (const uint8_t *in, uint8_t *out, int rows) \
{ \
	unpack_periods(in, out, rows, W, T); \
}

FOR_NARROW_WIDTHS(UNPACK_FUNC)

typedef void (*unpack_func) (const uint8_t *in, uint8_t *out, int rows);

#define UNPACK_ENTRY(W, T)	[W] = K(unpack##W),

static const unpack_func unpack_table[32] = {FOR_NARROW_WIDTHS(UNPACK_ENTRY)};

/* Rows that code with a constant width can take: whole periods. */
static always_inline int
whole_periods(int rows, unsigned width, unsigned T)
{
	int			period = (int) (T / (width & -width));

	return rows - rows % period;
}

static void
K(unpack_lanes) (const uint8_t *in, int n, unsigned width, void *out)
{
	unsigned	T = lane_of(width);
	int			rows = row_count(n, T);
	int			done = 0;

	if (width == T)
	{
		memcpy(out, in, (size_t) rows * ROW_BYTES);
		return;
	}
	if (width < 32)
	{
		done = whole_periods(rows, width, T);
		if (done > 0)
			unpack_table[width] (in, out, done);
	}
	if (done < rows)
		K(unpack_any) (in, (uint8_t *) out + (size_t) done * ROW_BYTES, done, rows, width, T);
}

/*
 * Row r of lanes of 64 bits.  Shifts by 64 give 0 with these instructions (with C's operators they would be undefined),
 * so no row needs a branch.
 */
static always_inline void
unpack_wide_row(const uint8_t *in, unsigned r, unsigned W, v64u mask, v64u add, v64u row[ROW_WORDS])
{
	const unsigned bit = r * W;
	const unsigned shift = bit % 64;
	const uint8_t *p = in + (size_t) (bit / 64) * ROW_BYTES;
	/* the group of the last bit: a next one may not exist */
	const uint8_t *above = in + (size_t) ((bit + W - 1) / 64) * ROW_BYTES;
	int			j;

#if KERN_TIER == 2
	const __m512i count = _mm512_set1_epi64(shift);

	UNROLL
	for (j = 0; j < ROW_WORDS; j++)
		row[j] = (v64u) _mm512_shrdv_epi64((__m512i) vload(p + j * VB), (__m512i) vload(above + j * VB), count);
#elif KERN_TIER == 1
	const simde__m128i count = simde_mm_cvtsi32_si128((int) shift);
	const simde__m128i back = simde_mm_cvtsi32_si128((int) (64 - shift));

	UNROLL
	for (j = 0; j < ROW_WORDS; j++)
		row[j] = (v64u) simde_mm256_srl_epi64((simde__m256i) vload(p + j * VB), count) |
			(v64u) simde_mm256_sll_epi64((simde__m256i) vload(above + j * VB), back);
#else
	const simde__m128i count = simde_mm_cvtsi32_si128((int) shift);
	const simde__m128i back = simde_mm_cvtsi32_si128((int) (64 - shift));

	UNROLL
	for (j = 0; j < ROW_WORDS; j++)
		row[j] = (v64u) simde_mm_srl_epi64((simde__m128i) vload(p + j * VB), count) |
			(v64u) simde_mm_sll_epi64((simde__m128i) vload(above + j * VB), back);
#endif
	UNROLL
	for (j = 0; j < ROW_WORDS; j++)
		row[j] = (row[j] & mask) + add;
}

/*
 * Lanes of 64 bits need no widening: whole rows go to their place at once, the base added on the way.
 * 32 constant widths would be half of all the code here.
 */
static noinline void
K(unpack_wide) (const uint8_t *restrict in, int n, unsigned W, uint64_t base, uint64_t *restrict out)
{
	const unsigned per_row = ROW_BYTES / 8;
	const v64u	mask = splat(low_mask(W));
	const v64u	add = splat(base);
	const unsigned whole = (unsigned) n / per_row;
	v64u		row[ROW_WORDS];
	unsigned	r;
	int			j;

	for (r = 0; r < whole; r++)
	{
		unpack_wide_row(in, r, W, mask, add, row);
		UNROLL
		for (j = 0; j < ROW_WORDS; j++)
			vstore((uint8_t *) out + (size_t) r * ROW_BYTES + j * VB, row[j]);
	}
	if (r * per_row < (unsigned) n)
	{
		uint64_t	last[ROW_BYTES / 8];

		unpack_wide_row(in, r, W, mask, add, row);
		UNROLL
		for (j = 0; j < ROW_WORDS; j++)
			vstore((uint8_t *) last + j * VB, row[j]);
		memcpy((uint8_t *) out + (size_t) r * ROW_BYTES, last, ((unsigned) n - r * per_row) * 8);
	}
}

/*-------------- widening --------------*/

/* factor * v modulo 2^64, v below 2^T */
static always_inline v64u
multiply(v64u v, v64u factor, const bool small)
{
	/* 32 x 32 bits: one instruction where 64 x 64 takes a dozen */
	if (small)
	{
#if KERN_TIER == 2
		return (v64u) _mm512_mul_epu32((__m512i) v, (__m512i) factor);
#elif KERN_TIER == 1
		return (v64u) simde_mm256_mul_epu32((simde__m256i) v, (simde__m256i) factor);
#else
		return (v64u) simde_mm_mul_epu32((simde__m128i) v, (simde__m128i) factor);
#endif
	}
#if KERN_TIER == 2
	return (v64u) _mm512_mullo_epi64((__m512i) v, (__m512i) factor);
#else
	return v * factor;
#endif
}

#if KERN_TIER == 0

/* A register of lanes of T bits to 128 / T values. */
static always_inline void
widen_register(v64u lanes, v64u base, v64u factor, const bool multiplies, const bool small, uint64_t *out, const unsigned T)
{
	const simde__m128i zero = simde_mm_setzero_si128();
	simde__m128i x[8];
	int			count = 1;
	int			i;

	x[0] = (simde__m128i) lanes;
	if (T == 8)
	{
		x[1] = simde_mm_unpackhi_epi8(x[0], zero);
		x[0] = simde_mm_unpacklo_epi8(x[0], zero);
		count = 2;
	}
	if (T <= 16)
	{
		UNROLL
		for (i = count; i-- > 0;)
		{
			simde__m128i y = x[i];

			x[2 * i + 1] = simde_mm_unpackhi_epi16(y, zero);
			x[2 * i] = simde_mm_unpacklo_epi16(y, zero);
		}
		count *= 2;
	}
	if (T <= 32)
	{
		UNROLL
		for (i = count; i-- > 0;)
		{
			simde__m128i y = x[i];

			x[2 * i + 1] = simde_mm_unpackhi_epi32(y, zero);
			x[2 * i] = simde_mm_unpacklo_epi32(y, zero);
		}
		count *= 2;
	}
	UNROLL
	for (i = 0; i < count; i++)
	{
		v64u		v = (v64u) x[i];

		if (multiplies)
			v = multiply(v, factor, small);
		vstore(out + i * L64, v + base);
	}
}

#endif

/* out[i] = base + factor * lane i, n values */
static always_inline void
widen_lanes(const uint8_t *restrict in, int n, uint64_t base, uint64_t factor, const bool multiplies,
			const bool small, uint64_t *restrict out, const unsigned T)
{
	const v64u	add = splat(base);
	const v64u	by = splat(factor);
	int			i = 0;

#if KERN_TIER == 0
	if (T < 64)
		UNROLL4
		for (; i + (int) (128 / T) <= n; i += (int) (128 / T))
			widen_register(vload(in + (size_t) i * (T / 8)), add, by, multiplies, small, out + i, T);
#endif
	UNROLL4
	for (; i + L64 <= n; i += L64)
	{
		v64u		v = load_widen(in + (size_t) i * (T / 8), T);

		if (multiplies)
			v = multiply(v, by, small);
		vstore(out + i, v + add);
	}
	for (; i < n; i++)
	{
		uint64_t	v = 0;

		memcpy(&v, in + (size_t) i * (T / 8), T / 8);
		((u64a *) out)[i] = base + factor * v;
	}
}

#define WIDEN_FUNC(T) \
static noinline void \
K(widen##T) (const uint8_t *in, int n, uint64_t base, uint64_t factor, uint64_t *out) \
{ \
	if (factor == 1) \
		widen_lanes(in, n, base, factor, false, false, out, T); \
	else if (T <= 32 && factor <= UINT32_MAX) \
		widen_lanes(in, n, base, factor, true, true, out, T); \
	else \
		widen_lanes(in, n, base, factor, true, false, out, T); \
}

WIDEN_FUNC(8)
WIDEN_FUNC(16)
WIDEN_FUNC(32)
WIDEN_FUNC(64)

static void
widen(const uint8_t *in, int n, unsigned T, uint64_t base, uint64_t factor, uint64_t *out)
{
	switch (T)
	{
		case 8:
			K(widen8) (in, n, base, factor, out);
			break;
		case 16:
			K(widen16) (in, n, base, factor, out);
			break;
		case 32:
			K(widen32) (in, n, base, factor, out);
			break;
		default:
			K(widen64) (in, n, base, factor, out);
			break;
	}
}

#if KERN_TIER == 2

/* A register of lanes of T bits to 512 / T values. */
static always_inline void
widen_register(v64u lanes, v64u base, uint64_t *restrict out, const unsigned T)
{
	const __m512i x = (__m512i) lanes;
	int			i;

	if (T == 32)
	{
		vstore(out, (v64u) _mm512_cvtepu32_epi64(_mm512_castsi512_si256(x)) + base);
		vstore(out + 8, (v64u) _mm512_cvtepu32_epi64(_mm512_extracti64x4_epi64(x, 1)) + base);
	}
	else if (T == 16)
	{
		/* lane 4k of result i is lane 8i + k, the others are 0 */
		const v16u	first = {0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5, 0, 0, 0, 6, 0, 0, 0, 7, 0, 0, 0};

		UNROLL
		for (i = 0; i < 4; i++)
			vstore(out + i * 8, (v64u) _mm512_maskz_permutexvar_epi16(0x11111111, (__m512i) (first + (uint16_t) (i * 8)), x) + base);
	}
	else
	{
		widen_register((v64u) _mm512_cvtepu8_epi16(_mm512_castsi512_si256(x)), base, out, 16);
		widen_register((v64u) _mm512_cvtepu8_epi16(_mm512_extracti64x4_epi64(x, 1)), base, out + 32, 16);
	}
}

static always_inline void
unpack_widen_periods(const uint8_t *restrict in, uint64_t *restrict out, int rows, uint64_t base,
					 const unsigned W, const unsigned T)
{
	const unsigned period = T / ((W & -W) < T ? (W & -W) : T);
	const v64u	add = splat(base);
	unsigned	r;
	int			j;

	for (; rows > 0; rows -= (int) period)
	{
		UNROLL
		for (r = 0; r < period; r++)
		{
			UNROLL
			for (j = 0; j < ROW_WORDS; j++)
				widen_register(unpack_word(in, r, j, W, T), add, out + r * (1024 / T) + j * (512 / (int) T), T);
		}
		in += (size_t) (period * W / T) * ROW_BYTES;
		out += (size_t) period * (1024 / T);
	}
}

#define UNPACK_WIDEN_FUNC(W, T) \
static noinline void \
K(unpack_widen##W) (const uint8_t *in, uint64_t *out, int rows, uint64_t base) \
{ \
	unpack_widen_periods(in, out, rows, base, W, T); \
}

FOR_NARROW_WIDTHS(UNPACK_WIDEN_FUNC)

typedef void (*unpack_widen_func) (const uint8_t *in, uint64_t *out, int rows, uint64_t base);

#define UNPACK_WIDEN_ENTRY(W, T)	[W] = K(unpack_widen##W),

static const unpack_widen_func unpack_widen_table[32] = {FOR_NARROW_WIDTHS(UNPACK_WIDEN_ENTRY)};

#endif

/*-------------- horizontal --------------*/

static noinline void
K(pack_horizontal) (const uint64_t *values, int n, unsigned width, uint8_t *out)
{
	uint64_t	acc = 0;
	unsigned	filled = 0;		/* bits in acc, < 64 */
	int			i;

	for (i = 0; i < n; i++)
	{
		const uint64_t v = ((const u64a *) values)[i];

		acc |= v << filled;
		if (filled + width >= 64)
		{
			store64(out, acc);
			out += 8;
			/* bits of the value that did not fit; a shift by 64 would mean there are none */
			acc = filled == 0 ? 0 : v >> (64 - filled);
			filled = filled + width - 64;
		}
		else
			filled += width;
	}
	memcpy(out, &acc, (filled + 7) / 8);
}

static noinline void
K(unpack_horizontal) (const uint8_t *in, int n, unsigned width, uint64_t base, uint64_t factor, uint64_t *out)
{
	size_t		len = ((size_t) n * width + 7) / 8;
	uint64_t	mask = low_mask(width);
	u64a	   *to = (u64a *) out;
	size_t		bit = 0;
	int			i = 0;

	/* eight bytes hold all bits of any value as long as shift + width <= 64 */
	if (width <= 57 && len >= 8)
	{
		/* values that start in byte len - 8 or before */
		size_t		safe = ((len - 8) * 8 + 7) / width + 1;
		int			end = safe < (size_t) n ? (int) safe : n;

		if (factor == 1)
			UNROLL4
			for (; i < end; i++, bit += width)
				to[i] = base + ((load64(in + bit / 8) >> (bit % 8)) & mask);
		else
			for (; i < end; i++, bit += width)
				to[i] = base + factor * ((load64(in + bit / 8) >> (bit % 8)) & mask);
	}
	for (; i < n; i++, bit += width)
	{
		size_t		byte = bit / 8;
		unsigned	shift = bit % 8;
		uint64_t	v = 0;

		if (byte + 8 <= len)
			v = load64(in + byte);
		else
			memcpy(&v, in + byte, len - byte);
		v >>= shift;
		if (shift + width > 64)
			v |= (uint64_t) in[byte + 8] << (64 - shift);
		to[i] = base + factor * (v & mask);
	}
}

static void
K(unpack) (const uint8_t *in, int n, unsigned width, bool horizontal, uint64_t base, uint64_t factor,
		   uint64_t *out, uint64_t *narrow)
{
	unsigned	T = lane_of(width);

	if (width == 0)
	{
		int			i;

		for (i = 0; i < n; i++)
			((u64a *) out)[i] = base;
	}
	else if (horizontal)
		K(unpack_horizontal) (in, n, width, base, factor, out);
	else if (width == T)
		widen(in, n, T, base, factor, out);
	else if (T == 64)
	{
		K(unpack_wide) (in, n, width, factor == 1 ? base : 0, out);
		if (factor != 1)
		{
			/* in place: each value is read before its place is written */
			const v64u	add = splat(base);
			const v64u	by = splat(factor);

			MAP64(n, out, out, x, multiply(x, by, false) + add);
		}
	}
	else
	{
		int			done = 0;

#if KERN_TIER == 2
		if (factor == 1)
		{
			int			per_row = (int) (1024 / T);

			done = width < 32 ? whole_periods(n / per_row, width, T) : 0;
			if (done > 0)
				unpack_widen_table[width] (in, out, done, base);
			if (done * per_row == n)
				return;
			K(unpack_any) (in, (uint8_t *) narrow, done, row_count(n, T), width, T);
			done *= per_row;
		}
		else
#endif
			K(unpack_lanes) (in, n, width, narrow);
		widen((const uint8_t *) narrow, n - done, T, base, factor, out + done);
	}
}

/*-------------- interleaved: pack --------------*/

static always_inline void
pack_rows(const uint8_t *restrict in, uint8_t *restrict out, int rows, const unsigned W, const unsigned T)
{
	v64u		acc[ROW_WORDS];
	unsigned	filled = 0;		/* bits in each lane of acc, < T */
	int			r;
	int			j;

	memset(acc, 0, sizeof(acc));
	for (r = 0; r < rows; r++, in += ROW_BYTES)
	{
		if (filled + W < T)
		{
			/* values are below 2^W: none crosses its lane */
			UNROLL
			for (j = 0; j < ROW_WORDS; j++)
				acc[j] |= vload(in + j * VB) << filled;
			filled += W;
		}
		else
		{
			const unsigned low = T - filled;	/* 1 .. W bits still fit */
			const uint64_t low_part = replicate(low_mask(low), T);
			const uint64_t high_part = ~low_part;

			UNROLL
			for (j = 0; j < ROW_WORDS; j++)
			{
				v64u		v = vload(in + j * VB);

				vstore(out + j * VB, acc[j] | ((v & low_part) << filled));
				/* low = 64 means that nothing is left over: shift by less, mask says 0 */
				acc[j] = (v & high_part) >> (low & 63);
			}
			out += ROW_BYTES;
			filled = filled + W - T;
		}
	}
	if (filled > 0)
		memcpy(out, acc, ROW_BYTES);
}

#define PACK_ROWS_FUNC(T) \
static noinline void \
K(pack_rows##T) (const uint8_t *in, uint8_t *out, int rows, unsigned W) \
{ \
	pack_rows(in, out, rows, W, T); \
}

PACK_ROWS_FUNC(8)
PACK_ROWS_FUNC(16)
PACK_ROWS_FUNC(32)
PACK_ROWS_FUNC(64)

/* The low T bits of each value, and zeros to the end of the last row. */
static noinline void
K(narrow_to) (const uint64_t *values, int n, unsigned T, int rows, uint8_t *out)
{
	const u64a *restrict v = (const u64a *) values;
	size_t		bytes = (size_t) n * (T / 8);
	int			i = 0;

	switch (T)
	{
		case 8:
#if KERN_TIER == 2
			for (; i + 8 <= n; i += 8)
				_mm_storel_epi64((__m128i *) (out + i), _mm512_cvtepi64_epi8((__m512i) vload(v + i)));
#endif
			for (; i < n; i++)
				out[i] = (uint8_t) v[i];
			break;
		case 16:
			{
				u16a	   *restrict q = (u16a *) out;

#if KERN_TIER == 2
				for (; i + 8 <= n; i += 8)
					_mm_storeu_si128((__m128i *) (q + i), _mm512_cvtepi64_epi16((__m512i) vload(v + i)));
#endif
				for (; i < n; i++)
					q[i] = (uint16_t) v[i];
				break;
			}
		case 32:
			{
				u32a	   *restrict q = (u32a *) out;

#if KERN_TIER == 2
				for (; i + 8 <= n; i += 8)
					_mm256_storeu_si256((__m256i *) (q + i), _mm512_cvtepi64_epi32((__m512i) vload(v + i)));
#endif
				for (; i < n; i++)
					q[i] = (uint32_t) v[i];
				break;
			}
		default:
			memcpy(out, v, bytes);
			break;
	}
	memset(out + bytes, 0, (size_t) rows * ROW_BYTES - bytes);
}

static void
K(pack) (const uint64_t *values, int n, unsigned width, bool horizontal, uint8_t *out, uint64_t *narrow)
{
	unsigned	T = lane_of(width);
	int			rows = row_count(n, T);
	uint8_t    *lanes = (uint8_t *) narrow;

	if (width == 0)
		return;
	if (horizontal)
	{
		K(pack_horizontal) (values, n, width, out);
		return;
	}
	K(narrow_to) (values, n, T, rows, lanes);
	switch (T)
	{
		case 8:
			K(pack_rows8) (lanes, out, rows, width);
			break;
		case 16:
			K(pack_rows16) (lanes, out, rows, width);
			break;
		case 32:
			K(pack_rows32) (lanes, out, rows, width);
			break;
		default:
			K(pack_rows64) (lanes, out, rows, width);
			break;
	}
}

#endif							/* TSDB_KERN_PACK_H */
