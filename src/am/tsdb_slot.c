/*-------------------------------------------------------------------------
 * tsdb_slot.c
 *	  Tuple slot that shows a row of either store.
 *
 * The outer slot is what the executor sees.  Its "inner" buffer heap slot shares the value
 * arrays, so that deforming a heap tuple in the inner slot fills the outer one; heapam's
 * callbacks are always given the inner slot, since they insist on its type.
 *
 * State			inner			set		tts_flags
 * empty			empty			-		EMPTY
 * virtual			empty			-		-			values filled by the executor; once materialized,
 *												by-reference ones lie in "own"
 * heap row			holds tuple		-		-			buffer pin or own copy in inner
 * chunk row		empty			yes		-			row "row" of the vector set
 *
 * Invariant: at most one of (inner holds a tuple, set != NULL).
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "access/sysattr.h"
#include "access/tupmacs.h"
#include "access/xact.h"
#include "am/chunk_dml.h"
#include "am/tsdb_slot.h"
#include "utils/expandeddatum.h"
#include "utils/memutils.h"

typedef struct TsdbTupleTableSlot
{
	TupleTableSlot base;
	BufferHeapTupleTableSlot inner;
	bool		is_heap_row;
	bool		owns_values;	/* virtual, and materialized */
	TsdbVectorSet *set;			/* counted reference, NULL = no chunk row */
	uint32		row;			/* in the vector */
	char	   *own;			/* in tts_mcxt, kept from row to row */
	Size		own_size;
} TsdbTupleTableSlot;

#define INNER(tslot) (&(tslot)->inner.base.base)

static void
tts_tsdb_init(TupleTableSlot *slot)
{
	TsdbTupleTableSlot *tslot = (TsdbTupleTableSlot *) slot;
	TupleTableSlot *inner = INNER(tslot);

	/* MakeTupleTableSlot zeroed all of us; complete the inner slot as it would */
	*((const TupleTableSlotOps **) &inner->tts_ops) = &TTSOpsBufferHeapTuple;
	inner->type = T_TupleTableSlot;
	inner->tts_flags = TTS_FLAG_EMPTY | TTS_FLAG_FIXED;
	inner->tts_mcxt = slot->tts_mcxt ? slot->tts_mcxt : CurrentMemoryContext;
	tslot->inner.buffer = InvalidBuffer;
}

static void
tts_tsdb_release(TupleTableSlot *slot)
{
	TsdbTupleTableSlot *tslot = (TsdbTupleTableSlot *) slot;

	/* ExecClearTuple came before; the inner slot owns nothing else */
	if (tslot->own != NULL)
		pfree(tslot->own);
	tslot->own = NULL;
	tslot->own_size = 0;
}

static void
tts_tsdb_clear(TupleTableSlot *slot)
{
	TsdbTupleTableSlot *tslot = (TsdbTupleTableSlot *) slot;

	if (tslot->set != NULL)
	{
		tsdb_vector_set_release(tslot->set);
		tslot->set = NULL;
	}
	if (!TTS_EMPTY(INNER(tslot)))
		ExecClearTuple(INNER(tslot));
	tslot->is_heap_row = false;
	tslot->owns_values = false;

	slot->tts_nvalid = 0;
	slot->tts_flags |= TTS_FLAG_EMPTY;
	ItemPointerSetInvalid(&slot->tts_tid);
}

/* Give the inner slot the outer one's arrays, descriptor and context, which may have changed. */
static inline TupleTableSlot *
sync_inner(TsdbTupleTableSlot *tslot)
{
	TupleTableSlot *inner = INNER(tslot);

	inner->tts_tupleDescriptor = tslot->base.tts_tupleDescriptor;
	inner->tts_values = tslot->base.tts_values;
	inner->tts_isnull = tslot->base.tts_isnull;
	inner->tts_mcxt = tslot->base.tts_mcxt;
	return inner;
}

static void
tts_tsdb_getsomeattrs(TupleTableSlot *slot, int natts)
{
	TsdbTupleTableSlot *tslot = (TsdbTupleTableSlot *) slot;

	Assert(!TTS_EMPTY(slot));

	if (tslot->set != NULL)
	{
		TsdbVectorSet *set = tslot->set;
		uint32		row = tslot->row;
		int			i;

		natts = Min(natts, set->natts);
		for (i = slot->tts_nvalid; i < natts; i++)
		{
			TsdbVectorColumn *col = &set->columns[i];

			if (unlikely(!col->decoded))
			{
				if (set->few_rows > 0)
				{
					slot->tts_values[i] = tsdb_vector_value(set, i + 1, row, &slot->tts_isnull[i]);
					continue;
				}
				tsdb_vector_decode(set, i + 1);
			}
			slot->tts_values[i] = col->values[row];
			slot->tts_isnull[i] = col->isnull[row];
		}
		slot->tts_nvalid = Max(slot->tts_nvalid, natts);
	}
	else if (tslot->is_heap_row)
	{
		TupleTableSlot *inner = INNER(tslot);

		inner->tts_ops->getsomeattrs(inner, natts);
		slot->tts_nvalid = inner->tts_nvalid;
	}
	else
		elog(ERROR, "getsomeattrs is not required to be called on a virtual tuple table slot");
}

/* Header fields of a tuple formed from a chunk row, so that its system columns stay right. */
static void
stamp_chunk_tuple(TsdbTupleTableSlot *tslot, HeapTuple tuple)
{
	HeapTupleHeaderSetXmin(tuple->t_data, tslot->set->xmin);
	HeapTupleHeaderSetXmax(tuple->t_data, InvalidTransactionId);
	HeapTupleHeaderSetCmin(tuple->t_data, tslot->set->cmin);
	tuple->t_data->t_infomask |= HEAP_XMAX_INVALID;
	tuple->t_data->t_ctid = tslot->base.tts_tid;
	tuple->t_self = tslot->base.tts_tid;
	tuple->t_tableOid = tslot->base.tts_tableOid;
}

static Datum
tts_tsdb_getsysattr(TupleTableSlot *slot, int attnum, bool *isnull)
{
	TsdbTupleTableSlot *tslot = (TsdbTupleTableSlot *) slot;

	Assert(!TTS_EMPTY(slot));
	*isnull = false;

	if (tslot->set != NULL)
	{
		switch (attnum)
		{
			case SelfItemPointerAttributeNumber:
				return PointerGetDatum(&slot->tts_tid);
			case MinTransactionIdAttributeNumber:
				return TransactionIdGetDatum(tslot->set->xmin);
			case MaxTransactionIdAttributeNumber:
				return TransactionIdGetDatum(tsdb_chunk_row_xmax(slot->tts_tableOid, &slot->tts_tid));
			case MinCommandIdAttributeNumber:
			case MaxCommandIdAttributeNumber:
				return CommandIdGetDatum(tslot->set->cmin);
			case TableOidAttributeNumber:
				return ObjectIdGetDatum(slot->tts_tableOid);
			default:
				elog(ERROR, "invalid attnum: %d", attnum);
		}
	}
	if (tslot->is_heap_row)
		return INNER(tslot)->tts_ops->getsysattr(INNER(tslot), attnum, isnull);

	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("cannot retrieve a system column in this context")));
	return (Datum) 0;			/* not reached */
}

#ifdef SLOT_KNOWS_CURRENT_XACT
/* Did the current transaction make the row?  Of foreign keys' triggers, which before looked at xmin themselves. */
static bool
tts_tsdb_is_current_xact_tuple(TupleTableSlot *slot)
{
	bool		isnull;

	return TransactionIdIsCurrentTransactionId(DatumGetTransactionId(tts_tsdb_getsysattr(slot, MinTransactionIdAttributeNumber, &isnull)));
}
#endif

/*
 * Copies by-reference values of a virtual row into memory of the slot's, after
 * execTuples.c: tts_virtual_materialize().  COPY materializes each row that it gathers: to form a heap tuple
 * of it, which direct load would take apart again, cost a tenth of the load.
 */
static void
own_values(TsdbTupleTableSlot *tslot)
{
	TupleTableSlot *slot = &tslot->base;
	TupleDesc	desc = slot->tts_tupleDescriptor;
	Size		size = 0;
	char	   *data;
	int			i;

	for (i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		Datum		value = slot->tts_values[i];

		if (att->attbyval || slot->tts_isnull[i])
			continue;
		size = att_align_nominal(size, att->attalign);
		if (att->attlen == -1 && VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(value)))
			size += EOH_get_flat_size(DatumGetEOHP(value));
		else
			size = att_addlength_datum(size, att->attlen, value);
	}

	tslot->owns_values = true;
	if (size == 0)
		return;
	if (size > tslot->own_size)
	{
		if (tslot->own != NULL)
			pfree(tslot->own);
		tslot->own = NULL;
		tslot->own_size = 0;
		tslot->own = MemoryContextAlloc(slot->tts_mcxt, size + size / 2);
		tslot->own_size = size + size / 2;
	}

	data = tslot->own;
	for (i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		Datum		value = slot->tts_values[i];
		Size		len;

		if (att->attbyval || slot->tts_isnull[i])
			continue;
		data = (char *) att_align_nominal((uintptr_t) data, att->attalign);
		if (att->attlen == -1 && VARATT_IS_EXTERNAL_EXPANDED(DatumGetPointer(value)))
		{
			ExpandedObjectHeader *expanded = DatumGetEOHP(value);

			len = EOH_get_flat_size(expanded);
			EOH_flatten_into(expanded, data, len);
		}
		else
		{
			len = att_addlength_datum((Size) 0, att->attlen, value);
			memcpy(data, DatumGetPointer(value), len);
		}
		slot->tts_values[i] = PointerGetDatum(data);
		data += len;
	}
	Assert(data <= tslot->own + tslot->own_size);
}

/* A heap tuple of the row, which then is the inner slot's own. */
static void
become_heap_row(TupleTableSlot *slot)
{
	TsdbTupleTableSlot *tslot = (TsdbTupleTableSlot *) slot;
	TupleTableSlot *inner = sync_inner(tslot);

	Assert(!tslot->is_heap_row);
	if (tslot->set != NULL)
		slot_getallattrs(slot);
	Assert(slot->tts_nvalid == slot->tts_tupleDescriptor->natts);

	inner->tts_flags &= ~TTS_FLAG_EMPTY;
	inner->tts_ops->materialize(inner);
	inner->tts_tid = slot->tts_tid;
	inner->tts_tableOid = slot->tts_tableOid;
	tslot->is_heap_row = true;
	tslot->owns_values = false;
	slot->tts_nvalid = 0;
	if (tslot->set != NULL)
	{
		stamp_chunk_tuple(tslot, tslot->inner.base.tuple);
		tsdb_vector_set_release(tslot->set);
		tslot->set = NULL;
	}
}

static void
tts_tsdb_materialize(TupleTableSlot *slot)
{
	TsdbTupleTableSlot *tslot = (TsdbTupleTableSlot *) slot;
	TupleTableSlot *inner = sync_inner(tslot);

	Assert(!TTS_EMPTY(slot));

	if (tslot->is_heap_row)
	{
		if (!TTS_SHOULDFREE(inner))
			inner->tts_ops->materialize(inner);
		slot->tts_nvalid = inner->tts_nvalid;
	}
	else if (tslot->set != NULL)
		become_heap_row(slot);
	else if (!tslot->owns_values)
		own_values(tslot);
}

/*
 * A row on its way into another table may be a tuple of fewer columns than it has now: those came later, and are NULL in it.  Where the
 * other table's columns of these numbers came later, too, heapam would store it as it is, and it would be read with their defaults.
 */
void
tsdb_slot_complete(TupleTableSlot *slot, TupleDesc desc)
{
	TsdbTupleTableSlot *tslot = (TsdbTupleTableSlot *) slot;

	if (!TTS_IS_TSDB(slot) || !tslot->is_heap_row ||
		HeapTupleHeaderGetNatts(tslot->inner.base.tuple->t_data) >= desc->natts)
		return;
	slot_getallattrs(slot);
	own_values(tslot);
	ExecClearTuple(INNER(tslot));
	tslot->is_heap_row = false;
	slot->tts_nvalid = slot->tts_tupleDescriptor->natts;
}

static void
tts_tsdb_copyslot(TupleTableSlot *dstslot, TupleTableSlot *srcslot)
{
	TsdbTupleTableSlot *dst = (TsdbTupleTableSlot *) dstslot;
	TupleTableSlot *source = srcslot;
	TupleDesc	desc = dstslot->tts_tupleDescriptor;

	if (TTS_IS_TSDB(srcslot))
	{
		TsdbTupleTableSlot *src = (TsdbTupleTableSlot *) srcslot;

		if (src->set != NULL)
		{
			ItemPointerData tid = srcslot->tts_tid;
			Oid			tableoid = srcslot->tts_tableOid;

			tsdb_slot_store_chunk_row(dstslot, src->set, src->row);
			dstslot->tts_tid = tid;
			dstslot->tts_tableOid = tableoid;
			return;
		}
		/* both inner slots have heapam's type: the copy then shares the buffer pin */
		if (src->is_heap_row)
			source = sync_inner(src);
	}

	/* a tuple of fewer columns is read by its own table's descriptor: see tsdb_slot_complete */
	if (desc->constr != NULL && desc->constr->missing != NULL && desc != srcslot->tts_tupleDescriptor)
	{
		slot_getallattrs(srcslot);
		ExecClearTuple(dstslot);
		memcpy(dstslot->tts_values, srcslot->tts_values, sizeof(Datum) * desc->natts);
		memcpy(dstslot->tts_isnull, srcslot->tts_isnull, sizeof(bool) * desc->natts);
		dstslot->tts_flags &= ~TTS_FLAG_EMPTY;
		dstslot->tts_nvalid = desc->natts;
		own_values(dst);
		return;
	}

	ExecClearTuple(dstslot);
	TTSOpsBufferHeapTuple.copyslot(sync_inner(dst), source);
	dst->is_heap_row = true;
	dstslot->tts_flags &= ~TTS_FLAG_EMPTY;
	dstslot->tts_nvalid = 0;
	dstslot->tts_tid = srcslot->tts_tid;
	dstslot->tts_tableOid = srcslot->tts_tableOid;
}

static HeapTuple
tts_tsdb_get_heap_tuple(TupleTableSlot *slot)
{
	TsdbTupleTableSlot *tslot = (TsdbTupleTableSlot *) slot;

	Assert(!TTS_EMPTY(slot));
	if (!tslot->is_heap_row)
		become_heap_row(slot);
	return INNER(tslot)->tts_ops->get_heap_tuple(INNER(tslot));
}

static HeapTuple
tts_tsdb_copy_heap_tuple(TupleTableSlot *slot)
{
	TsdbTupleTableSlot *tslot = (TsdbTupleTableSlot *) slot;
	HeapTuple	tuple;

	Assert(!TTS_EMPTY(slot));
	if (tslot->is_heap_row)
		return INNER(tslot)->tts_ops->copy_heap_tuple(INNER(tslot));

	if (tslot->set != NULL)
		slot_getallattrs(slot);
	tuple = heap_form_tuple(slot->tts_tupleDescriptor, slot->tts_values, slot->tts_isnull);
	if (tslot->set != NULL)
		stamp_chunk_tuple(tslot, tuple);
	return tuple;
}

static MinimalTuple
tts_tsdb_copy_minimal_tuple(COPY_MINIMAL_PARAMETERS)
{
	TsdbTupleTableSlot *tslot = (TsdbTupleTableSlot *) slot;

	Assert(!TTS_EMPTY(slot));
	if (tslot->is_heap_row)
		return INNER(tslot)->tts_ops->copy_minimal_tuple(COPY_MINIMAL_ARGUMENTS(INNER(tslot)));

	if (tslot->set != NULL)
		slot_getallattrs(slot);
	return heap_form_minimal_tuple(slot->tts_tupleDescriptor, slot->tts_values, slot->tts_isnull FORM_MINIMAL_EXTRA);
}

const TupleTableSlotOps TTSOpsTsdb = {
	.base_slot_size = sizeof(TsdbTupleTableSlot),
	.init = tts_tsdb_init,
	.release = tts_tsdb_release,
	.clear = tts_tsdb_clear,
	.getsomeattrs = tts_tsdb_getsomeattrs,
	.getsysattr = tts_tsdb_getsysattr,
#ifdef SLOT_KNOWS_CURRENT_XACT
	.is_current_xact_tuple = tts_tsdb_is_current_xact_tuple,
#endif
	.materialize = tts_tsdb_materialize,
	.copyslot = tts_tsdb_copyslot,
	.get_heap_tuple = tts_tsdb_get_heap_tuple,
	.get_minimal_tuple = NULL,	/* we can't own one */
	.copy_heap_tuple = tts_tsdb_copy_heap_tuple,
	.copy_minimal_tuple = tts_tsdb_copy_minimal_tuple
};

TupleTableSlot *
tsdb_slot_inner(TupleTableSlot *slot)
{
	TsdbTupleTableSlot *tslot = (TsdbTupleTableSlot *) slot;

	if (unlikely(!TTS_IS_TSDB(slot)))
		elog(ERROR, "tsdb table accessed through a slot of another type");
	if (tslot->set != NULL)
		ExecClearTuple(slot);
	return sync_inner(tslot);
}

void
tsdb_slot_took_heap_row(TupleTableSlot *slot, bool filled)
{
	TsdbTupleTableSlot *tslot = (TsdbTupleTableSlot *) slot;
	TupleTableSlot *inner = INNER(tslot);

	Assert(tslot->set == NULL);
	if (!filled)
	{
		ExecClearTuple(slot);
		return;
	}
	Assert(!TTS_EMPTY(inner));
	tslot->is_heap_row = true;
	slot->tts_flags &= ~TTS_FLAG_EMPTY;
	slot->tts_nvalid = 0;
	slot->tts_tid = inner->tts_tid;
	slot->tts_tableOid = inner->tts_tableOid;
}

void
tsdb_slot_store_chunk_row(TupleTableSlot *slot, TsdbVectorSet *set, uint32 row_in_vector)
{
	TsdbTupleTableSlot *tslot = (TsdbTupleTableSlot *) slot;

	if (unlikely(!TTS_IS_TSDB(slot)))
		elog(ERROR, "tsdb table accessed through a slot of another type");
	Assert(row_in_vector < set->nrows);

	if (likely(tslot->set == set))
		slot->tts_nvalid = 0;
	else
	{
		set->refcount++;
		ExecClearTuple(slot);
		tslot->set = set;
		slot->tts_flags &= ~TTS_FLAG_EMPTY;
	}
	tslot->row = row_in_vector;
	tsdb_row_tid(set->first_vblock, set->vector * TSDB_VECTOR_ROWS + row_in_vector, &slot->tts_tid);
	slot->tts_tableOid = set->tableoid;
}
