// SPDX-License-Identifier: GPL-2.0-or-later
/* Marks of packets, and where cgroup v1 has them; see net-mark.h. */
#include "net-mark.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <net/if.h>
#include <rbce/units.h>

#include "file.h"
#include "internal.h"
#include "util.h"

#define CLASS_FILE    "net_cls.classid"
#define PRIORITY_FILE "net_prio.ifpriomap"

enum { HALF_BITS = 16, HALF_MAX = 0xffff };

static int parse_hex(const char *text, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;
	size_t n = 0;

	for (; text[n]; n++) {
		static const char digits[] = "0123456789abcdef";
		const char *digit = strchr(digits, text[n] | 0x20);

		if (!digit || n >= 8)
			return -EINVAL;
		value = value << 4 | (uint64_t)(digit - digits);
	}
	if (n == 0 || value > max)
		return -EINVAL;
	*ret = value;
	return 0;
}

int net_mark_parse(const char *text, uint32_t *ret, struct rbce_error *err)
{
	cleanup_free char *copy = strdup(text);
	char *colon = copy ? strchr(copy, ':') : NULL, quoted[QUOTED_SIZE];
	const char *hex = after_prefix(text, "0x");
	uint64_t value = 0, low = 0;
	int r;

	if (!copy)
		return rbce_error_errno(err, -ENOMEM, "the value cannot be read");
	if (colon) {
		*colon = '\0';
		r = parse_hex(copy, HALF_MAX, &value);
		if (r == 0 && colon[1])
			r = parse_hex(colon + 1, HALF_MAX, &low);
		value = value << HALF_BITS | low;
	} else if (hex) {
		r = parse_hex(hex, UINT32_MAX, &value);
	} else {
		r = rbce_parse_number(text, 0, UINT32_MAX, &value);
	}
	if (r < 0)
		return rbce_error_set(err, -EINVAL,
				      "'%s' is not a number of 32 bits (like 5, 0x10001 or 1:10)",
				      amount_quote(text, quoted));
	*ret = (uint32_t)value;
	return 0;
}

void net_mark_format(uint32_t mark, char *buf, size_t size)
{
	if (mark > HALF_MAX)
		snprintf(buf, size, "%x:%x", mark >> HALF_BITS, mark & HALF_MAX);
	else
		snprintf(buf, size, "%" PRIu32, mark);
}

/* "lo 0\neth0 5\n" */
static int read_priorities(int dirfd, uint32_t *ret)
{
	cleanup_free char *text = NULL;
	ssize_t n = file_read_all_at(dirfd, PRIORITY_FILE, &text);
	char *save = NULL;

	if (n < 0)
		return (int)n;
	*ret = 0;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		const char *number = strrchr(line, ' ');
		uint64_t value;

		if (!number || rbce_parse_number(number + 1, 0, UINT32_MAX, &value) < 0)
			return -EBADMSG;
		if (value > *ret)
			*ret = (uint32_t)value;
	}
	return 0;
}

int net_mark_read_v1(struct rbce_container *c, enum rbce_controller controller, uint32_t *ret)
{
	cleanup_close int dir = rbce_container_open_file(c, controller, ".", O_PATH | O_DIRECTORY);
	uint64_t value;
	int r;

	if (dir < 0)
		return dir;
	if (controller == RBCE_NET_PRIO)
		return read_priorities(dir, ret);
	r = amount_read(dir, CLASS_FILE, &value);
	if (r == 0)
		*ret = (uint32_t)value;
	return r;
}

static int write_priorities(int dirfd, uint32_t priority, struct rbce_error *err)
{
	struct if_nameindex *all = if_nameindex();
	int r = all ? 0 : -errno;

	if (!all)
		return rbce_error_errno(err, r, "the interfaces cannot be listed");
	for (const struct if_nameindex *i = all; r == 0 && i->if_index; i++) {
		char text[IF_NAMESIZE + AMOUNT_SIZE];

		snprintf(text, sizeof(text), "%s %" PRIu32, i->if_name, priority);
		r = amount_write(dirfd, PRIORITY_FILE, text, err);
		/* It may be gone since. */
		if (r == -ENODEV)
			r = 0;
	}
	if_freenameindex(all);
	return r;
}

int net_mark_write_v1(struct rbce_container *c, enum rbce_controller controller, uint32_t mark,
		      struct rbce_error *err)
{
	cleanup_close int dir = rbce_container_open_file(c, controller, ".", O_PATH | O_DIRECTORY);
	char text[AMOUNT_SIZE];

	if (dir < 0)
		return rbce_error_errno(err, dir, "the group cannot be opened");
	if (controller == RBCE_NET_PRIO)
		return write_priorities(dir, mark, err);
	snprintf(text, sizeof(text), "%" PRIu32, mark);
	return amount_write(dir, CLASS_FILE, text, err);
}
