// SPDX-License-Identifier: GPL-2.0-or-later
/* The lock, events, losses and full scans; see engine.h. */
#include "engine.h"

#include <core/cli/log.h>
#include <inttypes.h>

#include "put.h"
#include "record.h"
#include "source/source.h"
#include "stream.h"
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

/* What its parent was found to be right in is where the child began. */
static void expect_with_parent(struct engine *engine, pid_t pid, pid_t parent, uint64_t when)
{
	const struct record *above = records_find_pid(engine->records, parent);

	if (above && above->place && above->hold == HOLD_NONE && above->moved_at < when)
		records_expect_in(engine->records, pid, when, above->place);
}

/* Counts, and keeps the records. True when the task is to be looked at. */
static bool note_event(struct engine *engine, enum cause cause, pid_t pid, pid_t parent,
		       uint64_t when)
{
	engine->counters.events[cause]++;
	switch (cause) {
	case CAUSE_EXIT:
		records_drop(engine->records, pid);
		return false;
	case CAUSE_FORK:
		records_begin(engine->records, engine->root, pid, when);
		if (records_inherit(engine->records, engine->root, parent, pid))
			return false;
		if (when > engine->looked_at && !source_learns(engine))
			expect_with_parent(engine, pid, parent, when);
		return !stands_like_parent(engine, parent, when);
	default:
		return true;
	}
}

void engine_event(struct engine *engine, enum cause cause, pid_t pid, pid_t parent, uint64_t when)
{
	/* A full scan will come by here anyway. */
	if (!note_event(engine, cause, pid, parent, when) || engine->rescan)
		return;
	if (cause == CAUSE_EXEC && engine_is_expected(engine, pid, when))
		return;
	engine_look(engine, pid, cause, when);
}

void engine_event_overtaken(struct engine *engine, enum cause cause, pid_t pid, pid_t parent,
			    uint64_t when)
{
	note_event(engine, cause, pid, parent, when);
	/* What the gate expected may have come with it. */
	if (cause == CAUSE_EXEC)
		engine_is_expected(engine, pid, when);
}

/* What waited meanwhile comes after the look, so that what it missed is seen then. */
static int on_repair(sd_event_source *source, void *data)
{
	struct engine *engine = data;

	(void)source;
	if (!engine->rescan)
		return 0;
	engine->counters.resyncs++;
	log_warning("events were lost (%" PRIu64 " so far): looking at every task again",
		    engine->counters.lost);
	engine_scan(engine, CAUSE_SCAN);
	return 0;
}

int engine_add_repair(struct engine *engine)
{
	int r = sd_event_add_defer(engine->loop, &engine->repair, on_repair, engine);

	return r < 0 ? r : sd_event_source_set_enabled(engine->repair, SD_EVENT_OFF);
}

static void tell_loss(struct engine *engine, uint64_t n)
{
	struct json_object *fields;

	if (!stream_is_heard(engine))
		return;
	fields = json_object_new_object();
	put_number(fields, "lost", n);
	put_number(fields, "total", engine->counters.lost);
	stream_tell(engine, "loss", fields);
}

void engine_lost(struct engine *engine, uint64_t n)
{
	engine->counters.lost += n;
	engine->counters.losses++;
	engine->rescan = true;
	tell_loss(engine, n);
	sd_event_source_set_enabled(engine->repair, SD_EVENT_ONESHOT);
}

static void tell_look(struct engine *engine, enum cause cause, size_t tasks, uint64_t took)
{
	struct json_object *fields;

	if (!stream_is_heard(engine))
		return;
	fields = json_object_new_object();
	put_string(fields, "cause", cause_name(cause));
	put_number(fields, "tasks", tasks);
	put_number(fields, "took_us", took);
	stream_tell(engine, "look", fields);
}

void engine_scan(struct engine *engine, enum cause cause)
{
	cleanup_free pid_t *pids = NULL;
	uint64_t begin = monotonic_usec();
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
	engine->looked_at = monotonic_usec();
	tell_look(engine, cause, n, engine->looked_at - begin);
}
