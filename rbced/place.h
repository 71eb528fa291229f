/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The containers that the daemon works with: made on demand, limited, kept open, removed when
 * empty. */
#ifndef RBCED_PLACE_H
#define RBCED_PLACE_H

#include <rbce/container.h>

#include "engine.h"

/*
 * Takes over the containers that stand under the root group already, with the limits of the rules;
 * an observing daemon takes none.
 */
int place_open(struct engine *engine, struct rbce_error *err);
void place_close(struct engine *engine);

size_t place_count(const struct engine *engine);

/*
 * The container NAME; made where it is missing, with those above it, each with the limits of its
 * section set before it is returned. Borrowed until the next call of place_reap().
 */
int place_container(struct engine *engine, const char *name, struct rbce_container **ret,
		    struct rbce_error *err);

/* After -ENOENT of what is done to a container: somebody else removed groups, all are opened anew.
 */
int place_anew(struct engine *engine, struct rbce_error *err);

/*
 * Moves PID into NAME. A container that somebody removed meanwhile is made again. PLACE_REALTIME
 * when a thread of it is real-time and the container has no real-time bandwidth: the kernel does
 * not take it then, and it stands where it stood.
 */
#define PLACE_REALTIME (-EDOM)
int place_task(struct engine *engine, const char *name, pid_t pid, struct rbce_error *err);

/*
 * After a reload: sets the limits of the new rules on every open container, and takes back those
 * that only the OLD rules had.
 */
void place_update_limits(struct engine *engine, const struct ruleset *old);

/* Removes an empty container at once; -EBUSY while it has tasks or others below it. */
int place_remove(struct engine *engine, const char *name, struct rbce_error *err);

/* Removes containers that have been empty for the linger time. */
void place_reap(struct engine *engine);

#endif
