/*-------------------------------------------------------------------------
 * chunk_layout_write.c
 *	  Packs the vector tables of a chunk's header; pure.
 *
 * Used by chunk_writer.c and by tests.
 *
 * A vector's 32 bytes would be 1/20 of what its 1,024 values take in a well compressed column.  Most of it can be told from
 * the vectors before: blocks of a column lie one behind the other, lengths differ by little, times go on.  So each
 * field is an array of its own, as numbers of few bits above a base, or their differences.  Codecs are not used for
 * it: their blocks have 30 bytes of header and base, as much as all the numbers of such an array.
 *
 * Raw tables are for what does not occur (fields in combinations that the writer never makes), and for one
 * vector, where arrays have more bytes of their own.
 *-------------------------------------------------------------------------
 */
#include "chunk_layout_internal.h"

#include <string.h>

/* largest array: head, first, base, factor, 64-bit numbers */
#define ARRAY_MAX_BYTES			(3 + 8 + 8 + 8 + TSDB_CHUNK_MAX_VECTORS * 8)
#define TABLE_MAX_ARRAYS		10

/*-------------- arrays of integers --------------*/

/* values are base + factor * number of "width" bits */
typedef struct ArrayFrame
{
	int64_t		base;
	uint64_t	factor;
	unsigned	width;
	unsigned	base_bytes;
	unsigned	factor_bytes;
	size_t		size;			/* of base, factor and numbers */
} ArrayFrame;

/* Bytes that hold x, sign-extended; 0 for 0. */
static unsigned
signed_bytes(int64_t x)
{
	unsigned	n = 0;

	if (x == 0)
		return 0;
	for (n = 1; n < 8; n++)
	{
		if ((int64_t) ((uint64_t) x << (64 - 8 * n)) >> (64 - 8 * n) == x)
			break;
	}
	return n;
}

static unsigned
bit_width(uint64_t x)
{
	return x == 0 ? 0 : 64 - (unsigned) __builtin_clzll(x);
}

static uint64_t
common_divisor(uint64_t a, uint64_t b)
{
	while (b != 0)
	{
		uint64_t	rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* The smallest frame around values[n], which are signed integers. */
static void
frame_find(const uint64_t *values, uint32_t n, ArrayFrame *frame)
{
	int64_t		min = n > 0 ? (int64_t) values[0] : 0;
	int64_t		max = min;
	uint64_t	range;
	uint64_t	factor = 0;
	uint32_t	i;

	for (i = 1; i < n; i++)
	{
		int64_t		value = (int64_t) values[i];

		min = value < min ? value : min;
		max = value > max ? value : max;
	}
	range = (uint64_t) max - (uint64_t) min;
	frame->base = min;
	frame->base_bytes = signed_bytes(min);
	frame->factor = 1;
	frame->factor_bytes = 0;
	frame->width = bit_width(range);
	if (frame->width > TSDB_ARRAY_MAX_WIDTH)
		frame->width = 64;
	frame->size = frame->base_bytes + (n * frame->width + 7) / 8;

	for (i = 0; i < n && factor != 1; i++)
		factor = common_divisor(values[i] - (uint64_t) min, factor);
	if (factor > 1)
	{
		unsigned	factor_bytes = (bit_width(factor) + 7) / 8;
		unsigned	width = bit_width(range / factor);
		size_t		size;

		if (width > TSDB_ARRAY_MAX_WIDTH)
			width = 64;
		size = frame->base_bytes + factor_bytes + (n * width + 7) / 8;
		if (size < frame->size)
		{
			frame->factor = factor;
			frame->factor_bytes = factor_bytes;
			frame->width = width;
			frame->size = size;
		}
	}
}

static uint8_t *
put_bytes(uint8_t *out, uint64_t x, unsigned n)
{
	memcpy(out, &x, n);
	return out + n;
}

/* Writes an array of 1 .. TSDB_CHUNK_MAX_VECTORS values; returns where it ends. */
static uint8_t *
array_write(const uint64_t *values, uint32_t n, uint8_t *out)
{
	uint64_t	differences[TSDB_CHUNK_MAX_VECTORS];
	ArrayFrame	frame;
	ArrayFrame	delta = {0};
	unsigned	first_bytes = signed_bytes((int64_t) values[0]);
	uint32_t	bit = 0;
	uint32_t	i;

	frame_find(values, n, &frame);
	if (n > 1)
	{
		for (i = 1; i < n; i++)
			differences[i - 1] = values[i] - values[i - 1];
		frame_find(differences, n - 1, &delta);
	}
	if (n > 1 && 1 + first_bytes + delta.size < frame.size)
	{
		frame = delta;
		*out++ = (uint8_t) (frame.width | TSDB_ARRAY_DELTA);
		*out++ = (uint8_t) (frame.base_bytes | frame.factor_bytes << 4);
		*out++ = (uint8_t) first_bytes;
		out = put_bytes(out, values[0], first_bytes);
		values = differences;
		n--;
	}
	else
	{
		*out++ = (uint8_t) frame.width;
		*out++ = (uint8_t) (frame.base_bytes | frame.factor_bytes << 4);
	}
	out = put_bytes(out, (uint64_t) frame.base, frame.base_bytes);
	out = put_bytes(out, frame.factor, frame.factor_bytes);

	memset(out, 0, (n * frame.width + 7) / 8);
	for (i = 0; i < n && frame.width > 0; i++, bit += frame.width)
	{
		uint64_t	number = (values[i] - (uint64_t) frame.base) / frame.factor;
		uint32_t	done;

		for (done = 0; done < frame.width;)
		{
			uint32_t	at = bit + done;

			out[at / 8] |= (uint8_t) (number >> done << at % 8);
			done += 8 - at % 8;
		}
	}
	return out + (n * frame.width + 7) / 8;
}

/*-------------- vector tables --------------*/

static bool
is_null_vector(const TsdbHeaderDisk *header, const TsdbVector *vector, uint32_t v)
{
	return vector->nparts == 0 && vector->nnulls == tsdb_vector_rows(header, v);
}

/* Can a packed table say all that is in these vectors?  What it can't say at all is found when it is read again. */
static bool
vectors_packable(const TsdbHeaderDisk *header, const TsdbVector *vectors)
{
	bool		any_zone = false;
	bool		any_without = false;
	uint32_t	v;

	for (v = 0; v < header->nvectors; v++)
	{
		const TsdbVector *vector = &vectors[v];
		bool		zone = (vector->flags & TSDB_VEC_ZONE) != 0;

		if (is_null_vector(header, vector, v) && vector->block.length > 0)
			return false;
		if (!zone && (vector->zone_min != 0 || vector->zone_max != 0))
			return false;
		if (vector->nnulls == tsdb_vector_rows(header, v))
		{
			if (zone)
				return false;
		}
		else if (zone)
			any_zone = true;
		else
			any_without = true;
	}
	return !(any_zone && any_without);
}

/* Repeats values[from] in the places before it, which say nothing. */
static void
fill_before(uint64_t *values, uint32_t from)
{
	uint32_t	i;

	for (i = 0; i < from; i++)
		values[i] = values[from];
}

/*
 * Sets out the vectors of a column in arrays and moves the replay on; returns the form.  Where an array has nothing to say
 * of a vector it repeats its neighbour, which costs fewest bits.
 */
static unsigned
vectors_set_out(const TsdbLayout *layout, const TsdbVector *vectors, TsdbReplay *replay, TsdbPackedTable *t)
{
	const TsdbHeaderDisk *header = layout->header;
	unsigned	form = TSDB_TABLE_PACKED;
	bool		any_block = false;
	bool		any_part = false;
	bool		any_zone = false;
	uint32_t	v;

	memset(t, 0, sizeof(*t));
	for (v = 0; v < header->nvectors; v++)
	{
		const TsdbVector *vector = &vectors[v];

		if (v > 0)
		{
			t->segment[v] = t->segment[v - 1];
			t->length[v] = t->length[v - 1];
			t->spans[v] = t->spans[v - 1];
			t->offset[v] = t->offset[v - 1];
			t->part[v] = t->part[v - 1];
			t->zone_min[v] = t->zone_min[v - 1];
			t->zone_span[v] = t->zone_span[v - 1];
		}
		t->encoding[v] = vector->encoding;
		t->nnulls[v] = vector->nnulls;
		if (vector->nnulls > 0)
			form |= TSDB_TABLE_NULLS;

		if (vector->nparts > 0)
		{
			uint32_t	first = tsdb_vector_first_part(vector);

			form |= TSDB_TABLE_PIECES;
			t->piece[v] = (vector->flags >> TSDB_VEC_PIECE_SHIFT) + 1;
			t->part[v] = (uint64_t) first - replay->next_part;
			if (!any_part)
				fill_before(t->part, v);
			any_part = true;
			tsdb_replay_parts(replay, layout->parts, first, vector->nparts);
		}
		else if (!is_null_vector(header, vector, v))
		{
			t->segment[v] = vector->block.segment;
			t->length[v] = vector->block.length;
			t->spans[v] = vector->block.offset == TSDB_BLOCK_SPANS;
			if (t->spans[v] != 0)
				form |= TSDB_TABLE_SPANS;
			else
			{
				t->offset[v] = vector->block.offset;
				if (vector->block.length > 0 &&
					tsdb_block_start(replay->ends[vector->block.segment], vector->block.length) != vector->block.offset)
					form |= TSDB_TABLE_OFFSETS;
			}
			if (!any_block)
			{
				fill_before(t->segment, v);
				fill_before(t->length, v);
				fill_before(t->spans, v);
				fill_before(t->offset, v);
			}
			any_block = true;
			tsdb_replay_block(replay, &vector->block);
		}

		if ((vector->flags & TSDB_VEC_ZONE) != 0)
		{
			form |= TSDB_TABLE_ZONES;
			t->zone_min[v] = (uint64_t) vector->zone_min;
			t->zone_span[v] = (uint64_t) vector->zone_max - (uint64_t) vector->zone_min;
			if (!any_zone)
			{
				fill_before(t->zone_min, v);
				fill_before(t->zone_span, v);
			}
			any_zone = true;
		}
	}
	return form;
}

/* Returns where it ends. */
static uint8_t *
packed_table_write(const TsdbPackedTable *t, unsigned form, uint32_t n, uint8_t *out)
{
	*out++ = (uint8_t) form;
	out = array_write(t->encoding, n, out);
	out = array_write(t->segment, n, out);
	out = array_write(t->length, n, out);
	if ((form & TSDB_TABLE_SPANS) != 0)
		out = array_write(t->spans, n, out);
	if ((form & TSDB_TABLE_OFFSETS) != 0)
		out = array_write(t->offset, n, out);
	if ((form & TSDB_TABLE_PIECES) != 0)
	{
		out = array_write(t->piece, n, out);
		out = array_write(t->part, n, out);
	}
	if ((form & TSDB_TABLE_NULLS) != 0)
		out = array_write(t->nnulls, n, out);
	if ((form & TSDB_TABLE_ZONES) != 0)
	{
		out = array_write(t->zone_min, n, out);
		out = array_write(t->zone_span, n, out);
	}
	return out;
}

/* Are all references that replay and packing follow in range?  (The rest is found when the table is read again.) */
static bool
references_hold(const TsdbLayout *layout, const TsdbColumnDisk *column, const TsdbVector *vectors)
{
	const TsdbHeaderDisk *header = layout->header;
	uint32_t	v;
	uint32_t	i;

	if ((column->dict.length > 0 && column->dict.segment >= header->nsegments) ||
		column->first_plane > header->nparts || column->nplanes > header->nparts - column->first_plane)
		return false;
	for (i = 0; i < column->nplanes; i++)
	{
		if (layout->parts[column->first_plane + i].segment >= header->nsegments)
			return false;
	}
	for (v = 0; v < header->nvectors; v++)
	{
		uint32_t	first = tsdb_vector_first_part(&vectors[v]);

		if (vectors[v].nparts == 0)
		{
			if (vectors[v].block.length > 0 && vectors[v].block.segment >= header->nsegments)
				return false;
			continue;
		}
		if (first > header->nparts || vectors[v].nparts > header->nparts - first)
			return false;
		for (i = first; i < first + vectors[v].nparts; i++)
		{
			if (layout->parts[i].length > 0 && layout->parts[i].segment >= header->nsegments)
				return false;
		}
	}
	return true;
}

/* Do the column's planes lie behind its vectors' blocks?  A guess by the place of the first; any answer is right. */
static bool
planes_come_last(const TsdbLayout *layout, const TsdbColumnDisk *column, const TsdbReplay *replay)
{
	const TsdbBlockRef *plane = &layout->parts[column->first_plane];

	return column->nplanes > 0 && plane->offset != TSDB_BLOCK_SPANS &&
		tsdb_block_start(replay->ends[plane->segment], plane->length) != plane->offset;
}

/* One column; returns where its table ends, or NULL. */
static uint8_t *
table_write(const TsdbLayout *layout, uint32_t c, bool may_pack, TsdbReplay *replay, uint8_t *out)
{
	const TsdbColumnDisk *column = &layout->columns[c];
	const TsdbVector *vectors = layout->vectors + (size_t) c * layout->header->nvectors;
	size_t		raw_bytes = 1 + layout->header->nvectors * sizeof(TsdbVector);
	TsdbPackedTable table;
	uint8_t		packed[1 + TABLE_MAX_ARRAYS * ARRAY_MAX_BYTES];
	unsigned	planes_last = 0;
	unsigned	form;
	size_t		size;

	if (!references_hold(layout, column, vectors))
		return NULL;
	tsdb_replay_block(replay, &column->dict);
	if (planes_come_last(layout, column, replay))
		planes_last = TSDB_TABLE_PLANES_LAST;
	else if (column->nplanes > 0)
		tsdb_replay_parts(replay, layout->parts, column->first_plane, column->nplanes);

	/* (also for a table that is written raw: it moves the replay on) */
	form = vectors_set_out(layout, vectors, replay, &table) | planes_last;
	size = (size_t) (packed_table_write(&table, form, layout->header->nvectors, packed) - packed);
	if (may_pack && size < raw_bytes && vectors_packable(layout->header, vectors))
		memcpy(out, packed, size);
	else
	{
		size = raw_bytes;
		out[0] = (uint8_t) planes_last;
		memcpy(out + 1, vectors, raw_bytes - 1);
	}
	if (planes_last != 0)
		tsdb_replay_parts(replay, layout->parts, column->first_plane, column->nplanes);
	return out + size;
}

size_t
tsdb_layout_pack_bound(const TsdbHeaderDisk *header)
{
	return (size_t) header->ncolumns * (1 + header->nvectors * sizeof(TsdbVector));
}

size_t
tsdb_layout_pack_memory(const TsdbHeaderDisk *header)
{
	return (size_t) header->ncolumns * header->nvectors * sizeof(TsdbVector) +
		(size_t) header->nsegments * sizeof(uint16_t) + 8;
}

size_t
tsdb_layout_pack(const TsdbLayout *layout, void *memory, uint8_t *out, TsdbLayoutProblem *problem)
{
	const TsdbHeaderDisk *header = layout->header;
	size_t		nvectors = (size_t) header->ncolumns * header->nvectors;
	TsdbVector *again = memory;
	uint16_t   *ends = (uint16_t *) (again + nvectors);
	int			may_pack;

	for (may_pack = 1; may_pack >= 0; may_pack--)
	{
		TsdbReplay	replay;
		uint8_t    *at = out;
		uint32_t	c;

		tsdb_replay_start(&replay, ends, header->nsegments);
		for (c = 0; c < header->ncolumns; c++)
		{
			at = table_write(layout, c, may_pack != 0, &replay, at);
			if (at == NULL)
			{
				tsdb_layout_problem(problem, layout->columns[c].attnum, "reference out of range");
				return 0;
			}
		}
		if (!tsdb_layout_read_tables(layout, out, (size_t) (at - out), INT16_MAX, again, ends, problem))
			continue;
		if (nvectors == 0 || memcmp(again, layout->vectors, nvectors * sizeof(TsdbVector)) == 0)
			return (size_t) (at - out);
		tsdb_layout_problem(problem, 0, "vectors are not read as they were written");
	}
	return 0;
}
