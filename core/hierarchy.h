/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What container.c needs of a hierarchy beyond rbce/hierarchy.h. Internal. */
#ifndef CORE_HIERARCHY_H
#define CORE_HIERARCHY_H

#include <rbce/hierarchy.h>

struct rbce_hierarchy {
	const struct rbce_root *root;
	char *group;
	struct rbce_mount mounts[RBCE_MAX_MOUNTS];
	size_t n_mounts;
	bool systemd; /* is it PID 1? */
};

/* systemd.c */
bool systemd_runs(const struct rbce_root *root);

/* The child that holds a container's own tasks where its group may not (cgroup v2). */
#define LEAF "leaf"

/* Controllers that groups have only where a limit asks for them, as bits. */
extern const unsigned hierarchy_on_demand;

/* Index of the mount with CONTROLLER, of the v2 mount; -1 for none. */
int hierarchy_index(const struct rbce_hierarchy *h, enum rbce_controller controller);
int hierarchy_unified_index(const struct rbce_hierarchy *h);

#endif
