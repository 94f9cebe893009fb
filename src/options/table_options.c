/*-------------------------------------------------------------------------
 * table_options.c
 *	  Reads a table's options from its security labels, and infers what was left out.
 *
 * Used by am/ (direct load, mover) once a statement or flush, and by sqlfunc/ for views.
 *
 * pg_seclabel has no syscache: one index scan reads all labels of a relation, about the
 * price of one syscache miss.  Nothing is kept between calls, so nothing can be stale.
 *
 * Invariants: a label that no longer fits (ALTER COLUMN TYPE by a session without our hook) is
 * as good as none, never an error: options steer layout, and a read or write must not fail for
 * them.  Errors are raised where options are set.
 *-------------------------------------------------------------------------
 */
#include "options/options_internal.h"

#include <ctype.h>

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "am/tsdb_handler.h"
#include "catalog/heap.h"
#include "catalog/indexing.h"
#include "catalog/objectaddress.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_seclabel.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "commands/seclabel.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/hsearch.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

typedef enum LabelKind
{
	LABEL_BAD,
	LABEL_SEGMENTBY,			/* number = position */
	LABEL_ORDERBY,
	LABEL_DIRECT_LOAD			/* number = 0, 1 */
} LabelKind;

/* ------------------------------------------------------------------------
 * Labels
 * ------------------------------------------------------------------------
 */

/* Takes a word of letters and underscores off *p, blanks before it skipped. */
static bool
take_word(const char **p, const char *word)
{
	const char *start = *p;
	size_t		len = strlen(word);

	while (isspace((unsigned char) *start))
		start++;
	if (pg_strncasecmp(start, word, len) != 0 ||
		isalnum((unsigned char) start[len]) || start[len] == '_')
		return false;
	*p = start + len;
	return true;
}

static bool
at_end(const char *p)
{
	while (isspace((unsigned char) *p))
		p++;
	return *p == '\0';
}

/*
 * Grammar, case-insensitive: segmentby N | orderby [asc] | direct_load { on | off | true | false }.
 * N has no sign, and lies between 1 and TSDB_MAX_SERIES_COLUMNS.
 */
static LabelKind
parse_label(const char *label, int *number)
{
	const char *p = label;

	*number = 0;
	if (take_word(&p, "segmentby"))
	{
		while (isspace((unsigned char) *p))
			p++;
		while (isdigit((unsigned char) *p) && *number <= TSDB_MAX_SERIES_COLUMNS)
			*number = *number * 10 + (*p++ - '0');
		if (*number < 1 || *number > TSDB_MAX_SERIES_COLUMNS || !at_end(p))
			return LABEL_BAD;
		return LABEL_SEGMENTBY;
	}
	if (take_word(&p, "orderby"))
	{
		(void) take_word(&p, "asc");
		return at_end(p) ? LABEL_ORDERBY : LABEL_BAD;
	}
	if (take_word(&p, "direct_load"))
	{
		if (take_word(&p, "on") || take_word(&p, "true"))
			*number = 1;
		else if (!take_word(&p, "off") && !take_word(&p, "false"))
			return LABEL_BAD;
		return at_end(p) ? LABEL_DIRECT_LOAD : LABEL_BAD;
	}
	return LABEL_BAD;
}

static SysScanDesc
begin_label_scan(Relation pg_seclabel, Oid relid)
{
	ScanKeyData keys[2];

	ScanKeyInit(&keys[0],
				Anum_pg_seclabel_objoid,
				BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(relid));
	ScanKeyInit(&keys[1],
				Anum_pg_seclabel_classoid,
				BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(RelationRelationId));

	return systable_beginscan(pg_seclabel, SecLabelObjectIndexId, true, NULL, 2, keys);
}

/* Next label of our provider; false at the end.  *label is palloc'd. */
static bool
next_label(SysScanDesc scan, Relation pg_seclabel, int32 *objsubid, char **label)
{
	HeapTuple	tuple;

	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Datum		provider;
		Datum		value;
		char	   *name;
		bool		isnull;
		bool		ours;

		provider = heap_getattr(tuple, Anum_pg_seclabel_provider, RelationGetDescr(pg_seclabel), &isnull);
		if (isnull)
			continue;
		name = TextDatumGetCString(provider);
		ours = strcmp(name, TSDB_LABEL_PROVIDER) == 0;
		pfree(name);
		if (!ours)
			continue;
		value = heap_getattr(tuple, Anum_pg_seclabel_label, RelationGetDescr(pg_seclabel), &isnull);
		if (isnull)
			continue;
		*objsubid = ((FormData_pg_seclabel *) GETSTRUCT(tuple))->objsubid;
		*label = TextDatumGetCString(value);
		return true;
	}
	return false;
}

/* Puts a column into the list of series columns, which is in order of (position, attnum). */
static void
add_series(TsdbLabels *labels, AttrNumber attnum, int position)
{
	int			i;

	if (labels->nseries == TSDB_MAX_SERIES_COLUMNS)
		return;
	for (i = labels->nseries; i > 0; i--)
	{
		if (labels->position[i - 1] < position ||
			(labels->position[i - 1] == position && labels->series[i - 1] < attnum))
			break;
		labels->series[i] = labels->series[i - 1];
		labels->position[i] = labels->position[i - 1];
	}
	labels->series[i] = attnum;
	labels->position[i] = position;
	labels->nseries++;
}

void
tsdb_labels_read(Oid relid, TsdbLabels *labels)
{
	Relation	pg_seclabel = table_open(SecLabelRelationId, AccessShareLock);
	SysScanDesc scan = begin_label_scan(pg_seclabel, relid);
	int32		objsubid;
	char	   *label;

	memset(labels, 0, sizeof(*labels));
	while (next_label(scan, pg_seclabel, &objsubid, &label))
	{
		int			number;
		LabelKind	kind = parse_label(label, &number);

		if (objsubid > 0 && kind == LABEL_SEGMENTBY)
			add_series(labels, (AttrNumber) objsubid, number);
		else if (objsubid > 0 && kind == LABEL_ORDERBY)
		{
			/* the check hook admits one; should there be two, all readers take the same */
			if (labels->time_attnum == 0 || objsubid < labels->time_attnum)
				labels->time_attnum = (AttrNumber) objsubid;
		}
		else if (objsubid == 0 && kind == LABEL_DIRECT_LOAD)
		{
			labels->direct_load_given = true;
			labels->direct_load = (number == 1);
		}
		pfree(label);
	}
	systable_endscan(scan);
	table_close(pg_seclabel, AccessShareLock);
}

void
tsdb_label_set(Oid relid, AttrNumber attnum, const char *label)
{
	ObjectAddress object;

	ObjectAddressSubSet(object, RelationRelationId, relid, attnum);
	SetSecurityLabel(&object, TSDB_LABEL_PROVIDER, label);
	CacheInvalidateRelcacheByRelid(relid);
}

void
tsdb_labels_drop(Oid relid)
{
	Relation	pg_seclabel = table_open(SecLabelRelationId, AccessShareLock);
	SysScanDesc scan = begin_label_scan(pg_seclabel, relid);
	List	   *subids = NIL;
	ListCell   *lc;
	int32		objsubid;
	char	   *label;

	while (next_label(scan, pg_seclabel, &objsubid, &label))
		subids = lappend_int(subids, objsubid);
	systable_endscan(scan);
	table_close(pg_seclabel, AccessShareLock);

	foreach(lc, subids)
		tsdb_label_set(relid, (AttrNumber) lfirst_int(lc), NULL);
	list_free(subids);
}

/* ------------------------------------------------------------------------
 * What may be said
 * ------------------------------------------------------------------------
 */

/* Series are compared for equality, and looked up: core must know how. */
bool
tsdb_option_series_type(Oid typid)
{
	/* default btree or hash operator class */
	return OidIsValid(lookup_type_cache(typid, TYPECACHE_EQ_OPR)->eq_opr);
}

bool
tsdb_option_order_type(Oid typid)
{
	switch (getBaseType(typid))
	{
		case TIMESTAMPTZOID:
		case TIMESTAMPOID:
		case DATEOID:
		case INT8OID:
		case INT4OID:
		case INT2OID:
			return true;
		default:
			return false;
	}
}

void
tsdb_option_check_series(const char *colname, Oid typid)
{
	if (!tsdb_option_series_type(typid))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column \"%s\" of type %s cannot name a series",
						colname, format_type_be(typid)),
				 errdetail("The type has no default btree or hash operator class."),
				 errhint("Leave the column out of option \"segmentby\".")));
}

void
tsdb_option_check_order(const char *colname, Oid typid)
{
	if (!tsdb_option_order_type(typid))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column \"%s\" of type %s cannot be the order column",
						colname, format_type_be(typid)),
				 errdetail("Allowed types are timestamp with time zone, timestamp without time zone, "
						   "date, bigint, integer and smallint.")));
}

void
tsdb_option_check_relation(Relation rel, const char *option)
{
	char		relkind = rel->rd_rel->relkind;

	if (relkind == RELKIND_PARTITIONED_TABLE)
		return;					/* for its partitions */
	if (relkind != RELKIND_RELATION && relkind != RELKIND_MATVIEW)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("option \"%s\" cannot be set for relation \"%s\"",
						option, RelationGetRelationName(rel)),
				 errdetail_relkind_not_supported(relkind)));
	if (!tsdb_is_tsdb(rel))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("option \"%s\" needs access method tsdb", option),
				 errdetail("Table \"%s\" uses another access method.", RelationGetRelationName(rel)),
				 errhint("Use ALTER TABLE ... SET ACCESS METHOD tsdb first.")));
}

AttrNumber
tsdb_option_find_column(Relation rel, const char *colname)
{
	TupleDesc	tupdesc = RelationGetDescr(rel);
	int			i;

	for (i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);

		if (!att->attisdropped && namestrcmp(&att->attname, colname) == 0)
			return att->attnum;
	}
	if (SystemAttributeByName(colname) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cannot use system column \"%s\" in an option", colname)));
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_COLUMN),
			 errmsg("column \"%s\" of relation \"%s\" does not exist",
					colname, RelationGetRelationName(rel))));
	return InvalidAttrNumber;	/* keep compiler quiet */
}

static void
report_bad_label(const char *label, bool on_column)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid tsdb label \"%s\"", label),
			 on_column ?
			 errdetail("The label of a column is 'segmentby N' with N from 1 to %d, or 'orderby'.",
					   TSDB_MAX_SERIES_COLUMNS) :
			 errdetail("The label of a table is 'direct_load on' or 'direct_load off'.")));
}

static void
check_column_label(Relation rel, AttrNumber attnum, const char *label)
{
	TsdbLabels	labels;
	Form_pg_attribute att;
	int			number;
	int			i;
	LabelKind	kind = parse_label(label, &number);

	if (kind != LABEL_SEGMENTBY && kind != LABEL_ORDERBY)
		report_bad_label(label, true);
	tsdb_option_check_relation(rel, kind == LABEL_SEGMENTBY ? "segmentby" : "orderby");

	if (attnum < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cannot use system column \"%s\" in an option",
						NameStr(SystemAttributeDefinition(attnum)->attname))));
	if (attnum > RelationGetNumberOfAttributes(rel) ||
		TupleDescAttr(RelationGetDescr(rel), attnum - 1)->attisdropped)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column %d of relation \"%s\" does not exist",
						attnum, RelationGetRelationName(rel))));
	att = TupleDescAttr(RelationGetDescr(rel), attnum - 1);

	tsdb_labels_read(RelationGetRelid(rel), &labels);
	if (kind == LABEL_ORDERBY)
	{
		tsdb_option_check_order(NameStr(att->attname), att->atttypid);
		if (labels.time_attnum != 0 && labels.time_attnum != attnum)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("relation \"%s\" has an order column already",
							RelationGetRelationName(rel)),
					 errdetail("It is column \"%s\".",
							   get_attname(RelationGetRelid(rel), labels.time_attnum, false)),
					 errhint("Set the label of that column to NULL first.")));
		return;
	}

	tsdb_option_check_series(NameStr(att->attname), att->atttypid);
	for (i = 0; i < labels.nseries; i++)
	{
		if (labels.position[i] == number && labels.series[i] != attnum)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("position %d among the series columns of relation \"%s\" is taken",
							number, RelationGetRelationName(rel)),
					 errdetail("Column \"%s\" has it.",
							   get_attname(RelationGetRelid(rel), labels.series[i], false)),
					 errhint("Take another number, or set the label of that column to NULL first.")));
	}
}

/*
 * The label provider's hook: core has found and locked the object and checked its owner.
 * SetSecurityLabel invalidates nothing, so we do.
 */
static void
check_label(const ObjectAddress *object, const char *label)
{
	Relation	rel;

	if (object->classId != RelationRelationId)
	{
		if (label != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("tsdb labels are for tables and their columns")));
		return;
	}

	/* dropping a label is right at any time */
	if (label != NULL)
	{
		rel = relation_open(object->objectId, AccessShareLock);
		if (object->objectSubId != 0)
			check_column_label(rel, (AttrNumber) object->objectSubId, label);
		else
		{
			int			number;

			if (parse_label(label, &number) != LABEL_DIRECT_LOAD)
				report_bad_label(label, false);
			tsdb_option_check_relation(rel, "direct_load");
		}
		relation_close(rel, NoLock);
	}

	CacheInvalidateRelcacheByRelid(object->objectId);
}

static void forget_options(Datum arg, Oid relid);

void
tsdb_options_init(void)
{
	register_label_provider(TSDB_LABEL_PROVIDER, check_label);
	CacheRegisterRelcacheCallback(forget_options, (Datum) 0);
	tsdb_option_ddl_init();
}

/* ------------------------------------------------------------------------
 * Reading
 * ------------------------------------------------------------------------
 */

/* rel's column of this name if the label still fits it, else 0; from = rel's relation or an ancestor */
static AttrNumber
map_column(Relation rel, Oid from, AttrNumber attnum, bool order)
{
	TupleDesc	tupdesc = RelationGetDescr(rel);
	Form_pg_attribute att;

	if (OidIsValid(from))
	{
		char	   *name = get_attname(from, attnum, true);
		int			i;

		attnum = 0;
		for (i = 0; name != NULL && i < tupdesc->natts; i++)
		{
			att = TupleDescAttr(tupdesc, i);
			if (!att->attisdropped && namestrcmp(&att->attname, name) == 0)
				attnum = att->attnum;
		}
	}
	if (attnum < 1 || attnum > tupdesc->natts)
		return 0;

	att = TupleDescAttr(tupdesc, attnum - 1);
	if (att->attisdropped)
		return 0;
	if (order ? !tsdb_option_order_type(att->atttypid) : !tsdb_option_series_type(att->atttypid))
		return 0;
	return attnum;
}

static bool
is_series(const TsdbTableOptions *options, AttrNumber attnum)
{
	int			i;

	for (i = 0; i < options->nseries; i++)
	{
		if (options->series[i] == attnum)
			return true;
	}
	return false;
}

/* Takes from labels what is not given yet: the nearest relation that says something wins. */
static void
take_labels(Relation rel, Oid from, const TsdbLabels *labels, TsdbTableOptions *options)
{
	int			i;

	if (!options->series_given && labels->nseries > 0)
	{
		for (i = 0; i < labels->nseries; i++)
		{
			AttrNumber	attnum = map_column(rel, from, labels->series[i], false);

			/* a nearer relation's order column stays that */
			if (attnum != 0 && !(options->order_given && attnum == options->time_attnum))
				options->series[options->nseries++] = attnum;
		}
		options->series_given = (options->nseries > 0);
	}
	if (!options->order_given && labels->time_attnum != 0)
	{
		AttrNumber	attnum = map_column(rel, from, labels->time_attnum, true);

		if (attnum != 0 && !is_series(options, attnum))
		{
			options->time_attnum = attnum;
			options->order_given = true;
		}
	}
	if (!options->direct_load && !options->no_direct_load && labels->direct_load_given)
	{
		options->direct_load = labels->direct_load;
		options->no_direct_load = !labels->direct_load;
	}
}

/* The key columns of a unique index on plain columns of the whole table; false if it is none. */
static bool
unique_key(Oid indexoid, bool want_primary, AttrNumber *keys, int *nkeys)
{
	HeapTuple	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(indexoid));
	Form_pg_index index;
	bool		usable;
	int			i;

	if (!HeapTupleIsValid(tuple))
		return false;			/* dropped meanwhile */
	index = (Form_pg_index) GETSTRUCT(tuple);

	usable = index->indisunique && index->indisvalid &&
		index->indisprimary == want_primary &&
		heap_attisnull(tuple, Anum_pg_index_indpred, NULL) &&
		heap_attisnull(tuple, Anum_pg_index_indexprs, NULL);
	*nkeys = 0;
	for (i = 0; usable && i < index->indnkeyatts && i < TSDB_MAX_SERIES_COLUMNS + 1; i++)
		keys[(*nkeys)++] = index->indkey.values[i];
	ReleaseSysCache(tuple);
	return usable;
}

static void
infer_time(Relation rel, List *indexes, TsdbTableOptions *options)
{
	TupleDesc	tupdesc = RelationGetDescr(rel);
	AttrNumber	keys[TSDB_MAX_SERIES_COLUMNS + 1];
	ListCell   *lc;
	int			nkeys;
	int			i;

	for (i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);
		Oid			base;

		if (att->attisdropped || is_series(options, att->attnum))
			continue;
		base = getBaseType(att->atttypid);
		if (base == TIMESTAMPTZOID || base == TIMESTAMPOID || base == DATEOID)
		{
			options->time_attnum = att->attnum;
			return;
		}
	}

	foreach(lc, indexes)
	{
		if (!unique_key(lfirst_oid(lc), true, keys, &nkeys))
			continue;
		for (i = 0; i < nkeys; i++)
		{
			Oid			base;

			if (keys[i] < 1 || keys[i] > tupdesc->natts || is_series(options, keys[i]))
				continue;
			base = getBaseType(TupleDescAttr(tupdesc, keys[i] - 1)->atttypid);
			if (base == INT8OID || base == INT4OID)
			{
				options->time_attnum = keys[i];
				return;
			}
		}
	}
}

/*
 * Series from a key: only from one that holds the time column.  Its other columns then tell
 * whose time it is; a key without time (events (id primary key, time)) would make each row
 * a series of its own.
 */
static void
infer_series(Relation rel, List *indexes, TsdbTableOptions *options)
{
	AttrNumber	keys[TSDB_MAX_SERIES_COLUMNS + 1];
	int			nkeys;
	int			pass;

	/* the primary key first, then others in the order of their OIDs */
	for (pass = 0; pass < 2; pass++)
	{
		ListCell   *lc;

		foreach(lc, indexes)
		{
			bool		has_time = false;
			int			i;

			if (!unique_key(lfirst_oid(lc), pass == 0, keys, &nkeys))
				continue;
			for (i = 0; i < nkeys; i++)
				has_time |= (keys[i] == options->time_attnum);
			if (!has_time || nkeys < 2)
				continue;
			for (i = 0; i < nkeys && options->nseries < TSDB_MAX_SERIES_COLUMNS; i++)
			{
				if (keys[i] > 0 && keys[i] <= RelationGetNumberOfAttributes(rel) &&
					keys[i] != options->time_attnum && !is_series(options, keys[i]))
					options->series[options->nseries++] = keys[i];
			}
			return;
		}
	}
}

void
tsdb_options_get(Relation rel, TsdbTableOptions *options)
{
	Oid			relid = RelationGetRelid(rel);
	Relation	source = rel;
	TsdbLabels	labels;
	List	   *indexes;

	memset(options, 0, sizeof(*options));

	/*
	 * ALTER TABLE's rewrites and REFRESH MATERIALIZED VIEW fill a transient relation with the
	 * columns of the old one; labels and indexes are the old one's.
	 */
	if (OidIsValid(rel->rd_rel->relrewrite))
	{
		source = try_relation_open(rel->rd_rel->relrewrite, AccessShareLock);
		if (source != NULL)
			relid = RelationGetRelid(source);
		else
			source = rel;
	}

	if (!tsdb_option_ddl_pending(rel, relid, &labels))
		tsdb_labels_read(relid, &labels);
	take_labels(rel, InvalidOid, &labels, options);

	if (source->rd_rel->relispartition)
	{
		List	   *ancestors = get_partition_ancestors(relid);
		ListCell   *lc;

		/* nearest first */
		foreach(lc, ancestors)
		{
			tsdb_labels_read(lfirst_oid(lc), &labels);
			take_labels(rel, lfirst_oid(lc), &labels, options);
		}
		list_free(ancestors);
	}

	if (!options->order_given || !options->series_given)
	{
		indexes = RelationGetIndexList(source);
		if (!options->order_given)
			infer_time(rel, indexes, options);
		if (!options->series_given && options->time_attnum != 0)
			infer_series(rel, indexes, options);
		list_free(indexes);
	}

	if (source != rel)
		relation_close(source, NoLock);

	Assert(options->time_attnum == 0 || !is_series(options, options->time_attnum));
	Assert(options->nseries <= TSDB_MAX_SERIES_COLUMNS);
}

/* ------------------------------------------------------------------------
 * Remembered
 * ------------------------------------------------------------------------
 */

typedef struct RememberedOptions
{
	Oid			relid;			/* hash key */
	TsdbTableOptions options;
} RememberedOptions;

static HTAB *remembered = NULL;
static uint64 times_forgotten = 0;

/*
 * Relcache callback.  What a partition's options are depends on its ancestors' labels too, so that any change makes
 * all be read again.
 */
static void
forget_options(Datum arg, Oid relid)
{
	if (remembered != NULL)
		hash_destroy(remembered);
	remembered = NULL;
	times_forgotten++;
}

void
tsdb_options_get_remembered(Relation rel, TsdbTableOptions *options)
{
	Oid			relid = RelationGetRelid(rel);
	RememberedOptions *entry = NULL;
	uint64		forgotten = times_forgotten;
	bool		found;

	if (remembered != NULL)
		entry = hash_search(remembered, &relid, HASH_FIND, NULL);
	if (entry != NULL)
	{
		*options = entry->options;
		return;
	}

	tsdb_options_get(rel, options);
	/* something changed while they were read */
	if (forgotten != times_forgotten)
		return;
	if (remembered == NULL)
	{
		HASHCTL		ctl;

		ctl.keysize = sizeof(Oid);
		ctl.entrysize = sizeof(RememberedOptions);
		ctl.hcxt = TopMemoryContext;
		remembered = hash_create("tsdb table options", 64, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	entry = hash_search(remembered, &relid, HASH_ENTER, &found);
	entry->options = *options;
}

uint32
tsdb_options_sort_order(const TsdbTableOptions *options)
{
	AttrNumber	columns[TSDB_MAX_SERIES_COLUMNS + 1];

	/* by what it means on disk: attribute numbers stay */
	memcpy(columns, options->series, sizeof(AttrNumber) * options->nseries);
	columns[options->nseries] = options->time_attnum;
	return hash_bytes((unsigned char *) columns, sizeof(AttrNumber) * (options->nseries + 1)) | 1;
}
