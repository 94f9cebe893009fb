/*-------------------------------------------------------------------------
 * compat.h
 *	  Differences between PostgreSQL major versions, and nothing else.
 *
 * Supported: 15 (native).  Every PG_VERSION_NUM test of the project stands here.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_COMPAT_H
#define TSDB_COMPAT_H

#include "postgres.h"

#if PG_VERSION_NUM < 150000 || PG_VERSION_NUM >= 160000
#error "tsdb_am supports PostgreSQL 15"
#endif

#ifdef WORDS_BIGENDIAN
#error "tsdb_am's on-disk format is little endian"
#endif
#if SIZEOF_DATUM != 8
#error "tsdb_am needs 8-byte Datums"
#endif

#endif							/* TSDB_COMPAT_H */
