/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows of a query as JSON. */
#ifndef STATS_SERVE_ROWS_H
#define STATS_SERVE_ROWS_H

#include <sqlite3.h>
#include <stdio.h>

/*
 * "[{...}, ...]" with an object for each row of STATEMENT, keys being the names of its columns. A
 * column whose name begins with "@" holds JSON already and loses the "@"; one that begins with "."
 * is left out. *RET_N: how many rows. SQLite's result code, SQLITE_OK at the end; STATEMENT is
 * finalized.
 */
int rows_write(sqlite3_stmt *statement, FILE *out, size_t *ret_n);

/* The value of a column as JSON. */
void rows_value(sqlite3_stmt *row, int column, FILE *out);

#endif
