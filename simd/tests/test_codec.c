/*-------------------------------------------------------------------------
 * test_codec.c
 *	  Tests of the codecs, as TAP lines; no PostgreSQL.
 *
 *	test_codec [directory of golden files]		runs all
 *	test_codec --golden							writes golden lines for what encoders give now
 *
 * What would break which test: a wrong bit in a kernel, "packing"; an encoder that is wrong
 * for some shape of data, "round trip" (and "verify", which sees that encoders did not have
 * to fall back to RAW); one that looks at memory it does not own or at old scratch, "same
 * bytes" and the guarded buffers; a decoder that trusts its input, "damaged blocks", best
 * under -fsanitize=address,undefined; a changed format, "golden".
 *-------------------------------------------------------------------------
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec_internal.h"
#include "codec_vectors.h"
#include "ffor.h"

#define GUARD		64
#define GUARD_BYTE	0x5C

static int	tests = 0;
static int	failures = 0;
static char failure[400];

static TsdbCodecScratch *scratch;	/* of the code under test; never cleaned */
static TsdbCodecScratch *scratch2;	/* filled with rubbish before each use */

/*-------------- TAP --------------*/

static void
test_start(void)
{
	failure[0] = '\0';
	scratch->nfallbacks = 0;
}

/* Remembers the first failure of a test. */
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

static void
test_end(const char *name)
{
	bool		ok;

	expect(scratch->nfallbacks == 0, "%u blocks did not verify", scratch->nfallbacks);
	ok = failure[0] == '\0';

	printf("%sok %d - %s\n", ok ? "" : "not ", ++tests, name);
	if (!ok)
	{
		printf("# %s\n", failure);
		failures++;
	}
	fflush(stdout);
}

/*-------------- guarded memory --------------*/

/* "size" bytes at an odd address, sentinels on both sides; malloc'd exactly for the sanitizer. */
typedef struct Guarded
{
	uint8_t    *block;
	uint8_t    *p;
	size_t		size;
} Guarded;

static Guarded
guarded_alloc(size_t size)
{
	Guarded		g;

	g.block = malloc(GUARD + 1 + size + GUARD);
	if (g.block == NULL)
		abort();
	memset(g.block, GUARD_BYTE, GUARD + 1 + size + GUARD);
	g.p = g.block + GUARD + 1;
	g.size = size;
	return g;
}

static bool
guarded_intact(const Guarded *g)
{
	size_t		i;

	for (i = 0; i < GUARD + 1; i++)
		if (g->block[i] != GUARD_BYTE)
			return false;
	for (i = 0; i < GUARD; i++)
		if (g->p[g->size + i] != GUARD_BYTE)
			return false;
	return true;
}

static void
guarded_free(Guarded *g)
{
	free(g->block);
}

/* A copy in memory that ends where the bytes end. */
static uint8_t *
exact_copy(const uint8_t *bytes, size_t len)
{
	uint8_t    *copy = malloc(len > 0 ? len : 1);

	if (copy == NULL)
		abort();
	if (len > 0)
		memcpy(copy, bytes, len);
	return copy;
}

static TsdbCodecScratch *
scratch_alloc(int fill)
{
	TsdbCodecScratch *scratch = malloc(tsdb_codec_scratch_size());

	if (scratch == NULL)
		abort();
	memset(scratch, fill, tsdb_codec_scratch_size());
	return scratch;
}

/* Lengths that matter, then every one in steps. */
static int
next_n(int n)
{
	static const int near[] = {127, 128, 129, 191, 192, 255, 256, 257, 383, 384, 385, 511, 512, 513,
		639, 640, 895, 896, 897, 1007, 1008, 1009, 1022, 1023, 1024};
	int			step = n < 70 ? 1 : 29;
	size_t		i;

	for (i = 0; i < sizeof(near) / sizeof(near[0]); i++)
		if (near[i] > n && near[i] < n + step)
			return near[i];
	return n == 1024 ? 1025 : n + step > 1024 ? 1024 : n + step;
}

/*-------------- packing --------------*/

/* Value i read bit by bit, as ffor.h draws it. */
static uint64_t
reference_value(const uint8_t *in, int i, unsigned width, bool horizontal)
{
	unsigned	T = width <= 8 ? 8 : width <= 16 ? 16 : width <= 32 ? 32 : 64;
	unsigned	S = 1024 / T;
	uint64_t	v = 0;
	unsigned	b;

	for (b = 0; b < width; b++)
	{
		size_t		bit;

		if (horizontal)
			bit = (size_t) i * width + b;
		else
		{
			unsigned	in_lane = (unsigned) i / S * width + b;

			bit = (size_t) (in_lane / T) * 1024 + (unsigned) i % S * T + in_lane % T;
		}
		v |= (uint64_t) (in[bit / 8] >> (bit % 8) & 1) << b;
	}
	return v;
}

static void
test_packing(bool horizontal)
{
	uint64_t	st = vec_seed(1);
	uint64_t	values[1024];
	uint64_t	narrow[1024];
	uint64_t	narrow2[1024];
	unsigned	width;
	int			n;
	int			i;

	test_start();
	for (width = 0; width <= 64; width++)
		for (n = 1; n <= 1024; n++)
		{
			uint64_t	mask = width == 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1;
			uint64_t	base = vec_random(&st);
			uint64_t	factor = n % 3 == 0 ? vec_random(&st) : 1;
			size_t		size = tsdb_ffor_size(n, width, horizontal);
			Guarded		packed = guarded_alloc(size);
			Guarded		out = guarded_alloc((size_t) n * 8);
			bool		bad = false;

			for (i = 0; i < n; i++)
				values[i] = (n % 5 == 0 ? UINT64_MAX : vec_random(&st)) & mask;
			memset(narrow, (int) width, sizeof(narrow));
			memset(narrow2, ~(int) width, sizeof(narrow2));
			tsdb_ffor_pack(values, n, width, horizontal, packed.p, narrow);
			expect(guarded_intact(&packed), "pack wrote outside, width %u, n %d", width, n);
			{
				uint8_t    *copy = exact_copy(packed.p, size);
				uint64_t   *aligned = malloc((size_t) n * 8);

				tsdb_ffor_unpack(copy, n, width, horizontal, base, factor, aligned, narrow2);
				memcpy(out.p, aligned, (size_t) n * 8);
				free(copy);
				free(aligned);
			}
			for (i = 0; i < n; i++)
				bad |= codec_load64(out.p + i * 8) != base + factor * values[i];
			expect(!bad, "unpack gave other values, width %u, n %d", width, n);
			if (n % 97 == 0 || n == 1024)
				for (i = 0; i < n; i += 7)
					expect(reference_value(packed.p, i, width, horizontal) == values[i],
						   "layout differs, width %u, n %d, value %d", width, n, i);
			guarded_free(&packed);
			guarded_free(&out);
		}
	test_end(horizontal ? "packing, horizontal: every width, every length" :
			 "packing, interleaved: every width, every length");
}

/*-------------- integers --------------*/

/* Encodes twice, decodes, compares.  Returns the block's size. */
static size_t
round_trip_ints(const int64_t *values, const bool *isnull, int n, int lane, TsdbLaneMeaning meaning,
				const char *what, TsdbEncoding *encoding)
{
	size_t		bound = tsdb_int_bound(n, (TsdbLane) lane);
	Guarded		one = guarded_alloc(bound);
	Guarded		two = guarded_alloc(bound);
	int64_t    *out = malloc((size_t) n * sizeof(int64_t));
	bool	   *out_null = malloc((size_t) n);
	TsdbEncoding again;
	size_t		size;
	size_t		size2;
	uint8_t    *copy;
	int			nnulls = -1;
	int			expected_nulls = 0;
	int			i;

	if (out == NULL || out_null == NULL)
		abort();
	memset(out_null, 3, (size_t) n);
	memset(scratch2, (int) (n & 255), tsdb_codec_scratch_size());
	size = tsdb_int_encode(values, isnull, n, (TsdbLane) lane, meaning, one.p, encoding, scratch);
	size2 = tsdb_int_encode(values, isnull, n, (TsdbLane) lane, meaning, two.p, &again, scratch2);
	expect(size > 0 && size <= bound && guarded_intact(&one) && guarded_intact(&two),
		   "%s, lane %d, n %d: %zu bytes exceed the bound %zu", what, lane, n, size, bound);
	expect(size == size2 && again == *encoding && memcmp(one.p, two.p, size) == 0,
		   "%s, lane %d, n %d: other bytes the second time", what, lane, n);
	expect(tsdb_block_encoding(one.p, size) == *encoding, "%s: block says another encoding", what);

	copy = exact_copy(one.p, size);
	memset(scratch2, 0xEE, tsdb_codec_scratch_size());
	if (expect(tsdb_int_decode(copy, size, n, (TsdbLane) lane, out, out_null, &nnulls, scratch2),
			   "%s, lane %d, n %d: %s does not decode", what, lane, n, tsdb_encoding_name(*encoding)))
		for (i = 0; i < n; i++)
		{
			bool		null = isnull != NULL && isnull[i];

			expected_nulls += null;
			if (!expect((int) out_null[i] == (int) null && out[i] == (null ? 0 : values[i]),
						"%s, lane %d, n %d, %s: row %d is %llx, not %llx", what, lane, n,
						tsdb_encoding_name(*encoding), i, (long long) out[i], (long long) values[i]))
				break;
		}
	expect(nnulls == expected_nulls || failure[0], "%s: counts %d NULLs, not %d", what, nnulls, expected_nulls);
	free(copy);
	free(out);
	free(out_null);
	guarded_free(&one);
	guarded_free(&two);
	return size;
}

static void
test_int_kinds(void)
{
	static const int lanes[] = {1, 2, 4, 8};
	int64_t		values[1024];
	char		name[100];
	int			kind;
	int			l;
	int			n;

	for (kind = 0; kind < VEC_NKINDS; kind++)
	{
		test_start();
		for (l = 0; l < 4; l++)
		{
			if (!vec_kind_has_lane((VecKind) kind, lanes[l]))
				continue;
			for (n = 1; n <= 1024; n = next_n(n))
			{
				TsdbEncoding encoding;

				vec_fill((VecKind) kind, (uint64_t) n, lanes[l], n, values);
				round_trip_ints(values, NULL, n, lanes[l], vec_meaning((VecKind) kind),
								vec_kind_names[kind], &encoding);
				/* what the values mean changes the encoding, never the values */
				if (lanes[l] >= 4 && n % 4 == 0)
				{
					round_trip_ints(values, NULL, n, lanes[l], TSDB_MEANS_INT, vec_kind_names[kind], &encoding);
					round_trip_ints(values, NULL, n, lanes[l],
									lanes[l] == 8 ? TSDB_MEANS_FLOAT8 : TSDB_MEANS_FLOAT4,
									vec_kind_names[kind], &encoding);
				}
			}
		}
		snprintf(name, sizeof(name), "round trip: %s", vec_kind_names[kind]);
		test_end(name);
	}
}

static void
test_int_nulls(void)
{
	static const int lanes[] = {1, 2, 4, 8};
	int64_t		values[1024];
	int64_t		other[1024];
	bool		isnull[1024];
	char		name[100];
	int			pattern;
	int			kind;
	int			l;
	int			n;
	int			i;

	for (pattern = 0; pattern < VEC_NNULLS; pattern++)
	{
		test_start();
		for (kind = 0; kind < VEC_NKINDS; kind++)
			for (l = 0; l < 4; l++)
			{
				if (!vec_kind_has_lane((VecKind) kind, lanes[l]))
					continue;
				for (n = 1; n <= 1024; n = n < 20 ? n + 1 : n < 1000 ? n + 167 : n == 1024 ? 1025 : 1024)
				{
					TsdbEncoding encoding;
					size_t		size;

					vec_fill((VecKind) kind, (uint64_t) n, lanes[l], n, values);
					vec_fill_nulls(pattern, (uint64_t) (n + kind), n, isnull);
					size = round_trip_ints(values, isnull, n, lanes[l], vec_meaning((VecKind) kind),
										   vec_kind_names[kind], &encoding);
					/* what stands in NULL rows must not matter */
					for (i = 0; i < n; i++)
						other[i] = isnull[i] ? vec_to_lane((int64_t) (UINT64_C(0xDEADBEEF12345678) * (uint64_t) i), lanes[l]) : values[i];
					expect(round_trip_ints(other, isnull, n, lanes[l], vec_meaning((VecKind) kind),
										   vec_kind_names[kind], &encoding) == size,
						   "%s: values of NULL rows change the block", vec_kind_names[kind]);
				}
			}
		snprintf(name, sizeof(name), "round trip: NULL pattern %d", pattern);
		test_end(name);
	}
}

/* Every width and length through the whole codec; the extremes of each width among the values. */
static void
test_int_widths(void)
{
	uint64_t	st = vec_seed(7);
	int64_t		values[1024];
	unsigned	width;
	int			n;
	int			i;

	test_start();
	for (width = 0; width <= 64; width++)
		for (n = 1; n <= 1024; n = next_n(n))
		{
			uint64_t	mask = width == 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1;
			uint64_t	base = n % 2 == 0 ? vec_random(&st) : (uint64_t) INT64_MAX - mask;
			TsdbEncoding encoding;
			size_t		size;

			if (width == 64)
				base = 0;
			else if ((int64_t) base > (int64_t) (base + mask))
				base = (uint64_t) INT64_MIN;
			for (i = 0; i < n; i++)
				values[i] = (int64_t) (base + (vec_random(&st) & mask));
			values[0] = (int64_t) (base + mask);
			values[n - 1] = (int64_t) base;
			size = round_trip_ints(values, NULL, n, 8, TSDB_MEANS_INT, "width", &encoding);
			/* 24 bytes of header and base; the frame is never wider than the values */
			expect(size <= 24 + tsdb_ffor_size(n, width, n < TSDB_FFOR_MIN_INTERLEAVED),
				   "width %u, n %d: %zu bytes of %s", width, n, size, tsdb_encoding_name(encoding));
		}
	test_end("round trip: every width");
}

/* Random mixtures: segments of random kinds in one vector. */
static void
test_int_mixtures(void)
{
	uint64_t	st = vec_seed(99);
	int64_t		values[1024];
	int64_t		part[1024];
	bool		isnull[1024];
	int			round;
	int			i;

	test_start();
	for (round = 0; round < 4000; round++)
	{
		int			lane = 1 << vec_below(&st, 4);
		int			n = 1 + (int) vec_below(&st, 1024);
		bool		as_float = lane >= 4 && vec_below(&st, 2) == 0;
		TsdbEncoding encoding;
		int			at = 0;

		while (at < n)
		{
			VecKind		kind = (VecKind) vec_below(&st, VEC_NKINDS);
			int			len = 1 + (int) vec_below(&st, (uint64_t) (n - at));

			vec_fill(kind, vec_random(&st) % 1000, lane, len, part);
			memcpy(values + at, part, (size_t) len * sizeof(int64_t));
			at += len;
		}
		vec_fill_nulls((int) vec_below(&st, VEC_NNULLS), vec_random(&st), n, isnull);
		for (i = 0; i < 3; i++)
			values[vec_below(&st, (uint64_t) n)] = vec_to_lane((int64_t) vec_random(&st), lane);
		round_trip_ints(values, vec_below(&st, 2) ? isnull : NULL, n, lane,
						!as_float ? TSDB_MEANS_INT : lane == 8 ? TSDB_MEANS_FLOAT8 : TSDB_MEANS_FLOAT4,
						"mixture", &encoding);
	}
	test_end("round trip: 4,000 mixtures");
}

/* A vector of 1,024 takes this encoding and at most so many bytes. */
static void
test_chooser(void)
{
	static const struct
	{
		VecKind		kind;
		int			lane;
		TsdbEncoding encoding;
		size_t		most;
	}			cases[] = {
		{VEC_CONST, 8, TSDB_ENC_CONST, 24},
		{VEC_RANDOM, 8, TSDB_ENC_RAW, 16 + 8192},
		{VEC_RANDOM, 1, TSDB_ENC_RAW, 16 + 1024},
		{VEC_SMALL, 4, TSDB_ENC_FOR, 24 + 1280},
		{VEC_BOOL, 1, TSDB_ENC_FOR, 24 + 128},
		{VEC_RUNS, 4, TSDB_ENC_RLE, 300},
		{VEC_LONG_RUNS, 8, TSDB_ENC_RLE, 150},
		{VEC_COUNTER, 8, TSDB_ENC_DELTA, 32 + 512},
		{VEC_OUTLIERS_HIGH, 8, TSDB_ENC_FOR, 24 + 896 + 250},
		{VEC_OUTLIERS_LOW, 8, TSDB_ENC_FOR, 24 + 896 + 250},
		{VEC_OUTLIERS_BOTH, 8, TSDB_ENC_FOR, 24 + 896 + 250},
		{VEC_SPARSE, 8, TSDB_ENC_FOR, 24 + 250},
		{VEC_GCD, 8, TSDB_ENC_FOR, 32 + 1280},
		{VEC_GCD_MISSES, 8, TSDB_ENC_FOR, 32 + 1280 + 100},
		{VEC_GCD_POWER, 8, TSDB_ENC_FOR, 32 + 1280},
		{VEC_TIME_REGULAR, 8, TSDB_ENC_DELTA, 32},
		{VEC_TIME_SERIES, 8, TSDB_ENC_DELTA, 32 + 11 * 10},
		{VEC_TIME_PHASES, 8, TSDB_ENC_DELTA, 32 + 11 * 10},
		{VEC_TIME_GAPS, 8, TSDB_ENC_DELTA, 32 + 25 * 6},
		{VEC_TIME_JITTER, 8, TSDB_ENC_DELTA, 40 + 640},
		{VEC_TIME_RANDOM, 8, TSDB_ENC_DELTA, 32 + 20 * 128},
		{VEC_DOUBLE_INT, 8, TSDB_ENC_DECIMAL, 24 + 17 * 128},
		{VEC_DOUBLE_2, 8, TSDB_ENC_DECIMAL, 32 + 1280},
		{VEC_DOUBLE_WALK, 8, TSDB_ENC_DECIMAL, 40 + 384},
		{VEC_DOUBLE_13, 8, TSDB_ENC_DECIMAL, 24 + 39 * 128},
		{VEC_DOUBLE_SPECIAL, 8, TSDB_ENC_DECIMAL, 24 + 1280 + 1000},
		{VEC_DOUBLE_REAL, 8, TSDB_ENC_FOR, 24 + 52 * 128},
		{VEC_DOUBLE_FLOAT, 8, TSDB_ENC_FOR, 32 + 26 * 128},
		{VEC_DOUBLE_RUNS, 8, TSDB_ENC_RLE, 600},
		{VEC_FLOAT_2, 4, TSDB_ENC_DECIMAL, 32 + 1280},
	};
	int64_t		values[1024];
	size_t		i;

	test_start();
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		TsdbEncoding encoding;
		size_t		size;

		vec_fill(cases[i].kind, 5, cases[i].lane, 1024, values);
		size = round_trip_ints(values, NULL, 1024, cases[i].lane, vec_meaning(cases[i].kind), "chooser", &encoding);
		expect(encoding == cases[i].encoding && size <= cases[i].most,
			   "%s, lane %d: %s in %zu bytes, not %s in %zu", vec_kind_names[cases[i].kind], cases[i].lane,
			   tsdb_encoding_name(encoding), size, tsdb_encoding_name(cases[i].encoding), cases[i].most);
	}
	test_end("chooser takes the right encoding");
}

/*
 * What is no decimal is an exception and nothing else is; NULL rows behind one are not.
 * (Without the check of the range NaN would come back right too, but with an n of 2^62.)
 */
static void
test_exceptions(void)
{
	static uint8_t block[20000];
	int64_t		values[1024];
	bool		isnull[1024];
	TsdbEncoding encoding;
	int			nodd = 0;
	int			i;

	test_start();
	for (i = 0; i < 1024; i++)
	{
		uint64_t	r = (uint64_t) i * UINT64_C(0x9E3779B97F4A7C15);
		bool		odd = i % 17 == 0;

		/* NaNs, infinities, -0.0 */
		nodd += odd;
		values[i] = odd ? vec_odd_double(r - r % 10 + (uint64_t) (i / 17) % 6) : vec_double_bits((double) (i % 97) / 10.0);
		isnull[i] = i >= 18 && i < 600;
	}
	tsdb_int_encode(values, NULL, 1024, TSDB_LANE_INT64, TSDB_MEANS_FLOAT8, block, &encoding, scratch);
	expect(encoding == TSDB_ENC_DECIMAL && codec_load16(block + 14) == nodd,
		   "%s, %d exceptions, not %d", tsdb_encoding_name(encoding), codec_load16(block + 14), nodd);
	values[17] = vec_odd_double(0);
	nodd = 0;
	for (i = 0; i < 1024; i++)
		nodd += i % 17 == 0 && !isnull[i];
	tsdb_int_encode(values, isnull, 1024, TSDB_LANE_INT64, TSDB_MEANS_FLOAT8, block, &encoding, scratch);
	expect(encoding == TSDB_ENC_DECIMAL && codec_load16(block + 14) == nodd,
		   "with NULLs %s, %d exceptions, not %d", tsdb_encoding_name(encoding), codec_load16(block + 14), nodd);
	test_end("exceptions of decimals");
}

/*-------------- strings --------------*/

/* Strings of a kind in pool; returns their total length. */
static size_t
make_strings(int kind, uint64_t seed, int n, const bool *isnull, uint8_t *pool, TsdbBytes *values)
{
	uint64_t	st = vec_seed(seed);
	size_t		at = 0;
	int			i;

	for (i = 0; i < n; i++)
	{
		uint32_t	len = 0;
		uint32_t	b;

		switch (kind)
		{
			case 0:				/* all empty */
				break;
			case 1:				/* one length */
				len = 8;
				break;
			case 2:				/* random lengths */
				len = (uint32_t) vec_below(&st, 40);
				break;
			case 3:				/* all equal */
				len = 11;
				break;
			case 4:				/* mostly empty */
				len = vec_below(&st, 50) == 0 ? 30 : 0;
				break;
			default:			/* one long one */
				len = i == n / 2 ? 70000 : 3;
				break;
		}
		values[i].data = pool + at;
		values[i].len = len;
		if (isnull != NULL && isnull[i])
		{
			/* must not be looked at */
			values[i].data = NULL;
			values[i].len = 77;
			continue;
		}
		for (b = 0; b < len; b++)
			pool[at++] = kind == 3 ? (uint8_t) ('a' + b) : (uint8_t) vec_random(&st);
	}
	return at;
}

static void
test_bytes(void)
{
	uint8_t    *pool = malloc(200000);
	TsdbBytes	values[1024];
	bool		isnull[1024];
	int			pattern;
	int			kind;
	int			n;
	int			i;

	if (pool == NULL)
		abort();
	test_start();
	for (pattern = 0; pattern < VEC_NNULLS; pattern++)
		for (kind = 0; kind < 6; kind++)
			for (n = 1; n <= 1024; n = n < 40 ? n + 1 : n < 900 ? n + 83 : n == 1024 ? 1025 : 1024)
			{
				size_t		total;
				Guarded		one;
				Guarded		two;
				TsdbEncoding encoding;
				TsdbEncoding again;
				TsdbBytes  *out = malloc((size_t) n * sizeof(TsdbBytes));
				bool	   *out_null = malloc((size_t) n);
				uint8_t    *copy;
				size_t		size;
				int			nnulls = -1;
				int			expected_nulls = 0;

				vec_fill_nulls(pattern, (uint64_t) n, n, isnull);
				total = make_strings(kind, (uint64_t) (n * 10 + pattern), n, isnull, pool, values);
				one = guarded_alloc(tsdb_bytes_bound(n, total));
				two = guarded_alloc(tsdb_bytes_bound(n, total));
				memset(scratch2, 0x11 * kind, tsdb_codec_scratch_size());
				size = tsdb_bytes_encode(values, pattern == 0 ? NULL : isnull, n, one.p, &encoding, scratch);
				expect(size == tsdb_bytes_encode(values, isnull, n, two.p, &again, scratch2) &&
					   memcmp(one.p, two.p, size) == 0, "other bytes the second time");
				expect(guarded_intact(&one) && guarded_intact(&two) && size <= one.size,
					   "kind %d, n %d: beyond the bound", kind, n);
				expect(encoding == (pattern == 1 || (n == 1 && (pattern >= 2 && pattern <= 4)) ? TSDB_ENC_NULL : encoding),
					   "kind %d, n %d: %s", kind, n, tsdb_encoding_name(encoding));
				if (kind == 0 || kind == 3)
					expect(encoding == TSDB_ENC_CONST || encoding == TSDB_ENC_NULL, "equal strings are not CONST");
				copy = exact_copy(one.p, size);
				if (expect(tsdb_bytes_decode(copy, size, n, out, out_null, &nnulls, scratch2),
						   "kind %d, n %d, pattern %d: %s does not decode", kind, n, pattern, tsdb_encoding_name(encoding)))
					for (i = 0; i < n; i++)
					{
						expected_nulls += isnull[i];
						expect(out_null[i] == isnull[i] &&
							   (isnull[i] ? out[i].data == NULL && out[i].len == 0 :
								out[i].len == values[i].len &&
								(out[i].len == 0 || memcmp(out[i].data, values[i].data, out[i].len) == 0)),
							   "kind %d, n %d, pattern %d: row %d differs", kind, n, pattern, i);
					}
				expect(nnulls == expected_nulls || failure[0], "number of NULLs");
				free(copy);
				free(out);
				free(out_null);
				guarded_free(&one);
				guarded_free(&two);
			}
	free(pool);
	test_end("round trip: strings");
}

static void
test_codes(void)
{
	uint64_t	st = vec_seed(3);
	uint32_t	codes[1024];
	uint32_t	out[1024];
	bool		isnull[1024];
	bool		out_null[1024];
	static const uint32_t counts[] = {1, 2, 3, 200, 256, 257, 65536, 0x7FFFFFFF, 0x80000001, 0xFFFFFFFF};
	size_t		c;
	int			pattern;
	int			n;
	int			i;

	test_start();
	for (c = 0; c < sizeof(counts) / sizeof(counts[0]); c++)
		for (pattern = 0; pattern < VEC_NNULLS; pattern++)
			for (n = 1; n <= 1024; n = n < 30 ? n + 1 : n < 900 ? n + 97 : n == 1024 ? 1025 : 1024)
			{
				Guarded		g = guarded_alloc(tsdb_codes_bound(n));
				uint32_t	largest = 0;
				TsdbEncoding encoding;
				size_t		size;
				uint8_t    *copy;
				int			nnulls = -1;
				int			expected_nulls = 0;

				vec_fill_nulls(pattern, (uint64_t) n, n, isnull);
				for (i = 0; i < n; i++)
				{
					codes[i] = n % 3 == 0 && i > 0 && vec_below(&st, 9) ? codes[i - 1] :
						(uint32_t) vec_below(&st, counts[c]);
					if (!isnull[i] && codes[i] > largest)
						largest = codes[i];
				}
				size = tsdb_codes_encode(codes, isnull, n, g.p, &encoding, scratch);
				expect(guarded_intact(&g) && size <= g.size, "beyond the bound");
				copy = exact_copy(g.p, size);
				if (expect(tsdb_codes_decode(copy, size, n, counts[c], out, out_null, &nnulls, scratch),
						   "%u entries, n %d, pattern %d: does not decode", counts[c], n, pattern))
					for (i = 0; i < n; i++)
					{
						expected_nulls += isnull[i];
						expect(out_null[i] == isnull[i] && out[i] == (isnull[i] ? 0 : codes[i]),
							   "%u entries, n %d: row %d differs", counts[c], n, i);
					}
				expect(failure[0] || (nnulls == expected_nulls &&
									  encoding == (nnulls == n ? TSDB_ENC_NULL : TSDB_ENC_DICT)), "NULLs");
				if (encoding == TSDB_ENC_DICT)
					expect(!tsdb_codes_decode(copy, size, n, largest, out, out_null, &nnulls, scratch),
						   "code %u passes with as many entries", largest);
				else
					expect(tsdb_codes_decode(copy, size, n, 0, out, out_null, &nnulls, scratch),
						   "NULLs need no dictionary");
				free(copy);
				guarded_free(&g);
			}
	test_end("round trip: codes");
}

static void
test_dict(void)
{
	uint8_t    *pool = malloc(200000);
	TsdbBytes	entries[1024];
	uint32_t	count;
	uint32_t	i;

	if (pool == NULL)
		abort();
	test_start();
	for (count = 0; count <= 1000; count += count < 20 ? 1 : 70)
	{
		size_t		total = make_strings(2, count, (int) count, NULL, pool, entries);
		Guarded		g = guarded_alloc(tsdb_dict_size(count, total));
		size_t		size = tsdb_dict_encode(entries, count, g.p);
		uint8_t    *copy = exact_copy(g.p, size);
		uint32_t	got = 12345;
		size_t		cut;

		expect(size == g.size && guarded_intact(&g), "size of %u entries", count);
		expect(tsdb_dict_open(copy, size, &got) && got == count, "%u entries do not open", count);
		for (i = 0; i < count; i++)
		{
			TsdbBytes	e = tsdb_dict_entry(copy, i);

			expect(e.len == entries[i].len && (e.len == 0 || memcmp(e.data, entries[i].data, e.len) == 0),
				   "%u entries: entry %u differs", count, i);
		}
		free(copy);
		for (cut = 0; cut < size; cut += 1 + cut / 16)
		{
			copy = exact_copy(g.p, cut);
			expect(!tsdb_dict_open(copy, cut, &got), "opens with %zu of %zu bytes", cut, size);
			free(copy);
		}
		/* offsets that descend, reach too far, a foreign magic, a count that overflows */
		if (count >= 2 && total > 0)
		{
			static const uint32_t bad[] = {0xFFFFFFFF, 0x80000000};
			uint32_t	b;

			for (b = 0; b < 2; b++)
				for (i = 0; i < 2 + count; i++)
				{
					copy = exact_copy(g.p, size);
					memcpy(copy + (i == 0 ? 0 : i == 1 ? 4 : 8 + 4 * (i - 2)), &bad[b], 4);
					expect(!tsdb_dict_open(copy, size, &got), "opens with word %u damaged", i);
					free(copy);
				}
		}
		guarded_free(&g);
	}
	free(pool);
	test_end("dictionaries");
}

/*-------------- damage --------------*/

static long accepted;

/* Any bytes: every decoder, exact buffers.  Values that pass must keep the contract. */
static void
decode_all(const uint8_t *block, size_t len, int n)
{
	static const int lanes[] = {1, 2, 4, 8};
	uint8_t    *copy = exact_copy(block, len);
	int64_t    *values = malloc((size_t) n * sizeof(int64_t));
	bool	   *isnull = malloc((size_t) n);
	TsdbBytes  *strings = malloc((size_t) n * sizeof(TsdbBytes));
	uint32_t   *codes = malloc((size_t) n * sizeof(uint32_t));
	unsigned	sum = 0;
	uint32_t	count;
	int			nnulls;
	int			l;
	int			i;

	for (l = 0; l < 4; l++)
		if (tsdb_int_decode(copy, len, n, (TsdbLane) lanes[l], values, isnull, &nnulls, scratch))
		{
			accepted++;
			for (i = 0; i < n; i++)
			{
				expect(vec_to_lane(values[i], lanes[l]) == values[i], "a value does not fit lane %d", lanes[l]);
				expect(!isnull[i] || values[i] == 0, "a NULL row is not 0");
				nnulls -= isnull[i];
			}
			expect(nnulls == 0, "wrong number of NULLs");
		}
	if (tsdb_bytes_decode(copy, len, n, strings, isnull, &nnulls, scratch))
	{
		accepted++;
		for (i = 0; i < n; i++)
		{
			/* touch the ends: the sanitizer sees whether they are ours */
			if (strings[i].len > 0)
				sum += strings[i].data[0] + strings[i].data[strings[i].len - 1];
			expect(strings[i].data == NULL || (strings[i].data >= copy &&
				   strings[i].len <= len - (size_t) (strings[i].data - copy)), "a string is outside of the block");
		}
	}
	if (tsdb_codes_decode(copy, len, n, 300, codes, isnull, &nnulls, scratch))
	{
		accepted++;
		for (i = 0; i < n; i++)
			expect(codes[i] < 300, "code %u of 300", codes[i]);
	}
	if (tsdb_dict_open(copy, len, &count))
		for (i = 0; i < (int) count; i++)
		{
			TsdbBytes	e = tsdb_dict_entry(copy, (uint32_t) i);

			if (e.len > 0)
				sum += e.data[0] + e.data[e.len - 1];
		}
	if (sum == 1)
		accepted++;
	(void) tsdb_encoding_name(tsdb_block_encoding(copy, len));
	free(copy);
	free(values);
	free(isnull);
	free(strings);
	free(codes);
}

/* A block of any family that follows from the seed; returns its size. */
static size_t
make_block(uint64_t seed, int n, uint8_t *block)
{
	static uint8_t pool[200000];
	uint64_t	st = vec_seed(seed);
	int64_t		values[1024];
	uint32_t	codes[1024];
	TsdbBytes	strings[1024];
	bool		isnull[1024];
	int			family = (int) vec_below(&st, 8);
	TsdbEncoding encoding;
	int			i;

	vec_fill_nulls((int) vec_below(&st, VEC_NNULLS), seed, n, isnull);
	if (family == 0)
	{
		make_strings(1 + (int) vec_below(&st, 4), seed, n, isnull, pool, strings);
		return tsdb_bytes_encode(strings, isnull, n, block, &encoding, scratch);
	}
	if (family == 1)
	{
		for (i = 0; i < n; i++)
			codes[i] = (uint32_t) vec_below(&st, 300);
		return tsdb_codes_encode(codes, isnull, n, block, &encoding, scratch);
	}
	for (;;)
	{
		VecKind		kind = (VecKind) vec_below(&st, VEC_NKINDS);
		int			lane = 1 << vec_below(&st, 4);

		if (!vec_kind_has_lane(kind, lane))
			continue;
		vec_fill(kind, seed, lane, n, values);
		return tsdb_int_encode(values, family < 5 ? NULL : isnull, n, (TsdbLane) lane, vec_meaning(kind),
							   block, &encoding, scratch);
	}
}

static void
test_damage(void)
{
	static uint8_t block[100000];
	static uint8_t damaged[100000];
	uint64_t	st = vec_seed(11);
	int			round;
	size_t		len;

	/* every truncation: no prefix of a block is a block, unless what is missing is not there */
	test_start();
	for (round = 0; round < 150; round++)
	{
		int			n = 1 + (int) vec_below(&st, round % 3 == 0 ? 1024 : 100);
		size_t		size = make_block((uint64_t) round, n, block);

		for (len = 0; len < size; len += 1 + len / 64)
		{
			accepted = 0;
			decode_all(block, len, n);
			expect(accepted == 0, "block %d of %zu bytes decodes with %zu", round, size, len);
		}
		decode_all(block, size, n);
		expect(accepted > 0, "block %d does not decode", round);
		if (n > 1)
		{
			accepted = 0;
			decode_all(block, size, n - 1);
			expect(accepted == 0, "block %d of %d rows decodes as %d", round, n, n - 1);
		}
	}
	test_end("damaged blocks: truncations and wrong row counts");

	test_start();
	for (round = 0; round < 60000; round++)
	{
		int			n = 1 + (int) vec_below(&st, round % 4 == 0 ? 1024 : 130);
		size_t		size = make_block((uint64_t) (round / 20), n, block);
		int			flips = 1 + (int) vec_below(&st, 6);

		memcpy(damaged, block, size);
		while (flips-- > 0)
		{
			/* mostly header, base and counts: the rest only gives other values */
			size_t		at = vec_below(&st, vec_below(&st, 4) == 0 || size < 40 ? size : 40);
			uint64_t	r = vec_random(&st);

			damaged[at] = r & 256 ? (uint8_t) r : damaged[at] ^ (uint8_t) (1 << (r >> 60 & 7));
		}
		decode_all(damaged, vec_below(&st, 8) == 0 ? vec_below(&st, size + 1) : size, n);
	}
	test_end("damaged blocks: 60,000 random byte flips");

	test_start();
	for (round = 0; round < 60000; round++)
	{
		int			n = 1 + (int) vec_below(&st, round % 4 == 0 ? 1024 : 40);
		size_t		i;

		len = vec_below(&st, 600);
		for (i = 0; i < len; i++)
			damaged[i] = (uint8_t) (vec_random(&st) >> 30);
		if (len >= 16 && round % 8 != 0)
		{
			/* headers that get past the first checks */
			damaged[0] = (uint8_t) vec_below(&st, 10);
			damaged[1] = (uint8_t) vec_below(&st, 3);
			damaged[2] = (uint8_t) vec_below(&st, 20) * (damaged[0] == TSDB_ENC_DECIMAL);
			damaged[3] = (uint8_t) ("\0\1\2\4\10"[vec_below(&st, 5)]);
			damaged[4] = (uint8_t) n;
			damaged[5] = (uint8_t) (n >> 8);
			damaged[6] = damaged[7] = 0;
			if (damaged[1] == 1)
				memcpy(damaged + 6, damaged + 4, 2);
			damaged[8] = damaged[0] <= 5 ? damaged[0] : (uint8_t) vec_below(&st, 6);
			damaged[9] = (uint8_t) vec_below(&st, 9);
			damaged[10] = (uint8_t) vec_below(&st, 70);
			damaged[11] = (uint8_t) vec_below(&st, 12);
			damaged[12] = (uint8_t) vec_below(&st, 100);
			damaged[13] = (uint8_t) (vec_below(&st, 30) == 0);
			damaged[14] = damaged[0] == TSDB_ENC_DECIMAL ? (uint8_t) vec_below(&st, 50) : 0;
			damaged[15] = 0;
		}
		decode_all(damaged, len, n);
	}
	test_end("damaged blocks: 60,000 random blocks");
}

/* Each field of a good header set to each wrong value is refused. */
static void
test_header_fields(void)
{
	int64_t		values[1024];
	int64_t		out[1024];
	bool		isnull[1024];
	bool		out_null[1024];
	static uint8_t block[20000];
	uint64_t	st = vec_seed(21);
	TsdbEncoding encoding;
	size_t		size;
	int			nnulls;
	int			v;

#define REFUSED(offset, value, what) \
	do { \
		uint8_t		saved = block[offset]; \
		block[offset] = (uint8_t) (value); \
		expect(!tsdb_int_decode(block, size, 1024, TSDB_LANE_INT64, out, out_null, &nnulls, scratch), \
			   "%s %d passes", what, (int) (value)); \
		block[offset] = saved; \
	} while (0)

	test_start();
	vec_fill(VEC_OUTLIERS_BOTH, 1, 8, 1024, values);
	vec_fill_nulls(5, 1, 1024, isnull);
	size = tsdb_int_encode(values, isnull, 1024, TSDB_LANE_INT64, TSDB_MEANS_INT, block, &encoding, scratch);
	expect(encoding == TSDB_ENC_FOR && (block[9] & TSDB_PAYLOAD_PATCHES), "not the block this test is about");
	for (v = 0; v < 256; v++)
	{
		/* as DECIMAL of scale 0 it would be another good block */
		if (v != TSDB_ENC_FOR && v != TSDB_ENC_DECIMAL)
			REFUSED(0, v, "encoding");
		if (v != TSDB_NULLS_SOME)
			REFUSED(1, v, "NULL form");
		if (v != 0)
			REFUSED(2, v, "scale");
		if (v != 8)
			REFUSED(3, v, "lane");
		if (v != 4)
			REFUSED(5, v, "nrows");
		if (v != block[6])
			REFUSED(6, v, "nnulls");
		if (v != TSDB_ENC_FOR)
			REFUSED(8, v, "payload");
		if (v & ~TSDB_PAYLOAD_FLAGS || !(v & TSDB_PAYLOAD_PATCHES))
			REFUSED(9, v, "flags");
		if (v > 64)
			REFUSED(10, v, "width");
		if (v < 1 || v > 8)
			REFUSED(11, v, "patch bytes");
		if (v != 0)
			REFUSED(14, v, "exceptions");
	}
	/* the last patch's position beyond the rows, and positions that do not ascend */
	{
		size_t		np = codec_load16(block + 12);
		size_t		first = size - np * (2 + block[11]);

		REFUSED(first + np * 2 - 1, 4, "position's high byte");
		REFUSED(first + 1, 3, "first position's high byte");
	}
	/* a NULL more or fewer in the bitmap */
	REFUSED(16 + 40, block[16 + 40] ^ 1, "bitmap byte");

	/* more runs than rows, which take no bytes at width 0; scratch must not be written beyond its end */
	vec_fill(VEC_LONG_RUNS, 1, 8, 1024, values);
	size = tsdb_int_encode(values, NULL, 1024, TSDB_LANE_INT64, TSDB_MEANS_INT, block, &encoding, scratch);
	expect(encoding == TSDB_ENC_RLE, "not the block this test is about");
	block[10] = block[11] = 0;
	REFUSED(13, 255, "number of runs, high byte");
	REFUSED(12, 0, "number of runs");

	vec_fill(VEC_DOUBLE_SPECIAL, 1, 8, 1024, values);
	size = tsdb_int_encode(values, NULL, 1024, TSDB_LANE_INT64, TSDB_MEANS_FLOAT8, block, &encoding, scratch);
	expect(encoding == TSDB_ENC_DECIMAL, "not the block this test is about");
	{
		size_t		first = size - codec_load16(block + 14) * (size_t) 10;

		REFUSED(first + 1, 3, "first exception's position, high byte");
		REFUSED(size - codec_load16(block + 14) * (size_t) 8 - 1, 4, "last exception's position, high byte");
	}
	for (v = TSDB_DECIMAL_MAX_SCALE + 1; v < 256; v++)
		REFUSED(2, v, "scale");

	/* a base that brings the largest or the smallest value out of the lane */
	for (v = 1; v <= 4; v *= 2)
	{
		int64_t		max = (INT64_C(1) << (v * 8 - 1)) - 1;
		int64_t		bases[] = {max - 15, -max - 1, max - 14, -max - 2, INT64_MAX, INT64_MIN};
		int			i;

		for (i = 0; i < 1024; i++)
			values[i] = (int64_t) (vec_random(&st) >> 60);
		size = tsdb_int_encode(values, NULL, 1024, (TsdbLane) v, TSDB_MEANS_INT, block, &encoding, scratch);
		expect(encoding == TSDB_ENC_FOR && block[10] == 4, "not the block this test is about");
		for (i = 0; i < 6; i++)
		{
			memcpy(block + 16, &bases[i], 8);
			expect(tsdb_int_decode(block, size, 1024, (TsdbLane) v, out, out_null, &nnulls, scratch) == (i < 2),
				   "lane %d, base %lld", v, (long long) bases[i]);
		}
	}
	test_end("damaged headers: every field");
#undef REFUSED
}

/*-------------- golden --------------*/

static uint64_t
hash_rows(const int64_t *values, const bool *isnull, int n)
{
	uint64_t	h = UINT64_C(14695981039346656037);
	int			i;
	int			b;

	for (i = 0; i < n; i++)
		for (b = 0; b < 9; b++)
			h = (h ^ (b == 8 ? isnull[i] : (uint64_t) values[i] >> b * 8 & 255)) * UINT64_C(1099511628211);
	return h;
}

static void
print_golden(const char *name, const char *family, int lane, int n, const int64_t *values,
			 const bool *isnull, const uint8_t *block, size_t size)
{
	size_t		i;

	printf("%s %s %d %d %016llx ", name, family, lane, n, (unsigned long long) hash_rows(values, isnull, n));
	for (i = 0; i < size; i++)
		printf("%02x", block[i]);
	printf("\n");
}

/* Strings and codes as numbers, so that one hash serves all. */
static int64_t
string_number(const TsdbBytes *s)
{
	uint64_t	h = s->len;
	uint32_t	i;

	for (i = 0; i < s->len; i++)
		h = h * 257 + s->data[i];
	return (int64_t) h;
}

static void
write_golden(void)
{
	static uint8_t block[100000];
	static uint8_t pool[200000];
	int64_t		values[1024];
	bool		isnull[1024];
	TsdbBytes	strings[1024];
	uint32_t	codes[1024];
	char		name[100];
	TsdbEncoding encoding;
	size_t		size;
	int			kind;
	int			i;

	printf("# name, family, lane, rows, FNV-1a of the rows (8 bytes of value, 1 of NULL each), block.\n"
		   "# Written by format version 1; must decode for ever.  Append, never change.\n");
	for (kind = 0; kind < VEC_NKINDS; kind++)
	{
		static const int lanes[] = {1, 2, 4, 8};
		int			l;

		for (l = 0; l < 4; l++)
		{
			int			n = kind % 4 == 0 ? 40 : kind % 4 == 1 ? 300 : kind % 4 == 2 ? 77 : 256;
			bool		with_nulls = (kind + l) % 3 == 0;

			if (!vec_kind_has_lane((VecKind) kind, lanes[l]) || (lanes[l] < 8 && (kind + l) % 4 != 0 && kind < VEC_FLOAT_2))
				continue;
			if (kind == VEC_TIME_REGULAR || kind == VEC_TIME_SERIES || kind == VEC_LONG_RUNS)
				n = 1024;
			vec_fill((VecKind) kind, 2, lanes[l], n, values);
			vec_fill_nulls(with_nulls ? 5 : 0, 2, n, isnull);
			size = tsdb_int_encode(values, isnull, n, (TsdbLane) lanes[l], vec_meaning((VecKind) kind), block, &encoding, scratch);
			for (i = 0; i < n; i++)
				values[i] = isnull[i] ? 0 : values[i];
			snprintf(name, sizeof(name), "%s-%s", vec_kind_names[kind], tsdb_encoding_name(encoding));
			print_golden(name, "int", lanes[l], n, values, isnull, block, size);
		}
	}
	for (kind = 0; kind < 5; kind++)
	{
		int			n = 20 + kind;

		vec_fill_nulls(kind < 3 ? 5 : 0, 9, n, isnull);
		make_strings(kind, 2, n, isnull, pool, strings);
		size = tsdb_bytes_encode(strings, isnull, n, block, &encoding, scratch);
		for (i = 0; i < n; i++)
			values[i] = isnull[i] ? 0 : string_number(&strings[i]);
		snprintf(name, sizeof(name), "strings%d-%s", kind, tsdb_encoding_name(encoding));
		print_golden(name, "bytes", 0, n, values, isnull, block, size);
		for (i = 0; i < n; i++)
			codes[i] = (uint32_t) (i * i) % 61;
		size = tsdb_codes_encode(codes, isnull, n, block, &encoding, scratch);
		for (i = 0; i < n; i++)
			values[i] = isnull[i] ? 0 : codes[i];
		snprintf(name, sizeof(name), "codes%d-%s", kind, tsdb_encoding_name(encoding));
		print_golden(name, "codes", 0, n, values, isnull, block, size);
	}
	vec_fill_nulls(1, 1, 50, isnull);
	memset(values, 0, sizeof(values));
	size = tsdb_int_encode(values, isnull, 50, TSDB_LANE_INT16, TSDB_MEANS_INT, block, &encoding, scratch);
	print_golden("all-null", "int", 2, 50, values, isnull, block, size);
	make_strings(2, 4, 12, NULL, pool, strings);
	size = tsdb_dict_encode(strings, 12, block);
	memset(isnull, 0, sizeof(isnull));
	for (i = 0; i < 12; i++)
		values[i] = string_number(&strings[i]);
	print_golden("dictionary", "dict", 0, 12, values, isnull, block, size);
}

static void
test_golden(const char *directory)
{
	static char line[60000];
	static uint8_t block[30000];
	char		path[1000];
	FILE	   *file;
	int			nlines = 0;
	unsigned	seen = 0;

	test_start();
	snprintf(path, sizeof(path), "%s/blocks.txt", directory);
	file = fopen(path, "r");
	if (file == NULL)
		file = fopen("tests/golden/blocks.txt", "r");
	if (!expect(file != NULL, "cannot open %s", path))
	{
		test_end("golden blocks decode");
		return;
	}
	while (fgets(line, sizeof(line), file) != NULL)
	{
		char		name[100];
		char		family[20];
		unsigned long long hash;
		int			lane;
		int			n;
		int			at;
		size_t		size = 0;
		int64_t		values[1024];
		TsdbBytes	strings[1024];
		uint32_t	codes[1024];
		bool		isnull[1024];
		uint8_t    *copy;
		uint32_t	count;
		int			nnulls;
		bool		ok;
		int			i;

		if (line[0] == '#')
			continue;
		if (!expect(sscanf(line, "%99s %19s %d %d %llx %n", name, family, &lane, &n, &hash, &at) == 5 &&
					n >= 1 && n <= 1024, "line %d is none", nlines))
			break;
		for (; line[at] > ' ' && line[at + 1] > ' '; at += 2)
		{
			unsigned	byte = 0;

			sscanf(line + at, "%2x", &byte);
			block[size++] = (uint8_t) byte;
		}
		memset(isnull, 0, sizeof(isnull));
		copy = exact_copy(block, size);
		if (strcmp(family, "int") == 0)
			ok = tsdb_int_decode(copy, size, n, (TsdbLane) lane, values, isnull, &nnulls, scratch);
		else if (strcmp(family, "codes") == 0)
		{
			ok = tsdb_codes_decode(copy, size, n, 61, codes, isnull, &nnulls, scratch);
			for (i = 0; i < n && ok; i++)
				values[i] = codes[i];
		}
		else if (strcmp(family, "bytes") == 0)
		{
			ok = tsdb_bytes_decode(copy, size, n, strings, isnull, &nnulls, scratch);
			for (i = 0; i < n && ok; i++)
				values[i] = isnull[i] ? 0 : string_number(&strings[i]);
		}
		else
		{
			ok = tsdb_dict_open(copy, size, &count) && count == (uint32_t) n;
			for (i = 0; i < n && ok; i++)
			{
				TsdbBytes	e = tsdb_dict_entry(copy, (uint32_t) i);

				values[i] = string_number(&e);
			}
		}
		if (expect(ok, "%s does not decode", name))
			expect(hash_rows(values, isnull, n) == hash, "%s decodes to other values", name);
		if (strcmp(family, "dict") != 0)
			seen |= 1U << tsdb_block_encoding(copy, size);
		free(copy);
		nlines++;
	}
	fclose(file);
	expect(nlines >= 60 && seen == (1U << (TSDB_ENC_DECIMAL + 1)) - 1, "%d blocks, encodings %x", nlines, seen);
	test_end("golden blocks decode");
}

static void
test_names(void)
{
	test_start();
	expect(strcmp(tsdb_encoding_name(TSDB_ENC_DECIMAL), "decimal") == 0, "name");
	expect(strcmp(tsdb_encoding_name((TsdbEncoding) 200), "unknown") == 0, "unknown name");
	expect(tsdb_block_encoding((const uint8_t *) "\4", 1) == TSDB_ENC_NULL, "short block");
	expect(tsdb_codec_scratch_size() < 100 * 1024, "scratch of %zu bytes", tsdb_codec_scratch_size());
	test_end("names and sizes");
}

int
main(int argc, char **argv)
{
	scratch = scratch_alloc(0x77);
	scratch2 = scratch_alloc(0);
	if (argc > 1 && strcmp(argv[1], "--golden") == 0)
		write_golden();
	else
	{
		test_names();
		test_packing(false);
		test_packing(true);
		test_int_kinds();
		test_int_nulls();
		test_int_widths();
		test_int_mixtures();
		test_chooser();
		test_exceptions();
		test_bytes();
		test_codes();
		test_dict();
		test_damage();
		test_header_fields();
		test_golden(argc > 1 ? argv[1] : "golden");
		printf("1..%d\n", tests);
	}
	free(scratch);
	free(scratch2);
	return failures == 0 ? 0 : 1;
}
