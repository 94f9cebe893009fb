/*-------------------------------------------------------------------------
 * compat.c
 *	  What differs between PostgreSQL major versions by more than a name.
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/nbtxlog.h"
#include "access/xloginsert.h"
#include "nodes/pathnodes.h"
#include "optimizer/optimizer.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"

/* From 17 on after heapam_handler.c: heapam_scan_sample_next_block(). */
void
compat_heap_get_page(TableScanDesc scan, BlockNumber block)
{
#if PG_VERSION_NUM >= 170000
	HeapScanDesc hscan = (HeapScanDesc) scan;

	if (BufferIsValid(hscan->rs_cbuf))
		ReleaseBuffer(hscan->rs_cbuf);
	hscan->rs_cbuf = InvalidBuffer;

	CHECK_FOR_INTERRUPTS();
	hscan->rs_cbuf = ReadBufferExtended(scan->rs_rd, MAIN_FORKNUM, block, RBM_NORMAL, hscan->rs_strategy);
	hscan->rs_cblock = block;
	if (scan->rs_flags & SO_ALLOW_PAGEMODE)
		heap_prepare_pagescan(scan);
#else
	heapgetpage(scan, block);
#endif
}

List *
compat_ec_members(EquivalenceClass *ec, Relids relids)
{
#if PG_VERSION_NUM >= 180000
	List	   *result = NIL;
	EquivalenceMemberIterator iterator;
	EquivalenceMember *em;

	setup_eclass_member_iterator(&iterator, ec, relids);
	while ((em = eclass_member_iterator_next(&iterator)) != NULL)
		result = lappend(result, em);
	return result;
#else
	return ec->ec_members;
#endif
}

void
compat_flatten_groups(Query *query)
{
#if PG_VERSION_NUM >= 180000
	ListCell   *lc;

	if (!query->hasGroupRTE)
		return;
	query->targetList = (List *) flatten_group_exprs(NULL, query, (Node *) query->targetList);
	query->havingQual = flatten_group_exprs(NULL, query, query->havingQual);
	/* after subselect.c: simplify_EXISTS_query() */
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_GROUP)
		{
			rte->rtekind = RTE_RESULT;
			rte->groupexprs = NIL;
		}
	}
	query->hasGroupRTE = false;
#endif
}

List *
compat_nulled_columns(List *columns, Index ojrelid)
{
#if PG_VERSION_NUM >= 160000
	List	   *result = NIL;
	ListCell   *lc;

	if (ojrelid == 0)
		return columns;
	foreach(lc, columns)
	{
		Node	   *column = copyObject(lfirst(lc));

		if (IsA(column, Var))
			((Var *) column)->varnullingrels = bms_add_member(((Var *) column)->varnullingrels, ojrelid);
		else if (IsA(column, PlaceHolderVar))
			((PlaceHolderVar *) column)->phnullingrels = bms_add_member(((PlaceHolderVar *) column)->phnullingrels, ojrelid);
		else
			elog(ERROR, "unexpected node %d among the columns of a join", (int) nodeTag(column));
		result = lappend(result, column);
	}
	return result;
#else
	return columns;
#endif
}

char *
compat_relation_path(Relation rel)
{
#if PG_VERSION_NUM >= 180000
	return pstrdup(relpathbackend(rel->rd_locator, rel->rd_backend, MAIN_FORKNUM).str);
#else
	return relpathbackend(rel->rd_locator, rel->rd_backend, MAIN_FORKNUM);
#endif
}

void
compat_log_btree_reuse_page(Relation table, FullTransactionId horizon)
{
	xl_btree_reuse_page record;

	memset(&record, 0, sizeof(record));
	record.block = InvalidBlockNumber;
#if PG_VERSION_NUM >= 160000
	record.locator = table->rd_locator;
	record.snapshotConflictHorizon = horizon;
	record.isCatalogRel = RelationIsAccessibleInLogicalDecoding(table);
#else
	record.node = table->rd_node;
	record.latestRemovedFullXid = horizon;
#endif
	XLogBeginInsert();
	XLogRegisterData((char *) &record, SizeOfBtreeReusePage);
	(void) XLogInsert(RM_BTREE_ID, XLOG_BTREE_REUSE_PAGE);
}
