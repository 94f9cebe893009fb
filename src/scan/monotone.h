/*-------------------------------------------------------------------------
 * monotone.h
 *	  Expressions that never fall as a column rises.
 *
 * Rows in order of time are also in order of date_trunc('minute', time), and a query that groups or sorts by it needs no sort.
 */
#ifndef TSDB_MONOTONE_H
#define TSDB_MONOTONE_H

#include "compat.h"

#include "access/attnum.h"
#include "nodes/primnodes.h"

/*
 * Is a <= b, of a column that is an integer, date or timestamp, reason for expr(a) <= expr(b), by the default orders of both types?
 * expr has no other column, and is NULL for all rows or for none, the column being NULL in none.  The column itself is
 * such an expression.
 *
 * *zoned is set if that holds only in time zones like the session's of now: who keeps the plan asks again as it is executed,
 * and sorts if the answer has changed.
 */
extern bool tsdb_monotone_in(Expr *expr, Index relid, AttrNumber attnum, bool *zoned);

#endif							/* TSDB_MONOTONE_H */
