/*-------------------------------------------------------------------------
 * epoch.c
 *	  When memory that several processes read without a lock may be used again.
 *
 * Used by interval_index.c.  t/index_epoch.pml is the model of it that spin checks.
 *-------------------------------------------------------------------------
 */
#include "epoch.h"

size_t
tsdb_epoch_bytes(uint32_t nslots)
{
	return offsetof(TsdbEpoch, slots) + nslots * sizeof(TsdbEpochSlot);
}

void
tsdb_epoch_init(TsdbEpoch *epoch, uint32_t nslots)
{
	epoch->current = TSDB_EPOCH_IDLE + 1;
	epoch->nslots = nslots;
}

uint64_t
tsdb_epoch_stamp(TsdbEpoch *epoch)
{
	cmm_smp_mb();				/* (E2) the unlinking is seen by all who see a later epoch */
	return uatomic_read(&epoch->current);
}

uint64_t
tsdb_epoch_oldest(TsdbEpoch *epoch)
{
	uint64_t	oldest = uatomic_add_return(&epoch->current, 1);

	cmm_smp_mb();				/* (E2) */
	for (uint32_t i = 0; i < epoch->nslots; i++)
	{
		uint64_t	active = uatomic_read(&epoch->slots[i].active);

		if (active != TSDB_EPOCH_IDLE && active < oldest)
			oldest = active;
	}
	cmm_smp_mb();				/* (E6) */
	return oldest;
}
