/*-------------------------------------------------------------------------
 * cagg_refresh.c
 *	  Refreshes aggregates; functions that their views call.
 *
 * A refresh, in one snapshot S taken under the aggregate's lock:
 *	1. reads the rows of the dirty log that S sees; their ranges, widened to buckets, as far as they lie in the window, are R
 *	2. deletes those rows, and writes what is left of them outside R
 *	3. deletes the stored buckets of R
 *	4. inserts what the view gives for R: the view itself is told (refresh_ranges) that R and nothing else is to be
 *	   computed, and nothing to be read from what is stored
 * README.md tells why no change is lost.
 *-------------------------------------------------------------------------
 */
#include "cagg/cagg_internal.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "sqlfunc/table_access.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

PG_FUNCTION_INFO_V1(tsdb_cagg_fresh);
PG_FUNCTION_INFO_V1(tsdb_cagg_in);
PG_FUNCTION_INFO_V1(tsdb_cagg_ranges);
PG_FUNCTION_INFO_V1(tsdb_cagg_refresh_call);
PG_FUNCTION_INFO_V1(tsdb_cagg_keep);
PG_FUNCTION_INFO_V1(tsdb_cagg_limit);
PG_FUNCTION_INFO_V1(tsdb_cagg_info);

/* Up to so many ranges are deleted by a statement each, which can drop chunks as a whole; more by one that looks at each row between. */
#define MAX_DELETES		16

/* Rows of the log that are left as they are, though fewer would do. */
#define COMPACT_ROWS	64

/* The refresh that runs in this session */
static Oid	refresh_stored = InvalidOid;
static const TsdbTimeRanges *refresh_ranges = NULL;

bool
tsdb_cagg_is_refreshing(Oid stored)
{
	return stored == refresh_stored;
}

Oid
tsdb_cagg_time_type(const TsdbCagg *cagg)
{
	Oid			type = get_atttype(cagg->stored, cagg->bucket_attnum);

	if (!tsdb_time_type_known(type))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("table \"%s\" has lost its column of buckets", get_rel_name(cagg->stored))));
	return type;
}

/* Buckets before kept_before are what they are. */
static TsdbTimeRanges *
dirty_ranges(const TsdbCagg *cagg, TsdbBucketMap *map, Snapshot snapshot, List **tids)
{
	TsdbTimeRanges *ranges = tsdb_dirty_log_read(cagg->stored, snapshot, tids);

	tsdb_bucket_align(map, ranges);
	if (cagg->kept_before != PG_INT64_MIN)
		ranges = tsdb_ranges_inside(ranges, cagg->kept_before, PG_INT64_MAX);
	return ranges;
}

/*
 * The aggregate's map from times to buckets, kept for the session: every query of a view wants it.  An aggregate's never
 * changes; OIDs come again, hence the look at the text.
 */
typedef struct KeptMap
{
	Oid			stored;
	char	   *expr;
	MemoryContext cxt;
	TsdbBucketMap *map;
} KeptMap;

static HTAB *kept_maps = NULL;

static TsdbBucketMap *
map_of(const TsdbCagg *cagg)
{
	KeptMap    *kept;
	bool		found;
	MemoryContext cxt;
	TsdbBucketMap *map;
	Oid			type = tsdb_cagg_time_type(cagg);

	if (kept_maps == NULL)
	{
		HASHCTL		ctl;

		ctl.keysize = sizeof(Oid);
		ctl.entrysize = sizeof(KeptMap);
		kept_maps = hash_create("tsdb bucket maps", 16, &ctl, HASH_ELEM | HASH_BLOBS);
	}
	kept = hash_search(kept_maps, &cagg->stored, HASH_FIND, NULL);
	if (kept != NULL)
	{
		if (strcmp(kept->expr, cagg->bucket_expr) == 0)
			return kept->map;
		cxt = kept->cxt;
		hash_search(kept_maps, &cagg->stored, HASH_REMOVE, NULL);
		MemoryContextDelete(cxt);
	}
	cxt = AllocSetContextCreate(CurrentMemoryContext, "tsdb bucket map", ALLOCSET_SMALL_SIZES);
	map = tsdb_bucket_map_make(cagg->bucket_expr, type, cxt);
	MemoryContextSetParent(cxt, TopMemoryContext);
	kept = hash_search(kept_maps, &cagg->stored, HASH_ENTER, &found);
	kept->cxt = cxt;
	kept->map = map;
	kept->expr = MemoryContextStrdup(cxt, cagg->bucket_expr);
	return map;
}

TsdbTimeRanges *
tsdb_cagg_fresh_ranges(const TsdbCagg *cagg, Snapshot snapshot, List **tids)
{
	return dirty_ranges(cagg, map_of(cagg), snapshot, tids);
}

static Datum
ranges_to_array(const TsdbTimeRanges *ranges)
{
	Datum	   *elems = palloc(sizeof(Datum) * (2 * ranges->n + 1));
	int			i;

	for (i = 0; i < ranges->n; i++)
	{
		elems[2 * i] = Int64GetDatum(ranges->ranges[i].first);
		elems[2 * i + 1] = Int64GetDatum(ranges->ranges[i].last);
	}
	return PointerGetDatum(construct_array(elems, 2 * ranges->n, INT8OID, 8, true, TYPALIGN_DOUBLE));
}

/* Has the table of stored buckets got a column that the snapshot does not know of?  What it sees stored has no values for it. */
static bool
has_younger_column(Oid stored, Snapshot snapshot)
{
	Relation	rel = table_open(AttributeRelationId, AccessShareLock);
	ScanKeyData keys[2];
	SysScanDesc scan;
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(stored));
	int			ncolumns;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", stored);
	ncolumns = ((Form_pg_class) GETSTRUCT(tuple))->relnatts;
	ReleaseSysCache(tuple);
	ScanKeyInit(&keys[0], Anum_pg_attribute_attrelid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(stored));
	ScanKeyInit(&keys[1], Anum_pg_attribute_attnum, BTGreaterStrategyNumber, F_INT2GT, Int16GetDatum(0));
	scan = systable_beginscan(rel, AttributeRelidNumIndexId, true, snapshot, lengthof(keys), keys);
	while (HeapTupleIsValid(systable_getnext(scan)))
		ncolumns--;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return ncolumns > 0;
}

/*
 * tsdb.cagg_fresh(stored regclass, OUT stored_too boolean, OUT ranges bigint[]): which times the view computes from the source,
 * and whether it reads the stored buckets outside of them.
 */
Datum
tsdb_cagg_fresh(PG_FUNCTION_ARGS)
{
	Oid			stored = PG_GETARG_OID(0);
	TupleDesc	desc;
	TsdbCagg	cagg;
	const TsdbTimeRanges *ranges;
	Datum		values[2];
	bool		nulls[2] = {false, false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");

	if (stored == refresh_stored && refresh_ranges != NULL)
	{
		values[0] = BoolGetDatum(false);
		ranges = refresh_ranges;
	}
	else
	{
		Snapshot	snapshot = GetActiveSnapshot();
		bool		seen = tsdb_cagg_find_as_of(stored, snapshot, &cagg);

		if (!seen && !tsdb_cagg_find(stored, &cagg))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("table \"%s\" holds no buckets of a continuous aggregate", get_rel_name(stored)),
					 errdetail("It has no row in tsdb.cagg.")));
		values[0] = BoolGetDatum(true);
		if (!seen)
		{
			/* younger than the snapshot, which sees nothing of what is stored, nor of the log */
			TsdbTimeRanges *all = tsdb_ranges_make();

			tsdb_ranges_append(all, PG_INT64_MIN, PG_INT64_MAX);
			ranges = all;
		}
		else if (cagg.materialized_only)
			ranges = tsdb_ranges_make();
		else if (has_younger_column(stored, snapshot))
		{
			TsdbTimeRanges *all = tsdb_ranges_make();

			tsdb_ranges_append(all, cagg.kept_before, PG_INT64_MAX);
			ranges = all;
		}
		else
			ranges = tsdb_cagg_fresh_ranges(&cagg, snapshot, NULL);
	}
	values[1] = ranges_to_array(ranges);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}

/* The integers of a bigint[] */
static int64 *
array_values(ArrayType *array, int *n)
{
	if (ARR_NDIM(array) > 1 || ARR_HASNULL(array) || ARR_ELEMTYPE(array) != INT8OID)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("ranges must be an array of pairs of bigint")));
	*n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	/* (of an array without nulls) */
	return (int64 *) ((char *) array + ARR_OVERHEAD_NONULLS(ARR_NDIM(array)));
}

static Oid
argument_type(FunctionCallInfo fcinfo, int arg)
{
	Oid			type = getBaseType(get_fn_expr_argtype(fcinfo->flinfo, arg));

	if (!tsdb_time_type_known(type))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("argument %d must be a time, a date or an integer", arg + 1)));
	return type;
}

/* tsdb.cagg_in(bucket anyelement, ranges bigint[]): does it lie in one of them? */
Datum
tsdb_cagg_in(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(1);
	int			n;
	int64	   *values = array_values(array, &n);
	int64		time;
	int			low = 0;
	int			high = n / 2 - 1;

	if (n == 0)
		PG_RETURN_BOOL(false);
	if (fcinfo->flinfo->fn_extra == NULL)
	{
		Oid		   *type = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, sizeof(Oid));

		*type = argument_type(fcinfo, 0);
		fcinfo->flinfo->fn_extra = type;
	}
	time = tsdb_time_from_datum(PG_GETARG_DATUM(0), *(Oid *) fcinfo->flinfo->fn_extra);
	while (low <= high)
	{
		int			middle = (low + high) / 2;

		if (time < values[2 * middle])
			high = middle - 1;
		else if (time > values[2 * middle + 1])
			low = middle + 1;
		else
			PG_RETURN_BOOL(true);
	}
	PG_RETURN_BOOL(false);
}

/* tsdb.cagg_ranges(ranges bigint[], type anyelement, OUT range_start anyelement, OUT range_end anyelement): the same as rows */
Datum
tsdb_cagg_ranges(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	int			n;
	int64	   *values;
	Oid			type = argument_type(fcinfo, 1);
	int			i;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	values = array_values(PG_GETARG_ARRAYTYPE_P(0), &n);
	for (i = 0; i + 1 < n; i += 2)
	{
		Datum		row[2] = {tsdb_time_to_datum(values[i], type), tsdb_time_to_datum(values[i + 1], type)};
		bool		nulls[2] = {false, false};

		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, row, nulls);
	}
	return (Datum) 0;
}

static char *
qualified_name(Oid relid)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid));
}

static uint64
execute_in_snapshot(const char *query, int nargs, Oid *types, Datum *values, Snapshot snapshot)
{
	SPIPlanPtr	plan = SPI_prepare(query, nargs, types);
	int			result;

	if (plan == NULL)
		elog(ERROR, "SPI_prepare returned %s for %s", SPI_result_code_string(SPI_result), query);
	result = SPI_execute_snapshot(plan, values, NULL, snapshot, InvalidSnapshot, false, false, 0);
	if (result < 0)
		elog(ERROR, "SPI_execute_snapshot returned %s", SPI_result_code_string(result));
	SPI_freeplan(plan);
	return SPI_processed;
}

static void
delete_stored(const TsdbCagg *cagg, const TsdbTimeRanges *ranges, Snapshot snapshot)
{
	Oid			type = tsdb_cagg_time_type(cagg);
	Oid			types[] = {type, type, INT8ARRAYOID};
	const char *column = quote_identifier(get_attname(cagg->stored, cagg->bucket_attnum, false));
	char	   *query = psprintf("DELETE FROM ONLY %s WHERE %s OPERATOR(pg_catalog.>=) $1 AND %s OPERATOR(pg_catalog.<=) $2",
								 qualified_name(cagg->stored), column, column);
	Datum		values[3];
	int			i;

	if (ranges->n > MAX_DELETES)
	{
		values[0] = tsdb_time_to_datum(ranges->ranges[0].first, type);
		values[1] = tsdb_time_to_datum(ranges->ranges[ranges->n - 1].last, type);
		values[2] = ranges_to_array(ranges);
		execute_in_snapshot(psprintf("%s AND tsdb.cagg_in(%s, $3)", query, column), 3, types, values, snapshot);
		return;
	}
	for (i = 0; i < ranges->n; i++)
	{
		values[0] = tsdb_time_to_datum(ranges->ranges[i].first, type);
		values[1] = tsdb_time_to_datum(ranges->ranges[i].last, type);
		execute_in_snapshot(query, 2, types, values, snapshot);
	}
}

/* Steps 3 and 4, as the aggregate's owner: whoever may call for a refresh, functions in the query get no more rights than his. */
static uint64
compute(const TsdbCagg *cagg, const TsdbTimeRanges *ranges, Snapshot snapshot)
{
	Relation	view = table_open(cagg->view, AccessShareLock);
	Oid			save_userid;
	int			save_sec_context;
	int			guc_level = NewGUCNestLevel();
	volatile uint64 nrows = 0;
	const TsdbTimeRanges *save_ranges = refresh_ranges;
	Oid			save_stored = refresh_stored;

	GetUserIdAndSecContext(&save_userid, &save_sec_context);
	SetUserIdAndSecContext(view->rd_rel->relowner,
						   save_sec_context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
	SPI_connect();
	PG_TRY();
	{
		refresh_stored = cagg->stored;
		refresh_ranges = ranges;
		delete_stored(cagg, ranges, snapshot);
		nrows = execute_in_snapshot(psprintf("INSERT INTO %s SELECT * FROM %s", qualified_name(cagg->stored),
											 qualified_name(cagg->view)), 0, NULL, NULL, snapshot);
	}
	PG_FINALLY();
	{
		refresh_stored = save_stored;
		refresh_ranges = save_ranges;
	}
	PG_END_TRY();
	SPI_finish();
	AtEOXact_GUC(false, guc_level);
	SetUserIdAndSecContext(save_userid, save_sec_context);
	table_close(view, NoLock);
	return nrows;
}

static void
require_own_snapshots(void)
{
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("continuous aggregates cannot be refreshed at isolation level %s",
						XactIsoLevel == XACT_SERIALIZABLE ? "serializable" : "repeatable read"),
				 errhint("The transaction must be READ COMMITTED: the refresh has to see all changes that the one before it saw.")));
}

/*
 * What the active snapshot sees of the log may tell of a partition that was attached, or detached CONCURRENTLY, after the locks were taken, and by
 * a transaction that others see but that has not told them yet to look at their caches again.  Those that came are still locked by it; what has
 * gone is found out by reading the catalogues anew.
 */
static void
see_partitions(Oid source)
{
	ListCell   *lc;

	AcceptInvalidationMessages();
	foreach(lc, find_all_inheritors(source, AccessShareLock, NULL))
	{
		if (get_rel_relkind(lfirst_oid(lc)) == RELKIND_PARTITIONED_TABLE)
			RelationCacheInvalidateEntry(lfirst_oid(lc));
	}
}

uint64
tsdb_cagg_refresh(const TsdbCagg *cagg, int64 first, int64 last, bool force)
{
	TsdbBucketMap *map;
	TsdbTimeRanges *dirty;
	TsdbTimeRanges *ranges;
	TsdbTimeRanges *left;
	List	   *tids = NIL;
	Snapshot	snapshot;
	CommandId	cid;
	uint64		nrows = 0;
	TsdbCagg	now;
	int			i;

	require_own_snapshots();
	PreventCommandIfReadOnly("REFRESH");
	PreventCommandIfParallelMode("REFRESH");

	/* before the snapshot: a TRUNCATE has committed, and is seen, or has not begun; in the order in which DROP ... CASCADE takes them */
	LockRelationOid(cagg->source, AccessShareLock);
	(void) find_all_inheritors(cagg->source, AccessShareLock, NULL);
	LockRelationOid(cagg->view, AccessShareLock);
	/* one refresh of an aggregate at a time, to the end of its transaction */
	LockRelationOid(cagg->stored, ShareUpdateExclusiveLock);
	if (!tsdb_cagg_find(cagg->stored, &now) || now.view != cagg->view)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("continuous aggregate was dropped meanwhile")));
	cagg = &now;

	map = map_of(cagg);
	/* whole buckets of the window alone */
	if (first != PG_INT64_MIN && tsdb_bucket_first(map, first) < first)
	{
		first = tsdb_bucket_last(map, first);
		if (first == PG_INT64_MAX)
			return 0;
		first++;
	}
	if (last != PG_INT64_MAX && tsdb_bucket_last(map, last) > last)
	{
		last = tsdb_bucket_first(map, last);
		if (last == PG_INT64_MIN)
			return 0;
		last--;
	}
	first = Max(first, cagg->kept_before);
	if (first > last)
		return 0;

	if (force)
		tsdb_dirty_log_add(cagg->stored, first, last, GetCurrentCommandId(true));
	CommandCounterIncrement();
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	PushActiveSnapshot(snapshot);
	see_partitions(cagg->source);

	dirty = dirty_ranges(cagg, map, snapshot, &tids);
	ranges = tsdb_ranges_inside(dirty, first, last);
	left = tsdb_ranges_outside(dirty, first, last);
	if (ranges->n > 0 || list_length(tids) > left->n + COMPACT_ROWS)
	{
		tsdb_dirty_log_delete(tids);
		cid = GetCurrentCommandId(true);
		for (i = 0; i < left->n; i++)
			tsdb_dirty_log_add(cagg->stored, left->ranges[i].first, left->ranges[i].last, cid);
		tsdb_capture_forget(cagg->stored);
	}
	if (ranges->n > 0)
		nrows = compute(cagg, ranges, snapshot);

	PopActiveSnapshot();
	UnregisterSnapshot(snapshot);
	return nrows;
}

/* An argument of type "any" as a time; NULL: otherwise. */
static int64
time_argument(FunctionCallInfo fcinfo, int arg, Oid type, int64 otherwise)
{
	Oid			given = get_fn_expr_argtype(fcinfo->flinfo, arg);
	Oid			input;
	Oid			ioparam;
	char	   *text;

	if (PG_ARGISNULL(arg))
		return otherwise;
	if (given == type)
		return tsdb_time_from_datum(PG_GETARG_DATUM(arg), type);
	if (given == UNKNOWNOID)
		text = DatumGetCString(PG_GETARG_DATUM(arg));
	else
	{
		if (given == INTERVALOID)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("a window is told by times of type %s, not by intervals", format_type_be(type))));
		text = tsdb_plain_text(PG_GETARG_DATUM(arg), given);
	}
	getTypeInputInfo(type, &input, &ioparam);
	return tsdb_time_from_datum(OidInputFunctionCall(input, text, ioparam, -1), type);
}

/* tsdb.refresh_continuous_aggregate(continuous_aggregate regclass, window_start "any", window_end "any", force boolean) */
Datum
tsdb_cagg_refresh_call(PG_FUNCTION_ARGS)
{
	TsdbCagg	cagg;
	Oid			type;
	int64		first;
	int64		last;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("continuous_aggregate must not be NULL")));
	tsdb_cagg_require(PG_GETARG_OID(0), &cagg);
	type = tsdb_cagg_time_type(&cagg);
	first = time_argument(fcinfo, 1, type, PG_INT64_MIN);
	last = time_argument(fcinfo, 2, type, PG_INT64_MAX);
	if (!PG_ARGISNULL(2) && last != PG_INT64_MAX)
	{
		/* the end is not part of the window */
		if (last == PG_INT64_MIN)
			first = PG_INT64_MAX;
		else
			last--;
	}
	if (first > last)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the window's start must be before its end")));
	PG_RETURN_INT64((int64) tsdb_cagg_refresh(&cagg, first, last, !PG_ARGISNULL(3) && PG_GETARG_BOOL(3)));
}

/*
 * Aggregates made of a relation, or of what it is a part of, by that time column.  (Rows that are old by one column are any by another: for an aggregate
 * that goes by that, they are deleted.)
 */
static List *
caggs_of(Oid relid, Name time_column)
{
	List	   *caggs = NIL;
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, tsdb_capture_sources(relid))
	{
		foreach(lc2, tsdb_cagg_of_source(lfirst_oid(lc)))
		{
			if (strcmp(NameStr(((TsdbCagg *) lfirst(lc2))->time_column), NameStr(*time_column)) == 0)
				caggs = lappend(caggs, lfirst(lc2));
		}
	}
	return caggs;
}

static int64
parse_time(const char *value, Oid type)
{
	Oid			input;
	Oid			ioparam;

	getTypeInputInfo(type, &input, &ioparam);
	return tsdb_time_from_datum(OidInputFunctionCall(input, unconstify(char *, value), ioparam, -1), type);
}

/*
 * tsdb.cagg_keep(relation regclass, before text, time_column name): rows before that time are about to be dropped by retention, and what was made
 * of them is to be kept.  An error if some aggregate has not taken all of them yet.
 *
 * The caller holds a lock on the source that keeps writers out.
 */
Datum
tsdb_cagg_keep(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	char	   *limit = text_to_cstring(PG_GETARG_TEXT_PP(1));
	ListCell   *lc;

	tsdb_require_owner(relid);
	foreach(lc, caggs_of(relid, PG_GETARG_NAME(2)))
	{
		TsdbCagg   *cagg = lfirst(lc);
		TsdbBucketMap *map;
		TsdbTimeRanges *dirty;
		int64		before;
		Oid			types[] = {REGCLASSOID, INT8OID};
		Datum		values[2];
		Snapshot	snapshot;

		require_own_snapshots();
		LockRelationOid(cagg->stored, ShareUpdateExclusiveLock);
		if (!tsdb_cagg_find(cagg->stored, cagg))
			continue;
		map = map_of(cagg);
		before = parse_time(limit, tsdb_cagg_time_type(cagg));
		if (before == PG_INT64_MIN)
			continue;

		/* a bucket in which the limit lies stays as it is, too */
		before = tsdb_bucket_last(map, before - 1);
		if (before == PG_INT64_MAX)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("cannot keep all buckets of continuous aggregate \"%s\" as they are", get_rel_name(cagg->view))));
		if (before < cagg->kept_before)
			continue;

		CommandCounterIncrement();
		snapshot = RegisterSnapshot(GetLatestSnapshot());
		dirty = tsdb_ranges_inside(tsdb_cagg_fresh_ranges(cagg, snapshot, NULL), PG_INT64_MIN, before);
		UnregisterSnapshot(snapshot);
		if (dirty->n > 0)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("continuous aggregate \"%s\" has not taken all rows that are to be dropped", get_rel_name(cagg->view)),
					 errhint("Refresh it first, or drop less.")));
		values[0] = ObjectIdGetDatum(cagg->stored);
		values[1] = Int64GetDatum(before + 1);
		tsdb_cagg_execute("UPDATE tsdb.cagg SET kept_before = $2 WHERE stored OPERATOR(pg_catalog.=) $1", 2, types, values, NULL);
	}
	PG_RETURN_VOID();
}

/*
 * tsdb.cagg_limit(relation regclass, before text, time_column name): the greatest time, not above the given one, before which all aggregates have
 * taken all rows, and at which a bucket begins; NULL if there is none.  The time itself if the relation has no aggregates.
 */
Datum
tsdb_cagg_limit(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	char	   *limit = text_to_cstring(PG_GETARG_TEXT_PP(1));
	List	   *caggs;
	ListCell   *lc;
	Oid			type;
	int64		before;
	bool		lowered;

	tsdb_require_owner(relid);
	caggs = caggs_of(relid, PG_GETARG_NAME(2));
	if (caggs == NIL)
		PG_RETURN_DATUM(PG_GETARG_DATUM(1));
	type = tsdb_cagg_time_type(linitial(caggs));
	before = parse_time(limit, type);
	do
	{
		lowered = false;
		foreach(lc, caggs)
		{
			TsdbCagg   *cagg = lfirst(lc);
			int64		first = tsdb_bucket_first(map_of(cagg), before);
			TsdbTimeRanges *dirty;

			if (first == PG_INT64_MIN)
				PG_RETURN_NULL();
			dirty = tsdb_ranges_inside(tsdb_cagg_fresh_ranges(cagg, GetActiveSnapshot(), NULL), PG_INT64_MIN, first - 1);
			if (dirty->n > 0)
				first = dirty->ranges[0].first;
			if (first == PG_INT64_MIN)
				PG_RETURN_NULL();
			if (first < before)
			{
				before = first;
				lowered = true;
			}
		}
	} while (lowered);
	PG_RETURN_TEXT_P(cstring_to_text(tsdb_plain_text(tsdb_time_to_datum(before, type), type)));
}

/*
 * tsdb.cagg_info(stored regclass, OUT dirty_ranges text[], OUT lag interval): how far an aggregate has
 * got, for the view tsdb.continuous_aggregates.
 */
Datum
tsdb_cagg_info(PG_FUNCTION_ARGS)
{
	TsdbCagg	cagg;
	TupleDesc	desc;
	Datum		values[2] = {0};
	bool		nulls[2] = {true, true};
	TsdbTimeRanges *dirty;
	Oid			type;
	Oid			output;
	bool		is_varlena;
	Datum	   *elems;
	int			i;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (!tsdb_cagg_find(PG_GETARG_OID(0), &cagg) || get_rel_name(cagg.view) == NULL || get_rel_name(cagg.stored) == NULL ||
		(pg_class_aclcheck(cagg.view, GetUserId(), ACL_SELECT) != ACLCHECK_OK && !object_ownercheck(RelationRelationId, cagg.view, GetUserId())))
		PG_RETURN_NULL();
	type = tsdb_cagg_time_type(&cagg);
	dirty = tsdb_cagg_fresh_ranges(&cagg, GetActiveSnapshot(), NULL);
	getTypeOutputInfo(type, &output, &is_varlena);
	elems = palloc(sizeof(Datum) * (dirty->n + 1));
	for (i = 0; i < dirty->n; i++)
	{
		char	   *first = OidOutputFunctionCall(output, tsdb_time_to_datum(dirty->ranges[i].first, type));
		char	   *last = OidOutputFunctionCall(output, tsdb_time_to_datum(dirty->ranges[i].last, type));

		elems[i] = CStringGetTextDatum(psprintf("[%s, %s]", first, last));
	}
	values[0] = PointerGetDatum(construct_array(elems, dirty->n, TEXTOID, -1, false, TYPALIGN_INT));
	nulls[0] = false;

	/* infinite if nothing has been stored yet */
	if (dirty->n > 0 && dirty->ranges[0].first != PG_INT64_MIN &&
		(type == TIMESTAMPTZOID || type == TIMESTAMPOID || type == DATEOID))
	{
		int64		first = type == DATEOID ? dirty->ranges[0].first * USECS_PER_DAY : dirty->ranges[0].first;
		TimestampTz now = GetCurrentTransactionStartTimestamp();

		if (type != TIMESTAMPTZOID)
			now = DatumGetTimestamp(DirectFunctionCall1(timestamptz_timestamp, TimestampTzGetDatum(now)));
		values[1] = DirectFunctionCall2(timestamp_mi, TimestampTzGetDatum(now), TimestampTzGetDatum(first));
		nulls[1] = false;
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
