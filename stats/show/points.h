/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Series out of the database: for each container, the value of some metrics in each step of a
 * period.
 *
 * A step's value is that of its whole length: what counters grew by, the average of gauges weighed
 * by time. Rows that were left out because nothing changed count as such; where nothing was
 * recorded, or the container was not there, nothing is known.
 */
#ifndef STATS_POINTS_H
#define STATS_POINTS_H

#include <rbce/error.h>
#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

#include "progress.h"
#include "stats/sample/metrics.h"

/* What of a metric; SUM and RATE are for counters, AVG for gauges. Extremes of counters are rates.
 */
enum points_how { POINTS_SUM, POINTS_RATE, POINTS_AVG, POINTS_MIN, POINTS_MAX };

struct points_metric {
	size_t metric;
	enum points_how how;
};

enum { POINTS_METRICS_MAX = 32 };

struct points_wish {
	int64_t from, until; /* ms since the epoch */
	int64_t step;        /* ms; 0: one that makes some hundred of them */
	struct points_metric metric[POINTS_METRICS_MAX];
	size_t n_metrics;
	const char *const *patterns; /* fnmatch(3) of names; none: all */
	size_t n_patterns;
	size_t cells_max; /* more points are refused; 0: what memory should hold */
};

/* Value and weight: how they are read depends on the metric's `how`; points_value() knows. */
struct points_cell {
	double value, weight;
};

struct points_series {
	char *container;
	struct points_cell *cell; /* of each metric, all steps */
};

struct points {
	int64_t from; /* ms, a multiple of the step; where the first step begins */
	int64_t step; /* ms */
	size_t n_steps;
	struct points_metric metric[POINTS_METRICS_MAX];
	size_t n_metrics;
	struct points_series *series; /* in order of names, "/" first */
	size_t n_series;
};

/*
 * "cpu_seconds", "memory_bytes:max": names are those of the views. -ENOENT for no such metric,
 * -EINVAL for what it does not have.
 */
int points_parse_metric(const char *text, struct points_metric *ret);

/* "memory_bytes_max": what the column is called. Returned for convenience. */
#define POINTS_NAME_SIZE 80
char *points_metric_name(const struct points_metric *metric, char *buf);

/*
 * Reads what WISH asks for from DB, which was opened at PATH. -E2BIG when that were too many
 * points. PROGRESS may be NULL. Release with points_free(), which takes NULL and returns NULL.
 */
int points_read(sqlite3 *db, const char *path, const struct points_wish *wish,
		struct progress *progress, struct points **ret, struct rbce_error *err);
struct points *points_free(struct points *p);

/* In the unit of the views; NAN where not known. */
double points_value(const struct points *p, const struct points_series *series, size_t metric,
		    size_t step);

#endif
