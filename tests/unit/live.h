/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Containers in this machine's own cgroups, for tests that need a real kernel. */
#ifndef TESTS_UNIT_LIVE_H
#define TESTS_UNIT_LIVE_H

#include <rbce/container.h>
#include <stdbool.h>

#include "harness.h"

static struct rbce_root *root;
static struct rbce_hierarchy *h;

/* Opens a root group of this process's own. False where this machine has no cgroups for us. */
static inline HARNESS_UNUSED bool open_live(void)
{
	char group[32];

	snprintf(group, sizeof(group), "rbce-test-%d", getpid());
	ck_assert_int_eq(rbce_root_open(NULL, &root, NULL), 0);
	if (geteuid() == 0 && rbce_hierarchy_open(root, group, &h, NULL) == 0)
		return true;
	root = rbce_root_close(root);
	return false;
}

static inline HARNESS_UNUSED struct rbce_container *open_container(const char *name)
{
	struct rbce_container *c;
	struct rbce_error err = {0};
	int r = rbce_container_open(h, name, RBCE_CONTAINER_CREATE, &c, &err);

	ck_assert_msg(r == 0, "%s", err.message);
	return c;
}

/* Ends and removes everything below the root group, and the group. */
static inline HARNESS_UNUSED void close_live(void)
{
	struct rbce_container *all = open_container("");
	struct rbce_error err = {0};

	ck_assert_msg(rbce_container_kill(all, &err) == 0, "%s", err.message);
	ck_assert_msg(rbce_container_remove(all, &err) == 0, "%s", err.message);
	rbce_container_close(all);
	h = rbce_hierarchy_close(h);
	root = rbce_root_close(root);
}

#endif
