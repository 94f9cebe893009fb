/*-------------------------------------------------------------------------
 * test_codec.c
 *	  Tests of the codecs, as TAP lines; no PostgreSQL.
 *
 *	test_codec [directory of golden files]		runs all
 *	test_codec --golden							writes golden lines for what encoders give now
 *
 * What would break which test: a wrong bit in a kernel, "packing"; an encoder that is wrong
 * for some shape of data, or differs between tiers of kernels, "round trip" (every test sees that encoders did not have
 * to fall back to RAW); one that looks at memory it does not own or at old scratch, the
 * guarded buffers there; a model that is not taken any more, "chooser"; no verification, "broken kernels"; a
 * changed format, "golden".  Cold columns: test_cold.c; damaged blocks: test_damage.c; real data: test_columns.c.
 *-------------------------------------------------------------------------
 */
#include <math.h>

#include "codec_test.h"

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
			/* in turn: test_kernels.c compares the tiers */
			TsdbSimdTier tier = tiers[((unsigned) n + width) % (unsigned) ntiers];
			uint64_t	mask = width == 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1;
			uint64_t	base = vec_random(&st);
			uint64_t	factor = n % 3 == 0 ? vec_random(&st) : 1;
			size_t		size = tsdb_ffor_size(n, width, horizontal);
			Guarded		packed = guarded_alloc(size);
			Guarded		out = guarded_alloc((size_t) n * 8);
			bool		bad = false;

			tsdb_simd_use(tier);
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

static void
test_int_kinds(void)
{
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

/*-------------- chooser --------------*/

#define ANY_PARAM		-1
#define ONE_PRODUCT		-2		/* DECIMAL whose scale is multiplied, in either form */

/* A vector of 1,024 takes this encoding and at most so many bytes. */
static void
test_chooser(void)
{
	static const struct
	{
		VecKind		kind;
		int			lane;
		TsdbEncoding encoding;
		TsdbEncoding payload;
		int			param;
		size_t		most;
	}			cases[] = {
		{VEC_CONST, 8, TSDB_ENC_CONST, TSDB_ENC_CONST, 0, 24},
		{VEC_RANDOM, 8, TSDB_ENC_RAW, TSDB_ENC_RAW, 0, 16 + 8192},
		{VEC_RANDOM, 1, TSDB_ENC_RAW, TSDB_ENC_RAW, 0, 16 + 1024},
		{VEC_SMALL, 4, TSDB_ENC_FOR, TSDB_ENC_FOR, 0, 24 + 1280},
		{VEC_BOOL, 1, TSDB_ENC_FOR, TSDB_ENC_FOR, 0, 24 + 128},
		{VEC_RUNS, 4, TSDB_ENC_RLE, TSDB_ENC_RLE, 0, 300},
		{VEC_LONG_RUNS, 8, TSDB_ENC_RLE, TSDB_ENC_RLE, 0, 150},
		{VEC_COUNTER, 8, TSDB_ENC_DELTA, TSDB_ENC_DELTA, 0, 32 + 512},
		{VEC_OUTLIERS_HIGH, 8, TSDB_ENC_FOR, TSDB_ENC_FOR, 0, 24 + 896 + 250},
		{VEC_OUTLIERS_LOW, 8, TSDB_ENC_FOR, TSDB_ENC_FOR, 0, 24 + 896 + 250},
		{VEC_OUTLIERS_BOTH, 8, TSDB_ENC_FOR, TSDB_ENC_FOR, 0, 24 + 896 + 250},
		{VEC_SPARSE, 8, TSDB_ENC_FOR, TSDB_ENC_FOR, 0, 24 + 250},
		{VEC_GCD, 8, TSDB_ENC_FOR, TSDB_ENC_FOR, 0, 32 + 1280},
		{VEC_GCD_MISSES, 8, TSDB_ENC_FOR, TSDB_ENC_FOR, 0, 32 + 1280 + 100},
		{VEC_GCD_POWER, 8, TSDB_ENC_FOR, TSDB_ENC_FOR, 0, 32 + 1280},
		{VEC_TIME_REGULAR, 8, TSDB_ENC_DELTA, TSDB_ENC_DELTA, 0, 32},
		{VEC_TIME_SERIES, 8, TSDB_ENC_DELTA, TSDB_ENC_DELTA, 0, 32 + 11 * 10},
		{VEC_TIME_PHASES, 8, TSDB_ENC_DELTA, TSDB_ENC_DELTA, 0, 32 + 11 * 10},
		{VEC_TIME_GAPS, 8, TSDB_ENC_DELTA, TSDB_ENC_DELTA, 0, 32 + 25 * 6},
		{VEC_TIME_JITTER, 8, TSDB_ENC_DELTA, TSDB_ENC_DELTA, 0, 40 + 640},
		{VEC_TIME_RANDOM, 8, TSDB_ENC_DELTA, TSDB_ENC_DELTA, 0, 32 + 20 * 128},
		/* the step is that through the ends: a bit more than the noise */
		{VEC_TIME_CLOCK, 8, TSDB_ENC_LINEAR, TSDB_ENC_LINEAR, 0, 32 + 11 * 128},
		{VEC_TIME_CLOCK_MS, 8, TSDB_ENC_LINEAR, TSDB_ENC_LINEAR, 0, 40 + 9 * 128},
		{VEC_LINE, 8, TSDB_ENC_LINEAR, TSDB_ENC_LINEAR, 0, 32 + 11 * 128},
		{VEC_LINE, 4, TSDB_ENC_LINEAR, TSDB_ENC_LINEAR, 0, 32 + 11 * 128},
		{VEC_LINE_FALLING, 8, TSDB_ENC_LINEAR, TSDB_ENC_LINEAR, 0, 32 + 11 * 128 + 100},
		{VEC_DOUBLE_INT, 8, TSDB_ENC_DECIMAL, TSDB_ENC_FOR, 0, 24 + 17 * 128},
		{VEC_DOUBLE_2, 8, TSDB_ENC_DECIMAL, TSDB_ENC_FOR, ONE_PRODUCT, 32 + 1280},
		{VEC_DOUBLE_WALK, 8, TSDB_ENC_DECIMAL, TSDB_ENC_DELTA, ONE_PRODUCT, 40 + 384},
		{VEC_DOUBLE_13, 8, TSDB_ENC_DECIMAL, TSDB_ENC_FOR, 13, 24 + 39 * 128},
		{VEC_DOUBLE_DIVIDE, 8, TSDB_ENC_DECIMAL, TSDB_ENC_FOR, 13, 24 + 47 * 128},
		{VEC_DOUBLE_SPECIAL, 8, TSDB_ENC_DECIMAL, TSDB_ENC_FOR, ANY_PARAM, 24 + 1280 + 1000},
		{VEC_DOUBLE_NOISE, 8, TSDB_ENC_DECIMAL, TSDB_ENC_FOR, TSDB_DECIMAL_RESIDUAL | 1, 24 + 1280 + 16 + 128},
		{VEC_DOUBLE_ULP, 8, TSDB_ENC_DECIMAL, TSDB_ENC_FOR, TSDB_DECIMAL_RESIDUAL | 1, 24 + 1280 + 16 + 3 * 128},
		{VEC_DOUBLE_SUM, 8, TSDB_ENC_DECIMAL, TSDB_ENC_FOR, TSDB_DECIMAL_RESIDUAL | 3, 24 + 14 * 128 + 16 + 3 * 128},
		{VEC_DOUBLE_REAL, 8, TSDB_ENC_FOR, TSDB_ENC_FOR, 0, 24 + 52 * 128},
		{VEC_DOUBLE_FLOAT, 8, TSDB_ENC_FLOAT32, TSDB_ENC_FOR, TSDB_FLOAT32_DECIMAL | 3, 32 + 1280},
		{VEC_DOUBLE_FLOAT_REAL, 8, TSDB_ENC_FLOAT32, TSDB_ENC_FOR, 0, 24 + 23 * 128},
		{VEC_DOUBLE_FLOAT_TEXT, 8, TSDB_ENC_FLOAT32, TSDB_ENC_FOR, TSDB_FLOAT32_DECIMAL | TSDB_DECIMAL_RESIDUAL | 3, 32 + 1280 + 16 + 256},
		/* bits of the significand and of the exponents; a table */
		{VEC_DOUBLE_SIGNED, 8, TSDB_ENC_REAL, TSDB_ENC_FOR, ANY_PARAM, 16 + 16 + 8 + 54 * 128 + 16},
		{VEC_DOUBLE_SIGNED_ODD, 8, TSDB_ENC_REAL, TSDB_ENC_FOR, ANY_PARAM, 16 + 16 + 8 + 54 * 128 + 16 + 200},
		{VEC_DOUBLE_RUNS, 8, TSDB_ENC_RLE, TSDB_ENC_RLE, 0, 600},
		{VEC_FLOAT_2, 4, TSDB_ENC_DECIMAL, TSDB_ENC_FOR, 2, 32 + 1280},
		{VEC_FLOAT_ULP, 4, TSDB_ENC_DECIMAL, TSDB_ENC_FOR, TSDB_DECIMAL_RESIDUAL | 2, 32 + 1280 + 16 + 128},
		{VEC_FLOAT_SIGNED, 4, TSDB_ENC_REAL, TSDB_ENC_FOR, ANY_PARAM, 16 + 16 + 8 + 25 * 128 + 16},
		{VEC_FLOAT_REAL, 4, TSDB_ENC_RAW, TSDB_ENC_RAW, 0, 16 + 4096},
	};
	int64_t		values[1024];
	uint8_t		block[10000];
	size_t		i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		const char *name = vec_kind_names[cases[i].kind];
		char		line[100];
		TsdbBlockHeader h;
		TsdbEncoding encoding;
		size_t		size;

		test_start();
		vec_fill(cases[i].kind, 5, cases[i].lane, 1024, values);
		size = round_trip_ints(values, NULL, 1024, cases[i].lane, vec_meaning(cases[i].kind), name, &encoding);
		expect(encoding == cases[i].encoding && size <= cases[i].most, "%s in %zu bytes, not %s in %zu",
			   tsdb_encoding_name(encoding), size, tsdb_encoding_name(cases[i].encoding), cases[i].most);
		(void) tsdb_int_encode(values, NULL, 1024, (TsdbLane) cases[i].lane, vec_meaning(cases[i].kind), block, &encoding, scratch);
		memcpy(&h, block, sizeof(h));
		expect(h.p.payload == cases[i].payload, "payload is %s", tsdb_encoding_name((TsdbEncoding) h.p.payload));
		expect(cases[i].param == ANY_PARAM ||
			   (cases[i].param == ONE_PRODUCT ? (h.param & (TSDB_DECIMAL_MUL14 | TSDB_DECIMAL_MUL16)) != 0 &&
				(h.param & TSDB_DECIMAL_RESIDUAL) == 0 : h.param == cases[i].param), "param is %#x", h.param);
		snprintf(line, sizeof(line), "chooser: %s, lane %d", name, cases[i].lane);
		test_end(line);
	}
}

/* Floats that some program wrote with 16 digits: as ../data/etth1.csv.gz has them. */
static void
test_float_texts(void)
{
	static const char *const texts[] = {"5.827000141143799", "2.009000062942505", "1.598999977111816", "0.4620000123977661",
		"4.203000068664551", "1.340000033378601", "30.5310001373291"};
	int64_t		values[1024];
	TsdbEncoding encoding;
	size_t		size;
	int			i;

	test_start();
	for (i = 0; i < 1024; i++)
		values[i] = vec_double_bits(strtod(texts[(i * 5 + i / 11) % 7], NULL));
	size = round_trip_ints(values, NULL, 1024, 8, TSDB_MEANS_FLOAT8, "texts of floats", &encoding);
	expect(encoding == TSDB_ENC_FLOAT32 && size <= 32 + 15 * 128 + 16 + 4 * 128, "%s in %zu bytes", tsdb_encoding_name(encoding), size);
	test_end("chooser: texts of floats, cut off at 16 digits");
}

/*
 * How NULLs are stored: in the shorter form; up to a quarter of them keep their slots.
 */
static void
test_null_forms(void)
{
	static const struct
	{
		int			pattern;	/* of vec_fill_nulls, 1,024 rows */
		unsigned	form;
	}			cases[] = {
		{0, TSDB_NULLS_NONE}, {1, TSDB_NULLS_ALL}, {2, TSDB_NULLS_RUNS}, {3, TSDB_NULLS_RUNS}, {4, TSDB_NULLS_DENSE},
		{5, TSDB_NULLS_SOME}, {7, TSDB_NULLS_DENSE_RUNS}, {8, TSDB_NULLS_RUNS}, {9, TSDB_NULLS_DENSE_RUNS},
		{10, TSDB_NULLS_DENSE}, {11, TSDB_NULLS_SOME}, {12, TSDB_NULLS_DENSE}
	};
	uint8_t		block[10000];
	int64_t		values[1024];
	bool		isnull[1024];
	size_t		i;

	test_start();
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		TsdbEncoding encoding;
		TsdbBlockHeader h;
		size_t		size;
		int			nvalid;

		vec_fill(VEC_SMALL, 1, 8, 1024, values);
		vec_fill_nulls(cases[i].pattern, 1, 1024, isnull);
		nvalid = 1024 - tsdb_block_count_nulls(isnull, 1024);
		size = round_trip_ints(values, isnull, 1024, 8, TSDB_MEANS_INT, "NULL forms", &encoding);
		(void) tsdb_int_encode(values, isnull, 1024, TSDB_LANE_INT64, TSDB_MEANS_INT, block, &encoding, scratch);
		memcpy(&h, block, sizeof(h));
		expect(h.null_form == cases[i].form, "pattern %d has form %d, not %u", cases[i].pattern, h.null_form, cases[i].form);
		/* ten bits a value, rows of 64 values */
		if (tsdb_block_is_dense(&h))
			expect(size <= 24 + 128 + tsdb_ffor_size(nvalid, 10, nvalid < TSDB_FFOR_MIN_INTERLEAVED),
				   "pattern %d: %zu bytes for %d values", cases[i].pattern, size, nvalid);
		if (h.null_form == TSDB_NULLS_RUNS || h.null_form == TSDB_NULLS_DENSE_RUNS)
			expect(size <= 24 + 14 + tsdb_ffor_size(tsdb_block_is_dense(&h) ? nvalid : 1024, 10, nvalid < TSDB_FFOR_MIN_INTERLEAVED),
				   "pattern %d: %zu bytes", cases[i].pattern, size);
	}
	test_end("NULL forms: none, all, bitmap, runs, dense");
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

/*-------------- verification --------------*/

/* Kernels that are wrong in one value or bit. */

static const TsdbKernels *sound;	/* what the broken ones are made of */

static void
broken_prefix_sum(uint64_t *values, int n)
{
	sound->prefix_sum(values, n);
	values[n - 1]++;
}

static void
broken_add_line(uint64_t *values, int n, uint64_t step)
{
	sound->add_line(values, n, step);
	values[n / 2] += 2;
}

static void
broken_line(uint64_t first, uint64_t step, int n, uint64_t *out)
{
	sound->line(first, step, n, out);
	out[n - 1] ^= 1;
}

static void
broken_unpack(const uint8_t *in, int n, unsigned width, bool horizontal, uint64_t base, uint64_t factor,
			  uint64_t *out, uint64_t *narrow)
{
	sound->unpack(in, n, width, horizontal, base, factor, out, narrow);
	out[n - 1] ^= 4;
}

static void
broken_pack(const uint64_t *values, int n, unsigned width, bool horizontal, uint8_t *out, uint64_t *narrow)
{
	sound->pack(values, n, width, horizontal, out, narrow);
	if (width > 0)
		out[0] ^= 1;
}

static void
broken_decimal_doubles(int64_t *values, int n, const TsdbDecimalScale *scale)
{
	sound->decimal_doubles(values, n, scale);
	values[n / 3]++;
}

static void
broken_decimal_floats(int64_t *values, int n, const TsdbDecimalScale *scale)
{
	sound->decimal_floats(values, n, scale);
	values[n / 3]++;
}

static uint64_t
broken_scale_doubles(const int64_t *bits, int n, const TsdbDecimalScale *scale, int64_t *ints, int64_t *diff)
{
	uint64_t	any = sound->scale_doubles(bits, n, scale, ints, diff);

	ints[n - 1]++;
	return any;
}

static void
broken_floats_to_doubles(int64_t *values, int n)
{
	sound->floats_to_doubles(values, n);
	values[0] ^= INT64_C(1) << 40;
}

static void
broken_join_real(const uint64_t *right, const uint64_t *index, int n, const uint64_t *dict, unsigned shift, uint64_t *out)
{
	sound->join_real(right, index, n, dict, shift, out);
	out[n - 1] ^= UINT64_C(1) << shift;
}

static int
broken_run_starts(const int64_t *v, int n, uint16_t *starts)
{
	int			nruns = sound->run_starts(v, n, starts);

	if (nruns > 2)
		starts[1]++;
	return nruns;
}

static int
broken_collect_wide(uint64_t *codes, int n, unsigned width, uint16_t *pos)
{
	int			count = sound->collect_wide(codes, n, width, pos);

	/* a patch at the neighbour's place */
	if (count > 0)
		pos[0] ^= 1;
	return count;
}

static void
broken_expand64(const uint64_t *dense, int n, const uint64_t *bitmap, uint64_t fill, uint64_t *out)
{
	sound->expand64(dense, n, bitmap, fill, out);
	out[1] ^= 1;
}

static void
broken_join_planes(const uint8_t *const *planes, int nplanes, int n, uint64_t *codes)
{
	sound->join_planes(planes, nplanes, n, codes);
	codes[n - 1] ^= 1;
}

/* With broken kernels a block is RAW, counted, and right when the kernels are sound. */
static void
test_verification(void)
{
	enum
	{
		PREFIX_SUM, ADD_LINE, LINE, LINE_CONST, UNPACK, PACK, DECIMAL_DOUBLES, DECIMAL_FLOATS, SCALE_DOUBLES, FLOATS_TO_DOUBLES,
		JOIN_REAL, RUN_STARTS, COLLECT_WIDE, EXPAND, JOIN_PLANES, NBROKEN
	};
	static const struct
	{
		const char *name;
		VecKind		kind;
		int			null_pattern;
	}			cases[NBROKEN] = {
		[PREFIX_SUM] = {"prefix_sum", VEC_COUNTER, 0},
		[ADD_LINE] = {"add_line", VEC_LINE, 0},
		[LINE] = {"line", VEC_TIME_REGULAR, 0},
		[LINE_CONST] = {"line, one value", VEC_CONST, 5},
		[UNPACK] = {"unpack", VEC_SMALL, 0},
		[PACK] = {"pack", VEC_SMALL, 5},
		[DECIMAL_DOUBLES] = {"decimal_doubles", VEC_DOUBLE_2, 0},
		[DECIMAL_FLOATS] = {"decimal_floats", VEC_FLOAT_2, 0},
		[SCALE_DOUBLES] = {"scale_doubles", VEC_DOUBLE_WALK, 0},
		[FLOATS_TO_DOUBLES] = {"floats_to_doubles", VEC_DOUBLE_FLOAT_REAL, 0},
		[JOIN_REAL] = {"join_real", VEC_DOUBLE_SIGNED, 0},
		[RUN_STARTS] = {"run_starts", VEC_RUNS, 0},
		[COLLECT_WIDE] = {"collect_wide", VEC_OUTLIERS_HIGH, 0},
		[EXPAND] = {"expand64", VEC_SMALL, 4},
		[JOIN_PLANES] = {"join_planes", VEC_SKEWED_STEPS, 0},
	};
	int64_t		values[1024];
	int64_t		out[1024];
	bool		isnull[1024];
	bool		out_null[1024];
	int			i;

	test_start();
	tsdb_simd_use(TSDB_SIMD_AVX512);
	sound = tsdb_kernels;
	for (i = 0; i < NBROKEN; i++)
	{
		TsdbKernels broken = *sound;
		TsdbLaneMeaning meaning = vec_meaning(cases[i].kind);
		TsdbLane	lane = meaning == TSDB_MEANS_FLOAT4 ? TSDB_LANE_INT32 : TSDB_LANE_INT64;
		size_t		bound = tsdb_int_bound(1024, lane);
		Guarded		g = guarded_alloc(bound);
		Planes		planes;
		TsdbEncoding encoding;
		size_t		size;
		int			nplanes = 0;
		int			nnulls = -1;

		broken.name = cases[i].name;
		switch (i)
		{
			case PREFIX_SUM:
				broken.prefix_sum = broken_prefix_sum;
				break;
			case ADD_LINE:
				broken.add_line = broken_add_line;
				break;
			case LINE:
			case LINE_CONST:
				broken.line = broken_line;
				break;
			case UNPACK:
				broken.unpack = broken_unpack;
				break;
			case PACK:
				broken.pack = broken_pack;
				break;
			case DECIMAL_DOUBLES:
				broken.decimal_doubles = broken_decimal_doubles;
				break;
			case DECIMAL_FLOATS:
				broken.decimal_floats = broken_decimal_floats;
				break;
			case SCALE_DOUBLES:
				broken.scale_doubles = broken_scale_doubles;
				break;
			case FLOATS_TO_DOUBLES:
				broken.floats_to_doubles = broken_floats_to_doubles;
				break;
			case JOIN_REAL:
				broken.join_real = broken_join_real;
				break;
			case RUN_STARTS:
				broken.run_starts = broken_run_starts;
				break;
			case COLLECT_WIDE:
				broken.collect_wide = broken_collect_wide;
				break;
			case EXPAND:
				broken.expand64 = broken_expand64;
				break;
			case JOIN_PLANES:
				broken.join_planes = broken_join_planes;
				break;
		}
		planes_alloc(&planes, 1024);
		vec_fill(cases[i].kind, 5, lane, 1024, values);
		vec_fill_nulls(cases[i].null_pattern, 5, 1024, isnull);
		scratch->nfallbacks = 0;
		tsdb_kernels = &broken;
		if (i == JOIN_PLANES)
			size = tsdb_int_encode_cold(values, isnull, 1024, lane, meaning, planes.at, &nplanes, g.p, &encoding, scratch);
		else
			size = tsdb_int_encode(values, isnull, 1024, lane, meaning, g.p, &encoding, scratch);
		tsdb_kernels = sound;
		expect(encoding == TSDB_ENC_RAW && size <= bound && guarded_intact(&g), "%s: %s in %zu bytes", cases[i].name,
			   tsdb_encoding_name(encoding), size);
		expect(tsdb_codec_fallbacks(scratch) == 1, "%s: %u fallbacks", cases[i].name, tsdb_codec_fallbacks(scratch));
		if (expect(tsdb_int_decode(g.p, size, 1024, lane, out, out_null, &nnulls, scratch2), "%s: does not decode", cases[i].name))
			expect_rows(values, isnull, 1024, out, out_null, nnulls, cases[i].name, encoding);
		/* nothing is left in planes that no block uses */
		expect(nplanes == 0, "%s: %d planes", cases[i].name, nplanes);
		planes_free(&planes);
		guarded_free(&g);
	}
	scratch->nfallbacks = 0;
	test_end("broken kernels: blocks that do not verify are RAW");
}

/*-------------- sums --------------*/

/* Values whose numbers or steps are small: what sums are made for. */
static void
fill_for_sums(int kind, uint64_t *st, int n, int64_t *values)
{
	int64_t		walk = (int64_t) (vec_random(st) % 2000000) - 1000000;
	int64_t		factor = kind & 1 ? 1 : 25;
	int64_t		reach = kind & 2 ? 7 : 3000;
	int			i;

	for (i = 0; i < n; i++)
	{
		int64_t		x = (int64_t) (vec_random(st) % (uint64_t) (2 * reach)) - reach;

		/* a walk, or noise around one place; an outlier now and then */
		if (kind & 4)
			walk += factor * x;
		if ((kind & 8) && vec_random(st) % 100 == 0)
			walk += 70000 * factor;
		values[i] = walk + (kind & 4 ? 0 : factor * x);
		if (kind & 16)
		{
			double		d = (double) values[i] / 100;

			memcpy(&values[i], &d, sizeof(d));
		}
	}
}

/* Comparing the integers that decimals stand on with bounds is comparing the decimals, with values, neighbours of them, and all the others. */
static void
check_narrow_bounds(const int64_t *bits, const int32_t *narrow, int n, unsigned scale, uint64_t *st)
{
	double		c[12] = {0, -0.0, 1e300, -1e300, HUGE_VAL, -HUGE_VAL, NAN, 0.005, -123.455};
	int			i;
	int			row;

	for (i = 9; i < 12; i++)
	{
		int64_t		near = bits[vec_random(st) % (uint64_t) n] + i - 10;

		memcpy(&c[i], &near, sizeof(double));
	}
	for (i = 0; i < 12; i++)
	{
		int64_t		not_below;
		int64_t		above;

		tsdb_narrow_bounds(c[i], scale, &not_below, &above);
		for (row = 0; row < n; row++)
		{
			double		d;
			bool		greater;

			memcpy(&d, &bits[row], sizeof(d));
			greater = !isnan(c[i]) && d > c[i];
			expect((narrow[row] >= above) == greater && (narrow[row] >= not_below) == (greater || d == c[i]),
				   "scale %u: %.17g and %.17g compare otherwise than %d with %lld and %lld", scale, d, c[i], narrow[row],
				   (long long) not_below, (long long) above);
		}
	}
}

/* Sums of encoded blocks are those of the values that they decode to, and many blocks can be added up so. */
static void
test_sums(void)
{
	uint64_t	st = vec_seed(77);
	int64_t		values[1024];
	int64_t		out[1024];
	bool		isnull[1024];
	TsdbRowRange ranges[1024];
	int64_t		sums[1024];
	double		doubles[1024];
	int			added_up[32] = {0};
	int			narrowed[32] = {0};
	int32_t		narrow[1024];
	unsigned	scale = 0;
	int			kind;
	int			round;
	int			i;
	int			r;

	test_start();
	for (kind = 0; kind < 32; kind++)
		for (round = 0; round < 120; round++)
		{
			bool		floats = (kind & 16) != 0;
			int			n = round < 4 ? 1024 : 256 + (int) (vec_random(&st) % 769);
			Guarded		g = guarded_alloc(tsdb_int_bound(n, TSDB_LANE_INT64));
			TsdbEncoding encoding;
			size_t		size;
			int			nnulls;
			int			nranges = 0;
			int			at = 0;
			uint8_t    *copy;
			bool		ok;

			tsdb_simd_use(tiers[round % ntiers]);
			fill_for_sums(kind, &st, n, values);
			size = tsdb_int_encode(values, NULL, n, TSDB_LANE_INT64, floats ? TSDB_MEANS_FLOAT8 : TSDB_MEANS_INT, g.p,
								   &encoding, scratch);
			copy = exact_copy(g.p, size);
			while (at < n)
			{
				int			count = round == 0 ? n : 1 + (int) (vec_random(&st) % (round % 3 == 0 ? 400 : 20));

				at += round == 0 ? 0 : (int) (vec_random(&st) % 4) / 2 * (int) (vec_random(&st) % 9);
				if (at >= n)
					break;
				count = count < n - at ? count : n - at;
				ranges[nranges].first = (uint16_t) at;
				ranges[nranges++].count = (uint16_t) count;
				at += count;
			}
			ok = floats ? tsdb_double_sums(copy, size, n, ranges, nranges, doubles, scratch2) :
				tsdb_int_sums(copy, size, n, TSDB_LANE_INT64, ranges, nranges, sums, scratch2);
			if (ok)
			{
				added_up[kind]++;
				expect(tsdb_int_decode(copy, size, n, TSDB_LANE_INT64, out, isnull, &nnulls, scratch), "kind %d does not decode", kind);
				for (r = 0; r < nranges; r++)
				{
					int64_t		want = 0;
					double		exact = 0;
					double		magnitude = 0;

					for (i = ranges[r].first; i < ranges[r].first + ranges[r].count; i++)
					{
						double		d;

						memcpy(&d, &out[i], sizeof(d));
						want += floats ? 0 : out[i];
						exact += floats ? d : 0;
						magnitude += floats && d < 0 ? -d : floats ? d : 0;
					}
					if (floats)
						expect(doubles[r] - exact <= magnitude * 1e-13 && exact - doubles[r] <= magnitude * 1e-13,
							   "kind %d, round %d, range %d: %.17g, not %.17g", kind, round, r, doubles[r], exact);
					else
						expect(sums[r] == want, "kind %d, round %d, range %d of %d rows: %lld, not %lld", kind, round, r,
							   ranges[r].count, (long long) sums[r], (long long) want);
				}
			}
			ok = floats ? tsdb_double_narrow(copy, size, n, narrow, &scale, scratch2) :
				tsdb_int_narrow(copy, size, n, TSDB_LANE_INT64, narrow, scratch2);
			if (ok)
			{
				narrowed[kind]++;
				expect(tsdb_int_decode(copy, size, n, TSDB_LANE_INT64, out, isnull, &nnulls, scratch), "kind %d does not decode", kind);
				if (floats)
				{
					check_narrow_bounds(out, narrow, n, scale, &st);
					tsdb_narrow_decode(narrow, n, scale, sums);
				}
				for (i = 0; i < n; i++)
					expect(out[i] == (floats ? sums[i] : narrow[i]), "kind %d, round %d, narrow row %d: %llx, not %llx", kind, round, i,
						   (unsigned long long) (floats ? sums[i] : narrow[i]), (unsigned long long) out[i]);
			}
			/* whatever the bytes, nothing is read beyond them */
			if (round < 30)
				for (i = 0; i < 20; i++)
				{
					uint8_t    *damaged = exact_copy(g.p, size);
					uint8_t    *cut;

					damaged[vec_random(&st) % (i < 10 && size > 40 ? 40 : size)] ^= (uint8_t) (1 << vec_random(&st) % 8);
					cut = exact_copy(damaged, size - (size_t) (i % 3));
					(void) tsdb_double_sums(cut, size - (size_t) (i % 3), n, ranges, nranges, doubles, scratch2);
					(void) tsdb_int_sums(cut, size - (size_t) (i % 3), n, TSDB_LANE_INT64, ranges, nranges, sums, scratch2);
					(void) tsdb_double_narrow(cut, size - (size_t) (i % 3), n, narrow, &scale, scratch2);
					(void) tsdb_int_narrow(cut, size - (size_t) (i % 3), n, TSDB_LANE_INT64, narrow, scratch2);
					free(damaged);
					free(cut);
				}
			free(copy);
			guarded_free(&g);
		}
	for (kind = 0; kind < 32; kind++)
		expect(added_up[kind] >= 60, "of kind %d only %d of 120 blocks were added up", kind, added_up[kind]);
	for (kind = 0; kind < 32; kind++)
		expect(narrowed[kind] >= 60, "of kind %d only %d of 120 blocks came as integers of 32 bits", kind, narrowed[kind]);
	tsdb_simd_use(tiers[ntiers - 1]);
	test_end("sums over ranges of encoded blocks");
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
				scratch_soil(0x11 * kind);
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
				expect(one_string_differs(copy, size, n, NULL, NULL, 0, true, out, out_null, nnulls, scratch2) < 0,
					   "kind %d, n %d, pattern %d: a string alone differs", kind, n, pattern);
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
				expect(one_code_differs(copy, size, n, counts[c], NULL, 0, true, out, out_null, nnulls, scratch2) < 0,
					   "%u entries, n %d, pattern %d: a code alone differs", counts[c], n, pattern);
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

/* A vector; cold: a second field of the line holds its packed planes. */
static void
write_golden_ints(VecKind kind, int lane, int n, int null_pattern, bool cold)
{
	static uint8_t block[100000];
	int64_t		values[1024];
	bool		isnull[1024];
	char		name[100];
	Planes		planes;
	TsdbEncoding encoding;
	size_t		size;
	int			nplanes = 0;
	int			i;

	vec_fill(kind, 2, lane, n, values);
	vec_fill_nulls(null_pattern, 2, n, isnull);
	planes_alloc(&planes, n);
	if (cold)
		size = tsdb_int_encode_cold(values, isnull, n, (TsdbLane) lane, vec_meaning(kind), planes.at, &nplanes, block, &encoding, scratch);
	else
		size = tsdb_int_encode(values, isnull, n, (TsdbLane) lane, vec_meaning(kind), block, &encoding, scratch);
	for (i = 0; i < n; i++)
		values[i] = isnull[i] ? 0 : values[i];
	snprintf(name, sizeof(name), "%s-%s%s", vec_kind_names[kind], tsdb_encoding_name(encoding),
			 null_pattern == 4 ? "-dense" : null_pattern == 8 ? "-runs" : null_pattern == 9 ? "-dense-runs" : "");
	if (nplanes > 0)
	{
		uint8_t    *packed = test_alloc(tsdb_planes_bound(nplanes, (uint32_t) n));
		size_t		packed_size = tsdb_planes_pack((const uint8_t *const *) planes.at, nplanes, (uint32_t) n, packed);

		printf("%s cold %d %d %016llx ", name, lane, n, (unsigned long long) hash_rows(values, isnull, n));
		for (i = 0; i < (int) size; i++)
			printf("%02x", block[i]);
		printf(" ");
		for (i = 0; i < (int) packed_size; i++)
			printf("%02x", packed[i]);
		printf("\n");
		free(packed);
	}
	else
		print_golden(name, "int", lane, n, values, isnull, block, size);
	planes_free(&planes);
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
		int			l;

		for (l = 0; l < 4; l++)
		{
			int			n = kind % 4 == 0 ? 40 : kind % 4 == 1 ? 300 : kind % 4 == 2 ? 77 : 256;
			bool		with_nulls = (kind + l) % 3 == 0;

			if (!vec_kind_has_lane((VecKind) kind, lanes[l]) || (lanes[l] < 8 && (kind + l) % 4 != 0 && kind < VEC_FLOAT_2))
				continue;
			if (kind == VEC_TIME_REGULAR || kind == VEC_TIME_SERIES || kind == VEC_LONG_RUNS)
				n = 1024;
			write_golden_ints((VecKind) kind, lanes[l], n, with_nulls ? 5 : 0, false);
		}
	}
	for (i = 0; i < 3; i++)
	{
		static const int patterns[] = {4, 8, 9};

		write_golden_ints(VEC_SMALL, 4, 300, patterns[i], false);
		write_golden_ints(VEC_DOUBLE_2, 8, 300, patterns[i], false);
		write_golden_ints(VEC_SKEWED_STEPS, 8, 300, patterns[i], true);
	}
	/* steps, values around a base, patches, a factor; as decimals, with residuals */
	write_golden_ints(VEC_SKEWED_STEPS, 8, 400, 0, true);
	write_golden_ints(VEC_OUTLIERS_BOTH, 8, 400, 0, true);
	write_golden_ints(VEC_GCD_WIDE, 8, 200, 0, true);
	write_golden_ints(VEC_WALK, 4, 700, 0, true);
	write_golden_ints(VEC_TIME_JITTER, 8, 700, 0, true);
	write_golden_ints(VEC_DOUBLE_SUM, 8, 400, 0, true);
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
	unsigned	seen_forms = 0;

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
			ok = tsdb_int_decode(copy, size, n, (TsdbLane) lane, values, isnull, &nnulls, scratch) &&
				one_int_differs(copy, size, n, (TsdbLane) lane, NULL, 0, true, true, values, isnull, nnulls, scratch2) < 0;
		else if (strcmp(family, "cold") == 0)
		{
			static uint8_t packed[20000];
			size_t		packed_size = 0;
			Planes		planes;
			int			nplanes;

			for (at++; line[at] > ' ' && line[at + 1] > ' '; at += 2)
			{
				unsigned	byte = 0;

				sscanf(line + at, "%2x", &byte);
				packed[packed_size++] = (uint8_t) byte;
			}
			planes_alloc(&planes, n);
			nplanes = tsdb_planes_count(packed, packed_size, (uint32_t) n);
			ok = nplanes > 0 && tsdb_planes_unpack(packed, packed_size, (uint32_t) n, planes.at) &&
				tsdb_int_decode_cold(copy, size, n, (TsdbLane) lane, (const uint8_t *const *) planes.at, nplanes, values, isnull, &nnulls,
									 scratch) &&
				one_int_differs(copy, size, n, (TsdbLane) lane, (const uint8_t *const *) planes.at, nplanes, true, true, values,
								isnull, nnulls, scratch2) < 0;
			planes_free(&planes);
		}
		else if (strcmp(family, "codes") == 0)
		{
			ok = tsdb_codes_decode(copy, size, n, 61, codes, isnull, &nnulls, scratch) &&
				one_code_differs(copy, size, n, 61, NULL, 0, true, codes, isnull, nnulls, scratch2) < 0;
			for (i = 0; i < n && ok; i++)
				values[i] = codes[i];
		}
		else if (strcmp(family, "bytes") == 0)
		{
			ok = tsdb_bytes_decode(copy, size, n, strings, isnull, &nnulls, scratch) &&
				one_string_differs(copy, size, n, NULL, NULL, 0, true, strings, isnull, nnulls, scratch2) < 0;
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
		{
			seen |= 1U << tsdb_block_encoding(copy, size);
			seen_forms |= 1U << copy[1];
		}
		free(copy);
		nlines++;
	}
	fclose(file);
	/* those of strings that come later: golden/bytes.txt */
	expect(nlines >= 110 && seen == (1U << (TSDB_ENC_REAL + 1)) - 1, "%d blocks, encodings %x", nlines, seen);
	expect(seen_forms == (1U << (TSDB_NULLS_DENSE_RUNS + 1)) - 1, "NULL forms %x", seen_forms);
	test_end("golden blocks decode");
}

static void
test_names(void)
{
	int			e;

	test_start();
	expect(strcmp(tsdb_encoding_name(TSDB_ENC_DECIMAL), "decimal") == 0, "name");
	expect(strcmp(tsdb_encoding_name((TsdbEncoding) 200), "unknown") == 0, "unknown name");
	expect(tsdb_block_encoding((const uint8_t *) "\4", 1) == TSDB_ENC_NULL, "short block");
	expect(strcmp(tsdb_encoding_name(TSDB_ENC_PLANES), "planes") == 0, "name");
	for (e = 0; e < TSDB_NENCODINGS; e++)
		expect(strcmp(tsdb_encoding_name((TsdbEncoding) e), "unknown") != 0, "encoding %d has no name", e);
	expect(strcmp(tsdb_encoding_name((TsdbEncoding) TSDB_NENCODINGS), "unknown") == 0, "one encoding too many");
	expect(tsdb_codec_scratch_size() <= 150 * 1024, "scratch of %zu bytes", tsdb_codec_scratch_size());
	test_end("names and sizes");
}

int
main(int argc, char **argv)
{
	test_setup();
	if (argc > 1 && strcmp(argv[1], "--golden") == 0)
	{
		write_golden();
		return 0;
	}
	test_names();
	test_packing(false);
	test_packing(true);
	test_int_kinds();
	test_int_nulls();
	test_int_widths();
	test_int_mixtures();
	test_chooser();
	test_float_texts();
	test_null_forms();
	test_exceptions();
	test_verification();
	test_sums();
	test_bytes();
	test_codes();
	test_dict();
	test_golden(argc > 1 ? argv[1] : "golden");
	return test_finish();
}
