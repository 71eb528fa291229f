// SPDX-License-Identifier: GPL-2.0-or-later
/* The recorder's connection to the database; see writer.h. */
#include "writer.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "schema.h"
#include "tables.h"
#include "tiers.h"
#include "util.h"

enum statement {
	FIND_CONTAINER,
	ADD_CONTAINER,
	REVIVE_CONTAINER,
	END_CONTAINER,
	LOAD_COUNTERS,
	SAVE_COUNTERS,
	DROP_COUNTERS,
	TIME_TAKEN,
	ROW_TAKEN,
	FIND_TICK,
	ADD_TICK,
	ADD_EVENT,
	SAVE_RUN,
};
enum { STATEMENT_COUNT = SAVE_RUN + 1 };

struct writer {
	const struct store_options *options;
	sqlite3 *db;
	sqlite3_stmt *statement[STATEMENT_COUNT];
	sqlite3_stmt *add[TABLE_TOTAL]; /* a row */
	struct metric_mask columns;     /* that there are */
	bool grew;
	int64_t tick, tick_time; /* that was looked for last; 0 for none */
	int lock_fd;             /* flock(2) on the database, so that it has one recorder */
	struct stat file;
};

/* A statement is HEAD, COLUMN for each counter with its name, MIDDLE, VALUE for each, TAIL. */
static const struct {
	const char *head, *column, *middle, *value, *tail;
} statements[STATEMENT_COUNT] = {
	[FIND_CONTAINER] = {"SELECT id FROM containers"
			    " WHERE name = ?1 AND boot = ?2 AND inode = ?3"},
	[ADD_CONTAINER] = {"INSERT INTO containers(name, boot, inode, first_seen)"
			   " VALUES(?1, ?2, ?3, ?4)"},
	[REVIVE_CONTAINER] = {"UPDATE containers SET last_seen = NULL WHERE id = ?1"},
	[END_CONTAINER] = {"UPDATE containers SET last_seen = ?4"
			   " WHERE name = ?1 AND boot = ?2 AND inode = ?3"},
	[LOAD_COUNTERS] = {"SELECT time", ", %s", " FROM counters WHERE container = ?1"},
	[SAVE_COUNTERS] = {"INSERT OR REPLACE INTO counters(time, container", ", %s",
			   ") VALUES(?, ?", ", ?", ")"},
	[DROP_COUNTERS] = {"DELETE FROM counters WHERE container IN"
			   " (SELECT id FROM containers WHERE last_seen IS NOT NULL)"},
	[TIME_TAKEN] = {"SELECT 1 FROM ticks WHERE time = ?1"},
	[ROW_TAKEN] = {"SELECT 1 FROM ticks t CROSS JOIN samples s"
		       " ON s.at = " TIER_AT("t.id", "?2") " WHERE t.time = ?1"},
	[FIND_TICK] = {"SELECT id FROM ticks WHERE time = ?1"},
	[ADD_TICK] = {"INSERT OR IGNORE INTO ticks(time, period) VALUES(?1, ?2)"},
	[ADD_EVENT] = {"INSERT INTO events(time, container, event, action, pid, detail)"
		       " VALUES(?1, ?2, ?3, ?4, ?5, ?6)"},
	[SAVE_RUN] = {"INSERT INTO runs(started, last_tick, interval, ticks, overruns, lost)"
		      " VALUES(?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT(started) DO UPDATE SET"
		      " last_tick = ?2, ticks = ?4, overruns = ?5, lost = ?6"},
};

static int prepare(struct writer *w, size_t i)
{
	sqlite3_str *text = sqlite3_str_new(w->db);
	const char *part[] = {statements[i].head, statements[i].middle};
	const char *format[] = {statements[i].column, statements[i].value};
	char *finished;
	int rc = SQLITE_NOMEM;

	for (size_t p = 0; p < 2; p++) {
		sqlite3_str_appendall(text, part[p] ?: "");
		for (size_t m = 0; format[p] && m < METRIC_TOTAL; m++)
			if (metrics[m].kind == METRIC_COUNTER)
				sqlite3_str_appendf(text, format[p], metrics[m].column);
	}
	sqlite3_str_appendall(text, statements[i].tail ?: "");
	finished = sqlite3_str_finish(text);
	if (finished)
		rc = sqlite3_prepare_v3(w->db, finished, -1, SQLITE_PREPARE_PERSISTENT,
					&w->statement[i], NULL);
	sqlite3_free(finished);
	return rc;
}

static bool has_column(const struct writer *w, enum metric_table table, size_t metric)
{
	return metric_table(metric) == table && mask_has(&w->columns, metric);
}

static int prepare_add(struct writer *w, enum metric_table table)
{
	sqlite3_str *text = sqlite3_str_new(w->db);
	char *finished;
	int rc = SQLITE_NOMEM;

	sqlite3_str_appendf(text, "INSERT INTO %s(at, period", metric_tables[table]);
	for (size_t m = 0; m < METRIC_TOTAL; m++)
		if (has_column(w, table, m))
			sqlite3_str_appendf(text, ", %s", metrics[m].column);
	sqlite3_str_appendall(text, ") VALUES(?, ?");
	for (size_t m = 0; m < METRIC_TOTAL; m++)
		if (has_column(w, table, m))
			sqlite3_str_appendall(text, ", ?");
	sqlite3_str_appendall(text, ")");
	finished = sqlite3_str_finish(text);
	if (finished)
		rc = sqlite3_prepare_v3(w->db, finished, -1, SQLITE_PREPARE_PERSISTENT,
					&w->add[table], NULL);
	sqlite3_free(finished);
	return rc;
}

/* Runs a bound statement that gives no rows, or the first row of one that does. */
static int run(sqlite3_stmt *statement)
{
	int rc = sqlite3_step(statement), reset;

	if (rc == SQLITE_ROW)
		return SQLITE_ROW;
	reset = sqlite3_reset(statement);
	return rc == SQLITE_DONE ? reset : rc;
}

int writer_error(const struct writer *w, int rc, const char *verb, struct rbce_error *err)
{
	return schema_error(w->db, rc, verb, w->options->path, err);
}

/* Opening. */

static int lock(struct writer *w, struct rbce_error *err)
{
	const char *path = w->options->path;
	struct stat now;

	/* Kept until SQLite is closed: closing any descriptor of the file drops SQLite's locks. */
	w->lock_fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666);
	if (w->lock_fd < 0 || fstat(w->lock_fd, &w->file) < 0)
		return rbce_error_errno(err, -errno, "cannot open '%s'", path);
	if (!S_ISREG(w->file.st_mode))
		return rbce_error_set(err, -EMEDIUMTYPE,
				      "cannot open '%s': it is not a regular file", path);
	if (flock(w->lock_fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK)
			return rbce_error_errno(err, -errno, "cannot lock '%s'", path);
		return rbce_error_set(err, -EALREADY,
				      "cannot open '%s': another recorder writes it", path);
	}
	if (stat(path, &now) < 0 || now.st_ino != w->file.st_ino || now.st_dev != w->file.st_dev)
		return rbce_error_errno(err, -ESTALE, "cannot open '%s'", path);
	return 0;
}

/* One database holds one root group: names under two would be mixed up. */
static int check_group(struct writer *w, struct rbce_error *err)
{
	sqlite3_stmt *statement = NULL;
	const char *text;
	int r = 0, rc;

	rc = sqlite3_prepare_v2(w->db,
				"INSERT INTO meta(key, value) VALUES('root', ?1)"
				" ON CONFLICT(key) DO UPDATE SET value = value RETURNING value",
				-1, &statement, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(statement, 1, w->options->group, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(statement);
	if (rc != SQLITE_ROW) {
		r = writer_error(w, rc, "write", err);
	} else {
		text = (const char *)sqlite3_column_text(statement, 0);
		if (!text || !streq(text, w->options->group))
			r = rbce_error_set(err, -EMEDIUMTYPE,
					   "cannot use '%s': it records root group '%s', "
					   "not '%s'",
					   w->options->path, text ?: "", w->options->group);
		else if (sqlite3_step(statement) != SQLITE_DONE)
			r = writer_error(w, sqlite3_errcode(w->db), "write", err);
	}
	sqlite3_finalize(statement);
	return r;
}

int writer_open(const struct store_options *options, struct writer **ret, struct rbce_error *err)
{
	struct writer *w = calloc(1, sizeof(*w));
	int r, rc = SQLITE_OK;

	if (!w)
		return rbce_error_errno(err, -ENOMEM, "cannot open '%s'", options->path);
	w->options = options;
	w->lock_fd = -1;
	r = lock(w, err);
	if (r == 0)
		r = schema_open_writer(options->path, &w->db, err);
	if (r == 0)
		r = check_group(w, err);
	if (r == 0)
		rc = schema_columns(w->db, &w->columns);
	for (size_t i = 0; r == 0 && rc == SQLITE_OK && i < STATEMENT_COUNT; i++)
		rc = prepare(w, i);
	for (size_t i = 0; r == 0 && rc == SQLITE_OK && i < TABLE_TOTAL; i++)
		rc = prepare_add(w, (enum metric_table)i);
	if (r == 0 && rc != SQLITE_OK)
		r = writer_error(w, rc, "read", err);
	if (r < 0) {
		writer_close(w);
		return r;
	}
	*ret = w;
	return 0;
}

struct writer *writer_close(struct writer *w)
{
	if (!w)
		return NULL;
	for (size_t i = 0; i < STATEMENT_COUNT; i++)
		sqlite3_finalize(w->statement[i]);
	for (size_t i = 0; i < TABLE_TOTAL; i++)
		sqlite3_finalize(w->add[i]);
	sqlite3_close(w->db);
	closep(&w->lock_fd);
	free(w);
	return NULL;
}

int writer_checkpoint(struct writer *w, struct rbce_error *err)
{
	int rc = sqlite3_wal_checkpoint_v2(w->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);

	/* A reader in the middle keeps part of the log in use: the next writer brings it in. */
	if (rc == SQLITE_OK || rc == SQLITE_BUSY)
		return 0;
	return writer_error(w, rc, "write", err);
}

int writer_check(const struct writer *w, struct rbce_error *err)
{
	struct stat now;

	if (stat(w->options->path, &now) == 0 && now.st_ino == w->file.st_ino &&
	    now.st_dev == w->file.st_dev)
		return 0;
	return rbce_error_set(err, -ESTALE, "cannot write '%s': it was removed", w->options->path);
}

/*
 * The counters were saved with the last row that every container got; later rows say what was
 * added. Rows older than all saved counters need not be looked at.
 */
static void append_add_up(const struct writer *w, sqlite3_str *text, enum metric_table table)
{
	sqlite3_str_appendall(text, "UPDATE counters SET time = counters.time");
	for (size_t i = 0; i < METRIC_TOTAL; i++)
		if (metrics[i].kind == METRIC_COUNTER && has_column(w, table, i))
			sqlite3_str_appendf(text, ", %s = counters.%s + d.%s", metrics[i].column,
					    metrics[i].column, metrics[i].column);
	sqlite3_str_appendall(text, " FROM (SELECT s.container");
	for (size_t i = 0; i < METRIC_TOTAL; i++)
		if (metrics[i].kind == METRIC_COUNTER && has_column(w, table, i)) {
			sqlite3_str_appendall(text, ", coalesce(sum(");
			tier_append_column(text, "s", TIER_TICK, i);
			sqlite3_str_appendf(text, "), 0) AS %s", metrics[i].column);
		}
	sqlite3_str_appendf(text,
			    " FROM ticks t CROSS JOIN %s s ON " TIER_OF_TICK
			    " CROSS JOIN counters c ON c.container = s.container"
			    " WHERE t.time > (SELECT min(time) FROM counters) / 1000.0"
			    " AND t.time > c.time / 1000.0"
			    " GROUP BY s.container) d WHERE d.container = counters.container;",
			    metric_tables[table]);
}

static int add_up_counters(struct writer *w)
{
	sqlite3_str *text = sqlite3_str_new(w->db);

	for (size_t t = 0; t < TABLE_TOTAL; t++)
		append_add_up(w, text, (enum metric_table)t);
	sqlite3_str_appendall(text,
			      "UPDATE counters SET time = (SELECT max(last_tick) FROM runs);"
			      "UPDATE containers SET last_seen = (SELECT max(last_tick) FROM runs)"
			      " WHERE last_seen IS NULL");
	return schema_run_built(w->db, text);
}

int writer_resume(struct writer *w, int64_t *ret, struct rbce_error *err)
{
	int64_t last = 0;
	int rc = writer_begin(w);

	if (rc == SQLITE_OK)
		rc = schema_integer(w->db, "SELECT coalesce(max(last_tick), 0) FROM runs", &last);
	if (rc == SQLITE_OK)
		rc = add_up_counters(w);
	if (rc == SQLITE_OK)
		rc = writer_commit(w);
	if (rc != SQLITE_OK) {
		int r = writer_error(w, rc, "write", err);

		writer_rollback(w);
		return r;
	}
	*ret = last;
	return 0;
}

/* Rows. */

sqlite3 *writer_database(const struct writer *w)
{
	return w->db;
}

bool writer_grew(struct writer *w)
{
	bool grew = w->grew;

	w->grew = false;
	return grew;
}

int writer_begin(struct writer *w)
{
	return schema_run(w->db, "BEGIN IMMEDIATE");
}

int writer_commit(struct writer *w)
{
	return schema_run(w->db, "COMMIT");
}

void writer_rollback(struct writer *w)
{
	/* Some failures have ended the transaction already. */
	if (!sqlite3_get_autocommit(w->db))
		schema_run(w->db, "ROLLBACK");
}

/* The first moment from TIME on for which a statement finds nothing. */
static int free_time(sqlite3_stmt *taken, int64_t time, int64_t *ret)
{
	int rc;

	for (;; time++) {
		rc = schema_bind_time(taken, 1, time);
		if (rc == SQLITE_OK)
			rc = run(taken);
		if (rc != SQLITE_ROW)
			break;
		sqlite3_reset(taken);
	}
	*ret = time;
	return rc;
}

int writer_add_tick(struct writer *w, int64_t time, int64_t period, int64_t *ret)
{
	sqlite3_stmt *add = w->statement[ADD_TICK];
	int rc = free_time(w->statement[TIME_TAKEN], time, ret);

	if (rc == SQLITE_OK)
		rc = schema_bind_time(add, 1, *ret);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(add, 2, period);
	return rc == SQLITE_OK ? run(add) : rc;
}

int writer_add_late(struct writer *w, const struct series *s)
{
	sqlite3_stmt *taken = w->statement[ROW_TAKEN], *add = w->statement[ADD_TICK];
	int64_t time = s->seen;
	int rc = sqlite3_bind_int64(taken, 2, s->id);

	if (rc == SQLITE_OK)
		rc = free_time(taken, time, &time);
	if (rc == SQLITE_OK)
		rc = schema_bind_time(add, 1, time);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_null(add, 2);
	if (rc == SQLITE_OK)
		rc = run(add);
	for (size_t t = 0; rc == SQLITE_OK && t < TABLE_TOTAL; t++)
		if (series_changed(s, (enum metric_table)t))
			rc = writer_add_row(w, s, (enum metric_table)t, time, 0);
	return rc;
}

/* SQLite's integers have 63 bits. */
static int bind_number(sqlite3_stmt *statement, int at, uint64_t value)
{
	return sqlite3_bind_int64(statement, at,
				  value > INT64_MAX ? INT64_MAX : (sqlite3_int64)value);
}

/* Name, boot id and inode tell containers apart for good. */
static int bind_identity(const struct writer *w, sqlite3_stmt *statement, const struct series *s)
{
	int rc = sqlite3_bind_text(statement, 1, s->name, -1, SQLITE_STATIC);

	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(statement, 2, w->options->boot, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(statement, 3, (sqlite3_int64)s->inode);
	return rc;
}

static int load_counters(struct writer *w, struct series *s, int64_t resumed_tick)
{
	sqlite3_stmt *load = w->statement[LOAD_COUNTERS];
	struct metric_values counters = {0};
	int column = 1, rc;

	rc = sqlite3_bind_int64(load, 1, s->id);
	if (rc == SQLITE_OK)
		rc = run(load);
	if (rc != SQLITE_ROW)
		return rc;
	for (size_t i = 0; i < METRIC_TOTAL; i++) {
		if (metrics[i].kind != METRIC_COUNTER)
			continue;
		if (sqlite3_column_type(load, column) == SQLITE_INTEGER)
			metric_set(&counters, i, (uint64_t)sqlite3_column_int64(load, column));
		column++;
	}
	series_resume(s, resumed_tick, &counters);
	return sqlite3_reset(load);
}

static int find_container(struct writer *w, struct series *s, int64_t resumed_tick)
{
	sqlite3_stmt *find = w->statement[FIND_CONTAINER], *revive = w->statement[REVIVE_CONTAINER];
	int rc = bind_identity(w, find, s);

	if (rc == SQLITE_OK)
		rc = run(find);
	if (rc != SQLITE_ROW)
		return rc;
	s->id = sqlite3_column_int64(find, 0);
	rc = sqlite3_reset(find);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(revive, 1, s->id);
	if (rc == SQLITE_OK)
		rc = run(revive);
	if (rc == SQLITE_OK && !s->written && resumed_tick)
		rc = load_counters(w, s, resumed_tick);
	return rc;
}

int writer_register(struct writer *w, struct series *s, int64_t resumed_tick)
{
	sqlite3_stmt *add = w->statement[ADD_CONTAINER];
	int rc = SQLITE_OK;

	if (!s->id)
		rc = find_container(w, s, resumed_tick);
	if (s->id || rc != SQLITE_OK)
		return rc;
	rc = bind_identity(w, add, s);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(add, 4, s->first_seen);
	if (rc == SQLITE_OK)
		rc = run(add);
	if (rc != SQLITE_OK)
		return rc;
	s->id = sqlite3_last_insert_rowid(w->db);
	return s->id >> TIER_CONTAINER_BITS ? SQLITE_FULL : SQLITE_OK;
}

/* Columns for what is known for the first time. */
static int complete_columns(struct writer *w, const struct metric_mask *known)
{
	bool lacks = false;
	int rc;

	for (size_t i = 0; i < METRIC_WORDS; i++)
		lacks |= known->word[i] & ~w->columns.word[i];
	if (!lacks)
		return SQLITE_OK;
	rc = tables_add_columns(w->db, known);
	if (rc == SQLITE_OK)
		rc = schema_columns(w->db, &w->columns);
	for (int t = TABLE_SAMPLES; t <= TABLE_DETAILS; t++) {
		sqlite3_finalize(w->add[t]);
		w->add[t] = NULL;
		if (rc == SQLITE_OK)
			rc = prepare_add(w, (enum metric_table)t);
	}
	w->grew = true;
	return rc;
}

/* The number of the tick at TIME, which there is, to w->tick. */
static int find_tick(struct writer *w, int64_t time)
{
	sqlite3_stmt *find = w->statement[FIND_TICK];
	int rc;

	if (w->tick && w->tick_time == time)
		return SQLITE_OK;
	rc = schema_bind_time(find, 1, time);
	if (rc == SQLITE_OK)
		rc = run(find);
	if (rc != SQLITE_ROW)
		return rc == SQLITE_OK ? SQLITE_EMPTY : rc;
	w->tick = sqlite3_column_int64(find, 0);
	w->tick_time = time;
	return sqlite3_reset(find);
}

int writer_add_values(struct writer *w, int64_t id, enum metric_table table, int64_t time,
		      const int64_t *period, const struct metric_values *values)
{
	int at = 3, rc = complete_columns(w, &values->known);
	sqlite3_stmt *add = w->add[table];

	if (rc == SQLITE_OK)
		rc = find_tick(w, time);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(add, 1, w->tick << TIER_CONTAINER_BITS | id);
	if (rc == SQLITE_OK)
		rc = period ? sqlite3_bind_int64(add, 2, *period) : sqlite3_bind_null(add, 2);
	for (size_t i = 0; rc == SQLITE_OK && i < METRIC_TOTAL; i++) {
		if (!has_column(w, table, i))
			continue;
		if (metric_known(values, i))
			rc = sqlite3_bind_int64(add, at++, tier_code(i, values->value[i]));
		else
			rc = sqlite3_bind_null(add, at++);
	}
	return rc == SQLITE_OK ? run(add) : rc;
}

int writer_add_row(struct writer *w, const struct series *s, enum metric_table table, int64_t time,
		   int64_t usual)
{
	int64_t period = time > s->stored_time ? time - s->stored_time : 0;
	struct metric_values values = {0};
	uint64_t value;
	/* All at once: with each change SQLite reads the schema anew. */
	int rc = complete_columns(w, &s->latest.known);

	for (size_t i = 0; i < METRIC_TOTAL; i++)
		if (metric_table(i) == table && series_column(s, i, &value))
			metric_set(&values, i, value);
	return rc == SQLITE_OK ? writer_add_values(w, s->id, table, time,
						   period == usual ? NULL : &period, &values)
			       : rc;
}

int writer_save_counters(struct writer *w, const struct series *s, int64_t time)
{
	sqlite3_stmt *save = w->statement[SAVE_COUNTERS];
	int column = 3, rc = sqlite3_bind_int64(save, 1, time);

	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(save, 2, s->id);
	for (size_t i = 0; rc == SQLITE_OK && i < METRIC_TOTAL; i++) {
		if (metrics[i].kind != METRIC_COUNTER)
			continue;
		if (metric_known(&s->latest, i))
			rc = bind_number(save, column, s->latest.value[i]);
		else if (metric_known(&s->stored, i))
			rc = bind_number(save, column, s->stored.value[i]);
		else
			rc = sqlite3_bind_null(save, column);
		column++;
	}
	return rc == SQLITE_OK ? run(save) : rc;
}

int writer_end(struct writer *w, const struct series *s)
{
	sqlite3_stmt *end = w->statement[END_CONTAINER];
	int rc = bind_identity(w, end, s);

	if (rc == SQLITE_OK)
		rc = sqlite3_bind_int64(end, 4, s->seen);
	return rc == SQLITE_OK ? run(end) : rc;
}

int writer_drop_counters(struct writer *w)
{
	return run(w->statement[DROP_COUNTERS]);
}

int writer_save_run(struct writer *w, const struct run *r)
{
	sqlite3_stmt *save = w->statement[SAVE_RUN];
	int64_t values[] = {r->started,        r->last_tick,         r->interval,
			    (int64_t)r->ticks, (int64_t)r->overruns, (int64_t)r->lost};
	int rc = SQLITE_OK;

	for (size_t i = 0; rc == SQLITE_OK && i < ARRAY_SIZE(values); i++)
		rc = sqlite3_bind_int64(save, (int)i + 1, values[i]);
	return rc == SQLITE_OK ? run(save) : rc;
}

int writer_add_event(struct writer *w, const struct told *told)
{
	const char *const texts[] = {told->container, told->event, told->action};
	sqlite3_stmt *statement = w->statement[ADD_EVENT];
	int rc = schema_bind_time(statement, 1, told->time);

	for (int i = 0; rc == SQLITE_OK && i < (int)ARRAY_SIZE(texts); i++)
		rc = sqlite3_bind_text(statement, i + 2, texts[i], -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = told->pid ? sqlite3_bind_int64(statement, 5, told->pid)
			       : sqlite3_bind_null(statement, 5);
	if (rc == SQLITE_OK)
		rc = sqlite3_bind_text(statement, 6, told->detail, -1, SQLITE_STATIC);
	return rc == SQLITE_OK ? run(statement) : rc;
}
