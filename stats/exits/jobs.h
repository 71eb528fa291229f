/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Jobs of a batch system: what `rbcectl job end` leaves of each in /run/rbce/ROOT.ended, taken into
 * the database with the next tick. What the kernel counted for the whole job is exact, however
 * short it was, where samples would miss it. Readers use the view
 *
 * v_jobs
 *   container, started, ended, seconds; what it used, times in seconds; of its tasks that ended,
 * how many (exits, failed, killed) and how long they waited (cpu_delay_seconds,
 * block_io_delay_seconds)
 */
#ifndef STATS_JOBS_H
#define STATS_JOBS_H

#include <rbce/error.h>
#include <sqlite3.h>
#include <stdint.h>

#include "stats/show/period.h"
#include "stats/show/report.h"

/* As in shares/shares.h. */
int job_tables_create(sqlite3 *db);
void job_tables_append_views(sqlite3_str *sql);
enum { JOB_VIEWS = 1 };

/* Removes those that ended until then, ms since the epoch. */
int job_tables_age(sqlite3 *db, int64_t until);

struct jobs;

/* ROOT is the root group's name. -ENOMEM. */
int jobs_open(const char *root, struct jobs **ret);
struct jobs *jobs_close(struct jobs *jobs);

int jobs_write(struct jobs *jobs, sqlite3 *db, int64_t time);
void jobs_stored(struct jobs *jobs);

/*
 * The jobs of the period that was asked for, in the place of what samples say of their containers:
 * one may have ended before the first of those.
 */
int jobs_read(struct report *report, const struct period *asked, struct rbce_error *err);

#endif
