/*-------------------------------------------------------------------------
 * damage.h
 *	  Reading what may be damaged, piece by piece.
 *
 * Readers report damage by ERRCODE_DATA_CORRUPTED.  Whoever wants to go on behind it reads in parts, each in a subtransaction of its own: a
 * part opens what it needs itself, so that buffers, relations and locks of one that failed go with its subtransaction.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_DAMAGE_H
#define TSDB_DAMAGE_H

#include "compat.h"

#include "chunk/directory.h"
#include "storage/bufpage.h"

/*
 * Runs a part, in part_cxt, which is reset behind it.  NULL, or the error that told of damage, in the caller's context; other errors
 * are raised.
 */
extern ErrorData *tsdb_damage_try(void (*part) (void *arg), void *arg, MemoryContext part_cxt);

/* The error in one line; column: whose name is left out of it, since it is told apart (or NULL). */
extern char *tsdb_damage_text(const ErrorData *edata, const char *column);

/* A directory entry, or all of the directory, that can't be read. */
typedef struct TsdbDirectoryProblem
{
	char	   *text;
	bool		rebuilt;		/* the chunk is there all the same: entry has what it takes to open it, and nothing else */
	TsdbDirEntry entry;
} TsdbDirectoryProblem;

/*
 * The directory as far as it can be read: one damaged entry does not hide the others.
 */
typedef struct TsdbReadableDirectory
{
	/* to be set */
	Relation	rel;
	Snapshot	snapshot;
	MemoryContext cxt;			/* of the results; a child of it is used for parts */
	/* results */
	TsdbDirEntry *entries;		/* by rising change number */
	int			nentries;
	bool		whole;			/* these are all */
	List	   *problems;		/* of TsdbDirectoryProblem *: what is damaged */
	/* private */
	TsdbDirectoryProblem *problem;
	MemoryContext part_cxt;
	int32	   *changes;
	int			nchanges;
	uint32		change;
} TsdbReadableDirectory;

extern void tsdb_readable_directory_read(TsdbReadableDirectory *directory);

/* Checks line pointers, tuple headers and marks of moved rows of a page of the row store, which the caller has locked. */
extern void tsdb_row_page_check(Relation rel, BlockNumber block, Page page);

#endif							/* TSDB_DAMAGE_H */
