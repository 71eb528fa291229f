/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rows that become coarser within their table, which is keyed by time (in seconds) first. */
#ifndef STATS_AGEING_H
#define STATS_AGEING_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ageing {
	const char *table;
	const char
		*keys; /* the rest of its key, before column `period` (ms): "container, device" */
	const char *sums; /* what the columns after that become: "sum(ran), max(weight)" */
	int64_t coarse;   /* the period of rows that are done, ms */
};

/*
 * Rows of the N tables, which have the same COARSE, become coarse ones where they are not after
 * FINE (ms since the epoch): a few spans of them at a time, from the oldest row of the first
 * table on. What comes later with a time before those stays as it is. *MORE is set where there is
 * more. SQLite's result code.
 */
int ageing_step(sqlite3 *db, const struct ageing *tables, size_t n, int64_t fine, bool *more);

#endif
