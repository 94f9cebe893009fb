/*-------------------------------------------------------------------------
 * asof.h
 *	  As-of joins as a merge: what planner and plan node TsdbAsof tell each other.
 *
 *	  SELECT ... FROM trades t LEFT JOIN LATERAL
 *		(SELECT q.bid FROM quotes q WHERE q.symbol = t.symbol AND q.time <= t.time ORDER BY q.time DESC LIMIT 1) l ON true
 *
 * asof_plan.c recognises such a join, asof_scan.c runs it.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_ASOF_H
#define TSDB_ASOF_H

#include "compat.h"

#include "nodes/extensible.h"

#define TSDB_ASOF_NAME	"TsdbAsof"

/*
 * The scan tuple (custom_scan_tlist) has three parts: columns of the outer plan; columns of the inner plan; what the
 * query wants of the subquery, computed from the other two.
 *
 * CustomScan.custom_private:
 *   IntList   members below, each at its place
 *   IntList   inner columns that keys are compared with, then that of the time
 *   OidLists  comparison functions of keys and time, inner with outer; of keys, outer with outer
 *   OidLists  collations of keys and time
 * CustomScan.custom_exprs, Lists of expressions over the scan tuple:
 *   outer keys, then the outer time
 *   conditions that a match has to meet
 *   the third part of the scan tuple
 *   for EXPLAIN: equalities, then the bound
 */
typedef enum TsdbAsofPrivate
{
	TSDB_ASOF_LEFT,				/* rows without a match are returned */
	TSDB_ASOF_FORWARD,			/* the next row in time is wanted, not the one before */
	TSDB_ASOF_STRICT,			/* rows of the same time do not match */
	TSDB_ASOF_NOUTER,			/* columns of the outer plan */
	TSDB_ASOF_NINNER,			/* columns of the inner plan */
	TSDB_ASOF_NPRIVATE
} TsdbAsofPrivate;

extern const CustomScanMethods tsdb_asof_scan_methods;

/* Registers the node and the planner's hook.  Called once from _PG_init. */
extern void tsdb_asof_init(void);

#endif							/* TSDB_ASOF_H */
