/*-------------------------------------------------------------------------
 * test_fuzz_replay.c
 *	  Runs the committed corpora through their fuzz targets; needs no fuzzer.  TAP lines, one for each target.
 *
 *	test_fuzz_replay [directory]		corpus_* of it; default ../fuzz, fuzz
 *	test_fuzz_replay --seed directory	writes seeds of the codecs' targets there: blocks and values of all kinds
 *
 * Shows what a fuzzer once found, and that targets still compile and run.  The makefile links all of ../fuzz/fuzz_*.c, with
 * fuzz_<name>_input for the name of their function, and lists them in FUZZ_TARGETS, "TARGET(ints) TARGET(floats) ...".  Each
 * runs in a process of its own, so that a crash is one "not ok".
 *-------------------------------------------------------------------------
 */
#include <dirent.h>
#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "codec_test.h"

/* A corpus of less has been lost. */
#define MIN_FILES	5

#define TARGET(name) int fuzz_##name##_input(const uint8_t *data, size_t size);
FUZZ_TARGETS
#undef TARGET

static const struct
{
	const char *name;
	int			(*input) (const uint8_t *data, size_t size);
}			targets[] = {
#define TARGET(name) {#name, fuzz_##name##_input},
	FUZZ_TARGETS
#undef TARGET
};

#define NTARGETS	(sizeof(targets) / sizeof(targets[0]))

/*-------------- replay --------------*/

/* What the process that runs a target tells. */
typedef struct Progress
{
	int			nfiles;
	char		file[300];		/* being run */
} Progress;

static void
replay_directory(const char *path, int (*input) (const uint8_t *, size_t), Progress *progress)
{
	DIR		   *dir = opendir(path);
	struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL)
	{
		char		name[2000];
		FILE	   *file;
		struct stat st;
		uint8_t    *bytes;
		size_t		size;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		snprintf(progress->file, sizeof(progress->file), "%s", entry->d_name);
		file = fopen(name, "rb");
		if (file == NULL || fstat(fileno(file), &st) != 0)
			continue;
		bytes = test_alloc((size_t) st.st_size);
		size = fread(bytes, 1, (size_t) st.st_size, file);
		fclose(file);
		(void) input(bytes, size);
		free(bytes);
		progress->nfiles++;
	}
	if (dir != NULL)
		closedir(dir);
}

static void
replay(const char *directory, size_t t)
{
	Progress   *progress = mmap(NULL, sizeof(Progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char		path[1000];
	char		name[200];
	int			status = 0;
	pid_t		child;

	if (progress == MAP_FAILED)
		abort();
	snprintf(path, sizeof(path), "%s/corpus_%s", directory, targets[t].name);
	fflush(stdout);
	test_start();
	child = fork();
	if (child == 0)
	{
		replay_directory(path, targets[t].input, progress);
		_exit(0);
	}
	expect(child > 0 && waitpid(child, &status, 0) == child, "no process: %s", strerror(errno));
	expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "file %s ends it with status %#x", progress->file, (unsigned) status);
	expect(progress->nfiles >= MIN_FILES, "%d files in %s", progress->nfiles, path);
	snprintf(name, sizeof(name), "fuzz corpus: %s, %d files", targets[t].name, progress->nfiles);
	test_end(name);
	munmap(progress, sizeof(Progress));
}

/*-------------- seeds --------------*/

static void
write_seed(const char *directory, const char *target, int number, const uint8_t *head, size_t head_len,
		   const uint8_t *bytes, size_t len)
{
	char		path[1000];
	FILE	   *file;

	snprintf(path, sizeof(path), "%s/corpus_%s", directory, target);
	(void) mkdir(path, 0777);
	snprintf(path, sizeof(path), "%s/corpus_%s/seed-%03d", directory, target, number);
	file = fopen(path, "wb");
	if (file == NULL || fwrite(head, head_len, 1, file) != 1 || (len > 0 && fwrite(bytes, len, 1, file) != 1))
	{
		perror(path);
		exit(1);
	}
	fclose(file);
}

/* fuzz_codec.h: the head of three bytes. */
static void
set_head(uint8_t *head, int what, int n)
{
	head[0] = (uint8_t) what;
	head[1] = (uint8_t) (n - 1);
	head[2] = (uint8_t) ((n - 1) >> 8);
}

/* The kind's block, its block of a cold column, and its values. */
static void
write_kind(const char *directory, VecKind kind)
{
	TsdbLaneMeaning meaning = vec_meaning(kind);
	const char *target = meaning == TSDB_MEANS_INT ? "ints" : "floats";
	TsdbLane	lane = meaning == TSDB_MEANS_FLOAT4 ? TSDB_LANE_INT32 : TSDB_LANE_INT64;
	int			what = (lane == TSDB_LANE_INT32 ? 2 : 3) | (meaning == TSDB_MEANS_INT ? 0 : 4) | (int) (kind % 3) << 5;
	int			n = kind % 3 == 0 ? 300 : 50;
	int64_t		values[1024];
	bool		isnull[1024];
	uint8_t		block[10000];
	uint8_t		lanes_of[8 * 1024];
	uint8_t		head[6];
	Planes		planes;
	TsdbEncoding encoding;
	size_t		size;
	int			nplanes = 0;
	int			i;

	vec_fill(kind, 3, (int) lane, n, values);
	vec_fill_nulls(kind % 2 == 0 ? (int) (3 + kind % 10) : 0, 3, n, isnull);
	size = tsdb_int_encode(values, isnull, n, lane, meaning, block, &encoding, scratch);
	set_head(head, what, n);
	if (size < 1200)
		write_seed(directory, target, 2 * (int) kind, head, 3, block, size);
	for (i = 0; i < 30; i++)
		memcpy(lanes_of + i * (int) lane, &values[i], lane);
	set_head(head, what | 16, 30);
	write_seed(directory, target, 2 * (int) kind + 1, head, 3, lanes_of, 30 * lane);
	if (kind % 3 == 1)
		write_seed(directory, "cold", 2 * (int) kind + 1, head, 3, lanes_of, 30 * lane);

	planes_alloc(&planes, n);
	size = tsdb_int_encode_cold(values, isnull, n, lane, meaning, planes.at, &nplanes, block, &encoding, scratch);
	if (nplanes > 0 && size + (size_t) (n * nplanes) < 1200)
	{
		set_head(head, what, n);
		head[3] = (uint8_t) nplanes;
		head[4] = (uint8_t) size;
		head[5] = (uint8_t) (size >> 8);
		for (i = 0; i < nplanes; i++, size += (size_t) n)
			memcpy(block + size, planes.at[i], (size_t) n);
		write_seed(directory, "cold", 2 * (int) kind, head, 6, block, size);
	}
	if (kind % 8 == 1 && nplanes > 0 && nplanes < 4)
	{
		uint8_t    *packed = test_alloc(tsdb_planes_bound(nplanes, (uint32_t) n));

		set_head(head, 0, n);
		write_seed(directory, "planes", 2 * (int) kind, head, 3, packed,
				   tsdb_planes_pack((const uint8_t *const *) planes.at, nplanes, (uint32_t) n, packed));
		head[0] = (uint8_t) nplanes;
		write_seed(directory, "planes", 2 * (int) kind + 1, head, 3, planes.at[0], (size_t) n);
		free(packed);
	}
	planes_free(&planes);
}

/* Planes that are cut into parts. */
static void
write_planes(const char *directory)
{
	uint64_t	st = vec_seed(1);
	uint8_t    *packed;
	uint8_t		head[3];
	Planes		planes;
	int			k;
	int			i;

	for (k = 0; k < 8; k++)
	{
		int			n = 500 + k;

		planes_alloc(&planes, n);
		packed = test_alloc(tsdb_planes_bound(2, (uint32_t) n));
		for (i = 0; i < n; i++)
		{
			planes.at[0][i] = (uint8_t) __builtin_ctzll(vec_random(&st) | 1U << (k + 1));
			planes.at[1][i] = (uint8_t) (k % 2 ? i / 90 : vec_below(&st, 60) == 0);
		}
		set_head(head, 0, n);
		write_seed(directory, "planes", 500 + k, head, 3, packed,
				   tsdb_planes_pack((const uint8_t *const *) planes.at, 2, (uint32_t) n, packed));
		free(packed);
		planes_free(&planes);
	}
}

static void
write_codes(const char *directory)
{
	static const int counts[] = {1, 100, 70000};
	uint64_t	st = vec_seed(2);
	uint32_t	codes[300];
	bool		isnull[300];
	uint8_t		block[10000];
	uint8_t		head[3];
	TsdbEncoding encoding;
	int			k;
	int			i;

	for (k = 0; k < 12; k++)
	{
		int			n = k % 2 ? 40 : 300;

		vec_fill_nulls(k, 1, n, isnull);
		for (i = 0; i < n; i++)
			codes[i] = i > 0 && k >= 6 && vec_below(&st, 9) ? codes[i - 1] : (uint32_t) vec_below(&st, (uint64_t) counts[k % 3]);
		set_head(head, k % 3, n);
		write_seed(directory, "codes", 2 * k, head, 3, block, tsdb_codes_encode(codes, isnull, n, block, &encoding, scratch));
		set_head(head, k % 3 | 16 | (k & 4), 40);
		write_seed(directory, "codes", 2 * k + 1, head, 3, (const uint8_t *) codes, 40 * sizeof(uint32_t));
	}
}

static void
write_dictionaries(const char *directory)
{
	static const uint8_t text[] = "a seed of strings, each a few bytes of this text";
	TsdbBytes	strings[40] = {{NULL, 0}};
	uint8_t		out[2000];
	uint8_t		head = 0;
	int			k;
	int			i;

	for (k = 0; k < 6; k++)
	{
		size_t		len = 0;

		for (i = 0; i < k * 8; i++)
		{
			strings[i].data = text + i;
			strings[i].len = (uint32_t) (i * k % 7);
		}
		head = 0;
		write_seed(directory, "dict", 2 * k, &head, 1, out, tsdb_dict_encode(strings, (uint32_t) k * 8, out));
		for (i = 0; i < k * 8; i++)
		{
			out[len++] = (uint8_t) strings[i].len;
			memcpy(out + len, strings[i].data, strings[i].len);
			len += strings[i].len;
		}
		head = 1;
		write_seed(directory, "dict", 2 * k + 1, &head, 1, out, len);
	}
}

int
main(int argc, char **argv)
{
	const char *directory = argc > 1 ? argv[1] : access("../fuzz", R_OK) == 0 ? "../fuzz" : "fuzz";
	size_t		t;
	int			kind;

	test_setup();
	if (argc > 2 && strcmp(argv[1], "--seed") == 0)
	{
		for (kind = 0; kind < VEC_NKINDS; kind++)
			write_kind(argv[2], (VecKind) kind);
		write_planes(argv[2]);
		write_codes(argv[2]);
		write_dictionaries(argv[2]);
		return 0;
	}
	for (t = 0; t < NTARGETS; t++)
		replay(directory, t);
	return test_finish();
}
