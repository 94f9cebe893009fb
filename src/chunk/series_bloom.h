/*-------------------------------------------------------------------------
 * series_bloom.h
 *	  Bloom filter of a chunk's series values, 512 bits: is a value surely not in the chunk?
 *
 * The hash is on-disk format, version TSDB_BLOOM_HASH_VERSION (doc/format.md): another hash is another
 * version, and readers go without filters of versions they don't know.
 *
 * It goes by a value's stored form alone: by-value types as sign-extended integer, others as payload
 * bytes.  So it stays right when a column gets a binary coercible type without a rewrite, and values
 * of int2, int4, int8 that are equal hash alike, as those of text, varchar and name do.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_SERIES_BLOOM_H
#define TSDB_SERIES_BLOOM_H

#include "compat.h"

#include "access/attnum.h"

#define TSDB_BLOOM_HASH_VERSION		1
#define TSDB_BLOOM_WORDS			8
#define TSDB_BLOOM_BITS				(TSDB_BLOOM_WORDS * 64)
#define TSDB_BLOOM_PROBES			4
/* a filter with more bits set tells too little: 153 values fill it so far, and 1 in 4 others passes */
#define TSDB_BLOOM_MAX_SET			(TSDB_BLOOM_BITS * 7 / 10)

/*
 * Can equality under this collation (Invalid for types without) be told from the bytes?  Domains count as
 * what they are made of.
 */
extern bool tsdb_series_hashable(Oid typid, Oid collation);

/*
 * Hash of a value of column attnum; typid as above, hashable.  A value of another type than the column's
 * may be asked for only within {int2, int4, int8} and {text, varchar, name}: a date that equals a
 * timestamp has another hash.
 */
extern uint64 tsdb_series_hash(AttrNumber attnum, Oid typid, Datum value, bool isnull);

/* The same of a value as column buffers and chunks hold it. */
extern uint64 tsdb_series_hash_null(AttrNumber attnum);
extern uint64 tsdb_series_hash_int(AttrNumber attnum, int64 value);
extern uint64 tsdb_series_hash_bytes(AttrNumber attnum, const uint8 *bytes, Size len);

extern void tsdb_bloom_add(uint64 words[TSDB_BLOOM_WORDS], uint64 hash);
extern bool tsdb_bloom_may_have(const uint64 words[TSDB_BLOOM_WORDS], uint64 hash);
extern int	tsdb_bloom_count(const uint64 words[TSDB_BLOOM_WORDS]);

#endif							/* TSDB_SERIES_BLOOM_H */
