// SPDX-License-Identifier: GPL-2.0-or-later
/* Listings through libsmartcols; see table.h. */
#include "table.h"

#include <errno.h>
#include <libsmartcols.h>
#include <stdarg.h>

#include "log.h"
#include "util.h"

struct table {
	struct libscols_table *scols;
	const struct table_column *columns;
	size_t n_columns;
	bool json;
	int *shown; /* column of ours -> column of smartcols, -1 where it is not shown */
	/* By row: smartcols itself walks along a list to find one. */
	struct libscols_line **lines;
	size_t n, room;
};

static void out_of_memory(void)
{
	log_error("cannot print the table: out of memory");
	exit(EXIT_FAILURE);
}

static int flags_of(const struct table_column *column)
{
	return (column->right ? SCOLS_FL_RIGHT : 0) | (column->tree ? SCOLS_FL_TREE : 0) |
	       (column->cut ? SCOLS_FL_TRUNC : 0);
}

struct table *table_new(const char *name, const struct table_column *columns, size_t n, bool json)
{
	struct table *t = calloc(1, sizeof(*t));
	int next = 0;

	scols_init_debug(0);
	if (!t || !(t->scols = scols_new_table()) || !(t->shown = calloc(n, sizeof(*t->shown))))
		out_of_memory();
	t->columns = columns;
	t->n_columns = n;
	t->json = json;
	scols_table_enable_json(t->scols, json);
	scols_table_set_name(t->scols, name);
	/* A pipe gets whole values, a terminal what fits. */
	if (!isatty(STDOUT_FILENO))
		scols_table_enable_nowrap(t->scols, 1);
	for (size_t i = 0; i < n; i++) {
		const struct table_column *column = &columns[i];
		struct libscols_column *made;

		t->shown[i] = -1;
		if (json ? column->human_only : column->json_only)
			continue;
		made = scols_table_new_column(t->scols, json ? column->key : column->title, 0,
					      json ? 0 : flags_of(column));
		if (!made)
			out_of_memory();
		if (json && column->number)
			scols_column_set_json_type(made, SCOLS_JSON_NUMBER);
		t->shown[i] = next++;
	}
	return t;
}

int table_row(struct table *t, int parent)
{
	/* JSON listings stay flat: a reader finds the parent by the name. */
	struct libscols_line *above = parent < 0 || t->json ? NULL : t->lines[parent];

	if (t->n == t->room) {
		t->room = t->room ? 2 * t->room : 64;
		t->lines = reallocarray(t->lines, t->room, sizeof(*t->lines));
	}
	if (!t->lines || !(t->lines[t->n] = scols_table_new_line(t->scols, above)))
		out_of_memory();
	return (int)t->n++;
}

void table_set(struct table *t, size_t column, const char *format, ...)
{
	struct libscols_line *line = t->lines[t->n - 1];
	char *text;
	va_list ap;
	int n;

	if (t->shown[column] < 0)
		return;
	va_start(ap, format);
	n = vasprintf(&text, format, ap);
	va_end(ap);
	if (n < 0 || scols_line_refer_data(line, (size_t)t->shown[column], text) < 0)
		out_of_memory();
}

struct table *table_free(struct table *t)
{
	if (!t)
		return NULL;
	scols_unref_table(t->scols);
	free(t->lines);
	free(t->shown);
	free(t);
	return NULL;
}

int table_finish(struct table *t)
{
	int r = 0;

	/* smartcols prints nothing at all for a table without rows, which is no JSON. */
	if (t->json && t->n == 0)
		printf("{\n   \"%s\": []\n}\n", scols_table_get_name(t->scols));
	else
		r = scols_print_table(t->scols);
	if (r == 0 && (fflush(stdout) != 0 || ferror(stdout)))
		r = -errno;
	table_free(t);
	return r;
}
