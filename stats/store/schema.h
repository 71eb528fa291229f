/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The database of containerstats: its version, and how it is opened.
 *
 * Readers use the views (containerstats(1)), which stay as they are; the tables below them may
 * change with PRAGMA user_version. tiers.h has how those are laid out.
 */
#ifndef STATS_SCHEMA_H
#define STATS_SCHEMA_H

#include <rbce/error.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>

#include "stats/sample/metrics.h"

#define SCHEMA_APPLICATION_ID 0x52424345 /* "RBCE" */

/* Our programs read databases of this version on; the views are there in all. */
#define SCHEMA_READ_SINCE 10

/* Every container that is recorded has a row at least so often, changed or not. */
#define SCHEMA_HEARTBEAT_MS 60000

/*
 * Opens (and makes, and brings up to date) the database at PATH for the recorder. -EMEDIUMTYPE when
 * it is another program's or a newer version's; nothing is changed then.
 */
int schema_open_writer(const char *path, sqlite3 **ret, struct rbce_error *err);

/*
 * Opens it for reading; also while the recorder runs, and where the reader may not write. Returns 1
 * and no database when it is empty still; -EMEDIUMTYPE also when it is older than is read.
 */
int schema_open_reader(const char *path, sqlite3 **ret, struct rbce_error *err);

/* The metrics that the tables of the newest tier have a column for. */
int schema_columns(sqlite3 *db, struct metric_mask *ret);

/* Milliseconds since the epoch, as the seconds of a column with REAL affinity. */
int schema_bind_time(sqlite3_stmt *statement, int at, int64_t time);
int64_t schema_time(sqlite3_stmt *statement, int column);

/* One step of a migration: from the version that is its index to the next. SQLite's result code. */
typedef int (*schema_step)(sqlite3 *db);

/*
 * Applies the steps after user_version in one transaction. Returns SQLite's result code; then
 * nothing has changed unless it is SQLITE_OK.
 */
int schema_migrate(sqlite3 *db, const schema_step *steps, size_t n);

/* Runs SQL without results; and one that gives a single integer. SQLite's result codes. */
int schema_run(sqlite3 *db, const char *sql);
int schema_integer(sqlite3 *db, const char *sql, int64_t *ret);

/* Does the query, whose ?1 is TEXT (NULL where it has none), have a row? SQLite's result codes. */
int schema_has(sqlite3 *db, const char *sql, const char *text, bool *ret);
#define SCHEMA_HAS_NAME "SELECT 1 FROM sqlite_master WHERE name = ?1" /* a table or a view */

/* Runs what was built, and frees it. */
int schema_run_built(sqlite3 *db, sqlite3_str *sql);

/*
 * "cannot VERB 'PATH': reason" from the last failure RC of DB (NULL when it was not
 * opened), as an errno.
 */
int schema_error(sqlite3 *db, int rc, const char *verb, const char *path, struct rbce_error *err);

#endif
