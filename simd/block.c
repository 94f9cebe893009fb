/*-------------------------------------------------------------------------
 * block.c
 *	  Header and NULLs, which all encodings have in common, and their names.
 *-------------------------------------------------------------------------
 */
#include "codec_internal.h"

size_t
tsdb_codec_scratch_size(void)
{
	return sizeof(struct TsdbCodecScratch);
}

size_t
tsdb_block_bitmap_bytes(int n)
{
	return ((size_t) n + 63) / 64 * 8;
}

int
tsdb_block_count_nulls(const bool *isnull, int n)
{
	int			nnulls = 0;
	int			i;

	if (isnull == NULL)
		return 0;
	for (i = 0; i < n; i++)
		nnulls += isnull[i];
	return nnulls;
}

/* Runs of NULLs as they lie on disk, if they take less than "limit" bytes; returns the bytes, or 0. */
static size_t
runs_write(const uint64_t *nulls, int n, size_t limit, uint8_t *out)
{
	size_t		size = sizeof(uint16_t);
	uint16_t	nruns = 0;
	int			at = 0;

	for (;;)
	{
		uint16_t	run[2];
		int			first;
		uint64_t	word;

		/* the next NULL row, then the next that is not */
		word = at < n ? nulls[at / 64] >> (at % 64) << (at % 64) : 0;
		while (word == 0 && (at = (at / 64 + 1) * 64) < n)
			word = nulls[at / 64];
		if (word == 0)
			break;
		first = at / 64 * 64 + __builtin_ctzll(word);
		at = first;
		word = ~nulls[at / 64] >> (at % 64) << (at % 64);
		while (word == 0 && (at = (at / 64 + 1) * 64) < n)
			word = ~nulls[at / 64];
		at = word == 0 ? n : at / 64 * 64 + __builtin_ctzll(word);
		at = at < n ? at : n;

		if (size + sizeof(run) >= limit)
			return 0;
		run[0] = (uint16_t) first;
		run[1] = (uint16_t) (at - first);
		memcpy(out + size, run, sizeof(run));
		size += sizeof(run);
		nruns++;
	}
	memcpy(out, &nruns, sizeof(nruns));
	return size;
}

/* Takes runs of NULLs: bitmap nulls[], isnull[n].  Returns the number of NULL rows, or -1 if the bytes are no such runs. */
static int
runs_read(CodecCursor *in, int n, bool *isnull)
{
	const uint8_t *p = codec_take(in, sizeof(uint16_t));
	int			nruns;
	int			end = -1;
	int			nnulls = 0;
	int			i;

	if (p == NULL)
		return -1;
	nruns = codec_load16(p);
	if ((p = codec_take(in, (size_t) nruns * 4)) == NULL)
		return -1;
	memset(isnull, 0, (size_t) n);
	for (i = 0; i < nruns; i++)
	{
		int			first = codec_load16(p + (size_t) i * 4);
		int			rows = codec_load16(p + (size_t) i * 4 + 2);

		/* a row between two runs */
		if (first <= end || rows == 0 || first + rows > n)
			return -1;
		memset(isnull + first, 1, (size_t) rows);
		end = first + rows;
		nnulls += rows;
	}
	return nnulls;
}

static size_t
block_begin(uint8_t *out, TsdbBlockHeader *header, TsdbEncoding encoding,
			unsigned lane, const bool *isnull, int n, int nnulls, bool dense)
{
	size_t		size = sizeof(TsdbBlockHeader);

	assert(n >= 1 && n <= CODEC_ROWS);
	memset(header, 0, sizeof(*header));
	header->encoding = (uint8_t) encoding;
	header->lane = (uint8_t) lane;
	header->nrows = (uint16_t) n;
	header->nnulls = (uint16_t) nnulls;
	header->null_form = nnulls == 0 ? TSDB_NULLS_NONE : TSDB_NULLS_ALL;
	if (nnulls > 0 && nnulls < n)
	{
		uint64_t	nulls[CODEC_ROWS / 64];
		size_t		bytes = tsdb_block_bitmap_bytes(n);
		size_t		runs;

		tsdb_kernels->bitmap_from_bools(isnull, n, nulls);
		runs = runs_write(nulls, n, bytes, out + size);
		if (runs > 0)
			header->null_form = dense ? TSDB_NULLS_DENSE_RUNS : TSDB_NULLS_RUNS;
		else
		{
			header->null_form = dense ? TSDB_NULLS_DENSE : TSDB_NULLS_SOME;
			memcpy(out + size, nulls, bytes);
			runs = bytes;
		}
		size += runs;
	}
	memcpy(out, header, sizeof(*header));
	return size;
}

size_t
tsdb_block_begin(uint8_t *out, TsdbBlockHeader *header, TsdbEncoding encoding,
				 unsigned lane, const bool *isnull, int n, int nnulls)
{
	return block_begin(out, header, encoding, lane, isnull, n, nnulls, false);
}

size_t
tsdb_block_begin_dense(uint8_t *out, TsdbBlockHeader *header, TsdbEncoding encoding,
					   unsigned lane, const bool *isnull, int n, int nnulls)
{
	return block_begin(out, header, encoding, lane, isnull, n, nnulls, true);
}

/* Takes a bitmap of NULLs: isnull[n].  Returns the number of bits set, or -1 if one is set from n on. */
static int
bitmap_read(CodecCursor *in, int n, bool *isnull)
{
	uint64_t	nulls[CODEC_ROWS / 64];
	size_t		bytes = tsdb_block_bitmap_bytes(n);
	const uint8_t *p = codec_take(in, bytes);

	if (p == NULL)
		return -1;
	memcpy(nulls, p, bytes);
	if (n % 64 != 0 && nulls[n / 64] >> (n % 64) != 0)
		return -1;
	tsdb_kernels->bitmap_to_bools(nulls, n, isnull);
	return tsdb_kernels->bitmap_count(nulls, n);
}

/* Takes the header; false if its fields do not agree with each other, n and lane. */
static bool
open_header(CodecCursor *in, int n, unsigned lane, TsdbBlockHeader *header)
{
	static const TsdbPayloadHeader none = {0};
	const uint8_t *p = codec_take(in, sizeof(TsdbBlockHeader));

	if (p == NULL)
		return false;
	memcpy(header, p, sizeof(*header));
	if (n < 1 || n > CODEC_ROWS || header->nrows != n || header->lane != lane)
		return false;

	/* a block is of encoding NULL if and only if all its rows are */
	if ((header->encoding == TSDB_ENC_NULL) != (header->null_form == TSDB_NULLS_ALL))
		return false;
	if (header->null_form == TSDB_NULLS_NONE)
		return header->nnulls == 0;
	if (header->null_form == TSDB_NULLS_ALL)
		return header->nnulls == n && header->param == 0 && memcmp(&header->p, &none, sizeof(none)) == 0;
	return header->null_form <= TSDB_NULLS_DENSE_RUNS && header->nnulls > 0 && header->nnulls < n;
}

bool
tsdb_block_open(CodecCursor *in, int n, unsigned lane, TsdbBlockHeader *header,
				bool *isnull, int *nnulls)
{
	if (!open_header(in, n, lane, header))
		return false;
	*nnulls = header->nnulls;
	switch (header->null_form)
	{
		case TSDB_NULLS_NONE:
		case TSDB_NULLS_ALL:
			memset(isnull, header->null_form == TSDB_NULLS_ALL, (size_t) n);
			return true;
		case TSDB_NULLS_SOME:
		case TSDB_NULLS_DENSE:
			return bitmap_read(in, n, isnull) == header->nnulls;
		default:
			return runs_read(in, n, isnull) == header->nnulls;
	}
}

/* Where a row stands among NULLs. */
typedef struct NullPlace
{
	int			row;
	bool		isnull;
	int			before;			/* NULL rows before it */
} NullPlace;

/* As bitmap_read, but tells of one row. */
static int
bitmap_find(CodecCursor *in, int n, NullPlace *place)
{
	uint64_t	nulls[CODEC_ROWS / 64];
	size_t		bytes = tsdb_block_bitmap_bytes(n);
	const uint8_t *p = codec_take(in, bytes);

	if (p == NULL)
		return -1;
	memcpy(nulls, p, bytes);
	if (n % 64 != 0 && nulls[n / 64] >> (n % 64) != 0)
		return -1;
	place->isnull = (nulls[place->row / 64] >> (place->row % 64) & 1) != 0;
	place->before = place->row == 0 ? 0 : tsdb_kernels->bitmap_count(nulls, place->row);
	return tsdb_kernels->bitmap_count(nulls, n);
}

/* As runs_read, but tells of one row. */
static int
runs_find(CodecCursor *in, int n, NullPlace *place)
{
	const uint8_t *p = codec_take(in, sizeof(uint16_t));
	int			nruns;
	int			end = -1;
	int			nnulls = 0;
	int			i;

	if (p == NULL)
		return -1;
	nruns = codec_load16(p);
	if ((p = codec_take(in, (size_t) nruns * 4)) == NULL)
		return -1;
	place->isnull = false;
	place->before = 0;
	for (i = 0; i < nruns; i++)
	{
		int			first = codec_load16(p + (size_t) i * 4);
		int			rows = codec_load16(p + (size_t) i * 4 + 2);

		if (first <= end || rows == 0 || first + rows > n)
			return -1;
		end = first + rows;
		nnulls += rows;
		if (end <= place->row)
			place->before = nnulls;
		else if (first <= place->row)
		{
			place->isnull = true;
			place->before = nnulls - rows + place->row - first;
		}
	}
	return nnulls;
}

bool
tsdb_block_open_at(CodecCursor *in, int n, unsigned lane, TsdbBlockHeader *header,
				   int row, int *slot, bool *isnull, int *nnulls)
{
	NullPlace	place = {row, false, 0};

	assert(row >= 0 && row < n);
	if (!open_header(in, n, lane, header))
		return false;
	switch (header->null_form)
	{
		case TSDB_NULLS_NONE:
			break;
		case TSDB_NULLS_ALL:
			place.isnull = true;
			break;
		case TSDB_NULLS_SOME:
		case TSDB_NULLS_DENSE:
			if (bitmap_find(in, n, &place) != header->nnulls)
				return false;
			break;
		default:
			if (runs_find(in, n, &place) != header->nnulls)
				return false;
			break;
	}
	*slot = tsdb_block_is_dense(header) ? row - place.before : row;
	*isnull = place.isnull;
	*nnulls = header->nnulls;
	return true;
}

void
tsdb_block_fill_nulls(const int64_t *values, const bool *isnull, int n, int64_t *filled)
{
	int64_t		last = 0;
	int			i;

	for (i = 0; i < n; i++)
		if (!isnull[i])
		{
			last = values[i];
			break;
		}
	for (i = 0; i < n; i++)
	{
		last = isnull[i] ? last : values[i];
		filled[i] = last;
	}
}

void
tsdb_block_zero_nulls(int64_t *values, const bool *isnull, int n)
{
	int			i;

	for (i = 0; i < n; i++)
		values[i] &= (int64_t) isnull[i] - 1;
}

unsigned
tsdb_codec_fallbacks(const TsdbCodecScratch *scratch)
{
	return scratch->nfallbacks;
}

unsigned
tsdb_log2_fixed(unsigned x)
{
	unsigned	result = 31 - (unsigned) __builtin_clz(x);
	uint64_t	m = (uint64_t) x << (31 - result);	/* 1 <= m / 2^31 < 2 */
	int			i;

	for (i = 0; i < 8; i++)
	{
		m = (m * m) >> 31;
		result <<= 1;
		if (m >> 32)
		{
			m >>= 1;
			result |= 1;
		}
	}
	return result;
}

TsdbEncoding
tsdb_block_encoding(const uint8_t *in, size_t len)
{
	if (len < sizeof(TsdbBlockHeader) || in[0] >= TSDB_NENCODINGS)
		return TSDB_ENC_NULL;
	return (TsdbEncoding) in[0];
}

const char *
tsdb_encoding_name(TsdbEncoding encoding)
{
	switch (encoding)
	{
		case TSDB_ENC_NULL:
			return "null";
		case TSDB_ENC_CONST:
			return "const";
		case TSDB_ENC_RLE:
			return "rle";
		case TSDB_ENC_FOR:
			return "for";
		case TSDB_ENC_DELTA:
			return "delta";
		case TSDB_ENC_RAW:
			return "raw";
		case TSDB_ENC_DICT:
			return "dict";
		case TSDB_ENC_BYTES:
			return "bytes";
		case TSDB_ENC_DECIMAL:
			return "decimal";
		case TSDB_ENC_LINEAR:
			return "linear";
		case TSDB_ENC_PLANES:
			return "planes";
		case TSDB_ENC_FLOAT32:
			return "float32";
		case TSDB_ENC_REAL:
			return "real";
		case TSDB_ENC_FSST:
			return "fsst";
		case TSDB_ENC_ZSTD:
			return "zstd";
		case TSDB_ENC_LZ4:
			return "lz4";
		case TSDB_ENC_STREAMS:
			return "streams";
	}
	return "unknown";
}
