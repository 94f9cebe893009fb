/*-------------------------------------------------------------------------
 * epoch.h
 *	  When memory that several processes read without a lock may be used again.
 *
 * Plain C with liburcu's atomics; knows nothing of PostgreSQL.  All of it lies in memory that
 * every process maps.  liburcu's own grace periods end at the border of a process.
 *
 * Slot: one a process, on a cache line of its own.
 *	States		IDLE (0) -> ACTIVE(e) -> IDLE; only the owner writes "active", others read it.
 *	Orderings	(E1) enter: load the epoch, exchange the slot (a FULL fence); load links.			pairs with (E2)
 *				(E2) reclaim: unlink; FULL fence; raise the epoch; read all slots.				pairs with (E1)
 *				(E5) leave: load links; RELEASE store of IDLE.									pairs with (E6)
 *				(E6) reclaim: read all slots; FULL fence; write to what was unlinked.			pairs with (E5)
 *	Stamp		the epoch when a thing had been unlinked.
 *	Reclamation	what has stamp r is free when no slot holds e <= r; README.md has the argument.
 *	Progress	enter and leave are wait-free; reclaiming reads each slot once and never waits.
 *	Death		the exit callback leaves; after a crash the memory is built anew.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_EPOCH_H
#define TSDB_EPOCH_H

#include <stddef.h>
#include <stdint.h>
#ifdef USE_ASSERT_CHECKING
#include <assert.h>
#define tsdb_epoch_assert(condition) assert(condition)
#else
#define tsdb_epoch_assert(condition) ((void) 0)
#endif

#include <urcu/arch.h>
#include <urcu/system.h>
#include <urcu/uatomic.h>

#define TSDB_LINE_BYTES		64
#define TSDB_EPOCH_IDLE		0
#define TSDB_EPOCH_COUNTS	7

typedef struct TsdbEpochSlot
{
	uint64_t	active;			/* TSDB_EPOCH_IDLE, or the epoch that was current at enter */
	uint64_t	count[TSDB_EPOCH_COUNTS];	/* the owner's statistics: kept here since the line is its own */
} __attribute__((aligned(TSDB_LINE_BYTES))) TsdbEpochSlot;

_Static_assert(sizeof(TsdbEpochSlot) == TSDB_LINE_BYTES, "a slot is one cache line: no other process writes to it");

typedef struct TsdbEpoch
{
	uint64_t	current __attribute__((aligned(TSDB_LINE_BYTES)));	/* 1 ..; raised by whoever reclaims */
	uint32_t	nslots __attribute__((aligned(TSDB_LINE_BYTES)));	/* immutable */
	TsdbEpochSlot slots[];
} TsdbEpoch;

_Static_assert(offsetof(TsdbEpoch, nslots) == TSDB_LINE_BYTES && offsetof(TsdbEpoch, slots) == 2 * TSDB_LINE_BYTES,
			   "the epoch is alone on its line");

/* Bytes for so many processes, a multiple of the line. */
extern size_t tsdb_epoch_bytes(uint32_t nslots);
/* memory is zeroed and aligned to a line. */
extern void tsdb_epoch_init(TsdbEpoch *epoch, uint32_t nslots);

/* From here to leave, nothing that can be reached is used for something else.  Not nested; short; nothing that can fail. */
static inline void
tsdb_epoch_enter(TsdbEpoch *epoch, uint32_t slot)
{
	tsdb_epoch_assert(slot < epoch->nslots && epoch->slots[slot].active == TSDB_EPOCH_IDLE);
	/* an epoch that has passed meanwhile only delays others: they wait for e <= r */
	(void) uatomic_xchg(&epoch->slots[slot].active, uatomic_read(&epoch->current));	/* (E1) */
}

static inline void
tsdb_epoch_leave(TsdbEpoch *epoch, uint32_t slot)
{
	/* what was loaded or stored before is done when others see this; a later load may come before it: that only delays others */
	__atomic_store_n(&epoch->slots[slot].active, TSDB_EPOCH_IDLE, __ATOMIC_RELEASE);	/* (E5) */
}

/* The stamp of what the caller has unlinked just before. */
extern uint64_t tsdb_epoch_stamp(TsdbEpoch *epoch);
/* Raises the epoch.  What has a stamp below the result is free. */
extern uint64_t tsdb_epoch_oldest(TsdbEpoch *epoch);

#endif							/* TSDB_EPOCH_H */
