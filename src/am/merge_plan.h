/*-------------------------------------------------------------------------
 * merge_plan.h
 *	  Which chunks are worth merging: levels, overlaps in time, small ones.
 *
 * Inside am/: mover_merge.c.  README.md, "Levels", has the rules and what they cost.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_MERGE_PLAN_H
#define TSDB_MERGE_PLAN_H

#include "chunk/directory.h"

/* Chunks that were sorted together: merged together, or not at all. */
typedef struct TsdbMergeSlice
{
	int			first;			/* its chunks are entries[first .. first + nchunks - 1] */
	int			nchunks;
	uint64		nrows;
	uint64		raw_bytes;
	uint16		level;			/* highest of its chunks */
	uint32		change;			/* of the first */
	bool		has_time;		/* time_min and time_max are of the table's time column, over rows whose time is not NULL */
	int64		time_min;
	int64		time_max;
	bool		left;			/* by the caller: not to be picked */
} TsdbMergeSlice;

typedef struct TsdbMergeRules
{
	Size		memory;			/* raw bytes that can be sorted at once */
	bool		indexed;		/* each merged row costs index entries */
	bool		force;
} TsdbMergeRules;

typedef struct TsdbMergeGroup
{
	int		   *slices;			/* [nslices], indexes, in order of time */
	int			nslices;
	bool		partial;		/* others that overlap these were too many for one group */
} TsdbMergeGroup;

/*
 * Brings the chunks of each slice together in "entries" and returns the slices: those without time first, by change
 * number, then by time.
 */
extern TsdbMergeSlice *tsdb_merge_slices(TsdbDirEntry *entries, int nentries, AttrNumber time_attnum, int *nslices);

/* Room for any group of nslices slices. */
extern void tsdb_merge_group_init(TsdbMergeGroup *group, int nslices);

/* A group of at least two slices that overlap, or else of small ones; false: there is none. */
extern bool tsdb_merge_pick(const TsdbMergeRules *rules, const TsdbMergeSlice *slices, int nslices, TsdbMergeGroup *group);

/* Chunks of this level are not merged for their overlaps any more, so that merging ends whatever the rows are. */
#define TSDB_MERGE_MAX_LEVEL	15

#endif							/* TSDB_MERGE_PLAN_H */
