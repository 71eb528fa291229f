// SPDX-License-Identifier: GPL-2.0-or-later
/* Rows that become coarser; see ageing.h. */
#include "ageing.h"

#include <stdio.h>

#include "schema.h"

/* So many spans of the oldest are taken at a time. */
enum { SPANS = 6 };

/* What stands in a time, in seconds, as milliseconds. */
#define MS "CAST(round(time * 1000) AS INTEGER)"

static void append_table(sqlite3_str *sql, const struct ageing *a, int64_t begin, int64_t until)
{
	sqlite3_str_appendf(sql,
			    "CREATE TEMP TABLE aged AS SELECT"
			    " (" MS " + %lld - 1) / %lld * %lld / 1000, %s, %lld, %s FROM %s"
			    " WHERE time > %lld / 1000.0 AND time <= %lld / 1000.0 GROUP BY 1, %s;"
			    "DELETE FROM %s WHERE time > %lld / 1000.0 AND time <= %lld / 1000.0;"
			    "INSERT OR REPLACE INTO %s SELECT * FROM aged; DROP TABLE aged;",
			    a->coarse, a->coarse, a->coarse, a->keys, a->coarse, a->sums, a->table,
			    begin, until, a->keys, a->table, begin, until, a->table);
}

/* Until when it is done, and the first row after that: INT64_MAX for none. */
static int find_oldest(sqlite3 *db, const char *table, int64_t *ret_done, int64_t *ret_oldest)
{
	char sql[192];
	int rc;

	snprintf(sql, sizeof(sql),
		 "SELECT coalesce((SELECT value FROM meta WHERE key = '%s_aged'), 0)", table);
	rc = schema_integer(db, sql, ret_done);
	if (rc != SQLITE_OK)
		return rc;
	snprintf(sql, sizeof(sql),
		 "SELECT coalesce(CAST(round(min(time) * 1000) AS INTEGER), %lld) FROM %s"
		 " WHERE time > %lld / 1000.0",
		 (long long)INT64_MAX, table, (long long)*ret_done);
	return schema_integer(db, sql, ret_oldest);
}

int ageing_step(sqlite3 *db, const struct ageing *tables, size_t n, int64_t fine, bool *more)
{
	int64_t coarse = tables->coarse, until = fine / coarse * coarse, done, oldest, begin;
	int rc = find_oldest(db, tables->table, &done, &oldest);
	sqlite3_str *sql;

	if (rc != SQLITE_OK || oldest > until)
		return rc;
	begin = (oldest - 1) / coarse * coarse;
	*more |= until > begin + SPANS * coarse;
	if (until > begin + SPANS * coarse)
		until = begin + SPANS * coarse;
	sql = sqlite3_str_new(db);
	for (size_t i = 0; i < n; i++)
		append_table(sql, &tables[i], begin, until);
	sqlite3_str_appendf(sql, "INSERT OR REPLACE INTO meta(key, value) VALUES('%s_aged', %lld)",
			    tables->table, until);
	return schema_run_built(db, sql);
}
