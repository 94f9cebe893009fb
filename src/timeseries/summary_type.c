/*-------------------------------------------------------------------------
 * summary_type.c
 *	  Types of summaries: input, output, checks; lists of summaries for rollups.
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "common/int.h"
#include "timeseries/aggregate_call.h"
#include "timeseries/summary_type.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(tsdb_summary_out);
PG_FUNCTION_INFO_V1(tsdb_summary_send);
PG_FUNCTION_INFO_V1(tsdb_summary_list_combine);
PG_FUNCTION_INFO_V1(tsdb_summary_list_serialize);
PG_FUNCTION_INFO_V1(tsdb_summary_list_deserialize);

TsdbSummary *
tsdb_summary_create(const TsdbSummaryType *type, Size len)
{
	TsdbSummary *summary = palloc0(len);

	Assert(len >= sizeof(TsdbSummary));
	Assert(type->size == 0 || len == type->size);
	SET_VARSIZE(summary, len);
	summary->kind = type->kind;
	summary->version = 1;
	return summary;
}

/* NULL, or what is wrong */
static const char *
check_summary(const TsdbSummary *summary, const TsdbSummaryType *type)
{
	Size		len = VARSIZE(summary);

	if (len < sizeof(TsdbSummary))
		return "It has no header.";
	if (summary->kind != type->kind)
		return "It is of another kind.";
	if (summary->version != 1)
		return "Its version is not known.";
	if (summary->unused != 0)
		return "Unused bytes are not zero.";
	if (type->size != 0 && len != type->size)
		return "Its length is wrong.";
	return type->check(summary, len);
}

const TsdbSummary *
tsdb_summary_get(Datum datum, const TsdbSummaryType *type)
{
	const TsdbSummary *summary = (const TsdbSummary *) PG_DETOAST_DATUM(datum);
	const char *wrong = check_summary(summary, type);

	if (wrong != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("invalid value of type %s", type->name),
				 errdetail("%s", wrong)));
	return summary;
}

Datum
tsdb_summary_in(FunctionCallInfo fcinfo, const TsdbSummaryType *type)
{
	/* bytea's own input: both of its forms, and its errors */
	TsdbSummary *summary = (TsdbSummary *) DatumGetByteaP(DirectFunctionCall1(byteain, PG_GETARG_DATUM(0)));
	const char *wrong = check_summary(summary, type);

	if (wrong != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("invalid input for type %s", type->name),
				 errdetail("%s", wrong)));
	PG_RETURN_POINTER(summary);
}

Datum
tsdb_summary_recv(FunctionCallInfo fcinfo, const TsdbSummaryType *type)
{
	TsdbSummary *summary = (TsdbSummary *) DatumGetByteaP(DirectFunctionCall1(bytearecv, PG_GETARG_DATUM(0)));
	const char *wrong = check_summary(summary, type);

	if (wrong != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid input for type %s", type->name),
				 errdetail("%s", wrong)));
	PG_RETURN_POINTER(summary);
}

Datum
tsdb_summary_out(PG_FUNCTION_ARGS)
{
	const bytea *summary = PG_GETARG_BYTEA_PP(0);
	Size		len = VARSIZE_ANY_EXHDR(summary);
	char	   *result = palloc(2 * len + 3);

	/* hexadecimal whatever the setting bytea_output says: the function is immutable */
	result[0] = '\\';
	result[1] = 'x';
	result[2 + hex_encode(VARDATA_ANY(summary), len, result + 2)] = '\0';
	PG_RETURN_CSTRING(result);
}

Datum
tsdb_summary_send(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(PG_GETARG_BYTEA_P_COPY(0));
}

/*-------------------------------------------------------------------- lists */

static void
append_items(TsdbSummaryList *list, const char *items, Size n)
{
	if (n > list->room - list->n)
	{
		Size		most = MaxAllocHugeSize / list->size;
		Size		room;

		if (n > most - list->n)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("too many summaries in a group")));
		room = Max(Max(list->n + n, Min(2 * list->room, most)), 4);
		if (list->items == NULL)
			list->items = MemoryContextAllocHuge(list->context, room * list->size);
		else
			list->items = repalloc_huge(list->items, room * list->size);
		list->room = room;
	}
	memcpy(list->items + list->n * list->size, items, n * list->size);
	list->n += n;
}

static TsdbSummaryList *
create_list(Size size, MemoryContext context)
{
	TsdbSummaryList *list = MemoryContextAllocZero(context, sizeof(TsdbSummaryList));

	list->context = context;
	list->size = size;
	return list;
}

Datum
tsdb_summary_list_step(FunctionCallInfo fcinfo, const TsdbSummaryType *type)
{
	MemoryContext context = tsdb_aggregate_context(fcinfo);
	TsdbSummaryList *list = PG_ARGISNULL(0) ? NULL : (TsdbSummaryList *) PG_GETARG_POINTER(0);

	Assert(type->size > 0);
	if (!PG_ARGISNULL(1))
	{
		const TsdbSummary *summary = tsdb_summary_get(PG_GETARG_DATUM(1), type);

		if (list == NULL)
			list = create_list(type->size, context);
		append_items(list, (const char *) summary, 1);
	}
	if (list == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(list);
}

Datum
tsdb_summary_list_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = tsdb_aggregate_context(fcinfo);
	TsdbSummaryList *list = PG_ARGISNULL(0) ? NULL : (TsdbSummaryList *) PG_GETARG_POINTER(0);
	const TsdbSummaryList *other = PG_ARGISNULL(1) ? NULL : (const TsdbSummaryList *) PG_GETARG_POINTER(1);

	if (other != NULL)
	{
		if (list == NULL)
			list = create_list(other->size, context);
		Assert(list->size == other->size);
		append_items(list, other->items, other->n);
	}
	if (list == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(list);
}

/* (strict) The size of one, then all */
Datum
tsdb_summary_list_serialize(PG_FUNCTION_ARGS)
{
	const TsdbSummaryList *list = (const TsdbSummaryList *) PG_GETARG_POINTER(0);
	uint32		size = (uint32) list->size;
	bytea	   *result;

	(void) tsdb_aggregate_context(fcinfo);
	if (list->n > (MaxAllocSize - VARHDRSZ - sizeof(size)) / list->size)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many summaries in a group for a parallel plan"),
				 errhint("Set max_parallel_workers_per_gather = 0 for this query.")));
	result = palloc(VARHDRSZ + sizeof(size) + list->n * list->size);
	SET_VARSIZE(result, VARHDRSZ + sizeof(size) + list->n * list->size);
	memcpy(VARDATA(result), &size, sizeof(size));
	memcpy(VARDATA(result) + sizeof(size), list->items, list->n * list->size);
	PG_RETURN_BYTEA_P(result);
}

Datum
tsdb_summary_list_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);
	uint32		size;
	TsdbSummaryList *list;

	(void) tsdb_aggregate_context(fcinfo);
	memcpy(&size, VARDATA_ANY(bytes), sizeof(size));
	list = create_list(size, CurrentMemoryContext);
	append_items(list, VARDATA_ANY(bytes) + sizeof(size), (VARSIZE_ANY_EXHDR(bytes) - sizeof(size)) / size);
	PG_RETURN_POINTER(list);
}

typedef struct SortKey
{
	Size		offset;
	Size		size;
} SortKey;

static int
compare_items(const void *a, const void *b, void *arg)
{
	const SortKey *key = arg;
	int64		key_a;
	int64		key_b;

	memcpy(&key_a, (const char *) a + key->offset, sizeof(int64));
	memcpy(&key_b, (const char *) b + key->offset, sizeof(int64));
	if (key_a != key_b)
		return key_a < key_b ? -1 : 1;
	return memcmp(a, b, key->size);
}

TsdbSummaryList *
tsdb_summary_list_final(FunctionCallInfo fcinfo, Size key_offset)
{
	TsdbSummaryList *list = PG_ARGISNULL(0) ? NULL : (TsdbSummaryList *) PG_GETARG_POINTER(0);
	SortKey		key;

	(void) tsdb_aggregate_context(fcinfo);
	if (list == NULL)
		return NULL;
	key.offset = key_offset;
	key.size = list->size;
	qsort_arg(list->items, list->n, list->size, compare_items, &key);
	return list;
}

void
tsdb_summary_require_after(int64 end_of_first, int64 start_of_second, const TsdbSummaryType *type)
{
	if (start_of_second <= end_of_first)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("values of type %s overlap in time", type->name),
				 errdetail("What lies between two values of one is not known any more."),
				 errhint("Roll up summaries of one series whose ranges of time follow each other.")));
}

int64
tsdb_summary_add_counts(int64 a, int64 b)
{
	int64		sum;

	if (pg_add_s64_overflow(a, b, &sum))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("bigint out of range")));
	return sum;
}
