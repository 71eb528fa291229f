/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Trees of processes that can be dumped at once: those in different containers directly below the
 * one that is dumped. What shares one is in the same lane. Internal.
 */
#ifndef CORE_CHECKPOINT_LANES_H
#define CORE_CHECKPOINT_LANES_H

#include <limits.h>

#include "guard.h"
#include "record.h"

struct lane {
	char *place; /* the container below */
	struct rbce_container *c;
	char freezer[PATH_MAX]; /* directory of its group */
};

struct lanes {
	struct lane *list;
	size_t n;        /* 0: all trees go one after the other */
	size_t *of_tree; /* the lane of each tree */
	size_t trees;
	bool held;
};

/* Of TASKS in C; none where one of them cannot be had. 0, or -ENOMEM. */
int lanes_find(const struct rbce_container *c, const struct record_tasks *tasks, struct lanes *ret);
bool lanes_same(const struct lanes *a, const struct lanes *b);
void lanes_done(struct lanes *lanes);

/*
 * C is frozen: now each lane is, and C itself is not. GUARD thaws them, too. The other way round
 * for those that are held.
 */
int lanes_hold(struct lanes *lanes, struct rbce_container *c, struct guard *guard);
void lanes_release(struct lanes *lanes, struct rbce_container *c);

#endif
