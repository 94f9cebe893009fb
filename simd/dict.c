/*-------------------------------------------------------------------------
 * dict.c
 *	  Dictionary of a column: strings back to back behind their offsets.
 *-------------------------------------------------------------------------
 */
#include "codec_internal.h"

static size_t
dict_header_bytes(uint32_t count)
{
	return sizeof(TsdbDictHeader) + ((size_t) count + 1) * sizeof(uint32_t);
}

size_t
tsdb_dict_size(uint32_t count, size_t total_len)
{
	return dict_header_bytes(count) + total_len;
}

size_t
tsdb_dict_encode(const TsdbBytes *entries, uint32_t count, uint8_t *out)
{
	TsdbDictHeader header;
	uint8_t    *offsets = out + sizeof(TsdbDictHeader);
	uint8_t    *bytes = out + dict_header_bytes(count);
	uint32_t	offset = 0;
	uint32_t	i;

	header.magic = TSDB_DICT_MAGIC;
	header.count = count;
	memcpy(out, &header, sizeof(header));
	for (i = 0; i < count; i++)
	{
		memcpy(offsets + (size_t) i * sizeof(uint32_t), &offset, sizeof(uint32_t));
		if (entries[i].len > 0)
			memcpy(bytes + offset, entries[i].data, entries[i].len);
		assert(entries[i].len <= UINT32_MAX - offset);
		offset += entries[i].len;
	}
	memcpy(offsets + (size_t) count * sizeof(uint32_t), &offset, sizeof(uint32_t));
	return dict_header_bytes(count) + offset;
}

bool
tsdb_dict_open(const uint8_t *in, size_t len, uint32_t *count)
{
	TsdbDictHeader header;
	const uint8_t *offsets;
	uint32_t	last = 0;
	size_t		i;

	if (len < dict_header_bytes(0))
		return false;
	memcpy(&header, in, sizeof(header));
	if (header.magic != TSDB_DICT_MAGIC ||
		header.count > (len - dict_header_bytes(0)) / sizeof(uint32_t))
		return false;

	offsets = in + sizeof(TsdbDictHeader);
	for (i = 0; i <= header.count; i++)
	{
		uint32_t	offset = codec_load32(offsets + i * sizeof(uint32_t));

		if (i == 0 ? offset != 0 : offset < last)
			return false;
		last = offset;
	}
	if (last > len - dict_header_bytes(header.count))
		return false;
	*count = header.count;
	return true;
}

TsdbBytes
tsdb_dict_entry(const uint8_t *in, uint32_t i)
{
	const uint8_t *offsets = in + sizeof(TsdbDictHeader);
	uint32_t	count = codec_load32(in + offsetof(TsdbDictHeader, count));
	uint32_t	begin = codec_load32(offsets + (size_t) i * sizeof(uint32_t));
	uint32_t	end = codec_load32(offsets + ((size_t) i + 1) * sizeof(uint32_t));
	TsdbBytes	entry;

	assert(i < count);
	entry.data = in + dict_header_bytes(count) + begin;
	entry.len = end - begin;
	return entry;
}
