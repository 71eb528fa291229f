/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Control files that are lines of "NAME NUMBER". */
#ifndef RBCED_LINES_H
#define RBCED_LINES_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The number behind NAME, 0 where it is missing. Allocates nothing. */
static inline uint64_t line_number(const char *text, const char *name)
{
	size_t n = strlen(name);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, n) == 0 && line[n] == ' ')
			return strtoull(line + n + 1, NULL, 10);
	}
	return 0;
}

#endif
