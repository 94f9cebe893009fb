/*-------------------------------------------------------------------------
 * codec_internal.h
 *	  What the codecs share: scratch, cursor over untrusted bytes, block header, payload.
 *
 * Only for files of this folder.  Who calls whom:
 *
 *	int_codec.c ---> float_models.c
 *		 |				 |
 *	bytes_codec.c ---> int_payload.c (chooser, writer), payload_read.c ---> kernels.h
 *		 |
 *		 +-----------> block.c (header, NULLs)
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
#include "kernels.h"
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
	int64_t		filled[CODEC_ROWS + CODEC_SKEW];	/* the caller's values, NULL rows filled or left out */
	int64_t		ints[CODEC_ROWS + CODEC_SKEW];		/* DECIMAL: n; codes; lengths */
	int64_t		diffs[CODEC_ROWS + CODEC_SKEW];		/* DECIMAL: residuals; REAL: which left part */
	int64_t		floats[CODEC_ROWS + CODEC_SKEW];	/* FLOAT32: bits of the floats */
	int64_t		deltas[CODEC_ROWS + CODEC_SKEW];	/* ints[i] - ints[i - 1]; values of runs */
	int64_t		line[CODEC_ROWS + CODEC_SKEW];		/* LINEAR: differences from the line */
	uint64_t	codes[3][CODEC_ROWS + CODEC_SKEW];	/* packed values: [0] FOR; [1] DELTA; [2] LINEAR, PLANES */
	uint64_t	narrow[CODEC_ROWS + CODEC_SKEW];	/* lanes of T bits */
	int64_t		check[CODEC_ROWS + CODEC_SKEW];		/* what the verifying decode gives */
	int64_t		dense[CODEC_ROWS + CODEC_SKEW];		/* decoded values before NULL rows are put between them */
	uint16_t	patch_pos[3][CODEC_ROWS];			/* beside codes[] */
	uint16_t	exception_pos[CODEC_ROWS];
	uint16_t	run_lengths[CODEC_ROWS];
	uint64_t	nulls[CODEC_ROWS / 64];				/* bitmaps of NULL rows, and of the others */
	uint64_t	valid[CODEC_ROWS / 64];
	bool		check_null[CODEC_ROWS];
	uint8_t		candidate[CODEC_ROWS * 24];	/* what stands behind NULLs, larger perhaps than raw lanes */
	unsigned	nfallbacks;		/* blocks that did not verify: written as RAW */
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

	assert(bytes >= 1 && bytes <= 8);
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
	const uint8_t *const *planes;	/* of a cold column, from the block's first row on; or NULL */
	int			nplanes;
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

/* Number of NULL rows; isnull may be NULL. */
int			tsdb_block_count_nulls(const bool *isnull, int n);

/* Bytes of a bitmap of n rows: the most that NULLs take. */
size_t		tsdb_block_bitmap_bytes(int n);

/*
 * Sets rows and NULL form, writes header (later completed in place) and NULLs, in the shorter form.  Returns the bytes.
 * _dense: the payload will hold values of rows that are not NULL alone.
 */
size_t		tsdb_block_begin(uint8_t *out, TsdbBlockHeader *header, TsdbEncoding encoding,
							 unsigned lane, const bool *isnull, int n, int nnulls);
size_t		tsdb_block_begin_dense(uint8_t *out, TsdbBlockHeader *header, TsdbEncoding encoding,
								   unsigned lane, const bool *isnull, int n, int nnulls);

/*
 * Takes header and NULLs: checks rows, lane and NULL form, writes isnull[n] and *nnulls.
 * False if they are no start of a block of n rows of this lane.
 */
bool		tsdb_block_open(CodecCursor *in, int n, unsigned lane, TsdbBlockHeader *header,
							bool *isnull, int *nnulls);

/*
 * The same for one row: whether it is NULL, and the slot of the payload that holds its value if it is not.  Checks
 * all that tsdb_block_open checks.
 */
bool		tsdb_block_open_at(CodecCursor *in, int n, unsigned lane, TsdbBlockHeader *header,
							   int row, int *slot, bool *isnull, int *nnulls);

static inline bool
tsdb_block_is_dense(const TsdbBlockHeader *header)
{
	return header->null_form == TSDB_NULLS_DENSE || header->null_form == TSDB_NULLS_DENSE_RUNS;
}

/*
 * filled = values, but NULL rows repeat the value before them and those at the start the
 * first value.  filled may be values.
 */
void		tsdb_block_fill_nulls(const int64_t *values, const bool *isnull, int n, int64_t *filled);

/* values[i] = 0 where isnull[i]. */
void		tsdb_block_zero_nulls(int64_t *values, const bool *isnull, int n);

/* log2(x) * 256, 1 <= x: the same everywhere, as libm's need not be. */
unsigned	tsdb_log2_fixed(unsigned x);

/*-------------- int_payload.c, payload_read.c --------------*/

/* What the chooser found for one vector; codes and patch positions are in scratch. */
typedef struct PayloadPlan
{
	TsdbEncoding encoding;		/* CONST, RLE, FOR, DELTA, LINEAR, RAW, PLANES */
	int			slot;			/* which of scratch->codes, patch_pos */
	unsigned	width;			/* PLANES: planes */
	unsigned	aux;
	unsigned	count;			/* runs or patches */
	uint64_t	gcd;			/* >= 1 */
	int64_t		base;
	int64_t		first;			/* DELTA: first value; LINEAR: step */
	bool		steps;			/* PLANES: the numbers are steps */
	size_t		size;			/* payload bytes; PLANES: an estimate of the planes' share included */
} PayloadPlan;

/*
 * Chooses the payload for values[n] of a lane.  Looks at nothing but its arguments: same
 * values, same plan.  values may be any array but scratch->deltas, line, codes, narrow, check.
 * cold: PLANES may be taken.
 */
void		tsdb_payload_plan(const int64_t *values, int n, unsigned lane, bool cold, PayloadPlan *plan,
							  TsdbCodecScratch *scratch);

/*
 * Writes the payload and the header's payload fields.  Values and scratch as the plan left them.  planes: where
 * PLANES puts its bytes.  Returns the bytes: plan->size but for PLANES.
 */
size_t		tsdb_payload_write(const int64_t *values, int n, unsigned lane, const PayloadPlan *plan,
							   uint8_t *out, TsdbPayloadHeader *header, uint8_t *const *planes,
							   TsdbCodecScratch *scratch);

/* Payload of raw lanes: never fails to hold. */
void		tsdb_payload_plan_raw(int n, unsigned lane, PayloadPlan *plan);

/*
 * Takes the payload that header tells of; values[n] sign-extended and within the lane.
 * False if there are too few bytes, a field is out of range, or a value does not fit the lane.
 */
bool		tsdb_payload_read(CodecCursor *in, const TsdbPayloadHeader *header, int n, unsigned lane,
							  int64_t *values, TsdbCodecScratch *scratch);

/* Takes a payload header and, by it, a second payload, which is not PLANES. */
bool		tsdb_payload_read_second(CodecCursor *in, int n, unsigned lane, int64_t *values,
									 TsdbCodecScratch *scratch);

/*
 * The same, but for value i < n alone; the cursor takes the whole payload.  Where reading all would succeed, this does, with
 * that value; where it would fail because of other values, this may succeed.
 */
bool		tsdb_payload_value(CodecCursor *in, const TsdbPayloadHeader *header, int n, unsigned lane,
							   int i, int64_t *value, TsdbCodecScratch *scratch);
bool		tsdb_payload_value_second(CodecCursor *in, int n, unsigned lane, int i, int64_t *value,
									  TsdbCodecScratch *scratch);

/*
 * Runs of a payload of n values that is made of them: values[] and where each ends (the row after it), ascending; room for
 * n.  Returns their number, or 0: it has none (other encodings), or is not valid.  values: not scratch->codes.
 */
int			tsdb_payload_runs(CodecCursor *in, const TsdbPayloadHeader *header, int n, unsigned lane,
							  int64_t *values, uint16_t *ends, TsdbCodecScratch *scratch);

/* Where i stands in count ascending positions, or -1.  Positions that do not ascend: anything. */
static inline int
codec_find_position(const uint8_t *positions, int count, int i)
{
	int			low = 0;
	int			high = count;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (codec_load16(positions + (size_t) middle * sizeof(uint16_t)) < i)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && codec_load16(positions + (size_t) low * sizeof(uint16_t)) == i ? low : -1;
}

/*-------------- float_models.c --------------*/

/* One way to store a vector of floats or doubles. */
typedef struct FloatModel
{
	TsdbEncoding encoding;		/* DECIMAL, FLOAT32, REAL; else: the bits as integers */
	unsigned	param;			/* of the header */
	unsigned	bits;			/* estimate for 64 values */
} FloatModel;

/* Looks at a sample of the bits of floats (lane 4) or doubles (lane 8): the best model for it. */
void		tsdb_float_choose(const int64_t *bits, int n, unsigned lane, FloatModel *model);

/* REAL: the best cut and left parts; sets model. */
void		tsdb_real_choose(const int64_t *bits, int n, unsigned lane, FloatModel *model, uint16_t *lefts);

/*
 * Writes what stands behind header and NULLs: payloads and exceptions; sets header->encoding, param and p.
 * isnull: rows that need not come back
 * (NULL = none).  Returns the bytes (0 if all is in planes), or TSDB_NO_MODEL: the model does not hold.
 */
#define TSDB_NO_MODEL	SIZE_MAX

size_t		tsdb_float_write(const int64_t *bits, const bool *isnull, int n, unsigned lane, const FloatModel *model,
							 const uint16_t *lefts, TsdbBlockHeader *header, uint8_t *const *planes, uint8_t *out,
							 TsdbCodecScratch *scratch);

/* Scale of DECIMAL's header.param; false: none. */
bool		tsdb_decimal_scale(unsigned param, TsdbDecimalScale *scale);

/* The inverse, of all values or of value i alone (see tsdb_payload_value). */
bool		tsdb_float_read(CodecCursor *in, const TsdbBlockHeader *header, int n, unsigned lane, int64_t *bits,
							TsdbCodecScratch *scratch);
bool		tsdb_float_value(CodecCursor *in, const TsdbBlockHeader *header, int n, unsigned lane, int i,
							 int64_t *bits, TsdbCodecScratch *scratch);

#endif							/* TSDB_CODEC_INTERNAL_H */
