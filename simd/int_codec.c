/*-------------------------------------------------------------------------
 * int_codec.c
 *	  Blocks of integers, and of floats and doubles as their bits.
 *
 * Encoding: leave NULL rows out or fill them, choose, write, decode again and compare.  What does
 * not come back bit for bit is written as RAW, so that a fault here costs space and not data.
 *-------------------------------------------------------------------------
 */
#include "codec_internal.h"

/* one exception in so many values: the bits as they are may be shorter than a model */
#define MANY_EXCEPTIONS			32

size_t
tsdb_int_bound(int n, TsdbLane lane)
{
	/* what is larger than RAW is never taken */
	return sizeof(TsdbBlockHeader) + tsdb_block_bitmap_bytes(n) + (size_t) n * lane + sizeof(uint64_t);
}

/* Rows to be encoded: NULLs left out (dense), filled, or none. */
typedef struct Rows
{
	const int64_t *values;
	const bool *isnull;			/* of values that need not come back, or NULL */
	int			n;
	unsigned	lane;
	bool		dense;
} Rows;

/* The integer payload; returns its bytes.  raw: without choosing. */
static size_t
write_ints(const Rows *rows, bool raw, uint8_t *const *planes, uint8_t *out, TsdbBlockHeader *header,
		   TsdbCodecScratch *scratch)
{
	PayloadPlan plan;

	if (raw)
		tsdb_payload_plan_raw(rows->n, rows->lane, &plan);
	else
		tsdb_payload_plan(rows->values, rows->n, rows->lane, planes != NULL, &plan, scratch);
	header->encoding = (uint8_t) plan.encoding;
	header->param = 0;
	return tsdb_payload_write(rows->values, rows->n, rows->lane, &plan, out, &header->p, planes, scratch);
}

/* Takes back what a payload that was not chosen put there. */
static void
clear_planes(uint8_t *const *planes, int n)
{
	int			p;

	for (p = 0; planes != NULL && p < TSDB_MAX_PLANES; p++)
		memset(planes[p], 0, (size_t) n);
}

/* Do many values equal the one before? */
static bool
values_repeat(const Rows *rows)
{
	return tsdb_kernels->count_changes(rows->values, rows->n) < rows->n * 3 / 4;
}

/* Takes the model's block, "size" bytes of it in scratch->candidate. */
static size_t
take_candidate(size_t size, const TsdbBlockHeader *modelled, uint8_t *out, TsdbBlockHeader *header,
			   const TsdbCodecScratch *scratch)
{
	memcpy(out, scratch->candidate, size);
	*header = *modelled;
	return size;
}

/*
 * Floats: the model that a sample favours, written to scratch->candidate, beside the bits as integers where
 * that might be shorter.
 */
static size_t
write_floats(const Rows *rows, uint8_t *const *planes, uint8_t *out, TsdbBlockHeader *header,
			 TsdbCodecScratch *scratch)
{
	size_t		raw = (size_t) rows->n * rows->lane;
	size_t		half_bit = (size_t) rows->n / 16;	/* a value, in bytes */
	uint16_t	lefts[TSDB_REAL_LEFTS] = {0};
	FloatModel	model;
	TsdbBlockHeader modelled = *header;
	size_t		size = TSDB_NO_MODEL;
	size_t		plain;

	tsdb_float_choose(rows->values, rows->n, rows->lane, &model);
	if (model.encoding != TSDB_ENC_RAW)
	{
		bool		holds;

		size = tsdb_float_write(rows->values, rows->isnull, rows->n, rows->lane, &model, lefts, &modelled, planes,
								scratch->candidate, scratch);
		holds = (modelled.param & TSDB_DECIMAL_RESIDUAL) == 0 &&
			modelled.p.nexceptions <= rows->n / MANY_EXCEPTIONS;

		/*
		 * Runs, or a pattern of the bits, may do better than a model that holds for some alone; but in planes, a
		 * model's numbers are shorter than the bits.
		 */
		if (size < raw &&
			(holds || (size < raw / 2 && !values_repeat(rows)) || modelled.p.payload == TSDB_ENC_PLANES))
			return take_candidate(size, &modelled, out, header, scratch);
	}

	clear_planes(planes, rows->n);
	plain = write_ints(rows, false, planes, out, header, scratch);
	if (size < plain)
	{
		clear_planes(planes, rows->n);
		return take_candidate(size, &modelled, out, header, scratch);
	}
	if (plain <= raw * 3 / 4 || header->p.payload == TSDB_ENC_PLANES)
		return plain;

	tsdb_real_choose(rows->values, rows->n, rows->lane, &model, lefts);
	if ((size_t) model.bits * (size_t) rows->n / (64 * 8) + half_bit >= plain)
		return plain;
	modelled = *header;
	size = tsdb_float_write(rows->values, rows->isnull, rows->n, rows->lane, &model, lefts, &modelled, NULL,
							scratch->candidate, scratch);
	if (size == TSDB_NO_MODEL || size + half_bit >= plain)
		return plain;
	return take_candidate(size, &modelled, out, header, scratch);
}

/* Whether the block decodes to the values and NULLs that went in. */
static bool
verify_block(const uint8_t *block, size_t size, const int64_t *values, const bool *isnull, int n,
			 unsigned lane, uint8_t *const *planes, TsdbCodecScratch *scratch)
{
	const int64_t *check = scratch->check;
	uint64_t	differ = 0;
	int			nnulls;
	int			i;

	if (!tsdb_int_decode_cold(block, size, n, (TsdbLane) lane, (const uint8_t *const *) planes,
							  planes == NULL ? 0 : TSDB_MAX_PLANES,
							  scratch->check, scratch->check_null, &nnulls, scratch))
		return false;
	if (isnull == NULL)
		return nnulls == 0 && memcmp(check, values, (size_t) n * sizeof(int64_t)) == 0;
	for (i = 0; i < n; i++)
	{
		int64_t		expected = isnull[i] ? 0 : values[i];

		differ |= (uint64_t) (check[i] ^ expected);
	}
	return differ == 0 && memcmp(isnull, scratch->check_null, (size_t) n) == 0;
}

size_t
tsdb_int_encode_cold(const int64_t *values, const bool *isnull, int n,
					 TsdbLane lane, TsdbLaneMeaning meaning, uint8_t *const *planes, int *nplanes,
					 uint8_t *out, TsdbEncoding *encoding, TsdbCodecScratch *scratch)
{
	int			nnulls = tsdb_block_count_nulls(isnull, n);
	Rows		rows = {values, NULL, n, (unsigned) lane, false};
	TsdbBlockHeader header;
	size_t		start;
	size_t		size;
	bool		raw = false;

	assert(n >= 1 && n <= CODEC_ROWS);
	if (nnulls == n)
	{
		*encoding = TSDB_ENC_NULL;
		return tsdb_block_begin(out, &header, TSDB_ENC_NULL, (unsigned) lane, isnull, n, nnulls);
	}
	if (nnulls > n / 4)
	{
		/* a slot costs a value's bits, putting values apart 1.5 cycles */
		rows.dense = true;
		tsdb_kernels->bitmap_from_bools(isnull, n, scratch->nulls);
		tsdb_kernels->bitmap_not(scratch->nulls, n, scratch->valid);
		rows.n = tsdb_kernels->select64((const uint64_t *) values, n, scratch->valid, (uint64_t *) scratch->filled);
		rows.values = scratch->filled;
	}
	else if (nnulls > 0)
	{
		tsdb_block_fill_nulls(values, isnull, n, scratch->filled);
		rows.values = scratch->filled;
		rows.isnull = isnull;
	}

	for (;;)
	{
		start = rows.dense ?
			tsdb_block_begin_dense(out, &header, TSDB_ENC_RAW, (unsigned) lane, isnull, n, nnulls) :
			tsdb_block_begin(out, &header, TSDB_ENC_RAW, (unsigned) lane, isnull, n, nnulls);
		if (!raw && ((meaning == TSDB_MEANS_FLOAT8 && lane == TSDB_LANE_INT64) ||
					 (meaning == TSDB_MEANS_FLOAT4 && lane == TSDB_LANE_INT32)) &&
			tsdb_kernels->count_changes(rows.values, rows.n) > 0)
			size = write_floats(&rows, planes, out + start, &header, scratch);
		else
			size = write_ints(&rows, raw, planes, out + start, &header, scratch);
		memcpy(out, &header, sizeof(header));
		size += start;
		if (verify_block(out, size, values, isnull, n, (unsigned) lane, planes, scratch))
			break;
		/* raw lanes in their slots need next to no kernel: where even these don't come back, nothing does */
		assert(!raw);
		if (raw)
			break;
		scratch->nfallbacks++;
		clear_planes(planes, rows.n);
		raw = true;
		if (rows.dense)
		{
			tsdb_block_fill_nulls(values, isnull, n, scratch->filled);
			rows.n = n;
			rows.dense = false;
		}
	}
	if (header.p.payload == TSDB_ENC_PLANES && header.p.aux > *nplanes)
		*nplanes = header.p.aux;
	*encoding = (TsdbEncoding) header.encoding;
	return size;
}

size_t
tsdb_int_encode(const int64_t *values, const bool *isnull, int n,
				TsdbLane lane, TsdbLaneMeaning meaning,
				uint8_t *out, TsdbEncoding *encoding, TsdbCodecScratch *scratch)
{
	int			nplanes = 0;

	return tsdb_int_encode_cold(values, isnull, n, lane, meaning, NULL, &nplanes, out, encoding, scratch);
}

bool
tsdb_int_decode_cold(const uint8_t *in, size_t len, int n, TsdbLane lane,
					 const uint8_t *const *planes, int nplanes,
					 int64_t *values, bool *isnull, int *nnulls, TsdbCodecScratch *scratch)
{
	CodecCursor cursor = {in, len, planes, nplanes};
	TsdbBlockHeader header;
	int64_t    *to = values;
	int			m = n;

	if ((lane != TSDB_LANE_INT8 && lane != TSDB_LANE_INT16 &&
		 lane != TSDB_LANE_INT32 && lane != TSDB_LANE_INT64) ||
		!tsdb_block_open(&cursor, n, lane, &header, isnull, nnulls))
		return false;
	if (header.encoding == TSDB_ENC_NULL)
	{
		memset(values, 0, (size_t) n * sizeof(int64_t));
		return true;
	}
	if (tsdb_block_is_dense(&header))
	{
		m = n - *nnulls;
		to = scratch->dense;
	}

	if (header.encoding == header.p.payload)
	{
		if (header.param != 0 || header.p.nexceptions != 0 ||
			!tsdb_payload_read(&cursor, &header.p, m, lane, to, scratch))
			return false;
	}
	else if (!tsdb_float_read(&cursor, &header, m, lane, to, scratch))
		return false;

	if (to != values)
	{
		tsdb_kernels->bitmap_from_bools(isnull, n, scratch->nulls);
		tsdb_kernels->bitmap_not(scratch->nulls, n, scratch->valid);
		tsdb_kernels->expand64((const uint64_t *) to, n, scratch->valid, 0, (uint64_t *) values);
	}
	else if (*nnulls > 0)
		tsdb_block_zero_nulls(values, isnull, n);
	return true;
}

bool
tsdb_int_decode(const uint8_t *in, size_t len, int n, TsdbLane lane,
				int64_t *values, bool *isnull, int *nnulls, TsdbCodecScratch *scratch)
{
	return tsdb_int_decode_cold(in, len, n, lane, NULL, 0, values, isnull, nnulls, scratch);
}

bool
tsdb_int_value(const uint8_t *in, size_t len, int n, TsdbLane lane,
			   const uint8_t *const *planes, int nplanes,
			   int row, int64_t *value, bool *isnull, int *nnulls, TsdbCodecScratch *scratch)
{
	CodecCursor cursor = {in, len, planes, nplanes};
	TsdbBlockHeader header;
	int			slot;
	int			m;

	if ((lane != TSDB_LANE_INT8 && lane != TSDB_LANE_INT16 &&
		 lane != TSDB_LANE_INT32 && lane != TSDB_LANE_INT64) ||
		!tsdb_block_open_at(&cursor, n, lane, &header, row, &slot, isnull, nnulls))
		return false;
	*value = 0;
	if (*isnull)
		return true;
	m = tsdb_block_is_dense(&header) ? n - *nnulls : n;
	if (header.encoding == header.p.payload)
		return header.param == 0 && header.p.nexceptions == 0 &&
			tsdb_payload_value(&cursor, &header.p, m, lane, slot, value, scratch);
	return tsdb_float_value(&cursor, &header, m, lane, slot, value, scratch);
}

int
tsdb_int_runs(const uint8_t *in, size_t len, int n, TsdbLane lane, int64_t *values, uint16_t *ends, TsdbCodecScratch *scratch)
{
	CodecCursor cursor = {in, len, NULL, 0};
	TsdbBlockHeader header;
	bool		isnull;
	int			nnulls;
	int			slot;

	if (!tsdb_block_open_at(&cursor, n, lane, &header, 0, &slot, &isnull, &nnulls) || nnulls > 0 ||
		header.encoding != header.p.payload || header.param != 0 || header.p.nexceptions != 0)
		return 0;
	return tsdb_payload_runs(&cursor, &header.p, n, lane, values, ends, scratch);
}
