/*-------------------------------------------------------------------------
 * row_indexer.c
 *	  Inserts index entries for rows that satisfied all constraints before.
 *
 * After execIndexing.c: ExecOpenIndices() and ExecInsertIndexTuples(), without what a new row needs.
 *-------------------------------------------------------------------------
 */
#include "am/row_indexer.h"

#include "access/genam.h"
#include "catalog/index.h"
#include "catalog/pg_am_d.h"
#include "chunk/chunk_reader.h"
#include "executor/executor.h"
#include "injection.h"
#include "utils/rel.h"

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

		/* a BRIN index covers the row store's blocks only: zone maps do its work for chunks */
		if (indexer->indexes[i]->rd_rel->relam == BRIN_AM_OID && tsdb_tid_is_virtual(tid))
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

		/* the row satisfied unique and exclusion constraints where it was: it is the same row */
		FormIndexDatum(info, slot, indexer->estate, values, isnull);
		index_insert(indexer->indexes[i], values, isnull, tid, indexer->rel,
					 UNIQUE_CHECK_NO, false, info);
		TSDB_INJECT("index-entry");
	}

	MemoryContextSwitchTo(old_cxt);
	ResetPerTupleExprContext(indexer->estate);
}
