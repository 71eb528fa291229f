// SPDX-License-Identifier: LGPL-2.1-or-later
/* Which unit of systemd's a task stands in; see rbce/hierarchy.h. */
#include <errno.h>
#include <fcntl.h>

#include "hierarchy.h"
#include "util.h"

/* What sd_booted(3) looks for: a process's name tells nothing. */
bool systemd_runs(const struct rbce_root *root)
{
	cleanup_close int fd = rbce_root_openat(root, "/run/systemd/system", O_PATH | O_DIRECTORY);

	return fd >= 0;
}

/* Is the part of a path the group of a unit that has processes? A slice has none of its own. */
static bool is_unit(const char *part, size_t n)
{
	static const char *const kinds[] = {".service", ".scope", ".socket", ".mount", ".swap"};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		size_t length = strlen(kinds[i]);

		if (n > length && memcmp(part + n - length, kinds[i], length) == 0)
			return true;
	}
	return false;
}

int rbce_hierarchy_unit_of_path(const struct rbce_hierarchy *h, const char *path, char **ret)
{
	const char *unit = NULL;
	size_t size = 0;

	for (const char *p = path; h->systemd && *p;) {
		size_t n = strcspn(p, "/");

		if (is_unit(p, n)) {
			unit = p;
			size = n;
		}
		p += n + (p[n] == '/');
	}
	if (!unit)
		return -ENOENT;
	*ret = strndup(unit, size);
	return *ret ? 0 : -ENOMEM;
}

/* The path of the line "ID:LIST:PATH" whose list is LIST, cut at its end; NULL for none. */
static char *path_of(const char *proc_cgroup, const char *list)
{
	for (const char *line = proc_cgroup; *line;) {
		size_t n = strcspn(line, "\n");
		const char *colon = memchr(line, ':', n);
		const char *path = colon ? after_prefix(colon + 1, list) : NULL;

		if (path && *path == ':')
			return strndup(path + 1, n - (size_t)(path + 1 - line));
		line += n + (line[n] == '\n');
	}
	return NULL;
}

int rbce_hierarchy_place(const struct rbce_hierarchy *h, struct rbce_task *task)
{
	cleanup_free char *path = NULL;
	int r = rbce_hierarchy_container_of(h, task->cgroup, &task->container);

	task->split = r == 1;
	/* What stands in a container was taken already. */
	if (r != -ENOENT || !h->systemd)
		return r < 0 && r != -ENOENT ? r : 0;
	/* Its own hierarchy, where cgroup v1 has one; else v2. */
	path = path_of(task->cgroup, "name=systemd") ?: path_of(task->cgroup, "");
	r = path ? rbce_hierarchy_unit_of_path(h, path, &task->unit) : -ENOENT;
	return r == -ENOENT ? 0 : r;
}
