/*-------------------------------------------------------------------------
 * direct_load.c
 *	  Rows of a large insert on their way into chunks: frames and buffers.
 *
 * A frame stands for an INSERT or COPY FROM that is running; it is pushed by the executor's or
 * the utility hook and tells which statement a row belongs to: the one whose command id and
 * subtransaction the row has.  Whether the statement qualifies (load_rules.h) is decided at
 * its first row, so that inserts into other tables and empty ones cost nothing.
 *
 * A target is one relation that rows of one statement go to, with its rows; or the note
 * that the relation does not qualify.  Its rows are held as tuples while they may stay below the threshold, since most statements
 * do: those go into the row store as they are.  The row that makes them enough, or too large to hold, has them all put into a
 * column buffer, and what comes then goes there at once.  Targets without a frame belong to bulk inserts
 * (CREATE TABLE AS and the like), which end with table_finish_bulk_insert; where they take rows
 * from a query that can see the new table, that query has a frame, of kind BULK, only to be judged.
 *
 * When rows are written:
 *	INSERT		before standard_ExecutorFinish, which fires AFTER triggers
 *	COPY		when it has returned; table_finish_bulk_insert comes for single partitions in its
 *				middle and is no end
 *	bulk insert	by table_finish_bulk_insert, or before commit for callers that forget it
 *	all			when write_buffer is full, the largest buffer first; when somebody wants to see the rows (settle)
 *
 * Invariants: a buffer is written only while its own subtransaction is the current one,
 * since heap_insert stamps the current xid.  Rows keep the command id of their statement.
 * When a subtransaction ends, nothing of it is left here; (sub)abort drops rows.
 * All buffers together stay within write_buffer, but for one batch of rows, and for
 * what outer subtransactions hold that can't be written now.
 *-------------------------------------------------------------------------
 */
#include "am/direct_load.h"

#include "access/detoast.h"
#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tupmacs.h"
#include "access/xact.h"
#include "am/load_rules.h"
#include "am/tsdb_handler.h"
#include "catalog/catalog.h"
#include "catalog/namespace.h"
#include "chunk/chunk_writer.h"
#include "chunk/column_buffer.h"
#include "executor/executor.h"
#include "guc.h"
#include "injection.h"
#include "lib/ilist.h"
#include "miscadmin.h"
#include "options/table_options.h"
#include "pgstat.h"
#include "storage/lmgr.h"
#include "storage/predicate.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* Empty buffers kept for the session's next statements, and what each of their arrays may hold on to. */
#define POOL_BUFFERS		4
#define POOL_KEEP_BYTES		((Size) 512 * 1024)

/* The same for the writer's scratch, which takes about two bytes for each byte of a chunk. */
#define WRITER_KEEP_BYTES	((Size) 8 * 1024 * 1024)

/* Rows a call of heap_multi_insert. */
#define ROW_STORE_BATCH		128

/* What a target holds as tuples at most; rows, if direct_load_rows is larger. */
#define HOLD_MIN_ROWS		4
#define HOLD_ROWS			1000
#define HOLD_BYTES			((Size) 1024 * 1024)

/* A buffer smaller than this part of write_buffer is not worth writing to make room. */
#define MIN_FLUSH_PART		16

/*
 * What sorting and writing a buffer takes besides, per row: permutation and series (4 bytes each), and
 * two copies of (key, row) of the largest series that is out of order.  Counted with the
 * rows, so that write_buffer holds for the flush too.
 */
#define FLUSH_BYTES_PER_ROW	40

typedef struct LoadFrame
{
	struct LoadFrame *outer;
	/* immutable */
	TsdbLoadKind kind;
	QueryDesc  *query;			/* INSERT, or the query whose rows are inserted in bulk */
	CopyStmt   *copy;			/* COPY FROM */
	SubTransactionId subid;
	CommandId	cid;			/* of its rows; not known for BULK */
	int			threshold;		/* rows from which chunks are written */
	/* verdict, at the first row */
	bool		judged;
	bool		qualifies;
	List	   *members;		/* target and its partitions, in cxt */
	MemoryContext cxt;			/* NULL until judged */
	/* rows were written, none are taken any more */
	bool		closed;
} LoadFrame;

typedef struct LoadKey
{
	Oid			relid;
	SubTransactionId subid;
	CommandId	cid;
	int			options;		/* TABLE_INSERT_* */
} LoadKey;

StaticAssertDecl(sizeof(LoadKey) == 16, "keys are compared as bytes: no padding");

/* Rows held as tuples, in a context of its own that this is in, too. */
typedef struct HeldRows
{
	MemoryContext cxt;
	Size		bytes;
	int			ntuples;
	int			maxtuples;		/* allocated */
	HeapTuple  *tuples;
} HeldRows;

typedef struct LoadTarget
{
	LoadKey		key;
	dlist_node	node;			/* in load_targets */
	LoadFrame  *frame;			/* NULL: bulk insert */
	bool		refused;		/* rows go to the row store */
	bool		flushing;
	int			threshold;
	RelFileLocator relnode;		/* rows of another one than the table's are of no use */
	uint64		nrows_total;	/* taken in the whole statement */
	Size		counted;		/* bytes for its rows and their flush; 0 = no rows pending */
	/* one of these two, or neither */
	HeldRows   *held;
	TsdbColumnBuffer *buffer;
	TsdbTableOptions options;	/* read with the first row that goes into the buffer */
	bool		wide;			/* rows might not fit a page: see row_width */
} LoadTarget;

int			tsdb_direct_load_npending = 0;

static LoadFrame *load_frames = NULL;	/* innermost first */
static MemoryContext load_cxt = NULL;	/* everything here; session */
static MemoryContext load_row_cxt = NULL;	/* reset after each batch of rows */
static HTAB *load_table = NULL; /* LoadKey -> LoadTarget */
static dlist_head load_targets = DLIST_STATIC_INIT(load_targets);
static LoadTarget *load_last = NULL;	/* of the row before */
static Size load_bytes = 0;		/* sum of "counted" of all targets */
static TsdbColumnBuffer *load_pool[POOL_BUFFERS];
static int	load_npool = 0;
static TsdbChunkWriter *load_writer = NULL;
static bool load_writer_busy = false;

static ExecutorStart_hook_type prev_executor_start = NULL;
static ExecutorRun_hook_type prev_executor_run = NULL;
static ExecutorFinish_hook_type prev_executor_finish = NULL;
static ExecutorEnd_hook_type prev_executor_end = NULL;


/*-------------------------------------------------------------------------
 * Buffers
 *-------------------------------------------------------------------------
 */

static void
prepare_memory(void)
{
	HASHCTL		ctl;

	if (load_table != NULL)
		return;
	if (load_cxt == NULL)
		load_cxt = AllocSetContextCreate(TopMemoryContext, "tsdb direct load", ALLOCSET_DEFAULT_SIZES);
	if (load_row_cxt == NULL)
		load_row_cxt = AllocSetContextCreate(load_cxt, "tsdb direct load row", ALLOCSET_DEFAULT_SIZES);

	memset(&ctl, 0, sizeof(ctl));
	ctl.keysize = sizeof(LoadKey);
	ctl.entrysize = sizeof(LoadTarget);
	ctl.hcxt = load_cxt;
	load_table = hash_create("tsdb direct load targets", 64, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

/* Would a buffer made for one serve the other?  Names and constraints don't matter. */
static bool
same_columns(TupleDesc a, TupleDesc b)
{
	int			i;

	if (a->natts != b->natts)
		return false;
	for (i = 0; i < a->natts; i++)
	{
		Form_pg_attribute left = TupleDescAttr(a, i);
		Form_pg_attribute right = TupleDescAttr(b, i);

		if (left->attisdropped != right->attisdropped || left->atttypid != right->atttypid ||
			left->attlen != right->attlen || left->attbyval != right->attbyval ||
			left->attalign != right->attalign)
			return false;
	}
	return true;
}

static TsdbColumnBuffer *
acquire_buffer(TupleDesc tupdesc)
{
	int			i;

	for (i = load_npool - 1; i >= 0; i--)
	{
		TsdbColumnBuffer *buffer = load_pool[i];

		if (!same_columns(buffer->tupdesc, tupdesc))
			continue;
		memmove(&load_pool[i], &load_pool[i + 1], sizeof(load_pool[0]) * (load_npool - i - 1));
		load_npool--;
		return buffer;
	}
	return tsdb_column_buffer_create(tupdesc, load_cxt);
}

/* Buffer to the pool; the one unused for longest leaves it. */
static void
release_buffer(TsdbColumnBuffer *buffer)
{
	tsdb_column_buffer_reset(buffer, POOL_KEEP_BYTES);
	if (load_npool == POOL_BUFFERS)
	{
		MemoryContextDelete(load_pool[0]->cxt);
		memmove(&load_pool[0], &load_pool[1], sizeof(load_pool[0]) * (POOL_BUFFERS - 1));
		load_npool--;
	}
	load_pool[load_npool++] = buffer;
}

#define target_is_pending(target) ((target)->counted > 0)

/* Brings load_bytes and npending up to date with the target's buffer. */
static void
count_target(LoadTarget *target)
{
	Size		bytes = 0;

	if (target->held != NULL)
		bytes = target->held->bytes;
	else if (target->buffer != NULL && target->buffer->nrows > 0)
		bytes = target->buffer->bytes_used + (Size) target->buffer->nrows * FLUSH_BYTES_PER_ROW;
	if (target->counted == 0 && bytes > 0)
		tsdb_direct_load_npending++;
	else if (target->counted > 0 && bytes == 0)
		tsdb_direct_load_npending--;
	load_bytes = load_bytes - target->counted + bytes;
	target->counted = bytes;
	Assert(tsdb_direct_load_npending >= 0);
}

static void
release_held(LoadTarget *target)
{
	MemoryContextDelete(target->held->cxt);
	target->held = NULL;
}

/*
 * Forgets the target.  failed: with its rows, and the buffer is not used again, since an error may have
 * come in the middle of a change to it.
 */
static void
remove_target(LoadTarget *target, bool failed)
{
	TsdbColumnBuffer *buffer = target->buffer;

	Assert(failed || !target_is_pending(target));
	if (load_last == target)
		load_last = NULL;
	if (target->held != NULL)
		release_held(target);
	target->buffer = NULL;
	count_target(target);
	if (buffer != NULL)
	{
		if (failed)
			MemoryContextDelete(buffer->cxt);
		else
			release_buffer(buffer);
	}
	dlist_delete(&target->node);
	hash_search(load_table, &target->key, HASH_REMOVE, NULL);
}


/*-------------------------------------------------------------------------
 * Writing
 *-------------------------------------------------------------------------
 */

/*
 * Rows that stayed few: into the row store as they are.  heap_multi_insert asks its slots for a materialized tuple and tells them its
 * TID, no more; so they are no more than that, without columns.  To make ten real ones took as long as to insert two of the rows.
 */
static void
write_held(LoadTarget *target, Relation rel)
{
	static HeapTupleTableSlot *slots = NULL;
	TupleTableSlot *pointers[ROW_STORE_BATCH];
	HeldRows   *held = target->held;
	int			row = 0;
	int			i;

	if (slots == NULL)
		slots = MemoryContextAllocZero(load_cxt, sizeof(HeapTupleTableSlot) * ROW_STORE_BATCH);
	while (row < held->ntuples)
	{
		int			n = Min(held->ntuples - row, ROW_STORE_BATCH);

		CHECK_FOR_INTERRUPTS();
		for (i = 0; i < n; i++)
		{
			TupleTableSlot *slot = &slots[i].base;

			slot->type = T_TupleTableSlot;
			*((const TupleTableSlotOps **) &slot->tts_ops) = &TTSOpsHeapTuple;
			slot->tts_flags = TTS_FLAG_SHOULDFREE;	/* its own: not to be copied */
			slots[i].tuple = held->tuples[row + i];
			pointers[i] = slot;
		}
		heap_multi_insert(rel, pointers, n, target->key.cid, target->key.options, NULL);
		row += n;
	}
	tsdb_rows_added(rel, held->ntuples);
}

/* Few rows of a buffer: into the row store, in the order they came. */
static void
write_to_row_store(LoadTarget *target, Relation rel)
{
	TsdbColumnBuffer *buffer = target->buffer;
	TupleDesc	tupdesc = RelationGetDescr(rel);
	BulkInsertState bistate = GetBulkInsertState();
	TupleTableSlot *slots[ROW_STORE_BATCH];
	MemoryContext batch_cxt;
	MemoryContext oldcxt;
	uint32		nslots = Min(buffer->nrows, ROW_STORE_BATCH);
	uint32		row = 0;
	uint32		i;

	for (i = 0; i < nslots; i++)
		slots[i] = MakeSingleTupleTableSlot(tupdesc, &TTSOpsVirtual);
	batch_cxt = AllocSetContextCreate(CurrentMemoryContext, "tsdb direct load batch",
									  ALLOCSET_DEFAULT_SIZES);
	oldcxt = MemoryContextSwitchTo(batch_cxt);
	while (row < buffer->nrows)
	{
		uint32		n = Min(buffer->nrows - row, nslots);

		CHECK_FOR_INTERRUPTS();
		for (i = 0; i < n; i++)
		{
			ExecClearTuple(slots[i]);
			tsdb_column_buffer_get_row(buffer, row + i, slots[i]->tts_values, slots[i]->tts_isnull);
			ExecStoreVirtualTuple(slots[i]);
		}
		heap_multi_insert(rel, slots, n, target->key.cid, target->key.options, bistate);
		TSDB_INJECT("load-rows");
		row += n;
		for (i = 0; i < n; i++)
			ExecClearTuple(slots[i]);
		MemoryContextReset(batch_cxt);
	}
	MemoryContextSwitchTo(oldcxt);
	for (i = 0; i < nslots; i++)
		ExecDropSingleTupleTableSlot(slots[i]);
	FreeBulkInsertState(bistate);
	MemoryContextDelete(batch_cxt);
	tsdb_rows_added(rel, buffer->nrows);
}

static TsdbChunkWriter *
acquire_writer(void)
{
	if (load_writer == NULL)
		load_writer = tsdb_chunk_writer_create(load_cxt);
	load_writer_busy = true;
	return load_writer;
}

static void
release_writer(void)
{
	load_writer_busy = false;
	if (tsdb_chunk_writer_bytes(load_writer) > WRITER_KEEP_BYTES)
	{
		tsdb_chunk_writer_free(load_writer);
		load_writer = NULL;
	}
}

/* The whole buffer sorted at once, then cut into chunks. */
static void
write_to_chunks(LoadTarget *target, Relation rel)
{
	TsdbColumnBuffer *buffer = target->buffer;
	TsdbTableOptions *options = &target->options;
	TsdbChunkWriter *writer;
	TsdbStore  *store;
	TsdbChunkOrder order;
	uint32	   *perm;
	uint32		nseries;
	uint32		row = 0;
	Oid			slice = InvalidOid;

	if (!options->series_given && options->nseries == 0)
		tsdb_options_sample(options, buffer);
	order.time_attnum = options->time_attnum;
	order.nseries_columns = options->nseries;
	order.series_columns = options->series;

	perm = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(uint32) * (Size) buffer->nrows);
	nseries = tsdb_column_buffer_sort(buffer, options->series, options->nseries,
									  options->time_attnum, perm);

	store = tsdb_store_open(rel, RowExclusiveLock);
	if (store == NULL)
		elog(ERROR, "table \"%s\" has lost its TOAST relation", RelationGetRelationName(rel));
	writer = acquire_writer();
	while (row < buffer->nrows)
	{
		uint32		n = tsdb_chunk_even_part(buffer->nrows - row);
		TsdbDirEntry entry;

		CHECK_FOR_INTERRUPTS();
		n = tsdb_chunk_rows_that_fit(buffer, perm + row, n, n);
		memset(&entry, 0, sizeof(entry));
		entry.d.sort_order = tsdb_options_sort_order(options);
		entry.d.slice = slice;

		/* how the series fall to several chunks is not known */
		tsdb_chunk_write_to_store(writer, store, buffer, perm + row, n, &order,
								  (n == buffer->nrows || nseries == 1) ? nseries : 0,
								  target->key.cid, target->key.options & HEAP_INSERT_FROZEN, &entry);
		slice = tsdb_entry_slice(&entry);
		row += n;
		TSDB_INJECT("load-chunk");
	}
	release_writer();
	tsdb_store_close(store);
	pfree(perm);

	/*
	 * The row store's callers check before they insert, under the page's lock.  Here readers can
	 * come between a check and the insert of the directory entry: check afterwards.  Whoever locked the
	 * table before is found now, whoever reads it later finds the entry.
	 */
	CheckForSerializableConflictIn(rel, NULL, InvalidBlockNumber);
	pgstat_count_heap_insert(rel, buffer->nrows);
	tsdb_rows_added(rel, 0);
	TSDB_INJECT("load-end");
}

static bool
is_only_target(LoadTarget *target)
{
	return !dlist_has_prev(&load_targets, &target->node) && !dlist_has_next(&load_targets, &target->node);
}

/* Writes the target's rows and empties its buffer.  rel may be NULL. */
static void
flush_target(LoadTarget *target, Relation rel)
{
	MemoryContext flush_cxt;
	MemoryContext oldcxt;
	Relation	opened = NULL;

	Assert(target_is_pending(target));
	if (target->key.subid != GetCurrentSubTransactionId())
		elog(ERROR, "rows of relation %u can't be written in subtransaction %u, they are of %u",
			 target->key.relid, GetCurrentSubTransactionId(), target->key.subid);

	/* the statement holds a lock, unless a bulk insert forgot its table and that was dropped */
	if (rel == NULL)
	{
		opened = rel = try_relation_open(target->key.relid, NoLock);
		if (rel == NULL && target->frame != NULL)
			elog(ERROR, "relation %u with rows to be written is gone", target->key.relid);
	}

	if (rel != NULL && RelFileLocatorEquals(rel->rd_locator, target->relnode))
	{
		target->flushing = true;
		flush_cxt = AllocSetContextCreate(CurrentMemoryContext, "tsdb direct load flush",
										  ALLOCSET_DEFAULT_SIZES);
		oldcxt = MemoryContextSwitchTo(flush_cxt);
		if (target->held != NULL)
			write_held(target, rel);
		else if (target->nrows_total < (uint64) target->threshold)
			write_to_row_store(target, rel);
		else
			write_to_chunks(target, rel);
		MemoryContextSwitchTo(oldcxt);
		MemoryContextDelete(flush_cxt);
		target->flushing = false;
	}
	if (opened != NULL)
		relation_close(opened, NoLock);

	if (target->held != NULL)
	{
		release_held(target);
		count_target(target);
		return;
	}

	/*
	 * A table loaded alone fills the same arrays again: to give them back and take fresh pages cost
	 * an eighth of a COPY.  Partitions share write_buffer, which an empty one's arrays would eat up.
	 */
	tsdb_column_buffer_reset(target->buffer, is_only_target(target) ?
							 (Size) tsdb_write_buffer_kb * 1024 : POOL_KEEP_BYTES);
	count_target(target);
}

/* write_buffer is full: writes what takes most, until there is room. */
static void
make_room(Size limit)
{
	SubTransactionId subid = GetCurrentSubTransactionId();

	while (load_bytes > limit)
	{
		LoadTarget *largest = NULL;
		dlist_iter	iter;

		dlist_foreach(iter, &load_targets)
		{
			LoadTarget *target = dlist_container(LoadTarget, node, iter.cur);

			if (target->key.subid == subid && !target->flushing &&
				(largest == NULL || target->counted > largest->counted))
				largest = target;
		}

		/*
		 * Outer subtransactions may hold nearly all of it: chunks of a few rows would not help.
		 * Many partitions with little each have to be written, though.
		 */
		if (largest == NULL || !target_is_pending(largest))
			break;
		if (largest->counted < limit / MIN_FLUSH_PART)
		{
			Size		own = 0;

			dlist_foreach(iter, &load_targets)
			{
				LoadTarget *target = dlist_container(LoadTarget, node, iter.cur);

				if (target->key.subid == subid)
					own += target->counted;
			}
			if (own < limit / MIN_FLUSH_PART)
				break;
		}
		flush_target(largest, NULL);
	}
}


/*-------------------------------------------------------------------------
 * Frames
 *-------------------------------------------------------------------------
 */

static LoadFrame *
push_frame(TsdbLoadKind kind, QueryDesc *query, CopyStmt *copy, CommandId cid)
{
	LoadFrame  *frame;

	prepare_memory();
	frame = MemoryContextAllocZero(load_cxt, sizeof(LoadFrame));
	frame->kind = kind;
	frame->query = query;
	frame->copy = copy;
	frame->subid = GetCurrentSubTransactionId();
	frame->cid = cid;
	frame->threshold = tsdb_direct_load_rows;
	frame->outer = load_frames;
	load_frames = frame;
	return frame;
}

/* Forgets the frame and its targets; failed as for remove_target. */
static void
remove_frame(LoadFrame *frame, bool failed)
{
	LoadFrame **link;
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &load_targets)
	{
		LoadTarget *target = dlist_container(LoadTarget, node, iter.cur);

		if (target->frame == frame)
			remove_target(target, failed);
	}
	for (link = &load_frames; *link != frame; link = &(*link)->outer)
		Assert(*link != NULL);
	*link = frame->outer;
	if (frame->cxt != NULL)
		MemoryContextDelete(frame->cxt);
	pfree(frame);
}

/* The statement has given all its rows: writes them.  No more are taken. */
static void
close_frame(LoadFrame *frame)
{
	dlist_mutable_iter iter;

	if (frame->closed)
		return;
	frame->closed = true;
	dlist_foreach_modify(iter, &load_targets)
	{
		LoadTarget *target = dlist_container(LoadTarget, node, iter.cur);

		if (target->frame != frame)
			continue;
		if (target_is_pending(target))
			flush_target(target, NULL);
		remove_target(target, false);
	}
}

/* COPY's target, as DoCopy() found it; NULL if that can't be told any more. */
static Relation
open_copy_target(CopyStmt *copy)
{
	Oid			relid = RangeVarGetRelid(copy->relation, NoLock, true);

	/* COPY holds this lock already; if not, somebody renamed tables just now */
	if (!OidIsValid(relid) || !ConditionalLockRelationOid(relid, RowExclusiveLock))
		return NULL;
	return try_relation_open(relid, NoLock);
}

static void
judge_frame(LoadFrame *frame)
{
	MemoryContext oldcxt;
	Relation	root;

	frame->judged = true;
	frame->cxt = AllocSetContextCreate(load_cxt, "tsdb direct load frame", ALLOCSET_SMALL_SIZES);

	/* what is read on the way is small, and goes with the frame */
	oldcxt = MemoryContextSwitchTo(frame->cxt);
	if (frame->kind == TSDB_LOAD_COPY)
	{
		root = open_copy_target(frame->copy);
		if (root != NULL)
		{
			frame->qualifies = tsdb_load_copy_qualifies(frame->copy, root) &&
				tsdb_load_target_qualifies(root, TSDB_LOAD_COPY, &frame->members);
			relation_close(root, RowExclusiveLock);
		}
	}
	else if (frame->kind == TSDB_LOAD_BULK)
		frame->qualifies = tsdb_load_plan_qualifies(frame->query->plannedstmt);
	else
	{
		root = ((ModifyTableState *) frame->query->planstate)->rootResultRelInfo->ri_RelationDesc;
		frame->qualifies = tsdb_load_plan_qualifies(frame->query->plannedstmt) &&
			tsdb_load_target_qualifies(root, TSDB_LOAD_INSERT, &frame->members);
	}
	MemoryContextSwitchTo(oldcxt);
}

/* May chunks be made of rows of this table, by its options? */
static bool
options_allow(Relation rel, TsdbTableOptions *options)
{
	tsdb_options_get(rel, options);
	if (options->no_direct_load)
		return false;

	/* Decoding skips rewrites: their rows are no changes. */
	return options->direct_load || !RelationIsLogicallyLogged(rel) ||
		OidIsValid(rel->rd_rel->relrewrite);
}

/* The INSERT or COPY that rows of this command id are of; NULL if it has no frame. */
static LoadFrame *
find_frame(CommandId cid, SubTransactionId subid)
{
	LoadFrame  *frame;

	for (frame = load_frames; frame != NULL; frame = frame->outer)
	{
		if (frame->kind != TSDB_LOAD_BULK && frame->cid == cid && frame->subid == subid)
			return frame;
	}
	return NULL;
}

/*
 * The innermost query whose rows are inserted in bulk.  A bulk insert that has another
 * source, but is run by a function which that query calls, is taken for its; then the query does not qualify.
 */
static LoadFrame *
find_bulk_frame(SubTransactionId subid)
{
	LoadFrame  *frame;

	for (frame = load_frames; frame != NULL; frame = frame->outer)
	{
		if (frame->kind == TSDB_LOAD_BULK && frame->subid == subid)
			return frame;
	}
	return NULL;
}

/* The target of this row, made if need be; NULL if nothing around it could take rows. */
static LoadTarget *
find_target(Relation rel, CommandId cid, int options, BulkInsertState bistate)
{
	LoadFrame  *frame;
	LoadFrame  *source;
	LoadTarget *target;
	TsdbLoadKind kind;
	LoadKey		key;
	bool		found;

	key.relid = RelationGetRelid(rel);
	key.subid = GetCurrentSubTransactionId();
	key.cid = cid;
	key.options = options;

	if (load_last != NULL && memcmp(&load_last->key, &key, sizeof(key)) == 0)
		target = load_last;
	else
	{
		frame = find_frame(cid, key.subid);
		if (frame == NULL && (bistate == NULL || tsdb_direct_load_rows == 0))
			return NULL;
		kind = frame != NULL ? frame->kind : TSDB_LOAD_BULK;

		/* what a bulk insert's rows come from: innermost, if any */
		source = frame != NULL ? frame : find_bulk_frame(key.subid);
		if (source != NULL)
		{
			if (source->closed)
				return NULL;
			if (!source->judged)
				judge_frame(source);
			if (!source->qualifies)
				return NULL;
		}

		prepare_memory();
		target = hash_search(load_table, &key, HASH_FIND, NULL);
		if (target == NULL)
		{
			MemoryContext oldcxt = MemoryContextSwitchTo(load_row_cxt);
			bool		refused;

			refused = (frame != NULL && !list_member_oid(frame->members, key.relid)) ||
				!tsdb_load_table_qualifies(rel, kind);
			MemoryContextSwitchTo(oldcxt);
			MemoryContextReset(load_row_cxt);

			target = hash_search(load_table, &key, HASH_ENTER, &found);
			Assert(!found);
			memset((char *) target + sizeof(LoadKey), 0, sizeof(LoadTarget) - sizeof(LoadKey));
			target->frame = frame;
			target->refused = refused;
			target->relnode = rel->rd_locator;
			target->threshold = frame != NULL ? frame->threshold : tsdb_direct_load_rows;
			dlist_push_tail(&load_targets, &target->node);
		}
		load_last = target;
	}

	/* COPY and bulk inserts always have a BulkInsertState; a row without is somebody else's */
	if (target->refused ||
		(bistate == NULL && (target->frame == NULL || target->frame->kind == TSDB_LOAD_COPY)))
		return NULL;
	return target;
}

/* Holds these rows as tuples; false, and none of them, if they are too many or too large for that. */
static bool
hold_rows(LoadTarget *target, Relation rel, TupleTableSlot **slots, int n)
{
	HeldRows   *held = target->held;
	uint64		limit = Min(target->threshold - 1, HOLD_ROWS);
	MemoryContext oldcxt;
	Size		bytes = 0;
	int			i;

	/* rows that were held before and had to be written count, too: such a statement is a large one */
	if (target->nrows_total + n > limit)
		return false;
	if (held == NULL)
	{
		MemoryContext cxt = AllocSetContextCreate(load_cxt, "tsdb direct load rows", ALLOCSET_DEFAULT_SIZES);

		held = MemoryContextAllocZero(cxt, sizeof(HeldRows));
		held->cxt = cxt;
		held->maxtuples = 32;
		held->tuples = MemoryContextAlloc(cxt, held->maxtuples * sizeof(HeapTuple));
		target->held = held;
	}
	if (held->ntuples + n > held->maxtuples)
	{
		held->maxtuples = Max(held->maxtuples * 2, held->ntuples + n);
		held->tuples = repalloc(held->tuples, held->maxtuples * sizeof(HeapTuple));
	}

	oldcxt = MemoryContextSwitchTo(held->cxt);
	for (i = 0; i < n; i++)
	{
		HeapTuple	tuple = ExecCopySlotHeapTuple(slots[i]);

		held->tuples[held->ntuples + i] = tuple;
		bytes += HEAPTUPLESIZE + tuple->t_len;

		/* what somebody else's TOAST relation keeps is fetched at once */
		if (HeapTupleHasExternal(tuple) || held->bytes + bytes > HOLD_BYTES)
			break;
	}
	MemoryContextSwitchTo(oldcxt);
	if (i < n)
		return false;

	for (i = 0; i < n; i++)
	{
		slots[i]->tts_tableOid = RelationGetRelid(rel);
		ItemPointerSetInvalid(&slots[i]->tts_tid);
	}
	held->ntuples += n;
	held->bytes += bytes;
	target->nrows_total += n;
	return true;
}

/*
 * Bytes that a row takes at most on heap, when all is toasted that can be; without values, those of a row without NULL.
 * A chunk could hold wider ones; but no UPDATE and no decompress could put them into the row store, and the table could not become one of heap again.
 */
static Size
row_width(TupleDesc tupdesc, const Datum *values, const bool *isnull)
{
	Size		width = MAXALIGN(SizeofHeapTupleHeader + BITMAPLEN(tupdesc->natts));
	int			i;

	for (i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);

		if (att->attisdropped || (isnull != NULL && isnull[i]))
			continue;
		if (att->attlen >= 0)
			width = att_align_nominal(width, att->attalign) + att->attlen;
		else if (att->attlen == -1 && att->attstorage != TYPSTORAGE_PLAIN)
			width += values == NULL || VARATT_IS_EXTERNAL(DatumGetPointer(values[i])) ? MAXALIGN(TOAST_POINTER_SIZE) :
				Min(VARSIZE_ANY(DatumGetPointer(values[i])), MAXALIGN(TOAST_POINTER_SIZE));
		else if (values == NULL)
			width += MaxHeapTupleSize;
		else
			width = att_addlength_datum(att_align_nominal(width, att->attalign), att->attlen, values[i]);
	}
	return width;
}

/*
 * Gives the target its column buffer, with the rows that it holds.  False if the table's options are against it: the rows are
 * in the row store then, and so shall the others.
 */
static bool
begin_columns(LoadTarget *target, Relation rel)
{
	HeldRows   *held = target->held;
	MemoryContext oldcxt = MemoryContextSwitchTo(load_row_cxt);
	bool		allowed;
	int			i;

	allowed = options_allow(rel, &target->options);
	MemoryContextSwitchTo(oldcxt);
	MemoryContextReset(load_row_cxt);
	if (!allowed)
	{
		if (target_is_pending(target))
			flush_target(target, rel);
		target->refused = true;
		return false;
	}

	target->buffer = acquire_buffer(RelationGetDescr(rel));
	target->wide = row_width(RelationGetDescr(rel), NULL, NULL) > MaxHeapTupleSize;
	if (held == NULL)
		return true;

	oldcxt = MemoryContextSwitchTo(held->cxt);
	if (held->ntuples > 0)
	{
		TupleDesc	tupdesc = RelationGetDescr(rel);
		Datum	   *values = palloc(sizeof(Datum) * Max(tupdesc->natts, 1));
		bool	   *isnull = palloc(sizeof(bool) * Max(tupdesc->natts, 1));

		for (i = 0; i < held->ntuples; i++)
		{
			heap_deform_tuple(held->tuples[i], tupdesc, values, isnull);
			if ((target->wide && row_width(tupdesc, values, isnull) > MaxHeapTupleSize) ||
				!tsdb_column_buffer_append(target->buffer, values, isnull))
			{
				heap_insert(rel, held->tuples[i], target->key.cid, target->key.options, NULL);
				tsdb_rows_added(rel, 1);
				target->nrows_total--;
			}
		}
	}
	MemoryContextSwitchTo(oldcxt);
	release_held(target);
	return true;
}

static void
append_slots(LoadTarget *target, Relation rel, TupleTableSlot **slots, int n, BulkInsertState bistate)
{
	MemoryContext oldcxt = MemoryContextSwitchTo(load_row_cxt);
	int			i;

	for (i = 0; i < n; i++)
	{
		TupleTableSlot *slot = slots[i];
		bool		fits = true;

		slot->tts_tableOid = RelationGetRelid(rel);
		if (target->wide)
		{
			slot_getallattrs(slot);
			fits = row_width(RelationGetDescr(rel), slot->tts_values, slot->tts_isnull) <= MaxHeapTupleSize;
		}
		if (fits && tsdb_column_buffer_append_slot(target->buffer, slot))
		{
			ItemPointerSetInvalid(&slot->tts_tid);
			target->nrows_total++;
		}
		else
			GetHeapamTableAmRoutine()->tuple_insert(rel, slot, target->key.cid, target->key.options, bistate);
	}
	MemoryContextSwitchTo(oldcxt);
	MemoryContextReset(load_row_cxt);
}

bool
tsdb_direct_load_take(Relation rel, TupleTableSlot **slots, int n, CommandId cid,
					  int options, struct BulkInsertStateData *bistate)
{
	LoadTarget *target;
	Size		limit;

	/* the common case, single-row inserts: nothing around them */
	if (load_frames == NULL && bistate == NULL)
		return false;
	target = find_target(rel, cid, options, bistate);
	if (target == NULL)
		return false;
	Assert(!target->flushing);

	/* an insert has its transaction id from its first row on */
	if (target->nrows_total == 0)
		(void) GetCurrentTransactionId();

	if (target->buffer == NULL && !hold_rows(target, rel, slots, n) && !begin_columns(target, rel))
		return false;
	if (target->buffer != NULL)
		append_slots(target, rel, slots, n, bistate);

	count_target(target);
	limit = (Size) tsdb_write_buffer_kb * 1024;
	if (load_bytes > limit)
		make_room(limit);
	return true;
}

void
tsdb_direct_load_finish(Relation rel, int options)
{
	SubTransactionId subid = GetCurrentSubTransactionId();
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &load_targets)
	{
		LoadTarget *target = dlist_container(LoadTarget, node, iter.cur);

		if (target->frame != NULL || target->key.relid != RelationGetRelid(rel) ||
			target->key.subid != subid)
			continue;
		if (target_is_pending(target))
			flush_target(target, rel);
		remove_target(target, false);
	}
}

void
tsdb_direct_load_settle_pending(Relation rel, Snapshot snapshot)
{
	dlist_iter	iter;

	dlist_foreach(iter, &load_targets)
	{
		LoadTarget *target = dlist_container(LoadTarget, node, iter.cur);

		if (target->key.relid != RelationGetRelid(rel) || !target_is_pending(target) ||
			target->flushing)
			continue;
		if (snapshot != NULL && IsMVCCSnapshot(snapshot) && snapshot->curcid <= target->key.cid)
			continue;			/* would not see them anyway */
		if (target->key.subid != GetCurrentSubTransactionId())
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("cannot access table \"%s\" in a subtransaction while a statement outside it is loading the table",
							RelationGetRelationName(rel)),
					 errhint("Declare the functions that the statement calls VOLATILE, or set tsdb_am.direct_load_rows to 0 for it.")));
		flush_target(target, rel);

		/* who reads once will again, often after each row: chunks would get small */
		target->refused = true;
	}
}

void *
tsdb_direct_load_copy_begin(CopyStmt *stmt)
{
	if (!stmt->is_from || stmt->relation == NULL || tsdb_direct_load_rows == 0)
		return NULL;

	/* CopyFrom() will use this command id: nothing raises it in between */
	return push_frame(TSDB_LOAD_COPY, NULL, stmt, GetCurrentCommandId(false));
}

void
tsdb_direct_load_copy_end(void *frame)
{
	if (frame == NULL)
		return;
	close_frame(frame);
	remove_frame(frame, false);
}


/*-------------------------------------------------------------------------
 * Hooks
 *-------------------------------------------------------------------------
 */

static LoadFrame *
find_query_frame(QueryDesc *query)
{
	LoadFrame  *frame;

	for (frame = load_frames; frame != NULL; frame = frame->outer)
	{
		if (frame->kind == TSDB_LOAD_INSERT && frame->query == query)
			return frame;
	}
	return NULL;
}

static void
load_executor_start(QueryDesc *query, int eflags)
{
	Relation	root;

	if (prev_executor_start)
		prev_executor_start(query, eflags);
	else
		standard_ExecutorStart(query, eflags);

	if (query->operation != CMD_INSERT || tsdb_direct_load_rows == 0 ||
		(eflags & EXEC_FLAG_EXPLAIN_ONLY) != 0 ||
		!tsdb_load_plan_possible(query->plannedstmt, Min(tsdb_direct_load_rows, HOLD_MIN_ROWS)))
		return;
	root = castNode(ModifyTableState, query->planstate)->rootResultRelInfo->ri_RelationDesc;
	if (root->rd_rel->relkind == RELKIND_PARTITIONED_TABLE || tsdb_is_tsdb(root))
		push_frame(TSDB_LOAD_INSERT, query, NULL, query->estate->es_output_cid);
}

/*
 * CREATE TABLE AS and SELECT INTO: the query is judged like that of an INSERT, since functions can
 * read the new table by its name.  REFRESH's target has none that could be known, nor ALTER TABLE's.
 */
static void
load_executor_run(EXECUTOR_RUN_PARAMETERS)
{
	LoadFrame  *frame = NULL;

	if (query->dest != NULL && query->dest->mydest == DestIntoRel && tsdb_direct_load_rows > 0)
		frame = push_frame(TSDB_LOAD_BULK, query, NULL, InvalidCommandId);
	if (prev_executor_run)
		prev_executor_run(EXECUTOR_RUN_ARGUMENTS);
	else
		standard_ExecutorRun(EXECUTOR_RUN_ARGUMENTS);
	if (frame != NULL)
		remove_frame(frame, false);
}

static void
load_executor_finish(QueryDesc *query)
{
	LoadFrame  *frame = load_frames != NULL ? find_query_frame(query) : NULL;

	/* AFTER triggers are fired by what follows */
	if (frame != NULL)
		close_frame(frame);
	if (prev_executor_finish)
		prev_executor_finish(query);
	else
		standard_ExecutorFinish(query);
}

static void
load_executor_end(QueryDesc *query)
{
	LoadFrame  *frame = load_frames != NULL ? find_query_frame(query) : NULL;

	if (frame != NULL)
	{
		close_frame(frame);
		remove_frame(frame, false);
	}
	if (prev_executor_end)
		prev_executor_end(query);
	else
		standard_ExecutorEnd(query);
}

/* Before a (sub)transaction commits: bulk inserts that were never finished are written now. */
static void
settle_before_commit(SubTransactionId subid)
{
	dlist_iter	iter;

	if (tsdb_direct_load_npending == 0)
		return;
	dlist_foreach(iter, &load_targets)
	{
		LoadTarget *target = dlist_container(LoadTarget, node, iter.cur);

		if (target->key.subid != subid || !target_is_pending(target))
			continue;
		if (target->frame != NULL)
			elog(ERROR, "rows of relation %u were not written when their statement ended", target->key.relid);
		flush_target(target, NULL);
	}
}

/* What belongs to the subtransaction, or to any if it is InvalidSubTransactionId, goes. */
static void
forget(SubTransactionId subid)
{
	dlist_mutable_iter iter;
	LoadFrame  *frame;
	LoadFrame  *outer;

	for (frame = load_frames; frame != NULL; frame = outer)
	{
		outer = frame->outer;
		if (subid == InvalidSubTransactionId || frame->subid == subid)
			remove_frame(frame, true);
	}
	dlist_foreach_modify(iter, &load_targets)
	{
		LoadTarget *target = dlist_container(LoadTarget, node, iter.cur);

		if (subid == InvalidSubTransactionId || target->key.subid == subid)
			remove_target(target, true);
	}
	if (load_row_cxt != NULL)
		MemoryContextReset(load_row_cxt);
	if (load_writer_busy)
	{
		load_writer_busy = false;
		tsdb_chunk_writer_free(load_writer);
		load_writer = NULL;
	}
}

static void
load_xact_callback(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PARALLEL_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			settle_before_commit(GetCurrentSubTransactionId());
			if (tsdb_direct_load_npending != 0)
				elog(ERROR, "%d buffers of rows are left at the end of a transaction", tsdb_direct_load_npending);
			TSDB_INJECT("commit");
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_PARALLEL_COMMIT:
		case XACT_EVENT_PREPARE:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PARALLEL_ABORT:
			forget(InvalidSubTransactionId);
			Assert(tsdb_direct_load_npending == 0 && load_bytes == 0);
			break;
	}
}

static void
load_subxact_callback(SubXactEvent event, SubTransactionId subid, SubTransactionId parent, void *arg)
{
	switch (event)
	{
		case SUBXACT_EVENT_PRE_COMMIT_SUB:
			settle_before_commit(subid);
			break;
		case SUBXACT_EVENT_COMMIT_SUB:
		case SUBXACT_EVENT_ABORT_SUB:
			forget(subid);
			break;
		case SUBXACT_EVENT_START_SUB:
			break;
	}
}

void
tsdb_direct_load_init(void)
{
	prev_executor_start = ExecutorStart_hook;
	ExecutorStart_hook = load_executor_start;
	prev_executor_run = ExecutorRun_hook;
	ExecutorRun_hook = load_executor_run;
	prev_executor_finish = ExecutorFinish_hook;
	ExecutorFinish_hook = load_executor_finish;
	prev_executor_end = ExecutorEnd_hook;
	ExecutorEnd_hook = load_executor_end;
	RegisterXactCallback(load_xact_callback, NULL);
	RegisterSubXactCallback(load_subxact_callback, NULL);
}
