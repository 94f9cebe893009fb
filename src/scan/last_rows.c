/*-------------------------------------------------------------------------
 * last_rows.c
 *	  The newest (or oldest) row of each series.
 *
 * A hash table holds for each series the rank (time_order.c: the value, or its complement) of the best row so far, and
 * where it is.  Chunks come by the best rank that their directory entries allow.  In a chunk whose key column has a
 * dictionary, series are its codes: a code is closed if its series has a row of at least that rank; a chunk
 * with all codes closed is done with its dictionary, a vector without open codes with its codes.
 *
 * Rows are read when all chunks have been looked at, in the order in which they lie.
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "common/hashfn.h"
#include "kernels.h"
#include "miscadmin.h"
#include "scan/last_rows.h"
#include "scan/series_cache.h"
#include "tsdb_codec.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/rel.h"

/* chunks that stay open until their rows are read */
#define MAX_KEPT	16

typedef struct LastKey
{
	Datum		value;
	bool		isnull;
} LastKey;

/* A series and its best row. */
typedef struct LastSeries
{
	LastKey    *keys;			/* [nkeys] */
	uint32		hash;
	char		status;			/* simplehash's */
	bool		found;			/* has a row */
	int64		rank;
	int			entry;			/* of the row's chunk; -1: tuple */
	uint32		row;
	MinimalTuple tuple;
} LastSeries;

struct TsdbLastRows
{
	TupleDesc	desc;
	int			nkeys;
	AttrNumber *key_attnums;
	AttrNumber	order_attnum;
	bool		descending;
	MemoryContext cxt;
	struct lastseries_hash *series;
	LastKey    *probe;			/* [nkeys] */

	TsdbStore  *store;
	TsdbDirEntry *entries;
	Snapshot	snapshot;
	TsdbChunk **chunks;			/* [nentries] some of those that had a series' best row; others NULL */
	int			nentries;
	TsdbVectorSet *set;
	bool		offered;		/* the chunk at work has a row that is a series' best so far */

	/* of the chunk at work, by code; the last is NULL's */
	uint32		ncodes;
	bool	   *closed;
	bool	   *seen;
	int64	   *best;
	uint32	   *best_row;
	uint32		codes_size;

	/* rows found */
	int			reading;		/* entry of the set */
	LastSeries **found;
	int			nfound;
	int			next;
	TsdbTimeOrderCounts counts;
	uint32		codes[TSDB_VECTOR_ROWS];
	bool		isnull[TSDB_VECTOR_ROWS];
	uint16		rows[TSDB_VECTOR_ROWS];
};

static bool
same_keys(TsdbLastRows *last, const LastKey *a, const LastKey *b)
{
	int			k;

	for (k = 0; k < last->nkeys; k++)
	{
		Form_pg_attribute att = TupleDescAttr(last->desc, last->key_attnums[k] - 1);

		if (a[k].isnull != b[k].isnull ||
			(!a[k].isnull && !datum_image_eq(a[k].value, b[k].value, att->attbyval, att->attlen)))
			return false;
	}
	return true;
}

static uint32
hash_keys(TsdbLastRows *last, const LastKey *keys)
{
	uint32		hash = 0;
	int			k;

	for (k = 0; k < last->nkeys; k++)
	{
		Form_pg_attribute att = TupleDescAttr(last->desc, last->key_attnums[k] - 1);

		hash = hash_combine(hash, keys[k].isnull ? 0 : datum_image_hash(keys[k].value, att->attbyval, att->attlen));
	}
	return hash;
}

#define SH_PREFIX lastseries
#define SH_ELEMENT_TYPE LastSeries
#define SH_KEY_TYPE LastKey *
#define SH_KEY keys
#define SH_HASH_KEY(tb, key) hash_keys((TsdbLastRows *) (tb)->private_data, key)
#define SH_EQUAL(tb, a, b) same_keys((TsdbLastRows *) (tb)->private_data, a, b)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, a) (a)->hash
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

static inline int64
rank_of(const TsdbLastRows *last, int64 value)
{
	return tsdb_time_rank(value, last->descending);
}

TsdbLastRows *
tsdb_last_rows_begin(TupleDesc desc, List *keys, AttrNumber order_attnum, bool descending, MemoryContext parent)
{
	MemoryContext cxt = AllocSetContextCreate(parent, "tsdb last rows", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(cxt);
	TsdbLastRows *last = palloc0(sizeof(TsdbLastRows));
	ListCell   *lc;

	last->desc = desc;
	last->key_attnums = palloc(list_length(keys) * sizeof(AttrNumber));
	foreach(lc, keys)
		last->key_attnums[last->nkeys++] = (AttrNumber) lfirst_int(lc);
	last->order_attnum = order_attnum;
	last->descending = descending;
	last->cxt = cxt;
	last->series = lastseries_create(cxt, 256, last);
	last->probe = palloc(last->nkeys * sizeof(LastKey));
	MemoryContextSwitchTo(old);
	return last;
}

/* The series with these keys, which are copied if it is new. */
static LastSeries *
series_of(TsdbLastRows *last, LastKey *keys)
{
	bool		known;
	LastSeries *series = lastseries_insert(last->series, keys, &known);
	MemoryContext old;
	int			k;

	if (known)
		return series;
	old = MemoryContextSwitchTo(last->cxt);
	series->keys = palloc(last->nkeys * sizeof(LastKey));
	for (k = 0; k < last->nkeys; k++)
	{
		Form_pg_attribute att = TupleDescAttr(last->desc, last->key_attnums[k] - 1);

		series->keys[k] = keys[k];
		if (!keys[k].isnull)
			series->keys[k].value = datumCopy(keys[k].value, att->attbyval, att->attlen);
	}
	series->found = false;
	series->tuple = NULL;
	MemoryContextSwitchTo(old);
	return series;
}

static void
let_go_chunk(TsdbLastRows *last, int entry)
{
	tsdb_chunk_release(last->chunks[entry]);
	last->chunks[entry] = NULL;
}

static void
offer_row(TsdbLastRows *last, LastSeries *series, int64 rank, int entry, uint32 row)
{
	if (series->found && series->rank >= rank)
		return;
	if (series->tuple != NULL)
		pfree(series->tuple);
	series->tuple = NULL;
	series->found = true;
	series->rank = rank;
	series->entry = entry;
	series->row = row;
	last->offered = true;
}

void
tsdb_last_rows_add(TsdbLastRows *last, TupleTableSlot *slot)
{
	MemoryContext old;
	LastSeries *series;
	bool		isnull;
	int64		rank;
	int			k;

	for (k = 0; k < last->nkeys; k++)
		last->probe[k].value = slot_getattr(slot, last->key_attnums[k], &last->probe[k].isnull);
	rank = rank_of(last, (int64) slot_getattr(slot, last->order_attnum, &isnull));
	series = series_of(last, last->probe);
	if (series->found && series->rank >= rank)
		return;
	offer_row(last, series, rank, -1, 0);
	old = MemoryContextSwitchTo(last->cxt);
	series->tuple = ExecCopySlotMinimalTuple(slot);
	MemoryContextSwitchTo(old);
}

/* Room for what is known of each code of a chunk. */
static void
reset_codes(TsdbLastRows *last, uint32 ncodes)
{
	if (ncodes > last->codes_size)
	{
		if (last->codes_size > 0)
		{
			pfree(last->closed);
			pfree(last->seen);
			pfree(last->best);
			pfree(last->best_row);
		}
		last->closed = MemoryContextAllocHuge(last->cxt, ncodes * sizeof(bool));
		last->seen = MemoryContextAllocHuge(last->cxt, ncodes * sizeof(bool));
		last->best = MemoryContextAllocHuge(last->cxt, ncodes * sizeof(int64));
		last->best_row = MemoryContextAllocHuge(last->cxt, ncodes * sizeof(uint32));
		last->codes_size = ncodes;
	}
	memset(last->closed, 0, ncodes * sizeof(bool));
	memset(last->seen, 0, ncodes * sizeof(bool));
	last->ncodes = ncodes;
}

/* Alive rows of a vector that pass the filter; 0: none. */
static int
select_rows(TsdbLastRows *last, TsdbChunk *chunk, uint32 v, TsdbFilter *filter)
{
	TsdbFilterVerdict verdict = filter ? tsdb_filter_zone(filter, v) : TSDB_FILTER_ALL;
	uint64		rows[TSDB_VECTOR_WORDS];
	int			alive;
	int			n;

	if (verdict == TSDB_FILTER_NONE)
	{
		last->counts.vectors_skipped++;
		return 0;
	}
	last->set = tsdb_vector_set(chunk, v, last->set, last->cxt);
	alive = tsdb_alive_rows(chunk, v, rows);
	last->counts.vectors_decoded++;
	if (verdict == TSDB_FILTER_SOME && !tsdb_filter_rows(filter, last->set, rows))
		n = 0;
	else
		n = tsdb_kernels->bitmap_to_rows(rows, (int) last->set->nrows, last->rows);
	last->counts.rows_filtered += alive - n;
	return n;
}

/* Rows of one vector, series told by codes of the one key column.  False: this vector has no codes. */
static bool
look_at_codes(TsdbLastRows *last, TsdbChunk *chunk, uint32 v, TsdbFilter *filter)
{
	uint32		null_code = last->ncodes - 1;
	bool		open = false;
	const Datum *values;
	int			n;
	int			i;
	uint32		row;

	last->set = tsdb_vector_set(chunk, v, last->set, last->cxt);
	if (!tsdb_vector_codes(last->set, last->key_attnums[0], last->codes, last->isnull))
		return false;
	for (row = 0; row < last->set->nrows; row++)
	{
		if (last->isnull[row])
			last->codes[row] = null_code;
		open = open || !last->closed[last->codes[row]];
	}
	if (!open)
	{
		last->counts.vectors_skipped++;
		return true;
	}

	n = select_rows(last, chunk, v, filter);
	if (n == 0)
		return true;
	tsdb_vector_decode(last->set, last->order_attnum);
	values = last->set->columns[last->order_attnum - 1].values;
	for (i = 0; i < n; i++)
	{
		uint32		code = last->codes[last->rows[i]];
		int64		rank = rank_of(last, (int64) values[last->rows[i]]);

		if (last->closed[code] || (last->seen[code] && last->best[code] >= rank))
			continue;
		last->seen[code] = true;
		last->best[code] = rank;
		last->best_row[code] = v * TSDB_VECTOR_ROWS + last->rows[i];
	}
	return true;
}

/* The same, by the values of the key columns. */
static void
look_at_values(TsdbLastRows *last, TsdbChunk *chunk, int entry, uint32 v, TsdbFilter *filter)
{
	LastSeries *series = NULL;
	const Datum *values;
	int			n = select_rows(last, chunk, v, filter);
	int			i;
	int			k;

	if (n == 0)
		return;
	for (k = 0; k < last->nkeys; k++)
		tsdb_vector_decode(last->set, last->key_attnums[k]);
	tsdb_vector_decode(last->set, last->order_attnum);
	values = last->set->columns[last->order_attnum - 1].values;
	for (i = 0; i < n; i++)
	{
		uint32		row = last->rows[i];

		for (k = 0; k < last->nkeys; k++)
		{
			last->probe[k].value = last->set->columns[last->key_attnums[k] - 1].values[row];
			last->probe[k].isnull = last->set->columns[last->key_attnums[k] - 1].isnull[row];
		}
		/* rows of a series lie together */
		if (series == NULL || !same_keys(last, series->keys, last->probe))
			series = series_of(last, last->probe);
		offer_row(last, series, rank_of(last, (int64) values[row]), entry, v * TSDB_VECTOR_ROWS + row);
	}
}

/* Are all vectors of the column coded by its dictionary?  nulls: is some row NULL? */
static bool
all_coded(TsdbChunk *chunk, AttrNumber attnum, bool *nulls)
{
	const TsdbVector *vectors = tsdb_chunk_vectors(chunk, tsdb_chunk_column(chunk, attnum));
	uint32		v;

	*nulls = false;
	for (v = 0; v < chunk->nvectors; v++)
	{
		*nulls = *nulls || vectors[v].nnulls > 0;
		if (vectors[v].nparts != 0 || (vectors[v].block.length != 0 && vectors[v].encoding != TSDB_ENC_DICT))
			return false;
	}
	return true;
}

/* Which codes are closed?  (closed may be NULL.)  Returns how many are not. */
static int
close_codes(TsdbLastRows *last, const TsdbChunkSeries *series, int64 bound, bool *closed)
{
	int			nopen = 0;
	uint32		i;

	for (i = 0; i < series->n + (series->nulls ? 1 : 0); i++)
	{
		LastKey		key = {i < series->n ? series->values[i] : (Datum) 0, i >= series->n};
		LastSeries *found = lastseries_lookup_hash(last->series, &key,
												   i < series->n ? series->hashes[i] : hash_keys(last, &key));
		bool		is_closed = found != NULL && found->found && found->rank >= bound;

		nopen += !is_closed;
		if (closed != NULL)
			closed[i] = is_closed;
		else if (nopen > 0)
			break;
	}
	return nopen;
}

/* Do the zones of a vector tell that it has no row better than those found, of any of its series? */
static bool
vector_is_done(TsdbLastRows *last, TsdbChunk *chunk, uint32 v)
{
	const TsdbVector *keys = &tsdb_chunk_vectors(chunk, tsdb_chunk_column(chunk, last->key_attnums[0]))[v];
	int			time_column = tsdb_chunk_column(chunk, last->order_attnum);
	const TsdbVector *times;
	int64		bound;
	int64		code;

	if (time_column < 0 || (keys->flags & TSDB_VEC_ZONE) == 0 || keys->nnulls > 0 ||
		TupleDescAttr(last->desc, last->key_attnums[0] - 1)->attbyval ||
		keys->zone_min < 0 || keys->zone_max >= (int64) last->ncodes)
		return false;
	times = &tsdb_chunk_vectors(chunk, time_column)[v];
	if ((times->flags & TSDB_VEC_ZONE) == 0)
		return false;
	bound = rank_of(last, last->descending ? times->zone_max : times->zone_min);
	for (code = keys->zone_min; code <= keys->zone_max; code++)
	{
		if (!last->closed[code] && !(last->seen[code] && last->best[code] >= bound))
			return false;
	}
	return true;
}

static void
look_at_chunk(TsdbLastRows *last, TsdbStore *store, TsdbDirEntry *entries, int entry, int64 bound,
			  Snapshot snapshot, TsdbFilter *filter)
{
	const TsdbChunkSeries *known = NULL;
	TsdbChunk  *chunk;
	const Datum *dict = NULL;
	uint32		ndict = 0;
	bool		nulls = false;
	uint32		n;
	uint32		i;

	if (last->nkeys == 1)
		known = tsdb_series_cache_find(store, &entries[entry], last->key_attnums[0]);
	if (known != NULL && close_codes(last, known, bound, NULL) == 0)
	{
		last->counts.chunks_skipped++;
		return;
	}
	chunk = tsdb_chunk_open_bare(store, &entries[entry], last->desc, snapshot, last->cxt);
	last->chunks[entry] = chunk;
	if (last->nkeys == 1)
		dict = tsdb_chunk_dictionary(chunk, last->key_attnums[0], &ndict);
	if (dict != NULL && !all_coded(chunk, last->key_attnums[0], &nulls))
		dict = NULL;
	if (dict != NULL)
	{
		TsdbChunkSeries found = {ndict, nulls, unconstify(Datum *, dict), NULL};
		Form_pg_attribute att = TupleDescAttr(last->desc, last->key_attnums[0] - 1);
		int			nopen;

		if (known == NULL)
		{
			found.hashes = palloc(Max(ndict, 1) * sizeof(uint32));
			for (i = 0; i < ndict; i++)
			{
				LastKey		key = {dict[i], false};

				found.hashes[i] = hash_keys(last, &key);
			}
			tsdb_series_cache_put(store, &entries[entry], last->key_attnums[0], &found, att->attbyval, att->attlen);
			known = &found;
		}
		reset_codes(last, ndict + 1);
		nopen = close_codes(last, known, bound, last->closed);
		if (found.hashes != NULL)
			pfree(found.hashes);
		if (nopen == 0)
		{
			last->counts.chunks_skipped++;
			return;
		}
	}

	if (filter != NULL && tsdb_filter_set_chunk(filter, chunk) == TSDB_FILTER_NONE)
	{
		last->counts.chunks_skipped++;
		return;
	}
	last->counts.chunks_read++;
	tsdb_chunk_read_tombstones(chunk, snapshot);
	for (n = 0; n < chunk->nvectors; n++)
	{
		/* from the end at which the rows are that are looked for */
		uint32		v = last->descending ? chunk->nvectors - 1 - n : n;

		CHECK_FOR_INTERRUPTS();
		if (dict != NULL && vector_is_done(last, chunk, v))
		{
			last->counts.vectors_skipped++;
			continue;
		}
		if (dict == NULL || !look_at_codes(last, chunk, v, filter))
			look_at_values(last, chunk, entry, v, filter);
	}
	for (i = 0; dict != NULL && i <= ndict; i++)
	{
		LastKey		key = {i < ndict ? dict[i] : (Datum) 0, i >= ndict};

		if (last->seen[i])
			offer_row(last, series_of(last, &key), last->best[i], entry, last->best_row[i]);
	}
}

typedef struct RankedEntry
{
	int64		bound;
	int			entry;
} RankedEntry;

static int
compare_entries(const void *a, const void *b)
{
	const RankedEntry *x = a;
	const RankedEntry *y = b;

	return x->bound > y->bound ? -1 : x->bound < y->bound ? 1 : x->entry - y->entry;
}

/* As the rows lie: tuples first. */
static int
compare_found(const void *a, const void *b)
{
	const LastSeries *x = *(LastSeries *const *) a;
	const LastSeries *y = *(LastSeries *const *) b;

	if (x->entry != y->entry)
		return x->entry - y->entry;
	return x->row < y->row ? -1 : x->row > y->row;
}

void
tsdb_last_rows_look(TsdbLastRows *last, TsdbStore *store, TsdbDirEntry *entries, int nentries,
					Snapshot snapshot, TsdbFilter *filter)
{
	RankedEntry *ranked = MemoryContextAllocHuge(last->cxt, Max(nentries, 1) * sizeof(RankedEntry));
	lastseries_iterator it;
	LastSeries *series;
	int			nkept = 0;
	int			i;

	last->store = store;
	last->entries = entries;
	last->snapshot = snapshot;
	last->nentries = nentries;
	last->chunks = MemoryContextAllocExtended(last->cxt, Max(nentries, 1) * sizeof(TsdbChunk *),
											  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (i = 0; i < nentries; i++)
	{
		ranked[i].entry = i;
		ranked[i].bound = tsdb_entry_rank(&entries[i].d, last->order_attnum, last->descending);
	}
	qsort(ranked, nentries, sizeof(RankedEntry), compare_entries);
	for (i = 0; i < nentries; i++)
	{
		CHECK_FOR_INTERRUPTS();
		last->offered = false;
		look_at_chunk(last, store, entries, ranked[i].entry, ranked[i].bound, snapshot, filter);
		if (last->set != NULL)
			tsdb_vector_set_release(last->set);
		last->set = NULL;
		/* others are opened again when their rows are read */
		if (last->chunks[ranked[i].entry] != NULL && (!last->offered || nkept >= MAX_KEPT))
			let_go_chunk(last, ranked[i].entry);
		else if (last->chunks[ranked[i].entry] != NULL)
			nkept++;
	}
	pfree(ranked);

	last->found = MemoryContextAllocHuge(last->cxt, Max(last->series->members, 1) * sizeof(LastSeries *));
	lastseries_start_iterate(last->series, &it);
	while ((series = lastseries_iterate(last->series, &it)) != NULL)
	{
		if (series->found)
			last->found[last->nfound++] = series;
	}
	qsort(last->found, last->nfound, sizeof(LastSeries *), compare_found);
}

bool
tsdb_last_rows_next(TsdbLastRows *last, MinimalTuple *tuple, TsdbVectorSet **set, uint32 *row)
{
	LastSeries *series;

	if (last->next >= last->nfound)
		return false;
	series = last->found[last->next++];
	*tuple = series->tuple;
	if (series->tuple == NULL)
	{
		/* rows come chunk by chunk */
		if (last->set != NULL && series->entry != last->reading)
		{
			tsdb_vector_set_release(last->set);
			last->set = NULL;
			let_go_chunk(last, last->reading);
		}
		last->reading = series->entry;
		if (last->chunks[series->entry] == NULL)
			last->chunks[series->entry] = tsdb_chunk_open_bare(last->store, &last->entries[series->entry], last->desc,
															   last->snapshot, last->cxt);
		last->set = tsdb_vector_set(last->chunks[series->entry], series->row / TSDB_VECTOR_ROWS, last->set, last->cxt);
		*set = last->set;
		*row = series->row % TSDB_VECTOR_ROWS;
	}
	return true;
}

void
tsdb_last_rows_end(TsdbLastRows *last, TsdbTimeOrderCounts *counts)
{
	int			i;

	if (last->set != NULL)
		tsdb_vector_set_detach(last->set);
	for (i = 0; i < last->nentries; i++)
	{
		if (last->chunks[i] != NULL)
			tsdb_chunk_release(last->chunks[i]);
	}
	*counts = last->counts;
	MemoryContextDelete(last->cxt);
}
