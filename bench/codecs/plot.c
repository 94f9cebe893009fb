/*-------------------------------------------------------------------------
 * plot.c
 *	  Draws what bench_codecs measured, as SVG on stdout.
 *
 *	plot bits FILE.csv		bits a value, grouped bars, of the data sets that are marked for it
 *	plot speed FILE.csv		decoding cycles against bits a value, both logarithmic, one mark for each
 *							data set and coder
 *
 * No script, no font but the viewer's sans-serif, a background of its own (pages may be dark).
 *-------------------------------------------------------------------------
 */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ROWS	4000
#define MAX_FIELDS	20

/* columns of the CSV file, in its order */
enum
{
	F_DATA_SET, F_KIND, F_REAL, F_CHART, F_ROWS, F_NULLS, F_CODER, F_TIER, F_PIECE_ROWS, F_BITS, F_ENCODE, F_DECODE
};

typedef struct Measured
{
	char		data_set[64];
	char		kind[16];
	char		coder[32];
	char		tier[16];
	bool		chart;
	double		bits;
	double		decode;
} Measured;

/* What is drawn of the coders; the order is that of bars and legend. */
typedef struct Look
{
	const char *coder;
	const char *label;
	const char *colour;
	bool		bars;			/* in bits.svg */
	int			shape;			/* in speed.svg: 0 circle, 1 square, 2 triangle, 3 diamond, 4 cross; -1 not drawn */
} Look;

static const Look looks[] = {
	{"tsdb", "tsdb", "#1f5fbf", true, 0},
	{"tsdb cold", "tsdb cold (65,536 rows)", "#12a0a0", true, 3},
	{"lz4", "LZ4", "#e8a33d", true, 1},
	{"zstd-1", "zstd-1", "#d9705f", true, 2},
	{"zstd-3", "zstd-3", "#a8324a", true, 4},
	{"zstd-3 column", "zstd-3, whole column at once", "#8f8f99", true, -1},
};

#define NLOOKS	((int) (sizeof(looks) / sizeof(looks[0])))

static Measured rows[MAX_ROWS];
static int	nrows;

static void
die(const char *what)
{
	fprintf(stderr, "plot: %s\n", what);
	exit(1);
}

static void
copy(char *to, size_t size, const char *from)
{
	size_t		len = strlen(from);

	if (len >= size)
		die("a field is too long");
	memcpy(to, from, len + 1);
}

static void
read_csv(const char *path)
{
	FILE	   *in = fopen(path, "r");
	char		line[1000];

	if (in == NULL || fgets(line, sizeof(line), in) == NULL)
		die("cannot read the file");
	while (fgets(line, sizeof(line), in) != NULL)
	{
		char	   *fields[MAX_FIELDS] = {line};
		int			n = 1;
		bool		quoted = false;
		char	   *to = line;

		for (const char *p = line; *p != '\0' && *p != '\n'; p++)
		{
			if (*p == '"')
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
		if (n <= F_DECODE || nrows == MAX_ROWS)
			die("not a file of bench_codecs");
		copy(rows[nrows].data_set, sizeof(rows->data_set), fields[F_DATA_SET]);
		copy(rows[nrows].kind, sizeof(rows->kind), fields[F_KIND]);
		copy(rows[nrows].coder, sizeof(rows->coder), fields[F_CODER]);
		copy(rows[nrows].tier, sizeof(rows->tier), fields[F_TIER]);
		rows[nrows].chart = atoi(fields[F_CHART]) != 0;
		rows[nrows].bits = atof(fields[F_BITS]);
		rows[nrows].decode = atof(fields[F_DECODE]);
		nrows++;
	}
	fclose(in);
}

/* Of a data set and coder, the last line: the best tier.  NULL if there is none. */
static const Measured *
find(const char *data_set, const char *coder)
{
	const Measured *found = NULL;

	for (int i = 0; i < nrows; i++)
		if (strcmp(rows[i].data_set, data_set) == 0 && strcmp(rows[i].coder, coder) == 0)
			found = &rows[i];
	return found;
}

static bool
has_coder(const char *coder)
{
	for (int i = 0; i < nrows; i++)
		if (strcmp(rows[i].coder, coder) == 0)
			return true;
	return false;
}

static const char *
best_tier(void)
{
	const char *tier = "";

	for (int i = 0; i < nrows; i++)
		if (strcmp(rows[i].coder, "tsdb") == 0)
			tier = rows[i].tier;
	return tier;
}

static void
open_svg(int width, int height, const char *title, const char *subtitle)
{
	printf("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
		   "font-family=\"Helvetica,Arial,DejaVu Sans,sans-serif\" font-size=\"11\" fill=\"#222\">\n", width, height, width, height);
	printf("<title>%s</title>\n<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n", title);
	printf("<text x=\"20\" y=\"28\" font-size=\"17\" font-weight=\"bold\">%s</text>\n", title);
	printf("<text x=\"20\" y=\"46\" fill=\"#555\">%s</text>\n", subtitle);
}

/*-------------- bits.svg --------------*/

#define BAR			8
#define GROUP_GAP	9
#define LEFT		170
#define PLOT_WIDTH	600

static void
draw_bits(void)
{
	const char *charts[MAX_ROWS];
	int			ncharts = 0;
	int			nbars = 0;
	double		max = 64;
	int			top = 92;
	int			y;
	int			x;
	int			height;

	for (int i = 0; i < NLOOKS; i++)
		nbars += looks[i].bars && has_coder(looks[i].coder);
	for (int i = 0; i < nrows; i++)
		if (rows[i].chart && (ncharts == 0 || strcmp(charts[ncharts - 1], rows[i].data_set) != 0))
			charts[ncharts++] = rows[i].data_set;
	if (ncharts == 0)
		die("no data set for a chart");
	height = top + ncharts * (nbars * BAR + GROUP_GAP) + 50;
	open_svg(LEFT + PLOT_WIDTH + 50, height, "Bits a value",
			 "blocks of 1,024 values, headers included, unless told otherwise; shorter is better; a plain number takes 64");

	x = 20;
	for (int i = 0; i < NLOOKS; i++)
		if (looks[i].bars && has_coder(looks[i].coder))
		{
			printf("<rect x=\"%d\" y=\"59\" width=\"12\" height=\"12\" fill=\"%s\"/><text x=\"%d\" y=\"69\">%s</text>\n",
				   x, looks[i].colour, x + 17, looks[i].label);
			x += 40 + (int) strlen(looks[i].label) * 6;
		}

	/* grid */
	for (int b = 0; b <= 64; b += 8)
	{
		double		gx = LEFT + b / max * PLOT_WIDTH;

		printf("<path d=\"M%.1f %dV%d\" stroke=\"%s\"/><text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\" fill=\"#555\">%d</text>\n",
			   gx, top - 6, height - 46, b == 0 ? "#888" : "#e4e4e8", gx, height - 32, b);
	}
	printf("<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">bits a value</text>\n", LEFT + PLOT_WIDTH / 2, height - 13);

	y = top;
	for (int i = 0; i < ncharts; i++)
	{
		const Measured *first = find(charts[i], "tsdb");

		printf("<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text><text x=\"%d\" y=\"%d\" text-anchor=\"end\" font-size=\"9\" fill=\"#777\">%s</text>\n",
			   LEFT - 8, y + nbars * BAR / 2, charts[i], LEFT - 8, y + nbars * BAR / 2 + 11, first != NULL ? first->kind : "");
		for (int k = 0; k < NLOOKS; k++)
		{
			const Measured *m = find(charts[i], looks[k].coder);
			double		w;

			if (!looks[k].bars || !has_coder(looks[k].coder))
				continue;
			if (m != NULL)
			{
				/* longer than the plot: broken off, the figure tells */
				bool		broken = m->bits > max * 1.02;

				w = (broken ? max * 1.02 : m->bits) / max * PLOT_WIDTH;
				printf("<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>", LEFT, y, w, BAR - 1, looks[k].colour);
				if (broken)
					printf("<path d=\"M%.1f %dl4 -9m3 0l-4 9\" stroke=\"#fff\" stroke-width=\"2\"/>", LEFT + w - 24, y + BAR);
				printf("<text x=\"%.1f\" y=\"%d\" font-size=\"8\" fill=\"%s\"%s>%.*f</text>\n", LEFT + w + 3, y + BAR - 1,
					   k == 0 ? "#222" : "#666", k == 0 ? " font-weight=\"bold\"" : "", m->bits < 10 ? 2 : m->bits < 100 ? 1 : 0, m->bits);
			}
			y += BAR;
		}
		y += GROUP_GAP;
	}
	puts("</svg>");
}

/*-------------- speed.svg --------------*/

#define SIDE		560
#define X0			70
#define Y0			105

static double x_low = 0.1;
static double x_high = 256;
static double y_low = 0.05;
static double y_high = 256;

static double
plot_x(double bits)
{
	return X0 + log(bits / x_low) / log(x_high / x_low) * SIDE;
}

static double
plot_y(double cycles)
{
	return Y0 + SIDE - log(cycles / y_low) / log(y_high / y_low) * SIDE;
}

static void
draw_mark(int shape, double x, double y, const char *colour)
{
	switch (shape)
	{
		case 0:
			printf("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" fill=\"%s\"", x, y, colour);
			break;
		case 1:
			printf("<path d=\"M%.1f %.1fh7v7h-7z\" fill=\"%s\"", x - 3.5, y - 3.5, colour);
			break;
		case 2:
			printf("<path d=\"M%.1f %.1fl4.5 8h-9z\" fill=\"%s\"", x, y - 5, colour);
			break;
		case 3:
			printf("<path d=\"M%.1f %.1fl5 5l-5 5l-5-5z\" fill=\"%s\"", x, y - 5, colour);
			break;
		default:
			printf("<path d=\"M%.1f %.1fl7 7m0-7l-7 7\" stroke=\"%s\" stroke-width=\"2\" fill=\"none\"", x - 3.5, y - 3.5, colour);
			break;
	}
	printf(" opacity=\".75\"/>");
}

static void
draw_speed(void)
{
	static const double ticks[] = {0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200};
	char		subtitle[200];
	char		label[100];
	double		copied = 0;
	int			ncopied = 0;
	int			x = 20;

	snprintf(subtitle, sizeof(subtitle), "one mark for each data set and coder; lower left is better; %s, memory in the nearest caches",
			 best_tier());
	open_svg(X0 + SIDE + 40, Y0 + SIDE + 60, "Decoding: cycles against bits a value", subtitle);
	for (int i = 0; i < NLOOKS; i++)
		if (looks[i].shape >= 0 && has_coder(looks[i].coder))
		{
			draw_mark(looks[i].shape, x + 6, 66, looks[i].colour);
			printf("<text x=\"%d\" y=\"70\">%s</text>\n", x + 16, looks[i].label);
			x += 42 + (int) strlen(looks[i].label) * 6;
		}
	for (size_t i = 0; i < sizeof(ticks) / sizeof(ticks[0]); i++)
	{
		double		t = ticks[i];

		if (t >= x_low && t <= x_high)
			printf("<path d=\"M%.1f %dv%d\" stroke=\"#e4e4e8\"/><text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\" fill=\"#555\">%g</text>\n",
				   plot_x(t), Y0, SIDE, plot_x(t), Y0 + SIDE + 16, t);
		if (t >= y_low && t <= y_high)
			printf("<path d=\"M%d %.1fh%d\" stroke=\"#e4e4e8\"/><text x=\"%d\" y=\"%.1f\" text-anchor=\"end\" fill=\"#555\">%g</text>\n",
				   X0, plot_y(t), SIDE, X0 - 6, plot_y(t) + 4, t);
	}
	printf("<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"none\" stroke=\"#888\"/>\n", X0, Y0, SIDE, SIDE);
	printf("<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">bits a value, headers included</text>\n", X0 + SIDE / 2, Y0 + SIDE + 38);
	printf("<text transform=\"translate(22 %d) rotate(-90)\" text-anchor=\"middle\">cycles a value to decode</text>\n", Y0 + SIDE / 2);

	/* numbers only: copying a string of unknown length is no yardstick */
	for (int i = 0; i < nrows; i++)
		if (strcmp(rows[i].coder, "memcpy") == 0 && strcmp(rows[i].kind, "text") != 0)
		{
			copied += rows[i].decode;
			ncopied++;
		}
	if (ncopied > 0)
	{
		snprintf(label, sizeof(label), "memcpy of plain values: %.2f", copied / ncopied);
		printf("<path d=\"M%d %.1fh%d\" stroke=\"#444\" stroke-dasharray=\"5 4\"/><text x=\"%d\" y=\"%.1f\" fill=\"#444\">%s</text>\n",
			   X0, plot_y(copied / ncopied), SIDE, X0 + 6, plot_y(copied / ncopied) + 13, label);
	}

	/* ours last, on top */
	for (int k = NLOOKS - 1; k >= 0; k--)
	{
		if (looks[k].shape < 0)
			continue;
		printf("<g>");
		for (int i = 0; i < nrows; i++)
			if (strcmp(rows[i].coder, looks[k].coder) == 0 && strcmp(rows[i].tier, k == 0 ? best_tier() : rows[i].tier) == 0)
				draw_mark(looks[k].shape, plot_x(fmin(fmax(rows[i].bits, x_low), x_high)),
						  plot_y(fmin(fmax(rows[i].decode, y_low), y_high)), looks[k].colour);
		puts("</g>");
	}
	puts("</svg>");
}

int
main(int argc, char **argv)
{
	if (argc != 3 || (strcmp(argv[1], "bits") != 0 && strcmp(argv[1], "speed") != 0))
	{
		fputs("usage: plot bits|speed FILE.csv\n", stderr);
		return 2;
	}
	read_csv(argv[2]);
	if (argv[1][0] == 'b')
		draw_bits();
	else
		draw_speed();
	return 0;
}
