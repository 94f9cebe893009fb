/*-------------------------------------------------------------------------
 * block.c
 *	  Header and NULL bitmap, which all encodings have in common, and their names.
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

static void
bitmap_write(const bool *isnull, int n, uint8_t *out)
{
	int			i = 0;

	memset(out, 0, tsdb_block_bitmap_bytes(n));
	/* eight bools to eight bits: the product brings bit 8k to bit 56 + k */
	for (; i + 8 <= n; i += 8)
		out[i / 8] = (uint8_t) ((codec_load64(isnull + i) * UINT64_C(0x0102040810204080)) >> 56);
	for (; i < n; i++)
		out[i / 8] |= (uint8_t) (isnull[i] << (i % 8));
}

/* Writes isnull[n]; returns the number of bits set, or -1 if one is set from n on. */
static int
bitmap_read(const uint8_t *in, int n, bool *isnull)
{
	size_t		bytes = tsdb_block_bitmap_bytes(n);
	int			nnulls = 0;
	size_t		w;
	int			i = 0;

	for (w = 0; w < bytes; w += 8)
		nnulls += __builtin_popcountll(codec_load64(in + w));
	if (n % 64 != 0 && codec_load64(in + bytes - 8) >> (n % 64) != 0)
		return -1;

	/* one bit to each byte, then anything but zero to 1; no carry leaves a byte */
	for (; i + 8 <= n; i += 8)
	{
		uint64_t	x = in[i / 8] * UINT64_C(0x0101010101010101) & UINT64_C(0x8040201008040201);

		x = ((x + UINT64_C(0x7F7F7F7F7F7F7F7F)) >> 7) & UINT64_C(0x0101010101010101);
		codec_store64(isnull + i, x);
	}
	for (; i < n; i++)
		isnull[i] = (in[i / 8] >> (i % 8)) & 1;
	return nnulls;
}

size_t
tsdb_block_begin(uint8_t *out, TsdbBlockHeader *header, TsdbEncoding encoding,
				 unsigned lane, const bool *isnull, int n, int nnulls)
{
	size_t		size = sizeof(TsdbBlockHeader);

	assert(n >= 1 && n <= CODEC_ROWS);
	memset(header, 0, sizeof(*header));
	header->encoding = (uint8_t) encoding;
	header->lane = (uint8_t) lane;
	header->nrows = (uint16_t) n;
	header->nnulls = (uint16_t) nnulls;
	header->null_form = nnulls == 0 ? TSDB_NULLS_NONE : nnulls == n ? TSDB_NULLS_ALL : TSDB_NULLS_SOME;
	if (header->null_form == TSDB_NULLS_SOME)
	{
		bitmap_write(isnull, n, out + size);
		size += tsdb_block_bitmap_bytes(n);
	}
	memcpy(out, header, sizeof(*header));
	return size;
}

bool
tsdb_block_open(CodecCursor *in, int n, unsigned lane, TsdbBlockHeader *header,
				bool *isnull, int *nnulls)
{
	const uint8_t *p = codec_take(in, sizeof(TsdbBlockHeader));

	if (p == NULL)
		return false;
	memcpy(header, p, sizeof(*header));
	if (n < 1 || n > CODEC_ROWS || header->nrows != n || header->lane != lane)
		return false;
	*nnulls = header->nnulls;

	/* a block is of encoding NULL if and only if all its rows are */
	if ((header->encoding == TSDB_ENC_NULL) != (header->null_form == TSDB_NULLS_ALL))
		return false;
	switch (header->null_form)
	{
		case TSDB_NULLS_NONE:
			memset(isnull, 0, (size_t) n);
			return header->nnulls == 0;
		case TSDB_NULLS_ALL:
			memset(isnull, 1, (size_t) n);
			return header->nnulls == n && header->payload == 0;
		case TSDB_NULLS_SOME:
			p = codec_take(in, tsdb_block_bitmap_bytes(n));
			if (p == NULL || header->nnulls == 0 || header->nnulls >= n)
				return false;
			return bitmap_read(p, n, isnull) == header->nnulls;
		default:
			return false;
	}
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

TsdbEncoding
tsdb_block_encoding(const uint8_t *in, size_t len)
{
	if (len < sizeof(TsdbBlockHeader) || in[0] > TSDB_ENC_DECIMAL)
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
	}
	return "unknown";
}
