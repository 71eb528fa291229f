// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * CPU time of real-time tasks (SCHED_FIFO, SCHED_RR): cpu.rt, which cgroup v1 alone has, in kernels
 * with CONFIG_RT_GROUP_SCHED. A group without it may have no such task.
 *
 * The kernel gives a group no more than the groups above have left. So they get what those below
 * need, up to the suite's root group; nothing above that one is changed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <rbce/units.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "file.h"
#include "internal.h"
#include "util.h"

#define RUNTIME_FILE "cpu.rt_runtime_us"
#define PERIOD_FILE  "cpu.rt_period_us"

/* Microseconds, and thousandths of a percent. */
enum { PERIOD_MAX = 10000000, ONE_CPU = 100000 };

struct bandwidth {
	uint64_t runtime, period;
};

static int read_bandwidth(int dirfd, struct bandwidth *ret)
{
	struct bandwidth b;
	int r = amount_read(dirfd, RUNTIME_FILE, &b.runtime);

	if (r == 0)
		r = amount_read(dirfd, PERIOD_FILE, &b.period);
	if (r == 0 && (b.period == 0 || b.period > UINT32_MAX))
		r = -EBADMSG;
	if (r == 0)
		*ret = b;
	return r;
}

static int write_number(int dirfd, const char *file, uint64_t number)
{
	char text[AMOUNT_SIZE];

	snprintf(text, sizeof(text), "%" PRIu64, number);
	return file_write_at(dirfd, file, text);
}

/* The share never gets larger than the larger of the two on the way. */
static int write_bandwidth(int dirfd, const struct bandwidth *b)
{
	struct bandwidth old;
	int r = read_bandwidth(dirfd, &old);

	if (r == 0 && b->period > old.period)
		r = write_number(dirfd, PERIOD_FILE, b->period);
	if (r == 0 && b->runtime != old.runtime)
		r = write_number(dirfd, RUNTIME_FILE, b->runtime);
	if (r == 0 && b->period < old.period)
		r = write_number(dirfd, PERIOD_FILE, b->period);
	if (r < 0) {
		/* What was written of it is taken back. */
		write_number(dirfd, RUNTIME_FILE, old.runtime);
		write_number(dirfd, PERIOD_FILE, old.period);
		write_number(dirfd, RUNTIME_FILE, old.runtime);
	}
	return r;
}

/* To the next thousandth of a percent above: a group must not lack a rounding error. */
static uint64_t amount_of(const struct bandwidth *b)
{
	return b->runtime == RBCE_UNLIMITED ? ONE_CPU
					    : (b->runtime * ONE_CPU + b->period - 1) / b->period;
}

/* What the groups below DIRFD have, all but the one with the inode EXCEPT. */
static uint64_t sum_below(int dirfd, uint64_t except)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	uint64_t sum = 0;

	while (dir && (entry = readdir(dir))) {
		cleanup_close int child = -1;
		struct bandwidth b;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.' || entry->d_ino == except)
			continue;
		child = openat(dirfd, entry->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (child >= 0 && read_bandwidth(child, &b) == 0)
			sum += amount_of(&b);
	}
	return sum;
}

static uint64_t inode_of(int dirfd)
{
	struct stat st;

	return fstatat(dirfd, "", &st, AT_EMPTY_PATH) < 0 ? 0 : st.st_ino;
}

/* A group on the way up, what it has, and what it needs. */
struct level {
	int dir;
	struct bandwidth old, wanted;
};

static int find_need(const struct level *below, struct level *ret)
{
	struct level level = {
		.dir = openat(below->dir, "..", O_PATH | O_DIRECTORY | O_CLOEXEC),
	};
	uint64_t needed;
	int r = level.dir < 0 ? -errno : read_bandwidth(level.dir, &level.old);

	*ret = level;
	if (r < 0)
		return r;
	needed = sum_below(level.dir, inode_of(below->dir)) + amount_of(&below->wanted);
	if (needed > amount_of(&level.old)) {
		level.wanted.period = level.old.period;
		level.wanted.runtime = (needed * level.old.period + ONE_CPU - 1) / ONE_CPU;
	} else {
		level.wanted = level.old;
	}
	*ret = level;
	return 0;
}

/* Writes N levels, the topmost (last) first; after a failure all have what they had. */
static int write_levels(const struct level *levels, size_t n)
{
	size_t left = n;
	int r = 0;

	while (r == 0 && left-- > 0)
		r = write_bandwidth(levels[left].dir, &levels[left].wanted);
	for (size_t i = left; r < 0 && i < n; i++)
		write_bandwidth(levels[i].dir, &levels[i].old);
	return r;
}

/* Gives the group DIRFD a bandwidth, and the DEPTH groups above it what they need for that. */
static int give(int dirfd, unsigned depth, const struct bandwidth *old, const struct bandwidth *b)
{
	cleanup_free struct level *levels = calloc(depth + 1, sizeof(*levels));
	size_t n = 1;
	int r = 0;

	if (!levels)
		return -ENOMEM;
	levels[0] = (struct level){dirfd, *old, *b};
	for (; r == 0 && n <= depth; n++)
		r = find_need(&levels[n - 1], &levels[n]);
	if (r == 0)
		r = write_levels(levels, n);
	while (n-- > 1)
		if (levels[n].dir >= 0)
			close(levels[n].dir);
	return r;
}

static int parse(const struct controller_key *key, const char *value, uint64_t period,
		 struct bandwidth *ret, struct rbce_error *err)
{
	char copy[64], quoted[QUOTED_SIZE], *slash;
	struct bandwidth b = {.period = period};
	uint64_t amount;
	int r;

	if (!strchr(value, '/')) {
		r = amount_parse(key, value, &amount, err);
		if (r < 0)
			return r;
		ret->runtime = amount * period / ONE_CPU;
		ret->period = period;
		return 0;
	}
	amount_quote(value, quoted);
	snprintf(copy, sizeof(copy), "%s", value);
	slash = strchr(copy, '/');
	if (!slash || strlen(value) >= sizeof(copy))
		return rbce_error_set(err, -EINVAL, "'%s' is not a time in each period", quoted);
	*slash = '\0';
	if (rbce_parse_duration(copy, &b.runtime) < 0 ||
	    rbce_parse_duration(slash + 1, &b.period) < 0)
		return rbce_error_set(err, -EINVAL,
				      "'%s' is not a time in each period (like 100ms/1s)", quoted);
	if (b.period < 1 || b.period > PERIOD_MAX || b.runtime > b.period)
		return rbce_error_set(err, -ERANGE,
				      "'%s' is out of range (a time of at most the period, which "
				      "is at most 10s)",
				      quoted);
	*ret = b;
	return 0;
}

static int check(const struct controller_key *key, const char *value, struct rbce_error *err)
{
	struct bandwidth b;

	return parse(key, value, ONE_CPU, &b, err);
}

static int open_group(const struct controller_key *key, struct rbce_container *c,
		      struct rbce_error *err)
{
	struct rbce_error why;
	int version, dir = key_open_group(key, c, &version, &why);

	if (dir == -EOPNOTSUPP && rbce_container_version(c, RBCE_CPU) == 1)
		return rbce_error_set(err, dir,
				      "%s needs a kernel with CONFIG_RT_GROUP_SCHED: this one has "
				      "none of " RUNTIME_FILE,
				      key->name);
	return dir < 0 ? rbce_error_set(err, dir, "%s", why.message) : dir;
}

static int explain(int r, const char *value, struct rbce_error *err)
{
	if (r == -EINVAL)
		return rbce_error_set(err, r,
				      RUNTIME_FILE " refuses %s: the groups above and beside leave "
						   "less (of kernel.sched_rt_runtime_us)",
				      value);
	if (r == -EBUSY)
		return rbce_error_set(err, r, "the group has real-time tasks, which need some");
	return rbce_error_errno(err, r, RUNTIME_FILE " refuses %s", value);
}

static int set(const struct controller_key *key, struct rbce_container *c, const char *value,
	       struct rbce_error *err)
{
	cleanup_close int dir = open_group(key, c, err);
	struct bandwidth old, b;
	int r;

	if (dir < 0)
		return dir;
	r = read_bandwidth(dir, &old);
	if (r < 0)
		return rbce_error_errno(err, r, "%s cannot be read", RUNTIME_FILE);
	r = parse(key, value, old.period, &b, err);
	if (r < 0)
		return r;
	r = give(dir, key_depth(c), &old, &b);
	return r < 0 ? explain(r, value, err) : 0;
}

static int get(const struct controller_key *key, struct rbce_container *c, char *buf, size_t size,
	       struct rbce_error *err)
{
	cleanup_close int dir = open_group(key, c, err);
	char text[2 * AMOUNT_SIZE];
	struct bandwidth b;
	int r;

	if (dir < 0)
		return dir;
	r = read_bandwidth(dir, &b);
	if (r < 0)
		return rbce_error_errno(err, r, "%s cannot be read", RUNTIME_FILE);
	if (b.period == 1000000 && b.runtime % 10 == 0)
		return key_give(key, amount_format(key, b.runtime / 10, text), buf, size, err);
	snprintf(text, sizeof(text), "%" PRIu64 "us/%" PRIu64 "us", b.runtime, b.period);
	return key_give(key, text, buf, size, err);
}

static int holds(const struct controller_key *key, struct rbce_container *c, const char *value,
		 struct rbce_error *err)
{
	cleanup_close int dir = open_group(key, c, err);
	struct bandwidth b, held;
	int r;

	if (dir < 0)
		return dir;
	r = read_bandwidth(dir, &held);
	if (r < 0)
		return rbce_error_errno(err, r, "%s cannot be read", RUNTIME_FILE);
	r = parse(key, value, held.period, &b, err);
	return r < 0 ? r : b.runtime == held.runtime && b.period == held.period;
}

static int supported(const struct controller_key *key, struct rbce_container *c,
		     struct rbce_error *err)
{
	cleanup_close int dir = open_group(key, c, err);

	return dir < 0 ? dir : 0;
}

static const struct key_ops ops = {
	.check = check, .set = set, .get = get, .holds = holds, .supported = supported};

const struct controller_key controller_cpu_rt = {
	.name = "cpu.rt",
	.help = "CPU time of real-time tasks, in percent of each CPU or for each period (cgroup "
		"v1)",
	.values = "PERCENT | TIME/PERIOD",
	.initial = "0%",
	.controller = RBCE_CPU,
	.unit = CONTROLLER_PERCENT,
	.flags = CONTROLLER_FINITE,
	.max = ONE_CPU,
	.version = {[1] = {.file = RUNTIME_FILE}},
	.ops = &ops,
};
