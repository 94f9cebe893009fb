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

extern const CustomScanMethods tsdb_scan_methods;

/* Registers the node and the planner's hook.  Called once from _PG_init. */
extern void tsdb_scan_init(void);

#endif							/* TSDB_SCAN_H */
