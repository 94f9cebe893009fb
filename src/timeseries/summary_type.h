/*-------------------------------------------------------------------------
 * summary_type.h
 *	  Types of summaries: what an aggregate knows of its rows, as a value that can be stored.
 *
 * Each is a varlena: a header that names kind and version, then what the kind says, little endian,
 * every field at a multiple of its size, unused bytes zero.  Text is those bytes (without the
 * length) in bytea's hexadecimal form; the binary form is the bytes.
 *
 * A version is for ever: values are in users' tables and dumps.  Whoever changes a format adds
 * a version and reads the old one as well.
 *
 * Bytes come from users, and from disk: tsdb_summary_get() and the input functions let only those
 * pass whose kind's check() finds nothing wrong; what is computed from others may rely on it.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_SUMMARY_TYPE_H
#define TSDB_SUMMARY_TYPE_H

#include "postgres.h"

#include "fmgr.h"

typedef enum TsdbSummaryKind
{
	TSDB_SUMMARY_COUNTER = 1,	/* stored: never renumber */
	TSDB_SUMMARY_TIME_WEIGHT = 2,
	TSDB_SUMMARY_CANDLESTICK = 3,
	TSDB_SUMMARY_UDDSKETCH = 4,
	TSDB_SUMMARY_HYPERLOGLOG = 5
} TsdbSummaryKind;

typedef struct TsdbSummary
{
	int32		vl_len_;		/* varlena's */
	uint8		kind;			/* TsdbSummaryKind */
	uint8		version;		/* 1 */
	uint16		unused;			/* 0 */
} TsdbSummary;

StaticAssertDecl(sizeof(TsdbSummary) == 8, "what follows a summary's header is aligned to 8 bytes");

typedef struct TsdbSummaryType
{
	const char *name;			/* of the SQL type, for messages */
	TsdbSummaryKind kind;
	Size		size;			/* of all values, header included; 0 = they differ */
	/* NULL, or what is wrong with a summary whose header, and size unless 0, are right */
	const char *(*check) (const TsdbSummary *summary, Size len);
} TsdbSummaryType;

/* A summary of len bytes, header included and set, all else zero, in the current context */
extern TsdbSummary *tsdb_summary_create(const TsdbSummaryType *type, Size len);

/* Of a Datum, detoasted, aligned and checked; throws DATA_CORRUPTED.  Not to be written to. */
extern const TsdbSummary *tsdb_summary_get(Datum datum, const TsdbSummaryType *type);

/* Input functions; the types' output and send functions are one for all. */
extern Datum tsdb_summary_in(FunctionCallInfo fcinfo, const TsdbSummaryType *type);
extern Datum tsdb_summary_recv(FunctionCallInfo fcinfo, const TsdbSummaryType *type);
extern PGDLLEXPORT Datum tsdb_summary_out(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tsdb_summary_send(PG_FUNCTION_ARGS);

#define TSDB_SUMMARY_INPUT_FUNCTIONS(name, type) \
	PG_FUNCTION_INFO_V1(tsdb_##name##_in); \
	PG_FUNCTION_INFO_V1(tsdb_##name##_recv); \
	Datum tsdb_##name##_in(PG_FUNCTION_ARGS) { return tsdb_summary_in(fcinfo, type); } \
	Datum tsdb_##name##_recv(PG_FUNCTION_ARGS) { return tsdb_summary_recv(fcinfo, type); } \
	extern int tsdb_no_such_symbol

/*
 * Summaries of one size that a rollup collects, to put them in order at its end.
 *
 * The step's state is its first argument, the summary its second; NULL is ignored.  All have the
 * same kind, as the SQL function's signature says.
 */
typedef struct TsdbSummaryList
{
	MemoryContext context;
	Size		size;			/* of one */
	Size		n;
	Size		room;
	char	   *items;			/* n of size bytes */
} TsdbSummaryList;

extern Datum tsdb_summary_list_step(FunctionCallInfo fcinfo, const TsdbSummaryType *type);
/* Of a final function, sorted by the 64-bit integer at key_offset, then by bytes; NULL if there is none */
extern TsdbSummaryList *tsdb_summary_list_final(FunctionCallInfo fcinfo, Size key_offset);
extern PGDLLEXPORT Datum tsdb_summary_list_combine(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tsdb_summary_list_serialize(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum tsdb_summary_list_deserialize(PG_FUNCTION_ARGS);

/* For two summaries of a list: throws INVALID_PARAMETER_VALUE unless the second begins after the first ends. */
extern void tsdb_summary_require_after(int64 end_of_first, int64 start_of_second, const TsdbSummaryType *type);

/* Sum of two numbers of rows; throws NUMERIC_VALUE_OUT_OF_RANGE */
extern int64 tsdb_summary_add_counts(int64 a, int64 b);

static inline const void *
tsdb_summary_list_item(const TsdbSummaryList *list, Size i)
{
	Assert(i < list->n);
	return list->items + i * list->size;
}

#endif							/* TSDB_SUMMARY_TYPE_H */
