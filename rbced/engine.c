// SPDX-License-Identifier: GPL-2.0-or-later
/* The lock, events, losses and full scans; see engine.h. */
#include "engine.h"

#include <core/cli/log.h>

#include "record.h"
#include "util.h"

/* The kernel hands a lock with priority inheritance to a waiter, and not to who comes by. */
int engine_lock_open(struct engine *engine)
{
	pthread_mutexattr_t attributes;
	int r = pthread_mutexattr_init(&attributes);

	if (r == 0)
		r = pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT);
	if (r == 0)
		r = pthread_mutex_init(&engine->lock, &attributes);
	return -r;
}

void engine_lock(struct engine *engine)
{
	pthread_mutex_lock(&engine->lock);
}

int engine_lock_until(struct engine *engine, uint64_t until)
{
	const struct timespec when = {
		.tv_sec = (time_t)(until / 1000000),
		.tv_nsec = (long)(until % 1000000 * 1000),
	};

	return -pthread_mutex_clocklock(&engine->lock, CLOCK_MONOTONIC, &when);
}

void engine_unlock(struct engine *engine)
{
	pthread_mutex_unlock(&engine->lock);
}

uint64_t engine_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/*
 * A child stands where its parent stood when it was forked. Was that where the parent belongs? No
 * PARENT: it began elsewhere.
 */
static bool stands_like_parent(const struct engine *engine, pid_t parent, uint64_t when)
{
	const struct record *above = records_find_pid(engine->records, parent);

	return parent && !engine->forks_matter && when > engine->looked_at &&
	       (!above || above->moved_at < when);
}

void engine_event(struct engine *engine, enum cause cause, pid_t pid, pid_t parent, uint64_t when)
{
	engine->counters.events[cause]++;
	if (cause == CAUSE_EXIT) {
		records_drop(engine->records, pid);
		return;
	}
	if (cause == CAUSE_FORK && (records_inherit(engine->records, engine->root, parent, pid) ||
				    stands_like_parent(engine, parent, when)))
		return;
	/* A full scan will come by here anyway. */
	if (engine->rescan)
		return;
	if (cause == CAUSE_EXEC && engine_is_expected(engine, pid, when))
		return;
	engine_classify(engine, pid, cause);
}

void engine_lost(struct engine *engine, uint64_t n)
{
	engine->counters.lost += n;
	engine->counters.losses++;
	engine->rescan = true;
}

void engine_scan(struct engine *engine, enum cause cause)
{
	cleanup_free pid_t *pids = NULL;
	struct rbce_error err;
	size_t n;

	/* Before the look, so that a loss during it is followed by another one. */
	engine->rescan = false;
	engine->looked_at = UINT64_MAX;
	if (rbce_task_list(engine->root, &pids, &n, &err) < 0) {
		log_error("%s", err.message);
		return;
	}
	records_prune(engine->records, pids, n);
	for (size_t i = 0; i < n; i++)
		engine_classify(engine, pids[i], cause);
	engine->looked_at = engine_now();
}
