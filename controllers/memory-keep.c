// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Memory that a group keeps when it is short: memory.soft (v1's soft limit, v2's memory.low) and
 * memory.min (v2).
 *
 * On v2 a group is given no more than those above it have. So a group above that was given no
 * amount of its own has the sum of those below it, up to the suite's root group; nothing above that
 * one is changed. A mark on it tells that sum from an amount of its own, which is left alone.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <rbce/units.h>
#include <sys/xattr.h>

#include "file.h"
#include "internal.h"
#include "util.h"

#define EXBIBYTE (UINT64_C(1) << 60)
#define MARK     "user.rbce."

enum { LARGEST_PAGE = 64 << 10, MARK_SIZE = 64 };

/* The group as a descriptor that can have a mark, which those of paths alone cannot. */
static int open_for_mark(int dirfd, const char *file, char *ret_name)
{
	snprintf(ret_name, MARK_SIZE, MARK "%s", file);
	return openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static bool is_marked(int dirfd, const char *file)
{
	char name[MARK_SIZE];
	cleanup_close int fd = open_for_mark(dirfd, file, name);

	return fd >= 0 && fgetxattr(fd, name, NULL, 0) >= 0;
}

/* -EOPNOTSUPP where groups can have none (before Linux 5.7). */
static int mark(int dirfd, const char *file)
{
	char name[MARK_SIZE];
	cleanup_close int fd = open_for_mark(dirfd, file, name);

	return fd < 0 || fsetxattr(fd, name, "", 0, 0) < 0 ? -errno : 0;
}

static void unmark(int dirfd, const char *file)
{
	char name[MARK_SIZE];
	cleanup_close int fd = open_for_mark(dirfd, file, name);

	if (fd >= 0)
		fremovexattr(fd, name);
}

/* What the groups below have together. */
static uint64_t sum_below(int dirfd, const char *file)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	uint64_t sum = 0;

	while (dir && (entry = readdir(dir))) {
		cleanup_close int child = -1;
		uint64_t amount;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		child = openat(dirfd, entry->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (child >= 0 && amount_read(child, file, &amount) == 0 &&
		    __builtin_add_overflow(sum, amount, &sum))
			return RBCE_UNLIMITED;
	}
	return sum;
}

static int write_amount(int dirfd, const char *file, uint64_t amount)
{
	char text[AMOUNT_SIZE];

	snprintf(text, sizeof(text), "%" PRIu64, amount);
	return file_write_at(dirfd, file, amount == RBCE_UNLIMITED ? "max" : text);
}

/* What a group that has the sum OLD needs when one below it goes from BEFORE to AFTER. */
static uint64_t new_sum(int dirfd, const char *file, uint64_t old, uint64_t before, uint64_t after)
{
	uint64_t sum;

	if (after == RBCE_UNLIMITED)
		return after;
	/* One that was changed or removed by others is not in it any more, or not as it was. */
	if (old == RBCE_UNLIMITED || before == RBCE_UNLIMITED || old < before)
		return sum_below(dirfd, file);
	return __builtin_add_overflow(old - before, after, &sum) ? RBCE_UNLIMITED : sum;
}

/*
 * One below the group DIRFD went from *BEFORE to *AFTER, which then are what this one did. 1 where
 * that matters to none above.
 */
static int follow(int dirfd, const char *file, uint64_t *before, uint64_t *after)
{
	uint64_t old, sum;
	int r = amount_read(dirfd, file, &old);

	/* The topmost group of a hierarchy has no such file. */
	if (r == -ENOENT)
		return 1;
	if (r < 0)
		return r;
	if (old != 0 && !is_marked(dirfd, file))
		return 1;
	sum = new_sum(dirfd, file, old, *before, *after);
	if (sum == old)
		return 1;
	r = mark(dirfd, file);
	if (r == 0)
		r = write_amount(dirfd, file, sum);
	if (r < 0 && old == 0)
		unmark(dirfd, file);
	/* The topmost of a delegated tree is not the user's to change: it gives what it has. */
	if (r == -EOPNOTSUPP || r == -EACCES || r == -EPERM)
		return 1;
	*before = old;
	*after = sum;
	return r;
}

/* The DEPTH groups above DIRFD, which went from BEFORE to AFTER, get what they need for that. */
static int pass_up(int dirfd, unsigned depth, const char *file, uint64_t before, uint64_t after)
{
	cleanup_close int above = -1;
	int r = 0;

	while (r == 0 && before != after && depth-- > 0) {
		int fd = openat(above < 0 ? dirfd : above, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0)
			return -errno;
		if (above >= 0)
			close(above);
		above = fd;
		r = follow(above, file, &before, &after);
	}
	return r < 0 ? r : 0;
}

/* The group has no amount of its own (any more): what those below it need is all. */
static int set_none(const struct controller_key *key, int dirfd, struct rbce_error *err)
{
	const char *file = key->version[2].file;
	uint64_t sum = sum_below(dirfd, file);
	int r;

	unmark(dirfd, file);
	if (sum != 0 && mark(dirfd, file) < 0)
		sum = 0;
	r = write_amount(dirfd, file, sum);
	return r < 0 ? rbce_error_errno(err, r, "%s refuses %" PRIu64, file, sum) : 0;
}

static int set_own(const struct controller_key *key, int dirfd, const char *value,
		   struct rbce_error *err)
{
	int r = key_set_amount(key, dirfd, 2, value, err);

	if (r == 0)
		unmark(dirfd, key->version[2].file);
	return r;
}

static int set_v2(const struct controller_key *key, int dirfd, unsigned depth, const char *value,
		  struct rbce_error *err)
{
	const char *file = key->version[2].file;
	uint64_t before, after;
	bool marked;
	int r = amount_read(dirfd, file, &before);

	if (r < 0)
		return rbce_error_errno(err, r, "%s cannot be read", file);
	marked = before != 0 && is_marked(dirfd, file);
	r = streq(value, key->initial) ? set_none(key, dirfd, err)
				       : set_own(key, dirfd, value, err);
	if (r < 0)
		return r;
	r = amount_read(dirfd, file, &after);
	if (r == 0)
		r = pass_up(dirfd, depth, file, before, after);
	if (r == 0)
		return 0;
	write_amount(dirfd, file, before);
	if (marked)
		mark(dirfd, file);
	pass_up(dirfd, depth, file, after, before);
	return rbce_error_errno(err, r, "%s of the groups above cannot be raised", file);
}

static int check(const struct controller_key *key, const char *value, struct rbce_error *err)
{
	uint64_t amount;

	return amount_parse(key, value, &amount, err);
}

static int set(const struct controller_key *key, struct rbce_container *c, const char *value,
	       struct rbce_error *err)
{
	int version;
	cleanup_close int dir = key_make_group(key, c, &version, err);

	if (dir < 0)
		return dir;
	return version == 1 ? key_set_amount(key, dir, version, value, err)
			    : set_v2(key, dir, key_depth(c), value, err);
}

static int get(const struct controller_key *key, struct rbce_container *c, char *buf, size_t size,
	       struct rbce_error *err)
{
	int version;
	cleanup_close int dir = key_open_group(key, c, &version, err);

	if (dir < 0)
		return dir;
	if (version == 2 && is_marked(dir, key->version[2].file))
		return key_give(key, key->initial, buf, size, err);
	return key_get_amount(key, dir, version, buf, size, err);
}

static int holds(const struct controller_key *key, struct rbce_container *c, const char *value,
		 struct rbce_error *err)
{
	int version;
	cleanup_close int dir = key_open_group(key, c, &version, err);

	if (dir < 0)
		return dir;
	if (version == 2 && is_marked(dir, key->version[2].file))
		return streq(value, key->initial);
	return key_holds_amount(key, dir, version, value, err);
}

/* What a group has, with the descriptor of the one above it. */
struct share {
	int above;
	uint64_t amount;
};

static struct share find_share(const struct controller_key *key, struct rbce_container *c)
{
	struct share share = {.above = -1};
	int version;
	cleanup_close int dir = key_open_group(key, c, &version, NULL);

	if (dir >= 0 && version == 2 && key_depth(c) > 0 &&
	    amount_read(dir, key->version[2].file, &share.amount) == 0 && share.amount != 0)
		share.above = openat(dir, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return share;
}

static void take_back(const struct controller_key *key, const struct share *share, unsigned depth)
{
	const char *file = key->version[2].file;
	uint64_t before = share->amount, after = 0;

	if (share->above >= 0 && follow(share->above, file, &before, &after) == 0)
		pass_up(share->above, depth - 1, file, before, after);
}

int controller_remove(struct rbce_container *c, struct rbce_error *err)
{
	const struct controller_key *keys[] = {&controller_memory_soft, &controller_memory_min};
	struct share shares[ARRAY_SIZE(keys)];
	struct swap_files *swap = swap_files_find(c);
	unsigned depth = key_depth(c);
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		shares[i] = find_share(keys[i], c);
	r = rbce_container_remove(c, err);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (r == 0)
			take_back(keys[i], &shares[i], depth);
		if (shares[i].above >= 0)
			close(shares[i].above);
	}
	return swap_files_done(swap, c, r, err);
}

/*
 * "max" means that no soft limit is set, the default of either version; in memory.low, a promise of
 * memory, that is 0.
 */
static int read_low(const struct key_file *f, int dirfd, uint64_t *ret)
{
	uint64_t low;
	int r = amount_read(dirfd, f->file, &low);

	if (r == 0)
		*ret = low == 0 ? RBCE_UNLIMITED : low;
	return r;
}

static int write_low(const struct key_file *f, int dirfd, uint64_t amount, struct rbce_error *err)
{
	char text[AMOUNT_SIZE];

	snprintf(text, sizeof(text), "%" PRIu64, amount == RBCE_UNLIMITED ? 0 : amount);
	return amount_write(dirfd, f->file, text, err);
}

static const struct key_ops ops = {.check = check, .set = set, .get = get, .holds = holds};

/* At least one page of any size, so that it cannot be rounded down to v2's "none". */
const struct controller_key controller_memory_soft = {
	.name = "memory.soft",
	.help = "memory that the group keeps while memory is short; what is over it goes first",
	.controller = RBCE_MEMORY,
	.initial = "max",
	.unit = CONTROLLER_BYTES,
	.flags = CONTROLLER_FLAT_V1,
	.scope = SCOPE_PROTECTION,
	.min = LARGEST_PAGE,
	.max = 7 * EXBIBYTE,
	.ops = &ops,
	.version =
		{
			[1] = {.file = "memory.soft_limit_in_bytes",
			       .usage = "memory.usage_in_bytes",
			       .unlimited = "-1",
			       .read = memory_read_bytes},
			[2] = {.file = "memory.low",
			       .usage = "memory.current",
			       .read = read_low,
			       .write = write_low},
		},
};

const struct controller_key controller_memory_min = {
	.name = "memory.min",
	.help = "memory that the group keeps whatever happens, even if others are killed for it",
	.initial = "0",
	.controller = RBCE_MEMORY,
	.unit = CONTROLLER_BYTES,
	.scope = SCOPE_PROTECTION,
	.max = 7 * EXBIBYTE,
	.ops = &ops,
	.version =
		{
			[2] = {.file = "memory.min", .usage = "memory.current", .unlimited = "max"},
		},
};
