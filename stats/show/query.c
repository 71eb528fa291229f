// SPDX-License-Identifier: GPL-2.0-or-later
/* containerstats query: series of some metrics, in steps of a given length. */
#include <errno.h>
#include <math.h>
#include <rbce/units.h>

#include "cli/log.h"
#include "cli/options.h"
#include "listing.h"
#include "period.h"
#include "points.h"
#include "selection.h"
#include "stats/commands.h"
#include "stats/store/schema.h"
#include "stats/times.h"
#include "util.h"

enum { TIME_COLUMN = 0, NAME_COLUMN, FIXED_COLUMNS };

/* The command line. */

struct settings {
	const char *db;
	struct period_options period;
	struct selection selection;
	bool json, csv;
	enum listing_form form;
};

static int parse_settings(struct settings *s)
{
	struct points_wish *wish = &s->selection.wish;
	struct period period;

	if (!s->db) {
		log_error("cannot query: --db FILE is missing");
		return -EINVAL;
	}
	if (wish->n_metrics == 0) {
		log_error("cannot query: --metric METRIC is missing");
		return -EINVAL;
	}
	if (period_parse(&s->period, &period) < 0 || listing_form(s->json, s->csv, &s->form) < 0)
		return -EINVAL;
	wish->from = period.from;
	wish->until = period.until;
	return 0;
}

/* Printing. For machines by hand: there may be very many points. */

static bool is_known(const struct points *p, const struct points_series *s, size_t step)
{
	for (size_t i = 0; i < p->n_metrics; i++)
		if (!isnan(points_value(p, s, i, step)))
			return true;
	return false;
}

static void print_number(double value)
{
	listing_number(stdout, value);
}

static void print_time(int64_t ms)
{
	print_number((double)ms / 1000);
}

static int finish(void)
{
	return fflush(stdout) != 0 || ferror(stdout) ? -(errno ?: EIO) : 0;
}

static int print_csv(const struct points *p)
{
	char name[POINTS_NAME_SIZE];

	printf("container,time");
	for (size_t i = 0; i < p->n_metrics; i++)
		printf(",%s", points_metric_name(&p->metric[i], name));
	printf("\n");
	for (size_t s = 0; s < p->n_series; s++)
		for (size_t t = 0; t < p->n_steps; t++) {
			const struct points_series *series = &p->series[s];

			if (!is_known(p, series, t))
				continue;
			listing_csv_text(stdout, series->container);
			putchar_unlocked(',');
			print_time(p->from + (int64_t)t * p->step);
			for (size_t i = 0; i < p->n_metrics; i++) {
				double value = points_value(p, series, i, t);

				putchar_unlocked(',');
				if (!isnan(value))
					print_number(value);
			}
			putchar_unlocked('\n');
		}
	return finish();
}

static void print_json_point(const struct points *p, const struct points_series *series, size_t t,
			     char names[][POINTS_NAME_SIZE])
{
	printf("{\"time\": ");
	print_time(p->from + (int64_t)t * p->step);
	for (size_t i = 0; i < p->n_metrics; i++) {
		double value = points_value(p, series, i, t);

		printf(", \"%s\": ", names[i]);
		if (isnan(value))
			printf("null");
		else
			print_number(value);
	}
	putchar('}');
}

static int print_json(const struct points *p)
{
	char names[POINTS_METRICS_MAX][POINTS_NAME_SIZE];

	for (size_t i = 0; i < p->n_metrics; i++)
		points_metric_name(&p->metric[i], names[i]);
	printf("{\n\"step\": ");
	print_time(p->step);
	printf(",\n\"series\": [");
	for (size_t s = 0; s < p->n_series; s++) {
		bool first = true;

		printf("%s\n{\"container\": ", s ? "," : "");
		listing_json_text(stdout, p->series[s].container);
		printf(", \"points\": [");
		for (size_t t = 0; t < p->n_steps; t++) {
			if (!is_known(p, &p->series[s], t))
				continue;
			printf("%s\n  ", first ? "" : ",");
			print_json_point(p, &p->series[s], t, names);
			first = false;
		}
		printf("]}");
	}
	printf("\n]}\n");
	return finish();
}

static void set_cell(struct table *t, size_t column, const struct points_metric *metric,
		     double value)
{
	const struct metric_info *info = &metrics[metric->metric];
	bool rate = info->kind == METRIC_COUNTER && metric->how != POINTS_SUM;
	char text[RBCE_UNITS_SIZE];

	/* A time in a time: CPUs, or the part of the time in which something stood still. */
	if (info->unit == METRIC_USEC && rate)
		table_set(t, column, "%s",
			  rbce_format_percent((uint64_t)(value * 1e5 + 0.5), text));
	else if (info->unit == METRIC_USEC)
		table_set(t, column, "%s",
			  rbce_format_duration((uint64_t)(value * 1e6 + 0.5), text));
	else if (info->unit == METRIC_BYTES)
		table_set(t, column, "%s%s", rbce_format_size((uint64_t)(value + 0.5), text),
			  rate ? "/s" : "");
	else
		table_set(t, column, "%.*f", value == floor(value) ? 0 : 2, value);
}

static int print_table(const struct points *p)
{
	struct table_column columns[FIXED_COLUMNS + POINTS_METRICS_MAX];
	char names[POINTS_METRICS_MAX][POINTS_NAME_SIZE], text[TIMES_SIZE];
	struct table *t;

	columns[TIME_COLUMN] = (struct table_column){.title = "TIME", .key = "time"};
	columns[NAME_COLUMN] = (struct table_column){.title = "CONTAINER", .key = "container"};
	for (size_t i = 0; i < p->n_metrics; i++)
		columns[FIXED_COLUMNS + i] = (struct table_column){
			.title = points_metric_name(&p->metric[i], names[i]),
			.key = names[i],
			.right = true,
		};
	t = table_new("points", columns, FIXED_COLUMNS + p->n_metrics, false);
	for (size_t s = 0; s < p->n_series; s++)
		for (size_t step = 0; step < p->n_steps; step++) {
			if (!is_known(p, &p->series[s], step))
				continue;
			table_row(t, -1);
			table_set(t, TIME_COLUMN, "%s",
				  times_format(p->from + (int64_t)step * p->step, text));
			table_set(t, NAME_COLUMN, "%s", p->series[s].container);
			for (size_t i = 0; i < p->n_metrics; i++) {
				double value = points_value(p, &p->series[s], i, step);

				if (!isnan(value))
					set_cell(t, FIXED_COLUMNS + i, &p->metric[i], value);
			}
		}
	return table_finish(t);
}

static int print_points(const struct points *p, enum listing_form form)
{
	switch (form) {
	case LISTING_TABLE:
		return print_table(p);
	case LISTING_JSON:
		return print_json(p);
	case LISTING_CSV:
		return print_csv(p);
	}
	return -EINVAL;
}

static int run(const struct settings *s)
{
	struct points *points = NULL;
	struct progress progress;
	struct rbce_error err = {0};
	sqlite3 *db = NULL;
	int r = schema_open_reader(s->db, &db, &err);

	if (r == 1)
		r = rbce_error_set(&err, -ENODATA, "cannot query '%s': it is empty", s->db);
	if (r == 0) {
		progress_begin(&progress, "reading");
		r = points_read(db, s->db, &s->selection.wish, &progress, &points, &err);
		progress_end(&progress);
	}
	sqlite3_close(db);
	if (r < 0) {
		log_error("%s", err.message);
		return EXIT_FAILURE;
	}
	r = print_points(points, s->form);
	if (r < 0)
		log_error("cannot write the series: %s", strerror(-r));
	points_free(points);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int command_query(int argc, char **argv)
{
	struct settings s = {0};
	const struct option_row options[] = {
		OPTION_TEXT("db", "FILE", "the database", &s.db),
		OPTION_PARSED("metric", "METRIC,...", "what to show; may be given again",
			      selection_add_metrics, &s.selection),
		OPTION_PARSED("container", "NAME", "of it, or a pattern; may be given again (all)",
			      selection_add_container, &s.selection),
		PERIOD_OPTIONS(s.period),
		OPTION_PARSED("step", "TIME", "of the series (some hundred in the period)",
			      selection_set_step, &s.selection),
		OPTION_FLAG("csv", "as CSV", &s.csv),
		OPTION_FLAG("json", "as JSON", &s.json),
		{0},
	};
	const struct command_line line = {
		.usage = "query --db FILE --metric METRIC,... [--container NAME] [--since TIME] "
			 "[--until TIME]\n       [--step TIME] [--csv | --json]",
		.about = "Shows metrics of containers over time.",
		.more = "METRIC: a name as in containerstats(1), like cpu_seconds or memory_bytes; "
			"behind it may stand\n:sum (what a counter grew by), :rate (in a second), "
			":avg (of a gauge), :min or :max.\n" PERIOD_HELP,
		.options = options,
	};
	int at = options_parse(&line, argc, argv);

	if (at != argc) {
		log_error("cannot use '%s': query takes options only", argv[at]);
		return EXIT_USAGE;
	}
	return parse_settings(&s) < 0 ? EXIT_USAGE : run(&s);
}
