/*-------------------------------------------------------------------------
 * numeric_sum.h
 *	  Exact sums of numerics of ordinary size, as integers.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_NUMERIC_SUM_H
#define TSDB_NUMERIC_SUM_H

#include "compat.h"

#include "utils/numeric.h"

/*
 * Values below 10^12, with 12 decimals at most, shown or not.  Parts before and behind the point are added up apart, the latter in units of 10^-12:
 * 2^63 values make no more than 10^31 of either, so that neither overflows, nor both together in 128 bits for less than 10^14 values.
 */
typedef struct TsdbNumericSum
{
	int64		n;				/* values */
	int128		whole;
	int128		fraction;
	int			dscale;			/* greatest number of decimals that a value shows */
} TsdbNumericSum;

/* Adds a value; false: it is none of that size (nor NaN, nor infinite, nor TOASTed), and was not added. */
extern bool tsdb_numeric_sum_add(TsdbNumericSum *sum, Datum value);

/* What the sum() of these values is; n > 0. */
extern Numeric tsdb_numeric_sum_result(const TsdbNumericSum *sum);

#endif							/* TSDB_NUMERIC_SUM_H */
