/*-------------------------------------------------------------------------
 * test_columns.c
 *	  Round trips of real data: all numeric columns of ../../data, hot and cold, bit for bit.  TAP lines, one for each file.
 *
 *	test_columns [directory]			of *.csv and *.csv.gz; default ../../data, ../data
 *	test_columns --sizes [directory]	prints bits a value of each column as well, hot and cold
 *
 * A column is a timestamp, an integer or a double, as its text allows; integers are also tried in the smallest lane that
 * holds them and as doubles, doubles as floats.  The planes of a cold column are those of chunks of 60 vectors, and
 * go through zstd.  A model that only made-up vectors suit shows in the sizes: cold must not take more than hot.
 *-------------------------------------------------------------------------
 */
#include <dirent.h>
#include <unistd.h>

#include "codec_test.h"

#define MAX_COLUMNS		40
#define CHUNK_ROWS		(60 * 1024)

typedef struct Column
{
	char		name[64];
	char	  **text;
	int64_t    *values;
	bool	   *isnull;
	bool		can_int;
	bool		can_double;
	bool		can_time;
} Column;

static bool print_sizes;
static size_t all_hot;
static size_t all_cold;
static int	ncolumns;

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

/* One chunk's rows, cold: all vectors into the same planes. */
static size_t
chunk_cold(const int64_t *values, const bool *isnull, int nrows, int lane, TsdbLaneMeaning meaning, const char *what)
{
	int			nvectors = (nrows + 1023) / 1024;
	uint8_t   **blocks = test_alloc((size_t) nvectors * sizeof(uint8_t *));
	size_t	   *sizes = test_alloc((size_t) nvectors * sizeof(size_t));
	uint8_t    *at[TSDB_MAX_PLANES];
	int64_t		out[1024];
	bool		out_null[1024];
	Planes		planes;
	Planes		unpacked;
	TsdbEncoding encoding;
	size_t		total = 0;
	int			nplanes = 0;
	int			nnulls;
	int			i;

	planes_alloc(&planes, nrows);
	planes_alloc(&unpacked, nrows);
	tsdb_simd_use(TSDB_SIMD_AVX512);
	for (i = 0; i < nvectors; i++)
	{
		int			n = nrows - i * 1024 < 1024 ? nrows - i * 1024 : 1024;
		uint8_t    *block = test_alloc(tsdb_int_bound(n, (TsdbLane) lane));

		planes_from(&planes, i * 1024, at);
		sizes[i] = tsdb_int_encode_cold(values + i * 1024, isnull + i * 1024, n, (TsdbLane) lane, meaning, at, &nplanes, block,
										&encoding, scratch);
		blocks[i] = exact_copy(block, sizes[i]);
		free(block);
		total += sizes[i];
	}
	if (nplanes > 0)
	{
		uint8_t    *packed = test_alloc(tsdb_planes_bound(nplanes, (uint32_t) nrows));

		total += tsdb_planes_pack((const uint8_t *const *) planes.at, nplanes, (uint32_t) nrows, packed);
		free(packed);
		expect(planes_through_zstd(&planes, nplanes, &unpacked), "%s: planes do not unpack", what);
	}
	for (i = 0; i < nvectors; i++)
	{
		int			n = nrows - i * 1024 < 1024 ? nrows - i * 1024 : 1024;

		planes_from(&unpacked, i * 1024, at);
		tsdb_simd_use(tiers[i % ntiers]);
		if (expect(tsdb_int_decode_cold(blocks[i], sizes[i], n, (TsdbLane) lane, (const uint8_t *const *) at, nplanes, out, out_null,
										&nnulls, scratch), "%s: cold vector %d does not decode", what, i))
			expect_rows(values + i * 1024, isnull + i * 1024, n, out, out_null, nnulls, what, TSDB_ENC_PLANES);
		free(blocks[i]);
	}
	planes_free(&planes);
	planes_free(&unpacked);
	free(blocks);
	free(sizes);
	return total;
}

static void
column_round_trip(const Column *col, const int64_t *values, int nrows, int lane, TsdbLaneMeaning meaning, const char *type)
{
	char		what[100];
	size_t		hot = 0;
	size_t		cold = 0;
	int			at;

	snprintf(what, sizeof(what), "%s as %s", col->name, type);
	for (at = 0; at < nrows; at += 1024)
	{
		TsdbEncoding encoding;

		hot += round_trip_ints(values + at, col->isnull + at, nrows - at < 1024 ? nrows - at : 1024, lane, meaning, what, &encoding);
	}
	for (at = 0; at < nrows; at += CHUNK_ROWS)
		cold += chunk_cold(values + at, col->isnull + at, nrows - at < CHUNK_ROWS ? nrows - at : CHUNK_ROWS, lane, meaning, what);
	if (print_sizes)
		printf("# %-36s %8d rows, bits a value: hot %6.2f, cold %6.2f\n", what, nrows, (double) hot * 8 / nrows, (double) cold * 8 / nrows);
	/* a plane's table of codes */
	expect(cold <= hot + hot / 50 + 600, "%s: cold in %zu bytes, hot in %zu", what, cold, hot);
	all_hot += hot;
	all_cold += cold;
	ncolumns++;
}

static void
column_test(Column *col, int nrows)
{
	int64_t    *other = test_alloc((size_t) nrows * sizeof(int64_t));
	int64_t		lo = 0;
	int64_t		hi = 0;
	int			i;

	for (i = 0; i < nrows; i++)
	{
		col->values[i] = 0;
		if (col->isnull[i])
			continue;
		if (col->can_time)
			(void) parse_time(col->text[i], &col->values[i]);
		else if (col->can_int)
			col->values[i] = strtoll(col->text[i], NULL, 10);
		else
			col->values[i] = vec_double_bits(strtod(col->text[i], NULL));
		lo = col->values[i] < lo ? col->values[i] : lo;
		hi = col->values[i] > hi ? col->values[i] : hi;
	}
	if (col->can_time || col->can_int)
	{
		int			lane = (int) codec_signed_bytes(lo, hi);

		lane = lane > 4 ? 8 : lane > 2 ? 4 : lane;
		column_round_trip(col, col->values, nrows, 8, TSDB_MEANS_INT, col->can_time ? "time" : "int64");
		if (lane < 8)
			column_round_trip(col, col->values, nrows, lane, TSDB_MEANS_INT, lane == 1 ? "int8" : lane == 2 ? "int16" : "int32");
		if (!col->can_time)
		{
			for (i = 0; i < nrows; i++)
				other[i] = vec_double_bits((double) col->values[i]);
			column_round_trip(col, other, nrows, 8, TSDB_MEANS_FLOAT8, "double");
		}
	}
	else
	{
		column_round_trip(col, col->values, nrows, 8, TSDB_MEANS_FLOAT8, "double");
		for (i = 0; i < nrows; i++)
			other[i] = col->isnull[i] ? 0 : vec_float_bits(strtof(col->text[i], NULL));
		column_round_trip(col, other, nrows, 4, TSDB_MEANS_FLOAT4, "float");
	}
	free(other);
}

static void
test_file(const char *directory, const char *file)
{
	static Column columns[MAX_COLUMNS];
	static char line[100000];
	char		path[1000];
	char		command[1100];
	char		name[200];
	size_t		len = strlen(file);
	bool		gz = len > 3 && strcmp(file + len - 3, ".gz") == 0;
	char	   *fields[MAX_COLUMNS];
	FILE	   *in;
	int			ncols;
	int			nrows = 0;
	int			cap = 1 << 18;
	int			c;
	int			i;

	test_start();
	ncolumns = 0;
	snprintf(path, sizeof(path), "%s/%s", directory, file);
	snprintf(command, sizeof(command), "gzip -dc '%s'", path);
	in = gz ? popen(command, "r") : fopen(path, "r");
	if (in == NULL || fgets(line, sizeof(line), in) == NULL)
	{
		expect(false, "cannot read %s", path);
		test_end(file);
		return;
	}
	ncols = split_line(line, fields);
	for (c = 0; c < ncols; c++)
	{
		Column	   *col = &columns[c];

		snprintf(col->name, sizeof(col->name), "%s", fields[c]);
		col->text = test_alloc((size_t) cap * sizeof(char *));
		col->values = test_alloc((size_t) cap * sizeof(int64_t));
		col->isnull = test_alloc((size_t) cap);
		col->can_int = col->can_double = col->can_time = true;
	}
	for (; nrows < cap && fgets(line, sizeof(line), in) != NULL; nrows++)
	{
		int			nfields = split_line(line, fields);

		for (c = 0; c < ncols; c++)
		{
			Column	   *col = &columns[c];
			char	   *s = c < nfields ? fields[c] : line + strlen(line);
			char	   *end;
			int64_t		t;

			col->text[nrows] = strdup(s);
			col->isnull[nrows] = *s == '\0';
			if (*s == '\0')
				continue;
			(void) strtoll(s, &end, 10);
			col->can_int &= *end == '\0';
			(void) strtod(s, &end);
			col->can_double &= *end == '\0';
			col->can_time &= parse_time(s, &t);
		}
	}
	if (gz)
		expect(pclose(in) == 0, "gzip fails on %s", path);
	else
		fclose(in);

	for (c = 0; c < ncols; c++)
	{
		Column	   *col = &columns[c];

		if (nrows > 0 && (col->can_time || col->can_int || col->can_double))
			column_test(col, nrows);
		for (i = 0; i < nrows; i++)
			free(col->text[i]);
		free(col->text);
		free(col->values);
		free(col->isnull);
	}
	expect(ncolumns > 0, "no numbers in %s", path);
	snprintf(name, sizeof(name), "real columns: %s, %d columns and forms of %d rows", file, ncolumns, nrows);
	test_end(name);
}

static int
compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

int
main(int argc, char **argv)
{
	const char *directory;
	char	   *files[100];
	int			nfiles = 0;
	struct dirent *entry;
	DIR		   *dir;
	int			i;

	test_setup();
	print_sizes = argc > 1 && strcmp(argv[1], "--sizes") == 0;
	argv += print_sizes;
	argc -= print_sizes;
	directory = argc > 1 ? argv[1] : access("../../data", R_OK) == 0 ? "../../data" : "../data";
	dir = opendir(directory);
	while (dir != NULL && nfiles < 100 && (entry = readdir(dir)) != NULL)
		if (strstr(entry->d_name, ".csv") != NULL && entry->d_name[0] != '.')
			files[nfiles++] = strdup(entry->d_name);
	if (dir != NULL)
		closedir(dir);
	qsort(files, (size_t) nfiles, sizeof(char *), compare_names);
	for (i = 0; i < nfiles; i++)
	{
		test_file(directory, files[i]);
		free(files[i]);
	}

	test_start();
	expect(nfiles >= 8, "%d files in %s", nfiles, directory);
	if (print_sizes)
		printf("# all: hot %zu bytes, cold %zu\n", all_hot, all_cold);
	expect(all_cold * 100 <= all_hot * 95, "cold in %zu bytes, hot in %zu", all_cold, all_hot);
	test_end("real columns: cold is smaller");
	return test_finish();
}
