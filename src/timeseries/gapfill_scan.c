/*-------------------------------------------------------------------------
 * gapfill_scan.c
 *	  Plan node TsdbGapfill: rows of groups, and rows for the buckets that groups lack.
 *
 * Reads all rows, brings them into the order of group and bucket, and walks through each group along the grid of
 * buckets from start to finish.  A row is returned as it is; before it, one for each bucket that is
 * missing.  One row is looked ahead, which interpolate needs.
 *
 * Groups of a table that is sorted by series and time come in long stretches of one group with rising buckets.  As long as they do, and memory lasts,
 * rows are kept as they come, and only stretches are sorted.  Otherwise core's sort gets them all.
 *
 * Buckets are 64-bit integers here, whatever their type.  The next bucket is the start plus the
 * width, if time_bucket() says so of that value and of the one before it; else (months, clocks that
 * are changed) it is searched for: the least value whose bucket is another one.
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "commands/explain.h"
#include "common/int.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/extensible.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/cost.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/restrictinfo.h"
#include "optimizer/tlist.h"
#include "timeseries/gapfill.h"
#include "timeseries/time_bucket.h"
#include "timeseries/time_bucket_zone.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/sortsupport.h"
#include "utils/timestamp.h"
#include "utils/tuplesort.h"
#include "utils/typcache.h"

#define NODE_NAME	"TsdbGapfill"

static set_rel_pathlist_hook_type prev_set_rel_pathlist = NULL;

/*-------------------------------------------------------------------- state */

/* A value of a group, kept in its memory context */
typedef struct Kept
{
	Datum		value;
	bool		isnull;
	bool		known;			/* false: there was none yet */
	int64		bucket;			/* interpolate: where it is */
} Kept;

typedef struct Column
{
	TsdbGapfillColumn kind;
	Oid			type;
	int16		len;
	bool		byval;
	int			previous;		/* columns of arguments prev and next, or -1 */
	int			next;
	Kept		last;			/* locf, interpolate: the row before */
	bool		has_line;		/* interpolate, in a gap: from (x0, y0) to (x1, y1) */
	int64		x0;
	int64		x1;
	Datum		y0;
	Datum		y1;
	Kept		group;			/* group, prev and next: of the group's first row */
} Column;

/* A row in memory; isnull[ncolumns] is behind its values */
typedef struct Row
{
	struct Row *next;			/* of its stretch */
	Datum		values[FLEXIBLE_ARRAY_MEMBER];
} Row;

/* Rows of one group, of which buckets rise */
typedef struct Stretch
{
	Row		   *first;
	int64		first_bucket;
	int64		last_bucket;
} Stretch;

typedef struct GapfillState
{
	CustomScanState css;		/* must be first */

	/* what to do */
	int			ncolumns;
	Column	   *columns;
	int			nsort;			/* group's columns and the bucket, which is the last */
	AttrNumber *sort_attnos;
	Oid		   *sort_operators;
	Oid		   *collations;
	FmgrInfo   *equal_functions;	/* of the group's */
	List	   *args;			/* ExprState: width, zone, starts, finishes */
	List	   *range_info;
	Oid			bucket_type;
	PGFunction	bucket_code;	/* time_bucket() of those types */

	/* the grid, for this execution */
	bool		ready;
	Datum		width;
	Datum		zone;
	FmgrInfo	bucket_function;
	int64		step;			/* the next bucket is most often that much away */
	bool		fixed;			/* and always, in fact */
	bool		empty;			/* no bucket is between start and finish */
	int64		first;			/* bucket of start */
	int64		last_value;		/* greatest value before finish */

	/* where we are */
	Tuplesortstate *sort;		/* NULL: rows are in memory */
	TupleTableSlot *sorted;		/* of the sort */
	bool		has_rows;		/* they have been read */
	const Datum *ahead_values;	/* the next row */
	const bool *ahead_isnull;
	bool		has_ahead;
	bool		in_group;
	bool		group_ends;		/* all its rows are returned */
	bool		buckets_left;
	int64		bucket;			/* the next one that is due; if buckets_left */
	MemoryContext group_context;	/* values that are kept of the group */
	MemoryContext grid_context; /* width, zone */
	bool		gap_ready;		/* these are right for the next row of the gap, but for bucket and lines */
	Datum	   *gap_values;
	bool	   *gap_isnull;
	int			nlines;			/* columns with interpolate */
	int		   *lines;
	uint64		nfilled;
	uint64		nsorted;		/* rows that core's sort got */

	/* rows in memory */
	MemoryContext rows_context;
	Size		row_bytes;
	char	   *block;			/* where rows are cut from */
	Size		block_left;
	Stretch    *stretches;
	Size		nstretches;
	Size		max_stretches;
	Size		at_stretch;
	Row		   *row;			/* the one ahead */
	SortSupport sort_support;	/* of the group's columns */
} GapfillState;

#define ROW_BLOCK_BYTES		(64 * 1024)
/* rows that a stretch shall have at least, on average; looked at, as memory is, after so many rows each time */
#define ROWS_A_STRETCH		8
#define ROWS_LOOKED_AT		256

/*-------------------------------------------------------------------- the grid */

static int64
datum_to_int64(Datum value, Oid type)
{
	switch (type)
	{
		case INT2OID:
			return DatumGetInt16(value);
		case INT4OID:
			return DatumGetInt32(value);
		case DATEOID:
			return DatumGetDateADT(value);
		default:
			return DatumGetInt64(value);
	}
}

static Datum
int64_to_datum(int64 value, Oid type)
{
	switch (type)
	{
		case INT2OID:
			return Int16GetDatum((int16) value);
		case INT4OID:
			return Int32GetDatum((int32) value);
		case DATEOID:
			return DateADTGetDatum((DateADT) value);
		default:
			return Int64GetDatum(value);
	}
}

/* The bucket that a value is in; throws if it starts below the type's range */
static int64
bucket_of(GapfillState *state, int64 value)
{
	LOCAL_FCINFO(fcinfo, 5);

	InitFunctionCallInfoData(*fcinfo, &state->bucket_function, state->bucket_code == tsdb_time_bucket_zone ? 5 : 2,
							 InvalidOid, NULL, NULL);
	fcinfo->args[0].value = state->width;
	fcinfo->args[0].isnull = false;
	fcinfo->args[1].value = int64_to_datum(value, state->bucket_type);
	fcinfo->args[1].isnull = false;
	fcinfo->args[2].value = state->zone;
	fcinfo->args[2].isnull = false;
	fcinfo->args[3].isnull = true;
	fcinfo->args[4].isnull = true;
	return datum_to_int64(state->bucket_code(fcinfo), state->bucket_type);
}

/*
 * Moves on to the next bucket, or finds that there is none before finish.  Where clocks are set back, times of an earlier bucket, one that is repeated in
 * part, can lie between: they are passed over.
 */
static void
next_bucket(GapfillState *state)
{
	int64		low = state->bucket;
	int64		high;
	int64		guess;

	/* values up to last_value are within the type, so are their buckets */
	if (pg_add_s64_overflow(state->bucket, state->step, &guess) || guess > state->last_value)
	{
		if (state->fixed || bucket_of(state, state->last_value) <= state->bucket)
		{
			state->buckets_left = false;
			return;
		}
		high = state->last_value;
	}
	else if (state->fixed || (bucket_of(state, guess) == guess && bucket_of(state, guess - 1) == state->bucket))
	{
		state->bucket = guess;
		return;
	}
	else
	{
		high = guess;
		while (bucket_of(state, high) <= state->bucket)
		{
			low = high;
			if (high == state->last_value)
			{
				state->buckets_left = false;
				return;
			}
			if (pg_add_s64_overflow(high, state->step, &high) || high > state->last_value)
				high = state->last_value;
		}
	}
	/* low is in this bucket or an earlier one, high in a later one */
	while ((uint64) high - (uint64) low > 1)
	{
		int64		middle = low + (int64) (((uint64) high - (uint64) low) / 2);

		if (bucket_of(state, middle) <= state->bucket)
			low = middle;
		else
			high = middle;
	}
	state->bucket = high;
}

static void
limits_of_type(Oid type, int64 *least, int64 *greatest)
{
	switch (type)
	{
		case INT2OID:
			*least = PG_INT16_MIN;
			*greatest = PG_INT16_MAX;
			break;
		case INT4OID:
			*least = PG_INT32_MIN;
			*greatest = PG_INT32_MAX;
			break;
		case DATEOID:
			*least = DATETIME_MIN_JULIAN - POSTGRES_EPOCH_JDATE;
			*greatest = DATE_END_JULIAN - POSTGRES_EPOCH_JDATE - 1;
			break;
		case INT8OID:
			*least = PG_INT64_MIN;
			*greatest = PG_INT64_MAX;
			break;
		default:
			*least = MIN_TIMESTAMP;
			*greatest = END_TIMESTAMP - 1;
			break;
	}
}

/* The value of a start or finish */
static int64
limit_value(GapfillState *state, ExprState *arg, const char *which)
{
	bool		isnull;
	Datum		value = ExecEvalExprSwitchContext(arg, state->css.ss.ps.ps_ExprContext, &isnull);

	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s of time_bucket_gapfill cannot be NULL", which)));
	if ((state->bucket_type == DATEOID && DATE_NOT_FINITE(DatumGetDateADT(value))) ||
		((state->bucket_type == TIMESTAMPOID || state->bucket_type == TIMESTAMPTZOID) &&
		 TIMESTAMP_NOT_FINITE(DatumGetTimestamp(value))))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s of time_bucket_gapfill must be finite", which)));
	/* limits of smaller integers are bigints */
	return state->bucket_type == DATEOID ? DatumGetDateADT(value) : DatumGetInt64(value);
}

static Datum
call_argument(GapfillState *state, int n, bool needed, const char *what)
{
	bool		isnull;
	ExprState  *arg = list_nth(state->args, n);
	Datum		value = ExecEvalExprSwitchContext(arg, state->css.ss.ps.ps_ExprContext, &isnull);
	Oid			type = exprType((Node *) arg->expr);
	MemoryContext caller;

	if (isnull && needed)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s of time_bucket_gapfill cannot be NULL", what)));
	if (isnull)
		return (Datum) 0;
	caller = MemoryContextSwitchTo(state->grid_context);
	value = datumCopy(value, get_typbyval(type), get_typlen(type));
	MemoryContextSwitchTo(caller);
	return value;
}

/* Evaluates the arguments. */
static void
prepare_grid(GapfillState *state)
{
	List	   *info = state->range_info;
	int			nstarts = linitial_int(info);
	int			nfinishes = lsecond_int(info);
	bool		zoned = state->bucket_code == tsdb_time_bucket_zone;
	int64		least;
	int64		greatest;
	int64		start = PG_INT64_MIN;
	int64		finish = PG_INT64_MAX;
	bool		endless = true; /* finish is behind the last value of all */
	int			i;

	MemoryContextReset(state->grid_context);
	state->width = call_argument(state, 0, true, "width");
	state->zone = call_argument(state, 1, zoned, "timezone");
	limits_of_type(state->bucket_type, &least, &greatest);

	state->empty = false;
	for (i = 0; i < nstarts; i++)
	{
		int64		value = limit_value(state, list_nth(state->args, 2 + i), "start");

		/* behind the greatest value: nothing is there */
		if (pg_add_s64_overflow(value, list_nth_int(info, 3 + i), &value))
			state->empty = true;
		else
			start = Max(start, value);
	}
	for (i = 0; i < nfinishes; i++)
	{
		int64		value = limit_value(state, list_nth(state->args, 2 + nstarts + i), "finish");

		if (!pg_add_s64_overflow(value, list_nth_int(info, 3 + nstarts + i), &value))
		{
			finish = Min(finish, value);
			endless = false;
		}
	}
	start = Max(start, least);
	state->last_value = endless ? greatest : finish > least ? Min(finish - 1, greatest) : least;
	if (start > state->last_value || (!endless && finish <= start))
		state->empty = true;

	/* also checks the width */
	state->fixed = false;
	switch (state->bucket_type)
	{
		case INT2OID:
			state->step = DatumGetInt16(state->width);
			state->fixed = true;
			break;
		case INT4OID:
			state->step = DatumGetInt32(state->width);
			state->fixed = true;
			break;
		case INT8OID:
			state->step = DatumGetInt64(state->width);
			state->fixed = true;
			break;
		default:
			{
				int64		width_us;
				int32		width_months;

				tsdb_bucket_width(DatumGetIntervalP(state->width), &width_us, &width_months);
				if (width_months > 0)
					width_us = width_months * 30 * USECS_PER_DAY;
				state->step = state->bucket_type == DATEOID ? Max(width_us / USECS_PER_DAY, 1) : width_us;
				state->fixed = width_months == 0 && !zoned;
				break;
			}
	}
	if (!state->empty)
		state->first = bucket_of(state, start);
	state->ready = true;
}

/*-------------------------------------------------------------------- rows */

static void
keep(GapfillState *state, const Column *column, Kept *kept, Datum value, bool isnull)
{
	if (kept->known && !kept->isnull && !column->byval)
		pfree(DatumGetPointer(kept->value));
	kept->known = true;
	kept->isnull = isnull;
	kept->value = (Datum) 0;
	if (column->byval)
		kept->value = value;
	else if (!isnull)
	{
		MemoryContext caller = MemoryContextSwitchTo(state->group_context);

		kept->value = datumCopy(value, column->byval, column->len);
		MemoryContextSwitchTo(caller);
	}
}

static inline bool *
row_isnull(const GapfillState *state, Row *row)
{
	return (bool *) &row->values[state->ncolumns];
}

static void
read_ahead(GapfillState *state)
{
	if (state->sort != NULL)
	{
		state->has_ahead = tuplesort_gettupleslot(state->sort, true, false, state->sorted, NULL);
		if (state->has_ahead)
			slot_getallattrs(state->sorted);
		state->ahead_values = state->sorted->tts_values;
		state->ahead_isnull = state->sorted->tts_isnull;
		return;
	}
	if (state->row != NULL)
		state->row = state->row->next;
	if (state->row == NULL && state->at_stretch < state->nstretches)
		state->row = state->stretches[state->at_stretch++].first;
	state->has_ahead = state->row != NULL;
	if (state->has_ahead)
	{
		state->ahead_values = state->row->values;
		state->ahead_isnull = row_isnull(state, state->row);
	}
}

/* Do two rows belong to the same group? */
static bool
groups_equal(GapfillState *state, const Datum *a, const bool *a_isnull, const Datum *b, const bool *b_isnull)
{
	int			i;

	for (i = 0; i < state->nsort - 1; i++)
	{
		int			attno = state->sort_attnos[i] - 1;
		const Column *column = &state->columns[attno];

		if (a_isnull[attno] != b_isnull[attno])
			return false;
		/* what is the same to the byte is equal; other things may be, too */
		if (!a_isnull[attno] && !datumIsEqual(a[attno], b[attno], column->byval, column->len) &&
			!DatumGetBool(FunctionCall2Coll(&state->equal_functions[i], state->collations[i], a[attno], b[attno])))
			return false;
	}
	return true;
}

/* Does the row ahead belong to the group? */
static bool
same_group(GapfillState *state)
{
	int			i;

	/* the second row of a stretch, or a later one */
	if (state->sort == NULL && state->row != state->stretches[state->at_stretch - 1].first)
		return true;
	for (i = 0; i < state->nsort - 1; i++)
	{
		int			attno = state->sort_attnos[i] - 1;
		const Kept *kept = &state->columns[attno].group;

		if (state->ahead_isnull[attno] != kept->isnull)
			return false;
		if (!kept->isnull &&
			!DatumGetBool(FunctionCall2Coll(&state->equal_functions[i], state->collations[i],
											state->ahead_values[attno], kept->value)))
			return false;
	}
	return true;
}

/* A group begins: with the row ahead, or without any. */
static void
begin_group(GapfillState *state)
{
	int			i;

	MemoryContextReset(state->group_context);
	for (i = 0; i < state->ncolumns; i++)
	{
		Column	   *column = &state->columns[i];

		column->last.known = false;
		column->group.known = false;
		if (state->has_ahead &&
			(column->kind == TSDB_GAPFILL_GROUP || column->kind == TSDB_GAPFILL_PREVIOUS || column->kind == TSDB_GAPFILL_NEXT))
			keep(state, column, &column->group, state->ahead_values[i], state->ahead_isnull[i]);
	}
	state->in_group = true;
	state->group_ends = !state->has_ahead;
	state->buckets_left = !state->empty;
	state->bucket = state->first;
	state->gap_ready = false;
}

static bool
bucket_is_finite(const GapfillState *state, int64 bucket)
{
	if (state->bucket_type == DATEOID)
		return !DATE_NOT_FINITE((DateADT) bucket);
	if (state->bucket_type == TIMESTAMPOID || state->bucket_type == TIMESTAMPTZOID)
		return !TIMESTAMP_NOT_FINITE(bucket);
	return true;
}

/* The argument prev or next of interpolate: (bucket, value); false if there is none */
static bool
point_of_record(GapfillState *state, const Column *column, int argument, int64 *bucket, Datum *value)
{
	const Kept *kept;
	HeapTupleHeader record;
	HeapTupleData tuple;
	TupleDesc	desc;
	Datum		values[2];
	bool		nulls[2];

	if (argument < 0)
		return false;
	kept = &state->columns[argument].group;
	if (!kept->known || kept->isnull)
		return false;
	record = DatumGetHeapTupleHeader(kept->value);
	desc = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(record), HeapTupleHeaderGetTypMod(record));
	if (desc->natts != 2 || TupleDescAttr(desc, 0)->atttypid != state->bucket_type ||
		TupleDescAttr(desc, 1)->atttypid != column->type)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("arguments prev and next of interpolate must be records of a time and a value"),
				 errdetail("Types %s and %s are expected.", format_type_be(state->bucket_type), format_type_be(column->type))));
	tuple.t_len = HeapTupleHeaderGetDatumLength(record);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = record;
	heap_deform_tuple(&tuple, desc, values, nulls);
	ReleaseTupleDesc(desc);
	if (nulls[0] || nulls[1])
		return false;
	*bucket = datum_to_int64(values[0], state->bucket_type);
	*value = values[1];
	return bucket_is_finite(state, *bucket);
}

static int64
interpolate_int64(const Column *column, int64 y0, int64 y1, int64 x)
{
	/* (distances are below 2^64, values below 2^63, and the weights add up to one) */
	__int128	weighted = (__int128) y0 * ((__int128) column->x1 - x) + (__int128) y1 * ((__int128) x - column->x0);

	return (int64) (weighted / ((__int128) column->x1 - column->x0));
}

static double
interpolate_double(const Column *column, double y0, double y1, int64 x)
{
	double		part = (double) ((uint64) x - (uint64) column->x0) / (double) ((uint64) column->x1 - (uint64) column->x0);
	double		distance = y1 - y0;

	/* the distance of two doubles can be none */
	if (unlikely(isinf(distance)) && !isinf(y0) && !isinf(y1))
		return y0 * (1 - part) + y1 * part;
	return y0 + distance * part;
}

/* Finds the ends of interpolate's line across the gap that begins at the bucket that is due. */
static void
find_line(GapfillState *state, int attno)
{
	Column	   *column = &state->columns[attno];

	column->has_line = false;
	if (column->last.known)
	{
		if (column->last.isnull)
			return;
		column->x0 = column->last.bucket;
		column->y0 = column->last.value;
	}
	else if (!point_of_record(state, column, column->previous, &column->x0, &column->y0))
		return;

	if (!state->group_ends)
	{
		int			bucket_attno = state->sort_attnos[state->nsort - 1] - 1;

		if (state->ahead_isnull[attno] || state->ahead_isnull[bucket_attno])
			return;
		column->x1 = datum_to_int64(state->ahead_values[bucket_attno], state->bucket_type);
		column->y1 = state->ahead_values[attno];
		if (!bucket_is_finite(state, column->x1))
			return;
	}
	else if (!point_of_record(state, column, column->next, &column->x1, &column->y1))
		return;
	column->has_line = true;
}

/* interpolate's value in the bucket that is due */
static Datum
interpolate(const GapfillState *state, const Column *column, bool *isnull)
{
	int64		x = state->bucket;

	/* points given by arguments may lie anywhere */
	*isnull = !column->has_line || column->x0 >= x || column->x1 <= x;
	if (*isnull)
		return (Datum) 0;
	switch (column->type)
	{
		case INT2OID:
			return Int16GetDatum((int16) interpolate_int64(column, DatumGetInt16(column->y0), DatumGetInt16(column->y1), x));
		case INT4OID:
			return Int32GetDatum((int32) interpolate_int64(column, DatumGetInt32(column->y0), DatumGetInt32(column->y1), x));
		case INT8OID:
			return Int64GetDatum(interpolate_int64(column, DatumGetInt64(column->y0), DatumGetInt64(column->y1), x));
		case FLOAT4OID:
			return Float4GetDatum((float4) interpolate_double(column, DatumGetFloat4(column->y0), DatumGetFloat4(column->y1), x));
		default:
			Assert(column->type == FLOAT8OID);
			return Float8GetDatum(interpolate_double(column, DatumGetFloat8(column->y0), DatumGetFloat8(column->y1), x));
	}
}

/* What locf has where there is no value: the last one, or argument prev */
static Datum
carried(GapfillState *state, int attno, bool *isnull)
{
	const Column *column = &state->columns[attno];
	const Kept *kept = &column->last;

	if (!kept->known && column->previous >= 0)
		kept = &state->columns[column->previous].group;
	*isnull = !kept->known || kept->isnull;
	return *isnull ? (Datum) 0 : kept->value;
}

/* What all rows of a gap have: from the group, and from the rows before and behind */
static void
begin_gap(GapfillState *state)
{
	int			i;

	for (i = 0; i < state->ncolumns; i++)
	{
		Column	   *column = &state->columns[i];

		state->gap_values[i] = (Datum) 0;
		state->gap_isnull[i] = true;
		switch (column->kind)
		{
			case TSDB_GAPFILL_BUCKET:
				state->gap_isnull[i] = false;
				break;
			case TSDB_GAPFILL_GROUP:
				state->gap_values[i] = column->group.value;
				state->gap_isnull[i] = !column->group.known || column->group.isnull;
				break;
			case TSDB_GAPFILL_LOCF:
			case TSDB_GAPFILL_LOCF_NULL:
				state->gap_values[i] = carried(state, i, &state->gap_isnull[i]);
				break;
			case TSDB_GAPFILL_INTERPOLATE:
				find_line(state, i);
				break;
			default:
				break;
		}
	}
	state->gap_ready = true;
}

/* Puts a row for the bucket that is due into slot. */
static void
fill_row(GapfillState *state, TupleTableSlot *slot)
{
	int			i;

	if (!state->gap_ready)
		begin_gap(state);
	ExecClearTuple(slot);
	memcpy(slot->tts_values, state->gap_values, state->ncolumns * sizeof(Datum));
	memcpy(slot->tts_isnull, state->gap_isnull, state->ncolumns * sizeof(bool));
	slot->tts_values[state->sort_attnos[state->nsort - 1] - 1] = int64_to_datum(state->bucket, state->bucket_type);
	for (i = 0; i < state->nlines; i++)
	{
		int			attno = state->lines[i];

		slot->tts_values[attno] = interpolate(state, &state->columns[attno], &slot->tts_isnull[attno]);
	}
	ExecStoreVirtualTuple(slot);
	state->nfilled++;
}

/* Puts the row ahead into slot, remembers of it what gaps need, and reads the next one. */
static void
copy_row(GapfillState *state, TupleTableSlot *slot)
{
	int			bucket_attno = state->sort_attnos[state->nsort - 1] - 1;
	int			i;

	ExecClearTuple(slot);
	for (i = 0; i < state->ncolumns; i++)
	{
		Column	   *column = &state->columns[i];
		Datum		value = state->ahead_values[i];
		bool		isnull = state->ahead_isnull[i];

		switch (column->kind)
		{
			case TSDB_GAPFILL_LOCF:
				keep(state, column, &column->last, value, isnull);
				break;
			case TSDB_GAPFILL_LOCF_NULL:
				if (isnull)
					value = carried(state, i, &isnull);
				else
					keep(state, column, &column->last, value, false);
				break;
			case TSDB_GAPFILL_INTERPOLATE:
				/* (a bucket without a place on the grid is no point) */
				keep(state, column, &column->last, value,
					 isnull || state->ahead_isnull[bucket_attno] ||
					 !bucket_is_finite(state, datum_to_int64(state->ahead_values[bucket_attno], state->bucket_type)));
				if (!column->last.isnull)
					column->last.bucket = datum_to_int64(state->ahead_values[bucket_attno], state->bucket_type);
				break;
			default:
				break;
		}
		slot->tts_values[i] = value;
		slot->tts_isnull[i] = isnull;
	}
	ExecStoreVirtualTuple(slot);
	/* values by reference are in the sort's slot, which the next row overwrites; in memory they stay */
	if (state->sort != NULL)
		ExecMaterializeSlot(slot);

	read_ahead(state);
	state->group_ends = !state->has_ahead || !same_group(state);
	state->gap_ready = false;
}

/*
 * Keeps a row in memory; last: the one before, or NULL, which is the last of the last stretch.  NULL: its bucket is NULL, and it can't be kept.
 */
static Row *
keep_row(GapfillState *state, TupleTableSlot *slot, Row *last)
{
	int			bucket_attno = state->sort_attnos[state->nsort - 1] - 1;
	Stretch    *stretch;
	int64		bucket;
	Row		   *row;
	bool	   *isnull;
	bool		goes_on;
	int			i;

	slot_getallattrs(slot);
	if (slot->tts_isnull[bucket_attno])
		return NULL;
	bucket = datum_to_int64(slot->tts_values[bucket_attno], state->bucket_type);
	goes_on = last != NULL && state->stretches[state->nstretches - 1].last_bucket < bucket &&
		groups_equal(state, last->values, row_isnull(state, last), slot->tts_values, slot->tts_isnull);

	if (state->block_left < state->row_bytes)
	{
		state->block_left = Max(ROW_BLOCK_BYTES, state->row_bytes);
		state->block = MemoryContextAlloc(state->rows_context, state->block_left);
	}
	row = (Row *) state->block;
	state->block += state->row_bytes;
	state->block_left -= state->row_bytes;
	row->next = NULL;
	isnull = row_isnull(state, row);
	memcpy(row->values, slot->tts_values, state->ncolumns * sizeof(Datum));
	memcpy(isnull, slot->tts_isnull, state->ncolumns * sizeof(bool));
	for (i = 0; i < state->ncolumns; i++)
	{
		const Column *column = &state->columns[i];

		if (column->byval || isnull[i])
			continue;
		if (goes_on && !row_isnull(state, last)[i] && column->kind == TSDB_GAPFILL_GROUP &&
			datumIsEqual(last->values[i], row->values[i], false, column->len))
			row->values[i] = last->values[i];
		else
		{
			MemoryContext caller = MemoryContextSwitchTo(state->rows_context);

			row->values[i] = datumCopy(row->values[i], false, column->len);
			MemoryContextSwitchTo(caller);
		}
	}
	if (goes_on)
	{
		last->next = row;
		state->stretches[state->nstretches - 1].last_bucket = bucket;
		return row;
	}
	if (state->nstretches == state->max_stretches)
	{
		state->max_stretches = state->max_stretches * 2 + 64;
		if (state->stretches == NULL)
			state->stretches = MemoryContextAlloc(state->rows_context, state->max_stretches * sizeof(Stretch));
		else
			state->stretches = repalloc_huge(state->stretches, state->max_stretches * sizeof(Stretch));
	}
	stretch = &state->stretches[state->nstretches++];
	stretch->first = row;
	stretch->first_bucket = stretch->last_bucket = bucket;
	return row;
}

static void
forget_rows(GapfillState *state)
{
	MemoryContextReset(state->rows_context);
	state->block = NULL;
	state->block_left = 0;
	state->stretches = NULL;
	state->nstretches = state->max_stretches = state->at_stretch = 0;
	state->row = NULL;
}

/* Gives the rows in memory, if any, to core's sort. */
static void
begin_sort(GapfillState *state, TupleDesc desc)
{
	bool	   *nulls_first = palloc0(sizeof(bool) * state->nsort);
	TupleTableSlot *slot = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	Size		i;

	state->sort = tuplesort_begin_heap(desc, state->nsort, state->sort_attnos, state->sort_operators,
									   state->collations, nulls_first, work_mem, NULL, TUPLESORT_NONE);
	for (i = 0; i < state->nstretches; i++)
	{
		Row		   *row;

		CHECK_FOR_INTERRUPTS();
		for (row = state->stretches[i].first; row != NULL; row = row->next)
		{
			ExecClearTuple(slot);
			memcpy(slot->tts_values, row->values, state->ncolumns * sizeof(Datum));
			memcpy(slot->tts_isnull, row_isnull(state, row), state->ncolumns * sizeof(bool));
			ExecStoreVirtualTuple(slot);
			tuplesort_puttupleslot(state->sort, slot);
		}
	}
	ExecDropSingleTupleTableSlot(slot);
	forget_rows(state);
}

static int
compare_stretches(const void *a, const void *b, void *arg)
{
	GapfillState *state = arg;
	const Stretch *x = a;
	const Stretch *y = b;
	int			i;

	for (i = 0; i < state->nsort - 1; i++)
	{
		int			attno = state->sort_attnos[i] - 1;
		int			compared = ApplySortComparator(x->first->values[attno], row_isnull(state, x->first)[attno],
												   y->first->values[attno], row_isnull(state, y->first)[attno], &state->sort_support[i]);

		if (compared != 0)
			return compared;
	}
	return x->first_bucket < y->first_bucket ? -1 : x->first_bucket > y->first_bucket;
}

/* Sorts stretches; false: some of a group overlap. */
static bool
sort_stretches(GapfillState *state)
{
	Size		i;

	qsort_arg(state->stretches, state->nstretches, sizeof(Stretch), compare_stretches, state);
	for (i = 1; i < state->nstretches; i++)
	{
		Row		   *before = state->stretches[i - 1].first;
		Row		   *row = state->stretches[i].first;

		CHECK_FOR_INTERRUPTS();
		if (state->stretches[i].first_bucket <= state->stretches[i - 1].last_bucket &&
			groups_equal(state, before->values, row_isnull(state, before), row->values, row_isnull(state, row)))
			return false;
	}
	return true;
}

static void
sort_rows(GapfillState *state)
{
	PlanState  *child = linitial(state->css.custom_ps);
	TupleDesc	desc = ExecGetResultType(child);
	Row		   *last = NULL;
	uint64		nrows = 0;

	for (;;)
	{
		TupleTableSlot *slot = ExecProcNode(child);

		CHECK_FOR_INTERRUPTS();
		if (TupIsNull(slot))
			break;
		nrows++;
		if (state->sort == NULL)
		{
			Row		   *row = keep_row(state, slot, last);

			last = row;
			if (row != NULL && nrows % ROWS_LOOKED_AT != 0)
				continue;
			if (row != NULL && state->nstretches * ROWS_A_STRETCH <= nrows &&
				MemoryContextMemAllocated(state->rows_context, true) <= work_mem * (Size) 1024)
				continue;
			begin_sort(state, desc);
			if (row != NULL)
				continue;
		}
		tuplesort_puttupleslot(state->sort, slot);
	}
	if (state->sort == NULL && !sort_stretches(state))
		begin_sort(state, desc);
	if (state->sort != NULL)
	{
		state->nsorted += nrows;
		tuplesort_performsort(state->sort);
	}
	state->has_rows = true;
	state->in_group = false;
	read_ahead(state);
	/* a query without groups but the buckets has one group, even without rows */
	if (nrows == 0 && state->nsort == 1)
		begin_group(state);
}

/* The next row, put into slot; false if there is none.  Runs in a context that is reset for each row. */
static bool
walk(GapfillState *state, TupleTableSlot *slot)
{
	int			bucket_attno = state->sort_attnos[state->nsort - 1] - 1;

	for (;;)
	{
		if (!state->in_group)
		{
			if (!state->has_ahead)
				return false;
			begin_group(state);
		}
		if (!state->group_ends)
		{
			bool		isnull = state->ahead_isnull[bucket_attno];
			int64		bucket = isnull ? 0 : datum_to_int64(state->ahead_values[bucket_attno], state->bucket_type);

			/* rows before the grid, on it, and behind it, where NULL is as well */
			if (!state->buckets_left || (!isnull && bucket <= state->bucket))
			{
				bool		due = state->buckets_left && bucket == state->bucket;

				copy_row(state, slot);
				if (due)
					next_bucket(state);
				return true;
			}
		}
		if (state->buckets_left)
		{
			fill_row(state, slot);
			next_bucket(state);
			return true;
		}
		Assert(state->group_ends);
		state->in_group = false;
	}
}

static TupleTableSlot *
next_row(ScanState *node)
{
	GapfillState *state = (GapfillState *) node;
	TupleTableSlot *slot = node->ss_ScanTupleSlot;
	MemoryContext caller;
	bool		found;

	if (!state->ready)
		prepare_grid(state);
	if (!state->has_rows)
		sort_rows(state);
	caller = MemoryContextSwitchTo(node->ps.ps_ExprContext->ecxt_per_tuple_memory);
	found = walk(state, slot);
	MemoryContextSwitchTo(caller);
	return found ? slot : ExecClearTuple(slot);
}

static bool
recheck_row(ScanState *node, TupleTableSlot *slot)
{
	return true;
}

/*-------------------------------------------------------------------- the node */

static Node *create_state(CustomScan *scan);
static void begin_gapfill(CustomScanState *node, EState *estate, int eflags);
static TupleTableSlot *exec_gapfill(CustomScanState *node);
static void end_gapfill(CustomScanState *node);
static void rescan_gapfill(CustomScanState *node);
static void explain_gapfill(CustomScanState *node, List *ancestors, ExplainState *es);

static const CustomScanMethods scan_methods = {
	.CustomName = NODE_NAME,
	.CreateCustomScanState = create_state
};

static const CustomExecMethods exec_methods = {
	.CustomName = NODE_NAME,
	.BeginCustomScan = begin_gapfill,
	.ExecCustomScan = exec_gapfill,
	.EndCustomScan = end_gapfill,
	.ReScanCustomScan = rescan_gapfill,
	.ExplainCustomScan = explain_gapfill
};

static Node *
create_state(CustomScan *scan)
{
	GapfillState *state = palloc0(sizeof(GapfillState));

	NodeSetTag(state, T_CustomScanState);
	state->css.methods = &exec_methods;
	return (Node *) state;
}

static PGFunction
bucket_function_code(Oid type, bool zoned)
{
	switch (type)
	{
		case INT2OID:
			return tsdb_time_bucket_int2;
		case INT4OID:
			return tsdb_time_bucket_int4;
		case INT8OID:
			return tsdb_time_bucket_int8;
		case DATEOID:
			return tsdb_time_bucket_date;
		default:
			return zoned ? tsdb_time_bucket_zone : tsdb_time_bucket_timestamp;
	}
}

static void
begin_gapfill(CustomScanState *node, EState *estate, int eflags)
{
	GapfillState *state = (GapfillState *) node;
	CustomScan *plan = (CustomScan *) node->ss.ps.plan;
	List	   *kinds = linitial(plan->custom_private);
	TupleDesc	desc = node->ss.ss_ScanTupleSlot->tts_tupleDescriptor;
	PlanState  *child = ExecInitNode(linitial(plan->custom_plans), estate, eflags);
	int			last_fill = -1;
	int			i;

	node->custom_ps = list_make1(child);
	state->args = ExecInitExprList(plan->custom_exprs, &node->ss.ps);
	state->range_info = list_nth(plan->custom_private, 5);

	state->ncolumns = list_length(kinds);
	Assert(state->ncolumns == desc->natts);
	state->columns = palloc0(sizeof(Column) * state->ncolumns);
	state->gap_values = palloc(sizeof(Datum) * state->ncolumns);
	state->gap_isnull = palloc(sizeof(bool) * state->ncolumns);
	state->lines = palloc(sizeof(int) * state->ncolumns);
	for (i = 0; i < state->ncolumns; i++)
	{
		Column	   *column = &state->columns[i];

		column->kind = list_nth_int(kinds, i);
		column->type = TupleDescAttr(desc, i)->atttypid;
		column->len = TupleDescAttr(desc, i)->attlen;
		column->byval = TupleDescAttr(desc, i)->attbyval;
		column->previous = column->next = -1;
		if (column->kind == TSDB_GAPFILL_PREVIOUS)
			state->columns[last_fill].previous = i;
		else if (column->kind == TSDB_GAPFILL_NEXT)
			state->columns[last_fill].next = i;
		else
			last_fill = i;
		if (column->kind == TSDB_GAPFILL_INTERPOLATE)
			state->lines[state->nlines++] = i;
	}

	state->nsort = list_length(lsecond(plan->custom_private));
	state->sort_attnos = palloc(sizeof(AttrNumber) * state->nsort);
	state->sort_operators = palloc(sizeof(Oid) * state->nsort);
	state->collations = palloc(sizeof(Oid) * state->nsort);
	state->equal_functions = palloc0(sizeof(FmgrInfo) * state->nsort);
	for (i = 0; i < state->nsort; i++)
	{
		state->sort_attnos[i] = list_nth_int(lsecond(plan->custom_private), i);
		state->sort_operators[i] = list_nth_oid(lthird(plan->custom_private), i);
		state->collations[i] = list_nth_oid(list_nth(plan->custom_private, 4), i);
		fmgr_info(get_opcode(list_nth_oid(lfourth(plan->custom_private), i)), &state->equal_functions[i]);
	}
	state->sort_support = palloc0(sizeof(SortSupportData) * state->nsort);
	for (i = 0; i < state->nsort - 1; i++)
	{
		state->sort_support[i].ssup_cxt = CurrentMemoryContext;
		state->sort_support[i].ssup_collation = state->collations[i];
		state->sort_support[i].ssup_attno = state->sort_attnos[i];
		PrepareSortSupportFromOrderingOp(state->sort_operators[i], &state->sort_support[i]);
	}
	state->bucket_type = TupleDescAttr(desc, state->sort_attnos[state->nsort - 1] - 1)->atttypid;
	state->bucket_code = bucket_function_code(state->bucket_type, lthird_int(state->range_info) != 0);
	state->bucket_function.fn_mcxt = CurrentMemoryContext;

	state->sorted = ExecInitExtraTupleSlot(estate, ExecGetResultType(child), &TTSOpsMinimalTuple);
	state->row_bytes = MAXALIGN(offsetof(Row, values) + state->ncolumns * (sizeof(Datum) + sizeof(bool)));
	state->rows_context = AllocSetContextCreate(CurrentMemoryContext, "gapfill rows", ALLOCSET_DEFAULT_SIZES);
	state->group_context = AllocSetContextCreate(CurrentMemoryContext, "gapfill group", ALLOCSET_SMALL_SIZES);
	state->grid_context = AllocSetContextCreate(CurrentMemoryContext, "gapfill grid", ALLOCSET_SMALL_SIZES);
}

static TupleTableSlot *
exec_gapfill(CustomScanState *node)
{
	return ExecScan(&node->ss, next_row, recheck_row);
}

static void
end_sort(GapfillState *state)
{
	if (state->sort != NULL)
	{
		ExecClearTuple(state->sorted);
		tuplesort_end(state->sort);
		state->sort = NULL;
	}
	forget_rows(state);
	state->has_rows = false;
}

static void
end_gapfill(CustomScanState *node)
{
	end_sort((GapfillState *) node);
	ExecEndNode(linitial(node->custom_ps));
}

static void
rescan_gapfill(CustomScanState *node)
{
	GapfillState *state = (GapfillState *) node;
	PlanState  *child = linitial(node->custom_ps);

	end_sort(state);
	state->ready = false;
	state->has_ahead = false;
	if (node->ss.ps.chgParam != NULL)
		UpdateChangedParamSet(child, node->ss.ps.chgParam);
	if (child->chgParam == NULL)
		ExecReScan(child);
	ExecScanReScan(&node->ss);
}

static void
explain_gapfill(CustomScanState *node, List *ancestors, ExplainState *es)
{
	GapfillState *state = (GapfillState *) node;

	if (!es->analyze)
		return;
	ExplainPropertyUInteger("Rows Filled", NULL, state->nfilled, es);
	if (state->nsorted > 0 || es->format != EXPLAIN_FORMAT_TEXT)
		ExplainPropertyUInteger("Rows Sorted", NULL, state->nsorted, es);
}

/*-------------------------------------------------------------------- planning */

static Plan *
plan_gapfill(PlannerInfo *root, RelOptInfo *rel, CustomPath *path, List *tlist, List *clauses, List *custom_plans)
{
	CustomScan *scan = makeNode(CustomScan);
	PathTarget *target = ((Path *) linitial(path->custom_paths))->pathtarget;

	scan->scan.plan.targetlist = tlist;
	scan->scan.plan.qual = extract_actual_clauses(clauses, false);
	scan->scan.scanrelid = 0;
	scan->flags = path->flags;
	scan->custom_plans = custom_plans;
	scan->custom_scan_tlist = make_tlist_from_pathtarget(target);
	scan->custom_private = linitial(path->custom_private);
	scan->custom_exprs = lsecond(path->custom_private);
	scan->methods = &scan_methods;
	return &scan->scan.plan;
}

static const CustomPathMethods path_methods = {
	.CustomName = NODE_NAME,
	.PlanCustomPath = plan_gapfill
};

/*
 * A call of tsdb.gapfill() that this planner's rewrite has made.  Everybody may call the function by name, but then with a text, and
 * gets its error when the query runs: what the info says is trusted.
 */
static bool
is_own_clause(Node *node)
{
	FuncExpr   *clause = (FuncExpr *) node;
	Const	   *info;

	if (!IsA(node, FuncExpr) || clause->args == NIL || !IsA(linitial(clause->args), Const))
		return false;
	info = linitial_node(Const, clause->args);
	return info->consttype == INTERNALOID && !info->constisnull &&
		tsdb_gapfill_is_function(clause->funcid, "gapfill", tsdb_gapfill_clause);
}

static void
add_gapfill(PlannerInfo *root, RelOptInfo *rel, Index rti, RangeTblEntry *rte)
{
	FuncExpr   *clause = NULL;
	ListCell   *lc;
	CustomPath *path;
	Path	   *cheapest = NULL;
	Path	   *child;
	List	   *info;
	List	   *range;

	if (prev_set_rel_pathlist)
		prev_set_rel_pathlist(root, rel, rti, rte);
	if (rte->rtekind != RTE_SUBQUERY)
		return;
	foreach(lc, rel->baserestrictinfo)
	{
		RestrictInfo *restrict_info = lfirst_node(RestrictInfo, lc);

		if (is_own_clause((Node *) restrict_info->clause))
		{
			clause = (FuncExpr *) restrict_info->clause;
			rel->baserestrictinfo = list_delete_cell(rel->baserestrictinfo, lc);
			break;
		}
	}
	if (clause == NULL)
		return;
	foreach(lc, rel->pathlist)
	{
		Path	   *other = lfirst(lc);

		if (cheapest == NULL || other->total_cost < cheapest->total_cost)
			cheapest = other;
	}
	if (cheapest == NULL || !(IsA(cheapest, SubqueryScanPath) || IsA(cheapest, AppendPath)))
		elog(ERROR, "subquery of time_bucket_gapfill has no plan");

	/* all columns of the subquery are read */
	if (IsA(cheapest, SubqueryScanPath))
	{
		child = (Path *) makeNode(SubqueryScanPath);
		memcpy(child, cheapest, sizeof(SubqueryScanPath));
	}
	else
	{
		/* no row, as the planner has found */
		child = (Path *) makeNode(AppendPath);
		memcpy(child, cheapest, sizeof(AppendPath));
	}
	child->pathtarget = create_empty_pathtarget();
	foreach(lc, rte->subquery->targetList)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, lc);

		add_column_to_pathtarget(child->pathtarget, (Expr *) makeVarFromTargetEntry(rti, entry), 0);
	}
	set_pathtarget_cost_width(root, child->pathtarget);

	info = (List *) DatumGetPointer(linitial_node(Const, clause->args)->constvalue);
	range = list_nth(info, 5);
	path = makeNode(CustomPath);
	path->path.pathtype = T_CustomScan;
	path->path.parent = rel;
	path->path.pathtarget = rel->reltarget;
	path->path.param_info = cheapest->param_info;
	PATH_DISABLE_AS(&path->path, child);
	path->path.rows = clamp_row_est(Max(rel->rows, child->rows) * 2);
	path->path.startup_cost = child->total_cost + child->rows * cpu_operator_cost * 4;
	path->path.total_cost = path->path.startup_cost + path->path.rows * cpu_tuple_cost;
	path->flags = CUSTOMPATH_SUPPORT_PROJECTION;
	path->custom_paths = list_make1(child);
	path->custom_private = list_make2(info, list_copy_head(list_copy_tail(clause->args, 2), 2 + linitial_int(range) + lsecond_int(range)));
	path->methods = &path_methods;
	rel->rows = path->path.rows;
	rel->partial_pathlist = NIL;
	rel->pathlist = list_make1(path);
}

void
tsdb_gapfill_scan_init(void)
{
	RegisterCustomScanMethods(&scan_methods);
	prev_set_rel_pathlist = set_rel_pathlist_hook;
	set_rel_pathlist_hook = add_gapfill;
}
