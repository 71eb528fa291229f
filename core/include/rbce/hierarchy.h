/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which cgroup hierarchies this system has, and which of them the suite uses.
 *
 * v1: one mount per controller (or a few together). v2: one mount with all controllers. Hybrid: v1
 * controllers and, beside them, a v2 tree that may have none; that tree still gives every group
 * freezing, killing, pressure (PSI) and BPF attachment. Linux: Documentation/admin-guide/cgroup-v1/
 * and cgroup-v2.rst.
 *
 * Everything of the suite lies below one root group ("rbce") in each used hierarchy.
 */
#ifndef RBCE_HIERARCHY_H
#define RBCE_HIERARCHY_H

#include <stdbool.h>
#include <stddef.h>

#include <rbce/error.h>
#include <rbce/root.h>
#include <rbce/task.h>

enum rbce_controller {
	RBCE_CPU,
	RBCE_CPUACCT,
	RBCE_CPUSET,
	RBCE_MEMORY,
	RBCE_IO, /* "blkio" on v1 */
	RBCE_PIDS,
	RBCE_DEVICES,
	RBCE_FREEZER,
	RBCE_HUGETLB,
	RBCE_NET_CLS,
	RBCE_NET_PRIO,
	RBCE_RDMA,
	RBCE_MISC,
};
enum { RBCE_CONTROLLER_COUNT = RBCE_MISC + 1 };

/* "memory"; IO is "io" here and "blkio" on v1. */
const char *rbce_controller_name(enum rbce_controller controller);

/* Have containers this controller only where rbce_container_use() gave it to them? */
bool rbce_controller_on_demand(enum rbce_controller controller);

struct rbce_mount {
	int version;          /* 1 or 2 */
	char *path;           /* mount point, as seen below the root handle */
	int fd;               /* O_PATH descriptor of the mount point */
	unsigned controllers; /* bit 1 << enum rbce_controller for each controller found here */
	bool on_demand;       /* groups are made only where rbce_container_use() asks for them */
};

#define RBCE_MAX_MOUNTS 16

struct rbce_hierarchy;

/*
 * Finds the mounted hierarchies (through libcgroup) and keeps those that the suite uses. All
 * containers have a group in those with cpu, memory, io, pids, in cpuacct for statistics, the v2
 * tree, and the v1 freezer where there is no v2 tree; in the others only where a limit asks for it.
 * GROUP is the root group's name, a container name. Creates nothing.
 * -ENOENT when no hierarchy is mounted. ROOT must outlive the result. Release with
 * rbce_hierarchy_close().
 */
int rbce_hierarchy_open(const struct rbce_root *root, const char *group,
			struct rbce_hierarchy **ret, struct rbce_error *err);

/* The same over given mounts (version, path, controllers); for fixture trees. */
int rbce_hierarchy_open_mounts(const struct rbce_root *root, const char *group,
			       const struct rbce_mount *mounts, size_t n_mounts,
			       struct rbce_hierarchy **ret, struct rbce_error *err);

/* Takes NULL; returns NULL. Containers opened on it must be closed before. */
struct rbce_hierarchy *rbce_hierarchy_close(struct rbce_hierarchy *h);

const struct rbce_root *rbce_hierarchy_root(const struct rbce_hierarchy *h);
const char *rbce_hierarchy_group(const struct rbce_hierarchy *h);

/* "v1", "v2" or "hybrid". */
const char *rbce_hierarchy_layout(const struct rbce_hierarchy *h);

/* The used mounts, borrowed; *ret_n receives their number. */
const struct rbce_mount *rbce_hierarchy_mounts(const struct rbce_hierarchy *h, size_t *ret_n);

/* The mount of a controller, the v2 mount; borrowed, NULL where there is none. */
const struct rbce_mount *rbce_hierarchy_find(const struct rbce_hierarchy *h,
					     enum rbce_controller controller);
const struct rbce_mount *rbce_hierarchy_unified(const struct rbce_hierarchy *h);

/*
 * From the text of a task's /proc/PID/cgroup: its path in MOUNT ("/rbce/users/alice"), copied to
 * BUF. -ENOENT where the text has no line for that hierarchy, -ENAMETOOLONG.
 */
int rbce_hierarchy_task_path(const struct rbce_hierarchy *h, const struct rbce_mount *mount,
			     const char *proc_cgroup, char *buf, size_t size);

/*
 * From the same text, the name of the container that the task stands in, in a new string ("" for
 * the root group itself). 0 when it stands there in every hierarchy that is not on demand, 1 when
 * in some only (a move is under way or was cut off), -ENOENT when it stands outside the root group.
 */
int rbce_hierarchy_container_of(const struct rbce_hierarchy *h, const char *proc_cgroup,
				char **ret_name);

/*
 * Sets the container and the unit of TASK, from its cgroup: the container where it stands in one in
 * any used hierarchy, else the unit of systemd's ("ssh.service", "session-3.scope"), where that is
 * PID 1. A unit's delegated groups count as the unit. 0 or -errno.
 */
int rbce_hierarchy_place(const struct rbce_hierarchy *h, struct rbce_task *task);

/* The unit of a group's path, in a new string; -ENOENT for none. */
int rbce_hierarchy_unit_of_path(const struct rbce_hierarchy *h, const char *path, char **ret);

/*
 * From the same text, the first group of the task that is not the one of the container NAME, as
 * "/users/bob" on v2 and "memory:/users/bob" on v1, copied to BUF; *ret_mount is its hierarchy.
 * -ENOENT when it stands in NAME in all that are not on demand, -ENAMETOOLONG, -ENOMEM.
 */
int rbce_hierarchy_stray_of(const struct rbce_hierarchy *h, const char *proc_cgroup,
			    const char *name, const struct rbce_mount **ret_mount, char *buf,
			    size_t size);

#endif
