// SPDX-License-Identifier: LGPL-2.1-or-later
/* The file systems of a space: its root, /proc, /sys, /dev, what is bound, hidden, read-only. */
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "file.h"
#include "space.h"
#include "util.h"

/* Of the whole machine, and of no use inside. */
static const char *const masked[] =
	{
		"/proc/acpi",        "/proc/asound",        "/proc/kcore",
		"/proc/keys",        "/proc/latency_stats", "/proc/timer_list",
		"/proc/timer_stats", "/proc/sched_debug",   "/proc/scsi",
		"/proc/kmsg",        "/proc/kpagecount",    "/proc/kpageflags",
		"/proc/kpagecgroup", "/sys/firmware",       "/sys/devices/virtual/powercap",
},
			 *const readonly[] = {
				 "/proc/bus",           "/proc/fs", "/proc/irq", "/proc/sys",
				 "/proc/sysrq-trigger",
};

/* What is mounted over before / changes; something that is there on every machine. */
static const char *const stages[] = {"/tmp", "/run", "/mnt"};

static int idmap_fd(pid_t pid)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/user", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int give(struct space_mounts *mounts, const char *path, int userns, struct rbce_error *err)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (unsigned)userns};
	int fd = mounts->n == SPACE_MOUNTS ? -E2BIG : mount_copy(AT_FDCWD, path);

	if (fd < 0)
		return rbce_error_errno(err, fd, "cannot bind '%s'", path);
	mounts->fd[mounts->n++] = fd;
	/* Not what is mounted below: that may be of a kind that cannot. */
	if (userns >= 0 && mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return rbce_error_errno(err, -errno, "cannot map the ids of '%s'", path);
	return 0;
}

void space_mounts_done(struct space_mounts *mounts)
{
	while (mounts->n)
		close(mounts->fd[--mounts->n]);
}

/* What is mounted here cannot be taken apart inside a user namespace; only its owner can. */
static bool gives_root(const struct rbce_space *space)
{
	return space_has_root(space) && space_has_user(space) && space->by_root;
}

int space_give_mounts(const struct rbce_space *space, pid_t pid, struct space_mounts *ret,
		      struct rbce_error *err)
{
	bool has_user = space_has_user(space);
	cleanup_close int userns = has_user ? idmap_fd(pid) : -1;
	struct space_bind bind;
	const char *value;
	size_t i = 0;
	int r = 0;

	if (gives_root(space))
		r = give(ret, space_get(space, SPACE_ROOTFS) ?: "/",
			 space_is(space, SPACE_IDMAP, false) ? userns : -1, err);
	while (r == 0 && (value = space_next(space, SPACE_BIND, &i))) {
		space_parse_bind(value, &bind, NULL);
		if (bind.idmap && !has_user)
			r = rbce_error_set(err, -EINVAL,
					   "cannot map the ids of '%s': there is no user namespace",
					   bind.source);
		else if (bind.idmap)
			r = give(ret, bind.source, userns, err);
	}
	return r;
}

/* The copy of the N-th bind, from outside or made here. */
static int copy_binds(const struct rbce_space *space, struct space_mounts *given, size_t used,
		      struct space_mounts *binds, struct rbce_error *err)
{
	struct space_bind bind;
	const char *value;
	size_t i = 0;

	while ((value = space_next(space, SPACE_BIND, &i))) {
		int fd = -1, r;

		space_parse_bind(value, &bind, NULL);
		if (binds->n == SPACE_MOUNTS)
			return rbce_error_errno(err, -E2BIG, "cannot bind '%s'", bind.source);
		if (bind.idmap && used < given->n)
			fd = TAKE_FD(given->fd[used++]);
		else
			fd = mount_copy(AT_FDCWD, bind.source);
		if (fd < 0)
			return rbce_error_errno(err, fd, "cannot bind '%s'", bind.source);
		binds->fd[binds->n++] = fd;
		r = mount_change(fd, bind.attributes, 0);
		if (r < 0)
			return rbce_error_errno(err, r, "cannot bind '%s'", value);
	}
	return 0;
}

static int attach_binds(const struct rbce_space *space, int root, const struct space_mounts *binds,
			struct rbce_error *err)
{
	struct space_bind bind;
	const char *value;
	size_t i = 0;

	for (size_t n = 0; (value = space_next(space, SPACE_BIND, &i)); n++) {
		cleanup_close int target = -1;
		struct stat st;
		int r;

		space_parse_bind(value, &bind, NULL);
		r = fstat(binds->fd[n], &st) < 0 ? -errno : 0;
		if (r == 0)
			r = target = mount_target(root, bind.target,
						  S_ISDIR(st.st_mode) ? S_IFDIR : S_IFREG);
		if (r >= 0)
			r = mount_attach(binds->fd[n], target);
		if (r < 0)
			return rbce_error_errno(err, r, "cannot bind '%s' to '%s'", bind.source,
						bind.target);
	}
	return 0;
}

static int attach_tmpfs(const struct rbce_space *space, int root, struct rbce_error *err)
{
	struct space_words words;
	const char *value;
	size_t i = 0;

	while ((value = space_next(space, SPACE_TMPFS, &i))) {
		cleanup_close int target = -1, fd = -1;
		int r;

		space_cut(value, " \t", &words);
		words.word[words.n] = NULL;
		r = target = mount_target(root, words.word[0], S_IFDIR);
		if (r >= 0)
			r = fd = mount_new("tmpfs", (const char *const *)words.word + 1,
					   MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
		if (r >= 0)
			r = mount_attach(fd, target);
		if (r < 0)
			return rbce_error_errno(err, r, "cannot mount memory at '%s'", value);
	}
	return 0;
}

/* ---- the root ---- */

static int make_overlay(int stage, int lower, struct rbce_error *err)
{
	static const char *const names[] = {"lower", "upper", "work"};
	char option[3][64], kinds[3][16] = {"lowerdir", "upperdir", "workdir"};
	const char *options[4] = {0};
	int dir[3] = {-1, -1, -1}, r = 0, fd;
	struct stat st;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(names); i++) {
		if (mkdirat(stage, names[i], 0755) < 0)
			r = -errno;
		dir[i] = openat(stage, names[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (r == 0 && i == 0)
			r = mount_attach(lower, dir[0]);
		/* What was attached, not what it covers. */
		snprintf(option[i], sizeof(option[i]), "%s=/proc/self/fd/%d", kinds[i],
			 i == 0 ? lower : dir[i]);
		options[i] = option[i];
	}
	/* The upper layer's root is what / will look like. */
	if (r == 0 && fstat(lower, &st) == 0 && fchmodat(stage, "upper", st.st_mode & 07777, 0) < 0)
		r = -errno;
	fd = r < 0 ? r : mount_new("overlay", options, 0);
	for (size_t i = 0; i < ARRAY_SIZE(dir); i++)
		if (dir[i] >= 0)
			close(dir[i]);
	return fd < 0 ? rbce_error_errno(err, fd, "cannot mount an overlay") : fd;
}

/* Where the new root is attached until it is /: a file system in memory, with a directory. */
static int open_stage(struct rbce_error *err)
{
	cleanup_close int fd = -1, target = -1;
	int r = -ENOENT;

	for (size_t i = 0; target < 0 && i < ARRAY_SIZE(stages); i++)
		target = open(stages[i], O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (target >= 0)
		r = fd = mount_new("tmpfs", NULL, 0);
	if (r >= 0)
		r = mount_attach(fd, target);
	if (r >= 0 && mkdirat(fd, "root", 0755) < 0)
		r = -errno;
	return r < 0 ? rbce_error_errno(err, r, "cannot mount the root's place") : TAKE_FD(fd);
}

/* The new root, attached; the one of outside where the space has none of its own. */
static int make_root(const struct rbce_space *space, struct space_mounts *given, size_t *used,
		     struct rbce_error *err)
{
	const char *path = space_get(space, SPACE_ROOTFS) ?: "/";
	cleanup_close int root = -1, stage = -1, target = -1;
	int r;

	if (!space_has_root(space)) {
		root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
		return root < 0 ? -errno : TAKE_FD(root);
	}
	root = gives_root(space) && given->n ? TAKE_FD(given->fd[(*used)++])
					     : mount_copy(AT_FDCWD, path);
	if (root < 0)
		return rbce_error_errno(err, root, "cannot use rootfs '%s'", path);
	stage = open_stage(err);
	if (stage < 0)
		return stage;
	if (space_is(space, SPACE_OVERLAY, false)) {
		int overlay = make_overlay(stage, root, err);

		if (overlay < 0)
			return overlay;
		close(root);
		root = overlay;
	}
	target = openat(stage, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	r = mount_attach(root, target);
	return r < 0 ? rbce_error_errno(err, r, "cannot attach rootfs '%s'", path) : TAKE_FD(root);
}

static int enter_root(int root, struct rbce_error *err)
{
	if (fchdir(root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
	    umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		return rbce_error_errno(err, -errno, "cannot make the rootfs /");
	return 0;
}

/* ---- what the kernel shows ---- */

static int attach_at(int root, const char *path, int fd, struct rbce_error *err)
{
	cleanup_close int mount = fd, target = -1;
	int r = fd < 0 ? fd : (target = mount_target(root, path, S_IFDIR));

	if (r >= 0)
		r = mount_attach(mount, target);
	return r < 0 ? rbce_error_errno(err, r, "cannot mount '%s'", path) : 0;
}

static bool has_proc(const struct rbce_space *space)
{
	unsigned flags = space_flags(space);

	return space_is(space, SPACE_PROC, space_has_root(space) || flags & CLONE_NEWPID);
}

static int mount_proc(const struct rbce_space *space, int root, struct rbce_error *err)
{
	const uint64_t attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
	const char *value = space_get(space, SPACE_PROC);
	struct space_words words = {.n = 0};

	if (!has_proc(space))
		return 0;
	/* That of a pid namespace of others can only be shown again. */
	if (!(space_flags(space) & CLONE_NEWPID))
		return space_has_root(space)
			       ? attach_at(root, "/proc", mount_copy(AT_FDCWD, "/proc"), err)
			       : 0;
	if (value && !streq(value, "yes"))
		space_cut(value, " \t,", &words);
	words.word[words.n] = NULL;
	return attach_at(root, "/proc",
			 mount_new("proc", (const char *const *)words.word, attributes), err);
}

static int mount_sys(const struct rbce_space *space, int root, struct rbce_error *err)
{
	const uint64_t attributes =
		MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
	int fd, r;

	if (!space_is(space, SPACE_SYS, space_has_root(space)))
		return 0;
	if (space_flags(space) & CLONE_NEWNET)
		return attach_at(root, "/sys", mount_new("sysfs", NULL, attributes), err);
	fd = mount_copy(AT_FDCWD, "/sys");
	r = fd < 0 ? fd : mount_change(fd, attributes, 0);
	if (r == 0)
		return attach_at(root, "/sys", fd, err);
	if (fd >= 0)
		close(fd);
	return rbce_error_errno(err, r, "cannot mount '/sys'");
}

/* Only what belongs to a namespace of its own: all else would be the machine's. */
static bool may_set(const struct rbce_space *space, const char *name)
{
	static const struct {
		const char *prefix;
		unsigned flag;
	} settings[] = {
		{"fs.mqueue.", CLONE_NEWIPC}, {"kernel.msg", CLONE_NEWIPC},
		{"kernel.sem", CLONE_NEWIPC}, {"kernel.shm", CLONE_NEWIPC},
		{"net.", CLONE_NEWNET},
	};

	for (size_t i = 0; i < ARRAY_SIZE(settings); i++)
		if (after_prefix(name, settings[i].prefix))
			return space_flags(space) & settings[i].flag;
	return false;
}

/* Through the /proc of outside, which shows each process its own namespaces. */
static int set_sysctls(const struct rbce_space *space, struct rbce_error *err)
{
	const char *value;
	size_t i = 0;

	while ((value = space_next(space, SPACE_SYSCTL, &i))) {
		const char *equals = strchr(value, '=');
		char path[SPACE_TEXT];
		int n = snprintf(path, sizeof(path), "/proc/sys/%.*s", (int)(equals - value),
				 value);
		int r = may_set(space, value) ? 0 : -EINVAL;

		if (r < 0)
			return rbce_error_set(err, r,
					      "cannot set '%s': it is not a setting of the "
					      "container's own namespaces",
					      value);
		for (char *p = path + strlen("/proc/sys/"); p < path + n; p++)
			*p = *p == '.' ? '/' : *p;
		r = file_write_at(AT_FDCWD, path, equals + 1);
		if (r < 0)
			return rbce_error_errno(err, r, "cannot set '%s'", value);
	}
	return 0;
}

/* What is not there needs no cover. */
static int cover(int root, const char *path, bool hide, struct rbce_error *err)
{
	cleanup_close int target = mount_target(root, path, 0), fd = -1;
	const char *const empty[] = {"size=0k", "mode=555", NULL};
	struct stat st;
	int r;

	if (target < 0 || fstat(target, &st) < 0)
		return 0;
	if (!hide)
		r = fd = mount_copy(target, "");
	else if (S_ISDIR(st.st_mode))
		r = fd = mount_new("tmpfs", empty, 0);
	else
		r = fd = mount_copy(AT_FDCWD, "/dev/null");
	if (r >= 0)
		r = mount_change(fd, S_ISDIR(st.st_mode) || !hide ? MOUNT_ATTR_RDONLY : 0, 0);
	if (r >= 0)
		r = mount_attach(fd, target);
	return r < 0 ? rbce_error_errno(err, r, "cannot cover '%s'", path) : 0;
}

/* The root itself, and not what is mounted below. */
static int seal(int root, struct rbce_error *err)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};

	if (mount_setattr(root, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return rbce_error_errno(err, -errno, "cannot make the root read-only");
	return 0;
}

static int cover_all(const struct rbce_space *space, int root, struct rbce_error *err)
{
	const char *value;
	size_t i = 0;
	int r = 0;

	/* Over the host's own /proc nothing is laid. */
	if (has_proc(space) && space_flags(space) & CLONE_NEWNS) {
		for (size_t k = 0; r == 0 && k < ARRAY_SIZE(masked); k++)
			r = cover(root, masked[k], true, err);
		for (size_t k = 0; r == 0 && k < ARRAY_SIZE(readonly); k++)
			r = cover(root, readonly[k], false, err);
	}
	while (r == 0 && (value = space_next(space, SPACE_MASK, &i)))
		r = cover(root, value, true, err);
	for (i = 0; r == 0 && (value = space_next(space, SPACE_READONLY, &i));)
		r = streq(value, "/") && space_has_root(space) ? seal(root, err)
							       : cover(root, value, false, err);
	return r;
}

static int mount_below(const struct rbce_space *space, int root, const struct space_mounts *binds,
		       struct rbce_error *err)
{
	int r = mount_proc(space, root, err);

	if (r == 0)
		r = mount_sys(space, root, err);
	if (r == 0 && space_is(space, SPACE_DEV, space_has_root(space)))
		r = space_make_dev(space, root, err);
	if (r == 0)
		r = attach_tmpfs(space, root, err);
	if (r == 0)
		r = attach_binds(space, root, binds, err);
	return r < 0 ? r : cover_all(space, root, err);
}

int space_mount_all(const struct rbce_space *space, struct space_mounts *given,
		    struct rbce_error *err)
{
	struct space_mounts binds = {.n = 0};
	cleanup_close int root = -1;
	size_t used = 0;
	int r = set_sysctls(space, err);

	if (r < 0 || !(space_flags(space) & CLONE_NEWNS))
		return r;
	/* Nothing that is mounted on either side is to be seen on the other. */
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return rbce_error_errno(err, -errno, "cannot make mounts private");
	/* Before the stage covers what they may come from. */
	r = copy_binds(space, given, gives_root(space), &binds, err);
	if (r == 0)
		r = root = make_root(space, given, &used, err);
	if (r >= 0)
		r = mount_below(space, root, &binds, err);
	if (r == 0 && space_has_root(space))
		r = enter_root(root, err);
	space_mounts_done(&binds);
	return r;
}
