// SPDX-License-Identifier: GPL-2.0-or-later
/* The database of containerstats; see schema.h. */
#include "schema.h"

#include <errno.h>
#include <sys/stat.h>

#include "tables.h"
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

int schema_has(sqlite3 *db, const char *sql, const char *text, bool *ret)
{
	sqlite3_stmt *statement = NULL;
	int rc = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);

	if (rc == SQLITE_OK && text)
		rc = sqlite3_bind_text(statement, 1, text, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(statement);
	sqlite3_finalize(statement);
	*ret = rc == SQLITE_ROW;
	return rc == SQLITE_ROW || rc == SQLITE_DONE ? SQLITE_OK : rc;
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

/* Times. */

int schema_bind_time(sqlite3_stmt *statement, int at, int64_t time)
{
	/* Whole seconds are stored in half the room. */
	return time % 1000 == 0 ? sqlite3_bind_int64(statement, at, time / 1000)
				: sqlite3_bind_double(statement, at, (double)time / 1000.0);
}

int64_t schema_time(sqlite3_stmt *statement, int column)
{
	return (int64_t)(sqlite3_column_double(statement, column) * 1000 + 0.5);
}

/* Versions. */

int schema_columns(sqlite3 *db, struct metric_mask *ret)
{
	*ret = (struct metric_mask){0};
	for (size_t i = 0; i < METRIC_TOTAL; i++) {
		int rc = sqlite3_table_column_metadata(db, NULL, metric_tables[metric_table(i)],
						       metrics[i].column, NULL, NULL, NULL, NULL,
						       NULL);

		if (rc == SQLITE_OK)
			mask_add(ret, i);
		else if (rc != SQLITE_ERROR)
			return rc;
	}
	return SQLITE_OK;
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

static int update_schema(sqlite3 *db)
{
	int rc = schema_migrate(db, tables_steps, tables_version);

	if (rc == SQLITE_OK)
		rc = schema_run(db, "BEGIN IMMEDIATE");
	if (rc != SQLITE_OK)
		return rc;
	rc = tables_complete(db);
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
	if (version < 1 || version > (int64_t)tables_version)
		return rbce_error_set(err, -EMEDIUMTYPE,
				      "cannot use '%s': its layout has version %lld, and "
				      "this program knows those up to %zu",
				      path, (long long)version, tables_version);
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
		/* That of a database that is there already is its own; the statement would write.
		 */
		rc = r == 1 ? schema_run(db, "PRAGMA auto_vacuum = INCREMENTAL") : SQLITE_OK;
		if (rc == SQLITE_OK)
			/* FULL: what was said to be stored outlasts a power cut, too. */
			rc = schema_run(db,
					"PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
					"PRAGMA journal_size_limit = 16777216;"
					"PRAGMA secure_delete = OFF; PRAGMA temp_store = MEMORY");
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

/* Other tables than those of now are known to the recorder alone, which changes them. */
static int check_version(sqlite3 *db, const char *path, struct rbce_error *err)
{
	int64_t version = 0;
	int rc = schema_integer(db, "PRAGMA user_version", &version);

	if (rc != SQLITE_OK)
		return schema_error(db, rc, "read", path, err);
	if (version >= SCHEMA_READ_SINCE)
		return 0;
	return rbce_error_set(err, -EMEDIUMTYPE,
			      "cannot read '%s': its layout has version %lld, which the next"
			      " containerstats record or prune brings up to date",
			      path, (long long)version);
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
	if (r == 0)
		r = check_version(db, path, err);
	if (r != 0) {
		sqlite3_close(db);
		return r;
	}
	*ret = db;
	return 0;
}
