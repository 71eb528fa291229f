// SPDX-License-Identifier: GPL-2.0-or-later
/* containerstats report: what each container used over a period, from the database. */
#include <errno.h>
#include <inttypes.h>
#include <rbce/units.h>

#include "cli/log.h"
#include "cli/options.h"
#include "listing.h"
#include "period.h"
#include "report-exits.h"
#include "report.h"
#include "stats/commands.h"
#include "stats/exits/jobs.h"
#include "stats/store/schema.h"
#include "stats/times.h"
#include "util.h"

/* Reading. */

/*
 * The period is what was recorded of the wish: from the first tick in it to the last. Returns 1
 * when nothing was.
 */
static int read_period(struct report *r, const struct period *wish, struct rbce_error *err)
{
	sqlite3_stmt *statement = NULL;
	int64_t start, end;
	int rc, found = 1;

	rc = sqlite3_prepare_v2(r->db,
				"SELECT min(started), max(last_tick), max(interval) FROM runs"
				" WHERE last_tick >= ?1 AND started <= ?2",
				-1, &statement, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(statement, 1, wish->from);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(statement, 2, wish->until);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(statement);
	if (rc == SQLITE_ROW && sqlite3_column_type(statement, 0) != SQLITE_NULL) {
		start = sqlite3_column_int64(statement, 0);
		end = sqlite3_column_int64(statement, 1);
		r->period.start = start > wish->from ? start : wish->from;
		r->period.end = end < wish->until ? end : wish->until;
		r->period.hold = SCHEMA_HEARTBEAT_MS + 2 * sqlite3_column_int64(statement, 2);
		found = 0;
	}
	sqlite3_finalize(statement);
	return rc == SQLITE_ROW ? found : report_fail(r, rc, err);
}

static int add_account(struct report *r, sqlite3_stmt *row)
{
	const char *name = (const char *)sqlite3_column_text(row, 1);
	struct account *a = calloc(1, sizeof(*a));

	if (a)
		a->name = name ? strdup(name) : NULL;
	if (!a || !a->name) {
		free(a);
		return SQLITE_NOMEM;
	}
	a->id = sqlite3_column_int64(row, 0);
	a->first_seen = sqlite3_column_int64(row, 2);
	a->last_seen = sqlite3_column_type(row, 3) == SQLITE_NULL ? INT64_MAX
								  : sqlite3_column_int64(row, 3);
	HASH_ADD(hh, r->accounts, id, sizeof(a->id), a);
	return SQLITE_OK;
}

static int read_containers(struct report *r, struct rbce_error *err)
{
	sqlite3_stmt *statement = NULL;
	int rc;

	rc = sqlite3_prepare_v2(r->db,
				"SELECT id, name, first_seen, last_seen FROM containers"
				" WHERE first_seen <= ?2 AND (last_seen IS NULL OR last_seen >= ?1)"
				" ORDER BY name <> '/', name, id",
				-1, &statement, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(statement, 1, r->period.start);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(statement, 2, r->period.end);
	while (rc == SQLITE_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW)
		rc = add_account(r, statement);
	sqlite3_finalize(statement);
	return rc == SQLITE_DONE ? 0 : report_fail(r, rc, err);
}

/* All in one transaction: the recorder goes on meanwhile. 1 when nothing was recorded. */
static int open_report(struct report *r, const struct period *wish, struct rbce_error *err)
{
	int result = schema_open_reader(r->path, &r->db, err), rc;

	if (result != 0)
		return result;
	rc = schema_run(r->db, "BEGIN");
	return rc == SQLITE_OK ? read_period(r, wish, err) : report_fail(r, rc, err);
}

static int read_report(struct report *r, struct rbce_error *err)
{
	int result = read_containers(r, err);

	return result == 0 ? report_read_rows(r, err) : result;
}

static void drop_account(struct report *r, struct account *a)
{
	HASH_DEL(r->accounts, a);
	free(a->name);
	free(a);
}

static void free_report(struct report *r)
{
	while (r->accounts)
		drop_account(r, r->accounts);
	sqlite3_close(r->db);
}

/* One account for each name: its generations follow one another. */
static void merge_generations(struct report *r)
{
	for (struct account *a = r->accounts, *next; a; a = a->hh.next)
		while ((next = a->hh.next) && streq(next->name, a->name)) {
			tally_merge(&a->tally, &next->tally);
			a->last_seen = next->last_seen;
			drop_account(r, next);
		}
}

static double cpu_of(const struct report *r, const struct account *a)
{
	double cpu;

	return tally_value(&a->tally, &r->period, METRIC_CPU, TALLY_TOTAL, &cpu) ? cpu : -1;
}

static const struct report *sorted_report;

static int compare_cpu(const struct account *a, const struct account *b)
{
	double x = cpu_of(sorted_report, a), y = cpu_of(sorted_report, b);

	return (x < y) - (x > y);
}

static void keep_top(struct report *r, uint64_t top)
{
	struct account *a, *next;

	sorted_report = r;
	HASH_SORT(r->accounts, compare_cpu);
	for (a = r->accounts; a; a = next) {
		next = a->hh.next;
		if (top > 0)
			top--;
		else
			drop_account(r, a);
	}
}

/* Printing. */

/* The columns: a few that are no metric, those for people, and for JSON all of every metric. */
enum { NAME, BEGIN, END, FROM, TO, FIRST_SEEN, LAST_SEEN, FIXED_COLUMNS };

static const struct table_column fixed[FIXED_COLUMNS] = {
	[NAME] = {.title = "CONTAINER", .key = "container"},
	[BEGIN] = {.title = "BEGIN", .key = "begin", .human_only = true},
	[END] = {.title = "END", .key = "end", .human_only = true},
	[FROM] = {.key = "from", .number = true, .json_only = true},
	[TO] = {.key = "to", .number = true, .json_only = true},
	[FIRST_SEEN] = {.key = "first_seen", .number = true, .json_only = true},
	[LAST_SEEN] = {.key = "last_seen", .number = true, .json_only = true},
};

static const struct {
	const char *title;
	enum metric metric;
	enum tally_view view;
} shown[] = {
	{"CPU TIME", METRIC_CPU, TALLY_TOTAL},
	{"CPU", METRIC_CPU, TALLY_SHARE},
	{"MEM AVG", METRIC_MEMORY, TALLY_AVERAGE},
	{"MEM PEAK", METRIC_MEMORY, TALLY_PEAK},
	{"READ", METRIC_IO_READ, TALLY_TOTAL},
	{"WRITTEN", METRIC_IO_WRITTEN, TALLY_TOTAL},
	{"PIDS", METRIC_PIDS, TALLY_LAST},
	{"PIDS PEAK", METRIC_PIDS, TALLY_PEAK},
	{"THROTTLED", METRIC_THROTTLED, TALLY_TOTAL},
};

static const struct {
	enum metric_kind kind;
	const char *suffix;
	enum tally_view view;
} keys[] = {
	{METRIC_COUNTER, "", TALLY_TOTAL},
	{METRIC_GAUGE, "_avg", TALLY_AVERAGE},
	{METRIC_GAUGE, "_peak", TALLY_PEAK},
	{METRIC_GAUGE, "_last", TALLY_LAST},
};

/* What is told of jobs of a batch system alone: numbers, and waiting in seconds. */
enum job_number { JOB_EXITS, JOB_FAILED, JOB_KILLED, JOB_CPU_DELAY, JOB_IO_DELAY, JOB_NUMBERS };

static const struct {
	const char *title, *key;
} of_jobs[JOB_NUMBERS] = {
	[JOB_EXITS] = {"EXITS", "exits"},
	[JOB_FAILED] = {"FAILED", "failed"},
	[JOB_KILLED] = {"KILLED", "killed"},
	[JOB_CPU_DELAY] = {"CPU DELAY", "cpu_delay_seconds"},
	[JOB_IO_DELAY] = {"IO DELAY", "block_io_delay_seconds"},
};

/* Begin and end of each are told of jobs alone; a column without a title is not for people. */
enum {
	MAX_COLUMNS = FIXED_COLUMNS + ARRAY_SIZE(shown) + 1 + 2 * JOB_NUMBERS + 1 + 3 * METRIC_TOTAL
};

struct column {
	enum metric metric;
	enum tally_view view;
	bool of_job; /* NUMBER of the job's tasks that ended, and no metric */
	enum job_number number;
	char key[64];
};

struct layout {
	size_t n;
	struct table_column table[MAX_COLUMNS];
	struct column column[MAX_COLUMNS];
};

static struct table_column *add_column(struct layout *l, enum metric metric, enum tally_view view)
{
	l->column[l->n] = (struct column){.metric = metric, .view = view};
	l->table[l->n] = (struct table_column){
		.key = l->column[l->n].key,
		.right = true,
		.number = true,
	};
	return &l->table[l->n++];
}

static void add_job_column(struct layout *l, enum job_number number, bool human)
{
	struct table_column *c = add_column(l, 0, TALLY_TOTAL);

	l->column[l->n - 1].of_job = true;
	l->column[l->n - 1].number = number;
	c->title = human ? of_jobs[number].title : NULL;
	c->key = of_jobs[number].key;
	c->human_only = human;
	c->json_only = !human;
}

static void add_job_columns(struct layout *l)
{
	struct table_column *c = add_column(l, METRIC_OOM_KILLS, TALLY_TOTAL);

	c->title = "OOM";
	c->human_only = true;
	for (enum job_number i = 0; i < JOB_NUMBERS; i++) {
		add_job_column(l, i, true);
		add_job_column(l, i, false);
	}
}

static void make_layout(struct layout *l, bool jobs)
{
	struct table_column *c;

	for (l->n = 0; l->n < FIXED_COLUMNS; l->n++)
		l->table[l->n] = fixed[l->n];
	l->table[BEGIN].json_only = l->table[END].json_only = !jobs;
	for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
		c = add_column(l, shown[i].metric, shown[i].view);
		c->title = shown[i].title;
		c->human_only = true;
	}
	if (jobs)
		add_job_columns(l);
	c = add_column(l, METRIC_CPU, TALLY_SHARE);
	c->key = "cpu_percent";
	c->json_only = true;
	for (size_t i = 0; i < METRIC_TOTAL; i++)
		for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
			if (keys[k].kind != metrics[i].kind)
				continue;
			c = add_column(l, i, keys[k].view);
			snprintf(l->column[l->n - 1].key, sizeof(l->column[0].key), "%s%s",
				 metric_shown(i), keys[k].suffix);
			c->json_only = true;
		}
}

/* For people, with a unit. */
static void set_human(struct listing *t, size_t column, const struct column *c, double value)
{
	char text[RBCE_UNITS_SIZE];

	if (c->view == TALLY_SHARE) {
		listing_set(t, column, "%s", rbce_format_percent((uint64_t)(value * 100000), text));
		return;
	}
	switch (metrics[c->metric].unit) {
	case METRIC_USEC:
		listing_set(t, column, "%s", rbce_format_duration((uint64_t)value, text));
		break;
	case METRIC_BYTES:
		listing_set(t, column, "%s", rbce_format_size((uint64_t)value, text));
		break;
	case METRIC_NUMBER:
		listing_set(t, column, "%.0f", value);
		break;
	}
}

/* Exact: the kernel's integers, times as seconds with all of their microseconds. */
static void set_json(struct listing *t, size_t column, const struct column *c, double value)
{
	uint64_t whole = (uint64_t)value;

	if (c->view == TALLY_SHARE)
		listing_set(t, column, "%.3f", value * 100);
	else if (c->view == TALLY_AVERAGE)
		listing_set(t, column, "%.3f", value);
	else if (metrics[c->metric].unit == METRIC_USEC)
		listing_set(t, column, "%llu.%06u", (unsigned long long)(whole / 1000000),
			    (unsigned)(whole % 1000000));
	else
		listing_set(t, column, "%llu", (unsigned long long)whole);
}

static void set_of_job(struct listing *t, size_t column, const struct column *c, bool human,
		       const struct job_exits *e)
{
	const uint64_t counts[] = {
		[JOB_EXITS] = e->exits,
		[JOB_FAILED] = e->failed,
		[JOB_KILLED] = e->killed,
	};
	double seconds = c->number == JOB_CPU_DELAY ? e->cpu_delay : e->block_io_delay;
	char text[RBCE_UNITS_SIZE];

	if (c->number < ARRAY_SIZE(counts))
		listing_set(t, column, "%" PRIu64, counts[c->number]);
	else if (human)
		listing_set(t, column, "%s",
			    rbce_format_duration((uint64_t)(seconds * 1e6 + 0.5), text));
	else
		listing_set(t, column, "%.6f", seconds);
}

static void set_time(struct listing *t, size_t column, int64_t ms)
{
	listing_set(t, column, "%lld.%03d", (long long)(ms / 1000), (int)(ms % 1000));
}

static void print_account(const struct report *r, const struct layout *l, struct listing *t,
			  const struct account *a)
{
	char text[TIMES_SIZE];

	listing_row(t);
	listing_set(t, NAME, "%s", a->name);
	listing_set(t, BEGIN, "%s", times_format(a->first_seen, text));
	if (a->last_seen != INT64_MAX)
		listing_set(t, END, "%s", times_format(a->last_seen, text));
	set_time(t, FROM, r->period.start);
	set_time(t, TO, r->period.end);
	set_time(t, FIRST_SEEN, a->first_seen);
	if (a->last_seen != INT64_MAX)
		set_time(t, LAST_SEEN, a->last_seen);
	for (size_t i = FIXED_COLUMNS; i < l->n; i++) {
		const struct column *c = &l->column[i];
		double value;

		if (c->of_job && a->ended.known)
			set_of_job(t, i, c, l->table[i].human_only, &a->ended);
		if (c->of_job || !tally_value(&a->tally, &r->period, c->metric, c->view, &value))
			continue;
		if (l->table[i].human_only)
			set_human(t, i, c, value);
		else
			set_json(t, i, c, value);
	}
}

static int print_report(struct report *r, bool jobs, enum listing_form form)
{
	static struct layout layout;
	struct listing *t;
	char from[TIMES_SIZE], to[TIMES_SIZE], length[RBCE_UNITS_SIZE];

	make_layout(&layout, jobs);
	if (form == LISTING_TABLE && r->accounts)
		printf("%s to %s (%s)\n\n", times_format(r->period.start, from),
		       times_format(r->period.end, to),
		       rbce_format_duration((uint64_t)(r->period.end - r->period.start) * 1000,
					    length));
	t = listing_new("containers", layout.table, layout.n, form);
	for (const struct account *a = r->accounts; a; a = a->hh.next)
		print_account(r, &layout, t, a);
	return listing_finish(t);
}

/* The command line. */

enum report_by { BY_CONTAINER, BY_JOB, BY_USER, BY_EXECUTABLE };

static const char *const by_names[] = {
	[BY_CONTAINER] = "container",
	[BY_JOB] = "job",
	[BY_USER] = "user",
	[BY_EXECUTABLE] = "executable",
};

struct settings {
	const char *db, *by_text, *top_text;
	struct period_options period_options;
	bool json, csv;
	struct period period;
	enum report_by by;
	uint64_t top; /* RBCE_UNLIMITED: all, in order of names */
	enum listing_form form;
};

static int parse_by(const char *text, enum report_by *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(by_names); i++)
		if (streq(text, by_names[i])) {
			*ret = (enum report_by)i;
			return 0;
		}
	log_error("cannot report by '%s': give container, job, user or executable", text);
	return -EINVAL;
}

static int parse_settings(struct settings *s)
{
	s->top = RBCE_UNLIMITED;
	if (!s->db) {
		log_error("cannot report: --db FILE is missing");
		return -EINVAL;
	}
	if (s->top_text && rbce_parse_number(s->top_text, 1, UINT32_MAX, &s->top) < 0) {
		log_error("cannot use --top '%s': give a number from 1 on", s->top_text);
		return -EINVAL;
	}
	if (parse_by(s->by_text, &s->by) < 0 || listing_form(s->json, s->csv, &s->form) < 0)
		return -EINVAL;
	return period_parse(&s->period_options, &s->period);
}

static int report_containers(struct report *r, const struct settings *s, struct rbce_error *err)
{
	int result = r->db && r->period.hold ? read_report(r, err) : 0;

	if (result == 0 && s->by == BY_JOB && r->db)
		result = jobs_read(r, &s->period, err);
	if (result < 0)
		return result;
	if (s->by == BY_CONTAINER)
		merge_generations(r);
	if (s->top != RBCE_UNLIMITED)
		keep_top(r, s->top);
	result = print_report(r, s->by == BY_JOB, s->form);
	return result < 0 ? rbce_error_errno(err, result, "cannot write the report") : 0;
}

static int run(const struct settings *s)
{
	struct report r = {.path = s->db};
	struct rbce_error err = {0};
	int result = open_report(&r, &s->period, &err);

	if (result >= 0 && (s->by == BY_CONTAINER || s->by == BY_JOB))
		result = report_containers(&r, s, &err);
	else if (result >= 0)
		result = report_exits(r.db, r.path, &r.period,
				      s->by == BY_USER ? EXITS_BY_USER : EXITS_BY_EXECUTABLE,
				      s->top, s->form, &err);
	if (result < 0)
		log_error("%s", err.message);
	free_report(&r);
	return result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int command_report(int argc, char **argv)
{
	struct settings s = {.by_text = "container"};
	const struct option_row options[] = {
		OPTION_TEXT("db", "FILE", "the database", &s.db),
		PERIOD_OPTIONS(s.period_options),
		OPTION_TEXT("by", "WHAT", "container, job, user or executable (container)",
			    &s.by_text),
		OPTION_TEXT("top", "N", "only those that used the most CPU time", &s.top_text),
		OPTION_FLAG("csv", "exact numbers of every metric, as CSV", &s.csv),
		OPTION_FLAG("json", "exact numbers of every metric, as JSON", &s.json),
		{0},
	};
	const struct command_line line = {
		.usage =
			"report --db FILE [--since TIME] [--until TIME] [--last TIME] [--by WHAT]\n"
			"       [--top N] [--csv | --json]",
		.about = "Prints what was used over a period: by each container, those below it "
			 "included; by each job,\nwhich is a container from when it was made until "
			 "it was removed; or by the tasks that ended in\ncontainers, of each user "
			 "or "
			 "program.",
		.more = PERIOD_HELP,
		.options = options,
	};
	int at = options_parse(&line, argc, argv);

	if (at != argc) {
		log_error("cannot use '%s': report takes options only", argv[at]);
		return EXIT_USAGE;
	}
	return parse_settings(&s) < 0 ? EXIT_USAGE : run(&s);
}
