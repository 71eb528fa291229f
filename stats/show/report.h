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
struct account {
	sqlite3_int64 id;
	char *name;
	int64_t first_seen;
	int64_t last_seen; /* INT64_MAX while it is there */
	bool is_job;       /* of a batch system, whose own account it has; see exits/jobs.h */
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
