/*-------------------------------------------------------------------------
 * test_cold.c
 *	  Tests of cold columns: blocks whose numbers lie in planes, and packed planes.  TAP lines.
 *
 * What would break which test: a model that loses a bit in planes, or leaves bytes there that the block does not
 * use, "round trip"; an encoder that writes where other vectors' bytes are, "column of vectors"; a decoder that does
 * not ask for its planes, "without planes"; one that trusts packed planes, "damaged planes", best under
 * -fsanitize=address,undefined.  Damaged blocks of cold columns: test_damage.c.
 *-------------------------------------------------------------------------
 */
#include "codec_test.h"

static bool
planes_are_zero(const Planes *planes, int plane, int from, int to)
{
	int			i;

	for (i = from; i < to; i++)
		if (planes->at[plane][i] != 0)
			return false;
	return true;
}

/*
 * Encodes into planes of which the vector takes the last n rows, packs and unpacks these, decodes: in all tiers.
 * Returns the block's bytes; *nplanes are in use.
 */
static size_t
round_trip_cold(const int64_t *values, const bool *isnull, int n, int lane, TsdbLaneMeaning meaning, int before,
				const char *what, TsdbEncoding *encoding, int *nplanes)
{
	Guarded		one = guarded_alloc(tsdb_int_bound(n, (TsdbLane) lane));
	Guarded		two = guarded_alloc(tsdb_int_bound(n, (TsdbLane) lane));
	int64_t    *out = test_alloc((size_t) n * sizeof(int64_t));
	bool	   *out_null = test_alloc((size_t) n);
	uint8_t    *at[TSDB_MAX_PLANES];
	uint8_t    *none[TSDB_MAX_PLANES];
	Planes		planes;
	Planes		again;
	Planes		unpacked;
	TsdbBlockHeader header;
	size_t		size = 0;
	uint8_t    *copy;
	int			nnulls;
	int			t;
	int			p;

	planes_alloc(&planes, before + n);
	planes_alloc(&unpacked, before + n);
	planes_from(&planes, before, at);
	*nplanes = 0;
	tsdb_simd_use(tiers[ntiers - 1]);
	size = tsdb_int_encode_cold(values, isnull, n, (TsdbLane) lane, meaning, at, nplanes, one.p, encoding, scratch);
	expect(size > 0 && size <= one.size && guarded_intact(&one), "%s, lane %d, n %d: %zu bytes exceed the bound", what, lane, n, size);
	for (p = 0; p < TSDB_MAX_PLANES; p++)
		expect(planes_are_zero(&planes, p, 0, p < *nplanes ? before : planes.nrows),
			   "%s, lane %d, n %d, %s: wrote to plane %d", what, lane, n, tsdb_encoding_name(*encoding), p);
	memcpy(&header, one.p, sizeof(header));
	expect(*nplanes == (header.p.payload == TSDB_ENC_PLANES ? header.p.aux : 0), "%s: %d planes, the block has %d",
		   what, *nplanes, header.p.aux);

	for (t = 0; t < ntiers; t++)
	{
		TsdbEncoding encoding2;
		int			nplanes2 = 0;

		tsdb_simd_use(tiers[t]);
		scratch_soil((n * 3 + t * 77) & 255);
		planes_alloc(&again, before + n);
		planes_from(&again, before, at);
		expect(tsdb_int_encode_cold(values, isnull, n, (TsdbLane) lane, meaning, at, &nplanes2, two.p, &encoding2, scratch2) == size &&
			   encoding2 == *encoding && nplanes2 == *nplanes && memcmp(one.p, two.p, size) == 0 && scratch2->nfallbacks == 0,
			   "%s, lane %d, n %d: other bytes with %s", what, lane, n, tsdb_kernels->name);
		for (p = 0; p < TSDB_MAX_PLANES; p++)
			expect(memcmp(planes.at[p], again.at[p], (size_t) planes.nrows) == 0, "%s, lane %d, n %d: other planes with %s",
				   what, lane, n, tsdb_kernels->name);
		planes_free(&again);
	}

	copy = exact_copy(one.p, size);
	if (*nplanes > 0)
		expect(planes_through_zstd(&planes, *nplanes, &unpacked), "%s, n %d: packed planes", what, n);
	planes_from(&unpacked, before, at);
	/* a decoder has no business in planes that the block does not use */
	for (p = 0; p < TSDB_MAX_PLANES; p++)
		none[p] = p < *nplanes ? at[p] : NULL;
	for (t = 0; t < ntiers; t++)
	{
		tsdb_simd_use(tiers[t]);
		scratch_soil(0xEE);
		memset(out_null, 3, (size_t) n);
		nnulls = -1;
		if (expect(tsdb_int_decode_cold(copy, size, n, (TsdbLane) lane, (const uint8_t *const *) none, *nplanes,
										out, out_null, &nnulls, scratch2),
				   "%s, lane %d, n %d: %s does not decode", what, lane, n, tsdb_encoding_name(*encoding)))
		{
			expect_rows(values, isnull, n, out, out_null, nnulls, what, *encoding);
			expect(one_int_differs(copy, size, n, (TsdbLane) lane, (const uint8_t *const *) none, *nplanes, true, true, out, out_null,
								   nnulls, scratch2) < 0, "%s, lane %d, n %d: %s: a value alone differs", what, lane, n,
				   tsdb_encoding_name(*encoding));
		}
	}
	if (*nplanes > 0)
	{
		expect(!tsdb_int_decode(copy, size, n, (TsdbLane) lane, out, out_null, &nnulls, scratch2) &&
			   !tsdb_int_decode_cold(copy, size, n, (TsdbLane) lane, NULL, 0, out, out_null, &nnulls, scratch2) &&
			   !tsdb_int_decode_cold(copy, size, n, (TsdbLane) lane, NULL, 8, out, out_null, &nnulls, scratch2) &&
			   !tsdb_int_decode_cold(copy, size, n, (TsdbLane) lane, (const uint8_t *const *) none, *nplanes - 1,
									 out, out_null, &nnulls, scratch2),
			   "%s, n %d: decodes without planes", what, n);
	}
	else
		expect(tsdb_int_decode(copy, size, n, (TsdbLane) lane, out, out_null, &nnulls, scratch2),
			   "%s, n %d: wants planes that it does not use", what, n);
	free(copy);
	free(out);
	free(out_null);
	planes_free(&planes);
	planes_free(&unpacked);
	guarded_free(&one);
	guarded_free(&two);
	return size;
}

/* All kinds, lanes, lengths, NULL patterns. */
static void
test_kinds(void)
{
	int64_t		values[1024];
	bool		isnull[1024];
	char		name[100];
	int			kind;
	int			pattern;
	int			l;
	int			n;

	for (kind = 0; kind < VEC_NKINDS; kind++)
	{
		test_start();
		for (pattern = 0; pattern < VEC_NNULLS; pattern++)
			for (l = 0; l < 4; l++)
			{
				if (!vec_kind_has_lane((VecKind) kind, lanes[l]))
					continue;
				for (n = 1; n <= 1024; n = n < 6 ? n + 1 : n < 1000 ? n + 127 + pattern * 5 : n == 1024 ? 1025 : 1024)
				{
					TsdbEncoding encoding;
					int			nplanes;

					vec_fill((VecKind) kind, (uint64_t) n, lanes[l], n, values);
					vec_fill_nulls(pattern, (uint64_t) (n + kind), n, isnull);
					round_trip_cold(values, pattern == 0 ? NULL : isnull, n, lanes[l], vec_meaning((VecKind) kind),
									n % 3 * 50, vec_kind_names[kind], &encoding, &nplanes);
				}
			}
		snprintf(name, sizeof(name), "cold round trip: %s", vec_kind_names[kind]);
		test_end(name);
	}
}

static void
test_mixtures(void)
{
	uint64_t	st = vec_seed(77);
	int64_t		values[1024];
	int64_t		part[1024];
	bool		isnull[1024];
	int			round;

	test_start();
	for (round = 0; round < 1500; round++)
	{
		int			lane = 1 << vec_below(&st, 4);
		int			n = 1 + (int) vec_below(&st, 1024);
		bool		as_float = lane >= 4 && vec_below(&st, 2) == 0;
		TsdbEncoding encoding;
		int			nplanes;
		int			at = 0;

		while (at < n)
		{
			VecKind		kind = (VecKind) vec_below(&st, VEC_NKINDS);
			int			len = 1 + (int) vec_below(&st, (uint64_t) (n - at));

			vec_fill(kind, vec_random(&st) % 1000, lane, len, part);
			memcpy(values + at, part, (size_t) len * sizeof(int64_t));
			at += len;
		}
		vec_fill_nulls((int) vec_below(&st, VEC_NNULLS), vec_random(&st), n, isnull);
		round_trip_cold(values, vec_below(&st, 2) ? isnull : NULL, n, lane,
						!as_float ? TSDB_MEANS_INT : lane == 8 ? TSDB_MEANS_FLOAT8 : TSDB_MEANS_FLOAT4,
						(int) vec_below(&st, 3), "mixture", &encoding, &nplanes);
	}
	test_end("cold round trip: 1,500 mixtures");
}

/* What planes are for is put there, what is shorter without is not. */
static void
test_chooser(void)
{
	static const struct
	{
		VecKind		kind;
		int			lane;
		TsdbEncoding encoding;
		TsdbEncoding payload;
		int			nplanes;
	}			cases[] = {
		{VEC_CONST, 8, TSDB_ENC_CONST, TSDB_ENC_CONST, 0},
		{VEC_TIME_REGULAR, 8, TSDB_ENC_DELTA, TSDB_ENC_DELTA, 0},
		{VEC_LONG_RUNS, 8, TSDB_ENC_RLE, TSDB_ENC_RLE, 0},
		{VEC_BOOL, 1, TSDB_ENC_FOR, TSDB_ENC_FOR, 0},
		{VEC_SKEWED_STEPS, 8, TSDB_ENC_PLANES, TSDB_ENC_PLANES, 2},
		{VEC_SKEWED_STEPS, 4, TSDB_ENC_PLANES, TSDB_ENC_PLANES, 2},
		{VEC_GCD_WIDE, 8, TSDB_ENC_PLANES, TSDB_ENC_PLANES, 8},
		{VEC_DOUBLE_SKEWED, 8, TSDB_ENC_DECIMAL, TSDB_ENC_PLANES, 2},
	};
	int64_t		values[1024];
	size_t		i;

	test_start();
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		const char *name = vec_kind_names[cases[i].kind];
		TsdbLane	lane = (TsdbLane) cases[i].lane;
		uint8_t		block[10000];
		Planes		planes;
		TsdbBlockHeader h;
		TsdbEncoding encoding;
		int			nplanes = 0;

		planes_alloc(&planes, 1024);
		vec_fill(cases[i].kind, 5, cases[i].lane, 1024, values);
		(void) tsdb_int_encode_cold(values, NULL, 1024, lane, vec_meaning(cases[i].kind), planes.at, &nplanes, block, &encoding, scratch);
		memcpy(&h, block, sizeof(h));
		expect(encoding == cases[i].encoding && h.p.payload == cases[i].payload && nplanes == cases[i].nplanes,
			   "%s: %s, payload %s, %d planes", name, tsdb_encoding_name(encoding),
			   tsdb_encoding_name((TsdbEncoding) h.p.payload), nplanes);
		planes_free(&planes);
	}
	test_end("cold chooser");
}

/* Many vectors of several kinds side by side in the planes of one column, which is smaller than the hot one. */
static void
test_column(void)
{
	enum
	{
		NVECTORS = 40, ROWS = NVECTORS * 1000
	};
	static int64_t values[NVECTORS][1000];
	static bool isnull[NVECTORS][1000];
	static uint8_t block[NVECTORS][10000];
	static const VecKind kinds[] = {VEC_SKEWED_STEPS, VEC_WALK, VEC_SKEWED, VEC_CONST, VEC_RANDOM, VEC_SKEWED_STEPS, VEC_LONG_RUNS,
		VEC_OUTLIERS_BOTH};
	size_t		size[NVECTORS];
	int64_t		out[1024];
	bool		out_null[1024];
	uint8_t    *at[TSDB_MAX_PLANES];
	Planes		planes;
	Planes		unpacked;
	TsdbEncoding encoding;
	int			nplanes = 0;
	int			nnulls;
	int			i;

	test_start();
	planes_alloc(&planes, ROWS);
	planes_alloc(&unpacked, ROWS);
	for (i = NVECTORS; i-- > 0;)
	{
		vec_fill(kinds[i % 8], (uint64_t) i, 8, 1000, values[i]);
		vec_fill_nulls(i % VEC_NNULLS, (uint64_t) i, 1000, isnull[i]);
		planes_from(&planes, i * 1000, at);
		size[i] = tsdb_int_encode_cold(values[i], isnull[i], 1000, TSDB_LANE_INT64, TSDB_MEANS_INT, at, &nplanes, block[i],
									   &encoding, scratch);
	}
	expect(nplanes == 8, "%d planes", nplanes);
	expect(planes_through_zstd(&planes, nplanes, &unpacked), "packed planes");
	for (i = 0; i < NVECTORS; i++)
	{
		planes_from(&unpacked, i * 1000, at);
		if (expect(tsdb_int_decode_cold(block[i], size[i], 1000, TSDB_LANE_INT64, (const uint8_t *const *) at, nplanes, out, out_null,
										&nnulls, scratch), "vector %d does not decode", i))
			expect_rows(values[i], isnull[i], 1000, out, out_null, nnulls, "column", TSDB_ENC_PLANES);
	}
	planes_free(&planes);
	planes_free(&unpacked);
	test_end("column of vectors in the same planes");
}

/* An encoder that gives up a model takes its bytes back: planes beyond those in use are 0, for all sizes of numbers. */
static void
test_plane_counts(void)
{
	int64_t		values[1024];
	int			bits;
	int			i;

	test_start();
	for (bits = 1; bits <= 64; bits++)
	{
		uint64_t	st = vec_seed((uint64_t) bits);
		TsdbEncoding encoding;
		int			nplanes;

		for (i = 0; i < 1024; i++)
		{
			/* of all widths up to this, so that planes pay */
			uint64_t	r = vec_random(&st);

			values[i] = (int64_t) (r >> (64 - bits)) >> (r & 7) * (unsigned) bits / 8;
			values[i] = r & 8 ? values[i] : -values[i];
		}
		round_trip_cold(values, NULL, 1024, 8, TSDB_MEANS_INT, 3, "plane counts", &encoding, &nplanes);
		/* one bit for the sign */
		expect(encoding != TSDB_ENC_PLANES || (nplanes >= (bits - 8) / 8 && nplanes <= (bits + 8) / 8),
			   "%d bits: %d planes", bits, nplanes);
		expect(bits < 16 || encoding == TSDB_ENC_PLANES, "%d bits: %s", bits, tsdb_encoding_name(encoding));
	}
	test_end("planes for numbers of every width");
}

/* Codes of a dictionary in planes. */
static void
test_codes(void)
{
	static const uint32_t counts[] = {1, 2, 200, 70000, 0xFFFFFFFF};
	uint64_t	st = vec_seed(13);
	uint32_t	codes[1024];
	uint32_t	out[1024];
	bool		isnull[1024];
	bool		out_null[1024];
	bool		seen = false;
	size_t		c;
	int			pattern;
	int			n;
	int			t;
	int			p;
	int			i;

	test_start();
	for (c = 0; c < sizeof(counts) / sizeof(counts[0]); c++)
		for (pattern = 0; pattern < VEC_NNULLS; pattern++)
			for (n = 1; n <= 1024; n = n < 10 ? n + 1 : n < 900 ? n + 141 : n == 1024 ? 1025 : 1024)
			{
				Guarded		g = guarded_alloc(tsdb_codes_bound(n));
				uint8_t    *at[TSDB_MAX_PLANES];
				Planes		planes;
				Planes		unpacked;
				TsdbEncoding encoding;
				uint32_t	largest = 0;
				uint8_t    *copy;
				size_t		size;
				int			nplanes = 0;
				int			nnulls = -1;
				int			expected_nulls = 0;

				vec_fill_nulls(pattern, (uint64_t) n, n, isnull);
				for (i = 0; i < n; i++)
				{
					/* the smaller the more frequent */
					codes[i] = (uint32_t) vec_below(&st, counts[c]) >> (vec_below(&st, 4) * 8);
					largest = !isnull[i] && codes[i] > largest ? codes[i] : largest;
				}
				planes_alloc(&planes, n + 9);
				planes_alloc(&unpacked, n + 9);
				planes_from(&planes, 9, at);
				size = tsdb_codes_encode_cold(codes, isnull, n, at, &nplanes, g.p, &encoding, scratch);
				expect(guarded_intact(&g) && size <= g.size, "beyond the bound");
				for (p = 0; p < TSDB_MAX_PLANES; p++)
					expect(planes_are_zero(&planes, p, 0, p < nplanes ? 9 : n + 9), "wrote to plane %d", p);
				if (nplanes > 0)
					expect(planes_through_zstd(&planes, nplanes, &unpacked), "packed planes");
				planes_from(&unpacked, 9, at);
				copy = exact_copy(g.p, size);
				for (t = 0; t < ntiers; t++)
				{
					tsdb_simd_use(tiers[t]);
					expected_nulls = 0;
					if (expect(tsdb_codes_decode_cold(copy, size, n, counts[c], (const uint8_t *const *) at, nplanes, out, out_null,
													  &nnulls, scratch), "%u entries, n %d, pattern %d: does not decode", counts[c], n, pattern))
						for (i = 0; i < n; i++)
						{
							expected_nulls += isnull[i];
							expect(out_null[i] == isnull[i] && out[i] == (isnull[i] ? 0 : codes[i]), "%u entries, n %d: row %d differs",
								   counts[c], n, i);
						}
					expect(failure[0] || (nnulls == expected_nulls && encoding == (nnulls == n ? TSDB_ENC_NULL : TSDB_ENC_DICT)), "NULLs");
					expect(one_code_differs(copy, size, n, counts[c], (const uint8_t *const *) at, nplanes, true, out, out_null, nnulls,
											scratch2) < 0, "%u entries, n %d, pattern %d: a code alone differs", counts[c], n, pattern);
				}
				if (encoding == TSDB_ENC_DICT)
					expect(!tsdb_codes_decode_cold(copy, size, n, largest, (const uint8_t *const *) at, nplanes, out, out_null, &nnulls,
												   scratch), "code %u passes with as many entries", largest);
				if (nplanes > 0)
				{
					seen = true;
					expect(!tsdb_codes_decode(copy, size, n, counts[c], out, out_null, &nnulls, scratch) &&
						   !tsdb_codes_decode_cold(copy, size, n, counts[c], (const uint8_t *const *) at, nplanes - 1, out, out_null, &nnulls,
												   scratch), "decodes without its planes");
				}
				free(copy);
				planes_free(&planes);
				planes_free(&unpacked);
				guarded_free(&g);
			}
	expect(seen, "no codes lie in planes");
	test_end("cold round trip: codes");
}

/*-------------- packed planes --------------*/

/* Any bytes: exact buffers. */
static bool
unpacks(const uint8_t *bytes, size_t len, uint32_t nrows)
{
	uint8_t    *copy = exact_copy(bytes, len);
	int			nplanes = tsdb_planes_count(copy, len, nrows);
	uint8_t    *at[TSDB_MAX_PLANES] = {NULL};
	bool		ok = false;
	int			p;

	expect(nplanes >= 0 && nplanes <= TSDB_MAX_PLANES, "%d planes", nplanes);
	if (nplanes > 0)
	{
		for (p = 0; p < nplanes; p++)
			at[p] = test_alloc(nrows);
		ok = tsdb_planes_unpack(copy, len, nrows, at);
		for (p = 0; p < nplanes; p++)
			free(at[p]);
	}
	free(copy);
	return ok;
}

static void
make_planes(Planes *planes, int nrows, uint64_t seed)
{
	uint64_t	st = vec_seed(seed);
	int			p;
	int			i;

	planes_alloc(planes, nrows);
	for (p = 0; p < TSDB_MAX_PLANES; p++)
		for (i = 0; i < nrows; i++)
		{
			uint64_t	r = vec_random(&st);

			/* noise, skewed, runs, nothing: each is cut in its own way */
			planes->at[p][i] = p % 4 == 0 ? (uint8_t) (r >> 20) : p % 4 == 1 ? (uint8_t) __builtin_ctzll(r | 256) :
				p % 4 == 2 ? (uint8_t) (i / 100) : 0;
		}
}

static void
test_packing(void)
{
	static const int rows[] = {1, 2, 3, 17, 255, 1000, 70000};
	Planes		planes;
	Planes		unpacked;
	size_t		r;
	int			nplanes;
	int			p;

	test_start();
	for (r = 0; r < sizeof(rows) / sizeof(rows[0]); r++)
		for (nplanes = 1; nplanes <= TSDB_MAX_PLANES; nplanes++)
		{
			if (rows[r] > 1000 && nplanes % 3 != 1)
				continue;
			make_planes(&planes, rows[r], (uint64_t) rows[r]);
			planes_alloc(&unpacked, rows[r]);
			expect(planes_through_zstd(&planes, nplanes, &unpacked), "%d planes of %d rows do not unpack", nplanes, rows[r]);
			for (p = 0; p < TSDB_MAX_PLANES; p++)
				expect(p < nplanes ? memcmp(planes.at[p], unpacked.at[p], (size_t) rows[r]) == 0 :
					   planes_are_zero(&unpacked, p, 0, rows[r]), "%d planes of %d rows: plane %d differs", nplanes, rows[r], p);
			planes_free(&planes);
			planes_free(&unpacked);
		}
	test_end("packed planes: round trip");
}

static void
test_damaged_planes(void)
{
	Planes		planes;
	uint8_t    *packed;
	uint8_t    *damaged;
	uint64_t	st = vec_seed(5);
	size_t		size;
	size_t		len;
	int			round;
	int			v;

	make_planes(&planes, 700, 1);
	packed = test_alloc(tsdb_planes_bound(8, 700));

	test_start();
	size = tsdb_planes_pack((const uint8_t *const *) planes.at, 3, 700, packed);
	for (len = 0; len < size; len++)
		expect(!unpacks(packed, len, 700), "unpacks with %zu of %zu bytes", len, size);
	expect(unpacks(packed, size, 700), "does not unpack");
	expect(!unpacks(packed, size, 699) && !unpacks(packed, size, 701) && !unpacks(packed, size, 1), "unpacks as other rows");
	test_end("damaged planes: truncations and wrong row counts");

	test_start();
	damaged = exact_copy(packed, size);
	for (v = 0; v < 256; v++)
	{
		int			at;

		/* header and cuts */
		for (at = 0; at < 12 + 3; at++)
		{
			memcpy(damaged, packed, size);
			damaged[at] = (uint8_t) v;
			if (v != packed[at])
				expect(!unpacks(damaged, size, 700), "byte %d as %d passes", at, v);
		}
		/* the first length */
		for (; at < 12 + 3 + 4; at++)
		{
			memcpy(damaged, packed, size);
			damaged[at] = (uint8_t) v;
			if (v != packed[at])
				expect(!unpacks(damaged, size, 700), "a length's byte %d as %d passes", at, v);
		}
	}
	/* frames that give more or fewer bytes than there are rows */
	for (v = 350; v < 1400; v += 50)
	{
		uint32_t	nrows = 700;
		uint8_t    *zeros = calloc(1, 1400);
		uint8_t    *other = test_alloc(tsdb_planes_bound(1, 1400));
		size_t		other_size = tsdb_planes_pack((const uint8_t *const *) &zeros, 1, (uint32_t) v, other);

		memcpy(other + 4, &nrows, sizeof(nrows));
		expect(unpacks(other, other_size, 700) == (v == 700), "a frame of %d bytes for 700 rows", v);
		free(other);
		free(zeros);
	}
	test_end("damaged planes: every field");

	test_start();
	for (round = 0; round < 20000; round++)
	{
		int			flips = 1 + (int) vec_below(&st, 5);

		memcpy(damaged, packed, size);
		while (flips-- > 0)
			damaged[vec_below(&st, vec_below(&st, 2) ? 60 : size)] ^= (uint8_t) (1 << vec_below(&st, 8));
		(void) unpacks(damaged, vec_below(&st, 8) == 0 ? vec_below(&st, size + 1) : size, 700);
	}
	test_end("damaged planes: 20,000 random bit flips");
	free(damaged);
	free(packed);
	planes_free(&planes);
}

int
main(void)
{
	test_setup();
	test_kinds();
	test_mixtures();
	test_chooser();
	test_column();
	test_plane_counts();
	test_codes();
	test_packing();
	test_damaged_planes();
	return test_finish();
}
