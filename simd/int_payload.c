/*-------------------------------------------------------------------------
 * int_payload.c
 *	  The integer payload that all encodings share: chooser and writer.
 *
 * A vector is modelled as a frame: base + factor * (W-bit number), with the few values
 * that do not fit stored apart as patches (PFOR: Zukowski et al., "Super-Scalar RAM-CPU
 * Cache Compression", ICDE 2006).  The frame is laid on the values (FOR) or on their
 * differences (DELTA) or on their distance from a straight line (LINEAR); RLE puts one around the
 * values of the runs.  PLANES, for cold columns, leaves numbers whole for an entropy coder.
 *
 * The chooser looks at a sample of 32 values and 32 differences first: their sorted order
 * tells which window holds the bulk, and so which of the models deserve a pass over all
 * values.  The sizes it compares in the end are exact.
 *
 * Invariants: the plan's codes are below 2^width, those of patches 0; patch positions
 * ascend.
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
	TsdbScalar	lo;
	TsdbScalar	hi;

	(void) tsdb_kernels->min_max(TSDB_ELEM_I64, v, n, NULL, &lo, &hi);
	*min = lo.i;
	*max = hi.i;
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

	assert(ns >= 1);
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
	assert(best < UINT32_MAX);
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
	uint16_t	histogram[65];
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
	tsdb_kernels->width_histogram(codes + from, n - from, histogram);

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
		above += histogram[width];
	}

	if (frame->width < full || nmissed > 0)
	{
		if (frame->width < 64)
			np = tsdb_kernels->collect_wide(codes + from, n - from, frame->width, patch_pos);
		for (i = 0; i < np; i++)
		{
			int64_t		d;

			patch_pos[i] = (uint16_t) (patch_pos[i] + from);
			d = difference(v[patch_pos[i]], frame->base);

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

	divisor_init(&d, factor);
	return tsdb_kernels->divide_exact(v + from, n - from, base, d.shift, d.inverse, d.limit, codes + from) == 0;
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
	(void) tsdb_kernels->subtract(v + from, n - from, frame->base, codes + from);
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
		(void) tsdb_kernels->subtract(v + from, n - from, min, codes + from);
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
	int			nruns = tsdb_kernels->count_changes(v, n) + 1;
	int			i;

	if (nruns > max_runs)
		return 0;
	(void) tsdb_kernels->run_starts(v, n, starts);
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

	tsdb_kernels->deltas(v, n, deltas);
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

/*
 * Step of a straight line through the ends, a multiple of gcd (of most steps).  0 if the values do
 * not go one way for the most part.
 */
static int64_t
line_step(const int64_t *v, int n, int64_t min, int64_t max, uint64_t gcd)
{
	int64_t		rise = difference(v[n - 1], v[0]);
	uint64_t	range = (uint64_t) max - (uint64_t) min;
	int64_t		step;

	if (range > (uint64_t) INT64_MAX || magnitude(rise) < range / 2)
		return 0;
	step = rise / (n - 1);
	if (gcd > 1 && gcd <= (uint64_t) INT64_MAX)
	{
		int64_t		g = (int64_t) gcd;
		int64_t		rest = step % g;

		step -= rest;
		if (magnitude(rest) > gcd / 2)
			step += rest < 0 ? -g : g;
	}
	return step;
}

/* Sample of the differences from a line: at the positions of the other samples. */
static void
sample_line(const int64_t *v, int n, int ns, int64_t step, Sample *sample)
{
	int			i;

	sample->count = ns;
	for (i = 0; i < ns; i++)
	{
		int			at = 1 + sample_position(i, ns, n - 1);

		sample->values[i] = (int64_t) ((uint64_t) v[at] - (uint64_t) step * (uint64_t) at);
	}
	sample_analyze(sample);
}

static void
plan_linear(const int64_t *v, int n, int64_t step, const Sample *sample, PayloadPlan *plan,
			TsdbCodecScratch *scratch)
{
	int64_t    *line = scratch->line;
	Frame		frame;
	int64_t		min;
	int64_t		max;

	memcpy(line, v, (size_t) n * sizeof(int64_t));
	tsdb_kernels->add_line((uint64_t *) line, n, 0 - (uint64_t) step);
	min_max(line, n, &min, &max);
	if (min == max)
	{
		memset(&frame, 0, sizeof(frame));
		frame.base = min;
		frame.gcd = 1;
	}
	else
		frame_fit(line, 0, n, min, max, sample, &frame, scratch->codes[2], scratch->patch_pos[2]);
	plan->encoding = TSDB_ENC_LINEAR;
	plan->slot = 2;
	plan->first = step;
	plan->size = 2 * sizeof(int64_t) + frame.size;
	frame_to_plan(&frame, plan);
}

/*-------------- planes --------------*/

/* Bytes that an entropy coder needs for byte p of the numbers. */
static size_t
plane_entropy(const uint64_t *codes, int n, unsigned p)
{
	uint16_t	histogram[256];
	uint64_t	sum = 0;
	int			i;

	memset(histogram, 0, sizeof(histogram));
	for (i = 0; i < n; i++)
		histogram[(codes[i] >> (8 * p)) & 0xFF]++;
	for (i = 0; i < 256; i++)
		if (histogram[i] > 1)
			sum += (uint64_t) histogram[i] * tsdb_log2_fixed(histogram[i]);
	return (size_t) (((uint64_t) n * tsdb_log2_fixed((unsigned) n) - sum) / (256 * 8)) + 1;
}

/* The same as a coder of whole bits does it: bytes that are rare among zeros cost it more. */
static size_t
plane_cost(const uint64_t *codes, int n, unsigned p)
{
	size_t		bytes = plane_entropy(codes, n, p);
	size_t		rest = bytes / 2 < (size_t) n / 64 ? bytes / 2 : (size_t) n / 64;

	return p == 0 ? bytes : bytes + rest;
}

/* Quotients of v[i] - base for all from "from" on, zigzag, into codes; false if gcd does not divide one. */
static bool
planes_numbers(const int64_t *v, int from, int n, int64_t base, uint64_t gcd, uint64_t *codes)
{
	int			i;

	memset(codes, 0, (size_t) from * sizeof(uint64_t));
	if (gcd <= 1 || gcd > (uint64_t) INT64_MAX)
	{
		(void) tsdb_kernels->zigzag(v + from, n - from, base, codes + from);
		return gcd <= 1;
	}
	for (i = from; i < n; i++)
	{
		int64_t		x = difference(v[i], base);
		int64_t		q = x / (int64_t) gcd;

		if (q * (int64_t) gcd != x)
			return false;
		codes[i] = ((uint64_t) q << 1) ^ (uint64_t) (q >> 63);
	}
	return true;
}

/*
 * Planes for v[from .. n) around this base: as many as all but a few numbers need, which become
 * patches.  plan->size: entropy of the planes and what the block holds.
 */
static void
plan_planes_around(const int64_t *v, int from, int n, int64_t base, uint64_t gcd, bool steps,
				   PayloadPlan *plan, uint64_t *codes, uint16_t *patch_pos)
{
	uint16_t	histogram[65];
	size_t		entropy = 0;
	size_t		best;
	unsigned	width;
	unsigned	full;
	unsigned	above = 0;
	int64_t		lo = 0;
	int64_t		hi = 0;
	unsigned	i;
	unsigned	p;

	memset(plan, 0, sizeof(*plan));
	plan->encoding = TSDB_ENC_PLANES;
	plan->steps = steps;
	plan->base = base;
	plan->first = v[0];
	plan->gcd = gcd > 1 && planes_numbers(v, from, n, base, gcd, codes) ? gcd : 1;
	if (plan->gcd == 1)
		(void) planes_numbers(v, from, n, base, 1, codes);

	/* a plane costs what little its rare bytes tell; a patch, of full size nearly, position and bytes */
	memset(histogram, 0, sizeof(histogram));
	tsdb_kernels->width_histogram(codes, n, histogram);
	for (width = 64; width > 8 && histogram[width] == 0; width--)
		;
	full = (width + 7) / 8;
	for (p = 0; p < full; p++)
		entropy += plane_cost(codes, n, p);
	best = entropy;
	plan->width = full;
	for (p = full; p-- > 1;)
	{
		entropy -= plane_cost(codes, n, p);
		for (i = p * 8 + 1; i <= p * 8 + 8; i++)
			above += histogram[i];
		if (above > (unsigned) n / 16)
			break;
		if (entropy + above * (sizeof(uint16_t) + full) < best)
		{
			best = entropy + above * (sizeof(uint16_t) + full);
			plan->width = p;
		}
	}
	if (plan->width < full)
		plan->count = (unsigned) tsdb_kernels->collect_wide(codes, n, plan->width * 8, patch_pos);
	for (i = 0; i < plan->count; i++)
	{
		int64_t		d = difference(v[patch_pos[i]], base);

		lo = d < lo ? d : lo;
		hi = d > hi ? d : hi;
	}
	plan->aux = plan->count > 0 ? codec_signed_bytes(lo, hi) : 0;
	plan->size = best + sizeof(int64_t) * ((base != 0 ? 1 : 0) + (steps ? 1 : 0) + (plan->gcd > 1 ? 1 : 0));
}

/*
 * The cheapest planes: of values or steps, around 0 (numbers then mean the same in all vectors) or around the middle of
 * the range.  Their numbers are left in codes[2].
 */
static void
plan_planes(const int64_t *v, int n, int64_t min, int64_t max, uint64_t gcd, uint64_t step_gcd,
			PayloadPlan *best, TsdbCodecScratch *scratch)
{
	uint64_t   *codes = scratch->codes[2];
	uint16_t   *patch_pos = scratch->patch_pos[2];
	int64_t		middle = (int64_t) ((uint64_t) min + ((uint64_t) max - (uint64_t) min) / 2);
	PayloadPlan plan[3];
	int			k = 0;

	if (gcd > 1 && (uint64_t) max - (uint64_t) min <= (uint64_t) INT64_MAX)
		middle = (int64_t) ((uint64_t) min + ((uint64_t) max - (uint64_t) min) / 2 / gcd * gcd);
	tsdb_kernels->deltas(v, n, scratch->deltas);
	plan_planes_around(scratch->deltas, 1, n, 0, step_gcd, true, &plan[0], codes, patch_pos);
	plan_planes_around(v, 0, n, middle, gcd, false, &plan[1], codes, patch_pos);
	plan_planes_around(v, 0, n, 0, 1, false, &plan[2], codes, patch_pos);
	/* steps mean the same in all vectors: others must save three quarters of a bit */
	if (plan[1].size + (size_t) n * 3 / 32 < plan[k].size)
		k = 1;
	if (plan[2].size + (size_t) (k == 0 ? n * 3 / 32 : 0) < plan[k].size + (size_t) (k == 1 ? n / 80 : 0))
		k = 2;
	if (k == 0)
		plan_planes_around(scratch->deltas, 1, n, 0, step_gcd, true, best, codes, patch_pos);
	else if (k == 1)
		plan_planes_around(v, 0, n, middle, gcd, false, best, codes, patch_pos);
	else
		*best = plan[2];
	if (k == 0)
		best->first = v[0];
	best->slot = 2;
}

/*-------------- chooser --------------*/

static void
plan_hot(const int64_t *v, int n, unsigned lane, int64_t min, int64_t max, Sample *sample, Sample *steps,
		 PayloadPlan *plan, TsdbCodecScratch *scratch)
{
	Sample		line;
	PayloadPlan other;
	size_t		for_estimate;
	size_t		steps_estimate;
	size_t		line_estimate = SIZE_MAX;
	size_t		cost = (size_t) n * lane;
	int64_t		step;
	int			nequal = 0;
	int			ns = n - 1 < CODEC_SAMPLE ? n - 1 : CODEC_SAMPLE;
	int			i;

	tsdb_payload_plan_raw(n, lane, plan);
	memset(&other, 0, sizeof(other));

	/* min < max: n >= 2 */
	sample->count = steps->count = ns;
	for (i = 0; i < ns; i++)
	{
		int			at = 1 + sample_position(i, ns, n - 1);

		sample->values[i] = v[at];
		steps->values[i] = difference(v[at], v[at - 1]);
		nequal += steps->values[i] == 0;
	}
	sample_analyze(sample);
	sample_analyze(steps);
	for_estimate = sizeof(int64_t) + (size_t) sample->bits * (size_t) n / (size_t) ns / 8;
	steps_estimate = 2 * sizeof(int64_t) + (size_t) steps->bits * (size_t) n / (size_t) ns / 8;

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

	/* a line is worth a look if steps alone take bits */
	if (steps_estimate > (size_t) n / 8 && (step = line_step(v, n, min, max, steps->gcd)) != 0)
	{
		sample_line(v, n, ns, step, &line);
		line_estimate = 2 * sizeof(int64_t) + (size_t) line.bits * (size_t) n / (size_t) ns / 8;
		if (line_estimate < delta_cost(steps_estimate, n) && line_estimate < for_estimate)
		{
			plan_linear(v, n, step, &line, &other, scratch);
			if (other.size < cost)
			{
				*plan = other;
				cost = other.size;
			}
			if (cost < for_estimate && cost < steps_estimate && n >= TSDB_FFOR_MIN_INTERLEAVED)
				return;
		}
	}

	if (delta_cost(steps_estimate, n) < for_estimate)
	{
		plan_delta(v, n, steps, &other, scratch);
		if (delta_cost(other.size, n) < cost)
		{
			*plan = other;
			cost = delta_cost(other.size, n);
		}
		/* few values are all in the sample or nearly, but estimates leave much out */
		if (cost < for_estimate && n >= TSDB_FFOR_MIN_INTERLEAVED)
			return;
	}
	plan_for(v, n, min, max, sample, &other, scratch);
	if (other.size < cost)
		*plan = other;
}

void
tsdb_payload_plan(const int64_t *v, int n, unsigned lane, bool cold, PayloadPlan *plan,
				  TsdbCodecScratch *scratch)
{
	Sample		sample;
	Sample		steps;
	int64_t		min;
	int64_t		max;

	min_max(v, n, &min, &max);
	if (min == max)
	{
		plan_const(min, plan);
		return;
	}
	plan_hot(v, n, lane, min, max, &sample, &steps, plan, scratch);

	/* below half a bit a value there is nothing left for an entropy coder */
	if (cold && plan->size > (size_t) n / 16)
	{
		PayloadPlan planes;

		/* LINEAR's and PLANES' numbers share a slot, RLE's lie in check */
		if (plan->encoding == TSDB_ENC_LINEAR)
		{
			memcpy(scratch->codes[0], scratch->codes[2], (size_t) n * sizeof(uint64_t));
			memcpy(scratch->patch_pos[0], scratch->patch_pos[2], plan->count * sizeof(uint16_t));
			plan->slot = 0;
		}
		plan_planes(v, n, min, max, sample.gcd, steps.gcd, &planes, scratch);
		if (planes.size + (size_t) n / 80 < plan->size)
			*plan = planes;
	}
}

/*-------------- write --------------*/

static uint8_t *
write_patches(const int64_t *v, const PayloadPlan *plan, const uint16_t *positions,
			  uint8_t *out)
{
	unsigned	i;

	memcpy(out, positions, plan->count * sizeof(uint16_t));
	out += plan->count * sizeof(uint16_t);
	for (i = 0; i < plan->count; i++)
	{
		int			at = positions[i];
		int64_t		x = v[at];

		if (plan->encoding == TSDB_ENC_DELTA || (plan->encoding == TSDB_ENC_PLANES && plan->steps))
			x = difference(v[at], v[at - 1]);
		else if (plan->encoding == TSDB_ENC_LINEAR)
			x = (int64_t) ((uint64_t) v[at] - (uint64_t) plan->first * (uint64_t) at);

		codec_store_low(out, difference(x, plan->base), plan->aux);
		out += plan->aux;
	}
	return out;
}

size_t
tsdb_payload_write(const int64_t *v, int n, unsigned lane, const PayloadPlan *plan,
				   uint8_t *out, TsdbPayloadHeader *header, uint8_t *const *planes,
				   TsdbCodecScratch *scratch)
{
	uint8_t    *start = out;
	bool		horizontal = packs_horizontally(n);
	int			i;

	memset(header, 0, sizeof(*header));
	header->payload = (uint8_t) plan->encoding;
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

	if (plan->encoding == TSDB_ENC_DELTA || plan->encoding == TSDB_ENC_LINEAR ||
		(plan->encoding == TSDB_ENC_PLANES && plan->steps))
	{
		codec_store64(out, (uint64_t) plan->first);
		out += 8;
	}
	if (plan->encoding == TSDB_ENC_PLANES && plan->base == 0)
		header->flags |= TSDB_PAYLOAD_ZERO_BASE;
	else
	{
		codec_store64(out, (uint64_t) plan->base);
		out += 8;
	}
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
		case TSDB_ENC_LINEAR:
			if (horizontal && plan->width > 0)
				header->flags |= TSDB_PAYLOAD_HORIZONTAL;
			tsdb_ffor_pack(scratch->codes[plan->slot], n, plan->width, horizontal, out, scratch->narrow);
			out += tsdb_ffor_size(n, plan->width, horizontal);
			break;
		case TSDB_ENC_PLANES:
			if (plan->steps)
				header->flags |= TSDB_PAYLOAD_DELTA;
			header->aux = (uint8_t) plan->width;
			header->width = (uint8_t) plan->aux;
			tsdb_kernels->split_planes(scratch->codes[plan->slot], n, (int) plan->width, planes);
			break;
		default:
			/* CONST: the base is all */
			break;
	}
	if (plan->encoding != TSDB_ENC_RLE && plan->count > 0)
	{
		header->flags |= TSDB_PAYLOAD_PATCHES;
		out = write_patches(v, plan, scratch->patch_pos[plan->slot], out);
	}
	assert(plan->encoding == TSDB_ENC_PLANES || (size_t) (out - start) == plan->size);
	return (size_t) (out - start);
}
