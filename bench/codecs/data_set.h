/*-------------------------------------------------------------------------
 * data_set.h
 *	  The columns that bench_codecs measures: which there are, and their values.
 *
 * Most are columns of the files of data/, one series at a time; some are made, by gen_cpu or here.
 *-------------------------------------------------------------------------
 */
#ifndef BENCH_DATA_SET_H
#define BENCH_DATA_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tsdb_codec.h"

typedef enum ColumnKind
{
	COLUMN_TIME,				/* microseconds, as timestamptz has them */
	COLUMN_INT,					/* bigint */
	COLUMN_DOUBLE,				/* float8, as its bits */
	COLUMN_TEXT
} ColumnKind;

typedef struct DataSet
{
	const char *label;			/* unique */
	const char *file;			/* CSV file; NULL = made by data_set.c */
	const char *series;			/* rows whose first field this is; NULL = all */
	const char *column;			/* as the header line names it */
	ColumnKind	kind;
	const char *sort_by;		/* column by which rows are sorted first, times staying in order; or NULL */
	bool		real;			/* not made up */
	bool		chart;			/* has bars in bits.svg */
} DataSet;

typedef struct Column
{
	const DataSet *set;
	int			nrows;
	int			nnulls;
	int64_t    *values;			/* of all kinds but text; 0 where NULL */
	TsdbBytes  *strings;		/* of text, {NULL, 0} where NULL */
	bool	   *isnull;
} Column;

extern const DataSet data_sets[];
extern const int ndata_sets;
extern const char *const column_kind_names[];

/* Reads or makes the column; files are looked for in each of the directories.  Ends the program if there is none. */
extern void column_load(const DataSet *set, const char *const *directories, int ndirectories, Column *column);
extern void column_free(Column *column);

#endif							/* BENCH_DATA_SET_H */
