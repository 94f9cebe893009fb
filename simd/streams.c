/*-------------------------------------------------------------------------
 * streams.c
 *	  Blocks of encoding STREAMS: values that were taken apart into integers.
 *
 * Streams verify themselves (tsdb_int_encode); what stands around them has no arithmetic in it.
 *-------------------------------------------------------------------------
 */
#include "streams.h"

#include "codec_internal.h"

/* nstreams, kind, number of exceptions */
#define FIXED_PART		4

size_t
tsdb_streams_bound(int n, int nstreams, int nexceptions, size_t exception_len)
{
	return sizeof(TsdbBlockHeader) + tsdb_block_bitmap_bytes(n) + FIXED_PART +
		(size_t) nstreams * (sizeof(uint32_t) + tsdb_int_bound(n, TSDB_LANE_INT64)) +
		(size_t) nexceptions * (sizeof(uint16_t) + sizeof(uint32_t)) + exception_len;
}

/* Exceptions' slots repeat the slot before; those at the start, the first that is none. */
static void
fill_exceptions(int64_t *values, int nvalid, const bool *isnull, const uint16_t *rows, int nexceptions)
{
	int64_t		last = 0;
	int			row = 0;
	int			slot = 0;
	int			first = 0;
	int			e;

	/* slots 0, 1, .. as long as the next exception is the next slot */
	for (e = 0; e < nexceptions; e++)
	{
		while (row < rows[e])
		{
			slot += isnull == NULL || !isnull[row];
			row++;
		}
		assert(isnull == NULL || !isnull[row]);
		assert(slot < nvalid);
		if (slot == first)
			first++;
		else
			values[slot] = values[slot - 1];
	}
	if (first < nvalid)
		last = values[first];
	for (slot = 0; slot < first; slot++)
		values[slot] = last;
}

size_t
tsdb_streams_encode(uint8_t kind, const TsdbStream *streams, int nstreams, const bool *isnull, int n,
					const TsdbBytes *exceptions, const uint16_t *exception_rows, int nexceptions,
					uint8_t *out, TsdbCodecScratch *scratch)
{
	TsdbBlockHeader header;
	int			nnulls = tsdb_block_count_nulls(isnull, n);
	int			nvalid = n - nnulls;
	uint8_t		fixed[FIXED_PART];
	uint16_t	count = (uint16_t) nexceptions;
	size_t		size;
	int			i;

	assert(nvalid >= 1);
	assert(nstreams >= 1 && nstreams <= TSDB_MAX_STREAMS);
	assert(nexceptions >= 0 && nexceptions <= nvalid);

	size = tsdb_block_begin(out, &header, TSDB_ENC_STREAMS, 0, isnull, n, nnulls);
	fixed[0] = (uint8_t) nstreams;
	fixed[1] = kind;
	memcpy(fixed + 2, &count, sizeof(count));
	memcpy(out + size, fixed, FIXED_PART);
	size += FIXED_PART;

	for (i = 0; i < nstreams; i++)
	{
		TsdbEncoding encoding;
		uint32_t	len;

		fill_exceptions(streams[i].values, nvalid, isnull, exception_rows, nexceptions);
		len = (uint32_t) tsdb_int_encode(streams[i].values, NULL, nvalid, streams[i].lane, streams[i].meaning,
										 out + size + sizeof(len), &encoding, scratch);
		memcpy(out + size, &len, sizeof(len));
		size += sizeof(len) + len;
	}

	if (nexceptions > 0)
	{
		memcpy(out + size, exception_rows, (size_t) nexceptions * sizeof(uint16_t));
		size += (size_t) nexceptions * sizeof(uint16_t);
	}
	for (i = 0; i < nexceptions; i++, size += sizeof(uint32_t))
		memcpy(out + size, &exceptions[i].len, sizeof(uint32_t));
	for (i = 0; i < nexceptions; i++)
	{
		if (exceptions[i].len > 0)
			memcpy(out + size, exceptions[i].data, exceptions[i].len);
		size += exceptions[i].len;
	}
	return size;
}

bool
tsdb_streams_open(const uint8_t *in, size_t len, int n, TsdbStreamsBlock *block, bool *isnull, int *nnulls)
{
	CodecCursor cursor = {.p = in, .left = len};
	TsdbBlockHeader header;
	const uint8_t *p;
	size_t		exception_len = 0;
	int			last = -1;
	int			i;

	/* no payload of its own: param and the second half of the header are spare */
	if (!tsdb_block_open(&cursor, n, 0, &header, isnull, nnulls) ||
		header.encoding != TSDB_ENC_STREAMS || tsdb_block_is_dense(&header) ||
		in[2] != 0 || codec_load64(in + 8) != 0)
		return false;
	block->n = n;
	block->nvalid = n - *nnulls;

	if ((p = codec_take(&cursor, FIXED_PART)) == NULL)
		return false;
	block->nstreams = p[0];
	block->kind = p[1];
	block->nexceptions = codec_load16(p + 2);
	if (block->nstreams < 1 || block->nstreams > TSDB_MAX_STREAMS || block->nexceptions > block->nvalid)
		return false;

	for (i = 0; i < block->nstreams; i++)
	{
		TsdbBytes  *stream = &block->streams[i];

		if ((p = codec_take(&cursor, sizeof(uint32_t))) == NULL)
			return false;
		stream->len = codec_load32(p);
		if ((stream->data = codec_take(&cursor, stream->len)) == NULL)
			return false;
	}

	block->exception_rows = codec_take(&cursor, (size_t) block->nexceptions * sizeof(uint16_t));
	if (block->exception_rows == NULL)
		return false;
	block->exception_lens = codec_take(&cursor, (size_t) block->nexceptions * sizeof(uint32_t));
	if (block->exception_lens == NULL)
		return false;
	for (i = 0; i < block->nexceptions; i++)
	{
		int			row = codec_load16(block->exception_rows + (size_t) i * sizeof(uint16_t));

		if (row <= last || row >= n || isnull[row])
			return false;
		last = row;
		/* at most 1,024 lengths below 2^32: no overflow */
		exception_len += codec_load32(block->exception_lens + (size_t) i * sizeof(uint32_t));
	}
	block->exception_bytes = codec_take(&cursor, exception_len);
	return block->exception_bytes != NULL;
}

bool
tsdb_streams_read(const TsdbStreamsBlock *block, int s, TsdbLane lane, int64_t *values, TsdbCodecScratch *scratch)
{
	bool		isnull[CODEC_ROWS];
	int			nnulls;

	assert(s >= 0 && s < block->nstreams);
	return tsdb_int_decode(block->streams[s].data, block->streams[s].len, block->nvalid, lane,
						   values, isnull, &nnulls, scratch) && nnulls == 0;
}

bool
tsdb_streams_value(const TsdbStreamsBlock *block, int s, TsdbLane lane, int slot, int64_t *value,
				   TsdbCodecScratch *scratch)
{
	bool		isnull;
	int			nnulls;

	assert(s >= 0 && s < block->nstreams && slot >= 0 && slot < block->nvalid);
	return tsdb_int_value(block->streams[s].data, block->streams[s].len, block->nvalid, lane, NULL, 0, slot,
						  value, &isnull, &nnulls, scratch) && nnulls == 0;
}

void
tsdb_streams_exceptions(const TsdbStreamsBlock *block, uint16_t *rows, TsdbBytes *values)
{
	const uint8_t *bytes = block->exception_bytes;
	int			i;

	for (i = 0; i < block->nexceptions; i++)
	{
		rows[i] = codec_load16(block->exception_rows + (size_t) i * sizeof(uint16_t));
		values[i].len = codec_load32(block->exception_lens + (size_t) i * sizeof(uint32_t));
		values[i].data = bytes;
		bytes += values[i].len;
	}
}
