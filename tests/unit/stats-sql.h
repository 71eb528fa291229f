/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SQL on a database that no command has open. */
#ifndef TESTS_UNIT_STATS_SQL_H
#define TESTS_UNIT_STATS_SQL_H

#include <check.h>
#include <sqlite3.h>

static void run_sql(const char *path, const char *sql)
{
	sqlite3 *db;

	ck_assert_int_eq(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, "%s",
		      sqlite3_errmsg(db));
	sqlite3_close(db);
}

#endif
