/*-------------------------------------------------------------------------
 * data_set.c
 *	  The columns that bench_codecs measures.
 *-------------------------------------------------------------------------
 */
#include "data_set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FIELDS		64
#define MADE_ROWS		65536

#define AWS		"aws_cloudwatch_a.csv.gz"
#define TWEETS	"tweet_volume_a.csv.gz"
#define ROAD	"road_traffic_a.csv"
#define TAXI	"nyc_taxi.csv"
#define MACHINE	"machine_temperature.csv.gz"
#define ETT		"etth1.csv.gz"
#define WEATHER	"daily_weather.csv"
#define ILI		"ilinet.csv"
#define BIRDS	"birdstrikes.csv.gz"
#define WIKI	"wiki_titles.csv.gz"

/* made by gen_cpu, see run.sh */
#define CPU		"cpu.csv"
#define METRIC	"metric.csv"
#define DECIMAL	"decimal.csv"

const char *const column_kind_names[] = {"time", "int", "double", "text"};

const DataSet data_sets[] = {
	/* label, file, series, column, kind, sort_by, real, chart */
	{"taxi time", TAXI, NULL, "timestamp", COLUMN_TIME, NULL, true, false},
	{"tweets AAPL time", TWEETS, "Twitter_volume_AAPL", "timestamp", COLUMN_TIME, NULL, true, false},
	{"machine temperature time", MACHINE, NULL, "timestamp", COLUMN_TIME, NULL, true, false},
	{"ETTh1 time", ETT, NULL, "date", COLUMN_TIME, NULL, true, false},
	{"ec2 cpu 24ae8d time", AWS, "ec2_cpu_utilization_24ae8d", "timestamp", COLUMN_TIME, NULL, true, true},
	{"ec2 disk write time", AWS, "ec2_disk_write_bytes_1ef3de", "timestamp", COLUMN_TIME, NULL, true, false},
	{"iio network in time", AWS, "iio_us-east-1_i-a2eb1cd9_NetworkIn", "timestamp", COLUMN_TIME, NULL, true, false},
	{"road travel time 387 time", ROAD, "TravelTime_387", "timestamp", COLUMN_TIME, NULL, true, false},
	{"road occupancy time", ROAD, "occupancy_6005", "timestamp", COLUMN_TIME, NULL, true, true},
	{"road speed 6005 time", ROAD, "speed_6005", "timestamp", COLUMN_TIME, NULL, true, false},
	{"road speed t4013 time", ROAD, "speed_t4013", "timestamp", COLUMN_TIME, NULL, true, false},
	{"weather date", WEATHER, NULL, "date", COLUMN_TIME, NULL, true, false},
	{"ILI date", ILI, NULL, "DATE", COLUMN_TIME, NULL, true, false},
	{"birdstrikes date", BIRDS, NULL, "Flight Date", COLUMN_TIME, NULL, true, false},
	{"made: regular time", DECIMAL, NULL, "time", COLUMN_TIME, "series", false, false},
	{"made: cpu time, by host", CPU, NULL, "time", COLUMN_TIME, "host", false, false},
	{"made: cpu time, as it arrives", CPU, NULL, "time", COLUMN_TIME, NULL, false, false},
	{"made: time with ms jitter", METRIC, NULL, "time", COLUMN_TIME, "series", false, true},

	{"taxi", TAXI, NULL, "value", COLUMN_INT, NULL, true, true},
	{"tweets AAPL", TWEETS, "Twitter_volume_AAPL", "value", COLUMN_INT, NULL, true, true},
	{"tweets CRM", TWEETS, "Twitter_volume_CRM", "value", COLUMN_INT, NULL, true, false},
	{"tweets FB", TWEETS, "Twitter_volume_FB", "value", COLUMN_INT, NULL, true, false},
	{"tweets IBM", TWEETS, "Twitter_volume_IBM", "value", COLUMN_INT, NULL, true, false},
	{"tweets PFE", TWEETS, "Twitter_volume_PFE", "value", COLUMN_INT, NULL, true, false},
	{"ILI age 0-4", ILI, NULL, "AGE 0-4", COLUMN_INT, NULL, true, false},
	{"ILI age 25-49, NULLs", ILI, NULL, "AGE 25-49", COLUMN_INT, NULL, true, false},
	{"ILI age 25-64, NULLs", ILI, NULL, "AGE 25-64", COLUMN_INT, NULL, true, false},
	{"ILI total", ILI, NULL, "ILITOTAL", COLUMN_INT, NULL, true, true},
	{"ILI providers", ILI, NULL, "NUM. OF PROVIDERS", COLUMN_INT, NULL, true, false},
	{"ILI patients", ILI, NULL, "TOTAL PATIENTS", COLUMN_INT, NULL, true, false},
	{"birdstrikes cost", BIRDS, NULL, "Cost Total $", COLUMN_INT, NULL, true, true},
	{"birdstrikes repair", BIRDS, NULL, "Cost Repair", COLUMN_INT, NULL, true, false},
	{"birdstrikes speed, NULLs", BIRDS, NULL, "Speed IAS in knots", COLUMN_INT, NULL, true, false},

	{"ec2 cpu 24ae8d", AWS, "ec2_cpu_utilization_24ae8d", "value", COLUMN_DOUBLE, NULL, true, true},
	{"ec2 cpu 5f5533", AWS, "ec2_cpu_utilization_5f5533", "value", COLUMN_DOUBLE, NULL, true, false},
	{"ec2 cpu 825cc2", AWS, "ec2_cpu_utilization_825cc2", "value", COLUMN_DOUBLE, NULL, true, true},
	{"ec2 cpu c6585a", AWS, "ec2_cpu_utilization_c6585a", "value", COLUMN_DOUBLE, NULL, true, false},
	{"ec2 disk write", AWS, "ec2_disk_write_bytes_1ef3de", "value", COLUMN_DOUBLE, NULL, true, true},
	{"ec2 network in", AWS, "ec2_network_in_257a54", "value", COLUMN_DOUBLE, NULL, true, true},
	{"elb requests", AWS, "elb_request_count_8c0756", "value", COLUMN_DOUBLE, NULL, true, true},
	{"iio network in", AWS, "iio_us-east-1_i-a2eb1cd9_NetworkIn", "value", COLUMN_DOUBLE, NULL, true, false},
	{"rds cpu e47b3b", AWS, "rds_cpu_utilization_e47b3b", "value", COLUMN_DOUBLE, NULL, true, true},
	{"machine temperature", MACHINE, NULL, "value", COLUMN_DOUBLE, NULL, true, true},
	{"road travel time 387", ROAD, "TravelTime_387", "value", COLUMN_DOUBLE, NULL, true, false},
	{"road occupancy", ROAD, "occupancy_6005", "value", COLUMN_DOUBLE, NULL, true, true},
	{"road speed 6005", ROAD, "speed_6005", "value", COLUMN_DOUBLE, NULL, true, false},
	{"road speed t4013", ROAD, "speed_t4013", "value", COLUMN_DOUBLE, NULL, true, false},
	{"ETTh1 HUFL", ETT, NULL, "HUFL", COLUMN_DOUBLE, NULL, true, true},
	{"ETTh1 HULL", ETT, NULL, "HULL", COLUMN_DOUBLE, NULL, true, false},
	{"ETTh1 MUFL", ETT, NULL, "MUFL", COLUMN_DOUBLE, NULL, true, false},
	{"ETTh1 MULL", ETT, NULL, "MULL", COLUMN_DOUBLE, NULL, true, false},
	{"ETTh1 LUFL", ETT, NULL, "LUFL", COLUMN_DOUBLE, NULL, true, false},
	{"ETTh1 LULL", ETT, NULL, "LULL", COLUMN_DOUBLE, NULL, true, false},
	{"ETTh1 OT", ETT, NULL, "OT", COLUMN_DOUBLE, NULL, true, true},
	{"city temperature", "city_temperature_values.csv.gz", NULL, "value", COLUMN_DOUBLE, NULL, true, true},
	{"nyc29 longitude", "nyc29_values.csv.gz", NULL, "value", COLUMN_DOUBLE, NULL, true, true},
	{"weather precipitation", WEATHER, NULL, "precipitation", COLUMN_DOUBLE, NULL, true, false},
	{"weather temp_max", WEATHER, NULL, "temp_max", COLUMN_DOUBLE, NULL, true, true},
	{"weather temp_min", WEATHER, NULL, "temp_min", COLUMN_DOUBLE, NULL, true, false},
	{"weather wind", WEATHER, NULL, "wind", COLUMN_DOUBLE, NULL, true, false},
	{"ILI % weighted", ILI, NULL, "% WEIGHTED ILI", COLUMN_DOUBLE, NULL, true, false},
	{"made: cpu usage_user", CPU, NULL, "usage_user", COLUMN_DOUBLE, "host", false, true},
	{"made: two decimals", DECIMAL, NULL, "value", COLUMN_DOUBLE, "series", false, true},
	{"made: metric", METRIC, NULL, "value", COLUMN_DOUBLE, "series", false, false},
	{"made: full mantissas", NULL, NULL, NULL, COLUMN_DOUBLE, NULL, false, true},

	{"weather weather", WEATHER, NULL, "weather", COLUMN_TEXT, NULL, true, false},
	{"birdstrikes airport", BIRDS, NULL, "Airport Name", COLUMN_TEXT, NULL, true, true},
	{"birdstrikes aircraft", BIRDS, NULL, "Aircraft Make Model", COLUMN_TEXT, NULL, true, false},
	{"birdstrikes damage", BIRDS, NULL, "Effect Amount of damage", COLUMN_TEXT, NULL, true, false},
	{"birdstrikes operator", BIRDS, NULL, "Aircraft Airline Operator", COLUMN_TEXT, NULL, true, false},
	{"birdstrikes state", BIRDS, NULL, "Origin State", COLUMN_TEXT, NULL, true, false},
	{"birdstrikes phase", BIRDS, NULL, "Phase of flight", COLUMN_TEXT, NULL, true, false},
	{"birdstrikes size", BIRDS, NULL, "Wildlife Size", COLUMN_TEXT, NULL, true, false},
	{"birdstrikes species", BIRDS, NULL, "Wildlife Species", COLUMN_TEXT, NULL, true, true},
	{"birdstrikes time of day", BIRDS, NULL, "Time of day", COLUMN_TEXT, NULL, true, false},
	{"wiki titles", WIKI, NULL, "title", COLUMN_TEXT, NULL, true, true},
	{"made: host tag, by host", CPU, NULL, "host", COLUMN_TEXT, "host", false, false},
	{"made: host tag, as it arrives", CPU, NULL, "host", COLUMN_TEXT, NULL, false, false},
};

const int	ndata_sets = sizeof(data_sets) / sizeof(data_sets[0]);

static void
fail(const DataSet *set, const char *what)
{
	fprintf(stderr, "bench_codecs: %s (%s): %s\n", set->label, set->file ? set->file : "made", what);
	exit(1);
}

static void *
allocate(size_t n, size_t size)
{
	void	   *p = calloc(n > 0 ? n : 1, size);

	if (p == NULL)
	{
		fputs("bench_codecs: out of memory\n", stderr);
		exit(1);
	}
	return p;
}

/* Microseconds since 1970 of "yyyy-mm-dd[ hh:mm:ss[.ffffff]][+00]"; false if it is none. */
static bool
parse_time(const char *s, int64_t *t)
{
	int			y,
				mo,
				d,
				h = 0,
				mi = 0,
				sec = 0,
				used = 0;
	int64_t		micros = 0;
	int64_t		days;

	if (sscanf(s, "%4d-%2d-%2d%n %2d:%2d:%2d%n", &y, &mo, &d, &used, &h, &mi, &sec, &used) < 3)
		return false;
	s += used;
	if (*s == '.')
		for (int64_t unit = 100000; *++s >= '0' && *s <= '9'; unit /= 10)
			micros += unit * (*s - '0');
	if (*s != '\0' && strcmp(s, "+00") != 0)
		return false;
	/* days from civil, March first */
	y -= mo <= 2;
	days = (int64_t) y * 365 + y / 4 - y / 100 + y / 400 + (153 * (mo + (mo > 2 ? -3 : 9)) + 2) / 5 + d - 1 - 719468;
	*t = ((days * 24 + h) * 60 + mi) * INT64_C(60000000) + (int64_t) sec * 1000000 + micros;
	return true;
}

/* Cuts a line at commas outside of quotes and takes quotes off, in place. */
static int
split_line(char *line, char **fields)
{
	int			n = 0;
	bool		quoted = false;
	char	   *to = line;

	fields[n++] = line;
	for (const char *p = line; *p != '\0' && *p != '\n' && *p != '\r'; p++)
	{
		if (*p == '"' && quoted && p[1] == '"')
			*to++ = *p++;
		else if (*p == '"')
			quoted = !quoted;
		else if (*p == ',' && !quoted && n < MAX_FIELDS)
		{
			*to++ = '\0';
			fields[n++] = to;
		}
		else
			*to++ = *p;
	}
	*to = '\0';
	return n;
}

static int
find_field(const DataSet *set, char **fields, int n, const char *name)
{
	for (int i = 0; i < n; i++)
		if (strcmp(fields[i], name) == 0)
			return i;
	fail(set, "no such column");
	return -1;
}

static FILE *
open_file(const DataSet *set, const char *const *directories, int ndirectories, bool *is_pipe)
{
	size_t		len = strlen(set->file);

	*is_pipe = len > 3 && strcmp(set->file + len - 3, ".gz") == 0;
	for (int i = 0; i < ndirectories; i++)
	{
		char		path[2000];
		char		command[2100];
		FILE	   *in;

		snprintf(path, sizeof(path), "%s/%s", directories[i], set->file);
		if ((in = fopen(path, "r")) == NULL)
			continue;
		if (!*is_pipe)
			return in;
		fclose(in);
		snprintf(command, sizeof(command), "gzip -dc '%s'", path);
		if ((in = popen(command, "r")) != NULL)
			return in;
	}
	fail(set, "cannot read it");
	return NULL;
}

static int64_t
double_bits(double d)
{
	int64_t		bits;

	memcpy(&bits, &d, sizeof(bits));
	return bits;
}

typedef struct Row
{
	char	   *key;			/* NULL if nothing is sorted */
	char	   *field;
	int			number;
} Row;

static int
compare_rows(const void *a, const void *b)
{
	const Row  *x = a;
	const Row  *y = b;
	int			c = strcmp(x->key, y->key);

	return c != 0 ? c : x->number < y->number ? -1 : x->number > y->number;
}

/* The fields of the column's rows, in the order in which they are stored. */
static Row *
read_rows(const DataSet *set, const char *const *directories, int ndirectories, int *nrows)
{
	static char line[100000];
	char	   *fields[MAX_FIELDS];
	bool		is_pipe;
	FILE	   *in = open_file(set, directories, ndirectories, &is_pipe);
	int			capacity = 1 << 14;
	Row		   *rows = allocate((size_t) capacity, sizeof(Row));
	int			n = 0;
	int			nfields;
	int			column;
	int			key = -1;

	if (fgets(line, sizeof(line), in) == NULL)
		fail(set, "no header line");
	nfields = split_line(line, fields);
	column = find_field(set, fields, nfields, set->column);
	if (set->sort_by != NULL)
		key = find_field(set, fields, nfields, set->sort_by);
	while (fgets(line, sizeof(line), in) != NULL)
	{
		nfields = split_line(line, fields);
		if (column >= nfields || key >= nfields)
			fail(set, "a line is too short");
		if (set->series != NULL && strcmp(fields[0], set->series) != 0)
			continue;
		if (n == capacity)
		{
			capacity *= 2;
			if ((rows = realloc(rows, (size_t) capacity * sizeof(Row))) == NULL)
				fail(set, "out of memory");
		}
		rows[n].key = key >= 0 ? strdup(fields[key]) : NULL;
		rows[n].field = strdup(fields[column]);
		rows[n].number = n;
		n++;
	}
	if (is_pipe)
		pclose(in);
	else
		fclose(in);
	if (n == 0)
		fail(set, "no rows");
	if (key >= 0)
		qsort(rows, (size_t) n, sizeof(Row), compare_rows);
	*nrows = n;
	return rows;
}

static int64_t
parse_number(const DataSet *set, const char *field)
{
	char	   *end;
	int64_t		value = 0;

	if (set->kind == COLUMN_TIME)
	{
		if (!parse_time(field, &value))
			fail(set, "not a time");
		return value;
	}
	if (set->kind == COLUMN_INT)
		value = strtoll(field, &end, 10);
	else
		value = double_bits(strtod(field, &end));
	if (*end != '\0')
		fail(set, "not a number");
	return value;
}

/* What a sensor delivers that rounds nothing: a random walk, all bits of whose mantissas matter. */
static void
make_measurements(Column *column)
{
	uint64_t	state = 42;
	double		x = 20.0;

	for (int i = 0; i < column->nrows; i++)
	{
		/* splitmix64 */
		uint64_t	z = (state += UINT64_C(0x9E3779B97F4A7C15));

		z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
		z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
		z ^= z >> 31;
		x += ((double) (z >> 11) / 9007199254740992.0 - 0.5) * 0.1;
		column->values[i] = double_bits(x);
	}
}

void
column_load(const DataSet *set, const char *const *directories, int ndirectories, Column *column)
{
	int			nrows = MADE_ROWS;
	Row		   *rows = set->file != NULL ? read_rows(set, directories, ndirectories, &nrows) : NULL;

	column->set = set;
	column->nrows = nrows;
	column->nnulls = 0;
	column->values = allocate((size_t) nrows, sizeof(int64_t));
	column->strings = allocate((size_t) nrows, sizeof(TsdbBytes));
	column->isnull = allocate((size_t) nrows, sizeof(bool));
	if (rows == NULL)
	{
		make_measurements(column);
		return;
	}
	for (int i = 0; i < nrows; i++)
	{
		char	   *field = rows[i].field;

		free(rows[i].key);
		if (*field == '\0')
		{
			column->isnull[i] = true;
			column->nnulls++;
		}
		else if (set->kind == COLUMN_TEXT)
		{
			column->strings[i].data = (uint8_t *) field;
			column->strings[i].len = (uint32_t) strlen(field);
			continue;			/* now the column's */
		}
		else
			column->values[i] = parse_number(set, field);
		free(field);
	}
	free(rows);
}

void
column_free(Column *column)
{
	for (int i = 0; i < column->nrows; i++)
		free((void *) column->strings[i].data);
	free(column->values);
	free(column->strings);
	free(column->isnull);
}
