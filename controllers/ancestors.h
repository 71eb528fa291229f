/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The groups that a process stands in, up to the top of their hierarchy. Internal. */
#ifndef CONTROLLERS_ANCESTORS_H
#define CONTROLLERS_ANCESTORS_H

#include "subject.h"

struct ancestor {
	int dir;
	int version;      /* of its hierarchy */
	const char *path; /* "/rbce/users/alice", "/" for the top */
	bool own;         /* the one that the process is in */
	bool recursive;   /* v2 mounted with memory_recursiveprot */
};

/*
 * Calls FUNCTION for the group of S that has CONTROLLER, then for each above it. One that cannot
 * be opened is passed over; the first such failure is returned at the end. -EOPNOTSUPP where no
 * hierarchy has CONTROLLER. *RET_HIDDEN tells whether there are groups above that cannot be seen.
 */
typedef void ancestors_fn(const struct ancestor *group, void *data);
int ancestors_walk(const struct subject *s, enum rbce_controller controller, ancestors_fn *function,
		   void *data, bool *ret_hidden);

#endif
