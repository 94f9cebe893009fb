/*-------------------------------------------------------------------------
 * chunk_format.h
 *	  Every byte of the chunk store that reaches disk; header and segments: header_format.h.
 *
 * The chunk store lives in the table's TOAST relation, as ordinary heap tuples
 * (chunk_id oid, chunk_seq int4, chunk_data bytea).  The structs below are the
 * contents of chunk_data (without its varlena header), little endian, no padding
 * but named spare bytes, which are zero and checked.  doc/format.md tells the same
 * in pictures.
 *
 *	chunk_id			chunk_seq		chunk_data
 *	1					change number	TsdbDirEntryDisk		(directory entry)
 *	2					0				TsdbRootDisk			(root)
 *	chunk's OID			0 .. h-1		pieces of the header	(TsdbHeaderDisk ..., see header_format.h)
 *	chunk's OID			h .. h+s-1		TsdbSegmentDisk + blocks
 *	chunk's OID			-(row + 1)		TsdbTombstoneDisk
 *	chunk's OID			>= 0x40000000	TsdbForwardDisk + block	(where rows went, see forward.h)
 *
 * Nothing here is trusted when read: chunk_layout.c, chunk_reader.c and directory.c check each
 * field before use and raise ERRCODE_DATA_CORRUPTED.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_CHUNK_FORMAT_H
#define TSDB_CHUNK_FORMAT_H

#include "compat.h"

#include "access/heaptoast.h"
#include "access/htup_details.h"
#include "chunk/header_format.h"
#include "storage/itemptr.h"

/* format version of each kind of tuple but the header; readers refuse newer ones with a hint */
#define TSDB_FORMAT_VERSION			1

/* reserved chunk ids, below FirstNormalObjectId: no TOAST value can have them */
#define TSDB_DIRECTORY_ID			((Oid) 1)
#define TSDB_ROOT_ID				((Oid) 2)
#define TSDB_FORWARD_SEQ_FIRST		0x40000000

/*
 * A chunk made by moving rows has at most 60 vectors: t_ctid of a moved tuple is
 * (own block, TSDB_MOVED_OFFSET_FIRST + row), and offsets from 0xFFFD are taken by core.
 * 2049 is above every offset that a page can have (MaxOffsetNumber is 2048).
 */
#define TSDB_MOVED_MAX_ROWS			(TSDB_VECTOR_ROWS * 60)
#define TSDB_MOVED_OFFSET_FIRST		2049

/* virtual TIDs: block = flag | virtual block, offset = 1 .. 256 */
#define TSDB_VBLOCK_FLAG			((BlockNumber) 0x80000000)
#define TSDB_VBLOCK_ROWS			256
#define TSDB_VBLOCK_MAX				0x7FFFFFFF	/* never allotted: InvalidBlockNumber */

StaticAssertDecl(TSDB_PAGE_BYTES == BLCKSZ, "header_format.h knows the size of a page");
StaticAssertDecl(TSDB_TUPLE_MAX_DATA == MaxHeapTupleSize - MAXALIGN(SizeofHeapTupleHeader) - sizeof(Oid) -
				 sizeof(int32) - VARHDRSZ, "a page-filling tuple is the largest that heapam takes");
StaticAssertDecl(TSDB_MAX_COLUMNS == MaxHeapAttributeNumber, "a chunk can have all columns of a table");

/* a value longer than this (decompressed bytes) keeps its row in the row store */
#define TSDB_MAX_VALUE_BYTES		(256 * 1024)

/*
 * Root, 72 bytes, one per chunk store, key (TSDB_ROOT_ID, 0).  Frozen in place as soon as its
 * index entries are there (a tuple with this key that is not frozen is no root), updated in place
 * under GenericXLog and the allot lock.  est_* are running totals for the
 * planner, never used for results; aborted transactions let them drift, VACUUM sets them right.
 */
typedef struct TsdbRootDisk
{
	uint32		crc;			/* CRC-32C of all that follows */
	uint16		version;
	uint16		flags;			/* 0 */
	uint64		incarnation;	/* random, chosen at creation */
	uint32		changes;		/* number of the newest directory change; <= INT32_MAX */
	uint32		next_vblock;	/* next free virtual block, <= TSDB_VBLOCK_MAX */
	uint32		removed;		/* directory entries deleted since indexes were last cleaned */
	uint32		spare;
	uint64		est_chunks;
	uint64		est_rows;
	uint64		est_raw_bytes;
	uint64		est_stored_bytes;
	uint64		cleaned_xid;	/* FullTransactionId: indexes hold no entry of rows deleted before it; 0 = unknown */
} TsdbRootDisk;

StaticAssertDecl(sizeof(TsdbRootDisk) == 72, "root is 72 bytes");

/*
 * Directory entry, 128 bytes, key (TSDB_DIRECTORY_ID, change number), then "nsections"
 * sections {uint16 tag; uint16 length_bytes; bytes} of which unknown tags are skipped: summaries,
 * see TSDB_SECTION_BLOOM below.
 */
typedef struct TsdbDirEntryDisk
{
	uint32		crc;			/* CRC-32C of all that follows, sections included */
	uint16		version;
	uint16		flags;			/* TSDB_DIR_* */
	Oid			chunk_id;
	uint32		first_vblock;
	uint32		nrows;			/* 1 .. TSDB_CHUNK_MAX_ROWS */
	uint16		nheader;		/* header tuples, keys 0 .. nheader-1 */
	uint16		nsegments;		/* segment tuples, keys nheader .. */
	BlockIdData header_blk;		/* TID of header tuple 0; a hint, the key decides */
	OffsetNumber header_off;
	int16		time_attnum;	/* time column, 0 = none */
	uint64		mover_xid;		/* FullTransactionId of the mover, 0 = not made by moving */
	BlockNumber src_block;		/* source range of a moved chunk */
	uint32		src_nblocks;
	int64		time_min;		/* Datum of the time column, sign extended; infinities count */
	int64		time_max;		/* valid with TSDB_DIR_TIME */
	uint64		raw_bytes;		/* what the rows would take as heap tuples, line pointers included */
	uint64		stored_bytes;	/* chunk_data bytes of header and segments */
	uint32		nseries;		/* distinct series, 0 = unknown */
	uint16		level;			/* 0 = loaded or moved, +1 for each merge */
	uint16		nsections;
	uint32		header_bytes;	/* header length over all its tuples */
	uint32		sort_order;		/* tsdb_options_sort_order() of what the rows are sorted by, 0 = unknown */
	Oid			slice;			/* first of the chunks whose rows were sorted together and then cut; 0 = this one */
	uint32		spare[7];
} TsdbDirEntryDisk;

#define TSDB_DIR_TIME				0x0001	/* time_min/time_max hold, over the rows whose time is not NULL */
#define TSDB_DIR_TIME_NULLS			0x0002	/* some row's time is NULL */
#define TSDB_DIR_COLD				0x0004	/* encoded for size: numbers may lie in byte planes */
#define TSDB_DIR_KNOWN_FLAGS		0x0007

StaticAssertDecl(sizeof(TsdbDirEntryDisk) == 128, "directory entry is 128 bytes");
StaticAssertDecl(offsetof(TsdbDirEntryDisk, mover_xid) == 32, "mover_xid at 32");

/*
 * Sections: summaries of the chunk's rows as it was written, each at most once.  A chunk may lack them, and a version
 * that a reader doesn't know is as good as none.
 *
 * TSDB_SECTION_BLOOM, bloom filter of series values (series_bloom.h), unaligned:
 *	uint16 version (of hash and layout), uint16 ncolumns (1 .. TSDB_BLOOM_MAX_COLUMNS),
 *	int16 attnum[ncolumns] rising, uint64 word[8]
 *
 * TSDB_SECTION_RANGES, least and greatest values (column_ranges.h), unaligned:
 *	uint16 version, uint16 ncolumns, then for each column, in rising order of attnum:
 *	int16 attnum, uint8 flags (TSDB_RANGE_*), uint8 min_len, uint8 max_len, uint8 spare, uint32 typid, min_len + max_len bytes
 */
#define TSDB_SECTION_BLOOM			1
#define TSDB_SECTION_RANGES			2

#define TSDB_SECTION_HEADER			4	/* bytes of tag and length */

#define TSDB_BLOOM_MAX_COLUMNS		8

#define TSDB_RANGES_VERSION			1
#define TSDB_RANGE_HAS_NULLS		0x01
#define TSDB_RANGE_ALL_NULLS		0x02	/* no bounds: both lengths are 0 */
#define TSDB_RANGE_MAX_CUT			0x04	/* values are below, or begin with, the greatest */
#define TSDB_RANGE_KNOWN_FLAGS		0x07

/*
 * Tombstone: row of a chunk deleted or updated by the tuple's xmin.  The TID is that of the new version: of
 * either store, core's mark for "moved to another partition", or invalid for a deleted row.
 */
typedef struct TsdbTombstoneDisk
{
	uint32		crc;
	uint16		version;
	uint16		flags;			/* TSDB_TOMB_* */
	BlockIdData new_blk;		/* TID of the new version, invalid = none */
	OffsetNumber new_off;
	uint16		spare;
} TsdbTombstoneDisk;

#define TSDB_TOMB_NOT_MOVED			0x0001	/* the mover found the source row changed: it stayed in the row store */
#define TSDB_TOMB_KEYS_KEPT			0x0002	/* an update that left all key columns as they were */
#define TSDB_TOMB_KNOWN_FLAGS		0x0003

StaticAssertDecl(sizeof(TsdbTombstoneDisk) == 16, "tombstone is 16 bytes");

/*
 * Forwards: where TSDB_FORWARD_ROWS rows of a chunk (the last tuple: fewer) went when a mover replaced it,
 * key (chunk id, TSDB_FORWARD_SEQ_FIRST + first row / TSDB_FORWARD_ROWS); then one block of integers
 * (tsdb_codec.h, 64-bit lanes), one a row:
 *	0					nowhere: the row was dead
 *	(v << 1) | 1		chunk row number v = virtual block * 256 + offset - 1
 *	h << 1				row-store TID, h = block << 16 | offset
 */
typedef struct TsdbForwardDisk
{
	uint32		crc;			/* CRC-32C of all that follows, block included */
	uint16		version;
	uint16		flags;			/* 0 */
	Oid			chunk_id;
	uint32		nrows;			/* in this tuple */
} TsdbForwardDisk;

#define TSDB_FORWARD_ROWS			512

StaticAssertDecl(sizeof(TsdbForwardDisk) == 16, "forwards' header is 16 bytes");

#endif							/* TSDB_CHUNK_FORMAT_H */
