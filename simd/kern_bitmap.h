/*-------------------------------------------------------------------------
 * kern_bitmap.h
 *	  Bitmaps of rows: logic, conversions, and values that they select.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_KERN_BITMAP_H
#define TSDB_KERN_BITMAP_H

/* Sixteen words at most: the compiler's own loops do. */
#define BITMAP_OP(name, expr) \
static void \
K(name) (const uint64_t *a, const uint64_t *b, int n, uint64_t *out) \
{ \
	const u64a *x = (const u64a *) a; \
	const u64a *y = (const u64a *) b; \
	u64a	   *to = (u64a *) out; \
	int			i; \
 \
	for (i = 0; i < n / 64; i++) \
		to[i] = expr; \
	if (n % 64 != 0) \
		to[i] = (expr) & rows_from(n, i * 64); \
}

BITMAP_OP(bitmap_and, x[i] & y[i])
BITMAP_OP(bitmap_or, x[i] | y[i])
BITMAP_OP(bitmap_andnot, x[i] & ~y[i])

static void
K(bitmap_not) (const uint64_t *a, int n, uint64_t *out)
{
	const u64a *x = (const u64a *) a;
	u64a	   *to = (u64a *) out;
	int			i;

	for (i = 0; i < n / 64; i++)
		to[i] = ~x[i];
	if (n % 64 != 0)
		to[i] = ~x[i] & rows_from(n, i * 64);
}

static always_inline int
count_rows(const u64a *a, int n)
{
	int			count = 0;
	int			i;

	for (i = 0; i < n / 64; i++)
		count += (int) popcount64(a[i]);
	if (n % 64 != 0)
		count += (int) popcount64(a[i] & rows_from(n, i * 64));
	return count;
}

static int
K(bitmap_count) (const uint64_t *a, int n)
{
	return count_rows((const u64a *) a, n);
}

/*-------------- bools --------------*/

/* Bit j: byte j of 64 is not 0. */
static always_inline uint64_t
bytes_to_word(const uint8_t *p)
{
	uint64_t	word = 0;
	int			j;

	UNROLL
	for (j = 0; j < 64; j += VB)
		word |= bits_eq(vload(p + j), (v64u) {0}, 8) << (j & 63);
	return ~word;
}

static void
K(bitmap_from_bools) (const bool *in, int n, uint64_t *out)
{
	uint8_t		copy[512];
	int			i;

	for (i = 0; i < n; i += 64)
		((u64a *) out)[i / 64] = bytes_to_word(block_at(in, n, i, 1, copy)) & rows_from(n, i);
}

static void
K(bitmap_to_bools) (const uint64_t *in, int n, bool *out)
{
	const u64a *words = (const u64a *) in;
	uint8_t    *to = (uint8_t *) out;
	const v64u	one = splat(UINT64_C(0x0101010101010101));
	int			i;

	for (i = 0; i + VB <= n; i += VB)
		vstore(to + i, keep(words[i / 64] >> (i & 63), one, 8));
	if (i < n)
		vstore_part(to + i, keep(words[i / 64] >> (i & 63), one, 8), (size_t) (n - i));
}

/*-------------- rows --------------*/

#if KERN_TIER == 0
/* Positions of the set bits of four, as lanes of 16 bits. */
static const uint64_t nibble_rows[16] = {
	0, 0, 1, 0x00010000,
	2, 0x00020000, 0x00020001, UINT64_C(0x000200010000),
	3, 0x00030000, 0x00030001, UINT64_C(0x000300010000),
	0x00030002, UINT64_C(0x000300020000), UINT64_C(0x000300020001), UINT64_C(0x0003000200010000)
};
#endif

/*
 * Numbers of the set bits, the lowest being "first"; returns how many.  Elements of out up to "room"
 * may be overwritten.
 */
static always_inline int
word_to_rows(uint64_t word, int first, int room, u16a *out)
{
	const int	count = (int) popcount64(word);
	int			done = 0;

#if KERN_TIER == 2
	const v16u	iota = {
		0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
		16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
	};
	int			half;

	if (word == 0)
		return 0;
	for (half = 0; half < 2; half++)
	{
		const __mmask32 bits = (__mmask32) (word >> (32 * half));
		const __m512i rows = _mm512_maskz_compress_epi16(bits, (__m512i) (iota + (uint16_t) (first + 32 * half)));
		const int	here = (int) popcount64(bits);

		if (done + 32 <= room)
			vstore(out + done, (v64u) rows);
		else
			vstore_part(out + done, (v64u) rows, (size_t) here * 2);
		done += here;
	}
#elif KERN_TIER == 1
	/* eight rows at a time while there is room to write all eight */
	for (; word != 0 && done + 8 <= room; word >>= 8, first += 8)
	{
		const uint64_t bytes = _pdep_u64(word & 0xFF, UINT64_C(0x0101010101010101)) * 0xFF;
		const uint64_t numbers = _pext_u64(UINT64_C(0x0706050403020100), bytes);
		const simde__m128i rows = simde_mm_add_epi16(simde_mm_cvtepu8_epi16(simde_mm_cvtsi64_si128((int64_t) numbers)),
													 simde_mm_set1_epi16((int16_t) first));

		memcpy(out + done, &rows, sizeof(rows));
		done += (int) popcount64(word & 0xFF);
	}
#else
	for (; word != 0 && done + 4 <= room; word >>= 4, first += 4)
	{
		store64(out + done, nibble_rows[word & 15] + replicate((uint64_t) first, 16));
		done += (int) ((UINT64_C(0x4332322132212110) >> (4 * (word & 15))) & 15);
	}
#endif
#if KERN_TIER < 2
	for (; word != 0; word &= word - 1)
		out[done++] = (uint16_t) (first + __builtin_ctzll(word));
#endif
	return count;
}

static int
K(bitmap_to_rows) (const uint64_t *in, int n, uint16_t *sel)
{
	int			count = 0;
	int			i;

	for (i = 0; i < n; i += 64)
		count += word_to_rows(((const u64a *) in)[i / 64] & rows_from(n, i), i, n - count, (u16a *) sel + count);
	return count;
}

/*-------------- values --------------*/

#if KERN_TIER == 1
/* 32-bit halves of the set ones of four values, close together; and to their places again. */
static const uint32_t select_halves[16][8] = {
	{0, 1, 2, 3, 4, 5, 6, 7}, {0, 1, 2, 3, 4, 5, 6, 7}, {2, 3, 0, 1, 4, 5, 6, 7}, {0, 1, 2, 3, 4, 5, 6, 7},
	{4, 5, 0, 1, 2, 3, 6, 7}, {0, 1, 4, 5, 2, 3, 6, 7}, {2, 3, 4, 5, 0, 1, 6, 7}, {0, 1, 2, 3, 4, 5, 6, 7},
	{6, 7, 0, 1, 2, 3, 4, 5}, {0, 1, 6, 7, 2, 3, 4, 5}, {2, 3, 6, 7, 0, 1, 4, 5}, {0, 1, 2, 3, 6, 7, 4, 5},
	{4, 5, 6, 7, 0, 1, 2, 3}, {0, 1, 4, 5, 6, 7, 2, 3}, {2, 3, 4, 5, 6, 7, 0, 1}, {0, 1, 2, 3, 4, 5, 6, 7}
};
static const uint32_t expand_halves[16][8] = {
	{0, 1, 0, 1, 0, 1, 0, 1}, {0, 1, 0, 1, 0, 1, 0, 1}, {0, 1, 0, 1, 0, 1, 0, 1}, {0, 1, 2, 3, 0, 1, 0, 1},
	{0, 1, 0, 1, 0, 1, 0, 1}, {0, 1, 0, 1, 2, 3, 0, 1}, {0, 1, 0, 1, 2, 3, 0, 1}, {0, 1, 2, 3, 4, 5, 0, 1},
	{0, 1, 0, 1, 0, 1, 0, 1}, {0, 1, 0, 1, 0, 1, 2, 3}, {0, 1, 0, 1, 0, 1, 2, 3}, {0, 1, 2, 3, 0, 1, 4, 5},
	{0, 1, 0, 1, 0, 1, 2, 3}, {0, 1, 0, 1, 2, 3, 4, 5}, {0, 1, 0, 1, 2, 3, 4, 5}, {0, 1, 2, 3, 4, 5, 6, 7}
};
#endif

static int
K(select64) (const uint64_t *values, int n, const uint64_t *bitmap, uint64_t *out)
{
	const u64a *restrict v = (const u64a *) values;
	const u64a *restrict words = (const u64a *) bitmap;
	u64a	   *restrict to = (u64a *) out;
	int			count = 0;
	int			i = 0;

	/* a whole register fits: as many values as came before, and these */
#if KERN_TIER == 2
	for (; i + 8 <= n; i += 8)
	{
		const __mmask8 bits = (__mmask8) (words[i / 64] >> (i & 63));

		vstore(to + count, (v64u) _mm512_maskz_compress_epi64(bits, (__m512i) vload(v + i)));
		count += (int) popcount64(bits);
	}
#elif KERN_TIER == 1
	for (; i + 4 <= n; i += 4)
	{
		const unsigned bits = (unsigned) (words[i / 64] >> (i & 63)) & 15;

		vstore(to + count, (v64u) simde_mm256_permutevar8x32_epi32((simde__m256i) vload(v + i), (simde__m256i) vload(select_halves[bits])));
		count += (int) popcount64(bits);
	}
#endif
	while (i < n)
	{
		uint64_t	word = words[i / 64] >> (i & 63);
		const int	end = (i | 63) < n ? (i | 63) + 1 : n;

		for (; i < end; i++, word >>= 1)
		{
			to[count] = v[i];
			count += (int) (word & 1);
		}
	}
	return count;
}

static void
K(expand64) (const uint64_t *dense, int n, const uint64_t *bitmap, uint64_t fill, uint64_t *out)
{
	const u64a *restrict d = (const u64a *) dense;
	const u64a *restrict words = (const u64a *) bitmap;
	u64a	   *restrict to = (u64a *) out;
	int			total = count_rows(words, n);
	int			count = 0;
	int			i = 0;

	/* registers that do not reach beyond the last value */
#if KERN_TIER == 2
	for (; i + 8 <= n && count + 8 <= total; i += 8)
	{
		const __mmask8 bits = (__mmask8) (words[i / 64] >> (i & 63));

		vstore(to + i, (v64u) _mm512_mask_expand_epi64(_mm512_set1_epi64((int64_t) fill), bits, (__m512i) vload(d + count)));
		count += (int) popcount64(bits);
	}
#elif KERN_TIER == 1
	for (; i + 4 <= n && count + 4 <= total; i += 4)
	{
		const unsigned bits = (unsigned) (words[i / 64] >> (i & 63)) & 15;

		vstore(to + i, pick(bits, (v64u) simde_mm256_permutevar8x32_epi32((simde__m256i) vload(d + count), (simde__m256i) vload(expand_halves[bits])),
							splat(fill), 64));
		count += (int) popcount64(bits);
	}
#endif
	while (i < n)
	{
		uint64_t	word = words[i / 64] >> (i & 63);
		const int	end = (i | 63) < n ? (i | 63) + 1 : n;

		for (; i < end && count < total; i++, word >>= 1)
		{
			const uint64_t value = d[count];

			to[i] = word & 1 ? value : fill;
			count += (int) (word & 1);
		}
		if (count == total)
		{
			for (; i < n; i++)
				to[i] = fill;
		}
	}
}

static void
K(zero_rows) (int64_t *values, int n, const uint64_t *bitmap)
{
	const u64a *words = (const u64a *) bitmap;

	MAP64(n, values, values, x, keep(~(words[i_ / 64] >> (i_ & 63)), x, 64));
}

#endif							/* TSDB_KERN_BITMAP_H */
