/*-------------------------------------------------------------------------
 * kern_crc.h
 *	  CRC-32C with the processor's instruction, three streams at a time.
 *
 * The instruction takes three cycles and can start each cycle, so that one chain of them uses a third of what there is.  Three stretches
 * of one length are therefore taken side by side.  What the first two give is moved over the bytes behind them, that is multiplied by a power
 * of x modulo the polynomial, with a carry-less multiplication (Gopal et al., "Fast CRC Computation for iSCSI Polynomial Using CRC32
 * Instruction", Intel 2011).
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_KERN_CRC_H
#define TSDB_KERN_CRC_H

#if KERN_TIER >= 1

/* Stretches: three long ones are nearly a segment, which fills a page; short ones for headers. */
#define CRC_LONG		2688
#define CRC_SHORT		336
/* x^(8 * bytes - 33) modulo the polynomial, bits reversed: what moves a CRC over so many bytes */
#define CRC_OVER_1_LONG		0x889774E1
#define CRC_OVER_2_LONG		0x0E0126B2
#define CRC_OVER_1_SHORT	0xA60CE07B
#define CRC_OVER_2_SHORT	0xCEC3662E

static always_inline uint64_t
crc_word(const uint8_t *p)
{
	uint64_t	word;

	memcpy(&word, p, sizeof(word));
	return word;
}

static always_inline uint64_t
crc_move(uint64_t crc, uint32_t over)
{
	__m128i		product = _mm_clmulepi64_si128(_mm_cvtsi64_si128((long long) crc), _mm_cvtsi64_si128((long long) over), 0);

	return _mm_crc32_u64(0, (unsigned long long) _mm_cvtsi128_si64(product));
}

/* Three stretches of "each" bytes, a constant. */
static always_inline uint64_t
crc_stretches(uint64_t crc, const uint8_t *p, int each, uint32_t over_1, uint32_t over_2)
{
	uint64_t	crc_1 = 0;
	uint64_t	crc_2 = 0;
	int			i;

	for (i = 0; i < each; i += 8)
	{
		crc = _mm_crc32_u64(crc, crc_word(p + i));
		crc_1 = _mm_crc32_u64(crc_1, crc_word(p + each + i));
		crc_2 = _mm_crc32_u64(crc_2, crc_word(p + 2 * each + i));
	}
	return crc_move(crc, over_2) ^ crc_move(crc_1, over_1) ^ crc_2;
}

static uint32_t
K(crc32c) (uint32_t start, const void *data, size_t len)
{
	const uint8_t *p = data;
	uint64_t	crc = start;

	for (; len >= 3 * CRC_LONG; p += 3 * CRC_LONG, len -= 3 * CRC_LONG)
		crc = crc_stretches(crc, p, CRC_LONG, CRC_OVER_1_LONG, CRC_OVER_2_LONG);
	for (; len >= 3 * CRC_SHORT; p += 3 * CRC_SHORT, len -= 3 * CRC_SHORT)
		crc = crc_stretches(crc, p, CRC_SHORT, CRC_OVER_1_SHORT, CRC_OVER_2_SHORT);
	for (; len >= 8; p += 8, len -= 8)
		crc = _mm_crc32_u64(crc, crc_word(p));
	for (; len > 0; p++, len--)
		crc = _mm_crc32_u8((uint32_t) crc, *p);
	return (uint32_t) crc;
}

#define KERN_CRC_ENTRY	ENTRY(crc32c)
#else
#define KERN_CRC_ENTRY	.crc32c = NULL
#endif

#endif							/* TSDB_KERN_CRC_H */
