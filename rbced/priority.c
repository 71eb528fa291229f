// SPDX-License-Identifier: GPL-2.0-or-later
/* See priority.h. */
#include "priority.h"

#include <linux/sched.h>
#include <linux/sched/types.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { NICE = -20, SLICE_NSEC = 100000 };

void priority_raise(void)
{
	struct sched_attr attr = {
		.size = sizeof(attr),
		.sched_policy = SCHED_NORMAL,
		.sched_flags = SCHED_FLAG_RESET_ON_FORK,
		.sched_nice = NICE,
		.sched_runtime = SLICE_NSEC,
	};

	syscall(SYS_sched_setattr, 0, &attr, 0);
}
