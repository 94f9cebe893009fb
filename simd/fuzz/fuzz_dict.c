/*-------------------------------------------------------------------------
 * fuzz_dict.c
 *	  libFuzzer target: dictionaries of any bytes, and dictionaries of any strings.
 *
 * Input: byte 0's bit 0 tells whether the rest is a dictionary or strings for one: a byte of length, then so many bytes, and
 * again.  Compressed dictionaries have fuzz_bytes.c.
 *-------------------------------------------------------------------------
 */
#include "fuzz_codec.h"

static volatile unsigned fuzz_sink; /* keeps reads of entries */

static void
open_dictionary(const uint8_t *bytes, size_t len)
{
	uint8_t    *copy = fuzz_alloc(len);
	unsigned	sum = 0;
	uint32_t	count;
	uint32_t	e;

	memcpy(copy, bytes, len);
	if (tsdb_dict_open(copy, len, &count))
		for (e = 0; e < count; e++)
		{
			TsdbBytes	entry = tsdb_dict_entry(copy, e);

			if (entry.len > 0)
				sum += entry.data[0] + entry.data[entry.len - 1];
		}
	fuzz_sink = sum;
	free(copy);
}

static void
make_dictionary(const uint8_t *bytes, size_t len)
{
	TsdbBytes  *entries = fuzz_alloc(len * sizeof(TsdbBytes));
	uint8_t    *out;
	size_t		total = 0;
	uint32_t	count = 0;
	uint32_t	got;
	uint32_t	e;

	while (len > 0)
	{
		size_t		entry = bytes[0] < len - 1 ? bytes[0] : len - 1;

		entries[count].data = bytes + 1;
		entries[count++].len = (uint32_t) entry;
		total += entry;
		bytes += 1 + entry;
		len -= 1 + entry;
	}
	out = fuzz_alloc(tsdb_dict_size(count, total));
	fuzz_assert(tsdb_dict_encode(entries, count, out) == tsdb_dict_size(count, total));
	fuzz_assert(tsdb_dict_open(out, tsdb_dict_size(count, total), &got) && got == count);
	for (e = 0; e < count; e++)
	{
		TsdbBytes	entry = tsdb_dict_entry(out, e);

		fuzz_assert(entry.len == entries[e].len && (entry.len == 0 || memcmp(entry.data, entries[e].data, entry.len) == 0));
	}
	free(entries);
	free(out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	if (data[0] & 1)
		make_dictionary(data + 1, size - 1);
	else
		open_dictionary(data + 1, size - 1);
	return 0;
}
