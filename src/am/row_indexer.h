/*-------------------------------------------------------------------------
 * row_indexer.h
 *	  Inserts index entries for rows that satisfied all constraints before.
 *
 * Inside am/: movers, and updates that are decoded logically.  Rows that are new to the table go through the
 * executor, which checks uniqueness.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_ROW_INDEXER_H
#define TSDB_ROW_INDEXER_H

#include "compat.h"

#include "nodes/execnodes.h"
#include "utils/relcache.h"

typedef struct TsdbRowIndexer
{
	Relation	rel;
	int			nindexes;		/* ready ones */
	Relation   *indexes;
	IndexInfo **infos;			/* by index */
	int			nattrs;			/* columns of rel that entries of chunk rows are made of */
	AttrNumber *attrs;			/* rising */
	EState	   *estate;
} TsdbRowIndexer;

/* Opens the indexes that take entries now; everything lives in the current context. */
extern void tsdb_row_indexer_begin(TsdbRowIndexer *indexer, Relation rel);
extern void tsdb_row_indexer_end(TsdbRowIndexer *indexer);

/*
 * Inserts the entries of the row in slot (any kind) under this TID, without uniqueness checks.  Expressions run as
 * the current user.  A chunk row's slot (virtual TID) need hold no columns but indexer->attrs.
 */
extern void tsdb_row_indexer_insert(TsdbRowIndexer *indexer, TupleTableSlot *slot, ItemPointer tid);

#endif							/* TSDB_ROW_INDEXER_H */
