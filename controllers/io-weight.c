// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The share of disks among competing groups: io.weight, 1 to 10000, default 100.
 *
 * The kernel has it up to twice: iocost's io.weight (v2), and that of the BFQ scheduler, which has
 * fewer weights. Which of them a disk goes by is a matter of its settings, so each that is there is
 * written; what is read is the first. BFQ's and the old CFQ's weights are those that systemd gives
 * them for the same IOWeight=, so that groups of either's making compare.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <rbce/units.h>

#include "file.h"
#include "internal.h"
#include "util.h"

enum { WEIGHT_DEFAULT = 100, WEIGHT_MAX = 10000 };
enum { BFQ_MAX = 1000, CFQ_MIN = 10, CFQ_DEFAULT = 500, CFQ_MAX = 1000 };

static uint64_t same(uint64_t weight)
{
	return weight;
}

/* Up to the default they are alike; from there 9900 weights become 900. */
static uint64_t to_bfq(uint64_t weight)
{
	return weight <= WEIGHT_DEFAULT
		       ? weight
		       : WEIGHT_DEFAULT + (weight - WEIGHT_DEFAULT) * (BFQ_MAX - WEIGHT_DEFAULT) /
						  (WEIGHT_MAX - WEIGHT_DEFAULT);
}

/* The least weight that becomes that one. */
static uint64_t from_bfq(uint64_t weight)
{
	return weight <= WEIGHT_DEFAULT ? weight
					: WEIGHT_DEFAULT + (weight - WEIGHT_DEFAULT) *
								   (WEIGHT_MAX - WEIGHT_DEFAULT) /
								   (BFQ_MAX - WEIGHT_DEFAULT);
}

static uint64_t to_cfq(uint64_t weight)
{
	uint64_t amount = weight * CFQ_DEFAULT / WEIGHT_DEFAULT;

	return amount < CFQ_MIN ? CFQ_MIN : amount > CFQ_MAX ? CFQ_MAX : amount;
}

static uint64_t from_cfq(uint64_t weight)
{
	return weight * WEIGHT_DEFAULT / CFQ_DEFAULT;
}

static const struct weight_file {
	int version;
	const char *file;
	const char *prefix; /* of what is written */
	uint64_t (*to)(uint64_t weight);
	uint64_t (*from)(uint64_t amount);
} files[] = {
	{2, "io.weight", "default ", same, same},
	{2, "io.bfq.weight", "default ", to_bfq, from_bfq},
	{1, "blkio.bfq.weight", "", to_bfq, from_bfq},
	{1, "blkio.weight", "", to_cfq, from_cfq},
};

/*
 * The next file of the group after AFTER (NULL for the first), NULL for none. A scheduler may be
 * loaded later: its file is not there before.
 */
static const struct weight_file *next_file(int dirfd, int version, const struct weight_file *after)
{
	for (size_t i = after ? (size_t)(after - files) + 1 : 0; i < ARRAY_SIZE(files); i++)
		if (files[i].version == version && faccessat(dirfd, files[i].file, F_OK, 0) == 0)
			return &files[i];
	return NULL;
}

static int no_file(const struct controller_key *key, int dirfd, int version, struct rbce_error *err)
{
	if (faccessat(dirfd, "cgroup.procs", F_OK, 0) < 0)
		return rbce_error_set(err, -ENOENT, "the group is gone");
	return rbce_error_set(err, -EOPNOTSUPP,
			      version == 1 ? "%s needs 'blkio.bfq.weight' (the BFQ scheduler), "
					     "which the group does not have"
					   : "%s needs 'io.weight' or 'io.bfq.weight' (iocost or "
					     "the BFQ scheduler), which the group does not have",
			      key->name);
}

/* "100" or "default 100", and on v2 lines for single devices below. */
static int read_amount(int dirfd, const char *file, uint64_t *ret)
{
	cleanup_free char *text = NULL;
	const char *number;
	ssize_t n = file_read_all_at(dirfd, file, &text);

	if (n < 0)
		return (int)n;
	text[strcspn(text, "\n")] = '\0';
	number = after_prefix(text, "default ") ?: text;
	return rbce_parse_number(number, 1, WEIGHT_MAX, ret) < 0 ? -EBADMSG : 0;
}

static int write_amount(int dirfd, const struct weight_file *f, uint64_t amount,
			struct rbce_error *err)
{
	char text[64];

	snprintf(text, sizeof(text), "%s%" PRIu64, f->prefix, amount);
	return amount_write(dirfd, f->file, text, err);
}

static int set_file(int dirfd, const struct weight_file *f, uint64_t amount, struct rbce_error *err)
{
	uint64_t held;
	int r = write_amount(dirfd, f, amount, err);

	if (r < 0)
		return r;
	r = read_amount(dirfd, f->file, &held);
	if (r < 0)
		return rbce_error_errno(err, r, "%s cannot be read back", f->file);
	if (held != amount)
		return rbce_error_set(err, -EIO,
				      "the kernel holds %" PRIu64 " instead of %" PRIu64 " in %s",
				      held, amount, f->file);
	return 0;
}

static int check(const struct controller_key *key, const char *value, struct rbce_error *err)
{
	uint64_t weight;

	return amount_parse(key, value, &weight, err);
}

/* The group, with its first file in *RET_FILE. */
static int open_first(const struct controller_key *key, struct rbce_container *c,
		      const struct weight_file **ret_file, struct rbce_error *err)
{
	int version = rbce_container_version(c, key->controller);
	cleanup_close int dir = key_open_directory(key, c, err);

	if (dir < 0)
		return dir;
	*ret_file = next_file(dir, version, NULL);
	if (!*ret_file)
		return no_file(key, dir, version, err);
	return TAKE_FD(dir);
}

static int set(const struct controller_key *key, struct rbce_container *c, const char *value,
	       struct rbce_error *err)
{
	const struct weight_file *first, *f, *written[ARRAY_SIZE(files)];
	cleanup_close int dir = open_first(key, c, &first, err);
	uint64_t weight, old[ARRAY_SIZE(files)];
	size_t n = 0;
	int r;

	if (dir < 0)
		return dir;
	r = amount_parse(key, value, &weight, err);
	for (f = first; r == 0 && f; f = next_file(dir, f->version, f)) {
		r = read_amount(dir, f->file, &old[n]);
		if (r < 0) {
			rbce_error_errno(err, r, "%s cannot be read", f->file);
			break;
		}
		written[n++] = f;
		r = set_file(dir, f, f->to(weight), err);
	}
	/* All or none. */
	while (r < 0 && n-- > 0)
		write_amount(dir, written[n], old[n], NULL);
	return r;
}

static int get(const struct controller_key *key, struct rbce_container *c, char *buf, size_t size,
	       struct rbce_error *err)
{
	const struct weight_file *f;
	cleanup_close int dir = open_first(key, c, &f, err);
	uint64_t amount;
	int r;

	if (dir < 0)
		return dir;
	r = read_amount(dir, f->file, &amount);
	if (r < 0)
		return rbce_error_errno(err, r, "%s cannot be read", f->file);
	r = snprintf(buf, size, "%" PRIu64, f->from(amount));
	return (size_t)r < size ? 0 : rbce_error_errno(err, -E2BIG, "%s cannot be read", f->file);
}

static int holds(const struct controller_key *key, struct rbce_container *c, const char *value,
		 struct rbce_error *err)
{
	const struct weight_file *first, *f;
	cleanup_close int dir = open_first(key, c, &first, err);
	uint64_t weight, amount;
	int r;

	if (dir < 0)
		return dir;
	r = amount_parse(key, value, &weight, err);
	if (r < 0)
		return r;
	for (f = first; f; f = next_file(dir, f->version, f)) {
		r = read_amount(dir, f->file, &amount);
		if (r < 0)
			return rbce_error_errno(err, r, "%s cannot be read", f->file);
		if (amount != f->to(weight))
			return 0;
	}
	return 1;
}

static int supported(const struct controller_key *key, struct rbce_container *c,
		     struct rbce_error *err)
{
	const struct weight_file *f;
	cleanup_close int dir = open_first(key, c, &f, err);

	return dir < 0 ? dir : 0;
}

static const struct key_ops ops = {
	.check = check, .set = set, .get = get, .holds = holds, .supported = supported};

const struct controller_key controller_io_weight = {
	.name = "io.weight",
	.help = "share of disks when groups compete for them, 1 to 10000 (default 100)",
	.initial = "100",
	.controller = RBCE_IO,
	.unit = CONTROLLER_WEIGHT,
	.min = 1,
	.max = WEIGHT_MAX,
	.ops = &ops,
};
