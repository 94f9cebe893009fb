/*-------------------------------------------------------------------------
 * bench_codec.c
 *	  Cycles and bits a value for each kind of vector.
 *
 *	bench_codec					the made-up kinds of tests/codec_vectors.h
 *	bench_codec --kind name		one of them
 *
 * Real columns are measured by bench/codecs, kernels by bench_kernels.c.  Each figure is the best of several repetitions; the
 * control, a memcpy of 8 KB, should stand at 0.2 cycle a value and not move.
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>

#include "codec_internal.h"
#include "codec_vectors.h"
#include "cycles.h"

#define N			1024
#define REPEAT		15

static double cycle;
static TsdbCodecScratch *scratch;

#define MEASURE(result, loops, body) MEASURE_BEST(result, REPEAT, loops, cycle, body)

static void
print_control(void)
{
	static int64_t a[N + 100];
	static int64_t b[N + 100];
	double		copy;

	if (cycle == 0)
		cycle = cycle_seconds(100);
	MEASURE(copy, 300, memcpy(b + 24, a, sizeof(int64_t) * N));
	printf("# %.2f GHz; control: memcpy of 1,024 values %.2f cycles/value\n", 1e-9 / cycle, copy);
}

static void
bench_kinds(const char *only)
{
	static int64_t values[N];
	static int64_t out[N + 64];
	static uint8_t block[N * 8 + 400];
	bool		isnull[N];
	int			kind;

	printf("%-16s %4s %-8s %10s %8s %8s\n", "kind", "lane", "encoding", "bits/value", "encode", "decode");
	for (kind = 0; kind < VEC_NKINDS; kind++)
	{
		int			lane = vec_meaning((VecKind) kind) == TSDB_MEANS_FLOAT4 ? 4 : 8;
		TsdbEncoding encoding;
		size_t		size;
		int			nnulls;
		double		e;
		double		d;

		if (only != NULL && strcmp(only, vec_kind_names[kind]) != 0)
			continue;
		vec_fill((VecKind) kind, 5, lane, N, values);
		size = tsdb_int_encode(values, NULL, N, (TsdbLane) lane, vec_meaning((VecKind) kind), block, &encoding, scratch);
		MEASURE(e, only != NULL ? 5000 : 20, tsdb_int_encode(values, NULL, N, (TsdbLane) lane, vec_meaning((VecKind) kind), block, &encoding, scratch));
		MEASURE(d, 200, tsdb_int_decode(block, size, N, (TsdbLane) lane, out, isnull, &nnulls, scratch));
		printf("%-16s %4d %-8s %10.2f %8.2f %8.2f\n", vec_kind_names[kind], lane, tsdb_encoding_name(encoding),
			   (double) size * 8 / N, e, d);
	}
}

int
main(int argc, char **argv)
{
	scratch = calloc(1, tsdb_codec_scratch_size());
	if (scratch == NULL)
		abort();
	print_control();
	bench_kinds(argc > 2 && strcmp(argv[1], "--kind") == 0 ? argv[2] : NULL);
	print_control();
	free(scratch);
	return 0;
}
