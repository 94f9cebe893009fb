/*-------------------------------------------------------------------------
 * compat.h
 *	  Differences between PostgreSQL major versions, and nothing else.
 *
 * Supported: 15 to 18.  Every PG_VERSION_NUM test of the project stands here or in compat.c.
 *
 * The sources are written for the newest version.  Where an older one has another name or another signature for the same
 * thing, a macro of the new name leads to the old one; where neither name will do, something of our own (in
 * capitals, or compat_*) leads to both.  What was taken away has a stand-in that does nothing.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_COMPAT_H
#define TSDB_COMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 150000 || PG_VERSION_NUM >= 190000
#error "tsdb_am supports PostgreSQL 15 to 18"
#endif

#ifdef WORDS_BIGENDIAN
#error "tsdb_am's on-disk format is little endian"
#endif
#if SIZEOF_DATUM != 8
#error "tsdb_am needs 8-byte Datums"
#endif

#include "access/genam.h"
#include "access/heapam.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "catalog/pg_class_d.h"
#include "catalog/pg_database_d.h"
#include "catalog/pg_proc_d.h"
#include "commands/vacuum.h"
#include "optimizer/appendinfo.h"
#include "optimizer/cost.h"
#include "optimizer/pathnode.h"
#include "optimizer/paths.h"
#include "optimizer/placeholder.h"
#include "optimizer/planner.h"
#include "pgstat.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "utils/acl.h"
#include "utils/datetime.h"
#include "utils/lsyscache.h"
#include "utils/relcache.h"
#include "utils/snapmgr.h"
#include "utils/tuplesort.h"

/* ------------------------------------------------------------------------
 * 16
 * ------------------------------------------------------------------------
 */

#if PG_VERSION_NUM >= 160000

#include "utils/relfilenumbermap.h"
#include "varatt.h"

/* Outer joins have numbers among those of tables: relids without them; the one of a join, 0 = none; can it change places with another one? */
#define BASE_RELIDS(root, relids) bms_difference((relids), (root)->outer_join_rels)
#define OUTER_JOIN_RELID(sjinfo) ((sjinfo)->ojrelid)
#define OUTER_JOIN_COMMUTES(sjinfo) \
	((sjinfo)->commute_above_l != NULL || (sjinfo)->commute_above_r != NULL || \
	 (sjinfo)->commute_below_l != NULL || (sjinfo)->commute_below_r != NULL)

#else

#define BASE_RELIDS(root, relids) bms_copy(relids)
#define OUTER_JOIN_RELID(sjinfo) 0
#define OUTER_JOIN_COMMUTES(sjinfo) false

#define RelFileLocator RelFileNode
#define RelFileLocatorEquals RelFileNodeEquals
#include "utils/relfilenodemap.h"
#define RelidByRelfilenumber RelidByRelfilenode
#define spcOid spcNode
#define dbOid dbNode
#define relNumber relNode
#define rd_locator rd_node
#define relation_set_new_filelocator relation_set_new_filenode

/* which indexes get entries for a row's new version; there was no middle course */
typedef bool TU_UpdateIndexes;
#define TU_None false
#define TU_All true

#define object_ownercheck(classid, objectid, roleid) \
	((classid) == DatabaseRelationId ? pg_database_ownercheck((objectid), (roleid)) : \
	 pg_class_ownercheck((objectid), (roleid)))
/* functions only */
#define object_aclcheck(classid, objectid, roleid, mode) \
	(AssertMacro((classid) == ProcedureRelationId), pg_proc_aclcheck((objectid), (roleid), (mode)))

#define adjust_appendrel_attrs_multilevel(root, node, childrel, parentrel) \
	adjust_appendrel_attrs_multilevel((root), (node), (childrel)->relids, (parentrel)->relids)
#define generate_join_implied_equalities(root, join_relids, outer_relids, inner_rel, sjinfo) \
	generate_join_implied_equalities((root), (join_relids), (outer_relids), (inner_rel))
#define pgstat_count_heap_update(rel, hot, newpage) \
	pgstat_count_heap_update((rel), (hot))
#define tuplesort_getdatum(state, forward, copy, val, isNull, abbrev) \
	tuplesort_getdatum((state), (forward), (val), (isNull), (abbrev))
/* what such errors tell besides */
typedef struct DateTimeErrorExtra
{
	const char *unused;
} DateTimeErrorExtra;
#define DecodeTimezoneAbbrev(field, lowtoken, ftype, offset, tz, extra) \
	((void) (extra), *(ftype) = DecodeTimezoneAbbrev((field), (lowtoken), (offset), (tz)), 0)

#define create_subqueryscan_path(root, rel, subpath, trivial_pathtarget, pathkeys, required_outer) \
	create_subqueryscan_path((root), (rel), (subpath), (pathkeys), (required_outer))
#define find_placeholder_info(root, phv) find_placeholder_info((root), (phv), false)
#define build_expression_pathkey(root, expr, opno, rel, create_it) \
	build_expression_pathkey((root), (expr), NULL, (opno), (rel), (create_it))

/* the context is PortalContext */
#define vacuum(relations, params, bstrategy, vac_context, isTopLevel) \
	vacuum((relations), (params), (bstrategy), (isTopLevel))

#endif

/* the way in which width_bucket() rounds: buckets * (value - low) / (high - low), 0 .. buckets */
#if PG_VERSION_NUM >= 160000
#define WIDTH_BUCKET(buckets, value, low, high) ((double) (buckets) * (((value) - (low)) / ((high) - (low))))
#else
#define WIDTH_BUCKET(buckets, value, low, high) ((double) (buckets) * ((value) - (low)) / ((high) - (low)))
#endif

/* a counter of the relation's statistics in the running transaction */
#if PG_VERSION_NUM >= 160000
#define PGSTAT_TABLE_COUNT(rel, what) ((rel)->pgstat_info->counts.what)
#define PGSTAT_TAB_TUPLES(entry, what) ((entry)->what##_tuples)
#else
#define PGSTAT_TABLE_COUNT(rel, what) ((rel)->pgstat_info->t_counts.t_##what)
#define PGSTAT_TAB_TUPLES(entry, what) ((entry)->n_##what##_tuples)
#endif

/* ------------------------------------------------------------------------
 * 17
 * ------------------------------------------------------------------------
 */

#if PG_VERSION_NUM >= 170000

/* slots have a callback is_current_xact_tuple */
#define SLOT_KNOWS_CURRENT_XACT

/* old_snapshot_threshold is no more */
#define ERRCODE_SNAPSHOT_TOO_OLD MAKE_SQLSTATE('7', '2', '0', '0', '0')
#define OldSnapshotThresholdActive() false
#define TestForOldSnapshot(snapshot, relation, page) ((void) 0)

#define PGPROC_LXID(proc) ((proc)->vxid.lxid)
/* a backend's place in arrays of MaxBackends members: ours, and of whoever a virtual transaction id names */
#define MY_VXID_SLOT ((int) MyProcNumber)
#define VXID_SLOT(v) ((int) (v).procNumber)
#define VXID_PROC(v) ((v).procNumber)

/* conditions of a join that a custom path does: core tests those without columns; before, it did not ask for such paths if there are any */
#define CUSTOM_PATH_SET_CLAUSES(cpath, clauses) ((cpath)->custom_restrictinfo = (clauses))

/* where ANALYZE tells its next block: parameters of the callback, and as they are handed on */
#define ANALYZE_BLOCK_PARAMETERS ReadStream *stream
#define ANALYZE_BLOCK_ARGUMENTS stream

#else

#define PGPROC_LXID(proc) ((proc)->lxid)
#define MY_VXID_SLOT (MyBackendId - 1)
#define VXID_SLOT(v) ((v).backendId - 1)
#define VXID_PROC(v) ((v).backendId)

#define CUSTOM_PATH_SET_CLAUSES(cpath, clauses) ((void) 0)

#define INVALID_PROC_NUMBER InvalidBackendId
#define MyProcNumber (MyProc->pgprocno)
#define ProcNumberGetProc BackendIdGetProc
#define TransamVariables ShmemVariableCache

#define subquery_planner(glob, parse, parent_root, hasRecursion, tuple_fraction, setops) \
	((void) (setops), subquery_planner((glob), (parse), (parent_root), (hasRecursion), (tuple_fraction)))

/* (what an index access method keeps from insert to insert: BRIN, pins) */
#define index_insert_cleanup(indexRelation, indexInfo) ((void) 0)

#define LockHeldByMe(locktag, lockmode, orstronger) \
	(AssertMacro(!(orstronger)), LockHeldByMe((locktag), (lockmode)))

#define ANALYZE_BLOCK_PARAMETERS BlockNumber blockno, BufferAccessStrategy bstrategy
#define ANALYZE_BLOCK_ARGUMENTS blockno, bstrategy

#endif

/* ------------------------------------------------------------------------
 * 18
 * ------------------------------------------------------------------------
 */

#if PG_VERSION_NUM >= 180000

#include "commands/explain_format.h"
#include "commands/explain_state.h"

/* the access method itself goes through a bitmap and prefetches its blocks; before, the plan node did */
#define AM_READS_BITMAP

#define EXECUTOR_RUN_PARAMETERS QueryDesc *query, ScanDirection direction, uint64 count
#define EXECUTOR_RUN_ARGUMENTS query, direction, count

/* callback copy_minimal_tuple: how much room is wanted before the tuple */
#define COPY_MINIMAL_PARAMETERS TupleTableSlot *slot, Size extra
#define COPY_MINIMAL_ARGUMENTS(slot) (slot), extra
#define FORM_MINIMAL_EXTRA , extra

/* does an entry of ORDER BY sort from the greatest value on?  (Before, its operator told.) */
#define SET_REVERSE_SORT(clause, reverse) ((clause)->reverse_sort = (reverse))

/* a path that the user has turned off: it is taken if there is no other */
#define PATH_DISABLE(path) ((path)->disabled_nodes++)
/* path does what was turned off in its input, too */
#define PATH_DISABLE_AS(path, input) ((path)->disabled_nodes = (input)->disabled_nodes)
#define PATH_DISABLE_AS_BOTH(path, outer, inner) ((path)->disabled_nodes = (outer)->disabled_nodes + (inner)->disabled_nodes)
/* its cost, with what is added for what is turned off */
#define PATH_COST_DISABLED(path) ((path)->total_cost + (path)->disabled_nodes * disable_cost)
/* what cost_sort adds if sorting is turned off */
#define COST_SORT_DISABLED 0

/* are names of columns shown with their table's?  What GROUP BY adds to the range table does not count. */
#define EXPLAIN_NAMES_TABLES(es) ((es)->rtable_size > 1 || (es)->verbose)

#define lc_collate_is_c(collation) (pg_newlocale_from_collation(collation)->collate_is_c)

#else

#define EXPLAIN_NAMES_TABLES(es) (list_length((es)->rtable) > 1 || (es)->verbose)

/* before the declaration */
#define pg_noreturn pg_attribute_noreturn()

#define EXECUTOR_RUN_PARAMETERS QueryDesc *query, ScanDirection direction, uint64 count, bool execute_once
#define EXECUTOR_RUN_ARGUMENTS query, direction, count, execute_once

#define COPY_MINIMAL_PARAMETERS TupleTableSlot *slot
#define COPY_MINIMAL_ARGUMENTS(slot) (slot)
#define FORM_MINIMAL_EXTRA

#define PATH_DISABLE(path) ((path)->startup_cost += disable_cost)
#define PATH_DISABLE_AS(path, input) ((void) 0)
#define PATH_DISABLE_AS_BOTH(path, outer, inner) ((void) 0)
#define PATH_COST_DISABLED(path) ((path)->total_cost)
#define COST_SORT_DISABLED (enable_sort ? 0 : disable_cost)

/* comparisons were btree's strategies, which still have the same numbers */
typedef int16 CompareType;
#define COMPARE_LT BTLessStrategyNumber
#define COMPARE_GT BTGreaterStrategyNumber
#define COMPARE_NE ROWCOMPARE_NE
#define pk_cmptype pk_strategy
#define cmptype strategy
#define OpIndexInterpretation OpBtreeInterpretation
#define get_op_index_interpretation get_op_btree_interpretation
#define get_opfamily_member_for_cmptype get_opfamily_member

#define cmpOperators dupOperators
#define SET_REVERSE_SORT(clause, reverse) ((void) 0)

#define log_lock_failures false
#define ConditionalXactLockTableWait(xid, logLockFailure) \
	((void) (logLockFailure), ConditionalXactLockTableWait(xid))

#define cost_sort(path, root, pathkeys, input_disabled_nodes, input_cost, tuples, width, comparison_cost, sort_mem, limit_tuples) \
	cost_sort((path), (root), (pathkeys), (input_cost), (tuples), (width), (comparison_cost), (sort_mem), (limit_tuples))
#define index_beginscan(heapRelation, indexRelation, snapshot, instrument, nkeys, norderbys) \
	index_beginscan((heapRelation), (indexRelation), (snapshot), (nkeys), (norderbys))
#define RelationGetPrimaryKeyIndex(relation, deferrable_ok) \
	RelationGetPrimaryKeyIndex(relation)
#define vac_update_relstats(relation, num_pages, num_tuples, num_all_visible_pages, num_all_frozen_pages, hasindex, frozenxid, \
							minmulti, frozenxid_updated, minmulti_updated, in_outer_xact) \
	((void) (num_all_frozen_pages), \
	 vac_update_relstats((relation), (num_pages), (num_tuples), (num_all_visible_pages), (hasindex), (frozenxid), \
						 (minmulti), (frozenxid_updated), (minmulti_updated), (in_outer_xact)))

#endif

/* bitmap scans up to 16, and from 18 on, fetch rows in any case */
#if PG_VERSION_NUM >= 170000 && PG_VERSION_NUM < 180000
#define table_beginscan_bm(rel, snapshot, nkeys, key) table_beginscan_bm((rel), (snapshot), (nkeys), (key), true)
#endif

/* ------------------------------------------------------------------------
 * compat.c
 * ------------------------------------------------------------------------
 */

/* heapam goes to a block and finds the tuples there that the scan's snapshot sees: rs_vistuples (heapgetpage() up to 16) */
extern void compat_heap_get_page(TableScanDesc scan, BlockNumber block);

/* Expressions of GROUP BY are where they are used: from 18 on a range table entry stands for them. */
extern void compat_flatten_groups(Query *query);

/* Columns of an outer join's right side as they are above that join: from 16 on they are marked with its number. */
extern List *compat_nulled_columns(List *columns, Index ojrelid);

/* file name of the main fork, palloc'd */
extern char *compat_relation_path(Relation rel);

/* members of an equivalence class, with those of partitions and the like that "relids" are */
extern List *compat_ec_members(EquivalenceClass *ec, Relids relids);

/* WAL: btree is about to use a page again that was deleted at that id; conflicts with older snapshots on standbys */
extern void compat_log_btree_reuse_page(Relation table, FullTransactionId horizon);

#endif							/* TSDB_COMPAT_H */
