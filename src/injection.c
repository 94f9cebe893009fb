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

#include <limits.h>
#include <signal.h>
#include <unistd.h>

#include "access/xlog.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/guc.h"
#include "utils/wait_event.h"

#define MAX_ARMED		8
#define NAME_SIZE		32
#define MAX_VALUE		512
#define ONCE_FILE		"tsdb_am.injection"

typedef enum Action
{
	ACTION_CRASH,				/* WAL to disk, then SIGKILL of this process: the state at this point is what recovery finds */
	ACTION_KILL,				/* SIGKILL: what was not written yet is lost */
	ACTION_ERROR,
	ACTION_CANCEL,				/* as pg_cancel_backend() */
	ACTION_TERMINATE,			/* as pg_terminate_backend() */
	ACTION_WAIT,				/* until canceled; or killed, if the postmaster dies */
	ACTION_SLEEP				/* a second, and goes on: the others come first */
} Action;

static const char *const action_names[] = {"crash", "kill", "error", "cancel", "terminate", "wait", "sleep"};

typedef struct Armed
{
	char		name[NAME_SIZE];
	Action		action;
	int			nth;
	bool		once;
} Armed;

int			tsdb_injected_seconds = 0;
static char *setting = NULL;
static Armed armed[MAX_ARMED];
static int	narmed = 0;
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

/* Number of specifications, put into list[MAX_ARMED]; -1 = not valid. */
static int
parse(const char *value, Armed *list)
{
	char		copy[MAX_VALUE];
	char	   *save = NULL;
	char	   *spec;
	int			n = 0;

	if (strlcpy(copy, value, sizeof(copy)) >= sizeof(copy))
		return -1;
	for (spec = strtok_r(copy, ",", &save); spec != NULL; spec = strtok_r(NULL, ",", &save))
	{
		if (n == MAX_ARMED || !parse_one(spec, &list[n]))
			return -1;
		n++;
	}
	return n;
}

static bool
check_setting(char **newval, void **extra, GucSource source)
{
	Armed		list[MAX_ARMED];

	if (parse(*newval, list) >= 0)
		return true;
	GUC_check_errdetail("It is a list of name:action[:nth[:once]]; actions are crash, kill, error, cancel, terminate, wait, sleep.");
	return false;
}

static void
assign_setting(const char *newval, void *extra)
{
	narmed = Max(parse(newval, armed), 0);
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
	DefineCustomIntVariable("tsdb_am.injected_seconds",
							"Sets how far this test build's clock of reads of chunks is ahead.",
							NULL,
							&tsdb_injected_seconds,
							0, 0, INT_MAX,
							PGC_SUSET, GUC_UNIT_S | GUC_NOT_IN_SAMPLE,
							NULL, NULL, NULL);
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
		case ACTION_SLEEP:
			pg_usleep(USECS_PER_SEC);
			break;
	}
}

void
tsdb_injection_point(const char *name, int crash_only)
{
	int			i;

	for (i = 0; i < narmed; i++)
	{
		const Armed *one = &armed[i];
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
