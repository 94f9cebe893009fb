/*-------------------------------------------------------------------------
 * injection.h
 *	  Named points at which tests crash the server, raise errors or hold a process.
 *
 * Only builds with assertions, or with -DTSDB_INJECTION, have them: in all others the macros are nothing.  README.md of
 * this folder tells how to arm them.  Needs no PostgreSQL header, so that every part may use it.
 *-------------------------------------------------------------------------
 */
#ifndef TSDB_INJECTION_H
#define TSDB_INJECTION_H

#if defined(TSDB_INJECTION) || defined(USE_ASSERT_CHECKING)

/* How far the clock of what is read is ahead: days pass at once. */
extern int	tsdb_injected_seconds;

extern void tsdb_injection_init(void);
extern void tsdb_injection_point(const char *name, int crash_only);

#define TSDB_INJECT_INIT()			tsdb_injection_init()
#define TSDB_INJECTED_SECONDS		tsdb_injected_seconds
/* Here an error may be raised and interrupts may be served. */
#define TSDB_INJECT(name)			tsdb_injection_point(name, 0)
/* Here not: a critical section, or steps that must not end half way.  Only crashes happen. */
#define TSDB_INJECT_CRASH(name)		tsdb_injection_point(name, 1)

#else

#define TSDB_INJECT_INIT()			((void) 0)
#define TSDB_INJECTED_SECONDS		0
#define TSDB_INJECT(name)			((void) 0)
#define TSDB_INJECT_CRASH(name)		((void) 0)

#endif

#endif							/* TSDB_INJECTION_H */
