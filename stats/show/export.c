// SPDX-License-Identifier: GPL-2.0-or-later
/* containerstats export: a view of the database as CSV, or its metrics as OpenMetrics. */
#include <errno.h>
#include <math.h>

#include "cli/log.h"
#include "cli/options.h"
#include "listing.h"
#include "openmetrics.h"
#include "period.h"
#include "selection.h"
#include "stats/commands.h"
#include "stats/store/schema.h"
#include "util.h"

struct settings {
	const char *db, *format, *view;
	struct period_options period_options;
	struct period period;
	struct selection selection;
	bool openmetrics;
};

struct export
{
	const struct settings *settings;
	sqlite3 *db;
	struct progress progress;
	struct rbce_error err;
};

static int fail(struct export *e, int rc)
{
	return schema_error(e->db, rc, "read", e->settings->db, &e->err);
}

static int finish(struct export *e)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	return rbce_error_errno(&e->err, errno ? -errno : -EIO, "cannot write the export");
}

/* CSV: the rows of a view as they are. */

static int has_view(struct export *e, const char *name)
{
	bool has;
	int rc = schema_has(e->db, SCHEMA_HAS_NAME " AND type = 'view'", name, &has);

	if (rc != SQLITE_OK)
		return fail(e, rc);
	return has ? 0
		   : rbce_error_set(&e->err, -ENOENT,
				    "cannot export view '%s': '%s' has none of that name", name,
				    e->settings->db);
}

/* Only views with a time have a period. *TIME and *CONTAINER: those columns, or -1. */
static int prepare_view(struct export *e, sqlite3_stmt **ret, int *time, int *container)
{
	const char *name = e->settings->view;
	char *sql = sqlite3_mprintf("SELECT * FROM \"%w\"", name);
	int rc = sql ? sqlite3_prepare_v2(e->db, sql, -1, ret, NULL) : SQLITE_NOMEM;

	sqlite3_free(sql);
	*time = *container = -1;
	for (int i = 0; rc == SQLITE_OK && i < sqlite3_column_count(*ret); i++) {
		if (streq(sqlite3_column_name(*ret, i), "time"))
			*time = i;
		if (streq(sqlite3_column_name(*ret, i), "container"))
			*container = i;
	}
	if (rc != SQLITE_OK || *time < 0)
		return rc;
	sqlite3_finalize(*ret);
	sql = sqlite3_mprintf("SELECT * FROM \"%w\" WHERE time > ?1 AND time <= ?2", name);
	rc = sql ? sqlite3_prepare_v2(e->db, sql, -1, ret, NULL) : SQLITE_NOMEM;
	sqlite3_free(sql);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_double(*ret, 1, (double)e->settings->period.from / 1000);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_double(*ret, 2, (double)e->settings->period.until / 1000);
	return rc;
}

static void write_value(sqlite3_stmt *row, int column)
{
	switch (sqlite3_column_type(row, column)) {
	case SQLITE_NULL:
		break;
	case SQLITE_INTEGER:
		printf("%lld", (long long)sqlite3_column_int64(row, column));
		break;
	case SQLITE_FLOAT:
		printf("%.15g", sqlite3_column_double(row, column));
		break;
	default:
		listing_csv_text(stdout, (const char *)sqlite3_column_text(row, column) ?: "");
		break;
	}
}

static void write_csv_row(const struct export *e, sqlite3_stmt *row, int container)
{
	const char *name = NULL;

	if (container >= 0)
		name = (const char *)sqlite3_column_text(row, container);
	if (!selection_wants(&e->settings->selection.wish, name ?: ""))
		return;
	for (int i = 0; i < sqlite3_column_count(row); i++) {
		if (i > 0)
			putchar(',');
		write_value(row, i);
	}
	putchar('\n');
}

/* Rows come about in the order of their time, which tells how far it has got. */
static void note_progress(struct export *e, sqlite3_stmt *row, int time, double *begin)
{
	double now, end = (double)e->settings->period.until / 1000;

	if (time < 0)
		return;
	now = sqlite3_column_double(row, time);
	if (isnan(*begin))
		*begin = now;
	if (end > *begin)
		progress_set(&e->progress, (now - *begin) / (end - *begin));
}

static int export_csv(struct export *e)
{
	sqlite3_stmt *statement = NULL;
	double begin = NAN;
	int rc, time, container;

	rc = has_view(e, e->settings->view);
	if (rc < 0)
		return rc;
	rc = prepare_view(e, &statement, &time, &container);
	for (int i = 0; rc == SQLITE_OK && i < sqlite3_column_count(statement); i++) {
		printf("%s", i > 0 ? "," : "");
		listing_csv_text(stdout, sqlite3_column_name(statement, i));
	}
	if (rc == SQLITE_OK)
		putchar('\n');
	while (rc == SQLITE_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
		write_csv_row(e, statement, container);
		note_progress(e, statement, time, &begin);
		/* A closed pipe ends it soon. */
		rc = ferror(stdout) ? SQLITE_DONE : SQLITE_OK;
	}
	sqlite3_finalize(statement);
	return rc == SQLITE_DONE ? finish(e) : fail(e, rc);
}

/* OpenMetrics: counters from zero at the begin of the period; a value stands at its step's end. */

static void write_family(const struct points *p, size_t metric)
{
	size_t which = p->metric[metric].metric;
	bool counter = metrics[which].kind == METRIC_COUNTER, begun = false;

	for (size_t s = 0; s < p->n_series; s++) {
		double sum = 0;

		for (size_t t = 0; t < p->n_steps; t++) {
			double value = points_value(p, &p->series[s], metric, t);

			if (isnan(value))
				continue;
			if (!begun)
				openmetrics_family(stdout, which, false);
			begun = true;
			sum += value;
			openmetrics_sample(stdout, which, p->series[s].container,
					   counter ? sum : value,
					   p->from + (int64_t)(t + 1) * p->step);
		}
	}
}

/* All metrics, where none was named. */
static int export_openmetrics(struct export *e)
{
	struct points_wish wish = e->settings->selection.wish;
	struct points_metric named[POINTS_METRICS_MAX];
	size_t n_named = wish.n_metrics, n = n_named ?: METRIC_TOTAL;
	struct points *points;
	int r = 0;

	memcpy(named, wish.metric, sizeof(named));
	wish.from = e->settings->period.from;
	wish.until = e->settings->period.until;
	/* One at a time: families may not be mixed, and this takes the least memory. */
	for (size_t i = 0; r == 0 && i < n; i++) {
		size_t metric = n_named ? named[i].metric : i;

		wish.n_metrics = 1;
		wish.metric[0] = (struct points_metric){
			.metric = metric,
			.how = metrics[metric].kind == METRIC_COUNTER ? POINTS_SUM : POINTS_AVG,
		};
		r = points_read(e->db, e->settings->db, &wish, NULL, &points, &e->err);
		if (r < 0)
			return r;
		write_family(points, 0);
		points_free(points);
		progress_now(&e->progress, (double)(i + 1) / (double)n);
		r = ferror(stdout) ? 1 : 0;
	}
	openmetrics_end(stdout);
	return finish(e);
}

/* The command line. */

static int parse_settings(struct settings *s)
{
	if (!s->db) {
		log_error("cannot export: --db FILE is missing");
		return -EINVAL;
	}
	s->openmetrics = streq(s->format, "openmetrics");
	if (!s->openmetrics && !streq(s->format, "csv")) {
		log_error("cannot use --format '%s': give csv or openmetrics", s->format);
		return -EINVAL;
	}
	if (s->openmetrics && s->view) {
		log_error("cannot use --view with --format openmetrics: that has metrics, each of "
			  "its own");
		return -EINVAL;
	}
	if (!s->openmetrics && (s->selection.wish.n_metrics > 0 || s->selection.wish.step > 0)) {
		log_error("cannot use --metric or --step with --format csv: it has the rows of a "
			  "view; see query");
		return -EINVAL;
	}
	s->view = s->view ?: "usage";
	return period_parse(&s->period_options, &s->period);
}

static int run(const struct settings *s)
{
	struct export e = {.settings = s};
	int r = schema_open_reader(s->db, &e.db, &e.err);

	if (r == 1)
		r = rbce_error_set(&e.err, -ENODATA, "cannot export '%s': it is empty", s->db);
	/* In one transaction: the recorder goes on meanwhile. */
	if (r == 0 && schema_run(e.db, "BEGIN") != SQLITE_OK)
		r = fail(&e, sqlite3_errcode(e.db));
	if (r == 0) {
		progress_begin(&e.progress, "exporting");
		r = s->openmetrics ? export_openmetrics(&e) : export_csv(&e);
		progress_end(&e.progress);
	}
	sqlite3_close(e.db);
	if (r < 0)
		log_error("%s", e.err.message);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int command_export(int argc, char **argv)
{
	struct settings s = {.format = "csv"};
	const struct option_row options[] = {
		OPTION_TEXT("db", "FILE", "the database", &s.db),
		OPTION_TEXT("format", "FORMAT", "csv or openmetrics (csv)", &s.format),
		PERIOD_OPTIONS(s.period_options),
		OPTION_PARSED("container", "NAME", "of it, or a pattern; may be given again (all)",
			      selection_add_container, &s.selection),
		OPTION_TEXT("view", "NAME", "for csv: the view of the database (usage)", &s.view),
		OPTION_PARSED("metric", "METRIC,...", "for openmetrics: which (all)",
			      selection_add_metrics, &s.selection),
		OPTION_PARSED("step", "TIME", "for openmetrics: of the series", selection_set_step,
			      &s.selection),
		{0},
	};
	const struct command_line line = {
		.usage = "export --db FILE [--format FORMAT] [--since TIME] [--until TIME] "
			 "[OPTION...]",
		.about = "Writes what was recorded to standard output: the rows of a view as CSV, "
			 "or metrics over\ntime as OpenMetrics.",
		.more = PERIOD_HELP,
		.options = options,
	};
	int at = options_parse(&line, argc, argv);

	if (at != argc) {
		log_error("cannot use '%s': export takes options only", argv[at]);
		return EXIT_USAGE;
	}
	return parse_settings(&s) < 0 ? EXIT_USAGE : run(&s);
}
