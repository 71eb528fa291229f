// SPDX-License-Identifier: GPL-2.0-or-later
/* From a process's group up to the top of the hierarchy; see ancestors.h. */
#include "ancestors.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "file.h"
#include "util.h"

/* How a hierarchy is mounted: which group is at the mount point, seen from the reader's namespace.
 */
struct view {
	char top[PATH_MAX];
	bool recursive;
};

/* Does LINE of mountinfo describe the mount at POINT? Then its root and options go to V. */
static bool read_line(const char *line, const char *point, struct view *v)
{
	char top[PATH_MAX], at[PATH_MAX];
	const char *options;

	/* ID PARENT MAJOR:MINOR ROOT MOUNTPOINT OPTIONS [TAGS] - TYPE SOURCE SUPEROPTIONS */
	if (sscanf(line, "%*s %*s %*s %4095s %4095s", top, at) != 2 || !streq(at, point))
		return false;
	options = strstr(line, " - ");
	snprintf(v->top, sizeof(v->top), "%s", top);
	v->recursive = options && strstr(options, "memory_recursiveprot");
	return true;
}

static void read_view(const struct rbce_root *root, const struct rbce_mount *mount, struct view *v)
{
	cleanup_free char *text = NULL;

	*v = (struct view){.top = "/"};
	if (file_read_all_at(rbce_root_fd(root), "proc/self/mountinfo", &text) < 0)
		return;
	/* The last mount on a point is the one that is seen. */
	for (char *save, *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		read_line(line, mount->path, v);
}

/* Where the group PATH lies below the mount point, to BUF; false when it is not below. */
static bool below_mount(const char *path, const char *top, char *buf, size_t size)
{
	const char *rest = streq(top, "/") ? path : after_prefix(path, top);

	/* What lies outside the reader's namespace is told as "/..". */
	if (after_prefix(path, "/..") || after_prefix(top, "/.."))
		return false;
	if (!rest || (*rest && *rest != '/'))
		return false;
	snprintf(buf, size, "%s", *rest ? rest : "/");
	return true;
}

/* Cuts the last part of PATH off; false at "/". */
static bool go_up(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash || path[1] == '\0')
		return false;
	slash[slash == path] = '\0';
	return true;
}

int ancestors_walk(const struct subject *s, enum rbce_controller controller, ancestors_fn *function,
		   void *data, bool *ret_hidden)
{
	const struct rbce_mount *mount = s->h ? rbce_hierarchy_find(s->h, controller) : NULL;
	char own[PATH_MAX], path[PATH_MAX];
	struct ancestor group = {.path = path, .own = true};
	struct view view;
	int r, first = 0;

	*ret_hidden = false;
	r = mount ? rbce_hierarchy_task_path(s->h, mount, s->cgroup, own, sizeof(own)) : -ENOENT;
	if (r < 0)
		return r == -ENOENT ? -EOPNOTSUPP : r;
	read_view(s->root, mount, &view);
	group.version = mount->version;
	group.recursive = view.recursive;
	*ret_hidden = s->in_namespace || !streq(view.top, "/");
	if (!below_mount(own, view.top, path, sizeof(path))) {
		*ret_hidden = true;
		return 0;
	}
	do {
		const char *name = path[1] ? path + 1 : ".";
		cleanup_close int dir = openat(mount->fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);

		group.dir = dir;
		if (dir >= 0)
			function(&group, data);
		else if (first == 0)
			first = -errno;
		group.own = false;
	} while (go_up(path));
	return first;
}
