// SPDX-License-Identifier: GPL-2.0-or-later
/* Block devices as people name them: by number, by path, or by a file system that lies on one. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <rbce/units.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "file.h"
#include "internal.h"
#include "util.h"

enum { NESTED_MAX = 16 };

/* "254:0" and no more. */
static bool parse_number(const char *text, unsigned *ret_major, unsigned *ret_minor)
{
	char copy[16], *colon;
	uint64_t device_major, device_minor;

	if ((size_t)snprintf(copy, sizeof(copy), "%s", text) >= sizeof(copy))
		return false;
	colon = strchr(copy, ':');
	if (!colon)
		return false;
	*colon = '\0';
	/* The kernel has 12 bits for the one and 20 for the other. */
	if (rbce_parse_number(copy, 0, (1U << 12) - 1, &device_major) < 0 ||
	    rbce_parse_number(colon + 1, 0, (1U << 20) - 1, &device_minor) < 0)
		return false;
	*ret_major = (unsigned)device_major;
	*ret_minor = (unsigned)device_minor;
	return true;
}

/* A mount as people would look for it. */
struct mounted {
	char type[32];        /* "tmpfs", "" where unknown */
	char on[PATH_MAX];    /* what it is made from: "/dev/vda2", "overlay" */
	char upper[PATH_MAX]; /* overlay: the folder that is written to */
};

/* An option's value, up to the next comma, to BUF. */
static void read_option(const char *options, const char *name, char *buf, size_t size)
{
	const char *at = options ? strstr(options, name) : NULL;

	*buf = '\0';
	if (at)
		snprintf(buf, size, "%.*s", (int)strcspn(at + strlen(name), ",\n"),
			 at + strlen(name));
}

/* The mount of the file system with the device number MAJOR:MINOR. */
static void find_mount(unsigned device_major, unsigned device_minor, struct mounted *ret)
{
	cleanup_free char *text = NULL;
	char wanted[32];

	*ret = (struct mounted){.type = ""};
	snprintf(wanted, sizeof(wanted), "%u:%u", device_major, device_minor);
	if (file_read_all_at(AT_FDCWD, "/proc/self/mountinfo", &text) < 0)
		return;
	/* ID PARENT MAJOR:MINOR ROOT MOUNTPOINT OPTIONS [TAGS] - TYPE SOURCE OPTIONS */
	for (char *save, *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		const char *dash = strstr(line, " - ");
		char number[32];

		if (!dash || sscanf(line, "%*s %*s %31s", number) != 1 || !streq(number, wanted))
			continue;
		sscanf(dash, " - %31s %4095s", ret->type, ret->on);
		read_option(dash, "upperdir=", ret->upper, sizeof(ret->upper));
		return;
	}
}

static bool is_block_device(unsigned device_major, unsigned device_minor)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u", device_major, device_minor);
	return access(path, F_OK) == 0;
}

static int no_device(const char *text, struct rbce_error *err)
{
	char quoted[QUOTED_SIZE];

	return rbce_error_set(err, -ENODEV, "device '%s' does not exist",
			      amount_quote(text, quoted));
}

/* A file system that has made up a number of its own (btrfs, overlay) says what it lies on. */
static bool look_below(const struct mounted *m, dev_t *ret)
{
	struct stat st;

	if (m->on[0] == '/' && stat(m->on, &st) == 0 && S_ISBLK(st.st_mode))
		*ret = st.st_rdev;
	else if (*m->upper && stat(m->upper, &st) == 0)
		*ret = st.st_dev;
	else
		return false;
	return is_block_device(major(*ret), minor(*ret));
}

static int resolve_path(const char *path, unsigned *ret_major, unsigned *ret_minor,
			struct rbce_error *err)
{
	char quoted[QUOTED_SIZE];
	struct mounted mounted;
	struct stat st;
	dev_t device;

	amount_quote(path, quoted);
	if (stat(path, &st) < 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return no_device(path, err);
		return rbce_error_errno(err, -errno, "device '%s' cannot be read", quoted);
	}
	if (S_ISCHR(st.st_mode))
		return rbce_error_set(err, -EINVAL, "'%s' is not a block device", quoted);
	device = S_ISBLK(st.st_mode) ? st.st_rdev : st.st_dev;
	if (!is_block_device(major(device), minor(device))) {
		if (S_ISBLK(st.st_mode))
			return no_device(path, err);
		find_mount(major(device), minor(device), &mounted);
		if (!look_below(&mounted, &device))
			return rbce_error_set(err, -ENODEV,
					      "'%s' is on a file system without a block "
					      "device%s%s; name a device",
					      quoted, *mounted.type ? ": " : "", mounted.type);
	}
	*ret_major = major(device);
	*ret_minor = minor(device);
	return 0;
}

/* A partition's directory in /sys lies in that of its disk. */
static int disk_of_partition(unsigned *device_major, unsigned *device_minor)
{
	char path[64], text[32];
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/partition", *device_major,
		 *device_minor);
	if (access(path, F_OK) < 0)
		return 0;
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/../dev", *device_major, *device_minor);
	n = file_read_at(AT_FDCWD, path, text, sizeof(text));
	if (n < 0)
		return (int)n;
	return parse_number(text, device_major, device_minor) ? 0 : -EBADMSG;
}

/* The device of the file that a loop device shows; false for any other, or a file of no disk. */
static bool below_loop(unsigned *device_major, unsigned *device_minor)
{
	char path[64], file[PATH_MAX];
	struct stat st;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/loop/backing_file", *device_major,
		 *device_minor);
	if (file_read_at(AT_FDCWD, path, file, sizeof(file)) < 0 || stat(file, &st) < 0)
		return false;
	return resolve_path(file, device_major, device_minor, NULL) == 0;
}

/* The one device that a mapped device lies on; false where there are several, or none. */
static bool below_mapped(unsigned *device_major, unsigned *device_minor)
{
	char path[512], text[32], name[256] = "";
	cleanup_dir DIR *dir = NULL;
	struct dirent *entry;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/slaves", *device_major, *device_minor);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		if (*name)
			return false;
		snprintf(name, sizeof(name), "%s", entry->d_name);
	}
	if (!*name)
		return false;
	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/slaves/%s/dev", *device_major,
		 *device_minor, name);
	return file_read_at(AT_FDCWD, path, text, sizeof(text)) >= 0 &&
	       parse_number(text, device_major, device_minor);
}

/*
 * Down to the disk: reads and writes of a partition, a loop device or a mapped one keep the group
 * that they are of all the way, and there is one limit for all that lies on a disk.
 */
static int find_disk(unsigned *device_major, unsigned *device_minor)
{
	/* Loops on mapped devices on loops end somewhere. */
	for (int depth = 0; depth < NESTED_MAX; depth++) {
		int r = disk_of_partition(device_major, device_minor);

		if (r < 0)
			return r;
		if (!below_loop(device_major, device_minor) &&
		    !below_mapped(device_major, device_minor))
			return 0;
	}
	return -ELOOP;
}

int device_resolve(const char *text, unsigned *ret_major, unsigned *ret_minor,
		   struct rbce_error *err)
{
	unsigned device_major, device_minor;
	char quoted[QUOTED_SIZE];
	int r = 0;

	if (parse_number(text, &device_major, &device_minor)) {
		if (!is_block_device(device_major, device_minor))
			r = no_device(text, err);
	} else if (text[0] == '/') {
		r = resolve_path(text, &device_major, &device_minor, err);
	} else {
		r = rbce_error_set(err, -EINVAL,
				   "'%s' is not a device (like /dev/sda, 8:0 or a path on it)",
				   amount_quote(text, quoted));
	}
	if (r < 0)
		return r;
	r = find_disk(&device_major, &device_minor);
	if (r < 0)
		return rbce_error_errno(err, r, "the disk of '%s' cannot be found",
					amount_quote(text, quoted));
	*ret_major = device_major;
	*ret_minor = device_minor;
	return 0;
}
