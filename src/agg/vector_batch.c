/*-------------------------------------------------------------------------
 * vector_batch.c
 *	  Up to 1,024 rows that are aggregated together, column by column.
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "agg/vector_batch.h"

#include "utils/datum.h"
#include "utils/memutils.h"

static uint64 last_serial = 0;

static void
renew(TsdbBatch *batch)
{
	int			i;

	batch->serial = ++last_serial;
	for (i = 0; i < batch->desc->natts; i++)
		batch->columns[i].ready = false;
}

static void
column_arrays(TsdbBatch *batch, TsdbBatchColumn *column)
{
	if (column->values != NULL)
		return;
	column->values = MemoryContextAlloc(batch->cxt, TSDB_VECTOR_ROWS * sizeof(Datum));
	column->isnull = MemoryContextAlloc(batch->cxt, TSDB_VECTOR_ROWS * sizeof(bool));
}

TsdbBatch *
tsdb_batch_create(TupleDesc desc, MemoryContext cxt)
{
	TsdbBatch  *batch = MemoryContextAllocZero(cxt, sizeof(TsdbBatch));

	batch->desc = desc;
	batch->cxt = cxt;
	batch->values_cxt = AllocSetContextCreate(cxt, "batch of rows", ALLOCSET_DEFAULT_SIZES);
	batch->columns = MemoryContextAllocZero(cxt, desc->natts * sizeof(TsdbBatchColumn));
	renew(batch);
	return batch;
}

void
tsdb_batch_set_vector(TsdbBatch *batch, TsdbVectorSet *set, const uint16 *rows, int n)
{
	Assert(n > 0 && n <= TSDB_VECTOR_ROWS);
	renew(batch);
	batch->n = n;
	batch->set = set;
	batch->parent = NULL;
	batch->rows = rows;
	batch->whole = (uint32) n == set->nrows;
}

void
tsdb_batch_set_selected(TsdbBatch *batch, TsdbBatch *parent, const uint16 *rows, int n)
{
	renew(batch);
	batch->n = n;
	batch->set = NULL;
	batch->parent = parent;
	batch->rows = rows;
	batch->whole = n == parent->n;
}

void
tsdb_batch_clear(TsdbBatch *batch)
{
	renew(batch);
	batch->n = 0;
	batch->set = NULL;
	batch->parent = NULL;
	batch->rows = NULL;
	batch->whole = true;
	MemoryContextReset(batch->values_cxt);
}

bool
tsdb_batch_add(TsdbBatch *batch, TupleTableSlot *slot, const AttrNumber *attnums, int nattnums)
{
	MemoryContext old = MemoryContextSwitchTo(batch->values_cxt);
	int			i;

	Assert(batch->n < TSDB_VECTOR_ROWS && batch->set == NULL && batch->parent == NULL);
	for (i = 0; i < nattnums; i++)
	{
		TsdbBatchColumn *column = &batch->columns[attnums[i] - 1];
		Form_pg_attribute att = TupleDescAttr(batch->desc, attnums[i] - 1);
		bool		isnull;
		Datum		value = slot_getattr(slot, attnums[i], &isnull);

		column_arrays(batch, column);
		if (batch->n == 0)
		{
			column->vec.values = column->values;
			column->vec.isnull = NULL;
			column->ready = true;
		}
		column->isnull[batch->n] = isnull;
		if (isnull)
			column->values[batch->n] = (Datum) 0;
		else
			column->values[batch->n] = att->attbyval ? tsdb_canonical(value, att->attlen) : datumCopy(value, false, att->attlen);
		if (isnull)
			column->vec.isnull = column->isnull;
	}
	MemoryContextSwitchTo(old);
	return ++batch->n == TSDB_VECTOR_ROWS;
}

/* The chosen rows of a vector of values. */
static TsdbVec
gather(TsdbBatch *batch, TsdbBatchColumn *column, const Datum *values, const bool *isnull)
{
	const uint16 *rows = batch->rows;
	int			n = batch->n;
	TsdbVec		vec;
	int			i;

	if (batch->whole || rows[n - 1] - rows[0] == n - 1)
	{
		int			first = batch->whole ? 0 : rows[0];

		vec.values = values + first;
		vec.isnull = isnull != NULL && memchr(isnull + first, true, n) != NULL ? isnull + first : NULL;
		return vec;
	}
	column_arrays(batch, column);
	for (i = 0; i < n; i++)
		column->values[i] = values[rows[i]];
	vec.values = column->values;
	vec.isnull = NULL;
	if (isnull != NULL)
	{
		bool		any = false;

		for (i = 0; i < n; i++)
			any |= column->isnull[i] = isnull[rows[i]];
		if (any)
			vec.isnull = column->isnull;
	}
	return vec;
}

TsdbVec
tsdb_batch_column(TsdbBatch *batch, AttrNumber attnum)
{
	TsdbBatchColumn *column = &batch->columns[attnum - 1];

	if (column->ready)
		return column->vec;
	if (batch->set != NULL)
	{
		TsdbVectorColumn *decoded = &batch->set->columns[attnum - 1];

		tsdb_vector_decode(batch->set, attnum);
		column->vec = gather(batch, column, decoded->values, decoded->isnull);
	}
	else
	{
		TsdbVec		of_parent;

		Assert(batch->parent != NULL);
		of_parent = tsdb_batch_column(batch->parent, attnum);
		column->vec = gather(batch, column, of_parent.values, of_parent.isnull);
	}
	column->ready = true;
	return column->vec;
}
