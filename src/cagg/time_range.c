/*-------------------------------------------------------------------------
 * time_range.c
 *	  Sets of ranges of time, and times as integers.
 *-------------------------------------------------------------------------
 */
#include "cagg/cagg_internal.h"

#include "catalog/pg_type_d.h"
#include "utils/date.h"
#include "utils/timestamp.h"

TsdbTimeRanges *
tsdb_ranges_make(void)
{
	TsdbTimeRanges *ranges = palloc(sizeof(TsdbTimeRanges));

	ranges->n = 0;
	ranges->size = 16;
	ranges->ranges = palloc(sizeof(TsdbTimeRange) * ranges->size);
	return ranges;
}

void
tsdb_ranges_append(TsdbTimeRanges *ranges, int64 first, int64 last)
{
	Assert(first <= last);
	if (ranges->n == ranges->size)
	{
		ranges->size *= 2;
		ranges->ranges = repalloc_huge(ranges->ranges, sizeof(TsdbTimeRange) * ranges->size);
	}
	ranges->ranges[ranges->n].first = first;
	ranges->ranges[ranges->n].last = last;
	ranges->n++;
}

static int
compare_first(const void *a, const void *b)
{
	int64		left = ((const TsdbTimeRange *) a)->first;
	int64		right = ((const TsdbTimeRange *) b)->first;

	return left < right ? -1 : left > right;
}

void
tsdb_ranges_normalize(TsdbTimeRanges *ranges)
{
	int			i;
	int			n = 0;

	qsort(ranges->ranges, ranges->n, sizeof(TsdbTimeRange), compare_first);
	for (i = 0; i < ranges->n; i++)
	{
		TsdbTimeRange *range = &ranges->ranges[i];
		TsdbTimeRange *before = n > 0 ? &ranges->ranges[n - 1] : NULL;

		if (before != NULL && (before->last == PG_INT64_MAX || range->first <= before->last + 1))
			before->last = Max(before->last, range->last);
		else
			ranges->ranges[n++] = *range;
	}
	ranges->n = n;
}

TsdbTimeRanges *
tsdb_ranges_inside(const TsdbTimeRanges *ranges, int64 first, int64 last)
{
	TsdbTimeRanges *result = tsdb_ranges_make();
	int			i;

	for (i = 0; i < ranges->n; i++)
	{
		int64		from = Max(ranges->ranges[i].first, first);
		int64		to = Min(ranges->ranges[i].last, last);

		if (from <= to)
			tsdb_ranges_append(result, from, to);
	}
	return result;
}

TsdbTimeRanges *
tsdb_ranges_outside(const TsdbTimeRanges *ranges, int64 first, int64 last)
{
	TsdbTimeRanges *result = tsdb_ranges_make();
	int			i;

	for (i = 0; i < ranges->n; i++)
	{
		TsdbTimeRange range = ranges->ranges[i];

		if (first > last)
			tsdb_ranges_append(result, range.first, range.last);
		else
		{
			if (range.first < first)
				tsdb_ranges_append(result, range.first, Min(range.last, first - 1));
			if (range.last > last)
				tsdb_ranges_append(result, Max(range.first, last + 1), range.last);
		}
	}
	return result;
}

bool
tsdb_time_type_known(Oid type)
{
	return type == TIMESTAMPTZOID || type == TIMESTAMPOID || type == DATEOID ||
		type == INT8OID || type == INT4OID || type == INT2OID;
}

int64
tsdb_time_from_datum(Datum value, Oid type)
{
	switch (type)
	{
		case TIMESTAMPTZOID:
		case TIMESTAMPOID:
			/* -infinity and infinity are the least and the greatest */
			return DatumGetTimestampTz(value);
		case INT8OID:
			return DatumGetInt64(value);
		case DATEOID:
			if (DATE_IS_NOBEGIN(DatumGetDateADT(value)))
				return PG_INT64_MIN;
			if (DATE_IS_NOEND(DatumGetDateADT(value)))
				return PG_INT64_MAX;
			return DatumGetDateADT(value);
		case INT4OID:
			return DatumGetInt32(value);
		case INT2OID:
			return DatumGetInt16(value);
		default:
			elog(ERROR, "type %u is no type of time", type);
			return 0;
	}
}

Datum
tsdb_time_to_datum(int64 value, Oid type)
{
	switch (type)
	{
		case TIMESTAMPTZOID:
		case TIMESTAMPOID:
			return TimestampTzGetDatum(value);
		case INT8OID:
			return Int64GetDatum(value);
		case DATEOID:
			return DateADTGetDatum(value <= PG_INT32_MIN ? DATEVAL_NOBEGIN :
								   value >= PG_INT32_MAX ? DATEVAL_NOEND : (DateADT) value);
		case INT4OID:
			return Int32GetDatum((int32) Min(Max(value, PG_INT32_MIN), PG_INT32_MAX));
		case INT2OID:
			return Int16GetDatum((int16) Min(Max(value, PG_INT16_MIN), PG_INT16_MAX));
		default:
			elog(ERROR, "type %u is no type of time", type);
			return 0;
	}
}
