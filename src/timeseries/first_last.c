/*-------------------------------------------------------------------------
 * first_last.c
 *	  Aggregates first(value, time) and last(value, time).
 *
 * The state keeps copies, in buffers that are reused: last() over rows in order of time replaces
 * its row with each of them.  A value that is TOASTed outside its row is kept so, as any plan node
 * would, and fetched by whoever looks at the result; a time is compared, hence fetched at once.
 *
 * States travel between processes as images of Datums rather than by the types' send and receive
 * functions: some types have none, receive functions of others refuse (anonymous records), and
 * the planner, which would have to rule out parallel plans for them, does not ask.  Sender and
 * receiver are processes of one server and one parallel query, which also share what images
 * may refer to: TOAST tables, and types of records.
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "timeseries/aggregate_call.h"
#include "timeseries/first_last.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/expandeddatum.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

PG_FUNCTION_INFO_V1(tsdb_first_step);
PG_FUNCTION_INFO_V1(tsdb_last_step);
PG_FUNCTION_INFO_V1(tsdb_first_combine);
PG_FUNCTION_INFO_V1(tsdb_last_combine);
PG_FUNCTION_INFO_V1(tsdb_first_last_serialize);
PG_FUNCTION_INFO_V1(tsdb_first_last_deserialize);
PG_FUNCTION_INFO_V1(tsdb_first_last_final);

TsdbPickTypes *
tsdb_pick_types(Oid value_type, Oid time_type, MemoryContext context)
{
	TypeCacheEntry *entry = lookup_type_cache(time_type, TYPECACHE_CMP_PROC);
	TsdbPickTypes *types;

	if (!OidIsValid(entry->cmp_proc))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FUNCTION),
				 errmsg("could not identify a comparison function for type %s", format_type_be(time_type)),
				 errhint("The time of first and last must have a type that can be sorted; cast a constant to one.")));

	types = MemoryContextAllocZero(context, sizeof(TsdbPickTypes));
	types->value_type = value_type;
	types->time_type = time_type;
	get_typlenbyval(value_type, &types->value_len, &types->value_byval);
	get_typlenbyval(time_type, &types->time_len, &types->time_byval);
	switch (entry->cmp_proc)
	{
		case F_BTINT8CMP:
		case F_TIMESTAMP_CMP:
		case F_TIMESTAMPTZ_CMP:
			types->compare = TSDB_PICK_INT64;
			break;
		case F_BTINT4CMP:
		case F_DATE_CMP:
			types->compare = TSDB_PICK_INT32;
			break;
		case F_BTINT2CMP:
			types->compare = TSDB_PICK_INT16;
			break;
		default:
			/* an FmgrInfo of our own: the cache's one is used by comparisons inside ours, too */
			types->compare = TSDB_PICK_FUNCTION;
			fmgr_info_cxt(entry->cmp_proc, &types->compare_function, context);
			break;
	}
	return types;
}

TsdbPickState *
tsdb_pick_create(TsdbPickTypes *types, MemoryContext context)
{
	TsdbPickState *state = MemoryContextAllocZero(context, sizeof(TsdbPickState));

	state->types = types;
	state->context = context;
	return state;
}

/* Copies datum into the slot; memory is replaced only if it is too small. */
static void
slot_set(TsdbPickSlot *slot, Datum datum, int16 len, bool byval, MemoryContext context)
{
	ExpandedObjectHeader *expanded = NULL;
	Size		size;

	if (byval)
	{
		slot->datum = datum;
		return;
	}
	if (len == -1 && VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(datum)))
	{
		expanded = DatumGetEOHP(datum);
		size = EOH_get_flat_size(expanded);
	}
	else
		size = datumGetSize(datum, byval, len);

	if (size > slot->room)
	{
		/* a quarter more, lest strings that get longer and longer cost an allocation each */
		Size		room = Max(size, Min(size + size / 4, MaxAllocSize));
		Datum		old = slot->datum;
		bool		had_room = slot->room > 0;

		slot->datum = PointerGetDatum(MemoryContextAlloc(context, room));
		slot->room = room;
		if (had_room)
			pfree(DatumGetPointer(old));
	}
	if (expanded != NULL)
		EOH_flatten_into(expanded, DatumGetPointer(slot->datum), size);
	else
		memcpy(DatumGetPointer(slot->datum), DatumGetPointer(datum), size);
}

void
tsdb_pick_set(TsdbPickState *state, Datum value, bool value_isnull, Datum time)
{
	TsdbPickTypes *types = state->types;

	if (types->time_byval)
		state->time.datum = time;
	else
	{
		Datum		plain = time;

		if (types->time_len == -1)
			plain = PointerGetDatum(PG_DETOAST_DATUM_PACKED(time));
		slot_set(&state->time, plain, types->time_len, false, state->context);
		if (plain != time)
			pfree(DatumGetPointer(plain));
	}
	state->value_isnull = value_isnull;
	if (!value_isnull)
		slot_set(&state->value, value, types->value_len, types->value_byval, state->context);
	state->has_row = true;
}

bool
tsdb_pick_takes(const TsdbPickState *state, Datum time, Oid collation, bool last)
{
	Datum		own = state->time.datum;
	int			compared;

	if (!state->has_row)
		return true;
	switch (state->types->compare)
	{
		case TSDB_PICK_INT64:
			return last ? DatumGetInt64(time) > DatumGetInt64(own) : DatumGetInt64(time) < DatumGetInt64(own);
		case TSDB_PICK_INT32:
			return last ? DatumGetInt32(time) > DatumGetInt32(own) : DatumGetInt32(time) < DatumGetInt32(own);
		case TSDB_PICK_INT16:
			return last ? DatumGetInt16(time) > DatumGetInt16(own) : DatumGetInt16(time) < DatumGetInt16(own);
		case TSDB_PICK_FUNCTION:
			break;
	}
	compared = DatumGetInt32(FunctionCall2Coll(&state->types->compare_function, collation, time, own));
	return last ? compared > 0 : compared < 0;
}

bytea *
tsdb_pick_serialize(const TsdbPickState *state)
{
	const TsdbPickTypes *types = state->types;
	Size		size;
	bytea	   *result;
	char	   *next;

	Assert(state->has_row);
	size = VARHDRSZ + 2 * sizeof(Oid) +
		datumEstimateSpace(state->value.datum, state->value_isnull, types->value_byval, types->value_len) +
		datumEstimateSpace(state->time.datum, false, types->time_byval, types->time_len);
	result = palloc(size);
	SET_VARSIZE(result, size);
	next = VARDATA(result);
	memcpy(next, &types->value_type, sizeof(Oid));
	next += sizeof(Oid);
	memcpy(next, &types->time_type, sizeof(Oid));
	next += sizeof(Oid);
	datumSerialize(state->value.datum, state->value_isnull, types->value_byval, types->value_len, &next);
	datumSerialize(state->time.datum, false, types->time_byval, types->time_len, &next);
	Assert(next == (char *) result + size);
	return result;
}

TsdbPickState *
tsdb_pick_deserialize(bytea *bytes, TsdbPickTypes **types, MemoryContext types_context)
{
	char	   *next = VARDATA_ANY(bytes);
	TsdbPickState *state;
	Oid			value_type;
	Oid			time_type;
	bool		time_isnull;

	memcpy(&value_type, next, sizeof(Oid));
	next += sizeof(Oid);
	memcpy(&time_type, next, sizeof(Oid));
	next += sizeof(Oid);
	/* (a call site has one pair of types; were there others, the earlier would stay for their states) */
	if (*types == NULL || (*types)->value_type != value_type || (*types)->time_type != time_type)
		*types = tsdb_pick_types(value_type, time_type, types_context);

	state = tsdb_pick_create(*types, CurrentMemoryContext);
	state->value.datum = datumRestore(&next, &state->value_isnull);
	state->time.datum = datumRestore(&next, &time_isnull);
	Assert(!time_isnull);
	Assert(next == (char *) VARDATA_ANY(bytes) + VARSIZE_ANY_EXHDR(bytes));
	state->has_row = true;
	return state;
}

/*-------------------------------------------------------------------- SQL */

static Datum
pick_step(FunctionCallInfo fcinfo, bool last)
{
	TsdbPickState *state = PG_ARGISNULL(0) ? NULL : (TsdbPickState *) PG_GETARG_POINTER(0);

	if (state == NULL)
	{
		MemoryContext context = tsdb_aggregate_context(fcinfo);

		if (fcinfo->flinfo->fn_extra == NULL)
			fcinfo->flinfo->fn_extra = tsdb_pick_types(get_fn_expr_argtype(fcinfo->flinfo, 1),
													   get_fn_expr_argtype(fcinfo->flinfo, 2),
													   fcinfo->flinfo->fn_mcxt);
		if (PG_ARGISNULL(2))
			PG_RETURN_NULL();
		state = tsdb_pick_create(fcinfo->flinfo->fn_extra, context);
	}
	if (!PG_ARGISNULL(2))
		tsdb_pick_offer(state, PG_GETARG_DATUM(1), PG_ARGISNULL(1), PG_GETARG_DATUM(2), PG_GET_COLLATION(), last);
	PG_RETURN_POINTER(state);
}

Datum
tsdb_first_step(PG_FUNCTION_ARGS)
{
	return pick_step(fcinfo, false);
}

Datum
tsdb_last_step(PG_FUNCTION_ARGS)
{
	return pick_step(fcinfo, true);
}

/* The first state is the aggregate's own, the second may be another process's or node's. */
static Datum
pick_combine(FunctionCallInfo fcinfo, bool last)
{
	MemoryContext context = tsdb_aggregate_context(fcinfo);
	TsdbPickState *state = PG_ARGISNULL(0) ? NULL : (TsdbPickState *) PG_GETARG_POINTER(0);
	TsdbPickState *other = PG_ARGISNULL(1) ? NULL : (TsdbPickState *) PG_GETARG_POINTER(1);

	if (other != NULL && other->has_row)
	{
		if (state == NULL)
			state = tsdb_pick_create(other->types, context);
		tsdb_pick_offer(state, other->value.datum, other->value_isnull, other->time.datum, PG_GET_COLLATION(), last);
	}
	if (state == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(state);
}

Datum
tsdb_first_combine(PG_FUNCTION_ARGS)
{
	return pick_combine(fcinfo, false);
}

Datum
tsdb_last_combine(PG_FUNCTION_ARGS)
{
	return pick_combine(fcinfo, true);
}

/* (strict: a state that does not exist is not serialised; one that does has a row) */
Datum
tsdb_first_last_serialize(PG_FUNCTION_ARGS)
{
	(void) tsdb_aggregate_context(fcinfo);
	PG_RETURN_BYTEA_P(tsdb_pick_serialize((TsdbPickState *) PG_GETARG_POINTER(0)));
}

Datum
tsdb_first_last_deserialize(PG_FUNCTION_ARGS)
{
	TsdbPickTypes *types = fcinfo->flinfo->fn_extra;
	TsdbPickState *state;

	(void) tsdb_aggregate_context(fcinfo);
	state = tsdb_pick_deserialize(PG_GETARG_BYTEA_PP(0), &types, fcinfo->flinfo->fn_mcxt);
	fcinfo->flinfo->fn_extra = types;
	PG_RETURN_POINTER(state);
}

Datum
tsdb_first_last_final(PG_FUNCTION_ARGS)
{
	TsdbPickState *state = PG_ARGISNULL(0) ? NULL : (TsdbPickState *) PG_GETARG_POINTER(0);

	(void) tsdb_aggregate_context(fcinfo);
	if (state == NULL || !state->has_row || state->value_isnull)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(state->value.datum);
}
