/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How limits are printed: a table for people, or JSON; and what the parts of ulimitx share. */
#ifndef ULIMITX_SHOW_H
#define ULIMITX_SHOW_H

#include <rbce/limits.h>
#include <stdbool.h>

enum { ITEMS_MAX = 256, TEXT_MAX = 1152 };

struct show {
	bool all;            /* what is unlimited too */
	bool json;           /* always all, amounts exact */
	bool raw;            /* exact amounts for people */
	bool hard;           /* hard rlimits in place of soft ones */
	const char *columns; /* names with commas between, NULL for the usual ones */
	int resources[RBCE_RESOURCE_COUNT];
	int n_resources; /* asked for; 0 for no choice */
};

/* -EINVAL, after saying so, for columns that are not known. */
int show_check_columns(const struct show *s);
/* Their names, with commas between; a new string. */
char *show_column_names(void);

/* Reads and prints what is asked for. 0 or -errno; -ESRCH when the process is gone. */
int show_limits(const struct show *s, struct rbce_limits *limits);

/* All that may impose a limit, the own group first. */
int show_chain(const struct show *s, struct rbce_limits *limits);

/* One number and nothing else, as ulimit of the shells does; in its unit. */
int show_number(const struct show *s, struct rbce_limits *limits, unsigned unit);

/* as.c: what RUNTIME computes. -EINVAL, after saying so, for one that is not known. */
int as_check(const char *runtime);
char *as_names(void);
int as_show(const char *runtime, bool json, struct rbce_limits *limits);

/* export.c: lines for a shell; NAMES are the N variables wanted, none for all. */
int export_check(char **names, int n);
char *export_names(void);
int export_print(char **names, int n, struct rbce_limits *limits);

#endif
