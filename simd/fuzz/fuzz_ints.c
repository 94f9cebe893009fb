/*-------------------------------------------------------------------------
 * fuzz_ints.c
 *	  libFuzzer target: blocks of integers (CONST, RLE, FOR, DELTA, LINEAR, RAW) of any bytes, and any integers encoded.
 *
 * Input: see fuzz_codec.h.  Blocks of floats have fuzz_floats.c, those of cold columns fuzz_cold.c.
 *-------------------------------------------------------------------------
 */
#include "fuzz_codec.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	FuzzInput	in;

	if (!fuzz_open(data, size, &in))
		return 0;
	in.floats = false;
	if (in.round_trip)
		fuzz_round_trip(&in, false);
	else
		fuzz_decode(&in, NULL, 0);
	fuzz_close(&in);
	return 0;
}
