/*-------------------------------------------------------------------------
 * cagg_internal.h
 *	  Shared inside cagg/.
 *
 * Times are int64 here: microseconds since 2000 for timestamps, days since 2000 for dates, integers as they are.
 * PG_INT64_MIN and PG_INT64_MAX stand for -infinity and infinity.  Ranges include both ends.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_CAGG_INTERNAL_H
#define TSDB_CAGG_INTERNAL_H

#include "compat.h"

#include "nodes/parsenodes.h"
#include "nodes/primnodes.h"
#include "storage/itemptr.h"
#include "utils/relcache.h"
#include "utils/snapshot.h"

typedef struct TsdbTimeRange
{
	int64		first;
	int64		last;			/* >= first */
} TsdbTimeRange;

/* Disjoint ranges in ascending order, none next to another. */
typedef struct TsdbTimeRanges
{
	int			n;
	int			size;
	TsdbTimeRange *ranges;
} TsdbTimeRanges;

/* A row of tsdb.cagg; in the context that was current. */
typedef struct TsdbCagg
{
	Oid			stored;			/* table of stored buckets: the aggregate's key */
	Oid			view;
	Oid			source;			/* table whose rows it is made of, through other aggregates too */
	Oid			parent;			/* aggregate (its stored table) whose view it reads; invalid = the source itself */
	NameData	time_column;	/* of the source */
	AttrNumber	bucket_attnum;	/* of the stored table */
	char	   *bucket_expr;	/* start of the bucket of source time $1 */
	bool		materialized_only;
	int64		kept_before;	/* buckets before that time are kept as they are; PG_INT64_MIN = none */
} TsdbCagg;

/*--- cagg_catalog.c ---*/

/* OIDs of our tables; invalid if the extension has none (an older version of its SQL). */
extern Oid	tsdb_cagg_catalog(void);
extern Oid	tsdb_cagg_dirty_table(void);

/* By stored table, by view, by either: false if there is none. */
extern bool tsdb_cagg_find(Oid stored, TsdbCagg *cagg);
extern bool tsdb_cagg_find_as_of(Oid stored, Snapshot snapshot, TsdbCagg *cagg);
extern bool tsdb_cagg_find_view(Oid view, TsdbCagg *cagg);
/* List of TsdbCagg * of a source table. */
extern List *tsdb_cagg_of_source(Oid source);
/* Is any aggregate made of this one's view? */
extern bool tsdb_cagg_has_children(Oid stored);
/* The view or stored table that a user names, or an error; checks that he owns it. */
extern void tsdb_cagg_require(Oid relid, TsdbCagg *cagg);
/* Writes rows, as the owner of the extension's tables. */
extern void tsdb_cagg_execute(const char *query, int nargs, Oid *types, Datum *values, const char *nulls);
extern void tsdb_cagg_delete(Oid stored);
/* Has all sessions ask again which tables have aggregates. */
extern void tsdb_cagg_invalidate(Oid source);

/*--- time_range.c ---*/

extern TsdbTimeRanges *tsdb_ranges_make(void);
/* Appends; not in order until tsdb_ranges_normalize. */
extern void tsdb_ranges_append(TsdbTimeRanges *ranges, int64 first, int64 last);
extern void tsdb_ranges_normalize(TsdbTimeRanges *ranges);
/* The part inside of first .. last, and the part outside. */
extern TsdbTimeRanges *tsdb_ranges_inside(const TsdbTimeRanges *ranges, int64 first, int64 last);
extern TsdbTimeRanges *tsdb_ranges_outside(const TsdbTimeRanges *ranges, int64 first, int64 last);

/* Types of time that buckets may have, and values of them. */
extern bool tsdb_time_type_known(Oid type);
extern int64 tsdb_time_from_datum(Datum value, Oid type);
/* Out of the type's range: its first or last value. */
extern Datum tsdb_time_to_datum(int64 value, Oid type);

/*--- bucket_map.c ---*/

/* The function from times to starts of buckets.  It never falls, which tsdb_bucket_map_check has made sure of. */
typedef struct TsdbBucketMap TsdbBucketMap;

/* expr: bucket_expr of TsdbCagg.  Lives in cxt. */
extern TsdbBucketMap *tsdb_bucket_map_make(const char *expr, Oid type, MemoryContext cxt);
/* First and last time of the bucket that a time is in. */
extern int64 tsdb_bucket_first(TsdbBucketMap *map, int64 time);
extern int64 tsdb_bucket_last(TsdbBucketMap *map, int64 time);
/* Widens ranges to whole buckets; the result is normalized. */
extern void tsdb_bucket_align(TsdbBucketMap *map, TsdbTimeRanges *ranges);
/* Refuses a call of time_bucket whose buckets in a time zone are not ranges of time. */
extern void tsdb_bucket_map_check(TsdbBucketMap *map, FuncExpr *call);

/*--- dirty_log.c ---*/

/* Writes that buckets of these times are to be computed anew; visible to whoever sees what was written under cid. */
extern void tsdb_dirty_log_add(Oid stored, int64 first, int64 last, CommandId cid);
/* What a snapshot sees: normalized.  *tids: List of ItemPointer, NULL = not wanted. */
extern TsdbTimeRanges *tsdb_dirty_log_read(Oid stored, Snapshot snapshot, List **tids);
extern void tsdb_dirty_log_delete(List *tids);

/*--- change_capture.c ---*/

extern void tsdb_capture_init(void);
/* The times of a whole table, or of a partition those of its bounds, for all aggregates made of it or of a table it is part of. */
extern void tsdb_capture_whole(Oid relid, CommandId cid);
/* Source tables among a relation and those it is a part of. */
extern List *tsdb_capture_sources(Oid relid);
/* What was logged in this transaction has been consumed: later changes are to be logged again. */
extern void tsdb_capture_forget(Oid stored);

/*--- cagg_define.c ---*/

extern void tsdb_cagg_create(RangeVar *name, SelectStmt *select, List *column_names, const char *query_string,
							 bool if_not_exists, bool materialized_only, bool with_data);
/* Errors if a source table is, or has as a partition, something whose changes are not seen. */
extern void tsdb_cagg_check_tree(Oid source);

/*--- cagg_refresh.c ---*/

/* What is to be computed from the source: for the view, or for the refresh that runs. */
extern TsdbTimeRanges *tsdb_cagg_fresh_ranges(const TsdbCagg *cagg, Snapshot snapshot, List **tids);
/* Refreshes buckets that lie in first .. last as a whole; returns the rows written. */
extern uint64 tsdb_cagg_refresh(const TsdbCagg *cagg, int64 first, int64 last, bool force);
/* Is it the refresh of that aggregate that writes in this session? */
extern bool tsdb_cagg_is_refreshing(Oid stored);
/* Type of the bucket column. */
extern Oid	tsdb_cagg_time_type(const TsdbCagg *cagg);

/*--- cagg_ddl.c ---*/

extern void tsdb_cagg_ddl_init(void);

#endif							/* TSDB_CAGG_INTERNAL_H */
