/*-------------------------------------------------------------------------
 * index_stress.c
 *	  Many processes on one interval index: every look-up must find every chunk that was there when it began.
 *
 *	index_stress stress SECONDS [SEED]	readers, adders, a remover, an evicter, processes killed and replaced
 *	index_stress reads					counts of reads: that they rise and fall, and whose they are
 *	index_stress bench					look-ups among 1,000 .. 1,000,000 chunks; readers beside a writer
 *
 * The model: "directories" that all processes share, one a table, each an array in order of change number, as the chunk
 * store's are: an entry is filled, then the root's count is raised.  An entry that vacuum removed is "gone".  Readers
 * and adders keep the protocol of chunk_index.c on it: read the root, ask the index, read what it lacks from the directory, add it.
 * Each look-up is compared with all live entries of the directory that match it.
 *
 * What breaks it: a lost node, a node seen before it is filled, memory used again under a reader, a table that answers for
 * another or for an older incarnation.
 *-------------------------------------------------------------------------
 */
#include "../../injection.h"
#include "../epoch.h"
#include "../interval_index.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The structure alone is under test here. */
void
tsdb_injection_point(const char *name, int crash_only)
{
	(void) name;
	(void) crash_only;
}

#define NTABLES			24
#define MAX_ENTRIES		20000	/* then the table gets a new incarnation, as TRUNCATE does */
#define NPROCS			16
#define MAX_HITS		65536

typedef struct Model
{
	uint64_t	incarnation;
	uint32_t	changes;		/* the root's count */
	uint32_t	lock;			/* writers of the model: spin */
	uint32_t	readers;		/* stand-in for the lock on the table, which keeps TRUNCATE away */
	TsdbIxEntry entries[MAX_ENTRIES];	/* change c at c - 1 */
	uint8_t		gone[MAX_ENTRIES];	/* deleted, and dead to all */
	uint8_t		aborted[MAX_ENTRIES];	/* has no entry: a hole */
} Model;

typedef struct Shared
{
	uint32_t	stop;
	uint64_t	lookups[NPROCS][8];
	uint64_t	hits[NPROCS][8];
	uint64_t	adds[NPROCS][8];
	uint64_t	violations;
	uint32_t	now;
	Model		models[NTABLES];
} Shared;

static Shared *shared;
static TsdbIx *ix;
static uint64_t seed = 1;
static int	me;

static uint64_t
random_u64(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * UINT64_C(0x2545F4914F6CDD1D);
}

static uint32_t
random_below(uint32_t n)
{
	return random_u64() % n;
}

static double
seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static void *
map_shared(size_t bytes)
{
	void	   *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
	{
		perror("mmap");
		exit(2);
	}
	return memory;
}

static TsdbIxKey
key_of(int t)
{
	TsdbIxKey	key = {1663, 5, 16384 + t};

	return key;
}

static void
random_entry(TsdbIxEntry *entry, int t, uint32_t change)
{
	memset(entry, 0, sizeof(*entry));
	entry->change = change;
	entry->chunk_id = 100000 + random_below(1000000);
	entry->block = change;
	entry->offset = 1 + change % 100;
	/* table 1 has no times, table 2 odd ones; the others time that goes on, and now and then a late or wide chunk */
	if (t != 1)
	{
		entry->time_attnum = (t == 2 && random_below(4) == 0) ? 4 : 3;
		entry->flags = TSDB_IX_TIME;
		entry->time_min = (int64_t) change * 1000000 + random_below(500000);
		entry->time_max = entry->time_min + random_below(random_below(8) == 0 ? 1000 : 2000000);
		if (random_below(50) == 0)
			entry->time_min -= random_u64() >> (2 + random_below(40));
		if (t == 2)
		{
			switch (random_below(8))
			{
				case 0:
					entry->time_min = INT64_MIN;
					break;
				case 1:
					entry->time_max = INT64_MAX;
					break;
				case 2:
					entry->flags = TSDB_IX_TIME_NULLS;
					break;
				case 3:
					entry->flags |= TSDB_IX_TIME_NULLS;
					break;
				case 4:
					entry->time_min = INT64_MIN;
					entry->time_max = INT64_MAX;
					break;
				default:
					break;
			}
		}
	}
	if (random_below(4) != 0)
	{
		entry->flags |= TSDB_IX_BLOOM;
		entry->nbloom_attnums = 1 + random_below(2);
		entry->bloom_attnums[0] = 2 + random_below(2);
		entry->bloom_attnums[1] = 7;
		for (int i = 0; i < 6; i++)
			entry->bloom[random_below(8)] |= UINT64_C(1) << random_below(64);
	}
}

/* Does filter bit "bit" of column 7 stand, where column 7 is covered? */
static bool
may_match(const uint64_t bloom[8], const int16_t attnums[TSDB_IX_BLOOM_COLUMNS], unsigned covered, const void *arg)
{
	unsigned	bit = *(const unsigned *) arg;

	for (int k = 0; k < TSDB_IX_BLOOM_COLUMNS; k++)
	{
		if ((covered & 1u << k) && attnums[k] == 7)
			return bloom[bit / 64] >> (bit % 64) & 1;
	}
	return true;
}

static bool
entry_matches(const TsdbIxEntry *entry, const TsdbIxQuery *query)
{
	if (query->has_time && query->time_min > query->time_max)
		return false;
	if (query->has_time && entry->time_attnum == query->time_attnum)
	{
		if (entry->flags & TSDB_IX_TIME)
		{
			if (entry->time_max < query->time_min || entry->time_min > query->time_max)
				return false;
		}
		else if (entry->flags & TSDB_IX_TIME_NULLS)
			return false;
	}
	if (query->may_match != NULL && (entry->flags & TSDB_IX_BLOOM))
	{
		unsigned	covered = (1u << entry->nbloom_attnums) - 1;

		if (!query->may_match(entry->bloom, entry->bloom_attnums, covered, query->arg))
			return false;
	}
	return true;
}

static void
violation(const char *what, int t, uint32_t change, const TsdbIxResult *result, uint32_t root)
{
	if (uatomic_add_return(&shared->violations, 1) <= 5)
		fprintf(stderr, "# %s: table %d, change %u; complete %u, root %u, %zu hits\n",
				what, t, change, result->complete, root, result->nhits);
}

/* Hits of earlier look-ups, whatever has become of them: reads are counted without a lock. */
#define NKEPT	64
static TsdbIxHit kept[NKEPT];

static void
count_reads(int t, const TsdbIxHit *hits, size_t nhits, const TsdbIxResult *result)
{
	uint32_t	now = uatomic_read(&shared->now) * 100;

	for (size_t i = 0; i < nhits && i < 4; i++)
	{
		TsdbIxHit  *old = &kept[random_below(NKEPT)];
		TsdbIxReads reads;

		tsdb_ix_was_read(ix, hits[i].node, hits[i].change, hits[i].chunk_id, now);
		if (tsdb_ix_reads(ix, hits[i].node, hits[i].change, hits[i].chunk_id, now, &reads) &&
			reads.often > 145 * TSDB_IX_READS_UNIT)
			violation("read oftener than can be", t, hits[i].change, result, reads.often);
		tsdb_ix_was_read(ix, old->node, old->change, old->chunk_id, now);
		*old = hits[i];
	}
}

static TsdbIxHit *hits_space;
static uint8_t *seen_space;
static TsdbIxEntry *missing_space;

/* Steps 3 and 4 of the protocol. */
static void
load(int t, Model *model, uint32_t root)
{
	TsdbIxKey	key = key_of(t);
	TsdbIxRef	ref;
	uint32_t	complete;
	size_t		n = 0;

	if (tsdb_ix_claim(ix, me, &key, model->incarnation, uatomic_read(&shared->now), &ref, &complete) != TSDB_IX_CLAIMED)
		return;
	for (uint32_t c = complete + 1; c <= root; c++)
	{
		if (!uatomic_read(&model->aborted[c - 1]) && !uatomic_read(&model->gone[c - 1]))
			missing_space[n++] = model->entries[c - 1];
	}
	if (complete < root)
		tsdb_ix_add(ix, me, ref, missing_space, n, root, uatomic_read(&shared->now));
	tsdb_ix_unclaim(ix, me, ref);
	uatomic_set(&shared->adds[me][0], shared->adds[me][0] + n);
}

static void
look(int t, bool drop)
{
	Model	   *model = &shared->models[t];
	TsdbIxQuery query = {0};
	TsdbIxResult result = {0};
	TsdbIxKey	key = key_of(t);
	unsigned	bit = random_below(512);
	uint32_t	root;
	TsdbIxHit  *hits = hits_space;
	size_t		ngone = 0;

	uatomic_inc(&model->readers);
	cmm_smp_mb();
	/* TRUNCATE is at it */
	if (uatomic_read(&model->lock) == 2)
	{
		uatomic_dec(&model->readers);
		return;
	}

	if (random_below(8) != 0)
	{
		query.has_time = true;
		query.time_attnum = random_below(16) == 0 ? 4 : 3;
		query.time_min = (int64_t) random_below(uatomic_read(&model->changes) + 2) * 1000000;
		query.time_max = query.time_min + random_below(3000000) - 1000;
		if (random_below(10) == 0)
			query.time_min = INT64_MIN;
		if (random_below(10) == 0)
			query.time_max = INT64_MAX;
	}
	if (random_below(3) == 0)
	{
		query.may_match = may_match;
		query.arg = &bit;
	}

	root = uatomic_read(&model->changes);
	cmm_smp_rmb();
	/* what is gone from here on may still be found, what was gone before may be, too */
	switch (tsdb_ix_find(ix, me, &key, model->incarnation, &query, uatomic_read(&shared->now), hits, MAX_HITS, &result))
	{
		case TSDB_IX_FOUND:
			for (size_t i = 0; i < result.nhits; i++)
			{
				uint32_t	c = hits[i].change;
				const TsdbIxEntry *entry;

				if (c == 0 || c > result.complete || c > MAX_ENTRIES)
				{
					violation("a change beyond what is complete", t, c, &result, root);
					continue;
				}
				entry = &model->entries[c - 1];
				if (entry->chunk_id != hits[i].chunk_id || entry->block != hits[i].block || entry->offset != hits[i].offset)
					violation("a hit is not what the directory says", t, c, &result, root);
				else if (!entry_matches(entry, &query))
					violation("a hit does not match", t, c, &result, root);
				seen_space[c - 1] = 1;
			}
			count_reads(t, hits, result.nhits, &result);
			for (uint32_t c = 1; c <= result.complete && c <= root; c++)
			{
				if (!seen_space[c - 1] && !uatomic_read(&model->aborted[c - 1]) &&
					entry_matches(&model->entries[c - 1], &query) && !uatomic_read(&model->gone[c - 1]))
					violation("MISSING", t, c, &result, root);
			}
			for (size_t i = 0; i < result.nhits; i++)
			{
				seen_space[hits[i].change - 1] = 0;
				if (uatomic_read(&model->gone[hits[i].change - 1]))
					hits[ngone++] = hits[i];
			}
			if (ngone > 0 && drop)
				tsdb_ix_drop(ix, me, result.ref, hits, ngone);
			uatomic_set(&shared->hits[me][0], shared->hits[me][0] + 1);
			if (result.complete < root && random_below(2) == 0)
				load(t, model, root);
			break;
		case TSDB_IX_ABSENT:
			if (root > 0)
				load(t, model, root);
			break;
		case TSDB_IX_TOO_MANY:
			break;
	}
	uatomic_set(&shared->lookups[me][0], shared->lookups[me][0] + 1);
	cmm_smp_mb();
	uatomic_dec(&model->readers);
}

static bool
model_lock(Model *model, uint32_t how)
{
	return uatomic_cmpxchg(&model->lock, 0, how) == 0;
}

static void
write_model(int t)
{
	Model	   *model = &shared->models[t];
	uint32_t	n = 1 + random_below(t == 0 ? 3 : 40);
	uint32_t	c;

	/* TRUNCATE */
	if (model->changes + n > MAX_ENTRIES || (model->changes > 300 && random_below(3000) == 0))
	{
		if (!model_lock(model, 2))
			return;
		cmm_smp_mb();
		while (uatomic_read(&model->readers) != 0)
		{
			if (uatomic_read(&shared->stop))
				return;
			usleep(10);
		}
		model->changes = 0;
		memset(model->gone, 0, sizeof(model->gone));
		memset(model->aborted, 0, sizeof(model->aborted));
		model->incarnation = random_u64();
		cmm_smp_mb();
		uatomic_set(&model->lock, 0);
		return;
	}
	if (!model_lock(model, 1))
		return;
	while (n-- > 0)
	{
		c = model->changes + 1;
		random_entry(&model->entries[c - 1], t, c);
		model->aborted[c - 1] = random_below(10) == 0;
		cmm_smp_wmb();
		uatomic_set(&model->changes, c);
	}
	/* deletes, as merging does: mostly neighbours */
	if (random_below(4) == 0 && model->changes > 100)
	{
		uint32_t	from = random_below(model->changes - 90);

		for (uint32_t i = 0; i < 80; i++)
		{
			if (random_below(8) != 0)
				uatomic_set(&model->gone[from + i], 1);
		}
	}
	cmm_smp_mb();
	uatomic_set(&model->lock, 0);
}

static void
run_process(int number, int role)
{
	me = number;
	seed = (seed + number * 7919 + getpid()) | 1;
	hits_space = malloc(MAX_HITS * sizeof(TsdbIxHit));
	seen_space = calloc(MAX_ENTRIES, 1);
	missing_space = malloc(MAX_ENTRIES * sizeof(TsdbIxEntry));
	while (!uatomic_read(&shared->stop))
	{
		int			t = random_below(3) == 0 ? (int) random_below(4) : (int) random_below(NTABLES);

		if (role == 0)
			look(t, true);
		else if (role == 1)
		{
			write_model(t);
			look(t, true);
		}
		else
		{
			TsdbIxKey	key = key_of(random_below(NTABLES));

			tsdb_ix_evict(ix, me, &key);
			usleep(2000);
		}
	}
	exit(0);
}

/* A process that is gone while it looks: as the exit callback of a backend, the parent leaves for it. */
static pid_t
start(int number, int role)
{
	pid_t		pid = fork();

	if (pid == 0)
		run_process(number, role);
	return pid;
}

static int
stress(int runtime)
{
	pid_t		pids[12];
	int			roles[12] = {0, 0, 0, 0, 1, 1, 1, 2, 0, 0, 1, 0};
	uint64_t	lookups = 0, hits = 0, adds = 0;
	size_t		bytes = 6 * 1024 * 1024;	/* so small that tables are evicted */
	double		begin = seconds();
	TsdbIxStats stats;
	const char *wrong;
	int			died = 0;
	uint32_t	leaks = 0;

	shared = map_shared(sizeof(Shared));
	ix = tsdb_ix_init(map_shared(bytes), bytes, NPROCS, 0);
	if (ix == NULL)
		return 2;
	for (int t = 0; t < NTABLES; t++)
		shared->models[t].incarnation = random_u64();
	for (int i = 0; i < 12; i++)
		pids[i] = start(i, roles[i]);
	while (seconds() < begin + runtime)
	{
		usleep(20000);
		/* "seconds" pass quickly, so that tables grow old */
		uatomic_inc(&shared->now);
	}
	uatomic_set(&shared->stop, 1);
	for (int i = 0; i < 12; i++)
	{
		int			status;

		waitpid(pids[i], &status, 0);
		if (status != 0)
		{
			died++;
			fprintf(stderr, "# process %d ended with status %d\n", i, status);
		}
	}
	for (int i = 0; i < NPROCS; i++)
	{
		lookups += shared->lookups[i][0];
		hits += shared->hits[i][0];
		adds += shared->adds[i][0];
	}
	/* all can be given back */
	wrong = tsdb_ix_check(ix);
	for (int t = 0; t < NTABLES; t++)
	{
		TsdbIxKey	key = key_of(t);

		tsdb_ix_evict(ix, 0, &key);
	}
	tsdb_ix_evict(ix, 0, &(TsdbIxKey) {1, 1, 1});
	tsdb_ix_stats(ix, &stats);
	if (wrong == NULL)
		wrong = tsdb_ix_check(ix);
	leaks = stats.pending != 0 || stats.tables != 0;
	printf("# %llu look-ups, %llu from the index, %llu chunks added, %llu loads, %llu evictions, %llu retries, epoch %llu\n",
		   (unsigned long long) lookups, (unsigned long long) hits, (unsigned long long) adds,
		   (unsigned long long) stats.count[TSDB_IX_LOADS], (unsigned long long) stats.count[TSDB_IX_EVICTIONS],
		   (unsigned long long) stats.count[TSDB_IX_RETRIES], (unsigned long long) stats.epoch);
	printf("violations %llu, processes that died %d, structure %s, memory %s\n", (unsigned long long) shared->violations, died,
		   wrong ? wrong : "sound", leaks ? "lost" : "all free");
	return shared->violations || died || wrong || leaks || hits < lookups / 10;
}

/*-------------- reads --------------*/

static int	nwrong = 0;

static void
expect(bool good, const char *what)
{
	if (!good)
	{
		nwrong++;
		printf("not so: %s\n", what);
	}
}

/* Reads a day of a hit, -1 = it is not there any more. */
static double
a_day(const TsdbIxHit *hit, uint32_t now, TsdbIxReads *reads)
{
	return tsdb_ix_reads(ix, hit->node, hit->change, hit->chunk_id, now, reads) ? (double) reads->often / TSDB_IX_READS_UNIT : -1;
}

#define was_read(hit, now)	tsdb_ix_was_read(ix, (hit)->node, (hit)->change, (hit)->chunk_id, now)

/* Times begin at "start". */
static void
reads_from(uint32_t start)
{
	const uint32_t day = 86400;
	TsdbIxEntry entries[40];
	TsdbIxHit	hits[40];
	TsdbIxQuery query = {.unnoticed = true};
	TsdbIxResult result;
	TsdbIxKey	key = key_of(3);
	TsdbIxReads reads;
	TsdbIxRef	ref;
	TsdbIxStats stats;
	uint32_t	complete;
	uint32_t	now = start;

	ix = tsdb_ix_init(map_shared(1024 * 1024), 1024 * 1024, NPROCS, start);
	for (uint32_t i = 0; i < 40; i++)
		random_entry(&entries[i], 3, i + 1);
	expect(tsdb_ix_claim(ix, 0, &key, 7, now, &ref, &complete) == TSDB_IX_CLAIMED, "claimed");
	expect(tsdb_ix_add(ix, 0, ref, entries, 40, 40, now), "added");
	tsdb_ix_unclaim(ix, 0, ref);
	expect(tsdb_ix_find(ix, 0, &key, 7, &query, now, hits, 40, &result) == TSDB_IX_FOUND && result.nhits == 40, "all are found");
	tsdb_ix_stats(ix, &stats);
	expect(stats.count[TSDB_IX_HITS] == 0, "an unnoticed look-up is not counted");

	/* one by itself; all have times */
	for (int i = 0; i < 40; i++)
	{
		TsdbIxEntry other = entries[hits[i].change - 1];
		uint32_t	node = 0;

		expect(tsdb_ix_find_node(ix, 0, &key, &other, &node) == (other.time_max - other.time_min < INT64_MAX / 4), "found by itself");
		expect(node == hits[i].node || other.time_max - other.time_min >= INT64_MAX / 4, "it is the right one");
		other.chunk_id++;
		expect(!tsdb_ix_find_node(ix, 0, &key, &other, &node), "another one is not");
	}

	/* what nobody knows of yet */
	expect(a_day(&hits[0], now, &reads) == 16 && !reads.read, "new: as if read");
	expect(tsdb_ix_reads_unknown(ix, now) == TSDB_IX_READS_NEW, "not there: the same");
	expect(a_day(&hits[0], now + day, &reads) == 4 && !reads.read, "new, after a day");
	expect(tsdb_ix_reads_unknown(ix, now + day) == 4 * TSDB_IX_READS_UNIT, "not there: the same after a day");

	/* hit 1 is read all the time, 2 every hour, 3 once a day, 4 once, 0 never */
	was_read(&hits[4], now);
	for (uint32_t minute = 0; minute < 10 * 24 * 60; minute++)
	{
		now = start + minute * 60;
		was_read(&hits[1], now);
		if (minute % 60 == 0)
			was_read(&hits[2], now);
		if (minute % 1440 == 0)
			was_read(&hits[3], now);
	}
	expect(a_day(&hits[0], now, &reads) == 0 && !reads.read, "never read");
	expect(a_day(&hits[1], now, &reads) > 130 && reads.often <= 144 * TSDB_IX_READS_UNIT && reads.read, "read all the time");
	expect(now - reads.last < TSDB_IX_PERIOD_S, "last read a moment ago");
	expect(a_day(&hits[2], now, &reads) > 20 && a_day(&hits[2], now, &reads) < 28, "read every hour");
	expect(a_day(&hits[3], now, &reads) > 0 && a_day(&hits[3], now, &reads) < 2, "read once a day");
	expect(a_day(&hits[4], now, &reads) == 0 && reads.read, "read long ago");

	/* falls when it is left alone */
	expect(a_day(&hits[1], now + day / 2, &reads) < 76 && a_day(&hits[1], now + day / 2, &reads) > 64, "half of it after half a day");
	expect(a_day(&hits[1], now + 3 * day, &reads) < 4, "few after three days");
	expect(a_day(&hits[1], now + 60 * day, &reads) == 0, "none after two months");
	/* a statement that began before */
	was_read(&hits[1], now - day);
	expect(a_day(&hits[1], now, &reads) > 130, "an older statement takes nothing back");
	expect(a_day(&hits[1], now - day, &reads) > 130, "the clock was set back");

	/* others' */
	tsdb_ix_was_read(ix, hits[0].node, hits[0].change, hits[0].chunk_id + 1, now);
	tsdb_ix_was_read(ix, hits[0].node, hits[0].change + 1, hits[0].chunk_id, now);
	tsdb_ix_was_read(ix, UINT32_MAX, hits[0].change, hits[0].chunk_id, now);
	expect(a_day(&hits[0], now, &reads) == 0 && !reads.read, "a node that is another's by now is not counted");
	expect(tsdb_ix_evict(ix, 0, &key), "evicted");
	key = key_of(4);
	for (uint32_t i = 0; i < 40; i++)
		random_entry(&entries[i], 3, i + 1001);
	expect(tsdb_ix_claim(ix, 0, &key, 8, now, &ref, &complete) == TSDB_IX_CLAIMED, "claimed again");
	expect(tsdb_ix_add(ix, 0, ref, entries, 40, 2000, now), "added again");
	tsdb_ix_unclaim(ix, 0, ref);
	expect(a_day(&hits[1], now, &reads) == -1, "a chunk that was evicted has no reads");
	was_read(&hits[1], now);
	expect(tsdb_ix_find(ix, 0, &key, 8, &query, now, hits, 40, &result) == TSDB_IX_FOUND && result.nhits == 40, "all are found again");
	for (int i = 0; i < 40; i++)
		expect(a_day(&hits[i], now, &reads) == 16 && !reads.read, "places that are used again begin anew");
	expect(tsdb_ix_check(ix) == NULL, "sound");
}

static int
check_reads(void)
{
	seed = 4711;
	reads_from(800000000);
	/* the periods' numbers begin anew (2^20 of them), in the middle of it */
	reads_from((UINT32_C(2) << 20) * TSDB_IX_PERIOD_S - 5 * 86400);
	printf("reads: %d wrong\n", nwrong);
	return nwrong != 0;
}

/*-------------- bench --------------*/

static void
bench_fill(TsdbIx *index, uint32_t proc, int t, uint32_t nchunks, uint32_t first)
{
	TsdbIxKey	key = key_of(t);
	TsdbIxEntry *entries = calloc(nchunks, sizeof(TsdbIxEntry));
	TsdbIxRef	ref;
	uint32_t	complete;

	for (uint32_t i = 0; i < nchunks; i++)
	{
		TsdbIxEntry *e = &entries[i];

		e->change = first + i;
		e->chunk_id = 20000 + i;
		e->block = i;
		e->offset = 1;
		e->time_attnum = 1;
		e->flags = TSDB_IX_TIME | TSDB_IX_BLOOM;
		e->nbloom_attnums = 1;
		e->bloom_attnums[0] = 7;
		/* one chunk for three hours, and some late ones */
		e->time_min = (int64_t) (first + i) * INT64_C(10800000000) + random_below(1000000000);
		e->time_max = e->time_min + INT64_C(10800000000);
		for (int k = 0; k < 40; k++)
			e->bloom[random_below(8)] |= UINT64_C(1) << random_below(64);
	}
	while (tsdb_ix_claim(index, proc, &key, 1, 0, &ref, &complete) != TSDB_IX_CLAIMED)
		continue;
	if (!tsdb_ix_add(index, proc, ref, entries, nchunks, first + nchunks - 1, 0))
	{
		fprintf(stderr, "no room\n");
		exit(2);
	}
	tsdb_ix_unclaim(index, proc, ref);
	free(entries);
}

/* this process's own: another that takes the processor away is no matter of the index */
static double
cpu_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

/* ns of processor time for a look-up of an hour somewhere */
static double
bench_look(TsdbIx *index, uint32_t proc, int t, uint32_t nchunks, double runtime, uint64_t *nhits)
{
	TsdbIxKey	key = key_of(t);
	TsdbIxHit	hits[256];
	TsdbIxResult result;
	double		begin = cpu_seconds();
	double		took;
	uint64_t	n = 0;

	*nhits = 0;
	do
	{
		for (int i = 0; i < 1000; i++)
		{
			TsdbIxQuery query = {.has_time = true, .time_attnum = 1};

			query.time_min = (int64_t) random_below(nchunks) * INT64_C(10800000000) + random_below(2000000000);
			query.time_max = query.time_min + INT64_C(3600000000);
			if (tsdb_ix_find(index, proc, &key, 1, &query, 0, hits, 256, &result) != TSDB_IX_FOUND)
				exit(3);
			*nhits += result.nhits;
		}
		n += 1000;
		took = cpu_seconds() - begin;
	} while (took < runtime);
	*nhits = *nhits * 100 / n;
	return took * 1e9 / n;
}

/* Runs beside the reader until it is killed. */
typedef enum Beside
{
	ALONE,
	OTHER_TABLE,				/* adds to another table of the same index, 50 at a time */
	OTHER_INDEX,				/* control: the same in memory of its own, which takes as much of the machine */
	SAME_TABLE,					/* adds to the table that is read, one at a time, as fast as it can */
	SAME_TABLE_ELSEWHERE,		/* control: the same in memory of its own */
	SAME_TABLE_PACED,			/* 50,000 in a second: some three times what a session of a server adds */
	NBESIDE
} Beside;

static void
bench_writer(Beside how, size_t bytes, uint32_t nchunks, uint32_t *added)
{
	TsdbIx	   *target = ix;

	if (how == OTHER_INDEX || how == SAME_TABLE_ELSEWHERE)
		target = tsdb_ix_init(map_shared(bytes), bytes, NPROCS, 0);
	if (how == SAME_TABLE_ELSEWHERE)
		bench_fill(target, 2, 0, nchunks, 1);
	*added = 1;
	while (how == OTHER_TABLE || how == OTHER_INDEX)
	{
		bench_fill(target, 2, 1, 20000, 1);
		for (uint32_t first = 20001; first < 80000; first += 50, *added += 50)
			bench_fill(target, 2, 1, 50, first);
		tsdb_ix_evict(target, 2, &(TsdbIxKey) {1663, 5, 16385});
	}
	for (double begin = seconds(); *added < 250000; (*added)++)
	{
		while (how == SAME_TABLE_PACED && *added > (seconds() - begin) * 50000)
			caa_cpu_relax();
		bench_fill(target, 2, 0, 1, nchunks + *added);
	}
	pause();
}

static int
compare_doubles(const void *a, const void *b)
{
	return (*(const double *) a > *(const double *) b) - (*(const double *) a < *(const double *) b);
}

/* A reader beside writers of all kinds, in turns; medians. */
static void
bench_beside(uint32_t nchunks, size_t bytes)
{
	enum {rounds = 9};
	double		ns[NBESIDE][rounds];
	double		rate[NBESIDE] = {0};
	uint32_t   *added = map_shared(4096);
	uint64_t	nhits;

	for (int round = 0; round < rounds; round++)
	{
		for (Beside how = ALONE; how < NBESIDE; how++)
		{
			pid_t		writer = 0;
			double		begin;

			bench_look(ix, 0, 0, nchunks, 0.05, &nhits);
			*added = 0;
			if (how != ALONE && (writer = fork()) == 0)
				bench_writer(how, bytes, nchunks, added);
			while (writer != 0 && *(volatile uint32_t *) added == 0)
				usleep(100);
			begin = seconds();
			ns[how][round] = bench_look(ix, 0, 0, nchunks, 0.1, &nhits);
			rate[how] += *added / (seconds() - begin) / rounds;
			if (writer == 0)
				continue;
			kill(writer, SIGKILL);
			waitpid(writer, NULL, 0);
			tsdb_ix_exit(ix, 2);
			tsdb_ix_evict(ix, 2, &(TsdbIxKey) {1663, 5, 16385});
			if (how == SAME_TABLE || how == SAME_TABLE_PACED)
			{
				/* as at the beginning */
				tsdb_ix_evict(ix, 2, &(TsdbIxKey) {1663, 5, 16384});
				bench_fill(ix, 0, 0, nchunks, 1);
			}
		}
	}
	for (Beside how = ALONE; how < NBESIDE; how++)
		qsort(ns[how], rounds, sizeof(double), compare_doubles);
	printf("  reader alone %.0f ns\n", ns[ALONE][rounds / 2]);
	printf("  beside a writer of another table %.0f ns, control %.0f ns: %+.1f %%; %.0f chunks/s\n",
		   ns[OTHER_TABLE][rounds / 2], ns[OTHER_INDEX][rounds / 2],
		   (ns[OTHER_TABLE][rounds / 2] / ns[OTHER_INDEX][rounds / 2] - 1) * 100, rate[OTHER_TABLE]);
	printf("  beside a writer of the same table %.0f ns (%.0f to %.0f), control %.0f ns: %+.1f %%; %.0f chunks/s\n",
		   ns[SAME_TABLE][rounds / 2], ns[SAME_TABLE][0], ns[SAME_TABLE][rounds - 1], ns[SAME_TABLE_ELSEWHERE][rounds / 2],
		   (ns[SAME_TABLE][rounds / 2] / ns[SAME_TABLE_ELSEWHERE][rounds / 2] - 1) * 100, rate[SAME_TABLE]);
	printf("  beside a slower writer of the same table %.0f ns (%.0f to %.0f): %+.1f %% of alone; %.0f chunks/s\n",
		   ns[SAME_TABLE_PACED][rounds / 2], ns[SAME_TABLE_PACED][0], ns[SAME_TABLE_PACED][rounds - 1],
		   (ns[SAME_TABLE_PACED][rounds / 2] / ns[ALONE][rounds / 2] - 1) * 100, rate[SAME_TABLE_PACED]);
}

static int
bench(void)
{
	static const uint32_t sizes[] = {1000, 10000, 100000, 1000000};
	size_t		bytes = (size_t) 256 * 1024 * 1024;
	uint64_t	nhits;

	seed = 4711;
	for (int s = 0; s < 4; s++)
	{
		void	   *memory = map_shared(bytes);
		double		begin, ns;

		madvise(memory, bytes, MADV_HUGEPAGE);
		ix = tsdb_ix_init(memory, bytes, NPROCS, 0);
		begin = seconds();
		bench_fill(ix, 0, 0, sizes[s], 1);
		begin = seconds() - begin;
		bench_look(ix, 0, 0, sizes[s], 0.2, &nhits);
		ns = bench_look(ix, 0, 0, sizes[s], 1.0, &nhits);
		printf("%8u chunks: %6.0f ns a look-up of 1 h (%.2f chunks found), %5.0f ns a chunk added\n", sizes[s], ns, nhits / 100.0,
			   begin * 1e9 / sizes[s]);
		if (s == 2)
		{
			double	   *other = map_shared(4096);
			pid_t		reader;

			bench_beside(sizes[s], bytes);
			if ((reader = fork()) == 0)
			{
				*other = bench_look(ix, 3, 0, sizes[s], 1.0, &nhits);
				exit(0);
			}
			ns = bench_look(ix, 0, 0, sizes[s], 1.0, &nhits);
			waitpid(reader, NULL, 0);
			printf("  two readers at once: %.0f and %.0f ns\n", ns, *other);
		}
		munmap(memory, bytes);
	}
	for (size_t mb = 1; mb <= 1024; mb *= 4)
	{
		void	   *memory = map_shared(mb << 20);

		ix = tsdb_ix_init(memory, mb << 20, 200, 0);
		printf("%5zu MB: room for %zu chunks, %.1f bytes a chunk\n", mb, tsdb_ix_capacity(ix),
			   tsdb_ix_bytes_per_chunk_x100(ix) / 100.0);
		munmap(memory, mb << 20);
	}
	return 0;
}

int
main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc > 3)
		seed = strtoull(argv[3], NULL, 10) | 1;
	if (argc > 2 && strcmp(argv[1], "stress") == 0)
		return stress(atoi(argv[2]));
	if (argc > 1 && strcmp(argv[1], "reads") == 0)
		return check_reads();
	if (argc > 1 && strcmp(argv[1], "bench") == 0)
		return bench();
	fprintf(stderr, "usage: %s stress SECONDS [SEED] | reads | bench\n", argv[0]);
	return 2;
}
