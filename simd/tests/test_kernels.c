/*-------------------------------------------------------------------------
 * test_kernels.c
 *	  Every kernel of every instruction set that this processor has, against plain loops, as TAP lines.
 *
 *	test_kernels [name]		all, or the kernels whose name begins so
 *
 * What would break it: a wrong tail (every n from 1 on is tried, most kernels with all 1,024), a byte
 * read behind the input (inputs are malloc'd to the byte, at odd addresses; best under the address
 * sanitizer), a byte written behind the output (sentinels), bits of a mask behind the last row that
 * matter, a width, operator or type of element left out, NaNs quieted on the way, -0, an order of
 * addition that depends on the registers' size.
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ffor.h"
#include "kernels.h"

#define MAX				TSDB_FFOR_MAX
#define SENTINEL		64
#define SENTINEL_BYTE	0x5C

typedef __int128 int128;
typedef unsigned __int128 uint128;

static int	tests = 0;
static int	failures = 0;
static char failure[400];
static const TsdbKernels *k;	/* the table under test */

static bool __attribute__((format(printf, 2, 3)))
expect(bool condition, const char *fmt, ...)
{
	va_list		args;

	if (!condition && failure[0] == '\0')
	{
		va_start(args, fmt);
		vsnprintf(failure, sizeof(failure), fmt, args);
		va_end(args);
	}
	return condition;
}

/*-------------- random numbers --------------*/

static uint64_t seed;

static uint64_t
rnd(void)
{
	uint64_t	z = (seed += UINT64_C(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

static uint64_t
below(uint64_t limit)
{
	return rnd() % limit;
}

static uint64_t
ones(unsigned bits)
{
	return bits >= 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;
}

/*-------------- memory --------------*/

static void *live[32];
static int	nlive = 0;

typedef struct Output
{
	uint8_t    *p;
	size_t		size;
} Output;

static Output outputs[32];
static int	noutputs = 0;

static uint8_t *
new_block(size_t size)
{
	uint8_t    *block = malloc(size > 0 ? size : 1);

	if (block == NULL || nlive == 32)
		abort();
	live[nlive++] = block;
	return block;
}

/* A copy that ends where its block ends, at an odd address. */
static void *
input(const void *data, size_t size)
{
	uint8_t    *p = new_block(size + 1) + 1;

	if (size > 0)
		memcpy(p, data, size);
	return p;
}

/* Room for size bytes, sentinels behind, at an odd address. */
static void *
output(size_t size)
{
	uint8_t    *p = new_block(1 + size + SENTINEL) + 1;

	memset(p, SENTINEL_BYTE, size + SENTINEL);
	outputs[noutputs].p = p;
	outputs[noutputs].size = size;
	noutputs++;
	return p;
}

/* An input that is changed in place. */
static void *
in_place(const void *data, size_t size)
{
	uint8_t    *p = output(size);

	memcpy(p, data, size);
	return p;
}

/* Sentinels are looked at, everything is freed. */
static void
release(const char *what, int n)
{
	int			i;
	int			j;

	for (i = 0; i < noutputs; i++)
		for (j = 0; j < SENTINEL; j++)
			if (!expect(outputs[i].p[outputs[i].size + (size_t) j] == SENTINEL_BYTE,
						"%s, n = %d: byte %d behind output %d is overwritten", what, n, j, i))
				break;
	for (i = 0; i < nlive; i++)
		free(live[i]);
	nlive = noutputs = 0;
}

static size_t
words(int n)
{
	return (size_t) (n + 63) / 64 * 8;
}

static bool
bit_of(const uint64_t *bitmap, int i)
{
	return (bitmap[i / 64] >> (i % 64)) & 1;
}

/* Compares 8-byte results. */
static void
same64(const void *got, const uint64_t *want, int n, const char *what, unsigned param)
{
	int			i;

	for (i = 0; i < n; i++)
	{
		uint64_t	g;

		memcpy(&g, (const uint8_t *) got + (size_t) i * 8, 8);
		if (!expect(g == want[i], "%s (%u), n = %d: element %d is %016llx, not %016llx", what, param, n, i,
					(unsigned long long) g, (unsigned long long) want[i]))
			return;
	}
}

static void
same_bitmap(const void *got, const bool *want, int n, const char *what, unsigned param)
{
	uint64_t	w[MAX / 64] = {0};
	int			i;

	for (i = 0; i < n; i++)
		w[i / 64] |= (uint64_t) want[i] << (i % 64);
	same64(got, w, (n + 63) / 64, what, param);
}

/*-------------- values --------------*/

#define KINDS	6

static void
fill_ints(int kind, int n, int64_t *v)
{
	static const int64_t special[] = {INT64_MIN, INT64_MAX, 0, -1, 1, INT64_MIN + 1, INT32_MIN, UINT32_MAX};
	uint64_t	x = rnd();
	int			i;

	for (i = 0; i < n; i++)
	{
		switch (kind)
		{
			case 0:
				x = rnd();
				break;
			case 1:
				x = (uint64_t) below(2000) - 1000;
				break;
			case 2:
				x = (uint64_t) special[below(8)];
				break;
			case 3:				/* runs */
				if (below(10) == 0)
					x = rnd() >> below(64);
				break;
			case 4:				/* all widths */
				x = rnd() >> below(64);
				break;
			default:			/* few far off */
				x = below(200) == 0 ? rnd() : below(50);
				break;
		}
		v[i] = (int64_t) x;
	}
}

static uint64_t
double_bits(double d)
{
	uint64_t	bits;

	memcpy(&bits, &d, 8);
	return bits;
}

static double
bits_double(uint64_t bits)
{
	double		d;

	memcpy(&d, &bits, 8);
	return d;
}

static uint32_t
float_bits(float f)
{
	uint32_t	bits;

	memcpy(&bits, &f, 4);
	return bits;
}

static float
bits_float(uint32_t bits)
{
	float		f;

	memcpy(&f, &bits, 4);
	return f;
}

static bool
double_is_nan(uint64_t bits)
{
	return (bits << 1) > UINT64_C(0xFFE0000000000000);
}

static bool
float_is_nan(uint32_t bits)
{
	return (bits << 1) > UINT32_C(0xFF000000);
}

static const uint64_t special_doubles[] = {
	0, UINT64_C(0x8000000000000000), 1, UINT64_C(0x8000000000000001), UINT64_C(0x000FFFFFFFFFFFFF),
	UINT64_C(0x7FF0000000000000), UINT64_C(0xFFF0000000000000),
	UINT64_C(0x7FF8000000000000), UINT64_C(0xFFF8000000000000), UINT64_C(0x7FFFFFFFFFFFFFFF),
	UINT64_C(0x7FF0000000000001), UINT64_C(0xFFF4000000000000), UINT64_C(0x7FF8000020000000),
	UINT64_C(0x7FF0000020000000), UINT64_C(0xFFF0000010000000), UINT64_C(0xFFFFFFFFE0000000),
	UINT64_C(0x7FEFFFFFFFFFFFFF), UINT64_C(0x3FF0000000000000), UINT64_C(0x36A0000000000000),
	UINT64_C(0x4320000000000000), UINT64_C(0x431FFFFFFFFFFFFF), UINT64_C(0xC320000000000000)
};

static const uint32_t special_floats[] = {
	0, UINT32_C(0x80000000), 1, UINT32_C(0x80000001), UINT32_C(0x007FFFFF), UINT32_C(0x7F800000), UINT32_C(0xFF800000),
	UINT32_C(0x7FC00000), UINT32_C(0xFFC00000), UINT32_C(0x7FFFFFFF), UINT32_C(0x7F800001), UINT32_C(0xFFA00000),
	UINT32_C(0x7F7FFFFF), UINT32_C(0x3F800000)
};

#define FLOAT_KINDS	5

static uint64_t
random_double(int kind)
{
	switch (kind)
	{
		case 0:					/* decimals */
			return double_bits((double) ((int64_t) below(2000000) - 1000000) / 100);
		case 1:
			return rnd();
		case 2:
			return below(3) == 0 ? special_doubles[below(sizeof(special_doubles) / 8)] : double_bits((double) below(20) - 10);
		case 3:					/* floats, rarely something else */
			return below(100) == 0 ? rnd() : double_bits((double) bits_float((uint32_t) rnd() & 0xBFFFFFFF));
		default:				/* small numbers of all signs, some -0 and NaN */
			return below(40) == 0 ? special_doubles[below(10)] : double_bits(((double) below(7) - 3) / 2);
	}
}

static uint32_t
random_float(int kind)
{
	switch (kind)
	{
		case 0:
		case 3:
			return float_bits((float) ((double) ((int64_t) below(20000) - 10000) / 100));
		case 1:
			return (uint32_t) rnd();
		case 2:
			return below(3) == 0 ? special_floats[below(sizeof(special_floats) / 4)] : float_bits((float) below(20) - 10);
		default:
			return below(40) == 0 ? special_floats[below(10)] : float_bits(((float) below(7) - 3) / 2);
	}
}

/* Masks; garbage behind the last row.  Kind 0 is no mask at all. */
#define MASKS	5

static const uint64_t *
random_mask(int kind, int n)
{
	uint64_t	m[MAX / 64];
	int			i;

	for (i = 0; i < MAX / 64; i++)
		switch (kind)
		{
			case 1:
				m[i] = rnd();
				break;
			case 2:
				m[i] = rnd() & rnd() & rnd() & rnd() & rnd();
				break;
			case 3:
				m[i] = ~UINT64_C(0);
				break;
			default:
				m[i] = 0;
				break;
		}
	if (kind == 4 && n % 64 != 0)
		m[n / 64] |= ~ones((unsigned) (n % 64));
	return kind == 0 ? NULL : input(m, words(n));
}

/*-------------- packing --------------*/

static unsigned
lane_of(unsigned width)
{
	return width <= 8 ? 8 : width <= 16 ? 16 : width <= 32 ? 32 : 64;
}

/* Bit by bit, from the words of ffor.h. */
static void
reference_pack(const uint64_t *values, int n, unsigned width, bool horizontal, uint8_t *out)
{
	unsigned	T = lane_of(width);
	unsigned	S = 1024 / T;
	unsigned	b;
	int			i;

	memset(out, 0, tsdb_ffor_size(n, width, horizontal));
	for (i = 0; i < n; i++)
		for (b = 0; b < width; b++)
		{
			size_t		bit = horizontal ? (size_t) i * width + b : (unsigned) i / S * width + b;

			if (!horizontal)
				bit = bit / T * 1024 + (unsigned) i % S * T + bit % T;
			out[bit / 8] = (uint8_t) (out[bit / 8] | ((values[i] >> b) & 1) << (bit % 8));
		}
}

static void
random_codes(unsigned width, int n, uint64_t *v)
{
	int			i;

	for (i = 0; i < n; i++)
		v[i] = (below(8) == 0 ? UINT64_MAX : rnd()) & ones(width);
}

static bool
pick_n(int n, unsigned width)
{
	return n <= 3 || n == 1024 || n % 1024 == 1023 || (n * 7 + (int) width * 31) % 61 == 0 || n % 128 == 0 || n % 128 == 1 ||
		(width % 13 == 5 && n % 5 == 0) || n == 255 || n == 256;
}

static void
test_pack(void)
{
	static uint8_t packed[MAX * 8];
	uint64_t	v[MAX];
	unsigned	width;
	int			horizontal;
	int			n;

	for (width = 0; width <= 64; width++)
		for (horizontal = 0; horizontal < 2; horizontal++)
			for (n = 1; n <= MAX; n++)
				if (pick_n(n, width))
				{
					size_t		size = tsdb_ffor_size(n, width, horizontal);
					uint8_t    *out = output(size);

					random_codes(width, n, v);
					reference_pack(v, n, width, horizontal, packed);
					k->pack(input(v, (size_t) n * 8), n, width, horizontal, out, output(8192));
					expect(memcmp(out, packed, size) == 0, "width %u, n = %d, %s: other bytes", width, n, horizontal ? "horizontal" : "interleaved");
					release("pack", n);
				}
}

static void
test_unpack(void)
{
	static uint8_t packed[MAX * 8];
	static const uint64_t factors[] = {1, 1000, UINT32_MAX, UINT64_C(1) << 32, UINT64_C(0x123456789ABCDEF1), 0};
	uint64_t	v[MAX];
	uint64_t	want[MAX];
	unsigned	width;
	int			horizontal;
	int			n;
	int			i;

	for (width = 0; width <= 64; width++)
		for (horizontal = 0; horizontal < 2; horizontal++)
			for (n = 1; n <= MAX; n++)
				if (pick_n(n, width))
				{
					uint64_t	base = below(2) ? rnd() : 0;
					uint64_t	factor = factors[below(2) ? 0 : below(6)];
					uint64_t   *out = output((size_t) n * 8);

					random_codes(width, n, v);
					reference_pack(v, n, width, horizontal, packed);
					for (i = 0; i < n; i++)
						want[i] = base + factor * v[i];
					k->unpack(input(packed, tsdb_ffor_size(n, width, horizontal)), n, width, horizontal, base, factor, out, output(8192));
					same64(out, want, n, horizontal ? "horizontal" : "interleaved", width);
					release("unpack", n);
				}
}

/* Lanes behind row n - 1 may hold anything. */
static uint8_t *
packed_input(const uint64_t *v, int n, unsigned width)
{
	static uint8_t packed[MAX * 8];
	static uint64_t filled[MAX];
	unsigned	S = 1024 / lane_of(width);
	unsigned	all = ((unsigned) n + S - 1) / S * S;
	unsigned	i;

	memcpy(filled, v, (size_t) n * 8);
	for (i = (unsigned) n; i < all; i++)
		filled[i] = rnd() & ones(width);
	reference_pack(filled, (int) all, width, false, packed);
	return input(packed, tsdb_ffor_size(n, width, false));
}

static void
test_unpack_lanes(void)
{
	uint64_t	v[MAX];
	unsigned	width;
	int			n;
	int			i;

	for (width = 1; width <= 64; width++)
		for (n = 1; n <= MAX; n++)
			if (pick_n(n, width))
			{
				unsigned	bytes = lane_of(width) / 8;
				size_t		rows = ((size_t) n * bytes + 127) / 128;
				uint8_t    *out = output(rows * 128);

				random_codes(width, n, v);
				k->unpack_lanes(packed_input(v, n, width), n, width, out);
				for (i = 0; i < n; i++)
					if (!expect(memcmp(out + (size_t) i * bytes, &v[i], bytes) == 0, "width %u, n = %d: value %d", width, n, i))
						break;
				release("unpack_lanes", n);
			}
}

static void
test_unpack_sum(void)
{
	uint64_t	v[MAX];
	unsigned	width;
	int			n;
	int			i;

	for (width = 1; width <= 64; width++)
		for (n = 1; n <= MAX; n++)
			if (pick_n(n, width))
			{
				const uint64_t *mask = random_mask((int) below(MASKS), n);
				uint64_t	m[MAX / 64];
				uint128		want = 0;
				uint128		got;

				random_codes(width, n, v);
				if (mask != NULL)
					memcpy(m, mask, words(n));
				for (i = 0; i < n; i++)
					want += mask == NULL || bit_of(m, i) ? v[i] : 0;
				got = k->unpack_sum(packed_input(v, n, width), n, width, mask);
				expect(got == want, "width %u, n = %d, %s: %llu, not %llu", width, n, mask ? "mask" : "all",
					   (unsigned long long) got, (unsigned long long) want);
				release("unpack_sum", n);
			}
}

static bool
holds(TsdbCompareOp op, int order)
{
	switch (op)
	{
		case TSDB_CMP_LT:
			return order < 0;
		case TSDB_CMP_LE:
			return order <= 0;
		case TSDB_CMP_EQ:
			return order == 0;
		case TSDB_CMP_NE:
			return order != 0;
		case TSDB_CMP_GE:
			return order >= 0;
		default:
			return order > 0;
	}
}

static void
test_unpack_compare(void)
{
	uint64_t	v[MAX];
	bool		want[MAX];
	unsigned	width;
	int			op;
	int			n;
	int			i;

	for (width = 1; width <= 64; width++)
		for (op = 0; op < 6; op++)
			for (n = 1; n <= MAX; n++)
				if (pick_n(n, width) && (n + op) % 3 == 0)
				{
					uint64_t	c;
					uint64_t   *out = output(words(n));

					random_codes(width, n, v);
					switch (below(5))
					{
						case 0:
							c = rnd();
							break;
						case 1:
							c = ones(width) + below(2);
							break;
						case 2:
							c = below(3);
							break;
						default:
							c = v[below((uint64_t) n)];
							break;
					}
					for (i = 0; i < n; i++)
						want[i] = holds((TsdbCompareOp) op, v[i] < c ? -1 : v[i] > c);
					k->unpack_compare(packed_input(v, n, width), n, width, (TsdbCompareOp) op, c, out);
					same_bitmap(out, want, n, "width", width);
					release("unpack_compare", n);
				}
}

/*-------------- models --------------*/

#define FOR_INTS \
	for (kind = 0; kind < KINDS; kind++) \
		for (n = 1; n <= MAX; n += kind == 0 || kind == 3 ? 1 : 1 + n / 20)

static void
test_prefix_sum(void)
{
	int64_t		v[MAX];
	uint64_t	want[MAX];
	int			kind;
	int			n;
	int			i;

	FOR_INTS
	{
		uint64_t   *p;

		fill_ints(kind, n, v);
		want[0] = (uint64_t) v[0];
		for (i = 1; i < n; i++)
			want[i] = want[i - 1] + (uint64_t) v[i];
		p = in_place(v, (size_t) n * 8);
		k->prefix_sum(p, n);
		same64(p, want, n, "kind", (unsigned) kind);
		release("prefix_sum", n);
	}
}

static void
test_prefix_sum32(void)
{
	int64_t		v[MAX];
	uint32_t	narrow[MAX];
	int			kind;
	int			n;
	int			i;

	FOR_INTS
	{
		uint32_t   *p;
		uint32_t	want;

		fill_ints(kind, n, v);
		for (i = 0; i < n; i++)
			narrow[i] = (uint32_t) v[i];
		p = in_place(narrow, (size_t) n * 4);
		k->prefix_sum32(p, n);
		for (i = 0, want = 0; i < n; i++)
		{
			uint32_t	got;

			want += narrow[i];
			memcpy(&got, (uint8_t *) p + (size_t) i * 4, 4);
			if (!expect(got == want, "kind %d, n = %d: [%d] is %x, not %x", kind, n, i, got, want))
				break;
		}
		release("prefix_sum32", n);
	}
}

static void
test_scale_lanes(void)
{
	int64_t		v[MAX];
	uint8_t		bytes[MAX];
	uint16_t	words[MAX];
	int			kind;
	int			n;
	int			i;
	int			wide;

	FOR_INTS
	{
		fill_ints(kind, n, v);
		for (i = 0; i < n; i++)
		{
			bytes[i] = (uint8_t) v[i];
			words[i] = (uint16_t) v[i];
		}
		for (wide = 0; wide < 2; wide++)
		{
			uint32_t	base = (uint32_t) v[0] * 2654435761U;
			uint32_t	factor = n % 3 == 0 ? 1 : (uint32_t) v[n - 1];
			uint8_t    *out = output((size_t) n * 4);

			k->scale_lanes(wide ? TSDB_ELEM_U16 : TSDB_ELEM_U8,
						   wide ? input(words, (size_t) n * 2) : input(bytes, (size_t) n), n, base, factor, (uint32_t *) out);
			for (i = 0; i < n; i++)
			{
				uint32_t	want = base + factor * (wide ? words[i] : bytes[i]);
				uint32_t	got;

				memcpy(&got, out + (size_t) i * 4, 4);
				if (!expect(got == want, "wide %d, n = %d: [%d] is %x, not %x", wide, n, i, got, want))
					break;
			}
			release("scale_lanes", n);
		}
	}
}

/* Bit by bit; and in pieces as a whole. */
static void
test_crc32c(void)
{
	static uint8_t v[20000];
	uint32_t	want = 0;
	size_t		len;
	size_t		i;
	int			bit;

	if (k->crc32c == NULL)
		return;
	for (i = 0; i < sizeof(v); i++)
		v[i] = (uint8_t) (i * i >> 3 ^ i * 7 ^ i >> 9);
	for (len = 0, want = 0xFFFFFFFF; len < sizeof(v); len++)
	{
		/* all lengths around those at which other loops begin */
		if (len < 1100 || len % 1008 < 3 || len % 8064 < 20 || len % 97 == 0)
		{
			uint32_t	got = k->crc32c(0xFFFFFFFF, input(v, len), len);
			size_t		cut = len * 5 / 7;
			uint32_t	twice = k->crc32c(k->crc32c(0xFFFFFFFF, v, cut), v + cut, len - cut);

			expect(got == want && twice == want, "%d bytes: %x, in two pieces %x, not %x", (int) len, got, twice, want);
			release("crc32c", (int) len);
		}
		want ^= v[len];
		for (bit = 0; bit < 8; bit++)
			want = want >> 1 ^ (want & 1 ? 0x82F63B78U : 0);
	}
	expect((k->crc32c(0xFFFFFFFF, "123456789", 9) ^ 0xFFFFFFFF) == 0xE3069283, "the check value of CRC-32C is not E3069283");
}

static void
test_deltas(void)
{
	int64_t		v[MAX];
	uint64_t	want[MAX];
	int			kind;
	int			n;
	int			i;

	FOR_INTS
	{
		int64_t    *out = output((size_t) n * 8);

		fill_ints(kind, n, v);
		want[0] = 0;
		for (i = 1; i < n; i++)
			want[i] = (uint64_t) v[i] - (uint64_t) v[i - 1];
		k->deltas(input(v, (size_t) n * 8), n, out);
		same64(out, want, n, "kind", (unsigned) kind);
		release("deltas", n);
	}
}

static void
test_add_line(void)
{
	int64_t		v[MAX];
	uint64_t	want[MAX];
	int			kind;
	int			n;
	int			i;

	FOR_INTS
	{
		uint64_t	step = rnd() >> below(64);
		uint64_t   *p;

		fill_ints(kind, n, v);
		for (i = 0; i < n; i++)
			want[i] = (uint64_t) v[i] + (uint64_t) i * step;
		p = in_place(v, (size_t) n * 8);
		k->add_line(p, n, step);
		same64(p, want, n, "kind", (unsigned) kind);
		release("add_line", n);
	}
}

static void
test_line(void)
{
	uint64_t	want[MAX];
	int			n;
	int			i;

	for (n = 1; n <= MAX; n++)
	{
		uint64_t	step = rnd() >> below(64);
		uint64_t	first = rnd();
		uint64_t   *p = output((size_t) n * 8);

		for (i = 0; i < n; i++)
			want[i] = first + (uint64_t) i * step;
		k->line(first, step, n, p);
		same64(p, want, n, "line", 0);
		release("line", n);
	}
}

static void
test_subtract(void)
{
	int64_t		v[MAX];
	uint64_t	want[MAX];
	int			kind;
	int			n;
	int			i;

	FOR_INTS
	{
		int64_t		base;
		uint64_t	all = 0;
		uint64_t	got;
		uint64_t   *out = output((size_t) n * 8);

		fill_ints(kind, n, v);
		base = below(2) ? v[0] : (int64_t) rnd();
		for (i = 0; i < n; i++)
			all |= want[i] = (uint64_t) v[i] - (uint64_t) base;
		got = k->subtract(input(v, (size_t) n * 8), n, base, out);
		same64(out, want, n, "kind", (unsigned) kind);
		expect(got == all, "kind %d, n = %d: OR of all is wrong", kind, n);
		release("subtract", n);
	}
}

static void
test_divide_exact(void)
{
	int64_t		v[MAX];
	uint64_t	want[MAX];
	int			n;
	int			i;

	for (n = 1; n <= MAX; n++)
	{
		unsigned	shift = (unsigned) below(20);
		uint64_t	odd = (rnd() >> below(64)) | 1;
		uint64_t	inverse = odd;
		uint64_t	limit = below(3) ? (uint64_t) INT64_MAX / odd : below(2) ? UINT64_MAX / odd : rnd() >> below(64);
		int64_t		base = (int64_t) rnd();
		uint64_t	most = limit >> shift;
		bool		bad = false;
		uint64_t	got;
		uint64_t   *out = output((size_t) n * 8);

		if (most == 0)
			most = 1;
		for (i = 0; i < 5; i++)
			inverse *= 2 - odd * inverse;
		for (i = 0; i < n; i++)
			v[i] = (int64_t) ((uint64_t) base + ((below(most) * odd) << shift));
		/* one that does not divide, or an odd one */
		if (below(2))
			v[below((uint64_t) n)] += (int64_t) below(3);
		if (below(4) == 0)
			v[below((uint64_t) n)] = (int64_t) rnd();
		for (i = 0; i < n; i++)
		{
			uint64_t	d = (uint64_t) v[i] - (uint64_t) base;

			want[i] = (d >> shift) * inverse;
			bad |= (d & ones(shift)) != 0 || want[i] > limit;
		}
		got = k->divide_exact(input(v, (size_t) n * 8), n, base, shift, inverse, limit, out);
		same64(out, want, n, "divide_exact", shift);
		expect((got != 0) == bad, "n = %d, shift %u, odd %llu, limit %llu: %s", n, shift, (unsigned long long) odd,
			   (unsigned long long) limit, bad ? "misses a bad one" : "sees a bad one");
		release("divide_exact", n);
	}
}

static void
test_width_histogram(void)
{
	int64_t		v[MAX];
	int			kind;
	int			n;
	int			i;

	FOR_INTS
	{
		uint16_t	want[65];
		uint16_t   *got;

		fill_ints(kind, n, v);
		for (i = 0; i < 65; i++)
			want[i] = (uint16_t) i;
		got = in_place(want, sizeof(want));
		for (i = 0; i < n; i++)
			want[v[i] == 0 ? 0 : 64 - __builtin_clzll((uint64_t) v[i])]++;
		k->width_histogram(input(v, (size_t) n * 8), n, got);
		expect(memcmp(got, want, sizeof(want)) == 0, "kind %d, n = %d", kind, n);
		release("width_histogram", n);
	}
}

static void
test_collect_wide(void)
{
	int64_t		v[MAX];
	uint64_t	want[MAX];
	uint16_t	pos[MAX];
	int			kind;
	int			n;
	int			i;

	FOR_INTS
	{
		unsigned	width = kind == 5 ? 6 : (unsigned) below(64);
		uint64_t   *codes;
		uint16_t   *out = output((size_t) n * 2);
		int			count = 0;
		int			got;

		fill_ints(kind, n, v);
		for (i = 0; i < n; i++)
		{
			want[i] = (uint64_t) v[i];
			if (want[i] >> width)
			{
				pos[count++] = (uint16_t) i;
				want[i] = 0;
			}
		}
		codes = in_place(v, (size_t) n * 8);
		got = k->collect_wide(codes, n, width, out);
		same64(codes, want, n, "width", width);
		expect(got == count && memcmp(out, pos, (size_t) count * 2) == 0, "kind %d, n = %d, width %u: %d positions, not %d", kind, n, width, got, count);
		release("collect_wide", n);
	}
}

static void
test_runs(void)
{
	int64_t		v[MAX];
	uint16_t	pos[MAX];
	int			kind;
	int			n;
	int			i;

	FOR_INTS
	{
		uint16_t   *out = output((size_t) n * 2);
		int			count = 0;
		int			got;

		fill_ints(kind, n, v);
		for (i = 0; i < n; i++)
			if (i == 0 || v[i] != v[i - 1])
				pos[count++] = (uint16_t) i;
		got = k->run_starts(input(v, (size_t) n * 8), n, out);
		expect(got == count && memcmp(out, pos, (size_t) count * 2) == 0, "kind %d, n = %d: %d runs, not %d", kind, n, got, count);
		got = k->count_changes(input(v, (size_t) n * 8), n);
		expect(got == count - 1, "kind %d, n = %d: %d changes, not %d", kind, n, got, count - 1);
		release("runs", n);
	}
}

static void
test_zigzag(void)
{
	int64_t		v[MAX];
	uint64_t	want[MAX];
	int			kind;
	int			n;
	int			i;

	FOR_INTS
	{
		int64_t		base;
		uint64_t	all = 0;
		uint64_t	got;
		uint64_t   *out = output((size_t) n * 8);
		uint64_t   *same;

		fill_ints(kind, n, v);
		base = below(2) ? v[0] : (int64_t) rnd();
		for (i = 0; i < n; i++)
		{
			uint64_t	x = (uint64_t) v[i] - (uint64_t) base;

			want[i] = x >> 63 ? ~(x << 1) : x << 1;
			all |= want[i];
		}
		got = k->zigzag(input(v, (size_t) n * 8), n, base, out);
		same64(out, want, n, "zigzag", (unsigned) kind);
		expect(got == all, "kind %d, n = %d: OR of all is wrong", kind, n);

		out = output((size_t) n * 8);
		k->unzigzag(input(want, (size_t) n * 8), n, base, (uint64_t *) out);
		same64(out, (uint64_t *) v, n, "unzigzag", (unsigned) kind);
		same = in_place(want, (size_t) n * 8);
		k->unzigzag(same, n, base, same);
		same64(same, (uint64_t *) v, n, "unzigzag in place", (unsigned) kind);
		release("zigzag", n);
	}
}

static void
test_planes(void)
{
	int64_t		v[MAX];
	uint64_t	want[MAX];
	int			nplanes;
	int			n;
	int			i;
	int			p;

	for (nplanes = 1; nplanes <= 8; nplanes++)
		for (n = 1; n <= MAX; n += nplanes == 3 ? 1 : 1 + n / 30)
		{
			uint8_t    *planes[8];
			const uint8_t *in[8];
			uint64_t   *out = output((size_t) n * 8);

			fill_ints(0, n, v);
			for (p = 0; p < nplanes; p++)
				planes[p] = output((size_t) n);
			k->split_planes(input(v, (size_t) n * 8), n, nplanes, planes);
			for (p = 0; p < nplanes; p++)
			{
				for (i = 0; i < n; i++)
					if (!expect(planes[p][i] == (uint8_t) ((uint64_t) v[i] >> (8 * p)), "split %d planes, n = %d: byte %d of %d", nplanes, n, p, i))
						break;
				in[p] = input(planes[p], (size_t) n);
			}
			for (i = 0; i < n; i++)
				want[i] = (uint64_t) v[i] & ones(8 * (unsigned) nplanes);
			k->join_planes(in, nplanes, n, out);
			same64(out, want, n, "join", (unsigned) nplanes);
			release("planes", n);
		}
}

static void
test_widen_signed(void)
{
	int64_t		v[MAX];
	uint64_t	want[MAX];
	unsigned	lane;
	int			n;
	int			i;

	for (lane = 1; lane <= 8; lane *= 2)
		for (n = 1; n <= MAX; n++)
		{
			int64_t    *out = output((size_t) n * 8);

			fill_ints(0, n, v);
			for (i = 0; i < n; i++)
			{
				uint64_t	x = 0;

				memcpy(&x, (const uint8_t *) v + (size_t) i * lane, lane);
				if (lane < 8 && x >> (lane * 8 - 1))
					x |= ~ones(lane * 8);
				want[i] = x;
			}
			k->widen_signed(input(v, (size_t) n * lane), n, lane, out);
			same64(out, want, n, "lane", lane);
			release("widen_signed", n);
		}
}

/*-------------- floats and doubles --------------*/

static const TsdbDecimalScale scales[] = {
	{false, 1e0, 1, 1}, {false, 1e2, 1, 1}, {false, 1e17, 1, 1},
	{true, 1e2, 1, 1e-2}, {true, 1e2, 1e12, 1e-14}, {true, 1e4, 1e10, 1e-14}
};

#define NSCALES	(int) (sizeof(scales) / sizeof(scales[0]))

static double
reference_decimal(double whole, const TsdbDecimalScale *scale)
{
	/* volatile: each step is rounded to a double */
	volatile double d = whole;

	if (!scale->multiply)
		d = d / scale->power;
	else
	{
		if (scale->factor != 1)
			d = d * scale->factor;
		d = d * scale->inverse;
	}
	return d;
}

static uint64_t
extend(uint32_t bits)
{
	return (uint64_t) (int64_t) (int32_t) bits;
}

static void
test_decimal(void)
{
	int64_t		v[MAX];
	uint64_t	want[MAX];
	int			s;
	int			n;
	int			i;

	for (s = 0; s < NSCALES; s++)
		for (n = 1; n <= MAX; n += s == 1 ? 1 : 1 + n / 20)
		{
			int64_t    *p;
			int64_t    *q;

			for (i = 0; i < n; i++)
				v[i] = ((int64_t) (rnd() >> 13) >> below(50)) * (below(2) ? 1 : -1);
			p = in_place(v, (size_t) n * 8);
			k->decimal_doubles(p, n, &scales[s]);
			for (i = 0; i < n; i++)
				want[i] = double_bits(reference_decimal((double) v[i], &scales[s]));
			same64(p, want, n, "doubles, scale", (unsigned) s);
			p = in_place(v, (size_t) n * 8);
			k->decimal_floats(p, n, &scales[s]);
			for (i = 0; i < n; i++)
				want[i] = extend(float_bits((float) reference_decimal((double) v[i], &scales[s])));
			same64(p, want, n, "floats, scale", (unsigned) s);

			/* anything, but the same in all tiers */
			fill_ints(0, n, v);
			p = in_place(v, (size_t) n * 8);
			q = in_place(v, (size_t) n * 8);
			k->decimal_doubles(p, n, &scales[s]);
			tsdb_simd_table(TSDB_SIMD_BASELINE)->decimal_doubles(q, n, &scales[s]);
			expect(memcmp(p, q, (size_t) n * 8) == 0, "doubles, scale %d, n = %d: tiers differ", s, n);
			p = in_place(v, (size_t) n * 8);
			q = in_place(v, (size_t) n * 8);
			k->decimal_floats(p, n, &scales[s]);
			tsdb_simd_table(TSDB_SIMD_BASELINE)->decimal_floats(q, n, &scales[s]);
			expect(memcmp(p, q, (size_t) n * 8) == 0, "floats, scale %d, n = %d: tiers differ", s, n);
			release("decimal", n);
		}
}

/* Nearest integer, ties to even; |d| < 2^51. */
static int64_t
nearest(double d)
{
	double		low = floor(d);
	double		rest = d - low;
	int64_t		i = (int64_t) low;

	return i + (rest > 0.5 || (rest == 0.5 && (i & 1)));
}

static void
test_scale(void)
{
	uint64_t	v[MAX];
	uint64_t	ints[MAX];
	uint64_t	diff[MAX];
	int			kind;
	int			s;
	int			floats;
	int			n;
	int			i;

	for (floats = 0; floats < 2; floats++)
		for (s = 0; s < NSCALES; s++)
			for (kind = 0; kind < FLOAT_KINDS; kind++)
				for (n = 1; n <= MAX; n += s == 1 && kind == 0 ? 1 : 1 + n / 10)
				{
					int64_t    *out_ints = output((size_t) n * 8);
					int64_t    *out_diff = output((size_t) n * 8);
					uint64_t	all = 0;
					uint64_t	got;

					for (i = 0; i < n; i++)
					{
						double		value;
						double		scaled;

						v[i] = floats ? extend(random_float(kind)) : random_double(kind);
						if (kind == 0 && below(4) == 0)
							v[i] += below(5) - 2;	/* some ulps away */
						value = floats ? (double) bits_float((uint32_t) v[i]) : bits_double(v[i]);
						scaled = value * scales[s].power;
						if (!(fabs(scaled) < 2251799813685248.0))
						{
							ints[i] = 0;
							diff[i] = UINT64_C(1) << 63;
						}
						else
						{
							double		d;

							ints[i] = (uint64_t) nearest(scaled);
							/* the sign of a rounded -0.3 is +: it was an integer in between */
							d = reference_decimal((double) (int64_t) ints[i], &scales[s]);
							diff[i] = v[i] - (floats ? extend(float_bits((float) d)) : double_bits(d));
						}
						all |= diff[i];
					}
					got = (floats ? k->scale_floats : k->scale_doubles) (input(v, (size_t) n * 8), n, &scales[s], out_ints, out_diff);
					same64(out_ints, ints, n, floats ? "floats, ints, scale" : "doubles, ints, scale", (unsigned) s);
					same64(out_diff, diff, n, floats ? "floats, diff, scale" : "doubles, diff, scale", (unsigned) s);
					expect(got == all, "scale %d, kind %d, n = %d: OR of all is wrong", s, kind, n);
					release("scale", n);
				}
}

static uint64_t
widen_float(uint32_t f)
{
	if (float_is_nan(f))
		return (uint64_t) (f >> 31) << 63 | UINT64_C(0x7FF0000000000000) | (uint64_t) (f & 0x7FFFFF) << 29;
	return double_bits((double) bits_float(f));
}

static void
test_conversions(void)
{
	uint64_t	v[MAX];
	uint64_t	want[MAX];
	bool		bad[MAX];
	int			kind;
	int			n;
	int			i;

	for (kind = 0; kind < FLOAT_KINDS; kind++)
		for (n = 1; n <= MAX; n += kind >= 2 ? 1 : 1 + n / 10)
		{
			int64_t    *out = output((size_t) n * 8);
			uint64_t   *out_bad = output(words(n));
			int64_t    *p;
			int			nbad = 0;
			int			got;

			for (i = 0; i < n; i++)
			{
				uint32_t	f;

				v[i] = random_double(kind);
				if (double_is_nan(v[i]))
				{
					f = (uint32_t) (v[i] >> 63) << 31 | UINT32_C(0x7F800000) | (uint32_t) ((v[i] >> 29) & 0x7FFFFF);
					bad[i] = (v[i] & 0x1FFFFFFF) != 0 || (f & 0x7FFFFF) == 0;
				}
				else
				{
					f = float_bits((float) bits_double(v[i]));
					bad[i] = widen_float(f) != v[i];
				}
				want[i] = extend(f);
				nbad += bad[i];
			}
			got = k->doubles_to_floats(input(v, (size_t) n * 8), n, out, out_bad);
			expect(got == nbad, "kind %d, n = %d: %d bad, not %d", kind, n, got, nbad);
			same_bitmap(out_bad, bad, n, "bad, kind", (unsigned) kind);
			for (i = 0; i < n; i++)
				if (bad[i] && double_is_nan(v[i]))
					memcpy(&want[i], (uint8_t *) out + (size_t) i * 8, 8);	/* the contract leaves it open */
			same64(out, want, n, "floats, kind", (unsigned) kind);

			for (i = 0; i < n; i++)
			{
				uint32_t	f = random_float(kind);

				v[i] = extend(f);
				want[i] = widen_float(f);
			}
			p = in_place(v, (size_t) n * 8);
			k->floats_to_doubles(p, n);
			same64(p, want, n, "doubles, kind", (unsigned) kind);
			release("conversions", n);
		}
}

static void
test_join_real(void)
{
	uint64_t	right[MAX];
	uint64_t	index[MAX];
	uint64_t	want[MAX];
	uint64_t	dict[8];
	int			n;
	int			i;

	for (n = 1; n <= MAX; n++)
	{
		unsigned	shift = 48 + (unsigned) below(16);
		uint64_t   *out = output((size_t) n * 8);
		uint64_t   *same;

		for (i = 0; i < 8; i++)
			dict[i] = rnd() & ones(64 - shift);
		for (i = 0; i < n; i++)
		{
			right[i] = rnd() & ones(shift);
			index[i] = below(8);
			want[i] = dict[index[i]] << shift | right[i];
		}
		k->join_real(input(right, (size_t) n * 8), input(index, (size_t) n * 8), n, input(dict, sizeof(dict)), shift, out);
		same64(out, want, n, "shift", shift);
		same = in_place(right, (size_t) n * 8);
		k->join_real(same, input(index, (size_t) n * 8), n, input(dict, sizeof(dict)), shift, same);
		same64(same, want, n, "in place, shift", shift);
		release("join_real", n);
	}
}

/*-------------- bitmaps --------------*/

static void
test_bitmap_logic(void)
{
	uint64_t	a[MAX / 64];
	uint64_t	b[MAX / 64];
	bool		want[5][MAX];
	int			n;
	int			i;

	for (n = 1; n <= MAX; n++)
	{
		const uint64_t *x;
		const uint64_t *y;
		uint64_t   *out[5];
		int			count = 0;

		for (i = 0; i < MAX / 64; i++)
		{
			a[i] = rnd();
			b[i] = rnd();
		}
		for (i = 0; i < n; i++)
		{
			want[0][i] = bit_of(a, i) && bit_of(b, i);
			want[1][i] = bit_of(a, i) || bit_of(b, i);
			want[2][i] = bit_of(a, i) && !bit_of(b, i);
			want[3][i] = !bit_of(a, i);
			count += bit_of(a, i);
		}
		x = input(a, words(n));
		y = input(b, words(n));
		for (i = 0; i < 4; i++)
			out[i] = output(words(n));
		k->bitmap_and(x, y, n, out[0]);
		k->bitmap_or(x, y, n, out[1]);
		k->bitmap_andnot(x, y, n, out[2]);
		k->bitmap_not(x, n, out[3]);
		for (i = 0; i < 4; i++)
			same_bitmap(out[i], want[i], n, "operation", (unsigned) i);
		out[0] = in_place(a, words(n));
		k->bitmap_and(out[0], y, n, out[0]);
		same_bitmap(out[0], want[0], n, "in place, operation", 0);
		out[0] = in_place(b, words(n));
		k->bitmap_andnot(x, out[0], n, out[0]);
		same_bitmap(out[0], want[2], n, "in place, operation", 2);
		expect(k->bitmap_count(x, n) == count, "n = %d: count", n);
		release("bitmap", n);
	}
}

static void
test_bitmap_bools(void)
{
	uint8_t		b[MAX];
	bool		want[MAX];
	int			n;
	int			i;

	for (n = 1; n <= MAX; n++)
	{
		uint64_t	bits[MAX / 64] = {0};
		uint64_t   *out = output(words(n));
		uint8_t    *bytes = output((size_t) n);

		for (i = 0; i < n; i++)
		{
			b[i] = (uint8_t) below(2);
			want[i] = b[i] != 0;
		}
		k->bitmap_from_bools((const bool *) input(b, (size_t) n), n, out);
		same_bitmap(out, want, n, "from bools", 0);
		for (i = 0; i < MAX; i++)
			bits[i / 64] |= (uint64_t) (i < n ? b[i] : below(2)) << (i % 64);
		k->bitmap_to_bools(input(bits, words(n)), n, (bool *) bytes);
		expect(memcmp(bytes, b, (size_t) n) == 0, "n = %d: to bools", n);
		release("bools", n);
	}
}

static void
test_selection(void)
{
	int64_t		v[MAX];
	uint64_t	want[MAX];
	uint16_t	rows[MAX];
	int			kind;
	int			n;
	int			i;

	for (kind = 1; kind < MASKS; kind++)
		for (n = 1; n <= MAX; n += kind == 3 ? 1 + n / 20 : 1)
		{
			const uint64_t *mask = random_mask(kind, n);
			uint64_t	m[MAX / 64];
			uint16_t   *sel = output((size_t) n * 2);
			uint64_t   *out = output((size_t) n * 8);
			int64_t    *p;
			uint64_t	fill = rnd();
			int			count = 0;
			int			got;

			memcpy(m, mask, words(n));
			fill_ints(0, n, v);
			for (i = 0; i < n; i++)
				if (bit_of(m, i))
				{
					rows[count] = (uint16_t) i;
					want[count++] = (uint64_t) v[i];
				}
			got = k->bitmap_to_rows(mask, n, sel);
			expect(got == count && memcmp(sel, rows, (size_t) count * 2) == 0, "rows, mask %d, n = %d: %d, not %d", kind, n, got, count);
			got = k->select64(input(v, (size_t) n * 8), n, mask, out);
			expect(got == count, "select64, mask %d, n = %d: %d, not %d", kind, n, got, count);
			same64(out, want, count, "select64, mask", (unsigned) kind);

			out = output((size_t) n * 8);
			k->expand64(input(want, (size_t) count * 8), n, mask, fill, out);
			for (i = 0; i < n; i++)
				want[i] = bit_of(m, i) ? (uint64_t) v[i] : fill;
			same64(out, want, n, "expand64, mask", (unsigned) kind);

			p = in_place(v, (size_t) n * 8);
			k->zero_rows(p, n, mask);
			for (i = 0; i < n; i++)
				want[i] = bit_of(m, i) ? 0 : (uint64_t) v[i];
			same64(p, want, n, "zero_rows, mask", (unsigned) kind);
			release("selection", n);
		}
}

/*-------------- elements --------------*/

static const char *const element_names[TSDB_NELEMENTS] = {
	"int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "float", "double"
};
static const unsigned element_bytes[TSDB_NELEMENTS] = {1, 2, 4, 8, 1, 2, 4, 8, 4, 8};

static bool
element_is_float(int e)
{
	return e >= TSDB_ELEM_F32;
}

/* The element's bits as an integer of 128 bits. */
static int128
element_int(int e, const void *p)
{
	uint64_t	x = 0;
	unsigned	bits = element_bytes[e] * 8;

	memcpy(&x, p, element_bytes[e]);
	if (e <= TSDB_ELEM_I64)
	{
		if (bits < 64 && x >> (bits - 1))
			x |= ~ones(bits);
		return (int64_t) x;
	}
	return x;
}

static double
element_double(int e, const void *p)
{
	uint64_t	x = 0;

	memcpy(&x, p, element_bytes[e]);
	return e == TSDB_ELEM_F32 ? (double) bits_float((uint32_t) x) : bits_double(x);
}

static int
order_doubles(double a, double b)
{
	if (isnan(a) || isnan(b))
		return isnan(a) ? (isnan(b) ? 0 : 1) : -1;
	return a < b ? -1 : a > b;
}

static int
order_elements(int e, const void *a, const void *b)
{
	if (element_is_float(e))
		return order_doubles(element_double(e, a), element_double(e, b));
	return element_int(e, a) < element_int(e, b) ? -1 : element_int(e, a) > element_int(e, b);
}

static void
fill_elements(int e, int kind, int n, uint8_t *v)
{
	int64_t		x[MAX];
	int			i;

	fill_ints(kind, n, x);
	for (i = 0; i < n; i++)
	{
		uint64_t	bits = (uint64_t) x[i];

		if (e == TSDB_ELEM_F32)
			bits = random_float(kind % FLOAT_KINDS);
		else if (e == TSDB_ELEM_F64)
			bits = random_double(kind % FLOAT_KINDS);
		else if (kind == 4)
			bits >>= below(2) * (64 - 8 * element_bytes[e]);
		memcpy(v + (size_t) i * element_bytes[e], &bits, element_bytes[e]);
	}
}

static void
test_compare(void)
{
	uint8_t		v[MAX * 8];
	bool		want[MAX];
	int			e;
	int			op;
	int			kind;
	int			n;
	int			i;

	for (e = 0; e < TSDB_NELEMENTS; e++)
		for (op = 0; op < 6; op++)
			for (kind = 0; kind < KINDS; kind++)
				for (n = 1; n <= MAX; n += kind == 2 && (op == 0 || op == 2) ? 1 + n / 200 : 1 + n / 5)
				{
					TsdbScalar	c;
					uint64_t	cbits = 0;
					bool		beyond = false;
					uint64_t   *out = output(words(n));

					memset(&c, 0, sizeof(c));
					fill_elements(e, kind, n, v);
					/* one of the values, or another */
					memcpy(&cbits, v + below((uint64_t) n) * element_bytes[e], element_bytes[e]);
					if (below(3) == 0)
					{
						uint8_t		other[8] = {0};

						fill_elements(e, (int) below(KINDS), 1, other);
						memcpy(&cbits, other, 8);
					}
					if (element_is_float(e))
						memcpy(&c, &cbits, 8);
					else
					{
						int128		x = element_int(e, &cbits);

						c.u = (uint64_t) x;
						if (below(8) == 0)
						{
							beyond = true;
							c.u = rnd() >> below(64);
						}
					}
					for (i = 0; i < n; i++)
					{
						const uint8_t *p = v + (size_t) i * element_bytes[e];
						int			order;

						if (!beyond)
							order = order_elements(e, p, &cbits);
						else if (e <= TSDB_ELEM_I64)
							order = element_int(e, p) < (int128) c.i ? -1 : element_int(e, p) > (int128) c.i;
						else
							order = (uint64_t) element_int(e, p) < c.u ? -1 : (uint64_t) element_int(e, p) > c.u;
						want[i] = holds((TsdbCompareOp) op, order);
					}
					k->compare((TsdbElement) e, input(v, (size_t) n * element_bytes[e]), n, (TsdbCompareOp) op, c, out);
					same_bitmap(out, want, n, element_names[e], (unsigned) op);
					release("compare", n);
				}
}

static void
test_gather(void)
{
	uint64_t	dict[300];
	uint32_t	codes[MAX];
	uint64_t	want[MAX];
	int			bytes;
	int			n;
	int			i;

	for (bytes = 1; bytes <= 4; bytes *= 2)
		for (n = 1; n <= MAX; n++)
		{
			int			size = 1 + (int) below(bytes == 1 ? 256 : 300);
			uint8_t		narrow[MAX * 4];
			uint64_t   *out = output((size_t) n * 8);
			const void *in;
			const uint64_t *d;

			for (i = 0; i < size; i++)
				dict[i] = rnd();
			for (i = 0; i < n; i++)
			{
				codes[i] = (uint32_t) below((uint64_t) size);
				memcpy(narrow + i * bytes, &codes[i], (size_t) bytes);
				want[i] = dict[codes[i]];
			}
			in = input(narrow, (size_t) n * (size_t) bytes);
			d = input(dict, (size_t) size * 8);
			if (bytes == 1)
				k->gather8(d, in, n, out);
			else if (bytes == 2)
				k->gather16(d, in, n, out);
			else
				k->gather32(d, in, n, out);
			same64(out, want, n, "bytes", (unsigned) bytes);
			release("gather", n);
		}
}

static void
test_sum_int(void)
{
	uint8_t		v[MAX * 8];
	int			e;
	int			kind;
	int			mask_kind;
	int			n;
	int			i;

	for (e = 0; e <= TSDB_ELEM_U64; e++)
		for (kind = 0; kind < KINDS; kind++)
			for (mask_kind = 0; mask_kind < MASKS; mask_kind++)
				for (n = 1; n <= MAX; n += kind == 0 && mask_kind <= 1 ? 1 + n / 200 : 1 + n / 5)
				{
					const uint64_t *mask = random_mask(mask_kind, n);
					uint64_t	m[MAX / 64];
					int128		want = 0;
					int128		got;

					fill_elements(e, kind, n, v);
					if (mask != NULL)
						memcpy(m, mask, words(n));
					for (i = 0; i < n; i++)
						if (mask == NULL || bit_of(m, i))
							want += element_int(e, v + (size_t) i * element_bytes[e]);
					got = k->sum_int((TsdbElement) e, input(v, (size_t) n * element_bytes[e]), n, mask);
					expect(got == want, "%s, kind %d, mask %d, n = %d: %llx:%016llx, not %llx:%016llx", element_names[e], kind, mask_kind, n,
						   (unsigned long long) (got >> 64), (unsigned long long) got, (unsigned long long) (want >> 64), (unsigned long long) want);
					release("sum_int", n);
				}
}

static void
test_moments(void)
{
	uint8_t		v[MAX * 8];
	int			e;
	int			kind;
	int			n;
	int			i;

	for (e = TSDB_ELEM_U8; e <= TSDB_ELEM_U16; e++)
		for (kind = 0; kind < KINDS; kind++)
			for (n = 1; n <= MAX; n++)
			{
				uint64_t	want_sum = 0;
				uint64_t	want_moment = 0;
				uint64_t	sum;
				uint64_t	moment;

				fill_elements(e, kind, n, v);
				if (kind == KINDS - 1)
					memset(v, 0xFF, sizeof(v));
				for (i = 0; i < n; i++)
				{
					uint64_t	x = (uint64_t) element_int(e, v + (size_t) i * element_bytes[e]);

					want_sum += x;
					want_moment += x * (unsigned) i;
				}
				k->moments((TsdbElement) e, input(v, (size_t) n * element_bytes[e]), n, &sum, &moment);
				expect(sum == want_sum && moment == want_moment, "%s, kind %d, n = %d: %llu, %llu, not %llu, %llu", element_names[e],
					   kind, n, (unsigned long long) sum, (unsigned long long) moment, (unsigned long long) want_sum,
					   (unsigned long long) want_moment);
				release("moments", n);
			}
}

static void
test_sum_float(void)
{
	uint8_t		v[MAX * 8];
	int			e;
	int			kind;
	int			mask_kind;
	int			n;
	int			i;
	int			j;

	for (e = TSDB_ELEM_F32; e <= TSDB_ELEM_F64; e++)
		for (kind = 0; kind < FLOAT_KINDS; kind++)
			for (mask_kind = 0; mask_kind < MASKS; mask_kind++)
				for (n = 1; n <= MAX; n += kind == 0 && mask_kind <= 1 ? 1 : 1 + n / 5)
				{
					const uint64_t *mask = random_mask(mask_kind, n);
					uint64_t	m[MAX / 64];
					volatile double sums[16] = {0};
					uint64_t	want;
					uint64_t	got;

					fill_elements(e, kind, n, v);
					if (mask != NULL)
						memcpy(m, mask, words(n));
					for (i = 0; i < n; i++)
						if (mask == NULL || bit_of(m, i))
							sums[i % 16] += element_double(e, v + (size_t) i * element_bytes[e]);
					for (j = 8; j > 0; j /= 2)
						for (i = 0; i < j; i++)
							sums[i] += sums[i + j];
					want = isnan(sums[0]) ? UINT64_C(0x7FF8000000000000) : double_bits(sums[0]);
					got = double_bits(k->sum_float((TsdbElement) e, input(v, (size_t) n * element_bytes[e]), n, mask));
					expect(got == want, "%s, kind %d, mask %d, n = %d: %016llx, not %016llx", element_names[e], kind, mask_kind, n,
						   (unsigned long long) got, (unsigned long long) want);
					release("sum_float", n);
				}
}

static void
test_min_max(void)
{
	uint8_t		v[MAX * 8];
	int			e;
	int			kind;
	int			mask_kind;
	int			n;
	int			i;

	for (e = 0; e < TSDB_NELEMENTS; e++)
		for (kind = 0; kind < KINDS; kind++)
			for (mask_kind = 0; mask_kind < MASKS; mask_kind++)
				for (n = 1; n <= MAX; n += kind == 2 && mask_kind <= 1 ? 1 + n / 200 : 1 + n / 5)
				{
					const uint64_t *mask = random_mask(mask_kind, n);
					uint64_t	m[MAX / 64];
					const uint8_t *lo = NULL;
					const uint8_t *hi = NULL;
					TsdbScalar	min;
					TsdbScalar	max;
					uint64_t	want[2] = {0, 0};
					bool		found;

					fill_elements(e, kind, n, v);
					if (below(20) == 0 && element_is_float(e))
						for (i = 0; i < n; i++)		/* all NaN, of all kinds */
						{
							uint64_t	nan = e == TSDB_ELEM_F32 ? 0x7F800001 | rnd() : UINT64_C(0x7FF0000000000001) | rnd();

							memcpy(v + (size_t) i * element_bytes[e], &nan, element_bytes[e]);
						}
					else if (below(5) == 0 && element_is_float(e))
					{
						/* both zeros at one end, or nothing else */
						double		end = (double) below(3) - 1;

						for (i = 0; i < n; i++)
						{
							double		d = below(3) == 0 ? end : below(2) ? -0.0 : 0.0;
							uint64_t	bits = e == TSDB_ELEM_F32 ? float_bits((float) d) : double_bits(d);

							memcpy(v + (size_t) i * element_bytes[e], &bits, element_bytes[e]);
						}
					}
					if (mask != NULL)
						memcpy(m, mask, words(n));
					for (i = 0; i < n; i++)
						if (mask == NULL || bit_of(m, i))
						{
							const uint8_t *p = v + (size_t) i * element_bytes[e];

							if (lo == NULL || order_elements(e, p, lo) < 0)
								lo = p;
							if (hi == NULL || order_elements(e, p, hi) > 0)
								hi = p;
						}
					memset(&min, SENTINEL_BYTE, sizeof(min));
					memset(&max, SENTINEL_BYTE, sizeof(max));
					found = k->min_max((TsdbElement) e, input(v, (size_t) n * element_bytes[e]), n, mask, &min, &max);
					if (expect(found == (lo != NULL), "%s, mask %d, n = %d: returns %d", element_names[e], mask_kind, n, found) && found)
					{
						if (element_is_float(e))
						{
							memcpy(&want[0], lo, element_bytes[e]);
							memcpy(&want[1], hi, element_bytes[e]);
							expect(memcmp(&min, &want[0], element_bytes[e]) == 0 && memcmp(&max, &want[1], element_bytes[e]) == 0,
								   "%s, kind %d, mask %d, n = %d: %016llx and %016llx, not %016llx and %016llx", element_names[e], kind, mask_kind, n,
								   (unsigned long long) min.u, (unsigned long long) max.u, (unsigned long long) want[0], (unsigned long long) want[1]);
						}
						else
							expect(min.u == (uint64_t) element_int(e, lo) && max.u == (uint64_t) element_int(e, hi),
								   "%s, kind %d, mask %d, n = %d: %lld and %lld", element_names[e], kind, mask_kind, n, (long long) min.i, (long long) max.i);
					}
					release("min_max", n);
				}
}

/*-------------- tables --------------*/

static void
test_tables(void)
{
	int			limit;
	int			best = (int) tsdb_simd_best();

	expect(tsdb_kernels == tsdb_simd_table(tsdb_simd_best()), "the best table is not in use from the start");
	for (limit = TSDB_SIMD_AVX512; limit >= 0; limit--)
	{
		const TsdbKernels *table = tsdb_simd_table((TsdbSimdTier) limit);

		expect(table == NULL || (int) table->tier == limit, "table of tier %d says %d", limit, table ? (int) table->tier : 0);
		expect(table == NULL || limit <= best, "tier %d is above the best", limit);
		tsdb_simd_use((TsdbSimdTier) limit);
		expect(tsdb_kernels != NULL && (int) tsdb_kernels->tier <= limit, "limit %d is not kept", limit);
		expect(table == NULL || tsdb_kernels == table, "limit %d: not the best below", limit);
	}
	expect(tsdb_kernels == tsdb_simd_table(TSDB_SIMD_BASELINE), "baseline is not taken");
	tsdb_simd_use(TSDB_SIMD_AVX512);
	expect(tsdb_kernels == tsdb_simd_table(tsdb_simd_best()), "the best is not taken again");
}

static const struct
{
	const char *name;
	void		(*run) (void);
}			all_tests[] = {
	{"pack", test_pack}, {"unpack", test_unpack}, {"unpack_lanes", test_unpack_lanes}, {"unpack_sum", test_unpack_sum},
	{"unpack_compare", test_unpack_compare}, {"prefix_sum", test_prefix_sum},
	{"prefix_sum32", test_prefix_sum32}, {"scale_lanes", test_scale_lanes}, {"crc32c", test_crc32c}, {"deltas", test_deltas},
	{"add_line", test_add_line}, {"line", test_line}, {"subtract", test_subtract}, {"divide_exact", test_divide_exact},
	{"width_histogram", test_width_histogram}, {"collect_wide", test_collect_wide}, {"run_starts, count_changes", test_runs},
	{"zigzag, unzigzag", test_zigzag}, {"split_planes, join_planes", test_planes}, {"widen_signed", test_widen_signed},
	{"decimal_doubles, decimal_floats", test_decimal}, {"scale_doubles, scale_floats", test_scale},
	{"doubles_to_floats, floats_to_doubles", test_conversions}, {"join_real", test_join_real},
	{"bitmap logic", test_bitmap_logic}, {"bitmap bools", test_bitmap_bools},
	{"bitmap_to_rows, select64, expand64, zero_rows", test_selection}, {"compare", test_compare}, {"gather", test_gather},
	{"sum_int", test_sum_int}, {"moments", test_moments}, {"sum_float", test_sum_float}, {"min_max", test_min_max}
};

static void
report(const char *tier, const char *name)
{
	bool		ok = failure[0] == '\0';

	printf("%sok %d - %s: %s\n", ok ? "" : "not ", ++tests, tier, name);
	if (!ok)
	{
		printf("# %s\n", failure);
		failures++;
	}
	fflush(stdout);
	failure[0] = '\0';
}

int
main(int argc, char **argv)
{
	int			tier;
	size_t		i;

	test_tables();
	report("tables", "choice of the tier");
	for (tier = TSDB_SIMD_BASELINE; tier <= TSDB_SIMD_AVX512; tier++)
	{
		k = tsdb_simd_table((TsdbSimdTier) tier);
		if (k == NULL)
		{
			printf("# no kernels of tier %d here\n", tier);
			continue;
		}
		for (i = 0; i < sizeof(all_tests) / sizeof(all_tests[0]); i++)
		{
			if (argc > 1 && strncmp(all_tests[i].name, argv[1], strlen(argv[1])) != 0)
				continue;
			/* the same values for all tiers */
			seed = i;
			all_tests[i].run();
			report(k->name, all_tests[i].name);
		}
	}
	printf("1..%d\n", tests);
	return failures > 0;
}
