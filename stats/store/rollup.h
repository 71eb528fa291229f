/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rolls ticks up into minutes and hours, in the background: each minute once it is over, a little
 * with each tick, within the tick's own transaction. How far it got is kept in table meta, so that
 * a recorder that was killed goes on where the database stands.
 */
#ifndef STATS_ROLLUP_H
#define STATS_ROLLUP_H

#include <sqlite3.h>
#include <stdint.h>

struct rollup;

/* DB must outlive it. NULL when out of memory. */
struct rollup *rollup_new(sqlite3 *db);

/* Takes NULL; returns NULL. */
struct rollup *rollup_free(struct rollup *r);

/*
 * Goes on with what ended before NOW (ms since the epoch), for about BUDGET microseconds. SQLite's
 * result code; after any other than SQLITE_OK, or when the transaction is rolled back, it must be
 * freed. *RET_BEHIND tells whether there is more to do.
 */
int rollup_step(struct rollup *r, int64_t now, int64_t budget, int *ret_behind);

#endif
