/*-------------------------------------------------------------------------
 * fuzz_bytes.c
 *	  libFuzzer target: compressed blocks of strings and dictionaries of any bytes, round trips of any strings.
 *
 * Input: byte 0 picks what is done, bytes 1 and 2 are the number of rows less one, the rest:
 *	  0		a block (FSST by the table of bytes_fuzz_text)
 *	  1		a dictionary
 *	  2		strings: for each one byte of length (above 250: NULL), then its bytes; encoded in every way
 *	  3		the same as entries of a dictionary, as often as it takes to have it compressed
 * Buffers are malloc'd to their exact size, so that the address sanitizer sees the first byte beyond.
 *
 *	make -C simd fuzz FUZZ=bytes	fuzzes for a minute with clang, on top of the committed corpus
 *	tests/test_bytes.c				runs the committed corpus without a fuzzer
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include "bytes_codec.h"
#include "tests/one_value.h"

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char bytes_fuzz_text[] =
"https://www.example.com/products/items/category?id=1234&page=2 https://www.example.org/search/articles "
"The Hardest Thing (album) List of rivers of the United States error: connection refused warning: retry ";

static TsdbFsstTable bytes_fuzz_table;
static TsdbFsstEncoder *bytes_fuzz_encoder;

static volatile unsigned bytes_sink;	/* keeps reads of strings */

static void *
bytes_alloc(size_t bytes)
{
	void	   *p = malloc(bytes > 0 ? bytes : 1);

	if (p == NULL)
		abort();
	return p;
}

static void
bytes_require(bool condition)
{
	if (!condition)
		abort();
}

/* Once: a table of the text, which is said five times so that pairs are no chance. */
static void
bytes_fuzz_setup(void)
{
	TsdbFsstTrainer *trainer;
	TsdbBytes	strings[5];
	int			i;

	if (bytes_fuzz_encoder != NULL)
		return;
	trainer = bytes_alloc(tsdb_fsst_trainer_size());
	for (i = 0; i < 5; i++)
	{
		strings[i].data = (const uint8_t *) bytes_fuzz_text;
		strings[i].len = sizeof(bytes_fuzz_text) - 1;
	}
	bytes_require(tsdb_fsst_train(strings, 5, &bytes_fuzz_table, trainer));
	free(trainer);
	bytes_fuzz_encoder = bytes_alloc(tsdb_fsst_encoder_size());
	tsdb_fsst_encoder_init(&bytes_fuzz_table, bytes_fuzz_encoder);
}

static void
bytes_read(TsdbBytes string)
{
	unsigned	sum = 0;
	uint32_t	k;

	for (k = 0; k < string.len; k++)
		sum += string.data[k];
	bytes_sink = sum;
}

/* Decodes any bytes; if they are a block: strings can be read, and NULLs counted. */
static bool
bytes_fuzz_block(const uint8_t *block, size_t len, int n, TsdbBytes *strings, bool *isnull, uint8_t **out,
				 TsdbCodecScratch *scratch)
{
	size_t		size;
	uint8_t    *one;
	bool		valid;
	int			nnulls = 0;
	int			i;

	*out = NULL;
	if (!tsdb_bytes_decoded_size(block, len, n, &size))
	{
		bytes_require(!tsdb_bytes_decode_with(block, len, n, &bytes_fuzz_table, NULL, 0, strings, isnull, &nnulls, NULL,
											  scratch));
		return false;
	}
	*out = bytes_alloc(size);
	valid = tsdb_bytes_decode_with(block, len, n, &bytes_fuzz_table, *out, size, strings, isnull, &nnulls, NULL, scratch);
	one = bytes_alloc(size);
	bytes_require(one_string_differs(block, len, n, &bytes_fuzz_table, one, size, valid, strings, isnull, nnulls, scratch) < 0);
	free(one);
	if (!valid)
		return false;
	for (i = 0; i < n; i++)
	{
		bytes_require(!isnull[i] || (strings[i].data == NULL && strings[i].len == 0));
		bytes_read(strings[i]);
		nnulls -= isnull[i];
	}
	bytes_require(nnulls == 0);
	return true;
}

static void
bytes_fuzz_dict(const uint8_t *in, size_t len)
{
	uint8_t    *plain;
	size_t		size;
	uint32_t	count;
	uint32_t	opened;
	uint32_t	i;

	if (!tsdb_dict_plain_size(in, len, &size) || size == 0)
		return;
	plain = bytes_alloc(size);
	if (tsdb_dict_unpack(in, len, plain, size, &count, NULL))
	{
		bytes_require(tsdb_dict_open(plain, size, &opened) && opened == count);
		for (i = 0; i < count; i++)
			bytes_read(tsdb_dict_entry(plain, i));
	}
	free(plain);
}

/* Strings out of the input, each malloc'd; returns their number. */
static int
bytes_fuzz_cut(const uint8_t *data, size_t len, TsdbBytes *strings, bool *isnull)
{
	int			n = 0;

	while (len > 0 && n < TSDB_CODEC_MAX_ROWS)
	{
		size_t		want = *data++;

		len--;
		isnull[n] = want > 250;
		want = isnull[n] ? 0 : want < len ? want : len;
		strings[n].len = (uint32_t) want;
		strings[n].data = memcpy(bytes_alloc(want), data, want);
		n++;
		data += want;
		len -= want;
	}
	return n;
}

static void
bytes_fuzz_round_trip(TsdbBytes *in, const bool *null, int n, TsdbCodecScratch *scratch)
{
	static const TsdbEncoding encodings[] = {TSDB_ENC_BYTES, TSDB_ENC_FSST, TSDB_ENC_ZSTD, TSDB_ENC_LZ4};
	TsdbBytes  *strings = bytes_alloc((size_t) n * sizeof(TsdbBytes));
	bool	   *isnull = bytes_alloc((size_t) n);
	size_t		total = 0;
	int			m;
	int			i;

	for (i = 0; i < n; i++)
		total += in[i].len;
	for (m = 0; m < 4; m++)
	{
		TsdbBytesMethod method = {encodings[m], bytes_fuzz_encoder, 1, NULL};
		uint8_t    *block = bytes_alloc(tsdb_bytes_bound(n, total));
		void	   *work = bytes_alloc(tsdb_bytes_work_size(total));
		uint8_t    *out;
		TsdbEncoding encoding;
		size_t		size;

		size = tsdb_bytes_encode_with(in, null, n, &method, block, work, &encoding, scratch);
		free(work);
		bytes_require(size <= tsdb_bytes_bound(n, total));
		block = realloc(block, size);
		bytes_require(block != NULL && bytes_fuzz_block(block, size, n, strings, isnull, &out, scratch));
		for (i = 0; i < n; i++)
			bytes_require(isnull[i] == null[i] && strings[i].len == in[i].len &&
						  (in[i].len == 0 || memcmp(strings[i].data, in[i].data, in[i].len) == 0));
		free(out);
		free(block);
	}
	bytes_require(tsdb_codec_fallbacks(scratch) == 0);
	free(strings);
	free(isnull);
}

static void
bytes_fuzz_dict_round_trip(const TsdbBytes *in, int n)
{
	uint32_t	count;
	uint32_t	unpacked;
	TsdbBytes  *entries;
	size_t		total = 0;
	size_t		len;
	size_t		size;
	size_t		plain_size;
	uint8_t    *plain;
	uint8_t    *packed;
	uint8_t    *back;
	void	   *work;
	uint32_t	i;

	count = (uint32_t) n * (uint32_t) (1 + 1000 / n);
	entries = bytes_alloc(count * sizeof(TsdbBytes));
	for (i = 0; i < count; i++)
	{
		entries[i] = in[i % (uint32_t) n];
		total += entries[i].len;
	}
	plain = bytes_alloc(tsdb_dict_size(count, total));
	len = tsdb_dict_encode(entries, count, plain);
	packed = bytes_alloc(len);
	work = bytes_alloc(2 * len);
	size = tsdb_dict_pack(plain, len, 1, packed, work, NULL);
	free(work);
	if (size > 0)
	{
		packed = realloc(packed, size);
		bytes_require(packed != NULL && size <= len - len / 8 &&
					  tsdb_dict_plain_size(packed, size, &plain_size) && plain_size == len);
		back = bytes_alloc(len);
		bytes_require(tsdb_dict_unpack(packed, size, back, len, &unpacked, NULL) && unpacked == count &&
					  memcmp(back, plain, len) == 0);
		free(back);
	}
	free(packed);
	free(plain);
	free(entries);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	TsdbBytes	strings[TSDB_CODEC_MAX_ROWS];
	bool		isnull[TSDB_CODEC_MAX_ROWS];
	TsdbCodecScratch *scratch;
	uint8_t    *block;
	uint8_t    *out = NULL;
	int			n;
	int			i;

	if (size < 3)
		return 0;
	bytes_fuzz_setup();
	scratch = calloc(1, tsdb_codec_scratch_size());
	bytes_require(scratch != NULL);
	n = ((data[1] | data[2] << 8) & (TSDB_CODEC_MAX_ROWS - 1)) + 1;
	size -= 3;
	block = memcpy(bytes_alloc(size), data + 3, size);
	switch (data[0] & 3)
	{
		case 0:
			bytes_fuzz_block(block, size, n, strings, isnull, &out, scratch);
			free(out);
			break;
		case 1:
			bytes_fuzz_dict(block, size);
			break;
		default:
			n = bytes_fuzz_cut(block, size, strings, isnull);
			if (n > 0 && (data[0] & 3) == 2)
				bytes_fuzz_round_trip(strings, isnull, n, scratch);
			else if (n > 0)
				bytes_fuzz_dict_round_trip(strings, n);
			for (i = 0; i < n; i++)
				free((void *) strings[i].data);
			break;
	}
	free(block);
	free(scratch);
	return 0;
}
