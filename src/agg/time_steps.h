/*-------------------------------------------------------------------------
 * time_steps.h
 *	  Expressions that change only now and then along a time column: date_trunc('hour', time), extract(dow FROM time).
 *
 * Such an expression is evaluated once for each step, not for each row.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_TIME_STEPS_H
#define TSDB_TIME_STEPS_H

#include "compat.h"

#include "access/attnum.h"
#include "nodes/primnodes.h"

typedef struct TsdbTimeSteps TsdbTimeSteps;

/* NULL if the expression is not known to have steps.  Lives in the current context. */
extern TsdbTimeSteps *tsdb_time_steps_create(Expr *expr);

/* The one column that the expression reads. */
extern AttrNumber tsdb_time_steps_column(TsdbTimeSteps *steps);

/* From first to last, value included, the expression is the same. */
extern void tsdb_time_steps_around(TsdbTimeSteps *steps, int64 value, int64 *first, int64 *last);

/* How far apart values are, in the column's unit, before which and after which the expression differs: its narrowest step, for estimates. */
extern double tsdb_time_steps_span(TsdbTimeSteps *steps);

#endif							/* TSDB_TIME_STEPS_H */
