/*-------------------------------------------------------------------------
 * column_ranges.c
 *	  Least and greatest value of each column of a chunk.
 *
 * Used by chunk_summary.c (which makes them), by verify, and by whoever prunes chunks.
 *
 * Only types from a list have ranges: their order is known not to change, and comparing them runs nobody's code.
 * (Not among them: enums, whose order is in a catalog; bpchar, which ignores blanks; arrays and composites, whose
 * elements can be of any type.)
 *-------------------------------------------------------------------------
 */
#include "chunk/column_ranges.h"

#include "access/stratnum.h"
#include "catalog/pg_collation_d.h"
#include "catalog/pg_type_d.h"
#include "port/pg_bswap.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/inet.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/pg_locale.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

/* attnum, flags, two lengths, typid; 1 spare byte */
#define STORED_HEAD				10

TsdbRangeForm
tsdb_range_form(Oid base_typid)
{
	switch (base_typid)
	{
		case BOOLOID:
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case DATEOID:
		case TIMEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case MONEYOID:
			return TSDB_RANGE_SIGNED;
		case CHAROID:
		case OIDOID:
		case PG_LSNOID:
		case XID8OID:
			return TSDB_RANGE_UNSIGNED;
		case FLOAT4OID:
			return TSDB_RANGE_FLOAT4;
		case FLOAT8OID:
			return TSDB_RANGE_FLOAT8;
		case TEXTOID:
		case VARCHAROID:
		case BYTEAOID:
			return TSDB_RANGE_TEXT;
		case NAMEOID:
			return TSDB_RANGE_NAME;
		case UUIDOID:
		case MACADDROID:
		case MACADDR8OID:
			return TSDB_RANGE_BYTES;
		case NUMERICOID:
		case INTERVALOID:
		case TIMETZOID:
		case INETOID:
		case CIDROID:
			return TSDB_RANGE_FUNCTION;
		default:
			return TSDB_RANGE_NONE;
	}
}

/* memcmp, then length */
static inline int
compare_bytes(const uint8 *a, Size alen, const uint8 *b, Size blen)
{
	int			result = memcmp(a, b, Min(alen, blen));

	return result != 0 ? result : alen < blen ? -1 : alen > blen ? 1 : 0;
}

/*-------------------------------------------------------------------------
 * Making them
 *-------------------------------------------------------------------------
 */

void
tsdb_range_builder_init(TsdbRangeBuilder *b, AttrNumber attnum, Oid typid, int16 typlen)
{
	memset(b, 0, sizeof(*b));
	b->attnum = attnum;
	b->typid = getBaseType(typid);
	b->typlen = typlen;
	b->form = tsdb_range_form(b->typid);
}

/*
 * Bits of a double (float: sign-extended) as an integer that compares as PostgreSQL compares the values, all NaNs
 * being one and the greatest; and back.
 */
static inline int64
float_to_order(int64 bits, int64 magnitude, int64 infinity)
{
	if ((bits & magnitude) > infinity)
		return PG_INT64_MAX;
	return bits < 0 ? bits ^ magnitude : bits;
}

static inline int64
order_to_float(int64 order, int64 magnitude, int64 nan)
{
	if (order == PG_INT64_MAX)
		return nan;
	return order < 0 ? order ^ magnitude : order;
}

#define FLOAT8_INFINITY		INT64CONST(0x7FF0000000000000)
#define FLOAT8_NAN			INT64CONST(0x7FF8000000000000)
#define FLOAT4_INFINITY		INT64CONST(0x7F800000)
#define FLOAT4_NAN			INT64CONST(0x7FC00000)

void
tsdb_range_builder_add_bounds(TsdbRangeBuilder *b, int64 min, int64 max)
{
	if (!b->has_values)
	{
		b->min = min;
		b->max = max;
		b->has_values = true;
		return;
	}
	b->min = Min(b->min, min);
	b->max = Max(b->max, max);
}

static void
add_floats(TsdbRangeBuilder *b, const int64 *values, const bool *isnull, uint32 n, int64 magnitude, int64 infinity)
{
	int64		min = PG_INT64_MAX;
	int64		max = PG_INT64_MIN;
	uint32		i;

	for (i = 0; i < n; i++)
	{
		int64		order = float_to_order(values[i], magnitude, infinity);

		if (isnull != NULL && isnull[i])
			continue;
		min = Min(min, order);
		max = Max(max, order);
	}
	if (min <= max)
		tsdb_range_builder_add_bounds(b, min, max);
}

void
tsdb_range_builder_add_ints(TsdbRangeBuilder *b, const int64 *values, const bool *isnull, uint32 n)
{
	uint32		i;

	switch (b->form)
	{
		case TSDB_RANGE_FLOAT4:
			add_floats(b, values, isnull, n, PG_INT32_MAX, FLOAT4_INFINITY);
			break;
		case TSDB_RANGE_FLOAT8:
			add_floats(b, values, isnull, n, PG_INT64_MAX, FLOAT8_INFINITY);
			break;
		case TSDB_RANGE_UNSIGNED:
			/* sign extension keeps the order of shorter ones */
			for (i = 0; i < n; i++)
			{
				uint64		value = (uint64) values[i];

				if (isnull != NULL && isnull[i])
					continue;
				if (!b->has_values || value < (uint64) b->min)
					b->min = (int64) value;
				if (!b->has_values || value > (uint64) b->max)
					b->max = (int64) value;
				b->has_values = true;
			}
			break;
		case TSDB_RANGE_SIGNED:
			for (i = 0; i < n; i++)
			{
				if (isnull == NULL || !isnull[i])
					tsdb_range_builder_add_bounds(b, values[i], values[i]);
			}
			break;
		default:
			break;
	}
}

/* A value of at most TSDB_RANGE_MAX_VALUE bytes as a Datum, in memory of its own. */
typedef struct ValueSpace
{
	union
	{
		char		bytes[VARHDRSZ + TSDB_RANGE_MAX_VALUE];
		int64		align;
	}			u;
} ValueSpace;

static Datum
value_datum(ValueSpace *space, const uint8 *bytes, uint32 len, int16 typlen)
{
	Assert(len <= TSDB_RANGE_MAX_VALUE);
	if (typlen != -1)
	{
		memcpy(space->u.bytes, bytes, len);
		return PointerGetDatum(space->u.bytes);
	}
	SET_VARSIZE(space->u.bytes, VARHDRSZ + len);
	memcpy(space->u.bytes + VARHDRSZ, bytes, len);
	return PointerGetDatum(space->u.bytes);
}

static int
compare_values(TsdbRangeBuilder *b, const uint8 *abytes, uint32 alen, const uint8 *bbytes, uint32 blen)
{
	ValueSpace	aspace;
	ValueSpace	bspace;
	PGFunction	function;

	if (b->form != TSDB_RANGE_FUNCTION)
		return compare_bytes(abytes, alen, bbytes, blen);
	switch (b->typid)
	{
		case NUMERICOID:
			function = numeric_cmp;
			break;
		case INTERVALOID:
			function = interval_cmp;
			break;
		case TIMETZOID:
			function = timetz_cmp;
			break;
		default:
			function = network_cmp;
			break;
	}
	return DatumGetInt32(DirectFunctionCall2(function, value_datum(&aspace, abytes, alen, b->typlen),
											 value_datum(&bspace, bbytes, blen, b->typlen)));
}

/*
 * numeric behind its varlena header, as numeric.c has it (private there): uint16 header, of the long form int16 weight,
 * then digits of base 10,000, most significant first.
 */
#define NUMERIC_FORM_SHORT		0x8000
#define NUMERIC_FORM_SPECIAL	0xC000
#define NUMERIC_NAN				0xC000
#define NUMERIC_PLUS_INFINITY	0xD000
#define NUMERIC_LONG_NEG		0x4000
#define NUMERIC_SHORT_NEG		0x2000

static inline uint16
load16(const uint8 *bytes)
{
	uint16		value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

/* Sign, weight and the first three digits.  False: not as numeric.c leaves it. */
static bool
numeric_order_key(const uint8 *bytes, uint32 len, int64 *key)
{
	uint16		header;
	bool		negative;
	int			weight;
	int			ndigits;
	int			i;

	if (len < 2)
		return false;
	header = load16(bytes);
	if ((header & NUMERIC_FORM_SPECIAL) == NUMERIC_FORM_SPECIAL)
	{
		*key = header == NUMERIC_NAN ? PG_INT64_MAX : header == NUMERIC_PLUS_INFINITY ? PG_INT64_MAX - 1 : PG_INT64_MIN;
		return true;
	}
	if ((header & NUMERIC_FORM_SHORT) != 0)
	{
		negative = (header & NUMERIC_SHORT_NEG) != 0;
		weight = (header & 0x3F) - (header & 0x40);
		bytes += 2;
		len -= 2;
	}
	else
	{
		if (len < 4)
			return false;
		negative = (header & NUMERIC_LONG_NEG) != 0;
		weight = (int16) load16(bytes + 2);
		bytes += 4;
		len -= 4;
	}
	ndigits = (int) len / 2;
	if (ndigits == 0)
	{
		*key = 0;
		return true;
	}
	if (load16(bytes) == 0)
		return false;
	*key = weight - PG_INT16_MIN + 1;
	for (i = 0; i < 3; i++)
		*key = *key << 14 | (i < ndigits ? Min(load16(bytes + 2 * i), 9999) : 0);
	if (negative)
		*key = -*key;
	return true;
}

/* Family and the first 7 bytes of the network: what comes before length of the network and host in network_cmp(). */
static bool
inet_order_key(const uint8 *bytes, uint32 len, int64 *key)
{
	int			i;

	if (len < 6)
		return false;
	*key = bytes[0] & 0x7F;
	for (i = 0; i < 7; i++)
	{
		int			nbits = bytes[1] - i * 8;
		uint8		byte = 2 + (uint32) i < len ? bytes[2 + i] : 0;

		*key = *key << 8 | (nbits >= 8 ? byte : nbits > 0 ? byte & (0xFF << (8 - nbits)) : 0);
	}
	return true;
}

/* The first 8 bytes. */
static inline int64
bytes_order_key(const uint8 *bytes, uint32 len)
{
	uint64		key = 0;

	memcpy(&key, bytes, Min(len, sizeof(key)));
	/* signed: turns the highest bit over */
	return (int64) (pg_bswap64(key) ^ UINT64CONST(0x8000000000000000));
}

/*
 * An integer that rises with the values, if not strictly: where keys differ they tell which value is greater.  Most values
 * lie between the least and the greatest by their keys alone; calling numeric_cmp() twice for each would make loading
 * a table of numerics slower by a fourth.  False: this one has to be compared.
 */
static bool
order_key(const TsdbRangeBuilder *b, const uint8 *bytes, uint32 len, int64 *key)
{
	if (b->form != TSDB_RANGE_FUNCTION)
	{
		*key = bytes_order_key(bytes, len);
		return true;
	}
	switch (b->typid)
	{
		case NUMERICOID:
			return numeric_order_key(bytes, len, key);
		case INETOID:
		case CIDROID:
			return inet_order_key(bytes, len, key);
		case INTERVALOID:
			{
				Interval	interval;
				int128		span;

				/* as interval_cmp_value() has it; it is below 2^74 */
				memcpy(&interval, bytes, sizeof(interval));
				span = (int128) interval.month * 30 + interval.day;
				span = span * USECS_PER_DAY + interval.time;
				*key = (int64) (span >> 16);
				return true;
			}
		case TIMETZOID:
			{
				TimeTzADT	time;

				memcpy(&time, bytes, offsetof(TimeTzADT, zone) + sizeof(time.zone));
				*key = time.time + time.zone * USECS_PER_SEC;
				return true;
			}
		default:
			return false;
	}
}

void
tsdb_range_builder_add_bytes(TsdbRangeBuilder *b, const uint8 *bytes, uint32 len)
{
	int64		key = 0;
	bool		has_key;

	switch (b->form)
	{
		case TSDB_RANGE_TEXT:
			break;
		case TSDB_RANGE_NAME:
			len = (uint32) strnlen((const char *) bytes, len);
			break;
		case TSDB_RANGE_BYTES:
		case TSDB_RANGE_FUNCTION:
			if (len > TSDB_RANGE_MAX_VALUE)
			{
				b->form = TSDB_RANGE_NONE;
				return;
			}
			break;
		default:
			return;
	}
	has_key = order_key(b, bytes, len, &key);
	if (!b->has_values)
	{
		b->min_bytes = b->max_bytes = bytes;
		b->min_len = b->max_len = len;
		/* without a key: bounds that no key lies between */
		b->min = has_key ? key : PG_INT64_MAX;
		b->max = has_key ? key : PG_INT64_MIN;
		b->has_values = true;
		return;
	}
	if (has_key && key > b->min && key < b->max)
	{
		/* what the key says, the comparison says too */
		Assert(compare_values(b, bytes, len, b->min_bytes, b->min_len) > 0 &&
			   compare_values(b, bytes, len, b->max_bytes, b->max_len) < 0);
		return;
	}
	if (bytes == b->min_bytes || bytes == b->max_bytes)
		return;
	if (compare_values(b, bytes, len, b->min_bytes, b->min_len) < 0)
	{
		b->min_bytes = bytes;
		b->min_len = len;
		b->min = has_key ? key : PG_INT64_MAX;
	}
	if (compare_values(b, bytes, len, b->max_bytes, b->max_len) > 0)
	{
		b->max_bytes = bytes;
		b->max_len = len;
		b->max = has_key ? key : PG_INT64_MIN;
	}
}

/* How many low bytes of a number give it back when sign-extended? */
static uint8
int_len(int64 value)
{
	uint8		len = 1;

	while (len < 8 && value != (int64) ((uint64) value << (64 - 8 * len)) >> (64 - 8 * len))
		len++;
	return len;
}

Size
tsdb_range_builder_store(const TsdbRangeBuilder *b, uint8 *out)
{
	const uint8 *min_bytes = b->min_bytes;
	const uint8 *max_bytes = b->max_bytes;
	int64		min = b->min;
	int64		max = b->max;
	uint8		flags = 0;
	uint8		min_len = 0;
	uint8		max_len = 0;

	if (b->form == TSDB_RANGE_NONE)
		return 0;
	if (b->has_nulls)
		flags |= TSDB_RANGE_HAS_NULLS;
	switch (b->has_values ? b->form : TSDB_RANGE_NONE)
	{
		case TSDB_RANGE_NONE:
			Assert(b->has_nulls);
			flags |= TSDB_RANGE_ALL_NULLS;
			break;
		case TSDB_RANGE_FLOAT4:
			min = order_to_float(min, PG_INT32_MAX, FLOAT4_NAN);
			max = order_to_float(max, PG_INT32_MAX, FLOAT4_NAN);
			min_len = max_len = sizeof(float4);
			break;
		case TSDB_RANGE_FLOAT8:
			min = order_to_float(min, PG_INT64_MAX, FLOAT8_NAN);
			max = order_to_float(max, PG_INT64_MAX, FLOAT8_NAN);
			min_len = max_len = sizeof(float8);
			break;
		case TSDB_RANGE_SIGNED:
		case TSDB_RANGE_UNSIGNED:
			min_len = int_len(min);
			max_len = int_len(max);
			break;
		case TSDB_RANGE_TEXT:
		case TSDB_RANGE_NAME:
			min_len = (uint8) Min(b->min_len, TSDB_RANGE_MAX_PREFIX);
			max_len = (uint8) Min(b->max_len, TSDB_RANGE_MAX_PREFIX);
			if (max_len < b->max_len)
				flags |= TSDB_RANGE_MAX_CUT;
			break;
		case TSDB_RANGE_BYTES:
		case TSDB_RANGE_FUNCTION:
			min_len = (uint8) b->min_len;
			max_len = (uint8) b->max_len;
			break;
	}
	if (min_bytes == NULL)
	{
		/* little endian: the low bytes come first */
		min_bytes = (const uint8 *) &min;
		max_bytes = (const uint8 *) &max;
	}

	memcpy(out, &b->attnum, sizeof(int16));
	out[2] = flags;
	out[3] = min_len;
	out[4] = max_len;
	out[5] = 0;
	memcpy(out + 6, &b->typid, sizeof(Oid));
	memcpy(out + STORED_HEAD, min_bytes, min_len);
	memcpy(out + STORED_HEAD + min_len, max_bytes, max_len);
	StaticAssertStmt(STORED_HEAD == 10 && TSDB_RANGE_MAX_STORED == STORED_HEAD + 2 * TSDB_RANGE_MAX_VALUE,
					 "room for any range");
	return STORED_HEAD + (Size) min_len + max_len;
}

/*-------------------------------------------------------------------------
 * Reading them
 *-------------------------------------------------------------------------
 */

/* Can a range that was made of values of one type be used for another, whose values have the same bytes? */
static bool
same_order(Oid stored, Oid now)
{
	if (stored == now)
		return true;
	if (stored == VARCHAROID || stored == TEXTOID)
		return now == VARCHAROID || now == TEXTOID;
	return stored == CIDROID && now == INETOID;
}

/*
 * Makes a Datum of a stored bound.  False: no value of this type has such bytes.
 */
static bool
bound_datum(TsdbRangeForm form, Oid typid, int16 typlen, const uint8 *bytes, uint8 len, Datum *value)
{
	int64		number = 0;
	char	   *copy;

	switch (form)
	{
		case TSDB_RANGE_SIGNED:
		case TSDB_RANGE_UNSIGNED:
			if (len < 1 || len > typlen)
				return false;
			memcpy(&number, bytes, len);
			number = (int64) ((uint64) number << (64 - 8 * len)) >> (64 - 8 * len);
			*value = (Datum) number;
			return true;
		case TSDB_RANGE_FLOAT4:
		case TSDB_RANGE_FLOAT8:
			if (len != typlen)
				return false;
			memcpy(&number, bytes, len);
			*value = len == sizeof(float4) ? (Datum) (int64) (int32) number : (Datum) number;
			return true;
		case TSDB_RANGE_TEXT:
		case TSDB_RANGE_NAME:
			if (len > TSDB_RANGE_MAX_PREFIX)
				return false;
			break;
		case TSDB_RANGE_BYTES:
		case TSDB_RANGE_FUNCTION:
			if (len > TSDB_RANGE_MAX_VALUE || (typlen > 0 && len != typlen))
				return false;
			/* header of 2 or 4 bytes, then digits of 2; family, bits and address */
			if (typid == NUMERICOID &&
				(len < 2 || len % 2 != 0 || ((bytes[1] & 0x80) == 0 && len < 4)))
				return false;
			if ((typid == INETOID || typid == CIDROID) && len < 6)
				return false;
			break;
		case TSDB_RANGE_NONE:
			return false;
	}

	/* an address with a wrong number of bits makes comparisons look further than its bytes */
	copy = palloc0(VARHDRSZ + TSDB_RANGE_MAX_VALUE);
	if (typlen > 0 && form != TSDB_RANGE_NAME)
		memcpy(copy, bytes, len);
	else
	{
		SET_VARSIZE(copy, VARHDRSZ + len);
		memcpy(copy + VARHDRSZ, bytes, len);
	}
	*value = PointerGetDatum(copy);
	return true;
}

TsdbColumnRange *
tsdb_column_ranges_read(TsdbStore *store, const TsdbDirEntry *entry, TupleDesc tupdesc, int *n)
{
	Oid			chunk_id = entry->d.chunk_id;
	TsdbColumnRange *ranges;
	AttrNumber	last = 0;
	uint8	   *section;
	const uint8 *at;
	Size		left;
	uint16		version;
	uint16		ncolumns;
	int			i;

	*n = 0;
	section = tsdb_directory_section(store, entry, TSDB_SECTION_RANGES, &left);
	if (section == NULL)
		return NULL;
	if (left < 2 * sizeof(uint16))
		tsdb_report_corruption(store->rel, chunk_id, NULL, "column ranges have %zu bytes", left);
	memcpy(&version, section, sizeof(version));
	memcpy(&ncolumns, section + sizeof(version), sizeof(ncolumns));
	if (version == 0)
		tsdb_report_corruption(store->rel, chunk_id, NULL, "column ranges have version 0");
	if (version > TSDB_RANGES_VERSION)
	{
		pfree(section);
		return NULL;
	}
	at = section + 2 * sizeof(uint16);
	left -= 2 * sizeof(uint16);
	if (ncolumns > left / STORED_HEAD)
		tsdb_report_corruption(store->rel, chunk_id, NULL, "ranges of %u columns in %zu bytes", ncolumns, left);

	ranges = palloc(Max(ncolumns, 1) * sizeof(TsdbColumnRange));
	for (i = 0; i < ncolumns; i++)
	{
		TsdbColumnRange *range = &ranges[*n];
		Form_pg_attribute att;
		TsdbRangeForm form;
		int16		attnum;
		uint8		flags;
		uint8		min_len;
		uint8		max_len;
		uint8		spare;
		Oid			typid;
		Oid			base;

		if (left < STORED_HEAD)
			break;
		memcpy(&attnum, at, sizeof(attnum));
		flags = at[2];
		min_len = at[3];
		max_len = at[4];
		spare = at[5];
		memcpy(&typid, at + 6, sizeof(typid));
		at += STORED_HEAD;
		left -= STORED_HEAD;
		if ((Size) min_len + max_len > left)
			break;
		at += min_len + max_len;
		left -= min_len + max_len;
		if (attnum <= last || attnum > MaxHeapAttributeNumber || spare != 0 ||
			(flags & ~TSDB_RANGE_KNOWN_FLAGS) != 0 ||
			((flags & TSDB_RANGE_ALL_NULLS) != 0 &&
			 (flags != (TSDB_RANGE_ALL_NULLS | TSDB_RANGE_HAS_NULLS) || min_len + max_len != 0)))
			tsdb_report_corruption(store->rel, chunk_id, NULL,
								   "range of column %d has flags %u, bounds of %u and %u bytes",
								   attnum, flags, min_len, max_len);
		last = attnum;

		/* columns that have been dropped or have got another type since */
		if (attnum > tupdesc->natts)
			continue;
		att = TupleDescAttr(tupdesc, attnum - 1);
		if (att->attisdropped)
			continue;
		base = getBaseType(att->atttypid);
		form = tsdb_range_form(base);
		if (form == TSDB_RANGE_NONE || !same_order(typid, base))
			continue;

		memset(range, 0, sizeof(*range));
		range->attnum = attnum;
		range->typid = base;
		range->has_nulls = (flags & TSDB_RANGE_HAS_NULLS) != 0;
		range->all_nulls = (flags & TSDB_RANGE_ALL_NULLS) != 0;
		range->c_order = form == TSDB_RANGE_TEXT || form == TSDB_RANGE_NAME;
		range->max_truncated = (flags & TSDB_RANGE_MAX_CUT) != 0;
		if ((range->max_truncated && !range->c_order) ||
			(!range->all_nulls &&
			 (!bound_datum(form, base, att->attlen, at - max_len - min_len, min_len, &range->min) ||
			  !bound_datum(form, base, att->attlen, at - max_len, max_len, &range->max))))
			tsdb_report_corruption(store->rel, chunk_id, NameStr(att->attname),
								   "range has flags %u, bounds of %u and %u bytes", flags, min_len, max_len);
		(*n)++;
	}
	if (i < ncolumns || left != 0)
		tsdb_report_corruption(store->rel, chunk_id, NULL, "column ranges do not add up");
	pfree(section);
	return ranges;
}

static bool
text_may_match(const TsdbColumnRange *range, Oid collation, int strategy, Datum value)
{
	struct varlena *min = (struct varlena *) DatumGetPointer(range->min);
	struct varlena *max = (struct varlena *) DatumGetPointer(range->max);
	struct varlena *plain = NULL;
	const uint8 *bytes;
	Size		len;
	Size		max_len = VARSIZE_ANY_EXHDR(max);
	int			to_min;
	int			to_max;

	if (range->typid != BYTEAOID)
	{
		if (!OidIsValid(collation))
			return true;
		if (strategy == BTEqualStrategyNumber ? !get_collation_isdeterministic(collation) : !lc_collate_is_c(collation))
			return true;
	}
	if (range->typid == NAMEOID)
	{
		bytes = (const uint8 *) DatumGetPointer(value);
		len = strnlen(DatumGetPointer(value), NAMEDATALEN);
	}
	else
	{
		plain = PG_DETOAST_DATUM_PACKED(value);
		bytes = (const uint8 *) VARDATA_ANY(plain);
		len = VARSIZE_ANY_EXHDR(plain);
	}

	/* a least value that was cut is not above the value itself */
	to_min = compare_bytes(bytes, len, (const uint8 *) VARDATA_ANY(min), VARSIZE_ANY_EXHDR(min));
	to_max = compare_bytes(bytes, range->max_truncated ? Min(len, max_len) : len,
						   (const uint8 *) VARDATA_ANY(max), max_len);
	if (plain != NULL && (Pointer) plain != DatumGetPointer(value))
		pfree(plain);

	switch (strategy)
	{
		case BTLessStrategyNumber:
			return to_min > 0;
		case BTLessEqualStrategyNumber:
			return to_min >= 0;
		case BTEqualStrategyNumber:
			return to_min >= 0 && to_max <= 0;
		case BTGreaterEqualStrategyNumber:
			return to_max <= 0;
		case BTGreaterStrategyNumber:
			return range->max_truncated ? to_max <= 0 : to_max < 0;
		default:
			return true;
	}
}

bool
tsdb_column_range_may_match(const TsdbColumnRange *range, FmgrInfo *cmp, Oid collation,
							int strategy, Datum value)
{
	/* these operators are strict */
	if (range->all_nulls)
		return false;
	if (range->c_order)
		return text_may_match(range, collation, strategy, value);

#define COMPARE(bound) DatumGetInt32(FunctionCall2Coll(cmp, collation, bound, value))
	switch (strategy)
	{
		case BTLessStrategyNumber:
			return COMPARE(range->min) < 0;
		case BTLessEqualStrategyNumber:
			return COMPARE(range->min) <= 0;
		case BTEqualStrategyNumber:
			return COMPARE(range->min) <= 0 && COMPARE(range->max) >= 0;
		case BTGreaterEqualStrategyNumber:
			return COMPARE(range->max) >= 0;
		case BTGreaterStrategyNumber:
			return COMPARE(range->max) > 0;
		default:
			return true;
	}
#undef COMPARE
}
