/*-------------------------------------------------------------------------
 * bucket_map.c
 *	  From times to buckets and back: which times a bucket holds.
 *
 * The map is the aggregate's own call of time_bucket (of roll-ups of roll-ups, several of them, one in the other), called for
 * single values.  It never falls and a bucket starts no later than its times, so a bucket is a range of times, whose ends are
 * found by trying the likely ones, then by bisection: buckets of months, of time zones and of any origin need no rules of
 * their own here.
 *
 * Near the ends of a type calls would fail, since buckets would start before its first value.  All times before safe_first
 * count as one bucket, together with that which safe_first is in, and all after safe_last: more than need be is computed anew.
 *-------------------------------------------------------------------------
 */
#include "cagg/cagg_internal.h"

#include "catalog/pg_type_d.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/params.h"
#include "optimizer/optimizer.h"
#include "parser/analyze.h"
#include "parser/parser.h"
#include "pgtime.h"
#include "timeseries/time_bucket_zone.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

struct TsdbBucketMap
{
	Oid			type;
	ExprState  *state;
	ExprContext *econtext;
	ParamListInfo params;
	int64		safe_first;
	int64		safe_last;
	int64		last_length;	/* of the bucket asked for last: most have the same */
};

/* Buckets are at most 1,000 years long (cagg_define.c). */
#define SAFE_YEARS		1100

/* Buckets by local time are told apart from 1970 on. */
#define SAFE_ZONE_FIRST	((int64) (UNIX_EPOCH_JDATE - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY)

static bool
has_zone(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, FuncExpr))
	{
		FmgrInfo	flinfo;

		fmgr_info(((FuncExpr *) node)->funcid, &flinfo);
		if (flinfo.fn_addr == tsdb_time_bucket_zone)
			return true;
	}
	return expression_tree_walker(node, has_zone, context);
}

TsdbBucketMap *
tsdb_bucket_map_make(const char *expr, Oid type, MemoryContext cxt)
{
	MemoryContext oldcxt = MemoryContextSwitchTo(cxt);
	TsdbBucketMap *map = palloc0(sizeof(TsdbBucketMap));
	char	   *sql = psprintf("SELECT %s", expr);
	Query	   *query;
	Expr	   *node;

	map->type = type;
	switch (type)
	{
		case TIMESTAMPTZOID:
		case TIMESTAMPOID:
			map->safe_first = MIN_TIMESTAMP + SAFE_YEARS * INT64CONST(366) * USECS_PER_DAY;
			map->safe_last = END_TIMESTAMP - 400 * USECS_PER_DAY;
			break;
		case DATEOID:
			map->safe_first = MIN_TIMESTAMP / USECS_PER_DAY + SAFE_YEARS * INT64CONST(366);
			map->safe_last = END_TIMESTAMP / USECS_PER_DAY - 400;
			break;
		case INT8OID:
			map->safe_first = PG_INT64_MIN / 2;
			map->safe_last = PG_INT64_MAX;
			break;
		case INT4OID:
			map->safe_first = PG_INT32_MIN / 2;
			map->safe_last = PG_INT32_MAX;
			break;
		case INT2OID:
			map->safe_first = PG_INT16_MIN / 2;
			map->safe_last = PG_INT16_MAX;
			break;
		default:
			elog(ERROR, "type %u is no type of time", type);
	}

	query = parse_analyze_fixedparams(linitial_node(RawStmt, raw_parser(sql, RAW_PARSE_DEFAULT)), sql, &type, 1, NULL);
	node = linitial_node(TargetEntry, query->targetList)->expr;
	if (exprType((Node *) node) != type)
		elog(ERROR, "buckets by \"%s\" are of type %u, not %u", expr, exprType((Node *) node), type);
	node = expression_planner(node);
	if (has_zone((Node *) node, NULL))
		map->safe_first = SAFE_ZONE_FIRST;

	map->params = makeParamList(1);
	map->params->params[0].ptype = type;
	map->params->params[0].isnull = false;
	map->params->params[0].pflags = PARAM_FLAG_CONST;
	map->state = ExecInitExprWithParams(node, map->params);
	map->econtext = CreateStandaloneExprContext();
	map->econtext->ecxt_param_list_info = map->params;
	MemoryContextSwitchTo(oldcxt);
	return map;
}

/* Start of the bucket */
static int64
start_of(TsdbBucketMap *map, int64 time)
{
	Datum		result;
	bool		isnull;

	map->params->params[0].value = tsdb_time_to_datum(time, map->type);
	result = ExecEvalExprSwitchContext(map->state, map->econtext, &isnull);
	if (isnull)
		elog(ERROR, "a time has no bucket");
	time = tsdb_time_from_datum(result, map->type);
	ResetExprContext(map->econtext);
	return time;
}

int64
tsdb_bucket_first(TsdbBucketMap *map, int64 time)
{
	int64		start;
	int64		in = Min(time, map->safe_last); /* is in the bucket */
	int64		before;			/* is not */
	int64		step = 1;

	if (time <= map->safe_first)
		return PG_INT64_MIN;
	start = start_of(map, in);
	if (start_of(map, map->safe_first) >= start)
		return PG_INT64_MIN;	/* its bucket counts as one with all before */
	if (start > map->safe_first && start <= in && start_of(map, start) == start && start_of(map, start - 1) < start)
		return start;

	for (;;)
	{
		before = in > map->safe_first + step ? in - step : map->safe_first;
		if (start_of(map, before) < start)
			break;
		in = before;
		step = step < PG_INT64_MAX / 4 ? step * 2 : step;
	}
	while (in - before > 1)
	{
		int64		middle = before + (in - before) / 2;

		if (start_of(map, middle) < start)
			before = middle;
		else
			in = middle;
	}
	return in;
}

int64
tsdb_bucket_last(TsdbBucketMap *map, int64 time)
{
	int64		start;
	int64		in = Max(time, map->safe_first);
	int64		behind;
	int64		step = 1;

	if (time >= map->safe_last)
		return PG_INT64_MAX;
	start = start_of(map, in);
	if (start_of(map, map->safe_last) <= start)
		return PG_INT64_MAX;
	if (map->last_length > 0 && start <= map->safe_last - map->last_length && start >= map->safe_first)
	{
		int64		next = start + map->last_length;

		if (next > in && start_of(map, next) > start && start_of(map, next - 1) == start)
			return next - 1;
	}

	for (;;)
	{
		behind = in <= map->safe_last - step ? in + step : map->safe_last;
		if (start_of(map, behind) > start)
			break;
		in = behind;
		step = step < PG_INT64_MAX / 4 ? step * 2 : step;
	}
	while (behind - in > 1)
	{
		int64		middle = in + (behind - in) / 2;

		if (start_of(map, middle) > start)
			behind = middle;
		else
			in = middle;
	}
	map->last_length = behind - start;
	return in;
}

void
tsdb_bucket_align(TsdbBucketMap *map, TsdbTimeRanges *ranges)
{
	int			i;

	for (i = 0; i < ranges->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		ranges->ranges[i].first = tsdb_bucket_first(map, ranges->ranges[i].first);
		ranges->ranges[i].last = tsdb_bucket_last(map, ranges->ranges[i].last);
	}
	tsdb_ranges_normalize(ranges);
}

/*
 * A bucket must start among its own times, so that starts and times compare alike; of buckets of buckets those of the inner
 * kind must not lie in two of the outer.  Where clocks are put back local time falls, and a bucket that begins among times
 * that are shown twice falls back into the one before.  Between two changes of a zone all is regular, so to look at some
 * buckets in a row and at the changes is enough.  Before SAFE_ZONE_FIRST, when clocks went by local mean time, nothing is
 * asked: that is one bucket here.
 */
#define LAST_CHANGE		((pg_time_t) INT64CONST(18000000000))
#define CHECKED_BUCKETS	2000

static bool
is_regular(TsdbBucketMap *map, int64 time)
{
	int64		start = start_of(map, time);

	return start_of(map, time - 1) <= start && start_of(map, start) == start;
}

void
tsdb_bucket_map_check(TsdbBucketMap *map, FuncExpr *call)
{
	FmgrInfo	flinfo;
	Const	   *name;
	pg_tz	   *zone;
	pg_time_t	t = (pg_time_t) 0;
	int64		time = 0;
	int			i;

	for (i = 0; i < CHECKED_BUCKETS && time < map->safe_last; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (!is_regular(map, time))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("buckets of a continuous aggregate must be made of whole buckets of the one it reads"),
					 errhint("Use a multiple of its width, and the same origin.")));
		time = tsdb_bucket_last(map, time);
		if (time == PG_INT64_MAX)
			break;
		time++;
	}

	fmgr_info(call->funcid, &flinfo);
	if (flinfo.fn_addr != tsdb_time_bucket_zone)
		return;
	name = lthird_node(Const, call->args);
	zone = pg_tzset(TextDatumGetCString(name->constvalue));
	if (zone == NULL)
		return;					/* an abbreviation: a constant distance from UTC */
	for (;;)
	{
		long int	before,
					after;
		int			before_dst,
					after_dst;
		pg_time_t	change;
		TimestampTz at;

		CHECK_FOR_INTERRUPTS();
		if (pg_next_dst_boundary(&t, &before, &before_dst, &change, &after, &after_dst, zone) <= 0 || change > LAST_CHANGE)
			break;
		t = change;
		at = time_t_to_timestamptz(change);
		if (!is_regular(map, at))
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("buckets of this length cannot be kept in time zone \"%s\"", TextDatumGetCString(name->constvalue)),
					 errdetail("Where its clocks changed, at %s, times of one bucket come before and after those of another.",
							   timestamptz_to_str(at)),
					 errhint("Use UTC, or buckets of another length.")));
	}
}
