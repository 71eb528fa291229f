/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A container: one name ("users/alice") and, behind it, a cgroup in each used hierarchy.
 *
 * All operations are idempotent: creating what exists, freezing what is frozen, removing what is
 * gone succeed. Tasks that end meanwhile are normal and never an error, except where a function
 * names one task (-ESRCH).
 *
 * On v2 a group that hands controllers to its children may have no tasks of its own
 * (cgroup-v2.rst, "no internal process"). Such a container keeps its tasks in a child named "leaf",
 * which no caller sees: it is no container, and the name is refused.
 */
#ifndef RBCE_CONTAINER_H
#define RBCE_CONTAINER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include <rbce/error.h>
#include <rbce/hierarchy.h>

#define RBCE_NAME_MAX 1024

/*
 * -EINVAL with the reason for a name that is empty, absolute, too long, or has an empty component,
 * ".", "..", "leaf", a control character, a component over 255 bytes or one that begins like a
 * control file ("cgroup.", "memory.", ...).
 */
int rbce_container_check_name(const char *name, struct rbce_error *err);

struct rbce_container;

enum rbce_container_flags {
	RBCE_CONTAINER_CREATE = 1, /* make the groups, and those above, that are missing */
};

/*
 * Opens the container NAME of H; "" is the root group. Without RBCE_CONTAINER_CREATE -ENOENT when
 * it has no group in any hierarchy. What was created before a failure is removed again. Keeps
 * descriptors. Release with rbce_container_close(), which takes NULL and returns NULL.
 */
int rbce_container_open(struct rbce_hierarchy *h, const char *name, unsigned flags,
			struct rbce_container **ret, struct rbce_error *err);
struct rbce_container *rbce_container_close(struct rbce_container *c);

const char *rbce_container_name(const struct rbce_container *c);

/* What it was opened on, borrowed. */
const struct rbce_hierarchy *rbce_container_hierarchy(const struct rbce_container *c);

/*
 * Moves the process PID with all its threads into every group of the container. Returns -ESRCH when
 * it is gone. -EINVAL for a kernel thread that may not move, and for a task with real-time threads
 * where the kernel gives its group no real-time bandwidth: neither is moved anywhere. On another
 * failure in one hierarchy the others are still tried, and the first error is returned.
 */
int rbce_container_attach(struct rbce_container *c, pid_t pid, struct rbce_error *err);

/*
 * The same for the calling process, which has one thread. On v1 it costs no wait for all CPUs, as
 * moving another process does: who starts a program in a container forks, and the child joins it.
 */
int rbce_container_join(struct rbce_container *c, struct rbce_error *err);

/*
 * The processes of the container (of those below too if RECURSIVE), in a new array sorted by pid;
 * a process counts when it stands in any of the container's groups.
 */
int rbce_container_tasks(struct rbce_container *c, bool recursive, pid_t **ret, size_t *ret_n,
			 struct rbce_error *err);

/* True when no task is in it or below. */
int rbce_container_is_empty(struct rbce_container *c, bool *ret, struct rbce_error *err);

/*
 * Stops every task in it and below, and waits (bounded: 5 s, then -ETIMEDOUT and thawed again)
 * until the kernel reports them frozen; thaw undoes it.
 */
int rbce_container_freeze(struct rbce_container *c, struct rbce_error *err);
int rbce_container_thaw(struct rbce_container *c, struct rbce_error *err);

/*
 * SIGKILL to every task in it and below, until none is left (bounded: 5 s, then -ETIMEDOUT). A
 * caller that stands there leaves it first, for the top of the hierarchies. -EACCES, with nothing
 * killed, for one who may not move tasks in it.
 */
int rbce_container_kill(struct rbce_container *c, struct rbce_error *err);
/* The same once and without waiting: 1 while there were tasks, which may be gone a moment later. */
int rbce_container_kill_now(struct rbce_container *c, struct rbce_error *err);

/*
 * Removes its groups and all below, but none that was made for others since C was opened. -EBUSY
 * when a task is in one of them, or while somebody makes it, one below it, or removes it; then
 * nothing goes.
 */
int rbce_container_remove(struct rbce_container *c, struct rbce_error *err);

/*
 * Moves its tasks, and those below it, to the container above; those of the root group to the top
 * of the hierarchies. Frozen ones are thawed. Bounded: 5 s, then -ETIMEDOUT.
 */
int rbce_container_empty(struct rbce_container *c, struct rbce_error *err);

/*
 * Reads or writes a control file of CONTROLLER in its group. Read: the text without the last
 * newline, terminated, into BUF; -E2BIG when it does not fit. -EOPNOTSUPP when the container has no
 * group with that controller, -ENOENT when the group has no such file.
 */
int rbce_container_read(struct rbce_container *c, enum rbce_controller controller, const char *file,
			char *buf, size_t size, struct rbce_error *err);
int rbce_container_write(struct rbce_container *c, enum rbce_controller controller,
			 const char *file, const char *value, struct rbce_error *err);

/* Opens a control file; returns a descriptor of the caller's, or -errno as above. */
int rbce_container_open_file(struct rbce_container *c, enum rbce_controller controller,
			     const char *file, int flags);

/* The same in the v2 tree, whatever controllers it has ("cpu.pressure", "cgroup.events"). */
int rbce_container_open_unified(struct rbce_container *c, const char *file, int flags);

/* 1 or 2: the version of the hierarchy that CONTROLLER is on, 0 where it is on none. */
int rbce_container_version(const struct rbce_container *c, enum rbce_controller controller);

/*
 * Controllers that few limits are for (cpuset, devices, hugetlb, net_cls, net_prio, rdma, misc)
 * cost a container nothing until one is set: on v1 it has no group with them, and its tasks stand
 * in that of the next container above which has one; on v2 its group is made without them.
 *
 * rbce_container_use() gives it its own, with the limits of the group above, and moves its tasks
 * and those below there; for every other controller it does nothing. -EOPNOTSUPP for one that is on
 * no hierarchy.
 */
int rbce_container_use(struct rbce_container *c, enum rbce_controller controller,
		       struct rbce_error *err);

/* Has its group CONTROLLER? */
bool rbce_container_uses(struct rbce_container *c, enum rbce_controller controller);

/*
 * Names of all containers under the root group, sorted, parents before children, in a new
 * NULL-terminated array of new strings; release with rbce_names_free().
 */
int rbce_container_list(struct rbce_hierarchy *h, char ***ret, struct rbce_error *err);
char **rbce_names_free(char **names);

#endif
