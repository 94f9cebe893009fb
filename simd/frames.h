/*-------------------------------------------------------------------------
 * frames.h
 *	  zstd frames and LZ4 blocks of strings and dictionaries.
 *
 * Only for files of this folder.  A context may be NULL: memory is then allocated in the call.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_FRAMES_H
#define TSDB_FRAMES_H

#include "bytes_codec.h"

/* Returns the bytes, 0 if they are more than capacity or there is no memory. */
size_t		tsdb_frame_zstd_pack(TsdbBytesContext *context, int level, const uint8_t *in, size_t len,
								 uint8_t *out, size_t capacity);
size_t		tsdb_frame_lz4_pack(TsdbBytesContext *context, const uint8_t *in, size_t len,
								uint8_t *out, size_t capacity);

/* False: in[len] does not hold exactly "size" bytes. */
bool		tsdb_frame_zstd_unpack(TsdbBytesContext *context, const uint8_t *in, size_t len,
								   uint8_t *out, size_t size);
bool		tsdb_frame_lz4_unpack(const uint8_t *in, size_t len, uint8_t *out, size_t size);

#endif							/* TSDB_FRAMES_H */
