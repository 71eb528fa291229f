// SPDX-License-Identifier: LGPL-2.1-or-later
/* What control groups impose; see limits-internal.h and Documentation/admin-guide/cgroup-v2.rst. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "limits-internal.h"
#include "util.h"

/* Slots of chain.file; the last ones are for huge pages, three for each size. */
enum {
	CPU_MAX,
	CPU_PERIOD,
	CPUS,
	CPUS_SET,
	MEM_MAX,
	MEM_USED,
	MEM_PEAK,
	MEM_HIGH,
	MEM_SOFT,
	SWAP_MAX,
	SWAP_USED,
	SWAP_PEAK,
	DIRTY_MAX,
	DIRTY_USED,
	MEM_STAT,
	PIDS_MAX,
	PIDS_USED,
	PIDS_PEAK,
	IO_FIRST,
	IO_LAST = IO_FIRST + 3,
	HUGE_FIRST,
};
_Static_assert(HUGE_FIRST + 3 * SIZES <= SLOTS, "no room for huge pages");

/* v1 has no peak of memory and swap but of both, and no usage of swap alone. */
static const char *const files[HUGE_FIRST][3] = {
	[CPU_MAX] = {NULL, "cpu.cfs_quota_us", "cpu.max"},
	[CPU_PERIOD] = {NULL, "cpu.cfs_period_us", NULL},
	[CPUS] = {NULL, "cpuset.effective_cpus", "cpuset.cpus.effective"},
	[CPUS_SET] = {NULL, "cpuset.cpus", NULL},
	[MEM_MAX] = {NULL, "memory.limit_in_bytes", "memory.max"},
	[MEM_USED] = {NULL, "memory.usage_in_bytes", "memory.current"},
	[MEM_PEAK] = {NULL, "memory.max_usage_in_bytes", "memory.peak"},
	[MEM_HIGH] = {NULL, NULL, "memory.high"},
	[MEM_SOFT] = {NULL, "memory.soft_limit_in_bytes", "memory.low"},
	[SWAP_MAX] = {NULL, "memory.memsw.limit_in_bytes", "memory.swap.max"},
	[SWAP_USED] = {NULL, NULL, "memory.swap.current"},
	[SWAP_PEAK] = {NULL, NULL, "memory.swap.peak"},
	[DIRTY_MAX] = {NULL, NULL, "memory.dirty.max"},
	[DIRTY_USED] = {NULL, NULL, "memory.dirty.current"},
	[MEM_STAT] = {NULL, "memory.stat", NULL},
	[PIDS_MAX] = {NULL, "pids.max", "pids.max"},
	[PIDS_USED] = {NULL, "pids.current", "pids.current"},
	[PIDS_PEAK] = {NULL, "pids.peak", "pids.peak"},
	[IO_FIRST] = {NULL, "blkio.throttle.read_bps_device", "io.max"},
	[IO_FIRST + 1] = {NULL, "blkio.throttle.write_bps_device", NULL},
	[IO_FIRST + 2] = {NULL, "blkio.throttle.read_iops_device", NULL},
	[IO_FIRST + 3] = {NULL, "blkio.throttle.write_iops_device", NULL},
};

static const char *const io_kinds[] = {"rbps", "wbps", "riops", "wiops"};

static const struct {
	enum limits_controller controller;
	int max, used, peak; /* slots; -1 for none */
} rows[] = {
	[RBCE_LIMIT_CPU] = {L_CPU, CPU_MAX, -1, -1},
	[RBCE_LIMIT_CPUSET] = {L_CPUSET, CPUS, -1, -1},
	[RBCE_LIMIT_MEMORY] = {L_MEMORY, MEM_MAX, MEM_USED, MEM_PEAK},
	[RBCE_LIMIT_MEMORY_HIGH] = {L_MEMORY, MEM_HIGH, MEM_USED, MEM_PEAK},
	[RBCE_LIMIT_MEMORY_SOFT] = {L_MEMORY, MEM_SOFT, MEM_USED, MEM_PEAK},
	[RBCE_LIMIT_SWAP] = {L_MEMORY, SWAP_MAX, SWAP_USED, SWAP_PEAK},
	[RBCE_LIMIT_DIRTY] = {L_MEMORY, DIRTY_MAX, DIRTY_USED, -1},
	[RBCE_LIMIT_PIDS] = {L_PIDS, PIDS_MAX, PIDS_USED, PIDS_PEAK},
	[RBCE_LIMIT_IO] = {L_IO, IO_FIRST, -1, -1},
	[RBCE_LIMIT_HUGETLB] = {L_HUGETLB, HUGE_FIRST, HUGE_FIRST + 1, HUGE_FIRST + 2},
};

bool limits_is_group(int resource)
{
	return resource < (int)ARRAY_SIZE(rows);
}

const char *limits_io_kind(unsigned kind)
{
	return io_kinds[kind];
}

/* The file of a slot in hierarchies of VERSION, NULL for none; BUF has room for a made-up name. */
static const char *file_name(const struct rbce_limits *l, int slot, int version, char *buf,
			     size_t size)
{
	static const char *const huge[3][3] = {
		{NULL, "limit_in_bytes", "max"},
		{NULL, "usage_in_bytes", "current"},
		{NULL, "max_usage_in_bytes", NULL},
	};
	int n = slot - HUGE_FIRST;
	const char *last;

	if (n < 0)
		return files[slot][version];
	last = huge[n % 3][version];
	if (!last || n / 3 >= (int)l->n_sizes)
		return NULL;
	snprintf(buf, size, "hugetlb.%s.%s", l->size[n / 3], last);
	return buf;
}

static ssize_t read_text(struct rbce_limits *l, struct chain *c, int level, int slot, char *buf,
			 size_t size)
{
	char made[64];
	const char *name = file_name(l, slot, c->version, made, sizeof(made));
	bool limit = slot != MEM_USED && slot != PIDS_USED && slot != SWAP_USED && slot != MEM_STAT;

	if (!name)
		return -EOPNOTSUPP;
	if (c->dir[level] < 0)
		return c->dir[level];
	return limits_read_slot(l, c->dir[level], name, &c->file[level][slot], limit, buf, size);
}

static int read_amount(struct rbce_limits *l, struct chain *c, int level, int slot, uint64_t *ret)
{
	char text[64];
	ssize_t n = read_text(l, c, level, slot, text, sizeof(text));
	uint64_t amount;

	if (n < 0)
		return (int)n;
	if (limits_number(text, &amount) < 0)
		return -EBADMSG;
	/* "No limit" of bytes is a number too, the largest of whole pages. */
	if (slot >= MEM_MAX && slot != PIDS_MAX && amount > INT64_MAX - (UINT64_C(64) << 10))
		amount = RBCE_LIMIT_NONE;
	if (slot >= HUGE_FIRST && amount > UINT64_C(1) << 62)
		amount = RBCE_LIMIT_NONE;
	*ret = amount;
	return 0;
}

static int read_cpu(struct rbce_limits *l, struct chain *c, int level, uint64_t *ret)
{
	uint64_t quota, period;
	char text[64], *space;
	ssize_t n = read_text(l, c, level, CPU_MAX, text, sizeof(text));

	if (n < 0)
		return (int)n;
	space = strchr(text, ' ');
	if (space)
		*space = '\0';
	if (limits_number(text, &quota) < 0)
		return -EBADMSG;
	if (quota == RBCE_LIMIT_NONE) {
		*ret = quota;
		return 0;
	}
	if (c->version == 1)
		n = read_amount(l, c, level, CPU_PERIOD, &period);
	else
		n = space ? limits_number(space + 1, &period) : -EBADMSG;
	if (n < 0)
		return (int)n;
	if (period == 0 || period == RBCE_LIMIT_NONE)
		return -EBADMSG;
	*ret = (uint64_t)(((__uint128_t)quota * 100000 + period / 2) / period);
	return 0;
}

/* v1 limits memory and swap together: swap is what that leaves beside memory. */
static int read_swap(struct rbce_limits *l, struct chain *c, int level, uint64_t *ret)
{
	uint64_t both, memory;
	int r = read_amount(l, c, level, SWAP_MAX, &both);

	if (r == 0 && c->version == 1 && both != RBCE_LIMIT_NONE) {
		r = read_amount(l, c, level, MEM_MAX, &memory);
		both = r < 0 || memory == RBCE_LIMIT_NONE || memory > both ? 0 : both - memory;
	}
	if (r == 0)
		*ret = both;
	return r;
}

/* The CPUs of a level; a group without the controller has those of the next above. */
static int read_cpus(struct rbce_limits *l, struct chain *c, int level, char *buf, size_t size)
{
	ssize_t n = -ENOENT;

	for (; level < c->n && (n == -ENOENT || n == 0); level++) {
		n = read_text(l, c, level, CPUS, buf, size);
		if (n == -ENOENT && c->version == 1)
			n = read_text(l, c, level, CPUS_SET, buf, size);
	}
	return n < 0 ? (int)n : 0;
}

/* Only a group that has less than the one above takes something away. */
static int read_cpuset(struct rbce_limits *l, struct chain *c, int level, uint64_t *ret)
{
	char own[1024], above[1024];
	int r = read_cpus(l, c, level, own, sizeof(own));

	if (r < 0)
		return r;
	*ret = RBCE_LIMIT_NONE;
	if (level + 1 < c->n && read_cpus(l, c, level + 1, above, sizeof(above)) == 0 &&
	    !streq(own, above))
		*ret = limits_cpus_common(own, own);
	return 0;
}

/* "8:0 rbps=500 wbps=max" (v2) or "8:0 500" (v1): that of KIND; false when it is no such line. */
static bool parse_device(const char *line, int version, unsigned kind, unsigned *ret_major,
			 unsigned *ret_minor, uint64_t *ret)
{
	char text[32], field[16];
	const char *at;
	int used = 0;

	if (sscanf(line, "%u:%u%n", ret_major, ret_minor, &used) != 2 || line[used] != ' ')
		return false;
	at = line + used;
	if (version == 2) {
		const char *end = strchr(line, '\n');

		snprintf(field, sizeof(field), " %s=", io_kinds[kind]);
		at = strstr(at, field);
		if (!at || (end && at > end))
			return false;
		at += strlen(field);
	}
	return sscanf(at, " %31[0-9a-z]", text) == 1 && limits_number(text, ret) == 0;
}

static int read_io(struct rbce_limits *l, struct chain *c, int level, unsigned instance,
		   uint64_t *ret)
{
	char text[TEXT_SIZE / 2];
	unsigned major, minor, kind;
	const struct io_instance *wanted;
	uint64_t amount;
	ssize_t n;

	*ret = RBCE_LIMIT_NONE;
	/* v1 throttles each group on its own, whatever stands above it. */
	if (c->version == 1 && level > 0)
		return 0;
	kind = instance < l->n_io ? l->io[instance].kind : 0;
	n = read_text(l, c, level, IO_FIRST + (c->version == 1 ? (int)kind : 0), text,
		      sizeof(text));
	if (n < 0 || instance >= l->n_io)
		return n < 0 ? (int)n : 0;
	wanted = &l->io[instance];
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (parse_device(line, c->version, kind, &major, &minor, &amount) &&
		    major == wanted->major && minor == wanted->minor)
			*ret = amount;
	}
	return 0;
}

static int slot_of(const struct rbce_limit *item, int slot)
{
	return slot < HUGE_FIRST ? slot : slot + 3 * (int)item->instance;
}

static int read_bound(struct gather *g, struct chain *c, int level, uint64_t *ret)
{
	int slot = slot_of(g->item, rows[g->item->resource].max);

	switch (g->item->resource) {
	case RBCE_LIMIT_CPU:
		return read_cpu(g->l, c, level, ret);
	case RBCE_LIMIT_CPUSET:
		return read_cpuset(g->l, c, level, ret);
	case RBCE_LIMIT_SWAP:
		return read_swap(g->l, c, level, ret);
	case RBCE_LIMIT_IO:
		return read_io(g->l, c, level, g->item->instance, ret);
	default:
		return read_amount(g->l, c, level, slot, ret);
	}
}

/*
 * memory.low of v2 protects no more than the groups above protect: one without it undoes those
 * below, and one below without it has none, unless the mount shares the rest out among children.
 */
static void change_protection(struct chain *c, int level, struct rbce_bound *b, bool *below)
{
	if (c->version != 2 || b->status < 0)
		return;
	if (b->value == 0) {
		b->value = level + 1 < c->n && (*below || !c->recursive) ? 0 : RBCE_LIMIT_NONE;
	} else {
		*below = true;
	}
}

/* Where no group has one there is no promise to undo. */
static bool is_promised(struct gather *g, struct chain *c)
{
	uint64_t amount;

	for (int level = 0; level < c->n; level++)
		if (read_amount(g->l, c, level, MEM_SOFT, &amount) == 0 && amount)
			return true;
	return false;
}

static void gather_level(struct gather *g, struct chain *c, int level, bool *below)
{
	struct rbce_bound b = {.source = RBCE_BY_CONTAINER,
			       .level = level,
			       .value = RBCE_LIMIT_NONE};
	int used = rows[g->item->resource].used;

	b.status = read_bound(g, c, level, &b.value);
	/*
	 * The topmost group has no limits; others may do without the controller; and where a group
	 * that was asked for is in other hierarchies only, those above it hold.
	 */
	if (b.status == -ENOENT && (c->dir[level] >= 0 || !g->l->pid))
		return;
	if (b.status == -EOPNOTSUPP)
		return;
	if (g->item->resource == RBCE_LIMIT_MEMORY_SOFT)
		change_protection(c, level, &b, below);
	if (b.status == 0 && used >= 0 && (b.value != RBCE_LIMIT_NONE || !g->out))
		b.has_usage = read_amount(g->l, c, level, slot_of(g->item, used), &b.usage) == 0;
	limits_bound(g, &b);
}

/* v1 tells the lowest limit of all groups above, also of those that a namespace hides. */
static void gather_hidden(struct gather *g, struct chain *c)
{
	struct rbce_bound b = {.source = RBCE_BY_HIDDEN};
	char text[TEXT_SIZE / 2];

	if (g->item->resource != RBCE_LIMIT_MEMORY || c->version != 1 || !c->hidden || c->n == 0 ||
	    read_text(g->l, c, 0, MEM_STAT, text, sizeof(text)) < 0)
		return;
	for (char *p = text; (p = strchr(p, ' ')); p++)
		*p = ':';
	if (limits_field_number(text, "hierarchical_memory_limit", &b.value) &&
	    b.value < INT64_MAX - (UINT64_C(64) << 10))
		limits_bound(g, &b);
}

void limits_gather_groups(struct gather *g)
{
	struct chain *c = limits_chain(g->l, rows[g->item->resource].controller);
	struct rbce_bound failure = {.source = RBCE_BY_CONTAINER, .value = RBCE_LIMIT_NONE};
	bool below = false;

	if (!c || c->status == -EOPNOTSUPP ||
	    !file_name(g->l, slot_of(g->item, rows[g->item->resource].max), c->version,
		       (char[64]){0}, 64))
		return;
	if (g->out && c->hidden)
		g->out->has |= RBCE_HAS_HIDDEN;
	if (g->item->resource != RBCE_LIMIT_MEMORY_SOFT || c->version != 2 || is_promised(g, c))
		for (int level = 0; level < c->n; level++)
			gather_level(g, c, level, &below);
	else if (g->out)
		g->out->has |= RBCE_HAS_LIMIT;
	if (g->bounds == 0 && c->n && g->out)
		g->out->has |= RBCE_HAS_LIMIT;
	gather_hidden(g, c);
	failure.status = c->status;
	if (failure.status < 0)
		limits_bound(g, &failure);
	g->bounds++;
}

const char *limits_group_file(const struct rbce_limits *l, const struct rbce_limit *item,
			      enum limits_controller *ret, char *buf, size_t size)
{
	const struct chain *c;
	int slot;

	if (item->resource == RBCE_LIMIT_EGRESS) {
		*ret = L_NET;
		return rbce_resource_name(RBCE_LIMIT_EGRESS);
	}
	c = limits_chain(l, rows[item->resource].controller);
	slot = slot_of(item, rows[item->resource].max);
	*ret = rows[item->resource].controller;
	if (item->resource == RBCE_LIMIT_IO && c && c->version == 1 && item->instance < l->n_io)
		slot += (int)l->io[item->instance].kind;
	return c ? file_name(l, slot, c->version, buf, size) ?: "" : "";
}

uint64_t limits_peak(struct rbce_limits *l, const struct rbce_limit *item)
{
	struct chain *c = limits_chain(l, rows[item->resource].controller);
	int slot = rows[item->resource].peak;
	uint64_t peak;

	if (!c || slot < 0 || item->source != RBCE_BY_CONTAINER || item->level >= c->n ||
	    read_amount(l, c, item->level, slot_of(item, slot), &peak) < 0)
		return RBCE_LIMIT_NONE;
	return peak;
}

static void note_device(struct rbce_limits *l, unsigned major, unsigned minor, unsigned kind)
{
	for (unsigned i = 0; i < l->n_io; i++)
		if (l->io[i].major == major && l->io[i].minor == minor && l->io[i].kind == kind)
			return;
	if (l->n_io < DEVICES)
		l->io[l->n_io++] = (struct io_instance){major, minor, kind};
}

void limits_find_devices(struct rbce_limits *l)
{
	struct chain *c = limits_chain(l, L_IO);
	char text[TEXT_SIZE / 2];

	for (int level = 0; c && level < (c->version == 1 ? c->n > 0 : c->n); level++)
		for (unsigned kind = 0; kind < ARRAY_SIZE(io_kinds); kind++) {
			unsigned major, minor;
			uint64_t amount;

			if (read_text(l, c, level, IO_FIRST + (c->version == 1 ? (int)kind : 0),
				      text, sizeof(text)) < 0)
				continue;
			for (const char *line = text; line; line = strchr(line, '\n')) {
				line += *line == '\n';
				if (parse_device(line, c->version, kind, &major, &minor, &amount) &&
				    amount != RBCE_LIMIT_NONE)
					note_device(l, major, minor, kind);
			}
		}
}
