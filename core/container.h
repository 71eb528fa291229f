/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A container's insides, shared by the files that work on it. Internal. */
#ifndef CORE_CONTAINER_H
#define CORE_CONTAINER_H

#include <rbce/container.h>

#include "hierarchy.h"

struct rbce_container {
	struct rbce_hierarchy *h;
	char *name;
	int dir[RBCE_MAX_MOUNTS];   /* its group in each mount, O_PATH; -1 where it has none */
	int procs[RBCE_MAX_MOUNTS]; /* its cgroup.procs, opened at the first move; else -1 */
};

/* "group/name", or "group" for the root group. */
int container_path(const struct rbce_container *c, char *buf, size_t size);

/*
 * Calls FUNCTION for the group DIRFD and for each group below it, those below first, with a
 * descriptor of the group's own parent and its name there (NULL for DIRFD itself). Stops at the
 * first negative result and returns it.
 */
typedef int container_walk_fn(int parent, const char *name, int dirfd, void *data);
int container_walk(int dirfd, container_walk_fn *function, void *data);

#endif
