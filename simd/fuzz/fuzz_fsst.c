/*-------------------------------------------------------------------------
 * fuzz_fsst.c
 *	  libFuzzer target: FSST tables and codes of any bytes, and round trips of any strings.
 *
 * Input: byte 0 picks what is done:
 *	  0		a table
 *	  1		uint16 bytes of a table, table, codes of one string
 *	  2		uint16 bytes of a table, table, number of strings, length of each (one byte, signed), codes
 *	  3		strings, each ending with the byte that comes first: trained, compressed, decompressed
 * Buffers are malloc'd to their exact size, so that the address sanitizer sees the first byte beyond.
 *
 *	make -C simd fuzz FUZZ=fsst		fuzzes for a minute with clang, on top of the committed corpus
 *	tests/test_bytes.c				runs the committed corpus without a fuzzer
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include "fsst.h"

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_MAX_STRINGS	4096

static void *
fsst_alloc(size_t bytes)
{
	void	   *p = malloc(bytes > 0 ? bytes : 1);

	if (p == NULL)
		abort();
	return p;
}

static uint8_t *
fsst_copy(const uint8_t *bytes, size_t len)
{
	uint8_t    *copy = fsst_alloc(len);

	if (len > 0)
		memcpy(copy, bytes, len);
	return copy;
}

static void
fsst_require(bool condition)
{
	if (!condition)
		abort();
}

/* What decompresses is what its length says, and comes back when compressed. */
static void
fsst_fuzz_codes(const TsdbFsstTable *table, const uint8_t *bytes, size_t len)
{
	uint8_t    *codes = fsst_copy(bytes, len);
	TsdbFsstEncoder *encoder;
	uint8_t    *out;
	uint8_t    *again;
	uint8_t    *back;
	size_t		out_len;
	size_t		said;
	size_t		size;

	if (!tsdb_fsst_decompressed_len(table, codes, len, &said))
	{
		out = fsst_alloc(8 * len);
		fsst_require(!tsdb_fsst_decompress(table, codes, len, out, 8 * len, &out_len));
		free(out);
		free(codes);
		return;
	}
	if (said > 0)
	{
		out = fsst_alloc(said - 1);
		fsst_require(!tsdb_fsst_decompress(table, codes, len, out, said - 1, &out_len));
		free(out);
	}
	out = fsst_alloc(said);
	fsst_require(tsdb_fsst_decompress(table, codes, len, out, said, &out_len) && out_len == said);

	encoder = fsst_alloc(tsdb_fsst_encoder_size());
	tsdb_fsst_encoder_init(table, encoder);
	again = fsst_alloc(tsdb_fsst_bound(said));
	size = tsdb_fsst_compress(encoder, out, said, again);
	fsst_require(size <= 2 * said);
	back = fsst_alloc(said);
	fsst_require(tsdb_fsst_decompress(table, again, size, back, said, &out_len) && out_len == said &&
				 memcmp(out, back, said) == 0);
	free(back);
	free(again);
	free(encoder);
	free(out);
	free(codes);
}

static volatile unsigned fsst_sink;	/* keeps reads of strings */

static void
fsst_fuzz_strings(const TsdbFsstTable *table, const uint8_t *data, size_t len)
{
	int			n;
	int64_t    *lengths;
	bool	   *isnull;
	TsdbBytes  *strings;
	uint8_t    *codes;
	uint8_t    *out;
	size_t		out_size;
	unsigned	sum = 0;
	int			i;

	if (len < 1 || len - 1 < data[0])
		return;
	n = data[0];
	lengths = fsst_alloc((size_t) n * sizeof(int64_t));
	isnull = fsst_alloc((size_t) n);
	strings = fsst_alloc((size_t) n * sizeof(TsdbBytes));
	for (i = 0; i < n; i++)
	{
		lengths[i] = (int8_t) data[1 + i];
		isnull[i] = data[1 + i] == 77;
	}
	len -= 1 + (size_t) n;
	codes = fsst_copy(data + 1 + n, len);
	if (!tsdb_fsst_decompressed_len(table, codes, len, &out_size))
		out_size = len;
	out = fsst_alloc(out_size);
	if (tsdb_fsst_decompress_strings(table, codes, len, lengths, isnull, n, out, out_size, strings))
	{
		size_t		total = 0;

		for (i = 0; i < n; i++)
		{
			uint32_t	k;

			for (k = 0; k < strings[i].len; k++)
				sum += strings[i].data[k];
			total += strings[i].len;
		}
		fsst_require(total == out_size);
	}
	fsst_sink = sum;
	free(out);
	free(codes);
	free(strings);
	free(isnull);
	free(lengths);
}

static void
fsst_fuzz_round_trip(const uint8_t *data, size_t len)
{
	static TsdbBytes strings[FUZZ_MAX_STRINGS];
	static TsdbFsstTrainer *trained;	/* full of what was before */
	TsdbFsstEncoder *encoder;
	TsdbFsstTable table;
	TsdbFsstTable decoded;
	uint8_t		bytes[TSDB_FSST_MAX_TABLE_BYTES];
	size_t		size;
	size_t		n = 0;
	size_t		begin = 1;
	size_t		i;

	for (i = 1; i < len && n < FUZZ_MAX_STRINGS; i++)
		if (data[i] == data[0] || i + 1 == len)
		{
			strings[n].len = (uint32_t) (i - begin);
			strings[n].data = fsst_copy(data + begin, i - begin);
			n++;
			begin = i + 1;
		}
	if (trained == NULL)
		trained = fsst_alloc(tsdb_fsst_trainer_size());
	if (tsdb_fsst_train(strings, n, &table, trained))
	{
		size = tsdb_fsst_table_encode(&table, bytes);
		fsst_require(tsdb_fsst_table_decode(bytes, size, &decoded) && memcmp(&table, &decoded, sizeof(table)) == 0);
		encoder = fsst_alloc(tsdb_fsst_encoder_size());
		tsdb_fsst_encoder_init(&decoded, encoder);
		for (i = 0; i < n; i++)
		{
			uint8_t    *codes = fsst_alloc(tsdb_fsst_bound(strings[i].len));
			uint8_t    *out = fsst_alloc(strings[i].len);
			size_t		out_len;

			size = tsdb_fsst_compress(encoder, strings[i].data, strings[i].len, codes);
			fsst_require(size <= 2 * (size_t) strings[i].len);
			codes = realloc(codes, size > 0 ? size : 1);
			fsst_require(codes != NULL && tsdb_fsst_decompress(&decoded, codes, size, out, strings[i].len, &out_len) &&
						 out_len == strings[i].len && memcmp(out, strings[i].data, out_len) == 0);
			free(codes);
			free(out);
		}
		free(encoder);
	}
	else
		for (i = 0; i < n; i++)
			fsst_require(strings[i].len == 0);
	for (i = 0; i < n; i++)
		free((void *) strings[i].data);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TsdbFsstTable table;
	size_t		table_len;
	uint8_t    *copy;
	bool		ok;

	if (size < 4)
		return 0;
	if ((data[0] & 3) == 3)
	{
		fsst_fuzz_round_trip(data + 1, size - 1);
		return 0;
	}
	table_len = data[1] | (size_t) data[2] << 8;
	table_len = (data[0] & 3) == 0 || table_len > size - 3 ? size - 3 : table_len;
	copy = fsst_copy(data + 3, table_len);
	ok = tsdb_fsst_table_decode(copy, table_len, &table);
	if (ok)
	{
		uint8_t    *bytes = fsst_alloc(TSDB_FSST_MAX_TABLE_BYTES);
		size_t		len = tsdb_fsst_table_encode(&table, bytes);

		fsst_require(len <= table_len && memcmp(bytes, copy, len) == 0);
		free(bytes);
	}
	free(copy);
	if (ok && (data[0] & 3) == 1)
		fsst_fuzz_codes(&table, data + 3 + table_len, size - 3 - table_len);
	if (ok && (data[0] & 3) == 2)
		fsst_fuzz_strings(&table, data + 3 + table_len, size - 3 - table_len);
	return 0;
}
