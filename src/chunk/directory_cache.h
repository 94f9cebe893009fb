/*-------------------------------------------------------------------------
 * directory_cache.h
 *	  Directory entries that this backend has read before: from virtual block to chunk.
 *
 * A fetch by virtual TID needs one entry of perhaps thousands.  Each backend keeps those of the tables it
 * fetches from, and reads on from the last change number that it knows.
 *
 * It holds a superset of the entries that anybody sees, whoever sees them: visibility is decided on
 * the entry's tuple, by tsdb_directory_visible.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_DIRECTORY_CACHE_H
#define TSDB_DIRECTORY_CACHE_H

#include "chunk/directory.h"

/*
 * Copies the entry that holds this virtual block (without flag); false if no chunk ever had it.
 * checked: the caller has held its lock on the table since an earlier call, so that what is kept can only
 * lack newer chunks.
 */
extern bool tsdb_directory_cache_find(TsdbStore *store, uint32 vblock, bool checked, TsdbDirEntry *entry);

/*
 * Copies the entry of the chunk that the transaction with this 64-bit id made of rows that were in this block of the
 * row store; false if there is none.
 */
extern bool tsdb_directory_cache_find_moved(TsdbStore *store, uint64 mover_xid, BlockNumber block, TsdbDirEntry *entry);

#endif							/* TSDB_DIRECTORY_CACHE_H */
