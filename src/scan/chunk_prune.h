/*-------------------------------------------------------------------------
 * chunk_prune.h
 *	  Which chunks can have rows that meet a scan's keys?
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_CHUNK_PRUNE_H
#define TSDB_CHUNK_PRUNE_H

#include "am/tsdb_am_internal.h"

/*
 * Entries that the cursor's snapshot sees and whose rows may meet all keys (TsdbScanKey), in order of change numbers;
 * palloc'd.  total: how many the snapshot sees.
 */
extern TsdbDirEntry *tsdb_prune_chunks(TsdbChunkCursor *cursor, List *keys, int *nentries, uint32 *total);

#endif							/* TSDB_CHUNK_PRUNE_H */
