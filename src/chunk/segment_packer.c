/*-------------------------------------------------------------------------
 * segment_packer.c
 *	  Puts encoded blocks into segments, tuples that fill a page each.
 *
 * The last few segments stay open, so that small blocks fill what larger ones left.  Not more
 * than a few: blocks of one column are to lie together.
 *
 * Invariants: segment numbers are dense; gaps between blocks are zero; a block lies in one
 * segment, or has a run of segments of its own.  A block starts where tsdb_block_start says,
 * so that headers need not name the place.
 *-------------------------------------------------------------------------
 */
#include "chunk/chunk_writer_internal.h"

#define MAX_SEGMENTS			65000


static uint32
new_segment(TsdbChunkWriter *w)
{
	TsdbSegmentDisk *seg;

	if (w->nsegments >= MAX_SEGMENTS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("chunk of %u rows is too large", w->nrows),
				 errdetail("A chunk can have at most %d segments.", MAX_SEGMENTS)));
	(void) tsdb_pool_reserve(w, &w->segments, (Size) (w->nsegments + 1) * TSDB_SEGMENT_STRIDE);
	w->nsegments++;
	seg = tsdb_packer_segment(w, w->nsegments - 1);
	memset(seg, 0, sizeof(*seg));
	seg->version = TSDB_FORMAT_VERSION;
	seg->chunk_id = w->chunk_id;
	seg->segment = (uint16) (w->nsegments - 1);
	seg->length = sizeof(*seg);
	return w->nsegments - 1;
}

TsdbPackerMark
tsdb_packer_mark(TsdbChunkWriter *w)
{
	TsdbPackerMark mark = {.nsegments = w->nsegments, .nopen = w->nopen, .nparts = w->nparts};
	int			i;

	for (i = 0; i < w->nopen; i++)
	{
		mark.open[i] = w->open[i];
		mark.lengths[i] = tsdb_packer_segment(w, w->open[i])->length;
	}
	return mark;
}

void
tsdb_packer_return(TsdbChunkWriter *w, const TsdbPackerMark *mark)
{
	int			i;

	w->nsegments = mark->nsegments;
	w->nopen = mark->nopen;
	w->nparts = mark->nparts;
	for (i = 0; i < w->nopen; i++)
	{
		w->open[i] = mark->open[i];
		tsdb_packer_segment(w, w->open[i])->length = mark->lengths[i];
	}
}

Size
tsdb_packer_hole(TsdbChunkWriter *w)
{
	Size		hole = 0;
	int			i;

	for (i = 0; i < w->nopen; i++)
	{
		Size		start = tsdb_block_start(tsdb_packer_segment(w, w->open[i])->length, 1);

		if (start < TSDB_TUPLE_MAX_DATA)
			hole = Max(hole, TSDB_TUPLE_MAX_DATA - start);
	}
	return hole;
}

/* Stores a block that is longer than any segment, in segments of its own. */
static TsdbBlockRef
place_spanning(TsdbChunkWriter *w, const uint8 *data, Size len)
{
	TsdbBlockRef ref = {0};
	Size		done;

	ref.segment = (uint16) w->nsegments;
	ref.offset = TSDB_BLOCK_SPANS;
	for (done = 0; done < len;)
	{
		Size		part = Min(len - done, TSDB_SEGMENT_PAYLOAD);
		TsdbSegmentDisk *seg = tsdb_packer_segment(w, new_segment(w));

		memcpy((uint8 *) seg + sizeof(*seg), data + done, part);
		seg->length = (uint32) (sizeof(*seg) + part);
		ref.length++;
		done += part;
	}
	w->column->stored_bytes += len;
	return ref;
}

/*
 * Stores a block: in the open segment that it fills best, else in a new one.
 */
TsdbBlockRef
tsdb_packer_place(TsdbChunkWriter *w, const uint8 *data, Size len)
{
	TsdbBlockRef ref = {0};
	TsdbSegmentDisk *seg;
	Size		start;
	int			best = -1;
	int			i;

	Assert(len > 0);
	if (len > TSDB_SEGMENT_PAYLOAD)
		return place_spanning(w, data, len);

	for (i = 0; i < w->nopen; i++)
	{
		uint32		length = tsdb_packer_segment(w, w->open[i])->length;

		if (tsdb_block_start(length, len) < TSDB_TUPLE_MAX_DATA &&
			(best < 0 || length > tsdb_packer_segment(w, w->open[best])->length))
			best = i;
	}
	if (best < 0)
	{
		uint32		segment = new_segment(w);

		if (w->nopen < TSDB_OPEN_SEGMENTS)
			best = w->nopen++;
		else
		{
			/* close the fullest */
			best = 0;
			for (i = 1; i < w->nopen; i++)
			{
				if (tsdb_packer_segment(w, w->open[i])->length > tsdb_packer_segment(w, w->open[best])->length)
					best = i;
			}
		}
		w->open[best] = segment;
	}

	seg = tsdb_packer_segment(w, w->open[best]);
	start = tsdb_block_start(seg->length, len);
	Assert(start + len <= TSDB_TUPLE_MAX_DATA);
	memset((uint8 *) seg + seg->length, 0, start - seg->length);
	memcpy((uint8 *) seg + start, data, len);
	seg->length = (uint32) (start + len);
	ref.segment = seg->segment;
	ref.offset = (uint16) start;
	ref.length = (uint16) len;
	w->column->stored_bytes += len;
	return ref;
}

/* a piece shorter than this is not worth its reference */
#define MIN_PIECE				256

uint32
tsdb_packer_place_pieces(TsdbChunkWriter *w, const uint8 *data, Size len)
{
	uint32		npieces = 0;

	while (len > 0)
	{
		Size		hole = tsdb_packer_hole(w);
		Size		piece = Min(len, hole >= MIN_PIECE ? hole : TSDB_SEGMENT_PAYLOAD - 4);
		TsdbBlockRef *parts;

		parts = tsdb_pool_reserve(w, &w->parts, (Size) (w->nparts + 1) * sizeof(TsdbBlockRef));
		parts[w->nparts++] = tsdb_packer_place(w, data, piece);
		npieces++;
		data += piece;
		len -= piece;
	}
	return npieces;
}
