// SPDX-License-Identifier: GPL-2.0-or-later
/* Block devices as people name them: by number, by path, or by a file system that lies on one. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <rbce/units.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "file.h"
#include "internal.h"
#include "util.h"

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

/* The type of the file system with the device number MAJOR:MINOR ("tmpfs"), "" where unknown. */
static void file_system_type(unsigned device_major, unsigned device_minor, char *buf, size_t size)
{
	cleanup_free char *text = NULL;
	char wanted[32];

	buf[0] = '\0';
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
		dash += strlen(" - ");
		snprintf(buf, size, "%.*s", (int)strcspn(dash, " "), dash);
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

static int resolve_path(const char *path, unsigned *ret_major, unsigned *ret_minor,
			struct rbce_error *err)
{
	char quoted[QUOTED_SIZE], type[32];
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
	*ret_major = major(device);
	*ret_minor = minor(device);
	if (is_block_device(*ret_major, *ret_minor))
		return 0;
	if (S_ISBLK(st.st_mode))
		return no_device(path, err);
	file_system_type(*ret_major, *ret_minor, type, sizeof(type));
	return rbce_error_set(err, -ENODEV,
			      "'%s' is on a file system without a block device%s%s; name a device",
			      quoted, *type ? ": " : "", type);
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
	r = disk_of_partition(&device_major, &device_minor);
	if (r < 0)
		return rbce_error_errno(err, r, "the disk of partition '%s' cannot be found",
					amount_quote(text, quoted));
	*ret_major = device_major;
	*ret_minor = device_minor;
	return 0;
}
