/*-------------------------------------------------------------------------
 * own_function.h
 *	  Is a function this extension's?  Others may have one of the same name and arguments.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_OWN_FUNCTION_H
#define TSDB_OWN_FUNCTION_H

#include "postgres.h"

#include "catalog/dependency.h"
#include "catalog/pg_proc.h"
#include "commands/extension.h"

/* By its membership in the extension, which is looked up in the catalogues: ask for the name first. */
static inline bool
tsdb_is_own_function(Oid function)
{
	Oid			extension = get_extension_oid("tsdb_am", true);

	return OidIsValid(extension) && getExtensionOfObject(ProcedureRelationId, function) == extension;
}

#endif							/* TSDB_OWN_FUNCTION_H */
