/*
 * flip.c
 *	  For tests: damages tuples of a TOAST relation in a running server.
 *
 * flip(relation, ctid, at, mask, forge): XORs bytes of a tuple, "at" bytes behind its start (36 = chunk_data), in the shared buffer.  The
 * same call again undoes it.  forge: makes the checksum at the start of chunk_data right over what stands behind it, so that nothing but the
 * readers' own checks is between these bytes and the decoders.  Nothing is logged: page checksums must be off.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "fmgr.h"
#include "port/pg_crc32c.h"
#include "storage/bufmgr.h"
#include "storage/bufpage.h"
#include "storage/itemptr.h"
#include "utils/rel.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(flip);

#define TUPLE_DATA	36			/* tuple header 24, chunk_id 4, chunk_seq 4, varlena header 4 */

Datum
flip(PG_FUNCTION_ARGS)
{
	Relation	rel = relation_open(PG_GETARG_OID(0), RowExclusiveLock);
	ItemPointer tid = (ItemPointer) PG_GETARG_POINTER(1);
	int			at = PG_GETARG_INT32(2);
	bytea	   *mask = PG_GETARG_BYTEA_PP(3);
	int			n = VARSIZE_ANY_EXHDR(mask);
	Buffer		buffer = ReadBuffer(rel, ItemPointerGetBlockNumber(tid));
	ItemId		item;
	char	   *tuple;
	int			i;

	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	item = PageGetItemId(BufferGetPage(buffer), ItemPointerGetOffsetNumber(tid));
	if (!ItemIdIsNormal(item) || at < 0 || at + n > ItemIdGetLength(item))
		elog(ERROR, "no bytes %d + %d there", at, n);
	tuple = (char *) BufferGetPage(buffer) + ItemIdGetOffset(item);
	for (i = 0; i < n; i++)
		tuple[at + i] ^= VARDATA_ANY(mask)[i];
	if (PG_GETARG_BOOL(4))
	{
		pg_crc32c	crc;

		INIT_CRC32C(crc);
		COMP_CRC32C(crc, tuple + TUPLE_DATA + 4, ItemIdGetLength(item) - TUPLE_DATA - 4);
		FIN_CRC32C(crc);
		memcpy(tuple + TUPLE_DATA, &crc, 4);
	}
	MarkBufferDirty(buffer);
	UnlockReleaseBuffer(buffer);
	relation_close(rel, RowExclusiveLock);
	PG_RETURN_VOID();
}
