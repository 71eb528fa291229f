// SPDX-License-Identifier: GPL-2.0-or-later
/* Any text as /proc/PID/cgroup: a name that comes out of it lies below the root group. */
#include <errno.h>
#include <rbce/hierarchy.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Mounts need only exist; nothing of them is read. */
static struct rbce_hierarchy *open_mounts(void)
{
	static const struct rbce_mount mounts[] = {
		{.version = 2, .path = (char *)"/"},
		{.version = 1, .path = (char *)"/", .controllers = 1U << RBCE_MEMORY},
		{.version = 1,
		 .path = (char *)"/",
		 .controllers = 1U << RBCE_CPU | 1U << RBCE_CPUACCT},
	};
	static struct rbce_root *root;
	struct rbce_hierarchy *h;

	if (rbce_root_open(NULL, &root, NULL) < 0 ||
	    rbce_hierarchy_open_mounts(root, "r/bce", mounts, 3, &h, NULL) < 0)
		abort();
	return h;
}

/* What stands in a container everywhere strays from it nowhere. */
static void check_places(const struct rbce_hierarchy *h, const char *text, const char *name)
{
	struct rbce_task task = {.cgroup = strdup(text)};
	const struct rbce_mount *mount;
	char found[4096];

	if (!task.cgroup)
		return;
	if (rbce_hierarchy_place(h, &task) == 0 && name) {
		int r = rbce_hierarchy_stray_of(h, text, name, &mount, found, sizeof(found));

		if (task.unit || !task.container || (r == -ENOENT) == task.split)
			abort();
	}
	rbce_task_done(&task);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct rbce_hierarchy *h;
	char *text = strndup((const char *)data, size), *name = NULL;

	if (!h)
		h = open_mounts();
	if (text && rbce_hierarchy_container_of(h, text, &name) >= 0 && !strstr(text, "/r/bce"))
		abort();
	if (text)
		check_places(h, text, name);
	free(name);
	free(text);
	return 0;
}
