/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Paths of programs. The record of a task that ended has the device and the inode of its program;
 * which path that is, is learned from tasks that live, from what rbced tells, and by looking where
 * programs are under the task's name. A path is used only while it leads to that very file.
 */
#ifndef STATS_EXITS_PROGRAMS_H
#define STATS_EXITS_PROGRAMS_H

#include <stdint.h>
#include <sys/types.h>

struct programs;

/* PROC is a descriptor of the directory above proc. NULL when out of memory. */
struct programs *programs_new(int proc);
struct programs *programs_free(struct programs *p);

/* The program of a task, of a path. */
void programs_learn_task(struct programs *p, pid_t pid);
void programs_learn(struct programs *p, const char *path);

/* The path of a task's program, borrowed until the next call; "" where it is not known. */
const char *programs_find(struct programs *p, uint64_t device, uint64_t inode, const char *comm,
			  pid_t pid, uint64_t now);

#endif
