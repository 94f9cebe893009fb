/*-------------------------------------------------------------------------
 * fsst.c
 *	  FSST: training of a symbol table, compression, decompression.
 *
 * Training (section 4 of the paper): the sample is compressed with the current table; symbols and pairs
 * of neighbours are counted; of all symbols and joined pairs those with the largest gain make the next
 * table.  After some rounds long symbols have grown from short ones.
 *
 * The paper's encoder keeps one symbol of three or more bytes per hash slot and drops the others.  Here all symbols
 * with the same slot are tried, longest first: the longest match always wins.
 *
 * Decompression stores eight bytes for each code, whatever its length, and advances by the length; what is
 * too much is overwritten by the next code.  Near the end of the output it copies no more than fits.
 *-------------------------------------------------------------------------
 */
#include "fsst.h"

#include "codec_internal.h"

#define SAMPLE_BYTES	16384
#define SAMPLE_STRETCH	512		/* bytes that are taken from one place, at most */

/*
 * The paper has five rounds.  Symbols of eight bytes need three doublings, and a few rounds more to push out the parts they
 * were made of: with eight, 13 % fewer bytes for airports' names, 2.5 % for URLs, 1 % for
 * Wikipedia's titles.  The table of a round may be worse than the one before; the best is kept.
 */
#define ROUNDS			8

/* Pairs seen less often in the sample make no symbol: they are chance. */
#define MIN_PAIRS		5

/* A byte without symbol takes two: this makes a symbol of it worth more than its length. */
#define SINGLE_WEIGHT	3

/* Symbols of three and more bytes by the hash of their first three. */
#define HASH_BITS		11
#define HASH_SLOTS		(1 << HASH_BITS)

/* How a match is told: its code in the low byte, above it the bytes it stands for. */
#define MATCH(code, len)	((uint32_t) (code) | (uint32_t) (len) << 8)
#define MATCH_CODE(m)		((m) & 0xFF)
#define MATCH_LEN(m)		((m) >> 8)

typedef struct LongSymbol
{
	uint64_t	value;
	uint64_t	mask;			/* of the bytes that count */
	uint32_t	match;
} LongSymbol;

struct TsdbFsstEncoder
{
	TsdbFsstTable table;
	LongSymbol	longs[TSDB_FSST_MAX_SYMBOLS];	/* by slot, longer ones first */
	uint8_t		slot_start[HASH_SLOTS + 1];
	uint16_t	one[256];		/* match for a byte alone: a symbol or the escape */
	uint16_t	two[65536];		/* match of at most two bytes */
};

/* Codes while training: symbols, or 256 + a byte that was escaped. */
#define TRAIN_CODES			512
#define TRAIN_BYTE(b)		(256 + (b))

/* At most twice 256 bytes, 255 symbols and a pair for each MIN_PAIRS of the sample: about half full. */
#define CANDIDATE_BITS		13
#define CANDIDATE_SLOTS		(1 << CANDIDATE_BITS)

_Static_assert(TRAIN_CODES + 256 + SAMPLE_BYTES / MIN_PAIRS < CANDIDATE_SLOTS * 3 / 4, "candidates find a slot");

typedef struct Candidate
{
	uint64_t	value;
	uint32_t	gain;
	uint32_t	len;			/* 0: empty slot */
} Candidate;

struct TsdbFsstTrainer
{
	TsdbFsstEncoder encoder;
	uint8_t		sample[SAMPLE_BYTES + 8];	/* pieces back to back; eight bytes that may be loaded */
	uint16_t	piece_len[SAMPLE_BYTES];
	int			npieces;
	bool		seen[256];		/* bytes of the sample */
	uint32_t	single[TRAIN_CODES];	/* how often a code was used */
	uint32_t	pairs[2][SAMPLE_BYTES]; /* code << 9 | next code; the second half is for sorting */
	Candidate	candidates[CANDIDATE_SLOTS];
	Candidate	best[TSDB_FSST_MAX_SYMBOLS];	/* a heap, worst on top */
	int			nbest;
};

size_t
tsdb_fsst_encoder_size(void)
{
	return sizeof(TsdbFsstEncoder);
}

size_t
tsdb_fsst_trainer_size(void)
{
	return sizeof(TsdbFsstTrainer);
}

static inline uint64_t
low_bytes_mask(unsigned len)
{
	return ~UINT64_C(0) >> (64 - 8 * len);
}

/*-------------- finding symbols --------------*/

static inline unsigned
hash_slot(uint64_t word)
{
	return ((uint32_t) word << 8) * UINT32_C(0x9E3779B1) >> (32 - HASH_BITS);
}

static void
encoder_init(const TsdbFsstTable *table, TsdbFsstEncoder *encoder)
{
	unsigned	nslot[HASH_SLOTS];
	unsigned	sum = 0;
	unsigned	i;

	if (table != &encoder->table)
		encoder->table = *table;
	table = &encoder->table;

	for (i = 0; i < 256; i++)
		encoder->one[i] = MATCH(TSDB_FSST_ESCAPE, 1);
	memset(nslot, 0, sizeof(nslot));
	for (i = 0; i < table->count; i++)
	{
		if (table->len[i] == 1)
			encoder->one[table->symbol[i]] = (uint16_t) MATCH(i, 1);
		else if (table->len[i] > 2)
			nslot[hash_slot(table->symbol[i])]++;
	}

	/* the first byte is the low one: a row of one[] for each second byte */
	for (i = 0; i < 256; i++)
		memcpy(encoder->two + i * 256, encoder->one, sizeof(encoder->one));
	for (i = 0; i < table->count; i++)
		if (table->len[i] == 2)
			encoder->two[table->symbol[i]] = (uint16_t) MATCH(i, 2);

	for (i = 0; i < HASH_SLOTS; i++)
	{
		encoder->slot_start[i] = (uint8_t) sum;
		sum += nslot[i];
		nslot[i] = encoder->slot_start[i];
	}
	encoder->slot_start[HASH_SLOTS] = (uint8_t) sum;

	/* symbols ascend by length */
	for (i = table->count; i-- > 0 && table->len[i] > 2;)
	{
		LongSymbol *symbol = &encoder->longs[nslot[hash_slot(table->symbol[i])]++];

		symbol->value = table->symbol[i];
		symbol->mask = low_bytes_mask(table->len[i]);
		symbol->match = MATCH(i, table->len[i]);
	}
}

void
tsdb_fsst_encoder_init(const TsdbFsstTable *table, TsdbFsstEncoder *encoder)
{
	encoder_init(table, encoder);
}

const TsdbFsstTable *
tsdb_fsst_encoder_table(const TsdbFsstEncoder *encoder)
{
	return &encoder->table;
}

/* The longest symbol that word starts with; of its bytes "left" count, the others are zero. */
static inline uint32_t
find_match(const TsdbFsstEncoder *encoder, uint64_t word, size_t left)
{
	unsigned	slot = hash_slot(word);
	unsigned	end = encoder->slot_start[slot + 1];
	unsigned	i;
	uint32_t	match;

	for (i = encoder->slot_start[slot]; i < end; i++)
	{
		const LongSymbol *symbol = &encoder->longs[i];

		if (((word ^ symbol->value) & symbol->mask) == 0 && MATCH_LEN(symbol->match) <= left)
			return symbol->match;
	}
	match = encoder->two[word & 0xFFFF];
	if (MATCH_LEN(match) > left)
		match = encoder->one[word & 0xFF];
	return match;
}

/* The first "left" < 8 bytes at p. */
static inline uint64_t
load_tail(const uint8_t *p, size_t left)
{
	uint64_t	word = 0;

	if (left & 4)
	{
		word = codec_load32(p);
		p += 4;
	}
	if (left & 2)
	{
		word |= (uint64_t) codec_load16(p) << (8 * (left & 4));
		p += 2;
	}
	if (left & 1)
		word |= (uint64_t) *p << (8 * (left & 6));
	return word;
}

/* Writes code and, in case it is the escape, the byte. */
static inline uint8_t *
put_match(uint8_t *out, uint32_t match, uint64_t word)
{
	uint16_t	both = (uint16_t) (MATCH_CODE(match) | (word & 0xFF) << 8);

	memcpy(out, &both, sizeof(both));
	return out + 1 + (MATCH_CODE(match) == TSDB_FSST_ESCAPE);
}

size_t
tsdb_fsst_compress(const TsdbFsstEncoder *encoder, const uint8_t *in, size_t len, uint8_t *out)
{
	uint8_t    *start = out;
	uint64_t	word;

	while (len >= 8)
	{
		uint32_t	match;

		word = codec_load64(in);
		match = find_match(encoder, word, 8);
		out = put_match(out, match, word);
		in += MATCH_LEN(match);
		len -= MATCH_LEN(match);
	}
	if (len == 0)
		return (size_t) (out - start);
	word = load_tail(in, len);
	do
	{
		uint32_t	match = find_match(encoder, word, len);

		out = put_match(out, match, word);
		word >>= 8 * MATCH_LEN(match);
		len -= MATCH_LEN(match);
	} while (len > 0);
	return (size_t) (out - start);
}

/*-------------- training --------------*/

static void
take_piece(TsdbFsstTrainer *trainer, size_t *used, const uint8_t *p, size_t len)
{
	memcpy(trainer->sample + *used, p, len);
	trainer->piece_len[trainer->npieces++] = (uint16_t) len;
	*used += len;
}

/*
 * Copies the sample: everything if that is little, else stretches at equal distances.  A stretch is
 * some whole strings or part of a long one.
 */
static size_t
take_sample(const TsdbBytes *strings, size_t n, TsdbFsstTrainer *trainer)
{
	uint64_t	total = 0;
	uint64_t	begin = 0;		/* of string i among all bytes */
	uint64_t	next = 0;		/* where the next stretch begins */
	size_t		stretch_left = 0;
	size_t		used = 0;
	size_t		nstretches;
	size_t		k = 0;
	size_t		i;

	trainer->npieces = 0;
	for (i = 0; i < n; i++)
		total += strings[i].len;
	if (total <= SAMPLE_BYTES)
	{
		for (i = 0; i < n; i++)
			if (strings[i].len > 0)
				take_piece(trainer, &used, strings[i].data, strings[i].len);
		return used;
	}

	nstretches = SAMPLE_BYTES / SAMPLE_STRETCH;
	for (i = 0; i < n; i++)
	{
		uint64_t	len = strings[i].len;
		uint64_t	at = 0;		/* what of this string is done */

		while (at < len)
		{
			size_t		take;

			if (stretch_left == 0)
			{
				/* the next one may begin further on in this string, at its start if it is short */
				if (k == nstretches || begin + len <= next)
					break;
				if (next > begin + at && len > SAMPLE_STRETCH)
					at = next - begin;
				stretch_left = SAMPLE_STRETCH;
				k++;
				next = k * total / nstretches;
			}
			take = len - at < stretch_left ? (size_t) (len - at) : stretch_left;
			/* no part of a string that is short */
			if (take < len - at && len <= SAMPLE_STRETCH)
			{
				stretch_left = 0;
				break;
			}
			take_piece(trainer, &used, strings[i].data + at, take);
			at += take;
			stretch_left -= take;
		}
		begin += len;
	}
	return used;
}

/* Compresses the sample; counts codes; pairs of neighbours go to pairs[0].  Returns their number. */
static int
count_codes(TsdbFsstTrainer *trainer)
{
	const TsdbFsstEncoder *encoder = &trainer->encoder;
	const uint8_t *p = trainer->sample;
	int			npairs = 0;
	int			i;

	memset(trainer->single, 0, sizeof(trainer->single));
	for (i = 0; i < trainer->npieces; i++)
	{
		size_t		left = trainer->piece_len[i];
		unsigned	last = TRAIN_CODES; /* none */

		while (left > 0)
		{
			uint64_t	word = codec_load64(p);
			uint32_t	match;
			unsigned	code;

			if (left < 8)
				word &= low_bytes_mask((unsigned) left);
			match = find_match(encoder, word, left);
			code = MATCH_CODE(match);
			if (code == TSDB_FSST_ESCAPE)
				code = TRAIN_BYTE(*p);
			trainer->single[code]++;
			if (last != TRAIN_CODES)
				trainer->pairs[0][npairs++] = last << 9 | code;
			last = code;
			p += MATCH_LEN(match);
			left -= MATCH_LEN(match);
		}
	}
	return npairs;
}

/* Sorts pairs[0]: two passes of nine bits. */
static void
sort_pairs(TsdbFsstTrainer *trainer, int npairs)
{
	int			pass;

	for (pass = 0; pass < 2; pass++)
	{
		const uint32_t *from = trainer->pairs[pass];
		uint32_t   *to = trainer->pairs[1 - pass];
		unsigned	shift = pass == 0 ? 0 : 9;
		uint32_t	start[TRAIN_CODES + 1];
		int			i;

		memset(start, 0, sizeof(start));
		for (i = 0; i < npairs; i++)
			start[(from[i] >> shift & (TRAIN_CODES - 1)) + 1]++;
		for (i = 1; i < TRAIN_CODES; i++)
			start[i] += start[i - 1];
		for (i = 0; i < npairs; i++)
			to[start[from[i] >> shift & (TRAIN_CODES - 1)]++] = from[i];
	}
}

static inline uint64_t
code_value(const TsdbFsstTable *table, unsigned code)
{
	return code >= 256 ? code - 256 : table->symbol[code];
}

static inline unsigned
code_len(const TsdbFsstTable *table, unsigned code)
{
	return code >= 256 ? 1 : table->len[code];
}

/* The same bytes can come from several pairs: gains add up. */
static void
add_candidate(TsdbFsstTrainer *trainer, uint64_t value, unsigned len, uint32_t gain)
{
	unsigned	slot = (unsigned) (((value ^ len) * UINT64_C(0x9E3779B97F4A7C15)) >> (64 - CANDIDATE_BITS));

	while (trainer->candidates[slot].len != 0)
	{
		if (trainer->candidates[slot].value == value && trainer->candidates[slot].len == len)
		{
			trainer->candidates[slot].gain += gain;
			return;
		}
		slot = (slot + 1) % CANDIDATE_SLOTS;
	}
	trainer->candidates[slot].value = value;
	trainer->candidates[slot].len = len;
	trainer->candidates[slot].gain = gain;
}

/* A total order: no two candidates are the same. */
static inline bool
is_better(const Candidate *a, const Candidate *b)
{
	if (a->gain != b->gain)
		return a->gain > b->gain;
	if (a->len != b->len)
		return a->len > b->len;
	return a->value < b->value;
}

/* Moves best[i] down to where both below are better. */
static void
sift_down(Candidate *best, int n, int i)
{
	Candidate	moving = best[i];

	for (;;)
	{
		int			below = 2 * i + 1;

		if (below >= n)
			break;
		if (below + 1 < n && is_better(&best[below], &best[below + 1]))
			below++;
		if (is_better(&best[below], &moving))
			break;
		best[i] = best[below];
		i = below;
	}
	best[i] = moving;
}

/* Keeps the best 255 of the candidates. */
static void
select_best(TsdbFsstTrainer *trainer)
{
	Candidate  *best = trainer->best;
	int			n = 0;
	int			slot;
	int			i;

	for (slot = 0; slot < CANDIDATE_SLOTS; slot++)
	{
		const Candidate *candidate = &trainer->candidates[slot];

		if (candidate->len == 0)
			continue;
		if (n < TSDB_FSST_MAX_SYMBOLS)
		{
			best[n++] = *candidate;
			if (n == TSDB_FSST_MAX_SYMBOLS)
				for (i = n / 2; i-- > 0;)
					sift_down(best, n, i);
		}
		else if (is_better(candidate, &best[0]))
		{
			best[0] = *candidate;
			sift_down(best, n, 0);
		}
	}
	trainer->nbest = n;
}

static inline bool
goes_before(const Candidate *a, const Candidate *b)
{
	return a->len != b->len ? a->len < b->len : a->value < b->value;
}

/* Symbols in the order that they have on disk: shorter ones first, then by value. */
static void
sort_best(TsdbFsstTrainer *trainer)
{
	Candidate  *best = trainer->best;
	int			gap;
	int			i;
	int			k;

	for (gap = 121; gap > 0; gap /= 3)
		for (i = gap; i < trainer->nbest; i++)
		{
			Candidate	moving = best[i];

			for (k = i; k >= gap && goes_before(&moving, &best[k - gap]); k -= gap)
				best[k] = best[k - gap];
			best[k] = moving;
		}
}

static void
table_clear(TsdbFsstTable *table)
{
	memset(table, 0, sizeof(*table));
	table->len[TSDB_FSST_ESCAPE] = 1;
}

static void
best_to_table(TsdbFsstTrainer *trainer, TsdbFsstTable *table)
{
	int			i;

	sort_best(trainer);
	table_clear(table);
	for (i = 0; i < trainer->nbest; i++)
	{
		table->symbol[i] = trainer->best[i].value;
		table->len[i] = (uint8_t) trainer->best[i].len;
	}
	table->count = (uint32_t) trainer->nbest;
}

/* Candidates for the next table, from what count_codes has counted. */
static void
make_candidates(TsdbFsstTrainer *trainer, int npairs)
{
	const TsdbFsstTable *table = &trainer->encoder.table;
	unsigned	code;
	int			i;
	int			next;

	memset(trainer->candidates, 0, sizeof(trainer->candidates));
	for (code = 0; code < TRAIN_CODES; code++)
		if (trainer->single[code] > 0)
		{
			unsigned	len = code_len(table, code);

			add_candidate(trainer, code_value(table, code), len,
						  trainer->single[code] * (len == 1 ? SINGLE_WEIGHT : len));
		}

	/* where there is room, bytes that now are parts of symbols only: other strings will have them elsewhere */
	for (code = 0; code < 256; code++)
		if (trainer->seen[code])
			add_candidate(trainer, code, 1, 0);

	sort_pairs(trainer, npairs);
	for (i = 0; i < npairs; i = next)
	{
		uint32_t	pair = trainer->pairs[0][i];
		unsigned	first = pair >> 9;
		unsigned	second = pair & (TRAIN_CODES - 1);
		unsigned	len = code_len(table, first) + code_len(table, second);

		for (next = i + 1; next < npairs && trainer->pairs[0][next] == pair;)
			next++;
		if (next - i < MIN_PAIRS || len > TSDB_FSST_MAX_SYMBOL)
			continue;
		add_candidate(trainer, code_value(table, first) | code_value(table, second) << (8 * code_len(table, first)),
					  len, (uint32_t) (next - i) * len);
	}
}

/* Bytes of the compressed sample. */
static size_t
counted_size(const TsdbFsstTrainer *trainer)
{
	size_t		size = 0;
	int			code;

	for (code = 0; code < TRAIN_CODES; code++)
		size += (size_t) trainer->single[code] * (code < TRAIN_BYTE(0) ? 1 : 2);
	return size;
}

bool
tsdb_fsst_train(const TsdbBytes *strings, size_t n, TsdbFsstTable *table, TsdbFsstTrainer *trainer)
{
	TsdbFsstTable *current = &trainer->encoder.table;
	size_t		used = take_sample(strings, n, trainer);
	size_t		smallest = SIZE_MAX;
	size_t		i;
	int			round;

	if (used == 0)
		return false;
	memset(trainer->sample + used, 0, 8);
	memset(trainer->seen, 0, sizeof(trainer->seen));
	for (i = 0; i < used; i++)
		trainer->seen[trainer->sample[i]] = true;
	table_clear(current);
	for (round = 0;; round++)
	{
		int			npairs;

		encoder_init(current, &trainer->encoder);
		npairs = count_codes(trainer);
		if (round > 0 && counted_size(trainer) < smallest)
		{
			smallest = counted_size(trainer);
			*table = *current;
		}
		if (round == ROUNDS)
			break;
		make_candidates(trainer, npairs);
		select_best(trainer);
		best_to_table(trainer, current);
	}
	return true;
}

/*-------------- table on disk --------------*/

#define TABLE_HEADER_BYTES	12

size_t
tsdb_fsst_table_encode(const TsdbFsstTable *table, uint8_t *out)
{
	uint32_t	magic = TSDB_FSST_MAGIC;
	size_t		size = TABLE_HEADER_BYTES;
	uint32_t	i;

	assert(table->count >= 1 && table->count <= TSDB_FSST_MAX_SYMBOLS);
	memcpy(out, &magic, sizeof(magic));
	memset(out + sizeof(magic), 0, TABLE_HEADER_BYTES - sizeof(magic));
	for (i = 0; i < table->count; i++)
	{
		out[sizeof(magic) + table->len[i] - 1]++;
		memcpy(out + size, &table->symbol[i], table->len[i]);
		size += table->len[i];
	}
	return size;
}

bool
tsdb_fsst_table_decode(const uint8_t *in, size_t len, TsdbFsstTable *table)
{
	CodecCursor cursor = {.p = in, .left = len};
	const uint8_t *header = codec_take(&cursor, TABLE_HEADER_BYTES);
	uint32_t	count = 0;
	unsigned	symbol_len;

	if (header == NULL || codec_load32(header) != TSDB_FSST_MAGIC)
		return false;
	table_clear(table);
	for (symbol_len = 1; symbol_len <= TSDB_FSST_MAX_SYMBOL; symbol_len++)
	{
		unsigned	i;

		for (i = 0; i < header[sizeof(uint32_t) + symbol_len - 1]; i++, count++)
		{
			const uint8_t *p = codec_take(&cursor, symbol_len);
			uint64_t	value = 0;

			if (p == NULL || count == TSDB_FSST_MAX_SYMBOLS)
				return false;
			memcpy(&value, p, symbol_len);
			if (i > 0 && value <= table->symbol[count - 1])
				return false;
			table->symbol[count] = value;
			table->len[count] = (uint8_t) symbol_len;
		}
	}
	table->count = count;
	return count > 0;
}

/*-------------- decompression --------------*/

/* Bytes that would be codes without symbol, if they are codes. */
static size_t
count_foreign(const TsdbFsstTable *table, const uint8_t *in, size_t len)
{
	uint8_t		first = (uint8_t) table->count;
	uint8_t		span = (uint8_t) (TSDB_FSST_ESCAPE - table->count);
	size_t		total = 0;
	size_t		i;

	if (span == 0)
		return 0;
	while (len > 0)
	{
		size_t		part = len < 255 ? len : 255;
		uint8_t		count = 0;

		for (i = 0; i < part; i++)
			count += (uint8_t) (in[i] - first) < span;
		total += count;
		in += part;
		len -= part;
	}
	return total;
}

static inline bool
is_foreign(const TsdbFsstTable *table, uint8_t byte)
{
	return byte >= table->count && byte != TSDB_FSST_ESCAPE;
}

bool
tsdb_fsst_decompressed_len(const TsdbFsstTable *table, const uint8_t *in, size_t len, size_t *out_len)
{
	size_t		foreign = count_foreign(table, in, len);
	size_t		size = 0;
	size_t		i;

	for (i = 0; i < len; i++)
	{
		size += table->len[in[i]];
		if (in[i] == TSDB_FSST_ESCAPE)
		{
			if (++i == len)
				return false;
			foreign -= is_foreign(table, in[i]);
		}
	}
	*out_len = size;
	return foreign == 0;
}

/* Where decompression is. */
typedef struct Progress
{
	const uint8_t *p;			/* next code */
	size_t		at;				/* bytes in out */
	size_t		literals;		/* bytes behind escapes that look like codes without symbol */
} Progress;

/* What a code's place in the output is, if it is no code but the byte behind an escape. */
#define NO_PLACE		UINT32_MAX

/*
 * Decompresses the codes before "stop", or one more if an escape is the last of them; end: of all codes.  With places:
 * places[i] becomes where the output of code i (from progress->p on) begins.
 */
static inline __attribute__((always_inline)) bool
decompress(const TsdbFsstTable *table, Progress *progress, const uint8_t *stop, const uint8_t *end,
		   uint8_t *out, size_t out_size, uint32_t *places)
{
	const uint8_t *p = progress->p;
	size_t		at = progress->at;

	while (p < stop)
	{
		uint8_t		code;

		if (stop - p >= 8 && out_size - at >= 64)
		{
			/* the top bit of a byte of "escapes" is set where the code is 255; bytes above the first may be wrong */
			uint64_t	others = ~codec_load64(p);
			uint64_t	escapes = (others - UINT64_C(0x0101010101010101)) & ~others & UINT64_C(0x8080808080808080);
			unsigned	ncodes;
			unsigned	i;

			if (escapes == 0)
			{
#define DECOMPRESS_ONE(i) \
				do { \
					codec_store64(out + at, table->symbol[p[i]]); \
					if (places != NULL) \
						places[i] = (uint32_t) at; \
					at += table->len[p[i]]; \
				} while (0)

				DECOMPRESS_ONE(0);
				DECOMPRESS_ONE(1);
				DECOMPRESS_ONE(2);
				DECOMPRESS_ONE(3);
				DECOMPRESS_ONE(4);
				DECOMPRESS_ONE(5);
				DECOMPRESS_ONE(6);
				DECOMPRESS_ONE(7);
				p += 8;
				if (places != NULL)
					places += 8;
				continue;
			}
			ncodes = (unsigned) __builtin_ctzll(escapes) / 8;
			for (i = 0; i < ncodes; i++)
				DECOMPRESS_ONE(i);
			p += ncodes;
			if (places != NULL)
				places += ncodes;
		}

		code = *p++;
		if (places != NULL)
			*places++ = (uint32_t) at;
		if (code == TSDB_FSST_ESCAPE)
		{
			if (p == end || at == out_size)
				return false;
			if (places != NULL)
				*places++ = NO_PLACE;
			progress->literals += is_foreign(table, *p);
			out[at++] = *p++;
		}
		else
		{
			size_t		len = table->len[code];

			if (len > out_size - at)
				return false;
			if (out_size - at >= 8)
				codec_store64(out + at, table->symbol[code]);
			else
				memcpy(out + at, &table->symbol[code], len);
			at += len;
		}
	}
	progress->p = p;
	progress->at = at;
	return true;
}

bool
tsdb_fsst_decompress(const TsdbFsstTable *table, const uint8_t *in, size_t len,
					 uint8_t *out, size_t out_size, size_t *out_len)
{
	Progress	progress = {in, 0, 0};

	if (!decompress(table, &progress, in + len, in + len, out, out_size, NULL))
		return false;
	*out_len = progress.at;
	return count_foreign(table, in, len) == progress.literals;
}

/* Codes between two looks at where strings end. */
#define CODES_AT_ONCE	1024

bool
tsdb_fsst_decompress_strings(const TsdbFsstTable *table, const uint8_t *in, size_t len,
							 const int64_t *lengths, const bool *isnull, int n,
							 uint8_t *out, size_t out_size, TsdbBytes *strings)
{
	const uint8_t *end = in + len;
	Progress	progress = {in, 0, 0};
	uint32_t	places[CODES_AT_ONCE + 2];	/* of an escape that comes last, and of the end */
	size_t		ncodes = 0;		/* in places[] */
	size_t		used = 0;		/* of them: where string i begins */
	uint32_t	begin = 0;		/* the same in the output */
	int			i;

	if (out_size >= NO_PLACE)
		return false;
	places[0] = 0;
	for (i = 0; i < n; i++)
	{
		uint32_t	place;

		if (isnull != NULL && isnull[i])
		{
			strings[i].data = NULL;
			strings[i].len = 0;
			continue;
		}

		/* a negative length is larger than anything */
		if ((size_t) lengths[i] > len)
			return false;
		used += (size_t) lengths[i];
		while (used > ncodes)
		{
			const uint8_t *from = progress.p;
			size_t		left = (size_t) (end - from);

			used -= ncodes;
			if (left == 0 ||
				!decompress(table, &progress, from + (left < CODES_AT_ONCE ? left : CODES_AT_ONCE), end,
							out, out_size, places))
				return false;
			ncodes = (size_t) (progress.p - from);
			places[ncodes] = (uint32_t) progress.at;
		}
		place = places[used];
		if (place == NO_PLACE)
			return false;
		strings[i].data = out + begin;
		strings[i].len = place - begin;
		begin = place;
	}
	return used == ncodes && progress.p == end && progress.at == out_size &&
		count_foreign(table, in, len) == progress.literals;
}
