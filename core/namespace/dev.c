// SPDX-License-Identifier: LGPL-2.1-or-later
/* A /dev of the space's own: few devices, terminals of its own, memory, message queues. */
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "space.h"
#include "util.h"

static const char *const devices[] = {"null", "zero", "full", "random", "urandom", "tty", "rtc0"};

static const struct {
	const char *name, *to;
} links[] = {
	{"fd", "/proc/self/fd"},       {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"},
	{"stderr", "/proc/self/fd/2"}, {"ptmx", "pts/ptmx"},         {"rtc", "rtc0"},
};

/* The device PATH of outside as NAME: made where that is allowed, else the one of outside itself.
 */
static int add_device(int dev, const char *path, const char *name, struct rbce_error *err)
{
	cleanup_close int copy = -1, target = -1;
	struct stat st;
	int r;

	if (stat(path, &st) < 0)
		return rbce_error_errno(err, -errno, "cannot find device '%s'", path);
	if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
		return rbce_error_set(err, -ENODEV, "cannot use '%s': it is no device", path);
	if (mknodat(dev, name, st.st_mode, st.st_rdev) == 0)
		return fchmodat(dev, name, st.st_mode & 0777, 0) < 0 ||
				       fchownat(dev, name, st.st_uid, st.st_gid, 0) < 0
			       ? rbce_error_errno(err, -errno, "cannot make device '%s'", path)
			       : 0;
	target = openat(dev, name, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	if (target < 0)
		return rbce_error_errno(err, -errno, "cannot make device '%s'", path);
	copy = mount_copy(AT_FDCWD, path);
	r = copy < 0 ? copy : mount_attach(copy, target);
	return r < 0 ? rbce_error_errno(err, r, "cannot make device '%s'", path) : 0;
}

static int add_kmsg(const struct rbce_space *space, int dev, struct rbce_error *err)
{
	cleanup_close int target = openat(dev, "kmsg", O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	int r = target < 0 ? -errno : mount_attach(space->kmsg, target);

	return r < 0 ? rbce_error_errno(err, r, "cannot make '/dev/kmsg'") : 0;
}

int space_make_kmsg(int *ret_file, struct rbce_error *err)
{
	cleanup_close int file = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char fd[32];
	const char *const options[] = {fd,           "rootmode=100666", "user_id=0",
				       "group_id=0", "allow_other",     NULL};
	int mount;

	if (file < 0)
		return rbce_error_errno(err, -errno, "cannot make '/dev/kmsg': '/dev/fuse'");
	snprintf(fd, sizeof(fd), "fd=%d", file);
	mount = mount_new("fuse", options,
			  MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODEV);
	if (mount < 0)
		return rbce_error_errno(err, mount, "cannot make '/dev/kmsg'");
	*ret_file = TAKE_FD(file);
	return mount;
}

static int add_mount(int dev, const char *name, const char *type, const char *const *options,
		     struct rbce_error *err)
{
	cleanup_close int fd = -1, target = -1;
	int r;

	if (mkdirat(dev, name, 0755) < 0)
		return rbce_error_errno(err, -errno, "cannot make '/dev/%s'", name);
	target = openat(dev, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	fd = mount_new(type, options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	r = fd < 0 ? fd : mount_attach(fd, target);
	return r < 0 ? rbce_error_errno(err, r, "cannot mount %s at '/dev/%s'", type, name) : 0;
}

static int add_devices(const struct rbce_space *space, int dev, struct rbce_error *err)
{
	const char *path;
	size_t i = 0;
	int r = 0;

	for (size_t k = 0; r == 0 && k < ARRAY_SIZE(devices); k++) {
		char outside[32];

		snprintf(outside, sizeof(outside), "/dev/%s", devices[k]);
		/* Not every machine has a clock. */
		if (access(outside, F_OK) == 0)
			r = add_device(dev, outside, devices[k], err);
	}
	while (r == 0 && (path = space_next(space, SPACE_DEVICE, &i)))
		r = add_device(dev, path, strrchr(path, '/') + 1, err);
	for (size_t k = 0; r == 0 && k < ARRAY_SIZE(links); k++)
		if (symlinkat(links[k].to, dev, links[k].name) < 0)
			r = rbce_error_errno(err, -errno, "cannot link '/dev/%s'", links[k].name);
	return r;
}

int space_make_dev(const struct rbce_space *space, int root, struct rbce_error *err)
{
	static const char *const dev_options[] = {"mode=755", "size=64k", NULL},
				 *const pts_options[] = {"newinstance", "ptmxmode=0666",
							 "mode=0620", NULL},
				 *const shm_options[] = {"mode=1777", NULL};
	cleanup_close int target = mount_target(root, "/dev", S_IFDIR), dev = -1;
	int r = target;

	if (r >= 0)
		r = dev = mount_new("tmpfs", dev_options, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
	if (r >= 0)
		r = mount_attach(dev, target);
	if (r < 0)
		return rbce_error_errno(err, r, "cannot mount '/dev'");
	r = add_mount(dev, "pts", "devpts", pts_options, err);
	if (r == 0)
		r = add_mount(dev, "shm", "tmpfs", shm_options, err);
	/* Without an IPC namespace of its own, queues are those of outside. */
	if (r == 0 && space_flags(space) & CLONE_NEWIPC)
		r = add_mount(dev, "mqueue", "mqueue", NULL, err);
	if (r == 0 && space->kmsg)
		r = add_kmsg(space, dev, err);
	return r < 0 ? r : add_devices(space, dev, err);
}
