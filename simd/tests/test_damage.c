/*-------------------------------------------------------------------------
 * test_damage.c
 *	  Tests of decoders on damaged and made-up blocks, as TAP lines.
 *
 * Under -fsanitize=address,undefined these show a decoder that trusts its input: all buffers are malloc'd to their exact
 * size.  Remove any check of block.c, payload_read.c, float_models.c, int_codec.c, and "every field" fails.
 *-------------------------------------------------------------------------
 */
#include "codec_test.h"

static long accepted;

/* Contract of a vector that was decoded from any bytes. */
static void
expect_sound(const int64_t *values, const bool *isnull, int n, int nnulls, int lane)
{
	int			i;

	accepted++;
	for (i = 0; i < n; i++)
	{
		expect(vec_to_lane(values[i], lane) == values[i], "a value does not fit lane %d", lane);
		expect(!isnull[i] || values[i] == 0, "a NULL row is not 0");
		nnulls -= isnull[i];
	}
	expect(nnulls == 0, "wrong number of NULLs");
}

/* Any bytes: every decoder, exact buffers; cold ones with nplanes planes, which hold the block's bytes again and again. */
static void
decode_all(const uint8_t *block, size_t len, int n, int nplanes)
{
	uint8_t    *copy = exact_copy(block, len);
	int64_t    *values = test_alloc((size_t) n * sizeof(int64_t));
	bool	   *isnull = test_alloc((size_t) n);
	TsdbBytes  *strings = test_alloc((size_t) n * sizeof(TsdbBytes));
	uint32_t   *codes = test_alloc((size_t) n * sizeof(uint32_t));
	uint8_t    *planes[TSDB_MAX_PLANES] = {NULL};
	unsigned	sum = 0;
	uint32_t	count;
	bool		exact;
	bool		decoded;
	int			nnulls = 0;
	int			l;
	int			p;
	int			i;

	for (p = 0; p < nplanes; p++)
	{
		planes[p] = test_alloc((size_t) n);
		for (i = 0; i < n; i++)
			planes[p][i] = len == 0 ? 0 : block[((size_t) i * 7 + (size_t) p) % len];
	}
	tsdb_simd_use(tiers[(len + (size_t) n) % (size_t) ntiers]);
	exact = tsdb_block_encoding(copy, len) != TSDB_ENC_DECIMAL && tsdb_block_encoding(copy, len) != TSDB_ENC_FLOAT32;
	for (l = 0; l < 4; l++)
	{
		bool		valid = tsdb_int_decode(copy, len, n, (TsdbLane) lanes[l], values, isnull, &nnulls, scratch);

		if (valid)
			expect_sound(values, isnull, n, nnulls, lanes[l]);
		expect(one_int_differs(copy, len, n, (TsdbLane) lanes[l], NULL, 0, valid, exact, values, isnull, nnulls, scratch2) < 0,
			   "a value alone differs");
		if (nplanes == 0)
			continue;
		valid = tsdb_int_decode_cold(copy, len, n, (TsdbLane) lanes[l], (const uint8_t *const *) planes, nplanes,
									 values, isnull, &nnulls, scratch);
		if (valid)
			expect_sound(values, isnull, n, nnulls, lanes[l]);
		expect(one_int_differs(copy, len, n, (TsdbLane) lanes[l], (const uint8_t *const *) planes, nplanes, valid, exact,
							   values, isnull, nnulls, scratch2) < 0, "a value alone differs, cold");
	}
	for (p = 0; p < nplanes; p++)
		free(planes[p]);
	decoded = tsdb_bytes_decode(copy, len, n, strings, isnull, &nnulls, scratch);
	expect(one_string_differs(copy, len, n, NULL, NULL, 0, decoded, strings, isnull, nnulls, scratch2) < 0, "a string alone differs");
	if (decoded)
	{
		accepted++;
		for (i = 0; i < n; i++)
		{
			/* touch the ends: the sanitizer sees whether they are ours */
			if (strings[i].len > 0)
				sum += strings[i].data[0] + strings[i].data[strings[i].len - 1];
			expect(strings[i].data == NULL || (strings[i].data >= copy &&
				   strings[i].len <= len - (size_t) (strings[i].data - copy)), "a string is outside of the block");
		}
	}
	decoded = tsdb_codes_decode(copy, len, n, 300, codes, isnull, &nnulls, scratch);
	expect(one_code_differs(copy, len, n, 300, NULL, 0, decoded, codes, isnull, nnulls, scratch2) < 0, "a code alone differs");
	if (decoded)
	{
		accepted++;
		for (i = 0; i < n; i++)
			expect(codes[i] < 300, "code %u of 300", codes[i]);
	}
	if (tsdb_dict_open(copy, len, &count))
		for (i = 0; i < (int) count; i++)
		{
			TsdbBytes	e = tsdb_dict_entry(copy, (uint32_t) i);

			if (e.len > 0)
				sum += e.data[0] + e.data[e.len - 1];
		}
	if (sum == 1)
		accepted++;
	(void) tsdb_encoding_name(tsdb_block_encoding(copy, len));
	free(copy);
	free(values);
	free(isnull);
	free(strings);
	free(codes);
}

/* A block of any family that follows from the seed; returns its size.  *cold: it may need planes. */
static size_t
make_block(uint64_t seed, int n, uint8_t *block, bool *cold)
{
	static uint8_t pool[1024 * 40];
	uint64_t	st = vec_seed(seed);
	int64_t		values[1024];
	uint32_t	codes[1024];
	TsdbBytes	strings[1024];
	bool		isnull[1024];
	int			family = (int) vec_below(&st, 9);
	TsdbEncoding encoding;
	int			i;

	*cold = false;
	vec_fill_nulls((int) vec_below(&st, VEC_NNULLS), seed, n, isnull);
	if (family == 0)
	{
		size_t		at = 0;

		for (i = 0; i < n; i++)
		{
			strings[i].data = pool + at;
			strings[i].len = (uint32_t) vec_below(&st, 40);
			at += strings[i].len;
		}
		for (i = 0; i < (int) at; i++)
			pool[i] = (uint8_t) vec_random(&st);
		return tsdb_bytes_encode(strings, isnull, n, block, &encoding, scratch);
	}
	if (family == 1)
	{
		for (i = 0; i < n; i++)
			codes[i] = (uint32_t) vec_below(&st, 300);
		return tsdb_codes_encode(codes, isnull, n, block, &encoding, scratch);
	}
	for (;;)
	{
		VecKind		kind = (VecKind) vec_below(&st, VEC_NKINDS);
		int			lane = 1 << vec_below(&st, 4);
		const bool *null = family < 5 ? NULL : isnull;
		Planes		planes;
		size_t		size;
		int			nplanes = 0;

		if (!vec_kind_has_lane(kind, lane))
			continue;
		vec_fill(kind, seed, lane, n, values);
		if (family < 8)
			return tsdb_int_encode(values, null, n, (TsdbLane) lane, vec_meaning(kind), block, &encoding, scratch);
		planes_alloc(&planes, n);
		size = tsdb_int_encode_cold(values, null, n, (TsdbLane) lane, vec_meaning(kind), planes.at, &nplanes, block, &encoding, scratch);
		planes_free(&planes);
		*cold = nplanes > 0;
		return size;
	}
}

#define NPAYLOADS	7

static const uint8_t payloads[NPAYLOADS] = {TSDB_ENC_CONST, TSDB_ENC_RLE, TSDB_ENC_FOR, TSDB_ENC_DELTA, TSDB_ENC_LINEAR,
	TSDB_ENC_RAW, TSDB_ENC_PLANES};

/* A payload's header that may be one; of payload, or any if 0. */
static void
random_payload(uint64_t *st, uint8_t payload, uint8_t *out)
{
	bool		patches = vec_below(st, 3) == 0;

	memset(out, 0, 8);
	out[0] = payload != 0 ? payload : payloads[vec_below(st, NPAYLOADS)];
	if (out[0] == TSDB_ENC_CONST || out[0] == TSDB_ENC_RAW)
		return;
	out[1] = (uint8_t) (vec_below(st, 2) | (patches ? TSDB_PAYLOAD_PATCHES : 0) | vec_below(st, 4) << 2);
	out[2] = (uint8_t) vec_below(st, vec_below(st, 2) ? 66 : 9);
	out[3] = (uint8_t) (patches || out[0] == TSDB_ENC_RLE || out[0] == TSDB_ENC_PLANES ? vec_below(st, 12) : 0);
	if (patches || out[0] == TSDB_ENC_RLE)
		out[4] = (uint8_t) vec_below(st, 40);
	if (vec_below(st, 30) == 0)
		out[5] = 1;
}

static void
test_damage(void)
{
	static uint8_t block[100000];
	static uint8_t damaged[100000];
	uint64_t	st = vec_seed(11);
	int			round;
	size_t		len;
	bool		cold;

	/* every truncation: no prefix of a block is a block, unless what is missing is not there */
	test_start();
	for (round = 0; round < 400; round++)
	{
		int			n = 1 + (int) vec_below(&st, round % 3 == 0 ? 1024 : 100);
		size_t		size = make_block((uint64_t) round, n, block, &cold);

		for (len = 0; len < size; len += size < 1500 || len < 200 || len + 300 > size ? 1 : 61)
		{
			accepted = 0;
			decode_all(block, len, n, 8);
			expect(accepted == 0, "block %d of %zu bytes decodes with %zu", round, size, len);
		}
		accepted = 0;
		decode_all(block, size, n, 8);
		/* with the wrong planes, values may be outside of the lane */
		expect(accepted > 0 || cold, "block %d does not decode", round);
		if (cold)
		{
			accepted = 0;
			decode_all(block, size, n, 0);
			expect(accepted == 0, "cold block %d decodes without planes", round);
		}
		if (n > 1)
		{
			accepted = 0;
			decode_all(block, size, n - 1, 8);
			expect(accepted == 0, "block %d of %d rows decodes as %d", round, n, n - 1);
		}
	}
	test_end("damaged blocks: truncations and wrong row counts");

	test_start();
	for (round = 0; round < 60000; round++)
	{
		int			n = 1 + (int) vec_below(&st, round % 4 == 0 ? 1024 : 130);
		size_t		size = make_block((uint64_t) (round / 20), n, block, &cold);
		int			flips = 1 + (int) vec_below(&st, 6);

		memcpy(damaged, block, size);
		while (flips-- > 0)
		{
			/* mostly header, base and counts: the rest only gives other values */
			size_t		at = vec_below(&st, vec_below(&st, 4) == 0 || size < 40 ? size : 40);
			uint64_t	r = vec_random(&st);

			damaged[at] = r & 256 ? (uint8_t) r : damaged[at] ^ (uint8_t) (1 << (r >> 60 & 7));
		}
		decode_all(damaged, vec_below(&st, 8) == 0 ? vec_below(&st, size + 1) : size, n, round % 9);
	}
	test_end("damaged blocks: 60,000 random byte flips");

	test_start();
	for (round = 0; round < 60000; round++)
	{
		int			n = 1 + (int) vec_below(&st, round % 4 == 0 ? 1024 : 40);
		size_t		i;

		len = vec_below(&st, 600);
		for (i = 0; i < len; i++)
			damaged[i] = (uint8_t) (vec_random(&st) >> 30);
		if (len >= 16 && round % 8 != 0)
		{
			/* headers that get past the first checks */
			static const uint8_t families[] = {TSDB_ENC_DICT, TSDB_ENC_BYTES, TSDB_ENC_DECIMAL, TSDB_ENC_FLOAT32, TSDB_ENC_REAL};
			bool		is_payload = vec_below(&st, 2) == 0;
			uint8_t		encoding = is_payload ? payloads[vec_below(&st, NPAYLOADS)] : families[vec_below(&st, 5)];
			uint8_t		null_form = vec_below(&st, 2) ? TSDB_NULLS_NONE : (uint8_t) vec_below(&st, 6);
			size_t		at = 16;

			damaged[0] = null_form == TSDB_NULLS_ALL ? TSDB_ENC_NULL : encoding;
			damaged[1] = null_form;
			damaged[2] = is_payload ? 0 : encoding == TSDB_ENC_REAL ? (uint8_t) vec_below(&st, 64) :
				(uint8_t) (vec_below(&st, 20) | vec_below(&st, 8) << 5);
			damaged[3] = encoding == TSDB_ENC_DICT || encoding == TSDB_ENC_BYTES ? 0 : (uint8_t) ("\1\2\4\10\10\10"[vec_below(&st, 6)]);
			damaged[4] = (uint8_t) n;
			damaged[5] = (uint8_t) (n >> 8);
			damaged[6] = damaged[7] = 0;
			random_payload(&st, is_payload ? encoding : 0, damaged + 8);
			if (null_form == TSDB_NULLS_ALL)
			{
				memcpy(damaged + 6, damaged + 4, 2);
				memset(damaged + 8, 0, 8);
			}
			if (!is_payload && encoding >= TSDB_ENC_DECIMAL)
				damaged[14] = (uint8_t) vec_below(&st, 5);
			/* one NULL, where a bitmap or runs begin */
			if (null_form == TSDB_NULLS_SOME || null_form == TSDB_NULLS_DENSE)
			{
				damaged[6] = 1;
				memset(damaged + at, 0, len - at < 128 ? len - at : 128);
				if (at < len)
					damaged[at] = 1;
				at += (size_t) (n + 63) / 64 * 8;
			}
			else if (null_form >= TSDB_NULLS_RUNS && len >= 22)
			{
				static const uint8_t run[] = {1, 0, 0, 0, 1, 0};

				damaged[6] = 1;
				memcpy(damaged + at, run, 6);
				at += 6;
			}
			/* second payloads: somewhere behind the first */
			for (; at + 8 < len && !is_payload && vec_below(&st, 3) > 0; at += 8)
				random_payload(&st, 0, damaged + at);
		}
		decode_all(damaged, len, n, round % 9);
	}
	test_end("damaged blocks: 60,000 random blocks");
}

/*-------------- every field --------------*/

/* The block whose fields are set to each value that they must not have. */
static struct
{
	uint8_t		bytes[20000];
	size_t		size;
	int			n;
	TsdbLane	lane;
	Planes		planes;
	int			nplanes;
	TsdbBlockHeader h;
} good;

static bool
good_decodes(void)
{
	uint8_t    *copy = exact_copy(good.bytes, good.size);
	int64_t		values[1024];
	bool		isnull[1024];
	int			nnulls;
	bool		ok = tsdb_int_decode_cold(copy, good.size, good.n, good.lane, (const uint8_t *const *) good.planes.at, good.nplanes,
										  values, isnull, &nnulls, scratch);

	free(copy);
	return ok;
}

/* Makes the good block; it must be of this encoding and payload. */
static void
good_make(VecKind kind, int null_pattern, int n, int lane, bool cold, TsdbEncoding encoding, TsdbEncoding payload)
{
	TsdbLaneMeaning meaning = vec_meaning(kind);
	int64_t		values[1024];
	bool		isnull[1024];
	TsdbEncoding got;

	good.n = n;
	good.lane = (TsdbLane) lane;
	good.nplanes = 0;
	vec_fill(kind, 1, lane, n, values);
	vec_fill_nulls(null_pattern, 1, n, isnull);
	if (cold)
		good.size = tsdb_int_encode_cold(values, isnull, n, good.lane, meaning, good.planes.at, &good.nplanes, good.bytes, &got, scratch);
	else
		good.size = tsdb_int_encode(values, isnull, n, good.lane, meaning, good.bytes, &got, scratch);
	memcpy(&good.h, good.bytes, sizeof(good.h));
	expect(got == encoding && good.h.p.payload == payload, "%s of %s is not the block this test is about",
		   tsdb_encoding_name(got), tsdb_encoding_name((TsdbEncoding) good.h.p.payload));
	expect(good_decodes(), "the good block does not decode");
}

/* Byte "offset" set to each v for which the condition holds. */
#define REFUSED(offset, condition, what) \
	do { \
		uint8_t		saved = good.bytes[offset]; \
		int			v; \
		for (v = 0; v < 256; v++) \
		{ \
			if (v == saved || !(condition)) \
				continue; \
			good.bytes[offset] = (uint8_t) v; \
			expect(!good_decodes(), "%s %d of %s passes", what, v, tsdb_encoding_name((TsdbEncoding) good.h.encoding)); \
		} \
		good.bytes[offset] = saved; \
	} while (0)

/* The first eight bytes, whatever is behind them. */
static void
refuse_rows(void)
{
	/* dense or not is nobody's to tell, but by what is left for the payload */
	REFUSED(1, v != (saved ^ TSDB_NULLS_SOME ^ TSDB_NULLS_DENSE), "NULL form");
	REFUSED(3, true, "lane");
	REFUSED(4, true, "nrows");
	REFUSED(5, true, "nrows, high byte");
	REFUSED(6, true, "nnulls");
	REFUSED(7, true, "nnulls, high byte");
}

/* A payload's header at "at": fields that no payload may have so. */
static void
refuse_payload(size_t at)
{
	uint8_t		payload = good.bytes[at];
	bool		patches = (good.bytes[at + 1] & TSDB_PAYLOAD_PATCHES) != 0;
	bool		frame = payload == TSDB_ENC_FOR || payload == TSDB_ENC_DELTA || payload == TSDB_ENC_LINEAR;
	uint8_t		flags = frame ? TSDB_PAYLOAD_GCD | TSDB_PAYLOAD_PATCHES | TSDB_PAYLOAD_HORIZONTAL :
		payload == TSDB_ENC_PLANES ? TSDB_PAYLOAD_GCD | TSDB_PAYLOAD_PATCHES | TSDB_PAYLOAD_DELTA | TSDB_PAYLOAD_ZERO_BASE :
		payload == TSDB_ENC_RLE ? TSDB_PAYLOAD_GCD : 0;

	REFUSED(at, v > TSDB_ENC_RAW && v != TSDB_ENC_LINEAR && v != TSDB_ENC_PLANES, "payload");
	REFUSED(at, v == TSDB_ENC_NULL || (at != 8 && v == TSDB_ENC_PLANES), "payload");
	REFUSED(at + 1, (v & ~flags) != 0, "flags");
	if (frame || payload == TSDB_ENC_PLANES)
		REFUSED(at + 1, ((v ^ saved) & TSDB_PAYLOAD_PATCHES) != 0, "flag of patches");
	REFUSED(at + 2, v > 64, "width");
	if (frame)
		REFUSED(at + 3, patches ? v < 1 || v > 8 : v != 0, "patch bytes");
	if (payload == TSDB_ENC_PLANES)
	{
		REFUSED(at + 2, patches ? v < 1 || v > 8 : v != 0, "patch bytes");
		REFUSED(at + 3, v < 1 || v > good.nplanes, "planes");
	}
	if (payload == TSDB_ENC_RLE)
		REFUSED(at + 3, v > 10, "bits of a length");
	if (payload == TSDB_ENC_CONST || payload == TSDB_ENC_RAW)
	{
		REFUSED(at + 2, true, "width");
		REFUSED(at + 3, true, "aux");
	}
	if (!patches && payload != TSDB_ENC_RLE)
	{
		REFUSED(at + 4, true, "count");
		REFUSED(at + 5, true, "count, high byte");
	}
	else
		REFUSED(at + 5, v > 4, "count, high byte");
	if (at != 8)
	{
		REFUSED(at + 6, true, "exceptions of a second payload");
		REFUSED(at + 7, true, "exceptions of a second payload, high byte");
	}
}

/* uint16 positions at "first", "count" of them: none beyond the rows, each above the one before. */
static void
refuse_positions(size_t first, int count, int n, const char *what)
{
	size_t		last = first + (size_t) (count - 1) * 2;
	uint16_t	p;
	uint16_t	saved;

	expect(count >= 2, "no two %s", what);
	REFUSED(last + 1, v >= (n + 255) / 256, what);
	memcpy(&saved, good.bytes + first, 2);
	memcpy(&p, good.bytes + first + 2, 2);
	/* the first as the second, and above it */
	memcpy(good.bytes + first, &p, 2);
	expect(!good_decodes(), "the same of %s twice passes", what);
	p++;
	memcpy(good.bytes + first, &p, 2);
	expect(!good_decodes(), "descending %s pass", what);
	memcpy(good.bytes + first, &saved, 2);
}

static bool
is_int_family(int encoding)
{
	return encoding <= TSDB_ENC_RAW || encoding == TSDB_ENC_LINEAR || encoding == TSDB_ENC_PLANES;
}

static void
test_payload_fields(void)
{
	static const struct
	{
		VecKind		kind;
		int			lane;
		int			null_pattern;
		int			n;
		bool		cold;
		TsdbEncoding encoding;
	}			cases[] = {
		{VEC_CONST, 8, 0, 1024, false, TSDB_ENC_CONST},
		{VEC_RUNS, 8, 5, 1024, false, TSDB_ENC_RLE},
		{VEC_OUTLIERS_BOTH, 8, 5, 1024, false, TSDB_ENC_FOR},
		{VEC_SMALL, 4, 0, 1024, false, TSDB_ENC_FOR},
		{VEC_SMALL, 2, 8, 100, false, TSDB_ENC_FOR},
		{VEC_GCD_MISSES, 8, 9, 1024, false, TSDB_ENC_FOR},
		{VEC_COUNTER, 8, 0, 1024, false, TSDB_ENC_DELTA},
		{VEC_TIME_GAPS, 8, 0, 1024, false, TSDB_ENC_DELTA},
		{VEC_TIME_CLOCK_MS, 8, 0, 1024, false, TSDB_ENC_LINEAR},
		{VEC_LINE_FALLING, 8, 0, 1024, false, TSDB_ENC_LINEAR},
		{VEC_RANDOM, 8, 4, 1024, false, TSDB_ENC_RAW},
		{VEC_RANDOM, 1, 0, 77, false, TSDB_ENC_RAW},
		{VEC_SKEWED_STEPS, 8, 0, 1024, true, TSDB_ENC_PLANES},
		{VEC_SKEWED_OUTLIERS, 8, 10, 1024, true, TSDB_ENC_PLANES},
		{VEC_GCD_WIDE, 8, 8, 1024, true, TSDB_ENC_PLANES},
	};
	char		name[100];
	size_t		i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		int			n = cases[i].n;

		test_start();
		good_make(cases[i].kind, cases[i].null_pattern, n, cases[i].lane, cases[i].cold, cases[i].encoding, cases[i].encoding);
		refuse_rows();
		refuse_payload(8);
		/* DECIMAL of scale 0 is another good block; so is FLOAT32, if the values fit a float's bits */
		REFUSED(0, is_int_family(v) || v == TSDB_ENC_DICT || v == TSDB_ENC_BYTES || v >= TSDB_ENC_REAL ||
				(v == TSDB_ENC_DECIMAL && cases[i].lane < 4) || (v == TSDB_ENC_FLOAT32 && cases[i].lane < 8), "encoding");
		REFUSED(2, true, "param");
		REFUSED(8, true, "payload");
		REFUSED(14, true, "exceptions");
		REFUSED(15, true, "exceptions, high byte");
		if ((good.h.p.flags & TSDB_PAYLOAD_PATCHES) && good.h.p.count >= 2)
		{
			unsigned	bytes = good.h.p.payload == TSDB_ENC_PLANES ? good.h.p.width : good.h.p.aux;

			refuse_positions(good.size - good.h.p.count * (size_t) (2 + bytes), good.h.p.count,
							 tsdb_block_is_dense(&good.h) ? n - good.h.nnulls : n, "patch positions");
		}
		if (good.h.p.payload == TSDB_ENC_RLE)
		{
			/* more runs than rows take no bytes at width 0; scratch must not be written beyond its end */
			good.bytes[10] = good.bytes[11] = 0;
			REFUSED(13, v > 4, "number of runs, high byte");
			good.bytes[13] = 0;
			REFUSED(12, v == 0, "number of runs");
		}
		snprintf(name, sizeof(name), "damaged headers: %s of %s, %d rows, NULL form %d", tsdb_encoding_name(cases[i].encoding),
				 vec_kind_names[cases[i].kind], n, good.h.null_form);
		test_end(name);
	}
}

/* Bytes of NULLs behind the header. */
static size_t
null_bytes(void)
{
	switch (good.h.null_form)
	{
		case TSDB_NULLS_SOME:
		case TSDB_NULLS_DENSE:
			return tsdb_block_bitmap_bytes(good.n);
		case TSDB_NULLS_RUNS:
		case TSDB_NULLS_DENSE_RUNS:
			return 2 + 4 * (size_t) codec_load16(good.bytes + 16);
		default:
			return 0;
	}
}

/* Bytes of the payload whose header is at "at" and which begins at "from", by the diagrams of codec_format.h. */
static size_t
payload_bytes(size_t at, int n, int lane)
{
	TsdbPayloadHeader p;
	size_t		size = 8 + (good.bytes[at + 1] & TSDB_PAYLOAD_GCD ? 8 : 0);

	memcpy(&p, good.bytes + at, sizeof(p));
	switch (p.payload)
	{
		case TSDB_ENC_CONST:
			return 8;
		case TSDB_ENC_RAW:
			return (size_t) (n * lane);
		case TSDB_ENC_RLE:
			return size + ((size_t) p.count * p.width + 7) / 8 + ((size_t) p.count * p.aux + 7) / 8;
		case TSDB_ENC_PLANES:
			return size - (p.flags & TSDB_PAYLOAD_ZERO_BASE ? 8 : 0) + (p.flags & TSDB_PAYLOAD_DELTA ? 8 : 0) + p.count * (size_t) (2 + p.width);
		default:
			return size + (p.payload == TSDB_ENC_FOR ? 0 : 8) + tsdb_ffor_size(n, p.width, (p.flags & TSDB_PAYLOAD_HORIZONTAL) != 0) +
				p.count * (size_t) (2 + p.aux);
	}
}

static void
test_float_fields(void)
{
	static const struct
	{
		VecKind		kind;
		int			lane;
		int			null_pattern;
		bool		cold;
		TsdbEncoding encoding;
	}			cases[] = {
		{VEC_DOUBLE_2, 8, 0, false, TSDB_ENC_DECIMAL},
		{VEC_DOUBLE_13, 8, 8, false, TSDB_ENC_DECIMAL},
		{VEC_DOUBLE_SPECIAL, 8, 0, false, TSDB_ENC_DECIMAL},
		{VEC_DOUBLE_SPECIAL, 8, 9, false, TSDB_ENC_DECIMAL},
		{VEC_DOUBLE_ULP, 8, 5, false, TSDB_ENC_DECIMAL},
		{VEC_DOUBLE_SKEWED, 8, 0, true, TSDB_ENC_DECIMAL},
		{VEC_FLOAT_2, 4, 0, false, TSDB_ENC_DECIMAL},
		{VEC_FLOAT_SPECIAL, 4, 4, false, TSDB_ENC_DECIMAL},
		{VEC_FLOAT_ULP, 4, 0, false, TSDB_ENC_DECIMAL},
		{VEC_DOUBLE_FLOAT, 8, 0, false, TSDB_ENC_FLOAT32},
		{VEC_DOUBLE_FLOAT_REAL, 8, 0, false, TSDB_ENC_FLOAT32},
		{VEC_DOUBLE_FLOAT_TEXT, 8, 5, false, TSDB_ENC_FLOAT32},
		{VEC_DOUBLE_SIGNED, 8, 0, false, TSDB_ENC_REAL},
		{VEC_DOUBLE_SIGNED_ODD, 8, 4, false, TSDB_ENC_REAL},
		{VEC_FLOAT_SIGNED, 4, 8, false, TSDB_ENC_REAL},
	};
	char		name[100];
	size_t		i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		int			lane = cases[i].lane;
		bool		real = cases[i].encoding == TSDB_ENC_REAL;
		bool		single = cases[i].encoding == TSDB_ENC_FLOAT32;
		unsigned	param;
		size_t		at;
		int			n;

		test_start();
		good_make(cases[i].kind, cases[i].null_pattern, 1024, lane, cases[i].cold, cases[i].encoding,
				  cases[i].cold ? TSDB_ENC_PLANES : cases[i].encoding == TSDB_ENC_DECIMAL && cases[i].kind == VEC_DOUBLE_13 ? good.h.p.payload :
				  TSDB_ENC_FOR);
		param = good.h.param;
		n = tsdb_block_is_dense(&good.h) ? good.n - good.h.nnulls : good.n;
		refuse_rows();
		refuse_payload(8);
		REFUSED(0, v > TSDB_ENC_STREAMS || v == TSDB_ENC_NULL || v == TSDB_ENC_DICT || v == TSDB_ENC_BYTES || v == TSDB_ENC_STREAMS ||
				(v >= TSDB_ENC_FSST && v <= TSDB_ENC_LZ4) || (is_int_family(v) && v != good.h.p.payload), "encoding");
		if (real)
		{
			REFUSED(2, v >= lane * 8 || v < lane * 8 - TSDB_REAL_MAX_LEFT_BITS, "param");
			REFUSED(8, v == TSDB_ENC_PLANES, "payload");
		}
		else
		{
			REFUSED(2, (v & TSDB_DECIMAL_SCALE) > TSDB_DECIMAL_MAX_SCALE && (!single || (v & TSDB_FLOAT32_DECIMAL)), "scale");
			if (single)
				REFUSED(2, (v & TSDB_DECIMAL_MUL16) || (!(v & TSDB_FLOAT32_DECIMAL) && (v & ~TSDB_DECIMAL_RESIDUAL) != 0), "param");
			else if (lane == 4)
				REFUSED(2, (v & (TSDB_DECIMAL_MUL14 | TSDB_DECIMAL_MUL16)) != 0, "product for floats");
			else
			{
				REFUSED(2, (v & TSDB_DECIMAL_MUL14) && (v & TSDB_DECIMAL_MUL16), "both products");
				REFUSED(2, (v & TSDB_DECIMAL_MUL14) && (v & TSDB_DECIMAL_SCALE) > 14, "scale above the product's");
				REFUSED(2, (v & TSDB_DECIMAL_MUL16) && (v & TSDB_DECIMAL_SCALE) > 16, "scale above the product's");
			}
		}

		at = 16 + null_bytes() + (real ? 16 : 0);
		at += payload_bytes(8, n, single && !(param & TSDB_FLOAT32_DECIMAL) ? 4 : real || !single ? 8 : 8);
		if (real || (param & TSDB_DECIMAL_RESIDUAL))
		{
			refuse_payload(at);
			if (real && good.bytes[at] == TSDB_ENC_FOR)
			{
				uint8_t		saved = good.bytes[at + 8];

				/* a base: left parts beyond the table */
				good.bytes[at + 8] = 8;
				expect(!good_decodes(), "a left part beyond the table passes");
				good.bytes[at + 8] = saved;
				good.bytes[at + 8 + 7] = 0x80;
				expect(!good_decodes(), "a negative left part passes");
				good.bytes[at + 8 + 7] = 0;
			}
			at += 8 + payload_bytes(at, n, 8);
		}
		expect(good.size == at + good.h.p.nexceptions * (size_t) (2 + lane), "exceptions begin at %zu of %zu", at, good.size);
		if (good.h.p.nexceptions >= 2)
			refuse_positions(at, good.h.p.nexceptions, n, "exceptions");
		REFUSED(15, v > 3, "exceptions, high byte");
		if (good.h.p.nexceptions == 0)
			REFUSED(14, true, "exceptions");
		snprintf(name, sizeof(name), "damaged headers: %s of %s, param %#x", tsdb_encoding_name(cases[i].encoding),
				 vec_kind_names[cases[i].kind], param);
		test_end(name);
	}
}

static void
test_null_fields(void)
{
	static const struct
	{
		int			null_pattern;
		unsigned	form;
	}			cases[] = {
		{5, TSDB_NULLS_SOME}, {4, TSDB_NULLS_DENSE}, {8, TSDB_NULLS_RUNS}, {9, TSDB_NULLS_DENSE_RUNS}
	};
	size_t		i;

	test_start();
	for (i = 0; i < 4; i++)
	{
		size_t		at;

		good_make(VEC_SMALL, cases[i].null_pattern, 1000, 8, false, TSDB_ENC_FOR, TSDB_ENC_FOR);
		expect(good.h.null_form == cases[i].form, "NULL form %d", good.h.null_form);
		refuse_rows();
		if (cases[i].form == TSDB_NULLS_SOME || cases[i].form == TSDB_NULLS_DENSE)
		{
			/* a NULL more or fewer; bits from row 1,000 on */
			for (at = 16; at < 16 + 125; at += 31)
				REFUSED(at, __builtin_popcount((unsigned) v) != __builtin_popcount(saved), "bitmap byte");
			for (at = 16 + 125; at < 16 + 128; at++)
				REFUSED(at, true, "bitmap byte beyond the rows");
			/* one moved there: the number is right */
			for (at = 16; good.bytes[at] == 0;)
				at++;
			good.bytes[at] &= (uint8_t) (good.bytes[at] - 1);
			good.bytes[16 + 125] = 1;
			expect(!good_decodes(), "a NULL of row 1,000 passes");
		}
		else
		{
			size_t		nruns = codec_load16(good.bytes + 16);
			size_t		last = 18 + 4 * (nruns - 1);

			/* the third run's bytes would be the payload's */
			REFUSED(16, v < (int) nruns, "number of runs");
			REFUSED(17, v > 3, "number of runs, high byte");
			REFUSED(18 + 2, true, "length of a run");
			REFUSED(18 + 3, true, "length of a run, high byte");
			REFUSED(last + 1, v > 3, "first row of a run, high byte");
			if (nruns >= 2)
			{
				uint16_t	run[4];
				uint16_t	saved[4];

				memcpy(saved, good.bytes + 18, 8);
				/* the first two runs side by side, overlapping, in the wrong order, one of them empty */
				memcpy(run, saved, 8);
				run[2] = (uint16_t) (run[0] + run[1]);
				memcpy(good.bytes + 18, run, 8);
				expect(!good_decodes(), "runs without a row between them pass");
				run[2]--;
				memcpy(good.bytes + 18, run, 8);
				expect(!good_decodes(), "runs that overlap pass");
				memcpy(good.bytes + 18, saved + 2, 4);
				memcpy(good.bytes + 22, saved, 4);
				expect(!good_decodes(), "descending runs pass");
				memcpy(run, saved, 8);
				run[1] = (uint16_t) (run[1] + run[3]);
				run[3] = 0;
				memcpy(good.bytes + 18, run, 8);
				expect(!good_decodes(), "an empty run passes");
				memcpy(good.bytes + 18, saved, 8);
			}
			/* the last run one row too far */
			{
				uint16_t	first = (uint16_t) (1001 - codec_load16(good.bytes + last + 2));

				memcpy(good.bytes + last, &first, 2);
				expect(!good_decodes(), "a run beyond the rows passes");
				first--;
				memcpy(good.bytes + last, &first, 2);
				expect(good_decodes(), "a run up to the last row is refused");
			}
		}
	}
	test_end("damaged headers: NULLs");

	test_start();
	good_make(VEC_SMALL, 1, 1000, 8, false, TSDB_ENC_NULL, TSDB_ENC_NULL);
	refuse_rows();
	REFUSED(0, true, "encoding");
	REFUSED(2, true, "param");
	for (i = 8; i < 16; i++)
		REFUSED(i, true, "payload");
	test_end("damaged headers: all NULL");
}

/* A base that brings the largest or the smallest value out of the lane. */
static void
test_lanes(void)
{
	uint64_t	st = vec_seed(21);
	int64_t		values[1024];
	bool		isnull[1024];
	int			lane;
	int			nnulls;
	int			i;

	test_start();
	for (lane = 1; lane <= 4; lane *= 2)
	{
		int64_t		max = (INT64_C(1) << (lane * 8 - 1)) - 1;
		int64_t		bases[] = {max - 15, -max - 1, max - 14, -max - 2, INT64_MAX, INT64_MIN};
		TsdbEncoding encoding;

		for (i = 0; i < 1024; i++)
			values[i] = (int64_t) (vec_random(&st) >> 60);
		good.size = tsdb_int_encode(values, NULL, 1024, (TsdbLane) lane, TSDB_MEANS_INT, good.bytes, &encoding, scratch);
		expect(encoding == TSDB_ENC_FOR && good.bytes[10] == 4, "not the block this test is about");
		for (i = 0; i < 6; i++)
		{
			memcpy(good.bytes + 16, &bases[i], 8);
			expect(tsdb_int_decode(good.bytes, good.size, 1024, (TsdbLane) lane, values, isnull, &nnulls, scratch) == (i < 2),
				   "lane %d, base %lld", lane, (long long) bases[i]);
		}
	}
	/* the floats of FLOAT32 are a payload of lane 4, too */
	good_make(VEC_DOUBLE_FLOAT_REAL, 0, 1024, 8, false, TSDB_ENC_FLOAT32, TSDB_ENC_FOR);
	expect(good.h.param == 0, "not the block this test is about");
	REFUSED(16 + 7, true, "a base beyond floats");
	test_end("damaged headers: values out of the lane");
}

int
main(void)
{
	test_setup();
	planes_alloc(&good.planes, 1024);
	test_damage();
	test_payload_fields();
	test_float_fields();
	test_null_fields();
	test_lanes();
	planes_free(&good.planes);
	return test_finish();
}
