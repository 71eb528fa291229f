// SPDX-License-Identifier: GPL-2.0-or-later
/* Tables, views and versions of the database; see tables.h. */
#include "tables.h"

#include "devices.h"
#include "stats/exits/jobs.h"
#include "stats/exits/states.h"
#include "stats/exits/tables.h"
#include "stats/shares/shares.h"
#include "tiers.h"
#include "util.h"

/* ---- views ---- */

static void append_metric(sqlite3_str *sql, enum tier tier, size_t metric, bool has)
{
	static const char *const names[] = {"", "_min", "_max"};
	const char *suffix[3];
	size_t n = tier_columns(tier, metric, suffix);

	for (size_t i = 0; i < n; i++) {
		sqlite3_str_appendall(sql, has ? ",\n" : ",\nNULL");
		if (has)
			tier_append_value(sql, "s", tier, metric, (enum tier_value)i);
		sqlite3_str_appendf(sql, " AS %s%s", metric_shown(metric), names[i]);
	}
}

/*
 * How rows of ticks find their tick and container. Both ways are given, as views are asked for one
 * container, whose row at a tick is found by its key, and for all that there are at a tick: which
 * are about a hundred, and not so many as containers were ever known.
 */
#define JOINED                                                                                     \
	" JOIN ticks t ON likelihood(" TIER_FROM_TICK ", 0.003)"                                   \
	" AND likelihood(" TIER_UNTIL_TICK ", 0.003)"                                              \
	" JOIN containers c ON c.id = s." TIER_CONTAINER " AND s.at = " TIER_AT("t.id", "c.id")

/* Times are the tables' own, so that a condition on them finds its rows by the key. */
static void append_view(sqlite3_str *sql, enum tier tier, enum metric_view view,
			const struct metric_mask *have)
{
	char table[TIER_NAME_SIZE];

	tier_table(tier, view, table);
	sqlite3_str_appendf(sql, "CREATE VIEW v_%s%s AS SELECT c.name AS container, ",
			    metric_views[view].name, tiers[tier].suffix);
	if (tier == TIER_TICK)
		sqlite3_str_appendall(
			sql, "t.time AS time, coalesce(s.period, t.period) / 1000.0 AS period");
	else
		sqlite3_str_appendall(sql, "s.time AS time, s.seconds AS period");
	for (size_t m = 0; m < METRIC_TOTAL; m++)
		if (metrics[m].view == view)
			append_metric(sql, tier, m, mask_has(have, m));
	sqlite3_str_appendf(sql, ", c.id AS generation FROM %s s%s;", table,
			    tier == TIER_TICK ? JOINED
					      : " JOIN containers c ON c.id = s.container");
}

static void append_usage(sqlite3_str *sql, const struct metric_mask *have)
{
	sqlite3_str_appendall(sql, "CREATE VIEW usage AS SELECT t.time AS time,"
				   " c.name AS container, c.id AS generation,"
				   " coalesce(s.period, t.period) / 1000.0 AS period");
	for (size_t m = 0; m < METRIC_TOTAL; m++)
		if (metric_table(m) == TABLE_SAMPLES)
			append_metric(sql, TIER_TICK, m, mask_has(have, m));
	sqlite3_str_appendall(sql, " FROM samples s" JOINED ";");
}

/* Those that are not made of metrics. */
static const struct {
	const char *name;
	const char *select;
} plain_views[] = {
	{"container_list",
	 "SELECT id AS generation, name AS container, first_seen / 1000.0 AS first_seen,"
	 " coalesce(last_seen, (SELECT max(last_tick) FROM runs)) / 1000.0 AS last_seen"
	 " FROM containers"},
	{"v_containers", "SELECT id AS generation, name AS container,"
			 " first_seen / 1000.0 AS first_seen, last_seen / 1000.0 AS last_seen"
			 " FROM containers"},
	{"v_events", "SELECT container, time, event, action, pid, detail FROM events"},
	{"actions", "SELECT time, container, event, action, detail FROM events"
		    " WHERE event IN ('oom', 'penalty')"},
};

/* All views, each after the one of its name that was there. */
static char *views_text(const struct metric_mask *have)
{
	sqlite3_str *sql = sqlite3_str_new(NULL);

	for (size_t i = 0; i < ARRAY_SIZE(plain_views); i++)
		sqlite3_str_appendf(sql, "DROP VIEW IF EXISTS %s; CREATE VIEW %s AS %s;",
				    plain_views[i].name, plain_views[i].name,
				    plain_views[i].select);
	sqlite3_str_appendall(sql, "DROP VIEW IF EXISTS usage;");
	append_usage(sql, have);
	for (size_t t = 0; t < TIER_TOTAL; t++)
		for (size_t v = 0; v < VIEW_TOTAL; v++) {
			sqlite3_str_appendf(sql, "DROP VIEW IF EXISTS v_%s%s;",
					    metric_views[v].name, tiers[t].suffix);
			append_view(sql, (enum tier)t, (enum metric_view)v, have);
		}
	exit_tables_append_views(sql);
	share_tables_append_views(sql);
	state_tables_append_views(sql);
	device_tables_append_views(sql);
	job_tables_append_views(sql);
	return sqlite3_str_finish(sql);
}

enum {
	VIEW_COUNT = ARRAY_SIZE(plain_views) + 1 + TIER_TOTAL * VIEW_TOTAL + EXIT_VIEWS +
		     SHARE_VIEWS + STATE_VIEWS + DEVICE_VIEWS + JOB_VIEWS,
};

/* Makes the views anew where they are not those of this program: META has the text of all. */
static int complete_views(sqlite3 *db)
{
	struct metric_mask have;
	sqlite3_stmt *statement = NULL;
	int rc = schema_columns(db, &have), same = 0;
	char *text = views_text(&have);

	if (rc == SQLITE_OK && !text)
		rc = SQLITE_NOMEM;
	if (rc == SQLITE_OK)
		rc = sqlite3_prepare_v2(
			db,
			"SELECT (SELECT value = ?1 FROM meta WHERE key = 'views') AND ?2 <="
			" (SELECT count(*) FROM sqlite_master WHERE type = 'view') AS same",
			-1, &statement, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(statement, 1, text, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int(statement, 2, VIEW_COUNT);
	if (rc == SQLITE_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
		same = sqlite3_column_int(statement, 0);
		rc = SQLITE_OK;
	}
	sqlite3_finalize(statement);
	statement = NULL;
	if (rc == SQLITE_OK && !same) {
		rc = schema_run(db, text);
		if (rc == SQLITE_OK)
			rc = sqlite3_prepare_v2(
				db, "INSERT OR REPLACE INTO meta(key, value) VALUES('views', ?1)",
				-1, &statement, NULL);
		if (rc == SQLITE_OK)
			rc = sqlite3_bind_text(statement, 1, text, -1, SQLITE_STATIC);
		if (rc == SQLITE_OK && (rc = sqlite3_step(statement)) == SQLITE_DONE)
			rc = SQLITE_OK;
		sqlite3_finalize(statement);
	}
	sqlite3_free(text);
	return rc;
}

/* ---- tables ---- */

/* A table that has columns for metrics: how it begins, and which. */
struct wide_table {
	const char *head; /* of CREATE TABLE, up to the last column before those */
	const char *tail;
	enum tier tier;
};

static const struct wide_table ticks_table = {
	.head = "at INTEGER PRIMARY KEY, container INTEGER AS (" TIER_CONTAINER ") VIRTUAL,"
		" period INTEGER",
	.tail = ");",
	.tier = TIER_TICK,
};
static const struct wide_table minutes_table = {
	.head = "container INTEGER NOT NULL REFERENCES containers(id), time INTEGER NOT NULL,"
		" seconds INTEGER NOT NULL",
	.tail = ", PRIMARY KEY(container, time)) WITHOUT ROWID;",
	.tier = TIER_MINUTE,
};
static const struct wide_table counters_table = {
	.head = "container INTEGER PRIMARY KEY REFERENCES containers(id), time INTEGER NOT NULL",
	.tail = ");",
	.tier = TIER_TICK,
};

/* Of those that have one on demand, those in KNOWN alone. */
typedef bool wants_fn(size_t metric, int which, const struct metric_mask *known);

bool tables_on_demand(size_t metric)
{
	const struct metric_info *info = &metrics[metric];

	return metric_table(metric) == TABLE_DETAILS ||
	       (metric_table(metric) == TABLE_SAMPLES && !(info->v1.file && info->v2.file));
}

static bool is_wanted(size_t metric, const struct metric_mask *known)
{
	return !tables_on_demand(metric) || mask_has(known, metric);
}

static bool wants_table(size_t metric, int which, const struct metric_mask *known)
{
	return (int)metric_table(metric) == which && is_wanted(metric, known);
}

static bool wants_view(size_t metric, int which, const struct metric_mask *known)
{
	return (int)metrics[metric].view == which && is_wanted(metric, known);
}

static bool wants_counters(size_t metric, int which, const struct metric_mask *known)
{
	(void)which;
	(void)known;
	return metrics[metric].kind == METRIC_COUNTER;
}

static bool has_column(sqlite3 *db, const char *table, const char *column)
{
	return sqlite3_table_column_metadata(db, NULL, table, column, NULL, NULL, NULL, NULL,
					     NULL) == SQLITE_OK;
}

/* Makes the table NAME, or adds the columns that it lacks. */
static int complete_table(sqlite3 *db, const struct wide_table *table, const char *name,
			  wants_fn *wants, int which, const struct metric_mask *known)
{
	sqlite3_str *sql = sqlite3_str_new(db);
	bool there = has_column(db, name, "container");
	const char *suffix[3];

	if (!there)
		sqlite3_str_appendf(sql, "CREATE TABLE %s(%s", name, table->head);
	for (size_t m = 0; m < METRIC_TOTAL; m++) {
		size_t n = wants(m, which, known) ? tier_columns(table->tier, m, suffix) : 0;

		for (size_t i = 0; i < n; i++) {
			char column[TIER_NAME_SIZE];

			snprintf(column, sizeof(column), "%s%s", metrics[m].column, suffix[i]);
			if (!there)
				sqlite3_str_appendf(sql, ",\n%s INTEGER", column);
			else if (!has_column(db, name, column))
				sqlite3_str_appendf(sql, "ALTER TABLE %s ADD COLUMN %s INTEGER;",
						    name, column);
		}
	}
	sqlite3_str_appendall(sql, there ? "SELECT 1" : table->tail);
	return schema_run_built(db, sql);
}

int tables_complete(sqlite3 *db)
{
	const struct metric_mask none = {0};
	char name[TIER_NAME_SIZE];
	int rc = complete_table(db, &counters_table, "counters", wants_counters, 0, &none);

	for (int t = 0; rc == SQLITE_OK && t < TABLE_TOTAL; t++)
		rc = complete_table(db, &ticks_table, metric_tables[t], wants_table, t, &none);
	for (int t = TIER_MINUTE; t < TIER_TOTAL; t++)
		for (int v = 0; rc == SQLITE_OK && v < VIEW_TOTAL; v++)
			rc = complete_table(db, &minutes_table,
					    tier_table((enum tier)t, (enum metric_view)v, name),
					    wants_view, v, &none);
	return rc == SQLITE_OK ? complete_views(db) : rc;
}

static int drop_views(sqlite3 *db)
{
	sqlite3_str *sql = sqlite3_str_new(db);
	sqlite3_stmt *statement = NULL;
	int rc = sqlite3_prepare_v2(db, "SELECT name FROM sqlite_master WHERE type = 'view'", -1,
				    &statement, NULL);

	while (rc == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
		sqlite3_str_appendf(sql, "DROP VIEW \"%w\";", sqlite3_column_text(statement, 0));
	sqlite3_finalize(statement);
	sqlite3_str_appendall(sql, "SELECT 1");
	return schema_run_built(db, sql);
}

/* A table without rows is made anew, which is one change of the schema for all of its columns. */
static int drop_empty(sqlite3 *db, const char *table)
{
	char sql[TIER_NAME_SIZE + 32];
	bool has;
	int rc;

	snprintf(sql, sizeof(sql), "SELECT 1 FROM %s LIMIT 1", table);
	rc = schema_has(db, sql, NULL, &has);
	if (rc != SQLITE_OK || has)
		return rc;
	snprintf(sql, sizeof(sql), "DROP TABLE %s", table);
	return schema_run(db, sql);
}

/* With each change SQLite reads the whole schema anew, and most of it is views: they go before, and
 * come after. */
int tables_add_columns(sqlite3 *db, const struct metric_mask *wanted)
{
	struct metric_mask known;
	char name[TIER_NAME_SIZE];
	int rc = schema_columns(db, &known);

	known = mask_either(known, *wanted);
	if (rc == SQLITE_OK)
		rc = drop_views(db);
	for (int t = TABLE_SAMPLES; rc == SQLITE_OK && t <= TABLE_DETAILS; t++) {
		rc = drop_empty(db, metric_tables[t]);
		if (rc == SQLITE_OK)
			rc = complete_table(db, &ticks_table, metric_tables[t], wants_table, t,
					    &known);
	}
	for (int t = TIER_MINUTE; t < TIER_TOTAL; t++)
		for (int v = 0; rc == SQLITE_OK && v < VIEW_TOTAL; v++) {
			if (metric_views[v].table > TABLE_DETAILS)
				continue;
			tier_table((enum tier)t, (enum metric_view)v, name);
			rc = drop_empty(db, name);
			if (rc == SQLITE_OK)
				rc = complete_table(db, &minutes_table, name, wants_view, v,
						    &known);
		}
	return rc == SQLITE_OK ? complete_views(db) : rc;
}

/* ---- versions ---- */

static int begin(sqlite3 *db)
{
	sqlite3_str *sql = sqlite3_str_new(db);

	sqlite3_str_appendf(sql, "PRAGMA application_id = %d;", SCHEMA_APPLICATION_ID);
	sqlite3_str_appendall(
		sql,
		"CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
		"CREATE TABLE runs(started INTEGER PRIMARY KEY, last_tick INTEGER NOT NULL,"
		" interval INTEGER NOT NULL, ticks INTEGER NOT NULL, overruns INTEGER NOT NULL,"
		" lost INTEGER NOT NULL);"
		"CREATE TABLE containers(id INTEGER PRIMARY KEY, name TEXT NOT NULL,"
		" boot TEXT NOT NULL, inode INTEGER NOT NULL, first_seen INTEGER NOT NULL,"
		" last_seen INTEGER, UNIQUE(name, boot, inode));");
	return schema_run_built(db, sql);
}

/* What rbced did, as it told it. */
static int create_events(sqlite3 *db)
{
	return schema_run(db, "CREATE TABLE events(time INTEGER NOT NULL, container TEXT NOT NULL,"
			      " event TEXT NOT NULL, action TEXT NOT NULL, detail TEXT NOT NULL);"
			      "CREATE INDEX events_time ON events(time);");
}

/* The rows of version 2: milliseconds, bytes, one table. */
static int take_over_samples(sqlite3 *db)
{
	sqlite3_str *sql = sqlite3_str_new(db);
	char old[TIER_NAME_SIZE];

	sqlite3_str_appendall(sql, "INSERT INTO ticks(time, period) SELECT time / 1000.0,"
				   " max(period) FROM samples_2 GROUP BY time;"
				   "INSERT INTO samples(at, period");
	for (int values = 0; values < 2; values++) {
		for (size_t m = 0; m < METRIC_TOTAL; m++) {
			snprintf(old, sizeof(old), "%s",
				 metrics[m].scale ? metric_shown(m) : metrics[m].column);
			if (metric_table(m) != TABLE_SAMPLES || !has_column(db, "samples_2", old))
				continue;
			sqlite3_str_appendf(sql, ", %s", values ? old : metrics[m].column);
			if (values && metrics[m].scale)
				sqlite3_str_appendf(sql, " / %u", metrics[m].scale);
		}
		sqlite3_str_appendall(
			sql,
			values ? " FROM samples_2 JOIN ticks t"
				 " ON t.time = samples_2.time / 1000.0;"
			       : ") SELECT " TIER_AT("t.id", "container") ", samples_2.period");
	}
	sqlite3_str_appendall(sql, "DROP TABLE samples_2");
	return schema_run_built(db, sql);
}

#define TICKS                                                                                      \
	"CREATE TABLE ticks(id INTEGER PRIMARY KEY, time REAL NOT NULL UNIQUE, period INTEGER);"

/*
 * Times in seconds, as views show them; ticks; the tables of rare numbers and of older tiers;
 * events of all kinds.
 */
static int add_tiers(sqlite3 *db)
{
	bool old = has_column(db, "samples", "time");
	int rc = SQLITE_OK;

	if (old)
		rc = schema_run(db, "ALTER TABLE samples RENAME TO samples_2");
	if (rc == SQLITE_OK)
		rc = schema_run(
			db,
			"DROP VIEW IF EXISTS usage; DROP VIEW IF EXISTS actions;" TICKS
			"ALTER TABLE events RENAME TO events_2;"
			"DROP INDEX events_time;"
			"CREATE TABLE events(time REAL NOT NULL, container TEXT NOT NULL,"
			" event TEXT NOT NULL, action TEXT NOT NULL, pid INTEGER,"
			" detail TEXT NOT NULL);"
			"CREATE INDEX events_time ON events(time);"
			"INSERT INTO events SELECT time / 1000.0, container, event, action, NULL,"
			" detail FROM events_2; DROP TABLE events_2;");
	if (rc == SQLITE_OK)
		rc = tables_complete(db);
	if (rc == SQLITE_OK && old)
		rc = take_over_samples(db);
	return rc;
}

/* The rows of version 9, which were keyed (time, container). */
static int take_over_rows(sqlite3 *db, enum metric_table table)
{
	const char *name = metric_tables[table];
	sqlite3_str *sql = sqlite3_str_new(db);
	char old[TIER_NAME_SIZE];

	snprintf(old, sizeof(old), "%s_9", name);
	sqlite3_str_appendf(sql, "INSERT INTO %s(at, period", name);
	for (int values = 0; values < 2; values++) {
		for (size_t m = 0; m < METRIC_TOTAL; m++)
			if (metric_table(m) == table && has_column(db, old, metrics[m].column))
				sqlite3_str_appendf(sql, ", %s", metrics[m].column);
		if (!values)
			sqlite3_str_appendall(sql, ") SELECT " TIER_AT("t.id",
								       "o.container") ", o.period");
	}
	sqlite3_str_appendf(sql,
			    " FROM %s o CROSS JOIN ticks t ON t.time = o.time"
			    " ORDER BY o.time, o.container; DROP TABLE %s",
			    old, old);
	return schema_run_built(db, sql);
}

static int renumber_ticks(sqlite3 *db)
{
	struct metric_mask known;
	sqlite3_str *sql = sqlite3_str_new(db);
	int rc = schema_columns(db, &known);

	for (int t = 0; t < TABLE_TOTAL; t++)
		sqlite3_str_appendf(sql, "ALTER TABLE %s RENAME TO %s_9;", metric_tables[t],
				    metric_tables[t]);
	sqlite3_str_appendall(sql, "ALTER TABLE ticks RENAME TO ticks_9;" TICKS
				   "INSERT INTO ticks(time, period) SELECT time, period FROM"
				   " ticks_9 ORDER BY time; DROP TABLE ticks_9");
	if (rc == SQLITE_OK)
		rc = drop_views(db);
	if (rc == SQLITE_OK)
		rc = schema_run_built(db, sql);
	else
		sqlite3_free(sqlite3_str_finish(sql));
	for (int t = 0; rc == SQLITE_OK && t < TABLE_TOTAL; t++) {
		rc = complete_table(db, &ticks_table, metric_tables[t], wants_table, t, &known);
		if (rc == SQLITE_OK)
			rc = take_over_rows(db, (enum metric_table)t);
	}
	return rc;
}

/*
 * Ticks have numbers, and the key of their rows is made of those. The planner is told how many rows
 * there are, or it would take the wrong way for the series of one container.
 */
static int number_ticks(sqlite3 *db)
{
	int rc = has_column(db, "ticks", "id") ? SQLITE_OK : renumber_ticks(db);

	if (rc == SQLITE_OK)
		rc = schema_run(db, "ANALYZE sqlite_schema;"
				    "DELETE FROM sqlite_stat1;"
				    "INSERT INTO sqlite_stat1 VALUES"
				    "('samples', NULL, '10000000'),"
				    "('details', NULL, '1000000'),"
				    "('limits', NULL, '100000'),"
				    "('network', NULL, '1000000'),"
				    "('ticks', 'sqlite_autoindex_ticks_1', '100000 1'),"
				    "('containers', 'sqlite_autoindex_containers_1', '300 1 1 1')");
	return rc;
}

const schema_step tables_steps[] = {begin,
				    create_events,
				    add_tiers,
				    exit_tables_create,
				    share_tables_create,
				    state_tables_create,
				    device_tables_create,
				    job_tables_create,
				    device_counters_create,
				    number_ticks};
const size_t tables_version = ARRAY_SIZE(tables_steps);
