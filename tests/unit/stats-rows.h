/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rows of a query as one text. */
#ifndef TESTS_UNIT_STATS_ROWS_H
#define TESTS_UNIT_STATS_ROWS_H

#include <stdio.h>
#include <string.h>

static char answer[4096];

/* For sqlite3_exec(): appends to the answer, as "1|2 3|4 ". */
static int append_row(void *data, int n, char **values, char **names)
{
	(void)data;
	(void)names;
	for (int i = 0; i < n; i++) {
		size_t length = strlen(answer);

		snprintf(answer + length, sizeof(answer) - length, "%s%c", values[i] ?: "-",
			 i + 1 < n ? '|' : ' ');
	}
	return 0;
}

#endif
