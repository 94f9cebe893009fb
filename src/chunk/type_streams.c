/*-------------------------------------------------------------------------
 * type_streams.c
 *	  Values of structured types as streams of integers, and back.
 *
 * Types of fixed length are described by a table of fields: each is an integer or a double at some offset, and
 * all fields together are all bytes, so that nothing can be lost.  numeric and inet have code of their own.
 *
 * Joining numerics is on the path of every scan of such a column, hence tight: an integer of up to 16 digits
 * becomes four base-10000 digits in one 64-bit word, where leading and trailing zero digits are counted and shifted
 * out as bits, without a loop and without a call of numeric.c.
 *
 * Which scale the integers have is chosen per vector.  As a rule each value is taken at its own display
 * scale.  Values of mixed scales (1.5, 2, 3.25) are better at one common scale, and so are those with
 * more zeros behind the point than fit (4500.0000000000000000): the scale that a value needs does not depend
 * on the one that it shows.  Both are in the second stream, as a rule a constant.
 *-------------------------------------------------------------------------
 */
#include "chunk/type_streams.h"

#include <limits.h>
#include <sys/socket.h>

#include "catalog/pg_type_d.h"
#include "utils/inet.h"
#include "utils/lsyscache.h"

/* with more exceptions than one in so many, a vector is better off as bytes */
#define MIN_ROWS_PER_EXCEPTION		8
/* with more than one in so many, the next way to split numerics is tried */
#define FEW_EXCEPTIONS				32
/* streams take time to decode: they must save 1/32 */
#define MIN_SAVING					32

typedef unsigned __int128 Magnitude;

static const uint64 power10[20] = {
	UINT64CONST(1), UINT64CONST(10), UINT64CONST(100), UINT64CONST(1000), UINT64CONST(10000),
	UINT64CONST(100000), UINT64CONST(1000000), UINT64CONST(10000000), UINT64CONST(100000000),
	UINT64CONST(1000000000), UINT64CONST(10000000000), UINT64CONST(100000000000),
	UINT64CONST(1000000000000), UINT64CONST(10000000000000), UINT64CONST(100000000000000),
	UINT64CONST(1000000000000000), UINT64CONST(10000000000000000), UINT64CONST(100000000000000000),
	UINT64CONST(1000000000000000000), UINT64CONST(10000000000000000000)
};

/*
 * numeric on disk, behind its varlena header, as numeric.c has it (struct NumericChoice is private there):
 *
 *	short	| uint16 1 0 sign:1 dscale:6 weight:7 | int16 digit [] |
 *	long	| uint16 0 sign:1 dscale:14 | int16 weight | int16 digit [] |
 *	special	| uint16 1 1 ... |						NaN, infinities
 *
 * Digits are base 10000, the first times 10000^weight.  make_result() strips zero digits at both ends, takes the
 * short form where dscale and weight fit, and gives zero weight 0 and no sign.
 */
#define NUMERIC_FORM_MASK			0xC000
#define NUMERIC_FORM_SHORT			0x8000
#define NUMERIC_FORM_SPECIAL		0xC000
#define NUMERIC_LONG_NEG			0x4000
#define NUMERIC_LONG_DSCALE			0x3FFF
#define NUMERIC_SHORT_NEG			0x2000
#define NUMERIC_SHORT_DSCALE_SHIFT	7
#define NUMERIC_SHORT_DSCALE_MAX	0x3F
#define NUMERIC_SHORT_WEIGHT		0x7F	/* two's complement */
#define NUMERIC_SHORT_WEIGHT_MIN	(-64)
#define NUMERIC_SHORT_WEIGHT_MAX	63

/* base-10000 digits of 2^128 at any scale: 39 decimal digits, and 3 of the next place */
#define NUMERIC_MAX_DIGITS			11

#define DIGITS_PER_WORD				4
#define WORD_BASE					UINT64CONST(10000000000000000)	/* 10^16 */
#define NUMERIC_WORDS				3

/* a slot of a numeric: varlena header, long header, digits */
#define NUMERIC_SLOT				24	/* of an int64: 6 digits */
#define NUMERIC_WIDE_SLOT			32	/* 11 digits */
#define INET_SLOT					24

StaticAssertDecl(VARHDRSZ + 2 + 2 + 2 * 6 <= NUMERIC_SLOT, "longest numeric of an int64 fits");
StaticAssertDecl(VARHDRSZ + 2 + 2 + 2 * NUMERIC_MAX_DIGITS <= NUMERIC_WIDE_SLOT, "longest numeric of an int128 fits");
StaticAssertDecl(VARHDRSZ + 2 + 16 <= INET_SLOT, "an IPv6 address fits");
StaticAssertDecl(NUMERIC_WIDE_SLOT <= TSDB_STREAMS_MAX_SLOT, "slots are bounded");


/*-------------------------------------------------------------------------
 * Kinds
 *-------------------------------------------------------------------------
 */

typedef struct Field
{
	uint8		offset;
	uint8		bytes;			/* 4, 6, 8 */
	bool		big_endian;
} Field;

typedef struct Kind
{
	int16		typlen;			/* -1: varlena */
	uint8		nstreams;
	uint8		slot;			/* bytes of a decoded value, MAXALIGNed */
	TsdbLaneMeaning meaning;
	Field		fields[TSDB_MAX_STREAMS];	/* of types of fixed length */
	TsdbLane	lanes[TSDB_MAX_STREAMS];
} Kind;

#define L4	TSDB_LANE_INT32
#define L8	TSDB_LANE_INT64

static const Kind kinds[TSDB_NSTREAMSKINDS] = {
	[TSDB_STREAMS_NUMERIC] = {-1, 2, NUMERIC_SLOT, TSDB_MEANS_INT, {{0}}, {L8, L4}},
	[TSDB_STREAMS_NUMERIC_WIDE] = {-1, 3, NUMERIC_WIDE_SLOT, TSDB_MEANS_INT, {{0}}, {L8, L4, L8}},
	[TSDB_STREAMS_INTERVAL] = {16, 3, 16, TSDB_MEANS_INT, {{0, 8, false}, {8, 4, false}, {12, 4, false}}, {L8, L4, L4}},
	[TSDB_STREAMS_TIMETZ] = {12, 2, 16, TSDB_MEANS_INT, {{0, 8, false}, {8, 4, false}}, {L8, L4}},
	[TSDB_STREAMS_UUID] = {16, 2, 16, TSDB_MEANS_INT, {{0, 8, true}, {8, 8, true}}, {L8, L8}},
	[TSDB_STREAMS_INET] = {-1, 3, INET_SLOT, TSDB_MEANS_INT, {{0}}, {L4, L8, L8}},
	[TSDB_STREAMS_MACADDR] = {6, 1, 8, TSDB_MEANS_INT, {{0, 6, true}}, {L8}},
	[TSDB_STREAMS_MACADDR8] = {8, 1, 8, TSDB_MEANS_INT, {{0, 8, true}}, {L8}},
	[TSDB_STREAMS_POINT] = {16, 2, 16, TSDB_MEANS_FLOAT8, {{0, 8, false}, {8, 8, false}}, {L8, L8}},
	[TSDB_STREAMS_LINE] = {24, 3, 24, TSDB_MEANS_FLOAT8, {{0, 8, false}, {8, 8, false}, {16, 8, false}}, {L8, L8, L8}},
	[TSDB_STREAMS_LSEG] = {32, 4, 32, TSDB_MEANS_FLOAT8,
	{{0, 8, false}, {8, 8, false}, {16, 8, false}, {24, 8, false}}, {L8, L8, L8, L8}},
	[TSDB_STREAMS_BOX] = {32, 4, 32, TSDB_MEANS_FLOAT8,
	{{0, 8, false}, {8, 8, false}, {16, 8, false}, {24, 8, false}}, {L8, L8, L8, L8}},
	[TSDB_STREAMS_CIRCLE] = {24, 3, 24, TSDB_MEANS_FLOAT8, {{0, 8, false}, {8, 8, false}, {16, 8, false}}, {L8, L8, L8}},
};

TsdbStreamsKind
tsdb_type_streams_kind(Oid typid)
{
	switch (getBaseType(typid))
	{
		case NUMERICOID:
			return TSDB_STREAMS_NUMERIC;
		case INTERVALOID:
			return TSDB_STREAMS_INTERVAL;
		case TIMETZOID:
			return TSDB_STREAMS_TIMETZ;
		case UUIDOID:
			return TSDB_STREAMS_UUID;
		case INETOID:
		case CIDROID:
			return TSDB_STREAMS_INET;
		case MACADDROID:
			return TSDB_STREAMS_MACADDR;
		case MACADDR8OID:
			return TSDB_STREAMS_MACADDR8;
		case POINTOID:
			return TSDB_STREAMS_POINT;
		case LINEOID:
			return TSDB_STREAMS_LINE;
		case LSEGOID:
			return TSDB_STREAMS_LSEG;
		case BOXOID:
			return TSDB_STREAMS_BOX;
		case CIRCLEOID:
			return TSDB_STREAMS_CIRCLE;
		default:
			return TSDB_STREAMS_NONE;
	}
}

static inline uint16
load16(const uint8 *p)
{
	uint16		v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline void
store16(uint8 *p, uint16 v)
{
	memcpy(p, &v, sizeof(v));
}

static inline uint32
load32(const uint8 *p)
{
	uint32		v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline void
store32(uint8 *p, uint32 v)
{
	memcpy(p, &v, sizeof(v));
}

static inline uint64
load64(const uint8 *p)
{
	uint64		v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline void
store64(uint8 *p, uint64 v)
{
	memcpy(p, &v, sizeof(v));
}


/*-------------------------------------------------------------------------
 * numeric, join
 *-------------------------------------------------------------------------
 */

/* The second stream: display scale, and by how much less the integer is scaled. */
static inline int64
scales_form(int dscale, int reduction)
{
	return dscale + (int64) reduction * 65536;
}

static inline int
scales_dscale(int64 scales)
{
	return (int) (scales & 0xFFFF);
}

static inline int
scales_scale(int64 scales)
{
	return scales_dscale(scales) - (int) (scales >> 16);
}

/* Sixteen decimal digits as four base-10000 digits of 16 bits, the first one lowest: as they lie in memory. */
static inline uint64
pack_digits(uint64 v)
{
	uint32		high = (uint32) (v / 100000000);
	uint32		low = (uint32) (v % 100000000);

	return (uint64) (high / 10000) | (uint64) (high % 10000) << 16 |
		(uint64) (low / 10000) << 32 | (uint64) (low % 10000) << 48;
}

/* Any numeric: magnitude * 10^-scale; returns the payload's length.  scale + pad = 4 * fraction. */
static uint32 pg_noinline
numeric_form(Magnitude magnitude, bool negative, int pad, int fraction, int dscale, uint8 *payload)
{
	uint64		words[NUMERIC_WORDS];
	uint8		bytes[NUMERIC_WORDS * sizeof(uint64)];
	Magnitude	rest = magnitude / (WORD_BASE / power10[pad]);
	int			first = 0;
	int			last = NUMERIC_WORDS * DIGITS_PER_WORD;
	int			weight;
	uint32		header_len;

	/* magnitude <= 2^127: the top word has three digits at most */
	words[2] = pack_digits((uint64) (magnitude % (WORD_BASE / power10[pad])) * power10[pad]);
	words[1] = pack_digits((uint64) (rest % WORD_BASE));
	words[0] = pack_digits((uint64) (rest / WORD_BASE));
	memcpy(bytes, words, sizeof(bytes));

	while (first < last && load16(bytes + 2 * first) == 0)
		first++;
	while (last > first && load16(bytes + 2 * (last - 1)) == 0)
		last--;
	weight = NUMERIC_WORDS * DIGITS_PER_WORD - 1 - first - fraction;
	if (first == last)
	{
		weight = 0;
		negative = false;
	}

	if (dscale <= NUMERIC_SHORT_DSCALE_MAX &&
		weight >= NUMERIC_SHORT_WEIGHT_MIN && weight <= NUMERIC_SHORT_WEIGHT_MAX)
	{
		store16(payload, (uint16) (NUMERIC_FORM_SHORT | (negative ? NUMERIC_SHORT_NEG : 0) |
								   dscale << NUMERIC_SHORT_DSCALE_SHIFT | (weight & NUMERIC_SHORT_WEIGHT)));
		header_len = 2;
	}
	else
	{
		store16(payload, (uint16) ((negative ? NUMERIC_LONG_NEG : 0) | dscale));
		store16(payload + 2, (uint16) weight);
		header_len = 4;
	}
	memcpy(payload + header_len, bytes + 2 * first, (size_t) (last - first) * 2);
	return header_len + (uint32) (last - first) * 2;
}

/*
 * n numerics of the same scales into slots.  high: NULL if the integers are of 64 bits.
 * Returns false if the scales can't be a numeric's.
 */
static inline bool
numeric_join_run(const int64 *low, const int64 *high, uint32 n, int64 scales, uint8 *to, Size slot)
{
	int			dscale = scales_dscale(scales);
	int			scale = scales_scale(scales);
	int			pad = -scale & 3;	/* zeros to the end of a digit */
	int			fraction = (scale + pad) / 4;	/* digits behind the point */
	uint64		factor = power10[pad];
	uint16		header = (uint16) (NUMERIC_FORM_SHORT | dscale << NUMERIC_SHORT_DSCALE_SHIFT);
	uint64		limit = WORD_BASE / factor; /* below it four digits are enough */
	bool		short_form;		/* of all integers of 64 bits: six digits */
	uint32		i;

	if (dscale > NUMERIC_LONG_DSCALE)
		return false;
	short_form = dscale <= NUMERIC_SHORT_DSCALE_MAX &&
		-fraction >= NUMERIC_SHORT_WEIGHT_MIN && DIGITS_PER_WORD + 1 - fraction <= NUMERIC_SHORT_WEIGHT_MAX;

	for (i = 0; i < n; i++, to += slot)
	{
		int64		v = low[i];
		uint64		sign = (uint64) (v >> 63);
		uint64		magnitude = ((uint64) v ^ sign) - sign;
		bool		narrow = short_form && (high == NULL || high[i] == v >> 63);

		if (likely(narrow && magnitude < limit))
		{
			uint64		digits = pack_digits(magnitude * factor);
			unsigned	lead;
			unsigned	count;

			if (unlikely(digits == 0))
			{
				SET_VARSIZE(to, VARHDRSZ + 2);
				store16(to + VARHDRSZ, header);
				continue;
			}
			lead = (unsigned) __builtin_ctzll(digits) / 16;
			count = DIGITS_PER_WORD - lead - (unsigned) __builtin_clzll(digits) / 16;
			SET_VARSIZE(to, VARHDRSZ + 2 + 2 * count);
			store16(to + VARHDRSZ, (uint16) (header | (sign & NUMERIC_SHORT_NEG) |
											 ((DIGITS_PER_WORD - 1 - (int) lead - fraction) & NUMERIC_SHORT_WEIGHT)));
			store64(to + VARHDRSZ + 2, digits >> (16 * lead));
		}
		else if (narrow)
		{
			/* one or two digits more */
			uint32		top = (uint32) (magnitude / limit);
			uint64		digits = pack_digits(magnitude % limit * factor);
			uint32		first = top / 10000;
			uint32		second = top % 10000;
			unsigned	ntop = first > 0 ? 2 : 1;
			unsigned	count;

			if (digits != 0)
				count = ntop + DIGITS_PER_WORD - (unsigned) __builtin_clzll(digits) / 16;
			else
				count = second != 0 ? ntop : 1;
			SET_VARSIZE(to, VARHDRSZ + 2 + 2 * count);
			store16(to + VARHDRSZ, (uint16) (header | (sign & NUMERIC_SHORT_NEG) |
											 ((DIGITS_PER_WORD - 1 + (int) ntop - fraction) & NUMERIC_SHORT_WEIGHT)));
			store32(to + VARHDRSZ + 2, ntop == 2 ? first | second << 16 : second);
			store64(to + VARHDRSZ + 2 + 2 * ntop, digits);
		}
		else
		{
			Magnitude	wide = magnitude;
			bool		negative = v < 0;
			uint32		len;

			if (high != NULL)
			{
				wide = (Magnitude) (uint64) high[i] << 64 | (uint64) v;
				negative = high[i] < 0;
				if (negative)
					wide = -wide;
			}
			len = numeric_form(wide, negative, pad, fraction, dscale, to + VARHDRSZ);
			SET_VARSIZE(to, VARHDRSZ + len);
		}
	}
	return true;
}

/* n numerics into slots, run by run of the same scales: as a rule one. */
static inline bool
numeric_join(const int64 *low, const int64 *high, const int64 *scales, uint32 n, uint8 *to, Size slot)
{
	uint32		first = 0;

	while (first < n)
	{
		uint32		end = first + 1;

		while (end < n && scales[end] == scales[first])
			end++;
		if (!numeric_join_run(low + first, high ? high + first : NULL, end - first, scales[first],
							  to + first * slot, slot))
			return false;
		first = end;
	}
	return true;
}


/*-------------------------------------------------------------------------
 * numeric, split
 *-------------------------------------------------------------------------
 */

/* A finite numeric's parts. */
typedef struct NumericParts
{
	bool		negative;
	int			dscale;
	int			weight;
	int			ndigits;		/* 0 .. NUMERIC_MAX_DIGITS */
	const uint8 *digits;
} NumericParts;

static inline uint32
numeric_digit(const NumericParts *parts, int i)
{
	return load16(parts->digits + 2 * i);
}

/* False: special, too long, or no numeric at all. */
static bool
numeric_parse(const TsdbBytes *string, NumericParts *parts)
{
	uint16		header;
	uint32		header_len;

	if (string->len < 2)
		return false;
	header = load16(string->data);
	switch (header & NUMERIC_FORM_MASK)
	{
		case NUMERIC_FORM_SPECIAL:
			return false;
		case NUMERIC_FORM_SHORT:
			header_len = 2;
			parts->negative = (header & NUMERIC_SHORT_NEG) != 0;
			parts->dscale = (header >> NUMERIC_SHORT_DSCALE_SHIFT) & NUMERIC_SHORT_DSCALE_MAX;
			/* sign-extended from 7 bits */
			parts->weight = ((header & NUMERIC_SHORT_WEIGHT) ^ 0x40) - 0x40;
			break;
		default:
			header_len = 4;
			if (string->len < header_len)
				return false;
			parts->negative = (header & NUMERIC_LONG_NEG) != 0;
			parts->dscale = header & NUMERIC_LONG_DSCALE;
			parts->weight = (int16) load16(string->data + 2);
			break;
	}
	if (string->len - header_len > 2 * NUMERIC_MAX_DIGITS)
		return false;
	parts->ndigits = (int) (string->len - header_len) / 2;
	parts->digits = string->data + header_len;
	return true;
}

/* The least scale at which the value is an integer.  INT_MIN: zero. */
static int
numeric_needed_scale(const NumericParts *parts)
{
	uint32		last;
	int			scale;

	if (parts->ndigits == 0)
		return INT_MIN;
	last = numeric_digit(parts, parts->ndigits - 1);
	if (last == 0)
		return INT_MIN;			/* not as numeric.c writes it */
	scale = 4 * (parts->ndigits - 1 - parts->weight);
	while (last % 10 == 0)
	{
		last /= 10;
		scale--;
	}
	return scale;
}

/* *magnitude = |value| * 10^scale; false if that is no integer below 2^127. */
static bool
numeric_magnitude(const NumericParts *parts, int scale, Magnitude *magnitude)
{
	const Magnitude limit = (Magnitude) 1 << 127;
	Magnitude	head = 0;
	uint64		last;
	int			shift = scale + 4 * (parts->weight + 1 - parts->ndigits);	/* of the last digit */
	int			i;

	*magnitude = 0;
	if (parts->ndigits == 0)
		return true;
	if (shift <= -4 || shift > 38)
		return false;

	/* ten digits are below 2^127 / 10000 */
	for (i = 0; i < parts->ndigits - 1; i++)
	{
		uint32		digit = numeric_digit(parts, i);

		if (digit >= 10000)
			return false;
		head = head * 10000 + digit;
		if (head > limit / 10000)
			return false;
	}
	last = numeric_digit(parts, parts->ndigits - 1);
	if (last >= 10000)
		return false;

	if (shift < 0)
	{
		/* the last digit ends in zeros that the scale doesn't hold */
		if (last % power10[-shift] != 0)
			return false;
		*magnitude = head * power10[4 + shift] + last / power10[-shift];
	}
	else
	{
		*magnitude = head * 10000 + last;
		while (shift > 0)
		{
			int			step = Min(shift, 19);

			if (*magnitude > (limit - 1) / power10[step])
				return false;
			*magnitude *= power10[step];
			shift -= step;
		}
	}
	return *magnitude < limit;
}

/* How numerics of a vector are split. */
typedef struct NumericPlan
{
	bool		wide;
	bool		common;			/* all at "scale", else each at its display scale */
	int			scale;
	/* and what comes of it */
	int			nexceptions;
	bool		same_dscale;
	int			range_bits;		/* of the 64-bit integers */
} NumericPlan;

/* Fills the streams by a plan. */
static void
numeric_split(const TsdbBytes *strings, const bool *isnull, uint32 n, NumericPlan *plan, TsdbStreamsWork *work)
{
	Size		slot = plan->wide ? NUMERIC_WIDE_SLOT : NUMERIC_SLOT;
	uint32		k = 0;			/* among the rows that are not NULL */
	int			dscale = -1;
	int64		lo = PG_INT64_MAX;
	int64		hi = PG_INT64_MIN;
	uint32		i;

	work->nexceptions = 0;
	plan->same_dscale = true;
	for (i = 0; i < n; i++)
	{
		uint64		space[TSDB_STREAMS_MAX_SLOT / sizeof(uint64)];
		uint8	   *form = (uint8 *) space;
		NumericParts parts;
		Magnitude	magnitude;
		bool		good;

		if (isnull && isnull[i])
			continue;
		good = numeric_parse(&strings[i], &parts);
		if (good)
		{
			int			scale = plan->common ? plan->scale : parts.dscale;

			/* display scales have 14 bits, a common scale is small: the reduction fits 16 */
			good = numeric_magnitude(&parts, scale, &magnitude) &&
				(plan->wide || magnitude <= PG_INT64_MAX);
			if (good)
			{
				if (parts.negative)
					magnitude = -magnitude;
				work->values[0][k] = (int64) (uint64) magnitude;
				work->values[1][k] = scales_form(parts.dscale, parts.dscale - scale);
				work->values[2][k] = (int64) (uint64) (magnitude >> 64);
				good = numeric_join_run(&work->values[0][k], plan->wide ? &work->values[2][k] : NULL, 1,
										work->values[1][k], form, slot) &&
					VARSIZE(form) - VARHDRSZ == strings[i].len &&
					memcmp(form + VARHDRSZ, strings[i].data, strings[i].len) == 0;
			}
		}
		if (good)
		{
			if (dscale >= 0 && dscale != parts.dscale)
				plan->same_dscale = false;
			dscale = parts.dscale;
			lo = Min(lo, work->values[0][k]);
			hi = Max(hi, work->values[0][k]);
		}
		else
		{
			work->exceptions[work->nexceptions] = strings[i];
			work->exception_rows[work->nexceptions++] = (uint16) i;
		}
		k++;
	}
	plan->nexceptions = work->nexceptions;
	plan->range_bits = lo < hi ? 64 - __builtin_clzll((uint64) hi - (uint64) lo) : 0;
}

/*
 * The least scale that is enough for almost all values.  One value with many decimals must not widen all others.
 * Scales beyond the table's ends are rare, and wrong only in that there are more exceptions.
 */
static int
numeric_common_scale(const TsdbBytes *strings, const bool *isnull, uint32 n)
{
	uint16		counts[128];
	uint32		nvalues = 0;
	uint32		above = 0;
	int			scale;
	uint32		i;

	memset(counts, 0, sizeof(counts));
	for (i = 0; i < n; i++)
	{
		NumericParts parts;
		int			needed;

		if ((isnull && isnull[i]) || !numeric_parse(&strings[i], &parts))
			continue;
		needed = numeric_needed_scale(&parts);
		if (needed == INT_MIN)
			continue;
		counts[Max(Min(needed, 63), -64) + 64]++;
		nvalues++;
	}
	if (nvalues == 0)
		return 0;
	for (scale = 63; scale > -64; scale--)
	{
		above += counts[scale + 64];
		if (above > nvalues / (2 * FEW_EXCEPTIONS))
			break;
	}
	return scale;
}

/* Finds the best plan and leaves its streams in work. */
static void
numeric_choose(const TsdbBytes *strings, const bool *isnull, uint32 n, uint32 nvalid,
			   NumericPlan *best, TsdbStreamsWork *work)
{
	int			few = (int) (nvalid / FEW_EXCEPTIONS);
	NumericPlan last;			/* whose streams are in work */
	NumericPlan plan;

	memset(best, 0, sizeof(*best));
	numeric_split(strings, isnull, n, best, work);
	if (best->nexceptions == 0 && best->same_dscale)
		return;

	plan = *best;
	plan.common = true;
	plan.scale = numeric_common_scale(strings, isnull, n);
	numeric_split(strings, isnull, n, &plan, work);
	last = plan;
	if (plan.nexceptions < best->nexceptions ||
		(plan.nexceptions == best->nexceptions && plan.range_bits <= best->range_bits))
		*best = plan;

	/* the high halves are patches, if the rest is small: no dearer than exceptions, but slower */
	if (best->nexceptions > few)
	{
		NumericPlan wide = *best;

		wide.wide = true;
		wide.common = false;
		numeric_split(strings, isnull, n, &wide, work);
		last = wide;
		if (wide.nexceptions < best->nexceptions)
			*best = wide;
		if (wide.nexceptions > few)
		{
			wide.common = true;
			wide.scale = plan.scale;
			numeric_split(strings, isnull, n, &wide, work);
			last = wide;
			if (wide.nexceptions < best->nexceptions)
				*best = wide;
		}
	}

	if (last.wide != best->wide || last.common != best->common)
		numeric_split(strings, isnull, n, best, work);
}


/*-------------------------------------------------------------------------
 * inet
 *-------------------------------------------------------------------------
 */

/* Behind the varlena header: family, bits, 4 or 16 bytes of address. */
#define INET_HEADER		2
#define INET4_LEN		(INET_HEADER + 4)
#define INET6_LEN		(INET_HEADER + 16)

static void
inet_split(const TsdbBytes *strings, const bool *isnull, uint32 n, TsdbStreamsWork *work)
{
	uint32		k = 0;
	uint32		i;

	work->nexceptions = 0;
	for (i = 0; i < n; i++)
	{
		const uint8 *p = strings[i].data;

		if (isnull && isnull[i])
			continue;
		if (strings[i].len == INET4_LEN && p[0] == PGSQL_AF_INET)
		{
			work->values[1][k] = __builtin_bswap32(load32(p + INET_HEADER));
			work->values[2][k] = 0;
		}
		else if (strings[i].len == INET6_LEN && p[0] == PGSQL_AF_INET6)
		{
			work->values[1][k] = (int64) __builtin_bswap64(load64(p + INET_HEADER + 8));
			work->values[2][k] = (int64) __builtin_bswap64(load64(p + INET_HEADER));
		}
		else
		{
			work->exceptions[work->nexceptions] = strings[i];
			work->exception_rows[work->nexceptions++] = (uint16) i;
			k++;
			continue;
		}
		work->values[0][k++] = p[0] << 8 | p[1];
	}
}

/* False: a family that there is not, or an address that it can't have. */
static bool
inet_join(const int64 *masks, const int64 *low, const int64 *high, uint32 n, uint8 *to)
{
	uint32		i;

	for (i = 0; i < n; i++, to += INET_SLOT)
	{
		uint8	   *p = to + VARHDRSZ;

		p[0] = (uint8) (masks[i] >> 8);
		p[1] = (uint8) masks[i];
		switch (masks[i] >> 8)
		{
			case PGSQL_AF_INET:
				if (high[i] != 0 || (uint64) low[i] >> 32 != 0)
					return false;
				SET_VARSIZE(to, VARHDRSZ + INET4_LEN);
				store32(p + INET_HEADER, __builtin_bswap32((uint32) low[i]));
				break;
			case PGSQL_AF_INET6:
				SET_VARSIZE(to, VARHDRSZ + INET6_LEN);
				store64(p + INET_HEADER, __builtin_bswap64((uint64) high[i]));
				store64(p + INET_HEADER + 8, __builtin_bswap64((uint64) low[i]));
				break;
			default:
				return false;
		}
	}
	return true;
}


/*-------------------------------------------------------------------------
 * Types of fixed length
 *-------------------------------------------------------------------------
 */

static void
field_split(const Field *field, const TsdbBytes *strings, const bool *isnull, uint32 n, int64 *values)
{
	uint32		k = 0;
	uint32		i;

	for (i = 0; i < n; i++)
	{
		const uint8 *p = strings[i].data + field->offset;

		if (isnull && isnull[i])
			continue;
		if (field->bytes == 4)
			values[k++] = (int32) load32(p);
		else if (field->bytes == 6)
			values[k++] = (int64) (__builtin_bswap64((uint64) load32(p) | (uint64) load16(p + 4) << 32) >> 16);
		else
			values[k++] = (int64) (field->big_endian ? __builtin_bswap64(load64(p)) : load64(p));
	}
}

static void
field_join(const Field *field, const int64 *values, uint32 n, uint8 *to, Size slot)
{
	uint32		i;

	to += field->offset;
	if (field->bytes == 4)
	{
		for (i = 0; i < n; i++)
			store32(to + i * slot, (uint32) values[i]);
	}
	else if (field->bytes == 6)
	{
		/* two bytes of the slot beyond the value */
		for (i = 0; i < n; i++)
			store64(to + i * slot, __builtin_bswap64((uint64) values[i] << 16));
	}
	else if (field->big_endian)
	{
		for (i = 0; i < n; i++)
			store64(to + i * slot, __builtin_bswap64((uint64) values[i]));
	}
	else
	{
		for (i = 0; i < n; i++)
			store64(to + i * slot, (uint64) values[i]);
	}
}


/*-------------------------------------------------------------------------
 * Blocks
 *-------------------------------------------------------------------------
 */

Size
tsdb_type_streams_bound(uint32 n, Size total_len)
{
	return tsdb_streams_bound((int) n, TSDB_MAX_STREAMS, (int) (n / MIN_ROWS_PER_EXCEPTION), total_len);
}

#ifdef USE_ASSERT_CHECKING
/* Assertion builds decode whatever they encode. */
static bool
block_gives_back(const uint8 *in, Size len, const Kind *kind, const TsdbBytes *strings, const bool *isnull, uint32 n,
				 TsdbStreamsWork *work, TsdbCodecScratch *scratch)
{
	TsdbStreamsBlock block;
	Size		slots_size;
	bool		nulls[TSDB_VECTOR_ROWS];
	Datum		values[TSDB_VECTOR_ROWS];
	int			nnulls;
	int			e = 0;
	uint32		i;

	if (!tsdb_type_streams_open(in, len, n, kind->typlen > 0 ? TSDB_KIND_FIXED : TSDB_KIND_VARLENA, kind->typlen,
								&block, &slots_size, nulls, &nnulls) ||
		slots_size > sizeof(work->slots) ||
		!tsdb_type_streams_decode(&block, nulls, (uint8 *) work->slots, values, work, scratch))
		return false;
	for (i = 0; i < n; i++)
	{
		const uint8 *data = (const uint8 *) DatumGetPointer(values[i]);
		uint32		value_len = (uint32) Max(kind->typlen, 0);

		if (nulls[i] != (isnull && isnull[i]))
			return false;
		if (nulls[i])
			continue;
		if (e < work->nexceptions && work->exception_rows[e] == i)
		{
			data = work->exceptions[e].data;
			value_len = work->exceptions[e++].len;
		}
		else if (kind->typlen < 0)
		{
			value_len = VARSIZE(data) - VARHDRSZ;
			data += VARHDRSZ;
		}
		if (value_len != strings[i].len || memcmp(data, strings[i].data, value_len) != 0)
			return false;
	}
	return true;
}
#endif

Size
tsdb_type_streams_encode(TsdbStreamsKind type_kind, const TsdbBytes *strings, const bool *isnull, uint32 n,
						 uint8 *out, TsdbStreamsWork *work, TsdbCodecScratch *scratch)
{
	const Kind *kind = &kinds[type_kind];
	const TsdbBytes *first = NULL;
	TsdbStream	streams[TSDB_MAX_STREAMS];
	Size		total_len = 0;
	Size		len;
	uint32		nvalid = 0;
	bool		differ = false;
	uint32		i;
	int			s;

	Assert(n >= 1 && n <= TSDB_VECTOR_ROWS);
	if (type_kind == TSDB_STREAMS_NONE)
		return 0;

	for (i = 0; i < n; i++)
	{
		if (isnull && isnull[i])
			continue;
		if (kind->typlen > 0 && strings[i].len != (uint32) kind->typlen)
			return 0;
		total_len += strings[i].len;
		nvalid++;
		if (first == NULL)
			first = &strings[i];
		else if (!differ)
			differ = strings[i].len != first->len ||
				(strings[i].data != first->data && memcmp(strings[i].data, first->data, first->len) != 0);
	}
	if (!differ)
		return 0;

	if (type_kind == TSDB_STREAMS_NUMERIC)
	{
		NumericPlan plan;

		numeric_choose(strings, isnull, n, nvalid, &plan, work);
		if (plan.wide)
		{
			type_kind = TSDB_STREAMS_NUMERIC_WIDE;
			kind = &kinds[type_kind];
		}
	}
	else if (type_kind == TSDB_STREAMS_INET)
		inet_split(strings, isnull, n, work);
	else
	{
		for (s = 0; s < kind->nstreams; s++)
			field_split(&kind->fields[s], strings, isnull, n, work->values[s]);
		work->nexceptions = 0;
	}
	if (work->nexceptions > (int) (nvalid / MIN_ROWS_PER_EXCEPTION))
		return 0;

	for (s = 0; s < kind->nstreams; s++)
	{
		streams[s].values = work->values[s];
		streams[s].lane = kind->lanes[s];
		streams[s].meaning = kind->meaning;
	}
	len = tsdb_streams_encode((uint8) type_kind, streams, kind->nstreams, isnull, (int) n,
							  work->exceptions, work->exception_rows, work->nexceptions, out, scratch);
	/* NULLs and the header take the same in a block of bytes */
	if (len + total_len / MIN_SAVING >= total_len)
		return 0;
#ifdef USE_ASSERT_CHECKING
	{
		bool		exact = block_gives_back(out, len, kind, strings, isnull, n, work, scratch);

		Assert(exact);
	}
#endif
	return len;
}

bool
tsdb_type_streams_open(const uint8 *in, Size len, uint32 n, TsdbColumnKind column_kind, int16 typlen,
					   TsdbStreamsBlock *block, Size *slots_size, bool *isnull, int *nnulls)
{
	const Kind *kind;

	if (!tsdb_streams_open(in, len, (int) n, block, isnull, nnulls) ||
		block->kind == TSDB_STREAMS_NONE || block->kind >= TSDB_NSTREAMSKINDS)
		return false;
	kind = &kinds[block->kind];
	if (block->nstreams != kind->nstreams || kind->typlen != typlen ||
		column_kind != (kind->typlen > 0 ? TSDB_KIND_FIXED : TSDB_KIND_VARLENA))
		return false;
	*slots_size = (Size) block->nvalid * kind->slot;
	return true;
}

/* work->values[][n], which are those of some slots, to values in slots. */
static bool
join_values(const TsdbStreamsBlock *block, const Kind *kind, uint32 n, uint8 *slots, const TsdbStreamsWork *work)
{
	int			i;

	switch (block->kind)
	{
		case TSDB_STREAMS_NUMERIC:
			return numeric_join(work->values[0], NULL, work->values[1], n, slots, NUMERIC_SLOT);
		case TSDB_STREAMS_NUMERIC_WIDE:
			return numeric_join(work->values[0], work->values[2], work->values[1], n, slots, NUMERIC_WIDE_SLOT);
		case TSDB_STREAMS_INET:
			return inet_join(work->values[0], work->values[1], work->values[2], n, slots);
		default:
			for (i = 0; i < block->nstreams; i++)
				field_join(&kind->fields[i], work->values[i], n, slots, kind->slot);
			return true;
	}
}

bool
tsdb_type_streams_decode(const TsdbStreamsBlock *block, const bool *isnull, uint8 *slots,
						 Datum *values, TsdbStreamsWork *work, TsdbCodecScratch *scratch)
{
	const Kind *kind = &kinds[block->kind];
	uint8	   *slot = slots;
	int			i;

	Assert(slots == (uint8 *) MAXALIGN(slots));
	for (i = 0; i < block->nstreams; i++)
	{
		if (!tsdb_streams_read(block, i, kind->lanes[i], work->values[i], scratch))
			return false;
	}
	if (!join_values(block, kind, (uint32) block->nvalid, slots, work))
		return false;

	if (block->nvalid == block->n)
	{
		for (i = 0; i < block->n; i++, slot += kind->slot)
			values[i] = PointerGetDatum(slot);
	}
	else
	{
		for (i = 0; i < block->n; i++)
		{
			/* no branch: NULLs are where they are */
			values[i] = isnull[i] ? (Datum) 0 : PointerGetDatum(slot);
			slot += isnull[i] ? 0 : kind->slot;
		}
	}

	tsdb_streams_exceptions(block, work->exception_rows, work->exceptions);
	work->nexceptions = block->nexceptions;
	for (i = 0; i < work->nexceptions; i++)
		values[work->exception_rows[i]] = (Datum) 0;
	return true;
}

bool
tsdb_type_streams_value(const TsdbStreamsBlock *block, const bool *isnull, uint32 row, uint8 *slot,
						TsdbBytes *exception, TsdbStreamsWork *work, TsdbCodecScratch *scratch)
{
	const Kind *kind = &kinds[block->kind];
	int			before = 0;
	uint32		r;
	int			i;

	Assert(slot == (uint8 *) MAXALIGN(slot) && !isnull[row]);
	Assert(kind->slot <= TSDB_STREAMS_MAX_SLOT);
	exception->data = NULL;
	exception->len = 0;
	tsdb_streams_exceptions(block, work->exception_rows, work->exceptions);
	for (i = 0; i < block->nexceptions; i++)
	{
		if (work->exception_rows[i] == row)
		{
			*exception = work->exceptions[i];
			return true;
		}
	}
	for (r = 0; r < row; r++)
		before += !isnull[r];
	for (i = 0; i < block->nstreams; i++)
	{
		if (!tsdb_streams_value(block, i, kind->lanes[i], before, work->values[i], scratch))
			return false;
	}
	return join_values(block, kind, 1, slot, work);
}
