// SPDX-License-Identifier: GPL-2.0-or-later
/* Any text as /proc/PID/cgroup: a name that comes out of it lies below the root group. */
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct rbce_hierarchy *h;
	char *text = strndup((const char *)data, size), *name = NULL;

	if (!h)
		h = open_mounts();
	if (text && rbce_hierarchy_container_of(h, text, &name) >= 0 && !strstr(text, "/r/bce"))
		abort();
	free(name);
	free(text);
	return 0;
}
