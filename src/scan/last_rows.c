/*-------------------------------------------------------------------------
 * last_rows.c
 *	  The newest (or oldest) row of each series.
 *
 * A hash table holds for each series the rank (time_order.c: the value, or its complement) of the best row so far, and
 * where it is.  Chunks come by the best rank that their directory entries allow.  In a chunk whose key column has a
 * dictionary, series are its codes: a code is closed if its series has a row of at least that rank; a chunk
 * with all codes closed is done with its dictionary, a vector without open codes with its codes.
 *
 * In a vector without codes' rows to be left out, each run of rows of one code offers its last row (first, if the oldest is wanted):
 * if that has the best time that the zone allows, no other row of it need be looked at.
 *
 * Rows are read when all chunks have been looked at, in the order in which they lie; of vectors with few of them, value by
 * value.
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "common/hashfn.h"
#include "index/chunk_index.h"
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

/* rows whose values are read at a time */
#define BATCH_ROWS	1024

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
	const AttrNumber *columns;	/* to be read of the rows */
	int			ncolumns;
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
	LastSeries **found;
	int			nfound;
	int			next;

	/* those whose values were read: of one chunk, up to batch_end */
	int			batch_start;
	int			batch_end;
	int			batch_size;		/* room */
	uint32	   *batch_rows;		/* [batch_size] */
	Datum	   *batch_values;	/* [ncolumns][batch_size] */
	bool	   *batch_isnull;
	MemoryContext batch_cxt;	/* what values point to */

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
tsdb_last_rows_begin(TupleDesc desc, List *keys, AttrNumber order_attnum, bool descending,
					 const AttrNumber *columns, int ncolumns, MemoryContext parent)
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
	last->columns = columns;
	last->ncolumns = ncolumns;
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

/* Where the run of equal codes that begins at a row ends. */
static inline uint32
run_end(const uint32 *codes, uint32 row, uint32 nrows)
{
	uint32		code = codes[row];
	int			i;

	for (row++; row + 16 <= nrows; row += 16)
	{
		uint32		differ = 0;

		for (i = 0; i < 16; i++)
			differ |= codes[row + i] ^ code;
		if (differ != 0)
			break;
	}
	while (row < nrows && codes[row] == code)
		row++;
	return row;
}

static inline void
offer_code(TsdbLastRows *last, uint32 code, int64 rank, uint32 row)
{
	if (last->seen[code] && last->best[code] >= rank)
		return;
	last->seen[code] = true;
	last->best[code] = rank;
	last->best_row[code] = last->set->vector * TSDB_VECTOR_ROWS + row;
}

/* The best rank that a vector's zone allows. */
static int64
vector_bound(TsdbLastRows *last, TsdbChunk *chunk, uint32 v)
{
	int			column = tsdb_chunk_column(chunk, last->order_attnum);
	const TsdbVector *times = column < 0 ? NULL : &tsdb_chunk_vectors(chunk, column)[v];

	if (times == NULL || (times->flags & TSDB_VEC_ZONE) == 0)
		return PG_INT64_MAX;
	return rank_of(last, last->descending ? times->zone_max : times->zone_min);
}

/* A run of rows of one series, in a vector of which all rows count.  Returns whether it was looked at. */
static bool
look_at_run(TsdbLastRows *last, uint32 code, uint32 start, uint32 end, int64 bound)
{
	uint32		row = last->descending ? end - 1 : start;
	const Datum *times;
	int64		rank;
	bool		isnull;

	if (last->closed[code] || (last->seen[code] && last->best[code] >= bound))
		return false;
	rank = rank_of(last, (int64) tsdb_vector_value(last->set, last->order_attnum, row, &isnull));
	offer_code(last, code, rank, row);
	if (rank >= bound)
		return true;
	tsdb_vector_decode(last->set, last->order_attnum);
	times = last->set->columns[last->order_attnum - 1].values;
	for (row = start; row < end; row++)
		offer_code(last, code, rank_of(last, (int64) times[row]), row);
	return true;
}

static void
count_vector(TsdbLastRows *last, bool looked)
{
	if (looked)
		last->counts.vectors_decoded++;
	else
		last->counts.vectors_skipped++;
}

/* Rows of one vector, series told by codes of the one key column.  False: this vector has no codes. */
static bool
look_at_codes(TsdbLastRows *last, TsdbChunk *chunk, uint32 v, TsdbFilter *filter)
{
	const TsdbVector *keys = &tsdb_chunk_vectors(chunk, tsdb_chunk_column(chunk, last->key_attnums[0]))[v];
	uint32		null_code = last->ncodes - 1;
	int64		bound = vector_bound(last, chunk, v);
	bool		open = false;
	bool		all;
	uint64		alive[TSDB_VECTOR_WORDS];
	const Datum *values;
	uint32		row;
	int			n;
	int			i;

	last->set = tsdb_vector_set(chunk, v, last->set, last->cxt);
	all = (filter == NULL || tsdb_filter_zone(filter, v) == TSDB_FILTER_ALL) &&
		(!chunk->has_dead || tsdb_alive_rows(chunk, v, alive) == (int) last->set->nrows);
	n = all ? tsdb_vector_runs(last->set, last->key_attnums[0], last->codes, last->rows) : 0;
	if (n > 0)
	{
		for (i = 0, row = 0; i < n; row = last->rows[i++])
			open |= look_at_run(last, last->codes[i], row, last->rows[i], bound);
		count_vector(last, open);
		return true;
	}

	if (!tsdb_vector_codes(last->set, last->key_attnums[0], last->codes, last->isnull))
		return false;
	for (row = 0; keys->nnulls > 0 && row < last->set->nrows; row++)
	{
		if (last->isnull[row])
			last->codes[row] = null_code;
	}
	if (all)
	{
		uint32		end;

		for (row = 0; row < last->set->nrows; row = end)
		{
			end = run_end(last->codes, row, last->set->nrows);
			open |= look_at_run(last, last->codes[row], row, end, bound);
		}
		count_vector(last, open);
		return true;
	}

	for (row = 0; row < last->set->nrows && !open; row = run_end(last->codes, row, last->set->nrows))
		open = !last->closed[last->codes[row]];
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

		if (!last->closed[code])
			offer_code(last, code, rank_of(last, (int64) values[last->rows[i]]), last->rows[i]);
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
	int64		bound = vector_bound(last, chunk, v);
	int64		code;

	if (bound == PG_INT64_MAX || (keys->flags & TSDB_VEC_ZONE) == 0 || keys->nnulls > 0 ||
		TupleDescAttr(last->desc, last->key_attnums[0] - 1)->attbyval ||
		keys->zone_min < 0 || keys->zone_max >= (int64) last->ncodes)
		return false;
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
	tsdb_chunk_index_was_read(&chunk->entry);
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

/* Reads the values of rows of one chunk, from "next" on. */
static void
read_batch(TsdbLastRows *last)
{
	int			entry = last->found[last->next]->entry;
	int			n = 0;
	int			c;

	if (last->batch_rows == NULL)
	{
		last->batch_size = Min(last->nfound, BATCH_ROWS);
		last->batch_rows = MemoryContextAlloc(last->cxt, last->batch_size * sizeof(uint32));
		last->batch_values = MemoryContextAllocHuge(last->cxt, (Size) Max(last->ncolumns, 1) * last->batch_size * sizeof(Datum));
		last->batch_isnull = MemoryContextAllocHuge(last->cxt, (Size) Max(last->ncolumns, 1) * last->batch_size);
		last->batch_cxt = AllocSetContextCreate(last->cxt, "tsdb last rows' values", ALLOCSET_DEFAULT_SIZES);
	}
	MemoryContextReset(last->batch_cxt);
	/* the chunk before this is done with */
	if (last->batch_end > 0 && last->found[last->batch_end - 1]->entry != entry)
	{
		int			before = last->found[last->batch_end - 1]->entry;

		if (before >= 0 && last->chunks[before] != NULL)
			let_go_chunk(last, before);
	}
	if (last->chunks[entry] == NULL)
		last->chunks[entry] = tsdb_chunk_open_bare(last->store, &last->entries[entry], last->desc,
												   last->snapshot, last->cxt);
	last->batch_start = last->next;
	while (n < last->batch_size && last->next + n < last->nfound && last->found[last->next + n]->entry == entry)
	{
		last->batch_rows[n] = last->found[last->next + n]->row;
		n++;
	}
	last->batch_end = last->batch_start + n;
	for (c = 0; c < last->ncolumns; c++)
		tsdb_chunk_values(last->chunks[entry], last->columns[c], last->batch_rows, n,
						  last->batch_values + (Size) c * last->batch_size,
						  last->batch_isnull + (Size) c * last->batch_size, last->batch_cxt);
}

bool
tsdb_last_rows_next(TsdbLastRows *last, MinimalTuple *tuple, Datum *values, bool *isnull)
{
	LastSeries *series;
	int			c;

	if (last->next >= last->nfound)
		return false;
	series = last->found[last->next];
	*tuple = series->tuple;
	if (series->tuple == NULL)
	{
		if (last->next >= last->batch_end)
			read_batch(last);
		for (c = 0; c < last->ncolumns; c++)
		{
			Size		i = (Size) c * last->batch_size + (last->next - last->batch_start);

			values[last->columns[c] - 1] = last->batch_values[i];
			isnull[last->columns[c] - 1] = last->batch_isnull[i];
		}
	}
	last->next++;
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
