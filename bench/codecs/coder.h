/*-------------------------------------------------------------------------
 * coder.h
 *	  What bench_codecs compares: ways to turn a piece of a column into bytes and back.
 *
 * A coder works on pieces of "rows" rows.  coder_tsdb.c holds ours, the only file that knows
 * simd/'s functions; coder_general.c holds what everybody can link: memcpy, zstd, LZ4.
 *-------------------------------------------------------------------------
 */
#ifndef BENCH_CODER_H
#define BENCH_CODER_H

#include "data_set.h"

/* rows of a chunk of the extension: a dictionary, symbol table or plane is shared by so many */
#define CHUNK_ROWS		65536

#define NO_TIER			(-1)

typedef struct Piece
{
	const Column *column;
	int			first;
	int			n;

	/*
	 * The rows as plain bytes, for coders that know nothing else.  Numbers: 8 bytes each, then a bitmap if
	 * the column has NULLs.  Strings: 2 bytes of length each, then all bytes.
	 */
	const uint8_t *raw;
	size_t		raw_len;
} Piece;

typedef struct Coder
{
	const char *name;
	int			tier;			/* TsdbSimdTier, or NO_TIER: runs the same whatever tier is in use */
	const char *tier_name;
	int			rows;			/* of a piece, 0 = the whole column */
	/* Called before a column's pieces; returns the bytes that are stored beside them.  May be NULL. */
	size_t		(*prepare) (const Column *column);
	/* Bytes written, at most piece_bound(); 0 = nothing for this kind of column. */
	size_t		(*encode) (const Piece *piece, uint8_t *out);
	/* To memory of its own, valid until the next call. */
	bool		(*decode) (const Piece *piece, const uint8_t *in, size_t len);
	/* Did decode give back the piece, by bits? */
	bool		(*matches) (const Piece *piece);
} Coder;

#define MAX_CODERS		16

/* Append to list; return how many. */
extern int	coders_tsdb(Coder *list);
extern int	coders_general(Coder *list);

/* Takes the coder's tier, outside of any timing. */
extern void coder_use_tier(const Coder *coder);
/* Blocks that the encoder could not verify and stored raw: a bug if it is not 0. */
extern unsigned coder_fallbacks(void);

static inline size_t
piece_bound(const Piece *piece)
{
	return piece->raw_len * 2 + (size_t) piece->n * 16 + 65536;
}

/* "size" bytes, "offset" bytes into a page: so that what is read and what is written don't share a cache set. */
extern uint8_t *coder_buffer(size_t size, size_t offset);

#endif							/* BENCH_CODER_H */
