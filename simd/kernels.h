/*-------------------------------------------------------------------------
 * kernels.h
 *	  Inner loops over one vector, compiled once per instruction set.
 *
 * kern_impl.h holds the one source.  kern_baseline.c, kern_avx2.c and kern_avx512.c compile it with
 * their own flags; each exports one TsdbKernels.  tsdb_kernels points to the table in use: the best
 * that the processor has, or a lower one (tsdb_simd_use).  All tiers give the same bytes for the same
 * arguments: floating point sums included, whose order of addition is part of the contract.
 *
 * Common rules: 1 <= n <= 1024; arrays do not overlap unless said otherwise; no alignment is
 * needed; outputs beyond element n - 1 (bitmaps: beyond the last word) stay untouched; inputs
 * are not read beyond their end.  Integer arithmetic wraps modulo 2^64.  No function allocates or fails.
 *
 * Bitmap: bit i of word i / 64 is row i; (n + 63) / 64 words, bits from n on are 0 in outputs and
 * ignored in inputs.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_KERNELS_H
#define TSDB_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum TsdbSimdTier
{
	TSDB_SIMD_BASELINE = 0,		/* what the compiler targets: SSE2, NEON */
	TSDB_SIMD_AVX2 = 1,			/* AVX2, BMI1, BMI2, LZCNT, POPCNT */
	TSDB_SIMD_AVX512 = 2		/* and AVX-512 F, BW, DQ, VL, CD, VBMI2 */
} TsdbSimdTier;

typedef enum TsdbCompareOp
{
	TSDB_CMP_LT, TSDB_CMP_LE, TSDB_CMP_EQ, TSDB_CMP_NE, TSDB_CMP_GE, TSDB_CMP_GT
} TsdbCompareOp;

/* Elements of an array in memory. */
typedef enum TsdbElement
{
	TSDB_ELEM_I8, TSDB_ELEM_I16, TSDB_ELEM_I32, TSDB_ELEM_I64,
	TSDB_ELEM_U8, TSDB_ELEM_U16, TSDB_ELEM_U32, TSDB_ELEM_U64,
	TSDB_ELEM_F32, TSDB_ELEM_F64
} TsdbElement;

#define TSDB_NELEMENTS	10

/* A constant to compare with; the member that the element's type names. */
typedef union TsdbScalar
{
	int64_t		i;				/* I8 .. I64 */
	uint64_t	u;				/* U8 .. U64 */
	float		f;
	double		d;
} TsdbScalar;

typedef __int128 tsdb_int128;
typedef unsigned __int128 tsdb_uint128;

/*
 * Scale of decimals: value = n / 10^k (divide), or n * 10^f * 10^-e in that order (multiply, n * factor *
 * inverse; factor = 1 is not applied).  Powers come from literals.
 */
typedef struct TsdbDecimalScale
{
	bool		multiply;
	double		power;			/* divide: 10^k; also what encoders multiply by */
	double		factor;			/* multiply: 10^f */
	double		inverse;		/* multiply: 10^-e */
} TsdbDecimalScale;

typedef struct TsdbKernels
{
	TsdbSimdTier tier;
	const char *name;			/* "sse2", "neon", "baseline", "avx2", "avx512" */

	/*-------- bit-packing; layouts and contracts: ffor.h --------*/

	void		(*pack) (const uint64_t *values, int n, unsigned width, bool horizontal,
						 uint8_t *out, uint64_t *narrow);
	/* out[i] = base + factor * packed[i] */
	void		(*unpack) (const uint8_t *in, int n, unsigned width, bool horizontal,
						   uint64_t base, uint64_t factor, uint64_t *out, uint64_t *narrow);
	/*
	 * Interleaved only, 1 <= width: the packed numbers as lanes of T = 8, 16, 32, 64 bits (the smallest that
	 * holds width); out has room for whole rows of 128 bytes (8 KB), and whole rows are written.
	 */
	void		(*unpack_lanes) (const uint8_t *in, int n, unsigned width, void *out);
	/* Sum of packed[i], interleaved, of the rows in mask (NULL = all). */
	tsdb_uint128 (*unpack_sum) (const uint8_t *in, int n, unsigned width, const uint64_t *mask);
	/* Rows where packed[i] op c, as unsigned numbers; interleaved; c may be above 2^width. */
	void		(*unpack_compare) (const uint8_t *in, int n, unsigned width, TsdbCompareOp op, uint64_t c,
								   uint64_t *bitmap);

	/*-------- models --------*/

	/* values[i] += values[i - 1] for 1 <= i < n */
	void		(*prefix_sum) (uint64_t *values, int n);
	/* The same of 32-bit numbers. */
	void		(*prefix_sum32) (uint32_t *values, int n);
	/* out[i] = base + factor * in[i] modulo 2^32, of lanes U8 or U16 */
	void		(*scale_lanes) (TsdbElement element, const void *in, int n, uint32_t base, uint32_t factor, uint32_t *out);
	/* out[0] = 0, out[i] = v[i] - v[i - 1] */
	void		(*deltas) (const int64_t *v, int n, int64_t *out);
	/* values[i] += i * step */
	void		(*add_line) (uint64_t *values, int n, uint64_t step);
	/* out[i] = first + i * step */
	void		(*line) (uint64_t first, uint64_t step, int n, uint64_t *out);
	/* codes[i] = v[i] - base; returns the bitwise OR of all codes */
	uint64_t	(*subtract) (const int64_t *v, int n, int64_t base, uint64_t *codes);
	/*
	 * codes[i] = ((v[i] - base) >> shift) * inverse modulo 2^64 (shift 0 .. 63, unsigned); returns 0 if each low `shift` bits of
	 * v[i] - base are 0 and each code is at most limit, else not 0.
	 */
	uint64_t	(*divide_exact) (const int64_t *v, int n, int64_t base, unsigned shift, uint64_t inverse,
								 uint64_t limit, uint64_t *codes);
	/* histogram[b] += number of codes of bit length b, 0 .. 64 */
	void		(*width_histogram) (const uint64_t *codes, int n, uint16_t *histogram);
	/*
	 * Positions of codes that are not below 2^width (width 0 .. 63), ascending, and sets these codes to 0.
	 * pos has room for n.  Returns their number.
	 */
	int			(*collect_wide) (uint64_t *codes, int n, unsigned width, uint16_t *pos);
	/*
	 * starts[] = rows 0 and those whose value differs from the one before, ascending; has room for n.  Returns their
	 * number.
	 */
	int			(*run_starts) (const int64_t *v, int n, uint16_t *starts);
	/* Number of i with 1 <= i < n and v[i] != v[i - 1]. */
	int			(*count_changes) (const int64_t *v, int n);
	/* Zigzag: out[i] = (x << 1) ^ (x >> 63), x = v[i] - base; returns the bitwise OR of all. */
	uint64_t	(*zigzag) (const int64_t *v, int n, int64_t base, uint64_t *out);
	/* The inverse: out[i] = base + unzigzag(codes[i]); out may be codes. */
	void		(*unzigzag) (const uint64_t *codes, int n, int64_t base, uint64_t *out);
	/* Byte p of codes[i] to planes[p][i], p < nplanes (1 .. 8) */
	void		(*split_planes) (const uint64_t *codes, int n, int nplanes, uint8_t *const *planes);
	/* The inverse: bytes above nplanes are 0. */
	void		(*join_planes) (const uint8_t *const *planes, int nplanes, int n, uint64_t *codes);
	/* Sign-extends the low 1, 2, 4, 8 bytes of n lanes at in. */
	void		(*widen_signed) (const uint8_t *in, int n, unsigned lane, int64_t *out);

	/*-------- floats and doubles, as their bits --------*/

	/* In place: n becomes the bits of the double of that decimal (|n| < 2^51; others give anything). */
	void		(*decimal_doubles) (int64_t *values, int n, const TsdbDecimalScale *scale);
	/* In place: n becomes the bits of (float) (double of the decimal), sign-extended. */
	void		(*decimal_floats) (int64_t *values, int n, const TsdbDecimalScale *scale);
	/*
	 * ints[i] = nearest integer of double * power (by the magic number 2^52 + 2^51: ties to even);
	 * diff[i] = bits[i] - bits of its decimal, as signed difference, or INT64_MIN where |double * power| is not
	 * below 2^51 (NaN included); ints[i] is 0 then.  Returns the bitwise OR of all diffs.
	 */
	uint64_t	(*scale_doubles) (const int64_t *bits, int n, const TsdbDecimalScale *scale,
								  int64_t *ints, int64_t *diff);
	/* The same for floats (bits sign-extended from 32); diff counts float ulps. */
	uint64_t	(*scale_floats) (const int64_t *bits, int n, const TsdbDecimalScale *scale,
								 int64_t *ints, int64_t *diff);
	/*
	 * floats[i] = bits of (float) double, sign-extended; returns the number of i whose double does not come
	 * back (by bits; NaN's payload included) and sets bit i of bad for them.  A NaN that does not: anything.
	 */
	int			(*doubles_to_floats) (const int64_t *bits, int n, int64_t *floats, uint64_t *bad);
	/* In place: bits of a float (sign-extended) become those of the double; NaN: sign and payload shifted, not quieted. */
	void		(*floats_to_doubles) (int64_t *values, int n);
	/* out[i] = dict[index[i]] << shift | right[i], index < 8; out may be right. */
	void		(*join_real) (const uint64_t *right, const uint64_t *index, int n, const uint64_t *dict,
							  unsigned shift, uint64_t *out);

	/*-------- bitmaps, NULLs and selection --------*/

	void		(*bitmap_and) (const uint64_t *a, const uint64_t *b, int n, uint64_t *out);	/* out may be a or b */
	void		(*bitmap_or) (const uint64_t *a, const uint64_t *b, int n, uint64_t *out);
	void		(*bitmap_andnot) (const uint64_t *a, const uint64_t *b, int n, uint64_t *out);	/* a & ~b */
	void		(*bitmap_not) (const uint64_t *a, int n, uint64_t *out);
	int			(*bitmap_count) (const uint64_t *a, int n);
	/* one byte (0 or 1) a row, and back */
	void		(*bitmap_from_bools) (const bool *in, int n, uint64_t *out);
	void		(*bitmap_to_bools) (const uint64_t *in, int n, bool *out);
	/* Row numbers of set bits, ascending; sel has room for n.  Returns their number. */
	int			(*bitmap_to_rows) (const uint64_t *in, int n, uint16_t *sel);
	/* The values of set rows, close together; returns their number.  out has room for n. */
	int			(*select64) (const uint64_t *values, int n, const uint64_t *bitmap, uint64_t *out);
	/*
	 * The inverse: the next of dense[] where the bitmap is set, else fill.  dense has as many values as bits are set,
	 * and is not read further.
	 */
	void		(*expand64) (const uint64_t *dense, int n, const uint64_t *bitmap, uint64_t fill, uint64_t *out);
	/* values[i] = 0 where the bitmap is set */
	void		(*zero_rows) (int64_t *values, int n, const uint64_t *bitmap);

	/*-------- filters --------*/

	/*
	 * Rows where values[i] op c.  Floats as PostgreSQL orders them: -0 = 0, NaN equal to NaN and above all else.
	 */
	void		(*compare) (TsdbElement element, const void *values, int n, TsdbCompareOp op, TsdbScalar c,
							uint64_t *bitmap);
	/* out[i] = dict[codes[i]]; all codes are in range */
	void		(*gather8) (const uint64_t *dict, const uint8_t *codes, int n, uint64_t *out);
	void		(*gather16) (const uint64_t *dict, const uint16_t *codes, int n, uint64_t *out);
	void		(*gather32) (const uint64_t *dict, const uint32_t *codes, int n, uint64_t *out);

	/*-------- aggregates over the rows in mask (NULL = all n) --------*/

	/* Sum of values[i], and of i * values[i]; U8 and U16 alone, and without a mask. */
	void		(*moments) (TsdbElement element, const void *values, int n, uint64_t *sum, uint64_t *moment);
	/* Integer elements: exact. */
	tsdb_int128 (*sum_int) (TsdbElement element, const void *values, int n, const uint64_t *mask);
	/*
	 * F32 (converted first), F64: row i goes to accumulator i mod 16, rows outside of mask are left out (not
	 * added as 0); the sixteen start at +0 and are added pairwise: 0+8, 1+9, ..., then 0+4, ..., 0+2, 1+3, 0+1.  NaN
	 * comes out as 0x7FF8000000000000.
	 */
	double		(*sum_float) (TsdbElement element, const void *values, int n, const uint64_t *mask);
	/*
	 * False if no row is in mask.  Floats: NaN is above all; of -0 and 0, and of several NaNs, the first row's.
	 * Results in the member that the element's type names.
	 */
	bool		(*min_max) (TsdbElement element, const void *values, int n, const uint64_t *mask,
							TsdbScalar *min, TsdbScalar *max);

	/*-------- bytes --------*/

	/* CRC-32C going on from crc (no bits are inverted); NULL: the tier has no instructions for it. */
	uint32_t	(*crc32c) (uint32_t crc, const void *data, size_t len);
} TsdbKernels;

/* The table in use; never NULL. */
extern const TsdbKernels *tsdb_kernels;

/* The best tier that this processor has. */
TsdbSimdTier tsdb_simd_best(void);
/* Table of a tier, or NULL if this processor (or build) lacks it. */
const TsdbKernels *tsdb_simd_table(TsdbSimdTier tier);
/* Takes the best table that is not above "limit". */
void		tsdb_simd_use(TsdbSimdTier limit);

#endif							/* TSDB_KERNELS_H */
