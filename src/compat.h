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

/* Planner functions whose arguments differ. */
#define tsdb_subquery_planner(glob, query, parent)	subquery_planner(glob, query, parent, false, 0)
#define tsdb_expression_pathkey(root, expr, opno, relids) \
	linitial_node(PathKey, build_expression_pathkey(root, expr, NULL, opno, relids, true))
#define tsdb_placeholder_info(root, phv)	find_placeholder_info(root, phv, false)

#endif							/* TSDB_COMPAT_H */
