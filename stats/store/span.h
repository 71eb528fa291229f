/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a minute or an hour of one container comes to: sums of what counters grew by, averages of
 * gauges over time, the lowest and highest of those that keep them.
 */
#ifndef STATS_SPAN_H
#define STATS_SPAN_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "stats/sample/metrics.h"

/* Metrics with a range have a place of their own for it. */
enum { SPAN_RANGES = 24 };

struct span {
	struct metric_mask known;
	bool moved[VIEW_TOTAL]; /* something was added, or a gauge did not stand still */
	int64_t covered;        /* ms that rows of table samples tell of */
	union {
		uint64_t sum; /* of a counter */
		double area;  /* of a gauge: value times ms */
	} total[METRIC_TOTAL];
	uint32_t time[METRIC_TOTAL]; /* ms that a gauge was known */
	struct {
		uint64_t least, most;
	} range[SPAN_RANGES];
};

/* A counter grew by VALUE within PERIOD ms. */
void span_grow(struct span *s, size_t metric, uint64_t value, int64_t period);

/* A gauge was VALUE, over MS of time (0: for a moment). */
void span_hold(struct span *s, size_t metric, uint64_t value, int64_t ms);

/* Is there nothing of VIEW that a reader does not know without a row: no gauge, and nothing added?
 */
bool span_empty(const struct span *s, enum metric_view view);

/*
 * Binds the columns of VIEW, of metrics in HAVE, from AT on; MS is how long the container was
 * there. SQLite's code.
 */
int span_bind(const struct span *s, enum metric_view view, const struct metric_mask *have,
	      int64_t ms, sqlite3_stmt *row, int at);

#endif
