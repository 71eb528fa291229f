// SPDX-License-Identifier: GPL-2.0-or-later
/* The handler's thread: waits for what containers, victims and programs tell. See oom.h. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../priority.h"
#include "internal.h"
#include "util.h"

enum { BATCH = 32 };

/* Programs whose container has moved on, or that have none, are ended after so long. */
#define LEFT_TIME UINT64_C(60000000)

enum kind { KIND_COMMAND, KIND_EVENTS, KIND_BELL, KIND_PRESSURE, KIND_VICTIM, KIND_RUN };

/* What an event is of: kind, generation and index. */
static uint64_t tag(enum kind kind, unsigned generation, uint32_t index)
{
	return (uint64_t)kind << 56 | (uint64_t)(generation & 0xffffff) << 32 | index;
}

uint64_t handler_token(const struct oom_slot *slot)
{
	/* Never 0, which is no slot. */
	return tag(KIND_EVENTS, slot->generation, slot->index);
}

static struct oom_slot *slot_of(struct oom *oom, uint64_t token)
{
	uint32_t index = (uint32_t)token;
	struct oom_slot *slot = index < oom->n_slots ? oom->slots[index] : NULL;

	if (!slot || !slot->used || (slot->generation & 0xffffff) != (token >> 32 & 0xffffff))
		return NULL;
	return slot;
}

static int watch(struct oom *oom, int fd, uint32_t events, uint64_t data)
{
	struct epoll_event event = {.events = events, .data.u64 = data};

	if (fd < 0)
		return 0;
	return epoll_ctl(oom->epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

void handler_unwatch(struct oom *oom, int fd)
{
	if (fd >= 0)
		epoll_ctl(oom->epoll, EPOLL_CTL_DEL, fd, NULL);
}

int handler_add(struct oom *oom, struct oom_slot *slot)
{
	unsigned g = slot->generation;
	uint32_t i = slot->index;
	int r = 0;

	/* Control files tell of changes by POLLPRI. */
	if (slot->files.version == 2)
		r = watch(oom, slot->files.events, EPOLLPRI, tag(KIND_EVENTS, g, i));
	if (r == 0)
		r = watch(oom, slot->files.bell, EPOLLIN, tag(KIND_BELL, g, i));
	if (r == 0)
		r = watch(oom, slot->files.pressure, EPOLLPRI, tag(KIND_PRESSURE, g, i));
	return r;
}

void handler_drop(struct oom *oom, struct oom_slot *slot)
{
	if (slot->files.version == 2)
		handler_unwatch(oom, slot->files.events);
	handler_unwatch(oom, slot->files.bell);
	handler_unwatch(oom, slot->files.pressure);
}

int handler_watch_victim(struct oom *oom, struct oom_slot *slot, int fd)
{
	return watch(oom, fd, EPOLLIN, tag(KIND_VICTIM, slot->generation, slot->index));
}

/* The loop has something to log and to tell. */
void handler_tell(struct oom *oom)
{
	eventfd_write(oom->news, 1);
}

void handler_ring(struct oom *oom)
{
	eventfd_write(oom->command, 1);
}

/* ---- events ---- */

/* A group that is gone is told of without end. */
static bool is_gone(const struct oom_slot *slot)
{
	uint64_t limit;

	return files_read(slot->files.max, &limit) < 0;
}

static void on_slot(struct oom *oom, struct oom_slot *slot, enum kind kind, uint32_t events)
{
	eventfd_t value;

	if (kind != KIND_VICTIM && is_gone(slot)) {
		handler_drop(oom, slot);
		slot->until = OOM_UNLIMITED;
		return;
	}
	switch (kind) {
	case KIND_BELL:
		eventfd_read(slot->files.bell, &value);
		policy_on_memory(oom, slot);
		break;
	case KIND_EVENTS:
		policy_on_memory(oom, slot);
		break;
	case KIND_PRESSURE:
		if (events & EPOLLPRI)
			policy_on_pressure(oom, slot);
		break;
	case KIND_VICTIM:
		policy_on_victim(oom, slot);
		break;
	case KIND_RUN:
	case KIND_COMMAND:
		break;
	}
}

static void on_run_ended(struct oom *oom, uint32_t index)
{
	struct oom_run *run = &oom->runs[index];
	struct oom_slot *slot;
	int status = run->state == RUN_RUNS ? run_status(run) : -EAGAIN;

	if (status == -EAGAIN)
		return;
	slot = run->owner ? slot_of(oom, run->owner) : NULL;
	handler_unwatch(oom, run->fd);
	run_free(run);
	if (slot)
		policy_on_run(oom, slot, status);
}

static void on_event(struct oom *oom, const struct epoll_event *event)
{
	enum kind kind = (enum kind)(event->data.u64 >> 56);
	struct oom_slot *slot;
	eventfd_t value;

	if (kind == KIND_COMMAND) {
		eventfd_read(oom->command, &value);
	} else if (kind == KIND_RUN) {
		on_run_ended(oom, (uint32_t)event->data.u64);
	} else {
		slot = slot_of(oom, event->data.u64);
		if (slot)
			on_slot(oom, slot, kind, event->events);
	}
}

/* ---- programs ---- */

/* One that could not even be started is one that has failed. */
static void on_started(struct oom *oom, struct oom_run *run, int r)
{
	struct oom_slot *slot = run->owner ? slot_of(oom, run->owner) : NULL;
	uint32_t index = (uint32_t)(run - oom->runs);

	if (r == 0)
		r = watch(oom, run->fd, EPOLLIN, tag(KIND_RUN, 0, index));
	if (r == 0) {
		if (!slot)
			run->until = monotonic_usec() + LEFT_TIME;
		return;
	}
	run_free(run);
	if (slot)
		policy_on_run(oom, slot, r);
	/* That may have made another one, which is to be started too. */
	handler_ring(oom);
}

/*
 * Without the lock: until the program is executed the thread stands still, and the gate, which lets
 * it be executed, may wait for the lock just then.
 */
static void start_runs(struct oom *oom)
{
	for (size_t i = 0; i < OOM_RUNS; i++) {
		int r;

		if (oom->runs[i].state != RUN_WAITS)
			continue;
		pthread_mutex_unlock(&oom->lock);
		r = run_start(oom, &oom->runs[i]);
		pthread_mutex_lock(&oom->lock);
		on_started(oom, &oom->runs[i], r);
	}
}

static void end_left_runs(struct oom *oom, uint64_t now)
{
	for (size_t i = 0; i < OOM_RUNS; i++) {
		struct oom_run *run = &oom->runs[i];

		if (run->state != RUN_RUNS || run->owner)
			continue;
		if (run->until == OOM_UNLIMITED)
			run->until = now + LEFT_TIME;
		if (run->until > now)
			continue;
		kill(-run->pid, SIGKILL);
		run->until = now + LEFT_TIME;
	}
}

/* ---- the thread ---- */

static void do_what_is_due(struct oom *oom)
{
	uint64_t now = monotonic_usec();

	for (size_t i = 0; i < oom->n_slots; i++) {
		struct oom_slot *slot = oom->slots[i];

		if (slot->used && slot->answer != ANSWER_NONE)
			policy_on_answer(oom, slot);
		if (slot->used && slot->until <= now)
			policy_on_time(oom, slot);
	}
	end_left_runs(oom, now);
	start_runs(oom);
}

/* Milliseconds until something is due, rounded up; -1 for never. */
static int time_left(const struct oom *oom)
{
	uint64_t first = OOM_UNLIMITED, now = monotonic_usec(), left;

	for (size_t i = 0; i < oom->n_slots; i++)
		if (oom->slots[i]->used && oom->slots[i]->until < first)
			first = oom->slots[i]->until;
	for (size_t i = 0; i < OOM_RUNS; i++)
		if (oom->runs[i].state == RUN_RUNS && !oom->runs[i].owner &&
		    oom->runs[i].until < first)
			first = oom->runs[i].until;
	if (first == OOM_UNLIMITED)
		return -1;
	left = first > now ? (first - now + 999) / 1000 : 0;
	return left < 3600000 ? (int)left : 3600000;
}

static void *run(void *data)
{
	struct oom *oom = data;
	struct epoll_event events[BATCH];

	pthread_setname_np(pthread_self(), "rbced-oom");
	priority_raise();
	pthread_mutex_lock(&oom->lock);
	while (!oom->closing) {
		int left = time_left(oom), n;

		pthread_mutex_unlock(&oom->lock);
		n = epoll_wait(oom->epoll, events, BATCH, left);
		pthread_mutex_lock(&oom->lock);
		for (int i = 0; i < n && !oom->closing; i++)
			on_event(oom, &events[i]);
		if (!oom->closing)
			do_what_is_due(oom);
	}
	pthread_mutex_unlock(&oom->lock);
	return NULL;
}

int handler_start(struct oom *oom)
{
	pthread_attr_t attributes;
	int r;

	r = watch(oom, oom->command, EPOLLIN, tag(KIND_COMMAND, 0, 0));
	if (r < 0)
		return r;
	r = pthread_attr_init(&attributes);
	if (r != 0)
		return -r;
	/* On a stack that is there already, down to its end. */
	r = pthread_attr_setstack(&attributes, oom->stack, OOM_STACK);
	if (r == 0)
		r = pthread_create(&oom->thread, &attributes, run, oom);
	pthread_attr_destroy(&attributes);
	oom->runs_thread = r == 0;
	return -r;
}

void handler_stop(struct oom *oom)
{
	if (!oom->runs_thread)
		return;
	pthread_mutex_lock(&oom->lock);
	oom->closing = true;
	pthread_mutex_unlock(&oom->lock);
	handler_ring(oom);
	pthread_join(oom->thread, NULL);
	oom->runs_thread = false;
}
