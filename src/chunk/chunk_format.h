/*-------------------------------------------------------------------------
 * chunk_format.h
 *	  Every byte of the chunk store that reaches disk.
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
 *	chunk's OID			0 .. h-1		pieces of the header	(TsdbHeaderDisk ...)
 *	chunk's OID			h .. h+s-1		TsdbSegmentDisk + blocks
 *	chunk's OID			-(row + 1)		TsdbTombstoneDisk
 *	chunk's OID			>= 0x40000000	TsdbForwardDisk + block	(where rows went, see forward.h)
 *
 * Nothing here is trusted when read: chunk_reader.c and directory.c check each
 * field before use and raise ERRCODE_DATA_CORRUPTED.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_CHUNK_FORMAT_H
#define TSDB_CHUNK_FORMAT_H

#include "compat.h"

#include "access/heaptoast.h"
#include "access/htup_details.h"
#include "storage/itemptr.h"

/* format version of each kind of tuple; readers refuse newer ones with a hint */
#define TSDB_FORMAT_VERSION			1

/* reserved chunk ids, below FirstNormalObjectId: no TOAST value can have them */
#define TSDB_DIRECTORY_ID			((Oid) 1)
#define TSDB_ROOT_ID				((Oid) 2)
#define TSDB_FORWARD_SEQ_FIRST		0x40000000

#define TSDB_VECTOR_ROWS			1024	/* rows a vector */
#define TSDB_CHUNK_MAX_VECTORS		64
#define TSDB_CHUNK_MAX_ROWS			(TSDB_VECTOR_ROWS * TSDB_CHUNK_MAX_VECTORS)

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

/*
 * chunk_data of the largest tuple that fits a page: MaxHeapTupleSize less tuple header
 * (24), chunk_id (4), chunk_seq (4) and varlena header (4).
 */
#define TSDB_TUPLE_MAX_DATA \
	(MaxHeapTupleSize - MAXALIGN(SizeofHeapTupleHeader) - sizeof(Oid) - sizeof(int32) - VARHDRSZ)

/* a value longer than this (decompressed bytes) keeps its row in the row store */
#define TSDB_MAX_VALUE_BYTES		(256 * 1024)

/*
 * Where a block of encoded bytes lies: whole in segment tuple "segment" at byte
 * "offset" (from the start of chunk_data, segment header included), or, with
 * "offset" = TSDB_BLOCK_SPANS, as the whole payload of this and the following segments,
 * "length" of them.  length = 0: no block.
 */
typedef struct TsdbBlockRef
{
	uint16		segment;
	uint16		offset;
	uint16		length;			/* bytes; segments if offset = TSDB_BLOCK_SPANS */
	uint16		spare;
} TsdbBlockRef;

#define TSDB_BLOCK_SPANS			0xFFFF

StaticAssertDecl(sizeof(TsdbBlockRef) == 8, "block reference is 8 bytes");

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
 * sections {uint16 tag; uint16 length_bytes; bytes} of which unknown tags are skipped:
 * later summaries (column ranges, bloom filter of series) go there.
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
	uint32		spare[9];
} TsdbDirEntryDisk;

#define TSDB_DIR_TIME				0x0001	/* time_min/time_max hold, over the rows whose time is not NULL */
#define TSDB_DIR_TIME_NULLS			0x0002	/* some row's time is NULL */
#define TSDB_DIR_COLD				0x0004	/* encoded for size: numbers may lie in byte planes */
#define TSDB_DIR_KNOWN_FLAGS		0x0007

StaticAssertDecl(sizeof(TsdbDirEntryDisk) == 128, "directory entry is 128 bytes");
StaticAssertDecl(offsetof(TsdbDirEntryDisk, mover_xid) == 32, "mover_xid at 32");

/*
 * Chunk header, cut into tuples of at most TSDB_TUPLE_MAX_DATA bytes:
 *	TsdbHeaderDisk
 *	TsdbColumnDisk	columns[ncolumns]		rising attnum
 *	TsdbVectorDisk	vectors[ncolumns][nvectors]
 *	TsdbBlockRef	parts[nparts]
 *	TsdbTidDisk		segments[nsegments]
 */
typedef struct TsdbHeaderDisk
{
	uint32		crc;			/* CRC-32C of all that follows, all tuples */
	uint16		version;
	uint16		flags;			/* 0 */
	Oid			chunk_id;
	uint32		nrows;
	uint16		ncolumns;
	uint16		nvectors;		/* ceil(nrows / 1024) */
	uint16		nsegments;
	uint16		spare;
	uint32		nparts;
	uint32		spare2;
} TsdbHeaderDisk;

StaticAssertDecl(sizeof(TsdbHeaderDisk) == 32, "chunk header is 32 bytes");

/* How a column's values are laid out before encoding. */
typedef enum TsdbColumnKind
{
	TSDB_KIND_INT = 1,			/* by-value, typlen 1, 2, 4, 8: sign-extended integers */
	TSDB_KIND_FLOAT4 = 2,		/* by-value, bits of a float, sign-extended to 64 */
	TSDB_KIND_FLOAT8 = 3,		/* by-value, bits of a double */
	TSDB_KIND_VARLENA = 4,		/* payload bytes without varlena header */
	TSDB_KIND_CSTRING = 5,		/* bytes without the closing 0 */
	TSDB_KIND_FIXED = 6			/* by-reference, typlen bytes */
} TsdbColumnKind;

typedef struct TsdbColumnDisk
{
	int16		attnum;
	int16		typlen;
	uint8		typbyval;		/* 0, 1 */
	uint8		typalign;		/* 'c', 's', 'i', 'd' */
	uint8		kind;			/* TsdbColumnKind */
	uint8		flags;			/* 0 */
	Oid			typid;			/* for information: binary-coercible changes keep the chunk */
	uint32		dict_count;		/* entries of the column's dictionary, 0 = none */
	TsdbBlockRef dict;			/* the dictionary, see simd/tsdb_codec.h */
	uint64		raw_bytes;		/* bytes of the values as heap keeps them */
	uint64		stored_bytes;	/* bytes of blocks, dictionary included */
} TsdbColumnDisk;

StaticAssertDecl(sizeof(TsdbColumnDisk) == 40, "column descriptor is 40 bytes");

/*
 * One vector of one column.  Without a block (block.length = 0 and nparts = 0) all rows
 * are NULL (nnulls = rows).  With nparts > 0 the vector is cut into pieces of a power
 * of two rows (512, 256, ... 1; the last may be short), ceil(rows / piece) = nparts of them,
 * whose references are parts[first_part ..], first_part = block.segment | block.offset << 16.
 * Each block or part is self-contained (tsdb_codec.h).
 */
typedef struct TsdbVectorDisk
{
	TsdbBlockRef block;
	uint16		nnulls;			/* 0 .. rows */
	uint16		nparts;			/* 0 = not cut; piece_rows_log2 in flags */
	uint16		flags;			/* TSDB_VEC_* */
	uint16		encoding;		/* TsdbEncoding of the block (first part), for views */
	int64		zone_min;		/* with TSDB_VEC_ZONE: bounds over the values that are not NULL; */
	int64		zone_max;		/* KIND_INT: as signed integers; other kinds: not used by version 1 */
} TsdbVectorDisk;

#define TSDB_VEC_ZONE				0x0001	/* zone_min/zone_max hold */
#define TSDB_VEC_PIECE_SHIFT		8		/* flags >> 8: log2 of rows a part, with nparts > 0 */
#define TSDB_VEC_KNOWN_FLAGS		0x0F01

StaticAssertDecl(sizeof(TsdbVectorDisk) == 32, "vector descriptor is 32 bytes");

typedef struct TsdbTidDisk
{
	uint16		blk_hi;
	uint16		blk_lo;
	uint16		off;
} TsdbTidDisk;

StaticAssertDecl(sizeof(TsdbTidDisk) == 6, "TID is 6 bytes");

/*
 * Segment tuple: this header, then blocks.  In a page-filling tuple chunk_data starts at
 * byte 68 of the page (8192 - 8160 = 32, tuple header 24, key and varlena header 12), so
 * that the first block is at 96.  The writer starts blocks at 16-byte boundaries of the page,
 * and at 64-byte boundaries where the padding is at most 1/64 of the block.
 */
typedef struct TsdbSegmentDisk
{
	uint32		crc;			/* CRC-32C of all that follows */
	uint16		version;
	uint16		flags;			/* 0 */
	Oid			chunk_id;
	uint16		segment;		/* 0 .. nsegments - 1 */
	uint16		spare;
	uint32		length;			/* bytes of chunk_data, this header included */
	uint32		spare2[2];
} TsdbSegmentDisk;

StaticAssertDecl(sizeof(TsdbSegmentDisk) == 28, "segment header is 28 bytes");

#define TSDB_SEGMENT_PAYLOAD		(TSDB_TUPLE_MAX_DATA - sizeof(TsdbSegmentDisk))

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
