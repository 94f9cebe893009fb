/*-------------------------------------------------------------------------
 * forward.c
 *	  Where the rows of a chunk went when a mover replaced it.
 *
 * Used by am/: movers write forwards, statements that meet a replaced chunk read them.
 *-------------------------------------------------------------------------
 */
#include "chunk/forward.h"

#include "access/htup_details.h"
#include "injection.h"
#include "storage/bufmgr.h"
#include "tsdb_codec.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

StaticAssertDecl(TSDB_FORWARD_ROWS * sizeof(int64) + sizeof(TsdbForwardDisk) + 256 <= TSDB_TUPLE_MAX_DATA,
				 "a tuple of forwards holds its rows however they are encoded");
StaticAssertDecl(TSDB_FORWARD_ROWS <= TSDB_CODEC_MAX_ROWS, "and one block does");

static int64
tid_to_code(const ItemPointerData *tid)
{
	BlockNumber block;
	OffsetNumber offset;

	if (!ItemPointerIsValid(tid))
		return 0;
	block = ItemPointerGetBlockNumber(tid);
	offset = ItemPointerGetOffsetNumber(tid);
	if ((block & TSDB_VBLOCK_FLAG) != 0)
		return ((int64) (block & ~TSDB_VBLOCK_FLAG) * TSDB_VBLOCK_ROWS + offset - 1) << 1 | 1;
	return ((int64) block << 16 | offset) << 1;
}

/* False: there is no such code. */
static bool
code_to_tid(int64 code, ItemPointer tid)
{
	int64		value = code >> 1;

	if (code < 0)
		return false;
	ItemPointerSetInvalid(tid);
	if (code == 0)
		return true;
	if (code & 1)
	{
		if (value / TSDB_VBLOCK_ROWS >= TSDB_VBLOCK_MAX)
			return false;
		ItemPointerSet(tid, TSDB_VBLOCK_FLAG | (BlockNumber) (value / TSDB_VBLOCK_ROWS),
					   (OffsetNumber) (value % TSDB_VBLOCK_ROWS + 1));
		return true;
	}
	if (value >> 16 >= TSDB_VBLOCK_FLAG || (value & 0xFFFF) < FirstOffsetNumber ||
		(value & 0xFFFF) > MaxOffsetNumber)
		return false;
	ItemPointerSet(tid, (BlockNumber) (value >> 16), (OffsetNumber) (value & 0xFFFF));
	return true;
}

ItemPointerData *
tsdb_forward_write(TsdbStore *store, const TsdbDirEntry *entry, const ItemPointerData *new_tids,
				   CommandId cid, int *ntids)
{
	uint32		nrows = entry->d.nrows;
	ItemPointerData *tids = palloc(sizeof(ItemPointerData) * (nrows / TSDB_FORWARD_ROWS + 1));
	int64	   *codes = palloc(sizeof(int64) * TSDB_FORWARD_ROWS);
	TsdbCodecScratch *scratch = palloc0(tsdb_codec_scratch_size());
	Size		bound = sizeof(TsdbForwardDisk) + tsdb_int_bound(TSDB_FORWARD_ROWS, TSDB_LANE_INT64);
	uint8	   *data = palloc(bound);
	uint32		first;

	*ntids = 0;
	for (first = 0; first < nrows; first += TSDB_FORWARD_ROWS)
	{
		TsdbForwardDisk *disk = (TsdbForwardDisk *) data;
		uint32		n = Min(TSDB_FORWARD_ROWS, nrows - first);
		TsdbEncoding encoding;
		Size		len;
		uint32		i;

		for (i = 0; i < n; i++)
			codes[i] = tid_to_code(&new_tids[first + i]);
		memset(disk, 0, sizeof(*disk));
		disk->version = TSDB_FORMAT_VERSION;
		disk->chunk_id = entry->d.chunk_id;
		disk->nrows = n;
		len = sizeof(*disk) + tsdb_int_encode(codes, NULL, n, TSDB_LANE_INT64, TSDB_MEANS_INT,
											  data + sizeof(*disk), &encoding, scratch);
		disk->crc = tsdb_crc_behind(data, len);
		tids[(*ntids)++] = tsdb_store_insert(store, entry->d.chunk_id,
											 TSDB_FORWARD_SEQ_FIRST + (int32) (first / TSDB_FORWARD_ROWS),
											 data, len, cid, 0, false);
		TSDB_INJECT("forward");
	}
	pfree(codes);
	pfree(scratch);
	pfree(data);
	return tids;
}

void
tsdb_forward_check(TsdbStore *store, const TsdbStoredTuple *stored, TsdbForwardDisk *disk)
{
	Oid			chunk_id = stored->chunk_id;

	if (stored->len < sizeof(*disk))
		tsdb_report_corruption(store->rel, chunk_id, NULL, "forwards %d have %zu bytes",
							   stored->chunk_seq, stored->len);
	memcpy(disk, stored->data, sizeof(*disk));
	if (disk->crc != tsdb_crc_behind(stored->data, stored->len))
		tsdb_report_corruption(store->rel, chunk_id, NULL, "checksum of forwards %d does not match",
							   stored->chunk_seq);
	if (disk->version == 0 || disk->version > TSDB_FORMAT_VERSION)
		tsdb_report_version(store->rel, chunk_id, disk->version, TSDB_FORMAT_VERSION);
	if (disk->flags != 0 || disk->chunk_id != chunk_id || disk->nrows < 1 || disk->nrows > TSDB_FORWARD_ROWS)
		tsdb_report_corruption(store->rel, chunk_id, NULL,
							   "forwards %d say they are of %u rows of chunk %u, flags %u",
							   stored->chunk_seq, disk->nrows, disk->chunk_id, disk->flags);
}

/* Takes one tuple of forwards apart. */
static void
parse(TsdbStore *store, const TsdbDirEntry *entry, const TsdbStoredTuple *stored, uint32 row, ItemPointer new_tid)
{
	Oid			chunk_id = entry->d.chunk_id;
	uint32		first = row - row % TSDB_FORWARD_ROWS;
	uint32		nrows = Min(TSDB_FORWARD_ROWS, entry->d.nrows - first);
	TsdbForwardDisk disk;
	int64	   *codes;
	bool	   *isnull;
	TsdbCodecScratch *scratch;
	int			nnulls;

	tsdb_forward_check(store, stored, &disk);
	if (disk.nrows != nrows)
		tsdb_report_corruption(store->rel, chunk_id, NULL, "forwards %d are of %u rows, not of %u",
							   stored->chunk_seq, disk.nrows, nrows);

	codes = palloc(sizeof(int64) * TSDB_CODEC_MAX_ROWS);
	isnull = palloc(sizeof(bool) * TSDB_CODEC_MAX_ROWS);
	scratch = palloc0(tsdb_codec_scratch_size());
	if (!tsdb_int_decode(stored->data + sizeof(disk), stored->len - sizeof(disk), nrows, TSDB_LANE_INT64,
						 codes, isnull, &nnulls, scratch) ||
		nnulls != 0 || !code_to_tid(codes[row - first], new_tid))
		tsdb_report_corruption(store->rel, chunk_id, NULL, "forwards %d are not valid", stored->chunk_seq);
	pfree(codes);
	pfree(isnull);
	pfree(scratch);
}

bool
tsdb_forward_find(TsdbStore *store, const TsdbDirEntry *entry, TransactionId deleter,
				  uint32 row, ItemPointer new_tid)
{
	int32		seq = TSDB_FORWARD_SEQ_FIRST + (int32) (row / TSDB_FORWARD_ROWS);
	TsdbStoreScan *scan = tsdb_store_scan_begin(store, entry->d.chunk_id, seq, seq, SnapshotAny);
	TsdbStoredTuple stored;
	bool		found = false;

	Assert(row < entry->d.nrows);
	ItemPointerSetInvalid(new_tid);
	while (!found && tsdb_store_scan_next(scan, &stored))
	{
		if (!TransactionIdEquals(HeapTupleHeaderGetRawXmin(stored.tuple->t_data), deleter))
			continue;
		parse(store, entry, &stored, row, new_tid);
		found = true;
	}
	tsdb_store_scan_end(scan);
	return found && ItemPointerIsValid(new_tid);
}
