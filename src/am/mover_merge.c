/*-------------------------------------------------------------------------
 * mover_merge.c
 *	  Merges and re-encodes chunks: fewer, larger ones, sorted, without dead rows.
 *
 * Used by tsdb.recompress, tsdb.merge and workers.  Recompress takes all chunks that are not good, in order of time, as many at once as fit
 * write_buffer; their rows are sorted by (series, time) together and cut into new chunks: a slice.
 * A merge step takes one group of chunks that merge_plan.c finds worth it, or chunks that have become cold or have many dead rows.  What is
 * read often is spared from becoming cold, if the caller wants that: the index of chunks counts.  A group may be
 * larger than memory: then its rows become several slices that follow one another in time.  The old chunks are read again for
 * each slice, and only rows of its range are taken.  Reading is cheap (0.4 ms for 65,536 rows of 12 columns), writing is not.
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
#include "am/merge_plan.h"
#include "am/mover_common.h"
#include "catalog/pg_type_d.h"
#include "chunk/tombstone.h"
#include "guc.h"
#include "index/chunk_index.h"
#include "injection.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
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
	Size		limit;			/* bytes of rows that are sorted at once */
	TsdbColdChoice cold;
	bool		keep_cold;		/* rows that are mostly cold stay so */
	bool		by_reads;		/* what is read often does not become cold by its age */
	const TsdbChunkReads *reads;	/* [entries] of the directory, in its order; NULL: not asked for yet, or unknown */
	bool		spared;			/* the group in hand is read too often */
	/* the group in hand */
	MergedChunk *group;
	int			ngroup;
	int			reading;		/* chunk of the group whose rows are being taken */
	uint16		level;			/* highest of the group */
	int64		nlive;			/* rows read from it */
	int64		ngathered;		/* rows of it that got into chunks */
	/* the slice in hand: rows that are in the column buffer */
	MergedRow  *rows;			/* [rows_size], by row of the column buffer */
	Size		rows_size;
	uint32		ncold;			/* those that come from cold chunks */
	/* over all groups */
	int64		nwritten;		/* chunks */
	int64		rows_written;
	int64		bytes_written;
} Merge;

static void write_slice(Merge *merge);

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
		merge->group[merge->reading].new_tids[row] =
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
	merge->rows[mover->buf->nrows - 1].chunk = merge->reading;
	merge->rows[mover->buf->nrows - 1].row = row;
	if ((merge->group[merge->reading].entry.d.flags & TSDB_DIR_COLD) != 0)
		merge->ncold++;

	/* more rows of one range of time than were foreseen: they all have the same */
	if (mover->buf->bytes_used > Max(merge->limit, TSDB_CHUNK_MAX_RAW_BYTES) * 2)
		write_slice(merge);
}

/* Is a chunk whose newest time is this value of the time column older than so many times tsdb_am.cold_after? */
static bool
is_old(Merge *merge, AttrNumber time_attnum, int64 newest, int times)
{
	int64		limit;

	if (tsdb_cold_after_min < 0 || time_attnum < 1)
		return false;
	limit = GetCurrentTransactionStartTimestamp() - tsdb_cold_after_min * USECS_PER_MINUTE * times;
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

/* Is it to be encoded for size? */
static bool
is_cold(Merge *merge, AttrNumber time_attnum, int64 newest)
{
	if (merge->cold != TSDB_COLD_BY_AGE)
		return merge->cold == TSDB_COLD_ALL;
	return !merge->spared && is_old(merge, time_attnum, newest, 1);
}

/* The same for rows that are going to be one. */
static bool
rows_are_cold(Merge *merge, AttrNumber time_attnum, const uint32 *perm, uint32 nrows)
{
	TsdbColumnBuffer *buf = merge->mover->buf;
	TsdbColumn *col;
	int64		newest = PG_INT64_MIN;
	uint32		i;

	if (merge->cold == TSDB_COLD_BY_AGE && merge->keep_cold && merge->ncold > buf->nrows / 2)
		return true;
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
 * deleted rows, sorted as they should be and as cold, whose time no other slice's chunk shares.  Rewriting them would only leave their old bytes for
 * VACUUM.
 */
static bool *
find_good_chunks(Merge *merge, const TsdbDirEntry *entries, int nentries)
{
	TsdbMover  *mover = merge->mover;
	bool	   *good = MemoryContextAllocZero(mover->cxt, Max(nentries, 1) * sizeof(bool));
	int		   *next_other = MemoryContextAllocHuge(mover->cxt, sizeof(int) * Max(nentries, 1));
	uint32		sort_order = tsdb_options_sort_order(&mover->options);
	/* latest time so far, and that of all slices but the one that it is of */
	Oid			latest_slice = InvalidOid;
	int64		latest = PG_INT64_MIN;
	int64		latest_other = PG_INT64_MIN;
	int			i;

	/* series that are chosen from a sample are not known before */
	if (mover->options.nseries == 0 && !mover->options.series_given)
		return good;
	for (i = nentries - 1; i >= 0; i--)
		next_other[i] = i + 1 == nentries ? nentries :
			tsdb_entry_slice(&entries[i + 1]) != tsdb_entry_slice(&entries[i]) ? i + 1 : next_other[i + 1];
	for (i = 0; i < nentries; i++)
	{
		const TsdbDirEntryDisk *d = &entries[i].d;
		bool		has_time = (d->flags & (TSDB_DIR_TIME | TSDB_DIR_TIME_NULLS)) == TSDB_DIR_TIME;
		Oid			slice = tsdb_entry_slice(&entries[i]);
		int64		before = slice == latest_slice ? latest_other : latest;

		good[i] = has_time && d->sort_order == sort_order && d->mover_xid == 0 &&
			d->time_attnum == mover->options.time_attnum &&
			(d->nrows >= TSDB_CHUNK_MAX_ROWS / 2 || d->raw_bytes >= TSDB_CHUNK_MAX_RAW_BYTES / 2) &&
			((d->flags & TSDB_DIR_COLD) != 0) == is_cold(merge, d->time_attnum, d->time_max) &&
			before <= d->time_min &&
			(next_other[i] == nentries || entries[next_other[i]].d.time_min >= d->time_max) &&
			!tsdb_tombstones_exist(mover->store, &entries[i]);
		if (!has_time)
			continue;
		if (slice == latest_slice)
			latest = Max(latest, d->time_max);
		else if (d->time_max >= latest)
		{
			latest_other = Max(latest_other, latest);
			latest = d->time_max;
			latest_slice = slice;
		}
		else
			latest_other = Max(latest_other, d->time_max);
	}
	return good;
}

/* Writes the gathered rows as chunks. */
static void
write_slice(Merge *merge)
{
	TsdbMover  *mover = merge->mover;
	uint32		nrows = mover->buf->nrows;
	TsdbTableOptions options;
	TsdbChunkOrder order;
	Oid			slice = InvalidOid;
	uint32		first;
	uint32		n;

	if (nrows == 0)
		return;

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
		n = tsdb_chunk_rows_that_fit(mover->buf, perm, nrows - first, tsdb_chunk_even_part(nrows - first));

		tsdb_chunk_writer_set_cold(mover->writer, rows_are_cold(merge, options.time_attnum, perm, n));
		memset(&entry, 0, sizeof(entry));
		entry.d.sort_order = tsdb_options_sort_order(&options);
		entry.d.level = Min(merge->level + 1, PG_UINT16_MAX);
		entry.d.slice = slice;
		tsdb_chunk_write_to_store(mover->writer, mover->store, mover->buf, perm, n,
								  &order,
								  tsdb_mover_count_series(mover, &options, perm, n),
								  mover->cid, 0, &entry);
		slice = tsdb_entry_slice(&entry);
		tsdb_mover_index_chunk(mover, &entry, perm, NULL);
		for (row = 0; row < n; row++)
		{
			const MergedRow *from = &merge->rows[perm[row]];

			tsdb_row_tid(entry.d.first_vblock, row, &merge->group[from->chunk].new_tids[from->row]);
		}
		merge->nwritten++;
		merge->bytes_written += entry.d.stored_bytes;
	}
	TSDB_INJECT("merge-written");
	merge->rows_written += nrows;
	merge->ngathered += nrows;
	merge->ncold = 0;
	tsdb_column_buffer_reset(mover->buf, merge->limit);
}

/* Adds a chunk to the group, if it may be merged now: it is there, nobody uses it, and all see which of its rows are dead. */
static bool
take_chunk(Merge *merge, TsdbDirEntry *entry)
{
	TsdbMover  *mover = merge->mover;
	MergedChunk *merged = &merge->group[merge->ngroup];

	if (!tsdb_chunk_lock(mover->rel, entry->d.chunk_id, AccessExclusiveLock, true))
		return false;

	/* rows that the calling statement deletes, or deleted since our transaction's snapshot: the chunk stays */
	if (tsdb_mover_look_at_chunk(mover, entry) == NULL || !tsdb_mover_sees_tombstones(mover, entry))
		return false;

	merged->entry = *entry;
	merged->new_tids = MemoryContextAllocZero(mover->cxt, sizeof(ItemPointerData) * entry->d.nrows);
	merge->ngroup++;
	merge->level = Max(merge->level, entry->d.level);
	return true;
}

/* Takes the rows of a chunk of the group. */
static void
read_chunk(Merge *merge, int i, const TsdbMoverRange *range)
{
	merge->reading = i;
	merge->nlive += tsdb_mover_read_chunk(merge->mover, &merge->group[i].entry, GetActiveSnapshot(), range,
										  take_row, merge);
}

/* Deletes the chunks of the group, whose rows have been written elsewhere. */
static void
replace_group(Merge *merge)
{
	TsdbMover  *mover = merge->mover;
	int			i;

	for (i = 0; i < merge->ngroup; i++)
	{
		tsdb_mover_replace_chunk(mover, &merge->group[i].entry, merge->group[i].new_tids);
		TSDB_INJECT("merge-replaced");
		pfree(merge->group[i].new_tids);
	}

	/* the others went to the row store, by heapam */
	tsdb_mover_count(mover, merge->nlive - merge->ngathered, merge->nlive);

	merge->ngroup = 0;
	merge->level = 0;
	merge->nlive = 0;
	merge->ngathered = 0;
}

static Merge *
merge_begin(TsdbMover *mover, TsdbColdChoice cold, Size limit, int nentries)
{
	Merge	   *merge = palloc0(sizeof(Merge));

	tsdb_mover_gather_begin(mover, false);
	merge->mover = mover;
	merge->cold = cold;
	merge->limit = limit;
	merge->group = MemoryContextAllocHuge(mover->cxt, sizeof(MergedChunk) * Max(nentries, 1));
	return merge;
}

int64
tsdb_mover_recompress(Relation rel, TsdbColdChoice cold)
{
	TsdbMover  *mover = tsdb_mover_begin(rel, "tsdb.recompress()", true);
	int			nentries;
	TsdbDirEntry *entries = tsdb_directory_read(mover->store, GetActiveSnapshot(), &nentries);
	Merge	   *merge = merge_begin(mover, cold, tsdb_mover_gather_limit(), nentries);
	bool	   *good;
	int64		nwritten;
	int			i;

	qsort(entries, nentries, sizeof(TsdbDirEntry), compare_by_time);
	good = find_good_chunks(merge, entries, nentries);

	for (i = 0; i < nentries; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (good[i])
			continue;
		if (merge->ngroup > 0 && mover->buf->bytes_used + entries[i].d.raw_bytes > merge->limit)
		{
			write_slice(merge);
			replace_group(merge);
		}
		if (take_chunk(merge, &entries[i]))
			read_chunk(merge, merge->ngroup - 1, NULL);
	}
	write_slice(merge);
	replace_group(merge);

	nwritten = merge->nwritten;
	tsdb_mover_end(mover);
	return nwritten;
}

/*-------------- steps --------------*/

/* A slice is worth rewriting if of any of its chunks more than one in so many rows is dead; the second, if rows have index entries. */
#define DEAD_SHARE			10
#define DEAD_SHARE_INDEXED	2

/* One row in so many is looked at to find where to cut slices. */
#define SAMPLE_STEP			16

static int
compare_times(const void *a, const void *b)
{
	int64		ta = *(const int64 *) a;
	int64		tb = *(const int64 *) b;

	return ta < tb ? -1 : (ta > tb ? 1 : 0);
}

/* The number in (low, high] with the most zeros at its end. */
static int64
roundest(int64 low, int64 high)
{
	uint64		sign = UINT64CONST(1) << 63;
	uint64		from = (uint64) low ^ sign;
	uint64		to = (uint64) high ^ sign;

	if (from >= to)
		return high;
	/* both agree above the highest bit in which they differ, and there "to" has the 1 */
	to &= ~((UINT64CONST(1) << pg_leftmost_one_pos64(from ^ to)) - 1);
	return (int64) (to ^ sign);
}

/*
 * Times at which the group's rows are cut into slices, rising; returns their number.  If other chunks share the group's times, cuts are made
 * at round times, so that the slices of other groups are cut there too, and the next level's merges
 * find slices that end together.  Else slices are as large as may be.
 */
static int
find_cuts(Merge *merge, bool partial, int64 **cuts)
{
	TsdbMover  *mover = merge->mover;
	Size		raw_bytes = 0;
	Size		nrows = 0;
	uint32		ntimes = 0;
	int64	   *times;
	int			nslices;
	int			ncuts = 0;
	uint32		from = 0;
	int			i;

	*cuts = NULL;
	for (i = 0; i < merge->ngroup; i++)
	{
		const TsdbDirEntryDisk *d = &merge->group[i].entry.d;

		if ((d->flags & TSDB_DIR_TIME) == 0 || d->time_attnum != mover->options.time_attnum)
			return 0;
		raw_bytes += d->raw_bytes;
		nrows += d->nrows;
	}
	nslices = (int) ((raw_bytes + merge->limit - 1) / merge->limit);
	if (nslices < 2)
		return 0;

	/* each vector gives one more than its share, at most */
	times = MemoryContextAllocHuge(mover->cxt, sizeof(int64) * (nrows / SAMPLE_STEP + merge->ngroup * (TSDB_CHUNK_MAX_ROWS / TSDB_VECTOR_ROWS + 1)));
	for (i = 0; i < merge->ngroup; i++)
		ntimes += tsdb_mover_sample_times(mover, &merge->group[i].entry, GetActiveSnapshot(),
										  mover->options.time_attnum, SAMPLE_STEP, times + ntimes);
	qsort(times, ntimes, sizeof(int64), compare_times);

	*cuts = MemoryContextAllocHuge(mover->cxt, sizeof(int64) * (nslices * 2 + 1));
	while (ncuts < nslices * 2)
	{
		/* so many sampled rows to a slice */
		uint32		want = partial ? Max(ntimes / nslices, 1) : Max((ntimes - from + nslices - ncuts - 1) / Max(nslices - ncuts, 1), 1);
		int64		low;
		uint32		high;
		int64		cut;

		if (ntimes - from <= want)
			break;
		low = times[from + want - want / 4 - 1];
		if (ncuts > 0)
			low = Max(low, (*cuts)[ncuts - 1]);
		/* a time that very many rows have is not cut */
		for (high = from + want; high < ntimes && times[high] <= low; high++)
			;
		if (high == ntimes)
			break;
		cut = partial ? roundest(low, times[high]) : times[high];
		while (times[from] < cut)
			from++;
		(*cuts)[ncuts++] = cut;
	}
	pfree(times);
	return ncuts;
}

/* Writes the group's rows anew, in slices, and replaces its chunks. */
static void
merge_group(Merge *merge, bool partial)
{
	int64	   *cuts;
	int			ncuts = find_cuts(merge, partial, &cuts);
	int			s;

	for (s = 0; s <= ncuts; s++)
	{
		TsdbMoverRange range;
		int			i;

		range.time_attnum = merge->mover->options.time_attnum;
		range.has_from = s > 0;
		range.has_before = s < ncuts;
		range.from = range.has_from ? cuts[s - 1] : 0;
		range.before = range.has_before ? cuts[s] : 0;
		for (i = 0; i < merge->ngroup; i++)
		{
			const TsdbDirEntryDisk *d = &merge->group[i].entry.d;

			if (range.has_before && d->time_min >= range.before)
				continue;
			if (range.has_from && d->time_max < range.from &&
				(range.has_before || (d->flags & TSDB_DIR_TIME_NULLS) == 0))
				continue;
			read_chunk(merge, i, ncuts > 0 ? &range : NULL);
		}
		write_slice(merge);
	}
	replace_group(merge);
}

/* A slice this many times as old as it must be becomes cold although it is read oftener, by the second factor. */
#define VERY_OLD			4
#define VERY_OLD_READS		3

/* How often the most often read chunk of a slice is read; 0 if nobody counts. */
static double
slice_reads(Merge *merge, const TsdbDirEntry *entries, int nentries, const TsdbMergeSlice *slice)
{
	double		most = 0;
	int			k;

	if (merge->reads == NULL)
	{
		merge->reads = tsdb_chunk_index_reads(merge->mover->store, entries, nentries);
		if (merge->reads == NULL)
		{
			merge->by_reads = false;
			return 0;
		}
	}
	for (k = 0; k < slice->nchunks; k++)
		most = Max(most, merge->reads[slice->first + k].a_day);
	return most;
}

/*
 * Is a slice that is old enough to become cold read too often for it?  What has come into the index, or the server that has
 * been started, lately counts as read (TSDB_IX_READS_NEW), so that nothing becomes cold because its readers are not known yet: not for a
 * day, or a quarter of one if it is very old.
 */
static bool
is_spared(Merge *merge, const TsdbMergeSlice *slice, double reads)
{
	if (!merge->by_reads)
		return false;
	return reads >= tsdb_cold_reads *
		(is_old(merge, merge->mover->options.time_attnum, slice->time_max, VERY_OLD) ? VERY_OLD_READS : 1);
}

/* Sets merge->spared for a group that is old enough to become cold. */
static void
look_at_reads(Merge *merge, const TsdbDirEntry *entries, int nentries, const TsdbMergeSlice *slices, const TsdbMergeGroup *group)
{
	int			i;

	merge->spared = false;
	for (i = 0; i < group->nslices && merge->by_reads && merge->cold == TSDB_COLD_BY_AGE; i++)
	{
		const TsdbMergeSlice *slice = &slices[group->slices[i]];

		if (slice->has_time && is_old(merge, merge->mover->options.time_attnum, slice->time_max, 1) &&
			is_spared(merge, slice, slice_reads(merge, entries, nentries, slice)))
			merge->spared = true;
	}
}

/*
 * A slice that is to be encoded for size, or no more, and is not; or -1.  By reads: the one that is read least, of equal ones the oldest.
 * Sets merge->cold.
 */
static int
pick_cold(Merge *merge, const TsdbDirEntry *entries, int nentries, const TsdbMergeSlice *slices, int nslices)
{
	int			best = -1;
	double		best_reads = 0;
	int			i,
				k;

	merge->spared = false;
	for (i = 0; i < nslices; i++)
	{
		const TsdbMergeSlice *slice = &slices[i];
		bool		cold;

		if (slice->left || (merge->cold == TSDB_COLD_BY_AGE && !slice->has_time))
			continue;
		cold = is_cold(merge, merge->mover->options.time_attnum, slice->time_max);
		if (!cold && merge->cold == TSDB_COLD_BY_AGE)
			continue;
		for (k = 0; k < slice->nchunks; k++)
		{
			if (((entries[slice->first + k].d.flags & TSDB_DIR_COLD) != 0) != cold)
				break;
		}
		if (k == slice->nchunks)
			continue;
		if (merge->cold == TSDB_COLD_BY_AGE && merge->by_reads)
		{
			double		reads = slice_reads(merge, entries, nentries, slice);

			if (is_spared(merge, slice, reads))
				continue;
			if (merge->by_reads)
			{
				if (best < 0 || reads < best_reads)
				{
					best = i;
					best_reads = reads;
				}
				continue;
			}
		}
		merge->cold = cold ? TSDB_COLD_ALL : TSDB_COLD_NONE;
		return i;
	}
	if (best >= 0)
		merge->cold = TSDB_COLD_ALL;
	return best;
}

/* A slice with many dead rows, or -1. */
static int
pick_dead(Merge *merge, const TsdbDirEntry *entries, const TsdbMergeSlice *slices, int nslices, bool indexed)
{
	int			i,
				k;

	for (i = 0; i < nslices; i++)
	{
		const TsdbMergeSlice *slice = &slices[i];

		CHECK_FOR_INTERRUPTS();
		for (k = 0; k < slice->nchunks && !slice->left; k++)
		{
			const TsdbDirEntry *entry = &entries[slice->first + k];
			uint32		ndead = tsdb_tombstones_count(merge->mover->store, entry, GetActiveSnapshot());

			if (ndead > entry->d.nrows / (indexed ? DEAD_SHARE_INDEXED : DEAD_SHARE))
				return i;
		}
	}
	return -1;
}

/* Takes all chunks of the group's slices; false, and none, if one can't be: its slice is left. */
static bool
take_group(Merge *merge, TsdbDirEntry *entries, TsdbMergeSlice *slices, const TsdbMergeGroup *group)
{
	int			i,
				k;

	for (i = 0; i < group->nslices; i++)
	{
		TsdbMergeSlice *slice = &slices[group->slices[i]];

		for (k = 0; k < slice->nchunks && !slice->left; k++)
			slice->left = !take_chunk(merge, &entries[slice->first + k]);
		if (slice->left)
		{
			for (k = 0; k < merge->ngroup; k++)
				pfree(merge->group[k].new_tids);
			merge->ngroup = 0;
			merge->level = 0;
			return false;
		}
	}
	return true;
}

bool
tsdb_mover_merge_step(Relation rel, TsdbMergeStep *step)
{
	TsdbMover  *mover = tsdb_mover_begin(rel, "tsdb.merge()", false);
	Merge	   *merge;
	TsdbMergeRules rules;
	TsdbDirEntry *entries;
	TsdbMergeSlice *slices;
	TsdbMergeGroup group;
	int			nentries;
	int			nslices;
	bool		merged = false;
	int			i;

	step->busy = mover == NULL;
	step->chunks_read = 0;
	step->chunks_written = 0;
	step->rows = 0;
	step->bytes_read = 0;
	step->bytes_written = 0;
	if (mover == NULL)
		return false;

	entries = tsdb_directory_read(mover->store, GetActiveSnapshot(), &nentries);
	slices = tsdb_merge_slices(entries, nentries, mover->options.time_attnum, &nslices);
	tsdb_merge_group_init(&group, nslices);
	rules.memory = Max(tsdb_mover_gather_limit(), TSDB_CHUNK_MAX_RAW_BYTES);
	rules.indexed = mover->indexer.nindexes > 0;
	rules.force = step->force;
	merge = merge_begin(mover, step->cold, rules.memory, nentries);
	merge->keep_cold = true;
	merge->by_reads = step->spare_read && tsdb_cold_reads >= 0;

	while (!merged)
	{
		if (!tsdb_merge_pick(&rules, slices, nslices, &group))
		{
			group.partial = false;
			group.nslices = 1;
			group.slices[0] = pick_cold(merge, entries, nentries, slices, nslices);
			if (group.slices[0] < 0)
				group.slices[0] = pick_dead(merge, entries, slices, nslices, rules.indexed && !rules.force);
			if (group.slices[0] < 0)
				break;
		}
		merged = take_group(merge, entries, slices, &group);
		if (!merged)
			merge->cold = step->cold;
	}

	if (merged)
	{
		step->chunks_read = merge->ngroup;
		for (i = 0; i < merge->ngroup; i++)
			step->bytes_read += merge->group[i].entry.d.stored_bytes;
		look_at_reads(merge, entries, nentries, slices, &group);
		merge_group(merge, group.partial);
		step->chunks_written = (int) merge->nwritten;
		step->rows = merge->rows_written;
		step->bytes_written = merge->bytes_written;
	}
	tsdb_mover_end(mover);
	return merged;
}

int64
tsdb_mover_merge(Relation rel, TsdbColdChoice cold, bool force)
{
	TsdbMergeStep step = {0};
	TsdbStore  *store;
	int64		nwritten = 0;

	/* steps don't wait; in the order of locks */
	store = tsdb_store_open(rel, RowExclusiveLock);
	if (store != NULL)
	{
		tsdb_maintenance_lock(rel, false);
		tsdb_store_close(store);
	}

	step.cold = cold;
	step.force = force;
	while (tsdb_mover_merge_step(rel, &step))
		nwritten += step.chunks_written;
	return nwritten;
}
