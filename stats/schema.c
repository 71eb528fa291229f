// SPDX-License-Identifier: GPL-2.0-or-later
/* The database of containerstats; see schema.h. */
#include "schema.h"

#include <errno.h>
#include <sys/stat.h>

#include "util.h"

/* How long a tick may wait for another's lock: well below any interval. */
enum { WRITER_TIMEOUT_MS = 200, READER_TIMEOUT_MS = 5000 };

int schema_run(sqlite3 *db, const char *sql)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL);
}

int schema_run_built(sqlite3 *db, sqlite3_str *sql)
{
	char *text = sqlite3_str_finish(sql);
	int rc = text ? schema_run(db, text) : SQLITE_NOMEM;

	sqlite3_free(text);
	return rc;
}

int schema_integer(sqlite3 *db, const char *sql, int64_t *ret)
{
	sqlite3_stmt *statement = NULL;
	int rc = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(statement);
	if (rc == SQLITE_ROW) {
		*ret = sqlite3_column_int64(statement, 0);
		rc = SQLITE_OK;
	} else if (rc == SQLITE_DONE) {
		rc = SQLITE_EMPTY;
	}
	sqlite3_finalize(statement);
	return rc;
}

static int errno_of(sqlite3 *db, int rc)
{
	int error = db ? sqlite3_system_errno(db) : 0;

	switch (rc & 0xff) {
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_NOTADB:
		return -EMEDIUMTYPE;
	default:
		return error ? -error : -EIO;
	}
}

int schema_error(sqlite3 *db, int rc, const char *verb, const char *path, struct rbce_error *err)
{
	int system = db ? sqlite3_system_errno(db) : 0;
	int kind = rc & 0xff;
	bool explain = system && (kind == SQLITE_IOERR || kind == SQLITE_CANTOPEN);

	return rbce_error_set(err, errno_of(db, rc), "cannot %s '%s': %s%s%s", verb, path,
			      db && sqlite3_errcode(db) == rc ? sqlite3_errmsg(db)
							      : sqlite3_errstr(rc),
			      explain ? ": " : "", explain ? strerror(system) : "");
}

/* Tables and views. */

static void append_columns(sqlite3_str *sql, bool counters_only)
{
	for (size_t i = 0; i < METRIC_TOTAL; i++)
		if (!counters_only || metrics[i].kind == METRIC_COUNTER)
			sqlite3_str_appendf(sql, ",\n%s INTEGER", metrics[i].column);
}

static int create_views(sqlite3 *db)
{
	sqlite3_str *sql = sqlite3_str_new(db);

	sqlite3_str_appendall(
		sql, "DROP VIEW IF EXISTS container_list;"
		     "CREATE VIEW container_list AS SELECT id AS generation, name AS container,"
		     " first_seen / 1000.0 AS first_seen,"
		     " coalesce(last_seen, (SELECT max(last_tick) FROM runs)) / 1000.0 AS last_seen"
		     " FROM containers;"
		     "DROP VIEW IF EXISTS actions;"
		     "CREATE VIEW actions AS SELECT time / 1000.0 AS time, container, event,"
		     " action, detail FROM events;"
		     "DROP VIEW IF EXISTS usage;"
		     "CREATE VIEW usage AS SELECT s.time / 1000.0 AS time, c.name AS container,"
		     " s.container AS generation, s.period / 1000.0 AS period");
	for (size_t i = 0; i < METRIC_TOTAL; i++)
		if (metrics[i].unit == METRIC_USEC)
			sqlite3_str_appendf(sql, ", s.%s / 1000000.0 AS %s", metrics[i].column,
					    metrics[i].view);
		else
			sqlite3_str_appendf(sql, ", s.%s", metrics[i].column);
	sqlite3_str_appendall(sql, " FROM samples s JOIN containers c ON c.id = s.container;");
	return schema_run_built(db, sql);
}

/*
 * Wide rows, keyed by time first: a tick is one append at the end of the tree, which costs less
 * than a hundredth of one insertion per number (docs/BENCHMARKS.md).
 */
static int create_tables(sqlite3 *db)
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
		" last_seen INTEGER, UNIQUE(name, boot, inode));"
		"CREATE TABLE samples(time INTEGER NOT NULL,"
		" container INTEGER NOT NULL REFERENCES containers(id),"
		" period INTEGER NOT NULL");
	append_columns(sql, false);
	sqlite3_str_appendall(sql, ", PRIMARY KEY(time, container)) WITHOUT ROWID;"
				   "CREATE TABLE counters(container INTEGER PRIMARY KEY"
				   " REFERENCES containers(id), time INTEGER NOT NULL");
	append_columns(sql, true);
	sqlite3_str_appendall(sql, ");");
	return schema_run_built(db, sql);
}

/* What rbced did, as it told it. */
static int create_events(sqlite3 *db)
{
	return schema_run(db, "CREATE TABLE events(time INTEGER NOT NULL, container TEXT NOT NULL,"
			      " event TEXT NOT NULL, action TEXT NOT NULL, detail TEXT NOT NULL);"
			      "CREATE INDEX events_time ON events(time);");
}

static const schema_step steps[] = {create_tables, create_events};

int schema_columns(sqlite3 *db, uint64_t *ret)
{
	sqlite3_stmt *statement = NULL;
	uint64_t found = 0;
	int rc;

	rc = sqlite3_prepare_v2(db, "SELECT name FROM pragma_table_info('samples')", -1, &statement,
				NULL);
	while (rc == SQLITE_OK && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
		const char *name = (const char *)sqlite3_column_text(statement, 0);

		for (size_t i = 0; name && i < METRIC_TOTAL; i++)
			if (streq(name, metrics[i].column))
				found |= UINT64_C(1) << i;
		rc = SQLITE_OK;
	}
	sqlite3_finalize(statement);
	if (rc != SQLITE_DONE)
		return rc;
	*ret = found;
	return SQLITE_OK;
}

/* A metric that is new in this version of the program gets its column, and the views show it. */
static int add_columns(sqlite3 *db)
{
	sqlite3_str *sql;
	uint64_t have = 0;
	int rc = schema_columns(db, &have);

	if (rc != SQLITE_OK)
		return rc;
	sql = sqlite3_str_new(db);
	for (size_t i = 0; i < METRIC_TOTAL; i++) {
		if (have >> i & 1)
			continue;
		sqlite3_str_appendf(sql, "ALTER TABLE samples ADD COLUMN %s INTEGER;",
				    metrics[i].column);
		if (metrics[i].kind == METRIC_COUNTER)
			sqlite3_str_appendf(sql, "ALTER TABLE counters ADD COLUMN %s INTEGER;",
					    metrics[i].column);
	}
	sqlite3_str_appendall(sql, "SELECT 1");
	return schema_run_built(db, sql);
}

static int update_schema(sqlite3 *db)
{
	int64_t views = 0;
	uint64_t have = 0;
	int rc = schema_migrate(db, steps, ARRAY_SIZE(steps));

	if (rc == SQLITE_OK)
		rc = schema_columns(db, &have);
	if (rc == SQLITE_OK)
		rc = schema_integer(db,
				    "SELECT count(*) FROM sqlite_master WHERE type = 'view'"
				    " AND name IN ('container_list', 'actions', 'usage')",
				    &views);
	if (rc != SQLITE_OK || (have == (UINT64_C(1) << METRIC_TOTAL) - 1 && views == 3))
		return rc;
	rc = schema_run(db, "BEGIN IMMEDIATE");
	if (rc == SQLITE_OK)
		rc = add_columns(db);
	if (rc == SQLITE_OK)
		rc = create_views(db);
	if (rc == SQLITE_OK)
		rc = schema_run(db, "COMMIT");
	if (rc != SQLITE_OK)
		schema_run(db, "ROLLBACK");
	return rc;
}

int schema_migrate(sqlite3 *db, const schema_step *list, size_t n)
{
	int64_t version = 0;
	char sql[64];
	int rc = schema_run(db, "BEGIN IMMEDIATE");

	if (rc == SQLITE_OK)
		rc = schema_integer(db, "PRAGMA user_version", &version);
	for (size_t i = (size_t)version; rc == SQLITE_OK && i < n; i++)
		rc = list[i](db);
	if (rc == SQLITE_OK && (size_t)version < n) {
		snprintf(sql, sizeof(sql), "PRAGMA user_version = %zu", n);
		rc = schema_run(db, sql);
	}
	if (rc == SQLITE_OK)
		rc = schema_run(db, "COMMIT");
	if (rc != SQLITE_OK)
		schema_run(db, "ROLLBACK");
	return rc;
}

/* Opening. */

/* 0 when the database is ours, 1 when it is empty. */
static int check_owner(sqlite3 *db, const char *path, struct rbce_error *err)
{
	int64_t application, version, objects;
	int rc;

	rc = schema_integer(db, "SELECT count(*) FROM sqlite_master", &objects);
	if (rc == SQLITE_OK)
		rc = schema_integer(db, "PRAGMA application_id", &application);
	if (rc == SQLITE_OK)
		rc = schema_integer(db, "PRAGMA user_version", &version);
	if (rc == SQLITE_NOTADB)
		return rbce_error_set(err, -EMEDIUMTYPE,
				      "cannot use '%s': it is no SQLite database", path);
	if (rc != SQLITE_OK)
		return schema_error(db, rc, "read", path, err);
	if (application == 0 && version == 0 && objects == 0)
		return 1;
	if (application != SCHEMA_APPLICATION_ID)
		return rbce_error_set(err, -EMEDIUMTYPE,
				      "cannot use '%s': it belongs to another program", path);
	if (version < 1 || version > (int64_t)ARRAY_SIZE(steps))
		return rbce_error_set(err, -EMEDIUMTYPE,
				      "cannot use '%s': its layout has version %lld, and "
				      "this program knows those up to %zu",
				      path, (long long)version, ARRAY_SIZE(steps));
	return 0;
}

static int open_database(const char *path, int flags, int timeout, sqlite3 **ret)
{
	/* A path like ":memory:" means a file of that name here. */
	char *full = sqlite3_mprintf("%s%s", path[0] == '/' || flags & SQLITE_OPEN_URI ? "" : "./",
				     path);
	int rc = SQLITE_NOMEM;

	if (full)
		rc = sqlite3_open_v2(full, ret, flags | SQLITE_OPEN_NOMUTEX, NULL);
	sqlite3_free(full);
	if (rc == SQLITE_OK)
		rc = sqlite3_busy_timeout(*ret, timeout);
	return rc;
}

int schema_open_writer(const char *path, sqlite3 **ret, struct rbce_error *err)
{
	sqlite3 *db = NULL;
	int r, rc;

	rc = open_database(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, WRITER_TIMEOUT_MS,
			   &db);
	r = rc == SQLITE_OK ? check_owner(db, path, err) : schema_error(db, rc, "open", path, err);
	if (r >= 0) {
		rc = schema_run(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
				    "PRAGMA journal_size_limit = 16777216");
		if (rc == SQLITE_OK)
			rc = update_schema(db);
		r = rc == SQLITE_OK ? 0 : schema_error(db, rc, "write", path, err);
	}
	if (r < 0) {
		sqlite3_close(db);
		return r;
	}
	*ret = db;
	return 0;
}

/* "file:PATH?immutable=1" with everything odd in PATH written as %XX. */
static char *immutable_uri(const char *path)
{
	sqlite3_str *uri = sqlite3_str_new(NULL);

	sqlite3_str_appendall(uri, "file:");
	for (const unsigned char *p = (const unsigned char *)path; *p; p++)
		if (strchr("/._-", *p) || (*p >= '0' && *p <= '9') ||
		    ((*p | 0x20) >= 'a' && (*p | 0x20) <= 'z'))
			sqlite3_str_appendchar(uri, 1, (char)*p);
		else
			sqlite3_str_appendf(uri, "%%%02X", *p);
	sqlite3_str_appendall(uri, "?immutable=1");
	return sqlite3_str_finish(uri);
}

/*
 * SQLite reads a WAL database only with its -shm file, and so cannot open one that nobody writes
 * now in a directory where the reader may not write. Without a -wal file there all is in the
 * database itself, which may then be read as it stands.
 */
static int open_immutable(const char *path, sqlite3 **db)
{
	cleanup_free char *wal = NULL;
	char *uri;
	int rc = SQLITE_CANTOPEN;

	if (asprintf(&wal, "%s-wal", path) < 0) {
		wal = NULL;
		return SQLITE_NOMEM;
	}
	if (access(wal, F_OK) == 0)
		return rc;
	sqlite3_close(*db);
	*db = NULL;
	uri = immutable_uri(path);
	if (uri)
		rc = open_database(uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, 0, db);
	sqlite3_free(uri);
	return rc;
}

int schema_open_reader(const char *path, sqlite3 **ret, struct rbce_error *err)
{
	sqlite3 *db = NULL;
	int64_t objects;
	struct stat st;
	int r, rc;

	if (stat(path, &st) < 0)
		return rbce_error_errno(err, -errno, "cannot open '%s'", path);
	if (S_ISDIR(st.st_mode))
		return rbce_error_errno(err, -EISDIR, "cannot open '%s'", path);
	rc = open_database(path, SQLITE_OPEN_READONLY, READER_TIMEOUT_MS, &db);
	if (rc == SQLITE_OK) {
		rc = schema_integer(db, "SELECT count(*) FROM sqlite_master", &objects);
		if (rc == SQLITE_CANTOPEN || rc == SQLITE_READONLY)
			rc = open_immutable(path, &db);
		else
			rc = SQLITE_OK;
	}
	r = rc == SQLITE_OK ? check_owner(db, path, err) : schema_error(db, rc, "open", path, err);
	if (r != 0) {
		sqlite3_close(db);
		return r;
	}
	*ret = db;
	return 0;
}
