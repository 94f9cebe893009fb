/*-------------------------------------------------------------------------
 * load_rules.c
 *	  Which statements and tables may be loaded directly into chunks.
 *
 * Used by direct_load.c.  The rules stand at the head of load_rules.h.  Everything here only
 * reads catalogues and trees; results are not kept, since each statement is judged once,
 * at its first row, but for what the catalogues say about many partitions.
 *
 * The walkers return true when they find a reason not to buffer, as is usual with
 * expression_tree_walker.
 *-------------------------------------------------------------------------
 */
#include "am/load_rules.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_clause.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_relation.h"
#include "rewrite/rewriteHandler.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/reltrigger.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

/* Types nest by arrays, composites, domains and ranges; deeper ones are doubtful. */
#define MAX_TYPE_DEPTH 16

static bool type_acts(Oid type, int depth);
static bool expression_acts(Node *node, void *context);


/*-------------------------------------------------------------------------
 * Functions, types, expressions
 *-------------------------------------------------------------------------
 */

/* Built-in functions that run SQL which they are given. */
static bool
runs_given_query(Oid function)
{
	switch (function)
	{
		case F_QUERY_TO_XML:
		case F_QUERY_TO_XMLSCHEMA:
		case F_QUERY_TO_XML_AND_XMLSCHEMA:
		case F_CURSOR_TO_XML:
		case F_CURSOR_TO_XMLSCHEMA:
		case F_TS_STAT_TEXT:
		case F_TS_STAT_TEXT_TEXT:
		case F_TS_REWRITE_TSQUERY_TEXT:
			return true;
		default:
			return false;
	}
}

/* Can calling this function run statements of the user's?  See load_rules.h. */
static bool
function_acts(Oid function, void *context)
{
	HeapTuple	tuple;
	Form_pg_proc proc;
	bool		acts;
	bool		is_aggregate;

	if (!OidIsValid(function))
		return false;
	if (function < FirstUnpinnedObjectId)
		return runs_given_query(function);

	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	if (!HeapTupleIsValid(tuple))
		return true;			/* dropped meanwhile */
	proc = (Form_pg_proc) GETSTRUCT(tuple);
	is_aggregate = (proc->prokind == PROKIND_AGGREGATE);
	acts = proc->provolatile == PROVOLATILE_VOLATILE &&
		proc->prolang != INTERNALlanguageId && proc->prolang != ClanguageId;
	ReleaseSysCache(tuple);

	if (is_aggregate)
	{
		Form_pg_aggregate agg;

		tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(function));
		if (!HeapTupleIsValid(tuple))
			return true;
		agg = (Form_pg_aggregate) GETSTRUCT(tuple);
		acts = function_acts(agg->aggtransfn, context) ||
			function_acts(agg->aggfinalfn, context) ||
			function_acts(agg->aggcombinefn, context) ||
			function_acts(agg->aggserialfn, context) ||
			function_acts(agg->aggdeserialfn, context) ||
			function_acts(agg->aggmtransfn, context) ||
			function_acts(agg->aggminvtransfn, context) ||
			function_acts(agg->aggmfinalfn, context);
		ReleaseSysCache(tuple);
	}
	return acts;
}

/* Can checking a value against the domain's constraints? */
static bool
domain_acts(Oid domain)
{
	DomainConstraintRef *ref;
	MemoryContext cxt;
	MemoryContext oldcxt;
	ListCell   *lc;
	bool		acts = false;

	if (!DomainHasConstraints(domain))
		return false;

	/* the reference lives as long as its context */
	cxt = AllocSetContextCreate(CurrentMemoryContext, "tsdb domain constraints",
								ALLOCSET_SMALL_SIZES);
	oldcxt = MemoryContextSwitchTo(cxt);
	ref = palloc0(sizeof(DomainConstraintRef));
	InitDomainConstraintRef(domain, ref, cxt, false);
	foreach(lc, ref->constraints)
	{
		DomainConstraintState *constraint = lfirst_node(DomainConstraintState, lc);

		if (constraint->constrainttype == DOM_CONSTRAINT_CHECK &&
			expression_acts((Node *) constraint->check_expr, NULL))
		{
			acts = true;
			break;
		}
	}
	MemoryContextSwitchTo(oldcxt);
	MemoryContextDelete(cxt);
	return acts;
}

/* Can making a value of this type?  Domains have constraints, other types contain them. */
static bool
type_acts(Oid type, int depth)
{
	HeapTuple	tuple;
	Form_pg_type form;
	char		typtype;
	Oid			base;
	Oid			element;
	Oid			relid;

	/* built-in types hold no domains; those of information_schema come later */
	if (!OidIsValid(type) || type < FirstUnpinnedObjectId)
		return false;
	if (depth > MAX_TYPE_DEPTH)
		return true;
	check_stack_depth();

	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	if (!HeapTupleIsValid(tuple))
		return true;
	form = (Form_pg_type) GETSTRUCT(tuple);
	typtype = form->typtype;
	base = form->typbasetype;
	element = form->typsubscript == F_ARRAY_SUBSCRIPT_HANDLER ? form->typelem : InvalidOid;
	relid = form->typrelid;
	ReleaseSysCache(tuple);

	switch (typtype)
	{
		case TYPTYPE_DOMAIN:
			return domain_acts(type) || type_acts(base, depth + 1);
		case TYPTYPE_RANGE:
			return type_acts(get_range_subtype(type), depth + 1);
		case TYPTYPE_MULTIRANGE:
			return type_acts(get_multirange_range(type), depth + 1);
		case TYPTYPE_COMPOSITE:
			{
				TupleDesc	tupdesc;
				bool		acts = false;
				int			i;

				/* row types of catalogues hold no domains */
				if (relid < FirstUnpinnedObjectId)
					return false;
				tupdesc = lookup_rowtype_tupdesc_noerror(type, -1, true);
				if (tupdesc == NULL)
					return true;
				for (i = 0; i < tupdesc->natts && !acts; i++)
				{
					Form_pg_attribute att = TupleDescAttr(tupdesc, i);

					acts = !att->attisdropped && type_acts(att->atttypid, depth + 1);
				}
				ReleaseTupleDesc(tupdesc);
				return acts;
			}
		default:
			return OidIsValid(element) && type_acts(element, depth + 1);
	}
}

static bool
list_acts(List *list)
{
	ListCell   *lc;

	check_stack_depth();
	foreach(lc, list)
	{
		if (expression_acts(lfirst(lc), NULL))
			return true;
	}
	return false;
}

/* Can anything in this expression, or list of expressions? */
static bool
expression_acts(Node *node, void *context)
{
	if (node == NULL)
		return false;

	/* most nodes of a plan, in a sixth of the time that the general way takes; what follows comes to the same */
	switch (nodeTag(node))
	{
		case T_Var:
		case T_Const:
		case T_Param:
			return false;
		case T_TargetEntry:
			return expression_acts((Node *) ((TargetEntry *) node)->expr, context);
		case T_List:
			return list_acts((List *) node);
		case T_OpExpr:
			/* built-in operators have built-in functions */
			if (((OpExpr *) node)->opno < FirstUnpinnedObjectId)
				return list_acts(((OpExpr *) node)->args);
			break;
		case T_FuncExpr:
			if (((FuncExpr *) node)->funcid < FirstUnpinnedObjectId &&
				((FuncExpr *) node)->funcresulttype < FirstUnpinnedObjectId &&
				!runs_given_query(((FuncExpr *) node)->funcid))
				return list_acts(((FuncExpr *) node)->args);
			break;
		default:
			break;
	}
	if (check_functions_in_node(node, function_acts, context))
		return true;

	switch (nodeTag(node))
	{
		case T_FuncExpr:
			/* jsonb_populate_record() and the like make values of any type */
			if (type_acts(((FuncExpr *) node)->funcresulttype, 0))
				return true;
			break;
		case T_CoerceViaIO:
			if (type_acts(((CoerceViaIO *) node)->resulttype, 0))
				return true;
			break;
		case T_CoerceToDomain:
			if (type_acts(((CoerceToDomain *) node)->resulttype, 0))
				return true;
			break;
		case T_RangeTblFunction:
			{
				ListCell   *lc;

				foreach(lc, ((RangeTblFunction *) node)->funccoltypes)
				{
					if (type_acts(lfirst_oid(lc), 0))
						return true;
				}
			}
			break;
		case T_TableFunc:
			{
				ListCell   *lc;

				foreach(lc, ((TableFunc *) node)->coltypes)
				{
					if (type_acts(lfirst_oid(lc), 0))
						return true;
				}
			}
			break;
		case T_NestLoopParam:
			return false;		/* a variable of the outer side */
		case T_Query:
		case T_SubLink:
			return true;		/* not in finished plans */
		default:
			break;
	}
	return expression_tree_walker(node, expression_acts, context);
}

/* An expression as the catalogues keep it; the executor, too, plans it first (SQL functions get inlined). */
static bool
stored_expression_acts(Node *node)
{
	if (node == NULL)
		return false;
	return expression_acts((Node *) expression_planner((Expr *) node), NULL);
}

static bool
operators_act(const Oid *operators, int n)
{
	int			i;

	for (i = 0; i < n; i++)
	{
		/* built-in operators have built-in functions: no look-up */
		if (operators[i] >= FirstUnpinnedObjectId && function_acts(get_opcode(operators[i]), NULL))
			return true;
	}
	return false;
}


/*-------------------------------------------------------------------------
 * Plans
 *-------------------------------------------------------------------------
 */

static bool plan_acts(Plan *plan);

static bool
plan_list_acts(List *plans)
{
	ListCell   *lc;

	foreach(lc, plans)
	{
		if (plan_acts((Plan *) lfirst(lc)))
			return true;
	}
	return false;
}

#define EXPR_ACTS(field) expression_acts((Node *) (field), NULL)

/* Can anything in this plan tree?  Plan nodes not known here do. */
static bool
plan_acts(Plan *plan)
{
	if (plan == NULL)
		return false;
	check_stack_depth();

	/* initPlan: SubPlan nodes, whose plans stand in PlannedStmt.subplans */
	if (EXPR_ACTS(plan->targetlist) || EXPR_ACTS(plan->qual) || EXPR_ACTS(plan->initPlan))
		return true;

	switch (nodeTag(plan))
	{
		case T_Result:
			if (EXPR_ACTS(((Result *) plan)->resconstantqual))
				return true;
			break;
		case T_ProjectSet:
		case T_BitmapAnd:
		case T_BitmapOr:
		case T_SeqScan:
		case T_CteScan:
		case T_NamedTuplestoreScan:
		case T_WorkTableScan:
		case T_Material:
		case T_Gather:
			break;
		case T_Append:
			if (plan_list_acts(((Append *) plan)->appendplans))
				return true;
			break;
		case T_MergeAppend:
			{
				MergeAppend *node = (MergeAppend *) plan;

				if (plan_list_acts(node->mergeplans) ||
					operators_act(node->sortOperators, node->numCols))
					return true;
			}
			break;
		case T_RecursiveUnion:
			{
				RecursiveUnion *node = (RecursiveUnion *) plan;

				if (operators_act(node->dupOperators, node->numCols))
					return true;
			}
			break;
		case T_SampleScan:
			if (EXPR_ACTS(((SampleScan *) plan)->tablesample))
				return true;
			break;
		case T_IndexScan:
			{
				IndexScan  *node = (IndexScan *) plan;

				if (EXPR_ACTS(node->indexqual) || EXPR_ACTS(node->indexqualorig) ||
					EXPR_ACTS(node->indexorderby) || EXPR_ACTS(node->indexorderbyorig))
					return true;
			}
			break;
		case T_IndexOnlyScan:
			{
				IndexOnlyScan *node = (IndexOnlyScan *) plan;

				if (EXPR_ACTS(node->indexqual) || EXPR_ACTS(node->recheckqual) ||
					EXPR_ACTS(node->indexorderby) || EXPR_ACTS(node->indextlist))
					return true;
			}
			break;
		case T_BitmapIndexScan:
			{
				BitmapIndexScan *node = (BitmapIndexScan *) plan;

				if (EXPR_ACTS(node->indexqual) || EXPR_ACTS(node->indexqualorig))
					return true;
			}
			break;
		case T_BitmapHeapScan:
			if (EXPR_ACTS(((BitmapHeapScan *) plan)->bitmapqualorig))
				return true;
			break;
		case T_TidScan:
			if (EXPR_ACTS(((TidScan *) plan)->tidquals))
				return true;
			break;
		case T_TidRangeScan:
			if (EXPR_ACTS(((TidRangeScan *) plan)->tidrangequals))
				return true;
			break;
		case T_SubqueryScan:
			if (plan_acts(((SubqueryScan *) plan)->subplan))
				return true;
			break;
		case T_FunctionScan:
			if (EXPR_ACTS(((FunctionScan *) plan)->functions))
				return true;
			break;
		case T_ValuesScan:
			if (EXPR_ACTS(((ValuesScan *) plan)->values_lists))
				return true;
			break;
		case T_TableFuncScan:
			if (EXPR_ACTS(((TableFuncScan *) plan)->tablefunc))
				return true;
			break;
		case T_ForeignScan:
			{
				ForeignScan *node = (ForeignScan *) plan;

				if (EXPR_ACTS(node->fdw_exprs) || EXPR_ACTS(node->fdw_scan_tlist) ||
					EXPR_ACTS(node->fdw_recheck_quals))
					return true;
			}
			break;
		case T_CustomScan:
			{
				CustomScan *node = (CustomScan *) plan;

				if (plan_list_acts(node->custom_plans) || EXPR_ACTS(node->custom_exprs) ||
					EXPR_ACTS(node->custom_scan_tlist))
					return true;
			}
			break;
		case T_NestLoop:
			if (EXPR_ACTS(((NestLoop *) plan)->join.joinqual))
				return true;
			break;
		case T_MergeJoin:
			{
				MergeJoin  *node = (MergeJoin *) plan;

				if (EXPR_ACTS(node->join.joinqual) || EXPR_ACTS(node->mergeclauses))
					return true;
			}
			break;
		case T_HashJoin:
			{
				HashJoin   *node = (HashJoin *) plan;

				if (EXPR_ACTS(node->join.joinqual) || EXPR_ACTS(node->hashclauses) ||
					EXPR_ACTS(node->hashkeys))
					return true;
			}
			break;
		case T_Hash:
			if (EXPR_ACTS(((Hash *) plan)->hashkeys))
				return true;
			break;
		case T_Memoize:
			{
				Memoize    *node = (Memoize *) plan;

				if (EXPR_ACTS(node->param_exprs) ||
					operators_act(node->hashOperators, node->numKeys))
					return true;
			}
			break;
		case T_Sort:
			{
				Sort	   *node = (Sort *) plan;

				if (operators_act(node->sortOperators, node->numCols))
					return true;
			}
			break;
		case T_IncrementalSort:
			{
				IncrementalSort *node = (IncrementalSort *) plan;

				if (operators_act(node->sort.sortOperators, node->sort.numCols))
					return true;
			}
			break;
		case T_Group:
			{
				Group	   *node = (Group *) plan;

				if (operators_act(node->grpOperators, node->numCols))
					return true;
			}
			break;
		case T_Agg:
			{
				Agg		   *node = (Agg *) plan;

				if (operators_act(node->grpOperators, node->numCols) ||
					plan_list_acts(node->chain))
					return true;
			}
			break;
		case T_WindowAgg:
			{
				WindowAgg  *node = (WindowAgg *) plan;

				if (EXPR_ACTS(node->startOffset) || EXPR_ACTS(node->endOffset) ||
					EXPR_ACTS(node->runCondition) ||
					operators_act(node->partOperators, node->partNumCols) ||
					operators_act(node->ordOperators, node->ordNumCols) ||
					function_acts(node->startInRangeFunc, NULL) ||
					function_acts(node->endInRangeFunc, NULL))
					return true;
			}
			break;
		case T_Unique:
			{
				Unique	   *node = (Unique *) plan;

				if (operators_act(node->uniqOperators, node->numCols))
					return true;
			}
			break;
		case T_GatherMerge:
			{
				GatherMerge *node = (GatherMerge *) plan;

				if (operators_act(node->sortOperators, node->numCols))
					return true;
			}
			break;
		case T_SetOp:
			{
				SetOp	   *node = (SetOp *) plan;

				if (operators_act(node->cmpOperators, node->numCols))
					return true;
			}
			break;
		case T_Limit:
			{
				Limit	   *node = (Limit *) plan;

				if (EXPR_ACTS(node->limitOffset) || EXPR_ACTS(node->limitCount) ||
					operators_act(node->uniqOperators, node->uniqNumCols))
					return true;
			}
			break;
		default:
			return true;
	}

	/* BitmapAnd and BitmapOr keep their inputs elsewhere */
	if (IsA(plan, BitmapAnd) && plan_list_acts(((BitmapAnd *) plan)->bitmapplans))
		return true;
	if (IsA(plan, BitmapOr) && plan_list_acts(((BitmapOr *) plan)->bitmapplans))
		return true;
	return plan_acts(plan->lefttree) || plan_acts(plan->righttree);
}

bool
tsdb_load_plan_possible(const PlannedStmt *stmt, int min_rows)
{
	ModifyTable *modify = (ModifyTable *) stmt->planTree;
	Plan	   *source;

	if (stmt->commandType != CMD_INSERT || stmt->hasReturning || stmt->hasModifyingCTE ||
		stmt->rowMarks != NIL || !IsA(modify, ModifyTable))
		return false;
	if (modify->operation != CMD_INSERT || modify->onConflictAction != ONCONFLICT_NONE ||
		modify->returningLists != NIL || modify->rowMarks != NIL ||
		list_length(modify->resultRelations) != 1)
		return false;

	/* a single row, or a list of them: the plan tells how many */
	source = outerPlan(modify);
	if (source == NULL)
		return false;
	if (IsA(source, Result) && outerPlan(source) == NULL && min_rows > 1)
		return false;
	return !IsA(source, ValuesScan) ||
		list_length(((ValuesScan *) source)->values_lists) >= min_rows;
}

bool
tsdb_load_plan_qualifies(PlannedStmt *stmt)
{
	ModifyTable *modify;

	if (!IsA(stmt->planTree, ModifyTable))
		return !plan_acts(stmt->planTree) && !plan_list_acts(stmt->subplans);

	/* ModifyTable's own expressions: WITH CHECK OPTION and policies */
	modify = castNode(ModifyTable, stmt->planTree);
	if (EXPR_ACTS(modify->plan.initPlan) || EXPR_ACTS(modify->plan.targetlist) ||
		EXPR_ACTS(modify->withCheckOptionLists))
		return false;
	return !plan_acts(outerPlan(modify)) && !plan_list_acts(stmt->subplans);
}


/*-------------------------------------------------------------------------
 * COPY
 *-------------------------------------------------------------------------
 */

/* COPY's WHERE clause, made from the parse tree as DoCopy() makes it. */
static bool
copy_where_acts(Node *where, Relation root)
{
	ParseState *pstate = make_parsestate(NULL);
	ParseNamespaceItem *nsitem;
	bool		acts;

	nsitem = addRangeTableEntryForRelation(pstate, root, RowExclusiveLock, NULL, false, false);
	addNSItemToQuery(pstate, nsitem, false, true, true);
	where = transformExpr(pstate, copyObject(where), EXPR_KIND_COPY_WHERE);
	where = coerce_to_boolean(pstate, where, "WHERE");
	assign_expr_collations(pstate, where);
	acts = stored_expression_acts(where);
	free_parsestate(pstate);
	return acts;
}

static bool
copy_names_column(const CopyStmt *stmt, const char *name)
{
	ListCell   *lc;

	if (stmt->attlist == NIL)
		return true;
	foreach(lc, stmt->attlist)
	{
		if (strcmp(strVal(lfirst(lc)), name) == 0)
			return true;
	}
	return false;
}

bool
tsdb_load_copy_qualifies(const CopyStmt *stmt, Relation root)
{
	TupleDesc	tupdesc = RelationGetDescr(root);
	int			i;

	for (i = 0; i < tupdesc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(tupdesc, i);

		/* generated columns are judged with the table's constraints */
		if (att->attisdropped || att->attgenerated != '\0')
			continue;
		if (copy_names_column(stmt, NameStr(att->attname)))
		{
			/* its input function checks a domain's constraints */
			if (type_acts(att->atttypid, 0))
				return false;
		}
		else if (stored_expression_acts(build_column_default(root, att->attnum)))
			return false;
	}
	return stmt->whereClause == NULL || !copy_where_acts(stmt->whereClause, root);
}


/*-------------------------------------------------------------------------
 * Targets: triggers and constraints
 *-------------------------------------------------------------------------
 */

/* Does an INSERT trigger of the open relation stand in the statement's way? */
static bool
relation_triggers_act(Relation rel, TsdbLoadKind kind)
{
	TriggerDesc *triggers = rel->trigdesc;

	if (triggers == NULL)
		return false;
	if (triggers->trig_insert_before_row || triggers->trig_insert_instead_row)
		return true;
	if (kind == TSDB_LOAD_INSERT)
		return false;
	return triggers->trig_insert_after_row || triggers->trig_insert_after_statement ||
		triggers->trig_insert_new_table ||
		(kind == TSDB_LOAD_BULK && triggers->trig_insert_before_statement);
}

/*
 * CHECK constraints and generated columns of the open relation.  Other defaults stand in an
 * INSERT's plan, and COPY's are judged with its column list; who else uses them is not known.
 */
static bool
relation_constraints_act(Relation rel, TsdbLoadKind kind)
{
	TupleConstr *constr = RelationGetDescr(rel)->constr;
	int			i;

	if (constr == NULL)
		return false;
	for (i = 0; i < constr->num_check; i++)
	{
		if (stored_expression_acts(stringToNode(constr->check[i].ccbin)))
			return true;
	}
	for (i = 0; i < constr->num_defval; i++)
	{
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), constr->defval[i].adnum - 1);

		if ((att->attgenerated != '\0' || kind == TSDB_LOAD_BULK) &&
			stored_expression_acts(stringToNode(constr->defval[i].adbin)))
			return true;
	}
	return false;
}

/* The same as relation_triggers_act for one that is not open (nor locked). */
static bool
catalog_triggers_act(Oid relid, TsdbLoadKind kind)
{
	Relation	catalog = table_open(TriggerRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		acts = false;

	ScanKeyInit(&key, Anum_pg_trigger_tgrelid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(catalog, TriggerRelidNameIndexId, true, NULL, 1, &key);
	while (!acts && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_trigger trigger = (Form_pg_trigger) GETSTRUCT(tuple);

		if (!TRIGGER_FOR_INSERT(trigger->tgtype) || trigger->tgenabled == TRIGGER_DISABLED)
			continue;

		/* statement triggers fire for the table that the statement names, not for its partitions */
		if (!TRIGGER_FOR_ROW(trigger->tgtype))
			continue;
		acts = !TRIGGER_FOR_AFTER(trigger->tgtype) || kind != TSDB_LOAD_INSERT;
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return acts;
}

/*
 * The same as relation_constraints_act: expressions of a catalogue that belong to a relation.
 * Inherited constraints are the parent's and were judged with it.
 */
static bool
catalog_checks_act(Oid relid)
{
	Relation	catalog = table_open(ConstraintRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		acts = false;

	ScanKeyInit(&key, Anum_pg_constraint_conrelid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(catalog, ConstraintRelidTypidNameIndexId, true, NULL, 1, &key);
	while (!acts && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_constraint constraint = (Form_pg_constraint) GETSTRUCT(tuple);
		Datum		expr;
		bool		isnull;

		if (constraint->contype != CONSTRAINT_CHECK ||
			(constraint->coninhcount > 0 && !constraint->conislocal))
			continue;
		expr = heap_getattr(tuple, Anum_pg_constraint_conbin, RelationGetDescr(catalog), &isnull);
		acts = isnull || stored_expression_acts(stringToNode(TextDatumGetCString(expr)));
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return acts;
}

/* Partitions may have generation expressions of their own. */
static bool
catalog_generated_act(Oid relid)
{
	Relation	catalog = table_open(AttrDefaultRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		acts = false;

	ScanKeyInit(&key, Anum_pg_attrdef_adrelid, BTEqualStrategyNumber, F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(catalog, AttrDefaultIndexId, true, NULL, 1, &key);
	while (!acts && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_attrdef def = (Form_pg_attrdef) GETSTRUCT(tuple);
		HeapTuple	att = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid), Int16GetDatum(def->adnum));
		bool		generated;
		Datum		expr;
		bool		isnull;

		/* other defaults of partitions are never used: the statement names their parent */
		generated = HeapTupleIsValid(att) && ((Form_pg_attribute) GETSTRUCT(att))->attgenerated != '\0';
		if (HeapTupleIsValid(att))
			ReleaseSysCache(att);
		if (!generated)
			continue;
		expr = heap_getattr(tuple, Anum_pg_attrdef_adbin, RelationGetDescr(catalog), &isnull);
		acts = isnull || stored_expression_acts(stringToNode(TextDatumGetCString(expr)));
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return acts;
}

/* Do triggers and constraints of the partitions, which need not be locked? */
static bool
partitions_act(Relation root, TsdbLoadKind kind, List *members)
{
	ListCell   *lc;

	foreach(lc, members)
	{
		Oid			relid = lfirst_oid(lc);
		HeapTuple	tuple;
		bool		has_triggers;
		bool		has_checks;

		if (relid == RelationGetRelid(root))
			continue;
		tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
		if (!HeapTupleIsValid(tuple))
			continue;			/* dropped meanwhile: no rows go there */
		has_triggers = ((Form_pg_class) GETSTRUCT(tuple))->relhastriggers;
		has_checks = ((Form_pg_class) GETSTRUCT(tuple))->relchecks > 0;
		ReleaseSysCache(tuple);

		if (has_triggers && catalog_triggers_act(relid, kind))
			return true;
		if (has_checks && catalog_checks_act(relid))
			return true;
		/* any partition may have generated columns of its own; the catalogue has no flag for it */
		if (catalog_generated_act(relid))
			return true;
	}
	return false;
}

/*
 * What was found about a partitioned table: to ask the catalogues about 200 partitions takes a millisecond, and small statements come
 * by the thousand.  Holds as long as nobody has changed any relation, function, type or constraint.
 */
#define NVERDICTS 8

typedef struct Verdict
{
	Oid			root;
	TsdbLoadKind kind;
	uint64		changes;		/* as counted when it was found */
	bool		acts;
	List	   *members;		/* in cxt */
	MemoryContext cxt;
} Verdict;

static Verdict verdicts[NVERDICTS];
static int	next_verdict = 0;
static uint64 catalogue_changes = 1;

static void
note_relation_change(Datum arg, Oid relid)
{
	catalogue_changes++;
}

static void
note_syscache_change(Datum arg, int cacheid, uint32 hashvalue)
{
	catalogue_changes++;
}

static Verdict *
judge_partitions(Relation root, TsdbLoadKind kind)
{
	static bool registered = false;
	Verdict    *verdict;
	MemoryContext oldcxt;
	uint64		changes;
	int			i;

	if (!registered)
	{
		CacheRegisterRelcacheCallback(note_relation_change, (Datum) 0);
		CacheRegisterSyscacheCallback(PROCOID, note_syscache_change, (Datum) 0);
		CacheRegisterSyscacheCallback(TYPEOID, note_syscache_change, (Datum) 0);
		CacheRegisterSyscacheCallback(CONSTROID, note_syscache_change, (Datum) 0);
		registered = true;
	}
	for (i = 0; i < NVERDICTS; i++)
	{
		verdict = &verdicts[i];
		if (verdict->root == RelationGetRelid(root) && verdict->kind == kind)
			break;
	}
	if (i == NVERDICTS)
	{
		verdict = &verdicts[next_verdict];
		next_verdict = (next_verdict + 1) % NVERDICTS;
	}
	else if (verdict->changes == catalogue_changes)
		return verdict;

	/* a change that comes while the catalogues are read counts */
	verdict->root = InvalidOid;
	if (verdict->cxt == NULL)
		verdict->cxt = AllocSetContextCreate(TopMemoryContext, "tsdb load verdict", ALLOCSET_SMALL_SIZES);
	MemoryContextReset(verdict->cxt);
	changes = catalogue_changes;
	oldcxt = MemoryContextSwitchTo(verdict->cxt);
	verdict->members = find_all_inheritors(RelationGetRelid(root), NoLock, NULL);
	MemoryContextSwitchTo(oldcxt);
	verdict->acts = partitions_act(root, kind, verdict->members);
	verdict->root = RelationGetRelid(root);
	verdict->kind = kind;
	verdict->changes = changes;
	return verdict;
}

bool
tsdb_load_target_qualifies(Relation root, TsdbLoadKind kind, List **members)
{
	Verdict    *verdict;

	Assert(kind != TSDB_LOAD_BULK);
	if (relation_triggers_act(root, kind) || relation_constraints_act(root, kind))
		return false;

	/* rows of INSERT and COPY go to children of a partitioned table only */
	if (root->rd_rel->relkind != RELKIND_PARTITIONED_TABLE)
	{
		*members = list_make1_oid(RelationGetRelid(root));
		return true;
	}

	verdict = judge_partitions(root, kind);
	if (verdict->acts)
		return false;
	*members = list_copy(verdict->members);
	return true;
}

bool
tsdb_load_table_qualifies(Relation rel, TsdbLoadKind kind)
{
	List	   *indexes;

	if (rel->rd_rel->relkind != RELKIND_RELATION && rel->rd_rel->relkind != RELKIND_MATVIEW)
		return false;
	if (!OidIsValid(rel->rd_rel->reltoastrelid))
		return false;

	/* row triggers want the TID; foreign keys are such triggers */
	if (rel->trigdesc != NULL &&
		(rel->trigdesc->trig_insert_before_row || rel->trigdesc->trig_insert_after_row ||
		 rel->trigdesc->trig_insert_instead_row))
		return false;
	if (kind == TSDB_LOAD_BULK &&
		(relation_triggers_act(rel, kind) || relation_constraints_act(rel, kind)))
		return false;

	/* relhasindex can be left over from a dropped index */
	if (rel->rd_rel->relhasindex)
	{
		indexes = RelationGetIndexList(rel);
		if (indexes != NIL)
		{
			list_free(indexes);
			return false;
		}
	}
	return true;
}
