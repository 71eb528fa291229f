/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tasks that ended, in the database. One row for each tick, container, executable and user with
 * what those that ended had used; later by the minute, then by the hour. Readers use two views:
 *
 * v_exits
 *   time         end of the span in which they ended, seconds since the epoch
 *   period       its length, seconds
 *   place        'container', 'outside' (of all containers), 'unknown' (nobody could tell any more)
 *   container    its name, '/' for the root group itself; NULL where place is not 'container'
 *   user         the user id (effective, when it ended)
 *   executable   path of the program where it is known, else the name of the task
 *   comm, path   the name of the task; the path, or NULL
 *   and every row of usage_fields under its `view`: exits, failed, killed, threads,
 * elapsed_seconds, cpu_user_seconds, ..., rss_peak_bytes (highest of one process), ..., cpu_waits,
 *   cpu_delay_seconds, ...
 *
 * v_exit_counts: by the same spans, how the account stands: time, period, exits, threads (whole
 *   processes, and threads of processes that lived on), the exits by how their place was found
 *   (by_group, by_table, by_parent, outside, unattributed), lost (records that did not come),
 *   overflows (how often a buffer was full), unreadable (records that made no sense).
 *
 * Both add up over any period: sum(), but max() of what ends in _peak_bytes.
 */
#ifndef STATS_EXITS_TABLES_H
#define STATS_EXITS_TABLES_H

#include <sqlite3.h>
#include <stdint.h>

#include "usage.h"

enum exit_place { PLACE_CONTAINER, PLACE_OUTSIDE, PLACE_UNKNOWN };

enum exit_count {
	COUNT_EXITS,
	COUNT_THREADS,
	COUNT_BY_GROUP,
	COUNT_BY_TABLE,
	COUNT_BY_PARENT,
	COUNT_OUTSIDE,
	COUNT_UNATTRIBUTED,
	COUNT_LOST,
	COUNT_OVERFLOWS,
	COUNT_UNREADABLE,
};
enum { EXIT_COUNTS = COUNT_UNREADABLE + 1 };

/* How long each form is kept, milliseconds. */
struct exit_retention {
	int64_t ticks, minutes, hours;
};

/* A step of the migrations (schema.h). SQLite's result code, as all of these. */
int exit_tables_create(sqlite3 *db);

/* Appends what makes the views, each after one of its name that is there. */
void exit_tables_append_views(sqlite3_str *sql);
enum { EXIT_VIEWS = 2 };

struct exit_key {
	enum exit_place place;
	const char *container; /* "" where there is none */
	const char *comm;
	const char *path; /* "" where it is not known */
	uint32_t uid;
};

/* What ended in the PERIOD before TIME (milliseconds); adds to what is there already. */
int exit_tables_add(sqlite3 *db, int64_t time, int64_t period, const struct exit_key *key,
		    const struct usage *usage);
int exit_tables_count(sqlite3 *db, int64_t time, int64_t period,
		      const uint64_t counts[EXIT_COUNTS]);

/*
 * Makes minutes of ticks and hours of minutes that are older than they are kept, and drops what is
 * older still: a bounded part of it at a time. *MORE is set where there is more.
 */
int exit_tables_age(sqlite3 *db, int64_t now, const struct exit_retention *retention, bool *more);

#endif
