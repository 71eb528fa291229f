// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which CPUs the tasks of a group may run on, and which memory nodes theirs comes from: the two
 * halves of the kernel's cpuset, each a key ("0-3,8", or "all" for what the group above has).
 *
 * v2 takes any list, and uses what of it the groups above have. v1 refuses what they do not have,
 * and has no "all": there it is their list as it stands now.
 */
#include <errno.h>
#include <stdlib.h>

#include "file.h"
#include "internal.h"
#include "util.h"

/* More than any kernel is built for. */
enum { NUMBERS = 8192, LIST_SIZE = 8192 };

struct set {
	bool has[NUMBERS];
};

/* Takes a number off the front of *TEXT. */
static bool take_number(const char **text, unsigned *ret)
{
	unsigned number = 0;
	const char *p = *text;

	for (; *p >= '0' && *p <= '9'; p++) {
		number = number * 10 + (unsigned)(*p - '0');
		if (number >= NUMBERS)
			return false;
	}
	if (p == *text)
		return false;
	*text = p;
	*ret = number;
	return true;
}

static bool parse_list(const char *text, struct set *ret)
{
	*ret = (struct set){0};
	for (;;) {
		unsigned low, high;

		if (!take_number(&text, &low))
			return false;
		high = low;
		if (*text == '-') {
			text++;
			if (!take_number(&text, &high) || high < low)
				return false;
		}
		memset(ret->has + low, true, high - low + 1);
		if (!*text)
			return true;
		if (*text++ != ',')
			return false;
		while (*text == ' ')
			text++;
	}
}

/* The list as the kernel prints it, "" for none. */
static void print_list(const struct set *set, char *buf, size_t size)
{
	size_t n = 0;

	*buf = '\0';
	for (unsigned low = 0, high; low < NUMBERS && n < size; low = high + 1) {
		high = low;
		if (!set->has[low])
			continue;
		while (high + 1 < NUMBERS && set->has[high + 1])
			high++;
		n += (size_t)snprintf(buf + n, size - n, high > low ? "%s%u-%u" : "%s%u",
				      n ? "," : "", low, high);
	}
}

static bool equal(const char *list, const char *other)
{
	struct set a, b;

	if (!parse_list(list, &a) || !parse_list(other, &b))
		return streq(list, other);
	return memcmp(a.has, b.has, sizeof(a.has)) == 0;
}

int cpuset_narrow(const char *wide, const char *own, char **ret, bool *ret_narrower)
{
	char text[LIST_SIZE];
	struct set a, b;
	bool any = false, less = false;

	if (!parse_list(own, &b)) {
		*ret_narrower = false;
		*ret = strdup(wide);
		return *ret ? 0 : -ENOMEM;
	}
	/* "all": whatever the machine has. */
	if (!parse_list(wide, &a))
		memset(a.has, true, sizeof(a.has));
	for (unsigned i = 0; i < NUMBERS; i++) {
		any |= a.has[i] && b.has[i];
		less |= a.has[i] && !b.has[i];
		b.has[i] &= a.has[i];
	}
	print_list(&b, text, sizeof(text));
	*ret_narrower = any && less;
	*ret = strdup(any ? text : wide);
	return *ret ? 0 : -ENOMEM;
}

static int check(const struct controller_key *key, const char *value, struct rbce_error *err)
{
	char quoted[QUOTED_SIZE];
	struct set set;

	(void)key;
	if (streq(value, "all") || parse_list(value, &set))
		return 0;
	return rbce_error_set(err, -EINVAL, "'%s' is not a list of numbers (like 0-3,8 or all)",
			      amount_quote(value, quoted));
}

static int read_file(const struct controller_key *key, int dirfd, const char *prefix, char *buf)
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "%s%s", prefix, key->version[1].file);
	n = file_read_at(dirfd, path, buf, LIST_SIZE);
	return n < 0 ? (int)n : 0;
}

static int explain(const struct controller_key *key, int r, const char *list,
		   struct rbce_error *err)
{
	const char *file = key->version[1].file;
	const char *reason = NULL;

	if (r == -EACCES)
		reason = "a group above does not have all of them, or the file may not be written";
	else if (r == -EBUSY)
		reason = "a group below has more";
	else if (r == -ENOSPC)
		reason = "the group's tasks would be left with none";
	else if (r == -EINVAL || r == -ERANGE)
		reason = "this machine does not have them, or another group has them for itself";
	if (!reason)
		return rbce_error_errno(err, r, "%s refuses '%s'", file, list);
	return rbce_error_set(err, r, "%s refuses '%s': %s", file, list, reason);
}

static int write_list(const struct controller_key *key, int dirfd, int version, const char *value,
		      struct rbce_error *err)
{
	char list[LIST_SIZE], before[LIST_SIZE], held[LIST_SIZE];
	struct set set;
	bool has_before = read_file(key, dirfd, "", before) == 0;
	int r = 0;

	if (parse_list(value, &set))
		print_list(&set, list, sizeof(list));
	else if (version == 1)
		r = read_file(key, dirfd, "../", list);
	else
		/* An empty write is none. */
		snprintf(list, sizeof(list), "\n");
	if (r == 0)
		r = file_write_at(dirfd, key->version[version].file, list);
	if (r < 0)
		return explain(key, r, list, err);
	r = read_file(key, dirfd, "", held);
	if (r < 0)
		return rbce_error_errno(err, r, "%s cannot be read back", key->version[1].file);
	list[strcspn(list, "\n")] = '\0';
	if (equal(list, held))
		return 0;
	/* What the kernel has made of it is not what was asked for. */
	if (has_before)
		file_write_at(dirfd, key->version[version].file, *before ? before : "\n");
	return rbce_error_set(err, -EIO, "the kernel holds '%s' instead of '%s'", held, list);
}

static int set(const struct controller_key *key, struct rbce_container *c, const char *value,
	       struct rbce_error *err)
{
	int version, r = check(key, value, err);
	cleanup_close int dir = -1;

	if (r < 0)
		return r;
	dir = key_make_group(key, c, &version, err);
	if (dir < 0)
		return dir;
	/* v2 takes the memory along; v1 does when told so. */
	if (version == 1)
		file_write_at(dir, "cpuset.memory_migrate", "1");
	return write_list(key, dir, version, value, err);
}

/* The group's own list, and on v1 whether it is just that of the group above. */
static int read_list(const struct controller_key *key, struct rbce_container *c, char *buf,
		     bool *ret_all, struct rbce_error *err)
{
	char above[LIST_SIZE];
	int version, r;
	cleanup_close int dir = key_open_group(key, c, &version, err);

	if (dir < 0)
		return dir;
	r = read_file(key, dir, "", buf);
	if (r < 0)
		return rbce_error_errno(err, r, "%s cannot be read", key->version[1].file);
	*ret_all =
		version == 2 ? !*buf : read_file(key, dir, "../", above) == 0 && equal(buf, above);
	return 0;
}

static int get(const struct controller_key *key, struct rbce_container *c, char *buf, size_t size,
	       struct rbce_error *err)
{
	char list[LIST_SIZE];
	bool all;
	int r = read_list(key, c, list, &all, err);

	return r < 0 ? r : key_give(key, all ? "all" : list, buf, size, err);
}

static int holds(const struct controller_key *key, struct rbce_container *c, const char *value,
		 struct rbce_error *err)
{
	char list[LIST_SIZE];
	bool all;
	int r = check(key, value, err);

	if (r == 0)
		r = read_list(key, c, list, &all, err);
	if (r < 0)
		return r;
	return streq(value, "all") ? all : equal(value, list);
}

static const struct key_ops ops = {.check = check, .set = set, .get = get, .holds = holds};

#define ROW(row_name, row_file, row_help)                                                          \
	{                                                                                          \
		.name = row_name, .help = row_help, .values = "LIST | all", .initial = "all",      \
		.controller = RBCE_CPUSET, .unit = CONTROLLER_TEXT, .scope = SCOPE_LISTS,          \
		.version = {[1] = {.file = row_file}, [2] = {.file = row_file}}, .ops = &ops,      \
	}

const struct controller_key controller_cpuset_cpus =
	ROW("cpuset.cpus", "cpuset.cpus", "CPUs that tasks may run on (0-3,8)");
const struct controller_key controller_memset_mems =
	ROW("memset.mems", "cpuset.mems", "memory nodes that their memory comes from (0-1)");
