/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How many tasks of each container are in which state, at each tick, those of containers below not
 * counted in. The kernel tells it at one go of groups on v1, and on v2 with our patch
 * (CGROUPSTATS); elsewhere each task in cgroup.procs is looked at. Readers use the view
 *
 * v_task_states
 *   container, time; sleeping, running, stopped, uninterruptible; io_wait, those of them that wait
 *   for IO (NULL where tasks were looked at one by one)
 *
 * A tick that changed nothing has no row, except once a minute.
 */
#ifndef STATS_STATES_H
#define STATS_STATES_H

#include <rbce/hierarchy.h>
#include <sqlite3.h>
#include <stdint.h>

/* As in shares/shares.h. */
int state_tables_create(sqlite3 *db);
void state_tables_append_views(sqlite3_str *sql);

/* Drops what is before OLD (ms since the epoch). */
int state_tables_age(sqlite3 *db, int64_t old);
enum { STATE_VIEWS = 1 };

struct states;

/* H must outlive it. Release with states_close(), which takes NULL and returns NULL. */
int states_open(const struct rbce_hierarchy *h, struct states **ret, struct rbce_error *err);
struct states *states_close(struct states *s);

/* In each tick, each container. */
void states_note(struct states *s, const char *name);

/* The state (enum task_state) that the text of /proc/PID/stat tells; -1 for none of those. */
int states_parse(const char *stat);

int states_write(struct states *s, sqlite3 *db, int64_t time);
void states_stored(struct states *s);

#endif
