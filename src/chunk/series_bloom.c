/*-------------------------------------------------------------------------
 * series_bloom.c
 *	  Bloom filter of a chunk's series values.
 *
 * Used by chunk_writer.c, by verify, and by whoever prunes chunks.
 *
 * The hash chains the finalizer of SplitMix64 (G. L. Steele, D. Lea, C. H. Flood, "Fast Splittable Pseudorandom
 * Number Generators", OOPSLA 2014, figure 18; constants are D. Stafford's Mix13) over words of 8 bytes.
 * All bits of the result are good, so that each probe takes 9 of its own.
 *-------------------------------------------------------------------------
 */
#include "chunk/series_bloom.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "port/pg_bitutils.h"
#include "utils/lsyscache.h"
#include "utils/pg_locale.h"

/* seeds, so that a value of one kind is not one of another */
#define KIND_NULL		0
#define KIND_INT		1
#define KIND_BYTES		2

/* How a type's values are hashed. */
typedef enum HashForm
{
	HASH_NOT,
	HASH_INT8,					/* by value, this many bits */
	HASH_INT16,
	HASH_INT32,
	HASH_INT64,
	HASH_VARLENA,
	HASH_TEXT,					/* varlena, equal by bytes if the collation says so */
	HASH_NAME,
	HASH_FIXED6,
	HASH_FIXED8,
	HASH_FIXED16
} HashForm;

/*
 * Types whose equality is that of bytes: not floats (-0, NaN), numeric (1.0 = 1.00), bpchar (blanks), jsonb,
 * interval (1 day = 24 hours), inet (its bytes would do, its cross-type family would not).
 */
static HashForm
hash_form(Oid typid)
{
	Oid			base = getBaseType(typid);

	switch (base)
	{
		case BOOLOID:
		case CHAROID:
			return HASH_INT8;
		case INT2OID:
			return HASH_INT16;
		case INT4OID:
		case OIDOID:
		case DATEOID:
			return HASH_INT32;
		case INT8OID:
		case TIMEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return HASH_INT64;
		case TEXTOID:
		case VARCHAROID:
			return HASH_TEXT;
		case NAMEOID:
			return HASH_NAME;
		case BYTEAOID:
			return HASH_VARLENA;
		case UUIDOID:
			return HASH_FIXED16;
		case MACADDROID:
			return HASH_FIXED6;
		case MACADDR8OID:
			return HASH_FIXED8;
		default:
			return get_typtype(base) == TYPTYPE_ENUM ? HASH_INT32 : HASH_NOT;
	}
}

bool
tsdb_series_hashable(Oid typid, Oid collation)
{
	HashForm	form = hash_form(typid);

	if (form == HASH_TEXT || form == HASH_NAME)
		return OidIsValid(collation) && get_collation_isdeterministic(collation);
	return form != HASH_NOT;
}

static inline uint64
mix(uint64 z)
{
	z = (z ^ (z >> 30)) * UINT64CONST(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64CONST(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

static inline uint64
seed(AttrNumber attnum, int kind)
{
	return mix(UINT64CONST(0x9E3779B97F4A7C15) * (((uint64) (uint16) attnum << 2) + kind + 1));
}

uint64
tsdb_series_hash_null(AttrNumber attnum)
{
	return seed(attnum, KIND_NULL);
}

uint64
tsdb_series_hash_int(AttrNumber attnum, int64 value)
{
	return mix(seed(attnum, KIND_INT) ^ (uint64) value);
}

uint64
tsdb_series_hash_bytes(AttrNumber attnum, const uint8 *bytes, Size len)
{
	uint64		h = seed(attnum, KIND_BYTES) ^ (uint64) len;

	while (len > 0)
	{
		uint64		word = 0;
		Size		n = Min(len, sizeof(word));
		Size		i;

		/* little endian on any machine, zeros behind the end */
		for (i = 0; i < n; i++)
			word |= (uint64) bytes[i] << (i * 8);
		h = mix(h ^ word);
		bytes += n;
		len -= n;
	}
	return mix(h);
}

uint64
tsdb_series_hash(AttrNumber attnum, Oid typid, Datum value, bool isnull)
{
	if (isnull)
		return tsdb_series_hash_null(attnum);
	switch (hash_form(typid))
	{
		case HASH_INT8:
			return tsdb_series_hash_int(attnum, (int8) value);
		case HASH_INT16:
			return tsdb_series_hash_int(attnum, (int16) value);
		case HASH_INT32:
			return tsdb_series_hash_int(attnum, (int32) value);
		case HASH_INT64:
			return tsdb_series_hash_int(attnum, (int64) value);
		case HASH_NAME:
			return tsdb_series_hash_bytes(attnum, (uint8 *) DatumGetPointer(value),
										  strnlen(DatumGetPointer(value), NAMEDATALEN));
		case HASH_FIXED6:
			return tsdb_series_hash_bytes(attnum, (uint8 *) DatumGetPointer(value), 6);
		case HASH_FIXED8:
			return tsdb_series_hash_bytes(attnum, (uint8 *) DatumGetPointer(value), 8);
		case HASH_FIXED16:
			return tsdb_series_hash_bytes(attnum, (uint8 *) DatumGetPointer(value), 16);
		case HASH_VARLENA:
		case HASH_TEXT:
			{
				struct varlena *plain = PG_DETOAST_DATUM_PACKED(value);
				uint64		hash;

				hash = tsdb_series_hash_bytes(attnum, (uint8 *) VARDATA_ANY(plain),
											  VARSIZE_ANY_EXHDR(plain));
				if ((Pointer) plain != DatumGetPointer(value))
					pfree(plain);
				return hash;
			}
		case HASH_NOT:
			break;
	}
	elog(ERROR, "values of type %u have no series hash", typid);
}

void
tsdb_bloom_add(uint64 words[TSDB_BLOOM_WORDS], uint64 hash)
{
	int			i;

	for (i = 0; i < TSDB_BLOOM_PROBES; i++, hash >>= 9)
		words[(hash >> 6) & (TSDB_BLOOM_WORDS - 1)] |= UINT64CONST(1) << (hash & 63);
}

bool
tsdb_bloom_may_have(const uint64 words[TSDB_BLOOM_WORDS], uint64 hash)
{
	int			i;

	for (i = 0; i < TSDB_BLOOM_PROBES; i++, hash >>= 9)
	{
		if ((words[(hash >> 6) & (TSDB_BLOOM_WORDS - 1)] & UINT64CONST(1) << (hash & 63)) == 0)
			return false;
	}
	return true;
}

int
tsdb_bloom_count(const uint64 words[TSDB_BLOOM_WORDS])
{
	int			count = 0;
	int			i;

	for (i = 0; i < TSDB_BLOOM_WORDS; i++)
		count += pg_popcount64(words[i]);
	return count;
}
