/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The account of every task that ends: who ended where, and what it had used. It listens from the
 * recorder's loop and writes with the recorder's ticks (tables.h has what readers find). A record
 * whose place nobody could tell at once waits for the tick, when what rbced tells has come as well.
 */
#ifndef STATS_EXITS_EXITS_H
#define STATS_EXITS_EXITS_H

#include <rbce/error.h>
#include <rbce/hierarchy.h>
#include <sqlite3.h>
#include <systemd/sd-event.h>

#include "tables.h"

struct exits;

/*
 * H must outlive it. -EPERM or -EOPNOTSUPP with the reason where the kernel does not tell of ends.
 * Release with exits_close(), which takes NULL and returns NULL.
 */
int exits_open(sd_event *loop, const struct rbce_hierarchy *h, struct exits **ret,
	       struct rbce_error *err);
struct exits *exits_close(struct exits *e);

/* From now on what tasks use that still run is accounted for, too, by each tick. */
int exits_ask_running(struct exits *e, struct rbce_error *err);

/* A line of what rbced tells. */
void exits_told(struct exits *e, const char *line);

/*
 * A tick: first each container that there is now (a few of them are looked at each time), then what
 * has waited long enough is settled, and all of it in the FINAL one.
 */
void exits_note_container(struct exits *e, const char *name);
void exits_settle(struct exits *e, bool final);

/*
 * Writes what has ended since it was last stored, at TIME (ms since the epoch), in the transaction
 * that is open; SQLite's result code. Only exits_stored() says that it holds.
 */
int exits_write(struct exits *e, sqlite3 *db, int64_t time);
void exits_stored(struct exits *e);
void exits_skip(struct exits *e, int64_t ms);

/*
 * What has ended since it was last stored, for who keeps no database. EACH's first result other
 * than 0 ends it, and is returned.
 */
int exits_each(const struct exits *e,
	       int (*each)(void *data, const struct exit_key *key, const struct usage *usage),
	       void *data);

/* How many have ended, where, and what was lost, since it was opened. */
const uint64_t *exits_counts(const struct exits *e);

#endif
