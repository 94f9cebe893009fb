/*-------------------------------------------------------------------------
 * tsdb_scan.h
 *	  TsdbScan: the custom scan over both stores of a table, a vector at a time.
 *
 * scan_plan.c offers it to the planner, tsdb_scan.c runs it.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_SCAN_H
#define TSDB_SCAN_H

#include "compat.h"

#include "nodes/extensible.h"
#include "nodes/pathnodes.h"

#define TSDB_SCAN_NAME "TsdbScan"

/* What the rows of a scan are in order of. */
typedef enum TsdbScanOrder
{
	TSDB_ORDER_NONE,
	TSDB_ORDER_TIME,
	TSDB_ORDER_SERIES,			/* of series, then perhaps of time */
	TSDB_ORDER_LAST_ROWS		/* of series, the first row of each by time alone */
} TsdbScanOrder;

extern const CustomScanMethods tsdb_scan_methods;

/* Registers the node and the planner's hook.  Called once from _PG_init. */
extern void tsdb_scan_init(void);

#endif							/* TSDB_SCAN_H */
