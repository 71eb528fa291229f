/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How the CPUs were shared out, at long intervals: what each container ran and waited on each CPU,
 * its weight and what throttled it, and the times of the CPUs themselves. `containerstats fairness`
 * judges it. Readers use two views:
 *
 * v_cpu_shares
 *   time, period       end and length of the span, seconds (since the epoch)
 *   container          '/' is the root group; NULL is the rest: all that is outside the root group
 *   cpu                number, NULL for all together
 *   ran_seconds
 *   waited_seconds     it could have run and did not; NULL where nothing tells
 *   weight, periods, throttled_periods, throttled_seconds    NULL for single CPUs
 * A span in which a container neither ran nor waited nor was throttled has no row.
 *
 * v_cpus
 *   time, period, cpu; user_seconds, nice_seconds, system_seconds, irq_seconds, steal_seconds,
 *   idle_seconds, iowait_seconds
 *
 * Over any span the root group's ran_seconds and the rest's are what all CPUs did: user, nice,
 * system and irq.
 */
#ifndef STATS_SHARES_SHARES_H
#define STATS_SHARES_SHARES_H

#include <rbce/hierarchy.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

/* A step of the migrations (schema.h). */
int share_tables_create(sqlite3 *db);

/* Appends what makes the views, each after one of its name that is there. */
void share_tables_append_views(sqlite3_str *sql);
enum { SHARE_VIEWS = 2 };

/*
 * Makes rows of ten minutes of those before FINE, an hour of them at a time, and drops those before
 * OLD, in ms since the epoch. *MORE is set where there is more.
 */
int share_tables_age(sqlite3 *db, int64_t fine, int64_t old, bool *more);

struct shares;

/* H must outlive it. INTERVAL: microseconds. -ENOMEM. Release with shares_close(); NULL and NULL.
 */
int shares_open(const struct rbce_hierarchy *h, uint64_t interval, struct shares **ret);
struct shares *shares_close(struct shares *s);

/* A tick: is it time? Then each container that there is, and the rest. FINAL: it is. */
void shares_begin(struct shares *s, bool final);
void shares_note(struct shares *s, const char *name);
void shares_end(struct shares *s);

/* As of exits.h. */
int shares_write(struct shares *s, sqlite3 *db, int64_t time);
void shares_stored(struct shares *s);
void shares_skip(struct shares *s, int64_t ms);

#endif
