/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The columns of `containerstats top`: one table row each. What is shown, sorted by, listed in
 * --help and named in JSON derives from it.
 */
#ifndef STATS_TOP_COLUMNS_H
#define STATS_TOP_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>

#include "stats/sample/metrics.h"

enum top_column {
	TOP_CPU,
	TOP_THROTTLED,
	TOP_CPU_MAX,
	TOP_MEMORY,
	TOP_MEMORY_MAX,
	TOP_PIDS,
	TOP_CPU_STALL,
	TOP_MEMORY_STALL,
	TOP_IO_STALL,
	TOP_EXITS,
	TOP_PIDS_MAX,
	TOP_READ,
	TOP_WRITTEN,
	TOP_SWAP,
	TOP_MAJOR_FAULTS,
	TOP_OOM_KILLS,
};
enum { TOP_COLUMNS = TOP_OOM_KILLS + 1 };

/* Where a value comes from. */
enum top_kind {
	TOP_SHARE, /* a counter of time: what it grew by, in percent of the time between two ticks
		    */
	TOP_RATE,  /* what a counter grew by in a second */
	TOP_NOW,   /* a gauge */
	TOP_SINCE, /* what a counter grew by since we look */
	TOP_LIMIT, /* of the group itself, by its key */
	TOP_ENDED, /* tasks that ended in a second */
};

enum top_unit { TOP_PERCENT, TOP_BYTES, TOP_NUMBER };

struct top_column_info {
	const char *key;   /* in JSON, and for --sort */
	const char *title; /* at most `width` long */
	const char *help;
	int width;
	enum top_kind kind;
	enum top_unit unit;
	enum metric metric;    /* unless it is a limit */
	const char *limit;     /* key of the controller table, of a limit */
	enum top_column bound; /* the column with this one's limit, itself where it has none */
	double warn, alarm;    /* from where on it is worth a colour; 0: never */
};

extern const struct top_column_info top_columns[TOP_COLUMNS];

/* The column with that key, or -1. */
int top_column_find(const char *key);

/* A value for people, in at most the column's width: "12.5", "1.25G", "max", "-" where not known.
 */
#define TOP_CELL_SIZE 32
char *top_column_format(enum top_column column, double value, char *buf);

/* How it is to strike the eye. */
enum top_tone { TOP_QUIET, TOP_PLAIN, TOP_WARN, TOP_ALARM };

/* VALUES are those of all columns, NAN where not known. A value near its limit is an alarm. */
enum top_tone top_column_tone(enum top_column column, const double values[TOP_COLUMNS]);

#endif
