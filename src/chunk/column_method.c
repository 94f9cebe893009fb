/*-------------------------------------------------------------------------
 * column_method.c
 *	  How strings without a dictionary are stored: by a symbol table, in frames, or as they are.
 *
 * One method for a column of a chunk, since a symbol table serves all its vectors.  Two vectors are
 * encoded by each method; frames must save clearly more than symbols, which are decoded several times
 * as fast and one string at a time.  In cold chunks size alone counts.
 */
#include "chunk/chunk_writer_internal.h"

#define SAMPLE_VECTORS			2

/* fewer bytes than this are not worth looking at */
#define MIN_BYTES				512

/* levels of zstd */
#define HOT_LEVEL				1
#define COLD_LEVEL				12

/* Bytes of vectors that the column's method makes of the sample. */
static Size
sample_bytes(TsdbChunkWriter *w)
{
	uint32		nsamples = Min(SAMPLE_VECTORS, w->nvectors);
	Size		bytes = 0;
	uint32		i;

	for (i = 0; i < nsamples; i++)
	{
		TsdbEncoding encoding;

		/* the first is often shorter rows, the last few rows */
		tsdb_writer_gather_strings(w, (uint32) ((uint64) (2 * i + 1) * w->nvectors / (2 * nsamples)));
		if (w->nnulls == w->n || w->total_len > 4 * 1024 * 1024)
			continue;
		bytes += tsdb_writer_encode_rows(w, 0, w->n, NULL, &encoding);
	}
	return bytes;
}

/* Trains a symbol table with all strings of the column.  False: there are no bytes. */
static bool
train(TsdbChunkWriter *w, TsdbFsstTable *table)
{
	TsdbBytes  *strings = tsdb_pool_reserve(w, &w->dict_strings, (Size) w->nrows * sizeof(TsdbBytes));
	uint32		i;

	for (i = 0; i < w->nrows; i++)
	{
		TsdbArenaValue *value = tsdb_arena_value(w->buf, w->col->offsets[w->perm[i]]);

		/* NULL rows point to an empty value */
		strings[i].data = value->bytes;
		strings[i].len = value->len;
	}
	if (!tsdb_fsst_train(strings, w->nrows, table,
						 tsdb_pool_reserve(w, &w->fsst_trainer, tsdb_fsst_trainer_size())))
		return false;
	(void) tsdb_pool_reserve(w, &w->fsst_encoder, tsdb_fsst_encoder_size());
	tsdb_fsst_encoder_init(table, w->fsst_encoder.data);
	return true;
}

void
tsdb_choose_bytes_method(TsdbChunkWriter *w)
{
	uint32		nsamples = Min(SAMPLE_VECTORS, w->nvectors);
	TsdbBytesMethod best = w->method;
	TsdbFsstTable table;
	uint8		table_bytes[TSDB_FSST_MAX_TABLE_BYTES];
	Size		table_len = 0;
	Size		plain;
	Size		best_cost;
	Size		cost;

	plain = sample_bytes(w);
	if (plain < MIN_BYTES)
		return;
	if (w->bytes_context == NULL)
		w->bytes_context = tsdb_bytes_context_create();

	/* a sixteenth must be saved */
	best_cost = plain - plain / 16;
	if (train(w, &table))
	{
		table_len = tsdb_fsst_table_encode(&table, table_bytes);
		w->method.encoding = TSDB_ENC_FSST;
		w->method.fsst = w->fsst_encoder.data;
		cost = sample_bytes(w) + table_len * nsamples / w->nvectors;
		if (cost < best_cost)
		{
			best_cost = cost;
			best = w->method;
		}
	}
	w->method.fsst = NULL;
	w->method.context = w->bytes_context;
	if (!w->cold)
	{
		w->method.encoding = TSDB_ENC_LZ4;
		cost = sample_bytes(w);
		if (cost < best_cost)
		{
			best_cost = cost;
			best = w->method;
		}
	}
	w->method.encoding = TSDB_ENC_ZSTD;
	w->method.level = w->cold ? COLD_LEVEL : HOT_LEVEL;
	cost = sample_bytes(w);
	if (!w->cold)
		cost += cost / 3;
	if (cost < best_cost)
		best = w->method;

	w->method = best;
	if (best.encoding == TSDB_ENC_FSST)
	{
		w->column->dict = tsdb_packer_place(w, table_bytes, table_len);
		w->column->flags |= TSDB_COL_FSST;
	}
}
