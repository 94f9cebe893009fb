/*-------------------------------------------------------------------------
 * dict.c
 *	  Dictionary of a column: strings back to back behind their offsets; its compressed form.
 *
 * The compressed form's frame ends where the plain form ends, and there the bytes of the entries are in their
 * place; lengths, which are narrower than offsets or as wide, are turned into offsets from the first on,
 * each written to where no length is any more that has not been read.
 *-------------------------------------------------------------------------
 */
#include "bytes_codec.h"

#include "codec_internal.h"
#include "frames.h"

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

/*-------------- compressed --------------*/

typedef struct PackedHeader
{
	uint32_t	magic;
	uint32_t	count;
	uint32_t	plain;			/* bytes of the plain form */
	uint32_t	stored;			/* bytes of the frame */
	uint32_t	width;			/* bytes of a length: 1, 2, 4 */
} PackedHeader;

_Static_assert(sizeof(PackedHeader) == 20, "header of a compressed dictionary is 20 bytes");

/* False: no header of a compressed dictionary whose frame is all there. */
static bool
packed_open(const uint8_t *in, size_t len, PackedHeader *header)
{
	if (len < sizeof(*header))
		return false;
	memcpy(header, in, sizeof(*header));
	return header->magic == TSDB_DICT_PACKED_MAGIC &&
		header->stored <= len - sizeof(*header) &&
		header->plain <= TSDB_BYTES_MAX_RAW &&
		header->plain >= dict_header_bytes(header->count) &&
		(header->width == 1 || header->width == 2 || header->width == 4);
}

static inline uint32_t
load_length(const uint8_t *lengths, uint32_t width, uint32_t i)
{
	return width == 1 ? lengths[i] :
		width == 2 ? codec_load16(lengths + (size_t) i * 2) : codec_load32(lengths + (size_t) i * 4);
}

bool
tsdb_dict_plain_size(const uint8_t *in, size_t len, size_t *size)
{
	PackedHeader header;

	if (len < sizeof(TsdbDictHeader))
		return false;
	*size = 0;
	if (codec_load32(in) == TSDB_DICT_MAGIC)
		return true;
	if (!packed_open(in, len, &header))
		return false;
	*size = header.plain;
	return true;
}

bool
tsdb_dict_unpack(const uint8_t *in, size_t len, uint8_t *plain, size_t size, uint32_t *count,
				 TsdbBytesContext *context)
{
	PackedHeader header;
	TsdbDictHeader plain_header;
	uint8_t    *offsets = plain + sizeof(TsdbDictHeader);
	const uint8_t *lengths;
	size_t		content;		/* bytes of the frame, unpacked */
	size_t		bytes;			/* of the entries */
	uint32_t	offset = 0;
	uint32_t	i;

	if (!packed_open(in, len, &header) || header.plain != size)
		return false;
	bytes = size - dict_header_bytes(header.count);
	content = (size_t) header.count * header.width + bytes;
	lengths = plain + size - content;
	if (!tsdb_frame_zstd_unpack(context, in + sizeof(header), header.stored, plain + size - content, content))
		return false;

	plain_header.magic = TSDB_DICT_MAGIC;
	plain_header.count = header.count;
	memcpy(plain, &plain_header, sizeof(plain_header));
	for (i = 0;; i++)
	{
		uint32_t	length = 0;

		/* length i lies at or behind offset i + 1, and is read before that is written */
		if (i < header.count)
		{
			length = load_length(lengths, header.width, i);
			if (length > bytes - offset)
				return false;
		}
		memcpy(offsets + (size_t) i * sizeof(uint32_t), &offset, sizeof(uint32_t));
		if (i == header.count)
			break;
		offset += length;
	}
	*count = header.count;
	return offset == bytes;
}

size_t
tsdb_dict_pack(const uint8_t *plain, size_t len, int level, uint8_t *out, void *work,
			   TsdbBytesContext *context)
{
	PackedHeader header;
	uint8_t    *content = work;
	uint8_t    *check = content + len;
	size_t		limit = len - len / 8;
	size_t		lengths_bytes;
	size_t		bytes;
	uint32_t	longest = 0;
	uint32_t	count;
	uint32_t	i;

	if (len < TSDB_DICT_MIN_PACKED || len > TSDB_BYTES_MAX_RAW || !tsdb_dict_open(plain, len, &count) || count == 0)
		return 0;
	for (i = 0; i < count; i++)
	{
		uint32_t	entry_len = tsdb_dict_entry(plain, i).len;

		longest = entry_len > longest ? entry_len : longest;
	}
	header.magic = TSDB_DICT_PACKED_MAGIC;
	header.count = count;
	header.plain = (uint32_t) len;
	header.width = longest <= UINT8_MAX ? 1 : longest <= UINT16_MAX ? 2 : 4;

	lengths_bytes = (size_t) count * header.width;
	for (i = 0; i < count; i++)
	{
		uint32_t	entry_len = tsdb_dict_entry(plain, i).len;

		/* little endian: the low bytes */
		memcpy(content + (size_t) i * header.width, &entry_len, header.width);
	}
	bytes = len - dict_header_bytes(count);
	memcpy(content + lengths_bytes, plain + dict_header_bytes(count), bytes);

	header.stored = (uint32_t) tsdb_frame_zstd_pack(context, level, content, lengths_bytes + bytes,
													out + sizeof(header), limit - sizeof(header));
	if (header.stored == 0)
		return 0;
	memcpy(out, &header, sizeof(header));
	if (!tsdb_dict_unpack(out, sizeof(header) + header.stored, check, len, &count, context) ||
		memcmp(check, plain, len) != 0)
		return 0;
	return sizeof(header) + header.stored;
}
