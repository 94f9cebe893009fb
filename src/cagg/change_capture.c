/*-------------------------------------------------------------------------
 * change_capture.c
 *	  Tells the dirty log of changes to tables that aggregates are made of.
 *
 * The access method calls back for each row (tsdb_handler.h).  Which relations are to be watched is remembered until their
 * relcache entry is invalidated, as it is by all that makes, changes or drops an aggregate, before its lock on the source is
 * released: so whoever may write knows.
 *
 * What this (sub)transaction has logged is remembered too, as a few ranges of whole buckets: most rows lie in them and cost a
 * comparison.  Forgetting it is always right, since the log may say a thing twice; it is forgotten when its subtransaction
 * aborts (the rows of the log are gone), and when a refresh in the same transaction has consumed the rows.
 *-------------------------------------------------------------------------
 */
#include "cagg/cagg_internal.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "am/tsdb_handler.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/partcache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

/* Ranges that are remembered of a subtransaction; more are joined, so that more is computed anew than need be. */
#define MAX_LOGGED			32

/* From so many rows of the log on, a range that grows does so by this part of what was logged. */
#define GROW_AFTER			16
#define GROW_PART			8

typedef struct Watched
{
	Oid			stored;
	Oid			type;
	AttrNumber	attnum;			/* time column of this relation */
	bool		is_stored;		/* this relation is the table of stored buckets itself */
	TsdbBucketMap *map;
} Watched;

typedef struct Capture
{
	Oid			relid;			/* hash key */
	bool		valid;
	MemoryContext cxt;			/* NULL: no aggregates */
	List	   *watched;
} Capture;

/* What is logged for an aggregate by a subtransaction */
typedef struct Logged
{
	struct Logged *next;
	Oid			stored;
	SubTransactionId subid;
	CommandId	cid;			/* greatest of what was logged */
	int			nrows;
	int			n;
	TsdbTimeRange ranges[MAX_LOGGED];	/* disjoint, ascending */
} Logged;

static HTAB *captures = NULL;
static Oid	last_relid = InvalidOid;
static Capture *last_capture = NULL;
static Logged *logged = NULL;	/* of this transaction; in TopTransactionContext */

static void
capture_relcache_callback(Datum arg, Oid relid)
{
	last_relid = InvalidOid;
	if (captures == NULL)
		return;
	if (OidIsValid(relid))
	{
		Capture    *capture = hash_search(captures, &relid, HASH_FIND, NULL);

		if (capture != NULL)
			capture->valid = false;
	}
	else
	{
		HASH_SEQ_STATUS status;
		Capture    *capture;

		hash_seq_init(&status, captures);
		while ((capture = hash_seq_search(&status)) != NULL)
			capture->valid = false;
	}
}

/* relid and what it is a part of, by partitioning or inheritance, nearest first */
static List *
with_ancestors(Oid relid)
{
	List	   *relids = list_make1_oid(relid);
	ListCell   *lc;
	Relation	pg_inherits = table_open(InheritsRelationId, AccessShareLock);

	foreach(lc, relids)
	{
		/* the list grows as it is gone through */
		ScanKeyData key;
		SysScanDesc scan;
		HeapTuple	tuple;

		ScanKeyInit(&key, Anum_pg_inherits_inhrelid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(lfirst_oid(lc)));
		scan = systable_beginscan(pg_inherits, InheritsRelidSeqnoIndexId, true, NULL, 1, &key);
		while (HeapTupleIsValid(tuple = systable_getnext(scan)))
			relids = list_append_unique_oid(relids, ((Form_pg_inherits) GETSTRUCT(tuple))->inhparent);
		systable_endscan(scan);
	}
	table_close(pg_inherits, AccessShareLock);
	return relids;
}

List *
tsdb_capture_sources(Oid relid)
{
	List	   *sources = NIL;
	ListCell   *lc;

	if (!OidIsValid(tsdb_cagg_catalog()))
		return NIL;
	foreach(lc, with_ancestors(relid))
	{
		if (tsdb_cagg_of_source(lfirst_oid(lc)) != NIL)
			sources = lappend_oid(sources, lfirst_oid(lc));
	}
	return sources;
}

/* Adds to what is watched of a relation; *cxt is made when there is something. */
static List *
watch(Capture *capture, const TsdbCagg *cagg, AttrNumber attnum, bool is_stored, MemoryContext parent, MemoryContext *cxt, List *watched)
{
	MemoryContext oldcxt;
	Watched    *entry;

	if (*cxt == NULL)
		*cxt = AllocSetContextCreate(parent, "tsdb capture of a table", ALLOCSET_SMALL_SIZES);
	entry = MemoryContextAllocZero(*cxt, sizeof(Watched));
	entry->stored = cagg->stored;
	entry->attnum = attnum;
	entry->is_stored = is_stored;
	entry->type = getBaseType(get_atttype(capture->relid, attnum));
	entry->map = tsdb_bucket_map_make(cagg->bucket_expr, entry->type, *cxt);
	oldcxt = MemoryContextSwitchTo(*cxt);
	watched = lappend(watched, entry);
	MemoryContextSwitchTo(oldcxt);
	return watched;
}

/* Finds out what is to be watched. */
static void
load(Capture *capture)
{
	MemoryContext cxt = NULL;
	MemoryContext oldcxt;
	MemoryContext work;
	List	   *watched = NIL;
	TsdbCagg	own;
	ListCell   *lc;
	ListCell   *lc2;

	if (capture->cxt != NULL)
	{
		MemoryContext old = capture->cxt;

		capture->cxt = NULL;
		capture->watched = NIL;
		MemoryContextDelete(old);
	}
	/* an invalidation from here on makes it invalid again */
	capture->valid = true;

	work = AllocSetContextCreate(CurrentMemoryContext, "tsdb capture", ALLOCSET_SMALL_SIZES);
	oldcxt = MemoryContextSwitchTo(work);
	foreach(lc, tsdb_capture_sources(capture->relid))
	{
		foreach(lc2, tsdb_cagg_of_source(lfirst_oid(lc)))
		{
			TsdbCagg   *cagg = lfirst(lc2);
			AttrNumber	attnum = get_attnum(capture->relid, NameStr(cagg->time_column));

			if (attnum == InvalidAttrNumber)
				ereport(ERROR,
						(errcode(ERRCODE_UNDEFINED_COLUMN),
						 errmsg("column \"%s\" of table \"%s\", which a continuous aggregate is made of, does not exist",
								NameStr(cagg->time_column), get_rel_name(capture->relid))));
			watched = watch(capture, cagg, attnum, false, work, &cxt, watched);
		}
	}
	if (tsdb_cagg_find(capture->relid, &own))
		watched = watch(capture, &own, own.bucket_attnum, true, work, &cxt, watched);
	MemoryContextSwitchTo(oldcxt);
	if (cxt != NULL)
		MemoryContextSetParent(cxt, CacheMemoryContext);
	capture->cxt = cxt;
	capture->watched = watched;
	MemoryContextDelete(work);
}

/* The relation's, or NULL if nothing is made of it. */
static Capture *
find_capture(Oid relid)
{
	Capture    *capture;
	bool		found;

	if (relid == last_relid)
		return last_capture;
	/* catalogues and their kind are read on the way: none of them is a source */
	if (relid < FirstNormalObjectId || !IsTransactionState())
		return NULL;
	if (captures == NULL)
	{
		HASHCTL		ctl;

		ctl.keysize = sizeof(Oid);
		ctl.entrysize = sizeof(Capture);
		captures = hash_create("tsdb captures", 64, &ctl, HASH_ELEM | HASH_BLOBS);
	}
	capture = hash_search(captures, &relid, HASH_ENTER, &found);
	if (!found)
	{
		capture->valid = false;
		capture->cxt = NULL;
		capture->watched = NIL;
	}
	if (!capture->valid)
	{
		PG_TRY();
		{
			load(capture);
		}
		PG_CATCH();
		{
			capture->valid = false;
			PG_RE_THROW();
		}
		PG_END_TRY();
	}
	if (capture->valid)
	{
		last_relid = relid;
		last_capture = capture->watched != NIL ? capture : NULL;
	}
	return capture->watched != NIL ? capture : NULL;
}

static Logged *
find_logged(Oid stored)
{
	SubTransactionId subid = GetCurrentSubTransactionId();
	Logged	   *entry;

	for (entry = logged; entry != NULL; entry = entry->next)
	{
		if (entry->stored == stored && entry->subid == subid)
			return entry;
	}
	entry = MemoryContextAllocZero(TopTransactionContext, sizeof(Logged));
	entry->stored = stored;
	entry->subid = subid;
	entry->next = logged;
	logged = entry;
	return entry;
}

/* Remembers first .. last, joining what touches it, or what is nearest if there is no room. */
static void
remember(Logged *entry, int64 first, int64 last)
{
	TsdbTimeRange merged = {first, last};
	int			from = 0;
	int			to;
	int			i;

	while (from < entry->n && entry->ranges[from].last != PG_INT64_MAX && entry->ranges[from].last + 1 < first)
		from++;
	to = from;
	while (to < entry->n && (last == PG_INT64_MAX || entry->ranges[to].first <= last + 1))
	{
		merged.first = Min(merged.first, entry->ranges[to].first);
		merged.last = Max(merged.last, entry->ranges[to].last);
		to++;
	}
	Assert(to > from || entry->n < MAX_LOGGED);
	memmove(&entry->ranges[from + 1], &entry->ranges[to], sizeof(TsdbTimeRange) * (entry->n - to));
	entry->ranges[from] = merged;
	entry->n += 1 - (to - from);
	for (i = 1; i < entry->n; i++)
		Assert(entry->ranges[i - 1].last < entry->ranges[i].first);
}

static inline bool
is_logged(const Logged *entry, int64 time)
{
	int			low = 0;
	int			high = entry->n - 1;

	while (low <= high)
	{
		int			middle = (low + high) / 2;

		if (time < entry->ranges[middle].first)
			high = middle - 1;
		else if (time > entry->ranges[middle].last)
			low = middle + 1;
		else
			return true;
	}
	return false;
}

static void
note_range(Watched *watched, int64 first, int64 last, CommandId cid)
{
	Logged	   *entry = find_logged(watched->stored);
	int			i;

	/* what was logged under a later command is not seen by all who see this one */
	if (cid < entry->cid)
	{
		tsdb_dirty_log_add(watched->stored, first, last, cid);
		return;
	}
	entry->nrows++;

	/* a load goes up in time: not a row of the log for each bucket */
	for (i = 0; i < entry->n && entry->nrows > GROW_AFTER; i++)
	{
		TsdbTimeRange *range = &entry->ranges[i];

		if (range->last != PG_INT64_MAX && range->last + 1 == first && range->first != PG_INT64_MIN)
		{
			uint64		length = (uint64) range->last - (uint64) range->first;

			if (last < PG_INT64_MAX - (int64) (length / GROW_PART))
				last = tsdb_bucket_last(watched->map, last + (int64) (length / GROW_PART));
			break;
		}
	}
	if (entry->n == MAX_LOGGED)
	{
		/* joins it with the nearer neighbour */
		uint64		best = PG_UINT64_MAX;
		int64		join_first = first;
		int64		join_last = last;

		for (i = 0; i < entry->n; i++)
		{
			uint64		gap = entry->ranges[i].last < first ? (uint64) first - (uint64) entry->ranges[i].last :
			entry->ranges[i].first > last ? (uint64) entry->ranges[i].first - (uint64) last : 0;

			if (gap < best)
			{
				best = gap;
				join_first = entry->ranges[i].last < first ? entry->ranges[i].last + 1 : first;
				join_last = entry->ranges[i].first > last ? entry->ranges[i].first - 1 : last;
			}
		}
		first = join_first;
		last = join_last;
	}
	tsdb_dirty_log_add(watched->stored, first, last, cid);
	remember(entry, first, last);
	entry->cid = cid;
}

static inline void
note_time(Watched *watched, int64 time, CommandId cid)
{
	Logged	   *entry;

	/* outer subtransactions' rows of the log live as long as ours, or longer */
	for (entry = logged; entry != NULL; entry = entry->next)
	{
		if (entry->stored == watched->stored && cid >= entry->cid && is_logged(entry, time))
			return;
	}
	note_range(watched, tsdb_bucket_first(watched->map, time), tsdb_bucket_last(watched->map, time), cid);
}

static void
note_slot(Capture *capture, Relation rel, TupleTableSlot *slot, CommandId cid, bool is_new)
{
	ListCell   *lc;

	foreach(lc, capture->watched)
	{
		Watched    *watched = lfirst(lc);
		bool		isnull;
		Datum		value;

		/*
		 * Buckets that others than a refresh store come from a restore, which may put those of its dump beside what a policy has stored
		 * already: they are computed anew.  What is deleted stays deleted: it was too old for somebody.
		 */
		if (watched->is_stored && !is_new)
			continue;
		value = slot_getattr(slot, watched->attnum, &isnull);
		if (isnull)
			ereport(ERROR,
					(errcode(ERRCODE_NOT_NULL_VIOLATION),
					 errmsg("null value in column \"%s\" of relation \"%s\", which a continuous aggregate is made of",
							NameStr(TupleDescAttr(RelationGetDescr(rel), watched->attnum - 1)->attname),
							RelationGetRelationName(rel))));
		note_time(watched, tsdb_time_from_datum(value, watched->type), cid);
	}
}

/* Callbacks of the access method */

static bool
capture_watches(Relation rel)
{
	/* (stored buckets are nobody's source) */
	return find_capture(RelationGetRelid(rel)) != NULL && !tsdb_cagg_is_refreshing(RelationGetRelid(rel));
}

static void
capture_row(Relation rel, TupleTableSlot *slot, CommandId cid, bool is_new)
{
	Capture    *capture = find_capture(RelationGetRelid(rel));

	if (capture != NULL)
		note_slot(capture, rel, slot, cid, is_new);
}

static void
capture_truncate(Relation rel)
{
	if (find_capture(RelationGetRelid(rel)) != NULL)
		tsdb_capture_whole(RelationGetRelid(rel), GetCurrentCommandId(true));
}

/* The bounds of a partition, if its parent is partitioned by ranges of the time column first. */
static void
clip_to_bounds(Oid relid, const char *column, Oid type, TsdbTimeRange *range)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	PartitionBoundSpec *bound = NULL;
	Relation	parent;
	Datum		datum;
	bool		isnull;

	if (!HeapTupleIsValid(tuple))
		return;
	if (((Form_pg_class) GETSTRUCT(tuple))->relispartition)
	{
		datum = SysCacheGetAttr(RELOID, tuple, Anum_pg_class_relpartbound, &isnull);
		if (!isnull)
			bound = stringToNode(TextDatumGetCString(datum));
	}
	ReleaseSysCache(tuple);
	if (bound == NULL)
		return;

	parent = try_relation_open(get_partition_parent(relid, true), AccessShareLock);
	if (parent == NULL)
		return;
	if (bound->strategy == PARTITION_STRATEGY_RANGE && !bound->is_default)
	{
		PartitionKey key = RelationGetPartitionKey(parent);

		if (key->partattrs[0] != 0 && get_attnum(RelationGetRelid(parent), column) == key->partattrs[0])
		{
			PartitionRangeDatum *lower = linitial_node(PartitionRangeDatum, bound->lowerdatums);
			PartitionRangeDatum *upper = linitial_node(PartitionRangeDatum, bound->upperdatums);

			if (lower->kind == PARTITION_RANGE_DATUM_VALUE)
				range->first = Max(range->first, tsdb_time_from_datum(castNode(Const, lower->value)->constvalue, type));
			if (upper->kind == PARTITION_RANGE_DATUM_VALUE)
			{
				int64		behind = tsdb_time_from_datum(castNode(Const, upper->value)->constvalue, type);

				range->last = Min(range->last, key->partnatts == 1 && behind > PG_INT64_MIN ? behind - 1 : behind);
			}
		}
	}
	relation_close(parent, AccessShareLock);
}

void
tsdb_capture_whole(Oid relid, CommandId cid)
{
	Capture    *capture = find_capture(relid);
	ListCell   *lc;
	ListCell   *lc2;

	if (capture == NULL)
		return;
	foreach(lc, capture->watched)
	{
		Watched    *watched = lfirst(lc);
		TsdbTimeRange range = {PG_INT64_MIN, PG_INT64_MAX};
		char	   *column = get_attname(relid, watched->attnum, false);

		foreach(lc2, with_ancestors(relid))
			clip_to_bounds(lfirst_oid(lc2), column, watched->type, &range);
		if (range.first <= range.last)
			note_range(watched, tsdb_bucket_first(watched->map, range.first),
					   tsdb_bucket_last(watched->map, range.last), cid);
	}
}

void
tsdb_capture_forget(Oid stored)
{
	Logged	  **link = &logged;

	while (*link != NULL)
	{
		Logged	   *entry = *link;

		if (entry->stored != stored)
			link = &entry->next;
		else
		{
			*link = entry->next;
			pfree(entry);
		}
	}
}

static Logged *
has_logged(Oid stored, SubTransactionId subid)
{
	Logged	   *entry;

	for (entry = logged; entry != NULL; entry = entry->next)
	{
		if (entry->stored == stored && entry->subid == subid)
			return entry;
	}
	return NULL;
}

/* As much of what a subtransaction has logged as there is room for is its parent's now; the rest it may log again. */
static void
take_over(Logged *parent, const Logged *entry)
{
	int			i;

	for (i = 0; i < entry->n && parent->n < MAX_LOGGED; i++)
		remember(parent, entry->ranges[i].first, entry->ranges[i].last);
	parent->cid = Max(parent->cid, entry->cid);
	parent->nrows += entry->nrows;
}

static void
capture_subxact_callback(SubXactEvent event, SubTransactionId subid, SubTransactionId parent, void *arg)
{
	Logged	  **link = &logged;

	if (event != SUBXACT_EVENT_ABORT_SUB && event != SUBXACT_EVENT_COMMIT_SUB)
		return;

	while (*link != NULL)
	{
		Logged	   *entry = *link;
		Logged	   *outer;

		if (entry->subid != subid)
		{
			link = &entry->next;
			continue;
		}
		outer = event == SUBXACT_EVENT_COMMIT_SUB ? has_logged(entry->stored, parent) : NULL;
		if (event == SUBXACT_EVENT_COMMIT_SUB && outer == NULL)
		{
			entry->subid = parent;
			link = &entry->next;
			continue;
		}
		if (outer != NULL)
			take_over(outer, entry);
		*link = entry->next;
		pfree(entry);
	}
}

static void
capture_xact_callback(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PARALLEL_COMMIT:
		case XACT_EVENT_PREPARE:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PARALLEL_ABORT:
			/* the memory goes with its context */
			logged = NULL;
			break;
		default:
			break;
	}
}

static const TsdbChangeHooks capture_hooks = {
	.watches = capture_watches,
	.row = capture_row,
	.truncate = capture_truncate
};

void
tsdb_capture_init(void)
{
	CacheRegisterRelcacheCallback(capture_relcache_callback, (Datum) 0);
	RegisterXactCallback(capture_xact_callback, NULL);
	RegisterSubXactCallback(capture_subxact_callback, NULL);
	tsdb_change_hooks = &capture_hooks;
}
