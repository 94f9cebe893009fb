/*-------------------------------------------------------------------------
 * numeric_sum.c
 *	  Exact sums of numerics of ordinary size, as integers.
 *
 * Reads what numeric.c writes to disk, which no release changes: a header of 16 bits (sign, decimals shown, weight of the first digit; a second one
 * for large weights), and digits to the base 10,000 without zeros at either end.
 */
#include "compat.h"

#include "agg/numeric_sum.h"

#include "utils/fmgrprotos.h"

#define FLAGS			0xC000
#define NEGATIVE		0x4000
#define SHORT			0x8000
#define SPECIAL			0xC000
#define SHORT_NEGATIVE	0x2000
#define SHORT_DSCALE	0x1F80
#define SHORT_DSCALE_SHIFT	7
#define SHORT_WEIGHT_SIGN	0x0040
#define SHORT_WEIGHT	0x003F
#define DSCALE			0x3FFF

#define BASE			10000
#define GROUPS			3		/* digits to that base on either side of the point */
#define DECIMALS		(4 * GROUPS)

bool
tsdb_numeric_sum_add(TsdbNumericSum *sum, Datum value)
{
	const struct varlena *datum = (const struct varlena *) DatumGetPointer(value);
	const char *data;
	uint16		header;
	int			len;
	int			dscale;
	int			weight;
	int			ndigits;
	bool		negative;
	int64		whole = 0;
	int64		fraction = 0;
	int			i;

	if (VARATT_IS_EXTERNAL(datum) || VARATT_IS_COMPRESSED(datum))
		return false;
	data = VARDATA_ANY(datum);
	len = (int) VARSIZE_ANY_EXHDR(datum);
	/* (values may begin at any byte) */
	memcpy(&header, data, sizeof(header));
	data += sizeof(header);
	len -= (int) sizeof(header);
	switch (header & FLAGS)
	{
		case SPECIAL:
			return false;
		case SHORT:
			negative = (header & SHORT_NEGATIVE) != 0;
			dscale = (header & SHORT_DSCALE) >> SHORT_DSCALE_SHIFT;
			weight = header & SHORT_WEIGHT;
			if ((header & SHORT_WEIGHT_SIGN) != 0)
				weight |= ~SHORT_WEIGHT;
			break;
		default:
			{
				int16		of_first;

				memcpy(&of_first, data, sizeof(of_first));
				data += sizeof(of_first);
				len -= (int) sizeof(of_first);
				negative = (header & FLAGS) == NEGATIVE;
				dscale = header & DSCALE;
				weight = of_first;
				break;
			}
	}
	ndigits = len / (int) sizeof(int16);
	if (weight >= GROUPS || ndigits - 1 - weight > GROUPS || weight < -GROUPS - 1 || dscale > DECIMALS)
		return false;
	for (i = 0; i <= weight; i++)
	{
		int16		digit = 0;

		if (i < ndigits)
			memcpy(&digit, data + i * sizeof(int16), sizeof(int16));
		whole = whole * BASE + digit;
	}
	/* digits -1, -2, -3 */
	for (i = weight + 1; i <= weight + GROUPS; i++)
	{
		int16		digit = 0;

		if (i >= 0 && i < ndigits)
			memcpy(&digit, data + i * sizeof(int16), sizeof(int16));
		fraction = fraction * BASE + digit;
	}
	sum->n++;
	sum->whole += negative ? -whole : whole;
	sum->fraction += negative ? -fraction : fraction;
	sum->dscale = Max(sum->dscale, dscale);
	return true;
}

Numeric
tsdb_numeric_sum_result(const TsdbNumericSum *sum)
{
	char		digits[64];
	char	   *at = digits + sizeof(digits);
	int128		total = sum->whole;
	unsigned __int128 rest;
	int			i;

	Assert(sum->n > 0);
	for (i = 0; i < GROUPS; i++)
		total *= BASE;
	total += sum->fraction;
	/* (what is not shown is zero) */
	for (i = DECIMALS; i > sum->dscale; i--)
		total /= 10;
	rest = total < 0 ? -(unsigned __int128) total : (unsigned __int128) total;
	*--at = '\0';
	for (i = 0; rest != 0 || i <= sum->dscale; i++)
	{
		if (i == sum->dscale && i > 0)
			*--at = '.';
		*--at = (char) ('0' + (int) (rest % 10));
		rest /= 10;
	}
	if (total < 0)
		*--at = '-';
	return DatumGetNumeric(DirectFunctionCall3(numeric_in, CStringGetDatum(at), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}
