/*-------------------------------------------------------------------------
 * mover_merge.c
 *	  Merges and re-encodes chunks: fewer, larger ones, sorted, without dead rows.
 *
 * Used by tsdb.recompress.  Chunks are taken in order of time, as many at once as fit
 * write_buffer; their rows are sorted by (series, time) together and cut into new chunks.
 *
 * Rows with a tombstone are left out: under the chunk's lock each tombstone is decided, whoever sees us sees its
 * writer, and older snapshots keep the old chunk with all that belongs to it, forwards included.
 *
 * Invariant: an old chunk is judged and read under its lock, with a snapshot taken after the lock;
 * whoever else deletes it or its rows holds the lock to the end of his transaction, so
 * that what the snapshot shows is final.
 * A chunk that is in use is left for later: waiting while holding other chunks' locks
 * could deadlock.
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/xact.h"
#include "am/mover_common.h"
#include "catalog/pg_type_d.h"
#include "chunk/tombstone.h"
#include "guc.h"
#include "miscadmin.h"
#include "utils/date.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* An old chunk, and where its rows went. */
typedef struct MergedChunk
{
	TsdbDirEntry entry;
	ItemPointerData *new_tids;	/* [entry.d.nrows], invalid = dead */
} MergedChunk;

/* Which row a gathered row was. */
typedef struct MergedRow
{
	int			chunk;			/* in group */
	uint32		row;
} MergedRow;

typedef struct Merge
{
	TsdbMover  *mover;
	Size		limit;
	TsdbColdChoice cold;
	/* the group in hand: chunks whose rows are in the column buffer */
	MergedChunk *group;
	int			ngroup;
	MergedRow  *rows;			/* [rows_size], by row of the column buffer */
	Size		rows_size;
	uint16		level;			/* highest of the group */
	int64		nlive;			/* rows read from it */
	int64		nwritten;		/* chunks, over all groups */
} Merge;

/* Earliest first; those without a time column, or without a time that is not NULL, come before. */
static int
compare_by_time(const void *a, const void *b)
{
	const TsdbDirEntry *ea = a;
	const TsdbDirEntry *eb = b;
	int			ta = (ea->d.flags & TSDB_DIR_TIME) != 0;
	int			tb = (eb->d.flags & TSDB_DIR_TIME) != 0;

	if (ta != tb)
		return ta - tb;
	if (ta && ea->d.time_min != eb->d.time_min)
		return ea->d.time_min < eb->d.time_min ? -1 : 1;
	return ea->change < eb->change ? -1 : (ea->change > eb->change ? 1 : 0);
}

static void
take_row(TsdbMover *mover, uint32 row, Datum *values, bool *isnull, void *arg)
{
	Merge	   *merge = arg;
	MemoryContext old_cxt = MemoryContextSwitchTo(mover->row_cxt);
	bool		appended = tsdb_column_buffer_append(mover->buf, values, isnull);

	MemoryContextSwitchTo(old_cxt);
	MemoryContextReset(mover->row_cxt);

	if (!appended)
	{
		/* a column added later, with a default too long for chunks */
		merge->group[merge->ngroup].new_tids[row] =
			tsdb_mover_insert_heap_row(mover, values, isnull, NULL);
		return;
	}
	if (mover->buf->nrows > merge->rows_size)
	{
		merge->rows_size = Max(merge->rows_size * 2, TSDB_CHUNK_MAX_ROWS);
		if (merge->rows == NULL)
			merge->rows = MemoryContextAllocHuge(mover->cxt, sizeof(MergedRow) * merge->rows_size);
		else
			merge->rows = repalloc_huge(merge->rows, sizeof(MergedRow) * merge->rows_size);
	}
	merge->rows[mover->buf->nrows - 1].chunk = merge->ngroup;
	merge->rows[mover->buf->nrows - 1].row = row;
}

/* Is a chunk to be encoded for size whose newest time is this value of the time column? */
static bool
is_cold(Merge *merge, AttrNumber time_attnum, int64 newest)
{
	int64		limit;

	if (merge->cold != TSDB_COLD_BY_AGE)
		return merge->cold == TSDB_COLD_ALL;
	if (tsdb_cold_after_min < 0 || time_attnum < 1)
		return false;
	limit = GetCurrentTransactionStartTimestamp() - tsdb_cold_after_min * USECS_PER_MINUTE;
	switch (getBaseType(TupleDescAttr(RelationGetDescr(merge->mover->rel), time_attnum - 1)->atttypid))
	{
		case TIMESTAMPTZOID:
		case TIMESTAMPOID:
			return newest < limit && !TIMESTAMP_NOT_FINITE(newest);
		case DATEOID:
			return !DATE_NOT_FINITE(newest) && newest < limit / USECS_PER_DAY - 1;
		default:
			return false;
	}
}

/* The same for rows that are going to be one. */
static bool
rows_are_cold(Merge *merge, AttrNumber time_attnum, const uint32 *perm, uint32 nrows)
{
	TsdbColumnBuffer *buf = merge->mover->buf;
	TsdbColumn *col;
	int64		newest = PG_INT64_MIN;
	uint32		i;

	if (merge->cold != TSDB_COLD_BY_AGE || time_attnum < 1)
		return is_cold(merge, time_attnum, 0);
	col = &buf->columns[buf->column_of_att[time_attnum - 1]];
	for (i = 0; col->typbyval && i < nrows; i++)
	{
		if (!col->nulls[perm[i]])
			newest = Max(newest, col->values[perm[i]]);
	}
	/* NULLs tell no age */
	return newest != PG_INT64_MIN && is_cold(merge, time_attnum, newest);
}

/*
 * Which of the entries, in order of time, would come out about as they went in?  Chunks at least half full without
 * deleted rows, sorted as they should be and as cold, whose time no other transaction's chunk shares.  (Chunks of one transaction were sorted together as
 * far as memory allowed.)  Rewriting them would only leave their old bytes for VACUUM.
 */
static bool *
find_good_chunks(Merge *merge, const TsdbDirEntry *entries, int nentries)
{
	TsdbMover  *mover = merge->mover;
	bool	   *good = MemoryContextAllocZero(mover->cxt, Max(nentries, 1) * sizeof(bool));
	int		   *next_other = MemoryContextAllocHuge(mover->cxt, sizeof(int) * Max(nentries, 1));
	uint32		sort_order = tsdb_options_sort_order(&mover->options);
	/* latest time so far, and that of all transactions but the one that it is of */
	TransactionId latest_xid = InvalidTransactionId;
	int64		latest = PG_INT64_MIN;
	int64		latest_other = PG_INT64_MIN;
	int			i;

	/* series that are chosen from a sample are not known before */
	if (mover->options.nseries == 0 && !mover->options.series_given)
		return good;
	for (i = nentries - 1; i >= 0; i--)
		next_other[i] = i + 1 == nentries ? nentries :
			entries[i + 1].xmin != entries[i].xmin ? i + 1 : next_other[i + 1];
	for (i = 0; i < nentries; i++)
	{
		const TsdbDirEntryDisk *d = &entries[i].d;
		bool		has_time = (d->flags & (TSDB_DIR_TIME | TSDB_DIR_TIME_NULLS)) == TSDB_DIR_TIME;
		int64		before = entries[i].xmin == latest_xid ? latest_other : latest;

		good[i] = has_time && d->sort_order == sort_order && d->mover_xid == 0 &&
			d->time_attnum == mover->options.time_attnum &&
			(d->nrows >= TSDB_CHUNK_MAX_ROWS / 2 || d->raw_bytes >= TSDB_CHUNK_MAX_RAW_BYTES / 2) &&
			((d->flags & TSDB_DIR_COLD) != 0) == is_cold(merge, d->time_attnum, d->time_max) &&
			before < d->time_min &&
			(next_other[i] == nentries || entries[next_other[i]].d.time_min > d->time_max) &&
			!tsdb_tombstones_exist(mover->store, &entries[i]);
		if (!has_time)
			continue;
		if (entries[i].xmin == latest_xid)
			latest = Max(latest, d->time_max);
		else if (d->time_max >= latest)
		{
			latest_other = Max(latest_other, latest);
			latest = d->time_max;
			latest_xid = entries[i].xmin;
		}
		else
			latest_other = Max(latest_other, d->time_max);
	}
	return good;
}

/* Writes the gathered rows as chunks and deletes the chunks that they came from. */
static void
finish_group(Merge *merge)
{
	TsdbMover  *mover = merge->mover;
	uint32		nrows = mover->buf->nrows;
	int			i;

	if (nrows > 0)
	{
		TsdbTableOptions options;
		TsdbChunkOrder order;
		uint32		first;
		uint32		n;

		(void) tsdb_mover_sort(mover, &options);
		order.time_attnum = options.time_attnum;
		order.nseries_columns = options.nseries;
		order.series_columns = options.series;
		for (first = 0; first < nrows; first += n)
		{
			const uint32 *perm = mover->perm + first;
			TsdbDirEntry entry;
			uint32		row;

			CHECK_FOR_INTERRUPTS();
			n = tsdb_chunk_rows_that_fit(mover->buf, perm, nrows - first, TSDB_CHUNK_MAX_ROWS);

			tsdb_chunk_writer_set_cold(mover->writer, rows_are_cold(merge, options.time_attnum, perm, n));
			memset(&entry, 0, sizeof(entry));
			entry.d.sort_order = tsdb_options_sort_order(&options);
			entry.d.level = Min(merge->level + 1, PG_UINT16_MAX);
			tsdb_chunk_write_to_store(mover->writer, mover->store, mover->buf, perm, n,
									  &order,
									  tsdb_mover_count_series(mover, &options, perm, n),
									  mover->cid, 0, &entry);
			tsdb_mover_index_chunk(mover, &entry, perm, NULL);
			for (row = 0; row < n; row++)
			{
				const MergedRow *from = &merge->rows[perm[row]];

				tsdb_row_tid(entry.d.first_vblock, row, &merge->group[from->chunk].new_tids[from->row]);
			}
			merge->nwritten++;
		}
	}

	for (i = 0; i < merge->ngroup; i++)
	{
		tsdb_mover_replace_chunk(mover, &merge->group[i].entry, merge->group[i].new_tids);
		pfree(merge->group[i].new_tids);
	}

	/* the others went to the row store, by heapam */
	tsdb_mover_count(mover, merge->nlive - nrows, merge->nlive);

	tsdb_column_buffer_reset(mover->buf, merge->limit);
	merge->ngroup = 0;
	merge->level = 0;
	merge->nlive = 0;
}

int64
tsdb_mover_recompress(Relation rel, TsdbColdChoice cold)
{
	TsdbMover  *mover = tsdb_mover_begin(rel, "tsdb.recompress()", true);
	Merge	   *merge = palloc0(sizeof(Merge));
	TsdbDirEntry *entries;
	bool	   *good;
	int			nentries;
	int64		nwritten;
	int			i;

	tsdb_mover_gather_begin(mover);
	entries = tsdb_directory_read(mover->store, GetActiveSnapshot(), &nentries);
	qsort(entries, nentries, sizeof(TsdbDirEntry), compare_by_time);

	merge->mover = mover;
	merge->cold = cold;
	merge->limit = tsdb_mover_gather_limit();
	good = find_good_chunks(merge, entries, nentries);
	merge->group = MemoryContextAllocHuge(mover->cxt, sizeof(MergedChunk) * Max(nentries, 1));

	for (i = 0; i < nentries; i++)
	{
		TsdbDirEntry *entry = &entries[i];
		MergedChunk *merged;
		Snapshot	snapshot;

		CHECK_FOR_INTERRUPTS();
		if (good[i])
			continue;
		if (merge->ngroup > 0 && mover->buf->bytes_used + entry->d.raw_bytes > merge->limit)
			finish_group(merge);

		if (!tsdb_chunk_lock(rel, entry->d.chunk_id, AccessExclusiveLock, true))
			continue;
		snapshot = tsdb_mover_look_at_chunk(mover, entry);

		/* rows that the calling statement deletes, or deleted since our transaction's snapshot: the chunk stays */
		if (snapshot == NULL || !tsdb_mover_sees_tombstones(mover, entry))
			continue;

		merged = &merge->group[merge->ngroup];
		merged->entry = *entry;
		merged->new_tids = MemoryContextAllocZero(mover->cxt, sizeof(ItemPointerData) * entry->d.nrows);
		merge->nlive += tsdb_mover_read_chunk(mover, entry, snapshot, take_row, merge);
		merge->ngroup++;
		merge->level = Max(merge->level, entry->d.level);
	}
	if (merge->ngroup > 0)
		finish_group(merge);

	nwritten = merge->nwritten;
	tsdb_mover_end(mover);
	return nwritten;
}
