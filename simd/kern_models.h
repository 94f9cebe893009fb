/*-------------------------------------------------------------------------
 * kern_models.h
 *	  What encodings add to packed numbers: bases, steps, lines, runs, planes; and the encoder's passes.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_KERN_MODELS_H
#define TSDB_KERN_MODELS_H

/*-------------- sums and lines --------------*/

/*
 * Each register is summed up within itself, log-step; what went before is added as the last step, so
 * that the chain from one register to the next is one addition.
 */
static void
K(prefix_sum) (uint64_t *values, int n)
{
	u64a	   *v = (u64a *) values;
	v64u		before = {0};
	int			i;

	for (i = 0; i + L64 <= n; i += L64)
	{
		v64u		x = vload(v + i);
		v64u		last;

#if KERN_TIER == 2
		const __m512i zero = _mm512_setzero_si512();

		x += (v64u) _mm512_alignr_epi64((__m512i) x, zero, 7);
		x += (v64u) _mm512_alignr_epi64((__m512i) x, zero, 6);
		x += (v64u) _mm512_alignr_epi64((__m512i) x, zero, 4);
		last = (v64u) _mm512_permutexvar_epi64(_mm512_set1_epi64(7), (__m512i) x);
#elif KERN_TIER == 1
		x += (v64u) simde_mm256_slli_si256((simde__m256i) x, 8);
		/* lane 1 to lanes 2 and 3 */
		x += (v64u) simde_mm256_blend_epi32(simde_mm256_setzero_si256(),
											simde_mm256_permute4x64_epi64((simde__m256i) x, 0x50), 0xF0);
		last = (v64u) simde_mm256_permute4x64_epi64((simde__m256i) x, 0xFF);
#else
		x += (v64u) simde_mm_slli_si128((simde__m128i) x, 8);
		last = (v64u) simde_mm_unpackhi_epi64((simde__m128i) x, (simde__m128i) x);
#endif
		vstore(v + i, x + before);
		before += last;
	}
	if (i == 0)
		i = 1;
	for (; i < n; i++)
		v[i] += v[i - 1];
}

static void
K(prefix_sum32) (uint32_t *values, int n)
{
	u32a	   *v = (u32a *) values;
	v32u		before = {0};
	int			i;

	for (i = 0; i + VB / 4 <= n; i += VB / 4)
	{
		v32u		x = (v32u) vload(v + i);
		v32u		last;

#if KERN_TIER == 2
		const __m512i zero = _mm512_setzero_si512();

		x += (v32u) _mm512_alignr_epi32((__m512i) x, zero, 15);
		x += (v32u) _mm512_alignr_epi32((__m512i) x, zero, 14);
		x += (v32u) _mm512_alignr_epi32((__m512i) x, zero, 12);
		x += (v32u) _mm512_alignr_epi32((__m512i) x, zero, 8);
		last = (v32u) _mm512_permutexvar_epi32(_mm512_set1_epi32(15), (__m512i) x);
#elif KERN_TIER == 1
		x += (v32u) simde_mm256_slli_si256((simde__m256i) x, 4);
		x += (v32u) simde_mm256_slli_si256((simde__m256i) x, 8);
		/* lane 3 to lanes 4 to 7 */
		x += (v32u) simde_mm256_permute2x128_si256((simde__m256i) x, simde_mm256_shuffle_epi32((simde__m256i) x, 0xFF), 0x28);
		last = (v32u) simde_mm256_permutevar8x32_epi32((simde__m256i) x, simde_mm256_set1_epi32(7));
#else
		x += (v32u) simde_mm_slli_si128((simde__m128i) x, 4);
		x += (v32u) simde_mm_slli_si128((simde__m128i) x, 8);
		last = (v32u) simde_mm_shuffle_epi32((simde__m128i) x, 0xFF);
#endif
		vstore(v + i, (v64u) (x + before));
		before += last;
	}
	if (i == 0)
		i = 1;
	for (; i < n; i++)
		v[i] += v[i - 1];
}

static void
K(scale_lanes) (TsdbElement element, const void *in, int n, uint32_t base, uint32_t factor, uint32_t *out)
{
	u32a	   *restrict to = (u32a *) out;
	int			i;

	if (element == TSDB_ELEM_U8)
	{
		const uint8_t *lanes = in;

		for (i = 0; i < n; i++)
			to[i] = base + factor * lanes[i];
	}
	else
	{
		const u16a *lanes = in;

		for (i = 0; i < n; i++)
			to[i] = base + factor * lanes[i];
	}
}

static void
K(deltas) (const int64_t *v, int n, int64_t *out)
{
	u64a	   *to = (u64a *) out;

	to[0] = 0;
	{
		const u64a *from = (const u64a *) v;

		MAP64(n - 1, from, to + 1, x, (i_ + L64 <= n_ ? vload(from + i_ + 1) : vload_part(from + i_ + 1, (size_t) (n_ - i_) * 8)) - x);
	}
}

/* 0, step, 2 * step, ... */
static always_inline v64u
ramp(uint64_t step)
{
	v64u		v;
	int			i;

	for (i = 0; i < L64; i++)
		v[i] = (uint64_t) i * step;
	return v;
}

static void
K(add_line) (uint64_t *values, int n, uint64_t step)
{
	const v64u	advance = splat(step * L64);
	v64u		at = ramp(step) - advance;

	MAP64(n, values, values, x, x + (at += advance));
}

static void
K(line) (uint64_t first, uint64_t step, int n, uint64_t *out)
{
	const v64u	advance = splat(step * L64);
	v64u		at = ramp(step) + first;
	u64a	   *to = (u64a *) out;
	int			i;

	UNROLL4
	for (i = 0; i + L64 <= n; i += L64, at += advance)
		vstore(to + i, at);
	if (i < n)
		vstore_part(to + i, at, (size_t) (n - i) * 8);
}

/*-------------- passes of the encoder --------------*/

/* x in lanes that exist: the last register of n values may be filled up. */
#define IN_RANGE(x)		(i_ + L64 <= n_ ? (x) : keep(low_mask((unsigned) (n_ - i_)), (x), 64))

static uint64_t
K(subtract) (const int64_t *v, int n, int64_t base, uint64_t *codes)
{
	const v64u	b = splat((uint64_t) base);
	v64u		all = {0};
	v64u		code;

	MAP64(n, v, codes, x, (code = x - b, all |= IN_RANGE(code), code));
	return or_lanes(all);
}

static uint64_t
K(divide_exact) (const int64_t *v, int n, int64_t base, unsigned shift, uint64_t inverse, uint64_t limit, uint64_t *codes)
{
	const v64u	b = splat((uint64_t) base);
	const v64u	by = splat(inverse);
	const v64u	most = splat(limit);
	const v64u	low = splat(low_mask(shift));
	v64u		bad = {0};
	v64u		d;
	v64u		q;

	/* sign bit of the borrow of limit - q (Warren, "Hacker's Delight", 2-13): SSE2 compares no 64 bits */
	MAP64(n, v, codes, x, (d = x - b,
						   q = multiply(d >> shift, by, false),
						   bad |= IN_RANGE((d & low) | (((~most & q) | (~(most ^ q) & (most - q))) >> 63)),
						   q));
	return or_lanes(bad);
}

#if KERN_TIER < 2
/*
 * Bit lengths 0 .. 64: the exponent of the double that a number is near to.  Of two bits next to each other the lower
 * is cleared before, so that nothing is rounded up to the next power of two.
 */
static always_inline v64u
bit_lengths(v64u x)
{
	/* 2^84 + hi * 2^32, less 2^84 + 2^52, plus 2^52 + lo */
	const v64u	hi_magic = splat(UINT64_C(0x4530000000000000));
	const v64u	lo_magic = splat(UINT64_C(0x4330000000000000));
	const vf64	both = (vf64) splat(UINT64_C(0x4530000000100000));
	vf64		d;
	v64u		e;

	x &= ~(x >> 1);
	d = ((vf64) ((x >> 32) | hi_magic) - both) + (vf64) ((x & 0xFFFFFFFF) | lo_magic);
	e = (v64u) d >> 52;
	/* 0 has exponent 0; all others at least 1023 */
#if KERN_TIER == 1
	return (v64u) simde_mm256_subs_epu16((simde__m256i) e, (simde__m256i) splat(1022));
#else
	return (v64u) simde_mm_subs_epu16((simde__m128i) e, (simde__m128i) splat(1022));
#endif
}
#else
static always_inline v64u
bit_lengths(v64u x)
{
	return 64 - (v64u) _mm512_lzcnt_epi64((__m512i) x);
}
#endif

/*
 * Numbers of every bit length are counted by comparing a byte a value: adding one to a counter in
 * memory for each value costs more, because neighbours mostly meet in the same counter.  The order of the
 * bytes does not matter.
 */
static noinline void
K(width_histogram) (const uint64_t *codes, int n, uint16_t *histogram)
{
	const u64a *c = (const u64a *) codes;
	uint8_t		width[TSDB_FFOR_MAX] __attribute__((aligned(VB)));
	u16a	   *counts = (u16a *) histogram;
	v64u		any = {0};
	uint64_t	all;
	int			left = n;
	int			nregisters = 0;
	int			w;
	int			i = 0;
	int			j;

	for (; i + VB <= n; i += VB, nregisters++)
	{
		v64u		bytes = {0};

		UNROLL
		for (j = 0; j < 8; j++)
		{
			const v64u	x = vload(c + i + j * L64);

			any |= x;
			bytes |= bit_lengths(x) << (8 * j);
		}
		vstore(width + nregisters * VB, bytes);
	}
	all = or_lanes(any);
	if (i < n)
	{
		memset(width + nregisters * VB, 0xFF, VB);
		for (j = 0; i < n; i++, j++)
		{
			const uint64_t x = c[i];

			all |= x;
			width[nregisters * VB + j] = (uint8_t) (x == 0 ? 0 : 64 - __builtin_clzll(x));
		}
		nregisters++;
	}

	for (w = all == 0 ? 0 : 64 - __builtin_clzll(all); left > 0; w--)
	{
		const v64u	same = splat(replicate((uint64_t) w, 8));
		v8u			count = {0};
		int			found;

		/* at most 64 registers: a byte holds the count */
		UNROLL4
		for (i = 0; i < nregisters; i++)
#if KERN_TIER == 2
			count = (v8u) _mm512_mask_sub_epi8((__m512i) count, _mm512_cmpeq_epi8_mask((__m512i) vload(width + i * VB), (__m512i) same),
											   (__m512i) count, _mm512_set1_epi8(-1));
#else
			count -= (v8u) lanes_eq(vload(width + i * VB), same, 8);
#endif
		found = (int) add_lanes(sum_bytes((v64u) count));
		counts[w] = (uint16_t) (counts[w] + found);
		left -= found;
	}
}

static int
K(collect_wide) (uint64_t *codes, int n, unsigned width, uint16_t *pos)
{
	u64a	   *c = (u64a *) codes;
	u16a	   *to = (u16a *) pos;
	int			found = 0;
	int			i = 0;

	while (i < n)
	{
		/* 32 at a time: few are wide */
		int			end = i + 32 <= n ? i + 32 : n;

		if (i + 32 <= n)
		{
			v64u		any = {0};
			int			j;

			UNROLL
			for (j = 0; j < 32 / L64; j++)
				any |= vload(c + i + j * L64) >> width;
			if (or_lanes(any) == 0)
			{
				i = end;
				continue;
			}
		}
		for (; i < end; i++)
		{
			uint64_t	x = c[i];
			bool		wide = (x >> width) != 0;

			to[found] = (uint16_t) i;
			found += wide;
			c[i] = wide ? 0 : x;
		}
	}
	return found;
}

/* Bit j: v[at + 1 + j] differs from v[at + j], for the "count" <= 64 of these that are wanted. */
static always_inline uint64_t
changes_at(const u64a *v, int at, int count)
{
	uint64_t	word = 0;
	int			j;

	if (count >= 64)
	{
		UNROLL
		for (j = 0; j < 64; j += L64)
			word |= bits_eq(vload(v + at + j), vload(v + at + 1 + j), 64) << j;
		return ~word;
	}
	for (j = 0; j < count; j++)
		word |= (uint64_t) (v[at + j] != v[at + 1 + j]) << j;
	return word;
}

static int
K(count_changes) (const int64_t *values, int n)
{
	const u64a *v = (const u64a *) values;
	int			count = 0;
	int			i;

	for (i = 0; i < n - 1; i += 64)
		count += (int) popcount64(changes_at(v, i, n - 1 - i));
	return count;
}

/* kern_bitmap.h */
static always_inline int word_to_rows(uint64_t word, int first, int room, u16a *out);

static int
K(run_starts) (const int64_t *values, int n, uint16_t *starts)
{
	const u64a *v = (const u64a *) values;
	u16a	   *to = (u16a *) starts;
	int			count = 1;
	int			i;

	to[0] = 0;
	for (i = 0; i < n - 1; i += 64)
		count += word_to_rows(changes_at(v, i, n - 1 - i), i + 1, n - count, to + count);
	return count;
}

static uint64_t
K(zigzag) (const int64_t *v, int n, int64_t base, uint64_t *out)
{
	const v64u	b = splat((uint64_t) base);
	v64u		all = {0};
	v64u		d;
	v64u		z;

	MAP64(n, v, out, x, (d = x - b, z = (d + d) ^ sign64(d), all |= IN_RANGE(z), z));
	return or_lanes(all);
}

static void
K(unzigzag) (const uint64_t *codes, int n, int64_t base, uint64_t *out)
{
	const v64u	b = splat((uint64_t) base);

	MAP64(n, codes, out, x, ((x >> 1) ^ ((v64u) {0} - (x & 1))) + b);
}

/*-------------- planes --------------*/

/*
 * Sixteen numbers of eight bytes (or four: "half" the registers) and their planes are one matrix of bytes and its
 * transpose.  If the address of a byte in the first is the bits v3 v2 v1 v0 p2 p1 p0, it is p2 p1 p0 v3 v2 v1 v0 in the
 * other; interleaving the bytes of the first half of the registers with those of the second moves the top bit to the
 * end.
 */
static always_inline void
interleave_halves(simde__m128i x[8], const int count)
{
	simde__m128i y[8];
	int			i;

	UNROLL
	for (i = 0; i < count / 2; i++)
	{
		y[2 * i] = simde_mm_unpacklo_epi8(x[i], x[i + count / 2]);
		y[2 * i + 1] = simde_mm_unpackhi_epi8(x[i], x[i + count / 2]);
	}
	UNROLL
	for (i = 0; i < count; i++)
		x[i] = y[i];
}

static always_inline simde__m128i
load128(const void *p)
{
	simde__m128i x;

	memcpy(&x, p, sizeof(x));
	return x;
}

static void
K(split_planes) (const uint64_t *codes, int n, int nplanes, uint8_t *const *planes)
{
	const u64a *c = (const u64a *) codes;
	int			i;
	int			p;
	simde__m128i x[8];

#if KERN_TIER == 2
	/* vpmovqb in the compiler's own loop takes fewer instructions, up to so many planes */
	if (nplanes <= 4)
	{
		for (p = 0; p < nplanes; p++)
		{
			const u64a *restrict from = c;
			uint8_t    *restrict plane = planes[p];

			for (i = 0; i < n; i++)
				plane[i] = (uint8_t) (from[i] >> (8 * p));
		}
		return;
	}
#endif
	for (i = 0; i + 16 <= n; i += 16)
	{
		if (nplanes > 4)
		{
			UNROLL
			for (p = 0; p < 8; p++)
				x[p] = load128(c + i + 2 * p);
			interleave_halves(x, 8);
			interleave_halves(x, 8);
			interleave_halves(x, 8);
			interleave_halves(x, 8);
		}
		else
		{
			/* the lower halves of the numbers */
			UNROLL
			for (p = 0; p < 4; p++)
				x[p] = simde_mm_castps_si128(simde_mm_shuffle_ps(simde_mm_castsi128_ps(load128(c + i + 4 * p)),
																 simde_mm_castsi128_ps(load128(c + i + 4 * p + 2)), 0x88));
			interleave_halves(x, 4);
			interleave_halves(x, 4);
			interleave_halves(x, 4);
			interleave_halves(x, 4);
		}
		if (nplanes > 4)
		{
			UNROLL
			for (p = 0; p < 8; p++)
				if (p < nplanes)
					memcpy(planes[p] + i, &x[p], sizeof(x[p]));
		}
		else
		{
			UNROLL
			for (p = 0; p < 4; p++)
				if (p < nplanes)
					memcpy(planes[p] + i, &x[p], sizeof(x[p]));
		}
	}
	for (; i < n; i++)
		for (p = 0; p < nplanes; p++)
			planes[p][i] = (uint8_t) (c[i] >> (8 * p));
}

static void
K(join_planes) (const uint8_t *const *planes, int nplanes, int n, uint64_t *codes)
{
	const simde__m128i zero = simde_mm_setzero_si128();
	u64a	   *c = (u64a *) codes;
	simde__m128i x[8];
	int			i;
	int			p;

	for (i = 0; i + 16 <= n; i += 16)
	{
		UNROLL
		for (p = 0; p < 8; p++)
			x[p] = p < nplanes ? load128(planes[p] + i) : zero;
		if (nplanes > 4)
		{
			interleave_halves(x, 8);
			interleave_halves(x, 8);
			interleave_halves(x, 8);
			UNROLL
			for (p = 0; p < 8; p++)
				memcpy(c + i + 2 * p, &x[p], sizeof(x[p]));
		}
		else
		{
			interleave_halves(x, 4);
			interleave_halves(x, 4);
			UNROLL
			for (p = 0; p < 4; p++)
			{
				const simde__m128i lo = simde_mm_unpacklo_epi32(x[p], zero);
				const simde__m128i hi = simde_mm_unpackhi_epi32(x[p], zero);

				memcpy(c + i + 4 * p, &lo, sizeof(lo));
				memcpy(c + i + 4 * p + 2, &hi, sizeof(hi));
			}
		}
	}
	for (; i < n; i++)
	{
		uint64_t	v = 0;

		for (p = 0; p < nplanes; p++)
			v |= (uint64_t) planes[p][i] << (8 * p);
		c[i] = v;
	}
}

static void
K(widen_signed) (const uint8_t *in, int n, unsigned lane, int64_t *out)
{
	s64a	   *restrict to = (s64a *) out;
	int			i;

	switch (lane)
	{
		case 1:
			for (i = 0; i < n; i++)
				to[i] = (int8_t) in[i];
			break;
		case 2:
			for (i = 0; i < n; i++)
				to[i] = ((const s16a *) in)[i];
			break;
		case 4:
			for (i = 0; i < n; i++)
				to[i] = ((const s32a *) in)[i];
			break;
		default:
			memcpy(to, in, (size_t) n * 8);
			break;
	}
}

#endif							/* TSDB_KERN_MODELS_H */
