/*-------------------------------------------------------------------------
 * bytes_codec.c
 *	  Blocks of strings: plain, or as codes into the column's dictionary.
 *
 * Lengths and codes are integer payloads of lane INT32.  A length above INT32_MAX cannot
 * be written.
 *-------------------------------------------------------------------------
 */
#include "codec_internal.h"

#define LENGTH_LANE		4

size_t
tsdb_bytes_bound(int n, size_t total_len)
{
	return sizeof(TsdbBlockHeader) + tsdb_block_bitmap_bytes(n) + (size_t) n * LENGTH_LANE +
		sizeof(uint64_t) + total_len;
}

static bool
same_bytes(const TsdbBytes *a, const TsdbBytes *b)
{
	return a->len == b->len && (a->len == 0 || memcmp(a->data, b->data, a->len) == 0);
}

/* All equal that are not NULL: writes CONST and returns its bytes, else returns 0. */
static size_t
encode_const(const TsdbBytes *values, const bool *isnull, int n, int nnulls, uint8_t *out)
{
	TsdbBlockHeader header;
	const TsdbBytes *first = NULL;
	size_t		size;
	int			i;

	for (i = 0; i < n; i++)
	{
		if (isnull != NULL && isnull[i])
			continue;
		if (first == NULL)
			first = &values[i];
		else if (!same_bytes(first, &values[i]))
			return 0;
	}
	size = tsdb_block_begin(out, &header, TSDB_ENC_CONST, 0, isnull, n, nnulls);
	memcpy(out + size, &first->len, sizeof(uint32_t));
	size += sizeof(uint32_t);
	if (first->len > 0)
		memcpy(out + size, first->data, first->len);
	return size + first->len;
}

/* ints[n] as an integer payload behind header and bitmap; returns the bytes so far. */
static size_t
encode_ints(TsdbEncoding encoding, const int64_t *ints, const bool *isnull, int n, int nnulls,
			bool raw, uint8_t *out, TsdbCodecScratch *scratch)
{
	TsdbBlockHeader header;
	PayloadPlan plan;
	size_t		size;

	if (raw)
		tsdb_payload_plan_raw(n, LENGTH_LANE, &plan);
	else
		tsdb_payload_plan(ints, n, LENGTH_LANE, &plan, scratch);
	size = tsdb_block_begin(out, &header, encoding, 0, isnull, n, nnulls);
	size += tsdb_payload_write(ints, n, LENGTH_LANE, &plan, out + size, &header, scratch);
	memcpy(out, &header, sizeof(header));
	return size;
}

/* Whether header, bitmap and payload decode to ints[n] and isnull[n]. */
static bool
verify_ints(const uint8_t *block, size_t size, const int64_t *ints, const bool *isnull, int n,
			TsdbCodecScratch *scratch)
{
	CodecCursor cursor = {block, size};
	TsdbBlockHeader header;
	int			nnulls;

	return tsdb_block_open(&cursor, n, 0, &header, scratch->check_null, &nnulls) &&
		(isnull == NULL ? nnulls == 0 : memcmp(isnull, scratch->check_null, (size_t) n) == 0) &&
		tsdb_payload_read(&cursor, &header, n, LENGTH_LANE, scratch->check, scratch) &&
		memcmp(ints, scratch->check, (size_t) n * sizeof(int64_t)) == 0;
}

static size_t
encode_null(const bool *isnull, int n, uint8_t *out, TsdbEncoding *encoding)
{
	TsdbBlockHeader header;

	*encoding = TSDB_ENC_NULL;
	return tsdb_block_begin(out, &header, TSDB_ENC_NULL, 0, isnull, n, n);
}

size_t
tsdb_bytes_encode(const TsdbBytes *values, const bool *isnull, int n,
				  uint8_t *out, TsdbEncoding *encoding, TsdbCodecScratch *scratch)
{
	int			nnulls = tsdb_block_count_nulls(isnull, n);
	int64_t    *lengths = scratch->ints;
	size_t		size;
	int			i;

	assert(n >= 1 && n <= CODEC_ROWS);
	if (nnulls == n)
		return encode_null(isnull, n, out, encoding);
	size = encode_const(values, isnull, n, nnulls, out);
	if (size > 0)
	{
		*encoding = TSDB_ENC_CONST;
		return size;
	}

	for (i = 0; i < n; i++)
		lengths[i] = values[i].len;
	if (nnulls > 0)
		tsdb_block_fill_nulls(lengths, isnull, n, lengths);
	size = encode_ints(TSDB_ENC_BYTES, lengths, isnull, n, nnulls, false, out, scratch);
	if (!verify_ints(out, size, lengths, isnull, n, scratch))
	{
		scratch->nfallbacks++;
		size = encode_ints(TSDB_ENC_BYTES, lengths, isnull, n, nnulls, true, out, scratch);
	}
	for (i = 0; i < n; i++)
		if ((isnull == NULL || !isnull[i]) && values[i].len > 0)
		{
			memcpy(out + size, values[i].data, values[i].len);
			size += values[i].len;
		}
	*encoding = TSDB_ENC_BYTES;
	return size;
}

bool
tsdb_bytes_decode(const uint8_t *in, size_t len, int n,
				  TsdbBytes *values, bool *isnull, int *nnulls, TsdbCodecScratch *scratch)
{
	CodecCursor cursor = {in, len};
	TsdbBlockHeader header;
	const int64_t *lengths = scratch->ints;
	const uint8_t *p;
	uint32_t	one;
	int			i;

	if (!tsdb_block_open(&cursor, n, 0, &header, isnull, nnulls) ||
		header.scale != 0 || header.nexceptions != 0)
		return false;
	switch (header.encoding)
	{
		case TSDB_ENC_NULL:
			for (i = 0; i < n; i++)
			{
				values[i].data = NULL;
				values[i].len = 0;
			}
			return true;

		case TSDB_ENC_CONST:
			if (header.payload != 0 || (p = codec_take(&cursor, sizeof(uint32_t))) == NULL)
				return false;
			one = codec_load32(p);
			if ((p = codec_take(&cursor, one)) == NULL)
				return false;
			for (i = 0; i < n; i++)
			{
				values[i].data = isnull[i] ? NULL : p;
				values[i].len = isnull[i] ? 0 : one;
			}
			return true;

		case TSDB_ENC_BYTES:
			if (!tsdb_payload_read(&cursor, &header, n, LENGTH_LANE, scratch->ints, scratch))
				return false;
			for (i = 0; i < n; i++)
			{
				if (isnull[i])
				{
					values[i].data = NULL;
					values[i].len = 0;
					continue;
				}
				/* a negative length is larger than anything */
				if ((values[i].data = codec_take(&cursor, (size_t) lengths[i])) == NULL)
					return false;
				values[i].len = (uint32_t) lengths[i];
			}
			return true;

		default:
			return false;
	}
}

size_t
tsdb_codes_bound(int n)
{
	return tsdb_bytes_bound(n, 0);
}

size_t
tsdb_codes_encode(const uint32_t *codes, const bool *isnull, int n,
				  uint8_t *out, TsdbEncoding *encoding, TsdbCodecScratch *scratch)
{
	int			nnulls = tsdb_block_count_nulls(isnull, n);
	int64_t    *ints = scratch->ints;
	size_t		size;
	int			i;

	assert(n >= 1 && n <= CODEC_ROWS);
	if (nnulls == n)
		return encode_null(isnull, n, out, encoding);

	/* a lane of 32 bits: codes from 2^31 on go as negative numbers */
	for (i = 0; i < n; i++)
		ints[i] = (int32_t) codes[i];
	if (nnulls > 0)
		tsdb_block_fill_nulls(ints, isnull, n, ints);
	size = encode_ints(TSDB_ENC_DICT, ints, isnull, n, nnulls, false, out, scratch);
	if (!verify_ints(out, size, ints, isnull, n, scratch))
	{
		scratch->nfallbacks++;
		size = encode_ints(TSDB_ENC_DICT, ints, isnull, n, nnulls, true, out, scratch);
	}
	*encoding = TSDB_ENC_DICT;
	return size;
}

bool
tsdb_codes_decode(const uint8_t *in, size_t len, int n, uint32_t dict_count,
				  uint32_t *codes, bool *isnull, int *nnulls, TsdbCodecScratch *scratch)
{
	CodecCursor cursor = {in, len};
	TsdbBlockHeader header;
	uint64_t	beyond = 0;
	int			i;

	if (!tsdb_block_open(&cursor, n, 0, &header, isnull, nnulls) ||
		header.scale != 0 || header.nexceptions != 0)
		return false;
	if (header.encoding == TSDB_ENC_NULL)
	{
		memset(codes, 0, (size_t) n * sizeof(uint32_t));
		return true;
	}
	if (header.encoding != TSDB_ENC_DICT ||
		!tsdb_payload_read(&cursor, &header, n, LENGTH_LANE, scratch->ints, scratch))
		return false;
	if (header.null_form == TSDB_NULLS_SOME)
		tsdb_block_zero_nulls(scratch->ints, isnull, n);

	/* beyond: the borrow of count - 1 - code; an empty dictionary fits no block but NULL */
	for (i = 0; i < n; i++)
	{
		uint64_t	code = (uint64_t) scratch->ints[i] & UINT32_MAX;

		codes[i] = (uint32_t) code;
		beyond |= (uint64_t) dict_count - 1 - code;
	}
	return beyond >> 63 == 0;
}
