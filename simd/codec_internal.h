/*-------------------------------------------------------------------------
 * codec_internal.h
 *	  What the codecs share: scratch, cursor over untrusted bytes, block header, payload.
 *
 * Only for files of this folder.  Who calls whom:
 *
 *	int_codec.c ---> decimal.c
 *		 |				 |
 *	bytes_codec.c ---> int_payload.c ---> ffor.c
 *		 |
 *		 +-----------> block.c (header, NULL bitmap)
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_CODEC_INTERNAL_H
#define TSDB_CODEC_INTERNAL_H

/* assertions are for assertion builds of the server and for tests under the sanitizer */
#if !defined(USE_ASSERT_CHECKING) && !defined(__SANITIZE_ADDRESS__) && !defined(NDEBUG)
#define NDEBUG
#endif

#include <assert.h>
#include <string.h>

#include "codec_format.h"
#include "tsdb_codec.h"

#ifdef __FAST_MATH__
#error "codecs need IEEE arithmetic: -0.0, NaN payloads and rounding matter"
#endif

#define CODEC_ROWS			TSDB_CODEC_MAX_ROWS
#define CODEC_BITMAP_MAX	(CODEC_ROWS / 8)

/* Values looked at before anything is done to all 1,024. */
#define CODEC_SAMPLE		32

/*
 * Two arrays that one loop reads and writes should not lie at the same offset of a 4 KB
 * page: loads then wait for older stores to the same low address bits.
 */
#define CODEC_SKEW			24

struct TsdbCodecScratch
{
	int64_t		filled[CODEC_ROWS + CODEC_SKEW];	/* the caller's values, NULL rows filled */
	int64_t		ints[CODEC_ROWS + CODEC_SKEW];		/* DECIMAL: n; codes; lengths */
	int64_t		deltas[CODEC_ROWS + CODEC_SKEW];	/* ints[i] - ints[i - 1]; values of runs */
	uint64_t	codes[2][CODEC_ROWS + CODEC_SKEW];	/* packed values: [0] FOR; [1] DELTA */
	uint64_t	narrow[CODEC_ROWS + CODEC_SKEW];	/* lanes of T bits */
	int64_t		check[CODEC_ROWS + CODEC_SKEW];		/* what the verifying decode gives */
	uint16_t	patch_pos[2][CODEC_ROWS];			/* beside codes[] */
	uint16_t	exception_pos[CODEC_ROWS];
	uint16_t	run_lengths[CODEC_ROWS];
	bool		check_null[CODEC_ROWS];
	unsigned	nfallbacks;		/* blocks that did not verify; tests look at it */
};

/*-------------- bytes --------------*/

static inline uint64_t
codec_load64(const void *p)
{
	uint64_t	v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline void
codec_store64(void *p, uint64_t v)
{
	memcpy(p, &v, sizeof(v));
}

static inline uint32_t
codec_load32(const void *p)
{
	uint32_t	v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint16_t
codec_load16(const void *p)
{
	uint16_t	v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* Low "bytes" (1 .. 8) bytes at p, sign-extended. */
static inline int64_t
codec_load_signed(const uint8_t *p, unsigned bytes)
{
	uint64_t	v = 0;
	unsigned	spare = 64 - 8 * bytes;
	unsigned	i;

	switch (bytes)
	{
		case 1:
			return (int8_t) *p;
		case 2:
			return (int16_t) codec_load16(p);
		case 4:
			return (int32_t) codec_load32(p);
		case 8:
			return (int64_t) codec_load64(p);
		default:
			for (i = 0; i < bytes; i++)
				v |= (uint64_t) p[i] << (8 * i);
			return (int64_t) (v << spare) >> spare;
	}
}

static inline void
codec_store_low(uint8_t *p, int64_t v, unsigned bytes)
{
	/* little endian: the low bytes come first */
	memcpy(p, &v, bytes);
}

/* Bits needed for v; 0 for 0. */
static inline unsigned
codec_bit_length(uint64_t v)
{
	return v == 0 ? 0 : 64 - (unsigned) __builtin_clzll(v);
}

/* Bytes, 1 .. 8, that hold all of lo .. hi with their sign. */
static inline unsigned
codec_signed_bytes(int64_t lo, int64_t hi)
{
	/* the bits that differ from the sign, and one for the sign */
	unsigned	bits = codec_bit_length((uint64_t) (lo ^ (lo >> 63)) | (uint64_t) (hi ^ (hi >> 63))) + 1;

	return (bits + 7) / 8;
}

/*-------------- cursor --------------*/

/* Untrusted bytes that cannot be read past their end. */
typedef struct CodecCursor
{
	const uint8_t *p;
	size_t		left;
} CodecCursor;

/* The next "bytes" bytes, or NULL if there are fewer. */
static inline const uint8_t *
codec_take(CodecCursor *c, size_t bytes)
{
	const uint8_t *p = c->p;

	if (bytes > c->left)
		return NULL;
	c->p += bytes;
	c->left -= bytes;
	return p;
}

/*-------------- block.c --------------*/

size_t		tsdb_block_bitmap_bytes(int n);

/* Number of NULL rows; isnull may be NULL. */
int			tsdb_block_count_nulls(const bool *isnull, int n);

/* Sets rows and NULL form, writes header (later completed in place) and bitmap.  Returns the bytes. */
size_t		tsdb_block_begin(uint8_t *out, TsdbBlockHeader *header, TsdbEncoding encoding,
							 unsigned lane, const bool *isnull, int n, int nnulls);

/*
 * Takes header and bitmap: checks rows, lane and NULL form, writes isnull[n] and *nnulls.
 * False if they are no start of a block of n rows of this lane.
 */
bool		tsdb_block_open(CodecCursor *in, int n, unsigned lane, TsdbBlockHeader *header,
							bool *isnull, int *nnulls);

/*
 * filled = values, but NULL rows repeat the value before them and those at the start the
 * first value.  filled may be values.
 */
void		tsdb_block_fill_nulls(const int64_t *values, const bool *isnull, int n, int64_t *filled);

/* values[i] = 0 where isnull[i]. */
void		tsdb_block_zero_nulls(int64_t *values, const bool *isnull, int n);

/*-------------- int_payload.c --------------*/

/* What the chooser found for one vector; codes and patch positions are in scratch. */
typedef struct PayloadPlan
{
	TsdbEncoding encoding;		/* CONST, RLE, FOR, DELTA, RAW */
	int			slot;			/* which of scratch->codes, patch_pos */
	unsigned	width;
	unsigned	aux;
	unsigned	count;			/* runs or patches */
	uint64_t	gcd;			/* >= 1 */
	int64_t		base;
	int64_t		first;			/* DELTA */
	size_t		size;			/* payload bytes */
} PayloadPlan;

/*
 * Chooses the payload for values[n] of a lane.  Looks at nothing but its arguments: same
 * values, same plan.  values may be any array but scratch->deltas, codes, narrow.
 */
void		tsdb_payload_plan(const int64_t *values, int n, unsigned lane, PayloadPlan *plan,
							  TsdbCodecScratch *scratch);

/* Writes plan->size bytes and the header's payload fields.  Values and scratch as the plan left them. */
size_t		tsdb_payload_write(const int64_t *values, int n, unsigned lane, const PayloadPlan *plan,
							   uint8_t *out, TsdbBlockHeader *header, TsdbCodecScratch *scratch);

/* Payload of raw lanes: never fails to hold. */
void		tsdb_payload_plan_raw(int n, unsigned lane, PayloadPlan *plan);

/*
 * Takes the payload that header tells of; values[n] sign-extended and within the lane.
 * False if there are too few bytes, a field is out of range, or a value does not fit the lane.
 */
bool		tsdb_payload_read(CodecCursor *in, const TsdbBlockHeader *header, int n, unsigned lane,
							  int64_t *values, TsdbCodecScratch *scratch);

/*-------------- decimal.c --------------*/

typedef struct DecimalPlan
{
	unsigned	scale;
	int			nexceptions;	/* their positions are in scratch->exception_pos */
} DecimalPlan;

/*
 * Looks for n / 10^scale in the bits of floats (lane 4) or doubles (lane 8).  False if most
 * values are no short decimals.  True: scratch->ints holds n, with a neighbour's in the place
 * of exceptions and NULL rows.
 */
bool		tsdb_decimal_plan(const int64_t *bits, const bool *isnull, int n, unsigned lane,
							  DecimalPlan *plan, TsdbCodecScratch *scratch);

/* In place: n becomes the bits of n / 10^scale. */
void		tsdb_decimal_expand(int64_t *values, int n, unsigned scale, unsigned lane);

#endif							/* TSDB_CODEC_INTERNAL_H */
