/*-------------------------------------------------------------------------
 * options_internal.h
 *	  Shared inside options/: labels as read, and what may be said about a table.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_OPTIONS_INTERNAL_H
#define TSDB_OPTIONS_INTERNAL_H

#include "options/table_options.h"

/* The labels of one relation. */
typedef struct TsdbLabels
{
	int			nseries;		/* columns labelled 'segmentby N', in order of N */
	AttrNumber	series[TSDB_MAX_SERIES_COLUMNS];
	int			position[TSDB_MAX_SERIES_COLUMNS];	/* their N, 1 .. TSDB_MAX_SERIES_COLUMNS */
	AttrNumber	time_attnum;	/* column labelled 'orderby', 0 = none */
	bool		direct_load_given;
	bool		direct_load;	/* if given */
} TsdbLabels;

/*--- table_options.c ---*/

/* All labels of relid, by one index scan; labels that do not parse are passed over. */
extern void tsdb_labels_read(Oid relid, TsdbLabels *labels);
/* Sets one label (NULL drops it) of column attnum, or of the table (0), and tells other backends. */
extern void tsdb_label_set(Oid relid, AttrNumber attnum, const char *label);
/* Drops every label of relid, also those that do not parse. */
extern void tsdb_labels_drop(Oid relid);

/* May columns of this type name a series, be the order column? */
extern bool tsdb_option_series_type(Oid typid);
extern bool tsdb_option_order_type(Oid typid);

/* Each raises an error if it does not hold; "option" is named in the message. */
extern void tsdb_option_check_relation(Relation rel, const char *option);
extern void tsdb_option_check_series(const char *colname, Oid typid);
extern void tsdb_option_check_order(const char *colname, Oid typid);
/* Finds a live user column by name. */
extern AttrNumber tsdb_option_find_column(Relation rel, const char *colname);

/*--- option_ddl.c ---*/

/*
 * Labels as they will be after the statement that is running: CREATE TABLE AS and the like fill rel,
 * and ALTER TABLE rewrites relid into rel, before labels are set.  False: no such statement.
 */
extern bool tsdb_option_ddl_pending(Relation rel, Oid relid, TsdbLabels *labels);
/* Called once from tsdb_options_init. */
extern void tsdb_option_ddl_init(void);

#endif							/* TSDB_OPTIONS_INTERNAL_H */
