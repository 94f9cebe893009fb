/*-------------------------------------------------------------------------
 * time_steps.c
 *	  Expressions that change only now and then along a time column.
 *
 * The column may occur only as argument of functions that look at no more than the step in which it lies; then so does the whole
 * expression.  A step is a piece of a grid: [origin + k * width, origin + (k + 1) * width), on the local clock of
 * a time zone where the function looks at that.  A range in which the zone's offset changes is cut there, so
 * that local time and time move alike within what is returned.
 */
#include "compat.h"

#include "agg/time_steps.h"

#include "access/htup_details.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "pgtime.h"
#include "timeseries/own_function.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

typedef struct Grid
{
	int64		width;			/* in the column's unit */
	int64		origin;
	double		span;			/* of equal values, about; more than width for months, which start with some day */
	pg_tz	   *zone;			/* NULL: no local clock */
	bool		of_session;		/* the zone is the session's */
	/* what is known of the zone: its offset from first to last */
	bool		known;
	int64		known_first;
	int64		known_last;
	int64		offset;			/* local = value + offset */
} Grid;

struct TsdbTimeSteps
{
	AttrNumber	attnum;
	Oid			type;
	int			ngrids;
	int			max_grids;
	Grid	   *grids;
};

/* ------------------------------------------------------------------------
 * Which expressions
 * ------------------------------------------------------------------------
 */

/* Microseconds of a unit's grid; units above a day follow the grid of days.  0 = none that is known.  *span: of equal values, about. */
static int64
unit_width(const char *unit, bool of_extract, double *span)
{
	static const struct
	{
		const char *name;
		int64		trunc;		/* date_trunc() is the same for so long */
		int64		extract;	/* and extract() */
		double		steps;		/* of that grid, about, in one of date_trunc() */
	}			units[] = {
		{"microseconds", 0, 0, 1}, {"milliseconds", 1000, 0, 1}, {"second", USECS_PER_SEC, 0, 1},
		{"minute", USECS_PER_MINUTE, USECS_PER_MINUTE, 1}, {"hour", USECS_PER_HOUR, USECS_PER_HOUR, 1},
		{"day", USECS_PER_DAY, USECS_PER_DAY, 1}, {"week", USECS_PER_DAY, USECS_PER_DAY, 7},
		{"month", USECS_PER_DAY, USECS_PER_DAY, 30}, {"quarter", USECS_PER_DAY, USECS_PER_DAY, 91},
		{"year", USECS_PER_DAY, USECS_PER_DAY, 365}, {"decade", USECS_PER_DAY, USECS_PER_DAY, 3652},
		{"century", USECS_PER_DAY, USECS_PER_DAY, 36524}, {"millennium", USECS_PER_DAY, USECS_PER_DAY, 365242},
		{"dow", 0, USECS_PER_DAY, 1}, {"isodow", 0, USECS_PER_DAY, 1}, {"doy", 0, USECS_PER_DAY, 1},
		{"isoyear", 0, USECS_PER_DAY, 365}
	};
	int			i;

	for (i = 0; i < (int) lengthof(units); i++)
	{
		if (pg_strcasecmp(unit, units[i].name) == 0)
		{
			int64		width = of_extract ? units[i].extract : units[i].trunc;

			*span = (double) width * units[i].steps;
			return width;
		}
	}
	return 0;
}

static void
add_grid(TsdbTimeSteps *steps, int64 width, double span, int64 origin, pg_tz *zone, bool of_session)
{
	Grid	   *grid;

	if (steps->ngrids == steps->max_grids)
	{
		steps->max_grids = steps->max_grids * 2 + 2;
		if (steps->grids == NULL)
			steps->grids = palloc(steps->max_grids * sizeof(Grid));
		else
			steps->grids = repalloc(steps->grids, steps->max_grids * sizeof(Grid));
	}
	grid = &steps->grids[steps->ngrids++];
	memset(grid, 0, sizeof(Grid));
	grid->width = width;
	grid->span = span;
	grid->origin = origin;
	grid->zone = zone;
	grid->of_session = of_session;
}

static bool
is_const(Node *node)
{
	return IsA(node, Const) && !((Const *) node)->constisnull;
}

static char *
const_text(Node *node)
{
	return TextDatumGetCString(((Const *) node)->constvalue);
}

/* A zone that is named by a place; abbreviations may stand for an offset that is not that of the zone which is named so. */
static pg_tz *
named_zone(Node *node)
{
	char	   *name = const_text(node);

	if (strchr(name, '/') == NULL && pg_strcasecmp(name, "UTC") != 0)
		return NULL;
	return pg_tzset(name);
}

/*
 * The time column, as it is or as local time of a named zone; zone: of local time that a function makes of it, or NULL.  False: something else.
 */
static bool
is_time(TsdbTimeSteps *steps, Node *node, pg_tz **zone)
{
	Var		   *var;

	*zone = NULL;
	if (IsA(node, FuncExpr) && ((FuncExpr *) node)->funcid == F_TIMEZONE_TEXT_TIMESTAMPTZ &&
		is_const(linitial(((FuncExpr *) node)->args)))
	{
		*zone = named_zone(linitial(((FuncExpr *) node)->args));
		if (*zone == NULL)
			return false;
		node = lsecond(((FuncExpr *) node)->args);
	}
	if (!IsA(node, Var))
		return false;
	var = (Var *) node;
	if (steps->attnum != 0 && steps->attnum != var->varattno)
		return false;
	if (*zone != NULL && var->vartype != TIMESTAMPTZOID)
		return false;
	steps->attnum = var->varattno;
	steps->type = var->vartype;
	return true;
}

/* time_bucket(width, time) and time_bucket(width, time, origin or offset, a constant) of fixed width. */
static bool
is_time_bucket(TsdbTimeSteps *steps, FuncExpr *func)
{
	int			nargs = list_length(func->args);
	pg_tz	   *zone;
	Const	   *width;
	int64		w;
	double		span;
	char	   *name = get_func_name(func->funcid);

	if (name == NULL || strcmp(name, "time_bucket") != 0 || nargs != 2 || !tsdb_is_own_function(func->funcid))
		return false;
	if (!is_const(linitial(func->args)) || !is_time(steps, lsecond(func->args), &zone) || zone != NULL)
		return false;
	width = linitial_node(Const, func->args);
	switch (width->consttype)
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
			w = DatumGetInt64(width->constvalue);
			if (width->consttype == INT2OID)
				w = DatumGetInt16(width->constvalue);
			else if (width->consttype == INT4OID)
				w = DatumGetInt32(width->constvalue);
			if (w <= 0)
				return false;
			add_grid(steps, w, (double) w, 0, NULL, false);
			return true;
		case INTERVALOID:
			{
				Interval   *interval = DatumGetIntervalP(width->constvalue);
				int64		monday = (int64) 2 * USECS_PER_DAY; /* 2000-01-03 */

				if (interval->month != 0)
				{
					/* months start with a day (UTC) */
					if (interval->day != 0 || interval->time != 0 || interval->month < 0)
						return false;
					w = USECS_PER_DAY;
					span = (double) interval->month * DAYS_PER_MONTH * USECS_PER_DAY;
				}
				else if (interval->day < 0 || interval->time < 0 || interval->day > 1000000 ||
						 interval->time > INT64CONST(1000000) * USECS_PER_DAY)
					return false;
				else
				{
					w = interval->day * USECS_PER_DAY + interval->time;
					span = (double) w;
				}
				if (w <= 0)
					return false;
				if (steps->type == DATEOID)
					add_grid(steps, 1, Max(span / USECS_PER_DAY, 1), 0, NULL, false);
				else
					add_grid(steps, w, span, monday, NULL, false);
				return true;
			}
		default:
			return false;
	}
}

/* A function whose value stays the same for a step of the time column: adds its grid. */
static bool
is_step_function(TsdbTimeSteps *steps, FuncExpr *func)
{
	List	   *args = func->args;
	pg_tz	   *zone;
	bool		of_session = false;
	int64		width;
	double		span;

	switch (func->funcid)
	{
		case F_DATE_TRUNC_TEXT_TIMESTAMP:
		case F_DATE_TRUNC_TEXT_TIMESTAMPTZ:
		case F_DATE_TRUNC_TEXT_TIMESTAMPTZ_TEXT:
		case F_EXTRACT_TEXT_TIMESTAMP:
		case F_EXTRACT_TEXT_TIMESTAMPTZ:
		case F_DATE_PART_TEXT_TIMESTAMP:
		case F_DATE_PART_TEXT_TIMESTAMPTZ:
			if (!is_const(linitial(args)) || !is_time(steps, lsecond(args), &zone))
				return false;
			width = unit_width(const_text(linitial(args)), func->funcid == F_EXTRACT_TEXT_TIMESTAMP ||
							   func->funcid == F_EXTRACT_TEXT_TIMESTAMPTZ ||
							   func->funcid == F_DATE_PART_TEXT_TIMESTAMP ||
							   func->funcid == F_DATE_PART_TEXT_TIMESTAMPTZ, &span);
			if (width == 0)
				return false;
			if (func->funcid == F_DATE_TRUNC_TEXT_TIMESTAMPTZ_TEXT)
			{
				if (!is_const(lthird(args)) || (zone = named_zone(lthird(args))) == NULL)
					return false;
			}
			else if (zone == NULL && steps->type == TIMESTAMPTZOID)
			{
				zone = session_timezone;
				of_session = true;
			}
			add_grid(steps, width, span, 0, zone, of_session);
			return true;
		case F_DATE_TIMESTAMP:
		case F_DATE_TIMESTAMPTZ:
			if (!is_time(steps, linitial(args), &zone))
				return false;
			if (zone == NULL && steps->type == TIMESTAMPTZOID)
			{
				zone = session_timezone;
				of_session = true;
			}
			add_grid(steps, USECS_PER_DAY, (double) USECS_PER_DAY, 0, zone, of_session);
			return true;
		case F_DATE_BIN_INTERVAL_TIMESTAMP_TIMESTAMP:
		case F_DATE_BIN_INTERVAL_TIMESTAMPTZ_TIMESTAMPTZ:
			{
				Interval   *stride;
				int64		origin;

				if (!is_const(linitial(args)) || !is_const(lthird(args)) || !is_time(steps, lsecond(args), &zone))
					return false;
				stride = DatumGetIntervalP(linitial_node(Const, args)->constvalue);
				origin = DatumGetInt64(lthird_node(Const, args)->constvalue);
				if (stride->month != 0 || stride->day < 0 || stride->day > 1000000 || stride->time < 0 ||
					stride->time > INT64CONST(1000000) * USECS_PER_DAY || TIMESTAMP_NOT_FINITE(origin))
					return false;
				width = stride->day * USECS_PER_DAY + stride->time;
				if (width <= 0)
					return false;
				add_grid(steps, width, (double) width, origin, zone, false);
				return true;
			}
		default:
			return is_time_bucket(steps, func);
	}
}

/* True: the column occurs where it may not. */
static bool
has_other_use(Node *node, TsdbTimeSteps *steps)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
		return true;
	if (IsA(node, FuncExpr) && is_step_function(steps, (FuncExpr *) node))
		return false;
	return expression_tree_walker(node, has_other_use, steps);
}

TsdbTimeSteps *
tsdb_time_steps_create(Expr *expr)
{
	TsdbTimeSteps *steps = palloc0(sizeof(TsdbTimeSteps));

	if (has_other_use((Node *) expr, steps) || steps->attnum == 0 || steps->ngrids == 0 ||
		contain_volatile_functions((Node *) expr))
	{
		pfree(steps);
		return NULL;
	}
	return steps;
}

AttrNumber
tsdb_time_steps_column(TsdbTimeSteps *steps)
{
	return steps->attnum;
}

double
tsdb_time_steps_span(TsdbTimeSteps *steps)
{
	double		span = steps->grids[0].span;
	int			i;

	for (i = 1; i < steps->ngrids; i++)
		span = Min(span, steps->grids[i].span);
	return span;
}

/* ------------------------------------------------------------------------
 * Steps
 * ------------------------------------------------------------------------
 */

/* Learns the zone's offset at a time, and from when to when it holds. */
static bool
look_at_zone(Grid *grid, TimestampTz value)
{
	pg_time_t	t = timestamptz_to_time_t(value);
	pg_time_t	boundary;
	long int	before;
	long int	after;
	int			isdst_before;
	int			isdst_after;
	int			found;

	/* whole seconds, rounded down */
	if ((value % USECS_PER_SEC) < 0)
		t--;
	found = pg_next_dst_boundary(&t, &before, &isdst_before, &boundary, &after, &isdst_after, grid->zone);
	if (found < 0)
		return false;
	grid->offset = (int64) before * USECS_PER_SEC;
	grid->known_first = value;
	grid->known_last = PG_INT64_MAX;
	if (found > 0)
		grid->known_last = time_t_to_timestamptz(boundary) - 1;
	grid->known = grid->known_last >= value;
	return grid->known;
}

void
tsdb_time_steps_around(TsdbTimeSteps *steps, int64 value, int64 *first, int64 *last)
{
	int64		lo = PG_INT64_MIN;
	int64		hi = PG_INT64_MAX;
	bool		of_timestamps = steps->type == TIMESTAMPTZOID || steps->type == TIMESTAMPOID;
	int			i;

	*first = *last = value;
	if (of_timestamps && (TIMESTAMP_NOT_FINITE(value) || !IS_VALID_TIMESTAMP(value)))
		return;
	if (steps->type == DATEOID && DATE_NOT_FINITE((DateADT) value))
		return;
	for (i = 0; i < steps->ngrids; i++)
	{
		Grid	   *grid = &steps->grids[i];
		__int128	local = value;
		__int128	from;
		__int128	to;

		if (grid->of_session && grid->zone != session_timezone)
		{
			grid->zone = session_timezone;
			grid->known = false;
		}
		if (grid->zone != NULL)
		{
			if (!(grid->known && value >= grid->known_first && value <= grid->known_last) &&
				!look_at_zone(grid, value))
				return;
			local += grid->offset;
			lo = Max(lo, grid->known_first);
			hi = Min(hi, grid->known_last);
		}
		local -= grid->origin;
		from = local % grid->width;
		if (from < 0)
			from += grid->width;
		to = value + (grid->width - 1 - from);
		from = value - from;
		if (from > lo)
			lo = (int64) from;
		if (to < hi)
			hi = (int64) to;
	}
	/* infinities are steps of their own */
	if (of_timestamps)
	{
		lo = Max(lo, MIN_TIMESTAMP);
		hi = Min(hi, END_TIMESTAMP - 1);
	}
	*first = lo;
	*last = hi;
}
