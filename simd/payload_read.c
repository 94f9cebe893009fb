/*-------------------------------------------------------------------------
 * payload_read.c
 *	  Reads the integer payload, whose bytes are not trusted.
 *
 * Every read goes through the cursor, every count and position is compared with n before anything is
 * written, and values are checked to fit the lane.
 *
 * One value is read without the others where the layout allows it.  In DELTA the steps before it must be added up, which
 * their sum out of the packed form does (a tenth of what decoding all takes).
 *-------------------------------------------------------------------------
 */
#include "codec_internal.h"
#include "ffor.h"

/* Patches behind a frame, not trusted yet. */
typedef struct Patches
{
	const uint8_t *positions;
	const uint8_t *values;
	unsigned	count;
	unsigned	bytes;
} Patches;

static bool
take_patches(CodecCursor *in, const TsdbPayloadHeader *header, Patches *patches)
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

/* out[position] = base + patch; false if positions do not ascend below n. */
static bool
put_patches(const Patches *patches, uint64_t base, int n, uint64_t *out)
{
	int			last = -1;
	unsigned	i;

	for (i = 0; i < patches->count; i++)
	{
		int			at = patch_position(patches, i);

		if (at <= last || at >= n)
			return false;
		last = at;
		out[at] = base + patch_value(patches, i);
	}
	return true;
}

/* Base, and factor if there is one: what FOR, DELTA and RLE start with. */
static inline bool
take_base(CodecCursor *in, const TsdbPayloadHeader *header, uint64_t *base, uint64_t *factor)
{
	const uint8_t *p;

	*base = 0;
	if ((header->flags & TSDB_PAYLOAD_ZERO_BASE) == 0)
	{
		if ((p = codec_take(in, 8)) == NULL)
			return false;
		*base = codec_load64(p);
	}
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
read_frame(CodecCursor *in, const TsdbPayloadHeader *header, int n, uint64_t *out,
		   int64_t *low, int64_t *high, TsdbCodecScratch *scratch)
{
	bool		horizontal = (header->flags & TSDB_PAYLOAD_HORIZONTAL) != 0;
	uint64_t	base;
	uint64_t	factor;
	Patches		patches;
	const uint8_t *p;

	if (!take_base(in, header, &base, &factor))
		return false;
	if ((p = codec_take(in, tsdb_ffor_size(n, header->width, horizontal))) == NULL ||
		!take_patches(in, header, &patches))
		return false;
	tsdb_ffor_unpack(p, n, header->width, horizontal, base, factor, out, scratch->narrow);
	if (!put_patches(&patches, base, n, out))
		return false;
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
read_lines(CodecCursor *in, const TsdbPayloadHeader *header, int n, uint64_t first, uint64_t *out)
{
	uint64_t	step;
	uint64_t	value = first;
	Patches		patches;
	const uint8_t *p;
	int			start = 0;
	unsigned	i;

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
		if (end > start)
			tsdb_kernels->line(value, step, end - start, out + start);
		value += (uint64_t) (end - start) * step;
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
read_rle(CodecCursor *in, const TsdbPayloadHeader *header, int n, uint64_t *out,
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

/* Numbers from the column's planes; values or steps. */
static bool
read_planes(CodecCursor *in, const TsdbPayloadHeader *header, int n, uint64_t *out)
{
	TsdbPayloadHeader as_patches = *header;
	uint64_t	first = 0;
	uint64_t	base;
	uint64_t	factor;
	Patches		patches;
	const uint8_t *p;
	int			i;

	if (header->aux < 1 || header->aux > in->nplanes || in->planes == NULL)
		return false;
	if (header->flags & TSDB_PAYLOAD_DELTA)
	{
		if ((p = codec_take(in, 8)) == NULL)
			return false;
		first = codec_load64(p);
	}
	as_patches.aux = header->width;
	if (!take_base(in, header, &base, &factor) || !take_patches(in, &as_patches, &patches))
		return false;
	tsdb_kernels->join_planes(in->planes, header->aux, n, out);
	if (factor == 1)
		tsdb_kernels->unzigzag(out, n, (int64_t) base, out);
	else
	{
		tsdb_kernels->unzigzag(out, n, 0, out);
		for (i = 0; i < n; i++)
			out[i] = base + factor * out[i];
	}
	if (!put_patches(&patches, base, n, out))
		return false;
	if (header->flags & TSDB_PAYLOAD_DELTA)
	{
		out[0] = first;
		tsdb_kernels->prefix_sum(out, n);
	}
	return true;
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

/* Are the header's fields in range, and those 0 that its payload does not have? */
static bool
header_is_valid(const TsdbPayloadHeader *header, int n)
{
	if (header->width > 64 || (header->flags & ~TSDB_PAYLOAD_FLAGS) != 0)
		return false;
	if (header->payload == TSDB_ENC_FOR || header->payload == TSDB_ENC_DELTA ||
		header->payload == TSDB_ENC_LINEAR || header->payload == TSDB_ENC_PLANES)
	{
		unsigned	bytes = header->payload == TSDB_ENC_PLANES ? header->width : header->aux;

		if ((header->flags & TSDB_PAYLOAD_PATCHES) ?
			header->count == 0 || header->count > n || bytes < 1 || bytes > 8 :
			header->count != 0 || bytes != 0)
			return false;
	}
	else if (header->payload == TSDB_ENC_RLE)
	{
		if (header->flags & (TSDB_PAYLOAD_PATCHES | TSDB_PAYLOAD_HORIZONTAL))
			return false;
	}
	else if (header->flags != 0 || header->width != 0 || header->aux != 0 || header->count != 0)
		return false;
	if (header->payload == TSDB_ENC_PLANES ?
		(header->flags & TSDB_PAYLOAD_HORIZONTAL) != 0 :
		(header->flags & (TSDB_PAYLOAD_DELTA | TSDB_PAYLOAD_ZERO_BASE)) != 0)
		return false;
	return true;
}

bool
tsdb_payload_read(CodecCursor *in, const TsdbPayloadHeader *header, int n, unsigned lane,
				  int64_t *values, TsdbCodecScratch *scratch)
{
	uint64_t   *out = (uint64_t *) values;
	int64_t		low = INT64_MIN;
	int64_t		high = INT64_MAX;
	const uint8_t *p;

	if (!header_is_valid(header, n))
		return false;

	switch (header->payload)
	{
		case TSDB_ENC_CONST:
			if ((p = codec_take(in, 8)) == NULL)
				return false;
			{
				uint64_t	value = codec_load64(p);

				tsdb_kernels->line(value, 0, n, out);
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
			tsdb_kernels->prefix_sum(out, n);
			/* the bounds were those of the differences */
			low = INT64_MIN;
			high = INT64_MAX;
			break;

		case TSDB_ENC_LINEAR:
			if ((p = codec_take(in, 8)) == NULL ||
				!read_frame(in, header, n, out, &low, &high, scratch))
				return false;
			tsdb_kernels->add_line(out, n, codec_load64(p));
			low = INT64_MIN;
			high = INT64_MAX;
			break;

		case TSDB_ENC_PLANES:
			if (!read_planes(in, header, n, out))
				return false;
			break;

		case TSDB_ENC_RAW:
			if ((p = codec_take(in, (size_t) n * lane)) == NULL)
				return false;
			tsdb_kernels->widen_signed(p, n, lane, values);
			return true;

		default:
			return false;
	}
	return fits_lane(values, n, lane, low, high);
}

bool
tsdb_payload_read_second(CodecCursor *in, int n, unsigned lane, int64_t *values, TsdbCodecScratch *scratch)
{
	TsdbPayloadHeader header;
	const uint8_t *p = codec_take(in, sizeof(header));

	if (p == NULL)
		return false;
	memcpy(&header, p, sizeof(header));
	return header.payload != TSDB_ENC_PLANES && header.nexceptions == 0 &&
		tsdb_payload_read(in, &header, n, lane, values, scratch);
}

/*-------------- one value --------------*/

/* A frame's packed numbers and patches, where they lie. */
typedef struct Frame
{
	const TsdbPayloadHeader *header;
	bool		horizontal;
	uint64_t	base;
	uint64_t	factor;
	const uint8_t *packed;
	Patches		patches;
} Frame;

static bool
take_frame(CodecCursor *in, const TsdbPayloadHeader *header, int n, Frame *frame)
{
	frame->header = header;
	frame->horizontal = (header->flags & TSDB_PAYLOAD_HORIZONTAL) != 0;
	return take_base(in, header, &frame->base, &frame->factor) &&
		(frame->packed = codec_take(in, tsdb_ffor_size(n, header->width, frame->horizontal))) != NULL &&
		take_patches(in, header, &frame->patches);
}

/* base + factor * (number i), or its patch. */
static uint64_t
frame_value(const Frame *frame, int i)
{
	int			patch = codec_find_position(frame->patches.positions, (int) frame->patches.count, i);

	if (patch >= 0)
		return frame->base + patch_value(&frame->patches, (unsigned) patch);
	return frame->base + frame->factor * tsdb_ffor_get(frame->packed, i, frame->header->width, frame->horizontal);
}

/* Sum of values 1 .. i of the frame's n; false if positions of patches do not ascend. */
static bool
frame_sum(const Frame *frame, int n, int i, uint64_t *sum, TsdbCodecScratch *scratch)
{
	unsigned	width = frame->header->width;
	uint64_t	packed = 0;
	uint64_t	patched = 0;
	int			last = -1;
	unsigned	k;
	int			j;

	if (width > 0 && i > 0)
	{
		if (frame->horizontal)
		{
			uint64_t   *numbers = scratch->codes[0];

			tsdb_ffor_unpack(frame->packed, i + 1, width, true, 0, 1, numbers, scratch->narrow);
			for (j = 1; j <= i; j++)
				packed += numbers[j];
		}
		else if (n == CODEC_ROWS && width <= 16)
		{
			/* whole vectors have kernels of their own: faster than to unpack a part */
			tsdb_kernels->unpack_lanes(frame->packed, n, width, scratch->narrow);
			packed = (uint64_t) tsdb_kernels->sum_int(width <= 8 ? TSDB_ELEM_U8 : TSDB_ELEM_U16, scratch->narrow, i + 1, NULL) -
				tsdb_ffor_get(frame->packed, 0, width, false);
		}
		else
			packed = (uint64_t) tsdb_kernels->unpack_sum(frame->packed, i + 1, width, NULL) -
				tsdb_ffor_get(frame->packed, 0, width, false);
	}
	for (k = 0; k < frame->patches.count; k++)
	{
		int			at = patch_position(&frame->patches, k);

		if (at <= last)
			return false;
		if (at > i)
			break;
		last = at;
		if (at > 0)
			patched += patch_value(&frame->patches, k) -
				frame->factor * tsdb_ffor_get(frame->packed, at, width, frame->horizontal);
	}
	*sum = (uint64_t) i * frame->base + frame->factor * packed + patched;
	return true;
}

static bool
rle_value(CodecCursor *in, const TsdbPayloadHeader *header, int n, int i, uint64_t *value, TsdbCodecScratch *scratch)
{
	int			nruns = header->count;
	uint64_t   *lengths = scratch->codes[1];
	uint64_t	base;
	uint64_t	factor;
	const uint8_t *values;
	const uint8_t *p;
	int			at = 0;
	int			run;

	if (nruns < 1 || nruns > n || header->aux > 10 || !take_base(in, header, &base, &factor) ||
		(values = codec_take(in, tsdb_ffor_size(nruns, header->width, true))) == NULL ||
		(p = codec_take(in, tsdb_ffor_size(nruns, header->aux, true))) == NULL)
		return false;
	tsdb_ffor_unpack(p, nruns, header->aux, true, 1, 1, lengths, scratch->narrow);
	for (run = 0; run < nruns; run++)
	{
		at += (int) lengths[run];
		if (at > n)
			return false;
		if (at > i)
		{
			*value = base + factor * tsdb_ffor_get(values, run, header->width, true);
			return true;
		}
	}
	return false;
}

int
tsdb_payload_runs(CodecCursor *in, const TsdbPayloadHeader *header, int n, unsigned lane,
				  int64_t *values, uint16_t *ends, TsdbCodecScratch *scratch)
{
	int			nruns = header->count;
	uint64_t   *lengths = scratch->codes[1];
	uint64_t	base;
	uint64_t	factor;
	const uint8_t *p;
	int			at = 0;
	int			i;

	if (!header_is_valid(header, n))
		return 0;
	if (header->payload == TSDB_ENC_CONST)
	{
		if ((p = codec_take(in, 8)) == NULL)
			return 0;
		values[0] = (int64_t) codec_load64(p);
		ends[0] = (uint16_t) n;
		return fits_lane(values, 1, lane, INT64_MIN, INT64_MAX) ? 1 : 0;
	}
	if (header->payload != TSDB_ENC_RLE || nruns < 1 || nruns > n || header->aux > 10 ||
		!take_base(in, header, &base, &factor) ||
		(p = codec_take(in, tsdb_ffor_size(nruns, header->width, true))) == NULL)
		return 0;
	tsdb_ffor_unpack(p, nruns, header->width, true, base, factor, (uint64_t *) values, scratch->narrow);
	if ((p = codec_take(in, tsdb_ffor_size(nruns, header->aux, true))) == NULL)
		return 0;
	tsdb_ffor_unpack(p, nruns, header->aux, true, 1, 1, lengths, scratch->narrow);
	for (i = 0; i < nruns; i++)
	{
		at += (int) lengths[i];
		if (at > n)
			return 0;
		ends[i] = (uint16_t) at;
	}
	return at == n && fits_lane(values, nruns, lane, INT64_MIN, INT64_MAX) ? nruns : 0;
}

static uint64_t
plane_number(const CodecCursor *in, unsigned nplanes, int i)
{
	uint64_t	code = 0;
	unsigned	p;

	for (p = 0; p < nplanes; p++)
		code |= (uint64_t) in->planes[p][i] << (8 * p);
	return (code >> 1) ^ (0 - (code & 1));
}

static bool
planes_value(CodecCursor *in, const TsdbPayloadHeader *header, int i, uint64_t *value)
{
	TsdbPayloadHeader as_patches = *header;
	bool		steps = (header->flags & TSDB_PAYLOAD_DELTA) != 0;
	uint64_t	sum = 0;
	uint64_t	base;
	uint64_t	factor;
	Patches		patches;
	const uint8_t *p;
	int			patch = 0;
	int			k;

	if (header->aux < 1 || header->aux > in->nplanes || in->planes == NULL)
		return false;
	if (steps)
	{
		if ((p = codec_take(in, 8)) == NULL)
			return false;
		sum = codec_load64(p);
	}
	as_patches.aux = header->width;
	if (!take_base(in, header, &base, &factor) || !take_patches(in, &as_patches, &patches))
		return false;
	if (!steps)
	{
		patch = codec_find_position(patches.positions, (int) patches.count, i);
		*value = base + (patch >= 0 ? patch_value(&patches, (unsigned) patch) :
						 factor * plane_number(in, header->aux, i));
		return true;
	}
	for (k = 0; k <= i; k++)
	{
		bool		patched = patch < (int) patches.count && patch_position(&patches, (unsigned) patch) == k;

		/* the number in slot 0 stands for nothing */
		if (k > 0)
			sum += base + (patched ? patch_value(&patches, (unsigned) patch) :
						   factor * plane_number(in, header->aux, k));
		patch += patched;
	}
	*value = sum;
	return true;
}

bool
tsdb_payload_value(CodecCursor *in, const TsdbPayloadHeader *header, int n, unsigned lane,
				   int i, int64_t *value, TsdbCodecScratch *scratch)
{
	uint64_t	v = 0;
	Frame		frame;
	const uint8_t *p;

	if (!header_is_valid(header, n))
		return false;
	switch (header->payload)
	{
		case TSDB_ENC_CONST:
			if ((p = codec_take(in, 8)) == NULL)
				return false;
			v = codec_load64(p);
			break;

		case TSDB_ENC_RLE:
			if (!rle_value(in, header, n, i, &v, scratch))
				return false;
			break;

		case TSDB_ENC_FOR:
			if (!take_frame(in, header, n, &frame))
				return false;
			v = frame_value(&frame, i);
			break;

		case TSDB_ENC_DELTA:
			if ((p = codec_take(in, 8)) == NULL || !take_frame(in, header, n, &frame) ||
				!frame_sum(&frame, n, i, &v, scratch))
				return false;
			v += codec_load64(p);
			break;

		case TSDB_ENC_LINEAR:
			if ((p = codec_take(in, 8)) == NULL || !take_frame(in, header, n, &frame))
				return false;
			v = frame_value(&frame, i) + (uint64_t) i * codec_load64(p);
			break;

		case TSDB_ENC_PLANES:
			if (!planes_value(in, header, i, &v))
				return false;
			break;

		case TSDB_ENC_RAW:
			if ((p = codec_take(in, (size_t) n * lane)) == NULL)
				return false;
			v = (uint64_t) codec_load_signed(p + (size_t) i * lane, lane);
			break;

		default:
			return false;
	}
	*value = (int64_t) v;
	return fits_lane(value, 1, lane, INT64_MIN, INT64_MAX);
}

bool
tsdb_payload_value_second(CodecCursor *in, int n, unsigned lane, int i, int64_t *value, TsdbCodecScratch *scratch)
{
	TsdbPayloadHeader header;
	const uint8_t *p = codec_take(in, sizeof(header));

	if (p == NULL)
		return false;
	memcpy(&header, p, sizeof(header));
	return header.payload != TSDB_ENC_PLANES && header.nexceptions == 0 &&
		tsdb_payload_value(in, &header, n, lane, i, value, scratch);
}
