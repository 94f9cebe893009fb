/*-------------------------------------------------------------------------
 * fuzz_floats.c
 *	  libFuzzer target: blocks of floats and doubles (DECIMAL, FLOAT32, REAL) of any bytes, and any bits encoded.
 *
 * Input: see fuzz_codec.h; lanes of one and two bytes are taken for four and eight.  A block of another encoding is made one
 * of these, so that no time is spent on what fuzz_ints.c does.
 *-------------------------------------------------------------------------
 */
#include "fuzz_codec.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t encodings[] = {TSDB_ENC_DECIMAL, TSDB_ENC_FLOAT32, TSDB_ENC_REAL, TSDB_ENC_DECIMAL};
	FuzzInput	in;

	if (!fuzz_open(data, size, &in))
		return 0;
	in.floats = true;
	in.lane = (TsdbLane) (in.lane < TSDB_LANE_INT32 ? in.lane * 4 : in.lane);
	if (in.round_trip)
		fuzz_round_trip(&in, false);
	else
	{
		if (in.len > 0 && in.bytes[0] != TSDB_ENC_DECIMAL && in.bytes[0] != TSDB_ENC_FLOAT32 && in.bytes[0] != TSDB_ENC_REAL)
			in.bytes[0] = encodings[in.bytes[0] & 3];
		fuzz_decode(&in, NULL, 0);
	}
	fuzz_close(&in);
	return 0;
}
