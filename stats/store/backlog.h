/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ticks that could not be stored, kept in memory for a bounded time until they can: a byte or so
 * for each number. When it is full, further ticks are not kept; what counters grew by then shows in
 * the next row that is stored.
 */
#ifndef STATS_BACKLOG_H
#define STATS_BACKLOG_H

#include <stddef.h>
#include <stdint.h>

#include "stats/sample/series.h"

enum { BACKLOG_BYTES = 32 << 20 };

struct backlog {
	struct backlog_tick *first, **end;
	size_t ticks, bytes;
};

void backlog_init(struct backlog *b);

/* Begins a tick. -ENOSPC when it is full, -ENOMEM. */
int backlog_begin(struct backlog *b, int64_t time, int64_t usual);

/* A row of S in the tick begun last; S must stay until it is taken out (S->held counts). -ENOMEM.
 */
int backlog_row(struct backlog *b, struct series *s, enum metric_table table);

struct backlog_row {
	struct series *series;
	enum metric_table table;
	int64_t time, period;
	struct metric_values values;
};

/*
 * Calls ROW with each row of the oldest tick until it gives other than 0, which is returned; TICK
 * before them. Nothing is taken out.
 */
int backlog_read(const struct backlog *b, int (*tick)(void *data, int64_t time, int64_t usual),
		 int (*row)(void *data, const struct backlog_row *row), void *data);

/* Makes a copy of the structure begin with the tick after; for reading on. */
void backlog_skip(struct backlog *copy);

/* Takes the oldest tick out. */
void backlog_drop(struct backlog *b);

#endif
