/*-------------------------------------------------------------------------
 * test_layout.c
 *	  Tests of chunk headers (src/chunk/chunk_layout*.c), as TAP lines; no PostgreSQL.
 *
 *	test_layout							runs all
 *	test_layout --seed directory		writes seeds for fuzz/fuzz_chunk.c there
 *
 * What would break which test: an array that is packed wrong, "arrays"; a vector table that loses a field, "round trip";
 * one that grew, "size"; a check that was lost, "damage"; a reader that trusts its input, "truncated"
 * and "flipped", best under -fsanitize=address: headers and memory are malloc'd exactly.
 *-------------------------------------------------------------------------
 */
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "../fuzz/fuzz_chunk.c"
#include "../../src/chunk/chunk_layout_write.c"

#define MIN_CORPUS		5

static int	tests = 0;
static int	failures = 0;
static char failure[400];

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
	printf("%sok %d - %s\n", failure[0] == '\0' ? "" : "not ", ++tests, name);
	if (failure[0] != '\0')
	{
		printf("# %s\n", failure);
		failures++;
	}
	failure[0] = '\0';
	fflush(stdout);
}

static uint64_t random_state = 42;

static uint64_t
random_bits(void)
{
	uint64_t	z = (random_state += UINT64_C(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

static uint32_t
random_below(uint32_t n)
{
	return (uint32_t) (random_bits() % n);
}

/* often an extreme one */
static int64_t
random_int64(void)
{
	switch (random_below(8))
	{
		case 0:
			return INT64_MIN;
		case 1:
			return INT64_MAX;
		case 2:
			return 0;
		case 3:
			return (int64_t) random_bits();
		default:
			return (int64_t) random_bits() >> random_below(64);
	}
}

/*-------------- arrays --------------*/

static void
test_arrays(void)
{
	int			round;

	for (round = 0; round < 6000 && failure[0] == '\0'; round++)
	{
		uint32_t	n = 1 + random_below(TSDB_CHUNK_MAX_VECTORS);
		uint64_t	values[TSDB_CHUNK_MAX_VECTORS];
		uint64_t	back[TSDB_CHUNK_MAX_VECTORS + 1];
		uint8_t		out[ARRAY_MAX_BYTES];
		uint64_t	base = (uint64_t) random_int64();
		uint64_t	step = random_below(3) == 0 ? (uint64_t) random_int64() : 0;
		uint64_t	factor = random_below(2) ? 1 : (uint64_t) random_int64();
		unsigned	shift = random_below(65);
		uint8_t    *exact;
		size_t		size;
		size_t		cut;
		Cursor		in;
		uint32_t	i;

		for (i = 0; i < n; i++)
			values[i] = base + step * i + (shift == 64 ? 0 : factor * (random_bits() >> shift));
		size = (size_t) (array_write(values, n, out) - out);
		expect(size <= ARRAY_MAX_BYTES, "array of %zu bytes", size);
		/* truncated anywhere: refused, nothing behind is read */
		for (cut = 0; cut <= size; cut += cut + 20 < size ? 1 + random_below(20) : 1)
		{
			exact = chunk_alloc(cut);
			memcpy(exact, out, cut);
			in.at = exact;
			in.end = exact + cut;
			back[n] = 0x5A5A;
			if (array_read(&in, n, back) != (cut == size))
				expect(false, "round %d: %zu of %zu bytes", round, cut, size);
			expect(back[n] == 0x5A5A, "round %d: wrote behind the array", round);
			if (cut == size)
				expect(memcmp(values, back, n * sizeof(uint64_t)) == 0 && in.at == in.end,
					   "round %d: %u values differ", round, n);
			free(exact);
		}
		/* the same when more follows, which is left alone */
		exact = chunk_alloc(size + 20);
		memcpy(exact, out, size);
		memset(exact + size, 0xFF, 20);
		in.at = exact;
		in.end = exact + size + 20;
		expect(array_read(&in, n, back) && in.end - in.at == 20 && memcmp(values, back, n * sizeof(uint64_t)) == 0,
			   "round %d: bytes behind the array matter", round);
		free(exact);
	}
	test_end("arrays: round trip, truncated");
}

/*-------------- tables --------------*/

/* A header under construction, and what is put into segments. */
typedef struct Build
{
	TsdbHeaderDisk header;
	TsdbColumnDisk columns[20];
	TsdbVector	vectors[20 * TSDB_CHUNK_MAX_VECTORS];
	TsdbBlockRef parts[32768];
	uint32_t	ends[70000];
	uint32_t	open[4];
	int			nopen;
	uint8_t    *segments;		/* [nsegments][TSDB_TUPLE_MAX_DATA], or NULL: not wanted */
	size_t		segments_size;
} Build;

static void
build_start(Build *b, uint32_t nrows)
{
	uint8_t    *segments = b->segments;
	size_t		segments_size = b->segments_size;

	memset(b, 0, sizeof(*b));
	b->segments = segments;
	b->segments_size = segments_size;
	b->header.version = TSDB_HEADER_VERSION;
	b->header.chunk_id = 16500;
	b->header.nrows = nrows;
	b->header.nvectors = (uint16_t) ((nrows + TSDB_VECTOR_ROWS - 1) / TSDB_VECTOR_ROWS);
}

static void
build_segment(Build *b, uint32_t segment, size_t at, const uint8_t *data, size_t len)
{
	size_t		need = (size_t) (segment + 1) * TSDB_TUPLE_MAX_DATA;

	if (data == NULL)
		return;
	if (need > b->segments_size)
	{
		b->segments = realloc(b->segments, 2 * need);
		if (b->segments == NULL)
			abort();
		memset(b->segments + b->segments_size, 0, 2 * need - b->segments_size);
		b->segments_size = 2 * need;
	}
	memcpy(b->segments + (size_t) segment * TSDB_TUPLE_MAX_DATA + at, data, len);
}

static uint32_t
build_new_segment(Build *b)
{
	b->ends[b->header.nsegments] = sizeof(TsdbSegmentDisk);
	return b->header.nsegments++;
}

/* segment_packer.c: tsdb_packer_place */
static TsdbBlockRef
build_place(Build *b, const uint8_t *data, size_t len)
{
	TsdbBlockRef ref = {0};
	int			best = -1;
	size_t		start;
	int			i;

	if (len > TSDB_SEGMENT_PAYLOAD)
	{
		size_t		done;

		ref.segment = b->header.nsegments;
		ref.offset = TSDB_BLOCK_SPANS;
		for (done = 0; done < len; ref.length++)
		{
			size_t		part = len - done < TSDB_SEGMENT_PAYLOAD ? len - done : TSDB_SEGMENT_PAYLOAD;
			uint32_t	segment = build_new_segment(b);

			build_segment(b, segment, sizeof(TsdbSegmentDisk), data ? data + done : NULL, part);
			b->ends[segment] = (uint32_t) (sizeof(TsdbSegmentDisk) + part);
			done += part;
		}
		return ref;
	}
	for (i = 0; i < b->nopen; i++)
	{
		if (tsdb_block_start(b->ends[b->open[i]], len) < TSDB_TUPLE_MAX_DATA &&
			(best < 0 || b->ends[b->open[i]] > b->ends[b->open[best]]))
			best = i;
	}
	if (best < 0)
	{
		if (b->nopen < 4)
			best = b->nopen++;
		else
			for (best = 0, i = 1; i < b->nopen; i++)
				best = b->ends[b->open[i]] > b->ends[b->open[best]] ? i : best;
		b->open[best] = build_new_segment(b);
	}
	start = tsdb_block_start(b->ends[b->open[best]], len);
	build_segment(b, b->open[best], start, data, len);
	b->ends[b->open[best]] = (uint32_t) (start + len);
	ref.segment = (uint16_t) b->open[best];
	ref.offset = (uint16_t) start;
	ref.length = (uint16_t) len;
	return ref;
}

static TsdbColumnDisk *
build_column(Build *b, TsdbColumnKind kind)
{
	static const int lengths[] = {0, 8, 4, 8, -1, -2, 16};
	TsdbColumnDisk *column = &b->columns[b->header.ncolumns++];

	memset(column, 0, sizeof(*column));
	column->attnum = b->header.ncolumns;
	column->typlen = (int16_t) lengths[kind];
	column->typbyval = kind <= TSDB_KIND_FLOAT8;
	column->typalign = 'd';
	column->kind = (uint8_t) kind;
	return column;
}

static TsdbVector *
build_vector(Build *b, uint32_t c, uint32_t v)
{
	return &b->vectors[(size_t) c * b->header.nvectors + v];
}

static void
build_pieces(Build *b, TsdbVector *vector, uint32_t rows, unsigned log2)
{
	uint32_t	first = b->header.nparts;

	vector->nparts = (uint16_t) ((rows + (1U << log2) - 1) >> log2);
	vector->flags |= (uint16_t) (log2 << TSDB_VEC_PIECE_SHIFT);
	vector->block.segment = (uint16_t) (first & 0xFFFF);
	vector->block.offset = (uint16_t) (first >> 16);
	vector->block.length = 0;
	b->header.nparts += vector->nparts;
}

/* A table as the writer makes them: blocks of much the same length, one behind the other. */
static void
fill_usual(Build *b, uint32_t nrows)
{
	uint32_t	ncolumns = 1 + random_below(12);
	uint32_t	c;
	uint32_t	v;
	uint32_t	i;

	build_start(b, nrows);
	for (c = 0; c < ncolumns; c++)
	{
		TsdbColumnKind kind = 1 + random_below(6);
		TsdbColumnDisk *column = build_column(b, kind);
		uint32_t	usual = 1 + random_below(random_below(4) == 0 ? 20000 : 3000);
		uint32_t	spread = 1 + random_below(random_below(2) ? 30 : 1000);
		int			nulls = random_below(3) == 0 ? (int) (1 + random_below(4)) : 0;
		int			planes = column->typbyval && random_below(4) == 0 ? (int) (1 + random_below(8)) : 0;
		bool		planes_first = random_below(2);
		int64_t		zone = random_int64();

		if (random_below(3) == 0)
		{
			column->dict = build_place(b, NULL, 100 + random_below(20000));
			if (!column->typbyval && random_below(2))
				column->flags |= TSDB_COL_FSST;
			else
				column->dict_count = 1 + random_below(1000);
		}
		for (i = 0; i < 2; i++)
		{
			if (i == 1)
			{
				for (v = 0; v < b->header.nvectors; v++)
				{
					TsdbVector *vector = build_vector(b, c, v);
					uint32_t	rows = tsdb_vector_rows(&b->header, v);
					uint32_t	len = usual + random_below(spread);

					vector->nnulls = (uint16_t) (nulls == 0 || random_below(4) != 0 ? 0 :
												 nulls == 1 ? rows : random_below(rows + 1));
					vector->encoding = vector->nnulls == rows ? TSDB_ENC_NULL : (uint16_t) (1 + random_below(random_below(2) ? 1 : 16));
					if (kind == TSDB_KIND_INT && vector->nnulls < rows)
					{
						vector->flags |= TSDB_VEC_ZONE;
						vector->zone_min = zone;
						vector->zone_max = zone > INT64_MAX - 10240000 ? INT64_MAX : zone + 10240000;
						if (zone < INT64_MAX - 10240000)
							zone += 10240000;
					}
					if (vector->nnulls == rows)
						continue;
					if ((len > 3000 && random_below(2)) || random_below(30) == 0)
					{
						unsigned	log2 = random_below(10);
						uint32_t	p;

						if (b->header.nparts + 1024 > 20000)
							log2 = 9;
						build_pieces(b, vector, rows, log2);
						for (p = 0; p < vector->nparts; p++)
						{
							if (nulls == 0 || random_below(3) != 0)
								b->parts[tsdb_vector_first_part(vector) + p] = build_place(b, NULL, 1 + len / vector->nparts);
						}
					}
					else
						vector->block = build_place(b, NULL, len);
				}
			}
			if (planes > 0 && planes_first == (i == 0))
			{
				uint32_t	p;

				column->flags |= TSDB_COL_COLD;
				column->first_plane = b->header.nparts;
				column->nplanes = (uint8_t) planes;
				for (p = 0; p < column->nplanes; p++)
					b->parts[b->header.nparts++] = build_place(b, NULL, 1 + random_below(8000));
			}
		}
	}
}

static TsdbBlockRef
random_ref(Build *b)
{
	TsdbBlockRef ref = {0};

	ref.segment = (uint16_t) random_below(b->header.nsegments);
	if (random_below(4) == 0)
	{
		ref.offset = TSDB_BLOCK_SPANS;
		ref.length = (uint16_t) (1 + random_below(b->header.nsegments - ref.segment));
	}
	else
	{
		ref.offset = (uint16_t) (sizeof(TsdbSegmentDisk) + random_below((uint32_t) TSDB_SEGMENT_PAYLOAD));
		ref.length = (uint16_t) (1 + random_below((uint32_t) (TSDB_TUPLE_MAX_DATA - ref.offset)));
	}
	return ref;
}

/* A table that is valid, and nothing more: every field anything it may be. */
static void
fill_wild(Build *b, uint32_t nrows)
{
	uint32_t	ncolumns = random_below(8);
	uint32_t	mixed = random_below(4);
	uint32_t	c;
	uint32_t	v;
	uint32_t	i;

	build_start(b, nrows);
	b->header.nsegments = (uint16_t) (1 + random_below(random_below(3) == 0 ? 65535 : 40));
	b->header.nparts = 1024 + random_below(18000);
	for (i = 0; i < b->header.nparts; i++)
	{
		if (random_below(10) != 0)
			b->parts[i] = random_ref(b);
	}
	for (c = 0; c < ncolumns; c++)
	{
		TsdbColumnDisk *column = build_column(b, 1 + random_below(6));

		column->attnum = (int16_t) (c * 3 + 1);
		if (random_below(2))
		{
			column->dict = random_ref(b);
			column->dict_count = (uint32_t) random_bits() | 1;
		}
		if (column->typbyval && random_below(2))
		{
			column->flags = TSDB_COL_COLD;
			column->nplanes = (uint8_t) (1 + random_below(255));
			column->first_plane = random_below(b->header.nparts - column->nplanes);
			for (i = 0; i < column->nplanes; i++)
				do
					b->parts[column->first_plane + i] = random_ref(b);
				while (b->parts[column->first_plane + i].offset == TSDB_BLOCK_SPANS);
		}
	}
	for (c = 0; c < ncolumns; c++)
	{
		for (v = 0; v < b->header.nvectors; v++)
		{
			TsdbVector *vector = build_vector(b, c, v);
			uint32_t	rows = tsdb_vector_rows(&b->header, v);

			vector->encoding = (uint16_t) random_below(TSDB_NENCODINGS);
			vector->nnulls = (uint16_t) (random_below(3) == 0 ? rows : random_below(3) == 0 ? 0 : random_below(rows + 1));
			if (mixed == 0 ? vector->nnulls < rows : random_below(mixed) == 0)
			{
				int64_t		x = random_int64();
				int64_t		y = random_int64();

				vector->flags |= TSDB_VEC_ZONE;
				vector->zone_min = x < y ? x : y;
				vector->zone_max = x < y ? y : x;
			}
			else if (mixed == 3)
				vector->zone_min = random_int64();
			if (random_below(3) == 0)
			{
				uint32_t	nparts = b->header.nparts;
				uint32_t	first;
				unsigned	log2 = random_below(10);

				build_pieces(b, vector, rows, log2);
				b->header.nparts = nparts;
				first = random_below(nparts - vector->nparts + 1);
				vector->block.segment = (uint16_t) (first & 0xFFFF);
				vector->block.offset = (uint16_t) (first >> 16);
			}
			else if (vector->nnulls < rows || (mixed != 0 && random_below(2)))
				vector->block = random_ref(b);
		}
	}
}

/* The header's bytes, malloc'd to their length; NULL: it was refused. */
static uint8_t *
build_header(const Build *b, size_t *len, TsdbLayoutProblem *problem)
{
	size_t		fixed = tsdb_layout_fixed_bytes(&b->header);
	size_t		memory_size = tsdb_layout_pack_memory(&b->header);
	uint8_t    *out = chunk_alloc(fixed + tsdb_layout_pack_bound(&b->header));
	void	   *memory = chunk_alloc(memory_size);
	TsdbLayout	layout = {&b->header, b->columns, b->parts, NULL, b->vectors};
	size_t		size;

	memset(out, 0, fixed);
	memcpy(out, &b->header, sizeof(b->header));
	memcpy(out + sizeof(b->header), b->columns, b->header.ncolumns * sizeof(TsdbColumnDisk));
	memcpy(out + sizeof(b->header) + b->header.ncolumns * sizeof(TsdbColumnDisk), b->parts,
		   b->header.nparts * sizeof(TsdbBlockRef));
	memset(memory, 0x5A, memory_size);
	size = tsdb_layout_pack(&layout, memory, out + fixed, problem);
	free(memory);
	if (size == 0 && b->header.ncolumns > 0)
	{
		free(out);
		return NULL;
	}
	*len = fixed + size;
	out = realloc(out, *len);
	if (out == NULL)
		abort();
	return out;
}

/* Parses into exact memory, which the caller frees; NULL: refused. */
static void *
parse(const uint8_t *bytes, size_t len, TsdbLayout *layout, TsdbLayoutProblem *problem)
{
	TsdbHeaderDisk head = {0};
	TsdbLayoutExpected expected;
	size_t		size;
	void	   *memory;

	memcpy(&head, bytes, len < sizeof(head) ? len : sizeof(head));
	expected.chunk_id = head.chunk_id;
	expected.nrows = head.nrows;
	expected.nsegments = head.nsegments;
	expected.natts = FUZZ_MAX_ATTS;
	memset(problem, 0, sizeof(*problem));
	size = tsdb_layout_measure(bytes, len, &expected, problem);
	if (size == 0)
		return NULL;
	expect(size <= 48 * len, "%zu bytes of memory for %zu of header", size, len);
	memory = chunk_alloc(size);
	if (tsdb_layout_parse(bytes, len, &expected, memory, layout, problem))
		return memory;
	free(memory);
	return NULL;
}

static void
check_round_trip(const Build *b, const char *what, int round, size_t *bytes)
{
	TsdbLayoutProblem problem = {0};
	TsdbLayout	layout;
	size_t		len;
	size_t		len2;
	uint8_t    *header = build_header(b, &len, &problem);
	uint8_t    *again;
	void	   *memory;

	if (!expect(header != NULL, "%s %d: refused: %s", what, round, problem.text))
		return;
	memory = parse(header, len, &layout, &problem);
	if (expect(memory != NULL, "%s %d: column %d: %s", what, round, problem.attnum, problem.text))
	{
		expect(memcmp(layout.vectors, b->vectors, (size_t) b->header.ncolumns * b->header.nvectors * sizeof(TsdbVector)) == 0,
			   "%s %d: vectors differ", what, round);
		expect(memcmp(layout.columns, b->columns, b->header.ncolumns * sizeof(TsdbColumnDisk)) == 0 &&
			   memcmp(layout.parts, b->parts, b->header.nparts * sizeof(TsdbBlockRef)) == 0 &&
			   (const uint8_t *) (layout.tids + b->header.nsegments) - header == (ptrdiff_t) tsdb_layout_fixed_bytes(&b->header),
			   "%s %d: columns or parts differ", what, round);
	}
	free(memory);
	again = build_header(b, &len2, &problem);
	expect(again != NULL && len == len2 && memcmp(header, again, len) == 0, "%s %d: other bytes the second time", what, round);
	*bytes += len - tsdb_layout_fixed_bytes(&b->header);
	free(again);
	free(header);
}

static uint32_t
random_nrows(void)
{
	return 1 + random_below(random_below(2) ? TSDB_CHUNK_MAX_ROWS : random_below(2) ? 1024 : 9000);
}

static void
test_round_trip(Build *b)
{
	size_t		bytes = 0;
	size_t		nvectors = 0;
	int			round;

	for (round = 0; round < 500 && failure[0] == '\0'; round++)
	{
		fill_usual(b, random_nrows());
		check_round_trip(b, "usual", round, &bytes);
		nvectors += (size_t) b->header.ncolumns * b->header.nvectors;
	}
	/* of all kinds, string columns in pieces included */
	expect(bytes < 12 * nvectors, "%.2f bytes a vector", (double) bytes / nvectors);
	test_end("round trip: tables as the writer makes them");

	for (round = 0; round < 500 && failure[0] == '\0'; round++)
	{
		fill_wild(b, random_nrows());
		check_round_trip(b, "wild", round, &bytes);
	}
	test_end("round trip: any table that is valid");

	/* the last number of a part, all lengths of chunk */
	for (round = 1; round <= 64 && failure[0] == '\0'; round++)
	{
		fill_usual(b, (uint32_t) round * 1024);
		check_round_trip(b, "full", round, &bytes);
		fill_usual(b, (uint32_t) round * 1024 - 1023);
		check_round_trip(b, "one row more", round, &bytes);
	}
	test_end("round trip: every number of vectors");
}

/* Time in series of 600 rows or so, and a float: what most columns are. */
static void
test_size(Build *b)
{
	TsdbLayoutProblem problem;
	size_t		sizes[2];
	uint32_t	v;
	int			c;

	for (c = 0; c < 2; c++)
	{
		size_t		len;
		uint8_t    *header;

		build_start(b, 64 * 1024);
		build_column(b, c == 0 ? TSDB_KIND_INT : TSDB_KIND_FLOAT8);
		for (v = 0; v < 64; v++)
		{
			TsdbVector *vector = build_vector(b, 0, v);

			vector->encoding = TSDB_ENC_FOR;
			vector->block = build_place(b, NULL, 650 + random_below(60));
			if (c == 0)
			{
				vector->flags = TSDB_VEC_ZONE;
				vector->zone_min = INT64_C(820540800000000) + (int64_t) random_below(6000) * 10000000;
				vector->zone_max = vector->zone_min + (int64_t) random_below(20000) * 10000000;
			}
		}
		header = build_header(b, &len, &problem);
		if (!expect(header != NULL, "refused"))
			break;
		sizes[c] = len - tsdb_layout_fixed_bytes(&b->header);
		free(header);
	}
	if (failure[0] == '\0')
	{
		printf("# bytes a vector: times of many series %.2f, floats %.2f\n", sizes[0] / 64.0, sizes[1] / 64.0);
		expect(sizes[0] <= 6 * 64 && sizes[1] <= 2 * 64, "%zu, %zu bytes for 64 vectors", sizes[0], sizes[1]);
	}
	test_end("size: at most 6 bytes a vector of times, 2 of floats");
}

/* Twelve columns of 60 vectors, as a fetch meets them. */
static void
test_speed(Build *b)
{
	TsdbLayoutProblem problem;
	TsdbLayout	layout;
	size_t		len;
	uint8_t    *header;
	struct timespec before;
	struct timespec after;
	double		best = 0;
	uint32_t	v;
	int			c;
	int			i;

	build_start(b, 60 * 1024);
	for (c = 0; c < 12; c++)
	{
		build_column(b, c == 0 ? TSDB_KIND_INT : TSDB_KIND_FLOAT8);
		for (v = 0; v < 60; v++)
		{
			TsdbVector *vector = build_vector(b, (uint32_t) c, v);

			vector->encoding = TSDB_ENC_FOR;
			vector->block = build_place(b, NULL, 650 + random_below(60));
			if (c == 0)
			{
				vector->flags = TSDB_VEC_ZONE;
				vector->zone_min = (int64_t) random_below(6000) * 10000000;
				vector->zone_max = vector->zone_min + (int64_t) random_below(20000) * 10000000;
			}
		}
	}
	header = build_header(b, &len, &problem);
	for (i = 0; header != NULL && i < 500; i++)
	{
		double		ns;

		clock_gettime(CLOCK_MONOTONIC, &before);
		free(parse(header, len, &layout, &problem));
		clock_gettime(CLOCK_MONOTONIC, &after);
		ns = (double) (after.tv_sec - before.tv_sec) * 1e9 + (double) (after.tv_nsec - before.tv_nsec);
		best = i == 0 || ns < best ? ns : best;
	}
	printf("# parse of 12 columns of 60 vectors, %zu bytes: %.0f ns at best\n", len, best);
	free(header);
}

/*-------------- damage --------------*/

/* What the reader relies on, looked at by other code than the one under test. */
static void
check_invariants(const TsdbLayout *layout, int round)
{
	const TsdbHeaderDisk *header = layout->header;
	uint32_t	c;
	uint32_t	v;
	uint32_t	i;

	for (c = 0; c < header->ncolumns; c++)
	{
		const TsdbColumnDisk *column = &layout->columns[c];

		expect(column->attnum >= 1 && column->attnum <= FUZZ_MAX_ATTS, "%d: column number %d", round, column->attnum);
		expect((uint64_t) column->first_plane + column->nplanes <= header->nparts, "%d: planes", round);
		for (v = 0; v < header->nvectors; v++)
		{
			const TsdbVector *vector = &layout->vectors[(size_t) c * header->nvectors + v];
			uint32_t	rows = header->nrows - v * 1024 < 1024 ? header->nrows - v * 1024 : 1024;
			const TsdbBlockRef *refs = &vector->block;
			uint32_t	nrefs = 1;

			expect(vector->nnulls <= rows && vector->encoding < TSDB_NENCODINGS &&
				   ((vector->flags & TSDB_VEC_ZONE) == 0 || vector->zone_min <= vector->zone_max),
				   "%d: column %u, vector %u", round, c, v);
			if (vector->nparts > 0)
			{
				uint32_t	first = vector->block.segment + 65536 * (uint32_t) vector->block.offset;
				uint32_t	log2 = vector->flags >> 8;

				nrefs = vector->nparts;
				if (!expect(log2 <= 9 && (uint64_t) first + nrefs <= header->nparts && nrefs == (rows + (1U << log2) - 1) >> log2,
							"%d: column %u, vector %u: parts", round, c, v))
					return;
				refs = &layout->parts[first];
			}
			for (i = 0; i < nrefs; i++)
			{
				if (refs[i].length == 0)
					expect(vector->nparts > 0 || vector->nnulls == rows, "%d: no block, but values", round);
				else if (refs[i].offset == 0xFFFF)
					expect(refs[i].segment + refs[i].length <= header->nsegments, "%d: spans", round);
				else
					expect(refs[i].segment < header->nsegments && refs[i].offset >= 28 && refs[i].offset + refs[i].length <= 8124,
						   "%d: column %u, vector %u: reference", round, c, v);
			}
		}
	}
}

static void
test_damage(Build *b)
{
	TsdbLayoutProblem problem;
	TsdbLayout	layout;
	int			accepted = 0;
	int			round;

	for (round = 0; round < 30 && failure[0] == '\0'; round++)
	{
		size_t		len;
		size_t		cut;
		uint8_t    *header;

		if (round % 2)
			fill_usual(b, random_nrows());
		else
			fill_wild(b, random_nrows());
		header = build_header(b, &len, &problem);
		if (header == NULL || b->header.ncolumns == 0)
		{
			free(header);
			continue;
		}
		for (cut = 0; cut < len; cut += cut < 100 || len - cut < 300 ? 1 : 1 + random_below(1000))
		{
			uint8_t    *exact = chunk_alloc(cut);
			void	   *memory;

			memcpy(exact, header, cut);
			memory = parse(exact, cut, &layout, &problem);
			expect(memory == NULL && !problem.other_version == (cut >= 8 || problem.text[0] != '\0'),
				   "%d: %zu of %zu bytes are accepted", round, cut, len);
			free(memory);
			free(exact);
		}
		free(header);
	}
	test_end("truncated headers are refused");

	for (round = 0; round < 200 && failure[0] == '\0'; round++)
	{
		size_t		len;
		uint8_t    *header;
		uint8_t    *copy;
		int			flips;

		if (round % 4)
			fill_usual(b, random_nrows());
		else
			fill_wild(b, random_nrows());
		header = build_header(b, &len, &problem);
		if (header == NULL)
			continue;
		copy = chunk_alloc(len);
		for (flips = 0; flips < 60; flips++)
		{
			/* vector tables most of all */
			size_t		from = random_below(3) == 0 ? 0 : tsdb_layout_fixed_bytes(&b->header);
			int			n = 1 + (int) random_below(4);
			void	   *memory;

			memcpy(copy, header, len);
			if (from == len)
				from = 0;
			if (random_below(4) == 0)
			{
				size_t		at = from + random_below((uint32_t) (len - from));

				for (n = 0; n < 20 && at < len; n++)
					copy[at++] = (uint8_t) random_bits();
			}
			else
			{
				while (n-- > 0)
					copy[from + random_below((uint32_t) (len - from))] ^= (uint8_t) (1 << random_below(8));
			}
			memory = parse(copy, len, &layout, &problem);
			if (memory != NULL)
			{
				check_invariants(&layout, round);
				accepted++;
			}
			free(memory);
		}
		free(copy);
		free(header);
	}
	printf("# %d of %d flipped headers still hold\n", accepted, round * 60);
	test_end("flipped bits and noise: a layout that holds, or refused");
}

/* One fault after the other, each with the words that tell it. */
static void
test_checks(Build *b)
{
	static const char *const words[] = {
		"unknown kind", "kind does not match", "unknown flags", "dictionary without entries",
		"dictionary out of range", "dictionary beside", "symbol table of a by-value", "symbol table out of range",
		"not cold", "planes of a column of strings", "without planes", "planes out of range", "of a plane out of range",
		"column number 1 follows 1", "unknown flags in the header", "header should have", "follows 1; the table has 100",
		"too many", "lie outside", "unknown form", "unknown form", "cannot be unpacked",
		"unknown encoding", "more NULLs", "above its maximum", "piece size without", "empty block", "no block",
		"block reference out of range", "piece size out of range", "number of pieces", "block beside", "pieces out of range",
		"of a piece out of range",
	};
	unsigned	i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
	{
		TsdbLayoutProblem problem = {0};
		TsdbLayout	layout;
		TsdbHeaderDisk *header;
		TsdbColumnDisk *column;
		TsdbVector *vector;
		TsdbBlockRef *parts;
		uint8_t    *bytes;
		uint8_t    *tables;
		uint8_t    *raw;
		size_t		len;
		size_t		fixed;
		void	   *memory;

		/* two columns of two vectors: an integer, a string with parts */
		build_start(b, 1500);
		build_column(b, TSDB_KIND_INT);
		build_column(b, TSDB_KIND_VARLENA);
		build_vector(b, 0, 0)->block = build_place(b, NULL, 100);
		build_vector(b, 0, 1)->block = build_place(b, NULL, 100);
		build_pieces(b, build_vector(b, 1, 0), 1024, 9);
		b->parts[0] = build_place(b, NULL, 100);
		b->parts[1] = build_place(b, NULL, 100);
		build_vector(b, 1, 1)->block = build_place(b, NULL, 100);
		bytes = build_header(b, &len, &problem);
		if (!expect(bytes != NULL, "refused: %s", problem.text))
			break;
		free(bytes);

		/* all raw: a vector is where one looks for it */
		fixed = tsdb_layout_fixed_bytes(&b->header);
		len = fixed + 2 * (1 + 2 * sizeof(TsdbVector));
		bytes = chunk_alloc(len + 8);
		memset(bytes, 0, len + 8);
		memcpy(bytes, &b->header, sizeof(b->header));
		memcpy(bytes + 32, b->columns, 96);
		memcpy(bytes + 128, b->parts, 16);
		tables = bytes + fixed;
		memcpy(tables + 1, b->vectors, 64);
		memcpy(tables + 66, &b->vectors[2], 64);
		header = (TsdbHeaderDisk *) bytes;
		column = (TsdbColumnDisk *) (bytes + 32);
		parts = (TsdbBlockRef *) (bytes + 128);
		memory = parse(bytes, len, &layout, &problem);
		if (!expect(memory != NULL, "raw tables refused: %s", problem.text))
			break;
		free(memory);
		raw = tables + (i == 29 || i == 30 || i == 31 || i == 32 ? 66 : 1);
		vector = chunk_alloc(sizeof(TsdbVector));
		memcpy(vector, raw, sizeof(*vector));
		switch (i)
		{
			case 0: column[0].kind = 7; break;
			case 1: column[0].typlen = 3; break;
			case 2: column[0].spare[1] = 1; break;
			case 3: column[0].dict.length = 1; break;
			case 4: column[0].dict_count = 1; break;
			case 5: column[1].flags = TSDB_COL_FSST; column[1].dict_count = 1; break;
			case 6: column[0].flags = TSDB_COL_FSST; break;
			case 7: column[1].flags = TSDB_COL_FSST; break;
			case 8: column[0].nplanes = 1; break;
			case 9: column[1].flags = TSDB_COL_COLD; column[1].nplanes = 1; break;
			case 10: column[0].flags = TSDB_COL_COLD; break;
			case 11: column[0].flags = TSDB_COL_COLD; column[0].first_plane = 1; column[0].nplanes = 2; break;
			case 12: column[0].flags = TSDB_COL_COLD; column[0].nplanes = 1; parts[0].length = 0xFFF0; break;
			case 13: column[1].attnum = 1; break;
			case 14: header->spare2 = 1; break;
			case 15: header->nparts = 0xFFFFFFFF; break;
			case 16: column[1].attnum = 101; break;
			case 17: len += 3; break;
			case 18: len -= 1; break;
			case 19: tables[0] = TSDB_TABLE_NULLS; break;
			case 20: tables[0] = TSDB_TABLE_PLANES_LAST; break;
			case 21: tables[0] = TSDB_TABLE_PACKED; vector->block.segment = 63; break;
			case 22: vector->encoding = TSDB_NENCODINGS; break;
			case 23: vector->nnulls = 1025; break;
			case 24: vector->flags = TSDB_VEC_ZONE; vector->zone_min = 1; break;
			case 25: vector->flags = 0x100; break;
			case 26: vector->block.length = 0; break;
			case 27: memset(&vector->block, 0, sizeof(vector->block)); break;
			case 28: vector->block.offset = 27; break;
			case 29: vector->flags = 10 << 8; break;
			case 30: vector->nparts = 3; break;
			case 31: vector->block.length = 1; break;
			case 32: vector->block.segment = 1; break;
			case 33: parts[1].segment = 1; break;
		}
		memcpy(raw, vector, sizeof(*vector));
		free(vector);
		memory = parse(bytes, len, &layout, &problem);
		expect(memory == NULL && strstr(problem.text, words[i]) != NULL, "%s: \"%s\"", words[i], memory ? "accepted" : problem.text);
		free(memory);
		free(bytes);
	}
	test_end("damage: each check with its words");

	/* the writer refuses what its reader would */
	build_start(b, 1500);
	build_column(b, TSDB_KIND_INT);
	for (i = 0; i < 3; i++)
	{
		TsdbLayoutProblem problem = {0};
		size_t		len;

		build_vector(b, 0, 0)->block = build_place(b, NULL, 100);
		build_vector(b, 0, 1)->block = build_place(b, NULL, 100);
		if (i == 0)
			build_vector(b, 0, 1)->block.segment = 999;
		else if (i == 1)
			build_vector(b, 0, 1)->nnulls = 500;
		else
			build_vector(b, 0, 1)->block.length = 0;
		expect(build_header(b, &len, &problem) == NULL, "%u: an invalid table was written", i);
		expect(problem.text[0] != '\0', "%u: no problem told", i);
	}
	test_end("damage: the writer refuses invalid tables");

	{
		TsdbLayoutProblem problem;
		TsdbLayout	layout;
		size_t		len;
		uint8_t    *bytes;

		build_start(b, 10);
		build_column(b, TSDB_KIND_INT);
		build_vector(b, 0, 0)->block = build_place(b, NULL, 100);
		bytes = build_header(b, &len, &problem);
		((TsdbHeaderDisk *) bytes)->version = 1;
		expect(parse(bytes, len, &layout, &problem) == NULL && problem.other_version, "version 1");
		((TsdbHeaderDisk *) bytes)->version = 3;
		expect(parse(bytes, len, &layout, &problem) == NULL && problem.other_version, "version 3");
		free(bytes);
	}
	test_end("other versions are told from damage");
}

/*-------------- whole chunks --------------*/

/* Values of a row, by column: 0 time, 1 decimal, 2 integer with NULLs, 3 word of few, 4 long text, 5 fixed */
static int64_t
row_integer(int seed, int c, uint32_t row, bool *isnull)
{
	double		d = (double) ((row * 7 + (uint32_t) seed) % 1000) / 4;
	int64_t		bits;

	*isnull = c == 2 && row % 5 == 0 && row / 1024 % 2 == 0;
	memcpy(&bits, &d, sizeof(bits));
	return c == 0 ? INT64_C(820540800000000) + (int64_t) row * 10000000 : c == 1 ? bits : (int64_t) (row * row % 1001);
}

static TsdbBytes
row_string(int seed, int c, uint32_t row)
{
	static char text[40000];
	static bool made = false;
	TsdbBytes	result;
	size_t		i;

	for (i = 0; !made && i < sizeof(text); i++)
		text[i] = (char) ('a' + i * i % 26);
	made = true;
	result.data = (const uint8_t *) text + (row + (uint32_t) seed) % 13;
	result.len = c == 5 ? 16 : c == 3 ? 3 + row % 4 : row % 1000 == 3 ? 9000 : row % 9;
	if (c == 3)
		result.data = (const uint8_t *) text + row % 4;
	return result;
}

/* Builds a chunk with real blocks: bytes in the fuzz target's form, malloc'd. */
static uint8_t *
chunk_build(Build *b, int seed, uint32_t nrows, int ncolumns, size_t *size, uint64_t *nvalues)
{
	static const TsdbColumnKind kinds[] = {TSDB_KIND_INT, TSDB_KIND_FLOAT8, TSDB_KIND_INT, TSDB_KIND_VARLENA,
	TSDB_KIND_CSTRING, TSDB_KIND_FIXED};
	TsdbCodecScratch *scratch = chunk_alloc(tsdb_codec_scratch_size());
	TsdbLayoutProblem problem = {0};
	static uint8_t block[1024 * 1024];
	uint8_t    *header;
	uint8_t    *out;
	size_t		len;
	int			c;
	uint32_t	v;
	uint32_t	i;

	memset(b->segments, 0, b->segments_size);
	build_start(b, nrows);
	*nvalues = 0;
	for (c = 0; c < ncolumns; c++)
	{
		TsdbColumnDisk *column = build_column(b, kinds[c]);

		if (c == 3)
		{
			TsdbBytes	entries[4];

			for (i = 0; i < 4; i++)
				entries[i] = row_string(seed, c, i);
			len = tsdb_dict_encode(entries, 4, block);
			column->dict = build_place(b, block, len);
			column->dict_count = 4;
		}
		if (c == 1 && seed % 2)
		{
			/* planes that no vector uses, in two pieces */
			uint8_t    *zeros = calloc(1, b->header.nrows);
			const uint8_t *planes[2] = {zeros, zeros};
			uint8_t    *packed = malloc(tsdb_planes_bound(2, b->header.nrows));
			size_t		bytes = tsdb_planes_pack(planes, 2, b->header.nrows, packed);

			column->flags |= TSDB_COL_COLD;
			column->nplanes = 2;
			column->first_plane = b->header.nparts;
			b->parts[b->header.nparts++] = build_place(b, packed, 10);
			b->parts[b->header.nparts++] = build_place(b, packed + 10, bytes - 10);
			free(packed);
			free(zeros);
		}
		for (v = 0; v < b->header.nvectors; v++)
		{
			TsdbVector *vector = build_vector(b, (uint32_t) c, v);
			uint32_t	rows = tsdb_vector_rows(&b->header, v);
			unsigned	log2 = c == 4 ? (v % 2 ? 10 : 7) : 10;
			uint32_t	piece = 1U << log2;
			uint32_t	row;

			if (c == 0)
			{
				bool		isnull;

				vector->flags |= TSDB_VEC_ZONE;
				vector->zone_min = row_integer(seed, c, v * 1024, &isnull);
				vector->zone_max = row_integer(seed, c, v * 1024 + rows - 1, &isnull);
			}
			if (log2 < 10)
				build_pieces(b, vector, rows, log2);
			for (row = 0; row < rows; row += piece)
			{
				uint32_t	n = rows - row < piece ? rows - row : piece;
				int64_t		values[1024];
				bool		isnull[1024];
				TsdbBytes	strings[1024];
				uint32_t	codes[1024];
				TsdbEncoding encoding;
				TsdbBlockRef ref;

				for (i = 0; i < n; i++)
				{
					uint32_t	r = v * 1024 + row + i;

					isnull[i] = false;
					if (c < 3)
					{
						values[i] = row_integer(seed, c, r, &isnull[i]);
						vector->nnulls += isnull[i];
					}
					else
					{
						strings[i] = row_string(seed, c, r);
						codes[i] = r % 4;
					}
					*nvalues += !isnull[i];
				}
				if (c < 3)
					len = tsdb_int_encode(values, isnull, (int) n, TSDB_LANE_INT64, c == 1 ? TSDB_MEANS_FLOAT8 : TSDB_MEANS_INT,
										  block, &encoding, scratch);
				else if (c == 3)
					len = tsdb_codes_encode(codes, isnull, (int) n, block, &encoding, scratch);
				else
					len = tsdb_bytes_encode(strings, isnull, (int) n, block, &encoding, scratch);
				ref = build_place(b, block, len);
				vector->encoding = (uint16_t) encoding;
				if (log2 < 10)
					b->parts[tsdb_vector_first_part(vector) + row / piece] = ref;
				else
					vector->block = ref;
			}
		}
	}
	free(scratch);

	header = build_header(b, &len, &problem);
	if (!expect(header != NULL, "chunk %d refused: %s", seed, problem.text))
		return NULL;
	out = chunk_alloc(2 + len + b->header.nsegments * (2 + TSDB_TUPLE_MAX_DATA));
	out[0] = (uint8_t) len;
	out[1] = (uint8_t) (len >> 8);
	memcpy(out + 2, header, len);
	*size = 2 + len;
	for (i = 0; i < b->header.nsegments; i++)
	{
		out[*size] = (uint8_t) b->ends[i];
		out[*size + 1] = (uint8_t) (b->ends[i] >> 8);
		memcpy(out + *size + 2, b->segments + (size_t) i * TSDB_TUPLE_MAX_DATA, b->ends[i]);
		*size += 2 + b->ends[i];
	}
	free(header);
	return out;
}

/* Decodes it with the fuzz target's functions and compares values. */
static void
check_chunk(const uint8_t *bytes, size_t size, int seed, uint64_t nvalues)
{
	static FuzzChunk f;
	TsdbLayoutProblem problem = {0};
	uint64_t	seen = 0;
	uint32_t	c;
	uint32_t	v;
	uint32_t	i;

	if (expect(fuzz_chunk_read(&f, bytes, size, &problem), "chunk %d: %s", seed, problem.text))
	{
		for (c = 0; c < f.layout.header->ncolumns; c++)
		{
			expect(fuzz_column_decode(&f, c), "chunk %d: column %u is not decoded", seed, c);
			for (v = 0; v < f.layout.header->nvectors; v++)
			{
				const TsdbVector *vector = &f.layout.vectors[c * f.layout.header->nvectors + v];
				uint32_t	rows = tsdb_vector_rows(f.layout.header, v);

				seen += rows - vector->nnulls;
				if (vector->nparts > 0 || c >= 3)
					continue;
				f.blocks_left = FUZZ_MAX_BLOCKS;
				fuzz_vector_decode(&f, vector, v * 1024, rows);
				for (i = 0; i < rows; i++)
				{
					bool		isnull;
					int64_t		value = row_integer(seed, (int) c, v * 1024 + i, &isnull);

					expect(isnull == f.isnull[i] && (isnull || value == f.values[i]), "chunk %d: column %u, vector %u, row %u",
						   seed, c, v, i);
				}
			}
		}
		expect(seen == nvalues, "chunk %d: not all values", seed);
	}
	fuzz_chunk_free(&f);
}

static void
test_chunks(Build *b, const char *seed_directory)
{
	static const uint32_t nrows[] = {5, 1100, 2100, 300, 3000, 1};
	int			seed;

	for (seed = 0; seed < 6; seed++)
	{
		size_t		size;
		uint64_t	nvalues;
		uint8_t    *bytes = chunk_build(b, seed, nrows[seed], seed == 4 ? 3 : seed == 2 ? 4 : 6, &size, &nvalues);

		if (bytes == NULL)
			break;
		check_chunk(bytes, size, seed, nvalues);
		if (seed_directory)
		{
			char		path[1000];
			FILE	   *file;

			snprintf(path, sizeof(path), "%s/seed-%d", seed_directory, seed);
			file = fopen(path, "wb");
			if (file == NULL || fwrite(bytes, size, 1, file) != 1 || fclose(file) != 0)
			{
				perror(path);
				exit(1);
			}
		}
		/* damaged anywhere, the target stands it */
		if (!seed_directory)
		{
			int			round;

			for (round = 0; round < 40; round++)
			{
				size_t		at = random_below(3) == 0 ? random_below((uint32_t) size) : random_below(size < 600 ? (uint32_t) size : 600);
				uint8_t		was = bytes[at];

				bytes[at] = (uint8_t) random_bits();
				LLVMFuzzerTestOneInput(bytes, size);
				bytes[at] = was;
				LLVMFuzzerTestOneInput(bytes, random_below((uint32_t) size));
			}
		}
		free(bytes);
	}
	test_end("whole chunks: values come back, damage is met");
}

static void
test_corpus(void)
{
	static const char *const directories[] = {"../fuzz/corpus_chunk", "fuzz/corpus_chunk", "simd/fuzz/corpus_chunk"};
	const char *directory = NULL;
	DIR		   *dir = NULL;
	struct dirent *entry;
	int			nfiles = 0;
	unsigned	i;

	for (i = 0; i < sizeof(directories) / sizeof(directories[0]) && dir == NULL; i++)
		dir = opendir(directory = directories[i]);
	while (dir != NULL && (entry = readdir(dir)) != NULL)
	{
		static uint8_t bytes[200000];
		char		path[1000];
		FILE	   *file;
		size_t		size;

		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		if (entry->d_name[0] == '.' || (file = fopen(path, "rb")) == NULL)
			continue;
		size = fread(bytes, 1, sizeof(bytes), file);
		fclose(file);
		LLVMFuzzerTestOneInput(bytes, size);
		nfiles++;
	}
	if (dir != NULL)
		closedir(dir);
	expect(nfiles >= MIN_CORPUS, "%d files", nfiles);
	test_end("fuzz corpus of chunks");
}

int
main(int argc, char **argv)
{
	Build	   *b = calloc(1, sizeof(Build));

	if (b == NULL)
		abort();
	b->segments = calloc(1, TSDB_TUPLE_MAX_DATA);
	b->segments_size = TSDB_TUPLE_MAX_DATA;
	if (argc == 3 && strcmp(argv[1], "--seed") == 0)
		test_chunks(b, argv[2]);
	else
	{
		test_arrays();
		test_round_trip(b);
		test_size(b);
		test_speed(b);
		test_damage(b);
		test_checks(b);
		test_chunks(b, NULL);
		test_corpus();
		printf("1..%d\n", tests);
	}
	free(b->segments);
	free(b);
	return failures > 0;
}
