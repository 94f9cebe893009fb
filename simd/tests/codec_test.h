/*-------------------------------------------------------------------------
 * codec_test.h
 *	  What tests of the codecs share: TAP lines, guarded memory, the round trip of a vector.
 *
 * A round trip encodes once in each tier of kernels that the processor has, with different rubbish in scratch: the
 * same values give the same bytes.  The block is decoded in each tier too, from memory that ends where it ends.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_CODEC_TEST_H
#define TSDB_CODEC_TEST_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec_internal.h"
#include "codec_vectors.h"
#include "ffor.h"
#include "planes.h"
#include "tests/one_value.h"

#define GUARD		64
#define GUARD_BYTE	0x5C

static int	tests = 0;
static int	failures = 0;
static char failure[400];

static TsdbCodecScratch *scratch;	/* of the code under test; never cleaned */
static TsdbCodecScratch *scratch2;	/* filled with rubbish before each use */

static TsdbSimdTier tiers[3];	/* those that there are, ascending */
static int	ntiers = 0;

static const int lanes[] = {1, 2, 4, 8};

/*-------------- TAP --------------*/

static inline void
test_start(void)
{
	failure[0] = '\0';
	scratch->nfallbacks = 0;
}

/* Remembers the first failure of a test. */
static inline bool __attribute__((format(printf, 2, 3)))
expect(bool condition, const char *fmt, ...)
{
	va_list		args;

	if (!condition && failure[0] == '\0')
	{
		va_start(args, fmt);
		vsnprintf(failure, sizeof(failure), fmt, args);
		va_end(args);
	}
	return condition;
}

static inline void
test_end(const char *name)
{
	bool		ok;

	expect(scratch->nfallbacks == 0, "%u blocks did not verify", scratch->nfallbacks);
	ok = failure[0] == '\0';

	printf("%sok %d - %s\n", ok ? "" : "not ", ++tests, name);
	if (!ok)
	{
		printf("# %s\n", failure);
		failures++;
	}
	fflush(stdout);
}

/*-------------- guarded memory --------------*/

static inline void *
test_alloc(size_t size)
{
	void	   *p = malloc(size > 0 ? size : 1);

	if (p == NULL)
		abort();
	return p;
}

/* "size" bytes at an odd address, sentinels on both sides; malloc'd exactly for the sanitizer. */
typedef struct Guarded
{
	uint8_t    *block;
	uint8_t    *p;
	size_t		size;
} Guarded;

static inline Guarded
guarded_alloc(size_t size)
{
	Guarded		g;

	g.block = test_alloc(GUARD + 1 + size + GUARD);
	memset(g.block, GUARD_BYTE, GUARD + 1 + size + GUARD);
	g.p = g.block + GUARD + 1;
	g.size = size;
	return g;
}

static inline bool
guarded_intact(const Guarded *g)
{
	size_t		i;

	for (i = 0; i < GUARD + 1; i++)
		if (g->block[i] != GUARD_BYTE)
			return false;
	for (i = 0; i < GUARD; i++)
		if (g->p[g->size + i] != GUARD_BYTE)
			return false;
	return true;
}

static inline void
guarded_free(Guarded *g)
{
	free(g->block);
}

/* A copy in memory that ends where the bytes end. */
static inline uint8_t *
exact_copy(const uint8_t *bytes, size_t len)
{
	uint8_t    *copy = test_alloc(len);

	if (len > 0)
		memcpy(copy, bytes, len);
	return copy;
}

static inline TsdbCodecScratch *
scratch_alloc(int fill)
{
	TsdbCodecScratch *s = test_alloc(tsdb_codec_scratch_size());

	memset(s, fill, tsdb_codec_scratch_size());
	return s;
}

/* Rubbish everywhere but in the counter, which callers zero once. */
static inline TsdbCodecScratch *
scratch_soil(int fill)
{
	memset(scratch2, fill, tsdb_codec_scratch_size());
	scratch2->nfallbacks = 0;
	return scratch2;
}

static inline void
test_setup(void)
{
	int			tier;

	scratch = scratch_alloc(0x77);
	scratch2 = scratch_alloc(0);
	for (tier = TSDB_SIMD_BASELINE; tier <= TSDB_SIMD_AVX512; tier++)
		if (tsdb_simd_table((TsdbSimdTier) tier) != NULL)
			tiers[ntiers++] = (TsdbSimdTier) tier;
}

/* The plan; returns the program's exit status. */
static inline int
test_finish(void)
{
	printf("1..%d\n", tests);
	free(scratch);
	free(scratch2);
	return failures == 0 ? 0 : 1;
}

/* Lengths that matter, then every one in steps. */
static inline int
next_n(int n)
{
	static const int near[] = {127, 128, 129, 191, 192, 255, 256, 257, 383, 384, 385, 511, 512, 513,
		639, 640, 895, 896, 897, 1007, 1008, 1009, 1022, 1023, 1024};
	int			step = n < 70 ? 1 : 29;
	size_t		i;

	for (i = 0; i < sizeof(near) / sizeof(near[0]); i++)
		if (near[i] > n && near[i] < n + step)
			return near[i];
	return n == 1024 ? 1025 : n + step > 1024 ? 1024 : n + step;
}

/*-------------- round trips --------------*/

/* Whether a decoded vector is what went in. */
static inline void
expect_rows(const int64_t *values, const bool *isnull, int n, const int64_t *out, const bool *out_null, int nnulls,
			const char *what, TsdbEncoding encoding)
{
	int			i;

	for (i = 0; i < n; i++)
	{
		bool		null = isnull != NULL && isnull[i];

		nnulls -= null;
		if (!expect((int) out_null[i] == (int) null && out[i] == (null ? 0 : values[i]),
					"%s, n %d, %s, %s: row %d is %llx, not %llx", what, n, tsdb_encoding_name(encoding),
					tsdb_kernels->name, i, (long long) out[i], (long long) values[i]))
			return;
	}
	expect(nnulls == 0, "%s, n %d: counts %d NULLs too many", what, n, nnulls);
}

/* Encodes and decodes in all tiers, compares.  Returns the block's size. */
static inline size_t
round_trip_ints(const int64_t *values, const bool *isnull, int n, int lane, TsdbLaneMeaning meaning,
				const char *what, TsdbEncoding *encoding)
{
	size_t		bound = tsdb_int_bound(n, (TsdbLane) lane);
	Guarded		one = guarded_alloc(bound);
	Guarded		two = guarded_alloc(bound);
	int64_t    *out = test_alloc((size_t) n * sizeof(int64_t));
	bool	   *out_null = test_alloc((size_t) n);
	TsdbEncoding again;
	size_t		size;
	uint8_t    *copy;
	int			t;

	tsdb_simd_use(tiers[ntiers - 1]);
	size = tsdb_int_encode(values, isnull, n, (TsdbLane) lane, meaning, one.p, encoding, scratch);
	expect(size > 0 && size <= bound && guarded_intact(&one),
		   "%s, lane %d, n %d: %zu bytes exceed the bound %zu", what, lane, n, size, bound);
	expect(tsdb_block_encoding(one.p, size) == *encoding, "%s: block says another encoding", what);
	for (t = 0; t < ntiers; t++)
	{
		/* the last tier once more, with other rubbish in scratch */
		tsdb_simd_use(tiers[t]);
		scratch_soil((n + t * 101) & 255);
		expect(tsdb_int_encode(values, isnull, n, (TsdbLane) lane, meaning, two.p, &again, scratch2) == size &&
			   again == *encoding && memcmp(one.p, two.p, size) == 0 && guarded_intact(&two) && scratch2->nfallbacks == 0,
			   "%s, lane %d, n %d, %s: other bytes with %s", what, lane, n, tsdb_encoding_name(*encoding), tsdb_kernels->name);
	}

	copy = exact_copy(one.p, size);
	for (t = 0; t < ntiers; t++)
	{
		int			nnulls = -1;

		tsdb_simd_use(tiers[t]);
		scratch_soil(0xEE);
		memset(out_null, 3, (size_t) n);
		if (expect(tsdb_int_decode(copy, size, n, (TsdbLane) lane, out, out_null, &nnulls, scratch2),
				   "%s, lane %d, n %d: %s does not decode", what, lane, n, tsdb_encoding_name(*encoding)))
		{
			expect_rows(values, isnull, n, out, out_null, nnulls, what, *encoding);
			expect(one_int_differs(copy, size, n, (TsdbLane) lane, NULL, 0, true, true, out, out_null, nnulls, scratch2) < 0,
				   "%s, lane %d, n %d: %s, %s: a value alone differs", what, lane, n, tsdb_encoding_name(*encoding),
				   tsdb_kernels->name);
		}
	}
	free(copy);
	free(out);
	free(out_null);
	guarded_free(&one);
	guarded_free(&two);
	return size;
}

/*-------------- cold --------------*/

/* Planes of a cold column of nrows rows, each malloc'd exactly. */
typedef struct Planes
{
	uint8_t    *at[TSDB_MAX_PLANES];
	int			nrows;
} Planes;

static inline void
planes_alloc(Planes *planes, int nrows)
{
	int			p;

	planes->nrows = nrows;
	for (p = 0; p < TSDB_MAX_PLANES; p++)
	{
		planes->at[p] = test_alloc((size_t) nrows);
		memset(planes->at[p], 0, (size_t) nrows);
	}
}

static inline void
planes_free(Planes *planes)
{
	int			p;

	for (p = 0; p < TSDB_MAX_PLANES; p++)
		free(planes->at[p]);
}

/* The planes from a row on. */
static inline void
planes_from(const Planes *planes, int row, uint8_t **at)
{
	int			p;

	for (p = 0; p < TSDB_MAX_PLANES; p++)
		at[p] = planes->at[p] + row;
}

/* Packs the first nplanes, unpacks them into "out"; false if they do not. */
static inline bool
planes_through_zstd(const Planes *planes, int nplanes, Planes *out)
{
	size_t		bound = tsdb_planes_bound(nplanes, (uint32_t) planes->nrows);
	Guarded		packed = guarded_alloc(bound);
	size_t		size = tsdb_planes_pack((const uint8_t *const *) planes->at, nplanes, (uint32_t) planes->nrows, packed.p);
	uint8_t    *copy = exact_copy(packed.p, size);
	bool		ok;

	ok = size > 0 && size <= bound && guarded_intact(&packed) &&
		tsdb_planes_count(copy, size, (uint32_t) planes->nrows) == nplanes &&
		tsdb_planes_unpack(copy, size, (uint32_t) planes->nrows, out->at);
	free(copy);
	guarded_free(&packed);
	return ok;
}

#endif							/* TSDB_CODEC_TEST_H */
