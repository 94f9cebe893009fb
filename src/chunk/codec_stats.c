/*-------------------------------------------------------------------------
 * codec_stats.c
 *	  Counts of what encoders wrote, in shared memory, since the server started.
 *
 * Counters are atomic and independent: a reader may see a chunk's blocks before its bytes.
 *-------------------------------------------------------------------------
 */
#include "chunk/codec_stats.h"

#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"

#define NFIELDS		(sizeof(TsdbCodecCount) / sizeof(uint64))

typedef struct SharedCounts
{
	pg_atomic_uint64 field[TSDB_NENCODINGS][NFIELDS];
} SharedCounts;

static SharedCounts *shared = NULL;
static shmem_request_hook_type prev_shmem_request = NULL;
static shmem_startup_hook_type prev_shmem_startup = NULL;

static void
request_memory(void)
{
	if (prev_shmem_request)
		prev_shmem_request();
	RequestAddinShmemSpace(MAXALIGN(sizeof(SharedCounts)));
}

static void
attach_memory(void)
{
	bool		found;

	if (prev_shmem_startup)
		prev_shmem_startup();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	shared = ShmemInitStruct("tsdb_am codec statistics", sizeof(SharedCounts), &found);
	if (!found)
	{
		for (int i = 0; i < TSDB_NENCODINGS; i++)
			for (Size k = 0; k < NFIELDS; k++)
				pg_atomic_init_u64(&shared->field[i][k], 0);
	}
	LWLockRelease(AddinShmemInitLock);
}

void
tsdb_codec_stats_init(void)
{
	prev_shmem_request = shmem_request_hook;
	shmem_request_hook = request_memory;
	prev_shmem_startup = shmem_startup_hook;
	shmem_startup_hook = attach_memory;
}

void
tsdb_codec_stats_add(TsdbCodecCount *counts)
{
	for (int i = 0; i < TSDB_NENCODINGS; i++)
	{
		const uint64 *fields = (const uint64 *) &counts[i];

		for (Size k = 0; shared != NULL && k < NFIELDS; k++)
		{
			if (fields[k] != 0)
				pg_atomic_fetch_add_u64(&shared->field[i][k], fields[k]);
		}
	}
	memset(counts, 0, TSDB_NENCODINGS * sizeof(TsdbCodecCount));
}

void
tsdb_codec_stats_read(TsdbCodecCount *counts)
{
	for (int i = 0; i < TSDB_NENCODINGS; i++)
	{
		uint64	   *fields = (uint64 *) &counts[i];

		for (Size k = 0; k < NFIELDS; k++)
			fields[k] = shared != NULL ? pg_atomic_read_u64(&shared->field[i][k]) : 0;
	}
}
