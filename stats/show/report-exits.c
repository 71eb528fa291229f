// SPDX-License-Identifier: GPL-2.0-or-later
/* Reports on tasks that ended; see report-exits.h. */
#include "report-exits.h"

#include <errno.h>
#include <pwd.h>
#include <rbce/units.h>

#include "stats/store/schema.h"
#include "stats/times.h"
#include "util.h"

enum { COLUMNS_MAX = 96 };

/* The columns: who, then of the view all that are numbers to add up, and some of them for people.
 */
enum { WHO, UID, CPU_HUMAN, CPU, FIXED_COLUMNS };

static const struct {
	const char *name; /* of the view */
	const char *title;
} shown[] = {
	{"exits", "EXITS"},
	{"failed", "FAILED"},
	{"elapsed_seconds", "ELAPSED"},
	{"rss_peak_bytes", "RSS PEAK"},
	{"io_read_bytes", "READ"},
	{"io_written_bytes", "WRITTEN"},
	{"cpu_delay_seconds", "CPU DELAY"},
	{"block_io_delay_seconds", "IO DELAY"},
};

/* Of the view's columns those that say what the numbers are of. */
static const char *const dimensions[] = {"time", "period",     "place", "container",
					 "user", "executable", "comm",  "path"};

struct report {
	sqlite3 *db;
	const char *path;
	enum exits_by by;
	size_t n; /* numbers of the view */
	char *name[COLUMNS_MAX];
	size_t n_columns;
	struct table_column column[FIXED_COLUMNS + 2 * COLUMNS_MAX];
	size_t number[FIXED_COLUMNS + 2 * COLUMNS_MAX]; /* that a column shows */
};

static bool is_dimension(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(dimensions); i++)
		if (streq(name, dimensions[i]))
			return true;
	return false;
}

static bool ends_in(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n >= m && streq(name + n - m, end);
}

/* Which numbers there are, the view tells. */
static int read_names(struct report *r, struct rbce_error *err)
{
	sqlite3_stmt *statement = NULL;
	int rc = sqlite3_prepare_v2(r->db, "SELECT * FROM v_exits LIMIT 0", -1, &statement, NULL);

	if (rc == SQLITE_ERROR)
		return rbce_error_set(err, -ENODATA,
				      "cannot report tasks that ended from '%s': "
				      "the recorder did not note them",
				      r->path);
	if (rc != SQLITE_OK)
		return schema_error(r->db, rc, "read", r->path, err);
	for (int i = 0; i < sqlite3_column_count(statement) && r->n < COLUMNS_MAX; i++) {
		const char *name = sqlite3_column_name(statement, i);

		if (!name || is_dimension(name))
			continue;
		r->name[r->n] = strdup(name);
		if (!r->name[r->n])
			rc = SQLITE_NOMEM;
		else
			r->n++;
	}
	sqlite3_finalize(statement);
	return rc == SQLITE_OK ? 0 : schema_error(NULL, rc, "read", r->path, err);
}

static int prepare(const struct report *r, sqlite3_stmt **ret)
{
	sqlite3_str *text = sqlite3_str_new(r->db);
	char *sql;
	int rc;

	sqlite3_str_appendf(text,
			    "SELECT %s AS who,"
			    " sum(cpu_user_seconds) + sum(cpu_system_seconds) AS cpu",
			    r->by == EXITS_BY_USER ? "user" : "executable");
	/* All add up, but of what a single process had at most the highest counts. */
	for (size_t i = 0; i < r->n; i++)
		sqlite3_str_appendf(text, ", %s(\"%w\")",
				    ends_in(r->name[i], "_peak_bytes") ? "max" : "sum", r->name[i]);
	/* What ended before the first tick has the time of that. */
	sqlite3_str_appendall(text, " FROM v_exits WHERE place = 'container' AND time >= ?1"
				    " AND time <= ?2 AND (time > ?1 OR period = 0) GROUP BY who "
				    "ORDER BY cpu DESC, who LIMIT ?3");
	sql = sqlite3_str_finish(text);
	rc = sql ? sqlite3_prepare_v2(r->db, sql, -1, ret, NULL) : SQLITE_NOMEM;
	sqlite3_free(sql);
	return rc;
}

static void add_column(struct report *r, size_t number, const char *title)
{
	r->number[r->n_columns] = number;
	r->column[r->n_columns++] = (struct table_column){
		.title = title,
		.key = r->name[number],
		.right = true,
		.number = true,
		.human_only = title != NULL,
		.json_only = title == NULL,
	};
}

static void make_columns(struct report *r)
{
	bool user = r->by == EXITS_BY_USER;

	r->column[WHO] = (struct table_column){.title = user ? "USER" : "EXECUTABLE",
					       .key = user ? "user" : "executable"};
	/* There is none of a program. */
	r->column[UID] = (struct table_column){.key = "uid",
					       .number = true,
					       .json_only = user,
					       .human_only = !user,
					       .title = "UID"};
	r->column[CPU_HUMAN] = (struct table_column){
		.title = "CPU TIME", .key = "cpu", .right = true, .human_only = true};
	r->column[CPU] =
		(struct table_column){.key = "cpu_seconds", .number = true, .json_only = true};
	r->n_columns = FIXED_COLUMNS;
	for (size_t s = 0; s < ARRAY_SIZE(shown); s++)
		for (size_t i = 0; i < r->n; i++)
			if (streq(shown[s].name, r->name[i]))
				add_column(r, i, shown[s].title);
	for (size_t i = 0; i < r->n; i++)
		add_column(r, i, NULL);
}

static void set_human(struct listing *t, size_t column, const char *name, double value)
{
	char text[RBCE_UNITS_SIZE];

	if (ends_in(name, "_seconds"))
		listing_set(t, column, "%s",
			    rbce_format_duration((uint64_t)(value * 1e6 + 0.5), text));
	else if (ends_in(name, "_bytes"))
		listing_set(t, column, "%s", rbce_format_size((uint64_t)value, text));
	else
		listing_set(t, column, "%.0f", value);
}

static void set_who(const struct report *r, struct listing *t, sqlite3_stmt *row)
{
	const struct passwd *user;

	if (r->by == EXITS_BY_EXECUTABLE) {
		listing_set(t, WHO, "%s", (const char *)sqlite3_column_text(row, 0) ?: "");
		return;
	}
	user = getpwuid((uid_t)sqlite3_column_int64(row, 0));
	listing_set(t, UID, "%lld", (long long)sqlite3_column_int64(row, 0));
	if (user)
		listing_set(t, WHO, "%s", user->pw_name);
	else
		listing_set(t, WHO, "%lld", (long long)sqlite3_column_int64(row, 0));
}

static void print_row(const struct report *r, struct listing *t, sqlite3_stmt *row)
{
	listing_row(t);
	set_who(r, t, row);
	set_human(t, CPU_HUMAN, "cpu_seconds", sqlite3_column_double(row, 1));
	listing_set(t, CPU, "%.6f", sqlite3_column_double(row, 1));
	for (size_t c = FIXED_COLUMNS; c < r->n_columns; c++) {
		const char *name = r->name[r->number[c]];
		int at = 2 + (int)r->number[c];

		if (sqlite3_column_type(row, at) == SQLITE_NULL)
			continue;
		if (r->column[c].human_only)
			set_human(t, c, name, sqlite3_column_double(row, at));
		else if (ends_in(name, "_seconds"))
			listing_set(t, c, "%.6f", sqlite3_column_double(row, at));
		else
			listing_set(t, c, "%lld", (long long)sqlite3_column_int64(row, at));
	}
}

/* What is not in the report, so that nobody takes it for all. */
static void say_rest(const struct report *r, const struct tally_period *period)
{
	static const char sql[] = "SELECT sum(exits) FILTER (WHERE place = 'outside'),"
				  " sum(exits) FILTER (WHERE place = 'unknown') FROM v_exits"
				  " WHERE time > ?1 AND time <= ?2";
	sqlite3_stmt *statement = NULL;

	if (sqlite3_prepare_v2(r->db, sql, -1, &statement, NULL) == SQLITE_OK &&
	    sqlite3_bind_double(statement, 1, (double)period->start / 1000) == SQLITE_OK &&
	    sqlite3_bind_double(statement, 2, (double)period->end / 1000) == SQLITE_OK &&
	    sqlite3_step(statement) == SQLITE_ROW)
		printf("\n%lld more ended outside of all containers, %lld nobody knows where.\n",
		       (long long)sqlite3_column_int64(statement, 0),
		       (long long)sqlite3_column_int64(statement, 1));
	sqlite3_finalize(statement);
}

static int print_all(struct report *r, const struct tally_period *period, uint64_t top,
		     enum listing_form form, struct rbce_error *err)
{
	sqlite3_stmt *statement = NULL;
	struct listing *t;
	int rc = prepare(r, &statement), result;

	if (rc == SQLITE_OK)
		rc = sqlite3_bind_double(statement, 1, (double)period->start / 1000);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_double(statement, 2, (double)period->end / 1000);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(statement, 3,
					top == RBCE_UNLIMITED ? -1 : (sqlite3_int64)top);
	if (rc != SQLITE_OK) {
		sqlite3_finalize(statement);
		return schema_error(r->db, rc, "read", r->path, err);
	}
	t = listing_new("exits", r->column, r->n_columns, form);
	while ((rc = sqlite3_step(statement)) == SQLITE_ROW)
		print_row(r, t, statement);
	result = rc == SQLITE_DONE ? 0 : schema_error(r->db, rc, "read", r->path, err);
	sqlite3_finalize(statement);
	rc = listing_finish(t);
	if (result == 0 && rc < 0)
		result = rbce_error_errno(err, rc, "cannot write the report");
	if (result == 0 && form == LISTING_TABLE)
		say_rest(r, period);
	return result;
}

int report_exits(sqlite3 *db, const char *path, const struct tally_period *period, enum exits_by by,
		 uint64_t top, enum listing_form form, struct rbce_error *err)
{
	struct report r = {.db = db, .path = path, .by = by};
	int result;

	if (!db)
		return rbce_error_set(err, -ENODATA, "cannot report from '%s': it is empty", path);
	result = read_names(&r, err);
	if (result == 0) {
		make_columns(&r);
		result = print_all(&r, period, top, form, err);
	}
	while (r.n > 0)
		free(r.name[--r.n]);
	return result;
}
