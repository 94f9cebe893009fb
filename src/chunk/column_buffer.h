/*-------------------------------------------------------------------------
 * column_buffer.h
 *	  Rows gathered column by column in memory, sorted, waiting to become chunks.
 *
 * One array a column, reused from batch to batch: appending allocates nothing per row but
 * what doubling arrays and arena do.  By-reference values lie flattened (detoasted,
 * decompressed, not expanded) in one arena per buffer; equal values of a low-cardinality
 * column share one place.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_COLUMN_BUFFER_H
#define TSDB_COLUMN_BUFFER_H

#include "chunk/chunk_format.h"

#include "access/tupdesc.h"
#include "executor/tuptable.h"

/* One column.  nulls, values/offsets have "nrows" entries. */
typedef struct TsdbColumn
{
	/* immutable */
	AttrNumber	attnum;
	Oid			typid;
	int16		typlen;
	bool		typbyval;
	char		typalign;
	TsdbColumnKind kind;
	uint8		align;			/* bytes of typalign */
	bool		can_be_short;	/* varlena that heap stores with a 1-byte header where it can */
	/* growing */
	bool		hasnulls;
	bool	   *nulls;			/* always kept */
	int64	   *values;			/* INT, FLOAT4, FLOAT8: sign-extended as fetch_att gives them */
	uint32	   *offsets;		/* other kinds: place in the arena, in units of 8 bytes; 0 for NULL */
	uint64		raw_bytes;
	/* equal values share a place as long as this is set: distinct places = distinct values */
	bool		dedup;
	uint32		ndistinct;		/* while dedup */
	void	   *hash;			/* private */
} TsdbColumn;

/* A value in the arena: length, a word for the writer's dictionary code, bytes. */
typedef struct TsdbArenaValue
{
	uint32		len;
	uint32		code;
	uint8		bytes[FLEXIBLE_ARRAY_MEMBER];
} TsdbArenaValue;

typedef struct TsdbColumnBuffer
{
	MemoryContext cxt;			/* everything lives here; delete it to free the buffer */
	TupleDesc	tupdesc;		/* copy */
	int			ncolumns;		/* live (not dropped) columns, rising attnum */
	TsdbColumn *columns;
	int		   *column_of_att;	/* [natts], index in columns or -1 */
	uint32		nrows;
	uint32		maxrows;		/* allocated */
	uint32	   *row_bytes;		/* [nrows], each row's share of raw_bytes */
	uint32	   *lens;			/* [ncolumns], private: lengths of the row being appended */
	uint32		row_width;		/* bytes of all arrays a row */
	bool		has_dropped;	/* heap tuples always have a NULL bitmap */
	uint8	   *arena;
	Size		arena_used;
	Size		arena_size;
	Size		bytes_used;		/* arrays + arena + hashes in use, for write_buffer */
	uint64		raw_bytes;		/* heap tuples' size of the rows, line pointers included */
} TsdbColumnBuffer;

/* A row longer than this in all, as a heap tuple, stays in the row store: some always fit a chunk. */
#define TSDB_MAX_ROW_BYTES			(16 * 1024 * 1024)

#define tsdb_arena_value(buf, offset) ((TsdbArenaValue *) ((buf)->arena + (Size) (offset) * 8))

/* In a new context under "parent". */
extern TsdbColumnBuffer *tsdb_column_buffer_create(TupleDesc tupdesc, MemoryContext parent);
/* Empties it; arrays are kept for reuse unless they are larger than keep_bytes. */
extern void tsdb_column_buffer_reset(TsdbColumnBuffer *buf, Size keep_bytes);

/*
 * Appends a row (values by attnum - 1, for all natts of tupdesc).  False, and nothing appended,
 * if a value is longer than TSDB_MAX_VALUE_BYTES, the row than TSDB_MAX_ROW_BYTES or the arena is full:
 * the row belongs in the row store.
 */
extern bool tsdb_column_buffer_append(TsdbColumnBuffer *buf, const Datum *values, const bool *isnull);
/*
 * Appends n rows at once, n <= TSDB_APPEND_ROWS: value of row r and attnum a is values[r * natts + a - 1].  Half the time of as many calls of
 * the one above, since each column is gone through by itself.  False, and nothing appended, if some value isn't plain (toasted, compressed) or
 * a row might belong in the row store: append them one by one.
 */
#define TSDB_APPEND_ROWS			512
extern bool tsdb_column_buffer_append_rows(TsdbColumnBuffer *buf, const Datum *values, const bool *isnull, uint32 n);
/*
 * The same with rows as they lie on a heap page, which need not be deformed first.  False, too, if one of them has NULLs, or fewer columns than the
 * table now.  scratch: room for n pointers a column.
 */
extern bool tsdb_column_buffer_append_tuples(TsdbColumnBuffer *buf, const HeapTupleData *tuples, uint32 n, const char **scratch);
extern bool tsdb_column_buffer_append_slot(TsdbColumnBuffer *buf, TupleTableSlot *slot);

/* Row i back as Datums: by-reference values palloc'd in the current context (4-byte header varlenas). */
extern void tsdb_column_buffer_get_row(TsdbColumnBuffer *buf, uint32 row, Datum *values, bool *isnull);
/* The same of these columns alone; leaves the others, and dropped ones, as they are in the arrays. */
extern void tsdb_column_buffer_get_columns(TsdbColumnBuffer *buf, uint32 row, const AttrNumber *attrs, int nattrs, Datum *values, bool *isnull);

/*
 * perm[nrows] = rows in order of (series columns, order column); stable.  Ints and floats by value,
 * other types by bytes (memcmp, then length); NULLs last.  series: column attnums, nseries may be 0;
 * time_attnum 0 = none.  Returns the number of distinct series.
 */
extern uint32 tsdb_column_buffer_sort(TsdbColumnBuffer *buf, const AttrNumber *series, int nseries,
									  AttrNumber time_attnum, uint32 *perm);

/*
 * Sorts places of by-reference values by their bytes (memcmp, then length).  For equal bytes, by place.
 */
extern void tsdb_column_buffer_sort_values(TsdbColumnBuffer *buf, uint32 *offsets, uint32 n);

/* Can a varlena of that payload have a short header in a heap tuple? */
static inline bool
tsdb_is_short(const TsdbColumn *col, Size len)
{
	return col->can_be_short && len + VARHDRSZ_SHORT <= VARATT_SHORT_MAX;
}

#endif							/* TSDB_COLUMN_BUFFER_H */
