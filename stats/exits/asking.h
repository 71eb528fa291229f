/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Questions to TASKSTATS: about a task that runs, and about the states of a group's tasks
 * (linux/cgroupstats.h). One question, one answer, through a socket of its own.
 */
#ifndef STATS_EXITS_ASKING_H
#define STATS_EXITS_ASKING_H

#include <rbce/error.h>
#include <sys/types.h>

#include "taskstats.h"

struct asking;

/* -EOPNOTSUPP where there is no taskstats. Release with asking_close(), which takes NULL. */
int asking_open(struct asking **ret, struct rbce_error *err);
struct asking *asking_close(struct asking *a);

/*
 * The record of one thread (name, user, program, its own use), and that of a whole process, which
 * has its use alone: CPU, delays, switches. -ESRCH when it is gone, -EPERM without CAP_NET_ADMIN.
 */
int asking_task(struct asking *a, pid_t pid, struct task_record *ret);
int asking_process(struct asking *a, pid_t pid, struct usage *ret);

/*
 * How many tasks of the group whose directory is open at FD are in which state. -EINVAL for a group
 * of v2, unless the kernel has our patch.
 */
int asking_group(struct asking *a, int fd, uint64_t ret[TASK_STATES]);

#endif
