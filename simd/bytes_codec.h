/*-------------------------------------------------------------------------
 * bytes_codec.h
 *	  Compressed blocks of strings: FSST, ZSTD, LZ4; compressed dictionaries.
 *
 * A block of encoding FSST, ZSTD or LZ4:
 *
 *	+--------+-------+-----------+-----------+-----------------+-------------+
 *	| header | NULLs | raw bytes | stored    | integer payload | stored      |
 *	| 16     |       | uint32    | uint32    | (lengths)       | bytes       |
 *	+--------+-------+-----------+-----------+-----------------+-------------+
 *
 *	raw bytes	of all strings of rows that are not NULL, decompressed
 *	FSST		strings compressed by the column's symbol table (fsst.h), back to back; the payload holds
 *				their compressed lengths
 *	ZSTD		one frame of all strings back to back, with content size, without checksum; the
 *				payload holds the strings' lengths
 *	LZ4			the same as one LZ4 block
 *
 * Lane and param are 0, lengths are of lane INT32, NULLs are never dense.  Raw bytes are at most
 * TSDB_BYTES_MAX_RAW, n times TSDB_BYTES_MAX_VALUE, and what "stored" can expand to; so arbitrary bytes
 * cannot make a reader allocate much more than that.
 *
 * Dictionary of version 2: the plain one (codec_format.h) compressed:
 *
 *	0       4       8       12      16      20
 *	+-------+-------+-------+-------+-------+---------
 *	| magic | count | plain | stored| width | frame of { length [count], width bytes each; bytes }
 *	+-------+-------+-------+-------+-------+---------
 *
 *	plain	bytes of the plain dictionary: 8 + 4 * (count + 1) + bytes of all entries
 *	width	1, 2 or 4
 *
 * zstd and LZ4 allocate with malloc: in a context that callers may keep (it's no more than an economy), or in
 * each call.  Bytes are the same for the same version of the libraries; decoders take those of all versions.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_BYTES_CODEC_H
#define TSDB_BYTES_CODEC_H

#include "fsst.h"
#include "tsdb_codec.h"

/* A block that would be larger when decompressed is written as BYTES. */
#define TSDB_BYTES_MAX_RAW		(64 * 1024 * 1024)
#define TSDB_BYTES_MAX_VALUE	(256 * 1024)

/* Plain dictionaries below this stay as they are. */
#define TSDB_DICT_MIN_PACKED	4096

/* "TSD" and version 2 */
#define TSDB_DICT_PACKED_MAGIC	0x02445354U

/* Memory of zstd and LZ4 that is used again and again; one thread at a time. */
typedef struct TsdbBytesContext TsdbBytesContext;

TsdbBytesContext *tsdb_bytes_context_create(void);	/* malloc'd; NULL: no memory */
void tsdb_bytes_context_free(TsdbBytesContext *context);	/* NULL is fine */

/*-------------- blocks --------------*/

/* How strings are to be encoded. */
typedef struct TsdbBytesMethod
{
	TsdbEncoding encoding;		/* TSDB_ENC_BYTES, FSST, ZSTD, LZ4 */
	const TsdbFsstEncoder *fsst;	/* FSST */
	int			level;			/* ZSTD: 1 .. 19 */
	TsdbBytesContext *context;	/* ZSTD, LZ4; may be NULL */
} TsdbBytesMethod;

/* Bytes of memory that tsdb_bytes_encode_with needs beside scratch; total_len = sum of the lengths. */
size_t tsdb_bytes_work_size(size_t total_len);

/*
 * As tsdb_bytes_encode (and out as large: tsdb_bytes_bound), by this method; where that is not smaller, BYTES.  *encoding:
 * what was written: NULL, CONST, BYTES or method->encoding.  The block is verified by decoding.
 */
size_t tsdb_bytes_encode_with(const TsdbBytes *values, const bool *isnull, int n, const TsdbBytesMethod *method,
							  uint8_t *out, void *work, TsdbEncoding *encoding, TsdbCodecScratch *scratch);

/*
 * Bytes that tsdb_bytes_decode_with will need for the strings, exactly; 0 for NULL, CONST and BYTES.
 * False: no block of strings of n rows, as far as can be told in a moment.
 */
bool tsdb_bytes_decoded_size(const uint8_t *in, size_t len, int n, size_t *size);

/*
 * Decodes any block of strings (all encodings but DICT).  out[size]: from tsdb_bytes_decoded_size;
 * values[n].data point into it, or into "in" if size is 0; NULL rows get {NULL, 0}.
 * table: for FSST; without it such a block is refused.  context may be NULL.
 */
bool tsdb_bytes_decode_with(const uint8_t *in, size_t len, int n, const TsdbFsstTable *table,
							uint8_t *out, size_t size, TsdbBytes *values, bool *isnull, int *nnulls,
							TsdbBytesContext *context, TsdbCodecScratch *scratch);

/*
 * The string of one row alone, with the same table, out and context: what decoding gives in values[row] and isnull[row].
 * It lies in out or "in".  Lengths are added up to find it; a frame is unpacked as a whole.  A block that decoding refuses
 * because of other rows may be taken here.
 */
bool tsdb_bytes_value_with(const uint8_t *in, size_t len, int n, const TsdbFsstTable *table,
						   uint8_t *out, size_t size, int row, TsdbBytes *value, bool *isnull, int *nnulls,
						   TsdbBytesContext *context, TsdbCodecScratch *scratch);

/*-------------- dictionaries --------------*/

/*
 * Compresses a plain dictionary (tsdb_dict_encode) of len bytes into out[len].  work: 2 * len bytes.  Returns the
 * bytes, or 0: it stays plain, being small or saving less than an eighth.  Verified by unpacking.
 */
size_t tsdb_dict_pack(const uint8_t *plain, size_t len, int level, uint8_t *out, void *work,
					  TsdbBytesContext *context);

/*
 * Bytes of the plain form of a compressed dictionary, 0 if it is plain already.  False: neither, or
 * more than TSDB_BYTES_MAX_RAW.
 */
bool tsdb_dict_plain_size(const uint8_t *in, size_t len, size_t *size);

/*
 * Unpacks a compressed dictionary into plain[size].  It's then ready for tsdb_dict_entry: what
 * tsdb_dict_open checks holds.
 */
bool tsdb_dict_unpack(const uint8_t *in, size_t len, uint8_t *plain, size_t size, uint32_t *count,
					  TsdbBytesContext *context);

#endif							/* TSDB_BYTES_CODEC_H */
