// SPDX-License-Identifier: GPL-2.0-or-later
/* Tasks that ended, in the database; see tables.h. */
#include "tables.h"

#include "stats/store/schema.h"
#include "util.h"

/* The forms in which a span is kept, finest first: those after the first are sums of the one
 * before. */
static const struct {
	const char *exits, *counts;
	int64_t span; /* milliseconds */
} forms[] = {
	{"exits", "exit_counts", 0},
	{"exits_minute", "exit_counts_minute", 60000},
	{"exits_hour", "exit_counts_hour", 3600000},
};

/* So much of the oldest is taken at a time: some rows for every container and program in it. */
enum { AGE_SPANS = 10 };

static const char *const count_columns[EXIT_COUNTS] = {
	[COUNT_EXITS] = "exits",
	[COUNT_THREADS] = "threads",
	[COUNT_BY_GROUP] = "by_group",
	[COUNT_BY_TABLE] = "by_table",
	[COUNT_BY_PARENT] = "by_parent",
	[COUNT_OUTSIDE] = "outside",
	[COUNT_UNATTRIBUTED] = "unattributed",
	[COUNT_LOST] = "lost",
	[COUNT_OVERFLOWS] = "overflows",
	[COUNT_UNREADABLE] = "unreadable",
};

static const char *const place_names[] = {
	[PLACE_CONTAINER] = "container",
	[PLACE_OUTSIDE] = "outside",
	[PLACE_UNKNOWN] = "unknown",
};

/* ---- tables and views ---- */

static void append_tables(sqlite3_str *sql)
{
	for (size_t f = 0; f < ARRAY_SIZE(forms); f++) {
		sqlite3_str_appendf(
			sql,
			"CREATE TABLE IF NOT EXISTS %s(time REAL NOT NULL, key INTEGER NOT NULL"
			" REFERENCES exit_keys(id), period INTEGER NOT NULL",
			forms[f].exits);
		for (size_t i = 0; i < USAGE_COUNT; i++)
			sqlite3_str_appendf(sql, ", %s INTEGER NOT NULL", usage_fields[i].column);
		sqlite3_str_appendf(sql,
				    ", PRIMARY KEY(time, key)) WITHOUT ROWID;"
				    "CREATE TABLE IF NOT EXISTS %s(time REAL PRIMARY KEY,"
				    " period INTEGER NOT NULL",
				    forms[f].counts);
		for (size_t i = 0; i < EXIT_COUNTS; i++)
			sqlite3_str_appendf(sql, ", %s INTEGER NOT NULL", count_columns[i]);
		sqlite3_str_appendall(sql, ") WITHOUT ROWID;");
	}
}

static void append_exit_view(sqlite3_str *sql)
{
	sqlite3_str_appendall(sql,
			      "DROP VIEW IF EXISTS v_exits; CREATE VIEW v_exits AS SELECT"
			      " e.time AS time, e.period / 1000.0 AS period, k.place AS place,"
			      " nullif(k.container, '') AS container, k.user AS user,"
			      " coalesce(nullif(k.path, ''), k.comm) AS executable, k.comm AS comm,"
			      " nullif(k.path, '') AS path");
	for (size_t i = 0; i < USAGE_COUNT; i++)
		sqlite3_str_appendf(sql,
				    usage_fields[i].unit == USAGE_USEC ? ", e.%s / 1000000.0 AS %s"
								       : ", e.%s AS %s",
				    usage_fields[i].column, usage_fields[i].view);
	sqlite3_str_appendall(sql, " FROM (");
	for (size_t f = 0; f < ARRAY_SIZE(forms); f++)
		sqlite3_str_appendf(sql, "%sSELECT * FROM %s", f ? " UNION ALL " : "",
				    forms[f].exits);
	sqlite3_str_appendall(sql, ") e JOIN exit_keys k ON k.id = e.key;");
}

static void append_count_view(sqlite3_str *sql)
{
	sqlite3_str_appendall(sql, "DROP VIEW IF EXISTS v_exit_counts; CREATE VIEW v_exit_counts AS"
				   " SELECT time, period / 1000.0 AS period");
	for (size_t i = 0; i < EXIT_COUNTS; i++)
		sqlite3_str_appendf(sql, ", %s", count_columns[i]);
	sqlite3_str_appendall(sql, " FROM (");
	for (size_t f = 0; f < ARRAY_SIZE(forms); f++)
		sqlite3_str_appendf(sql, "%sSELECT * FROM %s", f ? " UNION ALL " : "",
				    forms[f].counts);
	sqlite3_str_appendall(sql, ");");
}

void exit_tables_append_views(sqlite3_str *sql)
{
	append_exit_view(sql);
	append_count_view(sql);
}

int exit_tables_create(sqlite3 *db)
{
	sqlite3_str *sql = sqlite3_str_new(db);

	sqlite3_str_appendall(
		sql,
		"CREATE TABLE IF NOT EXISTS exit_keys(id INTEGER PRIMARY KEY, place TEXT NOT NULL,"
		" container TEXT NOT NULL, comm TEXT NOT NULL, path TEXT NOT NULL,"
		" user INTEGER NOT NULL, UNIQUE(container, comm, path, user, place));");
	append_tables(sql);
	return schema_run_built(db, sql);
}

/* ---- rows ---- */

/* Runs SQL, of one statement; what it is bound to stands in VALUES, the first of which is a time.
 */
static int run_with(sqlite3 *db, sqlite3_str *sql, const int64_t *values, size_t n)
{
	sqlite3_stmt *statement = NULL;
	char *text = sqlite3_str_finish(sql);
	int rc = text ? sqlite3_prepare_v2(db, text, -1, &statement, NULL) : SQLITE_NOMEM;

	sqlite3_free(text);
	if (rc == SQLITE_OK)
		rc = schema_bind_time(statement, 1, values[0]);
	for (size_t i = 1; rc == SQLITE_OK && i < n; i++)
		rc = sqlite3_bind_int64(statement, (int)i + 1, values[i]);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(statement);
	sqlite3_finalize(statement);
	return rc == SQLITE_DONE || rc == SQLITE_ROW ? SQLITE_OK : rc;
}

/* " ON CONFLICT DO UPDATE": the sums, or the higher of the two. */
static void append_merge(sqlite3_str *sql, bool counts)
{
	sqlite3_str_appendf(sql,
			    " ON CONFLICT DO UPDATE SET period = max(period, excluded.period)");
	for (size_t i = 0; counts && i < EXIT_COUNTS; i++)
		sqlite3_str_appendf(sql, ", %s = %s + excluded.%s", count_columns[i],
				    count_columns[i], count_columns[i]);
	for (size_t i = 0; !counts && i < USAGE_COUNT; i++) {
		const char *column = usage_fields[i].column;

		sqlite3_str_appendf(sql,
				    usage_fields[i].highest ? ", %s = max(%s, excluded.%s)"
							    : ", %s = %s + excluded.%s",
				    column, column, column);
	}
}

/* *RET is the id of the key, which is made where there is none. */
static int find_key(sqlite3 *db, const struct exit_key *key, int64_t *ret)
{
	static const char *const texts[] = {
		"SELECT id FROM exit_keys WHERE container = ?1 AND comm = ?2 AND path = ?3"
		" AND user = ?4 AND place = ?5",
		"INSERT INTO exit_keys(container, comm, path, user, place)"
		" VALUES(?1, ?2, ?3, ?4, ?5) RETURNING id",
	};
	int rc = SQLITE_DONE;

	for (size_t i = 0; rc == SQLITE_DONE && i < ARRAY_SIZE(texts); i++) {
		sqlite3_stmt *statement = NULL;
		const char *names[] = {key->container, key->comm, key->path};

		rc = sqlite3_prepare_v2(db, texts[i], -1, &statement, NULL);
		for (int n = 0; rc == SQLITE_OK && n < 3; n++)
			rc = sqlite3_bind_text(statement, n + 1, names[n], -1, SQLITE_STATIC);
		if (rc == SQLITE_OK)
			rc = sqlite3_bind_int64(statement, 4, key->uid);
		if (rc == SQLITE_OK)
			rc = sqlite3_bind_text(statement, 5, place_names[key->place], -1,
					       SQLITE_STATIC);
		if (rc == SQLITE_OK)
			rc = sqlite3_step(statement);
		if (rc == SQLITE_ROW)
			*ret = sqlite3_column_int64(statement, 0);
		sqlite3_finalize(statement);
	}
	return rc == SQLITE_ROW ? SQLITE_OK : rc == SQLITE_DONE ? SQLITE_ERROR : rc;
}

/* SQLite's integers have 63 bits. */
static int64_t stored(uint64_t value)
{
	return value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

static void append_values(sqlite3_str *sql, size_t n)
{
	sqlite3_str_appendall(sql, ") VALUES(?");
	for (size_t i = 1; i < n; i++)
		sqlite3_str_appendall(sql, ", ?");
	sqlite3_str_appendall(sql, ")");
}

int exit_tables_add(sqlite3 *db, int64_t time, int64_t period, const struct exit_key *key,
		    const struct usage *usage)
{
	int64_t values[USAGE_COUNT + 3] = {time, 0, period};
	sqlite3_str *sql;
	int rc = find_key(db, key, &values[1]);

	if (rc != SQLITE_OK)
		return rc;
	sql = sqlite3_str_new(db);
	sqlite3_str_appendall(sql, "INSERT INTO exits(time, key, period");
	for (size_t i = 0; i < USAGE_COUNT; i++) {
		sqlite3_str_appendf(sql, ", %s", usage_fields[i].column);
		values[3 + i] = stored(usage->value[i]);
	}
	append_values(sql, ARRAY_SIZE(values));
	append_merge(sql, false);
	return run_with(db, sql, values, ARRAY_SIZE(values));
}

int exit_tables_count(sqlite3 *db, int64_t time, int64_t period, const uint64_t counts[EXIT_COUNTS])
{
	int64_t values[EXIT_COUNTS + 2] = {time, period};
	sqlite3_str *sql = sqlite3_str_new(db);

	sqlite3_str_appendall(sql, "INSERT INTO exit_counts(time, period");
	for (size_t i = 0; i < EXIT_COUNTS; i++) {
		sqlite3_str_appendf(sql, ", %s", count_columns[i]);
		values[2 + i] = stored(counts[i]);
	}
	append_values(sql, ARRAY_SIZE(values));
	append_merge(sql, true);
	return run_with(db, sql, values, ARRAY_SIZE(values));
}

/* ---- ageing ---- */

/* End of the span of ?2 milliseconds that a time, which has seconds, is in. */
#define SPAN_END "(CAST(round(time * 1000) AS INTEGER) + ?2 - 1) / ?2 * ?2 / 1000"

/* Rows of one form before a moment become rows of the next. ?1: that moment; ?2: the span. */
static int merge_exits(sqlite3 *db, size_t form, const int64_t *bounds)
{
	sqlite3_str *sql = sqlite3_str_new(db);

	sqlite3_str_appendf(sql, "INSERT INTO %s SELECT " SPAN_END ", key, ?2",
			    forms[form + 1].exits);
	for (size_t i = 0; i < USAGE_COUNT; i++)
		sqlite3_str_appendf(sql, ", %s(%s)", usage_fields[i].highest ? "max" : "sum",
				    usage_fields[i].column);
	/* "WHERE" so that ON CONFLICT is not read as a join. */
	sqlite3_str_appendf(sql, " FROM %s WHERE time <= ?1 GROUP BY 1, 2", forms[form].exits);
	append_merge(sql, false);
	return run_with(db, sql, bounds, 2);
}

static int merge_counts(sqlite3 *db, size_t form, const int64_t *bounds)
{
	sqlite3_str *sql = sqlite3_str_new(db);

	sqlite3_str_appendf(sql, "INSERT INTO %s SELECT " SPAN_END ", ?2", forms[form + 1].counts);
	for (size_t i = 0; i < EXIT_COUNTS; i++)
		sqlite3_str_appendf(sql, ", sum(%s)", count_columns[i]);
	sqlite3_str_appendf(sql, " FROM %s WHERE time <= ?1 GROUP BY 1", forms[form].counts);
	append_merge(sql, true);
	return run_with(db, sql, bounds, 2);
}

static int drop_rows(sqlite3 *db, const char *table, int64_t until)
{
	sqlite3_str *sql = sqlite3_str_new(db);

	sqlite3_str_appendf(sql, "DELETE FROM %s WHERE time <= ?1", table);
	return run_with(db, sql, &until, 1);
}

/* *RET is the oldest time in a form, INT64_MAX when it is empty. */
static int find_oldest(sqlite3 *db, size_t form, int64_t *ret)
{
	char sql[256];

	snprintf(sql, sizeof(sql),
		 "SELECT min((SELECT coalesce(CAST(round(min(time) * 1000) AS INTEGER), %lld) FROM "
		 "%s),"
		 " (SELECT coalesce(CAST(round(min(time) * 1000) AS INTEGER), %lld) FROM %s))",
		 (long long)INT64_MAX, forms[form].exits, (long long)INT64_MAX, forms[form].counts);
	return schema_integer(db, sql, ret);
}

static int age_form(sqlite3 *db, size_t form, int64_t until, bool *more)
{
	bool last = form + 1 == ARRAY_SIZE(forms);
	int64_t span = forms[last ? form : form + 1].span, oldest, bounds[2] = {0, span};
	int rc = find_oldest(db, form, &oldest);

	until = until / span * span;
	if (rc != SQLITE_OK || oldest > until)
		return rc;
	bounds[0] = (oldest + span - 1) / span * span + (AGE_SPANS - 1) * span;
	*more |= bounds[0] < until;
	if (bounds[0] > until)
		bounds[0] = until;
	if (!last)
		rc = merge_exits(db, form, bounds);
	if (rc == SQLITE_OK && !last)
		rc = merge_counts(db, form, bounds);
	if (rc == SQLITE_OK)
		rc = drop_rows(db, forms[form].exits, bounds[0]);
	if (rc == SQLITE_OK)
		rc = drop_rows(db, forms[form].counts, bounds[0]);
	return rc;
}

/* Keys that no row has. They are few, and there is an index on none of the tables: seldom. */
static int drop_keys(sqlite3 *db)
{
	sqlite3_str *sql = sqlite3_str_new(db);

	sqlite3_str_appendall(sql, "DELETE FROM exit_keys WHERE id NOT IN (");
	for (size_t f = 0; f < ARRAY_SIZE(forms); f++)
		sqlite3_str_appendf(sql, "%sSELECT key FROM %s", f ? " UNION " : "",
				    forms[f].exits);
	sqlite3_str_appendall(sql, ")");
	return schema_run_built(db, sql);
}

int exit_tables_age(sqlite3 *db, int64_t now, const struct exit_retention *retention, bool *more)
{
	const int64_t kept[] = {retention->ticks, retention->minutes, retention->hours};
	bool dropped = false;
	int rc = SQLITE_OK;

	for (size_t f = 0; rc == SQLITE_OK && f < ARRAY_SIZE(forms); f++) {
		bool last = f + 1 == ARRAY_SIZE(forms);
		int64_t oldest = INT64_MAX;

		rc = find_oldest(db, f, &oldest);
		dropped |= last && rc == SQLITE_OK && oldest <= now - kept[f];
		if (rc == SQLITE_OK)
			rc = age_form(db, f, now - kept[f], more);
	}
	/* Only hours are ever dropped for good. */
	return rc == SQLITE_OK && dropped ? drop_keys(db) : rc;
}
