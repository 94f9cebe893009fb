/*-------------------------------------------------------------------------
 * shard_moves.h
 *	  Snapshots that are older than a move of rows between partitions.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_SHARD_MOVES_H
#define TSDB_SHARD_MOVES_H

#include "compat.h"

#include "nodes/parsenodes.h"

/*
 * For the utility hook, before EXECUTE runs: locks the partitioned tables of the prepared statement, and
 * then pushes a new snapshot; true if it did, and the caller has to pop it.
 */
extern bool tsdb_shard_moves_push_snapshot(ExecuteStmt *stmt);

/* Installs the executor hook; called once from _PG_init. */
extern void tsdb_shard_moves_init(void);

#endif							/* TSDB_SHARD_MOVES_H */
