/*-------------------------------------------------------------------------
 * chunk_reader.c
 *	  Opens a chunk and hands out decoded vectors of chosen columns.
 *
 * Used by am/ (scan, slot, fetch, index build, mover, rewrite) and options/ (views, verify).
 *
 * Invariants: header bytes are used only after header_check(), which has chunk_layout.c parse them, so that every count,
 * reference and shift in them is in range; a segment's bytes only after segment_pin(), which checks key, length and
 * (once for each open chunk) checksum; a block's bytes only through the codecs, which check all they read.
 * No pin outlives a call: pins belong to a resource owner, and a set can outlive the one it was made
 * under.
 *
 * Memory: a chunk and a set have a context each.  A set keeps its chunk's memory (dictionaries)
 * alive by reference count even when it may no longer read from it (detached).  In the steady
 * state of a scan nothing is allocated: sets, their arrays and byte arenas are reused, and decoding
 * scratch is one per backend (decoding never calls back, so it is not reentered).
 *-------------------------------------------------------------------------
 */
#include "chunk/chunk_reader.h"
#include "chunk/chunk_layout.h"
#include "chunk/tombstone.h"
#include "chunk/type_streams.h"

#include "access/htup_details.h"
#include "access/tupdesc.h"
#include "bytes_codec.h"
#include "kernels.h"
#include "miscadmin.h"
#include "planes.h"
#include "storage/bufmgr.h"
#include "storage/procarray.h"
#include "tsdb_codec.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

StaticAssertDecl(TSDB_VECTOR_ROWS == TSDB_CODEC_MAX_ROWS, "a block holds a vector");
StaticAssertDecl(sizeof(Datum) == sizeof(int64), "integers are decoded into Datums in place");

/* arrays of a set start at cache lines, for the decoders' stores */
#define ARRAY_ALIGN			64

/* blocks between others that are wanted cost less than another request */
#define PREFETCH_GAP		4

/* fewer blocks that lie together are asked for one by one: to open the file takes as long as three requests */
#define READ_AHEAD_BLOCKS	8

/* scratch and arena blocks above this are given back when next reused */
#define KEEP_BYTES			((Size) 4 * 1024 * 1024)

/* Value of a column that the chunk lacks. */
typedef struct MissingValue
{
	bool		known;
	bool		isnull;
	Datum		value;			/* in the chunk's memory */
} MissingValue;

/* Unpacked byte planes of a cold column; they live as long as the chunk. */
typedef struct ColdPlanes
{
	int			count;			/* 0 = not unpacked yet */
	uint8	   *plane[TSDB_MAX_PLANES];	/* [nrows] each */
} ColdPlanes;

typedef struct OpenChunk
{
	TsdbChunk	pub;			/* must be first */
	int			refcount;		/* opener + sets */
	MemoryContext cxt;			/* this struct and all it points to */
	bool		registered;		/* in store->chunks */
	dlist_node	node;			/* there */
	dlist_head	sets;			/* attached sets */
	bool		maybe_too_old;	/* a missing piece can be early pruning (old_snapshot_threshold) */
	bool		unprotected;	/* no snapshot keeps VACUUM from removing the chunk under us */

	TupleDesc	tupdesc;		/* the table's; used only while the store is open */
	int			natts;
	int16	   *column_of_att;	/* [natts] index in columns, or -1 */
	MissingValue *missing;		/* [natts], made when first needed */

	TsdbLayout	layout;			/* the header, checked; in this memory */

	Datum	  **dicts;			/* [ncolumns] decoded dictionaries, NULL until first needed */
	uint8	  **plain_dicts;	/* [ncolumns] as dict.c has them, not decoded, of which values are looked for; NULL until first needed */
	ColdPlanes *planes;			/* [ncolumns] of cold columns; NULL until first needed */
	TsdbFsstTable **symbols;	/* [ncolumns] symbol tables; NULL until first needed */
	uint8	   *checked;		/* bitmap: segments whose checksum was right */
} OpenChunk;

/* Blocks that decoded by-reference values lie in: never moved while a value points to them. */
typedef struct ArenaBlock
{
	struct ArenaBlock *prev;
	Size		size;			/* bytes behind this header */
	Size		used;
} ArenaBlock;

#define ARENA_BYTES(block)	((uint8 *) (block) + MAXALIGN(sizeof(ArenaBlock)))

/* A column of a set as integers of 32 bits. */
typedef struct NarrowColumn
{
	bool		tried;
	bool		made;
	unsigned	scale;
	int32	   *values;			/* [TSDB_VECTOR_ROWS]; made when first needed */
} NarrowColumn;

typedef struct OpenSet
{
	TsdbVectorSet pub;			/* must be first */
	MemoryContext cxt;			/* this struct and all it points to */
	OpenChunk  *owner;			/* whose memory values point to; stays when detached */
	dlist_node	node;			/* in owner->sets while attached */
	ArenaBlock **arenas;		/* [natts] */
	NarrowColumn *narrow;		/* [natts] */
} OpenSet;

/* A block's bytes: in a pinned segment, or copied together in the scratch. */
typedef struct BlockBytes
{
	const uint8 *data;
	Size		len;
	TsdbStoredTuple stored;
#ifdef TSDB_SANITIZE
	uint8	   *copy;			/* what data points to */
#endif
} BlockBytes;

static struct
{
	TsdbCodecScratch *codec;
	uint32	   *codes;			/* [TSDB_VECTOR_ROWS] */
	TsdbBytes  *bytes;			/* [TSDB_VECTOR_ROWS] */
	TsdbStreamsWork *streams;
	TsdbBytesContext *context;	/* zstd's and LZ4's memory; NULL is fine */
	uint8	   *strings;		/* decompressed strings on their way into an arena */
	Size		strings_size;
	uint8	   *span;			/* a block that spans segments */
	Size		span_size;
}			scratch;

static void
scratch_init(void)
{
	if (scratch.bytes)
		return;
	scratch.codec = MemoryContextAllocZero(TopMemoryContext, tsdb_codec_scratch_size());
	scratch.streams = MemoryContextAlloc(TopMemoryContext, sizeof(TsdbStreamsWork));
	scratch.context = tsdb_bytes_context_create();
	scratch.codes = MemoryContextAlloc(TopMemoryContext, TSDB_VECTOR_ROWS * sizeof(uint32));
	scratch.bytes = MemoryContextAlloc(TopMemoryContext, TSDB_VECTOR_ROWS * sizeof(TsdbBytes));
}

static const char *
column_name(OpenChunk *chunk, AttrNumber attnum)
{
	return NameStr(TupleDescAttr(chunk->tupdesc, attnum - 1)->attname);
}

/*
 * A tuple of the chunk is not there.  It may have gone rightly: VACUUM can remove a dead chunk that
 * somebody reads without an MVCC snapshot (an index build reads recently dead ones).
 */
pg_noreturn static void
report_missing(OpenChunk *chunk, const char *column, int32 seq)
{
	TsdbStore  *store = chunk->pub.store;
	Oid			chunk_id = chunk->pub.entry.d.chunk_id;

	if (chunk->maybe_too_old)
		ereport(ERROR,
				(errcode(ERRCODE_SNAPSHOT_TOO_OLD),
				 errmsg("snapshot too old")));
	if (chunk->unprotected &&
		tsdb_directory_status(store, &chunk->pub.entry,
							  GetOldestNonRemovableTransactionId(store->toastrel)) == HEAPTUPLE_DEAD)
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("chunk %u of table \"%s\" was removed while it was read",
						chunk_id, RelationGetRelationName(store->rel)),
				 errhint("Try the command again.")));
	tsdb_report_corruption(store->rel, chunk_id, column,
						   "tuple %d of the chunk is missing", seq);
}

/*-------------- header --------------*/

/* Reads the header's tuples into one piece of the chunk's memory: header_bytes of them. */
static uint8 *
header_gather(OpenChunk *chunk)
{
	TsdbStore  *store = chunk->pub.store;
	const TsdbDirEntryDisk *d = &chunk->pub.entry.d;
	uint8	   *bytes = MemoryContextAlloc(chunk->cxt, d->header_bytes);
	Size		gathered = 0;
	TsdbStoredTuple stored;
	TsdbStoreScan *scan;
	int32		next = 0;

	if (d->nheader == 1)
	{
		ItemPointerData tid;

		tid.ip_blkid = d->header_blk;
		tid.ip_posid = d->header_off;
		if (!tsdb_store_read_tid(store, &tid, d->chunk_id, 0, &stored) &&
			!tsdb_store_read_key(store, d->chunk_id, 0, SnapshotAny, &stored))
			report_missing(chunk, NULL, 0);
		gathered = stored.len;
		memcpy(bytes, stored.data, Min(gathered, d->header_bytes));
		tsdb_store_release(&stored);
	}
	else
	{
		scan = tsdb_store_scan_begin(store, d->chunk_id, 0, d->nheader - 1, SnapshotAny);
		while (tsdb_store_scan_next(scan, &stored) && stored.chunk_seq == next)
		{
			if (gathered < d->header_bytes)
				memcpy(bytes + gathered, stored.data, Min(stored.len, d->header_bytes - gathered));
			gathered += stored.len;
			next++;
		}
		tsdb_store_scan_end(scan);
		if (next != d->nheader)
			report_missing(chunk, NULL, next);
	}

	if (gathered != d->header_bytes)
		tsdb_report_corruption(store->rel, d->chunk_id, NULL,
							   "header has %zu bytes, the directory says %u",
							   gathered, d->header_bytes);
	return bytes;
}

/*
 * Checks every field of the header and sets the chunk's layout.
 */
static void
header_check(OpenChunk *chunk, const uint8 *bytes)
{
	const TsdbDirEntryDisk *d = &chunk->pub.entry.d;
	Relation	rel = chunk->pub.store->rel;
	TsdbLayoutExpected expected = {d->chunk_id, d->nrows, d->nsegments, chunk->natts};
	TsdbLayoutProblem problem;
	Size		memory;
	int			c;

	if (((const TsdbHeaderDisk *) bytes)->crc != tsdb_crc_behind(bytes, d->header_bytes))
		tsdb_report_corruption(rel, d->chunk_id, NULL, "checksum of the header does not match");
	memory = tsdb_layout_measure(bytes, d->header_bytes, &expected, &problem);
	if (memory == 0 && problem.other_version)
		tsdb_report_version(rel, d->chunk_id, ((const TsdbHeaderDisk *) bytes)->version, TSDB_HEADER_VERSION);
	if (memory == 0 ||
		!tsdb_layout_parse(bytes, d->header_bytes, &expected, MemoryContextAlloc(chunk->cxt, memory),
						   &chunk->layout, &problem))
		tsdb_report_corruption(rel, d->chunk_id,
							   problem.attnum > 0 ? column_name(chunk, problem.attnum) : NULL, "%s", problem.text);

	for (c = 0; c < chunk->layout.header->ncolumns; c++)
	{
		const TsdbColumnDisk *column = &chunk->layout.columns[c];
		Form_pg_attribute att = TupleDescAttr(chunk->tupdesc, column->attnum - 1);

		if (!att->attisdropped &&
			(att->attlen != column->typlen || att->attbyval != (column->typbyval != 0) ||
			 att->attalign != (char) column->typalign))
			tsdb_report_corruption(rel, d->chunk_id, NameStr(att->attname),
								   "stored with type length %d, by value %d, alignment code %d; the table has %d, %d, %d",
								   column->typlen, column->typbyval, column->typalign,
								   att->attlen, att->attbyval, att->attalign);
		chunk->column_of_att[column->attnum - 1] = c;
	}
}

/*-------------- tombstones --------------*/

static void
mark_row(OpenChunk *chunk, bool *has, uint64 **bits, uint32 row)
{
	if (!*has)
	{
		if (*bits == NULL)
			*bits = MemoryContextAlloc(chunk->cxt, tsdb_row_bits_words(chunk->pub.nrows) * sizeof(uint64));
		memset(*bits, 0, tsdb_row_bits_words(chunk->pub.nrows) * sizeof(uint64));
		*has = true;
	}
	tsdb_row_bits_set(*bits, row);
}

/* TsdbStoreVisit: a tombstone that an MVCC snapshot sees. */
static void
mark_visible_tombstone(const TsdbStoredTuple *stored, void *arg)
{
	OpenChunk  *chunk = arg;
	TsdbChunk  *pub = &chunk->pub;

	mark_row(chunk, &pub->has_dead, &pub->dead, tsdb_tombstone_row(pub->store, &pub->entry, stored));
}

void
tsdb_chunk_read_tombstones(TsdbChunk *pub, Snapshot snapshot)
{
	OpenChunk  *chunk = (OpenChunk *) pub;
	bool		dirty = snapshot != NULL && snapshot->snapshot_type == SNAPSHOT_DIRTY;
	bool		self = snapshot != NULL && snapshot->snapshot_type == SNAPSHOT_SELF;
	TsdbTombstoneScan scan;
	TsdbTombstone tombstone;

	pub->has_dead = pub->has_dying = false;
	if (snapshot != NULL && IsMVCCSnapshot(snapshot))
	{
		tsdb_store_visit(pub->store, pub->entry.d.chunk_id, PG_INT32_MIN, -1, snapshot,
						 mark_visible_tombstone, chunk);
		return;
	}

	tsdb_tombstone_scan_begin(&scan, pub->store, &pub->entry);
	while (tsdb_tombstone_scan_next(&scan, pub->store, &tombstone))
	{
		if ((tombstone.flags & TSDB_TOMB_NOT_MOVED) != 0 ||
			((dirty || self) && tombstone.state != TSDB_TOMBSTONE_IN_PROGRESS))
			mark_row(chunk, &pub->has_dead, &pub->dead, tombstone.row);
		else if (dirty)
			mark_row(chunk, &pub->has_dying, &pub->dying, tombstone.row);
	}
	tsdb_tombstone_scan_end(&scan);
}

/*-------------- chunks --------------*/

static void set_let_go(OpenSet *set);

/* The store closes: sets that somebody still holds decode what is left, chunks stay as memory alone. */
static void
close_chunks(TsdbStore *store)
{
	while (!dlist_is_empty(&store->chunks))
	{
		OpenChunk  *chunk = dlist_head_element(OpenChunk, node, &store->chunks);

		while (!dlist_is_empty(&chunk->sets))
			set_let_go(dlist_head_element(OpenSet, node, &chunk->sets));
		dlist_delete(&chunk->node);
		chunk->registered = false;
		chunk->pub.store = NULL;
		chunk->tupdesc = NULL;
	}
}

TsdbChunk *
tsdb_chunk_open(TsdbStore *store, const TsdbDirEntry *entry, TupleDesc tupdesc,
				Snapshot snapshot, MemoryContext parent)
{
	TsdbChunk  *chunk = tsdb_chunk_open_bare(store, entry, tupdesc, snapshot, parent);

	tsdb_chunk_read_tombstones(chunk, snapshot);
	return chunk;
}

TsdbChunk *
tsdb_chunk_open_bare(TsdbStore *store, const TsdbDirEntry *entry, TupleDesc tupdesc,
					 Snapshot snapshot, MemoryContext parent)
{
	MemoryContext cxt = AllocSetContextCreate(parent, "tsdb chunk", ALLOCSET_DEFAULT_SIZES);
	OpenChunk  *chunk = MemoryContextAllocZero(cxt, sizeof(OpenChunk));
	int			i;

	chunk->cxt = cxt;
	chunk->refcount = 1;
	chunk->pub.store = store;
	chunk->pub.entry = *entry;
	chunk->pub.nrows = entry->d.nrows;
	chunk->pub.nvectors = (entry->d.nrows + TSDB_VECTOR_ROWS - 1) / TSDB_VECTOR_ROWS;
	chunk->tupdesc = tupdesc;
	chunk->natts = tupdesc->natts;
	chunk->unprotected = snapshot == NULL || !IsMVCCSnapshot(snapshot);
	chunk->maybe_too_old = !chunk->unprotected && OldSnapshotThresholdActive();
	dlist_init(&chunk->sets);

	chunk->column_of_att = MemoryContextAlloc(cxt, Max(1, chunk->natts) * sizeof(int16));
	for (i = 0; i < chunk->natts; i++)
		chunk->column_of_att[i] = -1;
	header_check(chunk, header_gather(chunk));
	chunk->dicts = MemoryContextAllocZero(cxt, Max(1, chunk->layout.header->ncolumns) * sizeof(Datum *));
	chunk->checked = MemoryContextAllocZero(cxt, chunk->layout.header->nsegments / 8 + 1);

	dlist_push_head(&store->chunks, &chunk->node);
	chunk->registered = true;
	store->close_chunks = close_chunks;
	return &chunk->pub;
}

static void
chunk_unref(OpenChunk *chunk)
{
	Assert(chunk->refcount > 0);
	if (--chunk->refcount > 0)
		return;
	Assert(dlist_is_empty(&chunk->sets));
	if (chunk->registered)
		dlist_delete(&chunk->node);
	MemoryContextDelete(chunk->cxt);
}

void
tsdb_chunk_release(TsdbChunk *chunk)
{
	chunk_unref((OpenChunk *) chunk);
}

void
tsdb_chunk_hold(TsdbChunk *chunk)
{
	((OpenChunk *) chunk)->refcount++;
}

const TsdbHeaderDisk *
tsdb_chunk_header(TsdbChunk *chunk)
{
	return ((OpenChunk *) chunk)->layout.header;
}

const TsdbColumnDisk *
tsdb_chunk_columns(TsdbChunk *chunk)
{
	return ((OpenChunk *) chunk)->layout.columns;
}

const TsdbVector *
tsdb_chunk_vectors(TsdbChunk *chunk, int column)
{
	OpenChunk  *open = (OpenChunk *) chunk;

	Assert(column >= 0 && column < open->layout.header->ncolumns);
	return &open->layout.vectors[(Size) column * open->layout.header->nvectors];
}

int
tsdb_chunk_column(TsdbChunk *chunk, AttrNumber attnum)
{
	OpenChunk  *open = (OpenChunk *) chunk;

	return attnum >= 1 && attnum <= open->natts ? open->column_of_att[attnum - 1] : -1;
}

int
tsdb_alive_rows(TsdbChunk *chunk, uint32 vector, uint64 *rows)
{
	uint32		nrows = tsdb_vector_rows(((OpenChunk *) chunk)->layout.header, vector);
	uint32		w;

	for (w = 0; w * 64 < nrows; w++)
	{
		uint32		left = nrows - w * 64;

		rows[w] = left >= 64 ? PG_UINT64_MAX : (UINT64CONST(1) << left) - 1;
		if (chunk->has_dead)
			rows[w] &= ~chunk->dead[vector * (TSDB_VECTOR_ROWS / 64) + w];
	}
	return chunk->has_dead ? tsdb_kernels->bitmap_count(rows, (int) nrows) : (int) nrows;
}

void
tsdb_row_tid(uint32 first_vblock, uint32 row, ItemPointer tid)
{
	ItemPointerSet(tid, TSDB_VBLOCK_FLAG | (first_vblock + row / TSDB_VBLOCK_ROWS),
				   (OffsetNumber) (row % TSDB_VBLOCK_ROWS + 1));
}

/*-------------- blocks --------------*/

/* Checks all that a segment says of itself; "checksum": that too. */
static void
segment_check(TsdbStore *store, Oid chunk_id, uint32 segment, const char *column, const TsdbStoredTuple *stored, bool checksum)
{
	TsdbSegmentDisk head;

	if (stored->len < sizeof(TsdbSegmentDisk))
		tsdb_report_corruption(store->rel, chunk_id, column,
							   "segment %u has %zu bytes", segment, stored->len);
	memcpy(&head, stored->data, sizeof(head));
	if (checksum && head.crc != tsdb_crc_behind(stored->data, stored->len))
		tsdb_report_corruption(store->rel, chunk_id, column,
							   "checksum of segment %u does not match", segment);
	if (head.version == 0 || head.version > TSDB_FORMAT_VERSION)
		tsdb_report_version(store->rel, chunk_id, head.version, TSDB_FORMAT_VERSION);
	if (head.flags != 0 || head.spare != 0 || head.spare2[0] != 0 || head.spare2[1] != 0 ||
		head.chunk_id != chunk_id || head.segment != segment || head.length != stored->len)
		tsdb_report_corruption(store->rel, chunk_id, column,
							   "segment %u of %zu bytes says it is segment %u of chunk %u with %u bytes, flags %u",
							   segment, stored->len, head.segment, head.chunk_id, head.length, head.flags);
}

void
tsdb_segment_check(TsdbStore *store, const TsdbDirEntry *entry, const TsdbStoredTuple *stored)
{
	segment_check(store, entry->d.chunk_id, (uint32) stored->chunk_seq - entry->d.nheader, NULL, stored, true);
}

/*
 * Pins a segment and checks it.  The checksum costs about as much as decoding a vector, so it is
 * computed once for each segment and open chunk; everything else is checked each time.
 */
static void
segment_pin(OpenChunk *chunk, uint32 segment, const char *column, TsdbStoredTuple *stored)
{
	TsdbStore  *store = chunk->pub.store;
	Oid			chunk_id = chunk->pub.entry.d.chunk_id;
	int32		seq = (int32) (chunk->pub.entry.d.nheader + segment);
	const TsdbTidDisk *hint = &chunk->layout.tids[segment];
	ItemPointerData tid;

	Assert(segment < chunk->layout.header->nsegments);
	tid.ip_blkid.bi_hi = hint->blk_hi;
	tid.ip_blkid.bi_lo = hint->blk_lo;
	tid.ip_posid = hint->off;
	if (!tsdb_store_read_tid(store, &tid, chunk_id, seq, stored) &&
		!tsdb_store_read_key(store, chunk_id, seq, SnapshotAny, stored))
		report_missing(chunk, column, seq);

	segment_check(store, chunk_id, segment, column, stored, (chunk->checked[segment / 8] & (1 << segment % 8)) == 0);
	chunk->checked[segment / 8] |= 1 << segment % 8;
}

/*
 * The block's bytes are these.  For the address sanitizer they are copied to a place of just their size, so that it notices
 * who reads behind a block's end (in the buffer another block lies there), or after block_put.  (An error leaves the copy behind.)
 */
static inline void
block_set(BlockBytes *block, const uint8 *data, Size len)
{
	block->len = len;
#ifdef TSDB_SANITIZE
	block->copy = malloc(len);
	if (block->copy == NULL)
		elog(ERROR, "out of memory");
	if (len > 0)
		memcpy(block->copy, data, len);
	data = block->copy;
#endif
	block->data = data;
}

static inline void
block_unset(BlockBytes *block)
{
#ifdef TSDB_SANITIZE
	free(block->copy);
#endif
	block->data = NULL;
}

/* Adds bytes, of a tuple at most, to a block that is put together in the scratch. */
static void
span_append(BlockBytes *block, const uint8 *data, Size len)
{
	if (scratch.span == NULL || len > scratch.span_size - block->len)
	{
		Size		size = Max(scratch.span_size * 2, 64 * 1024);

		/* grows only as fast as segments are really there */
		scratch.span = scratch.span ? repalloc_huge(scratch.span, size) :
			MemoryContextAllocHuge(TopMemoryContext, size);
		scratch.span_size = size;
	}
	memcpy(scratch.span + block->len, data, len);
	block->len += len;
}

/* Copies the payloads of "count" segments together in the scratch. */
static void
block_gather(OpenChunk *chunk, uint32 first, uint32 count, const char *column, BlockBytes *block)
{
	uint32		i;

	block->len = 0;
	for (i = 0; i < count; i++)
	{
		TsdbStoredTuple stored;

		CHECK_FOR_INTERRUPTS();
		segment_pin(chunk, first + i, column, &stored);
		span_append(block, stored.data + sizeof(TsdbSegmentDisk), stored.len - sizeof(TsdbSegmentDisk));
		tsdb_store_release(&stored);
	}
	block_set(block, scratch.span, block->len);
	block->stored.buffer = InvalidBuffer;
}

pg_noreturn static void
report_block_outside(OpenChunk *chunk, const TsdbBlockRef *ref, const char *column, Size len)
{
	tsdb_report_corruption(chunk->pub.store->rel, chunk->pub.entry.d.chunk_id, column,
						   "block at %u + %u lies outside segment %u of %zu bytes",
						   ref->offset, ref->length, ref->segment, len);
}

/* The bytes of a block; ref was checked with the header. */
static void
block_get(OpenChunk *chunk, const TsdbBlockRef *ref, const char *column, BlockBytes *block)
{
	if (ref->offset == TSDB_BLOCK_SPANS)
	{
		block_gather(chunk, ref->segment, ref->length, column, block);
		return;
	}

	segment_pin(chunk, ref->segment, column, &block->stored);
	if ((Size) ref->offset + ref->length > block->stored.len)
		report_block_outside(chunk, ref, column, block->stored.len);
	block_set(block, block->stored.data + ref->offset, ref->length);
}

static void
block_put(BlockBytes *block)
{
	tsdb_store_release(&block->stored);
	block_unset(block);
	if (scratch.span_size > KEEP_BYTES)
	{
		pfree(scratch.span);
		scratch.span = NULL;
		scratch.span_size = 0;
	}
}

/* Copies blocks, none of which spans segments, together in the scratch; refs were checked with the header. */
static void
pieces_gather(OpenChunk *chunk, const TsdbBlockRef *refs, uint32 count, const char *column, BlockBytes *block)
{
	uint32		i;

	block->len = 0;
	for (i = 0; i < count; i++)
	{
		BlockBytes	piece;

		CHECK_FOR_INTERRUPTS();
		block_get(chunk, &refs[i], column, &piece);
		span_append(block, piece.data, piece.len);
		tsdb_store_release(&piece.stored);
		block_unset(&piece);
	}
	block_set(block, scratch.span, block->len);
	block->stored.buffer = InvalidBuffer;
}

/*-------------- by-reference values --------------*/

/* Bytes that a value of this length takes in memory, or 0: a value of the column can't have that length. */
static Size
value_space(const TsdbColumnDisk *column, Size len)
{
	switch (column->kind)
	{
		case TSDB_KIND_VARLENA:
			return len <= MaxAllocSize - VARHDRSZ ? MAXALIGN(len + VARHDRSZ) : 0;
		case TSDB_KIND_CSTRING:
			return len <= MaxAllocSize - 1 ? MAXALIGN(len + 1) : 0;
		default:
			Assert(column->kind == TSDB_KIND_FIXED);
			return len == (Size) column->typlen ? MAXALIGN(len) : 0;
	}
}

/* Writes the value at "to", which has value_space() bytes. */
static inline Datum
value_form(const TsdbColumnDisk *column, const uint8 *data, Size len, uint8 *to)
{
	if (column->kind == TSDB_KIND_VARLENA)
	{
		SET_VARSIZE(to, len + VARHDRSZ);
		if (len > 0)
			memcpy(VARDATA(to), data, len);
	}
	else
	{
		if (len > 0)
			memcpy(to, data, len);
		if (column->kind == TSDB_KIND_CSTRING)
			to[len] = '\0';
	}
	return PointerGetDatum(to);
}

/* "need" bytes, MAXALIGNed, which stay where they are until the arena is reset. */
static uint8 *
arena_alloc(MemoryContext cxt, ArenaBlock **arena, Size need)
{
	ArenaBlock *block = *arena;
	uint8	   *result;

	if (block == NULL || need > block->size - block->used)
	{
		Size		size = block ? Min(block->size * 2, KEEP_BYTES / 2) : 16 * 1024;

		size = Max(size, need);
		block = MemoryContextAllocHuge(cxt, MAXALIGN(sizeof(ArenaBlock)) + size);
		block->prev = *arena;
		block->size = size;
		block->used = 0;
		*arena = block;
	}
	result = ARENA_BYTES(block) + block->used;
	block->used += need;
	return result;
}

/* Keeps the newest block (as a rule the largest), unless it is larger than we like to sit on. */
static void
arena_reset(ArenaBlock **arena)
{
	ArenaBlock *block = *arena;

	if (block == NULL)
		return;
	while (block->prev)
	{
		ArenaBlock *prev = block->prev;

		block->prev = prev->prev;
		pfree(prev);
	}
	block->used = 0;
	if (block->size > KEEP_BYTES)
	{
		pfree(block);
		*arena = NULL;
	}
}

/*-------------- decoding --------------*/

pg_noreturn static void
report_vector(OpenChunk *chunk, const TsdbColumnDisk *column, uint32 vector, const char *problem)
{
	tsdb_report_corruption(chunk->pub.store->rel, chunk->pub.entry.d.chunk_id,
						   column_name(chunk, column->attnum), "vector %u: %s", vector, problem);
}

pg_noreturn static void
report_dictionary(OpenChunk *chunk, const TsdbColumnDisk *column, const char *problem)
{
	tsdb_report_corruption(chunk->pub.store->rel, chunk->pub.entry.d.chunk_id,
						   column_name(chunk, column->attnum), "dictionary: %s", problem);
}

/* Sign-extends typlen little-endian bytes: what fetch_att() gives. */
static Datum
datum_from_lane(const uint8 *data, int typlen)
{
	int64		value = 0;

	switch (typlen)
	{
		case 1:
			value = (int8) data[0];
			break;
		case 2:
			{
				int16		v;

				memcpy(&v, data, sizeof(v));
				value = v;
			}
			break;
		case 4:
			{
				int32		v;

				memcpy(&v, data, sizeof(v));
				value = v;
			}
			break;
		case 8:
			memcpy(&value, data, sizeof(value));
			break;
		default:
			Assert(false);
	}
	return (Datum) value;
}

/* The column's dictionary as tsdb_dict_entry reads it, checked, in memory of the chunk. */
static uint8 *
plain_dictionary(OpenChunk *chunk, int c)
{
	const TsdbColumnDisk *column = &chunk->layout.columns[c];
	BlockBytes	block;
	uint8	   *plain;
	Size		plain_size;
	uint32		count;
	bool		valid;

	block_get(chunk, &column->dict, column_name(chunk, column->attnum), &block);
	if (!tsdb_dict_plain_size(block.data, block.len, &plain_size))
		report_dictionary(chunk, column, "its bytes are not valid");
	plain = MemoryContextAllocHuge(chunk->cxt, plain_size > 0 ? plain_size : block.len);
	if (plain_size > 0)
		valid = tsdb_dict_unpack(block.data, block.len, plain, plain_size, &count, scratch.context);
	else
	{
		memcpy(plain, block.data, block.len);
		valid = tsdb_dict_open(plain, block.len, &count);
	}
	block_put(&block);
	if (!valid)
		report_dictionary(chunk, column, "its bytes are not valid");
	if (count != column->dict_count)
		report_dictionary(chunk, column, "the number of its entries does not match");
	return plain;
}

/* The column's dictionary as Datums, decoded when first asked for; lives as long as the chunk. */
static const Datum *
dictionary(OpenChunk *chunk, int c)
{
	const TsdbColumnDisk *column = &chunk->layout.columns[c];
	uint32		count = column->dict_count;
	uint8	   *bytes;
	Datum	   *dict;
	uint32		i;

	if (chunk->dicts[c] || count == 0)
		return chunk->dicts[c];

	bytes = chunk->plain_dicts != NULL && chunk->plain_dicts[c] != NULL ? chunk->plain_dicts[c] : plain_dictionary(chunk, c);
	/* an entry takes 4 bytes of the block at least, so count bounds what is taken here */
	dict = MemoryContextAllocHuge(chunk->cxt, (Size) count * sizeof(Datum));

	if (column->typbyval)
	{
		for (i = 0; i < count; i++)
		{
			TsdbBytes	entry = tsdb_dict_entry(bytes, i);

			if (entry.len != (uint32) column->typlen)
				report_dictionary(chunk, column, "an entry has the wrong length");
			dict[i] = datum_from_lane(entry.data, column->typlen);
		}
	}
	else
	{
		Size		total = 0;
		uint8	   *to;

		for (i = 0; i < count; i++)
		{
			Size		space = value_space(column, tsdb_dict_entry(bytes, i).len);

			if (space == 0)
				report_dictionary(chunk, column, "an entry has the wrong length");
			total += space;
		}
		to = MemoryContextAllocHuge(chunk->cxt, total);
		for (i = 0; i < count; i++)
		{
			TsdbBytes	entry = tsdb_dict_entry(bytes, i);

			dict[i] = value_form(column, entry.data, entry.len, to);
			to += value_space(column, entry.len);
		}
	}
	if (chunk->plain_dicts != NULL)
		chunk->plain_dicts[c] = NULL;
	pfree(bytes);
	chunk->dicts[c] = dict;
	return dict;
}

/* Entry i of a column's dictionary of by-reference values: of the decoded one, if it is there. */
static TsdbBytes
dictionary_bytes(OpenChunk *chunk, int c, uint32 i)
{
	TsdbBytes	entry;
	Pointer		value;

	if (chunk->dicts[c] == NULL)
		return tsdb_dict_entry(chunk->plain_dicts[c], i);
	value = DatumGetPointer(chunk->dicts[c][i]);
	if (chunk->layout.columns[c].typlen == -1)
	{
		entry.data = (const uint8 *) VARDATA_ANY(value);
		entry.len = (uint32) VARSIZE_ANY_EXHDR(value);
	}
	else
	{
		entry.data = (const uint8 *) value;
		entry.len = (uint32) chunk->layout.columns[c].typlen;
	}
	return entry;
}

/* The column's symbol table, decoded when first asked for; NULL if it has none. */
static const TsdbFsstTable *
symbol_table(OpenChunk *chunk, int c)
{
	const TsdbColumnDisk *column = &chunk->layout.columns[c];
	TsdbFsstTable *table;
	BlockBytes	block;

	if ((column->flags & TSDB_COL_FSST) == 0)
		return NULL;
	if (chunk->symbols == NULL)
		chunk->symbols = MemoryContextAllocZero(chunk->cxt, chunk->layout.header->ncolumns * sizeof(TsdbFsstTable *));
	if (chunk->symbols[c] == NULL)
	{
		table = MemoryContextAlloc(chunk->cxt, sizeof(TsdbFsstTable));
		block_get(chunk, &column->dict, column_name(chunk, column->attnum), &block);
		if (!tsdb_fsst_table_decode(block.data, block.len, table))
			report_dictionary(chunk, column, "it is no symbol table");
		block_put(&block);
		chunk->symbols[c] = table;
	}
	return chunk->symbols[c];
}

/* The planes of a cold column, unpacked when first asked for; NULL if it is not cold. */
static const ColdPlanes *
cold_planes(OpenChunk *chunk, int c)
{
	const TsdbColumnDisk *column = &chunk->layout.columns[c];
	const char *name = column_name(chunk, column->attnum);
	uint32		nrows = chunk->pub.nrows;
	BlockBytes	block;
	ColdPlanes	planes;
	uint8	   *space;
	int			p;

	if (column->nplanes == 0)
		return NULL;
	if (chunk->planes == NULL)
		chunk->planes = MemoryContextAllocZero(chunk->cxt, chunk->layout.header->ncolumns * sizeof(ColdPlanes));
	if (chunk->planes[c].count > 0)
		return &chunk->planes[c];

	pieces_gather(chunk, &chunk->layout.parts[column->first_plane], column->nplanes, name, &block);
	planes.count = tsdb_planes_count(block.data, block.len, nrows);
	space = planes.count == 0 ? NULL : MemoryContextAlloc(chunk->cxt, (Size) planes.count * nrows);
	for (p = 0; p < planes.count; p++)
		planes.plane[p] = space + (Size) p * nrows;
	if (planes.count == 0 || !tsdb_planes_unpack(block.data, block.len, nrows, planes.plane))
		tsdb_report_corruption(chunk->pub.store->rel, chunk->pub.entry.d.chunk_id, name,
							   "byte planes: their bytes are not valid");
	block_put(&block);
	chunk->planes[c] = planes;
	return &chunk->planes[c];
}

/* Codes to Datums. */
static bool
decode_codes(const TsdbColumnDisk *column, const Datum *dict, const BlockBytes *block,
			 const uint8 *const *planes, int nplanes, uint32 n, Datum *values, bool *isnull, int *nnulls)
{
	const uint32 *codes = scratch.codes;
	uint32		i;

	if (!tsdb_codes_decode_cold(block->data, block->len, n, column->dict_count, planes, nplanes,
								scratch.codes, isnull, nnulls, scratch.codec))
		return false;
	if (*nnulls == 0)
	{
		for (i = 0; i < n; i++)
			values[i] = dict[codes[i]];
	}
	else
	{
		for (i = 0; i < n; i++)
			values[i] = isnull[i] ? (Datum) 0 : dict[codes[i]];
	}
	return true;
}

/* Room for decompressed strings. */
static void
strings_reserve(Size size)
{
	if (size <= scratch.strings_size)
		return;
	if (scratch.strings)
		pfree(scratch.strings);
	scratch.strings = NULL;
	scratch.strings_size = 0;
	scratch.strings = MemoryContextAllocHuge(TopMemoryContext, size);
	scratch.strings_size = size;
}

static void
strings_shrink(void)
{
	if (scratch.strings_size <= KEEP_BYTES)
		return;
	pfree(scratch.strings);
	scratch.strings = NULL;
	scratch.strings_size = 0;
}

/* Strings to values in the set's arena.  Rows that share their bytes (a constant block) share the value. */
static bool
decode_bytes(OpenSet *set, const TsdbColumnDisk *column, const TsdbFsstTable *symbols, const BlockBytes *block, uint32 n,
			 Datum *values, bool *isnull, int *nnulls)
{
	const TsdbBytes *bytes = scratch.bytes;
	const TsdbBytes *last = NULL;
	Size		total = 0;
	Datum		value = (Datum) 0;
	uint8	   *to;
	uint32		i;

	if (!tsdb_bytes_decoded_size(block->data, block->len, n, &total))
		return false;
	strings_reserve(total);
	if (!tsdb_bytes_decode_with(block->data, block->len, n, symbols, scratch.strings, total, scratch.bytes, isnull, nnulls,
								scratch.context, scratch.codec))
		return false;
	total = 0;

	for (i = 0; i < n; i++)
	{
		Size		space;

		if (isnull[i])
			continue;
		if (last && last->data == bytes[i].data && last->len == bytes[i].len)
			continue;
		last = &bytes[i];
		space = value_space(column, last->len);
		if (space == 0)
			return false;
		total += space;
	}
	to = arena_alloc(set->cxt, &set->arenas[column->attnum - 1], total);

	last = NULL;
	for (i = 0; i < n; i++)
	{
		if (isnull[i])
		{
			values[i] = (Datum) 0;
			continue;
		}
		if (!last || last->data != bytes[i].data || last->len != bytes[i].len)
		{
			last = &bytes[i];
			value = value_form(column, last->data, last->len, to);
			to += value_space(column, last->len);
		}
		values[i] = value;
	}
	strings_shrink();
	return true;
}

/* Streams to values in the set's arena. */
static bool
decode_streams(OpenSet *set, const TsdbColumnDisk *column, const BlockBytes *block, uint32 n,
			   Datum *values, bool *isnull, int *nnulls)
{
	TsdbStreamsWork *work = scratch.streams;
	ArenaBlock **arena = &set->arenas[column->attnum - 1];
	TsdbStreamsBlock streams;
	Size		size;
	int			i;

	if (!tsdb_type_streams_open(block->data, block->len, n, (TsdbColumnKind) column->kind, column->typlen,
								&streams, &size, isnull, nnulls) ||
		!tsdb_type_streams_decode(&streams, isnull, arena_alloc(set->cxt, arena, size), values, work, scratch.codec))
		return false;
	for (i = 0; i < work->nexceptions; i++)
	{
		const TsdbBytes *exception = &work->exceptions[i];
		Size		space = value_space(column, exception->len);

		if (space == 0)
			return false;
		values[work->exception_rows[i]] = value_form(column, exception->data, exception->len,
													 arena_alloc(set->cxt, arena, space));
	}
	return true;
}

/* One block of n rows, from this row of the chunk on, into values[n], isnull[n]; returns the number of NULLs. */
static uint32
decode_block(OpenSet *set, int c, const TsdbBlockRef *ref, uint32 first_row, uint32 n, Datum *values, bool *isnull)
{
	OpenChunk  *chunk = set->owner;
	const TsdbColumnDisk *column = &chunk->layout.columns[c];
	const Datum *dict = dictionary(chunk, c);	/* first: it may use the scratch, as planes do */
	const ColdPlanes *cold = cold_planes(chunk, c);
	const TsdbFsstTable *symbols = symbol_table(chunk, c);
	const uint8 *planes[TSDB_MAX_PLANES];
	int			nplanes = 0;
	BlockBytes	block;
	TsdbEncoding encoding;
	int			nnulls = 0;
	bool		valid;

	if (ref->length == 0)
	{
		memset(values, 0, n * sizeof(Datum));
		memset(isnull, true, n);
		return n;
	}

	for (; cold && nplanes < cold->count; nplanes++)
		planes[nplanes] = cold->plane[nplanes] + first_row;
	block_get(chunk, ref, column_name(chunk, column->attnum), &block);
	encoding = tsdb_block_encoding(block.data, block.len);
	if (dict && (encoding == TSDB_ENC_DICT || encoding == TSDB_ENC_NULL))
		valid = decode_codes(column, dict, &block, planes, nplanes, n, values, isnull, &nnulls);
	else if (column->typbyval)
		valid = tsdb_int_decode_cold(block.data, block.len, n, (TsdbLane) column->typlen, planes, nplanes,
									 (int64 *) values, isnull, &nnulls, scratch.codec);
	else if (encoding == TSDB_ENC_STREAMS)
		valid = decode_streams(set, column, &block, n, values, isnull, &nnulls);
	else
		valid = decode_bytes(set, column, symbols, &block, n, values, isnull, &nnulls);
	if (!valid)
		report_vector(chunk, column, set->pub.vector, "a block is not valid for this column");
	block_put(&block);
	return (uint32) nnulls;
}

/* Arrays of a column, made when first needed and kept: values, then isnull, from a cache line on. */
static void
column_arrays(OpenSet *set, TsdbVectorColumn *column)
{
	char	   *space;

	if (column->values)
		return;
	space = MemoryContextAlloc(set->cxt, ARRAY_ALIGN +
							   TSDB_VECTOR_ROWS * (sizeof(Datum) + sizeof(bool)));
	column->values = (Datum *) TYPEALIGN(ARRAY_ALIGN, space);
	column->isnull = (bool *) (column->values + TSDB_VECTOR_ROWS);
}

/* The value of a column that the chunk lacks, or that was dropped; it is the same in all rows. */
static const MissingValue *
missing_value(OpenChunk *chunk, AttrNumber attnum)
{
	Form_pg_attribute att = TupleDescAttr(chunk->tupdesc, attnum - 1);
	MissingValue *missing;

	if (chunk->missing == NULL)
		chunk->missing = MemoryContextAllocZero(chunk->cxt, chunk->natts * sizeof(MissingValue));
	missing = &chunk->missing[attnum - 1];
	if (!missing->known)
	{
		missing->value = (Datum) 0;
		missing->isnull = true;
		if (!att->attisdropped)
			missing->value = getmissingattr(chunk->tupdesc, attnum, &missing->isnull);
		if (missing->isnull)
			missing->value = (Datum) 0;
		else
		{
			/* a set may outlive the tuple descriptor */
			MemoryContext oldcxt = MemoryContextSwitchTo(chunk->cxt);

			missing->value = datumCopy(missing->value, att->attbyval, att->attlen);
			MemoryContextSwitchTo(oldcxt);
		}
		missing->known = true;
	}
	return missing;
}

static void
fill_missing(OpenSet *set, AttrNumber attnum)
{
	TsdbVectorColumn *out = &set->pub.columns[attnum - 1];
	const MissingValue *missing = missing_value(set->owner, attnum);
	int			i;

	for (i = 0; i < TSDB_VECTOR_ROWS; i++)
		out->values[i] = missing->value;
	memset(out->isnull, missing->isnull, TSDB_VECTOR_ROWS);
}

/* Has the chunk values of this column that anybody wants?  Else it has its missing value. */
static inline bool
column_is_stored(OpenChunk *chunk, AttrNumber attnum)
{
	return chunk->column_of_att[attnum - 1] >= 0 && !TupleDescAttr(chunk->tupdesc, attnum - 1)->attisdropped;
}

void
tsdb_vector_decode(TsdbVectorSet *pub, AttrNumber attnum)
{
	OpenSet    *set = (OpenSet *) pub;
	OpenChunk  *chunk = set->owner;
	TsdbVectorColumn *out;
	const TsdbVector *vector;
	uint32		nnulls;
	int			c;

	Assert(attnum >= 1 && attnum <= pub->natts);
	out = &pub->columns[attnum - 1];
	if (out->decoded)
		return;
	Assert(pub->chunk);
	if (pub->chunk == NULL)
		elog(ERROR, "column %d of a detached vector set was not decoded", attnum);

	scratch_init();
	column_arrays(set, out);
	if (!column_is_stored(chunk, attnum))
	{
		fill_missing(set, attnum);
		out->decoded = true;
		return;
	}
	c = chunk->column_of_att[attnum - 1];
	if (set->narrow[attnum - 1].made)
	{
		NarrowColumn *narrow = &set->narrow[attnum - 1];

		if (chunk->layout.columns[c].kind == TSDB_KIND_FLOAT8)
			tsdb_narrow_decode(narrow->values, (int) pub->nrows, narrow->scale, (int64 *) out->values);
		else
			tsdb_kernels->widen_signed((const uint8 *) narrow->values, (int) pub->nrows, sizeof(int32), (int64 *) out->values);
		memset(out->isnull, false, pub->nrows);
		out->decoded = true;
		return;
	}

	vector = &chunk->layout.vectors[(Size) c * chunk->layout.header->nvectors + pub->vector];
	if (vector->nparts == 0)
		nnulls = decode_block(set, c, &vector->block, pub->vector * TSDB_VECTOR_ROWS, pub->nrows,
							  out->values, out->isnull);
	else
	{
		const TsdbBlockRef *parts = &chunk->layout.parts[tsdb_vector_first_part(vector)];
		uint32		piece = tsdb_vector_piece_rows(vector);
		uint32		row;

		nnulls = 0;
		for (row = 0; row < pub->nrows; row += piece)
			nnulls += decode_block(set, c, parts++, pub->vector * TSDB_VECTOR_ROWS + row, Min(piece, pub->nrows - row),
								   out->values + row, out->isnull + row);
	}
	if (nnulls != vector->nnulls)
		report_vector(chunk, &chunk->layout.columns[c], pub->vector, "the number of NULLs does not match");
	out->decoded = true;
}

/*
 * The block of a vector that is whole, hot, without NULLs, and of a column of that kind that is not decoded.  False: it is not such a one.  To be
 * put back.
 */
static bool
numbers_block(TsdbVectorSet *pub, AttrNumber attnum, TsdbColumnKind kind, BlockBytes *block)
{
	OpenChunk  *chunk = ((OpenSet *) pub)->owner;
	int			c = chunk->column_of_att[attnum - 1];
	const TsdbColumnDisk *column;
	const TsdbVector *vector;

	if (c < 0 || pub->columns[attnum - 1].decoded || pub->chunk == NULL)
		return false;
	column = &chunk->layout.columns[c];
	vector = &chunk->layout.vectors[(Size) c * chunk->layout.header->nvectors + pub->vector];
	if (vector->nparts != 0 || vector->nnulls != 0 || vector->block.length == 0 || (column->flags & TSDB_COL_COLD) != 0 ||
		column->kind != kind)
		return false;
	scratch_init();
	block_get(chunk, &vector->block, column_name(chunk, attnum), block);
	return true;
}

static TsdbLane
column_lane(TsdbVectorSet *pub, AttrNumber attnum)
{
	OpenChunk  *chunk = ((OpenSet *) pub)->owner;

	return (TsdbLane) chunk->layout.columns[chunk->column_of_att[attnum - 1]].typlen;
}

bool
tsdb_vector_sums(TsdbVectorSet *pub, AttrNumber attnum, const TsdbRowRange *ranges, int nranges,
				 int64_t *sums, double *doubles)
{
	BlockBytes	block;
	bool		done;

	if (!numbers_block(pub, attnum, doubles != NULL ? TSDB_KIND_FLOAT8 : TSDB_KIND_INT, &block))
		return false;
	if (doubles != NULL)
		done = tsdb_double_sums(block.data, block.len, pub->nrows, ranges, nranges, doubles, scratch.codec);
	else
		done = tsdb_int_sums(block.data, block.len, pub->nrows, column_lane(pub, attnum), ranges, nranges, sums, scratch.codec);
	block_put(&block);
	return done;
}

const int32 *
tsdb_vector_narrow(TsdbVectorSet *pub, AttrNumber attnum, bool make, unsigned *scale)
{
	OpenSet    *set = (OpenSet *) pub;
	NarrowColumn *narrow = &set->narrow[attnum - 1];
	int			c = set->owner->column_of_att[attnum - 1];
	TsdbColumnKind kind;
	BlockBytes	block;

	if (make && !narrow->tried && c >= 0)
	{
		narrow->tried = true;
		kind = (TsdbColumnKind) set->owner->layout.columns[c].kind;
		if ((kind != TSDB_KIND_FLOAT8 && kind != TSDB_KIND_INT) || !numbers_block(pub, attnum, kind, &block))
			return NULL;
		if (narrow->values == NULL)
			narrow->values = MemoryContextAlloc(set->cxt, TSDB_VECTOR_ROWS * sizeof(int32));
		narrow->scale = 0;
		if (kind == TSDB_KIND_FLOAT8)
			narrow->made = tsdb_double_narrow(block.data, block.len, pub->nrows, narrow->values, &narrow->scale, scratch.codec);
		else
			narrow->made = tsdb_int_narrow(block.data, block.len, pub->nrows, column_lane(pub, attnum), narrow->values,
										   scratch.codec);
		block_put(&block);
	}
	*scale = narrow->scale;
	return narrow->made ? narrow->values : NULL;
}

/*-------------- single values --------------*/

/* Where a by-reference value goes: into a set's arena, or a context. */
typedef struct ValuePlace
{
	OpenSet    *set;
	MemoryContext cxt;
} ValuePlace;

/* The block that was read last.  As long as values come from the same segment its pin is kept. */
typedef struct SegmentPin
{
	bool		pinned;
	uint32		segment;
	TsdbStoredTuple stored;
} SegmentPin;

static void
pin_release(SegmentPin *pin)
{
	if (pin->pinned)
		tsdb_store_release(&pin->stored);
	pin->pinned = false;
}

/* As block_get, but with this pin if the block does not span segments; what it does else is to be given to block_put. */
static void
block_get_pinned(OpenChunk *chunk, const TsdbBlockRef *ref, const char *column, SegmentPin *pin, BlockBytes *block)
{
	if (ref->offset == TSDB_BLOCK_SPANS)
	{
		block_get(chunk, ref, column, block);
		return;
	}
	if (!pin->pinned || pin->segment != ref->segment)
	{
		pin_release(pin);
		segment_pin(chunk, ref->segment, column, &pin->stored);
		pin->pinned = true;
		pin->segment = ref->segment;
	}
	if ((Size) ref->offset + ref->length > pin->stored.len)
		report_block_outside(chunk, ref, column, pin->stored.len);
	block_set(block, pin->stored.data + ref->offset, ref->length);
	block->stored.buffer = InvalidBuffer;
}

static uint8 *
place_alloc(const ValuePlace *place, const TsdbColumnDisk *column, Size size)
{
	if (place->set != NULL)
		return arena_alloc(place->set->cxt, &place->set->arenas[column->attnum - 1], MAXALIGN(size));
	return MemoryContextAllocHuge(place->cxt, size);
}

static bool
place_bytes(const ValuePlace *place, const TsdbColumnDisk *column, const TsdbBytes *bytes, Datum *value)
{
	Size		space = value_space(column, bytes->len);

	if (space == 0)
		return false;
	*value = value_form(column, bytes->data, bytes->len, place_alloc(place, column, space));
	return true;
}

static bool
bytes_value(const TsdbColumnDisk *column, const TsdbFsstTable *symbols, const BlockBytes *block, uint32 n, uint32 row,
			const ValuePlace *place, Datum *value, bool *isnull, int *nnulls)
{
	TsdbBytes	bytes;
	Size		total;
	bool		valid;

	if (!tsdb_bytes_decoded_size(block->data, block->len, n, &total))
		return false;
	strings_reserve(total);
	valid = tsdb_bytes_value_with(block->data, block->len, n, symbols, scratch.strings, total, row, &bytes, isnull, nnulls,
								  scratch.context, scratch.codec) &&
		(*isnull || place_bytes(place, column, &bytes, value));
	strings_shrink();
	return valid;
}

static bool
streams_value(const TsdbColumnDisk *column, const BlockBytes *block, uint32 n, uint32 row,
			  const ValuePlace *place, Datum *value, bool *isnull, int *nnulls)
{
	bool		nulls[TSDB_VECTOR_ROWS];
	TsdbStreamsBlock streams;
	TsdbBytes	exception;
	uint8	   *slot;
	Size		size;

	if (!tsdb_type_streams_open(block->data, block->len, n, (TsdbColumnKind) column->kind, column->typlen,
								&streams, &size, nulls, nnulls))
		return false;
	*isnull = nulls[row];
	if (nulls[row])
		return true;
	slot = place_alloc(place, column, TSDB_STREAMS_MAX_SLOT);
	if (!tsdb_type_streams_value(&streams, nulls, row, slot, &exception, scratch.streams, scratch.codec))
		return false;
	if (exception.data != NULL)
		return place_bytes(place, column, &exception, value);
	*value = PointerGetDatum(slot);
	return true;
}

/* The value of one row of a vector; checked as decode_block and tsdb_vector_decode do, but for what other rows hold. */
static void
vector_value(OpenChunk *chunk, int c, uint32 v, uint32 row, SegmentPin *pin, const ValuePlace *place,
			 Datum *value, bool *isnull)
{
	const TsdbColumnDisk *column = &chunk->layout.columns[c];
	const TsdbVector *vector = &chunk->layout.vectors[(Size) c * chunk->layout.header->nvectors + v];
	const char *name = column_name(chunk, column->attnum);
	const TsdbBlockRef *ref = &vector->block;
	uint32		first_row = v * TSDB_VECTOR_ROWS;
	uint32		n = tsdb_vector_rows(chunk->layout.header, v);
	const Datum *dict;
	const ColdPlanes *cold;
	const TsdbFsstTable *symbols;
	const uint8 *planes[TSDB_MAX_PLANES];
	int			nplanes = 0;
	BlockBytes	block;
	TsdbEncoding encoding;
	int			nnulls = 0;
	bool		valid;

	if (vector->nparts != 0)
	{
		uint32		piece = tsdb_vector_piece_rows(vector);
		uint32		before = row / piece * piece;

		ref = &chunk->layout.parts[tsdb_vector_first_part(vector) + row / piece];
		first_row += before;
		n = Min(piece, n - before);
		row -= before;
	}
	*value = (Datum) 0;
	*isnull = true;
	if (ref->length == 0)
	{
		if (vector->nparts == 0 && vector->nnulls != n)
			report_vector(chunk, column, v, "the number of NULLs does not match");
		return;
	}

	dict = dictionary(chunk, c);	/* first: they may use the scratch */
	cold = cold_planes(chunk, c);
	symbols = symbol_table(chunk, c);
	for (; cold && nplanes < cold->count; nplanes++)
		planes[nplanes] = cold->plane[nplanes] + first_row;
	block_get_pinned(chunk, ref, name, pin, &block);
	encoding = tsdb_block_encoding(block.data, block.len);
	if (dict && (encoding == TSDB_ENC_DICT || encoding == TSDB_ENC_NULL))
	{
		uint32		code;

		valid = tsdb_codes_value(block.data, block.len, n, column->dict_count, planes, nplanes, row, &code, isnull, &nnulls,
								 scratch.codec);
		if (valid && !*isnull)
			*value = dict[code];
	}
	else if (column->typbyval)
		valid = tsdb_int_value(block.data, block.len, n, (TsdbLane) column->typlen, planes, nplanes, row, (int64 *) value,
							   isnull, &nnulls, scratch.codec);
	else if (encoding == TSDB_ENC_STREAMS)
		valid = streams_value(column, &block, n, row, place, value, isnull, &nnulls);
	else
		valid = bytes_value(column, symbols, &block, n, row, place, value, isnull, &nnulls);
	if (!valid)
		report_vector(chunk, column, v, "a block is not valid for this column");
	if (vector->nparts == 0 && nnulls != vector->nnulls)
		report_vector(chunk, column, v, "the number of NULLs does not match");
	block_put(&block);
}

Datum
tsdb_vector_value(TsdbVectorSet *pub, AttrNumber attnum, uint32 row, bool *isnull)
{
	OpenSet    *set = (OpenSet *) pub;
	OpenChunk  *chunk = set->owner;
	TsdbVectorColumn *column = &pub->columns[attnum - 1];
	ValuePlace	place = {set, NULL};
	SegmentPin	pin = {false};
	Datum		value;

	Assert(row < pub->nrows);
	if (!column->decoded && pub->chunk != NULL && column_is_stored(chunk, attnum))
	{
		scratch_init();
		vector_value(chunk, chunk->column_of_att[attnum - 1], pub->vector, row, &pin, &place, &value, isnull);
		pin_release(&pin);
		return value;
	}
	tsdb_vector_decode(pub, attnum);
	*isnull = column->isnull[row];
	return column->values[row];
}

void
tsdb_chunk_values(TsdbChunk *pub, AttrNumber attnum, const uint32 *rows, int n, Datum *values, bool *isnull,
				  MemoryContext cxt)
{
	OpenChunk  *chunk = (OpenChunk *) pub;
	Form_pg_attribute att = TupleDescAttr(chunk->tupdesc, attnum - 1);
	TsdbVectorSet *set = NULL;
	ValuePlace	place = {NULL, cxt};
	SegmentPin	pin = {false};
	MemoryContext old;
	int			end;
	int			i;

	scratch_init();
	if (!column_is_stored(chunk, attnum))
	{
		const MissingValue *missing = missing_value(chunk, attnum);

		for (i = 0; i < n; i++)
		{
			values[i] = missing->value;
			isnull[i] = missing->isnull;
		}
		return;
	}

	old = MemoryContextSwitchTo(cxt);
	for (i = 0; i < n; i = end)
	{
		uint32		v = rows[i] / TSDB_VECTOR_ROWS;

		CHECK_FOR_INTERRUPTS();
		for (end = i + 1; end < n && rows[end] / TSDB_VECTOR_ROWS == v; end++)
			Assert(rows[end] >= rows[end - 1]);
		if (end - i <= TSDB_FEW_ROWS)
		{
			for (; i < end; i++)
				vector_value(chunk, chunk->column_of_att[attnum - 1], v, rows[i] % TSDB_VECTOR_ROWS, &pin, &place,
							 &values[i], &isnull[i]);
			continue;
		}
		set = tsdb_vector_set(pub, v, set, cxt);
		tsdb_vector_decode(set, attnum);
		for (; i < end; i++)
		{
			const TsdbVectorColumn *column = &set->columns[attnum - 1];
			uint32		row = rows[i] % TSDB_VECTOR_ROWS;

			isnull[i] = column->isnull[row];
			values[i] = isnull[i] ? (Datum) 0 : datumCopy(column->values[row], att->attbyval, att->attlen);
		}
	}
	MemoryContextSwitchTo(old);
	pin_release(&pin);
	if (set != NULL)
		tsdb_vector_set_release(set);
}

/* The segments of a block, as bits. */
static void
mark_block(const TsdbBlockRef *ref, uint8 *segments)
{
	uint32		count = ref->length == 0 ? 0 : ref->offset == TSDB_BLOCK_SPANS ? ref->length : 1;
	uint32		i;

	for (i = ref->segment; i < (uint32) ref->segment + count; i++)
		segments[i / 8] |= 1 << i % 8;
}

static bool
prefetch_blocks(TsdbStore *store, BlockNumber first, BlockNumber nblocks)
{
	bool		result = false;

	if (nblocks >= READ_AHEAD_BLOCKS)
		return tsdb_store_read_ahead(store, first, nblocks);
	for (; nblocks > 0; nblocks--, first++)
		result = tsdb_store_prefetch(store, first) || result;
	return result;
}

bool
tsdb_chunk_prefetch(TsdbChunk *pub, const AttrNumber *attnums, int nattnums, uint64 vectors)
{
	OpenChunk  *chunk = (OpenChunk *) pub;
	const TsdbLayout *layout = &chunk->layout;
	uint32		nsegments = layout->header->nsegments;
	uint8	   *segments = palloc0(nsegments / 8 + 1);
	BlockNumber first = 0;
	BlockNumber nblocks = 0;
	bool		result = false;
	uint32		i;
	int			a;

	StaticAssertStmt(TSDB_CHUNK_MAX_VECTORS == 64, "vectors of a chunk are bits of a word");
	for (a = 0; a < nattnums; a++)
	{
		int			c = tsdb_chunk_column(pub, attnums[a]);
		const TsdbColumnDisk *column;

		if (c < 0)
			continue;
		column = &layout->columns[c];
		mark_block(&column->dict, segments);
		for (i = 0; i < column->nplanes; i++)
			mark_block(&layout->parts[column->first_plane + i], segments);
		for (i = 0; i < pub->nvectors; i++)
		{
			const TsdbVector *vector = &layout->vectors[(Size) c * layout->header->nvectors + i];
			uint32		part;

			if ((vectors >> i & 1) == 0)
				continue;
			if (vector->nparts == 0)
				mark_block(&vector->block, segments);
			for (part = 0; part < vector->nparts; part++)
				mark_block(&layout->parts[tsdb_vector_first_part(vector) + part], segments);
		}
	}
	for (i = 0; i < nsegments; i++)
	{
		const TsdbTidDisk *tid = &layout->tids[i];
		BlockNumber block = (BlockNumber) tid->blk_hi << 16 | tid->blk_lo;

		if ((segments[i / 8] & 1 << i % 8) == 0)
			continue;
		if (nblocks > 0 && block >= first && block - first <= nblocks + PREFETCH_GAP)
		{
			nblocks = Max(nblocks, block - first + 1);
			continue;
		}
		result = prefetch_blocks(pub->store, first, nblocks) || result;
		first = block;
		nblocks = 1;
	}
	result = prefetch_blocks(pub->store, first, nblocks) || result;
	pfree(segments);
	return result;
}

const Datum *
tsdb_chunk_dictionary(TsdbChunk *chunk, AttrNumber attnum, uint32 *count)
{
	OpenChunk  *open = (OpenChunk *) chunk;
	int			c = tsdb_chunk_column(chunk, attnum);

	if (c < 0 || open->layout.columns[c].dict_count == 0)
		return NULL;
	scratch_init();
	*count = open->layout.columns[c].dict_count;
	return dictionary(open, c);
}

int
tsdb_chunk_dictionary_find(TsdbChunk *pub, AttrNumber attnum, const TsdbBytes *values, int nvalues, uint32 *codes, uint32 *count)
{
	OpenChunk  *chunk = (OpenChunk *) pub;
	int			c = tsdb_chunk_column(pub, attnum);
	int			nfound = 0;
	int			i;

	if (c < 0 || chunk->layout.columns[c].dict_count == 0)
		return -1;
	Assert(!chunk->layout.columns[c].typbyval && chunk->layout.columns[c].typlen != -2);
	*count = chunk->layout.columns[c].dict_count;
	scratch_init();
	if (chunk->plain_dicts == NULL)
		chunk->plain_dicts = MemoryContextAllocZero(chunk->cxt, chunk->layout.header->ncolumns * sizeof(uint8 *));
	if (chunk->dicts[c] == NULL && chunk->plain_dicts[c] == NULL)
	{
		chunk->plain_dicts[c] = plain_dictionary(chunk, c);
#ifdef USE_ASSERT_CHECKING
		for (i = 1; i < (int) *count; i++)
			Assert(tsdb_compare_bytes(dictionary_bytes(chunk, c, i - 1), dictionary_bytes(chunk, c, i)) < 0);
#endif
	}
	for (i = 0; i < nvalues; i++)
	{
		uint32		low = 0;
		uint32		high = *count;

		while (low < high)
		{
			uint32		middle = low + (high - low) / 2;

			if (tsdb_compare_bytes(dictionary_bytes(chunk, c, middle), values[i]) < 0)
				low = middle + 1;
			else
				high = middle;
		}
		if (low < *count && tsdb_compare_bytes(dictionary_bytes(chunk, c, low), values[i]) == 0)
			codes[nfound++] = low;
	}
	return nfound;
}

bool
tsdb_vector_codes(TsdbVectorSet *pub, AttrNumber attnum, uint32 *codes, bool *isnull)
{
	OpenSet    *set = (OpenSet *) pub;
	OpenChunk  *chunk = set->owner;
	int			c = chunk->column_of_att[attnum - 1];
	const TsdbColumnDisk *column;
	const TsdbVector *vector;
	const ColdPlanes *cold;
	const uint8 *planes[TSDB_MAX_PLANES];
	int			nplanes = 0;
	BlockBytes	block;
	int			nnulls = 0;

	if (c < 0 || chunk->layout.columns[c].dict_count == 0)
		return false;
	column = &chunk->layout.columns[c];
	vector = &chunk->layout.vectors[(Size) c * chunk->layout.header->nvectors + pub->vector];
	if (vector->nparts != 0)
		return false;
	if (vector->block.length == 0)
	{
		memset(codes, 0, pub->nrows * sizeof(uint32));
		memset(isnull, true, pub->nrows);
		return true;
	}

	scratch_init();
	cold = cold_planes(chunk, c);	/* first: it may use the scratch */
	for (; cold && nplanes < cold->count; nplanes++)
		planes[nplanes] = cold->plane[nplanes] + pub->vector * TSDB_VECTOR_ROWS;
	block_get(chunk, &vector->block, column_name(chunk, attnum), &block);
	if (tsdb_block_encoding(block.data, block.len) != TSDB_ENC_DICT)
	{
		block_put(&block);
		return false;
	}
	if (!tsdb_codes_decode_cold(block.data, block.len, pub->nrows, column->dict_count, planes, nplanes,
								codes, isnull, &nnulls, scratch.codec))
		report_vector(chunk, column, pub->vector, "a block is not valid for this column");
	block_put(&block);
	if (nnulls != vector->nnulls)
		report_vector(chunk, column, pub->vector, "the number of NULLs does not match");
	return true;
}

/*
 * The block of a vector that may be stored as runs: whole, and without NULLs.  False: it is not.  To be put back.
 */
static bool
runs_block(TsdbVectorSet *pub, int c, BlockBytes *block)
{
	OpenChunk  *chunk = ((OpenSet *) pub)->owner;
	const TsdbVector *vector = &chunk->layout.vectors[(Size) c * chunk->layout.header->nvectors + pub->vector];

	if (vector->nparts != 0 || vector->nnulls != 0 || vector->block.length == 0)
		return false;
	scratch_init();
	block_get(chunk, &vector->block, column_name(chunk, chunk->layout.columns[c].attnum), block);
	return true;
}

int
tsdb_vector_runs(TsdbVectorSet *pub, AttrNumber attnum, uint32 *codes, uint16 *ends)
{
	OpenChunk  *chunk = ((OpenSet *) pub)->owner;
	int			c = chunk->column_of_att[attnum - 1];
	BlockBytes	block;
	int			nruns;

	if (c < 0 || chunk->layout.columns[c].dict_count == 0 || !runs_block(pub, c, &block))
		return 0;
	nruns = tsdb_codes_runs(block.data, block.len, pub->nrows, chunk->layout.columns[c].dict_count, codes, ends, scratch.codec);
	block_put(&block);
	return nruns;
}

int
tsdb_vector_int_runs(TsdbVectorSet *pub, AttrNumber attnum, int64 *values, uint16 *ends)
{
	OpenChunk  *chunk = ((OpenSet *) pub)->owner;
	int			c = chunk->column_of_att[attnum - 1];
	const TsdbColumnDisk *column;
	const Datum *dict;
	BlockBytes	block;
	int			nruns;
	int			i;

	if (c < 0 || chunk->layout.columns[c].kind != TSDB_KIND_INT)
		return 0;
	column = &chunk->layout.columns[c];
	scratch_init();
	dict = dictionary(chunk, c);	/* first: it may use the scratch */
	if (!runs_block(pub, c, &block))
		return 0;
	if (dict != NULL && tsdb_block_encoding(block.data, block.len) == TSDB_ENC_DICT)
	{
		nruns = tsdb_codes_runs(block.data, block.len, pub->nrows, column->dict_count, scratch.codes, ends, scratch.codec);
		for (i = 0; i < nruns; i++)
			values[i] = (int64) dict[scratch.codes[i]];
	}
	else
		nruns = tsdb_int_runs(block.data, block.len, pub->nrows, (TsdbLane) column->typlen, values, ends, scratch.codec);
	block_put(&block);
	return nruns;
}

/*-------------- vector sets --------------*/

/*
 * Sets that nobody uses, with their arrays: a statement that fetches one row of a wide table would else take and give back
 * 10 KB of memory a column, and the system's part in that cost more than the decoding.
 */
#define POOL_SETS			4
#define POOL_SET_BYTES		((Size) 1024 * 1024)

static OpenSet *set_pool[POOL_SETS];
static int	set_npool = 0;

static OpenSet *
set_from_pool(int natts, MemoryContext parent)
{
	int			i;

	for (i = 0; i < set_npool; i++)
	{
		OpenSet    *set = set_pool[i];

		if (set->pub.natts != natts)
			continue;
		set_pool[i] = set_pool[--set_npool];
		MemoryContextSetParent(set->cxt, parent);
		set->pub.refcount = 1;
		set->owner = NULL;
		return set;
	}
	return NULL;
}

/* The set has no owner any more.  The newest come in, the oldest leave. */
static void
set_to_pool(OpenSet *set)
{
	if (MemoryContextMemAllocated(set->cxt, false) > POOL_SET_BYTES)
	{
		MemoryContextDelete(set->cxt);
		return;
	}
	if (set_npool == POOL_SETS)
	{
		MemoryContextDelete(set_pool[0]->cxt);
		memmove(&set_pool[0], &set_pool[1], sizeof(set_pool[0]) * (POOL_SETS - 1));
		set_npool--;
	}
	MemoryContextSetParent(set->cxt, TopMemoryContext);
	set_pool[set_npool++] = set;
}

static OpenSet *
set_create(int natts, MemoryContext parent)
{
	MemoryContext cxt = AllocSetContextCreate(parent, "tsdb vector set", ALLOCSET_DEFAULT_SIZES);
	OpenSet    *set = MemoryContextAllocZero(cxt, sizeof(OpenSet));

	set->cxt = cxt;
	set->pub.refcount = 1;
	set->pub.natts = natts;
	set->pub.columns = MemoryContextAllocZero(cxt, Max(1, natts) * sizeof(TsdbVectorColumn));
	set->arenas = MemoryContextAllocZero(cxt, Max(1, natts) * sizeof(ArenaBlock *));
	set->narrow = MemoryContextAllocZero(cxt, Max(1, natts) * sizeof(NarrowColumn));
	return set;
}

/* Takes the set from its chunk's list of those that read from it; its memory stays. */
static void
set_unlink(OpenSet *set)
{
	if (set->pub.chunk)
		dlist_delete(&set->node);
	set->pub.chunk = NULL;
}

/* Decodes what is left, so that the set needs its chunk's memory alone. */
static void
set_let_go(OpenSet *set)
{
	int			attnum;

	for (attnum = 1; attnum <= set->pub.natts; attnum++)
		tsdb_vector_decode(&set->pub, attnum);
	set_unlink(set);
}

TsdbVectorSet *
tsdb_vector_set(TsdbChunk *chunk, uint32 vector, TsdbVectorSet *old, MemoryContext cxt)
{
	OpenChunk  *open = (OpenChunk *) chunk;
	OpenSet    *set = (OpenSet *) old;
	int			i;

	Assert(vector < chunk->nvectors);
	if (old && old->chunk == chunk && old->vector == vector)
		return old;

	if (old && (old->refcount > 1 || old->natts != open->natts ||
				MemoryContextGetParent(set->cxt) != cxt))
	{
		tsdb_vector_set_release(old);
		set = NULL;
	}
	if (set == NULL)
		set = set_from_pool(open->natts, cxt);
	if (set == NULL)
		set = set_create(open->natts, cxt);

	for (i = 0; i < set->pub.natts; i++)
	{
		/* columns that the chunk lacks are the same in all its vectors */
		if (set->owner == open && open->column_of_att[i] < 0)
			continue;
		set->pub.columns[i].decoded = false;
		set->narrow[i].tried = set->narrow[i].made = false;
		arena_reset(&set->arenas[i]);
	}

	if (set->owner != open)
	{
		OpenChunk  *before = set->owner;

		set_unlink(set);
		open->refcount++;
		set->owner = open;
		if (before)
			chunk_unref(before);
	}
	if (set->pub.chunk == NULL)
	{
		dlist_push_head(&open->sets, &set->node);
		set->pub.chunk = chunk;
	}
	set->pub.vector = vector;
	set->pub.few_rows = 0;
	set->pub.nrows = tsdb_vector_rows(open->layout.header, vector);
	set->pub.xmin = chunk->entry.xmin;
	set->pub.cmin = chunk->entry.cmin;
	set->pub.first_vblock = chunk->entry.d.first_vblock;
	set->pub.tableoid = RelationGetRelid(chunk->store->rel);
	return &set->pub;
}

Size
tsdb_vector_set_bytes(TsdbVectorSet *set)
{
	return MemoryContextMemAllocated(((OpenSet *) set)->cxt, false);
}

void
tsdb_vector_set_release(TsdbVectorSet *pub)
{
	OpenSet    *set = (OpenSet *) pub;

	Assert(pub->refcount > 0);
	if (--pub->refcount > 0)
		return;
	set_unlink(set);
	chunk_unref(set->owner);
	set_to_pool(set);
}

void
tsdb_vector_set_detach(TsdbVectorSet *pub)
{
	OpenSet    *set = (OpenSet *) pub;

	if (pub->refcount > 1 && pub->chunk)
	{
		set_let_go(set);

		/* its holder may outlive the context that it was made in */
		MemoryContextSetParent(set->cxt, TopTransactionContext);
		MemoryContextSetParent(set->owner->cxt, TopTransactionContext);
	}
	tsdb_vector_set_release(pub);
}
