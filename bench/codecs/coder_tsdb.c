/*-------------------------------------------------------------------------
 * coder_tsdb.c
 *	  The extension's codecs, called as its chunk writer and reader call them.
 *
 *	tsdb		blocks of 1,024 rows.  Where it is smaller, blocks hold codes into a dictionary that 65,536 rows
 *				share; the writer's rules (src/chunk/chunk_dictionary.c), with exact sizes instead of estimates.
 *				Encoding starts from ready codes: the dictionary is counted, its making is not timed.
 *				Other text: a symbol table (FSST) for 65,536 rows, where that is smaller.
 *	tsdb cold	65,536 rows: the numbers' bytes in planes, each plane under zstd, where that is smaller; text
 *				without a dictionary as zstd frames of 1,024 rows.
 *
 * To follow a change of simd/tsdb_codec.h, change the few functions that are marked "wrapper".
 *-------------------------------------------------------------------------
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bytes_codec.h"
#include "coder.h"
#include "kernels.h"
#include "planes.h"

#define ROWS			TSDB_CODEC_MAX_ROWS
#define CHUNK_BLOCKS	(CHUNK_ROWS / ROWS)

/* chunk_writer_internal.h */
#define MAX_DICT_BYTES	(256 * 1024)
#define MAX_INT_DICT	4096

/* chunk_writer.c */
#define COLD_LEVEL		3
#define COLD_MUST_SAVE	32

/* What the blocks of one chunk of the column at hand share: a dictionary, count 0 = none; or symbols. */
typedef struct Dictionary
{
	uint32_t	count;
	int64_t    *values;			/* sorted; of numbers */
	TsdbBytes  *strings;		/* sorted; of text */
	TsdbFsstEncoder *symbols;	/* of text without dictionary; NULL = plain */
} Dictionary;

static TsdbCodecScratch *scratch;

/* the column prepared, its dictionaries, its rows' codes, the dictionaries' bytes */
static const DataSet *prepared;
static Dictionary *dictionaries;
static int	ndictionaries;
static uint32_t *codes;
static size_t dictionary_bytes;
static size_t symbol_bytes;

/* text without dictionary is encoded as for a cold chunk */
static bool cold_text;

/* what was decoded */
static int64_t *out_values;
static TsdbBytes *out_strings;
static uint32_t *out_codes;
static bool *out_isnull;

static TsdbBytesContext *bytes_context;
static uint8_t *bytes_work;
static uint8_t *bytes_out;
static size_t bytes_out_size;
static size_t bytes_out_used;		/* by the piece being decoded */

void
coder_use_tier(const Coder *coder)
{
	if (coder->tier != NO_TIER)
		tsdb_simd_use((TsdbSimdTier) coder->tier);
}

static void *
reserve(size_t size)
{
	/* not where a page begins: packed bytes and decoded values should not meet at the same offset */
	uint8_t    *p = coder_buffer(size, 2112);

	memset(p, 0, size);
	return p;
}

static const bool *
piece_nulls(const Piece *piece)
{
	return piece->column->nnulls > 0 ? piece->column->isnull + piece->first : NULL;
}

static const Dictionary *
piece_dictionary(const Piece *piece)
{
	const Dictionary *dict = &dictionaries[piece->first / CHUNK_ROWS];

	return dict->count > 0 ? dict : NULL;
}

/*-------------- wrappers --------------*/

static TsdbLaneMeaning
column_meaning(const Column *column)
{
	return column->set->kind == COLUMN_DOUBLE ? TSDB_MEANS_FLOAT8 : TSDB_MEANS_INT;
}

/* wrapper */
static size_t
encode_plain(const Piece *piece, uint8_t *out)
{
	const Column *column = piece->column;
	TsdbEncoding encoding;

	if (column->set->kind == COLUMN_TEXT)
	{
		TsdbFsstEncoder *symbols = dictionaries[piece->first / CHUNK_ROWS].symbols;
		TsdbBytesMethod method = {cold_text ? TSDB_ENC_ZSTD : symbols != NULL ? TSDB_ENC_FSST : TSDB_ENC_BYTES, symbols,
			COLD_LEVEL, bytes_context};

		return tsdb_bytes_encode_with(column->strings + piece->first, piece_nulls(piece), piece->n, &method, out, bytes_work,
									  &encoding, scratch);
	}
	if (column->set->kind == COLUMN_TEXT)
		return tsdb_bytes_encode(column->strings + piece->first, piece_nulls(piece), piece->n, out, &encoding, scratch);
	return tsdb_int_encode(column->values + piece->first, piece_nulls(piece), piece->n, TSDB_LANE_INT64,
						   column_meaning(column), out, &encoding, scratch);
}

/* wrapper; decodes to element "at" of the outputs and behind */
static bool
decode_plain(const Piece *piece, const uint8_t *in, size_t len, int at)
{
	int			nnulls;

	if (piece->column->set->kind == COLUMN_TEXT)
	{
		TsdbFsstEncoder *symbols = dictionaries[piece->first / CHUNK_ROWS].symbols;
		size_t		size;

		if (at == 0)
			bytes_out_used = 0;
		if (!tsdb_bytes_decoded_size(in, len, piece->n, &size) || size > bytes_out_size - bytes_out_used)
			return false;
		bytes_out_used += size;
		return tsdb_bytes_decode_with(in, len, piece->n, symbols != NULL ? tsdb_fsst_encoder_table(symbols) : NULL,
									  bytes_out + bytes_out_used - size, size,
									  out_strings + at, out_isnull + at, &nnulls, bytes_context, scratch);
	}
	if (piece->column->set->kind == COLUMN_TEXT)
		return tsdb_bytes_decode(in, len, piece->n, out_strings + at, out_isnull + at, &nnulls, scratch);
	return tsdb_int_decode(in, len, piece->n, TSDB_LANE_INT64, out_values + at, out_isnull + at, &nnulls, scratch);
}

/* wrapper */
static size_t
encode_codes(const Piece *piece, uint8_t *out)
{
	TsdbEncoding encoding;

	return tsdb_codes_encode(codes + piece->first, piece_nulls(piece), piece->n, out, &encoding, scratch);
}

/* wrapper; strings stay codes, as scans take them */
static bool
decode_codes(const Piece *piece, const Dictionary *dict, const uint8_t *in, size_t len, int at)
{
	int			nnulls;

	if (!tsdb_codes_decode(in, len, piece->n, dict->count, out_codes + at, out_isnull + at, &nnulls, scratch))
		return false;
	if (dict->values == NULL)
		return true;
	if (tsdb_simd_table != NULL)
		tsdb_kernels->gather32((const uint64_t *) dict->values, out_codes + at, piece->n, (uint64_t *) out_values + at);
	else
		for (int i = at; i < at + piece->n; i++)
			out_values[i] = dict->values[out_codes[i]];
	return true;
}

/*-------------- dictionaries --------------*/

static int
compare_values(const void *a, const void *b)
{
	int64_t		x = *(const int64_t *) a;
	int64_t		y = *(const int64_t *) b;

	return x < y ? -1 : x > y;
}

static int
compare_strings(const void *a, const void *b)
{
	const TsdbBytes *x = a;
	const TsdbBytes *y = b;
	int			c = memcmp(x->data, y->data, x->len < y->len ? x->len : y->len);

	return c != 0 ? c : x->len < y->len ? -1 : x->len > y->len;
}

/* Bytes of all blocks of a chunk; with codes or without. */
static size_t
chunk_size(const Column *column, int first, int n, bool with_codes)
{
	static uint8_t *out;
	static size_t out_size;
	size_t		total = 0;

	for (int at = first; at < first + n; at += ROWS)
	{
		Piece		piece = {column, at, first + n - at < ROWS ? first + n - at : ROWS, NULL, 0};
		size_t		len = 0;

		for (int i = at; i < at + piece.n; i++)
			len += column->strings[i].len;
		if (len + ROWS * 64 > out_size)
		{
			free(out);
			out_size = len + ROWS * 64;
			if ((out = malloc(out_size)) == NULL)
				abort();
		}
		total += with_codes ? encode_codes(&piece, out) : encode_plain(&piece, out);
	}
	return total;
}

/* Gives the chunk a dictionary if that saves room; returns its bytes. */
static size_t
make_dictionary(const Column *column, int first, int n, Dictionary *dict)
{
	bool		text = column->set->kind == COLUMN_TEXT;
	size_t		width = text ? sizeof(TsdbBytes) : sizeof(int64_t);
	int			(*compare) (const void *, const void *) = text ? compare_strings : compare_values;
	char	   *rows = text ? (char *) column->strings : (char *) column->values;
	char	   *sorted = malloc((size_t) n * width);
	uint32_t	count = 0;
	size_t		nvalid = 0;
	size_t		len = 0;
	size_t		plain = chunk_size(column, first, n, false);

	memset(dict, 0, sizeof(*dict));
	if (sorted == NULL)
		abort();
	for (int i = first; i < first + n; i++)
		if (!column->isnull[i])
			memcpy(sorted + nvalid++ * width, rows + (size_t) i * width, width);
	qsort(sorted, nvalid, width, compare);
	for (size_t i = 0; i < nvalid; i++)
		if (i == 0 || compare(sorted + i * width, sorted + (count - 1) * width) != 0)
			memmove(sorted + count++ * width, sorted + i * width, width);
	for (uint32_t i = 0; i < count; i++)
		len += text ? ((TsdbBytes *) sorted)[i].len : width;
	len = tsdb_dict_size(count, len);
	if (count == 0 || n < 256 || (text ? count > nvalid / 2 || len > MAX_DICT_BYTES : count > MAX_INT_DICT))
	{
		free(sorted);
		return 0;
	}
	for (int i = first; i < first + n; i++)
		codes[i] = column->isnull[i] ? 0 :
			(uint32_t) (((char *) bsearch(rows + (size_t) i * width, sorted, count, width, compare) - sorted) / (ptrdiff_t) width);
	if (len + chunk_size(column, first, n, true) > (text ? plain * 8 / 9 : plain * 4 / 5))
	{
		free(sorted);
		return 0;
	}
	dict->count = count;
	if (text)
		dict->strings = (TsdbBytes *) sorted;
	else
		dict->values = (int64_t *) sorted;
	return len;
}


/* strings of a sample have so many bytes; fsst.h */
#define SAMPLE_BYTES	16384

/* Memory for the column's longest block of strings, and for all its strings. */
static void
reserve_text(const Column *column)
{
	static size_t work_size;
	size_t		longest = 0;
	size_t		total = 0;

	for (int at = 0; at < column->nrows; at += ROWS)
	{
		size_t		len = 0;

		for (int i = at; i < at + ROWS && i < column->nrows; i++)
			len += column->strings[i].len;
		longest = len > longest ? len : longest;
		total += len;
	}
	if (bytes_context == NULL)
		bytes_context = tsdb_bytes_context_create();
	if (total > bytes_out_size || bytes_out == NULL)
	{
		bytes_out_size = total + 4096;
		bytes_out = reserve(bytes_out_size);
	}
	if (tsdb_bytes_work_size(longest) > work_size)
	{
		work_size = tsdb_bytes_work_size(longest);
		bytes_work = reserve(work_size);
	}
}

/* Gives the chunk a symbol table if that saves room; returns its bytes. */
static size_t
make_symbols(const Column *column, int first, int n, Dictionary *dict)
{
	static TsdbFsstTrainer *trainer;
	TsdbBytes	sample[ROWS];
	TsdbFsstTable table;
	uint8_t		encoded[TSDB_FSST_MAX_TABLE_BYTES];
	size_t		plain = chunk_size(column, first, n, false);
	size_t		len = 0;
	int			nsample = 0;
	int			step = n > ROWS ? n / ROWS : 1;

	if (trainer == NULL)
		trainer = reserve(tsdb_fsst_trainer_size());
	for (int i = first; i < first + n && nsample < ROWS && len < SAMPLE_BYTES; i += step)
	{
		sample[nsample] = column->strings[i];
		len += sample[nsample++].len;
	}
	if (!tsdb_fsst_train(sample, (size_t) nsample, &table, trainer))
		return 0;
	if ((dict->symbols = malloc(tsdb_fsst_encoder_size())) == NULL)
		abort();
	tsdb_fsst_encoder_init(&table, dict->symbols);
	len = tsdb_fsst_table_encode(&table, encoded);
	if (len + chunk_size(column, first, n, false) < plain)
		return len;
	free(dict->symbols);
	dict->symbols = NULL;
	return 0;
}


static size_t
tsdb_prepare(const Column *column)
{
	if (column->set == prepared)
		return dictionary_bytes + symbol_bytes;
	if (scratch == NULL)
	{
		scratch = reserve(tsdb_codec_scratch_size());
		out_values = reserve(CHUNK_ROWS * sizeof(int64_t));
		out_strings = reserve(CHUNK_ROWS * sizeof(TsdbBytes));
		out_codes = reserve(CHUNK_ROWS * sizeof(uint32_t));
		out_isnull = reserve(CHUNK_ROWS);
	}
	for (int i = 0; i < ndictionaries; i++)
	{
		free(dictionaries[i].values);
		free(dictionaries[i].strings);
		free(dictionaries[i].symbols);
	}
	free(dictionaries);
	free(codes);
	ndictionaries = (column->nrows + CHUNK_ROWS - 1) / CHUNK_ROWS;
	dictionaries = calloc((size_t) ndictionaries, sizeof(Dictionary));
	codes = calloc((size_t) column->nrows, sizeof(uint32_t));
	if (dictionaries == NULL || codes == NULL)
		abort();
	dictionary_bytes = 0;
	symbol_bytes = 0;
	if (column->set->kind == COLUMN_TEXT)
		reserve_text(column);
	for (int i = 0; i < ndictionaries; i++)
	{
		int			first = i * CHUNK_ROWS;
		int			n = column->nrows - first < CHUNK_ROWS ? column->nrows - first : CHUNK_ROWS;

		dictionary_bytes += make_dictionary(column, first, n, &dictionaries[i]);
		if (column->set->kind == COLUMN_TEXT && dictionaries[i].count == 0)
			symbol_bytes += make_symbols(column, first, n, &dictionaries[i]);
	}
	prepared = column->set;
	return dictionary_bytes + symbol_bytes;
}

/*-------------- blocks --------------*/

static size_t
tsdb_encode(const Piece *piece, uint8_t *out)
{
	return piece_dictionary(piece) != NULL ? encode_codes(piece, out) : encode_plain(piece, out);
}

static bool
decode_block(const Piece *piece, const uint8_t *in, size_t len, int at)
{
	const Dictionary *dict = piece_dictionary(piece);

	return dict != NULL ? decode_codes(piece, dict, in, len, at) : decode_plain(piece, in, len, at);
}

static bool
tsdb_decode(const Piece *piece, const uint8_t *in, size_t len)
{
	return decode_block(piece, in, len, 0);
}

static bool
numbers_match(const Piece *piece)
{
	for (int i = 0; i < piece->n; i++)
	{
		int			row = piece->first + i;

		if (out_isnull[i] != piece->column->isnull[row])
			return false;
		if (!out_isnull[i] && out_values[i] != piece->column->values[row])
			return false;
	}
	return true;
}

static bool
tsdb_matches(const Piece *piece)
{
	const Column *column = piece->column;
	const Dictionary *dict = piece_dictionary(piece);

	if (column->set->kind != COLUMN_TEXT)
		return numbers_match(piece);
	for (int i = 0; i < piece->n; i++)
	{
		int			row = piece->first + i;

		if (out_isnull[i] != column->isnull[row])
			return false;
		if (!out_isnull[i] &&
			compare_strings(dict != NULL ? &dict->strings[out_codes[i]] : &out_strings[i], &column->strings[row]) != 0)
			return false;
	}
	return true;
}

/*-------------- cold columns --------------*/

static uint8_t *plane_bytes[TSDB_MAX_PLANES];

/* Where the blocks of the chunk encoded last end; the chunk's directory tells that, so it is not counted. */
static size_t block_ends[CHUNK_BLOCKS];

/* The blocks of a chunk, back to back; with planes, or NULL: as if it were not cold. */
static size_t
encode_blocks(const Piece *piece, uint8_t *const *planes, int *nplanes, uint8_t *out)
{
	const bool *nulls = piece_nulls(piece);
	uint8_t    *to = out;

	for (int at = 0; at < piece->n; at += ROWS)
	{
		Piece		block = {piece->column, piece->first + at, piece->n - at < ROWS ? piece->n - at : ROWS, NULL, 0};
		uint8_t    *here[TSDB_MAX_PLANES];
		TsdbEncoding encoding;

		if (planes == NULL)
			to += tsdb_encode(&block, to);
		else
		{
			for (int p = 0; p < TSDB_MAX_PLANES; p++)
				here[p] = planes[p] + at;
			/* wrapper */
			to += tsdb_int_encode_cold(piece->column->values + block.first, nulls != NULL ? nulls + at : NULL,
									   block.n, TSDB_LANE_INT64, column_meaning(piece->column), here, nplanes,
									   to, &encoding, scratch);
		}
		block_ends[at / ROWS] = (size_t) (to - out);
	}
	return (size_t) (to - out);
}

/*
 * Blocks, then the packed planes if there are any.  As the chunk writer does it: not where there is a dictionary, and only
 * if it saves something.
 */
static size_t
cold_encode(const Piece *piece, uint8_t *out)
{
	static uint8_t *cold;
	size_t		hot_ends[CHUNK_BLOCKS];
	size_t		hot_len;
	size_t		cold_len;
	int			nplanes = 0;

	cold_text = true;
	hot_len = encode_blocks(piece, NULL, NULL, out);
	cold_text = false;
	if (piece_dictionary(piece) != NULL || piece->column->set->kind == COLUMN_TEXT)
		return hot_len;
	if (cold == NULL)
		cold = coder_buffer(CHUNK_ROWS * 32, 1088);
	for (int p = 0; p < TSDB_MAX_PLANES; p++)
	{
		if (plane_bytes[p] == NULL)
			plane_bytes[p] = reserve(CHUNK_ROWS);
		memset(plane_bytes[p], 0, (size_t) piece->n);
	}
	memcpy(hot_ends, block_ends, sizeof(hot_ends));
	cold_len = encode_blocks(piece, plane_bytes, &nplanes, cold);
	if (nplanes > 0)
		cold_len += tsdb_planes_pack((const uint8_t *const *) plane_bytes, nplanes, (uint32_t) piece->n, cold + cold_len);
	if (nplanes == 0 || cold_len + hot_len / COLD_MUST_SAVE > hot_len)
	{
		memcpy(block_ends, hot_ends, sizeof(hot_ends));
		return hot_len;
	}
	memcpy(out, cold, cold_len);
	return cold_len;
}

static bool
cold_decode(const Piece *piece, const uint8_t *in, size_t in_len)
{
	size_t		blocks_len = block_ends[(piece->n - 1) / ROWS];
	size_t		begin = 0;
	int			nplanes = 0;

	if (blocks_len < in_len)
	{
		nplanes = tsdb_planes_count(in + blocks_len, in_len - blocks_len, (uint32_t) piece->n);
		if (nplanes == 0 || !tsdb_planes_unpack(in + blocks_len, in_len - blocks_len, (uint32_t) piece->n, plane_bytes))
			return false;
	}
	for (int at = 0; at < piece->n; at += ROWS)
	{
		Piece		block = {piece->column, piece->first + at, piece->n - at < ROWS ? piece->n - at : ROWS, NULL, 0};
		size_t		len = block_ends[at / ROWS] - begin;
		const uint8_t *here[TSDB_MAX_PLANES];
		int			nnulls;

		for (int p = 0; p < nplanes; p++)
			here[p] = plane_bytes[p] + at;
		/* wrapper */
		if (nplanes > 0 ?
			!tsdb_int_decode_cold(in + begin, len, block.n, TSDB_LANE_INT64, here, nplanes,
								  out_values + at, out_isnull + at, &nnulls, scratch) :
			!decode_block(&block, in + begin, len, at))
			return false;
		begin += len;
	}
	return true;
}

/* symbols are for chunks that are not cold */
static size_t
cold_prepare(const Column *column)
{
	(void) tsdb_prepare(column);
	return dictionary_bytes;
}

unsigned
coder_fallbacks(void)
{
	return tsdb_codec_fallbacks(scratch);
}


int
coders_tsdb(Coder *list)
{
	static const char *const tier_names[] = {"baseline", "avx2", "avx512"};
	int			n = 0;

	for (int tier = TSDB_SIMD_BASELINE; tier <= TSDB_SIMD_AVX512; tier++)
	{
		Coder		coder = {"tsdb", tier, tier_names[tier], ROWS, tsdb_prepare, tsdb_encode, tsdb_decode, tsdb_matches};

		if (tsdb_simd_table((TsdbSimdTier) tier) != NULL)
			list[n++] = coder;
	}
	list[n] = list[n - 1];
	list[n].name = "tsdb cold";
	list[n].rows = CHUNK_ROWS;
	list[n].prepare = cold_prepare;
	list[n].encode = cold_encode;
	list[n].decode = cold_decode;
	return n + 1;
}
