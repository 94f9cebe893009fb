/*-------------------------------------------------------------------------
 * tsdb_handler.h
 *	  The access method `tsdb`, for the rest of the library.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_HANDLER_H
#define TSDB_HANDLER_H

#include "compat.h"

#include "access/tableam.h"
#include "utils/relcache.h"

extern const TableAmRoutine tsdb_methods;

/* Is this an open table of ours? */
#define tsdb_is_tsdb(rel) ((rel)->rd_tableam == &tsdb_methods)

#endif							/* TSDB_HANDLER_H */
