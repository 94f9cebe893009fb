/*-------------------------------------------------------------------------
 * row_indexer.c
 *	  Inserts index entries for rows that satisfied all constraints before.
 *
 * After execIndexing.c: ExecOpenIndices() and ExecInsertIndexTuples(), without what a new row needs.
 *-------------------------------------------------------------------------
 */
#include "am/row_indexer.h"

#include "access/genam.h"
#include "access/sysattr.h"
#include "catalog/index.h"
#include "catalog/pg_am_d.h"
#include "chunk/chunk_reader.h"
#include "executor/executor.h"
#include "injection.h"
#include "optimizer/optimizer.h"
#include "utils/rel.h"

/* Does an index on rel have entries of chunk rows?  A BRIN index covers the row store's blocks only: zone maps do its work for chunks. */
static inline bool
has_chunk_rows(Relation index)
{
	return index->rd_rel->relam != BRIN_AM_OID;
}

/* Finds the columns that keys, expressions and predicates read. */
static void
find_attrs(TsdbRowIndexer *indexer)
{
	int			natts = RelationGetDescr(indexer->rel)->natts;
	Bitmapset  *used = NULL;	/* attribute numbers, offset as pull_varattnos does it */
	AttrNumber	attnum;
	int			i;

	for (i = 0; i < indexer->nindexes; i++)
	{
		IndexInfo  *info = indexer->infos[i];
		int			k;

		if (!has_chunk_rows(indexer->indexes[i]))
			continue;
		for (k = 0; k < info->ii_NumIndexAttrs; k++)
		{
			/* 0 = an expression */
			if (info->ii_IndexAttrNumbers[k] != 0)
				used = bms_add_member(used, info->ii_IndexAttrNumbers[k] - FirstLowInvalidHeapAttributeNumber);
		}
		pull_varattnos((Node *) info->ii_Expressions, 1, &used);
		pull_varattnos((Node *) info->ii_Predicate, 1, &used);
	}

	indexer->nattrs = 0;
	indexer->attrs = palloc(sizeof(AttrNumber) * Max(natts, 1));
	for (attnum = 1; attnum <= natts; attnum++)
	{
		/* attribute 0 is the whole row */
		if (bms_is_member(attnum - FirstLowInvalidHeapAttributeNumber, used) ||
			bms_is_member(0 - FirstLowInvalidHeapAttributeNumber, used))
			indexer->attrs[indexer->nattrs++] = attnum;
	}
	bms_free(used);
}

void
tsdb_row_indexer_begin(TsdbRowIndexer *indexer, Relation rel)
{
	List	   *oids = RelationGetIndexList(rel);
	ListCell   *lc;

	indexer->rel = rel;
	indexer->indexes = palloc(sizeof(Relation) * Max(list_length(oids), 1));
	indexer->infos = palloc(sizeof(IndexInfo *) * Max(list_length(oids), 1));
	indexer->nindexes = 0;

	foreach(lc, oids)
	{
		Relation	index = index_open(lfirst_oid(lc), RowExclusiveLock);
		IndexInfo  *info = BuildIndexInfo(index);

		if (!info->ii_ReadyForInserts)
		{
			index_close(index, RowExclusiveLock);
			continue;
		}
		indexer->indexes[indexer->nindexes] = index;
		indexer->infos[indexer->nindexes] = info;
		indexer->nindexes++;
	}
	list_free(oids);
	find_attrs(indexer);
	indexer->estate = CreateExecutorState();
}

void
tsdb_row_indexer_end(TsdbRowIndexer *indexer)
{
	int			i;

	FreeExecutorState(indexer->estate);
	for (i = 0; i < indexer->nindexes; i++)
	{
		index_insert_cleanup(indexer->indexes[i], indexer->infos[i]);
		index_close(indexer->indexes[i], RowExclusiveLock);
	}
}

void
tsdb_row_indexer_insert(TsdbRowIndexer *indexer, TupleTableSlot *slot, ItemPointer tid)
{
	ExprContext *econtext = GetPerTupleExprContext(indexer->estate);
	MemoryContext old_cxt;
	Datum		values[INDEX_MAX_KEYS];
	bool		isnull[INDEX_MAX_KEYS];
	int			i;

	slot->tts_tid = *tid;
	econtext->ecxt_scantuple = slot;
	old_cxt = MemoryContextSwitchTo(econtext->ecxt_per_tuple_memory);

	for (i = 0; i < indexer->nindexes; i++)
	{
		IndexInfo  *info = indexer->infos[i];

		if (tsdb_tid_is_virtual(tid) && !has_chunk_rows(indexer->indexes[i]))
			continue;

		if (info->ii_Predicate != NIL)
		{
			if (info->ii_PredicateState == NULL)
			{
				MemoryContextSwitchTo(indexer->estate->es_query_cxt);
				info->ii_PredicateState = ExecPrepareQual(info->ii_Predicate, indexer->estate);
				MemoryContextSwitchTo(econtext->ecxt_per_tuple_memory);
			}
			if (!ExecQual(info->ii_PredicateState, econtext))
				continue;
		}

		/*
		 * The row satisfied unique and exclusion constraints where it was: it is the same row.  That its keys are unchanged is not told: btree would
		 * look for versions to delete when a page is full, but the older ones have just been marked, by a transaction that has not ended.  It
		 * made half as much work again (6.4 us a row instead of 4.0).
		 */
		FormIndexDatum(info, slot, indexer->estate, values, isnull);
		index_insert(indexer->indexes[i], values, isnull, tid, indexer->rel,
					 UNIQUE_CHECK_NO, false, info);
		TSDB_INJECT("index-entry");
	}

	MemoryContextSwitchTo(old_cxt);
	ResetPerTupleExprContext(indexer->estate);
}
