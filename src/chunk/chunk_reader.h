/*-------------------------------------------------------------------------
 * chunk_reader.h
 *	  Opens a chunk and hands out decoded vectors of chosen columns.
 *
 * Ownership: TsdbChunk and TsdbVectorSet are reference counted.  A scan holds one reference
 * on its current set, and each slot that shows a row of it another; a set whose only holder is
 * the scan is reused for the next vector, so that a scan allocates nothing per vector.
 * A set outlives its scan if a slot still holds it: tsdb_vector_set_detach decodes what is left
 * and lets go of chunk, store and buffers.  All memory is in the context given at open; a set that was detached while
 * others held it lives to the end of the transaction at most.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_CHUNK_READER_H
#define TSDB_CHUNK_READER_H

#include "chunk/directory.h"
#include "tsdb_codec.h"

typedef struct TsdbChunk TsdbChunk;

/* Public part of an open chunk. */
struct TsdbChunk
{
	TsdbStore  *store;
	TsdbDirEntry entry;
	uint32		nrows;
	uint32		nvectors;
	bool		has_dead;		/* some row is not there for the snapshot whose tombstones were read */
	uint64	   *dead;			/* bitmap over rows, if has_dead */
	bool		has_dying;		/* dirty snapshot: somebody else is deleting some row */
	uint64	   *dying;			/* bitmap over rows, if has_dying */
	/* private part follows in chunk_reader.c */
};

/*
 * Rows of one vector of which so many are wanted, or fewer, are cheaper read value by value than decoded with all others: a value
 * alone takes a tenth to a fifth of what decoding its vector does.
 */
#define TSDB_FEW_ROWS		4

typedef struct TsdbVectorColumn
{
	bool		decoded;
	Datum	   *values;			/* [1024]; by-reference ones point into memory of the set or chunk */
	bool	   *isnull;			/* [1024] */
} TsdbVectorColumn;

typedef struct TsdbVectorSet
{
	int			refcount;
	TsdbChunk  *chunk;			/* NULL once detached */
	uint32		vector;			/* 0 .. nvectors-1 */
	uint32		nrows;			/* rows in this vector */
	int			natts;			/* of the table's tuple descriptor */
	int			few_rows;		/* > 0: who shows its rows reads single values, of this many rows less one from now on */
	TsdbVectorColumn *columns;	/* [natts], by attnum - 1 */
	/* copies for slots: */
	TransactionId xmin;
	CommandId	cmin;
	uint32		first_vblock;	/* of the chunk */
	Oid			tableoid;
} TsdbVectorSet;

/*
 * Reads and checks the header (ERRCODE_DATA_CORRUPTED if it fails).  tupdesc: of the table now; columns
 * that the chunk lacks read as their missing value.  snapshot: for tombstones (others than MVCC, dirty and self, and NULL:
 * only those of rows that never were, since their sources were not moved).  refcount 1.
 */
extern TsdbChunk *tsdb_chunk_open(TsdbStore *store, const TsdbDirEntry *entry, TupleDesc tupdesc,
								  Snapshot snapshot, MemoryContext cxt);
/* The same without tombstones, for who looks for those of single rows; snapshot: see above. */
extern TsdbChunk *tsdb_chunk_open_bare(TsdbStore *store, const TsdbDirEntry *entry, TupleDesc tupdesc,
									   Snapshot snapshot, MemoryContext cxt);
/* Reads them (anew) for a snapshot: sets has_dead, dead, has_dying, dying. */
extern void tsdb_chunk_read_tombstones(TsdbChunk *chunk, Snapshot snapshot);
extern void tsdb_chunk_release(TsdbChunk *chunk);
/* One more reference, to be released. */
extern void tsdb_chunk_hold(TsdbChunk *chunk);

/* A set on this vector; reuses "old" (may be NULL) if the caller is its only holder, else drops that reference. */
extern TsdbVectorSet *tsdb_vector_set(TsdbChunk *chunk, uint32 vector, TsdbVectorSet *old, MemoryContext cxt);
extern void tsdb_vector_set_release(TsdbVectorSet *set);
/* Memory that it takes. */
extern Size tsdb_vector_set_bytes(TsdbVectorSet *set);
/* Before its scan ends: if others hold the set, decode all columns and let go of the chunk; drops the caller's reference. */
extern void tsdb_vector_set_detach(TsdbVectorSet *set);

/* Decodes column attnum of the set if it is not yet; values are canonical Datums (as fetch_att's). */
extern void tsdb_vector_decode(TsdbVectorSet *set, AttrNumber attnum);

/*
 * Sums over ranges of the vector's rows (ascending, apart) of a column of integers (sums) or doubles (doubles) that has not been decoded yet,
 * straight from its block.  False: it can't be done so, or would be no cheaper than to decode.
 */
extern bool tsdb_vector_sums(TsdbVectorSet *set, AttrNumber attnum, const TsdbRowRange *ranges, int nranges,
							 int64 *sums, double *doubles);

/*
 * Values of all rows as integers of 32 bits, of a column of integers or of doubles that are decimals, at less than half of what decoding costs;
 * NULL: the vector is not stored so (or has NULLs), or has been decoded.  *scale: for tsdb_narrow_* of tsdb_codec.h; 0 for integers.  Later
 * decoding starts from them.  make: false: only if somebody has asked for them before.
 */
extern const int32 *tsdb_vector_narrow(TsdbVectorSet *set, AttrNumber attnum, bool make, unsigned *scale);

/*
 * The value of one row, for who wants a few rows of the set: the column is not decoded, if it is not yet, but this value
 * alone read out of its block.  What it points to lives with the set, until this shows another vector, or its chunk.
 */
extern Datum tsdb_vector_value(TsdbVectorSet *set, AttrNumber attnum, uint32 row, bool *isnull);
/* One more row of the set is shown; who makes a set of which few rows may be wanted begins with TSDB_FEW_ROWS + 1. */
#define tsdb_vector_count_row(set)	((set)->few_rows > 0 ? (void) (set)->few_rows-- : (void) 0)
/*
 * Values of n rows of the chunk, which ascend: read alone, or where many are of one vector, by decoding it.  What they point
 * to is allocated in cxt, or lives with the chunk.
 */
extern void tsdb_chunk_values(TsdbChunk *chunk, AttrNumber attnum, const uint32 *rows, int n, Datum *values, bool *isnull,
							  MemoryContext cxt);

/* Bitmaps over the rows of a chunk. */
#define tsdb_row_bits_words(nrows)	(((nrows) + 63) / 64)
#define tsdb_row_bits_set(bits, row) ((bits)[(row) / 64] |= UINT64CONST(1) << ((row) % 64))
#define tsdb_row_bits_test(bits, row) (((bits)[(row) / 64] >> ((row) % 64) & 1) != 0)

/* TID of a row, and back. */
extern void tsdb_row_tid(uint32 first_vblock, uint32 row, ItemPointer tid);
#define tsdb_tid_is_virtual(tid) ((ItemPointerGetBlockNumberNoCheck(tid) & TSDB_VBLOCK_FLAG) != 0)
#define tsdb_tid_vblock(tid) (ItemPointerGetBlockNumberNoCheck(tid) & ~TSDB_VBLOCK_FLAG)
/* Row number of a virtual TID in its chunk; the caller checks it against nrows. */
#define tsdb_tid_row(first_vblock, tid) \
	((tsdb_tid_vblock(tid) - (first_vblock)) * TSDB_VBLOCK_ROWS + ItemPointerGetOffsetNumberNoCheck(tid) - 1)
#define tsdb_row_is_dead(chunk, row) \
	((chunk)->has_dead && tsdb_row_bits_test((chunk)->dead, row))

/* Sets the bits of a vector's rows that are not dead, rows[TSDB_VECTOR_ROWS / 64]; returns their number. */
extern int	tsdb_alive_rows(TsdbChunk *chunk, uint32 vector, uint64 *rows);

/*
 * Asks for the segments that hold these vectors (bit v of "vectors") of these columns, in the order in which they lie: those that lie together in one
 * piece.  False: they are in shared buffers, as far as could be seen.
 */
extern bool tsdb_chunk_prefetch(TsdbChunk *chunk, const AttrNumber *attnums, int nattnums, uint64 vectors);

/* For verify: a stored segment of the chunk by itself, checksum included. */
extern void tsdb_segment_check(TsdbStore *store, const TsdbDirEntry *entry, const TsdbStoredTuple *stored);

/* For views and verify: header as stored, checked; vectors as unpacked. */
extern const TsdbHeaderDisk *tsdb_chunk_header(TsdbChunk *chunk);
extern const TsdbColumnDisk *tsdb_chunk_columns(TsdbChunk *chunk);
extern const TsdbVector *tsdb_chunk_vectors(TsdbChunk *chunk, int column);	/* index in columns */
/* Index of a column in columns, or -1: it was added later, and has its missing value in all rows. */
extern int	tsdb_chunk_column(TsdbChunk *chunk, AttrNumber attnum);
#define tsdb_chunk_has_column(chunk, attnum) (tsdb_chunk_column(chunk, attnum) >= 0)

/*
 * For filters.  The column's dictionary: its values, in no order, as they live with the chunk; NULL if it has none.
 * Codes of the set's rows into it (NULL rows: 0), codes[1024] and isnull[1024]; false if this vector is not coded by
 * the dictionary, or cut into parts.
 */
extern const Datum *tsdb_chunk_dictionary(TsdbChunk *chunk, AttrNumber attnum, uint32 *count);
extern bool tsdb_vector_codes(TsdbVectorSet *set, AttrNumber attnum, uint32 *codes, bool *isnull);
/* As entries of dictionaries are sorted: as memcmp, the shorter first. */
static inline int
tsdb_compare_bytes(TsdbBytes a, TsdbBytes b)
{
	int			result = memcmp(a.data, b.data, Min(a.len, b.len));

	return result != 0 ? result : a.len < b.len ? -1 : a.len > b.len;
}

/*
 * Codes of those of the values that the dictionary of a by-reference column (no cstring) has, in codes[nvalues], in the order of values.  Returns
 * their number, -1: there is no dictionary.  *count: of its entries.  The dictionary, which is sorted, is not decoded for it.
 */
extern int	tsdb_chunk_dictionary_find(TsdbChunk *chunk, AttrNumber attnum, const TsdbBytes *values, int nvalues, uint32 *codes,
									   uint32 *count);
/*
 * The same as runs of rows with one code: codes[] and where each run ends (the row after it), room for 1024 of both; neighbours may have the
 * same code.  Returns their number; 0: this vector is not stored as runs, or has NULLs: see tsdb_vector_codes.
 */
extern int	tsdb_vector_runs(TsdbVectorSet *set, AttrNumber attnum, uint32 *codes, uint16 *ends);
/* The same of a column of integers, coded by a dictionary or not: values as tsdb_vector_decode gives them. */
extern int	tsdb_vector_int_runs(TsdbVectorSet *set, AttrNumber attnum, int64 *values, uint16 *ends);

#endif							/* TSDB_CHUNK_READER_H */
