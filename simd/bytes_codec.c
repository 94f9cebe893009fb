/*-------------------------------------------------------------------------
 * bytes_codec.c
 *	  Blocks of strings: plain, compressed, or as codes into the column's dictionary.
 *
 * Lengths and codes are integer payloads of lane INT32.  A length above INT32_MAX cannot
 * be written.
 *-------------------------------------------------------------------------
 */
#include "bytes_codec.h"

#include "codec_internal.h"
#include "frames.h"

#define LENGTH_LANE		4

/* Compressed blocks: raw bytes and stored bytes, before the payload. */
#define COMPRESSED_FIXED	(2 * sizeof(uint32_t))

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
	assert(first != NULL);
	size = tsdb_block_begin(out, &header, TSDB_ENC_CONST, 0, isnull, n, nnulls);
	memcpy(out + size, &first->len, sizeof(uint32_t));
	size += sizeof(uint32_t);
	if (first->len > 0)
		memcpy(out + size, first->data, first->len);
	return size + first->len;
}

/*
 * ints[n] as an integer payload, as planned, behind header and NULLs; returns the bytes so far.  fixed: NULL, or set to
 * COMPRESSED_FIXED bytes before the payload, which are the caller's.
 */
static size_t
write_ints(TsdbEncoding encoding, const int64_t *ints, const bool *isnull, int n, int nnulls,
		   const PayloadPlan *plan, uint8_t **fixed, uint8_t *const *planes, uint8_t *out, TsdbCodecScratch *scratch)
{
	TsdbBlockHeader header;
	size_t		size = tsdb_block_begin(out, &header, encoding, 0, isnull, n, nnulls);

	if (fixed != NULL)
	{
		*fixed = out + size;
		size += COMPRESSED_FIXED;
	}
	size += tsdb_payload_write(ints, n, LENGTH_LANE, plan, out + size, &header.p, planes, scratch);
	memcpy(out, &header, sizeof(header));
	return size;
}

/* Whether header, NULLs and payload decode to ints[n] and isnull[n]. */
static bool
verify_ints(const uint8_t *block, size_t size, const int64_t *ints, const bool *isnull, int n,
			uint8_t *const *planes, TsdbCodecScratch *scratch)
{
	CodecCursor cursor = {block, size, (const uint8_t *const *) planes, planes == NULL ? 0 : TSDB_MAX_PLANES};
	TsdbBlockHeader header;
	int			nnulls;

	return tsdb_block_open(&cursor, n, 0, &header, scratch->check_null, &nnulls) &&
		(isnull == NULL ? nnulls == 0 : memcmp(isnull, scratch->check_null, (size_t) n) == 0) &&
		tsdb_payload_read(&cursor, &header.p, n, LENGTH_LANE, scratch->check, scratch) &&
		memcmp(ints, scratch->check, (size_t) n * sizeof(int64_t)) == 0;
}

/* A block, so far, of ints[n] that is known to decode. */
static size_t
encode_ints(TsdbEncoding encoding, const int64_t *ints, const bool *isnull, int n, int nnulls,
			uint8_t *const *planes, uint8_t *out, TsdbCodecScratch *scratch)
{
	PayloadPlan plan;
	size_t		size;

	tsdb_payload_plan(ints, n, LENGTH_LANE, planes != NULL, &plan, scratch);
	size = write_ints(encoding, ints, isnull, n, nnulls, &plan, NULL, planes, out, scratch);
	if (!verify_ints(out, size, ints, isnull, n, planes, scratch))
	{
		int			p;

		for (p = 0; planes != NULL && p < TSDB_MAX_PLANES; p++)
			memset(planes[p], 0, (size_t) n);
		scratch->nfallbacks++;
		tsdb_payload_plan_raw(n, LENGTH_LANE, &plan);
		size = write_ints(encoding, ints, isnull, n, nnulls, &plan, NULL, planes, out, scratch);
	}
	return size;
}

static size_t
encode_null(const bool *isnull, int n, uint8_t *out, TsdbEncoding *encoding)
{
	TsdbBlockHeader header;

	*encoding = TSDB_ENC_NULL;
	return tsdb_block_begin(out, &header, TSDB_ENC_NULL, 0, isnull, n, n);
}

/* All NULL, or all equal that are not: writes NULL or CONST and returns the bytes, else returns 0. */
static size_t
encode_simple(const TsdbBytes *values, const bool *isnull, int n, int nnulls,
			  uint8_t *out, TsdbEncoding *encoding)
{
	assert(n >= 1 && n <= CODEC_ROWS);
	if (nnulls == n)
		return encode_null(isnull, n, out, encoding);
	*encoding = TSDB_ENC_CONST;
	return encode_const(values, isnull, n, nnulls, out);
}

static inline bool
is_null(const bool *isnull, int i)
{
	return isnull != NULL && isnull[i];
}

static void
fill_lengths(const TsdbBytes *values, const bool *isnull, int n, int nnulls, int64_t *lengths)
{
	int			i;

	for (i = 0; i < n; i++)
		lengths[i] = values[i].len;
	if (nnulls > 0)
		tsdb_block_fill_nulls(lengths, isnull, n, lengths);
}

/* Copies the strings back to back; returns the bytes. */
static size_t
join_strings(const TsdbBytes *values, const bool *isnull, int n, uint8_t *out)
{
	size_t		size = 0;
	int			i;

	for (i = 0; i < n; i++)
		if (!is_null(isnull, i) && values[i].len > 0)
		{
			memcpy(out + size, values[i].data, values[i].len);
			size += values[i].len;
		}
	return size;
}

static size_t
encode_plain(const TsdbBytes *values, const bool *isnull, int n, int nnulls,
			 uint8_t *out, TsdbEncoding *encoding, TsdbCodecScratch *scratch)
{
	int64_t    *lengths = scratch->ints;
	size_t		size;

	fill_lengths(values, isnull, n, nnulls, lengths);
	size = encode_ints(TSDB_ENC_BYTES, lengths, isnull, n, nnulls, NULL, out, scratch);
	*encoding = TSDB_ENC_BYTES;
	return size + join_strings(values, isnull, n, out + size);
}

size_t
tsdb_bytes_encode(const TsdbBytes *values, const bool *isnull, int n,
				  uint8_t *out, TsdbEncoding *encoding, TsdbCodecScratch *scratch)
{
	int			nnulls = tsdb_block_count_nulls(isnull, n);
	size_t		size = encode_simple(values, isnull, n, nnulls, out, encoding);

	return size > 0 ? size : encode_plain(values, isnull, n, nnulls, out, encoding, scratch);
}

/* Takes header and NULLs of a block of strings or codes. */
static bool
open_strings(CodecCursor *cursor, int n, TsdbBlockHeader *header, bool *isnull, int *nnulls)
{
	return tsdb_block_open(cursor, n, 0, header, isnull, nnulls) &&
		header->param == 0 && header->p.nexceptions == 0 && !tsdb_block_is_dense(header);
}

/* strings[n], taken one after the other by their lengths; false: there are not so many bytes. */
static bool
cut_strings(CodecCursor *bytes, const int64_t *lengths, const bool *isnull, int n, TsdbBytes *strings)
{
	int			i;

	for (i = 0; i < n; i++)
	{
		if (isnull[i])
		{
			strings[i].data = NULL;
			strings[i].len = 0;
			continue;
		}
		/* a negative length is larger than anything */
		if ((strings[i].data = codec_take(bytes, (size_t) lengths[i])) == NULL)
			return false;
		strings[i].len = (uint32_t) lengths[i];
	}
	return true;
}

bool
tsdb_bytes_decode(const uint8_t *in, size_t len, int n,
				  TsdbBytes *values, bool *isnull, int *nnulls, TsdbCodecScratch *scratch)
{
	CodecCursor cursor = {in, len, NULL, 0};
	TsdbBlockHeader header;
	const uint8_t *p;
	uint32_t	one;
	int			i;

	if (!open_strings(&cursor, n, &header, isnull, nnulls))
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
			if (header.p.payload != 0 || (p = codec_take(&cursor, sizeof(uint32_t))) == NULL)
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
			return tsdb_payload_read(&cursor, &header.p, n, LENGTH_LANE, scratch->ints, scratch) &&
				cut_strings(&cursor, scratch->ints, isnull, n, values);

		default:
			return false;
	}
}

/*-------------- compressed --------------*/

/* Parts of work: memory to compress in, strings that the verifying decode gives. */
#define WORK_STRINGS		(CODEC_ROWS * sizeof(TsdbBytes))

size_t
tsdb_bytes_work_size(size_t total_len)
{
	/* compressed with FSST, or joined and decompressed */
	return WORK_STRINGS + tsdb_fsst_bound(total_len);
}

/* Largest number of raw bytes that a block of n rows may have. */
static size_t
max_raw(int n)
{
	size_t		limit = (size_t) n * TSDB_BYTES_MAX_VALUE;

	return limit < TSDB_BYTES_MAX_RAW ? limit : TSDB_BYTES_MAX_RAW;
}

/* Compresses into work; lengths become those of the compressed strings.  Returns the bytes. */
static size_t
compress_fsst(const TsdbFsstEncoder *fsst, const TsdbBytes *values, const bool *isnull, int n,
			  int64_t *lengths, uint8_t *work)
{
	size_t		size = 0;
	int			i;

	for (i = 0; i < n; i++)
	{
		size_t		len = 0;

		if (!is_null(isnull, i))
			len = tsdb_fsst_compress(fsst, values[i].data, values[i].len, work + size);
		lengths[i] = (int64_t) len;
		size += len;
	}
	return size;
}

static void
put_fixed(uint8_t *fixed, size_t raw, size_t stored)
{
	uint32_t	both[2];

	both[0] = (uint32_t) raw;
	both[1] = (uint32_t) stored;
	memcpy(fixed, both, COMPRESSED_FIXED);
}

/* A block of FSST, or 0 if that is not smaller than BYTES. */
static size_t
encode_fsst(const TsdbBytes *values, const bool *isnull, int n, int nnulls, size_t total,
			const TsdbFsstEncoder *fsst, uint8_t *out, uint8_t *work, TsdbCodecScratch *scratch)
{
	int64_t    *lengths = scratch->ints;
	PayloadPlan plain;
	PayloadPlan plan;
	uint8_t    *fixed;
	size_t		stored;
	size_t		size;

	tsdb_payload_plan(lengths, n, LENGTH_LANE, false, &plain, scratch);
	stored = compress_fsst(fsst, values, isnull, n, lengths, work);
	if (COMPRESSED_FIXED + stored >= plain.size + total)
		return 0;
	if (nnulls > 0)
		tsdb_block_fill_nulls(lengths, isnull, n, lengths);
	tsdb_payload_plan(lengths, n, LENGTH_LANE, false, &plan, scratch);
	if (COMPRESSED_FIXED + plan.size + stored >= plain.size + total)
		return 0;
	size = write_ints(TSDB_ENC_FSST, lengths, isnull, n, nnulls, &plan, &fixed, NULL, out, scratch);
	memcpy(out + size, work, stored);
	put_fixed(fixed, total, stored);
	return size + stored;
}

/* The same for a general compressor. */
static size_t
encode_joined(const TsdbBytes *values, const bool *isnull, int n, int nnulls, size_t total,
			  const TsdbBytesMethod *method, uint8_t *out, uint8_t *work, TsdbCodecScratch *scratch)
{
	PayloadPlan plan;
	uint8_t    *fixed;
	size_t		size;
	size_t		stored;
	size_t		capacity;

	if (total <= COMPRESSED_FIXED + 1)
		return 0;
	capacity = total - COMPRESSED_FIXED - 1;
	tsdb_payload_plan(scratch->ints, n, LENGTH_LANE, false, &plan, scratch);
	size = write_ints(method->encoding, scratch->ints, isnull, n, nnulls, &plan, &fixed, NULL, out, scratch);
	join_strings(values, isnull, n, work);
	if (method->encoding == TSDB_ENC_ZSTD)
		stored = tsdb_frame_zstd_pack(method->context, method->level, work, total, out + size, capacity);
	else
		stored = tsdb_frame_lz4_pack(method->context, work, total, out + size, capacity);
	put_fixed(fixed, total, stored);
	return stored == 0 ? 0 : size + stored;
}

/* Whether the block gives these strings. */
static bool
verify_strings(const uint8_t *block, size_t size, const TsdbBytes *values, const bool *isnull, int n,
			   size_t total, const TsdbBytesMethod *method, void *work, TsdbCodecScratch *scratch)
{
	const TsdbFsstTable *table = method->encoding == TSDB_ENC_FSST ? tsdb_fsst_encoder_table(method->fsst) : NULL;
	TsdbBytes  *strings = work;
	uint8_t    *bytes = (uint8_t *) work + WORK_STRINGS;
	size_t		bytes_needed;
	int			nnulls;
	int			i;

	if (!tsdb_bytes_decoded_size(block, size, n, &bytes_needed) || bytes_needed != total ||
		!tsdb_bytes_decode_with(block, size, n, table, bytes, total, strings, scratch->check_null, &nnulls,
								method->context, scratch))
		return false;
	for (i = 0; i < n; i++)
		if (scratch->check_null[i] != is_null(isnull, i) ||
			(!is_null(isnull, i) && !same_bytes(&values[i], &strings[i])))
			return false;
	return true;
}

size_t
tsdb_bytes_encode_with(const TsdbBytes *values, const bool *isnull, int n, const TsdbBytesMethod *method,
					   uint8_t *out, void *work, TsdbEncoding *encoding, TsdbCodecScratch *scratch)
{
	int			nnulls = tsdb_block_count_nulls(isnull, n);
	size_t		size = encode_simple(values, isnull, n, nnulls, out, encoding);
	uint8_t    *bytes = (uint8_t *) work + WORK_STRINGS;
	size_t		total = 0;
	int			i;

	if (size > 0)
		return size;
	for (i = 0; i < n; i++)
		total += is_null(isnull, i) ? 0 : values[i].len;
	if (method->encoding != TSDB_ENC_BYTES && total > 0 && total <= max_raw(n))
	{
		fill_lengths(values, isnull, n, nnulls, scratch->ints);
		if (method->encoding == TSDB_ENC_FSST)
			size = encode_fsst(values, isnull, n, nnulls, total, method->fsst, out, bytes, scratch);
		else
			size = encode_joined(values, isnull, n, nnulls, total, method, out, bytes, scratch);
		if (size > 0)
		{
			if (verify_strings(out, size, values, isnull, n, total, method, work, scratch))
			{
				*encoding = method->encoding;
				return size;
			}
			scratch->nfallbacks++;
		}
	}
	return encode_plain(values, isnull, n, nnulls, out, encoding, scratch);
}

/* Takes header and NULLs, raw and stored bytes; checks all that can be checked without the strings. */
static bool
open_compressed(CodecCursor *cursor, int n, TsdbBlockHeader *header, bool *isnull, int *nnulls,
				size_t *raw, size_t *stored)
{
	const uint8_t *p;

	if (!open_strings(cursor, n, header, isnull, nnulls))
		return false;
	*raw = *stored = 0;
	if (header->encoding != TSDB_ENC_FSST && header->encoding != TSDB_ENC_ZSTD && header->encoding != TSDB_ENC_LZ4)
		return header->encoding == TSDB_ENC_NULL || header->encoding == TSDB_ENC_CONST ||
			header->encoding == TSDB_ENC_BYTES;
	if ((p = codec_take(cursor, COMPRESSED_FIXED)) == NULL)
		return false;
	*raw = codec_load32(p);
	*stored = codec_load32(p + sizeof(uint32_t));
	if (*raw == 0 || *raw > max_raw(n) || *stored > cursor->left)
		return false;
	/* what they can expand to: a code to a whole symbol, a byte of LZ4 to 255 */
	return header->encoding == TSDB_ENC_ZSTD ||
		*raw <= *stored * (header->encoding == TSDB_ENC_FSST ? TSDB_FSST_MAX_SYMBOL : 255);
}

bool
tsdb_bytes_decoded_size(const uint8_t *in, size_t len, int n, size_t *size)
{
	CodecCursor cursor = {.p = in, .left = len};
	TsdbBlockHeader header;
	bool		isnull[CODEC_ROWS];
	int			nnulls;
	size_t		stored;

	return open_compressed(&cursor, n, &header, isnull, &nnulls, size, &stored);
}

bool
tsdb_bytes_decode_with(const uint8_t *in, size_t len, int n, const TsdbFsstTable *table,
					   uint8_t *out, size_t size, TsdbBytes *values, bool *isnull, int *nnulls,
					   TsdbBytesContext *context, TsdbCodecScratch *scratch)
{
	CodecCursor cursor = {.p = in, .left = len};
	CodecCursor joined = {.p = out, .left = size};
	TsdbBlockHeader header;
	const int64_t *lengths = scratch->ints;
	const uint8_t *p;
	size_t		raw;
	size_t		stored;

	if (!open_compressed(&cursor, n, &header, isnull, nnulls, &raw, &stored) || raw != size)
		return false;
	if (raw == 0)
		return tsdb_bytes_decode(in, len, n, values, isnull, nnulls, scratch);

	if (!tsdb_payload_read(&cursor, &header.p, n, LENGTH_LANE, scratch->ints, scratch) ||
		(p = codec_take(&cursor, stored)) == NULL)
		return false;
	if (header.encoding == TSDB_ENC_FSST)
		return table != NULL &&
			tsdb_fsst_decompress_strings(table, p, stored, lengths, isnull, n, out, raw, values);
	if (!cut_strings(&joined, lengths, isnull, n, values) || joined.left > 0)
		return false;
	if (header.encoding == TSDB_ENC_ZSTD)
		return tsdb_frame_zstd_unpack(context, p, stored, out, raw);
	return tsdb_frame_lz4_unpack(p, stored, out, raw);
}

/* Bytes before the string of this row; false if a length before it, or its own, is negative. */
static bool
string_place(const int64_t *lengths, const bool *isnull, int row, size_t *offset)
{
	size_t		sum = 0;
	bool		negative = false;
	int			i;

	/* at most 1,024 lengths below 2^31: no overflow */
	for (i = 0; i < row; i++)
	{
		negative |= !isnull[i] && lengths[i] < 0;
		sum += isnull[i] ? 0 : (size_t) lengths[i];
	}
	*offset = sum;
	return !negative && lengths[row] >= 0;
}

bool
tsdb_bytes_value_with(const uint8_t *in, size_t len, int n, const TsdbFsstTable *table,
					  uint8_t *out, size_t size, int row, TsdbBytes *value, bool *isnull, int *nnulls,
					  TsdbBytesContext *context, TsdbCodecScratch *scratch)
{
	CodecCursor cursor = {.p = in, .left = len};
	TsdbBlockHeader header;
	bool	   *nulls = scratch->check_null;
	const uint8_t *p;
	size_t		offset;
	size_t		length;
	size_t		raw;
	size_t		stored;

	if (!open_compressed(&cursor, n, &header, nulls, nnulls, &raw, &stored) || raw != size)
		return false;
	*isnull = nulls[row];
	value->data = NULL;
	value->len = 0;
	if (nulls[row])
		return true;
	if (header.encoding == TSDB_ENC_CONST)
	{
		if (header.p.payload != 0 || (p = codec_take(&cursor, sizeof(uint32_t))) == NULL)
			return false;
		value->len = codec_load32(p);
		return (value->data = codec_take(&cursor, value->len)) != NULL;
	}

	/* where the string begins, all lengths before it must tell */
	if (!tsdb_payload_read(&cursor, &header.p, n, LENGTH_LANE, scratch->ints, scratch) ||
		!string_place(scratch->ints, nulls, row, &offset))
		return false;
	length = (size_t) scratch->ints[row];
	if (header.encoding == TSDB_ENC_BYTES)
	{
		if ((p = codec_take(&cursor, offset + length)) == NULL)
			return false;
		value->data = p + offset;
		value->len = (uint32_t) length;
		return true;
	}
	if ((p = codec_take(&cursor, stored)) == NULL)
		return false;
	if (header.encoding == TSDB_ENC_FSST)
	{
		size_t		out_len;

		if (table == NULL || offset + length > stored ||
			!tsdb_fsst_decompress(table, p + offset, length, out, size, &out_len))
			return false;
		value->data = out;
		value->len = (uint32_t) out_len;
		return true;
	}
	if (offset + length > raw ||
		!(header.encoding == TSDB_ENC_ZSTD ? tsdb_frame_zstd_unpack(context, p, stored, out, raw) :
		  tsdb_frame_lz4_unpack(p, stored, out, raw)))
		return false;
	value->data = out + offset;
	value->len = (uint32_t) length;
	return true;
}

/*-------------- codes --------------*/

size_t
tsdb_codes_bound(int n)
{
	return tsdb_bytes_bound(n, 0);
}

size_t
tsdb_codes_encode_cold(const uint32_t *codes, const bool *isnull, int n, uint8_t *const *planes, int *nplanes,
					   uint8_t *out, TsdbEncoding *encoding, TsdbCodecScratch *scratch)
{
	TsdbBlockHeader header;
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
	size = encode_ints(TSDB_ENC_DICT, ints, isnull, n, nnulls, planes, out, scratch);
	memcpy(&header, out, sizeof(header));
	if (header.p.payload == TSDB_ENC_PLANES && header.p.aux > *nplanes)
		*nplanes = header.p.aux;
	*encoding = TSDB_ENC_DICT;
	return size;
}

size_t
tsdb_codes_encode(const uint32_t *codes, const bool *isnull, int n,
				  uint8_t *out, TsdbEncoding *encoding, TsdbCodecScratch *scratch)
{
	int			nplanes = 0;

	return tsdb_codes_encode_cold(codes, isnull, n, NULL, &nplanes, out, encoding, scratch);
}

bool
tsdb_codes_decode(const uint8_t *in, size_t len, int n, uint32_t dict_count,
				  uint32_t *codes, bool *isnull, int *nnulls, TsdbCodecScratch *scratch)
{
	return tsdb_codes_decode_cold(in, len, n, dict_count, NULL, 0, codes, isnull, nnulls, scratch);
}

bool
tsdb_codes_decode_cold(const uint8_t *in, size_t len, int n, uint32_t dict_count,
					   const uint8_t *const *planes, int nplanes,
					   uint32_t *codes, bool *isnull, int *nnulls, TsdbCodecScratch *scratch)
{
	CodecCursor cursor = {in, len, planes, nplanes};
	TsdbBlockHeader header;
	uint64_t	beyond = 0;
	int			i;

	if (!open_strings(&cursor, n, &header, isnull, nnulls))
		return false;
	if (header.encoding == TSDB_ENC_NULL)
	{
		memset(codes, 0, (size_t) n * sizeof(uint32_t));
		return true;
	}
	if (header.encoding != TSDB_ENC_DICT ||
		!tsdb_payload_read(&cursor, &header.p, n, LENGTH_LANE, scratch->ints, scratch))
		return false;
	if (*nnulls > 0)
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

bool
tsdb_codes_value(const uint8_t *in, size_t len, int n, uint32_t dict_count,
				 const uint8_t *const *planes, int nplanes,
				 int row, uint32_t *code, bool *isnull, int *nnulls, TsdbCodecScratch *scratch)
{
	CodecCursor cursor = {in, len, planes, nplanes};
	TsdbBlockHeader header;
	int64_t		value;
	int			slot;

	if (!tsdb_block_open_at(&cursor, n, 0, &header, row, &slot, isnull, nnulls) ||
		header.param != 0 || header.p.nexceptions != 0 || tsdb_block_is_dense(&header))
		return false;
	*code = 0;
	if (header.encoding == TSDB_ENC_NULL)
		return true;
	if (header.encoding != TSDB_ENC_DICT)
		return false;
	if (*isnull)
		return true;
	if (!tsdb_payload_value(&cursor, &header.p, n, LENGTH_LANE, slot, &value, scratch))
		return false;
	*code = (uint32_t) value;
	return *code < dict_count;
}

int
tsdb_codes_runs(const uint8_t *in, size_t len, int n, uint32_t dict_count, uint32_t *codes, uint16_t *ends,
				TsdbCodecScratch *scratch)
{
	CodecCursor cursor = {in, len, NULL, 0};
	TsdbBlockHeader header;
	bool		isnull;
	int			nnulls;
	int			slot;
	int			nruns;
	int			i;

	if (!tsdb_block_open_at(&cursor, n, 0, &header, 0, &slot, &isnull, &nnulls) || nnulls > 0 ||
		header.param != 0 || header.p.nexceptions != 0 || header.encoding != TSDB_ENC_DICT)
		return 0;
	nruns = tsdb_payload_runs(&cursor, &header.p, n, LENGTH_LANE, scratch->ints, ends, scratch);
	for (i = 0; i < nruns; i++)
	{
		codes[i] = (uint32_t) scratch->ints[i];
		if (codes[i] >= dict_count)
			return 0;
	}
	return nruns;
}
