// SPDX-License-Identifier: GPL-2.0-or-later
/* containerstats top: what every container does now, on the terminal or as text. */
#include "top.h"

#include <errno.h>
#include <math.h>
#include <rbce/units.h>
#include <time.h>

#include "cli/log.h"
#include "cli/options.h"
#include "cli/table.h"
#include "stats/commands.h"
#include "stats/times.h"
#include "util.h"

#define MIN_INTERVAL UINT64_C(100000)
#define MAX_INTERVAL UINT64_C(3600000000)

/* Batch. */

enum { TIME, NAME, FIXED_COLUMNS };

static void make_columns(struct table_column columns[FIXED_COLUMNS + TOP_COLUMNS])
{
	columns[TIME] = (struct table_column){.key = "time", .number = true, .json_only = true};
	columns[NAME] =
		(struct table_column){.title = "CONTAINER", .key = "container", .tree = true};
	for (size_t i = 0; i < TOP_COLUMNS; i++)
		columns[FIXED_COLUMNS + i] = (struct table_column){
			.title = top_columns[i].title,
			.key = top_columns[i].key,
			.right = true,
			.number = true,
		};
}

/* JSON has no infinity: what has no limit is null there, as what is not known. */
static void set_value(struct table *t, enum top_column column, double value, bool json)
{
	char text[TOP_CELL_SIZE];

	if (!json)
		table_set(t, FIXED_COLUMNS + column, "%s", top_column_format(column, value, text));
	else if (isfinite(value))
		table_set(t, FIXED_COLUMNS + column, "%.*f", value == floor(value) ? 0 : 3, value);
}

/* A table of the lines as they would be on the screen, from the first to the last. */
static int print_tick(const struct top_model *m, int64_t time, bool json)
{
	struct table_column columns[FIXED_COLUMNS + TOP_COLUMNS];
	const struct top_line *lines;
	struct table *t;
	int above[65] = {0};
	size_t n;

	make_columns(columns);
	lines = top_model_lines(m, &n);
	t = table_new("containers", columns, FIXED_COLUMNS + TOP_COLUMNS, json);
	for (size_t i = 0; i < n; i++) {
		unsigned depth = lines[i].depth < 64 ? lines[i].depth : 63;

		above[depth + 1] = table_row(t, depth > 0 ? above[depth] : -1);
		table_set(t, TIME, "%lld.%03d", (long long)(time / 1000), (int)(time % 1000));
		table_set(t, NAME, "%s", lines[i].row->name);
		for (size_t c = 0; c < TOP_COLUMNS; c++)
			set_value(t, c, lines[i].row->value[c], json);
	}
	return table_finish(t);
}

/* The first tick only tells from where to count, and is not printed. */
static int run_batch(struct top *top)
{
	struct timespec now_monotonic;
	uint64_t next;
	char text[TIMES_SIZE];
	int64_t now;
	int r = top_source_tick(top->source, top->model, &top->host);

	clock_gettime(CLOCK_MONOTONIC, &now_monotonic);
	next = (uint64_t)now_monotonic.tv_sec * 1000000 + (uint64_t)now_monotonic.tv_nsec / 1000;
	for (uint64_t i = 0; r == 0 && i < top->count; i++) {
		next += top->interval;
		top_source_wait(top->source, next);
		r = top_source_tick(top->source, top->model, &top->host);
		now = times_now();
		if (r == 0 && !top->json)
			printf("%s%s\n", i > 0 ? "\n" : "", times_format(now, text));
		if (r == 0)
			r = print_tick(top->model, now, top->json);
	}
	if (r < 0)
		log_error("cannot print the containers: %s", strerror(-r));
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* The command line. */

struct settings {
	const char *root, *interval, *count, *sort, *filter;
	bool batch, json, flat, reverse, no_colour;
};

static char *describe_columns(void)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		return NULL;
	fprintf(out, "Columns:");
	for (size_t i = 0; i < TOP_COLUMNS; i++)
		fprintf(out, "\n  %-26s %s", top_columns[i].key, top_columns[i].help);
	fprintf(out, "\n\nKeys: F1 shows them.");
	fclose(out);
	return text;
}

static int read_settings(const struct settings *s, struct top *top)
{
	int column = TOP_CPU;

	top->count = RBCE_UNLIMITED;
	top->json = s->json;
	top->colour = !s->no_colour && !getenv("NO_COLOR");
	top->group = s->root;
	top->interval_text = s->interval;
	if (rbce_parse_duration(s->interval, &top->interval) < 0 || top->interval < MIN_INTERVAL ||
	    top->interval > MAX_INTERVAL) {
		log_error("cannot use --interval '%s': give a duration from 100ms to 1h",
			  s->interval);
		return -EINVAL;
	}
	if (s->count && rbce_parse_number(s->count, 1, UINT32_MAX, &top->count) < 0) {
		log_error("cannot use --count '%s': give a number from 1 on", s->count);
		return -EINVAL;
	}
	if (s->sort && streq(s->sort, "name"))
		column = TOP_BY_NAME;
	else if (s->sort && (column = top_column_find(s->sort)) < 0) {
		log_error("cannot sort by '%s': there is no such column; see --help", s->sort);
		return -EINVAL;
	}
	top_model_sort(top->model, column, s->reverse);
	top_model_set_tree(top->model, !s->flat);
	return top_model_filter(top->model, s->filter);
}

static int run(const struct settings *s)
{
	struct top top = {.model = top_model_new()};
	struct rbce_error err = {0};
	int status = EXIT_FAILURE;

	if (!top.model)
		log_error("cannot show: out of memory");
	else if (read_settings(s, &top) < 0)
		status = EXIT_USAGE;
	else if (top_source_open(s->root, &top.source, &err) < 0)
		log_error("%s", err.message);
	else if (s->batch || s->json)
		status = run_batch(&top);
	else
		status = top_watch(&top);
	top_source_close(top.source);
	top_model_free(top.model);
	return status;
}

int command_top(int argc, char **argv)
{
	struct settings s = {.root = "rbce", .interval = "1s", .filter = ""};
	cleanup_free char *more = describe_columns();
	const struct option_row options[] = {
		OPTION_TEXT("root", "NAME", "root group (rbce)", &s.root),
		OPTION_TEXT("interval", "TIME", "between looks (1s)", &s.interval),
		OPTION_TEXT("sort", "COLUMN", "order (cpu_percent), or 'name'", &s.sort),
		OPTION_FLAG("reverse", "the other way round", &s.reverse),
		OPTION_FLAG("flat", "all in one order, not as a tree", &s.flat),
		OPTION_TEXT("filter", "TEXT", "only containers with it in their names", &s.filter),
		OPTION_FLAG("no-color", "without colours", &s.no_colour),
		OPTION_FLAG("batch", "print tables instead", &s.batch),
		OPTION_TEXT("count", "N", "end after so many tables (never)", &s.count),
		OPTION_FLAG("json", "as --batch, one JSON object for each look", &s.json),
		{0},
	};
	const struct command_line line = {
		.usage = "top [--root NAME] [--interval TIME] [--batch] [OPTION...]",
		.about = "Shows what every container does now, those below it included.",
		.more = more,
		.options = options,
	};
	int at = options_parse(&line, argc, argv);

	if (at != argc) {
		log_error("cannot use '%s': top takes options only", argv[at]);
		return EXIT_USAGE;
	}
	return run(&s);
}
