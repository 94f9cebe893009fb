/*-------------------------------------------------------------------------
 * merge_plan.c
 *	  Which chunks are worth merging: levels, overlaps in time, small ones.
 *
 * Used by mover_merge.c.  Pure functions over directory entries.
 *
 * The unit is the slice: chunks whose rows were sorted together, and then cut.  What a load, a step of compressing or a
 * merge writes at once is one slice, or a row of them that touch in time but do not overlap.
 *
 * An overlap counts if it is a quarter of the shorter slice: rows that came a little late make slices of an ordered
 * table overlap at their ends, which costs queries next to nothing, and merging for it would never end.
 *
 * Rows of out-of-order loads are merged as in an LSM tree with tiers: four sorted runs or more become one of the next
 * level, as long as no single run has more than two thirds of the rows.  After each merge a row is in a run half as large again, at least.
 * A run here is a set of slices that do not overlap.  A lower level goes first, so that its many slices don't drag along
 * what has been merged before.
 *-------------------------------------------------------------------------
 */
#include "am/merge_plan.h"

#include <math.h>

#include "chunk/chunk_writer.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/* A group: one transaction's work, a few seconds of it. */
#define GROUP_MAX_CHUNKS		256
#define GROUP_MAX_ROWS			((uint64) 64 * TSDB_CHUNK_MAX_ROWS)
#define GROUP_MAX_RAW_BYTES		((uint64) 512 * 1024 * 1024)

/* sorted runs that are merged into one, and the rows that there must be */
#define MIN_RUNS				4
#define MIN_ROWS				TSDB_CHUNK_MAX_ROWS

/* a slice of an indexed table is small below this: merging must save many chunks for each new index entry */
#define TINY_ROWS				(TSDB_CHUNK_MAX_ROWS / 16)

/*-------------- slices --------------*/

static int
compare_entries(const void *a, const void *b)
{
	const TsdbDirEntry *ea = a;
	const TsdbDirEntry *eb = b;
	Oid			sa = tsdb_entry_slice(ea);
	Oid			sb = tsdb_entry_slice(eb);

	if (sa != sb)
		return sa < sb ? -1 : 1;
	return ea->change < eb->change ? -1 : (ea->change > eb->change ? 1 : 0);
}

static int
compare_slices(const void *a, const void *b)
{
	const TsdbMergeSlice *sa = a;
	const TsdbMergeSlice *sb = b;

	if (sa->has_time != sb->has_time)
		return sa->has_time ? 1 : -1;
	if (sa->has_time && sa->time_min != sb->time_min)
		return sa->time_min < sb->time_min ? -1 : 1;
	return sa->change < sb->change ? -1 : (sa->change > sb->change ? 1 : 0);
}

TsdbMergeSlice *
tsdb_merge_slices(TsdbDirEntry *entries, int nentries, AttrNumber time_attnum, int *nslices)
{
	TsdbMergeSlice *slices = palloc_extended(sizeof(TsdbMergeSlice) * Max(nentries, 1), MCXT_ALLOC_HUGE);
	int			n = 0;
	int			i;

	qsort(entries, nentries, sizeof(TsdbDirEntry), compare_entries);
	for (i = 0; i < nentries; i++)
	{
		const TsdbDirEntryDisk *d = &entries[i].d;
		bool		has_time = (d->flags & TSDB_DIR_TIME) != 0 && d->time_attnum == time_attnum;
		TsdbMergeSlice *slice;

		if (i > 0 && tsdb_entry_slice(&entries[i]) == tsdb_entry_slice(&entries[i - 1]))
		{
			slice = &slices[n - 1];
			slice->has_time = slice->has_time && has_time;
			slice->time_min = Min(slice->time_min, d->time_min);
			slice->time_max = Max(slice->time_max, d->time_max);
		}
		else
		{
			slice = &slices[n++];
			memset(slice, 0, sizeof(*slice));
			slice->first = i;
			slice->change = entries[i].change;
			slice->has_time = has_time;
			slice->time_min = d->time_min;
			slice->time_max = d->time_max;
		}
		slice->nchunks++;
		slice->nrows += d->nrows;
		slice->raw_bytes += d->raw_bytes;
		slice->level = Max(slice->level, d->level);
	}
	qsort(slices, n, sizeof(TsdbMergeSlice), compare_slices);
	*nslices = n;
	return slices;
}

void
tsdb_merge_group_init(TsdbMergeGroup *group, int nslices)
{
	group->slices = palloc(sizeof(int) * Max(Min(nslices, GROUP_MAX_CHUNKS), 1));
	group->nslices = 0;
	group->partial = false;
}

/* Sums over a group. */
typedef struct Size3
{
	int			nchunks;
	uint64		nrows;
	uint64		raw_bytes;
} Size3;

static void
add_slice(Size3 *size, const TsdbMergeSlice *slice)
{
	size->nchunks += slice->nchunks;
	size->nrows += slice->nrows;
	size->raw_bytes += slice->raw_bytes;
}

static bool
fits(const Size3 *size, const TsdbMergeSlice *slice)
{
	return size->nchunks + slice->nchunks <= GROUP_MAX_CHUNKS &&
		size->nrows + slice->nrows <= GROUP_MAX_ROWS &&
		size->raw_bytes + slice->raw_bytes <= GROUP_MAX_RAW_BYTES;
}

/*-------------- slices that overlap --------------*/

static double
span(int64 min, int64 max)
{
	return (double) ((uint64) max - (uint64) min);
}

/* Do they share a quarter of the shorter one's time? */
static bool
overlap(int64 amin, int64 amax, int64 bmin, int64 bmax)
{
	int64		min = Max(amin, bmin);
	int64		max = Min(amax, bmax);

	return max > min && span(min, max) * 4 >= Min(span(amin, amax), span(bmin, bmax));
}

#define slices_overlap(a, b) overlap((a)->time_min, (a)->time_max, (b)->time_min, (b)->time_max)

/*
 * Is merging these worth it?  Puts each slice, in order of time, into the run that ends last of those that it doesn't overlap, and
 * counts.
 */
static bool
runs_are_worth_it(const TsdbMergeRules *rules, const TsdbMergeSlice *slices, const int *members, int n)
{
	typedef struct Run
	{
		int			last;		/* slice */
		uint64		nrows;
	} Run;
	Run			runs[GROUP_MAX_CHUNKS];
	int			nruns = 0;
	uint64		nrows = 0;
	uint64		largest = 0;
	int			i,
				r;

	for (i = 0; i < n; i++)
	{
		const TsdbMergeSlice *slice = &slices[members[i]];
		int			best = -1;

		for (r = 0; r < nruns; r++)
		{
			if (!slices_overlap(&slices[runs[r].last], slice) &&
				slices[runs[r].last].time_max <= slice->time_max &&
				(best < 0 || slices[runs[r].last].time_max > slices[runs[best].last].time_max))
				best = r;
		}
		if (best < 0)
		{
			best = nruns++;
			runs[best].nrows = 0;
		}
		runs[best].last = members[i];
		runs[best].nrows += slice->nrows;
		nrows += slice->nrows;
	}
	for (r = 0; r < nruns; r++)
		largest = Max(largest, runs[r].nrows);

	if (rules->force)
		return nruns >= 2;
	return nruns >= MIN_RUNS && nrows >= MIN_ROWS && (nrows - largest) * 3 >= nrows;
}

#define is_candidate(slice, level) \
	((slice)->has_time && !(slice)->left && (slice)->level <= (level) && (slice)->level < TSDB_MERGE_MAX_LEVEL)

/*
 * A group that is only a part of the slices that overlap it is cut where it overlaps the fewest of the others: after a merge into
 * ranges of time those are the ranges' ends.  At least half of the group stays.
 */
static void
trim(const TsdbMergeSlice *slices, int nslices, uint16 level, TsdbMergeGroup *group)
{
	int			best = group->nslices;
	int			best_cross = PG_INT32_MAX;
	int			n;

	for (n = group->nslices; n >= Max(group->nslices / 2, 2); n--)
	{
		int			after = group->slices[n - 1] + 1;
		int			cross = 0;
		int			i,
					k;

		CHECK_FOR_INTERRUPTS();
		for (i = after; i < nslices && cross < best_cross; i++)
		{
			if (!is_candidate(&slices[i], level))
				continue;
			for (k = 0; k < n && !slices_overlap(&slices[group->slices[k]], &slices[i]); k++)
				;
			if (k < n)
				cross++;
		}
		if (cross < best_cross)
		{
			best = n;
			best_cross = cross;
		}
		if (cross == 0)
			break;
	}
	group->nslices = best;
}

/* The slices of at most this level that overlap slice "start", or one another, as many as fit. */
static void
gather_overlapping(const TsdbMergeSlice *slices, int nslices, uint16 level, int start, TsdbMergeGroup *group)
{
	Size3		size = {0};
	int64		end = slices[start].time_max;
	int			i;

	group->nslices = 0;
	group->partial = false;
	if (!fits(&size, &slices[start]))
		return;
	group->slices[group->nslices++] = start;
	add_slice(&size, &slices[start]);
	for (i = start + 1; i < nslices && slices[i].time_min < end; i++)
	{
		int			k;

		if (!is_candidate(&slices[i], level))
			continue;
		for (k = 0; k < group->nslices && !slices_overlap(&slices[group->slices[k]], &slices[i]); k++)
			;
		if (k == group->nslices)
			continue;
		if (!fits(&size, &slices[i]))
		{
			group->partial = true;
			break;
		}
		group->slices[group->nslices++] = i;
		add_slice(&size, &slices[i]);
		end = Max(end, slices[i].time_max);
	}
}

static bool
pick_overlapping(const TsdbMergeRules *rules, const TsdbMergeSlice *slices, int nslices, TsdbMergeGroup *group)
{
	uint16		highest = 0;
	uint16		level;
	int			i;

	for (i = 0; i < nslices; i++)
		highest = Max(highest, slices[i].level);

	for (level = 0; level <= Min(highest, TSDB_MERGE_MAX_LEVEL); level++)
	{
		for (i = 0; i < nslices; i++)
		{
			CHECK_FOR_INTERRUPTS();
			if (!is_candidate(&slices[i], level))
				continue;
			gather_overlapping(slices, nslices, level, i, group);
			if (group->nslices < 2 || !runs_are_worth_it(rules, slices, group->slices, group->nslices))
				continue;
			if (group->partial)
				trim(slices, nslices, level, group);
			return true;
		}
	}
	return false;
}

/*-------------- small slices --------------*/

static bool
is_small(const TsdbMergeRules *rules, const TsdbMergeSlice *slice)
{
	if (slice->left)
		return false;
	if (rules->indexed && !rules->force)
		return slice->nrows < TINY_ROWS && slice->raw_bytes < TSDB_CHUNK_MAX_RAW_BYTES / 16;
	return slice->nrows < TSDB_CHUNK_MAX_ROWS / 2 && slice->raw_bytes < TSDB_CHUNK_MAX_RAW_BYTES / 2;
}

/*
 * How many of these small slices, from the first on, fill chunks well; 0: none do.  As many chunks as can be.  If more slices
 * may come they must be full to seven eighths: four chunks or fewer always can, since a slice is less than half of one.
 */
static int
well_filling(const TsdbMergeRules *rules, const TsdbMergeSlice *slices, const int *members, int n, bool more)
{
	double		share = more ? 0.875 : 0.5;
	Size3		size = {0};
	int			best = 0;
	int			i;

	for (i = 0; i < n; i++)
	{
		double		chunks;

		add_slice(&size, &slices[members[i]]);
		chunks = Max((double) size.nrows / TSDB_CHUNK_MAX_ROWS, (double) size.raw_bytes / TSDB_CHUNK_MAX_RAW_BYTES);
		if (i > 0 && chunks >= share * ceil(chunks))
			best = i + 1;
	}
	if (best == 0 && n >= 2 && (rules->force || n == GROUP_MAX_CHUNKS))
		best = n;
	return best;
}

/*
 * Small slices that follow one another in time, or of loads where time is not known.  Not over a larger one that lies between: the
 * new chunk would overlap it.
 */
static bool
pick_small(const TsdbMergeRules *rules, const TsdbMergeSlice *slices, int nslices, TsdbMergeGroup *group)
{
	Size3		size = {0};
	const TsdbMergeSlice *between = NULL;	/* a larger one behind those gathered */
	int64		min = 0;
	int64		max = 0;
	int			i;

	group->partial = false;
	group->nslices = 0;
	for (i = 0; i <= nslices; i++)
	{
		const TsdbMergeSlice *slice = &slices[i];
		bool		ends;

		CHECK_FOR_INTERRUPTS();
		if (i < nslices && !is_small(rules, slice))
		{
			if (group->nslices > 0 && slice->has_time && !overlap(min, max, slice->time_min, slice->time_max) &&
				(between == NULL || slice->time_max < between->time_max))
				between = slice;
			continue;
		}
		ends = i == nslices || group->nslices == GROUP_MAX_CHUNKS ||
			(group->nslices > 0 &&
			 (slice->has_time != slices[group->slices[0]].has_time ||
			  size.raw_bytes + slice->raw_bytes > Max(rules->memory, TSDB_CHUNK_MAX_RAW_BYTES) ||
			  (between != NULL && slice->time_min >= between->time_min &&
			   !overlap(slice->time_min, slice->time_max, between->time_min, between->time_max))));
		if (ends)
		{
			int			n = well_filling(rules, slices, group->slices, group->nslices, i == nslices);

			if (n > 0)
			{
				group->nslices = n;
				return true;
			}
			group->nslices = 0;
			memset(&size, 0, sizeof(size));
			between = NULL;
		}
		if (i == nslices)
			break;
		if (group->nslices == 0)
		{
			min = slice->time_min;
			max = slice->time_max;
		}
		group->slices[group->nslices++] = i;
		add_slice(&size, slice);
		min = Min(min, slice->time_min);
		max = Max(max, slice->time_max);
	}
	return false;
}

bool
tsdb_merge_pick(const TsdbMergeRules *rules, const TsdbMergeSlice *slices, int nslices, TsdbMergeGroup *group)
{
	if ((!rules->indexed || rules->force) && pick_overlapping(rules, slices, nslices, group))
		return true;
	return pick_small(rules, slices, nslices, group);
}
