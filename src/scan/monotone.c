/*-------------------------------------------------------------------------
 * monotone.c
 *	  Expressions that never fall as a column rises.
 *
 * A function of functions that never fall never falls.  So each function of the expression is looked at alone: it is one of
 * those listed here, its other arguments are constants.
 *
 * Time zones.  A function that goes by local time falls where clocks are put back, if it is fine enough to notice:
 * date_trunc('hour') of a timestamptz does not in zones whose clocks go back by whole hours on the hour, but a local mean time
 * may have ended at any second; time::timestamp does each autumn.  Between two changes of the zone
 * local time is time plus a constant, so all of them rise there.  (date_trunc of days and more turns local midnights back into times,
 * by the offsets at those midnights; they are at least 24 h apart, so it rises if no two offsets of the zone differ by more
 * than that.)  What is left is each change itself: the function is called for the microsecond before and for the
 * change.  Gregorian years repeat after 400 years, and so do a zone's rules.
 *
 * Infinity: all functions here leave it as it is.
 *-------------------------------------------------------------------------
 */
#include "scan/monotone.h"

#include "access/transam.h"
#include "catalog/pg_type_d.h"
#include "nodes/nodeFuncs.h"
#include "parser/scansup.h"
#include "pgtime.h"
#include "timeseries/own_function.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

/* Changes of a zone are looked at from the year -4368 to 2540: all that zones list, and 400 years of their rules. */
#define FIRST_CHANGE	((pg_time_t) INT64CONST(-200000000000))
#define LAST_CHANGE		((pg_time_t) INT64CONST(18000000000))
/* a rule of two changes a year makes 14,000 */
#define MAX_CHANGES		20000

/* A function of local time, and whether it never falls in a zone. */
typedef struct ZoneVerdict
{
	Oid			function;
	int			unit;			/* date_trunc's */
	pg_tz	   *zone;			/* lives as long as the backend */
	bool		monotone;
} ZoneVerdict;

#define NVERDICTS	32
static ZoneVerdict verdicts[NVERDICTS];
static int	next_verdict = 0;

/* What the function makes of a timestamptz, as an integer. */
static int64
call_at(FuncExpr *func, TimestampTz at)
{
	switch (func->funcid)
	{
		case F_TIMESTAMP_TIMESTAMPTZ:
			return DatumGetTimestamp(OidFunctionCall1(func->funcid, TimestampTzGetDatum(at)));
		case F_DATE_TIMESTAMPTZ:
			return DatumGetDateADT(OidFunctionCall1(func->funcid, TimestampTzGetDatum(at)));
		case F_TIMEZONE_TEXT_TIMESTAMPTZ:
		case F_DATE_TRUNC_TEXT_TIMESTAMPTZ:
			return DatumGetTimestampTz(OidFunctionCall2(func->funcid, linitial_node(Const, func->args)->constvalue,
														TimestampTzGetDatum(at)));
		default:
			Assert(func->funcid == F_DATE_TRUNC_TEXT_TIMESTAMPTZ_TEXT);
			return DatumGetTimestampTz(OidFunctionCall3(func->funcid, linitial_node(Const, func->args)->constvalue,
														TimestampTzGetDatum(at), lthird_node(Const, func->args)->constvalue));
	}
}

/* Does the function rise over all changes of the zone?  midnights: it turns local midnights into times. */
static bool
rises_over_changes(FuncExpr *func, pg_tz *zone, bool midnights)
{
	pg_time_t	t = FIRST_CHANGE;
	long int	least = 0;
	long int	greatest = 0;
	int			n;

	for (n = 0; n < MAX_CHANGES; n++)
	{
		long int	before,
					after;
		int			before_dst,
					after_dst;
		pg_time_t	change;
		int			found = pg_next_dst_boundary(&t, &before, &before_dst, &change, &after, &after_dst, zone);
		TimestampTz at;

		if (found < 0)
			return false;
		least = n == 0 ? before : Min(least, before);
		greatest = n == 0 ? before : Max(greatest, before);
		if (found == 0 || change > LAST_CHANGE)
			return !midnights || greatest - least <= SECS_PER_DAY;
		least = Min(least, after);
		greatest = Max(greatest, after);
		at = time_t_to_timestamptz(change);
		/* of dates there is only the distance of midnights */
		if (before != after && func->funcid != F_TIMESTAMPTZ_DATE && call_at(func, at - 1) > call_at(func, at))
			return false;
		t = change;
	}
	return false;
}

static bool
rises_in_zone(FuncExpr *func, int unit, pg_tz *zone, bool midnights)
{
	ZoneVerdict *verdict;
	bool		monotone;
	int			i;

	for (i = 0; i < NVERDICTS; i++)
	{
		verdict = &verdicts[i];
		if (verdict->zone == zone && verdict->function == func->funcid && verdict->unit == unit)
			return verdict->monotone;
	}
	monotone = rises_over_changes(func, zone, midnights);
	verdict = &verdicts[next_verdict];
	next_verdict = (next_verdict + 1) % NVERDICTS;
	verdict->function = func->funcid;
	verdict->unit = unit;
	verdict->zone = zone;
	verdict->monotone = monotone;
	return monotone;
}

static bool
is_known(Node *node)
{
	return IsA(node, Const) && !((Const *) node)->constisnull;
}

/* Has it one value throughout an execution?  (NULL would make all rows NULL.) */
static bool
is_constant(Node *node)
{
	return IsA(node, Const) || (IsA(node, Param) && ((Param *) node)->paramkind == PARAM_EXTERN);
}

/* date_trunc's unit as DTK_*, of those by which any time belongs to one; -1: another. */
static int
unit_of(Node *node)
{
	char	   *name;
	int			unit;

	if (!is_known(node))
		return -1;
	name = TextDatumGetCString(((Const *) node)->constvalue);
	name = downcase_truncate_identifier(name, (int) strlen(name), false);
	if (DecodeUnits(0, name, &unit) != UNITS)
		return -1;
	switch (unit)
	{
		case DTK_MICROSEC:
		case DTK_MILLISEC:
		case DTK_SECOND:
		case DTK_MINUTE:
		case DTK_HOUR:
		case DTK_DAY:
		case DTK_WEEK:
		case DTK_MONTH:
		case DTK_QUARTER:
		case DTK_YEAR:
			return unit;
		default:
			return -1;
	}
}

/* A zone of the given name that is surely no abbreviation, which means something else at each time; NULL: don't know. */
static pg_tz *
named_zone(Node *node)
{
	char	   *name;

	if (!is_known(node))
		return NULL;
	name = TextDatumGetCString(((Const *) node)->constvalue);
	if (strlen(name) > TZ_STRLEN_MAX ||
		(strchr(name, '/') == NULL && strcmp(name, "UTC") != 0 && strcmp(name, "GMT") != 0))
		return NULL;
	return pg_tzset(name);
}

/* date_trunc of a timestamptz, in a zone. */
static bool
trunc_rises(FuncExpr *func, pg_tz *zone, bool *zoned)
{
	int			unit = unit_of(linitial(func->args));

	switch (unit)
	{
		case -1:
			return false;
		case DTK_MICROSEC:
		case DTK_MILLISEC:
		case DTK_SECOND:
			/* offsets are of whole seconds */
			*zoned = false;
			return true;
		case DTK_MINUTE:
		case DTK_HOUR:
			return rises_in_zone(func, unit, zone, false);
		default:
			return rises_in_zone(func, unit, zone, true);
	}
}

/* An integer constant's sign: -1, 0, 1; -2: not known. */
static int
sign_of(Node *node)
{
	int64		value;

	if (!is_known(node))
		return -2;
	switch (((Const *) node)->consttype)
	{
		case INT2OID:
			value = DatumGetInt16(((Const *) node)->constvalue);
			break;
		case INT4OID:
			value = DatumGetInt32(((Const *) node)->constvalue);
			break;
		case INT8OID:
			value = DatumGetInt64(((Const *) node)->constvalue);
			break;
		default:
			return -2;
	}
	return value > 0 ? 1 : value < 0 ? -1 : 0;
}

/* An interval of a fixed length?  Without days, too, where local days have 23 to 25 hours. */
static bool
is_fixed_interval(Node *node, bool days)
{
	Interval   *interval;

	if (!is_known(node))
		return false;
	interval = DatumGetIntervalP(((Const *) node)->constvalue);
	return interval->month == 0 && (days || interval->day == 0);
}

/*
 * This extension's time_bucket(width, time, ...): rounds down to multiples of the width, counted from an origin.  With a zone it goes
 * by local time; that form is left alone.
 */
static bool
is_time_bucket(FuncExpr *func)
{
	char	   *name = get_func_name(func->funcid);
	Oid			type;
	int			i;

	if (name == NULL || strcmp(name, "time_bucket") != 0 || list_length(func->args) < 2 || func->funcretset)
		return false;
	if (!tsdb_is_own_function(func->funcid) || !func_strict(func->funcid))
		return false;
	type = exprType(lsecond(func->args));
	if (type != func->funcresulttype ||
		(type != TIMESTAMPTZOID && type != TIMESTAMPOID && type != DATEOID && type != INT2OID && type != INT4OID && type != INT8OID))
		return false;
	for (i = 0; i < list_length(func->args); i++)
	{
		Node	   *arg = list_nth(func->args, i);

		if (i != 1 && (!is_constant(arg) || exprType(arg) == TEXTOID))
			return false;
	}
	return true;
}

/*
 * Which argument does this function rise with, the others being constants?  -1: none.  *zoned: if the session's zone is
 * like that of now.
 */
static int
rising_argument(FuncExpr *func, bool *zoned)
{
	List	   *args = func->args;
	Node	   *first = linitial(args);
	Node	   *second = list_length(args) > 1 ? lsecond(args) : NULL;
	pg_tz	   *zone;
	bool		unused;

	*zoned = false;
	switch (func->funcid)
	{
			/* sums; an overflow is an error, with and without an order */
		case F_INT2PL:
		case F_INT4PL:
		case F_INT8PL:
		case F_INT24PL:
		case F_INT42PL:
		case F_INT28PL:
		case F_INT82PL:
		case F_INT48PL:
		case F_INT84PL:
			return is_constant(second) ? 0 : is_constant(first) ? 1 : -1;
		case F_INT2MI:
		case F_INT4MI:
		case F_INT8MI:
		case F_INT24MI:
		case F_INT42MI:
		case F_INT28MI:
		case F_INT82MI:
		case F_INT48MI:
		case F_INT84MI:
		case F_DATE_PLI:
		case F_DATE_MII:
			return is_constant(second) ? 0 : -1;
		case F_INT2MUL:
		case F_INT4MUL:
		case F_INT8MUL:
		case F_INT24MUL:
		case F_INT42MUL:
		case F_INT28MUL:
		case F_INT82MUL:
		case F_INT48MUL:
		case F_INT84MUL:
			return sign_of(second) >= 0 ? 0 : sign_of(first) >= 0 ? 1 : -1;
			/* rounds to zero, which rises too */
		case F_INT2DIV:
		case F_INT4DIV:
		case F_INT8DIV:
		case F_INT24DIV:
		case F_INT42DIV:
		case F_INT28DIV:
		case F_INT82DIV:
		case F_INT48DIV:
		case F_INT84DIV:
			return sign_of(second) > 0 ? 0 : -1;

			/* casts; a value that does not fit is an error */
		case F_INT2_INT4:
		case F_INT2_INT8:
		case F_INT4_INT2:
		case F_INT4_INT8:
		case F_INT8_INT2:
		case F_INT8_INT4:
		case F_DATE_TIMESTAMP:
		case F_TIMESTAMP_DATE:
			return 0;
		case F_DATE_TIMESTAMPTZ:
		case F_TIMESTAMP_TIMESTAMPTZ:
			*zoned = true;
			return rises_in_zone(func, 0, session_timezone, false) ? 0 : -1;
		case F_TIMESTAMPTZ_DATE:
			*zoned = true;
			return rises_in_zone(func, 0, session_timezone, true) ? 0 : -1;
		case F_TIMEZONE_TEXT_TIMESTAMPTZ:
			zone = named_zone(first);
			return zone != NULL && rises_in_zone(func, 0, zone, false) ? 1 : -1;
		case F_TIMEZONE_INTERVAL_TIMESTAMPTZ:
			return is_constant(first) ? 1 : -1;

			/* steps */
		case F_TIMESTAMP_PL_INTERVAL:
		case F_TIMESTAMP_MI_INTERVAL:
		case F_DATE_PL_INTERVAL:
		case F_DATE_MI_INTERVAL:
			return is_fixed_interval(second, true) ? 0 : -1;
		case F_TIMESTAMPTZ_PL_INTERVAL:
		case F_TIMESTAMPTZ_MI_INTERVAL:
			return is_fixed_interval(second, false) ? 0 : -1;
		case F_DATE_TRUNC_TEXT_TIMESTAMP:
			return unit_of(first) >= 0 ? 1 : -1;
		case F_DATE_TRUNC_TEXT_TIMESTAMPTZ:
			*zoned = true;
			return trunc_rises(func, session_timezone, zoned) ? 1 : -1;
		case F_DATE_TRUNC_TEXT_TIMESTAMPTZ_TEXT:
			zone = named_zone(lthird(args));
			return zone != NULL && trunc_rises(func, zone, &unused) ? 1 : -1;
		case F_DATE_BIN_INTERVAL_TIMESTAMP_TIMESTAMP:
		case F_DATE_BIN_INTERVAL_TIMESTAMPTZ_TIMESTAMPTZ:
			return is_constant(first) && is_constant(lthird(args)) ? 1 : -1;
		default:
			return func->funcid >= FirstNormalObjectId && is_time_bucket(func) ? 1 : -1;
	}
}

bool
tsdb_monotone_in(Expr *expr, Index relid, AttrNumber attnum, bool *zoned)
{
	*zoned = false;
	for (;;)
	{
		FuncExpr	func;
		bool		here;
		int			argument;

		switch (nodeTag(expr))
		{
			case T_Var:
				return (Index) ((Var *) expr)->varno == relid && ((Var *) expr)->varattno == attnum &&
					((Var *) expr)->varlevelsup == 0;
			case T_RelabelType:
				/* a domain is sorted as what it is made of; int4 as oid would be sorted otherwise */
				if (getBaseType(((RelabelType *) expr)->resulttype) !=
					getBaseType(exprType((Node *) ((RelabelType *) expr)->arg)))
					return false;
				expr = ((RelabelType *) expr)->arg;
				continue;
			case T_FuncExpr:
				func = *(FuncExpr *) expr;
				break;
			case T_OpExpr:
				memset(&func, 0, sizeof(func));
				func.xpr.type = T_FuncExpr;
				func.funcid = get_opcode(((OpExpr *) expr)->opno);
				func.funcresulttype = ((OpExpr *) expr)->opresulttype;
				func.args = ((OpExpr *) expr)->args;
				break;
			default:
				return false;
		}
		if (func.args == NIL)
			return false;
		argument = rising_argument(&func, &here);
		if (argument < 0)
			return false;
		*zoned = *zoned || here;
		expr = list_nth(func.args, argument);
	}
}
