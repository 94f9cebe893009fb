/*-------------------------------------------------------------------------
 * int_payload.c
 *	  The integer payload: chooser, writer and reader that all encodings share.
 *
 * A vector is modelled as a frame: base + factor * (W-bit number), with the few values
 * that do not fit stored apart as patches (PFOR: Zukowski et al., "Super-Scalar RAM-CPU
 * Cache Compression", ICDE 2006).  The frame is laid on the values (FOR) or on their
 * differences (DELTA); RLE puts one around the values of the runs.
 *
 * The chooser looks at a sample of 32 values and 32 differences first: their sorted order
 * tells which window holds the bulk, and so which of the models deserve a pass over all
 * values.  The sizes it compares in the end are exact.
 *
 * Invariants: the plan's codes are below 2^width, those of patches 0; patch positions
 * ascend.  The reader trusts none of it.
 *-------------------------------------------------------------------------
 */
#include "codec_internal.h"
#include "ffor.h"

/* More values than this outside of a factor, and the factor is given up. */
#define MAX_GCD_MISSES		16

/* Values of the sample that may lie outside of the window: patches dearer than the bits saved. */
#define MAX_SAMPLE_OUTLIERS	12

/* A frame around values[from .. n). */
typedef struct Frame
{
	int64_t		base;
	uint64_t	gcd;
	unsigned	width;
	unsigned	patch_bytes;
	int			npatches;
	size_t		size;			/* packed values, factor and patches; without base */
} Frame;

static inline int64_t
difference(int64_t a, int64_t b)
{
	return (int64_t) ((uint64_t) a - (uint64_t) b);
}

static bool
packs_horizontally(int n)
{
	return n < TSDB_FFOR_MIN_INTERLEAVED;
}

/*-------------- division by a factor --------------*/

/*
 * Exact division: shift out the factor's zeros, multiply by the inverse of its odd part
 * modulo 2^64.  The product is small if and only if the division leaves no remainder (Warren,
 * "Hacker's Delight", 10-17).
 */
typedef struct Divisor
{
	unsigned	shift;
	uint64_t	low_bits;		/* 2^shift - 1 */
	uint64_t	inverse;
	uint64_t	limit;			/* INT64_MAX / odd part */
} Divisor;

static void
divisor_init(Divisor *d, uint64_t factor)
{
	uint64_t	odd;
	uint64_t	x;
	int			i;

	d->shift = (unsigned) __builtin_ctzll(factor);
	d->low_bits = (UINT64_C(1) << d->shift) - 1;
	odd = factor >> d->shift;
	x = odd;					/* right in three bits; each step doubles them */
	for (i = 0; i < 5; i++)
		x *= 2 - odd * x;
	d->inverse = x;
	d->limit = (uint64_t) INT64_MAX / odd;
}

/* v / factor if that leaves no remainder; *exact tells. */
static inline int64_t
divide_exact(const Divisor *d, int64_t v, bool *exact)
{
	/* >> of a negative number is arithmetic with gcc and clang */
	uint64_t	q = (uint64_t) (v >> d->shift) * d->inverse;

	*exact = ((uint64_t) v & d->low_bits) == 0 && q + d->limit <= 2 * d->limit;
	return (int64_t) q;
}

static uint64_t
gcd64(uint64_t a, uint64_t b)
{
	unsigned	shift;

	if (a == 0)
		return b;
	if (b == 0)
		return a;
	shift = (unsigned) __builtin_ctzll(a | b);
	a >>= __builtin_ctzll(a);
	do
	{
		b >>= __builtin_ctzll(b);
		if (a > b)
		{
			uint64_t	t = a;

			a = b;
			b = t;
		}
		b -= a;
	} while (b != 0);
	return a << shift;
}

/* Whether the bits that a factor saves in count values outweigh the eight bytes it takes. */
static bool
factor_pays(uint64_t gcd, int count)
{
	return gcd > 1 && (uint64_t) (codec_bit_length(gcd) - 1) * (uint64_t) count > 64;
}

static uint64_t
magnitude(int64_t v)
{
	return v < 0 ? 0 - (uint64_t) v : (uint64_t) v;
}

/*-------------- passes over all values --------------*/

static void
min_max(const int64_t *v, int n, int64_t *min, int64_t *max)
{
	int64_t		lo[4] = {v[0], v[0], v[0], v[0]};
	int64_t		hi[4] = {v[0], v[0], v[0], v[0]};
	int			i = 0;
	int			k;

	/* four chains: compare and select have a latency of two or three cycles */
	for (; i + 4 <= n; i += 4)
		for (k = 0; k < 4; k++)
		{
			lo[k] = v[i + k] < lo[k] ? v[i + k] : lo[k];
			hi[k] = v[i + k] > hi[k] ? v[i + k] : hi[k];
		}
	for (; i < n; i++)
	{
		lo[0] = v[i] < lo[0] ? v[i] : lo[0];
		hi[0] = v[i] > hi[0] ? v[i] : hi[0];
	}
	for (k = 1; k < 4; k++)
	{
		lo[0] = lo[k] < lo[0] ? lo[k] : lo[0];
		hi[0] = hi[k] > hi[0] ? hi[k] : hi[0];
	}
	*min = lo[0];
	*max = hi[0];
}

/* The smallest value that is not below floor; there is one. */
static int64_t
min_from(const int64_t *v, int from, int n, int64_t floor)
{
	int64_t		lo[4] = {INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX};
	int			i = from;
	int			k;

	for (; i + 4 <= n; i += 4)
		for (k = 0; k < 4; k++)
		{
			int64_t		x = v[i + k] >= floor ? v[i + k] : INT64_MAX;

			lo[k] = x < lo[k] ? x : lo[k];
		}
	for (; i < n; i++)
		if (v[i] >= floor && v[i] < lo[0])
			lo[0] = v[i];
	for (k = 1; k < 4; k++)
		lo[0] = lo[k] < lo[0] ? lo[k] : lo[0];
	return lo[0];
}

static void
subtract_base(const int64_t *v, int from, int n, int64_t base, uint64_t *codes)
{
	int			i;

	for (i = from; i < n; i++)
		codes[i] = (uint64_t) v[i] - (uint64_t) base;
}

/*-------------- sample --------------*/

/* Position of sample k of ns: equidistant, shifted a little so that no period is hit always. */
static inline int
sample_position(int k, int ns, int n)
{
	int			step = n / ns;

	return (int) ((int64_t) k * n / ns) + (k * 5) % step;
}

static void
sort_sample(int64_t *v, int n)
{
	int			i;

	for (i = 1; i < n; i++)
	{
		int64_t		x = v[i];
		int			j = i;

		for (; j > 0 && v[j - 1] > x; j--)
			v[j] = v[j - 1];
		v[j] = x;
	}
}

/* Bytes of a patch for values from min to max: position and difference. */
static unsigned
patch_size(int64_t min, int64_t max, int64_t base)
{
	/* a difference that wraps around is small again; a size too large does no harm */
	uint64_t	reach = (uint64_t) max - (uint64_t) base > (uint64_t) base - (uint64_t) min ?
		(uint64_t) max - (uint64_t) base : (uint64_t) base - (uint64_t) min;

	return (unsigned) sizeof(uint16_t) + (reach > INT64_MAX ? 8 : codec_signed_bytes(0, (int64_t) reach));
}

/* What 32 of the values tell about all. */
typedef struct Sample
{
	int64_t		values[CODEC_SAMPLE];	/* sorted */
	int			count;
	int64_t		low;			/* the window that makes packing and patches cheapest */
	int64_t		high;
	int64_t		near_high;		/* two sampled values of the window are above it */
	uint64_t	gcd;			/* of most differences, 0 if there are none */
	int64_t		anchor;			/* a value from which these differences are taken */
	unsigned	bits;			/* estimate for all of the sample */
} Sample;

/*
 * A factor of the middle half: values at the ends may be outliers that it does not divide.
 * missed[i] = how many of the first i values it does not divide.  0 if there is none.
 */
static uint64_t
sample_gcd(const Sample *sample, int *missed)
{
	const int64_t *s = sample->values;
	int			ns = sample->count;
	int64_t		anchor = s[ns / 2];
	uint64_t	gcd = 0;
	int			i;

	for (i = ns / 4; i < ns - ns / 4 && gcd != 1; i++)
		gcd = gcd64(gcd, magnitude(difference(s[i], anchor)));
	if (gcd == 0)
		for (i = 0; i < ns && gcd != 1; i++)
			gcd = gcd64(gcd, magnitude(difference(s[i], anchor)));
	if (gcd <= 1)
		return 0;
	for (i = 0; i < ns; i++)
		missed[i + 1] = missed[i] + (magnitude(difference(s[i], anchor)) % gcd != 0);
	return gcd;
}

static void
sample_analyze(Sample *sample)
{
	int64_t    *s = sample->values;
	int			missed[CODEC_SAMPLE + 1] = {0};
	int			ns = sample->count;
	int			max_out = ns / 2 < MAX_SAMPLE_OUTLIERS ? ns / 2 : MAX_SAMPLE_OUTLIERS;
	unsigned	best = UINT32_MAX;
	uint64_t	gcd;
	unsigned	patch_bits;
	bool		dominated = false;
	int			out;
	int			i;

	sort_sample(s, ns);
	patch_bits = 8 * patch_size(s[0], s[ns - 1], s[ns / 2]);
	gcd = sample_gcd(sample, missed);
	sample->gcd = gcd;
	sample->anchor = s[ns / 2];

	/* all windows that leave out so many; patches alone must not cost more than the best so far */
	for (out = 0; out <= max_out && (out <= 2 || (unsigned) out * patch_bits < best); out++)
	{
		uint64_t	span = UINT64_MAX;
		int			at = 0;
		int			npatches;
		unsigned	cost;

		for (i = 0; i <= out; i++)
		{
			uint64_t	d = (uint64_t) s[i + ns - 1 - out] - (uint64_t) s[i];

			if (d < span)
			{
				span = d;
				at = i;
			}
		}
		if (gcd > 1)
			span /= gcd;
		npatches = out + missed[at + ns - out] - missed[at];
		cost = (unsigned) ns * codec_bit_length(span) + (unsigned) npatches * patch_bits;
		if (span == 0 && out <= 2)
		{
			/* nearly all equal: the others may be far rarer than the sample makes them */
			cost /= 4;
			dominated = true;
		}
		if (cost < best)
		{
			best = cost;
			sample->low = s[at];
			sample->high = s[at + ns - 1 - out];
			sample->near_high = s[ns - 1 - out >= 2 ? at + ns - 3 - out : at];
		}
	}
	sample->bits = best;
	if (dominated && sample->low == sample->high)
		sample->gcd = 0;
}

/*-------------- frame --------------*/

/*
 * codes[] hold the frame's numbers, those of "missed" rows (not divisible) with bit 63 set
 * and so never below 2^width.  Chooses the width, collects the patches (of at most
 * patch_bytes each), zeroes their codes.
 */
static void
frame_finish(const int64_t *v, int from, int n, uint64_t largest, int nmissed, unsigned patch_bytes,
			 Frame *frame, uint64_t *codes, uint16_t *patch_pos)
{
	uint16_t	histogram[4][65];
	unsigned	full = codec_bit_length(largest);
	unsigned	width;
	int			above = 0;
	size_t		best;
	int64_t		lo = 0;
	int64_t		hi = 0;
	int			np = 0;
	int			i;
	bool		horizontal = packs_horizontally(n);

	memset(histogram, 0, sizeof(histogram));
	for (i = from; i < n; i++)
		histogram[i & 3][codec_bit_length(codes[i])]++;

	frame->width = full;
	best = SIZE_MAX;
	for (width = 65; width-- > 0;)
	{
		size_t		size;

		if (width <= full)
		{
			size = tsdb_ffor_size(n, width, horizontal) + (size_t) above * patch_bytes;
			if (size < best)
			{
				best = size;
				frame->width = width;
			}
			if ((size_t) above * patch_bytes >= best)
				break;
		}
		above += histogram[0][width] + histogram[1][width] + histogram[2][width] + histogram[3][width];
	}

	if (frame->width < full || nmissed > 0)
	{
		unsigned	w = frame->width;

		/* without a branch: a patch is as likely as not to be followed by another */
		for (i = from; i < n; i++)
		{
			bool		is_patch = w < 64 && codes[i] >> w != 0;

			patch_pos[np] = (uint16_t) i;
			np += is_patch;
			codes[i] = is_patch ? 0 : codes[i];
		}
		for (i = 0; i < np; i++)
		{
			int64_t		d = difference(v[patch_pos[i]], frame->base);

			lo = d < lo ? d : lo;
			hi = d > hi ? d : hi;
		}
	}
	/* nothing is left for the factor to multiply */
	if (frame->width == 0)
		frame->gcd = 1;
	frame->npatches = np;
	frame->patch_bytes = np > 0 ? codec_signed_bytes(lo, hi) : 0;
	frame->size = tsdb_ffor_size(n, frame->width, horizontal) +
		(frame->gcd > 1 ? sizeof(uint64_t) : 0) +
		(size_t) np * (sizeof(uint16_t) + frame->patch_bytes);
}

/*
 * v / factor for all, if the factor divides all differences from base, the smallest value.
 * The loop has no branch: nearly always all are divisible, or the factor was a chance of the
 * sample and the caller gives up soon.
 */
static bool
frame_divide_all(const int64_t *v, int from, int n, int64_t base, uint64_t factor, uint64_t *codes)
{
	Divisor		d;
	uint64_t	remainder = 0;
	int			i;

	divisor_init(&d, factor);
	for (i = from; i < n; i++)
	{
		uint64_t	x = (uint64_t) v[i] - (uint64_t) base;
		uint64_t	q = (x >> d.shift) * d.inverse;

		remainder |= (x & d.low_bits) | (uint64_t) (q > d.limit);
		codes[i] = q;
	}
	return remainder == 0;
}

/*
 * The same if a few values may be missed, or lie below floor and are not to be the base:
 * quotients of (v - anchor), shifted so that the smallest from floor on is 0, UINT64_MAX for
 * missed values.  Returns the number of these; beyond MAX_GCD_MISSES the result is of no use
 * but *gcd, which then divides all (and may be 1).
 */
static int
frame_divide(const int64_t *v, int from, int n, int64_t anchor, int64_t floor, uint64_t *gcd,
			 int64_t *base, uint64_t *largest, uint64_t *codes)
{
	Divisor		divisor;
	uint64_t	all = *gcd;
	int64_t		min_q = INT64_MAX;
	int			nmissed = 0;
	int			i;

	divisor_init(&divisor, *gcd);
	for (i = from; i < n; i++)
	{
		bool		exact;
		int64_t		q = divide_exact(&divisor, difference(v[i], anchor), &exact);

		if (!exact)
		{
			nmissed++;
			all = gcd64(all, magnitude(difference(v[i], anchor)));
			if (nmissed > MAX_GCD_MISSES && all == 1)
				break;
			q = INT64_MIN;
		}
		else if (v[i] >= floor && q < min_q)
			min_q = q;
		codes[i] = (uint64_t) q;
	}
	if (nmissed > MAX_GCD_MISSES)
	{
		*gcd = all;
		return nmissed;
	}

	*base = (int64_t) ((uint64_t) anchor + *gcd * (uint64_t) min_q);
	*largest = 0;
	for (i = from; i < n; i++)
	{
		uint64_t	code = codes[i] - (uint64_t) min_q;

		if (codes[i] == (uint64_t) INT64_MIN)
			code = UINT64_MAX;
		codes[i] = code;
		*largest = code > *largest ? code : *largest;
	}
	return nmissed;
}

/*
 * Frame around v[from .. n), whose extremes are min < max and of which sample is one.
 */
static void
frame_fit(const int64_t *v, int from, int n, int64_t min, int64_t max, const Sample *sample,
		  Frame *frame, uint64_t *codes, uint16_t *patch_pos)
{
	int64_t		low = sample->low;
	int64_t		high = sample->high;
	uint64_t	range = (uint64_t) max - (uint64_t) min;
	uint64_t	room = ((uint64_t) high - (uint64_t) low) / 2 + 1;
	uint64_t	gcd = sample->gcd;
	size_t		plain = tsdb_ffor_size(n, codec_bit_length(range), packs_horizontally(n));
	int64_t		floor;

	/* what lies a little below the window belongs to the bulk too */
	floor = (uint64_t) low - (uint64_t) min <= room ? min : (int64_t) ((uint64_t) low - room);

	frame->npatches = 0;
	frame->patch_bytes = 0;

	/* differences that do not fit int64 are not worth the trouble */
	if (range > (uint64_t) INT64_MAX)
		gcd = 1;

	/* once more with a smaller factor if too many values do not go into the first */
	while (factor_pays(gcd, n))
	{
		uint64_t	divides_all = gcd;
		uint64_t	largest = range / gcd;
		int			nmissed = 0;

		if (floor == min && frame_divide_all(v, from, n, min, gcd, codes))
			frame->base = min;
		else
			nmissed = frame_divide(v, from, n, sample->anchor, floor, &divides_all, &frame->base, &largest, codes);
		if (nmissed <= MAX_GCD_MISSES)
		{
			frame->gcd = gcd;
			frame->width = codec_bit_length(largest);
			frame->size = sizeof(uint64_t) + tsdb_ffor_size(n, frame->width, packs_horizontally(n));
			/* patches for less than a tenth of the values may pay; see below */
			if (nmissed > 0 || codec_bit_length(((uint64_t) sample->near_high - (uint64_t) frame->base) / gcd) < frame->width)
				frame_finish(v, from, n, largest, nmissed, patch_size(min, max, frame->base),
							 frame, codes, patch_pos);
			if (nmissed == 0 || frame->size < plain)
				return;
			break;
		}
		gcd = divides_all;
	}

	frame->gcd = 1;
	frame->npatches = 0;
	frame->patch_bytes = 0;
	frame->base = floor == min ? min : min_from(v, from, n, floor);
	subtract_base(v, from, n, frame->base, codes);
	frame->width = codec_bit_length(range);
	if (frame->base == min && codec_bit_length((uint64_t) sample->near_high - (uint64_t) min) >= frame->width)
	{
		/* a tenth of the values needs all the bits that any value needs: too many for patches */
		frame->size = plain;
		return;
	}
	frame_finish(v, from, n, frame->base == min ? range : UINT64_MAX, 0, patch_size(min, max, frame->base),
				 frame, codes, patch_pos);
	if (frame->size > plain)
	{
		/* the window was a chance of the sample */
		frame->npatches = 0;
		frame->patch_bytes = 0;
		frame->base = min;
		frame->width = codec_bit_length(range);
		frame->size = plain;
		subtract_base(v, from, n, min, codes);
	}
}

static void
frame_to_plan(const Frame *frame, PayloadPlan *plan)
{
	plan->base = frame->base;
	plan->gcd = frame->gcd;
	plan->width = frame->width;
	plan->aux = frame->patch_bytes;
	plan->count = (unsigned) frame->npatches;
}

/*-------------- models --------------*/

void
tsdb_payload_plan_raw(int n, unsigned lane, PayloadPlan *plan)
{
	memset(plan, 0, sizeof(*plan));
	plan->encoding = TSDB_ENC_RAW;
	plan->gcd = 1;
	plan->size = (size_t) n * lane;
}

static void
plan_const(int64_t value, PayloadPlan *plan)
{
	memset(plan, 0, sizeof(*plan));
	plan->encoding = TSDB_ENC_CONST;
	plan->gcd = 1;
	plan->base = value;
	plan->size = sizeof(int64_t);
}

static size_t
bit_bytes(size_t count, unsigned width)
{
	return (count * width + 7) / 8;
}

/* Runs into scratch: values in check[], lengths in run_lengths[].  0 if more than max_runs. */
static int
find_runs(const int64_t *v, int n, int max_runs, TsdbCodecScratch *scratch)
{
	uint16_t   *starts = scratch->run_lengths;
	int			nruns = 1;
	int			i;

	starts[0] = 0;
	for (i = 1; i < n; i++)
	{
		starts[nruns] = (uint16_t) i;
		nruns += v[i] != v[i - 1];
	}
	if (nruns > max_runs)
		return 0;
	for (i = 0; i < nruns; i++)
		scratch->check[i] = v[starts[i]];
	for (i = 0; i < nruns - 1; i++)
		starts[i] = (uint16_t) (starts[i + 1] - starts[i]);
	starts[nruns - 1] = (uint16_t) (n - starts[nruns - 1]);
	return nruns;
}

static void
plan_rle(int nruns, int64_t min, int64_t max, PayloadPlan *plan, const TsdbCodecScratch *scratch)
{
	const int64_t *values = scratch->check;
	uint64_t	gcd = 0;
	unsigned	longest = 0;
	int			i;

	memset(plan, 0, sizeof(*plan));
	for (i = 0; i < nruns && gcd != 1; i++)
		gcd = gcd64(gcd, (uint64_t) values[i] - (uint64_t) min);
	if (!factor_pays(gcd, nruns))
		gcd = 1;
	for (i = 0; i < nruns; i++)
		longest = scratch->run_lengths[i] > longest ? scratch->run_lengths[i] : longest;
	plan->encoding = TSDB_ENC_RLE;
	plan->base = min;
	plan->gcd = gcd;
	plan->width = codec_bit_length(((uint64_t) max - (uint64_t) min) / gcd);
	plan->aux = codec_bit_length(longest - 1);
	plan->count = (unsigned) nruns;
	plan->size = sizeof(int64_t) + (gcd > 1 ? sizeof(uint64_t) : 0) +
		bit_bytes((size_t) nruns, plan->width) + bit_bytes((size_t) nruns, plan->aux);
}

/*
 * The chooser compares bytes to which a price is added for slow decoding: half a bit for a
 * cycle.  Adding up the differences takes as long as all the rest of decoding: DELTA must
 * save half a bit a value or 5 %.  Short runs cost a mispredicted branch each.
 */
static size_t
delta_cost(size_t size, int n)
{
	size_t		half_bit = (size_t) n / 16;
	size_t		share = size / 20;

	return size + (half_bit < share ? half_bit : share);
}

static size_t
rle_cost(size_t size, int nruns, int n)
{
	return size + (nruns > n / 16 ? (size_t) n / 8 : 0);
}

static void
plan_delta(const int64_t *v, int n, const Sample *steps, PayloadPlan *plan, TsdbCodecScratch *scratch)
{
	int64_t    *deltas = scratch->deltas;
	Frame		frame;
	int64_t		min;
	int64_t		max;
	int			i;

	deltas[0] = 0;
	for (i = 1; i < n; i++)
		deltas[i] = difference(v[i], v[i - 1]);
	min_max(deltas + 1, n - 1, &min, &max);
	if (min == max)
	{
		memset(&frame, 0, sizeof(frame));
		frame.base = min;
		frame.gcd = 1;
	}
	else
	{
		scratch->codes[1][0] = 0;
		frame_fit(deltas, 1, n, min, max, steps, &frame, scratch->codes[1], scratch->patch_pos[1]);
	}
	plan->encoding = TSDB_ENC_DELTA;
	plan->slot = 1;
	plan->first = v[0];
	plan->size = 2 * sizeof(int64_t) + frame.size;
	frame_to_plan(&frame, plan);
}

static void
plan_for(const int64_t *v, int n, int64_t min, int64_t max, const Sample *sample,
		 PayloadPlan *plan, TsdbCodecScratch *scratch)
{
	Frame		frame;

	frame_fit(v, 0, n, min, max, sample, &frame, scratch->codes[0], scratch->patch_pos[0]);
	plan->encoding = TSDB_ENC_FOR;
	plan->slot = 0;
	plan->first = 0;
	plan->size = sizeof(int64_t) + frame.size;
	frame_to_plan(&frame, plan);
}

void
tsdb_payload_plan(const int64_t *v, int n, unsigned lane, PayloadPlan *plan,
				  TsdbCodecScratch *scratch)
{
	Sample		sample;
	Sample		steps;
	PayloadPlan other;
	size_t		for_estimate;
	size_t		steps_estimate;
	size_t		cost = (size_t) n * lane;
	int			nequal = 0;
	int64_t		min;
	int64_t		max;
	int			ns = n - 1 < CODEC_SAMPLE ? n - 1 : CODEC_SAMPLE;
	int			i;

	min_max(v, n, &min, &max);
	if (min == max)
	{
		plan_const(min, plan);
		return;
	}
	tsdb_payload_plan_raw(n, lane, plan);

	/* min < max: n >= 2 */
	sample.count = steps.count = ns;
	for (i = 0; i < ns; i++)
	{
		int			at = 1 + sample_position(i, ns, n - 1);

		sample.values[i] = v[at];
		steps.values[i] = difference(v[at], v[at - 1]);
		nequal += steps.values[i] == 0;
	}
	sample_analyze(&sample);
	sample_analyze(&steps);
	for_estimate = sizeof(int64_t) + (size_t) sample.bits * (size_t) n / (size_t) ns / 8;
	steps_estimate = 2 * sizeof(int64_t) + (size_t) steps.bits * (size_t) n / (size_t) ns / 8;

	/* what runs save must be seen in the sample */
	if (nequal * 4 >= ns)
	{
		int			nruns = find_runs(v, n, n / 2, scratch);

		if (nruns > 1)
		{
			plan_rle(nruns, min, max, &other, scratch);
			if (rle_cost(other.size, nruns, n) < cost)
			{
				*plan = other;
				cost = rle_cost(other.size, nruns, n);
			}
			/* clearly the best, or little is left to save: spare the rest */
			if ((cost * 3 <= for_estimate * 2 && cost * 3 <= steps_estimate * 2) || cost <= (size_t) n / 16)
				return;
		}
	}

	if (delta_cost(steps_estimate, n) < for_estimate)
	{
		plan_delta(v, n, &steps, &other, scratch);
		if (delta_cost(other.size, n) < cost)
		{
			*plan = other;
			cost = delta_cost(other.size, n);
		}
		/* few values are all in the sample or nearly, but estimates leave much out */
		if (cost < for_estimate && n >= TSDB_FFOR_MIN_INTERLEAVED)
			return;
	}
	plan_for(v, n, min, max, &sample, &other, scratch);
	if (other.size < cost)
		*plan = other;
}

/*-------------- write --------------*/

static uint8_t *
write_patches(const int64_t *v, bool delta, const PayloadPlan *plan, const uint16_t *positions,
			  uint8_t *out)
{
	unsigned	i;

	memcpy(out, positions, plan->count * sizeof(uint16_t));
	out += plan->count * sizeof(uint16_t);
	for (i = 0; i < plan->count; i++)
	{
		int			at = positions[i];
		int64_t		x = delta ? difference(v[at], v[at - 1]) : v[at];

		codec_store_low(out, difference(x, plan->base), plan->aux);
		out += plan->aux;
	}
	return out;
}

size_t
tsdb_payload_write(const int64_t *v, int n, unsigned lane, const PayloadPlan *plan,
				   uint8_t *out, TsdbBlockHeader *header, TsdbCodecScratch *scratch)
{
	uint8_t    *start = out;
	bool		horizontal = packs_horizontally(n);
	int			i;

	header->payload = (uint8_t) plan->encoding;
	header->flags = 0;
	header->width = (uint8_t) plan->width;
	header->aux = (uint8_t) plan->aux;
	header->count = (uint16_t) plan->count;

	if (plan->encoding == TSDB_ENC_RAW)
	{
		if (lane == 8)
			memcpy(out, v, (size_t) n * 8);
		else
			for (i = 0; i < n; i++)
				codec_store_low(out + (size_t) i * lane, v[i], lane);
		return (size_t) n * lane;
	}

	if (plan->encoding == TSDB_ENC_DELTA)
	{
		codec_store64(out, (uint64_t) plan->first);
		out += 8;
	}
	codec_store64(out, (uint64_t) plan->base);
	out += 8;
	if (plan->gcd > 1)
	{
		header->flags |= TSDB_PAYLOAD_GCD;
		codec_store64(out, plan->gcd);
		out += 8;
	}

	switch (plan->encoding)
	{
		case TSDB_ENC_RLE:
			for (i = 0; i < (int) plan->count; i++)
				scratch->codes[0][i] = ((uint64_t) scratch->check[i] - (uint64_t) plan->base) / plan->gcd;
			tsdb_ffor_pack(scratch->codes[0], (int) plan->count, plan->width, true, out, scratch->narrow);
			out += tsdb_ffor_size((int) plan->count, plan->width, true);
			for (i = 0; i < (int) plan->count; i++)
				scratch->codes[0][i] = scratch->run_lengths[i] - 1U;
			tsdb_ffor_pack(scratch->codes[0], (int) plan->count, plan->aux, true, out, scratch->narrow);
			out += tsdb_ffor_size((int) plan->count, plan->aux, true);
			break;
		case TSDB_ENC_FOR:
		case TSDB_ENC_DELTA:
			if (horizontal && plan->width > 0)
				header->flags |= TSDB_PAYLOAD_HORIZONTAL;
			tsdb_ffor_pack(scratch->codes[plan->slot], n, plan->width, horizontal, out, scratch->narrow);
			out += tsdb_ffor_size(n, plan->width, horizontal);
			if (plan->count > 0)
			{
				header->flags |= TSDB_PAYLOAD_PATCHES;
				out = write_patches(v, plan->encoding == TSDB_ENC_DELTA, plan,
									scratch->patch_pos[plan->slot], out);
			}
			break;
		default:
			/* CONST: the base is all */
			break;
	}
	assert((size_t) (out - start) == plan->size);
	return (size_t) (out - start);
}

/*-------------- read --------------*/

/* Patches behind a frame, not trusted yet. */
typedef struct Patches
{
	const uint8_t *positions;
	const uint8_t *values;
	unsigned	count;
	unsigned	bytes;
} Patches;

static bool
take_patches(CodecCursor *in, const TsdbBlockHeader *header, Patches *patches)
{
	patches->count = header->count;
	patches->bytes = header->aux;
	patches->positions = codec_take(in, header->count * sizeof(uint16_t));
	patches->values = patches->positions == NULL ? NULL :
		codec_take(in, (size_t) header->count * header->aux);
	return patches->values != NULL;
}

static inline int
patch_position(const Patches *patches, unsigned i)
{
	return codec_load16(patches->positions + i * sizeof(uint16_t));
}

static inline uint64_t
patch_value(const Patches *patches, unsigned i)
{
	return (uint64_t) codec_load_signed(patches->values + (size_t) i * patches->bytes, patches->bytes);
}

/* Base, and factor if there is one: what FOR, DELTA and RLE start with. */
static inline bool
take_base(CodecCursor *in, const TsdbBlockHeader *header, uint64_t *base, uint64_t *factor)
{
	const uint8_t *p = codec_take(in, 8);

	if (p == NULL)
		return false;
	*base = codec_load64(p);
	*factor = 1;
	if (header->flags & TSDB_PAYLOAD_GCD)
	{
		if ((p = codec_take(in, 8)) == NULL)
			return false;
		*factor = codec_load64(p);
	}
	return true;
}

/*
 * base + factor * (W-bit number), with patches; out[0] is a slot like the others.  *low and
 * *high are set to what the values lie between, if that can be told from the header.
 */
static bool
read_frame(CodecCursor *in, const TsdbBlockHeader *header, int n, uint64_t *out,
		   int64_t *low, int64_t *high, TsdbCodecScratch *scratch)
{
	bool		horizontal = (header->flags & TSDB_PAYLOAD_HORIZONTAL) != 0;
	uint64_t	base;
	uint64_t	factor;
	Patches		patches;
	const uint8_t *p;
	int			last = -1;
	unsigned	i;

	if (!take_base(in, header, &base, &factor))
		return false;
	if ((p = codec_take(in, tsdb_ffor_size(n, header->width, horizontal))) == NULL ||
		!take_patches(in, header, &patches))
		return false;
	tsdb_ffor_unpack(p, n, header->width, horizontal, base, factor, out, scratch->narrow);
	for (i = 0; i < patches.count; i++)
	{
		int			at = patch_position(&patches, i);

		if (at <= last || at >= n)
			return false;
		last = at;
		out[at] = base + patch_value(&patches, i);
	}
	if (patches.count == 0 && factor == 1 && header->width < 32 &&
		(int64_t) base >= INT32_MIN && (int64_t) base <= INT32_MAX)
	{
		*low = (int64_t) base;
		*high = (int64_t) base + (INT64_C(1) << header->width) - 1;
	}
	return true;
}

/*
 * DELTA of width 0: equal steps but for the patches, as regular timestamps are.  Straight
 * lines between the patches, without the chain of additions.
 */
static bool
read_lines(CodecCursor *in, const TsdbBlockHeader *header, int n, uint64_t first, uint64_t *out)
{
	uint64_t	step;
	uint64_t	value = first;
	Patches		patches;
	const uint8_t *p;
	int			start = 0;
	unsigned	i;
	int			k;

	if ((p = codec_take(in, 8)) == NULL)
		return false;
	step = codec_load64(p);
	/* a factor has nothing to multiply */
	if ((header->flags & TSDB_PAYLOAD_GCD) && codec_take(in, 8) == NULL)
		return false;
	if (!take_patches(in, header, &patches))
		return false;
	for (i = 0; i <= patches.count; i++)
	{
		int			end = i < patches.count ? patch_position(&patches, i) : n;

		/* the first patch may be at 0, where there is no step to replace */
		if (end < start || end > n || (end == n && i < patches.count) || (end == start && i > 0 && i < patches.count))
			return false;
		for (k = start; k + 4 <= end; k += 4)
		{
			out[k] = value;
			out[k + 1] = value + step;
			out[k + 2] = value + 2 * step;
			out[k + 3] = value + 3 * step;
			value += 4 * step;
		}
		for (; k < end; k++)
		{
			out[k] = value;
			value += step;
		}
		if (i < patches.count)
		{
			/* a step further than it should be */
			value = end == 0 ? first : value + patch_value(&patches, i);
			start = end;
		}
	}
	return true;
}

static bool
read_rle(CodecCursor *in, const TsdbBlockHeader *header, int n, uint64_t *out,
		 TsdbCodecScratch *scratch)
{
	int			nruns = header->count;
	uint64_t   *values = scratch->codes[0];
	uint64_t   *lengths = scratch->codes[1];
	uint64_t	base;
	uint64_t	factor;
	const uint8_t *p;
	int			at = 0;
	int			i;
	int			k;

	if (nruns < 1 || nruns > n || header->aux > 10)
		return false;
	if (!take_base(in, header, &base, &factor))
		return false;
	if ((p = codec_take(in, tsdb_ffor_size(nruns, header->width, true))) == NULL)
		return false;
	tsdb_ffor_unpack(p, nruns, header->width, true, base, factor, values, scratch->narrow);
	if ((p = codec_take(in, tsdb_ffor_size(nruns, header->aux, true))) == NULL)
		return false;
	tsdb_ffor_unpack(p, nruns, header->aux, true, 1, 1, lengths, scratch->narrow);

	for (i = 0; i < nruns; i++)
	{
		int			end = at + (int) lengths[i];	/* a length is at most 1,024 */
		uint64_t	v = values[i];

		if (end > n)
			return false;
		if (end + 7 <= n)
		{
			/* whole eights: what is too much is overwritten by the next runs */
			for (; at < end; at += 8)
				for (k = 0; k < 8; k++)
					out[at + k] = v;
			at = end;
		}
		else
			for (; at < end; at++)
				out[at] = v;
	}
	return at == n;
}

/* Whether all values are sign-extended from the lane; low .. high bounds them. */
static bool
fits_lane(const int64_t *v, int n, unsigned lane, int64_t low, int64_t high)
{
	uint64_t	half = UINT64_C(1) << (lane * 8 - 1);
	uint64_t	beyond = 0;
	int			i;

	if (lane == 8 || (low >= -(int64_t) half && high < (int64_t) half))
		return true;
	for (i = 0; i < n; i++)
		beyond |= (uint64_t) v[i] + half;
	return (beyond & ~(2 * half - 1)) == 0;
}

bool
tsdb_payload_read(CodecCursor *in, const TsdbBlockHeader *header, int n, unsigned lane,
				  int64_t *values, TsdbCodecScratch *scratch)
{
	uint64_t   *out = (uint64_t *) values;
	int64_t		low = INT64_MIN;
	int64_t		high = INT64_MAX;
	const uint8_t *p;
	int			i;

	if (header->width > 64 || (header->flags & ~TSDB_PAYLOAD_FLAGS) != 0)
		return false;
	if (header->payload == TSDB_ENC_FOR || header->payload == TSDB_ENC_DELTA)
	{
		unsigned	bytes = header->aux;

		if ((header->flags & TSDB_PAYLOAD_PATCHES) ?
			header->count == 0 || header->count > n || bytes < 1 || bytes > 8 :
			header->count != 0 || bytes != 0)
			return false;
	}
	else if (header->flags & (TSDB_PAYLOAD_PATCHES | TSDB_PAYLOAD_HORIZONTAL))
		return false;

	switch (header->payload)
	{
		case TSDB_ENC_CONST:
			if ((p = codec_take(in, 8)) == NULL)
				return false;
			{
				uint64_t	value = codec_load64(p);

				for (i = 0; i < n; i++)
					out[i] = value;
				low = high = (int64_t) value;
			}
			break;

		case TSDB_ENC_RLE:
			if (!read_rle(in, header, n, out, scratch))
				return false;
			break;

		case TSDB_ENC_FOR:
			if (!read_frame(in, header, n, out, &low, &high, scratch))
				return false;
			break;

		case TSDB_ENC_DELTA:
			if ((p = codec_take(in, 8)) == NULL)
				return false;
			if (header->width == 0)
			{
				if (!read_lines(in, header, n, codec_load64(p), out))
					return false;
				break;
			}
			if (!read_frame(in, header, n, out, &low, &high, scratch))
				return false;
			out[0] = codec_load64(p);
			tsdb_ffor_prefix_sum(out, n);
			/* the bounds were those of the differences */
			low = INT64_MIN;
			high = INT64_MAX;
			break;

		case TSDB_ENC_RAW:
			if ((p = codec_take(in, (size_t) n * lane)) == NULL)
				return false;
			switch (lane)
			{
				case 1:
					for (i = 0; i < n; i++)
						values[i] = (int8_t) p[i];
					break;
				case 2:
					for (i = 0; i < n; i++)
						values[i] = (int16_t) codec_load16(p + (size_t) i * 2);
					break;
				case 4:
					for (i = 0; i < n; i++)
						values[i] = (int32_t) codec_load32(p + (size_t) i * 4);
					break;
				default:
					memcpy(values, p, (size_t) n * 8);
					break;
			}
			return true;

		default:
			return false;
	}
	return fits_lane(values, n, lane, low, high);
}
