/*-------------------------------------------------------------------------
 * test_fuzz_replay.c
 *	  Runs the committed fuzz corpus through the fuzz target; needs no fuzzer.
 *
 *	test_fuzz_replay [directory]		runs all files of it; default ../fuzz/corpus, fuzz/corpus
 *	test_fuzz_replay --seed directory	writes seeds there: blocks of all kinds, values of all kinds
 *
 * Shows what a fuzzer once found, and that the target itself still compiles and runs.
 *-------------------------------------------------------------------------
 */
#include <dirent.h>
#include <stdio.h>

#include "../fuzz/fuzz_decode.c"
#include "codec_vectors.h"

#define MIN_FILES	50

static void
write_seed(const char *directory, int number, int what, int n, const uint8_t *bytes, size_t len)
{
	char		path[1000];
	uint8_t		head[3] = {(uint8_t) what, (uint8_t) (n - 1), (uint8_t) ((n - 1) >> 8)};
	FILE	   *file;

	snprintf(path, sizeof(path), "%s/seed-%03d", directory, number);
	file = fopen(path, "wb");
	if (file == NULL || fwrite(head, 3, 1, file) != 1 || (len > 0 && fwrite(bytes, len, 1, file) != 1))
	{
		perror(path);
		exit(1);
	}
	fclose(file);
}

static void
write_seeds(const char *directory)
{
	static uint8_t block[70000];
	static const uint8_t text[] = "a seed of strings, each a few bytes of this text";
	TsdbCodecScratch *scratch = fuzz_alloc(tsdb_codec_scratch_size());
	int64_t		values[1024];
	bool		isnull[1024];
	TsdbBytes	strings[40];
	uint32_t	codes[40];
	TsdbEncoding encoding;
	int			number = 0;
	int			kind;
	int			i;

	for (kind = 0; kind < VEC_NKINDS; kind++)
	{
		int			l = vec_meaning((VecKind) kind) == TSDB_MEANS_FLOAT4 ? 2 : 3;
		int			n = kind % 3 == 0 ? 300 : 40;
		size_t		size;

		vec_fill((VecKind) kind, 3, (int) fuzz_lanes[l], n, values);
		vec_fill_nulls(kind % 4 == 0 ? 5 : 0, 3, n, isnull);
		size = tsdb_int_encode(values, isnull, n, fuzz_lanes[l], vec_meaning((VecKind) kind), block, &encoding, scratch);
		write_seed(directory, number++, l, n, block, size);
		for (i = 0; i < 40; i++)
			memcpy(block + i * 8, &values[i], 8);
		write_seed(directory, number++, 16 + (vec_meaning((VecKind) kind) == TSDB_MEANS_INT ? 3 : 7), 40, block, 320);
	}
	for (i = 0; i < 40; i++)
	{
		isnull[i] = i % 7 == 0;
		strings[i].data = text + i;
		strings[i].len = (uint32_t) (i % 5);
		codes[i] = (uint32_t) (i * i) % 100;
	}
	write_seed(directory, number++, 4, 40, block, tsdb_bytes_encode(strings, isnull, 40, block, &encoding, scratch));
	write_seed(directory, number++, 5, 40, block, tsdb_codes_encode(codes, isnull, 40, block, &encoding, scratch));
	write_seed(directory, number++, 6, 40, block, tsdb_dict_encode(strings, 40, block));
	free(scratch);
}

int
main(int argc, char **argv)
{
	static uint8_t bytes[100000];
	const char *directory = argc > 1 ? argv[1] : "../fuzz/corpus";
	struct dirent *entry;
	DIR		   *dir;
	int			nfiles = 0;

	if (argc > 2 && strcmp(argv[1], "--seed") == 0)
	{
		write_seeds(argv[2]);
		return 0;
	}
	dir = opendir(directory);
	if (dir == NULL)
		dir = opendir(directory = "fuzz/corpus");
	if (dir == NULL)
	{
		printf("not ok 1 - fuzz corpus\n# cannot open %s\n1..1\n", directory);
		return 1;
	}
	while ((entry = readdir(dir)) != NULL)
	{
		char		path[1000];
		FILE	   *file;
		size_t		size;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		file = fopen(path, "rb");
		if (file == NULL)
			continue;
		size = fread(bytes, 1, sizeof(bytes), file);
		fclose(file);
		LLVMFuzzerTestOneInput(bytes, size);
		nfiles++;
	}
	closedir(dir);
	printf("%sok 1 - fuzz corpus, %d files\n1..1\n", nfiles >= MIN_FILES ? "" : "not ", nfiles);
	return nfiles >= MIN_FILES ? 0 : 1;
}
