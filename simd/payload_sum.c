/*-------------------------------------------------------------------------
 * payload_sum.c
 *	  Sums over ranges of a block's rows, and its values as 32-bit integers, without decoding to 64 bits.
 *
 * FOR: value[i] = base + factor * c[i], so that a range adds up to count * base + factor * (sum of c).
 *
 * DELTA: value[i] = value[i - 1] + d[i], d[i] = base + factor * c[i]; then rows a .. b - 1 add up to
 *
 *		(b - a) * value[a] + sum over a < j < b of (b - j) * d[j]
 *
 * and the last sum is (b - a - 1) * C - K, C being the sum of c[a + 1 ..], K that of j * c[a + 1 + j]: two passes over bytes in
 * place of a prefix sum over 64-bit numbers.  Patches are added apart.
 *
 * Numbers are looked at as lanes of 8 or 16 bits.  Limits on what the block says keep everything far below 2^63; blocks
 * beyond them are decoded like others.
 */
#include "codec_internal.h"
#include "ffor.h"

/* |first|, and |base|, factor and |patches| */
#define MAX_FIRST		(INT64_C(1) << 50)
#define MAX_STEP		(INT64_C(1) << 26)

typedef struct Sums
{
	const TsdbPayloadHeader *p;
	bool		steps;			/* DELTA */
	int			n;
	int64_t		first;			/* DELTA: value[0] */
	int64_t		base;
	int64_t		factor;
	TsdbElement element;		/* of the lanes */
	int			bytes;
	const uint8_t *lanes;
	const uint8_t *positions;	/* of patches */
	const uint8_t *patches;
} Sums;

static bool
is_small(int64_t v, int64_t limit)
{
	return v > -limit && v < limit;
}

/* Takes the payload, and unpacks its numbers to lanes; false: it is none of ours, or damaged. */
static bool
open_sums(CodecCursor *in, const TsdbPayloadHeader *p, int n, Sums *sums, TsdbCodecScratch *scratch)
{
	const uint8_t *bytes;
	int			last = -1;
	int			i;

	if ((p->payload != TSDB_ENC_FOR && p->payload != TSDB_ENC_DELTA) || p->width < 1 || p->width > 16 ||
		(p->flags & ~(TSDB_PAYLOAD_GCD | TSDB_PAYLOAD_PATCHES)) != 0)
		return false;
	if ((p->flags & TSDB_PAYLOAD_PATCHES) ? p->count == 0 || p->count > n || p->aux < 1 || p->aux > 8 :
		p->count != 0 || p->aux != 0)
		return false;
	sums->p = p;
	sums->n = n;
	sums->steps = p->payload == TSDB_ENC_DELTA;
	sums->first = 0;
	if (sums->steps)
	{
		if ((bytes = codec_take(in, 8)) == NULL)
			return false;
		sums->first = (int64_t) codec_load64(bytes);
	}
	if ((bytes = codec_take(in, 8)) == NULL)
		return false;
	sums->base = (int64_t) codec_load64(bytes);
	sums->factor = 1;
	if (p->flags & TSDB_PAYLOAD_GCD)
	{
		if ((bytes = codec_take(in, 8)) == NULL)
			return false;
		sums->factor = (int64_t) codec_load64(bytes);
	}
	/* a frame's base is a value, a step's is a step */
	if (!is_small(sums->first, MAX_FIRST) || !is_small(sums->base, sums->steps ? MAX_STEP : MAX_FIRST) ||
		!is_small(sums->factor, MAX_STEP))
		return false;

	if ((bytes = codec_take(in, tsdb_ffor_size(n, p->width, false))) == NULL ||
		(sums->positions = codec_take(in, p->count * sizeof(uint16_t))) == NULL ||
		(sums->patches = codec_take(in, (size_t) p->count * p->aux)) == NULL)
		return false;
	for (i = 0; i < p->count; i++)
	{
		int			at = codec_load16(sums->positions + (size_t) i * sizeof(uint16_t));

		if (at <= last || at >= n || !is_small(codec_load_signed(sums->patches + (size_t) i * p->aux, p->aux), MAX_STEP))
			return false;
		last = at;
	}
	sums->bytes = p->width <= 8 ? 1 : 2;
	sums->element = p->width <= 8 ? TSDB_ELEM_U8 : TSDB_ELEM_U16;
	tsdb_kernels->unpack_lanes(bytes, n, p->width, scratch->narrow);
	/* a patch replaces its number, whatever that is */
	for (i = 0; i < p->count; i++)
	{
		int			at = codec_load16(sums->positions + (size_t) i * sizeof(uint16_t));

		memset((uint8_t *) scratch->narrow + (size_t) at * sums->bytes, 0, sums->bytes);
	}
	sums->lanes = (const uint8_t *) scratch->narrow;
	return true;
}

/* Sum of factor * c[i], from <= i < to. */
static int64_t
lanes_sum(const Sums *sums, int from, int to)
{
	if (to <= from)
		return 0;
	return sums->factor * (int64_t) tsdb_kernels->sum_int(sums->element, sums->lanes + (size_t) from * sums->bytes, to - from, NULL);
}

/* Sum of patches at from <= position < to, each multiplied, if weighted, by to - position; *patch is the first at or behind "from". */
static int64_t
patches_sum(const Sums *sums, int from, int to, bool weighted, int *patch)
{
	int64_t		sum = 0;

	for (; *patch < sums->p->count; (*patch)++)
	{
		int			at = codec_load16(sums->positions + (size_t) *patch * sizeof(uint16_t));
		int64_t		value;

		if (at < from)
			continue;
		if (at >= to)
			break;
		value = codec_load_signed(sums->patches + (size_t) *patch * sums->p->aux, sums->p->aux);
		sum += weighted ? value * (to - at) : value;
	}
	return sum;
}

static void
add_up_frame(const Sums *sums, const TsdbRowRange *ranges, int nranges, int64_t *out)
{
	int			patch = 0;
	int			i;

	for (i = 0; i < nranges; i++)
	{
		int			from = ranges[i].first;
		int			to = from + ranges[i].count;

		out[i] = sums->base * ranges[i].count + lanes_sum(sums, from, to) + patches_sum(sums, from, to, false, &patch);
	}
}

static void
add_up_steps(const Sums *sums, const TsdbRowRange *ranges, int nranges, int64_t *out)
{
	int64_t		value = sums->first;	/* of row "at" */
	int			at = 0;
	int			patch = 0;
	int			i;

	/* the slot of row 0 is no step; nor is a patch there */
	for (i = 0; i < nranges; i++)
	{
		int			from = ranges[i].first;
		int			to = from + ranges[i].count;
		int64_t		rest = ranges[i].count - 1;	/* steps within the range */
		uint64_t	c = 0;
		uint64_t	k = 0;
		int			again;

		/* to the first row of the range */
		value += sums->base * (from - at) + lanes_sum(sums, at + 1, from + 1) + patches_sum(sums, at + 1, from + 1, false, &patch);
		if (rest > 0)
			tsdb_kernels->moments(sums->element, sums->lanes + (size_t) (from + 1) * sums->bytes, (int) rest, &c, &k);
		again = patch;
		out[i] = value * ranges[i].count + sums->base * (rest * (rest + 1) / 2) +
			sums->factor * (int64_t) ((uint64_t) rest * c - k) + patches_sum(sums, from + 1, to, true, &again);
		/* to its last one */
		value += sums->base * rest + sums->factor * (int64_t) c + patches_sum(sums, from + 1, to, false, &patch);
		at = to - 1;
	}
}

/* Opens a block of integers, or of doubles that are decimals, without NULLs and exceptions. */
static bool
open_block(const uint8_t *in, size_t len, int n, unsigned lane, bool floats, TsdbBlockHeader *header, Sums *sums,
		   TsdbCodecScratch *scratch)
{
	CodecCursor cursor = {in, len, NULL, 0};
	const uint8_t *bytes = codec_take(&cursor, sizeof(TsdbBlockHeader));

	if (bytes == NULL)
		return false;
	memcpy(header, bytes, sizeof(*header));
	if (header->nrows != n || header->lane != lane || header->null_form != TSDB_NULLS_NONE || header->nnulls != 0 ||
		header->p.nexceptions != 0 || header->encoding != (floats ? TSDB_ENC_DECIMAL : header->p.payload) ||
		(!floats && header->param != 0))
		return false;
	return open_sums(&cursor, &header->p, n, sums, scratch);
}

/* Opens the block and adds up; header: of the block. */
static bool
add_up(const uint8_t *in, size_t len, int n, unsigned lane, bool floats, const TsdbRowRange *ranges, int nranges,
	   int64_t *out, TsdbBlockHeader *header, TsdbCodecScratch *scratch)
{
	Sums		sums;

	if (!open_block(in, len, n, lane, floats, header, &sums, scratch))
		return false;
	if (sums.steps)
		add_up_steps(&sums, ranges, nranges, out);
	else
		add_up_frame(&sums, ranges, nranges, out);
	return true;
}

/* n as a double, as decoding makes it: both forms never fall as n rises. */
static inline double
decimal_double(int64_t n, const TsdbDecimalScale *scale)
{
	double		d = (double) n;

	return scale->multiply ? d * scale->factor * scale->inverse : d / scale->power;
}

bool
tsdb_int_sums(const uint8_t *in, size_t len, int n, TsdbLane lane, const TsdbRowRange *ranges, int nranges,
			  int64_t *sums, TsdbCodecScratch *scratch)
{
	TsdbBlockHeader header;

	return add_up(in, len, n, (unsigned) lane, false, ranges, nranges, sums, &header, scratch);
}

bool
tsdb_double_sums(const uint8_t *in, size_t len, int n, const TsdbRowRange *ranges, int nranges,
				 double *sums, TsdbCodecScratch *scratch)
{
	TsdbBlockHeader header;
	TsdbDecimalScale scale;
	int64_t    *ints = scratch->ints;
	int			i;

	if (nranges > CODEC_ROWS || !add_up(in, len, n, TSDB_LANE_INT64, true, ranges, nranges, ints, &header, scratch) ||
		(header.param & TSDB_DECIMAL_RESIDUAL) != 0 || !tsdb_decimal_scale(header.param, &scale))
		return false;
	for (i = 0; i < nranges; i++)
		sums[i] = decimal_double(ints[i], &scale);
	return true;
}

/*-------------- values of 32 bits --------------*/

#define MAX_NARROW			(INT64_C(1) << 30)

/* Do all values fit?  Of steps: the first value, and the largest steps that there might be, all in one direction. */
static bool
is_narrow(const Sums *sums)
{
	int64_t		reach = sums->factor * ((INT64_C(1) << sums->p->width) - 1);	/* below 2^42 */
	int64_t		low = sums->base + (reach < 0 ? reach : 0);
	int64_t		high = sums->base + (reach < 0 ? 0 : reach);
	int64_t		largest = -low > high ? -low : high;
	int64_t		total = (sums->first < 0 ? -sums->first : sums->first) + sums->n * largest;	/* all below 2^62 */
	int			i;

	if (largest >= MAX_NARROW)
		return false;
	for (i = 0; i < sums->p->count; i++)
	{
		int64_t		value = sums->base + codec_load_signed(sums->patches + (size_t) i * sums->p->aux, sums->p->aux);

		if (!is_small(value, MAX_NARROW))
			return false;
		total += value < 0 ? -value : value;
	}
	return !sums->steps || total < MAX_NARROW;
}

static bool
read_narrow(const uint8_t *in, size_t len, int n, unsigned lane, bool floats, TsdbBlockHeader *header, int32_t *values,
			TsdbCodecScratch *scratch)
{
	uint32_t   *out = (uint32_t *) values;
	Sums		sums;
	int			i;

	if (!open_block(in, len, n, lane, floats, header, &sums, scratch) || !is_narrow(&sums))
		return false;
	tsdb_kernels->scale_lanes(sums.element, sums.lanes, n, (uint32_t) sums.base, (uint32_t) sums.factor, out);
	for (i = 0; i < sums.p->count; i++)
		out[codec_load16(sums.positions + (size_t) i * sizeof(uint16_t))] =
			(uint32_t) (sums.base + codec_load_signed(sums.patches + (size_t) i * sums.p->aux, sums.p->aux));
	if (sums.steps)
	{
		/* the slot of row 0 is no step */
		out[0] = (uint32_t) sums.first;
		tsdb_kernels->prefix_sum32(out, n);
	}
	return true;
}

bool
tsdb_int_narrow(const uint8_t *in, size_t len, int n, TsdbLane lane, int32_t *values, TsdbCodecScratch *scratch)
{
	TsdbBlockHeader header;

	return read_narrow(in, len, n, (unsigned) lane, false, &header, values, scratch);
}

bool
tsdb_double_narrow(const uint8_t *in, size_t len, int n, int32_t *values, unsigned *scale, TsdbCodecScratch *scratch)
{
	TsdbBlockHeader header;
	TsdbDecimalScale known;

	if (!read_narrow(in, len, n, TSDB_LANE_INT64, true, &header, values, scratch) ||
		(header.param & TSDB_DECIMAL_RESIDUAL) != 0 || !tsdb_decimal_scale(header.param, &known))
		return false;
	*scale = header.param;
	return true;
}

void
tsdb_narrow_decode(const int32_t *values, int n, unsigned scale, int64_t *bits)
{
	TsdbDecimalScale known;

	(void) tsdb_decimal_scale(scale, &known);
	tsdb_kernels->widen_signed((const uint8_t *) values, n, sizeof(int32_t), bits);
	tsdb_kernels->decimal_doubles(bits, n, &known);
}

double
tsdb_narrow_double(int64_t sum, unsigned scale)
{
	TsdbDecimalScale known;

	(void) tsdb_decimal_scale(scale, &known);
	return decimal_double(sum, &known);
}

/* The least n, INT32_MIN .. INT32_MAX + 1, whose double is above c (or also: not below it); doubles never fall as n rises. */
static int64_t
least_from(double c, bool above, const TsdbDecimalScale *scale)
{
	int64_t		low = INT32_MIN;
	int64_t		high = (int64_t) INT32_MAX + 1;

	/* what is below "low" does not satisfy, "high" does */
	while (low < high)
	{
		int64_t		middle = low + (high - low) / 2;
		double		d = decimal_double(middle, scale);

		/* of NaN, which is above all, both are false */
		if (above ? d > c : d >= c)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

void
tsdb_narrow_bounds(double c, unsigned scale, int64_t *not_below, int64_t *above)
{
	TsdbDecimalScale known;

	(void) tsdb_decimal_scale(scale, &known);
	*not_below = least_from(c, false, &known);
	*above = least_from(c, true, &known);
}
