/*-------------------------------------------------------------------------
 * bitmap_scan.h
 *	  Our own node over a bitmap index scan, since core's prefetches virtual blocks.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_BITMAP_SCAN_H
#define TSDB_BITMAP_SCAN_H

#include "compat.h"

/*
 * Replaces BitmapHeapScan on our tables (planner_hook), hides BRIN indexes of our tables from the
 * planner (get_relation_info_hook), registers the node.  Called once from _PG_init.
 */
extern void tsdb_bitmap_scan_init(void);

#endif							/* TSDB_BITMAP_SCAN_H */
