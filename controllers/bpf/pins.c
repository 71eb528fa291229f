// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The programs of net.bpf.c loaded, and kept in the BPF file system; see pins.h.
 *
 *   /sys/fs/bpf/rbce/ROOT/rules-1, counts-1, paced-1        maps, by the version of their layout
 *   /sys/fs/bpf/rbce/ROOT/programs-HASH/rbce_connect4, ...  programs, by their code
 */
#include "pins.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "capability.h"
#include "complaint.h"
#include "controllers/bpf/net.skel.h"
#include "layout.h"
#include "util.h"

#define BPFFS "/sys/fs/bpf"
#define TOP   BPFFS "/rbce"

/* Beside the others until it is complete. */
#define UNFINISHED "new"

static const char *const names[PIN_COUNT] = {
	[PIN_CONNECT4] = "rbce_connect4", [PIN_CONNECT6] = "rbce_connect6",
	[PIN_SENDMSG4] = "rbce_sendmsg4", [PIN_SENDMSG6] = "rbce_sendmsg6",
	[PIN_BIND4] = "rbce_bind4",       [PIN_BIND6] = "rbce_bind6",
	[PIN_INGRESS] = "rbce_ingress",   [PIN_EGRESS] = "rbce_egress",
	[PIN_PACE] = "rbce_pace",         [PIN_RULES] = "rules",
	[PIN_COUNTS] = "counts",          [PIN_PACED] = "paced",
};

const char *pins_name(enum pin pin)
{
	return names[pin];
}

/* ---- paths ---- */

/* Over the programs as they were built. */
static uint64_t programs_hash(void)
{
	size_t size;
	const void *bytes = net_bpf__elf_bytes(&size);

	return hash_bytes(HASH_BEGIN, bytes, size);
}

/* The BPF file system has no dots in its names; '%' is what stands for them. */
static int root_path(const char *root, char *buf, size_t size)
{
	size_t n = (size_t)snprintf(buf, size, TOP "/");

	for (const char *p = root; *p && n < size; p++)
		n += (size_t)snprintf(buf + n, size - n, *p == '.' || *p == '%' ? "%%%02X" : "%c",
				      (unsigned char)*p);
	return n < size ? 0 : -ENAMETOOLONG;
}

static void programs_name(char *buf, size_t size)
{
	static uint64_t hash;

	if (!hash)
		hash = programs_hash();
	snprintf(buf, size, "programs-%016" PRIx64, hash);
}

/* Of a pin, from the root's directory. */
static void pin_name(enum pin pin, char *buf, size_t size)
{
	bool is_map = pin >= PIN_RULES;
	char programs[64];

	programs_name(programs, sizeof(programs));
	snprintf(buf, size, "%s%s%s%s", is_map ? "" : programs, is_map ? "" : "/", names[pin],
		 is_map ? "-" NET_LAYOUT : "");
}

int pins_open(const char *root, enum pin pin)
{
	char directory[PATH_MAX - 128], name[128], path[PATH_MAX];
	int r = root_path(root, directory, sizeof(directory));

	if (r < 0)
		return r;
	pin_name(pin, name, sizeof(name));
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	r = bpf_obj_get(path);
	return r < 0 ? -errno : r;
}

/* ---- what the system must have ---- */

int pins_supported(struct rbce_error *err)
{
	if (!has_capability(CAP_SYS_ADMIN) || !has_capability(CAP_NET_ADMIN))
		return rbce_error_set(err, -EPERM, "it takes CAP_SYS_ADMIN and CAP_NET_ADMIN");
	if (access(BPFFS, F_OK) < 0)
		return rbce_error_set(err, -EOPNOTSUPP, "it needs BPF, which this kernel has not");
	return 0;
}

/* Where nobody has mounted it, which systemd does, it is mounted where everybody looks for it. */
static int mount_bpffs(struct rbce_error *err)
{
	struct statfs fs;

	if (statfs(BPFFS, &fs) == 0 && fs.f_type == BPF_FS_MAGIC)
		return 0;
	if (mount("bpf", BPFFS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") < 0)
		return rbce_error_errno(err, -errno, "it needs the BPF file system on " BPFFS);
	return 0;
}

static int make_directories(const char *path, struct rbce_error *err)
{
	char part[PATH_MAX];

	snprintf(part, sizeof(part), "%s", path);
	for (char *slash = strchr(part + strlen(BPFFS) + 1, '/');; slash = strchr(slash + 1, '/')) {
		if (slash)
			*slash = '\0';
		if (mkdir(part, 0700) < 0 && errno != EEXIST)
			return rbce_error_errno(err, -errno, "'%s' cannot be made", part);
		if (!slash)
			return 0;
		*slash = '/';
	}
}

/* ---- removing ---- */

static void remove_tree(int dirfd, const char *name, const char *keep)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	cleanup_dir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	size_t kept = keep ? strlen(keep) : 0;

	while (dir && (entry = readdir(dir))) {
		size_t length = strlen(entry->d_name);

		if (entry->d_name[0] == '.' ||
		    (keep && length >= kept && streq(entry->d_name + length - kept, keep)))
			continue;
		if (unlinkat(fd, entry->d_name, 0) < 0)
			remove_tree(fd, entry->d_name, NULL);
	}
	if (!keep)
		unlinkat(dirfd, name, AT_REMOVEDIR);
}

void pins_remove(const char *root)
{
	char path[PATH_MAX];

	if (root_path(root, path, sizeof(path)) < 0)
		return;
	remove_tree(AT_FDCWD, path, NULL);
	/* Those above, where they are empty. */
	for (char *slash; (slash = strrchr(path, '/')) && slash > path + strlen(BPFFS);) {
		*slash = '\0';
		if (rmdir(path) < 0)
			break;
	}
}

/* ---- loading ---- */

static bool may_see_devices(void)
{
	struct btf *types = btf__load_vmlinux_btf();
	int id = btf__find_by_name_kind(types, "bpf_cast_to_kern_ctx", BTF_KIND_FUNC);

	btf__free(types);
	return id >= 0;
}

/* The maps are taken from their pins where there are any, and pinned where not. */
static int load(const char *directory, bool sees_devices, struct net_bpf **ret)
{
	struct net_bpf *net = net_bpf__open();
	int r = net ? 0 : -errno;

	for (enum pin pin = PIN_PROGRAMS; r == 0 && pin < PIN_COUNT; pin++) {
		struct bpf_map *map = bpf_object__find_map_by_name(net->obj, names[pin]);
		char path[PATH_MAX], name[64];

		pin_name(pin, name, sizeof(name));
		snprintf(path, sizeof(path), "%s/%s", directory, name);
		r = bpf_map__set_pin_path(map, path);
	}
	if (r == 0) {
		net->rodata->sees_devices = sees_devices;
		r = net_bpf__load(net);
	}
	if (r < 0) {
		net_bpf__destroy(net);
		return r;
	}
	*ret = net;
	return 0;
}

/* All at once, so that whoever finds some of them finds all. */
static int pin_programs(const char *directory, int dirfd, struct net_bpf *net)
{
	char path[PATH_MAX], programs[64];
	int r = 0;

	programs_name(programs, sizeof(programs));
	if (mkdirat(dirfd, UNFINISHED, 0700) < 0)
		return -errno;
	for (enum pin pin = 0; r == 0 && pin < PIN_PROGRAMS; pin++) {
		snprintf(path, sizeof(path), "%s/" UNFINISHED "/%s", directory, names[pin]);
		r = bpf_program__pin(bpf_object__find_program_by_name(net->obj, names[pin]), path);
	}
	if (r == 0 && renameat(dirfd, UNFINISHED, dirfd, programs) < 0)
		r = -errno;
	return r;
}

static int load_and_pin(const char *directory, int dirfd, struct rbce_error *err)
{
	libbpf_print_fn_t before = complaint_listen(NULL);
	bool sees_devices = may_see_devices();
	struct net_bpf *net = NULL;
	int r;

	r = load(directory, sees_devices, &net);
	/* Some kernels have the function, and do not let these programs call it. */
	if (r < 0 && sees_devices)
		r = load(directory, false, &net);
	if (r == 0)
		r = pin_programs(directory, dirfd, net);
	net_bpf__destroy(net);
	libbpf_set_print(before);
	return r < 0 ? rbce_error_errno(err, r, "the kernel takes no programs for it (%s)",
					one_line(complaint_first()))
		     : 0;
}

int pins_prepare(const char *root, struct rbce_error *err)
{
	char directory[PATH_MAX - 128], programs[64];
	cleanup_close int dirfd = -1;
	int r;

	r = pins_supported(err);
	if (r == 0)
		r = mount_bpffs(err);
	if (r < 0)
		return r;
	r = root_path(root, directory, sizeof(directory));
	if (r < 0)
		return rbce_error_errno(err, r, "the root's name");
	r = make_directories(directory, err);
	if (r < 0)
		return r;
	dirfd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0 || flock(dirfd, LOCK_EX) < 0)
		return rbce_error_errno(err, -errno, "'%s' cannot be opened", directory);
	programs_name(programs, sizeof(programs));
	if (faccessat(dirfd, programs, F_OK, 0) < 0) {
		remove_tree(AT_FDCWD, directory, "-" NET_LAYOUT);
		r = load_and_pin(directory, dirfd, err);
	}
	return r < 0 ? r : TAKE_FD(dirfd);
}
