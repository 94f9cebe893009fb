/*-------------------------------------------------------------------------
 * chunk_writer.c
 *	  Encodes rows of a column buffer into a chunk and hands its tuples to a sink.
 *
 * Used by am/ (direct load, compress, recompress, rewrites).
 *
 * A chunk is encoded whole in memory, column by column, vector by vector, because keys of its
 * segments depend on the number of header tuples; then segments go to the sink, then the
 * header, which holds their TIDs.  Memory is kept from chunk to chunk.
 *
 * Packing is column-major, so that reading a column touches few pages.  A segment is a whole
 * page, and a block must not straddle two: with blocks of 5,000 bytes that would leave 40 % of each
 * page empty.  So a vector that does not fit the open segment may be cut by rows into
 * self-contained pieces (512, 256, ... rows), some of which fill the rest of the segment; plan_pieces
 * weighs the room won against 8 bytes of reference and 16 of block header a piece.
 *
 * Invariant: the same rows in the same order give the same bytes.
 *-------------------------------------------------------------------------
 */
#include "chunk/chunk_layout.h"
#include "chunk/chunk_writer_internal.h"

#include "injection.h"
#include "miscadmin.h"
#include "planes.h"
#include "utils/memutils.h"

/* pieces for the sake of packing alone have 256 rows: shorter blocks pack integers so that they decode slowly */
#define MIN_PACKING_PIECE_LOG2	8
/* reference, block header and padding: what one more piece costs */
#define PIECE_OVERHEAD			32
/* a reader of one row copies a spanning block: longer ones only where much room is won */
#define SPAN_SOFT_LIMIT			(64 * 1024)

/* the share that entropy coding of cold chunks must save */
#define COLD_MUST_SAVE			32

/* strings of a vector above this are cut by rows before they are compressed: reading one row means decompressing a piece */
#define COMPRESS_WHOLE_LIMIT	(512 * 1024)

/* memory that a writer keeps between chunks */
#define KEEP_BYTES				(16 * 1024 * 1024)


/*-------------------------------------------------------------------------
 * Memory
 *-------------------------------------------------------------------------
 */

void *
tsdb_pool_reserve(TsdbChunkWriter *w, TsdbPool *pool, Size size)
{
	if (size > pool->size)
	{
		Size		newsize = Max(size, pool->size * 2);

		newsize = TYPEALIGN(1024, newsize);
		if (pool->data == NULL)
			pool->data = MemoryContextAllocHuge(w->cxt, newsize);
		else
			pool->data = repalloc_huge(pool->data, newsize);
		pool->size = newsize;
	}
	return pool->data;
}

static void
pool_trim(TsdbPool *pool)
{
	if (pool->size > KEEP_BYTES)
	{
		pfree(pool->data);
		pool->data = NULL;
		pool->size = 0;
	}
}

/* MemoryContextCallback */
static void
free_bytes_context(void *arg)
{
	TsdbChunkWriter *w = arg;

	tsdb_bytes_context_free(w->bytes_context);
	w->bytes_context = NULL;
}

TsdbChunkWriter *
tsdb_chunk_writer_create(MemoryContext parent)
{
	MemoryContext cxt = AllocSetContextCreate(parent, "tsdb chunk writer",
											  ALLOCSET_DEFAULT_SIZES);
	TsdbChunkWriter *w = MemoryContextAllocZero(cxt, sizeof(TsdbChunkWriter));

	w->cxt = cxt;
	w->scratch = MemoryContextAllocZero(cxt, tsdb_codec_scratch_size());
	w->cxt_callback.func = free_bytes_context;
	w->cxt_callback.arg = w;
	MemoryContextRegisterResetCallback(cxt, &w->cxt_callback);
	return w;
}

void
tsdb_chunk_writer_free(TsdbChunkWriter *writer)
{
	MemoryContextDelete(writer->cxt);
}

void
tsdb_chunk_writer_set_cold(TsdbChunkWriter *writer, bool cold)
{
	writer->cold = cold;
}

Size
tsdb_chunk_writer_bytes(TsdbChunkWriter *writer)
{
	return MemoryContextMemAllocated(writer->cxt, true);
}


/*-------------------------------------------------------------------------
 * Vectors
 *-------------------------------------------------------------------------
 */

static TsdbLane
column_lane(const TsdbColumn *col)
{
	switch (col->typlen)
	{
		case 1:
			return TSDB_LANE_INT8;
		case 2:
			return TSDB_LANE_INT16;
		case 4:
			return TSDB_LANE_INT32;
		default:
			return TSDB_LANE_INT64;
	}
}

static TsdbLaneMeaning
column_meaning(const TsdbColumn *col)
{
	if (col->kind == TSDB_KIND_FLOAT8)
		return TSDB_MEANS_FLOAT8;
	if (col->kind == TSDB_KIND_FLOAT4)
		return TSDB_MEANS_FLOAT4;
	return TSDB_MEANS_INT;
}

/* Rows of vector v, as places in perm. */
static inline uint32
vector_rows(TsdbChunkWriter *w, uint32 v)
{
	return Min(TSDB_VECTOR_ROWS, w->nrows - v * TSDB_VECTOR_ROWS);
}

/* Fetches the NULL flags of vector v. */
static void
gather_nulls(TsdbChunkWriter *w, uint32 v)
{
	const uint32 *perm = w->perm + (Size) v * TSDB_VECTOR_ROWS;
	const bool *nulls = w->col->nulls;
	uint32		nnulls = 0;
	uint32		i;

	w->n = vector_rows(w, v);
	if (w->col->hasnulls)
	{
		for (i = 0; i < w->n; i++)
		{
			w->isnull[i] = nulls[perm[i]];
			nnulls += w->isnull[i];
		}
	}
	else
		memset(w->isnull, 0, w->n);
	w->nnulls = nnulls;
}

void
tsdb_writer_gather_ints(TsdbChunkWriter *w, uint32 v)
{
	const uint32 *perm = w->perm + (Size) v * TSDB_VECTOR_ROWS;
	const int64 *values = w->col->values;
	uint32		i;

	gather_nulls(w, v);
	for (i = 0; i < w->n; i++)
		w->values[i] = values[perm[i]];
}

/* The same of a column with a dictionary. */
static void
gather_codes(TsdbChunkWriter *w, uint32 v)
{
	const uint32 *row_codes = (uint32 *) w->row_codes.data + (Size) v * TSDB_VECTOR_ROWS;
	const uint32 *code_of = w->code_of.data;
	uint32		i;

	gather_nulls(w, v);
	for (i = 0; i < w->n; i++)
		w->codes[i] = w->isnull[i] ? 0 : code_of[row_codes[i]];
}

/* Bounds of the codes of rows that are not NULL; there is one. */
static void
code_bounds(TsdbChunkWriter *w, int64 *min, int64 *max)
{
	uint32		lo = PG_UINT32_MAX;
	uint32		hi = 0;
	uint32		i;

	for (i = 0; i < w->n; i++)
	{
		if (w->isnull[i])
			continue;
		lo = Min(lo, w->codes[i]);
		hi = Max(hi, w->codes[i]);
	}
	Assert(lo <= hi);
	*min = lo;
	*max = hi;
}

void
tsdb_writer_gather_strings(TsdbChunkWriter *w, uint32 v)
{
	const uint32 *perm = w->perm + (Size) v * TSDB_VECTOR_ROWS;
	const uint32 *offsets = w->col->offsets;
	uint32		i;

	gather_nulls(w, v);
	w->total_len = 0;
	w->weights[0] = 0;
	for (i = 0; i < w->n; i++)
	{
		if (w->isnull[i])
		{
			w->strings[i].data = NULL;
			w->strings[i].len = 0;
		}
		else
		{
			TsdbArenaValue *value = tsdb_arena_value(w->buf, offsets[perm[i]]);

			w->strings[i].data = value->bytes;
			w->strings[i].len = value->len;
		}
		w->total_len += w->strings[i].len;
		/* a chunk has 64 MB at most: no overflow */
		w->weights[i + 1] = w->weights[i] + w->strings[i].len + 1;
	}
}

/* Bounds of the values that are not NULL; there is one. */
static void
value_bounds(TsdbChunkWriter *w, int64 *min, int64 *max)
{
	int64		lo = PG_INT64_MAX;
	int64		hi = PG_INT64_MIN;
	uint32		i;

	if (w->nnulls == 0)
	{
		for (i = 0; i < w->n; i++)
		{
			lo = Min(lo, w->values[i]);
			hi = Max(hi, w->values[i]);
		}
	}
	else
	{
		for (i = 0; i < w->n; i++)
		{
			if (w->isnull[i])
				continue;
			lo = Min(lo, w->values[i]);
			hi = Max(hi, w->values[i]);
		}
	}
	Assert(lo <= hi);
	*min = lo;
	*max = hi;
}

Size
tsdb_writer_encode_rows(TsdbChunkWriter *w, uint32 first, uint32 n, uint8 *const *planes, TsdbEncoding *encoding)
{
	const bool *isnull = w->nnulls > 0 ? w->isnull + first : NULL;
	Size		bound;
	Size		len;

	switch (w->source)
	{
		case TSDB_SOURCE_INTS:
			bound = tsdb_int_bound(n, column_lane(w->col));
			len = tsdb_int_encode_cold(w->values + first, isnull, n,
									   column_lane(w->col), column_meaning(w->col), planes, &w->nplanes,
									   tsdb_pool_reserve(w, &w->block, bound), encoding, w->scratch);
			break;
		case TSDB_SOURCE_CODES:
			bound = tsdb_codes_bound(n);
			len = tsdb_codes_encode_cold(w->codes + first, isnull, n, planes, &w->nplanes,
										 tsdb_pool_reserve(w, &w->block, bound), encoding, w->scratch);
			break;
		default:
			{
				Size		total = w->weights[first + n] - w->weights[first] - n;

				if (w->streams_kind != TSDB_STREAMS_NONE)
				{
					bound = tsdb_type_streams_bound(n, total);
					len = tsdb_type_streams_encode(w->streams_kind, w->strings + first, isnull, n,
												   tsdb_pool_reserve(w, &w->block, bound), &w->streams, w->scratch);
					if (len > 0)
					{
						*encoding = TSDB_ENC_STREAMS;
						break;
					}
				}
				bound = tsdb_bytes_bound(n, total);
				len = tsdb_bytes_encode_with(w->strings + first, isnull, n, &w->method,
											 tsdb_pool_reserve(w, &w->block, bound),
											 tsdb_pool_reserve(w, &w->bytes_work, tsdb_bytes_work_size(total)),
											 encoding, w->scratch);
			}
			break;
	}
	if (len == 0 || len > bound)
		elog(ERROR, "encoder wrote %zu bytes where at most %zu were expected", len, bound);
	return len;
}

/* Are all values that are not NULL the same place or the same bytes? */
static bool
strings_equal(TsdbChunkWriter *w)
{
	const TsdbBytes *first = NULL;
	uint32		i;

	for (i = 0; i < w->n; i++)
	{
		const TsdbBytes *string = &w->strings[i];

		if (w->isnull[i])
			continue;
		if (first == NULL)
			first = string;
		else if (string->data != first->data &&
				 (string->len != first->len || memcmp(string->data, first->data, first->len) != 0))
			return false;
	}
	return true;
}

static bool
all_null(TsdbChunkWriter *w, uint32 first, uint32 n)
{
	return w->nnulls > 0 && memchr(w->isnull + first, false, n) == NULL;
}

/* Estimated bytes of a block of n rows of the vector, whose whole block has (about) len. */
static inline Size
estimate_rows(TsdbChunkWriter *w, Size len, uint32 first, uint32 n)
{
	Size		body = len > 16 ? len - 16 : 0;

	if (w->source == TSDB_SOURCE_STRINGS)
		return 16 + body * (w->weights[first + n] - w->weights[first]) / w->weights[w->n];
	return 16 + body * n / w->n;
}

/*
 * Into pieces of how many rows (log2) is the vector best cut?  len: (about) the length of its
 * block, hole: room in the segment to fill.  Returns -1 for not at all.
 *
 * Cost of an alternative: room left behind, by simulated packing, and overhead of pieces.
 * Long spanning blocks cost extra, since reading one row means copying all of one.
 */
static int
plan_pieces(TsdbChunkWriter *w, Size len, Size hole)
{
	bool		fits = len <= TSDB_SEGMENT_PAYLOAD;
	int			lowest = fits ? MIN_PACKING_PIECE_LOG2 : 0;
	int			best = -1;
	Size		best_cost = 0;
	int			log2;

	for (log2 = 10; log2 >= lowest; log2--)
	{
		uint32		rows = (uint32) 1 << log2;
		Size		room = hole;
		Size		cost = 0;
		Size		longest = 0;
		uint32		first;

		if (log2 < 10 && rows >= w->n)
			continue;
		for (first = 0; first < w->n; first += rows)
		{
			Size		piece = estimate_rows(w, len, first, Min(rows, w->n - first));

			piece = TYPEALIGN(16, piece);
			longest = Max(longest, piece);
			if (log2 < 10)
				cost += PIECE_OVERHEAD;
			if (piece <= room)
				room -= piece;
			else if (piece <= TSDB_SEGMENT_PAYLOAD)
			{
				cost += room;
				room = TSDB_SEGMENT_PAYLOAD - piece;
			}
			else
			{
				/* other tuples may use some of the last page */
				Size		tail = piece % TSDB_SEGMENT_PAYLOAD;

				cost += (TSDB_SEGMENT_PAYLOAD - tail) / 2;
				if (piece > SPAN_SOFT_LIMIT)
					cost += (piece - SPAN_SOFT_LIMIT) / 8;
			}
		}
		/* a coarser cut is kept unless a finer one wins clearly */
		if (best_cost == 0 && log2 == 10)
			best_cost = cost;
		else if (cost + len / 64 + 64 < best_cost)
		{
			best = log2;
			best_cost = cost;
		}
		if (longest <= TSDB_SEGMENT_PAYLOAD / 16)
			break;
	}
	return best;
}

/* Counts a block that is going to be stored. */
static void
count_block(TsdbChunkWriter *w, TsdbEncoding encoding, uint32 n, Size len)
{
	TsdbCodecCount *count = &w->counts[encoding];
	unsigned	nfallbacks = tsdb_codec_fallbacks(w->scratch);

	count->blocks++;
	count->values += n;
	count->bytes += len;
	/* blocks that were encoded for comparison alone count too: the fault is the same */
	count->fallbacks += nfallbacks - w->nfallbacks;
	w->nfallbacks = nfallbacks;
}

/* Encodes the gathered vector, stores its block or pieces, completes its descriptor. */
static void
encode_vector(TsdbChunkWriter *w, TsdbVector *vector)
{
	TsdbEncoding encoding = TSDB_ENC_NULL;	/* of the first block */
	TsdbEncoding whole = TSDB_ENC_NULL;
	Size		len = 0;
	int			log2 = -1;

	vector->nnulls = (uint16) w->nnulls;
	if (w->nnulls == w->n)
	{
		vector->encoding = TSDB_ENC_NULL;
		return;
	}

	if (w->source == TSDB_SOURCE_STRINGS && w->streams_kind == TSDB_STREAMS_NONE &&
		w->total_len > (w->method.encoding == TSDB_ENC_BYTES ? 2 * TSDB_SEGMENT_PAYLOAD : COMPRESS_WHOLE_LIMIT) &&
		!strings_equal(w))
	{
		/* will be cut in any case: do not copy megabytes for nothing */
		log2 = plan_pieces(w, 16 + w->weights[w->n], tsdb_packer_hole(w));
	}
	else
	{
		Size		hole = tsdb_packer_hole(w);

		len = tsdb_writer_encode_rows(w, 0, w->n, NULL, &whole);
		/* pieces of one repeated string would hold it once each */
		if (len > hole && (hole > 0 || len > TSDB_SEGMENT_PAYLOAD) &&
			!(w->source == TSDB_SOURCE_STRINGS && whole == TSDB_ENC_CONST))
			log2 = plan_pieces(w, len, hole);
	}

	if (log2 >= 0)
	{
		uint32		rows = (uint32) 1 << log2;
		uint32		nparts = (w->n + rows - 1) / rows;
		uint32		first_part = w->nparts;
		TsdbBlockRef *parts;
		uint32		i;

		parts = tsdb_pool_reserve(w, &w->parts, (Size) (w->nparts + nparts) * sizeof(TsdbBlockRef));
		memset(parts + w->nparts, 0, nparts * sizeof(TsdbBlockRef));
		w->nparts += nparts;
		for (i = 0; i < nparts; i++)
		{
			TsdbEncoding piece_encoding;
			uint32		first = i * rows;
			uint32		n = Min(rows, w->n - first);

			/* a piece of NULLs alone has no block */
			if (all_null(w, first, n))
				continue;
			len = tsdb_writer_encode_rows(w, first, n, NULL, &piece_encoding);
			parts[first_part + i] = tsdb_packer_place(w, w->block.data, len);
			count_block(w, piece_encoding, n, len);
			if (encoding == TSDB_ENC_NULL)
				encoding = piece_encoding;
		}
		vector->block.segment = (uint16) (first_part & 0xFFFF);
		vector->block.offset = (uint16) (first_part >> 16);
		vector->nparts = (uint16) nparts;
		vector->flags |= (uint16) (log2 << TSDB_VEC_PIECE_SHIFT);
	}
	else
	{
		if (len == 0)
			len = tsdb_writer_encode_rows(w, 0, w->n, NULL, &whole);
		encoding = whole;
		vector->block = tsdb_packer_place(w, w->block.data, len);
		count_block(w, whole, w->n, len);
	}
	vector->encoding = (uint16) encoding;
}


/*-------------------------------------------------------------------------
 * Columns
 *-------------------------------------------------------------------------
 */

/* Fetches vector v from the column's source; begins its descriptor. */
static void
gather_vector(TsdbChunkWriter *w, uint32 v, TsdbVector *vector)
{
	memset(vector, 0, sizeof(*vector));
	if (w->source == TSDB_SOURCE_INTS || w->col->kind == TSDB_KIND_INT)
		tsdb_writer_gather_ints(w, v);
	if (w->col->kind == TSDB_KIND_INT && w->nnulls < w->n)
	{
		vector->flags |= TSDB_VEC_ZONE;
		value_bounds(w, &vector->zone_min, &vector->zone_max);
	}
	if (w->source == TSDB_SOURCE_CODES)
		gather_codes(w, v);
	else if (w->source == TSDB_SOURCE_STRINGS)
		tsdb_writer_gather_strings(w, v);
	if (w->source == TSDB_SOURCE_CODES && !w->col->typbyval && w->nnulls < w->n)
	{
		vector->flags |= TSDB_VEC_ZONE;
		code_bounds(w, &vector->zone_min, &vector->zone_max);
	}
	tsdb_summary_add_vector(w, vector);
}

/* Where in the planes the rows of vector v have their bytes. */
static void
planes_of_vector(TsdbChunkWriter *w, uint32 v, uint8 **planes)
{
	int			p;

	for (p = 0; p < TSDB_MAX_PLANES; p++)
		planes[p] = w->planes[p] + (Size) v * TSDB_VECTOR_ROWS;
}

/* A column encoded for size, in memory: blocks in w->cold_blocks, coded planes in w->plane_frames. */
typedef struct ColdColumn
{
	uint32		lengths[TSDB_CHUNK_MAX_VECTORS];	/* of blocks */
	Size		frames;			/* bytes of coded planes; 0: there are none, or they save nothing */
	Size		bytes;			/* blocks and frames; or, without planes, of the usual blocks */
} ColdColumn;

/*
 * Encodes the column both as usual and with numbers in byte planes, for which an entropy coder sees the whole
 * column.  Stores nothing yet.
 */
static void
encode_cold(TsdbChunkWriter *w, TsdbVector *vectors, ColdColumn *cold)
{
	TsdbEncoding encoding;
	Size		hot_bytes = 0;
	Size		cold_bytes = 0;
	uint8	   *blocks;
	uint32		v;
	int			p;

	(void) tsdb_pool_reserve(w, &w->plane_bytes, (Size) TSDB_MAX_PLANES * TSDB_CHUNK_MAX_ROWS);
	for (p = 0; p < TSDB_MAX_PLANES; p++)
	{
		w->planes[p] = (uint8 *) w->plane_bytes.data + (Size) p * TSDB_CHUNK_MAX_ROWS;
		memset(w->planes[p], 0, w->nrows);
	}
	w->nplanes = 0;
	for (v = 0; v < w->nvectors; v++)
	{
		uint8	   *planes[TSDB_MAX_PLANES];

		CHECK_FOR_INTERRUPTS();
		cold->lengths[v] = 0;
		gather_vector(w, v, &vectors[v]);
		vectors[v].nnulls = (uint16) w->nnulls;
		vectors[v].encoding = TSDB_ENC_NULL;
		if (w->nnulls == w->n)
			continue;
		hot_bytes += tsdb_writer_encode_rows(w, 0, w->n, NULL, &encoding);
		planes_of_vector(w, v, planes);
		cold->lengths[v] = (uint32) tsdb_writer_encode_rows(w, 0, w->n, planes, &encoding);
		vectors[v].encoding = (uint16) encoding;
		blocks = tsdb_pool_reserve(w, &w->cold_blocks, cold_bytes + cold->lengths[v]);
		memcpy(blocks + cold_bytes, w->block.data, cold->lengths[v]);
		cold_bytes += cold->lengths[v];
	}
	cold->frames = 0;
	cold->bytes = hot_bytes;
	if (w->nplanes > 0)
		cold->frames = tsdb_planes_pack((const uint8 *const *) w->planes, w->nplanes, w->nrows,
										tsdb_pool_reserve(w, &w->plane_frames,
														  tsdb_planes_bound(w->nplanes, w->nrows)));
	if (cold->frames == 0 || cold_bytes + cold->frames + hot_bytes / COLD_MUST_SAVE > hot_bytes)
		cold->frames = 0;
	else
		cold->bytes = cold_bytes + cold->frames;
}

/* Stores what encode_cold made; there are frames. */
static void
store_cold(TsdbChunkWriter *w, TsdbVector *vectors, const ColdColumn *cold)
{
	const uint8 *blocks = w->cold_blocks.data;
	uint32		v;

	w->column->flags |= TSDB_COL_COLD;
	w->column->first_plane = w->nparts;
	w->column->nplanes = (uint8) tsdb_packer_place_pieces(w, w->plane_frames.data, cold->frames);
	for (v = 0; v < w->nvectors; v++)
	{
		if (cold->lengths[v] > 0)
		{
			vectors[v].block = tsdb_packer_place(w, blocks, cold->lengths[v]);
			count_block(w, (TsdbEncoding) vectors[v].encoding, vector_rows(w, v), cold->lengths[v]);
		}
		blocks += cold->lengths[v];
	}
}

/*
 * encode_cold for numbers that have just got a dictionary: takes it back if planes of the numbers themselves are smaller than
 * it and planes of codes, which lose that neighbours are near each other.
 */
static void
encode_cold_either(TsdbChunkWriter *w, TsdbVector *vectors, const TsdbPackerMark *before, ColdColumn *cold)
{
	Size		numbers;

	w->source = TSDB_SOURCE_INTS;
	encode_cold(w, vectors, cold);
	numbers = cold->bytes;
	w->source = TSDB_SOURCE_CODES;
	encode_cold(w, vectors, cold);
	if (numbers > w->column->stored_bytes + cold->bytes)
		return;

	tsdb_packer_return(w, before);
	memset(&w->column->dict, 0, sizeof(w->column->dict));
	w->column->dict_count = 0;
	w->column->stored_bytes = 0;
	w->dict_count = 0;
	w->source = TSDB_SOURCE_INTS;
	encode_cold(w, vectors, cold);
}

static void
encode_column(TsdbChunkWriter *w, int c)
{
	TsdbColumn *col = &w->buf->columns[c];
	TsdbColumnDisk *column = (TsdbColumnDisk *) w->columns.data + c;
	TsdbVector *vectors = (TsdbVector *) w->vectors.data + (Size) c * w->nvectors;
	TsdbPackerMark mark = tsdb_packer_mark(w);
	ColdColumn	cold;
	uint32		nvalid = w->nrows;
	uint32		v;
	uint32		i;

	w->col = col;
	w->column = column;
	w->dict_count = 0;
	w->streams_kind = col->typbyval ? TSDB_STREAMS_NONE : tsdb_type_streams_kind(col->typid);
	memset(&w->method, 0, sizeof(w->method));
	w->method.encoding = TSDB_ENC_BYTES;

	memset(column, 0, sizeof(*column));
	column->attnum = col->attnum;
	column->typlen = col->typlen;
	column->typbyval = col->typbyval;
	column->typalign = (uint8) col->typalign;
	column->kind = (uint8) col->kind;
	column->typid = col->typid;
	tsdb_summary_begin_column(w, c);

	if (col->hasnulls)
	{
		for (i = 0; i < w->nrows; i++)
			nvalid -= col->nulls[w->perm[i]];
	}

	if (col->typbyval)
	{
		w->source = TSDB_SOURCE_INTS;
		column->raw_bytes = (uint64) nvalid * col->typlen;
		tsdb_dictionary_of_ints(w);
	}
	else
	{
		Size		strings_len = 0;

		w->source = TSDB_SOURCE_STRINGS;
		for (i = 0; i < w->nrows; i++)
		{
			uint32		len = tsdb_arena_value(w->buf, col->offsets[w->perm[i]])->len;

			/* NULL rows point to an empty value */
			strings_len += len;
			if (col->kind == TSDB_KIND_VARLENA)
				column->raw_bytes += len + (tsdb_is_short(col, len) ? VARHDRSZ_SHORT : VARHDRSZ);
			else if (col->kind == TSDB_KIND_CSTRING)
				column->raw_bytes += len + 1;
			else
				column->raw_bytes += len;
		}
		if (col->kind == TSDB_KIND_VARLENA && col->hasnulls)
			column->raw_bytes -= (uint64) (w->nrows - nvalid) * (col->can_be_short ? VARHDRSZ_SHORT : VARHDRSZ);
		else if (col->kind == TSDB_KIND_CSTRING)
			column->raw_bytes -= w->nrows - nvalid;
		tsdb_dictionary_of_strings(w, nvalid, strings_len);
		if (w->source == TSDB_SOURCE_STRINGS && w->streams_kind == TSDB_STREAMS_NONE)
			tsdb_choose_bytes_method(w);
	}

	if (w->cold && w->source != TSDB_SOURCE_STRINGS)
	{
		if (col->typbyval && w->source == TSDB_SOURCE_CODES)
			encode_cold_either(w, vectors, &mark, &cold);
		else
			encode_cold(w, vectors, &cold);
		if (cold.frames > 0)
		{
			store_cold(w, vectors, &cold);
			tsdb_summary_end_column(w);
			return;
		}
	}
	for (v = 0; v < w->nvectors; v++)
	{
		gather_vector(w, v, &vectors[v]);
		encode_vector(w, &vectors[v]);
	}
	tsdb_summary_end_column(w);
}

/* Time range of the chunk, from the zones of the time column. */
static void
set_time_range(TsdbChunkWriter *w, AttrNumber time_attnum, TsdbDirEntryDisk *d)
{
	TsdbColumnBuffer *buf = w->buf;
	const TsdbVector *vectors;
	int			c;
	uint32		v;

	d->time_attnum = 0;
	d->time_min = 0;
	d->time_max = 0;
	if (time_attnum < 1 || time_attnum > buf->tupdesc->natts)
		return;
	c = buf->column_of_att[time_attnum - 1];
	if (c < 0 || buf->columns[c].kind != TSDB_KIND_INT)
		return;

	d->time_attnum = time_attnum;
	vectors = (TsdbVector *) w->vectors.data + (Size) c * w->nvectors;
	for (v = 0; v < w->nvectors; v++)
	{
		if (vectors[v].nnulls > 0)
			d->flags |= TSDB_DIR_TIME_NULLS;
		if ((vectors[v].flags & TSDB_VEC_ZONE) == 0)
			continue;
		if ((d->flags & TSDB_DIR_TIME) == 0)
		{
			d->time_min = vectors[v].zone_min;
			d->time_max = vectors[v].zone_max;
			d->flags |= TSDB_DIR_TIME;
		}
		d->time_min = Min(d->time_min, vectors[v].zone_min);
		d->time_max = Max(d->time_max, vectors[v].zone_max);
	}
}


/*-------------------------------------------------------------------------
 * Chunks
 *-------------------------------------------------------------------------
 */

uint32
tsdb_chunk_even_part(uint32 nleft)
{
	uint32		nchunks = (nleft + TSDB_CHUNK_MAX_ROWS - 1) / TSDB_CHUNK_MAX_ROWS;
	uint32		nvectors = (nleft + TSDB_VECTOR_ROWS - 1) / TSDB_VECTOR_ROWS;
	uint32		part = (nvectors + nchunks - 1) / nchunks * TSDB_VECTOR_ROWS;

	Assert(part <= TSDB_CHUNK_MAX_ROWS);
	return Min(part, nleft);
}

uint32
tsdb_chunk_rows_that_fit(TsdbColumnBuffer *buf, const uint32 *perm, uint32 nrows, uint32 maxrows)
{
	uint64		raw_bytes = 0;
	uint32		n = Min(nrows, maxrows);
	uint32		i;

	for (i = 0; i < n; i++)
	{
		raw_bytes += buf->row_bytes[perm[i]];
		if (raw_bytes > TSDB_CHUNK_MAX_RAW_BYTES)
			break;
	}
	/* TSDB_MAX_ROW_BYTES is well below the limit */
	Assert(i > 0 || n == 0);
	return i;
}

/*
 * Puts the header together in w->header, but for TIDs and checksum; returns its length, which must be known before segments
 * get their keys.
 */
static Size
write_header(TsdbChunkWriter *w)
{
	TsdbHeaderDisk head = {0};
	TsdbLayout	layout;
	TsdbLayoutProblem problem;
	uint8	   *out;
	Size		fixed_len;
	Size		tables_len;

	head.version = TSDB_HEADER_VERSION;
	head.chunk_id = w->chunk_id;
	head.nrows = w->nrows;
	head.ncolumns = (uint16) w->buf->ncolumns;
	head.nvectors = (uint16) w->nvectors;
	head.nsegments = (uint16) w->nsegments;
	head.nparts = w->nparts;
	fixed_len = tsdb_layout_fixed_bytes(&head);

	out = tsdb_pool_reserve(w, &w->header, fixed_len + tsdb_layout_pack_bound(&head));
	memset(out, 0, fixed_len);
	memcpy(out, &head, sizeof(head));
	memcpy(out + sizeof(head), w->columns.data, head.ncolumns * sizeof(TsdbColumnDisk));
	layout.header = (TsdbHeaderDisk *) out;
	layout.columns = (TsdbColumnDisk *) (layout.header + 1);
	layout.parts = (TsdbBlockRef *) (layout.columns + head.ncolumns);
	layout.tids = (TsdbTidDisk *) (layout.parts + head.nparts);
	layout.vectors = w->vectors.data;
	if (w->nparts > 0)
		memcpy(out + sizeof(head) + head.ncolumns * sizeof(TsdbColumnDisk), w->parts.data,
			   (Size) w->nparts * sizeof(TsdbBlockRef));

	tables_len = tsdb_layout_pack(&layout, tsdb_pool_reserve(w, &w->pack_memory, tsdb_layout_pack_memory(&head)),
								  out + fixed_len, &problem);
	if (tables_len == 0 && head.ncolumns > 0)
		elog(ERROR, "header of a chunk is not valid: column %d: %s", problem.attnum, problem.text);
	return fixed_len + tables_len;
}

void
tsdb_chunk_write(TsdbChunkWriter *writer, TsdbChunkSink *sink, TsdbColumnBuffer *buf,
				 const uint32 *perm, uint32 nrows, Oid chunk_id,
				 const TsdbChunkOrder *order, uint32 nseries, TsdbDirEntry *entry)
{
	TsdbChunkWriter *w = writer;
	TsdbDirEntryDisk *d = &entry->d;
	TsdbHeaderDisk *header;
	TsdbTidDisk *tids;
	ItemPointerData header_tid;
	uint64		raw_bytes = 0;
	uint64		stored_bytes = 0;
	Size		header_len;
	uint32		nheader;
	uint32		i;

	Assert(nrows >= 1 && nrows <= TSDB_CHUNK_MAX_ROWS);
	for (i = 0; i < nrows; i++)
		raw_bytes += buf->row_bytes[perm[i]];

	w->buf = buf;
	w->perm = perm;
	w->nrows = nrows;
	w->nvectors = (nrows + TSDB_VECTOR_ROWS - 1) / TSDB_VECTOR_ROWS;
	w->chunk_id = chunk_id;
	w->nsegments = 0;
	w->nopen = 0;
	w->nparts = 0;
	(void) tsdb_pool_reserve(w, &w->columns, Max(buf->ncolumns, 1) * sizeof(TsdbColumnDisk));
	(void) tsdb_pool_reserve(w, &w->vectors, Max(buf->ncolumns, 1) * w->nvectors * sizeof(TsdbVector));
	tsdb_summary_begin_chunk(w, order);
	for (i = 0; i < (uint32) buf->ncolumns; i++)
	{
		CHECK_FOR_INTERRUPTS();
		encode_column(w, (int) i);
	}

	header_len = write_header(w);
	header = w->header.data;
	nheader = (uint32) ((header_len + TSDB_TUPLE_MAX_DATA - 1) / TSDB_TUPLE_MAX_DATA);
	if (nheader > PG_UINT16_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("header of a chunk of %u rows is too large", nrows),
				 errdetail("It takes %zu bytes.", header_len)));

	tids = (TsdbTidDisk *) ((uint8 *) header + tsdb_layout_tids_offset(header));
	for (i = 0; i < w->nsegments; i++)
	{
		TsdbSegmentDisk *seg = tsdb_packer_segment(w, i);
		ItemPointerData tid;
		BlockNumber block;

		seg->crc = tsdb_crc_behind(seg, seg->length);
		tid = sink->put(sink, chunk_id, (int32) (nheader + i), seg, seg->length, true);
		block = ItemPointerGetBlockNumberNoCheck(&tid);
		tids[i].blk_hi = (uint16) (block >> 16);
		tids[i].blk_lo = (uint16) (block & 0xFFFF);
		tids[i].off = ItemPointerGetOffsetNumberNoCheck(&tid);
		stored_bytes += seg->length;
		TSDB_INJECT("segment");
	}
	header->crc = tsdb_crc_behind(header, header_len);

	ItemPointerSetInvalid(&header_tid);
	for (i = 0; i < nheader; i++)
	{
		Size		done = (Size) i * TSDB_TUPLE_MAX_DATA;
		Size		len = Min(header_len - done, TSDB_TUPLE_MAX_DATA);
		ItemPointerData tid;

		tid = sink->put(sink, chunk_id, (int32) i, (uint8 *) header + done, len,
						len == TSDB_TUPLE_MAX_DATA);
		if (i == 0)
			header_tid = tid;
	}
	stored_bytes += header_len;
	TSDB_INJECT("header");

	d->version = TSDB_FORMAT_VERSION;
	d->flags = w->cold ? TSDB_DIR_COLD : 0;
	d->chunk_id = chunk_id;
	d->nrows = nrows;
	d->nheader = (uint16) nheader;
	d->nsegments = (uint16) w->nsegments;
	d->header_blk = header_tid.ip_blkid;
	d->header_off = header_tid.ip_posid;
	set_time_range(w, order->time_attnum, d);
	d->raw_bytes = raw_bytes;
	d->stored_bytes = stored_bytes;
	d->nseries = nseries;
	d->header_bytes = (uint32) header_len;
	memset(d->spare, 0, sizeof(d->spare));
	tsdb_summary_end_chunk(w, entry);

	tsdb_codec_stats_add(w->counts);
	w->buf = NULL;
	w->perm = NULL;
	pool_trim(&w->segments);
	pool_trim(&w->block);
	pool_trim(&w->header);
	pool_trim(&w->pack_memory);
}

/* Arguments of the sink that writes into the store. */
typedef struct StoreSink
{
	TsdbStore  *store;
	CommandId	cid;
	int			options;
} StoreSink;

static ItemPointerData
store_sink_put(TsdbChunkSink *sink, Oid chunk_id, int32 chunk_seq,
			   const void *data, Size len, bool is_segment)
{
	StoreSink  *arg = sink->arg;

	return tsdb_store_insert(arg->store, chunk_id, chunk_seq, data, len,
							 arg->cid, arg->options, is_segment);
}

void
tsdb_chunk_write_to_store(TsdbChunkWriter *writer, TsdbStore *store, TsdbColumnBuffer *buf,
						  const uint32 *perm, uint32 nrows, const TsdbChunkOrder *order,
						  uint32 nseries, CommandId cid, int options, TsdbDirEntry *entry)
{
	StoreSink	arg = {store, cid, options};
	TsdbChunkSink sink = {store_sink_put, &arg};
	const uint8 *sections;
	Size		sections_len;

	tsdb_chunk_write(writer, &sink, buf, perm, nrows, tsdb_store_new_chunk_id(store),
					 order, nseries, entry);
	sections = tsdb_chunk_writer_sections(writer, &sections_len);
	tsdb_directory_insert(store, entry, sections, sections_len, cid, options);
}
