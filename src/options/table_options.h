/*-------------------------------------------------------------------------
 * table_options.h
 *	  What a table's owner said about series, order and loading; and what follows if nothing was said.
 *
 * Options are security labels of provider "tsdb": 'segmentby N' (N = position, 1..) and
 * 'orderby' on columns, 'direct_load on|off' on the table.
 * WITH (segmentby = ..., orderby = ..., direct_load = ...) and ALTER TABLE SET/RESET become labels in
 * option_ddl.c.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_TABLE_OPTIONS_H
#define TSDB_TABLE_OPTIONS_H

#include "compat.h"

#include "access/attnum.h"
#include "nodes/parsenodes.h"
#include "nodes/pg_list.h"
#include "utils/relcache.h"

#define TSDB_LABEL_PROVIDER "tsdb"
#define TSDB_MAX_SERIES_COLUMNS 32

struct TsdbColumnBuffer;

typedef struct TsdbTableOptions
{
	bool		series_given;	/* by label; else inferred */
	bool		order_given;
	int			nseries;		/* 0 = one series, or not known before data is seen (see sample) */
	AttrNumber	series[TSDB_MAX_SERIES_COLUMNS];
	AttrNumber	time_attnum;	/* 0 = none */
	bool		direct_load;	/* option direct_load = on: load directly even where decoding is lost */
	bool		no_direct_load; /* option direct_load = off: never */
} TsdbTableOptions;

/*
 * Reads labels (a partition without any takes its parent's, columns matched by name), then infers:
 * time = first timestamptz/timestamp/date column, else first bigint/int column of the primary key;
 * series = other columns of the primary key, else of a unique index.
 */
extern void tsdb_options_get(Relation rel, TsdbTableOptions *options);

/*
 * The same from memory where nothing has changed since: for the planner, who asks for each partition of each query, and for
 * scans, which may begin again for each outer row.
 */
extern void tsdb_options_get_remembered(Relation rel, TsdbTableOptions *options);

/* Number for "sorted by these series columns, then by time", not 0: different for others, as good as always. */
extern uint32 tsdb_options_sort_order(const TsdbTableOptions *options);

/* Where series are neither given nor inferred from a key: choose them from gathered rows. */
extern void tsdb_options_sample(TsdbTableOptions *options, struct TsdbColumnBuffer *buf);

/* Registers the label provider; called once from _PG_init. */
extern void tsdb_options_init(void);

/*
 * For the utility hook (option_ddl.c).  Before: strips our options from CREATE TABLE / CREATE TABLE AS /
 * CREATE MATERIALIZED VIEW / ALTER TABLE SET|RESET in *stmt, which is ours to change (a copy);
 * returns what is to be done after the statement ran (NULL = nothing).
 * After: sets or drops labels; gives a table that became tsdb without TOAST relation one.
 */
typedef struct TsdbOptionDdl TsdbOptionDdl;
extern bool tsdb_option_ddl_applies(Node *stmt);	/* cheap: may this statement carry our options? */
extern TsdbOptionDdl *tsdb_option_ddl_before(Node *stmt);
extern void tsdb_option_ddl_after(TsdbOptionDdl *ddl, Node *stmt);

#endif							/* TSDB_TABLE_OPTIONS_H */
