// SPDX-License-Identifier: GPL-2.0-or-later
/* Events that came together; see batch.h. */
#include "batch.h"

#include <stdlib.h>
#include <string.h>

enum { SLOTS = 2 * BATCH_EVENTS, CPUS_MAX = 1 << 16 };

struct slot {
	pid_t pid; /* 0: free */
	bool later;
};

/* Never full: there are twice as many as events. SIZE is a power of two. */
static struct slot *slot_of(struct slot *slots, size_t size, pid_t pid)
{
	size_t i = (size_t)pid & (size - 1);

	while (slots[i].pid && slots[i].pid != pid)
		i = (i + 1) & (size - 1);
	slots[i].pid = pid;
	return &slots[i];
}

void batch_overtake(struct event *events, size_t n)
{
	struct slot slots[SLOTS];
	size_t size = 2;

	while (size < 2 * n)
		size *= 2;
	memset(slots, 0, size * sizeof(*slots));
	for (size_t i = n; i-- > 0;) {
		struct slot *slot = slot_of(slots, size, events[i].pid);

		events[i].overtaken = slot->later && events[i].cause != CAUSE_EXIT;
		/* What has that pid before the fork is another task. */
		slot->later = events[i].cause != CAUSE_FORK;
	}
}

static bool make_room(struct sequence *sequence, size_t n)
{
	void *more;

	if (n <= sequence->n)
		return true;
	more = n <= CPUS_MAX ? reallocarray(sequence->cpus, n, sizeof(*sequence->cpus)) : NULL;
	if (!more)
		return false;
	sequence->cpus = more;
	memset(sequence->cpus + sequence->n, 0, (n - sequence->n) * sizeof(*sequence->cpus));
	sequence->n = n;
	return true;
}

uint64_t sequence_gap(struct sequence *sequence, uint32_t cpu, uint32_t number)
{
	uint32_t gap;

	if (!make_room(sequence, (size_t)cpu + 1))
		return 0;
	/* Numbers begin again at 0 behind the last. */
	gap = sequence->cpus[cpu].known ? number - sequence->cpus[cpu].next : 0;
	sequence->cpus[cpu].known = true;
	/* One that runs backwards is no loss. */
	if (gap > UINT32_MAX / 2)
		return 0;
	sequence->cpus[cpu].next = number + 1;
	return gap;
}

void sequence_done(struct sequence *sequence)
{
	free(sequence->cpus);
	*sequence = (struct sequence){0};
}
