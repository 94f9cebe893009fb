/*-------------------------------------------------------------------------
 * kern_vec.h
 *	  One register of the tier as GCC vector types, and what these cannot express.
 *
 * Plain arithmetic is written with operators on v64u and its kin, which gcc and clang turn into the
 * tier's instructions.  Compares to bits, shuffles, widening and conversions are functions here, with
 * one body for each width of register: SIMDe's sse names for 16 bytes (so NEON comes out too), SIMDe's
 * avx2 names for 32, and intrinsics for 64, of which SIMDe 0.7.4 lacks half.
 *
 * T is the width of a lane in bits, 8, 16, 32 or 64, always a constant where these are inlined.  "bits"
 * hold one bit a lane, the lowest for lane 0.
 *
 * Loads and stores need no alignment.  Those of part of a register touch just that part.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_KERN_VEC_H
#define TSDB_KERN_VEC_H

#include <string.h>

#include <simde/x86/sse2.h>

#if KERN_TIER == 2
#include <immintrin.h>
#define VB				64		/* bytes of a register */
#elif KERN_TIER == 1
#include <immintrin.h>
#include <simde/x86/avx2.h>
#define VB				32
#else
#include <simde/x86/sse4.2.h>
#define VB				16
#endif

#define L64				(VB / 8)	/* 64-bit lanes of a register */

#define always_inline	inline __attribute__((always_inline))
#define noinline		__attribute__((noinline))

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define KERN_SANITIZED
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define KERN_SANITIZED
#endif

/* With the sanitizers' checks, unrolled rows take a minute to compile. */
#if defined(KERN_SANITIZED)
#define UNROLL
#define UNROLL4
#elif defined(__clang__)
#define UNROLL			_Pragma("clang loop unroll(full)")
#define UNROLL4			_Pragma("clang loop unroll_count(4)")
#else
#define UNROLL			_Pragma("GCC unroll 64")
#define UNROLL4			_Pragma("GCC unroll 4")
#endif

/* Functions carry the tier's name, so that profiles tell. */
#define KERN_PASTE2(a, b)	a##_##b
#define KERN_PASTE(a, b)	KERN_PASTE2(a, b)
#define K(name)				KERN_PASTE(name, KERN_SUFFIX)

typedef uint64_t v64u __attribute__((vector_size(VB)));
typedef int64_t v64s __attribute__((vector_size(VB)));
typedef uint32_t v32u __attribute__((vector_size(VB)));
typedef uint16_t v16u __attribute__((vector_size(VB)));
typedef uint8_t v8u __attribute__((vector_size(VB)));
typedef double vf64 __attribute__((vector_size(VB)));

/* Elements of arrays: at any address, of any type. */
typedef uint64_t u64a __attribute__((aligned(1), may_alias));
typedef int64_t s64a __attribute__((aligned(1), may_alias));
typedef uint32_t u32a __attribute__((aligned(1), may_alias));
typedef int32_t s32a __attribute__((aligned(1), may_alias));
typedef uint16_t u16a __attribute__((aligned(1), may_alias));
typedef int16_t s16a __attribute__((aligned(1), may_alias));

/*-------------- words --------------*/

/* Bits of the lane that holds width bits: 8, 16, 32, 64. */
static always_inline unsigned
lane_of(unsigned width)
{
	return width <= 8 ? 8 : width <= 16 ? 16 : width <= 32 ? 32 : 64;
}

/* The low "count" bits, 0 .. 64. */
static always_inline uint64_t
low_mask(unsigned count)
{
	return count >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << count) - 1;
}

/* The low T bits of m in every lane of a word. */
static always_inline uint64_t
replicate(uint64_t m, unsigned T)
{
	switch (T)
	{
		case 8:
			return (m & 0xFF) * UINT64_C(0x0101010101010101);
		case 16:
			return (m & 0xFFFF) * UINT64_C(0x0001000100010001);
		case 32:
			return (m & 0xFFFFFFFF) * UINT64_C(0x0000000100000001);
		default:
			return m;
	}
}

static always_inline uint64_t
load64(const void *p)
{
	uint64_t	v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static always_inline void
store64(void *p, uint64_t v)
{
	memcpy(p, &v, sizeof(v));
}

static always_inline unsigned
popcount64(uint64_t x)
{
#if KERN_TIER > 0 || defined(__ARM_NEON)
	return (unsigned) __builtin_popcountll(x);
#else
	/* without the instruction, __builtin_popcountll calls libgcc */
	x -= (x >> 1) & UINT64_C(0x5555555555555555);
	x = (x & UINT64_C(0x3333333333333333)) + ((x >> 2) & UINT64_C(0x3333333333333333));
	x = (x + (x >> 4)) & UINT64_C(0x0F0F0F0F0F0F0F0F);
	return (unsigned) ((x * UINT64_C(0x0101010101010101)) >> 56);
#endif
}

/*-------------- registers --------------*/

static always_inline v64u
vload(const void *p)
{
	v64u		v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static always_inline void
vstore(void *p, v64u v)
{
	memcpy(p, &v, sizeof(v));
}

/* The first "bytes" bytes, 0 .. VB; the rest is 0. */
static always_inline v64u
vload_part(const void *p, size_t bytes)
{
#if KERN_TIER == 2 && !defined(KERN_SANITIZED)
	return (v64u) _mm512_maskz_loadu_epi8((__mmask64) low_mask((unsigned) bytes), p);
#else
	v64u		v = {0};

	memcpy(&v, p, bytes);
	return v;
#endif
}

static always_inline void
vstore_part(void *p, v64u v, size_t bytes)
{
#if KERN_TIER == 2 && !defined(KERN_SANITIZED)
	_mm512_mask_storeu_epi8(p, (__mmask64) low_mask((unsigned) bytes), (__m512i) v);
#else
	memcpy(p, &v, bytes);
#endif
}

static always_inline v64u
splat(uint64_t x)
{
	return (v64u) {0} + x;
}

static always_inline v64u
splat_double(double d)
{
	uint64_t	bits;

	memcpy(&bits, &d, sizeof(bits));
	return splat(bits);
}

/* All ones in negative 64-bit lanes, else 0. */
static always_inline v64u
sign64(v64u x)
{
#if KERN_TIER == 2
	return (v64u) _mm512_srai_epi64((__m512i) x, 63);
#else
	return (v64u) {0} - (x >> 63);
#endif
}

static always_inline uint64_t
or_lanes(v64u v)
{
	uint64_t	all = 0;
	int			i;

	for (i = 0; i < L64; i++)
		all |= v[i];
	return all;
}

static always_inline uint64_t
add_lanes(v64u v)
{
	uint64_t	sum = 0;
	int			i;

	for (i = 0; i < L64; i++)
		sum += v[i];
	return sum;
}

/*-------------- compares --------------*/

#if KERN_TIER == 2

static always_inline uint64_t
bits_gt(v64u a, v64u b, const unsigned T)
{
	switch (T)
	{
		case 8:
			return _mm512_cmpgt_epi8_mask((__m512i) a, (__m512i) b);
		case 16:
			return _mm512_cmpgt_epi16_mask((__m512i) a, (__m512i) b);
		case 32:
			return _mm512_cmpgt_epi32_mask((__m512i) a, (__m512i) b);
		default:
			return _mm512_cmpgt_epi64_mask((__m512i) a, (__m512i) b);
	}
}

static always_inline uint64_t
bits_eq(v64u a, v64u b, const unsigned T)
{
	switch (T)
	{
		case 8:
			return _mm512_cmpeq_epi8_mask((__m512i) a, (__m512i) b);
		case 16:
			return _mm512_cmpeq_epi16_mask((__m512i) a, (__m512i) b);
		case 32:
			return _mm512_cmpeq_epi32_mask((__m512i) a, (__m512i) b);
		default:
			return _mm512_cmpeq_epi64_mask((__m512i) a, (__m512i) b);
	}
}

#define FLOAT_COMPARE(name, op) \
static always_inline uint64_t \
name(v64u a, v64u b, const unsigned T) \
{ \
	if (T == 64) \
		return _mm512_cmp_pd_mask((__m512d) a, (__m512d) b, op); \
	return _mm512_cmp_ps_mask((__m512) a, (__m512) b, op); \
}

FLOAT_COMPARE(bits_flt, _CMP_LT_OQ)
FLOAT_COMPARE(bits_fle, _CMP_LE_OQ)
FLOAT_COMPARE(bits_feq, _CMP_EQ_OQ)

/* x where the bit is set, else y */
static always_inline v64u
pick(uint64_t bits, v64u x, v64u y, const unsigned T)
{
	switch (T)
	{
		case 8:
			return (v64u) _mm512_mask_mov_epi8((__m512i) y, (__mmask64) bits, (__m512i) x);
		case 16:
			return (v64u) _mm512_mask_mov_epi16((__m512i) y, (__mmask32) bits, (__m512i) x);
		case 32:
			return (v64u) _mm512_mask_mov_epi32((__m512i) y, (__mmask16) bits, (__m512i) x);
		default:
			return (v64u) _mm512_mask_mov_epi64((__m512i) y, (__mmask8) bits, (__m512i) x);
	}
}

static always_inline v64u
vmin(v64u a, v64u b, const unsigned T)
{
	switch (T)
	{
		case 8:
			return (v64u) _mm512_min_epi8((__m512i) a, (__m512i) b);
		case 16:
			return (v64u) _mm512_min_epi16((__m512i) a, (__m512i) b);
		case 32:
			return (v64u) _mm512_min_epi32((__m512i) a, (__m512i) b);
		default:
			return (v64u) _mm512_min_epi64((__m512i) a, (__m512i) b);
	}
}

static always_inline v64u
vmax(v64u a, v64u b, const unsigned T)
{
	switch (T)
	{
		case 8:
			return (v64u) _mm512_max_epi8((__m512i) a, (__m512i) b);
		case 16:
			return (v64u) _mm512_max_epi16((__m512i) a, (__m512i) b);
		case 32:
			return (v64u) _mm512_max_epi32((__m512i) a, (__m512i) b);
		default:
			return (v64u) _mm512_max_epi64((__m512i) a, (__m512i) b);
	}
}

/* a < b ? a : b, which gives b for NaN a */
static always_inline v64u
vfmin(v64u a, v64u b, const unsigned T)
{
	if (T == 64)
		return (v64u) _mm512_min_pd((__m512d) a, (__m512d) b);
	return (v64u) _mm512_min_ps((__m512) a, (__m512) b);
}

static always_inline v64u
vfmax(v64u a, v64u b, const unsigned T)
{
	if (T == 64)
		return (v64u) _mm512_max_pd((__m512d) a, (__m512d) b);
	return (v64u) _mm512_max_ps((__m512) a, (__m512) b);
}

/* Sums of eight bytes each. */
static always_inline v64u
sum_bytes(v64u x)
{
	return (v64u) _mm512_sad_epu8((__m512i) x, _mm512_setzero_si512());
}

#elif KERN_TIER == 1

static always_inline uint64_t
lanes_to_bits(simde__m256i m, const unsigned T)
{
	switch (T)
	{
		case 8:
			return (uint32_t) simde_mm256_movemask_epi8(m);
		case 16:
			return _pext_u32((uint32_t) simde_mm256_movemask_epi8(m), 0x55555555);
		case 32:
			return (uint32_t) simde_mm256_movemask_ps(simde_mm256_castsi256_ps(m));
		default:
			return (uint32_t) simde_mm256_movemask_pd(simde_mm256_castsi256_pd(m));
	}
}

static always_inline simde__m256i
lanes_gt(v64u a, v64u b, const unsigned T)
{
	switch (T)
	{
		case 8:
			return simde_mm256_cmpgt_epi8((simde__m256i) a, (simde__m256i) b);
		case 16:
			return simde_mm256_cmpgt_epi16((simde__m256i) a, (simde__m256i) b);
		case 32:
			return simde_mm256_cmpgt_epi32((simde__m256i) a, (simde__m256i) b);
		default:
			return simde_mm256_cmpgt_epi64((simde__m256i) a, (simde__m256i) b);
	}
}

static always_inline simde__m256i
lanes_eq(v64u a, v64u b, const unsigned T)
{
	switch (T)
	{
		case 8:
			return simde_mm256_cmpeq_epi8((simde__m256i) a, (simde__m256i) b);
		case 16:
			return simde_mm256_cmpeq_epi16((simde__m256i) a, (simde__m256i) b);
		case 32:
			return simde_mm256_cmpeq_epi32((simde__m256i) a, (simde__m256i) b);
		default:
			return simde_mm256_cmpeq_epi64((simde__m256i) a, (simde__m256i) b);
	}
}

#define FLOAT_COMPARE(name, op) \
static always_inline uint64_t \
name(v64u a, v64u b, const unsigned T) \
{ \
	if (T == 64) \
		return (uint32_t) simde_mm256_movemask_pd(simde_mm256_cmp_pd((simde__m256d) a, (simde__m256d) b, op)); \
	return (uint32_t) simde_mm256_movemask_ps(simde_mm256_cmp_ps((simde__m256) a, (simde__m256) b, op)); \
}

FLOAT_COMPARE(bits_flt, SIMDE_CMP_LT_OQ)
FLOAT_COMPARE(bits_fle, SIMDE_CMP_LE_OQ)
FLOAT_COMPARE(bits_feq, SIMDE_CMP_EQ_OQ)

/* Lanes of ones where the bit is set. */
static always_inline v64u
lane_mask(uint64_t bits, const unsigned T)
{
	v64u		x;

	if (T == 8)
	{
		/* byte k of the bits to lanes 8k .. 8k + 7 */
		const simde__m256i byte = simde_mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1,
														2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3);
		const v64u	bit = splat(UINT64_C(0x8040201008040201));

		x = (v64u) simde_mm256_shuffle_epi8(simde_mm256_set1_epi32((int32_t) (uint32_t) bits), byte) & bit;
		return (v64u) lanes_eq(x, bit, 8);
	}
	if (T == 16)
	{
		const v64u	bit = (v64u) (v16u) {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768};

		x = (v64u) simde_mm256_set1_epi16((int16_t) (uint16_t) bits) & bit;
		return (v64u) lanes_eq(x, bit, 16);
	}
	if (T == 32)
	{
		const v64u	bit = (v64u) (v32u) {1, 2, 4, 8, 16, 32, 64, 128};

		x = (v64u) simde_mm256_set1_epi32((int32_t) (uint32_t) bits) & bit;
		return (v64u) lanes_eq(x, bit, 32);
	}
	else
	{
		const v64u	bit = {1, 2, 4, 8};

		return (v64u) lanes_eq(splat(bits) & bit, bit, 64);
	}
}

static always_inline v64u
vmin(v64u a, v64u b, const unsigned T)
{
	switch (T)
	{
		case 8:
			return (v64u) simde_mm256_min_epi8((simde__m256i) a, (simde__m256i) b);
		case 16:
			return (v64u) simde_mm256_min_epi16((simde__m256i) a, (simde__m256i) b);
		case 32:
			return (v64u) simde_mm256_min_epi32((simde__m256i) a, (simde__m256i) b);
		default:
			return (v64u) simde_mm256_blendv_epi8((simde__m256i) a, (simde__m256i) b, lanes_gt(a, b, 64));
	}
}

static always_inline v64u
vmax(v64u a, v64u b, const unsigned T)
{
	switch (T)
	{
		case 8:
			return (v64u) simde_mm256_max_epi8((simde__m256i) a, (simde__m256i) b);
		case 16:
			return (v64u) simde_mm256_max_epi16((simde__m256i) a, (simde__m256i) b);
		case 32:
			return (v64u) simde_mm256_max_epi32((simde__m256i) a, (simde__m256i) b);
		default:
			return (v64u) simde_mm256_blendv_epi8((simde__m256i) b, (simde__m256i) a, lanes_gt(a, b, 64));
	}
}

/* a < b ? a : b, which gives b for NaN a */
static always_inline v64u
vfmin(v64u a, v64u b, const unsigned T)
{
	if (T == 64)
		return (v64u) _mm256_min_pd((__m256d) a, (__m256d) b);
	return (v64u) _mm256_min_ps((__m256) a, (__m256) b);
}

static always_inline v64u
vfmax(v64u a, v64u b, const unsigned T)
{
	if (T == 64)
		return (v64u) _mm256_max_pd((__m256d) a, (__m256d) b);
	return (v64u) _mm256_max_ps((__m256) a, (__m256) b);
}

/* Sums of eight bytes each. */
static always_inline v64u
sum_bytes(v64u x)
{
	return (v64u) simde_mm256_sad_epu8((simde__m256i) x, simde_mm256_setzero_si256());
}

#else

static always_inline uint64_t
lanes_to_bits(simde__m128i m, const unsigned T)
{
	switch (T)
	{
		case 8:
			return (uint32_t) simde_mm_movemask_epi8(m);
		case 16:
			return (uint32_t) simde_mm_movemask_epi8(simde_mm_packs_epi16(m, simde_mm_setzero_si128()));
		case 32:
			return (uint32_t) simde_mm_movemask_ps(simde_mm_castsi128_ps(m));
		default:
			return (uint32_t) simde_mm_movemask_pd(simde_mm_castsi128_pd(m));
	}
}

static always_inline simde__m128i
lanes_gt(v64u a, v64u b, const unsigned T)
{
	switch (T)
	{
		case 8:
			return simde_mm_cmpgt_epi8((simde__m128i) a, (simde__m128i) b);
		case 16:
			return simde_mm_cmpgt_epi16((simde__m128i) a, (simde__m128i) b);
		case 32:
			return simde_mm_cmpgt_epi32((simde__m128i) a, (simde__m128i) b);
		default:
			return simde_mm_cmpgt_epi64((simde__m128i) a, (simde__m128i) b);
	}
}

static always_inline simde__m128i
lanes_eq(v64u a, v64u b, const unsigned T)
{
	simde__m128i m;

	switch (T)
	{
		case 8:
			return simde_mm_cmpeq_epi8((simde__m128i) a, (simde__m128i) b);
		case 16:
			return simde_mm_cmpeq_epi16((simde__m128i) a, (simde__m128i) b);
		case 32:
			return simde_mm_cmpeq_epi32((simde__m128i) a, (simde__m128i) b);
		default:
			/* SSE2 has none of 64 bits */
			m = simde_mm_cmpeq_epi32((simde__m128i) a, (simde__m128i) b);
			return simde_mm_and_si128(m, simde_mm_shuffle_epi32(m, 0xB1));
	}
}

#define FLOAT_COMPARE(name, op) \
static always_inline uint64_t \
name(v64u a, v64u b, const unsigned T) \
{ \
	if (T == 64) \
		return (uint32_t) simde_mm_movemask_pd(simde_mm_##op##_pd((simde__m128d) a, (simde__m128d) b)); \
	return (uint32_t) simde_mm_movemask_ps(simde_mm_##op##_ps((simde__m128) a, (simde__m128) b)); \
}

FLOAT_COMPARE(bits_flt, cmplt)
FLOAT_COMPARE(bits_fle, cmple)
FLOAT_COMPARE(bits_feq, cmpeq)

/* Lanes of ones where the bit is set. */
static always_inline v64u
lane_mask(uint64_t bits, const unsigned T)
{
	if (T == 8)
	{
		const v64u	bit = splat(UINT64_C(0x8040201008040201));
		const v64u	x = {replicate(bits, 8), replicate(bits >> 8, 8)};

		return (v64u) lanes_eq(x & bit, bit, 8);
	}
	if (T == 16)
	{
		const v64u	bit = (v64u) (v16u) {1, 2, 4, 8, 16, 32, 64, 128};

		return (v64u) lanes_eq((v64u) simde_mm_set1_epi16((int16_t) (uint16_t) bits) & bit, bit, 16);
	}
	if (T == 32)
	{
		const v64u	bit = (v64u) (v32u) {1, 2, 4, 8};

		return (v64u) lanes_eq((v64u) simde_mm_set1_epi32((int32_t) (uint32_t) bits) & bit, bit, 32);
	}
	else
	{
		const v64u	bit = (v64u) (v32u) {1, 1, 2, 2};

		return (v64u) lanes_eq((v64u) simde_mm_set1_epi32((int32_t) (uint32_t) bits) & bit, bit, 32);
	}
}

static always_inline v64u
blend(simde__m128i mask, v64u x, v64u y)
{
	return ((v64u) mask & x) | (~(v64u) mask & y);
}

static always_inline v64u
vmin(v64u a, v64u b, const unsigned T)
{
	if (T == 16)
		return (v64u) simde_mm_min_epi16((simde__m128i) a, (simde__m128i) b);
	return blend(lanes_gt(a, b, T), b, a);
}

static always_inline v64u
vmax(v64u a, v64u b, const unsigned T)
{
	if (T == 16)
		return (v64u) simde_mm_max_epi16((simde__m128i) a, (simde__m128i) b);
	return blend(lanes_gt(a, b, T), a, b);
}

/* a < b ? a : b, which gives b for NaN a; NEON's own minimum would give NaN */
static always_inline v64u
vfmin(v64u a, v64u b, const unsigned T)
{
#if defined(__SSE2__)
	if (T == 64)
		return (v64u) _mm_min_pd((__m128d) a, (__m128d) b);
	return (v64u) _mm_min_ps((__m128) a, (__m128) b);
#else
	if (T == 64)
		return blend((simde__m128i) simde_mm_cmplt_pd((simde__m128d) a, (simde__m128d) b), a, b);
	return blend((simde__m128i) simde_mm_cmplt_ps((simde__m128) a, (simde__m128) b), a, b);
#endif
}

static always_inline v64u
vfmax(v64u a, v64u b, const unsigned T)
{
#if defined(__SSE2__)
	if (T == 64)
		return (v64u) _mm_max_pd((__m128d) a, (__m128d) b);
	return (v64u) _mm_max_ps((__m128) a, (__m128) b);
#else
	if (T == 64)
		return blend((simde__m128i) simde_mm_cmplt_pd((simde__m128d) b, (simde__m128d) a), a, b);
	return blend((simde__m128i) simde_mm_cmplt_ps((simde__m128) b, (simde__m128) a), a, b);
#endif
}

/* Sums of eight bytes each. */
static always_inline v64u
sum_bytes(v64u x)
{
	return (v64u) simde_mm_sad_epu8((simde__m128i) x, simde_mm_setzero_si128());
}

#endif

#if KERN_TIER < 2

static always_inline uint64_t
bits_gt(v64u a, v64u b, const unsigned T)
{
	return lanes_to_bits(lanes_gt(a, b, T), T);
}

static always_inline uint64_t
bits_eq(v64u a, v64u b, const unsigned T)
{
	return lanes_to_bits(lanes_eq(a, b, T), T);
}

/* x where the bit is set, else y */
static always_inline v64u
pick(uint64_t bits, v64u x, v64u y, const unsigned T)
{
	const v64u	mask = lane_mask(bits, T);

	return (mask & x) | (~mask & y);
}

#endif

/* 0 where the bit is not set */
static always_inline v64u
keep(uint64_t bits, v64u x, const unsigned T)
{
#if KERN_TIER == 2
	return pick(bits, x, (v64u) {0}, T);
#else
	return lane_mask(bits, T) & x;
#endif
}

/*-------------- widening and conversions --------------*/

/* L64 lanes of T bits at p, each to 64 bits. */
static always_inline v64u
load_widen(const uint8_t *p, const unsigned T)
{
#if KERN_TIER == 2
	switch (T)
	{
		case 8:
			return (v64u) _mm512_cvtepu8_epi64(_mm_loadl_epi64((const __m128i *) p));
		case 16:
			return (v64u) _mm512_cvtepu16_epi64(_mm_loadu_si128((const __m128i *) p));
		case 32:
			return (v64u) _mm512_cvtepu32_epi64(_mm256_loadu_si256((const __m256i *) p));
		default:
			return vload(p);
	}
#elif KERN_TIER == 1
	uint32_t	four;

	switch (T)
	{
		case 8:
			memcpy(&four, p, sizeof(four));
			return (v64u) simde_mm256_cvtepu8_epi64(simde_mm_cvtsi32_si128((int32_t) four));
		case 16:
			return (v64u) simde_mm256_cvtepu16_epi64(simde_mm_loadl_epi64((const simde__m128i *) p));
		case 32:
			return (v64u) simde_mm256_cvtepu32_epi64(simde_mm_loadu_si128((const simde__m128i *) p));
		default:
			return vload(p);
	}
#else
	switch (T)
	{
		case 8:
			return (v64u) {p[0], p[1]};
		case 16:
			return (v64u) {((const u16a *) p)[0], ((const u16a *) p)[1]};
		case 32:
			return (v64u) simde_mm_unpacklo_epi32(simde_mm_loadl_epi64((const simde__m128i *) p), simde_mm_setzero_si128());
		default:
			return vload(p);
	}
#endif
}

/* The low 32 bits of each lane, a float, to a double. */
static always_inline vf64
float_bits_to_double(v64u x)
{
#if KERN_TIER == 2
	return (vf64) _mm512_cvtps_pd(_mm256_castsi256_ps(_mm512_cvtepi64_epi32((__m512i) x)));
#elif KERN_TIER == 1
	const simde__m256i low = simde_mm256_permutevar8x32_epi32((simde__m256i) x, simde_mm256_setr_epi32(0, 2, 4, 6, 0, 2, 4, 6));

	return (vf64) simde_mm256_cvtps_pd(simde_mm_castsi128_ps(simde_mm256_castsi256_si128(low)));
#else
	return (vf64) simde_mm_cvtps_pd(simde_mm_castsi128_ps(simde_mm_shuffle_epi32((simde__m128i) x, 0x08)));
#endif
}

/* The inverse, sign-extended. */
static always_inline v64u
double_to_float_bits(vf64 d)
{
#if KERN_TIER == 2
	return (v64u) _mm512_cvtepi32_epi64(_mm256_castps_si256(_mm512_cvtpd_ps((__m512d) d)));
#elif KERN_TIER == 1
	return (v64u) simde_mm256_cvtepi32_epi64(simde_mm_castps_si128(simde_mm256_cvtpd_ps((simde__m256d) d)));
#else
	const simde__m128i f = simde_mm_castps_si128(simde_mm_cvtpd_ps((simde__m128d) d));

	return (v64u) simde_mm_unpacklo_epi32(f, simde_mm_srai_epi32(f, 31));
#endif
}

/*-------------- blocks of 64 rows --------------*/

/*
 * 64 elements of "bytes" bytes from row "at" on, in place, or from a copy filled up with zeros if
 * the array ends within them.
 */
static always_inline const uint8_t *
block_at(const void *values, int n, int at, unsigned bytes, uint8_t copy[512])
{
	const uint8_t *p = (const uint8_t *) values + (size_t) at * bytes;

	if (at + 64 <= n)
		return p;
	memset(copy, 0, 64 * bytes);
	memcpy(copy, p, (size_t) (n - at) * bytes);
	return copy;
}

/* Bits of the rows from "at" on that exist, of the 64. */
static always_inline uint64_t
rows_from(int n, int at)
{
	return low_mask(n - at >= 64 ? 64 : (unsigned) (n - at));
}

/* Whole registers, then what is left: x is the vector at i, and expr its result. */
#define MAP64(n, in, out, x, expr) \
	do { \
		const uint8_t *in_ = (const uint8_t *) (in); \
		uint8_t    *out_ = (uint8_t *) (out); \
		const int	n_ = (n); \
		int			i_ = 0; \
		UNROLL4 \
		for (; i_ + L64 <= n_; i_ += L64) \
		{ \
			v64u		x = vload(in_ + (size_t) i_ * 8); \
			vstore(out_ + (size_t) i_ * 8, expr); \
		} \
		if (i_ < n_) \
		{ \
			v64u		x = vload_part(in_ + (size_t) i_ * 8, (size_t) (n_ - i_) * 8); \
			vstore_part(out_ + (size_t) i_ * 8, expr, (size_t) (n_ - i_) * 8); \
		} \
	} while (0)

#endif							/* TSDB_KERN_VEC_H */
