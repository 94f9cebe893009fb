/*-------------------------------------------------------------------------
 * column_buffer.c
 *	  Rows gathered column by column in memory, waiting to become chunks.
 *
 * Append is on the path of every row of COPY.  It makes two passes over the columns: the
 * first finds lengths (of toasted values too, without fetching them) and refuses the row
 * before anything is changed, the second stores.  Memory is allocated by doubling only.
 *
 * Equal by-reference values share one place in the arena: a hash table for each column
 * maps bytes to place.  Labels so cost one copy a batch, and sort and dictionary work on
 * a few distinct places instead of on all rows.  A column whose values hardly repeat would pay for
 * look-ups that never hit: its table is dropped (see dedup_give_up).
 *
 * Invariants: place 0 of the arena is no value (NULL rows point to it); as long as a column's
 * dedup is set, different places of the column hold different bytes; TsdbArenaValue.code is
 * scratch of whoever works on the buffer and says nothing by itself: a holder of a list of places
 * trusts code c of place p only if c < length and list[c] = p.
 *-------------------------------------------------------------------------
 */
#include "chunk/column_buffer.h"

#include "chunk/column_buffer_internal.h"

#include "access/detoast.h"
#include "catalog/pg_type_d.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#define INITIAL_ROWS			1024
#define INITIAL_ARENA			(32 * 1024)
#define INITIAL_SLOTS			256

/* a column is judged from this many rows on; fewer distinct values than a quarter: sharing pays */
#define DEDUP_MIN_ROWS			4096

typedef struct DedupSlot
{
	uint32		hash;
	uint32		offset;			/* 0 = free */
} DedupSlot;

typedef struct Dedup
{
	DedupSlot  *slots;
	uint32		nslots;			/* a power of two, at least twice ndistinct */
	uint32		last;			/* place of the newest value that was not NULL, or 0 */
} Dedup;


/*-------------------------------------------------------------------------
 * Making, growing, emptying
 *-------------------------------------------------------------------------
 */

static TsdbColumnKind
column_kind(Form_pg_attribute att)
{
	if (att->attbyval)
	{
		/* all that matters is whether the bits are a float's, be it a domain */
		Oid			base = getBaseType(att->atttypid);

		if (base == FLOAT8OID)
			return TSDB_KIND_FLOAT8;
		if (base == FLOAT4OID)
			return TSDB_KIND_FLOAT4;
		return TSDB_KIND_INT;
	}
	if (att->attlen == -1)
		return TSDB_KIND_VARLENA;
	if (att->attlen == -2)
		return TSDB_KIND_CSTRING;
	return TSDB_KIND_FIXED;
}

static void
allocate_rows(TsdbColumnBuffer *buf, uint32 maxrows)
{
	int			i;

	buf->maxrows = maxrows;
	buf->row_bytes = MemoryContextAllocHuge(buf->cxt, (Size) maxrows * sizeof(uint32));
	for (i = 0; i < buf->ncolumns; i++)
	{
		TsdbColumn *col = &buf->columns[i];

		col->nulls = MemoryContextAllocHuge(buf->cxt, maxrows);
		if (col->typbyval)
			col->values = MemoryContextAllocHuge(buf->cxt, (Size) maxrows * sizeof(int64));
		else
			col->offsets = MemoryContextAllocHuge(buf->cxt, (Size) maxrows * sizeof(uint32));
	}
}

static void
grow_rows(TsdbColumnBuffer *buf)
{
	Size		maxrows = (Size) buf->maxrows * 2;
	int			i;

	buf->row_bytes = repalloc_huge(buf->row_bytes, maxrows * sizeof(uint32));
	for (i = 0; i < buf->ncolumns; i++)
	{
		TsdbColumn *col = &buf->columns[i];

		col->nulls = repalloc_huge(col->nulls, maxrows);
		if (col->typbyval)
			col->values = repalloc_huge(col->values, maxrows * sizeof(int64));
		else
			col->offsets = repalloc_huge(col->offsets, maxrows * sizeof(uint32));
	}
	buf->maxrows = (uint32) maxrows;
}

static void
allocate_arena(TsdbColumnBuffer *buf)
{
	buf->arena_size = INITIAL_ARENA;
	buf->arena = MemoryContextAllocHuge(buf->cxt, buf->arena_size);
}

static void
grow_arena(TsdbColumnBuffer *buf, Size need)
{
	Size		size = buf->arena_size;

	while (size - buf->arena_used < need)
		size *= 2;
	buf->arena = repalloc_huge(buf->arena, size);
	buf->arena_size = size;
}

static void
empty_arena(TsdbColumnBuffer *buf)
{
	/* place 0: an empty value that nobody asks for */
	memset(buf->arena, 0, offsetof(TsdbArenaValue, bytes));
	buf->arena_used = MAXALIGN(offsetof(TsdbArenaValue, bytes));
}

static void
dedup_allocate(TsdbColumnBuffer *buf, Dedup *dedup, uint32 nslots)
{
	dedup->slots = MemoryContextAllocExtended(buf->cxt, (Size) nslots * sizeof(DedupSlot),
											  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	dedup->nslots = nslots;
}

TsdbColumnBuffer *
tsdb_column_buffer_create(TupleDesc tupdesc, MemoryContext parent)
{
	MemoryContext cxt = AllocSetContextCreate(parent, "tsdb column buffer",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContext oldcxt = MemoryContextSwitchTo(cxt);
	TsdbColumnBuffer *buf = palloc0(sizeof(TsdbColumnBuffer));
	int			natts = tupdesc->natts;
	int			i;

	buf->cxt = cxt;
	buf->tupdesc = CreateTupleDescCopy(tupdesc);
	buf->columns = palloc0(sizeof(TsdbColumn) * Max(natts, 1));
	buf->column_of_att = palloc(sizeof(int) * Max(natts, 1));
	buf->lens = palloc0(sizeof(uint32) * Max(natts, 1));
	buf->row_width = sizeof(uint32);

	for (i = 0; i < natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);
		TsdbColumn *col = &buf->columns[buf->ncolumns];

		if (att->attisdropped)
		{
			buf->column_of_att[i] = -1;
			buf->has_dropped = true;
			continue;
		}
		buf->column_of_att[i] = buf->ncolumns++;
		col->attnum = att->attnum;
		col->typid = att->atttypid;
		col->typlen = att->attlen;
		col->typbyval = att->attbyval;
		col->typalign = att->attalign;
		col->kind = column_kind(att);
		col->align = att->attalign == TYPALIGN_CHAR ? 1 :
			att->attalign == TYPALIGN_SHORT ? 2 :
			att->attalign == TYPALIGN_INT ? 4 : 8;
		col->can_be_short = att->attlen == -1 && att->attstorage != TYPSTORAGE_PLAIN;
		buf->row_width += sizeof(bool) + (col->typbyval ? sizeof(int64) : sizeof(uint32));
		if (!col->typbyval)
		{
			col->dedup = true;
			col->hash = palloc0(sizeof(Dedup));
		}
	}
	MemoryContextSwitchTo(oldcxt);

	allocate_rows(buf, INITIAL_ROWS);
	allocate_arena(buf);
	empty_arena(buf);
	return buf;
}

void
tsdb_column_buffer_reset(TsdbColumnBuffer *buf, Size keep_bytes)
{
	int			i;

	if ((Size) buf->maxrows * buf->row_width > keep_bytes && buf->maxrows > INITIAL_ROWS)
	{
		pfree(buf->row_bytes);
		for (i = 0; i < buf->ncolumns; i++)
		{
			pfree(buf->columns[i].nulls);
			if (buf->columns[i].typbyval)
				pfree(buf->columns[i].values);
			else
				pfree(buf->columns[i].offsets);
		}
		allocate_rows(buf, INITIAL_ROWS);
	}
	if (buf->arena_size > keep_bytes && buf->arena_size > INITIAL_ARENA)
	{
		pfree(buf->arena);
		allocate_arena(buf);
	}
	empty_arena(buf);

	for (i = 0; i < buf->ncolumns; i++)
	{
		TsdbColumn *col = &buf->columns[i];
		Dedup	   *dedup = col->hash;

		col->hasnulls = false;
		col->raw_bytes = 0;
		col->ndistinct = 0;
		if (dedup == NULL)
			continue;
		col->dedup = true;
		dedup->last = 0;
		if (dedup->slots == NULL)
			continue;
		if ((Size) dedup->nslots * sizeof(DedupSlot) > keep_bytes)
		{
			pfree(dedup->slots);
			dedup->slots = NULL;
			dedup->nslots = 0;
		}
		else
			memset(dedup->slots, 0, (Size) dedup->nslots * sizeof(DedupSlot));
	}
	buf->nrows = 0;
	buf->raw_bytes = 0;
	buf->bytes_used = 0;
	for (i = 0; i < buf->ncolumns; i++)
	{
		Dedup	   *dedup = buf->columns[i].hash;

		if (dedup != NULL)
			buf->bytes_used += (Size) dedup->nslots * sizeof(DedupSlot);
	}
}


/*-------------------------------------------------------------------------
 * Append
 *-------------------------------------------------------------------------
 */

/* Values hardly repeat: no more looking for equal ones in this batch. */
static void
dedup_give_up(TsdbColumnBuffer *buf, TsdbColumn *col)
{
	Dedup	   *dedup = col->hash;

	buf->bytes_used -= (Size) dedup->nslots * sizeof(DedupSlot);
	if (dedup->slots != NULL)
		pfree(dedup->slots);
	dedup->slots = NULL;
	dedup->nslots = 0;
	dedup->last = 0;
	col->dedup = false;
	col->ndistinct = 0;
}

static void
dedup_grow(TsdbColumnBuffer *buf, Dedup *dedup)
{
	DedupSlot  *old = dedup->slots;
	uint32		nold = dedup->nslots;
	uint32		i;

	dedup_allocate(buf, dedup, nold == 0 ? INITIAL_SLOTS : nold * 2);
	buf->bytes_used += (Size) (dedup->nslots - nold) * sizeof(DedupSlot);
	for (i = 0; i < nold; i++)
	{
		uint32		at;

		if (old[i].offset == 0)
			continue;
		at = old[i].hash & (dedup->nslots - 1);
		while (dedup->slots[at].offset != 0)
			at = (at + 1) & (dedup->nslots - 1);
		dedup->slots[at] = old[i];
	}
	if (old != NULL)
		pfree(old);
}

/* Puts bytes into the arena, where room has been made. */
static inline uint32
arena_put(TsdbColumnBuffer *buf, const uint8 *bytes, uint32 len)
{
	Size		size = MAXALIGN(offsetof(TsdbArenaValue, bytes) + len);
	TsdbArenaValue *value = (TsdbArenaValue *) (buf->arena + buf->arena_used);
	uint32		offset = (uint32) (buf->arena_used / 8);

	Assert(buf->arena_size - buf->arena_used >= size);
	value->len = len;
	value->code = 0;
	memcpy(value->bytes, bytes, len);
	buf->arena_used += size;
	buf->bytes_used += size;
	return offset;
}

/* Place of a value of this column, an old one if the bytes are known. */
static inline uint32
place_value(TsdbColumnBuffer *buf, TsdbColumn *col, const uint8 *bytes, uint32 len)
{
	Dedup	   *dedup = col->hash;
	uint32		hash;
	uint32		at;
	int			probes;

	if (!col->dedup)
		return arena_put(buf, bytes, len);

	/* rows of one series often come together */
	if (dedup->last != 0)
	{
		TsdbArenaValue *last = tsdb_arena_value(buf, dedup->last);

		if (last->len == len && tsdb_equal_bytes(last->bytes, bytes, len))
			return dedup->last;
	}

	if (dedup->nslots < (col->ndistinct + 1) * 2)
		dedup_grow(buf, dedup);
	hash = tsdb_hash_value(bytes, len);
	at = hash & (dedup->nslots - 1);
	for (probes = 0; dedup->slots[at].offset != 0; probes++)
	{
		if (dedup->slots[at].hash == hash)
		{
			TsdbArenaValue *value = tsdb_arena_value(buf, dedup->slots[at].offset);

			if (value->len == len && tsdb_equal_bytes(value->bytes, bytes, len))
				return dedup->last = dedup->slots[at].offset;
		}
		at = (at + 1) & (dedup->nslots - 1);
		if (probes >= TSDB_MAX_PROBES)
		{
			dedup_give_up(buf, col);
			return arena_put(buf, bytes, len);
		}
	}

	if (buf->nrows >= DEDUP_MIN_ROWS && col->ndistinct > buf->nrows / 4)
	{
		dedup_give_up(buf, col);
		return arena_put(buf, bytes, len);
	}
	dedup->slots[at].hash = hash;
	dedup->slots[at].offset = arena_put(buf, bytes, len);
	col->ndistinct++;
	return dedup->last = dedup->slots[at].offset;
}

/* Is the payload there to be copied: not compressed, out of line, or expanded? */
static inline bool
is_plain(const struct varlena *ptr)
{
	return VARATT_IS_4B_U(ptr) || (VARATT_IS_1B(ptr) && !VARATT_IS_1B_E(ptr));
}

/* Where a heap tuple's data ends with a varlena of that payload behind tuple_len bytes. */
static inline Size
behind_varlena(const TsdbColumn *col, Size tuple_len, Size len)
{
	return tsdb_is_short(col, len) ? tuple_len + len + VARHDRSZ_SHORT : TYPEALIGN(col->align, tuple_len) + VARHDRSZ + len;
}

/* Makes a plain varlena, of that payload, the value of a row. */
static inline void
place_varlena(TsdbColumnBuffer *buf, TsdbColumn *col, uint32 row, const struct varlena *ptr, uint32 len)
{
	col->offsets[row] = place_value(buf, col, (const uint8 *) VARDATA_ANY(ptr), len);
	col->raw_bytes += len + (tsdb_is_short(col, len) ? VARHDRSZ_SHORT : VARHDRSZ);
}

bool
tsdb_column_buffer_append(TsdbColumnBuffer *buf, const Datum *values, const bool *isnull)
{
	uint32		row = buf->nrows;
	bool		anynull = buf->has_dropped;
	Size		tuple_len = 0;	/* of the data part of a heap tuple */
	Size		need = 0;		/* arena bytes if nothing is shared */
	int			i;

	for (i = 0; i < buf->ncolumns; i++)
	{
		TsdbColumn *col = &buf->columns[i];
		Datum		value;
		Size		len;

		if (isnull[col->attnum - 1])
		{
			anynull = true;
			continue;
		}
		if (col->typlen > 0)
		{
			tuple_len = TYPEALIGN(col->align, tuple_len) + col->typlen;
			if (!col->typbyval)
				need += MAXALIGN(offsetof(TsdbArenaValue, bytes) + col->typlen);
			continue;
		}
		value = values[col->attnum - 1];
		if (col->typlen == -1)
		{
			struct varlena *ptr = (struct varlena *) DatumGetPointer(value);

			if (is_plain(ptr))
				len = VARSIZE_ANY_EXHDR(ptr);
			else
				len = toast_raw_datum_size(value) - VARHDRSZ;
			tuple_len = behind_varlena(col, tuple_len, len);
		}
		else
		{
			len = strlen(DatumGetCString(value));
			tuple_len += len + 1;
		}
		if (len > TSDB_MAX_VALUE_BYTES)
			return false;
		buf->lens[i] = (uint32) len;
		need += MAXALIGN(offsetof(TsdbArenaValue, bytes) + len);
	}
	if (tuple_len > TSDB_MAX_ROW_BYTES || row >= PG_INT32_MAX / 2)
		return false;
	if (need > buf->arena_size - buf->arena_used)
	{
		if ((buf->arena_used + need) / 8 >= PG_UINT32_MAX)
			return false;
		grow_arena(buf, need);
	}
	if (row >= buf->maxrows)
		grow_rows(buf);

	for (i = 0; i < buf->ncolumns; i++)
	{
		TsdbColumn *col = &buf->columns[i];
		Datum		value;

		if (isnull[col->attnum - 1])
		{
			col->nulls[row] = true;
			col->hasnulls = true;
			if (col->typbyval)
				col->values[row] = 0;
			else
				col->offsets[row] = 0;
			continue;
		}
		col->nulls[row] = false;
		value = values[col->attnum - 1];
		if (col->typbyval)
		{
			/* more columns than the processor follows by itself: fetch the line after next */
			if ((row & 7) == 0)
				__builtin_prefetch(&col->values[row + 16], 1);

			/* whoever made the Datum may have left anything in its upper bytes */
			if (col->typlen == 8)
				col->values[row] = (int64) value;
			else if (col->typlen == 4)
				col->values[row] = (int32) value;
			else if (col->typlen == 2)
				col->values[row] = (int16) value;
			else
				col->values[row] = (int8) value;
			col->raw_bytes += col->typlen;
		}
		else if (col->typlen == -1)
		{
			struct varlena *ptr = (struct varlena *) DatumGetPointer(value);
			uint32		len = buf->lens[i];

			if (is_plain(ptr))
				place_varlena(buf, col, row, ptr, len);
			else
			{
				struct varlena *plain = detoast_attr(ptr);

				/* room was made for the length that the first pass found */
				if (VARSIZE_ANY_EXHDR(plain) != len)
					elog(ERROR, "length of a detoasted value is %u instead of %u",
						 (unsigned) VARSIZE_ANY_EXHDR(plain), len);
				place_varlena(buf, col, row, plain, len);
				pfree(plain);
			}
		}
		else if (col->typlen == -2)
		{
			col->offsets[row] = place_value(buf, col, (uint8 *) DatumGetPointer(value), buf->lens[i]);
			col->raw_bytes += buf->lens[i] + 1;
		}
		else
		{
			col->offsets[row] = place_value(buf, col, (uint8 *) DatumGetPointer(value), col->typlen);
			col->raw_bytes += col->typlen;
		}
	}

	tuple_len += MAXALIGN(SizeofHeapTupleHeader + (anynull ? BITMAPLEN(buf->tupdesc->natts) : 0));
	buf->row_bytes[row] = (uint32) (MAXALIGN(tuple_len) + sizeof(ItemIdData));
	buf->raw_bytes += buf->row_bytes[row];
	buf->bytes_used += buf->row_width;
	buf->nrows++;
	return true;
}

/* One fixed-length by-value column of append_rows, without NULLs: "type" is what fetch_att would have read. */
#define STORE_VALUES(type) \
	do { \
		for (r = 0; r < n; r++) \
			to[r] = (type) values[r * natts + at]; \
	} while (0)

bool
tsdb_column_buffer_append_rows(TsdbColumnBuffer *buf, const Datum *values, const bool *isnull, uint32 n)
{
	Size		natts = buf->tupdesc->natts;
	uint32		row = buf->nrows;
	uint32		tuple_len[TSDB_APPEND_ROWS] = {0};	/* of the data part of a heap tuple */
	bool		anynull[TSDB_APPEND_ROWS];
	Size		need = 0;
	uint32		r;
	int			i;

	Assert(n <= TSDB_APPEND_ROWS);
	if (row >= PG_INT32_MAX / 2)
		return false;
	memset(anynull, buf->has_dropped, n);

	for (i = 0; i < buf->ncolumns; i++)
	{
		TsdbColumn *col = &buf->columns[i];
		Size		at = col->attnum - 1;

		for (r = 0; r < n; r++)
		{
			Size		len;

			if (isnull[r * natts + at])
			{
				anynull[r] = true;
				continue;
			}
			if (col->typlen > 0)
			{
				tuple_len[r] = TYPEALIGN(col->align, tuple_len[r]) + col->typlen;
				continue;
			}
			if (col->typlen == -1)
			{
				struct varlena *ptr = (struct varlena *) DatumGetPointer(values[r * natts + at]);

				if (!is_plain(ptr))
					return false;
				len = VARSIZE_ANY_EXHDR(ptr);
				tuple_len[r] = behind_varlena(col, tuple_len[r], len);
			}
			else
			{
				len = strlen(DatumGetCString(values[r * natts + at]));
				tuple_len[r] += len + 1;
			}
			if (len > TSDB_MAX_VALUE_BYTES || tuple_len[r] > TSDB_MAX_ROW_BYTES)
				return false;
			need += MAXALIGN(offsetof(TsdbArenaValue, bytes) + len);
		}
		if (col->typlen > 0 && !col->typbyval)
			need += n * MAXALIGN(offsetof(TsdbArenaValue, bytes) + col->typlen);
	}
	if (need > buf->arena_size - buf->arena_used)
	{
		if ((buf->arena_used + need) / 8 >= PG_UINT32_MAX)
			return false;
		grow_arena(buf, need);
	}
	while (row + n > buf->maxrows)
		grow_rows(buf);

	for (i = 0; i < buf->ncolumns; i++)
	{
		TsdbColumn *col = &buf->columns[i];
		Size		at = col->attnum - 1;
		bool	   *nulls = col->nulls + row;
		uint32		nnulls = 0;

		for (r = 0; r < n; r++)
		{
			nulls[r] = isnull[r * natts + at];
			nnulls += nulls[r];
		}
		col->hasnulls = col->hasnulls || nnulls > 0;
		if (col->typbyval)
		{
			int64	   *to = col->values + row;

			/* whoever made the Datum may have left anything in its upper bytes */
			if (col->typlen == 8)
				STORE_VALUES(int64);
			else if (col->typlen == 4)
				STORE_VALUES(int32);
			else if (col->typlen == 2)
				STORE_VALUES(int16);
			else
				STORE_VALUES(int8);
			for (r = 0; nnulls > 0 && r < n; r++)
			{
				if (nulls[r])
					to[r] = 0;
			}
			col->raw_bytes += (uint64) (n - nnulls) * col->typlen;
			continue;
		}
		for (r = 0; r < n; r++)
		{
			Datum		value = values[r * natts + at];
			if (nulls[r])
				col->offsets[row + r] = 0;
			else if (col->typlen == -1)
				place_varlena(buf, col, row + r, (struct varlena *) DatumGetPointer(value), VARSIZE_ANY_EXHDR(DatumGetPointer(value)));
			else
			{
				uint32		len = col->typlen == -2 ? (uint32) strlen(DatumGetCString(value)) : (uint32) col->typlen;
				col->offsets[row + r] = place_value(buf, col, (uint8 *) DatumGetPointer(value), len);
				col->raw_bytes += col->typlen == -2 ? len + 1 : len;
			}
		}
	}

	for (r = 0; r < n; r++)
	{
		Size		len = tuple_len[r] + MAXALIGN(SizeofHeapTupleHeader + (anynull[r] ? BITMAPLEN(natts) : 0));

		buf->row_bytes[row + r] = (uint32) (MAXALIGN(len) + sizeof(ItemIdData));
		buf->raw_bytes += buf->row_bytes[row + r];
	}
	buf->bytes_used += (Size) n * buf->row_width;
	buf->nrows += n;
	return true;
}

/* One by-value column of append_tuples, of that alignment: "type" is what fetch_att reads. */
#define READ_VALUES(type) \
	do { \
		for (r = 0; r < n; r++) \
		{ \
			off[r] = TYPEALIGN(col->align, off[r]); \
			to[r] = *(const type *) (data[r] + off[r]); \
			off[r] += sizeof(type); \
		} \
	} while (0)

/* Notes where the values of a by-reference column are, and their lengths' sums; false if one isn't plain. */
static bool
find_values(const TsdbColumn *col, const char *const *data, uint32 *off, uint32 *tuple_len, const char **found, uint32 n,
			Size *need)
{
	uint32		r;

	for (r = 0; r < n; r++)
	{
		struct varlena *ptr;
		Size		len;

		/* after att_align_pointer(): a pad byte, or a header that need not be aligned */
		if (col->typlen != -1 || data[r][off[r]] == 0)
			off[r] = TYPEALIGN(col->align, off[r]);
		found[r] = data[r] + off[r];
		if (col->typlen != -1)
		{
			off[r] += col->typlen;
			tuple_len[r] = TYPEALIGN(col->align, tuple_len[r]) + col->typlen;
			*need += MAXALIGN(offsetof(TsdbArenaValue, bytes) + col->typlen);
			continue;
		}
		ptr = (struct varlena *) found[r];
		if (!is_plain(ptr))
			return false;
		off[r] += VARSIZE_ANY(ptr);
		len = VARSIZE_ANY_EXHDR(ptr);
		tuple_len[r] = behind_varlena(col, tuple_len[r], len);
		if (len > TSDB_MAX_VALUE_BYTES || tuple_len[r] > TSDB_MAX_ROW_BYTES)
			return false;
		*need += MAXALIGN(offsetof(TsdbArenaValue, bytes) + len);
	}
	return true;
}

#ifdef USE_ASSERT_CHECKING
/* Are the rows from "row" on what heap_deform_tuple reads? */
static void
check_tuples(TsdbColumnBuffer *buf, uint32 row, const HeapTupleData *tuples, uint32 n)
{
	Datum	   *values = palloc(sizeof(Datum) * Max(buf->tupdesc->natts, 1));
	bool	   *isnull = palloc(sizeof(bool) * Max(buf->tupdesc->natts, 1));
	uint32		r;
	int			i;

	for (r = 0; r < n; r++)
	{
		HeapTupleData tuple = tuples[r];

		heap_deform_tuple(&tuple, buf->tupdesc, values, isnull);
		for (i = 0; i < buf->ncolumns; i++)
		{
			TsdbColumn *col = &buf->columns[i];
			Datum		value = values[col->attnum - 1];
			TsdbArenaValue *stored;

			Assert(!isnull[col->attnum - 1] && !col->nulls[row + r]);
			if (col->typbyval)
			{
				Assert(col->values[row + r] == (int64) value);
				continue;
			}
			stored = tsdb_arena_value(buf, col->offsets[row + r]);
			if (col->typlen == -1)
			{
				struct varlena *ptr = (struct varlena *) DatumGetPointer(value);

				Assert(stored->len == VARSIZE_ANY_EXHDR(ptr) && memcmp(stored->bytes, VARDATA_ANY(ptr), stored->len) == 0);
			}
			else
				Assert(stored->len == (uint32) col->typlen && memcmp(stored->bytes, DatumGetPointer(value), stored->len) == 0);
		}
	}
	pfree(values);
	pfree(isnull);
}
#endif

bool
tsdb_column_buffer_append_tuples(TsdbColumnBuffer *buf, const HeapTupleData *tuples, uint32 n, const char **scratch)
{
	uint32		row = buf->nrows;
	const char *data[TSDB_APPEND_ROWS];
	uint32		off[TSDB_APPEND_ROWS];
	uint32		tuple_len[TSDB_APPEND_ROWS];	/* of the data part of a heap tuple, as if it were formed now */
	const char **found = scratch;
	Size		need = 0;
	uint32		r;
	int			i;

	Assert(n <= TSDB_APPEND_ROWS);
	if (row >= PG_INT32_MAX / 2 || buf->has_dropped)
		return false;
	for (r = 0; r < n; r++)
	{
		HeapTupleHeader header = tuples[r].t_data;

		if ((header->t_infomask & (HEAP_HASNULL | HEAP_HASEXTERNAL)) != 0 || HeapTupleHeaderGetNatts(header) != buf->ncolumns)
			return false;
		data[r] = (const char *) header + header->t_hoff;
		off[r] = 0;
		tuple_len[r] = 0;
	}
	while (row + n > buf->maxrows)
		grow_rows(buf);

	/* what is written here lies behind the last row, and counts for nothing yet */
	for (i = 0; i < buf->ncolumns; i++)
	{
		TsdbColumn *col = &buf->columns[i];
		int64	   *to = col->values + (col->typbyval ? row : 0);

		if (!col->typbyval)
		{
			if (col->typlen == -2 || !find_values(col, data, off, tuple_len, found, n, &need))
				return false;
			found += n;
			continue;
		}
		for (r = 0; r < n; r++)
			tuple_len[r] = TYPEALIGN(col->align, tuple_len[r]) + col->typlen;
		if (col->typlen == 8)
			READ_VALUES(int64);
		else if (col->typlen == 4)
			READ_VALUES(int32);
		else if (col->typlen == 2)
			READ_VALUES(int16);
		else
			READ_VALUES(int8);
	}
	if (need > buf->arena_size - buf->arena_used)
	{
		if ((buf->arena_used + need) / 8 >= PG_UINT32_MAX)
			return false;
		grow_arena(buf, need);
	}

	found = scratch;
	for (i = 0; i < buf->ncolumns; i++)
	{
		TsdbColumn *col = &buf->columns[i];

		memset(col->nulls + row, false, n);
		if (col->typlen != -1)
			col->raw_bytes += (uint64) n * col->typlen;
		if (col->typbyval)
			continue;
		for (r = 0; r < n; r++)
		{
			if (col->typlen == -1)
				place_varlena(buf, col, row + r, (const struct varlena *) found[r], VARSIZE_ANY_EXHDR(found[r]));
			else
				col->offsets[row + r] = place_value(buf, col, (const uint8 *) found[r], col->typlen);
		}
		found += n;
	}

	for (r = 0; r < n; r++)
	{
		buf->row_bytes[row + r] = (uint32) (MAXALIGN(tuple_len[r] + MAXALIGN(SizeofHeapTupleHeader)) + sizeof(ItemIdData));
		buf->raw_bytes += buf->row_bytes[row + r];
	}
	buf->bytes_used += (Size) n * buf->row_width;
	buf->nrows += n;
#ifdef USE_ASSERT_CHECKING
	check_tuples(buf, row, tuples, n);
#endif
	return true;
}

bool
tsdb_column_buffer_append_slot(TsdbColumnBuffer *buf, TupleTableSlot *slot)
{
	slot_getallattrs(slot);
	return tsdb_column_buffer_append(buf, slot->tts_values, slot->tts_isnull);
}

/* Value of a column, palloc'd if by reference. */
static inline Datum
get_value(TsdbColumnBuffer *buf, const TsdbColumn *col, uint32 row, bool *isnull)
{
	TsdbArenaValue *value;
	char	   *copy;

	*isnull = col->nulls[row];
	if (*isnull)
		return (Datum) 0;
	if (col->typbyval)
		return (Datum) col->values[row];
	value = tsdb_arena_value(buf, col->offsets[row]);
	if (col->kind == TSDB_KIND_VARLENA)
	{
		copy = palloc(VARHDRSZ + value->len);
		SET_VARSIZE(copy, VARHDRSZ + value->len);
		memcpy(VARDATA(copy), value->bytes, value->len);
	}
	else
	{
		copy = palloc(value->len + 1);
		memcpy(copy, value->bytes, value->len);
		copy[value->len] = '\0';
	}
	return PointerGetDatum(copy);
}

void
tsdb_column_buffer_get_row(TsdbColumnBuffer *buf, uint32 row, Datum *values, bool *isnull)
{
	int			natts = buf->tupdesc->natts;
	int			i;

	Assert(row < buf->nrows);
	for (i = 0; i < natts; i++)
	{
		if (buf->column_of_att[i] < 0)
		{
			values[i] = (Datum) 0;
			isnull[i] = true;
			continue;
		}
		values[i] = get_value(buf, &buf->columns[buf->column_of_att[i]], row, &isnull[i]);
	}
}

void
tsdb_column_buffer_get_columns(TsdbColumnBuffer *buf, uint32 row, const AttrNumber *attrs, int nattrs, Datum *values, bool *isnull)
{
	int			i;

	Assert(row < buf->nrows);
	for (i = 0; i < nattrs; i++)
	{
		int			att = attrs[i] - 1;

		/* a dropped one is read where the whole row is */
		if (buf->column_of_att[att] >= 0)
			values[att] = get_value(buf, &buf->columns[buf->column_of_att[att]], row, &isnull[att]);
	}
}
