/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How limits are printed: a table for people, or JSON. */
#ifndef ULIMITX_SHOW_H
#define ULIMITX_SHOW_H

#include <controllers/limits.h>
#include <stdbool.h>

struct show {
	bool all;  /* what is unlimited too */
	bool json; /* always all, amounts exact */
	bool raw;  /* exact amounts for people */
	char **names;
	int n_names; /* resources asked for; 0 for no choice */
};

/* Is LIMIT asked for? */
bool show_wants(const struct show *s, const struct limit *limit);

/* Prints those of LIMITS that are asked for. 0 or -errno. */
int show_limits(const struct show *s, const struct limit *limits, size_t n);

#endif
