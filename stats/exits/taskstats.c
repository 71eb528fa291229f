// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel's records of tasks; see taskstats.h. */
#include "taskstats.h"

#include <assert.h>
#include <errno.h>
#include <linux/acct.h>
#include <linux/cgroupstats.h>
#include <linux/taskstats.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>

#include "util.h"

/* Version 14 has these two more than the header of version 13, which Debian 12 has. */
enum {
	SIZE_13 = offsetof(struct taskstats, wpcopy_delay_total) + sizeof(__u64),
	IRQ_COUNT = SIZE_13,
	IRQ_TOTAL = IRQ_COUNT + sizeof(__u64),
};
static_assert(SIZE_13 == 416, "the header is one of version 15");

/* In version 15: this much behind each sum of delays. */
enum { MISPLACED_VERSION = 15, MISPLACED_SIZE = 2 * sizeof(__u64) };

#define AT(member) offsetof(struct taskstats, member)

/* clang-format off */

/* Where the kernel has what is kept; all are 64 bits wide. */
static const struct {
	uint16_t offset;
	uint16_t multiply, divide; /* to get our unit; 0 meaning 1 */
} places[USAGE_COUNT] = {
	[USAGE_ELAPSED]			= { AT(ac_etime) },
	[USAGE_CPU_USER]		= { AT(ac_utime) },
	[USAGE_CPU_SYSTEM]		= { AT(ac_stime) },
	[USAGE_MINOR_FAULTS]		= { AT(ac_minflt) },
	[USAGE_MAJOR_FAULTS]		= { AT(ac_majflt) },
	[USAGE_READ_CHARS]		= { AT(read_char) },
	[USAGE_WRITTEN_CHARS]		= { AT(write_char) },
	[USAGE_READ]			= { AT(read_bytes) },
	[USAGE_WRITTEN]			= { AT(write_bytes) },
	[USAGE_CANCELLED]		= { AT(cancelled_write_bytes) },
	[USAGE_RSS]			= { AT(hiwater_rss), .multiply = 1024 },
	[USAGE_VIRTUAL]			= { AT(hiwater_vm), .multiply = 1024 },
	[USAGE_VOLUNTARY]		= { AT(nvcsw) },
	[USAGE_INVOLUNTARY]		= { AT(nivcsw) },
	[USAGE_CPU_WAITS]		= { AT(cpu_count) },
	[USAGE_CPU_DELAY]		= { AT(cpu_delay_total), .divide = 1000 },
	[USAGE_BLOCK_WAITS]		= { AT(blkio_count) },
	[USAGE_BLOCK_DELAY]		= { AT(blkio_delay_total), .divide = 1000 },
	[USAGE_SWAP_WAITS]		= { AT(swapin_count) },
	[USAGE_SWAP_DELAY]		= { AT(swapin_delay_total), .divide = 1000 },
	[USAGE_RECLAIM_WAITS]		= { AT(freepages_count) },
	[USAGE_RECLAIM_DELAY]		= { AT(freepages_delay_total), .divide = 1000 },
	[USAGE_THRASHING_WAITS]		= { AT(thrashing_count) },
	[USAGE_THRASHING_DELAY]		= { AT(thrashing_delay_total), .divide = 1000 },
	[USAGE_COMPACTION_WAITS]	= { AT(compact_count) },
	[USAGE_COMPACTION_DELAY]	= { AT(compact_delay_total), .divide = 1000 },
	[USAGE_COPY_WAITS]		= { AT(wpcopy_count) },
	[USAGE_COPY_DELAY]		= { AT(wpcopy_delay_total), .divide = 1000 },
	[USAGE_IRQ_WAITS]		= { IRQ_COUNT },
	[USAGE_IRQ_DELAY]		= { IRQ_TOTAL, .divide = 1000 },
};
/* clang-format on */

struct raw {
	const unsigned char *data;
	size_t size;
	size_t misplaced; /* bytes behind each sum of delays */
};

/* Where this record has what the others have at OFFSET. */
static size_t offset_in(const struct raw *raw, size_t offset)
{
	size_t moved = offset;

	for (size_t i = USAGE_FIRST_DELAY + 1; raw->misplaced && i < USAGE_COUNT; i += 2)
		if (places[i].offset < offset)
			moved += raw->misplaced;
	return moved;
}

/* SIZE bytes at OFFSET into VALUE, which is left as it is where the record is shorter. */
static void copy_field(const struct raw *raw, size_t offset, void *value, size_t size)
{
	offset = offset_in(raw, offset);
	if (offset + size <= raw->size)
		memcpy(value, raw->data + offset, size);
}

static uint32_t field32(const struct raw *raw, size_t offset)
{
	uint32_t value = 0;

	copy_field(raw, offset, &value, sizeof(value));
	return value;
}

static uint64_t field64(const struct raw *raw, size_t offset)
{
	uint64_t value = 0;

	copy_field(raw, offset, &value, sizeof(value));
	return value;
}

static void decode_usage(const struct raw *raw, struct usage *usage)
{
	for (size_t i = USAGE_ELAPSED; i < USAGE_COUNT; i++)
		usage->value[i] = field64(raw, places[i].offset) * (places[i].multiply ?: 1) /
				  (places[i].divide ?: 1);
}

/*
 * The kernel tells user and system time by what ran at each tick of its clock, which is nothing at
 * all for most tasks that live shorter than that; and how long it ran by the scheduler's exact
 * count. So the ticks tell how to divide it.
 */
static void divide_cpu(const struct raw *raw, struct usage *usage)
{
	uint64_t *user = &usage->value[USAGE_CPU_USER], *system = &usage->value[USAGE_CPU_SYSTEM];
	uint64_t ran = field64(raw, AT(cpu_run_virtual_total)) / 1000;
	double ticks = (double)*user + (double)*system;

	if (!ran)
		return;
	*user = ticks > 0 ? (uint64_t)((double)ran * ((double)*user / ticks)) : ran;
	if (*user > ran)
		*user = ran;
	*system = ran - *user;
}

int taskstats_decode(const void *data, size_t size, struct task_record *ret)
{
	struct raw raw = {.data = data, .size = size};
	uint32_t status;
	uint16_t version;
	uint8_t flags = 0;

	if (size < sizeof(version))
		return -EBADMSG;
	memcpy(&version, data, sizeof(version));
	if (version < TASKSTATS_OLDEST)
		return -EPROTONOSUPPORT;
	if (version == MISPLACED_VERSION)
		raw.misplaced = MISPLACED_SIZE;
	if (size < offset_in(&raw, AT(wpcopy_delay_total)) + sizeof(__u64))
		return -EBADMSG;
	*ret = (struct task_record){
		.version = version,
		.pid = (pid_t)field32(&raw, AT(ac_pid)),
		.tgid = (pid_t)field32(&raw, AT(ac_tgid)),
		.parent = (pid_t)field32(&raw, AT(ac_ppid)),
		.uid = field32(&raw, AT(ac_uid)),
		.lifetime = field64(&raw, AT(ac_tgetime)),
		.begin = field64(&raw, AT(ac_btime64)),
		.exe_device = field64(&raw, AT(ac_exe_dev)),
		.exe_inode = field64(&raw, AT(ac_exe_inode)),
	};
	copy_field(&raw, AT(ac_flag), &flags, sizeof(flags));
	status = field32(&raw, AT(ac_exitcode));
	ret->last = flags & AGROUP;
	ret->killed = status & 0x7f;
	ret->failed = status != 0;
	copy_field(&raw, AT(ac_comm), ret->comm, sizeof(ret->comm));
	ret->comm[sizeof(ret->comm) - 1] = '\0';
	decode_usage(&raw, &ret->usage);
	divide_cpu(&raw, &ret->usage);
	return 0;
}

/* The record in ATTRIBUTE, which has an id beside it. */
static int read_record(struct nlattr *attribute, struct task_record *ret)
{
	struct nlattr *parts[TASKSTATS_TYPE_MAX + 1];
	const struct nlattr *stats;

	if (nla_parse_nested(parts, TASKSTATS_TYPE_MAX, attribute, NULL) < 0)
		return -EBADMSG;
	stats = parts[TASKSTATS_TYPE_STATS];
	return stats ? taskstats_decode(nla_data(stats), (size_t)nla_len(stats), ret) : -EBADMSG;
}

int taskstats_read(const void *message, size_t size, struct task_message *ret)
{
	/* libnl does not write to it. */
	struct nlmsghdr *header = (struct nlmsghdr *)(uintptr_t)message;
	struct nlattr *parts[TASKSTATS_TYPE_MAX + 1];
	struct genlmsghdr *generic;
	int r = 0;

	if (!nlmsg_ok(header, size > INT32_MAX ? INT32_MAX : (int)size) ||
	    !genlmsg_valid_hdr(header, 0))
		return -EBADMSG;
	generic = genlmsg_hdr(header);
	if (generic->cmd != TASKSTATS_CMD_NEW ||
	    nla_parse(parts, TASKSTATS_TYPE_MAX, genlmsg_attrdata(generic, 0),
		      genlmsg_attrlen(generic, 0), NULL) < 0)
		return -EBADMSG;
	*ret = (struct task_message){.sequence = header->nlmsg_seq};
	if (parts[TASKSTATS_TYPE_AGGR_PID]) {
		r = read_record(parts[TASKSTATS_TYPE_AGGR_PID], &ret->task);
		ret->has_task = r == 0;
	}
	if (r == 0 && parts[TASKSTATS_TYPE_AGGR_TGID]) {
		r = read_record(parts[TASKSTATS_TYPE_AGGR_TGID], &ret->group);
		ret->has_group = r == 0;
	}
	if (r == 0 && !ret->has_task && !ret->has_group)
		r = -EBADMSG;
	return r;
}

static_assert(sizeof(struct cgroupstats) == TASK_STATES * sizeof(uint64_t),
	      "cgroupstats has the states in our order");

int taskstats_read_states(const void *message, size_t size, uint64_t ret[TASK_STATES])
{
	struct nlmsghdr *header = (struct nlmsghdr *)(uintptr_t)message;
	struct nlattr *parts[CGROUPSTATS_TYPE_MAX + 1];
	const struct nlattr *stats;
	struct genlmsghdr *generic;

	if (!nlmsg_ok(header, size > INT32_MAX ? INT32_MAX : (int)size) ||
	    !genlmsg_valid_hdr(header, 0))
		return -EBADMSG;
	generic = genlmsg_hdr(header);
	if (nla_parse(parts, CGROUPSTATS_TYPE_MAX, genlmsg_attrdata(generic, 0),
		      genlmsg_attrlen(generic, 0), NULL) < 0)
		return -EBADMSG;
	stats = parts[CGROUPSTATS_TYPE_CGROUP_STATS];
	if (!stats || nla_len(stats) < (int)sizeof(struct cgroupstats))
		return -EBADMSG;
	memcpy(ret, nla_data(stats), sizeof(struct cgroupstats));
	return 0;
}
