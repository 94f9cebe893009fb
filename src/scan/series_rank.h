/*-------------------------------------------------------------------------
 * series_rank.h
 *	  At which place among all series does a row's series come?
 *
 * Series columns are ranked one by one: the values that occur, in chunks and in the row store, are sorted once, and numbered.  A row's
 * rank is the numbers of its columns, the first column's the most significant: rows in order of ranks are in order of the
 * columns, and to compare two rows needs no comparison of texts.
 *
 * What a chunk has is told by its dictionary (series_cache.c), or the range of an integer column, so that a chunk need not be
 * decoded, as a rule not even opened, to know the least rank that it may hold.
 */
#ifndef TSDB_SERIES_RANK_H
#define TSDB_SERIES_RANK_H

#include "chunk/chunk_reader.h"

#include "executor/tuptable.h"
#include "nodes/pg_list.h"

typedef struct TsdbSeriesRank TsdbSeriesRank;

/* What is known of an open chunk. */
typedef struct TsdbChunkRanks TsdbChunkRanks;

/* Columns, ordering operators, collations, and whether NULLs come first; lives in cxt. */
extern TsdbSeriesRank *tsdb_series_rank_begin(TupleDesc desc, List *keys, List *ops, List *collations, List *nulls_first,
											  MemoryContext cxt);

/* Takes notice of a row of the row store. */
extern void tsdb_series_rank_add(TsdbSeriesRank *series, TupleTableSlot *slot);

/* Takes notice of the chunks, and ranks.  False: there are too many values for hash_mem; nothing but the end may follow. */
extern bool tsdb_series_rank_look(TsdbSeriesRank *series, TsdbStore *store, TsdbDirEntry *entries, int nentries,
								  Snapshot snapshot);

/* The rank of a row that was added. */
extern uint64 tsdb_series_rank_of(TsdbSeriesRank *series, TupleTableSlot *slot);

/* No row of the entry's chunk has a lesser rank. */
extern uint64 tsdb_series_rank_entry(TsdbSeriesRank *series, int entry);

/* For the following ones; lives in cxt. */
extern TsdbChunkRanks *tsdb_series_rank_chunk(TsdbSeriesRank *series, TsdbChunk *chunk, MemoryContext cxt);

/* No row of the vector has a lesser rank. */
extern uint64 tsdb_series_rank_vector(TsdbSeriesRank *series, TsdbChunkRanks *ranks, uint32 vector);

/* Ranks of n rows of a set of the chunk. */
extern void tsdb_series_rank_rows(TsdbSeriesRank *series, TsdbChunkRanks *ranks, TsdbVectorSet *set, const uint16 *rows,
								  int n, uint64 *result);

extern void tsdb_series_rank_end(TsdbSeriesRank *series);

#endif							/* TSDB_SERIES_RANK_H */
