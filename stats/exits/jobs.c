// SPDX-License-Identifier: GPL-2.0-or-later
/* Jobs of a batch system; see jobs.h. */
#include "jobs.h"

#include <dirent.h>
#include <errno.h>
#include <json-c/json.h>
#include <limits.h>

#include "cli/log.h"
#include "stats/sample/listen.h"
#include "stats/store/schema.h"
#include "util.h"

/* What is kept of a job, and which metric of a report it is. */
static const struct {
	const char *column;
	enum metric metric;
} columns[] = {
	{"cpu_usec", METRIC_CPU},
	{"cpu_user_usec", METRIC_CPU_USER},
	{"cpu_system_usec", METRIC_CPU_SYSTEM},
	{"throttled_usec", METRIC_THROTTLED},
	{"throttled_periods", METRIC_THROTTLED_PERIODS},
	{"io_read_bytes", METRIC_IO_READ},
	{"io_written_bytes", METRIC_IO_WRITTEN},
	{"oom_kills", METRIC_OOM_KILLS},
	{"memory_peak_bytes", METRIC_MEMORY},
	{"pids_peak", METRIC_PIDS},
	{"cpu_pressure_some_usec", METRIC_CPU_SOME},
	{"memory_pressure_some_usec", METRIC_MEMORY_SOME},
	{"io_pressure_some_usec", METRIC_IO_SOME},
};

struct jobs {
	char folder[PATH_MAX];
	char **taken; /* files that are in the database once the tick is stored */
	size_t n_taken;
};

/* ---- tables ---- */

int job_tables_create(sqlite3 *db)
{
	sqlite3_str *sql = sqlite3_str_new(db);

	sqlite3_str_appendall(sql, "CREATE TABLE IF NOT EXISTS jobs(ended REAL NOT NULL,"
				   " container TEXT NOT NULL, started REAL NOT NULL");
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		sqlite3_str_appendf(sql, ", %s INTEGER", columns[i].column);
	sqlite3_str_appendall(sql, ", PRIMARY KEY(ended, container)) WITHOUT ROWID;");
	return schema_run_built(db, sql);
}

/* Rows of v_exits that are of a job; the last of its tasks are noted some ticks after its end. */
#define EXITS_OF(job, started, ended)                                                              \
	"(e.container = " job " OR substr(e.container, 1, length(" job ") + 1) = " job " || '/')"  \
	" AND e.time > " started " AND e.time <= " ended                                           \
	" + (SELECT max(interval) FROM runs) / 500.0"

static void append_exits(sqlite3_str *sql, const char *column)
{
	sqlite3_str_appendf(sql,
			    ", (SELECT sum(e.%s) FROM v_exits e WHERE " EXITS_OF(
				    "j.container", "j.started", "j.ended") ") AS %s",
			    column, column);
}

void job_tables_append_views(sqlite3_str *sql)
{
	static const char *const exits[] = {"exits", "failed", "killed", "cpu_delay_seconds",
					    "block_io_delay_seconds"};

	sqlite3_str_appendall(sql, "DROP VIEW IF EXISTS v_jobs; CREATE VIEW v_jobs AS SELECT"
				   " j.container AS container, j.started AS started,"
				   " j.ended AS ended, j.ended - j.started AS seconds");
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		const char *column = columns[i].column;
		size_t n = strlen(column) - strlen("_usec");

		if (streq(column + n, "_usec"))
			sqlite3_str_appendf(sql, ", j.%s / 1000000.0 AS %.*s_seconds", column,
					    (int)n, column);
		else
			sqlite3_str_appendf(sql, ", j.%s AS %s", column, column);
	}
	for (size_t i = 0; i < ARRAY_SIZE(exits); i++)
		append_exits(sql, exits[i]);
	sqlite3_str_appendall(sql, " FROM jobs j;");
}

int job_tables_age(sqlite3 *db, int64_t until)
{
	sqlite3_str *sql = sqlite3_str_new(db);

	sqlite3_str_appendf(sql, "DELETE FROM jobs WHERE ended <= %lld / 1000.0", (long long)until);
	return schema_run_built(db, sql);
}

/* ---- the recorder ---- */

int jobs_open(const char *root, struct jobs **ret)
{
	struct jobs *jobs = calloc(1, sizeof(*jobs));

	if (!jobs)
		return -ENOMEM;
	listener_path(root, "ended", jobs->folder, sizeof(jobs->folder));
	*ret = jobs;
	return 0;
}

static void forget_taken(struct jobs *jobs)
{
	while (jobs->n_taken)
		free(jobs->taken[--jobs->n_taken]);
	free(jobs->taken);
	jobs->taken = NULL;
}

struct jobs *jobs_close(struct jobs *jobs)
{
	if (jobs)
		forget_taken(jobs);
	free(jobs);
	return NULL;
}

static int take(struct jobs *jobs, const char *path)
{
	char **more = reallocarray(jobs->taken, jobs->n_taken + 1, sizeof(*more));

	if (!more)
		return SQLITE_NOMEM;
	jobs->taken = more;
	more[jobs->n_taken] = strdup(path);
	return more[jobs->n_taken++] ? SQLITE_OK : SQLITE_NOMEM;
}

static struct json_object *field(struct json_object *job, const char *key)
{
	struct json_object *value = NULL;

	json_object_object_get_ex(job, key, &value);
	return value;
}

static int insert(sqlite3 *db, struct json_object *job)
{
	sqlite3_str *sql = sqlite3_str_new(db);
	sqlite3_stmt *statement = NULL;
	char *text;
	int rc;

	sqlite3_str_appendall(sql, "INSERT OR REPLACE INTO jobs(ended, container, started");
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		sqlite3_str_appendf(sql, ", %s", columns[i].column);
	sqlite3_str_appendall(sql, ") VALUES(?, ?, ?");
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		sqlite3_str_appendall(sql, ", ?");
	sqlite3_str_appendall(sql, ")");
	text = sqlite3_str_finish(sql);
	rc = text ? sqlite3_prepare_v2(db, text, -1, &statement, NULL) : SQLITE_NOMEM;
	sqlite3_free(text);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_double(statement, 1, json_object_get_double(field(job, "end")));
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(statement, 2, json_object_get_string(field(job, "job")), -1,
				       SQLITE_TRANSIENT);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_double(statement, 3, json_object_get_double(field(job, "begin")));
	for (size_t i = 0; i < ARRAY_SIZE(columns) && rc == SQLITE_OK; i++) {
		struct json_object *value = field(job, columns[i].column);

		/* What the system did not tell stays NULL. */
		if (value)
			rc = sqlite3_bind_int64(statement, (int)i + 4,
						json_object_get_int64(value));
	}
	if (rc == SQLITE_OK && sqlite3_step(statement) != SQLITE_DONE)
		rc = sqlite3_errcode(db);
	sqlite3_finalize(statement);
	return rc;
}

static int take_file(struct jobs *jobs, sqlite3 *db, const char *path)
{
	struct json_object *job = json_object_from_file(path);
	int rc = take(jobs, path);

	if (rc == SQLITE_OK && field(job, "job") && field(job, "begin") && field(job, "end"))
		rc = insert(db, job);
	else if (rc == SQLITE_OK)
		log_warning("cannot read job '%s': it is no account", path);
	json_object_put(job);
	return rc;
}

int jobs_write(struct jobs *jobs, sqlite3 *db, int64_t time)
{
	cleanup_dir DIR *dir = opendir(jobs->folder);
	struct dirent *entry;
	int rc = SQLITE_OK;

	(void)time;
	forget_taken(jobs);
	while (dir && rc == SQLITE_OK && (entry = readdir(dir))) {
		char path[PATH_MAX + NAME_MAX + 2];

		if (*entry->d_name == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", jobs->folder, entry->d_name);
		rc = take_file(jobs, db, path);
	}
	return rc;
}

void jobs_stored(struct jobs *jobs)
{
	for (size_t i = 0; i < jobs->n_taken; i++)
		unlink(jobs->taken[i]);
	forget_taken(jobs);
}

/* ---- the report ---- */

/*
 * The generation that was seen while the job ran, of several the one whose beginning is nearest. A
 * tick has the time at which it begins and sees what begins meanwhile, so ends may differ by SLACK.
 */
static struct account *find_account(struct report *report, const char *name, int64_t started,
				    int64_t ended, int64_t slack)
{
	struct account *best = NULL;

	for (struct account *a = report->accounts; a; a = a->hh.next)
		if (!a->is_job && streq(a->name, name) && a->first_seen <= ended + slack &&
		    a->last_seen >= started - slack &&
		    (!best || llabs(a->first_seen - started) < llabs(best->first_seen - started)))
			best = a;
	return best;
}

/* For a job that was too short for any tick. */
static struct account *new_account(struct report *report, const char *name)
{
	struct account *a = calloc(1, sizeof(*a));

	if (a)
		a->name = strdup(name);
	if (!a || !a->name) {
		free(a);
		return NULL;
	}
	/* No row of the table has it. */
	a->id = -(sqlite3_int64)HASH_COUNT(report->accounts) - 1;
	HASH_ADD(hh, report->accounts, id, sizeof(a->id), a);
	return a;
}

static int read_ended(sqlite3_stmt *exits, sqlite3_stmt *job, struct job_exits *ret)
{
	int rc = SQLITE_OK;

	for (int i = 0; i < 3 && rc == SQLITE_OK; i++)
		rc = sqlite3_bind_value(exits, i + 1, sqlite3_column_value(job, i));
	if (rc == SQLITE_OK)
		rc = sqlite3_step(exits);
	/* A sum of none is NULL: then nobody noted them. */
	if (rc == SQLITE_ROW && sqlite3_column_type(exits, 0) != SQLITE_NULL)
		*ret = (struct job_exits){
			.known = true,
			.exits = (uint64_t)sqlite3_column_int64(exits, 0),
			.failed = (uint64_t)sqlite3_column_int64(exits, 1),
			.killed = (uint64_t)sqlite3_column_int64(exits, 2),
			.cpu_delay = sqlite3_column_double(exits, 3),
			.block_io_delay = sqlite3_column_double(exits, 4),
		};
	sqlite3_reset(exits);
	return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

static int add_job(struct report *report, sqlite3_stmt *row, sqlite3_stmt *exits, int64_t slack)
{
	const char *name = (const char *)sqlite3_column_text(row, 0);
	int64_t started = (int64_t)(sqlite3_column_double(row, 1) * 1000);
	int64_t ended = (int64_t)(sqlite3_column_double(row, 2) * 1000);
	struct account *a =
		find_account(report, name, started, ended, slack) ?: new_account(report, name);

	if (!a)
		return SQLITE_NOMEM;
	a->is_job = true;
	a->first_seen = started;
	a->last_seen = ended;
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
		enum metric metric = columns[i].metric;

		if (sqlite3_column_type(row, (int)i + 3) != SQLITE_NULL)
			metric_set(metrics[metric].kind == METRIC_GAUGE ? &a->tally.peak
									: &a->tally.total,
				   metric, (uint64_t)sqlite3_column_int64(row, (int)i + 3));
	}
	return exits ? read_ended(exits, row, &a->ended) : SQLITE_OK;
}

static int compare_begin(const struct account *a, const struct account *b)
{
	int order = strcmp(a->name, b->name);

	return order ? order : (a->first_seen > b->first_seen) - (a->first_seen < b->first_seen);
}

/* *RET is NULL where nobody noted tasks that end: there is no such view. */
static int prepare_exits(sqlite3 *db, sqlite3_stmt **ret)
{
	int rc = sqlite3_prepare_v2(
		db,
		"SELECT sum(exits), sum(failed), sum(killed), sum(cpu_delay_seconds),"
		" sum(block_io_delay_seconds) FROM v_exits e WHERE " EXITS_OF("?1", "?2", "?3"),
		-1, ret, NULL);

	return rc == SQLITE_ERROR ? SQLITE_OK : rc;
}

int jobs_read(struct report *report, const struct period *asked, struct rbce_error *err)
{
	sqlite3_str *sql = sqlite3_str_new(report->db);
	sqlite3_stmt *statement = NULL, *exits = NULL;
	int64_t slack;
	char *text;
	int rc;

	/* An older database has no such table. */
	if (sqlite3_table_column_metadata(report->db, NULL, "jobs", "ended", NULL, NULL, NULL, NULL,
					  NULL) != SQLITE_OK) {
		sqlite3_free(sqlite3_str_finish(sql));
		return 0;
	}
	sqlite3_str_appendall(sql, "SELECT container, started, ended");
	for (size_t i = 0; i < ARRAY_SIZE(columns); i++)
		sqlite3_str_appendf(sql, ", %s", columns[i].column);
	sqlite3_str_appendf(sql,
			    " FROM jobs WHERE ended > %lld / 1000.0 AND started <= %lld / 1000.0"
			    " ORDER BY started",
			    (long long)asked->from, (long long)asked->until);
	text = sqlite3_str_finish(sql);
	rc = text ? schema_integer(report->db, "SELECT max(interval) FROM runs", &slack)
		  : SQLITE_NOMEM;
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(report->db, text, -1, &statement, NULL);
	sqlite3_free(text);
	if (rc == SQLITE_OK)
		rc = prepare_exits(report->db, &exits);
	while (rc == SQLITE_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW)
		rc = add_job(report, statement, exits, slack);
	sqlite3_finalize(statement);
	sqlite3_finalize(exits);
	HASH_SORT(report->accounts, compare_begin);
	return rc == SQLITE_DONE ? 0 : report_fail(report, rc, err);
}
