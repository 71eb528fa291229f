/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between report.c and report-rows.c, which reads the rows for it. */
#ifndef STATS_REPORT_H
#define STATS_REPORT_H

#include <rbce/error.h>
#include <sqlite3.h>
#include <uthash.h>

#include "progress.h"
#include "tally.h"

/* One generation of a container: what the table containers and the samples say of it. */
/* Of the tasks of a job that ended, as the recorder noted them. */
struct job_exits {
	bool known;
	uint64_t exits, failed, killed;
	double cpu_delay, block_io_delay; /* seconds */
};

struct account {
	sqlite3_int64 id;
	char *name;
	int64_t first_seen;
	int64_t last_seen; /* INT64_MAX while it is there */
	bool is_job;       /* of a batch system, whose own account it has; see exits/jobs.h */
	struct job_exits ended;
	struct tally tally;
	UT_hash_handle hh;
};

struct report {
	const char *path;
	sqlite3 *db;
	struct tally_period period;
	struct account *accounts; /* in order of names */
	struct progress progress;
};

/*
 * Adds up the rows of the period for every account: whole hours, then whole minutes, and ticks for
 * the rest, as far as each are kept. Where only older tiers are left, the period begins with a row
 * of theirs.
 */
int report_read_rows(struct report *r, struct rbce_error *err);

int report_fail(const struct report *r, int rc, struct rbce_error *err);

#endif
