/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What tasks use that still run: CPU, delays and switches, by what they have grown since the last
 * look. What was told of a process while it ran is taken off its record when it ends, so that both
 * together are what it used.
 */
#ifndef STATS_EXITS_RUNNING_H
#define STATS_EXITS_RUNNING_H

#include <stdbool.h>

#include "asking.h"

struct running;

/* Release with running_close(), which takes NULL and returns NULL. NOW: microseconds, monotonic. */
int running_open(uint64_t now, struct running **ret, struct rbce_error *err);
struct running *running_close(struct running *r);

/* A round of looks: forgets processes that were not there in the last few. */
void running_begin(struct running *r, uint64_t now);

/*
 * Looks at the process PID. True when it has used anything since: then *RET is its record with that
 * use alone.
 */
bool running_look(struct running *r, pid_t pid, struct task_record *ret);

/* PID has ended: takes off USAGE what was told. */
void running_ended(struct running *r, pid_t pid, struct usage *usage);

#endif
