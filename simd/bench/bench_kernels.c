/*-------------------------------------------------------------------------
 * bench_kernels.c
 *	  Cycles a value of each kernel, for every instruction set that this processor has.
 *
 *	bench_kernels				all
 *	bench_kernels name ...		those whose name begins so
 *	bench_kernels --widths		unpack, unpack_lanes, pack by width
 *
 * Vectors of 1,024 values in L1.  Cycles come from a chain of dependent subtractions timed in the same
 * process, so they are core cycles whatever the clock does.  Each figure is the best of several
 * repetitions.  The control, memcpy of 8 KB, is measured anew beside each kernel: a line's last columns
 * are ratios to it, and are to be trusted if it stands at 0.2 and does not move.
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cycles.h"
#include "ffor.h"
#include "kernels.h"

#define N			1024
#define REPEAT		15
#define NTIERS		3

static double cycle;

#define MEASURE(result, loops, body) MEASURE_BEST(result, REPEAT, loops, cycle, body)

/*
 * A load has to wait for a store shortly before it whose address ends in the same 12 bits.  So each output lies a
 * little below a multiple of 4 KB behind its inputs: such a store is then a hundred registers back.
 */
#define PAD			3584

static struct
{
	uint8_t		packed[N * 8];
	uint8_t		pad1[PAD];
	int64_t		in[N];
	uint8_t		pad2[PAD];
	uint64_t	narrow[N];
	uint8_t		pad3[PAD];
	int64_t		out[N];
	uint8_t		pad4[PAD];
	int64_t		out2[N];
	uint8_t		pad5[PAD];
	uint64_t	bits[N / 64];
	uint64_t	bits2[N / 64];
	uint16_t	pos[N];
	uint16_t	histogram[65];
	uint8_t		planes[8][N + 192];
	uint64_t	dict[256];
	bool		bools[N];
}			b __attribute__((aligned(4096)));

static const TsdbDecimalScale by_division = {false, 1e2, 1, 1};
static const TsdbDecimalScale by_product = {true, 1e2, 1e12, 1e-14};
static volatile uint64_t sink;

static uint64_t
rnd(void)
{
	static uint64_t seed = 1;
	uint64_t	z = (seed += UINT64_C(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

static void
fill_bits(unsigned width)
{
	int			i;

	for (i = 0; i < N; i++)
		b.in[i] = (int64_t) (rnd() & (width == 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1));
	tsdb_kernels->pack((uint64_t *) b.in, N, width, false, b.packed, b.narrow);
}

static void
fill_doubles(void)
{
	int			i;

	for (i = 0; i < N; i++)
	{
		double		d = (double) (rnd() % 100000) / 100;

		memcpy(&b.in[i], &d, sizeof(d));
	}
}

static void
fill_floats(void)
{
	int			i;

	for (i = 0; i < N; i++)
	{
		double		d = (float) (rnd() % 100000) / 100;

		d = (float) d;
		memcpy(&b.in[i], &d, sizeof(d));
	}
}

static void
fill_float_bits(void)
{
	int			i;

	for (i = 0; i < N; i++)
	{
		float		f = (float) ((double) (rnd() % 100000) / 100);
		int32_t		bits;

		memcpy(&bits, &f, sizeof(bits));
		b.in[i] = bits;
	}
}

static void
fill_half(void)
{
	int			i;

	fill_bits(13);
	for (i = 0; i < N / 64; i++)
	{
		b.bits[i] = rnd();
		b.bits2[i] = rnd();
	}
	for (i = 0; i < N; i++)
		b.bools[i] = rnd() & 1;
}

static void
fill_runs(void)
{
	int64_t		x = 0;
	int			i;

	for (i = 0; i < N; i++)
	{
		if (rnd() % 20 == 0)
			x = (int64_t) (rnd() % 100000);
		b.in[i] = x;
	}
}

/* codes of 13 bits, one in 100 wide */
static void
fill_outliers(void)
{
	int			i;

	for (i = 0; i < N; i++)
		b.in[i] = (int64_t) (rnd() % 100 == 0 ? rnd() : rnd() & 8191);
}

static void
fill_index(void)
{
	int			i;

	fill_bits(48);
	for (i = 0; i < N; i++)
	{
		b.out2[i] = (int64_t) (rnd() & 7);
		((uint8_t *) b.packed)[i] = (uint8_t) (rnd() & 255);
	}
}

static uint8_t *planes[8] = {b.planes[0], b.planes[1], b.planes[2], b.planes[3], b.planes[4], b.planes[5], b.planes[6], b.planes[7]};
static const uint8_t *const const_planes[8] = {b.planes[0], b.planes[1], b.planes[2], b.planes[3], b.planes[4], b.planes[5], b.planes[6], b.planes[7]};

#define K tsdb_kernels
#define U(p) ((uint64_t *) (p))

static TsdbScalar five_thousand = {.i = 5000};
static TsdbScalar hundred = {.i = 100};
static TsdbScalar real = {.d = 500};
static TsdbScalar lo, hi;

/* name, preparation, body */
#define KERNELS(F) \
	F("unpack W=5", fill_bits(5), K->unpack(b.packed, N, 5, false, 1000, 1, U(b.out), b.narrow)) \
	F("unpack W=13", fill_bits(13), K->unpack(b.packed, N, 13, false, 1000, 1, U(b.out), b.narrow)) \
	F("unpack W=21", fill_bits(21), K->unpack(b.packed, N, 21, false, 1000, 1, U(b.out), b.narrow)) \
	F("unpack W=32", fill_bits(32), K->unpack(b.packed, N, 32, false, 1000, 1, U(b.out), b.narrow)) \
	F("unpack W=41", fill_bits(41), K->unpack(b.packed, N, 41, false, 1000, 1, U(b.out), b.narrow)) \
	F("unpack W=52", fill_bits(52), K->unpack(b.packed, N, 52, false, 1000, 1, U(b.out), b.narrow)) \
	F("unpack W=13, factor 60", fill_bits(13), K->unpack(b.packed, N, 13, false, 1000, 60, U(b.out), b.narrow)) \
	F("unpack W=13, 200, horizontal", fill_bits(13), K->unpack(b.packed, 200, 13, true, 1000, 1, U(b.out), b.narrow)) \
	F("unpack_lanes W=5", fill_bits(5), K->unpack_lanes(b.packed, N, 5, b.out)) \
	F("unpack_lanes W=13", fill_bits(13), K->unpack_lanes(b.packed, N, 13, b.out)) \
	F("unpack_lanes W=21", fill_bits(21), K->unpack_lanes(b.packed, N, 21, b.out)) \
	F("pack W=13", fill_bits(13), K->pack(U(b.in), N, 13, false, b.packed, b.narrow)) \
	F("pack W=41", fill_bits(41), K->pack(U(b.in), N, 41, false, b.packed, b.narrow)) \
	F("unpack_sum W=5", fill_bits(5), sink = (uint64_t) K->unpack_sum(b.packed, N, 5, NULL)) \
	F("unpack_sum W=13", fill_bits(13), sink = (uint64_t) K->unpack_sum(b.packed, N, 13, NULL)) \
	F("unpack_sum W=21", fill_bits(21), sink = (uint64_t) K->unpack_sum(b.packed, N, 21, NULL)) \
	F("unpack_sum W=13, mask", fill_half(), sink = (uint64_t) K->unpack_sum(b.packed, N, 13, b.bits)) \
	F("unpack_compare W=5", fill_bits(5), K->unpack_compare(b.packed, N, 5, TSDB_CMP_LT, 11, b.bits)) \
	F("unpack_compare W=13", fill_bits(13), K->unpack_compare(b.packed, N, 13, TSDB_CMP_LT, 5000, b.bits)) \
	F("unpack_compare W=21", fill_bits(21), K->unpack_compare(b.packed, N, 21, TSDB_CMP_LT, 50000, b.bits)) \
	F("prefix_sum", fill_bits(13), K->prefix_sum(U(b.in), N)) \
	F("prefix_sum32", fill_bits(13), K->prefix_sum32((uint32_t *) b.in, N)) \
	F("scale_lanes uint16", fill_bits(13), K->scale_lanes(TSDB_ELEM_U16, b.in, N, 5, 3, (uint32_t *) b.out)) \
	F("crc32c, 8 bytes", fill_bits(64), sink = K->crc32c != NULL ? K->crc32c(0, b.in, N * 8) : 0) \
	F("deltas", fill_bits(13), K->deltas(b.in, N, b.out)) \
	F("add_line", fill_bits(13), K->add_line(U(b.in), N, 60)) \
	F("line", fill_bits(13), K->line(1, 60, N, U(b.out))) \
	F("subtract", fill_bits(13), sink = K->subtract(b.in, N, 5, U(b.out))) \
	F("divide_exact", fill_bits(13), sink = K->divide_exact(b.in, N, 0, 2, UINT64_C(0xEEEEEEEEEEEEEEEF), 1 << 20, U(b.out))) \
	F("width_histogram W=13", fill_bits(13), K->width_histogram(U(b.in), N, b.histogram)) \
	F("width_histogram, outliers", fill_outliers(), K->width_histogram(U(b.in), N, b.histogram)) \
	F("collect_wide, none", fill_bits(13), sink = (uint64_t) K->collect_wide(U(b.in), N, 13, b.pos)) \
	F("run_starts, 51 runs", fill_runs(), sink = (uint64_t) K->run_starts(b.in, N, b.pos)) \
	F("count_changes", fill_runs(), sink = (uint64_t) K->count_changes(b.in, N)) \
	F("zigzag", fill_bits(13), sink = K->zigzag(b.in, N, 5, U(b.out))) \
	F("unzigzag", fill_bits(13), K->unzigzag(U(b.in), N, 5, U(b.out))) \
	F("split_planes, 3", fill_bits(24), K->split_planes(U(b.in), N, 3, planes)) \
	F("split_planes, 8", fill_bits(64), K->split_planes(U(b.in), N, 8, planes)) \
	F("join_planes, 3", fill_bits(24), K->join_planes(const_planes, 3, N, U(b.out))) \
	F("join_planes, 8", fill_bits(64), K->join_planes(const_planes, 8, N, U(b.out))) \
	F("widen_signed, 4", fill_bits(64), K->widen_signed((uint8_t *) b.in, N, 4, b.out)) \
	F("decimal_doubles, divide", fill_bits(13), K->decimal_doubles(b.in, N, &by_division)) \
	F("decimal_doubles, multiply", fill_bits(13), K->decimal_doubles(b.in, N, &by_product)) \
	F("decimal_floats, multiply", fill_bits(13), K->decimal_floats(b.in, N, &by_product)) \
	F("scale_doubles, divide", fill_doubles(), sink = K->scale_doubles(b.in, N, &by_division, b.out, b.out2)) \
	F("scale_doubles, multiply", fill_doubles(), sink = K->scale_doubles(b.in, N, &by_product, b.out, b.out2)) \
	F("scale_floats, divide", fill_float_bits(), sink = K->scale_floats(b.in, N, &by_division, b.out, b.out2)) \
	F("doubles_to_floats", fill_floats(), sink = (uint64_t) K->doubles_to_floats(b.in, N, b.out, b.bits)) \
	F("floats_to_doubles", fill_bits(30), K->floats_to_doubles(b.in, N)) \
	F("join_real", fill_index(), K->join_real(U(b.in), U(b.out2), N, b.dict, 48, U(b.out))) \
	F("bitmap_and", fill_half(), K->bitmap_and(b.bits, b.bits2, N, U(b.out))) \
	F("bitmap_count", fill_half(), sink = (uint64_t) K->bitmap_count(b.bits, N)) \
	F("bitmap_from_bools", fill_half(), K->bitmap_from_bools(b.bools, N, U(b.out))) \
	F("bitmap_to_bools", fill_half(), K->bitmap_to_bools(b.bits, N, (bool *) b.out)) \
	F("bitmap_to_rows", fill_half(), sink = (uint64_t) K->bitmap_to_rows(b.bits, N, b.pos)) \
	F("select64", fill_half(), sink = (uint64_t) K->select64(U(b.in), N, b.bits, U(b.out))) \
	F("expand64", fill_half(), K->expand64(U(b.in), N, b.bits, 7, U(b.out))) \
	F("zero_rows", fill_half(), K->zero_rows(b.in, N, b.bits)) \
	F("compare uint8", fill_bits(8), K->compare(TSDB_ELEM_U8, b.in, N, TSDB_CMP_LT, hundred, b.bits)) \
	F("compare int16", fill_bits(16), K->compare(TSDB_ELEM_I16, b.in, N, TSDB_CMP_LT, five_thousand, b.bits)) \
	F("compare int32", fill_bits(32), K->compare(TSDB_ELEM_I32, b.in, N, TSDB_CMP_LT, five_thousand, b.bits)) \
	F("compare int64", fill_bits(13), K->compare(TSDB_ELEM_I64, b.in, N, TSDB_CMP_LT, five_thousand, b.bits)) \
	F("compare double", fill_doubles(), K->compare(TSDB_ELEM_F64, b.in, N, TSDB_CMP_LT, real, b.bits)) \
	F("gather8", fill_index(), K->gather8(b.dict, b.packed, N, U(b.out))) \
	F("sum_int uint8", fill_bits(64), sink = (uint64_t) K->sum_int(TSDB_ELEM_U8, b.in, N, NULL)) \
	F("sum_int int32", fill_bits(64), sink = (uint64_t) K->sum_int(TSDB_ELEM_I32, b.in, N, NULL)) \
	F("sum_int int64", fill_bits(13), sink = (uint64_t) K->sum_int(TSDB_ELEM_I64, b.in, N, NULL)) \
	F("sum_int int64, mask", fill_half(), sink = (uint64_t) K->sum_int(TSDB_ELEM_I64, b.in, N, b.bits)) \
	F("sum_float double", fill_doubles(), real.d = K->sum_float(TSDB_ELEM_F64, b.in, N, NULL)) \
	F("sum_float double, mask", (fill_half(), fill_doubles()), real.d = K->sum_float(TSDB_ELEM_F64, b.in, N, b.bits)) \
	F("min_max int64", fill_bits(13), K->min_max(TSDB_ELEM_I64, b.in, N, NULL, &lo, &hi)) \
	F("min_max int64, mask", fill_half(), K->min_max(TSDB_ELEM_I64, b.in, N, b.bits, &lo, &hi)) \
	F("min_max double", fill_doubles(), K->min_max(TSDB_ELEM_F64, b.in, N, NULL, &lo, &hi))

static bool
wanted(const char *name, int argc, char **argv)
{
	int			i;

	for (i = 1; i < argc; i++)
		if (strncmp(name, argv[i], strlen(argv[i])) == 0)
			return true;
	return argc == 1;
}

static void
print_line(const char *name, const double c[NTIERS + 1])
{
	int			tier;

	printf("%-30s", name);
	for (tier = 0; tier < NTIERS; tier++)
		if (c[tier] > 0)
			printf(" %8.3f", c[tier]);
		else
			printf(" %8s", "-");
	printf(" %8.3f  ", c[NTIERS]);
	for (tier = 0; tier < NTIERS; tier++)
		if (c[tier] > 0)
			printf(" %6.2f", c[tier] / c[NTIERS]);
	printf("\n");
	fflush(stdout);
}

#define RUN(name, prepare, body) \
	if (wanted(name, argc, argv)) \
	{ \
		double		c[NTIERS + 1] = {0}; \
		int			tier; \
 \
		MEASURE(c[NTIERS], 300, memcpy(b.out, b.in, sizeof(b.in))); \
		for (tier = 0; tier < NTIERS; tier++) \
			if (tsdb_simd_table((TsdbSimdTier) tier) != NULL) \
			{ \
				tsdb_simd_use((TsdbSimdTier) tier); \
				prepare; \
				MEASURE(c[tier], 200, body); \
			} \
		print_line(name, c); \
	}

static void
bench_widths(void)
{
	unsigned	width;
	int			tier;

	printf("%5s  unpack, unpack_lanes, pack for each tier   cycles/value\n", "width");
	for (width = 1; width <= 64; width += width < 33 ? 1 : 4)
	{
		printf("%5u", width);
		for (tier = 0; tier < NTIERS; tier++)
			if (tsdb_simd_table((TsdbSimdTier) tier) != NULL)
			{
				double		c[3];

				tsdb_simd_use((TsdbSimdTier) tier);
				fill_bits(width);
				MEASURE(c[0], 200, K->unpack(b.packed, N, width, false, 1000, 1, U(b.out), b.narrow));
				MEASURE(c[1], 200, K->unpack_lanes(b.packed, N, width, b.out));
				MEASURE(c[2], 200, K->pack(U(b.in), N, width, false, b.packed, b.narrow));
				printf("   %6.3f %6.3f %6.3f", c[0], c[1], c[2]);
			}
		printf("\n");
		fflush(stdout);
	}
}

int
main(int argc, char **argv)
{
	cycle = cycle_seconds(100);
	printf("# %.2f GHz, 1,024 values, cycles/value\n", 1e-9 / cycle);
	if (argc == 2 && strcmp(argv[1], "--widths") == 0)
	{
		bench_widths();
		return 0;
	}
	printf("%-30s %8s %8s %8s %8s   %s\n", "", "baseline", "avx2", "avx512", "memcpy", "ratios to memcpy");
	KERNELS(RUN)
	return 0;
}
