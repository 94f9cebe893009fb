/*-------------------------------------------------------------------------
 * tsdb_codec.h
 *	  Encodes and decodes blocks of up to 1,024 values; no PostgreSQL types.
 *
 * A block is self-contained: 16-byte header (encoding, NULL form, rows), optional NULL
 * bitmap, payload.  Two families share it:
 *	  integers	  int64 lanes in and out; floats and doubles pass as their bits
 *	  bytes		  variable-length strings, plain or as codes into a dictionary
 *
 * Decoders take any bytes at all: they return false instead of reading or writing out of
 * bounds.  They never read past in + len.  Encoders are deterministic (same values, same bytes).
 * No function allocates; callers give scratch.  All are thread-safe and reentrant.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_CODEC_H
#define TSDB_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TSDB_CODEC_MAX_ROWS		1024

/* Values on disk: never renumber. */
typedef enum TsdbEncoding
{
	TSDB_ENC_NULL = 0,			/* all NULL: no payload */
	TSDB_ENC_CONST = 1,			/* one value */
	TSDB_ENC_RLE = 2,			/* run-length */
	TSDB_ENC_FOR = 3,			/* frame of reference + bit-packing, optional GCD, optional patches (PFOR) */
	TSDB_ENC_DELTA = 4,			/* deltas, then FOR; optional GCD, patches */
	TSDB_ENC_RAW = 5,			/* lanes as they are */
	TSDB_ENC_DICT = 6,			/* codes into the column's dictionary, themselves an integer payload */
	TSDB_ENC_BYTES = 7,			/* lengths as an integer payload, then the bytes back to back */
	TSDB_ENC_DECIMAL = 8,		/* doubles: n / 10^k, n an integer payload, residuals, exceptions */
	TSDB_ENC_LINEAR = 9,		/* a straight line and packed differences from it */
	TSDB_ENC_PLANES = 10,		/* cold: bytes of the numbers lie in the column's planes */
	TSDB_ENC_FLOAT32 = 11,		/* doubles that are floats: a payload of floats' bits or decimals */
	TSDB_ENC_REAL = 12,			/* ALP-RD: few left parts, packed right parts */
	TSDB_ENC_FSST = 13,			/* strings: lengths, then bytes by the column's symbol table */
	TSDB_ENC_ZSTD = 14,			/* strings: lengths, then all bytes as one frame */
	TSDB_ENC_LZ4 = 15,			/* the same with LZ4 */
	TSDB_ENC_STREAMS = 16		/* parts of structured values, each a block of integers */
	/* later encodings get later numbers */
} TsdbEncoding;

#define TSDB_NENCODINGS			17

typedef enum TsdbLane
{
	TSDB_LANE_INT8 = 1, TSDB_LANE_INT16 = 2, TSDB_LANE_INT32 = 4, TSDB_LANE_INT64 = 8
} TsdbLane;

/* What the values of an integer-family vector mean to the chooser. */
typedef enum TsdbLaneMeaning
{
	TSDB_MEANS_INT = 0, TSDB_MEANS_FLOAT4 = 1, TSDB_MEANS_FLOAT8 = 2
} TsdbLaneMeaning;

/* Scratch of one encoder or decoder; about 140 KB; zeroed once, else its contents are nobody's business. */
typedef struct TsdbCodecScratch TsdbCodecScratch;
size_t tsdb_codec_scratch_size(void);

/*-------------- integers (and bits of floats) --------------*/

/* Largest block that tsdb_int_encode can write for n rows of this lane. */
size_t tsdb_int_bound(int n, TsdbLane lane);

/*
 * values[n]: sign-extended to 64 bits, 1 <= n <= 1024; values of NULL rows are ignored.
 * isnull[n]: NULL = no row is NULL.  out: at least tsdb_int_bound() bytes.
 * Returns bytes written (> 0).  *encoding tells what the chooser took.
 * The block is verified by decoding before return; a mismatch falls back to RAW.
 */
size_t tsdb_int_encode(const int64_t *values, const bool *isnull, int n,
					   TsdbLane lane, TsdbLaneMeaning meaning,
					   uint8_t *out, TsdbEncoding *encoding, TsdbCodecScratch *scratch);

/*
 * Decodes a block of exactly n rows into values[n] (sign-extended from the lane's width;
 * 0 in NULL rows) and isnull[n] (always written); *nnulls their number.
 * False: the bytes are no valid block of n rows of this lane; outputs are then unspecified.
 */
bool tsdb_int_decode(const uint8_t *in, size_t len, int n, TsdbLane lane,
					 int64_t *values, bool *isnull, int *nnulls, TsdbCodecScratch *scratch);

/* Rows first .. first + count - 1 of a block. */
typedef struct TsdbRowRange
{
	uint16_t	first;
	uint16_t	count;
} TsdbRowRange;

/*
 * Sums of the values of ranges (ascending, apart from each other, each of a row at least) without decoding them: of integers; of doubles that
 * are decimals: the exact sum of the decimals, rounded (twice at most).  False, and then nothing is said of the block: it is not coded as a
 * frame of small numbers or steps, has NULLs or exceptions, or is damaged: decode it.
 */
bool tsdb_int_sums(const uint8_t *in, size_t len, int n, TsdbLane lane, const TsdbRowRange *ranges, int nranges,
				   int64_t *sums, TsdbCodecScratch *scratch);
bool tsdb_double_sums(const uint8_t *in, size_t len, int n, const TsdbRowRange *ranges, int nranges,
					 double *sums, TsdbCodecScratch *scratch);

/*
 * The values as integers of 32 bits, at less than half of what decoding costs: of integers; of doubles that are decimals: what stands above a
 * power of ten, which *scale tells (for tsdb_narrow_*).  False: as above.
 */
bool tsdb_int_narrow(const uint8_t *in, size_t len, int n, TsdbLane lane, int32_t *values, TsdbCodecScratch *scratch);
bool tsdb_double_narrow(const uint8_t *in, size_t len, int n, int32_t *values, unsigned *scale, TsdbCodecScratch *scratch);
/* Bits of the doubles, as decoding gives them. */
void tsdb_narrow_decode(const int32_t *values, int n, unsigned scale, int64_t *bits);
/* The double of a sum of such integers. */
double tsdb_narrow_double(int64_t sum, unsigned scale);
/*
 * The least integer whose double is not below c, and the least whose double is above it, as PostgreSQL orders doubles; INT32_MAX + 1 if there
 * is none: so that comparing doubles with c is comparing integers with these.
 */
void tsdb_narrow_bounds(double c, unsigned scale, int64_t *not_below, int64_t *above);

/*
 * A cold column keeps the bytes of its numbers apart from its blocks, in up to eight planes of one byte a row: so an entropy
 * coder over a whole plane sees like beside like.  planes[p] points to the byte of the block's first row.  Encoding writes n
 * bytes to some of the planes and leaves the others alone (they must be 0 before); *nplanes grows to what is
 * in use.  A block of a cold column needs its planes to be decoded.
 */
#define TSDB_MAX_PLANES			8

size_t tsdb_int_encode_cold(const int64_t *values, const bool *isnull, int n,
							TsdbLane lane, TsdbLaneMeaning meaning, uint8_t *const *planes, int *nplanes,
							uint8_t *out, TsdbEncoding *encoding, TsdbCodecScratch *scratch);
bool tsdb_int_decode_cold(const uint8_t *in, size_t len, int n, TsdbLane lane,
						  const uint8_t *const *planes, int nplanes,
						  int64_t *values, bool *isnull, int *nnulls, TsdbCodecScratch *scratch);

/*
 * The value of one row alone, of a hot block (planes NULL, nplanes 0) or a cold one: what decoding gives in values[row] and
 * isnull[row].  Costs no more for a row at the end than at the start, but in DELTA, where the sum of the steps before
 * it takes a tenth of decoding.  A block that decoding refuses because of other rows' values may be taken here.
 */
bool tsdb_int_value(const uint8_t *in, size_t len, int n, TsdbLane lane,
					const uint8_t *const *planes, int nplanes,
					int row, int64_t *value, bool *isnull, int *nnulls, TsdbCodecScratch *scratch);

/*
 * A block of integers without NULLs that is stored as runs: their values (neighbours may be equal) and where each ends (the row after
 * it); room for n of both.  Returns their number, or 0: decode it, for it is another, or not valid.
 */
int tsdb_int_runs(const uint8_t *in, size_t len, int n, TsdbLane lane, int64_t *values, uint16_t *ends,
				  TsdbCodecScratch *scratch);

/* Blocks that did not verify since the scratch was zeroed, and were written as RAW. */
unsigned tsdb_codec_fallbacks(const TsdbCodecScratch *scratch);

/*-------------- bytes --------------*/

typedef struct TsdbBytes
{
	const uint8_t *data;
	uint32_t	len;
} TsdbBytes;

/* Largest block that tsdb_bytes_encode can write, total_len = sum of the lengths. */
size_t tsdb_bytes_bound(int n, size_t total_len);

/* Plain strings: block of encoding BYTES (CONST when all are equal, NULL when all are NULL). */
size_t tsdb_bytes_encode(const TsdbBytes *values, const bool *isnull, int n,
						 uint8_t *out, TsdbEncoding *encoding, TsdbCodecScratch *scratch);

/*
 * values[n].data point into "in" (no copy), NULL rows get {NULL, 0}.
 * A block of encoding DICT is refused: use tsdb_codes_decode.
 */
bool tsdb_bytes_decode(const uint8_t *in, size_t len, int n,
					   TsdbBytes *values, bool *isnull, int *nnulls, TsdbCodecScratch *scratch);

/* Codes into a dictionary of dict_count entries: a block of encoding DICT. */
size_t tsdb_codes_bound(int n);
size_t tsdb_codes_encode(const uint32_t *codes, const bool *isnull, int n,
						 uint8_t *out, TsdbEncoding *encoding, TsdbCodecScratch *scratch);
/* Every code of a row that is not NULL is < dict_count, else false; NULL rows get code 0. */
bool tsdb_codes_decode(const uint8_t *in, size_t len, int n, uint32_t dict_count,
					   uint32_t *codes, bool *isnull, int *nnulls, TsdbCodecScratch *scratch);

/* The same in a cold column: see tsdb_int_encode_cold. */
size_t tsdb_codes_encode_cold(const uint32_t *codes, const bool *isnull, int n, uint8_t *const *planes, int *nplanes,
							  uint8_t *out, TsdbEncoding *encoding, TsdbCodecScratch *scratch);
bool tsdb_codes_decode_cold(const uint8_t *in, size_t len, int n, uint32_t dict_count,
							const uint8_t *const *planes, int nplanes,
							uint32_t *codes, bool *isnull, int *nnulls, TsdbCodecScratch *scratch);

/* The code of one row alone: see tsdb_int_value. */
bool tsdb_codes_value(const uint8_t *in, size_t len, int n, uint32_t dict_count,
					  const uint8_t *const *planes, int nplanes,
					  int row, uint32_t *code, bool *isnull, int *nnulls, TsdbCodecScratch *scratch);

/* Runs of codes: see tsdb_int_runs. */
int tsdb_codes_runs(const uint8_t *in, size_t len, int n, uint32_t dict_count, uint32_t *codes, uint16_t *ends,
					TsdbCodecScratch *scratch);

/*
 * Dictionary: any number of strings: {uint32 magic/version, uint32 count, uint32 offsets[count + 1]
 * relative to the first byte after the offsets, bytes}.  Entries of INT-kind columns are their
 * lanes, little endian.
 */
size_t tsdb_dict_size(uint32_t count, size_t total_len);
size_t tsdb_dict_encode(const TsdbBytes *entries, uint32_t count, uint8_t *out);
/* Checks all offsets once; then entry i is in[offsets[i] .. offsets[i+1]). */
bool tsdb_dict_open(const uint8_t *in, size_t len, uint32_t *count);
TsdbBytes tsdb_dict_entry(const uint8_t *in, uint32_t i);	/* after a successful open, i < count */

/* Encoding and name of a block, for views; TSDB_ENC_NULL for a block too short to tell. */
TsdbEncoding tsdb_block_encoding(const uint8_t *in, size_t len);
const char *tsdb_encoding_name(TsdbEncoding encoding);

#endif							/* TSDB_CODEC_H */
