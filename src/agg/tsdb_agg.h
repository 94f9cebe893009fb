/*-------------------------------------------------------------------------
 * tsdb_agg.h
 *	  TsdbAgg: aggregates and groups over the vectors of a TsdbScan.
 *
 * agg_plan.c offers it to the planner, tsdb_agg.c runs it.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_AGG_H
#define TSDB_AGG_H

#include "compat.h"

#include "nodes/extensible.h"

#define TSDB_AGG_NAME "TsdbAgg"

extern const CustomScanMethods tsdb_agg_methods;

/* Registers the node and the planner's hook.  Called once from _PG_init, after tsdb_scan_init. */
extern void tsdb_agg_init(void);

#endif							/* TSDB_AGG_H */
