/*-------------------------------------------------------------------------
 * mover_compress.c
 *	  Moves settled rows from the row store into chunks.
 *
 * Used by tsdb.compress and, in steps of one chunk, by workers.  README.md of this folder has the conflict table.
 *
 * The main fork is taken in source ranges of whole blocks.  For each: gather the settled
 * rows, sort, write chunk and directory entry, clear the range's visibility map bits, mark
 * the source tuples page by page, insert index entries.  A row that changed or was
 * locked between gathering and marking stays; its copy in the chunk gets a tombstone.
 *
 * A marked tuple is deleted by the mover, looks like the old version of a key update, and has
 * t_ctid = (its own block, TSDB_MOVED_OFFSET_FIRST + row number in the chunk).
 *
 * Invariants: the source ranges of one mover xid do not overlap, so that (xid, block, row
 * number) names one chunk row; a run's snapshot is older than all its looks at tuples, so
 * that no tuple it has gathered can be pruned and no TID used again before it is marked;
 * a page's visibility map bit is clear, and that is in WAL, before a tuple on it is marked.
 * Locking: share lock on a page while its tuples are judged, the pin alone while they are read;
 * exclusive lock while they are marked, visibility map page under it as in heapam.
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include <math.h>

#include "access/detoast.h"
#include "access/heapam.h"
#include "access/heaptoast.h"
#include "access/multixact.h"
#include "access/rmgr.h"
#include "access/transam.h"
#include "access/visibilitymap.h"
#include "access/xact.h"
#include "access/xloginsert.h"
#include "am/mover_common.h"
#include "chunk/directory_cache.h"
#include "chunk/tombstone.h"
#include "injection.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/freespace.h"
#include "storage/smgr.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/*
 * Rows of a range up to which another one certainly fits the same chunk: a chunk takes no more than
 * TSDB_CHUNK_MAX_RAW_BYTES, and a source block's rows must not go to two.
 */
#define RANGE_MAX_RAW_BYTES		(TSDB_CHUNK_MAX_RAW_BYTES - TSDB_MAX_ROW_BYTES - 1024 * 1024)

StaticAssertDecl(MaxHeapTuplesPerPage <= TSDB_APPEND_ROWS, "a page's rows can be appended at once");
StaticAssertDecl(TSDB_MOVED_OFFSET_FIRST > MaxOffsetNumber,
				 "no page has the offset of a moved tuple's t_ctid");
StaticAssertDecl(TSDB_MOVED_OFFSET_FIRST + TSDB_MOVED_MAX_ROWS - 1 < MovedPartitionsOffsetNumber,
				 "no moved tuple's t_ctid has an offset with a meaning of its own");

/* A step reads no more pages than this, so that its transaction stays short: 1 GB. */
#define STEP_PAGES				(1024 * 1024 * 1024 / BLCKSZ)

/* An estimate of the row store's rows asks the maps about so many pages, and reads so many. */
#define ESTIMATE_MAP_PAGES		65536
#define ESTIMATE_READ_PAGES		64

/* Where a gathered row came from; row i of the column buffer is sources[i]. */
typedef struct SourceRow
{
	BlockNumber block;			/* rising */
	OffsetNumber offset;		/* rising within a block */
	TransactionId xmin;			/* raw, as gathered */
} SourceRow;

typedef struct SourceRange
{
	BlockNumber block;
	BlockNumber nblocks;
} SourceRange;

typedef struct Compress
{
	TsdbMover  *mover;
	BufferAccessStrategy strategy;
	Buffer		vmbuffer;		/* map page in use, or invalid */

	/* a step's limits, and its counts */
	TransactionId before;		/* younger rows stay; invalid = no limit */
	bool		skip_empty;		/* don't read pages that vacuum has left empty */
	int64		nyoung;			/* rows that are settled but for "before" */
	int64		bytes;			/* compressed, of the chunks written */

	/* ranges that this xid has moved rows from before */
	SourceRange *used;
	int			nused;

	/* the range in hand */
	SourceRow  *sources;		/* [TSDB_MOVED_MAX_ROWS] */
	uint32	   *row_numbers;	/* [TSDB_MOVED_MAX_ROWS], row in the chunk of sources[i] */
	uint64	   *stayed;			/* bitmap over chunk rows whose source was not marked */
	TsdbDirEntry entry;
	TransactionId xid;

	/* the page in hand, deformed, or pointers into it: room for [MaxHeapTuplesPerPage * natts] */
	Datum	   *values;
	bool	   *isnull;
} Compress;

/* Top-level transaction in which this backend moved rows last, of whatever table. */
static FullTransactionId last_mover = {InvalidTransactionId};

/*
 * May this tuple be moved?  Committed, neither locked nor being changed by anybody, and not
 * written by us: our rows' xmin may yet abort apart from the mover's, and their cmin would be lost.
 */
static bool
is_settled(TsdbMover *mover, HeapTuple tuple, Buffer buffer)
{
	HeapTupleHeader header = tuple->t_data;

	if (HeapTupleHeaderIsSpeculative(header))
		return false;
	/* nearly all are so; what follows comes to the same */
	if (HeapTupleHeaderXminCommitted(header) && (header->t_infomask & HEAP_XMAX_INVALID) != 0 &&
		mover->xact_snapshot == NULL)
		return true;
	if (!HeapTupleHeaderXminFrozen(header) &&
		TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetRawXmin(header)))
		return false;
	if (mover->xact_snapshot != NULL &&
		!HeapTupleSatisfiesVisibility(tuple, mover->xact_snapshot, buffer))
		return false;
	return HeapTupleSatisfiesUpdate(tuple, mover->cid, buffer) == TM_Ok;
}

static bool
is_young(Compress *c, HeapTupleHeader header)
{
	return TransactionIdIsValid(c->before) && !HeapTupleHeaderXminFrozen(header) &&
		!TransactionIdPrecedes(HeapTupleHeaderGetRawXmin(header), c->before);
}

/*
 * Has vacuum found no tuple on this page, and has nobody put one there since?  The map bit tells the second; a free space map that a
 * crash has set back can be wrong about the first, until somebody inserts into the page.  A row is then found by the next step, or by tsdb.compress.
 */
static bool
page_is_empty(Relation rel, BlockNumber block, Buffer *vmbuffer)
{
	return (visibilitymap_get_status(rel, block, vmbuffer) & VISIBILITYMAP_ALL_VISIBLE) != 0 &&
		GetRecordedFreeSpace(rel, block) >= MaxHeapTupleSize;
}

static bool
tuple_at(Relation rel, Page page, BlockNumber block, OffsetNumber offset, HeapTuple tuple)
{
	ItemId		lp = PageGetItemId(page, offset);

	if (!ItemIdIsNormal(lp))
		return false;
	tuple->t_tableOid = RelationGetRelid(rel);
	tuple->t_data = (HeapTupleHeader) PageGetItem(page, lp);
	tuple->t_len = ItemIdGetLength(lp);
	ItemPointerSet(&tuple->t_self, block, offset);
	return true;
}

/* What a tuple will add to the buffer's raw_bytes, nearly: values compressed in line count as they lie. */
static Size
raw_bytes_of(Compress *c, HeapTuple tuple)
{
	TupleDesc	tupdesc = RelationGetDescr(c->mover->rel);
	Size		bytes = tuple->t_len;
	int			i;

	if (!HeapTupleHasExternal(tuple))
		return bytes;

	heap_deform_tuple(tuple, tupdesc, c->values, c->isnull);
	for (i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);

		if (!c->isnull[i] && !att->attisdropped && att->attlen == -1 &&
			VARATT_IS_EXTERNAL(DatumGetPointer(c->values[i])))
		{
			Size		len = toast_raw_datum_size(c->values[i]);

			/* a longer one keeps its row out of the chunk */
			bytes += Min(len, TSDB_MAX_VALUE_BYTES);
		}
	}
	return bytes;
}

/* A row has been appended to the column buffer: where it came from. */
static void
note_source(Compress *c, HeapTuple tuple, uint32 row)
{
	SourceRow  *source = &c->sources[row];

	Assert(row < TSDB_MOVED_MAX_ROWS);
	source->block = ItemPointerGetBlockNumber(&tuple->t_self);
	source->offset = ItemPointerGetOffsetNumber(&tuple->t_self);
	source->xmin = HeapTupleHeaderGetRawXmin(tuple->t_data);
}

/* Appends all these rows at once; false, and none, if some need to be looked at one by one. */
static bool
append_page(Compress *c, HeapTuple tuples, int ntuples)
{
	TsdbColumnBuffer *buf = c->mover->buf;
	TupleDesc	tupdesc = RelationGetDescr(c->mover->rel);
	uint32		first = buf->nrows;
	int			i;

	if (buf->raw_bytes > RANGE_MAX_RAW_BYTES)
		return false;
	if (!tsdb_column_buffer_append_tuples(buf, tuples, ntuples, (const char **) c->values))
	{
		for (i = 0; i < ntuples; i++)
		{
			if (HeapTupleHasExternal(&tuples[i]))
				return false;
			heap_deform_tuple(&tuples[i], tupdesc, c->values + (Size) i * tupdesc->natts, c->isnull + (Size) i * tupdesc->natts);
		}
		if (!tsdb_column_buffer_append_rows(buf, c->values, c->isnull, ntuples))
			return false;
	}
	for (i = 0; i < ntuples; i++)
		note_source(c, &tuples[i], first + i);
	return true;
}

static void
append_rows(Compress *c, HeapTuple tuples, int ntuples)
{
	TsdbMover  *mover = c->mover;
	TsdbColumnBuffer *buf = mover->buf;
	int			i;

	for (i = 0; i < ntuples; i++)
	{
		MemoryContext old_cxt;
		bool		appended;

		/* the rest of a page of giants is for another transaction */
		if (buf->raw_bytes > RANGE_MAX_RAW_BYTES)
			break;

		old_cxt = MemoryContextSwitchTo(mover->row_cxt);
		heap_deform_tuple(&tuples[i], RelationGetDescr(mover->rel), c->values, c->isnull);
		appended = tsdb_column_buffer_append(buf, c->values, c->isnull);
		MemoryContextSwitchTo(old_cxt);
		MemoryContextReset(mover->row_cxt);

		/* a row with a value too long for chunks stays where it is */
		if (appended)
			note_source(c, &tuples[i], buf->nrows - 1);
	}
}

/*
 * Appends the settled rows of a page to the column buffer.  False, and nothing done, if the page is not
 * the first with rows in its range and they may not all fit the chunk.
 */
static bool
gather_page(Compress *c, BlockNumber block)
{
	TsdbMover  *mover = c->mover;
	TsdbColumnBuffer *buf = mover->buf;
	Buffer		buffer;
	Page		page;
	HeapTupleData settled[MaxHeapTuplesPerPage];
	int			nsettled = 0;
	Size		bytes = 0;
	OffsetNumber offset,
				maxoff;
	int			i;

	buffer = ReadBufferExtended(mover->rel, MAIN_FORKNUM, block, RBM_NORMAL, c->strategy);
	page = BufferGetPage(buffer);

	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	maxoff = PageIsNew(page) ? 0 : PageGetMaxOffsetNumber(page);
	for (offset = FirstOffsetNumber;
		 offset <= maxoff && nsettled < MaxHeapTuplesPerPage;
		 offset++)
	{
		if (!tuple_at(mover->rel, page, block, offset, &settled[nsettled]) ||
			!is_settled(mover, &settled[nsettled], buffer))
			continue;
		if (is_young(c, settled[nsettled].t_data))
			c->nyoung++;
		else
			nsettled++;
	}
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);

	/*
	 * The pin keeps the tuples where they are.  Their xmax may change meanwhile, but that is judged
	 * again when they are marked; their TOAST values, which must not be fetched under a
	 * content lock, are kept by the run's snapshot.
	 */
	for (i = 0; i < nsettled; i++)
		bytes += raw_bytes_of(c, &settled[i]);
	if (buf->nrows > 0 && buf->raw_bytes + bytes > RANGE_MAX_RAW_BYTES)
	{
		ReleaseBuffer(buffer);
		return false;
	}

	if (!append_page(c, settled, nsettled))
		append_rows(c, settled, nsettled);
	ReleaseBuffer(buffer);
	return true;
}

/*
 * Writes the map page into WAL as an image.  GenericXLog can't: the page has no free space
 * between pd_lower and pd_upper, though they say so, and it would zero the bits.
 */
static void
log_map_page(Compress *c)
{
	LockBuffer(c->vmbuffer, BUFFER_LOCK_EXCLUSIVE);
	if (RelationNeedsWAL(c->mover->rel))
	{
		START_CRIT_SECTION();
		MarkBufferDirty(c->vmbuffer);
		log_newpage_buffer(c->vmbuffer, false);
		END_CRIT_SECTION();
	}
	LockBuffer(c->vmbuffer, BUFFER_LOCK_UNLOCK);
}

/* Clears the visibility map bits of a block; true if one was set.  The caller logs the map page. */
static bool
clear_map_bits(Compress *c, BlockNumber block)
{
	Relation	rel = c->mover->rel;

	if (visibilitymap_get_status(rel, block, &c->vmbuffer) == 0)
		return false;
	return visibilitymap_clear(rel, block, c->vmbuffer, VISIBILITYMAP_VALID_BITS);
}

/*
 * Clears the bits of all blocks of the range that hold gathered rows, with one image of each map
 * page.  Clear bits beside a set PD_ALL_VISIBLE are a legal state, also after a crash.
 */
static void
clear_map_range(Compress *c)
{
	uint32		nrows = c->mover->buf->nrows;
	bool		cleared = false;
	uint32		i;

	for (i = 0; i < nrows; i++)
	{
		BlockNumber block = c->sources[i].block;

		if (i > 0 && block == c->sources[i - 1].block)
			continue;
		if (cleared && !visibilitymap_pin_ok(block, c->vmbuffer))
		{
			log_map_page(c);
			cleared = false;
		}
		if (clear_map_bits(c, block))
			cleared = true;
	}
	if (cleared)
		log_map_page(c);
}

/*
 * What a record of GenericXLog holds: pieces of the page, each as (offset, length, bytes).  GenericXLogFinish finds them by
 * comparing the page with a copy, byte by byte, which was a fifth of a step's time; here it is known what has changed.
 */
typedef struct Delta
{
	Size		len;
	char		bytes[BLCKSZ];
} Delta;

/* room for all tuples of a page and for the page header */
StaticAssertDecl((MaxHeapTuplesPerPage + 1) * (2 * sizeof(OffsetNumber) + offsetof(HeapTupleHeaderData, t_hoff)) <= BLCKSZ,
				 "a page's marks fit a delta");
StaticAssertDecl(offsetof(PageHeaderData, pd_linp) - offsetof(PageHeaderData, pd_flags) <= offsetof(HeapTupleHeaderData, t_hoff),
				 "its header takes no more than a tuple");

static void
delta_add(Delta *delta, Page page, Size from, Size to)
{
	OffsetNumber header[2] = {(OffsetNumber) from, (OffsetNumber) (to - from)};

	memcpy(delta->bytes + delta->len, header, sizeof(header));
	memcpy(delta->bytes + delta->len + sizeof(header), page + from, to - from);
	delta->len += sizeof(header) + to - from;
}

/*
 * Marks sources[first .. last - 1], all on one page, as moved; those that are no longer settled stay.
 * Returns the number marked.
 */
static uint32
mark_page(Compress *c, uint32 first, uint32 last)
{
	TsdbMover  *mover = c->mover;
	BlockNumber block = c->sources[first].block;
	bool		movable[MaxHeapTuplesPerPage];
	uint32		nmarked = 0;
	Buffer		buffer;
	Page		page;
	HeapTupleData tuple;
	uint32		i;

	Assert(last - first <= MaxHeapTuplesPerPage);

	buffer = ReadBufferExtended(mover->rel, MAIN_FORKNUM, block, RBM_NORMAL, c->strategy);
	page = BufferGetPage(buffer);

	/* pins the map page, if there is one, so that nothing is read under the page's lock */
	(void) visibilitymap_get_status(mover->rel, block, &c->vmbuffer);

	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);

	for (i = first; i < last; i++)
	{
		SourceRow  *source = &c->sources[i];

		movable[i - first] =
			tuple_at(mover->rel, page, block, source->offset, &tuple) &&
			TransactionIdEquals(HeapTupleHeaderGetRawXmin(tuple.t_data), source->xmin) &&
			is_settled(mover, &tuple, buffer);
		if (movable[i - first])
			nmarked++;
	}

	if (nmarked > 0)
	{
		Delta		delta;

		/* vacuum may have set the bit again; it can't while we hold the page's lock */
		if (clear_map_bits(c, block))
			log_map_page(c);

		delta.len = 0;
		START_CRIT_SECTION();
		PageSetPrunable(page, c->xid);
		PageClearAllVisible(page);
		delta_add(&delta, page, offsetof(PageHeaderData, pd_flags), offsetof(PageHeaderData, pd_linp));
		for (i = first; i < last; i++)
		{
			HeapTupleHeader header;
			Size		at;

			if (!movable[i - first])
				continue;
			header = (HeapTupleHeader) PageGetItem(page, PageGetItemId(page, c->sources[i].offset));

			/* as a key update, so that lockers of every strength wait for us */
			header->t_infomask &= ~(HEAP_XMAX_BITS | HEAP_MOVED);
			header->t_infomask2 |= HEAP_KEYS_UPDATED;
			HeapTupleHeaderClearHotUpdated(header);
			HeapTupleHeaderSetXmax(header, c->xid);
			HeapTupleHeaderSetCmax(header, mover->cid, false);
			ItemPointerSet(&header->t_ctid, block, TSDB_MOVED_OFFSET_FIRST + c->row_numbers[i]);

			at = (char *) header - (char *) page;
			delta_add(&delta, page, at + offsetof(HeapTupleHeaderData, t_choice.t_heap.t_xmax),
					  at + offsetof(HeapTupleHeaderData, t_hoff));
		}
		MarkBufferDirty(buffer);
		TSDB_INJECT_CRASH("compress-mark");
		if (RelationNeedsWAL(mover->rel))
		{
			XLogRecPtr	lsn;

			XLogBeginInsert();
			XLogRegisterBuffer(0, buffer, REGBUF_STANDARD);
			XLogRegisterBufData(0, delta.bytes, delta.len);
			lsn = XLogInsert(RM_GENERIC_ID, 0);
			PageSetLSN(page, lsn);
		}
		END_CRIT_SECTION();
	}
	LockBuffer(buffer, BUFFER_LOCK_UNLOCK);

	for (i = first; i < last; i++)
	{
		if (!movable[i - first])
		{
			uint32		row = c->row_numbers[i];

			c->stayed[row / 64] |= UINT64CONST(1) << (row % 64);
			tsdb_tombstone_write(mover->store, c->entry.d.chunk_id, row, TSDB_TOMB_NOT_MOVED,
								 NULL, mover->cid);
		}
		else if (tuple_at(mover->rel, page, block, c->sources[i].offset, &tuple) &&
				 HeapTupleHasExternal(&tuple))
			heap_toast_delete(mover->rel, &tuple, false);
	}
	ReleaseBuffer(buffer);
	return nmarked;
}

/* Makes a chunk of the gathered rows and marks their sources.  Returns the rows moved. */
static int64
move_range(Compress *c)
{
	TsdbMover  *mover = c->mover;
	uint32		nrows = mover->buf->nrows;
	TsdbTableOptions options;
	TsdbChunkOrder order;
	uint32		nseries;
	uint32		nmoved = 0;
	uint32		first,
				last;
	uint32		i;

	Assert(nrows > 0 && nrows <= TSDB_MOVED_MAX_ROWS);

	nseries = tsdb_mover_sort(mover, &options);
	order.time_attnum = options.time_attnum;
	order.nseries_columns = options.nseries;
	order.series_columns = options.series;
	for (i = 0; i < nrows; i++)
		c->row_numbers[mover->perm[i]] = i;

	memset(&c->entry, 0, sizeof(c->entry));
	c->entry.d.sort_order = tsdb_options_sort_order(&options);
	c->entry.d.mover_xid = U64FromFullTransactionId(GetCurrentFullTransactionId());
	c->entry.d.src_block = c->sources[0].block;
	c->entry.d.src_nblocks = c->sources[nrows - 1].block - c->sources[0].block + 1;
	c->xid = GetCurrentTransactionId();
	tsdb_chunk_write_to_store(mover->writer, mover->store, mover->buf, mover->perm, nrows,
							  &order, nseries, mover->cid, 0, &c->entry);
	Assert(c->entry.d.nrows == nrows);
	c->bytes += c->entry.d.stored_bytes;
	TSDB_INJECT("compress-chunk");

	clear_map_range(c);
	TSDB_INJECT("compress-map");

	memset(c->stayed, 0, TSDB_MOVED_MAX_ROWS / 8);
	for (first = 0; first < nrows; first = last)
	{
		CHECK_FOR_INTERRUPTS();
		for (last = first + 1; last < nrows && c->sources[last].block == c->sources[first].block;)
			last++;
		nmoved += mark_page(c, first, last);
		TSDB_INJECT("compress-page");
	}
	TSDB_INJECT("compress-marked");

	tsdb_mover_index_chunk(mover, &c->entry, mover->perm, nmoved < nrows ? c->stayed : NULL);
	tsdb_mover_count(mover, 0, nmoved);
	last_mover = GetTopFullTransactionId();
	return nmoved;
}

/*
 * Blocks from which this xid has moved rows before (an earlier call in the transaction) must not be in a
 * source range again: (xid, block, row number) would name two chunk rows.  What is left there
 * waits for another transaction.
 */
static void
find_used_ranges(Compress *c)
{
	FullTransactionId top = GetTopFullTransactionIdIfAny();
	uint64		xid;
	TsdbDirEntry *entries;
	int			nentries;
	int			i;

	if (!FullTransactionIdIsValid(top) || !FullTransactionIdEquals(top, last_mover))
		return;

	xid = U64FromFullTransactionId(GetCurrentFullTransactionId());
	entries = tsdb_directory_read(c->mover->store, SnapshotAny, &nentries);
	c->used = palloc(sizeof(SourceRange) * Max(nentries, 1));
	for (i = 0; i < nentries; i++)
	{
		if (entries[i].d.mover_xid == xid)
		{
			c->used[c->nused].block = entries[i].d.src_block;
			c->used[c->nused].nblocks = entries[i].d.src_nblocks;
			c->nused++;
		}
	}
}

static bool
block_is_used(Compress *c, BlockNumber block)
{
	int			i;

	for (i = 0; i < c->nused; i++)
	{
		if (block >= c->used[i].block && block - c->used[i].block < c->used[i].nblocks)
			return true;
	}
	return false;
}

static Compress *
compress_begin(TsdbMover *mover, bool keep)
{
	Compress   *c = palloc0(sizeof(Compress));
	int			natts = RelationGetDescr(mover->rel)->natts;

	c->mover = mover;
	c->strategy = GetAccessStrategy(BAS_BULKWRITE);
	c->vmbuffer = InvalidBuffer;
	c->sources = palloc(sizeof(SourceRow) * TSDB_MOVED_MAX_ROWS);
	c->row_numbers = palloc(sizeof(uint32) * TSDB_MOVED_MAX_ROWS);
	c->stayed = palloc(TSDB_MOVED_MAX_ROWS / 8);
	c->values = palloc(sizeof(Datum) * MaxHeapTuplesPerPage * Max(natts, 1));
	c->isnull = palloc(sizeof(bool) * MaxHeapTuplesPerPage * Max(natts, 1));
	tsdb_mover_gather_begin(mover, keep);
	find_used_ranges(c);

	/* once our xid is in a tuple header, others may make it a member of a multixact */
	MultiXactIdSetOldestMember();
	return c;
}

static void
compress_end(Compress *c)
{
	if (BufferIsValid(c->vmbuffer))
		ReleaseBuffer(c->vmbuffer);
	FreeAccessStrategy(c->strategy);
	tsdb_mover_end(c->mover);
}

/* Gathers rows for one chunk from blocks up to "end" on; returns the first block that was not looked at. */
static BlockNumber
gather_range(Compress *c, BlockNumber block, BlockNumber end)
{
	TsdbColumnBuffer *buf = c->mover->buf;
	Size		limit = tsdb_mover_gather_limit();

	for (; block < end &&
		 buf->nrows + MaxHeapTuplesPerPage <= TSDB_MOVED_MAX_ROWS &&
		 (buf->nrows == 0 || buf->bytes_used < limit); block++)
	{
		CHECK_FOR_INTERRUPTS();
		if (c->nused > 0 && block_is_used(c, block))
		{
			if (buf->nrows > 0)
				break;
		}
		else if (c->skip_empty && page_is_empty(c->mover->rel, block, &c->vmbuffer))
			continue;
		else if (!gather_page(c, block))
			break;
	}
	return block;
}

int64
tsdb_mover_compress(Relation rel)
{
	TsdbMover  *mover = tsdb_mover_begin(rel, "tsdb.compress()", true);
	Compress   *c = compress_begin(mover, false);
	int64		nmoved = 0;
	BlockNumber nblocks = smgrnblocks(RelationGetSmgr(rel), MAIN_FORKNUM);
	BlockNumber block = 0;

	while (block < nblocks)
	{
		block = gather_range(c, block, nblocks);
		if (mover->buf->nrows > 0)
		{
			nmoved += move_range(c);
			tsdb_column_buffer_reset(mover->buf, tsdb_mover_gather_limit());
		}
	}
	compress_end(c);
	return nmoved;
}

void
tsdb_mover_compress_step(Relation rel, TsdbCompressStep *step)
{
	TsdbMover  *mover = tsdb_mover_begin(rel, "tsdb.compress()", false);
	Compress   *c;
	BlockNumber nblocks;
	BlockNumber end;

	step->busy = mover == NULL;
	step->done = mover == NULL;
	step->rows = 0;
	step->xid = 0;
	step->bytes = 0;
	step->waiting = 0;
	if (mover == NULL)
		return;

	c = compress_begin(mover, true);
	c->before = step->before;
	c->skip_empty = true;

	nblocks = smgrnblocks(RelationGetSmgr(rel), MAIN_FORKNUM);
	end = step->next_block < nblocks ? step->next_block + Min(STEP_PAGES, nblocks - step->next_block) : nblocks;
	step->next_block = gather_range(c, step->next_block, end);
	step->done = step->next_block >= nblocks;
	if (mover->buf->nrows > 0 && mover->buf->nrows >= step->min_rows)
	{
		step->rows = move_range(c);
		step->bytes = c->bytes;
		step->xid = c->entry.d.mover_xid;
	}
	else
		step->waiting = mover->buf->nrows;
	step->waiting += c->nyoung;
	compress_end(c);
}

/* Rows of a row-store page that the snapshot sees. */
static int
count_page_rows(Relation rel, BlockNumber block, Snapshot snapshot, BufferAccessStrategy strategy)
{
	Buffer		buf = ReadBufferExtended(rel, MAIN_FORKNUM, block, RBM_NORMAL, strategy);
	Page		page = BufferGetPage(buf);
	int			nrows = 0;
	OffsetNumber off;

	LockBuffer(buf, BUFFER_LOCK_SHARE);
	for (off = FirstOffsetNumber; !PageIsNew(page) && off <= PageGetMaxOffsetNumber(page); off++)
	{
		HeapTupleData tuple;

		if (tuple_at(rel, page, block, off, &tuple) && HeapTupleSatisfiesVisibility(&tuple, snapshot, buf))
			nrows++;
	}
	UnlockReleaseBuffer(buf);
	return nrows;
}

/*
 * pg_class.reltuples and the statistics collector count both stores together, so pages are looked at: evenly spread over those
 * that vacuum has not left empty.  New rows lie together, and often among many empty pages.
 */
int64
tsdb_mover_row_store_rows(Relation rel, Snapshot snapshot)
{
	BlockNumber nblocks = smgrnblocks(RelationGetSmgr(rel), MAIN_FORKNUM);
	BlockNumber nasked = Min(nblocks, ESTIMATE_MAP_PAGES);
	BlockNumber *pages = palloc(sizeof(BlockNumber) * Max(nasked, 1));
	BlockNumber npages = 0;
	BlockNumber nread;
	BufferAccessStrategy strategy = GetAccessStrategy(BAS_BULKREAD);
	Buffer		vmbuffer = InvalidBuffer;
	double		nrows = 0;
	BlockNumber i;

	for (i = 0; i < nasked; i++)
	{
		BlockNumber block = (BlockNumber) ((uint64) i * nblocks / nasked);

		CHECK_FOR_INTERRUPTS();
		if (!page_is_empty(rel, block, &vmbuffer))
			pages[npages++] = block;
	}
	nread = Min(npages, ESTIMATE_READ_PAGES);
	for (i = 0; i < nread; i++)
	{
		CHECK_FOR_INTERRUPTS();
		nrows += count_page_rows(rel, pages[(uint64) i * npages / nread], snapshot, strategy);
	}
	if (BufferIsValid(vmbuffer))
		ReleaseBuffer(vmbuffer);
	FreeAccessStrategy(strategy);
	pfree(pages);
	return nread == 0 ? 0 : (int64) rint(nrows * npages / nread * nblocks / nasked);
}

int64
tsdb_mover_row_store_waiting(Relation rel)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	int64		nrows = tsdb_mover_row_store_rows(rel, snapshot);

	UnregisterSnapshot(snapshot);
	return nrows;
}

bool
tsdb_mover_find_moved(Relation rel, ItemPointer ctid, TransactionId xmax, ItemPointer new_tid)
{
	uint32		row = ItemPointerGetOffsetNumberNoCheck(ctid) - TSDB_MOVED_OFFSET_FIRST;
	FullTransactionId next = ReadNextFullTransactionId();
	uint32		epoch = EpochFromFullTransactionId(next);
	TsdbStore  *store;
	TsdbDirEntry entry;
	bool		found;

	Assert(tsdb_ctid_is_moved(ctid));
	Assert(TransactionIdIsNormal(xmax));

	/* xmax of a tuple that somebody still asks about is less than 2^31 transactions old */
	if (xmax > XidFromFullTransactionId(next))
		epoch--;

	store = tsdb_store_open(rel, AccessShareLock);
	if (store == NULL)
		return false;
	found = tsdb_directory_cache_find_moved(store, U64FromFullTransactionId(FullTransactionIdFromEpochAndXid(epoch, xmax)),
											ItemPointerGetBlockNumberNoCheck(ctid), &entry) &&
		row < entry.d.nrows;
	if (found)
		tsdb_row_tid(entry.d.first_vblock, row, new_tid);
	tsdb_store_close(store);
	return found;
}
