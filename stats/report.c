// SPDX-License-Identifier: GPL-2.0-or-later
/* containerstats report: what each container used over a period, from the database. */
#include <errno.h>
#include <rbce/units.h>
#include <uthash.h>

#include "cli/log.h"
#include "cli/options.h"
#include "cli/table.h"
#include "commands.h"
#include "schema.h"
#include "tally.h"
#include "times.h"
#include "util.h"

/* One generation of a container: what the table containers and the samples say of it. */
struct account {
	sqlite3_int64 id;
	char *name;
	int64_t first_seen;
	int64_t last_seen; /* INT64_MAX while it is there */
	struct tally tally;
	UT_hash_handle hh;
};

struct report {
	const char *path;
	sqlite3 *db;
	struct tally_period period;
	struct account *accounts; /* in order of names */
};

/* What is asked for; INT64_MIN and INT64_MAX where nothing is. */
struct wish {
	int64_t from;
	int64_t to;
};

static int fail(const struct report *r, int rc, struct rbce_error *err)
{
	return schema_error(r->db, rc, "read", r->path, err);
}

/* Reading. */

/*
 * The period is what was recorded of the wish: from the first tick in it to the last. Returns 1
 * when nothing was.
 */
static int read_period(struct report *r, const struct wish *wish, struct rbce_error *err)
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
		rc = sqlite3_bind_int64(statement, 2, wish->to);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(statement);
	if (rc == SQLITE_ROW && sqlite3_column_type(statement, 0) != SQLITE_NULL) {
		start = sqlite3_column_int64(statement, 0);
		end = sqlite3_column_int64(statement, 1);
		r->period.start = start > wish->from ? start : wish->from;
		r->period.end = end < wish->to ? end : wish->to;
		r->period.hold = SCHEMA_HEARTBEAT_MS + 2 * sqlite3_column_int64(statement, 2);
		found = 0;
	}
	sqlite3_finalize(statement);
	return rc == SQLITE_ROW ? found : fail(r, rc, err);
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
	return rc == SQLITE_DONE ? 0 : fail(r, rc, err);
}

static int prepare_samples(struct report *r, sqlite3_stmt **ret)
{
	sqlite3_str *text;
	uint64_t have;
	char *sql;
	int rc = schema_columns(r->db, &have);

	if (rc != SQLITE_OK)
		return rc;
	text = sqlite3_str_new(r->db);
	sqlite3_str_appendall(text, "SELECT time, container");
	/* An older database may lack the newest metrics. */
	for (size_t i = 0; i < METRIC_TOTAL; i++)
		sqlite3_str_appendf(text, ", %s", have >> i & 1 ? metrics[i].column : "NULL");
	sqlite3_str_appendall(text, " FROM samples WHERE time > ?1 AND time <= ?2"
				    " ORDER BY time, container");
	sql = sqlite3_str_finish(text);
	rc = sql ? sqlite3_prepare_v2(r->db, sql, -1, ret, NULL) : SQLITE_NOMEM;
	sqlite3_free(sql);
	return rc;
}

static void add_row(struct report *r, sqlite3_stmt *row)
{
	sqlite3_int64 id = sqlite3_column_int64(row, 1);
	struct metric_values values = {0};
	struct account *a;

	HASH_FIND(hh, r->accounts, &id, sizeof(id), a);
	if (!a)
		return;
	for (size_t i = 0; i < METRIC_TOTAL; i++)
		if (sqlite3_column_type(row, 2 + (int)i) == SQLITE_INTEGER)
			metric_set(&values, i, (uint64_t)sqlite3_column_int64(row, 2 + (int)i));
	tally_add(&a->tally, &r->period, sqlite3_column_int64(row, 0), &values);
}

static int read_samples(struct report *r, struct rbce_error *err)
{
	sqlite3_stmt *statement = NULL;
	int rc = prepare_samples(r, &statement);

	/* The rows before it tell with what values the period begins. */
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(statement, 1, r->period.start - r->period.hold);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(statement, 2, r->period.end);
	while (rc == SQLITE_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
		add_row(r, statement);
		rc = SQLITE_OK;
	}
	sqlite3_finalize(statement);
	for (struct account *a = r->accounts; a; a = a->hh.next)
		tally_finish(&a->tally, &r->period, a->last_seen);
	return rc == SQLITE_DONE ? 0 : fail(r, rc, err);
}

/* All in one transaction: the recorder goes on meanwhile. */
static int read_report(struct report *r, const struct wish *wish, struct rbce_error *err)
{
	int result = schema_open_reader(r->path, &r->db, err), rc;

	if (result != 0)
		return result;
	rc = schema_run(r->db, "BEGIN");
	if (rc != SQLITE_OK)
		return fail(r, rc, err);
	result = read_period(r, wish, err);
	if (result == 0)
		result = read_containers(r, err);
	if (result == 0)
		result = read_samples(r, err);
	return result;
}

static void free_report(struct report *r)
{
	while (r->accounts) {
		struct account *a = r->accounts;

		HASH_DEL(r->accounts, a);
		free(a->name);
		free(a);
	}
	sqlite3_close(r->db);
}

/* Printing. */

/* The columns: a few that are no metric, those for people, and for JSON all of every metric. */
enum { NAME, FROM, TO, FIRST_SEEN, LAST_SEEN, FIXED_COLUMNS };

static const struct table_column fixed[FIXED_COLUMNS] = {
	[NAME] = {.title = "CONTAINER", .key = "container"},
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

enum { MAX_COLUMNS = FIXED_COLUMNS + ARRAY_SIZE(shown) + 1 + 3 * METRIC_TOTAL };

struct column {
	enum metric metric;
	enum tally_view view;
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

static void make_layout(struct layout *l)
{
	struct table_column *c;

	for (l->n = 0; l->n < FIXED_COLUMNS; l->n++)
		l->table[l->n] = fixed[l->n];
	for (size_t i = 0; i < ARRAY_SIZE(shown); i++) {
		c = add_column(l, shown[i].metric, shown[i].view);
		c->title = shown[i].title;
		c->human_only = true;
	}
	c = add_column(l, METRIC_CPU, TALLY_SHARE);
	c->key = "cpu_percent";
	c->json_only = true;
	for (size_t i = 0; i < METRIC_TOTAL; i++)
		for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
			if (keys[k].kind != metrics[i].kind)
				continue;
			c = add_column(l, i, keys[k].view);
			snprintf(l->column[l->n - 1].key, sizeof(l->column[0].key), "%s%s",
				 metrics[i].view ?: metrics[i].column, keys[k].suffix);
			c->json_only = true;
		}
}

/* For people, with a unit. */
static void set_human(struct table *t, size_t column, const struct column *c, double value)
{
	char text[RBCE_UNITS_SIZE];

	if (c->view == TALLY_SHARE) {
		table_set(t, column, "%s", rbce_format_percent((uint64_t)(value * 100000), text));
		return;
	}
	switch (metrics[c->metric].unit) {
	case METRIC_USEC:
		table_set(t, column, "%s", rbce_format_duration((uint64_t)value, text));
		break;
	case METRIC_BYTES:
		table_set(t, column, "%s", rbce_format_size((uint64_t)value, text));
		break;
	case METRIC_NUMBER:
		table_set(t, column, "%.0f", value);
		break;
	}
}

/* Exact: the kernel's integers, times as seconds with all of their microseconds. */
static void set_json(struct table *t, size_t column, const struct column *c, double value)
{
	uint64_t whole = (uint64_t)value;

	if (c->view == TALLY_SHARE)
		table_set(t, column, "%.3f", value * 100);
	else if (c->view == TALLY_AVERAGE)
		table_set(t, column, "%.3f", value);
	else if (metrics[c->metric].unit == METRIC_USEC)
		table_set(t, column, "%llu.%06u", (unsigned long long)(whole / 1000000),
			  (unsigned)(whole % 1000000));
	else
		table_set(t, column, "%llu", (unsigned long long)whole);
}

static void set_time(struct table *t, size_t column, int64_t ms)
{
	table_set(t, column, "%lld.%03d", (long long)(ms / 1000), (int)(ms % 1000));
}

static void print_account(const struct report *r, const struct layout *l, struct table *t,
			  const struct account *a)
{
	table_row(t, -1);
	table_set(t, NAME, "%s", a->name);
	set_time(t, FROM, r->period.start);
	set_time(t, TO, r->period.end);
	set_time(t, FIRST_SEEN, a->first_seen);
	if (a->last_seen != INT64_MAX)
		set_time(t, LAST_SEEN, a->last_seen);
	for (size_t i = FIXED_COLUMNS; i < l->n; i++) {
		const struct column *c = &l->column[i];
		double value;

		if (!tally_value(&a->tally, &r->period, c->metric, c->view, &value))
			continue;
		if (l->table[i].human_only)
			set_human(t, i, c, value);
		else
			set_json(t, i, c, value);
	}
}

/* One row for each name: its generations follow one another. */
static int print_report(struct report *r, bool json)
{
	static struct layout layout;
	struct table *t;
	struct account *a, *next;
	char from[TIMES_SIZE], to[TIMES_SIZE], length[RBCE_UNITS_SIZE];

	make_layout(&layout);
	if (!json && r->accounts)
		printf("%s to %s (%s)\n\n", times_format(r->period.start, from),
		       times_format(r->period.end, to),
		       rbce_format_duration((uint64_t)(r->period.end - r->period.start) * 1000,
					    length));
	t = table_new("containers", layout.table, layout.n, json);
	for (a = r->accounts; a; a = next) {
		for (next = a->hh.next; next && streq(next->name, a->name); next = next->hh.next) {
			tally_merge(&a->tally, &next->tally);
			a->last_seen = next->last_seen;
		}
		print_account(r, &layout, t, a);
	}
	return table_finish(t);
}

/* The command line. */

struct settings {
	const char *db;
	const char *from;
	const char *to;
	const char *last;
	bool json;
};

static int parse_time(const char *option, const char *text, int64_t now, int64_t *ret)
{
	int r = text ? times_parse(text, now, ret) : 0;

	if (r < 0)
		log_error("cannot use %s '%s': give a date ('2026-11-23 10:00'), seconds since "
			  "the epoch, or how long ago ('10min')",
			  option, text);
	return r;
}

static int parse_wish(const struct settings *s, struct wish *ret)
{
	int64_t now = times_now();
	struct wish wish = {INT64_MIN / 2, now};
	uint64_t last;

	if (parse_time("--from", s->from, now, &wish.from) < 0 ||
	    parse_time("--to", s->to, now, &wish.to) < 0)
		return -EINVAL;
	if (s->last && s->from) {
		log_error("cannot use --last with --from: both tell where the period begins");
		return -EINVAL;
	}
	if (s->last) {
		if (rbce_parse_duration(s->last, &last) < 0) {
			log_error("cannot use --last '%s': give a duration like 10min or 1h",
				  s->last);
			return -EINVAL;
		}
		wish.from = wish.to - (int64_t)(last / 1000);
	}
	if (wish.from > wish.to) {
		log_error("cannot report: the period ends before it begins");
		return -EINVAL;
	}
	*ret = wish;
	return 0;
}

int command_report(int argc, char **argv)
{
	struct settings s = {0};
	struct report r = {0};
	struct rbce_error err = {0};
	struct wish wish;
	const struct option_row options[] = {
		{"db", 0, "FILE", "the database", .value = &s.db},
		{"from", 0, "TIME", "begin of the period (of the record)", .value = &s.from},
		{"to", 0, "TIME", "end of the period (now)", .value = &s.to},
		{"last", 0, "TIME", "so long before its end", .value = &s.last},
		{"json", 0, NULL, "exact numbers of every metric", .flag = &s.json},
		{.name = NULL},
	};
	const struct command_line line = {
		.usage = "report --db FILE [--from TIME] [--to TIME] [--last TIME] [--json]",
		.about = "Prints what each container used, those below it included.",
		.more = "Times: '2026-11-23 10:00', seconds since the epoch, or how long ago "
			"('10min').",
		.options = options,
	};
	int at = options_parse(&line, argc, argv), result;

	if (at != argc || !s.db) {
		if (at != argc)
			log_error("cannot use '%s': report takes options only", argv[at]);
		else
			log_error("cannot report: --db FILE is missing");
		return EXIT_USAGE;
	}
	if (parse_wish(&s, &wish) < 0)
		return EXIT_USAGE;
	r.path = s.db;
	result = read_report(&r, &wish, &err);
	if (result < 0)
		log_error("%s", err.message);
	else if ((result = print_report(&r, s.json)) < 0)
		log_error("cannot write the report: %s", strerror(-result));
	free_report(&r);
	return result < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
