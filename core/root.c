// SPDX-License-Identifier: LGPL-2.1-or-later
/* The directory under which /proc and /sys are looked up; see rbce/root.h. */
#include <rbce/root.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "util.h"

struct rbce_root {
	int fd;
	bool live;
};

int rbce_root_open(const char *prefix, struct rbce_root **ret, struct rbce_error *err)
{
	cleanup_free struct rbce_root *root = calloc(1, sizeof(*root));

	if (!root)
		return rbce_error_errno(err, -ENOMEM, "cannot open root");
	root->live = !prefix || streq(prefix, "/");
	root->fd = open(root->live ? "/" : prefix, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root->fd < 0)
		return rbce_error_errno(err, -errno, "cannot open '%s'", prefix ? prefix : "/");
	*ret = TAKE_PTR(root);
	return 0;
}

struct rbce_root *rbce_root_close(struct rbce_root *root)
{
	if (root) {
		close(root->fd);
		free(root);
	}
	return NULL;
}

bool rbce_root_is_live(const struct rbce_root *root)
{
	return root->live;
}

int rbce_root_fd(const struct rbce_root *root)
{
	return root->fd;
}

int rbce_root_openat(const struct rbce_root *root, const char *path, int flags)
{
	int fd;

	while (*path == '/')
		path++;
	fd = openat(root->fd, *path ? path : ".", flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
