/*-------------------------------------------------------------------------
 * bench_codec.c
 *	  Cycles and bits a value for each kind of vector, and for columns of CSV files.
 *
 *	bench_codec						the made-up kinds of tests/codec_vectors.h
 *	bench_codec --kind name			one of them
 *	bench_codec --kernels			packing alone, by width
 *	bench_codec file.csv[.gz] ...	columns of files, one vector after the other; a column is a
 *									timestamp, an integer, a double, or text
 *
 * Cycles come from a chain of dependent subtractions timed in the same process, so they are
 * core cycles whatever the clock does.  Each figure is the best of several repetitions; the
 * control, a memcpy of 8 KB, should stand at 0.2 cycle a value and not move.
 *-------------------------------------------------------------------------
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "codec_internal.h"
#include "codec_vectors.h"
#include "ffor.h"

#define N			1024
#define REPEAT		15

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double) ts.tv_sec + (double) ts.tv_nsec * 1e-9;
}

/* Seconds of one core cycle. */
static double
cycle_seconds(void)
{
	double		best = 1;
	int			round;

	for (round = 0; round < 100; round++)
	{
		uint64_t	x = 400000;
		double		t = now();

		while (x != 0)
		{
			x--;
			/* keeps the compiler from counting for us */
			__asm__ volatile ("" : "+r" (x));
		}
		t = (now() - t) / 400000;
		best = t < best ? t : best;
	}
	return best;
}

static double cycle;
static TsdbCodecScratch *scratch;

/* Best time of "body" over REPEAT rounds of "loops" each, in cycles per value of N. */
#define MEASURE(result, loops, values, body) \
	do { \
		double		best_ = 1e9; \
		int			round_; \
		for (round_ = 0; round_ < REPEAT; round_++) \
		{ \
			double		t_ = now(); \
			int			loop_; \
			for (loop_ = 0; loop_ < (loops); loop_++) \
			{ \
				body; \
				__asm__ volatile ("" : : : "memory"); \
			} \
			t_ = (now() - t_) / (loops); \
			best_ = t_ < best_ ? t_ : best_; \
		} \
		(result) = best_ / cycle / (values); \
	} while (0)

static void
print_control(void)
{
	static int64_t a[N + 100];
	static int64_t b[N + 100];
	double		copy;

	if (cycle == 0)
		cycle = cycle_seconds();
	MEASURE(copy, 300, N, memcpy(b + 24, a, sizeof(int64_t) * N));
	printf("# %.2f GHz; control: memcpy of 1,024 values %.2f cycles/value\n", 1e-9 / cycle, copy);
}

static void
bench_kernels(void)
{
	static uint64_t values[N + 24];
	static uint64_t narrow[N + 48];
	static uint64_t out[N + 96];
	static uint8_t packed[N * 8 + 64];
	unsigned	width;

	printf("%5s %8s %8s %12s %12s   cycles/value\n", "width", "unpack", "pack", "unpack hz", "pack hz");
	for (width = 1; width <= 64; width += width < 34 ? 1 : 5)
	{
		uint64_t	st = vec_seed(width);
		uint64_t	mask = width == 64 ? UINT64_MAX : (UINT64_C(1) << width) - 1;
		double		c[4];
		int			i;

		for (i = 0; i < N; i++)
			values[i] = vec_random(&st) & mask;
		MEASURE(c[3], 50, N, tsdb_ffor_pack(values, N, width, true, packed, narrow));
		MEASURE(c[2], 50, N, tsdb_ffor_unpack(packed, N, width, true, 12345, 1, out, narrow));
		MEASURE(c[1], 100, N, tsdb_ffor_pack(values, N, width, false, packed, narrow));
		MEASURE(c[0], 200, N, tsdb_ffor_unpack(packed, N, width, false, 12345, 1, out, narrow));
		printf("%5u %8.2f %8.2f %12.2f %12.2f\n", width, c[0], c[1], c[2], c[3]);
	}
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
		MEASURE(e, only != NULL ? 5000 : 20, N, tsdb_int_encode(values, NULL, N, (TsdbLane) lane, vec_meaning((VecKind) kind), block, &encoding, scratch));
		MEASURE(d, 200, N, tsdb_int_decode(block, size, N, (TsdbLane) lane, out, isnull, &nnulls, scratch));
		printf("%-16s %4d %-8s %10.2f %8.2f %8.2f\n", vec_kind_names[kind], lane, tsdb_encoding_name(encoding),
			   (double) size * 8 / N, e, d);
	}
}

/*-------------- CSV --------------*/

#define MAX_COLUMNS	40

typedef struct Column
{
	char		name[64];
	int64_t    *values;
	bool	   *isnull;
	TsdbBytes  *strings;
	bool		can_int;
	bool		can_double;
	bool		can_time;
} Column;

/* Microseconds since 1970 of "yyyy-mm-dd[ hh:mm:ss]"; false if it is none. */
static bool
parse_time(const char *s, int64_t *t)
{
	int			y;
	int			mo;
	int			d;
	int			h = 0;
	int			mi = 0;
	int			sec = 0;
	int			used = 0;
	int64_t		days;

	if (sscanf(s, "%4d-%2d-%2d%n %2d:%2d:%2d%n", &y, &mo, &d, &used, &h, &mi, &sec, &used) < 3 || s[used] != '\0')
		return false;
	/* days from civil, March first */
	y -= mo <= 2;
	days = (int64_t) y * 365 + y / 4 - y / 100 + y / 400 + (153 * (mo + (mo > 2 ? -3 : 9)) + 2) / 5 + d - 1 - 719468;
	*t = ((days * 24 + h) * 60 + mi) * 60000000 + (int64_t) sec * 1000000;
	return true;
}

/* Cuts the line at commas outside of quotes, in place. */
static int
split_line(char *line, char **fields)
{
	int			n = 0;
	bool		quoted = false;
	char	   *p;

	fields[n++] = line;
	for (p = line; *p != '\0'; p++)
	{
		if (*p == '"')
			quoted = !quoted;
		else if (*p == ',' && !quoted && n < MAX_COLUMNS)
		{
			*p = '\0';
			fields[n++] = p + 1;
		}
		else if (*p == '\n' || *p == '\r')
			*p = '\0';
	}
	return n;
}

static void
report_numbers(const char *file, const Column *col, int nrows, const char *type, TsdbLane lane, TsdbLaneMeaning meaning)
{
	static uint8_t block[N * 8 + 400];
	static int64_t out[N + 64];
	static bool out_null[N];
	size_t		total = 0;
	double		encode = 0;
	double		decode = 0;
	int			count[TSDB_NENCODINGS] = {0};
	int			at;
	int			e;

	for (at = 0; at < nrows; at += N)
	{
		int			n = nrows - at < N ? nrows - at : N;
		TsdbEncoding encoding;
		size_t		size = tsdb_int_encode(col->values + at, col->isnull + at, n, lane, meaning, block, &encoding, scratch);
		int			nnulls;
		double		c;

		total += size;
		count[encoding]++;
		MEASURE(c, 3, 1, tsdb_int_encode(col->values + at, col->isnull + at, n, lane, meaning, block, &encoding, scratch));
		encode += c;
		MEASURE(c, 10, 1, if (!tsdb_int_decode(block, size, n, lane, out, out_null, &nnulls, scratch)) abort());
		decode += c;
	}
	printf("%-24.24s %-18.18s %-6s %8d %8.2f %8.2f %8.2f  ", file, col->name, type, nrows,
		   (double) total * 8 / nrows, encode / nrows, decode / nrows);
	for (e = 0; e < TSDB_NENCODINGS; e++)
		if (count[e] > 0)
			printf(" %s %d", tsdb_encoding_name((TsdbEncoding) e), count[e]);
	printf("\n");
}

static int
compare_strings(const void *a, const void *b)
{
	const TsdbBytes *x = a;
	const TsdbBytes *y = b;
	int			c = memcmp(x->data, y->data, x->len < y->len ? x->len : y->len);

	return c != 0 ? c : x->len < y->len ? -1 : x->len > y->len;
}

/* Plain, and as codes into one dictionary of the whole column. */
static void
report_strings(const char *file, const Column *col, int nrows)
{
	TsdbBytes  *sorted = malloc((size_t) nrows * sizeof(TsdbBytes));
	uint8_t    *block = malloc(16 * 1024 * 1024);
	static TsdbBytes out[N];
	static bool out_null[N];
	static uint32_t codes[N];
	static uint32_t out_codes[N];
	size_t		plain = 0;
	size_t		coded = 0;
	size_t		raw = 0;
	double		decode = 0;
	double		decode_codes = 0;
	double		encode_codes = 0;
	uint32_t	ndistinct = 0;
	int			at;
	int			i;

	if (sorted == NULL || block == NULL)
		abort();
	memcpy(sorted, col->strings, (size_t) nrows * sizeof(TsdbBytes));
	qsort(sorted, (size_t) nrows, sizeof(TsdbBytes), compare_strings);
	for (i = 0; i < nrows; i++)
	{
		raw += sorted[i].len;
		if (i == 0 || compare_strings(&sorted[i], &sorted[ndistinct - 1]) != 0)
			sorted[ndistinct++] = sorted[i];
	}
	for (i = 0; i < (int) ndistinct; i++)
		coded += sorted[i].len;
	coded = tsdb_dict_size(ndistinct, coded);
	for (at = 0; at < nrows; at += N)
	{
		int			n = nrows - at < N ? nrows - at : N;
		TsdbEncoding encoding;
		size_t		size = tsdb_bytes_encode(col->strings + at, col->isnull + at, n, block, &encoding, scratch);
		int			nnulls;
		double		c;

		plain += size;
		MEASURE(c, 10, 1, if (!tsdb_bytes_decode(block, size, n, out, out_null, &nnulls, scratch)) abort());
		decode += c;
		for (i = 0; i < n; i++)
			codes[i] = (uint32_t) ((TsdbBytes *) bsearch(&col->strings[at + i], sorted, ndistinct, sizeof(TsdbBytes), compare_strings) - sorted);
		MEASURE(c, 3, 1, size = tsdb_codes_encode(codes, col->isnull + at, n, block, &encoding, scratch));
		encode_codes += c;
		coded += size;
		MEASURE(c, 10, 1, if (!tsdb_codes_decode(block, size, n, ndistinct, out_codes, out_null, &nnulls, scratch)) abort());
		decode_codes += c;
	}
	printf("%-24.24s %-18.18s text   %8d raw %.1f, plain %.1f (decode %.2f), %u codes %.2f (encode %.2f, decode %.2f)\n",
		   file, col->name, nrows, (double) raw * 8 / nrows, (double) plain * 8 / nrows, decode / nrows,
		   ndistinct, (double) coded * 8 / nrows, encode_codes / nrows, decode_codes / nrows);
	free(sorted);
	free(block);
}

static void
bench_file(const char *path)
{
	static Column columns[MAX_COLUMNS];
	static char line[100000];
	const char *file = strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path;
	char		command[2000];
	size_t		len = strlen(path);
	bool		gz = len > 3 && strcmp(path + len - 3, ".gz") == 0;
	FILE	   *in;
	char	   *fields[MAX_COLUMNS];
	int			ncols;
	int			nrows = 0;
	int			cap = 1 << 18;
	int			c;

	snprintf(command, sizeof(command), "gzip -dc '%s'", path);
	in = gz ? popen(command, "r") : fopen(path, "r");
	if (in == NULL || fgets(line, sizeof(line), in) == NULL)
	{
		fprintf(stderr, "cannot read %s\n", path);
		exit(1);
	}
	ncols = split_line(line, fields);
	for (c = 0; c < ncols; c++)
	{
		snprintf(columns[c].name, sizeof(columns[c].name), "%s", fields[c]);
		columns[c].values = malloc((size_t) cap * sizeof(int64_t));
		columns[c].isnull = malloc((size_t) cap);
		columns[c].strings = malloc((size_t) cap * sizeof(TsdbBytes));
		columns[c].can_int = columns[c].can_double = columns[c].can_time = true;
	}
	while (nrows < cap && fgets(line, sizeof(line), in) != NULL)
	{
		int			nfields = split_line(line, fields);

		for (c = 0; c < ncols; c++)
		{
			char	   *s = c < nfields ? fields[c] : line + strlen(line);
			char	   *end;
			int64_t		t;

			columns[c].strings[nrows].data = (uint8_t *) strdup(s);
			columns[c].strings[nrows].len = (uint32_t) strlen(s);
			if (!(columns[c].isnull[nrows] = *s == '\0'))
			{
				strtoll(s, &end, 10);
				columns[c].can_int &= *end == '\0';
				strtod(s, &end);
				columns[c].can_double &= *end == '\0';
				columns[c].can_time &= parse_time(s, &t);
			}
		}
		nrows++;
	}
	if (gz)
		pclose(in);
	else
		fclose(in);

	for (c = 0; c < ncols; c++)
	{
		Column	   *col = &columns[c];
		const char *type = col->can_time ? "time" : col->can_int ? "int" : col->can_double ? "double" : "text";
		int			i;

		for (i = 0; i < nrows; i++)
		{
			const char *s = (const char *) col->strings[i].data;

			col->values[i] = 0;
			if (col->can_time)
				parse_time(s, &col->values[i]);
			else if (col->can_int)
				col->values[i] = strtoll(s, NULL, 10);
			else if (col->can_double)
				col->values[i] = vec_double_bits(strtod(s, NULL));
		}
		if (strcmp(type, "text") == 0)
			report_strings(file, col, nrows);
		else
			report_numbers(file, col, nrows, type, TSDB_LANE_INT64,
						   strcmp(type, "double") == 0 ? TSDB_MEANS_FLOAT8 : TSDB_MEANS_INT);
		if (col->can_int && !col->can_time)
		{
			/* the same numbers as doubles */
			for (i = 0; i < nrows; i++)
				col->values[i] = vec_double_bits((double) col->values[i]);
			report_numbers(file, col, nrows, "(dbl)", TSDB_LANE_INT64, TSDB_MEANS_FLOAT8);
		}
	}
	for (c = 0; c < ncols; c++)
	{
		int			i;

		for (i = 0; i < nrows; i++)
			free((void *) columns[c].strings[i].data);
		free(columns[c].values);
		free(columns[c].isnull);
		free(columns[c].strings);
	}
}

int
main(int argc, char **argv)
{
	scratch = calloc(1, tsdb_codec_scratch_size());
	if (scratch == NULL)
		abort();
	print_control();
	if (argc < 2)
		bench_kinds(NULL);
	else if (strcmp(argv[1], "--kernels") == 0)
		bench_kernels();
	else if (strcmp(argv[1], "--kind") == 0 && argc > 2)
		bench_kinds(argv[2]);
	else
	{
		int			i;

		printf("%-24s %-18s %-6s %8s %8s %8s %8s   (cycles/value)\n", "file", "column", "type", "rows", "bits", "encode", "decode");
		for (i = 1; i < argc; i++)
			bench_file(argv[i]);
	}
	print_control();
	free(scratch);
	return 0;
}
