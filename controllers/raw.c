// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Control files that have no key of their own: raw.FILE = TEXT, written as it stands. The file's
 * first word says which controller it is of ("raw.memory.swappiness").
 */
#include <errno.h>
#include <fcntl.h>
#include <rbce/units.h>

#include "file.h"
#include "internal.h"
#include "util.h"

/* Files that are no limits: they move, end or stop tasks, or do something once. */
static const char *const refused[] = {
	"cgroup.procs",           "cgroup.threads",       "cgroup.kill",
	"cgroup.freeze",          "cgroup.type",          "cgroup.controllers",
	"cgroup.subtree_control", "cgroup.event_control", "memory.reclaim",
	"memory.force_empty",     "freezer.state",
};

/* Of the v2 tree itself, whatever controllers it has. */
static bool is_core(const struct controller_key *key)
{
	return after_prefix(key->name, "raw.cgroup.");
}

static bool find_controller(const char *file, struct controller_key *key)
{
	size_t n = strcspn(file, ".");

	if (strlen("blkio") == n && memcmp(file, "blkio", n) == 0) {
		key->controller = RBCE_IO;
		key->version[1].file = file;
		return true;
	}
	for (size_t i = 0; i < RBCE_CONTROLLER_COUNT; i++) {
		const char *name = rbce_controller_name((enum rbce_controller)i);

		if (strlen(name) != n || memcmp(file, name, n) != 0)
			continue;
		key->controller = (enum rbce_controller)i;
		key->version[1].file = i == RBCE_IO ? NULL : file;
		key->version[2].file = file;
		return true;
	}
	return false;
}

static bool make(struct controller_key *key, const struct key_family_files *files)
{
	const char *file = after_prefix(key->name, "raw.");

	(void)files;
	if (!file || !strchr(file, '.') ||
	    file[strspn(file, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")])
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		if (streq(file, refused[i]))
			return false;
	if (is_core(key)) {
		key->version[2].file = file;
		return true;
	}
	return find_controller(file, key);
}

static int check(const struct controller_key *key, const char *value, struct rbce_error *err)
{
	char quoted[QUOTED_SIZE];

	(void)key;
	for (const char *p = value; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			return rbce_error_set(err, -EINVAL, "'%s' is not one line of text",
					      amount_quote(value, quoted));
	return *value ? 0 : rbce_error_set(err, -EINVAL, "'' is nothing to write");
}

static int open_core(const struct controller_key *key, struct rbce_container *c,
		     struct rbce_error *err)
{
	int dir = rbce_container_open_unified(c, ".", O_PATH | O_DIRECTORY);

	return dir < 0 ? rbce_error_set(err, dir, "%s needs a cgroup v2 tree", key->name) : dir;
}

static bool is_number(const char *text, uint64_t *ret)
{
	return rbce_parse_number(text, 0, UINT64_MAX - 1, ret) == 0;
}

/* The kernel rounds amounts of memory down to pages. */
static bool is_same(const struct controller_key *key, const char *asked, const char *held)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), a, b;

	if (streq(asked, held))
		return true;
	return is_number(asked, &a) && is_number(held, &b) &&
	       (a == b || (key->controller == RBCE_MEMORY && a > page && a - a % page == b));
}

/* Of what is no number, or cannot be read, nobody knows how the kernel puts it. */
static int read_back(const struct controller_key *key, int dirfd, const char *value,
		     const char *before, struct rbce_error *err)
{
	const char *file = after_prefix(key->name, "raw.");
	char held[AMOUNT_SIZE], quoted[QUOTED_SIZE];
	uint64_t number;

	if (!is_number(value, &number) || file_read_at(dirfd, file, held, sizeof(held)) < 0 ||
	    !is_number(held, &number) || is_same(key, value, held))
		return 0;
	file_write_at(dirfd, file, before);
	return rbce_error_set(err, -EIO, "the kernel holds %s instead of %s", held,
			      amount_quote(value, quoted));
}

static int set(const struct controller_key *key, struct rbce_container *c, const char *value,
	       struct rbce_error *err)
{
	const char *file = after_prefix(key->name, "raw.");
	cleanup_close int dir = -1;
	char before[AMOUNT_SIZE];
	bool has_before;
	int version, r;

	dir = is_core(key) ? open_core(key, c, err) : key_make_group(key, c, &version, err);
	if (dir < 0)
		return dir;
	has_before = file_read_at(dir, file, before, sizeof(before)) >= 0;
	r = amount_write(dir, file, value, err);
	return r < 0 || !has_before ? r : read_back(key, dir, value, before, err);
}

static int get(const struct controller_key *key, struct rbce_container *c, char *buf, size_t size,
	       struct rbce_error *err)
{
	const char *file = after_prefix(key->name, "raw.");
	cleanup_close int dir = -1;
	int version;
	ssize_t n;

	dir = is_core(key) ? open_core(key, c, err) : key_open_group(key, c, &version, err);
	n = dir < 0 ? dir : file_read_at(dir, file, buf, size);
	if (dir >= 0 && n < 0)
		return rbce_error_errno(err, (int)n, "%s cannot be read", file);
	return n < 0 ? (int)n : 0;
}

/* Some files have a line for each device or the like, of which a value is one. */
static int holds(const struct controller_key *key, struct rbce_container *c, const char *value,
		 struct rbce_error *err)
{
	cleanup_free char *text = malloc(CONTROLLER_TEXT_SIZE);
	int r = text ? get(key, c, text, CONTROLLER_TEXT_SIZE, err) : -ENOMEM;

	if (r < 0)
		return r;
	for (char *save = NULL, *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		if (is_same(key, value, line))
			return 1;
	return 0;
}

static int supported(const struct controller_key *key, struct rbce_container *c,
		     struct rbce_error *err)
{
	cleanup_close int dir = -1;
	int version;

	dir = is_core(key) ? open_core(key, c, err) : key_open_group(key, c, &version, err);
	return dir < 0 ? dir : 0;
}

static const struct key_ops ops = {
	.check = check, .set = set, .get = get, .holds = holds, .supported = supported};

const struct controller_key controller_raw = {
	.name = "raw.FILE",
	.help = "text that is written to a control file as it stands (raw.memory.swappiness = 10)",
	.values = "TEXT",
	.controller = RBCE_PIDS, /* of the family; each key has that of its file */
	.unit = CONTROLLER_TEXT,
	.flags = CONTROLLER_FAMILY | CONTROLLER_REPEATS,
	.ops = &ops,
	.family = make,
};
