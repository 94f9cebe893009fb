/*-------------------------------------------------------------------------
 * frames.c
 *	  zstd frames and LZ4 blocks of strings and dictionaries.
 *
 * The libraries check their input; sizes are ours to check.
 *-------------------------------------------------------------------------
 */
#include "frames.h"

#include <limits.h>
#include <stdlib.h>

#include <lz4.h>
#include <zstd.h>

/* Each part is made when it is first needed: readers compress nothing. */
struct TsdbBytesContext
{
	ZSTD_CCtx  *compress;
	ZSTD_DCtx  *decompress;
	void	   *lz4;
};

TsdbBytesContext *
tsdb_bytes_context_create(void)
{
	return calloc(1, sizeof(TsdbBytesContext));
}

void
tsdb_bytes_context_free(TsdbBytesContext *context)
{
	if (context == NULL)
		return;
	ZSTD_freeCCtx(context->compress);
	ZSTD_freeDCtx(context->decompress);
	free(context->lz4);
	free(context);
}

size_t
tsdb_frame_zstd_pack(TsdbBytesContext *context, int level, const uint8_t *in, size_t len,
					 uint8_t *out, size_t capacity)
{
	size_t		size;

	if (context != NULL && context->compress == NULL)
		context->compress = ZSTD_createCCtx();
	if (context != NULL && context->compress != NULL)
		size = ZSTD_compressCCtx(context->compress, out, capacity, in, len, level);
	else
		size = ZSTD_compress(out, capacity, in, len, level);
	return ZSTD_isError(size) ? 0 : size;
}

size_t
tsdb_frame_lz4_pack(TsdbBytesContext *context, const uint8_t *in, size_t len, uint8_t *out, size_t capacity)
{
	int			room = capacity > INT_MAX ? INT_MAX : (int) capacity;
	int			size;

	if (len > LZ4_MAX_INPUT_SIZE)
		return 0;
	if (context != NULL && context->lz4 == NULL)
		context->lz4 = malloc((size_t) LZ4_sizeofState());
	if (context != NULL && context->lz4 != NULL)
		size = LZ4_compress_fast_extState(context->lz4, (const char *) in, (char *) out, (int) len, room, 1);
	else
		size = LZ4_compress_default((const char *) in, (char *) out, (int) len, room);
	return size < 0 ? 0 : (size_t) size;
}

bool
tsdb_frame_zstd_unpack(TsdbBytesContext *context, const uint8_t *in, size_t len, uint8_t *out, size_t size)
{
	/* the unknown size and the error are huge numbers */
	if (ZSTD_getFrameContentSize(in, len) != size)
		return false;
	if (context != NULL && context->decompress == NULL)
		context->decompress = ZSTD_createDCtx();
	if (context != NULL && context->decompress != NULL)
		return ZSTD_decompressDCtx(context->decompress, out, size, in, len) == size;
	return ZSTD_decompress(out, size, in, len) == size;
}

bool
tsdb_frame_lz4_unpack(const uint8_t *in, size_t len, uint8_t *out, size_t size)
{
	if (len > INT_MAX || size > INT_MAX)
		return false;
	return LZ4_decompress_safe((const char *) in, (char *) out, (int) len, (int) size) == (int) size;
}
