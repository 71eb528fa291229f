/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Listings (libsmartcols): the same rows as a table for people or as JSON with stable keys.
 */
#ifndef CORE_CLI_TABLE_H
#define CORE_CLI_TABLE_H

#include <stdbool.h>
#include <stddef.h>

struct table_column {
	const char *title; /* heading of the table: "CONTAINER" */
	const char *key;   /* JSON key: "container" */
	bool right;        /* aligned to the right */
	bool number;       /* a JSON number (else a string); an empty cell is null */
	bool human_only;   /* not in JSON */
	bool json_only;    /* not in the table for people */
	bool tree;         /* drawn as a tree by the parents of the rows */
	bool cut;          /* the first to be cut where a terminal is too narrow */
};

struct table;

/* COLUMNS must outlive it. NAME is the JSON name of the array. Never fails: ends the program. */
struct table *table_new(const char *name, const struct table_column *columns, size_t n, bool json);

/* Begins a row; its cells are empty. PARENT is an earlier row for a tree, or -1. Returns its index.
 */
int table_row(struct table *t, int parent);

/* Fills a cell of the newest row (column by index). */
__attribute__((format(printf, 3, 4))) void table_set(struct table *t, size_t column,
						     const char *format, ...);

/* Prints to stdout and releases. Returns 0 or -errno (a full disk, a closed pipe). */
int table_finish(struct table *t);

struct table *table_free(struct table *t); /* unprinted; NULL */

#endif
