/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tiers of the database, from the newest and finest to the oldest and coarsest: what was
 * sampled, minutes and hours. For those who build queries of their own; people use the views.
 *
 * Of the first tier a metric's table is that of its enum metric_table: a row for each tick in which
 * something of that table changed, and at least one a minute (SCHEMA_HEARTBEAT_MS). Its key `at` is
 * the number of its tick in table ticks, which has the time in seconds, and the container; both in
 * one integer, so that rows are appended: SQLite fills the pages of such a table, and moves no row
 * of it again. Its period, in milliseconds, is NULL where it is the tick's. Of the others there is
 * a table for each view, keyed (container, time), the time being the whole second at which the
 * minute or hour began: a row unless nothing was added and the gauges stood still, and at least one
 * an hour. A row at time T of length L holds what ticks after T and until T + L told; its `seconds`
 * are those of them that the container was there.
 */
#ifndef STATS_TIERS_H
#define STATS_TIERS_H

#include <sqlite3.h>
#include <stdint.h>

#include "stats/sample/metrics.h"

/*
 * The key of the row of CONTAINER at a tick, and what it takes to find all rows `s` of a tick `t`.
 * A container has a number as long as one of its hours is kept: 2^28 are enough for four new ones a
 * second over two years. With that many bits a row takes eight bytes for its key for as long as a
 * database is likely to live, and seven in its first weeks.
 */
#define TIER_CONTAINER_BITS      28
#define TIER_CONTAINER           "at & 268435455"
#define TIER_QUOTED_(bits)       #bits
#define TIER_QUOTED(bits)        TIER_QUOTED_(bits)
#define TIER_SHIFT               TIER_QUOTED(TIER_CONTAINER_BITS)
#define TIER_AT(tick, container) tick " << " TIER_SHIFT " | " container
#define TIER_FROM_TICK           "s.at >= t.id << " TIER_SHIFT
#define TIER_UNTIL_TICK          "s.at < (t.id + 1) << " TIER_SHIFT
#define TIER_OF_TICK             TIER_FROM_TICK " AND " TIER_UNTIL_TICK

enum tier { TIER_TICK, TIER_MINUTE, TIER_HOUR };
enum { TIER_TOTAL = TIER_HOUR + 1 };

struct tier_info {
	const char *name;   /* "minute" */
	const char *suffix; /* of views: "_minute" */
	int64_t length;     /* ms; 0: that of a tick */
	int64_t heartbeat;  /* ms: a row at least so often */
};
extern const struct tier_info tiers[TIER_TOTAL];

/* Name of the table that has a view's metrics in a tier, to BUF; returned for convenience. */
#define TIER_NAME_SIZE 64
const char *tier_table(enum tier tier, enum metric_view view, char *buf);

/* What of a metric a column tells. */
enum tier_value {
	TIER_PLAIN, /* a counter's growth; a gauge's average; of a tick, the gauge itself */
	TIER_LEAST, /* the lowest; of a counter, of its growth per second */
	TIER_MOST,
};

/*
 * The number that a tick's row has for VALUE of a metric: pages instead of bytes; and of what v1
 * tells in coarse steps whole ones, negative as a mark, which take a byte instead of three.
 */
int64_t tier_code(size_t metric, uint64_t value);

/* Appends the SQL expression of it without that mark, in the unit of the columns. */
void tier_append_column(sqlite3_str *sql, const char *alias, enum tier tier, size_t metric);

/*
 * Appends the SQL expression of a metric's value in the unit of the views, ALIAS being the table's
 * ("s"). Of what a tier does not keep, it is the nearest that it does: of a tick the value itself;
 * of KEEP_ONE the average.
 */
void tier_append_value(sqlite3_str *sql, const char *alias, enum tier tier, size_t metric,
		       enum tier_value value);

/* The columns of a metric in a tier: what follows its name ("", "_least"), how many. */
size_t tier_columns(enum tier tier, size_t metric, const char *ret_suffix[3]);

/*
 * From when on a tier has rows, and until when it is complete (the ticks after that are in the tier
 * before it alone), in ms since the epoch. SQLite's result code; SQLITE_EMPTY when it has none.
 */
int tier_span(sqlite3 *db, enum tier tier, int64_t *ret_from, int64_t *ret_until);

/*
 * The tier for a period: the coarsest one whose rows are not longer than STEP, or, where that one
 * no longer reaches back to FROM, a coarser one that does, or reaches back farthest. All in ms.
 */
int tier_pick(sqlite3 *db, int64_t from, int64_t step, enum tier *ret);

#endif
