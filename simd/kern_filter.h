/*-------------------------------------------------------------------------
 * kern_filter.h
 *	  Compares to bitmaps, and look-ups in dictionaries.
 *
 * Integers: x op c is x > c' or x = c', perhaps negated.  Unsigned ones have their sign bits flipped,
 * as no instruction set below AVX-512 compares them.  Floats: <, <= or = of the processor, all false for
 * NaN, perhaps negated, which is what PostgreSQL's order comes to.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_KERN_FILTER_H
#define TSDB_KERN_FILTER_H

typedef enum Relation
{
	REL_GT, REL_EQ,				/* integers */
	REL_FLT, REL_FLE, REL_FEQ,	/* floats */
	REL_NUMBER					/* float that is not NaN */
} Relation;

static always_inline uint64_t
relation_bits(v64u x, v64u c, const unsigned T, const Relation rel)
{
	switch (rel)
	{
		case REL_GT:
			return bits_gt(x, c, T);
		case REL_EQ:
			return bits_eq(x, c, T);
		case REL_FLT:
			return bits_flt(x, c, T);
		case REL_FLE:
			return bits_fle(x, c, T);
		case REL_FEQ:
			return bits_feq(x, c, T);
		default:
			return bits_feq(x, x, T);
	}
}

/* The rows of 64 elements at p for which the relation holds. */
static always_inline uint64_t
block_relation(const uint8_t *p, v64u flip, v64u c, const unsigned T, const Relation rel)
{
	uint64_t	word = 0;
	unsigned	j;

#if KERN_TIER < 2
	/* two registers of 16-bit lanes give one of bytes */
	if (T == 16 && (rel == REL_GT || rel == REL_EQ))
	{
		UNROLL
		for (j = 0; j < 128 / VB; j += 2)
		{
			const v64u	x = vload(p + j * VB) ^ flip;
			const v64u	y = vload(p + (j + 1) * VB) ^ flip;

#if KERN_TIER == 1
			const simde__m256i both = simde_mm256_packs_epi16(rel == REL_GT ? lanes_gt(x, c, 16) : lanes_eq(x, c, 16),
															  rel == REL_GT ? lanes_gt(y, c, 16) : lanes_eq(y, c, 16));

			/* halves are packed apart */
			word |= lanes_to_bits(simde_mm256_permute4x64_epi64(both, 0xD8), 8) << (j * VB / 2);
#else
			const simde__m128i both = simde_mm_packs_epi16(rel == REL_GT ? lanes_gt(x, c, 16) : lanes_eq(x, c, 16),
														   rel == REL_GT ? lanes_gt(y, c, 16) : lanes_eq(y, c, 16));

			word |= lanes_to_bits(both, 8) << (j * VB / 2);
#endif
		}
		return word;
	}
#endif
	UNROLL
	for (j = 0; j < 64 * T / 8 / VB; j++)
		word |= relation_bits(vload(p + j * VB) ^ flip, c, T, rel) << (j * (VB * 8 / T) & 63);
	return word;
}

static always_inline void
compare_lanes(const void *values, int n, uint64_t flip, uint64_t c, uint64_t invert, uint64_t *bitmap,
			  const unsigned T, const Relation rel)
{
	const v64u	vflip = splat(replicate(flip, T));
	const v64u	vc = splat(replicate(c, T));
	u64a	   *to = (u64a *) bitmap;
	uint8_t		copy[512];
	int			i;

	UNROLL4
	for (i = 0; i + 64 <= n; i += 64)
		to[i / 64] = block_relation((const uint8_t *) values + (size_t) i * (T / 8), vflip, vc, T, rel) ^ invert;
	if (i < n)
		to[i / 64] = (block_relation(block_at(values, n, i, T / 8, copy), vflip, vc, T, rel) ^ invert) & rows_from(n, i);
}

/* c is flipped already */
#define COMPARE_FUNCS(T) \
static noinline void \
K(compare_gt##T) (const void *values, int n, uint64_t flip, uint64_t c, uint64_t invert, uint64_t *bitmap) \
{ \
	compare_lanes(values, n, flip, c, invert, bitmap, T, REL_GT); \
} \
static noinline void \
K(compare_eq##T) (const void *values, int n, uint64_t flip, uint64_t c, uint64_t invert, uint64_t *bitmap) \
{ \
	compare_lanes(values, n, flip, c, invert, bitmap, T, REL_EQ); \
}

COMPARE_FUNCS(8)
COMPARE_FUNCS(16)
COMPARE_FUNCS(32)
COMPARE_FUNCS(64)

#define COMPARE_FLOAT_FUNCS(T) \
static noinline void \
K(compare_flt##T) (const void *values, int n, uint64_t c, uint64_t invert, uint64_t *bitmap) \
{ \
	compare_lanes(values, n, 0, c, invert, bitmap, T, REL_FLT); \
} \
static noinline void \
K(compare_fle##T) (const void *values, int n, uint64_t c, uint64_t invert, uint64_t *bitmap) \
{ \
	compare_lanes(values, n, 0, c, invert, bitmap, T, REL_FLE); \
} \
static noinline void \
K(compare_feq##T) (const void *values, int n, uint64_t c, uint64_t invert, uint64_t *bitmap) \
{ \
	compare_lanes(values, n, 0, c, invert, bitmap, T, REL_FEQ); \
} \
static noinline void \
K(compare_number##T) (const void *values, int n, uint64_t invert, uint64_t *bitmap) \
{ \
	compare_lanes(values, n, 0, 0, invert, bitmap, T, REL_NUMBER); \
}

COMPARE_FLOAT_FUNCS(32)
COMPARE_FLOAT_FUNCS(64)

/* All rows or none. */
static always_inline void
fill_bitmap(bool all, int n, uint64_t *bitmap)
{
	int			i;

	for (i = 0; i < n; i += 64)
		((u64a *) bitmap)[i / 64] = all ? rows_from(n, i) : 0;
}

static void
compare_gt(const void *values, int n, unsigned T, uint64_t flip, uint64_t c, uint64_t invert, uint64_t *bitmap)
{
	switch (T)
	{
		case 8:
			K(compare_gt8) (values, n, flip, c, invert, bitmap);
			break;
		case 16:
			K(compare_gt16) (values, n, flip, c, invert, bitmap);
			break;
		case 32:
			K(compare_gt32) (values, n, flip, c, invert, bitmap);
			break;
		default:
			K(compare_gt64) (values, n, flip, c, invert, bitmap);
			break;
	}
}

static void
compare_eq(const void *values, int n, unsigned T, uint64_t flip, uint64_t c, uint64_t invert, uint64_t *bitmap)
{
	switch (T)
	{
		case 8:
			K(compare_eq8) (values, n, flip, c, invert, bitmap);
			break;
		case 16:
			K(compare_eq16) (values, n, flip, c, invert, bitmap);
			break;
		case 32:
			K(compare_eq32) (values, n, flip, c, invert, bitmap);
			break;
		default:
			K(compare_eq64) (values, n, flip, c, invert, bitmap);
			break;
	}
}

/* flip: 0 for signed lanes, the sign bit for unsigned ones; c fits the lane. */
static void
compare_int(const void *values, int n, unsigned T, uint64_t flip, TsdbCompareOp op, uint64_t c, uint64_t *bitmap)
{
	const uint64_t lowest = UINT64_C(1) << (T - 1); /* as flipped */

	c = (c ^ flip) & low_mask(T);
	switch (op)
	{
		case TSDB_CMP_EQ:
		case TSDB_CMP_NE:
			compare_eq(values, n, T, flip, c, op == TSDB_CMP_NE ? ~UINT64_C(0) : 0, bitmap);
			break;
		case TSDB_CMP_GT:
		case TSDB_CMP_LE:
			compare_gt(values, n, T, flip, c, op == TSDB_CMP_LE ? ~UINT64_C(0) : 0, bitmap);
			break;
		default:
			/* x >= c is x > c - 1, if there is such a number */
			if (c == lowest)
				fill_bitmap(op == TSDB_CMP_GE, n, bitmap);
			else
				compare_gt(values, n, T, flip, c - 1, op == TSDB_CMP_LT ? ~UINT64_C(0) : 0, bitmap);
			break;
	}
}

/* bits: of c */
static void
compare_float(const void *values, int n, unsigned T, TsdbCompareOp op, uint64_t bits, bool nan, uint64_t *bitmap)
{
	const uint64_t ones = ~UINT64_C(0);

#define COMPARE_FLOAT(kind, invert) \
	do { \
		if (T == 32) \
			K(compare_##kind##32) (values, n, bits, invert, bitmap); \
		else \
			K(compare_##kind##64) (values, n, bits, invert, bitmap); \
	} while (0)
#define COMPARE_NUMBER(invert) \
	do { \
		if (T == 32) \
			K(compare_number32) (values, n, invert, bitmap); \
		else \
			K(compare_number64) (values, n, invert, bitmap); \
	} while (0)

	switch (op)
	{
		case TSDB_CMP_LT:
			if (nan)
				COMPARE_NUMBER(0);
			else
				COMPARE_FLOAT(flt, 0);
			break;
		case TSDB_CMP_GE:
			if (nan)
				COMPARE_NUMBER(ones);
			else
				COMPARE_FLOAT(flt, ones);
			break;
		case TSDB_CMP_LE:
			if (nan)
				fill_bitmap(true, n, bitmap);
			else
				COMPARE_FLOAT(fle, 0);
			break;
		case TSDB_CMP_GT:
			if (nan)
				fill_bitmap(false, n, bitmap);
			else
				COMPARE_FLOAT(fle, ones);
			break;
		case TSDB_CMP_EQ:
			if (nan)
				COMPARE_NUMBER(ones);
			else
				COMPARE_FLOAT(feq, 0);
			break;
		case TSDB_CMP_NE:
			if (nan)
				COMPARE_NUMBER(0);
			else
				COMPARE_FLOAT(feq, ones);
			break;
	}
}

static always_inline unsigned
element_bits(TsdbElement element)
{
	static const uint8_t bits[TSDB_NELEMENTS] = {8, 16, 32, 64, 8, 16, 32, 64, 32, 64};

	return bits[element];
}

static always_inline bool
element_is_signed(TsdbElement element)
{
	return element <= TSDB_ELEM_I64;
}

static void
K(compare) (TsdbElement element, const void *values, int n, TsdbCompareOp op, TsdbScalar c, uint64_t *bitmap)
{
	const unsigned T = element_bits(element);

	if (element == TSDB_ELEM_F32)
	{
		uint32_t	bits;

		memcpy(&bits, &c, sizeof(bits));
		compare_float(values, n, 32, op, bits, (bits & 0x7FFFFFFF) > FLOAT_INF, bitmap);
	}
	else if (element == TSDB_ELEM_F64)
		compare_float(values, n, 64, op, c.u, (c.u & ~SIGN_BIT) > DOUBLE_INF, bitmap);
	else if (element_is_signed(element))
	{
		/* beyond the lane: above or below all */
		if (c.i != (int64_t) ((uint64_t) c.i << (64 - T)) >> (64 - T))
			fill_bitmap(op == TSDB_CMP_NE || (c.i > 0 ? op <= TSDB_CMP_LE : op >= TSDB_CMP_GE), n, bitmap);
		else
			compare_int(values, n, T, 0, op, c.u, bitmap);
	}
	else if (c.u > low_mask(T))
		fill_bitmap(op == TSDB_CMP_NE || op <= TSDB_CMP_LE, n, bitmap);
	else
		compare_int(values, n, T, UINT64_C(1) << (T - 1), op, c.u, bitmap);
}

static void
K(unpack_compare) (const uint8_t *in, int n, unsigned width, TsdbCompareOp op, uint64_t c, uint64_t *bitmap)
{
	const unsigned T = lane_of(width);
	uint8_t		lanes[TSDB_FFOR_MAX * 8] __attribute__((aligned(64)));

	if (c > low_mask(width) || width == 0)
	{
		/* at width 0, c = 0 equals all */
		fill_bitmap(c == 0 ? op >= TSDB_CMP_LE && op <= TSDB_CMP_GE && op != TSDB_CMP_NE :
					op == TSDB_CMP_NE || op <= TSDB_CMP_LE, n, bitmap);
		return;
	}
	if (width != T)
	{
		K(unpack_lanes) (in, n, width, lanes);
		in = lanes;
	}
	compare_int(in, n, T, UINT64_C(1) << (T - 1), op, c, bitmap);
}

/* One load a value whatever is tried: gather instructions are no faster. */
#define GATHER_FUNC(name, type) \
static void \
K(name) (const uint64_t *dict, const type *codes, int n, uint64_t *out) \
{ \
	const u64a *restrict d = (const u64a *) dict; \
	const type##_a *restrict c = (const type##_a *) codes; \
	u64a	   *restrict to = (u64a *) out; \
	int			i; \
 \
	for (i = 0; i + 4 <= n; i += 4) \
	{ \
		to[i] = d[c[i]]; \
		to[i + 1] = d[c[i + 1]]; \
		to[i + 2] = d[c[i + 2]]; \
		to[i + 3] = d[c[i + 3]]; \
	} \
	for (; i < n; i++) \
		to[i] = d[c[i]]; \
}

typedef uint8_t uint8_t_a;
typedef u16a uint16_t_a;
typedef u32a uint32_t_a;

GATHER_FUNC(gather8, uint8_t)
GATHER_FUNC(gather16, uint16_t)
GATHER_FUNC(gather32, uint32_t)

#endif							/* TSDB_KERN_FILTER_H */
