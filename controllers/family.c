// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Rows that stand for many keys: one for each size of huge pages, one for each control file. A key
 * gets a row of its own when it is first asked for, and keeps it: rules, containers and threads
 * hold on to rows.
 */
#include <pthread.h>
#include <stdlib.h>

#include "internal.h"
#include "util.h"

/* Bounds on what rule files can ask for. */
enum { ROWS_MAX = 1024, ROW_NAME_MAX = 100 };

struct row {
	struct controller_key key;
	struct row *next;
	char name[ROW_NAME_MAX + 1];
	char text[4][ROW_NAME_MAX + 32]; /* names of files */
};

static const struct controller_key *const families[] = {
	&controller_hugetlb,
	&controller_raw,
	&controller_space,
};

/* Fills in what is the key's own; false when there is no such key in the family. */
static bool fill(struct row *row)
{
	const struct key_family_files files = {
		{row->text[0], row->text[1], row->text[2], row->text[3]}, sizeof(row->text[0])};

	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		row->key = *families[i];
		row->key.name = row->name;
		row->key.flags &= ~(unsigned)CONTROLLER_FAMILY;
		row->key.family = NULL;
		if (families[i]->family(&row->key, &files))
			return true;
	}
	return false;
}

static struct row *find(struct row *rows, const char *name)
{
	for (struct row *row = rows; row; row = row->next)
		if (streq(row->name, name))
			return row;
	return NULL;
}

const struct controller_key *family_find(const char *name)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static struct row *rows;
	static unsigned n;
	struct row *row;

	if (strlen(name) > ROW_NAME_MAX)
		return NULL;
	/* Rules are read in a thread of their own. */
	pthread_mutex_lock(&lock);
	row = find(rows, name);
	if (!row && n < ROWS_MAX && (row = calloc(1, sizeof(*row)))) {
		snprintf(row->name, sizeof(row->name), "%s", name);
		if (fill(row)) {
			row->next = rows;
			rows = row;
			n++;
		} else {
			free(row);
			row = NULL;
		}
	}
	pthread_mutex_unlock(&lock);
	return row ? &row->key : NULL;
}
