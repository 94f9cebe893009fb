/*-------------------------------------------------------------------------
 * one_value.h
 *	  Reads values alone, of some rows of a block, and compares them with those of the decoded block.
 *
 * For tests and fuzz targets.  Each function returns a row whose value differs, or -1.  "valid": the block decodes; of one that
 * does not, single values may be anything, but reading them must not go out of bounds.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_ONE_VALUE_H
#define TSDB_ONE_VALUE_H

#include <string.h>

#include "bytes_codec.h"
#include "tsdb_codec.h"

/* All rows of short blocks; else the ends, and some between that are others for other lengths. */
static inline int
one_next_row(int row, int n, size_t len)
{
	if (n <= 40 || row < 2 || row >= n - 3)
		return row + 1;
	row += 1 + (n + (int) (len % 61)) / 24;
	return row < n - 3 ? row : n - 3;
}

/* compare: values too (forged decimals may be anything). */
static inline int
one_int_differs(const uint8_t *block, size_t len, int n, TsdbLane lane, const uint8_t *const *planes, int nplanes,
				bool valid, bool compare, const int64_t *values, const bool *isnull, int nnulls, TsdbCodecScratch *scratch)
{
	int64_t		runs[TSDB_CODEC_MAX_ROWS];
	uint16_t	ends[TSDB_CODEC_MAX_ROWS];
	int			nruns = tsdb_int_runs(block, len, n, lane, runs, ends, scratch);
	int			run;
	int			row = 0;

	/* runs, if there are any, are the values: of nothing else */
	if (nruns > 0 && (!valid || nnulls != 0 || ends[nruns - 1] != n))
		return 0;
	for (run = 0; run < nruns; run++)
	{
		if (ends[run] <= row)
			return row;
		for (; row < ends[run]; row++)
			if (compare && values[row] != runs[run])
				return row;
	}

	for (row = 0; row < n; row = one_next_row(row, n, len))
	{
		int64_t		value = -1;
		bool		null = false;
		int			counted = -1;
		bool		read = tsdb_int_value(block, len, n, lane, planes, nplanes, row, &value, &null, &counted, scratch);

		if (valid && (!read || null != isnull[row] || counted != nnulls || (compare && value != values[row])))
			return row;
	}
	return -1;
}

static inline int
one_code_differs(const uint8_t *block, size_t len, int n, uint32_t dict_count, const uint8_t *const *planes, int nplanes,
				 bool valid, const uint32_t *codes, const bool *isnull, int nnulls, TsdbCodecScratch *scratch)
{
	uint32_t	runs[TSDB_CODEC_MAX_ROWS];
	uint16_t	ends[TSDB_CODEC_MAX_ROWS];
	int			nruns = tsdb_codes_runs(block, len, n, dict_count, runs, ends, scratch);
	int			run;
	int			row = 0;

	/* runs, if there are any, are the codes: of nothing else */
	if (nruns > 0 && (!valid || nnulls != 0 || ends[nruns - 1] != n))
		return 0;
	for (run = 0; run < nruns; run++)
	{
		if (ends[run] <= row)
			return row;
		for (; row < ends[run]; row++)
			if (codes[row] != runs[run])
				return row;
	}

	for (row = 0; row < n; row = one_next_row(row, n, len))
	{
		uint32_t	code = UINT32_MAX;
		bool		null = false;
		int			counted = -1;
		bool		read = tsdb_codes_value(block, len, n, dict_count, planes, nplanes, row, &code, &null, &counted, scratch);

		if (read && !null && code >= dict_count)
			return row;
		if (valid && (!read || null != isnull[row] || counted != nnulls || code != codes[row]))
			return row;
	}
	return -1;
}

/* out[size]: as for decoding, and not where the decoded strings lie. */
static inline int
one_string_differs(const uint8_t *block, size_t len, int n, const TsdbFsstTable *table, uint8_t *out, size_t size,
				   bool valid, const TsdbBytes *strings, const bool *isnull, int nnulls, TsdbCodecScratch *scratch)
{
	int			row;

	for (row = 0; row < n; row = one_next_row(row, n, len))
	{
		TsdbBytes	string = {NULL, 1};
		bool		null = false;
		int			counted = -1;
		bool		read = tsdb_bytes_value_with(block, len, n, table, out, size, row, &string, &null, &counted, NULL, scratch);

		if (valid && (!read || null != isnull[row] || counted != nnulls || string.len != strings[row].len ||
					  (null && string.data != NULL) ||
					  (string.len > 0 && memcmp(string.data, strings[row].data, string.len) != 0)))
			return row;
	}
	return -1;
}

#endif							/* TSDB_ONE_VALUE_H */
