// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Mounts by descriptors: made or copied first, attached where a look-up that cannot leave the root
 * has led to; no path is looked up twice.
 */
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "space.h"
#include "util.h"

static int configure(int fs, const char *option)
{
	const char *equals = strchr(option, '=');
	char key[64];

	if (!equals)
		return fsconfig(fs, FSCONFIG_SET_FLAG, option, NULL, 0);
	snprintf(key, sizeof(key), "%.*s", (int)(equals - option), option);
	return fsconfig(fs, FSCONFIG_SET_STRING, key, equals + 1, 0);
}

int mount_new(const char *type, const char *const *options, uint64_t attributes)
{
	cleanup_close int fs = fsopen(type, FSOPEN_CLOEXEC);
	int fd;

	if (fs < 0)
		return -errno;
	for (; options && *options; options++)
		if (configure(fs, *options) < 0)
			return -errno;
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	fd = fsmount(fs, FSMOUNT_CLOEXEC, (unsigned)attributes);
	return fd < 0 ? -errno : fd;
}

int mount_copy(int dirfd, const char *path)
{
	int fd = open_tree(dirfd, path,
			   OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_EMPTY_PATH);

	return fd < 0 ? -errno : fd;
}

int mount_change(int fd, uint64_t set, uint64_t clear)
{
	struct mount_attr attr = {.attr_set = set, .attr_clr = clear};

	if (!set && !clear)
		return 0;
	return mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) < 0 ? -errno
											    : 0;
}

static int open_in(int root, const char *path, uint64_t flags, mode_t mode)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.mode = flags & O_CREAT ? mode : 0,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	long fd;

	/* Again where something was renamed meanwhile. */
	do
		fd = syscall(SYS_openat2, root, path, &how, sizeof(how));
	while (fd < 0 && errno == EAGAIN);
	return fd < 0 ? -errno : (int)fd;
}

static int make_parent(int root, const char *path, const char *slash)
{
	char above[SPACE_TEXT];

	snprintf(above, sizeof(above), "%.*s", (int)(slash - path), path);
	return mount_target(root, *above ? above : "/", S_IFDIR);
}

int mount_target(int root, const char *path, mode_t mode)
{
	int fd = open_in(root, path, O_PATH, 0);
	const char *slash = strrchr(path, '/');
	cleanup_close int parent = -1, made = -1;

	if (fd != -ENOENT || mode == 0 || !slash)
		return fd;
	parent = make_parent(root, path, slash);
	if (parent < 0)
		return parent;
	if (S_ISDIR(mode) && mkdirat(parent, slash + 1, 0755) < 0 && errno != EEXIST)
		return -errno;
	if (S_ISREG(mode)) {
		made = openat(parent, slash + 1, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
		if (made < 0)
			return -errno;
	}
	return open_in(root, path, O_PATH, 0);
}

int mount_attach(int fd, int target)
{
	return move_mount(fd, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0
		       ? -errno
		       : 0;
}
