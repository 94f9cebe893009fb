/*-------------------------------------------------------------------------
 * time_order.c
 *	  Rows of chunks in order of time, or of series and time, without sorting.
 *
 * A heap of items by rank, the greatest first.  The rank of a value is the value itself for a descending order, its
 * complement for an ascending one, which turns the order round and overflows nowhere.  In order of series, the series' rank
 * (series_rank.c, the least first) goes before it.
 *
 *	CHUNK	not opened; rank of the best value that its directory entry allows
 *	VECTOR	of an opened chunk, not decoded; rank of the best value of its zone
 *	RUN		rows of a decoded vector (of one series) whose values do not fall; rank of its next row
 *
 * An item whose turn it is becomes those below it: a chunk its vectors, a vector its runs; a run gives its row and
 * goes back with the next one's rank, unless that is still the best.  Ranks of CHUNK and VECTOR are bounds, so no row comes too early.
 *
 * The filter is asked about all vectors of a chunk as the chunk is opened, since it remembers one chunk at a
 * time; what it says is kept as bitmaps.
 *
 * Memory: decoded vectors take up to hash_mem, and are decoded again when they are wanted after they had to go.  Where runs
 * overlap so much that this happens again and again for few rows each, the caller does better to sort (tsdb_time_order_too_wide).
 * In order of series, chunks stay open from the first series to the last; their descriptors count too.
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "index/chunk_index.h"
#include "kernels.h"
#include "lib/ilist.h"
#include "lib/pairingheap.h"
#include "miscadmin.h"
#include "scan/time_order.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/* decoded vectors that are kept at least, whatever the limit of memory */
#define MIN_SETS		16

/* Vectors that are decoded again before one gives up, and sorts: some milliseconds' worth. */
#define MAX_REMADE		2000

/* More of them are worth it if each gives so many rows: a row sorted costs 1 us, a vector of ten columns 20. */
#define ROWS_A_SET		64

typedef enum OrderItemKind
{
	ITEM_CHUNK,
	ITEM_VECTOR,
	ITEM_RUN
} OrderItemKind;

typedef struct OrderedChunk
{
	TsdbChunk  *chunk;
	MemoryContext cxt;			/* this struct and its items */
	int			nusers;			/* vectors that are not through */
	bool		decoded;		/* some vector was */
	uint64	   *rows;			/* [nvectors * TSDB_VECTOR_WORDS] that pass the filter; NULL without filter */
	TsdbChunkRanks *ranks;		/* in order of series */
	Size		bytes;			/* that it takes, about */
} OrderedChunk;

struct OrderedVector;

typedef struct OrderItem
{
	pairingheap_node node;
	uint64		series;			/* rank, 0 if series are in no order */
	int64		rank;
	OrderItemKind	kind;
	const TsdbDirEntry *entry;	/* CHUNK */
	OrderedChunk *chunk;		/* VECTOR */
	uint32		vector;
	struct OrderedVector *open; /* RUN */
	int			next;			/* next row, as index in open->rows */
	int			last;			/* of the run, in the direction of the order */
} OrderItem;

typedef struct OrderedVector
{
	OrderedChunk *chunk;
	MemoryContext cxt;			/* this struct, its runs and values */
	uint32		vector;
	TsdbVectorSet *set;			/* NULL: let go of for want of memory, to be made again when a row is due */
	dlist_node	recent;			/* in order->recent, if it has a set */
	int			nruns;			/* that are not through */
	OrderItem  *runs;
	int64	   *values;			/* of the rows */
	uint16		rows[TSDB_VECTOR_ROWS];
} OrderedVector;

struct TsdbTimeOrder
{
	TsdbStore  *store;
	TsdbChunkCache *cache;
	TsdbChunkList *list;		/* chunks of which come into the heap when it is their turn; NULL = none */
	Snapshot	snapshot;
	TsdbFilter *filter;
	TsdbSeriesRank *series;		/* NULL: in order of time alone */
	AttrNumber	attnum;			/* 0: in order of series alone */
	bool		descending;
	bool		nullable;		/* rows where it is NULL are left out */
	MemoryContext cxt;
	MemoryContext own_cxt;		/* child of it: all but chunks and sets */
	pairingheap *heap;
	OrderItem  *current;		/* the run that gave the last row, not in the heap; NULL = none */
	OrderedVector *done;		/* its last row was returned by the call before */
	TsdbVectorSet *scratch;		/* in which filters decode */
	int			nopen;			/* vectors with runs */
	dlist_head	recent;			/* those with a set, the one used last at the head */
	int			nsets;
	int			max_sets;
	uint64		nremade;
	uint64		nreturned;
	Size		open_bytes;		/* of open chunks, in order of series */
	TsdbTimeOrderCounts counts;
	uint64		ranks[TSDB_VECTOR_ROWS];	/* of the series of a vector's rows */
};

static inline int64
rank_of(const TsdbTimeOrder *order, int64 value)
{
	return tsdb_time_rank(value, order->descending);
}

/* pairingheap_comparator: greatest rank first, of equal ones what is open already. */
static int
compare_items(const pairingheap_node *a, const pairingheap_node *b, void *arg)
{
	const OrderItem *x = pairingheap_const_container(OrderItem, node, a);
	const OrderItem *y = pairingheap_const_container(OrderItem, node, b);

	if (x->series != y->series)
		return x->series > y->series ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	return (int) x->kind - (int) y->kind;
}

/* pairingheap_comparator: what is open first, runs before vectors before chunks. */
static int
compare_kinds(const pairingheap_node *a, const pairingheap_node *b, void *arg)
{
	return (int) pairingheap_const_container(OrderItem, node, a)->kind - (int) pairingheap_const_container(OrderItem, node, b)->kind;
}

TsdbTimeOrder *
tsdb_time_order_begin(TsdbStore *store, TsdbChunkCache *cache, TsdbChunkList *list, TsdbDirEntry *entries,
					  int nentries, Snapshot snapshot, TsdbFilter *filter, TsdbSeriesRank *series, AttrNumber attnum, bool descending, bool nullable,
					  int ncolumns, MemoryContext cxt)
{
	MemoryContext own_cxt = AllocSetContextCreate(cxt, "tsdb time order", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(own_cxt);
	TsdbTimeOrder *order = palloc0(sizeof(TsdbTimeOrder));
	OrderItem  *items = MemoryContextAllocHuge(own_cxt, Max(nentries, 1) * sizeof(OrderItem));
	int			i;

	order->store = store;
	order->cache = cache;
	order->list = list;
	order->snapshot = snapshot;
	order->filter = filter;
	order->series = series;
	order->attnum = attnum;
	order->descending = descending;
	order->nullable = nullable;
	order->cxt = cxt;
	order->own_cxt = own_cxt;
	dlist_init(&order->recent);
	order->max_sets = (int) Max(MIN_SETS, get_hash_memory_limit() /
								((Size) (ncolumns + 1) * TSDB_VECTOR_ROWS * (sizeof(Datum) + sizeof(bool))));
	order->heap = pairingheap_allocate(compare_items, NULL);
	if (list != NULL)
		tsdb_chunk_list_walk(list, attnum, descending);
	for (i = 0; i < nentries; i++)
	{
		items[i].kind = ITEM_CHUNK;
		items[i].entry = &entries[i];
		items[i].series = series ? tsdb_series_rank_entry(series, i) : 0;
		items[i].rank = attnum != 0 ? tsdb_entry_rank(&entries[i].d, attnum, descending) : rank_of(order, 0);
		pairingheap_add(order->heap, &items[i].node);
	}
	MemoryContextSwitchTo(old);
	return order;
}

static void
note_decoded(TsdbTimeOrder *order, OrderedChunk *chunk)
{
	if (!chunk->decoded)
	{
		order->counts.chunks_read++;
		tsdb_chunk_index_was_read(&chunk->chunk->entry);
	}
	chunk->decoded = true;
}

/* One of the chunk's vectors is through. */
static void
release_chunk(TsdbTimeOrder *order, OrderedChunk *chunk)
{
	if (--chunk->nusers > 0)
		return;
	if (order->scratch != NULL && order->scratch->chunk == chunk->chunk)
	{
		tsdb_vector_set_release(order->scratch);
		order->scratch = NULL;
	}
	if (!chunk->decoded)
		order->counts.chunks_skipped++;
	order->open_bytes -= chunk->bytes;
	tsdb_chunk_release(chunk->chunk);
	MemoryContextDelete(chunk->cxt);
}

static void
drop_set(TsdbTimeOrder *order, OrderedVector *vector)
{
	if (vector->set == NULL)
		return;
	dlist_delete(&vector->recent);
	order->nsets--;
	tsdb_vector_set_detach(vector->set);
	vector->set = NULL;
}

/* Makes the vector's set if it has none, at the cost of the one that was used longest ago. */
static void
need_set(TsdbTimeOrder *order, OrderedVector *vector)
{
	if (vector->set != NULL)
	{
		dlist_move_head(&order->recent, &vector->recent);
		return;
	}
	if (order->nsets >= order->max_sets)
		drop_set(order, dlist_tail_element(OrderedVector, recent, &order->recent));
	vector->set = tsdb_vector_set(vector->chunk->chunk, vector->vector, NULL, order->cxt);
	vector->set->few_rows = TSDB_FEW_ROWS + 1;
	dlist_push_head(&order->recent, &vector->recent);
	order->nsets++;
}

static void
release_vector(TsdbTimeOrder *order, OrderedVector *vector)
{
	drop_set(order, vector);
	order->nopen--;
	release_chunk(order, vector->chunk);
	MemoryContextDelete(vector->cxt);
}

/* Replaces the item of a chunk by those of its vectors that may have rows. */
static void
open_chunk(TsdbTimeOrder *order, OrderItem *item)
{
	MemoryContext cxt = AllocSetContextCreate(order->own_cxt, "tsdb time order chunk", ALLOCSET_SMALL_SIZES);
	OrderedChunk *chunk = MemoryContextAllocZero(cxt, sizeof(OrderedChunk));
	const TsdbVector *vectors = NULL;
	bool		passes = true;
	OrderItem  *items;
	int			column;
	uint32		v;

	chunk->cxt = cxt;
	chunk->chunk = tsdb_chunk_cache_open(order->cache, order->store, item->entry,
										 RelationGetDescr(order->store->rel), order->snapshot, order->cxt);
	chunk->nusers = 1;
	if (order->filter != NULL)
	{
		passes = tsdb_filter_set_chunk(order->filter, chunk->chunk) != TSDB_FILTER_NONE;
		chunk->rows = MemoryContextAlloc(cxt, chunk->chunk->nvectors * TSDB_VECTOR_WORDS * sizeof(uint64));
	}
	if (order->series != NULL)
	{
		chunk->ranks = tsdb_series_rank_chunk(order->series, chunk->chunk, cxt);
		chunk->bytes = (Size) chunk->chunk->nvectors * RelationGetNumberOfAttributes(order->store->rel) * sizeof(TsdbVector);
		order->open_bytes += chunk->bytes;
	}
	column = order->attnum != 0 ? tsdb_chunk_column(chunk->chunk, order->attnum) : -1;
	if (column >= 0)
		vectors = tsdb_chunk_vectors(chunk->chunk, column);
	items = MemoryContextAlloc(cxt, chunk->chunk->nvectors * sizeof(OrderItem));

	for (v = 0; passes && v < chunk->chunk->nvectors; v++)
	{
		TsdbFilterVerdict verdict = order->filter ? tsdb_filter_zone(order->filter, v) : TSDB_FILTER_ALL;
		OrderItem  *child = &items[v];

		CHECK_FOR_INTERRUPTS();
		if (verdict == TSDB_FILTER_NONE ||
			(order->nullable && vectors != NULL && vectors[v].nnulls == Min(chunk->chunk->nrows - v * TSDB_VECTOR_ROWS, TSDB_VECTOR_ROWS)))
		{
			order->counts.vectors_skipped++;
			continue;
		}
		if (chunk->rows != NULL)
		{
			uint64	   *rows = chunk->rows + v * TSDB_VECTOR_WORDS;
			int			alive;

			order->scratch = tsdb_vector_set(chunk->chunk, v, order->scratch, order->cxt);
			alive = tsdb_alive_rows(chunk->chunk, v, rows);
			order->counts.vectors_decoded++;
			note_decoded(order, chunk);
			if (verdict == TSDB_FILTER_SOME && !tsdb_filter_rows(order->filter, order->scratch, rows))
			{
				order->counts.rows_filtered += alive;
				continue;
			}
			order->counts.rows_filtered += alive - tsdb_kernels->bitmap_count(rows, (int) order->scratch->nrows);
		}
		child->kind = ITEM_VECTOR;
		child->chunk = chunk;
		child->vector = v;
		child->series = chunk->ranks == NULL ? 0 :
			Max(item->series, tsdb_series_rank_vector(order->series, chunk->ranks, v));
		child->rank = vectors == NULL || (vectors[v].flags & TSDB_VEC_ZONE) == 0 ? item->rank :
			Min(item->rank, rank_of(order, order->descending ? vectors[v].zone_max : vectors[v].zone_min));
		chunk->nusers++;
		pairingheap_add(order->heap, &child->node);
	}
	release_chunk(order, chunk);
}

/* Of the vector's first n rows those stay whose value is not NULL; returns their number. */
static int
leave_out_nulls(TsdbTimeOrder *order, OrderedVector *vector, int n)
{
	const bool *isnull;
	int			left = 0;
	int			i;

	tsdb_vector_decode(vector->set, order->attnum);
	isnull = vector->set->columns[order->attnum - 1].isnull;
	for (i = 0; i < n; i++)
	{
		vector->rows[left] = vector->rows[i];
		left += !isnull[vector->rows[i]];
	}
	return left;
}

/* Replaces the item of a vector by those of its runs. */
static void
open_vector(TsdbTimeOrder *order, OrderItem *item)
{
	OrderedChunk *chunk = item->chunk;
	MemoryContext cxt = AllocSetContextCreate(order->own_cxt, "tsdb time order vector", ALLOCSET_SMALL_SIZES);
	OrderedVector *vector = MemoryContextAllocZero(cxt, sizeof(OrderedVector));
	uint64		alive[TSDB_VECTOR_WORDS];
	const uint64 *rows = alive;
	const uint64 *ranks = order->ranks;
	uint16		begins[TSDB_VECTOR_ROWS + 1];
	int			nrows;
	int			nruns = 0;
	int			i;

	vector->cxt = cxt;
	vector->chunk = chunk;
	vector->vector = item->vector;
	need_set(order, vector);
	order->nopen++;
	if (chunk->rows != NULL)
		rows = chunk->rows + item->vector * TSDB_VECTOR_WORDS;
	else
	{
		(void) tsdb_alive_rows(chunk->chunk, item->vector, alive);
		order->counts.vectors_decoded++;
	}
	note_decoded(order, chunk);
	nrows = tsdb_kernels->bitmap_to_rows(rows, (int) vector->set->nrows, vector->rows);
	if (order->nullable && nrows > 0)
		nrows = leave_out_nulls(order, vector, nrows);
	if (nrows == 0)
	{
		release_vector(order, vector);
		return;
	}
	vector->values = MemoryContextAlloc(cxt, nrows * sizeof(int64));
	if (order->attnum != 0)
	{
		const Datum *values;

		tsdb_vector_decode(vector->set, order->attnum);
		values = vector->set->columns[order->attnum - 1].values;
		for (i = 0; i < nrows; i++)
			vector->values[i] = (int64) values[vector->rows[i]];
	}
	else
		memset(vector->values, 0, nrows * sizeof(int64));

	/* where a run begins, and the end of all */
	begins[nruns++] = 0;
	if (chunk->ranks != NULL)
	{
		tsdb_series_rank_rows(order->series, chunk->ranks, vector->set, vector->rows, nrows, order->ranks);
		for (i = 1; i < nrows; i++)
		{
			begins[nruns] = (uint16) i;
			nruns += vector->values[i] < vector->values[i - 1] || ranks[i] != ranks[i - 1];
		}
	}
	else
	{
		for (i = 1; i < nrows; i++)
		{
			begins[nruns] = (uint16) i;
			nruns += vector->values[i] < vector->values[i - 1];
		}
	}
	begins[nruns] = (uint16) nrows;
	vector->runs = MemoryContextAlloc(cxt, nruns * sizeof(OrderItem));
	vector->nruns = nruns;
	for (i = 0; i < nruns; i++)
	{
		OrderItem  *run = &vector->runs[i];
		int			first = begins[i];
		int			last = begins[i + 1] - 1;

		run->kind = ITEM_RUN;
		run->open = vector;
		run->next = order->descending ? last : first;
		run->last = order->descending ? first : last;
		run->series = chunk->ranks == NULL ? 0 : ranks[first];
		run->rank = rank_of(order, vector->values[run->next]);
		pairingheap_add(order->heap, &run->node);
	}
}

/* Chunks of the list of which one may have a better row than what is in the heap, and "current", go into the heap. */
static void
add_due_chunks(TsdbTimeOrder *order, const OrderItem *current)
{
	int64		rank;

	while (tsdb_chunk_list_peek(order->list, &rank))
	{
		const TsdbDirEntry *entry;
		OrderItem  *item;

		if (current != NULL && current->rank >= rank)
			break;
		if (!pairingheap_is_empty(order->heap) &&
			pairingheap_container(OrderItem, node, pairingheap_first(order->heap))->rank >= rank)
			break;
		entry = tsdb_chunk_list_next(order->list);
		if (entry == NULL)
		{
			order->counts.chunks_pruned++;
			continue;
		}
		item = MemoryContextAllocZero(order->own_cxt, sizeof(OrderItem));
		item->kind = ITEM_CHUNK;
		item->entry = entry;
		item->rank = rank;
		pairingheap_add(order->heap, &item->node);
	}
}

/* Takes the item whose turn it is out of the heap; NULL: there is none. */
static OrderItem *
next_item(TsdbTimeOrder *order)
{
	OrderItem  *item = order->current;

	order->current = NULL;
	if (order->list != NULL)
		add_due_chunks(order, item);
	if (item != NULL)
	{
		if (pairingheap_is_empty(order->heap) ||
			order->heap->ph_compare(pairingheap_first(order->heap), &item->node, NULL) <= 0)
			return item;
		pairingheap_add(order->heap, &item->node);
	}
	else if (pairingheap_is_empty(order->heap))
		return NULL;
	return pairingheap_container(OrderItem, node, pairingheap_remove_first(order->heap));
}

bool
tsdb_time_order_next(TsdbTimeOrder *order, TsdbVectorSet **set, uint32 *row, uint64 *series, int64 *value)
{
	OrderItem  *item;

	if (order->done != NULL)
		release_vector(order, order->done);
	order->done = NULL;

	while ((item = next_item(order)) != NULL)
	{
		OrderedVector *vector = item->open;

		switch (item->kind)
		{
			case ITEM_CHUNK:
				CHECK_FOR_INTERRUPTS();
				open_chunk(order, item);
				break;
			case ITEM_VECTOR:
				CHECK_FOR_INTERRUPTS();
				open_vector(order, item);
				break;
			case ITEM_RUN:
				if (vector->set == NULL)
					order->nremade++;
				need_set(order, vector);
				order->nreturned++;
				*set = vector->set;
				*row = vector->rows[item->next];
				*series = item->series;
				*value = order->descending ? item->rank : ~item->rank;
				if (item->next == item->last)
				{
					if (--vector->nruns == 0)
						order->done = vector;
				}
				else
				{
					item->next += order->descending ? -1 : 1;
					item->rank = rank_of(order, vector->values[item->next]);
					order->current = item;
				}
				return true;
		}
	}
	return false;
}

bool
tsdb_time_order_next_unordered(TsdbTimeOrder *order, TsdbVectorSet **set, uint32 *row)
{
	uint64		series;
	int64		value;

	/* what is in the heap keeps its place; it is not lost, and what comes below it obeys */
	order->heap->ph_compare = compare_kinds;
	return tsdb_time_order_next(order, set, row, &series, &value);
}

bool
tsdb_time_order_too_wide(TsdbTimeOrder *order)
{
	return order->nremade > MAX_REMADE + order->nreturned / ROWS_A_SET ||
		(Size) order->nopen * TSDB_VECTOR_ROWS * (sizeof(int64) + sizeof(uint16)) + order->open_bytes >
		get_hash_memory_limit();
}

const TsdbTimeOrderCounts *
tsdb_time_order_counts(TsdbTimeOrder *order)
{
	return &order->counts;
}

void
tsdb_time_order_end(TsdbTimeOrder *order, TsdbTimeOrderCounts *counts)
{
	OrderItem  *item;

	if (order->done != NULL)
		release_vector(order, order->done);
	order->list = NULL;
	while ((item = next_item(order)) != NULL)
	{
		if (item->kind == ITEM_VECTOR)
			release_chunk(order, item->chunk);
		else if (item->kind == ITEM_RUN && --item->open->nruns == 0)
			release_vector(order, item->open);
	}
	if (order->scratch != NULL)
		tsdb_vector_set_release(order->scratch);
	*counts = order->counts;
	MemoryContextDelete(order->own_cxt);
}
