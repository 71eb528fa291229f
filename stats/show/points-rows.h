/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between points.c, which plans a series, and points-rows.c, which reads the rows for it. */
#ifndef STATS_POINTS_ROWS_H
#define STATS_POINTS_ROWS_H

#include <uthash.h>

#include "points.h"
#include "stats/store/tiers.h"

/* One generation of a container, while rows are read. */
struct points_generation {
	sqlite3_int64 id;
	size_t series;
	int64_t first_seen, last_seen;
	/* By metric: the last row that had it. */
	struct {
		double value;
		int64_t end; /* 0: there was none yet */
	} held[POINTS_METRICS_MAX];
	UT_hash_handle hh;
};

struct points_reader {
	sqlite3 *db;
	const char *path;
	const struct points_wish *wish;
	struct points *points;
	struct points_generation *generations;
	struct progress *progress;
	int64_t interval; /* ms, of the recorder */
	int64_t end;      /* of the record, or of what is asked for */
	struct {
		int64_t from, until;
	} * runs; /* when it ran, in order */
	size_t n_runs;
	/* What is being read now. */
	enum tier tier;
	int64_t hold;                      /* ms for which a row stands, when none follows */
	size_t column[POINTS_METRICS_MAX]; /* which of the metrics */
	size_t n_columns;
	double done, share; /* for the bar */
};

/* Fills the cells of all series from the rows of all tiers that have something for them. */
int points_read_rows(struct points_reader *r, struct rbce_error *err);

int points_fail(const struct points_reader *r, int rc, struct rbce_error *err);

#endif
