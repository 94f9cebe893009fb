/*-------------------------------------------------------------------------
 * core_aggregate.c
 *	  An aggregate as the executor computes it; after nodeAgg.c.
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "agg/core_aggregate.h"

#include "access/htup_details.h"
#include "catalog/objectaccess.h"
#include "catalog/pg_aggregate.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_agg.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/expandeddatum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

AggState *
tsdb_core_context_create(EState *estate)
{
	AggState   *context = makeNode(AggState);

	context->ss.ps.state = estate;
	context->curaggcontext = CreateExprContext(estate);
	context->tmpcontext = CreateExprContext(estate);
	return context;
}

void
tsdb_core_context_reset(AggState *context)
{
	ReScanExprContext(context->curaggcontext);
	ResetExprContext(context->tmpcontext);
}

Size
tsdb_core_context_bytes(AggState *context)
{
	return MemoryContextMemAllocated(context->curaggcontext->ecxt_per_tuple_memory, true);
}

static void
check_function(Oid function, Oid owner)
{
	AclResult	aclresult = object_aclcheck(ProcedureRelationId, function, owner, ACL_EXECUTE);

	if (aclresult != ACLCHECK_OK)
		aclcheck_error(aclresult, OBJECT_FUNCTION, get_func_name(function));
	InvokeFunctionExecuteHook(function);
}

static Datum
initial_value(Datum initval, Oid type)
{
	Oid			typinput;
	Oid			typioparam;
	char	   *string = TextDatumGetCString(initval);
	Datum		result;

	getTypeInputInfo(type, &typinput, &typioparam);
	result = OidInputFunctionCall(typinput, string, typioparam, -1);
	pfree(string);
	return result;
}

TsdbCoreAggregate *
tsdb_core_aggregate_create(const Aggref *aggref, AggState *context)
{
	TsdbCoreAggregate *agg = palloc0(sizeof(TsdbCoreAggregate));
	HeapTuple	tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(aggref->aggfnoid));
	HeapTuple	proc = SearchSysCache1(PROCOID, ObjectIdGetDatum(aggref->aggfnoid));
	Form_pg_aggregate form;
	Oid			owner;
	Oid			serial_oid;
	Oid			deserial_oid;
	Oid			input_types[FUNC_MAX_ARGS];
	int			ninputs;
	AclResult	aclresult;
	Datum		initval;
	Expr	   *expr;

	if (!HeapTupleIsValid(tuple) || !HeapTupleIsValid(proc))
		elog(ERROR, "cache lookup failed for aggregate %u", aggref->aggfnoid);
	form = (Form_pg_aggregate) GETSTRUCT(tuple);
	owner = ((Form_pg_proc) GETSTRUCT(proc))->proowner;
	ReleaseSysCache(proc);

	aclresult = object_aclcheck(ProcedureRelationId, aggref->aggfnoid, GetUserId(), ACL_EXECUTE);
	if (aclresult != ACLCHECK_OK)
		aclcheck_error(aclresult, OBJECT_AGGREGATE, get_func_name(aggref->aggfnoid));
	InvokeFunctionExecuteHook(aggref->aggfnoid);

	agg->aggref = aggref;
	agg->context = context;
	agg->serialize = DO_AGGSPLIT_SKIPFINAL(aggref->aggsplit);
	agg->trans_oid = form->aggtransfn;
	agg->final_oid = form->aggfinalfn;
	serial_oid = form->aggserialfn;
	deserial_oid = form->aggdeserialfn;
	check_function(agg->trans_oid, owner);
	if (OidIsValid(agg->final_oid) && !agg->serialize)
		check_function(agg->final_oid, owner);
	if (OidIsValid(serial_oid))
		check_function(serial_oid, owner);
	if (OidIsValid(deserial_oid))
		check_function(deserial_oid, owner);

	ninputs = get_aggregate_argtypes(unconstify(Aggref *, aggref), input_types);
	agg->nargs = list_length(aggref->args);
	agg->final_nargs = form->aggfinalextra ? ninputs + 1 : 1;
	get_typlenbyval(aggref->aggtranstype, &agg->trans_len, &agg->trans_byval);
	get_typlenbyval(aggref->aggtype, &agg->result_len, &agg->result_byval);

	build_aggregate_transfn_expr(input_types, ninputs, 0, aggref->aggvariadic, aggref->aggtranstype,
								 aggref->inputcollid, agg->trans_oid, InvalidOid, &expr, NULL);
	fmgr_info(agg->trans_oid, &agg->trans);
	fmgr_info_set_expr((Node *) expr, &agg->trans);
	agg->trans_fcinfo = palloc0(SizeForFunctionCallInfo(agg->nargs + 1));
	InitFunctionCallInfoData(*agg->trans_fcinfo, &agg->trans, agg->nargs + 1, aggref->inputcollid, (Node *) context, NULL);

	if (OidIsValid(agg->final_oid) && !agg->serialize)
	{
		build_aggregate_finalfn_expr(input_types, agg->final_nargs, aggref->aggtranstype, aggref->aggtype,
									 aggref->inputcollid, agg->final_oid, &expr);
		fmgr_info(agg->final_oid, &agg->final);
		fmgr_info_set_expr((Node *) expr, &agg->final);
	}
	if (OidIsValid(serial_oid) && aggref->aggtranstype == INTERNALOID)
	{
		build_aggregate_serialfn_expr(serial_oid, &expr);
		fmgr_info(serial_oid, &agg->serial);
		fmgr_info_set_expr((Node *) expr, &agg->serial);
	}
	if (OidIsValid(deserial_oid) && aggref->aggtranstype == INTERNALOID)
	{
		build_aggregate_deserialfn_expr(deserial_oid, &expr);
		fmgr_info(deserial_oid, &agg->deserial);
		fmgr_info_set_expr((Node *) expr, &agg->deserial);
		agg->has_deserial = true;
	}

	initval = SysCacheGetAttr(AGGFNOID, tuple, Anum_pg_aggregate_agginitval, &agg->init_isnull);
	if (!agg->init_isnull)
		agg->init_value = initial_value(initval, aggref->aggtranstype);
	ReleaseSysCache(tuple);
	return agg;
}

void
tsdb_core_init(TsdbCoreAggregate *agg, TsdbCoreState *state)
{
	MemoryContext old = MemoryContextSwitchTo(agg->context->curaggcontext->ecxt_per_tuple_memory);

	state->isnull = agg->init_isnull;
	state->no_value = agg->init_isnull;
	state->value = agg->init_isnull ? (Datum) 0 : datumCopy(agg->init_value, agg->trans_byval, agg->trans_len);
	MemoryContextSwitchTo(old);
}

/* Keeps a state value that a transition function returned: copied to where states live, unless it is there. */
static Datum
keep_value(TsdbCoreAggregate *agg, TsdbCoreState *state, Datum value, bool isnull)
{
	MemoryContext cxt = agg->context->curaggcontext->ecxt_per_tuple_memory;

	if (!isnull)
	{
		if (DatumIsReadWriteExpandedObject(value, false, agg->trans_len) &&
			MemoryContextGetParent(DatumGetEOHP(value)->eoh_context) == cxt)
			;
		else
		{
			MemoryContext old = MemoryContextSwitchTo(cxt);

			value = datumCopy(value, agg->trans_byval, agg->trans_len);
			MemoryContextSwitchTo(old);
		}
	}
	if (!state->isnull)
	{
		if (DatumIsReadWriteExpandedObject(state->value, false, agg->trans_len))
			DeleteExpandedObject(state->value);
		else
			pfree(DatumGetPointer(state->value));
	}
	return isnull ? (Datum) 0 : value;
}

void
tsdb_core_add(TsdbCoreAggregate *agg, TsdbCoreState *state, const NullableDatum *args)
{
	FunctionCallInfo fcinfo = agg->trans_fcinfo;
	MemoryContext old;
	Datum		value;
	int			i;

	if (agg->trans.fn_strict)
	{
		for (i = 0; i < agg->nargs; i++)
		{
			if (args[i].isnull)
				return;
		}
		if (state->no_value)
		{
			/* the first value becomes the state: the types are binary compatible */
			old = MemoryContextSwitchTo(agg->context->curaggcontext->ecxt_per_tuple_memory);
			state->value = datumCopy(args[0].value, agg->trans_byval, agg->trans_len);
			state->isnull = false;
			state->no_value = false;
			MemoryContextSwitchTo(old);
			return;
		}
		if (state->isnull)
			return;
	}

	old = MemoryContextSwitchTo(agg->context->tmpcontext->ecxt_per_tuple_memory);
	for (i = 0; i < agg->nargs; i++)
		fcinfo->args[i + 1] = args[i];
	fcinfo->args[0].value = state->value;
	fcinfo->args[0].isnull = state->isnull;
	fcinfo->isnull = false;
	value = FunctionCallInvoke(fcinfo);
	if (!agg->trans_byval && DatumGetPointer(value) != DatumGetPointer(state->value))
		value = keep_value(agg, state, value, fcinfo->isnull);
	state->value = value;
	state->isnull = fcinfo->isnull;
	state->no_value = false;
	MemoryContextSwitchTo(old);
}

void
tsdb_core_add_batch(TsdbCoreAggregate *agg, TsdbCoreState *state, TsdbBatchStep step, const TsdbStepBatch *batch, int first, int n)
{
	MemoryContext old = MemoryContextSwitchTo(agg->context->tmpcontext->ecxt_per_tuple_memory);
	void	   *before = state->isnull ? NULL : DatumGetPointer(state->value);
	void	   *after;

	Assert(!agg->trans.fn_strict && agg->aggref->aggtranstype == INTERNALOID);
	after = step(agg->trans_fcinfo, before, batch, first, n);
	state->value = PointerGetDatum(after);
	state->isnull = after == NULL;
	state->no_value = false;
	MemoryContextSwitchTo(old);
}

static Datum
call_with_context(TsdbCoreAggregate *agg, FmgrInfo *flinfo, int nargs, Datum arg0, bool isnull0, bool *isnull)
{
	LOCAL_FCINFO(fcinfo, FUNC_MAX_ARGS);
	bool		any_null = isnull0 || nargs > 1;
	int			i;

	InitFunctionCallInfoData(*fcinfo, flinfo, nargs, agg->aggref->inputcollid, (Node *) agg->context, NULL);
	fcinfo->args[0].value = arg0;
	fcinfo->args[0].isnull = isnull0;
	for (i = 1; i < nargs; i++)
	{
		fcinfo->args[i].value = (Datum) 0;
		fcinfo->args[i].isnull = true;
	}
	if (flinfo->fn_strict && any_null)
	{
		*isnull = true;
		return (Datum) 0;
	}
	arg0 = FunctionCallInvoke(fcinfo);
	*isnull = fcinfo->isnull;
	return arg0;
}

Datum
tsdb_core_result(TsdbCoreAggregate *agg, TsdbCoreState *state, bool *isnull)
{
	Datum		value = state->value;

	if (!state->isnull)
		value = MakeExpandedObjectReadOnly(value, state->isnull, agg->trans_len);
	if (agg->serialize)
	{
		if (OidIsValid(agg->serial.fn_oid))
			return call_with_context(agg, &agg->serial, 1, value, state->isnull, isnull);
	}
	else if (OidIsValid(agg->final_oid))
		return call_with_context(agg, &agg->final, agg->final_nargs, value, state->isnull, isnull);
	*isnull = state->isnull;
	return value;
}

Datum
tsdb_core_finish(TsdbCoreAggregate *agg, Datum value, bool *isnull)
{
	if (agg->has_deserial)
	{
		/* deserialisation functions have a second argument that is never looked at */
		LOCAL_FCINFO(fcinfo, 2);

		InitFunctionCallInfoData(*fcinfo, &agg->deserial, 2, InvalidOid, (Node *) agg->context, NULL);
		fcinfo->args[0].value = value;
		fcinfo->args[0].isnull = false;
		fcinfo->args[1].value = (Datum) 0;
		fcinfo->args[1].isnull = false;
		value = FunctionCallInvoke(fcinfo);
	}
	if (OidIsValid(agg->final_oid))
		return call_with_context(agg, &agg->final, agg->final_nargs, value, false, isnull);
	*isnull = false;
	return value;
}
