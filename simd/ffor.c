/*-------------------------------------------------------------------------
 * ffor.c
 *	  Bit-packing kernels; the layouts are drawn in ffor.h.
 *
 * Written for 64-bit words, sixteen of them a row, so that any instruction set that can
 * shift 64-bit lanes vectorises it: a bit that crosses into the neighbour lane is masked
 * off afterwards, which also stands in for the 8-bit shifts that SSE2 and NEON lack.
 *
 * Whole periods of rows (after T / gcd(W, T) rows the shifts repeat) run through code in
 * which W and T are constants; rows that are left over, and packing, use the same source
 * with variables.
 *-------------------------------------------------------------------------
 */
#include "ffor.h"

#include <string.h>

#define ROW_BYTES		TSDB_FFOR_GROUP_BYTES

#define always_inline	inline __attribute__((always_inline))
#define noinline		__attribute__((noinline))

/* the scratch of 64-bit words holds lanes of all sizes */
typedef uint16_t __attribute__((may_alias)) lane16;
typedef uint32_t __attribute__((may_alias)) lane32;

#if defined(__clang__)
#define UNROLL			_Pragma("clang loop unroll(full)")
#else
#define UNROLL			_Pragma("GCC unroll 64")
#endif

/*
 * A row is handled as words of the widest registers that the file is compiled for.  Vector
 * types instead of a loop over uint64_t: gcc vectorises them at -O2 too, and clang for
 * aarch64 made scalar code of the loop.
 */
#if defined(__AVX512F__)
#define WORD_BYTES		64
#elif defined(__AVX2__)
#define WORD_BYTES		32
#else
#define WORD_BYTES		16
#endif
#define ROW_WORDS		(ROW_BYTES / WORD_BYTES)

typedef uint64_t word __attribute__((vector_size(WORD_BYTES)));

static always_inline word
load_word(const uint8_t *p)
{
	word		v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static always_inline void
store_word(uint8_t *p, word v)
{
	memcpy(p, &v, sizeof(v));
}

static always_inline uint64_t
load64(const uint8_t *p)
{
	uint64_t	v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static always_inline void
store64(uint8_t *p, uint64_t v)
{
	memcpy(p, &v, sizeof(v));
}

/* Bits of the lane that holds width bits: 8, 16, 32, 64. */
static always_inline unsigned
lane_bits(unsigned width)
{
	return width <= 8 ? 8 : width <= 16 ? 16 : width <= 32 ? 32 : 64;
}

/* The low "bits" bits, 0 .. 64. */
static always_inline uint64_t
low_mask(unsigned bits)
{
	return bits >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << bits) - 1;
}

/* The low T bits of m in every lane of a word. */
static always_inline uint64_t
replicate(uint64_t m, unsigned T)
{
	switch (T)
	{
		case 8:
			return m * UINT64_C(0x0101010101010101);
		case 16:
			return m * UINT64_C(0x0001000100010001);
		case 32:
			return m * UINT64_C(0x0000000100000001);
		default:
			return m;
	}
}

static int
row_count(int n, unsigned T)
{
	int			per_row = (int) (1024 / T);

	return (n + per_row - 1) / per_row;
}

size_t
tsdb_ffor_size(int n, unsigned width, bool horizontal)
{
	unsigned	T = lane_bits(width);

	if (horizontal)
		return ((size_t) n * width + 7) / 8;
	return ((size_t) row_count(n, T) * width + T - 1) / T * ROW_BYTES;
}

/*-------------- interleaved: unpack --------------*/

/*
 * Row r of lanes of W bits to lanes of T bits.  Reads the group or the two groups that hold
 * the row's bits, no other: a last row that ends a group does not touch the next.
 */
static always_inline void
unpack_row(const uint8_t *restrict in, uint8_t *restrict out, unsigned r, const unsigned W, const unsigned T)
{
	const unsigned group = r * W / T;
	const unsigned shift = r * W % T;
	const uint8_t *p = in + (size_t) group * ROW_BYTES;
	uint8_t    *q = out + (size_t) r * ROW_BYTES;
	int			j;

	if (shift + W <= T)
	{
		const uint64_t mask = replicate(low_mask(W), T);

		for (j = 0; j < ROW_WORDS; j++)
			store_word(q + j * WORD_BYTES, (load_word(p + j * WORD_BYTES) >> shift) & mask);
	}
	else
	{
		const unsigned low = T - shift;
		const uint64_t low_part = replicate(low_mask(low), T);
		const uint64_t high_part = replicate(low_mask(W) ^ low_mask(low), T);

		for (j = 0; j < ROW_WORDS; j++)
			store_word(q + j * WORD_BYTES,
					   ((load_word(p + j * WORD_BYTES) >> shift) & low_part) |
					   ((load_word(p + ROW_BYTES + j * WORD_BYTES) << low) & high_part));
	}
}

/* rows is a multiple of the period; W and T are constants of the caller. */
static always_inline void
unpack_periods(const uint8_t *restrict in, uint8_t *restrict out, int rows, const unsigned W, const unsigned T)
{
	/* T / gcd(W, T): T is a power of two, so the gcd is the lowest bit of W, at most T */
	const unsigned period = T / ((W & -W) < T ? (W & -W) : T);
	unsigned	i;

	for (; rows > 0; rows -= (int) period)
	{
		UNROLL
		for (i = 0; i < period; i++)
			unpack_row(in, out, i, W, T);
		in += (size_t) (period * W / T) * ROW_BYTES;
		out += (size_t) period * ROW_BYTES;
	}
}

static noinline void
unpack_any(const uint8_t *in, uint8_t *out, int from, int rows, unsigned W, unsigned T)
{
	int			r;

	for (r = from; r < rows; r++)
		unpack_row(in, out, (unsigned) r, W, T);
}

#define UNPACK_FUNC(W, T) \
static noinline void \
unpack##W(const uint8_t *in, uint8_t *out, int rows) \
{ \
	unpack_periods(in, out, rows, W, T); \
}

UNPACK_FUNC(1, 8) UNPACK_FUNC(2, 8) UNPACK_FUNC(3, 8) UNPACK_FUNC(4, 8)
UNPACK_FUNC(5, 8) UNPACK_FUNC(6, 8) UNPACK_FUNC(7, 8)
UNPACK_FUNC(9, 16) UNPACK_FUNC(10, 16) UNPACK_FUNC(11, 16) UNPACK_FUNC(12, 16)
UNPACK_FUNC(13, 16) UNPACK_FUNC(14, 16) UNPACK_FUNC(15, 16)
UNPACK_FUNC(17, 32) UNPACK_FUNC(18, 32) UNPACK_FUNC(19, 32) UNPACK_FUNC(20, 32)
UNPACK_FUNC(21, 32) UNPACK_FUNC(22, 32) UNPACK_FUNC(23, 32) UNPACK_FUNC(24, 32)
UNPACK_FUNC(25, 32) UNPACK_FUNC(26, 32) UNPACK_FUNC(27, 32) UNPACK_FUNC(28, 32)
UNPACK_FUNC(29, 32) UNPACK_FUNC(30, 32) UNPACK_FUNC(31, 32)

typedef void (*unpack_func) (const uint8_t *in, uint8_t *out, int rows);

static const unpack_func unpack_table[33] = {
	NULL, unpack1, unpack2, unpack3, unpack4, unpack5, unpack6, unpack7, NULL,
	unpack9, unpack10, unpack11, unpack12, unpack13, unpack14, unpack15, NULL,
	unpack17, unpack18, unpack19, unpack20, unpack21, unpack22, unpack23, unpack24,
	unpack25, unpack26, unpack27, unpack28, unpack29, unpack30, unpack31, NULL
};

/* Rows of the n values as lanes of T bits, whole rows, into out (8 KB). */
static void
unpack_narrow(const uint8_t *in, int n, unsigned width, unsigned T, uint8_t *out)
{
	int			rows = row_count(n, T);
	int			done = 0;

	if (width == T)
	{
		memcpy(out, in, (size_t) rows * ROW_BYTES);
		return;
	}
	if (width < 32)
	{
		unsigned	lowest = width & -width;
		int			period = (int) (T / lowest);

		done = rows - rows % period;
		if (done > 0)
			unpack_table[width] (in, out, done);
	}
	if (done < rows)
		unpack_any(in, out, done, rows, width, T);
}

/*
 * Lanes of 64 bits need no widening: whole rows go to their place at once, the base added on
 * the way.  32 constant widths would be half of all the code here and gain little: what a row
 * costs is loads and stores.
 */
static noinline void
unpack_wide(const uint8_t *restrict in, int n, unsigned W, uint64_t base, uint64_t *restrict out, uint8_t *rest)
{
	const int	per_row = ROW_BYTES / 8;
	uint8_t    *q = (uint8_t *) out;
	int			full = n / per_row;
	int			r;
	int			j;

	for (r = 0; r < full; r++, q += ROW_BYTES)
	{
		const unsigned group = (unsigned) r * W / 64;
		const unsigned shift = (unsigned) r * W % 64;
		const uint8_t *p = in + (size_t) group * ROW_BYTES;

		if (shift + W <= 64)
			for (j = 0; j < ROW_WORDS; j++)
				store_word(q + j * WORD_BYTES,
						   ((load_word(p + j * WORD_BYTES) >> shift) & low_mask(W)) + base);
		else
			for (j = 0; j < ROW_WORDS; j++)
				store_word(q + j * WORD_BYTES,
						   (((load_word(p + j * WORD_BYTES) >> shift) |
							 (load_word(p + ROW_BYTES + j * WORD_BYTES) << (64 - shift))) & low_mask(W)) + base);
	}
	if (full * per_row < n)
	{
		unpack_any(in, rest, full, full + 1, W, 64);
		for (j = full * per_row; j < n; j++)
			out[j] = load64(rest + (size_t) j * 8) + base;
	}
}

/*-------------- widening --------------*/

#define WIDEN_FUNC(name, type) \
static noinline void \
name(const type *restrict in, int n, uint64_t base, uint64_t factor, uint64_t *restrict out) \
{ \
	int			i; \
 \
	if (factor == 1) \
		for (i = 0; i < n; i++) \
			out[i] = base + in[i]; \
	else if (sizeof(type) <= 4 && factor <= UINT32_MAX) \
	{ \
		/* 32 x 32 bits: one instruction where 64 x 64 takes a dozen */ \
		uint32_t	small_factor = (uint32_t) factor; \
 \
		for (i = 0; i < n; i++) \
			out[i] = base + (uint64_t) (uint32_t) in[i] * small_factor; \
	} \
	else \
		for (i = 0; i < n; i++) \
			out[i] = base + factor * in[i]; \
}

WIDEN_FUNC(widen8, uint8_t)
WIDEN_FUNC(widen16, lane16)
WIDEN_FUNC(widen32, lane32)
WIDEN_FUNC(widen64, uint64_t)

/*-------------- horizontal --------------*/

static void
pack_horizontal(const uint64_t *values, int n, unsigned width, uint8_t *out)
{
	uint64_t	acc = 0;
	unsigned	filled = 0;		/* bits in acc, < 64 */
	size_t		bytes;
	int			i;

	for (i = 0; i < n; i++)
	{
		acc |= values[i] << filled;
		if (filled + width >= 64)
		{
			store64(out, acc);
			out += 8;
			/* bits of the value that did not fit; a shift by 64 would mean there are none */
			acc = filled == 0 ? 0 : values[i] >> (64 - filled);
			filled = filled + width - 64;
		}
		else
			filled += width;
	}
	bytes = (filled + 7) / 8;
	memcpy(out, &acc, bytes);
}

static void
unpack_horizontal(const uint8_t *in, int n, unsigned width, uint64_t base, uint64_t factor,
				  uint64_t *out)
{
	size_t		len = tsdb_ffor_size(n, width, true);
	uint64_t	mask = low_mask(width);
	size_t		bit = 0;
	int			i = 0;

	/* eight bytes hold all bits of any value as long as shift + width <= 64 */
	if (width <= 57 && len >= 8)
	{
		/* values that start in byte len - 8 or before */
		size_t		safe = ((len - 8) * 8 + 7) / width + 1;
		int			end = safe < (size_t) n ? (int) safe : n;

		for (; i < end; i++, bit += width)
			out[i] = base + factor * ((load64(in + bit / 8) >> (bit % 8)) & mask);
	}
	for (; i < n; i++, bit += width)
	{
		size_t		byte = bit / 8;
		unsigned	shift = bit % 8;
		uint64_t	v;

		if (byte + 8 <= len)
			v = load64(in + byte);
		else
		{
			v = 0;
			memcpy(&v, in + byte, len - byte);
		}
		v >>= shift;
		if (shift + width > 64)
			v |= (uint64_t) in[byte + 8] << (64 - shift);
		out[i] = base + factor * (v & mask);
	}
}

/*-------------- interleaved: pack --------------*/

static always_inline void
pack_rows(const uint8_t *restrict in, uint8_t *restrict out, int rows, const unsigned W, const unsigned T)
{
	word		acc[ROW_WORDS];
	unsigned	filled = 0;		/* bits in each lane of acc, < T */
	int			r;
	int			j;

	memset(acc, 0, sizeof(acc));
	for (r = 0; r < rows; r++, in += ROW_BYTES)
	{
		if (filled + W < T)
		{
			/* values are below 2^W: none crosses its lane */
			for (j = 0; j < ROW_WORDS; j++)
				acc[j] |= load_word(in + j * WORD_BYTES) << filled;
			filled += W;
		}
		else
		{
			const unsigned low = T - filled;	/* 1 .. W bits still fit */
			const uint64_t low_part = replicate(low_mask(low), T);
			const uint64_t high_part = low == T ? 0 : ~low_part;

			for (j = 0; j < ROW_WORDS; j++)
			{
				word		v = load_word(in + j * WORD_BYTES);

				store_word(out + j * WORD_BYTES, acc[j] | ((v & low_part) << filled));
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

static noinline void
pack_rows8(const uint8_t *in, uint8_t *out, int rows, unsigned W)
{
	pack_rows(in, out, rows, W, 8);
}

static noinline void
pack_rows16(const uint8_t *in, uint8_t *out, int rows, unsigned W)
{
	pack_rows(in, out, rows, W, 16);
}

static noinline void
pack_rows32(const uint8_t *in, uint8_t *out, int rows, unsigned W)
{
	pack_rows(in, out, rows, W, 32);
}

static noinline void
pack_rows64(const uint8_t *in, uint8_t *out, int rows, unsigned W)
{
	pack_rows(in, out, rows, W, 64);
}

/* The low T bits of each value, and zeros to the end of the last row. */
static noinline void
narrow_to(const uint64_t *values, int n, unsigned T, int rows, uint8_t *out)
{
	size_t		bytes = (size_t) n * (T / 8);
	int			i;

	switch (T)
	{
		case 8:
			for (i = 0; i < n; i++)
				out[i] = (uint8_t) values[i];
			break;
		case 16:
			for (i = 0; i < n; i++)
				((lane16 *) (void *) out)[i] = (lane16) values[i];
			break;
		case 32:
			for (i = 0; i < n; i++)
				((lane32 *) (void *) out)[i] = (lane32) values[i];
			break;
		default:
			memcpy(out, values, bytes);
			break;
	}
	memset(out + bytes, 0, (size_t) rows * ROW_BYTES - bytes);
}

void
tsdb_ffor_pack(const uint64_t *values, int n, unsigned width, bool horizontal,
			   uint8_t *out, uint64_t *narrow)
{
	unsigned	T = lane_bits(width);
	int			rows = row_count(n, T);
	uint8_t    *lanes = (uint8_t *) narrow;

	if (width == 0)
		return;
	if (horizontal)
	{
		pack_horizontal(values, n, width, out);
		return;
	}
	narrow_to(values, n, T, rows, lanes);
	switch (T)
	{
		case 8:
			pack_rows8(lanes, out, rows, width);
			break;
		case 16:
			pack_rows16(lanes, out, rows, width);
			break;
		case 32:
			pack_rows32(lanes, out, rows, width);
			break;
		default:
			pack_rows64(lanes, out, rows, width);
			break;
	}
}

void
tsdb_ffor_unpack(const uint8_t *in, int n, unsigned width, bool horizontal,
				 uint64_t base, uint64_t factor, uint64_t *out, uint64_t *narrow)
{
	unsigned	T = lane_bits(width);
	int			i;

	if (width == 0)
	{
		for (i = 0; i < n; i++)
			out[i] = base;
		return;
	}
	if (horizontal)
	{
		unpack_horizontal(in, n, width, base, factor, out);
		return;
	}
	if (T == 64 && factor == 1)
	{
		unpack_wide(in, n, width, base, out, (uint8_t *) narrow);
		return;
	}
	unpack_narrow(in, n, width, T, (uint8_t *) narrow);
	switch (T)
	{
		case 8:
			widen8((const uint8_t *) narrow, n, base, factor, out);
			break;
		case 16:
			widen16((const lane16 *) narrow, n, base, factor, out);
			break;
		case 32:
			widen32((const lane32 *) narrow, n, base, factor, out);
			break;
		default:
			widen64(narrow, n, base, factor, out);
			break;
	}
}

typedef uint64_t pair __attribute__((vector_size(16)));

#if defined(__clang__)
#define PAIR_UP(p)		__builtin_shufflevector(p, (pair) {0, 0}, 2, 0)
#define PAIR_HIGH(p)	__builtin_shufflevector(p, p, 1, 1)
#else
#define PAIR_UP(p)		__builtin_shuffle(p, (pair) {0, 0}, (pair) {2, 0})
#define PAIR_HIGH(p)	__builtin_shuffle(p, (pair) {1, 1})
#endif

/*
 * Two values at a time, so that the chain is one addition for two values.  (Four chains over
 * a quarter each are no faster: one 8-byte store a value is a cycle already.)
 */
void
tsdb_ffor_prefix_sum(uint64_t *values, int n)
{
	pair		before = {0, 0};
	int			i;

	for (i = 0; i + 2 <= n; i += 2)
	{
		pair		p;
		pair		sum;

		memcpy(&p, values + i, sizeof(p));
		p += PAIR_UP(p);
		sum = p + before;
		memcpy(values + i, &sum, sizeof(sum));
		before += PAIR_HIGH(p);
	}
	if (i < n)
		values[i] += before[0];
}
