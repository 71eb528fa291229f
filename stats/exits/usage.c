// SPDX-License-Identifier: GPL-2.0-or-later
/* The table of what is kept of tasks that ended; see usage.h. */
#include "usage.h"

/* clang-format off */

#define NUMBER(name)	.column = name, .view = name, .unit = USAGE_NUMBER
#define BYTES(name)	.column = name "_bytes", .view = name "_bytes", .unit = USAGE_BYTES
#define USEC(name)	.column = name "_usec", .view = name "_seconds", .unit = USAGE_USEC
#define HIGHEST		.highest = true

const struct usage_info usage_fields[USAGE_COUNT] = {
	[USAGE_EXITS]			= { NUMBER("exits") },
	[USAGE_FAILED]			= { NUMBER("failed") },
	[USAGE_KILLED]			= { NUMBER("killed") },
	[USAGE_THREADS]			= { NUMBER("threads") },
	[USAGE_ELAPSED]			= { USEC("elapsed") },
	[USAGE_CPU_USER]		= { USEC("cpu_user") },
	[USAGE_CPU_SYSTEM]		= { USEC("cpu_system") },
	[USAGE_MINOR_FAULTS]		= { NUMBER("minor_faults") },
	[USAGE_MAJOR_FAULTS]		= { NUMBER("major_faults") },
	[USAGE_READ_CHARS]		= { BYTES("read_calls") },
	[USAGE_WRITTEN_CHARS]		= { BYTES("write_calls") },
	[USAGE_READ]			= { BYTES("io_read") },
	[USAGE_WRITTEN]			= { BYTES("io_written") },
	[USAGE_CANCELLED]		= { BYTES("io_cancelled") },
	[USAGE_RSS]			= { BYTES("rss_peak"), HIGHEST },
	[USAGE_VIRTUAL]			= { BYTES("virtual_peak"), HIGHEST },
	[USAGE_VOLUNTARY]		= { NUMBER("voluntary_switches") },
	[USAGE_INVOLUNTARY]		= { NUMBER("involuntary_switches") },
	[USAGE_CPU_WAITS]		= { NUMBER("cpu_waits") },
	[USAGE_CPU_DELAY]		= { USEC("cpu_delay") },
	[USAGE_BLOCK_WAITS]		= { NUMBER("block_io_waits") },
	[USAGE_BLOCK_DELAY]		= { USEC("block_io_delay") },
	[USAGE_SWAP_WAITS]		= { NUMBER("swap_in_waits") },
	[USAGE_SWAP_DELAY]		= { USEC("swap_in_delay") },
	[USAGE_RECLAIM_WAITS]		= { NUMBER("reclaim_waits") },
	[USAGE_RECLAIM_DELAY]		= { USEC("reclaim_delay") },
	[USAGE_THRASHING_WAITS]		= { NUMBER("thrashing_waits") },
	[USAGE_THRASHING_DELAY]		= { USEC("thrashing_delay") },
	[USAGE_COMPACTION_WAITS]	= { NUMBER("compaction_waits") },
	[USAGE_COMPACTION_DELAY]	= { USEC("compaction_delay") },
	[USAGE_COPY_WAITS]		= { NUMBER("copy_waits") },
	[USAGE_COPY_DELAY]		= { USEC("copy_delay") },
	[USAGE_IRQ_WAITS]		= { NUMBER("irq_waits") },
	[USAGE_IRQ_DELAY]		= { USEC("irq_delay") },
};
/* clang-format on */

void usage_add(struct usage *sum, const struct usage *more)
{
	for (size_t i = 0; i < USAGE_COUNT; i++)
		if (!usage_fields[i].highest)
			sum->value[i] += more->value[i];
		else if (more->value[i] > sum->value[i])
			sum->value[i] = more->value[i];
}

static uint64_t cpu_of(const struct usage *usage)
{
	return usage->value[USAGE_CPU_USER] + usage->value[USAGE_CPU_SYSTEM];
}

void usage_set_cpu(struct usage *usage, const struct usage *before)
{
	uint64_t *user = &usage->value[USAGE_CPU_USER], *system = &usage->value[USAGE_CPU_SYSTEM];
	uint64_t cpu = cpu_of(usage), least = before->value[USAGE_CPU_USER];

	if (cpu <= cpu_of(before)) {
		*user = least;
		*system = before->value[USAGE_CPU_SYSTEM];
		return;
	}
	if (*system < before->value[USAGE_CPU_SYSTEM])
		*user = cpu - before->value[USAGE_CPU_SYSTEM];
	if (*user < least)
		*user = least;
	*system = cpu - *user;
}

void usage_join(struct usage *members, const struct usage *group)
{
	/* Those two are parts of one number, and may be divided otherwise in each. */
	bool more = cpu_of(group) > cpu_of(members);

	for (size_t i = 0; i < USAGE_COUNT; i++)
		if (i == USAGE_CPU_USER || i == USAGE_CPU_SYSTEM
			    ? more
			    : group->value[i] > members->value[i])
			members->value[i] = group->value[i];
}
