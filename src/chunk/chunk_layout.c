/*-------------------------------------------------------------------------
 * chunk_layout.c
 *	  Parses and checks the header of a chunk; pure, for any bytes at all.
 *
 * Used by chunk_reader.c, by chunk_layout_write.c (which verifies what it wrote), by tests and the fuzz target.
 *
 * Every fetch of a row whose chunk is not open comes through here, so vector tables are unpacked by few passes over
 * arrays on the stack: 5 ns a vector, 4 us for 12 columns of 60 vectors (tests/test_layout.c prints it).
 *
 * Invariants: nothing behind "len" is read; counts bound every write; arithmetic on values from the bytes is unsigned.
 *-------------------------------------------------------------------------
 */
#include "chunk_layout_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tsdb_codec.h"

_Static_assert(sizeof(TsdbHeaderDisk) % 8 == 0 && sizeof(TsdbColumnDisk) % 8 == 0 && sizeof(TsdbBlockRef) % 2 == 0,
			   "parts of the header are aligned");

/* Bytes still to be read. */
typedef struct Cursor
{
	const uint8_t *at;
	const uint8_t *end;
} Cursor;

bool
tsdb_layout_problem(TsdbLayoutProblem *problem, int attnum, const char *fmt, ...)
{
	va_list		args;

	problem->other_version = false;
	problem->attnum = attnum;
	va_start(args, fmt);
	vsnprintf(problem->text, sizeof(problem->text), fmt, args);
	va_end(args);
	return false;
}

/*-------------- places of blocks --------------*/

void
tsdb_replay_start(TsdbReplay *replay, uint16_t *ends, uint32_t nsegments)
{
	uint32_t	i;

	replay->ends = ends;
	replay->next_part = 0;
	for (i = 0; i < nsegments; i++)
		ends[i] = sizeof(TsdbSegmentDisk);
}

void
tsdb_replay_parts(TsdbReplay *replay, const TsdbBlockRef *parts, uint32_t first, uint32_t n)
{
	uint32_t	i;

	for (i = first; i < first + n; i++)
		tsdb_replay_block(replay, &parts[i]);
	replay->next_part = first + n;
}

/* Is the reference to a block in range?  Segment lengths are known only when they are read. */
static inline bool
block_ref_valid(const TsdbHeaderDisk *header, const TsdbBlockRef *ref)
{
	if (ref->spare != 0 || ref->segment >= header->nsegments || ref->length == 0)
		return false;
	if (ref->offset == TSDB_BLOCK_SPANS)
		return ref->length <= header->nsegments - ref->segment;
	return ref->offset >= sizeof(TsdbSegmentDisk) &&
		(uint32_t) ref->offset + ref->length <= TSDB_TUPLE_MAX_DATA;
}

static inline bool
block_ref_empty(const TsdbBlockRef *ref)
{
	return ref->segment == 0 && ref->offset == 0 && ref->length == 0 && ref->spare == 0;
}

/*-------------- arrays of integers --------------*/

static inline uint64_t
load64(const uint8_t *in)
{
	uint64_t	x;

	memcpy(&x, in, sizeof(x));
	return x;
}

/* n <= 8 bytes, the upper ones 0; the caller has checked that they are there. */
static inline uint64_t
load_bytes(const Cursor *in, unsigned n)
{
	uint64_t	x = 0;

	if (n == 0)
		return 0;
	if (in->end - in->at >= 8)
		return load64(in->at) << (64 - 8 * n) >> (64 - 8 * n);
	memcpy(&x, in->at, n);
	return x;
}

static inline uint64_t
load_signed(const Cursor *in, unsigned n)
{
	unsigned	spare = 64 - 8 * n;

	return n == 0 ? 0 : (uint64_t) ((int64_t) (load_bytes(in, n) << spare) >> spare);
}

/* values[n] of numbers of "width" bits; the bytes are there. */
static void
unpack_numbers(const Cursor *in, uint32_t n, unsigned width, uint64_t base, uint64_t factor, uint64_t *values)
{
	const uint64_t mask = (UINT64_C(1) << width) - 1;
	const size_t room = (size_t) (in->end - in->at);
	uint32_t	bit = 0;
	uint32_t	i = 0;

	/* as long as eight bytes are there; the rest byte by byte */
	if (room >= (n * width + 7) / 8 + 8)
	{
		for (; i < n; i++, bit += width)
			values[i] = base + factor * (load64(in->at + bit / 8) >> bit % 8 & mask);
		return;
	}
	for (; i < n && bit / 8 + 8 <= room; i++, bit += width)
		values[i] = base + factor * (load64(in->at + bit / 8) >> bit % 8 & mask);
	for (; i < n; i++, bit += width)
	{
		uint64_t	x = 0;

		memcpy(&x, in->at + bit / 8, (bit % 8 + width + 7) / 8);
		values[i] = base + factor * (x >> bit % 8 & mask);
	}
}

/* One array of n values, 1 <= n <= TSDB_CHUNK_MAX_VECTORS. */
static bool
array_read(Cursor *in, uint32_t n, uint64_t *values)
{
	unsigned	width;
	unsigned	nfirst = 0;
	unsigned	nbase;
	unsigned	nfactor;
	bool		delta;
	uint64_t	first = 0;
	uint64_t	base;
	uint64_t	factor;
	uint32_t	bits;
	uint32_t	i;

	if (in->end - in->at < 2)
		return false;
	width = in->at[0] & ~TSDB_ARRAY_DELTA;
	delta = (in->at[0] & TSDB_ARRAY_DELTA) != 0;
	nbase = in->at[1] & 15;
	nfactor = in->at[1] >> 4;
	in->at += 2;
	if (delta)
	{
		if (in->at == in->end)
			return false;
		nfirst = *in->at++;
		/* the first value has no number */
		n--;
	}
	bits = n * width;
	if ((width > TSDB_ARRAY_MAX_WIDTH && width != 64) || nfirst > 8 || nbase > 8 || nfactor > 8 ||
		(size_t) (in->end - in->at) < nfirst + nbase + nfactor + (bits + 7) / 8)
		return false;

	first = load_signed(in, nfirst);
	in->at += nfirst;
	base = load_signed(in, nbase);
	in->at += nbase;
	factor = nfactor == 0 ? 1 : load_bytes(in, nfactor);
	in->at += nfactor;
	if (delta)
		*values++ = first;

	if (width == 0)
	{
		for (i = 0; i < n; i++)
			values[i] = base;
	}
	else
	{
		if (bits % 8 != 0 && in->at[bits / 8] >> bits % 8 != 0)
			return false;
		if (width == 64)
		{
			for (i = 0; i < n; i++)
				values[i] = base + factor * load64(in->at + 8 * i);
		}
		else
			unpack_numbers(in, n, width, base, factor, values);
		in->at += (bits + 7) / 8;
	}
	if (delta)
	{
		for (i = 0; i < n; i++)
			values[i] = first += values[i];
	}
	return true;
}

/*-------------- checks --------------*/

/* NULL, or what is wrong with this vector of "rows" rows. */
static const char *
vector_problem(const TsdbLayout *layout, const TsdbVector *vector, uint32_t rows)
{
	const TsdbHeaderDisk *header = layout->header;
	uint32_t	first;
	uint32_t	i;

	if ((vector->flags & ~TSDB_VEC_KNOWN_FLAGS) != 0)
		return "unknown flags";
	if (vector->encoding >= TSDB_NENCODINGS)
		return "unknown encoding";
	if (vector->nnulls > rows)
		return "more NULLs than rows";
	if ((vector->flags & TSDB_VEC_ZONE) != 0 && vector->zone_min > vector->zone_max)
		return "zone's minimum is above its maximum";
	if (vector->nparts == 0)
	{
		if (vector->flags >> TSDB_VEC_PIECE_SHIFT != 0)
			return "piece size without pieces";
		if (vector->block.length == 0)
		{
			if (!block_ref_empty(&vector->block))
				return "reference to an empty block";
			return vector->nnulls == rows ? NULL : "no block, but values";
		}
		return block_ref_valid(header, &vector->block) ? NULL : "block reference out of range";
	}

	if (tsdb_vector_piece_rows(vector) > TSDB_VECTOR_ROWS / 2)
		return "piece size out of range";
	if (vector->nparts != (rows + tsdb_vector_piece_rows(vector) - 1) / tsdb_vector_piece_rows(vector))
		return "number of pieces does not match rows";
	if (vector->block.length != 0 || vector->block.spare != 0)
		return "block beside pieces";
	first = tsdb_vector_first_part(vector);
	if (first > header->nparts || vector->nparts > header->nparts - first)
		return "pieces out of range";
	for (i = first; i < first + vector->nparts; i++)
	{
		/* an empty reference: a piece of NULLs alone */
		if (!block_ref_empty(&layout->parts[i]) && !block_ref_valid(header, &layout->parts[i]))
			return "block reference of a piece out of range";
	}
	return NULL;
}

/* NULL, or what is wrong with this column by itself. */
static const char *
column_problem(const TsdbLayout *layout, const TsdbColumnDisk *column)
{
	const TsdbHeaderDisk *header = layout->header;
	bool		fits = false;
	uint32_t	i;

	switch (column->kind)
	{
		case TSDB_KIND_INT:
			fits = column->typbyval == 1 &&
				(column->typlen == 1 || column->typlen == 2 ||
				 column->typlen == 4 || column->typlen == 8);
			break;
		case TSDB_KIND_FLOAT4:
			fits = column->typbyval == 1 && column->typlen == 4;
			break;
		case TSDB_KIND_FLOAT8:
			fits = column->typbyval == 1 && column->typlen == 8;
			break;
		case TSDB_KIND_VARLENA:
			fits = column->typbyval == 0 && column->typlen == -1;
			break;
		case TSDB_KIND_CSTRING:
			fits = column->typbyval == 0 && column->typlen == -2;
			break;
		case TSDB_KIND_FIXED:
			fits = column->typbyval == 0 && column->typlen > 0;
			break;
		default:
			return "unknown kind";
	}
	if (!fits)
		return "kind does not match length and passing of the type";
	if ((column->flags & ~TSDB_COL_KNOWN_FLAGS) != 0 ||
		column->spare[0] != 0 || column->spare[1] != 0 || column->spare[2] != 0)
		return "unknown flags";

	if ((column->flags & TSDB_COL_FSST) != 0)
	{
		if (column->typbyval)
			return "symbol table of a by-value column";
		if (column->dict_count != 0)
			return "dictionary beside a symbol table";
		if (!block_ref_valid(header, &column->dict))
			return "reference to the symbol table out of range";
	}
	else if (column->dict_count == 0)
	{
		if (!block_ref_empty(&column->dict))
			return "dictionary without entries";
	}
	else if (!block_ref_valid(header, &column->dict))
		return "reference to the dictionary out of range";

	if ((column->flags & TSDB_COL_COLD) == 0)
		return column->first_plane == 0 && column->nplanes == 0 ? NULL : "planes of a column that is not cold";
	if (!column->typbyval && column->dict_count == 0)
		return "planes of a column of strings";
	if (column->nplanes == 0)
		return "cold column without planes";
	if (column->first_plane > header->nparts || column->nplanes > header->nparts - column->first_plane)
		return "planes out of range";
	for (i = 0; i < column->nplanes; i++)
	{
		const TsdbBlockRef *piece = &layout->parts[column->first_plane + i];

		if (!block_ref_valid(header, piece) || piece->offset == TSDB_BLOCK_SPANS)
			return "block reference of a plane out of range";
	}
	return NULL;
}

/*-------------- vector tables --------------*/

static bool
packed_arrays_read(Cursor *in, unsigned form, uint32_t n, TsdbPackedTable *t)
{
	return array_read(in, n, t->encoding) &&
		array_read(in, n, t->segment) &&
		array_read(in, n, t->length) &&
		((form & TSDB_TABLE_SPANS) == 0 || array_read(in, n, t->spans)) &&
		((form & TSDB_TABLE_OFFSETS) == 0 || array_read(in, n, t->offset)) &&
		((form & TSDB_TABLE_PIECES) == 0 || (array_read(in, n, t->piece) && array_read(in, n, t->part))) &&
		((form & TSDB_TABLE_NULLS) == 0 || array_read(in, n, t->nnulls)) &&
		((form & TSDB_TABLE_ZONES) == 0 || (array_read(in, n, t->zone_min) && array_read(in, n, t->zone_span)));
}

/*
 * What vector_problem would find is found here with less work: it is for numbers that do not fit their fields and
 * for blocks in no place; flags and counts that are derived need no check.
 */
static bool
packed_vectors_form(const TsdbLayout *layout, int attnum, unsigned form, const TsdbPackedTable *t,
					TsdbReplay *replay, TsdbVector *vectors, TsdbLayoutProblem *problem)
{
	const TsdbHeaderDisk *header = layout->header;
	const uint32_t n = header->nvectors;
	const bool	has_places = (form & (TSDB_TABLE_SPANS | TSDB_TABLE_OFFSETS)) != 0;
	uint64_t	last_segment = UINT64_MAX;	/* of the block before, and its end: not to wait for the store to ends[] */
	uint64_t	last_end = 0;
	uint32_t	v;

	for (v = 0; v < n; v++)
	{
		TsdbVector *vector = &vectors[v];
		uint32_t	rows = tsdb_vector_rows(header, v);
		uint64_t	nnulls = (form & TSDB_TABLE_NULLS) ? t->nnulls[v] : 0;

		memset(vector, 0, sizeof(*vector));
		if (t->encoding[v] >= TSDB_NENCODINGS)
			return tsdb_layout_problem(problem, attnum, "vector %u: unknown encoding", v);
		if (nnulls > rows)
			return tsdb_layout_problem(problem, attnum, "vector %u: more NULLs than rows", v);
		vector->encoding = (uint16_t) t->encoding[v];
		vector->nnulls = (uint16_t) nnulls;
		if ((form & TSDB_TABLE_ZONES) != 0 && nnulls < rows)
		{
			vector->flags = TSDB_VEC_ZONE;
			vector->zone_min = (int64_t) t->zone_min[v];
			vector->zone_max = (int64_t) (t->zone_min[v] + t->zone_span[v]);
			if (vector->zone_min > vector->zone_max)
				return tsdb_layout_problem(problem, attnum, "vector %u: zone's minimum is above its maximum", v);
		}

		if ((form & TSDB_TABLE_PIECES) != 0 && t->piece[v] != 0)
		{
			uint64_t	log2 = t->piece[v] - 1;
			uint64_t	first = replay->next_part + t->part[v];
			const char *wrong;

			if (log2 > 9)
				return tsdb_layout_problem(problem, attnum, "vector %u: piece size out of range", v);
			if (first > header->nparts)
				return tsdb_layout_problem(problem, attnum, "vector %u: pieces out of range", v);
			vector->flags |= (uint16_t) (log2 << TSDB_VEC_PIECE_SHIFT);
			vector->nparts = (uint16_t) ((rows + (UINT32_C(1) << log2) - 1) >> log2);
			vector->block.segment = (uint16_t) (first & 0xFFFF);
			vector->block.offset = (uint16_t) (first >> 16);
			wrong = vector_problem(layout, vector, rows);
			if (wrong)
				return tsdb_layout_problem(problem, attnum, "vector %u: %s", v, wrong);
			tsdb_replay_parts(replay, layout->parts, (uint32_t) first, vector->nparts);
			last_segment = UINT64_MAX;
		}
		else if (nnulls < rows)
		{
			uint64_t	segment = t->segment[v];
			uint64_t	length = t->length[v];
			uint64_t	offset;

			if (segment >= header->nsegments || length == 0 || length > UINT16_MAX)
				goto out_of_range;
			if (!has_places)
			{
				if (segment != last_segment)
					last_end = replay->ends[segment];
				offset = tsdb_block_start(last_end, length);
				if (offset + length > TSDB_TUPLE_MAX_DATA)
					goto out_of_range;
				last_segment = segment;
				last_end = offset + length;
				replay->ends[segment] = (uint16_t) last_end;
				vector->block.segment = (uint16_t) segment;
				vector->block.offset = (uint16_t) offset;
				vector->block.length = (uint16_t) length;
				continue;
			}
			if ((form & TSDB_TABLE_SPANS) != 0 && t->spans[v] != 0)
			{
				if (t->spans[v] != 1)
					goto out_of_range;
				offset = TSDB_BLOCK_SPANS;
			}
			else if ((form & TSDB_TABLE_OFFSETS) != 0)
				offset = t->offset[v];
			else
				offset = tsdb_block_start(replay->ends[segment], length);
			if (offset > TSDB_TUPLE_MAX_DATA && offset != TSDB_BLOCK_SPANS)
				goto out_of_range;
			vector->block.segment = (uint16_t) segment;
			vector->block.offset = (uint16_t) offset;
			vector->block.length = (uint16_t) length;
			if (!block_ref_valid(header, &vector->block))
				goto out_of_range;
			tsdb_replay_block(replay, &vector->block);
		}
	}
	return true;

out_of_range:
	return tsdb_layout_problem(problem, attnum, "vector %u: block reference out of range", v);
}

static bool
raw_vectors_read(const TsdbLayout *layout, int attnum, Cursor *in,
				 TsdbReplay *replay, TsdbVector *vectors, TsdbLayoutProblem *problem)
{
	const TsdbHeaderDisk *header = layout->header;
	uint32_t	v;

	if ((size_t) (in->end - in->at) < header->nvectors * sizeof(TsdbVector))
		return tsdb_layout_problem(problem, attnum, "its vectors lie outside of the header");
	memcpy(vectors, in->at, header->nvectors * sizeof(TsdbVector));
	in->at += header->nvectors * sizeof(TsdbVector);
	for (v = 0; v < header->nvectors; v++)
	{
		const char *wrong = vector_problem(layout, &vectors[v], tsdb_vector_rows(header, v));

		if (wrong)
			return tsdb_layout_problem(problem, attnum, "vector %u: %s", v, wrong);
		if (vectors[v].nparts > 0)
			tsdb_replay_parts(replay, layout->parts, tsdb_vector_first_part(&vectors[v]), vectors[v].nparts);
		else
			tsdb_replay_block(replay, &vectors[v].block);
	}
	return true;
}

/* One column, which holds by itself. */
static bool
table_read(const TsdbLayout *layout, const TsdbColumnDisk *column, Cursor *in,
		   TsdbReplay *replay, TsdbVector *vectors, TsdbLayoutProblem *problem)
{
	TsdbPackedTable packed;
	unsigned	form;

	if (in->at == in->end)
		return tsdb_layout_problem(problem, column->attnum, "its vectors lie outside of the header");
	form = *in->at++;
	if ((form & ~TSDB_TABLE_KNOWN_BITS) != 0 ||
		((form & TSDB_TABLE_PACKED) == 0 && (form & ~TSDB_TABLE_PLANES_LAST) != 0) ||
		((form & TSDB_TABLE_PLANES_LAST) != 0 && column->nplanes == 0))
		return tsdb_layout_problem(problem, column->attnum, "unknown form of its vectors");

	tsdb_replay_block(replay, &column->dict);
	if (column->nplanes > 0 && (form & TSDB_TABLE_PLANES_LAST) == 0)
		tsdb_replay_parts(replay, layout->parts, column->first_plane, column->nplanes);
	if ((form & TSDB_TABLE_PACKED) == 0)
	{
		if (!raw_vectors_read(layout, column->attnum, in, replay, vectors, problem))
			return false;
	}
	else
	{
		if (!packed_arrays_read(in, form, layout->header->nvectors, &packed))
			return tsdb_layout_problem(problem, column->attnum, "its vectors cannot be unpacked");
		if (!packed_vectors_form(layout, column->attnum, form, &packed, replay, vectors, problem))
			return false;
	}
	if ((form & TSDB_TABLE_PLANES_LAST) != 0)
		tsdb_replay_parts(replay, layout->parts, column->first_plane, column->nplanes);
	return true;
}

bool
tsdb_layout_read_tables(const TsdbLayout *layout, const uint8_t *bytes, size_t len, int natts,
						TsdbVector *vectors, uint16_t *ends, TsdbLayoutProblem *problem)
{
	const TsdbHeaderDisk *header = layout->header;
	Cursor		in = {bytes, bytes + len};
	TsdbReplay	replay;
	int			last_attnum = 0;
	uint32_t	c;

	tsdb_replay_start(&replay, ends, header->nsegments);
	for (c = 0; c < header->ncolumns; c++)
	{
		const TsdbColumnDisk *column = &layout->columns[c];
		const char *wrong;

		if (column->attnum <= last_attnum || column->attnum > natts)
			return tsdb_layout_problem(problem, 0, "column number %d follows %d; the table has %d columns",
									   column->attnum, last_attnum, natts);
		last_attnum = column->attnum;
		wrong = column_problem(layout, column);
		if (wrong)
			return tsdb_layout_problem(problem, column->attnum, "%s", wrong);
		if (!table_read(layout, column, &in, &replay, vectors + (size_t) c * header->nvectors, problem))
			return false;
	}
	if (in.at != in.end)
		return tsdb_layout_problem(problem, 0, "header has %zu bytes too many", (size_t) (in.end - in.at));
	return true;
}

/*-------------- the header --------------*/

size_t
tsdb_layout_measure(const uint8_t *bytes, size_t len, const TsdbLayoutExpected *expected,
					TsdbLayoutProblem *problem)
{
	const TsdbHeaderDisk *header = (const TsdbHeaderDisk *) bytes;

	if (len < sizeof(TsdbHeaderDisk))
	{
		tsdb_layout_problem(problem, 0, "header has %zu bytes", len);
		return 0;
	}
	if (header->version != TSDB_HEADER_VERSION)
	{
		tsdb_layout_problem(problem, 0, "%s", "");
		problem->other_version = true;
		return 0;
	}
	if (header->chunk_id != expected->chunk_id || header->nrows != expected->nrows ||
		header->nsegments != expected->nsegments ||
		header->nrows < 1 || header->nrows > TSDB_CHUNK_MAX_ROWS ||
		header->nvectors != (header->nrows + TSDB_VECTOR_ROWS - 1) / TSDB_VECTOR_ROWS ||
		header->ncolumns > TSDB_MAX_COLUMNS)
	{
		tsdb_layout_problem(problem, 0,
							"header of chunk %u has %u rows in %u vectors, %u columns, %u segments; the directory says %u rows, %u segments",
							header->chunk_id, header->nrows, header->nvectors, header->ncolumns,
							header->nsegments, expected->nrows, expected->nsegments);
		return 0;
	}
	/* a column has one byte of vector table at least */
	if (tsdb_layout_fixed_bytes(header) + header->ncolumns > len)
	{
		tsdb_layout_problem(problem, 0, "header should have %zu bytes or more, but has %zu",
							tsdb_layout_fixed_bytes(header) + header->ncolumns, len);
		return 0;
	}
	if (header->flags != 0 || header->spare != 0 || header->spare2 != 0)
	{
		tsdb_layout_problem(problem, 0, "unknown flags in the header");
		return 0;
	}
	/* never 0 */
	return (size_t) header->ncolumns * header->nvectors * sizeof(TsdbVector) +
		(size_t) header->nsegments * sizeof(uint16_t) + 8;
}

bool
tsdb_layout_parse(const uint8_t *bytes, size_t len, const TsdbLayoutExpected *expected,
				  void *memory, TsdbLayout *layout, TsdbLayoutProblem *problem)
{
	const TsdbHeaderDisk *header = (const TsdbHeaderDisk *) bytes;
	TsdbVector *vectors = memory;
	size_t		fixed;

	if (tsdb_layout_measure(bytes, len, expected, problem) == 0)
		return false;
	fixed = tsdb_layout_fixed_bytes(header);
	layout->header = header;
	layout->columns = (const TsdbColumnDisk *) (header + 1);
	layout->parts = (const TsdbBlockRef *) (layout->columns + header->ncolumns);
	layout->tids = (const TsdbTidDisk *) (layout->parts + header->nparts);
	layout->vectors = vectors;
	return tsdb_layout_read_tables(layout, bytes + fixed, len - fixed, expected->natts, vectors,
								   (uint16_t *) (vectors + (size_t) header->ncolumns * header->nvectors), problem);
}
