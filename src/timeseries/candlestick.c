/*-------------------------------------------------------------------------
 * candlestick.c
 *	  Open, high, low and close of prices, with volumes: candlestick_agg, candlestick.
 *
 * A summary is also the aggregate's state: two of them make one, in any order of time, and ranges
 * may overlap.  Of prices at equal times the first one to be seen is the open and the last one the
 * close; of equal prices the earliest is the high or low.  NaN is above all other prices.
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "timeseries/aggregate_call.h"
#include "timeseries/batch_step.h"
#include "timeseries/summary_type.h"
#include "timeseries/time_points.h"
#include "utils/float.h"
#include "utils/timestamp.h"

#define HAS_VOLUME	1			/* volume and weighted_sum are known; else they are 0 */

/* Format 1 */
typedef struct Candlestick
{
	TsdbSummary header;
	int32		flags;
	int32		unused;			/* 0 */
	TsdbPoint	open;
	TsdbPoint	high;
	TsdbPoint	low;
	TsdbPoint	close;
	double		volume;
	double		weighted_sum;	/* of price times volume */
} Candlestick;

StaticAssertDecl(sizeof(Candlestick) == 96, "candlesticks are stored");

static const char *
check_candlestick(const TsdbSummary *header, Size len)
{
	const Candlestick *stick = (const Candlestick *) header;

	if ((stick->flags & ~HAS_VOLUME) != 0 || stick->unused != 0)
		return "Unused bits are not zero.";
	if (stick->flags == 0 && (stick->volume != 0 || stick->weighted_sum != 0))
		return "It has a volume that it says it has not.";
	/* (constructed ones may contradict themselves in prices, but times are times, infinite ones too) */
	if ((!IS_VALID_TIMESTAMP(stick->open.time) && !TIMESTAMP_NOT_FINITE(stick->open.time)) ||
		(!IS_VALID_TIMESTAMP(stick->high.time) && !TIMESTAMP_NOT_FINITE(stick->high.time)) ||
		(!IS_VALID_TIMESTAMP(stick->low.time) && !TIMESTAMP_NOT_FINITE(stick->low.time)) ||
		(!IS_VALID_TIMESTAMP(stick->close.time) && !TIMESTAMP_NOT_FINITE(stick->close.time)))
		return "A time is out of range.";
	return NULL;
}

static const TsdbSummaryType candlestick_type = {
	"candlestick", TSDB_SUMMARY_CANDLESTICK, sizeof(Candlestick), check_candlestick
};

TSDB_SUMMARY_INPUT_FUNCTIONS(candlestick, &candlestick_type);

PG_FUNCTION_INFO_V1(tsdb_candlestick_make);
PG_FUNCTION_INFO_V1(tsdb_candlestick_step);
PG_FUNCTION_INFO_V1(tsdb_candlestick_rollup_step);
PG_FUNCTION_INFO_V1(tsdb_candlestick_combine);
PG_FUNCTION_INFO_V1(tsdb_candlestick_serialize);
PG_FUNCTION_INFO_V1(tsdb_candlestick_deserialize);
PG_FUNCTION_INFO_V1(tsdb_candlestick_final);
PG_FUNCTION_INFO_V1(tsdb_candlestick_open);
PG_FUNCTION_INFO_V1(tsdb_candlestick_high);
PG_FUNCTION_INFO_V1(tsdb_candlestick_low);
PG_FUNCTION_INFO_V1(tsdb_candlestick_close);
PG_FUNCTION_INFO_V1(tsdb_candlestick_open_time);
PG_FUNCTION_INFO_V1(tsdb_candlestick_high_time);
PG_FUNCTION_INFO_V1(tsdb_candlestick_low_time);
PG_FUNCTION_INFO_V1(tsdb_candlestick_close_time);
PG_FUNCTION_INFO_V1(tsdb_candlestick_volume);
PG_FUNCTION_INFO_V1(tsdb_candlestick_vwap);

#define GET_CANDLESTICK(n) ((const Candlestick *) tsdb_summary_get(PG_GETARG_DATUM(n), &candlestick_type))

/* Adds prices and volume to a stick that has some. */
static inline void
add_stick(Candlestick *stick, const TsdbPoint *open, const TsdbPoint *high, const TsdbPoint *low,
		  const TsdbPoint *close, bool has_volume, double volume, double weighted_sum)
{
	int			compared;

	if (open->time < stick->open.time)
		stick->open = *open;
	if (close->time >= stick->close.time)
		stick->close = *close;
	compared = float8_cmp_internal(high->value, stick->high.value);
	if (compared > 0 || (compared == 0 && high->time < stick->high.time))
		stick->high = *high;
	compared = float8_cmp_internal(low->value, stick->low.value);
	if (compared < 0 || (compared == 0 && low->time < stick->low.time))
		stick->low = *low;
	/* a sum of which one part is not known is not known */
	if (has_volume && stick->flags == HAS_VOLUME)
	{
		stick->volume += volume;
		stick->weighted_sum += weighted_sum;
	}
	else
	{
		stick->flags = 0;
		stick->volume = 0;
		stick->weighted_sum = 0;
	}
}

static Candlestick *
create_stick(MemoryContext context, const TsdbPoint *open, const TsdbPoint *high, const TsdbPoint *low,
			 const TsdbPoint *close, bool has_volume, double volume, double weighted_sum)
{
	MemoryContext caller = MemoryContextSwitchTo(context);
	Candlestick *stick = (Candlestick *) tsdb_summary_create(&candlestick_type, sizeof(Candlestick));

	MemoryContextSwitchTo(caller);
	stick->open = *open;
	stick->high = *high;
	stick->low = *low;
	stick->close = *close;
	if (has_volume)
	{
		stick->flags = HAS_VOLUME;
		stick->volume = volume;
		stick->weighted_sum = weighted_sum;
	}
	return stick;
}

/* (time, open, high, low, close, volume) of a stick that was made elsewhere; only volume may be NULL */
Datum
tsdb_candlestick_make(PG_FUNCTION_ARGS)
{
	TsdbPoint	prices[4];
	double		volume = 0;
	double		typical;
	int			i;

	for (i = 0; i < 5; i++)
		if (PG_ARGISNULL(i))
			PG_RETURN_NULL();
	for (i = 0; i < 4; i++)
	{
		prices[i].time = PG_GETARG_TIMESTAMPTZ(0);
		prices[i].value = PG_GETARG_FLOAT8(1 + i);
	}
	if (!PG_ARGISNULL(5))
		volume = PG_GETARG_FLOAT8(5);
	typical = (prices[1].value + prices[2].value + prices[3].value) / 3;
	PG_RETURN_POINTER(create_stick(CurrentMemoryContext, &prices[0], &prices[1], &prices[2], &prices[3],
								   !PG_ARGISNULL(5), volume, typical * volume));
}

/* (time, price, volume) */
Datum
tsdb_candlestick_step(PG_FUNCTION_ARGS)
{
	Candlestick *stick = PG_ARGISNULL(0) ? NULL : (Candlestick *) PG_GETARG_POINTER(0);

	if (!PG_ARGISNULL(1) && !PG_ARGISNULL(2))
	{
		TsdbPoint	price = {PG_GETARG_TIMESTAMPTZ(1), PG_GETARG_FLOAT8(2)};
		bool		has_volume = !PG_ARGISNULL(3);
		double		volume = has_volume ? PG_GETARG_FLOAT8(3) : 0;

		if (stick == NULL)
			stick = create_stick(tsdb_aggregate_context(fcinfo), &price, &price, &price, &price,
								 has_volume, volume, price.value * volume);
		else
			add_stick(stick, &price, &price, &price, &price, has_volume, volume, price.value * volume);
	}
	if (stick == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(stick);
}

void *
tsdb_candlestick_batch(FunctionCallInfo fcinfo, void *state, const TsdbStepBatch *batch, int first, int n)
{
	Candlestick *stick = state;
	const TsdbStepArg *time = &batch->args[0];
	const TsdbStepArg *value = &batch->args[1];
	const TsdbStepArg *volume = &batch->args[2];
	int			i;

	for (i = first; i < first + n; i++)
	{
		TsdbPoint	price;
		bool		has_volume;
		double		of_row;

		if (tsdb_step_isnull(time, i) || tsdb_step_isnull(value, i))
			continue;
		price.time = DatumGetTimestampTz(time->values[i]);
		price.value = DatumGetFloat8(value->values[i]);
		has_volume = !tsdb_step_isnull(volume, i);
		of_row = has_volume ? DatumGetFloat8(volume->values[i]) : 0;
		if (likely(stick != NULL))
			add_stick(stick, &price, &price, &price, &price, has_volume, of_row, price.value * of_row);
		else
			stick = create_stick(tsdb_aggregate_context(fcinfo), &price, &price, &price, &price,
								 has_volume, of_row, price.value * of_row);
	}
	return stick;
}

static Datum
combine(FunctionCallInfo fcinfo, const Candlestick *other)
{
	Candlestick *stick = PG_ARGISNULL(0) ? NULL : (Candlestick *) PG_GETARG_POINTER(0);

	if (other != NULL)
	{
		if (stick == NULL)
			stick = create_stick(tsdb_aggregate_context(fcinfo), &other->open, &other->high, &other->low, &other->close,
								 other->flags == HAS_VOLUME, other->volume, other->weighted_sum);
		else
			add_stick(stick, &other->open, &other->high, &other->low, &other->close,
					  other->flags == HAS_VOLUME, other->volume, other->weighted_sum);
	}
	if (stick == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(stick);
}

Datum
tsdb_candlestick_rollup_step(PG_FUNCTION_ARGS)
{
	return combine(fcinfo, PG_ARGISNULL(1) ? NULL : GET_CANDLESTICK(1));
}

Datum
tsdb_candlestick_combine(PG_FUNCTION_ARGS)
{
	return combine(fcinfo, PG_ARGISNULL(1) ? NULL : (const Candlestick *) PG_GETARG_POINTER(1));
}

/* (strict, as the next) */
Datum
tsdb_candlestick_serialize(PG_FUNCTION_ARGS)
{
	(void) tsdb_aggregate_context(fcinfo);
	/* a state is never changed by this, and is a bytea */
	PG_RETURN_POINTER(PG_GETARG_POINTER(0));
}

Datum
tsdb_candlestick_deserialize(PG_FUNCTION_ARGS)
{
	(void) tsdb_aggregate_context(fcinfo);
	PG_RETURN_POINTER(PG_GETARG_BYTEA_P_COPY(0));
}

Datum
tsdb_candlestick_final(PG_FUNCTION_ARGS)
{
	(void) tsdb_aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	/* a copy: a window function's state goes on changing */
	PG_RETURN_POINTER(PG_GETARG_BYTEA_P_COPY(0));
}

/*-------------------------------------------------------------------- SQL: what a summary says */

Datum
tsdb_candlestick_open(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(GET_CANDLESTICK(0)->open.value);
}

Datum
tsdb_candlestick_high(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(GET_CANDLESTICK(0)->high.value);
}

Datum
tsdb_candlestick_low(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(GET_CANDLESTICK(0)->low.value);
}

Datum
tsdb_candlestick_close(PG_FUNCTION_ARGS)
{
	PG_RETURN_FLOAT8(GET_CANDLESTICK(0)->close.value);
}

Datum
tsdb_candlestick_open_time(PG_FUNCTION_ARGS)
{
	PG_RETURN_TIMESTAMPTZ(GET_CANDLESTICK(0)->open.time);
}

Datum
tsdb_candlestick_high_time(PG_FUNCTION_ARGS)
{
	PG_RETURN_TIMESTAMPTZ(GET_CANDLESTICK(0)->high.time);
}

Datum
tsdb_candlestick_low_time(PG_FUNCTION_ARGS)
{
	PG_RETURN_TIMESTAMPTZ(GET_CANDLESTICK(0)->low.time);
}

Datum
tsdb_candlestick_close_time(PG_FUNCTION_ARGS)
{
	PG_RETURN_TIMESTAMPTZ(GET_CANDLESTICK(0)->close.time);
}

Datum
tsdb_candlestick_volume(PG_FUNCTION_ARGS)
{
	const Candlestick *stick = GET_CANDLESTICK(0);

	if (stick->flags != HAS_VOLUME)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(stick->volume);
}

Datum
tsdb_candlestick_vwap(PG_FUNCTION_ARGS)
{
	const Candlestick *stick = GET_CANDLESTICK(0);

	/* without any trade there is no average price */
	if (stick->flags != HAS_VOLUME || stick->volume == 0)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(stick->weighted_sum / stick->volume);
}
