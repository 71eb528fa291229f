/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long what is kept, and its removal: a little at a time, beside a recorder or within its
 * ticks. */
#ifndef STATS_RETENTION_H
#define STATS_RETENTION_H

#include <rbce/error.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#define RETENTION_FILE "/etc/rbce/stats.conf"

enum retention_key {
	KEEP_TICKS,
	KEEP_MINUTES,
	KEEP_HOURS,
	KEEP_EVENTS,
	KEEP_SHARES,
	KEEP_STATES,
};
enum { RETENTION_KEYS = KEEP_STATES + 1 };

struct retention {
	int64_t keep[RETENTION_KEYS]; /* ms; 0: for ever */
};

/* "ticks"; its help; and what is kept for how long where nothing is said. */
const char *retention_name(enum retention_key key);
const char *retention_about(enum retention_key key);
void retention_default(struct retention *r);

/* A duration like "7d" or "max". -EINVAL, -ERANGE. */
int retention_set(struct retention *r, enum retention_key key, const char *text);

/*
 * Reads section [retention] of an INI file over the defaults; every mistake is named, as
 * "FILE:LINE: message", the first one in ERR. -ENOENT (the defaults hold), -EINVAL.
 */
int retention_read(struct retention *r, const char *path, struct rbce_error *err);

struct sweeper;

/* DB must outlive it. NULL when out of memory. */
struct sweeper *sweeper_new(sqlite3 *db);
struct sweeper *sweeper_free(struct sweeper *s);

/*
 * Removes a little of what is older at NOW (ms since the epoch), and gives free pages back to the
 * file system. *RET_MORE tells whether there is more to do. SQLite's result code; the transaction
 * is the caller's.
 */
int sweeper_step(struct sweeper *s, const struct retention *r, int64_t now, bool *ret_more);

#endif
