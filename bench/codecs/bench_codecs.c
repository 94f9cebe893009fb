/*-------------------------------------------------------------------------
 * bench_codecs.c
 *	  Bits and cycles a value of our codecs, per instruction set, beside memcpy, zstd and LZ4.
 *
 *	bench_codecs [--rounds N] [--only TEXT] [--csv FILE] [--details FILE] DIRECTORY...
 *
 * Files of the data sets (data_set.c) are looked for in the directories.  --only takes the data sets
 * whose label contains the text.  Tables go to stdout as Markdown, those of all data sets to the file of --details if it
 * is given; all figures to the file of --csv, from which plot.c draws.
 *
 * Each piece of a column (1,024 rows, or more where the coder wants more) is encoded and decoded by all coders
 * in turn, several rounds; the best round of each counts.  So they meet the same noise, and input and output
 * lie in the nearest caches, as they do when a scan decodes vector by vector.  Cycles come from a chain of dependent
 * subtractions timed in the same process: core cycles, whatever the clock does.  The control is
 * memcpy of 1,024 doubles, which should stand at 0.2 cycle a value and not move.
 *
 * All that is decoded is compared with what went in; tiers have to write the same bytes.
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "coder.h"
#include "cycles.h"

#define CONTROL_VALUES	1024
#define MAX_DATA_SETS	200

/* a timing takes at least so long, so that neither the clock nor the other coders' leavings in the caches count */
#define TIMING_SECONDS	20e-6

typedef struct Result
{
	bool		measured;
	double		bits;			/* a value, everything included */
	double		encode;			/* seconds of all rows; after seconds_to_cycles(), cycles a value */
	double		decode;
} Result;

typedef struct Report
{
	const DataSet *set;
	int			nrows;
	int			nnulls;
	char		encodings[200];
	Result		results[MAX_CODERS];
} Report;

static Coder coders[MAX_CODERS];
static int	ncoders;
static Report reports[MAX_DATA_SETS];
static int	nreports;
static double cycle = 1;
static int	rounds = 15;

/*
 * Seconds of one core cycle, into "cycle".  Called before each column: a neighbour on the same core slows the chain
 * down as well, so the shortest that was ever seen is the one to believe.
 */
static void
calibrate(void)
{
	double		shortest = cycle_seconds(30);

	cycle = shortest < cycle ? shortest : cycle;
}

static void
print_control(const char *when)
{
	static uint8_t *from;
	static uint8_t *to;
	double		best = 1;

	if (from == NULL)
	{
		from = coder_buffer(CONTROL_VALUES * 8, 0);
		to = coder_buffer(CONTROL_VALUES * 8, 192);
		memset(from, 1, CONTROL_VALUES * 8);
	}
	for (int round = 0; round < 100; round++)
	{
		double		t = now();

		for (int i = 0; i < 100; i++)
		{
			memcpy(to, from, CONTROL_VALUES * 8);
			__asm__ volatile ("" : : : "memory");
		}
		t = (now() - t) / 100;
		best = t < best ? t : best;
	}
	printf("%s: %.2f GHz, control (memcpy of 1,024 doubles) %.3f cycles a value.\n", when, 1e-9 / cycle,
		   best / cycle / CONTROL_VALUES);
}

/*-------------- measuring --------------*/

/* What one coder makes of one piece. */
typedef struct Trial
{
	uint8_t    *encoded;
	size_t		len;			/* 0 = it has nothing for this column */
	int			encode_loops;
	int			decode_loops;
	double		encode;			/* best seconds */
	double		decode;
} Trial;

static void
fail(const Piece *piece, const Coder *coder, const char *what)
{
	fprintf(stderr, "bench_codecs: %s, %s %s, rows from %d: %s\n", piece->column->set->label, coder->name,
			coder->tier_name, piece->first, what);
	exit(1);
}

static double
time_encode(const Coder *coder, const Piece *piece, uint8_t *out, int loops)
{
	double		t = now();

	for (int i = 0; i < loops; i++)
	{
		coder->encode(piece, out);
		__asm__ volatile ("" : : : "memory");
	}
	return (now() - t) / loops;
}

static double
time_decode(const Coder *coder, const Piece *piece, const uint8_t *in, size_t len, int loops)
{
	double		t = now();

	for (int i = 0; i < loops; i++)
	{
		coder->decode(piece, in, len);
		__asm__ volatile ("" : : : "memory");
	}
	return (now() - t) / loops;
}

static int
loops_for(double seconds)
{
	return seconds >= TIMING_SECONDS ? 1 : (int) (TIMING_SECONDS / seconds) + 1;
}

/* Encodes and decodes once, and looks whether the result is right. */
static void
try_coder(const Coder *coder, const Piece *piece, Trial *trial)
{
	coder_use_tier(coder);
	trial->len = coder->encode(piece, trial->encoded);
	if (trial->len == 0)
		return;
	if (trial->len > piece_bound(piece))
		fail(piece, coder, "writes more than its bound");
	if (!coder->decode(piece, trial->encoded, trial->len))
		fail(piece, coder, "does not decode what it encoded");
	if (!coder->matches(piece))
		fail(piece, coder, "decodes something else than what it encoded");
	trial->encode = time_encode(coder, piece, trial->encoded, 2);
	trial->encode_loops = loops_for(trial->encode);
	trial->decode = time_decode(coder, piece, trial->encoded, trial->len, 2);
	trial->decode = time_decode(coder, piece, trial->encoded, trial->len, loops_for(trial->decode));
	trial->decode_loops = loops_for(trial->decode);
}

/* All coders with pieces of "rows" rows (0 = the whole column) over one piece; adds up seconds and bytes in results. */
static void
measure_piece(const Piece *piece, int rows, Result *results, int *encodings)
{
	static Trial trials[MAX_CODERS];
	static size_t sizes[MAX_CODERS];
	const Trial *baseline = NULL;

	for (int c = 0; c < ncoders; c++)
	{
		Trial	   *trial = &trials[c];

		if (coders[c].rows != rows)
			continue;
		if (piece_bound(piece) > sizes[c])
		{
			sizes[c] = piece_bound(piece);
			trial->encoded = coder_buffer(sizes[c], 1088);
		}
		try_coder(&coders[c], piece, trial);
		if (coders[c].tier == NO_TIER || rows != TSDB_CODEC_MAX_ROWS)
			continue;
		if (baseline == NULL)
		{
			baseline = trial;
			encodings[tsdb_block_encoding(trial->encoded, trial->len)]++;
		}
		else if (trial->len != baseline->len || memcmp(trial->encoded, baseline->encoded, trial->len) != 0)
			fail(piece, &coders[c], "writes other bytes than the baseline");
	}
	for (int round = 0; round < (piece->n > CHUNK_ROWS / 4 ? (rounds + 2) / 3 : rounds); round++)
		for (int c = 0; c < ncoders; c++)
		{
			Trial	   *trial = &trials[c];
			double		t;

			if (coders[c].rows != rows || trial->len == 0)
				continue;
			coder_use_tier(&coders[c]);
			t = time_encode(&coders[c], piece, trial->encoded, trial->encode_loops);
			trial->encode = t < trial->encode ? t : trial->encode;
			t = time_decode(&coders[c], piece, trial->encoded, trial->len, trial->decode_loops);
			trial->decode = t < trial->decode ? t : trial->decode;
		}
	for (int c = 0; c < ncoders; c++)
	{
		if (coders[c].rows != rows || trials[c].len == 0)
			continue;
		results[c].measured = true;
		results[c].bits += (double) trials[c].len * 8;
		results[c].encode += trials[c].encode;
		results[c].decode += trials[c].decode;
	}
}

/* The piece's plain bytes, see coder.h. */
static size_t
plain_bytes(const Column *column, int first, int n, uint8_t *out)
{
	uint8_t    *to = out;

	if (column->set->kind != COLUMN_TEXT)
	{
		memcpy(to, column->values + first, (size_t) n * sizeof(int64_t));
		to += (size_t) n * sizeof(int64_t);
		if (column->nnulls == 0)
			return (size_t) (to - out);
		memset(to, 0, (size_t) (n + 7) / 8);
		for (int i = 0; i < n; i++)
			to[i / 8] |= (uint8_t) (column->isnull[first + i] << i % 8);
		return (size_t) (to - out) + (size_t) (n + 7) / 8;
	}
	for (int i = 0; i < n; i++)
	{
		uint16_t	len = (uint16_t) column->strings[first + i].len;

		memcpy(to, &len, sizeof(len));
		to += sizeof(len);
	}
	for (int i = 0; i < n; i++)
		if (column->strings[first + i].len > 0)
		{
			memcpy(to, column->strings[first + i].data, column->strings[first + i].len);
			to += column->strings[first + i].len;
		}
	return (size_t) (to - out);
}

static void
measure_column(const Column *column, Report *report)
{
	static const int piece_rows[] = {TSDB_CODEC_MAX_ROWS, CHUNK_ROWS, 0};
	int			encodings[TSDB_NENCODINGS] = {0};
	size_t		size = (size_t) column->nrows * 9 + 64;
	uint8_t    *raw;
	size_t		len = 0;

	memset(report, 0, sizeof(*report));
	report->set = column->set;
	report->nrows = column->nrows;
	report->nnulls = column->nnulls;
	for (int i = 0; i < column->nrows; i++)
		size += column->strings[i].len;
	raw = coder_buffer(size, 0);
	calibrate();
	for (int c = 0; c < ncoders; c++)
		if (coders[c].prepare != NULL)
			report->results[c].bits = (double) coders[c].prepare(column) * 8;
	for (size_t k = 0; k < sizeof(piece_rows) / sizeof(piece_rows[0]); k++)
	{
		int			rows = piece_rows[k] != 0 ? piece_rows[k] : column->nrows;

		for (int first = 0; first < column->nrows; first += rows)
		{
			Piece		piece = {column, first, column->nrows - first < rows ? column->nrows - first : rows, raw, 0};

			piece.raw_len = plain_bytes(column, first, piece.n, raw);
			measure_piece(&piece, piece_rows[k], report->results, encodings);
		}
	}
	for (int c = 0; c < ncoders; c++)
		report->results[c].bits /= column->nrows;
	for (int e = 0; e < TSDB_NENCODINGS; e++)
		if (encodings[e] > 0 && len < sizeof(report->encodings))
			len += (size_t) snprintf(report->encodings + len, sizeof(report->encodings) - len, "%s%s %d", len > 0 ? ", " : "",
									 tsdb_encoding_name((TsdbEncoding) e), encodings[e]);
	free(raw);
}

/*-------------- tables --------------*/

/* where the print_ functions write to */
static FILE *table;

static int
find_coder(const char *name, int tier)
{
	for (int c = 0; c < ncoders; c++)
		if (strcmp(coders[c].name, name) == 0 && (tier == NO_TIER || coders[c].tier == tier))
			return c;
	return -1;
}

/* The coder of the best tier. */
static int
best_tsdb(void)
{
	int			best = 0;

	for (int c = 0; c < ncoders; c++)
		if (strcmp(coders[c].name, "tsdb") == 0 && coders[c].tier > coders[best].tier)
			best = c;
	return best;
}

/* A figure with three digits, or "-". */
static void
print_cell(bool measured, double x)
{
	if (!measured)
		fprintf(table, " - |");
	else
		fprintf(table, " %.*f |", x < 10 ? 2 : x < 100 ? 1 : 0, x);
}

static void
print_header(const char *const *cells, int n)
{
	fprintf(table, "|");
	for (int i = 0; i < n; i++)
		fprintf(table, " %s |", cells[i]);
	fprintf(table, "\n|");
	for (int i = 0; i < n; i++)
		fprintf(table, i == 0 ? "---|" : "---:|");
	fprintf(table, "\n");
}

static void
print_sizes(ColumnKind kind)
{
	static const char *const names[] = {"tsdb", "tsdb cold", "lz4", "zstd-1", "zstd-3", "lz4 column", "zstd-3 column"};
	static const char *const header[] = {"data set", "rows", "tsdb", "tsdb cold", "lz4", "zstd-1", "zstd-3", "lz4, column",
	"zstd-3, column", "blocks' encodings"};

	print_header(header, 10);
	for (int r = 0; r < nreports; r++)
	{
		if (reports[r].set->kind != kind)
			continue;
		fprintf(table, "| %s | %d |", reports[r].set->label, reports[r].nrows);
		for (int i = 0; i < 7; i++)
		{
			int			c = find_coder(names[i], NO_TIER);

			print_cell(c >= 0 && reports[r].results[c].measured, c >= 0 ? reports[r].results[c].bits : 0);
		}
		fprintf(table, " %s |\n", reports[r].encodings);
	}
	fprintf(table, "\n");
}

static void
print_speeds(ColumnKind kind, bool decode)
{
	static const char *const names[] = {"tsdb cold", "lz4", "zstd-1", "zstd-3", "zstd-3 column"};
	const char *header[20];
	int			columns[20];
	int			n = 0;
	int			memcpy_coder = find_coder("memcpy", NO_TIER);
	int			best = best_tsdb();

	header[n++] = "data set";
	columns[n] = memcpy_coder;
	header[n++] = "memcpy";
	for (int c = 0; c < ncoders; c++)
		if (strcmp(coders[c].name, "tsdb") == 0)
		{
			columns[n] = c;
			header[n++] = coders[c].tier_name;
		}
	columns[n] = -1;
	header[n++] = "best / memcpy";
	for (int i = 0; i < 5; i++)
	{
		columns[n] = find_coder(names[i], NO_TIER);
		header[n++] = names[i];
	}
	print_header(header, n);
	for (int r = 0; r < nreports; r++)
	{
		const Result *results = reports[r].results;

		if (reports[r].set->kind != kind)
			continue;
		fprintf(table, "| %s |", reports[r].set->label);
		for (int i = 1; i < n; i++)
		{
			int			c = columns[i];
			const Result *yard = &results[memcpy_coder];

			if (strcmp(header[i], "best / memcpy") == 0)
				print_cell(true, decode ? results[best].decode / yard->decode : results[best].encode / yard->encode);
			else
				print_cell(c >= 0 && results[c].measured, c < 0 ? 0 : decode ? results[c].decode : results[c].encode);
		}
		fprintf(table, "\n");
	}
	fprintf(table, "\n");
}

static int
compare_doubles(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return x < y ? -1 : x > y;
}

/* Means and medians over the real columns of each kind, and in how many of them ours is smaller. */
static void
print_summary(void)
{
	static const char *const header[] = {"real columns", "coder", "mean bits", "median bits", "mean encode", "mean decode",
	"tsdb is smaller in", "tsdb cold is smaller in"};
	int			cold = find_coder("tsdb cold", NO_TIER);
	int			best = best_tsdb();

	print_header(header, 8);
	for (int kind = COLUMN_TIME; kind <= COLUMN_TEXT; kind++)
		for (int c = 0; c < ncoders; c++)
		{
			double		bits[MAX_DATA_SETS];
			double		sums[3] = {0, 0, 0};
			int			smaller = 0;
			int			cold_smaller = 0;
			int			n = 0;

			for (int r = 0; r < nreports; r++)
			{
				const Result *results = reports[r].results;

				if (reports[r].set->kind != (ColumnKind) kind || !reports[r].set->real || !results[c].measured)
					continue;
				bits[n++] = results[c].bits;
				sums[0] += results[c].bits;
				sums[1] += results[c].encode;
				sums[2] += results[c].decode;
				smaller += results[best].bits < results[c].bits;
				cold_smaller += cold >= 0 && results[cold].bits < results[c].bits;
			}
			if (n == 0)
				continue;
			qsort(bits, (size_t) n, sizeof(double), compare_doubles);
			fprintf(table, "| %d of %s | %s%s%s |", n, column_kind_names[kind], coders[c].name, *coders[c].tier_name ? ", " : "",
					coders[c].tier_name);
			print_cell(true, sums[0] / n);
			print_cell(true, n % 2 ? bits[n / 2] : (bits[n / 2 - 1] + bits[n / 2]) / 2);
			print_cell(true, sums[1] / n);
			print_cell(true, sums[2] / n);
			if (strncmp(coders[c].name, "tsdb", 4) == 0)
				fprintf(table, " | |\n");
			else if (cold < 0)
				fprintf(table, " %d | - |\n", smaller);
			else
				fprintf(table, " %d | %d |\n", smaller, cold_smaller);
		}
	fprintf(table, "\n");
}

/* The data sets of the charts: what a reader wants to know first. */
static void
print_overview(void)
{
	static const char *const sizes[] = {"tsdb", "tsdb cold", "lz4", "zstd-1", "zstd-3", "zstd-3 column"};
	static const char *const speeds[] = {"tsdb cold", "lz4", "zstd-3"};
	int			yard = find_coder("memcpy", NO_TIER);
	int			best = best_tsdb();

	fprintf(table, "| data set | bits: tsdb | tsdb cold | lz4 | zstd-1 | zstd-3 | zstd-3, whole column | decode: memcpy |");
	for (int c = 0; c <= best; c++)
		fprintf(table, " tsdb %s |", coders[c].tier_name);
	fprintf(table, " / memcpy | tsdb cold | lz4 | zstd-3 | encode: tsdb %s | zstd-3 |\n|---|", coders[best].tier_name);
	for (int i = 0; i < 7 + best + 1 + 6; i++)
		fprintf(table, "---:|");
	fprintf(table, "\n");
	for (int r = 0; r < nreports; r++)
	{
		const Result *results = reports[r].results;

		if (!reports[r].set->chart)
			continue;
		fprintf(table, "| %s |", reports[r].set->label);
		for (int i = 0; i < 6; i++)
		{
			int			c = find_coder(sizes[i], NO_TIER);

			print_cell(c >= 0 && results[c].measured, c >= 0 ? results[c].bits : 0);
		}
		print_cell(true, results[yard].decode);
		for (int c = 0; c <= best; c++)
			print_cell(true, results[c].decode);
		print_cell(true, results[best].decode / results[yard].decode);
		for (int i = 0; i < 3; i++)
		{
			int			c = find_coder(speeds[i], NO_TIER);

			print_cell(c >= 0 && results[c].measured, c >= 0 ? results[c].decode : 0);
		}
		print_cell(true, results[best].encode);
		print_cell(true, results[find_coder("zstd-3", NO_TIER)].encode);
		fprintf(table, "\n");
	}
	fprintf(table, "\n");
}

static void
seconds_to_cycles(void)
{
	for (int r = 0; r < nreports; r++)
		for (int c = 0; c < ncoders; c++)
		{
			reports[r].results[c].encode /= cycle * reports[r].nrows;
			reports[r].results[c].decode /= cycle * reports[r].nrows;
		}
}

static void
print_details(void)
{
	static const char *const titles[] = {"Timestamps", "Integers", "Doubles", "Text"};

	for (int kind = COLUMN_TIME; kind <= COLUMN_TEXT; kind++)
	{
		bool		any = false;

		for (int r = 0; r < nreports; r++)
			any = any || reports[r].set->kind == (ColumnKind) kind;
		if (!any)
			continue;
		fprintf(table, "#### %s\n\nBits a value\n\n", titles[kind]);
		print_sizes((ColumnKind) kind);
		fprintf(table, "Cycles a value, decoding\n\n");
		print_speeds((ColumnKind) kind, true);
		fprintf(table, "Cycles a value, encoding\n\n");
		print_speeds((ColumnKind) kind, false);
	}
}

static void
write_csv(const char *path)
{
	int			yard = find_coder("memcpy", NO_TIER);
	FILE	   *out = fopen(path, "w");

	if (out == NULL)
	{
		perror(path);
		exit(1);
	}
	fprintf(out, "data_set,kind,real,chart,rows,nulls,coder,tier,piece_rows,bits,encode_cycles,decode_cycles,"
			"encode_per_memcpy,decode_per_memcpy,encodings\n");
	for (int r = 0; r < nreports; r++)
		for (int c = 0; c < ncoders; c++)
		{
			const Report *report = &reports[r];
			const Result *result = &report->results[c];

			if (!result->measured)
				continue;
			fprintf(out, "\"%s\",%s,%d,%d,%d,%d,%s,%s,%d,%.4f,%.4f,%.4f,%.3f,%.3f,\"%s\"\n", report->set->label,
					column_kind_names[report->set->kind], report->set->real, report->set->chart, report->nrows, report->nnulls,
					coders[c].name, coders[c].tier_name, coders[c].rows, result->bits, result->encode, result->decode,
					result->encode / report->results[yard].encode, result->decode / report->results[yard].decode,
					coders[c].tier != NO_TIER && coders[c].rows == TSDB_CODEC_MAX_ROWS ? report->encodings : "");
		}
	if (fclose(out) != 0)
	{
		perror(path);
		exit(1);
	}
}

int
main(int argc, char **argv)
{
	const char *directories[16];
	int			ndirectories = 0;
	const char *csv = NULL;
	const char *details = NULL;
	const char *only = "";

	for (int i = 1; i < argc; i++)
	{
		if (strcmp(argv[i], "--rounds") == 0 && i + 1 < argc)
			rounds = atoi(argv[++i]);
		else if (strcmp(argv[i], "--only") == 0 && i + 1 < argc)
			only = argv[++i];
		else if (strcmp(argv[i], "--csv") == 0 && i + 1 < argc)
			csv = argv[++i];
		else if (strcmp(argv[i], "--details") == 0 && i + 1 < argc)
			details = argv[++i];
		else if (argv[i][0] != '-' && ndirectories < 16)
			directories[ndirectories++] = argv[i];
		else
			ndirectories = 17;
	}
	if (ndirectories < 1 || ndirectories > 16 || rounds < 1 || ndata_sets > MAX_DATA_SETS)
	{
		fputs("usage: bench_codecs [--rounds N] [--only TEXT] [--csv FILE] [--details FILE] DIRECTORY...\n", stderr);
		return 2;
	}
	ncoders = coders_tsdb(coders);
	ncoders += coders_general(coders + ncoders);
	calibrate();
	print_control("Before");
	for (int i = 0; i < ndata_sets; i++)
	{
		Column		column;

		if (strstr(data_sets[i].label, only) == NULL)
			continue;
		column_load(&data_sets[i], directories, ndirectories, &column);
		measure_column(&column, &reports[nreports++]);
		column_free(&column);
	}
	print_control("After");
	if (nreports == 0)
	{
		fprintf(stderr, "bench_codecs: no data set is named \"%s\"\n", only);
		return 1;
	}
	if (coder_fallbacks() > 0)
		printf("%u blocks did not verify and were stored raw: a bug\n", coder_fallbacks());
	printf("\n");
	seconds_to_cycles();
	table = stdout;
	print_overview();
	print_summary();
	if (details != NULL && (table = fopen(details, "w")) == NULL)
	{
		perror(details);
		return 1;
	}
	print_details();
	if (csv != NULL)
		write_csv(csv);
	return 0;
}
