// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * CPU time: the share among competing groups (cpu.weight, cpu.idle) and the hard limit (cpu.max,
 * cpu.burst).
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

#define PERIOD_FILE   "cpu.cfs_period_us"
#define BURST_FILE_V1 "cpu.cfs_burst_us"
#define BURST_FILE_V2 "cpu.max.burst"
#define IDLE_FILE     "cpu.idle"

enum { WEIGHT_MIN = 1, WEIGHT_DEFAULT = 100, WEIGHT_MAX = 10000 };
enum { SHARES_MIN = 2, SHARES_DEFAULT = 1024, SHARES_MAX = 262144 };

/* Microseconds. The kernel takes no quota under 1 ms, so the least shares need the long period. */
enum { PERIOD = 100000, PERIOD_LONG = 1000000 };
enum { PERIOD_MIN = 1000, PERIOD_MAX = 1000000, QUOTA_MIN = 1000 };
enum { ONE_CPU = 100000, ONE_PERCENT = 1000 };

/* CPU time in each period; RBCE_UNLIMITED for none. */
struct bandwidth {
	uint64_t quota, period;
};

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

/* A group whose cpu.idle is on has no weight. */
static int write_weight_text(const struct key_file *f, int dirfd, uint64_t amount,
			     struct rbce_error *err)
{
	char text[AMOUNT_SIZE];
	uint64_t idle;
	int r;

	snprintf(text, sizeof(text), "%" PRIu64, amount);
	r = amount_write(dirfd, f->file, text, err);
	if (r == -EINVAL && amount_read(dirfd, IDLE_FILE, &idle) == 0 && idle)
		return rbce_error_set(err, r, "the group has cpu.idle, which leaves it no weight");
	return r;
}

static int write_shares(const struct key_file *f, int dirfd, uint64_t weight,
			struct rbce_error *err)
{
	uint64_t shares = (weight * SHARES_DEFAULT + WEIGHT_DEFAULT / 2) / WEIGHT_DEFAULT;

	return write_weight_text(f, dirfd, clamp(shares, SHARES_MIN, SHARES_MAX), err);
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

static struct bandwidth bandwidth_of(uint64_t amount)
{
	if (amount == RBCE_UNLIMITED)
		return (struct bandwidth){RBCE_UNLIMITED, PERIOD};
	return (struct bandwidth){quota_of(amount), period_of(amount)};
}

static int read_v1(const struct key_file *f, int dirfd, struct bandwidth *ret)
{
	struct bandwidth b;
	int r;

	r = amount_read(dirfd, f->file, &b.quota);
	if (r == 0)
		r = amount_read(dirfd, PERIOD_FILE, &b.period);
	if (r == 0)
		*ret = b;
	return r;
}

static int read_quota(const struct key_file *f, int dirfd, uint64_t *ret)
{
	struct bandwidth b = {0, 0};
	int r = read_v1(f, dirfd, &b);

	return r < 0 ? r : amount_of(b.quota, b.period, ret);
}

/* What the group may save up must fit into a period's quota. */
static int explain_burst(int dirfd, const char *file, const struct bandwidth *b,
			 struct rbce_error *err)
{
	char saved[RBCE_UNITS_SIZE], quota[RBCE_UNITS_SIZE];
	uint64_t burst;

	if (amount_read(dirfd, file, &burst) < 0 || burst <= b->quota)
		return 0;
	return rbce_error_set(err, -EINVAL,
			      "cpu.burst is %s, more than the limit's %s in each period",
			      rbce_format_duration(burst, saved),
			      rbce_format_duration(b->quota, quota));
}

/*
 * v1 refuses a quota over that of a group above, or under that of one below; an unlimited group
 * counts as having the limit of the next above. Says which it is.
 */
static int explain_refusal(const struct key_file *f, int dirfd, const struct bandwidth *b,
			   struct rbce_error *err)
{
	cleanup_close int group = openat(dirfd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	char limit[RBCE_UNITS_SIZE];
	uint64_t above, amount;

	if (explain_burst(dirfd, BURST_FILE_V1, b, err) < 0 ||
	    amount_of(b->quota, b->period, &amount) < 0)
		return -EINVAL;
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

static int write_v1(const struct key_file *f, int dirfd, const struct bandwidth *b,
		    struct rbce_error *err)
{
	char text[AMOUNT_SIZE], old_quota[AMOUNT_SIZE];
	uint64_t old_period;
	int r;

	if (b->quota == RBCE_UNLIMITED)
		return amount_write(dirfd, f->file, f->unlimited, err);
	r = amount_read(dirfd, PERIOD_FILE, &old_period);
	if (r == 0)
		r = (int)file_read_at(dirfd, f->file, old_quota, sizeof(old_quota));
	if (r < 0)
		return rbce_error_errno(err, r, "%s cannot be read", f->file);
	r = b->period == old_period ? 0 : write_period(f, dirfd, b->period);
	snprintf(text, sizeof(text), "%" PRIu64, b->quota);
	if (r == 0)
		r = file_write_at(dirfd, f->file, text);
	if (r == 0)
		return 0;
	/* The old limit holds on, whatever went wrong. */
	if (b->period != old_period && write_period(f, dirfd, old_period) == 0)
		file_write_at(dirfd, f->file, old_quota);
	if (r == -EINVAL)
		return explain_refusal(f, dirfd, b, err);
	return rbce_error_errno(err, r, "%s refuses '%s'", f->file, text);
}

static int write_quota(const struct key_file *f, int dirfd, uint64_t amount, struct rbce_error *err)
{
	const struct bandwidth b = bandwidth_of(amount);

	return write_v1(f, dirfd, &b, err);
}

static int read_v2(const struct key_file *f, int dirfd, struct bandwidth *ret)
{
	char text[64], *space;
	struct bandwidth b = {.quota = RBCE_UNLIMITED};
	ssize_t n = file_read_at(dirfd, f->file, text, sizeof(text));

	if (n < 0)
		return (int)n;
	space = strchr(text, ' ');
	if (!space || rbce_parse_number(space + 1, 1, UINT32_MAX, &b.period) < 0)
		return -EBADMSG;
	*space = '\0';
	if (!streq(text, f->unlimited) && rbce_parse_number(text, 0, INT64_MAX, &b.quota) < 0)
		return -EBADMSG;
	*ret = b;
	return 0;
}

static int read_max(const struct key_file *f, int dirfd, uint64_t *ret)
{
	struct bandwidth b = {0, 0};
	int r = read_v2(f, dirfd, &b);

	return r < 0 ? r : amount_of(b.quota, b.period, ret);
}

static int write_v2(const struct key_file *f, int dirfd, const struct bandwidth *b,
		    struct rbce_error *err)
{
	char text[2 * AMOUNT_SIZE];
	int r;

	if (b->quota == RBCE_UNLIMITED)
		return amount_write(dirfd, f->file, f->unlimited, err);
	snprintf(text, sizeof(text), "%" PRIu64 " %" PRIu64, b->quota, b->period);
	r = amount_write(dirfd, f->file, text, err);
	if (r == -EINVAL)
		explain_burst(dirfd, BURST_FILE_V2, b, err);
	return r;
}

static int write_max(const struct key_file *f, int dirfd, uint64_t amount, struct rbce_error *err)
{
	const struct bandwidth b = bandwidth_of(amount);

	return write_v2(f, dirfd, &b, err);
}

/* ---- cpu.max as people write it: "150%", or "50ms/200ms" ---- */

static int parse_period(const char *value, struct bandwidth *ret, struct rbce_error *err)
{
	char copy[64], quoted[QUOTED_SIZE], *slash;
	struct bandwidth b;

	amount_quote(value, quoted);
	snprintf(copy, sizeof(copy), "%s", value);
	slash = strchr(copy, '/');
	if (strlen(value) >= sizeof(copy) || !slash)
		return rbce_error_set(err, -EINVAL, "'%s' is not a quota in each period", quoted);
	*slash = '\0';
	if (rbce_parse_duration(copy, &b.quota) < 0 ||
	    rbce_parse_duration(slash + 1, &b.period) < 0 || b.quota == RBCE_UNLIMITED)
		return rbce_error_set(err, -EINVAL,
				      "'%s' is not a quota in each period (like 50ms/200ms)",
				      quoted);
	if (b.quota < QUOTA_MIN || b.period < PERIOD_MIN || b.period > PERIOD_MAX ||
	    b.quota > UINT64_C(100000) * b.period)
		return rbce_error_set(err, -ERANGE,
				      "'%s' is out of range (a quota of at least 1ms in a period "
				      "of 1ms to 1s)",
				      quoted);
	*ret = b;
	return 0;
}

static int check_max(const struct controller_key *key, const char *value, struct rbce_error *err)
{
	struct bandwidth b;
	uint64_t amount;

	return strchr(value, '/') ? parse_period(value, &b, err)
				  : amount_parse(key, value, &amount, err);
}

static int read_bandwidth(const struct controller_key *key, int dirfd, int version,
			  struct bandwidth *ret, struct rbce_error *err)
{
	const struct key_file *f = &key->version[version];
	int r = version == 1 ? read_v1(f, dirfd, ret) : read_v2(f, dirfd, ret);

	return r < 0 ? rbce_error_errno(err, r, "%s cannot be read", f->file) : 0;
}

static int set_max(const struct controller_key *key, struct rbce_container *c, const char *value,
		   struct rbce_error *err)
{
	struct bandwidth b, held;
	int version, r;
	cleanup_close int dir = key_make_group(key, c, &version, err);

	if (dir < 0)
		return dir;
	if (!strchr(value, '/'))
		return key_set_amount(key, dir, version, value, err);
	r = parse_period(value, &b, err);
	if (r == 0)
		r = version == 1 ? write_v1(&key->version[1], dir, &b, err)
				 : write_v2(&key->version[2], dir, &b, err);
	if (r == 0)
		r = read_bandwidth(key, dir, version, &held, err);
	if (r < 0)
		return r;
	if (held.quota != b.quota || held.period != b.period)
		return rbce_error_set(err, -EIO, "the kernel holds another quota or period");
	return 0;
}

static int get_max(const struct controller_key *key, struct rbce_container *c, char *buf,
		   size_t size, struct rbce_error *err)
{
	struct bandwidth b, usual;
	char text[2 * AMOUNT_SIZE];
	uint64_t amount = 0;
	int version, r;
	cleanup_close int dir = key_open_group(key, c, &version, err);

	if (dir < 0)
		return dir;
	r = read_bandwidth(key, dir, version, &b, err);
	if (r == 0 && amount_of(b.quota, b.period, &amount) < 0)
		r = rbce_error_errno(err, -EBADMSG, "%s cannot be read",
				     key->version[version].file);
	if (r < 0)
		return r;
	usual = bandwidth_of(amount);
	if (b.quota == usual.quota && (b.quota == RBCE_UNLIMITED || b.period == usual.period))
		return key_give(key, amount_format(key, amount, text), buf, size, err);
	snprintf(text, sizeof(text), "%" PRIu64 "us/%" PRIu64 "us", b.quota, b.period);
	return key_give(key, text, buf, size, err);
}

static int holds_max(const struct controller_key *key, struct rbce_container *c, const char *value,
		     struct rbce_error *err)
{
	struct bandwidth b, held;
	int version, r;
	cleanup_close int dir = key_open_group(key, c, &version, err);

	if (dir < 0)
		return dir;
	if (!strchr(value, '/'))
		return key_holds_amount(key, dir, version, value, err);
	r = parse_period(value, &b, err);
	if (r == 0)
		r = read_bandwidth(key, dir, version, &held, err);
	return r < 0 ? r : held.quota == b.quota && held.period == b.period;
}

static const struct key_ops max_ops = {
	.check = check_max, .set = set_max, .get = get_max, .holds = holds_max};

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
			[2] = {.file = "cpu.weight", .write = write_weight_text},
		},
};

const struct controller_key controller_cpu_max = {
	.name = "cpu.max",
	.help = "hard limit of CPU time, in percent of one CPU (150%) or for each period, or max",
	.values = "PERCENT | QUOTA/PERIOD",
	.controller = RBCE_CPU,
	.initial = "max",
	.unit = CONTROLLER_PERCENT,
	.scope = SCOPE_LOWEST,
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
	.ops = &max_ops,
};

const struct controller_key controller_cpu_burst = {
	.name = "cpu.burst",
	.help = "CPU time under cpu.max that is not used may be saved up to this, for a burst "
		"later",
	.initial = "0s",
	.controller = RBCE_CPU,
	.unit = CONTROLLER_TIME,
	.flags = CONTROLLER_FINITE,
	.max = UINT64_C(100000) * PERIOD_MAX,
	.version = {[1] = {.file = BURST_FILE_V1}, [2] = {.file = BURST_FILE_V2}},
};

const struct controller_key controller_cpu_idle = {
	.name = "cpu.idle",
	.help = "runs only when no other group wants the CPU (with it there is no cpu.weight)",
	.initial = "no",
	.controller = RBCE_CPU,
	.unit = CONTROLLER_SWITCH,
	.max = 1,
	.version = {[1] = {.file = IDLE_FILE}, [2] = {.file = IDLE_FILE}},
};
