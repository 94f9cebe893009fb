/*-------------------------------------------------------------------------
 * planes.c
 *	  Byte planes of a cold column, entropy coded.
 *
 * zstd does what is left when the models are done: the low bytes of steps are no repetitions any more, but some
 * values are more frequent than others.  Its Huffman stage needs many bytes of one kind to learn from: a
 * plane of a whole chunk, not of a vector.
 *
 * A Huffman code spends whole bits, one at least, on a symbol.  Numbers that have two bits of
 * information, or half a bit, are therefore coded two or four rows at a time: their nibbles or pairs of
 * bits make one symbol.  (Steps of N(0, 1), rounded, have 2.15 bits: zstd takes 2.7 for bytes and 2.18 for
 * nibbles.)  All three cuts are tried.
 */
#include "planes.h"

#include <stdlib.h>
#include <zstd.h>

#include "codec_internal.h"

/* "TPL" and version 1 */
#define PLANES_MAGIC		0x014C5054U

/* zstd: fast; and thorough, for planes in which it finds repetitions */
#define FAST_LEVEL			1
#define THOROUGH_LEVEL		15

typedef struct PlanesHeader
{
	uint32_t	magic;
	uint32_t	nrows;
	uint8_t		nplanes;
	uint8_t		spare[3];
} PlanesHeader;

_Static_assert(sizeof(PlanesHeader) == 12, "header of planes is 12 bytes");

/* Bytes of one of the parts that a plane is cut into. */
static size_t
part_bytes(uint32_t nrows, unsigned cut)
{
	return ((size_t) nrows + cut - 1) / cut;
}

static size_t
plane_bound(uint32_t nrows)
{
	/* bytes: the other cuts are taken only if they are smaller */
	return sizeof(uint32_t) + ZSTD_compressBound(nrows);
}

size_t
tsdb_planes_bound(int nplanes, uint32_t nrows)
{
	return sizeof(PlanesHeader) + (size_t) nplanes * (1 + plane_bound(nrows));
}

/* Bits part * 8 / cut and so many more of each row, packed. */
static void
cut_plane(const uint8_t *plane, uint32_t nrows, unsigned cut, unsigned part, uint8_t *out)
{
	unsigned	bits = 8 / cut;
	unsigned	mask = (1U << bits) - 1;
	uint32_t	i;

	memset(out, 0, part_bytes(nrows, cut));
	for (i = 0; i < nrows; i++)
		out[i / cut] |= (uint8_t) (((unsigned) plane[i] >> (part * bits) & mask) << (i % cut * bits));
}

/* The inverse: adds the part's bits to the plane. */
static void
join_part(const uint8_t *in, uint32_t nrows, unsigned cut, unsigned part, uint8_t *plane)
{
	unsigned	bits = 8 / cut;
	unsigned	mask = (1U << bits) - 1;
	uint32_t	i;

	for (i = 0; i < nrows; i++)
		plane[i] |= (uint8_t) (((unsigned) in[i / cut] >> (i % cut * bits) & mask) << (part * bits));
}

/* Bytes that a coder without repetitions would take at least. */
static size_t
entropy_bytes(const uint8_t *in, size_t len)
{
	unsigned	count[256] = {0};
	uint64_t	sum = 0;
	size_t		i;

	for (i = 0; i < len; i++)
		count[in[i]]++;
	for (i = 0; i < 256; i++)
		if (count[i] > 1)
			sum += (uint64_t) count[i] * tsdb_log2_fixed(count[i]);
	return (size_t) (((uint64_t) len * tsdb_log2_fixed((unsigned) len) - sum) / (256 * 8));
}

/* One frame with its length; "room" holds as much as ZSTD_compressBound(len). */
static size_t
put_frame(ZSTD_CCtx *context, const uint8_t *in, size_t len, uint8_t *out, uint8_t *room)
{
	size_t		bound = ZSTD_compressBound(len);
	size_t		size = ZSTD_compressCCtx(context, out + sizeof(uint32_t), bound, in, len, FAST_LEVEL);
	uint32_t	stored;

	if (!ZSTD_isError(size) && size < entropy_bytes(in, len))
	{
		size_t		thorough = ZSTD_compressCCtx(context, room, bound, in, len, THOROUGH_LEVEL);

		if (!ZSTD_isError(thorough) && thorough < size)
		{
			memcpy(out + sizeof(uint32_t), room, thorough);
			size = thorough;
		}
	}
	if (ZSTD_isError(size) || size >= len)
	{
		memcpy(out + sizeof(uint32_t), in, len);
		size = len;
	}
	stored = (uint32_t) size;
	memcpy(out, &stored, sizeof(stored));
	return sizeof(uint32_t) + size;
}

size_t
tsdb_planes_pack(const uint8_t *const *planes, int nplanes, uint32_t nrows, uint8_t *out)
{
	PlanesHeader header = {PLANES_MAGIC, nrows, (uint8_t) nplanes, {0}};
	size_t		bound = plane_bound(nrows) + 4 * sizeof(uint32_t) + 1024;
	size_t		size = sizeof(header) + (size_t) nplanes;
	ZSTD_CCtx  *context = ZSTD_createCCtx();
	uint8_t    *work = malloc(nrows + 2 * bound + (size_t) nplanes * nrows);
	uint8_t    *part = work;
	uint8_t    *room = part + nrows;
	uint8_t    *candidate = room + bound;
	uint8_t    *back[TSDB_MAX_PLANES] = {NULL};
	bool		same;
	int			p;

	assert(nplanes >= 1 && nplanes <= TSDB_MAX_PLANES && nrows >= 1);
	if (context == NULL || work == NULL)
	{
		ZSTD_freeCCtx(context);
		free(work);
		return 0;
	}
	memcpy(out, &header, sizeof(header));
	for (p = 0; p < nplanes; p++)
	{
		size_t		best = put_frame(context, planes[p], nrows, out + size, room);
		unsigned	cut;

		out[sizeof(header) + (size_t) p] = 1;
		for (cut = 2; cut <= 4; cut *= 2)
		{
			size_t		bytes = 0;
			unsigned	k;

			for (k = 0; k < cut && bytes < best; k++)
			{
				cut_plane(planes[p], nrows, cut, k, part);
				bytes += put_frame(context, part, part_bytes(nrows, cut), candidate + bytes, room);
			}
			if (bytes < best)
			{
				memcpy(out + size, candidate, bytes);
				out[sizeof(header) + (size_t) p] = (uint8_t) cut;
				best = bytes;
			}
		}
		size += best;
	}
	for (p = 0; p < nplanes; p++)
		back[p] = candidate + bound + (size_t) p * nrows;
	same = tsdb_planes_unpack(out, size, nrows, back);
	for (p = 0; p < nplanes && same; p++)
		same = memcmp(back[p], planes[p], nrows) == 0;
	ZSTD_freeCCtx(context);
	free(work);
	return same ? size : 0;
}

int
tsdb_planes_count(const uint8_t *in, size_t len, uint32_t nrows)
{
	CodecCursor cursor = {in, len, NULL, 0};
	const uint8_t *p = codec_take(&cursor, sizeof(PlanesHeader));
	const uint8_t *cuts;
	PlanesHeader header;
	unsigned	i;
	unsigned	k;

	if (p == NULL)
		return 0;
	memcpy(&header, p, sizeof(header));
	if (header.magic != PLANES_MAGIC || header.nrows != nrows || nrows == 0 ||
		header.nplanes < 1 || header.nplanes > TSDB_MAX_PLANES ||
		header.spare[0] != 0 || header.spare[1] != 0 || header.spare[2] != 0 ||
		(cuts = codec_take(&cursor, header.nplanes)) == NULL)
		return 0;
	for (i = 0; i < header.nplanes; i++)
	{
		if (cuts[i] != 1 && cuts[i] != 2 && cuts[i] != 4)
			return 0;
		for (k = 0; k < cuts[i]; k++)
			if ((p = codec_take(&cursor, sizeof(uint32_t))) == NULL ||
				codec_take(&cursor, codec_load32(p)) == NULL)
				return 0;
	}
	return header.nplanes;
}

/* A frame into out[len]; *frame moves behind it. */
static bool
take_frame(ZSTD_DCtx *context, const uint8_t **frame, uint8_t *out, size_t len)
{
	uint32_t	stored = codec_load32(*frame);
	const uint8_t *bytes = *frame + sizeof(uint32_t);

	*frame = bytes + stored;
	if (stored == len)
	{
		memcpy(out, bytes, len);
		return true;
	}
	return ZSTD_decompressDCtx(context, out, len, bytes, stored) == len;
}

bool
tsdb_planes_unpack(const uint8_t *in, size_t len, uint32_t nrows, uint8_t *const *planes)
{
	int			nplanes = tsdb_planes_count(in, len, nrows);
	const uint8_t *cuts = in + sizeof(PlanesHeader);
	const uint8_t *frame = cuts + nplanes;
	ZSTD_DCtx  *context;
	uint8_t    *part;
	bool		valid = nplanes > 0;
	int			p;

	if (!valid)
		return false;
	context = ZSTD_createDCtx();
	part = malloc(nrows);
	valid = context != NULL && part != NULL;
	for (p = 0; p < nplanes && valid; p++)
	{
		unsigned	cut = cuts[p];
		unsigned	k;

		assert(planes[p] != NULL);
		if (cut == 1)
		{
			valid = take_frame(context, &frame, planes[p], nrows);
			continue;
		}
		memset(planes[p], 0, nrows);
		for (k = 0; k < cut && valid; k++)
		{
			valid = take_frame(context, &frame, part, part_bytes(nrows, cut));
			if (valid)
				join_part(part, nrows, cut, k, planes[p]);
		}
	}
	ZSTD_freeDCtx(context);
	free(part);
	return valid;
}
