/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Adds up the rows of one container over a period: what counters grew by; average, peak and last
 * value of gauges. A gauge holds its value until the next row, because rows in which nothing
 * changed are not stored.
 */
#ifndef STATS_TALLY_H
#define STATS_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include "stats/sample/metrics.h"

/* What of a metric; TALLY_TOTAL and TALLY_SHARE are for counters, the others for gauges. */
enum tally_view {
	TALLY_TOTAL,
	TALLY_SHARE, /* of one CPU, for times */
	TALLY_AVERAGE,
	TALLY_PEAK,
	TALLY_LAST,
};

/* Milliseconds since the epoch. A value is not held over more than HOLD: there is a hole then. */
struct tally_period {
	int64_t start;
	int64_t end;
	int64_t hold;
};

struct tally {
	struct metric_values total;
	struct metric_values peak;
	struct metric_values held; /* at held_time */
	int64_t held_time[VIEW_TOTAL];
	double area[METRIC_TOTAL]; /* value times milliseconds */
	double time[METRIC_TOTAL]; /* milliseconds */
};

/*
 * Rows of each table come in order of time; those before the start tell what gauges began with.
 * Of ROW the metrics of TABLE count.
 */
void tally_add(struct tally *t, const struct tally_period *period, enum metric_table table,
	       int64_t time, const struct metric_values *row);

/*
 * A row of the older tiers, of VIEW, for the time after FROM and until TO: PLAIN has what counters
 * grew by and the averages of gauges, MOST the highest of those, where it is known.
 */
void tally_add_span(struct tally *t, const struct tally_period *period, enum metric_view view,
		    int64_t from, int64_t to, const struct metric_values *plain,
		    const struct metric_values *most);

/* All gauges stayed as they were until TIME. */
void tally_hold(struct tally *t, const struct tally_period *period, int64_t time);

/* The container was there until END. */
void tally_finish(struct tally *t, const struct tally_period *period, int64_t end);

/* Adds a later generation of the container to T. */
void tally_merge(struct tally *t, const struct tally *later);

/* False when it is not known. Exact below 2^53. */
bool tally_value(const struct tally *t, const struct tally_period *period, enum metric metric,
		 enum tally_view view, double *ret);

#endif
