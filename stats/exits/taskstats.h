/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel's records of tasks (linux/taskstats.h, Documentation/accounting/taskstats.rst): one
 * message of TASKSTATS into numbers. A pure function of the message.
 *
 * Read are versions 13 (Linux 5.19) and later. Fields are only ever added at the end, but for
 * version 15 (Linux 6.14, 6.15), which has a highest and a lowest delay behind each sum; version 16
 * has them at the end.
 */
#ifndef STATS_EXITS_TASKSTATS_H
#define STATS_EXITS_TASKSTATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "usage.h"

enum { TASK_COMM_SIZE = 32, TASKSTATS_OLDEST = 13 };

/* USAGE has neither exits nor threads yet: what it is a record of, the reader knows. */
struct task_record {
	unsigned version;
	pid_t pid;  /* of the thread, as the initial pid namespace has it */
	pid_t tgid; /* of its process */
	pid_t parent;
	uint32_t uid;
	bool last;         /* of its process */
	bool failed;       /* it ended with another status than 0 */
	bool killed;       /* by a signal */
	uint64_t lifetime; /* of the process, microseconds */
	uint64_t begin;    /* seconds since 1970, one more or less */
	uint64_t exe_device;
	uint64_t exe_inode;
	char comm[TASK_COMM_SIZE];
	struct usage usage;
};

/* What a message holds: the record of a thread or of a process that lives, of a group that ended.
 */
struct task_message {
	uint32_t sequence;
	bool has_task, has_group;
	struct task_record task;
	struct task_record group; /* its usage, no more */
};

/*
 * Reads the netlink message in MESSAGE, which must be aligned as such. -EBADMSG for one that is cut
 * off or nonsense, -EPROTONOSUPPORT for a record of a version that is too old.
 */
int taskstats_read(const void *message, size_t size, struct task_message *ret);

/* The answer about a group (linux/cgroupstats.h): how many of its tasks are in which state.
 * -EBADMSG. */
enum task_state { TASK_SLEEPING, TASK_RUNNING, TASK_STOPPED, TASK_UNINTERRUPTIBLE, TASK_IO_WAIT };
enum { TASK_STATES = TASK_IO_WAIT + 1 };
int taskstats_read_states(const void *message, size_t size, uint64_t ret[TASK_STATES]);

/* The record itself, SIZE bytes of struct taskstats at DATA, of any alignment. */
int taskstats_decode(const void *data, size_t size, struct task_record *ret);

#endif
