/*-------------------------------------------------------------------------
 * guc.c
 *	  The extension's settings.
 *-------------------------------------------------------------------------
 */
#include "guc.h"

#include <limits.h>

#include "utils/guc.h"

int			tsdb_direct_load_rows = 1000;
int			tsdb_write_buffer_kb = 32 * 1024;

void
tsdb_guc_init(void)
{
	DefineCustomIntVariable("tsdb_am.direct_load_rows",
							"Sets the number of rows from which a statement writes compressed chunks directly.",
							"0 turns direct load off: all rows go to the row store first.",
							&tsdb_direct_load_rows,
							1000, 0, INT_MAX,
							PGC_USERSET, 0,
							NULL, NULL, NULL);

	DefineCustomIntVariable("tsdb_am.write_buffer",
							"Sets the memory for rows on their way into chunks.",
							"One chunk's encoded bytes come on top of it.",
							&tsdb_write_buffer_kb,
							32 * 1024, 1024, MAX_KILOBYTES,
							PGC_USERSET, GUC_UNIT_KB,
							NULL, NULL, NULL);

	MarkGUCPrefixReserved("tsdb_am");
}
