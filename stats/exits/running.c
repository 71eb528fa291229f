// SPDX-License-Identifier: GPL-2.0-or-later
/* What tasks use that still run; see running.h. */
#include "running.h"

#include <errno.h>
#include <uthash.h>

#include "util.h"

/* Looks after which a process's name and program are asked for again, and rounds it may be away. */
enum { RENEW = 16, AWAY = 8 };

/* What the kernel tells of a whole process that runs. */
static const enum usage_field told[] = {
	USAGE_CPU_USER,         USAGE_CPU_SYSTEM,      USAGE_VOLUNTARY,
	USAGE_INVOLUNTARY,      USAGE_CPU_WAITS,       USAGE_CPU_DELAY,
	USAGE_BLOCK_WAITS,      USAGE_BLOCK_DELAY,     USAGE_SWAP_WAITS,
	USAGE_SWAP_DELAY,       USAGE_RECLAIM_WAITS,   USAGE_RECLAIM_DELAY,
	USAGE_THRASHING_WAITS,  USAGE_THRASHING_DELAY, USAGE_COMPACTION_WAITS,
	USAGE_COMPACTION_DELAY, USAGE_COPY_WAITS,      USAGE_COPY_DELAY,
	USAGE_IRQ_WAITS,        USAGE_IRQ_DELAY,
};

struct process {
	pid_t pid;
	uint64_t round;
	unsigned looks;
	struct task_record record; /* its usage: as it was when last told */
	UT_hash_handle hh;
};

struct running {
	struct asking *asking;
	uint64_t began, now, round;
	struct process *processes;
};

int running_open(uint64_t now, struct running **ret, struct rbce_error *err)
{
	struct running *r = calloc(1, sizeof(*r));
	int result = -ENOMEM;

	if (r) {
		r->began = now;
		result = asking_open(&r->asking, err);
	} else {
		rbce_error_errno(err, result, "cannot ask for tasks");
	}
	if (result < 0) {
		free(r);
		return result;
	}
	*ret = r;
	return 0;
}

static void forget(struct running *r, struct process *process)
{
	HASH_DEL(r->processes, process);
	free(process);
}

struct running *running_close(struct running *r)
{
	struct process *process, *next;

	if (!r)
		return NULL;
	HASH_ITER (hh, r->processes, process, next)
		forget(r, process);
	asking_close(r->asking);
	free(r);
	return NULL;
}

void running_begin(struct running *r, uint64_t now)
{
	struct process *process, *next;

	r->now = now;
	r->round++;
	HASH_ITER (hh, r->processes, process, next)
		if (r->round - process->round > AWAY)
			forget(r, process);
}

/*
 * Name, user and program anew; what was told of it stays. A process that is older than the recorder
 * had used something before, which NOW is.
 */
static int renew(struct running *r, struct process *process, const struct usage *now)
{
	struct usage before = process->record.usage;
	int result = asking_task(r->asking, process->pid, &process->record);

	process->record.usage = before;
	if (result == 0 && process->looks == 0 && process->record.lifetime > r->now - r->began)
		process->record.usage = *now;
	return result;
}

/* Another process has the pid: of one and the same nothing ever becomes less. */
static bool is_another(const struct usage *now, const struct usage *before)
{
	return now->value[USAGE_CPU_WAITS] < before->value[USAGE_CPU_WAITS] ||
	       now->value[USAGE_CPU_USER] + now->value[USAGE_CPU_SYSTEM] + 1000 <
		       before->value[USAGE_CPU_USER] + before->value[USAGE_CPU_SYSTEM];
}

static struct process *find(struct running *r, pid_t pid, const struct usage *now)
{
	struct process *process;

	HASH_FIND_INT(r->processes, &pid, process);
	if (process && is_another(now, &process->record.usage)) {
		forget(r, process);
		process = NULL;
	}
	if (!process) {
		process = calloc(1, sizeof(*process));
		if (!process)
			return NULL;
		process->pid = pid;
		HASH_ADD_INT(r->processes, pid, process);
	}
	return process;
}

bool running_look(struct running *r, pid_t pid, struct task_record *ret)
{
	struct process *process;
	struct usage now;
	bool any = false;

	/* Of one that has ended and is still there nothing is told. */
	if (asking_process(r->asking, pid, &now) < 0 || !now.value[USAGE_ELAPSED])
		return false;
	process = find(r, pid, &now);
	if (!process)
		return false;
	process->round = r->round;
	if (process->looks % RENEW == 0 && renew(r, process, &now) < 0) {
		if (process->looks == 0)
			forget(r, process);
		return false;
	}
	process->looks++;
	*ret = process->record;
	ret->pid = pid;
	ret->usage = (struct usage){.value = {0}};
	usage_set_cpu(&now, &process->record.usage);
	for (size_t i = 0; i < ARRAY_SIZE(told); i++) {
		uint64_t *before = &process->record.usage.value[told[i]];

		if (now.value[told[i]] <= *before)
			continue;
		ret->usage.value[told[i]] = now.value[told[i]] - *before;
		*before = now.value[told[i]];
		any = true;
	}
	return any;
}

void running_ended(struct running *r, pid_t pid, struct usage *usage)
{
	struct process *process;

	HASH_FIND_INT(r->processes, &pid, process);
	if (!process)
		return;
	usage_set_cpu(usage, &process->record.usage);
	for (size_t i = 0; i < ARRAY_SIZE(told); i++) {
		uint64_t before = process->record.usage.value[told[i]];
		uint64_t *value = &usage->value[told[i]];

		*value = *value > before ? *value - before : 0;
	}
	forget(r, process);
}
