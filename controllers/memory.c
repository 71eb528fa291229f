// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Memory: the hard limit (memory.max), the brake before it (memory.high, v2 only) and swap
 * (swap.max). What a group keeps when memory is short is in memory-keep.c.
 *
 * The kernel counts in pages and rounds down. v1 shows an unlimited value as the largest number of
 * whole pages, which depends on the page size.
 */
#include <errno.h>
#include <inttypes.h>
#include <rbce/units.h>

#include "file.h"
#include "internal.h"
#include "util.h"

#define MEMSW_FILE "memory.memsw.limit_in_bytes"
#define EXBIBYTE   (UINT64_C(1) << 60)

enum { LARGEST_PAGE = 64 << 10 };

static int read_whole_pages(int dirfd, const char *file, uint64_t *ret)
{
	uint64_t amount;
	int r = amount_read(dirfd, file, &amount);

	if (r < 0)
		return r;
	*ret = amount > INT64_MAX - (uint64_t)LARGEST_PAGE ? RBCE_UNLIMITED : amount;
	return 0;
}

int memory_read_bytes(const struct key_file *f, int dirfd, uint64_t *ret)
{
	return read_whole_pages(dirfd, f->file, ret);
}

static int write_number(int dirfd, const char *file, uint64_t amount)
{
	char text[AMOUNT_SIZE];

	snprintf(text, sizeof(text), "%" PRIu64, amount);
	return file_write_at(dirfd, file, amount == RBCE_UNLIMITED ? "-1" : text);
}

static int refused(const struct key_file *f, int dirfd, int r, uint64_t amount,
		   struct rbce_error *err)
{
	char used[RBCE_UNITS_SIZE], limit[RBCE_UNITS_SIZE];
	uint64_t usage;

	rbce_format_size(amount, limit);
	if (r == -EBUSY && f->usage && amount_read(dirfd, f->usage, &usage) == 0)
		return rbce_error_set(err, r,
				      "the group uses %s, and the kernel cannot reclaim it down to "
				      "%s",
				      rbce_format_size(usage, used), limit);
	return rbce_error_errno(err, r, "%s refuses %s", f->file, limit);
}

/* Memory and swap together for a new AMOUNT of memory: the room for swap stays what it was. */
static uint64_t with_swap(uint64_t amount, uint64_t old, uint64_t old_memsw)
{
	uint64_t memsw;

	if (old_memsw == RBCE_UNLIMITED || amount == RBCE_UNLIMITED || old > old_memsw ||
	    __builtin_add_overflow(amount, old_memsw - old, &memsw))
		return RBCE_UNLIMITED;
	return memsw;
}

/* v1 keeps memory <= memory and swap at every moment: the order depends on the direction. */
static int write_max_v1(const struct key_file *f, int dirfd, uint64_t amount,
			struct rbce_error *err)
{
	uint64_t old, old_memsw = RBCE_UNLIMITED, memsw;
	int r;

	r = read_whole_pages(dirfd, f->file, &old);
	if (r < 0)
		return rbce_error_errno(err, r, "%s cannot be read", f->file);
	/* Without swap accounting there is no such file, and nothing to keep in step. */
	read_whole_pages(dirfd, MEMSW_FILE, &old_memsw);
	memsw = with_swap(amount, old, old_memsw);
	if (memsw > old_memsw)
		r = write_number(dirfd, MEMSW_FILE, memsw);
	if (r == 0) {
		r = write_number(dirfd, f->file, amount);
		if (r < 0 && memsw > old_memsw)
			write_number(dirfd, MEMSW_FILE, old_memsw);
	}
	if (r == 0 && memsw < old_memsw)
		r = write_number(dirfd, MEMSW_FILE, memsw);
	return r < 0 ? refused(f, dirfd, r, amount, err) : 0;
}

/*
 * v1 limits memory and swap together: the room for swap is what that limit leaves beside memory's.
 * Without a limit of memory there is no telling it.
 */
static int read_swap(const struct key_file *f, int dirfd, uint64_t *ret)
{
	uint64_t memory, memsw;
	int r;

	r = read_whole_pages(dirfd, "memory.limit_in_bytes", &memory);
	if (r == 0)
		r = read_whole_pages(dirfd, f->file, &memsw);
	if (r < 0)
		return r;
	*ret = memsw == RBCE_UNLIMITED ? RBCE_UNLIMITED : memsw > memory ? memsw - memory : 0;
	return 0;
}

static int write_swap(const struct key_file *f, int dirfd, uint64_t amount, struct rbce_error *err)
{
	uint64_t memory, memsw = RBCE_UNLIMITED;
	int r;

	r = read_whole_pages(dirfd, "memory.limit_in_bytes", &memory);
	if (r < 0)
		return rbce_error_errno(err, r, "memory.limit_in_bytes cannot be read");
	if (amount != RBCE_UNLIMITED && memory == RBCE_UNLIMITED)
		return rbce_error_set(err, -EINVAL,
				      "cgroup v1 limits memory and swap together: swap.max needs a "
				      "memory.max");
	if (amount != RBCE_UNLIMITED && __builtin_add_overflow(memory, amount, &memsw))
		memsw = RBCE_UNLIMITED;
	r = write_number(dirfd, f->file, memsw);
	return r < 0 ? refused(f, dirfd, r, memsw, err) : 0;
}

#define USAGE_V1 "memory.usage_in_bytes"
#define USAGE_V2 "memory.current"

const struct controller_key controller_memory_max = {
	.name = "memory.max",
	.help = "hard limit of memory, over which tasks of the group are killed (4G, max)",
	.controller = RBCE_MEMORY,
	.initial = "max",
	.unit = CONTROLLER_BYTES,
	.scope = SCOPE_LOWEST,
	.max = 7 * EXBIBYTE,
	.version =
		{
			[1] = {.file = "memory.limit_in_bytes",
			       .usage = USAGE_V1,
			       .read = memory_read_bytes,
			       .write = write_max_v1},
			[2] = {.file = "memory.max", .usage = USAGE_V2, .unlimited = "max"},
		},
};

const struct controller_key controller_memory_high = {
	.name = "memory.high",
	.help = "memory over which the group is slowed down and reclaimed (cgroup v2)",
	.controller = RBCE_MEMORY,
	.initial = "max",
	.unit = CONTROLLER_BYTES,
	.scope = SCOPE_LOWEST,
	.max = 7 * EXBIBYTE,
	.version =
		{
			[2] = {.file = "memory.high", .usage = USAGE_V2, .unlimited = "max"},
		},
};

const struct controller_key controller_memory_oom_group = {
	.name = "memory.oom.group",
	.help = "when memory runs out all tasks of the group are killed, not one",
	.initial = "no",
	.controller = RBCE_MEMORY,
	.unit = CONTROLLER_SWITCH,
	.max = 1,
	.version = {[2] = {.file = "memory.oom.group"}},
};

const struct controller_key controller_swap_max = {
	.name = "swap.max",
	.help = "hard limit of swap (1G, 0, max)",
	.initial = "max",
	.controller = RBCE_MEMORY,
	.unit = CONTROLLER_BYTES,
	.scope = SCOPE_LOWEST,
	.max = 7 * EXBIBYTE,
	.version =
		{
			[1] = {.file = MEMSW_FILE, .read = read_swap, .write = write_swap},
			[2] = {.file = "memory.swap.max",
			       .usage = "memory.swap.current",
			       .unlimited = "max"},
		},
};
