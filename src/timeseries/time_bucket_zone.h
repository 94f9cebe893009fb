/*-------------------------------------------------------------------------
 * time_bucket_zone.h
 *	  time_bucket in a time zone.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_TIME_BUCKET_ZONE_H
#define TSDB_TIME_BUCKET_ZONE_H

#include "postgres.h"

#include "fmgr.h"

/* (width, ts, time zone, origin or NULL, offset or NULL); for telling calls of it (FmgrInfo.fn_addr) */
extern PGDLLEXPORT Datum tsdb_time_bucket_zone(PG_FUNCTION_ARGS);

#endif							/* TSDB_TIME_BUCKET_ZONE_H */
