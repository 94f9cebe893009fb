/*-------------------------------------------------------------------------
 * chunk_summary.c
 *	  What a chunk's directory entry says about its values: series filter and column ranges.
 *
 * Part of the chunk writer, which calls it with each vector while that is in the cache anyway.  Of columns with a
 * dictionary, the dictionary alone is looked at; of integers, the zones.  A vector may come more than once, in
 * different forms (cold columns are encoded in two ways): a value that was seen is none the worse for it.
 */
#include "chunk/chunk_writer_internal.h"

/* bytes of the ranges' section at most: those of series, time and the first columns are kept */
#define RANGES_MAX_BYTES	1536

/* the filter is looked at for being full each time so many values went into it */
#define FULL_CHECK			64

void
tsdb_summary_begin_chunk(TsdbChunkWriter *w, const TsdbChunkOrder *order)
{
	TsdbChunkSummary *s = &w->summary;

	s->order = order;
	s->nbloom_attnums = 0;
	memset(s->bloom, 0, sizeof(s->bloom));
	(void) tsdb_pool_reserve(w, &s->ranges, Max(w->buf->ncolumns, 1) * sizeof(TsdbRangeBuilder));
}

bool
tsdb_summary_is_series(const TsdbChunkSummary *s, AttrNumber attnum)
{
	int			i;

	for (i = 0; i < s->order->nseries_columns; i++)
	{
		if (s->order->series_columns[i] == attnum)
			return true;
	}
	return false;
}

void
tsdb_summary_begin_column(TsdbChunkWriter *w, int c)
{
	TsdbChunkSummary *s = &w->summary;
	const TsdbColumn *col = w->col;
	Form_pg_attribute att = TupleDescAttr(w->buf->tupdesc, col->attnum - 1);

	s->range = (TsdbRangeBuilder *) s->ranges.data + c;
	tsdb_range_builder_init(s->range, col->attnum, col->typid, col->typlen);
	s->in_bloom = s->nbloom_attnums < TSDB_BLOOM_MAX_COLUMNS && tsdb_summary_is_series(s, col->attnum) &&
		tsdb_series_hashable(col->typid, att->attcollation);
	s->is_name = s->range->form == TSDB_RANGE_NAME;
	s->nadded = 0;
	memcpy(s->column_bloom, s->bloom, sizeof(s->bloom));
}

static inline void
bloom_add(TsdbChunkSummary *s, uint64 hash)
{
	tsdb_bloom_add(s->column_bloom, hash);
	if (++s->nadded % FULL_CHECK == 0 && tsdb_bloom_count(s->column_bloom) > TSDB_BLOOM_MAX_SET)
		s->in_bloom = false;
}

static inline void
bloom_add_bytes(TsdbChunkSummary *s, AttrNumber attnum, const uint8 *bytes, Size len)
{
	if (s->is_name)
		len = strnlen((const char *) bytes, len);
	bloom_add(s, tsdb_series_hash_bytes(attnum, bytes, len));
}

void
tsdb_summary_add_vector(TsdbChunkWriter *w, const TsdbVector *vector)
{
	TsdbChunkSummary *s = &w->summary;
	AttrNumber	attnum = w->col->attnum;
	const bool *isnull = w->nnulls > 0 ? w->isnull : NULL;
	uint32		i;

	if (w->nnulls > 0)
		s->range->has_nulls = true;
	if (w->nnulls == w->n)
		return;

	switch (w->source)
	{
		case TSDB_SOURCE_CODES:
			/* see tsdb_summary_end_column */
			break;
		case TSDB_SOURCE_INTS:
			if (s->range->form == TSDB_RANGE_SIGNED && (vector->flags & TSDB_VEC_ZONE) != 0)
				tsdb_range_builder_add_bounds(s->range, vector->zone_min, vector->zone_max);
			else
				tsdb_range_builder_add_ints(s->range, w->values, isnull, w->n);
			if (s->in_bloom)
			{
				bool		any = false;
				int64		last = 0;

				for (i = 0; i < w->n && s->in_bloom; i++)
				{
					if ((isnull != NULL && isnull[i]) || (any && w->values[i] == last))
						continue;
					last = w->values[i];
					any = true;
					bloom_add(s, tsdb_series_hash_int(attnum, last));
				}
			}
			break;
		case TSDB_SOURCE_STRINGS:
			if (s->range->form == TSDB_RANGE_NONE && !s->in_bloom)
				break;
			{
				const uint8 *last = NULL;

				for (i = 0; i < w->n; i++)
				{
					const TsdbBytes *string = &w->strings[i];

					/* equal values often share a place */
					if (w->isnull[i] || string->data == last)
						continue;
					last = string->data;
					tsdb_range_builder_add_bytes(s->range, string->data, (uint32) string->len);
					if (s->in_bloom)
						bloom_add_bytes(s, attnum, string->data, string->len);
				}
			}
			break;
	}
}

void
tsdb_summary_end_column(TsdbChunkWriter *w)
{
	TsdbChunkSummary *s = &w->summary;
	AttrNumber	attnum = w->col->attnum;
	uint32		i;

	/* a dictionary has all values of the column, and no other; of strings it is sorted in C order */
	if (w->source == TSDB_SOURCE_CODES)
	{
		const uint32 *places = w->dict_places.data;
		bool		ends_only = s->range->form == TSDB_RANGE_TEXT || s->range->form == TSDB_RANGE_BYTES;

		if (w->col->typbyval)
			tsdb_range_builder_add_ints(s->range, w->dict_values, NULL, w->dict_count);
		for (i = 0; i < w->dict_count; i++)
		{
			if (w->col->typbyval)
			{
				if (!s->in_bloom)
					break;
				bloom_add(s, tsdb_series_hash_int(attnum, w->dict_values[i]));
			}
			else
			{
				const TsdbArenaValue *value = tsdb_arena_value(w->buf, places[i]);

				if (!ends_only || i == 0 || i == w->dict_count - 1)
					tsdb_range_builder_add_bytes(s->range, value->bytes, value->len);
				if (s->in_bloom)
					bloom_add_bytes(s, attnum, value->bytes, value->len);
			}
		}
	}

	if (!s->in_bloom)
		return;
	if (s->range->has_nulls)
		bloom_add(s, tsdb_series_hash_null(attnum));
	if (tsdb_bloom_count(s->column_bloom) > TSDB_BLOOM_MAX_SET)
		return;
	memcpy(s->bloom, s->column_bloom, sizeof(s->bloom));
	s->bloom_attnums[s->nbloom_attnums++] = attnum;
}

static uint8 *
put_u16(uint8 *out, Size value)
{
	uint16		v = (uint16) value;

	Assert(value <= PG_UINT16_MAX);
	memcpy(out, &v, sizeof(v));
	return out + sizeof(v);
}

/* The ranges' section, without what doesn't fit; returns its end. */
static uint8 *
put_ranges(TsdbChunkWriter *w, uint8 *out)
{
	TsdbChunkSummary *s = &w->summary;
	TsdbRangeBuilder *ranges = s->ranges.data;
	uint8		stored[TSDB_RANGE_MAX_STORED];
	uint8	   *count;
	Size		used = 0;
	uint16		n = 0;
	int			pass;
	int			c;

	for (pass = 0; pass < 2; pass++)
	{
		for (c = 0; c < w->buf->ncolumns; c++)
		{
			bool		is_key = ranges[c].attnum == s->order->time_attnum || tsdb_summary_is_series(s, ranges[c].attnum);
			Size		len;

			if (is_key != (pass == 0))
				continue;
			len = tsdb_range_builder_store(&ranges[c], stored);
			if (used + len > RANGES_MAX_BYTES)
				ranges[c].form = TSDB_RANGE_NONE;
			else
				used += len;
		}
	}
	if (used == 0)
		return out;

	out = put_u16(out, TSDB_SECTION_RANGES);
	out = put_u16(out, 2 * sizeof(uint16) + used);
	out = put_u16(out, TSDB_RANGES_VERSION);
	count = out;
	out += sizeof(uint16);
	for (c = 0; c < w->buf->ncolumns; c++)
	{
		Size		len = tsdb_range_builder_store(&ranges[c], stored);

		if (len == 0)
			continue;
		memcpy(out, stored, len);
		out += len;
		n++;
	}
	(void) put_u16(count, n);
	return out;
}

void
tsdb_summary_end_chunk(TsdbChunkWriter *w, TsdbDirEntry *entry)
{
	TsdbChunkSummary *s = &w->summary;
	uint8	   *start = tsdb_pool_reserve(w, &s->sections, RANGES_MAX_BYTES + 256);
	uint8	   *out = start;

	entry->d.nsections = 0;
	memset(entry->bloom, 0, sizeof(entry->bloom));
	memset(entry->bloom_attnums, 0, sizeof(entry->bloom_attnums));
	entry->has_bloom = s->nbloom_attnums > 0;
	entry->nbloom_attnums = s->nbloom_attnums;
	if (entry->has_bloom)
	{
		Size		attnums_len = s->nbloom_attnums * sizeof(int16);

		memcpy(entry->bloom_attnums, s->bloom_attnums, attnums_len);
		memcpy(entry->bloom, s->bloom, sizeof(s->bloom));
		out = put_u16(out, TSDB_SECTION_BLOOM);
		out = put_u16(out, 2 * sizeof(uint16) + attnums_len + sizeof(s->bloom));
		out = put_u16(out, TSDB_BLOOM_HASH_VERSION);
		out = put_u16(out, s->nbloom_attnums);
		memcpy(out, s->bloom_attnums, attnums_len);
		out += attnums_len;
		memcpy(out, s->bloom, sizeof(s->bloom));
		out += sizeof(s->bloom);
		entry->d.nsections++;
	}
	s->sections_len = (Size) (out - start);
	out = put_ranges(w, out);
	if ((Size) (out - start) > s->sections_len)
		entry->d.nsections++;
	s->sections_len = (Size) (out - start);
	s->order = NULL;
}

const uint8 *
tsdb_chunk_writer_sections(TsdbChunkWriter *writer, Size *len)
{
	*len = writer->summary.sections_len;
	return writer->summary.sections.data;
}
