/*-------------------------------------------------------------------------
 * damage.c
 *	  Reading what may be damaged, piece by piece: see damage.h.
 *
 * Used by verify.c and salvage.c.
 *-------------------------------------------------------------------------
 */
#include "sqlfunc/damage.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "access/xact.h"
#include "chunk/chunk_format.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/procarray.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/resowner.h"

ErrorData *
tsdb_damage_try(void (*part) (void *arg), void *arg, MemoryContext part_cxt)
{
	MemoryContext caller_cxt = CurrentMemoryContext;
	ResourceOwner caller_owner = CurrentResourceOwner;
	ErrorData  *volatile damage = NULL;

	CHECK_FOR_INTERRUPTS();
	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(part_cxt);
	PG_TRY();
	{
		part(arg);

		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(caller_cxt);
		CurrentResourceOwner = caller_owner;
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(caller_cxt);
		edata = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(caller_cxt);
		CurrentResourceOwner = caller_owner;

		/* (the second: a transaction number from the future, or from a past that is forgotten) */
		if (edata->sqlerrcode != ERRCODE_DATA_CORRUPTED && edata->sqlerrcode != ERRCODE_UNDEFINED_FILE)
			ReThrowError(edata);
		damage = edata;
	}
	PG_END_TRY();

	MemoryContextReset(part_cxt);
	return damage;
}

char *
tsdb_damage_text(const ErrorData *edata, const char *column)
{
	StringInfoData text;
	const char *detail = edata->detail;

	initStringInfo(&text);
	if (column != NULL && detail != NULL)
	{
		char	   *prefix = psprintf("Column \"%s\": ", column);

		if (strncmp(detail, prefix, strlen(prefix)) == 0)
			appendStringInfoString(&text, detail + strlen(prefix));
	}
	if (text.len == 0)
		appendStringInfo(&text, "%s%s%s", edata->message, detail != NULL ? ": " : "",
						 detail != NULL ? detail : "");
	if (text.len > 0 && text.data[text.len - 1] == '.')
		text.data[--text.len] = '\0';
	return text.data;
}

/* ------------------------------------------------------------------------
 * Directory
 * ------------------------------------------------------------------------
 */

/* All entries in one go. */
static void
read_whole(void *arg)
{
	TsdbReadableDirectory *directory = arg;
	TsdbStore  *store = tsdb_store_open(directory->rel, AccessShareLock);
	TsdbDirEntry *entries;
	int			n;

	if (store != NULL)
	{
		entries = tsdb_directory_read(store, directory->snapshot, &n);
		directory->entries = MemoryContextAllocHuge(directory->cxt, Max(n, 1) * sizeof(TsdbDirEntry));
		if (n > 0)
			memcpy(directory->entries, entries, n * sizeof(TsdbDirEntry));
		directory->nentries = n;
		tsdb_store_close(store);
	}
	directory->whole = true;
}

/* Which entries are there, by the index. */
static void
read_changes(void *arg)
{
	TsdbReadableDirectory *directory = arg;
	TsdbStore  *store = tsdb_store_open(directory->rel, AccessShareLock);
	int			n;
	int32	   *keys = tsdb_store_keys(store, TSDB_DIRECTORY_ID, 1, PG_INT32_MAX, &n);

	directory->changes = MemoryContextAllocHuge(directory->cxt, Max(n, 1) * sizeof(int32));
	if (n > 0)
		memcpy(directory->changes, keys, n * sizeof(int32));
	directory->nchanges = n;
	tsdb_store_close(store);
}

static void
read_entry(void *arg)
{
	TsdbReadableDirectory *directory = arg;
	TsdbStore  *store = tsdb_store_open(directory->rel, AccessShareLock);

	if (tsdb_directory_read_one(store, directory->snapshot, directory->change, &directory->entries[directory->nentries]))
		directory->nentries++;
	tsdb_store_close(store);
}

/* Is this chunk known from another entry? */
static bool
is_known(const TsdbReadableDirectory *directory, Oid chunk_id)
{
	ListCell   *lc;
	int			i;

	for (i = 0; i < directory->nentries; i++)
	{
		if (directory->entries[i].d.chunk_id == chunk_id)
			return true;
	}
	foreach(lc, directory->problems)
	{
		const TsdbDirectoryProblem *problem = lfirst(lc);

		if (problem != directory->problem && problem->rebuilt && problem->entry.d.chunk_id == chunk_id)
			return true;
	}
	return false;
}

/*
 * An entry is damaged, but perhaps not in the chunk's id.  A chunk's header says the rest, and has a checksum of its own.  It is written and
 * deleted together with its entry, so the snapshot sees a header tuple iff it sees the chunk: one that was replaced does not come back, whatever
 * has become of the id.
 */
static void
rebuild_entry(void *arg)
{
	TsdbReadableDirectory *directory = arg;
	TsdbDirectoryProblem *problem = directory->problem;
	TsdbDirEntryDisk *d = &problem->entry.d;
	TsdbStore  *store = tsdb_store_open(directory->rel, AccessShareLock);
	TsdbStoredTuple stored;
	TsdbHeaderDisk header;
	Oid			chunk_id = InvalidOid;
	int32	   *keys;
	int			nkeys;
	int			nheader;
	int			i;

	if (tsdb_store_read_key(store, TSDB_DIRECTORY_ID, (int32) directory->change, directory->snapshot, &stored))
	{
		if (stored.len >= offsetof(TsdbDirEntryDisk, chunk_id) + sizeof(Oid))
			memcpy(&chunk_id, stored.data + offsetof(TsdbDirEntryDisk, chunk_id), sizeof(Oid));
		tsdb_store_release(&stored);
	}
	if (chunk_id >= FirstNormalObjectId && !is_known(directory, chunk_id))
	{
		memset(&problem->entry, 0, sizeof(problem->entry));
		keys = tsdb_store_keys(store, chunk_id, 0, TSDB_FORWARD_SEQ_FIRST - 1, &nkeys);
		for (nheader = nkeys, i = 0; i < nkeys && i < nheader; i++)
		{
			if (keys[i] != i || !tsdb_store_read_key(store, chunk_id, i, directory->snapshot, &stored))
				break;
			if (i == 0 && stored.len >= sizeof(header))
			{
				memcpy(&header, stored.data, sizeof(header));
				nheader = header.nsegments < nkeys ? nkeys - header.nsegments : 0;
				d->header_blk = stored.tid.ip_blkid;
				d->header_off = stored.tid.ip_posid;
			}
			else if (i == 0)
				nheader = 0;
			d->header_bytes += stored.len;
			tsdb_store_release(&stored);
		}
		if (nkeys > 0 && nheader >= 1 && i == nheader && nheader <= PG_UINT16_MAX && header.chunk_id == chunk_id &&
			header.nrows >= 1 && header.nrows <= TSDB_CHUNK_MAX_ROWS)
		{
			d->version = TSDB_FORMAT_VERSION;
			d->chunk_id = chunk_id;
			d->nrows = header.nrows;
			d->nheader = (uint16) nheader;
			d->nsegments = header.nsegments;
			problem->entry.change = directory->change;
			problem->rebuilt = true;
		}
	}
	tsdb_store_close(store);
}

static void
add_problem(TsdbReadableDirectory *directory, const ErrorData *edata)
{
	directory->problem = palloc0(sizeof(TsdbDirectoryProblem));
	directory->problem->text = tsdb_damage_text(edata, NULL);
	directory->problems = lappend(directory->problems, directory->problem);
}

void
tsdb_readable_directory_read(TsdbReadableDirectory *directory)
{
	MemoryContext old = MemoryContextSwitchTo(directory->cxt);
	ErrorData  *whole;
	ErrorData  *problem;
	ListCell   *lc;
	int			i;

	directory->part_cxt = AllocSetContextCreate(directory->cxt, "tsdb directory part", ALLOCSET_DEFAULT_SIZES);
	directory->entries = NULL;
	directory->nentries = directory->nchanges = 0;
	directory->whole = false;
	directory->problems = NIL;

	whole = tsdb_damage_try(read_whole, directory, directory->part_cxt);
	if (whole != NULL)
	{
		directory->nentries = 0;
		problem = tsdb_damage_try(read_changes, directory, directory->part_cxt);
		if (problem == NULL)
			directory->entries = MemoryContextAllocHuge(directory->cxt, Max(directory->nchanges, 1) * sizeof(TsdbDirEntry));
		/* all that can be read first: see is_known() */
		for (i = 0; problem == NULL && i < directory->nchanges; i++)
		{
			ErrorData  *one;

			directory->change = (uint32) directory->changes[i];
			one = tsdb_damage_try(read_entry, directory, directory->part_cxt);
			if (one == NULL)
				continue;
			add_problem(directory, one);
			directory->problem->entry.change = directory->change;
		}
		foreach(lc, directory->problems)
		{
			directory->problem = lfirst(lc);
			directory->change = directory->problem->entry.change;
			(void) tsdb_damage_try(rebuild_entry, directory, directory->part_cxt);
		}
		if (directory->problems == NIL)
			add_problem(directory, whole);
	}
	MemoryContextDelete(directory->part_cxt);
	MemoryContextSwitchTo(old);
}

/* ------------------------------------------------------------------------
 * Row store
 * ------------------------------------------------------------------------
 */

#define report_row(rel, block, off, ...) \
	ereport(ERROR, \
			(errcode(ERRCODE_DATA_CORRUPTED), \
			 errmsg("row store of table \"%s\" is damaged", RelationGetRelationName(rel)), \
			 errdetail_internal("Block %u, line pointer %u: %s.", (block), (off), psprintf(__VA_ARGS__))))

static bool
is_of_aborted(HeapTupleHeader tuple)
{
	TransactionId xmin = HeapTupleHeaderGetRawXmin(tuple);

	if (HeapTupleHeaderXminCommitted(tuple))
		return false;
	return HeapTupleHeaderXminInvalid(tuple) ||
		(TransactionIdIsNormal(xmin) && !TransactionIdIsCurrentTransactionId(xmin) &&
		 !TransactionIdIsInProgress(xmin) && !TransactionIdDidCommit(xmin));
}

static void
check_tuple(Relation rel, BlockNumber block, OffsetNumber off, ItemId item, HeapTupleHeader tuple)
{
	OffsetNumber ctid_off = ItemPointerGetOffsetNumberNoCheck(&tuple->t_ctid);

	if (tuple->t_hoff < SizeofHeapTupleHeader || tuple->t_hoff > ItemIdGetLength(item) ||
		tuple->t_hoff != MAXALIGN(tuple->t_hoff))
		report_row(rel, block, off, "data starts at byte %u of %u", tuple->t_hoff, ItemIdGetLength(item));
	/* a transaction that added columns and failed may have left rows with them */
	if (HeapTupleHeaderGetNatts(tuple) > RelationGetNumberOfAttributes(rel) && !is_of_aborted(tuple))
		report_row(rel, block, off, "tuple has %d columns, the table %d",
				   HeapTupleHeaderGetNatts(tuple), RelationGetNumberOfAttributes(rel));

	/* a moved row's place in its chunk; numbers from 0xFFFD are core's */
	if (ctid_off >= TSDB_MOVED_OFFSET_FIRST && ctid_off < 0xFFFD)
	{
		if (ItemPointerGetBlockNumberNoCheck(&tuple->t_ctid) != block)
			report_row(rel, block, off, "mark of a moved row names block %u",
					   ItemPointerGetBlockNumberNoCheck(&tuple->t_ctid));
		if (ctid_off - TSDB_MOVED_OFFSET_FIRST >= TSDB_MOVED_MAX_ROWS)
			report_row(rel, block, off, "mark of a moved row names row %u", ctid_off - TSDB_MOVED_OFFSET_FIRST);
	}
}

void
tsdb_row_page_check(Relation rel, BlockNumber block, Page page)
{
	OffsetNumber maxoff;
	OffsetNumber off;

	if (PageIsNew(page))
		return;
	maxoff = PageGetMaxOffsetNumber(page);
	for (off = FirstOffsetNumber; off <= maxoff; off++)
	{
		ItemId		item = PageGetItemId(page, off);

		if (ItemIdIsRedirected(item))
		{
			OffsetNumber target = ItemIdGetRedirect(item);

			if (target < FirstOffsetNumber || target > maxoff)
				report_row(rel, block, off, "redirected to line pointer %u of %u", target, maxoff);
		}
		if (!ItemIdIsNormal(item))
			continue;
		if (ItemIdGetLength(item) < SizeofHeapTupleHeader ||
			ItemIdGetOffset(item) < ((PageHeader) page)->pd_upper ||
			ItemIdGetOffset(item) != MAXALIGN(ItemIdGetOffset(item)) ||
			ItemIdGetOffset(item) + ItemIdGetLength(item) > BLCKSZ)
			report_row(rel, block, off, "tuple of %u bytes at byte %u", ItemIdGetLength(item), ItemIdGetOffset(item));
		check_tuple(rel, block, off, item, (HeapTupleHeader) PageGetItem(page, item));
	}
}
