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

#include "chunk/chunk_reader.h"
#include "nodes/extensible.h"
#include "nodes/execnodes.h"
#include "nodes/pathnodes.h"
#include "nodes/plannodes.h"

#define TSDB_SCAN_NAME "TsdbScan"

/* cost of a row that comes out of a vector, in cpu_tuple_cost; who takes vectors is spared it */
#define TSDB_SCAN_ROW_SHARE	0.4

/* What the rows of a scan are in order of. */
typedef enum TsdbScanOrder
{
	TSDB_ORDER_NONE,
	TSDB_ORDER_TIME,
	TSDB_ORDER_SERIES,			/* of series, then perhaps of time */
	TSDB_ORDER_LAST_ROWS		/* of series, the first row of each by time alone */
} TsdbScanOrder;

/* Where an order of time has rows whose time is NULL. */
typedef enum TsdbOrderNulls
{
	TSDB_NULLS_NONE,			/* there are none */
	TSDB_NULLS_FIRST,
	TSDB_NULLS_LAST
} TsdbOrderNulls;

extern const CustomScanMethods tsdb_scan_methods;

/* For EXPLAIN: why an Agg above a scan works row by row (joined: with joins between them); set by who knows. */
extern const char *(*tsdb_scan_why_not_above) (const Agg *agg, bool joined);

extern bool tsdb_is_scan_path(const CustomPath *path);

/* A path of a table whose rows come in an order that the query itself does not ask for, or in part of it; NULL: there is none. */
extern Path *tsdb_scan_path_in_order(PlannerInfo *root, RelOptInfo *rel, List *pathkeys);

/*
 * Another way to read a serial or parallel scan, in no order and forward: what it has, a vector at a time.  Rows of the row store come one by
 * one, first.  All rows have passed all conditions.
 */
typedef enum TsdbScanItemKind
{
	TSDB_ITEM_END,
	TSDB_ITEM_ROW,				/* slot */
	TSDB_ITEM_CHUNK,			/* a chunk that is not open, of which all nrows rows are wanted */
	TSDB_ITEM_VECTOR			/* rows of set */
} TsdbScanItemKind;

typedef struct TsdbScanItem
{
	TsdbScanItemKind kind;
	TupleTableSlot *slot;
	TsdbStore  *store;			/* CHUNK: where the directory has it */
	const TsdbDirEntry *entry;
	TsdbVectorSet *set;			/* the scan's, until the next item */
	bool		new_chunk;		/* of another chunk than the vector before */
	const uint16 *rows;			/* [nrows] of the set, rising; NULL: all of them */
	int			nrows;
} TsdbScanItem;

/*
 * The next item.  offer_chunks: chunks all of whose rows are wanted come as such first; then tsdb_scan_leave_chunk says that no
 * more is wanted of it, else its vectors come.
 */
extern void tsdb_scan_next_item(CustomScanState *scan, bool offer_chunks, TsdbScanItem *item);
extern void tsdb_scan_leave_chunk(CustomScanState *scan);

/* Registers the node and the planner's hook.  Called once from _PG_init. */
extern void tsdb_scan_init(void);

#endif							/* TSDB_SCAN_H */
