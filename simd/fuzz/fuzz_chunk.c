/*-------------------------------------------------------------------------
 * fuzz_chunk.c
 *	  libFuzzer target: a whole chunk of any bytes, from its header to its values.
 *
 * Input: uint16 length of the header, the header, then for each segment uint16 length and its bytes.  Does
 * what src/chunk/chunk_reader.c does, checksums and the tests of a tuple's key left out: parses the header, locates the block of every
 * dictionary, plane, vector and part, and decodes it by the column's kind.  Header, segments and joined blocks are
 * malloc'd to their exact size, so that the address sanitizer sees the first byte beyond.
 *
 *	clang -std=gnu99 -g -O1 -ffp-contract=off -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
 *		-Isimd simd/fuzz/fuzz_chunk.c simd/[a-z]*.c -lm -o fuzz_chunk
 *	fuzz_chunk -max_len=60000 corpus simd/fuzz/corpus_chunk
 *
 *	tests/test_layout.c		runs the committed corpus without a fuzzer, and writes its seeds
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>
#include <string.h>

#include "../../src/chunk/chunk_layout.c"
#include "bytes_codec.h"
#include "planes.h"

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_MAX_ATTS		100
/* blocks that one input may have decoded: a forged header can name the same ones for thousands of vectors */
#define FUZZ_MAX_BLOCKS		600

typedef struct FuzzBlock
{
	uint8_t    *joined;			/* malloc'd, if it spans segments */
	const uint8_t *data;
	size_t		len;
} FuzzBlock;

typedef struct FuzzChunk
{
	uint8_t    *header;
	size_t		header_len;
	TsdbLayout	layout;
	void	   *memory;
	uint8_t   **segments;		/* [nsegments]; NULL = missing */
	size_t	   *segment_lens;
	int			blocks_left;
	TsdbCodecScratch *scratch;
	/* the column */
	const TsdbColumnDisk *column;
	FuzzBlock	dict;			/* plain, or the symbol table's bytes */
	bool		has_dict;
	bool		has_table;
	TsdbFsstTable table;
	uint8_t    *planes[TSDB_MAX_PLANES];
	int			nplanes;
	/* values of the block decoded last */
	int64_t		values[TSDB_CODEC_MAX_ROWS];
	bool		isnull[TSDB_CODEC_MAX_ROWS];
	TsdbBytes	strings[TSDB_CODEC_MAX_ROWS];
	uint32_t	codes[TSDB_CODEC_MAX_ROWS];
	uint64_t	sum;			/* keeps reads of values; a digest for tests */
} FuzzChunk;

static void *
chunk_alloc(size_t bytes)
{
	void	   *p = malloc(bytes > 0 ? bytes : 1);

	if (p == NULL)
		abort();
	return p;
}

/*-------------- codecs: all calls stand here --------------*/

static bool
fuzz_decode_ints(FuzzChunk *f, const FuzzBlock *block, const uint8_t *const *planes, uint32_t n, int *nnulls)
{
	return tsdb_int_decode_cold(block->data, block->len, (int) n, (TsdbLane) f->column->typlen, planes, f->nplanes,
								f->values, f->isnull, nnulls, f->scratch);
}

static bool
fuzz_decode_codes(FuzzChunk *f, const FuzzBlock *block, const uint8_t *const *planes, uint32_t n, int *nnulls)
{
	return tsdb_codes_decode_cold(block->data, block->len, (int) n, f->column->dict_count, planes, f->nplanes,
								  f->codes, f->isnull, nnulls, f->scratch);
}

/* *room: where decompressed strings lie, the caller's to free. */
static bool
fuzz_decode_strings(FuzzChunk *f, const FuzzBlock *block, uint32_t n, int *nnulls, uint8_t **room)
{
	size_t		size;

	*room = NULL;
	if (!tsdb_bytes_decoded_size(block->data, block->len, (int) n, &size))
		return false;
	*room = chunk_alloc(size);
	return tsdb_bytes_decode_with(block->data, block->len, (int) n, f->has_table ? &f->table : NULL, *room, size,
								  f->strings, f->isnull, nnulls, NULL, f->scratch);
}

static bool
fuzz_open_table(FuzzChunk *f)
{
	f->has_table = tsdb_fsst_table_decode(f->dict.data, f->dict.len, &f->table);
	return f->has_table;
}

static bool
fuzz_open_dictionary(FuzzChunk *f)
{
	uint32_t	count;
	size_t		size;
	uint32_t	i;

	if (!tsdb_dict_plain_size(f->dict.data, f->dict.len, &size))
		return false;
	if (size > 0)
	{
		uint8_t    *plain = chunk_alloc(size);
		bool		valid = tsdb_dict_unpack(f->dict.data, f->dict.len, plain, size, &count, NULL);

		free(f->dict.joined);
		f->dict.joined = plain;
		f->dict.data = plain;
		f->dict.len = size;
		if (!valid)
			return false;
	}
	else if (!tsdb_dict_open(f->dict.data, f->dict.len, &count))
		return false;
	if (count != f->column->dict_count)
		return false;
	for (i = 0; i < count; i++)
	{
		TsdbBytes	entry = tsdb_dict_entry(f->dict.data, i);

		if (f->column->typlen > 0 && entry.len != (uint32_t) f->column->typlen)
			return false;
		if (entry.len > 0)
			f->sum = f->sum * 31 + entry.data[0] + entry.data[entry.len - 1];
	}
	return true;
}

/* len bytes, the pieces of the column's coded planes put together. */
static bool
fuzz_open_planes(FuzzChunk *f, const uint8_t *bytes, size_t len)
{
	uint32_t	nrows = f->layout.header->nrows;
	int			count = tsdb_planes_count(bytes, len, nrows);

	for (f->nplanes = 0; f->nplanes < count; f->nplanes++)
		f->planes[f->nplanes] = chunk_alloc(nrows);
	return count > 0 && tsdb_planes_unpack(bytes, len, nrows, f->planes);
}

/*-------------- blocks --------------*/

/* chunk_reader.c: block_get */
static bool
fuzz_block_get(FuzzChunk *f, const TsdbBlockRef *ref, FuzzBlock *block)
{
	uint32_t	i;

	memset(block, 0, sizeof(*block));
	if (ref->spare != 0 || ref->length == 0 || ref->segment >= f->layout.header->nsegments)
		abort();
	if (f->blocks_left-- <= 0)
		return false;
	if (ref->offset != TSDB_BLOCK_SPANS)
	{
		if (f->segments[ref->segment] == NULL ||
			(size_t) ref->offset + ref->length > f->segment_lens[ref->segment])
			return false;
		if (ref->offset < sizeof(TsdbSegmentDisk))
			abort();
		/* a copy of its own: the next block's bytes are not this one's */
		block->joined = chunk_alloc(ref->length);
		memcpy(block->joined, f->segments[ref->segment] + ref->offset, ref->length);
		block->data = block->joined;
		block->len = ref->length;
		return true;
	}

	if (ref->length > f->layout.header->nsegments - ref->segment)
		abort();
	for (i = 0; i < ref->length; i++)
	{
		if (f->segments[ref->segment + i] == NULL)
			return false;
		block->len += f->segment_lens[ref->segment + i] - sizeof(TsdbSegmentDisk);
	}
	block->joined = chunk_alloc(block->len);
	block->data = block->joined;
	block->len = 0;
	for (i = 0; i < ref->length; i++)
	{
		size_t		payload = f->segment_lens[ref->segment + i] - sizeof(TsdbSegmentDisk);

		memcpy(block->joined + block->len, f->segments[ref->segment + i] + sizeof(TsdbSegmentDisk), payload);
		block->len += payload;
	}
	return true;
}

static void
fuzz_block_put(FuzzBlock *block)
{
	free(block->joined);
	block->joined = NULL;
}

/* One block of n rows; false: it is damaged.  Adds to the number of NULLs. */
static bool
fuzz_block_decode(FuzzChunk *f, const TsdbBlockRef *ref, uint32_t first_row, uint32_t n, uint32_t *nnulls)
{
	FuzzBlock	block;
	TsdbEncoding encoding;
	const uint8_t *planes[TSDB_MAX_PLANES];
	uint8_t    *room = NULL;
	int			block_nulls = 0;
	bool		valid;
	uint32_t	i;

	if (n < 1 || n > TSDB_CODEC_MAX_ROWS)
		abort();
	if (ref->length == 0)
	{
		*nnulls += n;
		return true;
	}
	if (!fuzz_block_get(f, ref, &block))
		return false;
	for (i = 0; i < (uint32_t) f->nplanes; i++)
		planes[i] = f->planes[i] + first_row;
	encoding = tsdb_block_encoding(block.data, block.len);
	if (f->has_dict && (encoding == TSDB_ENC_DICT || encoding == TSDB_ENC_NULL))
	{
		valid = fuzz_decode_codes(f, &block, planes, n, &block_nulls);
		for (i = 0; valid && i < n; i++)
		{
			TsdbBytes	entry;

			if (f->isnull[i])
				continue;
			/* (aborts by the sanitizer if a code is out of range) */
			entry = tsdb_dict_entry(f->dict.data, f->codes[i]);
			f->sum = f->sum * 31 + (entry.len > 0 ? entry.data[entry.len - 1] : 7);
		}
	}
	else if (f->column->typbyval)
	{
		valid = fuzz_decode_ints(f, &block, planes, n, &block_nulls);
		for (i = 0; valid && i < n; i++)
			f->sum = f->sum * 31 + (f->isnull[i] ? 7 : (uint64_t) f->values[i]);
	}
	else
	{
		valid = fuzz_decode_strings(f, &block, n, &block_nulls, &room);
		for (i = 0; valid && i < n; i++)
		{
			const TsdbBytes *string = &f->strings[i];

			if (f->isnull[i])
				continue;
			f->sum = f->sum * 31 + string->len;
			if (string->len > 0)
				f->sum = f->sum * 31 + string->data[0] + string->data[string->len - 1];
		}
	}
	for (i = 0; valid && i < n; i++)
	{
		block_nulls -= f->isnull[i];
		*nnulls += f->isnull[i];
	}
	if (valid && block_nulls != 0)
		abort();
	free(room);
	fuzz_block_put(&block);
	return valid;
}

/*-------------- columns --------------*/

/* chunk_reader.c: tsdb_vector_decode */
static bool
fuzz_vector_decode(FuzzChunk *f, const TsdbVector *vector, uint32_t first_row, uint32_t rows)
{
	uint32_t	nnulls = 0;
	uint32_t	row;

	if (vector->nparts == 0)
	{
		if (!fuzz_block_decode(f, &vector->block, first_row, rows, &nnulls))
			return false;
	}
	else
	{
		const TsdbBlockRef *parts = &f->layout.parts[tsdb_vector_first_part(vector)];
		uint32_t	piece = tsdb_vector_piece_rows(vector);

		if (tsdb_vector_first_part(vector) + vector->nparts > f->layout.header->nparts)
			abort();
		for (row = 0; row < rows; row += piece)
		{
			if (!fuzz_block_decode(f, parts++, first_row + row, rows - row < piece ? rows - row : piece, &nnulls))
				return false;
		}
	}
	return nnulls == vector->nnulls;
}

/* Returns whether all of it could be decoded. */
static bool
fuzz_column_decode(FuzzChunk *f, uint32_t c)
{
	const TsdbHeaderDisk *header = f->layout.header;
	bool		valid = true;
	uint32_t	i;

	f->column = &f->layout.columns[c];
	f->has_dict = false;
	f->has_table = false;
	f->nplanes = 0;
	memset(&f->dict, 0, sizeof(f->dict));
	if (f->column->dict_count > 0 || (f->column->flags & TSDB_COL_FSST) != 0)
	{
		if (!fuzz_block_get(f, &f->column->dict, &f->dict))
			return false;
		f->has_dict = f->column->dict_count > 0;
		if (!(f->has_dict ? fuzz_open_dictionary(f) : fuzz_open_table(f)))
		{
			fuzz_block_put(&f->dict);
			return false;
		}
	}
	if (f->column->nplanes > 0)
	{
		uint8_t    *bytes = NULL;
		size_t		len = 0;

		for (i = 0; i < f->column->nplanes && valid; i++)
		{
			FuzzBlock	piece;

			valid = fuzz_block_get(f, &f->layout.parts[f->column->first_plane + i], &piece);
			if (!valid)
				break;
			bytes = realloc(bytes, len + piece.len);
			if (bytes == NULL)
				abort();
			memcpy(bytes + len, piece.data, piece.len);
			len += piece.len;
			fuzz_block_put(&piece);
		}
		valid = valid && fuzz_open_planes(f, bytes, len);
		free(bytes);
	}
	for (i = 0; i < header->nvectors && f->blocks_left > 0 && valid; i++)
		valid &= fuzz_vector_decode(f, &f->layout.vectors[(size_t) c * header->nvectors + i],
									i * TSDB_VECTOR_ROWS, tsdb_vector_rows(header, i));
	for (i = 0; i < (uint32_t) f->nplanes; i++)
		free(f->planes[i]);
	fuzz_block_put(&f->dict);
	return valid;
}

/*-------------- chunks --------------*/

/* Cuts the input up.  False: it is none. */
static bool
fuzz_chunk_read(FuzzChunk *f, const uint8_t *data, size_t size, TsdbLayoutProblem *problem)
{
	TsdbHeaderDisk head;
	TsdbLayoutExpected expected;
	size_t		memory;
	size_t		at;
	uint32_t	i;

	memset(f, 0, sizeof(*f));
	f->blocks_left = FUZZ_MAX_BLOCKS;
	if (size < 2)
		return false;
	f->header_len = (size_t) data[0] | (size_t) data[1] << 8;
	if (f->header_len > size - 2)
		return false;
	f->header = chunk_alloc(f->header_len);
	memcpy(f->header, data + 2, f->header_len);
	at = 2 + f->header_len;

	memset(&head, 0, sizeof(head));
	memcpy(&head, f->header, f->header_len < sizeof(head) ? f->header_len : sizeof(head));
	expected.chunk_id = head.chunk_id;
	expected.nrows = head.nrows;
	expected.nsegments = head.nsegments;
	expected.natts = FUZZ_MAX_ATTS;
	memory = tsdb_layout_measure(f->header, f->header_len, &expected, problem);
	if (memory == 0)
		return false;
	if (memory > 48 * f->header_len)
		abort();
	f->memory = chunk_alloc(memory);
	if (!tsdb_layout_parse(f->header, f->header_len, &expected, f->memory, &f->layout, problem))
		return false;

	f->segments = calloc((size_t) head.nsegments + 1, sizeof(uint8_t *));
	f->segment_lens = calloc((size_t) head.nsegments + 1, sizeof(size_t));
	f->scratch = chunk_alloc(tsdb_codec_scratch_size());
	memset(f->scratch, 0x5A, tsdb_codec_scratch_size());
	if (f->segments == NULL || f->segment_lens == NULL)
		abort();
	for (i = 0; i < head.nsegments && size - at >= 2; i++)
	{
		size_t		len = (size_t) data[at] | (size_t) data[at + 1] << 8;

		at += 2;
		if (len < sizeof(TsdbSegmentDisk) || len > TSDB_TUPLE_MAX_DATA || len > size - at)
			break;
		f->segments[i] = chunk_alloc(len);
		memcpy(f->segments[i], data + at, len);
		f->segment_lens[i] = len;
		at += len;
	}
	return true;
}

static void
fuzz_chunk_free(FuzzChunk *f)
{
	uint32_t	i;

	for (i = 0; f->segments != NULL && i < f->layout.header->nsegments; i++)
		free(f->segments[i]);
	free(f->segments);
	free(f->segment_lens);
	free(f->scratch);
	free(f->memory);
	free(f->header);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FuzzChunk f;
	TsdbLayoutProblem problem = {0};
	uint32_t	c;

	if (fuzz_chunk_read(&f, data, size, &problem))
	{
		for (c = 0; c < f.layout.header->ncolumns && f.blocks_left > 0; c++)
			(void) fuzz_column_decode(&f, c);
	}
	fuzz_chunk_free(&f);
	return 0;
}
