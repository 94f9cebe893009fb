/*-------------------------------------------------------------------------
 * injection.c
 *	  Named points at which tests crash the server, raise errors or hold a process.
 *
 * The setting tsdb_am.injection arms points: "name:action[:nth[:once]], ...".  Each process counts how often it comes
 * to the point since the setting got its value, and acts at the nth time, that once.  With "once" it
 * must first remove the file tsdb_am.injection from the data directory: so one process acts, in the whole cluster, and
 * none again after a restart.  Name "*" stands for every point.
 *
 * PostgreSQL 17's injection points need a server that was built with them; these need nothing but our library.
 *-------------------------------------------------------------------------
 */
#include "compat.h"

#include "injection.h"

#if defined(TSDB_INJECTION) || defined(USE_ASSERT_CHECKING)

#include <signal.h>
#include <unistd.h>

#include "access/xlog.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/varlena.h"
#include "utils/wait_event.h"

#define MAX_ARMED		8
#define NAME_SIZE		32
#define ONCE_FILE		"tsdb_am.injection"

typedef enum Action
{
	ACTION_CRASH,				/* WAL to disk, then SIGKILL of this process: the state at this point is what recovery finds */
	ACTION_KILL,				/* SIGKILL: what was not written yet is lost */
	ACTION_ERROR,
	ACTION_CANCEL,				/* as pg_cancel_backend() */
	ACTION_TERMINATE,			/* as pg_terminate_backend() */
	ACTION_WAIT					/* until canceled; or killed, if the postmaster dies */
} Action;

static const char *const action_names[] = {"crash", "kill", "error", "cancel", "terminate", "wait"};

typedef struct Armed
{
	char		name[NAME_SIZE];
	Action		action;
	int			nth;
	bool		once;
} Armed;

/* What a value of the setting means; made by its check hook, owned by guc.c. */
typedef struct ArmedList
{
	int			n;
	Armed		armed[MAX_ARMED];
} ArmedList;

static char *setting = NULL;
static ArmedList armed = {0};
static int	counts[MAX_ARMED];

static bool
parse_one(char *spec, Armed *one)
{
	char	   *fields[4] = {NULL, NULL, "1", NULL};
	int			nfields = 0;
	char	   *save = NULL;
	char	   *field;
	int			i;

	for (field = strtok_r(spec, ": ", &save); field != NULL; field = strtok_r(NULL, ": ", &save))
	{
		if (nfields == 4)
			return false;
		fields[nfields++] = field;
	}
	if (nfields < 2 || strlen(fields[0]) >= NAME_SIZE || (fields[3] != NULL && strcmp(fields[3], "once") != 0))
		return false;
	strcpy(one->name, fields[0]);
	one->nth = atoi(fields[2]);
	one->once = fields[3] != NULL;
	for (i = 0; i < (int) lengthof(action_names); i++)
	{
		if (strcmp(fields[1], action_names[i]) == 0)
		{
			one->action = (Action) i;
			return one->nth > 0;
		}
	}
	return false;
}

static bool
check_setting(char **newval, void **extra, GucSource source)
{
	ArmedList  *list = malloc(sizeof(ArmedList));
	char	   *copy = strdup(*newval);
	char	   *save = NULL;
	char	   *spec;
	bool		good = list != NULL && copy != NULL;

	if (good)
	{
		memset(list, 0, sizeof(*list));
		for (spec = strtok_r(copy, ",", &save); good && spec != NULL; spec = strtok_r(NULL, ",", &save))
			good = list->n < MAX_ARMED && parse_one(spec, &list->armed[list->n++]);
	}
	free(copy);
	if (!good)
	{
		free(list);
		GUC_check_errdetail("It is a list of name:action[:nth[:once]]; actions are crash, kill, error, cancel, terminate, wait.");
		return false;
	}
	*extra = list;
	return true;
}

static void
assign_setting(const char *newval, void *extra)
{
	/* NULL: the empty value that the setting has before the first one */
	if (extra != NULL)
		armed = *(ArmedList *) extra;
	else
		armed.n = 0;
	memset(counts, 0, sizeof(counts));
}

void
tsdb_injection_init(void)
{
	DefineCustomStringVariable("tsdb_am.injection",
							   "Arms points at which this test build crashes, fails or waits.",
							   "A list of name:action[:nth[:once]].",
							   &setting,
							   "",
							   PGC_SUSET, GUC_NOT_IN_SAMPLE,
							   check_setting, assign_setting, NULL);
}

static void
act(const char *name, Action action)
{
	write_stderr("tsdb_am: process %d acts at injection point \"%s\": %s\n", MyProcPid, name, action_names[action]);
	switch (action)
	{
		case ACTION_CRASH:
			if (XLogInsertAllowed())
				XLogFlush(GetXLogInsertRecPtr());
			/* FALLTHROUGH */
		case ACTION_KILL:
			kill(MyProcPid, SIGKILL);
			for (;;)
				pause();
			break;
		case ACTION_ERROR:
			ereport(ERROR,
					(errcode(ERRCODE_RAISE_EXCEPTION),
					 errmsg("injected error at \"%s\"", name)));
			break;
		case ACTION_CANCEL:
			kill(MyProcPid, SIGINT);
			CHECK_FOR_INTERRUPTS();
			break;
		case ACTION_TERMINATE:
			kill(MyProcPid, SIGTERM);
			CHECK_FOR_INTERRUPTS();
			break;
		case ACTION_WAIT:
			for (;;)
			{
				/* no abort record, nor anything else: as if it had been killed with the postmaster */
				if ((WaitLatch(MyLatch, WL_LATCH_SET | WL_POSTMASTER_DEATH, -1, PG_WAIT_EXTENSION) & WL_POSTMASTER_DEATH) != 0)
					kill(MyProcPid, SIGKILL);
				ResetLatch(MyLatch);
				CHECK_FOR_INTERRUPTS();
			}
			break;
	}
}

void
tsdb_injection_point(const char *name, int crash_only)
{
	int			i;

	for (i = 0; i < armed.n; i++)
	{
		const Armed *one = &armed.armed[i];
		Action		action = one->action;

		if (strcmp(one->name, name) != 0 && strcmp(one->name, "*") != 0)
			continue;
		if (crash_only && action != ACTION_CRASH && action != ACTION_KILL)
			continue;
		if (++counts[i] != one->nth)
			continue;
		if (one->once && unlink(ONCE_FILE) != 0)
			continue;
		act(name, action);
	}
}

#endif
