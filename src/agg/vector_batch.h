/*-------------------------------------------------------------------------
 * vector_batch.h
 *	  Up to 1,024 rows that are aggregated together, column by column.
 *
 * Rows come from a vector of a chunk (all of them, or those that passed a filter), or one by one from the row
 * store or from tuples set aside.  Either way a batch has n rows without gaps, and hands out any column of them as arrays.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_VECTOR_BATCH_H
#define TSDB_VECTOR_BATCH_H

#include "chunk/chunk_reader.h"

#include "executor/tuptable.h"

/* Values of n rows.  isnull: NULL = no row is NULL.  Valid until the batch is filled anew. */
typedef struct TsdbVec
{
	const Datum *values;
	const bool *isnull;
} TsdbVec;

typedef struct TsdbBatchColumn
{
	bool		ready;
	TsdbVec		vec;
	Datum	   *values;			/* own arrays, [1024], made when first needed */
	bool	   *isnull;
} TsdbBatchColumn;

typedef struct TsdbBatch
{
	uint64		serial;			/* another one each time that the batch is filled; never 0 */
	int			n;
	TsdbVectorSet *set;			/* NULL: the rows are in own arrays */
	const uint16 *rows;			/* of the set, rising; NULL: all */
	bool		whole;			/* all rows of the set */
	struct TsdbBatch *parent;	/* rows (of "rows") of that batch; NULL = none */
	TupleDesc	desc;
	TsdbBatchColumn *columns;	/* [natts] */
	MemoryContext cxt;			/* of the arrays */
	MemoryContext values_cxt;	/* by-reference values of rows that came one by one; reset as the batch is filled anew */
} TsdbBatch;

/* Functions may leave anything in the upper bytes of a by-value Datum; columns of vectors are sign-extended.  bytes: of the type; 0 = by reference. */
static inline Datum
tsdb_canonical(Datum value, int bytes)
{
	switch (bytes)
	{
		case 1:
			return (Datum) (int8) value;
		case 2:
			return (Datum) (int16) value;
		case 4:
			return (Datum) (int32) value;
		default:
			return value;
	}
}

extern TsdbBatch *tsdb_batch_create(TupleDesc desc, MemoryContext cxt);

/* From now on n rows of a set; rows may be NULL if these are all. */
extern void tsdb_batch_set_vector(TsdbBatch *batch, TsdbVectorSet *set, const uint16 *rows, int n);
/* From now on n rows of another batch. */
extern void tsdb_batch_set_selected(TsdbBatch *batch, TsdbBatch *parent, const uint16 *rows, int n);

/* Empties the batch, for rows one by one: these columns of each.  True: the batch is full. */
extern void tsdb_batch_clear(TsdbBatch *batch);
extern bool tsdb_batch_add(TsdbBatch *batch, TupleTableSlot *slot, const AttrNumber *attnums, int nattnums);

extern TsdbVec tsdb_batch_column(TsdbBatch *batch, AttrNumber attnum);

#endif							/* TSDB_VECTOR_BATCH_H */
