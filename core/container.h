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
 * Makes the groups of PATH, from the top, with the controllers that all have; *MADE receives how
 * many of its parts are new. The other takes the last N parts away again.
 */
int container_make_groups(const struct rbce_mount *m, char *path, size_t *made);
void container_unmake_groups(const struct rbce_mount *m, const char *path, size_t n);

/* v2: has the groups above PATH hand on the controllers BITS. */
int container_enable(const struct rbce_mount *m, char *path, unsigned bits);

/* Stops every task in it and below; -ETIMEDOUT, and thawed again, when that takes longer. */
int container_freeze_within(struct rbce_container *c, int patience_ms);

/* Thaws it without waiting: what is frozen above it holds it still. */
void container_let_go(struct rbce_container *c);

/* The directory of the group that freezes it. */
int container_freezer(const struct rbce_container *c, char *buf, size_t size);

/* demand.c. A group that was made, on demand, since the container was opened: dir[MOUNT] has it. */
void container_look_again(struct rbce_container *c, size_t mount);

/* FILE (cgroup.procs, tasks) of the nearest group, itself or above; -ENOENT where none is. */
int container_open_nearest(struct rbce_container *c, size_t mount, const char *file);

/* Tasks that stand in its groups on demand, but have left it, go to the top of the hierarchy. */
int container_drop_strays(struct rbce_container *c, size_t mount);

/*
 * Calls FUNCTION for the group DIRFD and for each group below it, those below first, with a
 * descriptor of the group's own parent and its name there (NULL for DIRFD itself). Stops at the
 * first negative result and returns it.
 */
typedef int container_walk_fn(int parent, const char *name, int dirfd, void *data);
int container_walk(int dirfd, container_walk_fn *function, void *data);

#endif
