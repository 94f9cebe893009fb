/*-------------------------------------------------------------------------
 * first_last.h
 *	  State of the aggregates first(value, time) and last(value, time): the chosen row so far.
 *
 * For the aggregates themselves, and for whoever computes them in another way and hands the state
 * on: as it is to a combine function of the same process, serialised to another process, or
 * finished, by reading the value.
 *
 * Rows whose time is NULL are never offered to a state.  A value may be NULL.  Of rows with equal
 * times the one that was offered first stays.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_FIRST_LAST_H
#define TSDB_FIRST_LAST_H

#include "postgres.h"

#include "fmgr.h"

/* How two times are compared */
typedef enum TsdbPickCompare
{
	TSDB_PICK_INT64,			/* as these integers; by far the most frequent: timestamps */
	TSDB_PICK_INT32,
	TSDB_PICK_INT16,
	TSDB_PICK_FUNCTION			/* by the type's btree comparison */
} TsdbPickCompare;

/* What all states of one call site share.  Immutable but for what `compare_function` caches. */
typedef struct TsdbPickTypes
{
	Oid			value_type;
	Oid			time_type;
	int16		value_len;
	int16		time_len;
	bool		value_byval;
	bool		time_byval;
	TsdbPickCompare compare;
	FmgrInfo	compare_function;	/* set if compare is TSDB_PICK_FUNCTION */
} TsdbPickTypes;

/* A Datum and, unless passed by value, memory of our own that it is in */
typedef struct TsdbPickSlot
{
	Datum		datum;
	Size		room;			/* bytes that can be overwritten at datum; 0 = none */
} TsdbPickSlot;

typedef struct TsdbPickState
{
	TsdbPickTypes *types;		/* not owned; lives at least as long */
	MemoryContext context;		/* of this state and what it points to */
	bool		has_row;		/* false: all else is unset */
	bool		value_isnull;
	TsdbPickSlot value;			/* may point to a TOAST value, as it came; unset if value_isnull */
	TsdbPickSlot time;			/* never TOASTed */
} TsdbPickState;

/*
 * Looks the types up; allocated in context.  Throws UNDEFINED_FUNCTION if the type of time has no
 * btree order.
 */
extern TsdbPickTypes *tsdb_pick_types(Oid value_type, Oid time_type, MemoryContext context);

/* A state without a row, allocated in context, as is all that is put into it later. */
extern TsdbPickState *tsdb_pick_create(TsdbPickTypes *types, MemoryContext context);

/* Makes copies of value and time the state's row, whatever it had. */
extern void tsdb_pick_set(TsdbPickState *state, Datum value, bool value_isnull, Datum time);

/*
 * Whether a row of that time takes the place of the state's row: for first if earlier, for last
 * if later, always if there is none.
 */
extern bool tsdb_pick_takes(const TsdbPickState *state, Datum time, Oid collation, bool last);

/* Both: sets the row if it takes the place. */
static inline void
tsdb_pick_offer(TsdbPickState *state, Datum value, bool value_isnull, Datum time, Oid collation, bool last)
{
	if (tsdb_pick_takes(state, time, collation, last))
		tsdb_pick_set(state, value, value_isnull, time);
}

/*
 * To bytes in the current context and back (into a state in the current context), within one
 * server.  Only states with a row are serialised.  `types` is where a call site remembers the
 * types of the last state, in types_context; initially NULL.
 */
extern bytea *tsdb_pick_serialize(const TsdbPickState *state);
extern TsdbPickState *tsdb_pick_deserialize(bytea *bytes, TsdbPickTypes **types, MemoryContext types_context);

/* The SQL functions; modules know the aggregates by their transition function (FmgrInfo.fn_addr). */
extern PGDLLEXPORT Datum tsdb_first_step(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tsdb_last_step(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tsdb_first_combine(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tsdb_last_combine(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tsdb_first_last_serialize(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tsdb_first_last_deserialize(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tsdb_first_last_final(PG_FUNCTION_ARGS);

#endif							/* TSDB_FIRST_LAST_H */
