/*-------------------------------------------------------------------------
 * tsdb_slot.h
 *	  Tuple slot that shows a row of either store.
 *
 * A row-store row lives in the embedded buffer heap slot ("inner"), which shares the outer
 * slot's value arrays and is what heapam's functions are given.  A chunk row is a
 * reference to a vector set and a row in it; columns are decoded as they are asked for.
 * States: empty; virtual (values only, as the executor fills it); heap row; chunk row.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_SLOT_H
#define TSDB_SLOT_H

#include "chunk/chunk_reader.h"

#include "executor/tuptable.h"

extern const TupleTableSlotOps TTSOpsTsdb;

#define TTS_IS_TSDB(slot) ((slot)->tts_ops == &TTSOpsTsdb)

/* The buffer heap slot inside, cleared, for a heapam function to fill; then tsdb_slot_took_heap_row. */
extern TupleTableSlot *tsdb_slot_inner(TupleTableSlot *slot);
/* heapam filled (true) or cleared (false) the inner slot. */
extern void tsdb_slot_took_heap_row(TupleTableSlot *slot, bool filled);
/* Gives the row all columns of a table that it is to be stored in. */
extern void tsdb_slot_complete(TupleTableSlot *slot, TupleDesc desc);
/* Shows a chunk row; takes a reference on the set. */
extern void tsdb_slot_store_chunk_row(TupleTableSlot *slot, TsdbVectorSet *set, uint32 row_in_vector);

#endif							/* TSDB_SLOT_H */
