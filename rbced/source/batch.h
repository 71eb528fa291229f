/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Events that came together: which of them need a look at their task, and how many are missing
 * between them.
 */
#ifndef RBCED_SOURCE_BATCH_H
#define RBCED_SOURCE_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../engine.h"

enum { BATCH_EVENTS = 512 };

struct event {
	enum cause cause;
	pid_t pid;
	pid_t parent;  /* of CAUSE_FORK */
	uint64_t when; /* monotonic_usec() */
	bool overtaken;
};

/*
 * Marks those that a later event of the same task, or its end, came after: a look at the task then
 * sees what became of it. N is at most BATCH_EVENTS.
 */
void batch_overtake(struct event *events, size_t n);

/* Each processor numbers its events: what is missing was lost. */
struct sequence {
	struct {
		uint32_t next;
		bool known; /* false before its first event */
	} * cpus;
	size_t n;
};

/* How many events of that processor are missing before the one with this number. */
uint64_t sequence_gap(struct sequence *sequence, uint32_t cpu, uint32_t number);
void sequence_done(struct sequence *sequence);

#endif
