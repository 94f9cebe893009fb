/*-------------------------------------------------------------------------
 * coder_general.c
 *	  memcpy, the yardstick, and compressors that take any bytes: zstd and LZ4.
 *
 * They see a piece's plain bytes.  With 1,024 rows they do what a block of ours does (one block can
 * be read alone); with the whole column they show what they can do at best.
 *-------------------------------------------------------------------------
 */
#include <lz4.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "coder.h"

static uint8_t *plain;
static size_t plain_size;
static ZSTD_CCtx *compressor;
static ZSTD_DCtx *decompressor;

uint8_t *
coder_buffer(size_t size, size_t offset)
{
	uint8_t    *p = aligned_alloc(4096, (size + offset + 4096) & ~(size_t) 4095);

	if (p == NULL)
	{
		fputs("bench_codecs: out of memory\n", stderr);
		exit(1);
	}
	return p + offset;
}

static size_t
general_prepare(const Column *column)
{
	size_t		need = (size_t) column->nrows * 10 + 64;

	for (int i = 0; i < column->nrows; i++)
		need += column->strings[i].len;
	/* what it had before is few and small */
	if (need > plain_size)
	{
		plain = coder_buffer(need, 192);
		plain_size = need;
	}
	if (compressor == NULL)
	{
		compressor = ZSTD_createCCtx();
		decompressor = ZSTD_createDCtx();
	}
	return 0;
}

static bool
general_matches(const Piece *piece)
{
	return memcmp(plain, piece->raw, piece->raw_len) == 0;
}

static size_t
copy_encode(const Piece *piece, uint8_t *out)
{
	memcpy(out, piece->raw, piece->raw_len);
	return piece->raw_len;
}

static bool
copy_decode(const Piece *piece, const uint8_t *in, size_t len)
{
	(void) piece;
	memcpy(plain, in, len);
	return true;
}

static size_t
zstd_encode(const Piece *piece, uint8_t *out, int level)
{
	size_t		len = ZSTD_compressCCtx(compressor, out, piece_bound(piece), piece->raw, piece->raw_len, level);

	return ZSTD_isError(len) ? 0 : len;
}

static size_t
zstd1_encode(const Piece *piece, uint8_t *out)
{
	return zstd_encode(piece, out, 1);
}

static size_t
zstd3_encode(const Piece *piece, uint8_t *out)
{
	return zstd_encode(piece, out, 3);
}

static bool
zstd_decode(const Piece *piece, const uint8_t *in, size_t len)
{
	return ZSTD_decompressDCtx(decompressor, plain, piece->raw_len, in, len) == piece->raw_len;
}

static size_t
lz4_encode(const Piece *piece, uint8_t *out)
{
	int			len = LZ4_compress_default((const char *) piece->raw, (char *) out, (int) piece->raw_len,
										   (int) piece_bound(piece));

	return len < 0 ? 0 : (size_t) len;
}

static bool
lz4_decode(const Piece *piece, const uint8_t *in, size_t len)
{
	return LZ4_decompress_safe((const char *) in, (char *) plain, (int) len, (int) piece->raw_len) == (int) piece->raw_len;
}

int
coders_general(Coder *list)
{
	static const Coder coders[] = {
		{"memcpy", NO_TIER, "", TSDB_CODEC_MAX_ROWS, general_prepare, copy_encode, copy_decode, general_matches},
		{"lz4", NO_TIER, "", TSDB_CODEC_MAX_ROWS, general_prepare, lz4_encode, lz4_decode, general_matches},
		{"zstd-1", NO_TIER, "", TSDB_CODEC_MAX_ROWS, general_prepare, zstd1_encode, zstd_decode, general_matches},
		{"zstd-3", NO_TIER, "", TSDB_CODEC_MAX_ROWS, general_prepare, zstd3_encode, zstd_decode, general_matches},
		{"lz4 column", NO_TIER, "", 0, general_prepare, lz4_encode, lz4_decode, general_matches},
		{"zstd-3 column", NO_TIER, "", 0, general_prepare, zstd3_encode, zstd_decode, general_matches},
	};

	memcpy(list, coders, sizeof(coders));
	return sizeof(coders) / sizeof(coders[0]);
}
