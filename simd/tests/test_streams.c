/*-------------------------------------------------------------------------
 * test_streams.c
 *	  Tests of blocks of encoding STREAMS, as TAP lines; no PostgreSQL.
 *
 *	test_streams [directory]			runs all; directory: the fuzz corpus, default fuzz/corpus_streams
 *	test_streams --seed directory		writes fuzz seeds there
 *
 * What would break which test: a slot that is taken for a row or the other way round, "round trip"; an encoder
 * that looks at values of NULL rows or at old scratch, "same bytes"; an open that trusts its input, "truncated",
 * "flipped", "made-up fields", best under -fsanitize=address,undefined.
 *-------------------------------------------------------------------------
 */
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>

#include "../fuzz/fuzz_streams.c"

#define MIN_FILES	20

static int	tests = 0;
static int	failures = 0;
static char failure[400];

static TsdbCodecScratch *scratch;

/*-------------- TAP --------------*/

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
	bool		ok = failure[0] == '\0';

	printf("%sok %d - %s\n", ok ? "" : "not ", ++tests, name);
	if (!ok)
	{
		printf("# %s\n", failure);
		failures++;
	}
	failure[0] = '\0';
	fflush(stdout);
}

/*-------------- cases --------------*/

typedef enum CaseNulls
{
	NULLS_NONE, NULLS_NO_ARRAY, NULLS_FIRST, NULLS_LAST, NULLS_THIRD, NULLS_RUNS, NULLS_ALL_BUT_ONE, NNULLS
} CaseNulls;

typedef enum CaseExceptions
{
	EXC_NONE, EXC_FIRST, EXC_LAST, EXC_SEVENTH, EXC_RUN, EXC_ALL_BUT_ONE, EXC_ALL, NEXC
} CaseExceptions;

static const char *const nulls_names[] = {"no NULLs", "no array of NULLs", "first row NULL", "last row NULL",
"every third row NULL", "runs of NULLs", "all NULL but one"};
static const char *const exc_names[] = {"no exceptions", "first row an exception", "last row an exception",
"every seventh", "a run", "all but one", "all exceptions"};

/* A case: rows, and the streams by slot, with what belongs into slots of exceptions. */
typedef struct Case
{
	int			n;
	int			nvalid;
	int			nstreams;
	bool		isnull[1024];
	bool		no_array;
	TsdbStream	streams[TSDB_MAX_STREAMS];
	int64_t		given[TSDB_MAX_STREAMS][1024];
	int64_t		expected[TSDB_MAX_STREAMS][1024];
	int			nexceptions;
	uint16_t	rows[1024];
	TsdbBytes	exceptions[1024];
	size_t		exception_len;
} Case;

static const uint8_t text[] = "bytes of exceptions: from 0 to 40 of them, from some place in this text on, and that is all.";

static uint64_t
mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
	return x ^ (x >> 31);
}

static bool
null_at(CaseNulls nulls, int i, int n)
{
	if (n == 1)
		return false;
	switch (nulls)
	{
		case NULLS_FIRST:
			return i == 0;
		case NULLS_LAST:
			return i == n - 1;
		case NULLS_THIRD:
			return i % 3 == 1;
		case NULLS_RUNS:
			return i / 10 % 3 == 1;
		case NULLS_ALL_BUT_ONE:
			return i != n / 2;
		default:
			return false;
	}
}

static bool
exception_at(CaseExceptions exc, int slot, int nvalid)
{
	switch (exc)
	{
		case EXC_FIRST:
			return slot == 0;
		case EXC_LAST:
			return slot == nvalid - 1;
		case EXC_SEVENTH:
			return slot % 7 == 3;
		case EXC_RUN:
			return slot >= nvalid / 3 && slot < nvalid / 2;
		case EXC_ALL_BUT_ONE:
			return slot != nvalid / 2;
		case EXC_ALL:
			return true;
		default:
			return false;
	}
}

static void
case_make(Case *c, int n, CaseNulls nulls, CaseExceptions exc, int nstreams, unsigned seed)
{
	int			first = -1;
	int			s;
	int			i;

	memset(c, 0xA5, sizeof(*c));
	c->n = n;
	c->nstreams = nstreams;
	c->no_array = nulls == NULLS_NO_ARRAY;
	c->nvalid = 0;
	c->nexceptions = 0;
	c->exception_len = 0;
	for (i = 0; i < n; i++)
	{
		c->isnull[i] = null_at(nulls, i, n);
		c->nvalid += !c->isnull[i];
	}
	for (s = 0; s < nstreams; s++)
	{
		c->streams[s].values = c->given[s];
		c->streams[s].lane = fuzz_lanes[(seed + (unsigned) s) % 4];
		c->streams[s].meaning = TSDB_MEANS_INT;
	}
	if (seed % 5 == 0)
	{
		c->streams[0].lane = TSDB_LANE_INT64;
		c->streams[0].meaning = TSDB_MEANS_FLOAT8;
	}

	c->nvalid = 0;
	for (i = 0; i < n; i++)
	{
		int			valid = n;
		int			slot = c->nvalid;
		int			k;

		if (c->isnull[i])
			continue;
		c->nvalid++;
		for (k = valid = 0; k < n; k++)
			valid += !c->isnull[k];
		if (exception_at(exc, slot, valid))
		{
			uint64_t	r = mix(seed * 1000 + (unsigned) i);

			c->rows[c->nexceptions] = (uint16_t) i;
			c->exceptions[c->nexceptions].len = (uint32_t) (r % 41);
			c->exceptions[c->nexceptions].data = text + (r >> 8) % 40;
			c->exception_len += c->exceptions[c->nexceptions++].len;
			continue;
		}
		if (first < 0)
			first = slot;
		for (s = 0; s < nstreams; s++)
		{
			int			spare = 64 - 8 * (int) c->streams[s].lane;
			uint64_t	v = (seed + (unsigned) s) % 3 == 0 ? mix((uint64_t) i + seed) :
				(seed + (unsigned) s) % 3 == 1 ? 42 : (uint64_t) i * 3 + seed;

			if (c->streams[s].meaning == TSDB_MEANS_FLOAT8)
			{
				double		d = (double) i / 100;

				memcpy(&v, &d, 8);
			}
			c->given[s][slot] = (int64_t) (v << spare) >> spare;
		}
	}

	for (s = 0; s < nstreams; s++)
	{
		int			e = 0;
		int			slot = 0;
		int64_t		last = first < 0 ? 0 : c->given[s][first];

		for (i = 0; i < n; i++)
		{
			if (c->isnull[i])
				continue;
			if (e < c->nexceptions && c->rows[e] == i)
				e++;
			else
				last = c->given[s][slot];
			c->expected[s][slot++] = last;
		}
	}
}

/* The block in memory of its exact size; out of a buffer of the bound's. */
static uint8_t *
case_encode(Case *c, uint8_t kind, size_t *size)
{
	size_t		bound = tsdb_streams_bound(c->n, c->nstreams, c->nexceptions, c->exception_len);
	uint8_t    *out = fuzz_alloc(bound);
	uint8_t    *exact;

	*size = tsdb_streams_encode(kind, c->streams, c->nstreams, c->no_array ? NULL : c->isnull, c->n,
								c->exceptions, c->rows, c->nexceptions, out, scratch);
	expect(*size > 0 && *size <= bound, "size %zu, bound %zu", *size, bound);
	exact = fuzz_alloc(*size);
	memcpy(exact, out, *size);
	free(out);
	return exact;
}

static bool
case_decodes(const Case *c, const uint8_t *block, size_t size, uint8_t kind)
{
	TsdbStreamsBlock opened;
	bool	   *isnull = fuzz_alloc((size_t) c->n);
	int64_t    *values = fuzz_alloc((size_t) c->nvalid * sizeof(int64_t));
	uint16_t   *rows = fuzz_alloc((size_t) c->nexceptions * sizeof(uint16_t));
	TsdbBytes  *exceptions = fuzz_alloc((size_t) c->nexceptions * sizeof(TsdbBytes));
	int			nnulls;
	bool		good;
	int			i;

	good = expect(tsdb_streams_open(block, size, c->n, &opened, isnull, &nnulls), "block does not open") &&
		expect(opened.n == c->n && opened.nvalid == c->nvalid && nnulls == c->n - c->nvalid &&
			   opened.kind == kind && opened.nstreams == c->nstreams && opened.nexceptions == c->nexceptions,
			   "counts differ") &&
		expect(memcmp(isnull, c->isnull, (size_t) c->n) == 0, "NULLs differ");
	for (i = 0; good && i < c->nstreams; i++)
		good = expect(tsdb_streams_read(&opened, i, c->streams[i].lane, values, scratch), "stream %d unreadable", i) &&
			expect(memcmp(values, c->expected[i], (size_t) c->nvalid * sizeof(int64_t)) == 0, "stream %d differs", i) &&
			expect(fuzz_one_stream_differs(&opened, i, c->streams[i].lane, values, scratch) < 0, "a value alone differs") &&
			expect(!tsdb_streams_read(&opened, i, c->streams[i].lane == TSDB_LANE_INT64 ? TSDB_LANE_INT32 : TSDB_LANE_INT64,
									  values, scratch), "stream %d read at a wrong lane", i);
	if (good)
	{
		tsdb_streams_exceptions(&opened, rows, exceptions);
		for (i = 0; i < c->nexceptions; i++)
			good &= expect(rows[i] == c->rows[i] && exceptions[i].len == c->exceptions[i].len &&
						   memcmp(exceptions[i].data, c->exceptions[i].data, exceptions[i].len) == 0,
						   "exception %d differs", i);
	}
	free(isnull);
	free(values);
	free(rows);
	free(exceptions);
	return good;
}

static int
next_n(int n)
{
	return n < 20 ? n + 1 : n == 1024 ? 1025 : n + 61 > 1024 ? 1024 : n + 61;
}

static void
test_round_trips(void)
{
	static Case c;
	int			nulls;
	int			exc;
	int			n;
	char		name[100];

	for (nulls = 0; nulls < NNULLS; nulls++)
	{
		for (exc = 0; exc < NEXC; exc++)
			for (n = 1; n <= 1024; n = next_n(n))
			{
				unsigned	seed = (unsigned) (n + nulls * 7 + exc * 3);
				uint8_t    *block;
				size_t		size;

				case_make(&c, n, (CaseNulls) nulls, (CaseExceptions) exc, 1 + (int) seed % TSDB_MAX_STREAMS, seed);
				block = case_encode(&c, (uint8_t) seed, &size);
				if (!case_decodes(&c, block, size, (uint8_t) seed))
					expect(false, "n = %d, %s", n, exc_names[exc]);
				free(block);
			}
		snprintf(name, sizeof(name), "round trip, %s", nulls_names[nulls]);
		test_end(name);
	}
}

static void
test_same_bytes(void)
{
	static Case c;
	static Case d;
	int			exc;

	for (exc = 0; exc < NEXC; exc++)
	{
		uint8_t    *a;
		uint8_t    *b;
		size_t		asize;
		size_t		bsize;

		/* another scratch, and other rubbish in the slots of exceptions */
		case_make(&c, 700, NULLS_THIRD, (CaseExceptions) exc, 3, 4);
		d = c;
		for (asize = 0; asize < 3; asize++)
			d.streams[asize].values = d.given[asize];
		for (asize = 0; asize < (size_t) d.nexceptions; asize++)
		{
			int			slot = 0;
			int			i;

			for (i = 0; i < d.rows[asize]; i++)
				slot += !d.isnull[i];
			d.given[0][slot] = d.given[1][slot] = d.given[2][slot] = 77;
		}
		a = case_encode(&c, 1, &asize);
		memset(scratch, 0x5C, tsdb_codec_scratch_size());
		b = case_encode(&d, 1, &bsize);
		expect(asize == bsize && memcmp(a, b, asize) == 0, "%s", exc_names[exc]);
		free(a);
		free(b);
	}
	memset(scratch, 0, tsdb_codec_scratch_size());
	test_end("same bytes whatever is in scratch and in slots of exceptions");
}

/* Whatever it says, no sanitizer may complain, and what it says must be consistent. */
static bool
opens(const uint8_t *block, size_t len, int n)
{
	TsdbStreamsBlock opened;
	bool	   *isnull = fuzz_alloc((size_t) n);
	int			nnulls;
	bool		good;

	good = tsdb_streams_open(block, len, n, &opened, isnull, &nnulls);
	free(isnull);
	if (good)
		fuzz_decode(block, len, n, scratch);
	return good;
}

static void
test_truncated(void)
{
	static Case c;
	static const int lengths[] = {1, 13, 200};
	int			k;

	for (k = 0; k < 3; k++)
	{
		uint8_t    *block;
		size_t		size;
		size_t		len;

		case_make(&c, lengths[k], NULLS_THIRD, k == 0 ? EXC_ALL : EXC_SEVENTH, 1 + k, (unsigned) k + 5);
		block = case_encode(&c, 9, &size);
		for (len = 0; len < size; len++)
		{
			uint8_t    *piece = fuzz_alloc(len);

			memcpy(piece, block, len);
			expect(!opens(piece, len, c.n), "%zu of %zu bytes accepted", len, size);
			free(piece);
		}
		expect(opens(block, size, c.n), "the whole is refused");
		expect(!opens(block, size, c.n + 1) && (c.n == 1 || !opens(block, size, c.n - 1)), "other rows accepted");
		free(block);
	}
	test_end("truncated blocks");
}

static void
test_flipped(void)
{
	static Case c;
	int			k;

	for (k = 0; k < 6; k++)
	{
		uint8_t    *block;
		size_t		size;
		size_t		at;

		case_make(&c, 20 + 37 * k, (CaseNulls) k, (CaseExceptions) (k + 1), 1 + k % 4, (unsigned) k);
		block = case_encode(&c, 3, &size);
		for (at = 0; at < size; at++)
		{
			static const uint8_t flips[] = {0x01, 0x80, 0xFF, 0x10};
			int			f;

			for (f = 0; f < 4; f++)
			{
				block[at] ^= flips[f];
				(void) opens(block, size, c.n);
				block[at] ^= flips[f];
			}
		}
		free(block);
	}
	test_end("flipped bytes");
}

/* Fields that say what can't be. */
static void
test_fields(void)
{
	static Case c;
	uint8_t    *block;
	size_t		size;
	size_t		streams;		/* where nstreams stands: no NULLs */
	size_t		at;
	size_t		exceptions;
	uint32_t	len;
	uint16_t	v;
	int			i;

	case_make(&c, 30, NULLS_NONE, EXC_SEVENTH, 2, 7);
	block = case_encode(&c, 3, &size);
	streams = 16;
	exceptions = size - c.exception_len - (size_t) c.nexceptions * 6;

#define REFUSED(place, bytes, what) \
	do { \
		uint8_t		saved[8]; \
		memcpy(saved, block + (place), sizeof(bytes)); \
		memcpy(block + (place), (bytes), sizeof(bytes)); \
		expect(!opens(block, size, c.n), "%s accepted", what); \
		memcpy(block + (place), saved, sizeof(bytes)); \
	} while (0)

	for (at = 8; at < 16; at++)
		REFUSED(at, ((uint8_t[]) {1}), "a payload in the header");
	REFUSED(2, ((uint8_t[]) {1}), "a parameter");
	REFUSED(3, ((uint8_t[]) {8}), "a lane");
	REFUSED(0, ((uint8_t[]) {7}), "another encoding");
	REFUSED(streams, ((uint8_t[]) {0}), "no stream");
	REFUSED(streams, ((uint8_t[]) {5}), "five streams");
	REFUSED(streams + 2, ((uint8_t[]) {31, 0}), "more exceptions than rows");
	REFUSED(streams + 4, ((uint8_t[]) {0xFF, 0xFF, 0xFF, 0xFF}), "an endless stream");
	memcpy(&len, block + exceptions + (size_t) c.nexceptions * 2, 4);
	len += (uint32_t) 1;
	REFUSED(exceptions + (size_t) c.nexceptions * 2, ((uint8_t[]) {(uint8_t) len, 0, 0, 0}), "a longer exception");
	REFUSED(exceptions + (size_t) c.nexceptions * 2, ((uint8_t[]) {0xFF, 0xFF, 0xFF, 0xFF}), "an endless exception");
	REFUSED(exceptions + 2 * (size_t) (c.nexceptions - 1), ((uint8_t[]) {30, 0}), "an exception beyond the rows");
	memcpy(&v, block + exceptions, 2);
	REFUSED(exceptions + 2, ((uint8_t[]) {(uint8_t) v, 0}), "an exception twice");
	REFUSED(exceptions, ((uint8_t[]) {29, 0}), "descending exceptions");
	expect(opens(block, size, c.n), "the block itself refused");
	free(block);

	/* an exception that is NULL */
	case_make(&c, 100, NULLS_THIRD, EXC_SEVENTH, 1, 8);
	block = case_encode(&c, 3, &size);
	exceptions = size - c.exception_len - (size_t) c.nexceptions * 6;
	for (i = 0; i < 100; i++)
		if (c.isnull[i] && i > c.rows[0] && i < c.rows[1])
			REFUSED(exceptions, ((uint8_t[]) {(uint8_t) i, 0}), "an exception in a NULL row");
	free(block);

	/* a stream with NULLs, or of another number of rows: opens, but can't be read */
	{
		TsdbStreamsBlock opened;
		TsdbEncoding encoding;
		uint8_t		inner[2000];
		int64_t		values[1024] = {5, 6, 7};
		bool		isnull[1024] = {false, true, false};

		memset(&opened, 0, sizeof(opened));
		opened.n = opened.nvalid = 3;
		opened.nstreams = 1;
		opened.streams[0].data = inner;
		opened.streams[0].len = (uint32_t) tsdb_int_encode(values, NULL, 3, TSDB_LANE_INT64, TSDB_MEANS_INT, inner, &encoding, scratch);
		expect(tsdb_streams_read(&opened, 0, TSDB_LANE_INT64, values, scratch), "a stream refused");
		opened.streams[0].len = (uint32_t) tsdb_int_encode(values, isnull, 3, TSDB_LANE_INT64, TSDB_MEANS_INT, inner, &encoding, scratch);
		expect(!tsdb_streams_read(&opened, 0, TSDB_LANE_INT64, values, scratch), "a stream with NULLs accepted");
		opened.streams[0].len = (uint32_t) tsdb_int_encode(values, NULL, 4, TSDB_LANE_INT64, TSDB_MEANS_INT, inner, &encoding, scratch);
		expect(!tsdb_streams_read(&opened, 0, TSDB_LANE_INT64, values, scratch), "a stream of more rows accepted");
	}
	test_end("made-up fields");
}

/*-------------- fuzz corpus --------------*/

static void
write_seed(const char *directory, int number, unsigned head, const uint8_t *bytes, size_t len)
{
	char		path[1000];
	uint8_t		h[2] = {(uint8_t) head, (uint8_t) (head >> 8)};
	FILE	   *file;

	snprintf(path, sizeof(path), "%s/seed-%03d", directory, number);
	file = fopen(path, "wb");
	if (file == NULL || fwrite(h, 2, 1, file) != 1 || (len > 0 && fwrite(bytes, len, 1, file) != 1))
	{
		perror(path);
		exit(1);
	}
	fclose(file);
}

static void
write_seeds(const char *directory)
{
	static Case c;
	static const int lengths[] = {1, 2, 20, 70, 260};
	int			number = 0;
	int			k;

	for (k = 0; k < 20; k++)
	{
		uint8_t    *block;
		size_t		size;

		case_make(&c, lengths[k % 5], (CaseNulls) (k % NNULLS), (CaseExceptions) (k % (NEXC - 2)), 1 + k % 4, (unsigned) k);
		block = case_encode(&c, (uint8_t) k, &size);
		write_seed(directory, number++, (unsigned) c.n - 1, block, size);
		free(block);
	}
	for (k = 0; k < 6; k++)
		write_seed(directory, number++, 0x8000 | ((unsigned) lengths[k % 5] - 1), text + k * 7, 10 + (size_t) k * 5);
}

static void
test_corpus(const char *directory)
{
	static uint8_t bytes[100000];
	DIR		   *dir = NULL;
	struct dirent *entry;
	int			nfiles = 0;

	if (directory != NULL)
		dir = opendir(directory);
	if (dir == NULL)
		dir = opendir(directory = "../fuzz/corpus_streams");
	if (dir == NULL)
		dir = opendir(directory = "fuzz/corpus_streams");
	if (!expect(dir != NULL, "cannot open %s", directory))
	{
		test_end("fuzz corpus");
		return;
	}
	while ((entry = readdir(dir)) != NULL)
	{
		char		path[1000];
		FILE	   *file;
		size_t		size;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		file = fopen(path, "rb");
		if (file == NULL)
			continue;
		size = fread(bytes, 1, sizeof(bytes), file);
		fclose(file);
		LLVMFuzzerTestOneInput(bytes, size);
		nfiles++;
	}
	closedir(dir);
	expect(nfiles >= MIN_FILES, "%d files", nfiles);
	test_end("fuzz corpus");
}

int
main(int argc, char **argv)
{
	scratch = calloc(1, tsdb_codec_scratch_size());
	if (scratch == NULL)
		abort();
	if (argc > 2 && strcmp(argv[1], "--seed") == 0)
	{
		write_seeds(argv[2]);
		free(scratch);
		return 0;
	}
	test_round_trips();
	test_same_bytes();
	test_truncated();
	test_flipped();
	test_fields();
	test_corpus(argc > 1 ? argv[1] : NULL);
	printf("1..%d\n", tests);
	free(scratch);
	return failures > 0;
}
