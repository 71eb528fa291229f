// SPDX-License-Identifier: GPL-2.0-or-later
/* containerstats fairness: what each container got of the CPUs against what its weight promised. */
#include <errno.h>
#include <rbce/units.h>
#include <uthash.h>

#include "cli/log.h"
#include "cli/options.h"
#include "cli/table.h"
#include "period.h"
#include "stats/commands.h"
#include "stats/shares/judge.h"
#include "stats/shares/read.h"
#include "stats/store/schema.h"
#include "stats/times.h"
#include "util.h"

/* Sums over the period, microseconds; of one CPU or of all. */
struct sums {
	bool seen;
	bool unknown; /* for some of it nothing tells of waiting */
	double ran, waited, entitled;
};

struct container {
	char *name; /* "" is the rest */
	int64_t weight;
	double throttled, periods, throttled_periods;
	struct sums all;
	struct sums *cpus;
	size_t n_cpus;
	UT_hash_handle hh;
};

/* One row of a span: of a container, on one CPU or on all (-1). */
struct row {
	struct container *container;
	int cpu;
	double ran, waited; /* waited: negative when not known */
	double weight;
	double entitled;
	bool judged;
};

struct span {
	int64_t time;
	double period; /* microseconds */
	struct row *rows;
	size_t n, room;
};

struct fairness {
	const char *path;
	sqlite3 *db;
	struct period asked;
	int64_t first, last;
	struct container *containers;
	struct span span;
	double idle[SHARES_CPUS_MAX];
	size_t n_cpus;
};

static int fail(const struct fairness *f, int rc, struct rbce_error *err)
{
	return schema_error(f->db, rc, "read", f->path, err);
}

/* ---- judging a span ---- */

/* The container above, "/" for one at the top; NULL for the root group and the rest. */
static const struct container *above(const struct fairness *f, const struct container *c)
{
	const char *slash = strrchr(c->name, '/');
	struct container *found;

	if (!*c->name || streq(c->name, "/"))
		return NULL;
	if (slash)
		HASH_FIND(hh, f->containers, c->name, (size_t)(slash - c->name), found);
	else
		HASH_FIND(hh, f->containers, "/", 1, found);
	return found;
}

static const struct row *row_of(const struct span *span, const struct container *c, int cpu)
{
	for (size_t i = 0; c && i < span->n; i++)
		if (span->rows[i].container == c && span->rows[i].cpu == cpu)
			return &span->rows[i];
	return NULL;
}

static double at_most(double value, double most)
{
	return value < most ? value : most;
}

/*
 * The children of PARENT on one CPU: they share what it got, while it was runnable, and its own
 * tasks share it with them, each with the weight of a group that nobody has set.
 */
static void judge_children(const struct span *span, const struct row *parent, struct row **rows,
			   size_t n, struct competitor *c)
{
	double own = parent ? parent->ran : 0, most = span->period, kept = 1, runnable = 0;

	for (size_t i = 0; i < n; i++) {
		own -= rows[i]->ran;
		runnable = rows[i]->ran + rows[i]->waited > runnable
				   ? rows[i]->ran + rows[i]->waited
				   : runnable;
	}
	if (parent && parent->waited >= 0 && parent->ran + parent->waited > 0) {
		double asked = parent->ran + parent->waited;

		kept = parent->ran / asked;
		runnable = asked > runnable ? asked : runnable;
	}
	/* All CPUs together: more than one at a time. */
	most = rows[0]->cpu < 0 || runnable < most ? runnable : most;
	most = most > 1 ? most : 1;
	for (size_t i = 0; i < n; i++)
		c[i] = (struct competitor){
			.weight = rows[i]->weight > 0 ? rows[i]->weight : 1,
			.runnable = at_most((rows[i]->ran + rows[i]->waited) / most, 1)};
	c[n] = (struct competitor){.weight = 100, .runnable = own > 0 ? at_most(own / most, 1) : 0};
	judge(c, n + 1);
	for (size_t i = 0; i < n; i++) {
		rows[i]->entitled = (rows[i]->ran + rows[i]->waited) * kept * c[i].share;
		rows[i]->judged = true;
	}
}

/* All of a span: families one after the other, each found by its first row. */
static int judge_span(struct fairness *f)
{
	struct span *span = &f->span;
	cleanup_free struct row **family = calloc(span->n + 1, sizeof(struct row *));
	cleanup_free struct competitor *c = calloc(span->n + 1, sizeof(*c));

	if (!family || !c)
		return -ENOMEM;
	for (size_t i = 0; i < span->n; i++) {
		const struct container *parent = above(f, span->rows[i].container);
		size_t n = 0;
		bool known = true;

		if (!parent || span->rows[i].judged)
			continue;
		for (size_t j = i; j < span->n && span->rows[j].cpu == span->rows[i].cpu; j++)
			if (above(f, span->rows[j].container) == parent) {
				family[n++] = &span->rows[j];
				known &= span->rows[j].waited >= 0;
			}
		for (size_t j = 0; j < n; j++)
			family[j]->judged = true;
		if (known)
			judge_children(span, row_of(span, parent, span->rows[i].cpu), family, n, c);
		else
			for (size_t j = 0; j < n; j++)
				family[j]->entitled = -1;
	}
	return 0;
}

static void add_sums(struct sums *sums, const struct row *row)
{
	sums->seen = true;
	sums->ran += row->ran;
	if (row->waited < 0 || row->entitled < 0) {
		sums->unknown = true;
		return;
	}
	sums->waited += row->waited;
	sums->entitled += row->entitled;
}

static int add_row(struct row *row, bool single)
{
	struct container *c = row->container;

	if (row->cpu < 0) {
		/* What the CPUs say one by one is more exact than all at once. */
		if (!single)
			add_sums(&c->all, row);
		return 0;
	}
	if ((size_t)row->cpu >= c->n_cpus) {
		size_t n = (size_t)row->cpu + 1;
		struct sums *cpus = realloc(c->cpus, n * sizeof(*cpus));

		if (!cpus)
			return -ENOMEM;
		memset(cpus + c->n_cpus, 0, (n - c->n_cpus) * sizeof(*cpus));
		c->cpus = cpus;
		c->n_cpus = n;
	}
	add_sums(&c->cpus[row->cpu], row);
	add_sums(&c->all, row);
	return 0;
}

/* A span is whole: judges it and adds it up. */
static int finish_span(struct fairness *f)
{
	struct span *span = &f->span;
	bool single = span->n && span->rows[span->n - 1].cpu >= 0;
	int r = judge_span(f);

	for (size_t i = 0; r == 0 && i < span->n; i++)
		r = add_row(&span->rows[i], single);
	span->n = 0;
	return r;
}

/* ---- reading ---- */

static struct container *container_of(struct fairness *f, const char *name)
{
	struct container *c;

	HASH_FIND_STR(f->containers, name, c);
	if (c)
		return c;
	c = calloc(1, sizeof(*c));
	if (c)
		c->name = strdup(name);
	if (!c || !c->name) {
		free(c);
		return NULL;
	}
	HASH_ADD_KEYPTR(hh, f->containers, c->name, strlen(c->name), c);
	return c;
}

static int take_row(struct fairness *f, sqlite3_stmt *row)
{
	struct span *span = &f->span;
	int64_t time = schema_time(row, 0);
	struct container *c = container_of(f, (const char *)sqlite3_column_text(row, 2) ?: "");
	int r = 0;

	if (!c)
		return -ENOMEM;
	if (time != span->time)
		r = finish_span(f);
	if (r == 0 && span->n == span->room) {
		size_t room = span->room ? 2 * span->room : 64;
		struct row *rows = realloc(span->rows, room * sizeof(*rows));

		if (!rows)
			return -ENOMEM;
		span->rows = rows;
		span->room = room;
	}
	span->time = time;
	span->period = (double)sqlite3_column_int64(row, 1) * 1000;
	if (!f->first)
		f->first = time - sqlite3_column_int64(row, 1);
	f->last = time;
	if (sqlite3_column_type(row, 6) == SQLITE_INTEGER)
		c->weight = sqlite3_column_int64(row, 6);
	c->periods += sqlite3_column_double(row, 7);
	c->throttled_periods += sqlite3_column_double(row, 8);
	c->throttled += sqlite3_column_double(row, 9);
	span->rows[span->n++] = (struct row){
		.container = c,
		.cpu = sqlite3_column_int(row, 3),
		.ran = sqlite3_column_double(row, 4),
		.waited = sqlite3_column_type(row, 5) == SQLITE_NULL
				  ? -1
				  : sqlite3_column_double(row, 5),
		.weight = (double)c->weight,
	};
	return r;
}

/* Runs SQL, whose ?1 and ?2 are the period. */
static int each_row(struct fairness *f, const char *sql,
		    int (*each)(struct fairness *f, sqlite3_stmt *row), struct rbce_error *err)
{
	sqlite3_stmt *statement = NULL;
	int r = 0, rc = sqlite3_prepare_v2(f->db, sql, -1, &statement, NULL);

	if (rc == SQLITE_OK)
		rc = schema_bind_time(statement, 1, f->asked.from);
	if (rc == SQLITE_OK)
		rc = schema_bind_time(statement, 2, f->asked.until);
	while (rc == SQLITE_OK && r == 0 && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
		r = each(f, statement);
		rc = SQLITE_OK;
	}
	sqlite3_finalize(statement);
	if (r < 0)
		return rbce_error_errno(err, r, "cannot read '%s'", f->path);
	return rc == SQLITE_DONE ? 0 : fail(f, rc, err);
}

static int take_idle(struct fairness *f, sqlite3_stmt *row)
{
	int cpu = sqlite3_column_int(row, 0);

	if (cpu < 0 || cpu >= SHARES_CPUS_MAX)
		return 0;
	f->idle[cpu] = sqlite3_column_double(row, 1);
	if ((size_t)cpu >= f->n_cpus)
		f->n_cpus = (size_t)cpu + 1;
	return 0;
}

static int compare(const struct container *a, const struct container *b)
{
	/* The root group first, the rest last. */
	int rank_a = streq(a->name, "/") ? 0 : *a->name ? 1 : 2;
	int rank_b = streq(b->name, "/") ? 0 : *b->name ? 1 : 2;

	return rank_a != rank_b ? rank_a - rank_b : strcmp(a->name, b->name);
}

static int read_all(struct fairness *f, struct rbce_error *err)
{
	bool shares;
	int r = schema_open_reader(f->path, &f->db, err), rc;

	if (r != 0)
		return r < 0 ? r : 0;
	rc = schema_has(f->db, SCHEMA_HAS_NAME, "cpu_shares", &shares);
	if (rc != SQLITE_OK)
		return fail(f, rc, err);
	if (!shares)
		return 0;
	r = each_row(f,
		     "SELECT s.time, s.period, n.name, s.cpu, s.ran, s.waited, s.weight, s.periods,"
		     " s.throttled_periods, s.throttled FROM cpu_shares s"
		     " JOIN share_names n ON n.id = s.name WHERE s.time > ?1 AND s.time <= ?2"
		     " ORDER BY s.time, s.cpu",
		     take_row, err);
	if (r == 0 && finish_span(f) < 0)
		r = rbce_error_errno(err, -ENOMEM, "cannot read '%s'", f->path);
	if (r == 0)
		r = each_row(f,
			     "SELECT cpu, sum(idle) FROM cpus WHERE time > ?1 AND time <= ?2"
			     " GROUP BY cpu",
			     take_idle, err);
	HASH_SORT(f->containers, compare);
	return r;
}

/* ---- printing ---- */

enum column {
	CONTAINER,
	CPU,
	WEIGHT,
	RAN,
	WAITED,
	ENTITLED,
	GOT,
	THROTTLED,
	THROTTLED_PERIODS,
	BY,
	IDLE,
};
enum { COLUMN_COUNT = IDLE + 1 };

static const struct table_column columns[COLUMN_COUNT] = {
	[CONTAINER] = {.title = "CONTAINER", .key = "container"},
	[CPU] = {.title = "CPU", .key = "cpu", .right = true, .number = true},
	[WEIGHT] = {.title = "WEIGHT", .key = "weight", .right = true, .number = true},
	[RAN] = {.title = "RAN", .key = "ran_seconds", .right = true, .number = true},
	[WAITED] = {.title = "WAITED", .key = "waited_seconds", .right = true, .number = true},
	[ENTITLED] = {.title = "ENTITLED",
		      .key = "entitled_seconds",
		      .right = true,
		      .number = true},
	[GOT] = {.title = "GOT", .key = "got", .right = true, .number = true},
	[THROTTLED] = {.title = "THROTTLED",
		       .key = "throttled_seconds",
		       .right = true,
		       .number = true},
	[THROTTLED_PERIODS] = {.key = "throttled_periods", .number = true, .json_only = true},
	[BY] = {.title = "BY", .key = "throttled_by"},
	[IDLE] = {.title = "CPU IDLE", .key = "cpu_idle_seconds", .right = true, .number = true},
};

static void set_time(struct table *t, enum column column, double usec, bool json)
{
	char text[RBCE_UNITS_SIZE];

	if (json)
		table_set(t, column, "%.6f", usec / 1e6);
	else
		table_set(t, column, "%s", rbce_format_duration((uint64_t)usec, text));
}

static void set_sums(struct table *t, const struct container *c, const struct sums *sums, bool json)
{
	set_time(t, RAN, sums->ran, json);
	if (sums->unknown || !*c->name)
		return;
	set_time(t, WAITED, sums->waited, json);
	/* The root group competes with what is not recorded. */
	if (streq(c->name, "/"))
		return;
	set_time(t, ENTITLED, sums->entitled, json);
	if (sums->entitled > 0)
		table_set(t, GOT, json ? "%.4f" : "%.0f%%",
			  sums->ran / sums->entitled * (json ? 1 : 100));
}

/* Its own limit, or that of the container above which was throttled for longest. */
static const struct container *throttler(const struct fairness *f, const struct container *c)
{
	const struct container *found = NULL;

	for (; c; c = above(f, c))
		if (c->throttled > 0 && (!found || c->throttled > found->throttled))
			found = c;
	return found;
}

static void print_container(const struct fairness *f, const struct container *c, struct table *t,
			    bool per_cpu, bool json)
{
	const struct container *by = throttler(f, c);

	table_row(t, -1);
	if (*c->name || !json)
		table_set(t, CONTAINER, "%s", *c->name ? c->name : "(the rest)");
	if (!json)
		table_set(t, CPU, "all");
	if (*c->name)
		table_set(t, WEIGHT, "%lld", (long long)c->weight);
	set_sums(t, c, &c->all, json);
	if (*c->name && (json || c->throttled > 0))
		set_time(t, THROTTLED, c->throttled, json);
	table_set(t, THROTTLED_PERIODS, "%.0f", c->throttled_periods);
	if (by)
		table_set(t, BY, "%s", by->name);
	for (size_t i = 0; per_cpu && i < c->n_cpus; i++) {
		if (!c->cpus[i].seen)
			continue;
		table_row(t, -1);
		if (*c->name || !json)
			table_set(t, CONTAINER, "%s", *c->name ? c->name : "(the rest)");
		table_set(t, CPU, "%zu", i);
		set_sums(t, c, &c->cpus[i], json);
		if (i < f->n_cpus)
			set_time(t, IDLE, f->idle[i], json);
	}
}

static int print_all(const struct fairness *f, bool per_cpu, bool json)
{
	struct table *t = table_new("shares", columns, COLUMN_COUNT, json);
	char from[TIMES_SIZE], to[TIMES_SIZE];

	if (!json && f->containers)
		printf("%s to %s\n\n", times_format(f->first, from), times_format(f->last, to));
	for (const struct container *c = f->containers; c; c = c->hh.next)
		print_container(f, c, t, per_cpu, json);
	return table_finish(t);
}

static void free_all(struct fairness *f)
{
	struct container *c, *next;

	HASH_ITER (hh, f->containers, c, next) {
		HASH_DEL(f->containers, c);
		free(c->name);
		free(c->cpus);
		free(c);
	}
	free(f->span.rows);
	sqlite3_close(f->db);
}

/* ---- the command line ---- */

struct settings {
	const char *db;
	struct period_options period;
	bool per_cpu, json;
};

int command_fairness(int argc, char **argv)
{
	struct settings s = {0};
	struct fairness f = {0};
	struct rbce_error err = {0};
	const struct option_row options[] = {
		{"db", 0, "FILE", "the database", .value = &s.db},
		PERIOD_OPTIONS(s.period),
		{"per-cpu", 0, NULL, "a row for each CPU, too", .flag = &s.per_cpu},
		{"json", 0, NULL, "exact numbers", .flag = &s.json},
		{.name = NULL},
	};
	const struct command_line line = {
		.usage = "fairness --db FILE [--since TIME] [--until TIME | --last TIME] "
			 "[--per-cpu] "
			 "[--json]",
		.about = "Prints what each container got of the CPUs against what its weight "
			 "entitled it to while it was runnable, and what throttled it.",
		.more = PERIOD_HELP,
		.options = options,
	};
	int at = options_parse(&line, argc, argv), r;

	if (at != argc || !s.db) {
		if (at != argc)
			log_error("cannot use '%s': fairness takes options only", argv[at]);
		else
			log_error("cannot judge: --db FILE is missing");
		return EXIT_USAGE;
	}
	if (period_parse(&s.period, &f.asked) < 0)
		return EXIT_USAGE;
	f.path = s.db;
	r = read_all(&f, &err);
	if (r < 0)
		log_error("%s", err.message);
	else if ((r = print_all(&f, s.per_cpu, s.json)) < 0)
		log_error("cannot write: %s", strerror(-r));
	free_all(&f);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
