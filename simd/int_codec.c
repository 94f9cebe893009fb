/*-------------------------------------------------------------------------
 * int_codec.c
 *	  Blocks of integers, and of floats and doubles as their bits.
 *
 * Encoding: fill NULL rows, choose, write, decode again and compare.  What does not come
 * back bit for bit is written as RAW, so that a fault here costs space and not data.
 *-------------------------------------------------------------------------
 */
#include "codec_internal.h"

size_t
tsdb_int_bound(int n, TsdbLane lane)
{
	/* a plan that is larger than RAW is never taken */
	return sizeof(TsdbBlockHeader) + tsdb_block_bitmap_bytes(n) + (size_t) n * lane + sizeof(uint64_t);
}

static size_t
write_block(const int64_t *ints, const int64_t *filled, const bool *isnull, int n, int nnulls,
			unsigned lane, const PayloadPlan *plan, const DecimalPlan *decimal,
			uint8_t *out, TsdbCodecScratch *scratch)
{
	TsdbBlockHeader header;
	TsdbEncoding encoding = decimal != NULL ? TSDB_ENC_DECIMAL : plan->encoding;
	size_t		size;

	size = tsdb_block_begin(out, &header, encoding, lane, isnull, n, nnulls);
	size += tsdb_payload_write(ints, n, decimal != NULL ? 8 : lane, plan, out + size, &header, scratch);
	if (decimal != NULL)
	{
		int			i;

		header.scale = (uint8_t) decimal->scale;
		header.nexceptions = (uint16_t) decimal->nexceptions;
		memcpy(out + size, scratch->exception_pos, (size_t) decimal->nexceptions * sizeof(uint16_t));
		size += (size_t) decimal->nexceptions * sizeof(uint16_t);
		for (i = 0; i < decimal->nexceptions; i++, size += lane)
			codec_store_low(out + size, filled[scratch->exception_pos[i]], lane);
	}
	memcpy(out, &header, sizeof(header));
	return size;
}

/* Whether the block decodes to the values and NULLs that went in. */
static bool
verify_block(const uint8_t *block, size_t size, const int64_t *values, const bool *isnull, int n,
			 unsigned lane, TsdbCodecScratch *scratch)
{
	const int64_t *check = scratch->check;
	uint64_t	differ = 0;
	int			nnulls;
	int			i;

	if (!tsdb_int_decode(block, size, n, (TsdbLane) lane, scratch->check, scratch->check_null,
						 &nnulls, scratch))
		return false;
	if (isnull == NULL)
	{
		for (i = 0; i < n; i++)
			differ |= (uint64_t) (check[i] ^ values[i]);
		return differ == 0 && nnulls == 0;
	}
	for (i = 0; i < n; i++)
	{
		int64_t		expected = isnull[i] ? 0 : values[i];

		differ |= (uint64_t) (check[i] ^ expected);
	}
	return differ == 0 && memcmp(isnull, scratch->check_null, (size_t) n) == 0;
}

size_t
tsdb_int_encode(const int64_t *values, const bool *isnull, int n,
				TsdbLane lane, TsdbLaneMeaning meaning,
				uint8_t *out, TsdbEncoding *encoding, TsdbCodecScratch *scratch)
{
	int			nnulls = tsdb_block_count_nulls(isnull, n);
	const int64_t *filled = values;
	PayloadPlan plan;
	DecimalPlan decimal;
	size_t		size;

	assert(n >= 1 && n <= CODEC_ROWS);
	if (nnulls == n)
	{
		TsdbBlockHeader header;

		*encoding = TSDB_ENC_NULL;
		return tsdb_block_begin(out, &header, TSDB_ENC_NULL, lane, isnull, n, nnulls);
	}
	if (nnulls > 0)
	{
		tsdb_block_fill_nulls(values, isnull, n, scratch->filled);
		filled = scratch->filled;
	}

	if ((meaning == TSDB_MEANS_FLOAT8 && lane == TSDB_LANE_INT64) ||
		(meaning == TSDB_MEANS_FLOAT4 && lane == TSDB_LANE_INT32))
	{
		size_t		exceptions = 0;
		bool		is_decimal;

		is_decimal = tsdb_decimal_plan(filled, nnulls > 0 ? isnull : NULL, n, lane, &decimal, scratch);
		if (is_decimal)
		{
			tsdb_payload_plan(scratch->ints, n, 8, &plan, scratch);
			exceptions = (size_t) decimal.nexceptions * (sizeof(uint16_t) + lane);
		}

		/* exceptions may hide runs, or a pattern of the bits; a plan leaves its codes in scratch */
		if (is_decimal && decimal.nexceptions > n / 32 &&
			(plan.encoding == TSDB_ENC_RLE || plan.size + exceptions > (size_t) n * lane / 2))
		{
			PayloadPlan bits_plan;

			tsdb_payload_plan(filled, n, lane, &bits_plan, scratch);
			if (bits_plan.size <= plan.size + exceptions)
			{
				plan = bits_plan;
				is_decimal = false;
			}
			else
				tsdb_payload_plan(scratch->ints, n, 8, &plan, scratch);
		}
		else if (!is_decimal)
			tsdb_payload_plan(filled, n, lane, &plan, scratch);

		if (is_decimal && plan.size + exceptions < (size_t) n * lane)
		{
			size = write_block(scratch->ints, filled, isnull, n, nnulls, lane, &plan, &decimal, out, scratch);
			*encoding = TSDB_ENC_DECIMAL;
		}
		else
		{
			if (is_decimal)
				tsdb_payload_plan_raw(n, lane, &plan);
			size = write_block(filled, filled, isnull, n, nnulls, lane, &plan, NULL, out, scratch);
			*encoding = plan.encoding;
		}
	}
	else
	{
		tsdb_payload_plan(filled, n, lane, &plan, scratch);
		size = write_block(filled, filled, isnull, n, nnulls, lane, &plan, NULL, out, scratch);
		*encoding = plan.encoding;
	}

	if (!verify_block(out, size, values, isnull, n, lane, scratch))
	{
		scratch->nfallbacks++;
		tsdb_payload_plan_raw(n, lane, &plan);
		size = write_block(filled, filled, isnull, n, nnulls, lane, &plan, NULL, out, scratch);
		*encoding = TSDB_ENC_RAW;
	}
	return size;
}

bool
tsdb_int_decode(const uint8_t *in, size_t len, int n, TsdbLane lane,
				int64_t *values, bool *isnull, int *nnulls, TsdbCodecScratch *scratch)
{
	CodecCursor cursor = {in, len};
	TsdbBlockHeader header;

	if ((lane != TSDB_LANE_INT8 && lane != TSDB_LANE_INT16 &&
		 lane != TSDB_LANE_INT32 && lane != TSDB_LANE_INT64) ||
		!tsdb_block_open(&cursor, n, lane, &header, isnull, nnulls))
		return false;

	switch (header.encoding)
	{
		case TSDB_ENC_NULL:
			memset(values, 0, (size_t) n * sizeof(int64_t));
			return true;

		case TSDB_ENC_DECIMAL:
			{
				const uint8_t *positions;
				const uint8_t *raw;
				int			last = -1;
				int			i;

				if (lane < TSDB_LANE_INT32 || header.scale > TSDB_DECIMAL_MAX_SCALE ||
					!tsdb_payload_read(&cursor, &header, n, 8, values, scratch))
					return false;
				positions = codec_take(&cursor, header.nexceptions * sizeof(uint16_t));
				raw = positions == NULL ? NULL : codec_take(&cursor, (size_t) header.nexceptions * lane);
				if (raw == NULL)
					return false;
				tsdb_decimal_expand(values, n, header.scale, lane);
				for (i = 0; i < header.nexceptions; i++)
				{
					int			at = codec_load16(positions + (size_t) i * sizeof(uint16_t));

					if (at <= last || at >= n)
						return false;
					last = at;
					values[at] = codec_load_signed(raw + (size_t) i * lane, lane);
				}
				break;
			}

		default:
			if (header.payload != header.encoding || header.scale != 0 || header.nexceptions != 0 ||
				!tsdb_payload_read(&cursor, &header, n, lane, values, scratch))
				return false;
			break;
	}
	if (header.null_form == TSDB_NULLS_SOME)
		tsdb_block_zero_nulls(values, isnull, n);
	return true;
}
