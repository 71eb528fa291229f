// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * CPU time: the share among competing groups (cpu.weight) and the hard limit (cpu.max).
 *
 * v1 gives both in other units. A weight of 100 is 1024 shares, as in the kernel's own v2 code; so
 * every weight from 1 to 10000 is a share of its own, and comes back as the same weight. The hard
 * limit is a quota of CPU time in each period: at 100 ms a thousandth of a percent is just one
 * microsecond, so no amount is rounded.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <rbce/units.h>

#include "file.h"
#include "internal.h"
#include "util.h"

#define PERIOD_FILE "cpu.cfs_period_us"

enum { WEIGHT_MIN = 1, WEIGHT_DEFAULT = 100, WEIGHT_MAX = 10000 };
enum { SHARES_MIN = 2, SHARES_DEFAULT = 1024, SHARES_MAX = 262144 };

/* Microseconds. The kernel takes no quota under 1 ms, so the least shares need the long period. */
enum { PERIOD = 100000, PERIOD_LONG = 1000000 };
enum { ONE_CPU = 100000, ONE_PERCENT = 1000 };

static uint64_t clamp(uint64_t value, uint64_t low, uint64_t high)
{
	return value < low ? low : value > high ? high : value;
}

static int read_shares(const struct key_file *f, int dirfd, uint64_t *ret)
{
	uint64_t shares;
	int r = amount_read(dirfd, f->file, &shares);

	if (r < 0)
		return r;
	shares = clamp(shares, SHARES_MIN, SHARES_MAX);
	*ret = clamp((shares * WEIGHT_DEFAULT + SHARES_DEFAULT / 2) / SHARES_DEFAULT, WEIGHT_MIN,
		     WEIGHT_MAX);
	return 0;
}

static int write_shares(const struct key_file *f, int dirfd, uint64_t weight,
			struct rbce_error *err)
{
	uint64_t shares = (weight * SHARES_DEFAULT + WEIGHT_DEFAULT / 2) / WEIGHT_DEFAULT;
	char text[AMOUNT_SIZE];

	snprintf(text, sizeof(text), "%" PRIu64, clamp(shares, SHARES_MIN, SHARES_MAX));
	return amount_write(dirfd, f->file, text, err);
}

static uint64_t period_of(uint64_t amount)
{
	return amount < ONE_PERCENT ? PERIOD_LONG : PERIOD;
}

static uint64_t quota_of(uint64_t amount)
{
	return amount * (period_of(amount) / ONE_CPU);
}

/* Quota and period as an amount, to the nearest thousandth of a percent. */
static int amount_of(uint64_t quota, uint64_t period, uint64_t *ret)
{
	if (period == 0)
		return -EBADMSG;
	*ret = quota == RBCE_UNLIMITED
		       ? RBCE_UNLIMITED
		       : (uint64_t)(((__uint128_t)quota * ONE_CPU + period / 2) / period);
	return 0;
}

static int read_quota(const struct key_file *f, int dirfd, uint64_t *ret)
{
	uint64_t quota, period = 0;
	int r;

	r = amount_read(dirfd, f->file, &quota);
	if (r == 0)
		r = amount_read(dirfd, PERIOD_FILE, &period);
	return r < 0 ? r : amount_of(quota, period, ret);
}

/*
 * v1 refuses a quota over that of a group above, or under that of one below; an unlimited group
 * counts as having the limit of the next above. Says which it is.
 */
static int explain_refusal(const struct key_file *f, int dirfd, uint64_t amount,
			   struct rbce_error *err)
{
	cleanup_close int group = openat(dirfd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char limit[RBCE_UNITS_SIZE];
	uint64_t above;

	while (group >= 0 && read_quota(f, group, &above) == 0) {
		int next;

		if (above < amount)
			return rbce_error_set(err, -EINVAL,
					      "a group above has only %s, and cgroup v1 allows no "
					      "group more than those above it",
					      rbce_format_percent(above, limit));
		next = openat(group, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		close(group);
		group = next;
	}
	return rbce_error_set(err, -EINVAL,
			      "%s refuses %s: a group below has more, which cgroup v1 does not "
			      "allow, or the kernel takes no such quota",
			      f->file, rbce_format_percent(amount, limit));
}

/*
 * The old quota in a new period may be more than the groups above have, and be refused: it is
 * lifted first.
 */
static int write_period(const struct key_file *f, int dirfd, uint64_t period)
{
	char text[AMOUNT_SIZE];
	int r;

	r = file_write_at(dirfd, f->file, f->unlimited);
	snprintf(text, sizeof(text), "%" PRIu64, period);
	return r < 0 ? r : file_write_at(dirfd, PERIOD_FILE, text);
}

static int write_quota(const struct key_file *f, int dirfd, uint64_t amount, struct rbce_error *err)
{
	char text[AMOUNT_SIZE], old_quota[AMOUNT_SIZE];
	uint64_t period = period_of(amount), old_period;
	int r;

	if (amount == RBCE_UNLIMITED)
		return amount_write(dirfd, f->file, f->unlimited, err);
	r = amount_read(dirfd, PERIOD_FILE, &old_period);
	if (r == 0)
		r = (int)file_read_at(dirfd, f->file, old_quota, sizeof(old_quota));
	if (r < 0)
		return rbce_error_errno(err, r, "%s cannot be read", f->file);
	r = period == old_period ? 0 : write_period(f, dirfd, period);
	snprintf(text, sizeof(text), "%" PRIu64, quota_of(amount));
	if (r == 0)
		r = file_write_at(dirfd, f->file, text);
	if (r == 0)
		return 0;
	/* The old limit holds on, whatever went wrong. */
	if (period != old_period && write_period(f, dirfd, old_period) == 0)
		file_write_at(dirfd, f->file, old_quota);
	if (r == -EINVAL)
		return explain_refusal(f, dirfd, amount, err);
	return rbce_error_errno(err, r, "%s refuses '%s'", f->file, text);
}

static int read_max(const struct key_file *f, int dirfd, uint64_t *ret)
{
	char text[64], *space;
	uint64_t quota = RBCE_UNLIMITED, period;
	ssize_t n = file_read_at(dirfd, f->file, text, sizeof(text));

	if (n < 0)
		return (int)n;
	space = strchr(text, ' ');
	if (!space || rbce_parse_number(space + 1, 1, UINT32_MAX, &period) < 0)
		return -EBADMSG;
	*space = '\0';
	if (!streq(text, f->unlimited) && rbce_parse_number(text, 0, INT64_MAX, &quota) < 0)
		return -EBADMSG;
	return amount_of(quota, period, ret);
}

static int write_max(const struct key_file *f, int dirfd, uint64_t amount, struct rbce_error *err)
{
	char text[2 * AMOUNT_SIZE];

	if (amount == RBCE_UNLIMITED)
		return amount_write(dirfd, f->file, f->unlimited, err);
	snprintf(text, sizeof(text), "%" PRIu64 " %" PRIu64, quota_of(amount), period_of(amount));
	return amount_write(dirfd, f->file, text, err);
}

const struct controller_key controller_cpu_weight = {
	.name = "cpu.weight",
	.help = "share of CPU time when groups compete for it, 1 to 10000 (default 100)",
	.controller = RBCE_CPU,
	.initial = "100",
	.unit = CONTROLLER_WEIGHT,
	.min = WEIGHT_MIN,
	.max = WEIGHT_MAX,
	.version =
		{
			[1] = {.file = "cpu.shares", .read = read_shares, .write = write_shares},
			[2] = {.file = "cpu.weight"},
		},
};

const struct controller_key controller_cpu_max = {
	.name = "cpu.max",
	.help = "hard limit of CPU time, in percent of one CPU (150%), or max",
	.controller = RBCE_CPU,
	.initial = "max",
	.unit = CONTROLLER_PERCENT,
	.min = ONE_PERCENT / 10,
	.max = UINT64_C(100000) * ONE_CPU,
	.version =
		{
			[1] = {.file = "cpu.cfs_quota_us",
			       .unlimited = "-1",
			       .read = read_quota,
			       .write = write_quota},
			[2] = {.file = "cpu.max",
			       .unlimited = "max",
			       .read = read_max,
			       .write = write_max},
		},
};
