/*-------------------------------------------------------------------------
 * test_bytes.c
 *	  Tests of FSST, of compressed blocks of strings and compressed dictionaries, as TAP lines; no PostgreSQL.
 *
 *	test_bytes							runs all
 *	test_bytes --seed directory			writes fuzz seeds into corpus_fsst and corpus_bytes there
 *	test_bytes --figures				ratio and speed of FSST, zstd and LZ4 on texts
 *	test_bytes --golden					writes golden lines for what encoders give now
 *
 * What would break which test: an encoder that takes another than the longest symbol, "longest match"; a decoder that
 * stores eight bytes where there is no room, or trusts lengths, codes or sizes, "exact sizes", "damaged", "truncated",
 * "made-up", best under -fsanitize=address,undefined; a mistake at the end of strings or of the block, "tails"; an
 * encoder that looks at old scratch or NULL rows, "same bytes"; training that got worse, "ratios".
 *-------------------------------------------------------------------------
 */
#include <dirent.h>
#include <time.h>
#include <unistd.h>

#include "bytes_codec.h"
#include "codec_test.h"
#include "frames.h"

#define LLVMFuzzerTestOneInput fuzz_fsst_input
#include "../fuzz/fuzz_fsst.c"
#undef LLVMFuzzerTestOneInput
#define LLVMFuzzerTestOneInput fuzz_bytes_input
#include "../fuzz/fuzz_bytes.c"
#undef LLVMFuzzerTestOneInput

#define MIN_FILES		30
#define MAX_STRINGS		65536
#define POOL_BYTES		(8 * 1024 * 1024)

static const TsdbEncoding encodings[] = {TSDB_ENC_BYTES, TSDB_ENC_FSST, TSDB_ENC_ZSTD, TSDB_ENC_LZ4};

#define NENCODINGS		4

/* A column of strings. */
typedef struct Column
{
	const char *name;
	TsdbBytes	strings[MAX_STRINGS];
	int			n;
	size_t		total;
	uint8_t		pool[POOL_BYTES];
} Column;

static Column column;
static TsdbFsstTrainer *trainer;
static TsdbFsstEncoder *encoder;
static TsdbFsstTable table;
static TsdbBytesContext *context;

static void
column_reset(const char *name)
{
	column.name = name;
	column.n = 0;
	column.total = 0;
}

static void
column_add(const void *bytes, size_t len)
{
	TsdbBytes  *string = &column.strings[column.n];

	if (column.n == MAX_STRINGS || len > POOL_BYTES - column.total)
		return;
	string->data = column.pool + column.total;
	string->len = (uint32_t) len;
	if (len > 0)
		memcpy(column.pool + column.total, bytes, len);
	column.total += len;
	column.n++;
}

/* Trains; false if the column has no bytes. */
static bool
column_train(void)
{
	if (!tsdb_fsst_train(column.strings, (size_t) column.n, &table, trainer))
		return false;
	tsdb_fsst_encoder_init(&table, encoder);
	return true;
}

/*-------------- texts --------------*/

static uint32_t
pick(uint64_t *st, uint32_t n)
{
	*st = *st * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t) ((*st >> 33) % n);
}

typedef enum TextKind
{
	TEXT_WORDS, TEXT_URLS, TEXT_LOG, TEXT_NUMBERS, TEXT_UUIDS, TEXT_RANDOM, TEXT_TWO_LETTERS, TEXT_ZEROS, TEXT_ESCAPES,
	TEXT_ALL_BYTES, TEXT_REPEATS, TEXT_EMPTY, TEXT_MIXED, NTEXTS
} TextKind;

static const char *const text_names[] = {
	"words", "URLs", "log lines", "numbers", "UUIDs", "random bytes", "two letters", "zero bytes", "bytes of 255",
	"every byte", "long repeats", "empty strings", "mixed"
};

static size_t
text_make(TextKind kind, uint64_t *st, uint8_t *out)
{
	static const char *const words[] = {"the", "river", "station", "temperature", "of", "pressure", "in", "county",
		"list", "album", "Church", "station", "north", "valve", "sensor", "and", "history"};
	static const char *const hosts[] = {"www.example.com", "shop.example.org", "news.site.net", "api.service.io",
		"cdn.media.example.com", "blog.someone.co.uk"};
	static const char *const parts[] = {"products", "users", "items", "articles", "category", "search", "images",
		"static", "v1", "v2", "2023", "2024", "garden", "sports", "index", "view", "edit", "reviews"};
	char	   *p = (char *) out;
	char	   *begin = p;
	uint32_t	k;
	uint32_t	len;

	switch (kind)
	{
		case TEXT_WORDS:
			for (k = pick(st, 6); k > 0; k--)
				p += sprintf(p, "%s ", words[pick(st, 17)]);
			break;
		case TEXT_URLS:
			p += sprintf(p, "%s%s", pick(st, 2) ? "http://" : "https://", hosts[pick(st, 6)]);
			for (k = 1 + pick(st, 4); k > 0; k--)
				p += sprintf(p, "/%s", parts[pick(st, 18)]);
			if (pick(st, 2))
				p += sprintf(p, "/%u", pick(st, 100000));
			if (pick(st, 5) < 2)
				p += sprintf(p, "?id=%u&session=%08x", pick(st, 10000), pick(st, 0x7FFFFFFF));
			break;
		case TEXT_LOG:
			p += sprintf(p, "%s: host-%02u pid %u request took %u ms", pick(st, 10) ? "INFO" : "WARNING",
						 pick(st, 20), 1000 + pick(st, 9000), pick(st, 500));
			break;
		case TEXT_NUMBERS:
			p += sprintf(p, "%u", pick(st, 1000000));
			break;
		case TEXT_UUIDS:
			p += sprintf(p, "%08x-%04x-4%03x-%04x-%06x%06x", pick(st, 0x7FFFFFFF), pick(st, 0xFFFF), pick(st, 0xFFF),
						 pick(st, 0xFFFF), pick(st, 0xFFFFFF), pick(st, 0xFFFFFF));
			break;
		case TEXT_RANDOM:
			for (len = pick(st, 40); len > 0; len--)
				*p++ = (char) pick(st, 256);
			break;
		case TEXT_TWO_LETTERS:
			for (len = pick(st, 30); len > 0; len--)
				*p++ = "ab"[pick(st, 2)];
			break;
		case TEXT_ZEROS:
			len = pick(st, 25);
			memset(p, 0, len);
			p += len;
			if (pick(st, 4) == 0)
				*p++ = 1;
			break;
		case TEXT_ESCAPES:
			len = pick(st, 25);
			memset(p, 255, len);
			p += len;
			break;
		case TEXT_ALL_BYTES:
			for (len = 0; len < 256; len++)
				*p++ = (char) len;
			break;
		case TEXT_REPEATS:
			len = 1 + pick(st, 300);
			memset(p, 'x', len);
			p += len;
			break;
		case TEXT_MIXED:
			return text_make((TextKind) pick(st, TEXT_MIXED), st, out);
		default:
			break;
	}
	return (size_t) (p - begin);
}

static void
column_make(TextKind kind, int n, uint64_t seed)
{
	uint8_t		buffer[1000];
	uint64_t	st = seed * 77 + (uint64_t) kind;
	int			i;

	column_reset(text_names[kind]);
	for (i = 0; i < n; i++)
		column_add(buffer, text_make(kind, &st, buffer));
}

/* A column of a gzipped CSV file in data/; quotes are taken as they are.  False: no such file. */
static bool
column_read(const char *name, const char *file, int field, int max)
{
	char		command[300];
	char		line[4096];
	FILE	   *pipe;
	bool		header = true;

	column_reset(name);
	snprintf(command, sizeof(command), "gzip -dc %s/%s", access("../../data", R_OK) == 0 ? "../../data" : "../data", file);
	pipe = popen(command, "r");
	if (pipe == NULL)
		return false;
	while (fgets(line, sizeof(line), pipe) != NULL)
	{
		char	   *p = line;
		int			k;

		if (!header && column.n < max)
		{
			for (k = 0; k < field && p != NULL; k++)
				p = (p = strchr(p, ',')) == NULL ? NULL : p + 1;
			if (p != NULL)
				column_add(p, strcspn(p, ",\r\n"));
		}
		header = false;
	}
	pclose(pipe);
	return column.n > 0;
}

/*-------------- FSST --------------*/

/* Every string alone and all together, in memory that ends where they end.  Returns the compressed bytes. */
static size_t
fsst_round_trip(void)
{
	uint8_t		bytes[TSDB_FSST_MAX_TABLE_BYTES];
	TsdbFsstTable decoded;
	size_t		table_len = tsdb_fsst_table_encode(&table, bytes);
	uint8_t    *exact = exact_copy(bytes, table_len);
	int64_t    *lengths = test_alloc((size_t) column.n * sizeof(int64_t));
	TsdbBytes  *strings = test_alloc((size_t) column.n * sizeof(TsdbBytes));
	uint8_t    *joined = test_alloc(2 * column.total);
	uint8_t    *out;
	size_t		total = 0;
	int			i;

	expect(tsdb_fsst_table_decode(exact, table_len, &decoded) && memcmp(&decoded, &table, sizeof(table)) == 0,
		   "%s: table does not come back", column.name);
	free(exact);
	for (i = 0; i < column.n; i++)
	{
		size_t		len = column.strings[i].len;
		Guarded		codes = guarded_alloc(tsdb_fsst_bound(len));
		Guarded		single = guarded_alloc(len);
		size_t		size = tsdb_fsst_compress(encoder, column.strings[i].data, len, codes.p);
		size_t		out_len;
		size_t		said;
		uint8_t    *copy = exact_copy(codes.p, size);

		if (!expect(size <= 2 * len && guarded_intact(&codes), "%s: %zu bytes become %zu", column.name, len, size))
			break;
		expect(tsdb_fsst_decompressed_len(&decoded, copy, size, &said) && said == len &&
			   tsdb_fsst_decompress(&decoded, copy, size, single.p, len, &out_len) && out_len == len &&
			   guarded_intact(&single) && memcmp(single.p, column.strings[i].data, len) == 0,
			   "%s: string %d of %zu bytes does not come back", column.name, i, len);
		memcpy(joined + total, codes.p, size);
		lengths[i] = (int64_t) size;
		total += size;
		free(copy);
		guarded_free(&codes);
		guarded_free(&single);
	}
	joined = realloc(joined, total > 0 ? total : 1);
	out = test_alloc(column.total);
	if (expect(tsdb_fsst_decompress_strings(&decoded, joined, total, lengths, NULL, column.n, out, column.total, strings),
			   "%s: joined strings do not decompress", column.name))
		for (i = 0; i < column.n; i++)
			expect(strings[i].len == column.strings[i].len &&
				   memcmp(strings[i].data, column.strings[i].data, strings[i].len) == 0,
				   "%s: string %d of all is another", column.name, i);
	free(out);
	free(joined);
	free(strings);
	free(lengths);
	return total;
}

static void
test_fsst_texts(void)
{
	int			kind;

	test_start();
	for (kind = 0; kind < NTEXTS; kind++)
	{
		static const int counts[] = {1, 2, 50, 3000};
		int			k;

		for (k = 0; k < 4; k++)
		{
			TsdbFsstTable first;

			column_make((TextKind) kind, counts[k], (uint64_t) k);
			if (!column_train())
			{
				expect(column.total == 0, "%s: no table", column.name);
				continue;
			}
			fsst_round_trip();

			/* with other rubbish in the trainer, the same table */
			first = table;
			memset(trainer, 0xB7 + k, tsdb_fsst_trainer_size());
			column_train();
			expect(memcmp(&first, &table, sizeof(table)) == 0, "%s: another table the second time", column.name);
		}
	}
	/* a table of one text, another text */
	column_make(TEXT_URLS, 1000, 1);
	column_train();
	for (kind = 0; kind < NTEXTS; kind++)
	{
		column_make((TextKind) kind, 200, 9);
		fsst_round_trip();
	}
	test_end("FSST: texts of all kinds");
}

/* Against trying all symbols. */
static void
test_longest_match(void)
{
	int			kind;

	test_start();
	for (kind = 0; kind < NTEXTS; kind++)
	{
		int			i;

		column_make((TextKind) kind, 400, 3);
		if (!column_train())
			continue;
		for (i = 0; i < column.n; i++)
		{
			const uint8_t *p = column.strings[i].data;
			size_t		left = column.strings[i].len;
			uint8_t    *codes = test_alloc(tsdb_fsst_bound(left));
			size_t		size = tsdb_fsst_compress(encoder, p, left, codes);
			size_t		at = 0;

			while (left > 0 && at < size)
			{
				unsigned	best_len = 0;
				unsigned	best = TSDB_FSST_ESCAPE;
				unsigned	s;

				for (s = 0; s < table.count; s++)
					if (table.len[s] <= left && table.len[s] > best_len && memcmp(p, &table.symbol[s], table.len[s]) == 0)
					{
						best = s;
						best_len = table.len[s];
					}
				if (!expect(codes[at] == best && (best_len > 0 || codes[at + 1] == *p),
							"%s: code %u, not %u", column.name, codes[at], best))
					break;
				at += best_len > 0 ? 1 : 2;
				p += best_len > 0 ? best_len : 1;
				left -= best_len > 0 ? best_len : 1;
			}
			expect(left == 0 && at == size, "%s: string %d: %zu bytes too many", column.name, i, size - at);
			free(codes);
		}
	}
	test_end("FSST: longest match");
}

static void
test_fsst_lengths(void)
{
	static uint8_t big[TSDB_BYTES_MAX_VALUE];
	uint8_t		buffer[1000];
	uint64_t	st = 5;
	size_t		len;
	size_t		i;

	test_start();
	column_make(TEXT_URLS, 2000, 1);
	column_train();

	/* every length, so that every symbol stands at every distance from the end */
	column_reset("every length");
	for (i = 0; i < 10; i++)
	{
		size_t		full = text_make(TEXT_URLS, &st, buffer);

		for (len = 0; len <= full; len++)
		{
			column_add(buffer, len);
			column_add(buffer + full - len, len);
		}
	}
	fsst_round_trip();

	for (i = 0; i < sizeof(big);)
		i += text_make(TEXT_URLS, &st, buffer) > 0 && i + sizeof(buffer) < sizeof(big) ?
			text_make(TEXT_URLS, &st, big + i) : 1;
	column_reset("256 KB");
	column_add(big, sizeof(big));
	fsst_round_trip();
	column_train();
	expect(fsst_round_trip() < sizeof(big) / 2, "256 KB of URLs stay large");
	memset(big, 254, sizeof(big));
	column_reset("256 KB of escapes");
	column_add(big, sizeof(big));
	expect(fsst_round_trip() == 2 * sizeof(big), "256 KB of escapes are no escapes");
	test_end("FSST: every length");
}

static void
test_fsst_training(void)
{
	static uint8_t large[100000];
	int			k;
	TsdbFsstTable rotated;

	test_start();
	column_reset("nothing");
	expect(!tsdb_fsst_train(NULL, 0, &table, trainer), "a table of nothing");
	column_add(NULL, 0);
	expect(!tsdb_fsst_train(column.strings, 1, &table, trainer), "a table of an empty string");

	/* one string many times: symbols of eight bytes */
	column_reset("one string");
	for (k = 0; k < 5000; k++)
		column_add("/station/temperature/celsius-degrees", 36);
	column_train();
	expect(fsst_round_trip() <= column.total / 7, "one string does not become symbols of eight bytes");

	/* long strings with what is worth something at their end */
	column_reset("long strings");
	memset(large, ' ', sizeof(large));
	for (k = 0; k < 5; k++)
	{
		int			i;

		for (i = 50000; i + 12 < 100000; i += 12)
			memcpy(large + i, "abcdefghijkl", 12);
		column_add(large, sizeof(large));
	}
	column_train();
	expect(fsst_round_trip() < column.total / 5, "a sample of long strings misses their ends");

	/* NULL rows and empty strings don't matter */
	column_make(TEXT_WORDS, 20000, 2);
	column_train();
	rotated = table;
	for (k = 0; k < column.n; k++)
		if (column.strings[k].len == 0)
			column.strings[k].data = NULL;
	column_train();
	expect(memcmp(&rotated, &table, sizeof(table)) == 0, "pointers to empty strings matter");
	test_end("FSST: training");
}

static void
test_fsst_table_damaged(void)
{
	uint8_t		bytes[TSDB_FSST_MAX_TABLE_BYTES + 300];
	TsdbFsstTable decoded;
	uint64_t	st = 8;
	size_t		len;
	size_t		cut;
	int			accepted = 0;
	int			k;

	test_start();
	column_make(TEXT_LOG, 3000, 1);
	column_train();
	len = tsdb_fsst_table_encode(&table, bytes);
	expect(len <= TSDB_FSST_MAX_TABLE_BYTES, "table of %zu bytes", len);
	for (cut = 0; cut < len; cut++)
	{
		uint8_t    *copy = exact_copy(bytes, cut);

		expect(!tsdb_fsst_table_decode(copy, cut, &decoded), "a table cut to %zu bytes of %zu accepted", cut, len);
		free(copy);
	}
	for (k = 0; k < 20000; k++)
	{
		uint8_t    *copy = exact_copy(bytes, len);
		uint8_t		again[TSDB_FSST_MAX_TABLE_BYTES];

		copy[k < 12 * 8 ? (uint32_t) k / 8 : pick(&st, (uint32_t) len)] ^= (uint8_t) (1 << (k % 8));
		if (tsdb_fsst_table_decode(copy, len, &decoded))
		{
			size_t		size = tsdb_fsst_table_encode(&decoded, again);

			accepted++;
			expect(size <= len && memcmp(again, copy, size) == 0, "a damaged table accepted, but not as it is");
		}
		free(copy);
	}
	expect(accepted > 0, "no flipped symbol accepted");

	/* made-up: no symbols, 256 symbols, a symbol twice */
	memset(bytes, 0, sizeof(bytes));
	bytes[0] = (uint8_t) TSDB_FSST_MAGIC;
	bytes[1] = (uint8_t) (TSDB_FSST_MAGIC >> 8);
	bytes[2] = (uint8_t) (TSDB_FSST_MAGIC >> 16);
	bytes[3] = (uint8_t) (TSDB_FSST_MAGIC >> 24);
	expect(!tsdb_fsst_table_decode(bytes, 12, &decoded), "a table of no symbols accepted");
	for (k = 0; k < 255; k++)
		bytes[12 + k] = (uint8_t) k;
	bytes[4] = 255;
	expect(tsdb_fsst_table_decode(bytes, 12 + 255, &decoded) && decoded.count == 255, "255 symbols refused");
	bytes[5] = 1;
	expect(!tsdb_fsst_table_decode(bytes, sizeof(bytes), &decoded), "256 symbols accepted");
	bytes[5] = 0;
	bytes[12 + 9] = 8;
	expect(!tsdb_fsst_table_decode(bytes, sizeof(bytes), &decoded), "a symbol twice accepted");
	test_end("FSST: damaged tables");
}

/* Codes of any bytes; lengths of any numbers; outputs of any size. */
static void
test_fsst_codes_damaged(void)
{
	static uint8_t codes[5000];
	uint64_t	st = 9;
	int			k;

	test_start();
	for (k = 0; k < 4000; k++)
	{
		size_t		len = pick(&st, k % 10 == 0 ? 5000 : 60);
		int64_t		lengths[20];
		TsdbBytes	strings[20];
		bool		isnull[20];
		int			n = 1 + (int) pick(&st, 20);
		uint8_t    *copy;
		size_t		i;
		size_t		said = 0;
		size_t		got;
		bool		ok;

		if (k % 100 == 0)
		{
			/* tables with few and with all symbols */
			column_make((TextKind) (k / 100 % 7), k % 200 == 0 ? 3 : 2000, (uint64_t) k);
			if (!column_train())
				column_make(TEXT_URLS, 10, 1), column_train();
		}
		for (i = 0; i < len; i++)
			codes[i] = (uint8_t) (k % 3 == 0 ? pick(&st, 256) : pick(&st, 20) == 0 ? 255 : pick(&st, table.count));
		copy = exact_copy(codes, len);
		ok = tsdb_fsst_decompressed_len(&table, copy, len, &said);
		fsst_fuzz_codes(&table, copy, len);
		if (!ok)
			said = pick(&st, 8 * (uint32_t) len + 1);
		for (i = 0; i < 4; i++)
		{
			size_t		size = i == 0 ? said : pick(&st, (uint32_t) said + 10);
			Guarded		out = guarded_alloc(size);
			size_t		left = len;
			int			r;

			expect(tsdb_fsst_decompress(&table, copy, len, out.p, size, &got) == (ok && said <= size),
				   "a string of %zu bytes into %zu", said, size);
			for (r = 0; r < n; r++)
			{
				isnull[r] = pick(&st, 5) == 0;
				lengths[r] = r == n - 1 ? (int64_t) left : (int64_t) pick(&st, (uint32_t) left + 1);
				left -= isnull[r] ? 0 : (size_t) lengths[r];
				if (i == 2 && pick(&st, 20) == 0)
					lengths[r] = pick(&st, 2) ? INT32_MIN : -(int64_t) pick(&st, 100);
				if (i == 3 && pick(&st, 20) == 0)
					lengths[r] = pick(&st, 2) ? INT32_MAX : lengths[r] + 1;
			}
			if (tsdb_fsst_decompress_strings(&table, copy, len, lengths, isnull, n, out.p, size, strings))
			{
				const uint8_t *p = out.p;

				expect(ok && said == size, "bad codes accepted");
				for (r = 0; r < n; r++)
					if (isnull[r])
						expect(strings[r].data == NULL && strings[r].len == 0, "a NULL row has a string");
					else
					{
						expect(strings[r].data == p, "strings are not back to back");
						p += strings[r].len;
					}
				expect(p == out.p + size, "strings are not all of the output");
			}
			expect(guarded_intact(&out), "wrote beyond the output of %zu bytes", size);
			guarded_free(&out);
		}
		free(copy);
	}

	/* codes without symbol, by themselves and as bytes behind an escape; lengths that take back what was before */
	column_make(TEXT_ZEROS, 50, 1);
	column_train();
	expect(table.count < 20, "%u symbols for zero bytes", table.count);
	for (k = 0; k < 256; k++)
	{
		static const int64_t lengths[] = {4, -2, 8};
		uint8_t		string[10] = {0, 0, 0, 0, 255, 254, 0, 0, 0, 0};
		uint8_t		out[100];
		TsdbBytes	strings[3];
		size_t		said;
		size_t		got;
		bool		good = k < (int) table.count || k == 255;

		string[7] = (uint8_t) k;
		expect(tsdb_fsst_decompressed_len(&table, string, 10, &said) == good &&
			   tsdb_fsst_decompress(&table, string, 10, out, sizeof(out), &got) == good, "code %d of %u symbols", k, table.count);
		if (good)
			expect(!tsdb_fsst_decompress_strings(&table, string, 10, lengths, NULL, 3, out, said, strings), "negative length");
	}
	test_end("FSST: codes of any bytes, outputs of exact sizes");
}

/*-------------- blocks --------------*/

typedef enum NullKind
{
	NULLS_NOT, NULLS_FEW, NULLS_HALF, NULLS_RUNS, NULLS_ENDS, NULLS_ALL_BUT_ONE, NULLS_EVERY, NNULLS
} NullKind;

static void
nulls_make(NullKind kind, int n, uint64_t seed, bool *isnull)
{
	uint64_t	st = seed + 1;
	int			i;

	for (i = 0; i < n; i++)
		switch (kind)
		{
			case NULLS_FEW:
				isnull[i] = pick(&st, 20) == 0;
				break;
			case NULLS_HALF:
				isnull[i] = pick(&st, 2) == 0;
				break;
			case NULLS_RUNS:
				isnull[i] = i / 100 % 2 == 0;
				break;
			case NULLS_ENDS:
				isnull[i] = i == 0 || i == n - 1;
				break;
			case NULLS_ALL_BUT_ONE:
				isnull[i] = i != n / 2;
				break;
			case NULLS_EVERY:
				isnull[i] = true;
				break;
			default:
				isnull[i] = false;
		}
}

static size_t
lengths_sum(const TsdbBytes *values, const bool *isnull, int n)
{
	size_t		total = 0;
	int			i;

	for (i = 0; i < n; i++)
		total += isnull != NULL && isnull[i] ? 0 : values[i].len;
	return total;
}

/* Encodes; the block is malloc'd to its size. */
static uint8_t *
block_encode(const TsdbBytes *values, const bool *isnull, int n, TsdbEncoding how, TsdbBytesContext *with,
			 TsdbCodecScratch *s, int rubbish, TsdbEncoding *encoding, size_t *size)
{
	TsdbBytesMethod method = {how, encoder, 1, with};
	size_t		total = lengths_sum(values, isnull, n);
	Guarded		out = guarded_alloc(tsdb_bytes_bound(n, total));
	Guarded		work = guarded_alloc(tsdb_bytes_work_size(total) + 7);
	uint8_t    *aligned = (uint8_t *) (((uintptr_t) work.p + 7) & ~(uintptr_t) 7);
	uint8_t    *block;

	memset(work.p, rubbish, work.size);
	*size = tsdb_bytes_encode_with(values, isnull, n, &method, out.p, aligned, encoding, s);
	expect(*size <= out.size && guarded_intact(&out) && guarded_intact(&work), "%s, %d rows: beyond the bound",
		   tsdb_encoding_name(how), n);
	block = exact_copy(out.p, *size);
	guarded_free(&out);
	guarded_free(&work);
	return block;
}

/* Whether a block decodes to these strings. */
static void
block_check(const uint8_t *block, size_t size, const TsdbBytes *values, const bool *isnull, int n, const char *what)
{
	TsdbBytes	strings[TSDB_CODEC_MAX_ROWS];
	bool		null[TSDB_CODEC_MAX_ROWS];
	Guarded		out;
	size_t		bytes;
	int			nnulls;
	int			i;

	if (!expect(tsdb_bytes_decoded_size(block, size, n, &bytes), "%s, %d rows: no size", what, n))
		return;
	expect(bytes == 0 || bytes == lengths_sum(values, isnull, n), "%s, %d rows: size %zu", what, n, bytes);
	out = guarded_alloc(bytes);
	scratch_soil(n & 255);
	if (expect(tsdb_bytes_decode_with(block, size, n, &table, out.p, bytes, strings, null, &nnulls,
									  n % 2 == 0 ? context : NULL, scratch2),
			   "%s, %d rows: does not decode", what, n))
		for (i = 0; i < n; i++)
		{
			bool		is = isnull != NULL && isnull[i];

			nnulls -= is;
			if (!expect(null[i] == is &&
						(is ? strings[i].data == NULL && strings[i].len == 0 :
						 strings[i].len == values[i].len && (values[i].len == 0 || memcmp(strings[i].data, values[i].data, values[i].len) == 0)),
						"%s, %d rows: row %d is another", what, n, i))
				break;
		}
	expect(failure[0] != '\0' || nnulls == 0, "%s: %d NULLs too many", what, nnulls);
	expect(guarded_intact(&out), "%s: wrote beyond the output", what);
	if (failure[0] == '\0')
	{
		Guarded		one = guarded_alloc(bytes);

		for (i = 0; i < n; i++)
			nnulls += null[i];
		expect(one_string_differs(block, size, n, &table, one.p, bytes, true, strings, null, nnulls, scratch2) < 0 &&
			   guarded_intact(&one), "%s, %d rows: a string alone differs", what, n);
		guarded_free(&one);
	}
	guarded_free(&out);
}

static void
block_round_trip(const TsdbBytes *values, const bool *isnull, int n, TsdbEncoding how, TsdbEncoding *encoding, size_t *size)
{
	TsdbEncoding again;
	size_t		size2;
	uint8_t    *block = block_encode(values, isnull, n, how, context, scratch, 0x11, encoding, size);
	uint8_t    *block2 = block_encode(values, isnull, n, how, NULL, scratch_soil(0xDD), 0xEE, &again, &size2);

	expect(size2 == *size && again == *encoding && memcmp(block, block2, size2) == 0 && scratch2->nfallbacks == 0,
		   "%s, %s, %d rows: other bytes the second time", column.name, tsdb_encoding_name(how), n);
	expect(tsdb_block_encoding(block, *size) == *encoding, "block says another encoding");
	block_check(block, *size, values, isnull, n, tsdb_encoding_name(how));
	free(block2);
	free(block);
}

static void
test_blocks(void)
{
	int			kind;

	test_start();
	for (kind = 0; kind < NTEXTS; kind++)
	{
		int			n;
		int			turn = 0;

		column_make((TextKind) kind, 1024, (uint64_t) kind);
		if (!column_train())
			column_make(TEXT_LOG, 100, 1), column_train(), column_make((TextKind) kind, 1024, 1);
		for (n = 1; n <= 1024; n = next_n(n), turn++)
		{
			bool		isnull[TSDB_CODEC_MAX_ROWS];
			size_t		plain = 0;
			int			m;

			nulls_make((NullKind) (turn % NNULLS), n, (uint64_t) turn, isnull);
			for (m = 0; m < NENCODINGS; m++)
			{
				TsdbEncoding encoding;
				size_t		size;

				block_round_trip(column.strings, turn % NNULLS == 0 ? NULL : isnull, n, encodings[m], &encoding, &size);
				expect(encoding == encodings[m] || encoding == TSDB_ENC_BYTES || encoding == TSDB_ENC_CONST ||
					   encoding == TSDB_ENC_NULL, "%s became %s", tsdb_encoding_name(encodings[m]), tsdb_encoding_name(encoding));
				plain = m == 0 ? size : plain;
				expect(size <= plain, "%s, %d rows: %s is larger than BYTES", column.name, n, tsdb_encoding_name(encoding));
			}
		}
	}
	test_end("blocks: texts, lengths, NULLs, same bytes");
}

/* All values of n for text that compresses. */
static void
test_blocks_tails(void)
{
	int			seen[TSDB_NENCODINGS] = {0};
	int			n;
	int			m;

	test_start();
	column_make(TEXT_URLS, 2048, 4);
	column_train();
	for (n = 1; n <= 1024; n++)
		for (m = 1; m < NENCODINGS; m++)
		{
			TsdbEncoding encoding;
			size_t		size;
			uint8_t    *block = block_encode(column.strings + n, NULL, n, encodings[m], context, scratch, n & 255, &encoding, &size);

			seen[encoding]++;
			block_check(block, size, column.strings + n, NULL, n, tsdb_encoding_name(encodings[m]));
			free(block);
		}
	for (m = 1; m < NENCODINGS; m++)
		expect(seen[encodings[m]] > 1000, "%s taken %d times only", tsdb_encoding_name(encodings[m]), seen[encodings[m]]);
	test_end("blocks: every number of rows, tails");
}

/* Any prefix, any flipped bit: no block, or strings that can be read. */
static void
test_blocks_damaged(void)
{
	uint64_t	st = 10;
	int			m;

	test_start();
	bytes_fuzz_setup();
	column_make(TEXT_URLS, 300, 6);
	table = bytes_fuzz_table;
	tsdb_fsst_encoder_init(&table, encoder);
	for (m = 0; m < NENCODINGS; m++)
	{
		static const int counts[] = {20, 300};
		int			c;

		for (c = 0; c < 2; c++)
		{
			int			n = counts[c];
			bool		isnull[300];
			TsdbBytes	strings[300];
			bool		null[300];
			TsdbEncoding encoding;
			size_t		size;
			uint8_t    *block;
			uint8_t    *out;
			size_t		len;
			int			k;

			nulls_make(NULLS_FEW, n, 1, isnull);
			block = block_encode(column.strings, isnull, n, encodings[m], context, scratch, 0, &encoding, &size);
			expect(encoding == encodings[m], "%s became %s", tsdb_encoding_name(encodings[m]), tsdb_encoding_name(encoding));
			for (len = 0; len < size; len += c == 0 ? 1 : 7)
			{
				uint8_t    *copy = exact_copy(block, len);

				expect(!bytes_fuzz_block(copy, len, n, strings, null, &out, scratch2), "%s cut to %zu of %zu bytes accepted",
					   tsdb_encoding_name(encoding), len, size);
				free(out);
				free(copy);
			}
			for (k = 0; k < 6000; k++)
			{
				uint8_t    *copy = exact_copy(block, size);
				uint32_t	at = k < 1200 ? (uint32_t) k / 8 : pick(&st, (uint32_t) size);

				copy[at % size] ^= (uint8_t) (1 << (k % 8));
				if (k % 5 == 4)
					copy[pick(&st, (uint32_t) size)] = (uint8_t) pick(&st, 256);
				bytes_fuzz_block(copy, size, n, strings, null, &out, scratch2);
				free(out);
				free(copy);
			}
			/* other numbers of rows than there are */
			for (k = 1; k <= 300; k++)
				if (k != n)
				{
					expect(!bytes_fuzz_block(block, size, k, strings, null, &out, scratch2), "%d rows for %d", k, n);
					free(out);
				}
			free(block);
		}
	}
	test_end("blocks: truncated, damaged");
}

static void
refuse(const uint8_t *block, size_t size, int n, const TsdbFsstTable *by, const char *what)
{
	TsdbBytes	strings[100];
	bool		isnull[100];
	size_t		bytes;
	int			nnulls;
	uint8_t    *out;

	if (!tsdb_bytes_decoded_size(block, size, n, &bytes))
		return;
	out = test_alloc(bytes);
	expect(bytes <= TSDB_BYTES_MAX_RAW, "%s: wants %zu bytes", what, bytes);
	expect(!tsdb_bytes_decode_with(block, size, n, by, out, bytes, strings, isnull, &nnulls, context, scratch2),
		   "%s accepted", what);
	(void) one_string_differs(block, size, n, by, out, bytes, false, strings, isnull, 0, scratch2);
	free(out);
}

/* A copy with four bytes replaced. */
static uint8_t *
copy_with(const uint8_t *block, size_t size, size_t at, uint32_t number)
{
	uint8_t    *copy = exact_copy(block, size);

	if (at < size && size - at >= sizeof(number))
		memcpy(copy + at, &number, sizeof(number));
	return copy;
}

/* Blocks that an encoder would not write. */
static void
test_blocks_made_up(void)
{
	static const uint32_t sizes[] = {0, 1, TSDB_BYTES_MAX_RAW, TSDB_BYTES_MAX_RAW + 1, 0x7FFFFFFF, 0x80000000U, 0xFFFFFFFFU};
	int			m;

	test_start();
	column_make(TEXT_LOG, 100, 6);
	column_train();
	for (m = 1; m < NENCODINGS; m++)
	{
		TsdbEncoding encoding;
		size_t		size;
		uint8_t    *block = block_encode(column.strings, NULL, 100, encodings[m], context, scratch, 0, &encoding, &size);
		uint8_t    *copy;
		TsdbBytes	strings[100];
		bool		isnull[100];
		int			nnulls;
		size_t		bytes;
		size_t		s;
		uint32_t	at[2];

		if (!expect(encoding == encodings[m] && size > 24, "%s became %s", tsdb_encoding_name(encodings[m]),
					tsdb_encoding_name(encoding)))
		{
			free(block);
			continue;
		}
		expect(!tsdb_bytes_decode(block, size, 100, strings, isnull, &nnulls, scratch2), "decoded without memory");
		if (encoding == TSDB_ENC_FSST)
			refuse(block, size, 100, NULL, "FSST without table");

		/* raw bytes, then stored bytes */
		for (s = 0; s < 2 * sizeof(sizes) / sizeof(sizes[0]); s++)
		{
			copy = copy_with(block, size, 16 + s % 2 * 4, sizes[s / 2]);
			expect(s > 0 || !tsdb_bytes_decoded_size(copy, size, 100, &bytes), "no bytes compressed");
			refuse(copy, size, 100, &table, "made-up size");
			free(copy);
		}
		memcpy(at, block + 16, sizeof(at));
		for (s = 0; s < 4; s++)
		{
			copy = copy_with(block, size, 16 + s / 2 * 4, at[s / 2] + (s % 2 == 0 ? 1 : (uint32_t) -1));
			refuse(copy, size, 100, &table, "size off by one");
			free(copy);
		}
		/* param, lane, dense NULLs, exceptions; another encoding's name */
		for (s = 0; s < 5; s++)
		{
			static const int fields[] = {2, 3, 1, 14, 0};
			static const uint8_t values[] = {1, 4, TSDB_NULLS_DENSE, 1, 0};

			copy = exact_copy(block, size);
			copy[fields[s]] = s == 4 ? (uint8_t) encodings[m % 3 + 1] : values[s];
			refuse(copy, size, 100, &table, "made-up header");
			free(copy);
		}
		free(block);
	}

	/* lengths of the same sum but for a few bytes: strings of 40 bytes become some of 39 */
	column_reset("one length");
	for (m = 0; m < 100; m++)
	{
		char		text[50];

		sprintf(text, "a line of text that has forty bytes, %03d", m);
		column_add(text, 40);
	}
	for (m = 2; m < NENCODINGS; m++)
	{
		TsdbEncoding encoding;
		size_t		size;
		uint8_t    *block = block_encode(column.strings, NULL, 100, encodings[m], context, scratch, 0, &encoding, &size);
		uint8_t    *copy = copy_with(block, size, 24, 39);

		expect(encoding == encodings[m] && block[8] == TSDB_ENC_CONST && block[24] == 40, "lengths are not where they should be");
		refuse(copy, size, 100, &table, "shorter lengths");
		free(copy);
		copy = copy_with(block, size, 24, 41);
		refuse(copy, size, 100, &table, "longer lengths");
		free(copy);
		free(block);
	}
	test_end("blocks: made-up sizes and headers");
}

/* Values and blocks that are too large to be compressed, and an encoder that is wrong. */
static void
test_blocks_limits(void)
{
	uint8_t    *big = test_alloc(TSDB_BYTES_MAX_VALUE + 1);
	TsdbBytes  *values = test_alloc(1024 * sizeof(TsdbBytes));
	TsdbFsstTable *inside;
	TsdbEncoding encoding;
	size_t		size;
	uint8_t    *block;
	int			m;
	int			i;

	test_start();
	column_make(TEXT_LOG, 1000, 2);
	column_train();
	for (i = 0; i <= TSDB_BYTES_MAX_VALUE; i++)
		big[i] = column.pool[i % (int) column.total];
	for (m = 1; m < NENCODINGS; m++)
	{
		values[0].data = values[1].data = big;
		values[0].len = TSDB_BYTES_MAX_VALUE;
		values[1].len = TSDB_BYTES_MAX_VALUE - 1;
		block_round_trip(values, NULL, 2, encodings[m], &encoding, &size);
		expect(encoding == encodings[m] && size < TSDB_BYTES_MAX_VALUE, "%s: two of 256 KB are %zu bytes",
			   tsdb_encoding_name(encodings[m]), size);
		values[1].len = TSDB_BYTES_MAX_VALUE + 1;
		block = block_encode(values, NULL, 2, encodings[m], context, scratch, 0, &encoding, &size);
		expect(encoding == TSDB_ENC_BYTES, "%s: larger than the largest values", tsdb_encoding_name(encodings[m]));
		block_check(block, size, values, NULL, 2, "largest values");
		free(block);
	}
	for (i = 0; i < 1024; i++)
	{
		values[i].data = big;
		values[i].len = 65536 + (uint32_t) (i == 0);
	}
	block = block_encode(values, NULL, 1024, TSDB_ENC_LZ4, context, scratch, 0, &encoding, &size);
	expect(encoding == TSDB_ENC_BYTES, "64 MB and one byte compressed");
	free(block);
	values[0].len = 65535;
	block = block_encode(values, NULL, 1024, TSDB_ENC_LZ4, context, scratch, 0, &encoding, &size);
	expect(encoding == TSDB_ENC_LZ4, "less than 64 MB not compressed");
	block_check(block, size, values, NULL, 1024, "64 MB");
	free(block);

	/* the encoder's table is not what its matches were made from */
	inside = (TsdbFsstTable *) tsdb_fsst_encoder_table(encoder);
	for (i = 0; i < (int) inside->count; i++)
		inside->symbol[i] ^= 1;
	block = block_encode(column.strings, NULL, 1000, TSDB_ENC_FSST, context, scratch, 0, &encoding, &size);
	expect(encoding == TSDB_ENC_BYTES && scratch->nfallbacks == 1, "a wrong block not noticed");
	scratch->nfallbacks = 0;
	block_check(block, size, column.strings, NULL, 1000, "fallback");
	free(block);
	free(values);
	free(big);
	test_end("blocks: limits, verification");
}

/*-------------- golden --------------*/

/* What golden blocks hold; row 3 is NULL.  Never changed. */
static const char *const golden_strings[] = {
	"https://www.example.com/products/items?id=1", "https://www.example.com/products/items?id=22", "", NULL,
	"https://www.example.org/search?page=2&id=1", "The Hardest Thing (album)", "https://www.example.com/category?id=333",
	"\xff\xfe\x01 List of rivers"
};

#define GOLDEN_ROWS		8

static void
golden_rows(TsdbBytes *values, bool *isnull)
{
	int			i;

	for (i = 0; i < GOLDEN_ROWS; i++)
	{
		isnull[i] = golden_strings[i] == NULL;
		values[i].data = (const uint8_t *) golden_strings[i];
		values[i].len = isnull[i] ? 0 : (uint32_t) strlen(golden_strings[i]);
	}
}

static void
print_hex(const uint8_t *bytes, size_t len)
{
	size_t		i;

	putchar(' ');
	for (i = 0; i < len; i++)
		printf("%02x", bytes[i]);
}

/* Lines of golden/bytes.txt: encoding, table, block; or "dict", "-", packed dictionary of these strings 200 times. */
static void
print_golden(void)
{
	TsdbBytes	values[GOLDEN_ROWS];
	TsdbBytes	entries[200 * GOLDEN_ROWS];
	bool		isnull[GOLDEN_ROWS];
	uint8_t		table_bytes[TSDB_FSST_MAX_TABLE_BYTES];
	uint8_t    *plain;
	uint8_t    *packed;
	void	   *work;
	size_t		len;
	int			m;
	int			i;

	bytes_fuzz_setup();
	table = bytes_fuzz_table;
	tsdb_fsst_encoder_init(&table, encoder);
	golden_rows(values, isnull);
	for (m = 0; m < NENCODINGS; m++)
	{
		TsdbEncoding encoding;
		size_t		size;
		uint8_t    *block = block_encode(values, isnull, GOLDEN_ROWS, encodings[m], NULL, scratch, 0, &encoding, &size);

		printf("%s", tsdb_encoding_name(encoding));
		print_hex(table_bytes, tsdb_fsst_table_encode(&table, table_bytes));
		print_hex(block, size);
		printf("\n");
		free(block);
	}
	for (i = 0; i < 200 * GOLDEN_ROWS; i++)
		entries[i] = values[i % GOLDEN_ROWS];
	plain = test_alloc(tsdb_dict_size(200 * GOLDEN_ROWS, 200 * lengths_sum(values, isnull, GOLDEN_ROWS)));
	len = tsdb_dict_encode(entries, 200 * GOLDEN_ROWS, plain);
	packed = test_alloc(len);
	work = test_alloc(2 * len);
	printf("dict -");
	print_hex(packed, tsdb_dict_pack(plain, len, 3, packed, work, NULL));
	printf("\n");
	free(work);
	free(packed);
	free(plain);
}

/* Bytes of a hexadecimal word. */
static size_t
read_hex(const char *word, uint8_t *out)
{
	size_t		n = 0;
	unsigned	byte;

	while (sscanf(word + 2 * n, "%2x", &byte) == 1)
		out[n++] = (uint8_t) byte;
	return n;
}

/* Blocks that were written once decode for ever. */
static void
test_golden(void)
{
	static char line[20000];
	static char words[3][8000];
	static uint8_t bytes[8000];
	TsdbBytes	values[GOLDEN_ROWS];
	bool		isnull[GOLDEN_ROWS];
	FILE	   *file = fopen("tests/golden/bytes.txt", "r");
	int			seen = 0;

	test_start();
	golden_rows(values, isnull);
	file = file == NULL ? fopen("golden/bytes.txt", "r") : file;
	file = file == NULL ? fopen("simd/tests/golden/bytes.txt", "r") : file;
	while (expect(file != NULL, "no golden/bytes.txt") && fgets(line, sizeof(line), file) != NULL)
	{
		size_t		len;
		size_t		size;
		uint32_t	count;
		uint8_t    *exact;

		if (sscanf(line, "%7999s %7999s %7999s", words[0], words[1], words[2]) != 3)
			continue;
		seen++;
		len = read_hex(words[1], bytes);
		expect(words[1][0] == '-' || tsdb_fsst_table_decode(bytes, len, &table), "golden table does not decode");
		len = read_hex(words[2], bytes);
		exact = exact_copy(bytes, len);
		if (strcmp(words[0], "dict") != 0)
		{
			expect(strcmp(tsdb_encoding_name(tsdb_block_encoding(exact, len)), words[0]) == 0, "golden block is no %s", words[0]);
			block_check(exact, len, values, isnull, GOLDEN_ROWS, "golden block");
		}
		else if (expect(tsdb_dict_plain_size(exact, len, &size) && size > 0, "golden dictionary does not open"))
		{
			uint8_t    *plain = test_alloc(size);
			uint32_t	i;

			if (expect(tsdb_dict_unpack(exact, len, plain, size, &count, context), "golden dictionary does not unpack"))
				for (i = 0; i < count; i++)
				{
					TsdbBytes	entry = tsdb_dict_entry(plain, i);
					TsdbBytes	value = values[i % GOLDEN_ROWS];

					expect(entry.len == value.len && (value.len == 0 || memcmp(entry.data, value.data, value.len) == 0),
						   "golden dictionary: entry %u is another", i);
				}
			free(plain);
		}
		free(exact);
	}
	if (file != NULL)
		fclose(file);
	expect(seen >= 5, "%d golden lines", seen);
	test_end("golden");
}

/*-------------- dictionaries --------------*/

/* Packs; returns the bytes, 0 for plain. */
static size_t
dict_round_trip(const TsdbBytes *entries, uint32_t count)
{
	size_t		total = lengths_sum(entries, NULL, (int) count);
	uint8_t    *plain = test_alloc(tsdb_dict_size(count, total));
	size_t		len = tsdb_dict_encode(entries, count, plain);
	Guarded		one = guarded_alloc(len);
	Guarded		two = guarded_alloc(len);
	Guarded		work = guarded_alloc(2 * len);
	size_t		size = tsdb_dict_pack(plain, len, 3, one.p, work.p, context);
	size_t		said;
	uint32_t	opened;

	memset(work.p, 0xAA, work.size);
	expect(tsdb_dict_pack(plain, len, 3, two.p, work.p, NULL) == size && memcmp(one.p, two.p, size) == 0,
		   "%s: another dictionary the second time", column.name);
	expect(guarded_intact(&one) && guarded_intact(&two) && guarded_intact(&work) && size <= len - len / 8,
		   "%s: dictionary of %zu bytes packed to %zu", column.name, len, size);
	expect(tsdb_dict_plain_size(plain, len, &said) && said == 0, "a plain dictionary is not plain");
	if (size > 0)
	{
		uint8_t    *packed = exact_copy(one.p, size);
		Guarded		back = guarded_alloc(len);

		expect(!tsdb_dict_open(packed, size, &opened), "a packed dictionary opens as a plain one");
		if (expect(tsdb_dict_plain_size(packed, size, &said) && said == len &&
				   tsdb_dict_unpack(packed, size, back.p, len, &opened, NULL) && opened == count,
				   "%s: dictionary does not unpack", column.name))
			expect(memcmp(back.p, plain, len) == 0 && guarded_intact(&back) && tsdb_dict_open(back.p, len, &opened),
				   "%s: another dictionary", column.name);
		guarded_free(&back);
		free(packed);
	}
	free(plain);
	guarded_free(&one);
	guarded_free(&two);
	guarded_free(&work);
	return size;
}

static void
test_dict(void)
{
	static uint8_t long_entry[70000];
	int			kind;

	test_start();
	for (kind = 0; kind < NTEXTS; kind++)
	{
		static const int counts[] = {0, 1, 2, 10, 300, 4000};
		int			k;

		for (k = 0; k < 6; k++)
		{
			size_t		size;

			column_make((TextKind) kind, counts[k], 5);
			size = dict_round_trip(column.strings, (uint32_t) column.n);
			expect(size == 0 || tsdb_dict_size((uint32_t) column.n, column.total) >= TSDB_DICT_MIN_PACKED,
				   "a small dictionary packed");
			if (k == 5 && kind == TEXT_URLS)
				expect(size > 0, "%s not packed", column.name);
		}
	}

	/* lengths of two and of four bytes */
	memset(long_entry, 'l', sizeof(long_entry));
	column_make(TEXT_URLS, 100, 1);
	column.name = "entry of 300 bytes";
	column_add(long_entry, 300);
	expect(dict_round_trip(column.strings, (uint32_t) column.n) > 0, "%s not packed", column.name);
	column.name = "entry of 70,000 bytes";
	column_add(long_entry, sizeof(long_entry));
	expect(dict_round_trip(column.strings, (uint32_t) column.n) > 0, "%s not packed", column.name);
	test_end("dictionaries: packed and back");
}

static void
test_dict_damaged(void)
{
	uint64_t	st = 3;
	uint8_t    *plain;
	uint8_t    *packed;
	void	   *work;
	size_t		len;
	size_t		size;
	size_t		cut;
	size_t		said;
	int			k;
	static const uint32_t numbers[] = {0, 1, 3, 8, 0x7FFFFFFF, 0xFFFFFFFFU};

	test_start();
	column_make(TEXT_URLS, 400, 1);
	plain = test_alloc(tsdb_dict_size(400, column.total));
	len = tsdb_dict_encode(column.strings, 400, plain);
	packed = test_alloc(len);
	work = test_alloc(2 * len);
	size = tsdb_dict_pack(plain, len, 3, packed, work, context);
	expect(size > 100, "not packed");
	for (cut = 0; cut < size; cut++)
	{
		uint8_t    *copy = exact_copy(packed, cut);

		expect(!tsdb_dict_plain_size(copy, cut, &said), "a dictionary cut to %zu of %zu bytes accepted", cut, size);
		free(copy);
	}
	for (k = 0; k < 20000 && size > 100; k++)
	{
		uint8_t    *copy = exact_copy(packed, size);

		if (k < 5 * 6)
			memcpy(copy + k / 6 * 4, &numbers[k % 6], 4);
		else
			copy[k < 400 ? (uint32_t) k / 8 : pick(&st, (uint32_t) size)] ^= (uint8_t) (1 << (k % 8));
		bytes_fuzz_dict(copy, size);
		free(copy);
	}
	free(work);
	free(packed);
	free(plain);

	/* made-up: frames that are what the header says, but lengths, count and width are wrong */
	for (k = 0; k < 6; k++)
	{
		static const uint32_t made_up[][3] = {{2, 4, 20}, {2, 4, 20}, {1000000, 4, 20}, {2, 8, 20}, {2, 3, 20}, {2, 2, 20}};
		uint32_t	header[5] = {TSDB_DICT_PACKED_MAGIC, made_up[k][0], 0, 0, made_up[k][1]};
		uint8_t		content[2000] = {0};
		uint8_t		frame[2100];
		uint32_t	two[2] = {12, 8};
		size_t		content_len = 2 * (size_t) made_up[k][1] + 20;
		uint8_t    *exact;

		header[2] = 8 + 4 * 3 + 20;
		if (k == 1)
		{
			/* more than there is, and back again modulo 2^32 */
			two[0] = 0xFFFFFF00U;
			two[1] = 0x100 + 20;
		}
		memcpy(content, two, sizeof(two));
		if (k == 5)
			content[0] = 12, content[1] = 0, content[2] = 7, content[3] = 0;
		header[3] = (uint32_t) tsdb_frame_zstd_pack(NULL, 3, content, content_len, frame + sizeof(header),
													sizeof(frame) - sizeof(header));
		memcpy(frame, header, sizeof(header));
		exact = exact_copy(frame, sizeof(header) + header[3]);
		if (tsdb_dict_plain_size(exact, sizeof(header) + header[3], &said))
		{
			uint8_t    *out = test_alloc(said);
			uint32_t	count;

			expect(tsdb_dict_unpack(exact, sizeof(header) + header[3], out, said, &count, NULL) == (k == 0),
				   "made-up dictionary %d", k);
			free(out);
		}
		else
			expect(k > 1, "made-up dictionary %d refused at once", k);
		free(exact);
	}
	test_end("dictionaries: truncated, damaged");
}

/*-------------- real text --------------*/

typedef struct TextFigures
{
	double		ratio[NENCODINGS];
	double		encode[NENCODINGS]; /* MB/s, FSST: training included */
	double		decode[NENCODINGS]; /* MB/s */
} TextFigures;

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double) t.tv_sec + (double) t.tv_nsec * 1e-9;
}

/* The column in vectors of 1,024, every way.  repeat: for figures of speed. */
static void
column_measure(int repeat, TextFigures *figures)
{
	static uint8_t blocks[2 * POOL_BYTES];
	static size_t sizes[MAX_STRINGS / 1024 + 1];
	static TsdbBytes strings[1024];
	static bool isnull[1024];
	void	   *work = test_alloc(tsdb_bytes_work_size(POOL_BYTES));
	uint8_t    *out = test_alloc(POOL_BYTES);
	uint8_t		table_bytes[TSDB_FSST_MAX_TABLE_BYTES];
	int			m;

	for (m = 0; m < NENCODINGS; m++)
	{
		TsdbBytesMethod method = {encodings[m], encoder, 1, context};
		double		encode = 1e9;
		double		decode = 1e9;
		size_t		total = 0;
		int			k;

		for (k = 0; k < repeat; k++)
		{
			double		start = now();
			size_t		at = 0;
			int			first;
			int			b;

			if (encodings[m] == TSDB_ENC_FSST)
				column_train();
			for (first = 0, b = 0; first < column.n; first += 1024, b++)
			{
				int			n = column.n - first < 1024 ? column.n - first : 1024;
				TsdbEncoding encoding;

				sizes[b] = tsdb_bytes_encode_with(column.strings + first, NULL, n, &method, blocks + at, work, &encoding, scratch);
				at += sizes[b];
			}
			encode = now() - start < encode ? now() - start : encode;
			total = at + (encodings[m] == TSDB_ENC_FSST ? tsdb_fsst_table_encode(&table, table_bytes) : 0);

			start = now();
			for (first = 0, b = 0, at = 0; first < column.n; at += sizes[b], first += 1024, b++)
			{
				int			n = column.n - first < 1024 ? column.n - first : 1024;
				size_t		bytes;
				int			nnulls;

				expect(tsdb_bytes_decoded_size(blocks + at, sizes[b], n, &bytes) &&
					   tsdb_bytes_decode_with(blocks + at, sizes[b], n, &table, out, bytes, strings, isnull, &nnulls,
											  context, scratch), "does not decode");
			}
			decode = now() - start < decode ? now() - start : decode;
		}
		figures->ratio[m] = (double) column.total / (double) total;
		figures->encode[m] = (double) column.total / encode / 1e6;
		figures->decode[m] = (double) column.total / decode / 1e6;
	}
	free(out);
	free(work);
}

/* Round trips of a column in vectors of 1,024; ratio of FSST as stored. */
static void
expect_ratio(double at_least)
{
	TextFigures figures;
	int			first;
	int			m;

	column_train();
	fsst_round_trip();
	for (first = 0; first < column.n; first += 1024)
		for (m = 1; m < NENCODINGS; m++)
		{
			TsdbEncoding encoding;
			size_t		size;

			block_round_trip(column.strings + first, NULL, column.n - first < 1024 ? column.n - first : 1024, encodings[m],
							 &encoding, &size);
		}
	column_measure(1, &figures);
	expect(figures.ratio[1] >= at_least, "%s: FSST compresses to 1 / %.2f", column.name, figures.ratio[1]);
}

static void
test_real(void)
{
	test_start();
	if (expect(column_read("wiki titles", "wiki_titles.csv.gz", 1, 20000), "no data/wiki_titles.csv.gz"))
		expect_ratio(1.45);		/* lengths included */
	if (expect(column_read("airports", "birdstrikes.csv.gz", 0, 10000), "no data/birdstrikes.csv.gz"))
		expect_ratio(3);
	if (column_read("species", "birdstrikes.csv.gz", 8, 10000))
		expect_ratio(3);
	column_make(TEXT_URLS, 20000, 5);
	expect_ratio(2.5);
	test_end("real text: round trips, ratios");
}

static void
print_figures(void)
{
	static const struct
	{
		const char *name;
		const char *file;
		int			field;
	}			texts[] = {
		{"wiki titles", "wiki_titles.csv.gz", 1}, {"birdstrikes airport", "birdstrikes.csv.gz", 0},
		{"birdstrikes aircraft", "birdstrikes.csv.gz", 1}, {"birdstrikes operator", "birdstrikes.csv.gz", 4},
		{"birdstrikes species", "birdstrikes.csv.gz", 8}, {"URLs (made up)", NULL, TEXT_URLS},
		{"log lines (made up)", NULL, TEXT_LOG}, {"UUIDs (made up)", NULL, TEXT_UUIDS},
	};
	size_t		t;

	printf("| text | bytes a string | FSST: ratio, encode, decode MB/s | zstd-1 | LZ4 |\n|---|---|---|---|---|\n");
	for (t = 0; t < sizeof(texts) / sizeof(texts[0]); t++)
	{
		TextFigures f;

		if (texts[t].file == NULL)
			column_make((TextKind) texts[t].field, 65536, 1);
		else if (!column_read(texts[t].name, texts[t].file, texts[t].field, MAX_STRINGS))
			continue;
		column_measure(15, &f);
		printf("| %s | %.1f | %.2f, %.0f, %.0f | %.2f, %.0f, %.0f | %.2f, %.0f, %.0f |\n", texts[t].name,
			   (double) column.total / column.n, f.ratio[1], f.encode[1], f.decode[1],
			   f.ratio[2], f.encode[2], f.decode[2], f.ratio[3], f.encode[3], f.decode[3]);
		fflush(stdout);
	}
}

/*-------------- fuzz corpora --------------*/

static void
write_seed(const char *directory, const char *corpus, int number, const uint8_t *head, size_t head_len,
		   const uint8_t *bytes, size_t len)
{
	char		path[1000];
	FILE	   *file;

	snprintf(path, sizeof(path), "%s/%s/seed-%03d", directory, corpus, number);
	file = fopen(path, "wb");
	if (file == NULL || fwrite(head, head_len, 1, file) != 1 || (len > 0 && fwrite(bytes, len, 1, file) != 1))
	{
		perror(path);
		exit(1);
	}
	fclose(file);
}

static void
write_seeds(const char *directory)
{
	static uint8_t buffer[20000];
	uint8_t		head[3];
	int			number = 0;
	int			kind;
	int			k;

	for (kind = 0; kind < TEXT_EMPTY; kind++)
		for (k = 0; k < 4; k++)
		{
			size_t		len;
			int			i;

			column_make((TextKind) kind, k == 1 ? 3 : 60, 1);
			if (!column_train())
				continue;
			head[0] = (uint8_t) k;
			if (k == 3)
			{
				head[1] = '\n';
				for (len = 0, i = 0; i < 10; i++)
				{
					memcpy(buffer + len, column.strings[i].data, column.strings[i].len);
					len += column.strings[i].len;
					buffer[len++] = '\n';
				}
				write_seed(directory, "corpus_fsst", number++, head, 2, buffer, len);
				continue;
			}
			len = tsdb_fsst_table_encode(&table, buffer);
			head[1] = (uint8_t) len;
			head[2] = (uint8_t) (len >> 8);
			if (k == 1)
				len += tsdb_fsst_compress(encoder, column.strings[2].data, column.strings[2].len, buffer + len);
			if (k == 2)
			{
				uint8_t    *lengths = buffer + len + 1;

				buffer[len] = 5;
				len += 6;
				for (i = 0; i < 5; i++)
				{
					lengths[i] = (uint8_t) tsdb_fsst_compress(encoder, column.strings[i].data,
															  column.strings[i].len < 60 ? column.strings[i].len : 60, buffer + len);
					len += lengths[i];
				}
			}
			write_seed(directory, "corpus_fsst", number++, head, 3, buffer, len);
		}

	bytes_fuzz_setup();
	table = bytes_fuzz_table;
	tsdb_fsst_encoder_init(&table, encoder);
	number = 0;
	for (kind = 0; kind < TEXT_EMPTY; kind++)
	{
		int			m;
		size_t		len;

		column_make((TextKind) kind, 30, 1);
		for (m = 0; m < NENCODINGS; m++)
		{
			bool		isnull[30];
			TsdbEncoding encoding;
			size_t		size;
			uint8_t    *block;

			nulls_make((NullKind) ((kind + m) % NNULLS), 30, 1, isnull);
			block = block_encode(column.strings, isnull, 30, encodings[m], NULL, scratch, 0, &encoding, &size);
			head[0] = 0;
			head[1] = 29;
			head[2] = 0;
			if (size < 2500)
				write_seed(directory, "corpus_bytes", number++, head, 3, block, size);
			free(block);
		}
		for (len = 0, k = 0; k < 8; k++)
		{
			uint32_t	part = column.strings[k].len < 40 ? column.strings[k].len : 40;

			buffer[len++] = (uint8_t) (k == 3 ? 255 : part);
			if (k == 3)
				continue;
			memcpy(buffer + len, column.strings[k].data, part);
			len += part;
		}
		for (k = 2; k < 4; k++)
		{
			head[0] = (uint8_t) k;
			write_seed(directory, "corpus_bytes", number++, head, 3, buffer, len);
		}
	}
	for (k = 0; k < 3; k++)
	{
		static const TextKind kinds[] = {TEXT_WORDS, TEXT_NUMBERS, TEXT_ZEROS};
		uint8_t    *plain;
		uint8_t    *packed;
		void	   *work;
		size_t		len;

		column_make(kinds[k], 700, 1);
		plain = test_alloc(tsdb_dict_size(700, column.total));
		len = tsdb_dict_encode(column.strings, 700, plain);
		packed = test_alloc(len);
		work = test_alloc(2 * len);
		len = tsdb_dict_pack(plain, len, 3, packed, work, NULL);
		head[0] = 1;
		if (len > 0)
			write_seed(directory, "corpus_bytes", number++, head, 3, packed, len);
		free(work);
		free(packed);
		free(plain);
	}
}

static void
test_corpus(const char *corpus, int (*target) (const uint8_t *, size_t))
{
	static uint8_t bytes[100000];
	char		path[1000];
	char		name[100];
	DIR		   *dir;
	struct dirent *entry;
	int			nfiles = 0;

	test_start();
	snprintf(path, sizeof(path), "fuzz/%s", corpus);
	dir = opendir(path);
	if (dir == NULL)
	{
		snprintf(path, sizeof(path), "../fuzz/%s", corpus);
		dir = opendir(path);
	}
	if (expect(dir != NULL, "cannot open %s", path))
	{
		while ((entry = readdir(dir)) != NULL)
		{
			char		file_path[2000];
			FILE	   *file;

			if (entry->d_name[0] == '.')
				continue;
			snprintf(file_path, sizeof(file_path), "%s/%s", path, entry->d_name);
			file = fopen(file_path, "rb");
			if (file == NULL)
				continue;
			target(bytes, fread(bytes, 1, sizeof(bytes), file));
			fclose(file);
			nfiles++;
		}
		closedir(dir);
		expect(nfiles >= MIN_FILES, "%d files", nfiles);
	}
	snprintf(name, sizeof(name), "fuzz corpus %s", corpus);
	test_end(name);
}

int
main(int argc, char **argv)
{
	int			status;

	test_setup();
	trainer = test_alloc(tsdb_fsst_trainer_size());
	encoder = test_alloc(tsdb_fsst_encoder_size());
	context = tsdb_bytes_context_create();
	if (argc > 2 && strcmp(argv[1], "--seed") == 0)
	{
		write_seeds(argv[2]);
		return 0;
	}
	if (argc > 1 && strcmp(argv[1], "--golden") == 0)
	{
		print_golden();
		return 0;
	}
	if (argc > 1 && strcmp(argv[1], "--figures") == 0)
	{
		print_figures();
		return 0;
	}
	test_fsst_texts();
	test_longest_match();
	test_fsst_lengths();
	test_fsst_training();
	test_fsst_table_damaged();
	test_fsst_codes_damaged();
	test_blocks();
	test_blocks_tails();
	test_blocks_damaged();
	test_blocks_made_up();
	test_blocks_limits();
	test_golden();
	test_dict();
	test_dict_damaged();
	test_real();
	test_corpus("corpus_fsst", fuzz_fsst_input);
	test_corpus("corpus_bytes", fuzz_bytes_input);
	status = test_finish();
	tsdb_bytes_context_free(context);
	free(bytes_fuzz_encoder);
	free(encoder);
	free(trainer);
	return status;
}
