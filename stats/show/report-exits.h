/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reports on tasks that ended, out of the views v_exits and v_exit_counts. */
#ifndef STATS_REPORT_EXITS_H
#define STATS_REPORT_EXITS_H

#include <rbce/error.h>
#include <sqlite3.h>
#include <stdint.h>

#include "listing.h"
#include "tally.h"

enum exits_by { EXITS_BY_USER, EXITS_BY_EXECUTABLE };

/*
 * Prints those of PERIOD that ended in containers, the TOP with most CPU time. DB was opened at
 * PATH, or is NULL for an empty database. -ENODATA where no ends were recorded at all.
 */
int report_exits(sqlite3 *db, const char *path, const struct tally_period *period, enum exits_by by,
		 uint64_t top, enum listing_form form, struct rbce_error *err);

#endif
