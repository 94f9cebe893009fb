/*-------------------------------------------------------------------------
 * fsst.h
 *	  Strings by a table of up to 255 symbols: FSST (Boncz, Neumann, Leis, VLDB 2020).
 *
 * A symbol is 1 .. 8 bytes; a compressed string is a row of one-byte codes, each meaning a symbol, and
 * code 255 means that the next byte stands for itself.  Every string can be decompressed alone, and by
 * the same table equal strings have equal codes.
 *
 * Three things:
 *	  table		what a decoder needs, 2.3 KB in memory and up to 2 KB on disk
 *	  encoder	a table, and what finds the longest symbol at a place
 *	  trainer	memory to make a table in
 *
 * Nothing allocates: callers give memory of the size told here, aligned to 8.  Same strings, same
 * table, same bytes.  Decompressing takes any bytes; a table comes from untrusted bytes by
 * tsdb_fsst_table_decode alone.
 *
 * Table on disk:
 *
 *	0       4                      12
 *	+-------+----------------------+------------------------------------------
 *	| magic | symbols of           | all symbols' bytes: those of length 1,
 *	|       | length 1 .. 8, uint8 | then of length 2, ...
 *	+-------+----------------------+------------------------------------------
 *
 * Symbol i has code i.  Those of one length ascend, as little-endian integers; 1 .. 255 symbols.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_FSST_H
#define TSDB_FSST_H

#include "tsdb_codec.h"

#define TSDB_FSST_MAX_SYMBOLS	255
#define TSDB_FSST_MAX_SYMBOL	8	/* bytes */
#define TSDB_FSST_ESCAPE		255

/* "TSF" and version 1 */
#define TSDB_FSST_MAGIC			0x01465354U

/* Largest result of tsdb_fsst_table_encode. */
#define TSDB_FSST_MAX_TABLE_BYTES	(12 + TSDB_FSST_MAX_SYMBOLS * TSDB_FSST_MAX_SYMBOL)

typedef struct TsdbFsstTable
{
	uint64_t	symbol[256];	/* first byte in the low bits, zero behind the length; escape and codes without symbol: 0 */
	uint8_t		len[256];		/* 1 .. 8; escape: 1; codes without symbol: 0 */
	uint32_t	count;			/* 1 .. 255 */
	uint32_t	spare;			/* 0 */
} TsdbFsstTable;

typedef struct TsdbFsstEncoder TsdbFsstEncoder;
typedef struct TsdbFsstTrainer TsdbFsstTrainer;

size_t tsdb_fsst_encoder_size(void);	/* about 140 KB */
size_t tsdb_fsst_trainer_size(void);	/* about 450 KB */

/*-------------- encoding --------------*/

/*
 * Makes a table from a sample of some 16 KB of the strings.  Empty strings (NULL rows: {NULL, 0}) are no
 * matter.  False: there are no bytes at all, and no table.
 */
bool tsdb_fsst_train(const TsdbBytes *strings, size_t n, TsdbFsstTable *table, TsdbFsstTrainer *trainer);

/* Serialises; returns the bytes, at most TSDB_FSST_MAX_TABLE_BYTES. */
size_t tsdb_fsst_table_encode(const TsdbFsstTable *table, uint8_t *out);

/* The encoder keeps a copy of the table. */
void tsdb_fsst_encoder_init(const TsdbFsstTable *table, TsdbFsstEncoder *encoder);
const TsdbFsstTable *tsdb_fsst_encoder_table(const TsdbFsstEncoder *encoder);

/* Bytes that compressing a string of len bytes may need for its output. */
static inline size_t
tsdb_fsst_bound(size_t len)
{
	return 2 * len + 8;
}

/* Returns the bytes, at most 2 * len; out must have room for tsdb_fsst_bound(len). */
size_t tsdb_fsst_compress(const TsdbFsstEncoder *encoder, const uint8_t *in, size_t len, uint8_t *out);

/*-------------- decoding --------------*/

/* False: the bytes are no table.  Bytes behind it are not looked at. */
bool tsdb_fsst_table_decode(const uint8_t *in, size_t len, TsdbFsstTable *table);

/* Bytes of the string.  False: a code without symbol, or an escape at the end. */
bool tsdb_fsst_decompressed_len(const TsdbFsstTable *table, const uint8_t *in, size_t len, size_t *out_len);

/* False: as before, or more than out_size bytes.  Nothing is written beyond out_size. */
bool tsdb_fsst_decompress(const TsdbFsstTable *table, const uint8_t *in, size_t len,
						  uint8_t *out, size_t out_size, size_t *out_len);

/*
 * Strings back to back: lengths[n] of the compressed ones, those of rows with isnull[] (may be NULL) don't count; their sum
 * is len.  Decompresses all into out[out_size], which they fill exactly; strings[i] points into it (NULL rows: {NULL, 0}).
 * False: otherwise.  Several times faster than one by one.
 */
bool tsdb_fsst_decompress_strings(const TsdbFsstTable *table, const uint8_t *in, size_t len,
								  const int64_t *lengths, const bool *isnull, int n,
								  uint8_t *out, size_t out_size, TsdbBytes *strings);

#endif							/* TSDB_FSST_H */
