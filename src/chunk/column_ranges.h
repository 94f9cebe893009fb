/*-------------------------------------------------------------------------
 * column_ranges.h
 *	  Least and greatest value of each column of a chunk, as its directory entry has them.
 *
 * Made when a chunk is written, of all its rows; rows deleted since count, so a range can be too wide, never
 * too narrow.  They stay in the entry's tuple and are read from it when somebody asks.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_COLUMN_RANGES_H
#define TSDB_COLUMN_RANGES_H

#include "chunk/directory.h"

#include "access/tupdesc.h"
#include "fmgr.h"

/* values of types without c_order that are longer have no range */
#define TSDB_RANGE_MAX_VALUE		40
/* in C order: bounds are cut here */
#define TSDB_RANGE_MAX_PREFIX		16

/* How values of a type are ordered and stored. */
typedef enum TsdbRangeForm
{
	TSDB_RANGE_NONE,			/* has no ranges */
	TSDB_RANGE_SIGNED,			/* by value, as signed integers */
	TSDB_RANGE_UNSIGNED,		/* by value, as unsigned integers of their length */
	TSDB_RANGE_FLOAT4,
	TSDB_RANGE_FLOAT8,
	TSDB_RANGE_TEXT,			/* varlena in C order: memcmp, then length */
	TSDB_RANGE_NAME,			/* C string in a fixed place, the same order */
	TSDB_RANGE_BYTES,			/* fixed length, memcmp */
	TSDB_RANGE_FUNCTION			/* by the type's own function */
} TsdbRangeForm;

typedef struct TsdbColumnRange
{
	AttrNumber	attnum;
	Oid			typid;			/* the column's type; of a domain, what it is made of */
	bool		has_nulls;
	bool		all_nulls;		/* then there are no bounds */
	bool		c_order;		/* bounds are varlenas in C order, whatever the collation; name too */
	bool		max_truncated;	/* the greatest values may be max followed by anything */
	Datum		min;			/* at most the least value; of the column's type, but see c_order */
	Datum		max;
} TsdbColumnRange;

/*
 * Ranges of the entry's tuple, in rising order of attnum; NULL if it has none or is gone; palloc'd in
 * CurrentMemoryContext.  Columns whose range the column's type of today cannot use are left out.  Bytes are not trusted.
 */
extern TsdbColumnRange *tsdb_column_ranges_read(TsdbStore *store, const TsdbDirEntry *entry, TupleDesc tupdesc,
												int *n);

/*
 * Can a row of the chunk satisfy "column op value", op of this btree strategy?  True when unsure.  value: not NULL; of
 * the column's type (of text and varchar either will do), or of another one that cmp, the btree support function for
 * (column's type, value's type), compares it with.  c_order: cmp is not called, collation is the operator's.
 */
extern bool tsdb_column_range_may_match(const TsdbColumnRange *range, FmgrInfo *cmp, Oid collation,
										int strategy, Datum value);

/* Form of a type that is no domain. */
extern TsdbRangeForm tsdb_range_form(Oid base_typid);

/*
 * One column's range as it grows.  Values are in the form of column buffers; bytes stay where they are until
 * tsdb_range_builder_store.
 */
typedef struct TsdbRangeBuilder
{
	TsdbRangeForm form;			/* NONE: not, or not any more */
	AttrNumber	attnum;
	Oid			typid;
	int16		typlen;
	bool		has_nulls;
	bool		has_values;
	int64		min;			/* UNSIGNED: uint64; floats: integers that compare like them; by reference: order keys */
	int64		max;
	const uint8 *min_bytes;
	const uint8 *max_bytes;
	uint32		min_len;
	uint32		max_len;
} TsdbRangeBuilder;

extern void tsdb_range_builder_init(TsdbRangeBuilder *b, AttrNumber attnum, Oid typid, int16 typlen);
/* n values of a by-value column; isnull may be NULL, values of NULLs are anything. */
extern void tsdb_range_builder_add_ints(TsdbRangeBuilder *b, const int64 *values, const bool *isnull, uint32 n);
/* SIGNED: bounds that are known already. */
extern void tsdb_range_builder_add_bounds(TsdbRangeBuilder *b, int64 min, int64 max);
/* A value of a by-reference column. */
extern void tsdb_range_builder_add_bytes(TsdbRangeBuilder *b, const uint8 *bytes, uint32 len);

/* The range's bytes as in its section, at most TSDB_RANGE_MAX_STORED; 0 = it has none. */
#define TSDB_RANGE_MAX_STORED		(10 + 2 * TSDB_RANGE_MAX_VALUE)
extern Size tsdb_range_builder_store(const TsdbRangeBuilder *b, uint8 *out);

#endif							/* TSDB_COLUMN_RANGES_H */
