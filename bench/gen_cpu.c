/*-------------------------------------------------------------------------
 * gen_cpu.c
 *	  Writes the bench's CSV files: seeded, the same bytes on every machine.
 *
 *	gen_cpu cpu HOSTS SECONDS STEP SEED
 *		Time series of the kind that TSBS calls "cpu-only": for each time step a row of each host
 *		(time-major), ten usage columns.  Each is a random walk with N(0,1) steps, clamped to
 *		[0,100] and printed as an integer.
 *		time,host,usage_user,usage_system,usage_idle,usage_nice,usage_iowait,usage_irq,
 *		usage_softirq,usage_steal,usage_guest,usage_guest_nice
 *
 *	gen_cpu metric SERIES ROWS STEP SEED
 *		One metric of many series with more digits: a random walk printed with two decimals,
 *		times jittered by milliseconds.
 *		time,series,value
 *
 *	gen_cpu decimal SERIES ROWS STEP SEED
 *		The same with regular times and N(0, 0.94) steps: 94 hundredths, whose entropy is
 *		log2(94 * sqrt(2 * pi * e)) = 8.6 bits, so nobody can store such a value in less.
 *		time,series,value
 *
 * Numbers come from splitmix64 and the polar method: libm's only parts in it are sqrt, which
 * is exact everywhere, and a logarithm of our own.
 *-------------------------------------------------------------------------
 */
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CPU_FIELDS 10

/* 2024-01-01 00:00:00 UTC */
#define FIRST_SECOND INT64_C(1704067200)

static uint64_t random_state;

static uint64_t
random_bits(void)
{
	uint64_t	z = (random_state += UINT64_C(0x9E3779B97F4A7C15));

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return z ^ (z >> 31);
}

/* uniform in [0, 1) */
static double
random_unit(void)
{
	return (double) (random_bits() >> 11) * (1.0 / 9007199254740992.0);
}

/* ln(x) for 0 < x <= 1, by exponent and series: only exact operations, so the same everywhere */
static double
portable_log(double x)
{
	int			exponent;
	double		m = frexp(x, &exponent);	/* 0.5 <= m < 1 */
	double		t = (m - 1.0) / (m + 1.0);
	double		t2 = t * t;
	double		term = t;
	double		sum = 0.0;

	for (int k = 1; k < 60; k += 2)
	{
		sum += term / k;
		term *= t2;
	}
	return 2.0 * sum + exponent * 0.69314718055994530942;
}

/* N(0, 1) by Marsaglia's polar method */
static double
random_normal(void)
{
	static bool have_spare = false;
	static double spare;
	double		u,
				v,
				s;

	if (have_spare)
	{
		have_spare = false;
		return spare;
	}
	do
	{
		u = 2.0 * random_unit() - 1.0;
		v = 2.0 * random_unit() - 1.0;
		s = u * u + v * v;
	} while (s >= 1.0 || s == 0.0);
	s = sqrt(-2.0 * portable_log(s) / s);
	spare = v * s;
	have_spare = true;
	return u * s;
}

static double
clamp(double x, double low, double high)
{
	return x < low ? low : x > high ? high : x;
}

/* "2024-01-01 00:00:00" */
static void
format_time(int64_t second, char *out, size_t size)
{
	time_t		t = (time_t) second;
	struct tm	parts;

	gmtime_r(&t, &parts);
	strftime(out, size, "%Y-%m-%d %H:%M:%S", &parts);
}

static void *
allocate(size_t n, size_t size)
{
	void	   *p = calloc(n, size);

	if (p == NULL)
	{
		fputs("gen_cpu: out of memory\n", stderr);
		exit(1);
	}
	return p;
}

static void
write_cpu(int64_t hosts, int64_t seconds, int64_t step)
{
	double	   *usage = allocate((size_t) hosts * CPU_FIELDS, sizeof(double));

	for (int64_t i = 0; i < hosts * CPU_FIELDS; i++)
		usage[i] = 100.0 * random_unit();

	for (int64_t t = 0; t < seconds; t += step)
	{
		char		time_text[32];

		format_time(FIRST_SECOND + t, time_text, sizeof(time_text));
		for (int64_t host = 0; host < hosts; host++)
		{
			double	   *fields = usage + host * CPU_FIELDS;

			printf("%s+00,host_%" PRId64, time_text, host);
			for (int i = 0; i < CPU_FIELDS; i++)
			{
				fields[i] = clamp(fields[i] + random_normal(), 0.0, 100.0);
				printf(",%d", (int) fields[i]);
			}
			putchar('\n');
		}
	}
	free(usage);
}

/* a row of each series in turn: times jittered by milliseconds, or regular; normally distributed steps */
static void
write_metric(int64_t nseries, int64_t rows, int64_t step, bool jitter, double deviation)
{
	double	   *value = allocate((size_t) nseries, sizeof(double));

	for (int64_t i = 0; i < nseries; i++)
		value[i] = 1000.0 * random_unit();

	for (int64_t row = 0; row < rows; row++)
	{
		int64_t		series = row % nseries;
		char		time_text[32];

		format_time(FIRST_SECOND + row / nseries * step, time_text, sizeof(time_text));
		value[series] += deviation * random_normal();
		if (jitter)
			printf("%s.%03d+00,%" PRId64 ",%.2f\n", time_text, (int) (random_bits() % 1000), series, value[series]);
		else
			printf("%s+00,%" PRId64 ",%.2f\n", time_text, series, value[series]);
	}
	free(value);
}

static int64_t
argument(const char *text)
{
	char	   *end;
	long long	value = strtoll(text, &end, 10);

	if (*text == '\0' || *end != '\0' || value < 1)
	{
		fprintf(stderr, "gen_cpu: not a positive number: \"%s\"\n", text);
		exit(2);
	}
	return value;
}

int
main(int argc, char **argv)
{
	static char buffer[1 << 20];

	if (argc != 6 || (strcmp(argv[1], "cpu") != 0 && strcmp(argv[1], "metric") != 0 && strcmp(argv[1], "decimal") != 0))
	{
		fputs("usage: gen_cpu cpu HOSTS SECONDS STEP SEED\n"
			  "       gen_cpu metric SERIES ROWS STEP SEED\n"
			  "       gen_cpu decimal SERIES ROWS STEP SEED\n", stderr);
		return 2;
	}
	setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
	random_state = (uint64_t) argument(argv[5]);
	if (argv[1][0] == 'c')
		write_cpu(argument(argv[2]), argument(argv[3]), argument(argv[4]));
	else if (argv[1][0] == 'm')
		write_metric(argument(argv[2]), argument(argv[3]), argument(argv[4]), true, 1.0);
	else
		write_metric(argument(argv[2]), argument(argv[3]), argument(argv[4]), false, 0.94);
	if (fflush(stdout) != 0 || ferror(stdout))
	{
		fputs("gen_cpu: could not write\n", stderr);
		return 1;
	}
	return 0;
}
