/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What tasks that ended had used, in numbers that add up: one table row for each. The record of the
 * kernel, the tables of the database and its view derive from it.
 */
#ifndef STATS_EXITS_USAGE_H
#define STATS_EXITS_USAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum usage_field {
	USAGE_EXITS,
	USAGE_FAILED,
	USAGE_KILLED,
	USAGE_THREADS,
	USAGE_ELAPSED,
	USAGE_CPU_USER,
	USAGE_CPU_SYSTEM,
	USAGE_MINOR_FAULTS,
	USAGE_MAJOR_FAULTS,
	USAGE_READ_CHARS,
	USAGE_WRITTEN_CHARS,
	USAGE_READ,
	USAGE_WRITTEN,
	USAGE_CANCELLED,
	USAGE_RSS,
	USAGE_VIRTUAL,
	USAGE_VOLUNTARY,
	USAGE_INVOLUNTARY,
	/* The delays: how often, and how long; in pairs, in the order in which the kernel has them.
	 */
	USAGE_CPU_WAITS,
	USAGE_CPU_DELAY,
	USAGE_BLOCK_WAITS,
	USAGE_BLOCK_DELAY,
	USAGE_SWAP_WAITS,
	USAGE_SWAP_DELAY,
	USAGE_RECLAIM_WAITS,
	USAGE_RECLAIM_DELAY,
	USAGE_THRASHING_WAITS,
	USAGE_THRASHING_DELAY,
	USAGE_COMPACTION_WAITS,
	USAGE_COMPACTION_DELAY,
	USAGE_COPY_WAITS,
	USAGE_COPY_DELAY,
	USAGE_IRQ_WAITS,
	USAGE_IRQ_DELAY,
};
enum { USAGE_COUNT = USAGE_IRQ_DELAY + 1, USAGE_FIRST_DELAY = USAGE_CPU_WAITS };

enum usage_unit { USAGE_NUMBER, USAGE_BYTES, USAGE_USEC };

struct usage_info {
	const char *column; /* of the tables: "cpu_user_usec" */
	const char *view;   /* of the views: "cpu_user_seconds" */
	enum usage_unit unit;
	bool highest; /* of several the highest counts, not the sum */
};

extern const struct usage_info usage_fields[USAGE_COUNT];

struct usage {
	uint64_t value[USAGE_COUNT];
};

/* Adds MORE to SUM. */
void usage_add(struct usage *sum, const struct usage *more);

/*
 * MEMBERS are the sums of single threads, GROUP what the kernel has counted for all of them
 * together, of fewer things but since the process began: the larger one of each is right.
 */
void usage_join(struct usage *members, const struct usage *group);

/*
 * User and system time are estimated parts of what a task ran, and one of them may have become
 * less: divides it anew, so that neither is less than BEFORE.
 */
void usage_set_cpu(struct usage *usage, const struct usage *before);

#endif
